"""Asymmetry of low-angle lines by axial divergence, as a few lines beside one another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xorder.results import Array

__all__ = ["axial_parts"]

#: Lines that reach less than this (degrees) from their Bragg angle stay whole.
NOTICEABLE = 0.002
#: Parts of an asymmetric line: nodes of a Gauss–Legendre quadrature.
PARTS = 12


def axial_parts(two_theta: Array, ratio: float) -> tuple[NDArray[np.int64], Array, Array]:
    r"""Return the parts that axial divergence splits lines into.

    A ray that rises by :math:`h` (over the radius) meets the detector at :math:`2\varphi` with
    :math:`\cos 2\varphi = \cos 2\theta \sqrt{1 + h^2}`; with sample and slit of one half-height
    :math:`a = S/L = H/L` the intensity is

    .. math:: D\,dh \propto \frac{2a - h}{(1 + h^2) \sin 2\varphi}\,dh, \quad 0 \le h \le 2a

    (Finger, Cox & Jephcoat, J. Appl. Cryst. 27, 892 (1994), written in h, where it is smooth).

    Parameters
    ----------
    two_theta
        Bragg angles in degrees, shape (N,).
    ratio
        :math:`a`.

    Returns
    -------
    line, offset, weight
        Index of the line that each part is of, its distance from the Bragg angle in degrees, and
        its share; the shares of a line add up to 1.
    """
    whole = np.arange(len(two_theta))
    if ratio <= 0.0:
        return whole, np.zeros(len(two_theta)), np.ones(len(two_theta))
    nodes, weights = np.polynomial.legendre.leggauss(PARTS)
    rise = ratio * (nodes + 1.0)
    angle = np.deg2rad(two_theta)[:, None]
    bent = np.arccos(np.clip(np.cos(angle) * np.sqrt(1.0 + rise**2), -1.0, 1.0))
    share = weights * (2.0 * ratio - rise) / (1.0 + rise**2)
    share = share / np.maximum(np.sin(bent), 1e-6)
    share /= share.sum(axis=1, keepdims=True)
    offset = np.rad2deg(bent - angle)
    split = np.abs(offset).max(axis=1) > NOTICEABLE
    mean = np.sum(share * offset, axis=1)
    return (
        np.concatenate([whole[~split], np.repeat(whole[split], PARTS)]),
        np.concatenate([mean[~split], offset[split].ravel()]),
        np.concatenate([np.ones(np.count_nonzero(~split)), share[split].ravel()]),
    )
