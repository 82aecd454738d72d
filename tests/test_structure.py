"""The unit cell: atoms made by operations, displacement tensors turned with them, density."""

import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xorder import references
from xorder.structure import (
    Atoms,
    Crystal,
    Site,
    cartesian_from_cif_u,
    cif_u_from_cartesian,
    composition,
    density,
    lattice_from_cell,
    unit_cell_atoms,
)
from xorder.symmetry import symmetry_from

NAMES = references.names()


def as_set(atoms: Atoms) -> set[tuple[object, ...]]:
    """Return the atoms as a set that does not depend on their order."""
    wrapped = np.round(atoms.xyz, 6) % 1.0
    return {
        (site, *np.round(xyz, 5).tolist()) for site, xyz in zip(atoms.site, wrapped, strict=True)
    }


def p1(cell: tuple[float, ...], *sites: Site) -> Crystal:
    symmetry = symmetry_from(operations=["x,y,z"])
    return Crystal(
        name="made by hand",
        cell=np.array(cell),
        sites=sites,
        rotations=symmetry.rotations,
        translations=symmetry.translations,
    )


@pytest.mark.parametrize("name", NAMES)
def test_an_image_of_a_site_makes_the_same_unit_cell(name: str) -> None:
    crystal = references.load(name)
    whole = as_set(unit_cell_atoms(crystal))
    rng = np.random.default_rng(3)
    for _ in range(3):
        operation = rng.integers(len(crystal.rotations))
        moved = tuple(
            replace(
                site,
                xyz=crystal.rotations[operation] @ site.xyz
                + crystal.translations[operation]
                + rng.integers(-2, 3, 3),
            )
            for site in crystal.sites
        )
        assert as_set(unit_cell_atoms(replace(crystal, sites=moved))) == whole


@pytest.mark.parametrize("name", NAMES)
def test_atoms_of_a_site_divide_the_number_of_operations(name: str) -> None:
    crystal = references.load(name)
    atoms = unit_cell_atoms(crystal)
    for count in np.bincount(atoms.site):
        assert len(crystal.rotations) % count == 0


@pytest.mark.parametrize("name", NAMES)
def test_each_atom_is_the_image_its_operation_says(name: str) -> None:
    crystal = references.load(name)
    atoms = unit_cell_atoms(crystal)
    for site, operation, xyz in zip(atoms.site, atoms.operation, atoms.xyz, strict=True):
        image = crystal.rotations[operation] @ crystal.sites[site].xyz
        difference = image + crystal.translations[operation] - xyz
        np.testing.assert_allclose(difference, np.round(difference), atol=1e-5)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("NaCl", 2.164),
        ("Si_SRM640f", 2.329),
        ("CeO2_SRM674b", 7.213),
        ("HfO2", 10.11),
        ("Ni", 8.909),
    ],
)
def test_densities_of_known_substances(name: str, expected: float) -> None:
    assert density(references.load(name)) == pytest.approx(expected, rel=1e-3)


def test_partly_occupied_sites_count_by_their_occupancy() -> None:
    content = composition(references.load("NaLa1.67Cl6_model"))
    assert content["La"] == pytest.approx(5 / 3, rel=1e-3)
    assert content["Na"] == pytest.approx(1.0)


def test_two_elements_on_one_position_are_two_atoms() -> None:
    crystal = p1(
        (5, 5, 5, 90, 90, 90),
        Site(label="As1", element="As", xyz=np.zeros(3), occupancy=0.5),
        Site(label="S1", element="S", xyz=np.zeros(3), occupancy=0.5),
    )
    atoms = unit_cell_atoms(crystal)
    assert atoms.elements.tolist() == ["As", "S"]
    assert atoms.occupancy.tolist() == [0.5, 0.5]


def test_two_descriptions_of_one_structure_have_one_unit_cell() -> None:
    crystal = references.load("NaTaCl6")
    turned = in_p21n(crystal)
    assert turned.space_group == "P 1 21/n 1"
    assert density(turned) == pytest.approx(density(crystal))
    np.testing.assert_allclose(turned.cell, [6.69464, 7.103463, 20.836, 90, 108.08, 90], rtol=2e-4)


def in_p21n(crystal: Crystal) -> Crystal:
    """Return a P2_1/c structure on the axes −a, b, a + c: the same atoms in P2_1/n."""
    axes = np.array([[-1, 0, 0], [0, 1, 0], [1, 0, 1]])
    to_new = np.linalg.inv(axes.T)
    lattice = axes @ lattice_from_cell(crystal.cell)
    lengths = np.linalg.norm(lattice, axis=1)
    cosines = (lattice @ lattice.T) / np.outer(lengths, lengths)
    angles = np.degrees(np.arccos(cosines[[1, 0, 0], [2, 2, 1]]))
    symmetry = symmetry_from(symbol="P 1 21/n 1")
    return replace(
        crystal,
        cell=np.concatenate([lengths, angles]),
        sites=tuple(replace(site, xyz=to_new @ site.xyz) for site in crystal.sites),
        rotations=symmetry.rotations,
        translations=symmetry.translations,
        space_group=symmetry.symbol,
    )


# Displacement tensors

cells = st.tuples(*[st.floats(3.0, 25.0)] * 3, *[st.floats(70.0, 110.0)] * 3)


@given(cells, st.lists(st.floats(-0.01, 0.01), min_size=3, max_size=3))
@settings(max_examples=50, deadline=None)
def test_cif_and_cartesian_displacements_round_trip(
    cell: tuple[float, ...], off_diagonal: list[float]
) -> None:
    lattice = lattice_from_cell(np.array(cell))
    uij = np.diag([0.03, 0.04, 0.05])
    uij[[0, 0, 1], [1, 2, 2]] = uij[[1, 2, 2], [0, 0, 1]] = off_diagonal
    there = cartesian_from_cif_u(uij, lattice)
    np.testing.assert_allclose(cif_u_from_cartesian(there, lattice), uij, atol=1e-12)


@given(cells)
@settings(max_examples=25, deadline=None)
def test_cells_keep_lengths_and_angles(cell: tuple[float, ...]) -> None:
    lattice = lattice_from_cell(np.array(cell))
    lengths = np.linalg.norm(lattice, axis=1)
    cosines = (lattice @ lattice.T) / np.outer(lengths, lengths)
    np.testing.assert_allclose(lengths, cell[:3])
    np.testing.assert_allclose(
        np.degrees(np.arccos(cosines[[1, 0, 0], [2, 2, 1]])), cell[3:], rtol=1e-9
    )
    assert np.linalg.det(lattice) > 0


@pytest.mark.reference
@given(cells, st.lists(st.floats(-0.01, 0.01), min_size=3, max_size=3), st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_displacement_along_a_direction_agrees_with_diffpy(
    cell: tuple[float, ...], off_diagonal: list[float], seed: int
) -> None:
    from diffpy.structure import Atom, Lattice

    uij = np.diag([0.03, 0.04, 0.05])
    uij[[0, 0, 1], [1, 2, 2]] = uij[[1, 2, 2], [0, 0, 1]] = off_diagonal
    crystal = p1(cell, Site(label="Ta1", element="Ta", xyz=np.zeros(3), uij=uij))
    atoms = unit_cell_atoms(crystal)
    atom = Atom("Ta", xyz=[0, 0, 0], lattice=Lattice(*cell), U=uij)
    direction = np.random.default_rng(seed).normal(size=3)
    along = direction @ atoms.lattice
    along /= np.linalg.norm(along)
    assert along @ atoms.u[0] @ along == pytest.approx(atom.msdLat(direction), rel=1e-9)


@pytest.mark.reference
@pytest.mark.parametrize(
    ("number", "cell"),
    [
        (167, (4.76, 4.76, 12.99, 90, 90, 120)),
        (14, (5.1, 5.2, 5.3, 90, 99.2, 90)),
        (225, (5.64, 5.64, 5.64, 90, 90, 90)),
    ],
)
def test_positions_and_displacements_of_images_agree_with_diffpy(
    number: int, cell: tuple[float, ...]
) -> None:
    from diffpy.structure.spacegroups import GetSpaceGroup
    from diffpy.structure.symmetryutilities import ExpandAsymmetricUnit

    uij = np.array([[0.01, 0.002, 0.001], [0.002, 0.02, 0.003], [0.001, 0.003, 0.03]])
    xyz = np.array([0.11, 0.23, 0.37])
    symmetry = symmetry_from(number=number, cell=np.array(cell))
    crystal = Crystal(
        name="general position",
        cell=np.array(cell, dtype=float),
        sites=(Site(label="O1", element="O", xyz=xyz, uij=uij),),
        rotations=symmetry.rotations,
        translations=symmetry.translations,
    )
    atoms = unit_cell_atoms(crystal)
    expanded = ExpandAsymmetricUnit(GetSpaceGroup(number), [xyz], [uij])
    ours = cif_u_from_cartesian(atoms.u, atoms.lattice)
    assert len(expanded.expandedpos[0]) == len(atoms.xyz)
    for position, tensor in zip(expanded.expandedpos[0], expanded.expandedUijs[0], strict=True):
        difference = atoms.xyz - position
        index = np.argmin(np.abs(difference - np.round(difference)).sum(axis=1))
        np.testing.assert_allclose(ours[index], tensor, atol=1e-9)


def test_an_isotropic_displacement_stays_isotropic_in_every_image() -> None:
    crystal = references.load("Al2O3_SRM676a")
    atoms = unit_cell_atoms(crystal)
    for site, tensor in zip(atoms.site, atoms.u, strict=True):
        np.testing.assert_allclose(tensor, np.eye(3) * crystal.sites[site].uiso, atol=1e-12)


# Speed


def test_a_thousand_sites_in_p1_expand_quickly() -> None:
    rng = np.random.default_rng(1)
    sites = [
        Site(label=f"Cl{i}", element="Cl", xyz=xyz, uiso=0.01)
        for i, xyz in enumerate(rng.random((1000, 3)))
    ]
    crystal = p1((40, 40, 40, 90, 90, 90), *sites)
    unit_cell_atoms(crystal)
    start = time.process_time()
    atoms = unit_cell_atoms(crystal)
    assert len(atoms.xyz) == 1000
    assert time.process_time() - start < 0.05


def test_a_crystal_shows_itself_in_a_notebook() -> None:
    html = references.load("NaCl")._repr_html_()
    assert "F m -3 m" in html
