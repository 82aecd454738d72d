"""References by name: structures, computed χ(k) that ship with Xorder, and the user's own spectra.

Each has its provenance and its doubts.
"""

from __future__ import annotations

import difflib
import functools
import tomllib
import warnings
from dataclasses import dataclass, replace
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Literal

from xorder.errors import BadInput, ProvenanceWarning
from xorder.spectrum_library import (
    ReferenceSpectrum,
    SpectrumEntry,
    load_spectrum,
    remove_spectrum,
    spectra,
    spectrum_entry,
    spectrum_file,
)
from xorder.structure import Crystal, load_structure, read_structure

__all__ = [
    "Entry",
    "ReferenceSpectrum",
    "SpectrumEntry",
    "entries",
    "load",
    "load_spectrum",
    "names",
    "remove_spectrum",
    "spectra",
    "spectrum_entry",
    "spectrum_file",
]

Standing = Literal["FOUND", "RECALLED", "MODEL"]
#: From the strongest to the weakest.
STANDINGS: tuple[Standing, ...] = ("FOUND", "RECALLED", "MODEL")


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One reference structure: what it is and how far to trust it."""

    name: str
    """Name that `load` takes."""
    title: str
    """The compound in words."""
    cell: Standing
    """Where the cell is from: FOUND in a public document, RECALLED from memory, or a MODEL."""
    coordinates: Standing
    """Where the coordinates are from, in the same words."""
    source: str
    """Documents that the numbers are from."""
    licence: str
    """On what terms the numbers stand here."""
    confidence: str
    """How far to trust them."""
    line_positions_trusted: bool
    """Whether the cell is good enough for positions of diffraction lines."""

    @property
    def status(self) -> Standing:
        """The weaker of `cell` and `coordinates`."""
        return max(self.cell, self.coordinates, key=STANDINGS.index)

    @property
    def file(self) -> str:
        """Path of the CIF in the collection."""
        return f"structures/{self.name}.cif"


@functools.cache
def _index() -> dict[str, Entry]:
    tables = tomllib.loads((_collection() / "index.toml").read_text(encoding="utf-8"))
    return {name: Entry(name=name, **tables[name]) for name in sorted(tables, key=str.casefold)}


def names() -> tuple[str, ...]:
    """Return the names of the reference structures, sorted."""
    return tuple(_index())


def entries() -> tuple[Entry, ...]:
    """Return what is known of every reference structure, sorted by name."""
    return tuple(_index().values())


def load(name_or_path: str | Path, *, line_positions: bool = False) -> Crystal:
    """Return the crystal structure in a CIF file or of a reference name.

    Parameters
    ----------
    name_or_path
        Path of a file that exists, else a name out of `names`.
    line_positions
        True where the structure is to say at which angle lines stand: a reference whose cell is
        not good enough then gives a `ProvenanceWarning`.

    Returns
    -------
    :
        The structure; a reference has its `status` and its provenance in `notes`.

    Raises
    ------
    BadInput
        Where there is neither such a file nor such a reference; the message lists near names.
    BadStructure
        Where the file holds no structure that can be used.
    """
    if Path(name_or_path).is_file():
        return load_structure(name_or_path)
    entry = _index().get(str(name_or_path))
    if entry is None:
        raise _unknown(str(name_or_path))
    if line_positions and not entry.line_positions_trusted:
        warnings.warn(
            f"{entry.name}: its lines are not where those of a measured structure are "
            f"({entry.status}; confidence {entry.confidence})",
            ProvenanceWarning,
            stacklevel=2,
        )
    # The doubts of a reference (most have no U) are known and stand in its notes.
    with resources.as_file(_collection() / entry.file) as path:
        crystal, _ = read_structure(path)
    notes = (f"cell {entry.cell}, coordinates {entry.coordinates}: {entry.source}",)
    confidence = (f"confidence: {entry.confidence}",)
    return replace(
        crystal,
        name=entry.name,
        status=entry.status,
        source=f"reference {entry.name}",
        notes=(*notes, *confidence, *crystal.notes),
    )


def _collection() -> Traversable:
    return resources.files("xorder.reference_spectra")


def _unknown(name: str) -> BadInput:
    if name.endswith((".cif", ".CIF")) or "/" in name or "\\" in name:
        return BadInput(
            f"there is no file {name!r}",
            expected="the path of a CIF, or the name of a reference structure",
        )
    folded = {known.casefold(): known for known in names()}
    near = difflib.get_close_matches(name.casefold(), folded, n=5, cutoff=0.3)
    listed = ", ".join(folded[match] for match in near) or ", ".join(names())
    return BadInput(
        f"there is no file and no reference structure {name!r}",
        expected=f"the path of a CIF or a name such as {listed}",
    )
