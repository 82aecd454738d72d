"""NeXus/HDF5 with one-dimensional NXdata, as azimuthal integration (pyFAI and others) writes it."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np

from xorder.diffraction.radiation import Radiation
from xorder.diffraction.readers.scan import Scan, chosen
from xorder.errors import BadInput, UnreadableFile
from xorder.results import Array
from xorder.scattering import HC

__all__ = ["MAGIC", "scan_from_nexus"]

#: The first bytes of every HDF5 file.
MAGIC = b"\x89HDF\r\n\x1a\n"
#: More points than this (160 MB an array) are no pattern.
MOST_POINTS = 20_000_000
_ANGLE = re.compile(r"2th|tth|two_?theta|2_?theta|polar|2\s*\\?theta|2θ", re.I)
_MOMENTUM = re.compile(r"^(q|chi_q)(_|$|\b)|scattering.vector|momentum", re.I)
#: 1/nm, nm^-1, A^{-1}, Å⁻¹, 1/angstrom, q_A^-1 …
_INVERSE = re.compile(
    r"(?<![a-zå])(?:1/|(?=[a-zå]+(?:\^?\{?-1|⁻¹)))(?P<length>nm|å|angstrom|a)s?(?![a-z])"
)
_ERRORS = ("{signal}_errors", "{signal}_error", "errors", "sigma", "std", "sem")
#: Metres, nanometres and ångström by the spellings that files have.
_LENGTHS = {"m": 1e10, "nm": 10.0, "angstrom": 1.0, "a": 1.0, "å": 1.0, "ångström": 1.0,
            "angstroms": 1.0, "pm": 0.01}  # fmt: skip
_ENERGIES = {"ev": 1.0, "kev": 1000.0}


def scan_from_nexus(path: Path, index: int = 0) -> Scan:
    """Return a pattern of the default NXdata group, or of the first that holds one.

    Of a stack of patterns `index` says which.

    The axis is 2θ (degrees or radians) or Q (Å⁻¹ or nm⁻¹), by its name and unit. Bins without any
    pixel (NaN, or zero with σ of zero) are left out.

    Raises
    ------
    UnreadableFile
        Where no NXdata holds an axis of known kind and unit with a signal of its length.
    """
    import h5py

    source = str(path)
    try:
        with h5py.File(path, "r") as file:
            return _scan(file, source, index)
    except (OSError, RuntimeError, KeyError) as error:
        raise UnreadableFile(
            f"the HDF5 file is broken: {error}", expected="the file as written", source=source
        ) from error


def _scan(file: Any, source: str, index: int) -> Scan:
    groups = _data_groups(file)
    found, reasons = None, []
    for group in groups:
        try:
            found = _pattern(group, source, index)
        except UnreadableFile as error:
            reasons.append(f"{group.name}: {error.found}")
            continue
        break
    if found is None:
        raise UnreadableFile(
            "; ".join(reasons[:3]) or "it has no NXdata group",
            expected="NXdata with a signal and an axis of 2θ or Q, with its unit",
            source=source,
        )
    axis, kind, intensity, sigma, notes = found
    return Scan(
        two_theta=axis if kind == "two_theta" else None,
        q=axis if kind == "q" else None,
        intensity=intensity,
        sigma=sigma,
        wavelength=_wavelength(file),
        metadata={"format": "NeXus/HDF5", "group": group.name},
        notes=tuple(notes),
    )


def _data_groups(file: Any) -> list[Any]:
    """Return NXdata groups, that of the chain of default attributes first."""
    import h5py

    groups: list[Any] = []
    node = file
    for _ in range(20):
        name = _text(node.attrs.get("default", ""))
        if not name or name not in node or not isinstance(node[name], h5py.Group):
            break
        node = node[name]
        if _text(node.attrs.get("NX_class", "")) == "NXdata":
            groups.append(node)
            break

    def visit(_: str, item: Any) -> None:
        if isinstance(item, h5py.Group) and _text(item.attrs.get("NX_class", "")) == "NXdata":
            groups.append(item)

    file.visititems(visit)
    return groups


def _pattern(
    group: Any, source: str, index: int
) -> tuple[Array, str, Array, Array | None, list[str]]:
    signal = _text(group.attrs.get("signal", "")) or _marked(group)
    if not signal or signal not in group:
        raise UnreadableFile("it names no signal", source=source)
    axes = [_text(name) for name in np.atleast_1d(group.attrs.get("axes", []))]
    axes = axes or [_text(name) for name in np.atleast_1d(group[signal].attrs.get("axes", []))]
    name = next((a for a in reversed(axes) if a in group), "")
    if not name:
        raise UnreadableFile("it names no axis", source=source)
    values, notes = _frame(group[signal], source, index)
    axis, kind = _axis(group[name], name, source)
    if axis.shape != values.shape:
        raise UnreadableFile(
            f"its axis has {axis.size} points and its signal {values.size}", source=source
        )
    errors = next(
        (e.format(signal=signal) for e in _ERRORS if e.format(signal=signal) in group), None
    )
    if "uncertainties" in group[signal].attrs:
        errors = _text(group[signal].attrs["uncertainties"])
    sigma = None
    if errors is not None and errors in group and group[errors].shape == group[signal].shape:
        sigma = _frame(group[errors], source, index)[0]
        notes.append(f"σ is {errors}.")
    empty = ~np.isfinite(values)
    if sigma is not None:
        empty |= ~np.isfinite(sigma) | ((sigma == 0) & (values == 0))
        sigma = sigma[~empty]
    if empty.any():
        notes.append(f"{np.count_nonzero(empty)} bins without pixels were left out.")
    return axis[~empty], kind, values[~empty], sigma, notes


def _frame(dataset: Any, source: str, index: int) -> tuple[Array, list[str]]:
    """Return one pattern of a dataset of any rank, counted along all but its last axis."""
    if dataset.ndim == 0 or dataset.shape[-1] > MOST_POINTS:
        raise UnreadableFile(f"its signal has the shape {dataset.shape}", source=source)
    if dataset.dtype.kind not in "fiu":
        raise UnreadableFile(f"its signal is of type {dataset.dtype}", source=source)
    frames = math.prod(dataset.shape[:-1])
    if not frames:
        raise UnreadableFile("its signal has no frames", source=source)
    place, notes = chosen(range(frames), index, "patterns", source)
    at = np.unravel_index(place, dataset.shape[:-1]) if dataset.ndim > 1 else ()
    return np.asarray(dataset[tuple(int(i) for i in at)], dtype=float), notes


def _axis(dataset: Any, name: str, source: str) -> tuple[Array, str]:
    """Return the axis in degrees or Å⁻¹, and which of the two it is."""
    if dataset.ndim != 1 or dataset.dtype.kind not in "fiu":
        raise UnreadableFile(f"its axis {name} is not a list of numbers", source=source)
    if dataset.size > MOST_POINTS:
        raise UnreadableFile(f"its axis has {dataset.size:,} points", source=source)
    values = np.asarray(dataset[...], dtype=float)
    units = _text(dataset.attrs.get("units", dataset.attrs.get("unit", "")))
    words = f"{name} {_text(dataset.attrs.get('long_name', ''))}"
    # The unit decides: pyFAI names an axis in q_nm^-1 polar_angle.
    unit = _INVERSE.search((units or words).lower().replace("$", ""))
    if unit and "log" not in words + units and "^2" not in words:
        return values / (10.0 if unit.group("length") == "nm" else 1.0), "q"
    if not (_ANGLE.search(words) or _MOMENTUM.search(words)):
        raise UnreadableFile(f"its axis is {name}, neither 2θ nor Q", source=source)
    if _ANGLE.search(words) and re.search(r"deg|°", units or words):
        return values, "two_theta"
    if _ANGLE.search(words) and re.search(r"rad\b", units or words):
        return np.rad2deg(values), "two_theta"
    raise UnreadableFile(f"the unit of its axis {name} is {units!r}", source=source)


def _wavelength(file: Any) -> Radiation | None:
    """Return the wavelength named by a dataset, or by a pyFAI configuration (in metres)."""
    import h5py

    values: list[float] = []

    def visit(path: str, item: Any) -> None:
        if not isinstance(item, h5py.Dataset) or item.size != 1:
            return
        last = path.rpartition("/")[2].lower()
        unit = _text(item.attrs.get("units", "")).lower()
        if item.dtype.kind in "fiu":
            value = float(np.ravel(item[...])[0])
            if last in ("wavelength", "incident_wavelength") and unit in _LENGTHS:
                values.append(value * _LENGTHS[unit])
            elif last in ("energy", "incident_energy") and unit in _ENERGIES and value > 0:
                values.append(HC / (value * _ENERGIES[unit]))
        elif item.dtype.kind in "OS":
            text = _text(np.ravel(item[...])[0])
            if '"wavelength"' in text:
                values.extend(_in_json(text))

    file.visititems(visit)
    for value in values:
        try:
            return Radiation(wavelengths=(round(value, 9),))
        except BadInput:
            continue
    return None


def _in_json(text: str) -> list[float]:
    try:
        nodes = [json.loads(text)]
    except ValueError:
        return []
    found = []
    while nodes:
        node = nodes.pop()
        if isinstance(node, dict):
            value = node.get("wavelength")
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                found.append(float(value) * 1e10)
            nodes.extend(node.values())
    return found


def _marked(group: Any) -> str:
    """Return the dataset that carries the old mark signal=1."""
    return next((name for name in group if str(group[name].attrs.get("signal", "")) == "1"), "")


def _text(value: Any) -> str:
    if isinstance(value, np.ndarray):
        value = value.ravel()[0] if value.size else ""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
