"""Fractions from scales: the formulas, the errors, and the round trip through a simulation."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xorder import pdf
from xorder.errors import BadInput


@given(share=st.floats(0.01, 0.99), b=st.floats(5, 70), m=st.floats(10, 180))
def test_scales_of_a_known_mixture_give_its_masses(share, b, m):
    weights, masses = np.array([12.0, b]), np.array([25.0, m])
    mass = np.array([share, 1 - share])
    atom = mass / masses / np.sum(mass / masses)
    scales = atom * weights**2 / np.sum(atom * weights) ** 2
    found = pdf.fractions_from_scales(
        scales, np.zeros((2, 2)), mean_weights=weights, mean_masses=masses
    )
    np.testing.assert_allclose(found.mass, mass, rtol=1e-9)
    np.testing.assert_allclose(found.atom, atom, rtol=1e-9)


def test_errors_are_those_of_drawn_scales():
    generator = np.random.default_rng(0)
    scales = np.array([0.6, 0.3])
    covariance = np.array([[4e-4, -1.5e-4], [-1.5e-4, 2e-4]])
    given_weights = {"mean_weights": [20.0, 14.0], "mean_masses": [45.0, 29.0]}
    found = pdf.fractions_from_scales(scales, covariance, **given_weights)
    drawn = [
        pdf.fractions_from_scales(s, covariance, **given_weights).mass
        for s in generator.multivariate_normal(scales, covariance, size=1000)
    ]
    np.testing.assert_allclose(found.mass_stderr, np.std(drawn, axis=0), rtol=0.1)


def test_a_common_factor_cancels_with_its_error():
    # Fully correlated scales: the fraction is exact.
    scales = np.array([0.6, 0.3])
    found = pdf.fractions_from_scales(
        scales, 0.01 * np.outer(scales, scales), mean_weights=[1, 2], mean_masses=[1, 1]
    )
    np.testing.assert_allclose(found.mass_stderr, 0.0, atol=1e-7)


def test_scales_of_nothing_are_refused():
    with pytest.raises(BadInput, match="positive sum"):
        pdf.fractions_from_scales(
            np.zeros(2), np.zeros((2, 2)), mean_weights=[1, 1], mean_masses=[1, 1]
        )


def test_true_fractions_lie_within_their_errors_as_often_as_they_should(made):
    # Form factors as a measurement has them, noise alike at all Q: what standard errors assume.
    phases = {"Ni": made.nickel(), "NaCl": made.rock_salt()}
    options = pdf.RefinementOptions(refine_qdamp=False, correlation="none")
    r = 0.02 * np.arange(1, 701)
    q = (np.arange(150) + 0.5) * 22.0 / 150
    waves = np.sin(np.outer(r, q)) * np.sqrt(2.0 / 150)
    pulls, off = [], []
    for seed in range(16):
        generator = np.random.default_rng(seed)
        truth = generator.uniform(0.1, 0.9)
        parts = [
            pdf.SimulatedPhase(crystal=crystal, mass_fraction=mass, uiso=0.012)
            for crystal, mass in zip(phases.values(), (truth, 1 - truth), strict=True)
        ]
        data = pdf.simulate_gr(parts, r=r, q_max=22.0)
        data = replace(data, gr=data.gr + 0.1 * waves @ generator.normal(size=150))
        found = pdf.refine(data, phases, r_range=(1.7, 12.0), options=options).fractions
        pulls.append((found.mass[0] - truth) / found.mass_stderr[0])
        off.append(found.mass[0] - truth)
    assert abs(np.mean(off)) < 0.02
    assert 0.65 < np.sqrt(np.mean(np.square(pulls))) < 1.45
