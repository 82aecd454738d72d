"""What every near-edge analysis needs: comparable curves, common points, honest counting.

A curve is the flattened or normalized spectrum, its derivative, or weighted oscillations. Several
spectra are compared on the measured points of one of them, the others brought there by cubic
splines; nothing is oversampled.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from xorder.errors import BadInput
from xorder.results import Array
from xorder.xas.background import Exafs
from xorder.xas.normalization import Normalized
from xorder.xas.photoelectron import edge as tabulated_edge

__all__ = [
    "SPACES",
    "Measured",
    "Space",
    "core_hole_width",
    "curve",
    "curves_on",
    "grid",
    "independent_points",
    "inverse_normal",
    "label",
    "listed",
    "noise_root",
    "point_noise",
    "resolved_points",
    "scatter_covariance",
    "spline",
]

Space: TypeAlias = Literal["flat", "norm", "derivative", "chi"]
Measured: TypeAlias = Normalized | Exafs

SPACES = ("flat", "norm", "derivative", "chi")

#: Fewer points than these in a range carry no near-edge structure.
FEWEST_POINTS = 8

#: Where the core-hole width of an edge is unknown (eV), as for the white line.
UNKNOWN_WIDTH = 2.0

#: A curve that nowhere exceeds this is zero (derivatives of a constant, after rounding).
NOTHING = 1e-15

#: Range of distances (Å) whose oscillations χ(k) resolves at the least, for its point count.
EXAFS_SPAN = 5.0


def listed(
    spectra: Any, what: str, *, space: str = "flat", fewest: int = 1
) -> tuple[Measured, ...]:
    """Return the spectra as a tuple, each of the class that the space is made of.

    Raises
    ------
    BadInput
        An unknown space, no list, an empty list, or members that are not normalized (for
        ``"chi"``, not background-subtracted).
    """
    if space not in SPACES:
        raise BadInput(f"space is {space!r}", expected=", ".join(SPACES))
    kind, advice = (
        (Exafs, "what xas.subtract_background returns")
        if space == "chi"
        else (Normalized, "what xas.normalize returns")
    )
    if isinstance(spectra, (str, Normalized, Exafs)) or not isinstance(spectra, Sequence):
        raise BadInput(f"{what} is a {type(spectra).__name__}", expected="a list of spectra")
    if len(spectra) < fewest:
        raise BadInput(f"{what} holds {len(spectra)} spectra", expected=f"at least {fewest}")
    for index, item in enumerate(spectra, start=1):
        if not isinstance(item, kind):
            raise BadInput(
                f"{what}, number {index} is a {type(item).__name__}",
                expected=f"a {kind.__name__}, {advice}",
            )
    _check_same_edge(spectra, what)
    return tuple(spectra)


def label(item: Measured, index: int) -> str:
    """Return the spectrum's name, or its number in the list where it has none."""
    return item.name or f"spectrum {index + 1}"


def curve(item: Measured, *, space: str, k_weight: float = 2.0) -> tuple[Array, Array]:
    """Return the curve's x (eV, or Å⁻¹ for ``"chi"``) and y at its own points."""
    if isinstance(item, Exafs):
        return item.k, item.chi * item.k**k_weight
    if space == "derivative":
        return item.energy, np.gradient(item.flat, item.energy)
    return item.energy, item.flat if space == "flat" else item.norm


def grid(item: Measured, x_range: tuple[float, float]) -> Array:
    """Return the item's own points in a range: eV relative to its e0, or k in Å⁻¹.

    Raises
    ------
    BadInput
        A range that is not two ascending numbers, that the data do not fill, or that holds too few
        points.
    """
    low, high = _ascending(x_range)
    exafs = isinstance(item, Exafs)
    x, origin = (item.k, 0.0) if isinstance(item, Exafs) else (item.energy, item.e0)
    unit = "Å⁻¹" if exafs else "eV from e0"
    inside = (x >= origin + low - 1e-9) & (x <= origin + high + 1e-9)
    if origin + low < x[0] - 1e-6 or origin + high > x[-1] + 1e-6:
        raise BadInput(
            f"the range {low:g} to {high:g} {unit} reaches beyond {item.name or 'the spectrum'}, "
            f"which runs from {x[0] - origin:.2f} to {x[-1] - origin:.2f}",
            expected="a range inside the data",
        )
    count = int(np.count_nonzero(inside))
    if count < FEWEST_POINTS:
        raise BadInput(
            f"the range {low:g} to {high:g} {unit} holds {count} points of "
            f"{item.name or 'the spectrum'}",
            expected=f"at least {FEWEST_POINTS}; a wider range",
        )
    return np.asarray(x[inside])


def spline(item: Measured, *, space: str, k_weight: float = 2.0) -> Any:
    """Return the cubic spline through the item's curve; it can be differentiated."""
    from scipy.interpolate import CubicSpline

    return CubicSpline(*curve(item, space=space, k_weight=k_weight))


def curves_on(
    x: Array,
    items: Sequence[Measured],
    *,
    space: str,
    k_weight: float = 2.0,
    margin: float = 0.0,
    what: str = "references",
) -> Array:
    """Return the curves of several spectra at `x`, shape (spectra, points).

    A curve measured at these very points is taken as it is, any other through its cubic spline.

    Raises
    ------
    BadInput
        Where a spectrum does not cover `x` with `margin` on both sides (nothing is extrapolated),
        is not finite, or is zero everywhere.
    """
    rows = []
    for index, item in enumerate(items):
        own, y = curve(item, space=space, k_weight=k_weight)
        if not np.all(np.isfinite(y)):
            bad = np.count_nonzero(~np.isfinite(y))
            raise BadInput(
                f"{what}: {label(item, index)} is not finite at {bad} points",
                expected="finite numbers",
            )
        if own[0] > x[0] - margin + 1e-6 or own[-1] < x[-1] + margin - 1e-6:
            unit = "Å⁻¹" if space == "chi" else "eV"
            raise BadInput(
                f"{what}: {label(item, index)} runs from {own[0]:.2f} to {own[-1]:.2f} {unit} and "
                f"does not cover {x[0] - margin:.2f} to {x[-1] + margin:.2f}",
                expected="spectra that cover the range; choose a narrower one",
            )
        start = int(np.searchsorted(own, x[0] - 1e-9))
        same = own[start : start + x.size]
        if same.size == x.size and np.allclose(same, x, rtol=0.0, atol=1e-9):
            rows.append(y[start : start + x.size])
        else:
            rows.append(spline(item, space=space, k_weight=k_weight)(x))
        if not np.max(np.abs(rows[-1])) > NOTHING:
            raise BadInput(
                f"{what}: {label(item, index)} is zero everywhere in the range",
                expected="a spectrum with an edge in the range",
            )
    return np.stack(rows)


def core_hole_width(item: Measured) -> float:
    """Return the core-hole width of the item's edge in eV, or 2 eV where that is unknown."""
    if item.element and item.edge:
        width = tabulated_edge(item.element, item.edge).width
        if width > 0:
            return width
    return UNKNOWN_WIDTH


def resolved_points(item: Measured, x: Array) -> float:
    """Return how many independent points the physics leaves in `x` at the least.

    Near the edge that is the range over the core-hole width; in k it is 2 Δk ΔR / π over 5 Å
    (Stern, Phys. Rev. B 48, 9825, 1993).
    """
    span = float(x[-1] - x[0])
    if isinstance(item, Exafs):
        return 2.0 * span * EXAFS_SPAN / math.pi
    return span / core_hole_width(item)


def independent_points(residual: Array, least: float) -> float:
    """Return the number of independent points in a residual.

    It is the number of points over the autocorrelation time of the residual, 1 + 2 Σ ρ(lag), summed
    as long as ρ stands out from that of white noise (2/√n). White noise on measured points counts
    every point; a residual of oversampled points, or one that is a smooth misfit, counts few, but
    never fewer than `least`.
    """
    count = residual.size
    power = float(residual @ residual)
    if power == 0.0:
        return float(count)
    padded = np.fft.rfft(residual, 2 * count)
    correlation = np.fft.irfft(np.abs(padded) ** 2)[1:count] / power
    falls = np.flatnonzero(correlation < 2.0 / math.sqrt(count))
    end = int(falls[0]) if falls.size else correlation.size
    time = 1.0 + 2.0 * float(np.sum(correlation[:end]))
    return float(np.clip(count / time, min(least, count), count))


def noise_root(item: Measured, x: Array, space: str) -> Array | None:
    """Return how white noise of the spectrum enters neighbouring derivatives, shape (N, points).

    Scaled to a mean square of one a derivative: the covariance of derivatives is their variance
    times root @ root.T. None for other curves, whose points scatter alone.
    """
    if space != "derivative" or isinstance(item, Exafs):
        return None
    first = max(int(np.searchsorted(item.energy, x[0] - 1e-9)) - 1, 0)
    last = first + x.size + 2
    energy = item.energy[first:last]
    slopes = np.gradient(np.eye(energy.size), energy, axis=0)
    root = slopes[np.searchsorted(energy, x - 1e-9)]
    return np.asarray(root / math.sqrt(float(np.mean(np.sum(root**2, axis=1)))))


def inverse_normal(design: Array, free: NDArray[np.bool_]) -> Array:
    """Return (JᵀJ)⁻¹ over the parameters that are free and determined, zero elsewhere."""
    inverse = np.zeros((free.size, free.size))
    inverse[np.ix_(free, free)] = np.linalg.pinv(
        design[:, free].T @ design[:, free], hermitian=True
    )
    return inverse


def scatter_covariance(inner: Array, design: Array, variance: float, root: Array | None) -> Array:
    """Return the covariance of least-squares parameters from the scatter of the points.

    Parameters
    ----------
    inner
        (JᵀJ)⁻¹, shape (P, P).
    design
        J, shape (N, P).
    variance
        Variance of one point.
    root
        How the noise of points is shared (`noise_root`); None where each has its own.
    """
    if root is None:
        return np.asarray(inner * variance)
    moved = inner @ design.T @ root
    return np.asarray(variance * moved @ moved.T)


def point_noise(x: Array, y: Array) -> float:
    """Return the standard error of one point of a smooth curve, from its scatter alone.

    Each point is compared with the cubic through its four neighbours, which needs no model. The
    mean square leaves out what lies beyond four times the robust scatter: glitches.
    """
    if x.size < 7:
        return math.nan
    near = np.stack([x[:-4], x[1:-3], x[3:-1], x[4:]])
    middle = x[2:-2]
    weights = np.ones_like(near)
    for i in range(4):
        for j in range(4):
            if i != j:
                weights[i] *= (middle - near[j]) / (near[i] - near[j])
    predicted = np.sum(weights * np.stack([y[:-4], y[1:-3], y[3:-1], y[4:]]), axis=0)
    scaled = (y[2:-2] - predicted) / np.sqrt(1.0 + np.sum(weights**2, axis=0))
    usual = 1.4826 * float(np.median(np.abs(scaled)))
    return float(np.sqrt(np.mean(scaled[np.abs(scaled) <= 4.0 * usual] ** 2)))


def _ascending(x_range: Any) -> tuple[float, float]:
    try:
        low, high = (float(value) for value in x_range)
    except (TypeError, ValueError):
        low, high = math.nan, math.nan
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise BadInput(f"the range is {x_range!r}", expected="two ascending numbers")
    return low, high


def _check_same_edge(spectra: Sequence[Measured], what: str) -> None:
    found = sorted({f"{s.element} {s.edge}" for s in spectra if s.element and s.edge})
    if len(found) > 1:
        raise BadInput(
            f"{what} are of different edges: {', '.join(found)}", expected="one element and edge"
        )
