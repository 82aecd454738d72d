"""Size and strain put into simulated lines come out again, with errors that hold."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import voigt_profile

from xorder.diffraction import (
    PeakTable,
    Profile,
    double_voigt,
    make_pattern,
    remove_instrument,
    resolution_from_profile,
    resolution_from_standard,
    scherrer_sizes,
    simulate,
    track_peaks,
    williamson_hall,
)
from xorder.diffraction.linear_fits import LinearModel, fit_linear
from xorder.diffraction.profiles import fwhm_from_size, fwhm_from_strain, tch_from_widths
from xorder.diffraction.voigt_widths import parts_from_fwhm, voigt_breadth, voigt_fwhm
from xorder.errors import BadInput
from xorder.fitting import numeric_jacobian
from xorder.structure import Crystal, Site

CU = 1.540593
INSTRUMENT = Profile(u=0.002, v=-0.002, w=0.0036, x=0.01, y=0.03)
#: Instrument of the comparison of textbook corrections: G 0.060°, L 0.035° at 27°.
AT_27 = Profile(w=0.060**2, y=0.035 * np.cos(np.deg2rad(13.5)))
ANGLES = np.array([27.0, 32.0, 45.5, 56.5, 66.2, 75.3])


def table_of(gauss, lorentz, two_theta=ANGLES, *, error=0.01, planes=None, sample="s", noise=None):
    """Return a table of lines whose widths have a relative error."""
    two_theta = np.asarray(two_theta, dtype=float)
    fwhm, eta = tch_from_widths(np.asarray(gauss), np.asarray(lorentz))
    count = len(two_theta)
    if noise is not None:
        fwhm = fwhm * (1 + error * noise.standard_normal(count))
        eta = np.clip(eta + 3 * error * noise.standard_normal(count), 0, 1)
    names = planes or [f"{n} 0 0" for n in range(1, count + 1)]
    blank = {
        name: np.full(count, np.nan)
        for name in ("area", "area_stderr", "area_limit", "background", "redchi")
    }
    return PeakTable(
        plane=np.array(names),
        sample=np.full(count, sample),
        two_theta=two_theta,
        two_theta_stderr=np.full(count, 1e-3),
        two_theta_calculated=two_theta,
        d=CU / (2 * np.sin(np.deg2rad(two_theta) / 2)),
        fwhm=fwhm,
        fwhm_stderr=error * fwhm,
        eta=eta,
        eta_stderr=np.full(count, 3 * error),
        overlapped=np.zeros(count, bool),
        lost=np.zeros(count, bool),
        success=np.ones(count, bool),
        message=np.full(count, ""),
        **blank,
    )


def broadened(size=None, strain=0.0, *, profile=INSTRUMENT, gauss_size=None, **kwargs):
    two_theta = np.asarray(kwargs.get("two_theta", ANGLES), dtype=float)
    gauss, lorentz = profile.widths(two_theta)
    if size is not None:
        lorentz = lorentz + fwhm_from_size(two_theta, size=size, wavelength=CU)
    if gauss_size is not None:
        own = fwhm_from_size(two_theta, size=gauss_size, wavelength=CU)
        gauss = np.hypot(gauss, own)
    return table_of(gauss, lorentz + fwhm_from_strain(two_theta, strain=strain), **kwargs)


@pytest.mark.parametrize("ratio", [0.0, 1e-3, 0.1, 1.0, 10.0, 1e3])
def test_parts_of_a_line_are_found_from_its_width_and_shape(ratio):
    gauss, lorentz = np.array([0.1]), np.array([0.1 * ratio])
    found = parts_from_fwhm(*tch_from_widths(gauss, lorentz))
    assert found[0] == pytest.approx(lorentz, rel=1e-9, abs=1e-12)
    assert np.sqrt(found[1]) == pytest.approx(gauss, rel=2e-6)


def test_a_line_of_unit_eta_is_lorentzian():
    lorentz, square, _ = parts_from_fwhm(np.array([0.2]), np.array([1.0]))
    assert lorentz[0] == pytest.approx(0.2)
    assert square[0] == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("eta", [0.05, 0.5, 0.95])
def test_slopes_of_the_parts_are_those_of_differences(eta):
    start = np.array([0.2, eta])
    slopes = parts_from_fwhm(*start[:, None])[2][0]
    for column, step in enumerate(np.eye(2) * 1e-6):
        up, down = (parts_from_fwhm(*(start + sign * step)[:, None]) for sign in (1, -1))
        numeric = [(up[i][0] - down[i][0]) / 2e-6 for i in (0, 1)]
        assert slopes[:, column] == pytest.approx(numeric, rel=1e-4, abs=1e-8)


@pytest.mark.parametrize(("lorentz", "gauss"), [(0.3, 1.0), (1.0, 1.0), (3.0, 1.0), (70.0, 1.0)])
def test_the_breadth_of_a_voigt_is_its_area_over_its_height(lorentz, gauss):
    # BETA = area / height; scipy's profile has unit area, sigma and half width as parameters.
    sigma = gauss / np.sqrt(2 * np.pi)
    height = voigt_profile(0.0, sigma, lorentz / np.pi)
    breadth, slopes = voigt_breadth(np.array([lorentz]), np.array([gauss**2]))
    assert breadth[0] == pytest.approx(1 / height, rel=1e-6)
    for column, step in enumerate(np.eye(2) * 1e-5):
        up, down = (
            voigt_breadth(*(np.array([lorentz, gauss**2]) + sign * step)[:, None])[0][0]
            for sign in (1, -1)
        )
        assert slopes[0, column] == pytest.approx((up - down) / 2e-5, rel=1e-3)


def test_the_breadth_of_pure_parts_is_their_own():
    breadth, slopes = voigt_breadth(np.array([0.5, 0.0, 0.0]), np.array([0.0, 0.25, 0.0]))
    assert breadth == pytest.approx([0.5, 0.5, 0.0])
    assert np.isfinite(slopes[:2]).all()


def test_slopes_of_the_width_are_those_of_differences():
    start = np.array([0.1, 0.02])
    slopes = voigt_fwhm(*start[:, None])[1][0]
    for column, step in enumerate(np.eye(2) * 1e-7):
        up, down = (voigt_fwhm(*(start + sign * step)[:, None])[0][0] for sign in (1, -1))
        assert slopes[column] == pytest.approx((up - down) / 2e-7, rel=1e-5)


@pytest.mark.parametrize("shape", ["voigt", "lorentzian"])
@pytest.mark.parametrize("size", [2000.0, 500.0, 200.0, 100.0])
def test_the_instrument_is_taken_out_where_textbook_subtraction_fails(size, shape):
    table = broadened(size, profile=AT_27)
    found = scherrer_sizes(
        remove_instrument(table, instrument=resolution_from_profile(AT_27), shape=shape)
    )
    assert found.size == pytest.approx(np.full(len(ANGLES), size), rel=1e-5)
    own = AT_27.widths(ANGLES)
    plain = table.fwhm - tch_from_widths(*own)[0]
    linear = np.rad2deg(0.9 * CU / (plain * np.cos(np.deg2rad(ANGLES / 2))))
    assert size < 500 or abs(linear[0] / size - 1) > 0.15


def test_gaussian_broadening_is_taken_out_in_square():
    table = broadened(gauss_size=300.0)
    for shape in ("voigt", "gaussian"):
        widths = remove_instrument(
            table, instrument=resolution_from_profile(INSTRUMENT), shape=shape
        )
        assert scherrer_sizes(widths).size == pytest.approx(np.full(6, 300.0), rel=1e-4)


def test_the_integral_breadth_gives_the_column_length():
    widths = remove_instrument(broadened(300.0), instrument=resolution_from_profile(INSTRUMENT))
    # K = 0.9 for the FWHM of a Lorentzian is K = 0.9 π/2 for its integral breadth.
    found = scherrer_sizes(widths, width="beta")
    assert found.size == pytest.approx(np.full(6, 300.0 / (0.9 * np.pi / 2)), rel=1e-5)
    assert scherrer_sizes(widths, width="beta", shape_factor=0.9 * np.pi / 2).size == pytest.approx(
        np.full(6, 300.0), rel=1e-5
    )


def test_the_resolution_of_a_standard_is_its_caglioti_curve():
    angles = np.linspace(20, 120, 9)
    table = table_of(*INSTRUMENT.widths(angles), angles)
    curve = resolution_from_standard(table)
    truth = [INSTRUMENT.u, INSTRUMENT.v, INSTRUMENT.w, INSTRUMENT.x, INSTRUMENT.y]
    assert curve.values == pytest.approx(truth, abs=1e-6)
    assert curve.profile.widths(angles)[0] == pytest.approx(INSTRUMENT.widths(angles)[0], rel=1e-4)
    assert curve.fwhm(angles) == pytest.approx(table.fwhm, rel=1e-4)


def test_an_interpolated_resolution_goes_through_the_standard_and_not_beyond():
    angles = np.linspace(20, 80, 7)
    table = table_of(*INSTRUMENT.widths(angles), angles)
    curve = resolution_from_standard(table, method="interpolation")
    assert curve.fwhm(angles) == pytest.approx(table.fwhm, rel=1e-6)
    with pytest.raises(BadInput, match=r"outside the standard's 20\.00 to 80\.00"):
        curve.fwhm(np.array([85.0]))
    with pytest.raises(BadInput, match="no U, V, W"):
        _ = curve.profile


def test_the_size_of_the_standard_is_taken_out():
    angles = np.linspace(20, 120, 9)
    gauss, lorentz = INSTRUMENT.widths(angles)
    own = fwhm_from_size(angles, size=8000.0, wavelength=CU)
    curve = resolution_from_standard(table_of(gauss, lorentz + own, angles), standard_size=8000.0)
    assert curve.values[4] == pytest.approx(INSTRUMENT.y, abs=1e-5)


def test_errors_of_the_curve_and_of_sizes_are_those_of_repeats():
    rng = np.random.default_rng(2)
    angles = np.linspace(20, 120, 9)
    gauss, lorentz = INSTRUMENT.widths(angles)
    sizes, errors = [], []
    for _ in range(60):
        standard = table_of(gauss, lorentz, angles, error=0.01, noise=rng)
        curve = resolution_from_standard(standard)
        sample = broadened(600.0, error=0.02, noise=rng)
        found = scherrer_sizes(remove_instrument(sample, instrument=curve, shape="lorentzian"))
        sizes.append(found.size)
        errors.append(found.size_stderr)
    scatter = np.std(sizes, axis=0, ddof=1)
    assert np.mean(errors, axis=0) == pytest.approx(scatter, rel=0.25)
    assert np.mean(sizes, axis=0) == pytest.approx(np.full(6, 600.0), rel=0.03)


@pytest.mark.parametrize(
    ("size", "strain"), [(300.0, 0.0), (300.0, 0.002), (100.0, 0.005), (1e9, 0.003)]
)
@pytest.mark.parametrize(("width", "factor"), [("fwhm", 1.0), ("beta", np.pi / 2)])
def test_williamson_and_hall_find_lorentzian_size_and_strain(size, strain, width, factor):
    widths = remove_instrument(
        broadened(size, strain), instrument=resolution_from_profile(INSTRUMENT)
    )
    found = williamson_hall(widths, width=width, shape_factor=0.9 * factor)
    assert found.strain == pytest.approx(factor * strain, abs=2e-6)
    if size < 1e6:
        assert found.size == pytest.approx(size, rel=1e-3)
    else:
        assert np.isnan(found.size)
        assert found.size_limit > 500
    assert not found.outlier.any()


def test_williamson_and_hall_in_squares_find_gaussian_broadening():
    profile = replace(INSTRUMENT, x=0.0, y=1e-6)
    gauss, _ = profile.widths(ANGLES)
    own = np.hypot(
        fwhm_from_size(ANGLES, size=250.0, wavelength=CU), fwhm_from_strain(ANGLES, strain=0.002)
    )
    table = table_of(np.hypot(gauss, own), np.full(6, 1e-9))
    widths = remove_instrument(table, instrument=resolution_from_profile(profile), shape="gaussian")
    found = williamson_hall(widths, width="fwhm", addition="quadratic")
    assert found.size == pytest.approx(250.0, rel=1e-3)
    assert found.strain == pytest.approx(0.002, rel=1e-3)


def test_true_size_and_strain_lie_inside_one_error_as_often_as_they_should():
    rng = np.random.default_rng(8)
    angles = np.linspace(20, 120, 9)
    curve = resolution_from_standard(table_of(*INSTRUMENT.widths(angles), angles, error=0.002))
    inside = []
    for _ in range(80):
        widths = remove_instrument(broadened(250.0, 0.003, error=0.02, noise=rng), instrument=curve)
        found = williamson_hall(widths, width="fwhm")
        voigt = double_voigt(widths)
        inside.append(
            [
                abs(found.size - 250.0) < found.size_stderr,
                abs(found.strain - 0.003) < found.strain_stderr,
                abs(voigt.strain - 0.003 * np.pi / 2) < voigt.strain_stderr,
            ]
        )
    share = np.mean(inside, axis=0)
    assert np.all(share > 0.58)
    assert np.all(share < 0.85)


def test_double_voigt_finds_all_four_parts():
    gauss, lorentz = INSTRUMENT.widths(ANGLES)
    size = fwhm_from_size(ANGLES, size=300.0, wavelength=CU)
    strain = fwhm_from_strain(ANGLES, strain=0.002)
    table = table_of(
        np.sqrt(gauss**2 + (0.8 * size) ** 2 + strain**2), lorentz + size + 0.5 * strain
    )
    found = double_voigt(remove_instrument(table, instrument=resolution_from_profile(INSTRUMENT)))
    # β of a Lorentzian is π/2 FWHM, of a Gaussian √(π / ln 2) / 2 FWHM.
    in_lorentz, in_gauss = np.pi / 2, np.sqrt(np.pi / np.log(2)) / 2
    expected = [in_lorentz * 0.9 / 300, in_lorentz * 0.002,
                (in_gauss * 0.72 / 300) ** 2, (in_gauss * 0.004) ** 2]  # fmt: skip
    assert found.parts == pytest.approx(expected, rel=1e-4)
    assert found.area_size == pytest.approx(0.5 / expected[0], rel=1e-4)
    height = voigt_profile(0, np.sqrt(expected[2] / (2 * np.pi)), expected[0] / np.pi)
    assert found.volume_size == pytest.approx(height, rel=1e-4)
    assert found.volume_size > found.area_size


def test_a_direction_of_its_own_is_flagged():
    angles = np.array([20.0, 41.0, 63.0, 25.0, 52.0, 30.0])
    planes = ["1 0 0", "2 0 0", "3 0 0", "0 1 0", "0 2 0", "0 0 1"]
    gauss, lorentz = INSTRUMENT.widths(angles)
    size = np.array([300.0] * 3 + [80.0] * 2 + [300.0])
    extra = [
        float(fwhm_from_size(np.array(t), size=d, wavelength=CU))
        for t, d in zip(angles, size, strict=True)
    ]
    table = table_of(gauss, lorentz + extra, angles, planes=planes, error=0.02)
    found = williamson_hall(
        remove_instrument(table, instrument=resolution_from_profile(INSTRUMENT))
    )
    assert found.outlier[3:5].all()
    assert any("[0 1 0]" in text and "direction" in text for text in found.messages)
    assert any("scatter" in text for text in found.messages)


def test_symmetry_makes_directions_one(nacl):
    angles = np.array([31.7, 66.2, 45.4])
    table = broadened(300.0, two_theta=angles, planes=["2 0 0", "0 0 4", "2 2 0"])
    widths = remove_instrument(table, instrument=resolution_from_profile(INSTRUMENT))
    assert len(set(williamson_hall(widths).family)) == 3
    assert len(set(williamson_hall(widths, crystal=nacl).family)) == 2


def test_lines_as_narrow_as_the_instrument_have_a_limit_only():
    table = broadened(None, error=0.02)
    found = scherrer_sizes(remove_instrument(table, instrument=resolution_from_profile(INSTRUMENT)))
    assert np.isnan(found.size).all()
    assert np.all(found.size_limit > 300)


def test_lines_narrower_than_the_standard_are_told():
    table = broadened(None)
    wide = replace(INSTRUMENT, y=0.08)
    widths = remove_instrument(table, instrument=resolution_from_profile(wide))
    assert any("narrower than the instrument" in text for text in widths.messages)
    assert np.all(widths.fwhm == 0) or np.all(widths.fwhm < 1e-6)


def test_crowded_lines_do_not_enter_the_line_and_are_named():
    table = broadened(300.0, 0.002)
    table = replace(table, overlapped=np.array([True] + [False] * 5))
    widths = remove_instrument(table, instrument=resolution_from_profile(INSTRUMENT))
    found = williamson_hall(widths)
    assert len(found.s) == 5
    assert any("(1 0 0) left out" in text for text in found.messages)


def test_lines_beyond_the_standard_are_told():
    angles = np.linspace(20, 60, 6)
    curve = resolution_from_standard(table_of(*INSTRUMENT.widths(angles), angles))
    widths = remove_instrument(broadened(300.0), instrument=curve)
    assert any("extrapolated" in text and "75.3" in text for text in widths.messages)


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda w, t: remove_instrument(t, instrument=None), "no resolution of the instrument"),
        (
            lambda w, t: remove_instrument(
                t, instrument=resolution_from_profile(INSTRUMENT), shape="box"
            ),
            "shape 'box'",
        ),
        (
            lambda w, t: remove_instrument(
                replace(t, success=np.zeros(6, bool)),
                instrument=resolution_from_profile(INSTRUMENT),
            ),
            "no line of the table has a width",
        ),
        (
            lambda w, t: remove_instrument(
                replace(t, fwhm_stderr=np.full(6, np.nan)),
                instrument=resolution_from_profile(INSTRUMENT),
            ),
            "has no standard error",
        ),
        (lambda w, t: scherrer_sizes(w, shape_factor=-1.0), "shape_factor -1"),
        (lambda w, t: scherrer_sizes(w, width="height"), "width 'height'"),
        (lambda w, t: williamson_hall(w, addition="cubic"), "addition 'cubic'"),
        (lambda w, t: williamson_hall(w, sample="x"), "no sample 'x'"),
        (lambda w, t: double_voigt(w, lorentz_strain="cubic"), "lorentz_strain 'cubic'"),
        (lambda w, t: resolution_from_standard(t, method="spline"), "method 'spline'"),
        (
            lambda w, t: resolution_from_standard(replace(t, overlapped=np.ones(6, bool))),
            "0 lines of the standard",
        ),
        (
            lambda w, t: resolution_from_standard(
                replace(t, sample=np.array(["a", "b", "a", "b", "a", "b"]))
            ),
            "2 samples",
        ),
    ],
)
def test_what_cannot_be_is_refused(act, said):
    table = broadened(300.0)
    widths = remove_instrument(table, instrument=resolution_from_profile(INSTRUMENT))
    with pytest.raises(BadInput, match=said):
        act(widths, table)


def test_two_lines_are_no_williamson_hall_plot():
    table = broadened(300.0, two_theta=[30.0, 60.0])
    widths = remove_instrument(table, instrument=resolution_from_profile(INSTRUMENT))
    for method in (williamson_hall, double_voigt):
        with pytest.raises(BadInput, match="two points always lie on a line"):
            method(widths)


def test_double_voigt_needs_both_parts():
    widths = remove_instrument(
        broadened(300.0), instrument=resolution_from_profile(INSTRUMENT), shape="lorentzian"
    )
    with pytest.raises(BadInput, match="lorentzian lines"):
        double_voigt(widths)


def test_the_slope_of_the_linear_model_is_exact():
    rng = np.random.default_rng(1)
    design, observed = rng.normal(size=(6, 2)), rng.normal(size=6)
    _, _, found = fit_linear(design, observed, np.diag(rng.uniform(0.5, 2, 6)), ("a", "b"))
    model = LinearModel(
        design=design, observed=observed, whitening=np.eye(6), parameters=found.parameters
    )
    values = found.parameters.valuesdict()
    assert model.jacobian(values, ["b", "a"]) == pytest.approx(
        numeric_jacobian(model, values, ["b", "a"]), abs=1e-8
    )


@pytest.fixture(scope="module")
def standard() -> Crystal:
    """LaB6, a = 4.1569 Å."""
    rotations = []
    from itertools import permutations, product

    for order in permutations(range(3)):
        for signs in product((1, -1), repeat=3):
            matrix = np.zeros((3, 3), dtype=int)
            matrix[range(3), order] = signs
            rotations.append(matrix)
    return Crystal(
        name="LaB6",
        cell=np.array([4.1569, 4.1569, 4.1569, 90.0, 90.0, 90.0]),
        sites=(
            Site(label="La1", element="La", xyz=np.zeros(3), uiso=0.005),
            Site(label="B1", element="B", xyz=np.array([0.1997, 0.5, 0.5]), uiso=0.004),
        ),
        rotations=np.array(rotations),
        translations=np.zeros((48, 3)),
        space_group="P m -3 m",
    )


def measured(crystal, rng, **broadening):
    clean = simulate(
        crystal, profile=INSTRUMENT, two_theta=(20, 120, 0.02), background=(150.0,), **broadening
    )
    scaled = clean.components[0] * (20000.0 / clean.components[0].max()) + 150.0
    return make_pattern(clean.two_theta, rng.poisson(scaled).astype(float), wavelength="CuKa")


def test_from_noisy_patterns_to_size_and_strain(standard, nacl):
    rng = np.random.default_rng(4)
    lines = [(1, 0, 0), (1, 1, 0), (1, 1, 1), (2, 1, 0), (2, 1, 1), (3, 1, 0), (3, 2, 1)]
    curve = resolution_from_standard(track_peaks(measured(standard, rng), standard, planes=lines))
    angles = np.linspace(25, 95, 8)
    assert curve.fwhm(angles) == pytest.approx(
        tch_from_widths(*INSTRUMENT.widths(angles))[0], rel=0.03
    )
    planes = [(2, 0, 0), (2, 2, 0), (2, 2, 2), (4, 0, 0), (4, 2, 0), (4, 2, 2)]
    table = track_peaks(measured(nacl, rng, size=300.0, strain=0.002), nacl, planes=planes)
    widths = remove_instrument(table, instrument=curve)
    found = williamson_hall(widths, width="fwhm", crystal=nacl)
    assert found.size == pytest.approx(300.0, abs=3 * found.size_stderr)
    assert found.size_stderr < 30
    assert found.strain == pytest.approx(0.002, abs=3 * found.strain_stderr)
    assert found.strain_stderr < 4e-4


@pytest.mark.reference
def test_the_curve_of_lab6_is_that_of_other_programs(shared, standard):
    from xorder.diffraction import read

    pattern = read(shared("data", "diffraction", "LaB6_Jan2018.raw"), wavelength="CuKa")
    planes = [
        (1, 0, 0),
        (1, 1, 0),
        (1, 1, 1),
        (2, 0, 0),
        (2, 1, 0),
        (2, 1, 1),
        (2, 2, 0),
        (3, 0, 0),
    ]
    curve = resolution_from_standard(track_peaks(pattern, standard, planes=planes))
    # FWHM in degrees of eight lines as GSAS-II gives them.
    known = [0.0921, 0.0873, 0.0828, 0.0816, 0.0824, 0.0821, 0.0815, 0.0805]
    assert curve.fwhm(curve.two_theta) == pytest.approx(known, rel=0.04)
