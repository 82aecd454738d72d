"""Atoms around an absorber: cut out of crystals, mixed ones by draws, clusters and MD frames."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from xorder.errors import BadInput, StructureWarning
from xorder.results import Array
from xorder.structure import Crystal, lattice_from_cell, unit_cell_atoms

__all__ = ["Arrangement", "Cluster", "Structure", "clusters_around"]

#: FEFF's arrays end at this many atoms.
MOST_ATOMS = 500

#: Partly occupied positions nearer than this (Å) are one position, and only one of them is taken.
ONE_POSITION = 0.5

#: What a full site's occupancy may lack by rounding.
FULL = 0.999


class Arrangement(Protocol):
    """Atoms with positions: a cluster, or a periodic box such as a frame of molecular dynamics."""

    @property
    def positions(self) -> Array:
        """Cartesian coordinates in Å, shape (N, 3)."""

    @property
    def elements(self) -> NDArray[np.str_]:
        """Chemical symbols, shape (N,)."""

    @property
    def lattice(self) -> Array | None:
        """Vectors of the periodic box as rows in Å, shape (3, 3); None for a cluster."""


Structure = Crystal | Arrangement


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Cluster:
    """Atoms around one absorber."""

    positions: Array
    """Positions in Å from the absorber, which is the first, shape (N, 3)."""
    elements: tuple[str, ...]
    """Chemical symbols, the absorber's first."""
    site: str
    """Which absorber: the site's label, or the element with the number of the atom."""
    share: float = 1.0
    """Share of all absorbers that this one stands for."""


def clusters_around(
    structure: Structure | Sequence[Structure],
    absorber: str,
    *,
    radius: float,
    site: str | None = None,
    configurations: int = 8,
    seed: int = 0,
    n_absorbers: int | None = None,
) -> tuple[Cluster, ...]:
    """Return the clusters whose average the absorbers of an element see; shares add to 1.

    Parameters
    ----------
    structure
        A crystal, a cluster, a periodic box, or several of these of equal weight, such as the
        frames of a trajectory.
    absorber
        Element of the absorber.
    radius
        Radius in Å.
    site
        Label of one site of a crystal, or one atom of a box (``"Ta3"`` is its third Ta); all where
        None, each inequivalent site by its multiplicity and occupancy.
    configurations
        Draws where positions within the radius are mixed or partly empty: each position gets one
        of its atoms, or none, by the occupancies, independent of the others.
    seed
        Seed of all draws.
    n_absorbers
        At most this many of the clusters, drawn without replacement; all where None.

    Raises
    ------
    BadInput
        An element or site that is not there, positions that are none, or too many atoms.
    """
    if configurations < 1:
        raise BadInput(f"configurations is {configurations}", expected="1 or more")
    if seed < 0:
        raise BadInput(f"seed is {seed}", expected="0 or more")
    if n_absorbers is not None and n_absorbers < 1:
        raise BadInput(f"n_absorbers is {n_absorbers}", expected="1 or more, or None for all")
    if isinstance(structure, Sequence) and not isinstance(structure, str):
        several: Sequence[Structure] = structure
    else:
        several = (structure,)
    if not several:
        raise BadInput("there is no structure", expected="at least one crystal or frame")
    found: list[Cluster] = []
    for number, one in enumerate(several):
        tag = f" of {number + 1}" if len(several) > 1 else ""
        made = (
            _of_crystal(one, absorber, radius, site, configurations, seed + number)
            if isinstance(one, Crystal)
            else _of_arrangement(_checked(one), absorber, radius, site)
        )
        found += [replace(c, site=f"{c.site}{tag}", share=c.share / len(several)) for c in made]
    if n_absorbers is not None and n_absorbers < len(found):
        found = _drawn(found, n_absorbers, seed)
    return tuple(found)


def _of_crystal(
    crystal: Crystal,
    absorber: str,
    radius: float,
    site: str | None,
    configurations: int,
    seed: int,
) -> list[Cluster]:
    atoms = unit_cell_atoms(crystal)
    centres = _crystal_absorbers(crystal, absorber, site)
    weights = [
        float(crystal.sites[i].occupancy * np.count_nonzero(atoms.site == i)) for i in centres
    ]
    lattice = lattice_from_cell(crystal.cell)
    made, mixed = [], 0
    for index, weight in zip(centres, weights, strict=True):
        centre = int(np.flatnonzero(atoms.site == index)[0])
        positions, which = _around(atoms.cartesian, lattice, centre, radius)
        draws = _draws(positions, atoms.occupancy[which], configurations, (seed, index))
        mixed += len(draws) > 1 or bool(np.any(atoms.occupancy[which] < FULL))
        share = weight / sum(weights) / len(draws)
        label = crystal.sites[index].label
        for kept in draws:
            elements = atoms.elements[which[kept]]
            made.append(_cluster(positions[kept], elements, absorber, label, share, radius))
    if mixed:
        warnings.warn(
            f"{crystal.name}: positions around {absorber} are mixed or partly empty; the average "
            f"is over {configurations} configurations drawn with seed {seed}",
            StructureWarning,
            stacklevel=5,
        )
    return made


def _of_arrangement(
    box: Arrangement, absorber: str, radius: float, site: str | None
) -> list[Cluster]:
    name = str(getattr(box, "name", "")) or "the cluster"
    elements = np.asarray(box.elements)
    centres = np.flatnonzero(elements == absorber)
    if centres.size == 0:
        raise _no_absorber(name, absorber, elements.tolist())
    labels = [f"{absorber}{n}" for n in range(1, centres.size + 1)]
    if site is not None:
        _check_label(name, absorber, site, labels)
    chosen = [(la, i) for la, i in zip(labels, centres, strict=True) if site in (None, la)]
    made = []
    for label, centre in chosen:
        positions, which = _around(np.asarray(box.positions), box.lattice, int(centre), radius)
        share = 1.0 / len(chosen)
        made.append(_cluster(positions, elements[which], absorber, label, share, radius))
    return made


def _checked(box: Arrangement) -> Arrangement:
    """Return a cluster or box whose positions and lattice can be used."""
    missing = [n for n in ("positions", "elements", "lattice") if not hasattr(box, n)]
    if missing:
        raise BadInput(
            f"the structure is a {type(box).__name__} without {', '.join(missing)}",
            expected="a Crystal (load_structure, references.load), or atoms with positions, "
            "elements and lattice",
        )
    positions = np.asarray(box.positions, dtype=float)
    count = len(np.asarray(box.elements))
    if positions.shape != (count, 3) or not np.all(np.isfinite(positions)):
        raise BadInput(
            f"positions have shape {positions.shape}, {np.count_nonzero(~np.isfinite(positions))} "
            f"numbers are not finite, and there are {count} elements",
            expected="finite x, y, z of each atom",
        )
    if box.lattice is not None:
        lattice = np.asarray(box.lattice, dtype=float)
        if lattice.shape != (3, 3) or not abs(np.linalg.det(lattice)) > 1.0:
            raise BadInput(
                f"the lattice is {lattice.tolist()}", expected="three vectors in Å, or None"
            )
    return box


def _around(
    cartesian: Array, lattice: Array | None, centre: int, radius: float
) -> tuple[Array, NDArray[np.int64]]:
    """Return positions from the centre, nearest first and without it, and the atoms they are of."""
    offsets = cartesian - cartesian[centre]
    if lattice is None:
        shifts = np.zeros((1, 3))
    else:
        inverse = np.linalg.inv(lattice)
        offsets = offsets - np.round(offsets @ inverse) @ lattice
        # Half a cell further than the radius reaches, as offsets are within half a cell.
        reach = np.ceil(radius * np.linalg.norm(inverse, axis=0) + 0.5).astype(int)
        grid = np.meshgrid(*(np.arange(-n, n + 1) for n in reach), indexing="ij")
        shifts = np.stack(grid, axis=-1).reshape(-1, 3) @ lattice
    positions = (offsets[None, :, :] + shifts[:, None, :]).reshape(-1, 3)
    distance = np.linalg.norm(positions, axis=1)
    near = np.flatnonzero((distance <= radius) & (distance > ONE_POSITION))
    order = near[np.argsort(np.round(distance[near], 6), kind="stable")]
    return positions[order], order % len(cartesian)


def _draws(
    positions: Array, occupancy: Array, configurations: int, seed: tuple[int, ...]
) -> list[NDArray[np.int64]]:
    """Return which atoms each configuration has: all, where all are full."""
    partly = np.flatnonzero(occupancy < FULL)
    everyone = np.arange(len(positions))
    if partly.size == 0:
        return [everyone]
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    apart = np.linalg.norm(positions[partly, None] - positions[None, partly], axis=-1)
    _, group = connected_components(csr_array(apart < ONE_POSITION), directed=False)
    members = [partly[group == number] for number in range(group.max() + 1)]
    full = np.setdiff1d(everyone, partly)
    generator = np.random.default_rng(seed)
    drawn = []
    for _ in range(configurations):
        chosen = [_one_of(m, occupancy[m], float(generator.random())) for m in members]
        drawn.append(np.sort(np.concatenate([full, *chosen])).astype(np.int64))
    return drawn


def _one_of(members: NDArray[np.int64], occupancy: Array, chance: float) -> NDArray[np.int64]:
    """Return the one member that a number from 0 to 1 falls on, or none."""
    edges = np.cumsum(occupancy) / max(1.0, float(occupancy.sum()))
    index = int(np.searchsorted(edges, chance, side="right"))
    return members[index : index + 1]


def _drawn(found: list[Cluster], count: int, seed: int) -> list[Cluster]:
    chosen = np.random.default_rng(seed).choice(len(found), size=count, replace=False)
    total = sum(found[i].share for i in chosen)
    return [replace(found[i], share=found[i].share / total) for i in np.sort(chosen)]


def _cluster(
    positions: Array,
    elements: Iterable[str],
    absorber: str,
    label: str,
    share: float,
    radius: float,
) -> Cluster:
    if len(positions) + 1 > MOST_ATOMS:
        raise BadInput(
            f"the cluster has {len(positions) + 1} atoms within {radius:g} Å",
            expected=f"at most {MOST_ATOMS}; give a smaller radius",
        )
    return Cluster(
        positions=np.vstack([np.zeros(3), positions]),
        elements=(absorber, *map(str, elements)),
        site=label,
        share=share,
    )


def _crystal_absorbers(crystal: Crystal, absorber: str, site: str | None) -> list[int]:
    sites = enumerate(crystal.sites)
    indices = [i for i, s in sites if s.element == absorber and s.occupancy > 0]
    if not indices:
        raise _no_absorber(crystal.name, absorber, [s.element for s in crystal.sites])
    if site is None:
        return indices
    labels = [crystal.sites[i].label for i in indices]
    _check_label(crystal.name, absorber, site, labels)
    return [indices[labels.index(site)]]


def _check_label(name: str, absorber: str, site: str, labels: list[str]) -> None:
    if site not in labels:
        known = labels if len(labels) < 12 else [*labels[:3], "…", labels[-1]]
        raise BadInput(f"{name} has no {absorber} site {site!r}", expected=f"one of {known}")


def _no_absorber(name: str, absorber: str, elements: Iterable[str]) -> BadInput:
    present = ", ".join(sorted(set(map(str, elements))))
    return BadInput(f"{name} has no {absorber}", expected=f"one of {present}")
