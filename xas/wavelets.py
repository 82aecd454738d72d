"""Wavelet maps of χ(k): where in k and in R a signal lies, with the resolution stated."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xorder.errors import BadInput
from xorder.results import Array, Result, quantity, recorded
from xorder.xas.transforms import checked_k_range, window_function

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from xorder.xas.background import Exafs

__all__ = [
    "WAVELETS",
    "WaveletMaximum",
    "WaveletMean",
    "Wavelets",
    "transform_to_wavelets",
    "wavelet_kernels",
    "wavelet_map",
    "wavelet_maximum",
    "wavelet_mean",
]

WAVELETS = ("morlet", "cauchy")

#: Points of the transform: 4096 steps of 0.05 Å⁻¹ keep the ends of the data apart.
N_FFT = 4096

#: A maximum lower than this share of the range's highest point is a ripple on a slope.
STANDING_OUT = 0.5


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Wavelets(Result):
    """A wavelet map of k^k_weight χ(k), without phase correction."""

    r: Array = quantity("Å", symbol="R", dims=("r",))
    """Distance, shape (R,)."""
    k: Array = quantity("Å⁻¹", symbol="k", dims=("k",))
    """Wavenumber, shape (K,)."""
    magnitude: Array = quantity("Å^-k_weight", symbol="|W|", dims=("r", "k"))
    """Magnitude of the map, shape (R, K): the envelope of a signal that is a pure wave."""
    real: Array = quantity("Å^-k_weight", symbol="Re W", dims=("r", "k"))
    """Real part, shape (R, K)."""
    imaginary: Array = quantity("Å^-k_weight", symbol="Im W", dims=("r", "k"))
    """Imaginary part, shape (R, K)."""
    sigma_r: Array = quantity("Å", symbol="σ(R)", dims=("r",))
    """Half axis of the resolution ellipse along R, R / rho."""
    sigma_k: Array = quantity("Å⁻¹", symbol="σ(k)", dims=("r",))
    """Half axis of the resolution ellipse along k, rho / 2R."""
    rho: float = quantity()
    """Resolution: √n of a Cauchy wavelet of order n, κσ of a Morlet wavelet."""
    wavelet: str = "morlet"
    """Kind of wavelet."""
    k_range: tuple[float, float] = quantity("Å⁻¹")
    """Middle of the window's slopes."""
    k_weight: float = quantity()
    """Power of k."""
    window_name: str = "hanning"
    """Kind of window."""
    dk: float = quantity("Å⁻¹", default=1.0)
    """Width of the window's slopes."""
    weight: Array = quantity("Å^-k_weight", symbol="window k^n", dims=("k",))
    """Window times k^k_weight: what one unit of χ(k) enters the map with."""
    epsilon_k: float = quantity(symbol="ε(k)")
    """Standard error of a point of χ(k)."""
    name: str = ""
    """Name of the sample."""
    simulated: bool = False
    """True for a calculated spectrum."""

    def plot(self, ax: Axes | None = None, **artist_kwargs: Any) -> list[Any]:
        """Draw the map with its resolution ellipse on Matplotlib axes; return the artists."""
        from xorder.xas.plots import plot_wavelets

        return plot_wavelets(self, ax, **artist_kwargs)


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
    """Why there is no maximum."""


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
def transform_to_wavelets(
    exafs: Exafs,
    *,
    k_range: tuple[float, float] | None = None,
    k_weight: float = 2.0,
    wavelet: str = "morlet",
    rho: float = 10.0,
    r_range: tuple[float, float] = (0.5, 6.0),
    r_step: float = 0.03,
    window: str = "hanning",
    dk: float = 1.0,
) -> Wavelets:
    r"""Return the wavelet map of :math:`k^n\chi(k)`.

    With :math:`x = R'/R`, R' the distance conjugate to 2k, each row R of the map is
    :math:`k^n\chi` filtered by

    .. math:: 2\,x^n e^{n(1-x)} \quad\text{(Cauchy; Muñoz et al., Am. Mineral. 88, 694, 2003)}

    .. math:: 2\,(e^{-\rho^2(x-1)^2/2} - e^{-\rho^2(x^2+1)/2})
        \quad\text{(Morlet; Funke et al., Phys. Rev. B 71, 094110, 2005)}

    Both are one at their peak and have the resolution :math:`\sigma_R = R/\rho`,
    :math:`\sigma_k = \rho/2R`, with :math:`\rho = \sqrt{n} = \kappa\sigma`. It is a setting, never
    a consequence of what is plotted, so that maps can be compared.

    Parameters
    ----------
    exafs
        χ(k) in even steps.
    k_range, k_weight, window, dk
        As in `transform_to_r`.
    wavelet
        ``"morlet"`` or ``"cauchy"``.
    rho
        Resolution. At 4.2 Å, 10 gives σ(k) = 1.2 Å⁻¹ and σ(R) = 0.42 Å.
    r_range, r_step
        Distances of the map in Å.

    Raises
    ------
    BadInput
        An unknown wavelet, a resolution below 1, or a range that is empty or beyond the data.
    """
    k_range = checked_k_range(exafs, k_range)
    _check(wavelet, rho, r_range, r_step, k_weight)
    k = exafs.k
    weight = window_function(k, k_range=k_range, dk=dk, window=window) * k**k_weight
    count = int((r_range[1] - r_range[0]) / r_step + 1.5)
    r: Array = r_range[0] + r_step * np.arange(count, dtype=float)
    r = r[r > 0]
    step = float(k[1] - k[0])
    complex_map = wavelet_map(exafs.chi * weight, r, wavelet=wavelet, rho=rho, step=step)
    return Wavelets(
        r=r,
        k=k,
        magnitude=np.abs(complex_map),
        real=np.ascontiguousarray(complex_map.real),
        imaginary=np.ascontiguousarray(complex_map.imag),
        sigma_r=r / rho,
        sigma_k=rho / (2.0 * r),
        rho=float(rho),
        wavelet=wavelet,
        k_range=k_range,
        k_weight=float(k_weight),
        window_name=window,
        dk=float(dk),
        weight=weight,
        epsilon_k=exafs.epsilon_k,
        name=exafs.name,
        simulated=exafs.simulated,
    )


def wavelet_map(
    weighted: Array, r: Array, *, wavelet: str, rho: float, step: float
) -> NDArray[np.complex128]:
    """Return the complex map of a weighted χ(k) on even steps from k = 0, shape (R, K)."""
    spectrum = np.fft.fft(weighted, n=N_FFT)[: N_FFT // 2]
    filtered = np.zeros((r.size, N_FFT), dtype=complex)
    filtered[:, : N_FFT // 2] = _filters(r, wavelet, rho, step) * spectrum
    return np.asarray(np.fft.ifft(filtered, axis=1)[:, : weighted.size])


def wavelet_kernels(r: Array, wavelet: str, rho: float, step: float) -> NDArray[np.complex128]:
    """Return what one point of weighted χ(k) adds to the map, shape (R, N_FFT).

    The columns are the steps of k from that point onwards; those before it stand at the end.
    """
    filters = np.zeros((r.size, N_FFT))
    filters[:, : N_FFT // 2] = _filters(r, wavelet, rho, step)
    return np.asarray(np.fft.ifft(filters, axis=1))


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
    the slope of something outside), is none: ``success`` is False and the numbers are NaN.

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
    values = wavelets.magnitude[tops[:, 0], tops[:, 1]]
    row, column = tops[np.argmax(values)]
    if np.max(values) < STANDING_OUT * np.max(wavelets.magnitude[rows, columns]):
        return _no_maximum("no maximum stands out in the range from the slopes at its border")
    found = _paraboloid(wavelets, int(row), int(column))
    if found.value < 5.0 * found.value_stderr:
        return _no_maximum("the highest maximum in the range is within the noise")
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
    filters[:, : N_FFT // 2] = _filters(wavelets.r[rows], wavelets.wavelet, wavelets.rho, step)
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


def _check(
    wavelet: str, rho: float, r_range: tuple[float, float], r_step: float, k_weight: float
) -> None:
    if wavelet not in WAVELETS:
        raise BadInput(f"wavelet is {wavelet!r}", expected=" or ".join(WAVELETS))
    if not (math.isfinite(rho) and 1.0 <= rho <= 50.0):
        raise BadInput(f"rho is {rho:g}", expected="1 to 50; 5 to 15 is usual")
    if not 0 <= r_range[0] < r_range[1] <= 30.0:
        raise BadInput(
            f"r_range is ({r_range[0]:g}, {r_range[1]:g}) Å",
            expected="two ascending distances from 0 to 30 Å",
        )
    if not 0.005 <= r_step <= (r_range[1] - r_range[0]) / 4:
        raise BadInput(f"r_step is {r_step:g} Å", expected="0.005 Å to a quarter of r_range")
    if not (math.isfinite(k_weight) and k_weight >= 0):
        raise BadInput(f"k_weight is {k_weight:g}", expected="0 or above")


def _filters(r: Array, wavelet: str, rho: float, step: float) -> Array:
    """Return the filter of each distance over R' = π m / (N δk), shape (R, N_FFT / 2)."""
    conjugate = np.pi / (N_FFT * step) * np.arange(N_FFT // 2)
    x = conjugate / r[:, None]
    if wavelet == "morlet":
        square = 0.5 * rho**2
        return np.asarray(2.0 * (np.exp(-square * (x - 1) ** 2) - np.exp(-square * (x**2 + 1))))
    with np.errstate(divide="ignore"):
        return np.asarray(2.0 * np.exp(rho**2 * (np.log(x) + 1.0 - x)))


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
