"""The window around a plane: which points and lines belong to it, and where a fit starts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
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

__all__ = [
    "Limits",
    "TrackingOptions",
    "limits_at",
    "line_group",
    "resumed",
    "started",
    "width_bounds",
]

#: A neighbour weaker than this share of the plane's calculated intensity is left out of the fit.
WEAK = 0.01
#: Cu Kα1 in Å: default lengths are those of laboratory patterns and scale with the wavelength.
COPPER = 1.540593
#: Lines nearer than this share of the FWHM keep their calculated ratio.
INSEPARABLE = 0.7
#: Lines nearer than this many FWHM move together; farther ones each find their place, because the
#: cell of a sample is not exactly that of its structure.
TOGETHER = 1.5
#: Half width of a window in FWHM: the first that holds few enough groups of lines is taken.
HALF_WINDOWS = (6.0, 4.0, 2.5, 1.5)
#: More groups of lines than this in one window hold one another up.
CROWDED = 6
#: A line above this share of the plane's intensity is not to be cut by the end of a window.
CUTTING = 0.1
#: Lines this many FWHM outside a window still reach into it with their tails.
TAILS = 4.0

Indices = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True)
class TrackingOptions:
    """How planes are followed."""

    window: float | None = quantity("°", default=None)
    """Width of the fitted window in degrees; where None it follows the peak's width."""
    tolerance: float | None = quantity("°", default=None)
    """How far in degrees a line may lie from where the structure puts it; 0.3° at Cu Kα where None,
    and in proportion to the wavelength."""
    instrument_fwhm: float | None = quantity("°", default=None)
    """Width in degrees that the instrument gives a line, of which a fitted width is at least half;
    0.05° at Cu Kα where None, and in proportion to the wavelength."""
    max_fwhm: float | None = quantity("°", default=None)
    """Widest line in degrees that is still told from amorphous scattering; 1.5° at Cu Kα where
    None, and in proportion to the wavelength."""
    n_planes: int = 5
    """Number of planes to choose where none are named."""
    uiso: float = quantity("Å²", default=0.01)
    """Displacement in Å² for sites of the structure without one."""

    def __post_init__(self) -> None:
        """Check that every length is above zero."""
        for name in ("window", "tolerance", "instrument_fwhm", "max_fwhm", "n_planes"):
            value = getattr(self, name)
            if value is not None and not (value > 0 and math.isfinite(value)):
                raise BadInput(f"{name} is {value:g}", expected="a number above 0")


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """The lengths of `TrackingOptions` at a wavelength, all in degrees."""

    window: float | None
    """Width of the window; None where it follows the peak's width."""
    tolerance: float
    """Farthest a line lies from its calculated place."""
    instrument_fwhm: float
    """Width that the instrument gives."""
    max_fwhm: float
    """Widest line."""
    longest: float
    """No window reaches farther than this from a line, unless the line itself is that wide."""
    curved: float
    """A window wider than this gets a curved background: a halo is not straight over it."""


def limits_at(options: TrackingOptions, wavelength: float) -> Limits:
    """Return the lengths in degrees; those left out in proportion to the wavelength."""
    scale = wavelength / COPPER
    return Limits(
        window=options.window,
        tolerance=options.tolerance or 0.3 * scale,
        instrument_fwhm=options.instrument_fwhm or 0.05 * scale,
        max_fwhm=options.max_fwhm or 1.5 * scale,
        longest=2.0 * scale,
        curved=2.0 * scale,
    )


def line_group(
    pattern: Pattern,
    known: Sequence[Reflections],
    line: int,
    width: float,
    limits: Limits,
) -> LineGroup | None:
    """Return the window around a line and the lines in it; None where points are too few."""
    least = max(width, 1.5 * limits.instrument_fwhm)
    halves = [min(n * least, max(limits.longest, 2.5 * width)) for n in HALF_WINDOWS]
    if limits.window is not None:
        halves = [0.5 * limits.window]
    for half in halves:
        inside = _inside(pattern, known, line, half, width)
        x = pattern.two_theta[inside]
        if x.size < 2:
            return None
        members = _members(known, line, x, width)
        if members.clusters.max() < CROWDED:
            break
    parameters = _start(x, pattern.intensity[inside], members, width, limits)
    if len(x) < 2 * len(parameters):
        return None
    return LineGroup(
        two_theta=x,
        intensity=pattern.intensity[inside],
        sigma=pattern.sigma[inside],
        radiation=pattern.wavelength,
        target=members.target,
        positions=members.positions,
        crystals=members.crystals,
        clusters=members.clusters,
        together=members.together,
        shares=members.shares,
        parameters=parameters,
    )


def _inside(
    pattern: Pattern, known: Sequence[Reflections], line: int, half: float, width: float
) -> NDArray[np.bool_]:
    """Return the points around all spectral lines of a plane, up to about `half` away.

    The ends are moved inwards to where no other line is cut.
    """
    expected = float(known[0].two_theta[line])
    strength = powder_intensity(known[0])[line]
    others = [found.two_theta[powder_intensity(found) > CUTTING * strength] for found in known]
    split = np.ravel(line_positions(np.concatenate(others), pattern.wavelength))
    own = np.ravel(line_positions(np.array([expected]), pattern.wavelength))
    split = split[np.isfinite(split)] - expected
    low = _uncut_end(-split, -float(np.nanmin(own) - expected), half, width)
    high = _uncut_end(split, float(np.nanmax(own) - expected), half, width)
    offset = pattern.two_theta - expected
    return np.asarray((offset >= -low) & (offset <= high))


def _uncut_end(lines: Array, reach: float, half: float, width: float) -> float:
    """Return how far a window goes to one side: the farthest end that cuts no line.

    `lines` are distances from the plane, positive to this side; `reach` is where the plane's own
    spectral lines end.
    """
    far = reach + half
    ends = np.append(lines - 3.0 * width, far)
    ends = np.sort(ends[(ends >= reach + 1.5 * width) & (ends <= far)])[::-1]
    gap = ends[:, None] - lines
    cut = ((gap > -2.9 * width) & (gap < 1.5 * width)).any(axis=1)
    return float(ends[~cut][0]) if (~cut).any() else far


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class _Members:
    """The lines that matter in a window; each array has one entry a line."""

    target: int
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
    target = 0
    lists: dict[str, list[Array]] = {"place": [], "power": []}
    groups: dict[str, list[Indices]] = {"crystal": [], "cluster": [], "together": [], "inside": []}
    for number, found in enumerate(known):
        power = powder_intensity(found)
        floor = WEAK * (power[line] if number == 0 else power.max())
        reach = TAILS * width
        lies = (found.two_theta > x[0] - reach) & (found.two_theta < x[-1] + reach)
        keep = np.flatnonzero(lies & (power > floor))
        keep = np.union1d(keep, [line]) if number == 0 else keep
        place = found.two_theta[keep]
        inside = np.asarray((place > x[0]) & (place < x[-1]))
        own = int(np.searchsorted(keep, line)) if number == 0 else None
        if own is not None:
            inside[own], target = True, own
        if not inside.any():
            continue
        # A line outside only lends its tail: it goes with the nearest line inside.
        nearest = np.abs(place[:, None] - place[inside]).argmin(axis=1)
        own = None if own is None else int(np.count_nonzero(inside[:own]))
        lists["place"].append(place)
        lists["power"].append(power[keep])
        groups["inside"].append(inside.astype(np.int64))
        groups["crystal"].append(np.full(len(keep), len(groups["crystal"])))
        for name, gap in (("cluster", INSEPARABLE), ("together", TOGETHER)):
            numbered = _numbered(place[inside], gap * width, own, groups[name])
            groups[name].append(numbered[nearest])
    clusters, power = np.concatenate(groups["cluster"]), np.concatenate(lists["power"])
    totals = np.bincount(clusters, weights=power * np.concatenate(groups["inside"]))
    return _Members(
        target=target,
        positions=np.concatenate(lists["place"]),
        crystals=np.concatenate(groups["crystal"]),
        clusters=clusters,
        together=np.concatenate(groups["together"]),
        shares=power / totals[clusters],
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


def _start(x: Array, y: Array, members: _Members, width: float, limits: Limits) -> Parameters:
    edge = max(3, len(x) // 8)
    left, right = float(np.median(y[:edge])), float(np.median(y[-edge:]))
    low, high = width_bounds(limits)
    total = max(float(np.trapezoid(y - 0.5 * (left + right), x)), 1e-3 * float(np.ptp(y)))
    count = int(members.clusters.max()) + 1
    far, wide = limits.tolerance, float(np.clip(width, 1.1 * low, 0.9 * high))
    shared = [
        Parameter(name="b0", value=0.5 * (left + right), unit="counts"),
        Parameter(name="b1", value=(right - left) / float(x[-1] - x[0]), unit="counts/°"),
        Parameter(name="b2", value=0.0, vary=bool(x[-1] - x[0] > limits.curved), unit="counts/°²"),
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


def started(group: LineGroup, limits: Limits) -> list[LineGroup]:
    """Return the group with several starts: as estimated, and moved to the highest point."""
    expected = float(group.positions[group.clusters == 0][0])
    near = np.abs(group.two_theta - expected) < limits.tolerance
    top = group.two_theta[near][np.argmax(group.intensity[near])] if near.any() else expected
    shift = float(np.clip(top - expected, -limits.tolerance, limits.tolerance))
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


def resumed(group: LineGroup, values: Mapping[str, float]) -> LineGroup:
    """Return the group of a new window started from the values of the window before."""
    p = group.parameters
    for name in p:
        if name in ("eta", "shift_0", "fwhm_0"):
            value = float(np.clip(values[name], p[name].min, p[name].max))
            p = p.updated(name, value=value)
        elif name.startswith("shift_"):
            p = p.updated(name, value=float(np.clip(values["shift_0"], p[name].min, p[name].max)))
    return replace(group, parameters=p)


def width_bounds(limits: Limits) -> tuple[float, float]:
    """Return the narrowest and the widest line in degrees that a fit may find."""
    return 0.5 * limits.instrument_fwhm, limits.max_fwhm
