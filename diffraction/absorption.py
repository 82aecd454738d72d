"""How matter absorbs X-rays: mass absorption, grains that shade themselves."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping

import numpy as np

from xorder.diffraction.radiation import Radiation, make_radiation
from xorder.element_tables import query
from xorder.errors import BadInput
from xorder.results import Array
from xorder.scattering import atomic_mass, atomic_number, energy_from_wavelength
from xorder.structure import Crystal, composition, density

__all__ = ["brindley_factor", "linear_absorption", "mass_absorption"]

#: A micrometre in centimetres.
CM_PER_MICROMETRE = 1e-4
#: Nodes of the quadrature over a sphere: right to 1e-5 for |Δμ| D up to 3.
NODES = 20


def mass_absorption(
    composition: Mapping[str, float] | Crystal, *, wavelength: Radiation | str | float
) -> float:
    """Return the mass attenuation coefficient in cm²/g.

    Photoabsorption, coherent and incoherent scattering by the tables of Elam, Ravel & Sieber,
    Radiat. Phys. Chem. 63, 121 (2002), through xraydb; at the first line of the radiation.

    Parameters
    ----------
    composition
        Atoms of each element, such as ``{"Na": 1, "Ta": 1, "Cl": 6}``, or a crystal.
    wavelength
        Radiation.

    Raises
    ------
    BadInput
        For an empty composition and for an element that the tables do not have.
    """
    energy = energy_from_wavelength(make_radiation(wavelength).wavelength)
    atoms = _composition(composition)
    masses = {element: n * atomic_mass(element) for element, n in atoms.items()}
    total = math.fsum(masses.values())
    if not atoms or min(atoms.values()) < 0 or not total > 0:
        raise BadInput(f"composition {dict(atoms)}", expected="a number of atoms above 0")
    return math.fsum(m * _elemental(element, energy) for element, m in masses.items()) / total


def linear_absorption(crystal: Crystal, *, wavelength: Radiation | str | float) -> float:
    """Return the linear attenuation coefficient μ of the solid crystal in cm⁻¹."""
    return mass_absorption(crystal, wavelength=wavelength) * density(crystal)


def brindley_factor(excess: float, *, diameter: float, two_theta: float = 90.0) -> float:
    r"""Return the microabsorption factor of spherical grains.

    .. math:: \tau = \frac1V \int e^{-(\mu - \bar\mu)\,x}\,dV

    Brindley, Phil. Mag. 36, 347 (1945), where x is the path in the grain of a ray that is
    scattered in dV, integrated numerically. Grains of a phase that absorbs more than the mean are
    seen too weak: τ < 1.

    Parameters
    ----------
    excess
        :math:`\mu - \bar\mu`, of the phase less the mean of the solid, in cm⁻¹.
    diameter
        Diameter of the grains in µm.
    two_theta
        Scattering angle in degrees; it hardly matters below |μ - μ̄| D = 1.
    """
    if not (math.isfinite(diameter) and diameter >= 0):
        raise BadInput(f"grains of {diameter:g} µm", expected="a diameter in µm, 0 or above")
    paths, weights = _sphere_paths(round(two_theta, 6))
    return float(weights @ np.exp(-excess * diameter * CM_PER_MICROMETRE * paths))


@functools.lru_cache(maxsize=32)
def _sphere_paths(two_theta: float) -> tuple[Array, Array]:
    """Return paths through a sphere of diameter 1 over its volume, and their weights."""
    x, w = np.polynomial.legendre.leggauss(NODES)
    radius, radial = 0.25 * (x + 1.0), w * (0.25 * (x + 1.0)) ** 2
    azimuth = 2.0 * np.pi * (np.arange(2 * NODES) + 0.5) / (2 * NODES)
    r, cosine, phi = np.meshgrid(radius, x, azimuth, indexing="ij")
    weights = np.broadcast_to(radial[:, None, None] * w[None, :, None], r.shape)
    sine = np.sqrt(1.0 - cosine**2)
    angle = np.deg2rad(two_theta)
    # The beam goes along the polar axis: a ray came to the point from below and leaves at 2θ.
    back = r * cosine + np.sqrt(0.25 - (r * sine) ** 2)
    along = r * (cosine * np.cos(angle) + sine * np.cos(phi) * np.sin(angle))
    leave = -along + np.sqrt(0.25 - r**2 + along**2)
    return np.ravel(back + leave), np.ravel(weights) / weights.sum()


def _composition(value: Mapping[str, float] | Crystal) -> dict[str, float]:
    return composition(value) if isinstance(value, Crystal) else dict(value)


@functools.lru_cache(maxsize=4096)
def _elemental(element: str, energy: float) -> float:
    """Return the total attenuation of an element in cm²/g."""
    symbol = "H" if element == "D" else element
    return float(sum(math.exp(_interpolated(table, energy)) for table in _elam(symbol)))


def _interpolated(table: tuple[Array, Array, Array], energy: float) -> float:
    """Return ln of a cross-section by the table's own cubic spline (second derivatives given)."""
    x, y, second = table
    at = math.log(energy)
    high = int(np.clip(np.searchsorted(x, at), 1, len(x) - 1))
    step = x[high] - x[high - 1]
    b = (at - x[high - 1]) / step
    a = 1.0 - b
    bend = (a**3 - a) * second[high - 1] + (b**3 - b) * second[high]
    return float(a * y[high - 1] + b * y[high] + bend * step**2 / 6.0)


@functools.cache
def _elam(element: str) -> tuple[tuple[Array, Array, Array], ...]:
    atomic_number(element)
    columns = (
        ("photoabsorption", "log_photoabsorption"),
        ("scattering", "log_coherent_scatter"),
        ("scattering", "log_incoherent_scatter"),
    )
    rows = [
        row
        for table, name in columns
        for row in query(
            f"select log_energy, {name}, {name}_spline from {table} where element = ?",  # noqa: S608
            element,
        )
    ]
    if len(rows) != len(columns):
        raise BadInput(f"there is no absorption coefficient of {element}", expected="H to Cf")
    tables = [[np.array(json.loads(text), dtype=float) for text in row] for row in rows]
    return tuple((x, y, second) for x, y, second in tables)
