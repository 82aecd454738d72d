"""Standard errors of fits to G(r) whose points are not independent.

A fit of least squares answers to a small change e of the data by B e, B = (JᵀJ)⁻¹Jᵀ. With noise of
covariance C = W Wᵀ its covariance is (B W)(B W)ᵀ, whatever weights the fit had. C is that of the
data's counting errors where they are known and explain the residual; else it is estimated from the
residual itself, in bands of Q, each corrected for what the parameters took out of it (minimum norm
quadratic estimation: C. R. Rao, J. Multivar. Anal. 1, 257 (1971)). Where the residual follows the
model, it is not noise; then the larger of that estimate and the one of independent points counts
at every Q.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from xorder.fitting import FitResult, Parameters
from xorder.parameters import Space
from xorder.pdf.noise import NoiseSpectrum, flat_noise
from xorder.results import Array

__all__ = [
    "Linear",
    "Waves",
    "expected_square",
    "influence",
    "linear_at",
    "noise_factor",
    "noise_of",
    "upper",
    "with_errors",
]

#: Independent points a band of Q takes, and the most bands.
POINTS_PER_BAND, MOST_BANDS = 14, 6
#: Weight of the mean over all bands in each band, in independent points.
PRIOR = 2.0
#: Standard deviations by which a residual may exceed what noise would leave.
BEYOND_NOISE = 3.0
#: Standard deviations by which a residual may be stronger at the Q where the model is.
FOLLOWING = 1.5


class Waves(Protocol):
    """Anything that moves G(r) by waves of unit amplitude."""

    def waves(self, r: Array, /) -> Array:
        """Return what each wave does to G(r), shape (N, waves)."""


class GrObjective(Protocol):
    """What is needed of an objective."""

    r: Array
    target: Array
    sigma: Array
    q_max: float
    noise: NoiseSpectrum | None
    parameters: Parameters

    @property
    def n_independent(self) -> float:
        """Number of independent points."""

    def residual(self, values: Mapping[str, float]) -> Array:
        """Return (measured - calculated) / sigma."""

    def jacobian(self, values: Mapping[str, float], names: Sequence[str]) -> Array:
        """Return d residual / d name."""


@dataclass(frozen=True, eq=False, slots=True)
class Linear:
    """An objective about its minimum, in units of sigma."""

    r: Array
    sigma: Array
    residual: Array
    model: Array
    jacobian: Array
    names: tuple[str, ...]
    n_independent: float
    q_max: float
    counting: NoiseSpectrum | None

    @property
    def weight(self) -> float:
        """Weight of a point in the fit, which counts independent ones."""
        return self.n_independent / len(self.r)

    def thinned(self) -> Linear:
        """Return every n-th point, so that the points are about independent."""
        stride = max(1, math.floor(1.0 / self.weight + 0.1))
        if stride == 1:
            return self
        arrays = (self.r, self.sigma, self.residual, self.model, self.jacobian)
        r, sigma, residual, model, jacobian = (array[::stride] for array in arrays)
        return replace(
            self, r=r, sigma=sigma, residual=residual, model=model, jacobian=jacobian,
            n_independent=min(self.n_independent, float(len(r))),
        )  # fmt: skip


def linear_at(objective: GrObjective, parameters: Parameters, names: Sequence[str]) -> Linear:
    """Return an objective about the values of `parameters`, of which `names` are free.

    Constraints among the parameters count in the derivatives.
    """
    free = set(names)
    space = Space(Parameters(replace(p, vary=p.name in free) for p in parameters.values()))
    values = parameters.valuesdict()
    chain = space.derivatives(space.start)[:, [space.names.index(name) for name in names]]
    moving = [
        (name, row)
        for name, row in zip(space.parameters, chain, strict=True)
        if name in objective.parameters and np.any(row != 0.0)
    ]
    columns = objective.jacobian(values, [name for name, _ in moving])
    residual = objective.residual(values)
    return Linear(
        r=objective.r,
        sigma=objective.sigma,
        residual=residual,
        model=objective.target / objective.sigma - residual,
        jacobian=columns @ np.array([row for _, row in moving]).reshape(len(moving), len(names)),
        names=tuple(names),
        n_independent=min(objective.n_independent, float(len(residual))),
        q_max=objective.q_max,
        counting=objective.noise,
    )


def influence(several: Sequence[Linear], noises: Sequence[Waves]) -> Array:
    """Return what each wave of unit n does to the parameters, shape (names, all waves)."""
    normal = np.sum([one.weight * one.jacobian.T @ one.jacobian for one in several], axis=0)
    norms = np.sqrt(np.maximum(np.diag(normal), 1e-300))
    inverse = np.linalg.pinv(normal / np.outer(norms, norms), rcond=1e-14) / np.outer(norms, norms)
    # The residual is measured minus calculated: its derivatives are minus those of the model.
    parts = [
        -one.weight * one.jacobian.T @ (noise.waves(one.r) / one.sigma[:, None])
        for one, noise in zip(several, noises, strict=True)
    ]
    return np.asarray(inverse @ np.concatenate(parts, axis=1))


def noise_of(one: Linear, spread: Waves | None = None) -> NoiseSpectrum:
    """Return the noise that standard errors are to count; its `source` says which it is.

    `spread` is what is known to be unknown of the model, which the residual holds besides.
    """
    thin = one.thinned()
    free = max(thin.n_independent - len(one.names), 1.0)
    square = float(thin.residual @ thin.residual)
    if one.counting is not None:
        expected = expected_square(thin, one.counting)
        expected += 0.0 if spread is None else expected_square(thin, spread)
        factor = noise_factor(square / expected, free)
        if factor is not None:
            return one.counting.scaled(factor, "counting")
    flat = flat_noise(one.q_max, float(one.r[-1]))
    flat = flat.scaled(square / expected_square(thin, flat))
    banded = _banded(thin, flat)
    if one.counting is None and not _follows_model(thin):
        return banded
    return upper(flat, banded)


def noise_factor(excess: float, free: float) -> float | None:
    """Return what to multiply the variance of known noise by; None where there is more than noise.

    Parameters
    ----------
    excess
        Square of the residual over the one expected; by chance it differs from one by √(2 / free).
    free
        Degrees of freedom.
    """
    chance = math.sqrt(2.0 / free)
    if excess > 1.0 + BEYOND_NOISE * chance:
        return None
    return max(1.0, excess / (1.0 + chance))


def upper(first: NoiseSpectrum, second: NoiseSpectrum) -> NoiseSpectrum:
    """Return the larger power of two spectra on the same nodes at every Q: that of misfit."""
    return replace(first, power=np.maximum(first.power, second.power), source="model")


def expected_square(one: Linear, noise: Waves) -> float:
    """Return the sum of squares of the residual that a noise leaves, the parameters fitted."""
    waves = noise.waves(one.r) / one.sigma[:, None]
    taken = _directions(one.jacobian).T @ waves
    return max(float(np.sum(waves**2) - np.sum(taken**2)), 1e-300)


def with_errors(found: FitResult, names: Sequence[str], covariance: Array) -> FitResult:
    """Return a fit with the covariance of `names` put in, and the standard errors that follow."""
    place = [found.var_names.index(name) for name in names]
    covar = np.full_like(found.covar, math.nan)
    covar[np.ix_(place, place)] = covariance
    space = Space(found.parameters)
    chain = space.derivatives(space.start)
    known = np.where(np.isnan(covar), 0.0, covar)
    stderr = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", chain, known, chain), 0.0))
    parameters = Parameters(
        replace(p, stderr=float(error)) if math.isfinite(p.stderr) else p
        for p, error in zip(space.parameters.values(), stderr, strict=True)
    )
    return replace(found, parameters=parameters, covar=covar)


def _banded(one: Linear, flat: NoiseSpectrum) -> NoiseSpectrum:
    """Return the spectrum of the residual in bands of Q, each with what the parameters took."""
    from scipy.optimize import nnls

    free = len(one.r) - len(one.names)
    count = int(min(MOST_BANDS, free // POINTS_PER_BAND))
    if count < 2:
        return flat
    band = np.minimum((flat.q / one.q_max * count).astype(int), count - 1)
    waves = flat.waves(one.r) / one.sigma[:, None]
    directions = _directions(one.jacobian)
    waves = waves - directions @ (directions.T @ waves)
    parts = [waves[:, band == k] for k in range(count)]
    squares = np.stack([part @ part.T for part in parts])
    seen = np.einsum("kij,i,j->k", squares, one.residual, one.residual)
    flattened = squares.reshape(count, -1)
    found, _ = nnls(flattened @ flattened.T, seen)
    share = free / count
    factor = (share * found + PRIOR) / (share + PRIOR)
    return replace(flat, power=flat.power * factor[band])


def _follows_model(one: Linear) -> bool:
    """Return whether the residual is stronger at those Q where the model is.

    Then it is misfit: noise knows nothing of Bragg peaks. Compared within bands of Q, because both
    change slowly with Q.
    """
    count = len(one.r)
    nodes = np.arange(1, count // 2) * (2.0 * math.pi / float(one.r[-1] - one.r[0]))
    if len(nodes) < 3 * MOST_BANDS:
        return False
    waves = np.exp(-1j * np.outer(nodes, one.r))
    residual, model = np.abs(waves @ one.residual) ** 2, np.abs(waves @ one.model) ** 2
    relative, strong = np.zeros(len(nodes)), np.zeros(len(nodes), dtype=bool)
    for band in np.array_split(np.arange(len(nodes)), MOST_BANDS):
        relative[band] = residual[band] / max(float(np.mean(residual[band])), 1e-300)
        strong[band] = model[band] > np.median(model[band])
    ratio = float(np.mean(relative[strong])) / max(float(np.mean(relative[~strong])), 1e-300)
    return ratio > 1.0 + FOLLOWING * math.sqrt(4.0 / len(nodes))


def _directions(jacobian: Array) -> Array:
    """Return an orthonormal basis of what the parameters can do, shape (N, rank)."""
    norms = np.linalg.norm(jacobian, axis=0)
    scaled = jacobian / np.where(norms > 0, norms, 1.0)
    left, singular, _ = np.linalg.svd(scaled, full_matrices=False)
    return np.asarray(left[:, singular > 1e-10 * max(float(singular.max(initial=0.0)), 1e-300)])
