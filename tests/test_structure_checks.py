"""What is inconsistent in a structure is named, and what is disordered on purpose is not."""

from dataclasses import replace

import numpy as np
import pytest

from xorder import references
from xorder.errors import BadStructure
from xorder.structure import Crystal, Site
from xorder.structure_checks import check_usable, find_doubts
from xorder.symmetry import cell_misfit, symmetry_from, triplet

NO_U = "no atom has a displacement U"


def p1(*sites: Site, edge: float = 5.0, formula: str = "", units: float = float("nan")) -> Crystal:
    symmetry = symmetry_from(operations=["x,y,z"])
    return Crystal(
        name="made by hand",
        cell=np.array([edge, edge, edge, 90, 90, 90], dtype=float),
        sites=sites,
        rotations=symmetry.rotations,
        translations=symmetry.translations,
        formula=formula,
        formula_units=units,
    )


def at(label: str, x: float, occupancy: float = 1.0, group: str = "", assembly: str = "") -> Site:
    """Return a titanium atom on the a axis, `x` in Å of a cell of 5 Å."""
    return Site(
        label=label,
        element="Ti",
        xyz=np.array([x / 5.0, 0, 0]),
        occupancy=occupancy,
        uiso=0.01,
        disorder_group=group,
        disorder_assembly=assembly,
    )


@pytest.mark.parametrize("name", references.names())
def test_reference_structures_are_sound(name: str) -> None:
    crystal = references.load(name)
    check_usable(crystal)
    assert [doubt for doubt in find_doubts(crystal) if doubt != NO_U] == []


# Positions shared by several atoms


def test_occupancies_above_one_on_a_position_name_all_its_atoms() -> None:
    doubts = find_doubts(p1(at("A", 0, 0.6), at("B", 0, 0.3), at("C", 0.01, 0.3)))
    assert doubts == ("A + B + C on one position: the occupancies add up to 1.2",)


@pytest.mark.parametrize("second", [0.5, 0.51])
def test_occupancies_of_one_within_rounding_are_sound(second: float) -> None:
    assert find_doubts(p1(at("A", 0, 0.5), at("B", 0, second))) == ()


def test_atoms_too_close_are_named_with_their_distance() -> None:
    doubts = find_doubts(p1(at("A", 0), at("B", 0.3)))
    assert doubts == ("A and B are 0.300 Å apart and nothing says that they alternate",)


def test_atoms_too_close_across_the_border_of_the_cell_are_found() -> None:
    doubts = find_doubts(p1(at("A", 0.1), at("B", 4.9)))
    assert doubts == ("A and B are 0.200 Å apart and nothing says that they alternate",)


@pytest.mark.parametrize(
    "sites",
    [
        (at("A", 0, 0.5), at("B", 0.3, 0.5)),
        (at("A", 0, 1, "1"), at("B", 0.3, 1, "2")),
        (at("A", 0, 0.7, "1", "X"), at("B", 0.3, 0.7, "2", "X")),
        (at("A", 0), at("B", 0.6)),
    ],
)
def test_alternatives_and_distant_atoms_are_no_doubt(sites: tuple[Site, ...]) -> None:
    assert find_doubts(p1(*sites)) == ()


@pytest.mark.parametrize(
    "sites",
    [
        (at("A", 0, 1, "1"), at("B", 0.3, 1, "1")),
        (at("A", 0, 0.7, "1", "X"), at("B", 0.3, 0.7, "2", "Y")),
        (at("A", 0, 0.7, "1"), at("B", 0.3, 0.7)),
    ],
)
def test_atoms_that_no_disorder_tells_apart_are_a_doubt(sites: tuple[Site, ...]) -> None:
    assert len(find_doubts(p1(*sites))) == 1


def near_inversion(distance: float, **site: object) -> Crystal:
    """Return an atom at half `distance` from a centre of inversion."""
    symmetry = symmetry_from(symbol="P -1")
    atom = replace(at("Ti1", distance / 2), **site)
    return replace(
        p1(atom),
        rotations=symmetry.rotations,
        translations=symmetry.translations,
        space_group="P -1",
    )


def test_an_atom_nearly_on_a_special_position_is_a_doubt() -> None:
    assert find_doubts(near_inversion(0.2)) == (
        "images of Ti1 are 0.200 Å apart: nearly a special position",
    )
    assert find_doubts(near_inversion(0.04)) == ("Ti1 is moved 0.020 Å onto its special position",)
    assert find_doubts(near_inversion(0.02)) == ()


@pytest.mark.parametrize("site", [{"occupancy": 0.5}, {"disorder_group": "-1"}])
def test_disorder_about_a_symmetry_element_is_no_doubt(site: dict[str, object]) -> None:
    assert find_doubts(near_inversion(0.2, **site)) == ()


# Content


def test_missing_and_surplus_atoms_are_named_with_counts() -> None:
    crystal = replace(references.load("NaTaCl6"), formula="Na Ta Cl5 O H2")
    doubts = [doubt for doubt in find_doubts(crystal) if doubt != NO_U]
    assert doubts == [
        "4 Cl too many: the cell holds 24, Na Ta Cl5 O H2 × Z = 4 has 20",
        "4 O missing: the cell holds 0, Na Ta Cl5 O H2 × Z = 4 has 4",
        "8 H missing: the cell holds 0, Na Ta Cl5 O H2 × Z = 4 has 8",
    ]


def test_a_wrong_z_is_told_once() -> None:
    crystal = replace(references.load("NaTaCl6"), formula_units=2.0)
    doubts = [doubt for doubt in find_doubts(crystal) if doubt != NO_U]
    assert doubts == ["Z is 2 in the source but the cell holds 4 of Na Ta Cl6"]


def test_without_z_the_formula_is_compared_in_its_proportions() -> None:
    crystal = replace(references.load("NaTaCl6"), formula_units=float("nan"))
    assert find_doubts(crystal) == (NO_U,)
    fewer = replace(crystal, sites=crystal.sites[:-1])
    assert any(doubt.startswith("4 Cl missing") for doubt in find_doubts(fewer))


@pytest.mark.parametrize(("edge", "expected"), [(12.0, "0.046"), (1.4, "29")])
def test_absurd_densities(edge: float, expected: str) -> None:
    doubts = find_doubts(p1(at("A", 0), edge=edge))
    assert len(doubts) == 1
    assert f"the density is {expected}" in doubts[0]


def test_repeated_labels_are_named() -> None:
    doubts = find_doubts(p1(at("A", 0), at("A", 2)))
    assert doubts == ("labels that stand for several atoms: A",)


# Displacements


def test_atoms_without_displacement_are_named() -> None:
    bare = replace(at("B", 2), uiso=float("nan"))
    assert find_doubts(p1(at("A", 0), bare)) == ("no displacement U: B",)
    assert find_doubts(p1(bare)) == (NO_U,)


def test_displacements_that_are_not_positive_are_named() -> None:
    tensor = np.diag([0.01, 0.01, -0.01])
    sites = (replace(at("A", 0), uiso=-0.01), replace(at("B", 2), uij=tensor))
    assert find_doubts(p1(*sites)) == ("displacements that are not positive: A, B",)


# What cannot be used


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cell": np.array([5, 5, 0, 90, 90, 90.0])}, "edges above 0"),
        ({"cell": np.array([5, 5, 5, 90, np.nan, 90.0])}, "the cell is"),
        ({"cell": np.array([5, 5, 5, 30, 30, 80.0])}, "no three axes have these angles"),
        ({"sites": ()}, "there are no atoms"),
        ({"sites": (replace(at("A", 0), element="Qq"),)}, "atom A: there is no element 'Qq'"),
        ({"sites": (replace(at("A", 0), occupancy=1.5),)}, "atom A: the occupancy is 1.5"),
        ({"sites": (replace(at("A", 0), xyz=np.array([0, np.nan, 0])),)}, "atom A has no position"),
    ],
)
def test_structures_that_cannot_be_used(change: dict[str, object], message: str) -> None:
    with pytest.raises(BadStructure, match=message):
        check_usable(replace(p1(at("A", 0)), **change))


def test_a_fourfold_axis_with_unequal_edges_is_an_error_beyond_rounding() -> None:
    symmetry = symmetry_from(symbol="P 4/m")
    crystal = replace(
        p1(at("A", 0)),
        rotations=symmetry.rotations,
        translations=symmetry.translations,
        space_group="P 4/m",
        cell=np.array([5.0, 5.3, 5.0, 90, 90, 90]),
    )
    with pytest.raises(BadStructure, match="does not have the symmetry P 4/m"):
        check_usable(crystal)
    nearly = replace(crystal, cell=np.array([5.0, 5.01, 5.0, 90, 90, 90]))
    check_usable(nearly)
    assert any("does not have the symmetry P 4/m" in doubt for doubt in find_doubts(nearly))
    rounded = replace(crystal, cell=np.array([5.0, 5.0005, 5.0, 90, 90, 90]))
    assert find_doubts(rounded) == ()


# Symmetry


def test_every_tabulated_setting_is_recognised_by_its_operations() -> None:
    import gemmi

    for setting in list(gemmi.spacegroup_table())[::4]:
        operations = [operation.triplet() for operation in setting.operations()]
        found = symmetry_from(operations=operations, symbol=setting.xhm(), number=setting.number)
        assert found.symbol == setting.xhm()
        assert found.doubts == ()
        assert len(found.rotations) == len(operations)


def test_operations_survive_being_written_and_read() -> None:
    symmetry = symmetry_from(symbol="F d -3 m:2")
    texts = [
        triplet(rotation, translation)
        for rotation, translation in zip(symmetry.rotations, symmetry.translations, strict=True)
    ]
    again = symmetry_from(operations=texts)
    np.testing.assert_array_equal(again.rotations, symmetry.rotations)
    np.testing.assert_allclose(again.translations, symmetry.translations)


@pytest.mark.parametrize(
    ("cell", "symbol"), [((5, 5, 5, 55, 55, 55), "R -3 c:R"), ((5, 5, 13, 90, 90, 120), "R -3 c:H")]
)
def test_the_cell_tells_the_axes_of_a_rhombohedral_group(
    cell: tuple[float, ...], symbol: str
) -> None:
    values = np.array(cell, dtype=float)
    assert symmetry_from(symbol="R -3 c", cell=values).symbol == symbol
    assert symmetry_from(number=167, cell=values).symbol == symbol


def test_operations_on_another_origin_are_used_as_given() -> None:
    shifted = symmetry_from(operations=["x,y,z", "-x+1/4,y+1/2,-z+1/2"], symbol="P 21")
    assert shifted.number == 4
    assert shifted.doubts == ()
    assert "of no tabulated setting" in shifted.notes[0]
    unnamed = symmetry_from(operations=["x,y,z", "-x+1/4,y+1/2,-z+1/2"])
    assert unnamed.number == 4


def test_symbol_of_a_larger_group_than_the_operations_is_a_doubt() -> None:
    found = symmetry_from(operations=["x,y,z"], symbol="P 21/c", number=14)
    assert len(found.doubts) == 2
    assert found.symbol == "P 1"


def test_a_cell_with_the_symmetry_is_not_changed_by_it() -> None:
    rotations = symmetry_from(symbol="P 63/m").rotations
    length, angle, _ = cell_misfit(np.array([7.4, 7.4, 4.4, 90, 90, 120]), rotations)
    assert length < 1e-12
    assert angle < 1e-9
    length, _, _ = cell_misfit(np.array([7.4, 7.5, 4.4, 90, 90, 120]), rotations)
    assert length == pytest.approx(0.1 / 7.4, rel=0.05)
