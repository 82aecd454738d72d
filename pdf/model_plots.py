"""Models on Matplotlib axes: scattering, partial g(r), angles and polyhedra."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

    from xorder.pdf.debye import DebyeScattering
    from xorder.pdf.partials import Partials
    from xorder.pdf.polyhedra import AngleDistribution, Populations

__all__ = ["plot_angles", "plot_partials", "plot_populations", "plot_sq"]

#: Colours that stay apart for colour-blind eyes (Okabe & Ito), yellow left out.
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")


def plot_sq(
    scattering: DebyeScattering, ax: Axes | None = None, **artist_kwargs: Any
) -> list[Artist]:
    """Draw S(Q) and return the line."""
    ax = _axes(ax)
    kwargs = {"label": scattering.name or "simulated", "color": _COLORS[0]} | artist_kwargs
    lines = ax.plot(scattering.q, scattering.sq, **kwargs)
    ax.set_xlabel("Q (Å⁻¹)")
    ax.set_ylabel("S(Q)")
    return list(lines)


def plot_partials(
    partials: Partials, ax: Axes | None = None, *, offset: float = 0.0, **artist_kwargs: Any
) -> list[Artist]:
    """Draw every g(r) with its error band, each `offset` above the last; return the artists.

    Standard errors are drawn as a band where there are some.
    """
    ax = _axes(ax)
    artists: list[Artist] = []
    for k, pair in enumerate(partials.pairs):
        color = _COLORS[k % len(_COLORS)]
        curve = partials.small_g[k] + k * offset
        kwargs: dict[str, Any] = {
            "label": pair.replace("-", "–"),
            "color": color,
            "lw": 1.0,
        } | artist_kwargs
        artists += ax.plot(partials.r, curve, **kwargs)
        error = partials.stderr[k]
        if np.isfinite(error).all():
            artists.append(
                ax.fill_between(
                    partials.r, curve - error, curve + error, color=color, alpha=0.25, lw=0
                )
            )
    ax.set_xlabel("r (Å)")
    ax.set_ylabel("g(r)")
    ax.set_xlim(0.0, partials.r_max)
    return artists


def plot_angles(
    angles: AngleDistribution, ax: Axes | None = None, **artist_kwargs: Any
) -> list[Artist]:
    """Draw the density of angles with its error band and return the artists."""
    ax = _axes(ax)
    name = f"{angles.ends[0]}–{angles.center}–{angles.ends[1]}"
    kwargs = {"label": name, "color": _COLORS[0]} | artist_kwargs
    artists: list[Artist] = list(ax.plot(angles.angle, angles.density, **kwargs))
    if np.isfinite(angles.stderr).all():
        low, high = angles.density - angles.stderr, angles.density + angles.stderr
        artists.append(
            ax.fill_between(angles.angle, low, high, color=kwargs["color"], alpha=0.25, lw=0)
        )
    ax.set_xlabel(f"{name} angle (°)")
    ax.set_ylabel("density (1/°)")
    ax.set_xlim(0.0, 180.0)
    ax.set_ylim(bottom=0.0)
    return artists


def plot_populations(
    populations: Populations, ax: Axes | None = None, *, most: int = 8, **artist_kwargs: Any
) -> list[Artist]:
    """Draw the shares of the `most` frequent polyhedra as bars and return them."""
    ax = _axes(ax)
    count = min(most, len(populations.labels))
    error = populations.stderr[:count]
    kwargs: dict[str, Any] = {
        "color": _COLORS[4],
        "ecolor": "#333333",
        "capsize": 2,
    } | artist_kwargs
    bars = ax.bar(
        np.arange(count),
        100.0 * populations.fraction[:count],
        yerr=100.0 * error if np.isfinite(error).all() else None,
        **kwargs,
    )
    ax.set_xticks(np.arange(count), [_subscripts(name) for name in populations.labels[:count]])
    ax.set_ylabel("share of centers (%)")
    return list(bars)


def _subscripts(label: str) -> str:
    return label.translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))


def _axes(ax: Axes | None) -> Axes:
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.figure().subplots()
