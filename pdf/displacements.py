"""Which anisotropic displacements the symmetry of a site leaves free."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from xorder.results import Array
from xorder.structure import (
    SAME_POSITION,
    Atoms,
    Crystal,
    Site,
    cartesian_from_cif_u,
    cif_u_from_cartesian,
    lattice_from_cell,
)

__all__ = ["DisplacementFreedom", "displacement_freedom"]

#: Components in the order of CIF, as indices of the tensor.
COMPONENTS = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))
LABELS = ("u11", "u22", "u33", "u12", "u13", "u23")


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class DisplacementFreedom:
    """The free components of the displacement tensors of all sites."""

    names: tuple[str, ...]
    """Names such as ``"u33_Se1"``, one a free component."""
    site: NDArray[np.int64]
    """Index of the site of each, shape (names,)."""
    direction: Array
    """CIF tensor of the site for a unit of the component, shape (names, 3, 3)."""
    start: Array
    """Components of the structure in Å², shape (names,); NaN where it gives none."""
    lattice: Array
    """Cell vectors that turn CIF components into Cartesian ones, shape (3, 3)."""
    tensors: Array
    """Cartesian tensor on each atom for a unit of each component, shape (names, N, 3, 3)."""
    atom_site: NDArray[np.int64]
    """Site of each atom, shape (N,)."""

    def atom_tensors(self, values: Mapping[str, float]) -> Array:
        """Return the Cartesian displacement tensor of every atom, shape (N, 3, 3)."""
        amounts = np.array([values[name] for name in self.names])
        return np.asarray(np.einsum("d,dnij->nij", amounts, self.tensors))

    def start_values(self, default_uiso: float) -> dict[str, float]:
        """Return the structure's components, where it has none those of a sphere of that Uiso."""
        sphere = cif_u_from_cartesian(np.eye(3) * default_uiso, self.lattice)
        return {
            name: own if np.isfinite(own) else float(sphere[COMPONENTS[LABELS.index(name[:3])]])
            for name, own in zip(self.names, self.start.tolist(), strict=True)
        }

    def with_tensors(self, sites: Sequence[Site], values: Mapping[str, float]) -> tuple[Site, ...]:
        """Return the sites with their tensors, and the mean squares of these as Uiso."""
        tensors = self.site_tensors(values)
        means = np.trace(cartesian_from_cif_u(tensors, self.lattice), axis1=1, axis2=2) / 3.0
        return tuple(
            replace(site, uij=tensor, uiso=float(mean))
            for site, tensor, mean in zip(sites, tensors, means, strict=True)
        )

    def site_tensors(self, values: Mapping[str, float]) -> Array:
        """Return the CIF tensor of every site in Å², shape (sites, 3, 3)."""
        result = np.zeros((int(self.atom_site.max()) + 1, 3, 3))
        for name, site, direction in zip(self.names, self.site, self.direction, strict=True):
            result[site] += values[name] * direction
        return result


def displacement_freedom(crystal: Crystal, atoms: Atoms) -> DisplacementFreedom:
    """Return which components of the displacement tensors the site symmetries leave free.

    A tensor that its site's operations leave as it is is a mean over Q U Qᵀ; what such means span
    is free (Peterse & Palm, Acta Cryst. 20, 147, 1966, tabulate the same).
    """
    lattice = lattice_from_cell(crystal.cell)
    inverse = np.linalg.inv(lattice)
    rotations = np.einsum("ji,mjk,lk->mil", lattice, crystal.rotations, inverse)
    names: list[str] = []
    sites: list[int] = []
    directions: list[Array] = []
    starts: list[float] = []
    for index, site in enumerate(crystal.sites):
        moved = crystal.rotations @ site.xyz + crystal.translations - site.xyz
        distance = np.linalg.norm((moved - np.round(moved)) @ lattice, axis=1)
        for component, direction in _free_components(rotations[distance < SAME_POSITION], lattice):
            label = "".join(c if c.isalnum() else "_" for c in site.label)
            names.append(f"{LABELS[component]}_{label}")
            sites.append(index)
            directions.append(direction)
            isotropic = cif_u_from_cartesian(np.eye(3) * site.uiso, lattice)
            own = isotropic if site.uij is None else site.uij
            starts.append(float(own[COMPONENTS[component]]))
    return DisplacementFreedom(
        names=tuple(names),
        site=np.array(sites, dtype=np.int64),
        direction=np.array(directions).reshape(-1, 3, 3),
        start=np.array(starts),
        lattice=lattice,
        tensors=_on_atoms(np.array(directions), np.array(sites), rotations, lattice, atoms),
        atom_site=np.asarray(atoms.site, dtype=np.int64),
    )


def _on_atoms(
    direction: Array, site: NDArray[np.int64], rotations: Array, lattice: Array, atoms: Atoms
) -> Array:
    cartesian = cartesian_from_cif_u(direction, lattice)
    turns = rotations[atoms.operation]
    turned = np.einsum("nij,djk,nlk->dnil", turns, cartesian, turns)
    own = site[:, None] == atoms.site[None, :]
    return np.asarray(turned * own[:, :, None, None])


def _free_components(turns: Array, lattice: Array) -> list[tuple[int, Array]]:
    """Return (component, CIF tensor) of the tensors that the turns leave, component of it one."""
    rows = []
    for i, j in COMPONENTS:
        unit = np.zeros((3, 3))
        unit[i, j] = unit[j, i] = 1.0
        cartesian = cartesian_from_cif_u(unit, lattice)
        mean = np.mean(turns @ cartesian @ np.swapaxes(turns, 1, 2), axis=0)
        tensor = cif_u_from_cartesian(mean, lattice)
        rows.append([tensor[place] for place in COMPONENTS])
    table = np.array(rows)
    found: list[tuple[int, Array]] = []
    for component in range(6):
        pivot = int(np.argmax(np.abs(table[:, component])))
        if abs(table[pivot, component]) < 1e-6:
            continue
        row = table[pivot] / table[pivot, component]
        table = table - np.outer(table[:, component], row)
        found = [(c, other - other[component] * row) for c, other in found]
        found.append((component, row))
    return [(component, _symmetric(row)) for component, row in found]


def _symmetric(row: Array) -> Array:
    tensor = np.zeros((3, 3))
    for value, (i, j) in zip(row, COMPONENTS, strict=True):
        tensor[i, j] = tensor[j, i] = value
    return np.where(np.abs(tensor) < 1e-12, 0.0, tensor)
