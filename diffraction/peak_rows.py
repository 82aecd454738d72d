"""One plane of one pattern: fitted, judged, and written as a row of a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from xorder.diffraction.line_groups import LineGroup
from xorder.diffraction.pattern import Pattern, d_from_two_theta
from xorder.diffraction.peak_windows import Limits, line_group, resumed, started, width_bounds
from xorder.diffraction.reflections import Reflections
from xorder.diffraction.simulation import powder_intensity
from xorder.fitting import FitResult, fit
from xorder.results import Array, Result, quantity

__all__ = ["NOTICEABLE", "PeakFit", "Row", "fit_plane", "label"]

#: A neighbour stronger than this share within one FWHM makes a plane inseparable.
NOTICEABLE = 0.05
#: Lines nearer than this share of the FWHM are one line to any width.
COINCIDENT = 0.05
#: Windows tried until window and width agree.
MOST_WINDOWS = 6
#: An area below this many standard errors is no peak, at a place and of a width that are known.
DETECTED = 3.0
#: The same where the fit looks for both.
FOUND = 4.0
#: A line is narrow enough where its width stays below the limit by this many standard errors.
MARGIN = 3.0
#: A fit that leaves this share of the line intensity, beyond noise, is none.
UNDESCRIBED = 0.2
#: A plane must lower χ² by this much. Three free parameters reach 16.3 by chance once in a
#: thousand; some thirty lines of other places and widths are tried, which asks for 2 ln 30 more.
NEEDED_GAIN = 23.0
#: Widths that fits start from, in widths of the instrument.
START_WIDTHS = (2.0, 5.0, 12.0)


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
class Row:
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


def fit_plane(
    pattern: Pattern,
    known: Sequence[Reflections],
    line: int,
    name: str,
    limits: Limits,
) -> Row:
    """Fit one plane of one pattern, in windows that follow the width until both agree."""
    expected = float(known[0].two_theta[line])
    empty = PeakFit(
        two_theta=np.empty(0), intensity=np.empty(0), model=np.empty(0), background=np.empty(0),
        sample=pattern.name, plane=name,
    )  # fmt: skip
    bare = Row(plane=name, sample=pattern.name, two_theta_calculated=expected, fits=empty)
    first: Row | None = None
    for start in _start_widths(limits):
        best = _grown(pattern, known, line, start, limits)
        if best is None:
            continue
        row = _row(bare, *best, known, line, limits)
        if row.success:
            return row
        first = first or row
    if first is None:
        return replace(bare, message="too few points in the window")
    if not first.lost:
        return first
    return replace(first, area_limit=_area_limit(pattern, known, line, limits))


def _start_widths(limits: Limits) -> list[float]:
    """Return the widths that fits start from: from a sharp line's on, so that halos come last."""
    return [n * limits.instrument_fwhm for n in START_WIDTHS]


def _grown(
    pattern: Pattern, known: Sequence[Reflections], line: int, width: float, limits: Limits
) -> tuple[LineGroup, FitResult] | None:
    """Fit in windows that follow the width until both agree.

    The window grows with the line from below: started wide, a line would take the halo for itself.
    """
    best: tuple[LineGroup, FitResult] | None = None
    for _ in range(MOST_WINDOWS):
        group = line_group(pattern, known, line, width, limits)
        if group is None:
            break
        starts = started(group, limits)
        if best is not None:
            starts = [resumed(group, best[1].parameters.valuesdict()), starts[1]]
        runs = [fit(start, max_nfev=60) for start in starts]
        best = group, _finished(group, min(runs, key=lambda run: run.chisqr))
        before, width = width, best[1].parameters["fwhm_0"].value
        if abs(width - before) < 0.15 * before or width > 0.98 * limits.max_fwhm:
            break
    return best


def _row(
    bare: Row,
    group: LineGroup,
    found: FitResult,
    known: Sequence[Reflections],
    line: int,
    limits: Limits,
) -> Row:
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
    at_bound = _at_bound(found, limits)
    weak = _is_noise(group, found)
    share = float(group.shares[group.target])
    common = replace(bare, fits=window, background=values["b0"], redchi=found.redchi)
    if not found.success:
        return replace(common, message=f"the fit failed: {found.message.rstrip('.')}")
    if weak or at_bound:
        why = "its area is below 4 standard errors or no better than noise" if weak else at_bound
        return replace(common, lost=True, message=f"lost: {why}")
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
        area=area.value * share,
        area_stderr=area.stderr * share,
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
    if not area.value > FOUND * area.stderr:
        return True
    if area.value > 8.0 * area.stderr:
        return False
    without = group.parameters.with_values(found.parameters.valuesdict())
    without = without.updated("area_0", value=0.0, vary=False)
    gain = fit(group, without, max_nfev=60).chisqr - found.chisqr
    return gain < NEEDED_GAIN * max(1.0, found.redchi)


def _at_bound(found: FitResult, limits: Limits) -> str:
    """Return why a line at the bounds of place or width is none; empty where it is inside them."""
    shift, fwhm = found.parameters["shift_0"].value, found.parameters["fwhm_0"].value
    low, high = width_bounds(limits)
    if abs(shift) > 0.98 * limits.tolerance:
        return f"no maximum within {limits.tolerance:g}° of the calculated place"
    error = found.parameters["fwhm_0"].stderr
    # A wider line loses its feet to the background and comes out narrow: what may be too wide is.
    if fwhm + (MARGIN * error if math.isfinite(error) else 0.0) > 0.98 * high:
        return f"wider than {high:g}°, not told from amorphous scattering"
    if fwhm < 1.02 * low:
        return "narrower than half the instrument's width"
    return ""


def _area_limit(pattern: Pattern, known: Sequence[Reflections], line: int, limits: Limits) -> float:
    """Return area + 3 σ of a line held in its place, the most over the widths it might have.

    The line is taken as a Lorentzian: of all shapes it hides the most area under a background.
    """
    most = math.nan
    for width in (*_start_widths(limits), 0.6 * limits.max_fwhm):
        group = line_group(pattern, known, line, width, limits)
        if group is None:
            continue
        held = group.parameters
        for name in held:
            if name.startswith(("shift_", "fwhm_")) or name == "eta":
                held = held.updated(name, vary=False)
        held = held.updated("eta", value=1.0)
        area = fit(replace(group, parameters=held)).parameters["area_0"]
        limit = (max(area.value, 0.0) + DETECTED * area.stderr) * group.shares[group.target]
        most = limit if math.isnan(most) else max(most, limit)
    return float(most)


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
            (float(distance[i]), f"{prefix}({label(crystal.hkl[i])})")
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
    parts += [f"coincides with {_listed(same)}: area by calculated ratio"] if same else []
    return bool(crowd), "; ".join(parts)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def label(plane: Sequence[int] | NDArray[np.int64]) -> str:
    """Return Miller indices as ``"h k l"``."""
    return " ".join(str(int(index)) for index in plane)
