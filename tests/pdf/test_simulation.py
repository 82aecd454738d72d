"""Simulated data: labelled, seeded, with the noise that a limited range of Q makes."""

import numpy as np
import pytest

from xorder import pdf
from xorder.errors import BadInput

R = 0.01 * np.arange(1, 1501)


def simulated(made, **kwargs):
    phase = pdf.SimulatedPhase(crystal=made.nickel(), mass_fraction=1.0, uiso=0.006)
    return pdf.simulate_gr([phase], r=R, q_max=25.0, **kwargs)


def test_one_phase_without_noise_is_its_calculation(made):
    found = simulated(made, qdamp=0.05)
    expected = pdf.calculate_gr(made.nickel(), r=R, q_max=25.0, qdamp=0.05, uiso=0.006)
    np.testing.assert_allclose(found.gr, expected.gr)
    assert found.simulated
    assert found.composition == "Ni1"


def test_a_seed_gives_the_same_noise(made):
    one, two = simulated(made, noise=0.1, seed=3), simulated(made, noise=0.1, seed=3)
    np.testing.assert_array_equal(one.gr, two.gr)
    assert not np.array_equal(one.gr, simulated(made, noise=0.1, seed=4).gr)


def test_the_noise_has_its_size_and_no_wave_faster_than_q_max(made):
    clean = simulated(made).gr
    noise = np.array([simulated(made, noise=0.1, seed=s).gr - clean for s in range(40)])
    stderr = simulated(made, noise=0.1).stderr
    far = R > 1.0
    assert noise[:, far].std() == pytest.approx(0.1, rel=0.05)
    assert np.median(stderr[far]) == pytest.approx(0.1, rel=0.05)
    power = np.mean(np.abs(np.fft.rfft(noise * np.hanning(len(R)), axis=1)) ** 2, axis=0)
    q = 2 * np.pi * np.fft.rfftfreq(len(R), 0.01)
    assert power[q > 26.0].sum() < 1e-4 * power.sum()


def test_phases_add_by_their_scattering(made):
    parts = [
        pdf.SimulatedPhase(crystal=made.nickel(), mass_fraction=2.0, uiso=0.006),
        pdf.SimulatedPhase(crystal=made.nickel(), mass_fraction=3.0, uiso=0.006),
    ]
    found = pdf.simulate_gr(parts, r=R, q_max=25.0)
    np.testing.assert_allclose(found.gr, simulated(made).gr, atol=1e-10)


@pytest.mark.parametrize(
    ("masses", "noise", "message"),
    [
        ([], 0.0, "masses"),
        ([-1.0], 0.0, "masses"),
        ([0.0], 0.0, "masses"),
        ([np.nan], 0.0, "masses"),
        ([1.0], -0.1, "noise"),
        ([1.0], np.nan, "noise"),
    ],
)
def test_what_cannot_be_simulated_is_said(made, masses, noise, message):
    parts = [pdf.SimulatedPhase(crystal=made.nickel(), mass_fraction=m) for m in masses]
    with pytest.raises(BadInput, match=message):
        pdf.simulate_gr(parts, r=R, q_max=25.0, noise=noise)
