"""Crystal: a structure as its file gives it, and the atoms of its unit cell."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xorder.results import Array, Result, quantity

__all__ = ["Atoms", "Crystal", "Site", "load_structure", "unit_cell_atoms"]

#: Images of one site nearer than this (Å) are one atom on a special position.
SAME_POSITION = 0.05


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Site:
    """One atom of the asymmetric unit. Two elements on one position are two sites."""

    label: str
    """Label of the file, such as ``"Cl1"``."""
    element: str
    """Chemical symbol."""
    charge: int = quantity("e", default=0)
    """Formal charge where the file states one; chooses the ionic form factor."""
    xyz: Array = quantity(symbol="x y z")
    """Fractional coordinates, shape (3,)."""
    occupancy: float = 1.0
    """Chemical occupancy: 1 is a full site, whatever its multiplicity."""
    uiso: float = quantity("Å²", default=float("nan"))
    """Isotropic (or equivalent) mean-square displacement; NaN where the file gives none."""
    uij: Array | None = quantity("Å²", default=None)
    """Anisotropic displacements in the CIF convention, shape (3, 3), or None."""
    disorder_group: str = ""
    """Disorder group of the file (``""`` where none)."""
    disorder_assembly: str = ""
    """Disorder assembly of the file (``""`` where none)."""


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Crystal(Result):
    """A crystal structure as given: setting, operations, labels and doubts included."""

    name: str
    """Name of the structure: the CIF's data block or the object's formula."""
    cell: Array = quantity("Å, °", symbol="a b c α β γ")
    """Cell lengths and angles, shape (6,)."""
    sites: tuple[Site, ...]
    """The asymmetric unit."""
    rotations: NDArray[np.int64] = field(repr=False)
    """Rotation parts of all operations, centring included, shape (M, 3, 3)."""
    translations: Array = field(repr=False)
    """Translation parts of all operations, fractions of the cell, shape (M, 3)."""
    space_group: str = "P 1"
    """Hermann–Mauguin symbol of the setting, as the operations have it."""
    space_group_number: int = 1
    """Number in International Tables."""
    formula: str = ""
    """Formula of the source; empty where it gives none."""
    formula_units: float = quantity(symbol="Z", default=float("nan"))
    """Formula units a cell, of the source."""
    temperature: float = quantity("K", default=float("nan"))
    """Temperature of the measurement."""
    deposit: str = ""
    """Deposit number, such as ``"CCDC 2329960"`` or ``"ICSD 74928"``."""
    source: str = ""
    """File or object the structure came from."""
    status: str = ""
    """FOUND, RECALLED or MODEL, in the words of the reference collection; else empty."""
    notes: tuple[str, ...] = ()
    """What the source or the checks say about it, one sentence each."""


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Atoms:
    """All atoms of one unit cell, as arrays of one entry an atom."""

    lattice: Array = quantity("Å")
    """Rows are the cell vectors in Cartesian axes, a along x, b in the xy plane; shape (3, 3)."""
    xyz: Array = quantity()
    """Fractional coordinates in [0, 1), shape (N, 3)."""
    elements: NDArray[np.str_]
    """Chemical symbols, shape (N,)."""
    species: NDArray[np.str_]
    """Symbols with charge (``"Na1+"``) for form factors, shape (N,)."""
    occupancy: Array = quantity()
    """Occupancies, shape (N,)."""
    u: Array = quantity("Å²")
    """Cartesian displacement tensors, shape (N, 3, 3); NaN where the source gives none."""
    site: NDArray[np.int64] = quantity()
    """Index into `Crystal.sites`, shape (N,)."""
    operation: NDArray[np.int64] = quantity()
    """Index of the operation that made the atom from its site, shape (N,)."""

    @property
    def cartesian(self) -> Array:
        """Cartesian coordinates in Å, shape (N, 3)."""
        return self.xyz @ self.lattice

    @property
    def volume(self) -> float:
        """Volume of the cell in Å³."""
        return float(abs(np.linalg.det(self.lattice)))


def load_structure(source: str | Path | Any, *, expect: str | None = None) -> Crystal:
    """Return the crystal structure in a CIF file or in an object of another library."""
    from xorder.cif import read_cif

    return read_cif(Path(source))


def lattice_from_cell(cell: Array) -> Array:
    """Return the cell vectors as rows, a along x and b in the xy plane.

    Parameters
    ----------
    cell
        a, b, c in Å and α, β, γ in degrees, shape (6,).

    Returns
    -------
    :
        Cell vectors in Å, shape (3, 3).
    """
    a, b, c = cell[:3]
    cos_alpha, cos_beta, cos_gamma = np.cos(np.deg2rad(cell[3:]))
    sin_gamma = np.sqrt(1.0 - cos_gamma**2)
    c_y = (cos_alpha - cos_beta * cos_gamma) / sin_gamma
    c_z = np.sqrt(1.0 - cos_beta**2 - c_y**2)
    lattice = np.array(
        [
            [a, 0.0, 0.0],
            [b * cos_gamma, b * sin_gamma, 0.0],
            [c * cos_beta, c * c_y, c * c_z],
        ]
    )
    # cos 90° is 6e-17 in floating point; a right angle is meant exactly.
    lattice[np.abs(lattice) < 1e-12 * np.max(cell[:3])] = 0.0
    return lattice


def unit_cell_atoms(crystal: Crystal) -> Atoms:
    """Return all atoms of the unit cell, made by the crystal's own operations.

    Images of one site that fall on one another (special positions) count once; different sites are
    never merged.
    """
    lattice = lattice_from_cell(crystal.cell)
    xyz, site, operation = [], [], []
    for index, atom in enumerate(crystal.sites):
        images = crystal.rotations @ atom.xyz + crystal.translations
        kept = _distinct(images, lattice)
        xyz.append(images[kept])
        site.append(np.full(len(kept), index))
        operation.append(kept)
    sites = np.concatenate(site)
    operations = np.concatenate(operation)
    u = np.stack([_cartesian_u(atom, lattice) for atom in crystal.sites])[sites]
    cartesian_rotation = np.einsum(
        "ji,mjk,lk->mil", lattice, crystal.rotations, np.linalg.inv(lattice)
    )[operations]
    labels = [_species(atom) for atom in crystal.sites]
    wrapped = np.concatenate(xyz) % 1.0
    wrapped[wrapped > 1.0 - 1e-10] = 0.0
    return Atoms(
        lattice=lattice,
        xyz=wrapped,
        elements=np.array([atom.element for atom in crystal.sites])[sites],
        species=np.array(labels)[sites],
        occupancy=np.array([atom.occupancy for atom in crystal.sites])[sites],
        u=cartesian_rotation @ u @ np.swapaxes(cartesian_rotation, 1, 2),
        site=sites,
        operation=operations,
    )


def composition(crystal: Crystal) -> dict[str, float]:
    """Return the atoms of each element in one cell, occupancies counted."""
    atoms = unit_cell_atoms(crystal)
    counts: dict[str, float] = defaultdict(float)
    for element, occupancy in zip(atoms.elements, atoms.occupancy, strict=True):
        counts[str(element)] += float(occupancy)
    return dict(counts)


def _distinct(images: Array, lattice: Array) -> NDArray[np.int64]:
    """Return the indices of the images that are different positions modulo the lattice."""
    difference = images[:, None, :] - images[None, :, :]
    difference -= np.round(difference)
    distance = np.linalg.norm(difference @ lattice, axis=2)
    first_equal = np.argmax(distance < SAME_POSITION, axis=1)
    return np.flatnonzero(first_equal == np.arange(len(images)))


def _cartesian_u(atom: Site, lattice: Array) -> Array:
    """Return the displacement tensor in Cartesian axes, Å² (Grosse-Kunstleve & Adams 2002)."""
    if atom.uij is None:
        return np.eye(3) * atom.uiso
    reciprocal_lengths = np.linalg.norm(np.linalg.inv(lattice), axis=0)
    to_cartesian = lattice.T * reciprocal_lengths
    return np.asarray(to_cartesian @ atom.uij @ to_cartesian.T)


def _species(atom: Site) -> str:
    if atom.charge == 0:
        return atom.element
    return f"{atom.element}{abs(atom.charge)}{'+' if atom.charge > 0 else '-'}"
