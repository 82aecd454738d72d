"""One door for every format: what a file is, is seen from its content."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from xorder.diffraction.pattern import Pattern, sigma_from_counts
from xorder.diffraction.radiation import Radiation, make_radiation
from xorder.diffraction.readers.brml import is_brml, scan_from_brml
from xorder.diffraction.readers.bruker_raw import is_bruker_raw, scan_from_bruker_raw
from xorder.diffraction.readers.columns import scan_from_columns
from xorder.diffraction.readers.gsas import is_gsas, scan_from_gsas
from xorder.diffraction.readers.rigaku import is_ras, is_rasx, scan_from_ras, scan_from_rasx
from xorder.diffraction.readers.scan import Scan
from xorder.diffraction.readers.xrdml import is_xrdml, scan_from_xrdml
from xorder.errors import BadInput, MissingFile, UnreadableFile
from xorder.results import recorded

__all__ = ["read"]

_FORMATS: tuple[tuple[Callable[[bytes], bool], Callable[[bytes, str], Scan]], ...] = (
    (is_bruker_raw, scan_from_bruker_raw),
    (is_gsas, scan_from_gsas),
    (is_xrdml, scan_from_xrdml),
    (is_brml, scan_from_brml),
    (is_ras, scan_from_ras),
    (is_rasx, scan_from_rasx),
)


@recorded
def read(
    path: str | Path, *, wavelength: Radiation | str | float | None = None, name: str = ""
) -> Pattern:
    """Return the powder pattern in a file.

    Formats, told by content: columns of text (xy, xye, prn, dat, csv), GSAS (STD, ESD, FXYE),
    Bruker RAW 1.01 and BRML, XRDML, Rigaku RAS and RASX.

    Parameters
    ----------
    path
        The file.
    wavelength
        Name such as ``"CuKa"``, wavelength in Å, or a `Radiation`; what the file says where None.
        What is given here wins.
    name
        Name of the sample; the file's name where empty.

    Raises
    ------
    MissingFile
        Where there is no such file.
    UnreadableFile
        Where the file holds no powder pattern; the message names file and line.
    BadInput
        Where neither the file nor the argument names the wavelength.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingFile("there is no such file", expected="a powder pattern", source=path)
    given = None if wavelength is None else make_radiation(wavelength)
    content = path.read_bytes()
    if not content.strip():
        raise UnreadableFile("the file is empty", expected="a powder pattern", source=path)
    scan = _scan(content, str(path))
    lines = given or scan.wavelength
    if lines is None:
        raise BadInput(
            "the file names no wavelength",
            expected="wavelength='CuKa', a wavelength in Å or a Radiation",
            source=path,
        )
    return _pattern(scan, lines, name or path.stem, path)


def _scan(content: bytes, source: str) -> Scan:
    for matches, scan_from in _FORMATS:
        if matches(content):
            return scan_from(content, source)
    return scan_from_columns(content, source)


def _pattern(scan: Scan, lines: Radiation, name: str, path: Path) -> Pattern:
    try:
        sigma = sigma_from_counts(scan.intensity) if scan.sigma is None else scan.sigma
        notes = list(scan.notes)
        if scan.sigma is None and np.any(scan.intensity % 1.0 > 1e-3):
            notes.append("The intensities are not whole counts: σ = √I is right up to a factor.")
        return Pattern(
            two_theta=scan.two_theta,
            intensity=scan.intensity,
            sigma=sigma,
            wavelength=lines,
            name=name,
            metadata={**scan.metadata, "source": str(path)},
            notes=tuple(notes),
        )
    except UnreadableFile:
        raise
    except BadInput as error:
        raise UnreadableFile(error.found, expected=error.expected, source=path) from error
