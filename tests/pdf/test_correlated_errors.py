"""Standard errors of fits where the noise of neighbouring points is correlated."""

import math
from dataclasses import replace

import numpy as np
import pytest

from xorder import pdf
from xorder.errors import BadInput
from xorder.pdf.correlated_errors import Linear, expected_square, influence, noise_of
from xorder.pdf.functions import gr_covariance_from_fq, noise_from_fq
from xorder.pdf.noise import NoiseSpectrum, flat_noise
from xorder.threads import one_thread

Q_MAX = 22.0
R = 1.9 + math.pi / Q_MAX * np.arange(130)
#: Power of the noise over Q relative to Qmax, for each kind.
KINDS = {
    "flat": lambda x: np.ones_like(x),
    "rising": lambda x: x**2,
    "falling": lambda x: 1.0 / (0.1 + x),
}


def spectrum(kind, sigma=0.1):
    q = (np.arange(600) + 0.5) * Q_MAX / 600
    power = KINDS[kind](q / Q_MAX)
    return NoiseSpectrum(q=q, power=2.0 * sigma**2 * power / power.sum())


def crystal_like(width=0.12):
    """Derivatives of scale, width and cell of a sum of peaks on their mean density."""
    peaks = 2.5 * np.sqrt(np.arange(1, 60))
    apart = R[:, None] - peaks
    each = np.exp(-0.5 * (apart / width) ** 2) / peaks
    columns = np.stack(
        [each.sum(axis=1), (each * (apart**2 - 0.0144) * 50).sum(axis=1),
         (each * apart * peaks).sum(axis=1)], axis=1,
    )  # fmt: skip
    near = np.exp(-0.5 * (R[:, None] - R) ** 2)
    return columns - near @ columns / near.sum(axis=1, keepdims=True)


def linear(noise, jacobian, **changes):
    """A fit of a linear model to that noise."""
    found = -np.linalg.lstsq(jacobian, noise, rcond=None)[0]
    one = Linear(
        r=R, sigma=np.ones(len(R)), residual=noise + jacobian @ found,
        model=-jacobian @ np.array([1.0, 0.0, 0.0]), jacobian=jacobian, names=("a", "b", "c"),
        n_independent=float(len(R)), q_max=Q_MAX, counting=None,
    )  # fmt: skip
    return replace(one, **changes), found


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("told", [True, False])
def test_errors_are_the_scatter_of_repeated_fits(kind, told):
    generator, truth, jacobian = np.random.default_rng(1), spectrum(kind), crystal_like()
    found, errors = [], []
    for _ in range(60):
        noise = truth.waves(R) @ generator.normal(size=len(truth.q))
        one, values = linear(noise, jacobian, counting=truth if told else None)
        with one_thread():
            waves = influence([one], [noise_of(one)])
        found.append(values)
        errors.append(np.sqrt(np.sum(waves**2, axis=1)))
    pulls = np.array(found) / np.array(errors)
    np.testing.assert_allclose(np.sqrt(np.mean(pulls**2, axis=0)), 1.0, atol=0.3)
    assert 0.58 < np.mean(np.abs(pulls) < 1.0) < 0.78


def test_points_taken_as_independent_make_errors_of_rising_noise_too_large():
    truth, jacobian = spectrum("rising"), crystal_like()
    waves = influence([linear(np.zeros(len(R)), jacobian)[0]], [truth])
    right = np.sqrt(np.sum(waves**2, axis=1))
    naive = 0.1 * np.sqrt(np.diag(np.linalg.inv(jacobian.T @ jacobian)))
    # The scale lives at low Q, where there is little of this noise.
    assert naive[0] > 1.3 * right[0]


def test_a_residual_that_follows_the_model_is_misfit():
    jacobian = crystal_like()
    # Peaks of two widths, fitted with one.
    misfit = crystal_like(0.05)[:, 0] + 0.01 * np.random.default_rng(0).normal(size=len(R))
    one, _ = linear(misfit, jacobian)
    noise = noise_of(one)
    assert noise.source == "model"
    flat = flat_noise(Q_MAX, float(R[-1]))
    flat = flat.scaled(float(one.residual @ one.residual) / expected_square(one, flat))
    larger, independent = (np.sum(influence([one], [n]) ** 2, axis=1) for n in (noise, flat))
    assert np.all(larger >= 0.999 * independent)


def test_more_misfit_than_counting_explains_is_counted():
    truth, jacobian = spectrum("flat", 0.01), crystal_like()
    one, _ = linear(crystal_like(0.05)[:, 0], jacobian, counting=truth)
    noise = noise_of(one)
    assert noise.source == "model"
    assert noise.power.sum() > 3 * truth.power.sum()


def test_counting_noise_of_a_reduction_is_its_covariance():
    q = np.linspace(0.6, Q_MAX, 900)
    stderr = 0.01 + 0.002 * q
    r = 0.05 * np.arange(1, 200)
    waves = noise_from_fq(q, stderr).waves(r)
    np.testing.assert_allclose(
        waves @ waves.T, gr_covariance_from_fq(q, stderr, r).matrix(), atol=1e-9
    )


def test_white_noise_of_variance_one_is_that_at_every_distance():
    waves = flat_noise(Q_MAX, 20.0).waves(R)
    covariance = waves @ waves.T
    np.testing.assert_allclose(np.diag(covariance), 1.0, atol=0.03)
    assert np.abs(covariance - np.diag(np.diag(covariance)))[:, :100].max() < 0.05


@pytest.mark.parametrize("told", [True, False])
def test_true_fractions_lie_within_the_errors_of_windows(made, told):
    # Noise that rises with Q; what the windows hold comes from the whole range with its errors.
    phases = {"Ni": made.nickel(), "NaCl": made.rock_salt()}
    r = 0.02 * np.arange(1, 851)
    options = pdf.RefinementOptions(refine_qdamp=False, correlation="none")
    pulls, off = [], []
    for seed in range(5):
        truth = np.random.default_rng(500 + seed).uniform(0.1, 0.9)
        parts = [
            pdf.SimulatedPhase(crystal=crystal, mass_fraction=mass, uiso=0.012)
            for crystal, mass in zip(phases.values(), (truth, 1 - truth), strict=True)
        ]
        data = pdf.simulate_gr(parts, r=r, q_max=22.0, noise=0.1, seed=seed)
        data = data if told else replace(data, noise=None)
        box = pdf.fit_boxcar(
            data, phases, width=6.0, step=6.0, r_range=(1.7, 14.0), options=options
        )
        pulls += ((box.mass_fraction[:, 0] - truth) / box.mass_stderr[:, 0]).tolist()
        off += (box.mass_fraction[:, 0] - truth).tolist()
    assert abs(np.mean(off)) < 0.02
    assert 0.55 < np.sqrt(np.mean(np.square(pulls))) < 1.55


def test_fading_scales_tell_the_size_of_domains(made):
    phases = {"Ni": made.nickel(), "NaCl": made.rock_salt()}
    parts = [
        pdf.SimulatedPhase(
            crystal=phases["Ni"], mass_fraction=0.4, uiso=0.006, sphere_diameter=15.0
        ),
        pdf.SimulatedPhase(crystal=phases["NaCl"], mass_fraction=0.6, uiso=0.015),
    ]
    r = 0.02 * np.arange(1, 1251)
    data = pdf.simulate_gr(parts, r=r, q_max=22.0, noise=0.03, seed=3)
    options = pdf.RefinementOptions(refine_qdamp=False, correlation="none", sphere_diameter=40.0)
    whole = pdf.refine(data, phases, r_range=(1.7, 24.0), options=options)
    box = pdf.fit_boxcar(data, phases, whole=whole, free=("scale*",), fading=True)
    length = pdf.order_length(box, phase="Ni", draws=100)
    assert length.diameter == pytest.approx(15.0, rel=0.15)
    assert abs(length.diameter - 15.0) < 4 * length.diameter_stderr
    assert length.zero == pytest.approx(15.0, rel=0.25)


def jumbled(made, seed):
    """A simulated glass: nickel atoms of a large cell, each moved at random."""
    generator = np.random.default_rng(seed)
    places = np.array([[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 4
    cells = np.stack(np.meshgrid([0, 0.5], [0, 0.5], [0, 0.5]), axis=-1).reshape(-1, 1, 3)
    xyz = (cells + places).reshape(-1, 3)
    xyz = xyz + generator.normal(0.0, 0.35 / 7.2, xyz.shape)
    sites = [made.site(f"Ni{i}", "Ni", place, uiso=0.01) for i, place in enumerate(xyz)]
    return made.crystal("glass", [7.2, 7.2, 7.2, 90, 90, 90], sites)


def test_a_glass_known_from_packings_counts_how_they_differ(made):
    # Truth is the mean of many packings, the model one of them: what is wrong with it is no noise.
    nickel, r = made.nickel(), 0.02 * np.arange(1, 601)
    kept = {"q_max": 22.0, "qdamp": 0.04, "uiso": 0.01}
    truth = np.mean([pdf.calculate_gr(jumbled(made, k), r=r, **kept).gr for k in range(24)], axis=0)
    crystal = pdf.calculate_gr(nickel, r=r, **kept).gr
    others = {"glass": [jumbled(made, 100 + k) for k in range(8)]}
    options = pdf.RefinementOptions(refine_qdamp=False, refine_cell=False, correlation="none")
    off, told, untold = [], [], []
    for seed in range(4):
        share = np.random.default_rng(700 + seed).uniform(0.2, 0.8)
        noise = 0.02 * np.random.default_rng(seed).normal(size=len(r))
        data = pdf.PairDistribution(
            r=r, gr=share * crystal + (1 - share) * truth + noise, q_max=22.0, qdamp=0.04,
            simulated=True,
        )  # fmt: skip
        phases = {"Ni": nickel, "glass": jumbled(made, 200 + seed)}
        whole = pdf.refine(data, phases, r_range=(1.7, 10.0), options=options)
        common = {"whole": whole, "width": 4.0, "step": 4.0}
        box = pdf.fit_boxcar(data, phases, alternatives=others, **common)
        off += (box.mass_fraction[:, 0] - share).tolist()
        told += box.mass_stderr[:, 0].tolist()
        untold += pdf.fit_boxcar(data, phases, **common).mass_stderr[:, 0].tolist()
    assert 0.5 < np.sqrt(np.mean(np.square(off) / np.square(told))) < 1.5
    assert np.mean(told) > 1.1 * np.mean(untold)


def test_alternatives_that_are_none_are_refused(made):
    phases = {"Ni": made.nickel(), "NaCl": made.rock_salt()}
    r = 0.02 * np.arange(1, 501)
    data = pdf.simulate_gr(
        [pdf.SimulatedPhase(crystal=c, mass_fraction=0.5) for c in phases.values()], r=r, q_max=22.0
    )
    for alternatives, message in (
        ({"Co": [made.nickel()]}, "alternatives are given for 'Co'"),
        ({"Ni": []}, "has no alternatives"),
        ({"Ni": [made.rock_salt()]}, "Ni 1 holds Cl, Na|Ni_1 holds Cl, Na"),
    ):
        with pytest.raises(BadInput, match=message):
            pdf.fit_boxcar(data, phases, r_range=(1.7, 9.0), alternatives=alternatives)
