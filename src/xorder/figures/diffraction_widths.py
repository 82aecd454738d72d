"""Widths of planes through a series; sizes and strains that they give."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from xorder.diffraction.plots import MARKERS
from xorder.figures.diffraction_axes import SeriesAxis, nudged, series_axis, shade
from xorder.figures.drawing import (
    COLOURS,
    PAGE,
    Drawing,
    mark_simulated,
    new_figure,
    panel_label,
    style,
)
from xorder.results import Array, Number

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes

    from xorder.diffraction.analysis import DiffractionAnalysis

__all__ = ["draw_sizes", "draw_widths"]

#: Sizes and strains, where they come from, and how each is drawn.
SIZES = {
    "wh_size": "Williamson–Hall",
    "volume_size": "double Voigt",
    "refined size": "whole pattern",
}
STRAINS = {
    "wh_strain": "Williamson–Hall",
    "strain": "double Voigt",
    "refined strain": "whole pattern",
}


def draw_widths(analyses: Sequence[DiffractionAnalysis]) -> Drawing | None:
    """Return FWHM of each plane (a) through the series and (b) against conductivity.

    Where integral breadths without the instrument's part are known and conductivities are not, they
    are (b). None for a single sample.
    """
    if len(analyses) < 2:
        return None
    along = _axis(analyses)
    conductive = all(analysis.conductivity is not None for analysis in analyses)
    breadths = any(a.sizes is not None and a.sizes.widths is not None for a in analyses)
    panels = 2 if conductive or breadths else 1
    with style():
        figure, axes = new_figure(1, panels, height=3.0, width=PAGE if panels == 2 else 0.6 * PAGE)
        _draw_planes(axes[0], analyses, along.place, "fwhm", spread=True)
        along.apply(axes[0])
        axes[0].set_ylabel("FWHM (°)")
        if conductive:
            conductivity = np.array([float(a.conductivity or np.nan) for a in analyses])
            _draw_planes(axes[1], analyses, conductivity, "fwhm")
            axes[1].set_xscale("log")
            axes[1].set_xlabel("ionic conductivity at 25 °C (S/cm)")
            axes[1].set_ylabel("FWHM (°)")
        elif breadths:
            _draw_planes(axes[1], analyses, along.place, "integral_breadth", spread=True)
            along.apply(axes[1])
            axes[1].set_ylabel("integral breadth of the sample (°)")
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(
            handles, labels, loc="outside lower center", ncols=min(len(labels), 6),
            title="planes; open: width of a group of lines; ×: line lost", title_fontsize=7,
        )  # fmt: skip
        for number, ax in enumerate(axes):
            ax.set_ylim(bottom=0.0)
            panel_label(ax, "ab"[number])
        if any(analysis.simulated for analysis in analyses):
            mark_simulated(figure)
    return Drawing(name="widths", figure=figure, tables={"a": _table(analyses)})


def draw_sizes(analyses: Sequence[DiffractionAnalysis]) -> Drawing | None:
    """Return (a) Williamson–Hall lines, (b) sizes and (c) strains through the series.

    None where no sample has a size.
    """
    halls = [a for a in analyses if a.sizes is not None and a.sizes.williamson_hall is not None]
    along = _axis(analyses)
    rows = [_found(analyses, kinds) for kinds in (SIZES, STRAINS)]
    if not halls and not any(rows[0].values()):
        return None
    with style():
        figure, axes = new_figure(1, 3 if halls else 2, height=2.9)
        if halls:
            _draw_hall(axes[0], analyses)
        for ax, found, kinds, label in zip(
            axes[-2:], rows, (SIZES, STRAINS), ("domain size (Å)", "microstrain"), strict=True
        ):
            _draw_numbers(ax, found, kinds, along)
            ax.set_ylabel(label)
        _plain_log(axes[-2])
        figure.legend(
            *axes[-1].get_legend_handles_labels(), loc="outside lower right", ncols=3,
            title="sizes: Williamson–Hall and double Voigt by integral breadth, K = 1; "
            "whole pattern by FWHM, K = 0.9", title_fontsize=6,
        )  # fmt: skip
        for number, ax in enumerate(axes):
            panel_label(ax, "abc"[number])
        if any(analysis.simulated for analysis in analyses):
            mark_simulated(figure)
    return Drawing(
        name="size_strain",
        figure=figure,
        tables={
            "hall": _hall_table(analyses),
            "sizes": _number_table(analyses, (*SIZES, *STRAINS)),
        },
    )


def _plain_log(ax: Axes) -> None:
    """Make a logarithmic axis of ordinary numbers."""
    from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    ax.yaxis.set_major_formatter(ScalarFormatter())
    ax.yaxis.set_minor_formatter(NullFormatter())


def _axis(analyses: Sequence[DiffractionAnalysis]) -> SeriesAxis:
    return series_axis(
        [analysis.name for analysis in analyses],
        [analysis.order_value for analysis in analyses],
        analyses[0].order_name,
    )


def _draw_planes(
    ax: Axes,
    analyses: Sequence[DiffractionAnalysis],
    place: Array,
    key: str,
    *,
    spread: bool = False,
) -> None:
    planes = list(dict.fromkeys(str(p) for a in analyses for p in a.peaks.plane))
    for number, plane in enumerate(planes):
        colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
        x = nudged(place, number, len(planes)) if spread else place
        found = [_number(a, f"{key} ({plane})") for a in analyses]
        value = np.array([n.value if n is not None else np.nan for n in found])
        error = np.array([n.stderr if n is not None else np.nan for n in found])
        ax.errorbar(x, value, yerr=error, color=colour, capsize=2, elinewidth=0.7, linewidth=0.8)
        open_ = [_flag(a, plane, "overlapped") for a in analyses]
        ax.scatter(
            x, value, s=16, zorder=3, marker=marker, edgecolors=colour, linewidths=0.8,
            facecolors=["white" if one else colour for one in open_],
        )  # fmt: skip
        ax.plot([], [], color=colour, marker=marker, markersize=4, label=f"({plane})")
        lost = np.array([_flag(a, plane, "lost") for a in analyses])
        ax.plot(
            x[lost], np.full(np.count_nonzero(lost), 0.03), "x", color=colour, markersize=4,
            transform=ax.get_xaxis_transform(),
        )  # fmt: skip


def _flag(analysis: DiffractionAnalysis, plane: str, key: str) -> bool:
    peaks = analysis.peaks
    own = peaks.plane == plane
    return bool(np.any(getattr(peaks, key)[own]))


def _number(analysis: DiffractionAnalysis, name: str) -> Number | None:
    return next((n for n in analysis.numbers if n.name == name), None)


def _draw_hall(ax: Axes, analyses: Sequence[DiffractionAnalysis]) -> None:
    for number, analysis in enumerate(analyses):
        hall = None if analysis.sizes is None else analysis.sizes.williamson_hall
        if hall is None:
            continue
        colour = shade(number, len(analyses))
        order = np.argsort(hall.s)
        ax.errorbar(
            hall.s, hall.reciprocal_width, yerr=hall.reciprocal_width_stderr, fmt="o",
            markersize=3, color=colour, elinewidth=0.7, capsize=1.5, label=analysis.name,
        )  # fmt: skip
        ax.plot(hall.s[order], hall.fitted[order], color=colour, linewidth=0.9)
    ax.set_xlim(left=0.0)
    ax.set_ylim(bottom=0.0)
    ax.set_xlabel("$s = 1/d$ (Å⁻¹)")
    ax.set_ylabel(r"$\beta\cos\theta/\lambda$ (Å⁻¹)")
    ax.legend(fontsize=6)


def _found(
    analyses: Sequence[DiffractionAnalysis], kinds: dict[str, str]
) -> dict[str, list[tuple[int, Number]]]:
    """Return the finite numbers of each kind with the index of their sample."""
    found: dict[str, list[tuple[int, Number]]] = {}
    for kind in kinds:
        found[kind] = []
        for index, analysis in enumerate(analyses):
            name = f"{kind} ({analysis.reflections.name})" if kind.startswith("refined") else kind
            number = _number(analysis, name)
            if number is not None and np.isfinite(number.value) and np.isfinite(number.stderr):
                found[kind].append((index, number))
    return found


def _draw_numbers(
    ax: Axes, found: dict[str, list[tuple[int, Number]]], kinds: dict[str, str], along: SeriesAxis
) -> None:
    for number, (kind, label) in enumerate(kinds.items()):
        if not found[kind]:
            continue
        place = nudged(along.place, number, len(kinds))[[index for index, _ in found[kind]]]
        ax.errorbar(
            place, [n.value for _, n in found[kind]], yerr=[n.stderr for _, n in found[kind]],
            color=COLOURS[number], marker=MARKERS[number], markersize=4, capsize=2,
            elinewidth=0.7, linewidth=0.8, label=label,
        )  # fmt: skip
    along.apply(ax)


def _table(analyses: Sequence[DiffractionAnalysis]) -> pandas.DataFrame:
    import pandas

    rows = [
        {
            "sample": analysis.name,
            analysis.order_name or "order": analysis.order_value,
            "conductivity (S/cm)": analysis.conductivity,
            "plane": plane,
            **_pair(analysis, "fwhm", plane),
            **_pair(analysis, "sample_fwhm", plane),
            **_pair(analysis, "integral_breadth", plane),
            "overlapped": _flag(analysis, plane, "overlapped"),
            "lost": _flag(analysis, plane, "lost"),
        }
        for analysis in analyses
        for plane in map(str, analysis.peaks.plane)
    ]
    return pandas.DataFrame(rows)


def _pair(analysis: DiffractionAnalysis, key: str, plane: str) -> dict[str, float]:
    number = _number(analysis, f"{key} ({plane})")
    if number is None:
        return {}
    return {f"{key} (°)": number.value, f"{key}_stderr (°)": number.stderr}


def _hall_table(analyses: Sequence[DiffractionAnalysis]) -> pandas.DataFrame:
    import pandas

    rows = []
    for analysis in analyses:
        hall = None if analysis.sizes is None else analysis.sizes.williamson_hall
        if hall is not None:
            frame = hall.to_dataframe().reset_index()
            frame.insert(0, "sample", analysis.name)
            rows.append(frame)
    return pandas.concat(rows, ignore_index=True) if rows else pandas.DataFrame()


def _number_table(
    analyses: Sequence[DiffractionAnalysis], kinds: Sequence[str]
) -> pandas.DataFrame:
    import pandas

    return pandas.DataFrame(
        [
            {"sample": a.name, "name": n.name, "value": n.value, "stderr": n.stderr, "unit": n.unit}
            for a in analyses
            for n in a.numbers
            if n.name.startswith(tuple(kinds))
        ]
    )
