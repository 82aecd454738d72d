"""Rigaku RAS (text) and RASX (ZIP archive): angle, intensity and attenuation factor."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

import numpy as np

from xorder.diffraction.radiation import Radiation
from xorder.diffraction.readers.scan import Scan, chosen, decoded
from xorder.diffraction.readers.xml import TWO_LINES, doublet, parsed, sigma_attenuated, unzipped
from xorder.errors import UnreadableFile
from xorder.results import Array

__all__ = ["is_ras", "is_rasx", "scan_from_ras", "scan_from_rasx"]

_PROFILE, _CONDITIONS = "Data0/Profile0.txt", "Data0/MesurementConditions0.xml"


def is_ras(content: bytes) -> bool:
    """Return whether the content is a RAS file."""
    return content.lstrip(b"\xef\xbb\xbf").startswith(b"*RAS_")


def is_rasx(content: bytes) -> bool:
    """Return whether the content is a ZIP archive with a Rigaku profile in it."""
    if not content.startswith(b"PK\x03\x04"):
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return _PROFILE in archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False


def scan_from_ras(content: bytes, source: str, index: int = 0) -> Scan:
    """Return a scan of a RAS file by its index; intensity times attenuation factor.

    Raises
    ------
    UnreadableFile
        For a file that is cut short and for a scan of another axis.
    """
    lines = decoded(content, source).splitlines()
    header = _header(lines)
    axis = header.get("MEAS_SCAN_AXIS_X", "TwoTheta")
    if "TwoTheta" not in axis:
        raise UnreadableFile(f"it scans {axis}", expected="a scan in 2θ", source=source)
    starts = [i for i, line in enumerate(lines) if line.startswith("*RAS_INT_START")]
    ends = [i for i, line in enumerate(lines) if line.startswith("*RAS_INT_END")]
    if not starts or not ends:
        raise UnreadableFile(
            "the block of intensities does not begin or end", expected="the whole file",
            source=source,
        )  # fmt: skip
    (start, end), notes = chosen(list(zip(starts, ends, strict=False)), index, "scans", source)
    table = _table(lines[start + 1 : end], source)
    radiation = _radiation(
        header.get("HW_XG_TARGET_NAME", ""),
        header.get("HW_XG_WAVE_LENGTH_ALPHA1"),
        header.get("HW_XG_WAVE_LENGTH_ALPHA2"),
        header.get("MEAS_COND_XG_WAVE_TYPE", "Ka"),
    )
    unit = header.get("MEAS_SCAN_UNIT_Y", "")
    return _scan(table, radiation, notes, {"format": "Rigaku RAS", "unit": unit}, source)


def scan_from_rasx(content: bytes, source: str) -> Scan:
    """Return the first scan of a RASX file; intensity times attenuation factor."""
    text = decoded(unzipped(content, _PROFILE, source), source)
    table = _table(text.splitlines(), source)
    root = parsed(unzipped(content, _CONDITIONS, source), source)
    lines = _radiation(
        root.findtext(".//TargetName", ""), root.findtext(".//WavelengthKalpha1"),
        root.findtext(".//WavelengthKalpha2"), root.findtext(".//WaveType", "Ka"),
    )  # fmt: skip
    return _scan(table, lines, [], {"format": "Rigaku RASX"}, source)


def _scan(
    table: Array,
    lines: Radiation | None,
    notes: list[str],
    metadata: Mapping[str, str],
    source: str,
) -> Scan:
    counts = table[:, 1]
    factors = table[:, 2] if table.shape[1] > 2 else np.ones_like(counts)
    if np.any(factors != 1.0):
        notes = [*notes, "The intensities are those of the file times its attenuation factors."]
    if "cps" in metadata.get("unit", ""):
        notes = [*notes, "The intensities are counts a second: σ = √I is right up to a factor."]
    elif np.any(counts % 1.0 > 1e-3):
        notes = [*notes, "The intensities are not whole counts: σ = √I is right up to a factor."]
    if lines is not None and len(lines.wavelengths) > 1:
        notes = [*notes, TWO_LINES]
    return Scan(
        two_theta=table[:, 0],
        intensity=counts * factors,
        sigma=sigma_attenuated(counts, factors, source),
        wavelength=lines,
        metadata=metadata,
        notes=tuple(notes),
    )


def _header(lines: list[str]) -> dict[str, str]:
    header: dict[str, str] = {}
    for line in lines:
        if line.startswith("*RAS_HEADER_END"):
            break
        key, _, value = line.lstrip("*").partition(" ")
        header[key] = value.strip().strip('"')
    return header


def _table(lines: list[str], source: str) -> Array:
    rows = [line.split() for line in lines if line.strip()]
    widths = {len(row) for row in rows}
    if len(rows) < 2 or len(widths) != 1 or max(widths) < 2:
        raise UnreadableFile(
            f"its block of intensities has {len(rows)} lines of {sorted(widths)} columns",
            expected="angle, intensity and attenuation factor on each", source=source,
        )  # fmt: skip
    try:
        return np.array(rows, dtype=float)
    except ValueError as error:
        raise UnreadableFile(
            f"its block of intensities is not of numbers: {error}", source=source
        ) from error


def _radiation(
    anode: str, alpha1: str | None, alpha2: str | None, wave_type: str
) -> Radiation | None:
    single = wave_type.strip().lower() in ("ka1", "kalpha1")
    return doublet(anode, alpha1, None if single else alpha2, None if single else "0.5")
