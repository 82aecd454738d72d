"""The figure of the pair distribution functions of a series: G(r), refinements, box-car, peaks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from xorder.errors import BadInput
from xorder.figures.drawing import (
    COLOURS,
    PAGE,
    Drawing,
    mark_simulated,
    panel_label,
    style,
)
from xorder.figures.pdf_comparison import draw_comparison
from xorder.figures.pdf_windows import draw_boxcars, note_sharing

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes

    from xorder.pdf.analysis import PdfAnalysis
    from xorder.pdf.refinement import PdfFit

__all__ = ["draw", "draw_comparison", "draw_details"]


def draw(analyses: Sequence[PdfAnalysis]) -> Drawing:
    """Return the figure of one sample or a series.

    Panel (a): measured and calculated G(r) of every sample, or of every data set refined together,
    differences below; named pairs are marked. Beside it, where there are some: against the windows'
    upper ends the mass fraction and the scale relative to short distances, sliding windows as
    points, windows that begin at the lowest r as hollow squares, undecided ones as crosses; of all
    phases for one sample, of the first phase for several; then fitted peaks, and the model's G(r).

    Raises
    ------
    BadInput
        Where there is nothing to draw.
    """
    analyses = list(analyses)
    if not analyses:
        raise BadInput("there is no analysis to draw", expected="at least one sample")
    boxcars = [a.boxcar for a in analyses if a.boxcar is not None]
    panels = {
        "fractions": any(len(boxcar.phases) > 1 for boxcar in boxcars),
        "scales": bool(boxcars),
        "peaks": any(a.peaks is not None for a in analyses),
        "model": any(a.model is not None for a in analyses),
    }
    right = [name for name, wanted in panels.items() if wanted]
    from matplotlib.figure import Figure

    with style():
        curves = sum(1 if a.joint is None else len(a.joint.sets) for a in analyses)
        height = max(2.6 + 0.45 * (curves - 1), 2.0 * len(right))
        figure = Figure(figsize=(PAGE, min(height, 8.0)), layout="constrained")
        axes = figure.subplot_mosaic([["curves", name] for name in right] or [["curves"]])
        letters = dict(zip(axes, "abcdef", strict=False))
        tables = {"a": _draw_curves(axes["curves"], analyses)}
        for name in right:
            if name in ("fractions", "scales"):
                first = name == "fractions" or "fractions" not in right
                tables[letters[name]] = draw_boxcars(
                    axes[name], analyses, scales=name == "scales", legend=first
                )
            elif name == "peaks":
                tables[letters[name]] = _draw_peaks(axes[name], analyses)
            else:
                tables[letters[name]] = _draw_models(axes[name], analyses)
        if boxcars:
            note_sharing(axes["scales"], boxcars[0])
        if panels["fractions"]:
            axes["fractions"].tick_params(labelbottom=False)
            axes["fractions"].set_xlabel("")
            axes["fractions"].sharex(axes["scales"])
        for name, ax in axes.items():
            panel_label(ax, letters[name])
        if any(analysis.simulated or analysis.model is not None for analysis in analyses):
            mark_simulated(figure)
    return Drawing(name="pdf", figure=figure, tables=tables)


def draw_details(analyses: Sequence[PdfAnalysis]) -> list[Drawing]:
    """Return the steps of the reductions and what the models are like, where there are some."""
    from xorder.figures.pdf_models import draw_models
    from xorder.figures.pdf_reduction import draw_reductions

    drawings = []
    reductions = [found for analysis in analyses for found in analysis.reductions]
    if reductions:
        drawings.append(draw_reductions(reductions, name="reduction"))
    models = [analysis.model for analysis in analyses if analysis.model is not None]
    if models:
        drawings.append(draw_models(models))
    return drawings


def _draw_curves(ax: Axes, analyses: Sequence[PdfAnalysis]) -> pandas.DataFrame:
    import pandas

    from xorder.pdf.plots import difference_level, plot_fit, plot_gr

    parts = []
    top = 0.0
    entries = _entries(analyses)
    single = len(entries) == 1
    for index, (name, analysis, fit) in enumerate(entries):
        measured = analysis.measured
        curve = _shown(analysis)[1] if fit is None else fit.gr
        bottom = float(curve.min())
        if fit is not None:
            bottom = difference_level(fit) + float(np.nanmin(np.append(fit.difference, 0.0)))
        offset = 0.0 if index == 0 else top - bottom + 0.04 * float(np.ptp(curve))
        if fit is None:
            plot_gr(measured, ax, offset=offset, color=COLOURS[index % len(COLOURS)])
        else:
            plot_fit(fit, ax, offset=offset)
        if fit is not None and not fit.success:
            ax.text(0.5 * (fit.r[0] + fit.r[-1]), offset + float(curve.max()), "refinement failed",
                    color="#D55E00", ha="center", va="top", fontsize=7.0)  # fmt: skip
        if not single:
            _name_curve(ax, name, offset)
        top = offset + float(curve.max())
        parts.append(_curve_table(name, analysis, fit))
    if entries[0][2] is not None:
        handles, labels = ax.get_legend_handles_labels()
        # One entry a kind of line, in a strip above the curves that the limits leave free.
        ax.legend(handles[:3], labels[:3], loc="upper right", ncols=3, columnspacing=1.0,
                  handlelength=1.2, borderaxespad=0.2)  # fmt: skip
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.10 * (high - low))
    first, fit = entries[0][1], entries[0][2]
    r = _shown(first)[0] if fit is None else fit.r
    ends = [one.fit.r[-1] if one.fit is not None else one.measured.r[-1] for one in analyses]
    ax.set_xlim(0.0 if fit is None else float(r[0]), float(min(ends)))
    _mark_pairs(ax, first)
    if not single:
        ax.set_ylabel("G(r) + offset (Å⁻²)")
        ax.set_yticks([])
    return pandas.concat(parts, ignore_index=True)


def _entries(
    analyses: Sequence[PdfAnalysis],
) -> list[tuple[str, PdfAnalysis, PdfFit | None]]:
    """Return what has a curve of its own: each sample, or each data set refined together."""
    entries: list[tuple[str, PdfAnalysis, PdfFit | None]] = []
    for analysis in analyses:
        if analysis.joint is None:
            entries.append((analysis.name, analysis, analysis.fit))
        else:
            several = len(analyses) > 1
            entries += [
                (f"{analysis.name}\n{name}" if several else name, analysis, fit)
                for name, fit in analysis.joint.sets.items()
            ]
    return entries


def _shown(analysis: PdfAnalysis) -> tuple[np.ndarray, np.ndarray]:
    """Return r and G(r) as measured, without the steep beginning that reductions leave."""
    measured = analysis.measured
    used = measured.r >= min(1.0, float(measured.r[-1]) / 2)
    return measured.r[used], measured.gr[used]


def _mark_pairs(ax: Axes, analysis: PdfAnalysis) -> None:
    """Mark the positions of named pairs along the whole height."""
    if analysis.peaks is None or not analysis.peaks.pairs:
        return
    for pair, position in zip(analysis.peaks.pairs, analysis.peaks.position, strict=True):
        if np.isfinite(position):
            ax.axvline(position, color="#999999", lw=0.6, ls=":", zorder=0)
            ax.annotate(pair.replace("-", "–"), (position, 1.0), xytext=(1.5, -2),
                        xycoords=("data", "axes fraction"), textcoords="offset points",
                        fontsize=6.0, color="#555555", ha="left", rotation=90,
                        va="top")  # fmt: skip


def _name_curve(ax: Axes, name: str, offset: float) -> None:
    """Write a name outside the axes, at the level of its curve."""
    ax.annotate(
        name,
        xy=(1.0, offset),
        xycoords=("axes fraction", "data"),
        xytext=(3, 0),
        textcoords="offset points",
        va="center",
        fontsize=7.0,
    )


def _curve_table(name: str, analysis: PdfAnalysis, fit: PdfFit | None) -> pandas.DataFrame:
    import pandas

    if fit is None:
        columns = {"r (Å)": analysis.measured.r, "G(r) (Å⁻²)": analysis.measured.gr}
    else:
        columns = {
            "r (Å)": fit.r,
            "G(r) (Å⁻²)": fit.gr,
            "calculated (Å⁻²)": fit.model,
            "difference (Å⁻²)": fit.difference,
        }
    return pandas.DataFrame({"sample": name.replace("\n", " "), **columns})


def _draw_peaks(ax: Axes, analyses: Sequence[PdfAnalysis]) -> pandas.DataFrame:
    """Draw the fitted stretch of every sample, each above the last."""
    import pandas

    from xorder.pdf.plots import plot_peaks

    parts = []
    top = 0.0
    shown = [a for a in analyses if a.peaks is not None]
    for index, analysis in enumerate(shown):
        peaks = analysis.peaks
        if peaks is None:
            continue
        offset = 0.0 if index == 0 else top - float(peaks.gr.min())
        plot_peaks(peaks, ax, offset=offset, color=COLOURS[index % len(COLOURS)])
        if len(shown) > 1:
            _name_curve(ax, analysis.name, offset + float(peaks.gr[-1]))
        top = offset + float(peaks.gr.max())
        parts.append(
            pandas.DataFrame(
                {
                    "sample": analysis.name,
                    "r (Å)": peaks.r,
                    "G(r) (Å⁻²)": peaks.gr,
                    "fit (Å⁻²)": peaks.model,
                }
            )
        )
    for k, pair in enumerate(shown[0].peaks.pairs if shown[0].peaks is not None else ()):
        position = float(shown[0].peaks.position[k]) if shown[0].peaks is not None else np.nan
        if np.isfinite(position):
            ax.annotate(pair.replace("-", "–"), (position, 1.0), xytext=(0, -2), fontsize=7.0,
                        xycoords=("data", "axes fraction"), textcoords="offset points",
                        ha="center", va="top")  # fmt: skip
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.15 * (high - low))
    if len(shown) > 1:
        ax.set_yticks([])
        ax.set_ylabel("G(r) + offset (Å⁻²)")
    return pandas.concat(parts, ignore_index=True)


def _draw_models(ax: Axes, analyses: Sequence[PdfAnalysis]) -> pandas.DataFrame:
    """Draw measured G(r) and that of the model times its factor."""
    import pandas

    parts = []
    top = 0.0
    for index, analysis in enumerate(a for a in analyses if a.model is not None):
        model = analysis.model
        if model is None:
            continue
        calculated = model.scale * model.gr.gr[-len(model.r) :]
        data = calculated + model.difference
        offset = 0.0 if index == 0 else top - float(data.min())
        ax.plot(model.r, data + offset, ".", ms=1.5, color="#555555",
                label="measured" if index == 0 else None)  # fmt: skip
        ax.plot(model.r, calculated + offset, color="#D55E00",
                label="model (simulated)" if index == 0 else None)  # fmt: skip
        top = offset + float(data.max())
        parts.append(
            pandas.DataFrame(
                {
                    "sample": analysis.name,
                    "r (Å)": model.r,
                    "G(r) (Å⁻²)": data,
                    "model, simulated (Å⁻²)": calculated,
                }
            )
        )
    ax.legend(loc="upper right", ncols=2)
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.15 * (high - low))
    ax.set_xlabel("r (Å)")
    ax.set_ylabel("G(r) (Å⁻²)")
    return pandas.concat(parts, ignore_index=True)
