"""The one fit: objectives over named parameters, bounded least squares, honest errors.

An `Objective` is data, model and weights together: it gives a weighted residual and its Jacobian.
`fit` minimises one objective or the sum of several, which share the parameters whose names they
share. Standard errors count independent points: an objective whose points are oversampled says how
many are independent, and its residual is scaled so that χ² counts those.
"""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from xorder.errors import BadInput
from xorder.parameters import Parameter, Parameters, Space
from xorder.results import Array, Result, quantity
from xorder.threads import one_thread

__all__ = [
    "FitResult",
    "Objective",
    "Parameter",
    "Parameters",
    "Problem",
    "fit",
    "numeric_jacobian",
]


@runtime_checkable
class Objective(Protocol):
    """Data, model and weights: what a fit minimises."""

    @property
    def parameters(self) -> Parameters:
        """Parameters of the model with start values and bounds."""

    @property
    def n_independent(self) -> float:
        """Number of independent points in the data, at most the number of points."""

    def residual(self, values: Mapping[str, float]) -> Array:
        """Return (data - model) / sigma, shape (points,)."""

    def jacobian(self, values: Mapping[str, float], names: Sequence[str]) -> Array:
        """Return d residual / d parameter for `names`, shape (points, len(names)).

        A name the objective does not know gives a column of zeros.
        """


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class FitResult(Result):
    """What a fit found, in lmfit's words. Falsy where the fit failed."""

    parameters: Parameters
    """All parameters with `value`, `stderr` and `init_value`."""
    success: bool
    """Whether a minimum was reached and the numbers mean something."""
    message: str
    """Why the fit stopped."""
    flags: tuple[str, ...] = ()
    """What a reader must know: parameters at bounds, undetermined or strongly correlated."""
    var_names: tuple[str, ...] = ()
    """Names of the varying parameters, in the order of `covar`."""
    covar: Array = quantity()
    """Covariance of the varying parameters, shape (nvarys, nvarys); NaN rows where undetermined."""
    residual: tuple[Array, ...] = ()
    """Weighted residual of each objective at the minimum (not scaled for independent points)."""
    chisqr: float = math.nan
    """χ² over independent points."""
    redchi: float = math.nan
    """χ² over degrees of freedom."""
    aic: float = math.nan
    """Akaike information criterion, n ln(χ²/n) + 2 nvarys."""
    bic: float = math.nan
    """Bayesian information criterion, n ln(χ²/n) + nvarys ln n."""
    ndata: int = 0
    """Number of points."""
    n_independent: float = math.nan
    """Number of independent points, over all objectives."""
    nvarys: int = 0
    """Number of varying parameters."""
    nfree: float = math.nan
    """Degrees of freedom, n_independent - nvarys."""
    nfev: int = 0
    """Evaluations of the residual, over all stages and starts."""
    minima: Array = quantity()
    """χ² reached from each start, ascending, shape (starts,)."""

    def __bool__(self) -> bool:
        return self.success

    @property
    def correlation(self) -> Array:
        """Correlation matrix of the varying parameters, shape (nvarys, nvarys)."""
        sigma = np.sqrt(np.diag(self.covar))
        return np.asarray(self.covar / np.outer(sigma, sigma))

    def report(self) -> str:
        """Return the fit as text: state, goodness, parameters, flags."""
        state = "converged" if self.success else "FAILED"
        lines = [
            f"{state}: {self.message}",
            f"chisqr {self.chisqr:.6g}, redchi {self.redchi:.6g}, {self.nvarys} variables, "
            f"{self.n_independent:.1f} independent of {self.ndata} points, {self.nfev} evaluations",
            repr(self.parameters),
        ]
        return "\n".join([*lines, *(f"! {flag}" for flag in self.flags)])

    def _repr_html_(self) -> str:
        head, goodness, _, *flags = self.report().replace(repr(self.parameters), "\0").split("\n")
        notes = "".join(f"<li>{flag}</li>" for flag in flags)
        return f"<p><b>{head}</b><br>{goodness}</p>{self.parameters._repr_html_()}<ul>{notes}</ul>"


def fit(
    objectives: Objective | Sequence[Objective],
    parameters: Parameters | None = None,
    *,
    stages: Sequence[Sequence[str]] = (),
    starts: int = 1,
    seed: int = 0,
    scale_covar: bool = True,
    max_nfev: int = 500,
    tolerance: float = 1e-12,
) -> FitResult:
    """Minimise the sum of squares of one objective or of several with shared parameters.

    Bounded trust-region least squares (Branch, Coleman & Li 1999, as in SciPy's ``trf``) with the
    objectives' own Jacobians. Covariance is (JᵀJ)⁻¹, times the reduced χ² where `scale_covar`.

    Parameters
    ----------
    objectives
        What to fit. Parameters of one name are one parameter.
    parameters
        Start values, bounds and constraints; the objectives' own where None.
    stages
        Names (with ``*`` wildcards) that each stage frees, added to those of the stages before. A
        last stage with everything free always follows.
    starts
        Number of starts: the first is the given one, the others a Latin hypercube within the
        bounds (within 40 % of the value where unbounded). The lowest minimum is kept.
    seed
        Seed of the drawn starts.
    scale_covar
        True where sigma is known only up to a factor.
    max_nfev
        Most evaluations in one stage.
    tolerance
        Relative change of χ² below which the fit has arrived; stages before the last, which only
        make better starts, stop at its square root.

    Returns
    -------
    :
        Parameters with standard errors, goodness of fit and flags. Falsy where no minimum was
        reached; a failure is never raised.

    Raises
    ------
    BadInput
        Where there is nothing to fit, or more variables than independent points.
    """
    several = [objectives] if isinstance(objectives, Objective) else list(objectives)
    if not several:
        raise BadInput("there is nothing to fit", expected="at least one objective")
    if parameters is None:
        parameters = Parameters(p for o in several for p in o.parameters.values())
    problem = Problem(several, Space(parameters))
    problem.check_size()
    starting = _starting_points(problem.space, max(1, starts), np.random.default_rng(seed))
    with one_thread():
        runs = [
            _run_stages(several, parameters, problem.space, x, stages, max_nfev, tolerance)
            for x in starting
        ]
        runs.sort(key=lambda run: run.cost)
        return _result(problem, runs, scale_covar)


def numeric_jacobian(
    objective: Objective, values: Mapping[str, float], names: Sequence[str]
) -> Array:
    """Return the Jacobian of an objective by central differences, shape (points, len(names))."""
    columns = []
    for name in names:
        step = 1e-5 * max(abs(values[name]), 1e-3)
        up = objective.residual({**values, name: values[name] + step})
        down = objective.residual({**values, name: values[name] - step})
        columns.append((up - down) / (2.0 * step))
    return np.stack(columns, axis=1)


@dataclass(frozen=True, slots=True)
class _Run:
    """Where one start ended."""

    x: Array
    cost: float
    nfev: int
    success: bool
    message: str


class Problem:
    """Objectives stacked over the varying parameters, residuals scaled for independent points."""

    def __init__(self, objectives: Sequence[Objective], space: Space) -> None:
        self.objectives = objectives
        self.space = space
        self.names = [[n for n in space.parameters if n in o.parameters] for o in objectives]
        index = {name: i for i, name in enumerate(space.parameters)}
        self.rows = [[index[name] for name in names] for names in self.names]
        values = space.values(space.start)
        self.sizes = [len(o.residual(values)) for o in objectives]
        independent = [min(o.n_independent, n) for o, n in zip(objectives, self.sizes, strict=True)]
        self.n_independent = float(sum(independent))
        self.factors = [
            math.sqrt(i / n) if n else 0.0 for i, n in zip(independent, self.sizes, strict=True)
        ]

    def check_size(self) -> None:
        nvarys = len(self.space.names)
        if nvarys == 0:
            raise BadInput("no parameter varies", expected="at least one parameter with vary=True")
        if nvarys >= self.n_independent:
            raise BadInput(
                f"{nvarys} variables for {self.n_independent:.1f} independent points",
                expected="fewer variables or a longer range",
            )

    def residual(self, x: Array) -> Array:
        values = self.space.values(x)
        parts = [f * o.residual(values) for o, f in zip(self.objectives, self.factors, strict=True)]
        stacked = np.concatenate(parts)
        # A step into nonsense (an overflowing width) is a bad step, not the end of the fit.
        return (
            stacked
            if _finite(stacked)
            else np.nan_to_num(stacked, nan=1e10, posinf=1e10, neginf=-1e10)
        )

    def jacobian(self, x: Array) -> Array:
        values = self.space.values(x)
        chain = self.space.derivatives(x)
        # What is held needs no derivative.
        moves = np.any(chain != 0.0, axis=1)
        parts = []
        for o, f, names, rows, size in zip(
            self.objectives, self.factors, self.names, self.rows, self.sizes, strict=True
        ):
            free = [(name, row) for name, row in zip(names, rows, strict=True) if moves[row]]
            if not free:
                parts.append(np.zeros((size, chain.shape[1])))
                continue
            columns = o.jacobian(values, [name for name, _ in free])
            parts.append(f * (columns @ chain[[row for _, row in free]]))
        stacked = np.concatenate(parts)
        return (
            stacked if _finite(stacked) else np.nan_to_num(stacked, nan=0.0, posinf=0.0, neginf=0.0)
        )


def _finite(array: Array) -> bool:
    return bool(np.isfinite(array).all())


def _run_stages(
    objectives: Sequence[Objective],
    parameters: Parameters,
    space: Space,
    x: Array,
    stages: Sequence[Sequence[str]],
    max_nfev: int,
    tolerance: float,
) -> _Run:
    current = dict(zip(space.names, x.tolist(), strict=True))
    free: set[str] = set()
    nfev = 0
    for patterns in stages:
        free |= {n for n in space.names if any(fnmatch.fnmatch(n, p) for p in patterns)}
        if not free or len(free) == len(space.names):
            continue
        held = Parameters(
            replace(p, value=current.get(p.name, p.value), vary=p.vary and p.name in free)
            for p in parameters.values()
        )
        problem = Problem(objectives, Space(held))
        run = _minimise(problem, problem.space.start, max_nfev, math.sqrt(tolerance))
        nfev += run.nfev
        current.update(zip(problem.space.names, run.x.tolist(), strict=True))
    problem = Problem(objectives, space)
    x = np.array([current[name] for name in space.names])
    run = _minimise(problem, x, max_nfev, tolerance)
    return replace(run, nfev=run.nfev + nfev)


def _minimise(problem: Problem, x: Array, max_nfev: int, tolerance: float) -> _Run:
    from scipy.optimize import least_squares

    lower, upper = problem.space.lower, problem.space.upper
    # trf needs a start strictly inside the bounds.
    width = np.where(np.isfinite(upper - lower), upper - lower, 1.0)
    inside = np.clip(x, lower + 1e-9 * width, upper - 1e-9 * width)
    try:
        found: Any = least_squares(
            problem.residual,
            inside,
            jac=problem.jacobian,
            bounds=(lower, upper),
            x_scale="jac",
            ftol=tolerance,
            xtol=1e-10,
            gtol=1e-12,
            max_nfev=max_nfev,
        )
    except (np.linalg.LinAlgError, ValueError) as error:
        return _Run(inside, math.inf, 0, False, f"the minimiser stopped: {error}")
    return _Run(found.x, float(found.cost), int(found.nfev), found.status > 0, str(found.message))


def _starting_points(space: Space, starts: int, generator: np.random.Generator) -> Array:
    """Return the given start and a Latin hypercube of others, shape (starts, varying)."""
    count = (starts - 1, len(space.names))
    strata = generator.permuted(np.tile(np.arange(starts - 1), (count[1], 1)), axis=1).T
    uniform = (strata + generator.uniform(size=count)) / max(1, starts - 1)
    bounded = np.isfinite(space.lower) & np.isfinite(space.upper)
    reach = np.where(space.start == 0.0, 0.2, 0.4 * np.abs(space.start))
    lower = np.where(bounded, space.lower, space.start - reach)
    upper = np.where(bounded, space.upper, space.start + reach)
    drawn = np.clip(lower + uniform * (upper - lower), space.lower, space.upper)
    return np.vstack([space.start, drawn])


def _result(problem: Problem, runs: Sequence[_Run], scale_covar: bool) -> FitResult:
    best = runs[0]
    space = problem.space
    values = space.values(best.x)
    chisqr = 2.0 * best.cost
    nvarys = len(space.names)
    nfree = problem.n_independent - nvarys
    redchi = chisqr / nfree
    at_bound = _at_bound(best.x, space)
    covar = _covariance(problem.jacobian(best.x), at_bound) * (redchi if scale_covar else 1.0)
    chain = space.derivatives(best.x)
    known = np.where(np.isnan(covar), 0.0, covar)
    stderr = np.sqrt(np.einsum("ij,jk,ik->i", chain, known, chain))
    undetermined = (np.abs(chain) > 0) @ np.isnan(np.diag(covar)).astype(float) > 0
    n = problem.n_independent
    goodness = n * math.log(max(chisqr, 1e-300) / n) if math.isfinite(chisqr) else math.nan
    fitted = Parameters(
        replace(
            p,
            value=values[p.name],
            init_value=p.value,
            stderr=math.nan if bad else float(error) if p.vary or p.expr else math.nan,
        )
        for p, error, bad in zip(space.parameters.values(), stderr, undetermined, strict=True)
    )
    return FitResult(
        parameters=fitted,
        success=best.success and math.isfinite(chisqr),
        message=best.message,
        flags=_flags(space, covar, at_bound),
        var_names=tuple(space.names),
        covar=covar,
        residual=tuple(o.residual(values) for o in problem.objectives),
        chisqr=chisqr,
        redchi=redchi,
        aic=goodness + 2 * nvarys,
        bic=goodness + nvarys * math.log(n),
        ndata=sum(problem.sizes),
        n_independent=n,
        nvarys=nvarys,
        nfree=nfree,
        nfev=sum(run.nfev for run in runs),
        minima=np.array([2.0 * run.cost for run in runs]),
    )


def _at_bound(x: Array, space: Space) -> NDArray[np.bool_]:
    # The minimiser stays inside, so "at the bound" is a small distance relative to the parameter.
    close = 1e-6 * np.maximum(1e-6, np.abs(x))
    return np.asarray((x - space.lower < close) | (space.upper - x < close))


def _covariance(jacobian: Array, held: NDArray[np.bool_]) -> Array:
    """Return (JᵀJ)⁻¹ over the parameters that are free and determined, NaN for the others."""
    count = jacobian.shape[1]
    covar = np.full((count, count), math.nan)
    norms = np.linalg.norm(jacobian, axis=0)
    free = np.flatnonzero(~held & (norms > 0))
    if free.size == 0:
        return covar
    _, singular, right = np.linalg.svd(jacobian[:, free] / norms[free], full_matrices=False)
    weak = singular < 1e-10 * singular[0]
    # A parameter that takes part in an undetermined combination has no standard error.
    loose = np.any(np.abs(right[weak]) > 1e-3, axis=0) if weak.any() else np.zeros(free.size, bool)
    inverse = (right[~weak].T / singular[~weak] ** 2) @ right[~weak]
    inverse /= np.outer(norms[free], norms[free])
    inverse[loose, :] = math.nan
    inverse[:, loose] = math.nan
    covar[np.ix_(free, free)] = inverse
    return covar


def _flags(space: Space, covar: Array, at_bound: NDArray[np.bool_]) -> tuple[str, ...]:
    flags = [f"{space.names[i]} stopped at its bound" for i in np.flatnonzero(at_bound)]
    variance = np.diag(covar)
    flags += [
        f"{name} is not determined by the data"
        for name, v, bad in zip(space.names, variance, at_bound, strict=True)
        if math.isnan(v) and not bad
    ]
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = covar / np.sqrt(np.outer(variance, variance))
    for i, j in np.argwhere(np.triu(np.abs(np.nan_to_num(correlation)) > 0.95, k=1)):
        flags.append(f"{space.names[i]} and {space.names[j]} correlate by {correlation[i, j]:+.3f}")
    return tuple(flags)
