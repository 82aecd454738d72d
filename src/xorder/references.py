"""Reference structures that ship with Xorder, each with its provenance."""

from __future__ import annotations

import difflib
from importlib import resources
from pathlib import Path

from xorder.errors import BadInput
from xorder.structure import Crystal, load_structure

__all__ = ["load", "names"]


def names() -> tuple[str, ...]:
    """Return the names of the reference structures, sorted."""
    folder = resources.files("xorder.reference_spectra") / "structures"
    return tuple(sorted(file.name[:-4] for file in folder.iterdir() if file.name.endswith(".cif")))


def load(name_or_path: str | Path, *, line_positions: bool = False) -> Crystal:
    """Return the crystal structure in a CIF file or of a reference name.

    Raises
    ------
    BadInput
        Where there is neither such a file nor such a reference; the message lists near names.
    """
    path = Path(name_or_path)
    if path.is_file():
        return load_structure(path)
    if str(name_or_path) not in names():
        near = difflib.get_close_matches(str(name_or_path), names(), n=5, cutoff=0.3)
        raise BadInput(
            f"there is no file and no reference structure {str(name_or_path)!r}",
            expected=f"a CIF file or a name such as {', '.join(near or names())}",
        )
    entry = resources.files("xorder.reference_spectra") / "structures" / f"{name_or_path}.cif"
    with resources.as_file(entry) as file:
        return load_structure(file)
