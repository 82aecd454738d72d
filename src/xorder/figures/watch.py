"""The figures of a measurement that goes on: newest scan, merge so far, noise against time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from xorder.errors import BadInput
from xorder.figures.drawing import (
    COLOURS,
    PAGE,
    Drawing,
    mark_simulated,
    new_figure,
    panel_label,
    style,
)
from xorder.repeats import Repeats
from xorder.results import Array
from xorder.scan_readings import Reading, curve_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw"]

NEWEST, MERGE, EXPECTED = COLOURS[1], "#222222", COLOURS[0]
#: Near-edge range drawn, eV from e0.
NEAR_EDGE = (-40.0, 110.0)
_WORDS = {
    "epsilon_k": "noise ε(k) of χ(k)",
    "noise_norm": "noise of normalized μ",
    "noise_to_signal": "noise / signal",
    "noise_gr": "noise of G(r) (Å⁻²)",
}


def draw(repeats: Repeats) -> list[Drawing]:
    """Return two figures: the newest scan on the merge so far, and the counting.

    Raises
    ------
    BadInput
        Where there is no scan.
    """
    if not repeats.singles:
        raise BadInput("there is no scan to draw", expected="at least one")
    with style():
        return [_signal(repeats), _counting(repeats)]


def _signal(repeats: Repeats) -> Drawing:
    newest, merged = repeats.singles[-1], repeats.merges[-1]
    with_chi = repeats.probe == "xas" and merged.analysis.exafs is not None
    figure, axes = new_figure(1, 2, width=PAGE, height=2.75)
    if repeats.probe == "xas":
        _near_edge(axes[0], newest, merged)
    else:
        _curves(axes[0], repeats)
    if with_chi:
        _chi(axes[1], newest, merged)
    else:
        _difference(axes[1], repeats)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=2)
    return _finished("signal", figure, axes, repeats)


def _near_edge(ax: Axes, newest: Reading, merged: Reading) -> None:
    from xorder.xas.plots import plot_norm

    plot_norm(newest.analysis.normalized, ax, color=NEWEST, linewidth=0.8, label="newest scan")
    if merged.count > 1:
        label = f"merge of {merged.count} scans"
        plot_norm(merged.analysis.normalized, ax, color=MERGE, linewidth=1.0, label=label)
    e0 = merged.analysis.normalized.e0
    ax.set_xlim(e0 + NEAR_EDGE[0], e0 + NEAR_EDGE[1])
    ax.locator_params(axis="x", nbins=5)


def _chi(ax: Axes, newest: Reading, merged: Reading) -> None:
    from xorder.xas.plots import plot_chi

    transform = merged.analysis.transform
    weight, (low, high) = transform.k_weight, transform.k_range
    if newest.analysis.exafs is not None:
        plot_chi(newest.analysis.exafs, ax, k_weight=weight, color=NEWEST, linewidth=0.6)
    exafs = merged.analysis.exafs
    if merged.count > 1:
        plot_chi(exafs, ax, k_weight=weight, color=MERGE, linewidth=1.0)
    inside = (exafs.k > low) & (exafs.k < high)
    reach = 1.5 * float(np.max(np.abs(exafs.chi * exafs.k**weight)[inside]))
    ax.set(xlim=(max(low - 1.0, 0.0), high + 0.5), ylim=(-reach, reach))
    ax.axhline(0.0, color="0.8", linewidth=0.5, zorder=0)


def _curves(ax: Axes, repeats: Repeats) -> None:
    """Draw newest scan and merge of patterns or G(r), both on the scale of one scan."""
    newest, merged = repeats.singles[-1], repeats.merges[-1]
    ax.plot(*curve_of(repeats.probe, newest.analysis), color=NEWEST, linewidth=0.6,
            label="newest scan")  # fmt: skip
    if merged.count > 1:
        label = f"mean of {merged.count} scans"
        ax.plot(*_mean(repeats), color=MERGE, linewidth=0.8, label=label)
    ax.margins(x=0.0)
    ax.set(**_axis_words(repeats.probe))


def _difference(ax: Axes, repeats: Repeats) -> None:
    """Draw what the newest scan has beside the merge."""
    x, y = curve_of(repeats.probe, repeats.singles[-1].analysis)
    mean_x, mean = _mean(repeats)
    rest = y - np.interp(x, mean_x, mean)
    ax.plot(x, rest, color=NEWEST, linewidth=0.5)
    ax.axhline(0.0, color="0.7", linewidth=0.5, zorder=0)
    if repeats.probe == "diffraction":
        sigma = repeats.singles[-1].analysis.pattern.sigma
        ax.fill_between(x, -2 * sigma, 2 * sigma, color="0.88", linewidth=0, zorder=0)
        ax.text(0.02, 0.96, "grey: ±2σ of counting", transform=ax.transAxes, va="top", fontsize=6.5)
    words = _axis_words(repeats.probe)
    ax.margins(x=0.0)
    ax.set(xlabel=words["xlabel"], ylabel="newest - mean")


def _axis_words(probe: str) -> dict[str, Any]:
    return {
        "xas": {"xlabel": "Energy (eV)", "ylabel": "Normalized absorption"},
        "diffraction": {"xlabel": "2θ (°)", "ylabel": "intensity of one scan (counts)"},
        "pdf": {"xlabel": "r (Å)", "ylabel": "G(r) (Å⁻²)"},
    }[probe]


def _mean(repeats: Repeats) -> tuple[Array, Array]:
    merged = repeats.merges[-1]
    x, y = curve_of(repeats.probe, merged.analysis)
    return x, y / merged.count if repeats.probe == "diffraction" else y


def _counting(repeats: Repeats) -> Drawing:
    figure, axes = new_figure(1, 3, width=PAGE, height=2.6)
    _noise_panel(axes[0], repeats)
    _value_panel(axes[1], repeats)
    _error_panel(axes[2], repeats)
    return _finished("counting", figure, axes, repeats)


def _noise_panel(ax: Axes, repeats: Repeats) -> None:
    numbers = np.arange(1, len(repeats.singles) + 1)
    noises = np.array([reading.noise for reading in repeats.singles])
    counts = np.array([merge.count for merge in repeats.merges])
    merged = np.array([merge.noise for merge in repeats.merges])
    ax.plot(numbers, noises, "o", ms=2.8, mfc="white", mew=0.7, color=NEWEST, label="each scan")
    ax.plot(counts, merged, "s", ms=3.2, color=MERGE, label="merge so far")
    known = noises[np.isfinite(noises)]
    reach = _reach(repeats)
    if known.size:
        one = math.sqrt(float(np.mean(known**2)))
        n = np.geomspace(1.0, reach, 60)
        ax.plot(n, one / np.sqrt(n), color=EXPECTED, linewidth=0.8, label="1/√n")
    if repeats.target is not None and repeats.target.name == repeats.noise_name:
        _goal(ax, repeats.target.stderr)
    _log_axes(ax, reach, repeats, np.concatenate([noises, merged]), room=5.0)
    ax.set_ylabel(_words(repeats.noise_name, ""))
    ax.legend(loc="upper right", fontsize=6.0, handlelength=1.2)


def _value_panel(ax: Axes, repeats: Repeats) -> None:
    """Draw a number scan after scan: what changes with time, else the target, with its mean."""
    from matplotlib.ticker import MaxNLocator

    trends, found = repeats.advice.trends, repeats.forecast
    name = repeats.noise_name if repeats.target is None else repeats.target.name
    values = repeats.values
    if trends:
        name = trends[0].name
        numbers = [reading.numbers.get(name) for reading in repeats.singles]
        values = np.array([math.nan if one is None else one.value for one in numbers])
    scans = np.arange(1, len(values) + 1)
    ax.plot(scans, values, "o-", ms=2.8, mfc="white", mew=0.7, lw=0.5, color=NEWEST)
    if trends:
        inside = np.isfinite(values)
        line = values[inside].mean() + trends[0].slope * (scans - scans[inside].mean())
        ax.plot(scans, line, "--", color=COLOURS[0], linewidth=1.0)
    elif found is not None and math.isfinite(found.value) and math.isfinite(found.stderr):
        ax.axhline(found.value, color=MERGE, linewidth=0.8)
        ax.axhspan(found.value - found.stderr, found.value + found.stderr, color="0.85", zorder=0)
    ax.set_xlim(0.5, max(len(scans), 4) + 0.5)
    ax.ticklabel_format(useOffset=False)
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    known = repeats.singles[-1].numbers.get(name)
    ax.set(xlabel="scan", ylabel=_words(name, known.unit if known is not None else ""))


def _words(name: str, unit: str) -> str:
    return _WORDS.get(name) or name.replace("_", " ") + (f" ({unit})" if unit else "")


def _error_panel(ax: Axes, repeats: Repeats) -> None:
    """Draw the standard error of the target against the scans, and where it reaches the goal."""
    target, found = repeats.target, repeats.forecast
    if target is None or found is None or not math.isfinite(found.stderr):
        ax.set_axis_off()
        ax.text(0.5, 0.5, "three scans tell\nhow the target scatters", ha="center", va="center",
                color="0.4", transform=ax.transAxes)  # fmt: skip
        return
    reach = _reach(repeats)
    if target.name == repeats.noise_name:
        counts = np.array([float(merge.count) for merge in repeats.merges])
        errors = np.array([merge.noise for merge in repeats.merges])
    else:
        counts = np.arange(3.0, len(repeats.values) + 1)
        errors = np.array([_stderr(repeats.values[: int(n)]) for n in counts])
    ax.plot(counts, errors, "s", ms=3.2, color=MERGE)
    n = np.geomspace(1.0, reach, 60)
    ax.plot(n, found.stderr * np.sqrt(found.count / n), color=EXPECTED, linewidth=0.8)
    _goal(ax, target.stderr)
    drifts = repeats.advice.verdict == "drift"
    if math.isfinite(found.needed) and found.needed <= reach and not drifts:
        low, high = found.needed - found.needed_stderr, found.needed + found.needed_stderr
        ax.axvspan(max(low, 1.0), high, color=COLOURS[2], alpha=0.2, linewidth=0)
    if drifts:
        ax.text(0.95, 0.93, "void: the repeats change", transform=ax.transAxes, ha="right",
                va="top", fontsize=6.5, color=COLOURS[1])  # fmt: skip
    _log_axes(ax, reach, repeats, np.append(errors, target.stderr))
    if target.name == repeats.noise_name:
        ax.set_ylabel(_words(target.name, ""))
    else:
        ax.set_ylabel(f"standard error of\n{_words(target.name, target.unit)}")


def _goal(ax: Axes, value: float) -> None:
    ax.axhline(value, color=COLOURS[2], linewidth=0.9, linestyle="--")
    ax.annotate("target", (0.0, value), xycoords=("axes fraction", "data"), xytext=(4, 2),
                textcoords="offset points", fontsize=6.5, color=COLOURS[2])  # fmt: skip


def _stderr(values: Array) -> float:
    kept = values[np.isfinite(values)]
    return float(kept.std(ddof=1)) / math.sqrt(kept.size) if kept.size > 2 else math.nan


def _reach(repeats: Repeats) -> float:
    """Return the largest number of scans on the axes: those there are, and those needed."""
    count = len(repeats.singles)
    needed = repeats.forecast.needed if repeats.forecast is not None else math.nan
    wanted = needed * 1.3 if math.isfinite(needed) else 0.0
    return float(max(2.0 * count, min(wanted, 30.0 * count), 4.0))


def _log_axes(
    ax: Axes, reach: float, repeats: Repeats, values: Array, *, room: float = 1.7
) -> None:
    """Make both axes logarithmic, number of scans below and time above."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    ax.set_xscale("log")
    ax.set_xlim(0.85, reach)
    known = values[np.isfinite(values) & (values > 0)]
    ax.set_yscale("log")
    if known.size:
        ax.set_ylim(0.6 * min(known.min(), known.max() / math.sqrt(reach)), room * known.max())
    plain = FuncFormatter(lambda x, _position: f"{x:g}")
    ax.yaxis.set_major_locator(LogLocator(base=10, subs=(1.0, 2.0, 5.0), numticks=8))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(plain)
    ax.xaxis.set_major_locator(LogLocator(base=10, subs=(1.0, 2.0, 5.0), numticks=12))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(plain)
    ax.set_xlabel("number of scans")
    minutes = repeats.minutes
    if math.isfinite(minutes) and minutes > 0:
        unit, size = _time_unit(minutes * reach)
        step = minutes / size
        functions: Any = (lambda n: n * step, lambda t: t / step)
        top = ax.secondary_xaxis("top", functions=functions)
        top.xaxis.set_major_locator(LogLocator(base=10, subs=(1.0, 3.0), numticks=8))
        top.xaxis.set_minor_locator(NullLocator())
        top.xaxis.set_major_formatter(plain)
        top.set_xlabel(f"time ({unit})", fontsize=7.0)
        ax.tick_params(axis="x", top=False)


def _time_unit(minutes: float) -> tuple[str, float]:
    """Return a unit for times up to this, and its size in minutes."""
    if minutes < 5:
        return "s", 1 / 60
    return ("min", 1.0) if minutes < 300 else ("h", 60.0)


def _finished(name: str, figure: Any, axes: Sequence[Axes], repeats: Repeats) -> Drawing:
    labels = "abc" if name == "signal" else "cde"
    for ax, label in zip(axes, labels, strict=False):
        if ax.axison:
            panel_label(ax, label)
    if repeats.simulated:
        mark_simulated(figure)
    return Drawing(name=name, figure=figure)
