"""Pre-edge lines, post-edge curves, edge steps and white lines of spectra on one grid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from xorder.results import Array

__all__ = ["EdgeFits", "NormalizedRows", "Ranges", "count_inside", "fit_edges", "normalized_rows"]

#: Other reasonable ranges: where the pre-edge line ends, as a multiple of the chosen end, and how
#: much of the post-edge range is left out at its start and at its end.
PRE_EDGE_ENDS = np.array([1.0, 1.4, 1.8])
LEFT_OUT_AT_START, LEFT_OUT_AT_END = np.repeat([0.0, 0.08, 0.16], 3), np.tile([0.0, 0.1, 0.2], 3)


class Ranges(NamedTuple):
    """Where the line and the curve are fitted, in eV relative to e0."""

    pre_edge: tuple[float, float]
    post_edge: tuple[float, float]
    order: int


class EdgeFits(NamedTuple):
    """Lines, curves, steps and white lines of S spectra, with their spread over the ranges."""

    line: Array
    """Coefficients of 1 and u = x / 100 eV of the pre-edge line, shape (S, 2)."""
    curve: Array
    """Coefficients of 1, u, u² of the post-edge curve in the scale of μ, shape (S, 3)."""
    step: Array
    """Curve minus line at e0, shape (S,)."""
    step_stderr: Array
    """Standard deviation of the step over reasonable ranges, shape (S,)."""
    white_line: Array
    """Position (eV from e0), height and area of the white line, shape (S, 3)."""
    white_line_stderr: Array
    """Their standard deviations, shape (S, 3)."""


class NormalizedRows(NamedTuple):
    """S spectra with edge steps of one, each of shape (S, N)."""

    pre_edge: Array
    post_edge: Array
    norm: Array
    flat: Array


def count_inside(x: Array, spans: Sequence[tuple[float, float]]) -> Array:
    """Return how many of ascending points lie in each span, shape (spans,)."""
    low, high = np.array(spans).T
    return np.asarray(x.searchsorted(high, side="right") - x.searchsorted(low))


def fit_edges(x: Array, mu: Array, ranges: Ranges, *, width: float) -> EdgeFits:
    """Return the least-squares line before and polynomial after the edge, and what follows.

    The polynomial is that of μ minus the line, as in Athena and larch. The white line's height is
    that of a parabola through the flattened spectrum's maximum and its neighbours, its area that
    above an arctangent step at e0. Spreads are over reasonable other ranges, each end moved inward
    as far as enough points are left; they are NaN where fewer than three give a step, and all is
    NaN where the chosen ranges give none but the step itself.

    Parameters
    ----------
    x
        Ascending energies in eV from e0, shape (N,).
    mu
        Absorption, shape (S, N).
    ranges
        The chosen ranges, with enough points.
    width
        Width of the arctangent step in eV.
    """
    from xorder.xas.edge_kernels import edge_rows

    pre_edge, post_edge = _choices(ranges)
    mu = np.ascontiguousarray(mu)
    return EdgeFits(*edge_rows(x, mu, pre_edge, post_edge, ranges.order, width))


def normalized_rows(x: Array, mu: Array, fits: EdgeFits) -> NormalizedRows:
    """Return spectra with the lines brought to zero and the steps to one; NaN without a step."""
    from xorder.xas.edge_kernels import brought_to_one

    step = np.where(fits.step > 0, fits.step, np.nan)
    mu = np.ascontiguousarray(mu)
    return NormalizedRows(*brought_to_one(x, mu, fits.line, fits.curve, step))


def _choices(ranges: Ranges) -> tuple[Array, Array]:
    """Return the pre-edge and the post-edge ranges to choose from, the given ones first."""
    start, end = ranges.pre_edge
    ends = end * PRE_EDGE_ENDS
    ends = ends[ends > 0.8 * start]
    if ends.size == 0:
        return np.array([ranges.pre_edge]), np.array([ranges.post_edge])
    pre_edge = np.empty((ends.size, 2))
    pre_edge[:, 0], pre_edge[:, 1] = start, ends
    low, high = ranges.post_edge
    post_edge = np.empty((LEFT_OUT_AT_START.size, 2))
    post_edge[:, 0] = low + (high - low) * LEFT_OUT_AT_START
    post_edge[:, 1] = high - (high - low) * LEFT_OUT_AT_END
    return pre_edge, post_edge
