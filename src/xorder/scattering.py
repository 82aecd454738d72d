"""How atoms scatter: form factors, dispersion, neutron lengths, masses.

Tables: Waasmaier & Kirfel, Acta Cryst. A51, 416 (1995) for f0 (through xraydb); Cromer & Liberman
for f' and f'' (through gemmi); Sears (1992) neutron lengths (through gemmi).
"""

from __future__ import annotations

import functools
import json
import math
import re

import numpy as np

from xorder.element_tables import query
from xorder.errors import BadInput
from xorder.results import Array

__all__ = [
    "HC",
    "atomic_mass",
    "atomic_number",
    "covalent_radius",
    "dispersion",
    "energy_from_wavelength",
    "form_factor",
    "is_element",
    "is_metal",
    "neutron_length",
    "wavelength_from_energy",
]

#: Planck's constant times the speed of light, eV Å (exact in the SI of 2019).
HC = 12398.419843320026


#: Atomic number of U, the last element that Cromer & Liberman have.
LAST_IN_TABLE = 92
#: Photon energies (eV) for which f' and f'' are given.
ENERGIES = (1000.0, 150000.0)


def wavelength_from_energy(energy: float) -> float:
    """Return the wavelength in Å of photons of `energy` in eV.

    Raises
    ------
    BadInput
        Where the energy is not above zero.
    """
    return HC / _positive(energy, "energy", "eV")


def energy_from_wavelength(wavelength: float) -> float:
    """Return the energy in eV of photons of `wavelength` in Å.

    Raises
    ------
    BadInput
        Where the wavelength is not above zero.
    """
    return HC / _positive(wavelength, "wavelength", "Å")


def _positive(value: float, name: str, unit: str) -> float:
    if not (math.isfinite(value) and value > 0):
        raise BadInput(f"the {name} is {value:g} {unit}", expected="a number above zero")
    return value


@functools.cache
def is_element(symbol: str) -> bool:
    """Say whether a text is a chemical symbol, such as ``"Ta"``; ``"D"`` is one."""
    import gemmi

    # gemmi looks at the first two letters only: to it iron is Ir.
    element = gemmi.Element(symbol)
    return element.atomic_number > 0 and element.name == symbol


@functools.cache
def atomic_number(element: str) -> int:
    """Return Z of a chemical symbol.

    Raises
    ------
    BadInput
        Where there is no such element.
    """
    import gemmi

    if not is_element(element):
        raise BadInput(
            f"there is no element {element!r}", expected="a chemical symbol such as 'Ta'"
        )
    return int(gemmi.Element(element).atomic_number)


@functools.cache
def atomic_mass(element: str) -> float:
    """Return the standard atomic mass in g/mol."""
    import gemmi

    atomic_number(element)
    return float(gemmi.Element(element).weight)


@functools.cache
def is_metal(element: str) -> bool:
    """Say whether an element is a metal."""
    import gemmi

    atomic_number(element)
    return bool(gemmi.Element(element).is_metal)


@functools.cache
def covalent_radius(element: str) -> float:
    """Return the covalent radius in Å (Cordero et al., Dalton Trans. 2008, 2832)."""
    import gemmi

    atomic_number(element)
    return float(gemmi.Element(element).covalent_r)


@functools.cache
def neutron_length(element: str) -> float:
    """Return the bound coherent neutron scattering length in fm (Sears 1992).

    The real part, of the natural mixture of isotopes; ``"D"`` is deuterium.

    Raises
    ------
    BadInput
        Where there is no such element, or none in the table.
    """
    import gemmi

    atomic_number(element)
    length = float(gemmi.Element(element).neutron92.get_coefs()[0])
    if length == 0.0:
        raise BadInput(f"there is no neutron scattering length of {element!r}")
    return length


def dispersion(element: str, wavelength: float) -> complex:
    """Return f' + i f'' of an atom for X-rays.

    Cromer & Liberman, J. Chem. Phys. 53, 1891 (1970), of the free atom: within some 20 eV of an
    absorption edge the true values of a compound differ.

    Parameters
    ----------
    element
        Chemical symbol.
    wavelength
        Wavelength in Å.

    Returns
    -------
    :
        f' (negative near an edge) and f'' (positive) in electrons; 0 for H and He.

    Raises
    ------
    BadInput
        Where there is no such element, the wavelength is not above zero, the energy lies outside
        1 to 150 keV, or the element is beyond U, the last in the tables.
    """
    energy = energy_from_wavelength(wavelength)
    if not ENERGIES[0] <= energy <= ENERGIES[1]:
        raise BadInput(
            f"a wavelength of {wavelength:g} Å is {energy:.0f} eV, where f' and f'' are not known",
            expected=f"{HC / ENERGIES[1]:.4f} to {HC / ENERGIES[0]:.2f} Å",
        )
    return _cromer_liberman(atomic_number(element), energy)


@functools.lru_cache(maxsize=4096)
def _cromer_liberman(number: int, energy: float) -> complex:
    import gemmi

    if number > LAST_IN_TABLE:
        raise BadInput(f"there is no f' and f'' of element {number}", expected="H to U")
    f1, f2 = gemmi.cromer_liberman(z=number, energy=energy)
    return complex(f1, f2)


def form_factor(species: str, s: Array) -> Array:
    """Return the X-ray form factor f0 of an atom or ion.

    .. math:: f_0(s) = c + \\sum_{i=1}^{5} a_i e^{-b_i s^2}, \\quad s = \\sin\\theta/\\lambda

    Waasmaier & Kirfel, Acta Cryst. A51, 416 (1995), eq. 2; valid to s = 6 Å⁻¹ (Q = 75 Å⁻¹).

    Parameters
    ----------
    species
        Symbol with an optional charge: ``"Ta"``, ``"Cl1-"``. An ion without a table is taken as its
        neutral atom.
    s
        sin θ / λ in Å⁻¹, any shape.

    Returns
    -------
    :
        f0 in electrons, shape of `s`.

    Raises
    ------
    BadInput
        Where there is no such element, or none in the table (beyond Cf).
    """
    offset, scale, exponents = _waasmaier_kirfel(species)
    s_squared = np.asarray(s, dtype=float)[..., None] ** 2
    return np.asarray(offset + np.sum(scale * np.exp(-exponents * s_squared), axis=-1))


@functools.cache
def _waasmaier_kirfel(species: str) -> tuple[float, Array, Array]:
    element = re.sub(r"[^A-Za-z].*", "", species)
    atomic_number(element)
    if element == "D":  # the electrons of hydrogen
        element = "H"
    table = _waasmaier_kirfel_table()
    coefficients = table.get(species) or table.get(element)
    if coefficients is None:
        raise BadInput(f"there is no form factor of {species!r}", expected="H to Cf")
    return coefficients


@functools.cache
def _waasmaier_kirfel_table() -> dict[str, tuple[float, Array, Array]]:
    rows = query("select ion, offset, scale, exponents from Waasmaier")
    return {
        ion: (offset, np.array(json.loads(scale)), np.array(json.loads(exponents)))
        for ion, offset, scale, exponents in rows
    }
