"""Standard errors of a window of a box-car: its own noise, and that of what it takes as known.

A window frees a few parameters and holds the others at the values of the whole range, which were
found from the same noisy data. Both enter: a wave of the noise moves what is held, and the window
answers to that and to the wave itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from xorder.fitting import FitResult
from xorder.pdf.correlated_errors import (
    Linear,
    Waves,
    expected_square,
    influence,
    linear_at,
    noise_factor,
    noise_of,
    upper,
)
from xorder.pdf.noise import NoiseSpectrum, flat_noise
from xorder.pdf.objective import PdfObjective
from xorder.pdf.refinement_result import PdfFit, determined
from xorder.results import Array

__all__ = ["WholeErrors", "scale_waves", "tied_scale_waves", "whole_errors"]


@dataclass(frozen=True, eq=False, slots=True)
class WholeErrors:
    """What the noise does to the parameters of the whole range."""

    noise: NoiseSpectrum
    names: tuple[str, ...]
    waves: Array
    """Shape (names, Q), and besides those of `spread`."""
    spread: Waves | None = None
    """What is unknown of the models."""


@dataclass(frozen=True, eq=False, slots=True)
class _Together:
    """Waves of the noise, then those of the models."""

    noise: NoiseSpectrum
    spread: Waves | None

    def waves(self, r: Array) -> Array:
        """Return what each wave does to G(r), shape (N, waves)."""
        if self.spread is None:
            return self.noise.waves(r)
        return np.concatenate([self.noise.waves(r), self.spread.waves(r)], axis=1)


def whole_errors(
    objective: PdfObjective, whole: PdfFit, spread: Waves | None = None
) -> WholeErrors | None:
    """Return how the fit of the whole range answers to its noise; None where it failed.

    `spread` is what is unknown of the models; the residual is not taken for noise for it.
    """
    if whole.fit is None or not whole.success or whole.noise is None:
        return None
    names = determined(whole.fit)
    linear = linear_at(objective, whole.parameters, names)
    noise = whole.noise if spread is None else noise_of(linear, spread)
    waves = influence([linear], [_Together(noise, spread)])
    return WholeErrors(noise, tuple(names), waves, spread)


def scale_waves(
    objective: PdfObjective, found: FitResult, whole: WholeErrors
) -> tuple[Array, Array]:
    """Return what each wave does to the scales of a window, and how much each point counts.

    A scale that stopped at zero counts as if the scales alone had been free.

    Returns
    -------
    waves
        Shape (phases, Q).
    seen
        Distances in Å in the first row, then the weights of each phase, which sum to one, shape
        (1 + phases, points); NaN where a scale is held. Were a phase to keep the share γ(r) of its
        pairs, its scale would be Σ weight γ(r).
    """
    scales = [objective.global_name(phase, "scale") for phase in objective.phases]
    varying = [name for name in scales if name in found.var_names]
    free = determined(found)
    if not set(varying) <= set(free):
        free = varying
    window = answer_of(objective, found, free, whole)
    waves = _rows(scales, free, np.linalg.pinv(window.normal) @ window.pull)
    inverse = np.linalg.pinv(window.jacobian)
    seen = np.full((1 + len(scales), len(objective.r)), math.nan)
    seen[0] = objective.r
    for row, name in enumerate(scales, start=1):
        if name in free:
            column = free.index(name)
            seen[row] = inverse[column] * window.jacobian[:, column]
    return waves, seen


def tied_scale_waves(
    objectives: Sequence[PdfObjective],
    results: Sequence[FitResult],
    whole: WholeErrors,
    share: float,
    residual: float,
    ties: Callable[[Sequence[str]], Array],
) -> list[Array]:
    """Return the same of windows tied to each other, shape (phases, Q + ties).

    What a parameter truly changes from window to window is as unknown as noise: each tie is one
    more wave.

    Parameters
    ----------
    objectives, results
        The windows and their fits.
    whole
        Errors of the whole range.
    share
        Share of its data that a window does not have in common with its neighbour.
    residual
        Standard deviation of the data's points, in the units of the objectives.
    ties
        From names such as ``scale_window3`` to the derivatives of the ties, shape (ties, names).
    """
    free = [determined(found) for found in results]
    windows = [
        answer_of(o, found, names, whole)
        for o, found, names in zip(objectives, results, free, strict=True)
    ]
    ends = np.cumsum([0, *(len(names) for names in free)])
    tied = ties([f"{name}_window{i}" for i, names in enumerate(free) for name in names])
    normal = tied.T @ tied
    pull = np.zeros((ends[-1], whole.waves.shape[1]))
    for window, first, last in zip(windows, ends[:-1], ends[1:], strict=True):
        normal[first:last, first:last] += window.normal * share / residual**2
        pull[first:last] += window.pull * share / residual**2
    inverse = np.linalg.pinv(normal)
    waves = np.concatenate([inverse @ pull, inverse @ tied.T], axis=1)
    scales = [
        [objective.global_name(phase, "scale") for phase in objective.phases]
        for objective in objectives
    ]
    return [
        _rows(wanted, names, waves[first:last])
        for wanted, names, first, last in zip(scales, free, ends[:-1], ends[1:], strict=True)
    ]


@dataclass(frozen=True, eq=False, slots=True)
class Answer:
    """How a window answers to the noise: δ = normal⁻¹ pull n."""

    normal: Array
    pull: Array
    jacobian: Array


def answer_of(
    objective: PdfObjective, found: FitResult, free: Sequence[str], whole: WholeErrors
) -> Answer:
    """Return the normal matrix of what a window frees, and the pull of each wave on it."""
    held = [name for name in whole.names if name not in free]
    both = linear_at(objective, found.parameters, [*free, *held])
    own = replace(both, jacobian=both.jacobian[:, : len(free)], names=tuple(free))
    noise = _Together(_noise(own, whole.noise, whole.spread), whole.spread)
    push = noise.waves(own.r) / own.sigma[:, None]
    if held:
        # The residual moves with what is held.
        moved = whole.waves[[whole.names.index(name) for name in held]]
        push = push + both.jacobian[:, len(free) :] @ moved
    weighted = own.weight * own.jacobian.T
    return Answer(weighted @ own.jacobian, -weighted @ push, own.jacobian)


def _rows(wanted: Sequence[str], names: Sequence[str], waves: Array) -> Array:
    rows = np.zeros((len(wanted), waves.shape[1]))
    for row, name in enumerate(wanted):
        if name in names:
            rows[row] = waves[list(names).index(name)]
    return rows


def _noise(own: Linear, noise: NoiseSpectrum, spread: Waves | None) -> NoiseSpectrum:
    """Return the noise of a window: that of the whole range, more where the window has more."""
    thin = own.thinned()
    square = float(thin.residual @ thin.residual)
    expected = expected_square(thin, noise)
    expected += 0.0 if spread is None else expected_square(thin, spread)
    excess = square / expected
    factor = noise_factor(excess, max(thin.n_independent - len(own.names), 1.0))
    if noise.source != "model" and factor is not None:
        return noise.scaled(factor)
    flat = flat_noise(own.q_max, float(own.r[-1]), q=noise.q)
    flat = flat.scaled(square / expected_square(thin, flat))
    return upper(flat, noise.scaled(excess))
