"""Paths have the crystal's distances, stand for every absorber by its share, and have a table."""

import re
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from xorder import pdf, references, xas
from xorder.errors import BadInput, StructureWarning, UnreadableFile
from xorder.structure import Crystal, Site, unit_cell_atoms
from xorder.xas import feff
from xorder.xas.clusters import clusters_around

Paths = tuple[xas.ScatteringPath, ...]


@pytest.fixture(scope="module")
def salt() -> Crystal:
    return references.load("NaCl")


def test_single_scattering_shells_are_the_crystals(salt: Crystal) -> None:
    """Rock salt: 6 Cl at a/2, 12 Na at a/√2."""
    paths = xas.calculate_paths(salt, absorber="Na", edge="K", radius=4.5, program="feff6l")
    single = [p for p in paths if p.n_legs == 2]
    a = float(salt.cell[0])
    assert single[0].reff == pytest.approx(a / 2, abs=1e-3)
    assert single[0].degeneracy == 6
    assert single[0].elements == ("Na", "Cl")
    assert single[1].reff == pytest.approx(a / np.sqrt(2), abs=1e-3)
    assert single[1].degeneracy == 12


def test_collinear_paths_through_the_absorber_are_kept(ta_paths: Paths) -> None:
    """The Ta–Cl–Ta–Cl path has four legs and twice the length of the bond."""
    straight = [p for p in ta_paths if p.n_legs == 4 and p.bend < 1e-6]
    bonds = [p.reff for p in ta_paths if p.n_legs == 2 and p.reff < 3]
    assert straight
    assert len(bonds) == 6
    assert straight[0].reff == pytest.approx(2 * bonds[0], abs=1e-3)


def test_feff6_and_feff8_agree_on_the_geometry(ta_paths: Paths) -> None:
    eight = xas.calculate_paths(
        references.load("NaTaCl6"), absorber="Ta", edge="L3", radius=3.0, program="feff8l"
    )
    six = [p.reff for p in ta_paths if p.reff < 3.0]
    assert [p.reff for p in eight] == pytest.approx(six, abs=1e-3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"absorber": "Ta"}, "has no Ta"),
        ({"absorber": "Na", "site": "Na9"}, "no Na site 'Na9'"),
        ({"absorber": "Na", "edge": "L9"}, "no edge 'L9'"),
        ({"absorber": "Na", "radius": -1.0}, "radius is -1"),
        ({"absorber": "Na", "radius": 1.2}, "no neighbour within"),
        ({"absorber": "Na", "n_legs": 1}, "n_legs is 1"),
        ({"absorber": "Na", "program": "feff10"}, "program is 'feff10'"),
        ({"absorber": "Na", "configurations": 0}, "configurations is 0"),
        ({"absorber": "Na", "n_absorbers": 0}, "n_absorbers is 0"),
        ({"absorber": "Na", "jobs": 0}, "jobs is 0"),
        ({"absorber": "Na", "seed": -1}, "seed is -1"),
        ({"absorber": "Xx"}, "'Xx'"),
    ],
)
def test_what_feff_cannot_do_is_refused_before_it_runs(
    salt: Crystal, settings: dict[str, object], message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        xas.calculate_paths(salt, **{"edge": "K", **settings})


def test_a_cluster_beyond_feffs_arrays_is_refused() -> None:
    with pytest.raises(BadInput, match=r"has \d{3} atoms within 13 Å"):
        xas.calculate_paths(references.load("Ni"), absorber="Ni", edge="K", radius=12.0)


@pytest.mark.parametrize("text", ["", "k real[p]\n", "-----\n 2 1.0\n", "nonsense\n" * 40])
def test_a_file_that_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(UnreadableFile, match="no path file of FEFF"):
        xas.read_path(text, name="feff0001.dat")


def test_every_inequivalent_absorber_counts_by_its_multiplicity() -> None:
    """Na2ZrCl6: one Zr on 1a, two on 2d; six Cl around each."""
    crystal = references.load("Na2ZrCl6_model")
    kind = {"absorber": "Zr", "edge": "K", "radius": 3.0, "program": "feff6l"}
    paths = [p for p in xas.calculate_paths(crystal, **kind) if p.n_legs == 2]
    shares = {p.site: p.share for p in paths}
    assert shares == pytest.approx({"Zr1": 1 / 3, "Zr2": 2 / 3})
    for site, share in shares.items():
        assert sum(p.degeneracy for p in paths if p.site == site) == pytest.approx(6 * share)
    assert len({p.name for p in paths}) == len(paths)
    alone = xas.calculate_paths(crystal, site="Zr2", **kind)
    assert {p.site for p in alone} == {"Zr2"}
    assert sum(p.degeneracy for p in alone if p.n_legs == 2) == pytest.approx(6.0)


def test_the_sum_of_all_paths_is_the_average_over_the_sites() -> None:
    crystal, k = references.load("TaCl5_model"), 0.05 * np.arange(1, 300)
    kind = {"absorber": "Ta", "edge": "L3", "radius": 3.0, "program": "feff6l"}
    together = xas.sum_paths(xas.calculate_paths(crystal, **kind), k)
    one, two = (xas.calculate_paths(crystal, site=site, **kind) for site in ("Ta1", "Ta2"))
    atoms = unit_cell_atoms(crystal).site
    count = [
        np.count_nonzero(atoms == next(i for i, s in enumerate(crystal.sites) if s.label == label))
        for label in ("Ta1", "Ta2")
    ]
    expected = np.average([xas.sum_paths(p, k) for p in (one, two)], axis=0, weights=count)
    np.testing.assert_allclose(together, expected, atol=1e-12)


def mixed_salt(salt: Crystal, cl: float, br: float) -> Crystal:
    """Return rock salt with Cl and Br on the anion's position."""
    na, anion = salt.sites
    return replace(
        salt,
        sites=(
            na,
            replace(anion, occupancy=cl),
            replace(anion, label="Br1", element="Br", occupancy=br),
        ),
    )


def test_mixed_positions_have_their_atoms_in_the_mean(salt: Crystal) -> None:
    """Of 6 neighbours 70 % are Cl, 20 % are Br and 10 % are missing, within three errors."""
    with pytest.warns(StructureWarning, match="200 configurations drawn with seed 3"):
        drawn = clusters_around(
            mixed_salt(salt, 0.7, 0.2), "Na", radius=3.0, configurations=200, seed=3
        )
    assert sum(c.share for c in drawn) == pytest.approx(1.0)
    for element, mean in (("Cl", 4.2), ("Br", 1.2)):
        found = np.mean([c.elements.count(element) for c in drawn])
        error = np.sqrt(6 * mean / 6 * (1 - mean / 6) / 200)
        assert found == pytest.approx(mean, abs=3 * error)
    assert max(len(c.elements) for c in drawn) <= 7


def test_draws_are_the_seeds(salt: Crystal) -> None:
    def drawn(seed: int) -> list[tuple[str, ...]]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", StructureWarning)
            made = clusters_around(mixed_salt(salt, 0.5, 0.5), "Na", radius=5.0, seed=seed)
        return [c.elements for c in made]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


def test_a_full_structure_is_one_configuration_without_a_warning(salt: Crystal) -> None:
    (one,) = clusters_around(salt, "Na", radius=5.0)
    assert one.share == 1.0


def test_a_draw_without_neighbours_counts_as_no_wave(salt: Crystal) -> None:
    """One chlorine in forty: the paths of the draws that have one, by their share."""
    kind = {"absorber": "Na", "edge": "K", "radius": 3.0, "program": "feff6l", "n_legs": 2}
    rare = replace(salt, sites=(salt.sites[0], replace(salt.sites[1], occupancy=0.025)))
    with pytest.warns(StructureWarning, match="10 configurations"):
        paths = xas.calculate_paths(rare, configurations=10, **kind)
    assert 0 < sum(p.degeneracy for p in paths) < 0.6
    assert {p.share for p in paths} == {0.1}


def test_a_site_without_atoms_is_no_absorber(salt: Crystal) -> None:
    empty = replace(salt, sites=(replace(salt.sites[0], occupancy=0.0), salt.sites[1]))
    with pytest.raises(BadInput, match="has no Na"):
        xas.calculate_paths(empty, absorber="Na", edge="K")


def test_a_mixed_absorber_leaves_its_own_position_to_itself(salt: Crystal) -> None:
    other = Site(label="K1", element="K", xyz=salt.sites[0].xyz, occupancy=0.4)
    crystal = replace(salt, sites=(replace(salt.sites[0], occupancy=0.6), other, salt.sites[1]))
    with pytest.warns(StructureWarning):
        drawn = clusters_around(crystal, "Na", radius=4.5)
    for cluster in drawn:
        assert np.linalg.norm(cluster.positions[1:], axis=1).min() > 2.0
        assert len(cluster.elements) == 1 + 6 + 12


def test_a_box_of_the_crystal_has_the_crystals_paths(salt: Crystal) -> None:
    """A frame of the PDF probe, its box smaller than the radius, is taken as it is."""
    kind = {"absorber": "Na", "edge": "K", "radius": 4.5, "program": "feff6l"}
    frame = pdf.frame_from_crystal(salt)
    ours = [(p.reff, p.degeneracy) for p in xas.calculate_paths(frame, site="Na2", **kind)]
    crystals = [(p.reff, p.degeneracy) for p in xas.calculate_paths(salt, **kind)]
    np.testing.assert_allclose(ours, crystals, atol=1e-3)


@dataclass
class Molecule:
    """A cluster without a box."""

    positions: np.ndarray
    elements: np.ndarray
    lattice: np.ndarray | None = None


def octahedron(bond: float) -> Molecule:
    corners = bond * np.vstack([np.eye(3), -np.eye(3)])
    return Molecule(np.vstack([np.zeros(3), corners]), np.array(["Ta", *["Cl"] * 6]))


def test_frames_are_averaged() -> None:
    frames = [octahedron(bond) for bond in (2.3, 2.4)]
    paths = xas.calculate_paths(
        frames, absorber="Ta", edge="L3", radius=3.0, program="feff6l", jobs=2
    )
    single = [p for p in paths if p.n_legs == 2]
    assert [p.reff for p in single] == pytest.approx([2.3, 2.4])
    assert [p.degeneracy for p in single] == pytest.approx([3.0, 3.0])
    assert [p.site for p in single] == ["Ta1 of 1", "Ta1 of 2"]


def test_more_elements_than_feff6_takes_are_refused() -> None:
    elements = np.array(["Re", "As", "S", "C", "N", "Na", "O", "Br", "I"])
    corners = 2.2 * np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
    molecule = Molecule(np.vstack([np.zeros(3), corners]), elements)
    kind = {"absorber": "Re", "edge": "L3", "radius": 4.0, "n_legs": 2}
    with pytest.raises(BadInput, match=r"8 elements around the absorber .*; feff8l takes more"):
        xas.calculate_paths(molecule, program="feff6l", **kind)
    assert len(xas.calculate_paths(molecule, program="feff8l", **kind)) == 8


def test_some_absorbers_stand_for_all() -> None:
    frames = [octahedron(bond) for bond in np.linspace(2.2, 2.5, 10)]
    some = clusters_around(frames, "Ta", radius=3.0, n_absorbers=4, seed=1)
    assert len({c.site for c in some}) == 4
    assert sum(c.share for c in some) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("structure", "settings", "message"),
    [
        ([], {}, "there is no structure"),
        (octahedron(2.4), {"absorber": "Hf"}, "has no Hf; expected one of Cl, Ta"),
        (octahedron(2.4), {"site": "Ta2"}, "no Ta site 'Ta2'"),
        (octahedron(9.0), {}, "no neighbour within 3 Å"),
        (octahedron(3.5), {}, "no neighbour within 3 Å"),
        (octahedron(np.nan), {}, "18 numbers are not finite"),
        (Molecule(np.zeros((2, 2)), np.array(["Ta", "Cl"])), {}, r"shape \(2, 2\)"),
        (Molecule(np.zeros((2, 3)), np.array(["Ta"])), {}, "there are 1 elements"),
        (Molecule(np.eye(3), np.array(["Ta", "Cl", "Cl"]), np.zeros((3, 3))), {}, "lattice is"),
        (Molecule(1.6 * np.eye(3), np.array(["Ta", "Cl", "Qq"])), {}, "no element 'Qq'"),
        ("NaCl", {}, "the structure is a str without positions"),
        (None, {}, "the structure is a NoneType without"),
    ],
)
def test_a_cluster_that_cannot_be_is_refused(
    structure: object, settings: dict[str, str], message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        xas.calculate_paths(structure, radius=3.0, **{"absorber": "Ta", "edge": "L3", **settings})


@pytest.mark.parametrize("program", ["feff6l", "feff8l"])
def test_geometry_and_importance_are_in_feffs_own_lists(program: str, tmp_path: Path) -> None:
    """``paths.dat`` has legs and angles, ``files.dat`` the amplitude ratio to the first path."""
    (made,) = xas.feff_inputs(
        references.load("NaTaCl6"), absorber="Ta", edge="L3", radius=5.0, program=program
    )
    (tmp_path / "feff.inp").write_text(made.text)
    for name in feff.PROGRAMS[program]:
        feff._run(feff._executable(name), tmp_path, 60.0)
    listed = re.findall(r"(feff\d{4}\.dat)\s+\S+\s+(\S+)", (tmp_path / "files.dat").read_text())
    ratio = {name: float(value) for name, value in listed}
    geometry = lists_of_legs((tmp_path / "paths.dat").read_text())
    paths = xas.read_paths([tmp_path / name for name in ratio])
    assert len(paths) > 20
    largest = paths[0].importance
    for path in paths:
        assert 100 * path.importance / largest == pytest.approx(ratio[path.name], rel=5e-3)
        legs, angles = geometry[int(path.name[4:8])]
        np.testing.assert_allclose(path.legs, legs, atol=2e-4)
        # Near 180° the four decimals of the positions are 0.1°.
        np.testing.assert_allclose(path.angles, angles[:-1], atol=0.1)


def lists_of_legs(text: str) -> dict[int, tuple[list[float], list[float]]]:
    """Return legs and angles by number from FEFF's ``paths.dat``."""
    found: dict[int, tuple[list[float], list[float]]] = {}
    for line in text.splitlines():
        head = re.match(r"\s*(\d+)\s+\d+\s+\S+\s+index", line)
        if head:
            number = int(head[1])
            found[number] = [], []
        elif "'" in line:
            leg, angle, _ = line.rsplit("'", 1)[1].split()
            found[number][0].append(float(leg))
            found[number][1].append(float(angle))
    return found


def test_the_straight_chain_is_focused_and_the_triangle_is_not(ta_paths: Paths) -> None:
    table = xas.tabulate_paths(ta_paths)
    frame = table.to_dataframe()
    chain = frame[(frame.atoms == "Ta–Cl–Ta–Cl–Ta") & frame.focusing]
    assert len(chain) == 3
    assert (chain.kind == "triple").all()
    assert not frame[frame.n_legs == 2].focusing.any()
    triangle = frame[(frame.atoms == "Ta–Cl–Cl–Ta") & (frame.reff < 4.2)]
    assert len(triangle) == 12
    assert not triangle.focusing.any()
    assert frame.importance.max() == 100
    assert chain.importance.min() > 5 * frame[frame.atoms == "Ta–Cl–Ta–Cl–Ta"].importance.median()


def test_a_bent_chain_is_no_longer_focused() -> None:
    def chain(angle: float) -> tuple[bool, float]:
        tilt = np.deg2rad(180.0 - angle)
        ends = 2.35 * np.array([[1.0, 0.0, 0.0], [-np.cos(tilt), np.sin(tilt), 0.0]])
        molecule = Molecule(np.vstack([np.zeros(3), ends]), np.array(["Ta", "Cl", "Cl"]))
        paths = xas.calculate_paths(
            molecule, absorber="Ta", edge="L3", radius=4.8, program="feff6l"
        )
        through = [p for p in paths if p.n_legs == 4 and p.angles[1] < 90]
        return through[0].focusing, through[0].importance

    found = [chain(angle) for angle in (180.0, 170.0, 150.0)]
    assert [focusing for focusing, _ in found] == [True, True, False]
    assert found[0][1] > found[1][1] > found[2][1]


def test_a_table_is_described_with_focusing_marked(ta_paths: Paths) -> None:
    text = xas.tabulate_paths(ta_paths).describe()
    assert text.count("*  Ta–Cl–Ta–Cl–Ta") == 3
    assert "Ta1" in text
    assert "R_eff (Å)" in text
    with pytest.raises(BadInput, match="no paths to tabulate"):
        xas.tabulate_paths([])
