"""Peaks of G(r): positions, widths, areas and coordination numbers, termination accounted for.

A peak of the radial distribution function R(r) = r G(r) + 4πρ0 r² is a Gaussian whose area counts
neighbours. In G(r) it is divided by its distance and carries the ripples of the finite Qmax; the
model is cut at the same Qmax, so that ripples are part of the peak and not of the background.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from xorder.errors import BadInput
from xorder.fitting import FitResult, Parameter, Parameters, fit
from xorder.pdf.form_weights import FormWeights, elements_of_formula
from xorder.pdf.objective import fit_points, measured_between
from xorder.pdf.options import RefinementOptions
from xorder.pdf.pattern import PairDistribution
from xorder.pdf.termination import Grid, Kernel
from xorder.results import Array, Result, quantity, recorded
from xorder.scattering import atomic_number, neutron_length

__all__ = ["GrPeaks", "WindowArea", "fit_gr_peaks", "window_area"]

#: Narrowest and widest peak (Å).
WIDTHS = (0.02, 0.6)


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class GrPeaks(Result):
    """Fitted peaks. Falsy where the fit failed."""

    name: str = ""
    """Name of the sample."""
    pairs: tuple[str, ...] = ()
    """The pair each peak is of, such as ``"Ta-Cl"``; empty where none was named."""
    position: Array = quantity("Å", symbol="r")
    """Positions, shape (peaks,); NaN throughout where the fit failed."""
    position_stderr: Array = quantity("Å")
    """Their standard errors."""
    width: Array = quantity("Å", symbol="σ")
    """Standard deviations of the Gaussians, the resolution of Qmax taken off."""
    width_stderr: Array = quantity("Å")
    """Their standard errors."""
    area: Array = quantity(symbol="∫R dr")
    """Areas in R(r): weighted neighbours on the scale of the data."""
    area_stderr: Array = quantity()
    """Their standard errors."""
    coordination: Array = quantity(symbol="N")
    """Neighbours of the second element around one atom of the first; NaN where no pair is named."""
    coordination_stderr: Array = quantity()
    """Their standard errors; that of the data's scale is not in them."""
    r: Array = quantity("Å", dims=("r",))
    """Distances of the data in the range, shape (N,)."""
    gr: Array = quantity("Å⁻²", symbol="G(r)", dims=("r",))
    """Measured G(r)."""
    model: Array = quantity("Å⁻²", dims=("r",))
    """Calculated G(r)."""
    r_w: float = quantity(symbol="Rw", default=math.nan)
    """Residual on the points of the data."""
    fit: FitResult | None = None
    """The fit in full."""
    simulated: bool = False
    """True where the data are simulated."""
    messages: tuple[str, ...] = ()
    """What a reader must know."""

    def __bool__(self) -> bool:
        return self.fit is not None and self.fit.success


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class WindowArea(Result):
    """The area of R(r) above the mean density in one window, through a series."""

    names: tuple[str, ...]
    """Samples."""
    r_range: tuple[float, float]
    """Ends of the window in Å."""
    area: Array = quantity(symbol="∫ r G dr")
    """∫ r G(r) dr of each sample, shape (samples,)."""
    stderr: Array = quantity()
    """Standard errors; NaN where the data have none."""
    growth: Array = quantity()
    """Area minus that of the first sample."""
    growth_stderr: Array = quantity()
    """Standard errors of the growth."""


class _PeaksObjective:
    """Residual and Jacobian of Gaussians of R(r), cut at Qmax, over a straight line."""

    def __init__(
        self,
        points: tuple[Array, Array, Array],
        centres: Sequence[float],
        kernels: Sequence[FormWeights | None],
        *,
        q_max: float,
        qdamp: float,
        slope: Parameter,
        reach: float,
    ) -> None:
        self.r, self.target, self.sigma = points
        self.qdamp, self.weights = qdamp, kernels
        self.q_max = q_max
        self.grid = self.grid_for(self.r)
        self.n_independent = q_max * float(self.r[-1] - self.r[0]) / math.pi + 1.0
        found = [slope]
        for k, centre in enumerate(centres):
            found += [
                Parameter(
                    name=f"position_{k}", value=centre, unit="Å",
                    min=centre - reach, max=centre + reach,
                ),
                Parameter(
                    name=f"width_{k}", value=0.1, min=WIDTHS[0], max=WIDTHS[1], unit="Å"
                ),
                Parameter(name=f"area_{k}", value=1.0, min=0.0),
            ]  # fmt: skip
        self.count = len(centres)
        self.parameters = Parameters(found)

    def grid_for(self, r: Array) -> Grid:
        """Return the fine grid behind uniform points."""
        step = float((r[-1] - r[0]) / (len(r) - 1))
        return Grid.of(float(r[0]), step, len(r), q_max=self.q_max, convention="xorder")

    def columns(self, values: Mapping[str, float], k: int, grid: Grid) -> Array:
        """Return the peak of unit area and its slopes with position and width, (points, 3)."""
        r0, s = values[f"position_{k}"], values[f"width_{k}"]
        x = (grid.r - r0) / s
        damping = np.exp(-0.5 * (grid.r * self.qdamp) ** 2)
        value = damping * np.exp(-0.5 * x * x) / (s * math.sqrt(2.0 * math.pi) * r0)
        three = np.stack([value, value * (x / s - 1.0 / r0), value * (x * x - 1.0) / s], axis=1)
        kernel = self._kernel(k, grid)
        return grid.finish(three[:, None, :], np.ones((len(grid.r), 1)), kernel)

    def _kernel(self, k: int, grid: Grid) -> Kernel | None:
        weights = self.weights[k]
        return None if weights is None else grid.kernel(_OfPair(weights))

    def model(self, values: Mapping[str, float], r: Array) -> Array:
        """Return the calculated G(r) at uniform points."""
        grid = self.grid_for(r)
        line = -values["slope"] * r * np.exp(-0.5 * (r * self.qdamp) ** 2)
        parts = [
            values[f"area_{k}"] * self.columns(values, k, grid)[:, 0] for k in range(self.count)
        ]
        return np.asarray(line + np.sum(parts, axis=0))

    def residual(self, values: Mapping[str, float]) -> Array:
        """Return (measured - calculated) / sigma, shape (points,)."""
        return np.asarray((self.target - self.model(values, self.r)) / self.sigma)

    def jacobian(self, values: Mapping[str, float], names: Sequence[str]) -> Array:
        """Return d residual / d name, shape (points, len(names))."""
        known = {"slope": -self.r * np.exp(-0.5 * (self.r * self.qdamp) ** 2)}
        for k in range(self.count):
            unit = self.columns(values, k, self.grid)
            known[f"area_{k}"] = unit[:, 0]
            known[f"position_{k}"] = values[f"area_{k}"] * unit[:, 1]
            known[f"width_{k}"] = values[f"area_{k}"] * unit[:, 2]
        zero = np.zeros_like(self.r)
        return np.stack([-known.get(name, zero) / self.sigma for name in names], axis=1)


@dataclass(frozen=True, slots=True)
class _OfPair:
    """The weight of one pair of elements: the class (0, 1), or (0, 0) of a single element."""

    weights: FormWeights

    def __call__(self, q: Array) -> Array:
        return self.weights(q)[:, min(1, len(self.weights.elements) - 1)][:, None]


@recorded
def fit_gr_peaks(
    measured: PairDistribution,
    *,
    centres: Sequence[float],
    r_range: tuple[float, float],
    pairs: Sequence[str] = (),
    composition: str = "",
    q_max: float | None = None,
    density: float | None = None,
    reach: float = 0.3,
) -> GrPeaks:
    r"""Fit Gaussians of R(r) to a stretch of G(r).

    .. math::

        G(r) = \Big[\sum_k \frac{A_k}{r_k}\mathcal{N}(r - r_k; \sigma_k)
        e^{-(r Q_{damp})^2/2}\Big] * \text{cut at } Q_{max} - 4\pi\rho_0 r, \qquad
        N_{ab} = \frac{A \langle b\rangle^2}{(2 - \delta_{ab})\, c_a b_a b_b}

    Where a pair is named and the data are of X-rays, its weight is carried through the transform as
    a function of Q, so that the area counts neighbours and not the fall of a form factor.

    Parameters
    ----------
    measured
        G(r) with a known Qmax.
    centres
        Start positions of the peaks in Å.
    r_range
        Stretch of G(r) in Å; it must begin above the ripples and hold whole peaks.
    pairs
        The pair of each peak, such as ``"Ta-Cl"`` for Cl around Ta; empty for none.
    composition
        Formula of the sample; the file's where empty.
    q_max
        Upper end of Q in Å⁻¹; the file's where None.
    density
        Number density in Å⁻³, on the scale of the data; the slope is fitted where None.
    reach
        How far in Å a position may move.

    Raises
    ------
    BadInput
        Where Qmax or the composition is missing, a centre lies outside the range, a pair is not in
        the composition, or there are more parameters than independent points.
    """
    q_max = measured.q_max if q_max is None else q_max
    if not (math.isfinite(q_max) and q_max > 0):
        raise BadInput(f"Qmax is {q_max}", expected="q_max=... in Å⁻¹", source=measured.source)
    _check_centres(centres, r_range, pairs)
    if density is not None and not 0 <= density < math.inf:
        raise BadInput(f"density is {density}", expected="atoms in Å⁻³")
    amounts = _amounts(measured, composition) if pairs else {}
    split = [_split(pair, amounts) for pair in pairs]
    weights: list[FormWeights | None] = [None] * len(centres)
    if measured.radiation == "xray":
        for k, (a, b) in enumerate(split):
            weights[k] = FormWeights(elements=(a, b) if a != b else (a,), sample=amounts)
    slope = Parameter(
        name="slope", value=4.0 * math.pi * (0.05 if density is None else density), min=0.0,
        vary=density is None, unit="Å⁻³",
    )  # fmt: skip
    qdamp = measured.qdamp if math.isfinite(measured.qdamp) else 0.0
    objective = _PeaksObjective(
        fit_points(measured, r_range, q_max, RefinementOptions()), centres, weights,
        q_max=q_max, qdamp=qdamp, slope=slope, reach=reach,
    )  # fmt: skip
    found = fit(objective, stages=[("slope", "area_*")], tolerance=1e-8)
    return _result(measured, r_range, objective, found, split, amounts)


def _check_centres(
    centres: Sequence[float], r_range: tuple[float, float], pairs: Sequence[str]
) -> None:
    if len(centres) == 0:
        raise BadInput("there is no peak", expected="at least one start position in Å")
    for centre in centres:
        if not r_range[0] < centre < r_range[1]:
            raise BadInput(
                f"a peak at {centre:g} Å lies outside {r_range[0]:g} to {r_range[1]:g} Å",
                expected="start positions within r_range",
            )
    if pairs and len(pairs) != len(centres):
        raise BadInput(
            f"{len(pairs)} pairs and {len(centres)} peaks", expected="one pair a peak, or none"
        )


def _amounts(measured: PairDistribution, composition: str) -> dict[str, float]:
    formula = composition or measured.composition
    amounts = elements_of_formula(formula)
    if amounts is None:
        raise BadInput(
            f"the composition is {formula!r}",
            expected="a formula such as 'NaTaCl6'",
            source=measured.source or None,
        )
    return amounts


def _split(pair: str, amounts: Mapping[str, float]) -> tuple[str, str]:
    elements = pair.split("-")
    if len(elements) != 2 or any(element not in amounts for element in elements):
        raise BadInput(
            f"the pair {pair!r} is not of the composition {''.join(amounts)}",
            expected="two elements of it, such as 'Ta-Cl'",
        )
    return elements[0], elements[1]


def _result(
    measured: PairDistribution,
    r_range: tuple[float, float],
    objective: _PeaksObjective,
    found: FitResult,
    split: Sequence[tuple[str, str]],
    amounts: Mapping[str, float],
) -> GrPeaks:
    r, gr, _ = measured_between(measured, r_range)
    model = np.full_like(r, math.nan)
    if found.success:
        model = objective.model(found.parameters.valuesdict(), r)
    columns: dict[str, Any] = {}
    for key in ("position", "width", "area"):
        each = [found.parameters[f"{key}_{k}"] for k in range(objective.count)]
        good = math.nan if not found.success else 1.0
        columns[key] = good * np.array([p.value for p in each])
        columns[f"{key}_stderr"] = good * np.array([p.stderr for p in each])
    neighbours = np.full(objective.count, math.nan)
    for k, (a, b) in enumerate(split):
        neighbours[k] = 1.0 / _weight_of_neighbour(a, b, amounts, measured.radiation)
    messages = [] if found.success else [f"the fit failed: {found.message}"]
    messages += found.flags
    if split:
        messages.append(
            "coordination numbers hold where the scale of G(r) is absolute; ratios hold always"
        )
    return GrPeaks(
        name=measured.name,
        pairs=tuple(f"{a}-{b}" for a, b in split),
        **columns,
        coordination=neighbours * columns["area"],
        coordination_stderr=neighbours * columns["area_stderr"],
        r=r,
        gr=gr,
        model=model,
        r_w=math.sqrt(float(np.sum((gr - model) ** 2) / np.sum(gr**2))),
        fit=found,
        simulated=measured.simulated,
        messages=tuple(messages),
    )


def _weight_of_neighbour(a: str, b: str, amounts: Mapping[str, float], radiation: str) -> float:
    """Return what one neighbour b around every a adds to the area in R(r)."""
    strength = {
        e: float(atomic_number(e)) if radiation == "xray" else neutron_length(e) for e in amounts
    }
    total = sum(amounts.values())
    mean = sum(amounts[e] * strength[e] for e in amounts) / total
    share = amounts[a] / total
    return (1.0 if a == b else 2.0) * share * strength[a] * strength[b] / mean**2


@recorded
def window_area(
    patterns: Sequence[PairDistribution], *, r_range: tuple[float, float]
) -> WindowArea:
    r"""Return ∫ r G(r) dr over a window, for each sample of a series, and its growth.

    It is the area of R(r) above the mean density: it grows where a peak grows. The error counts
    that neighbouring points of G(r) move together, as the cut at Qmax makes them,
    :math:`\rho(\Delta r) = \sin(Q_{max}\Delta r)/(Q_{max}\Delta r)`; noise that rises with Q moves
    areas less, so that the error is then an upper estimate.

    Parameters
    ----------
    patterns
        G(r) of the samples, the first of which growth is counted from.
    r_range
        Ends of the window in Å.

    Raises
    ------
    BadInput
        Where there is no sample or the window lies outside the data.
    """
    if not patterns:
        raise BadInput("there is no G(r)", expected="at least one sample")
    areas, errors = zip(*(_area(pattern, r_range) for pattern in patterns), strict=True)
    area, stderr = np.array(areas), np.array(errors)
    growth_stderr = np.hypot(stderr, stderr[0])
    growth_stderr[0] = 0.0
    return WindowArea(
        names=tuple(pattern.name for pattern in patterns),
        r_range=(float(r_range[0]), float(r_range[1])),
        area=area,
        stderr=stderr,
        growth=area - area[0],
        growth_stderr=growth_stderr,
    )


def _area(pattern: PairDistribution, r_range: tuple[float, float]) -> tuple[float, float]:
    r, gr, stderr = measured_between(pattern, r_range)
    weights = np.full(len(r), float(r[1] - r[0]))
    weights[[0, -1]] *= 0.5
    weighted = weights * r
    area = float(weighted @ gr)
    if pattern.stderr is None or not math.isfinite(pattern.q_max):
        return area, math.nan
    together = np.sinc(pattern.q_max * (r[:, None] - r[None, :]) / math.pi)
    each = weighted * stderr
    return area, math.sqrt(max(float(each @ together @ each), 0.0))
