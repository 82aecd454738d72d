"""Peaks of G(r): neighbours are counted, errors are the scatter, windows grow."""

from dataclasses import replace

import numpy as np
import pytest

from xorder import pdf, references
from xorder.errors import BadInput
from xorder.fitting import numeric_jacobian
from xorder.pdf.peak_areas import _PeaksObjective

R = 0.01 * np.arange(1, 801)
SALT = {"centres": (2.82, 3.99), "r_range": (2.0, 4.5), "pairs": ("Na-Cl", "Cl-Cl")}


def simulated(crystal, *, seed=0, noise=0.005, q_max=22.0, radiation="xray", uiso=0.012):
    phase = pdf.SimulatedPhase(crystal=crystal, mass_fraction=1.0, uiso=uiso)
    return pdf.simulate_gr(
        [phase], r=R, q_max=q_max, qdamp=0.02, noise=noise, seed=seed, radiation=radiation
    )


def with_white_noise(data, sigma, seed):
    """Noise that is alike at all Q below Qmax: points π/Qmax apart are independent."""
    count = 200
    q = (np.arange(count) + 0.5) * data.q_max / count
    waves = np.sin(np.outer(data.r, q)) * np.sqrt(2.0 / count)
    noise = waves @ np.random.default_rng(seed).normal(size=count)
    return replace(data, gr=data.gr + sigma * noise, stderr=np.full(len(data.r), sigma))


@pytest.mark.parametrize("radiation", ["xray", "neutron"])
@pytest.mark.parametrize("q_max", [14.0, 22.0])
def test_six_chlorine_around_sodium(made, radiation, q_max):
    data = simulated(made.rock_salt(), noise=0.0, radiation=radiation, q_max=q_max)
    found = pdf.fit_gr_peaks(
        data, centres=(2.8,), r_range=(1.9, 3.35), pairs=("Na-Cl",), density=8 / 5.64**3
    )
    assert found
    assert found.coordination[0] == pytest.approx(6.0, rel=0.02)
    assert found.position[0] == pytest.approx(2.82, abs=0.005)
    assert found.width[0] == pytest.approx(np.sqrt(0.024), rel=0.03)


def test_six_chlorine_around_tantalum_by_form_factors_as_they_are():
    data = simulated(references.load("NaTaCl6"), noise=0.0, uiso=0.006)
    found = pdf.fit_gr_peaks(
        data,
        centres=(2.35, 2.9, 3.3),
        r_range=(1.8, 3.7),
        pairs=("Ta-Cl", "Na-Cl", "Cl-Cl"),
        density=0.0340,
    )
    assert found.coordination[0] == pytest.approx(6.0, rel=0.02)
    assert abs(found.coordination[0] - 6.0) < 2 * found.coordination_stderr[0]


def test_standard_errors_are_the_scatter_of_repeated_measurements(made):
    quiet = simulated(made.rock_salt(), noise=0.0)
    found = []
    for seed in range(25):
        data = with_white_noise(quiet, 0.1, seed)
        peaks = pdf.fit_gr_peaks(data, centres=(2.82, 3.99), r_range=(1.5, 4.4))
        found.append([[getattr(peaks, k)[0], getattr(peaks, f"{k}_stderr")[0]] for k in
                      ("position", "width", "area")])  # fmt: skip
    values, errors = np.moveaxis(np.array(found), 2, 0)
    ratio = values.std(axis=0, ddof=1) / errors.mean(axis=0)
    assert np.all((ratio > 0.6) & (ratio < 1.6)), ratio


def test_derivatives_are_those_of_the_model(made):
    data = simulated(made.rock_salt())
    taken = {}
    real = _PeaksObjective.__init__

    def kept(self, *args, **kwargs):
        real(self, *args, **kwargs)
        taken["objective"] = self

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_PeaksObjective, "__init__", kept)
        pdf.fit_gr_peaks(data, **SALT)
    objective = taken["objective"]
    values = objective.parameters.valuesdict()
    names = list(values)
    numeric = numeric_jacobian(objective, values, names)
    np.testing.assert_allclose(
        objective.jacobian(values, names), numeric, atol=1e-5 * np.abs(numeric).max()
    )


def test_a_peak_that_grows_is_seen_to_grow(made):
    salt = simulated(made.rock_salt())
    bump = 0.4 * np.exp(-0.5 * ((salt.r - 3.75) / 0.1) ** 2) / salt.r
    series = [replace(salt, gr=salt.gr + amount * bump, name=f"{amount}") for amount in (0, 1, 2)]
    found = pdf.window_area(series, r_range=(3.4, 4.1))
    area = 0.4 * 0.1 * np.sqrt(2 * np.pi)
    np.testing.assert_allclose(found.growth, [0.0, area, 2 * area], rtol=0.01, atol=1e-12)
    assert np.all(found.growth_stderr[1:] > 0)


def test_the_error_of_a_window_is_its_scatter(made):
    quiet = simulated(made.rock_salt(), noise=0.0)
    truth = pdf.window_area([quiet], r_range=(3.5, 4.0))
    assert np.isnan(truth.stderr[0])
    noisy = [with_white_noise(quiet, 0.05, seed) for seed in range(60)]
    found = pdf.window_area(noisy, r_range=(3.5, 4.0))
    scatter = np.sqrt(np.mean((found.area - truth.area[0]) ** 2))
    assert 0.7 < scatter / found.stderr[0] < 1.4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"centres": ()}, "no peak"),
        ({"centres": (1.0, 3.0)}, "outside"),
        ({"pairs": ("Na-Cl",)}, "1 pairs and 2 peaks"),
        ({"pairs": ("Na-Cl", "Ta-Cl")}, "'Ta-Cl' is not"),
        ({"pairs": ("NaCl", "Cl-Cl")}, "'NaCl' is not"),
        ({"composition": "salt"}, "formula"),
        ({"q_max": -1.0}, "Qmax"),
        ({"density": -1.0}, "density"),
        ({"r_range": (2.0, 90.0)}, "within the data"),
        ({"centres": (2.5, 2.7), "r_range": (2.4, 2.8)}, "independent points"),
    ],
)
def test_what_cannot_be_fitted_is_said(made, changes, message):
    with pytest.raises(BadInput, match=message):
        pdf.fit_gr_peaks(simulated(made.rock_salt()), **(SALT | changes))


def test_an_empty_series_has_no_window():
    with pytest.raises(BadInput, match="no G"):
        pdf.window_area([], r_range=(3.5, 4.0))
