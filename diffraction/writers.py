"""Patterns to text files that read back with the same numbers."""

from __future__ import annotations

from pathlib import Path

from xorder._version import __version__
from xorder.diffraction.pattern import Pattern
from xorder.store import write_text

__all__ = ["write_xye"]


def write_xye(path: str | Path, pattern: Pattern) -> Path:
    """Write a pattern as xye: two_theta in degrees, intensity and its standard error.

    Lost are provenance, the notes and all lines of the radiation but its name and the first.

    Raises
    ------
    CannotWrite
        Where the file cannot be written.
    """
    said = "SIMULATED data, computed from a model; not a measurement"
    header = [
        f"# {said if pattern.simulated else 'powder pattern'}",
        f"# written by xorder {__version__}",
        f"# sample: {pattern.name}",
        f"# wavelength: {pattern.wavelength.wavelength!r}",
        "# two_theta (deg)  intensity  sigma",
    ]
    columns = (pattern.two_theta, pattern.intensity, pattern.sigma)
    rows = [f"{t:.6f} {i!r} {s!r}" for t, i, s in zip(*(c.tolist() for c in columns), strict=True)]
    return write_text(Path(path), "\n".join([*header, *rows]) + "\n")
