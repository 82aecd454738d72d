"""Deposited structures whose files may not be handed on, and what is known to recognise them."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np

from xorder.errors import BadInput, BadStructure
from xorder.structure import Crystal, composition

__all__ = ["KNOWN", "Deposit", "check_expected"]

#: A cell edge may differ by this (Å) from the published one, an angle by ten times it (°).
EDGE_TOLERANCE = 0.005
NAN = math.nan


@dataclass(frozen=True, kw_only=True, slots=True)
class Deposit:
    """What is published of a deposited structure."""

    number: str
    """Deposit number."""
    compound: str
    """Formula, as published."""
    elements: frozenset[str]
    """Elements that the structure holds."""
    optional: frozenset[str] = frozenset()
    """Elements that may be missing from the list of atoms."""
    space_group: str
    """Hermann–Mauguin symbol of the setting."""
    cell: tuple[float, float, float, float, float, float]
    """a, b, c in Å and α, β, γ in degrees; NaN where not published."""
    temperature: float
    """K."""
    citation: str
    """Where these numbers are from."""


KNOWN = {
    deposit.number: deposit
    for deposit in (
        Deposit(
            number="CCDC 2329960",
            compound="Na6[Re4As2S2(CN)12]·0.75CH3OH·6H2O",
            elements=frozenset({"Na", "Re", "As", "S", "C", "N", "O"}),
            optional=frozenset({"H", "D"}),
            space_group="P -1",
            cell=(9.4363, 10.2986, 17.6142, NAN, NAN, NAN),
            temperature=150.0,
            citation="Li et al., Inorg. Chem. Front. 11, 6671 (2024), doi 10.1039/d4qi01151a",
        ),
    )
}


def check_expected(crystal: Crystal, expect: str) -> None:
    """Raise BadStructure with every difference where a structure is not the deposit expected.

    Parameters
    ----------
    crystal
        The structure.
    expect
        Deposit number such as ``"CCDC 2329960"``; the bare number is enough.

    Raises
    ------
    BadInput
        Where nothing is known of that deposit.
    BadStructure
        Where deposit number, space group, cell or elements differ.
    """
    digits = re.sub(r"\D", "", expect)
    known = next((d for n, d in KNOWN.items() if digits and digits == re.sub(r"\D", "", n)), None)
    if known is None:
        raise BadInput(
            f"nothing is known of the deposit {expect!r}", expected=f"one of {', '.join(KNOWN)}"
        )
    differences = [
        *_deposit_difference(crystal, known),
        *_space_group_difference(crystal, known),
        *_cell_differences(crystal, known),
        *_element_difference(crystal, known),
    ]
    if differences:
        what = crystal.formula.replace(" ", "") or crystal.name
        raise BadStructure(
            f"this is {what} in {crystal.space_group}, not {known.compound} ({known.number}): "
            f"{'; '.join(differences)}",
            expected=f"the file of {known.number} as its database gives it ({known.citation})",
            source=crystal.source or None,
        )


def _deposit_difference(crystal: Crystal, known: Deposit) -> list[str]:
    if re.sub(r"\D", "", crystal.deposit) == re.sub(r"\D", "", known.number):
        return []
    return [f"deposit number {'is ' + crystal.deposit if crystal.deposit else 'missing'}"]


def _space_group_difference(crystal: Crystal, known: Deposit) -> list[str]:
    if crystal.space_group == known.space_group:
        return []
    return [f"space group {crystal.space_group} instead of {known.space_group}"]


def _cell_differences(crystal: Crystal, known: Deposit) -> list[str]:
    tolerance = EDGE_TOLERANCE * np.array([1, 1, 1, 10, 10, 10])
    different = np.abs(crystal.cell - np.array(known.cell)) > tolerance  # False for NaN
    names = ("a", "b", "c", "alpha", "beta", "gamma")
    units = ("Å", "Å", "Å", "°", "°", "°")
    return [
        f"{names[i]} = {crystal.cell[i]:.4f} {units[i]} instead of {known.cell[i]:.4f} {units[i]}"
        for i in np.flatnonzero(different)
    ]


def _element_difference(crystal: Crystal, known: Deposit) -> list[str]:
    held = set(composition(crystal))
    missing = sorted(known.elements - held)
    foreign = sorted(held - known.elements - known.optional)
    found = [f"no {', '.join(missing)}"] if missing else []
    return found + ([f"{', '.join(foreign)} does not belong to it"] if foreign else [])
