"""How far order reaches: lengths read off a box-car, with bootstrap errors."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xorder.errors import BadInput
from xorder.pdf.boxcar import Boxcar
from xorder.pdf.phases import sphere_envelope
from xorder.results import Array, Result, quantity, recorded

__all__ = ["OrderLength", "order_length"]

#: A value within this many standard errors of zero is nothing.
NOTHING = 2.0
#: Diameters tried between a window's width and twenty times the range.
DIAMETERS = 400


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class OrderLength(Result):
    """How far a phase is seen. A length the range does not hold is NaN, with a message."""

    phase: str
    """Name of the phase."""
    half: float = quantity("Å", default=math.nan)
    """Centre of the window where the scale has fallen to half of that of the first."""
    half_stderr: float = quantity("Å", default=math.nan)
    """Its bootstrap standard error."""
    zero: float = quantity("Å", default=math.nan)
    """Centre of the first window where the scale, and all beyond it together, are zero within two
    standard errors."""
    zero_stderr: float = quantity("Å", default=math.nan)
    """Its bootstrap standard error, at least half of a step."""
    diameter: float = quantity("Å", default=math.nan)
    """Diameter of the sphere whose envelope the scales follow best."""
    diameter_stderr: float = quantity("Å", default=math.nan)
    """Its bootstrap standard error."""
    draws: int = 0
    """Draws of the bootstrap."""
    messages: tuple[str, ...] = ()
    """What a reader must know."""


@recorded
def order_length(
    boxcar: Boxcar, *, phase: str | None = None, draws: int = 500, seed: int = 0
) -> OrderLength:
    r"""Return how far the order of a phase reaches.

    The scale of a phase against the windows' centres is what is left of its pairs. Three lengths
    are read off: where it has halved, where it is nothing within its error, and the diameter of the
    sphere whose envelope :math:`1 - 3r/2d + r^3/2d^3`, averaged over each window as the scale sees
    it (`Boxcar.seen`), fits best. The
    errors are the scatter of the same readings on curves drawn around the measured one, windows
    that share data drawn together (with the covariance of the windows, or where it is not known
    with the correlation :math:`1 - \Delta r/w`).

    Parameters
    ----------
    boxcar
        Fitted sliding windows.
    phase
        Which phase; may be left out where there is one only.
    draws
        Number of bootstrap curves.
    seed
        Seed of the draws.

    Raises
    ------
    BadInput
        Where the phase is unknown, or fewer than four windows are decided, or windows are
        cumulative.
    """
    index = _index(boxcar, phase)
    sure = ~boxcar.undecided & np.isfinite(boxcar.scale[:, index])
    sure &= boxcar.scale_stderr[:, index] > 0
    if boxcar.cumulative:
        raise BadInput("the windows are cumulative", expected="windows that slide")
    if np.count_nonzero(sure) < 4:
        raise BadInput(
            f"{np.count_nonzero(sure)} windows are decided", expected="at least four windows"
        )
    if draws < 10:
        raise BadInput(f"draws is {draws}", expected="at least ten draws")
    centre = 0.5 * (boxcar.r_min + boxcar.r_max)[sure]
    scale, error = boxcar.scale[sure, index], boxcar.scale_stderr[sure, index]
    covariance = _covariance(boxcar, index, sure)
    drawn = _drawn(scale, covariance, draws, seed)
    curves = np.vstack([scale, drawn])
    half = _halves(centre, curves)
    zero = _zeros(centre, curves, covariance)
    sizes = _sizes(boxcar.r_min[sure], boxcar.r_max[sure])
    diameter, endless = _diameters(sizes, _shapes(boxcar, index, sure, sizes), curves, error)
    messages = []
    if math.isnan(half[0]):
        messages.append("the scale does not fall to half within the range")
    if math.isnan(zero[0]):
        messages.append("the scale does not vanish within the range")
    if endless:
        messages.append("no end of the order is seen: the diameter is a lower limit")
    return OrderLength(
        phase=boxcar.phases[index],
        half=float(half[0]),
        half_stderr=_spread(half),
        zero=float(zero[0]),
        zero_stderr=max(_spread(zero), 0.5 * boxcar.step) if math.isfinite(zero[0]) else math.nan,
        diameter=float(diameter[0]),
        diameter_stderr=math.nan if endless else _spread(diameter),
        draws=draws,
        messages=tuple(messages),
    )


def _index(boxcar: Boxcar, phase: str | None) -> int:
    if phase is None and len(boxcar.phases) == 1:
        return 0
    if phase not in boxcar.phases:
        raise BadInput(
            f"there is no phase {phase!r}", expected="one of " + ", ".join(boxcar.phases)
        )
    return boxcar.phases.index(phase)


def _covariance(boxcar: Boxcar, index: int, sure: NDArray[np.bool_]) -> Array:
    """Return the covariance between windows; by the data they share where it is not known."""
    if boxcar.scale_covariance is not None:
        return np.asarray(boxcar.scale_covariance[index][np.ix_(sure, sure)])
    error = boxcar.scale_stderr[sure, index]
    centre = 0.5 * (boxcar.r_min + boxcar.r_max)[sure]
    apart = np.abs(centre[:, None] - centre[None, :])
    return np.asarray(np.maximum(1.0 - apart / boxcar.width, 0.0) * np.outer(error, error))


def _drawn(scale: Array, covariance: Array, draws: int, seed: int) -> Array:
    """Return curves around the measured one, shape (draws, windows)."""
    root = np.linalg.cholesky(covariance + 1e-9 * np.diag(np.diag(covariance)))
    normal = np.random.default_rng(seed).normal(size=(draws, len(scale)))
    return np.asarray(scale + normal @ root.T)


def _halves(centre: Array, curves: Array) -> Array:
    """Return where each curve first falls below half of its first value, shape (curves,)."""
    relative = curves / curves[:, :1] - 0.5
    below = (relative[:, 1:] < 0) & (relative[:, :-1] >= 0)
    found = below.any(axis=1) & (curves[:, 0] > 0)
    at = np.argmax(below, axis=1)
    rows = np.arange(len(curves))
    high, low = relative[rows, at], relative[rows, at + 1]
    with np.errstate(invalid="ignore", divide="ignore"):
        place = centre[at] + high / (high - low) * (centre[at + 1] - centre[at])
    return np.where(found, place, np.nan)


def _zeros(centre: Array, curves: Array, covariance: Array) -> Array:
    """Return the centre from which on each curve is nothing, shape (curves,)."""
    error = np.sqrt(np.diag(covariance))
    # Row k weighs the windows from k on by their errors: one that strays is no order.
    tails = np.triu(np.broadcast_to(error**-2.0, covariance.shape))
    tails = tails / tails.sum(axis=1, keepdims=True)
    spread = np.sqrt(np.maximum(np.einsum("ki,ij,kj->k", tails, covariance, tails), 1e-300))
    nothing = (curves < NOTHING * error) & (curves @ tails.T < NOTHING * spread)
    found = nothing.any(axis=1)
    return np.where(found, centre[np.argmax(nothing, axis=1)], np.nan)


def _sizes(r_min: Array, r_max: Array) -> Array:
    """Return the diameters to be tried."""
    return np.geomspace(float(r_max[0] - r_min[0]) * 0.5, 20.0 * float(r_max[-1]), DIAMETERS)


def _shapes(boxcar: Boxcar, index: int, sure: NDArray[np.bool_], sizes: Array) -> Array:
    """Return what is left of a phase in each window at each diameter, shape (sizes, windows).

    A scale is a mean over its window in which strong points count more than weak ones.
    """
    columns = []
    for window in np.flatnonzero(sure).tolist():
        r = np.linspace(boxcar.r_min[window], boxcar.r_max[window], 33)
        weight = np.full(33, 1 / 33)
        if boxcar.seen and np.isfinite(boxcar.seen[window][1 + index]).all():
            r, weight = boxcar.seen[window][0], boxcar.seen[window][1 + index]
        columns.append(sphere_envelope(r / sizes[:, None], 1.0) @ weight)
    return np.stack(columns, axis=1)


def _diameters(sizes: Array, shapes: Array, curves: Array, error: Array) -> tuple[Array, bool]:
    """Return the best sphere of each curve, shape (curves,), and whether it has no end."""
    weighted = shapes / error
    norms = np.maximum(np.sum(weighted**2, axis=1), 1e-300)
    # The height of the envelope is linear, so that the best χ² at each diameter is known.
    explained = np.maximum(curves / error @ weighted.T, 0.0) ** 2 / norms
    best = np.clip(np.argmax(explained, axis=1), 1, len(sizes) - 2)
    rows = np.arange(len(curves))
    before, at, after = (explained[rows, best + k] for k in (-1, 0, 1))
    # The top of a parabola through the best diameter and its neighbours.
    bend = np.maximum(2.0 * at - before - after, 1e-300)
    shift = np.clip(0.5 * (after - before) / bend, -0.5, 0.5)
    diameters = sizes[best] * (sizes[1] / sizes[0]) ** shift
    return diameters, bool(best[0] >= DIAMETERS - 2)


def _spread(values: Array) -> float:
    drawn = values[1:][np.isfinite(values[1:])]
    if not math.isfinite(values[0]) or len(drawn) < 0.5 * (len(values) - 1):
        return math.nan
    # A curve that by chance has no end would outweigh all others in a standard deviation.
    low, high = np.percentile(drawn, [15.87, 84.13])
    return float(high - low) / 2.0
