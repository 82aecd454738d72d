"""Fractions from scales: the formulas, the errors, and the round trip through a simulation."""

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
