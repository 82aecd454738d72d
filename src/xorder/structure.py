"""Crystal: a structure as its file gives it, and the atoms of its unit cell."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xorder.errors import StructureWarning
from xorder.results import Array, Provenance, Result, digest, quantity
from xorder.scattering import atomic_mass

if TYPE_CHECKING:
    import ase
    import diffpy.structure
    import pymatgen.core

__all__ = [
    "Atoms",
    "Crystal",
    "Site",
    "composition",
    "density",
    "lattice_from_cell",
    "load_structure",
    "unit_cell_atoms",
]

#: Images of one site nearer than this (Å) are one atom on a special position.
SAME_POSITION = 0.05
#: g/cm³ of one dalton in one Å³ (CODATA 2018).
DALTON_PER_A3 = 1.66053906660


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
    cell_stderr: Array | None = quantity("Å, °", default=None, repr=False)
    """Standard errors of the cell, shape (6,), NaN where the source gives none; or None."""
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

    def to_pymatgen(self) -> pymatgen.core.Structure:
        """Return the whole cell as a pymatgen Structure.

        Sites on one position become one pymatgen site with several species. U is kept in the site
        properties ``U11_cif`` … ``U12_cif`` (the occupancy-weighted mean on a mixed position) where
        every atom has one. Symmetry, disorder groups and names of sites are not kept.
        """
        from xorder.structure_bridges import pymatgen_from_crystal

        return pymatgen_from_crystal(self)

    def to_diffpy(self) -> diffpy.structure.Structure:
        """Return the whole cell as a diffpy.structure Structure, with labels, occupancies and U."""
        from xorder.structure_bridges import diffpy_from_crystal

        return diffpy_from_crystal(self)

    def to_ase(self) -> ase.Atoms:
        """Return the whole cell as ASE Atoms.

        A mixed position becomes one atom of its main element; all occupancies stand in
        ``info["occupancy"]`` under the key in the array ``spacegroup_kinds``, as ASE's CIF reader
        has them. ASE holds no U.
        """
        from xorder.structure_bridges import ase_from_crystal

        return ase_from_crystal(self)


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


def load_structure(
    source: str | Path | Any, *, expect: str | None = None, block: str | None = None
) -> Crystal:
    """Return the crystal structure in a CIF file or in an object of another library.

    Nothing is dropped or merged in silence: what is inconsistent is a `StructureWarning` that names
    the atoms, and stands in `Crystal.notes`.

    Parameters
    ----------
    source
        Path of a CIF, or a pymatgen ``Structure``, an ASE ``Atoms`` or a diffpy.structure
        ``Structure``. The objects hold no symmetry and give a crystal in P 1.
    expect
        Deposit that the structure must be, such as ``"CCDC 2329960"``: deposit number, cell, space
        group and elements are compared with what is known of it.
    block
        Name of the CIF's data block; by default the only one with atoms.

    Raises
    ------
    BadStructure
        Where the source holds no structure that can be used, or is not the one expected.
    MissingFile
        Where there is no such file.
    """
    crystal, doubts = read_structure(source, block=block)
    for doubt in doubts:
        warnings.warn(f"{crystal.name}: {doubt}", StructureWarning, stacklevel=2)
    if expect is not None:
        from xorder.deposits import check_expected

        check_expected(crystal, expect)
    return crystal


def read_structure(
    source: str | Path | Any, *, block: str | None = None
) -> tuple[Crystal, tuple[str, ...]]:
    """Return a structure and the doubts about it, which its notes repeat, without warning."""
    from xorder.structure_checks import check_usable, find_doubts

    parameters: dict[str, Any] = {"block": block}
    if isinstance(source, (str, Path)):
        from xorder.cif import read_cif

        path = Path(source)
        crystal, doubts = read_cif(path, block=block)
        parameters["source"] = {"path": str(path), "digest": digest(path)}
    else:
        from xorder.structure_bridges import from_object

        crystal, doubts = from_object(source)
        parameters["source"] = crystal.source
    check_usable(crystal)
    doubts = (*doubts, *find_doubts(crystal))
    provenance = Provenance(
        function="xorder.structure.load_structure",
        parameters=parameters,
        time=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    return replace(crystal, notes=(*crystal.notes, *doubts), provenance=provenance), doubts


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


def cartesian_from_cif_u(uij: Array, lattice: Array) -> Array:
    r"""Return displacement tensors in Cartesian axes from those of the CIF convention.

    .. math:: U_\mathrm{cart} = N\, U_\mathrm{CIF}\, N^T, \quad N = A\,\mathrm{diag}(a^*, b^*, c^*)

    Grosse-Kunstleve & Adams, J. Appl. Cryst. 35, 477 (2002), eq. 3a and 4a.

    Parameters
    ----------
    uij
        Tensors in Å², shape (..., 3, 3).
    lattice
        Cell vectors as rows in Å, shape (3, 3): the columns of A.

    Returns
    -------
    :
        Tensors in Å², shape of `uij`.
    """
    to_cartesian = _normalized_axes(lattice)
    return np.asarray(to_cartesian @ uij @ to_cartesian.T)


def cif_u_from_cartesian(u: Array, lattice: Array) -> Array:
    """Return displacement tensors in the CIF convention; the inverse of `cartesian_from_cif_u`."""
    from_cartesian = np.linalg.inv(_normalized_axes(lattice))
    return np.asarray(from_cartesian @ u @ from_cartesian.T)


def _normalized_axes(lattice: Array) -> Array:
    reciprocal_lengths = np.linalg.norm(np.linalg.inv(lattice), axis=0)
    return np.asarray(lattice.T * reciprocal_lengths)


def unit_cell_atoms(crystal: Crystal) -> Atoms:
    """Return all atoms of the unit cell, made by the crystal's own operations.

    Images of one site that fall on one another (special positions) count once and stand at their
    mean, so that a printed 0.3333 is one third; different sites are never merged. The atoms stand
    in the order of the sites, the images of a site in the order of the operations.
    """
    lattice = lattice_from_cell(crystal.cell)
    positions = special_positions(crystal, lattice)
    images = np.einsum("mij,nj->nmi", crystal.rotations, positions) + crystal.translations
    sites, operations = np.nonzero(_distinct(images, lattice))
    wrapped = images[sites, operations] % 1.0
    wrapped[wrapped > 1.0 - 1e-10] = 0.0
    return Atoms(
        lattice=lattice,
        xyz=wrapped,
        elements=np.array([atom.element for atom in crystal.sites])[sites],
        species=np.array([_species(atom) for atom in crystal.sites])[sites],
        occupancy=np.array([atom.occupancy for atom in crystal.sites], dtype=float)[sites],
        u=_turned(crystal, lattice, sites, operations),
        site=sites,
        operation=operations,
    )


def composition(crystal: Crystal) -> dict[str, float]:
    """Return the atoms of each element in one cell, occupancies counted."""
    return composition_of(unit_cell_atoms(crystal))


def density(crystal: Crystal) -> float:
    """Return the mass density in g/cm³, from the atoms listed."""
    atoms = unit_cell_atoms(crystal)
    mass = sum(count * atomic_mass(element) for element, count in composition_of(atoms).items())
    return mass / atoms.volume * DALTON_PER_A3


def composition_of(atoms: Atoms) -> dict[str, float]:
    """Return the atoms of each element, occupancies counted."""
    elements, first, index = np.unique(atoms.elements, return_index=True, return_inverse=True)
    counts = np.bincount(index, weights=atoms.occupancy)
    return {str(elements[i]): float(counts[i]) for i in np.argsort(first)}


def special_positions(crystal: Crystal, lattice: Array) -> Array:
    """Return the positions of the sites, those on special positions without rounding."""
    positions = np.array([atom.xyz for atom in crystal.sites], dtype=float)
    images = np.einsum("mij,nj->nmi", crystal.rotations, positions) + crystal.translations
    difference = images - positions[:, None, :]
    difference -= np.round(difference)
    same = _distance(difference, lattice) < SAME_POSITION
    shift = np.sum(difference * same[:, :, None], axis=1) / np.sum(same, axis=1)[:, None]
    return np.asarray(positions + shift)


def _distinct(images: Array, lattice: Array) -> NDArray[np.bool_]:
    """Say which images, shape (N, M, 3), are the first of their position modulo the lattice."""
    kept = np.ones(images.shape[:2], dtype=bool)
    if images.shape[1] == 1:
        return kept
    to_identity = _distance(images - images[:, :1], lattice)
    special = np.flatnonzero(np.sum(to_identity < SAME_POSITION, axis=1) > 1)
    # Only a site that some operation besides the identity leaves in place has equal images.
    for index in special:
        between = _distance(images[index, :, None] - images[index, None, :], lattice)
        first_equal = np.argmax(between < SAME_POSITION, axis=1)
        kept[index] = first_equal == np.arange(images.shape[1])
    return kept


def _distance(difference: Array, lattice: Array) -> Array:
    """Return lengths in Å of fractional differences, each reduced to the nearest cell."""
    reduced = difference - np.round(difference)
    metric = lattice @ lattice.T
    return np.asarray(np.sqrt(np.sum((reduced @ metric) * reduced, axis=-1)))


def _turned(
    crystal: Crystal, lattice: Array, sites: NDArray[np.int64], operations: NDArray[np.int64]
) -> Array:
    """Return the Cartesian displacement tensor of each atom, turned with its operation."""
    u = np.array([_cartesian_u(atom, lattice) for atom in crystal.sites])[sites]
    rotations = np.einsum("ji,mjk,lk->mil", lattice, crystal.rotations, np.linalg.inv(lattice))
    turns = rotations[operations]
    return np.asarray(turns @ u @ np.swapaxes(turns, 1, 2))


def _cartesian_u(atom: Site, lattice: Array) -> Array:
    if atom.uij is None:
        return np.eye(3) * atom.uiso
    return cartesian_from_cif_u(atom.uij, lattice)


def _species(atom: Site) -> str:
    if atom.charge == 0:
        return atom.element
    return f"{atom.element}{abs(atom.charge)}{'+' if atom.charge > 0 else '-'}"
