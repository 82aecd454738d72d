"""Photoelectron wavenumber and energy, absorption edges and core-hole widths."""

from __future__ import annotations

import functools
import math
import re
from typing import NamedTuple

import numpy as np

from xorder.element_tables import query
from xorder.errors import BadInput
from xorder.results import Array

__all__ = [
    "HBAR2_OVER_2M",
    "Edge",
    "all_edges",
    "edge",
    "energy_from_k",
    "k_from_energy",
    "later_edges",
]

#: ħ²/2m of the electron in eV Å² (CODATA 2018).
HBAR2_OVER_2M = 3.8099821161548593

_EDGE = re.compile(r"^[KLMNO][1-7]?$")


class Edge(NamedTuple):
    """An absorption edge."""

    element: str
    """Chemical symbol."""
    name: str
    """``"K"``, ``"L3"``, …"""
    energy: float
    """Tabulated energy in eV (Elam, Ravel & Sieber 2002)."""
    width: float
    """Core-hole width (full width at half maximum) in eV (Keski-Rahkonen & Krause 1974)."""


def k_from_energy(energy: Array, *, e0: float) -> Array:
    r"""Return the photoelectron wavenumber :math:`k = \sqrt{2m(E-E_0)}/\hbar` in Å⁻¹.

    Parameters
    ----------
    energy
        Photon energy in eV.
    e0
        Threshold energy in eV. Below it the result is negative, ``-sqrt(e0 - energy)`` scaled.
    """
    above = np.asarray(energy, dtype=float) - e0
    return np.sign(above) * np.sqrt(np.abs(above) / HBAR2_OVER_2M)


def energy_from_k(k: Array, *, e0: float) -> Array:
    """Return the photon energy in eV of photoelectrons of wavenumber `k` in Å⁻¹."""
    k = np.asarray(k, dtype=float)
    return e0 + np.sign(k) * HBAR2_OVER_2M * k**2


def edge(element: str, name: str) -> Edge:
    """Return a tabulated absorption edge.

    Raises
    ------
    BadInput
        Where the element or its edge is not in the table.
    """
    edges = _edges(element)
    if name not in edges:
        known = ", ".join(edges) or "a chemical symbol such as Ta"
        raise BadInput(f"element {element!r} has no edge {name!r} in the table", expected=known)
    return edges[name]


def all_edges(element: str) -> tuple[Edge, ...]:
    """Return all tabulated edges of an element."""
    return tuple(_edges(element).values())


def later_edges(element: str, name: str) -> tuple[Edge, ...]:
    """Return the element's own edges above the given one, nearest first."""
    here = edge(element, name).energy
    above = [other for other in _edges(element).values() if other.energy > here]
    return tuple(sorted(above, key=lambda other: other.energy))


@functools.cache
def _edges(element: str) -> dict[str, Edge]:
    levels = query(
        "select iupac_symbol, absorption_edge from xray_levels where element = ?", element
    )
    widths = dict(query("select edge, width from corelevel_widths where element = ?", element))
    return {
        name: Edge(element, name, float(energy), float(widths.get(name) or math.nan))
        for name, energy in levels
        if _EDGE.match(name)
    }
