"""Lattice planes of a crystal: families of its Laue class, and which its operations allow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xorder.diffraction.pattern import two_theta_from_d
from xorder.diffraction.radiation import Radiation, make_radiation
from xorder.errors import BadInput
from xorder.results import Array, Result, quantity, recorded
from xorder.structure import Crystal, lattice_from_cell

__all__ = [
    "AllowedLines",
    "Planes",
    "allowed_lines",
    "checked_range",
    "plane_families",
    "squared_lengths",
]

#: More candidate hkl than this is a cell or a range by mistake.
MOST_CANDIDATES = 20_000_000
#: A phase shift of this share of a turn is none: translations of files are rounded.
WHOLE_TURN = 1e-3

Planes = NDArray[np.int64]


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class AllowedLines(Result):
    """Where a cell and its symmetry allow lines, whatever its atoms are."""

    two_theta: Array = quantity("°", symbol="2θ", dims=("two_theta",))
    """Bragg angle at the first line of the radiation, ascending."""
    h: Planes = quantity(dims=("two_theta",))
    """Miller index h of the family's representative."""
    k: Planes = quantity(dims=("two_theta",))
    """Miller index k."""
    l: Planes = quantity(dims=("two_theta",))  # noqa: E741
    """Miller index l."""
    d: Array = quantity("Å", dims=("two_theta",))
    """Lattice spacing."""
    multiplicity: Planes = quantity(symbol="m", dims=("two_theta",))
    """Number of planes in the family, Friedel mates included."""
    wavelength: Radiation
    """The radiation."""
    name: str = ""
    """Name of the crystal."""


@recorded
def allowed_lines(
    crystal: Crystal,
    *,
    wavelength: Radiation | str | float = "CuKa",
    two_theta: tuple[float, float] = (5.0, 90.0),
) -> AllowedLines:
    r"""Return the lines of a cell and its operations, for structures whose atoms are in doubt.

    A plane is left out where an operation :math:`(R, t)` keeps it and shifts its phase:
    :math:`\mathbf h R = \mathbf h` and :math:`\mathbf h \cdot t` is no whole number
    (International Tables A, 2.1.3.13). No atom is looked at, so there are no intensities.

    Parameters
    ----------
    crystal
        The structure, of which the cell and the operations count.
    wavelength
        Radiation; positions are those of its first line.
    two_theta
        Lowest and highest angle in degrees.

    Raises
    ------
    BadInput
        For a range that is empty or outside 0 to 180°, or that asks for too many lines.
    """
    lines = make_radiation(wavelength)
    low, high = checked_range(two_theta)
    half = lines.wavelength / 2.0
    d_max = np.inf if low == 0 else half / np.sin(np.deg2rad(low) / 2.0)
    d_min = half / np.sin(np.deg2rad(high) / 2.0)
    hkl, multiplicity, d = plane_families(crystal, lattice_from_cell(crystal.cell), d_min, d_max)
    images = np.einsum("ni,mij->nmj", hkl, np.asarray(crystal.rotations, dtype=np.int64))
    kept = (images == hkl[:, None, :]).all(axis=2)
    phase = hkl @ np.asarray(crystal.translations).T
    shifted = (
        np.abs(phase - np.round(phase))
        > WHOLE_TURN * np.maximum(1.0, np.abs(hkl).max(axis=1))[:, None]
    )
    allowed = np.flatnonzero(~(kept & shifted).any(axis=1))
    order = allowed[np.argsort(-d[allowed], kind="stable")]
    return AllowedLines(
        two_theta=two_theta_from_d(d[order], wavelength=lines.wavelength),
        h=hkl[order, 0],
        k=hkl[order, 1],
        l=hkl[order, 2],
        d=d[order],
        multiplicity=multiplicity[order],
        wavelength=lines,
        name=crystal.name,
    )


def checked_range(two_theta: tuple[float, float]) -> tuple[float, float]:
    """Return a range of angles, or raise BadInput where it is none."""
    low, high = float(two_theta[0]), float(two_theta[1])
    if not 0.0 <= low < high < 180.0:
        raise BadInput(f"two_theta range {low:g} to {high:g}°", expected="0 ≤ min < max < 180")
    return low, high


def plane_families(
    crystal: Crystal, lattice: Array, d_min: float, d_max: float
) -> tuple[Planes, Planes, Array]:
    """Return one plane of each Laue family with d in range, its multiplicity and its d."""
    limits = np.floor(np.linalg.norm(lattice, axis=1) / d_min * (1 + 1e-9)).astype(int)
    if np.prod(2.0 * limits + 1) > MOST_CANDIDATES:
        raise BadInput(
            f"the range down to d = {d_min:.3g} Å holds too many reflections of a cell of "
            f"{abs(np.linalg.det(lattice)):.0f} Å³",
            expected="a smaller two_theta range or a longer wavelength",
        )
    h = np.arange(0, limits[0] + 1)
    k, el = (np.arange(-n, n + 1) for n in limits[1:])
    # One of each Friedel pair: h > 0, or h = 0 and k > 0, or h = k = 0 and l > 0.
    hkl = np.stack(np.meshgrid(h, k, el, indexing="ij"), axis=-1).reshape(-1, 3)
    hkl = hkl[limits[1] * (2 * limits[2] + 1) + limits[2] + 1 :]
    g = np.sqrt(squared_lengths(hkl, np.linalg.inv(lattice)))
    inside = (g <= (1 + 1e-12) / d_min) & (g * d_max >= 1 - 1e-12)
    hkl, g = hkl[inside], g[inside]
    base = 2 * int(limits.max()) + 3
    radix = np.array([base * base, base, 1])
    operations = np.asarray(crystal.rotations, dtype=np.int64)
    # Operations that differ by a centring have one rotation; one integer tells rotations apart.
    _, distinct = np.unique(operations.reshape(-1, 9) @ 3 ** np.arange(9), return_index=True)
    # The larger key of a plane and its Friedel mate is the absolute value.
    key = np.abs(hkl @ (operations[distinct] @ radix).T).max(axis=1)
    hkl, score = _readable(hkl, radix)
    order = np.lexsort((-score, key))
    starts = np.flatnonzero(np.diff(key[order], prepend=-1))
    counts = np.diff(starts, append=len(order))
    first = order[starts]
    return hkl[first], 2 * counts, 1.0 / g[first]


def _readable(hkl: Planes, radix: Planes) -> tuple[Planes, Planes]:
    """Return planes or their Friedel mates, with a score that is high for few minus signs."""
    code, minus, plus = hkl @ radix, np.sum(hkl < 0, axis=1), np.sum(hkl > 0, axis=1)
    span = 4 * radix[0] * radix[1]
    score, mate = code - minus * span, -code - plus * span
    flipped = mate > score
    return np.where(flipped[:, None], -hkl, hkl), np.maximum(score, mate)


def squared_lengths(hkl: Planes, reciprocal: NDArray[np.floating]) -> Array:
    """Return g² of planes, without a matrix product: those wake threads that cost more than it."""
    h, k, el = hkl.T.astype(float)
    metric = reciprocal.T @ reciprocal
    mixed = 2.0 * (metric[0, 1] * k + metric[0, 2] * el)
    rest = k * (metric[1, 1] * k + 2.0 * metric[1, 2] * el) + metric[2, 2] * el * el
    return np.asarray(h * (metric[0, 0] * h + mixed) + rest)
