"""Wavelet maps of χ(k): where in k and in R a signal lies, with the resolution stated."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator
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
    "Wavelets",
    "transform_to_wavelets",
    "wavelet_filters",
    "wavelet_kernels",
    "wavelet_map",
]

WAVELETS = ("morlet", "cauchy")

#: Points of the transform: 4096 steps of 0.05 Å⁻¹ keep the ends of the data apart.
N_FFT = 4096

#: Lengths that transforms may have.
SIZES = (512, 640, 768, 1024, 1280, 1536, 2048, 3072, N_FFT)

#: Numbers that stay in the processor's cache.
BLOCK = 16384

#: Filters that reach less than one in these of the points are summed wave by wave.
FEW = 16

#: A wavelet's envelope ends where it is exp(-FADED / 2) of its height, 4e-11.
FADED = 48.0


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
    magnitude, real, imaginary = (np.empty((r.size, k.size)) for _ in range(3))
    for rows, block in _blocks(exafs.chi * weight, r, wavelet, rho, step):
        magnitude[rows], real[rows], imaginary[rows] = np.abs(block), block.real, block.imag
    return Wavelets(
        r=r,
        k=k,
        magnitude=magnitude,
        real=real,
        imaginary=imaginary,
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
    found = np.empty((r.size, weighted.size), dtype=complex)
    for rows, block in _blocks(weighted, r, wavelet, rho, step):
        found[rows] = block
    return found


def _blocks(
    weighted: Array, r: Array, wavelet: str, rho: float, step: float
) -> Iterator[tuple[slice, NDArray[np.complex128]]]:
    """Yield the map in blocks of rows that the processor's cache holds."""
    from scipy.fft import fft, ifft

    for size, first, last in _sizes(r.tobytes(), weighted.size, rho, step):
        half = size // 2
        filters = _kept_filters(r[first:last].tobytes(), wavelet, rho, step, size)
        spectrum = fft(weighted, n=size)[:half]
        bins = _reach(r[first:last].tobytes(), wavelet, rho, step, size)
        if bins <= size // FEW:
            waves = _kept_waves(bins, size, weighted.size)
            yield slice(first, last), (filters[:, :bins] * spectrum[:bins]) @ waves
            continue
        count = max(1, BLOCK // size)
        for row in range(first, last, count):
            rows = slice(row, min(row + count, last))
            filtered = np.zeros((rows.stop - row, size), dtype=complex)
            own = filters[row - first : rows.stop - first]
            np.multiply(own, spectrum, out=filtered[:, :half])
            yield rows, ifft(filtered, axis=1, overwrite_x=True)[:, : weighted.size]


@functools.lru_cache(maxsize=16)
def _sizes(distances: bytes, points: int, rho: float, step: float) -> list[tuple[int, int, int]]:
    """Return lengths of transforms, each with the first and last row that it is for.

    A wavelet fades sooner the larger R is; its row needs no longer transform than holds it. Not so
    where the filter is cut off at the largest R' that the steps of k show.
    """
    r = np.frombuffer(distances)
    fading = rho * math.sqrt(math.expm1(FADED / (rho**2 + 1.0))) * rho / (2.0 * r * step)
    fading[r * (1.0 + 10.0 / rho) > 0.5 * np.pi / step] = N_FFT
    sizes = np.array(SIZES)[np.searchsorted(SIZES[:-1], points + fading)]
    starts = [0, *(np.flatnonzero(np.diff(sizes)) + 1).tolist(), r.size]
    return [(int(sizes[a]), a, b) for a, b in itertools.pairwise(starts)]


@functools.lru_cache(maxsize=32)
def _reach(distances: bytes, wavelet: str, rho: float, step: float, size: int) -> int:
    """Return how many points of R' filters reach; beyond, there is rounding."""
    filters = _kept_filters(distances, wavelet, rho, step, size)
    return int(np.flatnonzero(np.max(filters, axis=0) > 1e-17)[-1]) + 1


@functools.lru_cache(maxsize=16)
def _kept_waves(bins: int, size: int, points: int) -> NDArray[np.complex128]:
    """Return the waves of the first points of R' over k, shape (bins, points)."""
    turns = np.outer(np.arange(bins), np.arange(points)) % size
    waves: NDArray[np.complex128] = np.exp(2j * np.pi / size * turns) / size
    waves.flags.writeable = False
    return waves


def wavelet_kernels(r: Array, wavelet: str, rho: float, step: float) -> NDArray[np.complex128]:
    """Return what one point of weighted χ(k) adds to the map, shape (R, N_FFT).

    The columns are the steps of k from that point onwards; those before it stand at the end.
    """
    filters = np.zeros((r.size, N_FFT))
    filters[:, : N_FFT // 2] = wavelet_filters(r, wavelet, rho, step)
    return np.asarray(np.fft.ifft(filters, axis=1))


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


@functools.lru_cache(maxsize=32)
def _kept_filters(distances: bytes, wavelet: str, rho: float, step: float, size: int) -> Array:
    """Return `wavelet_filters` of distances given as their bytes; kept, so it is read-only."""
    filters = wavelet_filters(np.frombuffer(distances), wavelet, rho, step, size)
    filters.flags.writeable = False
    return filters


def wavelet_filters(r: Array, wavelet: str, rho: float, step: float, size: int = N_FFT) -> Array:
    """Return the filter of each distance over R' = π m / (N δk), shape (R, N / 2), N the size."""
    conjugate = np.pi / (size * step) * np.arange(size // 2)
    x = conjugate / r[:, None]
    if wavelet == "morlet":
        square = 0.5 * rho**2
        return np.asarray(2.0 * (np.exp(-square * (x - 1) ** 2) - np.exp(-square * (x**2 + 1))))
    with np.errstate(divide="ignore"):
        return np.asarray(2.0 * np.exp(rho**2 * (np.log(x) + 1.0 - x)))
