"""Which atoms of a cell the symmetry makes alike, so that one stands for all in sums over pairs."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from xorder.structure import Atoms, Crystal

__all__ = ["orbits_of"]

#: Largest relative change of the metric, and distance of a translation from its fraction.
SAME = 1e-9
#: Translations of space groups are multiples of a part of this.
PARTS = 24


def orbits_of(crystal: Crystal, atoms: Atoms) -> NDArray[np.int64]:
    """Return the orbit of each atom, shape (N,).

    The atoms of a site are alike where the operations are a group that leaves the cell as it is;
    where numbers were rounded so that they do not, each atom is an orbit of its own.
    """
    rotations = crystal.rotations
    metric = atoms.lattice @ atoms.lattice.T
    turned = np.swapaxes(rotations, 1, 2) @ metric @ rotations
    exact = np.abs(turned - metric).max() <= SAME * np.abs(metric).max()
    if exact and _is_group(
        np.asarray(rotations, dtype=float).tobytes(),
        np.asarray(crystal.translations, dtype=float).tobytes(),
    ):
        return np.asarray(atoms.site, dtype=np.int64)
    return np.arange(len(atoms.xyz))


@functools.lru_cache(maxsize=64)
def _is_group(rotations: bytes, translations: bytes) -> bool:
    """Say whether the product of any two operations is one of them, modulo the lattice."""
    turns = np.frombuffer(rotations).reshape(-1, 3, 3)
    shifts = np.frombuffer(translations).reshape(-1, 3) * PARTS
    if np.abs(shifts - np.round(shifts)).max() > SAME * PARTS:
        return False
    products = np.einsum("aij,bjk->abik", turns, turns).reshape(-1, 3, 3)
    moved = (np.einsum("aij,bj->abi", turns, shifts) + shifts[:, None]).reshape(-1, 3)
    return bool(np.isin(_codes(products, moved), _codes(turns, shifts)).all())


def _codes(turns: NDArray[np.float64], shifts: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return one whole number for each operation."""
    digits = np.round(turns.reshape(len(turns), 9)).astype(np.int64) + 4
    parts = np.round(shifts).astype(np.int64) % PARTS
    return np.asarray(digits @ 9 ** np.arange(9) * PARTS**3 + parts @ PARTS ** np.arange(3))
