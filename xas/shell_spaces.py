"""The space a shell fit looks at: χ(k), χ(R), χ(q) or a wavelet map, as a matrix on χ(k)."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np

from xorder.errors import BadInput
from xorder.results import Array
from xorder.xas.transforms import N_FFT, window_function
from xorder.xas.wavelets import WAVELETS, wavelet_kernels

__all__ = ["SPACES", "FitSpace", "WaveletBox", "independent_points", "space_matrix", "space_noise"]

#: Where a fit can be made: k-weighted χ(k), the transform, its inverse over the range of R, or the
#: wavelet map over the range of R and one of k.
SPACES = ("k", "r", "q", "wavelet")

#: Step in R (Å) of the wavelet maps that are fitted, and the lowest R: below it a wavelet is longer
#: than any spectrum.
MAP_STEP, MAP_START = 0.05, 0.3


@dataclass(frozen=True, kw_only=True, slots=True)
class WaveletBox:
    """Which part of which wavelet map a fit looks at."""

    k_range: tuple[float, float] | None = None
    """The box in k in Å⁻¹, the transformed range where None; the box in R is the fit's range."""
    wavelet: str = "morlet"
    """Kind of wavelet."""
    rho: float = 10.0
    """Resolution, as in `transform_to_wavelets`."""

    def __post_init__(self) -> None:
        if self.wavelet not in WAVELETS:
            raise BadInput(f"wavelet is {self.wavelet!r}", expected=" or ".join(WAVELETS))
        if not (math.isfinite(self.rho) and 1.0 <= self.rho <= 50.0):
            raise BadInput(f"rho is {self.rho:g}", expected="1 to 50; 5 to 15 is usual")
        if self.k_range is not None and not 0.0 <= self.k_range[0] < self.k_range[1]:
            raise BadInput(
                f"the box of the wavelet map is ({self.k_range[0]:g}, {self.k_range[1]:g}) Å⁻¹",
                expected="two ascending numbers",
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class FitSpace:
    """Ranges and weights of a fit."""

    k_range: tuple[float, float]
    """Middle of the window's slopes in Å⁻¹."""
    r_range: tuple[float, float]
    """Range in Å, without phase correction."""
    k_weight: tuple[float, ...] = (1.0, 2.0, 3.0)
    """Powers of k, all fitted at once."""
    window: str = "hanning"
    """Window in k."""
    dk: float = 1.0
    """Width of its slopes in Å⁻¹."""
    space: str = "r"
    """One of `SPACES`."""
    box: WaveletBox = WaveletBox()
    """The wavelet map and the part of it, where `space` is ``"wavelet"``."""
    background_r: float = 0.0
    """Distance in Å below which a spline takes up what is left of the background; none where 0."""

    def __post_init__(self) -> None:
        if self.space not in SPACES:
            raise BadInput(f"space is {self.space!r}", expected=", ".join(SPACES))
        low, high = self.r_range
        if not (math.isfinite(low) and math.isfinite(high) and 0.0 <= low < high <= 15.0):
            raise BadInput(
                f"r_range is ({low:g}, {high:g}) Å", expected="two ascending distances, 0 to 15 Å"
            )
        if not (math.isfinite(self.background_r) and 0.0 <= self.background_r < high):
            raise BadInput(
                f"background_r is {self.background_r:g} Å",
                expected=f"0 or a distance below {high:g} Å, the end of r_range",
            )
        if not self.k_weight:
            raise BadInput("k_weight is empty", expected="one power of k or several")
        for weight in self.k_weight:
            if not (math.isfinite(weight) and 0.0 <= weight <= 6.0):
                raise BadInput(f"k_weight is {weight:g}", expected="powers from 0 to 6")
        box = self.box.k_range
        if self.space == "wavelet" and box is not None:
            low, high = max(box[0], self.k_range[0]), min(box[1], self.k_range[1])
            if (low, high) != box:
                raise BadInput(
                    f"the box of the wavelet map runs from {box[0]:g} to {box[1]:g} Å⁻¹, beyond "
                    f"the range of k, ({self.k_range[0]:g}, {self.k_range[1]:g}) Å⁻¹",
                    expected="a box within k_range",
                )

    @property
    def box_k_range(self) -> tuple[float, float]:
        """What the fit sees of k, in Å⁻¹."""
        own = self.box.k_range if self.space == "wavelet" else None
        return own or self.k_range


def independent_points(space: FitSpace) -> float:
    r"""Return the number of independent points, :math:`2 \Delta k \Delta R / \pi + 1`.

    The convention of larch; Artemis leaves out the one, Stern (Phys. Rev. B 48, 9825, 1993) adds
    two. Several k-weights of one spectrum add none; of a wavelet map the box counts.
    """
    (k_min, k_max), (r_min, r_max) = space.box_k_range, space.r_range
    return 1.0 + 2.0 * (k_max - k_min) * (r_max - r_min) / math.pi


@functools.lru_cache(maxsize=32)
def space_matrix(space: FitSpace, k_step: float, points: int) -> tuple[Array, slice]:
    """Return the shortest matrix from χ(k) to the fitted space, and the columns it covers.

    Before it is shortened a row is a point of the space (real and imaginary part in R, each
    k-weight) over the standard error that white noise of standard deviation one in χ(k) has there,
    so that k-weights count alike; in R the window is not counted, as in larch (whose error is
    smaller by √2). Rows of one space depend on one another: the matrix returned has as many as
    are independent, and gives for every χ(k) the same mean square.

    Parameters
    ----------
    space
        Ranges, weights, window and space.
    k_step
        Step of k in Å⁻¹.
    points
        Number of points of χ(k), from k = 0.

    Returns
    -------
    :
        The matrix, shape (rows, columns), and the slice of points that are its columns.
    """
    k = k_step * np.arange(points, dtype=np.float64)
    square, rows = _square(space, k, k_step)
    strength = np.diag(square)
    if not rows or not np.max(strength) > 0:
        raise BadInput("the ranges of the fit hold no point", expected="wider ranges")
    used = np.flatnonzero(strength > 1e-24 * np.max(strength))
    columns = slice(int(used[0]), int(used[-1]) + 1)
    short = _root(square[columns, columns])
    short *= math.sqrt(len(short) / rows)
    short.setflags(write=False)
    return short, columns


@functools.lru_cache(maxsize=32)
def space_noise(space: FitSpace, k_step: float, points: int) -> tuple[Array, float, float]:
    """Return the covariance of white noise of one in χ(k), its squares' sum, and its trace.

    As `space_matrix` shows it to a fit: with M the matrix, MMᵀ.
    """
    matrix, _ = space_matrix(space, k_step, points)
    white = np.asarray(matrix @ matrix.T)
    white.setflags(write=False)
    return white, float(np.sum(white**2)), float(np.trace(white))


def _square(space: FitSpace, k: Array, step: float) -> tuple[Array, int]:
    """Return MᵀM of the matrix M of all points of the space, and the number of its rows."""
    start = int(max(0.0, 0.01 + space.k_range[0] / step))
    stop = min(k.size, int(0.01 + space.k_range[1] / step))
    weights = np.array(space.k_weight)
    if space.space == "k":
        # χ(k) itself has the error one at each point.
        inside = (np.arange(k.size) >= start) & (np.arange(k.size) < stop)
        return np.diag(inside * np.sum(k[:, None] ** (2 * weights), axis=1)), (
            max(0, stop - start) * weights.size
        )
    shape = window_function(k, k_range=space.k_range, dk=space.dk, window=space.window)
    r_step = math.pi / (step * N_FFT)
    inside_r = r_step * np.arange(
        int(0.01 + space.r_range[0] / r_step), int(0.01 + space.r_range[1] / r_step)
    )
    power = 2 * weights + 1
    error = np.sqrt(
        step * (space.k_range[1] ** power - space.k_range[0] ** power) / (2 * math.pi * power)
    )
    if space.space == "wavelet":
        return _wavelet_square(space, k, shape * k ** weights[:, None])
    waves = shape * k ** weights[:, None] * (step / math.sqrt(math.pi) / error)[:, None]
    apart = np.abs(np.subtract.outer(np.arange(k.size), np.arange(k.size)))
    if space.space == "r":
        # Re and Im of e^(2ikR) at all R: their squares depend on the difference of k alone.
        beat = np.cos(2 * np.outer(step * np.arange(k.size), inside_r)).sum(axis=1)
        return (waves.T @ waves) * beat[apart], 2 * inside_r.size * weights.size
    # There and back again: a sum over R for each pair of wavenumbers.
    back = np.cos(2 * np.outer(step * np.arange(k.size), inside_r)).sum(axis=1)[apart]
    filtered = [back[start:stop] * wave for wave in waves]
    # Noise of one in χ(k) has the mean square one in each k-weight's χ(q).
    unit = [block / math.sqrt(np.mean(np.sum(block**2, axis=1))) for block in filtered]
    square = np.sum([block.T @ block for block in unit], axis=0)
    return square, (stop - start) * weights.size


def _wavelet_square(space: FitSpace, k: Array, waves: Array) -> tuple[Array, int]:
    """Return MᵀM and the number of rows where M gives the map in the box, each k-weight's own.

    A map is k^n χ(k) filtered at each R, so that all k-weights share one matrix of filters, and
    white noise of one in χ(k) has the mean square one in each k-weight's map.
    """
    step = float(k[1] - k[0])
    low, high = space.r_range
    r = np.arange(max(low, MAP_START), high + 0.5 * MAP_STEP, MAP_STEP)
    inside = np.flatnonzero((k >= space.box_k_range[0] - 1e-9) & (k <= space.box_k_range[1] + 1e-9))
    apart = inside[:, None] - np.arange(k.size)
    shared = np.zeros((k.size, k.size))
    for kernel in wavelet_kernels(r, space.box.wavelet, space.box.rho, step):
        rows = kernel[apart]
        shared += rows.real.T @ rows.real + rows.imag.T @ rows.imag
    count = 2 * r.size * inside.size
    squares = [np.outer(wave, wave) * shared for wave in waves]
    square = np.sum([one * (count / np.trace(one)) for one in squares], axis=0)
    return square, count * len(waves)


def _root(square: Array) -> Array:
    """Return the shortest L with LᵀL = square, by Cholesky's method with pivots.

    Its rank is that of the space, some tens; the rest is rounding.
    """
    left = np.diag(square).copy()
    smallest = 1e-13 * float(np.max(left))
    rows = np.empty((left.size, left.size))
    count = 0
    while count < left.size:
        pivot = int(np.argmax(left))
        if left[pivot] <= smallest:
            break
        row = square[pivot] - rows[:count, pivot] @ rows[:count]
        rows[count] = row / math.sqrt(left[pivot])
        left -= rows[count] ** 2
        count += 1
    return rows[:count].copy()
