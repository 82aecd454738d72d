"""Straight or bent: what the collinear multiple scattering of a spectrum says of bond angles.

A straight ligand–metal–ligand chain focuses the photoelectron, so that its multiple scattering at
twice the bond stands out in a wavelet map. Bending weakens it; so do disorder along the chain and
missing chains. The amplitude of the feature alone cannot tell them apart: each explanation is given
with its error. Over k they differ, which a fit of all of the spectrum can use.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from xorder.errors import BadInput
from xorder.fitting import FitResult, fit
from xorder.results import Array, Number, Result, quantity, recorded
from xorder.xas.background import Exafs
from xorder.xas.bent_feature import TRIALS, ChainFeature
from xorder.xas.bent_paths import BentPaths, bent_parameters, bent_shells
from xorder.xas.shell_errors import propagated
from xorder.xas.shell_objectives import ShellObjective, check_grid, shell_parameters
from xorder.xas.shell_plausibility import BAD_R_FACTOR
from xorder.xas.shell_spaces import FitSpace
from xorder.xas.transforms import checked_k_range

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["BondAngles", "measure_bond_angles"]

#: Standard errors that make a finding, where the noise is known; and their one-sided probability.
SIGNIFICANT, CERTAIN = 3.0, 0.99865

#: Beyond this correlation bend and disorder are one number.
INSEPARABLE = 0.98


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class BondAngles(Result):
    """What the multiple scattering of straight chains says. Falsy where the fit is no use."""

    verdict: str
    """``"straight"``: as strong as straight chains of independent bonds; ``"bent"``,
    ``"disordered"`` or ``"bent and disordered"``: weaker, and the fit tells why;
    ``"undecidable"``: weaker, or hardly seen, and it does not; ``"bad fit"`` or ``"failed"``."""
    message: str
    """The verdict in words, with what it rests on."""
    bend: Number
    """What the angles lack of 180° in degrees, root mean square, disorder fitted with it."""
    bend_limit: float = quantity("°")
    """Bend that is exceeded with 2.5 % probability."""
    bend_square: Number
    """Its square in °², in which errors are even and which noise may make negative."""
    sigma2_chain: Number
    """Mean-square disorder of the chain's half length in Å², bend fitted with it."""
    sigma2_expected: Number
    """What two bonds that vibrate on their own would give, 2σ² of the first shell."""
    correlation: float
    """Correlation of `bend_square` and `sigma2_chain` in the fit."""
    amplitude: Number
    """Mean |W| of the measured map over the box."""
    amplitude_straight: Number
    """What straight chains of independent bonds would give there."""
    bend_if_ordered: Number
    """First explanation of the amplitude alone: this bend, if the chain is as ordered as its
    bonds."""
    sigma2_if_straight: Number
    """Second explanation: this disorder, if the chain is straight."""
    chains_if_straight: Number
    """Third explanation: this share of the chains, if they are straight and ordered."""
    first_shell: tuple[Number, ...]
    """N, R, σ² and ΔE0 of the first shell."""
    alike_bend_square: Array = quantity("°²", dims=("alike",))
    """Squares of bends which, each with the disorder beside it, make the measured amplitude."""
    alike_sigma2_chain: Array = quantity("Å²", dims=("alike",))
    """Disorder of the chain with each of them."""
    k_box: tuple[float, float] = quantity("Å⁻¹")
    """The box in k."""
    r_box: tuple[float, float] = quantity("Å")
    """The box in R, not phase-corrected."""
    r_factor: float
    """Σ residual² / Σ data² of the fit."""
    fit: FitResult = field(repr=False)
    """The fit."""
    name: str = ""
    """Name of the sample."""
    simulated: bool = False
    """True for a calculated spectrum."""

    def __bool__(self) -> bool:
        return self.verdict not in ("bad fit", "failed")

    @property
    def numbers(self) -> tuple[Number, ...]:
        """Rows of a summary."""
        return (
            self.bend,
            self.bend_square,
            self.sigma2_chain,
            self.sigma2_expected,
            self.amplitude,
            self.amplitude_straight,
            self.bend_if_ordered,
            self.sigma2_if_straight,
            self.chains_if_straight,
            *self.first_shell,
            Number(name="correlation of bend and disorder", value=self.correlation),
            Number(name="r_factor", value=self.r_factor, note=self.verdict),
        )

    def plot(self, ax: Axes | None = None, **artist_kwargs: Any) -> list[Any]:
        """Draw what amplitude and fit say of bend and disorder; return the artists."""
        from xorder.xas.wavelet_plots import plot_bond_angles

        return plot_bond_angles(self, ax, **artist_kwargs)

    def report(self) -> str:
        """Return the explanations side by side, as text."""
        rows = (
            ("measured", self.amplitude),
            ("straight and ordered", self.amplitude_straight),
            ("the amplitude alone: bent and ordered", self.bend_if_ordered),
            ("                  or straight and disordered", self.sigma2_if_straight),
            ("                  or fewer chains", self.chains_if_straight),
            ("the whole spectrum: bend", self.bend),
            ("                    and disorder", self.sigma2_chain),
            ("                    against that of two bonds", self.sigma2_expected),
        )
        lines = [f"{what}: {number}" for what, number in rows]
        lines.append(f"correlation of bend and disorder {self.correlation:+.3f}")
        return "\n".join([f"{self.verdict}: {self.message}", *lines])


@recorded
def measure_bond_angles(
    exafs: Exafs,
    bent: BentPaths,
    *,
    k_range: tuple[float, float] | None = None,
    r_range: tuple[float, float] = (1.0, 4.9),
    k_weight: tuple[float, ...] = (1.0, 2.0, 3.0),
    s02: float = 0.9,
    epsilon_k: float | None = None,
    scale_covar: bool = True,
) -> BondAngles:
    """Return what a spectrum says of straight, bent and disordered ligand–metal–ligand chains.

    All of the spectrum is fitted by a first shell and the multiple scattering of `bent`, in which
    the bend, the disorder of the chains and that of neighbouring ligands are free. A bend is said
    where it is three standard errors above none with the disorder free, so that disorder of the
    bonds or of the chain is not taken for a bend; it is undecidable where neither is, although the
    feature is weaker than that of straight chains. Where the misfit gives the noise, the standard
    errors needed are those of Student's distribution that are as unlikely, 3.4 of 16 freedoms.

    Standard errors know the noise, not the model: a cluster of which one ligand in each chain has
    moved by 10°, bent another way than those of `bent`, is given 12°.

    Parameters
    ----------
    exafs
        χ(k).
    bent
        The cluster's paths from straight to bent, as of `calculate_bent_paths`.
    k_range
        Range in Å⁻¹; None as in `fit_shells`.
    r_range
        Range in Å, without phase correction: from the first shell to beyond the feature.
    k_weight
        Powers of k, fitted at once.
    s02
        Amplitude reduction, best from a standard measured alike.
    epsilon_k
        Standard error of a point of χ(k); the spectrum's own where None.
    scale_covar
        False where `epsilon_k` is the true noise and the model is complete.

    Raises
    ------
    BadInput
        Another absorber or edge than the spectrum's, or ranges beyond the data.
    """
    check_grid(exafs)
    for what, own, theirs in (
        ("element", exafs.element, bent.absorber),
        ("edge", exafs.edge, bent.edge),
    ):
        if own and own != theirs:
            raise BadInput(f"the spectrum's {what} is {own}, that of the paths {theirs}")
    if not (math.isfinite(s02) and 0.0 < s02 <= 2.0):
        raise BadInput(f"s02 is {s02:g}", expected="an amplitude reduction, 0.6 to 1.2")
    shells = bent_shells(bent, s02=s02)
    space = FitSpace(
        k_range=checked_k_range(exafs, k_range), r_range=r_range, k_weight=tuple(k_weight)
    )
    objective = ShellObjective(
        exafs,
        shells,
        shell_parameters(shells, bent_parameters(bent)),
        space=space,
        epsilon_k=epsilon_k,
    )
    found = propagated(fit(objective), [objective], scale_covar=scale_covar)
    return _result(objective, found, bent, _needed(found.nfree) if scale_covar else SIGNIFICANT)


def _needed(freedom: float) -> float:
    """Return the standard errors that are as unlikely as three where the noise is estimated too."""
    from scipy.special import stdtrit

    one_sigma = 0.8413447460685429
    return float(stdtrit(freedom, CERTAIN) / stdtrit(freedom, one_sigma))


def _result(
    objective: ShellObjective, found: FitResult, bent: BentPaths, needed: float
) -> BondAngles:
    values = found.parameters.valuesdict()
    residual = float(np.sum(objective.residual(values) ** 2))
    r_factor = residual / float(np.sum(objective.data**2))
    feature = ChainFeature(objective, found)
    square, chain = (_number(found, name) for name in ("bend_square", "sigma2_chain"))
    sigma2 = _number(found, "sigma2")
    expected = Number(
        name="sigma2_expected", value=2 * sigma2.value, stderr=2 * sigma2.stderr, unit="Å²"
    )
    straight = feature.straight()
    low = float(bent.bend[-1])
    square_alone = feature.explanation(
        "bend_square", np.linspace(-0.3 * low**2, 1.2 * low**2, TRIALS)
    )
    alike = feature.alike(square_alone.value)
    sigma2_alone = feature.explanation(
        "sigma2_chain", np.linspace(-0.005, 0.06, TRIALS), bend_square=0.0
    )
    correlation = _correlation(found, "bend_square", "sigma2_chain")
    excess = feature.excess_of_disorder()
    limit = square.value + 1.96 * square.stderr
    seen = limit < low**2
    verdict = _verdict(found, r_factor, square, excess, correlation, needed)
    weaker = _weaker(feature.measured, straight, needed)
    # A bend weakens the feature; one that a chain stiffer than its bonds makes up for is noise.
    unfounded = verdict.startswith("bent") and not weaker
    if unfounded or (verdict == "straight" and (weaker or not seen)):
        verdict = "undecidable"
    bend = _bend(square, "bend")
    limit = math.sqrt(max(limit, 0.0)) if math.isfinite(limit) else math.nan
    return BondAngles(
        verdict=verdict,
        message=_message(verdict, bend, limit, chain, expected, correlation, bent, r_factor),
        bend=bend,
        bend_limit=limit,
        bend_square=square,
        sigma2_chain=chain,
        sigma2_expected=expected,
        correlation=correlation,
        amplitude=feature.measured,
        amplitude_straight=straight,
        bend_if_ordered=_bend(square_alone, "bend_if_ordered"),
        sigma2_if_straight=replace(sigma2_alone, name="sigma2_if_straight", unit="Å²"),
        chains_if_straight=feature.chains(),
        first_shell=tuple(_number(found, name) for name in ("n", "r", "sigma2", "delta_e0")),
        alike_bend_square=alike[0],
        alike_sigma2_chain=alike[1],
        k_box=feature.k_box,
        r_box=feature.r_box,
        r_factor=r_factor,
        fit=found,
        name=objective.exafs.name,
        simulated=objective.exafs.simulated,
    )


def _verdict(
    found: FitResult,
    r_factor: float,
    square: Number,
    excess: Number,
    correlation: float,
    needed: float,
) -> str:
    if not found.success or not math.isfinite(r_factor):
        return "failed"
    if r_factor > BAD_R_FACTOR:
        return "bad fit"
    if not (math.isfinite(square.stderr) and math.isfinite(excess.stderr)):
        return "failed"
    bent = square.value > needed * square.stderr
    disordered = excess.value > needed * excess.stderr
    # Where one of them stopped at its bound the other's error is too small, and there is no
    # correlation.
    if (bent or disordered) and not abs(correlation) <= INSEPARABLE:
        return "undecidable"
    names = [name for name, is_so in (("bent", bent), ("disordered", disordered)) if is_so]
    return " and ".join(names) or "straight"


def _weaker(measured: Number, straight: Number, needed: float) -> bool:
    """Return whether the feature is weaker than that of straight, ordered chains."""
    missing = straight.value - measured.value
    return missing > needed * math.hypot(straight.stderr, measured.stderr)


def _message(
    verdict: str,
    bend: Number,
    limit: float,
    chain: Number,
    expected: Number,
    correlation: float,
    bent: BentPaths,
    r_factor: float,
) -> str:
    chain_name = f"{bent.ligand}–{bent.absorber}–{bent.ligand}"
    if verdict == "failed":
        return "the fit reached no minimum that determines the bend"
    if verdict == "bad fit":
        return (
            f"the {bent.shape} of {bent.ligand} around {bent.absorber} does not describe the data, "
            f"R-factor {r_factor:.3f}; nothing follows for its angles"
        )
    angle = 180.0 - bend.value
    texts = {
        "straight": (
            f"the feature of {chain_name} is as strong as that of straight chains, angles above "
            f"{180.0 - limit:.0f}°"
        ),
        "bent": f"{chain_name} is bent to {angle:.0f} ± {bend.stderr:.1f}°",
        "disordered": (
            f"{chain_name} is disordered, σ² {chain.value:.4f} ± {chain.stderr:.4f} Å² against "
            f"{expected.value:.4f} Å² of two bonds, and no bend is seen"
        ),
        "bent and disordered": (
            f"{chain_name} is bent to {angle:.0f} ± {bend.stderr:.1f}° and disordered, σ² "
            f"{chain.value:.4f} ± {chain.stderr:.4f} Å²"
        ),
        "undecidable": (
            f"the data do not say whether a bend, disorder or missing chains make the feature of "
            f"{chain_name} what it is; angles are above {180.0 - limit:.0f}°"
        ),
    }
    return f"{texts[verdict]} (bend and disorder correlate by {correlation:+.2f})"


def _bend(square: Number, name: str) -> Number:
    """Return the bend in degrees from its square."""
    if not math.isfinite(square.value):
        return Number(name=name, value=math.nan, unit="°", note=square.note)
    bend = math.sqrt(max(square.value, 0.0))
    if square.value > 2.0 * square.stderr:
        return Number(name=name, value=bend, stderr=square.stderr / (2.0 * bend), unit="°")
    limit = math.sqrt(max(square.value + 1.96 * square.stderr, 0.0))
    return Number(name=name, value=bend, unit="°", note=f"not told from 0; below {limit:.0f}°")


def _number(found: FitResult, name: str) -> Number:
    p = found.parameters[name]
    return Number(name=name, value=p.value, stderr=p.stderr, unit=p.unit)


def _correlation(found: FitResult, one: str, other: str) -> float:
    i, j = (found.var_names.index(name) for name in (one, other))
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(found.correlation[i, j])
