"""The background leaves the oscillations that were put in."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from xorder import xas
from xorder.errors import BadInput, DataWarning, ProgramFailed
from xorder.xas import larch_bridge

Make = Callable[..., xas.Spectrum]


def test_the_oscillations_that_were_put_in_come_out(make_spectrum: Make) -> None:
    """χ = 3 exp(−2σ²k²) sin(2kR) / (k+2)R², k from where it was put in."""
    exafs = xas.subtract_background(xas.normalize(make_spectrum(), e0=9881.0))
    inside = (exafs.k > 4) & (exafs.k < 12)
    k = exafs.k[inside]
    truth = 3.0 * np.exp(-0.008 * k**2) * np.sin(2 * k * 2.35) / (k + 2) / 2.35**2
    assert np.max(np.abs(k**2 * (exafs.chi[inside] - truth))) < 0.05 * np.max(np.abs(k**2 * truth))


@pytest.mark.parametrize("noise", [3e-4, 1e-3])
def test_the_noise_estimate_is_the_noise(make_spectrum: Make, noise: float) -> None:
    found = [
        xas.subtract_background(xas.normalize(make_spectrum(noise=noise, seed=s), e0=9881.0))
        for s in range(4)
    ]
    assert np.mean([f.epsilon_k for f in found]) == pytest.approx(noise, rel=0.35)


def test_below_e0_the_background_is_the_data(make_spectrum: Make) -> None:
    exafs = xas.subtract_background(xas.normalize(make_spectrum()))
    below = exafs.energy < exafs.e0 - 1
    np.testing.assert_array_equal(exafs.background[below], exafs.mu[below])


def test_a_near_edge_scan_has_no_exafs(make_spectrum: Make) -> None:
    with pytest.warns(DataWarning):
        short = xas.normalize(make_spectrum(k_max=2.8))
    with pytest.raises(BadInput, match="data end at k"):
        xas.subtract_background(short)


def test_the_next_edge_ends_the_oscillations(make_spectrum: Make) -> None:
    normalized = xas.normalize(make_spectrum(k_max=19.5, noise=1e-4), post_edge=(100, 900))
    with pytest.warns(DataWarning, match="Ta L2 edge follows; k ends at 18"):
        exafs = xas.subtract_background(normalized)
    assert exafs.k[-1] < 18.2


def test_what_larch_only_prints_becomes_an_error(make_spectrum: Make) -> None:
    spectrum = make_spectrum()
    with pytest.raises(ProgramFailed, match=r"no finite result|failed"):
        larch_bridge.autobk(spectrum.energy, spectrum.mu, e0=9881.0, no_such_option=1)


def test_results_cross_to_larch(make_spectrum: Make) -> None:
    normalized = xas.normalize(make_spectrum(name="glass"))
    exafs = xas.subtract_background(normalized)
    group = exafs.to_larch()
    assert group.filename == "glass"
    group.chi[:] = 0.0
    assert np.any(exafs.chi != 0.0)
    assert normalized.to_larch().edge_step == normalized.edge_step


@pytest.mark.reference
@pytest.mark.parametrize(
    "file", ["cu_metal_10K.xdi", "cu_metal_rt.xdi", "Au_Foil_L3_rt_2016Foils.xdi"]
)
def test_the_first_shell_is_where_larch_puts_it(
    shared: Callable[..., Path], larch: SimpleNamespace, file: str
) -> None:
    """The whole way from the file, against larch called alone with the same settings."""
    spectrum = xas.read(shared("data", "xas", file))
    normalized = xas.normalize(spectrum)
    exafs = xas.subtract_background(normalized, k_range=(0, 12.5))
    transform = xas.transform_to_r(exafs, k_range=(3, 12))
    peak = xas.transform_peak(transform)
    group = larch.Group(energy=spectrum.energy.copy(), mu=spectrum.mu.copy())
    (low, high), (start, end) = normalized.pre_edge_range, normalized.post_edge_range
    larch.pre_edge(group, e0=normalized.e0, pre1=low, pre2=high, norm1=start, norm2=end, nnorm=2)
    larch.autobk(group, rbkg=1.0, kweight=2, kmin=0, kmax=12.5)
    larch.xftf(group, kmin=3, kmax=12, kweight=2, dk=1, window="hanning")
    inside = (group.r > 1) & (group.r < 3)
    top = int(np.flatnonzero(inside)[np.argmax(group.chir_mag[inside])])
    parabola = np.polyfit(group.r[top - 1 : top + 2], group.chir_mag[top - 1 : top + 2], 2)
    assert peak.r == pytest.approx(-parabola[1] / (2 * parabola[0]), abs=1e-3)
    assert peak.magnitude == pytest.approx(group.chir_mag[top], rel=0.01)
