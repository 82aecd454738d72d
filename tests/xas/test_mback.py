"""MBACK finds the scale and background that were put on the tabulated f'', and larch's numbers."""

import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from xorder import xas
from xorder.errors import BadInput, DataWarning
from xorder.xas.edge_steps import Ranges
from xorder.xas.mback import match_f2, tabulated_f2

Make = Callable[..., xas.Spectrum]
ENERGY = np.linspace(8779.0, 9779.0, 501)


def copper(scale: float, background: tuple[float, ...]) -> xas.Spectrum:
    """Simulate a bare Cu K step: the table's f'' over a scale, on a polynomial."""
    table = tabulated_f2("Cu", "K", ENERGY, e0=8979.0)
    x = (ENERGY - 8979.0) / 1000.0
    mu = table.f2 / scale + sum(c * x**i for i, c in enumerate(background))
    return xas.Spectrum(energy=ENERGY, mu=mu, element="Cu", edge="K", simulated=True)


@pytest.mark.parametrize("scale", [0.02, 3.0, 500.0])
@pytest.mark.parametrize("background", [(0.5,), (-1.0, 2.0), (0.3, -1.0, 0.7)])
def test_the_step_is_found_under_any_background(
    scale: float, background: tuple[float, ...]
) -> None:
    background = tuple(c / scale for c in background)
    found = xas.normalize(copper(scale, background), e0=8979.0, method="mback", order=3)
    table = tabulated_f2("Cu", "K", ENERGY, e0=8979.0)
    assert found.edge_step == pytest.approx(table.jump / scale, rel=3e-3)
    late = found.energy > 9100
    np.testing.assert_allclose(found.flat[late], 1.0, atol=5e-3)
    np.testing.assert_allclose(found.norm[found.energy < 8950], 0.0, atol=1e-2)
    assert found.method == "mback"


def test_the_step_errs_less_than_polynomials_under_a_curved_background() -> None:
    """A pre-edge line cannot follow a tail of scatter below the edge; one background can."""
    spectrum = copper(3.0, (0.5, -1.0, 1.5))
    true = tabulated_f2("Cu", "K", ENERGY, e0=8979.0).jump / 3.0
    by_lines = xas.normalize(spectrum, e0=8979.0).edge_step
    by_table = xas.normalize(spectrum, e0=8979.0, method="mback").edge_step
    assert abs(by_table / true - 1) < 0.2 * abs(by_lines / true - 1)


def test_noise_is_in_the_spread_of_ranges() -> None:
    clean = copper(3.0, (0.5, 0.2))
    steps, errors = [], []
    for seed in range(12):
        noise = 0.01 * np.random.default_rng(seed).standard_normal(ENERGY.size)
        found = xas.normalize(replace(clean, mu=clean.mu + noise), e0=8979.0, method="mback")
        steps.append(found.edge_step)
        errors.append(found.edge_step_stderr)
    assert 0.3 < np.median(errors) / np.std(steps, ddof=1) < 3.0


@pytest.mark.parametrize(
    ("changes", "arguments", "message"),
    [
        ({"element": ""}, {}, "f'' of an element, which is not known"),
        ({}, {"order": 6}, "order is 6"),
        ({}, {"method": "eye"}, "method is 'eye'"),
        ({"mu": -1.0}, {}, "falls where f''"),
    ],
)
def test_bad_input_is_said(
    changes: dict[str, object], arguments: dict[str, object], message: str
) -> None:
    spectrum = copper(3.0, (0.5,))
    if "mu" in changes:
        changes = {"mu": -spectrum.mu}
    with pytest.raises(BadInput, match=message):
        xas.normalize(
            replace(spectrum, **changes), **{"e0": 8979.0, "method": "mback", **arguments}
        )


@pytest.mark.reference
@pytest.mark.parametrize(
    ("file", "tolerance"),
    [("cu_metal_rt.xdi", 0.02), ("Zn_foil.xdi", 0.02), ("FeO_rt_01.xdi", 0.03)],
)
def test_larchs_match_to_f2_is_ours(
    shared: Callable[..., Path], larch: SimpleNamespace, file: str, tolerance: float
) -> None:
    """The same ranges, order and table: μ as f'' agrees; the steps as far as its definition does.

    larch takes its step from polynomials through the matched curve, ours is the table's own.
    """
    from larch.xafs import mback

    spectrum = xas.read(shared("data", "xas", file))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours = xas.normalize(spectrum, method="mback", order=3)
        group = larch.Group(energy=spectrum.energy.copy(), mu=spectrum.mu.copy())
        number = {"Cu": 29, "Zn": 30, "Fe": 26}[spectrum.element]
        (pre1, pre2), (norm1, norm2) = ours.pre_edge_range, ours.post_edge_range
        ranges = {"pre1": pre1, "pre2": pre2, "norm1": norm1, "norm2": norm2}
        mback(group, z=number, edge="K", e0=ours.e0, order=3, **ranges)
    table = tabulated_f2(spectrum.element, "K", spectrum.energy, e0=ours.e0)
    x = spectrum.energy - ours.e0
    matched = match_f2(
        x,
        spectrum.mu,
        table,
        Ranges(ours.pre_edge_range, ours.post_edge_range, 2),
        order=3,
        width=2.0,
    ).matched
    used = (np.abs(x) > 60) & (x < norm2)
    np.testing.assert_allclose(matched[used], group.fpp[used], atol=0.01 * np.ptp(group.fpp))
    assert ours.edge_step == pytest.approx(group.edge_step, rel=tolerance)


def test_mback_lands_among_the_steps_of_polynomials(shared: Callable[..., Path]) -> None:
    """WO3's white line moves by percents with polynomial ranges; MBACK's lies within that."""
    spectrum = xas.read(shared("data", "xas", "WO3_rt_01.xdi"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        ours = xas.normalize(spectrum, method="mback").white_line
    assert 2.8 < ours.height < 3.3
    assert 0 < ours.height_stderr < 0.1


@pytest.mark.parametrize("method", ["polynomials", "mback"])
def test_a_recipe_normalizes_by_the_method_it_names(tmp_path: Path, method: str) -> None:
    path = xas.write_xdi(copper(3.0, (0.5, -1.0, 1.5)), tmp_path / "step.xdi")
    recipe = xas.XasRecipe(normalization=method, e0=8979.0, exafs=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        assert xas.analyse([path], recipe).normalized.method == method


def test_a_recipe_takes_orders_of_its_method() -> None:
    assert xas.XasRecipe(normalization="mback", order=4).order == 4
    with pytest.raises(BadInput, match="order is 4; expected 0 to 2"):
        xas.XasRecipe(order=4)
