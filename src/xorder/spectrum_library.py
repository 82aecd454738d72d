"""Reference spectra: computed χ(k) that ship with Xorder, and the user's own measured ones."""

from __future__ import annotations

import difflib
import functools
import re
import tomllib
import warnings
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Literal

import numpy as np

from xorder.errors import BadInput, CannotWrite, DataWarning, UnknownName, UnreadableFile
from xorder.folders import library_folder
from xorder.results import Array, Result, quantity
from xorder.store import file_stem

__all__ = [
    "ReferenceSpectrum",
    "SpectrumEntry",
    "checked_name",
    "library_file",
    "load_spectrum",
    "remove_spectrum",
    "spectra",
    "spectrum_entry",
    "spectrum_file",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class SpectrumEntry:
    """One reference spectrum: what it is and where it is from."""

    name: str
    """Name that `load_spectrum` takes."""
    kind: Literal["computed", "measured", "simulated"]
    """Computed χ(k) that ships with Xorder, or a spectrum of the user's own library."""
    element: str
    """Absorbing element."""
    edge: str
    """Edge, such as ``"L3"``."""
    status: str = ""
    """How far to trust the structure of a computed one: FOUND, RECALLED or MODEL."""
    source: str = ""
    """How it was made, or the file it was copied from with its digest."""
    note: str = ""
    """What a user must know."""
    path: Path = Path()
    """The file."""


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class ReferenceSpectrum(Result):
    """A reference spectrum: χ(k) where it is computed, μ(E) where it is of the user's library."""

    name: str
    """Name in the collection."""
    element: str
    """Absorbing element."""
    edge: str
    """Edge."""
    k: Array | None = quantity("Å⁻¹", symbol="k", dims=("k",), default=None)
    """Wavenumbers of a computed spectrum, shape (K,)."""
    chi: Array | None = quantity(symbol="χ", dims=("k",), default=None)
    """χ(k) of a computed spectrum, shape (K,)."""
    energy: Array | None = quantity("eV", symbol="E", dims=("energy",), default=None)
    """Energies of a measured spectrum, shape (N,)."""
    mu: Array | None = quantity(symbol="μ", dims=("energy",), default=None)
    """Absorption of a measured spectrum, shape (N,)."""
    simulated: bool = False
    """True for a computed spectrum."""
    status: str = ""
    """How far to trust the structure behind a computed spectrum: FOUND, RECALLED or MODEL."""
    source: str = ""
    """How it was made or where it is from."""
    header: tuple[tuple[str, str], ...] = ()
    """All that the file says, names in lower case."""


def spectra() -> tuple[SpectrumEntry, ...]:
    """Return what is known of every reference spectrum: those that ship, then the user's own.

    A file of the user's library that cannot be read costs a `DataWarning` that names it.
    """
    own = []
    for path in _own_files():
        try:
            own.append(_own_entry(path))
        except UnreadableFile as error:
            warnings.warn(f"{error}; it is left out", DataWarning, stacklevel=2)
    return (*_computed().values(), *own)


def spectrum_entry(name: str) -> SpectrumEntry:
    """Return what is known of one reference spectrum.

    Raises
    ------
    UnknownName
        Where there is none of this name; the message lists near names.
    UnreadableFile
        Where its file is broken.
    """
    if name in _computed():
        return _computed()[name]
    own = {path.stem: path for path in _own_files()}
    if name in own:
        return _own_entry(own[name])
    known = {other.casefold(): other for other in (*_computed(), *own)}
    near = difflib.get_close_matches(name.casefold(), known, n=5, cutoff=0.3) or list(known)[:5]
    listed = ", ".join(known[other] for other in near)
    raise UnknownName(f"there is no reference spectrum {name!r}", expected=f"one of {listed}")


def load_spectrum(name: str) -> ReferenceSpectrum:
    """Return a reference spectrum: k and χ of a computed one, energy and μ of a measured one.

    Raises
    ------
    UnknownName
        Where there is none of this name; the message lists near names.
    UnreadableFile
        Where its file is broken.
    """
    entry = spectrum_entry(name)
    x, y = _table(entry.path)
    computed = entry.kind == "computed"
    return ReferenceSpectrum(
        name=entry.name,
        element=entry.element,
        edge=entry.edge,
        simulated=entry.kind != "measured",
        status=entry.status,
        source=entry.source,
        header=tuple(_header(entry.path).items()),
        k=x if computed else None,
        chi=y if computed else None,
        energy=None if computed else x,
        mu=None if computed else y,
    )


def spectrum_file(name_or_path: str | Path) -> Path:
    """Return the file of a spectrum μ(E): a path that exists, else a name of the user's library.

    This is how recipes and mixtures find their references; `xorder.xas.read` reads the file.

    Raises
    ------
    UnknownName
        Where there is neither; the message lists near names.
    BadInput
        Where the name is that of a computed χ(k), which has no μ(E).
    """
    if Path(name_or_path).is_file():
        return Path(name_or_path)
    entry = spectrum_entry(str(name_or_path))
    if entry.kind == "computed":
        raise BadInput(
            f"the reference {entry.name} is a computed χ(k) and has no μ(E)",
            expected="a measured spectrum; load_spectrum gives k and χ",
        )
    return entry.path


def remove_spectrum(name: str) -> Path:
    """Remove a spectrum from the user's library and return the file that was there.

    Raises
    ------
    UnknownName
        Where there is none of this name.
    BadInput
        Where it ships with Xorder.
    CannotWrite
        Where the file cannot be removed.
    """
    path = {file.stem: file for file in _own_files()}.get(name)
    if path is None:
        entry = spectrum_entry(name)
        raise BadInput(
            f"{entry.name} ships with Xorder and cannot be removed",
            expected="a spectrum of your own library",
        )
    try:
        path.unlink()
    except OSError as error:
        raise CannotWrite(f"cannot remove the file: {error.strerror}", source=path) from error
    return path


def checked_name(name: str) -> str:
    """Return a name that a new spectrum may have.

    Raises
    ------
    BadInput
        Where it has other characters than letters, digits and ``_ . + -``, or is taken.
    """
    if not name or file_stem(name) != name:
        raise BadInput(
            f"the name {name!r} cannot be that of a file",
            expected=f"letters, digits and _ . + -, such as {file_stem(name) or 'TaCl5_foil'!r}",
        )
    taken = {other.casefold() for other in (*_computed(), *(p.stem for p in _own_files()))}
    if name.casefold() in taken:
        raise BadInput(
            f"there is a reference spectrum {name!r} already",
            expected=f"another name, or `xorder references remove {name}` first",
        )
    return name


def library_file(name: str) -> Path:
    """Return where a spectrum of the user's library is kept."""
    return library_folder() / f"{name}.xdi"


@functools.cache
def _computed() -> dict[str, SpectrumEntry]:
    folder = resources.files("xorder.reference_spectra") / "spectra"
    index = folder / "index.toml"
    if not index.is_file():
        return {}
    tables = tomllib.loads(index.read_text(encoding="utf-8"))
    return {
        name: SpectrumEntry(
            name=name,
            kind="computed",
            element=table["element"],
            edge=table["edge"],
            status=table["status"],
            source=f"{table['made']}; structure: {table['structure_source']}",
            note=table["title"],
            path=Path(str(folder / f"{name}.chi")),
        )
        for name, table in sorted(tables.items())
    }


def _own_files() -> tuple[Path, ...]:
    folder = library_folder()
    return tuple(sorted(folder.glob("*.xdi"))) if folder.is_dir() else ()


def _own_entry(path: Path) -> SpectrumEntry:
    header = _header(path)
    missing = [key for key in ("element.symbol", "element.edge") if not header.get(key)]
    if missing:
        raise UnreadableFile(
            f"the header has no {missing[0]}",
            expected="a file that `xorder references add` wrote",
            source=path,
        )
    digest = header.get("xorder.source_digest", "")
    return SpectrumEntry(
        name=path.stem,
        kind="simulated" if header.get("scan.simulated", "") == "true" else "measured",
        element=header["element.symbol"],
        edge=header["element.edge"],
        source=header.get("xorder.source", "") + (f" (digest {digest})" if digest else ""),
        note=header.get("xorder.note", ""),
        path=path,
    )


def _header(path: Path) -> dict[str, str]:
    """Return the names and texts of the header of a file that we wrote."""
    pairs = re.findall(r"^# ([A-Za-z]+\.\w+): ?(.*)$", _text(path), flags=re.MULTILINE)
    return {name.lower(): value.strip() for name, value in pairs}


def _table(path: Path) -> tuple[Array, Array]:
    """Return the first two columns of a file that we wrote."""
    lines = [line for line in _text(path).splitlines() if line.strip() and line[0] != "#"]
    try:
        table = np.array([line.split() for line in lines], dtype=float)
    except ValueError as error:
        raise UnreadableFile(f"the table is broken: {error}", source=path) from error
    if table.ndim != 2 or min(table.shape) < 2 or not np.all(np.isfinite(table)):
        raise UnreadableFile(
            f"the table has {len(lines)} rows that are no two columns of finite numbers",
            expected="two rows or more",
            source=path,
        )
    return table[:, 0].copy(), table[:, 1].copy()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableFile("the file cannot be read as text", source=path) from error
