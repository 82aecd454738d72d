"""Scattering paths as a table: what each is, how much it counts, and which are focused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xorder.errors import BadInput
from xorder.results import Array, Result, quantity, recorded
from xorder.xas.scattering_paths import ScatteringPath

__all__ = ["PathTable", "tabulate_paths"]


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class PathTable(Result):
    """One row a path, in the order given."""

    path: NDArray[np.int64] = quantity(dims=("path",))
    """Number of the path, from 1, shape (N,)."""
    atoms: NDArray[np.str_] = quantity(dims=("path",))
    """The way from the absorber back to it, such as ``"Ta–Cl–Ta–Cl–Ta"``."""
    site: NDArray[np.str_] = quantity(dims=("path",))
    """Which absorber; empty where unknown."""
    reff: Array = quantity("Å", symbol="R_eff", dims=("path",))
    """Half length."""
    degeneracy: Array = quantity(symbol="N", dims=("path",))
    """How many such paths there are for one absorber of the average."""
    importance: Array = quantity("%", dims=("path",))
    """Size of χ without disorder, relative to the largest path."""
    n_legs: NDArray[np.int64] = quantity(dims=("path",))
    """Legs."""
    kind: NDArray[np.str_] = quantity(dims=("path",))
    """``"single"``, ``"double"``, ``"triple"`` … scattering."""
    focusing: NDArray[np.bool_] = quantity(dims=("path",))
    """True where an atom on the way stands within 20° of straight on."""
    legs: NDArray[np.str_] = quantity("Å", dims=("path",))
    """Lengths of the legs."""
    angles: NDArray[np.str_] = quantity("°", dims=("path",))
    """Scattering angles on the way: 0 straight on, 180 straight back."""

    def describe(self) -> str:
        """Return the table as plain text, focusing paths marked by a star."""
        wide = max([len("atoms"), *map(len, self.atoms)])
        with_site = bool(np.any(self.site != ""))
        place = max([len("site"), *map(len, self.site)]) if with_site else 0
        head = f"{'':>5}  {'atoms':<{wide}}  {'site':<{place}}" if with_site else ""
        head = head or f"{'':>5}  {'atoms':<{wide}}"
        lines = [f"{head}  R_eff (Å)      N    %  legs (Å) and angles (°)"]
        for i in range(self.path.size):
            words = f"{self.path[i]:>4}{'*' if self.focusing[i] else ' '}  {self.atoms[i]:<{wide}}"
            if with_site:
                words += f"  {self.site[i]:<{place}}"
            words += f"  {self.reff[i]:9.4f}  {self.degeneracy[i]:5.2f}  {self.importance[i]:3.0f}"
            lines.append(f"{words}  {self.legs[i]};  {self.angles[i]}")
        lines.append("* focused: an atom on the way stands within 20° of straight on")
        return "\n".join(lines)


@recorded
def tabulate_paths(paths: Sequence[ScatteringPath]) -> PathTable:
    """Return a table of scattering paths.

    Importance is relative to the largest of the paths given; FEFF's own list (``files.dat``) takes
    the first.

    Raises
    ------
    BadInput
        No paths.
    """
    if not paths:
        raise BadInput("there are no paths to tabulate", expected="at least one")
    importance = np.array([path.importance for path in paths])
    return PathTable(
        path=np.arange(1, len(paths) + 1),
        atoms=np.array(["–".join((*p.elements, p.elements[0])) for p in paths]),
        site=np.array([p.site for p in paths]),
        reff=np.array([p.reff for p in paths]),
        degeneracy=np.array([p.degeneracy for p in paths]),
        importance=100.0 * importance / importance.max(),
        n_legs=np.array([p.n_legs for p in paths]),
        kind=np.array([p.kind for p in paths]),
        focusing=np.array([p.focusing for p in paths]),
        legs=np.array([" ".join(f"{leg:.3f}" for leg in p.legs) for p in paths]),
        angles=np.array([" ".join(f"{angle:.1f}" for angle in p.angles) for p in paths]),
    )
