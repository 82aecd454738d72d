"""Powder CIF: points of a measured or processed pattern in a CIF block."""

from __future__ import annotations

import re
from typing import Any, Literal

import numpy as np

from xorder.diffraction.radiation import Radiation
from xorder.diffraction.readers.scan import Scan, chosen, decoded
from xorder.errors import BadInput, UnreadableFile
from xorder.results import Array

__all__ = ["is_pdcif", "scan_from_pdcif"]

#: Data names of angles, in order of preference: corrected before raw.
_ANGLES = ("_pd_proc_2theta_corrected", "_pd_meas_2theta_scan", "_pd_meas_2theta_corrected")
#: Data names of intensities: counts, whose σ is known, before processed ones.
_COUNTS = ("_pd_meas_counts_total",)
_INTENSITIES = (
    "_pd_proc_intensity_total",
    "_pd_meas_intensity_total",
    "_pd_proc_intensity_net",
    "_pd_meas_intensity_net",
)
_RANGES = ("_pd_proc_2theta_range", "_pd_meas_2theta_range")
_NUMBER = re.compile(r"^([+-]?[\d.]+(?:[eE][+-]?\d+)?)(?:\((\d+)\))?$")


def is_pdcif(content: bytes) -> bool:
    """Return whether the content is a CIF with powder data."""
    return (
        re.search(rb"^\s*data_", content[:65536], re.M | re.I) is not None
        and re.search(rb"_pd_(meas|proc)_(counts|intensity)_", content) is not None
    )


def scan_from_pdcif(content: bytes, source: str, index: int = 0) -> Scan:
    """Return a pattern of a powder CIF by the index of its block.

    σ is √counts for counts; for processed intensities the standard uncertainty in parentheses, or
    1/√weight of the refinement.

    Raises
    ------
    UnreadableFile
        For broken CIF syntax and for a file without angles, or without intensities to them.
    """
    from gemmi import cif

    try:
        document = cif.read_string(decoded(content, source))
    except (ValueError, RuntimeError) as error:
        raise UnreadableFile(
            f"the CIF is broken: {error}", expected="valid CIF", source=source
        ) from error
    blocks = [block for block in document if _column(block, (*_COUNTS, *_INTENSITIES))]
    if not blocks:
        raise UnreadableFile(
            "no block of it holds a loop of powder intensities",
            expected="_pd_meas_counts_total or _pd_proc_intensity_total",
            source=source,
        )
    block, several = chosen(blocks, index, "patterns", source)
    name, texts = _column(block, (*_COUNTS, *_INTENSITIES)) or ("", [])
    intensity, errors = _numbers(texts, name, source)
    sigma: Array | None = None
    angles = _angles(block, len(texts), source)
    weights = _column(block, ("_pd_proc_ls_weight",))
    if name in _COUNTS:
        said = "counts: σ is √counts"
    elif np.isfinite(errors).all():
        sigma, said = errors, "the standard uncertainties in the file are σ"
    elif weights is not None and len(weights[1]) == len(texts):
        weight = _numbers(weights[1], weights[0], source)[0]
        used = weight > 0
        intensity, angles, weight = intensity[used], angles[used], weight[used]
        sigma, said = 1.0 / np.sqrt(weight), "σ is 1/√weight of the refinement"
    else:
        said = "the file gives no σ: √intensity is taken"
    notes = [f"Intensities are {name}; {said}.", *several]
    return Scan(
        two_theta=angles,
        intensity=intensity,
        sigma=sigma,
        wavelength=_wavelength(block),
        metadata={"format": "powder CIF", "block": block.name},
        notes=tuple(notes),
    )


def _column(block: Any, names: tuple[str, ...]) -> tuple[str, list[str]] | None:
    for name in names:
        values = list(block.find_loop(name))
        if len(values) > 1 and any(value not in (".", "?") for value in values):
            return name, values
    return None


def _angles(block: Any, count: int, source: str) -> Array:
    listed = _column(block, _ANGLES)
    if listed is not None and len(listed[1]) == count:
        return _numbers(listed[1], listed[0], source)[0]
    for name in _RANGES:
        ends = [block.find_value(f"{name}_{end}") for end in ("min", "max")]
        if all(ends):
            low, high = _numbers([str(end) for end in ends], name, source)[0]
            return np.linspace(low, high, count)
    raise UnreadableFile(
        f"there are no angles to its {count} intensities",
        expected="_pd_meas_2theta_scan in the same loop, or _pd_meas_2theta_range_min and _max",
        source=source,
    )


def _numbers(texts: list[str], name: str, source: str) -> tuple[Array, Array]:
    """Return the numbers in CIF texts and their standard uncertainties, NaN where none."""
    values, errors = np.empty(len(texts)), np.full(len(texts), np.nan)
    for row, text in enumerate(texts):
        match = _NUMBER.match(text)
        if match is None:
            raise UnreadableFile(
                f"{name} of point {row + 1} is {text!r}", expected="a number", source=source
            )
        values[row] = float(match.group(1))
        if match.group(2):
            decimals = len(match.group(1).partition(".")[2].split("e")[0].split("E")[0])
            errors[row] = float(match.group(2)) * 10.0**-decimals
    return values, errors


def _wavelength(block: Any) -> Radiation | None:
    name = "_diffrn_radiation_wavelength"
    listed = list(block.find_loop(name)) or [block.find_value(name)]
    weights = list(block.find_loop(f"{name}_wt")) or [None] * len(listed)
    try:
        pairs = [
            (float(_NUMBER.sub(r"\1", str(wave))), float(_NUMBER.sub(r"\1", str(w or 1))))
            for wave, w in zip(listed, weights, strict=True)
        ]
        pairs.sort(key=lambda pair: -pair[1])
        said = str(block.find_value("_diffrn_radiation_probe") or "").strip("'\"").lower()
        probe: Literal["xray", "neutron"] = "neutron" if said == "neutron" else "xray"
        return Radiation(
            wavelengths=tuple(wave for wave, _ in pairs), weights=tuple(w for _, w in pairs),
            probe=probe,
        )  # fmt: skip
    except (ValueError, BadInput):
        return None
