"""Any absorption file to a Spectrum: the content says the format, not the name."""

from __future__ import annotations

from pathlib import Path

from xorder.errors import BadInput
from xorder.xas.fluorescence import DetectorElements
from xorder.xas.readers import athena, beamlines, larix, nexus, spec, xdi
from xorder.xas.readers.channels import (
    Columns,
    Table,
    elements_from_columns,
    spectrum_from_columns,
)
from xorder.xas.readers.text import read_bytes, text_from_bytes
from xorder.xas.spectrum import Spectrum

__all__ = ["read", "read_all", "read_elements"]

_FORMATS = (
    (xdi.is_xdi, xdi.table_of_xdi),
    (beamlines.is_ssrl, beamlines.table_of_ssrl),
    (beamlines.is_photon_factory, beamlines.table_of_photon_factory),
    (beamlines.is_hxma, beamlines.table_of_hxma),
)


def read(
    path: str | Path,
    *,
    columns: Columns | None = None,
    mode: str | None = None,
    group: str | int | None = None,
    sort: bool = False,
) -> Spectrum:
    """Return the spectrum in a file: XDI, Athena, larix, SPEC, HDF5 (NeXus), or columns of text.

    Parameters
    ----------
    path
        The file. Its content tells the format.
    columns
        Role to column, numbered from 1 or by label, such as
        ``{"energy": 1, "i0": 2, "itrans": 3}``; several columns of one role are added. Roles:
        energy, angle, mu, i0, itrans, ifluor, iey, iref, mu_ref, mufluor, stderr. None takes the
        file's own words; where these do not tell, its numbers do if they are clear, with a
        DataWarning that names each column's role and confidence.
    mode
        ``"transmission"``, ``"fluorescence"``, ``"electron_yield"`` or ``"reference"``; None takes
        the first of them that the file has, and says so where there are more. The elements of a
        detector are added as `sum_elements` does by itself.
    group
        Label or number (from 1) of the group, scan or entry of a file that has several.
    sort
        True sorts energies that do not ascend, as of a downward scan; else they are refused.

    Raises
    ------
    MissingFile
        Where there is no such file.
    UnreadableFile
        Where it holds no spectrum, or its columns cannot be told; the message lists them.
    BadInput
        Where a chosen column or group does not exist.
    """
    spectra = read_all(path, columns=columns, mode=mode, sort=sort)
    if group is not None:
        return _group(spectra, group, Path(path))
    if len(spectra) > 1:
        raise BadInput(
            f"the file has {len(spectra)} groups: {_names(spectra)}",
            expected="group=… with one of these, or xas.read_all",
            source=path,
        )
    return spectra[0]


def read_all(
    path: str | Path,
    *,
    columns: Columns | None = None,
    mode: str | None = None,
    sort: bool = False,
) -> tuple[Spectrum, ...]:
    """Return every spectrum in a file; arguments and errors are those of `read`."""
    path = Path(path)
    content = read_bytes(path)
    if nexus.is_hdf5(content):
        return nexus.read_hdf5(path, columns=columns, mode=mode, sort=sort)
    text = text_from_bytes(content, path)
    if athena.is_athena(text):
        return athena.read_athena(text, path, sort=sort)
    if spec.is_spec(text):
        return spec.read_spec(text, path, columns=columns, mode=mode, sort=sort)
    if larix.is_larix(text):
        return larix.read_larix(text, path, sort=sort)
    tables = _tables(text, path, guess=not columns)
    return tuple(
        spectrum_from_columns(table, columns=columns, mode=mode, sort=sort) for table in tables
    )


def read_elements(
    path: str | Path,
    *,
    columns: Columns | None = None,
    scan: int = 1,
    sort: bool = False,
) -> DetectorElements:
    """Return what each element of a fluorescence detector counted, of a text or XDI file.

    Parameters
    ----------
    path
        The file.
    columns
        As in `read`, but the columns of ``ifluor`` are the elements, kept apart, and those of
        ``icr``, ``ocr`` or ``dead_time_factor`` one for each; ``time`` is the counting time. None
        takes labels that are alike but for a number.
    scan
        Number (from 1) of the scan in a file of several.
    sort
        True sorts energies that do not ascend.

    Raises
    ------
    MissingFile
        Where there is no such file.
    UnreadableFile
        Where no elements can be told.
    BadInput
        Where a chosen column or scan does not exist.
    """
    path = Path(path)
    tables = _tables(text_from_bytes(read_bytes(path), path), path, guess=not columns)
    if not 1 <= scan <= len(tables):
        raise BadInput(f"there is no scan {scan}", expected=f"1 to {len(tables)}", source=path)
    return elements_from_columns(tables[scan - 1], columns=columns, sort=sort)


def _tables(text: str, path: Path, *, guess: bool) -> tuple[Table, ...]:
    """Return the scans of a text file as tables, roles that labels leave open told by numbers."""
    reader = next((reader for is_format, reader in _FORMATS if is_format(text)), None)
    table = (reader or beamlines.table_of_columns)(text, path)
    if guess and reader in (None, beamlines.table_of_hxma):
        table = beamlines.with_guesses(table)
    return beamlines.scans_of_table(table)


def _group(spectra: tuple[Spectrum, ...], group: str | int, path: Path) -> Spectrum:
    if isinstance(group, int) and not isinstance(group, bool):
        if 1 <= group <= len(spectra):
            return spectra[group - 1]
    else:
        wanted = " ".join(str(group).replace("_", " ").split())
        for spectrum in spectra:
            if wanted == " ".join(spectrum.name.replace("_", " ").split()):
                return spectrum
    raise BadInput(
        f"there is no group {group!r}", expected=f"one of: {_names(spectra)}", source=path
    )


def _names(spectra: tuple[Spectrum, ...]) -> str:
    return ", ".join(repr(spectrum.name) for spectrum in spectra)
