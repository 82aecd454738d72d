"""What is not Bragg scattering in a refinement: polynomial, halos of fixed shape, a blank."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xorder.diffraction.pattern import Pattern
from xorder.diffraction.profiles import pseudo_voigt
from xorder.diffraction.simulation import Hump
from xorder.errors import BadInput
from xorder.results import Array

__all__ = ["Halo", "LinearParts", "linear_parts"]

#: Shape of an amorphous component: one hump, several that keep their ratio, or a measured pattern.
Halo = Hump | Pattern | tuple[Hump, ...]


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class LinearParts:
    """Components whose heights are the only thing that varies."""

    names: tuple[str, ...]
    """Names of the heights: ``background_0`` …, ``halo_0`` …, ``blank``."""
    shapes: Array
    """One column a component, shape (points, components); halos and blank have a maximum of 1."""
    halo_fwhm: float
    """Width of the narrowest halo in degrees; infinite where there is none."""

    def columns(self, prefix: str) -> list[int]:
        """Return the indices of the components whose name starts with `prefix`."""
        return [i for i, name in enumerate(self.names) if name.startswith(prefix)]


def linear_parts(
    two_theta: Array, *, order: int, halos: Sequence[Halo], blank: Pattern | None
) -> LinearParts:
    """Return Chebyshev polynomials, halos and blank on an axis.

    Parameters
    ----------
    two_theta
        Axis in degrees.
    order
        Number of Chebyshev terms.
    halos
        Shapes of the amorphous components.
    blank
        Measured pattern without sample, or None.

    Raises
    ------
    BadInput
        For a measured shape that does not cover the axis, or has nothing in it.
    """
    unit = 2.0 * (two_theta - two_theta[0]) / (two_theta[-1] - two_theta[0]) - 1.0
    columns = list(np.polynomial.chebyshev.chebvander(unit, order - 1).T)
    names = [f"background_{i}" for i in range(order)]
    widths = [np.inf]
    for index, halo in enumerate(halos):
        shape = _halo_shape(two_theta, halo)
        widths.append(_width(two_theta, shape))
        columns.append(shape)
        names.append(f"halo_{index}")
    if blank is not None:
        columns.append(_measured(two_theta, blank, "blank"))
        names.append("blank")
    return LinearParts(
        names=tuple(names), shapes=np.stack(columns, axis=1), halo_fwhm=float(min(widths))
    )


def _halo_shape(two_theta: Array, halo: Halo) -> Array:
    if isinstance(halo, Pattern):
        return _measured(two_theta, halo, "halo")
    humps = (halo,) if isinstance(halo, Hump) else halo
    total = np.zeros_like(two_theta)
    for hump in humps:
        total += hump.area * pseudo_voigt(two_theta - hump.centre, fwhm=hump.fwhm, eta=hump.eta)
    return _normalised(total, "halo")


def _measured(two_theta: Array, pattern: Pattern, kind: str) -> Array:
    step = 1.5 * float(np.max(np.diff(pattern.two_theta)))
    if two_theta[0] < pattern.two_theta[0] - step or two_theta[-1] > pattern.two_theta[-1] + step:
        raise BadInput(
            f"the {kind} {pattern.name or 'pattern'} runs from {pattern.two_theta[0]:g} to "
            f"{pattern.two_theta[-1]:g}°, the data from {two_theta[0]:g} to {two_theta[-1]:g}°",
            expected=f"a {kind} that covers the data, or a smaller two_theta",
        )
    return _normalised(np.interp(two_theta, pattern.two_theta, pattern.intensity), kind)


def _normalised(shape: Array, kind: str) -> Array:
    highest = float(shape.max())
    if not highest > 0:
        raise BadInput(f"the {kind} has no intensity in the range", expected="a maximum above 0")
    return shape / highest


def _width(two_theta: Array, shape: Array) -> float:
    """Return the full width at half of the height above the lowest point, in degrees."""
    level = 0.5 * (shape.max() + min(shape[0], shape[-1], shape.min()))
    above = shape >= level
    top = int(np.argmax(shape))
    left = top - int(np.argmin(above[: top + 1][::-1])) if not above[: top + 1].all() else 0
    rest = above[top:]
    right = top + int(np.argmin(rest)) if not rest.all() else len(shape) - 1
    return float(two_theta[right] - two_theta[left])
