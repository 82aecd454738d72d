"""Text files as header lines, labels and a table of numbers: what all column formats share."""

from __future__ import annotations

import gzip
import re
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from xorder.errors import DataWarning, MissingFile, UnreadableFile
from xorder.results import Array
from xorder.xas.readers.labels import roles_of_labels

__all__ = ["TextTable", "read_bytes", "table_from_lines", "text_from_bytes"]

_SEPARATOR = re.compile(r"[,;\s]+")
_CONTROLS = bytes((*range(9), *range(14, 32)))
#: What blanks do not part, or numbers of Fortran.
_UNUSUAL = re.compile(r"[,;dD]")
_DECIMAL_COMMA = re.compile(r"^[-+]?\d+,\d+(?:[eE][-+]?\d+)?$")
_COMMENT = re.compile(r"^\s*(?:#|%|//|!|\*|;|\$)")
_FORTRAN = re.compile(r"^([-+]?(?:\d+\.?\d*|\.\d+))[dD]([-+]?\d+)$")
_NUMBERED = re.compile(
    r"^[#\s%;*!(]*(?:column|col|c|ch)?[\s._#]*(\d+)\s*[:=).]\s*(\S.*?)\s*$", re.IGNORECASE
)


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class TextTable:
    """The numbers of a text file and the lines around them."""

    header: tuple[str, ...]
    """Lines before the first row, as they are."""
    table: Array
    """Numbers, shape (rows, columns)."""
    labels: tuple[str, ...]
    """One label a column, or empty where no header line has as many."""
    messages: tuple[str, ...] = ()
    """What a user must know, one sentence each."""


def read_bytes(path: Path) -> bytes:
    """Return the content of a file, unpacked where it is gzip.

    Raises
    ------
    MissingFile
        Where there is no such file.
    UnreadableFile
        An empty, unreadable or truncated file.
    """
    if not path.exists():
        raise MissingFile("there is no such file", source=path)
    if path.is_dir():
        raise UnreadableFile("this is a folder", expected="a file", source=path)
    try:
        content = path.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UnreadableFile(
            f"the compressed file is truncated or damaged ({error})",
            expected="a whole file; copy it again",
            source=path,
        ) from error
    except OSError as error:
        raise UnreadableFile(f"cannot be read: {error.strerror or error}", source=path) from error
    if not content.strip():
        raise UnreadableFile("the file is empty", expected="a measured spectrum", source=path)
    return content


def text_from_bytes(content: bytes, path: Path) -> str:
    """Return the text of a file, UTF-8 or else Latin-1.

    Raises
    ------
    UnreadableFile
        Binary content.
    """
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        # Text of Windows in two bytes a letter, which its first two bytes say.
        try:
            return content.decode("utf-16")
        except UnicodeDecodeError:
            pass
    start = content[:4096]
    controls = len(start) - len(start.translate(None, _CONTROLS))
    if controls > 0.02 * len(start):
        raise UnreadableFile(
            "the file is binary, not text",
            expected="XDI, Athena project or column text",
            source=path,
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def table_from_lines(lines: list[str], path: Path) -> TextTable:
    """Return the table of numbers of a text file and its labels.

    The table starts at the first line of numbers that is followed by more of the same width. A
    last line with fewer numbers (a scan still running) is left out with a message.

    Raises
    ------
    UnreadableFile
        No table, a single column, words among the numbers, decimal commas, or rows of different
        width, with the line.
    """
    start = _first_row(lines, path)
    rows: list[list[str]] = []
    numbers: list[int] = []
    for number, line in enumerate(lines[start:], start=start + 1):
        if line.strip() and not _COMMENT.match(line):
            _refuse_decimal_commas(line, number, path)
            rows.append(_tokens(line))
            numbers.append(number)
    said = (*_drop_footer(rows, numbers, path), *_drop_headers_between(rows, numbers))
    messages = (*said, *_drop_unfinished(rows, numbers, path))
    if len(rows[0]) < 2:
        raise UnreadableFile(
            "the file has one column of numbers",
            expected="an energy and at least one signal",
            source=path,
            line=numbers[0],
        )
    header = tuple(lines[:start])
    return TextTable(
        header=header,
        table=_table(rows, numbers, path),
        labels=_labels(header, len(rows[0])),
        messages=messages,
    )


def _first_row(lines: list[str], path: Path) -> int:
    for index, line in enumerate(lines):
        _refuse_decimal_commas(line, index + 1, path)
        width = _width(line)
        following = [_width(other) for other in lines[index + 1 : index + 6] if other.strip()]
        if width and following and all(other == width for other in following):
            return index
        if width and width == _width("".join(lines[index + 1 : index + 2])):
            return index
    raise UnreadableFile(
        "no table of numbers was found",
        expected="rows of an energy and at least one signal",
        source=path,
    )


def _refuse_decimal_commas(line: str, number: int, path: Path) -> None:
    if "," in line and _decimal_commas(line):
        raise UnreadableFile(
            f"the numbers have decimal commas: {line.strip()[:60]!r}",
            expected="decimal points",
            source=path,
            line=number,
        )


def _decimal_commas(line: str) -> bool:
    tokens = re.split(r"[;\s]+", line.strip())
    if len(tokens) == 1:
        return bool(_DECIMAL_COMMA.match(tokens[0]))
    commas = [bool(_DECIMAL_COMMA.match(token)) for token in tokens]
    numbers = all(comma or _is_number(token) for comma, token in zip(commas, tokens, strict=True))
    return any(commas) and numbers


def _tokens(line: str) -> list[str]:
    if not _UNUSUAL.search(line):
        return line.split()
    tokens = [token for token in _SEPARATOR.split(line.strip()) if token]
    # Fortran writes 1.5D+03.
    return [_FORTRAN.sub(r"\1e\2", token) for token in tokens]


def _width(line: str) -> int:
    """Return how many numbers a line has, 0 where it has anything else."""
    tokens = _tokens(line)
    return len(tokens) if all(map(_is_number, tokens)) else 0


def _table(rows: list[list[str]], numbers: list[int], path: Path) -> Array:
    """Return the rows as numbers, or say which is none."""
    try:
        return np.array(rows, dtype=float)
    except ValueError:
        pass
    width = len(rows[0])
    for row, number in zip(rows, numbers, strict=True):
        for column, token in enumerate(row, start=1):
            if not _is_number(token):
                raise UnreadableFile(
                    f"column {column} holds {token[:30]!r}",
                    expected="a number",
                    source=path,
                    line=number,
                )
        if len(row) != width:
            raise UnreadableFile(
                f"the row has {len(row)} numbers, the rows before have {width}",
                expected=f"{width} numbers",
                source=path,
                line=number,
            )
    raise UnreadableFile("the table holds something that is not a number", source=path)


def _is_number(token: str) -> bool:
    try:
        float(token)
    except ValueError:
        return False
    return True


def _drop_footer(rows: list[list[str]], numbers: list[int], path: Path) -> tuple[str, ...]:
    """Leave out lines of words after the last row of numbers."""
    last = len(rows)
    while last and not _is_number(rows[last - 1][0]):
        last -= 1
    if last == len(rows) or last == 0:
        return ()
    message = f"{path}, line {numbers[last]}: text after the table was left out"
    del rows[last:], numbers[last:]
    warnings.warn(message, DataWarning, stacklevel=5)
    return (message,)


def _drop_headers_between(rows: list[list[str]], numbers: list[int]) -> tuple[str, ...]:
    """Leave out lines of words between scans, where the first ascending column starts anew."""
    words = [i for i, row in enumerate(rows) if not _is_number(row[0])]
    if not words:
        return ()
    width = len(rows[0])
    whole = [i for i, row in enumerate(rows) if len(row) == width and all(map(_is_number, row))]
    for i in words:
        before = [j for j in whole if j < i][-20:]
        after = [j for j in whole if j > i][:20]
        if len(after) < 20 or not _starts_anew([rows[j] for j in before], [rows[j] for j in after]):
            return ()
    for i in reversed(words):
        del rows[i], numbers[i]
    return ()


def _starts_anew(before: list[list[str]], after: list[list[str]]) -> bool:
    """Return whether a column ascends over both sets of rows and falls between them."""
    above, below = np.array(before, dtype=float), np.array(after, dtype=float)
    ascends = np.all(np.diff(above, axis=0) > 0, axis=0) & np.all(
        np.diff(below, axis=0) > 0, axis=0
    )
    return bool(np.any(ascends & (below[0] < above[0])))


def _drop_unfinished(rows: list[list[str]], numbers: list[int], path: Path) -> tuple[str, ...]:
    if len(rows) < 2 or len(rows[-1]) >= len(rows[0]):
        return ()
    message = (
        f"{path}, line {numbers[-1]}: the last row has {len(rows[-1])} of {len(rows[0])} numbers "
        "and was left out; the scan may be unfinished"
    )
    rows.pop()
    numbers.pop()
    warnings.warn(message, DataWarning, stacklevel=5)
    return (message,)


def _labels(header: tuple[str, ...], width: int) -> tuple[str, ...]:
    """Return the labels of the header: one a line with its number, or one line for all columns.

    Of the last lines that have as many words as columns, the one counts whose words name most
    roles: a line of units may stand below that of labels.
    """
    numbered = {int(m[1]): m[2] for line in header if (m := _NUMBERED.match(line))}
    if width > 1 and all(number in numbered for number in range(1, width + 1)):
        labels = tuple(numbered[number] for number in range(1, width + 1))
        if len(roles_of_labels(labels)) > 1:
            return labels
    found: list[tuple[str, ...]] = []
    for line in list(reversed(header))[:6]:
        bare = re.sub(r"^[\s#%!/*;$]+", "", line).strip()
        if not bare or set(bare) <= set("-=_ "):
            continue
        for pattern in (r"\t", r"\s{2,}|(?<=\*)\s+", r"\s+", r"\s*[,;|]\s*"):
            parts = [label.strip(" \"'") for label in re.split(pattern, bare) if label.strip()]
            if len(parts) == width and not all(map(_width, parts)):
                found.append(tuple(parts))
                break
    return max(found, key=lambda labels: len(roles_of_labels(labels)), default=())
