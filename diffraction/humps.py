"""Broad maxima of amorphous scattering."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xorder.diffraction.pattern import Pattern
from xorder.diffraction.profiles import pseudo_voigt
from xorder.errors import BadInput
from xorder.results import Array, quantity

__all__ = ["Hump", "halo"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Hump:
    """One broad maximum of amorphous scattering."""

    centre: float = quantity("°", default=20.0)
    """Position in degrees of 2θ."""
    fwhm: float = quantity("°", default=8.0)
    """Full width at half maximum in degrees."""
    area: float = 1.0
    """Integrated intensity, in the unit of the pattern times degrees; a share among the humps of
    `simulate_mixture`."""
    eta: float = 0.0
    """Share of a Lorentzian in the shape; 0 is a Gaussian."""

    def __post_init__(self) -> None:
        """Check width and area."""
        if not (self.fwhm > 0 and self.area >= 0 and 0 <= self.eta <= 1):
            raise BadInput(
                f"a hump of width {self.fwhm:g}°, area {self.area:g} and eta {self.eta:g}",
                expected="a width above 0, an area of 0 or more, eta between 0 and 1",
            )


def halo(axis: Array, humps: Sequence[Hump | Pattern]) -> Array:
    """Return the sum of humps and patterns on an axis in degrees, shape (points,).

    Raises
    ------
    BadInput
        For a pattern that does not cover the axis.
    """
    total = np.zeros_like(axis)
    for hump in humps:
        if isinstance(hump, Pattern):
            total += _between(axis, hump)
        else:
            total += hump.area * pseudo_voigt(axis - hump.centre, fwhm=hump.fwhm, eta=hump.eta)
    return total


def _between(axis: Array, pattern: Pattern) -> Array:
    known, step = pattern.two_theta, 1.5 * float(np.max(np.diff(pattern.two_theta)))
    if axis[0] < known[0] - step or axis[-1] > known[-1] + step:
        raise BadInput(
            f"the amorphous pattern {pattern.name} runs from {known[0]:g} to {known[-1]:g}°, the "
            f"axis from {axis[0]:g} to {axis[-1]:g}°",
            expected="a pattern that covers the axis",
        )
    return np.interp(axis, known, pattern.intensity)
