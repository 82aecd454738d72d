"""Fluorescence counted by several detector elements: corrected, compared, and added."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from xorder.errors import BadInput
from xorder.results import Array, Result, quantity, recorded
from xorder.xas.dead_time import MODELS, DeadTimeModel, error_growth, true_rate
from xorder.xas.spectrum import OUTLYING, Spectrum, note, spectrum_from_arrays

__all__ = ["DetectorElements", "ElementSum", "correct_dead_time", "sum_elements"]

#: An element whose step is smaller than this share of the usual one sees nothing of the sample.
FAINT_STEP = 0.05

#: No element is left out that keeps to the others within this share of their range (measured
#: detectors differ so much by angle and self-absorption); from the smaller share on, it is said.
LARGE_DISTANCE, NOTED_DISTANCE = 0.1, 0.03


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class DetectorElements(Result):
    """What each element of a fluorescence detector counted over one scan."""

    energy: Array = quantity("eV", symbol="E", dims=("energy",))
    """Photon energy as read, shape (N,)."""
    counts: Array = quantity("counts", dims=("energy", "element"))
    """Counts of the fluorescence line in each element, shape (N, D)."""
    i0: Array | None = quantity("counts", symbol="I0", dims=("energy",), default=None)
    """Incident intensity, shape (N,), or None."""
    time: Array | None = quantity("s", dims=("energy",), default=None)
    """Counting time of each point, shape (N,); None where counts are rates already."""
    icr: Array | None = quantity("counts", dims=("energy", "element"), default=None)
    """Events that came in (input counts), shape (N, D), or None."""
    ocr: Array | None = quantity("counts", dims=("energy", "element"), default=None)
    """Events that were counted (output counts), shape (N, D), or None."""
    factor: Array | None = quantity("", dims=("energy", "element"), default=None)
    """Dead-time factors that the electronics gave, shape (N, D), or None."""
    corrected: bool = False
    """True where the counts are corrected for dead time already."""
    labels: tuple[str, ...] = ()
    """Names of the elements."""
    fields: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Other fields of the `Spectrum` that the sum becomes, such as its element and name."""

    def __post_init__(self) -> None:
        if self.counts.ndim != 2 or self.counts.shape[0] != self.energy.size:
            raise BadInput(
                f"counts has shape {self.counts.shape} for {self.energy.size} energies",
                expected="one row an energy, one column an element",
            )
        for name in ("icr", "ocr", "factor"):
            values = getattr(self, name)
            if values is not None and values.shape != self.counts.shape:
                raise BadInput(
                    f"{name} has shape {values.shape} but counts has {self.counts.shape}",
                    expected="a column for each element",
                )
        for name in ("i0", "time"):
            values = getattr(self, name)
            if values is not None and values.shape != self.energy.shape:
                raise BadInput(f"{name} has shape {values.shape}", expected="one value an energy")


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class ElementSum(Result):
    """The fluorescence of several detector elements as one spectrum, and how it came about."""

    spectrum: Spectrum
    """The weighted sum over the incident intensity, with its standard error."""
    labels: tuple[str, ...]
    """Names of the elements."""
    weights: Array = quantity("", dims=("element",))
    """Weight of each element in the sum, 0 where left out, shape (D,)."""
    largest_correction: Array = quantity("", dims=("element",))
    """Largest factor by which dead time made an element's counts grow, shape (D,)."""
    distance: Array = quantity("", dims=("element",))
    """Distance of each element from the common shape, as a share of its range, shape (D,)."""
    left_out: tuple[str, ...]
    """Names of the elements that are left out."""
    messages: tuple[str, ...] = ()
    """What a user must know, one sentence each."""


def correct_dead_time(
    elements: DetectorElements,
    *,
    dead_time: float | Sequence[float] = 0.0,
    model: DeadTimeModel = "nonparalyzable",
) -> tuple[Array, Array]:
    """Return counts corrected for dead time and the factors that did it, both of shape (N, D).

    With input and output counts the factor is true input over output, the dead time being that of
    the fast channel that counts the input (0 leaves the input as it is; Woicik, Ravel, Fischer &
    Newburgh, J. Synchrotron Rad. 17, 409, 2010). With factors of the electronics these are taken.
    Else the dead time is that of the element itself, whose counts are all that it sees.

    Parameters
    ----------
    elements
        What each element counted.
    dead_time
        Dead time in s, one for all or one for each element.
    model
        ``"nonparalyzable"`` or ``"paralyzable"``.

    Raises
    ------
    BadInput
        A dead time without counting times, rates that the dead time does not allow, output counts
        of zero where lines were counted, or a list of dead times that is not one for each element.
    """
    counts = elements.counts
    many = counts.shape[1]
    taus = (
        np.broadcast_to(np.asarray(dead_time, dtype=float), (many,))
        if np.ndim(dead_time) == 0
        else np.asarray(dead_time, dtype=float)
    )
    if taus.shape != (many,):
        raise BadInput(
            f"dead_time has {taus.size} values", expected=f"one, or one for each of {many}"
        )
    if model not in MODELS:
        raise BadInput(f"model is {model!r}", expected=", ".join(MODELS))
    if elements.corrected:
        return counts, np.ones_like(counts)
    if np.any(taus != 0) and elements.time is None:
        raise BadInput(
            "the counting time is not known", expected="time, so that counts become rates"
        )
    if elements.icr is not None and elements.ocr is not None:
        came = _true_counts(elements.icr, elements.time, taus, model)
        if np.any((elements.ocr <= 0) & (counts > 0)):
            raise BadInput("an element counted a line but no events", expected="positive ocr")
        with np.errstate(all="ignore"):
            factor = np.where(elements.ocr > 0, came / elements.ocr, 1.0)
    elif elements.factor is not None:
        factor = elements.factor
    else:
        seen = elements.ocr if elements.ocr is not None else counts
        came = _true_counts(seen, elements.time, taus, model)
        with np.errstate(all="ignore"):
            factor = np.where(seen > 0, came / seen, 1.0)
    return counts * factor, np.asarray(factor)


@recorded
def sum_elements(
    elements: DetectorElements,
    *,
    dead_time: float | Sequence[float] = 0.0,
    model: DeadTimeModel = "nonparalyzable",
    weights: Sequence[float] | None = None,
    leave_out: Sequence[int] = (),
    threshold: float = OUTLYING,
) -> ElementSum:
    """Return the fluorescence of all elements as one spectrum: corrected, compared, added.

    Each element is fitted by the median shape of all, scaled and with a straight line. One without
    counts or without a step is dead; one further from the shape than `threshold` times the median
    distance is outlying. Both are left out and named; with fewer than three live elements none can
    be called outlying. The standard error is that of the counts (Poisson) where they are whole
    numbers, else that of the elements' scatter about the shape where there are three or more; the
    noise of the incident intensity is not in it.

    Parameters
    ----------
    elements
        What each element counted; see `read_elements`.
    dead_time, model
        See `correct_dead_time`.
    weights
        Weight of each element, none negative; equal where None.
    leave_out
        Numbers (from 1) of elements to leave out in any case.
    threshold
        Distance from which an element is outlying, in median distances, above 1.

    Raises
    ------
    BadInput
        As `correct_dead_time`; bad weights or numbers; incident intensities of zero; no element
        left.
    """
    counts, factor = correct_dead_time(elements, dead_time=dead_time, model=model)
    many = counts.shape[1]
    share = _weights(weights, many)
    names = elements.labels or tuple(f"element {i}" for i in range(1, many + 1))
    if elements.i0 is not None and np.any(elements.i0 == 0):
        raise BadInput("i0 is zero", expected="counts of the incident beam at every point")
    if not (math.isfinite(threshold) and threshold > 1):
        raise BadInput(f"threshold is {threshold}", expected="above 1")
    messages: list[str] = []
    per_i0 = counts / (1.0 if elements.i0 is None else elements.i0[:, None])
    kept = share > 0
    for number in leave_out:
        if not 1 <= number <= many:
            raise BadInput(f"leave_out has {number}", expected=f"numbers from 1 to {many}")
        kept[number - 1] = False
    reasons, distance, rest = _compare(elements.energy, per_i0, kept, threshold)
    for index in np.flatnonzero(kept & (distance > NOTED_DISTANCE)).tolist():
        if index not in reasons and many > 2:
            note(
                messages, f"{names[index]} keeps to the others' shape within {distance[index]:.0%}"
            )
    for index, reason in reasons.items():
        kept[index] = False
        note(messages, f"{names[index]} {reason}; it is left out of the sum")
    if not np.any(kept):
        raise BadInput("no detector element is left", expected="at least one that sees the edge")
    share = np.where(kept, share, 0.0)
    per_i0, factor = np.where(kept, per_i0, 0.0), np.where(kept, factor, 1.0)
    if np.max(factor) > 1.5:
        note(messages, f"dead time was corrected by a factor of up to {np.max(factor):.2f}")
    spectrum = _spectrum(
        elements, per_i0 @ share, _stderr(elements, factor, share, rest, model), messages
    )
    return ElementSum(
        spectrum=spectrum,
        labels=names,
        weights=share,
        largest_correction=np.max(factor, axis=0),
        distance=distance,
        left_out=tuple(name for name, keep in zip(names, kept, strict=True) if not keep),
        messages=tuple(messages),
    )


def _true_counts(counts: Array, time: Array | None, taus: Array, model: DeadTimeModel) -> Array:
    if time is None or not np.any(taus):
        return counts
    if np.any(~(time > 0)):
        raise BadInput("a counting time is not positive", expected="seconds above 0")
    rates = counts / time[:, None]
    columns = [
        true_rate(rate, dead_time=float(tau), model=model)
        for rate, tau in zip(rates.T, taus, strict=True)
    ]
    return np.stack(columns, axis=1) * time[:, None]


def _weights(weights: Sequence[float] | None, many: int) -> Array:
    if weights is None:
        return np.ones(many)
    share = np.asarray(weights, dtype=float)
    if share.shape != (many,) or not np.all(np.isfinite(share)) or np.any(share < 0):
        raise BadInput(f"weights are {list(weights)}", expected=f"{many} numbers, none negative")
    if not np.any(share > 0):
        raise BadInput("all weights are zero", expected="at least one above zero")
    return share


def _compare(
    energy: Array, signal: Array, kept: Any, threshold: float
) -> tuple[dict[int, str], Array, Array]:
    """Return why elements are left out, their distances, and what the common shape leaves."""
    many = signal.shape[1]
    finite = np.all(np.isfinite(signal), axis=0)
    reasons = {
        int(i): "counted nothing" if finite[i] else "has counts that are no finite numbers"
        for i in np.flatnonzero(kept & (~finite | ~np.any(signal > 0, axis=0)))
    }
    live = kept & finite & np.any(signal > 0, axis=0)
    distance, rest = np.full(many, np.nan), np.zeros_like(signal)
    for _ in range(many):
        index = np.flatnonzero(live)
        if index.size < 2:
            return reasons, distance, rest
        scale, distance[index], rest[:, index] = _distances(energy, signal[:, index])
        usual = float(np.median(np.abs(scale)))
        faint = scale < FAINT_STEP * usual
        if np.any(faint):
            for i in index[faint]:
                reasons[int(i)] = "shows no edge where the others do"
                live[i] = False
            continue
        far = distance[index]
        worst = int(np.argmax(far))
        usual = float(np.median(np.delete(far, worst)))
        limit = max(threshold * usual, LARGE_DISTANCE)
        if index.size < 3 or far[worst] <= limit:
            return reasons, distance, rest
        reasons[int(index[worst])] = (
            f"lies {far[worst] / usual:.0f} times further from the common shape than the others"
        )
        live[index[worst]] = False
    return reasons, distance, rest


def _distances(energy: Array, signal: Array) -> tuple[Array, Array, Array]:
    """Return scale, relative distance and residual of each element against the median shape."""
    level = signal / np.mean(signal, axis=0)
    shape = np.median(level, axis=1)
    x = (energy - np.mean(energy)) / np.ptp(energy)
    # The line is the elements' own scattered background; the shape is what is left of the median.
    line = np.stack([np.ones_like(x), x], axis=1)
    shape = shape - line @ np.linalg.lstsq(line, shape, rcond=None)[0]
    design = np.column_stack([line, shape])
    coefficients = np.linalg.lstsq(design, signal, rcond=None)[0]
    rest = signal - design @ coefficients
    scale = coefficients[2]
    span = np.ptp(shape) or 1.0
    usual = np.maximum(np.abs(scale), FAINT_STEP * np.median(np.abs(scale)))
    return scale, np.sqrt(np.mean(rest**2, axis=0)) / (usual * span), rest


def _stderr(
    elements: DetectorElements, factor: Array, share: Array, rest: Array, model: DeadTimeModel
) -> Array | None:
    per_i0 = 1.0 if elements.i0 is None else 1.0 / np.abs(elements.i0)
    counts = np.where(share > 0, elements.counts, 0.0)
    whole = not elements.corrected and np.all(counts >= 0) and np.all(counts == np.round(counts))
    if whole:
        growth = factor
        if elements.ocr is None and elements.factor is None:
            # The element's own counts make the factor: d(true)/d(counted) is larger than it.
            growth = error_growth(factor, model)
        return np.asarray(np.sqrt((growth**2 * np.maximum(counts, 1.0)) @ share**2) * per_i0)
    kept = np.flatnonzero(share > 0)
    if kept.size < 3:
        return None
    variance = np.sum((rest[:, kept] * share[kept]) ** 2, axis=1) * kept.size / (kept.size - 1.0)
    # One point has few elements: its neighbours' scatter is its own.
    width = min(11, variance.size)
    padded = np.pad(variance, width // 2, mode="reflect")
    return np.asarray(np.sqrt(np.convolve(padded, np.full(width, 1.0 / width), "valid")))[
        : variance.size
    ]


def _spectrum(
    elements: DetectorElements, mu: Array, stderr: Array | None, messages: list[str]
) -> Spectrum:
    fields = dict(elements.fields)
    said = tuple(fields.pop("messages", ()))
    return spectrum_from_arrays(
        elements.energy,
        mu,
        stderr=stderr,
        i0=elements.i0,
        mode="fluorescence",
        messages=(*said, *messages),
        **fields,
    )
