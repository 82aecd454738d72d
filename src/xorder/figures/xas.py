"""Near edges, oscillations, transforms and wavelet maps of a series of samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from xorder.errors import BadInput
from xorder.figures.drawing import COLOURS, PAGE, Drawing, mark_simulated, panel_label, style
from xorder.xas.analysis import XasAnalysis
from xorder.xas.plots import plot_chi, plot_norm, plot_transform, plot_wavelets, power

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw"]

#: Most wavelet maps side by side.
MAPS_A_ROW = 5

#: Near-edge range drawn, eV from the first sample's e0.
NEAR_EDGE = (-40.0, 90.0)


def draw(analyses: Sequence[XasAnalysis]) -> Drawing:
    """Return the figure of a series: XANES, k^nχ(k), |χ(R)| and one wavelet map a sample.

    Maps share one colour scale; the dashed ellipse is their resolution. Near-edge scans are drawn
    in the first panel only.

    Raises
    ------
    BadInput
        Where there is nothing to draw.
    """
    if not analyses:
        raise BadInput("there is no analysis to draw", expected="at least one")
    with_exafs = [analysis for analysis in analyses if analysis.exafs is not None]
    with style():
        figure, top, maps = _panels(len(with_exafs))
        tables = {"a_xanes": _near_edge(top[0], analyses)}
        panel_label(top[0], "a")
        if with_exafs:
            tables["b_chi"] = _oscillations(top[1], with_exafs)
            tables["c_transform"] = _transforms(top[2], with_exafs)
            panel_label(top[1], "b")
            panel_label(top[2], "c")
            tables["d_wavelets"] = _maps(figure, maps, with_exafs)
        _legend(figure, top[0], len(analyses))
        if any(analysis.simulated for analysis in analyses):
            mark_simulated(figure)
    return Drawing(name="xas", figure=figure, tables=tables)


def _panels(count: int) -> tuple[Figure, list[Axes], list[Axes]]:
    from matplotlib.figure import Figure

    if count == 0:
        figure = Figure(figsize=(PAGE / 2, 2.8), layout="constrained")
        return figure, [figure.subplots()], []
    if count == 1:
        figure = Figure(figsize=(0.8 * PAGE, 4.8), layout="constrained")
        panels = list(figure.subplots(2, 2).ravel())
        return figure, panels[:3], panels[3:]
    across = _across(count)
    rows = math.ceil(count / across)
    figure = Figure(figsize=(PAGE, 2.7 + 2.0 * rows), layout="constrained")
    parts: Any = figure.subfigures(2, 1, height_ratios=[2.7, 2.0 * rows])
    upper, lower = parts
    top = list(upper.subplots(1, 3))
    grid = lower.subplots(rows, across, squeeze=False, sharex=True, sharey=True).ravel()
    for spare in grid[count:]:
        spare.set_visible(False)
    for index, ax in enumerate(grid[:count]):
        # The lowest map of each column carries the labels, also above a spare place.
        ax.tick_params(labelbottom=index + across >= count, labelleft=index % across == 0)
    return figure, top, list(grid[:count])


def _across(count: int) -> int:
    """Return the maps in a row: as few rows as can be, and these as full as can be."""
    return math.ceil(count / math.ceil(count / MAPS_A_ROW))


def _colour(index: int) -> str:
    return COLOURS[index % len(COLOURS)]


def _near_edge(ax: Axes, analyses: Sequence[XasAnalysis]) -> pandas.DataFrame:
    e0 = analyses[0].normalized.e0
    for index, analysis in enumerate(analyses):
        plot_norm(analysis.normalized, ax, color=_colour(index), label=analysis.name)
    ax.locator_params(axis="x", nbins=5)
    ax.set_xlim(e0 + NEAR_EDGE[0], e0 + NEAR_EDGE[1])
    ax.set_ylim(bottom=-0.05)
    element, edge = analyses[0].normalized.element, analyses[0].normalized.edge
    if element and edge:
        ax.text(0.96, 0.95, f"{element} {edge}", transform=ax.transAxes, ha="right", va="top")
    return _columns(
        [
            (analysis.name, "Energy (eV)", analysis.normalized.energy, analysis.normalized.flat)
            for analysis in analyses
        ],
        "normalized absorption",
    )


def _oscillations(ax: Axes, analyses: Sequence[XasAnalysis]) -> pandas.DataFrame:
    weight = _transform(analyses[0]).k_weight
    low = min(_transform(a).k_range[0] for a in analyses)
    high = max(_transform(a).k_range[1] for a in analyses)
    columns, largest = [], 0.0
    for analysis in analyses:
        exafs = _exafs(analysis)
        inside = (exafs.k >= low) & (exafs.k <= high)
        chi = exafs.chi * exafs.k**weight
        largest = max(largest, float(np.max(np.abs(chi[inside]))))
        columns.append((analysis.name, "k (Å⁻¹)", exafs.k, chi))
    step = 1.3 * largest
    for index, analysis in enumerate(analyses):
        offset = -index * step
        ax.axhline(offset, color="0.8", linewidth=0.5, zorder=0)
        plot_chi(_exafs(analysis), ax, k_weight=weight, offset=offset, color=_colour(index))
    ax.set_xlim(low - 1.0, high)
    ax.set_ylim(-(len(analyses) - 1) * step - 1.2 * largest, 1.2 * largest)
    return _columns(columns, f"k^{weight:g} chi")


def _transforms(ax: Axes, analyses: Sequence[XasAnalysis]) -> pandas.DataFrame:
    columns = []
    for index, analysis in enumerate(analyses):
        transform = _transform(analysis)
        plot_transform(transform, ax, color=_colour(index))
        columns.append((analysis.name, "R (Å)", transform.r, transform.chi_r_mag))
    ax.set_xlim(0, float(_transform(analyses[0]).r[-1]))
    ax.set_ylim(bottom=0)
    return _columns(columns, "|chi(R)|")


def _maps(
    figure: Figure, maps: Sequence[Axes], analyses: Sequence[XasAnalysis]
) -> pandas.DataFrame:
    import pandas

    highest = max(float(np.max(_map(a).magnitude)) for a in analyses)
    mesh: Any = None
    tables = []
    for index, (ax, analysis) in enumerate(zip(maps, analyses, strict=True)):
        wavelets = _map(analysis)
        mesh = plot_wavelets(wavelets, ax, vmax=highest)[0]
        panel_label(ax, "def"[index] if len(analyses) <= 3 else chr(ord("d") + index % 23))
        ax.set_title(analysis.name, fontsize=7.0)
        if len(analyses) > 1 and index % _across(len(analyses)):
            ax.set_ylabel("")
        if index + _across(len(analyses)) < len(analyses):
            ax.set_xlabel("")
        feature = analysis.feature
        if feature is not None and feature.success:
            ax.plot(feature.k, feature.r, "+", color="white", markersize=6, markeredgewidth=0.9)
        tables.append(
            pandas.DataFrame(
                {
                    "sample": analysis.name,
                    "k (Å⁻¹)": np.tile(wavelets.k[::2], wavelets.r[::2].size),
                    "R (Å)": np.repeat(wavelets.r[::2], wavelets.k[::2].size),
                    "|W|": wavelets.magnitude[::2, ::2].ravel(),
                }
            )
        )
    weight = _transform(analyses[0]).k_weight
    maps[0].figure.colorbar(mesh, ax=list(maps), label=f"|W(k, R)| of {power(weight)}χ", pad=0.01)
    return pandas.concat(tables, ignore_index=True)


def _legend(figure: Figure, ax: Axes, count: int) -> None:
    if count > 1:
        # Above the panels: nowhere inside is free of data in every series.
        figure.legend(
            *ax.get_legend_handles_labels(), loc="outside upper left", ncols=min(count, 6)
        )


def _exafs(analysis: XasAnalysis) -> Any:
    return analysis.exafs


def _transform(analysis: XasAnalysis) -> Any:
    return analysis.transform


def _map(analysis: XasAnalysis) -> Any:
    return analysis.wavelets


def _columns(curves: Sequence[tuple[str, str, Any, Any]], what: str) -> pandas.DataFrame:
    import pandas

    frames = [
        pandas.DataFrame({f"{sample}: {axis}": x, f"{sample}: {what}": y})
        for sample, axis, x, y in curves
    ]
    return pandas.concat(frames, axis=1)
