"""What columns without telling labels are, by their numbers, each with a stated confidence."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from xorder.results import Array
from xorder.xas.spectrum import FEWEST_POINTS, HIGHEST_ENERGY, LOWEST_ENERGY

__all__ = ["CONFIDENT", "ColumnRole", "guess_columns"]

#: Columns of this confidence or more are used, and said; the others are only proposed.
CONFIDENT = 0.8

#: Labels that say nothing, as those of numbered counters do.
_EMPTY = re.compile(
    r"(?:col(?:umn)?|det(?:ector)?|ch(?:annel)?|c|counter|data|x|y|mcs|ai|signal)?"
    r"[\W_]*\d*"
)

#: Labels of what is no signal and no energy.
_OTHER = re.compile(
    r"clock|time|event|temp|motor|pos|dwell|delay|current|epoch|point|index|gain|ring"
)

#: A label that says something else makes a guess so much less sure.
DOUBT = 0.1

#: What a label of the file's own says is rarely wrong.
BY_LABEL = 0.95

#: Logarithms of so many columns are compared with the others.
MOST_COLUMNS = 16

#: A column steps where it changes by more than this (in its logarithm) and so many times its noise.
SMALLEST_STEP, STEP_OVER_NOISE = 0.015, 6.0

#: The incident beam changes by no more than this over an edge.
LARGEST_DRIFT = 0.1


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnRole:
    """What a column is taken for."""

    column: int
    """Number of the column, from 1."""
    label: str
    """Its label; empty where the file names none."""
    role: str
    """Its role, one of those of `xas.read`, or empty where unknown."""
    confidence: float
    """How sure that is: 0.95 by a telling label, 0.8 and more by clear numbers, 0 unknown."""
    reason: str
    """Why, in words."""


def guess_columns(
    values: Array, labels: Sequence[str], roles: Mapping[str, int]
) -> tuple[ColumnRole, ...]:
    """Return what each column of a table is, from its label or else from its numbers.

    The energy is the column that ascends or descends over a plausible range. A column that is the
    logarithm of the ratio of two others tells all three. Else the column with no step at the edge
    is the incident beam, one that falls there the transmitted, one that rises the fluorescence.

    Parameters
    ----------
    values
        Numbers, shape (rows, columns).
    labels
        One label a column, or none.
    roles
        Columns (from 0) whose roles the labels tell.
    """
    found: dict[int, tuple[str, float, str]] = {
        index: (role, BY_LABEL, "by its label") for role, index in roles.items()
    }
    found |= {
        index: ("", 0.0, "named as something else")
        for index, label in enumerate(labels)
        if index not in found and _OTHER.search(label.lower())
    }
    usable = values.shape[0] >= FEWEST_POINTS and bool(np.all(np.isfinite(values)))
    if usable and "energy" not in roles and "angle" not in roles:
        _guess_energy(values, found)
    energy = next((i for i, (role, _, _) in found.items() if role == "energy"), None)
    if usable and energy is not None:
        _guess_signals(values, energy, found)
    for index, label in enumerate(labels):
        role, sure, reason = found.get(index, ("", 0.0, ""))
        if role and index not in roles.values() and not _EMPTY.fullmatch(label.lower()):
            found[index] = (role, sure - DOUBT, f"{reason}, though its label says nothing of it")
    return tuple(
        ColumnRole(
            column=index + 1,
            label=labels[index] if labels else "",
            role=found.get(index, ("", 0.0, ""))[0],
            confidence=found.get(index, ("", 0.0, ""))[1],
            reason=found.get(index, ("", 0.0, "unknown"))[2],
        )
        for index in range(values.shape[1])
    )


def _guess_energy(values: Array, found: dict[int, tuple[str, float, str]]) -> None:
    candidates = []
    for index, column in enumerate(values.T):
        if index in found:
            continue
        steps, low, high = np.diff(column), float(column.min()), float(column.max())
        ordered = max(float(np.mean(steps > 0)), float(np.mean(steps < 0)))
        if ordered < 0.95 or not LOWEST_ENERGY <= low < high <= HIGHEST_ENERGY:
            continue
        if high - low < 30.0 or high > 2.5 * low:
            continue
        counter = bool(np.all(column == np.round(column)) and np.ptp(steps) == 0)
        candidates.append((index, 0.5 if counter or low < 1000 else 0.9))
    if not candidates:
        return
    best = max(candidates, key=lambda item: item[1])
    alike = [
        (index, sure)
        for index, sure in candidates
        if np.median(np.abs(values[:, index] - values[:, best[0]])) < 5.0
    ]
    # Of an energy that was asked for and one that was reached, the reached one is less round.
    index, sure = max(alike, key=lambda item: _digits(values[:, item[0]]))
    if len(alike) < len(candidates):
        sure = min(sure, 0.6)
    span = f"{values[0, index]:.6g} to {values[-1, index]:.6g} eV"
    found[index] = ("energy", sure, f"runs evenly from {span}")


def _digits(column: Array) -> float:
    """Return the share of values that are not whole at two digits after the point."""
    return float(np.mean(np.abs(column * 100 - np.round(column * 100)) > 1e-6))


def _guess_signals(values: Array, energy: int, found: dict[int, tuple[str, float, str]]) -> None:
    free = [i for i in range(values.shape[1]) if i not in found and np.ptp(values[:, i]) > 0]
    roles = {role for role, _, _ in found.values()} - {""}
    complete = "mu" in roles or {"i0", "itrans"} <= roles or {"i0", "ifluor"} <= roles
    if complete or not free:
        return
    if not roles - {"energy", "time"} and _guess_by_logarithm(values, free, found):
        return
    x, order = values[:, energy], np.argsort(values[:, energy], kind="stable")
    if len(free) == 1 and roles == {"energy"}:
        step = _step(x[order], values[order, free[0]])
        if step is not None and step[1] > STEP_OVER_NOISE:
            found[free[0]] = ("mu", 0.85, "the only column beside the energy, with an edge")
        return
    positive = [i for i in free if np.all(values[:, i] > 0) and _is_signal(values[order, i])]
    _guess_by_steps(x[order], values[order], positive, roles, found)


def _is_signal(column: Array) -> bool:
    """Return whether a column is a signal: no constant, no clock, no motor, no beam current."""
    steps = np.diff(column)
    ordered = max(float(np.mean(steps >= 0)), float(np.mean(steps <= 0)))
    return np.unique(column).size > 0.3 * column.size and ordered < 0.95


def _guess_by_logarithm(
    values: Array, free: list[int], found: dict[int, tuple[str, float, str]]
) -> bool:
    """Tell columns by a third that is the logarithm of their ratio; return whether one is."""
    positive = [i for i in free if np.all(values[:, i] > 0)]
    if len(free) > MOST_COLUMNS:
        return False
    known = False
    for above, below in itertools.permutations(positive, 2):
        logarithm = np.log(values[:, above] / values[:, below])
        span = float(np.ptp(logarithm))
        for third in free:
            if third in (above, below) or third in found or span == 0:
                continue
            if np.max(np.abs(values[:, third] - logarithm)) > 1e-3 * span:
                continue
            if not known:
                found[above] = (
                    "i0",
                    0.9,
                    f"column {third + 1} is ln of it over column {below + 1}",
                )
                found[below] = ("itrans", 0.9, f"column {third + 1} holds its logarithm")
                found[third] = ("mu", 0.9, f"ln(column {above + 1} / column {below + 1})")
                known = True
            else:
                found[third] = ("mu_ref", 0.85, f"ln(column {above + 1} / column {below + 1})")
    return known


def _guess_by_steps(
    x: Array,
    values: Array,
    positive: list[int],
    roles: set[str],
    found: dict[int, tuple[str, float, str]],
) -> None:
    logarithms = {i: np.log(values[:, i]) for i in positive}
    pairs = itertools.combinations(positive, 2)
    steps = [
        step for a, b in pairs if (step := _step(x, logarithms[a] - logarithms[b])) is not None
    ]
    if not steps:
        return
    edge, clear, _ = max(steps, key=lambda step: step[1])
    if clear < STEP_OVER_NOISE:
        return
    sizes = {i: _size(x, logarithms[i], edge) for i in positive}
    where = f"at {edge:.0f} eV"
    if "i0" not in roles:
        still, *others = sorted(positive, key=lambda i: abs(sizes[i]))
        least = min((abs(sizes[i]) for i in others), default=0.0)
        if abs(sizes[still]) > LARGEST_DRIFT or least < 3 * max(abs(sizes[still]), SMALLEST_STEP):
            found[still] = ("i0", 0.5, "steps least, but others hardly step more")
            return
        found[still] = ("i0", 0.85, "the only one without a step")
        sizes = {i: size - sizes[still] for i, size in sizes.items() if i != still}
    down = [i for i in sizes if sizes[i] <= -SMALLEST_STEP]
    up = [i for i in sizes if sizes[i] >= SMALLEST_STEP]
    if "ifluor" not in roles and up:
        found[up[0]] = ("ifluor", 0.85 if len(up) == 1 else 0.5, f"rises {where}")
    if "itrans" not in roles and down:
        # What is behind the sample falls by one and the same step, the chamber after it first.
        chain = max(sizes[i] for i in down) - min(sizes[i] for i in down) < 0.1 * abs(
            sizes[down[0]]
        )
        sure = 0.85 if len(down) == 1 else 0.8 if len(down) == 2 and chain else 0.5
        found[down[0]] = ("itrans", sure, f"falls {where}")
        if len(down) == 2 and "iref" not in roles:
            found[down[1]] = ("iref", sure, f"falls {where} as the one before it")


def _step(x: Array, y: Array) -> tuple[float, float, float] | None:
    """Return where a signal steps most, how clearly (in its noise) and how far; None without."""
    if x[-1] - x[0] < 30.0:
        return None
    grid = np.arange(x[0], x[-1], 1.0)
    even = np.interp(grid, x, y)
    width = 5
    windows = np.lib.stride_tricks.sliding_window_view(even, width).mean(axis=1)
    rise = windows[width + 1 :] - windows[: -width - 1]
    if rise.size < FEWEST_POINTS:
        return None
    usual = 1.4826 * float(np.median(np.abs(rise - np.median(rise))))
    best = int(np.argmax(np.abs(rise)))
    clear = abs(float(rise[best])) / max(usual, 1e-9)
    return float(grid[best + width]), clear, float(rise[best])


def _size(x: Array, y: Array, edge: float) -> float:
    """Return how far a signal lies, 5 to 30 eV above the edge, from the line before it."""
    before = (x > edge - 100) & (x < edge - 10)
    after = (x > edge + 5) & (x < edge + 30)
    if np.count_nonzero(before) < 4 or np.count_nonzero(after) < 3:
        return 0.0
    line = np.polynomial.Polynomial.fit(x[before], y[before], 1)
    return float(np.mean(y[after] - line(x[after])))
