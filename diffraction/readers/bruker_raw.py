"""Bruker RAW (binary): Diffrac-AT 1 and 2, Diffrac-plus 3 (``RAW1.01``) and 4 (``RAW4.00``).

Each file has one or more ranges of one step size, of which the first is read. The layouts are facts
that other open readers agree on; version 3 was checked on measured files, the others were not, so
whatever does not fit the layout is refused.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from xorder.diffraction.radiation import Radiation
from xorder.diffraction.readers.scan import Scan
from xorder.errors import BadInput, UnreadableFile

__all__ = ["is_bruker_raw", "scan_from_bruker_raw"]

#: Bytes of the headers of a file and of a range, by version.
HEADER_1, HEADER_2, HEADER_3, RANGE_3, HEADER_4, RANGE_4 = 156, 256, 712, 304, 61, 160
#: Segments of version 4 that begin a range, and the one that describes the tube.
RANGE_SEGMENTS, TUBE_SEGMENT = (0, 160), 30
#: Scans of version 4 whose angle is 2θ.
COUPLED = ("Locked Coupled", "Unlocked Coupled")
#: Header segments of one file; more are damage.
MOST_SEGMENTS = 10_000


def is_bruker_raw(content: bytes) -> bool:
    """Return whether the content begins as a Bruker RAW file of any version."""
    return content.startswith((b"RAW ", b"RAW1", b"RAW2", b"RAW3", b"RAW4"))


def scan_from_bruker_raw(content: bytes, source: str) -> Scan:
    """Return the first range of a Bruker RAW file.

    Raises
    ------
    UnreadableFile
        For another version, a scan that is not in 2θ, and a file that ends too early.
    """
    readers = {
        b"RAW ": _version_1, b"RAW2": _version_2, b"RAW1.01": _version_3, b"RAW4.00": _version_4,
    }  # fmt: skip
    for start, reader in readers.items():
        if content.startswith(start):
            return reader(content, source)
    raise UnreadableFile(
        f"the file is Bruker RAW of version {content[3:7]!r}",
        expected="Diffrac-AT 1 or 2, RAW1.01 or RAW4.00; export others as XRDML, BRML or columns",
        source=source,
    )


def _version_1(content: bytes, source: str) -> Scan:
    points, seconds, step, _, start = _unpack("<Iff I 4x f", content, 4, source)
    alpha1, alpha2, following = _unpack("<ff 72x I", content, 72, source)
    return _scan(
        content, source, HEADER_1, points, start, step, ranges=2 if following else 1,
        version="Diffrac-AT 1", seconds=seconds,
        wavelength=_radiation("", alpha1, alpha2, 0.5 if alpha2 > 0 else 0.0),
    )  # fmt: skip


def _version_2(content: bytes, source: str) -> Scan:
    (ranges,) = _unpack("<H", content, 4, source)
    date, anode, alpha1, alpha2, ratio = _unpack("<20s2sfff", content, 168, source)
    length, points, seconds, step, start = _unpack("<HH4xfff", content, HEADER_2, source)
    if length <= 48:
        raise UnreadableFile(
            f"the range's header has {length} bytes", expected="more than 48", source=source
        )
    return _scan(
        content, source, HEADER_2 + length, points, start, step, ranges=ranges,
        version="Diffrac-AT 2", seconds=seconds, date=_text(date),
        wavelength=_radiation(_text(anode), alpha1, alpha2, ratio),
    )  # fmt: skip


def _version_3(content: bytes, source: str) -> Scan:
    (ranges,) = _unpack("<I", content, 12, source)
    anode = _text(_unpack("<4s", content, 608, source)[0])
    alpha1, alpha2, _, ratio = _unpack("<4d", content, 624, source)
    length, points, _, start = _unpack("<2I2d", content, HEADER_3, source)
    step, seconds = _unpack("<d8xf", content, HEADER_3 + 176, source)
    (supplement,) = _unpack("<I", content, HEADER_3 + 256, source)
    return _scan(
        content, source, HEADER_3 + length + supplement, points, start, step, ranges=ranges,
        version="1.01", seconds=seconds, date=_text(content[16:26]),
        wavelength=_radiation(anode, alpha1, alpha2, ratio), anode=anode,
    )  # fmt: skip


def _version_4(content: bytes, source: str) -> Scan:
    place, lines = HEADER_4, None
    for _ in range(MOST_SEGMENTS):
        kind, length = _unpack("<2I", content, place, source)
        if kind in RANGE_SEGMENTS:
            break
        if length < 8:
            raise UnreadableFile(f"a header segment has {length} bytes", source=source)
        if kind == TUBE_SEGMENT:
            alpha1, alpha2, _, ratio = _unpack("<4d", content, place + 80, source)
            anode = _text(_unpack("<4s", content, place + 116, source)[0])
            lines = _radiation(anode, alpha1, alpha2, ratio)
        place += length
    else:
        raise UnreadableFile("it has no range among its segments", source=source)
    axis = _text(_unpack("<24s", content, place + 32, source)[0])
    start, step, points, seconds = _unpack("<2dIf", content, place + 72, source)
    size, extra = _unpack("<2I", content, place + 136, source)
    if axis not in COUPLED:
        raise UnreadableFile(f"its first range is a scan {axis!r}", expected="θ/2θ", source=source)
    if size != 4:
        raise UnreadableFile(
            f"each point has {size} bytes", expected="4, one number a point; export as XRDML",
            source=source,
        )  # fmt: skip
    return _scan(
        content, source, place + RANGE_4 + extra, points, start, step, ranges=1,
        version="4.00", seconds=seconds, date=_text(content[12:24]), wavelength=lines,
    )  # fmt: skip


def _scan(
    content: bytes,
    source: str,
    first: int,
    points: int,
    start: float,
    step: float,
    *,
    ranges: int,
    version: str,
    wavelength: Radiation | None,
    **said: str | float,
) -> Scan:
    if len(content) < first + 4 * points:
        raise _too_short(len(content), first + 4 * points, source)
    if not (0.0 < step < 10.0 and -180.0 < start < 180.0 and points):
        raise UnreadableFile(
            f"the range starts at {start:g}° with {points} steps of {step:g}°",
            expected="a scan in 2θ",
            source=source,
        )
    notes = [] if ranges == 1 else [f"The file has {ranges} ranges; the first was read."]
    if version == "Diffrac-AT 1" and ranges > 1:
        notes = ["The file has several ranges; the first was read."]
    # Steps are stored in single precision by the old versions: 0.02 is then 0.0199999996.
    exact = version in ("1.01", "4.00")
    low, width = (start, step) if exact else (round(start, 5), round(step, 6))
    seconds = said.pop("seconds", "")
    return Scan(
        two_theta=np.asarray(low + width * np.arange(points), dtype=float),
        intensity=np.frombuffer(content, "<f4", points, first).astype(float),
        wavelength=wavelength,
        metadata={
            "format": f"Bruker RAW {version}",
            "seconds a step": f"{seconds:g}" if isinstance(seconds, float) else seconds,
            **{name: str(value) for name, value in said.items()},
        },
        notes=tuple(notes),
    )


def _unpack(layout: str, content: bytes, offset: int, source: str) -> tuple[Any, ...]:
    needed = offset + struct.calcsize(layout)
    if len(content) < needed:
        raise _too_short(len(content), needed, source)
    return struct.unpack_from(layout, content, offset)


def _text(content: bytes) -> str:
    return content.split(b"\0")[0].decode("latin-1").strip()


def _radiation(anode: str, alpha1: float, alpha2: float, ratio: float) -> Radiation | None:
    # Single precision must not turn 1.5406 into 1.54059994.
    alpha1, alpha2, ratio = (round(float(value), 6) for value in (alpha1, alpha2, ratio))
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
