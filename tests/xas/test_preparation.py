"""Scans are aligned, calibrated, freed of glitches, rebinned and corrected as they were spoilt."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from xorder import xas
from xorder.errors import BadInput, DataWarning

Make = Callable[..., xas.Spectrum]


def with_reference(make: Make, shift: float, seed: int) -> xas.Spectrum:
    """Return a scan whose energies read too high by a shift, with a foil measured with it."""
    sample = make(noise=1e-3, seed=seed, name=f"scan {seed}")
    foil = make(r=2.8, white_line=1.0, noise=5e-4, seed=100 + seed, slope=1e-4)
    return replace(sample, energy=sample.energy + shift, mu_ref=0.7 * foil.mu + 0.1)


def test_scans_are_aligned_on_their_reference(make_spectrum: Make) -> None:
    true = np.array([0.0, 0.4, -1.3, 2.5, 0.05])
    scans = [with_reference(make_spectrum, s, i) for i, s in enumerate(true)]
    found = xas.align(scans)
    np.testing.assert_allclose(found.shift, -true, atol=0.02)
    assert np.all(np.abs(found.shift + true)[1:] < 5 * found.shift_stderr[1:])
    for spectrum in found.spectra:
        np.testing.assert_allclose(spectrum.energy, scans[0].energy, atol=0.02)
    assert "was moved by" in found.spectra[2].messages[-1]


def test_the_stated_error_of_a_shift_is_its_scatter(make_spectrum: Make) -> None:
    first = with_reference(make_spectrum, 0.0, 0)
    found = [xas.align([first, with_reference(make_spectrum, 0.3, i)]) for i in range(1, 21)]
    scatter = np.std([f.shift[1] for f in found])
    stated = np.mean([f.shift_stderr[1] for f in found])
    assert 0.5 < scatter / stated < 1.6


def test_a_drift_is_told(make_spectrum: Make) -> None:
    with pytest.warns(DataWarning, match=r"drifts by 0\.1\d* ± "):
        found = xas.align([with_reference(make_spectrum, 0.1 * i, i) for i in range(6)])
    assert found.drift == pytest.approx(-0.1, abs=0.01)
    steady = xas.align([with_reference(make_spectrum, 0.0, i) for i in range(6)])
    assert abs(steady.drift) < 4 * steady.drift_stderr


def test_alignment_needs_a_reference(make_spectrum: Make) -> None:
    with pytest.raises(BadInput, match=r"scan 1 .* has no reference channel"):
        xas.align([make_spectrum(), make_spectrum()])
    with pytest.raises(BadInput, match="there are 1 scans"):
        xas.align([make_spectrum()])
    with pytest.raises(BadInput, match="channel is 'foil'"):
        xas.align([make_spectrum(), make_spectrum()], channel="foil")


def test_a_scan_is_calibrated_on_its_foil(make_spectrum: Make) -> None:
    spectrum = with_reference(make_spectrum, 3.0, 1)
    found = xas.calibrate(spectrum, element="Ta", edge="L3")
    foil = replace(found, mu=found.mu_ref)
    assert xas.find_e0(foil)[0] == pytest.approx(xas.edge("Ta", "L3").energy, abs=0.01)
    moved = xas.calibrate(spectrum, energy=9900.0)
    assert xas.find_e0(replace(moved, mu=moved.mu_ref))[0] == pytest.approx(9900.0, abs=0.01)
    with pytest.raises(BadInput, match="energy is -5"):
        xas.calibrate(spectrum, energy=-5.0)


@pytest.mark.parametrize("size", [0.05, -0.08, 2.0])
def test_glitches_are_removed_and_listed(make_spectrum: Make, size: float) -> None:
    spectrum = make_spectrum(noise=1e-3)
    mu = spectrum.mu.copy()
    where = np.searchsorted(spectrum.energy, [10100.0, 10300.0])
    mu[where] += size
    with pytest.warns(DataWarning, match="2 points were removed as glitches"):
        found = xas.deglitch(replace(spectrum, mu=mu))
    np.testing.assert_array_equal(found.energy, np.delete(spectrum.energy, where))
    assert all(f"{spectrum.energy[i]:.2f} eV (point {i + 1})" in found.messages[-1] for i in where)


def test_a_clean_spectrum_keeps_every_point(make_spectrum: Make) -> None:
    for seed in range(5):
        spectrum = make_spectrum(noise=1e-3, seed=seed)
        assert xas.deglitch(spectrum).energy.size == spectrum.energy.size


def test_the_white_line_is_no_glitch(make_spectrum: Make) -> None:
    spectrum = make_spectrum(white_line=5.0)
    assert xas.deglitch(spectrum, threshold=4.0).mu.max() == spectrum.mu.max()


def test_given_ranges_are_removed(make_spectrum: Make) -> None:
    with pytest.warns(DataWarning, match="in a given range"):
        found = xas.deglitch(make_spectrum(), ranges=[(10000.0, 10010.0)])
    assert not np.any((found.energy >= 10000.0) & (found.energy <= 10010.0))


def test_rebinning_keeps_the_signal_and_lowers_the_noise(make_spectrum: Make) -> None:
    """A scan of 0.05 eV steps; each mean of n points has 1/√n of their noise, and says so."""
    coarse = make_spectrum()
    energy = np.arange(coarse.energy[0], coarse.energy[-1], 0.05)
    generator = np.random.default_rng(3)
    smooth = np.interp(energy, coarse.energy, coarse.mu)
    mu = smooth + 0.01 * generator.standard_normal(energy.size)
    found = xas.rebin(replace(coarse, energy=energy, mu=mu), e0=9881.0)
    assert found.energy.size < 600
    late = found.energy > 9881.0 + 100
    deviation = (found.mu - np.interp(found.energy, energy, smooth))[late]
    assert np.sqrt(np.mean((deviation / found.stderr[late]) ** 2)) == pytest.approx(1.0, abs=0.15)
    assert np.max(found.stderr[late]) < 0.004
    k = xas.k_from_energy(found.energy[late], e0=9881.0)
    assert np.median(np.diff(k)) == pytest.approx(0.05, abs=0.002)


@pytest.mark.parametrize("noise", [1e-4, 1e-2])
def test_the_noise_of_points_is_found(make_spectrum: Make, noise: float) -> None:
    found = xas.estimate_noise(make_spectrum(noise=noise), energy_range=(10000.0, 10600.0))
    assert found.value == pytest.approx(noise, rel=0.25)
    assert abs(found.value - noise) < 4 * found.stderr


def test_truncation_says_what_it_cut(make_spectrum: Make) -> None:
    found = xas.truncate(make_spectrum(i0=np.ones_like(make_spectrum().mu)), high=10200.0)
    assert found.energy[-1] <= 10200.0
    assert found.i0.shape == found.energy.shape
    assert "cut to" in found.messages[-1]


@pytest.mark.parametrize(
    ("function", "options", "message"),
    [
        (xas.truncate, {"low": 9900.0, "high": 9890.0}, "0 points lie between"),
        (xas.truncate, {"low": 9e4}, "0 points lie between"),
        (xas.deglitch, {"threshold": 1.0}, "threshold is 1"),
        (xas.deglitch, {"ranges": [(10100.0, 10000.0)]}, "ranges has"),
        (xas.rebin, {"k_step": 0.0}, "k_step is 0"),
        (xas.rebin, {"edge_step": float("nan")}, "edge_step is nan"),
        (xas.rebin, {"edge_range": (5.0, 40.0)}, "edge_range is"),
        (xas.rebin, {"k_step": 50.0, "pre_edge_step": 500.0, "edge_step": 50.0}, "steps hold"),
    ],
)
def test_settings_that_mean_nothing_are_refused(
    make_spectrum: Make, function: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        function(make_spectrum(), **options)


def damped(normalized: xas.Normalized, alpha: float) -> xas.Spectrum:
    """Return what a thick sample would give: the fluorescence of μ / (μ + α), brought to one."""
    flat = normalized.flat
    return xas.Spectrum(
        energy=normalized.energy,
        mu=(1 + alpha) * flat / (flat + alpha),
        element="Ta",
        edge="L3",
        mode="fluorescence",
    )


def test_self_absorption_is_undone(make_spectrum: Make) -> None:
    truth = xas.normalize(make_spectrum(), e0=9881.0)
    with pytest.warns(DataWarning, match="α = "):
        once = xas.correct_self_absorption(truth, composition="NaTaCl6")
    alpha = float(once.messages[-1].split("α = ")[1].split(":")[0])
    spoilt = xas.normalize(damped(truth, alpha), e0=9881.0)
    with pytest.warns(DataWarning):
        found = xas.correct_self_absorption(spoilt, composition="NaTaCl6")
    # The flattening before and after the damping differs a little at the far ends.
    near = (truth.energy > 9870) & (truth.energy < 10300)
    assert np.max(np.abs(found.mu - truth.flat)[near]) < 0.02
    assert np.max(np.abs(spoilt.flat - truth.flat)[near]) > 0.2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"composition": "NaCl"}, "without Ta"),
        ({"composition": "NaTaCl6", "angle_in": 0.0}, "angle_in is 0"),
        ({"composition": "NaTaCl6", "angle_out": 120.0}, "angle_out is 120"),
        ({"composition": "?"}, "composition is"),
        ({"composition": "Ta", "angle_in": 1.0}, "more than a thick sample"),
    ],
)
def test_no_self_absorption_of_what_is_not_there(
    make_spectrum: Make, options: dict[str, Any], message: str
) -> None:
    normalized = xas.normalize(make_spectrum(white_line=4.0), e0=9881.0)
    with pytest.raises(BadInput, match=message):
        xas.correct_self_absorption(normalized, **options)


@pytest.mark.reference
@pytest.mark.parametrize("composition", ["NaTaCl6", "Na0.5(TaCl5O)0.5", "TaB90N90"])
def test_the_correction_has_xraydbs_cross_sections(make_spectrum: Make, composition: str) -> None:
    import xraydb

    truth = xas.normalize(make_spectrum(white_line=0.2), e0=9881.0)
    with pytest.warns(DataWarning, match="α = "):
        found = xas.correct_self_absorption(truth, composition=composition, angle_in=30.0)
    line = xraydb.xray_line("Ta", "La").energy
    energies = np.array([line, 9881.0 - 15.0, 9881.0 + 15.0])
    absorbed = xraydb.material_mu(composition, energies, density=1.0, kind="photo")
    ratio = np.sin(np.deg2rad(30.0)) / np.sin(np.deg2rad(45.0))
    alpha = (absorbed[1] + ratio * absorbed[0]) / (absorbed[2] - absorbed[1])
    assert float(found.messages[-1].split("α = ")[1].split(":")[0]) == pytest.approx(
        alpha, rel=0.01
    )


@pytest.mark.reference
@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_the_correction_is_larchs(shared: Callable[..., Path], larch: SimpleNamespace) -> None:
    """Near e0, where both normalize alike; larch counts scattering as absorption."""
    from larch.xafs import fluo_corr

    normalized = xas.normalize(xas.read(shared("data", "xas", "Fe2O3_rt_01.xdi")))
    with pytest.warns(DataWarning):
        ours = xas.correct_self_absorption(normalized, composition="FeB200N200").mu
    group = larch.Group()
    ranges = {"pre1": -150, "pre2": -30, "norm1": 100, "norm2": 700}
    fluo_corr(
        normalized.energy.copy(),
        normalized.flat.copy(),
        "FeB200N200",
        "Fe",
        group=group,
        e0=normalized.e0,
        **ranges,
    )
    near = np.abs(normalized.energy - normalized.e0) < 60
    change = np.max(np.abs(group.norm_corr - normalized.flat)[near])
    assert np.max(np.abs(ours - group.norm_corr)[near]) < 0.1 * change
