"""Amorphization on one scale: what mixing makes of it, its errors, who cannot decide."""

from __future__ import annotations

import math

import numpy as np
import pytest

from xorder.agreement import weighted_mean
from xorder.amorphization import amorphization_from_numbers
from xorder.errors import BadInput
from xorder.results import Number
from xorder.store import write_results
from xorder.stored import read_results

TRUE = np.array([0.0, 0.2, 0.5, 0.8, 1.0])
NAMES = [f"s{i}" for i in range(len(TRUE))]


def numbers(name, values, errors, unit=""):
    return [
        Number(name=name, value=float(v), stderr=float(s), unit=unit)
        for v, s in zip(values, np.broadcast_to(errors, len(values)), strict=True)
    ]


def series(**rows):
    """Return numbers by sample and probe: rows are (probe, numbers of the samples)."""
    samples = {name: {} for name in NAMES}
    for probe, found in rows.values():
        for name, number in zip(NAMES, found, strict=True):
            samples[name].setdefault(probe, []).append(number)
    return samples


def amorphized(samples, **kwargs):
    return amorphization_from_numbers(samples, crystalline="s0", amorphous="s4", **kwargs)


def test_what_mixes_linearly_falls_on_the_true_scale():
    found = amorphized(
        series(
            feature=("xas", numbers("wavelet_box_mean", 3.0 - 2.0 * TRUE, 0.05)),
            mass=("pdf", numbers("mass_fraction_amorphous", 0.1 + 0.8 * TRUE, 0.01)),
            size=(
                "diffraction",
                numbers("refined size (A)", 1 / (0.001 + 0.02 * TRUE), 1e-3, "Å"),
            ),
        )
    )
    for degree in found.degrees:
        assert degree
        np.testing.assert_allclose(degree.degree, TRUE, atol=1e-12)
        assert degree.stderr[[0, -1]] == pytest.approx(0.0)
    assert all(found.agreement)


def test_errors_of_degrees_are_the_spread_over_many_draws():
    rng = np.random.default_rng(1)
    sigma = np.array([0.05, 0.03, 0.04, 0.02, 0.06])
    true = 3.0 - 2.0 * TRUE
    draws = []
    for _ in range(400):
        drawn = true + sigma * rng.normal(size=5)
        found = amorphized(series(f=("xas", numbers("wavelet_box_mean", drawn, sigma))))
        draws.append((found.degrees[0].degree, found.degrees[0].stderr))
    degree, stderr = (np.array(part) for part in zip(*draws, strict=True))
    np.testing.assert_allclose(degree[:, 1:4].std(axis=0), stderr[:, 1:4].mean(axis=0), rtol=0.12)
    inside = np.abs(degree - TRUE)[:, 1:4] < stderr[:, 1:4]
    assert 0.60 < inside.mean() < 0.76
    # The end members are shared: neighbouring degrees move together, as their covariance says.
    covariance = np.cov(degree[:, 1], degree[:, 2])[0, 1]
    assert found.degrees[0].covariance[1, 2] == pytest.approx(covariance, rel=0.35)


def test_wt_percent_and_fractions_have_one_mean():
    found = amorphized(
        series(
            xrd=("diffraction", numbers("amorphous (calibrated halo)", 100 * TRUE, 1.0, "wt%")),
            pdf=("pdf", numbers("mass_fraction_amorphous", TRUE, 0.01)),
            feature=("xas", numbers("wavelet_box_mean", 9.0 - TRUE, 0.01)),
        )
    )
    np.testing.assert_allclose(found.mass_fraction, TRUE, atol=1e-12)
    np.testing.assert_allclose(found.mass_fraction_stderr, 0.01 / math.sqrt(2))
    (row,) = (n for n in found.sample_numbers["s1"] if n.name == "amorphous_mass")
    assert row.value == pytest.approx(0.2)


def test_end_members_that_do_not_differ_decide_nothing():
    found = amorphized(
        series(
            flat=("xas", numbers("wavelet_box_mean", 1.0 + 0.1 * TRUE, 0.1)),
            good=("pdf", numbers("mass_fraction_amorphous", TRUE, 0.01)),
        )
    )
    flat = found["wavelet_feature"]
    assert not flat
    assert "differ by 0.7 standard errors" in flat.undecided
    assert any("decides nothing" in message for message in found.messages)
    (row,) = (n for n in found.sample_numbers["s2"] if "wavelet" in n.name)
    assert math.isnan(row.value)


def test_an_end_member_without_a_value_is_named():
    sizes = numbers("refined size (A)", 1 / (0.001 + 0.02 * TRUE), 1e-3, "Å")
    sizes[4] = Number(name="refined size (A)", value=math.nan, unit="Å")
    found = amorphized(
        series(
            size=("diffraction", sizes),
            mass=("pdf", numbers("mass_fraction_amorphous", TRUE, 0.01)),
        )
    )
    assert "s4 has no value" in found["xrd_size"].undecided


def test_probes_that_disagree_are_explained_by_what_they_see():
    found = amorphized(
        series(
            # Domains of 2 nm: amorphous to diffraction, crystals to the PDF.
            xrd=(
                "diffraction",
                numbers("amorphous (calibrated halo)", 100 * np.sqrt(TRUE), 1.0, "wt%"),
            ),
            pdf=("pdf", numbers("mass_fraction_amorphous", TRUE, 0.01)),
        )
    )
    assert not any(found.agreement)
    text = found.agreement[0].explanation
    assert "crystals below some 3 nm count as amorphous" in text
    assert "crystals of a few nanometres count as crystals" in text
    # What disagrees has a mean with an error that says so.
    assert found.mass_fraction_stderr[1] > 0.05


def test_ranks_go_with_conductivity_within_errors():
    rng = np.random.default_rng(2)
    conductivity = {n: (10 ** (-6 + 3 * x), 1e-8) for n, x in zip(NAMES, TRUE, strict=True)}
    samples = series(
        good=("pdf", numbers("mass_fraction_amorphous", TRUE, 0.01)),
        noise=("xas", numbers("wavelet_box_mean", [3.0, 1.4, 2.6, 1.5, 1.0], 0.3)),
    )
    found = amorphized(samples, conductivity=conductivity, seed=int(rng.integers(9)))
    by_name = {(c.measure, c.variable): c for c in found.correlations}
    good = by_name["pdf_fraction", "conductivity"]
    assert good.rho == pytest.approx(1.0)
    assert good.rho_stderr < 0.02
    # Two of the 120 orders of five samples are as good: 1/60.
    assert good.chance == pytest.approx(1 / 60, abs=0.008)
    noisy = by_name["wavelet_feature", "conductivity"]
    assert noisy.rho_stderr > 0.05


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"crystalline": "x"}, "the end member 'x' is no sample"),
        ({"amorphous": "s0"}, "5 samples between 's0' and 's0'"),
    ],
)
def test_end_members_that_cannot_be_are_refused(changes, message):
    samples = series(mass=("pdf", numbers("mass_fraction_amorphous", TRUE, 0.01)))
    with pytest.raises(BadInput, match=message):
        amorphization_from_numbers(samples, **{"crystalline": "s0", "amorphous": "s4", **changes})


def test_a_series_without_disorder_numbers_is_refused():
    with pytest.raises(BadInput, match="no sample has a number that tells disorder"):
        amorphized({name: {"xas": [Number(name="e0", value=1.0)]} for name in NAMES})


def test_it_comes_back_from_disk(tmp_path):
    samples = series(mass=("pdf", numbers("mass_fraction_amorphous", TRUE, 0.01)))
    found = amorphized(samples)
    path = write_results(tmp_path / "x.h5", {"amorphization": found})
    again = read_results(path)["amorphization"]
    assert again["pdf_fraction"].measure == found["pdf_fraction"].measure
    assert again["pdf_fraction"].degree.tolist() == found["pdf_fraction"].degree.tolist()


@pytest.mark.parametrize(
    ("pairs", "mean", "stderr"),
    [
        ([], math.nan, math.nan),
        ([(1.0, 0.1)], 1.0, 0.1),
        ([(1.0, 0.1), (1.0, 0.1)], 1.0, 0.1 / math.sqrt(2)),
        ([(0.0, 0.1), (1.0, 0.1)], 0.5, 0.5),
        ([(1.0, math.nan), (3.0, 0.2)], 3.0, 0.2),
    ],
)
def test_a_mean_is_weighted_and_widened_where_its_values_scatter(pairs, mean, stderr):
    assert weighted_mean(pairs) == pytest.approx((mean, stderr), nan_ok=True)
