"""One crystal as a phase of a whole-pattern model: its lines and their derivatives.

What varies slowly with the cell (form factors, displacements, Lorentz-polarization, widths) is
taken at the cell the list of lines was made for; the list is made anew when the cell has moved.
Positions follow the cell itself. So every derivative is exact and each parameter acts on one of
three things of a line: its centre, its shape, or its area.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from xorder.diffraction.profiles import tch_from_widths
from xorder.diffraction.radiation import Radiation, lorentz_polarization
from xorder.diffraction.reflections import Reflections, calculate_reflections
from xorder.diffraction.symmetry_constraints import (
    CellFreedom,
    SiteFreedom,
    cell_freedom,
    identifier,
    site_freedom,
)
from xorder.errors import BadInput
from xorder.results import Array
from xorder.scattering import dispersion, form_factor
from xorder.structure import Atoms, Crystal, lattice_from_cell, unit_cell_atoms

__all__ = ["Lines", "PhaseModel", "Shapes", "refined_crystal"]

#: Scherrer's K for the FWHM of isotropic domains, as in `fwhm_from_size`.
SHAPE_FACTOR = 0.9
#: Names of the parameters that widen lines, in the order of their rows.
SHAPE_NAMES = ("u", "v", "w", "x", "y", "inverse_size", "strain")
#: Widths are kept above this (degrees), so that a step to no width is a bad step only.
NARROWEST = 1e-3
#: Displacement in Å² of sites without one.
DEFAULT_UISO = 0.01

Rows = dict[str, Array]


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Lines:
    """Centres or areas of all lines, and their derivatives by name, one entry a line."""

    value: Array
    slopes: Rows


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Shapes:
    """FWHM and mixing of all lines, and their derivatives by name."""

    fwhm: Array
    eta: Array
    fwhm_slopes: Rows
    eta_slopes: Rows


class PhaseModel:
    """A crystal's lines in a range, ready to be computed many times.

    Parameters are given by their local names: free cell lengths and angles, ``x_O1``, ``uiso_O1``
    (or of an element), ``occupancy_Na1``, ``scale``, ``inverse_size``, ``strain``, ``march`` and
    those of the instrument.
    """

    def __init__(
        self,
        crystal: Crystal,
        *,
        radiation: Radiation,
        two_theta: tuple[float, float],
        uiso: str = "",
        occupancies: Sequence[str] = (),
        plane: tuple[int, int, int] | None = None,
    ) -> None:
        self.crystal = crystal
        self.radiation = radiation
        self.cell: CellFreedom = cell_freedom(crystal)
        self.positions: tuple[SiteFreedom, ...] = site_freedom(crystal)
        self.displacements = _displacement_groups(crystal, uiso)
        self.occupancies = {
            f"occupancy_{identifier(label)}": _site_index(crystal, label) for label in occupancies
        }
        filled = _with_uiso(crystal, isotropic=bool(uiso))
        self.found: Reflections = calculate_reflections(
            filled, wavelength=radiation, two_theta=two_theta
        )
        self.hkl = self.found.hkl.astype(float)
        self._set_lines()
        self.factors = _StructureFactors(filled, self.found, self.positions)
        lp = lorentz_polarization(self.found.two_theta, polarization=radiation.polarization)
        self.weight = self.found.multiplicity * lp
        self.march = None if plane is None else _MarchDollase(crystal, self.found, plane)
        march = () if plane is None else ("march",)
        self.local_names = ("scale", "inverse_size", "strain", *self.start(), *march)

    def _set_lines(self) -> None:
        """Lay out one line a reflection and wavelength; lines that cannot reach are left out."""
        wavelengths = np.array(self.radiation.wavelengths)
        sine = wavelengths[None, :] / (2.0 * self.found.d[:, None])
        reached = sine < 1.0
        reflection, spectral = np.nonzero(reached)
        self.reflection: NDArray[np.int64] = reflection
        self.wavelength = wavelengths[spectral]
        self.share = np.array(self.radiation.weights)[spectral]
        theta = np.arcsin(sine[reached])
        self.tangent, self.cosine = np.tan(theta), np.cos(theta)

    def start(self) -> dict[str, float]:
        """Return the values of the structure for its free parameters."""
        cell = dict(zip(("a", "b", "c", "alpha", "beta", "gamma"), self.cell.start, strict=True))
        values = {name: float(cell[name]) for name in self.cell.names}
        values |= {freedom.name: freedom.start for freedom in self.positions}
        uiso = _equivalent_uiso(self.crystal)
        for name, members in self.displacements.items():
            values[name] = float(np.mean(uiso[members]))
        for name, index in self.occupancies.items():
            values[name] = float(self.crystal.sites[index].occupancy)
        return values

    def centres(self, values: Mapping[str, float]) -> Lines:
        r"""Return the position of every line in degrees.

        .. math:: 2\theta = 2\arcsin(\lambda g/2) + z - \frac{2s}{R}\cos\theta,
                  \quad g^2 = h^T G^* h

        with zero shift :math:`z` and displacement :math:`s/R` of the sample from the axis.
        """
        metric, slopes = self.cell.reciprocal_metric(values)
        g = np.sqrt(np.einsum("ni,ij,nj->n", self.hkl, metric, self.hkl))[self.reflection]
        sine = np.minimum(0.5 * self.wavelength * g, 1.0 - 1e-9)
        theta = np.arcsin(sine)
        cosine = np.cos(theta)
        shift = 2.0 * values.get("displacement", 0.0) / values.get("radius", 1.0)
        rise = np.rad2deg(2.0 + shift * sine) * 0.5 * self.wavelength / cosine
        by_metric = {
            name: rise
            * (np.einsum("ni,ij,nj->n", self.hkl, slope, self.hkl)[self.reflection] / (2.0 * g))
            for name, slope in slopes.items()
        }
        return Lines(
            value=np.rad2deg(2.0 * theta - shift * cosine) + values.get("zero_shift", 0.0),
            slopes=by_metric
            | {
                "zero_shift": np.ones_like(theta),
                "displacement": np.rad2deg(-2.0 * cosine / values.get("radius", 1.0)),
            },
        )

    def shapes(self, values: Mapping[str, float]) -> Shapes:
        """Return FWHM and mixing of every line: instrument, size and strain by TCH."""
        u, v, w, x, y, inverse_size, strain = (values[name] for name in SHAPE_NAMES)
        tangent, cosine = self.tangent, self.cosine
        scherrer = np.rad2deg(SHAPE_FACTOR * self.wavelength / cosine)
        squared = u * tangent**2 + v * tangent + w
        gauss = np.sqrt(np.maximum(squared, NARROWEST**2))
        lorentz = x * tangent + y / cosine + inverse_size * scherrer
        lorentz = np.maximum(lorentz + strain * np.rad2deg(4.0 * tangent), 0.0)
        fwhm, eta = tch_from_widths(gauss, lorentz)
        by_gauss, by_lorentz, eta_by_gauss, eta_by_lorentz = _tch_slopes(gauss, lorentz, fwhm)
        real = squared > NARROWEST**2
        gauss_rows = {
            "u": real * tangent**2 / (2.0 * gauss),
            "v": real * tangent / (2.0 * gauss),
            "w": real / (2.0 * gauss),
        }
        lorentz_rows = {
            "x": tangent,
            "y": 1.0 / cosine,
            "inverse_size": scherrer,
            "strain": np.rad2deg(4.0 * tangent),
        }
        return Shapes(
            fwhm=fwhm,
            eta=eta,
            fwhm_slopes={n: by_gauss * r for n, r in gauss_rows.items()}
            | {n: by_lorentz * r for n, r in lorentz_rows.items()},
            eta_slopes={n: eta_by_gauss * r for n, r in gauss_rows.items()}
            | {n: eta_by_lorentz * r for n, r in lorentz_rows.items()},
        )

    def areas(self, values: Mapping[str, float], names: Sequence[str]) -> Lines:
        """Return the area of every line in counts times degrees; derivatives for `names` only."""
        f_squared, slopes = self.factors.squared(self, values, names)
        weight = self.weight
        if self.march is not None:
            factor, by_march = self.march.factor(values["march"])
            slopes = {name: slope * factor for name, slope in slopes.items()}
            slopes["march"] = f_squared * by_march
            f_squared = f_squared * factor
        scale = values["scale"]
        slopes["scale"] = f_squared / scale if scale != 0 else np.zeros_like(f_squared)

        def lines(of_reflections: Array) -> Array:
            return np.asarray((weight * of_reflections)[self.reflection] * self.share)

        unscaled = lines(f_squared)
        rows = {n: scale * lines(s) for n, s in slopes.items() if n in names and n != "scale"}
        return Lines(value=scale * unscaled, slopes=rows | {"scale": unscaled})


class _StructureFactors:
    """|F|² of a list of reflections as a function of positions, displacements and occupancies."""

    def __init__(
        self, crystal: Crystal, found: Reflections, positions: Sequence[SiteFreedom]
    ) -> None:
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

    def squared(
        self, model: PhaseModel, values: Mapping[str, float], names: Sequence[str]
    ) -> tuple[Array, Rows]:
        """Return |F|², mean of Friedel mates, and its derivatives."""
        phases = self._phases(values)
        uiso, occupancy = self._site_values(model, values)
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
        for name, sites in model.displacements.items():
            own = np.isin(self.sites, sites)
            slopes[name] = -8.0 * np.pi**2 * self.s_squared * each[:, own].sum(axis=1)
        for name, index in model.occupancies.items():
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

    def _site_values(self, model: PhaseModel, values: Mapping[str, float]) -> tuple[Array, Array]:
        uiso, occupancy = self.uiso.copy(), self.occupancy.copy()
        for name, sites in model.displacements.items():
            uiso[np.isin(self.sites, sites)] = values[name]
        for name, index in model.occupancies.items():
            occupancy[self.sites == index] = values[name]
        return uiso, occupancy


class _MarchDollase:
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


def refined_crystal(model: PhaseModel, values: Mapping[str, float]) -> Crystal:
    """Return the crystal with cell, positions, displacements and occupancies of `values`."""
    shifts = np.zeros((len(model.crystal.sites), 3))
    for freedom in model.positions:
        change = values.get(freedom.name, freedom.start) - freedom.start
        shifts[freedom.site] += freedom.direction * change
    sites = list(model.crystal.sites)
    for index, site in enumerate(sites):
        if shifts[index].any():
            sites[index] = replace(site, xyz=site.xyz + shifts[index])
    for name, members in model.displacements.items():
        for index in members:
            sites[index] = replace(sites[index], uiso=values[name], uij=None)
    for name, index in model.occupancies.items():
        sites[index] = replace(sites[index], occupancy=values[name])
    return replace(model.crystal, cell=model.cell.cell(values), sites=tuple(sites), provenance=None)


def _tch_slopes(gauss: Array, lorentz: Array, fwhm: Array) -> tuple[Array, Array, Array, Array]:
    """Return dΓ/dG, dΓ/dL, dη/dG and dη/dL of the Thompson–Cox–Hastings pseudo-Voigt."""
    g, el = gauss, lorentz
    by_g = 5 * g**4 + 4 * 2.69269 * g**3 * el + 3 * 2.42843 * g**2 * el**2
    by_g += 2 * 4.47163 * g * el**3 + 0.07842 * el**4
    by_l = 2.69269 * g**4 + 2 * 2.42843 * g**3 * el + 3 * 4.47163 * g**2 * el**2
    by_l += 4 * 0.07842 * g * el**3 + 5 * el**4
    fwhm_g, fwhm_l = by_g / (5.0 * fwhm**4), by_l / (5.0 * fwhm**4)
    ratio = el / fwhm
    by_ratio = 1.36603 - 2 * 0.47719 * ratio + 3 * 0.11116 * ratio**2
    return fwhm_g, fwhm_l, -by_ratio * ratio * fwhm_g / fwhm, by_ratio * (1 - ratio * fwhm_l) / fwhm


def _site_factors(
    atoms: Atoms, first: NDArray[np.int64], found: Reflections
) -> tuple[Array, Array]:
    """Return f0 + f' and f'' of each site, shapes (N, sites) and (sites,)."""
    s = 1.0 / (2.0 * found.d)
    species = [str(name) for name in atoms.species[first]]
    elements = [str(name) for name in atoms.elements[first]]
    anomalous = {e: dispersion(e, found.wavelength.wavelength) for e in set(elements)}
    bare = {name: form_factor(name, s) for name in set(species)}
    real = np.stack(
        [bare[n] + anomalous[e].real for n, e in zip(species, elements, strict=True)], axis=1
    )
    return real, np.array([anomalous[e].imag for e in elements])


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


def _equivalent_uiso(crystal: Crystal) -> Array:
    """Return the isotropic displacement of each site; a usual one where there is none."""
    found = [site.uiso for site in crystal.sites]
    for index, site in enumerate(crystal.sites):
        if not math.isfinite(site.uiso) and site.uij is not None:
            found[index] = float(np.trace(site.uij)) / 3.0
    return np.array([u if math.isfinite(u) else DEFAULT_UISO for u in found])


def _with_uiso(crystal: Crystal, *, isotropic: bool) -> Crystal:
    uiso = _equivalent_uiso(crystal)
    sites = tuple(
        replace(site, uiso=float(u), uij=None if isotropic else site.uij)
        for site, u in zip(crystal.sites, uiso, strict=True)
    )
    return replace(crystal, sites=sites, provenance=None)


def _displacement_groups(crystal: Crystal, uiso: str) -> dict[str, list[int]]:
    groups: dict[str, list[int]] = {}
    for index, site in enumerate(crystal.sites):
        if uiso == "site":
            groups.setdefault(f"uiso_{identifier(site.label)}", []).append(index)
        elif uiso == "element":
            groups.setdefault(f"uiso_{site.element}", []).append(index)
        elif uiso == "phase":
            groups.setdefault("uiso", []).append(index)
    return groups


def _site_index(crystal: Crystal, label: str) -> int:
    labels = [site.label for site in crystal.sites]
    if label not in labels:
        raise BadInput(
            f"{crystal.name} has no site {label!r}", expected="one of " + ", ".join(labels)
        )
    return labels.index(label)
