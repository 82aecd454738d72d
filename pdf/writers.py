"""G(r) to a text file that reads back with the same numbers."""

from __future__ import annotations

import math
from pathlib import Path

from xorder._version import __version__
from xorder.pdf.pattern import PairDistribution
from xorder.store import write_text

__all__ = ["write_gr"]


def write_gr(path: str | Path, pattern: PairDistribution) -> Path:
    """Write a G(r) as text: a header of ``key = value``, then r, G(r) and its standard error.

    Lost are provenance and `metadata`; every number reads back exactly.

    Raises
    ------
    CannotWrite
        Where the file cannot be written.
    """
    path = Path(path)
    header = {
        "version": f"xorder-{__version__}",
        "simulated": "true" if pattern.simulated else "false",
        "radiation": pattern.radiation,
        "composition": pattern.composition,
    }
    for key in ("wavelength", "qmin", "qmax", "qdamp", "qbroad"):
        value = getattr(pattern, {"qmin": "q_min", "qmax": "q_max"}.get(key, key))
        if not math.isnan(value):
            header[key] = repr(float(value))
    lines = [f"# {key} = {value}" for key, value in header.items() if value]
    if pattern.simulated:
        lines.insert(0, "# SIMULATED data, computed from a model; not a measurement")
    lines += ["#### start data", "#S 1"]
    columns = [pattern.r, pattern.gr]
    if pattern.stderr is None:
        lines.append("#L r(A) G(r)")
    else:
        lines.append("#L r(A) G(r) dr dG(r)")
        columns += [pattern.r * 0.0, pattern.stderr]
    lines += [" ".join(repr(float(value)) for value in row) for row in zip(*columns, strict=True)]
    return write_text(path, "\n".join(lines) + "\n")
