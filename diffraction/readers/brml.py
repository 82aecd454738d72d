"""Bruker BRML: a ZIP archive of XML; the first range is read."""

from __future__ import annotations

import io
import zipfile
from xml.etree import ElementTree

import numpy as np

from xorder.diffraction.radiation import Radiation
from xorder.diffraction.readers.scan import Scan, chosen
from xorder.diffraction.readers.xml import TWO_LINES, doublet, parsed, unzipped
from xorder.errors import UnreadableFile
from xorder.results import Array

__all__ = ["is_brml", "scan_from_brml"]


def is_brml(content: bytes) -> bool:
    """Return whether the content is a ZIP archive with Bruker's raw data in it."""
    return bool(_members(content))


def scan_from_brml(content: bytes, source: str, index: int = 0) -> Scan:
    """Return a range by its index: 2θ from its own column, intensity from the last one.

    Raises
    ------
    UnreadableFile
        For a broken archive, and where no range scans 2θ.
    """
    member, notes = chosen(_members(content), index, "ranges", source)
    root = parsed(unzipped(content, member, source), source)
    route = root.find(".//DataRoute")
    axes = [] if route is None else [a.get("AxisId") for a in route.iter("ScanAxisInfo")]
    if route is None or "TwoTheta" not in axes:
        raise UnreadableFile(
            f"{member} scans {', '.join(str(axis) for axis in axes) or 'nothing'}",
            expected="a scan in 2θ", source=source,
        )  # fmt: skip
    table = _table(route, source)
    column = 2 + axes.index("TwoTheta")
    if table.shape[1] <= column + 1:
        raise UnreadableFile(
            f"its points have {table.shape[1]} columns", expected="angles and counts", source=source
        )
    lines = _radiation(root)
    if lines is not None and len(lines.wavelengths) > 1:
        notes.append(TWO_LINES)
    return Scan(
        two_theta=table[:, column],
        intensity=table[:, -1],
        wavelength=lines,
        metadata={
            "format": "Bruker BRML",
            "seconds a step": root.findtext(".//TimePerStep", ""),
            "start": root.findtext("TimeStampStarted", ""),
        },
        notes=tuple(notes),
    )


def _table(route: ElementTree.Element, source: str) -> Array:
    rows = [(datum.text or "").split(",") for datum in route.iter("Datum")]
    widths = {len(row) for row in rows}
    try:
        if len(rows) > 1 and len(widths) == 1:
            return np.array(rows, dtype=float)
        found = f"{len(rows)} points of {sorted(widths)} columns"
    except ValueError as error:
        found = f"points that are not numbers: {error}"
    raise UnreadableFile(f"it holds {found}", expected="points of one width", source=source)


def _radiation(root: ElementTree.Element) -> Radiation | None:
    tube = next((t for t in root.iter("Tube") if t.find("WaveLengthAlpha1") is not None), None)
    if tube is None:
        return None
    keys = ("WaveLengthAlpha1", "WaveLengthAlpha2", "WaveLengthRatio")
    values = [tube.find(key) for key in keys]
    return doublet(
        tube.findtext("TubeMaterial", ""), *(None if v is None else v.get("Value") for v in values)
    )


def _members(content: bytes) -> list[str]:
    if not content.startswith(b"PK\x03\x04"):
        return []
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return []
    return sorted(n for n in names if n.rpartition("/")[2].startswith("RawData"))
