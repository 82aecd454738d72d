"""Partial g(r) and G(r) of boxes against direct sums, crystals and simple gases."""

import itertools
import math

import numpy as np
import pytest

from xorder.errors import BadInput, BadStructure
from xorder.pdf.boxes import PeriodicBox, block_stderr
from xorder.pdf.calculation import calculate_gr
from xorder.pdf.models import calculate_model_gr, gr_from_partials
from xorder.pdf.moments import redeposited
from xorder.pdf.partials import calculate_partials
from xorder.pdf.polyhedra import calculate_angles
from xorder.pdf.trajectories import Frame, frame_from_crystal

SKEWED = np.array([[9.0, 0.5, -0.3], [2.0, 8.0, 0.7], [-1.5, 2.5, 10.0]])
CUBE = np.eye(3) * 10.0


def gas(count, lattice, seed=0, elements=("Na", "Cl"), step=0):
    """Atoms at random, none nearer than 1 Å."""
    generator = np.random.default_rng(seed)
    kept = np.zeros((0, 3))
    while len(kept) < count:
        trial = generator.uniform(size=3)
        between = trial - kept
        between -= np.round(between)
        if not len(kept) or np.linalg.norm(between @ lattice, axis=1).min() > 1.0:
            kept = np.vstack([kept, trial])
    return Frame(
        positions=kept @ lattice,
        elements=np.resize(np.array(elements), count),
        lattice=lattice,
        step=step,
    )


def distances(frame, r_max, images=4):
    """Ordered pairs (i, j, r) by brute force over images."""
    found = []
    shifts = np.array(list(itertools.product(range(-images, images + 1), repeat=3)))
    for shift in shifts @ frame.lattice:
        vectors = frame.positions[None] + shift - frame.positions[:, None]
        length = np.linalg.norm(vectors, axis=-1)
        i, j = np.nonzero((length > 1e-9) & (length <= r_max))
        found.append(np.stack([i, j, length[i, j]], axis=1))
    return np.concatenate(found)


@pytest.mark.parametrize("lattice", [CUBE * 1.0013, SKEWED, SKEWED[[1, 0, 2]]])
@pytest.mark.parametrize("r_max", [3.5, 6.0, 16.0])
def test_partials_are_the_pairs_of_a_direct_count(lattice, r_max):
    frame = gas(16, lattice)
    found = calculate_partials([frame], r_max=r_max, step=0.05)
    rows = distances(frame, r_max)
    for a, b in itertools.product(("Cl", "Na"), repeat=2):
        of_a = frame.elements[rows[:, 0].astype(int)] == a
        of_b = frame.elements[rows[:, 1].astype(int)] == b
        lengths = rows[of_a & of_b, 2]
        edges = np.append(0.0, found.r + 0.025)
        histogram = np.histogram(lengths, edges)[0]
        shell = 4 / 3 * math.pi * np.diff(edges**3)
        expected = histogram / (8 * 8 * shell / frame.volume)
        i, j = found.elements.index(a), found.elements.index(b)
        np.testing.assert_allclose(found.running[i, j], np.cumsum(histogram) / 8, atol=1e-9)
        np.testing.assert_allclose(
            found.small_g[found.pairs.index("-".join(sorted((a, b))))], expected, atol=1e-9
        )


def test_one_and_two_threads_count_the_same():
    frame = gas(60, SKEWED)
    one, two = (
        calculate_partials([frame], r_max=60.0, step=0.1, threads=n).small_g for n in (1, 2)
    )
    np.testing.assert_allclose(one, two, rtol=1e-12)


def test_far_pairs_have_the_mean_density():
    frames = [gas(60, CUBE, seed) for seed in range(4)]
    found = calculate_partials(frames, r_max=25.0, step=0.5)
    np.testing.assert_allclose(found.small_g[:, -10:].mean(axis=1), 1.0, atol=0.05)
    assert found.rho0 == pytest.approx(0.06)


def test_boxes_that_breathe_are_weighed_by_their_own_volume():
    frames = [gas(60, CUBE * scale, seed) for seed, scale in enumerate((0.95, 1.0, 1.05))]
    found = calculate_partials(frames, r_max=24.0, step=0.5)
    np.testing.assert_allclose(found.small_g[:, -10:].mean(), 1.0, atol=0.02)
    assert found.rho0 == pytest.approx(np.mean([60 / f.volume for f in frames]))
    assert any("volume" in message for message in found.messages)


def test_rock_salt_has_six_and_twelve_neighbours(made):
    found = calculate_partials([frame_from_crystal(made.rock_salt())], r_max=5.0)
    assert found.coordination("Na", "Cl", within=3.0).value == pytest.approx(6)
    assert found.coordination("Cl", "Cl", within=4.2).value == pytest.approx(12)
    assert math.isnan(found.coordination("Na", "Cl", within=3.0).stderr)
    assert any("repeat" in message for message in found.messages)


def test_block_errors_are_the_scatter_of_independent_frames():
    found = calculate_partials([gas(40, CUBE, s) for s in range(10)], r_max=5.0, blocks=10)
    number = found.coordination("Na", "Cl", within=3.0)
    single = [
        calculate_partials([gas(40, CUBE, s)], r_max=5.0).coordination("Na", "Cl", within=3.0).value
        for s in range(10)
    ]
    assert number.value == pytest.approx(np.mean(single))
    assert number.stderr == pytest.approx(np.std(single, ddof=1) / math.sqrt(10))
    assert np.isnan(block_stderr(np.zeros((1, 3)))).all()


@pytest.mark.parametrize("form_factors", ["constant", "exact"])
@pytest.mark.parametrize("radiation", ["xray", "neutron"])
def test_a_box_of_a_crystal_has_the_g_of_the_crystal(made, form_factors, radiation):
    crystal = made.rock_salt()
    options = {
        "r": np.arange(1.0, 15.0, 0.02), "q_max": 22.0, "qdamp": 0.05,
        "uiso": {"Na": 0.015, "Cl": 0.02}, "radiation": radiation, "form_factors": form_factors,
    }  # fmt: skip
    box = frame_from_crystal(crystal, repeat=(2, 1, 1))
    found = calculate_model_gr([box], **options)
    expected = calculate_gr(crystal, **options)
    np.testing.assert_allclose(found.gr, expected.gr, atol=2e-6 * np.abs(expected.gr).max())
    assert found.rho0 == pytest.approx(expected.rho0)
    assert found.stderr is None
    assert found.simulated


def test_resting_atoms_give_the_ripples_of_each_distance():
    frame = gas(12, SKEWED, elements=("Ta", "Cl", "Cl"))
    r = np.arange(2.0, 20.0, 0.03)
    q_max, qdamp = 18.0, 0.12
    found = calculate_model_gr([frame], r=r, q_max=q_max, qdamp=qdamp, form_factors="constant")
    r = r[:100]
    z = {"Ta": 73.0, "Cl": 17.0}
    weights = np.array([z[e] for e in frame.elements])
    rows = distances(frame, 32.0, images=5)
    strength = weights[rows[:, 0].astype(int)] * weights[rows[:, 1].astype(int)] / rows[:, 2]
    strength *= np.exp(-0.5 * (rows[:, 2] * qdamp) ** 2) / (12 * weights.mean() ** 2)
    cut = q_max / math.pi

    def kernel(x):
        return cut * np.sinc(cut * x)

    direct = np.array([
        strength @ (kernel(x - rows[:, 2]) - kernel(x + rows[:, 2])) for x in r
    ])  # fmt: skip
    fine = np.arange(0.0, 32.0, 0.01)
    smooth = 4 * math.pi * 12 / frame.volume * fine * np.exp(-0.5 * (fine * qdamp) ** 2) * 0.01
    baseline = np.array([smooth @ (kernel(x - fine) - kernel(x + fine)) for x in r])
    # Far from the end of r, where the model tapers the ripples of what it leaves out.
    np.testing.assert_allclose(found.gr[:100], direct - baseline, atol=1e-4 * np.abs(direct).max())


def test_the_error_of_g_falls_with_frames():
    frames = [gas(40, CUBE, s) for s in range(12)]
    r = np.arange(2.0, 5.0, 0.05)
    few, many = (calculate_model_gr(frames[:n], r=r, q_max=15.0, blocks=n).stderr for n in (3, 12))
    assert np.median(many) < np.median(few)


def test_redepositing_keeps_a_smooth_sum():
    r = np.linspace(1.03, 9.0, 799)
    weights = np.zeros(500)
    weights[[150, 151, 300]] = [1.0, -2.0, 3.0]
    found = redeposited(weights, 0.02, r)
    for q in (0.0, 3.0, 20.0):
        expected = np.sum(weights * np.sin(q * 0.02 * np.arange(500) + 1))
        assert np.sum(found * np.sin(q * r + 1)) == pytest.approx(expected, abs=1e-6)


def test_the_turned_box_keeps_all_distances():
    frame = gas(8, SKEWED[[2, 0, 1]])
    box = PeriodicBox.of(frame, 4.0)
    assert np.allclose(box.lattice, np.tril(box.lattice))
    np.testing.assert_allclose(box.lattice @ box.lattice.T, frame.lattice @ frame.lattice.T)


@pytest.mark.parametrize("apart", [0.0, 0.1])
def test_atoms_on_one_another_are_named(apart):
    good = gas(10, CUBE, step=4)
    positions = good.positions.copy()
    positions[6] = positions[2] + [apart, 10.0, -10.0]
    bad = Frame(positions=positions, elements=good.elements, lattice=CUBE, step=4)
    message = rf"atoms 3 .* and 7 .* of frame 4 are {apart:.3f} Å apart"
    with pytest.raises(BadStructure, match=message):
        calculate_partials([good, bad], r_max=4.0)
    with pytest.raises(BadStructure, match=message):
        calculate_angles([good, bad], center="Na", ends=("Na", "Cl"), cutoff=5.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"r_max": -1.0}, "r_max = -1.0"),
        ({"r_max": math.nan}, "r_max = nan"),
        ({"r_max": 0.1}, "ten steps"),
        ({"step": 0.0}, "step = 0.0"),
        ({"step": 2.0}, "step = 2.0"),
        ({"blocks": 0}, "blocks = 0"),
        ({"r_max": 900.0}, "holds .* boxes"),
    ],
)
def test_bad_settings_are_named(change, message):
    with pytest.raises(BadInput, match=message):
        calculate_partials([gas(8, CUBE)], **({"r_max": 4.0} | change))


def test_frames_must_be_boxes_of_one_composition():
    frame = gas(8, CUBE)
    cluster = Frame(positions=frame.positions, elements=frame.elements)
    with pytest.raises(BadInput, match="has no box"):
        calculate_partials([cluster], r_max=4.0)
    with pytest.raises(BadInput, match="no frames"):
        calculate_partials([], r_max=4.0)
    with pytest.raises(BadInput, match="other atoms"):
        calculate_partials([frame, gas(8, CUBE, elements=("Na",), step=1)], r_max=4.0)
    with pytest.raises(BadInput, match="other atoms"):
        calculate_partials([frame, gas(9, CUBE, step=1)], r_max=4.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"r": np.arange(1.0, 30.0, 0.05)}, "r_max of at least"),
        ({"r": np.array([1.0, 2.0, 1.5])}, "ascending"),
        ({"q_max": 0.0}, "q_max is 0"),
        ({"q_max": 60.0}, "step of at most 0.0133"),
        ({"uiso": -1.0}, "uiso of Cl is -1.0"),
        ({"uiso": {"Na": 0.01}}, "uiso of Cl is missing"),
        ({"qdamp": -0.1}, "qdamp"),
        ({"scale": math.inf}, "scale"),
        ({"radiation": "muon"}, "unknown radiation"),
        ({"form_factors": "some"}, "unknown form_factors"),
    ],
)
def test_bad_settings_of_g_are_named(change, message):
    partials = calculate_partials([gas(8, CUBE)], r_max=12.0)
    good = {"r": np.arange(1.0, 5.0, 0.05), "q_max": 20.0}
    with pytest.raises(BadInput, match=message):
        gr_from_partials(partials, **(good | change))


def test_coordination_asks_for_what_is_there():
    partials = calculate_partials([gas(8, CUBE)], r_max=4.0)
    with pytest.raises(BadInput, match="no Ta"):
        partials.coordination("Ta", "Cl", within=3.0)
    with pytest.raises(BadInput, match="up to 4"):
        partials.coordination("Na", "Cl", within=9.0)
