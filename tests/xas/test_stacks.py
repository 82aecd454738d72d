"""Many spectra at once give what each gives alone."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from xorder import xas
from xorder.errors import BadInput, DataWarning

Make = Callable[..., xas.Spectrum]
E0 = 9881.0


@pytest.fixture(scope="module")
def spectra(make_spectrum: Make) -> list[xas.Spectrum]:
    return [
        make_spectrum(
            step=0.5 + seed / 50, r=2.2 + seed / 400, noise=1e-3, seed=seed, name=f"{seed}"
        )
        for seed in range(70)
    ]


@pytest.fixture(scope="module")
def exafs(spectra: list[xas.Spectrum]) -> xas.ExafsStack:
    normalized = xas.normalize_stack(xas.stack_spectra(spectra), e0=E0)
    return xas.subtract_background_from_stack(normalized)


@pytest.mark.parametrize("index", [0, 33, 69])
def test_each_spectrum_is_as_alone(
    spectra: list[xas.Spectrum], exafs: xas.ExafsStack, index: int
) -> None:
    stack = xas.normalize_stack(xas.stack_spectra(spectra), e0=E0)
    alone = xas.normalize(
        spectra[index], e0=E0, pre_edge=stack.pre_edge_range, post_edge=stack.post_edge_range
    )
    np.testing.assert_allclose(stack.flat[index], alone.flat, atol=1e-10)
    assert stack.edge_step[index] == pytest.approx(alone.edge_step, rel=1e-10)
    assert stack.edge_step_stderr[index] == pytest.approx(alone.edge_step_stderr, rel=1e-6)
    assert stack.white_line_height[index] == pytest.approx(alone.white_line.height, rel=1e-9)
    assert stack.white_line_area_stderr[index] == pytest.approx(
        alone.white_line.area_stderr, rel=1e-6
    )
    single = xas.subtract_background(alone)
    row = exafs.row(index)
    np.testing.assert_allclose(row.chi, single.chi, atol=1e-7)
    np.testing.assert_allclose(row.background, single.background, atol=1e-7)
    np.testing.assert_allclose(row.delta_chi, single.delta_chi, rtol=0.05)
    assert row.epsilon_k == pytest.approx(single.epsilon_k, rel=1e-4)
    assert row.name == f"{index}"
    transforms = xas.transform_stack_to_r(exafs, k_range=(3, 12))
    transform = xas.transform_to_r(single, k_range=(3, 12))
    np.testing.assert_allclose(transforms.chi_r_re[index], transform.chi_r_re, atol=1e-6)
    np.testing.assert_array_equal(transforms.r, transform.r)
    assert transforms.epsilon_r[index] == pytest.approx(transform.epsilon_r, rel=1e-4)


def test_a_spectrum_without_an_edge_is_told_and_costs_only_itself(
    spectra: list[xas.Spectrum], exafs: xas.ExafsStack
) -> None:
    stack = xas.stack_spectra(spectra)
    mu = stack.mu.copy()
    mu[5], mu[7] = -mu[5], 0.0
    with pytest.warns(DataWarning, match="2 of 70 spectra have no edge step: 6, 8"):
        normalized = xas.normalize_stack(replace(stack, mu=mu), e0=E0)
    found = xas.subtract_background_from_stack(normalized)
    assert np.all(np.isnan(found.chi[[5, 7]]))
    assert np.all(np.isnan(normalized.white_line_height[[5, 7]]))
    np.testing.assert_allclose(found.chi[6], exafs.chi[6], atol=1e-6)
    with pytest.raises(BadInput, match="spectrum 5 has no edge step"):
        found.row(5)
    with pytest.raises(BadInput, match="there is no spectrum 70"):
        found.row(70)


def test_the_edge_energy_is_that_of_the_mean(spectra: list[xas.Spectrum]) -> None:
    stack = xas.stack_spectra(spectra)
    assert xas.normalize_stack(stack).e0 == xas.find_e0(stack.mean())[0]


def test_spectra_are_brought_to_one_grid(spectra: list[xas.Spectrum]) -> None:
    first, second = spectra[0], spectra[1]
    shifted = replace(second, energy=second.energy + 0.25)
    stack = xas.stack_spectra([first, shifted])
    expected = np.interp(stack.energy, shifted.energy, shifted.mu)
    np.testing.assert_array_equal(stack.mu[1], expected)
    assert stack.energy[0] >= shifted.energy[0]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"mu": np.ones(40)}, "mu has shape"),
        ({"mu": np.ones((3, 39))}, "mu has shape"),
        ({"mu": np.ones((0, 40))}, "mu has shape"),
        ({"mu": np.full((2, 40), np.nan)}, "2 spectra hold numbers that are not finite"),
        ({"names": ("one",)}, "1 names for 2 spectra"),
        ({"energy": np.linspace(9300.0, 8900.0, 40)}, "energy does not ascend"),
        ({"energy": np.linspace(8.9, 9.3, 40)}, "keV"),
    ],
)
def test_arrays_that_are_no_stack_are_refused(fields: dict[str, Any], message: str) -> None:
    given = {"energy": np.linspace(8900.0, 9300.0, 40), "mu": np.ones((2, 40)), **fields}
    with pytest.raises(BadInput, match=message):
        xas.Stack(**given)


def test_different_edges_are_not_stacked(make_spectrum: Make) -> None:
    with pytest.raises(BadInput, match="different element"):
        xas.stack_spectra([make_spectrum(), make_spectrum(element="Hf")])
    with pytest.raises(BadInput, match="no spectrum to stack"):
        xas.stack_spectra([])
