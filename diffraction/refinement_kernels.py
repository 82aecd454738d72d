"""The loop of whole-pattern refinement: lines and their derivatives summed into columns."""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from xorder.results import Array

__all__ = ["add_lines_and_columns", "add_profiles", "share_out"]

#: exp(-4 ln 2 · 4²) = 5e-20: a Gaussian ends here, in FWHM from its centre.
_GAUSS_END = 4.0
_FOUR_LN2 = 4.0 * math.log(2.0)
_GAUSS_NORM = 2.0 * math.sqrt(math.log(2.0) / math.pi)
_LORENTZ_NORM = 2.0 / math.pi


@njit(cache=True, fastmath=True, error_model="numpy")  # type: ignore[untyped-decorator]
def add_lines_and_columns(
    two_theta: Array,
    lines: Array,
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    area_rows: Array,
    centre_rows: Array,
    fwhm_rows: Array,
    eta_rows: Array,
    total: Array,
    area_columns: Array,
    centre_columns: Array,
    shape_columns: Array,
) -> None:
    """Add every line and its derivatives, point by point.

    `lines` holds centre, area, fwhm and eta of each line; the rows hold the derivatives of these
    by the parameters, one row a line, and the columns receive d total / d parameter.
    """
    n_area = area_rows.shape[1]
    n_centre = centre_rows.shape[1]
    n_shape = fwhm_rows.shape[1]
    for line in range(len(lines)):
        centre, area, fwhm, eta = lines[line]
        inverse = 1.0 / fwhm
        for i in range(first[line], last[line]):
            ratio = (two_theta[i] - centre) * inverse
            squared = ratio * ratio
            bell = 1.0 / (1.0 + 4.0 * squared)
            lorentz = _LORENTZ_NORM * inverse * bell
            gauss = 0.0
            if squared < _GAUSS_END * _GAUSS_END:
                gauss = _GAUSS_NORM * inverse * math.exp(-_FOUR_LN2 * squared)
            value = eta * lorentz + (1.0 - eta) * gauss
            by_ratio = -ratio * (8.0 * eta * lorentz * bell + 2.0 * _FOUR_LN2 * (1.0 - eta) * gauss)
            total[i] += area * value
            for c in range(n_area):
                area_columns[i, c] += value * area_rows[line, c]
            by_centre = -area * by_ratio * inverse
            for c in range(n_centre):
                centre_columns[i, c] += by_centre * centre_rows[line, c]
            by_fwhm = -area * (value + ratio * by_ratio) * inverse
            by_eta = area * (lorentz - gauss)
            for c in range(n_shape):
                shape_columns[i, c] += by_fwhm * fwhm_rows[line, c] + by_eta * eta_rows[line, c]


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def share_out(
    two_theta: Array,
    lines: Array,
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    ratio: Array,
    observed: Array,
    calculated: Array,
) -> None:
    """Add up each line's share of the measured and of the calculated intensity.

    At every point a line gets the part of the measured intensity (`ratio` to the calculated one)
    that it has in the model.
    """
    points = len(two_theta)
    for line in range(len(lines)):
        centre, area, fwhm, eta = lines[line]
        inverse = 1.0 / fwhm
        for i in range(first[line], last[line]):
            before, after = max(i - 1, 0), min(i + 1, points - 1)
            step = (two_theta[after] - two_theta[before]) / (after - before)
            squared = ((two_theta[i] - centre) * inverse) ** 2
            value = eta * _LORENTZ_NORM / (1.0 + 4.0 * squared)
            if squared < _GAUSS_END * _GAUSS_END:
                value += (1.0 - eta) * _GAUSS_NORM * math.exp(-_FOUR_LN2 * squared)
            intensity = area * value * inverse * step
            calculated[line] += intensity
            observed[line] += intensity * ratio[i]


@njit(cache=True, fastmath=True, error_model="numpy")  # type: ignore[untyped-decorator]
def add_profiles(
    two_theta: Array,
    lines: Array,
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    column: NDArray[np.int64],
    columns: Array,
) -> None:
    """Add every line to its own column; lines of column -1 are left out."""
    for line in range(len(lines)):
        if column[line] < 0:
            continue
        centre, area, fwhm, eta = lines[line]
        inverse = 1.0 / fwhm
        for i in range(first[line], last[line]):
            squared = ((two_theta[i] - centre) * inverse) ** 2
            value = eta * _LORENTZ_NORM / (1.0 + 4.0 * squared)
            if squared < _GAUSS_END * _GAUSS_END:
                value += (1.0 - eta) * _GAUSS_NORM * math.exp(-_FOUR_LN2 * squared)
            columns[i, column[line]] += area * inverse * value
