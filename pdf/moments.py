"""Moments of pair distances per bin, and the way from them to the stencil histogram.

Bin k of width h holds Σ tᵖ, p = 0 … 7, over the pairs at distances (k + t) h, 0 ≤ t < 1. A Lagrange
weight of node n is a polynomial in t, so the histogram of the eight-point stencil
(`xorder.pdf.kernels`) is a sum over the moments: nothing is lost, and each pair costs one cache
line.
"""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xorder.results import Array

__all__ = [
    "FINE",
    "NODES",
    "ElementGroups",
    "fine_powers",
    "in_threads",
    "redeposited",
    "stencil_from_moments",
    "stencil_matrix",
]

#: Nodes of the stencil, relative to the bin of the pair.
NODES = range(-3, 5)
#: Fine bins in a bin, where pairs are so many that each becomes one whole number: a count and
#: the place within its fine bin, whose sum keeps distances from being rounded.
FINE = 128
#: Pairs below which a second thread costs more than it brings.
FEW_PAIRS = 2_000_000


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class ElementGroups:
    """Atoms sorted by element."""

    elements: tuple[str, ...]
    """Elements in alphabetical order."""
    order: NDArray[np.int64]
    """Indices of the atoms, sorted by element, shape (N,)."""
    edges: NDArray[np.int64]
    """Atoms edges[e] … edges[e + 1] of `order` are element e, shape (elements + 1,)."""

    @classmethod
    def of(cls, elements: NDArray[np.str_]) -> ElementGroups:
        """Return the groups of a list of symbols, shape (N,)."""
        names, group = np.unique(elements, return_inverse=True)
        order = np.argsort(group, kind="stable").astype(np.int64)
        edges = np.concatenate([[0], np.cumsum(np.bincount(group))]).astype(np.int64)
        return cls(elements=tuple(names.tolist()), order=order, edges=edges)

    @property
    def counts(self) -> Array:
        """Atoms of each element, shape (elements,)."""
        return np.diff(self.edges).astype(float)

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Pairs of elements (0, 0), (0, 1) … (1, 1) … in the order of all classes."""
        count = len(self.elements)
        return [(a, b) for a in range(count) for b in range(a, count)]


@functools.cache
def stencil_matrix() -> Array:
    """Return the coefficients of tᵖ in the Lagrange weight of each node, shape (p, node)."""
    matrix = np.zeros((len(NODES), len(NODES)))
    for place, node in enumerate(NODES):
        others = [other for other in NODES if other != node]
        polynomial = np.polynomial.polynomial.polyfromroots(others)
        matrix[:, place] = polynomial / math.prod(node - other for other in others)
    return matrix


def stencil_from_moments(moments: Array) -> Array:
    """Return the histogram of the stencil on the nodes k · h.

    Parameters
    ----------
    moments
        Shape (..., bins, 8).

    Returns
    -------
    :
        Shape (..., bins + 4): nodes 0 … bins + 3. Weights at negative nodes (pairs nearer than
        three bins) are dropped: such pairs are refused before.
    """
    weights = moments @ stencil_matrix()
    bins = moments.shape[-2]
    out = np.zeros((*moments.shape[:-2], bins + 7))
    for place in range(len(NODES)):
        out[..., place : place + bins] += weights[..., place]
    return out[..., 3:]


def redeposited(weights: Array, step: float, r: Array) -> Array:
    """Return weights at the nodes k · step on another uniform grid, through the stencil.

    Parameters
    ----------
    weights
        Shape (nodes,).
    step
        Distance of the nodes in Å.
    r
        Wanted grid in Å, shape (M,); what lies outside is dropped.

    Returns
    -------
    :
        Shape (M,).
    """
    there = np.flatnonzero(weights)
    places = (there * step - r[0]) * (len(r) - 1) / (r[-1] - r[0])
    nodes = np.floor(places).astype(np.int64)
    shares = (places - nodes)[:, None] ** np.arange(len(NODES)) @ stencil_matrix()
    targets = nodes[:, None] + np.array(NODES)
    inside = (targets >= 0) & (targets < len(r))
    values = weights[there][:, None] * shares
    out = np.zeros(len(r))
    np.add.at(out, targets[inside], values[inside])
    return out


def fine_powers() -> tuple[Array, Array]:
    """Return the mean of tᵖ over each fine bin and its rise across the bin, each (FINE, 8)."""
    edges = np.arange(FINE + 1)[:, None] / FINE
    exponents = np.arange(1, len(NODES) + 1)
    means = np.diff(edges**exponents, axis=0) / exponents * FINE
    return np.asarray(means), np.asarray(np.diff(edges ** (exponents - 1), axis=0))


def in_threads(
    deposit: Callable[[int, int, NDArray[Any]], None],
    empty: NDArray[Any],
    n_pairs: float,
    threads: int | None,
) -> NDArray[Any]:
    """Return the sum of what `deposit(offset, stride, out)` adds to `empty` in some threads.

    Parameters
    ----------
    deposit
        Adds the pairs of every `stride`-th row to `out`; frees the interpreter's lock.
    empty
        Zeros of the wanted shape and type.
    n_pairs
        Pairs to be computed, which decide whether threads pay.
    threads
        Number of threads; None for the processors this process may use.
    """
    count = 1 if n_pairs < FEW_PAIRS else threads or _processors()
    if count == 1:
        deposit(0, 1, empty)
        return empty
    parts = [empty, *(np.zeros_like(empty) for _ in range(count - 1))]
    with ThreadPoolExecutor(count) as pool:
        list(pool.map(lambda k: deposit(k, count, parts[k]), range(count)))
    for part in parts[1:]:
        empty += part
    return empty


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
