"""Wavelet maps against one another and against the maps of single scattering paths."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from xorder.errors import BadInput
from xorder.results import Array, Result, quantity, recorded
from xorder.xas.scattering_paths import ScatteringPath
from xorder.xas.shell_models import QUANTITIES, PathStack
from xorder.xas.shell_results import ShellFit
from xorder.xas.wavelets import Wavelets, wavelet_kernels, wavelet_map

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes

__all__ = [
    "FeatureAssignment",
    "WaveletDifference",
    "assign_feature",
    "path_wavelets",
    "subtract_wavelets",
    "wavelet_noise",
]

#: What two maps must share to be compared.
_SETTINGS = ("rho", "wavelet", "k_range", "k_weight", "window_name", "dk")

#: Scattering angles within this many degrees of 0 or 180° are those of a straight chain.
STRAIGHT = 25.0

#: A path that gives less than this share of the map is no reason for a feature.
SMALL_SHARE = 0.1


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class WaveletDifference(Result):
    """|W| of one map less |W| of another of the same settings."""

    r: Array = quantity("Å", symbol="R", dims=("r",))
    """Distance, shape (R,)."""
    k: Array = quantity("Å⁻¹", symbol="k", dims=("k",))
    """Wavenumber, shape (K,)."""
    difference: Array = quantity("Å^-k_weight", symbol="Δ|W|", dims=("r", "k"))
    """The difference, shape (R, K)."""
    stderr: Array = quantity("Å^-k_weight", symbol="σ(Δ|W|)", dims=("r", "k"))
    """Its standard error from the noise of both χ(k), shape (R, K)."""
    largest: float = quantity("Å^-k_weight")
    """Largest |W| of the two maps within the range of k, to hold a difference against."""
    rho: float = quantity()
    """Resolution of both maps."""
    k_range: tuple[float, float] = quantity("Å⁻¹")
    """Range of k of both maps."""
    k_weight: float = quantity()
    """Power of k of both maps."""
    name: str = ""
    """Both samples."""
    simulated: bool = False
    """True where one of them is calculated."""

    def plot(self, ax: Axes | None = None, **artist_kwargs: Any) -> list[Any]:
        """Draw the difference on Matplotlib axes; return the artists."""
        from xorder.xas.wavelet_plots import plot_wavelet_difference

        return plot_wavelet_difference(self, ax, **artist_kwargs)


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class FeatureAssignment(Result):
    """What each path gives to a map at one point."""

    labels: tuple[str, ...]
    """The paths, the largest share first."""
    share: Array = quantity(dims=("path",))
    """In-phase part of each path over the sum of all, shape (P,): the shares add up to one, and a
    path that lowers the sum has a negative one."""
    magnitude: Array = quantity("Å^-k_weight", symbol="|W|", dims=("path",))
    """|W| of each path alone, shape (P,)."""
    k: float = quantity("Å⁻¹")
    """The point."""
    r: float = quantity("Å")
    """The point, not phase-corrected."""
    computed: float = quantity("Å^-k_weight")
    """|W| of the sum of the paths there."""
    measured: float = quantity("Å^-k_weight")
    """|W| of the measured map there."""
    message: str = ""
    """Which paths make the feature, in words."""

    def to_dataframe(self) -> pandas.DataFrame:
        """Return one row a path."""
        import pandas

        table = {"share": self.share, "magnitude": self.magnitude}
        return pandas.DataFrame(table, index=pandas.Index(self.labels, name="path"))


@recorded
def subtract_wavelets(one: Wavelets, other: Wavelets) -> WaveletDifference:
    """Return |W| of one map less that of another, with its standard error.

    Raises
    ------
    BadInput
        Maps of different settings, which cannot be compared.
    """
    for setting in _SETTINGS:
        first, second = getattr(one, setting), getattr(other, setting)
        if first != second:
            raise BadInput(
                f"the maps have {setting} {first} and {second}", expected="maps of one setting"
            )
    if one.r.shape != other.r.shape or not np.allclose(one.r, other.r):
        raise BadInput("the maps have different distances", expected="maps of one r_range")
    count = min(one.k.size, other.k.size)
    if not np.allclose(one.k[:count], other.k[:count]):
        raise BadInput("the maps have different steps of k", expected="maps of one grid")
    inside = (one.k[:count] >= one.k_range[0]) & (one.k[:count] <= one.k_range[1])
    tops = [float(np.max(m.magnitude[:, :count][:, inside])) for m in (one, other)]
    return WaveletDifference(
        r=one.r,
        k=one.k[:count],
        difference=one.magnitude[:, :count] - other.magnitude[:, :count],
        stderr=np.hypot(wavelet_noise(one)[:, :count], wavelet_noise(other)[:, :count]),
        largest=max(tops),
        rho=one.rho,
        k_range=one.k_range,
        k_weight=one.k_weight,
        name=f"{one.name} − {other.name}" if one.name and other.name else "",
        simulated=one.simulated or other.simulated,
    )


def wavelet_noise(wavelets: Wavelets) -> Array:
    r"""Return the standard error of |W| where it is well above the noise, shape (R, K).

    .. math:: \varepsilon_k \sqrt{\tfrac{1}{2} \sum_j |g_R(k - k_j)|^2 w_j^2}

    with g the wavelet and w the window times the power of k; half of the noise is in phase.
    """
    step = float(wavelets.k[1] - wavelets.k[0])
    kernels = wavelet_kernels(wavelets.r, wavelets.wavelet, wavelets.rho, step)
    spectra = np.fft.fft(np.abs(kernels) ** 2, axis=1)
    power = np.fft.fft(wavelets.weight**2, n=kernels.shape[1])
    square = np.fft.ifft(spectra * power, axis=1).real[:, : wavelets.k.size]
    return np.asarray(wavelets.epsilon_k * np.sqrt(0.5 * np.maximum(square, 0.0)))


def path_wavelets(
    wavelets: Wavelets,
    paths: Sequence[ScatteringPath] | ShellFit,
    *,
    s02: float = 0.9,
    sigma2: float | Sequence[float] = 0.004,
    delta_e0: float = 0.0,
    delta_r: float | Sequence[float] = 0.0,
    same_within: float = 0.15,
    spectrum: int = 0,
) -> tuple[Wavelets, ...]:
    """Return the maps of paths alone, with the settings of a measured map, shortest path first.

    Paths over the same elements, straight ones apart from bent ones, whose half lengths follow
    within `same_within` make one map.

    Parameters
    ----------
    wavelets
        The measured map.
    paths
        FEFF's paths, or a shell fit whose paths are taken as they were fitted.
    s02, sigma2, delta_e0, delta_r
        As in `sum_paths`; for paths alone, not for a fit.
    same_within
        Distance in Å; 0 keeps every path of another length apart.
    spectrum
        Which spectrum of the fit.

    Raises
    ------
    BadInput
        No path, or not one number a path.
    """
    if isinstance(paths, ShellFit):
        if not 0 <= spectrum < len(paths.spectra):
            raise BadInput(
                f"spectrum is {spectrum}", expected=f"0 to {len(paths.spectra) - 1} of this fit"
            )
        one = paths.spectra[spectrum]
        own = [shell.path for shell in one.shells]
        every = np.stack([np.interp(wavelets.k, one.k, chi, right=0.0) for chi in one.paths])
    else:
        own = list(paths)
        if not own:
            raise BadInput("there are no paths", expected="at least one")
        every = _chi(own, wavelets.k, s02=s02, sigma2=sigma2, delta_e0=delta_e0, delta_r=delta_r)
    step = float(wavelets.k[1] - wavelets.k[0])
    maps = []
    for members in _families(own, same_within):
        whole = wavelet_map(
            every[members].sum(axis=0) * wavelets.weight,
            wavelets.r,
            wavelet=wavelets.wavelet,
            rho=wavelets.rho,
            step=step,
        )
        maps.append(
            replace(
                wavelets,
                magnitude=np.abs(whole),
                real=whole.real.copy(),
                imaginary=whole.imag.copy(),
                epsilon_k=math.nan,
                name=_family_name([own[i] for i in members]),
                simulated=True,
                provenance=None,
            )
        )
    return tuple(maps)


def _chi(paths: Sequence[ScatteringPath], k: Array, **given: float | Sequence[float]) -> Array:
    """Return χ(k) of each path, shape (P, K)."""
    values = np.zeros((len(paths), len(QUANTITIES)))
    values[:, QUANTITIES.index("degeneracy")] = [path.degeneracy for path in paths]
    for name, numbers in given.items():
        column = np.asarray(numbers, dtype=float)
        if column.ndim and column.shape != (len(paths),):
            raise BadInput(f"{name} has {column.size} values for {len(paths)} paths")
        values[:, QUANTITIES.index(name)] = column
    return PathStack(paths, k).chi(values).T


def _families(paths: Sequence[ScatteringPath], same_within: float) -> list[list[int]]:
    """Return paths that scatter alike, the shortest family first."""
    order = sorted(range(len(paths)), key=lambda i: paths[i].reff)
    open_families: dict[tuple[Any, ...], list[int]] = {}
    families: list[list[int]] = []
    for i in order:
        path = paths[i]
        kind = (path.elements, path.bend < STRAIGHT)
        family = open_families.get(kind)
        if family is None or path.reff - paths[family[-1]].reff > same_within:
            family = open_families[kind] = []
            families.append(family)
        family.append(i)
    return families


def _family_name(family: Sequence[ScatteringPath]) -> str:
    first, last = family[0], family[-1]
    chain = "–".join((*first.elements, first.elements[0]))
    ends = [f"{first.reff:.2f}", f"{last.reff:.2f}"]
    shape = ", straight" if first.n_legs > 2 and first.bend < STRAIGHT else ""
    return f"{chain} {'–'.join(dict.fromkeys(ends))} Å{shape}"


@recorded
def assign_feature(
    wavelets: Wavelets, paths: Sequence[Wavelets], *, k: float, r: float
) -> FeatureAssignment:
    """Return which paths make a map at a point, by calculation and not by its distance alone.

    Parameters
    ----------
    wavelets
        The measured map.
    paths
        Maps of single paths, as of `path_wavelets`.
    k, r
        The point in Å⁻¹ and Å, such as that of `wavelet_maximum`.

    Raises
    ------
    BadInput
        No paths, maps of other settings, or a point outside the map.
    """
    if not paths:
        raise BadInput("there are no maps of paths", expected="those of path_wavelets")
    for one in paths:
        if one.magnitude.shape != wavelets.magnitude.shape or any(
            getattr(one, setting) != getattr(wavelets, setting) for setting in _SETTINGS
        ):
            raise BadInput(f"the map of {one.name} has other settings", expected="path_wavelets")
    inside = wavelets.k_range[0] <= k <= wavelets.k_range[1] and (
        wavelets.r[0] <= r <= wavelets.r[-1]
    )
    if not inside:  # a NaN is not inside either
        raise BadInput(
            f"the point is k = {k:g} Å⁻¹, R = {r:g} Å",
            expected="a point within the map; a maximum that was not found has none",
        )
    row, column = (
        int(np.argmin(np.abs(axis - at))) for axis, at in ((wavelets.r, r), (wavelets.k, k))
    )
    names = [one.name for one in paths]
    values = np.array([m.real[row, column] + 1j * m.imaginary[row, column] for m in paths])
    total = values.sum()
    share = (values * np.conj(total)).real / max(abs(total) ** 2, 1e-300)
    order = np.argsort(-share, kind="stable")
    labels = tuple(names[i] for i in order)
    share = share[order]
    made = [f"{n} ({100 * s:.0f} %)" for n, s in zip(labels, share, strict=True) if s > SMALL_SHARE]
    against = [
        f"{n} ({100 * s:.0f} %)" for n, s in zip(labels, share, strict=True) if s < -SMALL_SHARE
    ]
    message = f"at k = {k:.2f} Å⁻¹, R = {r:.2f} Å the calculation has " + ", ".join(made)
    message += f", lowered by {', '.join(against)}" if against else ""
    measured = float(wavelets.magnitude[row, column])
    if measured > 0 and not 0.5 <= abs(total) / measured <= 2.0:
        message += (
            f"; it gives {abs(total) / measured:.2f} of what was measured, so that the paths do "
            "not explain the feature"
        )
    return FeatureAssignment(
        labels=labels,
        share=share,
        magnitude=np.abs(values)[order],
        k=float(k),
        r=float(r),
        computed=float(abs(total)),
        measured=measured,
        message=message,
    )
