"""What the XML and ZIP formats share: reading without surprises, lines of the tube."""

from __future__ import annotations

import io
import zipfile
from xml.etree import ElementTree

import numpy as np

from xorder.diffraction.radiation import Radiation
from xorder.errors import BadInput, UnreadableFile
from xorder.results import Array

__all__ = ["doublet", "numbers", "parsed", "sigma_attenuated", "unzipped"]

#: A part of a ZIP file larger than this (bytes) is damage or mischief.
LARGEST = 100_000_000
#: Said wherever a file names two lines.
TWO_LINES = (
    "The file names Kα1 and Kα2, and both are taken; behind a monochromator that passes Kα1 only, "
    "give the wavelength."
)


def parsed(content: bytes | str, source: str) -> ElementTree.Element:
    """Return the root of an XML text, its namespaces taken off."""
    try:
        root = ElementTree.fromstring(content)  # noqa: S314 (expat bounds entity expansion)
    except (ElementTree.ParseError, ValueError) as error:
        raise UnreadableFile(
            f"the XML is broken: {error}", expected="the file as written", source=source
        ) from error
    for element in root.iter():
        if isinstance(element.tag, str):
            element.tag = element.tag.rpartition("}")[2]
    return root


def unzipped(content: bytes, name: str, source: str) -> bytes:
    """Return one member of a ZIP file."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if archive.getinfo(name).file_size > LARGEST:
                raise UnreadableFile(
                    f"{name} in it would be {archive.getinfo(name).file_size:,} bytes",
                    expected="a measured scan",
                    source=source,
                )
            return archive.read(name)
    except KeyError:
        raise UnreadableFile(f"there is no {name} in it", source=source) from None
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise UnreadableFile(
            f"the archive is broken: {error}", expected="the file as written", source=source
        ) from error
    except Exception as error:
        if type(error).__module__ == "zlib":
            raise UnreadableFile(
                f"the archive is broken: {error}", expected="the file as written", source=source
            ) from error
        raise


def numbers(text: str | None, what: str, source: str) -> Array:
    """Return the numbers in a text of words."""
    try:
        return np.array((text or "").split(), dtype=float)
    except ValueError as error:
        raise UnreadableFile(
            f"{what} are not numbers: {error}", expected="numbers", source=source
        ) from error


def doublet(
    anode: str, alpha1: str | None, alpha2: str | None, ratio: str | None
) -> Radiation | None:
    """Return the radiation of a file that names its lines, or None where it does not."""
    try:
        first, second, share = float(alpha1 or 0), float(alpha2 or 0), float(ratio or 0)
        if second > 0 and share > 0:
            return Radiation(wavelengths=(first, second), weights=(1.0, share), name=f"{anode}Ka")
        return Radiation(wavelengths=(first,), name=f"{anode}Ka1")
    except (ValueError, BadInput):
        return None


def sigma_attenuated(counts: Array, factors: Array, source: str) -> Array:
    """Return σ of counts times attenuation factors: √counts times the factor."""
    if np.any(counts < 0) or np.any(~(factors > 0)):
        raise UnreadableFile(
            "counts or attenuation factors are negative", expected="counts", source=source
        )
    return np.asarray(factors * np.sqrt(np.maximum(counts, 1.0)))
