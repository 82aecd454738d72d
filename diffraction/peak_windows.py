"""The window around a plane: which points and lines belong to it, and where a fit starts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from xorder.diffraction.line_groups import LineGroup
from xorder.diffraction.pattern import Pattern
from xorder.diffraction.reflections import Reflections
from xorder.diffraction.simulation import line_positions, powder_intensity
from xorder.errors import BadInput
from xorder.parameters import Parameter, Parameters
from xorder.results import Array, quantity

__all__ = ["TrackingOptions", "estimated_width", "line_group", "started", "width_bounds"]

#: A neighbour weaker than this share of the plane's calculated intensity is left out of the fit.
WEAK = 0.01
#: Lines nearer than this share of the FWHM keep their calculated ratio.
INSEPARABLE = 0.5
#: Lines nearer than this many FWHM move together; farther ones each find their place, because the
#: cell of a sample is not exactly that of its structure.
TOGETHER = 1.5
#: Widest line in degrees that is still a line.
WIDEST = 4.0

Indices = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True)
class TrackingOptions:
    """How planes are followed."""

    window: float | None = quantity("°", default=None)
    """Width of the fitted window in degrees; eight times the peak's width where None."""
    tolerance: float = quantity("°", default=0.3)
    """How far in degrees a line may lie from where the structure puts it."""
    instrument_fwhm: float = quantity("°", default=0.05)
    """Width in degrees that the instrument gives a line; a fitted width is at least half of it."""
    n_planes: int = 5
    """Number of planes to choose where none are named."""
    uiso: float = quantity("Å²", default=0.01)
    """Displacement in Å² for sites of the structure without one."""

    def __post_init__(self) -> None:
        """Check that every length is above zero."""
        for name in ("window", "tolerance", "instrument_fwhm", "n_planes"):
            value = getattr(self, name)
            if value is not None and not (value > 0 and math.isfinite(value)):
                raise BadInput(f"{name} is {value:g}", expected="a number above 0")


def line_group(
    pattern: Pattern,
    known: Sequence[Reflections],
    line: int,
    width: float,
    options: TrackingOptions,
) -> LineGroup | None:
    """Return the window around a line and the lines in it; None where points are too few."""
    expected = float(known[0].two_theta[line])
    half = 0.5 * options.window if options.window else max(4.0 * width, 8 * options.instrument_fwhm)
    split = np.ravel(line_positions(np.array([expected]), pattern.wavelength))
    inside = (pattern.two_theta >= np.nanmin(split) - half - options.tolerance) & (
        pattern.two_theta <= np.nanmax(split) + half + options.tolerance
    )
    x, y = pattern.two_theta[inside], pattern.intensity[inside]
    members = _members(known, line, x, width) if x.size else None
    if members is None or len(x) <= 6 + 4 * len(members.positions):
        return None
    return LineGroup(
        two_theta=x,
        intensity=y,
        sigma=pattern.sigma[inside],
        radiation=pattern.wavelength,
        positions=members.positions,
        crystals=members.crystals,
        clusters=members.clusters,
        together=members.together,
        shares=members.shares,
        parameters=_start(x, y, members, width, options),
    )


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class _Members:
    """The lines that matter in a window; each array has one entry a line."""

    positions: Array
    crystals: Indices
    clusters: Indices
    together: Indices
    shares: Array


def _members(known: Sequence[Reflections], line: int, x: Array, width: float) -> _Members:
    """Return the lines in a window.

    The plane's own crystal, cluster and shift are number 0. How much of an impurity there is is not
    known, so each of its lines above 1 % of its strongest counts.
    """
    positions, crystals, strengths, clusters, together = [], [], [], [], []
    for number, found in enumerate(known):
        power = powder_intensity(found)
        floor = WEAK * (power[line] if number == 0 else power.max())
        lies = (found.two_theta > x[0] - width / 2) & (found.two_theta < x[-1] + width / 2)
        keep = np.flatnonzero(lies & (power > floor))
        keep = np.union1d(keep, [line]) if number == 0 else keep
        if not keep.size:
            continue
        own = int(np.searchsorted(keep, line)) if number == 0 else None
        place = found.two_theta[keep]
        positions.append(place)
        strengths.append(power[keep])
        crystals.append(np.full(len(keep), len(crystals)))
        clusters.append(_numbered(place, INSEPARABLE * width, own, clusters))
        together.append(_numbered(place, TOGETHER * width, own, together))
    joined = np.concatenate(clusters)
    strength = np.concatenate(strengths)
    return _Members(
        positions=np.concatenate(positions),
        crystals=np.concatenate(crystals),
        clusters=joined,
        together=np.concatenate(together),
        shares=strength / np.bincount(joined, weights=strength)[joined],
    )


def _numbered(place: Array, gap: float, own: int | None, before: Sequence[Indices]) -> Indices:
    """Return group numbers of ascending positions, a new group after each gap.

    Numbers go on after those of the groups before; where `own` is given, its group gets number 0.
    """
    groups = np.cumsum(np.diff(place, prepend=place[:1]) > gap).astype(np.int64)
    if own is not None:
        mine = groups[own]
        groups = np.where(groups == mine, 0, np.where(groups < mine, groups + 1, groups))
    return groups + (int(before[-1].max()) + 1 if before else 0)


def _start(
    x: Array, y: Array, members: _Members, width: float, options: TrackingOptions
) -> Parameters:
    edge = max(3, len(x) // 8)
    left, right = float(np.median(y[:edge])), float(np.median(y[-edge:]))
    low, high = width_bounds(options)
    total = max(float(np.trapezoid(y - 0.5 * (left + right), x)), 1e-3 * float(np.ptp(y)))
    count = int(members.clusters.max()) + 1
    far, wide = options.tolerance, float(np.clip(width, 1.1 * low, 0.9 * high))
    shared = [
        Parameter(name="b0", value=0.5 * (left + right), unit="counts"),
        Parameter(name="b1", value=(right - left) / float(x[-1] - x[0]), unit="counts/°"),
        Parameter(name="eta", value=0.5, min=0.0, max=1.0),
    ]
    shifts = [
        Parameter(name=f"shift_{group}", value=0.0, min=-far, max=far, unit="°")
        for group in range(int(members.together.max()) + 1)
    ]
    widths = [
        Parameter(name=f"fwhm_{crystal}", value=wide, min=low, max=high, unit="°")
        for crystal in range(int(members.crystals.max()) + 1)
    ]
    areas = [
        Parameter(name=f"area_{k}", value=total / count, unit="counts °") for k in range(count)
    ]
    return Parameters([*shared, *shifts, *widths, *areas])


def started(group: LineGroup, options: TrackingOptions) -> list[LineGroup]:
    """Return the group with several starts: as estimated, and moved to the highest point."""
    expected = float(group.positions[group.clusters == 0][0])
    near = np.abs(group.two_theta - expected) < options.tolerance
    top = group.two_theta[near][np.argmax(group.intensity[near])] if near.any() else expected
    shift = 0.9 * float(np.clip(top - expected, -options.tolerance, options.tolerance))
    return [_moved(group, 1.0, 0.0), _moved(group, 1.0, shift), _moved(group, 0.4, shift)]


def _moved(group: LineGroup, factor: float, shift: float) -> LineGroup:
    p = group.parameters
    for name in list(p):
        if name.startswith("shift_"):
            p = p.updated(name, value=shift)
        if name.startswith("fwhm_"):
            low, high = p[name].min, p[name].max
            p = p.updated(name, value=float(np.clip(p[name].value * factor, 1.1 * low, 0.9 * high)))
    return replace(group, parameters=p)


def estimated_width(pattern: Pattern, expected: float, options: TrackingOptions) -> float:
    """Return the width at half height of the highest point near a line, within the bounds."""
    x, y = pattern.two_theta, pattern.intensity
    near = np.flatnonzero(np.abs(x - expected) < options.tolerance)
    wide = np.abs(x - expected) < 2.5
    low, high = width_bounds(options)
    if near.size < 3:
        return 2.0 * low
    base = float(np.percentile(y[wide], 15))
    peak = int(near[np.argmax(y[near])])
    above = y > base + 0.5 * (np.mean(y[max(0, peak - 1) : peak + 2]) - base)
    start, end = peak, peak
    while start > 0 and above[start - 1]:
        start -= 1
    while end < len(x) - 1 and above[end + 1]:
        end += 1
    return float(np.clip(x[end] - x[start], 1.5 * low, 0.5 * high))


def width_bounds(options: TrackingOptions) -> tuple[float, float]:
    return 0.5 * options.instrument_fwhm, WIDEST
