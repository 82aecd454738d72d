"""The stages of a refinement: what is free when, until lists of lines and cells have settled."""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from xorder.diffraction.intensity_extraction import carry_strengths, share_intensities
from xorder.diffraction.pattern import Pattern
from xorder.diffraction.pattern_faults import is_counted
from xorder.diffraction.pawley import PawleyObjective, with_intensities_counted
from xorder.diffraction.powder_model import refined_crystal
from xorder.diffraction.refinement_objective import (
    PatternModel,
    PatternObjective,
    pattern_model,
)
from xorder.diffraction.refinement_options import Phase, RefinementOptions
from xorder.diffraction.restraints import RestraintObjective
from xorder.fitting import FitResult, Objective, Parameters, fit

__all__ = ["Staged", "pattern_models", "staged_fit"]

#: A phase whose scale is below this many standard errors keeps its cell, size and atoms.
FAINT = 5.0
#: The lines are listed anew, and all is fitted again, until cells move by less than this part.
SETTLED = 2e-5
MOST_LISTS = 4
#: Evaluations that are enough for a stage on the way.
STAGE_NFEV = 12
LINEAR_NFEV = 6
#: Extraction of intensities goes on until χ² changes by less than this part, at most so often,
#: with so many cycles before each fit; where they are refined afterwards a rough start will do.
EXTRACTED, ROUGHLY_EXTRACTED = 5e-5, 1e-2
MOST_EXTRACTIONS = 30
CYCLES = 8
#: The model is far off a count by more than this many standard errors.
FAR_OFF = 4.0
#: Counts whose weights are made twice, and the least that a model can stand for.
FEW_COUNTS, LEAST_COUNTS = 25.0, 0.1

_LINEAR = ("scale*", "background_*", "halo_*", "blank*")
_CELL = ("a", "b", "c", "alpha", "beta", "gamma")
_ALIGNMENT = ("zero_shift*", "displacement*")
_SHAPE = ("inverse_size*", "strain*")

Fitting = Callable[[Sequence[PatternModel], Parameters, frozenset[str], int], FitResult]


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Staged:
    """What the stages came to."""

    fit: FitResult
    models: list[PatternModel]
    held: tuple[str, ...]
    """Names of the phases that stayed too faint for anything but a scale."""
    intensities: tuple[PawleyObjective, ...] = ()
    """One a pattern where intensities were refined."""


def staged_fit(
    models: list[PatternModel], phases: list[Phase], options: RefinementOptions, start: Parameters
) -> Staged:
    """Fit patterns in stages: heights; cell and alignment; widths; all that is free."""

    def fitted(
        models: Sequence[PatternModel], parameters: Parameters, free: frozenset[str], nfev: int
    ) -> FitResult:
        return _fit(models, parameters, free, nfev, options)

    current, placed = _placed(models, phases, options, start, fitted)
    if current is not start:
        models = _listed_anew(models, phases, current, options)
    linear = _chosen(start, _LINEAR)
    found = fitted(models, current, linear, LINEAR_NFEV)
    found = fitted(models, _taken(start, found), linear | _chosen(start, _SHAPE), STAGE_NFEV)
    shaped = placed | _chosen(start, _SHAPE)
    found = fitted(models, _taken(start, found), shaped, STAGE_NFEV)
    strong = _strong(models, found)
    faint = [i for i in range(len(phases)) if i not in strong]
    held = _all_of_phases(models, faint) - linear
    free = frozenset(n for n, p in start.items() if p.vary and not p.expr) - held
    current = _restored(_taken(start, found), start, held)
    names = tuple(phases[i].name or phases[i].crystal.name for i in faint)
    data = [model.pattern for model in models]
    found, models = _settled(_weighed(models, current), phases, options, current, free, fitted)
    if any(float(np.median(pattern.intensity)) < FEW_COUNTS for pattern in data):
        # With few counts the first model was made with poor weights.
        current = _taken(start, found)
        models = [replace(m, pattern=p) for m, p in zip(models, data, strict=True)]
        found, models = _settled(_weighed(models, current), phases, options, current, free, fitted)
    staged = Staged(fit=found, models=models, held=names)
    if any(phase.intensities == "refined" for phase in phases):
        staged = _with_intensities(models, phases, options, _taken(start, found), free, names)
    # Agreement is told with the uncertainties of the data.
    own = [replace(m, pattern=p) for m, p in zip(staged.models, data, strict=True)]
    return replace(staged, models=own)


def _weighed(models: Sequence[PatternModel], parameters: Parameters) -> list[PatternModel]:
    """Return the models with the uncertainties that counts of their own height would have.

    √counts of the data is small where noise is low: weights from it pull every height down by
    about one count (Baker & Cousins, Nucl. Instrum. Methods 221, 437 (1984)). Where the model is
    far off, and for data that are no counts, weights stay those of the data.
    """
    weighed = []
    for model in models:
        pattern = model.pattern
        if is_counted(pattern):
            objective = PatternObjective(model, parameters, frozenset())
            left = objective.residual(parameters.valuesdict()) * pattern.sigma
            expected = np.sqrt(np.maximum(pattern.intensity - left, LEAST_COUNTS))
            sigma = np.where(np.abs(left) < FAR_OFF * expected, expected, pattern.sigma)
            model = replace(model, pattern=replace(pattern, sigma=sigma))
        weighed.append(model)
    return weighed


def _placed(
    models: list[PatternModel],
    phases: list[Phase],
    options: RefinementOptions,
    start: Parameters,
    fitted: Fitting,
) -> tuple[Parameters, frozenset[str]]:
    """Return the parameters with lines in their places, and the names that place them.

    Lines are first as wide as the error the start can have, so that they find the data.
    """
    linear = _chosen(start, _LINEAR)
    placed = linear | _chosen(start, _ALIGNMENT) | _of_phases(models, range(len(phases)), _CELL)
    if options.largest_move <= 0 or len(placed) == len(linear):
        return start, placed
    found = fitted(models, _widened(start, options.largest_move), linear, LINEAR_NFEV)
    strong = _strong(models, found)
    placed = linear | _chosen(start, _ALIGNMENT) | _of_phases(models, strong, _CELL)
    found = fitted(models, found.parameters, placed, STAGE_NFEV)
    instrument = {n: start[n].value for n in start if n.split("_")[0] == "w"}
    return _taken(start, found).with_values(instrument), placed


def _settled(
    models: list[PatternModel],
    phases: list[Phase],
    options: RefinementOptions,
    current: Parameters,
    free: frozenset[str],
    fitted: Fitting,
) -> tuple[FitResult, list[PatternModel]]:
    """Fit all that is free until cells, and extracted intensities, change no more."""
    extracted = any(phase.extracted for phase in phases)
    rough = any(phase.intensities == "refined" for phase in phases)
    enough = ROUGHLY_EXTRACTED if rough else EXTRACTED
    chisqr = math.inf
    for _ in range(MOST_EXTRACTIONS if extracted else MOST_LISTS):
        models = _listed_anew(models, phases, current, options)
        found = fitted(models, current, free, options.max_nfev)
        moved = _largest_cell_change(current, found.parameters, models)
        current = _taken(current, found)
        still = not extracted or abs(found.chisqr - chisqr) < enough * found.chisqr
        chisqr = found.chisqr
        if (moved < SETTLED and still) or not found.success:
            break
    return found, models


def _with_intensities(
    models: list[PatternModel],
    phases: list[Phase],
    options: RefinementOptions,
    current: Parameters,
    free: frozenset[str],
    held: tuple[str, ...],
) -> Staged:
    """Fit on with the intensities of the lines in the least squares (Pawley)."""
    refined = [i for i, phase in enumerate(phases) if phase.intensities == "refined"]
    for _ in range(MOST_LISTS):
        models = _listed_anew(models, phases, current, options)
        parameters = _freed(current, free)
        several = [
            PawleyObjective(one, refined, parameters.valuesdict())
            for one in _objectives(models, parameters, free)
        ]
        found = fit(
            [*several, *_restraints(models, options, parameters)],
            parameters,
            max_nfev=options.max_nfev,
        )
        moved = _largest_cell_change(current, found.parameters, models)
        current = _taken(current, found)
        if moved < SETTLED or not found.success:
            break
    for one in several:
        one.residual(found.parameters.valuesdict())
    counted = with_intensities_counted(found, sum(one.n_intensities for one in several))
    return Staged(fit=counted, models=models, held=held, intensities=tuple(several))


def _fit(
    models: Sequence[PatternModel],
    parameters: Parameters,
    free: frozenset[str],
    max_nfev: int,
    options: RefinementOptions,
) -> FitResult:
    share_intensities(models, parameters, cycles=CYCLES)
    held = _freed(parameters, free)
    objectives: list[Objective] = [*_objectives(models, held, free)]
    return fit([*objectives, *_restraints(models, options, held)], held, max_nfev=max_nfev)


def _freed(parameters: Parameters, free: frozenset[str]) -> Parameters:
    return Parameters(replace(p, vary=p.vary and p.name in free) for p in parameters.values())


def _objectives(
    models: Sequence[PatternModel], parameters: Parameters, free: frozenset[str]
) -> list[PatternObjective]:
    # A constrained parameter moves with those it depends on, so its column is needed too.
    moving = frozenset(free) | {n for n, p in parameters.items() if p.expr}
    return [PatternObjective(model, parameters, moving) for model in models]


def _restraints(
    models: Sequence[PatternModel], options: RefinementOptions, parameters: Parameters
) -> list[Objective]:
    if not options.restraints:
        return []
    return [RestraintObjective(models[0], options.restraints, parameters)]


def _taken(start: Parameters, found: FitResult) -> Parameters:
    """Return the start's parameters with the values that a stage found."""
    return start.with_values({n: p.value for n, p in found.parameters.items() if not p.expr})


def _restored(current: Parameters, start: Parameters, held: frozenset[str]) -> Parameters:
    return current.with_values({name: start[name].value for name in held})


def _widened(parameters: Parameters, width: float) -> Parameters:
    changes = {n: p.value + width**2 for n, p in parameters.items() if n.split("_")[0] == "w"}
    return parameters.with_values(changes)


def _chosen(parameters: Parameters, patterns: Sequence[str]) -> frozenset[str]:
    return frozenset(
        n
        for n, p in parameters.items()
        if p.vary and not p.expr and any(fnmatch.fnmatch(n, each) for each in patterns)
    )


def _of_phases(
    models: Sequence[PatternModel], indices: Sequence[int] | range, names: Sequence[str]
) -> frozenset[str]:
    return frozenset(
        model.name(name, model.suffixes[index])
        for model in models
        for index in indices
        for name in model.phases[index].local_names
        if name in names
    )


def _all_of_phases(models: Sequence[PatternModel], indices: Sequence[int]) -> frozenset[str]:
    return frozenset(
        model.name(name, model.suffixes[index])
        for model in models
        for index in indices
        for name in model.phases[index].local_names
    )


def _strong(models: Sequence[PatternModel], found: FitResult) -> list[int]:
    """Return the phases whose scale is above five standard errors in some pattern."""
    strong = []
    for index in range(len(models[0].phases)):
        scales = [found.parameters[m.name("scale", m.suffixes[index])] for m in models]
        # A scale without standard error was not refined, or its error is not known: leave it free.
        sure = [p.value > FAINT * p.stderr for p in scales if math.isfinite(p.stderr)]
        if any(sure) or any(not p.vary for p in scales):
            strong.append(index)
    return strong


def _listed_anew(
    models: Sequence[PatternModel],
    phases: Sequence[Phase],
    parameters: Parameters,
    options: RefinementOptions,
) -> list[PatternModel]:
    """Return the models with their lines listed for the cells that the parameters give."""
    data = [model.pattern for model in models]
    listed = pattern_models(data, _moved(models, phases, parameters), options)
    carry_strengths(models, listed)
    return listed


def _moved(
    models: Sequence[PatternModel], phases: Sequence[Phase], parameters: Parameters
) -> list[Phase]:
    """Return the phases with the crystals that the parameters give."""
    values = parameters.valuesdict()
    model = models[0]
    return [
        replace(phase, crystal=refined_crystal(model.phases[i], model.values(i, values)))
        for i, phase in enumerate(phases)
    ]


def pattern_models(
    data: Sequence[Pattern], phases: Sequence[Phase], options: RefinementOptions
) -> list[PatternModel]:
    """Return the models of all patterns."""
    places = [""] if len(data) == 1 else [f"_{i + 1}" for i in range(len(data))]
    return [
        pattern_model(pattern, phases, options=options, place=place)
        for pattern, place in zip(data, places, strict=True)
    ]


def _largest_cell_change(
    before: Parameters, after: Parameters, models: Sequence[PatternModel]
) -> float:
    names = _of_phases(models, range(len(models[0].phases)), _CELL)
    changes = [abs(after[n].value / before[n].value - 1.0) for n in names]
    return max(changes, default=0.0)
