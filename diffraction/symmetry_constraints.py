"""What a crystal's own operations leave free: of its cell, and of each site's coordinates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from xorder.results import Array
from xorder.structure import Crystal, lattice_from_cell, special_positions

__all__ = [
    "SiteFreedom",
    "identifier",
    "mixed_site_ties",
    "occupancy_limits",
    "site_freedom",
]

#: Images of a site nearer than this (Å) to it are the site itself.
SAME_POSITION = 0.05


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
