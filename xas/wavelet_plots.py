"""Wavelet maps side by side, their differences, and the maps of paths over them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from xorder.errors import BadInput
from xorder.xas.plots import draw_map

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from xorder.xas.bond_angles import BondAngles
    from xorder.xas.wavelet_maps import WaveletDifference
    from xorder.xas.wavelets import Wavelets

__all__ = [
    "plot_bond_angles",
    "plot_path_wavelets",
    "plot_wavelet_difference",
    "plot_wavelet_differences",
]

#: A path is drawn where it is at least this share of the measured map's maximum, by its contour at
#: this share of its own.
SMALLEST_PATH, CONTOUR = 0.05, 0.7

#: Height of a line of labels as a share of the range of R.
LINE = 0.055

#: Colours of paths, told apart by the colour-blind too (Okabe & Ito) and seen on viridis.
_COLOURS = ("#ffffff", "#e69f00", "#f0a3c8", "#56b4e9", "#d55e00", "#f0e442")

#: A difference below this many standard errors is not told from noise.
SIGNIFICANT = 3.0


def plot_wavelet_difference(
    difference: WaveletDifference,
    ax: Axes | None = None,
    *,
    limit: float | None = None,
    **artist_kwargs: Any,
) -> list[Any]:
    """Draw a difference of maps; what is within three standard errors is hatched.

    Parameters
    ----------
    difference
        The difference.
    ax
        Matplotlib axes; new ones where None.
    limit
        Ends of the colour scale, -limit to limit; the largest difference in the range where None.
    **artist_kwargs
        For ``Axes.imshow``.
    """
    from matplotlib.patches import Ellipse

    ax = _axes(ax)
    limit = _largest(difference) if limit is None else limit
    style = {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit, **artist_kwargs}
    mesh = draw_map(ax, difference.k, difference.r, difference.difference, **style)
    unclear = np.abs(difference.difference) < SIGNIFICANT * difference.stderr
    artists: list[Any] = [mesh]
    if unclear.any() and not unclear.all():
        artists.append(
            ax.contourf(
                difference.k,
                difference.r,
                unclear.astype(float),
                levels=[0.5, 1.5],
                colors="none",
                hatches=[".."],
            )
        )
    k_end, r = difference.k_range[1], 0.85 * float(difference.r[-1])
    half = difference.rho / (2 * r)
    ellipse = Ellipse(
        (k_end - 1.3 * half, r), width=2 * half, height=2 * r / difference.rho,
        facecolor="white", alpha=0.9, edgecolor="black", linewidth=0.8, linestyle="--", zorder=3,
    )  # fmt: skip
    artists.append(ax.add_patch(ellipse))
    ax.set(
        xlabel="k (Å⁻¹)",
        ylabel="R, not phase-corrected (Å)",
        xlim=difference.k_range,
        ylim=(float(difference.r[0]), float(difference.r[-1])),
    )
    return artists


def plot_wavelet_differences(
    differences: Sequence[WaveletDifference], axes: Sequence[Axes], **artist_kwargs: Any
) -> list[Any]:
    """Draw several differences on one colour scale, titled with their names.

    Raises
    ------
    BadInput
        Not as many axes as differences, or none.
    """
    if not differences or len(differences) != len(axes):
        raise BadInput(
            f"there are {len(differences)} differences for {len(axes)} axes", expected="one each"
        )
    limit = max(_largest(one) for one in differences)
    artists = []
    for one, ax in zip(differences, axes, strict=True):
        artists += plot_wavelet_difference(one, ax, limit=limit, **artist_kwargs)
        ax.set_title(one.name)
    return artists


def plot_path_wavelets(
    wavelets: Wavelets,
    paths: Sequence[Wavelets],
    ax: Axes | None = None,
    *,
    most: int = 6,
    **artist_kwargs: Any,
) -> list[Any]:
    """Draw a measured map, and over it where each path has its strength, with the path's name.

    Each path is a contour at seven tenths of its own maximum, with that maximum's share of the
    measured map's. The strongest `most` are drawn, none below 5 % of the measured map's maximum.
    """
    ax = _axes(ax)
    inside = (wavelets.k >= wavelets.k_range[0]) & (wavelets.k <= wavelets.k_range[1])
    k = wavelets.k[inside]
    top = float(np.max(wavelets.magnitude[:, inside]))
    heights = {id(path): float(np.max(path.magnitude[:, inside])) for path in paths}
    ranked = sorted(paths, key=lambda path: -heights[id(path)])[:most]
    drawn = [path for path in ranked if heights[id(path)] >= SMALLEST_PATH * top]
    at_r = [float(wavelets.r[np.argmax(np.max(p.magnitude[:, inside], axis=1))]) for p in drawn]
    rows = _apart(np.array(at_r), wavelets)
    artists = list(wavelets.plot(ax, ellipse_at=_free_place(wavelets, rows), **artist_kwargs))
    for index, (path, row) in enumerate(zip(drawn, rows, strict=True)):
        own, height = path.magnitude[:, inside], heights[id(path)]
        colour: str = _COLOURS[index % len(_COLOURS)]
        artists.append(
            ax.contour(
                k, wavelets.r, own, levels=[CONTOUR * height], colors=[colour], linewidths=1.1
            )
        )
        across, along = np.nonzero(own >= CONTOUR * height)
        right = int(np.argmax(along))
        artists.append(
            ax.annotate(
                f"{path.name} ({100 * height / top:.0f} %)",
                xy=(float(k[along[right]]), float(wavelets.r[across[right]])),
                xytext=(float(k[-1] - 0.01 * (k[-1] - k[0])), float(row)),
                color=colour,
                fontsize=7,
                ha="right",
                va="center",
                arrowprops={"arrowstyle": "-", "color": colour, "lw": 0.6, "relpos": (0.0, 0.5)},
            )
        )
    return artists


def _apart(wanted: Any, wavelets: Wavelets) -> Any:
    """Return distances for labels near the wanted ones and a line apart."""
    low, high = float(wavelets.r[0]), float(wavelets.r[-1])
    step = LINE * (high - low)
    order = np.argsort(wanted)
    placed = np.clip(wanted[order], low + step, high - step)
    for _ in range(50):
        close = np.diff(placed) < step - 1e-9
        if not close.any():
            break
        for i in np.flatnonzero(close):
            middle = 0.5 * (placed[i] + placed[i + 1])
            placed[i], placed[i + 1] = middle - 0.5 * step, middle + 0.5 * step
        placed = np.clip(placed, low + 0.5 * step, high - 0.5 * step)
    rows = np.empty(placed.size)
    rows[order] = placed
    return rows


def _free_place(wavelets: Wavelets, rows: Any) -> tuple[float, float]:
    """Return k and R for the ellipse of resolution, away from the labels."""
    low, high = float(wavelets.r[0]), float(wavelets.r[-1])
    places = np.linspace(low + 0.35 * (high - low), low + 0.88 * (high - low), 40)
    room = np.abs(places[:, None] - np.atleast_1d(rows)[None, :]) if len(rows) else None
    r = float(places[-1] if room is None else places[np.argmax(room.min(axis=1) - places / 50)])
    return wavelets.k_range[1] - 1.3 * wavelets.rho / (2 * r), r


def plot_bond_angles(result: BondAngles, ax: Axes | None = None, **artist_kwargs: Any) -> list[Any]:
    """Draw bend against disorder: what makes the measured amplitude, and what the fit leaves.

    The curve is every pair of bend and disorder that makes the feature as strong as it is; the
    ellipses hold 68 and 95 % of what the fit of the whole spectrum leaves. The dotted line is the
    disorder of two bonds that vibrate on their own.
    """
    ax = _axes(ax)
    style: dict[str, Any] = {"color": "#0072b2", "linewidth": 1.4, **artist_kwargs}
    artists: list[Any] = ax.plot(
        result.alike_bend_square, result.alike_sigma2_chain, label="one amplitude", **style
    )
    artists.append(
        ax.axhline(result.sigma2_expected.value, color="0.4", linestyle=":", label="two bonds, 2σ²")
    )
    middle = (result.bend_square.value, result.sigma2_chain.value)
    artists += ax.plot(*middle, "o", color="#d55e00", markersize=4, label="fit")
    around = np.linspace(0.0, 2.0 * np.pi, 200)
    circle = np.stack([np.cos(around), np.sin(around)])
    spread = np.array([result.bend_square.stderr, result.sigma2_chain.stderr])
    if np.all(np.isfinite(spread)) and np.isfinite(result.correlation):
        lean = np.linalg.cholesky(
            np.array([[1.0, result.correlation], [result.correlation, 1.0 + 1e-9]])
        )
        # Two parameters at once: 68.3 and 95.4 % lie within these.
        for size in (1.515, 2.486):
            x, y = size * spread[:, None] * (lean @ circle)
            artists += ax.plot(middle[0] + x, middle[1] + y, color="#d55e00", linewidth=0.9)
    right = max(100.0, *result.alike_bend_square, middle[0] + 2.6 * np.nan_to_num(spread[0]))
    # Near 180° angles crowd.
    few = (0, 10, 15, 20, 25, 30) if right > 250.0 else (0, 5, 10, 15)
    bends = np.array([b for b in few if b**2 <= right])
    ax.set_xticks(bends**2, [f"{180 - b:d}" for b in bends])
    ax.axvline(0.0, color="0.8", linewidth=0.8, zorder=0)
    ax.set(xlabel="angle (°), even in (180° − angle)²", ylabel="σ² of the chain (Å²)")
    ax.legend(frameon=False)
    return artists


def _largest(difference: WaveletDifference) -> float:
    inside = (difference.k >= difference.k_range[0]) & (difference.k <= difference.k_range[1])
    return float(np.max(np.abs(difference.difference[:, inside]))) or 1.0


def _axes(ax: Axes | None) -> Axes:
    from xorder.xas.plots import _axes as axes

    return axes(ax)
