"""Differences have errors that noise obeys, and shifts of edges come out as put in."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xorder import xas
from xorder.errors import BadInput
from xorder.fitting import numeric_jacobian
from xorder.xas.differences import _Moved

E0 = 8980.0
ENERGY = np.concatenate(
    [np.arange(8830, 8955, 4.0), np.arange(8955, 9030, 0.4), np.arange(9030, 9400, 4.0)]
)


def spectrum(
    shift: float = 0.0, *, extra: float = 0.0, noise: float = 0.0, seed: int = 0, **fields: Any
) -> xas.Normalized:
    """Return a simulated edge, moved, with an extra line 10 eV above it."""
    x = ENERGY - E0 - shift
    mu = 0.5 + np.arctan(x / 1.3) / math.pi + 0.5 * np.exp(-(((x - 5) / 3) ** 2))
    mu = mu + extra * np.exp(-(((x - 12) / 2) ** 2))
    mu = mu + noise * np.random.default_rng(seed).standard_normal(x.size)
    made = xas.Spectrum(energy=ENERGY, mu=mu, **fields)
    return xas.normalize(made, e0=E0, pre_edge=(-140, -30), post_edge=(80, 400), order=1)


@pytest.mark.parametrize("space", ["derivative", "flat", "norm"])
@pytest.mark.parametrize("shift", [-1.7, -0.03, 0.4, 2.2])
def test_a_shift_comes_out_as_put_in(shift: float, space: Any) -> None:
    found = xas.find_edge_shift(spectrum(shift), spectrum(), space=space)
    assert found
    assert found.shift == pytest.approx(shift, abs=0.01)
    assert found.correlation_shift == pytest.approx(shift, abs=0.03)
    assert not found.messages


@pytest.mark.parametrize("space", ["flat", "derivative"])
def test_the_error_of_a_shift_covers_the_truth(space: Any) -> None:
    """Also for derivatives, where neighbouring points share their noise."""
    reference = spectrum()
    pulls = []
    for seed in range(100):
        found = xas.find_edge_shift(spectrum(0.4, noise=0.004, seed=seed), reference, space=space)
        pulls.append((found.shift - 0.4) / found.shift_stderr)
    assert 0.56 <= np.mean(np.abs(pulls) < 1) <= 0.80
    assert abs(np.mean(pulls)) < 0.35


def test_the_jacobian_is_the_derivative_of_the_residual() -> None:
    energy = ENERGY[(ENERGY > E0 - 20) & (ENERGY < E0 + 20)]
    for space in ("flat", "derivative"):
        objective = _Moved(spectrum(0.3), spectrum(), energy, space, 0.1, 5.0)
        values = objective.parameters.valuesdict()
        names = list(objective.parameters)
        ours = objective.jacobian(values, names)
        np.testing.assert_allclose(
            ours, numeric_jacobian(objective, values, names), atol=1e-5 * np.abs(ours).max()
        )


def test_another_shape_is_told_from_a_shift() -> None:
    found = xas.find_edge_shift(spectrum(extra=0.8), spectrum(), space="flat")
    assert any("differ in shape" in message for message in found.messages)


def test_a_shift_beyond_what_was_looked_for_is_no_result() -> None:
    found = xas.find_edge_shift(spectrum(4.0), spectrum(), max_shift=1.0)
    assert not found
    assert math.isnan(found.shift)


def test_equal_spectra_differ_by_their_noise() -> None:
    a, b = spectrum(noise=0.003, seed=1), spectrum(noise=0.003, seed=2)
    found = xas.subtract_spectrum(a, b, e_range=(-20, 40))
    count = found.energy.size
    assert found.stderr[0] == pytest.approx(0.003 * math.sqrt(2), rel=0.3)
    assert found.chisqr == pytest.approx(count, rel=0.6)
    assert found.absolute_area == pytest.approx(found.absolute_area_noise, rel=0.4)
    assert found.messages


def test_the_error_of_an_area_covers_the_truth() -> None:
    """Noise in the normalization moves all points together: single points would not tell it."""
    pulls = []
    for seed in range(100):
        found = xas.subtract_spectrum(
            spectrum(noise=0.003, seed=seed), spectrum(), e_range=(-20, 40)
        )
        pulls.append(found.area / found.area_stderr)
    assert 0.56 <= np.mean(np.abs(pulls) < 1) <= 0.80


def test_a_line_that_only_one_has_is_the_difference() -> None:
    found = xas.subtract_spectrum(spectrum(extra=0.2), spectrum(), e_range=(-20, 40))
    assert found.maximum_energy == pytest.approx(E0 + 12, abs=0.5)
    assert found.area == pytest.approx(0.2 * 2 * math.sqrt(math.pi), rel=0.02)
    assert found.absolute_area == pytest.approx(found.area, rel=0.02)


def test_errors_of_scans_are_used_where_both_have_them() -> None:
    a = spectrum(stderr=np.full(ENERGY.size, 0.003))
    b = spectrum(stderr=np.full(ENERGY.size, 0.004))
    found = xas.subtract_spectrum(a, b)
    assert found.measured_errors
    np.testing.assert_allclose(found.stderr, np.hypot(a.stderr[0], b.stderr[0]), rtol=1e-6)
    assert not found.messages


def test_the_reference_can_be_moved_before() -> None:
    straight = xas.subtract_spectrum(spectrum(0.5), spectrum())
    moved = xas.subtract_spectrum(spectrum(0.5), spectrum(), shift=0.5)
    assert moved.absolute_area < 0.05 * straight.absolute_area


@pytest.mark.reference
def test_iron_oxides_lie_above_the_metal_in_the_order_of_their_valence(
    shared: Callable[..., Path],
) -> None:
    files = ("Fe_metal_rt_01.xdi", "FeO_rt_01.xdi", "Fe2O3_rt_01.xdi")
    metal, two, three = (xas.normalize(xas.read(shared("data", "xas", f))) for f in files)
    oxides = xas.find_edge_shift(three, two, max_shift=10.0)
    assert oxides.shift > 2.0
    assert oxides.shift > 5 * oxides.shift_stderr
    assert any("differ in shape" in m for m in xas.find_edge_shift(two, metal).messages)


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "space chi": ({"space": "chi"}, "space is 'chi'"),
    "e_range the wrong way": ({"e_range": (10, -10)}, "two ascending numbers"),
    "e_range beyond": ({"e_range": (-1000, 10)}, "reaches beyond"),
    "e_range too narrow": ({"e_range": (0, 1)}, "holds 3 points"),
}


@pytest.mark.parametrize("function", [xas.find_edge_shift, xas.subtract_spectrum])
@pytest.mark.parametrize(("change", "message"), BAD.values(), ids=BAD.keys())
def test_bad_arguments_are_named(
    function: Callable[..., Any], change: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        function(spectrum(), spectrum(0.1), **change)


@pytest.mark.parametrize("function", [xas.find_edge_shift, xas.subtract_spectrum])
def test_what_cannot_be_compared_is_refused(function: Callable[..., Any]) -> None:
    raw = xas.Spectrum(energy=ENERGY, mu=np.where(ENERGY > E0, 1.0, 0.0))
    with pytest.raises(BadInput, match="number 2 is a Spectrum; expected a Normalized"):
        function(spectrum(), raw)
    with pytest.raises(BadInput, match="different edges: Cu K, Zn K"):
        function(spectrum(element="Cu", edge="K"), replace(spectrum(), element="Zn", edge="K"))
    keep = ENERGY < E0 + 10
    whole = spectrum()
    short = replace(whole, **{n: getattr(whole, n)[keep] for n in ("energy", "mu", "norm", "flat")})
    with pytest.raises(BadInput, match="does not cover"):
        function(spectrum(), short)


@pytest.mark.parametrize("shift", [math.nan, math.inf, 500.0])
def test_a_senseless_shift_is_refused(shift: float) -> None:
    with pytest.raises(BadInput, match="shift is"):
        xas.subtract_spectrum(spectrum(), spectrum(), shift=shift)
    with pytest.raises(BadInput, match="max_shift is"):
        xas.find_edge_shift(spectrum(), spectrum(), max_shift=shift)


def test_a_difference_is_drawn_around_zero() -> None:
    from matplotlib.figure import Figure

    ax = Figure().subplots()
    assert len(xas.subtract_spectrum(spectrum(0.5), spectrum()).plot(ax)) == 3
