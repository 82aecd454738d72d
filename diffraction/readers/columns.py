"""Columns of text: xy, xye, prn, dat, csv; two or three numbers a line."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import PurePath
from typing import Literal

import numpy as np

from xorder.diffraction.radiation import Radiation
from xorder.diffraction.readers.scan import Scan, decoded
from xorder.diffraction.spectral_lines import WAVELENGTHS
from xorder.errors import UnreadableFile
from xorder.results import Array

__all__ = ["scan_from_columns"]

COMMENTS = ("#", "!", ";", "*", "'", "/", "%", "[", "_")
#: The data begin at the first of this many numeric lines with the same number of columns.
RUN = 3
#: A column whose ratio to √I spreads less than this share is σ.
ROOT_SPREAD = 0.15
_SIGMA_NAMES = re.compile(r"\b(sig(ma)?|e\.?s\.?d\.?|err(or)?s?|std(dev)?|unc\w*|dI|σ)\b", re.I)
_OTHER_AXIS = re.compile(r"^\W*((q|d|k|tof|energy|channel|time)(_|\b)|(2th\w*|r)_(rad|mm))", re.I)
_Q_AXIS = re.compile(
    r"^\W*q(?:\s+vector)?\s*[_\s(\[]*\s*(?:1\s*/\s*)?(nm|a|å|ang\w*|inverse\s+ang\w*)", re.I
)
_WAVELENGTH = re.compile(
    r"(?:wave\s*length|lambda|λ)\W*(?:\(?\s*(?:Å|A|Ang\w*)\s*\)?\W*)?([\d.]+(?:e[+-]?\d+)?)",
    re.I,
)

#: All lines with their weights, as our writers name them: 1.5406*0.667 + 1.5444*0.333.
_LINE = re.compile(r"(\d+\.\d+)\*(\d+\.\d+)")
_RADIATION = re.compile(
    r"#\s*radiation:\s*\d+\.\d+\*\d+\.\d+(\s*\+\s*\d+\.\d+\*\d+\.\d+)*( neutron)?\s*$"
)

#: A wavelength below this is in metres.
METRES = 1e-6
#: pyFAI 2026.9 writes this instead of the name of the axis, when there is a column of σ.
_UNFILLED = "{str("

Splitter = Callable[[str], list[str]]


def scan_from_columns(content: bytes, source: str) -> Scan:
    """Return the scan in a text file of columns.

    Lines before the data and lines that begin with a comment sign are header. Columns are separated
    by spaces, tabs, semicolons or commas; a decimal comma is read where it cannot be a separator.
    A third column is taken as σ where the header or the ending ``.xye`` says so, or where it runs
    as √I within 15 %; else it is left out, and the notes say which.

    Raises
    ------
    UnreadableFile
        For a file without two columns of numbers, or with a line that breaks them.
    """
    lines = decoded(content, source).replace('"', "").splitlines()
    if not any(line.strip() for line in lines):
        raise UnreadableFile("the file is empty", expected="columns of numbers", source=source)
    start, split, style = _find_data(lines, source)
    table = _table(lines, start, split, source)
    header = [line for line in lines[:start] if line.strip()]
    inverse = _q_unit(header, source)
    sigma, notes = _third_column(table, header, source)
    axis = table[:, 0]
    return Scan(
        two_theta=axis if inverse is None else None,
        q=None if inverse is None else axis * inverse,
        intensity=table[:, 1],
        sigma=sigma,
        wavelength=_radiation(header) or _wavelength(header),
        metadata={"format": f"columns of text, {style}", "header": "\n".join(header[:50])},
        notes=notes,
    )


def _find_data(lines: Sequence[str], source: str) -> tuple[int, Splitter, str]:
    widest = 0
    for start, line in enumerate(lines):
        if _is_header(line):
            continue
        split, style = _splitter(line)
        counts = [_numeric_columns(later, split) for later in lines[start : start + RUN]]
        widest = max(widest, counts[0])
        if counts[0] >= 2 and len(set(counts)) == 1 and len(counts) == RUN:
            return start, split, style
    found = f"{widest} column of numbers" if widest == 1 else "no columns of numbers"
    raise UnreadableFile(
        f"the file has {found}", expected="two_theta, intensity and maybe σ on each line",
        source=source,
    )  # fmt: skip


def _splitter(line: str) -> tuple[Splitter, str]:
    """Return how to split lines like this one, and the words for it."""
    if ";" in line or ("\t" in line and "," in line):
        separator = ";" if ";" in line else "\t"
        decimal = "," in line and "." not in line

        def split(text: str) -> list[str]:
            text = text.replace(",", ".") if decimal else text
            return [part for part in (p.strip() for p in text.split(separator)) if part]

        words = "semicolons" if separator == ";" else "tabs"
        return split, f"separated by {words}, decimal {'comma' if decimal else 'point'}"
    tokens = line.split()
    if "," in line and "." not in line and len(tokens) > 1 and re.fullmatch(r"\d+,\d+", tokens[0]):
        return (lambda text: text.replace(",", ".").split()), "separated by spaces, decimal comma"
    if "," in line:
        return (lambda text: text.replace(",", " ").split()), "separated by commas, decimal point"
    return str.split, "separated by spaces, decimal point"


def _table(lines: Sequence[str], start: int, split: Splitter, source: str) -> Array:
    width = _numeric_columns(lines[start], split)
    rows = []
    for number, line in enumerate(lines[start:], start=start + 1):
        if _is_header(line):
            continue
        parts = split(line)
        try:
            row = [float(part) for part in parts[:3]]
        except ValueError:
            row = []
        if len(parts) != width or not row:
            raise UnreadableFile(
                f"found {line.strip()[:60]!r}",
                expected=f"{width} numbers as on the lines before",
                source=source,
                line=number,
            )
        rows.append(row)
    return np.array(rows)


def _third_column(
    table: Array, header: Sequence[str], source: str
) -> tuple[Array | None, tuple[str, ...]]:
    if table.shape[1] < 3:
        return None, ("σ is √counts, and 1 where there are none; the file has no column of σ.",)
    third, intensity = table[:, 2], table[:, 1]
    named = bool(header) and bool(_SIGMA_NAMES.search(header[-1]))
    if named or PurePath(source).suffix.lower() == ".xye":
        reason = "its header" if named else "the ending .xye"
    elif _runs_as_root(third, intensity):
        reason = "running as √I"
    else:
        return None, ("The third column does not run as √I and is left out; σ is √counts.",)
    notes = [f"The third column is σ, by {reason}."]
    empty = (third == 0) & (intensity == 0)
    if empty.any() and (third > 0).any():
        third = np.where(empty, third[third > 0].min(), third)
        notes.append(f"σ of {empty.sum()} points without counts was 0; they take the smallest σ.")
    return third, tuple(notes)


def _runs_as_root(third: Array, intensity: Array) -> bool:
    """Return whether a column follows the root of the intensity, and better than it follows it."""
    used = (intensity > 0) & np.isfinite(third)
    if np.count_nonzero(used) < 3 or np.any(third[used] <= 0):
        return False
    column, counts = np.log(third[used]), np.log(intensity[used])
    as_root, as_counts = float(np.std(column - counts / 2)), float(np.std(column - counts))
    equal = bool(np.median(np.abs(column - counts / 2)) < 0.05)
    return as_root < ROOT_SPREAD and (as_root < as_counts or equal)


def _q_unit(header: Sequence[str], source: str) -> float | None:
    """Return Å⁻¹ per unit of an axis of Q; None for an axis of 2θ.

    The name of the axis stands in the last line of the header, or in the second of four, as in
    .chi files of Fit2D.
    """
    named = [header[-1]] if header else []
    if PurePath(source).suffix.lower() == ".chi" and len(header) >= 2:
        named.append(header[1])
    for line in named:
        text = line.strip().lstrip("#!;*'\"/% ")
        match = _Q_AXIS.match(text)
        if match:
            return 0.1 if match.group(1).lower() == "nm" else 1.0
        if _OTHER_AXIS.match(text) or _UNFILLED in text:
            raise UnreadableFile(
                f"the columns are headed {line.strip()[:60]!r}",
                expected="two_theta in degrees, or Q with its unit (1/Å or 1/nm)",
                source=source,
            )
    return None


def _radiation(header: Sequence[str]) -> Radiation | None:
    """Return all lines that a header written by `write_xye` names."""
    for line in header:
        if _RADIATION.match(line):
            pairs = [(float(wave), float(weight)) for wave, weight in _LINE.findall(line)]
            waves, weights = zip(*pairs, strict=True)
            probe: Literal["xray", "neutron"] = "neutron" if "neutron" in line else "xray"
            return Radiation(wavelengths=waves, weights=weights, probe=probe)
    return None


def _wavelength(header: Sequence[str]) -> Radiation | None:
    for line in header:
        match = _WAVELENGTH.search(line)
        if match:
            try:
                value = float(match.group(1))
            except ValueError:
                continue
            # pyFAI gives metres.
            value = round(value * 1e10, 9) if value < METRES else value
            if WAVELENGTHS[0] <= value <= WAVELENGTHS[1]:
                return Radiation(wavelengths=(value,))
    return None


def _is_header(line: str) -> bool:
    stripped = line.strip()
    return not stripped or stripped.startswith(COMMENTS)


def _numeric_columns(line: str, split: Splitter) -> int:
    parts = split(line)
    try:
        [float(part) for part in parts]
    except ValueError:
        return 0
    return len(parts)
