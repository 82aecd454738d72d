"""Features of a wavelet map: its maximum in a range, and its mean over a box."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from xorder.errors import BadInput
from xorder.results import Array, Result, quantity, recorded
from xorder.xas.wavelets import N_FFT, Wavelets, wavelet_filters, wavelet_kernels

__all__ = ["WaveletMaximum", "WaveletMean", "wavelet_maximum", "wavelet_mean"]

#: A maximum lower than this share of the range's highest point is a ripple on a slope.
STANDING_OUT = 0.5

#: A maximum this near to the end of the range of k, in units of σ(k), is the end's: that of a wave
#: which changes by a third within σ(k) lies there.
AT_END = 0.75


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class WaveletMaximum(Result):
    """The maximum of a wavelet map in a range of k and R."""

    k: float = quantity("Å⁻¹")
    """Position in k."""
    k_stderr: float = quantity("Å⁻¹")
    """Standard error from the noise of χ(k)."""
    r: float = quantity("Å")
    """Position in R, not phase-corrected."""
    r_stderr: float = quantity("Å")
    """Standard error from the noise of χ(k)."""
    value: float = quantity("Å^-k_weight")
    """|W| at the maximum."""
    value_stderr: float = quantity("Å^-k_weight")
    """Standard error from the noise of χ(k)."""
    success: bool = True
    """False where the range holds no maximum."""
    message: str = ""
    """Why there is no maximum, or what its position and height depend on."""


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class WaveletMean(Result):
    """The mean of a wavelet map over a box in k and R: defined whether or not it has a maximum."""

    value: float = quantity("Å^-k_weight")
    """Mean of |W|."""
    stderr: float = quantity("Å^-k_weight")
    """Standard error from the noise of χ(k)."""
    k_range: tuple[float, float] = quantity("Å⁻¹")
    """The box in k."""
    r_range: tuple[float, float] = quantity("Å")
    """The box in R."""


@recorded
def wavelet_maximum(
    wavelets: Wavelets,
    *,
    k_range: tuple[float, float] | None = None,
    r_range: tuple[float, float] | None = None,
) -> WaveletMaximum:
    """Return the highest maximum of a map in a range, by a paraboloid through its neighbours.

    Standard errors follow white noise of `Wavelets.epsilon_k` through the map to first order. A
    maximum within five standard errors, or below half of the range's highest point (a ripple on
    the slope of something outside), is none: ``success`` is False and the numbers are NaN. So is
    one at the end of the map's range of k, within the window's slope or three quarters of σ(k): the
    range makes it, not the sample. Within σ(k) of the end a maximum stands, with a message: the
    range has a share in it.

    Parameters
    ----------
    wavelets
        The map.
    k_range, r_range
        Where to look, in Å⁻¹ and Å; the map's own ranges where None.

    Raises
    ------
    BadInput
        A range that holds no point of the map.
    """
    rows, columns = _box(wavelets, k_range, r_range)
    inside = np.zeros(wavelets.magnitude.shape, dtype=bool)
    inside[rows, columns] = True
    tops = np.argwhere(inside & _is_maximum(wavelets.magnitude))
    if tops.size == 0:
        return _no_maximum("the map has no maximum in the range, only slopes")
    at_end = _from_end(wavelets, tops) < AT_END
    values = wavelets.magnitude[tops[:, 0], tops[:, 1]]
    stands_out = values >= STANDING_OUT * np.max(wavelets.magnitude[rows, columns])
    if not np.any(stands_out & ~at_end):
        if not np.any(stands_out):
            return _no_maximum("no maximum stands out in the range from the slopes at its border")
        row, column = tops[np.argmax(np.where(at_end, values, 0.0))]
        return _no_maximum(
            f"the map is highest at k = {wavelets.k[column]:.1f} Å⁻¹, R = {wavelets.r[row]:.1f} Å, "
            f"at the end of the range of k, {wavelets.k_range[0]:g} to {wavelets.k_range[1]:g} "
            "Å⁻¹, which makes that maximum"
        )
    row, column = tops[np.argmax(np.where(at_end, 0.0, values))]
    found = _paraboloid(wavelets, int(row), int(column))
    if found.value < 5.0 * found.value_stderr:
        return _no_maximum("the highest maximum in the range is within the noise")
    if _from_end(wavelets, np.array([[row, column]]))[0] < 1.0:
        message = (
            f"the maximum at k = {found.k:.1f} Å⁻¹ is within the resolution, "
            f"{wavelets.sigma_k[row]:.1f} Å⁻¹, of the end of the range of k, on which its place "
            "and height depend"
        )
        return replace(found, message=message)
    return found


@recorded
def wavelet_mean(
    wavelets: Wavelets,
    *,
    k_range: tuple[float, float] | None = None,
    r_range: tuple[float, float] | None = None,
) -> WaveletMean:
    """Return the mean of a map over a box; arguments and errors are those of `wavelet_maximum`."""
    rows, columns = _box(wavelets, k_range, r_range)
    part = wavelets.magnitude[rows, columns]
    # The mean's answer to each point of χ(k): the map's adjoint on the phases of the box.
    phases = np.zeros((part.shape[0], N_FFT), dtype=complex)
    value = wavelets.real[rows, columns] + 1j * wavelets.imaginary[rows, columns]
    phases[:, columns] = value / np.maximum(part, 1e-300) / part.size
    step = float(wavelets.k[1] - wavelets.k[0])
    filters = np.zeros((part.shape[0], N_FFT))
    filters[:, : N_FFT // 2] = wavelet_filters(
        wavelets.r[rows], wavelets.wavelet, wavelets.rho, step
    )
    adjoint = np.fft.ifft(np.sum(filters * np.fft.fft(phases, axis=1), axis=0))
    response = adjoint[: wavelets.k.size].real * wavelets.weight
    return WaveletMean(
        value=float(np.mean(part)),
        stderr=float(wavelets.epsilon_k * np.sqrt(np.sum(response**2))),
        k_range=(float(wavelets.k[columns][0]), float(wavelets.k[columns][-1])),
        r_range=(float(wavelets.r[rows][0]), float(wavelets.r[rows][-1])),
    )


def _box(
    wavelets: Wavelets, k_range: tuple[float, float] | None, r_range: tuple[float, float] | None
) -> tuple[slice, slice]:
    """Return the rows and columns of the map in the ranges."""
    k_low, k_high = k_range or wavelets.k_range
    r_low, r_high = r_range or (float(wavelets.r[0]), float(wavelets.r[-1]))
    rows = np.flatnonzero((wavelets.r >= r_low) & (wavelets.r <= r_high))
    columns = np.flatnonzero((wavelets.k >= k_low) & (wavelets.k <= k_high))
    if rows.size < 3 or columns.size < 3:
        raise BadInput(
            f"the map has {rows.size} distances in ({r_low:g}, {r_high:g}) Å and {columns.size} "
            f"wavenumbers in ({k_low:g}, {k_high:g}) Å⁻¹",
            expected="at least three of each",
        )
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _paraboloid(wavelets: Wavelets, row: int, column: int) -> WaveletMaximum:
    around = wavelets.magnitude[row - 1 : row + 2, column - 1 : column + 2]
    h_r = float(wavelets.r[1] - wavelets.r[0])
    h_k = float(wavelets.k[1] - wavelets.k[0])
    slope = _gradient(around, h_k, h_r)
    cross = (around[2, 2] - around[2, 0] - around[0, 2] + around[0, 0]) / (4 * h_k * h_r)
    hessian = np.array(
        [
            [(around[1, 2] - 2 * around[1, 1] + around[1, 0]) / h_k**2, cross],
            [cross, (around[2, 1] - 2 * around[1, 1] + around[0, 1]) / h_r**2],
        ]
    )
    if not (hessian[0, 0] < 0 and np.linalg.det(hessian) > 0):
        return _no_maximum("the highest point is a ridge, not a maximum")
    shift = -np.linalg.solve(hessian, slope)
    value = float(around[1, 1] + 0.5 * slope @ shift)
    responses = _responses(wavelets, row, column)
    slopes = np.stack(
        [
            (responses[1, 2] - responses[1, 0]) / (2 * h_k),
            (responses[2, 1] - responses[0, 1]) / (2 * h_r),
        ]
    )
    positions = np.linalg.solve(hessian, slopes) * wavelets.epsilon_k
    k_stderr, r_stderr = np.sqrt(np.sum(positions**2, axis=1))
    return WaveletMaximum(
        k=float(wavelets.k[column] + shift[0]),
        k_stderr=float(k_stderr),
        r=float(wavelets.r[row] + shift[1]),
        r_stderr=float(r_stderr),
        value=value,
        value_stderr=float(wavelets.epsilon_k * np.sqrt(np.sum(responses[1, 1] ** 2))),
    )


def _is_maximum(values: Array) -> NDArray[np.bool_]:
    """Return which points are higher than their eight neighbours; points of the border are not."""
    top = np.zeros(values.shape, dtype=bool)
    if min(values.shape) < 3:
        return top
    middle = values[1:-1, 1:-1]
    higher = np.ones(middle.shape, dtype=bool)
    rows, columns = values.shape
    for i, j in ((i, j) for i in range(3) for j in range(3) if (i, j) != (1, 1)):
        higher &= middle > values[i : rows - 2 + i, j : columns - 2 + j]
    top[1:-1, 1:-1] = higher
    return top


def _from_end(wavelets: Wavelets, points: NDArray[np.int64]) -> Array:
    """Return how far points (row, column) are from an end of the range of k, in units of σ(k).

    What lies on the window's slope lies at the end.
    """
    low, high = wavelets.k_range
    k = wavelets.k[points[:, 1]]
    distance = np.minimum(k - low, high - k)
    return np.where(distance < 0.5 * wavelets.dk, 0.0, distance / wavelets.sigma_k[points[:, 0]])


def _gradient(around: Array, h_k: float, h_r: float) -> Array:
    return np.array(
        [(around[1, 2] - around[1, 0]) / (2 * h_k), (around[2, 1] - around[0, 1]) / (2 * h_r)]
    )


def _responses(wavelets: Wavelets, row: int, column: int) -> Array:
    """Return how |W| at 3 × 3 points answers to each point of χ(k), shape (3, 3, K)."""
    rows = slice(row - 1, row + 2)
    step = float(wavelets.k[1] - wavelets.k[0])
    kernels = wavelet_kernels(wavelets.r[rows], wavelets.wavelet, wavelets.rho, step)
    value = wavelets.real + 1j * wavelets.imaginary
    responses = np.empty((3, 3, wavelets.k.size))
    points = np.arange(wavelets.k.size)
    for j, at in enumerate((column - 1, column, column + 1)):
        turned = np.conj(value[rows, at] / np.abs(value[rows, at]))
        responses[:, j] = (kernels[:, (at - points) % N_FFT] * turned[:, None]).real
    return responses * wavelets.weight


def _no_maximum(message: str) -> WaveletMaximum:
    nan = math.nan
    return WaveletMaximum(
        k=nan,
        k_stderr=nan,
        r=nan,
        r_stderr=nan,
        value=nan,
        value_stderr=nan,
        success=False,
        message=message,
    )
