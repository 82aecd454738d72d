"""χ(k) to χ(R): windows, the Fourier transform, its noise and its peaks."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xorder.errors import BadInput
from xorder.results import Array, Result, quantity, recorded

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from xorder.xas.background import Exafs
    from xorder.xas.stack_results import ExafsStack

__all__ = ["WINDOWS", "Transform", "TransformPeak", "noise", "transform_peak", "transform_to_r"]

#: Points of the Fourier transform, those of Athena and larch: with steps of 0.05 Å⁻¹ in k the
#: steps in R are 0.0307 Å.
N_FFT = 2048

#: Between these distances (Å) χ(R) is noise.
NOISE_RANGE = (15.0, 30.0)


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Transform(Result):
    """χ(R); without phase correction peaks lie 0.3 to 0.5 Å below distances."""

    r: Array = quantity("Å", symbol="R", dims=("r",))
    """Distance, shape (R,)."""
    chi_r_mag: Array = quantity("Å^-(k_weight+1)", symbol="|χ(R)|", dims=("r",))
    """Magnitude of χ(R)."""
    chi_r_re: Array = quantity("Å^-(k_weight+1)", symbol="Re χ(R)", dims=("r",))
    """Real part."""
    chi_r_im: Array = quantity("Å^-(k_weight+1)", symbol="Im χ(R)", dims=("r",))
    """Imaginary part."""
    k: Array = quantity("Å⁻¹", symbol="k", dims=("k",))
    """Wavenumbers of the input."""
    weighted: Array = quantity("Å^-k_weight", symbol="k^n χ", dims=("k",))
    """k^k_weight χ(k) before the window."""
    window: Array = quantity(symbol="window", dims=("k",))
    """The window in k."""
    epsilon_r: float = quantity("Å^-(k_weight+1)", symbol="ε(R)")
    """Standard error of the real and the imaginary part of χ(R)."""
    epsilon_k: float = quantity(symbol="ε(k)")
    """Standard error of a point of χ(k)."""
    k_range: tuple[float, float] = quantity("Å⁻¹")
    """Middle of the window's slopes."""
    k_weight: float = quantity()
    """Power of k."""
    window_name: str = "hanning"
    """Kind of window."""
    dk: float = quantity("Å⁻¹", default=1.0)
    """Width of the window's slopes."""
    n_independent: float = quantity(default=math.nan)
    """Independent points an Å of R: 2 Δk / π."""
    phase_of: str = ""
    """The path whose phase was taken off (`correct_phase`); empty where none was."""
    name: str = ""
    """Name of the sample."""
    simulated: bool = False
    """True for a calculated spectrum."""

    def plot(self, ax: Axes | None = None, **artist_kwargs: Any) -> list[Any]:
        """Draw |χ(R)| on Matplotlib axes; return the artists."""
        from xorder.xas.plots import plot_transform

        return plot_transform(self, ax, **artist_kwargs)


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class TransformPeak(Result):
    """A maximum of |χ(R)|."""

    r: float = quantity("Å", symbol="R")
    """Position, not phase-corrected; NaN where there is none."""
    r_stderr: float = quantity("Å")
    """Standard error of `r` from the noise."""
    magnitude: float = quantity("Å^-(k_weight+1)", symbol="|χ(R)|")
    """Height."""
    magnitude_stderr: float = quantity("Å^-(k_weight+1)")
    """Standard error of `magnitude` from the noise."""
    success: bool = True
    """False where the range holds no maximum above the noise."""
    message: str = ""
    """Why there is none."""


@recorded
def transform_to_r(
    exafs: Exafs,
    *,
    k_range: tuple[float, float] | None = None,
    k_weight: float = 2.0,
    window: str = "hanning",
    dk: float = 1.0,
    r_max: float = 10.0,
) -> Transform:
    r"""Return the Fourier transform of :math:`k^n \chi(k)`.

    .. math:: \chi(R) = \frac{\delta k}{\sqrt{\pi}} \sum_j W(k_j) k_j^n \chi(k_j) e^{-2ik_jR}

    with the normalization of Athena and larch (real and imaginary part of a shell differ from
    other programs by :math:`\sqrt{2}` at most).

    Parameters
    ----------
    exafs
        χ(k) in even steps.
    k_range
        Middle of the window's slopes in Å⁻¹; None takes 3 Å⁻¹ (2 where the data end before 8) to
        0.5 Å⁻¹ before the end of the data.
    k_weight
        Any power of k, 0 or above.
    window
        ``"hanning"``, ``"parzen"``, ``"welch"``, ``"kaiser"``, ``"sine"`` or ``"gaussian"``.
    dk
        Width of the window's slopes in Å⁻¹.
    r_max
        End of the result in Å.

    Raises
    ------
    BadInput
        A range beyond the data, an unknown window, or a weight that is negative.
    """
    k_range = checked_k_range(exafs, k_range)
    if not (math.isfinite(k_weight) and k_weight >= 0):
        raise BadInput(f"k_weight is {k_weight:g}", expected="0 or above")
    if not (math.isfinite(r_max) and 1.0 <= r_max <= 30.0):
        raise BadInput(f"r_max is {r_max:g} Å", expected="1 to 30 Å")
    k = exafs.k
    shape = window_function(k, k_range=k_range, dk=dk, window=window)
    weighted = exafs.chi * k**k_weight
    r, spectrum = transform_rows(k, weighted * shape)
    kept = slice(int(np.searchsorted(r, r_max, side="right")))
    step = k[1] - k[0]
    epsilon_r = exafs.epsilon_k * step / math.sqrt(2 * math.pi) * _norm(shape * k**k_weight)
    return Transform(
        r=r[kept].copy(),
        chi_r_mag=np.abs(spectrum[kept]),
        chi_r_re=spectrum.real[kept].copy(),
        chi_r_im=spectrum.imag[kept].copy(),
        k=k,
        weighted=weighted,
        window=shape,
        epsilon_r=float(epsilon_r),
        epsilon_k=exafs.epsilon_k,
        k_range=k_range,
        k_weight=float(k_weight),
        window_name=window,
        dk=float(dk),
        n_independent=2.0 * (k_range[1] - k_range[0]) / math.pi,
        name=exafs.name,
        simulated=exafs.simulated,
    )


@recorded
def transform_peak(
    transform: Transform, *, r_range: tuple[float, float] = (1.0, 3.0)
) -> TransformPeak:
    """Return the highest maximum of |χ(R)| in a range, by a parabola through its points.

    Standard errors follow white noise of `Transform.epsilon_k` through the transform to first
    order.

    Parameters
    ----------
    transform
        χ(R).
    r_range
        Range in Å in which to look.

    Raises
    ------
    BadInput
        A range the wrong way round or outside the transform.
    """
    low, high = r_range
    if not 0 <= low < high <= transform.r[-1] + 1e-9:
        raise BadInput(
            f"r_range is ({low:g}, {high:g}) Å",
            expected=f"two ascending distances from 0 to {transform.r[-1]:.1f} Å",
        )
    magnitude = transform.chi_r_mag
    inner = magnitude[1:-1]
    is_top = (inner >= magnitude[:-2]) & (inner > magnitude[2:])
    tops = np.flatnonzero(is_top & (transform.r[1:-1] >= low) & (transform.r[1:-1] <= high)) + 1
    if tops.size == 0:
        return _no_peak(f"|χ(R)| has no maximum between {low:g} and {high:g} Å")
    top = int(tops[np.argmax(magnitude[tops])])
    left, middle, right = magnitude[top - 1 : top + 2]
    step = transform.r[1] - transform.r[0]
    curvature = (left - 2 * middle + right) / step**2
    slope = (right - left) / (2 * step)
    height = middle - 0.5 * slope**2 / curvature
    if height < 3.0 * transform.epsilon_r:
        return _no_peak(f"the highest maximum between {low:g} and {high:g} Å is within the noise")
    return TransformPeak(
        r=float(transform.r[top] - slope / curvature),
        r_stderr=float(_slope_error(transform, top) / abs(curvature)),
        magnitude=float(height),
        magnitude_stderr=transform.epsilon_r,
    )


def checked_k_range(
    exafs: Exafs | ExafsStack, k_range: tuple[float, float] | None
) -> tuple[float, float]:
    """Return the range of k to transform: as asked where the data reach, or by rule."""
    end = float(exafs.k[-1])
    if k_range is None:
        return (3.0 if end > 8.0 else 2.0), end - 0.5
    low, high = (float(value) for value in k_range)
    if not 0 <= low < high <= end + 1e-6:
        raise BadInput(
            f"k_range is ({low:g}, {high:g}) Å⁻¹; χ(k) ends at {end:.2f} Å⁻¹",
            expected=f"two ascending numbers from 0 to {end:.2f}",
        )
    return low, high


def noise(k: Array, chi: Array, *, k_range: tuple[float, float], k_weight: float) -> float:
    """Return the standard error of a point of χ(k) from χ(R) between 15 and 30 Å.

    There is no structure that far out. Parseval's theorem brings the scatter back to k, exactly for
    white noise; where the noise grows with k the result depends on `k_weight`.

    Parameters
    ----------
    k, chi
        χ(k) in even steps, shape (K,).
    k_range, k_weight
        Window (Hanning, slopes of 1 Å⁻¹) and weight.
    """
    return float(noise_of_rows(k, chi[None], k_range=k_range, k_weight=k_weight)[0])


def noise_of_rows(k: Array, chi: Array, *, k_range: tuple[float, float], k_weight: float) -> Array:
    """Return the standard errors of the points of S spectra χ(k), shape (S, K); see `noise`."""
    shape = window_function(k, k_range=k_range, dk=1.0, window="hanning") * k**k_weight
    r, spectra = transform_rows(k, chi * shape)
    far = spectra[:, r.searchsorted(NOISE_RANGE[0]) : r.searchsorted(NOISE_RANGE[1], "right")]
    scatter = np.sqrt((far.real**2 + far.imag**2).sum(axis=1) / (2.0 * far.shape[1]))
    return np.asarray(scatter * math.sqrt(2 * math.pi) / (float(k[1] - k[0]) * _norm(shape)))


def window_function(
    k: Array,
    *,
    k_range: tuple[float, float],
    dk: float,
    window: str,
    inside: bool = False,
) -> Array:
    """Return a window on even steps of k, its corners on grid points as in larch.

    Parameters
    ----------
    k
        Wavenumbers in even steps from 0, shape (K,).
    k_range
        Middle of the rising and the falling slope in Å⁻¹.
    dk
        Width of the slopes in Å⁻¹ (for ``"kaiser"`` and ``"gaussian"``, their parameter).
    window
        A name in `WINDOWS`.
    inside
        True lets the falling slope end with the grid, as larch's AUTOBK does; else it may end
        beyond the data.

    Raises
    ------
    BadInput
        An unknown window or a negative width.
    """
    if window not in WINDOWS:
        raise BadInput(f"window is {window!r}", expected=", ".join(WINDOWS))
    if not (math.isfinite(dk) and dk >= 0):
        raise BadInput(f"dk is {dk:g} Å⁻¹", expected="0 or above")
    grid = np.asarray(k, dtype=float).tobytes()
    return _window_on(
        grid, (float(k_range[0]), float(k_range[1])), float(dk), window, inside
    ).copy()


@functools.lru_cache(maxsize=64)
def _window_on(
    grid: bytes, k_range: tuple[float, float], dk: float, window: str, inside: bool
) -> Array:
    """Return the window on a grid of k given as its bytes; kept, for grids are few."""
    k: Array = np.frombuffer(grid)
    # Larch's transform lets its grid run on to k_max + dk; its AUTOBK does not.
    beyond = 0 if inside else int(1.01 + (k_range[1] + dk) / float(k[1] - k[0])) - 1
    return WINDOWS[window](k, _corners(k, k_range, dk, max(k.size - 1, beyond)), dk)


def _corners(k: Array, k_range: tuple[float, float], dk: float, last: int) -> tuple[float, ...]:
    """Return start and end of both slopes, each on the grid point at or below it."""
    step = float(k[1] - k[0])
    tiny = 1e-4 * step
    wanted = (
        max(0.0, k_range[0] - dk / 2),
        k_range[0] + dk / 2 + tiny,
        k_range[1] - dk / 2 - tiny,
        min(last * step, k_range[1] + dk / 2),
    )
    first, second, third, fourth = (int((value + tiny) / step) for value in wanted)
    third, fourth = min(third, last), min(fourth, last)
    if second == first:
        first = max(0, second - 1)
    if fourth == third:
        third = max(second, fourth - 1)
    corners = [index * step for index in (first, second, third, fourth)]
    if corners[0] == corners[1]:
        corners[1] += tiny
    if corners[2] == corners[3]:
        corners[3] += tiny
    return tuple(corners)


def _ramps(k: Array, corners: tuple[float, ...]) -> tuple[Array, Array]:
    """Return how far up the rising and how far down the falling slope each point is, 0 to 1."""
    rising = (k - corners[0]) / (corners[1] - corners[0])
    falling = (corners[3] - k) / (corners[3] - corners[2])
    return np.minimum(np.maximum(rising, 0.0), 1.0), np.minimum(np.maximum(falling, 0.0), 1.0)


def _hanning(k: Array, corners: tuple[float, ...], dk: float) -> Array:
    rising, falling = _ramps(k, corners)
    return (np.sin(0.5 * np.pi * rising) * np.sin(0.5 * np.pi * falling)) ** 2


def _parzen(k: Array, corners: tuple[float, ...], dk: float) -> Array:
    rising, falling = _ramps(k, corners)
    return rising * falling


def _welch(k: Array, corners: tuple[float, ...], dk: float) -> Array:
    rising, falling = _ramps(k, corners)
    return (1.0 - (1.0 - rising) ** 2) * (1.0 - (1.0 - falling) ** 2)


def _sine(k: Array, corners: tuple[float, ...], dk: float) -> Array:
    share = (corners[3] - k) / (corners[3] - corners[0])
    return np.where((share >= 0) & (share <= 1), np.sin(np.pi * share), 0.0)


def _kaiser(k: Array, corners: tuple[float, ...], dk: float) -> Array:
    middle, half = 0.5 * (corners[3] + corners[0]), 0.5 * (corners[3] - corners[0])
    inside = np.clip(1.0 - ((k - middle) / half) ** 2, 0.0, None)
    return (np.i0(dk * np.sqrt(inside)) - 1.0) / max(1e-10, float(np.i0(dk)) - 1.0)


def _gaussian(k: Array, corners: tuple[float, ...], dk: float) -> Array:
    middle = 0.5 * (corners[3] + corners[0])
    return np.exp(-0.5 * ((k - middle) / max(dk, 1e-6)) ** 2)


#: Windows by name.
WINDOWS: dict[str, Callable[[Array, tuple[float, ...], float], Array]] = {
    "hanning": _hanning,
    "parzen": _parzen,
    "welch": _welch,
    "kaiser": _kaiser,
    "sine": _sine,
    "gaussian": _gaussian,
}


def transform_rows(k: Array, values: Array) -> tuple[Array, Any]:
    """Return R and the transforms of rows of values on even steps of k, for R up to π / 2 δk."""
    step = float(k[1] - k[0])
    spectra = np.fft.rfft(values, n=N_FFT)[..., : N_FFT // 2]
    spectra *= step / math.sqrt(math.pi)
    return _distances(step), spectra


@functools.lru_cache(maxsize=16)
def _distances(step: float) -> Array:
    r: Array = np.pi / (step * N_FFT) * np.arange(N_FFT // 2, dtype=float)
    r.flags.writeable = False
    return r


def _norm(values: Array) -> float:
    return float(np.sqrt(np.sum(values**2)))


def _slope_error(transform: Transform, index: int) -> float:
    """Return the standard error of d|χ(R)|/dR at a point, for white noise in k.

    There |χ| turns with the phase φ(R); what noise adds to the slope of |χ| is the real part of
    the noise's transform weighted by −i(2k + dφ/dR).
    """
    step = float(transform.k[1] - transform.k[0])
    around = slice(index - 1, index + 2)
    phase = np.unwrap(np.arctan2(transform.chi_r_im[around], transform.chi_r_re[around]))
    turning = (phase[2] - phase[0]) / (2 * (transform.r[1] - transform.r[0]))
    weight = transform.window * transform.k**transform.k_weight * (2 * transform.k + turning)
    return transform.epsilon_k * step / math.sqrt(2 * math.pi) * _norm(weight)


def _no_peak(message: str) -> TransformPeak:
    nan = math.nan
    return TransformPeak(
        r=nan, r_stderr=nan, magnitude=nan, magnitude_stderr=nan, success=False, message=message
    )
