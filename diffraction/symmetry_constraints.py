"""What a crystal's own operations leave free: of its cell, and of each site's coordinates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from xorder.results import Array
from xorder.structure import Crystal, lattice_from_cell, special_positions

__all__ = [
    "CELL_NAMES",
    "CellFreedom",
    "SiteFreedom",
    "cell_freedom",
    "identifier",
    "mixed_site_ties",
    "occupancy_limits",
    "site_freedom",
]

CELL_NAMES = ("a", "b", "c", "alpha", "beta", "gamma")
#: Images of a site nearer than this (Å) to it are the site itself.
SAME_POSITION = 0.05
#: The pairs of axes between which α, β and γ lie.
PAIRS = ((1, 2), (0, 2), (0, 1))


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class CellFreedom:
    """The cell as a function of its free lengths and angles."""

    start: Array
    """Cell of the structure, shape (6,)."""
    tied: tuple[int, ...]
    """For each of the six the index of the free one it equals, or -1 where symmetry fixes it."""

    @property
    def names(self) -> tuple[str, ...]:
        """Free lengths and angles, of ``a b c alpha beta gamma``."""
        return tuple(CELL_NAMES[i] for i in range(6) if self.tied[i] == i)

    def cell(self, values: Mapping[str, float]) -> Array:
        """Return the six cell parameters; what is not among `values` stays as it was."""
        return np.array(
            [
                start if free < 0 else values.get(CELL_NAMES[free], start)
                for start, free in zip(self.start.tolist(), self.tied, strict=True)
            ]
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
class SiteFreedom:
    """One free direction of one site: ``x_O1`` moves the site along `direction`."""

    name: str
    """Coordinate and label, such as ``"x_O1"``."""
    site: int
    """Index of the site in the crystal."""
    axis: int
    """Index of the coordinate that the name is of."""
    direction: Array
    """Fractional change of the site for a unit change, shape (3,)."""
    start: float
    """Start value of the coordinate."""


def cell_freedom(crystal: Crystal) -> CellFreedom:
    """Return which cell parameters the crystal's operations leave free.

    Metrics that the operations leave as they are are means over :math:`R^T G R`: what varies among
    such means of random metrics is free, and what varies together is tied.
    """
    lattice = lattice_from_cell(crystal.cell)
    metric = lattice @ lattice.T
    lengths = np.sqrt(np.diag(metric))
    rotations = np.unique(crystal.rotations, axis=0).astype(float)
    generator = np.random.default_rng(11)
    cells = []
    for noise in generator.normal(size=(3, 3, 3)) * 0.01:
        strained = metric + (noise + noise.T) * np.outer(lengths, lengths)
        mean = np.einsum("mji,jk,mkl->il", rotations, strained, rotations) / len(rotations)
        cells.append(_cell_from_metric(mean))
    samples = np.array(cells)
    tied = []
    for i in range(6):
        moves = np.ptp(samples[:, i]) > 1e-7 * samples[0, i]
        group = range(3 * (i // 3), i + 1)
        equal = [j for j in group if np.allclose(samples[:, j], samples[:, i], rtol=1e-8)]
        tied.append(equal[0] if moves else -1)
    return CellFreedom(start=np.asarray(crystal.cell, dtype=float), tied=tuple(tied))


def site_freedom(crystal: Crystal) -> tuple[SiteFreedom, ...]:
    """Return the coordinates that the site symmetries leave free.

    The mean of the rotations that leave a site in place maps onto its free directions. Where the
    group is polar its origin is arbitrary along the polar axes: the first coordinate that is free
    along each stays where it is.
    """
    lattice = lattice_from_cell(crystal.cell)
    positions = special_positions(crystal, lattice)
    polar = {axis for axis, _ in _echelon(crystal.rotations.mean(axis=0))}
    found: list[SiteFreedom] = []
    for index, position in enumerate(positions):
        moved = crystal.rotations @ position + crystal.translations - position
        distance = np.linalg.norm((moved - np.round(moved)) @ lattice, axis=1)
        stabiliser = crystal.rotations[distance < SAME_POSITION].mean(axis=0)
        for axis, direction in _echelon(stabiliser):
            if axis in polar:
                polar.remove(axis)
                continue
            name = f"{'xyz'[axis]}_{identifier(crystal.sites[index].label)}"
            found.append(
                SiteFreedom(
                    name=name, site=index, axis=axis, direction=direction,
                    start=float(position[axis]),
                )
            )  # fmt: skip
    return tuple(found)


def mixed_site_ties(
    crystal: Crystal,
    positions: Sequence[SiteFreedom],
    displacements: Mapping[str, Sequence[int]],
    occupancies: Mapping[str, int],
) -> dict[str, str]:
    """Return the parameters that mixed positions tie to others, as expressions in their names.

    Parameters
    ----------
    crystal
        The structure.
    positions
        Free coordinates.
    displacements, occupancies
        Sites of each displacement, site of each occupancy, by name.
    """
    ties: dict[str, str] = {}
    for group in _mixed_positions(crystal):
        for axis in range(3):
            names = [p.name for p in positions if p.site in group and p.axis == axis]
            ties |= dict.fromkeys(names[1:], names[0] if names else "")
        own = [n for n, members in displacements.items() if group.intersection(members)]
        ties |= dict.fromkeys(own[1:], own[0] if own else "")
        refined = [name for name, site in occupancies.items() if site in group]
        if len(refined) == len(group):
            total = sum(float(crystal.sites[i].occupancy) for i in group)
            ties[refined[-1]] = " - ".join([repr(total), *refined[:-1]])
    return ties


def occupancy_limits(crystal: Crystal, occupancies: Mapping[str, int]) -> dict[str, float]:
    """Return the most that each refined occupancy can be: what other atoms leave of its place."""
    limits = dict.fromkeys(occupancies, 1.0)
    refined = set(occupancies.values())
    for group in _mixed_positions(crystal):
        taken = sum(float(crystal.sites[i].occupancy) for i in group - refined)
        for name, site in occupancies.items():
            if site in group:
                limits[name] = max(1.0 - taken, float(crystal.sites[site].occupancy), 1e-3)
    return limits


def _mixed_positions(crystal: Crystal) -> list[set[int]]:
    """Return the sites of each position that more than one of them has."""
    lattice = lattice_from_cell(crystal.cell)
    xyz = np.array([site.xyz for site in crystal.sites], dtype=float)
    gap = xyz[:, None] - xyz[None]
    near = np.linalg.norm((gap - np.round(gap)) @ lattice, axis=2) < SAME_POSITION
    groups = [set(np.flatnonzero(row).tolist()) for row in near]
    return [g for i, g in enumerate(groups) if len(g) > 1 and min(g) == i]


def identifier(label: str) -> str:
    """Return a label as a part of a parameter's name."""
    return "".join(c if c.isalnum() and c.isascii() else "_" for c in label)


def _echelon(projection: Array) -> list[tuple[int, Array]]:
    """Return (axis, direction) of the space a projection maps onto, direction[axis] = 1."""
    rows = np.array(projection.T, dtype=float)
    found: list[tuple[int, Array]] = []
    for axis in range(3):
        pivot = int(np.argmax(np.abs(rows[:, axis])))
        if abs(rows[pivot, axis]) < 1e-6:
            continue
        direction = rows[pivot] / rows[pivot, axis]
        rows = rows - np.outer(rows[:, axis], direction)
        found = [(a, d - d[axis] * direction) for a, d in found]
        found.append((axis, direction))
    return found


def _cell_from_metric(metric: Array) -> Array:
    lengths = np.sqrt(np.diag(metric))
    cosines = metric / np.outer(lengths, lengths)
    angles = np.rad2deg(np.arccos([cosines[i, j] for i, j in PAIRS]))
    return np.concatenate([lengths, angles])
