"""The one loop of profile summation that arrays cannot do: each line in its own window."""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from xorder.results import Array

__all__ = ["add_lines"]

#: exp(-4 ln 2 · 4²) = 5e-20: a Gaussian ends here, in FWHM from its centre.
_GAUSS_END = 4.0
_FOUR_LN2 = 4.0 * math.log(2.0)
_GAUSS_NORM = 2.0 * math.sqrt(math.log(2.0) / math.pi)
_LORENTZ_NORM = 2.0 / math.pi


@njit(cache=True)  # type: ignore[untyped-decorator]
def add_lines(
    two_theta: Array,
    centre: Array,
    area: Array,
    fwhm: Array,
    eta: Array,
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    total: Array,
) -> None:
    """Add every line to `total` between its first and last point."""
    done = len(centre) - len(centre) % 4
    for line in range(0, done, 4):
        _add_four_tails(two_theta, centre, area, fwhm, eta, first, last, total, line)
    for line in range(done, len(centre)):
        height = area[line] * eta[line] * _LORENTZ_NORM * fwhm[line]
        _add_tail(two_theta, centre[line], height, fwhm[line], first[line], last[line], total)
    for line in range(len(centre)):
        width, middle = fwhm[line], centre[line]
        gauss = area[line] * (1.0 - eta[line]) * _GAUSS_NORM / width
        scale = -_FOUR_LN2 / (width * width)
        low = np.searchsorted(two_theta, middle - _GAUSS_END * width)
        high = np.searchsorted(two_theta, middle + _GAUSS_END * width)
        for i in range(max(first[line], low), min(last[line], high)):
            offset = two_theta[i] - middle
            total[i] += gauss * math.exp(scale * offset * offset)


@njit(cache=True)  # type: ignore[untyped-decorator]
def _add_tail(
    two_theta: Array, centre: float, height: float, fwhm: float, first: int, last: int, total: Array
) -> None:
    """Add one Lorentzian, height / (Γ² + 4 x²), between two points."""
    quarter = fwhm * fwhm
    # Unsigned indices need no check for counting from the end, so several points go at once.
    for i in range(np.uint64(first), np.uint64(last)):
        offset = two_theta[i] - centre
        total[i] += height / (quarter + 4.0 * offset * offset)


@njit(cache=True)  # type: ignore[untyped-decorator]
def _add_four_tails(
    two_theta: Array,
    centre: Array,
    area: Array,
    fwhm: Array,
    eta: Array,
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    total: Array,
    line: int,
) -> None:
    """Add four Lorentzians: on their common points with one division, which is what costs."""
    end = line + 4
    low, high = first[line:end].max(), last[line:end].min()
    high = max(low, high)
    heights = area[line:end] * eta[line:end] * _LORENTZ_NORM * fwhm[line:end]
    for n in range(4):
        k, start, stop = line + n, first[line + n], last[line + n]
        _add_tail(two_theta, centre[k], heights[n], fwhm[k], start, min(low, stop), total)
        _add_tail(two_theta, centre[k], heights[n], fwhm[k], max(high, start), stop, total)
    h0, h1, h2, h3 = heights[0], heights[1], heights[2], heights[3]
    c0, c1, c2, c3 = centre[line], centre[line + 1], centre[line + 2], centre[line + 3]
    w0, w1 = fwhm[line] ** 2, fwhm[line + 1] ** 2
    w2, w3 = fwhm[line + 2] ** 2, fwhm[line + 3] ** 2
    for i in range(np.uint64(low), np.uint64(high)):
        x = two_theta[i]
        q0, q1 = w0 + 4.0 * (x - c0) ** 2, w1 + 4.0 * (x - c1) ** 2
        q2, q3 = w2 + 4.0 * (x - c2) ** 2, w3 + 4.0 * (x - c3) ** 2
        q01, q23 = q0 * q1, q2 * q3
        total[i] += ((h0 * q1 + h1 * q0) * q23 + (h2 * q3 + h3 * q2) * q01) / (q01 * q23)
