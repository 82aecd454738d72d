"""Compiled loops over pairs in clusters and boxes, and sine sums; imported only when needed.

Pairs are collected as moments: bin k of width h holds Σ tᵖ, p = 0 … 7, over the pairs at the
distances (k + t) h. The moment p = 0 is the plain histogram, and the eight-point stencil of
`xorder.pdf.kernels` is a linear map of all eight (`xorder.pdf.moments`): the same deposit, at a
quarter of the work a pair.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from xorder.pdf.kernels import _compiled

__all__ = [
    "count_cluster",
    "deposit_box",
    "deposit_cluster",
    "find_neighbors",
    "moments_of_counts",
    "sine_sums",
    "sort_angles",
]

#: Pairs whose distances are computed together, before they are put into bins.
BLOCK = 512


def _deposit_cluster(
    x: Any, y: Any, z: Any, a0: Any, a1: Any, b0: Any, b1: Any,
    offset: Any, stride: Any, per_step: Any, moments: Any,
) -> None:  # fmt: skip
    """Add the pairs of every `stride`-th atom of a0 … a1 with those of b0 … b1, each pair once."""
    places = np.empty(BLOCK)
    for i in range(a0 + offset, a1, stride):
        xi, yi, zi = x[i], y[i], z[i]
        for start in range(i + 1 if a0 == b0 else b0, b1, BLOCK):
            count = min(BLOCK, b1 - start)
            for k in range(count):
                dx, dy, dz = x[start + k] - xi, y[start + k] - yi, z[start + k] - zi
                places[k] = math.sqrt(dx * dx + dy * dy + dz * dz) * per_step
            for k in range(count):
                node = np.int32(places[k])
                t = places[k] - np.float64(node)
                at = np.uint64(node) * np.uint64(8)
                t2, t3, t4 = t * t, t * t * t, t * t * t * t
                moments[at] += 1.0
                moments[at + np.uint64(1)] += t
                moments[at + np.uint64(2)] += t2
                moments[at + np.uint64(3)] += t3
                moments[at + np.uint64(4)] += t4
                moments[at + np.uint64(5)] += t4 * t
                moments[at + np.uint64(6)] += t4 * t2
                moments[at + np.uint64(7)] += t4 * t3


deposit_cluster = _compiled(_deposit_cluster)


def _count_cluster(
    x: Any, y: Any, z: Any, a0: Any, a1: Any, b0: Any, b1: Any,
    offset: Any, stride: Any, per_fine: Any, counts: Any,
) -> None:  # fmt: skip
    """Add each of the same pairs to a fine bin as one whole number: half the work.

    The number holds a count above bit 37 and, below it, the place within the fine bin in 4096ths.
    """
    places = np.empty(BLOCK)
    for i in range(a0 + offset, a1, stride):
        xi, yi, zi = x[i], y[i], z[i]
        for start in range(i + 1 if a0 == b0 else b0, b1, BLOCK):
            count = min(BLOCK, b1 - start)
            for k in range(count):
                dx, dy, dz = x[start + k] - xi, y[start + k] - yi, z[start + k] - zi
                places[k] = math.sqrt(dx * dx + dy * dy + dz * dz) * per_fine
            for k in range(count):
                node = np.int64(places[k])
                within = np.int64((places[k] - np.float64(node)) * 4096.0)
                counts[np.uint64(node)] += np.int64(137438953472) + within


count_cluster = _compiled(_count_cluster)


def _moments_of_counts(counts: Any, powers: Any, slopes: Any, moments: Any) -> None:
    """Add the pairs of fine bins, counts[bin, fine], to moments[bin, p]."""
    for n in range(counts.shape[0]):
        for k in range(counts.shape[1]):
            number = counts[n, k]
            if number != 0:
                count = number >> 37
                within = (number & 137438953471) / 4096.0 - 0.5 * count
                for p in range(8):
                    moments[n, p] += count * powers[k, p] + within * slopes[k, p]


moments_of_counts = _compiled(_moments_of_counts)


def _deposit_box(
    f0: Any, f1: Any, f2: Any, lattice: Any, shifts: Any, r_max: Any,
    a0: Any, a1: Any, b0: Any, b1: Any, offset: Any, stride: Any, per_step: Any, moments: Any,
) -> None:  # fmt: skip
    """Add the pairs of a periodic box up to `r_max`, each pair once.

    `lattice` is lower triangular; `shifts` are whole cells (Cartesian) added to the nearest image.
    A pair of an atom with its own image counts a half: the opposite shift brings the other.
    """
    places = np.empty(BLOCK)
    l00, l10, l11 = lattice[0, 0], lattice[1, 0], lattice[1, 1]
    l20, l21, l22 = lattice[2, 0], lattice[2, 1], lattice[2, 2]
    limit = r_max * per_step
    n_shifts = shifts.shape[0]
    for i in range(a0 + offset, a1, stride):
        p0, p1, p2 = f0[i], f1[i], f2[i]
        if a0 == b0:
            for s in range(n_shifts):
                r = math.sqrt(shifts[s, 0] ** 2 + shifts[s, 1] ** 2 + shifts[s, 2] ** 2)
                if 0.0 < r <= r_max:
                    whole = int(r * per_step)
                    power, t = 0.5, r * per_step - whole
                    for k in range(8):
                        moments[8 * whole + k] += power
                        power *= t
        for start in range(i + 1 if a0 == b0 else b0, b1, BLOCK):
            count = min(BLOCK, b1 - start)
            for s in range(n_shifts):
                sx, sy, sz = shifts[s, 0], shifts[s, 1], shifts[s, 2]
                for k in range(count):
                    d0, d1, d2 = f0[start + k] - p0, f1[start + k] - p1, f2[start + k] - p2
                    d0 -= np.rint(d0)
                    d1 -= np.rint(d1)
                    d2 -= np.rint(d2)
                    dx = d0 * l00 + d1 * l10 + d2 * l20 + sx
                    dy = d1 * l11 + d2 * l21 + sy
                    dz = d2 * l22 + sz
                    places[k] = math.sqrt(dx * dx + dy * dy + dz * dz) * per_step
                for k in range(count):
                    if places[k] > limit:
                        continue
                    node = np.int32(places[k])
                    t = places[k] - np.float64(node)
                    at = np.uint64(node) * np.uint64(8)
                    t2, t3, t4 = t * t, t * t * t, t * t * t * t
                    moments[at] += 1.0
                    moments[at + np.uint64(1)] += t
                    moments[at + np.uint64(2)] += t2
                    moments[at + np.uint64(3)] += t3
                    moments[at + np.uint64(4)] += t4
                    moments[at + np.uint64(5)] += t4 * t
                    moments[at + np.uint64(6)] += t4 * t2
                    moments[at + np.uint64(7)] += t4 * t3


deposit_box = _compiled(_deposit_box)


def _sine_sums(start: Any, step: Any, angles: Any, columns: Any, out: Any) -> None:
    """Add sum over k of columns[c, k] sin(angle · (start + k · step)) to out[c, angle].

    The angles turn by a rotation from k to k + 1, all angles side by side; every 1024 steps they
    are set anew, so that rounding does not grow.
    """
    count = angles.shape[0]
    sines, cosines = np.empty(count), np.empty(count)
    turn_sines, turn_cosines = np.sin(angles * step), np.cos(angles * step)
    for k in range(columns.shape[1]):
        if k % 1024 == 0:
            for m in range(count):
                sines[m] = math.sin(angles[m] * (start + k * step))
                cosines[m] = math.cos(angles[m] * (start + k * step))
        for c in range(columns.shape[0]):
            weight = columns[c, k]
            if weight != 0.0:
                for m in range(count):
                    out[c, m] += weight * sines[m]
        for m in range(count):
            sine, cosine = sines[m], cosines[m]
            sines[m] = sine * turn_cosines[m] + cosine * turn_sines[m]
            cosines[m] = cosine * turn_cosines[m] - sine * turn_sines[m]


sine_sums = _compiled(_sine_sums)


def _find_neighbors(
    f: Any, lattice: Any, shifts: Any, is_center: Any, kind: Any, cutoff: Any,
    first: Any, atoms: Any, vectors: Any,
) -> int:  # fmt: skip
    """Find the neighbours of each center nearer than the cutoff of their kind; return how many.

    `first[i] … first[i + 1]` are the places of atom i's neighbours in `atoms` and `vectors`; where
    these are too short nothing more is written, and the number returned says how much is needed.
    `cutoff[kind]` is zero for kinds that are no neighbours.
    """
    found = 0
    room = atoms.shape[0]
    for i in range(f.shape[1]):
        first[i] = found
        if not is_center[i]:
            continue
        for j in range(f.shape[1]):
            limit = cutoff[kind[j]]
            if limit <= 0.0:
                continue
            d0, d1, d2 = f[0, j] - f[0, i], f[1, j] - f[1, i], f[2, j] - f[2, i]
            d0 -= np.rint(d0)
            d1 -= np.rint(d1)
            d2 -= np.rint(d2)
            x = d0 * lattice[0, 0] + d1 * lattice[1, 0] + d2 * lattice[2, 0]
            y = d1 * lattice[1, 1] + d2 * lattice[2, 1]
            z = d2 * lattice[2, 2]
            for s in range(shifts.shape[0]):
                dx, dy, dz = x + shifts[s, 0], y + shifts[s, 1], z + shifts[s, 2]
                square = dx * dx + dy * dy + dz * dz
                if square > limit * limit or (i == j and square == 0.0):
                    continue
                if found < room:
                    atoms[found] = j
                    vectors[found, 0], vectors[found, 1], vectors[found, 2] = dx, dy, dz
                found += 1
    first[f.shape[1]] = found
    return found


find_neighbors = _compiled(_find_neighbors)


def _sort_angles(
    first: Any, atoms: Any, vectors: Any, kind: Any, one: Any, two: Any, out: Any
) -> None:
    """Count the angles between neighbours of kinds `one` and `two` into bins of 180°."""
    bins = out.shape[0]
    for i in range(first.shape[0] - 1):
        for p in range(first[i], first[i + 1]):
            for q in range(p + 1, first[i + 1]):
                kp, kq = kind[atoms[p]], kind[atoms[q]]
                if not ((kp == one and kq == two) or (kp == two and kq == one)):
                    continue
                dot, pp, qq = 0.0, 0.0, 0.0
                for k in range(3):
                    dot += vectors[p, k] * vectors[q, k]
                    pp += vectors[p, k] ** 2
                    qq += vectors[q, k] ** 2
                cosine = max(-1.0, min(1.0, dot / math.sqrt(pp * qq)))
                place = int(math.acos(cosine) / math.pi * bins)
                out[min(place, bins - 1)] += 1


sort_angles = _compiled(_sort_angles)
