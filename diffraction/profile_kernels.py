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
    for line in range(len(centre)):
        width = fwhm[line]
        # Unsigned indices need no check for counting from the end.
        start, end = np.uint64(first[line]), np.uint64(last[line])
        middle = centre[line]
        # Without a branch inside, the compiler works on several points at once.
        height = area[line] * eta[line] * _LORENTZ_NORM * width
        quarter = width * width
        for i in range(start, end):
            offset = two_theta[i] - middle
            total[i] += height / (quarter + 4.0 * offset * offset)
        gauss = area[line] * (1.0 - eta[line]) * _GAUSS_NORM / width
        scale = -_FOUR_LN2 / (width * width)
        low = np.uint64(np.searchsorted(two_theta, middle - _GAUSS_END * width))
        high = np.uint64(np.searchsorted(two_theta, middle + _GAUSS_END * width))
        for i in range(max(start, low), min(end, high)):
            offset = two_theta[i] - middle
            total[i] += gauss * math.exp(scale * offset * offset)
