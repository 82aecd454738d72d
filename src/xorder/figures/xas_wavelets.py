"""Wavelet maps of a series on one colour scale, with the box measured and paths by position."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xorder.errors import BadInput
from xorder.figures.drawing import PAGE, Drawing, mark_simulated, panel_label, style
from xorder.xas.analysis import XasAnalysis
from xorder.xas.plots import plot_wavelets, power
from xorder.xas.wavelet_maps import path_wavelets

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes

__all__ = ["PathMark", "across", "draw_maps", "draw_wavelets", "path_marks"]

#: Most wavelet maps side by side.
MAPS_A_ROW = 5

#: Paths weaker than this share of the strongest have no mark on a map.
FAINT_PATH = 0.08


@dataclass(frozen=True, kw_only=True, slots=True)
class PathMark:
    """Where the map of one fitted path alone has its maximum."""

    label: str
    """The way of the path."""
    n_legs: int
    """Legs: 2 for single scattering."""
    k: float
    """Position in Å⁻¹."""
    r: float
    """Position in Å, not phase-corrected."""
    value: float
    """|W| there."""


def draw_wavelets(analyses: Sequence[XasAnalysis]) -> Drawing:
    """Return the maps alone, large, with the box of the feature.

    Raises
    ------
    BadInput
        Where no sample has a map.
    """
    from matplotlib.figure import Figure

    drawn = [analysis for analysis in analyses if analysis.wavelets is not None]
    if not drawn:
        raise BadInput("no sample has a wavelet map", expected="scans that reach k = 6 Å⁻¹")
    columns = min(len(drawn), 3)
    rows = math.ceil(len(drawn) / columns)
    with style():
        figure = Figure(
            figsize=(PAGE * max(columns, 1.6) / 3, 0.5 + 2.3 * rows), layout="constrained"
        )
        panels = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).ravel()
        for spare in panels[len(drawn) :]:
            spare.set_visible(False)
        table = draw_maps(list(panels[: len(drawn)]), drawn, columns, first="a", labels=True)
        if any(analysis.simulated for analysis in drawn):
            mark_simulated(figure)
    return Drawing(name="wavelets", figure=figure, tables={"maps": table})


def across(count: int) -> int:
    """Return the maps in a row: as few rows as can be, and these as full as can be."""
    return math.ceil(count / math.ceil(count / MAPS_A_ROW))


def draw_maps(
    maps: Sequence[Axes],
    analyses: Sequence[XasAnalysis],
    columns: int,
    *,
    first: str = "d",
    labels: bool = False,
) -> pandas.DataFrame:
    """Draw one map a panel on one colour scale; return their numbers as a table.

    Parameters
    ----------
    maps
        Axes, one a sample.
    analyses
        Samples with maps.
    columns
        Maps in a row: labels of axes stand at the left and below the lowest alone.
    first
        Letter of the first panel.
    labels
        Name the paths beside their marks.
    """
    import pandas

    highest = max(float(np.max(_map(a).magnitude)) for a in analyses)
    mesh: Any = None
    tables = []
    for index, (ax, analysis) in enumerate(zip(maps, analyses, strict=True)):
        wavelets = _map(analysis)
        mesh = plot_wavelets(wavelets, ax, vmax=highest)[0]
        panel_label(ax, chr(ord("a") + (ord(first) - ord("a") + index) % 26))
        ax.set_title(analysis.name, fontsize=7.0)
        if index % columns:
            ax.set_ylabel("")
        last = index + columns >= len(analyses)
        ax.tick_params(labelbottom=last, labelleft=index % columns == 0)
        if not last:
            ax.set_xlabel("")
        _feature(ax, analysis)
        _marks(ax, path_marks(analysis), labels)
        tables.append(_table(analysis))
    weight = _map(analyses[0]).k_weight
    maps[0].figure.colorbar(mesh, ax=list(maps), label=f"|W(k, R)| of {power(weight)}χ", pad=0.01)
    return pandas.concat(tables, ignore_index=True)


def path_marks(analysis: XasAnalysis) -> list[PathMark]:
    """Return where each path of the shell fit lies on the map, the strongest first.

    Each path's own map is made with the settings of the sample's: a feature is assigned by what
    was calculated, never by its distance alone.
    """
    fit, wavelets = analysis.shell_fit, analysis.wavelets
    if fit is None or wavelets is None or not fit.spectra or fit.verdict == "failed":
        return []
    marks = []
    for own in path_wavelets(wavelets, fit):
        inside = (own.k >= own.k_range[0]) & (own.k <= own.k_range[1])
        part = own.magnitude[:, inside]
        row, column = np.unravel_index(int(np.argmax(part)), part.shape)
        marks.append(
            PathMark(
                label=own.name,
                n_legs=max(2, own.name.split(" ")[0].count("–")),
                k=float(own.k[inside][column]),
                r=float(own.r[row]),
                value=float(part[row, column]),
            )
        )
    marks.sort(key=lambda mark: -mark.value)
    return [mark for mark in marks if mark.value >= FAINT_PATH * marks[0].value]


def _feature(ax: Axes, analysis: XasAnalysis) -> None:
    """Draw the box that is measured and the maximum in it."""
    from matplotlib.patches import Rectangle

    box, feature = analysis.box, analysis.feature
    if box is not None:
        (k_low, k_high), (r_low, r_high) = box.k_range, box.r_range
        ax.add_patch(
            Rectangle(
                (k_low, r_low), k_high - k_low, r_high - r_low, fill=False,
                edgecolor="white", linewidth=0.5, linestyle=":",
            )
        )  # fmt: skip
    if feature is not None and feature.success:
        ax.plot(feature.k, feature.r, "+", color="white", markersize=6, markeredgewidth=0.9)


def _marks(ax: Axes, marks: Sequence[PathMark], labels: bool) -> None:
    placed: list[float] = []
    for mark in marks:
        shape = "o" if mark.n_legs == 2 else "D"
        ax.plot(
            mark.k, mark.r, shape, color="none", markeredgecolor="#F0E442", markersize=4,
            markeredgewidth=0.8,
        )  # fmt: skip
        if labels and all(abs(mark.r - r) > 0.3 for r in placed):
            placed.append(mark.r)
            ax.annotate(
                mark.label, (mark.k, mark.r), xytext=(5, 2), textcoords="offset points",
                color="#F0E442", fontsize=5.0,
            )  # fmt: skip


def _table(analysis: XasAnalysis) -> pandas.DataFrame:
    import pandas

    wavelets = _map(analysis)
    return pandas.DataFrame(
        {
            "sample": analysis.name,
            "k (Å⁻¹)": np.tile(wavelets.k[::2], wavelets.r[::2].size),
            "R (Å)": np.repeat(wavelets.r[::2], wavelets.k[::2].size),
            "|W|": wavelets.magnitude[::2, ::2].ravel(),
        }
    )


def _map(analysis: XasAnalysis) -> Any:
    return analysis.wavelets
