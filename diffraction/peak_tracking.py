"""Chosen planes followed through a series: position, width and area with standard errors.

Every fit is of a group: the plane, its neighbours in the window (of the same crystal and of
impurities) and a linear background, with all lines of the radiation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xorder.diffraction.line_groups import LineGroup
from xorder.diffraction.pattern import Pattern, d_from_two_theta, two_theta_from_d
from xorder.diffraction.peak_windows import (
    TrackingOptions,
    line_group,
    resumed,
    started,
    width_bounds,
)
from xorder.diffraction.reflections import (
    Reflections,
    calculate_reflections,
    equivalent_planes,
)
from xorder.diffraction.simulation import powder_intensity
from xorder.errors import BadInput
from xorder.fitting import FitResult, fit
from xorder.results import Array, Result, quantity, recorded
from xorder.structure import Crystal, lattice_from_cell

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

__all__ = ["PeakFit", "PeakTable", "TrackingOptions", "choose_planes", "track_peaks"]

Plane = tuple[int, int, int]

#: A neighbour stronger than this share within one FWHM makes a plane inseparable.
NOTICEABLE = 0.05
#: Lines nearer than this share of the FWHM are one line to any width.
COINCIDENT = 0.05
#: Windows tried until window and width agree.
MOST_WINDOWS = 6
#: Planes below this share of the strongest are chosen last.
FAINT = 0.1
#: An area below this many standard errors is no peak.
DETECTED = 3.0
#: A fit that leaves this share of the line intensity, beyond noise, is none.
UNDESCRIBED = 0.2
#: A plane must lower χ² by this much: three free parameters reach it by chance once in a thousand.
NEEDED_GAIN = 16.3


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class PeakFit(Result):
    """One plane of one sample: the fitted window."""

    two_theta: Array = quantity("°", symbol="2θ", dims=("two_theta",))
    """Points of the window."""
    intensity: Array = quantity("counts", symbol="I", dims=("two_theta",))
    """Measured intensity."""
    model: Array = quantity("counts", dims=("two_theta",))
    """Fitted intensity."""
    background: Array = quantity("counts", dims=("two_theta",))
    """Fitted background."""
    sample: str = ""
    """Name of the sample."""
    plane: str = ""
    """Name of the plane, such as ``"0 0 2"``."""
    fit: FitResult | None = None
    """The fit; None where none was possible."""


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class PeakTable(Result):
    """Planes × samples: one row each, in the order of samples, then planes.

    A lost peak has NaN for position, width and area, and an upper limit of the area.
    """

    plane: NDArray[np.str_] = quantity(dims=("plane",))
    """Plane as ``"h k l"``."""
    sample: NDArray[np.str_] = quantity(dims=("plane",))
    """Name of the sample."""
    two_theta: Array = quantity("°", symbol="2θ", dims=("plane",))
    """Position at the first line of the radiation."""
    two_theta_stderr: Array = quantity("°", dims=("plane",))
    """Standard error of `two_theta`."""
    two_theta_calculated: Array = quantity("°", dims=("plane",))
    """Position that the structure gives."""
    d: Array = quantity("Å", dims=("plane",))
    """Lattice spacing at `two_theta`."""
    fwhm: Array = quantity("°", symbol="FWHM", dims=("plane",))
    """Full width at half maximum of one spectral line, instrument included."""
    fwhm_stderr: Array = quantity("°", dims=("plane",))
    """Standard error of `fwhm`."""
    area: Array = quantity("counts °", dims=("plane",))
    """Integrated intensity over all lines of the radiation; of the whole cluster where the plane is
    not separable."""
    area_stderr: Array = quantity("counts °", dims=("plane",))
    """Standard error of `area`."""
    area_limit: Array = quantity("counts °", dims=("plane",))
    """Upper limit of a lost peak's area (fit at fixed width and place, plus 3 σ); NaN elsewhere."""
    eta: Array = quantity(symbol="η", dims=("plane",))
    """Lorentzian share of the pseudo-Voigt."""
    eta_stderr: Array = quantity(dims=("plane",))
    """Standard error of `eta`."""
    background: Array = quantity("counts", dims=("plane",))
    """Background at the middle of the window."""
    redchi: Array = quantity(dims=("plane",))
    """χ² over degrees of freedom of the window."""
    overlapped: NDArray[np.bool_] = quantity(dims=("plane",))
    """Whether a neighbour lies within one FWHM: the width is then that of the group."""
    lost: NDArray[np.bool_] = quantity(dims=("plane",))
    """Whether no line was found: area below 3 σ, no better than noise, or too wide."""
    success: NDArray[np.bool_] = quantity(dims=("plane",))
    """Whether the fit converged on a peak."""
    message: NDArray[np.str_] = quantity(dims=("plane",))
    """What to know about the row."""
    fits: tuple[PeakFit, ...] = field(default=(), repr=False)
    """The fitted windows, one a row."""

    def plot(self, ax: Axes | None = None, **artist: Any) -> list[Artist]:
        """Draw the width of each plane against the samples; return the artists."""
        from xorder.diffraction.plots import plot_widths

        return plot_widths(self, ax, **artist)


@recorded
def track_peaks(
    patterns: Sequence[Pattern] | Pattern,
    crystal: Crystal,
    *,
    planes: Sequence[Plane] | None = None,
    impurities: Sequence[Crystal] = (),
    options: TrackingOptions | None = None,
) -> PeakTable:
    """Return position, width and area of chosen planes in each pattern.

    Parameters
    ----------
    patterns
        Patterns of the samples, of one radiation.
    crystal
        The structure whose planes are followed.
    planes
        Miller indices; where None the strongest planes without a near neighbour.
    impurities
        Structures whose lines may lie in the windows.
    options
        Window, tolerance, instrument.

    Returns
    -------
    :
        One row a plane and sample. A failed or lost peak is a row with NaN and a message.

    Raises
    ------
    BadInput
        For a plane that is extinct or outside a pattern, and for patterns of several radiations.
    """
    several = [patterns] if isinstance(patterns, Pattern) else list(patterns)
    options = options or TrackingOptions()
    _check_patterns(several)
    known = _lines(several, crystal, impurities, options)
    chosen = (
        choose_planes(several, known, options=options)
        if planes is None
        else [_find(plane, crystal, known[0], several) for plane in planes]
    )
    rows = [
        _track(pattern, known, line, label, options)
        for pattern in several
        for line, label in chosen
    ]
    return _table(rows)


def choose_planes(
    patterns: Sequence[Pattern], known: Sequence[Reflections], *, options: TrackingOptions
) -> list[tuple[int, str]]:
    """Return the strongest separable lines of the first crystal, as (index, label).

    A line is separable where no other above 5 % of its intensity lies within six instrument widths;
    separable ones come first, others fill up to the number wanted; lines below a tenth of the
    strongest come last.
    """
    low = max(p.two_theta[0] for p in patterns) + options.tolerance
    high = min(p.two_theta[-1] for p in patterns) - options.tolerance
    crystal = known[0]
    strength = powder_intensity(crystal)
    inside = (crystal.two_theta > low) & (crystal.two_theta < high)
    if not inside.any():
        raise BadInput(
            f"{crystal.name} has no reflection between {low:.2f} and {high:.2f}°",
            expected="patterns over a range where the structure diffracts",
        )
    others = np.concatenate([found.two_theta for found in known])
    powers = np.concatenate([powder_intensity(found) for found in known])
    near = np.abs(others[None, :] - crystal.two_theta[:, None]) < 6.0 * options.instrument_fwhm
    near[np.arange(len(strength)), np.arange(len(strength))] = False
    crowd = np.where(near, powers[None, :], 0.0).max(axis=1) > NOTICEABLE * strength
    faint = strength < FAINT * strength[inside].max()
    order = np.lexsort((-strength, crowd, faint, ~inside))[: options.n_planes]
    order = np.sort(order[inside[order]])
    return [(int(i), _label(crystal.hkl[i])) for i in order]


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class _Row:
    """One row of the table before it is one."""

    plane: str
    sample: str
    two_theta_calculated: float
    two_theta: float = math.nan
    two_theta_stderr: float = math.nan
    d: float = math.nan
    fwhm: float = math.nan
    fwhm_stderr: float = math.nan
    area: float = math.nan
    area_stderr: float = math.nan
    area_limit: float = math.nan
    eta: float = math.nan
    eta_stderr: float = math.nan
    background: float = math.nan
    redchi: float = math.nan
    overlapped: bool = False
    lost: bool = False
    success: bool = False
    message: str = ""
    fits: PeakFit


def _track(
    pattern: Pattern,
    known: Sequence[Reflections],
    line: int,
    label: str,
    options: TrackingOptions,
) -> _Row:
    """Fit one plane of one pattern, in windows that follow the width until both agree."""
    expected = float(known[0].two_theta[line])
    empty = PeakFit(
        two_theta=np.empty(0), intensity=np.empty(0), model=np.empty(0), background=np.empty(0),
        sample=pattern.name, plane=label,
    )  # fmt: skip
    bare = _Row(plane=label, sample=pattern.name, two_theta_calculated=expected, fits=empty)
    best: tuple[LineGroup, FitResult] | None = None
    width = 2.0 * options.instrument_fwhm
    # The window grows with the line from below: started wide, a line would take the halo.
    for _ in range(MOST_WINDOWS):
        group = line_group(pattern, known, line, width, options)
        if group is None:
            break
        starts = started(group, options)
        if best is not None:
            starts = [resumed(group, best[1].parameters.valuesdict()), starts[1]]
        runs = [fit(start, max_nfev=60) for start in starts]
        best = group, _finished(group, min(runs, key=lambda run: run.chisqr))
        before, width = width, best[1].parameters["fwhm_0"].value
        if abs(width - before) < 0.15 * before or width > 0.98 * options.max_fwhm:
            break
    if best is None:
        return replace(bare, message="too few points in the window")
    return _row(bare, *best, known, line, options)


def _row(
    bare: _Row,
    group: LineGroup,
    found: FitResult,
    known: Sequence[Reflections],
    line: int,
    options: TrackingOptions,
) -> _Row:
    p = found.parameters
    values = p.valuesdict()
    window = replace(
        bare.fits,
        two_theta=group.two_theta,
        intensity=group.intensity,
        model=group.model(values),
        background=group.background(values),
        fit=found,
    )
    area, shift, fwhm = p["area_0"], p["shift_0"], p["fwhm_0"]
    at_bound = _at_bound(found, options)
    weak = _is_noise(group, found)
    common = replace(bare, fits=window, background=values["b0"], redchi=found.redchi)
    if not found.success:
        return replace(common, message=f"the fit failed: {found.message.rstrip('.')}")
    if weak or at_bound:
        limit = _area_limit(group, fwhm.value, options)
        why = "its area is below 3 standard errors or no better than noise" if weak else at_bound
        return replace(common, lost=True, area_limit=limit, message=f"lost: {why}")
    misfit = _misfit(window)
    if misfit > UNDESCRIBED and found.redchi > 3.0:
        text = f"the window is not described by the structure's lines: {100 * misfit:.0f} % is left"
        return replace(common, message=text)
    two_theta = bare.two_theta_calculated + shift.value
    overlapped, remark = _separation(known, line, fwhm.value)
    return replace(
        common,
        two_theta=two_theta,
        two_theta_stderr=shift.stderr,
        d=float(d_from_two_theta(np.array(two_theta), wavelength=group.radiation.wavelength)),
        fwhm=fwhm.value,
        fwhm_stderr=fwhm.stderr,
        area=area.value,
        area_stderr=area.stderr,
        eta=p["eta"].value,
        eta_stderr=p["eta"].stderr,
        overlapped=overlapped,
        success=True,
        message=remark,
    )


def _misfit(window: PeakFit) -> float:
    """Return the share of the line intensity in a window that the fit leaves unexplained."""
    left = float(np.sum(np.abs(window.intensity - window.model)))
    return left / max(float(np.sum(np.abs(window.model - window.background))), 1e-300)


def _finished(group: LineGroup, found: FitResult) -> FitResult:
    """Return a fit that had too few evaluations, ended."""
    if found.success:
        return found
    return fit(group, group.parameters.with_values(found.parameters.valuesdict()), max_nfev=300)


def _is_noise(group: LineGroup, found: FitResult) -> bool:
    """Return whether the window is fitted nearly as well without the plane.

    Place, width and shape are free, so a bump of noise easily reaches an area of 3 σ.
    """
    area = found.parameters["area_0"]
    if not area.value > DETECTED * area.stderr:
        return True
    if area.value > 8.0 * area.stderr:
        return False
    without = group.parameters.with_values(found.parameters.valuesdict())
    without = without.updated("area_0", value=0.0, vary=False)
    gain = fit(group, without, max_nfev=60).chisqr - found.chisqr
    return gain < NEEDED_GAIN * max(1.0, found.redchi)


def _at_bound(found: FitResult, options: TrackingOptions) -> str:
    """Return why a line at the bounds of place or width is none; empty where it is inside them."""
    shift, fwhm = found.parameters["shift_0"].value, found.parameters["fwhm_0"].value
    low, high = width_bounds(options)
    if abs(shift) > 0.98 * options.tolerance:
        return f"no maximum within {options.tolerance:g}° of the calculated place"
    if fwhm > 0.98 * high:
        return f"wider than {high:g}°, not told from amorphous scattering"
    if fwhm < 1.02 * low:
        return "narrower than half the instrument's width"
    return ""


def _area_limit(group: LineGroup, fwhm: float, options: TrackingOptions) -> float:
    """Return area + 3 σ of a line held where the structure puts it, at a width that is possible."""
    low, high = width_bounds(options)
    held = group.parameters
    for name in held:
        if name.startswith(("shift_", "fwhm_")) or name == "eta":
            held = held.updated(name, vary=False)
    held = held.updated("fwhm_0", value=float(np.clip(fwhm, 2 * low, high / 2)))
    held = held.updated("area_0", min=-math.inf)
    area = fit(replace(group, parameters=held)).parameters["area_0"]
    return max(area.value, 0.0) + DETECTED * area.stderr


def _neighbours(known: Sequence[Reflections], line: int, reach: float) -> list[tuple[float, str]]:
    """Return distance and name of the lines that matter within a distance of a plane."""
    expected, strength = known[0].two_theta[line], powder_intensity(known[0])[line]
    found = []
    for number, crystal in enumerate(known):
        power = powder_intensity(crystal)
        floor = NOTICEABLE * (strength if number == 0 else power.max())
        distance = np.abs(crystal.two_theta - expected)
        prefix = "" if number == 0 else f"{crystal.name} "
        found += [
            (float(distance[i]), f"{prefix}({_label(crystal.hkl[i])})")
            for i in np.flatnonzero((distance < reach) & (power > floor))
            if number != 0 or i != line
        ]
    return sorted(found)


def _separation(known: Sequence[Reflections], line: int, fwhm: float) -> tuple[bool, str]:
    """Return whether a plane is inseparable at this width, and the sentence that says so."""
    neighbours = _neighbours(known, line, fwhm)
    crowd = [name for distance, name in neighbours if distance >= COINCIDENT * fwhm]
    same = [name for distance, name in neighbours if distance < COINCIDENT * fwhm]
    parts = [f"not separable from {_listed(crowd)}: width of the group"] if crowd else []
    parts += [f"coincides with {_listed(same)}: area of all"] if same else []
    return bool(crowd), "; ".join(parts)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def _check_patterns(patterns: Sequence[Pattern]) -> None:
    if not patterns:
        raise BadInput("there is no pattern to track peaks in", expected="at least one")
    first = patterns[0].wavelength
    for pattern in patterns[1:]:
        if abs(pattern.wavelength.wavelength - first.wavelength) > 1e-4 * first.wavelength:
            raise BadInput(
                f"{pattern.name} was measured at {pattern.wavelength}, {patterns[0].name} at "
                f"{first}",
                expected="patterns of one radiation; widths at two are not comparable",
            )


def _lines(
    patterns: Sequence[Pattern],
    crystal: Crystal,
    impurities: Sequence[Crystal],
    options: TrackingOptions,
) -> list[Reflections]:
    low = max(0.1, min(float(p.two_theta[0]) for p in patterns) - 1.0)
    high = min(179.0, max(float(p.two_theta[-1]) for p in patterns) + 1.0)
    return [
        calculate_reflections(
            c, wavelength=patterns[0].wavelength, two_theta=(low, high), uiso=options.uiso
        )
        for c in (crystal, *impurities)
    ]


def _find(
    plane: Plane, crystal: Crystal, found: Reflections, patterns: Sequence[Pattern]
) -> tuple[int, str]:
    """Return the index of a plane's family among the reflections, and its label as given."""
    if len(plane) != 3 or not any(plane) or any(int(i) != i for i in plane):
        raise BadInput(f"plane {plane}", expected="three whole Miller indices, not all 0")
    family = equivalent_planes(crystal, plane)
    same = (found.hkl[:, None, :] == family[None]).all(axis=2).any(axis=1)
    low = max(float(p.two_theta[0]) for p in patterns)
    high = min(float(p.two_theta[-1]) for p in patterns)
    index = np.flatnonzero(same)
    if index.size and low < found.two_theta[index[0]] < high:
        return int(index[0]), _label(plane)
    raise BadInput(
        _why_missing(plane, crystal, found, (low, high)),
        expected="planes that diffract inside every pattern",
    )


def _why_missing(
    plane: Plane, crystal: Crystal, found: Reflections, span: tuple[float, float]
) -> str:
    g = float(np.linalg.norm(np.linalg.inv(lattice_from_cell(crystal.cell)) @ np.asarray(plane)))
    angle = float(two_theta_from_d(np.array(1.0 / g), wavelength=found.wavelength.wavelength))
    name = f"plane ({_label(plane)}) of {crystal.name}"
    if math.isnan(angle):
        return f"{name} has d = {1 / g:.4f} Å, below half the wavelength"
    if not span[0] < angle < span[1]:
        return (
            f"{name} lies at 2θ = {angle:.3f}°, outside the common range "
            f"{span[0]:g} to {span[1]:g}° of the patterns"
        )
    return f"{name} is extinct in {crystal.space_group}: |F|² = 0"


def _label(plane: Sequence[int] | NDArray[np.int64]) -> str:
    return " ".join(str(int(index)) for index in plane)


def _table(rows: Sequence[_Row]) -> PeakTable:
    names = [f for f in PeakTable.__dataclass_fields__ if f not in ("provenance", "fits")]
    columns: dict[str, Any] = {
        name: np.array([getattr(row, name) for row in rows]) for name in names
    }
    return PeakTable(**columns, fits=tuple(row.fits for row in rows))
