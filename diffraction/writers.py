"""Patterns to text files that read back with the same numbers."""

from __future__ import annotations

from pathlib import Path

from xorder._version import __version__
from xorder.diffraction.pattern import Pattern
from xorder.store import write_text

__all__ = ["write_csv", "write_pdcif", "write_xye"]


def write_xye(path: str | Path, pattern: Pattern) -> Path:
    """Write a pattern as xye: two_theta in degrees, intensity and its standard error.

    Lost are provenance, the notes and all lines of the radiation but its name and the first.

    Raises
    ------
    CannotWrite
        Where the file cannot be written.
    """
    header = [*_header(pattern), "# two_theta (deg)  intensity  sigma"]
    return write_text(Path(path), "\n".join([*header, *_rows(pattern, " ")]) + "\n")


def write_csv(path: str | Path, pattern: Pattern) -> Path:
    """Write a pattern as comma-separated columns headed ``two_theta,intensity,sigma``.

    Lost is what `write_xye` loses.

    Raises
    ------
    CannotWrite
        Where the file cannot be written.
    """
    header = [*_header(pattern), "two_theta,intensity,sigma"]
    return write_text(Path(path), "\n".join([*header, *_rows(pattern, ",")]) + "\n")


def write_pdcif(path: str | Path, pattern: Pattern) -> Path:
    """Write a pattern as powder CIF: one block, one loop of points, one of wavelengths.

    σ goes into ``_pd_proc_ls_weight`` as 1/σ². Lost are provenance and polarization.

    Raises
    ------
    CannotWrite
        Where the file cannot be written.
    """
    block = "".join(c if c.isascii() and c.isalnum() else "_" for c in pattern.name) or "pattern"
    lines = [
        *_header(pattern)[:2],
        f"data_{block}",
        "loop_",
        "_diffrn_radiation_wavelength_id",
        "_diffrn_radiation_wavelength",
        "_diffrn_radiation_wavelength_wt",
    ]
    radiation = pattern.wavelength
    for number, (wave, weight) in enumerate(
        zip(radiation.wavelengths, radiation.weights, strict=True), start=1
    ):
        lines.append(f"{number} {wave!r} {weight!r}")
    lines += ["loop_", "_pd_meas_2theta_scan", "_pd_proc_intensity_total", "_pd_proc_ls_weight"]
    columns = (pattern.two_theta, pattern.intensity, pattern.sigma**-2.0)
    lines += [
        f"{t:.6f} {i!r} {w!r}" for t, i, w in zip(*(c.tolist() for c in columns), strict=True)
    ]
    return write_text(Path(path), "\n".join(lines) + "\n")


def _header(pattern: Pattern) -> list[str]:
    said = "SIMULATED data, computed from a model; not a measurement"
    return [
        f"# {said if pattern.simulated else 'powder pattern'}",
        f"# written by xorder {__version__}",
        f"# sample: {' '.join(pattern.name.split())}",
        f"# wavelength: {pattern.wavelength.wavelength!r}",
    ]


def _rows(pattern: Pattern, separator: str) -> list[str]:
    columns = (pattern.two_theta, pattern.intensity, pattern.sigma)
    return [
        f"{t:.6f}{separator}{i!r}{separator}{s!r}"
        for t, i, s in zip(*(c.tolist() for c in columns), strict=True)
    ]
