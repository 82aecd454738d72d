"""Restraints: bond lengths, angles and expressions pulled to values, each with a standard error.

A restraint is a datum of the fit, weighted by its own standard error, beside the pattern's points.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xorder.diffraction.powder_model import PhaseModel
from xorder.diffraction.symmetry_constraints import SAME_POSITION
from xorder.errors import BadInput
from xorder.fitting import Parameter, Parameters, numeric_jacobian
from xorder.results import Array, quantity
from xorder.structure import lattice_from_cell

if TYPE_CHECKING:
    from xorder.diffraction.refinement_objective import PatternModel

__all__ = [
    "AngleRestraint",
    "BondRestraint",
    "ExpressionRestraint",
    "Restraint",
    "RestraintObjective",
    "expression_parameters",
]

#: Contacts up to this many times the wanted length are taken for the bond.
BOND_REACH = 1.25


@dataclass(frozen=True, kw_only=True, slots=True)
class BondRestraint:
    """All bonds between two sites have a length."""

    first: str
    """Label of one site."""
    second: str
    """Label of the other; every image of it within 1.25 × `length` counts."""
    length: float = quantity("Å")
    """Length wanted."""
    sigma: float = quantity("Å", default=0.02)
    """Standard error of `length`: how strongly it pulls."""
    phase: str = ""
    """Name of the phase; the first where empty."""

    def __post_init__(self) -> None:
        """Check length and error."""
        _check(self.length, self.sigma, f"bond {self.first}-{self.second}")


@dataclass(frozen=True, kw_only=True, slots=True)
class AngleRestraint:
    """All angles between bonds from a site to two others have a value."""

    first: str
    """Label of one end."""
    centre: str
    """Label of the site in the middle."""
    third: str
    """Label of the other end."""
    angle: float = quantity("°")
    """Angle wanted."""
    sigma: float = quantity("°", default=2.0)
    """Standard error of `angle`."""
    reach: float = quantity("Å", default=2.5)
    """Longest bond that counts."""
    phase: str = ""
    """Name of the phase; the first where empty."""

    def __post_init__(self) -> None:
        """Check angle, error and reach."""
        _check(self.angle, self.sigma, f"angle {self.first}-{self.centre}-{self.third}")
        _check(self.reach, 1.0, "reach of an angle")


@dataclass(frozen=True, kw_only=True, slots=True)
class ExpressionRestraint:
    """An expression of parameters has a value, such as ``"uiso_O1 - uiso_O2"`` 0 ± 0.002."""

    expr: str
    """Arithmetic on names of parameters."""
    value: float
    """Value wanted."""
    sigma: float
    """Standard error of `value`."""

    def __post_init__(self) -> None:
        """Check value and error."""
        if not (math.isfinite(self.value) and math.isfinite(self.sigma) and self.sigma > 0):
            raise BadInput(
                f"the restraint {self.expr!r} wants {self.value:g} ± {self.sigma:g}",
                expected="a finite value and an error above 0",
            )


Restraint = BondRestraint | AngleRestraint | ExpressionRestraint


@dataclass(frozen=True, eq=False, slots=True)
class _Contact:
    """An atom near a site: an image of another site."""

    site: int
    rotation: Array
    shift: Array


@dataclass(frozen=True, eq=False, slots=True)
class _Geometry:
    """One bond or angle of a phase."""

    phase: int
    centre: int
    ends: tuple[_Contact, ...]
    wanted: float
    sigma: float


class RestraintObjective:
    """(wanted - found) / sigma of every restraint: an objective of the fit beside the patterns."""

    def __init__(
        self, model: PatternModel, restraints: Sequence[Restraint], parameters: Parameters
    ) -> None:
        self.model = model
        names = [phase.crystal.name for phase in model.phases]
        self.geometries = [
            geometry
            for restraint in restraints
            if not isinstance(restraint, ExpressionRestraint)
            for geometry in _geometries(model, names, restraint)
        ]
        self.expressions = [r for r in restraints if isinstance(r, ExpressionRestraint)]
        self._moving = {
            model.name(local, suffix)
            for phase, suffix in zip(model.phases, model.suffixes, strict=True)
            for local in (*phase.cell.names, *(p.name for p in phase.positions))
        }
        own = self._moving | {_name(i) for i in range(len(self.expressions))}
        self._parameters = Parameters(p for p in parameters.values() if p.name in own)

    @property
    def parameters(self) -> Parameters:
        """Cells, coordinates and restrained expressions."""
        return self._parameters

    @property
    def n_independent(self) -> float:
        """Every restraint is one."""
        return float(len(self.geometries) + len(self.expressions))

    def residual(self, values: Mapping[str, float]) -> Array:
        """Return (wanted - found) / sigma, shape (restraints,)."""
        places = [self._places(index, values) for index in range(len(self.model.phases))]
        found = [(g.wanted - _measure(g, *places[g.phase])) / g.sigma for g in self.geometries]
        found += [(r.value - values[_name(i)]) / r.sigma for i, r in enumerate(self.expressions)]
        return np.array(found)

    def jacobian(self, values: Mapping[str, float], names: Sequence[str]) -> Array:
        """Return d residual / d parameter: few and cheap numbers, by differences."""
        result = np.zeros((int(self.n_independent), len(names)))
        moving = [name for name in names if name in self._moving]
        if moving and self.geometries:
            place = [names.index(name) for name in moving]
            result[:, place] = numeric_jacobian(self, values, moving)
        for i, restraint in enumerate(self.expressions):
            if _name(i) in names:
                result[len(self.geometries) + i, names.index(_name(i))] = -1.0 / restraint.sigma
        return result

    def _places(self, index: int, values: Mapping[str, float]) -> tuple[Array, Array]:
        """Return the cell vectors and the sites' fractional coordinates of a phase."""
        phase, local = self.model.phases[index], self.model.values(index, values)
        xyz = np.array([site.xyz for site in phase.crystal.sites], dtype=float)
        for freedom in phase.positions:
            xyz[freedom.site] += freedom.direction * (local[freedom.name] - freedom.start)
        return lattice_from_cell(phase.cell.cell(local)), xyz


def expression_parameters(restraints: Iterable[Restraint]) -> Parameters:
    """Return the restrained expressions as parameters, which the fit computes like constraints."""
    expressions = [r for r in restraints if isinstance(r, ExpressionRestraint)]
    return Parameters(
        Parameter(name=_name(i), value=r.value, expr=r.expr, vary=False)
        for i, r in enumerate(expressions)
    )


def _name(index: int) -> str:
    return f"restraint_{index + 1}"


def _measure(geometry: _Geometry, lattice: Array, xyz: Array) -> float:
    """Return the length in Å of a bond, or the angle in degrees."""
    arms = [
        (end.rotation @ xyz[end.site] + end.shift - xyz[geometry.centre]) @ lattice
        for end in geometry.ends
    ]
    lengths = [float(np.linalg.norm(arm)) for arm in arms]
    if len(arms) == 1:
        return lengths[0]
    cosine = float(arms[0] @ arms[1]) / (lengths[0] * lengths[1])
    return math.degrees(math.acos(min(1.0, max(-1.0, cosine))))


def _geometries(
    model: PatternModel, names: Sequence[str], restraint: BondRestraint | AngleRestraint
) -> list[_Geometry]:
    if restraint.phase and restraint.phase not in names:
        raise BadInput(
            f"a restraint is for the phase {restraint.phase!r}", expected="of " + ", ".join(names)
        )
    index = names.index(restraint.phase) if restraint.phase else 0
    phase = model.phases[index]
    if isinstance(restraint, BondRestraint):
        centre, wanted = _site(phase, restraint.first), restraint.length
        bonds = _contacts(phase, centre, restraint.second, BOND_REACH * restraint.length)
        groups: list[tuple[_Contact, ...]] = [(bond,) for bond in bonds]
        label = f"{restraint.first}-{restraint.second} within {BOND_REACH * wanted:.2f} Å"
    else:
        centre, wanted = _site(phase, restraint.centre), restraint.angle
        first = _contacts(phase, centre, restraint.first, restraint.reach)
        third = _contacts(phase, centre, restraint.third, restraint.reach)
        same = restraint.first == restraint.third
        groups = list(itertools.combinations(first, 2) if same else itertools.product(first, third))
        label = f"{restraint.first}-{restraint.centre}-{restraint.third} within {restraint.reach} Å"
    if not groups:
        raise BadInput(
            f"{phase.crystal.name} has no {label}", expected="a bond or angle of the structure"
        )
    return [_Geometry(index, centre, ends, wanted, restraint.sigma) for ends in groups]


def _site(phase: PhaseModel, label: str) -> int:
    labels = [site.label for site in phase.crystal.sites]
    if label not in labels:
        raise BadInput(
            f"{phase.crystal.name} has no site {label!r}", expected="of " + ", ".join(labels)
        )
    return labels.index(label)


def _contacts(phase: PhaseModel, centre: int, label: str, reach: float) -> list[_Contact]:
    """Return the distinct images of a site within a distance of another site."""
    crystal = phase.crystal
    other = _site(phase, label)
    lattice = lattice_from_cell(crystal.cell)
    origin = np.asarray(crystal.sites[centre].xyz, dtype=float)
    images = crystal.rotations @ np.asarray(crystal.sites[other].xyz) + crystal.translations
    around = np.ceil(reach * np.linalg.norm(np.linalg.inv(lattice), axis=0)).astype(int) + 1
    steps = itertools.product(*(range(-n, n + 1) for n in around.tolist()))
    cells = np.array(list(steps), dtype=float)
    base = -np.round(images - origin)
    found: list[_Contact] = []
    seen: list[Array] = []
    for operation, image in enumerate(images):
        shifts = cells + base[operation]
        vectors = (image + shifts - origin) @ lattice
        lengths = np.linalg.norm(vectors, axis=1)
        for i in np.flatnonzero((lengths < reach) & (lengths > SAME_POSITION)).tolist():
            if any(np.linalg.norm(vectors[i] - one) < SAME_POSITION for one in seen):
                continue
            seen.append(vectors[i])
            shift = crystal.translations[operation] + shifts[i]
            rotation = np.asarray(crystal.rotations[operation], dtype=float)
            found.append(_Contact(other, rotation, shift))
    return found


def _check(value: float, sigma: float, what: str) -> None:
    if not (math.isfinite(value) and value > 0 and math.isfinite(sigma) and sigma > 0):
        raise BadInput(f"{what}: {value:g} ± {sigma:g}", expected="numbers above 0")
