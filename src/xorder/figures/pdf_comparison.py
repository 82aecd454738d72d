"""What PDFs of a series say together: a window that grows, refinements in a row or as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

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
from xorder.results import Array

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes

    from xorder.pdf.comparison import PdfComparison
    from xorder.pdf.refinement import PdfFit

__all__ = ["draw_comparison"]

#: What is drawn beside the window on either side, in Å.
AROUND = 1.5


def draw_comparison(comparison: PdfComparison) -> list[Drawing]:
    """Return the figures: the window's growth, and the refinements of the series."""
    drawings = []
    if comparison.growth is not None:
        drawings.append(_draw_growth(comparison))
    fits = comparison.sequence or (
        tuple(comparison.joint.sets.values()) if comparison.joint is not None else ()
    )
    if fits:
        drawings.append(_draw_fits(comparison, fits))
    return drawings


def _draw_growth(comparison: PdfComparison) -> Drawing:
    """Panel (a): G(r) around the window; (b): the area of R(r) in it, sample by sample."""
    import pandas

    growth = comparison.growth
    assert growth is not None  # noqa: S101
    low, high = growth.r_range
    with style():
        figure, (curves, areas) = new_figure(1, 2, height=2.8)
        parts = []
        for k, (name, pattern) in enumerate(
            zip(comparison.names, comparison.patterns, strict=True)
        ):
            used = (pattern.r >= max(low - AROUND, 1.0)) & (pattern.r <= high + AROUND)
            curves.plot(
                pattern.r[used], pattern.gr[used], color=_shade(k, len(growth.names)), label=name
            )
            parts.append(
                pandas.DataFrame(
                    {"sample": name, "r (Å)": pattern.r[used], "G(r) (Å⁻²)": pattern.gr[used]}
                )
            )
        curves.axvspan(low, high, color="#F0E442", alpha=0.35, lw=0, zorder=0)
        curves.set_xlabel("r (Å)")
        curves.set_ylabel("G(r) (Å⁻²)")
        curves.legend(loc="best")
        _points(areas, comparison.names, growth.growth, growth.growth_stderr)
        areas.axhline(0.0, lw=0.4, color="#AAAAAA", zorder=0)
        areas.set_ylabel(rf"growth of $\int r\,G\,\mathrm{{d}}r$, {low:g}–{high:g} Å")
        for ax, label in ((curves, "a"), (areas, "b")):
            panel_label(ax, label)
        if comparison.simulated:
            mark_simulated(figure)
    table = pandas.DataFrame(
        {
            "sample": growth.names,
            "area": growth.area,
            "area stderr": growth.stderr,
            "growth": growth.growth,
            "growth stderr": growth.growth_stderr,
        }
    )
    tables = {"a": pandas.concat(parts, ignore_index=True), "b": table}
    return Drawing(name="growth", figure=figure, tables=tables)


def _draw_fits(comparison: PdfComparison, fits: Sequence[PdfFit]) -> Drawing:
    """Panel (a): every fit with its difference; (b): fractions or cell; (c): residuals."""
    import pandas
    from matplotlib.figure import Figure

    from xorder.pdf.plots import difference_level, plot_fit

    how = "sequential" if comparison.sequence else "joint"
    with style():
        height = min(3.4 + 0.4 * len(fits), 7.0)
        figure = Figure(figsize=(PAGE, height), layout="constrained")
        axes = figure.subplot_mosaic("ab;ac")
        top = 0.0
        for k, (name, fit) in enumerate(zip(comparison.names, fits, strict=True)):
            bottom = difference_level(fit) + float(np.nanmin(np.append(fit.difference, 0.0)))
            offset = 0.0 if k == 0 else top - bottom
            plot_fit(fit, axes["a"], offset=offset)
            axes["a"].annotate(
                name, (1.0, offset), xycoords=("axes fraction", "data"), xytext=(3, 0),
                textcoords="offset points", va="center", fontsize=7.0,
            )  # fmt: skip
            top = offset + float(fit.gr.max())
        handles, labels = axes["a"].get_legend_handles_labels()
        axes["a"].legend(handles[:3], labels[:3], loc="upper right", ncols=3)
        axes["a"].set_ylim(top=top + 0.12 * (top - axes["a"].get_ylim()[0]))
        axes["a"].set_xlim(float(fits[0].r[0]), float(fits[0].r[-1]))
        axes["a"].set_yticks([])
        axes["a"].set_ylabel("G(r) + offset (Å⁻²)")
        tables = {"b": _draw_values(axes["b"], comparison.names, fits)}
        r_w = np.array([fit.r_w for fit in fits])
        _points(axes["c"], comparison.names, r_w, np.full(len(r_w), np.nan))
        axes["c"].set_ylim(bottom=0.0)
        axes["c"].set_ylabel(f"Rw ({how})")
        tables["c"] = pandas.DataFrame({"sample": comparison.names, f"Rw ({how})": r_w})
        for label, ax in axes.items():
            panel_label(ax, label)
        if comparison.simulated:
            mark_simulated(figure)
    return Drawing(name=how, figure=figure, tables=tables)


def _draw_values(ax: Axes, names: Sequence[str], fits: Sequence[PdfFit]) -> pandas.DataFrame:
    """Draw mass fractions of several phases, or the first cell length of one."""
    import pandas

    table: dict[str, object] = {"sample": list(names)}
    if all(fit.fractions is not None for fit in fits):
        for i, phase in enumerate(fits[0].phases):
            value = np.array([fit.fractions.mass[i] for fit in fits if fit.fractions])
            error = np.array([fit.fractions.mass_stderr[i] for fit in fits if fit.fractions])
            _points(ax, names, value, error, color=COLOURS[i % len(COLOURS)], label=phase)
            table |= {f"mass fraction {phase}": value, f"mass fraction {phase} stderr": error}
        ax.set_ylabel("mass fraction")
        ax.legend(fontsize=6.0)
        return pandas.DataFrame(table)
    cell = next((name for name in fits[0].parameters if name.split("_")[0] == "a"), None)
    if cell is None:
        ax.set_axis_off()
        return pandas.DataFrame(table)
    value = np.array([fit.parameters[cell].value if fit.success else np.nan for fit in fits])
    error = np.array([fit.parameters[cell].stderr if fit.success else np.nan for fit in fits])
    _points(ax, names, value, error)
    ax.set_ylabel(f"{cell} (Å)")
    return pandas.DataFrame(table | {f"{cell} (Å)": value, f"{cell} stderr (Å)": error})


def _points(
    ax: Axes,
    names: Sequence[str],
    value: Array,
    error: Array,
    *,
    color: str = COLOURS[0],
    label: str | None = None,
) -> None:
    """Draw one value a sample, in the order of the series."""
    places = np.arange(len(names))
    known = np.where(np.isfinite(error), error, 0.0)
    ax.errorbar(places, value, known, fmt="o-", ms=3.5, lw=0.8, capsize=2, color=color, label=label)
    slanted = sum(map(len, names)) > 40
    ax.set_xticks(
        places, list(names), rotation=30 if slanted else 0, ha="right" if slanted else "center"
    )
    ax.set_xlim(-0.4, len(names) - 0.6)


def _shade(k: int, count: int) -> tuple[float, ...]:
    """Return the colour of one sample of an ordered series: dark to light, yellow left out."""
    from matplotlib import colormaps

    shade = colormaps["viridis"](0.85 * k / max(count - 1, 1))
    return tuple(float(part) for part in shade)
