"""Pre-edge lines, post-edge curves, edge steps and white lines of many spectra on one grid."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from xorder.results import Array

__all__ = ["EdgeFits", "Ranges", "count_inside", "fit_edges", "variants", "white_lines"]

#: The white line is looked for from this far below to this far above e0 (eV).
WHITE_LINE = (-5.0, 30.0)

#: Its area is taken this far around e0 (eV).
AREA = 30.0


class Ranges(NamedTuple):
    """Where the line and the curve are fitted, in eV relative to e0."""

    pre_edge: tuple[float, float]
    post_edge: tuple[float, float]
    order: int


@dataclass(frozen=True, eq=False, slots=True)
class EdgeFits:
    """Lines and curves of S spectra, each in V choices of the ranges."""

    line: Array
    """Coefficients of 1 and u = x / 100 eV of the pre-edge line, shape (S, V, 2)."""
    curve: Array
    """Coefficients of 1, u, u² of the post-edge curve in the scale of μ, shape (S, V, 3)."""
    step: Array
    """Curve minus line at e0, shape (S, V)."""

    def chosen(self) -> EdgeFits:
        """Return the first choice of the ranges alone."""
        return EdgeFits(self.line[:, :1], self.curve[:, :1], self.step[:, :1])

    def pre_edge(self, x: Array) -> Array:
        """Return the lines at x (eV from e0), shape (S, V, n)."""
        return self.line @ _powers(x, 1)

    def post_edge(self, x: Array) -> Array:
        """Return the curves at x (eV from e0), shape (S, V, n)."""
        return self.curve @ _powers(x, 2)


def count_inside(x: Array, spans: Sequence[tuple[float, float]]) -> Array:
    """Return how many of ascending points lie in each span, shape (spans,)."""
    start, end = _ends(x, spans)
    return np.asarray(end - start)


def _ends(x: Array, spans: Sequence[tuple[float, float]]) -> tuple[Array, Array]:
    """Return the first point in each span and the first past it, of ascending points."""
    low, high = np.array(spans).T
    return x.searchsorted(low), x.searchsorted(high, side="right")


def variants(ranges: Ranges) -> tuple[Ranges, ...]:
    """Return the ranges and reasonable others: each end moved inward, the order kept."""
    pre_start, pre_end = ranges.pre_edge
    post_start, post_end = ranges.post_edge
    span = post_end - post_start
    pre_factors, start_shares, end_shares = (1.0, 1.4, 1.8), (0.0, 0.08, 0.16), (0.0, 0.1, 0.2)
    return tuple(
        Ranges((pre_start, pre_end * a), (post_start + span * b, post_end - span * c), ranges.order)
        for a, b, c in itertools.product(pre_factors, start_shares, end_shares)
        if pre_end * a > pre_start * 0.8
    )


def fit_edges(x: Array, mu: Array, choices: Sequence[Ranges]) -> EdgeFits:
    """Return the least-squares line before and polynomial after the edge for each choice.

    The polynomial is that of μ minus the line, as in Athena and larch; from order 1 on it is the
    polynomial of μ itself, for the line is a polynomial too.

    Parameters
    ----------
    x
        Energies in eV from e0, shape (N,).
    mu
        Absorption, shape (S, N).
    choices
        V choices of ranges, all of one order and with enough points.
    """
    order = choices[0].order
    post_edge = [choice.post_edge for choice in choices]
    line = _project(x, [choice.pre_edge for choice in choices], 1, mu)
    curve = _project(x, post_edge, order, mu)
    if order == 0:
        middle = np.array([np.mean(x[a:b]) for a, b in zip(*_ends(x, post_edge), strict=True)])
        constant = curve[:, :, 0] - line[:, :, 0] - line[:, :, 1] * middle / 100.0
        step = constant
        curve = np.stack([constant + line[:, :, 0], line[:, :, 1], np.zeros_like(step)], axis=2)
    else:
        step = curve[:, :, 0] - line[:, :, 0]
        if order == 1:
            curve = np.concatenate([curve, np.zeros((*step.shape, 1))], axis=2)
    return EdgeFits(line, curve, step)


def white_lines(x: Array, mu: Array, fits: EdgeFits, *, width: float) -> Array:
    """Return position (eV from e0), height and area of the white lines, shape (S, V, 3).

    The height is that of a parabola through the flattened spectrum's maximum and its neighbours,
    the area that above an arctangent step at e0.

    Parameters
    ----------
    x, mu
        As in `fit_edges`.
    fits
        Lines and curves of the same spectra.
    width
        Width of the arctangent step in eV.
    """
    first, last = _between(x, *WHITE_LINE)
    if last - first < 3:
        return np.full((*fits.step.shape, 3), math.nan)
    # A spectrum without a step gives no number, and is told by its step.
    step = np.where(fits.step == 0.0, math.nan, fits.step)
    area = _areas(x, mu, EdgeFits(fits.line, fits.curve, step), width)
    used = slice(max(first - 1, 0), last + 1)
    x, mu = x[used], mu[:, None, used]
    step = step[:, :, None]
    split = int(x.searchsorted(0.0))
    flat = np.empty((*fits.step.shape, x.size))
    flat[:, :, :split] = (mu[:, :, :split] - fits.pre_edge(x[:split])) / step
    flat[:, :, split:] = 1.0 + (mu[:, :, split:] - fits.post_edge(x[split:])) / step
    position, height = _tops(x, flat, slice(first - used.start, last - used.start))
    found = np.empty((*area.shape, 3))
    found[:, :, 0], found[:, :, 1], found[:, :, 2] = position, height, area
    return found


def _between(x: Array, low: float, high: float) -> tuple[int, int]:
    """Return the first of ascending points in a span and the first past it."""
    return int(x.searchsorted(low)), int(x.searchsorted(high, side="right"))


def _areas(x: Array, mu: Array, fits: EdgeFits, width: float) -> Array:
    """Return the areas, shape (S, V): sums over the points by the trapezoidal rule's weights."""
    first, before, after, of_line, of_curve, rest = _area_weights(x.tobytes(), width)
    split, last = first + before.size, first + before.size + after.size
    below = (mu[:, first:split] @ before)[:, None] - fits.line @ of_line
    above = (mu[:, split:last] @ after)[:, None] - fits.curve @ of_curve
    return np.asarray((below + above) / fits.step + rest)


@functools.lru_cache(maxsize=16)
def _area_weights(points: bytes, width: float) -> tuple[int, Array, Array, Array, Array, float]:
    """Return the first point, the weights below and above e0, and the sums that need no μ.

    The sums are those of the powers in line and curve, and the area over the arctangent step.
    """
    x: Array = np.frombuffer(points)
    first, last = _between(x, -AREA, AREA)
    x = x[first:last]
    steps = 0.5 * (x[1:] - x[:-1])
    weight = np.zeros_like(x)
    weight[:-1] = steps
    weight[1:] += steps
    split = int(x.searchsorted(0.0))
    before, after, powers = weight[:split], weight[split:], _powers(x, 2)
    arctangent = 0.5 + np.arctan(2.0 * x / width) / math.pi
    rest = float(after.sum() - weight @ arctangent)
    return first, before, after, powers[:2, :split] @ before, powers[:, split:] @ after, rest


def _tops(x: Array, flat: Array, near: slice) -> tuple[Array, Array]:
    """Return position and height of the maxima, by parabolas through three points."""
    top = near.start + flat[:, :, near].argmax(axis=2)
    middle = np.minimum(np.maximum(top, 1), x.size - 2)
    rows = np.arange(top.size).reshape(top.shape) * x.size
    left, centre, right = (flat.take(rows + middle + i) for i in (-1, 0, 1))
    before, after = x[middle] - x[middle - 1], x[middle + 1] - x[middle]
    rising, falling = (centre - left) / before, (right - centre) / after
    curvature = (falling - rising) / (before + after)
    slope = rising + curvature * before
    is_top = (curvature < 0) & (top == middle)
    safe = np.where(is_top, curvature, -1.0)
    position = np.where(is_top, x[middle] - slope / (2 * safe), x[top])
    return position, np.where(is_top, centre - slope**2 / (4 * safe), flat.take(rows + top))


def _powers(x: Array, order: int) -> Array:
    """Return the powers of u = x / 100 eV, shape (order + 1, n)."""
    powers = np.empty((order + 1, x.size))
    powers[0] = 1.0
    if order > 0:
        np.divide(x, 100.0, out=powers[1])
    for power in range(2, order + 1):
        np.multiply(powers[power - 1], powers[1], out=powers[power])
    return powers


def _project(x: Array, spans: list[tuple[float, float]], order: int, mu: Array) -> Array:
    """Return polynomials over V spans, shape (S, V, order + 1)."""
    used, index, matrix = _projection(x.tobytes(), tuple(spans), order)
    found = (mu[:, used] @ matrix).reshape(len(mu), -1, order + 1)
    return np.asarray(found[:, index])


@functools.lru_cache(maxsize=16)
def _projection(
    points: bytes, spans: tuple[tuple[float, float], ...], order: int
) -> tuple[slice, list[int], Array]:
    """Return where the spans lie, their places among the distinct ones, and the least squares.

    Kept by the points' bytes: spectra on one grid with one e0 share it. The matrix takes μ at n
    points to the coefficients over D distinct spans, shape (n, D (order + 1)).
    """
    place: dict[tuple[float, float], int] = {}
    index = [place.setdefault(span, len(place)) for span in spans]
    x: Array = np.frombuffer(points)
    start, end = _ends(x, list(place))
    used = slice(int(start.min()), int(end.max()))
    x, number = x[used], np.arange(used.start, used.stop)
    inside = ((number >= start[:, None]) & (number < end[:, None])).astype(float)
    # The fit is done in units in which the widest span runs from −1 to 1.
    middle, half = 0.5 * (x[-1] + x[0]), 0.5 * (x[-1] - x[0])
    powers = _powers((x - middle) * (100.0 / half), 2 * order)
    either = np.arange(order + 1)
    moments = (inside @ powers.T)[:, either[:, None] + either]
    turn = _shift(middle, half, order).T @ np.linalg.inv(moments)
    matrix = (turn @ powers[: order + 1]) * inside[:, None, :]
    matrix = np.ascontiguousarray(matrix.reshape(-1, x.size).T)
    matrix.flags.writeable = False
    return used, index, matrix


def _shift(middle: float, half: float, order: int) -> Array:
    """Return the matrix from powers of (x − middle) / half to powers of x / 100 eV."""
    a, b = 100.0 / half, -middle / half
    rows = [[1.0, 0.0, 0.0], [b, a, 0.0], [b * b, 2 * a * b, a * a]]
    return np.array(rows)[: order + 1, : order + 1]
