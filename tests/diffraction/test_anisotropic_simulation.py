"""Simulated patterns with widths by direction and axial divergence."""

import numpy as np
import pytest

from xorder import diffraction
from xorder.diffraction.anisotropy import DirectionalWidth
from xorder.errors import XorderError

SPAN = (12.0, 60.0, 0.02)


def test_widths_of_no_direction_give_the_plain_pattern(monoclinic):
    found = diffraction.calculate_reflections(monoclinic, two_theta=(10, 63))
    terms = {}
    for kind, width in (("inverse_size", 1 / 300.0), ("strain", 0.002)):
        by_direction = DirectionalWidth(monoclinic, found.hkl.astype(float), found.d, kind)
        terms |= by_direction.start(width)
    settings = {"two_theta": SPAN, "scale": 2e-3, "background": (50.0, 5.0), "zero_shift": 0.02}
    plain = diffraction.simulate(monoclinic, size=300.0, strain=0.002, **settings)
    made = diffraction.simulate_anisotropic(monoclinic, widths=terms, **settings)
    assert made.intensity == pytest.approx(plain.intensity, rel=2e-3, abs=1e-2)
    assert made.simulated
    assert made.components.sum(axis=0) == pytest.approx(made.intensity)


def test_strain_along_one_axis_widens_its_lines_alone(nacl):
    # Only h² k² terms: (h 0 0) lines stay sharp, (h h 0) and (h h h) widen.
    made = diffraction.simulate_anisotropic(
        nacl, widths={"strain_400": 1e-8, "strain_220": 1e-4}, two_theta=SPAN
    )
    heights = [
        made.intensity[np.abs(made.two_theta - t) < 0.3].max()
        / diffraction.simulate(nacl, two_theta=SPAN)
        .intensity[np.abs(made.two_theta - t) < 0.3]
        .max()
        for t in (31.7, 45.45)
    ]
    assert heights[0] > 0.9
    assert heights[1] < 0.5


def test_axial_divergence_draws_low_lines_to_low_angles(nacl):
    sharp = {"two_theta": (24.0, 35.0, 0.01), "scale": 1.0}
    means = []
    for ratio in (0.0, 0.04):
        made = diffraction.simulate_anisotropic(nacl, asymmetry=ratio, **sharp)
        near = np.abs(made.two_theta - 27.37) < 0.5
        means.append(np.average(made.two_theta[near], weights=made.components[0][near]))
    assert -0.12 < means[1] - means[0] < -0.02


def test_terms_of_another_laue_class_are_refused(nacl):
    with pytest.raises(XorderError, match="strain_310"):
        diffraction.simulate_anisotropic(nacl, widths={"strain_310": 1e-6}, two_theta=SPAN)
