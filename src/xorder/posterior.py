"""Beyond the covariance: χ² along one parameter, and draws of all of them.

Both take the objectives of a fit and its result. Where the result's covariance is that of
independent points, χ² over its variance is used as it stands. Where it is another, as of a fit
whose points depend on one another, χ² is brought to it: for small changes the profile and the draws
give the covariance of the fit, for large ones they show what it cannot, lopsided errors and bounds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xorder.errors import BadInput, MissingExtra
from xorder.fitting import FitResult, Objective, Problem, fit
from xorder.parameters import Parameters, Space
from xorder.results import Array, Number, Result, quantity
from xorder.threads import one_thread

if TYPE_CHECKING:
    import pandas

__all__ = ["Posterior", "Profile", "profile_parameter", "sample_posterior"]

#: A chain must be this many times longer than it remembers (Foreman-Mackey et al., 2013).
LONG_CHAIN = 50

#: Halves of the central 68.27 %.
ONE_SIGMA = (0.158655, 0.841345)


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Profile(Result):
    """χ² along one parameter, the others refitted at each value."""

    value: Array = quantity(dims=("value",))
    """Values of the parameter, ascending, shape (V,)."""
    increase: Array = quantity(symbol="Δχ²", dims=("value",))
    """Increase of χ² over its minimum, in units of the fit's variance: 1 at one standard error."""
    name: str = ""
    """The parameter."""
    best: float = quantity()
    """Its value in the fit."""
    stderr: float = quantity()
    """Its standard error in the fit, from the covariance."""
    lower: float = quantity()
    """Where Δχ² reaches 1 below the best value; NaN where it does not."""
    upper: float = quantity()
    """Where Δχ² reaches 1 above the best value; NaN where it does not."""
    success: bool = True
    """False where a side is open or a refit failed."""
    message: str = ""
    """What a reader must know."""


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Posterior(Result):
    """Draws of the parameters of a fit, as often as the data and the bounds allow them."""

    names: tuple[str, ...] = ()
    """The varying parameters."""
    samples: Array = quantity(dims=("draw", "parameter"))
    """Draws, shape (D, P)."""
    log_probability: Array = quantity(dims=("draw",))
    """Logarithm of each draw's probability, up to a constant, shape (D,)."""
    mean: Array = quantity(dims=("parameter",))
    """Mean of each parameter, shape (P,)."""
    stderr: Array = quantity(dims=("parameter",))
    """Standard deviation of each parameter, shape (P,)."""
    lower: Array = quantity(dims=("parameter",))
    """Below it lie 15.9 % of the draws, shape (P,)."""
    upper: Array = quantity(dims=("parameter",))
    """Above it lie 15.9 % of the draws, shape (P,)."""
    memory: Array = quantity(symbol="τ", dims=("parameter",))
    """Steps after which a chain has forgotten where it was, shape (P,)."""
    acceptance: float = quantity()
    """Share of the proposed steps that were taken; 0.2 to 0.5 is healthy."""
    success: bool = True
    """False where the chains are too short for what they remember."""
    message: str = ""
    """What a reader must know."""

    @property
    def covar(self) -> Array:
        """Covariance of the draws, shape (P, P)."""
        return np.atleast_2d(np.cov(self.samples, rowvar=False))

    @property
    def numbers(self) -> tuple[Number, ...]:
        """Mean and standard deviation of each parameter."""
        rows = zip(self.names, self.mean.tolist(), self.stderr.tolist(), strict=True)
        return tuple(Number(name=n, value=m, stderr=s, note=self.message) for n, m, s in rows)

    def to_dataframe(self) -> pandas.DataFrame:
        """Return the draws, one column a parameter."""
        import pandas

        return pandas.DataFrame(self.samples, columns=list(self.names))


def profile_parameter(
    objectives: Objective | Sequence[Objective],
    result: FitResult,
    name: str,
    *,
    values: Sequence[float] | None = None,
    reach: float = 3.0,
    points: int = 13,
) -> Profile:
    """Return χ² along one parameter, with all others refitted at each of its values.

    Parameters
    ----------
    objectives
        What was fitted.
    result
        The fit.
    name
        A parameter that varied.
    values
        Where to look; None takes `points` values over `reach` standard errors on either side,
        within the bounds.
    reach, points
        Half width in standard errors, and number of values.

    Returns
    -------
    :
        The profile. Its ends at Δχ² = 1 are the interval that a lopsided parameter needs.

    Raises
    ------
    BadInput
        A parameter that is held or not determined, a failed fit, or values outside the bounds.
    """
    several = _objectives(objectives, result)
    if name not in result.var_names:
        raise BadInput(
            f"{name} does not vary in this fit", expected="one of " + ", ".join(result.var_names)
        )
    parameter = result.parameters[name]
    problem = Problem(several, Space(result.parameters))
    index = result.var_names.index(name)
    factor = _curvature_of(problem, result, index)
    grid = _grid(result, name, values, reach, points)
    low = float(np.sum(problem.residual(problem.space.start) ** 2))
    chisqr, failed = _profiled(several, result.parameters, name, grid)
    increase = (chisqr - low) * factor
    lower, upper = _ends(grid, increase, parameter.value)
    notes = []
    if np.nanmin(increase) < -0.01:
        notes.append(
            f"χ² is lower by {-np.nanmin(increase):.2g} at {name} = "
            f"{grid[np.nanargmin(increase)]:.6g}: the fit was not at the lowest minimum"
        )
    if failed:
        notes.append(f"{failed} of {grid.size} refits failed")
    for side, end in (("below", lower), ("above", upper)):
        if math.isnan(end):
            notes.append(f"{name} is open {side}: Δχ² does not reach 1 in the values looked at")
    return Profile(
        name=name,
        value=grid,
        increase=increase,
        best=parameter.value,
        stderr=parameter.stderr,
        lower=lower,
        upper=upper,
        success=not notes,
        message="; ".join(notes),
    )


def sample_posterior(
    objectives: Objective | Sequence[Objective],
    result: FitResult,
    *,
    steps: int = 1000,
    walkers: int | None = None,
    discard: int | None = None,
    seed: int = 0,
) -> Posterior:
    """Return draws of the parameters by Markov chains, every value within the bounds alike before.

    The affine-invariant ensemble of emcee (Foreman-Mackey et al., PASP 125, 306, 2013).

    Parameters
    ----------
    objectives
        What was fitted.
    result
        The fit, where the chains start.
    steps
        Steps of each chain that are kept.
    walkers
        Number of chains; None takes four a parameter, at least 16.
    discard
        Steps before those; None takes a quarter of `steps`.
    seed
        Seed of the chains.

    Raises
    ------
    MissingExtra
        Where emcee is not installed.
    BadInput
        A failed fit, a parameter that the data do not determine, or too few steps or walkers.
    """
    try:
        import emcee
    except ImportError as error:
        raise MissingExtra(
            "emcee is not installed", expected="`pip install 'xorder[posterior]'`"
        ) from error
    several = _objectives(objectives, result)
    problem = Problem(several, Space(result.parameters))
    count = len(problem.space.names)
    walkers = max(16, 4 * count) if walkers is None else walkers
    if steps < 10 or walkers < 2 * count + 2:
        raise BadInput(
            f"{steps} steps of {walkers} walkers",
            expected=f"at least 10 steps of {2 * count + 2} walkers",
        )
    target = _Target(problem, result)
    generator = np.random.default_rng(seed)
    begin = target.near_best(generator, walkers)
    sampler = emcee.EnsembleSampler(walkers, count, target)
    state = emcee.State(begin, random_state=np.random.RandomState(seed).get_state())
    with one_thread():
        state = sampler.run_mcmc(state, steps // 4 if discard is None else discard)
        sampler.reset()
        sampler.run_mcmc(state, steps)
    samples = np.asarray(sampler.get_chain(flat=True))
    memory = np.asarray(sampler.get_autocorr_time(tol=0))
    message = ""
    if not steps >= LONG_CHAIN * float(np.max(memory)):
        message = (
            f"the chains of {steps} steps remember {np.max(memory):.0f}; "
            f"take {LONG_CHAIN * np.max(memory):.0f} steps to be sure"
        )
    lower, upper = np.quantile(samples, ONE_SIGMA, axis=0)
    return Posterior(
        names=tuple(problem.space.names),
        samples=samples,
        log_probability=np.asarray(sampler.get_log_prob(flat=True)),
        mean=samples.mean(axis=0),
        stderr=samples.std(axis=0, ddof=1),
        lower=lower,
        upper=upper,
        memory=memory,
        acceptance=float(np.mean(sampler.acceptance_fraction)),
        success=not message,
        message=message,
    )


class _Target:
    """The logarithm of a draw's probability: -χ²/2 over the variance, within the bounds.

    χ² is taken not at the draw x but at θ + A (x - θ), with θ the best values and A such that its
    curvature is the inverse of the fit's covariance (Ribatet, Cooley & Davison, Stat. Sinica 22,
    813, 2012); where that is χ²'s own, A is one.
    """

    def __init__(self, problem: Problem, result: FitResult) -> None:
        self._problem = problem
        self._best = problem.space.start
        jacobian = problem.jacobian(self._best)
        steep = np.linalg.norm(jacobian, axis=0)
        flat = [n for n, s in zip(problem.space.names, steep, strict=True) if not s > 0]
        if flat:
            raise BadInput(f"{', '.join(flat)} is not determined by the data", expected="held ones")
        self.spread = np.sqrt(np.abs(np.diag(result.covar)))
        width = 0.25 * (problem.space.upper - problem.space.lower)
        known = np.isfinite(self.spread) & (self.spread > 0) & (self.spread < width)
        # At a bound there is no standard error; χ² still says how far the others may go.
        redchi = result.redchi if math.isfinite(result.redchi) and result.redchi > 0 else 1.0
        self.spread[~known] = np.minimum(math.sqrt(redchi) / steep, width)[~known]
        curved = jacobian * self.spread
        curvature = curved.T @ curved
        wanted = curvature / redchi
        if known.any():
            inside = np.ix_(known, known)
            covar = result.covar[inside] / np.outer(self.spread[known], self.spread[known])
            own = curvature[inside]
            variance = math.exp(np.linalg.slogdet(covar @ own)[1] / int(known.sum()))
            wanted = curvature / variance
            wanted[inside] = np.linalg.inv(covar)
            redchi = variance
        self._variance = redchi
        self._turn = np.eye(len(steep))
        inside = np.ix_(known, known)
        self._turn[inside] = _between(curvature[inside], wanted[inside] * redchi)
        self._low = float(np.sum(problem.residual(self._best) ** 2))

    def __call__(self, x: Array) -> float:
        space = self._problem.space
        if np.any(x < space.lower) or np.any(x > space.upper):
            return -math.inf
        moved = self._best + self.spread * (self._turn @ ((x - self._best) / self.spread))
        try:
            chisqr = float(np.sum(self._problem.residual(moved) ** 2))
        except BadInput:
            return -math.inf
        return -0.5 * (chisqr - self._low) / self._variance

    def near_best(self, generator: np.random.Generator, walkers: int) -> Array:
        """Return starts of the chains about the best values, within the bounds."""
        space = self._problem.space
        drawn = generator.standard_normal((walkers, self._best.size)) * self.spread
        start = self._best + drawn
        # What falls outside is mirrored at the best value, then brought to the bound.
        out = (start < space.lower) | (start > space.upper)
        start = np.where(out, self._best - drawn, start)
        inner = 1e-3 * generator.uniform(size=start.shape) * self.spread
        return np.asarray(np.clip(start, space.lower + inner, space.upper - inner))


def _between(curvature: Array, wanted: Array) -> Array:
    """Return the A nearest to one with Aᵀ curvature A = wanted."""
    root, inverse = _powers(curvature)
    middle, _ = _powers(root @ wanted @ root)
    return np.asarray(inverse @ middle @ inverse)


def _powers(square: Array) -> tuple[Array, Array]:
    """Return the root of a positive matrix and the root's inverse."""
    values, vectors = np.linalg.eigh(0.5 * (square + square.T))
    root = np.sqrt(np.maximum(values, 1e-14 * values[-1]))
    return np.asarray((vectors * root) @ vectors.T), np.asarray((vectors / root) @ vectors.T)


def _objectives(
    objectives: Objective | Sequence[Objective], result: FitResult
) -> Sequence[Objective]:
    several = [objectives] if isinstance(objectives, Objective) else list(objectives)
    if not several:
        raise BadInput("there is no objective", expected="those of the fit")
    if not result.success:
        raise BadInput(f"the fit failed: {result.message}", expected="a fit that reached a minimum")
    return several


def _curvature_of(problem: Problem, result: FitResult, index: int) -> float:
    """Return what χ² must be multiplied by to rise by one at one standard error."""
    jacobian = problem.jacobian(problem.space.start)
    own = jacobian[:, index]
    known = np.isfinite(np.diag(result.covar))
    known[index] = False
    others = jacobian[:, known]
    left = own - others @ np.linalg.lstsq(others, own, rcond=None)[0] if known.any() else own
    steep = float(left @ left)
    variance = float(result.covar[index, index])
    if math.isfinite(variance) and variance > 0 and steep > 0:
        return 1.0 / (steep * variance)
    return 1.0 / result.redchi if result.redchi > 0 else 1.0


def _grid(
    result: FitResult, name: str, values: Sequence[float] | None, reach: float, points: int
) -> Array:
    p = result.parameters[name]
    if values is None:
        if not (math.isfinite(p.stderr) and p.stderr > 0):
            raise BadInput(f"{name} has no standard error", expected="values to look at")
        if points < 5 or not 0.5 <= reach <= 20.0:
            raise BadInput(
                f"{points} points over {reach:g} standard errors",
                expected="at least 5 points over 0.5 to 20",
            )
        low, high = max(p.min, p.value - reach * p.stderr), min(p.max, p.value + reach * p.stderr)
        return np.linspace(low, high, points)
    grid = np.unique(np.asarray(values, dtype=float))
    if grid.size < 3 or not np.all(np.isfinite(grid)) or grid[0] < p.min or grid[-1] > p.max:
        raise BadInput(
            f"the values of {name} are {list(values)}",
            expected=f"three numbers or more from {p.min:g} to {p.max:g}",
        )
    return grid


def _profiled(
    objectives: Sequence[Objective], best: Parameters, name: str, grid: Array
) -> tuple[Array, int]:
    """Return the lowest χ² at each value, walking away from the best on either side."""
    chisqr, failed = np.full(grid.size, math.nan), 0
    order = np.argsort(np.abs(grid - best[name].value), kind="stable")
    sides: dict[bool, Mapping[str, float]] = {}
    alone = sum(p.vary and not p.expr for p in best.values()) == 1
    for index in order:
        value, above = float(grid[index]), bool(grid[index] > best[name].value)
        begin = best.with_values({**sides.get(above, {}), name: value})
        held = begin.updated(name, vary=False)
        if alone:
            problem = Problem(objectives, Space(begin))
            chisqr[index] = float(np.sum(problem.residual(np.array([value])) ** 2))
            continue
        found = fit(objectives, held)
        if not found.success:
            failed += 1
            continue
        chisqr[index] = found.chisqr
        sides[above] = found.parameters.valuesdict()
    return chisqr, failed


def _ends(grid: Array, increase: Array, best: float) -> tuple[float, float]:
    """Return where the increase is one below and above the best value."""
    known = np.isfinite(increase)
    root = np.sqrt(np.maximum(increase[known], 0.0))
    value = grid[known]
    ends = []
    for side in (-1.0, 1.0):
        here = side * (value - best) > 0
        distance = np.concatenate([[0.0], side * (value[here] - best)])
        height = np.concatenate([[0.0], root[here]])
        order = np.argsort(distance)
        distance, height = distance[order], height[order]
        beyond = np.flatnonzero(height >= 1.0)
        if beyond.size == 0:
            ends.append(math.nan)
            continue
        j = int(beyond[0])
        share = (1.0 - height[j - 1]) / (height[j] - height[j - 1])
        ends.append(best + side * float(distance[j - 1] + share * (distance[j] - distance[j - 1])))
    return ends[0], ends[1]
