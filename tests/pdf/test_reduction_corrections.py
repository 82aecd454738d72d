"""Absorption, polarization, oblique detection and Compton scattering against what is known."""

import math

import numpy as np
import pytest
from scipy.integrate import quad

from xorder.errors import BadInput
from xorder.pdf.absorption import (
    cylinder_transmission,
    detector_efficiency,
    plate_transmission,
    polarization_factor,
)
from xorder.pdf.compton import compton_scattering, incoherent_function, recoil_factor
from xorder.pdf.data_range import advise_q_max, advise_q_min, estimate_noise
from xorder.pdf.normalization import SelfScattering, krogh_moe_scale
from xorder.scattering import atomic_number, form_factor

BOHR = 0.529177210903


@pytest.mark.parametrize("mu_r", [0.05, 0.3, 1.0, 2.5, 5.0, 10.0])
def test_a_capillary_straight_on_and_backwards_is_an_integral_over_chords(mu_r):
    def half(y):
        return math.sqrt(1 - y * y)

    straight = quad(lambda y: 2 * half(y) * math.exp(-2 * mu_r * half(y)), -1, 1)[0] / math.pi
    back = quad(lambda y: -math.expm1(-4 * mu_r * half(y)) / (2 * mu_r), -1, 1)[0] / math.pi
    found = cylinder_transmission(np.array([0.0, 180.0]), mu_r=mu_r)
    assert found == pytest.approx([straight, back], rel=2e-3 if mu_r > 5 else 2e-4)


@pytest.mark.parametrize("mu_r", [0.5, 2.0])
@pytest.mark.parametrize("two_theta", [20.0, 75.0, 140.0])
def test_a_capillary_at_an_angle_is_a_mean_over_its_section(mu_r, two_theta):
    grid = (np.arange(500) + 0.5) / 250 - 1
    x, y = (axis[np.hypot(*np.meshgrid(grid, grid)) < 1] for axis in np.meshgrid(grid, grid))
    angle = math.radians(two_theta)
    along = x * math.cos(angle) + y * math.sin(angle)
    path = x + np.sqrt(1 - y**2) + np.sqrt(along**2 + 1 - x**2 - y**2) - along
    mean = np.mean(np.exp(-mu_r * path))
    assert cylinder_transmission(np.array(two_theta), mu_r=mu_r) == pytest.approx(mean, rel=2e-3)


def test_nothing_is_absorbed_without_absorption():
    assert cylinder_transmission(np.array([0.0, 60.0, 180.0]), mu_r=0.0) == pytest.approx(1)


@pytest.mark.parametrize("two_theta", [5.0, 40.0, 80.0])
def test_a_plate_is_an_integral_over_depth(two_theta):
    mu_t = 0.8
    angle = math.radians(two_theta)

    def across(z):  # z in thicknesses; in along the normal, out at 2θ
        return math.exp(-mu_t * (z + (1 - z) / math.cos(angle)))

    across_plate = quad(across, 0, 1)[0]
    slant = 1 / math.sin(angle / 2)
    reflected = quad(lambda z: math.exp(-2 * mu_t * z * slant), 0, 1)[0] * 2 * mu_t * slant
    values = np.array([two_theta])
    assert plate_transmission(values, mu_t=mu_t, geometry="perpendicular") == pytest.approx(
        across_plate
    )
    assert plate_transmission(values, mu_t=mu_t, geometry="reflection") == pytest.approx(reflected)
    tilted = math.exp(-mu_t / math.cos(angle / 2)) / math.cos(angle / 2)
    assert plate_transmission(values, mu_t=mu_t, geometry="transmission") == pytest.approx(tilted)


def test_straight_on_a_plate_across_the_beam_only_absorbs():
    value = plate_transmission(np.array([0.0]), mu_t=0.7, geometry="perpendicular")
    assert value == pytest.approx(math.exp(-0.7))


def test_polarization_knows_a_tube_a_vertical_plane_and_a_horizontal_one():
    angles = np.array([0.0, 60.0, 90.0])
    assert polarization_factor(angles) == pytest.approx([1, 0.625, 0.5])
    assert polarization_factor(angles, polarization=1) == pytest.approx([1, 1, 1])
    assert polarization_factor(angles, polarization=-1) == pytest.approx([1, 0.25, 0])


def test_a_thin_detector_stops_more_of_what_comes_in_obliquely():
    angles = np.array([0.0, 30.0, 60.0])
    thin = detector_efficiency(angles, transmission=1.0)
    assert thin == pytest.approx([1, 2 / math.sqrt(3), 2])
    assert detector_efficiency(angles, transmission=1 - 1e-9) == pytest.approx(thin, rel=1e-6)
    assert detector_efficiency(angles, transmission=1e-6) == pytest.approx(1, abs=1e-5)


def test_the_compton_scattering_of_hydrogen_is_known_exactly():
    q = np.linspace(0.1, 30, 200)
    exact = 1 - (1 + (q * BOHR / 2) ** 2) ** -4.0
    assert incoherent_function("H", q) == pytest.approx(exact, abs=2e-3)


@pytest.mark.parametrize(
    "element", ["He", "C", "O", "Na", "Si", "Cl", "Ni", "Zr", "Sn", "Sm", "Ta", "Pb", "U"]
)
def test_compton_scattering_stays_within_what_the_form_factor_allows(element):
    # Σ|f_ii|² is at least f²/Z for Z electrons (Schwarz), and exchange takes more away.
    q = np.linspace(0.2, 40, 200)
    electrons = atomic_number(element)
    values = incoherent_function(element, q)
    bound = electrons - form_factor(element, q / (4 * np.pi)) ** 2 / electrons
    assert np.all(values <= bound + 0.012 * electrons)
    assert np.all(np.diff(values) > 0)
    assert incoherent_function(element, np.array([0.0])) == pytest.approx(0, abs=1e-9)


def test_electrons_of_light_atoms_are_free_at_high_q():
    assert incoherent_function("C", np.array([35.0])) == pytest.approx(6, rel=0.03)
    assert incoherent_function("D", np.array([5.0])) == incoherent_function("H", np.array([5.0]))


def test_recoil_at_right_angles_is_one_compton_wavelength():
    wavelength = 0.1839
    q = np.array([4 * math.pi / wavelength * math.sin(math.pi / 4)])
    ratio = wavelength / (wavelength + 0.0242631)
    assert recoil_factor(q, wavelength, 2) == pytest.approx(ratio**2, rel=1e-5)
    assert recoil_factor(q, wavelength, 0) == pytest.approx(1)
    free = compton_scattering({"Ni": 2}, q)
    assert compton_scattering({"Ni": 2}, q, wavelength=wavelength) == pytest.approx(
        free * ratio**2, rel=1e-5
    )


def test_averages_are_taken_over_atoms():
    q = np.array([0.5, 8.0])
    silicon, oxygen = (form_factor(element, q / (4 * np.pi)) for element in ("Si", "O"))
    atoms = SelfScattering.of({"Si": 1, "O": 2}, q, None)
    assert atoms.mean_of_f_squared == pytest.approx((silicon**2 + 2 * oxygen**2) / 3)
    assert atoms.mean_f_squared == pytest.approx(((silicon + 2 * oxygen) / 3) ** 2)
    assert atoms.total == pytest.approx(atoms.mean_of_f_squared)


def test_krogh_moe_recovers_the_scale_of_hard_exclusion():
    # No atom within 2 Å of another and none missing beyond: S(Q) of the hole is closed.
    q = np.linspace(0.01, 60, 6000)
    rho0, hole = 0.05, 2.0
    x = q * hole
    structure = 1 - 4 * np.pi * rho0 * hole**3 * (np.sin(x) - x * np.cos(x)) / x**3
    atoms = SelfScattering.of({"Si": 1}, q, None)
    counts = 7.0 * (atoms.mean_of_f_squared + atoms.mean_f_squared * (structure - 1))
    window = np.exp(-((q / 25) ** 2))
    # Damped: the sharp edge of the hole never converges in Q² otherwise.
    smooth = 7.0 * (atoms.total + atoms.mean_f_squared * (structure - 1) * window)
    assert counts[0] == pytest.approx(smooth[0], rel=1e-3)
    assert krogh_moe_scale(q, smooth, atoms, rho0) == pytest.approx(1 / 7, rel=1e-3)


def test_noise_is_found_under_peaks():
    rng = np.random.default_rng(8)
    x = np.linspace(0, 20, 3000)
    peaks = 50 * np.sin(3 * x) ** 20
    noise = 0.3 * (1 + x / 10)
    found = estimate_noise(peaks + noise * rng.normal(size=3000))
    assert np.mean(found / noise) == pytest.approx(1, abs=0.15)
    assert np.all((found / noise > 0.3) & (found / noise < 3))
    assert len(estimate_noise(rng.normal(size=20))) == 20


def test_the_advised_end_is_where_structure_drowns():
    rng = np.random.default_rng(9)
    q = np.linspace(0.5, 30, 3000)
    noise = np.full(3000, 0.2)
    structure = 5 * np.sin(2.5 * q) * np.exp(-((q / 9) ** 2))
    end = advise_q_max(q, structure + noise * rng.normal(size=3000), noise)
    # Averages over π/20 Å⁻¹ hold 16 points: signal and noise are alike at 18.5 Å⁻¹.
    assert end == pytest.approx(18.5, abs=2.5)
    assert advise_q_max(q, 5 * np.sin(2.5 * q), noise) == pytest.approx(30)
    assert advise_q_max(q[:6], q[:6], q[:6]) == q[5]


def test_the_advised_start_is_behind_the_beam_stop():
    q = np.linspace(0.3, 25, 2500)
    peak = 10 * np.exp(-(((q - 2.5) / 0.2) ** 2))
    small_angles = 30 * np.exp(-(q - 0.3) / 0.2)
    assert 1.0 < advise_q_min(q, peak + small_angles + 1) < 2.1
    assert advise_q_min(q, peak + q) == q[0]
    bragg = 10 * np.exp(-(((q - 0.9) / 0.05) ** 2))
    assert advise_q_min(q, bragg + peak + q) == q[0]
    assert advise_q_min(q[:5], q[:5]) == q[0]


ANGLES = np.array([10.0, 100.0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cylinder_transmission(ANGLES, mu_r=-1.0), "mu_r is -1"),
        (lambda: cylinder_transmission(ANGLES, mu_r=11.0), "mu_r is 11"),
        (lambda: cylinder_transmission(ANGLES, mu_r=math.nan), "mu_r is nan"),
        (lambda: plate_transmission(ANGLES, mu_t=0.0), "mu_t is 0"),
        (lambda: plate_transmission(ANGLES, mu_t=1.0, geometry="perpendicular"), "reaches 100"),
        (lambda: plate_transmission(ANGLES, mu_t=1.0, geometry="sphere"), "geometry is 'sphere'"),
        (lambda: polarization_factor(ANGLES, polarization=2.0), "polarization is 2"),
        (lambda: detector_efficiency(ANGLES, transmission=0.5), "reaches 100"),
        (lambda: detector_efficiency(ANGLES[:1], transmission=0.0), "transmission is 0"),
        (lambda: incoherent_function("Xx", ANGLES), "no incoherent function of 'Xx'"),
    ],
)
def test_impossible_corrections_are_said(call, message):
    with pytest.raises(BadInput, match=message):
        call()
