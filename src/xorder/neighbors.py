"""Which atoms are near which: all pairs within a radius, bonds, coordination numbers.

Two atoms are bonded when they are nearer than `BOND` times the sum of their covalent radii
(Cordero et al., Dalton Trans. 2008, 2832) and no non-metal atom lies in the sphere that has the
pair as its diameter (Gabriel & Sokal, Syst. Zool. 18, 259 (1969)): Hf–Hf across an oxygen is no
bond, Re–Re in a cluster is one. Two metals in a compound with non-metals are bonded only when
nearer than the sum of the radii itself, and never when one is an alkali or alkaline earth.
Alternatives of one disordered position are no neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xorder.errors import BadInput
from xorder.results import Array, Result, quantity, recorded
from xorder.scattering import atomic_number, covalent_radius, is_metal
from xorder.structure import Atoms, Crystal, unit_cell_atoms

__all__ = ["Bonds", "Pairs", "coordination_numbers", "find_bonds", "pairs_within"]

#: A bond is shorter than this times the sum of the covalent radii.
BOND = 1.25
#: The same for two metals in a compound with non-metals.
METAL_BOND = 1.0
#: Atomic numbers of the alkali metals and the alkaline earths: ions beside non-metals.
IONS = (3, 4, 11, 12, 19, 20, 37, 38, 55, 56, 87, 88)
#: Up to this many pairs a plain search is faster than loading and building a tree.
PLAIN_SEARCH = 200_000
#: Distances that agree to this many decimals are sorted as equal.
EQUAL = 6
#: Partly occupied atoms nearer than this times the sum of the radii are alternatives.
ALTERNATIVE = 0.7


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Pairs:
    """Pairs of atoms: from atoms of the cell to atoms of the cell or its periodic images."""

    first: NDArray[np.int64]
    """Index of the atom of the cell, shape (P,)."""
    second: NDArray[np.int64]
    """Index of the atom whose image is the neighbour, shape (P,)."""
    vector: Array
    """From first to second in Cartesian axes, Å, shape (P, 3)."""
    distance: Array
    """Length of `vector` in Å, shape (P,)."""


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Bonds(Result):
    """Bonds of one atom of each site, by site and length."""

    label: NDArray[np.str_] = quantity(dims=("label",))
    """Label of the site, shape (B,)."""
    neighbor: NDArray[np.str_] = quantity(dims=("label",))
    """Label of the neighbour's site, shape (B,)."""
    length: Array = quantity("Å", symbol="d", dims=("label",))
    """Bond length, shape (B,)."""
    occupancy: Array = quantity(dims=("label",))
    """Occupancy of the neighbour: what the bond counts in a coordination number."""
    site: NDArray[np.int64] = quantity(dims=("label",))
    """Index of the site, shape (B,)."""
    neighbor_site: NDArray[np.int64] = quantity(dims=("label",))
    """Index of the neighbour's site, shape (B,)."""
    rule: str = ""
    """What counts as a bond."""


def pairs_within(atoms: Atoms, radius: float, *, centers: NDArray[np.int64] | None = None) -> Pairs:
    """Return all pairs of atoms nearer than a radius, periodic images included.

    Each pair stands twice, once from either end. An atom is no neighbour of itself, but its images
    are.

    Parameters
    ----------
    atoms
        Atoms of the unit cell.
    radius
        Largest distance, in Å.
    centers
        Indices of the atoms to start from; by default all.

    Raises
    ------
    BadInput
        Where the radius is not above zero.
    """
    if not (np.isfinite(radius) and radius > 0):
        raise BadInput(f"the radius is {radius:g} Å", expected="a number above zero")
    chosen = np.arange(len(atoms.xyz)) if centers is None else np.asarray(centers)
    shifts, second = _images_near_cell(atoms, radius)
    starts = atoms.xyz[chosen] @ atoms.lattice
    images = (atoms.xyz[second] + shifts) @ atoms.lattice
    start, image = _close(starts, images, radius)
    itself = (chosen[start] == second[image]) & ~shifts[image].any(axis=1)
    start, image = start[~itself], image[~itself]
    vector = images[image] - starts[start]
    distance = np.linalg.norm(vector, axis=1)
    order = np.lexsort((second[image], np.round(distance, EQUAL), start))
    return Pairs(
        first=chosen[start][order],
        second=second[image][order],
        vector=vector[order],
        distance=distance[order],
    )


@recorded
def find_bonds(
    crystal: Crystal, *, factor: float = BOND, metal_factor: float = METAL_BOND
) -> Bonds:
    """Return the bonds of one atom of each site.

    Parameters
    ----------
    crystal
        The structure.
    factor
        A bond is shorter than this times the sum of the covalent radii.
    metal_factor
        The same for two metals in a compound that also holds non-metals.

    Raises
    ------
    BadInput
        Where a factor is not above zero.
    """
    atoms = unit_cell_atoms(crystal)
    _, centers = np.unique(atoms.site, return_index=True)
    kinds = _kinds(crystal)
    reach = 2.0 * max(factor, metal_factor) * float(kinds.radius.max())
    pairs = pairs_within(atoms, reach, centers=centers)
    one, two = atoms.site[pairs.first], atoms.site[pairs.second]
    reduced = pairs.distance / (kinds.radius[one] + kinds.radius[two])
    near = (reduced < factor) & ~_alternatives(crystal, one, two, reduced)
    if kinds.metal.any() and not kinds.metal.all():
        metals = kinds.metal[one] & kinds.metal[two]
        bridge = near & ~kinds.metal[two]
        near &= ~metals | ((reduced < metal_factor) & ~kinds.ion[one] & ~kinds.ion[two])
        near[near] = ~_bridged(pairs, near, bridge)
    order = np.lexsort((two[near], np.round(pairs.distance[near], EQUAL), one[near]))
    one, two = one[near][order], two[near][order]
    labels = np.array([site.label for site in crystal.sites])
    return Bonds(
        label=labels[one],
        neighbor=labels[two],
        length=pairs.distance[near][order],
        occupancy=np.array([site.occupancy for site in crystal.sites], dtype=float)[two],
        site=one,
        neighbor_site=two,
        rule=(
            f"shorter than {factor:g} × the sum of the covalent radii (Cordero 2008), no non-metal "
            f"between; two metals beside non-metals {metal_factor:g} ×, alkali and alkaline earths "
            f"never; alternatives of one position left out"
        ),
    )


def coordination_numbers(crystal: Crystal, bonds: Bonds | None = None) -> Array:
    """Return the coordination number of each site, neighbours counted by their occupancy.

    Shape (N,), one entry a site of `crystal`.
    """
    bonds = find_bonds(crystal) if bonds is None else bonds
    count = len(crystal.sites)
    return np.asarray(np.bincount(bonds.site, bonds.occupancy, minlength=count), dtype=float)


def _close(
    starts: Array, images: Array, radius: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return which points of two sets are nearer than a radius."""
    if len(starts) * len(images) <= PLAIN_SEARCH:
        squared = np.sum((starts[:, None, :] - images[None, :, :]) ** 2, axis=2)
        start, image = np.nonzero(squared <= radius**2)
        return start.astype(np.int64), image.astype(np.int64)
    from scipy.spatial import cKDTree

    found = cKDTree(starts).sparse_distance_matrix(cKDTree(images), radius, output_type="ndarray")
    return found["i"], found["j"]


def _images_near_cell(atoms: Atoms, radius: float) -> tuple[Array, NDArray[np.int64]]:
    """Return cell shifts and atom indices of all images within a radius of the cell's faces."""
    margin = radius * np.linalg.norm(np.linalg.inv(atoms.lattice), axis=0)
    reach = np.ceil(margin).astype(int)
    axes = [np.arange(-n, n + 1) for n in reach]
    shifts = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3).astype(float)
    low, high = atoms.xyz.min(axis=0) - margin - 1e-9, atoms.xyz.max(axis=0) + margin + 1e-9
    images = shifts[:, None, :] + atoms.xyz
    near = np.all((images >= low) & (images <= high), axis=2)
    shift_index, atom_index = np.nonzero(near)
    return shifts[shift_index], atom_index


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class _Kinds:
    """What the elements of the sites are, one entry a site."""

    radius: Array
    metal: NDArray[np.bool_]
    ion: NDArray[np.bool_]


def _kinds(crystal: Crystal) -> _Kinds:
    elements = [site.element for site in crystal.sites]
    return _Kinds(
        radius=np.array([covalent_radius(element) for element in elements]),
        metal=np.array([is_metal(element) for element in elements]),
        ion=np.isin([atomic_number(element) for element in elements], IONS),
    )


def _bridged(pairs: Pairs, near: NDArray[np.bool_], bridge: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Say which of the near pairs have a bridge inside the sphere with the pair as diameter.

    A third atom at r_k from the first is inside when r_k·(r_k − r_j) < 0.
    """
    which, starts, counts = np.unique(pairs.first[bridge], return_index=True, return_counts=True)
    row = np.repeat(np.arange(len(which)), counts)
    column = np.arange(len(row)) - np.repeat(starts, counts)
    padded = np.zeros((len(which), counts.max(initial=0), 3))
    padded[row, column] = pairs.vector[bridge]
    # A padded place is the atom itself, with r_k·(r_k − r_j) = 0: never inside.
    index = np.minimum(np.searchsorted(which, pairs.first[near]), max(len(which) - 1, 0))
    has_bridges = np.isin(pairs.first[near], which)
    bridges = padded[index] if len(which) else np.zeros((np.count_nonzero(near), 0, 3))
    outward = np.sum(bridges * (bridges - pairs.vector[near][:, None, :]), axis=2)
    return np.asarray(has_bridges & np.any(outward < -1e-6, axis=1))


def _alternatives(
    crystal: Crystal, one: NDArray[np.int64], two: NDArray[np.int64], reduced: Array
) -> NDArray[np.bool_]:
    """Say which pairs are never there together."""
    occupancy = np.array([site.occupancy for site in crystal.sites], dtype=float)
    group = np.array([site.disorder_group for site in crystal.sites])
    assembly = np.array([site.disorder_assembly for site in crystal.sites])
    too_close = (reduced < ALTERNATIVE) & (occupancy[one] + occupancy[two] < 1.015)
    named = (group[one] != "") & (group[two] != "") & (assembly[one] == assembly[two])
    other_group = named & (group[one] != group[two])
    about_element = (one == two) & np.char.startswith(group[one], "-")
    return np.asarray(too_close | other_group | about_element)
