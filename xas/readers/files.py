"""Any absorption file to a Spectrum: the content says the format, not the name."""

from __future__ import annotations

from pathlib import Path

from xorder.errors import BadInput
from xorder.xas.readers import athena, beamlines, nexus, spec, xdi
from xorder.xas.readers.channels import Columns
from xorder.xas.readers.text import read_bytes, text_from_bytes
from xorder.xas.spectrum import Spectrum

__all__ = ["read", "read_all"]

_FORMATS = (
    (xdi.is_xdi, xdi.read_xdi),
    (beamlines.is_ssrl, beamlines.read_ssrl),
    (beamlines.is_photon_factory, beamlines.read_photon_factory),
    (beamlines.is_hxma, beamlines.read_hxma),
)


def read(
    path: str | Path,
    *,
    columns: Columns | None = None,
    mode: str | None = None,
    group: str | int | None = None,
    sort: bool = False,
) -> Spectrum:
    """Return the spectrum in a file: XDI, Athena project, SPEC, HDF5 (NeXus), or columns of text.

    Parameters
    ----------
    path
        The file. Its content tells the format.
    columns
        Role to column, numbered from 1 or by label, such as
        ``{"energy": 1, "i0": 2, "itrans": 3}``; several columns of one role are added. Roles:
        energy, angle, mu, i0, itrans, ifluor, iref, mu_ref, mufluor, stderr. None takes the file's
        own words.
    mode
        ``"transmission"``, ``"fluorescence"`` or ``"reference"``; None takes transmission before
        fluorescence and says so where both are there.
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
    for is_format, reader in _FORMATS:
        if is_format(text):
            return (reader(text, path, columns=columns, mode=mode, sort=sort),)
    return (beamlines.read_columns(text, path, columns=columns, mode=mode, sort=sort),)


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
