"""Which cell lengths, angles and coordinates symmetry leaves free."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from xorder.results import Array
from xorder.structure import SAME_POSITION, Atoms, Crystal, lattice_from_cell

__all__ = ["CELL_NAMES", "CellFreedom", "PositionFreedom", "cell_freedom", "position_freedom"]

CELL_NAMES = ("a", "b", "c", "alpha", "beta", "gamma")
#: The pairs of axes between which α, β and γ lie.
PAIRS = ((1, 2), (0, 2), (0, 1))


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class CellFreedom:
    """The cell as a function of its free lengths and angles."""

    start: Array
    """Cell of the structure, shape (6,)."""
    names: tuple[str, ...]
    """Free lengths and angles, of ``a b c alpha beta gamma``."""
    tied: tuple[int, ...]
    """For each of the six: the index of the free one it equals, or -1 where it is fixed."""

    def value(self, name: str) -> float:
        """Return the start value of a length or angle."""
        return float(self.start[CELL_NAMES.index(name)])

    def cell(self, values: Mapping[str, float]) -> Array:
        """Return the six cell parameters; free ones that are not given stay as they were."""
        return np.array(
            [
                self.start[i] if free < 0 else values.get(CELL_NAMES[free], self.start[free])
                for i, free in enumerate(self.tied)
            ]
        )

    def strain(self, values: Mapping[str, float], name: str) -> Array:
        """Return M with d(vector)/d(name) = vector @ M, shape (3, 3)."""
        cell = self.cell(values)
        index = CELL_NAMES.index(name)
        step = np.where(np.array(self.tied) == index, 1e-5 * cell[index], 0.0)
        up, down = lattice_from_cell(cell + step), lattice_from_cell(cell - step)
        return np.asarray(
            np.linalg.inv(lattice_from_cell(cell)) @ (up - down) / (2.0 * step[index])
        )

    def reciprocal_metric(self, values: Mapping[str, float]) -> tuple[Array, dict[str, Array]]:
        r"""Return :math:`G^*` and its derivative by each free parameter, shape (3, 3) each.

        With :math:`G_{ij} = l_i l_j \cos\angle_{ij}`, :math:`G^* = G^{-1}` and
        :math:`dG^* = -G^*\,dG\,G^*`; angles in degrees.
        """
        cell = self.cell(values)
        lengths, angles = cell[:3], np.deg2rad(cell[3:])
        cosines = np.eye(3)
        for (i, j), angle in zip(PAIRS, angles.tolist(), strict=True):
            cosines[i, j] = cosines[j, i] = np.cos(angle)
        inverse: Array = np.asarray(np.linalg.inv(cosines * np.outer(lengths, lengths)))
        slopes: dict[str, Array] = {name: np.zeros((3, 3)) for name in self.names}
        for index, free in enumerate(self.tied):
            if free < 0:
                continue
            change = np.zeros((3, 3))
            if index < 3:
                change[index, :] = cosines[index] * lengths
                change[:, index] += change[index, :].copy()
            else:
                i, j = PAIRS[index - 3]
                slope = -np.sin(angles[index - 3]) * lengths[i] * lengths[j]
                change[i, j] = change[j, i] = np.deg2rad(slope)
            slopes[CELL_NAMES[free]] -= inverse @ change @ inverse
        return inverse, slopes


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class PositionFreedom:
    """The free coordinates of all sites."""

    names: tuple[str, ...]
    """Names such as ``"z_Se1"``, one a free direction."""
    site: tuple[int, ...]
    """Index of the site of each free direction."""
    direction: Array
    """Fractional change of the site for a unit change, shape (names, 3)."""
    start: Array
    """Start values: the coordinate the name is of, shape (names,)."""
    n_sites: int
    """Number of sites."""
    rotations: Array
    """Rotations of the crystal's operations, shape (M, 3, 3)."""

    def site_shifts(self, values: Mapping[str, float]) -> Array:
        """Return how far each site has moved from its start, fractions, shape (sites, 3)."""
        shifts = np.zeros((self.n_sites, 3))
        for name, site, direction, start in zip(
            self.names, self.site, self.direction, self.start, strict=True
        ):
            shifts[site] += direction * (values.get(name, start) - start)
        return shifts

    def atom_shifts(self, values: Mapping[str, float], atoms: Atoms) -> Array:
        """Return how far each atom of the cell has moved, fractions, shape (N, 3)."""
        shifts = self.site_shifts(values)
        if not shifts.any():
            return np.zeros_like(atoms.xyz)
        rotations = self.rotations[atoms.operation]
        return np.asarray(np.einsum("nij,nj->ni", rotations, shifts[atoms.site]))

    def atom_direction(self, name: str, atoms: Atoms) -> Array:
        """Return the fractional shift of each atom for a unit change of `name`, shape (N, 3)."""
        index = self.names.index(name)
        moved = (atoms.site == self.site[index])[:, None]
        return np.asarray(self.rotations[atoms.operation] @ self.direction[index] * moved)


def cell_freedom(crystal: Crystal) -> CellFreedom:
    """Return which cell parameters the crystal's operations leave free.

    A metric that the operations leave as it is is a mean over RᵀGR; parameters that move in random
    such metrics are free, and those that move together are tied.
    """
    lattice = lattice_from_cell(crystal.cell)
    metric = lattice @ lattice.T
    lengths = np.sqrt(np.diag(metric))
    generator = np.random.default_rng(0)
    samples = []
    for _ in range(3):
        noise = generator.normal(size=(3, 3)) * 0.01
        strained = metric + (noise + noise.T) * np.outer(lengths, lengths)
        mean = np.mean([rotation.T @ strained @ rotation for rotation in crystal.rotations], axis=0)
        samples.append(_cell_from_metric(mean))
    cells = np.array(samples)
    tied = []
    for i in range(6):
        moves = np.ptp(cells[:, i]) > 1e-7 * cells[0, i]
        # Lengths tie to lengths and angles to angles; the first of a set is the free one.
        same = [
            j
            for j in range(3 * (i // 3), i + 1)
            if np.allclose(cells[:, j], cells[:, i], rtol=1e-8)
        ]
        tied.append(same[0] if moves else -1)
    names = tuple(CELL_NAMES[i] for i in range(6) if tied[i] == i)
    return CellFreedom(start=np.array(crystal.cell, dtype=float), names=names, tied=tuple(tied))


def position_freedom(crystal: Crystal) -> PositionFreedom:
    """Return the coordinates that the site symmetries leave free.

    In a polar group the origin is arbitrary along the polar axes; the first coordinate that is free
    along each stays where it is.
    """
    lattice = lattice_from_cell(crystal.cell)
    arbitrary = {axis for axis, _ in _echelon(crystal.rotations.mean(axis=0))}
    names: list[str] = []
    sites: list[int] = []
    directions: list[Array] = []
    starts: list[float] = []
    for index, site in enumerate(crystal.sites):
        moved = crystal.rotations @ site.xyz + crystal.translations - site.xyz
        distance = np.linalg.norm((moved - np.round(moved)) @ lattice, axis=1)
        projection = crystal.rotations[distance < SAME_POSITION].mean(axis=0)
        for axis, direction in _echelon(projection):
            if axis in arbitrary:
                arbitrary.remove(axis)
                continue
            label = "".join(c if c.isalnum() else "_" for c in site.label)
            names.append(f"{'xyz'[axis]}_{label}")
            sites.append(index)
            directions.append(direction)
            starts.append(float(site.xyz[axis]))
    return PositionFreedom(
        names=tuple(names),
        site=tuple(sites),
        direction=np.array(directions).reshape(-1, 3),
        start=np.array(starts),
        n_sites=len(crystal.sites),
        rotations=crystal.rotations.astype(float),
    )


def _echelon(projection: Array) -> list[tuple[int, Array]]:
    """Return (axis, direction) of the space a projection maps onto, direction[axis] = 1."""
    rows = projection.T.copy()
    found: list[tuple[int, Array]] = []
    for axis in range(3):
        pivot = int(np.argmax(np.abs(rows[:, axis])))
        if abs(rows[pivot, axis]) < 1e-6:
            continue
        direction = rows[pivot] / rows[pivot, axis]
        rows -= np.outer(rows[:, axis], direction)
        found = [(a, d - d[axis] * direction) for a, d in found]
        found.append((axis, direction))
    return found


def _cell_from_metric(metric: Array) -> Array:
    lengths = np.sqrt(np.diag(metric))
    cosines = metric / np.outer(lengths, lengths)
    angles = np.rad2deg(np.arccos([cosines[1, 2], cosines[0, 2], cosines[0, 1]]))
    return np.concatenate([lengths, angles])
