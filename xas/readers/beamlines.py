"""Scan files of beamlines that name their columns in a way of their own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from xorder.errors import UnreadableFile
from xorder.xas.readers.channels import Columns, Table, roles_of_labels, spectrum_from_columns
from xorder.xas.readers.text import TextTable, table_from_lines
from xorder.xas.spectrum import Spectrum

__all__ = ["read_columns", "read_hxma", "read_photon_factory", "read_ssrl"]


def read_columns(
    text: str,
    path: Path,
    *,
    columns: Columns | None = None,
    mode: str | None = None,
    sort: bool = False,
) -> Spectrum:
    """Return the spectrum of a text file whose header labels its columns."""
    found = table_from_lines(text.splitlines(), path)
    table = Table(
        values=found.table, labels=found.labels, roles=roles_of_labels(found.labels), path=path
    )
    return spectrum_from_columns(
        table,
        columns=columns,
        mode=mode,
        sort=sort,
        name=path.stem,
        messages=found.messages,
        **_element_and_edge(found),
    )


def is_ssrl(text: str) -> bool:
    """Return whether the text is a scan of SSRL's EXAFS Data Collector."""
    return bool(re.match(r"^SSRL\s+EXAFS Data Collector", text))


def read_ssrl(
    text: str,
    path: Path,
    *,
    columns: Columns | None = None,
    mode: str | None = None,
    sort: bool = False,
) -> Spectrum:
    """Return the spectrum of an SSRL scan: labels one a line after ``Data:``.

    The first column is a clock; the energy is ``Achieved Energy``. Offsets are already subtracted.
    """
    lines = text.splitlines()
    marks = [i for i, line in enumerate(lines) if line.strip().lower() == "data:"]
    if not marks:
        raise UnreadableFile(
            "the line `Data:` is missing", expected="an SSRL text scan", source=path
        )
    labels = []
    for line in lines[marks[0] + 1 :]:
        if not line.strip():
            break
        labels.append(line.strip())
    found = table_from_lines(lines[marks[0] + 1 + len(labels) :], path)
    if found.table.shape[1] != len(labels):
        raise UnreadableFile(
            f"the header names {len(labels)} columns, the table has {found.table.shape[1]}",
            source=path,
        )
    title = next((line.strip() for line in lines[7:8]), "")
    table = Table(
        values=found.table, labels=tuple(labels), roles=roles_of_labels(labels), path=path
    )
    return spectrum_from_columns(
        table,
        columns=columns,
        mode=mode,
        sort=sort,
        name=title or path.stem,
        messages=found.messages,
    )


def is_photon_factory(text: str) -> bool:
    """Return whether the text is a 9809 scan of the Photon Factory or SPring-8."""
    return bool(re.match(r"^\s*9809\s", text))


def read_photon_factory(
    text: str,
    path: Path,
    *,
    columns: Columns | None = None,
    mode: str | None = None,
    sort: bool = False,
) -> Spectrum:
    """Return the spectrum of a 9809 scan: observed angle to energy, dark counts subtracted.

    The line ``Mode`` says what each counter is (1 the incident beam, 2 transmission, 3
    fluorescence), ``Offset`` its dark counts a second, ``D=`` the plane spacing.
    """
    lines = text.splitlines()
    start = next((i for i, line in enumerate(lines) if line.split()[:1] == ["Offset"]), 0) + 1
    # The header has a table of its own, that of the scan's blocks.
    found = table_from_lines([""] * start + lines[start:], path)
    spacing = re.search(r"D=\s*([\d.]+)\s*A", text)
    kinds = _numbers_after("Mode", lines[:start])
    offsets = _numbers_after("Offset", lines[:start])
    values, width = found.table.copy(), found.table.shape[1]
    first = width - (len(kinds) - 2)
    labels = ["Angle(c)", "Angle(o)", "time/s"][:first] + [f"mode {k:g}" for k in kinds[2:]]
    if spacing is None or len(labels) != width or first != 3:
        raise UnreadableFile(
            "the 9809 header lacks its plane spacing or does not name all columns",
            expected="lines `Mono : … D= … A`, `Mode …` and `Offset …`",
            source=path,
        )
    if len(offsets) == len(kinds):
        values[:, first:] -= np.outer(values[:, 2], offsets[2:])
    roles = {"angle": 1}
    for index, kind in enumerate(kinds[2:], start=first):
        role = {1: "i0", 2: "itrans", 3: "ifluor"}.get(int(kind))
        if role:
            roles.setdefault(role, index)
    table = Table(
        values=values, labels=tuple(labels), roles=roles, d_spacing=float(spacing[1]), path=path
    )
    name = lines[1].split()[0] if len(lines) > 1 and lines[1].split() else path.stem
    return spectrum_from_columns(
        table, columns=columns, mode=mode, sort=sort, name=name, messages=found.messages
    )


def is_hxma(text: str) -> bool:
    """Return whether the text is a scan of the Canadian Light Source's acquisition."""
    return text.startswith("# CLS Data Acquisition")


def read_hxma(
    text: str,
    path: Path,
    *,
    columns: Columns | None = None,
    mode: str | None = None,
    sort: bool = False,
) -> Spectrum:
    """Return the spectrum of a CLS HXMA scan; the user says which detector is which.

    The first column is an event number; the energy is the achieved one. Detectors carry numbers,
    not meanings, so `columns` must name them.
    """
    found = table_from_lines(text.splitlines(), path)
    rows = [line for line in found.header if line.startswith("#(1)")]
    names = [re.findall(r'"([^"]*)"', line) for line in rows]
    labels = names[-1] if names else []
    if len(labels) != found.table.shape[1]:
        raise UnreadableFile(
            f"the header names {len(labels)} columns, the table has {found.table.shape[1]}",
            source=path,
        )
    labels = [re.sub(r"^\$\((.*)\)$", r"\1", label) for label in labels]
    roles = {"energy": labels.index("EnergyAchieved")} if "EnergyAchieved" in labels else {}
    table = Table(values=found.table, labels=tuple(labels), roles=roles, path=path)
    return spectrum_from_columns(
        table, columns=columns, mode=mode, sort=sort, name=path.stem, messages=found.messages
    )


def _numbers_after(word: str, header: Sequence[str]) -> list[float]:
    for line in header:
        if line.strip().startswith(word + " "):
            try:
                return [float(token) for token in line.split()[1:]]
            except ValueError:
                return []
    return []


def _element_and_edge(found: TextTable) -> dict[str, str]:
    """Return element and edge where header lines say ``Element: As`` and ``Edge: K``."""
    fields: dict[str, str] = {}
    for line in found.header:
        match = re.match(
            r"^[#\s]*(?:\w+\.)?(element|edge)\s*[:=]\s*([A-Z][a-z]?\d?)\s*$", line, re.IGNORECASE
        )
        if match:
            fields.setdefault(match[1].lower(), match[2])
    return fields
