"""Peak shapes: pseudo-Voigt and how its width follows from instrument, size and strain."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from xorder.errors import BadInput
from xorder.results import Array, quantity

__all__ = [
    "Profile",
    "fwhm_from_size",
    "fwhm_from_strain",
    "pseudo_voigt",
    "pseudo_voigt_derivatives",
    "sum_lines",
    "tch_from_widths",
]

_FOUR_LN2 = 4.0 * math.log(2.0)
_GAUSS_NORM = 2.0 * math.sqrt(math.log(2.0) / math.pi)
_LORENTZ_NORM = 2.0 / math.pi


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    r"""Widths of an instrument's lines in the words of Caglioti and Thompson–Cox–Hastings.

    .. math::
        \Gamma_G^2 = U\tan^2\theta + V\tan\theta + W, \qquad
        \Gamma_L = X\tan\theta + Y/\cos\theta

    Both are FWHM in degrees of 2θ (Caglioti, Paoletti & Ricci 1958; Thompson, Cox & Hastings,
    J. Appl. Cryst. 20, 79 (1987), eqs 1–3).
    """

    u: float = quantity("°²", symbol="U", default=0.0)
    """Gaussian tan² θ term."""
    v: float = quantity("°²", symbol="V", default=0.0)
    """Gaussian tan θ term."""
    w: float = quantity("°²", symbol="W", default=0.0036)
    """Gaussian constant term; 0.0036 is a width of 0.06°."""
    x: float = quantity("°", symbol="X", default=0.0)
    """Lorentzian tan θ term."""
    y: float = quantity("°", symbol="Y", default=0.02)
    """Lorentzian 1/cos θ term."""

    def __post_init__(self) -> None:
        """Check that the terms are numbers."""
        for name in ("u", "v", "w", "x", "y"):
            if not math.isfinite(getattr(self, name)):
                raise BadInput(f"profile term {name} is {getattr(self, name)}", expected="a number")

    def widths(self, two_theta: Array) -> tuple[Array, Array]:
        """Return the Gaussian and Lorentzian FWHM in degrees at `two_theta` (degrees).

        Raises
        ------
        BadInput
            Where a width would be imaginary or negative.
        """
        theta = np.deg2rad(np.asarray(two_theta, dtype=float)) / 2.0
        tangent = np.tan(theta)
        squared = self.u * tangent**2 + self.v * tangent + self.w
        lorentz = self.x * tangent + self.y / np.cos(theta)
        if squared.size and (squared.min() < 0 or lorentz.min() < 0):
            at = int(np.argmin(np.minimum(squared, lorentz)))
            raise BadInput(
                f"the profile has no real width at 2θ = {np.ravel(two_theta)[at]:g}°: "
                f"Γ_G² = {squared.flat[at]:.3g}°², Γ_L = {lorentz.flat[at]:.3g}°",
                expected="U, V, W, X, Y that keep both above zero over the pattern",
            )
        return np.sqrt(squared), lorentz


def fwhm_from_size(
    two_theta: Array, *, size: float, wavelength: float, shape_factor: float = 0.9
) -> Array:
    r"""Return Scherrer's FWHM :math:`K\lambda/(D\cos\theta)` in degrees.

    Parameters
    ----------
    two_theta
        Angles in degrees.
    size
        Domain size :math:`D` in Å.
    wavelength
        Wavelength in Å.
    shape_factor
        :math:`K`: 0.9 for the FWHM of isotropic domains.
    """
    if not size > 0:
        raise BadInput(f"domain size {size:g} Å", expected="a length above 0 in Å")
    theta = np.deg2rad(two_theta) / 2.0
    return np.rad2deg(shape_factor * wavelength / (size * np.cos(theta)))


def fwhm_from_strain(two_theta: Array, *, strain: float) -> Array:
    r"""Return the FWHM :math:`4\epsilon\tan\theta` of microstrain ε = Δd/d, in degrees."""
    if not strain >= 0:
        raise BadInput(f"microstrain {strain:g}", expected="Δd/d of zero or above, such as 0.002")
    return np.rad2deg(4.0 * strain * np.tan(np.deg2rad(two_theta) / 2.0))


def tch_from_widths(gauss: Array, lorentz: Array) -> tuple[Array, Array]:
    """Return FWHM and mixing η of the pseudo-Voigt nearest to a Voigt of two widths.

    Thompson, Cox & Hastings, J. Appl. Cryst. 20, 79 (1987), eqs 4 and 5. Widths are FWHM, any unit.
    """
    g, el = np.asarray(gauss, dtype=float), np.asarray(lorentz, dtype=float)
    fifth = (
        g**5
        + 2.69269 * g**4 * el
        + 2.42843 * g**3 * el**2
        + 4.47163 * g**2 * el**3
        + 0.07842 * g * el**4
        + el**5
    )
    fwhm = fifth**0.2
    ratio = np.divide(el, fwhm, out=np.zeros_like(fwhm), where=fwhm > 0)
    return fwhm, 1.36603 * ratio - 0.47719 * ratio**2 + 0.11116 * ratio**3


def pseudo_voigt(offset: Array, *, fwhm: Array | float, eta: Array | float) -> Array:
    r"""Return the pseudo-Voigt of unit area, :math:`\eta L + (1 - \eta) G`.

    Parameters
    ----------
    offset
        Distance from the centre, any shape; `fwhm` in the same unit.
    fwhm
        Full width at half maximum, the same for both parts.
    eta
        Share :math:`\eta` of the Lorentzian.
    """
    ratio = offset / fwhm
    squared = ratio * ratio
    gauss = _GAUSS_NORM * np.exp(-_FOUR_LN2 * squared)
    lorentz = _LORENTZ_NORM / (1.0 + 4.0 * squared)
    return np.asarray((eta * lorentz + (1.0 - eta) * gauss) / fwhm)


def pseudo_voigt_derivatives(
    offset: Array, *, fwhm: Array | float, eta: Array | float
) -> tuple[Array, Array, Array, Array]:
    """Return the pseudo-Voigt and its derivatives by offset, fwhm and eta."""
    ratio = offset / fwhm
    squared = ratio * ratio
    gauss = _GAUSS_NORM * np.exp(-_FOUR_LN2 * squared) / fwhm
    lorentz = _LORENTZ_NORM / (1.0 + 4.0 * squared) / fwhm
    value = eta * lorentz + (1.0 - eta) * gauss
    by_ratio = -ratio * (
        eta * lorentz * 8.0 / (1.0 + 4.0 * squared) + (1.0 - eta) * gauss * 2.0 * _FOUR_LN2
    )
    by_offset = by_ratio / fwhm
    by_fwhm = -(value + ratio * by_ratio) / fwhm
    return value, by_offset, by_fwhm, lorentz - gauss


def sum_lines(
    two_theta: Array,
    *,
    centre: Array,
    area: Array,
    fwhm: Array,
    eta: Array,
    cutoff: float = 100.0,
) -> Array:
    """Return the sum of pseudo-Voigt lines on an ascending axis.

    Parameters
    ----------
    two_theta
        Axis in degrees, ascending, shape (points,).
    centre, area, fwhm, eta
        One entry a line; lines may lie outside the axis.
    cutoff
        Lines end this many FWHM from their centre: at 100 that cuts 0.3 % of a Lorentzian's area.

    Returns
    -------
    :
        Intensity a degree, shape (points,).
    """
    from xorder.diffraction.profile_kernels import add_lines

    total = np.zeros(len(two_theta))
    reach = cutoff * np.asarray(fwhm)
    first = np.searchsorted(two_theta, centre - reach)
    last = np.searchsorted(two_theta, centre + reach)
    add_lines(two_theta, centre, area, fwhm, eta, first, last, total)
    return total
