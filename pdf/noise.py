r"""Noise of G(r): its power over Q.

Counting errors of F(Q) are independent; those of G(r) are not. A noise of G is a sum of sine waves,

.. math:: \Delta G(r) = \sum_j \sqrt{p_j}\, n_j \sin(Q_j r), \qquad
          cov(r, r') = \sum_j p_j \sin(Q_j r) \sin(Q_j r'),

with independent n of variance one. Noise that rises with Q makes neighbouring points of G move
against each other, so that sums over many points, such as scales, suffer less from it than points
π/Qmax apart with independent errors would tell.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from xorder.results import Array, Result, quantity

__all__ = ["ErrorSource", "NoiseSpectrum", "flat_noise"]

ErrorSource = Literal["counting", "residual", "model"]
"""Where standard errors of a fit come from: the data's own counting errors; the residual, which is
noise; or the residual, which is mostly what the model misses."""

#: Phase (rad) between two nodes of Q at the largest distance.
NODE_PHASE = 0.8


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class NoiseSpectrum(Result):
    """Power of the noise of G(r) over Q."""

    q: Array = quantity("Å⁻¹", symbol="Q", dims=("q",))
    """Momentum transfer of the waves, shape (Q,)."""
    power: Array = quantity("Å⁻⁴", dims=("q",))
    """Variance of the amplitude of each wave, shape (Q,)."""
    source: ErrorSource = "counting"
    """What the spectrum was found from."""

    def waves(self, r: Array) -> Array:
        """Return what each wave of unit n does to G(r), shape (N, Q); W Wᵀ is the covariance."""
        return np.asarray(np.sin(np.outer(r, self.q)) * np.sqrt(self.power))

    def scaled(self, factor: float, source: ErrorSource | None = None) -> NoiseSpectrum:
        """Return the spectrum with `factor` times the variance."""
        return replace(self, power=self.power * factor, source=source or self.source)


def flat_noise(
    q_max: float, r_max: float, *, source: ErrorSource = "residual", q: Array | None = None
) -> NoiseSpectrum:
    """Return noise of variance one, alike at all Q: points π/Qmax apart are independent.

    Parameters
    ----------
    q_max
        Upper end of Q in Å⁻¹.
    r_max
        Largest distance in Å it will be asked for.
    source
        What it stands for.
    q
        Nodes in Å⁻¹ to be used instead.
    """
    if q is None:
        count = math.ceil(q_max * r_max / NODE_PHASE) + 8
        q = np.asarray((np.arange(count) + 0.5) * q_max / count, dtype=np.float64)
    steps = np.gradient(q)
    return NoiseSpectrum(q=q, power=2.0 * steps / steps.sum(), source=source)
