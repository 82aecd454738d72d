"""Spectra, oscillations, transforms and wavelet maps on Matplotlib axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from xorder.results import Array
    from xorder.xas.background import Exafs
    from xorder.xas.normalization import Normalized
    from xorder.xas.shell_results import ShellFit
    from xorder.xas.spectrum import Spectrum
    from xorder.xas.transforms import Transform
    from xorder.xas.wavelets import Wavelets

__all__ = [
    "draw_map",
    "plot_chi",
    "plot_mu",
    "plot_norm",
    "plot_shell_fit",
    "plot_shell_fit_k",
    "plot_transform",
    "plot_wavelets",
]


def plot_mu(spectrum: Spectrum, ax: Axes | None = None, **artist_kwargs: Any) -> list[Any]:
    """Draw μ(E) as measured; return the artists."""
    ax = _axes(ax)
    ax.set(xlabel="Energy (eV)", ylabel="μ(E)")
    return list(ax.plot(spectrum.energy, spectrum.mu, **_named(spectrum, artist_kwargs)))


def plot_norm(normalized: Normalized, ax: Axes | None = None, **artist_kwargs: Any) -> list[Any]:
    """Draw the flattened normalized spectrum; return the artists."""
    ax = _axes(ax)
    ax.set(xlabel="Energy (eV)", ylabel="Normalized absorption")
    return list(ax.plot(normalized.energy, normalized.flat, **_named(normalized, artist_kwargs)))


def plot_chi(
    exafs: Exafs,
    ax: Axes | None = None,
    *,
    k_weight: float = 2.0,
    offset: float = 0.0,
    **artist_kwargs: Any,
) -> list[Any]:
    """Draw k^k_weight χ(k), moved up by `offset`; return the artists."""
    ax = _axes(ax)
    unit = "" if k_weight == 0 else f" (Å{_superscript(-k_weight)})"
    ax.set(xlabel="k (Å⁻¹)", ylabel=f"{power(k_weight)}χ(k){unit}")
    weighted = exafs.chi * exafs.k**k_weight + offset
    return list(ax.plot(exafs.k, weighted, **_named(exafs, artist_kwargs)))


def plot_transform(
    transform: Transform, ax: Axes | None = None, *, offset: float = 0.0, **artist_kwargs: Any
) -> list[Any]:
    """Draw |χ(R)|, moved up by `offset`; return the artists."""
    ax = _axes(ax)
    ax.set(
        xlabel="R (Å)" if transform.phase_of else "R, not phase-corrected (Å)",
        ylabel=f"|χ(R)| (Å{_superscript(-transform.k_weight - 1)})",
    )
    magnitude = transform.chi_r_mag + offset
    return list(ax.plot(transform.r, magnitude, **_named(transform, artist_kwargs)))


def draw_map(ax: Axes, k: Array, r: Array, values: Array, **artist_kwargs: Any) -> Any:
    """Draw values over even grids of k and R as a picture, smooth between its points.

    A picture takes a thousandth of the memory of shaded triangles, of which a map has 10⁵.
    """
    dk, dr = (float(axis[-1] - axis[0]) / (2 * (len(axis) - 1)) for axis in (k, r))
    extent = (float(k[0]) - dk, float(k[-1]) + dk, float(r[0]) - dr, float(r[-1]) + dr)
    style = {"interpolation": "bilinear", **artist_kwargs}
    return ax.imshow(values, extent=extent, origin="lower", aspect="auto", **style)


def plot_wavelets(
    wavelets: Wavelets,
    ax: Axes | None = None,
    *,
    ellipse_at: tuple[float, float] | None = None,
    **artist_kwargs: Any,
) -> list[Any]:
    """Draw a map with the resolution ellipse, by default in the upper right corner.

    Parameters
    ----------
    wavelets
        The map.
    ax
        Matplotlib axes; new ones where None.
    ellipse_at
        k in Å⁻¹ and R in Å of the ellipse's middle; its half axes are those there.
    **artist_kwargs
        For ``Axes.imshow``, such as ``vmax``.
    """
    from matplotlib.patches import Ellipse

    ax = _axes(ax)
    style = {"vmin": 0.0, **artist_kwargs}
    mesh = draw_map(ax, wavelets.k, wavelets.r, wavelets.magnitude, **style)
    ax.set(
        xlabel="k (Å⁻¹)",
        ylabel="R, not phase-corrected (Å)",
        xlim=wavelets.k_range,
        ylim=(float(wavelets.r[0]), float(wavelets.r[-1])),
    )
    if ellipse_at is None:
        r = 0.85 * float(wavelets.r[-1])
        ellipse_at = wavelets.k_range[1] - 1.3 * wavelets.rho / (2 * r), r
    k, r = ellipse_at
    ellipse = Ellipse(
        (k, r),
        width=wavelets.rho / r,
        height=2 * r / wavelets.rho,
        fill=False,
        edgecolor="white",
        linewidth=0.8,
        linestyle="--",
    )
    ax.add_patch(ellipse)
    return [mesh, ellipse]


def plot_shell_fit(
    fit: ShellFit,
    ax: Axes | None = None,
    *,
    spectrum: int = 0,
    k_weight: float | None = None,
    paths: bool = False,
    **artist_kwargs: Any,
) -> list[Any]:
    """Draw |χ(R)| and, below, Re χ(R) of data and model, and the range fitted.

    Parameters
    ----------
    fit
        The fit.
    ax
        Matplotlib axes; new ones where None.
    spectrum
        Number of the spectrum.
    k_weight
        Power of k; the middle one of the fit where None.
    paths
        True draws the magnitude of each path, too.
    **artist_kwargs
        For the lines of the model, such as ``color``.
    """
    ax = _axes(ax)
    one = fit.spectra[spectrum]
    data, model = one.transforms(k_weight=k_weight)
    shift = 1.15 * float(max(data.chi_r_mag.max(), model.chi_r_mag.max()))
    style = {"color": "#d55e00", "linewidth": 1.4, **artist_kwargs}
    points: dict[str, Any] = {
        "color": "black",
        "marker": "o",
        "markersize": 2.5,
        "linestyle": "none",
    }
    name = one.name or "data"
    artists: list[Any] = ax.plot(data.r, data.chi_r_mag, label=name, **points)
    artists += ax.plot(model.r, model.chi_r_mag, label=_fit_label(fit), **style)
    artists += ax.plot(data.r, data.chi_r_re - shift, **points)
    artists += ax.plot(model.r, model.chi_r_re - shift, **style)
    if paths:
        grey: dict[str, Any] = {"color": "0.55", "linewidth": 0.8, "zorder": 1}
        for transform in one.path_transforms(k_weight=k_weight):
            artists += ax.plot(transform.r, transform.chi_r_mag, **grey)
    artists.append(ax.axvspan(*one.space.r_range, color="0.92", zorder=0))
    ax.text(0.98, 0.03, "Re", transform=ax.transAxes, ha="right", va="bottom")
    ax.set(
        xlabel="R, not phase-corrected (Å)",
        ylabel=f"|χ(R)| (Å{_superscript(-data.k_weight - 1)})",
        xlim=(0.0, max(6.0, one.space.r_range[1] + 1.0)),
    )
    return artists


def plot_shell_fit_k(
    fit: ShellFit,
    ax: Axes | None = None,
    *,
    spectrum: int = 0,
    k_weight: float = 2.0,
    **artist_kwargs: Any,
) -> list[Any]:
    """Draw k^k_weight χ(k) of data and model over the range fitted; return the artists."""
    ax = _axes(ax)
    one = fit.spectra[spectrum]
    style = {"color": "#d55e00", "linewidth": 1.4, **artist_kwargs}
    points: dict[str, Any] = {
        "color": "black",
        "marker": "o",
        "markersize": 2.5,
        "linestyle": "none",
    }
    low, high = one.space.k_range
    shown = (one.k >= max(0.0, low - 1.0)) & (one.k <= high + 1.0)
    k, factor = one.k[shown], one.k[shown] ** k_weight
    artists: list[Any] = ax.plot(k, factor * one.chi[shown], label=one.name or "data", **points)
    artists += ax.plot(k, factor * one.model[shown], label=_fit_label(fit), **style)
    artists.append(ax.axvspan(low, high, color="0.92", zorder=0))
    unit = "" if k_weight == 0 else f" (Å{_superscript(-k_weight)})"
    ax.set(xlabel="k (Å⁻¹)", ylabel=f"{power(k_weight)}χ(k){unit}", xlim=(k[0], k[-1]))
    return artists


def _fit_label(fit: ShellFit) -> str:
    return "fit" if fit else f"fit: {fit.verdict}"


def _axes(ax: Axes | None) -> Axes:
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots()[1]


def _named(result: Any, artist_kwargs: dict[str, Any]) -> dict[str, Any]:
    return {"label": result.name, **artist_kwargs} if result.name else artist_kwargs


def power(weight: float) -> str:
    """Return k to a power as printed on an axis, such as ``"k²"``."""
    return "" if weight == 0 else "k" if weight == 1 else f"k{_superscript(weight)}"


def _superscript(number: float) -> str:
    return f"{number:g}".translate(str.maketrans("-.0123456789", "⁻·⁰¹²³⁴⁵⁶⁷⁸⁹"))
