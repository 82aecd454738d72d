"""The commands `xorder references …`."""

from __future__ import annotations

from pathlib import Path

from cyclopts import App

from xorder.console import console, say

__all__ = ["references_app"]

references_app = App(
    name="references",
    help="Reference structures and spectra with their provenance; the user's own library.",
)


@references_app.command(name="list")
def list_references() -> int:
    """List the reference structures and spectra with status and confidence."""
    from rich.table import Table

    from xorder.folders import library_folder
    from xorder.references import entries, spectra

    table = Table("name", "status", "line positions", "title", box=None, title="structures")
    for entry in entries():
        trusted = "trusted" if entry.line_positions_trusted else "not trusted"
        table.add_row(entry.name, entry.status, trusted, entry.title)
    console().print(table)
    table = Table("name", "edge", "kind", "status", "what", box=None, title="spectra")
    for spectrum in spectra():
        what = spectrum.note or spectrum.source
        edge = f"{spectrum.element} {spectrum.edge}"
        table.add_row(spectrum.name, edge, spectrum.kind, spectrum.status, what)
    console().print(table)
    say(f"your own spectra: {library_folder()}")
    return 0


@references_app.command(name="add")
def add_reference(
    file: Path,
    /,
    *,
    element: str = "",
    edge: str = "",
    name: str = "",
    note: str = "",
    group: str | None = None,
) -> int:
    """Copy a measured spectrum into your own library, with where it is from.

    Parameters
    ----------
    file
        Any absorption file that is read.
    element
        Absorber, where the file does not say it.
    edge
        Edge, such as L3, where the file does not say it.
    name
        Name in the library; the file's by default.
    note
        What a user must know: sample, beamline, publication.
    group
        Group of a file that has several.
    """
    from xorder.xas import add_reference as add

    entry = add(file, element=element, edge=edge, name=name, note=note, group=group)
    say(f"added {entry.name} ({entry.element} {entry.edge}, {entry.kind}): {entry.path}")
    return 0


@references_app.command(name="remove")
def remove_reference(name: str, /) -> int:
    """Remove a spectrum from your own library.

    Parameters
    ----------
    name
        Its name there.
    """
    from xorder.references import remove_spectrum

    say(f"removed {remove_spectrum(name)}")
    return 0


@references_app.command(name="make")
def make_references(folder: Path, /, *, jobs: int = 1) -> int:
    """Compute the reference spectra that ship with Xorder, with FEFF6L; inputs are kept.

    Parameters
    ----------
    folder
        Folder for spectra, path tables and inputs.
    jobs
        FEFF processes at a time.
    """
    from xorder.xas.computed_references import write_references

    written = write_references(folder, jobs=jobs)
    say(f"wrote {len(written)} files to {folder}")
    return 0
