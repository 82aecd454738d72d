"""A series tells how many species it holds, which references are among them, and what is open."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xorder import xas
from xorder.errors import BadInput
from xorder.xas.curve_resolution import _Turning

E0 = 7120.0
ENERGY = np.concatenate(
    [np.arange(6950, 7095, 5.0), np.arange(7095, 7210, 0.8), np.arange(7210, 7700, 6.0)]
)
POSITIONS = (7117.0, 7120.0, 7123.5, 7126.0, 7113.0)


def pure(index: int) -> np.ndarray:
    """Return a simulated spectrum of one species: step, white line and later oscillations."""
    edge = POSITIONS[index]
    x = ENERGY - edge
    waves = (
        0.15
        * np.sin((1.1 + 0.35 * index) * np.sqrt(np.clip(x, 0, None)))
        * np.exp(-np.clip(x, 0, None) / 150)
    )
    line = (0.3 + 0.25 * index) * np.exp(-(((x - 4) / 3) ** 2))
    return 0.5 + np.arctan(x / 1.5) / math.pi + line + waves


def normalized(mu: np.ndarray, name: str = "", **fields: Any) -> xas.Normalized:
    spectrum = xas.Spectrum(energy=ENERGY, mu=mu, name=name, **fields)
    return xas.normalize(
        spectrum, e0=E0, pre_edge=(-160.0, -30.0), post_edge=(150.0, 550.0), order=1
    )


def series(
    species: int, *, count: int = 12, noise: float = 0.0, seed: int = 0
) -> tuple[list[xas.Normalized], np.ndarray]:
    generator = np.random.default_rng(seed)
    shares = generator.dirichlet(np.ones(species), size=count)
    spectra = np.stack([pure(i) for i in range(species)])
    noisy = shares @ spectra + noise * generator.standard_normal((count, ENERGY.size))
    return [normalized(mu, f"scan {i}") for i, mu in enumerate(noisy)], shares


@pytest.mark.parametrize("species", [1, 2, 3, 4])
@pytest.mark.parametrize("noise", [3e-4, 2e-3])
def test_the_number_of_species_is_found_over_noise(species: int, noise: float) -> None:
    found = xas.find_components(series(species, noise=noise, seed=species)[0])
    assert found.n_components == species
    assert abs(found.n_f_test - species) <= 1
    assert found.real_error[species - 1] == pytest.approx(noise, rel=0.25)


def test_twenty_series_of_three_species_are_nearly_all_seen_as_such() -> None:
    counts = [
        xas.find_components(series(3, noise=1e-3, seed=seed)[0]).n_components for seed in range(20)
    ]
    assert counts.count(3) >= 18


def test_scores_times_components_are_the_data() -> None:
    found = xas.find_components(series(3, noise=1e-3)[0])
    np.testing.assert_allclose(found.scores @ found.components, found.data, atol=1e-12)
    np.testing.assert_allclose(found.components @ found.components.T, np.eye(12), atol=1e-12)
    assert np.sum(found.eigenvalues) == pytest.approx(np.sum(found.data**2))
    assert np.std(found.reconstructed() - found.data) == pytest.approx(1e-3, rel=0.2)


def test_the_indicator_follows_its_definition() -> None:
    found = xas.find_components(series(2, noise=1e-3)[0])
    count, points = found.data.shape
    for n in (1, 2, 5):
        left = found.data - found.reconstructed(n)
        error = math.sqrt(np.sum(left**2) / (points * (count - n)))
        assert found.real_error[n - 1] == pytest.approx(error)
        assert found.indicator[n - 1] == pytest.approx(error / (count - n) ** 2)


def test_a_species_is_a_good_target_and_a_stranger_is_not() -> None:
    components = xas.find_components(series(3, noise=1e-3, seed=2)[0])
    generator = np.random.default_rng(9)
    noisy = 1e-3 * generator.standard_normal(ENERGY.size)
    inside = xas.transform_target(components, normalized(pure(1) + noisy, "a species"))
    outside = xas.transform_target(components, normalized(pure(4) + noisy, "a stranger"))
    assert inside.spoil < 3
    assert inside.grade in ("excellent", "good")
    assert outside.spoil > 6
    assert outside.grade == "unacceptable"
    assert outside.r_factor > 30 * inside.r_factor


def test_a_target_without_any_noise_is_exact_or_impossible() -> None:
    components = xas.find_components(series(2)[0])
    inside = xas.transform_target(components, normalized(pure(0)), n_components=2)
    assert inside.r_factor < 1e-12
    assert inside.spoil < 3
    outside = xas.transform_target(components, normalized(pure(4)), n_components=2)
    assert outside.grade == "unacceptable"


# Curve resolution


def test_species_that_occur_pure_are_recovered() -> None:
    generator = np.random.default_rng(4)
    share = np.linspace(0, 1, 9)
    mixed = np.outer(1 - share, pure(0)) + np.outer(share, pure(2))
    mixed += 5e-4 * generator.standard_normal(mixed.shape)
    found = xas.resolve_spectra([normalized(mu) for mu in mixed], n_components=2)
    assert found
    order = np.argsort(found.concentrations[0])[::-1]
    np.testing.assert_allclose(found.concentrations[:, order[1]], share, atol=0.02)
    np.testing.assert_allclose(found.concentrations.sum(axis=1), 1.0, atol=1e-9)
    assert np.all(found.spectra >= 0)
    assert found.lack_of_fit < 0.2


def test_references_given_to_start_from_are_kept_in_order() -> None:
    spectra, shares = series(3, count=15, noise=3e-4, seed=11)
    found = xas.resolve_spectra(
        spectra, n_components=3, initial=[normalized(pure(i)) for i in range(3)]
    )
    assert found
    np.testing.assert_allclose(found.concentrations, shares, atol=0.05)


def test_the_band_of_a_share_holds_the_truth_and_is_told() -> None:
    """Species that never occur pure cannot be told by the mathematics alone."""
    share = np.linspace(0.3, 0.6, 8)
    mixed = np.outer(1 - share, pure(0)) + np.outer(share, pure(1))
    found = xas.resolve_spectra([normalized(mu) for mu in mixed], n_components=2)
    order = np.argsort(found.concentrations[0])[::-1]
    low, high = (
        getattr(found, f"concentrations_{end}")[:, order[1]].mean() for end in ("min", "max")
    )
    assert low <= share.mean() <= high
    assert found.ambiguity[order[1]] > 0.1
    assert any("ambiguous" in message for message in found.messages)


def test_the_bands_of_two_species_are_those_of_a_search_over_all_rotations() -> None:
    near = (ENERGY > E0 - 20) & (ENERGY < E0 + 60)
    spectra = np.stack([pure(0)[near], pure(2)[near]])
    share = np.linspace(0.9, 0.2, 10)
    shares = np.stack([share, 1 - share], axis=1)
    turning = _Turning(shares, spectra, True, 0.0)
    ours = [[turning.extreme(i, sign).mean() for sign in (1.0, -1.0)] for i in (0, 1)]
    means = []
    for a in np.linspace(-2, 0.9, 300):
        for b in np.linspace(-2, 0.9, 300):
            if 1 - a - b < 1e-3:
                continue
            turn = np.array([[1 - a, a], [b, 1 - b]])
            turned = np.linalg.inv(turn) @ spectra
            if min((shares @ turn).min(), turned.min()) > -1e-9:
                means.append((shares @ turn).mean(axis=0))
    brute = np.array(means)
    np.testing.assert_allclose(np.array(ours)[:, 0], brute.min(axis=0), atol=0.02)
    np.testing.assert_allclose(np.array(ours)[:, 1], brute.max(axis=0), atol=0.02)


def test_too_few_iterations_are_no_convergence_and_said() -> None:
    spectra, _ = series(3, count=8, noise=3e-3, seed=1)
    found = xas.resolve_spectra(spectra, n_components=3, max_iterations=1)
    assert not found
    assert "not converged after 1 iterations" in found.messages[0]


@pytest.mark.reference
def test_gold_on_cyanobacteria_has_few_species_and_the_foil_is_one(
    shared: Callable[..., Path],
) -> None:
    groups = {s.name: s for s in xas.read_all(shared("data", "xas", "cyanobacteria.prj"))}
    found = {n: xas.normalize(s, **xas.athena_settings(s)) for n, s in groups.items()}
    times = [found[n] for n in found if n[0].isdigit()]
    components = xas.find_components(times, e_range=(-20, 50))
    assert 2 <= components.n_components <= 4
    foil = xas.transform_target(components, found["Au foil"], n_components=3)
    hydroxide = xas.transform_target(components, found["Au hydroxide"], n_components=3)
    assert foil.spoil < 4.5
    assert hydroxide.spoil > 6


# What cannot be used


@pytest.mark.parametrize(
    ("spectra", "message"),
    [
        ([], "holds 0 spectra; expected at least 3"),
        ("scan", "spectra is a str"),
        ([1, 2, 3], "number 1 is a int; expected a Normalized"),
        (None, "spectra is a NoneType"),
    ],
)
@pytest.mark.parametrize("function", ["find_components", "resolve_spectra"])
def test_what_is_no_series_is_refused(spectra: Any, message: str, function: str) -> None:
    options = {"n_components": 2} if function == "resolve_spectra" else {}
    with pytest.raises(BadInput, match=message):
        getattr(xas, function)(spectra, **options)


def test_spectra_that_are_not_normalized_are_refused() -> None:
    raw = xas.Spectrum(energy=ENERGY, mu=pure(0))
    with pytest.raises(BadInput, match="number 4 is a Spectrum; expected a Normalized"):
        xas.find_components([*series(2, count=3)[0], raw])  # type: ignore[list-item]


@pytest.mark.parametrize("n_components", [0, 12, -1])
def test_a_number_of_components_beyond_the_series_is_refused(n_components: int) -> None:
    spectra, _ = series(2, noise=1e-3)
    with pytest.raises(BadInput, match=f"n_components is {n_components}"):
        xas.transform_target(xas.find_components(spectra), spectra[0], n_components=n_components)
    with pytest.raises(BadInput, match=f"n_components is {n_components} for 12 spectra"):
        xas.resolve_spectra(spectra, n_components=n_components)


def test_a_range_of_fewer_points_than_spectra_is_refused() -> None:
    with pytest.raises(BadInput, match="holds 10 points for 12 spectra"):
        xas.find_components(series(2)[0], e_range=(0.0, 8.5))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tolerance": 0.0}, "tolerance is 0"),
        ({"tolerance": math.nan}, "tolerance is nan"),
        ({"max_iterations": 0}, "max_iterations 0"),
        ({"e_range": (50, -20)}, "two ascending numbers"),
        ({"e_range": 50}, "two ascending numbers"),
    ],
)
def test_bad_options_of_a_resolution_are_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        xas.resolve_spectra(series(2)[0], n_components=2, **change)


def test_one_start_a_species_is_asked_for() -> None:
    spectra, _ = series(2)
    with pytest.raises(BadInput, match="initial holds 1 spectra for 2 components"):
        xas.resolve_spectra(spectra, n_components=2, initial=spectra[:1])


def test_a_target_that_does_not_cover_the_components_is_refused() -> None:
    components = xas.find_components(series(2, noise=1e-3)[0])
    keep = ENERGY < 7150
    whole = normalized(pure(0), "short")
    short = replace(whole, **{n: getattr(whole, n)[keep] for n in ("energy", "mu", "norm", "flat")})
    with pytest.raises(BadInput, match="target: short runs from 6950"):
        xas.transform_target(components, short)


@pytest.mark.parametrize("what", ["components", "target", "resolved"])
def test_results_draw_themselves(what: str) -> None:
    from matplotlib.figure import Figure

    spectra, _ = series(2, noise=1e-3)
    components = xas.find_components(spectra)
    result: Any = components
    if what == "target":
        result = xas.transform_target(components, spectra[0])
    elif what == "resolved":
        result = xas.resolve_spectra(spectra, n_components=2)
    ax = Figure().subplots()
    assert result.plot(ax)
    assert ax.get_legend() is not None
