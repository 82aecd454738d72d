"""How strongly each atom of a cell scatters, as one number an atom."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from xorder.errors import BadInput
from xorder.pdf.pattern import Radiation
from xorder.results import Array
from xorder.scattering import atomic_number, form_factor, neutron_length
from xorder.structure import Atoms

__all__ = ["Convention", "mean_weight", "scattering_weights"]

Convention = Literal["xorder", "pdffit2", "srreal"]


def scattering_weights(atoms: Atoms, radiation: Radiation, convention: Convention) -> Array:
    """Return the scattering weight of every atom, occupancy not counted, shape (N,).

    X-rays: the atomic number; for ``convention="srreal"`` the Waasmaier–Kirfel f0 at Q = 0.
    Neutrons: the bound coherent scattering length in fm.

    Raises
    ------
    BadInput
        Where the radiation is unknown or an element has no scattering length.
    """
    weight = {
        element: _weight(element, radiation, convention)
        for element in np.unique(atoms.elements).tolist()
    }
    return np.array([weight[element] for element in atoms.elements.tolist()])


def mean_weight(atoms: Atoms, weights: Array) -> float:
    """Return the mean scattering weight of the atoms present, Σ o b / Σ o.

    Raises
    ------
    BadInput
        Where the mean is zero to rounding, so that G(r) cannot be normalised.
    """
    mean = float(np.sum(atoms.occupancy * weights) / np.sum(atoms.occupancy))
    if abs(mean) < 1e-6 * float(np.max(np.abs(weights))):
        raise BadInput(
            f"the mean scattering weight is {mean:.2g}",
            expected="a composition whose scattering lengths do not cancel",
        )
    return mean


def _weight(element: str, radiation: Radiation, convention: Convention) -> float:
    if radiation == "xray":
        if convention == "srreal":
            return float(form_factor(element, np.array(0.0)))
        return float(atomic_number(element))
    if radiation != "neutron":
        raise BadInput(f"unknown radiation {radiation!r}", expected="'xray' or 'neutron'")
    length = neutron_length(element)
    if length == 0.0 or math.isnan(length):
        raise BadInput(
            f"{element} has no tabulated neutron scattering length",
            expected="an element with a known length",
        )
    return length
