"""Patterns to text files that read back with the same numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

from xorder._version import __version__
from xorder.diffraction.pattern import Pattern
from xorder.errors import BadInput
from xorder.results import Array
from xorder.store import write_text

__all__ = ["pdcif_header", "write_csv", "write_pdcif", "write_xye"]

#: How a powder CIF calls what was scattered.
PROBES = {"xray": "x-ray", "neutron": "neutron"}

Axis = Literal["two_theta", "q", "d"]
#: What the column of each axis is called in xye and in CSV.
_TITLES = {
    "two_theta": ("two_theta (deg)", "two_theta"), "q": ("q_A^-1", "q_A^-1"), "d": ("d_A", "d_A"),
}  # fmt: skip


def write_xye(path: str | Path, pattern: Pattern, *, axis: Axis = "two_theta") -> Path:
    """Write a pattern as xye: axis, intensity and its standard error.

    Lost are provenance, notes and the polarization of the radiation.

    Parameters
    ----------
    path
        File to write.
    pattern
        The pattern.
    axis
        2θ in degrees, Q in Å⁻¹ or d in Å, both at the first line of the radiation. Files in d can
        be drawn, but are no pattern that is read again.

    Raises
    ------
    BadInput
        For d of a pattern that reaches 2θ = 0.
    CannotWrite
        Where the file cannot be written.
    """
    header = [*_header(pattern), f"# {_TITLES[axis][0]}  intensity  sigma"]
    return write_text(Path(path), "\n".join([*header, *_rows(pattern, " ", axis)]) + "\n")


def write_csv(path: str | Path, pattern: Pattern, *, axis: Axis = "two_theta") -> Path:
    """Write a pattern as comma-separated columns headed ``two_theta,intensity,sigma``.

    Lost is what `write_xye` loses; `axis` and errors are as there.
    """
    header = [*_header(pattern), f"{_TITLES[axis][1]},intensity,sigma"]
    return write_text(Path(path), "\n".join([*header, *_rows(pattern, ",", axis)]) + "\n")


def write_pdcif(path: str | Path, pattern: Pattern) -> Path:
    """Write a pattern as powder CIF: one block, one loop of points, one of wavelengths.

    σ goes into ``_pd_proc_ls_weight`` as 1/σ². Lost are provenance and polarization.

    Raises
    ------
    CannotWrite
        Where the file cannot be written.
    """
    block = "".join(c if c.isascii() and c.isalnum() else "_" for c in pattern.name) or "pattern"
    lines = pdcif_header(pattern, block=block)
    lines += ["loop_", "_pd_meas_2theta_scan", "_pd_proc_intensity_total", "_pd_proc_ls_weight"]
    columns = (pattern.two_theta, pattern.intensity, pattern.sigma**-2.0)
    lines += [
        f"{t:.6f} {i!r} {w!r}" for t, i, w in zip(*(c.tolist() for c in columns), strict=True)
    ]
    return write_text(Path(path), "\n".join(lines) + "\n")


def pdcif_header(pattern: Pattern, *, block: str) -> list[str]:
    """Return the lines that begin the block of a pattern in a powder CIF: name and radiation."""
    lines = [
        *_header(pattern)[:2],
        f"data_{block}",
        f"_diffrn_radiation_probe {PROBES[pattern.wavelength.probe]}",
        "loop_",
        "_diffrn_radiation_wavelength_id",
        "_diffrn_radiation_wavelength",
        "_diffrn_radiation_wavelength_wt",
    ]
    radiation = pattern.wavelength
    return lines + [
        f"{number} {wave!r} {weight!r}"
        for number, (wave, weight) in enumerate(
            zip(radiation.wavelengths, radiation.weights, strict=True), start=1
        )
    ]


def _header(pattern: Pattern) -> list[str]:
    said = "SIMULATED data, computed from a model; not a measurement"
    return [
        f"# {said if pattern.simulated else 'powder pattern'}",
        f"# written by xorder {__version__}",
        f"# sample: {' '.join(pattern.name.split())}",
        f"# wavelength: {pattern.wavelength.wavelength!r}",
        f"# radiation: {_lines(pattern)}",
    ]


def _lines(pattern: Pattern) -> str:
    """Return all lines of the radiation with their weights, as `read` takes them back."""
    pairs = zip(pattern.wavelength.wavelengths, pattern.wavelength.weights, strict=True)
    lines = " + ".join(f"{wave!r}*{weight!r}" for wave, weight in pairs)
    return f"{lines} neutron" if pattern.wavelength.probe == "neutron" else lines


def _rows(pattern: Pattern, separator: str, axis: Axis) -> list[str]:
    columns = (_positions(pattern, axis), pattern.intensity, pattern.sigma)
    decimals = 6 if axis == "two_theta" else 8
    return [
        f"{t:.{decimals}f}{separator}{i!r}{separator}{s!r}"
        for t, i, s in zip(*(c.tolist() for c in columns), strict=True)
    ]


def _positions(pattern: Pattern, axis: Axis) -> Array:
    if axis == "d" and pattern.two_theta[0] <= 0:
        raise BadInput(
            f"{pattern.name or 'the pattern'} starts at 2θ = {pattern.two_theta[0]:g}°, where d "
            "has no end",
            expected="a range above 0 for an axis of d",
        )
    return np.asarray(getattr(pattern, axis))
