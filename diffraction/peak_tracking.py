"""Chosen planes followed through a series: position, width and area with standard errors.

Every fit is of a group: the plane, its neighbours in the window (of the same crystal and of
impurities) and a smooth background, with all lines of the radiation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xorder.diffraction.pattern import Pattern, two_theta_from_d
from xorder.diffraction.peak_rows import NOTICEABLE, PeakFit, Row, fit_plane, label
from xorder.diffraction.peak_windows import (
    TrackingOptions,
    limits_at,
)
from xorder.diffraction.reflections import (
    Reflections,
    calculate_reflections,
    equivalent_planes,
)
from xorder.diffraction.simulation import powder_intensity
from xorder.errors import BadInput
from xorder.results import Array, Result, quantity, recorded
from xorder.structure import Crystal, lattice_from_cell

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

__all__ = ["PeakFit", "PeakTable", "TrackingOptions", "choose_planes", "track_peaks"]

Plane = tuple[int, int, int]

#: Planes below this share of the strongest are chosen last.
FAINT = 0.1


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
    """Integrated intensity over all lines of the radiation; of a plane that is not separable, its
    calculated share in the area of the group."""
    area_stderr: Array = quantity("counts °", dims=("plane",))
    """Standard error of `area`."""
    area_limit: Array = quantity("counts °", dims=("plane",))
    """Upper limit of a lost peak's area: area + 3 σ at its calculated place, the most over widths
    up to 0.6 of the widest; NaN elsewhere."""
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
    limits = limits_at(options, known[0].wavelength.wavelength)
    chosen = (
        choose_planes(several, known, options=options)
        if planes is None
        else [_find(plane, crystal, known[0], several) for plane in planes]
    )
    rows = [
        fit_plane(pattern, known, line, name, limits)
        for pattern in several
        for line, name in chosen
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
    limits = limits_at(options, known[0].wavelength.wavelength)
    low = max(p.two_theta[0] for p in patterns) + limits.tolerance
    high = min(p.two_theta[-1] for p in patterns) - limits.tolerance
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
    near = np.abs(others[None, :] - crystal.two_theta[:, None]) < 6.0 * limits.instrument_fwhm
    near[np.arange(len(strength)), np.arange(len(strength))] = False
    crowd = np.where(near, powers[None, :], 0.0).max(axis=1) > NOTICEABLE * strength
    faint = strength < FAINT * strength[inside].max()
    order = np.lexsort((-strength, crowd, faint, ~inside))[: options.n_planes]
    order = np.sort(order[inside[order]])
    return [(int(i), label(crystal.hkl[i])) for i in order]


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
        return int(index[0]), label(plane)
    raise BadInput(
        _why_missing(plane, crystal, found, (low, high)),
        expected="planes that diffract inside every pattern",
    )


def _why_missing(
    plane: Plane, crystal: Crystal, found: Reflections, span: tuple[float, float]
) -> str:
    g = float(np.linalg.norm(np.linalg.inv(lattice_from_cell(crystal.cell)) @ np.asarray(plane)))
    angle = float(two_theta_from_d(np.array(1.0 / g), wavelength=found.wavelength.wavelength))
    name = f"plane ({label(plane)}) of {crystal.name}"
    if math.isnan(angle):
        return f"{name} has d = {1 / g:.4f} Å, below half the wavelength"
    if not span[0] < angle < span[1]:
        return (
            f"{name} lies at 2θ = {angle:.3f}°, outside the common range "
            f"{span[0]:g} to {span[1]:g}° of the patterns"
        )
    return f"{name} is extinct in {crystal.space_group}: |F|² = 0"


def _table(rows: Sequence[Row]) -> PeakTable:
    names = [f for f in PeakTable.__dataclass_fields__ if f not in ("provenance", "fits")]
    columns: dict[str, Any] = {
        name: np.array([getattr(row, name) for row in rows]) for name in names
    }
    return PeakTable(**columns, fits=tuple(row.fits for row in rows))
