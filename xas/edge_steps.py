"""Pre-edge lines, post-edge curves, edge steps and white lines of many spectra on one grid."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xorder.results import Array

__all__ = ["EdgeFits", "Ranges", "count_inside", "fit_edges", "variants", "white_lines"]

#: The white line is looked for from this far below to this far above e0 (eV).
WHITE_LINE = (-5.0, 30.0)

#: Its area is taken this far around e0 (eV).
AREA = 30.0


@dataclass(frozen=True, slots=True)
class Ranges:
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


def _points_inside(x: Array, spans: Sequence[tuple[float, float]]) -> Array:
    """Return which points lie in each span (eV from e0), 1 or 0, shape (spans, N)."""
    ends = np.array(spans).T[:, :, None]
    return np.asarray((x >= ends[0]) & (x <= ends[1]), dtype=float)


def count_inside(x: Array, spans: Sequence[tuple[float, float]]) -> Array:
    """Return how many of ascending points lie in each span, shape (spans,)."""
    low, high = np.array(spans).T
    return np.asarray(np.searchsorted(x, high, side="right") - np.searchsorted(x, low))


def variants(ranges: Ranges) -> list[Ranges]:
    """Return the ranges and reasonable others: each end moved inward, the order kept."""
    pre_start, pre_end = ranges.pre_edge
    post_start, post_end = ranges.post_edge
    span = post_end - post_start
    pre_factors, start_shares, end_shares = (1.0, 1.4, 1.8), (0.0, 0.08, 0.16), (0.0, 0.1, 0.2)
    return [
        Ranges((pre_start, pre_end * a), (post_start + span * b, post_end - span * c), ranges.order)
        for a, b, c in itertools.product(pre_factors, start_shares, end_shares)
        if pre_end * a > pre_start * 0.8
    ]


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
    line, _ = _project(x, [choice.pre_edge for choice in choices], 1, mu)
    curve, middle = _project(x, [choice.post_edge for choice in choices], order, mu)
    if order == 0:
        constant = curve[:, :, 0] - line[:, :, 0] - line[:, :, 1] * middle / 100.0
        step = constant
        curve = np.stack([constant + line[:, :, 0], line[:, :, 1], np.zeros_like(step)], axis=2)
    else:
        step = curve[:, :, 0] - line[:, :, 0]
        missing = np.zeros((*step.shape, 2 - order))
        curve = np.concatenate([curve, missing], axis=2)
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
    near = np.flatnonzero((x >= WHITE_LINE[0]) & (x <= WHITE_LINE[1]))
    if near.size < 3:
        return np.full((*fits.step.shape, 3), math.nan)
    # A spectrum without a step gives no number, and is told by its step.
    step = np.where(fits.step == 0.0, math.nan, fits.step)
    area = _areas(x, mu, EdgeFits(fits.line, fits.curve, step), width)
    used = slice(max(near[0] - 1, 0), near[-1] + 2)
    x, mu = x[used], mu[:, None, used]
    step = step[:, :, None]
    split = int(np.searchsorted(x, 0.0))
    flat = np.empty((*fits.step.shape, x.size))
    flat[:, :, :split] = (mu[:, :, :split] - fits.pre_edge(x[:split])) / step
    flat[:, :, split:] = 1.0 + (mu[:, :, split:] - fits.post_edge(x[split:])) / step
    position, height = _tops(x, flat, near - used.start)
    return np.stack([position, height, area], axis=2)


def _areas(x: Array, mu: Array, fits: EdgeFits, width: float) -> Array:
    """Return the areas, shape (S, V): sums over the points by the trapezoidal rule's weights."""
    inside = np.flatnonzero(np.abs(x) <= AREA)
    x, mu = x[inside], mu[:, inside]
    steps = np.diff(x)
    weight = 0.5 * (np.append(steps, 0.0) + np.append(0.0, steps))
    before, after = np.where(x < 0, weight, 0.0), np.where(x < 0, 0.0, weight)
    below = (mu @ before)[:, None] - fits.line @ (_powers(x, 1) @ before)
    above = (mu @ after)[:, None] - fits.curve @ (_powers(x, 2) @ after)
    arctangent = 0.5 + np.arctan(2.0 * x / width) / math.pi
    return np.asarray((below + above) / fits.step + np.sum(after) - weight @ arctangent)


def _tops(x: Array, flat: Array, near: Array) -> tuple[Array, Array]:
    """Return position and height of the maxima, by parabolas through three points."""
    top = near[np.argmax(flat[:, :, near], axis=2)]
    middle = np.clip(top, 1, x.size - 2)
    left, centre, right = (
        np.take_along_axis(flat, (middle + i)[:, :, None], axis=2)[:, :, 0] for i in (-1, 0, 1)
    )
    before, after = x[middle] - x[middle - 1], x[middle + 1] - x[middle]
    rising, falling = (centre - left) / before, (right - centre) / after
    curvature = (falling - rising) / (before + after)
    slope = rising + curvature * before
    is_top = (curvature < 0) & (top == middle)
    safe = np.where(is_top, curvature, -1.0)
    position = np.where(is_top, x[middle] - slope / (2 * safe), x[top])
    plain = np.take_along_axis(flat, top[:, :, None], axis=2)[:, :, 0]
    return position, np.where(is_top, centre - slope**2 / (4 * safe), plain)


def _powers(x: Array, order: int) -> Array:
    """Return the powers of u = x / 100 eV, shape (order + 1, n)."""
    u = x / 100.0
    return np.stack([np.ones_like(u), u, u * u][: order + 1])


def _project(
    x: Array, spans: list[tuple[float, float]], order: int, mu: Array
) -> tuple[Array, Array]:
    """Return polynomials over V spans, shape (S, V, order + 1), and the spans' mean energies."""
    distinct = list(dict.fromkeys(spans))
    index = [distinct.index(span) for span in spans]
    inside = _points_inside(x, distinct)
    covered = np.flatnonzero(np.any(inside > 0, axis=0))
    used = slice(covered[0], covered[-1] + 1)
    x, inside = x[used], inside[:, used]
    # The fit is done in units in which the widest span runs from −1 to 1.
    middle, half = 0.5 * (x[-1] + x[0]), 0.5 * (x[-1] - x[0])
    powers = _powers((x - middle) * (100.0 / half), order)
    flat = (inside[:, None, :] * powers).reshape(-1, x.size)
    moments = (flat @ powers.T).reshape(len(inside), order + 1, order + 1)
    sums = (mu[:, used] @ flat.T).reshape(len(mu), len(inside), order + 1, 1)
    local = np.linalg.solve(moments, sums)[:, :, :, 0]
    means = inside @ x / np.sum(inside, axis=1)
    return (local @ _shift(middle, half, order))[:, index], means[index]


def _shift(middle: float, half: float, order: int) -> Array:
    """Return the matrix from powers of (x − middle) / half to powers of x / 100 eV."""
    a, b = 100.0 / half, -middle / half
    rows = [[1.0, 0.0, 0.0], [b, a, 0.0], [b * b, 2 * a * b, a * a]]
    return np.array(rows)[: order + 1, : order + 1]
