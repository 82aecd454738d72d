"""Normalization finds the step that was put in, and larch's numbers with larch's ranges."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from xorder import xas
from xorder.errors import BadInput, DataWarning

Make = Callable[..., xas.Spectrum]


@pytest.mark.parametrize("step", [0.05, 1.0, 800.0])
@pytest.mark.parametrize("slope", [-2e-4, 0.0, 3e-4])
def test_the_edge_step_is_found_whatever_the_scale(
    make_spectrum: Make, step: float, slope: float
) -> None:
    found = xas.normalize(make_spectrum(step=step, slope=slope * step))
    assert found.edge_step == pytest.approx(step, rel=0.03)
    assert abs(found.edge_step - step) < 4 * found.edge_step_stderr + 0.02 * step


def test_the_edge_energy_is_the_steepest_point(make_spectrum: Make) -> None:
    """An arctangent alone is steepest at its middle."""
    found = xas.normalize(make_spectrum(white_line=0.0, r=1e3))
    assert found.e0 == pytest.approx(9881.0, abs=0.1)


def test_a_falling_background_does_not_hide_the_edge(make_spectrum: Make) -> None:
    spectrum = make_spectrum(step=0.1, slope=-2e-3, element="", edge="")
    assert xas.find_e0(spectrum)[0] == pytest.approx(9881.0, abs=3.0)


def test_a_glitch_is_no_edge(make_spectrum: Make) -> None:
    spectrum = make_spectrum(element="", edge="")
    mu = spectrum.mu.copy()
    mu[np.searchsorted(spectrum.energy, 10200.0)] += 5.0
    assert xas.find_e0(replace(spectrum, mu=mu))[0] == pytest.approx(9881.0, abs=3.0)


def test_normalized_spectra_run_from_zero_to_one(make_spectrum: Make) -> None:
    found = xas.normalize(make_spectrum(step=3.0))
    assert np.mean(found.norm[:20]) == pytest.approx(0.0, abs=2e-3)
    late = found.energy > found.e0 + 200
    assert np.mean(found.flat[late]) == pytest.approx(1.0, abs=5e-3)


def test_the_post_edge_range_starts_beyond_the_white_line(make_spectrum: Make) -> None:
    assert xas.normalize(make_spectrum()).post_edge_range[0] == 100.0


def test_the_next_edge_ends_the_post_edge_range(make_spectrum: Make) -> None:
    """The L3 edge of La (5483 eV) is followed by L2 at 5891 eV."""
    moved = replace(make_spectrum(element="La"), energy=make_spectrum().energy - 9881.0 + 5483.0)
    with pytest.warns(DataWarning, match="reach the La L2 edge"):
        found = xas.normalize(moved)
    assert found.post_edge_range[1] == pytest.approx(5891 - 5483 - 20, abs=5.0)


def test_a_constant_shift_shifts_the_energies_alone(make_spectrum: Make) -> None:
    one = make_spectrum(element="", edge="")
    two = replace(one, energy=one.energy + 12.5)
    a, b = xas.normalize(one), xas.normalize(two)
    assert b.e0 - a.e0 == pytest.approx(12.5, abs=0.02)
    np.testing.assert_allclose(a.flat, b.flat, atol=2e-3)


def test_the_white_line_grows_with_what_was_put_in(make_spectrum: Make) -> None:
    lines = [xas.normalize(make_spectrum(white_line=w)).white_line for w in (0.5, 1.0, 2.0)]
    heights = np.array([line.height for line in lines])
    areas = np.array([line.area for line in lines])
    assert np.diff(heights) == pytest.approx([0.5, 1.0], rel=0.06)
    # ∫ of a Lorentzian of height 1 and half width 3 eV at 4 eV, within 30 eV of e0.
    unit = 3.0 * (np.arctan(26 / 3) + np.arctan(34 / 3))
    assert np.diff(areas) == pytest.approx([0.5 * unit, unit], rel=0.06)


def test_the_input_is_not_changed(make_spectrum: Make) -> None:
    spectrum = make_spectrum()
    before = spectrum.mu.copy()
    xas.normalize(spectrum)
    np.testing.assert_array_equal(spectrum.mu, before)


def test_scatter_of_scans_becomes_that_of_the_norm(make_spectrum: Make) -> None:
    merged = xas.merge([make_spectrum(step=2.0, noise=0.01, seed=s) for s in range(3)])
    found = xas.normalize(merged)
    np.testing.assert_allclose(found.stderr, merged.stderr / found.edge_step)


def test_given_settings_are_kept_and_recorded(make_spectrum: Make) -> None:
    found = xas.normalize(
        make_spectrum(), e0=9882.0, pre_edge=(-120, -40), post_edge=(150, 600), order=1
    )
    assert (found.e0, found.pre_edge_range, found.post_edge_range, found.order) == (
        9882.0,
        (-120.0, -40.0),
        (150.0, 600.0),
        1,
    )
    assert np.isnan(found.e0_stderr)
    assert found.provenance is not None
    assert found.provenance.parameters["e0"] == 9882.0


def test_a_scan_without_a_pre_edge_is_refused(make_spectrum: Make) -> None:
    spectrum = make_spectrum()
    late = spectrum.energy > 9876.0
    short = replace(spectrum, energy=spectrum.energy[late], mu=spectrum.mu[late])
    with pytest.raises(BadInput, match="pre_edge"):
        xas.normalize(short)


@pytest.mark.reference
@pytest.mark.parametrize("file", ["cu_metal_10K.xdi", "cu_metal_rt.xdi", "WO3_rt_01.xdi"])
def test_equal_ranges_give_larchs_normalization(
    shared: Callable[..., Path], larch: SimpleNamespace, file: str
) -> None:
    """larch includes the point at or below a start and leaves out the one nearest an end."""
    spectrum = xas.read(shared("data", "xas", file))
    e0 = float(spectrum.energy[np.argmin(np.abs(spectrum.energy - xas.find_e0(spectrum)[0]))])
    x = spectrum.energy - e0
    low, high, start, end = (float(x[np.searchsorted(x, edge)]) for edge in (-140, -50, 100, 900))
    tiny = 1e-6
    ours = xas.normalize(
        spectrum,
        e0=e0,
        pre_edge=(low - tiny, high - tiny),
        post_edge=(start - tiny, end - tiny),
        order=2,
    )
    group = larch.Group(energy=spectrum.energy.copy(), mu=spectrum.mu.copy())
    larch.pre_edge(group, e0=e0, pre1=low + tiny, pre2=high, norm1=start + tiny, norm2=end, nnorm=2)
    assert ours.edge_step == pytest.approx(group.edge_step, rel=1e-9)
    np.testing.assert_allclose(ours.norm, group.norm, atol=1e-9)
    np.testing.assert_allclose(ours.flat, group.flat, atol=1e-9)


@pytest.mark.reference
def test_a_published_combination_of_standards_comes_out(shared: Callable[..., Path]) -> None:
    """Athena's tutorial: after 7.03 h the cyanobacteria hold 51(1) % of the gold as metal.

    It needs the project's shifts, ranges and orders as Athena meant them; taken otherwise the same
    data give 60 %.
    """
    groups = {s.name: s for s in xas.read_all(shared("data", "xas", "cyanobacteria.prj"))}
    found = {
        name: xas.normalize(groups[name], **xas.athena_settings(groups[name]))
        for name in ("7.03", "Au foil", "Au3 Cl aq")
    }
    mixture = found["7.03"]
    near = (mixture.energy > 11899) & (mixture.energy < 11949)
    mix, foil, chloride = (
        np.interp(mixture.energy[near], n.energy, n.flat) for n in found.values()
    )
    share = (foil - chloride) @ (mix - chloride) / np.sum((foil - chloride) ** 2)
    assert share == pytest.approx(0.51, abs=0.015)
