"""Text files of columns: header, keys, labels, numbers."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from xorder.errors import MissingFile, UnreadableFile
from xorder.results import Array

__all__ = ["Columns", "read_columns"]

# Newer pyFAI writes its calibration as JSON, whose keys are quoted.
_PAIR = re.compile(r"([A-Za-z_][\w ]*?)\"?\s*[=:]\s*(.+?),?\s*$")
_COMMENTS = ("#", ";", "!", "%", "'", '"')


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Columns:
    """A text file taken apart."""

    table: Array
    """Numbers, shape (rows, columns)."""
    header: tuple[str, ...]
    """Lines before the numbers, without comment marks."""
    keys: dict[str, str]
    """``key = value`` and ``key: value`` of the header, keys in lower case."""
    labels: tuple[str, ...]
    """Names of the columns in lower case; empty where there are none."""


def read_columns(path: Path, *, expected: str) -> Columns:
    """Return the columns and the header of a text file.

    Read are comments of all the usual marks, headers without marks (PDFgetX3, Fit2D), a leading
    count and title (RMCProfile), blanks, tabs, semicolons and commas between numbers.

    Raises
    ------
    MissingFile
        Where there is no such file.
    UnreadableFile
        Where it is empty, binary, or a row cannot be read; the message names the line.
    """
    lines = _lines(path, expected)
    start = _first_row(lines, path, expected)
    header = tuple(line.strip().lstrip("#;!%").strip() for line in lines[:start])
    rows: list[list[float]] = []
    for number, line in enumerate(lines[start:], start=start + 1):
        text = line.strip()
        if not text or text.startswith(_COMMENTS):
            continue
        rows.append(_row(text, path, number))
    if len(rows) < 2:
        raise UnreadableFile(f"{len(rows)} row of data", expected="two rows or more", source=path)
    width = min(map(len, rows))
    keys: dict[str, str] = {}
    for line in header:
        match = _PAIR.search(line)
        if match:
            keys.setdefault(match[1].strip().lower().replace(" ", "_"), match[2])
    return Columns(
        table=np.array([row[:width] for row in rows]),
        header=header,
        keys=keys,
        labels=_labels(header),
    )


def _lines(path: Path, expected: str) -> list[str]:
    if not path.is_file():
        raise MissingFile("there is no such file", expected=expected, source=path)
    content = path.read_bytes()
    if not content.strip():
        raise UnreadableFile("the file is empty", expected=expected, source=path)
    if b"\0" in content:
        raise UnreadableFile("the file is binary", expected="text columns", source=path)
    return content.decode("utf-8", errors="replace").lstrip("\ufeff").splitlines()


def _first_row(lines: list[str], path: Path, expected: str) -> int:
    """Return the index of the first of two lines in a row that hold the same number of columns."""
    marks = [i for i, line in enumerate(lines) if "start data" in line]
    first = marks[0] + 1 if marks else 0
    words = [_words(line) for line in lines]
    for index in range(first, len(lines)):
        row = words[index]
        if len(row) >= 2 and all(map(_is_number, row)):
            return index
    one = next((i for i in range(first, len(lines)) if words[i] and _is_number(words[i][0])), None)
    if one is not None and len(words[one]) == 1:
        raise UnreadableFile("one column", expected=expected, source=path, line=one + 1)
    sample = next((line.strip() for line in lines[first:] if line.strip()), "")
    raise UnreadableFile(
        f"no row of numbers was found; the text begins {sample[:40]!r}",
        expected=expected,
        source=path,
    )


def _words(line: str) -> list[str]:
    text = line.strip()
    if not text or text.startswith(_COMMENTS):
        return []
    words = re.split(r"[\s;]+", text.strip(";"))
    if all(map(_is_number, words)) and not any(_decimal_comma(word) for word in words):
        return words
    split = [word for word in re.split(r"[\s;,]+", text) if word]
    # Points as well as commas: the commas stand between numbers.
    return split if "." in text or len(words) == 1 else words


def _row(text: str, path: Path, number: int) -> list[float]:
    words = _words(text)
    try:
        row = [float(word.replace("D", "E")) for word in words]
    except ValueError:
        comma = " (a decimal comma?)" if re.search(r"\d,\d", text) else ""
        raise UnreadableFile(
            f"{text[:40]!r} is not a row of numbers{comma}",
            expected="numbers with a decimal point",
            source=path,
            line=number,
        ) from None
    if len(row) < 2:
        raise UnreadableFile("one column", expected="two or more", source=path, line=number)
    if not all(map(math.isfinite, row[:2])):
        raise UnreadableFile(
            f"{text[:40]!r} is not finite",
            expected="finite numbers; leave such points out",
            source=path,
            line=number,
        )
    return row


def _decimal_comma(word: str) -> bool:
    return bool(re.fullmatch(r"[-+]?\d+,\d+(?:[eE][-+]?\d+)?", word))


def _is_number(word: str) -> bool:
    try:
        float(word.replace("D", "E"))
    except ValueError:
        # A decimal comma is a number to the eye; the row then gets its own message.
        return _decimal_comma(word)
    return True


def _labels(header: tuple[str, ...]) -> tuple[str, ...]:
    for line in reversed(header):
        if line.startswith("L "):
            return tuple(line[2:].lower().split())
        words = re.split(r"[\s,;]+", line.lower())
        if len(words) >= 2 and re.match(r"q|2th|two|tth|r\b|x\b", words[0]) and "=" not in line:
            return tuple(words)
    return ()
