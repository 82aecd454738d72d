"""The Debye equation against its own double sum, and what must be refused."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xorder.errors import BadInput, BadStructure
from xorder.pdf import kernels
from xorder.pdf.debye import calculate_iq, cut_sphere
from xorder.pdf.moments import FINE, fine_powers, stencil_from_moments, stencil_matrix
from xorder.pdf.trajectories import Frame
from xorder.scattering import form_factor, neutron_length

Q = np.linspace(0.0, 22.0, 60)


def cluster(count, seed=3, elements=("Na", "Ta", "Cl")):
    """Atoms shifted at random from a grid of 2.6 Å."""
    generator = np.random.default_rng(seed)
    side = math.ceil(count ** (1 / 3))
    grid = np.stack(np.meshgrid(*[np.arange(side)] * 3), axis=-1).reshape(-1, 3)[:count]
    return Frame(
        positions=2.6 * grid + generator.uniform(-0.6, 0.6, (count, 3)) + 40.0,
        elements=generator.permutation(np.resize(np.array(elements), count)),
    )


def double_sum(atoms, q, factor, uiso=0.0):
    """I(Q)/N by the sum over all pairs of atoms."""
    distance = np.linalg.norm(atoms.positions[:, None] - atoms.positions, axis=-1)
    f = np.stack([factor(e, q) for e in atoms.elements])
    out = []
    for k, value in enumerate(q):
        terms = np.sinc(value * distance / math.pi) * math.exp(-(value**2) * uiso)
        np.fill_diagonal(terms, 1.0)
        out.append(f[:, k] @ terms @ f[:, k])
    return np.array(out) / len(atoms.positions)


def xray(element, q):
    return form_factor(element, q / (4 * math.pi))


def neutron(element, q):
    return np.full_like(q, neutron_length(element))


@pytest.mark.parametrize("count", [1, 2, 40, 300])
@pytest.mark.parametrize(("radiation", "factor"), [("xray", xray), ("neutron", neutron)])
@pytest.mark.parametrize("uiso", [0.0, 0.02])
def test_intensity_is_the_double_sum_over_all_pairs(count, radiation, factor, uiso):
    atoms = cluster(count)
    truth = double_sum(atoms, Q, factor, uiso)
    found = calculate_iq(atoms, q=Q, radiation=radiation, uiso=uiso)
    np.testing.assert_allclose(found.iq, truth, atol=1e-7 * truth.max())


def test_many_pairs_are_counted_to_a_millionth_of_the_largest_intensity():
    atoms = cluster(2500, elements=("Ta",))
    q = np.array([0.0, 0.7, 5.0, 14.3, 22.0])
    truth = double_sum(atoms, q, xray)
    assert 2500**2 / 2 > 400 * (40 * 1.8 * 22 / 0.6)
    np.testing.assert_allclose(calculate_iq(atoms, q=q).iq, truth, atol=1e-6 * truth.max())


def test_one_or_two_threads_give_one_result():
    atoms = cluster(2500)
    one, two = (calculate_iq(atoms, q=Q, threads=n).iq for n in (1, 2))
    np.testing.assert_allclose(one, two, rtol=1e-12)


def test_forward_scattering_is_the_square_of_all_electrons():
    atoms = cluster(100, elements=("Ta", "Cl"))
    found = calculate_iq(atoms, q=np.array([0.0, 1.0]))
    electrons = 50 * float(xray("Ta", np.array(0.0))) + 50 * float(xray("Cl", np.array(0.0)))
    assert found.iq[0] == pytest.approx(electrons**2 / 100)


def test_atoms_far_apart_scatter_by_themselves():
    atoms = Frame(positions=np.array([[0.0, 0, 0], [900.0, 0, 0]]), elements=np.array(["Ta", "Ta"]))
    found = calculate_iq(atoms, q=np.linspace(5.0, 6.0, 5))
    np.testing.assert_allclose(found.sq, 1.0, atol=3e-4)
    np.testing.assert_allclose(found.fq, 0.0, atol=2e-3)


def test_a_pair_of_atoms_is_two_square_times_one_plus_sinc():
    atoms = Frame(positions=np.array([[0.0, 0, 0], [0, 2.4, 0]]), elements=np.array(["Cl", "Cl"]))
    found = calculate_iq(atoms, q=Q)
    np.testing.assert_allclose(found.iq / found.self_iq, 1 + np.sinc(2.4 * Q / math.pi), atol=1e-7)


@settings(max_examples=15, deadline=None)
@given(shift=st.floats(-1e3, 1e3), angle=st.floats(0, 6.28), seed=st.integers(0, 50))
def test_shifts_and_turns_change_nothing(shift, angle, seed):
    atoms = cluster(30, seed)
    turn = np.array([[math.cos(angle), -math.sin(angle), 0],
                     [math.sin(angle), math.cos(angle), 0], [0, 0, 1]])  # fmt: skip
    moved = Frame(positions=atoms.positions @ turn + shift, elements=atoms.elements)
    a, b = (calculate_iq(each, q=Q).iq for each in (atoms, moved))
    np.testing.assert_allclose(a, b, atol=2e-7 * a.max())


def test_a_smaller_step_divides_the_error_by_its_eighth_power():
    atoms = Frame(positions=np.array([[0.0, 0, 0], [0, 3.017, 0]]), elements=np.array(["Ta", "Ta"]))
    q = np.linspace(20.0, 22.0, 21)
    truth = double_sum(atoms, q, xray)
    coarse, fine = (
        np.abs(calculate_iq(atoms, q=q, step=h).iq - truth).max() for h in (0.05, 0.025)
    )
    assert 60 < coarse / fine < 1200


def test_moments_hold_the_weights_of_the_stencil():
    weights = np.empty(8)
    for t in np.linspace(0.0, 0.999, 23):
        kernels._stencil(t, weights)
        np.testing.assert_allclose(t ** np.arange(8) @ stencil_matrix(), weights, atol=1e-14)


def test_the_stencil_keeps_the_number_and_the_mean_of_pairs():
    generator = np.random.default_rng(0)
    r = generator.uniform(5.0, 90.0, 400)
    moments = np.zeros((100, 8))
    np.add.at(moments, r.astype(int), (r % 1)[:, None] ** np.arange(8))
    histogram = stencil_from_moments(moments)
    assert histogram.sum() == pytest.approx(400)
    assert histogram @ np.arange(len(histogram)) == pytest.approx(r.sum())


def test_fine_bins_together_hold_the_moments_of_an_even_spread():
    means, slopes = fine_powers()
    np.testing.assert_allclose(means.mean(axis=0), 1.0 / np.arange(1, 9), rtol=1e-12)
    np.testing.assert_allclose(slopes[:, 1], 1.0 / FINE)


def test_the_equal_distances_of_a_crystal_are_not_rounded(made, monkeypatch):
    atoms = cut_sphere(made.nickel(), diameter=40.0)
    q = np.linspace(0.0, 22.0, 200)
    exact = calculate_iq(atoms, q=q).iq
    monkeypatch.setattr("xorder.pdf.debye.COUNTED_FROM", 0)
    counted = calculate_iq(atoms, q=q).iq
    np.testing.assert_allclose(counted, exact, rtol=1e-4, atol=1e-7 * exact[1:].max())
    assert np.median(np.abs(counted / exact - 1)) < 2e-5


def test_a_sphere_of_nickel_has_the_atoms_of_its_volume(made):
    atoms = cut_sphere(made.nickel(), diameter=30.0)
    assert len(atoms.positions) == pytest.approx(4 / 3.524**3 * math.pi / 6 * 30**3, rel=0.05)
    assert np.linalg.norm(atoms.positions, axis=1).max() <= 15.0


def test_a_crystal_shows_its_reflections(made):
    q = np.linspace(2.5, 6.5, 801)
    found = calculate_iq(cut_sphere(made.nickel(), diameter=40.0), q=q)
    peaks = q[1:-1][(np.diff(found.sq)[:-1] > 0) & (np.diff(found.sq)[1:] < 0)]
    strong = peaks[np.interp(peaks, q, found.sq) > 3.0]
    expected = [2 * math.pi / 3.524 * math.sqrt(n) for n in (3, 4, 8, 11)]
    for line in expected:
        assert np.min(np.abs(strong - line)) < 0.03


ATOMS = cluster(5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"q": np.array([])}, "at least one Q"),
        ({"q": np.array([[1.0]])}, "at least one Q"),
        ({"q": np.array([1.0, math.nan])}, "q is nan at point 1"),
        ({"q": np.array([-1.0, 2.0])}, "q is -1.0 at point 0"),
        ({"q": np.array([0.0])}, "a Q above zero"),
        ({"q": np.array([5.0, 220.0])}, "nm⁻¹"),
        ({"radiation": "electron"}, "unknown radiation"),
        ({"uiso": -0.1}, "uiso of Cl is -0.1"),
        ({"uiso": {"Ta": 0.01}}, "uiso of Cl is missing"),
        ({"uiso": math.nan}, "uiso of Cl is nan"),
        ({"step": 1.0}, "a positive step of at most"),
        ({"step": 0.0}, "a positive step of at most"),
        ({"device": "tpu"}, "unknown device"),
        ({"threads": 0}, "one thread or more"),
    ],
)
def test_bad_settings_are_named(change, message):
    with pytest.raises(BadInput, match=message):
        calculate_iq(ATOMS, **({"q": Q} | change))


def test_atoms_on_one_another_are_named():
    positions = cluster(20).positions.copy()
    positions[7] = positions[3] + 0.05
    with pytest.raises(BadStructure, match=r"atoms 4 .* and 8 .* are 0.087 Å apart"):
        calculate_iq(Frame(positions=positions, elements=np.full(20, "Na")), q=Q)


def test_a_box_is_no_cluster():
    box = Frame(positions=np.zeros((1, 3)), elements=np.array(["Na"]), lattice=np.eye(3) * 9)
    with pytest.raises(BadInput, match="periodic box"):
        calculate_iq(box, q=Q)


def test_lengths_that_cancel_have_no_structure_factor(monkeypatch):
    lengths = {"Na": 3.0, "Cl": -3.0}
    monkeypatch.setattr("xorder.pdf.debye.neutron_length", lengths.get)
    with pytest.raises(BadInput, match="cancel"):
        calculate_iq(cluster(40, elements=("Na", "Cl")), q=Q, radiation="neutron")


@pytest.mark.parametrize("diameter", [0.0, -5.0, math.nan, 1e5])
def test_impossible_spheres_are_refused(made, diameter):
    with pytest.raises(BadInput, match="diameter"):
        cut_sphere(made.nickel(), diameter=diameter)


def test_part_occupied_sites_make_no_cluster(made):
    with pytest.raises(BadInput, match="full sites"):
        cut_sphere(made.skewed(), diameter=20.0)
