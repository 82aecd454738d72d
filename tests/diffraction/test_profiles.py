"""Peak shapes: areas, widths, derivatives, and the fast sum against the plain one."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xorder.diffraction import Profile
from xorder.diffraction.profiles import (
    fwhm_from_size,
    fwhm_from_strain,
    pseudo_voigt,
    pseudo_voigt_derivatives,
    sum_lines,
    tch_from_widths,
)
from xorder.errors import BadInput

WIDTHS = st.floats(1e-3, 5.0)


@given(fwhm=WIDTHS, eta=st.floats(0, 1))
def test_half_height_is_at_half_the_width(fwhm, eta):
    top, half = pseudo_voigt(np.array([0.0, fwhm / 2]), fwhm=fwhm, eta=eta)
    assert half == pytest.approx(top / 2, rel=1e-12)


@pytest.mark.parametrize("eta", [0.0, 0.4, 1.0])
def test_area_is_one(eta):
    x = np.linspace(-4000, 4000, 800_001)
    area = np.trapezoid(pseudo_voigt(x, fwhm=1.3, eta=eta), x)
    outside = eta * (1 - 2 / math.pi * math.atan(2 * 4000 / 1.3))
    assert area + outside == pytest.approx(1.0, abs=1e-9)


@given(fwhm=st.floats(0.02, 3.0), eta=st.floats(0, 1), offset=st.floats(-5, 5))
def test_derivatives_are_those_of_the_function(fwhm, eta, offset):
    x = np.array([offset])
    value, by_offset, by_fwhm, by_eta = pseudo_voigt_derivatives(x, fwhm=fwhm, eta=eta)
    step = 1e-6 * fwhm

    def slope(high, low, width):
        return (high - low) / (2 * width)

    scale = pseudo_voigt(np.zeros(1), fwhm=fwhm, eta=eta) / fwhm
    assert value == pytest.approx(pseudo_voigt(x, fwhm=fwhm, eta=eta))
    numeric = slope(
        pseudo_voigt(x + step, fwhm=fwhm, eta=eta), pseudo_voigt(x - step, fwhm=fwhm, eta=eta), step
    )
    assert by_offset == pytest.approx(numeric, abs=1e-6 * scale[0])
    numeric = slope(
        pseudo_voigt(x, fwhm=fwhm + step, eta=eta), pseudo_voigt(x, fwhm=fwhm - step, eta=eta), step
    )
    assert by_fwhm == pytest.approx(numeric, abs=1e-6 * scale[0])
    numeric = pseudo_voigt(x, fwhm=fwhm, eta=1.0) - pseudo_voigt(x, fwhm=fwhm, eta=0.0)
    assert by_eta == pytest.approx(numeric, abs=1e-9 * scale[0])


@given(width=WIDTHS)
def test_a_pure_part_keeps_its_width(width):
    gauss = tch_from_widths(np.array([width]), np.zeros(1))
    lorentz = tch_from_widths(np.zeros(1), np.array([width]))
    assert gauss[0] == pytest.approx([width])
    assert gauss[1] == pytest.approx([0.0])
    assert lorentz[0] == pytest.approx([width])
    assert lorentz[1] == pytest.approx([1.0], abs=1e-6)


@settings(deadline=None)  # the first example imports
@given(gauss=st.floats(0.01, 2.0), lorentz=st.floats(0.01, 2.0))
def test_the_width_is_that_of_a_voigt(gauss, lorentz):
    """Thompson, Cox & Hastings claim 1e-2 of the width; the Voigt comes from Faddeeva."""
    from scipy.optimize import brentq
    from scipy.special import voigt_profile

    sigma, gamma = gauss / math.sqrt(8 * math.log(2)), lorentz / 2
    top = voigt_profile(0.0, sigma, gamma)
    half = brentq(lambda x: voigt_profile(x, sigma, gamma) - top / 2, 0.0, 5.0)
    assert tch_from_widths(gauss, lorentz)[0] == pytest.approx(2 * half, rel=1e-2)


def test_caglioti_and_lorentz_terms():
    gauss, lorentz = Profile(u=0.02, v=-0.01, w=0.005, x=0.03, y=0.02).widths(np.array([90.0]))
    assert gauss == pytest.approx([math.sqrt(0.02 - 0.01 + 0.005)])
    assert lorentz == pytest.approx([0.03 + 0.02 * math.sqrt(2)])


def test_a_profile_without_real_width_is_refused():
    with pytest.raises(BadInput, match="no real width at 2θ = 90"):
        Profile(w=0.001, v=-0.01).widths(np.array([10.0, 90.0]))
    with pytest.raises(BadInput, match="profile term u is nan"):
        Profile(u=math.nan)


def test_scherrer_and_strain():
    angle = np.array([60.0])
    expected = math.degrees(0.9 * 1.5406 / (200 * math.cos(math.radians(30))))
    assert fwhm_from_size(angle, size=200.0, wavelength=1.5406) == pytest.approx([expected])
    expected = math.degrees(4 * 0.002 * math.tan(math.radians(30)))
    assert fwhm_from_strain(angle, strain=0.002) == pytest.approx([expected])


@pytest.mark.parametrize("size", [0.0, -3.0, math.nan])
def test_a_size_that_is_none_is_refused(size):
    with pytest.raises(BadInput, match="domain size"):
        fwhm_from_size(np.array([20.0]), size=size, wavelength=1.54)


def test_a_negative_strain_is_refused():
    with pytest.raises(BadInput, match="microstrain"):
        fwhm_from_strain(np.array([20.0]), strain=-0.1)


def test_the_fast_sum_is_the_plain_sum():
    rng = np.random.default_rng(2)
    axis = np.sort(rng.uniform(5, 90, 700))
    centre, area = rng.uniform(0, 95, 60), rng.uniform(1, 100, 60)
    fwhm, eta = rng.uniform(0.05, 2, 60), rng.uniform(0, 1, 60)
    lines = {"centre": centre, "area": area, "fwhm": fwhm, "eta": eta}
    plain = pseudo_voigt(axis[:, None] - centre, fwhm=fwhm, eta=eta) @ area
    assert sum_lines(axis, **lines, cutoff=1e6) == pytest.approx(plain, rel=1e-12)
    cut = sum_lines(axis, **lines)
    assert np.abs(cut - plain).max() < 1e-3 * plain.max()


@pytest.mark.parametrize("lines", [1, 3, 4, 7, 50])
def test_lines_in_any_number_and_order_add_up(lines):
    rng = np.random.default_rng(lines)
    x = np.linspace(5, 40, 500)
    centre, area = rng.uniform(2, 43, lines), rng.uniform(1, 5, lines)
    fwhm, eta = rng.uniform(0.02, 3.0, lines), rng.uniform(0, 1, lines)
    offset = x[:, None] - centre
    inside = (offset >= -100 * fwhm) & (offset < 100 * fwhm)
    plain = np.where(inside, pseudo_voigt(offset, fwhm=fwhm, eta=eta), 0.0) @ area
    found = sum_lines(x, centre=centre, area=area, fwhm=fwhm, eta=eta)
    assert found == pytest.approx(plain, rel=1e-12)
