"""Bruker RAW (binary): Diffrac-AT 1 and 2, Diffrac-plus 3 (``RAW1.01``) and 4 (``RAW4.00``).

Each file has one or more ranges, each of one step size. The layouts are facts that other open
readers agree on; version 3 was checked on measured files, the others were not, so whatever does not
fit the layout is refused.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from xorder.diffraction.radiation import Radiation
from xorder.diffraction.readers.scan import Scan, chosen
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


@dataclass(frozen=True, kw_only=True, slots=True)
class _Range:
    """One range as its header says it."""

    first: int
    """Byte at which its numbers begin."""
    points: int
    start: float
    step: float
    seconds: float
    wavelength: Radiation | None
    version: str
    says: tuple[tuple[str, str], ...] = ()
    refused: str = ""
    """Why its numbers are not a pattern; empty where they are."""


def scan_from_bruker_raw(content: bytes, source: str, index: int = 0) -> Scan:
    """Return a range of a Bruker RAW file by its index.

    Raises
    ------
    UnreadableFile
        For another version, a scan that is not in 2θ, a range that is not there, and a file that
        ends too early.
    """
    readers = {
        b"RAW ": _version_1, b"RAW2": _version_2, b"RAW1.01": _version_3, b"RAW4.00": _version_4,
    }  # fmt: skip
    for start, reader in readers.items():
        if content.startswith(start):
            return _scan(content, source, reader(content, source), index)
    raise UnreadableFile(
        f"the file is Bruker RAW of version {content[3:7]!r}",
        expected="Diffrac-AT 1 or 2, RAW1.01 or RAW4.00; export others as XRDML, BRML or columns",
        source=source,
    )


def _version_1(content: bytes, source: str) -> Iterator[_Range]:
    place, following = 0, 1
    while following:
        # Old files do not repeat the mark before their further ranges.
        place -= 0 if content[place : place + 4] == b"RAW " else 4
        points, seconds, step, _, start = _unpack("<Iff I 4x f", content, place + 4, source)
        alpha1, alpha2, following = _unpack("<ff 72x I", content, place + 72, source)
        yield _Range(
            first=place + HEADER_1, points=points, start=round(start, 5), step=round(step, 6),
            seconds=seconds, version="Diffrac-AT 1",
            wavelength=_radiation("", alpha1, alpha2, 0.5 if alpha2 > 0 else 0.0),
        )  # fmt: skip
        place += HEADER_1 + 4 * points


def _version_2(content: bytes, source: str) -> Iterator[_Range]:
    (ranges,) = _unpack("<H", content, 4, source)
    date, anode, alpha1, alpha2, ratio = _unpack("<20s2sfff", content, 168, source)
    place = HEADER_2
    for _ in range(ranges):
        length, points, seconds, step, start = _unpack("<HH4xfff", content, place, source)
        if length <= 48:
            raise UnreadableFile(
                f"the range's header has {length} bytes", expected="more than 48", source=source
            )
        # Steps are stored in single precision by old versions: 0.02 is then 0.0199999996.
        yield _Range(
            first=place + length, points=points, start=round(start, 5), step=round(step, 6),
            seconds=seconds, version="Diffrac-AT 2", says=(("date", _text(date)),),
            wavelength=_radiation(_text(anode), alpha1, alpha2, ratio),
        )  # fmt: skip
        place += length + 4 * points


def _version_3(content: bytes, source: str) -> Iterator[_Range]:
    (ranges,) = _unpack("<I", content, 12, source)
    anode = _text(_unpack("<4s", content, 608, source)[0])
    alpha1, alpha2, _, ratio = _unpack("<4d", content, 624, source)
    place = HEADER_3
    for _ in range(ranges):
        length, points, _, start = _unpack("<2I2d", content, place, source)
        step, seconds = _unpack("<d8xf", content, place + 176, source)
        (supplement,) = _unpack("<I", content, place + 256, source)
        if length < RANGE_3:
            raise UnreadableFile(
                f"the range's header has {length} bytes", expected=f"{RANGE_3}", source=source
            )
        first = place + length + supplement
        yield _Range(
            first=first, points=points, start=start, step=step, seconds=seconds, version="1.01",
            wavelength=_radiation(anode, alpha1, alpha2, ratio),
            says=(("date", _text(content[16:26])), ("anode", anode)),
        )  # fmt: skip
        place = first + 4 * points


def _version_4(content: bytes, source: str) -> Iterator[_Range]:
    place, lines, found = HEADER_4, None, None
    for _ in range(MOST_SEGMENTS):
        if found and place == len(content):
            return
        kind, length = _unpack("<2I", content, place, source)
        if kind in RANGE_SEGMENTS:
            found, place = _range_4(content, source, place, lines)
            yield found
            continue
        if length < 8:
            raise UnreadableFile(f"a header segment has {length} bytes", source=source)
        if kind == TUBE_SEGMENT:
            alpha1, alpha2, _, ratio = _unpack("<4d", content, place + 80, source)
            anode = _text(_unpack("<4s", content, place + 116, source)[0])
            lines = _radiation(anode, alpha1, alpha2, ratio)
        place += length
    raise UnreadableFile("its segments have no end", source=source)


def _range_4(
    content: bytes, source: str, place: int, lines: Radiation | None
) -> tuple[_Range, int]:
    """Return a range of version 4 and where the next segment begins."""
    axis = _text(_unpack("<24s", content, place + 32, source)[0])
    start, step, points, seconds = _unpack("<2dIf", content, place + 72, source)
    size, extra = _unpack("<2I", content, place + 136, source)
    refused = "" if size == 4 else f"each point has {size} bytes, not 4"
    refused = refused if axis in COUPLED else f"it is a scan {axis!r}, not θ/2θ"
    first = place + RANGE_4 + extra
    found = _Range(
        first=first, points=points, start=start, step=step, seconds=seconds, wavelength=lines,
        version="4.00", says=(("date", _text(content[12:24])),), refused=refused,
    )  # fmt: skip
    return found, first + size * points


def _scan(content: bytes, source: str, ranges: Iterator[_Range], index: int) -> Scan:
    # What lies behind the range that is asked for may be damaged, all but that it is there.
    found = list(itertools.islice(ranges, max(index, 0) + 1))
    try:
        found += list(ranges)
        more: list[str] = []
    except UnreadableFile as error:
        more = [f"Behind it the file is damaged: {error.found}."]
    one, notes = chosen(found, index, "ranges", source)
    if one.refused:
        raise UnreadableFile(f"range {index}: {one.refused}", expected="2θ scans", source=source)
    if len(content) < one.first + 4 * one.points:
        raise _too_short(len(content), one.first + 4 * one.points, source)
    if not (0.0 < one.step < 10.0 and -180.0 < one.start < 180.0 and one.points):
        raise UnreadableFile(
            f"the range starts at {one.start:g}° with {one.points} steps of {one.step:g}°",
            expected="a scan in 2θ",
            source=source,
        )
    return Scan(
        two_theta=np.asarray(one.start + one.step * np.arange(one.points), dtype=float),
        intensity=np.frombuffer(content, "<f4", one.points, one.first).astype(float),
        wavelength=one.wavelength,
        metadata={
            "format": f"Bruker RAW {one.version}",
            "seconds a step": f"{one.seconds:g}",
            **dict(one.says),
        },
        notes=(*notes, *more),
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
