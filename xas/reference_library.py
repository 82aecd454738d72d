"""Measured spectra into the user's own library of"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from xorder.errors import BadInput
from xorder.results import digest
from xorder.spectrum_library import SpectrumEntry, checked_name, library_file, spectrum_entry
from xorder.xas.photoelectron import edge as tabulated_edge
from xorder.xas.readers.files import read
from xorder.xas.readers.xdi import write_xdi
from xorder.xas.spectrum import Spectrum

__all__ = ["add_reference"]


def add_reference(
    file: str | Path,
    *,
    element: str = "",
    edge: str = "",
    name: str = "",
    note: str = "",
    group: str | int | None = None,
) -> SpectrumEntry:
    """Copy a measured spectrum into the user's library, with where it is from.

    What was read is written as XDI with the digest of the file, the note and the time; the file
    itself is not needed afterwards.

    Parameters
    ----------
    file
        Any file that `read` takes.
    element, edge
        Absorber and edge; needed where the file does not say them, and equal where it does.
    name
        Name in the library; by default the file's stem.
    note
        What a user must know: sample, beamline, where it was published.
    group
        Group of a file that has several.

    Raises
    ------
    BadInput
        A file that is no spectrum, an edge that is not within it, or a name that is taken.
    CannotWrite
        Where the library's folder refuses.
    """
    file = Path(file)
    spectrum = read(file, group=group)
    spectrum = replace(
        spectrum,
        element=_agreed("element", element, spectrum.element, file),
        edge=_agreed("edge", edge, spectrum.edge, file),
    )
    _check_edge(spectrum, file)
    name = checked_name(name or file.stem)
    header = {
        "Xorder.kind": "measured" if not spectrum.simulated else "simulated",
        "Xorder.source": str(file.resolve()) + (f"#{group}" if group is not None else ""),
        "Xorder.source_digest": digest(file),
        "Xorder.note": note,
        "Xorder.added": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    header |= {"Xorder.message": " ".join(spectrum.messages)} if spectrum.messages else {}
    write_xdi(replace(spectrum, name=name), library_file(name), header=header)
    return spectrum_entry(name)


def _agreed(what: str, given: str, found: str, file: Path) -> str:
    if given and found and given != found:
        raise BadInput(
            f"the file says {what} {found} and {given} was given",
            expected=f"--{what} {found}, or another file",
            source=file,
        )
    if not (given or found):
        raise BadInput(f"the file does not say its {what}", expected=f"--{what}", source=file)
    return given or found


def _check_edge(spectrum: Spectrum, file: Path) -> None:
    tabulated = tabulated_edge(spectrum.element, spectrum.edge).energy
    low, high = float(spectrum.energy[0]), float(spectrum.energy[-1])
    if not low < tabulated < high:
        raise BadInput(
            f"the {spectrum.element} {spectrum.edge} edge is at {tabulated:.0f} eV and the "
            f"spectrum runs from {low:.0f} to {high:.0f} eV",
            expected="element and edge of this spectrum",
            source=file,
        )
