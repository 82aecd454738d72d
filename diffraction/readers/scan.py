"""What every format gives: columns, and what the file says about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from xorder.diffraction.radiation import Radiation
from xorder.errors import UnreadableFile
from xorder.results import Array

T = TypeVar("T")

__all__ = ["Scan", "chosen", "decoded"]


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Scan:
    """One scan as a file holds it."""

    two_theta: Array | None = None
    """Scattering angles in degrees; None where the file gives `q`."""
    intensity: Array
    """Intensities."""
    q: Array | None = None
    """Momentum transfer in Å⁻¹, where the file gives it instead of angles."""
    sigma: Array | None = None
    """Standard uncertainties, or None where the file gives none."""
    wavelength: Radiation | None = None
    """Radiation, or None where the file names none."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """What the file says."""
    notes: tuple[str, ...] = ()
    """What a reader must know."""


def chosen(items: Sequence[T], index: int, what: str, source: str) -> tuple[T, list[str]]:
    """Return one of the patterns in a file, and the note that says which where there are several.

    Raises
    ------
    UnreadableFile
        Where the file has no such pattern.
    """
    if not 0 <= index < len(items):
        raise UnreadableFile(
            f"there is no pattern {index} in it: it has {len(items)} {what}",
            expected=f"an index from 0 to {len(items) - 1}",
            source=source,
        )
    order = "first" if index == 0 else f"one of index {index}"
    notes = [] if len(items) == 1 else [f"The file has {len(items)} {what}; the {order} was read."]
    return items[index], notes


def decoded(content: bytes, source: str) -> str:
    """Return the text of a file.

    Raises
    ------
    UnreadableFile
        For a file that is no text.
    """
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", errors="replace")
    control = sum(byte < 9 or 13 < byte < 32 for byte in content[:4096])
    if b"\0" in content or control > 8:
        raise UnreadableFile(
            "the file is binary and of no known format",
            expected="a powder pattern: columns, GSAS, Bruker RAW or BRML, XRDML, RAS, NeXus",
            source=source,
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")
