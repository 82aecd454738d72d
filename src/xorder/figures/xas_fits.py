"""Shell fits, mixtures and near-edge peaks of a series of samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from xorder.figures.drawing import COLOURS, PAGE, Drawing, mark_simulated, panel_label, style
from xorder.figures.xas_wavelets import draw_wavelets
from xorder.xas.plots import plot_shell_fit, plot_shell_fit_k
from xorder.xas.xanes_plots import plot_linear_combination, plot_near_edge

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes

    from xorder.xas.analysis import XasAnalysis
    from xorder.xas.linear_combination import LinearCombinations
    from xorder.xas.near_edge_model import NearEdgeFit
    from xorder.xas.shell_fits import ShellFit
    from xorder.xas.shell_results import ShellSpectrum

__all__ = ["draw_bond_angles", "draw_details", "draw_mixtures", "draw_near_edge", "draw_shell_fits"]

#: Most samples drawn one by one in a figure; their numbers are all in the tables.
MOST_ROWS = 8

#: Height of a row of panels in inches.
ROW = 2.0


def draw_details(analyses: Sequence[XasAnalysis]) -> list[Drawing]:
    """Return the figures of the fits that the samples have, wavelet maps of fitted paths too."""
    drawings = []
    fitted = [analysis for analysis in analyses if analysis.shell_fit is not None]
    if fitted:
        fits = [(a.name, a.shell_fit, 0) for a in fitted if a.shell_fit is not None]
        drawings.append(draw_shell_fits(fits))
        if any(analysis.wavelets is not None for analysis in fitted):
            drawings.append(draw_wavelets(fitted))
    angles = [analysis for analysis in analyses if analysis.bond_angles is not None]
    if angles:
        drawings.append(draw_bond_angles(angles))
    mixtures = [analysis.mixtures for analysis in analyses if analysis.mixtures is not None]
    if mixtures:
        drawings.append(draw_mixtures(mixtures))
    near_edge = [analysis.near_edge for analysis in analyses if analysis.near_edge is not None]
    if near_edge:
        drawings.append(draw_near_edge(near_edge))
    return drawings


def draw_shell_fits(fits: Sequence[tuple[str, ShellFit, int]]) -> Drawing:
    """Return k and R of data and fit, a row a sample, and the numbers over the series.

    Parameters
    ----------
    fits
        Name of the sample, its fit, and which of the fit's spectra it is.
    """
    shown = fits[:MOST_ROWS]
    several = len(fits) > 1
    with style():
        figure, panels = _grid(len(shown) + several, 2)
        tables: dict[str, pandas.DataFrame] = {}
        for row, (name, fit, number) in enumerate(shown):
            left, right = panels[2 * row : 2 * row + 2]
            one = fit.spectra[number]
            weight = one.space.k_weight
            middle = weight[len(weight) // 2]
            few = sum(shell.spectrum == number for shell in fit.shells) < 8
            plot_shell_fit_k(fit, left, spectrum=number, k_weight=middle)
            plot_shell_fit(fit, right, spectrum=number, paths=few)
            left.set_title(name, fontsize=7.0)
            verdict = f"{fit.verdict}, R-factor {one.r_factor:.4f}"
            right.set_title(verdict, fontsize=7.0, color="black" if fit else "#D55E00")
            panel_label(left, chr(ord("a") + 2 * row % 26))
            panel_label(right, chr(ord("a") + (2 * row + 1) % 26))
            tables |= _fit_tables(name, one, row)
        # The first data set and the line of its fit; what its name would be is the panel's title.
        handles = panels[0].get_legend_handles_labels()[0]
        figure.legend(handles[:2], ["data", "fit"], loc="outside upper left", ncols=2)
        if several:
            left, right = panels[-2:]
            _trend(left, fits, "r", "R (Å)")
            _trend(right, fits, "n_s02", "N·S0²")
            panel_label(left, chr(ord("a") + 2 * len(shown) % 26))
            panel_label(right, chr(ord("a") + (2 * len(shown) + 1) % 26))
            _below(figure, left, open_marks=not all(fit for _, fit, _ in fits))
        tables["numbers"] = _shell_table(fits)
        _mark(figure, [fit.spectra[number] for _, fit, number in fits])
    return Drawing(name="shells", figure=figure, tables=tables)


def draw_bond_angles(analyses: Sequence[XasAnalysis]) -> Drawing:
    """Return the bend of straight chains over the samples, and the feature it rests on."""
    found: list[Any] = [analysis.bond_angles for analysis in analyses]
    names = [analysis.name for analysis in analyses]
    where = range(len(names))
    with style():
        figure, (left, right) = _grid(1, 2, row=2.8)
        for x, one in zip(where, found, strict=True):
            seen = math.isfinite(one.bend.stderr)
            face = COLOURS[0] if seen and one else "white"
            top = one.bend_limit if math.isfinite(one.bend_limit) else one.bend.value
            left.plot(
                [x, x], [0.0, top], color="0.85", linewidth=5.0, solid_capstyle="butt", zorder=0
            )
            error = one.bend.stderr if seen else 0.0
            left.errorbar(x, one.bend.value, error, color=COLOURS[0], capsize=2, linewidth=0.8)
            left.plot(x, one.bend.value, "o", markersize=4, color=COLOURS[0], markerfacecolor=face)
            left.annotate(one.verdict, (x, top), xytext=(0, 3), textcoords="offset points",
                          ha="center", fontsize=5.5)  # fmt: skip
        left.set_ylabel("Bend, 180° less the angle (°)")
        left.set_title("grey: below the 97.5 % limit", fontsize=6.0, loc="right")
        left.margins(y=0.15)
        left.set_ylim(bottom=0.0)
        for marker, label, quantity in (
            ("o", "measured", "amplitude"),
            ("s", "if straight and ordered", "amplitude_straight"),
        ):
            numbers = [getattr(one, quantity) for one in found]
            right.errorbar(
                where, [n.value for n in numbers], [n.stderr for n in numbers], fmt=marker,
                markersize=4, capsize=2, linewidth=0.8, label=label,
            )  # fmt: skip
        right.set_ylabel("Mean |W| of the feature")
        right.set_ylim(bottom=0.0)
        for ax, label in ((left, "a"), (right, "b")):
            ax.set_xlim(-0.6, len(names) - 0.4)
            ax.set_xticks(where, names, rotation=45, ha="right")
            panel_label(ax, label)
        figure.legend(*right.get_legend_handles_labels(), loc="outside upper left", ncols=2)
        _mark(figure, analyses)
    return Drawing(name="angles", figure=figure, tables={"numbers": _angle_table(names, found)})


def _angle_table(names: Sequence[str], found: Sequence[Any]) -> pandas.DataFrame:
    import pandas

    rows: list[dict[str, Any]] = []
    for name, one in zip(names, found, strict=True):
        row: dict[str, Any] = {"sample": name, "verdict": one.verdict}
        for number in one.numbers:
            row |= {number.name: number.value, f"{number.name} stderr": number.stderr}
        rows.append(row)
    return pandas.DataFrame(rows)


def draw_mixtures(mixtures: Sequence[LinearCombinations]) -> Drawing:
    """Return data and best mixture, a panel a sample, and the weights over the series."""
    shown = mixtures[:MOST_ROWS]
    several = len(mixtures) > 1
    with style():
        figure, panels = _grid(math.ceil((len(shown) + several) / 2), 2 if several else 1, row=2.6)
        tables: dict[str, pandas.DataFrame] = {}
        for index, (ax, one) in enumerate(zip(panels, shown, strict=False)):
            plot_linear_combination(one.best, ax)
            ax.legend(loc="best", fontsize=5.5, frameon=False)
            ax.set_title(one.name, fontsize=7.0)
            panel_label(ax, chr(ord("a") + index % 26))
            tables[f"{chr(ord('a') + index)}_{_stem(one.name, index)}"] = _mixture_table(one)
        if several:
            _weights(panels[len(shown)], mixtures)
            panel_label(panels[len(shown)], chr(ord("a") + len(shown) % 26))
        for spare in panels[len(shown) + several :]:
            spare.set_visible(False)
        tables["ranked"] = _ranked(mixtures)
        _mark(figure, [one.best for one in mixtures])
    return Drawing(name="mixtures", figure=figure, tables=tables)


def draw_near_edge(fits: Sequence[NearEdgeFit]) -> Drawing:
    """Return data, step and peaks, a panel a sample."""
    import pandas

    shown = fits[:MOST_ROWS]
    columns = 1 if len(shown) == 1 else 2
    with style():
        figure, panels = _grid(math.ceil(len(shown) / columns), columns, row=2.4)
        tables = {}
        for index, (ax, one) in enumerate(zip(panels, shown, strict=False)):
            plot_near_edge(one, ax)
            ax.legend(loc="best", fontsize=5.5, frameon=False)
            ax.set_title(one.name, fontsize=7.0)
            panel_label(ax, chr(ord("a") + index % 26))
            curves = {
                f"{peak.name}": curve for peak, curve in zip(one.peaks, one.curves, strict=True)
            }
            tables[f"{chr(ord('a') + index)}_{_stem(one.name, index)}"] = pandas.DataFrame(
                {
                    "Energy (eV)": one.energy,
                    "data": one.data,
                    "fit": one.model,
                    "step and baseline": one.baseline,
                    **curves,
                }
            )
        for spare in panels[len(shown) :]:
            spare.set_visible(False)
        _mark(figure, fits)
    return Drawing(name="near_edge", figure=figure, tables=tables)


def _grid(rows: int, columns: int, *, row: float = ROW) -> tuple[Any, list[Axes]]:
    from matplotlib.figure import Figure

    width = PAGE if columns > 1 else 0.65 * PAGE
    figure = Figure(figsize=(width, 0.4 + row * rows), layout="constrained")
    return figure, list(figure.subplots(rows, columns, squeeze=False).ravel())


def _below(figure: Any, ax: Axes, *, open_marks: bool) -> None:
    """Put the legend of a panel of many curves below the figure."""
    handles, labels = ax.get_legend_handles_labels()
    title = "open marks: fits that are not good" if open_marks else None
    if labels:
        columns = min(len(labels), 5)
        figure.legend(handles, labels, loc="outside lower center", ncols=columns, title=title)


def _trend(ax: Axes, fits: Sequence[tuple[str, ShellFit, int]], quantity: str, label: str) -> None:
    """Draw one number of every fitted shell over the samples; of bad fits with open marks."""
    where: dict[str, list[tuple[int, float, float, bool]]] = {}
    for index, (_, fit, spectrum) in enumerate(fits):
        for shell in (shell for shell in fit.shells if shell.spectrum == spectrum):
            number = getattr(shell, quantity)
            if shell.path.n_legs == 2 and math.isfinite(number.stderr):
                point = (index, number.value, number.stderr, bool(fit))
                where.setdefault(shell.name, []).append(point)
    for index, (name, points) in enumerate(where.items()):
        x, y, error, good = np.array(points).T
        colour = COLOURS[index % len(COLOURS)]
        ax.errorbar(x, y, error, fmt="none", ecolor=colour, capsize=2, linewidth=0.8)
        face = [colour if one else "white" for one in good]
        ax.scatter(x, y, s=14, c=face, edgecolors=colour, linewidths=0.8, zorder=3, label=name)
    ax.set_ylabel(label)
    ax.set_xlim(-0.5, len(fits) - 0.5)
    ax.set_xticks(range(len(fits)), [name for name, _, _ in fits], rotation=45, ha="right")


def _fit_tables(name: str, one: ShellSpectrum, row: int) -> dict[str, pandas.DataFrame]:
    import pandas

    data, model = one.transforms()
    stem = f"{chr(ord('a') + 2 * row)}_{_stem(name, row)}"
    return {
        f"{stem}_k": pandas.DataFrame({"k (Å⁻¹)": one.k, "chi": one.chi, "fit": one.model}),
        f"{stem}_r": pandas.DataFrame(
            {
                "R (Å)": data.r,
                "|chi(R)|": data.chi_r_mag,
                "fit": model.chi_r_mag,
                "Re chi(R)": data.chi_r_re,
                "Re fit": model.chi_r_re,
            }
        ),
    }


def _shell_table(fits: Sequence[tuple[str, ShellFit, int]]) -> pandas.DataFrame:
    import pandas

    frames = []
    for name, fit, number in fits:
        frame = fit.to_dataframe().reset_index()
        frame = frame[frame["spectrum"] == number].drop(columns="spectrum")
        frame.insert(0, "sample", name)
        r_factor = fit.spectra[number].r_factor
        frames.append(frame.assign(verdict=fit.verdict, r_factor=r_factor))
    return pandas.concat(frames, ignore_index=True)


def _weights(ax: Axes, mixtures: Sequence[LinearCombinations]) -> None:
    """Draw the weights of the best mixtures as stacked bars with errors."""
    names = list(dict.fromkeys(name for one in mixtures for name in one.best.names))
    bottom = np.zeros(len(mixtures))
    for index, name in enumerate(names):
        pairs = [
            dict(zip(one.best.names, zip(one.best.weights, one.best.weights_stderr, strict=True),
                     strict=True)).get(name, (0.0, 0.0))
            for one in mixtures
        ]  # fmt: skip
        height, error = np.array(pairs, dtype=float).T
        ax.bar(
            range(len(mixtures)), height, bottom=bottom, yerr=np.nan_to_num(error), capsize=2,
            width=0.7, color=COLOURS[index % len(COLOURS)], label=name,
            error_kw={"linewidth": 0.7},
        )  # fmt: skip
        bottom += height
    ax.set_ylabel("Weight")
    ax.set_ylim(0, 1.25 * max(float(bottom.max()), 1e-9))
    ax.legend(ncols=2, fontsize=5.5, loc="upper left")
    ax.set_xticks(range(len(mixtures)), [one.name for one in mixtures], rotation=45, ha="right")


def _mixture_table(one: LinearCombinations) -> pandas.DataFrame:
    import pandas

    best = one.best
    axis = "k (Å⁻¹)" if best.space == "chi" else "Energy (eV)"
    parts = dict(zip(best.names, best.components, strict=True))
    return pandas.DataFrame({axis: best.x, "data": best.data, "fit": best.model, **parts})


def _ranked(mixtures: Sequence[LinearCombinations]) -> pandas.DataFrame:
    import pandas

    frames = []
    for one in mixtures:
        frame = one.to_dataframe().reset_index()
        frame.insert(0, "sample", one.name)
        frames.append(frame)
    return pandas.concat(frames, ignore_index=True)


def _stem(name: str, index: int) -> str:
    from xorder.store import file_stem

    return file_stem(name) or f"sample_{index + 1}"


def _mark(figure: Any, results: Sequence[Any]) -> None:
    if any(result.simulated for result in results):
        mark_simulated(figure)
