"""I(Q), S(Q) and F(Q) files: PDFgetX2, PDFgetX3, pyFAI, Fit2D, RMCProfile, NeXus, plain columns."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from xorder.errors import BadInput, DataWarning, MissingFile, UnreadableFile
from xorder.pdf.functions import OfQ
from xorder.pdf.intensity import Intensity, StructureFunction, check_wavelength
from xorder.pdf.pattern import Radiation
from xorder.pdf.readers.axes import Axis, axis_of_text, check_axis_name, momentum_transfer
from xorder.pdf.readers.columns import Columns, read_columns
from xorder.results import Array, recorded

__all__ = ["read_iq", "read_sq"]

HDF5_SUFFIXES = {".h5", ".hdf5", ".hdf", ".nxs", ".nx", ".nexus"}
_STDERR = re.compile(r"sig|err|esd|std|^d[_(]?[isf]|^e$|uncert")
_KINDS: dict[str, OfQ] = {".sq": "S", ".fq": "F"}


@recorded
def read_iq(
    path: str | Path,
    *,
    axis: Axis | None = None,
    wavelength: float | None = None,
    composition: str | None = None,
    frame: int | None = None,
    name: str = "",
) -> Intensity:
    """Return the intensity in a file.

    Text (.iq .chi .dat .xy .xye) of PDFgetX2 and PDFgetX3, pyFAI, Fit2D and plain columns; HDF5 of
    pyFAI and NeXus. Wavelength, composition and the unit of the first column come from the header
    where it has them. Three columns are Q, I and its standard error, unless labels say other.

    Parameters
    ----------
    path
        File.
    axis
        First column: ``"q"`` in Å⁻¹, ``"q_nm"`` in nm⁻¹ or ``"two_theta"`` in degrees; None takes
        what the file says.
    wavelength
        Wavelength in Å; None takes what the file says. Angles need one.
    composition
        Chemical formula; None takes what the file says.
    frame
        Which pattern of an HDF5 file that holds many, from 0.
    name
        Name of the sample; the file's stem where empty.

    Raises
    ------
    MissingFile
        Where there is no such file.
    UnreadableFile
        Where a row cannot be read; the message names the line.
    BadInput
        Where nobody says what the first column is, or it cannot be that.
    """
    path = Path(path)
    check_axis_name(axis)
    if path.suffix.lower() in HDF5_SUFFIXES:
        return _read_hdf5(path, axis, wavelength, composition or "", frame, name)
    columns = read_columns(path, expected="columns Q (or two_theta) and intensity")
    known = _wavelength(columns.keys, wavelength, path)
    q = momentum_transfer(
        _ascending(columns.table[:, 0], path),
        given=axis,
        stated=_stated_axis(columns),
        wavelength=known,
        path=path,
        radiation=_radiation(columns.keys),
    )
    start = int(q[0] == 0)  # some programs begin at Q = 0, which carries nothing
    return Intensity(
        q=q[start:],
        intensity=columns.table[start:, 1].copy(),
        stderr=_stderr(columns, start, path),
        wavelength=known,
        composition=composition or _composition(columns.keys),
        radiation=_radiation(columns.keys),
        name=name or path.stem,
        source=str(path),
        simulated=_simulated(columns),
        metadata=columns.keys,
    )


@recorded
def read_sq(
    path: str | Path,
    *,
    kind: OfQ | None = None,
    axis: Axis | None = None,
    wavelength: float | None = None,
    radiation: Radiation | None = None,
    name: str = "",
) -> StructureFunction:
    """Return the S(Q), F(Q) or i(Q) in a text file.

    Parameters
    ----------
    path
        File: .sq and .fq of PDFgetX2 and PDFgetX3, RMCProfile (a count, a title, columns), plain.
    kind
        ``"S"``, ``"F"`` = Q[S - 1] or ``"i"`` = S - 1; None takes it from the suffix or label.
        RMCProfile's own F(Q) is ⟨b⟩² (S - 1): read it as ``"i"`` and divide by ⟨b⟩².
    axis, wavelength, name
        As in `read_iq`.
    radiation
        ``"xray"`` or ``"neutron"``; None takes what the file says, else X-rays.

    Raises
    ------
    MissingFile, UnreadableFile, BadInput
        As in `read_iq`; BadInput also where nobody says which function it is.
    """
    path = Path(path)
    check_axis_name(axis)
    columns = read_columns(path, expected="columns Q and S(Q) or F(Q)")
    found = kind or _KINDS.get(path.suffix.lower()) or _kind_of_label(columns.labels)
    if found not in ("S", "F", "i"):
        raise BadInput(
            f"kind is {found!r}" if found else "nothing says which function of Q this is",
            expected="kind='S', 'F' or 'i'",
            source=path,
        )
    known = _wavelength(columns.keys, wavelength, path)
    scattered = radiation or _radiation(columns.keys)
    q = momentum_transfer(
        _ascending(columns.table[:, 0], path),
        given=axis,
        stated=_stated_axis(columns),
        wavelength=known,
        path=path,
        radiation=scattered,
    )
    start = int(q[0] == 0)
    values = columns.table[start:, 1].copy()
    _check_kind(found, q[start:], values, path)
    return StructureFunction(
        q=q[start:],
        values=values,
        kind=found,
        stderr=_stderr(columns, start, path),
        wavelength=known,
        composition=_composition(columns.keys),
        radiation=scattered,
        name=name or path.stem,
        source=str(path),
        simulated=_simulated(columns),
        metadata=columns.keys,
    )


def _read_hdf5(
    path: Path,
    axis: Axis | None,
    wavelength: float | None,
    composition: str,
    frame: int | None,
    name: str,
) -> Intensity:
    from xorder.pdf.readers.nexus import read_nexus

    if not path.is_file():
        raise MissingFile("there is no such file", expected="an HDF5 file", source=path)
    pattern = read_nexus(path, frame=frame)
    known = pattern.wavelength if wavelength is None else wavelength
    q = momentum_transfer(
        _ascending(pattern.axis, path),
        given=axis,
        stated=axis_of_text(pattern.axis_text),
        wavelength=known,
        path=path,
    )
    start = int(q[0] == 0)
    return Intensity(
        q=q[start:],
        intensity=pattern.intensity[start:],
        stderr=None if pattern.stderr is None else pattern.stderr[start:],
        wavelength=known,
        composition=composition,
        name=name or path.stem,
        source=str(path),
    )


def _ascending(values: Array, path: Path) -> Array:
    falls = np.flatnonzero(np.diff(values) <= 0)
    if len(falls):
        at = int(falls[0])
        raise UnreadableFile(
            f"the first column goes from {values[at]:g} to {values[at + 1]:g} in row {at + 2}",
            expected="ascending values without repeats",
            source=path,
        )
    return values


def _stated_axis(columns: Columns) -> Axis | None:
    dataformat = columns.keys.get("dataformat", "")
    if dataformat and columns.labels and columns.labels[0].startswith("q"):
        # PDFgetX3 writes the format of its input; its own output is in Å⁻¹.
        return "q"
    if columns.labels:
        named = axis_of_text(" ".join(columns.labels[:1]))
        if named:
            return named
    for line in columns.header:
        lowered = line.lower()
        # Label lines only: a geometry in the header speaks of degrees and nm of other things.
        if len(lowered) < 60 and re.match(r"(q|2th|2-th|two|tth|scattering|momentum|l q)", lowered):
            named = axis_of_text(lowered)
            if named:
                return named
    return axis_of_text(dataformat) if dataformat else None


def _wavelength(keys: Mapping[str, str], given: float | None, path: Path) -> float:
    """Return the wavelength in Å; pyFAI writes metres."""
    if given is not None:
        check_wavelength(given, str(path))
        return given
    for key in ("wavelength", "lambda", "wave_length"):
        match = re.match(r"\s*([-+.\deE]+)\s*(\w*|Å)", keys.get(key, ""))
        if match is None:
            continue
        try:
            value = float(match[1])
        except ValueError:
            continue
        factor = {"m": 1e10, "nm": 10.0, "pm": 0.01}.get(match[2].lower(), 1.0)
        if match[2] == "" and 0 < value < 1e-7:
            factor = 1e10
        if value > 0:
            return value * factor
    return math.nan


def _stderr(columns: Columns, start: int, path: Path) -> Array | None:
    width = columns.table.shape[1]
    named = [i for i, label in enumerate(columns.labels[:width]) if i > 1 and _STDERR.search(label)]
    if named:
        column = named[-1]
    elif width == 3 and not columns.labels:
        column = 2
    else:
        return None
    values = columns.table[start:, column]
    if not np.any(values):
        return None
    if not np.isfinite(values).all() or np.any(values < 0):
        warnings.warn(
            f"{path}: the standard errors are not all finite and positive; they are not used",
            DataWarning,
            stacklevel=4,
        )
        return None
    return values.copy()


def _kind_of_label(labels: tuple[str, ...]) -> OfQ | None:
    if len(labels) < 2:
        return None
    # I(Q) and i(Q) look alike in labels; who means the latter says so.
    kinds: dict[str, OfQ] = {"s": "S", "f": "F"}
    return kinds.get(labels[1][:1])


def _check_kind(kind: OfQ, q: Array, values: Array, path: Path) -> None:
    """Warn where the upper half of Q lies about 1 and should about 0, or the reverse."""
    mean = float(np.mean(values[len(q) // 2 :]))
    expected = 1.0 if kind == "S" else 0.0
    if abs(mean - expected) > 0.5 and abs(mean - (1 - expected)) < 0.25:
        warnings.warn(
            f"{path}: the upper half lies about {mean:.3g}; {kind}(Q) lies about {expected:g}",
            DataWarning,
            stacklevel=4,
        )


def _composition(keys: Mapping[str, str]) -> str:
    return keys.get("composition", keys.get("formula", ""))


def _radiation(keys: Mapping[str, str]) -> Radiation:
    stated = (keys.get("mode") or keys.get("radiation") or keys.get("stype") or "").lower()
    return "neutron" if stated.startswith("n") else "xray"


def _simulated(columns: Columns) -> bool:
    return columns.keys.get("simulated", "").lower() == "true"
