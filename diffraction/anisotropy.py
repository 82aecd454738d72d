"""Widths that depend on the direction in the crystal: ellipsoidal size, Stephens' microstrain.

Both are square roots of a polynomial in h, k, l that the Laue class of the crystal's own operations
leaves as it is: of the second degree for the size, of the fourth for the strain.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from xorder.results import Array, Result, quantity
from xorder.structure import Crystal, lattice_from_cell

__all__ = ["DirectionalWidth", "DirectionalWidths", "InvariantForms", "invariant_forms"]

Kind = Literal["inverse_size", "strain"]

#: Degree of the polynomial in h, k, l for each kind of width.
DEGREES: dict[Kind, int] = {"inverse_size": 2, "strain": 4}
#: Below this width (Å⁻¹, Δd/d), which no instrument sees, the root goes on as a straight line, so
#: that a polynomial that has fallen below zero finds its way back.
FLOORS: dict[Kind, float] = {"inverse_size": 5e-5, "strain": 5e-5}


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class InvariantForms:
    """Polynomials in h, k, l of one degree that a Laue class leaves unchanged."""

    names: tuple[str, ...]
    """Exponents of the term that has the coefficient 1 in this form and 0 in the others."""
    exponents: NDArray[np.int64]
    """Exponents of h, k, l of each term, shape (terms, 3)."""
    coefficients: Array
    """Coefficient of each term in each form, shape (forms, terms)."""

    def values(self, hkl: Array) -> Array:
        """Return the forms at planes, shape (N, forms)."""
        return np.asarray(_terms(hkl, self.exponents) @ self.coefficients.T)


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class DirectionalWidths(Result):
    """Size and microstrain along the normal of each reflection of a phase."""

    h: NDArray[np.int64] = quantity(dims=("reflection",))
    """Miller index h."""
    k: NDArray[np.int64] = quantity(dims=("reflection",))
    """Miller index k."""
    l: NDArray[np.int64] = quantity(dims=("reflection",))  # noqa: E741
    """Miller index l."""
    size: Array = quantity("Å", dims=("reflection",))
    """Domain size along the plane's normal (Scherrer, K = 0.9)."""
    size_stderr: Array = quantity("Å", dims=("reflection",))
    """Standard error of `size`."""
    strain: Array = quantity(dims=("reflection",))
    """Microstrain Δd/d."""
    strain_stderr: Array = quantity(dims=("reflection",))
    """Standard error of `strain`."""


class DirectionalWidth:
    r"""Inverse size or microstrain of a list of reflections as a function of direction.

    .. math:: \frac{1}{L^2} = \frac{d^2}{V^{2/3}} \sum_{HKL} T_{HKL} h^H k^K l^L,\;
              H + K + L = 2; \qquad
              \varepsilon^2 = \frac{d^4}{V^{4/3}} \sum_{HKL} S_{HKL} h^H k^K l^L,\;
              H + K + L = 4

    with the volume V of the cell, so that T and S are of the size of 1/L² and ε². The size is that
    of an ellipsoid; the strain is that of Stephens, J. Appl. Cryst. 32, 281 (1999), eq. 4, wholly
    Lorentzian: the FWHM is :math:`4\varepsilon\tan\theta`, his :math:`\sigma(M)/M` is 4ε and
    his S are :math:`16\,S/V^{4/3}`. Parameters are called ``strain_400`` and ``inverse_size_200``
    after the term of coefficient 1.
    """

    def __init__(self, crystal: Crystal, hkl: Array, d: Array, kind: Kind) -> None:
        self.kind = kind
        self.forms = invariant_forms(crystal.rotations, DEGREES[kind])
        self.names = tuple(f"{kind}_{name}" for name in self.forms.names)
        lattice = lattice_from_cell(crystal.cell)
        self._edge = float(abs(np.linalg.det(lattice))) ** (1.0 / 3.0)
        self._reciprocal = np.linalg.inv(lattice)
        self.rows = self.forms.values(hkl) * (d[:, None] / self._edge) ** DEGREES[kind]

    @property
    def positive(self) -> tuple[str, ...]:
        """Names of the parameters that are squared widths along an axis, so above zero."""
        degree = str(DEGREES[self.kind])
        return tuple(name for name in self.names if degree in name.rsplit("_", 1)[1])

    def start(self, width: float) -> dict[str, float]:
        """Return the values with which every direction has one width."""
        planes = np.random.default_rng(2).normal(size=(60, 3))
        length = np.linalg.norm(planes @ self._reciprocal.T, axis=1)
        wanted = width**2 * (length * self._edge) ** DEGREES[self.kind]
        found = np.linalg.lstsq(self.forms.values(planes), wanted, rcond=None)[0]
        return dict(zip(self.names, found.tolist(), strict=True))

    def width(self, values: Mapping[str, float]) -> tuple[Array, dict[str, Array]]:
        """Return the width of each reflection and its derivatives by name."""
        squared = self.rows @ [values[name] for name in self.names]
        floor = FLOORS[self.kind]
        root = np.sqrt(np.maximum(squared, floor**2))
        width = root + (np.minimum(squared, floor**2) - floor**2) / (2.0 * floor)
        slopes = self.rows / (2.0 * root[:, None])
        return width, dict(zip(self.names, slopes.T, strict=True))

    def without_width(self, values: Mapping[str, float]) -> int:
        """Return for how many reflections the polynomial is not above zero."""
        squared = self.rows @ [values[name] for name in self.names]
        return int(np.count_nonzero(squared <= 0.0))


def invariant_forms(rotations: NDArray[np.int64], degree: int) -> InvariantForms:
    """Return the polynomials of a degree that rotations (acting as ``hkl @ R``) leave unchanged.

    The mean of a polynomial over the group is unchanged; the means of all monomials span what is.
    The forms of the fourth degree number 15, 9, 6, 5 or 4, 5 or 4, 3 and 2 for triclinic,
    monoclinic, orthorhombic, tetragonal, trigonal, hexagonal and cubic crystals.
    """
    steps = range(degree, -1, -1)
    powers = np.array([(i, j, degree - i - j) for i in steps for j in steps if i + j <= degree])
    # Pure powers name the forms first, then products of even powers, then the others.
    odd, pure = np.any(powers % 2, axis=1), powers.max(axis=1) == degree
    powers = powers[np.lexsort((np.where(pure, 0, 1 + odd),))]
    planes = np.random.default_rng(1).uniform(-1.0, 1.0, size=(8 * len(powers), 3))
    distinct = np.unique(np.asarray(rotations, dtype=float), axis=0)
    mean = np.mean([_terms(planes @ rotation, powers) for rotation in distinct], axis=0)
    projection = np.linalg.lstsq(_terms(planes, powers), mean, rcond=None)[0]
    rows, pivots = _reduced(np.asarray(projection.T, dtype=float))
    return InvariantForms(
        names=tuple("".join(str(n) for n in powers[p]) for p in pivots),
        exponents=powers,
        coefficients=rows,
    )


def _terms(hkl: Array, powers: NDArray[np.int64]) -> Array:
    return np.asarray(np.prod(np.asarray(hkl, dtype=float)[:, None, :] ** powers, axis=2))


def _reduced(rows: Array) -> tuple[Array, list[int]]:
    """Return the reduced echelon form of a matrix and its pivot columns."""
    rest = np.array(rows, dtype=float)
    found: list[Array] = []
    pivots: list[int] = []
    for column in range(rest.shape[1]):
        pivot = int(np.argmax(np.abs(rest[:, column])))
        if abs(rest[pivot, column]) < 1e-6:
            continue
        row = rest[pivot] / rest[pivot, column]
        rest = rest - np.outer(rest[:, column], row)
        found = [one - one[column] * row for one in found]
        found.append(row)
        pivots.append(column)
    result = np.array(found)
    result[np.abs(result) < 1e-9] = 0.0
    return result, pivots
