"""Simulated patterns: intensities, doublet, mixtures, noise, and what is refused."""

import math

import numpy as np
import pytest

from xorder.diffraction import (
    Hump,
    Profile,
    Radiation,
    calculate_reflections,
    simulate,
    simulate_mixture,
)
from xorder.diffraction.simulation import line_positions, powder_intensity, preferred_orientation
from xorder.errors import BadInput

NARROW = Profile(w=0.0016, y=0.0)


def area(pattern, low, high, values=None):
    inside = (pattern.two_theta >= low) & (pattern.two_theta <= high)
    values = pattern.intensity if values is None else values
    return np.trapezoid(values[inside], pattern.two_theta[inside])


def test_the_area_of_a_line_is_m_f2_lp(nacl):
    pattern = simulate(nacl, wavelength=1.540593, profile=NARROW, two_theta=(25, 50, 0.005))
    found = pattern.reflections[0]
    for index in range(len(found.d)):
        centre = found.two_theta[index]
        if 26 < centre < 49:
            theta = math.radians(centre) / 2
            lp = (1 + math.cos(2 * theta) ** 2) / 2 / (math.sin(theta) ** 2 * math.cos(theta))
            expected = found.multiplicity[index] * found.f_squared[index] * lp
            assert area(pattern, centre - 0.5, centre + 0.5) == pytest.approx(expected, rel=1e-6)


def test_the_doublet_lies_where_bragg_puts_it_with_half_the_height(nacl):
    pattern = simulate(nacl, profile=NARROW, two_theta=(80, 90, 0.002))
    first = pattern.reflections[0].two_theta
    first = float(first[np.argmin(np.abs(first - 84.0))])
    sine = math.sin(math.radians(first) / 2) * 1.544427 / 1.540593
    second = 2 * math.degrees(math.asin(sine))
    heights = np.interp([first, second], pattern.two_theta, pattern.intensity)
    assert heights[0] / heights[1] == pytest.approx(2.0, rel=0.02)
    assert line_positions(np.array([first]), pattern.wavelength)[0] == pytest.approx(
        [first, second]
    )


def test_it_is_marked_simulated_and_knows_how_it_was_made(nacl):
    pattern = simulate(nacl, wavelength=0.3497, two_theta=(2, 20, 0.01))
    assert pattern.simulated
    assert "simulated" in pattern.notes[0]
    assert pattern.provenance.parameters["two_theta"] == [2, 20, 0.01]
    assert pattern.two_theta[np.argmax(pattern.intensity)] == pytest.approx(
        2 * math.degrees(math.asin(0.3497 / 5.6401)), abs=0.01
    )


def test_size_broadens_as_scherrer_says(nacl):
    sharp = Profile(w=0.0, y=1e-3)
    pattern = simulate(nacl, wavelength=1.54, profile=sharp, size=100.0, two_theta=(24, 38, 0.002))
    found = pattern.reflections[0]
    centre = float(found.two_theta[found.hkl.tolist().index([2, 0, 0])])
    top, half = np.interp(
        [centre, centre + math.degrees(0.9 * 1.54 / 100 / math.cos(math.radians(centre / 2))) / 2],
        pattern.two_theta,
        pattern.intensity,
    )
    assert half / top == pytest.approx(0.5, abs=0.01)


def test_background_humps_and_zero_shift_are_added(nacl):
    plain = simulate(nacl)
    dressed = simulate(nacl, background=(50.0,), humps=[Hump(centre=30, fwhm=6, area=700)])
    assert dressed.intensity - plain.intensity == pytest.approx(
        50 + dressed.components[1], rel=1e-6, abs=1e-6
    )
    assert np.trapezoid(dressed.components[1], dressed.two_theta) == pytest.approx(700, rel=1e-3)
    moved = simulate(nacl, zero_shift=0.1)
    assert np.argmax(moved.intensity) - np.argmax(plain.intensity) == 5


def test_march_dollase_keeps_the_mean_and_strengthens_the_plane(nacl):
    found = calculate_reflections(nacl, two_theta=(5, 80))
    assert preferred_orientation(nacl, found, (0, 0, 1), 1.0) == pytest.approx(
        np.ones(len(found.d))
    )
    factor = preferred_orientation(nacl, found, (0, 0, 1), 0.7)
    index = {tuple(plane): i for i, plane in enumerate(found.hkl.tolist())}
    r = 0.7
    expected = (r**-3 + 2 * r**1.5) / 3  # one pole along the axis, two across it
    assert factor[index[2, 0, 0]] == pytest.approx(expected)
    assert factor[index[2, 2, 2]] < 1 < factor[index[2, 0, 0]]
    with pytest.raises(BadInput, match="March–Dollase r = 0"):
        preferred_orientation(nacl, found, (0, 0, 1), 0.0)


def test_weight_fractions_set_the_ratio_of_the_phases(nacl, zincblende):
    mixture = simulate_mixture(
        [nacl, zincblende], weight_fractions=[3, 1], profile=NARROW, background=(10.0,), seed=None
    )
    one, other = mixture.reflections
    scale = [
        np.trapezoid(mixture.components[i], mixture.two_theta)
        / np.sum(powder_intensity(r)[(r.two_theta > 5) & (r.two_theta < 90)])
        * r.mass
        * r.volume
        for i, r in enumerate((one, other))
    ]
    assert scale[0] / scale[1] == pytest.approx(3.0, rel=5e-3)
    assert mixture.weight_fraction == pytest.approx((0.75, 0.25, 0.0))
    assert one.mass == pytest.approx(4 * 58.44, rel=1e-3)


def test_mass_that_turns_amorphous_keeps_its_intensity(nacl):
    humps = [Hump(centre=30, fwhm=8), Hump(centre=50, fwhm=10, area=0.5)]
    made = {
        share: simulate_mixture(
            [nacl], weight_fractions=[1], amorphous_fraction=share, humps=humps, seed=None
        )
        for share in (0.0, 0.4, 1.0)
    }
    total = [area(p, 5, 90, p.components[:-1].sum(axis=0)) for p in made.values()]
    assert total == pytest.approx([total[0]] * 3, rel=1e-6)
    halo = area(made[0.4], 5, 90, made[0.4].components[1])
    assert halo == pytest.approx(0.4 * total[0])


def test_noise_is_poisson_and_follows_its_seed(nacl):
    settings = {
        "weight_fractions": [1],
        "background": (400.0,),
        "two_theta": (29, 35, 0.004),
        "profile": NARROW,
    }
    clean = simulate_mixture([nacl], seed=None, **settings)
    noisy = simulate_mixture([nacl], seed=7, **settings)
    again = simulate_mixture([nacl], seed=7, **settings)
    assert np.array_equal(noisy.intensity, again.intensity)
    pull = (noisy.intensity - clean.intensity) / np.sqrt(clean.intensity)
    assert np.mean(pull) == pytest.approx(0.0, abs=4 / math.sqrt(len(pull)))
    assert np.std(pull) == pytest.approx(1.0, abs=0.08)
    assert np.all(noisy.sigma == np.sqrt(np.maximum(noisy.intensity, 1)))


def test_a_synchrotron_keeps_intensity_at_ninety_degrees(nacl):
    tube = simulate(nacl, wavelength=Radiation(wavelengths=(1.5,)))
    ring = simulate(nacl, wavelength=Radiation(wavelengths=(1.5,), polarization=1.0))
    near = np.argmin(np.abs(tube.two_theta - 87))
    assert ring.intensity[near] / tube.intensity[near] == pytest.approx(2.0, rel=0.02)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"two_theta": (90, 5, 0.02)}, "two_theta from 90 to 5"),
        ({"two_theta": (5, 90, 0)}, "steps of 0"),
        ({"two_theta": (5, 90, -0.02)}, "steps of -0.02"),
        ({"two_theta": (5, 200, 0.02)}, "5 to 200"),
        ({"two_theta": (5, 90, 1e-6)}, "points"),
        ({"two_theta": (5, 5.05, 0.02)}, "has 3 points"),
        ({"wavelength": -1.0}, "wavelength -1"),
        ({"wavelength": "Kryptonite"}, "no radiation"),
        ({"size": -5.0}, "domain size -5"),
        ({"strain": -0.1}, "microstrain -0.1"),
        ({"profile": Profile(w=-0.01)}, "no real width"),
        ({"uiso": -0.1}, "uiso -0.1"),
        ({"orientation": ((0, 0, 0), 0.7)}, "March–Dollase"),
    ],
)
def test_an_impossible_simulation_is_refused(nacl, change, match):
    with pytest.raises(BadInput, match=match):
        simulate(nacl, **change)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"weight_fractions": [1, 2]}, "2 weight fractions for 1 crystals"),
        ({"weight_fractions": [-1]}, "weight fractions"),
        ({"weight_fractions": [0]}, "weight fractions"),
        ({"amorphous_fraction": 1.5}, "amorphous fraction 1.5"),
        ({"amorphous_fraction": 0.5}, "without humps"),
        ({"sizes": [1.0, 2.0]}, "2 sizes for 1 crystals"),
        ({"background": (-1e6,)}, "falls to"),
        ({"two_theta": (5, 10, 0.02)}, "none of the crystals diffracts between 5 and 10"),
    ],
)
def test_an_impossible_mixture_is_refused(nacl, change, match):
    with pytest.raises(BadInput, match=match):
        simulate_mixture([nacl], **{"weight_fractions": [1], **change})


def test_a_hump_without_width_is_refused():
    with pytest.raises(BadInput, match="a hump of width 0"):
        Hump(fwhm=0.0)
