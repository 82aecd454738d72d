"""Mixtures of references come out with the weights put in, and with errors that hold."""

import itertools
import math
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xorder import xas
from xorder.errors import BadInput
from xorder.fitting import fit, numeric_jacobian
from xorder.xas.mixtures import _Mixture, non_negative_weights
from xorder.xas.normalization_noise import normalization_noise
from xorder.xas.xanes import independent_points, point_noise

E0 = 7120.0
ENERGY = np.concatenate(
    [np.arange(6950, 7095, 5.0), np.arange(7095, 7160, 0.5), np.arange(7160, 7700, 4.0)]
)

#: Edge position, then height, position and width of white line and of a shoulder (simulated).
SPECIES = {
    "FeO": (7119.0, 0.45, 7124.0, 3.0, 0.10, 7135.0),
    "Fe2O3": (7122.5, 0.75, 7131.0, 3.5, 0.15, 7146.0),
    "Fe": (7112.5, 0.15, 7131.0, 4.0, 0.10, 7114.0),
    "FeS": (7117.0, 0.30, 7119.5, 2.0, 0.20, 7140.0),
}


def shape(name: str, energy: np.ndarray = ENERGY) -> np.ndarray:
    edge, height, top, width, second, later = SPECIES[name]
    return (
        0.5
        + np.arctan((energy - edge) / 1.3) / math.pi
        + height * np.exp(-(((energy - top) / width) ** 2))
        + second * np.exp(-(((energy - later) / 5.0) ** 2))
    )


def normalized(
    mu: np.ndarray, *, name: str = "", energy: np.ndarray = ENERGY, **fields: Any
) -> xas.Normalized:
    spectrum = xas.Spectrum(
        energy=energy, mu=mu, name=name, simulated=True, **{"element": "Fe", "edge": "K", **fields}
    )
    return xas.normalize(
        spectrum, e0=E0, pre_edge=(-160.0, -30.0), post_edge=(100.0, 550.0), order=1
    )


@pytest.fixture(scope="module")
def references() -> dict[str, xas.Normalized]:
    return {name: normalized(shape(name), name=name) for name in SPECIES}


def mixture(weights: dict[str, float], *, noise: float = 0.0, seed: int = 0) -> xas.Normalized:
    mu = sum(w * shape(name) for name, w in weights.items())
    mu = mu + noise * np.random.default_rng(seed).standard_normal(ENERGY.size)
    return normalized(mu, name="sample")


MAGNETITE = {"FeO": 1 / 3, "Fe2O3": 2 / 3}


@pytest.mark.parametrize("space", ["flat", "norm", "derivative"])
@pytest.mark.parametrize("sum_to_one", [True, False])
def test_magnetite_is_a_third_and_two_thirds(
    references: dict[str, xas.Normalized], space: Any, sum_to_one: bool
) -> None:
    found = xas.fit_linear_combination(
        mixture(MAGNETITE), list(references.values()), space=space, sum_to_one=sum_to_one
    ).simplest
    assert found.names == ("FeO", "Fe2O3")
    assert found.weights == pytest.approx([1 / 3, 2 / 3], abs=1e-3)
    assert found.r_factor < 1e-6


def test_the_species_are_told_under_noise(references: dict[str, xas.Normalized]) -> None:
    found = xas.fit_linear_combination(mixture(MAGNETITE, noise=0.003), list(references.values()))
    assert found.simplest.names == ("FeO", "Fe2O3")
    assert found.simplest.weights == pytest.approx([1 / 3, 2 / 3], abs=0.02)
    assert found.simplest.redchi == pytest.approx(1.0, abs=0.5)
    wrong = [c for c in found.ranked if not {"FeO", "Fe2O3"} <= set(c.names)]
    assert wrong
    assert all(c.p_value < 1e-3 for c in wrong)


@pytest.mark.parametrize("space", ["flat", "derivative"])
def test_errors_cover_the_truth_as_often_as_they_say(
    references: dict[str, xas.Normalized], space: Any
) -> None:
    """Of 200 noisy mixtures 68 % lie within one standard error, whatever the mixture."""
    generator = np.random.default_rng(7)
    pulls = []
    for seed in range(200):
        share = generator.uniform(0.2, 0.8)
        found = xas.fit_linear_combination(
            mixture({"FeO": share, "Fe2O3": 1 - share}, noise=0.004, seed=seed),
            [references["FeO"], references["Fe2O3"]],
            space=space,
            all_combinations=False,
        ).best
        pulls.append((found.weights[0] - share) / found.weights_stderr[0])
    assert 0.60 <= np.mean(np.abs(pulls) < 1) <= 0.76
    assert abs(np.mean(pulls)) < 0.25


def test_oversampling_does_not_shrink_the_errors(references: dict[str, xas.Normalized]) -> None:
    """The same noise drawn on every fifth point only, interpolated between, knows no more."""
    coarse = mixture(MAGNETITE, noise=0.004, seed=3)
    fine = np.concatenate(
        [ENERGY[ENERGY < 7095], np.arange(7095, 7160, 0.1), ENERGY[ENERGY >= 7160]]
    )
    noise = coarse.mu - sum(w * shape(n) for n, w in MAGNETITE.items())
    mu = sum(w * shape(n, fine) for n, w in MAGNETITE.items()) + np.interp(fine, ENERGY, noise)
    pair = [references["FeO"], references["Fe2O3"]]
    errors = [
        xas.fit_linear_combination(s, pair, all_combinations=False).best.weights_stderr[0]
        for s in (coarse, normalized(mu, energy=fine))
    ]
    assert errors[1] == pytest.approx(errors[0], rel=0.4)


def test_weights_are_never_negative_and_the_needless_is_left_out(
    references: dict[str, xas.Normalized],
) -> None:
    found = xas.fit_linear_combination(
        mixture({"FeO": 1.0}, noise=0.002), list(references.values())
    )
    assert all(np.all(c.weights >= 0) for c in found.ranked)
    assert any("fell to zero" in message for message in found.messages)
    everything = xas.fit_linear_combination(
        mixture({"FeO": 1.0}, noise=0.002), list(references.values()), all_combinations=False
    )
    assert len(everything) == 1
    at_zero = everything.best.weights == 0
    assert at_zero.any()
    assert np.all(everything.best.weights_stderr[at_zero] > 0)


def test_a_missing_species_is_told(references: dict[str, xas.Normalized]) -> None:
    sample = mixture({"FeO": 0.4, "FeS": 0.6}, noise=0.001)
    found = xas.fit_linear_combination(sample, [references["FeO"], references["Fe2O3"]])
    assert found.best.redchi > 4
    assert any("a species is missing" in message for message in found.messages)


def test_a_moved_reference_is_moved_back(references: dict[str, xas.Normalized]) -> None:
    moved = replace(references["FeO"], energy=references["FeO"].energy + 0.7)
    pair = [moved, references["Fe2O3"]]
    sample = mixture(MAGNETITE, noise=0.002)
    straight = xas.fit_linear_combination(sample, pair).best
    found = xas.fit_linear_combination(sample, pair, max_shift=2.0, all_combinations=False).best
    assert found
    assert found.redchi < 0.2 * straight.redchi
    assert found.shifts[0] == pytest.approx(-0.7, abs=5 * found.shifts_stderr[0])
    assert found.weights[0] == pytest.approx(1 / 3, abs=5 * found.weights_stderr[0])
    assert found.weights.sum() == pytest.approx(1.0)


def test_errors_of_weights_and_shifts_cover_the_truth(
    references: dict[str, xas.Normalized],
) -> None:
    pulls = []
    for seed in range(60):
        found = xas.fit_linear_combination(
            mixture({"FeO": 0.4, "Fe2O3": 0.6}, noise=0.004, seed=seed),
            [references["FeO"], references["Fe2O3"]],
            all_combinations=False,
            max_shift=1.0,
        ).best
        pulls.append(
            [
                (found.weights[0] - 0.4) / found.weights_stderr[0],
                *found.shifts / found.shifts_stderr,
            ]
        )
    inside = np.mean(np.abs(pulls) < 1, axis=0)
    assert np.all((inside > 0.5) & (inside < 0.86))


@pytest.fixture
def no_normalization_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the errors with the scatter of the points alone, which is all that others know."""
    monkeypatch.setattr(
        "xorder.xas.linear_combination.normalization_noise",
        lambda item, x, *, space: np.zeros((x.size, 1)),
    )


@pytest.mark.usefixtures("no_normalization_noise")
def test_the_exact_solution_is_that_of_the_one_fit(
    references: dict[str, xas.Normalized], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With shifts held at zero the iterative fit has the linear problem's weights and errors."""
    pair = [references["FeO"], references["Fe2O3"]]
    sample = mixture(MAGNETITE, noise=0.004)
    exact = xas.fit_linear_combination(sample, pair, all_combinations=False).best
    seen: list[_Mixture] = []
    monkeypatch.setattr(
        "xorder.xas.mixtures._Mixture", lambda *a: seen.append(_Mixture(*a)) or seen[-1]
    )
    xas.fit_linear_combination(sample, pair, all_combinations=False, max_shift=1.0)
    objective = seen[0]
    values = objective.parameters.valuesdict()
    names = [n for n, p in objective.parameters.items() if p.vary]
    np.testing.assert_allclose(
        objective.jacobian(values, names), numeric_jacobian(objective, values, names), atol=1e-5
    )
    objective.n_independent = exact.n_independent
    held = objective.parameters.updated("shift_0", vary=False).updated("shift_1", vary=False)
    found = fit(objective, held).parameters
    assert found["weight_0"].value == pytest.approx(exact.weights[0], abs=1e-6)
    assert found["weight_0"].stderr == pytest.approx(exact.weights_stderr[0], rel=1e-3)
    assert found["weight_1"].stderr == pytest.approx(exact.weights_stderr[1], rel=1e-3)


@given(seed=st.integers(0, 10_000), count=st.integers(1, 5))
@settings(max_examples=40, deadline=None)
def test_weights_on_the_simplex_cannot_be_bettered(seed: int, count: int) -> None:
    """No step between two vertices of the simplex lowers the misfit (Karush, Kuhn, Tucker)."""
    generator = np.random.default_rng(seed)
    a, b = generator.standard_normal((20, count)), generator.standard_normal(20)
    weights = non_negative_weights(a, b, True)
    assert weights.sum() == pytest.approx(1.0)
    assert np.all(weights >= 0)
    least = np.sum((a @ weights - b) ** 2)
    for i, j in itertools.permutations(range(count), 2):
        step = min(1e-3, weights[i])
        other = weights.copy()
        other[i] -= step
        other[j] += step
        assert np.sum((a @ other - b) ** 2) >= least - 1e-9


def test_hamiltons_test_of_a_subset_is_the_f_test(references: dict[str, xas.Normalized]) -> None:
    from scipy.stats import f

    sample = mixture({"FeO": 0.33, "Fe2O3": 0.62, "Fe": 0.05}, noise=0.01)
    three = [references[n] for n in ("FeO", "Fe2O3", "Fe")]
    found = xas.fit_linear_combination(sample, three)
    assert len(found.best.names) == 3
    subset = next(c for c in found.ranked if c.names == ("FeO", "Fe2O3"))
    freedom = found.best.n_independent - found.best.nvarys
    ratio = (subset.r_factor / found.best.r_factor - 1) * freedom
    assert subset.p_value == pytest.approx(f.sf(ratio, 1, freedom), rel=1e-9)


def test_independent_points_of_white_and_of_smoothed_noise() -> None:
    white = np.random.default_rng(0).standard_normal(2000)
    assert independent_points(white, 5.0) > 1500
    smooth = np.convolve(white, np.ones(10) / 10, mode="same")
    assert independent_points(smooth, 5.0) == pytest.approx(200, rel=0.35)
    assert independent_points(np.ones(100), 5.0) == 5.0


@pytest.mark.parametrize("space", ["flat", "norm"])
def test_noise_in_the_ranges_of_normalization_moves_the_edge_as_said(space: str) -> None:
    """Noise before -30 and after 100 eV only: what moves near the edge is the normalization."""
    far = (ENERGY < E0 - 30) | (ENERGY > E0 + 100)
    near = (ENERGY > E0 - 20) & (ENERGY < E0 + 30)
    generator = np.random.default_rng(5)
    smooth = normalized(shape("FeO"))
    drawn, said = [], []
    for _ in range(200):
        noise = np.where(far, 0.01 * generator.standard_normal(ENERGY.size), 0.0)
        one = normalized(shape("FeO") + noise)
        drawn.append((getattr(one, space) - getattr(smooth, space))[near])
        moves = normalization_noise(one, ENERGY[near], space=space)
        said.append(np.sum(moves**2, axis=1))
    assert np.sqrt(np.mean(said, axis=0)) == pytest.approx(np.std(drawn, axis=0), rel=0.25)


def test_the_noise_of_a_smooth_curve_is_found_on_an_uneven_grid() -> None:
    x = np.sort(np.random.default_rng(1).uniform(0, 100, 800)) + np.arange(800) * 0.05
    y = np.sin(x / 8) + 0.01 * np.random.default_rng(2).standard_normal(x.size)
    assert point_noise(x, y) == pytest.approx(0.01, rel=0.15)


def test_oscillations_combine_too(references: dict[str, xas.Normalized]) -> None:
    def waves(r: float) -> xas.Normalized:
        energy = np.concatenate([np.arange(6950.0, 7100.0, 5.0), np.arange(7100.0, 7800.0, 1.0)])
        k = xas.k_from_energy(np.clip(energy, E0, None), e0=E0)
        chi = 0.5 * np.sin(2 * k * r) * np.exp(-0.012 * k**2) / (k + 2)
        mu = 0.5 + np.arctan((energy - E0) / 1.5) / math.pi + np.where(energy > E0, chi, 0.0)
        return normalized(mu, energy=energy, name=f"{r} Å")

    short, long = waves(1.9), waves(2.4)
    mixed = replace(short, mu=0.3 * short.mu + 0.7 * long.mu, name="mixed")
    sets = [xas.subtract_background(s) for s in (mixed, short, long)]
    found = xas.fit_linear_combination(sets[0], sets[1:], space="chi", k_range=(3, 10)).best
    assert found.weights == pytest.approx([0.3, 0.7], abs=0.03)


def test_the_table_has_a_row_a_combination(references: dict[str, xas.Normalized]) -> None:
    found = xas.fit_linear_combination(
        mixture(MAGNETITE, noise=0.01), list(references.values()), max_components=2
    )
    table = found.to_dataframe()
    assert len(table) == len(found)
    assert list(table.columns[-3:]) == ["r_factor", "redchi", "p_value"]
    assert found.provenance is not None
    assert found.provenance.parameters["max_components"] == 2
    assert max(len(c.names) for c in found.ranked) == 2


@pytest.mark.reference
@pytest.mark.usefixtures("no_normalization_noise")
@pytest.mark.parametrize("sum_to_one", [True, False])
def test_larch_finds_the_same_weights(
    references: dict[str, xas.Normalized], larch: SimpleNamespace, sum_to_one: bool
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from larch.math import lincombo_fit
    sample = mixture({"FeO": 0.25, "Fe2O3": 0.6, "FeS": 0.15}, noise=0.005)
    names = ["FeO", "Fe2O3", "FeS"]
    ours = xas.fit_linear_combination(
        sample, [references[n] for n in names], sum_to_one=sum_to_one, all_combinations=False
    ).best
    theirs = lincombo_fit(
        sample.to_larch(),
        [references[n].to_larch() for n in names],
        arrayname="flat",
        xmin=E0 - 20,
        xmax=E0 + 30,
        sum_to_one=sum_to_one,
    )
    assert ours.x.size == theirs.xdata.size
    assert ours.weights == pytest.approx([theirs.weights[n] for n in names], abs=1e-5)
    assert ours.r_factor == pytest.approx(theirs.rfactor, rel=1e-5)
    # larch counts every point; ours the independent ones.
    freedom = np.sqrt((ours.n_independent - ours.nvarys) / (ours.x.size - ours.nvarys))
    errors = [theirs.params[n].stderr for n in names]
    assert ours.weights_stderr * freedom == pytest.approx(errors, rel=2e-3)


@pytest.fixture(scope="module")
def gold(shared: Callable[..., Path]) -> dict[str, xas.Normalized]:
    groups = xas.read_all(shared("data", "xas", "cyanobacteria.prj"))
    return {s.name: xas.normalize(s, **xas.athena_settings(s)) for s in groups}


@pytest.mark.reference
def test_athenas_tutorial_finds_half_of_the_gold_metallic(gold: dict[str, xas.Normalized]) -> None:
    """Athena: 51(1) % foil; with the sulphide 34(2) % foil and 18(2) % sulphide."""
    foil, chloride, sulphide = (gold[n] for n in ("Au foil", "Au3 Cl aq", "Au sulphide"))
    two = xas.fit_linear_combination(gold["7.03"], [foil, chloride]).best
    assert 0.51 <= two.weights[0] <= 0.53
    assert 0.005 < two.weights_stderr[0] < 0.03
    three = xas.fit_linear_combination(gold["7.03"], [foil, chloride, sulphide])
    assert len(three.best.names) == 3
    metal, _, sulphur = three.best.weights
    errors = three.best.weights_stderr
    assert metal == pytest.approx(0.34, abs=errors[0])
    assert sulphur == pytest.approx(0.18, abs=errors[2])
    assert three.ranked[1].p_value < 0.05


# What cannot be used


BAD = {
    "no reference": ({"references": []}, "there is no reference"),
    "not a list": ({"references": "FeO"}, "references is a str"),
    "e_range the wrong way": ({"e_range": (30, -20)}, "two ascending numbers"),
    "e_range of words": ({"e_range": ("a", "b")}, "two ascending numbers"),
    "e_range of NaN": ({"e_range": (math.nan, 30)}, "two ascending numbers"),
    "e_range too narrow": ({"e_range": (0.0, 1.0)}, "holds 3 points"),
    "e_range beyond the data": ({"e_range": (-500, 30)}, "reaches beyond sample"),
    "space unknown": ({"space": "mu"}, "space is 'mu'; expected flat, norm, derivative, chi"),
    "chi of a normalized": ({"space": "chi"}, "number 1 is a Normalized; expected a Exafs"),
    "no components": ({"max_components": 0}, "max_components is 0"),
    "fewer at once than there are": (
        {"max_components": 1, "all_combinations": False},
        "all 4 references are to be fitted at once",
    ),
    "a negative shift": ({"max_shift": -1.0}, "max_shift is -1 eV"),
    "a huge shift": ({"max_shift": 500.0}, "max_shift is 500 eV"),
}


@pytest.mark.parametrize(("change", "message"), BAD.values(), ids=BAD.keys())
def test_bad_arguments_are_named(
    references: dict[str, xas.Normalized], change: dict[str, Any], message: str
) -> None:
    given_references = change.pop("references", list(references.values()))
    try:
        with pytest.raises(BadInput, match=message):
            xas.fit_linear_combination(mixture(MAGNETITE), given_references, **change)
    finally:
        if given_references != list(references.values()):
            change["references"] = given_references


def test_a_spectrum_that_is_not_normalized_is_refused(
    references: dict[str, xas.Normalized],
) -> None:
    raw = xas.Spectrum(energy=ENERGY, mu=shape("FeO"))
    with pytest.raises(BadInput, match=r"number 1 is a Spectrum.*xas\.normalize"):
        xas.fit_linear_combination(raw, list(references.values()))  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="number 3 is a Spectrum"):
        xas.fit_linear_combination(mixture(MAGNETITE), [references["FeO"], raw])  # type: ignore[list-item]


def test_a_single_reference_without_a_list_is_refused(
    references: dict[str, xas.Normalized],
) -> None:
    with pytest.raises(BadInput, match="references is a Normalized"):
        xas.fit_linear_combination(mixture(MAGNETITE), references["FeO"])  # type: ignore[arg-type]


def test_the_same_reference_twice_is_refused(references: dict[str, xas.Normalized]) -> None:
    again = replace(references["FeO"], name="another name")
    with pytest.raises(BadInput, match=r"references 1 \(FeO\) and 3 \(another name\) are the same"):
        xas.fit_linear_combination(
            mixture(MAGNETITE), [references["FeO"], references["Fe2O3"], again]
        )


def test_a_reference_that_does_not_cover_the_range_is_refused(
    references: dict[str, xas.Normalized],
) -> None:
    fe = references["Fe2O3"]
    keep = fe.energy < 7140
    short = replace(fe, **{n: getattr(fe, n)[keep] for n in ("energy", "mu", "norm", "flat")})
    with pytest.raises(BadInput, match=r"Fe2O3 runs from 6950\.00 to 7139\.50 eV and does not"):
        xas.fit_linear_combination(mixture(MAGNETITE), [references["FeO"], short])


def test_more_references_than_independent_points_are_refused() -> None:
    """Eight references over 10 eV, where the core hole of 1.2 eV leaves eight points."""
    generator = np.random.default_rng(0)
    many = [
        normalized(shape("FeO") + 0.05 * np.sin(ENERGY / generator.uniform(2, 9)), name=str(i))
        for i in range(12)
    ]
    with pytest.raises(BadInput, match=r"12 references with 11 variables for .* independent"):
        xas.fit_linear_combination(
            mixture(MAGNETITE), many, e_range=(-5, 5), all_combinations=False
        )


@pytest.mark.parametrize(
    ("value", "message"), [(math.nan, "FeO is not finite at"), (0.0, "FeO is zero ever")]
)
def test_an_empty_reference_is_refused(
    references: dict[str, xas.Normalized], value: float, message: str
) -> None:
    empty = replace(references["FeO"], flat=np.full(ENERGY.size, value))
    with pytest.raises(BadInput, match=message):
        xas.fit_linear_combination(mixture(MAGNETITE), [empty, references["Fe2O3"]])


def test_a_sample_that_is_a_reference_is_that_reference(
    references: dict[str, xas.Normalized],
) -> None:
    found = xas.fit_linear_combination(
        references["FeO"], list(references.values()), max_shift=1.0, all_combinations=False
    ).best
    assert found.weights == pytest.approx([1, 0, 0, 0], abs=1e-4)


def test_too_many_combinations_are_refused_with_their_number() -> None:
    many = [
        normalized(shape("FeO") + 0.01 * i * np.sin(ENERGY / 9), name=str(i)) for i in range(40)
    ]
    with pytest.raises(BadInput, match="40 references make 102090 combinations of up to 4"):
        xas.fit_linear_combination(mixture(MAGNETITE), many, max_components=4)


def test_references_of_another_edge_are_refused(references: dict[str, xas.Normalized]) -> None:
    other = replace(references["FeO"], element="Mn")
    with pytest.raises(BadInput, match="different edges: Fe K, Mn K"):
        xas.fit_linear_combination(mixture(MAGNETITE), [other, references["Fe2O3"]])


def test_a_mixture_is_drawn_with_its_parts(references: dict[str, xas.Normalized]) -> None:
    from matplotlib.figure import Figure

    ax = Figure().subplots()
    found = xas.fit_linear_combination(mixture(MAGNETITE), list(references.values()))
    artists = found.plot(ax)
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert any(text.startswith("FeO 33") for text in texts)
    assert "sample (simulated)" in texts
    assert len(artists) >= 5
