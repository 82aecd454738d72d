"""Drawing of diffraction results on Matplotlib axes; every function returns its artists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xorder.diffraction.pattern import Pattern
from xorder.diffraction.peak_tracking import PeakFit, PeakTable
from xorder.diffraction.refinement_results import PatternFit
from xorder.diffraction.reflections import Reflections
from xorder.diffraction.residual_lines import ResidualLines

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

__all__ = [
    "plot_pattern",
    "plot_peak_fit",
    "plot_refinement",
    "plot_ticks",
    "plot_unexplained",
    "plot_widths",
]

#: Markers in the order of planes, so that a series can be read without colour.
MARKERS = "osD^v<>Ph*"
#: Colours of the ticks of phases, told apart by the colour-blind.
TICK_COLOURS = ("#009E73", "#CC79A7", "#E69F00", "#000000", "#56B4E9")


def plot_pattern(pattern: Pattern, ax: Axes | None = None, **artist: Any) -> list[Artist]:
    """Draw intensity against two_theta."""
    ax = _axes(ax)
    label = f"{pattern.name} (simulated)" if pattern.simulated else pattern.name
    drawn = ax.plot(pattern.two_theta, pattern.intensity, **{"label": label, **artist})
    ax.set_xlabel("2θ (°)")
    ax.set_ylabel("intensity (counts)")
    return list(drawn)


def plot_ticks(
    found: Reflections,
    ax: Axes | None = None,
    *,
    y: float = 0.0,
    height: float = 1.0,
    **artist: Any,
) -> list[Artist]:
    """Draw a tick at each reflection, from y to y + height in data units."""
    ax = _axes(ax)
    return [ax.vlines(found.two_theta, y, y + height, **{"linewidth": 0.5, **artist})]


def plot_peak_fit(peak: PeakFit, ax: Axes | None = None, **artist: Any) -> list[Artist]:
    """Draw the points of a window, the fit and its background."""
    ax = _axes(ax)
    drawn: list[Artist] = []
    drawn += ax.plot(peak.two_theta, peak.intensity, ".", color="0.4", markersize=3, label="data")
    drawn += ax.plot(peak.two_theta, peak.model, **{"label": "fit", **artist})
    drawn += ax.plot(peak.two_theta, peak.background, "--", color="0.6", label="background")
    ax.set_xlabel("2θ (°)")
    ax.set_ylabel("intensity (counts)")
    ax.set_title(f"{peak.sample} ({peak.plane})")
    return drawn


def plot_widths(peaks: PeakTable, ax: Axes | None = None, **artist: Any) -> list[Artist]:
    """Draw the FWHM of each plane against the samples, with standard errors.

    Open symbols are planes that are not separable from a neighbour; lost planes are not drawn.
    """
    ax = _axes(ax)
    samples = list(dict.fromkeys(peaks.sample.tolist()))
    planes = list(dict.fromkeys(peaks.plane.tolist()))
    place = np.array([samples.index(sample) for sample in peaks.sample])
    drawn: list[Artist] = []
    for number, plane in enumerate(planes):
        own = (peaks.plane == plane) & peaks.success
        offset = 0.06 * (number - 0.5 * (len(planes) - 1))
        (line,) = ax.plot([], [])
        colour = line.get_color()
        line.remove()
        bars = ax.errorbar(
            place[own] + offset, peaks.fwhm[own], yerr=peaks.fwhm_stderr[own],
            **{"color": colour, "capsize": 2, "markersize": 0, "marker": "", **artist},
        )  # fmt: skip
        drawn += bars.get_children()
        faces = [colour if not open_ else "white" for open_ in peaks.overlapped[own]]
        drawn.append(
            ax.scatter(
                place[own] + offset, peaks.fwhm[own], s=16, zorder=3, edgecolors=colour,
                facecolors=faces, linewidths=0.8, label=f"({plane})",
                marker=MARKERS[number % len(MARKERS)],
            )
        )  # fmt: skip
    ax.set_xticks(range(len(samples)), samples)
    ax.set_ylabel("FWHM (°)")
    return drawn


def plot_unexplained(
    found: ResidualLines, pattern: PatternFit, ax: Axes | None = None, **artist: Any
) -> list[Artist]:
    """Mark the lines that a refined model leaves unexplained, above the pattern."""
    if not found.two_theta.size:
        return []
    ax = _axes(ax)
    top = np.interp(found.two_theta, pattern.two_theta, pattern.calculated) + found.height
    lift = 0.04 * float(np.ptp(pattern.intensity))
    style = {"marker": "v", "linestyle": "none", "color": "#D55E00", "markersize": 4}
    label = "unexplained"
    if found.fitting:
        label += f", where {', '.join(found.fitting)} has lines"
    return list(ax.plot(found.two_theta, top + lift, **{**style, "label": label, **artist}))


def _axes(ax: Axes | None) -> Axes:
    if ax is not None:
        return ax
    import matplotlib.pyplot

    return matplotlib.pyplot.subplots()[1]


def plot_refinement(found: PatternFit, ax: Axes | None = None, **artist: Any) -> list[Artist]:
    """Draw data, model, background, halo, difference and a row of ticks for each phase."""
    ax = _axes(ax)
    word = "simulated" if found.simulated else "measured"
    x = found.two_theta
    drawn: list[Artist] = []
    drawn += ax.plot(x, found.intensity, ".", color="0.35", markersize=2, label=word)
    style: dict[str, Any] = {"color": "#D55E00", "linewidth": 0.9, "label": "calculated"}
    drawn += ax.plot(x, found.calculated, **(style | artist))
    drawn += ax.plot(
        x, found.background + found.halo, "--", color="0.5", linewidth=0.8, label="background"
    )
    if found.blank.any():
        drawn += ax.plot(x, found.blank, ":", color="#CC79A7", linewidth=0.9, label="blank")
    if found.halo.any():
        drawn.append(
            ax.fill_between(
                x, found.background, found.background + found.halo, color="#56B4E9", alpha=0.35,
                linewidth=0, label="amorphous halo",
            )
        )  # fmt: skip
    top, low = float(found.intensity.max()), float(found.intensity.min())
    row = 0.035 * (top - low)
    base = min(0.0, low)
    for index, phase in enumerate(found.phases):
        inside = (phase.two_theta > x[0]) & (phase.two_theta < x[-1])
        base -= 1.6 * row
        drawn.append(
            ax.vlines(
                phase.two_theta[inside], base, base + row, linewidth=0.6, label=phase.name,
                color=TICK_COLOURS[index % len(TICK_COLOURS)],
            )
        )  # fmt: skip
    difference = found.intensity - found.calculated
    offset = base - row - float(difference.max())
    drawn += ax.plot(x, difference + offset, color="#0072B2", linewidth=0.6, label="difference")
    drawn.append(ax.axhline(offset, color="0.7", linewidth=0.5, zorder=0))
    ax.set_xlim(x[0], x[-1])
    # Below zero stand ticks and difference, which are no intensities.
    ax.set_yticks([tick for tick in ax.get_yticks() if 0 <= tick <= 1.1 * top])
    ax.set_xlabel("2θ (°)")
    ax.set_ylabel("intensity (counts)")
    return drawn
