"""Where a spectrum is steepest: the loops of the edge energy.

Arrays are in C order. Loops over points stand here because a single spectrum has a few hundred, too
few to pay for an array operation each.
"""

import math

import numpy as np
from numba import njit

from xorder.results import Array

__all__ = ["steepest"]

#: Steps up are taken between means from the nearer to the farther of these distances (eV).
NEAR, FAR = 10.0, 40.0


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def steepest(
    energy: Array, mu: Array, start: float, end: float, low: float, high: float, smoothings: Array
) -> Array:
    """Return where μ, smoothed by Gaussians, steps up steepest between two energies.

    Parameters
    ----------
    energy, mu
        The spectrum, shape (N,).
    start, end
        Even steps from one to the other are looked at.
    low, high
        Between these the edge is.
    smoothings
        Standard deviations of the Gaussians, the smallest first.

    Returns
    -------
    :
        One energy for each smoothing; none where nothing steps up.
    """
    step = min(0.25, smoothings[0] / 4.0)
    grid = _even(energy, mu, start, step, max(math.ceil((end - start) / step), 0))
    first = min(max(math.ceil((low - start) / step - 1e-9), 0), grid.size)
    last = min(max(math.ceil((high - start) / step - 1e-9), 0), grid.size)
    rise = _rise(grid, first, last, max(1, int(NEAR / step)), max(2, int(FAR / step)))
    if rise.size == 0 or not rise.max() > 0.0:
        return np.empty(0)
    found = np.empty(smoothings.size)
    half_rise = 0.5 * rise.max()
    for n in range(smoothings.size):
        weights = _half_derivative(smoothings[n], step)
        top, highest = first, -math.inf
        for i in range(first, last):
            if rise[i - first] > half_rise:
                slope = _slope(grid, i, weights)
                if slope > highest:
                    top, highest = i, slope
        vertex = 0.0
        if first < top < last - 1:
            before, after = _slope(grid, top - 1, weights), _slope(grid, top + 1, weights)
            bend = before - 2.0 * highest + after
            if bend < 0.0:
                vertex = 0.5 * (before - after) / bend
        found[n] = start + step * (top + vertex)
    return found


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _even(energy: Array, mu: Array, start: float, step: float, count: int) -> Array:
    """Return μ at even steps by straight lines; before and after the scan its ends go on."""
    found = np.empty(count)
    at, last = 0, energy.size - 1
    for i in range(count):
        place = min(max(start + i * step, energy[0]), energy[last])
        while at < last - 1 and energy[at + 1] <= place:
            at += 1
        slope = (mu[at + 1] - mu[at]) / (energy[at + 1] - energy[at])
        found[i] = mu[at] + slope * (place - energy[at])
    return found


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _rise(mu: Array, first: int, last: int, near: int, far: int) -> Array:
    """Return how much the mean over (near, far] points steps up, at the points first to last.

    The ends are continued by straight lines, so that a scan may start or end close to its edge.
    """
    count = max(last - first, 0)
    if count == 0 or mu.size < near + 2:
        return np.empty(0)
    lower, upper = _end_line(mu[: near + 2]), _end_line(mu[-near - 2 :])
    total = np.zeros(count + 4 * far + 1)
    for i in range(total.size - 1):
        at = first - 2 * far + i
        if at < 0:
            value = lower[0] + lower[1] * at
        elif at < mu.size:
            value = mu[at]
        else:
            value = upper[0] + upper[1] * (at - (mu.size - near - 2))
        total[i + 1] = total[i] + value
    size, width = count + 2 * far, float(far - near)
    rise = np.empty(size)
    for i in range(size):
        above = total[2 * far + i] - total[far + near + i]
        rise[i] = (above - (total[far - near + i] - total[i])) / width
    # A straight background rises as much on either side of the edge; only a step stands out.
    found = np.empty(count)
    for i in range(count):
        found[i] = rise[far + i] - 0.5 * (rise[i] + rise[2 * far + i])
    return found


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _end_line(values: Array) -> tuple[float, float]:
    """Return value at the first of even points and slope a step of the straight line through."""
    middle = 0.5 * (values.size - 1)
    along, square = 0.0, 0.0
    for i in range(values.size):
        along += (i - middle) * values[i]
        square += (i - middle) ** 2
    slope = along / square
    return float(values.mean()) - slope * middle, slope


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _half_derivative(smoothing: float, step: float) -> Array:
    """Return the derivative of a Gaussian on even steps from one step to four widths."""
    x = step * np.arange(1, int(4.0 * smoothing / step + 0.5) + 1)
    return np.asarray(x * np.exp(-0.5 * (x / smoothing) ** 2))


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _slope(values: Array, at: int, weights: Array) -> float:
    total, last = 0.0, values.size - 1
    for i in range(weights.size):
        total += weights[i] * (values[min(at + i + 1, last)] - values[max(at - i - 1, 0)])
    return total
