"""The background leaves the oscillations that were put in."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xorder import xas
from xorder.errors import BadInput, DataWarning
from xorder.xas.background_spline import (
    BackgroundOptions,
    background_deviation,
    fit_splines,
    spline_problem,
)
from xorder.xas.transforms import WINDOWS

Make = Callable[..., xas.Spectrum]
MakeExafs = Callable[..., xas.Exafs]


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


def test_the_stated_error_of_the_background_is_its_scatter(make_exafs: MakeExafs) -> None:
    """White noise on χ(k) alone, 300 times through one problem."""
    exafs = make_exafs(chi=lambda k: np.zeros_like(k))
    options = BackgroundOptions(
        rbkg=1.0, k_weight=2.0, k_range=(0.0, 14.0), window="hanning", dk=0.1, clamps=(0.0, 1.0)
    )
    noise = 1e-3 * np.random.default_rng(1).standard_normal((300, exafs.energy.size))
    problem, noise_k = spline_problem(exafs.energy, noise, e0=exafs.e0, options=options)
    found = fit_splines(problem, noise_k)
    scatter = np.std(noise_k - found.chi, axis=0)
    stated = 1e-3 * background_deviation(problem, 0.01)
    inside = slice(20, -3)
    np.testing.assert_allclose(scatter[inside], stated[inside], rtol=0.2)


def test_the_error_of_the_background_comes_with_it(make_spectrum: Make) -> None:
    exafs = xas.subtract_background(xas.normalize(make_spectrum(noise=1e-3), e0=9881.0))
    assert exafs.delta_chi is not None
    middle = (exafs.k > 3) & (exafs.k < 11)
    assert np.all(exafs.delta_chi[middle] > 0)
    assert np.all(exafs.delta_chi[middle] < exafs.epsilon_k)


@pytest.mark.parametrize("factor", [1e-4, 1.0, 30.0, 1e3])
def test_no_other_spline_leaves_less_below_rbkg(make_spectrum: Make, factor: float) -> None:
    """Any small change of the spline makes the sum larger, whatever the scale of μ."""
    normalized = xas.normalize(make_spectrum(noise=1e-3), e0=9881.0)
    options = BackgroundOptions(
        rbkg=1.2, k_weight=1.0, k_range=(0.0, 12.0), window="hanning", dk=0.1, clamps=(1.0, 5.0)
    )
    problem, mu_k = spline_problem(
        normalized.energy, factor * normalized.mu[None], e0=normalized.e0, options=options
    )
    chi = fit_splines(problem, mu_k).chi[0]

    def cost(values: np.ndarray) -> float:
        low_r = values @ problem.low_r
        scale = 0.1 + 10 * np.mean(low_r**2)
        held = scale * problem.clamp * values[problem.clamped]
        return float(low_r @ low_r + held @ held)

    generator = np.random.default_rng(2)
    for _ in range(50):
        other = factor * problem.basis_k @ generator.standard_normal(problem.basis.shape[1])
        assert cost(chi + 1e-3 * other) > cost(chi)


def test_stronger_clamps_hold_the_ends_closer(make_spectrum: Make) -> None:
    normalized = xas.normalize(make_spectrum(), e0=9881.0)
    found = [
        xas.subtract_background(normalized, clamps=(0.0, weight))
        for weight in (0.0, 1.0, 30.0, 1000.0)
    ]
    ends = [float(np.sum(exafs.chi[-3:] ** 2)) for exafs in found]
    assert np.all(np.diff(ends) < 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rbkg": 5.0}, "rbkg is 5"),
        ({"rbkg": float("nan")}, "rbkg is nan"),
        ({"k_weight": -1.0}, "k_weight is -1"),
        ({"window": "hamming"}, "window is 'hamming'"),
        ({"dk": -0.1}, "dk is -0.1"),
        ({"clamps": (0.0, -1.0)}, "clamps is"),
        ({"clamps": (0.0,)}, "clamps is"),
        ({"k_range": (0.0, 99.0)}, "k_range is"),
        ({"k_range": (5.0, 3.0)}, "k_range is"),
        ({"k_range": (3.0, 3.1)}, "points lie between|does not determine"),
        ({"k_range": (0.0, 3.0), "rbkg": 0.3}, "does not determine a background below 0.3"),
    ],
)
def test_settings_that_mean_nothing_are_refused(
    make_spectrum: Make, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        xas.subtract_background(xas.normalize(make_spectrum()), **options)


def test_too_few_points_for_a_spline_are_told(make_spectrum: Make) -> None:
    normalized = xas.normalize(make_spectrum(), e0=9881.0)
    few = (normalized.energy < 9881.0) | (np.arange(normalized.energy.size) % 160 == 0)
    coarse = replace(
        normalized,
        **{
            name: getattr(normalized, name)[few]
            for name in ("energy", "mu", "norm", "flat", "pre_edge", "post_edge")
        },
    )
    with pytest.raises(BadInput, match="points lie between e0"):
        xas.subtract_background(coarse)


def test_results_cross_to_larch(make_spectrum: Make) -> None:
    normalized = xas.normalize(make_spectrum(name="glass"))
    exafs = xas.subtract_background(normalized)
    group = exafs.to_larch()
    assert group.filename == "glass"
    group.chi[:] = 0.0
    assert np.any(exafs.chi != 0.0)
    assert normalized.to_larch().edge_step == normalized.edge_step


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    rbkg=st.floats(0.3, 3.0),
    k_weight=st.floats(0.0, 4.0),
    low=st.floats(0.0, 6.0),
    span=st.floats(0.05, 13.0),
    window=st.sampled_from(sorted(WINDOWS)),
    dk=st.sampled_from([0.0, 0.1, 1.0, 4.0]),
    clamps=st.tuples(st.floats(0.0, 1e3), st.floats(0.0, 1e3)),
    step=st.sampled_from([1e-4, 1.0, 1e4]),
)
def test_any_settings_give_finite_numbers_or_one_message(
    make_spectrum: Make, step: float, low: float, span: float, **options: Any
) -> None:
    normalized = xas.normalize(make_spectrum(step=step, noise=1e-3), e0=9881.0)
    try:
        found = xas.subtract_background(normalized, k_range=(low, low + span), **options)
    except BadInput:
        return
    assert found.delta_chi is not None
    assert np.all(np.isfinite([*found.chi, *found.delta_chi, found.epsilon_k]))


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


@pytest.mark.reference
@pytest.mark.parametrize(
    "file",
    ["cu_metal_10K.xdi", "Au_Foil_L3_rt_2016Foils.xdi", "WO3_rt_01.xdi", "zn_znse_rt.xdi"],
)
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({}, {"kweight": 2}),
        ({"clamps": (0, 0)}, {"kweight": 2, "clamp_lo": 0, "clamp_hi": 0}),
        ({"rbkg": 1.2, "k_weight": 1}, {"rbkg": 1.2, "kweight": 1}),
        ({"window": "kaiser", "dk": 1.0}, {"kweight": 2, "win": "kaiser", "dk": 1.0}),
    ],
    ids=["defaults", "no clamps", "wider", "kaiser"],
)
def test_the_oscillations_are_larchs(
    shared: Callable[..., Path],
    larch: SimpleNamespace,
    file: str,
    ours: dict[str, Any],
    theirs: dict[str, Any],
) -> None:
    """Newville's AUTOBK by larch, to 1e-4 of the largest k²χ."""
    normalized = xas.normalize(xas.read(shared("data", "xas", file)))
    exafs = xas.subtract_background(normalized, k_range=(0, 12.5), **ours)
    group = larch.Group()
    larch.autobk(
        normalized.energy.copy(),
        normalized.mu.copy(),
        group=group,
        e0=normalized.e0,
        edge_step=normalized.edge_step,
        kmin=0,
        kmax=12.5,
        **theirs,
    )
    difference = exafs.k**2 * (exafs.chi - group.chi)
    assert np.max(np.abs(difference)) < 1e-4 * np.max(np.abs(group.k**2 * group.chi))
