"""How one atom scatters the radiation of a measurement: electrons for X-rays, fm for neutrons."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from xorder.diffraction.radiation import Radiation
from xorder.results import Array
from xorder.scattering import dispersion, form_factor, neutron_length

__all__ = ["bare_factor", "dispersions"]


def bare_factor(species: str, s: Array, radiation: Radiation) -> Array:
    """Return f0 of an atom or ion, or the coherent length b of its nucleus.

    Parameters
    ----------
    species
        Symbol with an optional charge.
    s
        sin θ / λ in Å⁻¹, any shape.
    radiation
        The radiation.

    Returns
    -------
    :
        f0 in electrons, or b in fm, which does not depend on the angle; shape of `s`.
    """
    if radiation.probe == "neutron":
        return np.full(np.shape(s), neutron_length(_element(species)))
    return form_factor(species, s)


def dispersions(species: Sequence[str], radiation: Radiation) -> NDArray[np.complex128]:
    """Return f' + i f'' of atoms at the first line of X-rays; zero for neutrons, whose b has it."""
    if radiation.probe == "neutron":
        return np.zeros(len(species), dtype=complex)
    elements = [_element(name) for name in species]
    known = {e: dispersion(e, radiation.wavelength) for e in set(elements)}
    return np.array([known[e] for e in elements], dtype=complex)


def _element(species: str) -> str:
    return "".join(letter for letter in species if letter.isalpha())
