"""Integrated patterns in HDF5: pyFAI's files and other NeXus NXdata groups."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xorder.errors import BadInput, UnreadableFile
from xorder.results import Array

__all__ = ["NexusPattern", "read_nexus"]

#: h c in keV Å.
HC_KEV = 12.398419843320026


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class NexusPattern:
    """One pattern of a NeXus file."""

    axis: Array
    """Its axis, in the unit that `axis_text` names."""
    axis_text: str
    """Name, long name and unit of the axis."""
    intensity: Array
    """Signal."""
    stderr: Array | None
    """Standard error of the signal, or None."""
    wavelength: float
    """Wavelength in Å; NaN where the file has none."""


def read_nexus(path: Path, *, frame: int | None = None) -> NexusPattern:
    """Return the pattern of the first NXdata group that has a signal over an axis.

    Parameters
    ----------
    path
        HDF5 file.
    frame
        Which of many patterns, from 0; None where there is one.

    Raises
    ------
    UnreadableFile
        Where the file is no HDF5 file or holds no such group.
    BadInput
        Where there are many patterns and `frame` names none of them.
    """
    import h5py

    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise UnreadableFile(
            "this is not an HDF5 file", expected="a file of pyFAI or NeXus", source=path
        ) from error
    with file:
        group = _data_group(file, h5py)
        if group is None:
            raise UnreadableFile(
                "no NXdata group holds a signal over an axis",
                expected="an integrated pattern",
                source=path,
            )
        signal = _text(group.attrs["signal"])
        axis = _axis_name(group, signal)
        values = np.asarray(group[signal], dtype=float)
        errors = _errors(group, signal, values.shape)
        positions = np.asarray(group[axis], dtype=float)
        text = " ".join(
            [
                axis,
                *(_text(group[axis].attrs.get(key, "")) for key in ("long_name", "units", "unit")),
            ]
        )
        wavelength = _wavelength(file, h5py)
    index = _frame(values.shape, frame, path)
    usable = positions.ndim == 1 and np.isfinite(values[index]).all()
    if not usable or values[index].shape != positions.shape:
        raise UnreadableFile(
            f"the signal has shape {values.shape} and its axis {positions.shape}",
            expected="one finite value a point of a single axis",
            source=path,
        )
    return NexusPattern(
        axis=positions,
        axis_text=text,
        intensity=values[index],
        stderr=None if errors is None else errors[index],
        wavelength=wavelength,
    )


def _data_group(file: Any, h5py: Any) -> Any:
    found: list[Any] = []

    def visit(_: str, item: Any) -> None:
        if isinstance(item, h5py.Group) and _text(item.attrs.get("NX_class", "")) == "NXdata":
            signal = _text(item.attrs.get("signal", ""))
            if signal in item and _axis_name(item, signal) in item:
                found.append(item)

    file.visititems(visit)
    # A group that says its axis is Q or an angle goes before maps and images.
    found.sort(key=lambda group: group[_text(group.attrs["signal"])].ndim)
    return found[0] if found else None


def _axis_name(group: Any, signal: str) -> str:
    axes = group.attrs.get("axes", ())
    names = [_text(axes)] if isinstance(axes, (str, bytes)) else [_text(name) for name in axes]
    names = [name for name in names if name not in ("", ".")]
    if names:
        return names[-1]
    return next((name for name in ("q", "radial", "2th", "two_theta") if name in group), "")


def _errors(group: Any, signal: str, shape: tuple[int, ...]) -> Array | None:
    for name in (f"{signal}_errors", "errors", "sigma", "uncertainties", f"{signal}_error"):
        if name in group and group[name].shape == shape:
            values = np.asarray(group[name], dtype=float)
            if np.isfinite(values).all() and not np.any(values < 0):
                return values
    return None


def _frame(shape: tuple[int, ...], frame: int | None, path: Path) -> Any:
    if len(shape) == 1:
        return ...
    count = shape[0]
    if len(shape) != 2 or (frame is None and count > 1):
        raise BadInput(
            f"the signal has shape {shape}", expected="frame= to choose a pattern", source=path
        )
    index = frame or 0
    if not 0 <= index < count:
        raise BadInput(f"frame is {index}", expected=f"0 to {count - 1}", source=path)
    return index


def _wavelength(file: Any, h5py: Any) -> float:
    """Return the wavelength in Å of a dataset of that name, or of an energy."""
    found: dict[str, float] = {}

    def visit(name: str, item: Any) -> None:
        last = name.rsplit("/", 1)[-1].lower()
        if not isinstance(item, h5py.Dataset) or last not in ("wavelength", "energy"):
            return
        if item.size != 1 or item.dtype.kind not in "fiu":
            return
        value = float(np.asarray(item).ravel()[0])
        unit = _text(item.attrs.get("units", item.attrs.get("unit", ""))).lower()
        if value > 0 and math.isfinite(value):
            found.setdefault(last, _in_angstrom(last, value, unit))

    file.visititems(visit)
    return found.get("wavelength", found.get("energy", math.nan))


def _in_angstrom(quantity: str, value: float, unit: str) -> float:
    if quantity == "energy":
        return HC_KEV / (value / 1000 if unit == "ev" else value)
    if unit == "m" or value < 1e-7:
        return value * 1e10
    return value * {"nm": 10.0, "pm": 0.01}.get(unit, 1.0)


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    if isinstance(value, np.ndarray) and value.size == 1:
        return _text(value.ravel()[0])
    return str(value)
