"""Gaussian and Lorentzian parts of a line: from and to its FWHM, shape and integral breadth."""

from __future__ import annotations

import math

import numpy as np

from xorder.results import Array

__all__ = ["BETA_GAUSS", "BETA_LORENTZ", "parts_from_fwhm", "voigt_breadth", "voigt_fwhm"]

#: Integral breadth over FWHM of a Lorentzian and of a Gaussian.
BETA_LORENTZ = 0.5 * math.pi
BETA_GAUSS = 0.5 * math.sqrt(math.pi / math.log(2.0))

#: Thompson, Cox & Hastings (1987), eq. 4: coefficient of G^(5-n) L^n.
_FIFTH = (1.0, 2.69269, 2.42843, 4.47163, 0.07842, 1.0)
#: The same, eq. 5: η as a cubic of L / FWHM.
_ETA = (1.36603, -0.47719, 0.11116)
#: Slopes of the polynomials grow without bound where the Gaussian part vanishes, those of a Voigt
#: do not: at this share of the FWHM the two agree.
_LEAST_GAUSS = 0.05
#: Beyond this ratio of breadths a Voigt is taken by its series in (Gaussian / Lorentzian)².
_LORENTZIAN = 25.0


def parts_from_fwhm(fwhm: Array, eta: Array) -> tuple[Array, Array, Array]:
    """Return the Lorentzian FWHM and the squared Gaussian FWHM of pseudo-Voigt lines.

    The exact inverse of `profiles.tch_from_widths` (Thompson, Cox & Hastings, J. Appl. Cryst. 20,
    79 (1987), eqs 4 and 5).

    Parameters
    ----------
    fwhm, eta
        Width in degrees and Lorentzian share (0 to 1) of each line, shape (N,).

    Returns
    -------
    :
        Lorentzian FWHM in degrees; Gaussian FWHM² in degrees²; the derivatives of both by fwhm and
        eta, shape (N, 2, 2).
    """
    width, share = np.asarray(fwhm, dtype=float), np.clip(np.asarray(eta, dtype=float), 0.0, 1.0)
    a, b, c = _ETA
    ratio = share.copy()
    for _ in range(30):
        ratio -= (((c * ratio + b) * ratio + a) * ratio - share) / (
            (3.0 * c * ratio + 2.0 * b) * ratio + a
        )
    ratio = np.clip(ratio, 0.0, 1.0)
    gauss = np.ones_like(ratio)
    # Increasing and convex in the Gaussian part: Newton from above never misses the root.
    for _ in range(60):
        value, by_gauss, _ = _fifth(gauss, ratio)
        gauss = np.maximum(gauss - (value - 1.0) / by_gauss, 0.0)
    at = np.maximum(gauss, _LEAST_GAUSS)
    _, by_gauss, by_lorentz = _fifth(at, ratio)
    by_eta = 1.0 / ((3.0 * c * ratio + 2.0 * b) * ratio + a)
    jacobian = np.empty((*width.shape, 2, 2))
    jacobian[..., 0, 0] = ratio
    jacobian[..., 0, 1] = width * by_eta
    jacobian[..., 1, 0] = 2.0 * width * at**2
    jacobian[..., 1, 1] = -2.0 * width**2 * at * by_lorentz / by_gauss * by_eta
    return width * ratio, (width * gauss) ** 2, jacobian


def voigt_fwhm(lorentz: Array, gauss_squared: Array) -> tuple[Array, Array]:
    """Return the FWHM of Voigt lines and its derivatives by both parts, shape (N, 2).

    Thompson, Cox & Hastings, J. Appl. Cryst. 20, 79 (1987), eq. 4. Parts below zero count as zero.
    """
    el = np.maximum(np.asarray(lorentz, dtype=float), 0.0)
    gauss = np.sqrt(np.maximum(np.asarray(gauss_squared, dtype=float), 0.0))
    fwhm = _fifth(gauss, el)[0] ** 0.2
    width = np.maximum(fwhm, 1e-100)
    at = np.maximum(gauss / width, _LEAST_GAUSS)
    _, by_gauss, by_lorentz = _fifth(at, el / width)
    return fwhm, np.stack([by_lorentz, by_gauss / (2.0 * at * width)], axis=-1) / 5.0


def voigt_breadth(lorentz: Array, gauss_squared: Array) -> tuple[Array, Array]:
    r"""Return the integral breadth of Voigt lines and its derivatives by both parts, shape (N, 2).

    .. math:: \beta = \beta_G \frac{e^{-k^2}}{\operatorname{erfc} k}, \qquad
              k = \frac{\beta_L}{\sqrt\pi\,\beta_G}

    Langford, J. Appl. Cryst. 11, 10 (1978). Parts below zero count as zero.

    Parameters
    ----------
    lorentz
        Integral breadth of the Lorentzian part, any unit.
    gauss_squared
        Squared integral breadth of the Gaussian part.
    """
    from scipy.special import erfcx

    el = np.maximum(np.asarray(lorentz, dtype=float), 0.0)
    square = np.maximum(np.asarray(gauss_squared, dtype=float), 0.0)
    gauss = np.sqrt(square)
    series = el > _LORENTZIAN * math.sqrt(math.pi) * gauss
    safe = np.where(series, 1.0, np.maximum(gauss, 1e-100))
    k = np.where(series, 0.0, el / (math.sqrt(math.pi) * safe))
    scaled = erfcx(k)
    slope = 2.0 * k * scaled - 2.0 / math.sqrt(math.pi)
    inverse = np.pi / np.maximum(el, 1e-300) * 0.5
    breadth = np.where(series, el + inverse * square, safe / scaled)
    by_lorentz = np.where(series, 1.0, -slope / (math.sqrt(math.pi) * scaled**2))
    by_square = np.where(series, inverse, (1.0 / scaled + k * slope / scaled**2) / (2.0 * safe))
    return breadth, np.stack([by_lorentz, by_square], axis=-1)


def _fifth(gauss: Array, lorentz: Array) -> tuple[Array, Array, Array]:
    """Return the fifth power of the FWHM and its derivatives by the Gaussian and Lorentzian."""
    terms = [(5 - n, n, c) for n, c in enumerate(_FIFTH)]
    value = sum(c * gauss**m * lorentz**n for m, n, c in terms)
    by_gauss = sum(c * m * gauss ** (m - 1) * lorentz**n for m, n, c in terms if m)
    by_lorentz = sum(c * n * gauss**m * lorentz ** (n - 1) for m, n, c in terms if n)
    return np.asarray(value), np.asarray(by_gauss), np.asarray(by_lorentz)
