"""Near edges, oscillations, transforms and wavelet maps of a series of samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from xorder.errors import BadInput
from xorder.figures.drawing import COLOURS, PAGE, Drawing, mark_simulated, panel_label, style
from xorder.figures.xas_comparison import draw_comparison
from xorder.figures.xas_fits import draw_details
from xorder.figures.xas_wavelets import across, draw_maps
from xorder.xas.analysis import XasAnalysis
from xorder.xas.plots import plot_chi, plot_norm, plot_transform

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw", "draw_comparison", "draw_details"]

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
            tables["d_wavelets"] = draw_maps(maps, with_exafs, across(len(with_exafs)))
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
    columns = across(count)
    rows = math.ceil(count / columns)
    figure = Figure(figsize=(PAGE, 2.7 + 2.0 * rows), layout="constrained")
    parts: Any = figure.subfigures(2, 1, height_ratios=[2.7, 2.0 * rows])
    upper, lower = parts
    top = list(upper.subplots(1, 3))
    grid = lower.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).ravel()
    for spare in grid[count:]:
        spare.set_visible(False)
    return figure, top, list(grid[:count])


def _colour(index: int) -> str:
    return COLOURS[index % len(COLOURS)]


def _near_edge(ax: Axes, analyses: Sequence[XasAnalysis]) -> pandas.DataFrame:
    e0 = analyses[0].normalized.e0
    for index, analysis in enumerate(analyses):
        plot_norm(analysis.normalized, ax, color=_colour(index), label=analysis.name)
    ax.locator_params(axis="x", nbins=5)
    ax.set_xlim(e0 + NEAR_EDGE[0], e0 + NEAR_EDGE[1])
    ax.set_ylim(bottom=-0.05)
    _peak_names(ax, analyses)
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


def _peak_names(ax: Axes, analyses: Sequence[XasAnalysis]) -> None:
    """Write the names of fitted near-edge peaks above the highest spectrum there."""
    fits = [analysis.near_edge for analysis in analyses if analysis.near_edge is not None]
    if fits:
        # Room for the names above the highest line.
        ax.set_ylim(top=1.15 * ax.get_ylim()[1])
    for peak in fits[0].peaks if fits else ():
        if math.isfinite(peak.center):
            heights = [
                float(np.interp(peak.center, a.normalized.energy, a.normalized.flat))
                for a in analyses
            ]
            ax.annotate(
                peak.name, (peak.center, max(heights)), xytext=(0, 6), textcoords="offset points",
                ha="center", fontsize=6.0, arrowprops={"arrowstyle": "-", "linewidth": 0.4},
            )  # fmt: skip


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
    """Draw |χ(R)|, phase-corrected where all samples are, plain otherwise, and fits."""
    columns = []
    whole = all(analysis.corrected is not None for analysis in analyses)
    for index, analysis in enumerate(analyses):
        transform: Any = analysis.corrected if whole else analysis.transform
        plot_transform(transform, ax, color=_colour(index))
        columns.append((analysis.name, "R (Å)", transform.r, transform.chi_r_mag))
        if analysis.shell_fit and not whole:
            model = analysis.shell_fit.spectra[0].transforms(k_weight=transform.k_weight)[1]
            ax.plot(model.r, model.chi_r_mag, "--", color="black", linewidth=0.7)
            columns.append((f"{analysis.name} fit", "R (Å)", model.r, model.chi_r_mag))
    if whole:
        bond = transform.phase_of.split(" ")[0].rpartition("–")[0]
        ax.set_xlabel(f"R, phase-corrected for {bond} (Å)")
    ax.set_xlim(0, float(_transform(analyses[0]).r[-1]))
    ax.set_ylim(bottom=0)
    return _columns(columns, "|chi(R)|")


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


def _columns(curves: Sequence[tuple[str, str, Any, Any]], what: str) -> pandas.DataFrame:
    import pandas

    frames = [
        pandas.DataFrame({f"{sample}: {axis}": x, f"{sample}: {what}": y})
        for sample, axis, x, y in curves
    ]
    return pandas.concat(frames, axis=1)
