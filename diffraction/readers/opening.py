"""One door for every format: what a file is, is seen from its content."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from xorder.diffraction.pattern import Pattern, sigma_from_counts, two_theta_from_q
from xorder.diffraction.radiation import Radiation, make_radiation
from xorder.diffraction.readers.brml import is_brml, scan_from_brml
from xorder.diffraction.readers.bruker_raw import is_bruker_raw, scan_from_bruker_raw
from xorder.diffraction.readers.columns import scan_from_columns
from xorder.diffraction.readers.fullprof import is_fullprof, scan_from_fullprof
from xorder.diffraction.readers.gsas import is_gsas, scan_from_gsas
from xorder.diffraction.readers.nexus import MAGIC, scan_from_nexus
from xorder.diffraction.readers.pdcif import is_pdcif, scan_from_pdcif
from xorder.diffraction.readers.rigaku import is_ras, is_rasx, scan_from_ras, scan_from_rasx
from xorder.diffraction.readers.scan import Scan, chosen
from xorder.diffraction.readers.xrdml import is_xrdml, scan_from_xrdml
from xorder.errors import BadInput, MissingFile, UnreadableFile
from xorder.results import Array, recorded

__all__ = ["read"]

_FORMATS: tuple[tuple[Callable[[bytes], bool], Callable[..., Scan]], ...] = (
    (is_bruker_raw, scan_from_bruker_raw),
    (is_gsas, scan_from_gsas),
    (is_xrdml, scan_from_xrdml),
    (is_brml, scan_from_brml),
    (is_ras, scan_from_ras),
    (is_rasx, scan_from_rasx),
    (is_pdcif, scan_from_pdcif),
    (is_fullprof, scan_from_fullprof),
)
#: Formats whose files may hold several patterns, of which one can be asked for.
_SEVERAL = (
    scan_from_bruker_raw, scan_from_xrdml, scan_from_brml, scan_from_ras, scan_from_pdcif,
)  # fmt: skip
#: How files of computed patterns begin, after the sign of a comment.
SIMULATED = b"SIMULATED"
#: A file of one pattern larger than this (bytes) is damage, or an image series. Text takes about
#: twenty times its size in memory while it is read.
LARGEST = 100_000_000


@recorded
def read(
    path: str | Path,
    *,
    wavelength: Radiation | str | float | None = None,
    name: str = "",
    index: int = 0,
) -> Pattern:
    """Return the powder pattern in a file.

    Formats, told by content: columns of text (xy, xye, prn, dat, csv, chi), GSAS (STD, ESD, FXYE),
    FullProf (free format, XYDATA), powder CIF, Bruker RAW (1 to 4) and BRML, XRDML, Rigaku RAS and
    RASX, NeXus/HDF5 as azimuthal integration writes it. An axis of Q becomes one of 2θ.

    Parameters
    ----------
    path
        The file.
    wavelength
        Name such as ``"CuKa"``, wavelength in Å, or a `Radiation`; what the file says where None.
        What is given here wins.
    name
        Name of the sample; the file's name where empty.
    index
        Which pattern of a file with several, from 0 on: frame of a NeXus stack, scan of XRDML or
        RAS, range of Bruker RAW or BRML, block of a powder CIF.

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
    scan = _scan(path, index)
    lines = given or scan.wavelength
    if lines is None:
        raise BadInput(
            "the file names no wavelength",
            expected="wavelength='CuKa', a wavelength in Å or a Radiation",
            source=path,
        )
    return _pattern(scan, lines, name or path.stem, path)


def _says_simulated(path: Path) -> bool:
    """Return whether a file begins by saying that it was computed, as our writers make it."""
    with path.open("rb") as file:
        return file.read(len(SIMULATED) + 2).lstrip(b"# ").startswith(SIMULATED)


def _scan(path: Path, index: int) -> Scan:
    source = str(path)
    with path.open("rb") as file:
        if file.read(len(MAGIC)) == MAGIC:
            # An HDF5 file may hold images as well, so only the pattern is loaded.
            return scan_from_nexus(path, index)
    if path.stat().st_size > LARGEST:
        raise UnreadableFile(
            f"the file has {path.stat().st_size:,} bytes",
            expected=f"a powder pattern of at most {LARGEST:,}",
            source=path,
        )
    content = path.read_bytes()
    if not content.strip():
        raise UnreadableFile("the file is empty", expected="a powder pattern", source=path)
    for matches, scan_from in _FORMATS:
        if matches(content):
            if scan_from in _SEVERAL:
                return scan_from(content, source, index)
            return chosen([scan_from(content, source)], index, "pattern that is read", source)[0]
    return chosen([scan_from_columns(content, source)], index, "pattern that is read", source)[0]


def _two_theta(scan: Scan, lines: Radiation, path: Path) -> Array:
    if scan.two_theta is not None:
        return scan.two_theta
    if scan.q is None:
        raise UnreadableFile("it has no axis", expected="2θ or Q", source=path)
    two_theta = two_theta_from_q(scan.q, wavelength=lines.wavelength)
    beyond = np.flatnonzero(~np.isfinite(two_theta))
    if beyond.size:
        raise UnreadableFile(
            f"Q = {scan.q[beyond[0]]:g} Å⁻¹ cannot be reached at {lines.wavelength:g} Å",
            expected="the wavelength of the measurement, and Q in the unit the file says",
            source=path,
        )
    return two_theta


def _pattern(scan: Scan, lines: Radiation, name: str, path: Path) -> Pattern:
    two_theta = _two_theta(scan, lines, path)
    try:
        sigma = sigma_from_counts(scan.intensity) if scan.sigma is None else scan.sigma
        notes = list(scan.notes)
        if scan.sigma is None and np.any(scan.intensity % 1.0 > 1e-3):
            notes.append("The intensities are not whole counts: σ = √I is right up to a factor.")
        if scan.q is not None:
            notes.append(f"The axis was Q; 2θ is for {lines.wavelength:g} Å.")
        return Pattern(
            two_theta=two_theta,
            intensity=scan.intensity,
            sigma=sigma,
            wavelength=lines,
            name=name,
            simulated=_says_simulated(path),
            metadata={**scan.metadata, "source": str(path)},
            notes=tuple(notes),
        )
    except UnreadableFile:
        raise
    except BadInput as error:
        raise UnreadableFile(error.found, expected=error.expected, source=path) from error
