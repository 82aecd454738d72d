"""Structures of PDFgui and pdffit2: ``.stru`` files."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xorder.errors import BadInput, MissingFile, UnreadableFile
from xorder.results import Result, quantity, recorded
from xorder.scattering import atomic_number
from xorder.structure import Crystal, Site

__all__ = ["PdffitStructure", "read_stru"]

_EXPECTED = "a pdffit structure file, as PDFgui writes it"


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class PdffitStructure(Result):
    """A structure with what pdffit2 keeps beside it."""

    crystal: Crystal
    """All atoms of the cell, in P 1, with their anisotropic displacements."""
    scale: float = 1.0
    """Scale of the phase."""
    delta1: float = quantity("Å", default=0.0)
    """Correlated motion that falls as 1/r."""
    delta2: float = quantity("Å²", default=0.0)
    """Correlated motion that falls as 1/r²."""
    sratio: float = 1.0
    """Factor on the widths of peaks below `rcut`."""
    rcut: float = quantity("Å", default=0.0)
    """Distance below which `sratio` holds."""
    sphere_diameter: float = quantity("Å", default=0.0)
    """Diameter of spherical particles; zero for none."""


@recorded
def read_stru(path: str | Path) -> PdffitStructure:
    """Return the structure in a ``.stru`` file of PDFgui or pdffit2.

    The file lists every atom of the cell. Its space group is a remark there, and the crystal is in
    P 1: refined with it, every cell parameter and coordinate is free.

    Parameters
    ----------
    path
        Text file in the pdffit format.

    Raises
    ------
    MissingFile
        Where there is no such file.
    UnreadableFile
        Where a line cannot be read; the message names it.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingFile("there is no such file", expected=_EXPECTED, source=path)
    content = path.read_bytes()
    if b"\0" in content or not content.strip():
        kind = "empty" if not content.strip() else "binary"
        raise UnreadableFile(f"the file is {kind}", expected=_EXPECTED, source=path)
    return structure_of_lines(content.decode("utf-8", errors="replace").splitlines(), path)


def structure_of_lines(lines: list[str], path: Path) -> PdffitStructure:
    """Return the structure in the lines of a file, or of a part of one; `path` is for messages."""
    start = next((i for i, line in enumerate(lines) if line.split()[:1] == ["atoms"]), None)
    if start is None:
        raise UnreadableFile("there is no line 'atoms'", expected=_EXPECTED, source=path)
    header = _header(lines[:start])
    cell = _numbers(header, "cell", 6, path)
    if not (np.all(cell[:3] > 0) and np.all((cell[3:] > 0) & (cell[3:] < 180))):
        raise UnreadableFile(
            f"the cell is {cell.tolist()}",
            expected="three positive lengths and angles between 0 and 180°",
            source=path,
            line=header["cell"][1],
        )
    sites = _sites(lines, start + 1, path)
    _check_count(header, len(sites), path)
    sharp: dict[str, Any] = dict(_sharp(header, path))
    shape = header.get("shape", ("", 0))[0]
    sphere = re.match(r"sphere\s*,\s*([-+.\deE]+)$", shape.strip())
    title = header.get("title", ("", 0))[0].strip()
    crystal = Crystal(
        name=title or path.stem,
        cell=cell,
        sites=sites,
        rotations=np.eye(3, dtype=np.int64)[None],
        translations=np.zeros((1, 3)),
        source=str(path),
        notes=("read from a list of all atoms of the cell, without symmetry",),
    )
    scale = _numbers(header, "scale", 1, path)[0] if "scale" in header else 1.0
    return PdffitStructure(
        crystal=crystal,
        scale=float(scale),
        **sharp,
        sphere_diameter=float(sphere.group(1)) if sphere else 0.0,
    )


def _header(lines: list[str]) -> dict[str, tuple[str, int]]:
    """Return what follows each keyword, and its line."""
    found: dict[str, tuple[str, int]] = {}
    for number, line in enumerate(lines, start=1):
        key, _, rest = line.strip().partition(" ")
        found.setdefault(key.lower(), (rest, number))
    return found


def _numbers(
    header: dict[str, tuple[str, int]], key: str, count: int, path: Path
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    if key not in header:
        raise UnreadableFile(f"there is no line {key!r}", expected=_EXPECTED, source=path)
    text, number = header[key]
    try:
        values = np.array([float(word) for word in re.split(r"[,\s]+", text.strip())])
    except ValueError:
        values = np.zeros(0)
    if len(values) != count or not np.isfinite(values).all():
        raise UnreadableFile(
            f"{key} is {text.strip()!r}", expected=f"{count} numbers", source=path, line=number
        )
    return values


def _sharp(header: dict[str, tuple[str, int]], path: Path) -> dict[str, float]:
    """Return delta2, delta1, sratio, rcut; older files leave delta1 out."""
    if "sharp" not in header:
        return {}
    three = len(re.split(r"[,\s]+", header["sharp"][0].strip())) == 3
    values = _numbers(header, "sharp", 3 if three else 4, path).tolist()
    names = ("delta2", "sratio", "rcut") if three else ("delta2", "delta1", "sratio", "rcut")
    return dict(zip(names, values, strict=True))


def _check_count(header: dict[str, tuple[str, int]], found: int, path: Path) -> None:
    """Compare the atoms with the number that the file states."""
    if "ncell" not in header:
        return
    stated = _numbers(header, "ncell", 4, path)
    if found != round(float(np.prod(stated))):
        raise UnreadableFile(
            f"there are {found} atoms and the file states {np.prod(stated):g}",
            expected="a complete file",
            source=path,
            line=header["ncell"][1],
        )


def _sites(lines: list[str], start: int, path: Path) -> tuple[Site, ...]:
    """Return the atoms: six lines each, of which every second holds standard errors."""
    rows = [(i, line.split()) for i, line in enumerate(lines[start:], start=start + 1)]
    rows = [(i, words) for i, words in rows if words]
    if not rows or len(rows) % 6:
        raise UnreadableFile(
            f"there are {len(rows)} lines of atoms", expected="six lines an atom", source=path
        )
    counts: dict[str, int] = {}
    return tuple(_site(rows[i : i + 6], counts, path) for i in range(0, len(rows), 6))


def _site(rows: list[tuple[int, list[str]]], counts: dict[str, int], path: Path) -> Site:
    number, words = rows[0]
    match = re.match(r"([A-Za-z]{1,2})(\d*[+-])?$", words[0])
    element = match.group(1).capitalize() if match else ""
    try:
        atomic_number(element)
    except BadInput as error:
        raise UnreadableFile(
            f"{words[0]!r} is no element", expected="a chemical symbol", source=path, line=number
        ) from error
    x, y, z, occupancy = _floats(words[1:], 4, number, path)
    u11, u22, u33 = _floats(rows[2][1], 3, rows[2][0], path)
    u12, u13, u23 = _floats(rows[4][1], 3, rows[4][0], path)
    if not 0 <= occupancy <= 1:
        raise UnreadableFile(
            f"the occupancy is {occupancy:g}", expected="0 to 1", source=path, line=number
        )
    counts[element] = counts.get(element, 0) + 1
    return Site(
        label=f"{element}{counts[element]}",
        element=element,
        xyz=np.array([x, y, z]),
        occupancy=occupancy,
        uiso=(u11 + u22 + u33) / 3.0,
        uij=np.array([[u11, u12, u13], [u12, u22, u23], [u13, u23, u33]]),
    )


def _floats(words: list[str], count: int, number: int, path: Path) -> list[float]:
    try:
        values = [float(word) for word in words[:count]]
    except ValueError:
        values = []
    if len(values) < count or not all(map(math.isfinite, values)):
        raise UnreadableFile(
            f"{' '.join(words)[:40]!r} is not {count} numbers",
            expected=f"{count} numbers",
            source=path,
            line=number,
        )
    return values
