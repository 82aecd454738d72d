"""Neighbours: distances over the borders of the cell, bonds, coordination numbers."""

import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xorder import references
from xorder.errors import BadInput
from xorder.neighbors import coordination_numbers, find_bonds, pairs_within
from xorder.structure import Crystal, Site, lattice_from_cell, unit_cell_atoms
from xorder.symmetry import symmetry_from


def numbers(name: str) -> dict[str, float]:
    crystal = references.load(name)
    found = coordination_numbers(crystal)
    return {site.label: float(n) for site, n in zip(crystal.sites, found, strict=True)}


def p1(cell: tuple[float, ...], *sites: Site) -> Crystal:
    symmetry = symmetry_from(operations=["x,y,z"])
    return Crystal(
        name="made by hand",
        cell=np.array(cell, dtype=float),
        sites=sites,
        rotations=symmetry.rotations,
        translations=symmetry.translations,
    )


@given(
    st.tuples(*[st.floats(3.0, 8.0)] * 3, *[st.floats(65.0, 115.0)] * 3),
    st.floats(0.5, 7.0),
    st.integers(0, 10**6),
)
@settings(max_examples=15, deadline=None)
def test_pairs_agree_with_a_plain_search_over_27_and_more_cells(
    cell: tuple[float, ...], radius: float, seed: int
) -> None:
    positions = np.random.default_rng(seed).random((3, 3))
    sites = [Site(label=f"O{i}", element="O", xyz=xyz) for i, xyz in enumerate(positions)]
    atoms = unit_cell_atoms(p1(cell, *sites))
    pairs = pairs_within(atoms, radius)
    shifts = np.stack(np.meshgrid(*[np.arange(-5, 6)] * 3), axis=-1).reshape(-1, 3)
    lattice = lattice_from_cell(np.array(cell))
    difference = positions[None, :, None] + shifts[None, None] - positions[:, None, None]
    distance = np.linalg.norm(difference @ lattice, axis=-1)
    plain = np.sort(distance[(distance < radius - 1e-6) & (distance > 1e-9)])
    ours = np.sort(pairs.distance[pairs.distance < radius - 1e-6])
    np.testing.assert_allclose(ours, plain, atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(pairs.vector, axis=1), pairs.distance, atol=1e-9)


def test_pairs_stand_once_from_either_end() -> None:
    pairs = pairs_within(unit_cell_atoms(references.load("NaCl")), 4.0)
    forward = sorted(zip(pairs.first, pairs.second, np.round(pairs.distance, 6), strict=True))
    backward = sorted(zip(pairs.second, pairs.first, np.round(pairs.distance, 6), strict=True))
    assert forward == backward
    assert len(pairs.distance) == 8 * (6 + 12)


def test_the_plain_search_and_the_tree_find_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    atoms = unit_cell_atoms(references.load("Fluorapatite"))
    plain = pairs_within(atoms, 5.0)
    monkeypatch.setattr("xorder.neighbors.PLAIN_SEARCH", 0)
    tree = pairs_within(atoms, 5.0)
    assert plain.second.tolist() == tree.second.tolist()
    np.testing.assert_allclose(plain.vector, tree.vector)


@pytest.mark.parametrize("radius", [0.0, -1.0, float("nan"), float("inf")])
def test_a_radius_that_is_none_is_refused(radius: float) -> None:
    crystal = references.load("NaCl")
    with pytest.raises(BadInput, match="the radius is"):
        pairs_within(unit_cell_atoms(crystal), radius)
    with pytest.raises(BadInput, match="the radius is"):
        find_bonds(crystal, factor=radius, metal_factor=radius)


def test_atoms_on_one_position_are_a_pair_at_distance_zero() -> None:
    crystal = p1(
        (5, 5, 5, 90, 90, 90),
        Site(label="As1", element="As", xyz=np.zeros(3), occupancy=0.5),
        Site(label="S1", element="S", xyz=np.zeros(3), occupancy=0.5),
    )
    pairs = pairs_within(unit_cell_atoms(crystal), 0.5)
    assert pairs.first.tolist() == [0, 1]
    assert pairs.distance.tolist() == [0.0, 0.0]
    assert not len(find_bonds(crystal).length)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("NaCl", {"Na1": 6, "Cl1": 6}),
        ("Ni", {"Ni1": 12}),
        ("Si_SRM640f", {"Si1": 4}),
        ("CeO2_SRM674b", {"Ce1": 8, "O1": 4}),
        ("Al2O3_SRM676a", {"Al1": 6, "O1": 4}),
        ("HfO2", {"Hf1": 7, "O1": 3, "O2": 4}),
        ("LaCl3", {"La1": 9, "Cl1": 3}),
        ("Fluorapatite", {"Ca1": 9, "Ca2": 7, "P1": 4}),
        ("TaCl5_model", {"Ta1": 6, "Ta2": 6}),
        ("Ta2O5", {"Ta1": 6, "Ta2": 6}),
        ("NaTaCl6_model", {"Na1": 7, "Ta1": 6}),
        ("Na3YCl6", {"Na1": 6, "Na2": 6, "Y1": 6}),
    ],
)
def test_coordination_numbers_of_known_structures(name: str, expected: dict[str, float]) -> None:
    assert {label: n for label, n in numbers(name).items() if label in expected} == expected


def test_alternatives_of_a_position_are_no_neighbours_and_count_by_occupancy() -> None:
    found = numbers("NaLa1.67Cl6_model")
    assert found["Na1"] == 6  # Na–Na at c/2 = 2.19 Å cannot both be filled
    assert found["Cl1"] == pytest.approx(3 * 0.8333 + 2 * 0.5, abs=1e-3)


def test_other_disorder_groups_of_one_assembly_are_no_neighbours() -> None:
    def molecule(group: str) -> Crystal:
        return p1(
            (9, 9, 9, 90, 90, 90),
            Site(label="C1", element="C", xyz=np.zeros(3), disorder_group="1"),
            Site(label="O1", element="O", xyz=np.array([1.2 / 9, 0, 0]), disorder_group=group),
        )

    assert len(find_bonds(molecule("1")).length) == 2
    assert len(find_bonds(molecule("2")).length) == 0


def test_bonds_do_not_depend_on_the_setting() -> None:
    crystal = references.load("NaTaCl6")
    axes = np.array([[-1, 0, 0], [0, 1, 0], [1, 0, 1]])
    lattice = axes @ lattice_from_cell(crystal.cell)
    lengths = np.linalg.norm(lattice, axis=1)
    cosines = (lattice @ lattice.T) / np.outer(lengths, lengths)
    symmetry = symmetry_from(symbol="P 1 21/n 1")
    turned = replace(
        crystal,
        cell=np.concatenate([lengths, np.degrees(np.arccos(cosines[[1, 0, 0], [2, 2, 1]]))]),
        sites=tuple(replace(site, xyz=np.linalg.inv(axes.T) @ site.xyz) for site in crystal.sites),
        rotations=symmetry.rotations,
        translations=symmetry.translations,
    )
    one, other = find_bonds(crystal), find_bonds(turned)
    assert one.label.tolist() == other.label.tolist()
    assert one.neighbor.tolist() == other.neighbor.tolist()
    np.testing.assert_allclose(one.length, other.length, atol=1e-6)
    wrong = replace(turned, rotations=crystal.rotations, translations=crystal.translations)
    assert len(find_bonds(wrong).length) != len(one.length) or not np.allclose(
        find_bonds(wrong).length, one.length, atol=0.01
    )


@pytest.mark.reference
@pytest.mark.parametrize("name", ["NaTaCl6", "Al2O3_SRM676a", "Fluorapatite"])
def test_bond_lengths_agree_with_gemmi(name: str) -> None:
    import gemmi

    crystal = references.load(name)
    bonds = find_bonds(crystal)
    small = gemmi.SmallStructure()
    small.cell = gemmi.UnitCell(*crystal.cell)
    small.spacegroup = gemmi.SpaceGroup(crystal.space_group)
    for site in crystal.sites:
        atom = gemmi.SmallStructure.Site()
        atom.label, atom.element = site.label, gemmi.Element(site.element)
        atom.fract = gemmi.Fractional(*site.xyz)
        small.add_site(atom)
    small.setup_cell_images()
    search = gemmi.NeighborSearch(small, 4.0).populate()
    for index, site in enumerate(small.sites):
        marks = search.find_site_neighbors(site, min_dist=0.1, max_dist=3.4)
        position = small.cell.orthogonalize(site.fract)
        theirs = np.sort([search.dist(position, mark.pos) for mark in marks])
        ours = np.sort(bonds.length[bonds.site == index])
        for length in ours:
            assert np.min(np.abs(theirs - length)) < 2e-4  # gemmi keeps 0.33333


def test_a_table_of_bonds() -> None:
    table = find_bonds(references.load("NaTaCl6_model")).to_dataframe()
    assert table.loc["Ta1", "length"].between(2.29, 2.45).all()
    assert table.attrs["units"]["length"] == "Å"


def test_a_thousand_atoms_are_searched_quickly() -> None:
    rng = np.random.default_rng(1)
    sites = [
        Site(label=f"Cl{i}", element="Cl" if i % 2 else "Na", xyz=xyz)
        for i, xyz in enumerate(rng.random((1000, 3)))
    ]
    crystal = p1((33, 33, 33, 90, 90, 90), *sites)
    find_bonds(references.load("NaCl"))
    start = time.process_time()
    find_bonds(crystal)
    assert time.process_time() - start < 0.5
