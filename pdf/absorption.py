"""What angle does to the intensity: absorption in the sample, polarization, oblique detection."""

from __future__ import annotations

import functools
import math
from typing import Literal

import numpy as np

from xorder.errors import BadInput
from xorder.results import Array

__all__ = [
    "PlateGeometry",
    "cylinder_transmission",
    "detector_efficiency",
    "plate_transmission",
    "polarization_factor",
]

PlateGeometry = Literal["reflection", "transmission", "perpendicular"]
"""Symmetric reflection, symmetric transmission, or a plate at right angles to the beam."""

#: Points of the quadrature over a capillary: along the radius and around it.
RINGS, SPOKES = 24, 64
#: Chebyshev nodes in the scattering angle.
NODES = 20
#: Largest µR that the quadrature holds to 1e-4.
LARGEST_MU_R = 10.0


def polarization_factor(two_theta: Array, *, polarization: float = 0.0) -> Array:
    r"""Return the polarization factor of scattering.

    .. math:: P = \frac{(1 + p) + (1 - p) \cos^2 2\theta}{2}

    Parameters
    ----------
    two_theta
        Scattering angle in degrees.
    polarization
        Degree p of linear polarization at right angles to the plane of scattering: 0 for a tube or
        rings averaged over all azimuths, near 1 for a vertical plane at a synchrotron. Behind a
        monochromator (two_theta_m) a tube has p = (1 - c)/(1 + c) with c = cos² two_theta_m.

    Raises
    ------
    BadInput
        Where the degree is outside -1 to 1.
    """
    if not -1 <= polarization <= 1:
        raise BadInput(f"polarization is {polarization:g}", expected="a degree within -1 to 1")
    cosine = np.cos(np.deg2rad(two_theta))
    return np.asarray(((1 + polarization) + (1 - polarization) * cosine**2) / 2)


def detector_efficiency(two_theta: Array, *, transmission: float) -> Array:
    r"""Return how much better a flat detector across the beam stops what comes in obliquely.

    .. math:: \frac{1 - T^{1/\cos 2\theta}}{1 - T}

    Zaleski, Wu & Coppens, J. Appl. Cryst. 31, 302 (1998).

    Parameters
    ----------
    two_theta
        Scattering angle in degrees, below 90.
    transmission
        Transmission T of the sensitive layer at normal incidence; 1 is the limit of a thin layer
        (an image plate at high energy), where the ratio is 1/cos 2θ.

    Raises
    ------
    BadInput
        Where T is outside 0 to 1 or an angle reaches 90 degrees.
    """
    if not 0 < transmission <= 1:
        raise BadInput(f"transmission is {transmission:g}", expected="more than 0, at most 1")
    if np.any(two_theta >= 90):
        raise BadInput(
            f"two_theta reaches {np.max(two_theta):g} degrees on a flat detector",
            expected="angles below 90 degrees",
        )
    slant = 1 / np.cos(np.deg2rad(two_theta))
    if transmission == 1:
        return np.asarray(slant)
    return np.asarray((1 - transmission**slant) / (1 - transmission))


def plate_transmission(
    two_theta: Array, *, mu_t: float, geometry: PlateGeometry = "transmission"
) -> Array:
    r"""Return how much of the scattering of a flat plate leaves it, and how much matter scatters.

    Reflection: 1 - exp(-2µt / sin θ). Symmetric transmission: exp(-µt / cos θ) / cos θ. A plate
    across the beam: [exp(-µt) - exp(-µt c)] / [µt (c - 1)], c = 1 / cos 2θ.

    Parameters
    ----------
    two_theta
        Scattering angle in degrees.
    mu_t
        Absorption coefficient times thickness.
    geometry
        How plate and beam lie.

    Raises
    ------
    BadInput
        Where µt is not positive, or an angle reaches 90 degrees behind a plate across the beam.
    """
    if not 0 < mu_t < math.inf:
        raise BadInput(f"mu_t is {mu_t:g}", expected="a positive µt")
    theta = np.deg2rad(two_theta) / 2
    if geometry == "reflection":
        return np.asarray(1 - np.exp(-2 * mu_t / np.sin(theta)))
    if geometry == "transmission":
        return np.asarray(np.exp(-mu_t / np.cos(theta)) / np.cos(theta))
    if geometry != "perpendicular":
        raise BadInput(
            f"geometry is {geometry!r}", expected="reflection, transmission or perpendicular"
        )
    if np.any(two_theta >= 90):
        raise BadInput(
            f"two_theta reaches {np.max(two_theta):g} degrees behind a plate across the beam",
            expected="angles below 90 degrees",
        )
    excess = mu_t * (1 / np.cos(2 * theta) - 1)
    small = excess < 1e-9
    ratio = -np.expm1(-excess) / np.where(small, 1.0, excess)
    return np.asarray(math.exp(-mu_t) * np.where(small, 1.0, ratio))


def cylinder_transmission(two_theta: Array, *, mu_r: float) -> Array:
    r"""Return the transmission factor of a capillary bathed in the beam.

    .. math:: A(\theta) = \frac{1}{\pi R^2} \iint e^{-\mu (l_{in} + l_{out})}\, dx\, dy

    over the cross-section (International Tables C, 6.3.3); quadrature at Chebyshev nodes of the
    angle, relative error below 1e-4.

    Parameters
    ----------
    two_theta
        Scattering angle in degrees, any shape.
    mu_r
        Absorption coefficient times radius, up to 10.

    Raises
    ------
    BadInput
        Where µR is negative or above 10.
    """
    if not 0 <= mu_r <= LARGEST_MU_R:
        raise BadInput(f"mu_r is {mu_r:g}", expected=f"a µR of 0 to {LARGEST_MU_R:g}")
    series = np.polynomial.Chebyshev(_cylinder_series(float(mu_r)), domain=[0, 180])
    return np.asarray(np.exp(series(np.asarray(two_theta, dtype=float))))


@functools.lru_cache(maxsize=64)
def _cylinder_series(mu_r: float) -> tuple[float, ...]:
    """Return the Chebyshev coefficients of ln A over two_theta from 0 to 180 degrees."""
    nodes = np.cos(math.pi * (np.arange(NODES) + 0.5) / NODES)
    angles = np.pi / 2 * (nodes + 1)
    # A finer mesh where only the skin scatters.
    finer = 1 + int(mu_r // 2)
    points, weights = np.polynomial.legendre.leggauss(RINGS * finer)
    # Crowding the rings at the surface resolves the square root of the path there.
    t = (points + 1) / 2
    radius = np.sin(math.pi / 2 * t)
    ring = weights / 2 * math.pi / 2 * np.cos(math.pi / 2 * t) * 2 * radius
    spokes = SPOKES * finer
    around = 2 * math.pi * (np.arange(spokes) + 0.5) / spokes
    x = np.outer(radius, np.cos(around)).ravel()
    y = np.outer(radius, np.sin(around)).ravel()
    share = np.repeat(ring / spokes, spokes)
    rest = np.maximum(1 - x**2 - y**2, 0.0)
    source = np.exp(-mu_r * (x + np.sqrt(x**2 + rest))) * share
    values = []
    for angle in angles:  # twenty nodes, never points
        along = x * math.cos(angle) + y * math.sin(angle)
        values.append(source @ np.exp(-mu_r * (np.sqrt(along**2 + rest) - along)))
    fit = np.polynomial.chebyshev.chebfit(nodes, np.log(values), NODES - 1)
    return tuple(float(value) for value in fit)
