"""How the weight of each pair of elements changes with Q: form factors in G(r), exactly.

X-rays weigh a pair by f_a(Q) f_b(Q) / ⟨f(Q)⟩², which is not Z_a Z_b / ⟨Z⟩²: pairs of the heavier
element gain weight with Q. G(r) of constant weights therefore misses shape and scale of every pair;
phase fractions come out wrong by several per cent. Here each pair's own weight is carried through
the transform (as Neder & Proffen, J. Appl. Cryst. 53, 710 (2020), do in reciprocal space).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from xorder.errors import BadInput
from xorder.results import Array
from xorder.scattering import atomic_number, form_factor

__all__ = ["FormWeights", "elements_of_formula"]


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class FormWeights:
    """Weights of pairs of elements relative to constant ones."""

    elements: tuple[str, ...]
    """Elements of the phase, in the order of its classes."""
    sample: Mapping[str, float]
    """Amounts of the elements in the whole sample, which make ⟨f⟩."""

    def __call__(self, q: Array) -> Array:
        """Return (f_a f_b / Z_a Z_b) (⟨Z⟩² / ⟨f⟩²) of every pair of elements.

        Parameters
        ----------
        q
            Q in Å⁻¹, shape (Q,).

        Returns
        -------
        :
            Shape (Q, classes); classes are (0, 0), (0, 1) … (1, 1) …
        """
        total = sum(self.sample.values())
        mean = np.zeros_like(q)
        constant = 0.0
        for element, amount in self.sample.items():
            share = amount / total * atomic_number(element)
            mean += share * _relative(element, q)
            constant += share
        single = [_relative(element, q) for element in self.elements]
        count = len(single)
        columns = [single[a] * single[b] for a in range(count) for b in range(a, count)]
        return np.asarray(np.stack(columns, axis=1) * (constant / mean)[:, None] ** 2)


def elements_of_formula(formula: str) -> dict[str, float] | None:
    """Return the amounts of a plain formula such as ``"NaTaCl6"``; None where it is not one."""
    compact = formula.replace(" ", "")
    parts = re.findall(r"([A-Z][a-z]?)(\d*\.?\d*(?:e[-+]?\d+)?)", compact)
    if not parts or "".join(a + b for a, b in parts) != compact:
        return None
    amounts: dict[str, float] = {}
    for element, amount in parts:
        try:
            atomic_number(element)
        except BadInput:
            return None
        amounts[element] = amounts.get(element, 0.0) + float(amount or 1.0)
    return amounts if sum(amounts.values()) > 0 else None


def _relative(element: str, q: Array) -> Array:
    """Return f0(Q) / f0(0)."""
    s = np.append(np.asarray(q, dtype=float), 0.0) / (4.0 * math.pi)
    values = np.asarray(form_factor(element, s))
    return np.asarray(values[:-1] / values[-1])
