"""Scan files of beamlines that name their columns in a way of their own."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from xorder.errors import UnreadableFile
from xorder.xas.readers.channels import Table
from xorder.xas.readers.column_guesses import CONFIDENT, guess_columns
from xorder.xas.readers.detectors import ElementColumns, element_columns
from xorder.xas.readers.labels import roles_of_labels, units_of_labels
from xorder.xas.readers.text import TextTable, table_from_lines
from xorder.xas.spectrum import FEWEST_POINTS, note

__all__ = [
    "scans_of_table",
    "table_of_columns",
    "table_of_hxma",
    "table_of_photon_factory",
    "table_of_ssrl",
]

#: Cell edges of monochromator crystals in Å at room temperature (International Tables C, 2004).
_LATTICE = {"Si": 5.43102, "Ge": 5.6579, "InSb": 6.4794}


def table_of_columns(text: str, path: Path) -> Table:
    """Return the columns of a text file whose header labels them, or whose numbers tell."""
    found = table_from_lines(text.splitlines(), path)
    return Table(
        values=found.table,
        labels=found.labels,
        units=units_of_labels(found.labels),
        roles=roles_of_labels(found.labels),
        elements=element_columns(found.labels),
        d_spacing=_plane_spacing(found.header),
        path=path,
        fields={"name": path.stem, "messages": found.messages, **_element_and_edge(found)},
    )


def with_guesses(table: Table) -> Table:
    """Return the table with roles that its numbers tell where its labels do not; each is said."""
    guesses = guess_columns(table.values, table.labels, table.roles)
    by_numbers = [g for g in guesses if g.role and g.column - 1 not in table.roles.values()]
    if not by_numbers:
        return table
    sure = [guess for guess in by_numbers if guess.confidence >= CONFIDENT]
    roles = {**table.roles, **{guess.role: guess.column - 1 for guess in sure}}
    words = "; ".join(
        f"column {g.column} {g.role} ({g.confidence:.0%}: {g.reason})" for g in by_numbers
    )
    messages = list(table.fields.get("messages", ()))
    if sure and _enough(roles):
        told = "; ".join(
            f"column {g.column} is {g.role} ({g.confidence:.0%}: {g.reason})" for g in sure
        )
        note(
            messages,
            f"{table.path}: roles were told by the numbers, not by labels: {told}; name them with "
            "columns to be sure",
            stacklevel=6,
        )
    return replace(
        table, roles=roles, guesses=words, fields={**table.fields, "messages": tuple(messages)}
    )


def _enough(roles: Mapping[str, int]) -> bool:
    """Return whether the roles make a spectrum; where they do not, the error names the guesses."""
    pairs = ({"mu"}, {"mufluor"}, {"i0", "itrans"}, {"i0", "ifluor"}, {"i0", "iey"})
    return bool({"energy", "angle"} & roles.keys()) and any(p <= roles.keys() for p in pairs)


def scans_of_table(table: Table) -> tuple[Table, ...]:
    """Return the scans that follow each other in one table, where the energy starts anew."""
    column = table.roles.get("energy", table.roles.get("angle"))
    if column is None:
        return (table,)
    energy = table.values[:, column]
    if not np.all(np.isfinite(energy)) or energy.size < 2 * FEWEST_POINTS:
        return (table,)
    steps = np.diff(energy)
    back = -np.sign(np.median(steps)) * steps > 0.5 * np.ptp(energy)
    ends = np.flatnonzero(back) + 1
    pieces = np.split(np.arange(energy.size), ends)
    if len(pieces) < 2:
        return (table,)
    whole = [piece for piece in pieces if piece.size >= FEWEST_POINTS]
    starts = np.array([energy[piece[0]] for piece in whole])
    if np.ptp(starts) > 0.1 * np.ptp(energy):
        # Parts of one scan out of order are no repeats.
        return (table,)
    messages = list(table.fields.get("messages", ()))
    for number, piece in enumerate(pieces, start=1):
        if piece.size < FEWEST_POINTS:
            note(messages, f"{table.path}: scan {number} has {piece.size} points and was left out")
    name = str(table.fields.get("name", ""))
    return tuple(
        replace(
            table,
            values=table.values[piece],
            fields={**table.fields, "name": f"{name} scan {i}", "messages": tuple(messages)},
        )
        for i, piece in enumerate(whole, start=1)
    )


def is_ssrl(text: str) -> bool:
    """Return whether the text is a scan of SSRL's EXAFS Data Collector."""
    return bool(re.match(r"^\s*SSRL\s+-?\s*EXAFS Data Collector", text))


def table_of_ssrl(text: str, path: Path) -> Table:
    """Return the columns of an SSRL scan: labels one a line after ``Data:``.

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
    start = marks[0] + 1 + len(labels)
    found = table_from_lines([""] * start + lines[start:], path)
    if found.table.shape[1] != len(labels):
        raise UnreadableFile(
            f"the header names {len(labels)} columns, the table has {found.table.shape[1]}",
            source=path,
        )
    title = next((line.strip() for line in lines[7:8]), "")
    roles = roles_of_labels(labels)
    if "energy" not in roles and "Requested Energy" in labels:
        roles["energy"] = labels.index("Requested Energy")
    return Table(
        values=found.table,
        labels=tuple(labels),
        roles=roles,
        elements=element_columns(labels),
        path=path,
        fields={"name": title or path.stem, "messages": found.messages},
    )


def is_photon_factory(text: str) -> bool:
    """Return whether the text is a 9809 scan of the Photon Factory or SPring-8."""
    return bool(re.match(r"^\s*9809\s", text))


def table_of_photon_factory(text: str, path: Path) -> Table:
    """Return the columns of a 9809 scan: observed angle to energy, dark counts subtracted.

    The line ``Mode`` says what each counter is (1 the incident beam, 2 transmission, 3
    fluorescence; several of 3 are a detector's elements), ``Offset`` its dark counts a second,
    ``D=`` the plane spacing.
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
    roles, elements = {"angle": 1}, []
    for index, kind in enumerate(kinds[2:], start=first):
        role = {1: "i0", 2: "itrans", 3: "ifluor"}.get(int(kind))
        if role == "itrans" and role in roles:
            # A second transmission chamber stands behind the reference.
            roles.setdefault("iref", index)
        elif role:
            roles.setdefault(role, index)
            elements += [index] if role == "ifluor" else []
    if len(elements) > 1:
        del roles["ifluor"]
    name = lines[1].split()[0] if len(lines) > 1 and lines[1].split() else path.stem
    return Table(
        values=values,
        labels=tuple(labels),
        roles=roles,
        elements=ElementColumns(counts=tuple(elements), time=2) if len(elements) > 1 else None,
        d_spacing=float(spacing[1]),
        path=path,
        fields={"name": name, "messages": found.messages},
    )


def is_hxma(text: str) -> bool:
    """Return whether the text is a scan of the Canadian Light Source's acquisition."""
    return text.lstrip().startswith("# CLS Data Acquisition")


def table_of_hxma(text: str, path: Path) -> Table:
    """Return the columns of a CLS HXMA scan; its numbers say which detector is which.

    The first column is an event number; the energy is the achieved one. Detectors carry numbers,
    not meanings: those that step at the edge and the one that does not are told apart, else
    `columns` must name them.
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
    known = ("EnergyAchieved", "EnergyFeedback", "AbsEnergyName")
    energy = next((labels.index(name) for name in known if name in labels), None)
    return Table(
        values=found.table,
        labels=tuple(labels),
        roles={} if energy is None else {"energy": energy},
        path=path,
        fields={"name": path.stem, "messages": found.messages},
    )


def _numbers_after(word: str, header: Sequence[str]) -> list[float]:
    for line in header:
        if line.strip().startswith(word + " "):
            try:
                return [float(token) for token in line.split()[1:]]
            except ValueError:
                return []
    return []


def _plane_spacing(header: Sequence[str]) -> float:
    """Return the plane spacing in Å that a header states, or that of the crystal it names."""
    text = "\n".join(header)
    stated = re.search(r"(?:d[_ -]?spacing|\b2?d)\s*[:=]\s*([\d.]+)", text, re.IGNORECASE)
    if stated and stated[1].count(".") == 1:
        value = float(stated[1])
        value = value / 2.0 if stated[0].lower().startswith("2d") else value
        if 0.5 < value < 10.0:
            return value
    crystal = re.search(r"\b(Si|Ge|InSb)\s*[\[(<]?\s*(\d)\s?(\d)\s?(\d)\s*[\])>]?", text)
    if not crystal:
        return float("nan")
    h, k, l = (int(crystal[i]) for i in (2, 3, 4))  # noqa: E741
    return _LATTICE[crystal[1]] / math.sqrt(h * h + k * k + l * l)


def _element_and_edge(found: TextTable) -> dict[str, Any]:
    """Return element and edge where header lines say ``Element: As`` and ``Edge: K``."""
    fields: dict[str, Any] = {}
    for line in found.header:
        match = re.match(
            r"^[#\s]*(?:\w+\.)?(element|edge)(?:\.symbol)?\s*[:=]\s*([A-Z][a-z]?\d?)\s*$",
            line,
            re.IGNORECASE,
        )
        if match:
            fields.setdefault(match[1].lower(), match[2])
    return fields
