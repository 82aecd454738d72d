"""Models beside one another: g(r), G(r), angles, symmetry of octahedra, polyhedra."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from xorder.errors import BadInput
from xorder.figures.drawing import COLOURS, PAGE, Drawing, mark_simulated, panel_label, style

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes

    from xorder.pdf.model_analysis import ModelAnalysis

__all__ = ["draw_models"]

#: Polyhedra that are drawn, the most frequent first.
MOST = 7
STYLES = ("-", "--", ":", "-.")


def draw_models(models: Sequence[ModelAnalysis]) -> Drawing:
    """Return the figure of one model or several, a colour each.

    Panels: (a) partial g(r), of the pairs around the center where one is named; (b) G(r), measured
    data as points; and around the center (c) angles, (d) the continuous symmetry measure of
    octahedra as boxes (quartiles, median; whiskers at 5 and 95 %), (e) shares of polyhedra.

    Raises
    ------
    BadInput
        Where there is nothing to draw.
    """
    models = list(models)
    if not models:
        raise BadInput("there is no model to draw", expected="at least one")
    from matplotlib.figure import Figure

    wanted = {
        "angles": any(model.angles for model in models),
        "symmetry": any(model.octahedra is not None for model in models),
        "polyhedra": any(model.populations is not None for model in models),
    }
    below = [name for name, is_there in wanted.items() if is_there]
    width = max(len(below), 1)
    rows = [["pairs"] * width + ["gr"] * width]
    if below:
        rows.append([name for name in below for _ in range(2)])
    with style():
        figure = Figure(figsize=(PAGE, 2.6 * len(rows)), layout="constrained")
        axes = figure.subplot_mosaic(cast("Any", rows))
        tables = {}
        draw = {
            "pairs": _draw_pairs,
            "gr": _draw_gr,
            "angles": _draw_angles,
            "symmetry": _draw_symmetry,
            "polyhedra": _draw_polyhedra,
        }
        for (name, ax), label in zip(axes.items(), "abcde", strict=False):
            tables[label] = draw[name](ax, models)
            panel_label(ax, label)
        mark_simulated(figure)
    return Drawing(name="model", figure=figure, tables=tables)


def _pairs_shown(model: ModelAnalysis) -> list[int]:
    """Return the pairs worth a line: those of the center, or all where there are few."""
    pairs = model.partials.pairs
    center = model.angles[0].center if model.angles else ""
    chosen = [k for k, pair in enumerate(pairs) if center in pair.split("-")]
    return (chosen or list(range(len(pairs))))[: len(STYLES)]


def _draw_pairs(ax: Axes, models: Sequence[ModelAnalysis]) -> pandas.DataFrame:
    import pandas

    parts: list[pandas.DataFrame] = []
    first = models[0].partials
    top = 0.0
    for k in _pairs_shown(models[0]):
        pair = first.pairs[k]
        level, highest = top, 0.0
        for m, model in enumerate(models):
            if pair not in model.partials.pairs:
                continue
            partials = model.partials
            curve, error = (
                x[partials.pairs.index(pair)] for x in (partials.small_g, partials.stderr)
            )
            label = model.name if not parts or m >= len(parts) else None
            ax.plot(partials.r, curve + level, color=COLOURS[m % len(COLOURS)], lw=0.9, label=label)
            highest = max(highest, float(curve.max()))
            a, b = (partials.elements.index(element) for element in pair.split("-"))
            parts.append(
                pandas.DataFrame(
                    {
                        "model": model.name,
                        "pair": pair,
                        "r (Å)": partials.r,
                        "g(r)": curve,
                        "stderr": error,
                        "second around first, N(r)": partials.running[a, b],
                        "first around second, N(r)": partials.running[b, a],
                    }
                )
            )
        ax.axhline(level, color="#AAAAAA", lw=0.4, zorder=0)
        ax.annotate(
            pair.replace("-", "–"),
            (0.0, level + 0.25 * highest),
            xytext=(3, 0),
            fontsize=7.0,
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
        )
        top += 1.08 * highest
    if len(models) > 1:
        ax.legend(fontsize=6.0, loc="upper right")
    ax.set_xlabel("r (Å)")
    ax.set_ylabel("g(r) + offset" if len(_pairs_shown(models[0])) > 1 else "g(r)")
    ax.set_xlim(1.0, first.r_max)
    ax.set_ylim(0.0, 1.08 * top)
    return pandas.concat(parts, ignore_index=True)


def _draw_gr(ax: Axes, models: Sequence[ModelAnalysis]) -> pandas.DataFrame:
    import pandas

    parts = []
    top = 0.0
    for m, model in enumerate(models):
        compared = model.measured is not None and len(model.r) > 0
        used = np.isin(model.gr.r, model.r) if compared else model.gr.r >= 1.0
        r, curve = model.gr.r[used], model.gr.gr[used] * (model.scale if compared else 1.0)
        data = curve + model.difference if compared else curve
        offset = 0.0 if m == 0 else top - float(min(data.min(), curve.min()))
        if compared:
            ax.plot(r, data + offset, ".", ms=1.5, color="#777777",
                    label="measured" if m == 0 else None)  # fmt: skip
        name = f"{model.name}, Rw {model.r_w:.2f}" if compared else model.name
        ax.plot(r, curve + offset, color=COLOURS[m % len(COLOURS)], label=name)
        top = offset + float(max(data.max(), curve.max()))
        table = {"model": model.name, "r (Å)": r, "G(r), simulated (Å⁻²)": curve}
        parts.append(pandas.DataFrame(table | ({"measured (Å⁻²)": data} if compared else {})))
    low, _ = ax.get_ylim()
    ax.set_ylim(low, top + 0.22 * (top - low))
    ax.legend(fontsize=6.0, loc="upper right", ncols=2)
    ax.set_xlabel("r (Å)")
    ax.set_ylabel("G(r) + offset (Å⁻²)" if len(models) > 1 else "G(r) (Å⁻²)")
    return pandas.concat(parts, ignore_index=True)


def _draw_angles(ax: Axes, models: Sequence[ModelAnalysis]) -> pandas.DataFrame:
    import pandas

    parts = []
    names: dict[str, str] = {}
    for m, model in enumerate(models):
        for angles in model.angles:
            name = f"{angles.ends[0]}–{angles.center}–{angles.ends[1]}"
            line = names.setdefault(name, STYLES[len(names) % len(STYLES)])
            ax.plot(angles.angle, angles.density, line, color=COLOURS[m % len(COLOURS)], lw=0.9)
            parts.append(
                pandas.DataFrame(
                    {
                        "model": model.name,
                        "angle": name,
                        "degrees": angles.angle,
                        "density (1/°)": angles.density,
                        "stderr (1/°)": angles.stderr,
                    }
                )
            )
    if len(names) > 1:
        from matplotlib.lines import Line2D

        lines = [Line2D([], [], color="#555555", ls=line, lw=0.9) for line in names.values()]
        ax.legend(lines, list(names), fontsize=6.0)
        ax.set_xlabel("angle (°)")
    else:
        ax.set_xlabel(f"{next(iter(names))} angle (°)")
    ax.set_ylabel("density (1/°)")
    ax.set_xlim(45.0, 180.0)
    ax.set_xticks([60, 90, 120, 150, 180])
    ax.set_ylim(bottom=0.0)
    return pandas.concat(parts, ignore_index=True)


def _draw_symmetry(ax: Axes, models: Sequence[ModelAnalysis]) -> pandas.DataFrame:
    import pandas

    shown = [(m, model) for m, model in enumerate(models) if model.octahedra is not None]
    measures = [model.octahedra.measure for _, model in shown if model.octahedra is not None]
    boxes = ax.boxplot(
        measures, whis=(5, 95), showfliers=False, widths=0.5, patch_artist=True,
        medianprops={"color": "#000000"},
    )  # fmt: skip
    for (m, _), box in zip(shown, boxes["boxes"], strict=True):
        box.set_facecolor(COLOURS[m % len(COLOURS)])
        box.set_alpha(0.5)
    slanted = sum(len(model.name) for _, model in shown) > 18
    ax.set_xticks(
        np.arange(1, len(shown) + 1), [model.name for _, model in shown],
        rotation=30 if slanted else 0, ha="right" if slanted else "center",
    )  # fmt: skip
    ax.set_ylabel(r"symmetry measure $S(O_h)$")
    ax.set_ylim(bottom=0.0)
    rows = zip((model.name for _, model in shown), measures, strict=True)
    return pandas.concat(
        [pandas.DataFrame({"model": name, "S(Oh)": measure}) for name, measure in rows],
        ignore_index=True,
    )


def _draw_polyhedra(ax: Axes, models: Sequence[ModelAnalysis]) -> pandas.DataFrame:
    import pandas

    parts = [
        pandas.DataFrame(
            {
                "model": model.name,
                "polyhedron": model.populations.labels,
                "share": model.populations.fraction,
                "stderr": model.populations.stderr,
            }
        )
        for model in models
        if model.populations is not None
    ]
    table = pandas.concat(parts, ignore_index=True)
    total = table.groupby("polyhedron", sort=False)["share"].sum()
    labels = list(total.sort_values(ascending=False).index[:MOST])
    width = 0.8 / len(models)
    for m, model in enumerate(models):
        own = table[table["model"] == model.name].set_index("polyhedron")
        share = own["share"].reindex(labels).fillna(0.0).to_numpy()
        error = own["stderr"].reindex(labels).fillna(0.0).to_numpy()
        ax.bar(
            np.arange(len(labels)) + (m - 0.5 * (len(models) - 1)) * width, 100.0 * share, width,
            yerr=100.0 * error if error.any() else None, capsize=1.5,
            color=COLOURS[m % len(COLOURS)], alpha=0.7, error_kw={"lw": 0.6},
        )  # fmt: skip
    names = [label.translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")) for label in labels]
    slanted = len(labels) > 3
    ax.set_xticks(
        np.arange(len(labels)), names, rotation=40 if slanted else 0,
        ha="right" if slanted else "center",
    )  # fmt: skip
    ax.set_ylabel("share of centers (%)")
    return table
