"""From the parameters of a fit to agreement, refined crystals, weight fractions, warnings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from xorder.diffraction.intensity_extraction import shared_intensities
from xorder.diffraction.powder_model import refined_crystal
from xorder.diffraction.refinement_objective import PatternModel, PatternObjective
from xorder.diffraction.refinement_options import Phase
from xorder.diffraction.refinement_results import (
    PatternFit,
    PhaseFit,
    Refinement,
    serial_factor,
)
from xorder.diffraction.symmetry_constraints import CELL_NAMES
from xorder.fitting import FitResult
from xorder.results import Array, Number
from xorder.scattering import atomic_mass
from xorder.structure import Crystal, composition, lattice_from_cell

__all__ = ["refinement_result", "weight_fractions"]


def refinement_result(
    models: Sequence[PatternModel],
    phases: Sequence[Phase],
    found: FitResult,
    held: Sequence[str],
) -> Refinement:
    """Return the result of a fit of patterns."""
    patterns = tuple(_pattern_fit(model, phases, found) for model in models)
    factor = serial_factor(found.residual)
    refinement = Refinement(
        fit=found, patterns=patterns, serial_factor=factor, suffixes=models[0].suffixes
    )
    messages = _messages(refinement, models, phases, held)
    return replace(refinement, messages=messages, numbers=_numbers(refinement))


def _pattern_fit(model: PatternModel, phases: Sequence[Phase], found: FitResult) -> PatternFit:
    values = found.parameters.valuesdict()
    objective = PatternObjective(model, found.parameters, frozenset())
    heights = np.array([values[model.name(n)] for n in model.linear.names])
    halos = model.linear.columns("halo")
    halo = model.linear.shapes[:, halos] @ heights[halos]
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

    inverse, inverse_error = parameter("inverse_size")
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
        strain=parameter("strain")[0],
        strain_stderr=parameter("strain")[1],
        r_bragg=_r_value(measured[inside], modelled[inside]),
        r_f=_r_value(np.sqrt(measured[inside]), np.sqrt(modelled[inside])),
        two_theta=own.centres(values).value[place],
        h=own.found.h,
        k=own.found.k,
        l=own.found.l,
        observed=measured,
        calculated=modelled,
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


def _messages(
    refinement: Refinement,
    models: Sequence[PatternModel],
    phases: Sequence[Phase],
    held: Sequence[str],
) -> tuple[str, ...]:
    messages = [] if refinement.success else [f"The fit failed: {refinement.fit.message}"]
    messages += [
        f"{model.pattern.name}: {note}"
        for model in models
        for note in model.pattern.notes
        if note.endswith("were left out.")
    ]
    messages += [
        f"{phase.name or phase.crystal.name}: its intensities were extracted from the data; "
        "standard errors leave them out, and it has no weight fraction."
        for phase in phases
        if phase.extracted
    ]
    ions = [any(site.charge for site in phase.crystal.sites) for phase in phases]
    if any(ions) and not all(ions):
        messages.append(
            "Some structures name ions and others neutral atoms; their form factors differ at low "
            "angles, which shifts weight fractions by up to about 1 wt%."
        )
    messages += [
        f"{name} stays below five standard errors; its cell, widths and atoms were kept as "
        "they were."
        for name in held
    ]
    for model, pattern in zip(models, refinement.patterns, strict=True):
        limit = model.linear.halo_fwhm / 3.0
        for index, phase in enumerate(pattern.phases):
            values = model.values(index, refinement.fit.parameters.valuesdict())
            width = float(np.median(model.phases[index].shapes(values).fwhm))
            if width > limit:
                messages.append(
                    f"{pattern.name}: lines of {phase.name} are {width:.2f}° wide, over a third of "
                    f"the halo's {model.linear.halo_fwhm:.1f}°; they cannot be told apart safely."
                )
    messages += [f"{flag}." for flag in refinement.fit.flags]
    return tuple(messages)


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
