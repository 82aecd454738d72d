"""Compton scattering of atoms: what is scattered with a loss of energy and carries no structure."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping

import numpy as np

from xorder.errors import BadInput
from xorder.results import Array
from xorder.scattering import atomic_number

__all__ = ["COMPTON_WAVELENGTH", "compton_scattering", "incoherent_function", "recoil_factor"]

#: h / (m_e c) in Å (CODATA 2018).
COMPTON_WAVELENGTH = 0.0242631023867


def incoherent_function(element: str, q: Array) -> Array:
    r"""Return the incoherent scattering of a free atom in electron units.

    .. math:: C(Q) = Z \left[1 - \sum_i a_i e^{-b_i s^2}\right], \quad s = Q / 4\pi

    Fitted for Xorder to the functions of Hubbell et al., J. Phys. Chem. Ref. Data 4, 471 (1975);
    deviations are below 0.01 Z.

    Parameters
    ----------
    element
        Chemical symbol, H to Cf.
    q
        Q in Å⁻¹, any shape; fitted to 40 Å⁻¹.

    Raises
    ------
    BadInput
        Where the element is not in the table.
    """
    shares, exponents = _coefficients(element)
    s_squared = (np.asarray(q, dtype=float)[..., None] / (4 * math.pi)) ** 2
    return np.asarray(atomic_number(element) * (1 - np.exp(-exponents * s_squared) @ shares))


def recoil_factor(q: Array, wavelength: float, power: int = 2) -> Array:
    r"""Return the Breit–Dirac factor (λ/λ')^n, with λ' = λ + (h/mc)(1 - cos 2θ).

    A counting detector has n = 2, one that measures energy n = 3 (James, The Optical Principles of
    the Diffraction of X-rays, 1948).

    Parameters
    ----------
    q
        Q in Å⁻¹.
    wavelength
        Wavelength in Å.
    power
        The power n.
    """
    # 1 - cos 2θ = 2 sin²θ, sin θ = Qλ/4π
    sine = q * wavelength / (4 * math.pi)
    return np.asarray((1 + 2 * COMPTON_WAVELENGTH / wavelength * sine**2) ** -float(power))


def compton_scattering(
    amounts: Mapping[str, float], q: Array, *, wavelength: float | None = None, power: int = 2
) -> Array:
    """Return the Compton scattering per atom in electron units.

    Parameters
    ----------
    amounts
        Amounts of the elements in any unit.
    q
        Q in Å⁻¹, shape (Q,).
    wavelength
        Wavelength in Å for the Breit–Dirac factor; without it that factor is 1.
    power
        Power of the Breit–Dirac factor.
    """
    total = sum(amounts.values())
    parts = [amount / total * incoherent_function(el, q) for el, amount in amounts.items()]
    mean = np.sum(parts, axis=0)
    return np.asarray(mean if wavelength is None else mean * recoil_factor(q, wavelength, power))


@functools.cache
def _coefficients(element: str) -> tuple[Array, Array]:
    from xorder.pdf.compton_table import COEFFICIENTS

    name = "H" if element == "D" else element
    if name not in COEFFICIENTS:
        raise BadInput(f"there is no incoherent function of {element!r}", expected="H to Cf")
    shares, exponents = map(np.array, COEFFICIENTS[name])
    return shares / shares.sum(), exponents
