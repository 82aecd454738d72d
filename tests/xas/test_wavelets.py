"""Wavelet maps find a signal in k and R with the resolution they state."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from xorder import xas
from xorder.errors import BadInput

MakeExafs = Callable[..., xas.Exafs]
RANGE = (3.0, 13.0)


def packet(
    r: float, k0: float, width: float, amplitude: float = 1.0
) -> Callable[[np.ndarray], np.ndarray]:
    """Return a wave of distance r that lives around k0."""
    return lambda k: amplitude * np.exp(-0.5 * ((k - k0) / width) ** 2) * np.sin(2 * k * r)


@pytest.mark.parametrize("wavelet", ["morlet", "cauchy"])
@pytest.mark.parametrize(("r", "k0"), [(1.9, 7.0), (2.8, 8.0), (4.2, 6.0)])
def test_a_packet_is_found_in_k_and_in_r(
    make_exafs: MakeExafs, wavelet: str, r: float, k0: float
) -> None:
    wavelets = xas.transform_to_wavelets(
        make_exafs(chi=packet(r, k0, 1.5)), k_range=RANGE, k_weight=0, wavelet=wavelet
    )
    top = xas.wavelet_maximum(wavelets)
    assert top.k == pytest.approx(k0, abs=0.15)
    # A packet as short as this is broad in R, where wider filters further out pass more of it.
    assert top.r == pytest.approx(r, rel=0.04)


@pytest.mark.parametrize("wavelet", ["morlet", "cauchy"])
@pytest.mark.parametrize("rho", [5.0, 10.0, 15.0])
def test_the_map_of_a_pure_wave_is_its_envelope(
    make_exafs: MakeExafs, wavelet: str, rho: float
) -> None:
    """Amplitudes mean the same whatever the resolution, so that users can compare."""
    exafs = make_exafs(chi=lambda k: 0.7 * np.sin(2 * k * 4.0))
    wavelets = xas.transform_to_wavelets(
        exafs, k_range=(0.5, 14.5), k_weight=0, wavelet=wavelet, rho=rho
    )
    row = int(np.argmin(np.abs(wavelets.r - 4.0)))
    column = int(np.argmin(np.abs(wavelets.k - 7.5)))
    assert wavelets.magnitude[row, column] == pytest.approx(0.7, rel=0.02)


@pytest.mark.parametrize("rho", [5.0, 10.0, 20.0])
def test_the_stated_resolution_is_the_maps(make_exafs: MakeExafs, rho: float) -> None:
    """A spike in k is spread by σ(k) = ρ/2R, a wave in R by σ(R) = R/ρ."""
    spike = make_exafs(chi=lambda k: np.where(np.abs(k - 7.5) < 0.01, 1.0, 0.0))
    settings = {"k_range": (0.5, 14.5), "k_weight": 0, "rho": rho, "r_range": (0.5, 10.0)}
    wavelets = xas.transform_to_wavelets(spike, **settings)
    row = int(np.argmin(np.abs(wavelets.r - 8.0)))
    profile = wavelets.magnitude[row] / wavelets.magnitude[row].max()
    inside = profile > 0.05
    curve = np.polyfit(wavelets.k[inside] - 7.5, np.log(profile[inside]), 2)
    assert math.sqrt(-0.5 / curve[0]) == pytest.approx(wavelets.sigma_k[row], rel=0.03)
    np.testing.assert_allclose(wavelets.sigma_r * wavelets.sigma_k, 0.5)


def test_the_map_does_not_depend_on_what_is_plotted(make_exafs: MakeExafs) -> None:
    exafs = make_exafs(chi=packet(2.4, 7.0, 2.0))
    near = xas.transform_to_wavelets(exafs, k_range=RANGE, r_range=(0.5, 4.0))
    far = xas.transform_to_wavelets(exafs, k_range=RANGE, r_range=(0.5, 15.0))
    np.testing.assert_allclose(far.magnitude[: near.r.size], near.magnitude, rtol=1e-12)


def test_the_map_is_linear(make_exafs: MakeExafs) -> None:
    one, two = make_exafs(chi=packet(2.4, 7.0, 2.0)), make_exafs(chi=packet(4.1, 6.0, 1.0))
    both = replace(one, chi=one.chi + 3.0 * two.chi)
    a, b, c = (xas.transform_to_wavelets(e, k_range=RANGE) for e in (one, two, both))
    np.testing.assert_allclose(c.real, a.real + 3.0 * b.real, atol=1e-12 * c.magnitude.max())


def test_errors_of_the_maximum_and_the_mean_are_their_scatter(make_exafs: MakeExafs) -> None:
    clean = make_exafs(chi=packet(4.0, 6.0, 1.5, amplitude=0.03), epsilon_k=1e-3)
    settings = {"k_range": RANGE, "r_range": (3.0, 5.0)}
    wavelets = xas.transform_to_wavelets(clean, **settings)
    top, mean = xas.wavelet_maximum(wavelets), xas.wavelet_mean(wavelets, k_range=(4, 8))
    generator = np.random.default_rng(4)
    found = []
    for _ in range(100):
        chi = clean.chi + 1e-3 * generator.standard_normal(clean.k.size)
        noisy = xas.transform_to_wavelets(replace(clean, chi=chi), **settings)
        drawn = xas.wavelet_maximum(noisy)
        found.append((drawn.k, drawn.r, drawn.value, xas.wavelet_mean(noisy, k_range=(4, 8)).value))
    stated = [top.k_stderr, top.r_stderr, top.value_stderr, mean.stderr]
    assert np.std(found, axis=0) == pytest.approx(stated, rel=0.3)


def test_a_slope_is_no_maximum(make_exafs: MakeExafs) -> None:
    wavelets = xas.transform_to_wavelets(make_exafs(chi=packet(1.9, 7.0, 2.0)), k_range=RANGE)
    top = xas.wavelet_maximum(wavelets, r_range=(2.2, 2.6))
    assert not top.success
    assert np.isnan(top.value)


def test_a_ripple_on_the_slope_of_a_shell_is_no_feature(make_exafs: MakeExafs) -> None:
    """Noise far out must not be reported as the feature that is gone."""
    exafs = make_exafs(chi=packet(2.4, 5.0, 1.5), epsilon_k=1e-5)
    noise = 1e-5 * np.random.default_rng(5).standard_normal(exafs.k.size)
    wavelets = xas.transform_to_wavelets(replace(exafs, chi=exafs.chi + noise), k_range=RANGE)
    feature = xas.wavelet_maximum(wavelets, r_range=(3.2, 4.8))
    assert not feature.success
    assert "only slopes" in feature.message or "stands out" in feature.message


def test_a_map_of_noise_has_no_maximum(make_exafs: MakeExafs) -> None:
    exafs = make_exafs(chi=lambda k: 1e-3 * np.random.default_rng(6).standard_normal(k.size))
    feature = xas.wavelet_maximum(xas.transform_to_wavelets(exafs, k_range=RANGE))
    assert not feature.success
    assert "noise" in feature.message


def test_a_box_outside_the_map_is_refused(make_exafs: MakeExafs) -> None:
    wavelets = xas.transform_to_wavelets(make_exafs(chi=np.sin), k_range=RANGE)
    with pytest.raises(BadInput, match="the map has 0 distances"):
        xas.wavelet_maximum(wavelets, r_range=(20.0, 30.0))


@pytest.mark.reference
@pytest.mark.parametrize("r_max", [4.0, 6.0])
def test_a_cauchy_map_is_larchs_at_larchs_order(
    make_exafs: MakeExafs, larch: SimpleNamespace, r_max: float
) -> None:
    """larch's order is the number of its distances; its amplitude carries 2π nⁿ/n! eⁿ."""
    exafs = make_exafs(chi=packet(2.4, 7.0, 2.0))
    window = xas.window_function(exafs.k, k_range=(3, 12), dk=1.0, window="hanning")
    group = larch.Group()
    larch.cauchy_wavelet(exafs.k, exafs.chi * window, group=group, kweight=2, rmax_out=r_max)
    order, r = len(group.wcauchy_r), group.wcauchy_r
    wavelets = xas.transform_to_wavelets(
        exafs,
        k_range=(3, 12),
        wavelet="cauchy",
        rho=math.sqrt(order),
        r_range=(0.0, r_max),
        r_step=float(r[1] - r[0]),
    )
    peak = math.exp(
        math.log(2 * math.pi) + order * math.log(order) - order - math.lgamma(order + 1)
    )
    theirs = np.abs(group.wcauchy[1:]) * 2.0 / peak
    np.testing.assert_allclose(wavelets.magnitude, theirs, atol=1e-3 * theirs.max())


def test_the_collinear_feature_of_aqueous_aucl4_is_seen(shared: Callable[..., Path]) -> None:
    """Square-planar [AuCl4]⁻: straight Cl–Au–Cl chains at twice Au–Cl, near k 5.65 and R 3.86."""
    spectrum = xas.read(shared("data", "xas", "cyanobacteria.prj"), group="Au3 Cl aq")
    exafs = xas.subtract_background(xas.normalize(spectrum))
    transform = xas.transform_to_r(exafs, k_range=(3, 12))
    wavelets = xas.transform_to_wavelets(exafs, k_range=(3, 12))
    feature = xas.wavelet_maximum(wavelets, r_range=(3.2, 4.8))
    assert xas.transform_peak(transform).r == pytest.approx(1.90, abs=0.03)
    assert xas.transform_peak(transform, r_range=(3.2, 4.8)).r == pytest.approx(3.99, abs=0.03)
    assert feature.k == pytest.approx(5.65, abs=0.25)
    assert feature.r == pytest.approx(3.86, abs=0.1)
    assert feature.value > 20 * feature.value_stderr
