"""Bragg reflections of a crystal: positions, multiplicities and |F|², as arrays."""

from __future__ import annotations

import functools
import warnings
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from xorder.diffraction.atomic_factors import bare_factor, dispersions
from xorder.diffraction.pattern import two_theta_from_d
from xorder.diffraction.planes import Planes, checked_range, plane_families, squared_lengths
from xorder.diffraction.radiation import Radiation, make_radiation
from xorder.errors import BadInput, BadStructure, StructureWarning
from xorder.results import Array, Result, quantity, recorded
from xorder.scattering import atomic_mass, form_factor, neutron_length
from xorder.structure import Atoms, Crystal, unit_cell_atoms

__all__ = [
    "Reflections",
    "calculate_reflections",
    "equivalent_planes",
    "find_reflections",
    "structure_factors",
    "with_displacements",
]

#: Phases are made in blocks of this many complex numbers (1 MB), which stay in the cache.
BLOCK = 1 << 16
#: More planes times atoms than this are left to the compiled sum, which takes time to load.
COMPILED = 200_000
#: With this many kinds of atoms their displacement factors are summed as a series of this many
#: terms, as far as the exponent reaches: 0.6¹³/13! = 2e-13.
FEW_KINDS, SERIES_TERMS, SERIES_REACH = 30, 13, 0.6
#: |F|² below this share of (Σ f)² is zero: extinct.
EXTINCT = 1e-14


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Reflections(Result):
    """The Bragg reflections of a crystal in a range, one of each symmetry-equivalent family.

    Families are those of the Laue class of the crystal's own operations, in its own setting.
    Reflections that are extinct are not here.
    """

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
    f_squared: Array = quantity("e²", symbol="|F|²", dims=("two_theta",))
    """Squared structure factor of a plane and cell, mean of the Friedel mates; fm² of neutrons."""
    wavelength: Radiation
    """The radiation."""
    name: str = ""
    """Name of the crystal."""
    volume: float = quantity("Å³", symbol="V", default=float("nan"))
    """Volume of the cell."""
    mass: float = quantity("g/mol", symbol="ZM", default=float("nan"))
    """Mass of the cell's content."""
    default_uiso: tuple[str, ...] = ()
    """Labels of the sites whose displacement was assumed, because the structure gives none."""

    @property
    def hkl(self) -> Planes:
        """Miller indices, shape (N, 3)."""
        return np.stack([self.h, self.k, self.l], axis=1)


@recorded
def calculate_reflections(
    crystal: Crystal,
    *,
    wavelength: Radiation | str | float = "CuKa",
    two_theta: tuple[float, float] = (5.0, 90.0),
    uiso: float = 0.01,
) -> Reflections:
    """Return the reflections of a crystal between two angles.

    Parameters
    ----------
    crystal
        The structure.
    wavelength
        Radiation; positions, f' and f'' are those of its first line.
    two_theta
        Lowest and highest angle in degrees.
    uiso
        Displacement in Å² for sites without one; a `StructureWarning` names them.

    Returns
    -------
    :
        Reflections in ascending order of two_theta.

    Raises
    ------
    BadInput
        For a range that is empty or outside 0 to 180°, or that asks for too many reflections.
    BadStructure
        For a displacement that is negative.
    """
    return find_reflections(crystal, make_radiation(wavelength), two_theta, uiso)


def find_reflections(
    crystal: Crystal,
    lines: Radiation,
    two_theta: tuple[float, float],
    uiso: float,
    *,
    compiled: bool = False,
) -> Reflections:
    """Return what `calculate_reflections` does, without the provenance that patterns hold once.

    `compiled` says that compiled code is loaded anyway, so that it pays for small cells too.
    """
    low, high = checked_range(two_theta)
    half = lines.wavelength / 2.0
    d_max = np.inf if low == 0 else half / np.sin(np.deg2rad(low) / 2.0)
    d_min = half / np.sin(np.deg2rad(high) / 2.0)
    atoms, assumed = with_displacements(crystal, uiso)
    hkl, multiplicity, d = plane_families(crystal, atoms.lattice, d_min, d_max)
    f_squared = structure_factors(atoms, hkl, wavelength=lines, compiled=True if compiled else None)
    strength = np.sum(atoms.occupancy * [_forward(str(e), lines.probe) for e in atoms.elements])
    seen = f_squared > EXTINCT * strength**2
    order = np.flatnonzero(seen)[np.argsort(-d[seen], kind="stable")]
    hkl = hkl[order]
    return Reflections(
        two_theta=two_theta_from_d(d[order], wavelength=lines.wavelength),
        h=hkl[:, 0],
        k=hkl[:, 1],
        l=hkl[:, 2],
        d=d[order],
        multiplicity=multiplicity[order],
        f_squared=f_squared[order],
        wavelength=lines,
        name=crystal.name,
        volume=atoms.volume,
        mass=float(np.sum(atoms.occupancy * [atomic_mass(str(e)) for e in atoms.elements])),
        default_uiso=assumed,
    )


def structure_factors(
    atoms: Atoms, hkl: Planes, *, wavelength: Radiation | float, compiled: bool | None = None
) -> Array:
    r"""Return |F|² of planes, the mean of the Friedel mates.

    .. math:: F(\mathbf h) = \sum_j o_j (f_{0j} + f'_j + i f''_j) T_j(\mathbf h)
              e^{2\pi i \mathbf h\cdot\mathbf x_j}

    With :math:`F = A + iB` split into the sums over :math:`f_0 + f'` and over :math:`f''`, the
    mean of :math:`|F(\mathbf h)|^2` and :math:`|F(-\mathbf h)|^2` is :math:`|A|^2 + |B|^2`.

    Parameters
    ----------
    atoms
        All atoms of the cell, displacements included.
    hkl
        Planes, shape (N, 3).
    wavelength
        Wavelength of X-rays in Å, for f' and f''; or the radiation, such as neutrons.
    compiled
        Whether to sum in compiled code, which takes half a second to load; where None, where there
        is enough to sum.

    Returns
    -------
    :
        |F|² in electrons², of neutrons in fm², shape (N,).
    """
    table = _Table(atoms, make_radiation(wavelength))
    compiled = len(hkl) * len(atoms.xyz) > COMPILED if compiled is None else compiled
    if compiled and len(hkl):
        return table.f_squared_compiled(hkl)
    result = np.empty(len(hkl))
    rows = max(1, BLOCK // max(1, len(atoms.xyz)))
    for first in range(0, len(hkl), rows):
        block = hkl[first : first + rows]
        result[first : first + rows] = table.f_squared(block)
    return result


def equivalent_planes(crystal: Crystal, plane: tuple[int, int, int]) -> Planes:
    """Return the family of a plane under the crystal's Laue class, shape (multiplicity, 3)."""
    images = np.asarray(plane) @ np.asarray(crystal.rotations)
    return np.asarray(np.unique(np.concatenate([images, -images]), axis=0))


class _Table:
    """Atoms sorted into kinds of one form factor and one isotropic displacement."""

    def __init__(self, atoms: Atoms, radiation: Radiation) -> None:
        self.radiation = radiation
        isotropic = np.einsum("nii->n", atoms.u) / 3.0
        spread = np.abs(atoms.u - isotropic[:, None, None] * np.eye(3)).max(axis=(1, 2))
        self.anisotropic = spread > 1e-12
        uiso = np.where(self.anisotropic, 0.0, np.round(isotropic, 12))
        keys = list(zip(atoms.species.tolist(), uiso.tolist(), strict=True))
        kinds = sorted(set(keys))
        index = {kind: i for i, kind in enumerate(kinds)}
        members = np.array([index[key] for key in keys])
        # Anisotropic atoms come last and kinds stand together, so that factors and sums are slices.
        order = np.lexsort((members, self.anisotropic))
        kinds = [kinds[i] for i in dict.fromkeys(members[order].tolist())]
        self.starts = np.flatnonzero(np.diff(members[order], prepend=-1))
        self.xyz = atoms.xyz[order]
        self.occupancy = atoms.occupancy[order]
        self.first_anisotropic = int(np.count_nonzero(~self.anisotropic))
        self.species = [species for species, _ in kinds]
        self.uiso = np.array([u for _, u in kinds])
        self.reciprocal = np.linalg.inv(atoms.lattice)
        u = atoms.u[order][self.first_anisotropic :]
        beta = np.einsum("ia,nab,jb->nij", self.reciprocal.T, u, self.reciprocal.T)
        self.beta = -2.0 * np.pi**2 * beta.reshape(-1, 9).T
        self.dispersion = dispersions(self.species, radiation)

    def f_squared(self, hkl: Planes) -> Array:
        phases = self._phases(hkl)
        if self.beta.size:
            products = (hkl[:, :, None] * hkl[:, None, :]).reshape(-1, 9).astype(float)
            phases[:, self.first_anisotropic :] *= np.exp(products @ self.beta)
        sums = np.add.reduceat(phases, self.starts, axis=1)
        g_squared = squared_lengths(hkl, self.reciprocal)
        s = np.sqrt(g_squared) / 2.0
        f0 = {name: bare_factor(name, s, self.radiation) for name in set(self.species)}
        sums *= np.exp(-2.0 * np.pi**2 * g_squared[:, None] * self.uiso)
        bare = np.stack([f0[species] for species in self.species], axis=1)
        a = np.einsum("nk,nk->n", sums, bare + self.dispersion.real)
        b = sums @ self.dispersion.imag
        return np.asarray(np.abs(a) ** 2 + np.abs(b) ** 2)

    def f_squared_compiled(self, hkl: Planes) -> Array:
        """Return the same as `f_squared` for all planes at once, in little memory."""
        from xorder.diffraction.structure_factor_kernels import f_squared

        order = np.lexsort((hkl[:, 2], hkl[:, 1], hkl[:, 0]))
        planes = np.ascontiguousarray(hkl[order])
        g_squared = squared_lengths(planes, self.reciprocal)
        half = np.sqrt(g_squared) / 2.0
        distinct = sorted(set(self.species))
        lowest = planes.min(axis=0)
        tables = []
        for axis in range(3):
            orders = np.arange(lowest[axis], int(planes[:, axis].max()) + 1)
            angle = 2.0 * np.pi * orders[:, None] * self.xyz[None, :, axis]
            weight = self.occupancy if axis == 0 else 1.0
            tables += [weight * np.cos(angle), weight * np.sin(angle)]
        own = self.beta.T.reshape(-1, 3, 3)
        beta = own[:, [0, 1, 2, 0, 0, 1], [0, 1, 2, 1, 2, 2]] * [1, 1, 1, 2, 2, 2]
        sorted_result = np.empty(len(planes))
        f_squared(
            planes,
            np.append(self.starts, len(self.xyz)),
            tuple(tables),
            lowest,
            _damping(g_squared, self.uiso),
            np.stack([bare_factor(species, half, self.radiation) for species in distinct]),
            np.array([distinct.index(species) for species in self.species]),
            self.dispersion,
            np.ascontiguousarray(beta),
            sorted_result,
        )
        result = np.empty_like(sorted_result)
        result[order] = sorted_result
        return result

    def _phases(self, hkl: Planes) -> NDArray[np.complex128]:
        """Return o exp(2πi h·x), shape (planes, atoms), from one table of powers an axis."""
        product: NDArray[np.complex128] | None = None
        for axis in range(3):
            indices = hkl[:, axis]
            low = int(indices.min())
            orders = np.arange(low, int(indices.max()) + 1)
            table = np.exp(2j * np.pi * orders[:, None] * self.xyz[None, :, axis])
            if axis == 0:
                table *= self.occupancy
            rows = table[indices - low]
            product = rows if product is None else np.multiply(product, rows, out=product)
        assert product is not None  # noqa: S101
        return product


def _damping(g_squared: Array, uiso: Array) -> Array:
    """Return exp(-2π² g² U) of N planes and K displacements, shape (N, K).

    Displacements of one crystal are near each other, so that the series of the exponential around
    their middle ends soon: a few products instead of N K exponentials.
    """
    middle = 0.5 * (uiso.max() + uiso.min())
    reach = 2.0 * np.pi**2 * float(g_squared.max()) * float(np.ptp(uiso)) / 2.0
    if len(uiso) < FEW_KINDS or reach > SERIES_REACH:
        return np.asarray(np.exp(-2.0 * np.pi**2 * g_squared[:, None] * uiso))
    from xorder.diffraction.structure_factor_kernels import damping

    return np.asarray(damping(-2.0 * np.pi**2 * g_squared, uiso, middle, SERIES_TERMS))


def with_displacements(crystal: Crystal, uiso: float) -> tuple[Atoms, tuple[str, ...]]:
    """Return the atoms, `uiso` for sites without a displacement, and the labels of those sites."""
    if not np.isfinite(uiso) or uiso < 0:
        raise BadInput(f"uiso {uiso:g} Å²", expected="a displacement of zero or above")
    atoms = unit_cell_atoms(crystal)
    missing = np.asarray(np.isnan(atoms.u).any(axis=(1, 2)))
    labels = tuple(crystal.sites[i].label for i in np.unique(atoms.site[missing]))
    if labels:
        warnings.warn(
            f"{crystal.name}: no displacement for {', '.join(labels)}; uiso = {uiso:g} Å² is taken",
            StructureWarning,
            stacklevel=5,
        )
    u = np.where(missing[:, None, None], uiso * np.eye(3), atoms.u)
    lowest = np.linalg.eigvalsh(u)[:, 0]
    if lowest.size and lowest.min() < -1e-6:
        bad = crystal.sites[int(atoms.site[np.argmin(lowest)])].label
        raise BadStructure(
            f"the displacement of {bad} is negative along one axis ({lowest.min():.3g} Å²)",
            expected="U whose three principal values are zero or above",
            source=crystal.source or crystal.name,
        )
    return replace(atoms, u=u), labels


@functools.cache
def _forward(element: str, probe: str) -> float:
    """Return what an atom scatters forward at most: its electrons, or |b| in fm."""
    if probe == "neutron":
        return abs(neutron_length(element))
    return float(form_factor(element, np.zeros(1))[0])
