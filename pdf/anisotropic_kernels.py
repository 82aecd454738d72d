"""The loop of a refinement with anisotropic displacements: every pair has a width of its own."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from xorder.pdf.kernels import _compiled

__all__ = ["anisotropic_peaks"]


def _anisotropic_peaks(
    lattice: Any,
    reciprocal: Any,
    xyz: Any,
    weight: Any,
    occupancy: Any,
    group: Any,
    class_of: Any,
    u: Any,
    tensors: Any,
    tensor_site: Any,
    site: Any,
    strains: Any,
    shifts: Any,
    delta1: Any,
    delta2: Any,
    qbroad: Any,
    r_start: Any,
    r_step: Any,
    r_max: Any,
    cut: Any,
    over_distance: Any,
    out: Any,
) -> None:
    """Add to `out[point, class, column]` the peak of every pair and its derivatives.

    Columns: value; each displacement parameter d (its Cartesian tensor on atom n is
    `tensors[d, n]`, zero but for atoms of site `tensor_site[d]`); delta1; delta2; qbroad; each move
    (`strains[p]`, `shifts[p]`). With one column only the value is computed. Exclusive occupants of
    one place are no pair.
    """
    n_atoms, n_points, n_columns = xyz.shape[0], out.shape[0], out.shape[2]
    n_u, n_moves = tensors.shape[0], strains.shape[0]
    v = np.empty(3)
    slope = np.zeros(n_columns)
    rate = np.zeros(n_columns)
    live = np.empty(n_columns, dtype=np.int64)
    reach0 = r_max * math.sqrt(np.sum(reciprocal[:, 0] ** 2))
    reach1 = r_max * math.sqrt(np.sum(reciprocal[:, 1] ** 2))
    c0, c1, c2 = lattice[2, 0], lattice[2, 1], lattice[2, 2]
    cc = c0 * c0 + c1 * c1 + c2 * c2
    for i in range(n_atoms):
        for j in range(i, n_atoms):
            pair_weight = weight[i] * weight[j] * (1.0 if i == j else 2.0)
            if pair_weight == 0.0:
                continue
            c = class_of[group[i], group[j]]
            exclusive = i != j and occupancy[i] + occupancy[j] <= 1.001
            both = u[i] + u[j]
            f0, f1, f2 = xyz[j, 0] - xyz[i, 0], xyz[j, 1] - xyz[i, 1], xyz[j, 2] - xyz[i, 2]
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
                    for n2 in range(
                        math.ceil(-along - room - f2), math.floor(-along + room - f2) + 1
                    ):
                        t = f2 + n2
                        v[0], v[1], v[2] = x + t * c0, y + t * c1, z + t * c2
                        r = math.sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2])
                        if r < 0.05 or r > r_max or (exclusive and r < 0.5):
                            continue
                        msd = 0.0
                        for a in range(3):
                            for b in range(3):
                                msd += v[a] * both[a, b] * v[b]
                        msd /= r * r
                        shape = 1.0 - delta2 / (r * r) - delta1 / r + (qbroad * r) ** 2
                        variance = msd * shape
                        if variance <= 0.0:
                            continue
                        sigma = math.sqrt(variance)
                        first = max(0, math.ceil((r - cut * sigma - r_start) / r_step))
                        last = min(n_points - 1, math.floor((r + cut * sigma - r_start) / r_step))
                        if last < first:
                            continue
                        n_live = 0
                        if n_columns > 1:
                            # d variance and d distance with each parameter.
                            for d in range(n_u):
                                slope[d] = 0.0
                                if tensor_site[d] == site[i] or tensor_site[d] == site[j]:
                                    for a in range(3):
                                        for b in range(3):
                                            slope[d] += (
                                                v[a]
                                                * (tensors[d, i, a, b] + tensors[d, j, a, b])
                                                * v[b]
                                            )
                                    slope[d] *= shape / (r * r)
                                rate[d] = 0.0
                            slope[n_u] = -msd / r
                            slope[n_u + 1] = -msd / (r * r)
                            slope[n_u + 2] = msd * 2.0 * qbroad * r * r
                            growth = msd * (
                                2.0 * delta2 / (r * r * r)
                                + delta1 / (r * r)
                                + 2.0 * qbroad * qbroad * r
                            )
                            for p in range(n_moves):
                                stretch = 0.0
                                turn = 0.0
                                for a in range(3):
                                    change = shifts[p, j, a] - shifts[p, i, a]
                                    for b in range(3):
                                        change += v[b] * strains[p, b, a]
                                    stretch += v[a] * change
                                    for b in range(3):
                                        turn += 2.0 * change * both[a, b] * v[b]
                                m = n_u + 3 + p
                                rate[m] = stretch / r
                                turned = turn / (r * r) - 2.0 * msd * rate[m] / r
                                slope[m] = growth * rate[m] + shape * turned
                            for m in range(n_columns - 1):
                                if slope[m] != 0.0 or rate[m] != 0.0:
                                    live[n_live] = m
                                    n_live += 1
                        q = r_start + first * r_step - r
                        height = pair_weight / (sigma * math.sqrt(2.0 * math.pi))
                        if over_distance:
                            height /= r
                        decay = 1.0 / r if over_distance else 0.0
                        value = height * math.exp(-0.5 * q * q / variance)
                        ratio = math.exp(-(q * r_step + 0.5 * r_step * r_step) / variance)
                        fall = math.exp(-r_step * r_step / variance)
                        for n in range(first, last + 1):
                            out[n, c, 0] += value
                            if n_live > 0:
                                wider = value * (q * q / variance - 1.0) / (2.0 * variance)
                                further = value * (q / variance - decay)
                                for k in range(n_live):
                                    m = live[k]
                                    out[n, c, 1 + m] += slope[m] * wider + rate[m] * further
                            value *= ratio
                            ratio *= fall
                            q += r_step


anisotropic_peaks = _compiled(_anisotropic_peaks)
