"""Compiled loops over the pairs of a periodic cell; imported only when they are needed.

Distances from one atom to the images of another are first collected, then turned into bins and
places within them many at a time, then deposited. Without derivatives a bin holds the moments
Σ tᵖ, p = 0 … 7 (`xorder.pdf.moments`), so that a pair costs one cache line; with derivatives an
eight-point Lagrange stencil serves all of them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from xorder.pdf.kernels import _compiled

__all__ = ["deposit_moments", "deposit_moving", "stencil_of_moments"]

#: Order of additions may change, and what cannot be is taken not to be: nothing else.
FAST = {"contract", "reassoc", "nsz"}
#: Distances collected before they are deposited.
COLLECTED = 1024


def _add_moments(
    squares: Any, places: Any, bins: Any, count: Any, per_step: Any, weight: Any, row: Any
) -> None:
    """Add the first `count` squared distances to `row[8 · bin + p]`."""
    for m in range(count):
        place = math.sqrt(squares[m]) * per_step
        node = np.int64(place)
        bins[m] = node
        places[m] = place - node
    for m in range(count):
        t = places[m]
        k = np.uint64(bins[m] * 8)
        t2 = t * t
        t4 = t2 * t2
        w1, w2 = weight * t, weight * t2
        w3 = w2 * t
        # All loads before all stores: then both are done as vectors.
        a0, a1 = row[k] + weight, row[k + np.uint64(1)] + w1
        a2, a3 = row[k + np.uint64(2)] + w2, row[k + np.uint64(3)] + w3
        a4, a5 = row[k + np.uint64(4)] + weight * t4, row[k + np.uint64(5)] + w1 * t4
        a6, a7 = row[k + np.uint64(6)] + w2 * t4, row[k + np.uint64(7)] + w3 * t4
        row[k], row[k + np.uint64(1)] = a0, a1
        row[k + np.uint64(2)], row[k + np.uint64(3)] = a2, a3
        row[k + np.uint64(4)], row[k + np.uint64(5)] = a4, a5
        row[k + np.uint64(6)], row[k + np.uint64(7)] = a6, a7


_add_moments = _compiled(_add_moments, fastmath=FAST)


def _deposit_moments(
    lattice: Any,
    reciprocal: Any,
    xyz: Any,
    first: Any,
    second: Any,
    weight: Any,
    row_of: Any,
    nearest: Any,
    r_max: Any,
    step: Any,
    start: Any,
    stride: Any,
    out: Any,
) -> None:
    """Add the images of `second[p]` about `first[p]` to `out[row_of[p]]`, every `stride`-th p.

    Distances from above `nearest[p]` up to `r_max` count, with `weight[p]` each.
    """
    squares, places = np.empty(COLLECTED), np.empty(COLLECTED)
    bins = np.empty(COLLECTED, dtype=np.int64)
    per_step = 1.0 / step
    reach0 = r_max * math.sqrt(np.sum(reciprocal[:, 0] ** 2))
    reach1 = r_max * math.sqrt(np.sum(reciprocal[:, 1] ** 2))
    c0, c1, c2 = lattice[2, 0], lattice[2, 1], lattice[2, 2]
    cc = c0 * c0 + c1 * c1 + c2 * c2
    for p in range(start, len(first), stride):
        i, j = first[p], second[p]
        row = out[row_of[p]]
        near = nearest[p] * nearest[p]
        f0, f1, f2 = xyz[j, 0] - xyz[i, 0], xyz[j, 1] - xyz[i, 1], xyz[j, 2] - xyz[i, 2]
        count = 0
        for n0 in range(math.ceil(-f0 - reach0), math.floor(-f0 + reach0) + 1):
            for n1 in range(math.ceil(-f1 - reach1), math.floor(-f1 + reach1) + 1):
                x = (f0 + n0) * lattice[0, 0] + (f1 + n1) * lattice[1, 0]
                y = (f0 + n0) * lattice[0, 1] + (f1 + n1) * lattice[1, 1]
                z = (f0 + n0) * lattice[0, 2] + (f1 + n1) * lattice[1, 2]
                along = (x * c0 + y * c1 + z * c2) / cc
                across = x * x + y * y + z * z - along * along * cc
                room = (r_max * r_max - across) / cc
                if room < 0.0:
                    continue
                room = math.sqrt(room)
                offset = f2 + along
                for n2 in range(math.ceil(-offset - room), math.floor(-offset + room) + 1):
                    if count == COLLECTED:
                        _add_moments(squares, places, bins, count, per_step, weight[p], row)
                        count = 0
                    square = across + cc * (offset + n2) * (offset + n2)
                    squares[np.uint64(count)] = square
                    count += 1 if square > near else 0
        _add_moments(squares, places, bins, count, per_step, weight[p], row)


deposit_moments = _compiled(_deposit_moments, fastmath=FAST)


def _stencil_of_moments(moments: Any, matrix: Any, out: Any) -> None:
    """Add to nodes -3 … 4 of each bin what its moments say, `matrix[p, node]`."""
    for c in range(moments.shape[0]):
        for k in range(3, moments.shape[1] // 8):
            if moments[c, 8 * k] == 0.0:
                continue
            for p in range(8):
                for n in range(8):
                    out[c, k - 3 + n] += moments[c, 8 * k + p] * matrix[p, n]


stencil_of_moments = _compiled(_stencil_of_moments)


def _add_moving(
    xyz: Any,
    count: Any,
    per_step: Any,
    weight: Any,
    shape: Any,
    rows: Any,
    n_rows: Any,
    out: Any,
    work: Any,
    bins: Any,
) -> None:
    """Add the first `count` vectors `xyz[:, m]`, times rates, to the rows that begin at `rows[a]`.

    The first rate is one, that of row a > 0 is `shape[a]` · (xx, yy, zz, xy, xz, yz, x, y, z) / r.
    """
    for m in range(count):
        x, y, z = xyz[0, m], xyz[1, m], xyz[2, m]
        r = math.sqrt(x * x + y * y + z * z)
        place = r * per_step
        node = np.int64(place)
        bins[m] = node - 3
        f = place - node
        t0, t1, t2 = f + 3.0, f + 2.0, f + 1.0
        t4, t5, t6, t7 = f - 1.0, f - 2.0, f - 3.0, f - 4.0
        p2 = t0 * t1
        p3 = p2 * t2
        p5 = p3 * (f * t4)
        p6 = p5 * t5
        s5 = t6 * t7
        s4 = s5 * t5
        s2 = s4 * (f * t4)
        s1 = s2 * t2
        work[0, m] = -weight / 5040.0 * (s1 * t1)
        work[1, m] = weight / 720.0 * (s1 * t0)
        work[2, m] = -weight / 240.0 * (s2 * p2)
        work[3, m] = weight / 144.0 * (s4 * t4 * p3)
        work[4, m] = -weight / 144.0 * (s4 * p3 * f)
        work[5, m] = weight / 240.0 * (s5 * p5)
        work[6, m] = -weight / 720.0 * (t7 * p6)
        work[7, m] = weight / 5040.0 * (p6 * t6)
        work[8, m] = 1.0 / r
        work[9, m] = 1.0
    for a in range(1, n_rows):
        xx, yy, zz, xy, xz, yz = (
            shape[a, 0], shape[a, 1], shape[a, 2], shape[a, 3], shape[a, 4], shape[a, 5],
        )  # fmt: skip
        dx, dy, dz = shape[a, 6], shape[a, 7], shape[a, 8]
        for m in range(count):
            x, y, z = xyz[0, m], xyz[1, m], xyz[2, m]
            work[9 + a, m] = work[8, m] * (
                x * (xx * x + xy * y + xz * z + dx) + y * (yy * y + yz * z + dy) + z * (zz * z + dz)
            )
    for m in range(count):
        w0, w1, w2, w3 = work[0, m], work[1, m], work[2, m], work[3, m]
        w4, w5, w6, w7 = work[4, m], work[5, m], work[6, m], work[7, m]
        for a in range(n_rows):
            rate = work[9 + a, m]
            k = np.uint64(rows[a] + bins[m])
            a0, a1 = out[k] + rate * w0, out[k + np.uint64(1)] + rate * w1
            a2, a3 = out[k + np.uint64(2)] + rate * w2, out[k + np.uint64(3)] + rate * w3
            a4, a5 = out[k + np.uint64(4)] + rate * w4, out[k + np.uint64(5)] + rate * w5
            a6, a7 = out[k + np.uint64(6)] + rate * w6, out[k + np.uint64(7)] + rate * w7
            out[k], out[k + np.uint64(1)] = a0, a1
            out[k + np.uint64(2)], out[k + np.uint64(3)] = a2, a3
            out[k + np.uint64(4)], out[k + np.uint64(5)] = a4, a5
            out[k + np.uint64(6)], out[k + np.uint64(7)] = a6, a7


_add_moving = _compiled(_add_moving, fastmath=FAST)


def _deposit_moving(
    lattice: Any,
    reciprocal: Any,
    xyz: Any,
    first: Any,
    second: Any,
    weight: Any,
    row_of: Any,
    nearest: Any,
    r_max: Any,
    step: Any,
    strains: Any,
    shifts: Any,
    start: Any,
    stride: Any,
    out: Any,
) -> None:
    """Do what `deposit_moments` does with a stencil, and collect the pairs times dr/dp besides.

    `out[row, 0, node]` are the pairs and `out[row, 1 + p, node]` those times dr/dp, where parameter
    p strains the cell (`strains[p]`) and shifts the atoms (`shifts[p]`, Cartesian). Moves that
    leave a pair as it is cost nothing.
    """
    n_moves = len(strains)
    n_columns, n_bins = out.shape[1], out.shape[2]
    vectors, work = np.empty((3, COLLECTED)), np.empty((10 + n_moves, COLLECTED))
    bins = np.empty(COLLECTED, dtype=np.int64)
    shape, rows = np.zeros((2 + n_moves, 9)), np.empty(2 + n_moves, dtype=np.int64)
    flat = out.reshape(-1)
    per_step = 1.0 / step
    reach0 = r_max * math.sqrt(np.sum(reciprocal[:, 0] ** 2))
    reach1 = r_max * math.sqrt(np.sum(reciprocal[:, 1] ** 2))
    c0, c1, c2 = lattice[2, 0], lattice[2, 1], lattice[2, 2]
    cc = c0 * c0 + c1 * c1 + c2 * c2
    for p in range(start, len(first), stride):
        i, j = first[p], second[p]
        rows[0] = row_of[p] * n_columns * n_bins
        n_rows = 1
        for q in range(n_moves):
            shape[n_rows, 0] = strains[q, 0, 0]
            shape[n_rows, 1] = strains[q, 1, 1]
            shape[n_rows, 2] = strains[q, 2, 2]
            shape[n_rows, 3] = strains[q, 0, 1] + strains[q, 1, 0]
            shape[n_rows, 4] = strains[q, 0, 2] + strains[q, 2, 0]
            shape[n_rows, 5] = strains[q, 1, 2] + strains[q, 2, 1]
            for a in range(3):
                shape[n_rows, 6 + a] = shifts[q, j, a] - shifts[q, i, a]
            rows[n_rows] = (row_of[p] * n_columns + 1 + q) * n_bins
            for a in range(9):
                if shape[n_rows, a] != 0.0:
                    n_rows += 1
                    break
        near = nearest[p] * nearest[p]
        f0, f1, f2 = xyz[j, 0] - xyz[i, 0], xyz[j, 1] - xyz[i, 1], xyz[j, 2] - xyz[i, 2]
        count = 0
        for n0 in range(math.ceil(-f0 - reach0), math.floor(-f0 + reach0) + 1):
            for n1 in range(math.ceil(-f1 - reach1), math.floor(-f1 + reach1) + 1):
                x = (f0 + n0) * lattice[0, 0] + (f1 + n1) * lattice[1, 0]
                y = (f0 + n0) * lattice[0, 1] + (f1 + n1) * lattice[1, 1]
                z = (f0 + n0) * lattice[0, 2] + (f1 + n1) * lattice[1, 2]
                along = (x * c0 + y * c1 + z * c2) / cc
                room = along * along - (x * x + y * y + z * z - r_max * r_max) / cc
                if room < 0.0:
                    continue
                room = math.sqrt(room)
                for n2 in range(math.ceil(-along - room - f2), math.floor(-along + room - f2) + 1):
                    if count == COLLECTED:
                        _add_moving(
                            vectors, count, per_step, weight[p], shape, rows, n_rows, flat, work,
                            bins,
                        )  # fmt: skip
                        count = 0
                    t = f2 + n2
                    vx, vy, vz = x + t * c0, y + t * c1, z + t * c2
                    vectors[0, count], vectors[1, count], vectors[2, count] = vx, vy, vz
                    count += 1 if vx * vx + vy * vy + vz * vz > near else 0
        _add_moving(vectors, count, per_step, weight[p], shape, rows, n_rows, flat, work, bins)


deposit_moving = _compiled(_deposit_moving, fastmath=FAST)
