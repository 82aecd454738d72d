"""σ² of thermal motion: the Einstein and the correlated Debye model, as numbers or expressions.

Both are sums of terms coth(aθ/2T)/θ, so that each can stand as text in a shell's ``sigma2`` with
the temperature θ as a fitted name.
"""

from __future__ import annotations

import math
from typing import overload

import numpy as np

from xorder.errors import BadInput
from xorder.results import Array
from xorder.scattering import atomic_mass
from xorder.xas.scattering_paths import ScatteringPath

__all__ = ["debye_sigma2", "einstein_sigma2"]

#: ħ² / (2 k_B u) in Å² K (CODATA 2018): σ² of a bond of reduced mass 1 u at rest, times θ.
EINSTEIN_FACTOR = 1e20 * 1.054571817e-34**2 / (2 * 1.380649e-23 * 1.66053906660e-27)

#: Nodes of the integral over the Debye spectrum.
_NODES = 24


@overload
def einstein_sigma2(path: ScatteringPath, *, theta: float, temperature: float) -> float: ...
@overload
def einstein_sigma2(path: ScatteringPath, *, theta: str, temperature: float | str) -> str: ...
def einstein_sigma2(
    path: ScatteringPath, *, theta: float | str, temperature: float | str
) -> float | str:
    r"""Return σ² of a path in the Einstein model.

    .. math:: \sigma^2 = \frac{\hbar^2}{2 \mu k_B \theta} \coth\frac{\theta}{2T}

    with the reduced mass :math:`1/\mu = \sum 1/m` of the path's atoms (Sevillano, Meuth & Rehr,
    Phys. Rev. B 20, 4908, 1979).

    Parameters
    ----------
    path
        The path.
    theta
        Einstein temperature in K, or a parameter's name; then the result is an expression.
    temperature
        Temperature of the sample in K, or a name.

    Raises
    ------
    BadInput
        A temperature that is not positive.
    """
    inverse = sum(1.0 / atomic_mass(element) for element in path.elements)
    return _thermal(np.array([EINSTEIN_FACTOR * inverse]), np.array([1.0]), theta, temperature)


@overload
def debye_sigma2(
    path: ScatteringPath, *, theta: float, temperature: float, radius: float
) -> float: ...
@overload
def debye_sigma2(
    path: ScatteringPath, *, theta: str, temperature: float | str, radius: float
) -> str: ...
def debye_sigma2(
    path: ScatteringPath, *, theta: float | str, temperature: float | str, radius: float
) -> float | str:
    r"""Return σ² of a path in the correlated Debye model.

    The mean of :math:`[\sum_i (u_i - u_{i+1}) \cdot \hat{R}_{i,i+1}]^2 / 4` over the legs, with
    :math:`\langle u_i u_j \rangle` of an isotropic Debye solid (Beni & Platzman, Phys. Rev. B 14,
    1514, 1976; Rehr & Albers, Rev. Mod. Phys. 72, 621, 2000), as in FEFF.

    Parameters
    ----------
    path
        The path.
    theta
        Debye temperature in K, or a parameter's name; then the result is an expression.
    temperature
        Temperature of the sample in K, or a name.
    radius
        Radius in Å of the sphere that one atom fills, :math:`(3V/4\pi)^{1/3}`.

    Raises
    ------
    BadInput
        A temperature or radius that is not positive.
    """
    if not (math.isfinite(radius) and radius > 0):
        raise BadInput(f"radius is {radius} Å", expected="the radius of an atom's sphere")
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    frequency = 0.5 * (nodes + 1.0)
    amounts = 3.0 * EINSTEIN_FACTOR * 0.5 * weights * _spectrum(path, frequency, radius)
    return _thermal(amounts, frequency, theta, temperature)


def _spectrum(path: ScatteringPath, frequency: Array, radius: float) -> Array:
    """Return how much each frequency moves the path's half length, shape (frequencies,)."""
    start = path.positions
    ahead = np.roll(start, -1, axis=0) - start
    length = np.linalg.norm(ahead, axis=1)
    mass = np.array([atomic_mass(element) for element in path.elements])
    apart = np.linalg.norm(start[:, None] - start[None, :], axis=2)
    wave = (9.0 * math.pi / 2.0) ** (1.0 / 3.0) / radius * apart
    # <u_i u_j>: sin(w x)/x, which is w where the atoms are one.
    pairs = frequency[:, None, None] * np.sinc(frequency[:, None, None] * wave / math.pi)
    pairs = pairs / np.sqrt(np.outer(mass, mass))
    after = np.roll(np.arange(len(mass)), -1)
    moved = pairs + pairs[:, after][:, :, after] - pairs[:, :, after] - pairs[:, after, :]
    cosine = (ahead @ ahead.T) / np.outer(length, length)
    return np.asarray(np.sum(moved * cosine, axis=(1, 2)) / 4.0)


def _thermal(
    amounts: Array, frequency: Array, theta: float | str, temperature: float | str
) -> float | str:
    """Return Σ amount coth(frequency θ / 2T) / θ, as a number or as text."""
    for name, value in (("theta", theta), ("temperature", temperature)):
        if not isinstance(value, str) and not (math.isfinite(value) and value > 0):
            raise BadInput(f"{name} is {value} K", expected="a temperature above 0 K")
    if not isinstance(theta, str) and not isinstance(temperature, str):
        return float(np.sum(amounts / np.tanh(frequency * theta / (2.0 * temperature))) / theta)
    terms = (
        f"{a:.9g} * (1 + 2 / (exp({w:.9g} * ({theta}) / ({temperature})) - 1))"
        for a, w in zip(amounts, frequency, strict=True)
    )
    return f"({' + '.join(terms)}) / ({theta})"
