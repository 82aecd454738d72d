"""The figure of the pair distribution functions of a series: G(r), refinements, box-car."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from xorder.results import Array

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes

    from xorder.pdf.analysis import PdfAnalysis
    from xorder.pdf.boxcar import Boxcar

__all__ = ["draw"]


def draw(analyses: Sequence[PdfAnalysis]) -> Drawing:
    """Return the figure of one sample or a series.

    Panel (a): measured and calculated G(r) of every sample, differences below. Where there are
    box-cars, against the windows' upper ends and with error bars: (b) the mass fraction, (c) the
    scale relative to short distances, which falls where a crystalline phase loses range; of all
    phases for one sample, of the first phase for several. With one phase there are no fractions,
    and (b) is the scale.

    Raises
    ------
    BadInput
        Where there is nothing to draw.
    """
    analyses = list(analyses)
    if not analyses:
        raise BadInput("there is no analysis to draw", expected="at least one sample")
    boxcars = [a.boxcar for a in analyses if a.boxcar is not None]
    fractions = any(len(boxcar.phases) > 1 for boxcar in boxcars)
    layout = "ab;ac" if fractions else "ab" if boxcars else "a"
    from matplotlib.figure import Figure

    with style():
        height = min((4.0 if fractions else 2.6) + 0.45 * (len(analyses) - 1), 6.0)
        figure = Figure(figsize=(PAGE, height), layout="constrained")
        axes = figure.subplot_mosaic(layout)
        tables = {"a": _draw_curves(axes["a"], analyses)}
        if fractions:
            tables["b"] = _draw_boxcars(axes["b"], analyses, scales=False)
        if boxcars:
            scale_panel = "c" if fractions else "b"
            tables[scale_panel] = _draw_boxcars(
                axes[scale_panel], analyses, scales=True, legend=not fractions
            )
            axes[scale_panel].annotate(
                boxcars[0].note, (1, 1), xytext=(0, 3), xycoords="axes fraction",
                textcoords="offset points", fontsize=5.5, color="#555555", ha="right", va="bottom",
            )  # fmt: skip
        if fractions:
            axes["b"].tick_params(labelbottom=False)
            axes["b"].set_xlabel("")
            axes["b"].sharex(axes["c"])
        for label, ax in axes.items():
            panel_label(ax, label)
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


def _draw_boxcars(
    ax: Axes, analyses: Sequence[PdfAnalysis], *, scales: bool, legend: bool = True
) -> pandas.DataFrame:
    import pandas

    from xorder.pdf.boxcar import relative_scale
    from xorder.pdf.plots import plot_boxcar, plot_scales

    parts = []
    single = len(analyses) == 1
    names: set[str] = set()
    for index, analysis in enumerate(analyses):
        boxcar = analysis.boxcar
        if boxcar is None or (not scales and len(boxcar.phases) == 1):
            continue
        plot = plot_scales if scales else plot_boxcar
        if single:
            plot(boxcar, ax)
        else:
            colour = COLOURS[index % len(COLOURS)]
            names.add(boxcar.phases[0])
            plot(boxcar, ax, phase=boxcar.phases[0], label=analysis.name, color=colour)
        if scales:
            columns = {phase: relative_scale(boxcar, i) for i, phase in enumerate(boxcar.phases)}
            parts.append(_boxcar_table(analysis.name, boxcar, "relative scale", columns))
        else:
            columns = {
                phase: (boxcar.mass_fraction[:, i], boxcar.mass_stderr[:, i])
                for i, phase in enumerate(boxcar.phases)
            }
            parts.append(_boxcar_table(analysis.name, boxcar, "mass fraction", columns))
    if scales:
        _limit_scales(ax, parts)
    if len(names) == 1:
        what = "relative scale" if scales else "mass fraction"
        ax.set_ylabel(f"{what} of {names.pop()}")
    if legend and len(ax.get_legend_handles_labels()[0]) > 1:
        # Above the panel, where no point can lie.
        ax.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=5, columnspacing=0.9,
                  handlelength=1.0, handletextpad=0.4, borderaxespad=0.1)  # fmt: skip
    return pandas.concat(parts, ignore_index=True)


def _limit_scales(ax: Axes, parts: Sequence[pandas.DataFrame]) -> None:
    """Show every decided value; error bars and undecided ones may leave the panel."""
    decided = [
        table.loc[~table["undecided"].astype(bool), column].to_numpy(dtype=float)
        for table in parts
        for column in table.columns
        if column.startswith("relative scale") and not column.endswith("stderr")
    ]
    values = np.concatenate([np.array([0.0, 1.0]), *decided])
    values = values[np.isfinite(values)]
    room = 0.1 * float(np.ptp(values))
    ax.set_ylim(float(values.min()) - room, float(values.max()) + room)


def _boxcar_table(
    name: str, boxcar: Boxcar, key: str, columns: Mapping[str, tuple[Array, Array]]
) -> pandas.DataFrame:
    import pandas

    table: dict[str, object] = {
        "sample": name, "r_min (Å)": boxcar.r_min, "r_max (Å)": boxcar.r_max,
    }  # fmt: skip
    for phase, (value, error) in columns.items():
        table |= {f"{key} {phase}": value, f"{key} {phase} stderr": error}
    table["undecided"] = boxcar.undecided
    return pandas.DataFrame(table)
