"""Weight fractions, amorphous part included, against weighed truth and algebra done apart."""

from dataclasses import replace

import numpy as np
import pytest

from xorder.diffraction import (
    Hump,
    amorphous_from_external_standard,
    amorphous_from_halo,
    amorphous_from_internal_standard,
    area_ratio_index,
    calibrate_external_standard,
    calibrate_halo,
    crystalline_loss,
    linear_absorption,
    mass_absorption,
    simulate,
    simulate_mixture,
    spread_over_choices,
    weight_fractions,
)
from xorder.diffraction.absorption import brindley_factor
from xorder.diffraction.calibrations import Calibration
from xorder.errors import BadInput, DataWarning

#: g/mol of Na, Cl, Zn, S.
NACL, ZNS = 22.98977 + 35.453, 65.38 + 32.066
#: (ZMV) of the two test crystals: four formula units in a³.
ZMV = np.array([4 * NACL * 5.6401**3, 4 * ZNS * 5.409**3])


@pytest.mark.parametrize(
    ("composition", "known"),
    [
        ({"Al": 2, "O": 3}, 31.55),
        ({"Zn": 1, "O": 1}, 48.67),
        ({"Ca": 1, "F": 2}, 94.85),
        ({"Si": 1, "O": 2}, 35.80),
    ],
)
def test_mass_absorption_at_copper_is_that_of_tables(composition, known):
    assert mass_absorption(composition, wavelength=1.54056) == pytest.approx(known, rel=1e-3)


@pytest.fixture(scope="module")
def xraydb():
    import xraydb

    yield xraydb
    xraydb.get_xraydb().close()


@pytest.mark.reference
@pytest.mark.parametrize("wavelength", [0.3497, 0.7093, 1.540593, 2.2897])
@pytest.mark.parametrize("element", ["Na", "Cl", "Ta", "B", "Fe"])
def test_mass_absorption_is_that_of_xraydb(xraydb, element, wavelength):
    expected = xraydb.mu_elam(element, 12398.419843320026 / wavelength, kind="total")
    assert mass_absorption({element: 3}, wavelength=wavelength) == pytest.approx(expected, rel=1e-6)


def test_linear_absorption_is_mass_absorption_times_density(nacl):
    rho = 4 * NACL / 5.6401**3 / 0.602214
    expected = mass_absorption({"Na": 1, "Cl": 1}, wavelength="CuKa") * rho
    assert linear_absorption(nacl, wavelength="CuKa") == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("excess", [-3.0, -0.4, 0.1, 1.0, 3.0])
def test_brindley_factor_of_a_sphere_seen_straight_through(excess):
    # Chords c of a sphere of diameter 1, by volume: 3 c² dc, all of one length for all its points.
    closed = 3 * (2 - np.exp(-excess) * (excess**2 + 2 * excess + 2)) / excess**3
    found = brindley_factor(excess * 1e3, diameter=10.0, two_theta=0.0)
    assert found == pytest.approx(closed, rel=2e-4)


def test_brindley_factor_is_that_of_random_points_in_a_sphere():
    rng = np.random.default_rng(0)
    points = rng.uniform(-0.5, 0.5, (400_000, 3))
    points = points[np.linalg.norm(points, axis=1) < 0.5]
    leaving = np.array([np.sin(np.deg2rad(60)), 0, np.cos(np.deg2rad(60))])
    path = 0.0
    for direction in (np.array([0, 0, -1.0]), leaving):
        along = points @ direction
        path = path - along + np.sqrt(0.25 - (points**2).sum(axis=1) + along**2)
    expected = np.mean(np.exp(-0.8 * path))
    assert brindley_factor(800.0, diameter=10.0, two_theta=60.0) == pytest.approx(
        expected, rel=1e-3
    )


@pytest.mark.parametrize(("diameter", "seen"), [(1, 1.02), (5, 1.10), (10, 1.21), (20, 1.47)])
def test_salt_is_seen_too_strong_in_a_tantalum_chloride(diameter, seen):
    # 10 wt% NaCl in NaTaCl6 (3.3 g/cm³) at Cu Kα, by ray tracing through random spheres.
    rho = np.array([2.165, 3.3])
    mu = rho * [
        mass_absorption(atoms, wavelength="CuKa")
        for atoms in ({"Na": 1, "Cl": 1}, {"Na": 1, "Ta": 1, "Cl": 6})
    ]
    volume = np.array([0.1, 0.9]) / rho
    excess = mu - volume @ mu / volume.sum()
    salt, chloride = (brindley_factor(x, diameter=diameter) for x in excess)
    assert salt / chloride == pytest.approx(seen, abs=0.006)


def test_grains_without_size_do_not_shade():
    assert brindley_factor(500.0, diameter=0.0) == pytest.approx(1.0)


def test_weight_fractions_are_zmv_algebra(nacl, zincblende):
    scales = np.array([3.0, 0.5])
    found = weight_fractions(scales, [nacl, zincblende], covar=np.array([0.1, 0.02]))
    assert found.weight_fraction == pytest.approx(scales * ZMV / (scales @ ZMV), rel=1e-5)
    assert found.weight_fraction.sum() == pytest.approx(1.0)
    # Of two phases with independent scales, σ(W) = W1 W2 √(relative variances), alike for both.
    w = found.weight_fraction
    sigma = w[0] * w[1] * np.hypot(0.1 / 3.0, 0.02 / 0.5)
    assert found.stderr == pytest.approx([sigma, sigma], rel=1e-5)
    assert found.covar[0, 1] == pytest.approx(-(sigma**2), rel=1e-5)
    assert found.detection_limit == pytest.approx(3.29 * found.stderr)


def test_a_common_factor_of_the_scales_has_no_error(nacl, zincblende):
    scales = np.array([3.0, 0.5])
    common = np.outer(scales, scales) * 0.01
    found = weight_fractions(scales, [nacl, zincblende], covar=common)
    assert found.stderr == pytest.approx([0, 0], abs=1e-6)


def fitted_scales(mixture, crystals, extra=()):
    """Return scales of known components in a pattern and their covariance, by least squares."""
    span = (mixture.two_theta[0], mixture.two_theta[-1], 0.02)
    shapes = [simulate(c, two_theta=span).components[0] for c in crystals]
    shapes += [np.ones_like(mixture.two_theta), *extra]
    design = np.stack(shapes, axis=1) / mixture.sigma[:, None]
    covar = np.linalg.inv(design.T @ design)
    return covar @ design.T @ (mixture.intensity / mixture.sigma), covar


@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
def test_weighed_mixtures_come_out_of_noisy_patterns(nacl, zincblende, share):
    mixture = simulate_mixture(
        [nacl, zincblende], weight_fractions=[share, 1 - share], two_theta=(20, 90, 0.02), seed=3
    )
    scales, covar = fitted_scales(mixture, [nacl, zincblende])
    found = weight_fractions(scales[:2], [nacl, zincblende], covar=covar[:2, :2])
    assert found.weight_fraction[0] == pytest.approx(share, abs=3.5 * found.stderr[0])
    assert found.stderr[0] < 0.01


def test_microabsorption_is_undone(nacl, zincblende):
    truth, diameters = np.array([0.3, 0.7]), [8.0, 2.0]
    mu_star = [mass_absorption(c, wavelength="CuKa") for c in (nacl, zincblende)]
    rho = 4 * np.array([NACL, ZNS]) / np.array([5.6401, 5.409]) ** 3 / 0.602214
    mu = mu_star * rho
    mean = truth @ mu_star / (truth @ (1 / rho))
    tau = [brindley_factor(m - mean, diameter=d) for m, d in zip(mu, diameters, strict=True)]
    scales = truth * tau / ZMV * 1e6
    with pytest.warns(DataWarning, match="Brindley"):
        found = weight_fractions(
            scales, [nacl, zincblende], covar=0.01 * scales, wavelength="CuKa",
            grain_diameters=diameters,
        )  # fmt: skip
    assert found.weight_fraction == pytest.approx(truth, rel=1e-4)
    assert found.mu_d == pytest.approx(mu * diameters * 1e-4, rel=1e-4)
    assert found.brindley == pytest.approx(tau, rel=1e-4)
    plain = weight_fractions(scales, [nacl, zincblende], covar=0.01 * scales)
    assert abs(plain.weight_fraction[0] - 0.3) > 0.005
    assert found.messages


def test_fine_grains_need_no_warning(nacl, zincblende):
    found = weight_fractions(
        [1.0, 1.0], [nacl, zincblende], covar=np.array([0.1, 0.1]), wavelength="MoKa",
        grain_diameters=[1.0, 1.0],
    )  # fmt: skip
    assert found.messages == ()
    assert found.brindley == pytest.approx([1.0, 1.0], abs=0.01)


def test_an_internal_standard_gives_the_amorphous_part_by_hand_algebra(nacl, zincblende):
    # 100 g of sample: 55 g NaCl, 45 g glass; 25 g ZnS added, 2 g of it amorphous.
    masses = np.array([55.0, 23.0])
    scales = masses / ZMV * 1e7
    found = amorphous_from_internal_standard(
        scales, [nacl, zincblende], covar=0.01 * scales, standard="ZnS",
        weighed=0.2, crystallinity=0.92,
    )  # fmt: skip
    assert found.amorphous == pytest.approx(0.45, rel=1e-4)
    assert found.weight_fraction == pytest.approx([0.55], rel=1e-4)
    assert found.phase.tolist() == ["NaCl"]
    assert found.stderr == pytest.approx(0.55 * np.hypot(0.01, 0.01), rel=1e-4)


def test_a_standard_with_an_amorphous_part_of_its_own_matters(nacl, zincblende):
    scales = np.array([55.0, 25.0]) / ZMV
    pure, impure = (
        amorphous_from_internal_standard(
            scales, [nacl, zincblende], covar=0.01 * scales, standard="ZnS", weighed=0.2,
            crystallinity=c,
        )
        for c in (1.0, (0.95, 0.01))
    )  # fmt: skip
    assert pure.amorphous == pytest.approx(0.45, rel=1e-4)
    assert impure.amorphous == pytest.approx(1 - 0.55 * 0.95, rel=1e-4)
    assert impure.stderr > pure.stderr
    assert any("wholly crystalline" in text for text in pure.messages)


@pytest.mark.parametrize("amorphous", [0.0, 0.3, 0.8])
def test_a_spiked_amorphous_sample_comes_out_of_a_noisy_pattern(nacl, zincblende, amorphous):
    # 80 g sample + 20 g ZnS.
    crystalline = 0.8 * (1 - amorphous)
    hump = Hump(centre=28, fwhm=8)
    mixture = simulate_mixture(
        [nacl, zincblende], weight_fractions=[crystalline, 0.2],
        amorphous_fraction=0.8 * amorphous, humps=[hump], two_theta=(20, 90, 0.02), seed=5,
    )  # fmt: skip
    shape = np.exp(-4 * np.log(2) * ((mixture.two_theta - 28) / 8) ** 2)
    scales, covar = fitted_scales(mixture, [nacl, zincblende], [shape])
    found = amorphous_from_internal_standard(
        scales[:2], [nacl, zincblende], covar=covar[:2, :2], standard="ZnS", weighed=0.2
    )
    assert found.amorphous == pytest.approx(amorphous, abs=3.5 * found.stderr)
    assert found.stderr < 0.02


def external(scales, crystals, calibration, **kwargs):
    return amorphous_from_external_standard(
        scales, crystals, covar=0.01 * np.asarray(scales), calibration=calibration,
        wavelength="CuKa", **kwargs,
    )  # fmt: skip


@pytest.mark.parametrize("share", [0.0, 0.2, 0.9])
def test_an_external_standard_gives_what_iteration_converges_to(nacl, zincblende, share):
    mu_nacl, mu_zns = (mass_absorption(c, wavelength="CuKa") for c in (nacl, zincblende))
    glass = {"Si": 1, "O": 2}
    mu_glass = mass_absorption(glass, wavelength="CuKa")
    # Scale of a phase in a thick flat sample: K W / (ZMV μ*).
    constant = 7.3e5
    calibration = calibrate_external_standard(
        constant * 0.98 / (ZMV[1] * mu_zns), zincblende, wavelength="CuKa", crystallinity=0.98
    )
    assert calibration.value == pytest.approx(constant, rel=1e-4)
    mu = (1 - share) * mu_nacl + share * mu_glass
    scale = constant * (1 - share) / (ZMV[0] * mu)
    found = external([scale], [nacl], calibration, amorphous_composition=glass)
    assert found.amorphous == pytest.approx(share, abs=1e-4)
    assert found.mass_absorption == pytest.approx(mu, rel=1e-4)
    # The same by iteration.
    guess = mu_nacl
    for _ in range(200):
        crystalline = scale * ZMV[0] * guess / calibration.value
        guess = crystalline * mu_nacl + (1 - crystalline) * mu_glass
    assert found.weight_fraction[0] == pytest.approx(crystalline, rel=1e-4)
    known = external([scale], [nacl], calibration, sample_absorption=mu)
    assert known.amorphous == pytest.approx(share, abs=1e-4)


def test_an_amorphous_part_like_the_crystals_is_the_default(nacl, zincblende):
    mu = mass_absorption(nacl, wavelength="CuKa")
    calibration = Calibration(kind="external standard", value=1e6, stderr=1e4)
    found = external([1e6 * 0.6 / (ZMV[0] * mu)], [nacl], calibration)
    assert found.amorphous == pytest.approx(0.4, abs=1e-5)
    assert found.stderr == pytest.approx(0.6 * np.hypot(0.01, 0.01), rel=1e-3)
    assert any("taken to absorb" in text for text in found.messages)


def test_a_halo_calibrated_on_one_mixture_measures_another(nacl, zincblende):
    # A halo whose scale is 5 per unit mass; NaCl scale is mass / ZMV.
    calibration = calibrate_halo((5.0 * 40, 2.0), (60 / ZMV[0], 0.0), nacl, amorphous_share=0.4)
    assert calibration.value == pytest.approx(1 / 5.0, rel=1e-5)
    assert calibration.stderr == pytest.approx(0.2 * 0.01, rel=1e-5)
    scales = np.array([30 / ZMV[0], 20 / ZMV[1], 5.0 * 50])
    found = amorphous_from_halo(
        scales, [nacl, zincblende], covar=0.01 * scales, calibration=calibration
    )
    assert found.amorphous == pytest.approx(0.5, rel=1e-5)
    assert found.weight_fraction == pytest.approx([0.3, 0.2], rel=1e-5)


def test_correlated_scales_of_the_calibration_count(nacl):
    make = [
        calibrate_halo((10.0, 0.5), (2.0, 0.1), nacl, amorphous_share=0.5, correlation=r).stderr
        for r in (-0.9, 0.0, 0.9)
    ]
    assert make[0] > make[1] > make[2]


@pytest.mark.parametrize("method", ["internal", "external", "halo"])
def test_propagated_errors_are_those_of_repeated_draws(nacl, zincblende, method):
    rng = np.random.default_rng(6)
    crystals, mu = [nacl, zincblende], [
        mass_absorption(c, wavelength="CuKa") for c in (nacl, zincblende)
    ]  # fmt: skip
    scales = np.array([55.0, 25.0, 40.0]) / np.array([*ZMV, 1.0])
    relative = np.array([[4e-4, 1e-4, -2e-4], [1e-4, 9e-4, 0.0], [-2e-4, 0.0, 2.5e-3]])
    covar = relative * np.outer(scales, scales)
    constant = 100 * (0.55 * mu[0] + 0.45 * mu[1])

    def run(s, third):
        if method == "internal":
            return amorphous_from_internal_standard(
                s[:2], crystals, covar=covar[:2, :2], standard="ZnS", weighed=(third * 0.2, 0.004),
                crystallinity=0.95,
            )  # fmt: skip
        if method == "external":
            return amorphous_from_external_standard(
                s[:2], crystals, covar=covar[:2, :2], wavelength="CuKa",
                calibration=Calibration(
                    kind="external standard", value=constant * third, stderr=0.02 * constant
                ),
                amorphous_composition={"Ta": 1, "Cl": 5},
            )  # fmt: skip
        return amorphous_from_halo(
            s, crystals, covar=covar, calibration=Calibration(kind="halo", value=third, stderr=0.02)
        )

    found = run(scales, 1.0)
    draws = rng.multivariate_normal(scales, covar, size=200)
    factors = 1.0 + 0.02 * rng.standard_normal(200)
    results = [run(s, f).amorphous for s, f in zip(draws, factors, strict=True)]
    assert found.stderr == pytest.approx(np.std(results), rel=0.15)
    assert found.detection_limit == pytest.approx(3.29 * found.stderr)


def test_less_than_nothing_amorphous_is_told(nacl, zincblende):
    scales = np.array([80.0, 20.0]) / ZMV
    found = amorphous_from_internal_standard(
        scales, [nacl, zincblende], covar=0.002 * scales, standard="ZnS", weighed=0.25
    )
    assert found.amorphous < 0
    assert any("below zero" in text for text in found.messages)


def test_an_amorphous_part_within_its_error_is_told(nacl, zincblende):
    scales = np.array([79.0, 20.0]) / ZMV
    found = amorphous_from_internal_standard(
        scales, [nacl, zincblende], covar=0.02 * scales, standard="ZnS", weighed=0.2
    )
    assert any("told from none" in text for text in found.messages)
    assert [n.name for n in found.numbers] == ["amorphous", "weight_fraction NaCl"]


def test_the_spread_over_choices_joins_the_error(nacl, zincblende):
    made = {
        f"U {factor:g}": amorphous_from_internal_standard(
            np.array([55.0 * factor, 20.0]) / ZMV, [nacl, zincblende],
            covar=0.001 * np.array([55.0, 20.0]) / ZMV, standard="ZnS", weighed=0.2,
        )
        for factor in (0.97, 1.0, 1.03)
    }  # fmt: skip
    spread = spread_over_choices(made)
    assert spread.half_range == pytest.approx(0.03 * 55 / 80, rel=1e-3)
    assert spread.total_stderr > spread.half_range / np.sqrt(3)
    assert spread.choice.tolist() == ["U 0.97", "U 1", "U 1.03"]
    with pytest.raises(BadInput, match="at least two"):
        spread_over_choices({"one": made["U 1"]})


def test_an_area_ratio_says_what_it_is():
    index = area_ratio_index(
        30.0, 10.0, covar=np.array([3.0, 1.0]), two_theta=(10, 60), background="blank subtracted"
    )
    assert index.index == pytest.approx(0.75)
    assert index.stderr == pytest.approx(0.75 * 0.25 * np.hypot(0.1, 0.1), rel=1e-4)
    assert "not a weight fraction" in index.label


def test_the_loss_of_a_series_is_relative_to_its_first_sample():
    found = crystalline_loss(
        [100.0, 50.0, 30.0], [1.0, 1.0, 1.0], samples=["0 h", "5 h", "20 h"],
        exposures=[1.0, 1.0, 2.0], halos=[0.0, 50.0, 170.0], halos_stderr=[1.0, 1.0, 2.0],
    )  # fmt: skip
    assert found.loss == pytest.approx([0.0, 0.5, 0.85])
    assert found.remaining_stderr[1] == pytest.approx(0.5 * np.hypot(0.01, 0.02))
    assert found.remaining_stderr[0] == 0.0
    assert "not a weight fraction" in found.label
    assert not any("mirror" in text for text in found.messages)


def test_a_halo_that_does_not_mirror_the_loss_is_told():
    found = crystalline_loss(
        [100.0, 80.0, 10.0], [1.0, 1.0, 1.0], samples=["0 h", "5 h", "20 h"],
        halos=[0.0, 80.0, 90.0],
    )  # fmt: skip
    assert any("5 h" in text and "mirror" in text for text in found.messages)


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda a, b: weight_fractions([1.0], [a, b], covar=np.ones(2)), "1 scales"),
        (lambda a, b: weight_fractions([], [], covar=np.empty(0)), "0 scales"),
        (lambda a, b: weight_fractions([1.0, -1.0], [a, b], covar=np.ones(2)), "scales"),
        (lambda a, b: weight_fractions([0.0, 0.0], [a, b], covar=np.ones(2)), "not all 0"),
        (lambda a, b: weight_fractions([1.0, np.nan], [a, b], covar=np.ones(2)), "scales"),
        (
            lambda a, b: weight_fractions([1.0, 1.0], [a, b], covar=np.full(2, np.nan)),
            "no standard errors",
        ),
        (
            lambda a, b: weight_fractions(
                [1.0, 1.0], [a, b], covar=np.ones(2), grain_diameters=[1, 1]
            ),
            "without a wavelength",
        ),
        (
            lambda a, b: weight_fractions(
                [1.0, 1.0], [a, b], covar=np.ones(2), grain_diameters=[1], wavelength="CuKa"
            ),
            "1 grain diameters",
        ),
        (
            lambda a, b: weight_fractions(
                [1.0, 1.0], [a, b], covar=np.ones(2), grain_diameters=[1, -1], wavelength="CuKa"
            ),
            "grains of -1",
        ),
        (
            lambda a, b: amorphous_from_internal_standard(
                [1.0, 1.0], [a, b], covar=0.01 * np.ones(2), standard="Si", weighed=0.2
            ),
            "named 'Si'",
        ),
        (
            lambda a, b: amorphous_from_internal_standard(
                [1.0, 1.0], [a, b], covar=0.01 * np.ones(2), standard="ZnS", weighed=20.0
            ),
            "not per cent",
        ),
        (
            lambda a, b: amorphous_from_internal_standard(
                [1.0, 1.0], [a, b], covar=0.01 * np.ones(2), standard="ZnS", weighed=1.0
            ),
            "below 1",
        ),
        (
            lambda a, b: amorphous_from_internal_standard(
                [1.0, 0.1], [a, b], covar=0.1 * np.ones(2), standard="ZnS", weighed=0.2
            ),
            "lines are not seen",
        ),
        (
            lambda a, b: external([1.0], [a], Calibration(kind="halo", value=1.0, stderr=0.0)),
            "kind 'halo'",
        ),
        (
            lambda a, b: external(
                [1.0],
                [b],
                Calibration(kind="external standard", value=1.0, stderr=0.0),
                amorphous_composition={"H": 2, "O": 1},
            ),
            "too large for the calibration",
        ),
        (
            lambda a, b: external(
                [1.0],
                [a],
                Calibration(kind="external standard", value=1.0, stderr=0.0),
                sample_absorption=-3.0,
            ),
            "sample_absorption -3",
        ),
        (lambda a, b: mass_absorption({}, wavelength="CuKa"), "composition"),
        (lambda a, b: mass_absorption({"Xx": 1}, wavelength="CuKa"), "no element"),
        (lambda a, b: mass_absorption({"Na": -1}, wavelength="CuKa"), "composition"),
        (lambda a, b: mass_absorption({"Na": 1}, wavelength=-1.0), "wavelength"),
        (lambda a, b: calibrate_external_standard(-1.0, a, wavelength="CuKa"), "scale -1"),
        (lambda a, b: calibrate_halo(0.0, 1.0, a, amorphous_share=0.5), "scales 0"),
        (lambda a, b: calibrate_halo(1.0, 1.0, a, amorphous_share=0.0), "amorphous_share"),
        (
            lambda a, b: calibrate_halo(1.0, 1.0, a, amorphous_share=0.5, correlation=2.0),
            "correlation 2",
        ),
        (
            lambda a, b: amorphous_from_halo(
                [1.0, 1.0],
                [a],
                covar=np.ones(2),
                calibration=Calibration(kind="external standard", value=1.0, stderr=0.0),
            ),
            "calibrate_halo",
        ),
        (
            lambda a, b: area_ratio_index(
                -1.0, 2.0, covar=np.ones(2), two_theta=(1, 2), background="b"
            ),
            "areas -1",
        ),
        (
            lambda a, b: area_ratio_index(
                1.0, 2.0, covar=np.ones(2), two_theta=(1, 2), background=" "
            ),
            "background is not named",
        ),
        (
            lambda a, b: area_ratio_index(
                1.0, 2.0, covar=np.ones(3), two_theta=(1, 2), background="b"
            ),
            "two standard errors",
        ),
        (
            lambda a, b: area_ratio_index(
                1.0, 2.0, covar=np.ones(2), two_theta=(2, 1), background="b"
            ),
            "range",
        ),
        (lambda a, b: crystalline_loss([1.0], [0.1, 0.1], samples=["a"]), "1 scales"),
        (lambda a, b: crystalline_loss([1.0], [1.0], samples=["a"]), "reference whose"),
        (
            lambda a, b: crystalline_loss([1.0], [0.1], samples=["a"], exposures=[0.0]),
            "exposures above 0",
        ),
        (
            lambda a, b: crystalline_loss([1.0], [0.1], samples=["a"], halos=[1.0, 2.0]),
            "2 halo heights",
        ),
        (lambda a, b: crystalline_loss([1.0], [0.1], samples=["a"], reference=3), "reference 3"),
    ],
)
def test_what_cannot_be_is_refused(nacl, zincblende, act, said):
    with pytest.raises(BadInput, match=said):
        act(nacl, zincblende)


def test_two_crystals_of_the_standards_name_are_refused(nacl, zincblende):
    with pytest.raises(BadInput, match="2 crystals named"):
        amorphous_from_internal_standard(
            [1.0, 1.0], [nacl, replace(zincblende, name="NaCl")], covar=0.01 * np.ones(2),
            standard="NaCl", weighed=0.2,
        )  # fmt: skip
