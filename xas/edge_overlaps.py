"""Edges of a sample's elements that lie under or above the edge that is measured."""

from __future__ import annotations

import functools
import re

from xorder.errors import BadInput
from xorder.scattering import is_element
from xorder.xas.photoelectron import Edge, all_edges, edge

__all__ = ["edges_above", "edges_below", "elements_in", "far"]

#: Edges whose steps show in a hard or tender X-ray spectrum.
VISIBLE = ("K", "L1", "L2", "L3", "M1", "M2", "M3", "M4", "M5")


def elements_in(composition: str) -> tuple[str, ...]:
    """Return the elements of a formula such as ``"Na0.5Ta(Cl5)O0.2"``, each once.

    Raises
    ------
    BadInput
        A text that is no formula, or a symbol of no element.
    """
    if composition and not re.fullmatch(r"[A-Za-z0-9.()\[\]·∙\s+\-−]+", composition):
        raise BadInput(f"composition is {composition!r}", expected="a formula such as NaTaCl6")
    found = tuple(dict.fromkeys(re.findall(r"[A-Z][a-z]?|[a-z]+", composition)))
    for symbol in found:
        if not is_element(symbol):
            raise BadInput(
                f"composition is {composition!r}; {symbol!r} is no element",
                expected="a formula such as NaTaCl6",
            )
    return found


def edges_above(element: str, name: str, composition: str = "") -> tuple[Edge, ...]:
    """Return the K, L and M edges above the one measured, nearest first.

    Parameters
    ----------
    element, name
        The edge that is measured.
    composition
        Formula of the sample; the element's own edges alone where empty.
    """
    here = edge(element, name).energy
    return tuple(other for other in _edges(element, composition) if other.energy > here)


def edges_below(element: str, name: str, composition: str = "") -> tuple[Edge, ...]:
    """Return the K, L and M edges below the one measured, nearest first; see `edges_above`."""
    here = edge(element, name).energy
    return tuple(other for other in _edges(element, composition)[::-1] if other.energy < here)


def far(other: Edge, element: str, name: str) -> float:
    """Return how far above (below: negative) another edge lies, in eV, by the table."""
    return other.energy - edge(element, name).energy


@functools.lru_cache(maxsize=256)
def _edges(element: str, composition: str) -> tuple[Edge, ...]:
    elements = dict.fromkeys((element, *elements_in(composition)))
    found = [e for symbol in elements for e in all_edges(symbol) if e.name in VISIBLE]
    return tuple(sorted(found, key=lambda e: e.energy))
