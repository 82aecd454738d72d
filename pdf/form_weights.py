"""How the weight of each pair of elements changes with Q: form factors in G(r), exactly.

X-rays weigh a pair by Re f_a(Q) f_b*(Q) / |⟨f(Q)⟩|², which is not Z_a Z_b / ⟨Z⟩²: pairs of the
heavier element gain weight with Q. G(r) of constant weights therefore misses shape and scale of
every pair; phase fractions come out wrong by several per cent. Here each pair's own weight is
carried through the transform (as Neder & Proffen, J. Appl. Cryst. 53, 710 (2020), do in reciprocal
space). Where the wavelength is known, f = f0 + f' + if'': near an edge that is many electrons.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xorder.errors import BadInput
from xorder.results import Array
from xorder.scattering import atomic_number, dispersion, form_factor

__all__ = ["FormWeights", "anomalous", "elements_near_edge", "elements_of_formula"]

#: Wavelength in Å (150 keV) below which f' and f'' are not tabulated, and small.
SHORTEST = 0.083
#: Distance from an absorption edge, relative, within which tables of free atoms mislead.
NEAR = 0.003


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class FormWeights:
    """Weights of pairs of elements relative to constant ones."""

    elements: tuple[str, ...]
    """Elements of the phase, in the order of its classes."""
    sample: Mapping[str, float]
    """Amounts of the elements in the whole sample, which make ⟨f⟩."""
    wavelength: float = math.nan
    """Wavelength in Å for f' and f''; NaN leaves them out."""

    def __call__(self, q: Array) -> Array:
        """Return (Re f_a f_b* / Z_a Z_b) (⟨Z⟩² / |⟨f⟩|²) of every pair of elements.

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
        mean = np.zeros(q.shape, dtype=complex)
        constant = 0.0
        for element, amount in self.sample.items():
            share = amount / total * atomic_number(element)
            mean += share * _relative(element, q, self.wavelength)
            constant += share
        single = [_relative(element, q, self.wavelength) for element in self.elements]
        count = len(single)
        columns = [
            (single[a] * single[b].conj()).real for a in range(count) for b in range(a, count)
        ]
        return np.asarray(np.stack(columns, axis=1) * (constant / np.abs(mean))[:, None] ** 2)


def anomalous(element: str, wavelength: float) -> complex:
    """Return f' + if'' at a wavelength in Å; 0 where it is unknown or too short for the tables."""
    if math.isnan(wavelength) or wavelength < SHORTEST:
        return 0j
    return dispersion(element, wavelength)


def elements_near_edge(elements: Iterable[str], wavelength: float) -> list[str]:
    """Return the elements whose absorption jumps within 0.3 % of the energy."""
    if math.isnan(wavelength) or wavelength < 1.01 * SHORTEST:
        return []
    return [
        element
        for element in elements
        if dispersion(element, wavelength * (1 - NEAR)).imag
        > 1.3 * dispersion(element, wavelength * (1 + NEAR)).imag
        > 0.0
    ]


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


def _relative(element: str, q: Array, wavelength: float) -> NDArray[np.complex128]:
    """Return (f0(Q) + f' + if'') / f0(0)."""
    s = np.append(np.asarray(q, dtype=float), 0.0) / (4.0 * math.pi)
    values = np.asarray(form_factor(element, s))
    return np.asarray((values[:-1] + anomalous(element, wavelength)) / values[-1])
