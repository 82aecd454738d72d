"""From simulated counts to G(r): what went in comes out, with honest errors, or a sentence."""

import re
import warnings
from dataclasses import replace
from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest

from xorder import pdf
from xorder.errors import BadInput, CannotWrite, DataWarning
from xorder.pdf.absorption import cylinder_transmission, polarization_factor
from xorder.pdf.compton import compton_scattering
from xorder.pdf.functions import gr_from_fq
from xorder.pdf.normalization import SelfScattering
from xorder.pdf.reduction import polynomial_part, reduce
from xorder.pdf.reduction_options import ReductionOptions
from xorder.references import load
from xorder.scattering import dispersion, form_factor
from xorder.structure import unit_cell_atoms

EDGE = 3.524
RHO0 = 4 / EDGE**3
WAVELENGTH = 0.1839
MU_R = 0.5
BACKGROUND_SCALE = 0.8
LEVEL = 3000.0
FIRST_PEAK = (2.2, 2.9)
EXPLICIT = {"polarization": 0.0, "absorption": "capillary", "mu_r": MU_R, "fluorescence": None}


def nickel_fq(q):
    """F(Q) of nickel: shells of neighbours, damped, transformed by a plain sum."""
    n = np.arange(-18, 19)
    lattice = np.array(np.meshgrid(n, n, n)).reshape(3, -1).T
    squares = (lattice[lattice.sum(axis=1) % 2 == 0] ** 2).sum(axis=1)
    shells, counts = np.unique(squares[(squares > 0) & (squares < 18**2)], return_counts=True)
    distances = np.sqrt(shells) * EDGE / 2
    r = np.arange(1, 3100) * 0.01
    gauss = np.exp(-((r[:, None] - distances) ** 2) / 0.02) / np.sqrt(0.02 * np.pi)
    gr = (gauss @ (counts / distances) - 4 * np.pi * RHO0 * r) * np.exp(-((0.1 * r) ** 2) / 2)
    parts = [np.sin(np.outer(part, r)) @ gr * 0.01 for part in np.array_split(q, 16)]
    return np.concatenate(parts)


@cache
def truth(points=1800):
    """Everything that makes the counts, noise left out."""
    q = np.linspace(0.6, 26.0, points)
    two_theta = 2 * np.rad2deg(np.arcsin(q * WAVELENGTH / (4 * np.pi)))
    angular = polarization_factor(two_theta) * cylinder_transmission(two_theta, mu_r=MU_R)
    fq = nickel_fq(q)
    square = np.abs(form_factor("Ni", q / (4 * np.pi)) + dispersion("Ni", WAVELENGTH)) ** 2
    electrons = square * (1 + fq / q) + compton_scattering({"Ni": 1}, q, wavelength=WAVELENGTH)
    background = 4e4 * (np.exp(-((q - 1.5) ** 2)) + 0.3 * np.exp(-q / 8) + 0.05)
    counts = 250 * angular * np.maximum(electrons, 0) + BACKGROUND_SCALE * background + LEVEL
    return SimpleNamespace(q=q, fq=fq, counts=counts, background=background)


def measured(seed=None, factor=1.0):
    """Counts and background with Poisson noise; without a seed the noise is left out."""
    t = truth()
    rng = np.random.default_rng(seed)
    counts = t.counts * factor
    background = t.background * factor
    sample = pdf.Intensity(
        q=t.q,
        intensity=counts if seed is None else rng.poisson(counts).astype(float),
        stderr=np.sqrt(counts),
        wavelength=WAVELENGTH,
        composition="Ni",
        name="simulated nickel",
        simulated=True,
    )
    empty = replace(
        sample,
        intensity=background if seed is None else rng.poisson(4 * background) / 4.0,
        stderr=np.sqrt(background / 4),
    )
    return sample, empty


def true_area(reduction):
    """Area of the first peak of the true F(Q), cut as the reduction cuts it."""
    t = truth()
    used = (t.q >= reduction.q_min - 1e-9) & (t.q <= reduction.q_max + 1e-9)
    gr = gr_from_fq(t.q[used], t.fq[used], reduction.r, low_q="linear")
    return replace(reduction, gr=gr).peak_area(*FIRST_PEAK, rho0=RHO0).value


def quiet(sample, **kwargs):
    """Reduce without warnings; they are also the messages."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        return reduce(sample, **kwargs)


def reduce_quietly(sample, background, **kwargs):
    return quiet(sample, background=background, options=ReductionOptions(**kwargs))


@pytest.mark.parametrize("seed", [None, 1, 2])
@pytest.mark.parametrize(
    "options",
    [
        ReductionOptions(normalization="low_r", rho0=RHO0, low_q="linear", **EXPLICIT),
        ReductionOptions(normalization="low_r", low_q="linear", **EXPLICIT),
        ReductionOptions(normalization="krogh_moe", rho0=RHO0, low_q="linear", **EXPLICIT),
    ],
    ids=["low_r", "low_r, density free", "krogh_moe"],
)
def test_the_area_of_the_first_peak_comes_back_where_the_scale_is_determined(options, seed):
    sample, background = measured(seed)
    reduction = reduce(sample, background=background, options=options)
    area = reduction.peak_area(*FIRST_PEAK, rho0=RHO0)
    assert area.value == pytest.approx(true_area(reduction), rel=0.02)
    # The damping of the simulated F(Q) takes 3 % of the twelve neighbours at 2.49 Å.
    assert area.value == pytest.approx(12 * 0.97, rel=0.03)
    assert reduction.scale_is_absolute
    assert reduction.number("background_scale").value == pytest.approx(BACKGROUND_SCALE, rel=0.03)
    assert reduction.number("fluorescence").value == pytest.approx(LEVEL, rel=0.03)
    assert reduction.rho0 == pytest.approx(RHO0, rel=0.1)
    assert reduction.simulated
    assert reduction.provenance is not None


def test_high_q_normalization_is_near():
    sample, background = measured(1)
    options = ReductionOptions(normalization="high_q", rho0=RHO0, low_q="linear", **EXPLICIT)
    reduction = reduce(sample, background=background, options=options)
    area = reduction.peak_area(*FIRST_PEAK).value
    assert area == pytest.approx(true_area(reduction), rel=0.04)
    assert reduction.number("high_q_mean").value == pytest.approx(1, abs=0.02)


def test_a_polynomial_gives_the_shape_and_says_that_the_scale_is_arbitrary():
    sample, background = measured(1)
    with pytest.warns(DataWarning, match="absolute scale of G\\(r\\) is arbitrary"):
        reduction = reduce(sample, background=background)
    assert not reduction.scale_is_absolute
    assert "arbitrary" in reduction.messages[0]
    assert reduction.number("scale").note == "arbitrary"
    assert reduction.peak_area(*FIRST_PEAK, rho0=RHO0).note == "the scale is arbitrary"
    t = truth()
    used = t.q <= reduction.q_max + 1e-9
    expected = gr_from_fq(t.q[used], t.fq[used], reduction.r)
    far = reduction.r > 1.5
    gr, expected = reduction.gr[far], expected[far]
    scale = (gr @ expected) / (gr @ gr)
    assert np.linalg.norm(scale * gr - expected) < 0.12 * np.linalg.norm(expected)


def test_without_its_corrections_the_scale_is_wrong():
    # The reason for the warning: nothing but the polynomial stands for Compton and the level.
    t = truth()
    sample, background = measured()
    sample = replace(sample, intensity=sample.intensity + 3 * LEVEL)
    options = ReductionOptions(background_scale=BACKGROUND_SCALE, q_min=0.6, q_max=26.0)
    reduction = quiet(sample, background=background, options=options)
    assert any("arbitrary" in message for message in reduction.messages)
    expected = gr_from_fq(t.q, t.fq, reduction.r)
    scale = (reduction.gr @ expected) / (expected @ expected)
    assert scale < 0.9


def test_a_container_has_its_own_scale():
    t = truth()
    sample, background = measured()
    glass = 5e3 * np.exp(-((t.q - 4) ** 2) / 2) + 10 * t.q
    container = replace(background, intensity=glass, stderr=np.sqrt(glass))
    sample = replace(sample, intensity=sample.intensity + 1.7 * glass)
    options = ReductionOptions(normalization="low_r", rho0=RHO0, **EXPLICIT)
    found = reduce(sample, background=background, container=container, options=options)
    assert found.number("container_scale").value == pytest.approx(1.7, rel=0.03)
    assert found.number("background_scale").value == pytest.approx(BACKGROUND_SCALE, rel=0.02)
    alone = ReductionOptions(normalization="low_r", rho0=RHO0, container_scale=0.8, **EXPLICIT)
    only, background = measured()
    reduction = reduce(only, container=background, options=alone)
    assert reduction.number("container_scale").value == 0.8


def test_a_coarser_background_serves():
    sample, background = measured()
    coarse = replace(
        background,
        q=background.q[::5],
        intensity=background.intensity[::5],
        stderr=background.stderr[::5],
    )
    options = ReductionOptions(normalization="low_r", rho0=RHO0, q_max=25.9, **EXPLICIT)
    reduction = quiet(sample, background=coarse, options=options)
    assert reduction.number("background_scale").value == pytest.approx(BACKGROUND_SCALE, rel=0.02)


@pytest.mark.parametrize("fitted", [False, True])
def test_counting_errors_cover_the_scatter_of_many_measurements(fitted):
    options = ReductionOptions(
        normalization="low_r" if fitted else "krogh_moe",
        rho0=RHO0,
        q_min=0.6,
        q_max=26.0,
        r_max=15.0,
        r_step=0.02,
        background_scale=None if fitted else BACKGROUND_SCALE,
        **EXPLICIT | {"fluorescence": None if fitted else LEVEL},
    )
    sample, background = measured()
    exact = quiet(sample, background=background, options=options)
    area = exact.peak_area(*FIRST_PEAK).value
    pulls, areas = [], []
    for seed in range(60):
        found = quiet(measured(seed)[0], background=measured(seed)[1], options=options)
        pulls.append((found.gr - exact.gr) / found.gr_stderr)
        number = found.peak_area(*FIRST_PEAK)
        areas.append((number.value - area) / number.stderr)
    used = np.array(pulls)[:, exact.r > 1.5]
    assert 0.60 < np.mean(np.abs(used) < 1) < 0.76
    assert 0.75 < np.std(areas) < 1.3
    # Neighbours move together as the covariance says.
    lag = 5
    measured_correlation = np.mean(used[:, lag:] * used[:, :-lag]) / np.mean(used**2)
    said = np.mean(np.diag(exact.covariance.correlation(), lag))
    assert measured_correlation == pytest.approx(said, abs=0.1)


def test_errors_come_from_the_scatter_where_the_file_has_none():
    sample, background = measured(4)
    options = ReductionOptions(
        background_scale=BACKGROUND_SCALE, q_min=0.6, q_max=26.0, compton=False
    )
    known = quiet(sample, background=background, options=options)
    guessed = quiet(replace(sample, stderr=None), background=background, options=options)
    ratio = np.median(guessed.gr_stderr) / np.median(known.gr_stderr)
    assert ratio == pytest.approx(1, abs=0.3)
    assert any("estimated from the scatter" in message for message in guessed.messages)


def test_the_advised_range_ends_where_noise_begins():
    strong = reduce_quietly(*measured(1, factor=30.0))
    weak = reduce_quietly(*measured(1, factor=0.03))
    assert strong.q_max == pytest.approx(26.0, abs=0.6)
    assert 6 < weak.q_max < strong.q_max - 1


def test_a_shadow_of_the_beam_stop_is_left_out():
    sample, background = measured(1)
    shadow = 1 - 0.9 * np.exp(-(((sample.q - 0.6) / 0.05) ** 2))
    spike = 1e5 * np.exp(-(((sample.q - 0.72) / 0.05) ** 2))
    hidden = replace(sample, intensity=(sample.intensity + spike) * shadow)
    reduction = reduce_quietly(hidden, background)
    assert 0.75 < reduction.q_min < 1.6


def test_the_polynomial_is_the_least_squares_fit_through_the_origin():
    q = np.linspace(0.5, 24, 700)
    fq = np.random.default_rng(2).normal(size=700) + q**2 / 20 - q
    for degree in (1, 3, 7):
        columns = np.stack([(q / 24) ** power for power in range(1, degree + 1)], axis=1)
        plain = columns @ np.linalg.lstsq(columns, fq, rcond=None)[0]
        assert polynomial_part(q, fq, degree=degree) == pytest.approx(plain, abs=1e-6)
    mixed = 0.7 * polynomial_part(q, fq, degree=3) + 0.3 * polynomial_part(q, fq, degree=4)
    assert polynomial_part(q, fq, degree=3.3) == pytest.approx(mixed)
    assert polynomial_part(q, fq, degree=0) == pytest.approx(0)


def test_window_and_range_reach_the_transform():
    sample, background = measured()
    plain = reduce_quietly(sample, background, q_max=20.0, r_max=10.0)
    smooth = reduce_quietly(sample, background, q_max=20.0, r_max=10.0, window="lorch")
    assert plain.q_max == pytest.approx(20, abs=0.02)
    assert plain.r[-1] == pytest.approx(10)
    assert smooth.gr.max() < plain.gr.max()
    pattern = plain.pair_distribution
    assert (pattern.q_max, pattern.composition, pattern.simulated) == (plain.q_max, "Ni", True)


SAMPLE, EMPTY = measured()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: reduce(replace(SAMPLE, composition="")), "the composition is missing"),
        (lambda: reduce(SAMPLE, composition="Xx2"), "composition is 'Xx2'"),
        (lambda: reduce(SAMPLE, composition="42"), "composition is '42'"),
        (lambda: reduce(replace(SAMPLE, radiation="neutron")), "of neutrons"),
        (lambda: replace(SAMPLE, q=SAMPLE.q * 10), "looks like nm⁻¹"),
        (lambda: replace(SAMPLE, q=SAMPLE.q * 10, wavelength=np.nan), "looks like nm⁻¹"),
        (lambda: reduce(SAMPLE, wavelength=1.54), "wavelength of 1.54"),
        (lambda: reduce(SAMPLE, wavelength=-1.0), "wavelength is -1"),
        (lambda: reduce(SAMPLE, options=ReductionOptions(q_max=30.0)), "data end at 26"),
        (lambda: reduce(SAMPLE, options=ReductionOptions(q_max_inst=30.0)), "q_max_inst is 30"),
        (lambda: reduce(SAMPLE, options=ReductionOptions(q_min=25.9, q_max=26.0)), "points lie"),
        (lambda: reduce(SAMPLE, options=ReductionOptions(q_min=0.1, q_max=0.5)), "no data lie"),
        (lambda: reduce(replace(SAMPLE, intensity=SAMPLE.intensity - 2e4)), "are negative"),
        (lambda: reduce(replace(SAMPLE, intensity=-SAMPLE.intensity)), "are negative"),
        (lambda: replace(SAMPLE, intensity=SAMPLE.intensity[:-1]), "one value a point"),
        (lambda: replace(SAMPLE, intensity=SAMPLE.intensity * np.nan), "finite values"),
        (lambda: replace(SAMPLE, stderr=-SAMPLE.stderr), "standard errors of zero or more"),
        (lambda: replace(SAMPLE, q=SAMPLE.q[::-1]), "ascending Q"),
        (lambda: replace(SAMPLE, q=SAMPLE.q - 1), "positive Q"),
        (lambda: reduce(SAMPLE, background=part(EMPTY, 300)), "the background covers Q"),
        (lambda: reduce(SAMPLE, container=part(EMPTY, 300)), "the container covers Q"),
        (
            lambda: reduce(
                replace(SAMPLE, wavelength=np.nan), options=ReductionOptions(polarization=0.0)
            ),
            "the wavelength is missing",
        ),
        (
            lambda: reduce(SAMPLE, background=replace(EMPTY, intensity=0 * EMPTY.intensity)),
            "zeros has no scale",
        ),
        (
            lambda: reduce(
                SAMPLE,
                background=EMPTY,
                container=EMPTY,
                options=ReductionOptions(normalization="low_r"),
            ),
            "multiples of each other",
        ),
        (
            lambda: reduce(
                SAMPLE, background=EMPTY, options=ReductionOptions(background_scale=50.0)
            ),
            "gives a scale",
        ),
        (
            lambda: reduce(
                SAMPLE,
                background=EMPTY,
                options=ReductionOptions(normalization="low_r", q_max=5.0, r_cut=0.4),
            ),
            "independent distances below r_cut",
        ),
        (lambda: ReductionOptions(normalization="magic"), "normalization is 'magic'"),
        (lambda: ReductionOptions(q_min=5.0, q_max=4.0), "q_min < q_max"),
        (lambda: ReductionOptions(r_min=5.0, r_max=4.0), "r_min < r_max"),
        (lambda: ReductionOptions(r_step=0.0), "r_step is 0"),
        (lambda: ReductionOptions(absorption="capillary"), "a positive mu_r"),
        (lambda: ReductionOptions(mu_r=1.0), "absorption is 'none'"),
        (lambda: ReductionOptions(normalization="krogh_moe"), "rho0 is missing"),
        (lambda: ReductionOptions(polarization=float("nan")), "polarization is nan"),
        (lambda: ReductionOptions(rho0=-0.1), r"rho0 is -0\.1"),
        (lambda: ReductionOptions(q_max="25"), "q_max is '25'"),
        (lambda: replace(SAMPLE, radiation="light"), "radiation is 'light'"),
    ],
)
def test_what_cannot_be_reduced_is_said(call, message):
    with pytest.raises(BadInput, match=message):
        call()


def part(intensity, count):
    return replace(
        intensity,
        q=intensity.q[:count],
        intensity=intensity.intensity[:count],
        stderr=intensity.stderr[:count],
    )


def with_gap(*intensities):
    kept = np.r_[0:600, 700:1800]
    return [
        replace(i, q=i.q[kept], intensity=i.intensity[kept], stderr=i.stderr[kept])
        for i in intensities
    ]


@pytest.mark.parametrize(
    ("sample", "kwargs", "message"),
    [
        (lambda: measured(1, factor=0.03), {"q_max": 26.0}, "is noise above Q"),
        (lambda: measured(1), {"normalization": "low_r", "compton": False}, "Compton .* left in"),
        (lambda: measured(1), {"normalization": "low_r", "r_cut": 4.0}, "r_cut is too large"),
        (lambda: measured(1), {"background_scale": 1.2}, "too large"),
        (lambda: measured(1), {"r_max": 900.0, "r_step": 0.1}, "steps of Q"),
        (
            lambda: measured(1),
            {"normalization": "low_r", "background_scale": 0.8},
            "on average over the upper half",
        ),
        (lambda: with_gap(*measured(1)), {"background_scale": 0.8}, r"gap of 1\.4.* after Q"),
        (
            lambda: measured(1),
            {"normalization": "krogh_moe", "rho0": RHO0, "background_scale": 0.0},
            "a correction is missing",
        ),
    ],
)
def test_what_is_doubtful_is_said(sample, kwargs, message):
    data, background = sample()
    with pytest.warns(DataWarning) as caught:
        reduction = reduce(data, background=background, options=ReductionOptions(**kwargs))
    assert any(re.search(message, text) for text in reduction.messages)
    assert len(caught) == len(reduction.messages)


def test_without_a_wavelength_compton_scattering_has_no_recoil_and_that_is_said():
    sample, background = measured(1)
    options = ReductionOptions(normalization="low_r", rho0=RHO0)
    reduction = quiet(replace(sample, wavelength=np.nan), background=background, options=options)
    assert any("without recoil" in message for message in reduction.messages)


def test_limits_of_a_peak_must_lie_in_the_range():
    reduction = reduce_quietly(SAMPLE, EMPTY, r_max=5.0)
    with pytest.raises(BadInput, match="limits 4 to 6"):
        reduction.peak_area(4.0, 6.0, rho0=RHO0)
    with pytest.raises(BadInput, match="rho0 is unknown"):
        reduction.peak_area(2.0, 3.0)
    with pytest.raises(BadInput, match="no number 'magic'"):
        reduction.number("magic")


def test_every_function_is_written_and_reads_back(tmp_path):
    reduction = reduce_quietly(SAMPLE, EMPTY, r_max=5.0, background_scale=0.8)
    paths = pdf.write_reduction(tmp_path / "nickel", reduction)
    assert [path.name for path in paths] == ["nickel.iq", "nickel.sq", "nickel.fq", "nickel.gr"]
    intensity = pdf.read_iq(paths[0])
    assert np.array_equal(intensity.q, reduction.q)
    assert np.array_equal(intensity.intensity, reduction.iq)
    assert (intensity.composition, intensity.simulated) == ("Ni", True)
    assert intensity.wavelength == WAVELENGTH
    for path, values in ((paths[1], reduction.sq), (paths[2], reduction.fq)):
        function = pdf.read_sq(path)
        assert np.array_equal(function.values, values)
        assert function.stderr is not None
    assert np.array_equal(pdf.read(paths[3]).gr, reduction.gr)
    with pytest.raises(BadInput, match="kinds names 'xq'"):
        pdf.write_reduction(tmp_path / "nickel", reduction, kinds=["xq"])
    (tmp_path / "none").write_text("in the way")
    with pytest.raises(CannotWrite):
        pdf.write_reduction(tmp_path / "none" / "nickel", reduction)


@pytest.mark.parametrize("rho0_known", [True, False])
def test_several_elements_with_their_own_form_factors_keep_the_scale(rho0_known):
    crystal = load("LaCl3")
    atoms = unit_cell_atoms(crystal)
    rho0 = float(np.sum(atoms.occupancy)) / atoms.volume
    q = truth().q
    r = np.arange(0.0, 60.0, 0.02)
    model = pdf.calculate_gr(
        crystal, r=r, q_max=45.0, qdamp=0.07, uiso=0.008, form_factors="exact",
        wavelength=WAVELENGTH,
    )  # fmt: skip
    fq = pdf.fq_from_gr(r, model.gr, q)
    amounts = {"La": 1.0, "Cl": 3.0}
    compton = compton_scattering(amounts, q, wavelength=WAVELENGTH)
    own = SelfScattering.of(amounts, q, compton, WAVELENGTH)
    counts = 300 * (own.total + own.mean_f_squared * fq / q) + LEVEL
    data = pdf.Intensity(
        q=q,
        intensity=np.random.default_rng(3).poisson(np.maximum(counts, 0)).astype(float),
        stderr=np.sqrt(np.maximum(counts, 1)),
        wavelength=WAVELENGTH,
        simulated=True,
    )
    options = ReductionOptions(
        normalization="low_r",
        rho0=rho0 if rho0_known else None,
        low_q="linear",
        fluorescence=None,
    )
    reduction = quiet(data, composition="LaCl3", options=options)
    assert reduction.scale == pytest.approx(1 / 300, rel=0.01)
    assert reduction.rho0 == pytest.approx(rho0, rel=0.05)
