"""Lines, edge step and white line of a spectrum, over choices of the ranges.

Arrays are in C order. Loops over points stand here because the choices of ranges are many and their
points few: as arrays each would cost more in calls than in arithmetic.
"""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from xorder.results import Array

__all__ = ["brought_to_one", "edge_rows"]

#: The white line is looked for from this far below to this far above e0 (eV).
WHITE_LINE_START, WHITE_LINE_END = -5.0, 30.0

#: Its area is taken this far around e0 (eV).
AREA = 30.0


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def edge_rows(
    x: Array, mu: Array, pre_edge: Array, post_edge: Array, order: int, width: float
) -> tuple[Array, Array, Array, Array, Array, Array]:
    """Return lines, curves, edge steps and white lines of S spectra, with their spreads.

    Parameters
    ----------
    x
        Ascending energies in eV from e0, shape (N,).
    mu
        Absorption, shape (S, N).
    pre_edge, post_edge
        Ranges of the line and the curve, shapes (A, 2) and (B, 2), the chosen ones first. Spreads
        are over all pairs of them with enough points; the chosen pair counts twice.
    order
        Order of the curve.
    width
        Width in eV of the arctangent step under the white line's area.

    Returns
    -------
    :
        Coefficients of 1 and u = x / 100 eV of the line, shape (S, 2), and of 1, u, u² of the
        curve, (S, 3); steps, (S,), and their spread; position (eV from e0), height and area of the
        white line, (S, 3), and their spreads. NaN where there is no step, or too few for a spread.
    """
    count = mu.shape[0]
    line, curve = np.empty((count, 2)), np.empty((count, 3))
    values, spreads = np.empty((count, 4)), np.empty((count, 4))
    pre_edge, post_edge = _with_points(x, pre_edge, 3), _with_points(x, post_edge, order + 2)
    pre_fits, post_fits = _solvers(x, pre_edge, 1), _solvers(x, post_edge, order)
    weights, bounds, sums = _area_weights(x, width)
    lines, curves = np.empty((len(pre_edge), 3)), np.empty((len(post_edge), 3))
    found = np.empty((1 + len(pre_edge) * len(post_edge), 4))
    both = np.empty(3)
    for row in range(count):
        for p in range(len(pre_edge)):
            _polynomial(x, mu[row], pre_edge[p], pre_fits[p], 1, lines[p])
        for q in range(len(post_edge)):
            _polynomial(x, mu[row], post_edge[q], post_fits[q], order, curves[q])
        _curve(lines[0], curves[0], post_fits[0], order, curve[row])
        line[row] = lines[0, :2]
        before, after = _dot_between(mu[row], weights, bounds)
        used = 0
        for p in range(len(pre_edge)):
            for q in range(len(post_edge)):
                _curve(lines[p], curves[q], post_fits[q], order, both)
                if both[0] > lines[p, 0]:
                    _edge(x, mu[row], lines[p], both, before, after, sums, found[used])
                    used += 1
                    if p == 0 and q == 0:
                        found[used] = found[0]
                        used += 1
        values[row] = math.nan
        if curve[row, 0] > line[row, 0]:
            values[row] = found[0]
        values[row, 0] = curve[row, 0] - line[row, 0]
        for i in range(4):
            spreads[row, i] = _scatter(found[:used, i])
    return line, curve, values[:, 0].copy(), spreads[:, 0].copy(), values[:, 1:], spreads[:, 1:]


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _curve(line: Array, fitted: Array, solver: Array, order: int, found: Array) -> None:
    """Put the post-edge curve in the scale of μ into `found`.

    The polynomial is that of μ minus the line, as in Athena and larch. From order 1 on the line is
    a part of it.
    """
    found[:] = fitted
    if order == 0:
        found[0] -= line[1] * solver[3, 2] / 100.0
        found[1] = line[1]


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _edge(
    x: Array,
    mu: Array,
    line: Array,
    curve: Array,
    before: float,
    after: float,
    sums: Array,
    found: Array,
) -> None:
    """Put step, and the white line's position, height and area into `found`."""
    step = curve[0] - line[0]
    area = before - line[0] * sums[0] - line[1] * sums[1]
    area += after - curve[0] * sums[2] - curve[1] * sums[3] - curve[2] * sums[4]
    position, height = _top(x, mu, line, curve, step)
    found[0], found[1], found[2] = step, position, height
    found[3] = area / step + sums[5] if not math.isnan(position) else math.nan


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def brought_to_one(
    x: Array, mu: Array, line: Array, curve: Array, step: Array
) -> tuple[Array, Array, Array, Array]:
    """Return pre-edge lines, post-edge curves, normalized and flattened spectra, shape (S, N)."""
    pre_edge, post_edge = np.empty_like(mu), np.empty_like(mu)
    norm, flat = np.empty_like(mu), np.empty_like(mu)
    for row in range(mu.shape[0]):
        a, b, c = curve[row]
        low, rising = line[row]
        height = step[row]
        for i in range(x.size):
            u = x[i] / 100.0
            pre_edge[row, i] = low + rising * u
            post_edge[row, i] = a + b * u + c * u * u
            norm[row, i] = (mu[row, i] - pre_edge[row, i]) / height
            above = 1.0 + (mu[row, i] - post_edge[row, i]) / height
            flat[row, i] = norm[row, i] if x[i] < 0.0 else above
    return pre_edge, post_edge, norm, flat


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _with_points(x: Array, spans: Array, fewest: int) -> NDArray[np.int64]:
    """Return first point and first past it of the spans with enough points; the first always."""
    kept = np.empty((len(spans), 2), dtype=np.int64)
    count = 0
    for i in range(len(spans)):
        start = np.searchsorted(x, spans[i, 0])
        end = np.searchsorted(x, spans[i, 1], side="right")
        if i == 0 or end - start >= fewest:
            kept[count, 0], kept[count, 1] = start, end
            count += 1
    return kept[:count].copy()


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _solvers(x: Array, spans: NDArray[np.int64], order: int) -> Array:
    """Return what takes sums over the points of each span to a polynomial, shape (spans, 4, 3).

    Three rows take Σμtⁿ to the coefficients of 1, u, u²; t runs from −1 to 1 over the span, where
    least squares are well conditioned. The last row holds the middle and the half width of the
    span, and the mean of its points, all in eV.
    """
    found = np.zeros((len(spans), 4, 3))
    for n in range(len(spans)):
        part = x[spans[n, 0] : spans[n, 1]]
        middle, half = 0.5 * (part[-1] + part[0]), 0.5 * (part[-1] - part[0])
        moments = np.zeros(5)
        for i in range(part.size):
            t, power = (part[i] - middle) / half, 1.0
            for m in range(2 * order + 1):
                moments[m] += power
                power *= t
        size = order + 1
        inverse = np.eye(size)
        matrix = np.empty((size, size))
        for i in range(size):
            for j in range(size):
                matrix[i, j] = moments[i + j]
        for i in range(size):
            pivot = matrix[i, i]
            matrix[i] /= pivot
            inverse[i] /= pivot
            for j in range(size):
                if j != i:
                    factor = matrix[j, i]
                    matrix[j] -= factor * matrix[i]
                    inverse[j] -= factor * inverse[i]
        # From powers of t = a u + b to powers of u.
        a, b = 100.0 / half, -middle / half
        for j in range(size):
            if order == 0:
                found[n, 0, j] = inverse[0, j]
            elif order == 1:
                found[n, 0, j] = inverse[0, j] + b * inverse[1, j]
                found[n, 1, j] = a * inverse[1, j]
            else:
                found[n, 0, j] = inverse[0, j] + b * inverse[1, j] + b * b * inverse[2, j]
                found[n, 1, j] = a * inverse[1, j] + 2.0 * a * b * inverse[2, j]
                found[n, 2, j] = a * a * inverse[2, j]
        found[n, 3, 0], found[n, 3, 1], found[n, 3, 2] = middle, half, part.mean()
    return found


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _polynomial(
    x: Array, mu: Array, span: NDArray[np.int64], solver: Array, order: int, found: Array
) -> None:
    """Put the coefficients of 1, u, u² of one span's polynomial into `found`."""
    s0, s1, s2 = 0.0, 0.0, 0.0
    middle, scale = solver[3, 0], 1.0 / solver[3, 1]
    for i in range(span[0], span[1]):
        t = (x[i] - middle) * scale
        s0 += mu[i]
        s1 += t * mu[i]
        s2 += t * t * mu[i]
    for i in range(3):
        found[i] = solver[i, 0] * s0 + solver[i, 1] * s1 + solver[i, 2] * s2


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _area_weights(x: Array, width: float) -> tuple[Array, NDArray[np.int64], Array]:
    """Return trapezoidal weights around e0, their bounds below, at and past e0, and their sums.

    The sums are those of the powers in the line below e0 (2) and in the curve above it (3), and
    the area of one minus the arctangent step above and below.
    """
    first, last = int(np.searchsorted(x, -AREA)), int(np.searchsorted(x, AREA, side="right"))
    split = min(max(int(np.searchsorted(x, 0.0)), first), last)
    weights, sums = np.zeros(last - first), np.zeros(6)
    for i in range(first, last):
        start, end = max(i - 1, first), min(i + 1, last - 1)
        weight, u = 0.5 * (x[end] - x[start]), x[i] / 100.0
        weights[i - first] = weight
        sums[5] -= weight * (0.5 + math.atan(2.0 * x[i] / width) / math.pi)
        if i < split:
            sums[0] += weight
            sums[1] += weight * u
        else:
            sums[2] += weight
            sums[3] += weight * u
            sums[4] += weight * u * u
            sums[5] += weight
    return weights, np.array([first, split, last], dtype=np.int64), sums


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _dot_between(mu: Array, weights: Array, bounds: NDArray[np.int64]) -> tuple[float, float]:
    before, after = 0.0, 0.0
    for i in range(bounds[0], bounds[1]):
        before += weights[i - bounds[0]] * mu[i]
    for i in range(bounds[1], bounds[2]):
        after += weights[i - bounds[0]] * mu[i]
    return before, after


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _top(x: Array, mu: Array, line: Array, curve: Array, step: float) -> tuple[float, float]:
    """Return position and height of the flattened spectrum's maximum near e0.

    They are those of a parabola through it and its neighbours.
    """
    first = int(np.searchsorted(x, WHITE_LINE_START))
    last = int(np.searchsorted(x, WHITE_LINE_END, side="right"))
    if last - first < 3:
        return math.nan, math.nan
    top, highest = first, -math.inf
    for i in range(first, last):
        value = _flat(x[i], mu[i], line, curve, step)
        if value > highest:
            top, highest = i, value
    if top == 0 or top == x.size - 1:
        return x[top], highest
    before, after = x[top] - x[top - 1], x[top + 1] - x[top]
    rising = (highest - _flat(x[top - 1], mu[top - 1], line, curve, step)) / before
    falling = (_flat(x[top + 1], mu[top + 1], line, curve, step) - highest) / after
    curvature = (falling - rising) / (before + after)
    if not curvature < 0.0:
        return x[top], highest
    slope = rising + curvature * before
    return x[top] - slope / (2.0 * curvature), highest - slope * slope / (4.0 * curvature)


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _flat(x: float, mu: float, line: Array, curve: Array, step: float) -> float:
    u = x / 100.0
    if x < 0.0:
        value = (mu - line[0] - line[1] * u) / step
    else:
        value = 1.0 + (mu - curve[0] - u * (curve[1] + u * curve[2])) / step
    return float(value)


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _scatter(values: Array) -> float:
    """Return the standard deviation of at least three values, else NaN."""
    if values.size < 3:
        return math.nan
    mean, squares = float(values.mean()), 0.0
    for value in values:
        squares += (value - mean) ** 2
    return math.sqrt(squares / (values.size - 1))
