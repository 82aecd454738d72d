"""Profiles and chains agree with the covariance where a fit is linear, and tell where it is not."""

import builtins
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest

from xorder.errors import BadInput, MissingExtra
from xorder.fitting import FitResult, Parameter, Parameters, fit
from xorder.posterior import profile_parameter, sample_posterior
from xorder.results import Array

X = np.linspace(0.0, 1.0, 40)


@dataclass(frozen=True)
class Line:
    """A straight line through noisy points."""

    y: Array
    parameters: Parameters
    n_independent: float = 40.0

    def residual(self, values: Mapping[str, float]) -> Array:
        return (self.y - values["a"] - values["b"] * X) / 0.1

    def jacobian(self, values: Mapping[str, float], names: Sequence[str]) -> Array:
        columns = {"a": -np.ones(X.size) / 0.1, "b": -X / 0.1}
        return np.stack([columns[name] for name in names], axis=1)


@dataclass(frozen=True)
class Root(Line):
    """The same line with slope b², whose b has errors on both sides that differ."""

    def residual(self, values: Mapping[str, float]) -> Array:
        return (self.y - values["a"] - values["b"] ** 2 * X) / 0.1

    def jacobian(self, values: Mapping[str, float], names: Sequence[str]) -> Array:
        slopes = super().jacobian(values, names)
        return slopes * np.array([2 * values["b"] if name == "b" else 1.0 for name in names])


def line(kind: type[Line] = Line, *, slope: float = 2.0, **b: float) -> Line:
    noise = 0.1 * np.random.default_rng(3).standard_normal(X.size)
    start = Parameters([Parameter(name="a", value=0.5), Parameter(name="b", value=1.0, **b)])
    return kind(1.0 + slope * X + noise, start)


@pytest.mark.parametrize("scale_covar", [True, False])
@pytest.mark.parametrize("name", ["a", "b"])
def test_the_profile_of_a_linear_fit_is_a_parabola_of_its_stderr(
    scale_covar: bool, name: str
) -> None:
    objective = line()
    found = fit(objective, scale_covar=scale_covar)
    profile = profile_parameter(objective, found, name)
    p = found.parameters[name]
    np.testing.assert_allclose(
        profile.increase, ((profile.value - p.value) / p.stderr) ** 2, atol=1e-6
    )
    assert profile.upper - p.value == pytest.approx(p.stderr, rel=1e-6)
    assert p.value - profile.lower == pytest.approx(p.stderr, rel=1e-6)
    assert profile.success


def test_the_profile_follows_a_covariance_that_is_not_of_independent_points() -> None:
    """As of points that depend on one another: errors of 2.5 and 0.7 times those of χ²."""
    objective = line()
    found = fit(objective)
    stretch = np.array([2.5, 0.7])
    changed = rescaled(found, stretch)
    for name, factor in zip("ab", stretch, strict=True):
        profile = profile_parameter(objective, changed, name)
        assert profile.upper - profile.best == pytest.approx(
            factor * found.parameters[name].stderr, rel=1e-6
        )


def test_a_lopsided_parameter_has_two_errors() -> None:
    """b² is known like a slope: the ends of b are the roots of the slope's ends."""
    objective = line(Root, slope=0.09)
    found = fit(objective, scale_covar=False)
    profile = profile_parameter(objective, found, "b", points=41)
    slope = fit(line(slope=0.09), scale_covar=False).parameters["b"]
    assert profile.upper == pytest.approx(math.sqrt(slope.value + slope.stderr), rel=2e-3)
    assert profile.best == pytest.approx(math.sqrt(slope.value), rel=1e-4)
    assert profile.best - profile.lower > 1.05 * (profile.upper - profile.best)


def test_an_open_side_is_said() -> None:
    objective = line(min=1.99, max=9.0)
    found = fit(objective)
    profile = profile_parameter(objective, found, "b", values=np.linspace(1.99, 2.4, 9).tolist())
    assert math.isnan(profile.lower)
    assert not profile.success
    assert "open below" in profile.message


def test_a_single_parameter_has_a_profile() -> None:
    objective = line()
    held = objective.parameters.updated("a", vary=False, value=1.0)
    found = fit(objective, held)
    profile = profile_parameter(objective, found, "b")
    assert profile.upper - profile.best == pytest.approx(profile.stderr, rel=1e-6)


@pytest.mark.parametrize("stretch", [(1.0, 1.0), (2.5, 0.7)])
def test_chains_of_a_linear_fit_have_its_covariance(stretch: tuple[float, float]) -> None:
    objective = line()
    found = rescaled(fit(objective), np.array(stretch))
    drawn = sample_posterior(objective, found, steps=1000, seed=1)
    best = np.array([found.parameters[n].value for n in drawn.names])
    errors = np.sqrt(np.diag(found.covar))
    np.testing.assert_allclose(drawn.mean, best, atol=0.1 * errors.max())
    np.testing.assert_allclose(drawn.covar / found.covar, 1.0, atol=0.15)
    np.testing.assert_allclose(drawn.upper - drawn.lower, 2 * errors, rtol=0.08)
    assert 0.2 < drawn.acceptance < 0.9
    assert drawn.to_dataframe().shape == drawn.samples.shape


def test_chains_keep_the_bounds_and_the_seed() -> None:
    objective = line(Root, slope=0.0, min=0.0, max=2.0)
    found = fit(objective)
    one, again = (sample_posterior(objective, found, steps=60, seed=5) for _ in range(2))
    assert one.samples[:, 1].min() >= 0.0
    np.testing.assert_array_equal(one.samples, again.samples)
    assert not one.success
    assert "remember" in one.message


def test_without_emcee_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *args: object, **kwargs: object) -> object:
        if name == "emcee":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    objective = line()
    with pytest.raises(MissingExtra, match=r"xorder\[posterior\]"):
        sample_posterior(objective, fit(objective))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "c"}, "c does not vary"),
        ({"name": "a", "points": 2}, "2 points over 3"),
        ({"name": "a", "reach": math.nan}, "over nan standard errors"),
        ({"name": "a", "values": [1.0]}, "three numbers"),
        ({"name": "a", "values": [0.0, math.nan, 1.0]}, "three numbers"),
        ({"name": "b", "values": [-5.0, 0.0, 1.0]}, "from -1 to"),
    ],
)
def test_bad_profiles_are_refused(arguments: dict[str, object], message: str) -> None:
    objective = line(min=-1.0)
    with pytest.raises(BadInput, match=message):
        profile_parameter(objective, fit(objective), **arguments)


def test_bad_chains_are_refused() -> None:
    objective = line()
    found = fit(objective)
    with pytest.raises(BadInput, match="3 steps of 16 walkers"):
        sample_posterior(objective, found, steps=3)
    with pytest.raises(BadInput, match="100 steps of 2 walkers"):
        sample_posterior(objective, found, steps=100, walkers=2)
    with pytest.raises(BadInput, match="no objective"):
        sample_posterior([], found)
    with pytest.raises(BadInput, match="the fit failed: why"):
        profile_parameter(objective, replace(found, success=False, message="why"), "a")


def rescaled(found: FitResult, stretch: Array) -> FitResult:
    """Return the fit with standard errors times `stretch`, correlations as they are."""
    covar = found.covar * np.outer(stretch, stretch)
    parameters = Parameters(
        replace(p, stderr=p.stderr * s)
        for p, s in zip(found.parameters.values(), stretch, strict=True)
    )
    return replace(found, covar=covar, parameters=parameters)
