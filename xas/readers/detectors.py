"""Columns of a multi-element detector, told by their labels: a stem and the element's number."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["ElementColumns", "element_columns"]

#: What a stem means, the number standing as #; the first that fits counts.
_KINDS: tuple[tuple[str, str], ...] = (
    ("", r"clock|time|live|dxp|ertm|eltm|epoch|gain|trueicr|scaler|angle|motor|temp|pos"),
    ("icr", r"icr|input_?count"),
    ("ocr", r"ocr|output_?count"),
    ("factor", r"dt_?factor|dead"),
    ("corrected", r"dtc|corr|_dtc"),
    (
        "counts",
        r"^(?:sdd|ge|vor|vortex|ketek|xmap|xsp\w*|sca|mca|fluor|fluo|roi|if|ifluor|iff|ff|xfluor)"
        r"\w*#|mca#|roi#|sca#|[klm][ab]\d?_?.*#|#.*[klm][ab]",
    ),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ElementColumns:
    """Which columns (from 0) are the elements of a detector."""

    counts: tuple[int, ...]
    """Counts of the line in each element."""
    icr: tuple[int, ...] = ()
    """Input counts of each element, or empty."""
    ocr: tuple[int, ...] = ()
    """Output counts of each element, or empty."""
    factor: tuple[int, ...] = ()
    """Dead-time factors of each element, or empty."""
    time: int | None = None
    """Counting time, or None."""
    corrected: bool = False
    """True where counts are corrected for dead time already."""


def element_columns(labels: Sequence[str]) -> ElementColumns | None:
    """Return the elements of a detector that the labels name, or None where there are none.

    Two or more labels alike but for a number are elements. Corrected counts are taken before raw
    ones. Where labels name the elements of several lines, nothing is chosen.
    """
    stems: dict[str, dict[int, int]] = {}
    for index, label in enumerate(labels):
        bare = re.sub(r"_c\d+$", "", label.strip().lower())
        for match in re.finditer(r"\d+", bare):
            stem = f"{bare[: match.start()]}#{bare[match.end() :]}"
            stems.setdefault(stem, {}).setdefault(int(match[0]), index)
    found: dict[str, list[dict[int, int]]] = {}
    for stem, columns in stems.items():
        kind = next((kind for kind, pattern in _KINDS if re.search(pattern, stem)), "")
        if kind and len(columns) > 1:
            found.setdefault(kind, []).append(columns)
    for kind in ("corrected", "counts"):
        sets = found.get(kind, [])
        if len(sets) == 1:
            return _columns(sets[0], found, labels, corrected=kind == "corrected")
    return None


def _columns(
    elements: dict[int, int],
    found: dict[str, list[dict[int, int]]],
    labels: Sequence[str],
    *,
    corrected: bool,
) -> ElementColumns:
    numbers = sorted(elements)

    def of(kind: str) -> tuple[int, ...]:
        sets = found.get(kind, [])
        if corrected or len(sets) != 1 or not set(numbers) <= sets[0].keys():
            return ()
        return tuple(sets[0][number] for number in numbers)

    time = next((i for i, label in enumerate(labels) if is_time(label)), None)
    return ElementColumns(
        counts=tuple(elements[number] for number in numbers),
        icr=of("icr"),
        ocr=of("ocr"),
        factor=of("factor"),
        time=time,
        corrected=corrected,
    )


def is_time(label: str) -> bool:
    """Return whether a label names the counting time of a point."""
    bare = re.sub(r"[\s_*/.-]+", " ", label.strip().lower()).strip()
    return bool(
        re.fullmatch(
            r"(?:measurement|integration|count(?:ing)?|acquisition|dwell|exposure|scaler preset)?"
            r" ?(?:time|seconds|sec|dwell)(?: \(?s\)?)?",
            bare,
        )
    )
