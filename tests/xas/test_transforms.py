"""The Fourier transform finds the wave that was put in, and is larch's to the last digits."""

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xorder import xas

MakeExafs = Callable[..., xas.Exafs]


def wave(r: float, amplitude: float = 1.0, phase: float = 0.3) -> Callable[..., np.ndarray]:
    return lambda k: amplitude * np.sin(2 * k * r + phase) / np.maximum(k, 0.05) ** 2


@settings(max_examples=25, deadline=None)
@given(r=st.floats(1.2, 5.5), phase=st.floats(-3.0, 3.0))
def test_a_wave_peaks_at_its_distance(make_exafs: MakeExafs, r: float, phase: float) -> None:
    transform = xas.transform_to_r(make_exafs(chi=wave(r, phase=phase)), k_range=(3, 13))
    peak = xas.transform_peak(transform, r_range=(0.8, 6.0))
    assert peak.r == pytest.approx(r, abs=0.01)


def test_parsevals_theorem_holds(make_exafs: MakeExafs) -> None:
    """δR Σ|χ(R)|² over all R is half of δk Σ(W kⁿχ)²."""
    exafs = make_exafs(chi=lambda k: np.random.default_rng(0).standard_normal(k.size))
    transform = xas.transform_to_r(exafs, k_range=(3, 12), r_max=30.0)
    whole = np.fft.rfft(transform.weighted * transform.window, 2048) * 0.05 / np.sqrt(np.pi)
    assert np.abs(whole[: transform.r.size]) == pytest.approx(transform.chi_r_mag, rel=1e-9)
    energy_r = np.sum(np.abs(whole) ** 2) * (transform.r[1] - transform.r[0])
    energy_k = np.sum((transform.weighted * transform.window) ** 2) * 0.05
    assert energy_r == pytest.approx(0.5 * energy_k, rel=0.02)


@pytest.mark.parametrize("k_weight", [0, 1, 1.5, 2, 3])
def test_the_stated_noise_in_r_is_the_noise(make_exafs: MakeExafs, k_weight: float) -> None:
    """White noise of 10⁻³ in χ(k) scatters χ(R) by the stated standard error."""
    generator = np.random.default_rng(1)
    drawn = []
    for _ in range(40):
        exafs = make_exafs(chi=lambda k: 1e-3 * generator.standard_normal(k.size))
        drawn.append(xas.transform_to_r(exafs, k_range=(3, 13), k_weight=k_weight))
    scatter = np.std([d.chi_r_re for d in drawn])
    assert scatter == pytest.approx(drawn[0].epsilon_r, rel=0.1)


@pytest.mark.parametrize("k_weight", [0.0, 2.0, 3.0])
def test_the_noise_estimate_does_not_depend_on_the_weight(
    make_exafs: MakeExafs, k_weight: float
) -> None:
    from xorder.xas.transforms import noise

    k = 0.05 * np.arange(301)
    values = [
        noise(
            k,
            1e-3 * np.random.default_rng(seed).standard_normal(k.size),
            k_range=(3, 13),
            k_weight=k_weight,
        )
        for seed in range(20)
    ]
    assert np.mean(values) == pytest.approx(1e-3, rel=0.06)


def test_the_errors_of_a_peak_are_its_scatter(make_exafs: MakeExafs) -> None:
    generator = np.random.default_rng(2)
    clean = make_exafs(chi=wave(2.4), epsilon_k=2e-3)
    stated = xas.transform_peak(xas.transform_to_r(clean, k_range=(3, 12)))
    found = []
    for _ in range(120):
        noisy = replace(clean, chi=clean.chi + 2e-3 * generator.standard_normal(clean.k.size))
        peak = xas.transform_peak(xas.transform_to_r(noisy, k_range=(3, 12)))
        found.append((peak.r, peak.magnitude))
    scatter_r, scatter_magnitude = np.std(found, axis=0)
    assert scatter_r == pytest.approx(stated.r_stderr, rel=0.25)
    assert scatter_magnitude == pytest.approx(stated.magnitude_stderr, rel=0.25)


def test_noise_alone_has_no_peak(make_exafs: MakeExafs) -> None:
    exafs = make_exafs(chi=np.zeros_like, epsilon_k=1e-3)
    exafs = replace(exafs, chi=1e-4 * np.random.default_rng(3).standard_normal(exafs.k.size))
    peak = xas.transform_peak(xas.transform_to_r(exafs, k_range=(3, 12)))
    assert not peak.success
    assert np.isnan(peak.r)
    assert "noise" in peak.message


@pytest.mark.parametrize("window", ["hanning", "parzen", "welch", "sine"])
def test_windows_are_one_inside_and_zero_outside(window: str) -> None:
    k = 0.05 * np.arange(300)
    values = xas.window_function(k, k_range=(4, 12), dk=1.0, window=window)
    assert np.max(values) == pytest.approx(1.0, abs=1e-6)
    assert np.all(values[(k < 3.4) | (k > 12.6)] == 0)


@pytest.mark.reference
@pytest.mark.parametrize("window", ["hanning", "parzen", "welch", "kaiser", "sine", "gaussian"])
@pytest.mark.parametrize("k_range", [(3, 12), (0, 10), (2.53, 11.2), (3.02, 11.11)])
@pytest.mark.parametrize("dk", [0.3, 1.0, 2.0, 4.0])
def test_windows_are_larchs(
    larch: SimpleNamespace, window: str, k_range: tuple[float, float], dk: float
) -> None:
    k = 0.05 * np.arange(300)
    grid = 0.05 * np.arange(int(1.01 + max(k[-1], k_range[1] + dk) / 0.05))
    theirs = larch.ftwindow(grid, xmin=k_range[0], xmax=k_range[1], dx=dk, window=window)[:300]
    ours = xas.window_function(k, k_range=k_range, dk=dk, window=window)
    np.testing.assert_allclose(ours, theirs, atol=1e-10)


@pytest.mark.reference
@pytest.mark.parametrize("k_weight", [0, 1, 2, 3])
@pytest.mark.parametrize("window", ["hanning", "kaiser"])
def test_the_transform_is_larchs(
    make_exafs: MakeExafs, larch: SimpleNamespace, k_weight: int, window: str
) -> None:
    exafs = make_exafs(chi=wave(2.4))
    group = larch.Group()
    larch.xftf(
        exafs.k, exafs.chi, group=group, kmin=3, kmax=12, kweight=k_weight, dk=1.5, window=window
    )
    ours = xas.transform_to_r(exafs, k_range=(3, 12), k_weight=k_weight, dk=1.5, window=window)
    scale = np.max(group.chir_mag)
    np.testing.assert_allclose(ours.chi_r_re, group.chir_re, atol=1e-10 * scale)
    np.testing.assert_allclose(ours.chi_r_im, group.chir_im, atol=1e-10 * scale)
