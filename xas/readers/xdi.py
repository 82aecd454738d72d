"""XDI, the XAFS Data Interchange format (Ravel & Newville, J. Phys.: Conf. Ser. 712, 012148)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from xorder._version import __version__
from xorder.store import write_text
from xorder.xas.readers.channels import Table
from xorder.xas.readers.detectors import element_columns
from xorder.xas.readers.labels import roles_of_labels
from xorder.xas.readers.text import table_from_lines
from xorder.xas.spectrum import Spectrum

__all__ = ["is_xdi", "table_of_xdi", "write_xdi"]

_FIELD = re.compile(r"^\s*#\s*([A-Za-z][\w-]*)\.([\w-]+)\s*:\s*(.*?)\s*$")


def is_xdi(text: str) -> bool:
    """Return whether the first line says XDI."""
    return bool(re.match(r"^\s*#\s*XDI/", text))


def table_of_xdi(text: str, path: Path) -> Table:
    """Return the columns of an XDI file.

    Raises
    ------
    UnreadableFile
        No table of numbers.
    """
    found = table_from_lines(text.splitlines(), path)
    header = _fields(found.header)
    labels, units = _columns(header, found.table.shape[1], found.labels)
    return Table(
        values=found.table,
        labels=labels,
        units=units,
        roles=roles_of_labels(labels),
        elements=element_columns(labels),
        d_spacing=_number(header.get("mono.d_spacing", "")),
        path=path,
        fields={
            "element": header.get("element.symbol", ""),
            "edge": header.get("element.edge", "").upper(),
            "name": header.get("sample.name", "") or path.stem,
            "simulated": header.get("scan.simulated", "").lower() == "true",
            "metadata": header,
            "messages": found.messages,
        },
    )


def write_xdi(
    spectrum: Spectrum, path: str | Path, *, header: Mapping[str, str] | None = None
) -> Path:
    """Write a spectrum as XDI: energy, μ and its standard error where there is one.

    The format has no place for i0 and the reference channel; they are lost.

    Parameters
    ----------
    spectrum
        The spectrum.
    path
        File to write.
    header
        More lines of the header, each a name such as ``"Xorder.note"`` and its text.

    Raises
    ------
    CannotWrite
        Where the file cannot be written.
    """
    columns = {"energy eV": spectrum.energy, "mutrans": spectrum.mu}
    if spectrum.mode == "fluorescence":
        columns["mufluor"] = columns.pop("mutrans")
    if spectrum.stderr is not None:
        columns["stderr"] = spectrum.stderr
    fields = [f"Column.{i}: {name}" for i, name in enumerate(columns, start=1)]
    fields += [
        f"Element.symbol: {spectrum.element}",
        f"Element.edge: {spectrum.edge}",
        f"Sample.name: {spectrum.name}",
    ]
    if spectrum.simulated:
        fields.append("Scan.simulated: true")
    fields += [f"{name}: {' '.join(text.split())}" for name, text in (header or {}).items()]
    lines = [f"# XDI/1.0 Xorder/{__version__}", *(f"# {field}" for field in fields), "#-----"]
    lines.append("# " + "  ".join(name.split()[0] for name in columns))
    rows = np.stack(list(columns.values()), axis=1)
    lines += ["  ".join(f"{value:.9g}" for value in row) for row in rows]
    return write_text(Path(path), "\n".join(lines) + "\n")


def _fields(header: tuple[str, ...]) -> dict[str, str]:
    """Return ``family.name`` in lower case to its text, up to the user's comments."""
    fields = {}
    for line in header:
        if line.lstrip("# \t").startswith("///"):
            break
        match = _FIELD.match(line)
        if match:
            fields[f"{match[1]}.{match[2]}".lower()] = match[3]
    return fields


def _columns(
    header: dict[str, str], width: int, fallback: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    labels, units = [], []
    for index in range(1, width + 1):
        words = header.get(f"column.{index}", "").split(None, 1)
        labels.append(words[0] if words else "")
        units.append(words[1] if len(words) > 1 else "")
    return (tuple(labels) if any(labels) else fallback), tuple(units)


def _number(text: str) -> float:
    match = re.match(r"[-+]?[\d.]+(?:[eE][-+]?\d+)?", text)
    return float(match[0]) if match else float("nan")
