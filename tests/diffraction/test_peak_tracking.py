"""Planes followed through simulated patterns whose widths and places are known."""

from dataclasses import replace

import numpy as np
import pytest

from xorder.diffraction import (
    Hump,
    Profile,
    TrackingOptions,
    make_pattern,
    simulate_mixture,
    track_peaks,
)
from xorder.diffraction.peak_windows import limits_at, line_group
from xorder.diffraction.profiles import fwhm_from_size, tch_from_widths
from xorder.diffraction.reflections import calculate_reflections
from xorder.errors import BadInput
from xorder.fitting import numeric_jacobian

INSTRUMENT = Profile(w=0.06**2, y=0.035)


def true_width(two_theta, size):
    gauss, lorentz = INSTRUMENT.widths(np.array([two_theta]))
    lorentz = lorentz + fwhm_from_size(np.array([two_theta]), size=size, wavelength=1.540593)
    return float(tch_from_widths(gauss, lorentz)[0][0])


def milled(crystal, *, size, share=0.0, seed=0, counts=1e4, two_theta=(20, 60, 0.02)):
    return simulate_mixture(
        [crystal],
        weight_fractions=[1],
        amorphous_fraction=share,
        humps=[Hump(centre=28, fwhm=8), Hump(centre=45, fwhm=12)],
        profile=INSTRUMENT,
        sizes=[size],
        counts=counts,
        seed=seed,
        two_theta=two_theta,
        background=(150.0, -50.0),
        name=f"{share:g}",
    )


@pytest.mark.parametrize(
    ("plane", "size"), [((2, 0, 0), 2000.0), ((2, 0, 0), 200.0), ((2, 2, 2), 2000.0)]
)
def test_width_and_place_are_unbiased_and_errors_are_those_of_repeats(nacl, plane, size):
    clean = milled(nacl, size=size, seed=None)
    rng = np.random.default_rng(3)
    rows = []
    for _ in range(16):
        counts = rng.poisson(clean.intensity).astype(float)
        rows.append(
            track_peaks(
                make_pattern(clean.two_theta, counts, wavelength="CuKa"), nacl, planes=[plane]
            )
        )
    width, error, place = (
        np.array([getattr(row, name)[0] for row in rows])
        for name in ("fwhm", "fwhm_stderr", "two_theta")
    )
    truth = rows[0].two_theta_calculated[0]
    assert np.mean(width) == pytest.approx(true_width(truth, size), rel=0.01)
    assert 0.7 < np.mean(error) / np.std(width, ddof=1) < 1.4
    assert abs(np.mean(place) - truth) < 4 * np.std(place) / 4


def test_a_shifted_line_is_found_where_it_is(nacl):
    pattern = milled(nacl, size=1000.0)
    moved = replace(pattern, two_theta=pattern.two_theta + 0.21)
    row = track_peaks(moved, nacl, planes=[(2, 2, 0)])
    assert row.two_theta[0] - row.two_theta_calculated[0] == pytest.approx(0.21, abs=0.003)


def test_a_line_under_a_halo_keeps_its_width(nacl):
    row = track_peaks(milled(nacl, size=150.0, share=0.7), nacl, planes=[(2, 0, 0)])
    truth = true_width(row.two_theta_calculated[0], 150.0)
    assert row.success[0]
    assert abs(row.fwhm[0] - truth) < 4 * row.fwhm_stderr[0]


def test_what_is_gone_is_a_limit_and_no_number(nacl):
    row = track_peaks(milled(nacl, size=150.0, share=1.0), nacl, planes=[(2, 0, 0), (2, 2, 0)])
    assert row.lost.all()
    assert not row.success.any()
    assert np.isnan(row.fwhm).all()
    assert np.isnan(row.area).all()
    assert np.all(row.area_limit > 0)
    assert all(message.startswith("lost: ") for message in row.message)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("share", [0.9, 0.98])
def test_a_faint_line_is_measured_or_below_its_limit(nacl, share, seed):
    whole = milled(nacl, size=2000.0)
    truth = (1 - share) * track_peaks(whole, nacl, planes=[(2, 0, 0)]).area[0]
    row = track_peaks(milled(nacl, size=150.0, share=share, seed=seed), nacl, planes=[(2, 0, 0)])
    if row.success[0]:
        assert abs(row.area[0] - truth) < 4 * row.area_stderr[0]
    else:
        assert row.area_limit[0] > truth


def test_noise_is_hardly_ever_a_line(nacl):
    axis = np.arange(20, 60, 0.02)
    rng = np.random.default_rng(0)
    found = [
        track_peaks(
            make_pattern(axis, rng.poisson(300.0, len(axis)).astype(float), wavelength="CuKa"),
            nacl,
            planes=[(2, 0, 0), (2, 2, 0)],
        ).success
        for _ in range(3)
    ]
    assert np.sum(found) <= 1  # of six


def test_two_phases_in_one_window_are_told_apart(nacl):
    other = replace(nacl, name="other", cell=nacl.cell * [1.012, 1.012, 1.012, 1, 1, 1])
    pattern = simulate_mixture(
        [nacl, other], weight_fractions=[1, 1], profile=INSTRUMENT, sizes=[800.0, 200.0],
        two_theta=(20, 60, 0.02), seed=1,
    )  # fmt: skip
    both = track_peaks(pattern, nacl, planes=[(2, 0, 0)], impurities=[other])
    truth = true_width(both.two_theta_calculated[0], 800.0)
    assert abs(both.fwhm[0] - truth) < 4 * both.fwhm_stderr[0]
    assert not both.overlapped[0]
    broad = track_peaks(pattern, other, planes=[(2, 0, 0)], impurities=[nacl])
    assert broad.overlapped[0]
    assert "not separable from NaCl (2 0 0)" in broad.message[0]


def test_planes_are_chosen_strong_and_apart(monoclinic):
    pattern = milled(monoclinic, size=2000.0, two_theta=(8, 50, 0.02))
    table = track_peaks(pattern, monoclinic, options=TrackingOptions(n_planes=4))
    found = calculate_reflections(monoclinic, two_theta=(8, 50))
    assert len(table.plane) == 4
    assert table.success.all()
    for centre in table.two_theta_calculated:
        assert np.sum(np.abs(found.two_theta - centre) < 0.02) == 1


def test_several_samples_make_one_table(nacl):
    samples = [milled(nacl, size=1000.0), milled(nacl, size=300.0, share=0.5)]
    table = track_peaks(samples, nacl, planes=[(2, 0, 0), (2, 2, 0)])
    assert table.sample.tolist() == ["0", "0", "0.5", "0.5"]
    assert table.plane.tolist() == ["2 0 0", "2 2 0"] * 2
    assert table.fwhm[2] > table.fwhm[0]
    frame = table.to_dataframe()
    assert frame.attrs["units"]["fwhm"] == "°"
    assert len(table.fits) == 4


def test_the_jacobian_is_that_of_the_residual(monoclinic):
    pattern = milled(monoclinic, size=300.0, two_theta=(8, 50, 0.02))
    known = [calculate_reflections(monoclinic, wavelength="CuKa", two_theta=(7, 51))]
    group = line_group(pattern, known, 4, 0.3, limits_at(TrackingOptions(), 1.54))
    values = group.parameters.valuesdict() | {"b2": 3.0, "eta": 0.3, "shift_0": 0.03}
    names = list(values)
    exact = group.jacobian(values, names)
    numeric = numeric_jacobian(group, values, names)
    scale = np.abs(exact).max(axis=0)
    assert len(names) > 8
    assert np.abs(exact - numeric).max(axis=0) / scale == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize(
    ("plane", "match"),
    [
        ((2, 1, 0), r"\(2 1 0\) of NaCl is extinct in F m -3 m"),
        ((4, 4, 0), r"\(4 4 0\) of NaCl lies at 2θ = .*, outside the common range 20 to 60"),
        ((9, 9, 9), "below half the wavelength"),
        ((0, 0, 0), r"plane \(0, 0, 0\)"),
        ((1, 1), r"plane \(1, 1\)"),
        ((1, 0.5, 0), r"plane \(1, 0.5, 0\)"),
    ],
)
def test_a_plane_that_cannot_be_followed_is_refused(nacl, plane, match):
    with pytest.raises(BadInput, match=match):
        track_peaks(milled(nacl, size=1000.0), nacl, planes=[plane])


def test_patterns_that_cannot_be_compared_are_refused(nacl):
    pattern = milled(nacl, size=1000.0)
    other = make_pattern(pattern.two_theta, pattern.intensity, wavelength=0.7)
    with pytest.raises(BadInput, match="patterns of one radiation"):
        track_peaks([pattern, other], nacl, planes=[(2, 0, 0)])
    with pytest.raises(BadInput, match="no pattern"):
        track_peaks([], nacl)


def test_a_range_without_lines_is_refused(nacl):
    pattern = make_pattern(np.arange(6, 10, 0.02), np.full(200, 50.0), wavelength="CuKa")
    with pytest.raises(BadInput, match="no reflection between"):
        track_peaks(pattern, nacl)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"window": 0.0}, "window is 0"),
        ({"tolerance": -1.0}, "tolerance is -1"),
        ({"instrument_fwhm": float("nan")}, "instrument_fwhm is nan"),
        ({"n_planes": 0}, "n_planes is 0"),
    ],
)
def test_impossible_options_are_refused(change, match):
    with pytest.raises(BadInput, match=match):
        TrackingOptions(**change)


def test_a_window_of_two_points_is_a_row_that_says_so(nacl):
    pattern = milled(nacl, size=1000.0)
    row = track_peaks(pattern, nacl, planes=[(2, 0, 0)], options=TrackingOptions(window=0.01))
    assert not row.success[0]
    assert row.message[0] == "too few points in the window"
