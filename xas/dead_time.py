"""Counts that a detector lost while it was busy, brought back."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from xorder.errors import BadInput
from xorder.results import Array

__all__ = ["DeadTimeModel", "error_growth", "true_rate"]

DeadTimeModel = Literal["nonparalyzable", "paralyzable"]

MODELS = ("nonparalyzable", "paralyzable")

#: Share of the most that a detector can count from where a small error of the rate is a large one
#: of the true rate: no rate above is corrected.
HIGHEST_SHARE = 0.98


def error_growth(factor: Array, model: DeadTimeModel) -> Array:
    """Return d(true)/d(counted) where true is `factor` times counted: errors grow by it."""
    if model == "nonparalyzable":
        return factor**2
    return np.asarray(factor / (1.0 - np.log(factor)))


def true_rate(rate: Array, *, dead_time: float, model: DeadTimeModel = "nonparalyzable") -> Array:
    r"""Return the true rate of events from the counted one.

    .. math:: m = \frac{n}{1 + n\tau} \quad\text{(nonparalyzable)}, \qquad
        m = n\,e^{-n\tau} \quad\text{(paralyzable)}

    with m counted and n true, solved for n; of a paralyzable detector the branch below its maximum
    (Knoll, Radiation Detection and Measurement, 4th ed., chapter 4.VII).

    Parameters
    ----------
    rate
        Counted events per second, any shape.
    dead_time
        Dead time τ in s after each event, 0 or more.
    model
        ``"nonparalyzable"``: events during the dead time are lost; ``"paralyzable"``: each also
        prolongs it.

    Raises
    ------
    BadInput
        An unknown model, a dead time or rate that is negative, or a rate that no detector of this
        dead time can show.
    """
    if model not in MODELS:
        raise BadInput(f"model is {model!r}", expected=", ".join(MODELS))
    if not (math.isfinite(dead_time) and dead_time >= 0):
        raise BadInput(f"dead_time is {dead_time}", expected="0 s or more")
    rate = np.asarray(rate, dtype=float)
    if not np.all(np.isfinite(rate)) or np.any(rate < 0):
        raise BadInput("a counting rate is negative or not finite", expected="counts per second")
    share = rate * dead_time
    # One event a dead time, or 1/e where events prolong it.
    highest = HIGHEST_SHARE * (1.0 if model == "nonparalyzable" else math.exp(-1.0))
    if np.any(share > highest):
        raise BadInput(
            f"a rate of {np.max(rate):.4g} per second cannot be corrected for a dead time of "
            f"{dead_time:.3g} s ({model})",
            expected=f"at most {highest / dead_time:.4g} per second; check the dead time, and that "
            "counts are divided by the counting time",
        )
    if model == "nonparalyzable" or dead_time == 0:
        return np.asarray(rate / (1.0 - share))
    from scipy.special import lambertw

    return np.asarray(-np.real(lambertw(-share)) / dead_time)
