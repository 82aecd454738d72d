"""Amorphization of a series by all probes: in its order, against length, with conductivity.

No published panel shows this: papers say "weaker", "broader", "disappears" probe by probe.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

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
    from matplotlib.axes import Axes

    from xorder.amorphization import Amorphization, Degree

__all__ = ["draw"]

#: Colour and mark of each probe; its measures differ in the mark's filling.
PROBES = {"xas": (COLOURS[2], "s"), "pdf": (COLOURS[1], "o"), "diffraction": (COLOURS[0], "D")}
FILLS = ("full", "none", "left", "right", "top", "bottom")


def draw(found: Amorphization) -> Drawing:
    """Draw the degrees of a series: (a) in its order, (b) against length, (c) with conductivity."""
    import pandas

    decided = [degree for degree in found.degrees if degree]
    conducting = np.isfinite(found.conductivity).sum() >= 2
    with style():
        figure, axes = new_figure(1, 3 if conducting else 2, width=PAGE, height=3.3)
        marks = _marks(decided)
        _draw_order(axes[0], found, decided, marks)
        _draw_length(axes[1], found, decided)
        if conducting:
            _draw_conductivity(axes[2], found, decided, marks)
        for ax, label in zip(axes, "abc", strict=False):
            panel_label(ax, label)
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3)
        if found.simulated:
            mark_simulated(figure)
    table = pandas.DataFrame(
        {
            "sample": found.sample,
            found.order_name or "order": found.order,
            "conductivity (S/cm)": found.conductivity,
            "amorphous mass fraction": found.mass_fraction,
            "stderr of it": found.mass_fraction_stderr,
            **{
                f"{what} ({d.measure.name})": getattr(d, key)
                for d in found.degrees
                for what, key in (("degree", "degree"), ("stderr", "stderr"))
            },
        }
    )
    return Drawing(name="amorphization", figure=figure, tables={"a": table})


def _marks(decided: Sequence[Degree]) -> list[dict[str, Any]]:
    """Return how each measure is drawn: its probe's colour and mark, a filling of its own."""
    count: dict[str, int] = {}
    marks = []
    for degree in decided:
        probe = degree.measure.probe
        colour, mark = PROBES[probe]
        fill = FILLS[count.get(probe, 0) % len(FILLS)]
        count[probe] = count.get(probe, 0) + 1
        marks.append({"color": colour, "marker": mark, "fillstyle": fill, "markersize": 4.5})
    return marks


def _draw_order(
    ax: Axes, found: Amorphization, decided: Sequence[Degree], marks: Sequence[dict[str, Any]]
) -> None:
    known = np.isfinite(found.order).all()
    x = found.order if known else np.arange(len(found.sample), dtype=float)
    span = float(np.ptp(x)) or 1.0
    for i, (degree, mark) in enumerate(zip(decided, marks, strict=True)):
        # Side by side, so that marks of equal degrees are all seen.
        shift = (i - (len(decided) - 1) / 2) * 0.008 * span
        ax.errorbar(
            x + shift, degree.degree, degree.stderr, ls="-", lw=0.6, capsize=1.5,
            label=degree.measure.label, **mark,
        )  # fmt: skip
    if not known:
        ax.set_xticks(x, found.sample.tolist(), rotation=45, ha="right")
    ax.set_xlabel(found.order_name or "sample")
    ax.set_ylabel("degree of amorphization")
    ax.axhline(0.0, color="0.7", lw=0.5, zorder=0)
    ax.axhline(1.0, color="0.7", lw=0.5, zorder=0)
    ax.set_ylim(-0.12, 1.12)


def _draw_length(ax: Axes, found: Amorphization, decided: Sequence[Degree]) -> None:
    """Draw each degree over the lengths that its measure sees, a colour a sample."""
    import matplotlib

    between = [
        i for i, name in enumerate(found.sample) if name not in (found.crystalline, found.amorphous)
    ]
    colours = matplotlib.colormaps["viridis"](np.linspace(0.0, 0.85, max(len(between), 1)))
    for colour, i in zip(colours, between, strict=False):
        for degree in decided:
            low, high = degree.measure.length
            y, error = degree.degree[i], degree.stderr[i]
            ax.plot([low, high], [y, y], color=colour, lw=1.4, solid_capstyle="butt")
            ax.fill_between([low, high], y - error, y + error, color=colour, alpha=0.2, lw=0)
        ends = [(d.measure.length[1], d.degree[i]) for d in decided if np.isfinite(d.degree[i])]
        if ends:
            _, y = max(ends)
            ax.annotate(
                found.sample[i], (1.0, y), xycoords=("axes fraction", "data"), color=colour,
                xytext=(-3, 3), textcoords="offset points", ha="right", va="bottom", fontsize=7,
            )  # fmt: skip
    ax.set_xscale("log")
    ax.set_xlim(1.0, 1000.0)
    ax.set_xlabel("length seen (Å)")
    ax.set_ylabel("degree of amorphization")
    ax.set_ylim(-0.12, 1.12)


def _draw_conductivity(
    ax: Axes, found: Amorphization, decided: Sequence[Degree], marks: Sequence[dict[str, Any]]
) -> None:
    error = np.where(np.isfinite(found.conductivity_stderr), found.conductivity_stderr, 0.0)
    for degree, mark in zip(decided, marks, strict=True):
        ax.errorbar(
            degree.degree, found.conductivity, error, degree.stderr, ls="none", lw=0.6,
            capsize=1.5, **mark,
        )  # fmt: skip
    ax.set_yscale("log")
    ax.set_xlabel("degree of amorphization")
    ax.set_ylabel("conductivity (S/cm)")
