"""G(r) files: PDFgetX2, PDFgetN, PDFgetX3, Xorder's own, RMCProfile, and plain columns."""

from __future__ import annotations

import math
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from xorder.errors import DataWarning, MissingFile, UnreadableFile
from xorder.pdf.pattern import PairDistribution, Radiation
from xorder.results import Array, recorded

__all__ = ["read"]

_KEY = re.compile(r"(?<![\w.])([A-Za-z_]\w*)\s*=\s*([^\s=]+)")
_STDERR_LABELS = {"dgr", "dg", "d_gr", "d_g", "sigma", "stderr", "err", "error", "esd"}
_WAVELENGTH_KEYS = ("wavelength", "lambda")


@recorded
def read(path: str | Path, *, name: str = "") -> PairDistribution:
    """Return the G(r) in a file.

    Read are the headers of PDFgetX2, PDFgetN, PDFgetX3 and Xorder (Qmax, Qmin, wavelength,
    composition, radiation) and files of plain columns. PDFgetX2 labels its third column ``d_r``,
    but that column holds -4πρ0 r; it is left out, and the fourth column is the standard error.

    Parameters
    ----------
    path
        Text file with r in Å, G(r) in Å⁻², and the columns its ``#L`` line names.
    name
        Name of the sample; the file's stem where empty.

    Raises
    ------
    MissingFile
        Where there is no such file.
    UnreadableFile
        Where a row cannot be read; the message names the line.
    BadInput
        Where r is not ascending and uniform.
    """
    path = Path(path)
    return pattern_of_lines(_lines(path), path, name=name)


def pattern_of_lines(lines: list[str], path: Path, *, name: str = "") -> PairDistribution:
    """Return the G(r) in the lines of a file, or of a part of one; `path` is for messages."""
    lines = _without_count(lines, path)
    start = _first_data_line(lines, path)
    header = lines[:start]
    table = _table(lines, start, path)
    keys = _keys(header)
    return PairDistribution(
        r=table[:, 0].copy(),
        gr=table[:, 1].copy(),
        stderr=_stderr(table, _labels(header), path),
        q_max=_number(keys, ("qmax",)),
        q_min=_number(keys, ("qmin",), zero=True),
        qdamp=_number(keys, ("qdamp",), zero=True),
        qbroad=_number(keys, ("qbroad",), zero=True),
        composition=keys.get("composition", "") or _pdfgetx2_composition(header),
        radiation=_radiation(header, keys),
        wavelength=_number(keys, _WAVELENGTH_KEYS),
        name=name or path.stem,
        source=str(path),
        simulated=keys.get("simulated", "").lower() == "true",
        metadata=keys,
    )


def _lines(path: Path) -> list[str]:
    if not path.is_file():
        raise MissingFile("there is no such file", expected="a G(r) file", source=path)
    content = path.read_bytes()
    if not content.strip():
        raise UnreadableFile("the file is empty", expected="columns r and G(r)", source=path)
    if b"\0" in content:
        raise UnreadableFile("the file is binary", expected="text columns", source=path)
    return content.decode("utf-8", errors="replace").splitlines()


def _without_count(lines: list[str], path: Path) -> list[str]:
    """Leave out the count and the title above the columns of RMCProfile, and say what they mean."""
    if len(lines) < 3 or not re.fullmatch(r"\s*\d+\s*", lines[0]) or _is_row(lines[1]):
        return lines
    warnings.warn(
        f"{path}: a count and a title stand above the columns, as in files of RMCProfile, whose "
        "G(r) is ⟨b⟩²[g(r) - 1] and whose D(r) is ⟨b⟩² times this G(r); `convert` takes D",
        DataWarning,
        stacklevel=5,
    )
    return ["#", "#", *lines[2:]]


def _is_row(line: str) -> bool:
    words = line.split()
    return len(words) > 1 and all(map(_is_number, words))


def _first_data_line(lines: list[str], path: Path) -> int:
    marks = [i for i, line in enumerate(lines) if line.startswith("#") and "start data" in line]
    labels = [i for i, line in enumerate(lines) if line.startswith("#L")]
    start = max([*marks[:1], *(i for i in labels if not marks or i > marks[0])], default=-1) + 1
    for number in range(start, len(lines)):
        words = lines[number].split()
        if words and not words[0].startswith("#") and _is_number(words[0]):
            return number
    sample = next((line for line in lines[start:] if line.strip()), "")
    raise UnreadableFile(
        f"no row of numbers was found; the text begins {sample.strip()[:40]!r}",
        expected="columns r (Å) and G(r) (Å⁻²)",
        source=path,
    )


def _table(lines: list[str], start: int, path: Path) -> Array:
    rows: list[list[float]] = []
    for number, line in enumerate(lines[start:], start=start + 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        try:
            row = [float(word) for word in words]
        except ValueError:
            comma = " (a decimal comma?)" if re.search(r"\d,\d", line) else ""
            raise UnreadableFile(
                f"{line.strip()[:40]!r} is not a row of numbers{comma}",
                expected="numbers with a decimal point, separated by blanks",
                source=path,
                line=number,
            ) from None
        if len(row) < 2:
            raise UnreadableFile(
                "one column", expected="columns r and G(r)", source=path, line=number
            )
        if not all(map(math.isfinite, row[:2])):
            raise UnreadableFile(
                f"{line.strip()[:40]!r} is not finite",
                expected="finite r and G(r); cut the range",
                source=path,
                line=number,
            )
        rows.append(row)
    if len(rows) < 2:
        raise UnreadableFile(f"{len(rows)} row of data", expected="at least two rows", source=path)
    return _rectangle(rows, path)


def _rectangle(rows: list[list[float]], path: Path) -> Array:
    """Return the columns every row has; some programs append columns of zeros to some rows."""
    width = min(map(len, rows))
    if any(any(row[width:]) for row in rows):
        warnings.warn(
            f"{path}: rows have {width} to {max(map(len, rows))} columns; "
            f"the first {width} are used",
            DataWarning,
            stacklevel=5,
        )
    return np.array([row[:width] for row in rows])


def _keys(header: list[str]) -> dict[str, str]:
    """Return the first value of every ``key = value``, keys in lower case."""
    keys: dict[str, str] = {}
    for line in header:
        for key, value in _KEY.findall(line):
            keys.setdefault(key.lower(), value.rstrip(",;"))
    return keys


def _labels(header: list[str]) -> list[str]:
    for line in reversed(header):
        if line.startswith("#L"):
            return [re.sub(r"[()\s]|\$.*?\$", "", word).lower() for word in line[2:].split()]
    return []


def _stderr(table: Array, labels: list[str], path: Path) -> Array | None:
    columns = table.shape[1]
    named = [i for i, label in enumerate(labels[:columns]) if label in _STDERR_LABELS]
    if named:
        column = named[0]
    elif columns == 4:
        column = 3
    elif columns == 3 and not labels:
        warnings.warn(
            f"{path}: the third of three columns has no label and is not used",
            DataWarning,
            stacklevel=4,
        )
        return None
    else:
        return None
    values = table[:, column]
    if not np.isfinite(values).all() or np.any(values < 0):
        warnings.warn(
            f"{path}: the standard errors are not all finite and positive; they are not used",
            DataWarning,
            stacklevel=4,
        )
        return None
    return values.copy() if np.any(values > 0) else None


def _number(keys: dict[str, str], names: tuple[str, ...], *, zero: bool = False) -> float:
    for name in names:
        if name in keys and _is_number(keys[name]):
            value = float(keys[name])
            # Programs write 0 for "not set".
            return value if value != 0 or zero else math.nan
    return math.nan


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        # A decimal comma is a number to the eye; the row then gets its own message.
        return bool(re.match(r"[-+]?\d+,\d+", word))
    return True


def _radiation(header: list[str], keys: dict[str, Any]) -> Radiation:
    stated = str(keys.get("radiation") or keys.get("mode") or keys.get("stype") or "").lower()
    if stated in ("neutron", "n", "neutrons"):
        return "neutron"
    if stated in ("xray", "x", "x-ray"):
        return "xray"
    return "neutron" if any("pdfgetn" in line.lower() for line in header) else "xray"


def _pdfgetx2_composition(header: list[str]) -> str:
    """Return the formula of PDFgetX2's table of atoms: symbol, valence, fraction, Z ..."""
    formula = ""
    for number, line in enumerate(header):
        if not line.startswith("#L symbol valence"):
            continue
        for row in header[number + 1 :]:
            words = row.split()
            if len(words) < 4 or not re.fullmatch(r"[A-Z][a-z]?", words[0]):
                break
            fraction = float(words[2]) if _is_number(words[2]) else math.nan
            formula += words[0] + ("" if fraction == 1 else f"{fraction:g}")
    return formula
