"""Fluorescence of a thick sample, damped by its own absorption, brought back."""

from __future__ import annotations

import functools
import importlib.util
import json
import math
import re
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np

from xorder.errors import BadInput
from xorder.results import recorded
from xorder.scattering import atomic_mass
from xorder.xas.edge_overlaps import elements_in
from xorder.xas.normalization import Normalized
from xorder.xas.photoelectron import edge as tabulated_edge
from xorder.xas.spectrum import Spectrum, note

__all__ = ["correct_self_absorption"]


@recorded
def correct_self_absorption(
    normalized: Normalized,
    *,
    composition: str,
    angle_in: float = 45.0,
    angle_out: float = 45.0,
) -> Spectrum:
    r"""Return the normalized spectrum of an infinitely thick sample without self-absorption.

    .. math:: \mu = \frac{\alpha\,m}{1 + \alpha - m}, \quad
        \alpha = \frac{\mu_b(E_0) + g\,\mu_t(E_f)}{\Delta\mu(E_0)}, \quad
        g = \frac{\sin\theta_{in}}{\sin\theta_{out}}

    Haskel's FLUO (1999): m the normalized fluorescence, the rest from tabulated cross sections
    (Elam, Ravel & Sieber 2002) of the composition. It holds where the beam is wholly absorbed.

    Parameters
    ----------
    normalized
        A normalized fluorescence spectrum.
    composition
        Formula of all that the beam passes, matrix included.
    angle_in, angle_out
        Angles of beam and detector to the surface in degrees.

    Raises
    ------
    BadInput
        An unknown edge, a formula without the element, or angles outside 0 to 90°.
    """
    for name, angle in (("angle_in", angle_in), ("angle_out", angle_out)):
        if not 0 < angle <= 90:
            raise BadInput(f"{name} is {angle:g}°", expected="above 0 and at most 90°")
    element, edge = normalized.element, normalized.edge
    if not (element and edge):
        raise BadInput("the spectrum's element and edge are not known", expected="both")
    if element not in elements_in(composition):
        raise BadInput(f"composition is {composition!r}, without {element}")
    known = tabulated_edge(element, edge)
    below, above = (_absorption(composition, known.energy + step) for step in (-15.0, 15.0))
    line = _absorption(composition, _emission(element, edge))
    ratio = math.sin(math.radians(angle_in)) / math.sin(math.radians(angle_out))
    alpha = (below + ratio * line) / (above - below)
    if np.max(normalized.flat) >= 1.0 + alpha:
        raise BadInput(
            f"the spectrum reaches {np.max(normalized.flat):.2f}, more than a thick sample of "
            f"{composition} can give ({1 + alpha:.2f})",
            expected="the composition with its matrix, a thick sample and its angles",
        )
    measured = normalized.flat
    scale = alpha / (1.0 + alpha - measured)
    messages = list(normalized.messages)
    note(
        messages,
        f"self-absorption of thick {composition} was corrected with α = {alpha:.2f}: oscillations "
        f"grow by {100 / alpha:.0f} %",
    )
    stderr = None
    if normalized.stderr is not None:
        stderr = normalized.stderr * scale**2 * (1.0 + alpha) / alpha
    return Spectrum(
        energy=normalized.energy,
        mu=measured * scale,
        stderr=stderr,
        element=element,
        edge=edge,
        name=normalized.name,
        mode="fluorescence",
        simulated=normalized.simulated,
        messages=tuple(messages),
    )


def _absorption(composition: str, energy: float) -> float:
    """Return the photoabsorption of a formula unit, up to a factor common to all formulas."""
    return sum(
        count * atomic_mass(element) * _photoabsorption(element, energy)
        for element, count in _counts(composition).items()
    )


def _photoabsorption(element: str, energy: float) -> float:
    """Return the photoabsorption in cm²/g (Elam, Ravel & Sieber 2002)."""
    row = _row(
        "SELECT log_energy, log_photoabsorption FROM photoabsorption WHERE element = ?", (element,)
    )
    if row is None:
        raise BadInput(f"no absorption of {element} is tabulated")
    energies, values = (json.loads(text) for text in row)
    return math.exp(float(np.interp(math.log(energy), energies, values)))


def _counts(composition: str) -> dict[str, float]:
    """Return how many atoms of each element a formula names; brackets multiply."""
    elements_in(composition)
    stack: list[dict[str, float]] = [{}]
    for symbol, number, bracket in re.findall(r"([A-Z][a-z]?|\)|\])([0-9.]*)|([(\[])", composition):
        if bracket:
            stack.append({})
            continue
        times = float(number or 1)
        if symbol in ")]":
            inner = stack.pop() if len(stack) > 1 else {}
            for element, count in inner.items():
                stack[-1][element] = stack[-1].get(element, 0.0) + times * count
        else:
            stack[-1][symbol] = stack[-1].get(symbol, 0.0) + times
    total: dict[str, float] = {}
    for part in stack:
        for element, count in part.items():
            total[element] = total.get(element, 0.0) + count
    return total


def _emission(element: str, edge: str) -> float:
    """Return the energy of the edge's strongest fluorescence line in eV."""
    row = _row(
        "SELECT emission_energy FROM xray_transitions WHERE element = ? AND initial_level = ? "
        "ORDER BY intensity DESC LIMIT 1",
        (element, edge),
    )
    if row is None:
        raise BadInput(f"no fluorescence line of {element} {edge} is known")
    return float(row[0])


@functools.lru_cache(maxsize=256)
def _row(query: str, values: tuple[str, ...]) -> Any:
    # The table is read from xraydb's file: importing xraydb costs the import of sqlalchemy.
    spec = importlib.util.find_spec("xraydb")
    if spec is None or spec.origin is None:
        raise BadInput("the package xraydb with the tables of elements is not installed")
    uri = (Path(spec.origin).parent / "xraydb.sqlite").as_uri() + "?mode=ro"
    connection = sqlite3.connect(uri, uri=True)
    try:
        return connection.execute(query, values).fetchone()
    finally:
        connection.close()
