"""Spectra, oscillations, transforms and wavelet maps on Matplotlib axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from xorder.xas.background import Exafs
    from xorder.xas.normalization import Normalized
    from xorder.xas.spectrum import Spectrum
    from xorder.xas.transforms import Transform
    from xorder.xas.wavelets import Wavelets

__all__ = ["plot_chi", "plot_mu", "plot_norm", "plot_transform", "plot_wavelets"]


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
        xlabel="R, not phase-corrected (Å)",
        ylabel=f"|χ(R)| (Å{_superscript(-transform.k_weight - 1)})",
    )
    magnitude = transform.chi_r_mag + offset
    return list(ax.plot(transform.r, magnitude, **_named(transform, artist_kwargs)))


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
        For ``Axes.pcolormesh``, such as ``vmax``.
    """
    from matplotlib.patches import Ellipse

    ax = _axes(ax)
    style = {"shading": "gouraud", "rasterized": True, "vmin": 0.0, **artist_kwargs}
    mesh = ax.pcolormesh(wavelets.k, wavelets.r, wavelets.magnitude, **style)
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
