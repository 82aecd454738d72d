"""The steps of reductions: I(Q) and what the atoms scatter alone, F(Q), G(r)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from xorder.errors import BadInput
from xorder.figures.drawing import (
    COLOURS,
    Drawing,
    mark_simulated,
    new_figure,
    panel_label,
    style,
)

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes

    from xorder.pdf.reduction_result import Reduction

__all__ = ["draw_reductions"]

#: G(r) is drawn from here (Å); below, reductions leave ripples of any height.
LOWEST_R = 0.5


def draw_reductions(reductions: Sequence[Reduction], *, name: str = "reduction") -> Drawing:
    """Return the figure of one reduction or several.

    Panels: (a) I(Q) in electron units over the scattering of the atoms alone, of the first sample
    where there are several; (b) F(Q) with the polynomial taken off; (c) S(Q); (d) G(r) with its
    standard errors.

    Raises
    ------
    BadInput
        Where there is nothing to draw.
    """
    reductions = list(reductions)
    if not reductions:
        raise BadInput("there is no reduction to draw", expected="at least one")
    from xorder.pdf.plots import plot_intensity

    with style():
        figure, axes = new_figure(2, 2, height=min(4.4 + 0.25 * (len(reductions) - 1), 8.0))
        first = reductions[0]
        plot_intensity(first, axes[0], color=COLOURS[0])
        axes[0].legend()
        if len(reductions) > 1:
            axes[0].set_title(first.name, fontsize=7.0, loc="right")
        tables = {
            "a": _table_of_q(reductions),
            "d": _stacked(axes[3], reductions, "gr"),
        }
        _stacked(axes[1], reductions, "fq")
        _stacked(axes[2], reductions, "sq")
        axes[2].axhline(1.0, lw=0.4, color="#AAAAAA", zorder=0)
        for ax, label in zip(axes, "abcd", strict=True):
            panel_label(ax, label)
        if not first.scale_is_absolute:
            axes[3].set_title("scale arbitrary", fontsize=7.0, loc="right", color="#D55E00")
        if any(found.simulated for found in reductions):
            mark_simulated(figure)
    return Drawing(name=name, figure=figure, tables=tables)


def _stacked(ax: Axes, reductions: Sequence[Reduction], what: str) -> pandas.DataFrame:
    """Draw one function of all samples, each above the last; return G(r) as a table."""
    import pandas

    from xorder.pdf.plots import plot_reduced_structure, plot_reduction

    top = 0.0
    parts = []
    for k, found in enumerate(reductions):
        used = found.r >= LOWEST_R
        values = found.gr[used] if what == "gr" else getattr(found, what)
        offset = 0.0 if k == 0 else top - float(values.min())
        colour = COLOURS[k % len(COLOURS)]
        if what == "gr":
            plot_reduction(found, ax, offset=offset, color=colour)
        elif what == "fq":
            plot_reduced_structure(found, ax, offset=offset, color=colour)
        else:
            ax.plot(found.q, found.sq + offset, color=colour, lw=0.8)
            ax.set_xlabel("Q (Å⁻¹)")
            ax.set_ylabel("S(Q)")
        if len(reductions) > 1 and what != "sq":
            ax.annotate(
                found.name, (1.0, offset), xycoords=("axes fraction", "data"), xytext=(3, 0),
                textcoords="offset points", va="center", fontsize=6.0, color=colour,
            )  # fmt: skip
        top = offset + float(values.max())
        parts.append(
            pandas.DataFrame(
                {
                    "sample": found.name,
                    "r (Å)": found.r,
                    "G(r) (Å⁻²)": found.gr,
                    "stderr (Å⁻²)": found.gr_stderr,
                }
            )
        )
    if what == "gr":
        lowest = float(np.min(reductions[0].gr[reductions[0].r >= LOWEST_R]))
        ax.set_ylim(lowest - 0.05 * (top - lowest), top + 0.05 * (top - lowest))
        ax.set_xlim(LOWEST_R, float(reductions[0].r[-1]))
    elif what == "fq":
        # What a polynomial takes off may be many times what it leaves: then it leaves the panel.
        lowest = float(np.min(reductions[0].fq))
        ax.set_ylim(lowest - 0.1 * (top - lowest), top + 0.25 * (top - lowest))
        handles, labels = ax.get_legend_handles_labels()
        ax.legend(
            handles[1:2],
            labels[1:2],
            loc="lower right",
            bbox_to_anchor=(1.0, 1.0),
            borderaxespad=0.1,
        )
    return pandas.concat(parts, ignore_index=True)


def _table_of_q(reductions: Sequence[Reduction]) -> pandas.DataFrame:
    import pandas

    return pandas.concat(
        [
            pandas.DataFrame(
                {
                    "sample": found.name,
                    "Q (Å⁻¹)": found.q,
                    "I(Q) (e.u.)": found.iq,
                    "atoms alone (e.u.)": found.self_scattering,
                    "Compton (e.u.)": found.compton,
                    "S(Q)": found.sq,
                    "F(Q) (Å⁻¹)": found.fq,
                    "F(Q) stderr (Å⁻¹)": found.fq_stderr,
                    "polynomial (Å⁻¹)": found.polynomial,
                }
            )
            for found in reductions
        ],
        ignore_index=True,
    )
