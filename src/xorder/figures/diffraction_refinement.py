"""Refined patterns of a series, and the weight fractions and losses that they give."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from xorder.diffraction.plots import MARKERS, plot_refinement, plot_unexplained
from xorder.figures.diffraction_axes import nudged, series_axis
from xorder.figures.drawing import (
    COLOURS,
    COLUMN,
    Drawing,
    mark_simulated,
    new_figure,
    panel_label,
    style,
)

if TYPE_CHECKING:
    import pandas

    from xorder.diffraction.comparison import DiffractionComparison
    from xorder.diffraction.recipe_fractions import FractionAnalysis
    from xorder.diffraction.refinement_results import PatternFit, Refinement
    from xorder.diffraction.residual_lines import ResidualLines

    Refined = tuple[PatternFit, ResidualLines | None]

__all__ = ["draw_fractions", "draw_loss", "draw_refinements", "refined_patterns"]

#: Refined patterns in one figure; more go into the next.
MOST_PANELS = 6


def draw_refinements(refined: Sequence[Refined]) -> list[Drawing]:
    """Return refined patterns: data, model, halo, blank, background, ticks, difference.

    Lines that the model leaves unexplained are marked.
    """
    patterns = list(refined)
    pages = math.ceil(len(patterns) / MOST_PANELS)
    return [
        _page(
            patterns[page * MOST_PANELS : (page + 1) * MOST_PANELS],
            "refinement" if pages == 1 else f"refinement_{page + 1}",
        )
        for page in range(pages)
    ]


def refined_patterns(refinements: Iterable[Refinement]) -> list[Refined]:
    """Return the patterns of refinements, each with its unexplained lines."""
    return [
        pair
        for one in refinements
        for pair in itertools.zip_longest(one.patterns, one.unexplained[: len(one.patterns)])
    ]


def _page(refined: Sequence[Refined], name: str) -> Drawing:
    patterns = [pattern for pattern, _ in refined]
    columns = 1 if len(patterns) == 1 else 2
    rows = math.ceil(len(patterns) / columns)
    with style():
        figure, axes = new_figure(rows, columns, height=1.0 + (2.5 if columns == 2 else 3.0) * rows)
        for number, (ax, (pattern, unexplained)) in enumerate(zip(axes, refined, strict=False)):
            plot_refinement(pattern, ax)
            if unexplained is not None:
                plot_unexplained(unexplained, pattern, ax)
            if len(patterns) > 1:
                panel_label(ax, "abcdef"[number])
            ax.set_title(
                f"{pattern.name}, $R_{{wp}}$ = {pattern.r_wp:.2f} %, GoF = {pattern.gof:.2f}",
                fontsize=7, loc="right",
            )  # fmt: skip
        for ax in axes[len(patterns) :]:
            ax.set_axis_off()
        named: dict[str, Any] = {}
        for ax in axes[: len(patterns)]:
            handles, labels = ax.get_legend_handles_labels()
            named |= dict(zip(labels, handles, strict=True))
        figure.legend(
            list(named.values()), list(named), loc="outside lower center", ncols=min(len(named), 5)
        )
        if any(pattern.simulated for pattern in patterns):
            mark_simulated(figure)
    return Drawing(
        name=name,
        figure=figure,
        tables={"abcdef"[n]: _table(pattern) for n, pattern in enumerate(patterns)},
    )


def draw_fractions(
    names: Sequence[str],
    order: Sequence[float | None],
    order_name: str,
    fractions: Sequence[FractionAnalysis],
    *,
    simulated: bool,
) -> Drawing | None:
    """Return the amorphous weight fraction of each sample by each method, spread included.

    None where no sample has one.
    """
    methods = list(dict.fromkeys(a.method for f in fractions for a in f.amorphous))
    if not methods:
        return None
    along = series_axis(names, order, order_name)
    with style():
        figure, (ax,) = new_figure(width=1.25 * COLUMN, height=2.8)
        for number, method in enumerate(methods):
            own = [
                (i, a) for i, f in enumerate(fractions) for a in f.amorphous if a.method == method
            ]
            place = nudged(along.place, number, len(methods))[[i for i, _ in own]]
            ax.errorbar(
                place, [100 * a.amorphous for _, a in own], yerr=[100 * a.stderr for _, a in own],
                color=COLOURS[number % len(COLOURS)], marker=MARKERS[number % len(MARKERS)],
                markersize=4, capsize=2, linewidth=0.8, label=method,
            )  # fmt: skip
            spread = [
                (p, s)
                for p, (i, _) in zip(place, own, strict=True)
                for a, s in zip(fractions[i].amorphous, fractions[i].spreads, strict=False)
                if a.method == method
            ]
            if spread:
                ax.errorbar(
                    [p for p, _ in spread], [100 * s.mean for _, s in spread],
                    yerr=[100 * s.total_stderr for _, s in spread], fmt="none", capsize=4,
                    color="0.6", linewidth=0.8, label=f"{method}, over choices",
                )  # fmt: skip
        along.apply(ax)
        ax.set_ylabel("amorphous (wt%)")
        ax.legend()
        if simulated:
            mark_simulated(figure)
    return Drawing(name="fractions", figure=figure, tables={"a": _fraction_table(names, fractions)})


def draw_loss(comparison: DiffractionComparison) -> Drawing | None:
    """Return crystalline scattering and halo through the series; None where there is no loss."""
    loss = comparison.loss
    if loss is None:
        return None
    import pandas

    along = series_axis(comparison.names, comparison.order, comparison.order_name)
    with style():
        figure, (ax,) = new_figure(width=1.25 * COLUMN, height=2.8)
        ax.errorbar(
            along.place, loss.remaining, yerr=loss.remaining_stderr, color=COLOURS[0], marker="o",
            markersize=4, capsize=2, linewidth=0.8, label=comparison.measure,
        )  # fmt: skip
        if np.isfinite(loss.halo).all():
            ax.plot(
                along.place, loss.halo, color=COLOURS[1], marker="s", markersize=4,
                linewidth=0.8, label=f"halo, over that of {comparison.names[-1]}",
            )  # fmt: skip
        along.apply(ax)
        ax.set_ylim(bottom=min(0.0, ax.get_ylim()[0]))
        ax.set_ylabel(f"relative scattering ({loss.reference} = 1)\nnot a weight fraction")
        figure.legend(loc="outside lower center", ncols=1)
        if comparison.simulated:
            mark_simulated(figure)
    table = pandas.DataFrame(
        {
            "sample": list(comparison.names),
            "order": list(comparison.order),
            "remaining": loss.remaining,
            "remaining_stderr": loss.remaining_stderr,
            "halo": loss.halo,
        }
    )
    return Drawing(name="loss", figure=figure, tables={"a": table})


def _table(pattern: PatternFit) -> pandas.DataFrame:
    import pandas

    columns = {
        "two_theta (°)": pattern.two_theta,
        "intensity (counts)": pattern.intensity,
        "calculated (counts)": pattern.calculated,
        "background (counts)": pattern.background,
        "blank (counts)": pattern.blank,
        "halo (counts)": pattern.halo,
    }
    columns |= {
        f"{phase.name} (counts)": row
        for phase, row in zip(pattern.phases, pattern.bragg, strict=True)
    }
    return pandas.DataFrame(columns)


def _fraction_table(
    names: Sequence[str], fractions: Sequence[FractionAnalysis]
) -> pandas.DataFrame:
    import pandas

    return pandas.DataFrame(
        [
            {"sample": name, "name": n.name, "value": n.value, "stderr": n.stderr, "unit": n.unit}
            for name, found in zip(names, fractions, strict=True)
            for n in found.numbers
        ]
    )
