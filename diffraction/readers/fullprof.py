"""FullProf .dat: free format with first angle, step and last angle (INSTRM = 0), and XYDATA."""

from __future__ import annotations

import numpy as np

from xorder.diffraction.readers.scan import Scan, decoded
from xorder.errors import UnreadableFile

__all__ = ["is_fullprof", "scan_from_fullprof"]

#: The line of angles is among the first of this many.
HEAD = 8
#: XYDATA files have this many lines before the data.
XYDATA_HEAD = 6
#: Fewer points than this could be anything.
FEWEST = 10


def is_fullprof(content: bytes) -> bool:
    """Return whether a file begins with XYDATA or holds just the points that its angles promise."""
    if content.lstrip()[:6].upper() == b"XYDATA":
        return True
    lines = content[:4096].split(b"\n")[:HEAD]
    if b"\0" in content[:4096] or not any(_promised(line.split()) for line in lines):
        return False
    return _find(content.decode("latin-1").splitlines()) is not None


def scan_from_fullprof(content: bytes, source: str) -> Scan:
    """Return the pattern of a FullProf data file.

    Raises
    ------
    UnreadableFile
        For an XYDATA file whose columns are scaled or broken.
    """
    lines = decoded(content, source).splitlines()
    if lines[0].strip().upper().startswith("XYDATA"):
        return _xydata(lines, source)
    found = _find(lines)
    if found is None:
        raise UnreadableFile("the points are not those its angles promise", source=source)
    row, counts = found
    start, step, _ = (float(word) for word in lines[row].split()[:3])
    return Scan(
        two_theta=np.asarray(start + step * np.arange(len(counts)), dtype=float),
        intensity=counts,
        metadata={"format": "FullProf free format", "header": "\n".join(lines[: row + 1])},
        notes=("σ is √counts, and 1 where there are none; the file has no column of σ.",),
    )


def _xydata(lines: list[str], source: str) -> Scan:
    header, rows = lines[:XYDATA_HEAD], []
    for line in header:
        words = line.split()
        if words[:1] == ["INTER"] and any(float(w) not in (0.0, 1.0) for w in words[1:3]):
            raise UnreadableFile(
                f"its columns are scaled ({line.strip()!r})",
                expected="factors of 1 on the line INTER",
                source=source,
            )
    for number, line in enumerate(lines[XYDATA_HEAD:], start=XYDATA_HEAD + 1):
        if not line.strip() or line.startswith("!"):
            continue
        try:
            rows.append([float(word) for word in line.split()[:3]])
        except ValueError:
            raise UnreadableFile(
                f"found {line.strip()[:60]!r}", expected="numbers", source=source, line=number
            ) from None
        if len(rows[-1]) != len(rows[0]) or len(rows[-1]) < 2:
            raise UnreadableFile(
                f"found {line.strip()[:60]!r}", expected=f"{max(2, len(rows[0]))} numbers",
                source=source, line=number,
            )  # fmt: skip
    if not rows:
        raise UnreadableFile("it has no points", expected="columns of numbers", source=source)
    table = np.array(rows)
    notes = ("The third column is σ, by the format." if table.shape[1] > 2 else "σ is √counts.",)
    return Scan(
        two_theta=table[:, 0],
        intensity=table[:, 1],
        sigma=table[:, 2] if table.shape[1] > 2 else None,
        metadata={"format": "FullProf XYDATA", "header": "\n".join(header)},
        notes=notes,
    )


def _find(lines: list[str]) -> tuple[int, np.ndarray[tuple[int], np.dtype[np.float64]]] | None:
    """Return the line of angles and the intensities after it, where their number agrees."""
    for row, line in enumerate(lines[:HEAD]):
        promised = _promised(line.split())
        if not promised:
            continue
        try:
            words = [word for later in lines[row + 1 :] for word in later.split()]
            if len(words) == promised:
                return row, np.array(words, dtype=float)
        except ValueError:
            return None
    return None


def _promised(words: list[str] | list[bytes]) -> int:
    """Return how many points a line of first angle, step and last angle promises; 0 for none."""
    try:
        start, step, end = (float(word) for word in words[:3])
    except ValueError:
        return 0
    if not (-180.0 < start < end < 180.0 and 0.0 < step <= 5.0):
        return 0
    count = round((end - start) / step) + 1
    return count if count >= FEWEST and abs(start + (count - 1) * step - end) < 0.51 * step else 0
