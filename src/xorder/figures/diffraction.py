"""Powder diffraction of a series: patterns with their lines, width and area of planes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xorder.diffraction.peak_tracking import PeakTable
from xorder.diffraction.plots import MARKERS, plot_ticks, plot_widths
from xorder.figures.diffraction_axes import shade
from xorder.figures.diffraction_refinement import (
    draw_fractions,
    draw_loss,
    draw_refinements,
    refined_patterns,
)
from xorder.figures.diffraction_widths import draw_sizes, draw_widths
from xorder.figures.drawing import COLOURS, PAGE, Drawing, mark_simulated, panel_label, style

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes

    from xorder.diffraction.analysis import DiffractionAnalysis
    from xorder.diffraction.comparison import DiffractionComparison
    from xorder.diffraction.reflections import Reflections
    from xorder.results import Array

__all__ = ["draw", "draw_comparison", "draw_details"]

#: Vertical distance of stacked patterns, in units of the highest line of each.
STEP = 0.75


def draw(analyses: Sequence[DiffractionAnalysis]) -> Drawing:
    """Return the figure of a series: (a) patterns and ticks, (b) FWHM, (c) area of each plane."""
    from matplotlib.figure import Figure

    with style():
        figure = Figure(figsize=(PAGE, max(3.4, 2.2 + 0.45 * len(analyses))), layout="constrained")
        axes = figure.subplot_mosaic([["a", "b"], ["a", "c"]], width_ratios=[1.7, 1.0])
        peaks = _joined([analysis.peaks for analysis in analyses])
        _draw_patterns(axes["a"], analyses)
        plot_widths(peaks, axes["b"], elinewidth=0.7, linewidth=0.7)
        _draw_areas(axes["c"], peaks)
        axes["b"].tick_params(labelbottom=False)
        axes["b"].set_xlim(axes["c"].get_xlim())
        columns = 1 if len(set(peaks.plane)) < 4 else 2
        handles, labels = axes["b"].get_legend_handles_labels()
        figure.legend(
            handles, labels, loc="outside lower right", ncols=max(columns, min(len(labels), 6)),
            title="planes; open: not separable from a neighbour", title_fontsize=7,
            handletextpad=0.2, columnspacing=0.8,
        )  # fmt: skip
        for label in ("a", "b", "c"):
            panel_label(axes[label], label)
        if any(analysis.simulated for analysis in analyses):
            mark_simulated(figure)
    return Drawing(
        name="diffraction",
        figure=figure,
        tables={"patterns": _pattern_table(analyses), "peaks": _peak_table(peaks)},
    )


def draw_details(analyses: Sequence[DiffractionAnalysis]) -> list[Drawing]:
    """Return widths, sizes and strains, refined patterns and weight fractions, where there are."""
    refined = refined_patterns(a.refinement for a in analyses if a.refinement is not None)
    drawings = [draw_widths(analyses), draw_sizes(analyses), *draw_refinements(refined)]
    fractions = [a for a in analyses if a.fractions is not None]
    if fractions:
        drawings.append(
            draw_fractions(
                [a.name for a in fractions],
                [a.order_value for a in fractions],
                fractions[0].order_name,
                [a.fractions for a in fractions if a.fractions is not None],
                simulated=any(a.simulated for a in fractions),
            )
        )
    return [drawing for drawing in drawings if drawing is not None]


def draw_comparison(comparison: DiffractionComparison) -> list[Drawing]:
    """Return the loss of crystalline scattering, and what refining the series as one gave."""
    drawings = [draw_loss(comparison), *draw_refinements(refined_patterns(comparison.refinements))]
    if comparison.fractions:
        drawings.append(
            draw_fractions(
                comparison.names,
                comparison.order,
                comparison.order_name,
                comparison.fractions,
                simulated=comparison.simulated,
            )
        )
    return [drawing for drawing in drawings if drawing is not None]


def _draw_patterns(ax: Axes, analyses: Sequence[DiffractionAnalysis]) -> None:
    for number, analysis in enumerate(analyses):
        base, colour = STEP * number, shade(number, len(analyses))
        ax.plot(analysis.pattern.two_theta, _normalised(analysis) + base, color=colour)
        ax.text(
            0.995, base + 0.14 * STEP, analysis.name, transform=ax.get_yaxis_transform(),
            ha="right", va="bottom", fontsize=7, color=colour,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.8},
        )  # fmt: skip
    rows = [analyses[0].reflections, *analyses[0].impurities]
    for number, found in enumerate(rows):
        y = -0.12 * (number + 1)
        ink = "black" if number == 0 else COLOURS[number % len(COLOURS)]
        strong = found.multiplicity * found.f_squared
        shown = _kept(found, strong > 0.005 * strong.max())
        plot_ticks(shown, ax, y=y, height=0.06, color=ink)
        ax.text(
            1.01, y + 0.03, found.name, transform=ax.get_yaxis_transform(), fontsize=6,
            color=ink, va="center", ha="left", clip_on=False,
        )  # fmt: skip
    low = min(float(a.pattern.two_theta[0]) for a in analyses)
    high = max(float(a.pattern.two_theta[-1]) for a in analyses)
    ax.set_xlim(low, high)
    ax.set_ylim(-0.12 * len(rows) - 0.08, STEP * (len(analyses) - 1) + 1.08)
    ax.set_yticks([])
    ax.set_xlabel(f"2θ (°), λ = {analyses[0].pattern.wavelength.wavelength:.4f} Å")
    ax.set_ylabel("intensity, each scaled to its highest point")


def _kept(found: Reflections, keep: NDArray[np.bool_]) -> Reflections:
    """Return the reflections that `keep` marks."""
    names = ("two_theta", "h", "k", "l", "d", "multiplicity", "f_squared")
    kept: dict[str, Any] = {name: getattr(found, name)[keep] for name in names}
    return replace(found, **kept)


def _draw_areas(ax: Axes, peaks: PeakTable) -> None:
    samples = list(dict.fromkeys(peaks.sample.tolist()))
    planes = list(dict.fromkeys(peaks.plane.tolist()))
    place = np.array([samples.index(sample) for sample in peaks.sample], dtype=float)
    for number, plane in enumerate(planes):
        colour = COLOURS[number % len(COLOURS)]
        x = place + 0.06 * (number - 0.5 * (len(planes) - 1))
        own = (peaks.plane == plane) & peaks.success
        ax.errorbar(
            x[own], peaks.area[own], yerr=peaks.area_stderr[own], color=colour, capsize=2,
            elinewidth=0.7, linewidth=0.7, marker=MARKERS[number % len(MARKERS)], markersize=4,
        )  # fmt: skip
        lost = (peaks.plane == plane) & peaks.lost & (peaks.area_limit > 0)
        ax.errorbar(
            x[lost], peaks.area_limit[lost], yerr=0.3 * peaks.area_limit[lost], uplims=True,
            color=colour, linestyle="none", elinewidth=0.7, marker="_", markersize=4,
        )  # fmt: skip
    ax.set_yscale("log")
    ax.set_xticks(range(len(samples)), samples, rotation=30, ha="right", rotation_mode="anchor")
    ax.set_xlim(-0.5, len(samples) - 0.5)
    ax.set_ylabel("area (counts °)")


def _normalised(analysis: DiffractionAnalysis) -> Array:
    intensity = analysis.pattern.intensity
    low = float(np.percentile(intensity, 1))
    return (intensity - low) / (float(intensity.max()) - low)


def _joined(tables: Sequence[PeakTable]) -> PeakTable:
    names = [n for n in PeakTable.__dataclass_fields__ if n not in ("provenance", "fits")]
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(table, name) for table in tables]) for name in names
    }
    return PeakTable(**columns)


def _pattern_table(analyses: Sequence[DiffractionAnalysis]) -> pandas.DataFrame:
    import pandas

    return pandas.concat(
        [
            pandas.DataFrame(
                {
                    "sample": analysis.name,
                    "two_theta (°)": analysis.pattern.two_theta,
                    "intensity (counts)": analysis.pattern.intensity,
                    "sigma (counts)": analysis.pattern.sigma,
                }
            )
            for analysis in analyses
        ],
        ignore_index=True,
    )


def _peak_table(peaks: PeakTable) -> pandas.DataFrame:
    frame = peaks.to_dataframe().reset_index()
    units = {
        name: f.metadata["unit"]
        for name, f in PeakTable.__dataclass_fields__.items()
        if f.metadata.get("unit")
    }
    return frame.rename(columns={name: f"{name} ({unit})" for name, unit in units.items()})
