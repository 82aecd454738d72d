"""Columns to channels: which column is the energy, which the signals, and how they make μ(E)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xorder.errors import BadInput, UnreadableFile
from xorder.results import Array
from xorder.scattering import HC
from xorder.xas.spectrum import Spectrum, note, spectrum_from_arrays

__all__ = ["MODES", "ROLES", "Columns", "parse_columns", "role_of_label", "spectrum_from_columns"]

#: What a column can be. Angles become energies by the monochromator's plane spacing.
ROLES = ("energy", "angle", "mu", "i0", "itrans", "ifluor", "iref", "mu_ref", "mufluor", "stderr")
MODES = ("transmission", "fluorescence", "reference")

Columns = Mapping[str, "int | str | Sequence[int | str]"]

_LABELS: tuple[tuple[str, str], ...] = (
    (
        "energy",
        r"energy|e|ebraggenergy|mono[ _]?energy|achieved energy|energy ?\(?ev\)?|bragg_energy"
        r"|energy_enc",
    ),
    ("angle", r"angle|angle\(o\)|theta|bragg"),
    ("mu", r"mu|xmu|mutrans|mu_trans|mu\(e\)|norm|normalized|xanes"),
    ("mufluor", r"mufluor|mu_fluor"),
    ("mu_ref", r"mu_?ref|murefer|xmuref"),
    ("i0", r"i0|io|i_0|i0_\w+|inorm"),
    ("itrans", r"itrans|it|i1|i1_\w+|itransmission"),
    ("ifluor", r"ifluor|if|iff|ifl|ifluorescence|fluor|fluorescence"),
    ("iref", r"irefer|iref|ir|i2|ir_\w+"),
    ("stderr", r"stderr|mu_err|sigma|stddev"),
)


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
    d_spacing: float = float("nan")
    """Plane spacing of the monochromator in Å."""
    path: Path


def role_of_label(label: str) -> str:
    """Return the role that a column's label names, or an empty string."""
    bare = label.strip().lower().rstrip("*").strip()
    for role, pattern in _LABELS:
        if re.fullmatch(pattern, bare):
            return role
    return ""


def roles_of_labels(labels: Sequence[str]) -> dict[str, int]:
    """Return the first column of each role that the labels name."""
    roles: dict[str, int] = {}
    for index, label in enumerate(labels):
        role = role_of_label(label)
        if role:
            roles.setdefault(role, index)
    return roles


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
    chosen = _chosen(table, columns)
    energy = _energy(table, chosen)
    messages = list(fields.pop("messages", ()))
    signal, used_mode = _signal(table, chosen, mode, messages)
    reference = None
    if used_mode != "reference":
        reference = _reference(table, chosen)
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
    if not table.labels:
        return f"{table.values.shape[1]} columns without labels"
    names = ", ".join(f"{i} {label!r}" for i, label in enumerate(table.labels, start=1))
    return f"columns {names}"


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
        names = [wanted] if isinstance(wanted, (int, str)) else list(wanted)
        chosen[role] = np.sum([_column(table, role, name) for name in names], axis=0)
    if "energy" not in chosen and "angle" not in chosen:
        for role in ("energy", "angle"):
            if role in table.roles:
                chosen[role] = table.values[:, table.roles[role]]
    return chosen


def _column(table: Table, role: str, name: int | str) -> Array:
    if isinstance(name, str):
        if name not in table.labels:
            raise BadInput(
                f"columns asks for {name!r} as {role}; the file has {describe(table)}",
                source=table.path,
            )
        return table.values[:, table.labels.index(name)]
    if not 1 <= name <= table.values.shape[1]:
        raise BadInput(
            f"columns asks for column {name} as {role}; the file has {describe(table)}",
            expected=f"a number from 1 to {table.values.shape[1]}",
            source=table.path,
        )
    return table.values[:, name - 1]


def _energy(table: Table, chosen: Mapping[str, Array]) -> Array:
    if "energy" in chosen:
        index = table.roles.get("energy", -1)
        unit = table.units[index] if 0 <= index < len(table.units) else ""
        return chosen["energy"] * 1000.0 if unit.lower() == "kev" else chosen["energy"]
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


def _signal(
    table: Table, chosen: Mapping[str, Array], mode: str | None, messages: list[str]
) -> tuple[Array, str]:
    ways = {
        "transmission": "mu" in chosen or {"i0", "itrans"} <= chosen.keys(),
        "fluorescence": "mufluor" in chosen or {"i0", "ifluor"} <= chosen.keys(),
        "reference": "mu_ref" in chosen or {"itrans", "iref"} <= chosen.keys(),
    }
    if mode is None:
        mode = next((way for way in MODES[:2] if ways[way]), None)
        if mode == "transmission" and ways["fluorescence"]:
            note(
                messages,
                f"{table.path}: the file has a transmission and a fluorescence signal; "
                "transmission was taken (choose with mode)",
                stacklevel=5,
            )
    if mode is None or not ways[mode]:
        index = table.roles.get("energy")
        energy = "" if index is None else f"; the energy is column {index + 1}"
        raise UnreadableFile(
            f"no {mode or 'absorption'} signal can be told from {describe(table)}{energy}",
            expected="columns={'i0': N, 'itrans': M} (or ifluor, or mu) with your column numbers",
            source=table.path,
        )
    if mode == "transmission":
        if "mu" in chosen:
            label = table.labels[table.roles["mu"]].lower() if "mu" in table.roles else ""
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
    return chosen["ifluor"] / chosen["i0"], mode


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
