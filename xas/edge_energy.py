"""The edge energy of a spectrum."""

from __future__ import annotations

import functools
import math

import numpy as np

from xorder.errors import BadInput
from xorder.results import Array
from xorder.xas.photoelectron import edge as tabulated_edge
from xorder.xas.spectrum import Spectrum

__all__ = ["find_e0"]

#: A measured edge is looked for within this distance (eV) of the tabulated one: depositors'
#: calibrations were seen up to 36 eV off.
CALIBRATION = 60.0


#: A scan shorter than this (eV) shows no edge.
SHORTEST_SPAN = 30.0


def find_e0(spectrum: Spectrum, *, smoothing: float = 1.0) -> tuple[float, float]:
    """Return the energy of the largest slope and its spread over the smoothing, in eV.

    μ(E) is brought to an even grid and convolved with the derivative of a Gaussian. Only slopes
    across which the spectrum really steps up are looked at (a glitch does not step), and only near
    the tabulated edge where element and edge are known.

    Parameters
    ----------
    spectrum
        The spectrum.
    smoothing
        Standard deviation of the Gaussian in eV.

    Raises
    ------
    BadInput
        A smoothing that is not positive, or data that do not reach the tabulated edge.
    """
    if not 0 < smoothing <= 20:
        raise BadInput(f"smoothing is {smoothing:g} eV", expected="above 0 and at most 20 eV")
    window = _edge_window(spectrum)
    found = _largest_slopes(spectrum, (0.5 * smoothing, smoothing, 2.0 * smoothing), window)
    mean = sum(found) / len(found)
    return found[1], math.sqrt(sum((e0 - mean) ** 2 for e0 in found) / (len(found) - 1))


def _edge_window(spectrum: Spectrum) -> tuple[float, float]:
    energy = spectrum.energy
    low, high = float(energy[1]), float(energy[-2])
    if high - low < SHORTEST_SPAN:
        raise BadInput(
            f"the spectrum spans {energy[-1] - energy[0]:.1f} eV",
            expected=f"at least {SHORTEST_SPAN:g} eV around an edge, or give e0",
            source=spectrum.source or None,
        )
    if not (spectrum.element and spectrum.edge):
        # At the ends there is nothing to step from or to.
        return low + 10.0, high - 10.0
    known = tabulated_edge(spectrum.element, spectrum.edge)
    window = max(low, known.energy - CALIBRATION), min(high, known.energy + CALIBRATION)
    if window[1] - window[0] < 5.0:
        raise BadInput(
            f"the spectrum runs from {energy[0]:.0f} to {energy[-1]:.0f} eV but the "
            f"{known.element} {known.name} edge is at {known.energy:.0f} eV",
            expected="a scan over that edge, or another element or edge",
            source=spectrum.source or None,
        )
    return window


def _largest_slopes(
    spectrum: Spectrum, smoothings: tuple[float, ...], window: tuple[float, float]
) -> list[float]:
    step = min(0.25, smoothings[0] / 4.0)
    # Steps up are seen over 80 eV to either side, slopes over the Gaussian; the rest plays no part.
    reach = max(81.0, 5.0 * smoothings[-1])
    start, end = float(spectrum.energy[0]), float(spectrum.energy[-1])
    start += step * max(0, int((window[0] - reach - start) / step))
    grid = np.arange(start, min(end, window[1] + reach), step)
    mu = np.interp(grid, spectrum.energy, spectrum.mu)
    low, high = (int(index) for index in grid.searchsorted(window))
    inside = low
    rise = _rise(mu, low, high, max(1, int(10.0 / step)), max(2, int(40.0 / step)))
    if rise.size == 0 or not rise.max() > 0:
        raise BadInput(
            f"no absorption edge was found between {window[0]:.0f} and {window[1]:.0f} eV",
            expected="a spectrum that steps up; check the columns, or give e0",
            source=spectrum.source or None,
        )
    stepping = np.flatnonzero(rise > 0.5 * rise.max())
    # Slopes are looked for where the spectrum steps up; one more on either side for the parabola.
    low, high = low + max(int(stepping[0]) - 1, 0), min(low + int(stepping[-1]) + 2, high)
    stepping += inside - low
    found = []
    for smoothing in smoothings:
        kernel = _derivative(smoothing, step)
        half = kernel.size // 2
        around = mu[max(low - half, 0) : high + half]
        missing = (max(half - low, 0), max(high + half - mu.size, 0))
        if any(missing):
            around = np.pad(around, missing, mode="edge")
        slope = np.convolve(around, kernel, mode="valid")
        top = int(stepping[slope[stepping].argmax()])
        found.append(float(grid[low + top] + step * _vertex(slope[max(top - 1, 0) : top + 2])))
    return found


@functools.lru_cache(maxsize=64)
def _derivative(smoothing: float, step: float) -> Array:
    """Return the derivative of a Gaussian on even steps, from four widths below to four above."""
    half = int(4.0 * smoothing / step + 0.5)
    x = step * np.arange(-half, half + 1)
    kernel: Array = -x * np.exp(-0.5 * (x / smoothing) ** 2)
    kernel.flags.writeable = False
    return kernel


def _rise(mu: Array, low: int, high: int, near: int, far: int) -> Array:
    """Return how much the mean over [near, far] points steps up, at the points from low to high.

    The ends are continued by straight lines, so that a scan may start or end close to its edge.
    """
    missing = max(2 * far - low, 0), max(high + 2 * far - mu.size, 0)
    around = mu[max(low - 2 * far, 0) : high + 2 * far]
    if any(missing):
        before = _line(mu[: near + 2], np.arange(-missing[0], 0.0))
        after = _line(mu[-near - 2 :], np.arange(near + 2.0, near + 2 + missing[1]))
        around = np.concatenate([before, around, after])
    total = np.zeros(around.size + 1)
    np.cumsum(around, out=total[1:])
    count, width = max(high - low, 0), far - near
    size = count + 2 * far
    upper = (total[2 * far :][:size] - total[far + near :][:size]) / width
    lower = (total[far - near :][:size] - total[:size]) / width
    rise = upper - lower
    # A straight background rises as much on either side of the edge; only a step stands out.
    sides = rise[:count] + rise[2 * far :][:count]
    return np.asarray(rise[far:][:count] - 0.5 * sides)


def _line(values: Array, x: Array) -> Array:
    """Return the straight line through even points, continued to x in steps from the first."""
    middle = 0.5 * (values.size - 1)
    distance = np.arange(values.size) - middle
    slope = (distance @ values) / (distance @ distance)
    return np.asarray(values.sum() / values.size + slope * (x - middle))


def _vertex(values: Array) -> float:
    """Return where a parabola through three even points peaks, in steps from the middle."""
    if values.size < 3:
        return 0.0
    curvature = values[0] - 2 * values[1] + values[2]
    return float(0.5 * (values[0] - values[2]) / curvature) if curvature < 0 else 0.0
