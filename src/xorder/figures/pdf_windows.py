"""The panels of a box-car: fractions and scales against the ends of windows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from xorder.figures.drawing import COLOURS
from xorder.results import Array

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes

    from xorder.pdf.analysis import PdfAnalysis
    from xorder.pdf.boxcar import Boxcar

__all__ = ["draw_boxcars", "note_sharing"]


def note_sharing(ax: Axes, boxcar: Boxcar) -> None:
    """Write above a panel how much of their data neighbouring windows share."""
    ax.annotate(
        boxcar.note, (1, 1), xytext=(0, 3), xycoords="axes fraction",
        textcoords="offset points", fontsize=5.5, color="#555555", ha="right", va="bottom",
    )  # fmt: skip


def draw_boxcars(
    ax: Axes, analyses: Sequence[PdfAnalysis], *, scales: bool, legend: bool = True
) -> pandas.DataFrame:
    """Draw fractions or relative scales of sliding and growing windows; return what is drawn."""
    import pandas

    from xorder.pdf.boxcar import relative_scale
    from xorder.pdf.plots import plot_boxcar, plot_scales

    parts = []
    single = len(analyses) == 1
    names: set[str] = set()
    for index, analysis in enumerate(analyses):
        for boxcar in (analysis.boxcar, analysis.cumulative):
            if boxcar is None or (not scales and len(boxcar.phases) == 1):
                continue
            plot = plot_scales if scales else plot_boxcar
            colours = [COLOURS[(k if single else index) % len(COLOURS)] for k in range(20)]
            for k, phase in enumerate(boxcar.phases if single else boxcar.phases[:1]):
                label = "" if boxcar.cumulative else phase if single else analysis.name
                plot(boxcar, ax, phase=phase, label=label or "_growing", color=colours[k])
                names.add(phase)
            if scales:
                found = {phase: relative_scale(boxcar, i) for i, phase in enumerate(boxcar.phases)}
                parts.append(_boxcar_table(analysis.name, boxcar, "relative scale", found))
            else:
                found = {
                    phase: (boxcar.mass_fraction[:, i], boxcar.mass_stderr[:, i])
                    for i, phase in enumerate(boxcar.phases)
                }
                parts.append(_boxcar_table(analysis.name, boxcar, "mass fraction", found))
    if scales:
        _limit_scales(ax, parts)
    if len(names) == 1:
        what = "relative scale" if scales else "mass fraction"
        ax.set_ylabel(f"{what} of {names.pop()}")
    if legend:
        _explain(ax, analyses)
    return pandas.concat(parts, ignore_index=True)


def _explain(ax: Axes, analyses: Sequence[PdfAnalysis]) -> None:
    """Put a legend above the panel, where no point can lie, that explains the marks too."""
    from matplotlib.lines import Line2D

    handles, labels = ax.get_legend_handles_labels()
    if len(handles) == 1:
        handles, labels = [], []
    dark: dict[str, Any] = {"color": "#555555", "lw": 0.8, "ms": 3.0}
    boxes = [box for a in analyses for box in (a.boxcar, a.cumulative) if box is not None]
    if any(a.cumulative is not None for a in analyses):
        handles.append(Line2D([], [], marker="o", **dark))
        labels.append("sliding window")
        handles.append(Line2D([], [], marker="s", mfc="white", ls="--", **dark))
        labels.append(r"from $r_\mathrm{min}$ on")
    if any(box.undecided.any() for box in boxes):
        handles.append(Line2D([], [], marker="x", ls="", alpha=0.6, **dark))
        labels.append("undecided")
    if handles:
        ax.legend(handles, labels, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=3,
                  columnspacing=0.9, handlelength=1.6, handletextpad=0.4, borderaxespad=0.1,
                  fontsize=6.0)  # fmt: skip


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
        "sample": name, "windows": "growing" if boxcar.cumulative else "sliding",
        "r_min (Å)": boxcar.r_min, "r_max (Å)": boxcar.r_max,
    }  # fmt: skip
    for phase, (value, error) in columns.items():
        table |= {f"{key} {phase}": value, f"{key} {phase} stderr": error}
    table["undecided"] = boxcar.undecided
    return pandas.DataFrame(table)
