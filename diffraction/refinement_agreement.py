"""From the parameters of a fit to agreement, refined crystals, weight fractions, warnings."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from xorder.diffraction.anisotropy import DirectionalWidths
from xorder.diffraction.intensity_extraction import shared_intensities
from xorder.diffraction.powder_model import PhaseModel, refined_crystal
from xorder.diffraction.refinement_messages import refinement_messages
from xorder.diffraction.refinement_objective import PatternModel, PatternObjective
from xorder.diffraction.refinement_options import Phase
from xorder.diffraction.refinement_results import (
    PatternFit,
    PhaseFit,
    Refinement,
    serial_factor,
)
from xorder.diffraction.refinement_stages import Staged
from xorder.diffraction.residual_lines import find_residual_lines, no_residual_lines
from xorder.fitting import FitResult
from xorder.freedom import CELL_NAMES
from xorder.results import Array, Number
from xorder.scattering import atomic_mass
from xorder.structure import Crystal, composition, lattice_from_cell

__all__ = ["refinement_result", "weight_fractions"]


def refinement_result(
    staged: Staged, phases: Sequence[Phase], doubts: Sequence[str] = ()
) -> Refinement:
    """Return the result of a fit of patterns."""
    found, models = staged.fit, staged.models
    patterns = tuple(
        _with_intensities(_pattern_fit(model, phases, found), staged, place)
        for place, model in enumerate(models)
    )
    refinement = Refinement(
        fit=found,
        patterns=patterns,
        serial_factor=serial_factor(found.residual[: len(models)]),
        suffixes=models[0].suffixes,
        unexplained=tuple(
            find_residual_lines(pattern, model) if found.success else no_residual_lines()
            for pattern, model in zip(patterns, models, strict=True)
        ),
    )
    messages = refinement_messages(refinement, models, phases, staged.held, doubts)
    return replace(refinement, messages=messages, numbers=_numbers(refinement))


def _with_intensities(pattern: PatternFit, staged: Staged, place: int) -> PatternFit:
    """Return a pattern's result with the intensities that were refined."""
    if not (staged.intensities and staged.fit):
        return pattern
    objective = staged.intensities[place]
    refined = dict(
        zip(
            [groups.phase for groups in objective.groups],
            objective.intensities(staged.fit),
            strict=True,
        )
    )
    phases = tuple(
        replace(phase, intensities=refined.get(i)) for i, phase in enumerate(pattern.phases)
    )
    return replace(pattern, phases=phases)


def _pattern_fit(model: PatternModel, phases: Sequence[Phase], found: FitResult) -> PatternFit:
    values = found.parameters.valuesdict()
    objective = PatternObjective(model, found.parameters, frozenset())
    heights = np.array([values[model.name(n)] for n in model.linear.names])
    halos = model.linear.columns("halo")
    halo = model.linear.shapes[:, halos] @ heights[halos]
    empty = model.linear.columns("blank")
    smooth = objective.smooth(values)
    bragg = np.stack([objective.bragg(i, values) for i in range(len(phases))])
    pattern = model.pattern
    calculated = smooth + bragg.sum(axis=0)
    chisqr = float(np.sum(((pattern.intensity - calculated) / pattern.sigma) ** 2))
    weighted = float(np.sum((pattern.intensity / pattern.sigma) ** 2))
    free = max(1.0, len(calculated) - float(found.nvarys))
    r_wp, r_exp = 100 * math.sqrt(chisqr / weighted), 100 * math.sqrt(free / weighted)
    errors = [found.parameters[model.name(model.linear.names[i])].stderr for i in halos]
    above = np.sum(bragg, axis=0)
    ratio = np.divide(
        pattern.intensity - smooth, above, out=np.ones_like(above), where=above > 1e-6 * above.max()
    )
    fractions, fraction_errors = weight_fractions(model, found)
    return PatternFit(
        name=pattern.name,
        simulated=pattern.simulated,
        two_theta=pattern.two_theta,
        intensity=pattern.intensity,
        sigma=pattern.sigma,
        calculated=calculated,
        background=smooth - halo,
        blank=np.asarray(model.linear.shapes[:, empty] @ heights[empty]),
        halo=halo,
        bragg=bragg,
        r_p=float(100 * np.sum(np.abs(pattern.intensity - calculated)) / np.sum(pattern.intensity)),
        r_wp=r_wp,
        r_exp=r_exp,
        gof=r_wp / r_exp,
        halo_heights=tuple(heights[halos].tolist()),
        halo_stderr=tuple(errors),
        phases=tuple(
            _phase_fit(model, i, phase, found, ratio, (fractions[i], fraction_errors[i]))
            for i, phase in enumerate(phases)
        ),
    )


def weight_fractions(model: PatternModel, found: FitResult) -> tuple[Array, Array]:
    """Return S ZMV over its sum for each phase, with standard errors from the covariance.

    Hill & Howard, J. Appl. Cryst. 20, 467 (1987).
    """
    values = found.parameters.valuesdict()
    names = [model.name("scale", suffix) for suffix in model.suffixes]
    zmv = []
    for index in range(len(names)):
        crystal = refined_crystal(model.phases[index], model.values(index, values))
        mass = sum(n * atomic_mass(e) for e, n in composition(crystal).items())
        zmv.append(mass * abs(float(np.linalg.det(lattice_from_cell(crystal.cell)))))
    factors = np.array(zmv)
    parts = factors * [values[n] for n in names]
    total = float(parts.sum())
    if not total > 0 or any(phase.strengths is not None for phase in model.phases):
        return np.full(len(names), math.nan), np.full(len(names), math.nan)
    fractions = parts / total
    slopes = (np.diag(factors) - np.outer(fractions, factors)) / total
    covar = np.zeros((len(names), len(names)))
    place = {name: i for i, name in enumerate(found.var_names)}
    for i, first in enumerate(names):
        for j, second in enumerate(names):
            if first in place and second in place:
                covar[i, j] = np.nan_to_num(found.covar[place[first], place[second]])
    return fractions, np.sqrt(np.einsum("ij,jk,ik->i", slopes, covar, slopes))


def _phase_fit(
    model: PatternModel,
    index: int,
    phase: Phase,
    found: FitResult,
    ratio: Array,
    fraction: tuple[float, float],
) -> PhaseFit:
    own, suffix = model.phases[index], model.suffixes[index]
    values = model.values(index, found.parameters.valuesdict())
    axis = model.pattern.two_theta
    measured, modelled = shared_intensities(own, values, axis, ratio)
    measured = np.maximum(measured, 0.0)
    inside = modelled > 1e-3 * modelled.max()
    _, place = np.unique(own.reflection, return_index=True)

    def parameter(local: str) -> tuple[float, float]:
        one = found.parameters[model.name(local, suffix)]
        return one.value, one.stderr

    directions = _directions(model, index, found)
    (inverse, inverse_error), (strain, strain_error) = (
        _width(kind, parameter, directions) for kind in ("inverse_size", "strain")
    )
    size = 1.0 / inverse if inverse > 1e-9 else math.inf
    return PhaseFit(
        name=phase.name or phase.crystal.name,
        crystal=_with_cell_errors(model, index, found),
        scale=parameter("scale")[0],
        scale_stderr=parameter("scale")[1],
        weight_fraction=float(fraction[0]),
        weight_fraction_stderr=float(fraction[1]),
        size=size,
        size_stderr=inverse_error * size**2 if math.isfinite(size) else math.nan,
        strain=strain,
        strain_stderr=strain_error,
        r_bragg=_r_value(measured[inside], modelled[inside]),
        r_f=_r_value(np.sqrt(measured[inside]), np.sqrt(modelled[inside])),
        two_theta=own.centres(values).value[place],
        h=own.found.h,
        k=own.found.k,
        l=own.found.l,
        observed=measured,
        calculated=modelled,
        directions=_directional(own, directions, inverse, strain),
    )


@dataclass(frozen=True, eq=False, slots=True)
class _Directions:
    """A width along each reflection with its covariance."""

    width: Array
    covar: Array


def _directions(model: PatternModel, index: int, found: FitResult) -> dict[str, _Directions]:
    """Return the widths of a phase that depend on direction, by kind."""
    own, suffix = model.phases[index], model.suffixes[index]
    values = model.values(index, found.parameters.valuesdict())
    place = {name: i for i, name in enumerate(found.var_names)}
    result = {}
    for kind, directional in own.directional.items():
        width, slopes = directional.width(values)
        rows = [place.get(model.name(name, suffix), -1) for name in directional.names]
        free = [i for i, row in enumerate(rows) if row >= 0]
        chosen = [rows[i] for i in free]
        covar = np.nan_to_num(found.covar[np.ix_(chosen, chosen)])
        columns = np.stack([slopes[directional.names[i]] for i in free] or [0.0 * width])
        if not free:
            covar = np.zeros((1, 1))
        result[str(kind)] = _Directions(width, columns.T @ covar @ columns)
    return result


def _width(
    kind: str,
    parameter: Callable[[str], tuple[float, float]],
    directions: Mapping[str, _Directions],
) -> tuple[float, float]:
    """Return inverse size or strain with its standard error, the mean over directions."""
    if kind not in directions:
        return parameter(kind)
    along = directions[kind]
    return float(along.width.mean()), math.sqrt(max(float(along.covar.mean()), 0.0))


def _directional(
    own: PhaseModel, directions: Mapping[str, _Directions], inverse: float, strain: float
) -> DirectionalWidths | None:
    if not directions:
        return None
    nothing = np.zeros(len(own.hkl))
    along = {
        kind: (
            (directions[kind].width, np.sqrt(np.maximum(np.diag(directions[kind].covar), 0.0)))
            if kind in directions
            else (nothing + value, nothing + math.nan)
        )
        for kind, value in (("inverse_size", inverse), ("strain", strain))
    }
    (inverses, inverse_errors), (strains, strain_errors) = along["inverse_size"], along["strain"]
    with np.errstate(divide="ignore", invalid="ignore"):
        sizes, size_errors = 1.0 / inverses, inverse_errors / inverses**2
    return DirectionalWidths(
        h=own.found.h,
        k=own.found.k,
        l=own.found.l,
        size=sizes,
        size_stderr=size_errors,
        strain=strains,
        strain_stderr=strain_errors,
    )


def _with_cell_errors(model: PatternModel, index: int, found: FitResult) -> Crystal:
    own, suffix = model.phases[index], model.suffixes[index]
    crystal = refined_crystal(own, model.values(index, found.parameters.valuesdict()))
    errors = [math.nan] * 6
    for i, free in enumerate(own.cell.tied):
        if free >= 0:
            name = CELL_NAMES[free]
            errors[i] = found.parameters[model.name(name, suffix)].stderr
    return replace(crystal, cell_stderr=np.array(errors))


def _r_value(observed: Array, calculated: Array) -> float:
    total = float(np.sum(observed))
    return float(100.0 * np.sum(np.abs(observed - calculated)) / total) if total > 0 else math.nan


def _numbers(refinement: Refinement) -> tuple[Number, ...]:
    factor = refinement.serial_factor
    rows = [
        Number(name="r_wp", value=refinement.r_wp, unit="%", note="background included"),
        Number(name="gof", value=refinement.gof),
    ]
    for pattern in refinement.patterns:
        place = f" [{pattern.name}]" if len(refinement.patterns) > 1 else ""
        for phase in pattern.phases:
            rows += [
                Number(
                    name=f"{name} ({phase.name}){place}", value=value, stderr=error * factor,
                    unit=unit,
                )
                for name, value, error, unit in (
                    ("scale", phase.scale, phase.scale_stderr, "counts °"),
                    ("weight_fraction", 100 * phase.weight_fraction,
                     100 * phase.weight_fraction_stderr, "wt%"),
                    ("size", phase.size, phase.size_stderr, "Å"),
                    ("strain", phase.strain, phase.strain_stderr, ""),
                )
            ]  # fmt: skip
    shown = ("scale", "inverse_size", "strain", "background")
    rows += [
        Number(name=p.name, value=p.value, stderr=p.stderr * factor, unit=p.unit)
        for p in refinement.fit.parameters.values()
        if p.vary and not p.name.startswith(shown)
    ]
    return tuple(rows)
