"""Compiled loops over pairs of atoms and over histogram bins; imported only when they are needed.

`deposit_pairs_anisotropic` puts the distances of a periodic cell into histograms with an
eight-point Lagrange stencil: a smooth function summed over the bins then equals the sum over the
pairs to (step/width)⁸ (`xorder.pdf.pair_kernels` does so where displacements are isotropic).
`broaden` and `broaden_with_derivatives` turn the histograms into peaks whose width depends on the
distance.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

__all__ = [
    "broaden",
    "broaden_with_derivatives",
    "closest_pair",
    "cosine_sums",
    "deposit_pairs_anisotropic",
]


def _compiled(function: Callable[..., Any], **options: Any) -> Any:
    """Compile with a cache on disk, or without one where no folder can be written."""
    try:
        return numba.njit(cache=True, nogil=True, error_model="numpy", **options)(function)
    except RuntimeError:
        return numba.njit(nogil=True, error_model="numpy", **options)(function)


def _stencil(fraction: Any, weights: Any) -> None:
    """Fill the Lagrange weights of nodes -3 ... 4 for a point `fraction` after node 0."""
    t0, t1, t2, t3 = fraction + 3.0, fraction + 2.0, fraction + 1.0, fraction
    t4, t5, t6, t7 = fraction - 1.0, fraction - 2.0, fraction - 3.0, fraction - 4.0
    p2 = t0 * t1
    p3 = p2 * t2
    p4 = p3 * t3
    p5 = p4 * t4
    p6 = p5 * t5
    s5 = t6 * t7
    s4 = s5 * t5
    s3 = s4 * t4
    s2 = s3 * t3
    s1 = s2 * t2
    weights[0] = -s1 * t1 / 5040.0
    weights[1] = s1 * t0 / 720.0
    weights[2] = -s2 * p2 / 240.0
    weights[3] = s3 * p3 / 144.0
    weights[4] = -s4 * p4 / 144.0
    weights[5] = s5 * p5 / 240.0
    weights[6] = -t7 * p6 / 720.0
    weights[7] = p6 * t6 / 5040.0


_stencil = _compiled(_stencil)


def _closest_pair(lattice: Any, reciprocal: Any, xyz: Any, r_max: Any, occupancy: Any) -> Any:
    """Return (distance, i, j) of the closest pair that can be there at one time."""
    best, best_i, best_j = r_max, -1, -1
    reach = np.empty(3)
    for k in range(3):
        reach[k] = r_max * math.sqrt(np.sum(reciprocal[:, k] ** 2))
    count = xyz.shape[0]
    for i in range(count):
        for j in range(i, count):
            d = xyz[j] - xyz[i]
            for n0 in range(math.ceil(-d[0] - reach[0]), math.floor(-d[0] + reach[0]) + 1):
                for n1 in range(math.ceil(-d[1] - reach[1]), math.floor(-d[1] + reach[1]) + 1):
                    for n2 in range(math.ceil(-d[2] - reach[2]), math.floor(-d[2] + reach[2]) + 1):
                        if i == j and n0 == 0 and n1 == 0 and n2 == 0:
                            continue
                        square = 0.0
                        for k in range(3):
                            x = (
                                (d[0] + n0) * lattice[0, k]
                                + (d[1] + n1) * lattice[1, k]
                                + (d[2] + n2) * lattice[2, k]
                            )
                            square += x * x
                        r = math.sqrt(square)
                        if r < 0.5 and i != j and occupancy[i] + occupancy[j] <= 1.001:
                            continue
                        if r < best:
                            best, best_i, best_j = r, i, j
    return best, best_i, best_j


closest_pair = _compiled(_closest_pair)


def _deposit_pairs_anisotropic(
    lattice: Any,
    reciprocal: Any,
    xyz: Any,
    weight: Any,
    occupancy: Any,
    u: Any,
    log_start: Any,
    log_step: Any,
    r_min: Any,
    r_max: Any,
    step: Any,
    counts: Any,
) -> None:
    """Add every pair to the classes around its own mean-square displacement along the bond.

    Classes lie evenly in the logarithm of the displacement; a six-point Lagrange stencil between
    them keeps the sum over classes equal to the sum over pairs.
    """
    n_atoms = xyz.shape[0]
    w = np.empty(8)
    m = np.empty(6)
    scale = np.array([-120.0, 24.0, -12.0, 12.0, -24.0, 120.0])
    v = np.empty(3)
    reach0 = r_max * math.sqrt(np.sum(reciprocal[:, 0] ** 2))
    reach1 = r_max * math.sqrt(np.sum(reciprocal[:, 1] ** 2))
    reach2 = r_max * math.sqrt(np.sum(reciprocal[:, 2] ** 2))
    for i in range(n_atoms):
        for j in range(i, n_atoms):
            pair_weight = weight[i] * weight[j] * (1.0 if i == j else 2.0)
            exclusive = i != j and occupancy[i] + occupancy[j] <= 1.001
            total = u[i] + u[j]
            d = xyz[j] - xyz[i]
            for n0 in range(math.ceil(-d[0] - reach0), math.floor(-d[0] + reach0) + 1):
                for n1 in range(math.ceil(-d[1] - reach1), math.floor(-d[1] + reach1) + 1):
                    for n2 in range(math.ceil(-d[2] - reach2), math.floor(-d[2] + reach2) + 1):
                        square = 0.0
                        for k in range(3):
                            v[k] = (
                                (d[0] + n0) * lattice[0, k]
                                + (d[1] + n1) * lattice[1, k]
                                + (d[2] + n2) * lattice[2, k]
                            )
                            square += v[k] * v[k]
                        r = math.sqrt(square)
                        if r < r_min or r > r_max or (exclusive and r < 0.5):
                            continue
                        msd = 0.0
                        for a in range(3):
                            for b in range(3):
                                msd += v[a] * total[a, b] * v[b]
                        msd /= square
                        if msd <= 0.0:
                            continue
                        place = r / step
                        node = int(place)
                        _stencil(place - node, w)
                        level = (math.log(msd) - log_start) / log_step
                        floor = int(level)
                        f = level - floor
                        for a in range(6):
                            product = 1.0
                            for b in range(6):
                                if b != a:
                                    product *= f + 2.0 - b
                            m[a] = product / scale[a]
                        for a in range(6):
                            for k in range(8):
                                counts[floor - 2 + a, node - 3 + k] += pair_weight * m[a] * w[k]


deposit_pairs_anisotropic = _compiled(_deposit_pairs_anisotropic)


def _broaden(
    counts: Any,
    step: Any,
    msd: Any,
    delta1: Any,
    delta2: Any,
    qbroad: Any,
    r_start: Any,
    r_step: Any,
    cut: Any,
    over_distance: Any,
    out: Any,
) -> None:
    """Add to `out` the Gaussian of every bin, over the bin's distance where `over_distance`."""
    n_points = out.shape[0]
    for c in range(counts.shape[0]):
        for k in range(1, counts.shape[1]):
            if counts[c, k] == 0.0:
                continue
            r = k * step
            variance = msd[c] * (1.0 - delta2 / (r * r) - delta1 / r + (qbroad * r) ** 2)
            if variance <= 0.0:
                continue
            sigma = math.sqrt(variance)
            first = max(0, math.ceil((r - cut * sigma - r_start) / r_step))
            last = min(n_points - 1, math.floor((r + cut * sigma - r_start) / r_step))
            x = r_start + first * r_step - r
            height = counts[c, k] / (sigma * math.sqrt(2.0 * math.pi))
            if over_distance:
                height /= r
            value = height * math.exp(-0.5 * x * x / variance)
            ratio = math.exp(-(x * r_step + 0.5 * r_step * r_step) / variance)
            change = math.exp(-r_step * r_step / variance)
            for n in range(first, last + 1):
                out[n] += value
                value *= ratio
                ratio *= change


broaden = _compiled(_broaden)


def _broaden_with_derivatives(
    counts: Any,
    moved: Any,
    step: Any,
    msd: Any,
    members: Any,
    delta1: Any,
    delta2: Any,
    qbroad: Any,
    r_start: Any,
    r_step: Any,
    cut: Any,
    over_distance: Any,
    out: Any,
) -> None:
    """Add to `out[point]` the peaks and their derivatives.

    Columns: value; each displacement (`members[class, u]` = d msd / d u); delta1; delta2; qbroad;
    each move of the atoms.
    """
    n_points = out.shape[0]
    n_u, n_moves = members.shape[1], moved.shape[2]
    n_widths = n_u + 3
    slope = np.empty(n_widths)
    live = np.empty(n_widths, dtype=np.int64)
    for c in range(counts.shape[0]):
        for k in range(1, counts.shape[1]):
            weight = counts[c, k]
            if weight == 0.0:
                continue
            r = k * step
            shape = 1.0 - delta2 / (r * r) - delta1 / r + (qbroad * r) ** 2
            variance = msd[c] * shape
            if variance <= 0.0:
                continue
            for m in range(n_u):
                slope[m] = weight * members[c, m] * shape
            slope[n_u] = -weight * msd[c] / r
            slope[n_u + 1] = -weight * msd[c] / (r * r)
            slope[n_u + 2] = weight * msd[c] * 2.0 * qbroad * r * r
            n_live = 0
            for m in range(n_widths):
                if slope[m] != 0.0:
                    live[n_live] = m
                    n_live += 1
            growth = msd[c] * (
                2.0 * delta2 / (r * r * r) + delta1 / (r * r) + 2.0 * qbroad * qbroad * r
            )
            sigma = math.sqrt(variance)
            first = max(0, math.ceil((r - cut * sigma - r_start) / r_step))
            last = min(n_points - 1, math.floor((r + cut * sigma - r_start) / r_step))
            x = r_start + first * r_step - r
            height = 1.0 / (sigma * math.sqrt(2.0 * math.pi))
            if over_distance:
                height /= r
            decay = 1.0 / r if over_distance else 0.0
            value = height * math.exp(-0.5 * x * x / variance)
            ratio = math.exp(-(x * r_step + 0.5 * r_step * r_step) / variance)
            change = math.exp(-r_step * r_step / variance)
            for n in range(first, last + 1):
                out[n, 0] += weight * value
                wider = value * (x * x / variance - 1.0) / (2.0 * variance)
                for i in range(n_live):
                    out[n, 1 + live[i]] += slope[live[i]] * wider
                if n_moves > 0:
                    further = value * (x / variance - decay) + wider * growth
                    for p in range(n_moves):
                        out[n, 1 + n_widths + p] += moved[c, k, p] * further
                value *= ratio
                ratio *= change
                x += r_step


broaden_with_derivatives = _compiled(_broaden_with_derivatives)


def _cosine_sums(start: Any, step: Any, q: Any, weights: Any, out: Any) -> None:
    """Add sum over q of weights[q, class] cos(q x) to out[x, class], x = start + step · k.

    The angle turns by a rotation from point to point. (A matrix product would do, but a threaded
    BLAS on a busy machine takes a hundred times as long.)
    """
    count, n_classes = out.shape
    for i in range(q.shape[0]):
        cosine, sine = math.cos(q[i] * start), math.sin(q[i] * start)
        turn_cosine, turn_sine = math.cos(q[i] * step), math.sin(q[i] * step)
        for k in range(count):
            for c in range(n_classes):
                out[k, c] += weights[i, c] * cosine
            cosine, sine = (
                cosine * turn_cosine - sine * turn_sine,
                sine * turn_cosine + cosine * turn_sine,
            )


cosine_sums = _compiled(_cosine_sums)
