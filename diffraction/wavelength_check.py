"""Whether the lines of structures lie where the stated wavelength puts them, or another one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from xorder.diffraction.pattern import Pattern
from xorder.diffraction.powder_model import PhaseModel
from xorder.diffraction.radiation import Radiation, lorentz_polarization
from xorder.diffraction.reflections import calculate_reflections
from xorder.diffraction.spectral_lines import K_ALPHA
from xorder.results import Array

__all__ = ["line_match", "wavelength_doubt"]

#: Patterns are compared on a grid of this step, lines as wide as cells and heights may be off; what
#: is the same over this many degrees is not compared: dense lines are alike at any wavelength.
STEP, WIDTH, LOCAL = 0.05, 0.4, 2.0
#: Maxima are told from what lies under them over this many degrees.
SURROUNDINGS = 4.0
#: A match below the first is looked into; another wavelength must reach the second, and be better
#: by the third.
DOUBTFUL, CONVINCING, BETTER = 0.5, 0.65, 0.25
#: Nothing is said of a pattern with fewer sharp lines: the maxima of amorphous scattering lie where
#: chance puts them. A line falls within so many degrees, by this share of what stands above its
#: surroundings and by this many standard errors.
FEWEST, FALLS_WITHIN, FALL, SIGNIFICANT = 4, 0.8, 0.5, 5.0
#: Wavelengths that are tried besides those of tubes: from, to, relative step.
TRIED = (0.15, 2.6, 0.002)
#: Spacings down to this (Å) are looked at: strong lines lie above.
SMALLEST_D = 0.75
#: Wavelength (Å) at which all of them are listed.
LISTED = 0.2


def line_match(pattern: Pattern, found: Sequence[tuple[Array, Array]], wavelength: float) -> float:
    """Return the correlation of a pattern with lines at a wavelength, -1 to 1.

    Parameters
    ----------
    pattern
        The pattern.
    found
        d (Å) and strength m |F|² of the lines of each phase; phases count equally.
    wavelength
        Wavelength in Å.
    """
    grid = np.arange(pattern.two_theta[0], pattern.two_theta[-1], STEP)
    return _correlation(_observed(pattern, grid), grid, found, wavelength)


def wavelength_doubt(
    pattern: Pattern, phases: Sequence[PhaseModel], names: Sequence[str] = ()
) -> str:
    """Return a sentence where another wavelength fits the lines far better; else nothing.

    `names` are those of the phases; the crystals' own where empty.
    """
    stated = pattern.wavelength
    grid = np.arange(pattern.two_theta[0], pattern.two_theta[-1], STEP)
    observed = _observed(pattern, grid)
    if _sharp_lines(pattern, grid) < FEWEST:
        return ""
    listed = [(p.found.d, p.found.multiplicity * p.found.f_squared) for p in phases]
    match = _correlation(observed, grid, listed, stated.wavelength)
    if match > DOUBTFUL:
        return ""
    lines = [_all_lines(phase) for phase in phases]
    neutrons = stated.probe == "neutron"
    tubes = {} if neutrons else {anode: first for anode, (first, _) in K_ALPHA.items()}
    low, high, step = TRIED
    grid_of = np.exp(np.arange(np.log(low), np.log(high), step))
    tried = [*tubes.values(), *grid_of.tolist()]
    matches = np.array([_correlation(observed, grid, lines, one) for one in tried])
    best = int(np.argmax(matches))
    # A tube's line is likelier than any number, where it is nearly as good.
    tube = int(np.argmax(matches[: len(tubes)])) if tubes else best
    best = tube if matches[tube] > matches[best] - 0.05 else best
    if matches[best] < max(CONVINCING, match + BETTER):
        return ""
    name = f"{list(tubes)[best]} Kα" if best < len(tubes) else "a wavelength"
    return (
        f"The lines of {', '.join(names or [p.crystal.name for p in phases])} lie where {name} of "
        f"{tried[best]:.4g} Å puts them, not {_named(stated)}: match {matches[best]:.2f} against "
        f"{max(match, 0.0):.2f}. The wavelength is wrong, and with it cell and intensities"
    )


def _named(radiation: Radiation) -> str:
    return f"{radiation.name or 'the stated'} {radiation.wavelength:.4g} Å"


def _all_lines(phase: PhaseModel) -> tuple[Array, Array]:
    """Return d and strength of a phase's lines down to the smallest d that is looked at."""
    low = np.rad2deg(2.0 * np.arcsin(LISTED / (2.0 * 40.0)))
    high = np.rad2deg(2.0 * np.arcsin(LISTED / (2.0 * SMALLEST_D)))
    # Strengths are those of the stated wavelength in all but f', which shifts them little.
    short = Radiation(wavelengths=(LISTED,), probe=phase.radiation.probe)
    found = calculate_reflections(phase.crystal, wavelength=short, two_theta=(low, high))
    return found.d, found.multiplicity * found.f_squared


def _observed(pattern: Pattern, grid: Array) -> Array:
    """Return the root of what lies above its surroundings, smoothed, local mean off, of norm 1."""
    smooth, under = _smooth(pattern, grid)
    return _normed(np.sqrt(np.maximum(smooth - under, 0.0)))


def _smooth(pattern: Pattern, grid: Array) -> tuple[Array, Array]:
    """Return the smoothed intensity on the grid, and what lies under its maxima."""
    from scipy.ndimage import gaussian_filter1d, minimum_filter1d

    value = np.interp(grid, pattern.two_theta, pattern.intensity)
    smooth = gaussian_filter1d(value, WIDTH / STEP / 2.355)
    size = round(SURROUNDINGS / STEP)
    return smooth, gaussian_filter1d(minimum_filter1d(smooth, size), size / 4.0)


def _sharp_lines(pattern: Pattern, grid: Array) -> int:
    """Return how many separate maxima are lines of crystals, not of amorphous scattering."""
    from scipy.ndimage import maximum_filter1d

    smooth, under = _smooth(pattern, grid)
    reach = round(FALLS_WITHIN / STEP)
    sides = 0.5 * (smooth[: -2 * reach] + smooth[2 * reach :])
    top, above = smooth[reach:-reach], (smooth - under)[reach:-reach]
    fall = top - sides
    # A Gaussian mean of width WIDTH counts points over WIDTH √(π / (2 ln 2)); sides count half.
    step = float(np.median(np.diff(pattern.two_theta)))
    counted = max(1.0, WIDTH * 1.505 / step)
    sigma = np.interp(grid, pattern.two_theta, pattern.sigma)[reach:-reach]
    seen = (fall > SIGNIFICANT * sigma * np.sqrt(1.5 / counted)) & (fall > FALL * above)
    highest = maximum_filter1d(smooth, 2 * reach + 1)[reach:-reach]
    return int(np.count_nonzero(seen & (top == highest)))


def _correlation(
    observed: Array, grid: Array, found: Sequence[tuple[Array, Array]], wavelength: float
) -> float:
    from scipy.ndimage import gaussian_filter1d

    total = np.zeros_like(grid)
    for d, strength in found:
        sine = wavelength / (2.0 * d)
        reached = sine < 1.0
        angle = np.rad2deg(2.0 * np.arcsin(sine[reached]))
        place = np.round((angle - grid[0]) / STEP).astype(int)
        inside = (place >= 0) & (place < len(grid))
        if not inside.any():
            continue
        power = strength[reached][inside] * lorentz_polarization(angle[inside], polarization=0.5)
        own = np.bincount(place[inside], power, len(grid))
        total += own / own.max()
    broad = gaussian_filter1d(total, WIDTH / STEP / 2.355)
    return float(observed @ _normed(np.sqrt(broad)))


def _normed(values: Array) -> Array:
    from scipy.ndimage import gaussian_filter1d

    centred = values - gaussian_filter1d(values, LOCAL / STEP)
    norm = float(np.linalg.norm(centred))
    return centred / norm if norm > 0 else np.zeros_like(centred)
