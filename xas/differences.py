"""Differences between spectra and shifts of edges, each with its standard error."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from xorder.errors import BadInput
from xorder.fitting import FitResult, Parameter, Parameters, fit
from xorder.results import Array, Number, Result, quantity, recorded
from xorder.xas.normalization import Normalized
from xorder.xas.normalization_noise import normalization_noise
from xorder.xas.xanes import (
    curve,
    curves_on,
    grid,
    independent_points,
    inverse_normal,
    listed,
    noise_root,
    point_noise,
    resolved_points,
    scatter_covariance,
    spline,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["EdgeShift", "SpectrumDifference", "find_edge_shift", "subtract_spectrum"]

#: An R-factor above this means another shape: a shift alone does not tell the edges apart.
UNLIKE = {"derivative": 0.1, "flat": 0.003, "norm": 0.003}

#: The two ways to find a shift differ by more than this many standard errors: it is said.
DISAGREE = 3.0


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class SpectrumDifference(Result):
    """One spectrum minus another, with errors."""

    energy: Array = quantity("eV", symbol="E", dims=("energy",))
    """Energy at the sample's points, shape (N,)."""
    difference: Array = quantity(symbol="Δμ", dims=("energy",))
    """Sample minus reference."""
    stderr: Array = quantity(symbol="σ(Δμ)", dims=("energy",))
    """Standard error of `difference`."""
    area: float = quantity("eV")
    """Integral of the difference over the range."""
    area_stderr: float = quantity("eV")
    """Standard error of `area`, with the noise of both normalizations, which moves all points."""
    absolute_area: float = quantity("eV")
    """Integral of its absolute value; noise alone gives `absolute_area_noise`."""
    absolute_area_noise: float = quantity("eV")
    """What noise alone would give for `absolute_area`."""
    chisqr: float = quantity()
    """Σ (difference / stderr)²; N where the spectra agree."""
    maximum_energy: float = quantity("eV")
    """Energy of the largest difference of either sign."""
    measured_errors: bool = False
    """Whether `stderr` is from repeated scans of both; else from the point-to-point scatter."""
    name: str = ""
    """Names of the two."""
    messages: tuple[str, ...] = ()
    """What a user must know, one sentence each."""

    @property
    def numbers(self) -> tuple[Number, ...]:
        """Areas as rows of a summary."""
        return (
            Number(name="area", value=self.area, stderr=self.area_stderr, unit="eV"),
            Number(name="absolute_area", value=self.absolute_area, unit="eV"),
        )

    def plot(self, ax: Axes | None = None, **artist_kwargs: Any) -> list[Any]:
        """Draw the difference with its error band on Matplotlib axes; return the artists."""
        from xorder.xas.xanes_plots import plot_difference

        return plot_difference(self, ax, **artist_kwargs)


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class EdgeShift(Result):
    """How far an edge lies above another. Falsy where the fit failed."""

    energy: Array = quantity("eV", symbol="E", dims=("energy",))
    """Energy at the sample's points, shape (N,)."""
    data: Array = quantity(symbol="data", dims=("energy",))
    """The sample's curve."""
    model: Array = quantity(symbol="moved reference", dims=("energy",))
    """The reference moved, scaled and, for ``"flat"``, offset."""
    shift: float = quantity("eV", symbol="ΔE")
    """Energy of the sample's edge minus the reference's, by least squares."""
    shift_stderr: float = quantity("eV", symbol="σ(ΔE)")
    """Standard error, from the residual over independent points."""
    correlation_shift: float = quantity("eV")
    """Shift at the maximum of the cross-correlation of the derivatives."""
    r_factor: float = quantity()
    """Σ residual² / Σ data²; large where the shapes differ and a shift alone says little."""
    n_independent: float = quantity()
    """Independent points that the error counts."""
    space: str = "derivative"
    """Kind of curve."""
    success: bool = True
    """Whether a minimum was reached inside the bounds."""
    messages: tuple[str, ...] = ()
    """What a user must know, one sentence each."""

    def __bool__(self) -> bool:
        return self.success

    @property
    def numbers(self) -> tuple[Number, ...]:
        """The shift as a row of a summary."""
        return (Number(name="shift", value=self.shift, stderr=self.shift_stderr, unit="eV"),)


@recorded
def subtract_spectrum(
    sample: Normalized,
    reference: Normalized,
    *,
    space: Literal["flat", "norm", "derivative"] = "flat",
    e_range: tuple[float, float] = (-20.0, 80.0),
    shift: float = 0.0,
) -> SpectrumDifference:
    """Return sample minus reference at the sample's points, with standard errors.

    Errors are those of the scans where both spectra have them, else the scatter of each curve
    around the cubic through its neighbours. Both are of single points; the noise of the two
    normalizations, which moves all points together, enters `area_stderr` alone.

    Parameters
    ----------
    sample, reference
        Normalized spectra of one edge.
    space
        ``"flat"``, ``"norm"`` or ``"derivative"``.
    e_range
        Range in eV relative to the sample's e0.
    shift
        Energy in eV that the reference is moved up by before.

    Raises
    ------
    BadInput
        Spectra that are not normalized, of different edges, or a reference that does not cover the
        range.
    """
    _check_space(space)
    items = listed([sample, reference], "sample and reference", space=space)
    if not (math.isfinite(shift) and abs(shift) <= 100.0):
        raise BadInput(f"shift is {shift:g} eV", expected="a shift of at most 100 eV")
    energy = grid(items[0], e_range)
    data = curves_on(energy, items[:1], space=space)[0]
    other = curves_on(energy - shift, items[1:], space=space, what="reference")[0]
    difference = data - other
    errors, measured = _errors(sample, reference, space, energy, shift)
    widths = np.gradient(energy)
    widths[[0, -1]] *= 0.5
    moves = widths @ normalization_noise(sample, energy, space=space)
    other_moves = widths @ normalization_noise(reference, energy - shift, space=space)
    variance = np.sum((widths * errors) ** 2) + moves @ moves + other_moves @ other_moves
    noise = float(np.sum(np.abs(widths) * errors) * math.sqrt(2.0 / math.pi))
    messages = () if measured else ("errors are from the scatter between points, not from scans",)
    known = errors > 0
    return SpectrumDifference(
        energy=energy,
        difference=difference,
        stderr=errors,
        area=float(np.trapezoid(difference, energy)),
        area_stderr=float(np.sqrt(variance)),
        absolute_area=float(np.trapezoid(np.abs(difference), energy)),
        absolute_area_noise=noise,
        chisqr=float(np.sum((difference[known] / errors[known]) ** 2)),
        maximum_energy=float(energy[np.argmax(np.abs(difference))]),
        measured_errors=measured,
        name=f"{sample.name} − {reference.name}",
        messages=messages,
    )


@recorded
def find_edge_shift(
    sample: Normalized,
    reference: Normalized,
    *,
    space: Literal["flat", "norm", "derivative"] = "derivative",
    e_range: tuple[float, float] = (-20.0, 20.0),
    max_shift: float = 5.0,
) -> EdgeShift:
    """Return how far the sample's edge lies above the reference's.

    The reference, moved by the shift and scaled (for spectra also offset), is fitted to the sample
    by least squares; its standard error is scaled by the residual and counts independent points.
    For derivatives the noise that neighbours share is propagated.
    The maximum of the cross-correlation of the two derivatives is given beside it: where the two
    disagree the shapes differ, and no single number is the shift.

    Parameters
    ----------
    sample, reference
        Normalized spectra of one edge; the reference covers the range and `max_shift` around it.
    space
        What is compared: ``"derivative"``, ``"flat"`` or ``"norm"``.
    e_range
        Range in eV relative to the sample's e0.
    max_shift
        Largest shift looked for, in eV.

    Raises
    ------
    BadInput
        Spectra that are not normalized, of different edges, or a reference that does not cover the
        range and the shift.
    """
    _check_space(space)
    items = listed([sample, reference], "sample and reference", space=space)
    if not (math.isfinite(max_shift) and 0 < max_shift <= 50.0):
        raise BadInput(f"max_shift is {max_shift:g} eV", expected="above 0 and at most 50 eV")
    energy = grid(items[0], e_range)
    curves_on(energy, items[1:], space="derivative", margin=max_shift, what="reference")
    curves_on(energy, items[:1], space="derivative", what="sample")
    correlated = _correlation_shift(sample, reference, energy, max_shift)
    objective = _Moved(sample, reference, energy, space, correlated, max_shift)
    first = fit(objective)
    least = max(resolved_points(sample, energy), first.nvarys + 1.0)
    objective.n_independent = independent_points(first.residual[0], least)
    found = fit(objective, first.parameters)
    parameter = found.parameters["shift"]
    stderr = _shift_error(found, objective, noise_root(sample, energy, space))
    inside = abs(parameter.value) < max_shift * (1 - 1e-6)
    messages = list(found.flags)
    if abs(parameter.value - correlated) > DISAGREE * max(stderr, 1e-3):
        messages.append(
            f"least squares give {parameter.value:.3f} eV, the cross-correlation "
            f"{correlated:.3f} eV: the edges differ in shape"
        )
    residual = found.residual[0]
    r_factor = float(residual @ residual) / float(objective.data @ objective.data)
    if r_factor > UNLIKE[space]:
        messages.append(
            f"the edges differ in shape (R-factor {r_factor:.2g}), not by a shift alone"
        )
    success = found.success and inside
    model = objective.data - objective.residual(found.parameters.valuesdict())
    return EdgeShift(
        energy=energy,
        data=objective.data,
        model=model,
        shift=parameter.value if success else math.nan,
        shift_stderr=stderr if success else math.nan,
        correlation_shift=correlated,
        r_factor=r_factor,
        n_independent=objective.n_independent,
        space=space,
        success=success,
        messages=tuple(messages),
    )


class _Moved:
    """Residual and Jacobian of a reference moved, scaled and offset."""

    def __init__(
        self,
        sample: Normalized,
        reference: Normalized,
        energy: Array,
        space: str,
        start: float,
        max_shift: float,
    ) -> None:
        self.energy = energy
        self.data = curves_on(energy, [sample], space=space)[0]
        self.spline = spline(reference, space=space)
        self.n_independent = float(energy.size)
        made = [
            Parameter(name="shift", value=start, min=-max_shift, max=max_shift, unit="eV"),
            Parameter(name="scale", value=1.0, min=0.0),
        ]
        if space != "derivative":
            made.append(Parameter(name="offset", value=0.0))
        self.parameters = Parameters(made)

    def residual(self, values: Mapping[str, float]) -> Array:
        moved = self.spline(self.energy - values["shift"])
        return np.asarray(self.data - values["scale"] * moved - values.get("offset", 0.0))

    def jacobian(self, values: Mapping[str, float], names: Sequence[str]) -> Array:
        x = self.energy - values["shift"]
        columns = {
            "shift": values["scale"] * self.spline(x, 1),
            "scale": -self.spline(x),
            "offset": -np.ones_like(x),
        }
        return np.stack([columns.get(n, np.zeros_like(x)) for n in names], axis=1)


def _shift_error(found: FitResult, objective: _Moved, root: Array | None) -> float:
    """Return the standard error of the shift, with shared noise where the residual is noise."""
    points = objective.energy.size
    if root is None or objective.n_independent < 0.99 * points or not found.success:
        return found.parameters["shift"].stderr
    variance = found.redchi * points / objective.n_independent
    slopes = objective.jacobian(found.parameters.valuesdict(), found.var_names)
    inner = inverse_normal(slopes, np.isfinite(np.diag(found.covar)))
    covar = scatter_covariance(inner, slopes, variance, root)
    at = found.var_names.index("shift")
    return math.sqrt(float(covar[at, at]))


def _check_space(space: str) -> None:
    if space not in ("flat", "norm", "derivative"):
        raise BadInput(f"space is {space!r}", expected="flat, norm, derivative")


def _errors(
    sample: Normalized, reference: Normalized, space: str, energy: Array, shift: float
) -> tuple[Array, bool]:
    """Return the standard errors of a difference and whether scans gave them."""
    if space != "derivative" and sample.stderr is not None and reference.stderr is not None:
        mine = np.interp(energy, sample.energy, sample.stderr)
        other = np.interp(energy - shift, reference.energy, reference.stderr)
        return np.hypot(mine, other), True
    noise = []
    for item, x in ((sample, energy), (reference, energy - shift)):
        own, y = curve(item, space=space)
        inside = (own >= x[0] - 1e-9) & (own <= x[-1] + 1e-9)
        noise.append(point_noise(own[inside], y[inside]))
    return np.full_like(energy, math.hypot(*noise)), False


def _correlation_shift(
    sample: Normalized, reference: Normalized, energy: Array, max_shift: float
) -> float:
    """Return the shift at the maximum of the normalized cross-correlation of the derivatives."""
    step = min(0.1, 0.25 * float(np.median(np.diff(energy))))
    even = np.arange(energy[0], energy[-1], step)
    mine = spline(sample, space="flat")(even, 1)
    slope = spline(reference, space="flat").derivative()
    shifts = np.arange(-max_shift, max_shift + step / 2, step)
    moved = slope(even[None, :] - shifts[:, None])
    likeness = (moved @ mine) / np.linalg.norm(moved, axis=1)
    top = int(np.argmax(likeness))
    if 0 < top < shifts.size - 1:
        before, here, after = likeness[top - 1 : top + 2]
        curvature = before - 2 * here + after
        return float(shifts[top] + step * 0.5 * (before - after) / curvature)
    return float(shifts[top])
