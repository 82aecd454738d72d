"""Angles, shells and distorted octahedra of models whose answers are known."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xorder.errors import BadInput
from xorder.pdf.polyhedra import (
    calculate_angles,
    count_polyhedra,
    measure_octahedra,
    octahedral_symmetry,
)
from xorder.pdf.trajectories import Frame, frame_from_crystal

OCTAHEDRON = np.array([[1.0, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]])


def prism(height=1.0):
    """A trigonal prism; height 1 gives square side faces."""
    corners = [[math.cos(t), math.sin(t)] for t in np.deg2rad([0, 120, 240])]
    half = 0.5 * math.sqrt(3.0) * height
    return np.array([[x, y, z] for z in (half, -half) for x, y in corners])


def by_all_numberings(points):
    """Compare with the octahedron in all 720 numberings (superposition by Kabsch)."""
    centred = points - points.mean(axis=0)
    best = 0.0
    for order in itertools.permutations(range(6)):
        u, s, vt = np.linalg.svd(centred[list(order)].T @ OCTAHEDRON)
        best = max(best, s[0] + s[1] + math.copysign(s[2], np.linalg.det(u @ vt)))
    return 100.0 * (1.0 - best**2 / (6.0 * np.sum(centred**2)))


def test_a_perfect_octahedron_measures_zero():
    assert octahedral_symmetry(2.4 * OCTAHEDRON) == pytest.approx(0.0, abs=1e-12)


def test_a_trigonal_prism_measures_as_published():
    # Pinsky & Avnir (1998), square side faces: 16.73, printed cut and not rounded.
    assert octahedral_symmetry(prism()) == pytest.approx(16.73, abs=0.01)


def test_a_hexagon_measures_a_third():
    angles = np.deg2rad(60.0 * np.arange(6))
    hexagon = np.stack([np.cos(angles), np.sin(angles), 0 * angles], axis=1)
    assert octahedral_symmetry(hexagon) == pytest.approx(100.0 / 3.0)


@pytest.mark.parametrize("seed", range(4))
def test_fifteen_pairings_are_as_good_as_all_numberings(seed):
    points = OCTAHEDRON + np.random.default_rng(seed).normal(0, 0.35, (6, 3))
    found = float(octahedral_symmetry(points, with_center=False))
    assert found == pytest.approx(by_all_numberings(points), abs=1e-9)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), size=st.floats(0.1, 50.0))
def test_size_turns_mirrors_and_numbering_change_nothing(seed, size):
    generator = np.random.default_rng(seed)
    points = OCTAHEDRON + generator.normal(0, 0.2, (6, 3))
    turn = np.linalg.qr(generator.normal(size=(3, 3)))[0]
    moved = size * generator.permutation(points) @ turn
    assert octahedral_symmetry(moved) == pytest.approx(octahedral_symmetry(points), abs=1e-9)


def test_a_metal_off_its_centre_counts_only_where_the_center_does():
    shifted = OCTAHEDRON + np.array([0.3, 0, 0])
    assert octahedral_symmetry(shifted, with_center=False) == pytest.approx(0.0, abs=1e-12)
    # Six corners and the metal: sum of squares 6 + 6/7 · 0.09.
    expected = 100 * (1 - 6 / (6 + 6 / 7 * 0.09))
    assert octahedral_symmetry(shifted) == pytest.approx(expected)


def salt(made):
    return frame_from_crystal(made.rock_salt(), repeat=(2, 1, 1))


def test_rock_salt_is_all_octahedra(made):
    frames = [salt(made)] * 3
    found = count_polyhedra(frames, center="Na", ligands=("Cl",), cutoff=3.0)
    assert found.labels == ("NaCl6",)
    assert found.fraction[0] == 1.0
    assert found.stderr[0] == 0.0
    assert found.mean_coordination.value == 6.0
    octahedra = measure_octahedra(frames, center="Na", ligands=("Cl",), cutoff=3.0)
    np.testing.assert_allclose(octahedra.measure, 0.0, atol=1e-10)
    assert octahedra.six_coordinated.value == 1.0
    assert len(octahedra.measure) == 3 * 8


def test_rock_salt_has_twelve_right_and_three_straight_angles(made):
    found = calculate_angles([salt(made)], center="Na", ends=("Cl", "Cl"), cutoff=3.0, bins=90)
    assert found.n_angles == 8 * 15
    right = np.abs(found.angle - 90) < 2.1
    assert found.density[right].sum() * 2.0 == pytest.approx(0.8)
    assert found.density[-1] * 2.0 == pytest.approx(0.2)


def thin_gas(generator, count, edge):
    """Atoms at random, without those that lie on another."""
    positions = generator.uniform(0, edge, (2 * count, 3))
    between = positions[:, None] - positions
    between -= edge * np.round(between / edge)
    near = np.tril(np.linalg.norm(between, axis=-1) < 0.4, -1).any(axis=1)
    return positions[~near][:count]


def test_a_gas_has_no_preferred_angle():
    generator = np.random.default_rng(5)
    frames = [
        Frame(
            positions=thin_gas(generator, 300, 14.0),
            elements=np.full(300, "Ar"),
            lattice=np.eye(3) * 14,
            step=k,
        )
        for k in range(6)
    ]
    found = calculate_angles(frames, center="Ar", ends=("Ar", "Ar"), cutoff=4.0, bins=6)
    deviation = (found.per_solid_angle - 1) / (found.stderr / found.density)
    np.testing.assert_allclose(found.per_solid_angle, 1.0, atol=0.1)
    assert np.abs(deviation).max() < 6


def test_mixed_shells_are_named_in_the_order_of_the_ligands():
    lattice = np.eye(3) * 30.0
    positions, elements = [], []
    for k, ligands in enumerate(["Cl" * 6, "Cl" * 6, "O" + "Cl" * 5]):
        here = np.array([5.0 + 10 * k, 15, 15])
        names = ["Cl" if letter == "l" else letter for letter in ligands.replace("Cl", "l")]
        positions += [here, *(here + 2.3 * OCTAHEDRON)]
        elements += ["Hf", *names]
    frame = Frame(positions=np.array(positions), elements=np.array(elements), lattice=lattice)
    found = count_polyhedra([frame], center="Hf", ligands=("O", "Cl"), cutoff=3.0)
    assert found.labels == ("HfCl6", "HfOCl5")
    np.testing.assert_allclose(found.fraction, [2 / 3, 1 / 3])
    assert np.isnan(found.stderr).all()
    no_oxygen = count_polyhedra(
        [frame], center="Hf", ligands=("O", "Cl"), cutoff={"O": 2.0, "Cl": 3.0}
    )
    assert no_oxygen.labels == ("HfCl6", "HfCl5")


def test_images_count_in_a_box_smaller_than_the_shell():
    frame = Frame(positions=np.zeros((1, 3)), elements=np.array(["Po"]), lattice=np.eye(3) * 3.3)
    found = count_polyhedra([frame], center="Po", ligands=("Po",), cutoff=3.4)
    assert found.labels == ("PoPo6",)
    assert measure_octahedra([frame], center="Po", ligands="Po", cutoff=3.4).mean.value < 1e-9


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"center": "Hf"}, "has no Hf"),
        ({"ligands": ("Br",)}, "none of Br"),
        ({"ligands": ()}, "different elements"),
        ({"ligands": ("Cl", "Cl")}, "different elements"),
        ({"cutoff": -1.0}, "cutoff of Cl is -1.0"),
        ({"cutoff": math.nan}, "cutoff of Cl is nan"),
        ({"cutoff": {"O": 2.0}}, "no cutoff of Cl"),
        ({"blocks": 0}, "blocks = 0"),
    ],
)
def test_bad_settings_are_named(made, change, message):
    good = {"center": "Na", "ligands": ("Cl",), "cutoff": 3.0}
    with pytest.raises(BadInput, match=message):
        count_polyhedra([salt(made)], **(good | change))


def test_no_octahedron_and_no_angle_are_said(made):
    with pytest.raises(BadInput, match="no Na has six of Cl"):
        measure_octahedra([salt(made)], center="Na", ligands=("Cl",), cutoff=2.0)
    with pytest.raises(BadInput, match="no angle Cl-Na-Cl"):
        calculate_angles([salt(made)], center="Na", ends=("Cl", "Cl"), cutoff=2.0)
    with pytest.raises(BadInput, match="no Br in the model"):
        calculate_angles([salt(made)], center="Na", ends=("Br", "Cl"), cutoff=3.0)


@pytest.mark.parametrize(
    "points", [np.zeros((5, 3)), np.zeros((6, 3)), np.full((6, 3), math.nan), np.zeros(6)]
)
def test_what_is_no_octahedron_is_refused(points):
    with pytest.raises(BadInput):
        octahedral_symmetry(points)
