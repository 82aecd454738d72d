"""To pymatgen, ASE and diffpy.structure and back: nothing is lost that the other side can hold."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xorder import load_structure, references
from xorder.errors import BadInput, BadStructure, StructureWarning
from xorder.neighbors import find_bonds
from xorder.structure import Crystal, Site, composition, density, read_structure, unit_cell_atoms
from xorder.symmetry import symmetry_from

CIFS = Path(__file__).parent / "cifs"
TARGETS = ("pymatgen", "diffpy", "ase")


def through(crystal: Crystal, target: str) -> Crystal:
    """Return a crystal after a way through another library."""
    if target == "ase":
        pytest.importorskip("ase")
    return read_structure(getattr(crystal, f"to_{target}")())[0]


def assert_same_atoms(one: Crystal, other: Crystal) -> None:
    """Check that each atom of one cell has its twin in the other, and that there are as many."""
    before, after = unit_cell_atoms(one), unit_cell_atoms(other)
    assert len(before.xyz) == len(after.xyz)
    for element, occupancy, xyz in zip(after.elements, after.occupancy, after.xyz, strict=True):
        difference = before.xyz - xyz
        distance = np.abs(difference - np.round(difference)).sum(axis=1)
        distance[before.elements != element] = np.inf
        assert distance.min() < 1e-6
        assert before.occupancy[np.argmin(distance)] == pytest.approx(occupancy)


@st.composite
def crystals(draw: st.DrawFn) -> Crystal:
    """Return a crystal in P -1 with mixed, partly occupied and anisotropic sites."""
    lengths = [draw(st.floats(4.0, 12.0)) for _ in range(3)]
    angles = [draw(st.floats(75.0, 105.0)) for _ in range(3)]
    seed = draw(st.integers(0, 10**6))
    rng = np.random.default_rng(seed)
    sites = []
    for number in range(draw(st.integers(1, 4))):
        xyz = rng.random(3)
        element = ["Na", "Ta", "Cl", "O"][number]
        share = draw(st.sampled_from([1.0, 0.75, 0.5]))
        uij = np.diag(rng.uniform(0.01, 0.03, 3))
        sites.append(Site(label=f"{element}1", element=element, xyz=xyz, occupancy=share, uij=uij))
        if share == 0.5:
            sites.append(Site(label=f"S{number}", element="S", xyz=xyz, occupancy=0.25, uij=uij))
    symmetry = symmetry_from(symbol="P -1")
    return Crystal(
        name="drawn",
        cell=np.array([*lengths, *angles]),
        sites=tuple(sites),
        rotations=symmetry.rotations,
        translations=symmetry.translations,
        space_group="P -1",
    )


@pytest.mark.parametrize("target", TARGETS)
@given(crystal=crystals())
@settings(max_examples=10, deadline=None)
def test_composition_density_and_positions_survive(target: str, crystal: Crystal) -> None:
    again = through(crystal, target)
    assert density(again) == pytest.approx(density(crystal), rel=1e-6)
    assert composition(again) == pytest.approx(composition(crystal))
    assert_same_atoms(crystal, again)


@pytest.mark.parametrize("target", ["pymatgen", "diffpy"])
@given(crystal=crystals())
@settings(max_examples=10, deadline=None)
def test_displacements_survive(target: str, crystal: Crystal) -> None:
    before, after = unit_cell_atoms(crystal), unit_cell_atoms(through(crystal, target))
    for element, tensor, xyz in zip(after.elements, after.u, after.xyz, strict=True):
        difference = before.xyz - xyz
        distance = np.abs(difference - np.round(difference)).sum(axis=1)
        distance[before.elements != element] = np.inf
        np.testing.assert_allclose(before.u[np.argmin(distance)], tensor, atol=1e-9)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", ["NaTaCl6", "Fluorapatite", "NaLa1.67Cl6_model", "CeO2_SRM674b"])
def test_references_survive(target: str, name: str) -> None:
    crystal = references.load(name)
    again = through(crystal, target)
    assert density(again) == pytest.approx(density(crystal), rel=1e-9)
    np.testing.assert_allclose(again.cell, crystal.cell, atol=1e-9)
    bonds, bonds_again = find_bonds(crystal), find_bonds(again)
    assert {f"{d:.4f}" for d in bonds.length} == {f"{d:.4f}" for d in bonds_again.length}


@pytest.mark.parametrize("target", TARGETS)
def test_mixed_and_half_occupied_sites_survive(target: str) -> None:
    with pytest.warns(StructureWarning, match="H missing"):
        crystal = load_structure(CIFS / "constructed_cluster.cif")
    assert composition(through(crystal, target)) == pytest.approx(composition(crystal))


def test_charges_survive_in_pymatgen_and_diffpy() -> None:
    crystal = load_structure(CIFS / "icsd_style.cif")
    for target in ("pymatgen", "diffpy"):
        again = through(crystal, target)
        assert {(s.element, s.charge) for s in again.sites} == {("Mg", 2), ("Al", 3), ("O", -2)}


def test_labels_survive_with_a_number_for_each_image() -> None:
    again = through(references.load("NaTaCl6"), "diffpy")
    assert [site.label for site in again.sites[:5]] == ["Na1", "Na1_2", "Na1_3", "Na1_4", "Ta1"]


def test_deuterium_survives_in_pymatgen_and_has_its_mass_in_ase() -> None:
    ase = pytest.importorskip("ase")
    crystal = Crystal(
        name="deuterium",
        cell=np.array([4.0, 4, 4, 90, 90, 90]),
        sites=(Site(label="D1", element="D", xyz=np.zeros(3)),),
        rotations=np.eye(3, dtype=np.int64)[None],
        translations=np.zeros((1, 3)),
    )
    assert composition(through(crystal, "pymatgen")) == {"D": 1}
    atoms = crystal.to_ase()
    assert isinstance(atoms, ase.Atoms)
    assert atoms.get_masses()[0] == pytest.approx(2.014)


@pytest.mark.reference
@pytest.mark.filterwarnings("ignore:Set OLD_ERROR_HANDLING:DeprecationWarning")
def test_pymatgen_finds_the_space_group_of_the_expanded_cell() -> None:
    from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

    for name in ("NaTaCl6", "HfO2", "CeO2_SRM674b"):
        crystal = references.load(name)
        found = SpacegroupAnalyzer(crystal.to_pymatgen(), symprec=1e-3).get_space_group_number()
        assert found == crystal.space_group_number


@pytest.mark.reference
def test_diffpy_structure_gives_the_same_isotropic_displacement() -> None:
    crystal = references.load("Al2O3_SRM676a")
    for atom in crystal.to_diffpy():
        site = next(s for s in crystal.sites if s.element == atom.element)
        assert atom.Uisoequiv == pytest.approx(site.uiso)
        assert atom.occupancy == 1


def test_occupancies_above_one_cannot_become_a_pymatgen_structure() -> None:
    crystal = references.load("NaCl")
    twice = replace(crystal, sites=(crystal.sites[0], replace(crystal.sites[0], label="K1")))
    with pytest.raises(BadStructure, match=r"Na1 \+ K1 on one position"):
        twice.to_pymatgen()


def test_an_object_says_that_it_holds_no_symmetry_and_no_displacements() -> None:
    structure = references.load("NaCl").to_pymatgen()
    with pytest.warns(StructureWarning, match="no atom has a displacement U"):
        crystal = load_structure(structure)
    assert crystal.space_group == "P 1"
    assert crystal.source == "pymatgen Structure"
    assert "in P 1" in crystal.notes[0]


def test_ase_atoms_without_a_cell_are_refused() -> None:
    ase = pytest.importorskip("ase")
    with pytest.raises(BadStructure, match="not periodic in three directions"):
        load_structure(ase.Atoms("H2O", positions=np.eye(3)))
    slab = ase.Atoms("Na", cell=[4, 4, 20], pbc=[True, True, False])
    with pytest.raises(BadStructure, match="not periodic in three directions"):
        load_structure(slab)


def test_a_dummy_species_is_refused() -> None:
    from pymatgen.core import DummySpecies, Lattice, Structure

    structure = Structure(Lattice.cubic(4), [DummySpecies("X")], [[0, 0, 0]])
    with pytest.raises(BadStructure, match="there is no element"):
        load_structure(structure)


@pytest.mark.parametrize("thing", [None, 17, {"cell": 5}, np.zeros(3), ["NaCl.cif"]])
def test_other_objects_are_refused(thing: object) -> None:
    with pytest.raises(BadInput, match="is no structure"):
        load_structure(thing)


def test_reading_a_cif_imports_none_of_the_other_libraries() -> None:
    code = (
        "import sys, warnings; warnings.simplefilter('ignore')\n"
        "from xorder import load_structure\n"
        f"load_structure({str(CIFS / 'gsas2_style.cif')!r})\n"
        "print(sorted({'pymatgen', 'ase', 'diffpy', 'spglib', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
