"""GSAS: raw powder data (STD, ESD, FXYE) and instrument parameter files of constant wavelength.

Source of the layouts: Larson & Von Dreele, General Structure Analysis System (GSAS), LAUR 86-748,
"powder data files" and "instrument parameter files".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from xorder.diffraction.profiles import Profile
from xorder.diffraction.radiation import Radiation
from xorder.diffraction.readers.scan import Scan, decoded
from xorder.errors import BadInput, MissingFile, UnreadableFile
from xorder.results import Array

__all__ = ["is_gsas", "read_instrument", "scan_from_gsas"]

#: Angles are in hundredths of a degree.
CENTIDEGREE = 0.01

_Reader = Callable[[Sequence[str], int], tuple[Array | None, Array, Array | None]]


def is_gsas(content: bytes) -> bool:
    """Return whether a file has a BANK line among its first twenty."""
    return any(line.startswith(b"BANK") for line in content[:8192].splitlines()[:20])


def scan_from_gsas(content: bytes, source: str) -> Scan:
    """Return the first bank of a GSAS raw file; every point of it is kept.

    Raises
    ------
    UnreadableFile
        For a header that is incomplete or of another kind, and where points are missing.
    """
    lines = decoded(content, source).splitlines()
    banks = [i for i, line in enumerate(lines) if line.startswith("BANK")]
    first = banks[0]
    end = banks[1] if len(banks) > 1 else len(lines)
    count, kind, start, step = _bank(lines[first], source, first + 1)
    records = lines[first + 1 : end]
    readers: dict[str, _Reader] = {"STD": _std, "ESD": _esd, "FXYE": _fxye, "FXY": _fxye}
    if kind not in readers:
        raise UnreadableFile(
            f"the records are of kind {kind}", expected="STD, ESD or FXYE", source=source,
            line=first + 1,
        )  # fmt: skip
    try:
        angles, intensity, sigma = readers[kind](records, count)
    except ValueError as error:
        raise UnreadableFile(
            f"a {kind} record cannot be read: {error}",
            expected=f"numbers in the columns of {kind}", source=source,
        ) from error  # fmt: skip
    if len(intensity) < count:
        raise UnreadableFile(
            f"the file holds {len(intensity)} of the {count} points its BANK line promises",
            expected="the whole file", source=source, line=first + 1,
        )  # fmt: skip
    if angles is None:
        angles = np.asarray((start + step * np.arange(count)) * CENTIDEGREE)
    notes = _notes(intensity, angles)
    if len(banks) > 1:
        notes.append(f"The file has {len(banks)} banks; the first was read.")
    return Scan(
        two_theta=angles,
        intensity=intensity,
        sigma=sigma,
        metadata={"format": f"GSAS {kind}", "header": "\n".join(lines[: first + 1])},
        notes=tuple(notes),
    )


def read_instrument(path: str | Path) -> tuple[Radiation, Profile]:
    """Return radiation and profile of a GSAS instrument parameter file (constant wavelength).

    Gaussian variances GU, GV, GW (centidegrees²) become the FWHM² terms of Caglioti, LX (1/cos θ)
    and LY (tan θ) become y and x of `Profile`; asymmetry is left out.

    Raises
    ------
    MissingFile, UnreadableFile
        For a file that is not there, or without wavelengths.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingFile("there is no such file", expected="a GSAS .prm file", source=path)
    keys = {}
    for line in decoded(path.read_bytes(), str(path)).splitlines():
        if line.startswith("INS") and len(line) > 12:
            keys["".join(line[3:12].split())] = line[12:].split()
    numbers = _floats(keys.get("1ICONS", []))
    if len(numbers) < 2:
        raise UnreadableFile(
            "there is no line 'INS  1 ICONS' with two wavelengths",
            expected="a GSAS instrument parameter file of constant wavelength", source=path,
        )  # fmt: skip
    numbers += [0.0, 0.0, 0.5, 0.0, 0.5][len(numbers) - 2 :]
    alpha1, alpha2, _, _, polarization, _, ratio = numbers[:7]
    double = alpha2 > 0 and ratio > 0
    try:
        lines = Radiation(
            wavelengths=(alpha1, alpha2) if double else (alpha1,),
            weights=(1.0, ratio) if double else (1.0,),
            name=path.stem,
            polarization=polarization,
        )
    except BadInput as error:
        raise UnreadableFile(error.found, expected=error.expected, source=path) from error
    return lines, _profile(keys)


def _profile(keys: dict[str, list[str]]) -> Profile:
    first = _floats(keys.get("1PRCF11", []))
    second = _floats(keys.get("1PRCF12", []))
    if len(first) < 3:
        return Profile()
    squared = 8.0 * math.log(2.0) * CENTIDEGREE**2
    x, y = (second[1], second[0]) if len(second) > 1 else (0.0, 0.0)
    return Profile(
        u=first[0] * squared, v=first[1] * squared, w=first[2] * squared,
        x=x * CENTIDEGREE, y=y * CENTIDEGREE,
    )  # fmt: skip


def _bank(line: str, source: str, number: int) -> tuple[int, str, float, float]:
    words = line.split()
    wanted = "'BANK n points records CONST start step 0 0 STD'"
    if len(words) < 7:
        raise UnreadableFile(
            f"the BANK line {line.strip()!r} is cut short", expected=wanted, source=source,
            line=number,
        )  # fmt: skip
    kind = words[9] if len(words) > 9 else "STD"
    if words[4] != "CONST" and not kind.startswith("FXY"):
        raise UnreadableFile(
            f"the points are of binning {words[4]}", expected="CONST (constant wavelength)",
            source=source, line=number,
        )  # fmt: skip
    try:
        return int(words[2]), kind, float(words[5]), float(words[6])
    except ValueError as error:
        raise UnreadableFile(
            f"the BANK line {line.strip()!r} has no numbers where they belong", expected=wanted,
            source=source, line=number,
        ) from error  # fmt: skip


def _std(records: Sequence[str], count: int) -> tuple[None, Array, Array]:
    """Read 10(I2,F6.0): detectors that counted (blank is one) and their mean counts."""
    cells = _cells(records, 80)[:count]
    detectors = np.array([float(cell[:2] or 1) if cell[:2].strip() else 1.0 for cell in cells])
    intensity = np.array([float(cell[2:]) for cell in cells])
    return None, intensity, np.sqrt(np.maximum(intensity, 1.0) / np.maximum(detectors, 1.0))


def _esd(records: Sequence[str], count: int) -> tuple[None, Array, Array]:
    """Read 5(2F8.0): intensity and its standard uncertainty."""
    pairs = np.array([float(cell) for cell in _cells(records, 80)[: 2 * count]])
    pairs = pairs[: len(pairs) // 2 * 2].reshape(-1, 2)
    return None, pairs[:, 0], pairs[:, 1]


def _fxye(records: Sequence[str], count: int) -> tuple[Array, Array, Array | None]:
    rows = [[float(word) for word in record.split()] for record in records if record.strip()]
    table = np.array(rows[:count]).reshape(min(count, len(rows)), -1)
    sigma = table[:, 2] if table.shape[1] > 2 else None
    return table[:, 0] * CENTIDEGREE, table[:, 1], sigma


def _cells(records: Sequence[str], width: int) -> list[str]:
    cells = []
    for record in records:
        text = record.rstrip("\r\n").ljust(width)[:width]
        cells += [text[i : i + 8] for i in range(0, width, 8)]
    while cells and not cells[-1].strip():
        cells.pop()
    return cells


def _notes(intensity: Array, two_theta: Array) -> list[str]:
    filled = np.flatnonzero(intensity != 0)
    empty = len(intensity) - 1 - (filled[-1] if filled.size else -1)
    if 0 < empty < len(intensity) and intensity[filled[-1]] > 20:
        return [
            f"The last {empty} points, from {two_theta[-empty]:.3f}°, have no counts after "
            f"{intensity[filled[-1]]:g}: they look like padding."
        ]
    return []


def _floats(words: Sequence[str]) -> list[float]:
    try:
        return [float(word) for word in words]
    except ValueError:
        return []
