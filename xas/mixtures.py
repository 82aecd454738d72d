"""One mixture of references: exact non-negative weights, or weights with energy shifts."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xorder.errors import BadInput
from xorder.fitting import FitResult, Parameter, Parameters, fit
from xorder.results import Array, Number, Result, quantity
from xorder.xas.xanes import independent_points, inverse_normal, scatter_covariance

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["ZERO", "LinearCombination", "MixtureProblem", "non_negative_weights"]

#: Weights below this share of their sum are at zero.
ZERO = 1e-9


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class LinearCombination(Result):
    """One mixture of references fitted to a spectrum. Falsy where the fit failed."""

    x: Array = quantity("eV, or Å⁻¹ for chi", symbol="E or k", dims=("x",))
    """Energy, or wavenumber where `space` is ``"chi"``, at the sample's points, shape (N,)."""
    data: Array = quantity(symbol="data", dims=("x",))
    """The sample's curve."""
    model: Array = quantity(symbol="fit", dims=("x",))
    """Sum of the weighted references."""
    residual: Array = quantity(symbol="data − fit", dims=("x",))
    """`data` minus `model`."""
    components: Array = quantity(symbol="weighted references", dims=("names", "x"))
    """Each reference times its weight, shape (references, N)."""
    names: tuple[str, ...] = ()
    """Names of the references."""
    weights: Array = quantity(symbol="w", dims=("names",))
    """Weight of each reference, none negative, shape (references,)."""
    weights_stderr: Array = quantity(symbol="σ(w)", dims=("names",))
    """Standard errors of the weights; of one at zero, as if it were free."""
    covar: Array = quantity()
    """Covariance of the weights, shape (references, references); zero where a weight is at zero."""
    shifts: Array = quantity("eV", symbol="ΔE", dims=("names",))
    """Energy that each reference was moved up; zeros where shifts were not asked for."""
    shifts_stderr: Array = quantity("eV", symbol="σ(ΔE)", dims=("names",))
    """Standard errors of the shifts; NaN where they did not vary."""
    r_factor: float = quantity()
    """Σ residual² / Σ data²."""
    chisqr: float = quantity()
    """χ² with the noise of one point of the sample as error, over the independent points of the
    combination that comes closest, so that combinations compare."""
    redchi: float = quantity()
    """χ² over the degrees of freedom; far above one where the references do not explain it all."""
    n_independent: float = quantity()
    """Independent points that errors count: points over the residual's autocorrelation time."""
    nvarys: int = 0
    """Number of varying weights and shifts."""
    epsilon: float = quantity()
    """Standard error of one point of `data`: as measured, else from its point-to-point scatter."""
    p_value: float = quantity(default=math.nan)
    """Probability that chance alone makes the difference in χ² to the best combination."""
    space: str = "flat"
    """Kind of curve."""
    sum_to_one: bool = True
    """Whether the weights were held to a sum of one."""
    success: bool = True
    """Whether a minimum was reached."""
    name: str = ""
    """Name of the sample."""
    simulated: bool = False
    """True where the sample is calculated."""
    messages: tuple[str, ...] = ()
    """What a user must know, one sentence each."""

    def __bool__(self) -> bool:
        return self.success

    @property
    def numbers(self) -> tuple[Number, ...]:
        """Weights, shifts and goodness as rows of a summary."""
        rows = [
            Number(name=f"weight ({name})", value=float(w), stderr=float(s))
            for name, w, s in zip(self.names, self.weights, self.weights_stderr, strict=True)
        ]
        rows += [
            Number(name=f"shift ({name})", value=float(v), stderr=float(s), unit="eV")
            for name, v, s in zip(self.names, self.shifts, self.shifts_stderr, strict=True)
            if math.isfinite(s)
        ]
        return (*rows, Number(name="r_factor", value=self.r_factor))

    def plot(self, ax: Axes | None = None, **artist_kwargs: Any) -> list[Any]:
        """Draw data, fit, components and residual on Matplotlib axes; return the artists."""
        from xorder.xas.xanes_plots import plot_linear_combination

        return plot_linear_combination(self, ax, **artist_kwargs)


@dataclass(frozen=True, slots=True)
class MixtureProblem:
    """A sample's points and every reference on them."""

    x: Array
    data: Array
    curves: Array
    names: tuple[str, ...]
    splines: tuple[Any, ...]
    epsilon: float
    least: float
    common: tuple[Array, ...]
    """What the noise of each normalization does to the points: the sample's, then references'."""
    root: Array | None
    """How noise is shared between the points (derivatives); None where each has its own."""
    space: str
    sum_to_one: bool
    max_shift: float
    sample: str
    simulated: bool

    def check_size(self, components: int) -> None:
        varying = components * (2 if self.max_shift > 0 else 1) - int(self.sum_to_one)
        if varying >= self.least:
            raise BadInput(
                f"{components} references with {varying} variables for {self.least:.1f} "
                "independent points (the range over the resolution)",
                expected="a lower max_components, fewer references or a wider range",
            )

    def linear(self, chosen: tuple[int, ...]) -> LinearCombination:
        a = self.curves[list(chosen)].T
        weights = non_negative_weights(a, self.data, self.sum_to_one)
        residual = self.data - a @ weights
        free = weights > ZERO * max(float(weights.sum()), 1e-300)
        nvarys = int(np.count_nonzero(free)) - int(self.sum_to_one)
        n = max(independent_points(residual, self.least), nvarys + 1.0)
        variance = float(residual @ residual) / (n - nvarys)
        inner = _inverse(a, free, self.sum_to_one)
        common = self.normalization(chosen, weights)
        root = self.shared_noise(n)
        covar = _covariance(a, inner, variance, common, root)
        stderr = np.sqrt(np.clip(np.diag(covar), 0.0, None))
        for held in np.flatnonzero(~free):
            opened = free.copy()
            opened[held] = True
            inner = _inverse(a, opened, self.sum_to_one)
            stderr[held] = math.sqrt(_covariance(a, inner, variance, common, root)[held, held])
        return self._result(
            chosen,
            weights=np.where(free, weights, 0.0),
            stderr=stderr,
            covar=covar,
            components=weights[:, None] * a.T,
            nvarys=max(nvarys, 0),
            n_independent=n,
        )

    def shared_noise(self, n_independent: float) -> Array | None:
        """Return the noise that points share, where the residual looks like that noise."""
        return self.root if n_independent >= 0.99 * self.x.size else None

    def normalization(self, chosen: tuple[int, ...], weights: Array) -> Array:
        """Return the noise of all normalizations in the sample minus the mixture, (N, sources)."""
        parts = [w * self.common[1 + i] for i, w in zip(chosen, weights, strict=True)]
        return np.hstack([self.common[0], *parts])

    def shifted(self, chosen: tuple[int, ...]) -> LinearCombination:
        start = self.linear(chosen)
        objective = _Mixture(self, chosen, start)
        first = fit(objective)
        objective.n_independent = max(
            independent_points(first.residual[0], self.least), first.nvarys + 1.0
        )
        found = fit(objective, first.parameters)
        values = found.parameters.valuesdict()
        weights = np.array([values[f"weight_{i}"] for i in chosen])
        shifts = np.array([values[f"shift_{i}"] for i in chosen])
        # The weight that completes the sum has no bound of its own in the fit.
        success = found.success and bool(np.all(weights > -ZERO))
        curves = [self.splines[i](self.x - s) for i, s in zip(chosen, shifts, strict=True)]
        common = self.normalization(chosen, weights)
        covar = objective.covariance(found, common)
        errors = np.sqrt(np.clip(np.diag(covar), 0.0, None))
        result = self._result(
            chosen,
            weights=weights,
            stderr=errors[: len(chosen)],
            covar=covar[: len(chosen), : len(chosen)],
            components=weights[:, None] * np.stack(curves),
            nvarys=found.nvarys,
            n_independent=objective.n_independent,
        )
        flags = tuple(self._named(flag) for flag in found.flags)
        messages = flags if success else (*flags, f"the fit failed: {found.message}")
        return replace(
            result,
            shifts=shifts,
            shifts_stderr=errors[len(chosen) :],
            success=success,
            messages=(*result.messages, *messages),
        )

    def _named(self, flag: str) -> str:
        """Return a flag of the fit with the references' names instead of their numbers."""
        return re.sub(
            r"(weight|shift)_(\d+)", lambda m: f"the {m[1]} of {self.names[int(m[2])]}", flag
        )

    def _result(
        self,
        chosen: tuple[int, ...],
        *,
        weights: Array,
        stderr: Array,
        covar: Array,
        components: Array,
        nvarys: int,
        n_independent: float,
    ) -> LinearCombination:
        model = components.sum(axis=0)
        residual = self.data - model
        power = float(residual @ residual)
        scale = max(self.epsilon, 1e-300) ** 2 * self.x.size / n_independent
        chisqr = power / scale if self.epsilon > 0 else math.nan
        return LinearCombination(
            x=self.x,
            data=self.data,
            model=model,
            residual=residual,
            components=components,
            names=tuple(self.names[i] for i in chosen),
            weights=weights,
            weights_stderr=stderr,
            covar=covar,
            shifts=np.zeros(len(chosen)),
            shifts_stderr=np.full(len(chosen), math.nan),
            r_factor=power / float(self.data @ self.data),
            chisqr=chisqr,
            redchi=chisqr / max(n_independent - nvarys, 1e-9),
            n_independent=n_independent,
            nvarys=nvarys,
            epsilon=self.epsilon,
            space=self.space,
            sum_to_one=self.sum_to_one,
            name=self.sample,
            simulated=self.simulated,
        )


class _Mixture:
    """Residual and Jacobian of weighted references that may move in energy."""

    def __init__(
        self, problem: MixtureProblem, chosen: tuple[int, ...], start: LinearCombination
    ) -> None:
        self.problem = problem
        self.chosen = chosen
        self.n_independent = float(problem.x.size)
        self.parameters = self._parameters(start)

    def _parameters(self, start: LinearCombination) -> Parameters:
        # The largest weight completes the sum: it is the last to become negative.
        last = self.chosen[int(np.argmax(start.weights))]
        rest = [f"weight_{i}" for i in self.chosen if i != last]
        made = []
        for i, weight in zip(self.chosen, start.weights, strict=True):
            if self.problem.sum_to_one and i == last:
                continue
            made.append(Parameter(name=f"weight_{i}", value=max(float(weight), 1e-3), min=0.0))
        if self.problem.sum_to_one:
            expr = " - ".join(["1", *rest])
            made.append(Parameter(name=f"weight_{last}", value=1.0, vary=False, expr=expr))
        limit = self.problem.max_shift
        made += [
            Parameter(name=f"shift_{i}", value=0.0, min=-limit, max=limit, unit="eV")
            for i in self.chosen
        ]
        return Parameters(made)

    def residual(self, values: Mapping[str, float]) -> Array:
        total = self.problem.data.copy()
        for i in self.chosen:
            moved = self.problem.splines[i](self.problem.x - values[f"shift_{i}"])
            total -= values[f"weight_{i}"] * moved
        return total

    def jacobian(self, values: Mapping[str, float], names: Sequence[str]) -> Array:
        columns = np.zeros((self.problem.x.size, len(names)))
        for column, name in enumerate(names):
            kind, _, number = name.partition("_")
            i = int(number)
            x = self.problem.x - values[f"shift_{i}"]
            if kind == "weight":
                columns[:, column] = -self.problem.splines[i](x)
            else:
                columns[:, column] = values[f"weight_{i}"] * self.problem.splines[i](x, 1)
        return columns

    def covariance(self, found: FitResult, common: Array) -> Array:
        """Return the covariance of all weights, then all shifts; NaN where undetermined."""
        index = {name: i for i, name in enumerate(found.var_names)}
        weights = [f"weight_{i}" for i in self.chosen]
        names = [*weights, *(f"shift_{i}" for i in self.chosen)]
        chain = np.zeros((len(names), len(index)))
        for row, name in enumerate(names):
            if name in index:
                chain[row, index[name]] = 1.0
            else:
                chain[row, [index[other] for other in weights if other in index]] = -1.0
        slopes = self.jacobian(found.parameters.valuesdict(), names) @ chain
        inner = inverse_normal(slopes, np.isfinite(np.diag(found.covar)))
        full = found.covar + _product(inner @ slopes.T @ common)
        root = self.problem.shared_noise(self.n_independent)
        if root is not None:
            # What the points share replaces what the fit takes as theirs alone.
            variance = found.redchi * self.problem.x.size / self.n_independent
            full += scatter_covariance(inner, slopes, variance, root) - variance * inner
        lost = (np.abs(chain) @ np.isnan(np.diag(full)).astype(float)) > 0
        covar = chain @ np.nan_to_num(full) @ chain.T
        covar[lost], covar[:, lost] = math.nan, math.nan
        return np.asarray(covar)


def non_negative_weights(a: Array, b: Array, sum_to_one: bool) -> Array:
    """Return the exact non-negative least-squares weights, on the simplex where asked.

    With Σw = 1 the misfit is ‖(A - b 1ᵀ) w‖, homogeneous in w: the penalised problem has its
    minimum in the same direction whatever the penalty, so normalizing it is exact.
    """
    if not sum_to_one:
        return _nnls(a, b)
    scale = float(np.linalg.norm(b)) or 1.0
    rows = np.vstack([(a - b[:, None]) / scale, np.ones(a.shape[1])])
    weights = _nnls(rows, np.append(np.zeros(b.size), 1.0))
    return np.asarray(weights / weights.sum())


def _nnls(a: Array, b: Array) -> Array:
    from scipy.optimize import lsq_linear, nnls

    try:
        return np.asarray(nnls(a, b)[0])
    except RuntimeError:
        # The active set went round in circles: nearly collinear columns.
        return np.asarray(lsq_linear(a, b, bounds=(0.0, np.inf), method="bvls").x)


def _inverse(a: Array, free: NDArray[np.bool_], sum_to_one: bool) -> Array:
    """Return (AᵀA)⁻¹ over the free weights, within Σw = 1 where that holds; zero elsewhere."""
    count = a.shape[1]
    inverse = np.zeros((count, count))
    index = np.flatnonzero(free)
    if index.size <= int(sum_to_one):
        return inverse
    basis = np.eye(index.size)
    if sum_to_one:
        # Directions that keep the sum: an orthonormal basis of what is normal to (1, …, 1).
        basis = np.linalg.svd(np.ones((1, index.size)))[2][1:].T
    design = a[:, index] @ basis
    inner = np.linalg.pinv(design.T @ design, hermitian=True)
    inverse[np.ix_(index, index)] = basis @ inner @ basis.T
    return inverse


def _covariance(
    a: Array, inverse: Array, variance: float, common: Array, root: Array | None
) -> Array:
    """Return the covariance from the points' own scatter and from what moves them together."""
    scatter = scatter_covariance(inverse, a, variance, root)
    return np.asarray(scatter + _product(inverse @ a.T @ common))


def _product(root: Array) -> Array:
    return np.asarray(root @ root.T)
