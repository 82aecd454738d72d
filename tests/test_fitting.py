"""The one fit: certified problems, coverage of its errors, constraints, refusals."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xorder.errors import BadInput
from xorder.fitting import FitResult, Parameter, Parameters, fit, numeric_jacobian
from xorder.results import Array


@dataclass
class Curve:
    """Data and a model of x; the Jacobian is numeric."""

    x: Array
    y: Array
    model: Callable[..., Array]
    parameters: Parameters
    sigma: float = 1.0
    independent: float | None = None

    @property
    def n_independent(self) -> float:
        return len(self.x) if self.independent is None else self.independent

    def residual(self, values: Mapping[str, float]) -> Array:
        own = {name: values[name] for name in self.parameters if name in values}
        return (self.y - self.model(self.x, **own)) / self.sigma

    def jacobian(self, values: Mapping[str, float], names: Sequence[str]) -> Array:
        return numeric_jacobian(self, values, names)


def start(**values: float) -> Parameters:
    return Parameters(Parameter(name=name, value=value) for name, value in values.items())


# NIST StRD nonlinear regression: data, certified values and certified standard deviations.
MISRA1A_X = np.array([77.6, 114.9, 141.1, 190.8, 239.9, 289.0, 332.8, 378.4, 434.8, 477.3, 536.8,
                      593.1, 689.1, 760.0])  # fmt: skip
MISRA1A_Y = np.array([10.07, 14.73, 17.94, 23.93, 29.61, 35.18, 40.02, 44.82, 50.76, 55.05, 61.01,
                      66.40, 75.47, 81.78])  # fmt: skip
BOXBOD_X = np.array([1.0, 2.0, 3.0, 5.0, 7.0, 10.0])
BOXBOD_Y = np.array([109.0, 149.0, 149.0, 191.0, 213.0, 224.0])


def saturation(x: Array, b1: float, b2: float) -> Array:
    return b1 * (1.0 - np.exp(-b2 * x))


@pytest.mark.reference
@pytest.mark.parametrize(
    ("x", "y", "begin", "certified", "deviation"),
    [
        (MISRA1A_X, MISRA1A_Y, (500.0, 1e-4), (2.3894212918e2, 5.5015643181e-4),
         (2.7070075241, 7.2668688436e-6)),
        (MISRA1A_X, MISRA1A_Y, (250.0, 5e-4), (2.3894212918e2, 5.5015643181e-4),
         (2.7070075241, 7.2668688436e-6)),
        (BOXBOD_X, BOXBOD_Y, (100.0, 0.75), (2.1380940889e2, 5.4723748542e-1),
         (1.2354515176e1, 1.0455993237e-1)),
    ],
)  # fmt: skip
def test_certified_values_and_standard_deviations(x, y, begin, certified, deviation):
    curve = Curve(x, y, saturation, start(b1=begin[0], b2=begin[1]))
    found = fit(curve)
    assert found
    for name, value, error in zip(("b1", "b2"), certified, deviation, strict=True):
        assert found.parameters[name].value == pytest.approx(value, rel=1e-6)
        # The certificate divides by n - p points, and so do we.
        assert found.parameters[name].stderr == pytest.approx(error, rel=1e-4)


def line(x: Array, a: float, b: float) -> Array:
    return a + b * x


def noisy_line(seed: int, *, sigma: float = 0.1, points: int = 60) -> Curve:
    x = np.linspace(0.0, 1.0, points)
    noise = np.random.default_rng(seed).normal(scale=sigma, size=points)
    return Curve(x, line(x, 1.0, -2.0) + noise, line, start(a=0.0, b=0.0), sigma=sigma)


def test_true_values_lie_inside_one_sigma_as_often_as_they_must():
    inside = 0
    for seed in range(300):
        found = fit(noisy_line(seed))
        inside += abs(found.parameters["b"].value + 2.0) < found.parameters["b"].stderr
    # 68.3 % of 300 is 205 with a standard deviation of 8.
    assert 181 <= inside <= 229


def test_oversampled_points_do_not_shrink_the_error():
    x = np.linspace(0.0, 1.0, 50)
    y = line(x, 1.0, 2.0) + np.random.default_rng(3).normal(scale=0.1, size=50)
    once = fit(Curve(x, y, line, start(a=0.0, b=0.0)))
    repeated = Curve(np.repeat(x, 10), np.repeat(y, 10), line, start(a=0.0, b=0.0), independent=50)
    assert fit(repeated).parameters["b"].stderr == pytest.approx(once.parameters["b"].stderr)


def test_objectives_share_the_parameters_whose_names_they_share():
    first, second = noisy_line(1), noisy_line(2)
    joint = fit([first, second])
    assert joint.nvarys == 2
    assert joint.ndata == 120
    single = fit(first).parameters["b"].stderr
    assert joint.parameters["b"].stderr == pytest.approx(single / math.sqrt(2), rel=0.15)


def test_constraint_carries_its_error():
    curve = noisy_line(5)
    parameters = curve.parameters | {"c": Parameter(name="c", value=0.0, expr="2 * b + a")}
    found = fit(curve, parameters)
    a, b, c = (found.parameters[name] for name in "abc")
    assert c.value == pytest.approx(2 * b.value + a.value)
    covariance = found.covar[0, 1]
    assert c.stderr == pytest.approx(
        math.sqrt(4 * b.stderr**2 + a.stderr**2 + 4 * covariance), rel=1e-6
    )


def test_a_bound_that_is_reached_is_said_and_has_no_error():
    curve = noisy_line(5)
    found = fit(curve, curve.parameters.updated("b", min=-1.0))
    assert found.parameters["b"].value == pytest.approx(-1.0, abs=1e-6)
    assert math.isnan(found.parameters["b"].stderr)
    assert "b stopped at its bound" in found.flags


def test_what_the_data_do_not_determine_has_no_error():
    def twice(x: Array, a: float, b: float, c: float) -> Array:
        return a + b + c * x

    data = noisy_line(1)
    found = fit(Curve(data.x, data.y, twice, start(a=0.1, b=0.2, c=0.0)))
    assert math.isnan(found.parameters["a"].stderr)
    assert math.isfinite(found.parameters["c"].stderr)
    assert any("not determined" in flag for flag in found.flags)


def wave(x: Array, k: float) -> Array:
    return np.sin(k * x)


def test_many_starts_leave_a_false_minimum():
    x = np.linspace(0.0, 10.0, 200)
    parameters = Parameters([Parameter(name="k", value=1.0, min=0.5, max=6.0)])
    curve = Curve(x, wave(x, 4.0), wave, parameters)
    assert fit(curve).parameters["k"].value != pytest.approx(4.0, abs=0.1)
    found = fit(curve, starts=30, seed=1)
    assert found.parameters["k"].value == pytest.approx(4.0)
    assert found.minima[0] < found.minima[-1]


def test_stages_end_where_all_is_free():
    curve = noisy_line(9)
    assert fit(curve, stages=[["a"], ["b"]]).parameters["b"].value == pytest.approx(
        fit(curve).parameters["b"].value
    )


def failing(x: Array, a: float) -> Array:
    return np.full_like(x, np.nan) * a


def test_a_fit_that_cannot_work_is_a_falsy_result():
    x = np.linspace(0, 1, 20)
    found = fit(Curve(x, x, failing, start(a=1.0)))
    assert isinstance(found, FitResult)
    assert math.isnan(found.parameters["a"].stderr)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (start(), "no parameter varies"),
        (Parameters([Parameter(name="a", value=1.0, vary=False)]), "no parameter varies"),
        (Parameters([Parameter(name="a", value=1.0, expr="b + 1")]), "unknown b"),
        (Parameters([Parameter(name="a", value=1.0, expr="b"),
                     Parameter(name="b", value=1.0, expr="a")]), "in a circle"),
        (Parameters([Parameter(name="a", value=1.0, expr="().__class__")]), "uses"),
        (Parameters([Parameter(name="a", value=1.0, expr="2 *")]), "cannot be read"),
    ],
)  # fmt: skip
def test_parameters_that_make_no_fit_are_refused(parameters, message):
    x = np.linspace(0, 1, 20)
    with pytest.raises(BadInput, match=message):
        fit(Curve(x, x, lambda x, **_: x, parameters), parameters)


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"name": "2a", "value": 1.0}, "not an identifier"),
        ({"name": "a", "value": math.nan}, "starts at nan"),
        ({"name": "a", "value": 1.0, "min": 2.0, "max": 1.0}, "bounds"),
    ],
)
def test_a_parameter_without_sense_is_refused(keywords, message):
    with pytest.raises(BadInput, match=message):
        Parameters([Parameter(**keywords)])


def test_more_variables_than_independent_points_are_refused():
    data = noisy_line(1)
    data.independent = 2.0
    with pytest.raises(BadInput, match=r"2 variables for 2\.0 independent points"):
        fit(data)


def test_unknown_parameter_names_the_known_ones():
    with pytest.raises(BadInput, match="expected one of a, b"):
        start(a=1.0, b=2.0)["c"]


@settings(max_examples=25, deadline=None)
@given(a=st.floats(-1e3, 1e3), b=st.floats(-1e3, 1e3))
def test_a_line_without_noise_is_found_from_anywhere(a, b):
    x = np.linspace(-1.0, 1.0, 11)
    found = fit(Curve(x, line(x, a, b), line, start(a=1.0, b=1.0)))
    assert found.parameters["a"].value == pytest.approx(a, rel=1e-6, abs=1e-6)
    assert found.parameters["b"].value == pytest.approx(b, rel=1e-6, abs=1e-6)


def test_what_is_held_is_not_differentiated() -> None:
    asked: list[str] = []

    class Watched(Curve):
        def jacobian(self, values: Mapping[str, float], names: Sequence[str]) -> Array:
            asked.extend(names)
            return super().jacobian(values, names)

    x = np.linspace(0.0, 1.0, 20)
    parameters = start(a=1.0, b=2.0).updated("b", vary=False)
    found = fit(Watched(x, 3.0 * x + 2.0, lambda x, a, b: a * x + b, parameters))
    assert found.parameters["a"].value == pytest.approx(3.0)
    assert set(asked) == {"a"}


def test_a_coarse_tolerance_stops_earlier_at_the_same_place() -> None:
    x = np.linspace(0.0, 3.0, 40)
    y = 2.0 * np.exp(-1.3 * x) + 0.01 * np.sin(40.0 * x)
    curve = Curve(x, y, lambda x, a, k: a * np.exp(-k * x), start(a=0.3, k=0.2))
    fine, coarse = fit(curve), fit(curve, tolerance=1e-4)
    assert coarse.nfev < fine.nfev
    for name in ("a", "k"):
        p = fine.parameters[name]
        assert abs(coarse.parameters[name].value - p.value) < 0.1 * p.stderr
