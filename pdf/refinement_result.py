"""What a refinement against G(r) gives: curves, parameters with errors, what must be said."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from xorder.fitting import FitResult, Parameters
from xorder.pdf.correlated_errors import influence, linear_at, noise_of, with_errors
from xorder.pdf.fractions import PhaseFractions, fractions_from_scales
from xorder.pdf.noise import NoiseSpectrum
from xorder.pdf.objective import PdfObjective, measured_between
from xorder.pdf.options import RefinementOptions
from xorder.pdf.pattern import PairDistribution
from xorder.pdf.phases import PhaseModel
from xorder.pdf.termination import Grid
from xorder.results import Array, Result, quantity
from xorder.scattering import atomic_mass
from xorder.structure import Crystal
from xorder.threads import one_thread

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

    from xorder.pdf.correlated_errors import GrObjective

__all__ = [
    "PdfFit",
    "determined",
    "fit_messages",
    "fit_result",
    "fractions_with",
    "phase_fractions",
    "scale_covariance",
    "with_correlated_errors",
]

MISFIT = (
    "the residual follows the model, so it is more than noise: standard errors count it as if it "
    "were noise"
)


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class PdfFit(Result):
    """A refinement against G(r). Falsy where it failed."""

    name: str = ""
    """Name of the sample."""
    phases: tuple[str, ...] = ()
    """Names of the phases."""
    r: Array = quantity("Å", dims=("r",))
    """Distances of the data in the refined range, shape (N,)."""
    gr: Array = quantity("Å⁻²", symbol="G(r)", dims=("r",))
    """Measured G(r)."""
    model: Array = quantity("Å⁻²", symbol="G(r), calculated", dims=("r",))
    """Calculated G(r); NaN where the refinement failed."""
    difference: Array = quantity("Å⁻²", symbol="difference", dims=("r",))
    """Measured minus calculated."""
    contributions: Array = quantity("Å⁻²", dims=("phase", "r"), repr=False)
    """What each phase contributes, shape (phases, N)."""
    r_w: float = quantity(symbol="Rw", default=math.nan)
    """Weighted residual on the points of the data, √(Σw(obs-calc)²/Σw obs²)."""
    q_max: float = quantity("Å⁻¹", symbol="Qmax", default=math.nan)
    """Upper end of Q of the model."""
    n_independent: float = math.nan
    """Independent points, Qmax Δr/π."""
    fit: FitResult | None = None
    """The fit in full: covariance, correlations, flags."""
    fractions: PhaseFractions | None = None
    """Mass and atom fractions, where there are several phases."""
    crystals: Mapping[str, Crystal] = field(default_factory=dict, repr=False)
    """The refined structures."""
    sample: Mapping[str, float] = field(default_factory=dict, repr=False)
    """Amounts of the elements that make ⟨f(Q)⟩; empty for constant weights."""
    held: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Parameters that the refinement held by itself, and why."""
    radiation: str = "xray"
    """Radiation."""
    simulated: bool = False
    """True where the data are simulated."""
    noise: NoiseSpectrum | None = field(default=None, repr=False)
    """Noise that the standard errors count; its `source` says whether it is that of counting, that
    of the residual, or what the model misses. None where the refinement failed."""
    options: RefinementOptions = field(default_factory=RefinementOptions, repr=False)
    """What was refined and how."""
    messages: tuple[str, ...] = ()
    """What a reader must know."""

    def __bool__(self) -> bool:
        return self.success

    @property
    def success(self) -> bool:
        """Whether a minimum was reached."""
        return self.fit is not None and self.fit.success

    @property
    def parameters(self) -> Parameters:
        """Parameters with values and standard errors."""
        return Parameters() if self.fit is None else self.fit.parameters

    def plot(self, ax: Axes | None = None, **artist_kwargs: Any) -> list[Artist]:
        """Draw measured, calculated and difference on Matplotlib axes; return the artists."""
        from xorder.pdf.plots import plot_fit

        return plot_fit(self, ax, **artist_kwargs)


def with_correlated_errors(
    objectives: Sequence[GrObjective], found: FitResult
) -> tuple[FitResult, list[NoiseSpectrum | None]]:
    """Return a fit with standard errors that count correlated noise, and the noise of each set."""
    names = determined(found)
    if not found.success or not names:
        return found, [None] * len(objectives)
    with one_thread():
        several = [linear_at(o, found.parameters, names) for o in objectives]
        noises = [noise_of(one) for one in several]
        waves = influence(several, noises)
    return with_errors(found, names, waves @ waves.T), list(noises)


def determined(found: FitResult) -> list[str]:
    """Return the names of the varying parameters that the fit determined."""
    known = np.isfinite(np.diag(found.covar)) if found.covar.size else np.zeros(0, dtype=bool)
    return [name for name, good in zip(found.var_names, known, strict=True) if good]


def fit_result(
    measured: PairDistribution,
    objective: PdfObjective,
    found: FitResult,
    noise: NoiseSpectrum | None,
) -> PdfFit:
    """Return a finished fit with its curves on the points of the data."""
    r, gr, stderr = measured_between(measured, objective.r_range)
    names = tuple(objective.phases)
    grid = Grid.of(
        float(r[0]), float((r[-1] - r[0]) / (len(r) - 1)), len(r),
        q_max=objective.q_max, convention=objective.options.convention,
    )  # fmt: skip
    values = found.parameters.valuesdict()
    if found.success:
        parts = np.stack([objective.phase_gr(name, values, grid) for name in names])
    else:
        parts = np.full((len(names), len(r)), math.nan)
    model = parts.sum(axis=0)
    weight = stderr**-2.0 if objective.options.weights == "stderr" else np.ones_like(r)
    r_w = math.sqrt(float(np.sum(weight * (gr - model) ** 2) / np.sum(weight * gr**2)))
    return PdfFit(
        name=measured.name,
        phases=names,
        r=r,
        gr=gr,
        model=model,
        difference=gr - model,
        contributions=parts,
        r_w=r_w,
        q_max=objective.q_max,
        n_independent=objective.n_independent,
        fit=found,
        fractions=phase_fractions(objective, found, noise) if len(names) > 1 else None,
        crystals={
            name: phase.crystal_at(objective.local_values(name, values))
            for name, phase in objective.phases.items()
        },
        sample=objective.sample or {},
        held=objective.held,
        radiation=objective.options.radiation or measured.radiation,
        simulated=measured.simulated,
        noise=noise,
        options=objective.options,
        messages=fit_messages(objective, found, r_w)
        + _beyond(measured, objective.q_max)
        + ((MISFIT,) if noise is not None and noise.source == "model" else ()),
    )


def _beyond(measured: PairDistribution, q_max: float) -> tuple[str, ...]:
    if not q_max > 1.01 * measured.q_max:
        return ()
    return (
        f"q_max is {q_max:g} Å⁻¹, but the data were cut at {measured.q_max:g} Å⁻¹: the model has "
        "sharper peaks than the data can have",
    )


def phase_fractions(
    objective: PdfObjective, found: FitResult, noise: NoiseSpectrum | None
) -> PhaseFractions | None:
    """Return the fractions of the phases of a fit; None where the scales are all zero."""
    covariance = scale_covariance(objective, found, noise)
    return fractions_with(objective, found, covariance)


def fractions_with(
    objective: PdfObjective, found: FitResult, covariance: Array
) -> PhaseFractions | None:
    """Return the fractions of the phases, given the covariance of the scales."""
    names = [objective.global_name(phase, "scale") for phase in objective.phases]
    scales = np.array([found.parameters[name].value for name in names])
    if not found.success or not scales.sum() > 0:
        return None
    result = fractions_from_scales(
        scales,
        covariance,
        mean_weights=[model.mean for model in objective.phases.values()],
        mean_masses=[mean_mass(model) for model in objective.phases.values()],
        phases=tuple(objective.phases),
    )
    return replace(result, provenance=None)


def scale_covariance(
    objective: PdfObjective, found: FitResult, noise: NoiseSpectrum | None
) -> Array:
    """Return the covariance of the scales, shape (phases, phases).

    A scale that stopped at zero has none in the fit; then it is that of the scales alone, the rest
    held, so that an absent phase is "0 ± something".
    """
    names = [objective.global_name(phase, "scale") for phase in objective.phases]
    varying = [i for i, name in enumerate(names) if name in found.var_names]
    place = [found.var_names.index(names[i]) for i in varying]
    covariance = np.zeros((len(names), len(names)))
    part: Array = found.covar[np.ix_(place, place)]
    if not np.isfinite(part).all():
        alone = linear_at(objective, found.parameters, [names[i] for i in varying])
        waves = influence([alone], [noise_of(alone) if noise is None else noise])
        part = waves @ waves.T
    covariance[np.ix_(varying, varying)] = part
    return covariance


def mean_mass(model: PhaseModel) -> float:
    """Return the mean atomic mass of a phase in g/mol."""
    masses = np.array([atomic_mass(element) for element in model.atoms.elements.tolist()])
    occupancy = model.atoms.occupancy
    return float(np.sum(masses * occupancy) / np.sum(occupancy))


def fit_messages(objective: PdfObjective, found: FitResult, r_w: float) -> tuple[str, ...]:
    """Return what a reader must know of a finished fit."""
    messages = [] if found.success else [f"the refinement failed: {found.message}"]
    messages += found.flags
    if found.success and r_w > 0.3:
        messages.append(
            f"Rw is {r_w:.2f}: the model does not describe the data, and its numbers mean little"
        )
    if found.nvarys > objective.n_independent / 3:
        messages.append(
            f"{found.nvarys} variables for {objective.n_independent:.0f} independent points is "
            "more than one in three"
        )
    several = len({e for model in objective.phases.values() for e in model.elements}) > 1
    if objective.constant_xray_weights and several and len(objective.phases) > 1:
        messages.append(
            "X-ray weights were constant in Q, which biases mass fractions by several per cent; "
            "form_factors = 'exact' does not"
        )
    if objective.contradiction:
        messages.append(objective.contradiction)
    if objective.held:
        messages.append(
            f"there is too little of the phase to tell {', '.join(objective.held)}: held"
        )
    for phase, model in objective.phases.items():
        unknown = [e for e, u in model.known_uiso().items() if not math.isfinite(u)]
        if unknown and phase not in objective.options.amorphous:
            fate = "start at" if objective.options.refine_uiso else "were held at"
            messages.append(
                f"{phase}: the structure gives no displacement of {', '.join(unknown)}; "
                f"they {fate} {objective.options.uiso:g} Å²"
            )
        if model.displacements is None and np.isfinite(model.atoms.u).all():
            anisotropic = model.atoms.u - np.einsum(
                "n,ij->nij", np.trace(model.atoms.u, axis1=1, axis2=2) / 3, np.eye(3)
            )
            if np.abs(anisotropic).max() > 1e-6:
                messages.append(f"{phase}: anisotropic displacements were made isotropic")
    return tuple(messages)
