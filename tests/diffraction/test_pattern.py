"""Patterns, radiation and the conversions between axes."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xorder.diffraction import (
    Radiation,
    cut,
    d_from_two_theta,
    make_pattern,
    make_radiation,
    polarization_from_monochromator,
    q_from_two_theta,
    two_theta_from_d,
    two_theta_from_q,
)
from xorder.diffraction.radiation import lorentz_polarization
from xorder.errors import BadInput

AXIS = np.linspace(10, 60, 101)
COUNTS = np.full(101, 100.0)


@given(two_theta=st.floats(0.5, 179), wavelength=st.floats(0.1, 3))
def test_angle_q_and_d_convert_there_and_back(two_theta, wavelength):
    angle = np.array([two_theta])
    q = q_from_two_theta(angle, wavelength=wavelength)
    d = d_from_two_theta(angle, wavelength=wavelength)
    assert two_theta_from_q(q, wavelength=wavelength) == pytest.approx(angle, rel=1e-6)
    assert two_theta_from_d(d, wavelength=wavelength) == pytest.approx(angle, rel=1e-6)
    assert q * d == pytest.approx([2 * math.pi])


def test_the_primary_beam_has_no_spacing():
    assert np.isinf(d_from_two_theta(np.array([0.0]), wavelength=1.54))[0]


def test_a_plane_below_half_the_wavelength_has_no_angle():
    assert np.isnan(two_theta_from_d(np.array([0.7]), wavelength=1.54))[0]


@pytest.mark.parametrize("name", ["CuKa", "cu ka", "Cu-Kα", "CuKalpha", "CUKA"])
def test_names_of_the_copper_doublet(name):
    lines = make_radiation(name)
    assert lines.wavelengths == (1.540593, 1.544427)
    assert lines.weights == pytest.approx((2 / 3, 1 / 3))
    assert lines.mean == pytest.approx(1.541871)


@pytest.mark.parametrize(
    ("given_", "expected"), [("MoKa1", 0.7093172), ("0.3497", 0.3497), (1.0, 1)]
)
def test_one_line(given_, expected):
    assert make_radiation(given_).wavelengths == (expected,)


@pytest.mark.parametrize(
    ("bad", "match"),
    [
        ("XxKa", "no radiation 'XxKa'"),
        ("CuKb", "no radiation 'CuKb'"),
        ("", "no radiation ''"),
        (-1.54, "wavelength -1.54"),
        (0.0, "wavelength 0"),
        (8048.0, "wavelength 8048"),
        (154.06, "wavelength 154.06"),
        (math.nan, "wavelength nan"),
        ("-1.5", "wavelength -1.5"),
    ],
)
def test_bad_radiation_has_one_message(bad, match):
    with pytest.raises(BadInput, match=match):
        make_radiation(bad)


@pytest.mark.parametrize(
    ("lines", "match"),
    [
        ({"wavelengths": (1.5,), "weights": (1.0, 2.0)}, "1 wavelengths with 2 weights"),
        ({"wavelengths": (1.5,), "weights": (0.0,)}, "line weights"),
        ({"wavelengths": (1.5,), "polarization": 1.5}, "polarization 1.5"),
    ],
)
def test_bad_radiation_by_hand(lines, match):
    with pytest.raises(BadInput, match=match):
        Radiation(**lines)


def test_polarization_behind_a_monochromator():
    assert polarization_from_monochromator(0.0) == 0.5
    assert polarization_from_monochromator(90.0) == 1.0
    angle = np.array([20.0, 60.0, 90.0])
    theta = np.deg2rad(angle) / 2
    textbook = (1 + np.cos(2 * theta) ** 2) / (np.sin(theta) ** 2 * np.cos(theta))
    assert lorentz_polarization(angle) == pytest.approx(textbook / 2)
    share = polarization_from_monochromator(26.6)
    k = math.cos(math.radians(26.6)) ** 2
    azaroff = (1 + k * np.cos(2 * theta) ** 2) / (1 + k)
    assert lorentz_polarization(angle, polarization=share) == pytest.approx(
        azaroff / (np.sin(theta) ** 2 * np.cos(theta))
    )


def test_sigma_is_the_root_of_counts_and_one_where_there_are_none():
    counts = COUNTS.copy()
    counts[3] = 0.0
    pattern = make_pattern(AXIS, counts, wavelength="CuKa")
    assert pattern.sigma[3] == 1.0
    assert pattern.sigma[4] == 10.0
    assert pattern.q[0] * pattern.d[0] == pytest.approx(2 * math.pi)


def test_cut_keeps_both_ends():
    part = cut(make_pattern(AXIS, COUNTS, wavelength=1.54), two_theta=(20.0, 30.0))
    assert part.two_theta[[0, -1]] == pytest.approx([20.0, 30.0])
    assert part.provenance is not None


def _changed(array, index, value):
    changed = array.copy()
    changed[index] = value
    return changed


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"two_theta": AXIS[::-1]}, "does not increase: 60° is followed by 59.5°"),
        ({"two_theta": _changed(AXIS, 5, AXIS[4])}, "does not increase.* at point 6"),
        ({"two_theta": _changed(AXIS, 5, math.nan)}, "two_theta is nan at point 6"),
        ({"two_theta": AXIS + 150}, "two_theta runs from 160 to 210"),
        ({"two_theta": AXIS[:-1]}, "shapes"),
        ({"intensity": _changed(COUNTS, 7, math.nan)}, "intensity is nan at point 8"),
        ({"intensity": _changed(COUNTS, 7, math.inf)}, "intensity is inf at point 8"),
        ({"intensity": _changed(COUNTS, 7, -5.0)}, "intensity -5 at point 8 is negative"),
        ({"intensity": 0 * COUNTS}, "every intensity is zero"),
        ({"sigma": 0 * COUNTS}, "sigma is 0 at point 1"),
        ({"sigma": -COUNTS}, "sigma is -100 at point 1"),
        ({"sigma": _changed(COUNTS, 2, math.nan)}, "sigma is nan at point 3"),
        ({"two_theta": AXIS[:4], "intensity": COUNTS[:4]}, "has 4 points"),
        ({"wavelength": "Quartz"}, "no radiation 'Quartz'"),
    ],
)
def test_bad_arrays_have_one_message(change, match):
    good = {"two_theta": AXIS, "intensity": COUNTS, "wavelength": "CuKa"}
    arguments = {**good, **change}
    with pytest.raises(BadInput, match=match):
        make_pattern(arguments.pop("two_theta"), arguments.pop("intensity"), **arguments)


@pytest.mark.parametrize(
    ("two_theta", "match"),
    [((30, 20), "range 30 to 20"), ((100, 120), "0 points .* lie between 100 and 120")],
)
def test_a_cut_to_nothing_is_refused(two_theta, match):
    with pytest.raises(BadInput, match=match):
        cut(make_pattern(AXIS, COUNTS, wavelength="CuKa"), two_theta=two_theta)


def test_negative_intensities_are_taken_with_their_uncertainty():
    pattern = make_pattern(AXIS, COUNTS - 101, wavelength="CuKa", sigma=np.full(101, 3.0))
    assert pattern.intensity.min() == -1.0
