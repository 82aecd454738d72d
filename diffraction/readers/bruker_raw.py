"""Bruker RAW version 1.01 (binary): one or more ranges of one step size each.

The layout was read from files of that version: header of 712 bytes, then for each range a header of
304 bytes, an optional supplement, and one 32-bit float a point.
"""

from __future__ import annotations

import struct

import numpy as np

from xorder.diffraction.radiation import Radiation
from xorder.diffraction.readers.scan import Scan
from xorder.errors import BadInput, UnreadableFile

__all__ = ["is_bruker_raw", "scan_from_bruker_raw"]

HEADER, RANGE_HEADER = 712, 304


def is_bruker_raw(content: bytes) -> bool:
    """Return whether the content begins as a Bruker RAW file of any version."""
    return content.startswith(b"RAW")


def scan_from_bruker_raw(content: bytes, source: str) -> Scan:
    """Return the first range of a Bruker RAW 1.01 file.

    Raises
    ------
    UnreadableFile
        For another version, and for a file that ends too early.
    """
    if not content.startswith(b"RAW1.01"):
        raise UnreadableFile(
            f"the file is Bruker RAW of version {content[3:7]!r}",
            expected="version 1.01; export other versions as XRDML, BRML or columns",
            source=source,
        )
    if len(content) < HEADER + RANGE_HEADER:
        raise _too_short(len(content), HEADER + RANGE_HEADER, source)
    (ranges,) = struct.unpack_from("<I", content, 12)
    anode = content[608:612].split(b"\0")[0].decode("latin-1").strip()
    alpha1, alpha2, _, ratio = struct.unpack_from("<4d", content, 624)
    length, points = struct.unpack_from("<2I", content, HEADER)
    _, start = struct.unpack_from("<2d", content, HEADER + 8)
    (step,) = struct.unpack_from("<d", content, HEADER + 176)
    (seconds,) = struct.unpack_from("<f", content, HEADER + 192)
    (supplement,) = struct.unpack_from("<I", content, HEADER + 256)
    first = HEADER + length + supplement
    if len(content) < first + 4 * points:
        raise _too_short(len(content), first + 4 * points, source)
    if not (0.0 < step < 10.0 and -180.0 < start < 180.0 and points):
        raise UnreadableFile(
            f"the range starts at {start:g}° with {points} steps of {step:g}°",
            expected="a scan in 2θ",
            source=source,
        )
    notes = [] if ranges == 1 else [f"The file has {ranges} ranges; the first was read."]
    return Scan(
        two_theta=start + step * np.arange(points),
        intensity=np.frombuffer(content, "<f4", points, first).astype(float),
        wavelength=_radiation(anode, alpha1, alpha2, ratio),
        metadata={
            "format": "Bruker RAW 1.01",
            "date": content[16:26].split(b"\0")[0].decode("latin-1"),
            "anode": anode,
            "seconds a step": f"{seconds:g}",
        },
        notes=tuple(notes),
    )


def _radiation(anode: str, alpha1: float, alpha2: float, ratio: float) -> Radiation | None:
    try:
        if alpha2 > 0 and ratio > 0:
            return Radiation(wavelengths=(alpha1, alpha2), weights=(1.0, ratio), name=f"{anode}Ka")
        return Radiation(wavelengths=(alpha1,), name=f"{anode}Ka1")
    except BadInput:
        return None


def _too_short(found: int, wanted: int, source: str) -> UnreadableFile:
    return UnreadableFile(
        f"the file ends after {found} bytes", expected=f"at least {wanted}", source=source
    )
