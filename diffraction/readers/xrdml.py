"""PANalytical XRDML: XML with raw counts and, where an absorber was used, its factors."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np

from xorder.diffraction.readers.scan import Scan, chosen
from xorder.diffraction.readers.xml import TWO_LINES, doublet, numbers, parsed, sigma_attenuated
from xorder.errors import UnreadableFile
from xorder.results import Array

__all__ = ["is_xrdml", "scan_from_xrdml"]


def is_xrdml(content: bytes) -> bool:
    """Return whether the content is an XRDML document."""
    return b"<xrdMeasurements" in content[:4096]


def scan_from_xrdml(content: bytes, source: str, index: int = 0) -> Scan:
    """Return a scan in 2θ of an XRDML file, by its index; counts times attenuation factors.

    Raises
    ------
    UnreadableFile
        For broken XML and for a file without a scan in 2θ.
    """
    root = parsed(content, source)
    points = [scan.find("dataPoints") for scan in root.iter("scan")]
    usable = [p for p in points if p is not None and _axis(p) is not None]
    if not usable:
        raise UnreadableFile("it holds no scan in 2θ", expected="a powder scan", source=source)
    first, notes = chosen(usable, index, "scans", source)
    element = first.find("counts")
    element = first.find("intensities") if element is None else element
    counts = numbers(None if element is None else element.text, "the intensities", source)
    if counts.size < 2:
        raise UnreadableFile("its scan has no intensities", expected="counts", source=source)
    attenuation = first.findtext("beamAttenuationFactors")
    factors = np.ones_like(counts)
    if attenuation and attenuation.strip():
        factors = numbers(attenuation, "the attenuation factors", source)
    if factors.shape != counts.shape:
        raise UnreadableFile(
            f"{factors.size} attenuation factors for {counts.size} points", source=source
        )
    if np.any(factors != 1.0):
        notes.append("The intensities are counts times the attenuation factors of the file.")
    used = root.find(".//usedWavelength")
    lines = None
    if used is not None:
        names = ("kAlpha1", "kAlpha2", "ratioKAlpha2KAlpha1")
        lines = doublet(root.findtext(".//anodeMaterial", ""), *(used.findtext(n) for n in names))
    if lines is not None and len(lines.wavelengths) > 1:
        notes.append(TWO_LINES)
    return Scan(
        two_theta=_two_theta(first, counts.size, source),
        intensity=counts * factors,
        sigma=sigma_attenuated(counts, factors, source),
        wavelength=lines,
        metadata={
            "format": "XRDML",
            "seconds a step": first.findtext("commonCountingTime", ""),
            "start": root.findtext(".//startTimeStamp", ""),
        },
        notes=tuple(notes),
    )


def _axis(points: ElementTree.Element) -> ElementTree.Element | None:
    for positions in points.iter("positions"):
        moving = [positions.find("endPosition"), positions.find("listPositions")]
        if positions.get("axis") == "2Theta" and any(part is not None for part in moving):
            return positions
    return None


def _two_theta(points: ElementTree.Element, count: int, source: str) -> Array:
    axis = _axis(points)
    assert axis is not None  # noqa: S101
    listed = axis.findtext("listPositions")
    if listed:
        return numbers(listed, "the positions", source)
    ends = f"{axis.findtext('startPosition', '')} {axis.findtext('endPosition', '')}"
    both = numbers(ends, "the positions", source)
    if both.size != 2:
        raise UnreadableFile(
            "its scan lacks the first or the last position", expected="both", source=source
        )
    return np.linspace(both[0], both[1], count)
