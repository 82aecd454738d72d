"""One crystal as a phase of a PDF model: its free parameters and its curve with derivatives."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xorder.errors import BadInput, BadStructure
from xorder.freedom import CellFreedom, PositionFreedom, cell_freedom, position_freedom
from xorder.pdf.displacements import DisplacementFreedom, displacement_freedom
from xorder.pdf.orbits import orbits_of
from xorder.pdf.pairs import (
    Geometry,
    Moves,
    PairHistogram,
    Widths,
    broadened,
    broadened_with_derivatives,
    check_distances,
    class_members,
    pair_histogram,
)
from xorder.pdf.pattern import Radiation
from xorder.pdf.weights import Convention, mean_weight, scattering_weights
from xorder.results import Array
from xorder.structure import (
    Atoms,
    Crystal,
    lattice_from_cell,
    unit_cell_atoms,
)

__all__ = ["PhaseModel", "class_shares", "sphere_envelope"]

#: Bin widths of the pair histogram in a fit (Å). The widest below 0.3 σ of the sharpest peak is
#: taken: errors below 3e-6 of a peak.
FIT_STEPS = (0.02, 0.01, 0.005)
#: Half width of a peak in a fit, in standard deviations: 3e-7 of its height is cut off.
FIT_CUT = 5.5


@dataclass(eq=False, kw_only=True, slots=True)
class PhaseModel:
    """A crystal with one isotropic displacement an element, ready to be computed many times.

    Values are given by name: the free cell lengths and angles, free coordinates (``x_Cl1``),
    ``uiso_<element>``, ``delta1``, ``delta2``, ``qbroad``.
    """

    crystal: Crystal
    atoms: Atoms
    convention: Convention
    weights: Array
    """Scattering weights, shape (N,)."""
    mean: float
    """Mean scattering weight ⟨b⟩."""
    elements: tuple[str, ...]
    group: NDArray[np.int64]
    cell: CellFreedom
    positions: PositionFreedom
    shortest: float
    """Shortest distance in Å."""
    orbit: NDArray[np.int64]
    """Which atoms are equal by symmetry, shape (N,)."""
    displacements: DisplacementFreedom | None = None
    """Anisotropic displacements, or None for one isotropic an element."""
    by_class: bool = False
    """Whether curves come one a pair of elements, for weights that depend on Q."""
    _kept: dict[str, Any]

    @classmethod
    def of(
        cls,
        crystal: Crystal,
        *,
        radiation: Radiation = "xray",
        convention: Convention = "xorder",
        by_class: bool = False,
        anisotropic: bool = False,
    ) -> PhaseModel:
        """Return the model of a crystal.

        Raises
        ------
        BadStructure
            Where the crystal has no atoms, or atoms on top of one another.
        BadInput
            Where an element has no scattering length.
        """
        if not crystal.sites:
            raise BadStructure("the structure has no atoms", source=crystal.source or crystal.name)
        atoms = unit_cell_atoms(crystal)
        weights = scattering_weights(atoms, radiation, convention)
        elements, group = np.unique(atoms.elements, return_inverse=True)
        shortest = check_distances(
            _geometry(atoms, atoms.lattice, atoms.xyz, weights),
            [crystal.sites[i].label for i in atoms.site],
        )
        return cls(
            crystal=crystal,
            atoms=atoms,
            convention=convention,
            weights=weights,
            mean=mean_weight(atoms, weights),
            elements=tuple(elements.tolist()),
            group=np.asarray(group, dtype=np.int64),
            cell=cell_freedom(crystal),
            positions=position_freedom(crystal),
            shortest=shortest,
            orbit=orbits_of(crystal, atoms),
            displacements=displacement_freedom(crystal, atoms) if anisotropic else None,
            by_class=by_class,
            _kept={},
        )

    @property
    def n_atoms(self) -> float:
        """Atoms in the cell, occupancies counted."""
        return float(np.sum(self.atoms.occupancy))

    def start(self, default_uiso: float = math.nan) -> dict[str, float]:
        """Return the values of the structure; `default_uiso` where it has no displacements."""
        values = {name: float(self.cell.value(name)) for name in self.cell.names}
        values |= dict(zip(self.positions.names, self.positions.start.tolist(), strict=True))
        if self.displacements is not None:
            return values | self.displacements.start_values(default_uiso)
        for element, u in self.known_uiso().items():
            values[f"uiso_{element}"] = u if math.isfinite(u) else default_uiso
        return values

    @property
    def width_names(self) -> tuple[str, ...]:
        """Names of the displacements."""
        if self.displacements is not None:
            return self.displacements.names
        return tuple(f"uiso_{element}" for element in self.elements)

    def known_uiso(self) -> dict[str, float]:
        """Return the mean isotropic displacement of each element in Å²; NaN where none is given."""
        displacement = np.trace(self.atoms.u, axis1=1, axis2=2) / 3.0
        means = {}
        for index, element in enumerate(self.elements):
            u = displacement[self.group == index]
            known = u[np.isfinite(u) & (u > 0)]
            means[element] = float(known.mean()) if known.size else math.nan
        return means

    def crystal_at(self, values: Mapping[str, float]) -> Crystal:
        """Return the crystal with these parameters, its displacements isotropic per element."""
        shifts = self.positions.site_shifts(values)
        moved = [
            replace(site, xyz=site.xyz + shift)
            for site, shift in zip(self.crystal.sites, shifts, strict=True)
        ]
        if self.displacements is not None:
            sites = self.displacements.with_tensors(moved, values)
        else:
            sites = tuple(
                replace(site, uiso=values[name], uij=None) if name in values else site
                for site, name in ((site, f"uiso_{site.element}") for site in moved)
            )
        return replace(self.crystal, cell=self.cell.cell(values), sites=sites, provenance=None)

    def curve(self, values: Mapping[str, float], r: Array) -> Array:
        """Return G(r) of the endless crystal, undamped and uncut, shape (N, classes)."""
        if self.displacements is not None:
            direct = self._normalised(self._direct(self.displacements, values, None, r)[:, :, 0], r)
            return np.asarray(direct - self._baseline(self._lattice(values), r))
        histogram, widths = self._prepare(values, r, ())
        over_distance = self.convention != "pdffit2"
        peaks = [
            broadened(part, width, r, over_distance=over_distance, cut=FIT_CUT)
            for part, width in self._classes(histogram, widths)
        ]
        curves = self._normalised(np.stack(peaks, axis=1), r)
        return np.asarray(curves - self._baseline(self._lattice(values), r))

    def curve_with_derivatives(
        self, values: Mapping[str, float], names: Sequence[str], r: Array
    ) -> Array:
        """Return the curve and d curve / d name, shape (N, classes, 1 + len(names))."""
        moving = tuple(n for n in names if n in self.cell.names or n in self.positions.names)
        if self.displacements is not None:
            curves = self._normalised(self._direct(self.displacements, values, moving, r), r)
            return self._with_baseline(values, names, moving, curves, r)
        histogram, widths = self._prepare(values, r, moving)
        over_distance = self.convention != "pdffit2"
        columns = [
            broadened_with_derivatives(part, width, r, over_distance=over_distance, cut=FIT_CUT)
            for part, width in self._classes(histogram, widths)
        ]
        curves = self._normalised(np.stack(columns, axis=1), r)
        return self._with_baseline(values, names, moving, curves, r)

    def _with_baseline(
        self,
        values: Mapping[str, float],
        names: Sequence[str],
        moving: tuple[str, ...],
        curves: Array,
        r: Array,
    ) -> Array:
        """Return the wanted columns of the kernels', the mean density taken off."""
        baseline = self._baseline(self._lattice(values), r)
        order = [*self.width_names, "delta1", "delta2", "qbroad", *moving]
        place = {name: 1 + i for i, name in enumerate(order)}
        result = np.zeros((*curves.shape[:2], 1 + len(names)))
        result[:, :, 0] = curves[:, :, 0] - baseline
        for i, name in enumerate(names, start=1):
            if name in place:
                result[:, :, i] = curves[:, :, place[name]]
            if name in self.cell.names:
                # The mean density falls as the cell grows.
                result[:, :, i] += baseline * np.trace(self.cell.strain(values, name))
        return result

    def _direct(
        self,
        freedom: DisplacementFreedom,
        values: Mapping[str, float],
        moving: tuple[str, ...] | None,
        r: Array,
    ) -> Array:
        """Return the sum over pairs, each with its own width, shape (N, classes, columns).

        One column where `moving` is None; else value, displacements, delta1, delta2, qbroad, moves.
        """
        from xorder.pdf.anisotropic_kernels import anisotropic_peaks

        lattice = self._lattice(values)
        u = freedom.atom_tensors(values)
        largest = max(float(np.linalg.eigvalsh(u).max()), 1e-6)
        qbroad = values.get("qbroad", 0.0)
        widest = math.sqrt(2.0 * largest * (1.0 + (qbroad * float(r[-1])) ** 2))
        group, class_of = self.group, class_members(len(self.elements))[0]
        if not self.by_class:
            class_of = np.zeros_like(class_of)
        moves = self._moves(values, lattice, moving or ())
        n_columns = 1 if moving is None else 4 + len(freedom.names) + len(moving)
        out = np.zeros((len(r), int(class_of.max()) + 1, n_columns))
        anisotropic_peaks(
            lattice, np.asarray(np.linalg.inv(lattice)),
            self.atoms.xyz + self.positions.atom_shifts(values, self.atoms),
            self.atoms.occupancy * self.weights, self.atoms.occupancy, group, class_of, u,
            freedom.tensors, freedom.site, freedom.atom_site, moves.strains, moves.shifts,
            values.get("delta1", 0.0), values.get("delta2", 0.0), qbroad,
            float(r[0]), float((r[-1] - r[0]) / (len(r) - 1)),
            float(r[-1]) + FIT_CUT * widest, FIT_CUT, self.convention != "pdffit2", out,
        )  # fmt: skip
        return out

    def _classes(
        self, histogram: PairHistogram, widths: Widths
    ) -> list[tuple[PairHistogram, Widths]]:
        """Return the pairs of elements one by one where they weigh differently, else together."""
        if not self.by_class:
            return [(histogram, widths)]
        rows = [slice(c, c + 1) for c in range(len(histogram.counts))]
        return [
            (
                replace(histogram, counts=histogram.counts[c], moved=histogram.moved[c]),
                replace(widths, msd=widths.msd[c], members=widths.members[c]),
            )
            for c in rows
        ]

    def _prepare(
        self, values: Mapping[str, float], r: Array, moving: tuple[str, ...]
    ) -> tuple[PairHistogram, Widths]:
        _, members = class_members(len(self.elements))
        u = np.array([values[f"uiso_{element}"] for element in self.elements])
        msd = members @ u
        qbroad = values.get("qbroad", 0.0)
        widths = Widths(
            msd=msd,
            members=members,
            delta1=values.get("delta1", 0.0),
            delta2=values.get("delta2", 0.0),
            qbroad=qbroad,
        )
        widest = math.sqrt(max(float(msd.max()), 1e-6) * (1.0 + (qbroad * r[-1]) ** 2))
        # Rounded up, so that small changes of U leave the histogram as it is.
        tail = math.ceil(2.0 * FIT_CUT * widest) / 2.0
        near = self.shortest
        shape = max(1.0 - widths.delta2 / near**2 - widths.delta1 / near, 0.05)
        sharpest = math.sqrt(max(float(msd.min()) * shape, 1e-8))
        step = next((h for h in FIT_STEPS if h < 0.3 * sharpest), FIT_STEPS[-1])
        return self._histogram(values, float(r[-1]) + tail, step, moving), widths

    def _histogram(
        self, values: Mapping[str, float], r_max: float, step: float, moving: tuple[str, ...]
    ) -> PairHistogram:
        """Return the pairs, computed again only where the geometry changed."""
        cell = tuple(values.get(n, self.cell.value(n)) for n in self.cell.names)
        positions = tuple(values.get(n, 0.0) for n in self.positions.names)
        place = (cell, positions, r_max, step)
        kept = self._kept.get("pairs")
        # A residual is followed by a Jacobian at the same place: one pass over the pairs does both.
        if kept is not None and kept[0] == place and moving in ((), kept[1]):
            same: PairHistogram = kept[2]
            return same if moving else replace(same, moved=same.moved[:, :, :0])
        moving_too = moving
        if kept is not None and not moving and kept[0][:2] != place[:2]:
            moving_too = kept[1]
        lattice = self._lattice(values)
        histogram = pair_histogram(
            _geometry(
                self.atoms,
                lattice,
                self.atoms.xyz + self.positions.atom_shifts(values, self.atoms),
                self.weights,
                self.orbit,
            ),
            self.group,
            r_max=r_max,
            step=step,
            moves=self._moves(values, lattice, moving_too) if moving_too else None,
        )
        self._kept["pairs"] = (place, moving_too, histogram)
        return histogram if moving else replace(histogram, moved=histogram.moved[:, :, :0])

    def _moves(self, values: Mapping[str, float], lattice: Array, names: tuple[str, ...]) -> Moves:
        strains = np.zeros((len(names), 3, 3))
        shifts = np.zeros((len(names), len(self.atoms.xyz), 3))
        for i, name in enumerate(names):
            if name in self.cell.names:
                strains[i] = self.cell.strain(values, name)
            else:
                shifts[i] = self.positions.atom_direction(name, self.atoms) @ lattice
        return Moves(strains=strains, shifts=shifts)

    def _lattice(self, values: Mapping[str, float]) -> Array:
        return lattice_from_cell(self.cell.cell(values))

    def _baseline(self, lattice: Array, r: Array) -> Array:
        volume = abs(float(np.linalg.det(lattice)))
        mean_density = 4.0 * math.pi * r * self.n_atoms / volume
        if not self.by_class:
            return np.asarray(mean_density[:, None])
        weights = self.atoms.occupancy * self.weights / (self.n_atoms * self.mean)
        return np.asarray(mean_density[:, None] * class_shares(weights, self.group))

    def _normalised(self, peaks: Array, r: Array) -> Array:
        norm = self.n_atoms * self.mean**2
        if self.convention != "pdffit2":
            return peaks / norm
        divisor = np.where(r > 0, r, np.inf) * norm
        return np.asarray(peaks / divisor.reshape(-1, *[1] * (peaks.ndim - 1)))


def class_shares(weights: Array, group: NDArray[np.int64]) -> Array:
    """Return the share of each pair of groups in the square of the summed weights, (classes,)."""
    single = np.bincount(group, weights)
    count = len(single)
    return np.array(
        [
            single[a] * single[b] * (1.0 if a == b else 2.0)
            for a in range(count)
            for b in range(a, count)
        ]
    )


def _geometry(
    atoms: Atoms,
    lattice: Array,
    xyz: Array,
    weights: Array,
    orbit: NDArray[np.int64] | None = None,
) -> Geometry:
    return Geometry(
        lattice=lattice,
        xyz=np.ascontiguousarray(xyz),
        occupancy=atoms.occupancy,
        weight=atoms.occupancy * weights,
        orbit=orbit,
    )


def sphere_envelope(r: Array, diameter: float) -> Array:
    """Return 1 - 3r/2d + r³/2d³ for r < d, else 0: what is left of the pairs within a sphere.

    Raises
    ------
    BadInput
        Where the diameter is not positive.
    """
    if not diameter > 0:
        raise BadInput(f"the sphere diameter is {diameter}", expected="a positive diameter in Å")
    x = np.minimum(r / diameter, 1.0)
    return np.asarray(1.0 - 1.5 * x + 0.5 * x**3)
