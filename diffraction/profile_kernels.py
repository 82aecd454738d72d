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
        lorentz = area[line] * eta[line] * _LORENTZ_NORM / width
        gauss = area[line] * (1.0 - eta[line]) * _GAUSS_NORM / width
        middle = centre[line]
        inverse = 1.0 / width
        for i in range(first[line], last[line]):
            ratio = (two_theta[i] - middle) * inverse
            squared = ratio * ratio
            total[i] += lorentz / (1.0 + 4.0 * squared)
            if squared < _GAUSS_END * _GAUSS_END:
                total[i] += gauss * math.exp(-_FOUR_LN2 * squared)
