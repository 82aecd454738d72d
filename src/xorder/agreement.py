"""Whether measures agree, what their mean is where they have one, and how they rank a series."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xorder.measures import Measure
from xorder.results import Array, Number, Result

__all__ = ["Agreement", "Correlation", "agreement_of_sample", "correlate_ranks", "weighted_mean"]

#: Measures disagree where agreement by chance is rarer than this.
RARE = 0.01
#: Draws behind the error of a rank correlation, and permutations behind its chance.
DRAWS = 2000


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Agreement(Result):
    """Whether the measures of one sample agree. Falsy where they do not."""

    sample: str
    """Name of the sample."""
    measures: tuple[str, ...]
    """Names of the measures compared."""
    chisqr: float
    """Σ (x - mean)²/stderr²; NaN where fewer than two measures have a value."""
    nfree: int
    """Degrees of freedom."""
    chance: float
    """Probability of a larger `chisqr` where all agree."""
    explanation: str = ""
    """What sets them apart; empty where they agree."""

    def __bool__(self) -> bool:
        return not self.chance < RARE


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Correlation(Result):
    """Rank correlation of one measure with what orders the series, or with conductivity."""

    measure: str
    """Name of the measure."""
    variable: str
    """What it is correlated with."""
    n: int
    """Number of samples."""
    rho: float
    """Spearman's coefficient of the values as they are."""
    rho_stderr: float
    """Its standard error from the errors of both."""
    chance: float
    """Probability of a coefficient as far from 0 without any relation, over permutations."""

    @property
    def number(self) -> Number:
        """The coefficient as a row of a summary."""
        return Number(
            name=f"spearman ({self.measure}, {self.variable})",
            value=self.rho,
            stderr=self.rho_stderr,
            note=f"{self.n} samples; by chance in {100 * self.chance:.2g} % of orders",
        )


def weighted_mean(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return the mean weighted by 1/stderr², and its error.

    Where the values scatter more than their errors say, the error is widened by √(χ²/ν) (Birge,
    Phys. Rev. 40, 207 (1932)). NaN where no value has an error.
    """
    known = [(v, s) for v, s in pairs if math.isfinite(v) and math.isfinite(s) and s > 0]
    if not known:
        return math.nan, math.nan
    value, stderr = np.array(known).T
    weight = stderr**-2
    mean = float((weight * value).sum() / weight.sum())
    error = float(weight.sum() ** -0.5)
    if len(known) > 1:
        chisqr = float((((value - mean) / stderr) ** 2).sum())
        error *= max(1.0, math.sqrt(chisqr / (len(known) - 1)))
    return mean, error


def agreement_of_sample(
    sample: str, index: int, found: Sequence[tuple[Measure, Array, Array]]
) -> Agreement:
    """Return whether the measures of one sample agree within their errors (χ² test).

    Parameters
    ----------
    sample
        Name of the sample.
    index
        Its place in the arrays.
    found
        Measure, degrees and their standard errors over the series.
    """
    from scipy.stats import chi2

    there = [
        (m, float(x[index]), float(s[index]))
        for m, x, s in found
        if math.isfinite(x[index]) and math.isfinite(s[index]) and s[index] > 0
    ]
    names = tuple(m.name for m, _, _ in there)
    if len(there) < 2:
        return Agreement(sample=sample, measures=names, chisqr=math.nan, nfree=0, chance=math.nan)
    x, s = np.array([(x, s) for _, x, s in there]).T
    mean = float((x / s**2).sum() / (s**-2.0).sum())
    chisqr = float((((x - mean) / s) ** 2).sum())
    nfree = len(there) - 1
    chance = float(chi2.sf(chisqr, nfree))
    return Agreement(
        sample=sample,
        measures=names,
        chisqr=chisqr,
        nfree=nfree,
        chance=chance,
        explanation=_explained(sample, there) if chance < RARE else "",
    )


def _explained(sample: str, there: Sequence[tuple[Measure, float, float]]) -> str:
    """Say which two measures are furthest apart in their errors, and what each of them sees."""
    pairs = [
        (abs(x1 - x2) / math.hypot(s1, s2), (m1, x1, s1), (m2, x2, s2))
        for i, (m1, x1, s1) in enumerate(there)
        for m2, x2, s2 in there[i + 1 :]
    ]
    apart, low, high = max(pairs, key=lambda pair: pair[0])
    if low[1] > high[1]:
        low, high = high, low
    text = " and ".join(
        f"{m.label} {x:.2f}({100 * s:.0f})" if s < 0.995 else f"{m.label} {x:.2f} ± {s:.2f}"
        for m, x, s in (low, high)
    )
    return (
        f"{sample}: the measures disagree; furthest apart, by {apart:.1f} standard errors, are "
        f"{text}. {low[0].label} sees {low[0].sees}; {high[0].label} sees {high[0].sees}."
    )


def correlate_ranks(
    measure: Measure,
    degree: Array,
    covariance: Array,
    variable: str,
    values: Array,
    errors: Array,
    *,
    seed: int,
) -> Correlation:
    """Return Spearman's rank correlation with errors in both variables.

    The error is the spread of the coefficient over draws of both variables from their errors; the
    chance is that of permutations (Spearman, Am. J. Psychol. 15, 72 (1904)).

    Parameters
    ----------
    measure
        The measure.
    degree, covariance
        Its degrees and their covariance.
    variable
        What it is correlated with.
    values, errors
        Its values and their standard errors.
    seed
        Seed of the draws.
    """
    keep = np.isfinite(degree) & np.isfinite(values)
    x, y = degree[keep], values[keep]
    rng = np.random.default_rng(seed)
    root = _root(covariance[np.ix_(keep, keep)])
    drawn_x = x + rng.normal(size=(DRAWS, len(x))) @ root.T
    drawn_y = y + rng.normal(size=(DRAWS, len(y))) * errors[keep]
    rho = float(_spearman(x[None], y[None])[0])
    shuffled = rng.permuted(np.tile(y, (DRAWS, 1)), axis=1)
    by_chance = np.abs(_spearman(np.tile(x, (DRAWS, 1)), shuffled))
    return Correlation(
        measure=measure.name,
        variable=variable,
        n=len(x),
        rho=rho,
        rho_stderr=float(_spearman(drawn_x, drawn_y).std()),
        # The order found is one of the permutations.
        chance=float((np.count_nonzero(by_chance >= abs(rho) - 1e-12) + 1) / (DRAWS + 1)),
    )


def _root(covariance: Array) -> Array:
    """Return a matrix whose square is the covariance, singular ones included."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))


def _spearman(x: Array, y: Array) -> Array:
    """Return Spearman's coefficient row by row, ties at their mean rank."""
    from scipy.stats import rankdata

    a = rankdata(x, axis=1)
    b = rankdata(y, axis=1)
    a -= a.mean(axis=1, keepdims=True)
    b -= b.mean(axis=1, keepdims=True)
    norm = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    with np.errstate(invalid="ignore"):
        return np.where(norm > 0, (a * b).sum(axis=1) / np.where(norm > 0, norm, 1.0), 0.0)
