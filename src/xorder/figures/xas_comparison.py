"""Differences, principal components and pure species of a series of spectra."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from xorder.figures.drawing import COLOURS, PAGE, Drawing, mark_simulated, panel_label, style
from xorder.figures.xas_fits import draw_mixtures, draw_near_edge, draw_shell_fits
from xorder.xas.plots import power
from xorder.xas.wavelet_plots import plot_wavelet_differences
from xorder.xas.xanes_plots import plot_components, plot_resolved, plot_target

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes

    from xorder.xas.comparison import XasComparison
    from xorder.xas.components import PrincipalComponents
    from xorder.xas.curve_resolution import ResolvedSpectra
    from xorder.xas.wavelet_maps import WaveletDifference

__all__ = ["draw_comparison"]


def draw_comparison(comparison: XasComparison) -> list[Drawing]:
    """Return the figures of what the samples gave together."""
    drawings = []
    with style():
        if comparison.differences:
            drawings.append(_differences(comparison))
        if comparison.wavelet_differences:
            drawings.append(_maps(comparison.wavelet_differences))
        if comparison.components is not None:
            drawings.append(_components(comparison, comparison.components))
        if comparison.resolved is not None:
            drawings.append(_species(comparison.resolved))
    if comparison.mixtures:
        drawings.append(draw_mixtures(comparison.mixtures))
    if comparison.near_edge is not None:
        drawings.append(draw_near_edge(comparison.near_edge.fits))
    if comparison.shell_fit is not None:
        joint = comparison.shell_fit
        drawings.append(draw_shell_fits([(n, joint, i) for i, n in enumerate(comparison.names)]))
    for drawing in drawings:
        if comparison.simulated:
            mark_simulated(drawing.figure)
    return drawings


def _differences(comparison: XasComparison) -> Drawing:
    """Return the differences one above the other, each with its band, and the edge shifts."""
    figure, (left, right) = _figure(1, 2, height=0.9 + 0.55 * len(comparison.differences) + 1.4)
    highest = max(float(np.max(np.abs(d.difference))) for d in comparison.differences)
    columns: dict[str, Any] = {}
    for index, one in enumerate(comparison.differences):
        offset = -1.3 * highest * index
        colour = COLOURS[index % len(COLOURS)]
        left.axhline(offset, color="0.8", linewidth=0.5, zorder=0)
        left.fill_between(
            one.energy,
            one.difference - one.stderr + offset,
            one.difference + one.stderr + offset,
            color=colour,
            alpha=0.3,
            linewidth=0,
        )
        left.plot(one.energy, one.difference + offset, color=colour)
        left.annotate(
            one.name, (1.0, offset), xycoords=("axes fraction", "data"), xytext=(-3, 3),
            textcoords="offset points", ha="right", fontsize=6.0, color=colour,
        )  # fmt: skip
        columns |= {
            f"{one.name}: Energy (eV)": one.energy,
            f"{one.name}: difference": one.difference,
            f"{one.name}: stderr": one.stderr,
        }
    left.set(xlabel="Energy (eV)", ylabel="Difference, offset")
    left.locator_params(axis="x", nbins=5)
    names = [one.name.split(" − ")[0] for one in comparison.differences]
    shifts = [(s.shift, s.shift_stderr) for s in comparison.shifts]
    values, errors = np.array(shifts, dtype=float).T
    right.axhline(0.0, color="0.8", linewidth=0.5)
    right.errorbar(
        range(len(names)), values, np.nan_to_num(errors), fmt="o", markersize=3, capsize=2
    )
    right.set_ylabel("Edge shift (eV)")
    right.set_xlim(-0.5, len(names) - 0.5)
    right.set_xticks(range(len(names)), names, rotation=45, ha="right")
    tables = {"a_differences": _uneven(columns)}
    tables["b_shifts"] = _uneven({"sample": names, "shift (eV)": values, "stderr (eV)": errors})
    _label([left, right])
    return Drawing(name="differences", figure=figure, tables=tables)


def _maps(differences: Sequence[WaveletDifference]) -> Drawing:
    """Return the differences of wavelet maps on one colour scale; hatched within the noise."""
    import pandas

    columns = min(len(differences), 4)
    rows = -(-len(differences) // columns)
    figure, panels = _figure(rows, columns, height=0.5 + 2.1 * rows)
    drawn = panels[: len(differences)]
    mesh = plot_wavelet_differences(differences, drawn)[0]
    for index, (ax, one) in enumerate(zip(drawn, differences, strict=True)):
        ax.set_title(one.name, fontsize=7.0)
        if index % columns:
            ax.set_ylabel("")
    for spare in panels[len(differences) :]:
        spare.set_visible(False)
    _label(drawn)
    weight = power(differences[0].k_weight)
    figure.colorbar(mesh, ax=drawn, label=f"Δ|W(k, R)| of {weight}χ", pad=0.01)
    table = pandas.concat(
        [
            pandas.DataFrame(
                {
                    "difference": one.name,
                    "k (Å⁻¹)": np.tile(one.k[::2], one.r[::2].size),
                    "R (Å)": np.repeat(one.r[::2], one.k[::2].size),
                    "Δ|W|": one.difference[::2, ::2].ravel(),
                    "stderr": one.stderr[::2, ::2].ravel(),
                }
            )
            for one in differences
        ],
        ignore_index=True,
    )
    return Drawing(name="wavelet_differences", figure=figure, tables={"maps": table})


def _components(comparison: XasComparison, found: PrincipalComponents) -> Drawing:
    """Return scree and indicator, the components, and the targets."""
    targets = comparison.targets[:4]
    rows = 1 + (len(targets) + 1) // 2
    figure, panels = _figure(rows, 2, height=2.6 * rows)
    plot_components(found, panels[0])
    panels[0].legend(fontsize=6.0)
    count = min(found.n_components + 1, found.components.shape[0])
    height = 1.2 * float(np.max(np.abs(found.components[:count])))
    for index in range(count):
        noise = index >= found.n_components
        colour = "0.6" if noise else COLOURS[index % len(COLOURS)]
        panels[1].plot(found.x, found.components[index] - index * height, color=colour)
        panels[1].annotate(
            f"{index + 1}" + (" (noise)" if noise else ""), (1.0, -index * height),
            xycoords=("axes fraction", "data"), xytext=(3, 0), textcoords="offset points",
            va="center", fontsize=6.0, color=colour, annotation_clip=False,
        )  # fmt: skip
        panels[1].axhline(-index * height, color="0.85", linewidth=0.5, zorder=0)
    panels[1].set(xlabel=_axis(found.space), ylabel="Component, offset")
    tables = {
        "a_scree": _uneven(
            {
                "number": found.number,
                "eigenvalue": found.eigenvalues,
                "explained": found.variance,
                "real error": found.real_error,
                "indicator": found.indicator,
                "p": found.p_value,
            }
        ),
        "b_components": _uneven(
            {_axis(found.space): found.x}
            | {f"component {i + 1}": found.components[i] for i in range(count)}
        ),
    }
    for ax, target in zip(panels[2:], targets, strict=False):
        plot_target(target, ax)
        ax.set_xlabel(_axis(found.space))
        ax.set_title(f"{target.name}: SPOIL {target.spoil:.1f}, {target.grade}", fontsize=7.0)
        ax.legend().set_visible(False)
    for spare in panels[2 + len(targets) :]:
        spare.set_visible(False)
    if comparison.targets:
        tables["targets"] = _uneven(
            {
                "target": [t.name for t in comparison.targets],
                "spoil": [t.spoil for t in comparison.targets],
                "grade": [t.grade for t in comparison.targets],
                "r_factor": [t.r_factor for t in comparison.targets],
            }
        )
    _label(panels[: 2 + len(targets)])
    return Drawing(name="components", figure=figure, tables=tables)


def _species(found: ResolvedSpectra) -> Drawing:
    """Return the spectra of the species and their shares."""
    figure, (left, right) = _figure(1, 2, height=2.9)
    columns: dict[str, Any] = {"Energy (eV)": found.energy}
    shares: dict[str, Any] = {"sample": list(found.names)}
    for index in range(found.species.size):
        label = f"species {index + 1}"
        left.plot(found.energy, found.spectra[index], label=label, color=COLOURS[index % 7])
        columns[label] = found.spectra[index]
        shares |= {
            f"{label}": found.concentrations[:, index],
            f"{label} lowest": found.concentrations_min[:, index],
            f"{label} highest": found.concentrations_max[:, index],
        }
    left.set(xlabel="Energy (eV)", ylabel="Normalized absorption")
    left.locator_params(axis="x", nbins=5)
    plot_resolved(found, right)
    for line, index in zip(right.get_lines(), range(found.species.size), strict=False):
        line.set_color(COLOURS[index % 7])
    for band, index in zip(right.collections, range(found.species.size), strict=False):
        band.set_color(COLOURS[index % 7])
    right.legend().set_visible(False)
    figure.legend(*left.get_legend_handles_labels(), loc="outside upper left", ncols=6)
    _label([left, right])
    tables = {"a_spectra": _uneven(columns), "b_shares": _uneven(shares)}
    return Drawing(name="species", figure=figure, tables=tables)


def _figure(rows: int, columns: int, *, height: float) -> tuple[Any, list[Axes]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(PAGE, height), layout="constrained")
    return figure, list(figure.subplots(rows, columns, squeeze=False).ravel())


def _label(panels: Sequence[Axes]) -> None:
    for index, ax in enumerate(panels):
        panel_label(ax, chr(ord("a") + index % 26))


def _axis(space: str) -> str:
    return "k (Å⁻¹)" if space == "chi" else "Energy (eV)"


def _uneven(columns: dict[str, Any]) -> pandas.DataFrame:
    """Return a table of columns that may differ in length."""
    import pandas

    return pandas.concat(
        [pandas.Series(values, name=name) for name, values in columns.items()], axis=1
    )
