"""Refinement of crystal structures against a measured G(r)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from xorder.errors import BadInput
from xorder.fitting import FitResult, Parameter, Parameters, fit
from xorder.pdf.displacements import LABELS
from xorder.pdf.form_weights import elements_of_formula
from xorder.pdf.objective import SMALL, TOO_LITTLE, PdfObjective
from xorder.pdf.options import RefinementOptions
from xorder.pdf.pattern import PairDistribution
from xorder.pdf.phases import PhaseModel
from xorder.pdf.refinement_result import PdfFit, fit_result, with_correlated_errors
from xorder.results import recorded
from xorder.structure import Crystal, composition

if TYPE_CHECKING:
    pass

__all__ = ["PdfFit", "refine"]

#: Relative change of χ² below which a refinement has arrived: a hundredth of a standard error.
TOLERANCE = 1e-6


#: What each stage of a refinement adds; then everything.
STAGES = (
    ("scale*",),
    ("a", "b", "c", "alpha", "beta", "gamma", "a_*", "b_*", "c_*", "alpha_*", "beta_*", "gamma_*"),
    ("uiso*", "u??_*", "delta*"),
)


@recorded
def refine(
    measured: PairDistribution,
    crystals: Crystal | Sequence[Crystal] | Mapping[str, Crystal],
    *,
    r_range: tuple[float, float] | None = None,
    options: RefinementOptions | None = None,
    parameters: Parameters | None = None,
) -> PdfFit:
    """Refine one or several phases against a measured G(r).

    Bounded least squares in stages (scales; cell; displacements and correlated motion; everything),
    with analytic derivatives. The default points of the fit lie π/Qmax apart and hold all of the
    data (Farrow et al., Phys. Rev. B 84, 134105, 2011); all points weigh alike, because the
    standard errors of common reductions are neither independent nor complete. Standard errors of
    the parameters count how the noise of neighbouring points correlates (see
    `xorder.pdf.correlated_errors`). `r_w` always counts every point of the data.

    Parameters
    ----------
    measured
        G(r) with a known Qmax.
    crystals
        The phases; names from the mapping, or else the structures' own.
    r_range
        Lowest and highest r in Å; the data from 1.7 Å on where None.
    options
        What is free, start values, weights, grid.
    parameters
        Start values, bounds and constraints that replace those of the same names.

    Returns
    -------
    :
        The fit; falsy, with a message, where no minimum was reached.

    Raises
    ------
    BadInput
        Where Qmax is unknown, the range lies outside the data, there is no structure, or there
        are more variables than independent points.
    """
    options = options or RefinementOptions()
    models = phase_models(measured, crystals, options)
    objective = objective_for(measured, models, r_range, options)
    start = merged_parameters(objective.parameters, parameters)
    found = fit(
        objective, start, stages=STAGES, starts=options.starts, seed=options.seed,
        tolerance=TOLERANCE,
    )  # fmt: skip
    for _ in range(2):
        loose = _loose(objective, found, start)
        if not loose:
            break
        objective.held |= dict.fromkeys(loose, TOO_LITTLE)
        values = found.parameters.valuesdict() | loose
        start = Parameters(
            replace(p, value=values[p.name], vary=p.vary and p.name not in loose)
            for p in start.values()
        ).with_values(objective.best_scales(values))
        found = fit(objective, start, stages=STAGES[:1], tolerance=TOLERANCE)
    found, noises = with_correlated_errors([objective], found)
    return fit_result(measured, objective, found, noises[0])


def _loose(objective: PdfObjective, found: FitResult, start: Parameters) -> dict[str, float]:
    """Return what the data leave open of crystals of which there is little, and what to hold it at.

    Free, such a parameter would make the fraction of every other phase uncertain.
    """
    if not found.success or len(objective.phases) == 1:
        return {}
    loose: dict[str, float] = {}
    for phase, share in objective.shares(found.parameters.valuesdict()).items():
        if share > SMALL or phase in objective.options.amorphous:
            continue
        open_ones = [
            name
            for name in objective.own_names(phase)
            if name in found.var_names and not _told(found.parameters[name])
        ]
        if any(name.startswith(WIDTHS) for name in open_ones):
            # Without its displacements a phase has no cell to be trusted either.
            open_ones += [
                name
                for name in objective.own_names(phase)
                if name in found.var_names
                and name not in open_ones
                and not name.startswith("sphere_")
            ]
        for name in open_ones:
            # Where nothing is known, domains have no end.
            endless = name.startswith("sphere_")
            loose[name] = found.parameters[name].max if endless else start[name].value
    return loose


#: How names of displacements begin.
WIDTHS = ("uiso_", *(f"{label}_" for label in LABELS))


def _told(p: Parameter) -> bool:
    if p.name.startswith((*WIDTHS, "delta", "sphere_")):
        return p.stderr < 0.5 * p.value
    return math.isfinite(p.stderr)


def objective_for(
    measured: PairDistribution,
    models: Mapping[str, PhaseModel],
    r_range: tuple[float, float] | None,
    options: RefinementOptions,
    sample: Mapping[str, float] | None = None,
    known: Parameters | None = None,
) -> PdfObjective:
    """Return the objective of a range of the data.

    `sample`, its composition, and `known`, its parameters, save their search.
    """
    q_max = measured.q_max if options.q_max is None else options.q_max
    if not math.isfinite(q_max):
        raise BadInput(
            "Qmax is not known: the header does not say it",
            expected="RefinementOptions(q_max=...), in a recipe `q_max`, in Å⁻¹",
            source=measured.source or None,
        )
    if r_range is None:
        r_range = (max(float(measured.r[0]), 1.7), float(measured.r[-1]))
    return PdfObjective(
        measured, models, r_range=r_range, q_max=q_max, options=options, sample=sample, known=known
    )


def phase_models(
    measured: PairDistribution,
    crystals: Crystal | Sequence[Crystal] | Mapping[str, Crystal],
    options: RefinementOptions,
) -> dict[str, PhaseModel]:
    """Return the models of the phases by name.

    Raises
    ------
    BadInput
        Where there is no structure or two have one name.
    """
    if isinstance(crystals, Crystal):
        crystals = [crystals]
    named = (
        list(crystals.items())
        if isinstance(crystals, Mapping)
        else [(crystal.name or crystal.formula, crystal) for crystal in crystals]
    )
    if not named:
        raise BadInput("there is no structure to refine", expected="at least one crystal")
    _check_swapped(named)
    models: dict[str, PhaseModel] = {}
    for label, crystal in named:
        name = phase_name(label) or f"phase{len(models) + 1}"
        if name in models:
            raise BadInput(
                f"two structures are named {label!r}",
                expected="a mapping with a name for each, such as {'A': a, 'B': b}",
            )
        models[name] = PhaseModel.of(
            crystal,
            radiation=options.radiation or measured.radiation,
            convention=options.convention,
            anisotropic=options.displacements == "anisotropic",
            by_class=options.form_factors != "constant"
            and options.convention == "xorder"
            and (options.radiation or measured.radiation) == "xray",
        )
    return models


def _check_swapped(named: Sequence[tuple[str, Crystal]]) -> None:
    """Raise BadInput where two phases bear each other's formula as name."""
    shares = [_shares(composition(crystal)) for _, crystal in named]
    for i, (label, _) in enumerate(named):
        stated = elements_of_formula(label)
        if stated is None or _shares(stated) == shares[i]:
            continue
        for j, (other, _) in enumerate(named):
            if j != i and _shares(stated) == shares[j]:
                raise BadInput(
                    f"phase {label!r} is given a structure of {', '.join(shares[i])} and {other!r} "
                    f"one of {', '.join(shares[j])}",
                    expected="each structure under its own name",
                )


def _shares(amounts: Mapping[str, float]) -> dict[str, float]:
    total = sum(amounts.values())
    return {element: round(amounts[element] / total, 3) for element in sorted(amounts)}


def phase_name(label: str) -> str:
    """Return a phase's name as parameter names carry it."""
    return "".join(c if c.isalnum() else "_" for c in label)


def merged_parameters(start: Parameters, given: Parameters | None) -> Parameters:
    """Return the start parameters with the given ones in their place.

    Raises
    ------
    BadInput
        Where a given name is neither in the model nor in a constraint.
    """
    if given is None:
        return start
    used = set(re.findall(r"\w+", " ".join(p.expr for p in given.values())))
    for name in given:
        if name not in start and name not in used:
            raise BadInput(f"there is no parameter {name!r}", expected="one of " + ", ".join(start))
    return Parameters((dict(start.items()) | dict(given.items())).values())
