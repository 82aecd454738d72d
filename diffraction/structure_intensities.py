"""|F|² and preferred orientation of a list of reflections, with exact derivatives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from xorder.diffraction.atomic_factors import bare_factor, dispersions
from xorder.diffraction.reflections import Reflections
from xorder.diffraction.symmetry_constraints import SiteFreedom
from xorder.errors import BadInput
from xorder.results import Array
from xorder.structure import Atoms, Crystal, lattice_from_cell, unit_cell_atoms

__all__ = ["MarchDollase", "Rows", "StructureFactors"]

Rows = dict[str, Array]


class StructureFactors:
    """|F|² of a list of reflections as a function of positions, displacements and occupancies."""

    def __init__(
        self,
        crystal: Crystal,
        found: Reflections,
        positions: Sequence[SiteFreedom],
        displacements: Mapping[str, Sequence[int]],
        occupancies: Mapping[str, int],
    ) -> None:
        self.displacements = displacements
        self.occupancies = occupancies
        atoms = unit_cell_atoms(crystal)
        self.atoms = atoms
        self.hkl = found.hkl.astype(float)
        self.s_squared = 1.0 / (4.0 * found.d**2)
        self.first = np.flatnonzero(np.diff(atoms.site, prepend=-1))
        self.sites = atoms.site[self.first]
        self.real, self.imaginary = _site_factors(atoms, self.first, found)
        self.occupancy = atoms.occupancy[self.first]
        isotropic, self.attenuation = _thermal_factors(atoms, self.hkl)
        self.uiso = isotropic[self.first]
        self.directions = {p.name: _atom_directions(crystal, atoms, p) for p in positions}
        self.starts = {p.name: p.start for p in positions}

    def squared(self, values: Mapping[str, float], names: Sequence[str]) -> tuple[Array, Rows]:
        """Return |F|², mean of Friedel mates, and its derivatives."""
        phases = self._phases(values)
        uiso, occupancy = self._site_values(values)
        thermal = np.exp(-8.0 * np.pi**2 * self.s_squared[:, None] * uiso)
        sums = np.add.reduceat(phases, self.first, axis=1) * thermal
        real, imaginary = occupancy * self.real, occupancy * self.imaginary
        a = np.sum(real * sums, axis=1)
        b = np.sum(imaginary * sums, axis=1)
        slopes: Rows = {}
        # d|F|² for a change of one site's sum, as a weight on that sum.
        toward = a.conj()[:, None] * real + b.conj()[:, None] * imaginary
        for name, (members, direction) in self.directions.items():
            if name in names:
                site = int(np.searchsorted(self.first, members[0], side="right")) - 1
                turn = 2j * np.pi * (self.hkl @ direction.T)
                moved = np.sum(turn * phases[:, members], axis=1) * thermal[:, site]
                slopes[name] = 2.0 * np.real(toward[:, site] * moved)
        each = 2.0 * np.real(toward * sums)
        for name, sites in self.displacements.items():
            own = np.isin(self.sites, sites)
            slopes[name] = -8.0 * np.pi**2 * self.s_squared * each[:, own].sum(axis=1)
        for name, index in self.occupancies.items():
            own = self.sites == index
            bare = a.conj()[:, None] * self.real + b.conj()[:, None] * self.imaginary
            slopes[name] = 2.0 * np.real(bare * sums)[:, own].sum(axis=1)
        return np.asarray(np.abs(a) ** 2 + np.abs(b) ** 2), slopes

    def _phases(self, values: Mapping[str, float]) -> NDArray[np.complex128]:
        xyz = self.atoms.xyz.copy()
        for name, (members, direction) in self.directions.items():
            xyz[members] += direction * (values.get(name, self.starts[name]) - self.starts[name])
        phases: NDArray[np.complex128] = np.exp(2j * np.pi * (self.hkl @ xyz.T))
        return phases if self.attenuation is None else np.asarray(phases * self.attenuation)

    def _site_values(self, values: Mapping[str, float]) -> tuple[Array, Array]:
        uiso, occupancy = self.uiso.copy(), self.occupancy.copy()
        for name, sites in self.displacements.items():
            uiso[np.isin(self.sites, sites)] = values[name]
        for name, index in self.occupancies.items():
            occupancy[self.sites == index] = values[name]
        return uiso, occupancy


class MarchDollase:
    """Preferred orientation as a function of r; Dollase, J. Appl. Cryst. 19, 267 (1986), eq. 1."""

    def __init__(self, crystal: Crystal, found: Reflections, plane: tuple[int, int, int]) -> None:
        if len(plane) != 3 or not any(plane):
            raise BadInput(f"preferred orientation about {plane}", expected="a plane such as 0 0 1")
        reciprocal = np.linalg.inv(lattice_from_cell(crystal.cell))
        axis = reciprocal @ np.asarray(plane, dtype=float)
        rotations = np.unique(crystal.rotations, axis=0)
        images = np.einsum("ni,mij->nmj", found.hkl, rotations) @ reciprocal.T
        cosine = images @ axis / (np.linalg.norm(images, axis=2) * np.linalg.norm(axis))
        self.cosine_squared = np.minimum(cosine**2, 1.0)

    def factor(self, march: float) -> tuple[Array, Array]:
        """Return the factor of each reflection and its derivative by r."""
        cosine, sine = self.cosine_squared, 1.0 - self.cosine_squared
        base = march**2 * cosine + sine / march
        slope = 2.0 * march * cosine - sine / march**2
        return np.mean(base**-1.5, axis=1), np.mean(-1.5 * base**-2.5 * slope, axis=1)


def _site_factors(
    atoms: Atoms, first: NDArray[np.int64], found: Reflections
) -> tuple[Array, Array]:
    """Return f0 + f' (b of neutrons) and f'' of each site, shapes (N, sites) and (sites,)."""
    s = 1.0 / (2.0 * found.d)
    species = [str(name) for name in atoms.species[first]]
    anomalous = dispersions(species, found.wavelength)
    bare = {name: bare_factor(name, s, found.wavelength) for name in set(species)}
    real = np.stack([bare[n] + f.real for n, f in zip(species, anomalous, strict=True)], axis=1)
    return real, anomalous.imag


def _thermal_factors(atoms: Atoms, hkl: Array) -> tuple[Array, Array | None]:
    """Return the isotropic displacements, and the attenuation of the anisotropic rest."""
    isotropic = np.einsum("nii->n", atoms.u) / 3.0
    rest = atoms.u - isotropic[:, None, None] * np.eye(3)
    if not np.abs(rest).max() > 1e-12:
        return isotropic, None
    reciprocal = np.linalg.inv(atoms.lattice)
    beta = np.einsum("ia,nab,jb->nij", reciprocal.T, rest, reciprocal.T)
    products = (hkl[:, :, None] * hkl[:, None, :]).reshape(-1, 9)
    return isotropic, np.exp(-2.0 * np.pi**2 * products @ beta.reshape(-1, 9).T)


def _atom_directions(
    crystal: Crystal, atoms: Atoms, freedom: SiteFreedom
) -> tuple[NDArray[np.int64], Array]:
    """Return the atoms that a coordinate moves and their fractional moves, (M,) and (M, 3)."""
    members = np.flatnonzero(atoms.site == freedom.site)
    rotations = crystal.rotations[atoms.operation[members]]
    return members, np.asarray(rotations @ freedom.direction, dtype=float)
