"""Spectra are put in order aloud, and merged with the scatter of the scans."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xorder import xas
from xorder.errors import BadInput, DataWarning
from xorder.xas.photoelectron import HBAR2_OVER_2M

ENERGY = np.linspace(8900.0, 9300.0, 40)
Make = Callable[..., xas.Spectrum]


@pytest.mark.parametrize(
    ("order", "message"),
    [
        (slice(None, None, -1), "energies descend, from 9300 to 8900 eV; expected ascending"),
        (np.r_[0:40:2, 1:40:2], "1 of 39 steps go down, first from 9289.74 to 8910.26 eV at"),
        (np.random.default_rng(0).permutation(40), "energies do not ascend"),
    ],
    ids=["downward", "up twice", "shuffled"],
)
def test_energies_that_descend_are_refused(order: object, message: str) -> None:
    with pytest.raises(BadInput, match=message) as error:
        xas.spectrum_from_arrays(ENERGY[order], np.arange(40.0))
    assert "ascending energies, or `sort=True`" in str(error.value)


def test_a_descending_scan_is_sorted_where_asked_and_said() -> None:
    with pytest.warns(DataWarning, match="energies descend and were reversed"):
        spectrum = xas.spectrum_from_arrays(
            ENERGY[::-1], np.arange(40.0), i0=np.arange(40.0), sort=True
        )
    np.testing.assert_array_equal(spectrum.energy, ENERGY)
    np.testing.assert_array_equal(spectrum.mu, np.arange(40.0)[::-1])
    np.testing.assert_array_equal(spectrum.i0, spectrum.mu)
    assert len(spectrum.messages) == 1


def test_an_encoders_small_step_back_is_sorted_and_named() -> None:
    energy = ENERGY.copy()
    energy[11] = energy[10] - 0.3
    with pytest.warns(DataWarning, match="1 energies are out of order and were sorted, point 12"):
        assert np.all(np.diff(xas.spectrum_from_arrays(energy, energy).energy) > 0)


def test_a_downward_scan_is_read_where_asked(tmp_path: Path, make_spectrum: Make) -> None:
    spectrum = make_spectrum()
    rows = np.stack([spectrum.energy, spectrum.mu], axis=1)[::-1]
    path = tmp_path / "down.dat"
    np.savetxt(path, rows, header="energy mu")
    with pytest.raises(BadInput, match=r"down.dat.*energies descend") as error:
        xas.read(path)
    assert "sort=True" in str(error.value)
    with pytest.warns(DataWarning, match="reversed"):
        found = xas.read(path, sort=True)
    np.testing.assert_allclose(found.mu, spectrum.mu)


def test_repeated_energies_are_averaged_and_named() -> None:
    energy, mu = ENERGY.copy(), np.zeros(40)
    energy[5], mu[4], mu[5] = energy[4], 1.0, 3.0
    with pytest.warns(DataWarning, match="1 repeated energies were averaged, point 6"):
        spectrum = xas.spectrum_from_arrays(energy, mu)
    assert spectrum.energy.size == 39
    assert spectrum.mu[4] == 2.0


def test_the_constructor_takes_no_disorder() -> None:
    with pytest.raises(BadInput, match=r"8900 is followed by 8900 eV at point 2|does not ascend"):
        xas.Spectrum(energy=np.r_[8900.0, ENERGY], mu=np.zeros(41))


def test_merging_averages_and_tells_the_scatter(make_spectrum: Make) -> None:
    """Of n scans with noise s the mean has s/√n, and its stated standard error says so."""
    scans = [make_spectrum(noise=0.01, seed=seed) for seed in range(16)]
    merged = xas.merge(scans)
    truth = make_spectrum().mu
    assert np.std(merged.mu - truth) == pytest.approx(0.01 / 4, rel=0.15)
    assert np.sqrt(np.mean(merged.stderr**2)) == pytest.approx(0.01 / 4, rel=0.1)


def test_merging_keeps_the_common_range(make_spectrum: Make) -> None:
    whole = make_spectrum()
    part = replace(whole, energy=whole.energy[10:-5], mu=whole.mu[10:-5])
    assert xas.merge([whole, part]).energy[[0, -1]] == pytest.approx(part.energy[[0, -1]])


def test_weights_weigh(make_spectrum: Make) -> None:
    one, two = make_spectrum(), make_spectrum(step=2.0)
    merged = xas.merge([one, two], weights=[3.0, 1.0])
    np.testing.assert_allclose(merged.mu, 0.75 * one.mu + 0.25 * two.mu)


def test_an_outlying_scan_is_reported_and_kept(make_spectrum: Make) -> None:
    scans = [make_spectrum(noise=1e-3, seed=seed, name=f"scan {seed}") for seed in range(5)]
    scans[3] = replace(make_spectrum(r=2.8), name="moved")
    with pytest.warns(DataWarning, match=r"scan 4 \(moved\) is \d+ times further"):
        merged = xas.merge(scans)
    assert any("moved" in message for message in merged.messages)


def test_a_gain_makes_no_outlier(make_spectrum: Make) -> None:
    scans = [make_spectrum(noise=1e-3, seed=seed) for seed in range(4)]
    scans[2] = replace(scans[2], mu=1.5 * scans[2].mu + 0.2)
    assert xas.merge(scans).messages == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"element": "Hf"}, "different element .*Hf, Ta"),
        ({"edge": "L2"}, "different edge"),
        ({"mode": "fluorescence"}, "different mode"),
    ],
)
def test_different_things_do_not_merge(make_spectrum: Make, change: dict, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        xas.merge([make_spectrum(mode="transmission"), replace(make_spectrum(), **change)] * 2)


@pytest.mark.parametrize("weights", [[1.0], [1.0, -1.0], [0.0, 0.0], [np.nan, 1.0]])
def test_bad_weights_are_refused(make_spectrum: Make, weights: list[float]) -> None:
    with pytest.raises(BadInput, match="weight"):
        xas.merge([make_spectrum()] * 2, weights=weights)


def test_nothing_does_not_merge() -> None:
    with pytest.raises(BadInput, match="no spectrum to merge"):
        xas.merge([])


def test_three_scans_of_wo3_merge_with_their_scatter(shared: Callable[..., Path]) -> None:
    scans = [xas.read(shared("data", "xas", f"WO3_rt_0{i}.xdi")) for i in (1, 2, 3)]
    merged = xas.merge(scans)
    assert merged.energy.size == 530
    assert merged.provenance is not None
    step = xas.normalize(merged).edge_step
    # The scans drift by a few thousandths of the step between them.
    assert 1e-4 < np.median(merged.stderr) / step < 1e-2


@given(st.floats(0.01, 30.0), st.floats(100.0, 5e4))
def test_energy_and_wavenumber_are_inverse(k: float, e0: float) -> None:
    energy = xas.energy_from_k(np.array([k]), e0=e0)
    assert xas.k_from_energy(energy, e0=e0)[0] == pytest.approx(k, rel=1e-6, abs=1e-6)


def test_the_electron_mass_is_codatas() -> None:
    from scipy import constants

    expected = constants.hbar**2 / (2 * constants.m_e * constants.e) * 1e20
    assert pytest.approx(expected, rel=1e-8) == HBAR2_OVER_2M


@pytest.mark.parametrize(("name", "energy"), [("L3", 9881.0), ("L2", 11136.0), ("K", 67416.0)])
def test_edges_of_tantalum(name: str, energy: float) -> None:
    assert xas.edge("Ta", name).energy == energy


def test_the_l2_edge_follows_the_l3_edge() -> None:
    assert [e.name for e in xas.later_edges("Ta", "L3")] == ["L2", "L1", "K"]


def test_unknown_edges_and_elements_are_refused() -> None:
    with pytest.raises(BadInput, match="element 'Xx' has no edge"):
        xas.edge("Xx", "K")
