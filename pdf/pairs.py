"""Distances between the atoms of a periodic cell, as histograms that can be broadened.

A histogram holds one class for each mean-square relative displacement. Its bins are not a
rounding: the eight-point stencil of the deposit makes a sum of smooth functions over bins equal to
the sum over pairs.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xorder.errors import BadStructure
from xorder.pdf.moments import in_threads, stencil_matrix
from xorder.results import Array

__all__ = [
    "Geometry",
    "Moves",
    "PairHistogram",
    "Widths",
    "broadened",
    "broadened_with_derivatives",
    "check_distances",
    "pair_histogram",
    "pair_histogram_anisotropic",
]

#: Atoms nearer than this (Å) that are there at one time are an error of the structure.
CLOSEST = 0.5
#: Distance (Å) up to which an image is the atom itself.
NO_PAIR = 0.06
#: Step between classes of mean-square displacement, in its logarithm.
LOG_STEP = 0.1
#: Half width of a peak in standard deviations: what is cut off is below 1e-9 of its height.
CUT = 6.5


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Geometry:
    """The atoms of a cell, as the kernels want them."""

    lattice: Array
    """Cell vectors as rows in Å, shape (3, 3)."""
    xyz: Array
    """Fractional coordinates, shape (N, 3)."""
    occupancy: Array
    """Occupancies, shape (N,)."""
    weight: Array
    """Occupancy times scattering weight, shape (N,)."""
    orbit: NDArray[np.int64] | None = None
    """Which atoms are equal by symmetry, and have equal weights, shape (N,); None: none are."""

    @property
    def reciprocal(self) -> Array:
        """Reciprocal vectors as columns in Å⁻¹ (no 2π), shape (3, 3)."""
        return np.asarray(np.linalg.inv(self.lattice))


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Moves:
    """How the distances change with the parameters of cell and positions."""

    strains: Array
    """d(vector)/dp = vector @ strains[p], shape (P, 3, 3)."""
    shifts: Array
    """Cartesian d(position of an atom)/dp in Å, shape (P, N, 3)."""


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class PairHistogram:
    """Weighted pairs per class and bin; bin k is the distance k · step."""

    counts: Array
    """Sum of the pair weights, shape (classes, bins)."""
    moved: Array
    """Sum of pair weight times dr/dp, shape (classes, bins, P)."""
    step: float
    """Bin width in Å."""


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Widths:
    """Peak widths: σ² = msd (1 - delta2/r² - delta1/r + qbroad² r²)."""

    msd: Array
    """Mean-square relative displacement of each class in Å², shape (classes,)."""
    members: Array
    """d msd / d displacement of each group, shape (classes, groups)."""
    delta1: float = 0.0
    """Correlated motion, Å."""
    delta2: float = 0.0
    """Correlated motion, Å²."""
    qbroad: float = 0.0
    """Broadening with distance, Å⁻¹."""


def check_distances(geometry: Geometry, labels: list[str], *, within: float = 4.0) -> float:
    """Return the shortest distance in Å (at most `within`) between atoms there at one time.

    Raises
    ------
    BadStructure
        Where two atoms of total occupancy above one lie closer than 0.5 Å.
    """
    from xorder.pdf.kernels import closest_pair

    distance, i, j = closest_pair(
        geometry.lattice, geometry.reciprocal, geometry.xyz, within, geometry.occupancy
    )
    if distance < CLOSEST:
        raise BadStructure(
            f"atoms {labels[i]} and {labels[j]} are {distance:.3f} Å apart with a total occupancy "
            f"of {geometry.occupancy[i] + geometry.occupancy[j]:.3g}",
            expected=f"at least {CLOSEST} Å, or occupancies that sum to one",
        )
    return float(distance)


@functools.cache
def class_members(n_groups: int) -> tuple[NDArray[np.int64], Array]:
    """Return the class of each pair of groups, (G, G), and how often a class holds a group."""
    class_of = np.zeros((n_groups, n_groups), dtype=np.int64)
    members: list[Array] = []
    for first in range(n_groups):
        for second in range(first, n_groups):
            class_of[first, second] = class_of[second, first] = len(members)
            members.append(np.eye(n_groups)[first] + np.eye(n_groups)[second])
    return class_of, np.array(members)


def pair_histogram(
    geometry: Geometry,
    group: NDArray[np.int64],
    *,
    r_max: float,
    step: float,
    r_split: float = 0.0,
    moves: Moves | None = None,
) -> PairHistogram:
    """Return the pairs up to `r_max`, one class for each unordered pair of groups.

    Parameters
    ----------
    geometry
        Atoms of the cell.
    group
        Group of each atom, shape (N,); atoms of a group have one isotropic displacement.
    r_max
        Longest distance in Å.
    step
        Bin width in Å.
    r_split
        Pairs below this distance go into a second set of classes after the first (0: no split).
    moves
        Parameters whose derivatives are wanted.
    """
    class_of, _ = class_members(int(group.max()) + 1)
    table = _pair_table(geometry, class_of[group[:, None], group])
    n_classes = int(class_of.max()) + 1
    n_moves = 0 if moves is None else len(moves.strains)
    columns = np.zeros((n_classes * (2 if r_split > 0 else 1), 1 + n_moves, _bins(r_max, step)))
    columns[:n_classes] = _deposited(geometry, table, n_classes, r_max, step, moves)
    if r_split > 0:
        columns[n_classes:, :, : _bins(r_split, step)] = _deposited(
            geometry, table, n_classes, r_split, step, moves
        )
        columns[:n_classes] -= columns[n_classes:]
    moved = np.ascontiguousarray(np.swapaxes(columns[:, 1:], 1, 2))
    return PairHistogram(counts=np.ascontiguousarray(columns[:, 0]), moved=moved, step=step)


@dataclass(frozen=True, eq=False, slots=True)
class PairTable:
    """Which atoms' images about which atoms are to be summed, each row standing for its equals."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    weight: Array
    row: NDArray[np.int64]
    """Class of each."""
    nearest: Array
    """Distance in Å above which a pair is one."""


def _pair_table(geometry: Geometry, class_of: NDArray[np.int64]) -> PairTable:
    """Return the pairs of atoms, those that symmetry makes equal once.

    Of two orbits, the first atom of one stands for all of it; that with fewer atoms to go round is
    taken, and counts for both directions.
    """
    count = len(geometry.xyz)
    orbit = np.arange(count) if geometry.orbit is None else geometry.orbit
    _, leaders, orbit, sizes = np.unique(
        orbit, return_index=True, return_inverse=True, return_counts=True
    )
    own, other = np.arange(len(leaders))[:, None], orbit[None, :]
    leads = (sizes[other] < sizes[own]) | ((sizes[other] == sizes[own]) & (own <= other))
    a, second = np.nonzero(leads)
    first = leaders[a]
    weight = geometry.weight[first] * geometry.weight[second]
    weight = weight * sizes[a] * np.where(a == orbit[second], 1.0, 2.0)
    seen = weight != 0.0
    first, second, weight = first[seen], second[seen], weight[seen]
    exclusive = geometry.occupancy[first] + geometry.occupancy[second] <= 1.001
    return PairTable(
        first,
        second,
        weight,
        class_of[first, second],
        np.where(exclusive & (first != second), CLOSEST, NO_PAIR),
    )


def _bins(r_max: float, step: float) -> int:
    return math.ceil(r_max / step) + 8


def _deposited(
    geometry: Geometry,
    table: PairTable,
    n_classes: int,
    r_max: float,
    step: float,
    moves: Moves | None,
) -> Array:
    """Return the pairs up to `r_max` and their changes, shape (classes, 1 + P, bins)."""
    from xorder.pdf.pair_kernels import deposit_moments, deposit_moving, stencil_of_moments

    pairs = (
        geometry.lattice, geometry.reciprocal, geometry.xyz, table.first, table.second,
        table.weight, table.row, table.nearest, float(r_max), float(step),
    )  # fmt: skip
    volume = abs(float(np.linalg.det(geometry.lattice)))
    n_pairs = len(table.first) * 4.0 * math.pi / 3.0 * r_max**3 / volume
    n_bins = _bins(r_max, step)
    if moves is not None:
        shape = (n_classes, 1 + len(moves.strains), n_bins)
        return in_threads(
            lambda start, stride, out: deposit_moving(
                *pairs, moves.strains, moves.shifts, start, stride, out
            ),
            np.zeros(shape), n_pairs, None,
        )  # fmt: skip
    moments = in_threads(
        lambda start, stride, out: deposit_moments(*pairs, start, stride, out),
        np.zeros((n_classes, 8 * n_bins)), n_pairs, None,
    )  # fmt: skip
    counts = np.zeros((n_classes, n_bins))
    stencil_of_moments(moments, stencil_matrix(), counts)
    return counts[:, None]


def pair_histogram_anisotropic(
    geometry: Geometry, u: Array, *, r_max: float, step: float
) -> tuple[PairHistogram, Array]:
    """Return the pairs up to `r_max` in classes of displacement along the bond, and the classes.

    Parameters
    ----------
    geometry
        Atoms of the cell.
    u
        Cartesian displacement tensors in Å², shape (N, 3, 3), positive definite.
    r_max
        Longest distance in Å.
    step
        Bin width in Å.

    Returns
    -------
    histogram
        Pairs; `counts` has one row a class.
    msd
        Mean-square relative displacement of the classes in Å², shape (classes,).
    """
    from xorder.pdf.kernels import deposit_pairs_anisotropic

    principal = np.linalg.eigvalsh(u)
    low, high = 2.0 * principal.min(), 2.0 * principal.max()
    start = math.log(low) - 3.5 * LOG_STEP
    n_classes = math.ceil((math.log(high) - start) / LOG_STEP) + 5
    counts = np.zeros((n_classes, math.ceil(r_max / step) + 8))
    deposit_pairs_anisotropic(
        geometry.lattice, geometry.reciprocal, geometry.xyz, geometry.weight, geometry.occupancy,
        u, start, LOG_STEP, 0.05, float(r_max), float(step), counts,
    )  # fmt: skip
    histogram = PairHistogram(counts=counts, moved=np.zeros((*counts.shape, 0)), step=step)
    return histogram, np.exp(start + LOG_STEP * np.arange(n_classes))


def broadened(
    histogram: PairHistogram, widths: Widths, r: Array, *, over_distance: bool, cut: float = CUT
) -> Array:
    """Return the sum of the Gaussian peaks on a uniform grid `r`, shape (N,).

    Each peak is divided by the distance of its pair where `over_distance`.
    """
    from xorder.pdf.kernels import broaden

    out = np.zeros(len(r))
    broaden(
        histogram.counts, histogram.step, widths.msd, widths.delta1, widths.delta2, widths.qbroad,
        float(r[0]), _step(r), cut, over_distance, out,
    )  # fmt: skip
    return out


def broadened_with_derivatives(
    histogram: PairHistogram, widths: Widths, r: Array, *, over_distance: bool, cut: float = CUT
) -> Array:
    """Return the peaks and their derivatives, shape (N, 1 + groups + 3 + P).

    Columns: value, each group's displacement, delta1, delta2, qbroad, each move.
    """
    from xorder.pdf.kernels import broaden_with_derivatives

    n_columns = 1 + widths.members.shape[1] + 3 + histogram.moved.shape[2]
    out = np.zeros((len(r), n_columns))
    broaden_with_derivatives(
        histogram.counts, histogram.moved, histogram.step, widths.msd, widths.members,
        widths.delta1, widths.delta2, widths.qbroad,
        float(r[0]), _step(r), cut, over_distance, out,
    )  # fmt: skip
    return out


def _step(r: Array) -> float:
    return float((r[-1] - r[0]) / (len(r) - 1))
