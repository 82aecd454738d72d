"""Distances between the atoms of a periodic cell, as histograms that can be broadened.

A histogram holds one class for each mean-square relative displacement. Its bins are not a
rounding: the eight-point stencil of the deposit makes a sum of smooth functions over bins equal to
the sum over pairs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xorder.errors import BadStructure
from xorder.pdf.moments import in_threads
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
    from xorder.pdf.kernels import deposit_pairs, deposit_pairs_still

    class_of, _ = class_members(int(group.max()) + 1)
    n_classes = int(class_of.max() + 1) * (2 if r_split > 0 else 1)
    n_bins = math.ceil(r_max / step) + 8
    counts = np.zeros((n_classes, n_bins))
    if moves is None:
        counts = in_threads(
            lambda first, stride, out: deposit_pairs_still(
                geometry.lattice, geometry.reciprocal, geometry.xyz, geometry.weight,
                geometry.occupancy, group, class_of, 0.05, float(r_max), float(r_split),
                float(step), first, stride, out,
            ),
            counts,
            _pairs_within(geometry, r_max),
            None,
        )  # fmt: skip
        return PairHistogram(counts=counts, moved=np.zeros((n_classes, n_bins, 0)), step=step)
    moved = np.zeros((n_classes, n_bins, len(moves.strains)))
    deposit_pairs(
        geometry.lattice, geometry.reciprocal, geometry.xyz, geometry.weight, geometry.occupancy,
        group, class_of, 0.05, float(r_max), float(r_split), float(step),
        moves.strains, moves.shifts, counts, moved,
    )  # fmt: skip
    return PairHistogram(counts=counts, moved=moved, step=step)


def _pairs_within(geometry: Geometry, r_max: float) -> float:
    volume = abs(float(np.linalg.det(geometry.lattice)))
    return len(geometry.xyz) ** 2 * 2.0 * math.pi / 3.0 * r_max**3 / volume


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
