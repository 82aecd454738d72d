"""Columns to channels: which column is the energy, which the signals, and how they make μ(E)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from xorder.errors import BadInput, UnreadableFile
from xorder.results import Array
from xorder.scattering import HC
from xorder.xas.fluorescence import DetectorElements, sum_elements
from xorder.xas.readers.detectors import ElementColumns
from xorder.xas.spectrum import LOWEST_ENERGY, Spectrum, note, spectrum_from_arrays

__all__ = [
    "MODES",
    "ROLES",
    "Columns",
    "Table",
    "elements_from_columns",
    "parse_columns",
    "spectrum_from_columns",
]

#: What a column can be. Angles become energies by the monochromator's plane spacing.
ROLES = (
    *("energy", "angle", "mu", "i0", "itrans", "ifluor", "iey", "iref", "mu_ref", "mufluor"),
    *("stderr", "time", "icr", "ocr", "dead_time_factor"),
)
MODES = ("transmission", "fluorescence", "electron_yield", "reference")

#: Energies without a unit between this and `LOWEST_ENERGY` are keV.
LOWEST_KEV = 0.5

#: A chamber without light gives ratios of either sign at more than this share of the points.
DARK = 0.05

#: Roles whose columns are one for each element of a detector.
_OF_ELEMENTS = ("ifluor", "icr", "ocr", "dead_time_factor")

Columns = Mapping[str, "int | str | Sequence[int | str]"]


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Table:
    """Columns of one file with their labels and units."""

    values: Array
    """Numbers, shape (rows, columns)."""
    labels: tuple[str, ...]
    """One label a column; empty where the file names none."""
    units: tuple[str, ...] = ()
    """One unit a column, empty strings where unknown."""
    roles: Mapping[str, int]
    """Column index (from 0) of each role that the file's own words give."""
    elements: ElementColumns | None = None
    """Columns of a multi-element detector, or None where there is none."""
    d_spacing: float = float("nan")
    """Plane spacing of the monochromator in Å."""
    path: Path
    guesses: str = ""
    """What the numbers say of columns that labels do not tell, in words."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Other fields of the spectrum that the file gives, such as its element."""


def parse_columns(text: str) -> dict[str, tuple[int | str, ...]]:
    """Return the roles written as ``"energy=1, i0=2, ifluor=8+9+10"``.

    Raises
    ------
    BadInput
        Where the text is not of that form.
    """
    chosen: dict[str, tuple[int | str, ...]] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        role, equals, names = (piece.strip() for piece in part.partition("="))
        if not role or not equals or not names:
            raise BadInput(
                f"columns has {part!r}", expected="pairs such as `energy=1, i0=2, itrans=3`"
            )
        chosen[role] = tuple(
            int(name) if name.strip().isdigit() else name.strip() for name in names.split("+")
        )
    return chosen


def spectrum_from_columns(
    table: Table, *, columns: Columns | None, mode: str | None, sort: bool = False, **fields: Any
) -> Spectrum:
    """Return the spectrum that the columns make.

    Transmission is ln(i0/itrans), fluorescence ifluor/i0, the reference ln(itrans/iref). Where a
    file has both a transmission and a fluorescence signal and `mode` is None, transmission is taken
    and a message says so.

    Raises
    ------
    BadInput
        Where the roles cannot be told, a column does not exist, or an intensity ratio is not
        positive.
    """
    if mode is not None and mode not in MODES:
        raise BadInput(f"mode is {mode!r}", expected=", ".join(MODES))
    fields = {**table.fields, **fields}
    chosen = _chosen(table, columns)
    messages = list(fields.pop("messages", ()))
    energy = _energy(table, chosen, messages)
    used_mode = _mode(table, chosen, mode, columns, messages)
    reference = _reference(table, chosen) if used_mode != "reference" else None
    if used_mode == "fluorescence" and _only_elements(table, chosen, columns):
        fields |= {"messages": messages, "sort": sort, "mu_ref": reference}
        return sum_elements(_elements(table, chosen, energy, None, fields)).spectrum
    signal, used_mode = _signal(table, chosen, used_mode)
    return spectrum_from_arrays(
        energy,
        signal,
        i0=chosen.get("i0"),
        mu_ref=reference,
        stderr=chosen.get("stderr"),
        mode=used_mode,
        sort=sort,
        source=str(table.path),
        messages=messages,
        **fields,
    )


def describe(table: Table) -> str:
    """Return the columns of a table in words."""
    guesses = f" (by its numbers: {table.guesses})" if table.guesses else ""
    if not table.labels:
        return f"{table.values.shape[1]} columns without labels{guesses}"
    names = ", ".join(f"{i} {label!r}" for i, label in enumerate(table.labels, start=1))
    return f"columns {names}{guesses}"


def _chosen(table: Table, columns: Columns | None) -> dict[str, Array]:
    """Return the numbers of each role, the user's choice before the file's words."""
    if not columns:
        return {role: table.values[:, index] for role, index in table.roles.items()}
    unknown = [role for role in columns if role not in ROLES]
    if unknown:
        raise BadInput(
            f"columns names the role {unknown[0]!r}",
            expected=", ".join(ROLES),
            source=table.path,
        )
    chosen = {}
    for role, wanted in columns.items():
        chosen[role] = np.sum(
            [table.values[:, _index(table, role, name)] for name in _names(wanted)], axis=0
        )
    if "energy" not in chosen and "angle" not in chosen:
        for role in ("energy", "angle"):
            if role in table.roles:
                chosen[role] = table.values[:, table.roles[role]]
    return chosen


def _names(wanted: int | str | Sequence[int | str]) -> Sequence[int | str]:
    return [wanted] if isinstance(wanted, (int, str)) else wanted


def _index(table: Table, role: str, name: int | str) -> int:
    """Return the column (from 0) that a label or a number (from 1) means."""
    if isinstance(name, str):
        if name not in table.labels:
            raise BadInput(
                f"columns asks for {name!r} as {role}; the file has {describe(table)}",
                source=table.path,
            )
        return table.labels.index(name)
    if not 1 <= name <= table.values.shape[1]:
        raise BadInput(
            f"columns asks for column {name} as {role}; the file has {describe(table)}",
            expected=f"a number from 1 to {table.values.shape[1]}",
            source=table.path,
        )
    return name - 1


def _energy(table: Table, chosen: Mapping[str, Array], messages: list[str]) -> Array:
    if "energy" in chosen:
        index = table.roles.get("energy", -1)
        unit = table.units[index] if 0 <= index < len(table.units) else ""
        energy = chosen["energy"]
        known = energy[np.isfinite(energy)]
        if not unit and known.size and LOWEST_KEV < known.min() <= known.max() < LOWEST_ENERGY:
            span = f"{known.min():g} to {known.max():g}"
            note(
                messages,
                f"{table.path}: energies from {span} without a unit were taken for keV",
                stacklevel=5,
            )
            unit = "keV"
        return energy * 1000.0 if unit.lower() == "kev" else energy
    if "angle" not in chosen:
        raise UnreadableFile(
            f"no energy can be told from {describe(table)}",
            expected="columns={'energy': 1, 'i0': 2, 'itrans': 3} with your own column numbers",
            source=table.path,
        )
    if not np.isfinite(table.d_spacing) or table.d_spacing <= 0:
        raise UnreadableFile(
            "the file gives monochromator angles but no plane spacing",
            expected="an energy column, or Mono.d_spacing in Å in the header",
            source=table.path,
        )
    sine = np.sin(np.deg2rad(chosen["angle"]))
    if np.any(~(sine > 0)):
        raise UnreadableFile("a monochromator angle is not between 0 and 180°", source=table.path)
    return HC / (2.0 * table.d_spacing * sine)


def elements_from_columns(
    table: Table, *, columns: Columns | None, sort: bool = False, **fields: Any
) -> DetectorElements:
    """Return what each element of a fluorescence detector counted.

    Raises
    ------
    BadInput
        Where the elements, the energy or the incident intensity cannot be told.
    """
    fields = {**table.fields, **fields, "sort": sort}
    chosen = _chosen(table, columns)
    messages = list(fields.pop("messages", ()))
    energy = _energy(table, chosen, messages)
    fields["messages"] = tuple(messages)
    reference = _reference(table, chosen)
    if reference is not None:
        fields["mu_ref"] = reference
    return _elements(table, chosen, energy, columns, fields)


def _elements(
    table: Table,
    chosen: Mapping[str, Array],
    energy: Array,
    columns: Columns | None,
    fields: Mapping[str, Any],
) -> DetectorElements:
    asked = {
        role: list(_names(columns[role])) for role in _OF_ELEMENTS if columns and role in columns
    }
    told = table.elements
    if "ifluor" in asked:
        indices = {role: [_index(table, role, n) for n in names] for role, names in asked.items()}
        corrected = False
    elif told is not None:
        indices = {
            "ifluor": list(told.counts),
            "icr": list(told.icr),
            "ocr": list(told.ocr),
            "dead_time_factor": list(told.factor),
        }
        corrected = told.corrected
    else:
        raise UnreadableFile(
            f"no elements of a detector can be told from {describe(table)}",
            expected="columns={'ifluor': [8, 9, 10], 'icr': […], 'ocr': […], 'i0': N}",
            source=table.path,
        )
    if "i0" not in chosen:
        raise UnreadableFile(
            f"no incident intensity can be told from {describe(table)}",
            expected="columns={'i0': N} with your column number",
            source=table.path,
        )
    time = chosen.get("time")
    if time is None and told is not None and told.time is not None:
        time = table.values[:, told.time]
    taken = {role: table.values[:, found] for role, found in indices.items() if found}
    numbers = tuple(
        table.labels[i] if table.labels else f"column {i + 1}" for i in indices["ifluor"]
    )
    return DetectorElements(
        energy=energy,
        counts=taken["ifluor"],
        i0=chosen["i0"],
        time=time,
        icr=taken.get("icr"),
        ocr=taken.get("ocr"),
        factor=taken.get("dead_time_factor"),
        corrected=corrected,
        labels=numbers,
        fields={"source": str(table.path), **fields},
    )


def _only_elements(table: Table, chosen: Mapping[str, Array], columns: Columns | None) -> bool:
    """Return whether a detector's elements, and no single column, are the fluorescence."""
    alone = not {"mufluor", "ifluor"} & chosen.keys()
    return (
        table.elements is not None and "i0" in chosen and alone and "ifluor" not in (columns or {})
    )


def _mode(
    table: Table,
    chosen: Mapping[str, Array],
    mode: str | None,
    columns: Columns | None,
    messages: list[str],
) -> str:
    ways = {
        "transmission": "mu" in chosen or {"i0", "itrans"} <= chosen.keys(),
        "fluorescence": "mufluor" in chosen
        or {"i0", "ifluor"} <= chosen.keys()
        or _only_elements(table, chosen, columns),
        "electron_yield": {"i0", "iey"} <= chosen.keys(),
        "reference": "mu_ref" in chosen or {"itrans", "iref"} <= chosen.keys(),
    }
    if mode is None:
        possible = [way for way in MODES[:3] if ways[way]]
        if len(possible) > 1 and "mu" not in chosen and _is_dark(chosen):
            possible.remove("transmission")
            note(
                messages,
                f"{table.path}: the transmitted beam was not measured (it has no logarithm)",
                stacklevel=5,
            )
        mode = possible[0] if possible else None
        if mode and len(possible) > 1:
            note(
                messages,
                f"{table.path}: the file has a "
                f"{' and a '.join(possible).replace('_', ' ')} signal; "
                f"{mode.replace('_', ' ')} was taken (choose with mode)",
                stacklevel=5,
            )
    if mode is None or not ways[mode]:
        index = table.roles.get("energy")
        energy = "" if index is None else f"; the energy is column {index + 1}"
        raise UnreadableFile(
            f"no {mode or 'absorption'} signal can be told from {describe(table)}{energy}",
            expected="columns={'i0': N, 'itrans': M} (or ifluor, iey, mu) with your column numbers",
            source=table.path,
        )
    return mode


def _is_dark(chosen: Mapping[str, Array]) -> bool:
    """Return whether the transmission chamber shows dark current for a part of the scan."""
    if not {"i0", "itrans"} <= chosen.keys():
        return False
    with np.errstate(all="ignore"):
        return bool(np.mean(chosen["itrans"] / chosen["i0"] <= 0) > DARK)


def _signal(table: Table, chosen: Mapping[str, Array], mode: str) -> tuple[Array, str]:
    if mode == "transmission":
        if "mu" in chosen:
            named = bool(table.labels) and "mu" in table.roles
            label = table.labels[table.roles["mu"]].lower() if named else ""
            stated = label in ("mutrans", "mu_trans") or _is_transmission(chosen)
            return chosen["mu"], "transmission" if stated else ""
        return np.log(_ratio(table, chosen, "i0", "itrans")), mode
    if mode == "reference":
        if "mu_ref" in chosen:
            return chosen["mu_ref"], mode
        return np.log(_ratio(table, chosen, "itrans", "iref")), mode
    if "mufluor" in chosen:
        return chosen["mufluor"], mode
    if np.any(chosen["i0"] == 0):
        _refuse_ratio(table, chosen["i0"] == 0, "i0 is zero")
    return chosen["iey" if mode == "electron_yield" else "ifluor"] / chosen["i0"], mode


def _is_transmission(chosen: Mapping[str, Array]) -> bool:
    """Return whether μ is what the two chambers say, and not another detector's."""
    if not {"i0", "itrans"} <= chosen.keys():
        return False
    with np.errstate(all="ignore"):
        logarithm = np.log(chosen["i0"] / chosen["itrans"])
    good = np.isfinite(logarithm) & np.isfinite(chosen["mu"])
    if np.count_nonzero(good) < 0.9 * good.size:
        return False
    spread = np.std(logarithm[good]) * np.std(chosen["mu"][good])
    product = (logarithm - np.mean(logarithm[good])) * (chosen["mu"] - np.mean(chosen["mu"][good]))
    return bool(np.mean(product[good]) > 0.99 * spread)


def _reference(table: Table, chosen: Mapping[str, Array]) -> Array | None:
    if "mu_ref" in chosen:
        return chosen["mu_ref"]
    if not {"itrans", "iref"} <= chosen.keys():
        return None
    with np.errstate(all="ignore"):
        ratio = chosen["itrans"] / chosen["iref"]
    # A reference detector that was off is no reason to refuse the sample.
    return np.log(ratio) if np.all(np.isfinite(ratio) & (ratio > 0)) else None


def _ratio(table: Table, chosen: Mapping[str, Array], above: str, below: str) -> Array:
    with np.errstate(all="ignore"):
        ratio = chosen[above] / chosen[below]
    missing = np.isnan(chosen[above]) | np.isnan(chosen[below])
    wrong = ~missing & ~(np.isfinite(ratio) & (ratio > 0))
    if np.any(wrong):
        _refuse_ratio(table, wrong, f"{above}/{below} is not positive")
    return np.asarray(ratio)


def _refuse_ratio(table: Table, wrong: Any, what: str) -> None:
    rows = np.flatnonzero(wrong)
    raise UnreadableFile(
        f"{what} at {rows.size} points, first in row {rows[0] + 1} of the table",
        expected="intensities of one sign, none zero; check the columns and the shutter",
        source=table.path,
    )
