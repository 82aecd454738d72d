"""Asymmetry of low-angle lines by axial divergence, as a few lines beside one another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xorder.results import Array

__all__ = ["AxialParts", "axial_parts", "noticeable"]

#: Lines that reach less than this (degrees) from their Bragg angle stay whole.
NOTICEABLE = 0.002
#: Smallest ratio that lines laid out as several are computed for.
LEAST = 1e-6
#: Parts of an asymmetric line: nodes of a Gauss–Legendre quadrature.
PARTS = 12


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class AxialParts:
    """The parts that axial divergence splits lines into; one entry a part."""

    line: NDArray[np.int64]
    """Index of the line that the part is of."""
    offset: Array
    """Distance from the Bragg angle in degrees."""
    weight: Array
    """Share of the line; the shares of a line add up to 1."""
    offset_slope: Array
    """Derivative of `offset` by the ratio S/L."""
    weight_slope: Array
    """Derivative of `weight` by the ratio S/L."""


def axial_parts(
    two_theta: Array, ratio: float, *, split: NDArray[np.bool_] | None = None
) -> AxialParts:
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
    split
        Lines to lay out as several, shape (N,); where None those whose asymmetry is noticeable.
    """
    split = noticeable(two_theta, ratio) if split is None else split
    whole = np.arange(len(two_theta))
    if split.any():
        # What is laid out as several stays so, however small the ratio has become.
        ratio = max(ratio, LEAST)
    if ratio <= 0.0 or not len(whole):
        none = np.zeros(len(whole))
        return AxialParts(
            line=whole, offset=none, weight=np.ones(len(whole)), offset_slope=none,
            weight_slope=none,
        )  # fmt: skip
    offset, share, by_offset, by_share = _quadrature(two_theta, ratio)
    mean = np.sum(share * offset, axis=1)[~split]
    by_mean = np.sum(share * by_offset + by_share * offset, axis=1)[~split]
    return AxialParts(
        line=np.concatenate([whole[~split], np.repeat(whole[split], PARTS)]),
        offset=np.concatenate([mean, offset[split].ravel()]),
        weight=np.concatenate([np.ones(len(mean)), share[split].ravel()]),
        offset_slope=np.concatenate([by_mean, by_offset[split].ravel()]),
        weight_slope=np.concatenate([np.zeros(len(mean)), by_share[split].ravel()]),
    )


def noticeable(two_theta: Array, ratio: float) -> NDArray[np.bool_]:
    """Return which lines the asymmetry of a ratio S/L reaches noticeably far from their angle."""
    if ratio <= 0.0:
        return np.zeros(len(two_theta), dtype=bool)
    return np.asarray(np.abs(_quadrature(two_theta, ratio)[0]).max(axis=1) > NOTICEABLE)


def _quadrature(two_theta: Array, ratio: float) -> tuple[Array, Array, Array, Array]:
    """Return offset (degrees) and share of each part, and their derivatives by the ratio."""
    nodes, weights = np.polynomial.legendre.leggauss(PARTS)
    slope = nodes + 1.0
    rise = ratio * slope
    angle = np.deg2rad(two_theta)[:, None]
    cosine = np.cos(angle) * np.sqrt(1.0 + rise**2)
    bent = np.arccos(np.clip(cosine, -1.0, 1.0))
    sine = np.maximum(np.sin(bent), 1e-6)
    turn = -np.cos(angle) * rise * slope / np.sqrt(1.0 + rise**2) / sine
    share = weights * (2.0 * ratio - rise) / (1.0 + rise**2) / sine
    # Logarithmic derivative of the share; that of 2a - h is 1/a, and drops out of the ratio.
    growth = -2.0 * rise * slope / (1.0 + rise**2) - np.cos(bent) / sine * turn
    share /= share.sum(axis=1, keepdims=True)
    by_share = share * (growth - np.sum(share * growth, axis=1, keepdims=True))
    return np.rad2deg(bent - angle), share, np.rad2deg(turn), by_share
