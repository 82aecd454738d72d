"""The figure of the pair distribution functions of a series: G(r), refinements, box-car."""

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
    new_figure,
    panel_label,
    style,
)

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes

    from xorder.pdf.analysis import PdfAnalysis
    from xorder.pdf.boxcar import Boxcar

__all__ = ["draw"]


def draw(analyses: Sequence[PdfAnalysis]) -> Drawing:
    """Return the figure of one sample or a series.

    Panel (a): measured and calculated G(r) of every sample, differences below. Panel (b), where
    there are box-cars: mass fraction against the windows' upper ends, with error bars; of all
    phases for one sample, of the first phase for several.

    Raises
    ------
    BadInput
        Where there is nothing to draw.
    """
    analyses = list(analyses)
    if not analyses:
        raise BadInput("there is no analysis to draw", expected="at least one sample")
    boxcars = [analysis for analysis in analyses if analysis.boxcar is not None]
    with style():
        height = 2.6 + 0.45 * (len(analyses) - 1)
        figure, axes = new_figure(1, 2 if boxcars else 1, width=PAGE, height=min(height, 6.0))
        tables = {"a": _draw_curves(axes[0], analyses)}
        panel_label(axes[0], "a")
        if boxcars:
            tables["b"] = _draw_boxcars(axes[1], boxcars)
            panel_label(axes[1], "b")
        if any(analysis.simulated for analysis in analyses):
            mark_simulated(figure)
    return Drawing(name="pdf", figure=figure, tables=tables)


def _draw_curves(ax: Axes, analyses: Sequence[PdfAnalysis]) -> pandas.DataFrame:
    import pandas

    from xorder.pdf.plots import difference_level, plot_fit, plot_gr

    parts = []
    top = 0.0
    single = len(analyses) == 1
    for index, analysis in enumerate(analyses):
        fit, measured = analysis.fit, analysis.measured
        curve = measured.gr if fit is None else fit.gr
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
            _name_curve(ax, analysis, offset)
        top = offset + float(curve.max())
        parts.append(_curve_table(analysis))
    if analyses[0].fit is not None:
        handles, labels = ax.get_legend_handles_labels()
        # One entry a kind of line, in a strip above the curves that the limits leave free.
        ax.legend(handles[:3], labels[:3], loc="upper right", ncols=3, columnspacing=1.0,
                  handlelength=1.2, borderaxespad=0.2)  # fmt: skip
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.10 * (high - low))
    r = analyses[0].measured.r if analyses[0].fit is None else analyses[0].fit.r
    ax.set_xlim(float(r[0]) if analyses[0].fit is not None else 0.0, float(r[-1]))
    if not single:
        ax.set_ylabel("G(r) + offset (Å⁻²)")
        ax.set_yticks([])
    return pandas.concat(parts, ignore_index=True)


def _name_curve(ax: Axes, analysis: PdfAnalysis, offset: float) -> None:
    """Write the sample's name outside the axes, at the level of its curve."""
    ax.annotate(
        analysis.name,
        xy=(1.0, offset),
        xycoords=("axes fraction", "data"),
        xytext=(3, 0),
        textcoords="offset points",
        va="center",
        fontsize=7.0,
    )


def _curve_table(analysis: PdfAnalysis) -> pandas.DataFrame:
    import pandas

    if analysis.fit is None:
        columns = {"r (Å)": analysis.measured.r, "G(r) (Å⁻²)": analysis.measured.gr}
    else:
        fit = analysis.fit
        columns = {
            "r (Å)": fit.r,
            "G(r) (Å⁻²)": fit.gr,
            "calculated (Å⁻²)": fit.model,
            "difference (Å⁻²)": fit.difference,
        }
    return pandas.DataFrame({"sample": analysis.name, **columns})


def _draw_boxcars(ax: Axes, analyses: Sequence[PdfAnalysis]) -> pandas.DataFrame:
    import pandas

    from xorder.pdf.plots import plot_boxcar

    parts = []
    single = len(analyses) == 1
    for index, analysis in enumerate(analyses):
        boxcar = analysis.boxcar
        if boxcar is None:
            continue
        if single:
            plot_boxcar(boxcar, ax)
        else:
            colour = COLOURS[index % len(COLOURS)]
            # Windows of all samples end alike; a small shift keeps the error bars apart.
            plot_boxcar(boxcar, ax, phase=boxcar.phases[0], label=analysis.name, color=colour)
        parts.append(_boxcar_table(analysis.name, boxcar))
    first = analyses[0].boxcar
    if first is not None and len(first.phases) > 1:
        ax.set_ylim(min(-0.02, ax.get_ylim()[0]), max(1.02, ax.get_ylim()[1]))
        if not single:
            ax.set_ylabel(f"mass fraction of {first.phases[0]}")
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.14 * (high - low))
    if len(ax.get_legend_handles_labels()[0]) > 1:
        ax.legend(loc="upper right", ncols=3, columnspacing=1.0, handlelength=1.2,
                  borderaxespad=0.2)  # fmt: skip
    return pandas.concat(parts, ignore_index=True)


def _boxcar_table(name: str, boxcar: Boxcar) -> pandas.DataFrame:
    import pandas

    from xorder.pdf.plots import series_of

    columns: dict[str, object] = {
        "sample": name, "r_min (Å)": boxcar.r_min, "r_max (Å)": boxcar.r_max,
    }  # fmt: skip
    several = len(boxcar.phases) > 1
    for index, phase in enumerate(boxcar.phases):
        value, error = series_of(boxcar, index)
        key = f"mass fraction {phase}" if several else "relative scale"
        columns |= {key: value, f"{key} stderr": error}
    columns["undecided"] = boxcar.undecided
    return pandas.DataFrame(columns)
