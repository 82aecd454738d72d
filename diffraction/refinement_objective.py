"""A powder pattern as an objective of the fit: model, residual and exact Jacobian."""

from __future__ import annotations

import fnmatch
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xorder.diffraction.backgrounds import LinearParts, linear_parts
from xorder.diffraction.pattern import Pattern
from xorder.diffraction.powder_model import Lines, PhaseModel, Shapes
from xorder.diffraction.profiles import Profile
from xorder.diffraction.refinement_options import (
    OWN,
    PATTERN_WIDE,
    Phase,
    RefinementOptions,
)
from xorder.diffraction.simulation import MARGIN
from xorder.diffraction.structure_intensities import Rows
from xorder.diffraction.symmetry_constraints import identifier
from xorder.fitting import Parameters
from xorder.results import Array

__all__ = [
    "PatternModel",
    "PatternObjective",
    "global_name",
    "line_windows",
    "pattern_model",
    "phase_suffixes",
    "start_asymmetry",
]

#: A Lorentzian ends this many FWHM from its centre, as in `sum_lines`, a mixed line so much nearer
#: that it loses the same 0.3 % of its area; none ends before its Gaussian part does.
CUTOFF = 100.0
GAUSS_END = 4.0
#: A refined S/L starts here where none is given: lines do not feel it at 0.
LEAST_ASYMMETRY = 0.01


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class PatternModel:
    """A pattern with the phases and smooth parts that are to explain it."""

    pattern: Pattern
    phases: tuple[PhaseModel, ...]
    suffixes: tuple[str, ...]
    linear: LinearParts
    radius: float
    profile: Profile
    """Widths of the instrument's lines at the start."""
    place: str
    """What is appended to the names of this pattern's own parameters."""
    own: tuple[str, ...]

    def name(self, local: str, suffix: str = "") -> str:
        """Return the name in the fit of a phase's or the pattern's parameter."""
        return global_name(local, suffix, self.place, self.own)

    def values(self, index: int, values: Mapping[str, float]) -> dict[str, float]:
        """Return the local values of phase `index`."""
        suffix = self.suffixes[index]
        local = {n: values[self.name(n)] for n in PATTERN_WIDE}
        for name in self.phases[index].local_names:
            local[name] = values[self.name(name, suffix)]
        return local | {"radius": self.radius}

    def names(self) -> dict[str, None]:
        """Return the names in the fit of all its parameters."""
        found = [self.name(n) for n in PATTERN_WIDE]
        found += [self.name(n) for n in self.linear.names]
        for model, suffix in zip(self.phases, self.suffixes, strict=True):
            found += [self.name(n, suffix) for n in model.local_names]
        return dict.fromkeys(found)


class PatternObjective:
    """(data - model) / sigma of one pattern, with the Jacobian of the free parameters."""

    def __init__(self, model: PatternModel, parameters: Parameters, free: frozenset[str]) -> None:
        self.model = model
        names = model.names()
        self._parameters = Parameters(p for p in parameters.values() if p.name in names)
        # Columns of parameters that a stage holds are left at zero without being computed.
        self.free = free

    @property
    def parameters(self) -> Parameters:
        """Parameters of the pattern."""
        return self._parameters

    @property
    def n_independent(self) -> float:
        """Number of points: counts of neighbours are independent."""
        return float(len(self.model.pattern.two_theta))

    def residual(self, values: Mapping[str, float]) -> Array:
        """Return (data - model) / sigma, shape (points,)."""
        pattern = self.model.pattern
        total = self.smooth(values)
        for index in range(len(self.model.phases)):
            total += self.bragg(index, values)
        return np.asarray((pattern.intensity - total) / pattern.sigma)

    def jacobian(self, values: Mapping[str, float], names: Sequence[str]) -> Array:
        """Return d residual / d parameter, zero for what is held, shape (points, len(names))."""
        place = {name: i for i, name in enumerate(names) if name in self.free}
        model = self.model
        result = np.zeros((len(model.pattern.two_theta), len(names)))
        for column, local in enumerate(model.linear.names):
            if model.name(local) in place:
                result[:, place[model.name(local)]] = model.linear.shapes[:, column]
        for index in range(len(model.phases)):
            self._add_columns(index, values, place, result)
        result /= -model.pattern.sigma[:, None]
        return result

    def smooth(self, values: Mapping[str, float]) -> Array:
        """Return background, halos and blank together."""
        heights = [values[self.model.name(n)] for n in self.model.linear.names]
        return np.asarray(self.model.linear.shapes @ np.array(heights))

    def bragg(self, index: int, values: Mapping[str, float]) -> Array:
        """Return the Bragg intensity of phase `index`."""
        total, *_ = self._lines(index, values, ())
        return total

    def _add_columns(
        self, index: int, values: Mapping[str, float], place: Mapping[str, int], result: Array
    ) -> None:
        suffix = self.model.suffixes[index]
        local = {
            n: place[self.model.name(n, suffix)]
            for n in self.model.phases[index].local_names
            if self.model.name(n, suffix) in place
        }
        for name in PATTERN_WIDE:
            if self.model.name(name) in place:
                local[name] = place[self.model.name(name)]
        if not local:
            return
        _, names, columns = self._lines(index, values, tuple(local))
        for group, block in zip(names, columns, strict=True):
            result[:, [local[n] for n in group]] += block

    def _lines(
        self, index: int, values: Mapping[str, float], names: Sequence[str]
    ) -> tuple[Array, list[list[str]], list[Array]]:
        """Return the sum of a phase's lines, and the columns by area, centre and shape."""
        from xorder.diffraction.refinement_kernels import add_lines_and_columns

        phase = self.model.phases[index]
        local = self.model.values(index, values)
        areas, centres = phase.areas(local, names), phase.centres(local)
        shapes = phase.shapes(local)
        axis = self.model.pattern.two_theta
        lines, first, last = _windows(axis, centres, shapes, areas)
        groups = [
            [n for n in names if n in rows]
            for rows in (areas.slopes, centres.slopes, shapes.fwhm_slopes)
        ]
        total = np.zeros(len(axis))
        columns = [np.zeros((len(axis), len(group))) for group in groups]
        add_lines_and_columns(
            axis, lines, first, last,
            _stacked(areas.slopes, groups[0], len(lines)),
            _stacked(centres.slopes, groups[1], len(lines)),
            _stacked(shapes.fwhm_slopes, groups[2], len(lines)),
            _stacked(shapes.eta_slopes, groups[2], len(lines)),
            total,
            *columns,
        )  # fmt: skip
        return total, groups, columns


def pattern_model(
    pattern: Pattern,
    phases: Sequence[Phase],
    *,
    options: RefinementOptions,
    place: str = "",
) -> PatternModel:
    """Return the model of a pattern, its lines listed for the cells of the phases."""
    axis = pattern.two_theta
    span = (max(0.1, float(axis[0]) - MARGIN), min(179.0, float(axis[-1]) + MARGIN))
    models = tuple(
        PhaseModel(
            phase.crystal,
            radiation=pattern.wavelength,
            two_theta=span,
            uiso="" if phase.uiso == "none" or phase.extracted else phase.uiso,
            occupancies=() if phase.extracted else phase.occupancies,
            plane=None if phase.extracted else phase.orientation,
            extracted=phase.extracted,
            asymmetry=start_asymmetry(options),
            refine_asymmetry=options.refine_asymmetry,
            anisotropic=phase.anisotropic,
        )
        for phase in phases
    )
    return PatternModel(
        pattern=pattern,
        phases=models,
        suffixes=phase_suffixes(phases),
        linear=linear_parts(
            axis, order=options.background, halos=options.halos, blank=options.blank
        ),
        radius=options.radius,
        profile=options.profile,
        place=place,
        own=(*OWN, *options.own),
    )


def start_asymmetry(options: RefinementOptions) -> float:
    """Return the axial divergence to start from; one that is refined starts above zero."""
    return (
        max(options.asymmetry, LEAST_ASYMMETRY) if options.refine_asymmetry else options.asymmetry
    )


def line_windows(
    phase: PhaseModel, local: Mapping[str, float], axis: Array
) -> tuple[Array, NDArray[np.int64], NDArray[np.int64]]:
    """Return centre, area, FWHM and η of every line, (lines, 4), and its first and last point."""
    return _windows(axis, phase.centres(local), phase.shapes(local), phase.areas(local, ()))


def phase_suffixes(phases: Sequence[Phase]) -> tuple[str, ...]:
    """Return what is appended to the names of each phase's parameters; nothing for a single one."""
    if len(phases) == 1:
        return ("",)
    names = [identifier(phase.name or phase.crystal.name) or "phase" for phase in phases]
    return tuple(
        f"_{name}" if names.count(name) == 1 else f"_{name}_{i + 1}" for i, name in enumerate(names)
    )


@functools.cache
def global_name(local: str, suffix: str, place: str, own: tuple[str, ...]) -> str:
    """Return a parameter's name in the fit: phase, then pattern where it is the pattern's own."""
    name = local + suffix
    return name + place if any(fnmatch.fnmatch(name, each) for each in own) else name


def _stacked(rows: Rows, names: Sequence[str], lines: int) -> Array:
    if not names:
        return np.zeros((lines, 0))
    return np.ascontiguousarray(np.stack([rows[name] for name in names], axis=1))


def _windows(
    axis: Array, centres: Lines, shapes: Shapes, areas: Lines
) -> tuple[Array, NDArray[np.int64], NDArray[np.int64]]:
    reach = shapes.fwhm * np.maximum(GAUSS_END, CUTOFF * shapes.eta)
    return (
        np.stack([centres.value, areas.value, shapes.fwhm, shapes.eta], axis=1),
        np.searchsorted(axis, centres.value - reach),
        np.searchsorted(axis, centres.value + reach),
    )
