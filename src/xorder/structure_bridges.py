"""Crystal to and from pymatgen, ASE and diffpy.structure, none of which is needed to read a CIF.

Objects are recognised by the module of their class, so nothing is imported for that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xorder.cif_sites import split_species
from xorder.errors import BadInput, BadStructure, MissingExtra
from xorder.results import Array
from xorder.structure import (
    SAME_POSITION,
    Atoms,
    Crystal,
    Site,
    cartesian_from_cif_u,
    cif_u_from_cartesian,
    unit_cell_atoms,
)

if TYPE_CHECKING:
    import ase
    import diffpy.structure
    import pymatgen.core

#: pymatgen's names of the six components of U in the CIF convention.
U_NAMES = ("U11_cif", "U22_cif", "U33_cif", "U23_cif", "U13_cif", "U12_cif")
U_INDICES = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))


def from_object(source: Any) -> tuple[Crystal, tuple[str, ...]]:
    """Return the crystal in an object of another library, and doubts about it.

    Raises
    ------
    BadInput
        Where the object is of no library that is known.
    BadStructure
        Where it holds no structure that can be used.
    """
    for kind in type(source).__mro__:
        library = kind.__module__.partition(".")[0]
        if library == "pymatgen" and hasattr(source, "lattice"):
            return _crystal(source.lattice.parameters, _sites_of_pymatgen(source), source), ()
        if library == "ase" and kind.__name__ == "Atoms":
            return _crystal_from_ase(source), ()
        if library == "diffpy" and hasattr(source, "lattice"):
            return _crystal(source.lattice.abcABG(), _sites_of_diffpy(source), source), ()
    raise BadInput(
        f"a {type(source).__module__}.{type(source).__qualname__} is no structure",
        expected="the path of a CIF, or a periodic structure of pymatgen, ASE or diffpy.structure",
    )


def _crystal(parameters: Any, sites: Iterator[Site], source: Any) -> Crystal:
    found = _uniquely_labelled(sites)
    elements = "".join(dict.fromkeys(site.element for site in found))
    name = str(getattr(source, "title", "") or getattr(source, "formula", "") or elements)
    kind = type(source)
    return Crystal(
        name=name,
        cell=np.array(parameters, dtype=float),
        sites=found,
        rotations=np.eye(3, dtype=np.int64)[None],
        translations=np.zeros((1, 3)),
        source=f"{kind.__module__.partition('.')[0]} {kind.__name__}",
        notes=("all atoms of the cell as the object lists them, in P 1",),
    )


def _uniquely_labelled(sites: Iterator[Site]) -> tuple[Site, ...]:
    """Return sites whose labels differ: the images of Cl1 become Cl1, Cl1_2, Cl1_3."""
    count: dict[str, int] = defaultdict(int)
    unique = []
    for site in sites:
        count[site.label] += 1
        number = count[site.label]
        unique.append(site if number == 1 else replace(site, label=f"{site.label}_{number}"))
    return tuple(unique)


def _sites_of_pymatgen(structure: Any) -> Iterator[Site]:
    count: dict[str, int] = defaultdict(int)
    for place in structure:
        components = [place.properties.get(name) for name in U_NAMES]
        uij = None if any(value is None for value in components) else _tensor(components)
        mixed = len(place.species) > 1
        for species, occupancy in place.species.items():
            kind = getattr(species, "element", species)  # D is an Element with the symbol H
            element = str(getattr(kind, "name", getattr(kind, "symbol", kind)))
            count[element] += 1
            label = str(place.label or "")
            generic = mixed or label in ("", element, place.species_string)
            yield Site(
                label=f"{element}{count[element]}" if generic else label,
                element=element,
                charge=_whole(getattr(species, "oxi_state", 0) or 0),
                xyz=np.array(place.frac_coords, dtype=float),
                occupancy=float(occupancy),
                uiso=float("nan") if uij is None else _equivalent(uij, structure.lattice.matrix),
                uij=uij,
            )


def _sites_of_diffpy(structure: Any) -> Iterator[Site]:
    for number, atom in enumerate(structure, start=1):
        element, charge = split_species(str(atom.element))
        if not element:
            raise BadStructure(
                f"atom {number} of the diffpy Structure has the element {atom.element!r}",
                expected="a chemical symbol",
            )
        uiso = float(atom.Uisoequiv)
        given = uiso != 0.0
        yield Site(
            label=str(atom.label or f"{element}{number}"),
            element=element,
            charge=_whole(charge),
            xyz=np.array(atom.xyz, dtype=float),
            occupancy=float(atom.occupancy),
            uiso=uiso if given else float("nan"),
            uij=np.array(atom.U, dtype=float) if given and atom.anisotropy else None,
        )


def _crystal_from_ase(atoms: Any) -> Crystal:
    if not all(atoms.pbc) or atoms.cell.rank < 3:
        raise BadStructure(
            f"the ASE Atoms {atoms.get_chemical_formula()} are not periodic in three directions",
            expected="a cell and pbc=True",
        )
    return _crystal(atoms.cell.cellpar(), _sites_of_ase(atoms), atoms)


def _sites_of_ase(atoms: Any) -> Iterator[Site]:
    table = {str(key): value for key, value in atoms.info.get("occupancy", {}).items()}
    kinds = atoms.arrays.get("spacegroup_kinds", np.arange(len(atoms)))
    charges = atoms.arrays.get("initial_charges", np.zeros(len(atoms)))
    labels = atoms.arrays.get("labels")
    count: dict[str, int] = defaultdict(int)
    for row, (symbol, xyz) in enumerate(
        zip(atoms.get_chemical_symbols(), atoms.get_scaled_positions(wrap=False), strict=True)
    ):
        for element, occupancy in table.get(str(kinds[row]), {symbol: 1.0}).items():
            count[element] += 1
            yield Site(
                label=f"{element}{count[element]}" if labels is None else str(labels[row]),
                element=element,
                charge=_whole(charges[row]) if element == symbol else 0,
                xyz=np.array(xyz, dtype=float),
                occupancy=float(occupancy),
            )


def pymatgen_from_crystal(crystal: Crystal) -> pymatgen.core.Structure:
    """Return the whole cell as a pymatgen Structure (see `Crystal.to_pymatgen`)."""
    try:
        from pymatgen.core import Element, Lattice, Species, Structure
    except ImportError as error:
        raise MissingExtra(
            "pymatgen is not installed", expected="`pip install pymatgen`"
        ) from error
    atoms = unit_cell_atoms(crystal)
    places = _places(atoms)
    species, labels = [], []
    for members in places:
        mixed: dict[Any, float] = defaultdict(float)
        for atom in members:
            site = crystal.sites[atoms.site[atom]]
            mixed[Species(site.element, site.charge) if site.charge else Element(site.element)] += (
                site.occupancy
            )
        if sum(mixed.values()) > 1.0 + 1e-8:
            names = " + ".join(crystal.sites[atoms.site[atom]].label for atom in members)
            raise BadStructure(
                f"{names} on one position: occupancies above 1 have no pymatgen Structure",
                source=crystal.source or None,
            )
        species.append(dict(mixed))
        labels.append("/".join(crystal.sites[atoms.site[atom]].label for atom in members))
    heads = np.array([members[0] for members in places])
    return Structure(
        Lattice(atoms.lattice),
        species,
        atoms.xyz[heads],
        labels=labels,
        site_properties=_u_properties(atoms, places),
    )


def diffpy_from_crystal(crystal: Crystal) -> diffpy.structure.Structure:
    """Return the whole cell as a diffpy Structure (see `Crystal.to_diffpy`)."""
    try:
        from diffpy.structure import Atom, Lattice, Structure
    except ImportError as error:
        raise MissingExtra(
            "diffpy.structure is not installed", expected="`pip install diffpy.structure`"
        ) from error
    atoms = unit_cell_atoms(crystal)
    u = cif_u_from_cartesian(atoms.u, atoms.lattice)
    lattice = Lattice(*crystal.cell)
    structure = Structure(lattice=lattice, title=crystal.name)
    for index, site_index in enumerate(atoms.site):
        site = crystal.sites[site_index]
        atom = Atom(
            str(atoms.species[index]),
            xyz=atoms.xyz[index],
            label=site.label,
            occupancy=site.occupancy,
            lattice=lattice,
        )
        if site.uij is not None:
            atom.anisotropy = True
            atom.U = u[index]
        elif np.isfinite(site.uiso):
            atom.Uisoequiv = site.uiso
        structure.append(atom, copy=False)
    return structure


def ase_from_crystal(crystal: Crystal) -> ase.Atoms:
    """Return the whole cell as ASE Atoms (see `Crystal.to_ase`)."""
    try:
        import ase
    except ImportError as error:
        raise MissingExtra("ase is not installed", expected="`pip install ase`") from error
    atoms = unit_cell_atoms(crystal)
    places = _places(atoms)
    symbols, occupancy, deuterium = [], {}, []
    for kind, members in enumerate(places):
        shares: dict[str, float] = defaultdict(float)
        for atom in members:
            element = str(atoms.elements[atom])
            if element == "D":
                deuterium.append(kind)
            shares["H" if element == "D" else element] += float(atoms.occupancy[atom])
        symbols.append(max(shares, key=shares.__getitem__))
        occupancy[str(kind)] = dict(shares)
    heads = np.array([members[0] for members in places])
    result = ase.Atoms(symbols, scaled_positions=atoms.xyz[heads], cell=atoms.lattice, pbc=True)
    result.info["occupancy"] = occupancy
    result.arrays["spacegroup_kinds"] = np.arange(len(places))
    charges = np.array([crystal.sites[atoms.site[head]].charge for head in heads], dtype=float)
    if charges.any():
        result.set_initial_charges(charges)
    if deuterium:
        masses = result.get_masses()
        masses[deuterium] = 2.014
        result.set_masses(masses)
    return result


def _places(atoms: Atoms) -> list[NDArray[np.int64]]:
    """Return the atoms on each position, several where a position is mixed."""
    from xorder.neighbors import pairs_within

    pairs = pairs_within(atoms, SAME_POSITION)
    head = np.arange(len(atoms.xyz))
    np.minimum.at(head, pairs.first, pairs.second)
    order = np.argsort(head, kind="stable")
    _, starts = np.unique(head[order], return_index=True)
    return np.split(order, starts[1:])


def _u_properties(atoms: Atoms, places: list[NDArray[np.int64]]) -> dict[str, list[float]]:
    if not np.isfinite(atoms.u).all():
        return {}
    u = cif_u_from_cartesian(atoms.u, atoms.lattice)
    means = [
        np.average(u[m], axis=0, weights=np.maximum(atoms.occupancy[m], 1e-12)) for m in places
    ]
    return {
        name: [float(mean[index]) for mean in means]
        for name, index in zip(U_NAMES, U_INDICES, strict=True)
    }


def _tensor(components: Any) -> Array:
    tensor = np.empty((3, 3))
    for (i, j), value in zip(U_INDICES, components, strict=True):
        tensor[i, j] = tensor[j, i] = float(value)
    return tensor


def _equivalent(uij: Array, lattice: Array) -> float:
    return float(np.trace(cartesian_from_cif_u(uij, np.asarray(lattice)))) / 3.0


def _whole(charge: float) -> int:
    """Return a charge where it is whole; a partial charge chooses no ionic form factor."""
    return round(charge) if abs(charge - round(charge)) < 1e-6 else 0
