"""Whole-pattern refinement (Rietveld) of one pattern, of several together, or of a series.

Rietveld, J. Appl. Cryst. 2, 65 (1969); one least-squares fit of all parameters, reached in stages.
"""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from xorder.diffraction.intensity_extraction import carry_strengths, share_intensities
from xorder.diffraction.pattern import Pattern, cut
from xorder.diffraction.powder_model import refined_crystal
from xorder.diffraction.refinement_agreement import refinement_result
from xorder.diffraction.refinement_objective import (
    PatternModel,
    PatternObjective,
    pattern_model,
)
from xorder.diffraction.refinement_options import Phase, RefinementOptions
from xorder.diffraction.refinement_results import Refinement
from xorder.diffraction.refinement_start import merged, starting_parameters
from xorder.errors import BadInput
from xorder.fitting import FitResult, Parameters, fit
from xorder.parameters import Parameter
from xorder.results import recorded
from xorder.structure import Crystal
from xorder.threads import one_thread

__all__ = ["Phase", "Refinement", "RefinementOptions", "refine"]

#: A phase whose scale is below this many standard errors keeps its cell, size and atoms.
FAINT = 5.0
#: The lines are listed anew, and all is fitted again, until cells move by less than this part.
SETTLED = 2e-5
MOST_LISTS = 4
#: Evaluations that are enough for a stage on the way.
STAGE_NFEV = 12
LINEAR_NFEV = 6
#: Extraction of intensities goes on until χ² changes by less than this part, at most so often,
#: with so many cycles before each fit.
EXTRACTED = 5e-5
MOST_EXTRACTIONS = 30
CYCLES = 8
#: Zeros after a point of more counts than this are padding of the file.
PADDING_AFTER = 20.0

_LINEAR = ("scale*", "background_*", "halo_*", "blank*")
_CELL = ("a", "b", "c", "alpha", "beta", "gamma")
_ALIGNMENT = ("zero_shift*", "displacement*")
_SHAPE = ("inverse_size*", "strain*")


@recorded
def refine(
    patterns: Pattern | Sequence[Pattern],
    phases: Crystal | Phase | Sequence[Crystal | Phase],
    *,
    options: RefinementOptions | None = None,
    parameters: Mapping[str, Parameter] | None = None,
) -> Refinement:
    """Refine crystals against one powder pattern, or against several together.

    Stages: heights; cell and alignment with lines as wide as the error the start can have; widths;
    atoms. A phase that stays below five standard errors keeps its cell, widths and atoms.

    Parameters
    ----------
    patterns
        Measured patterns. Several share every parameter but scales, background, halos, blank and
        alignment (and `RefinementOptions.own`).
    phases
        Crystals, or `Phase` objects that say what of them is refined.
    options
        Range, background, halos, blank, instrument.
    parameters
        Start values, bounds, what varies and constraints (`expr`) by name, in place of ours.

    Returns
    -------
    :
        Refined crystals, agreement, numbers with standard errors. A fit that fails is a result with
        ``success=False``, never an exception.

    Raises
    ------
    BadInput
        For options that cannot be, phases without lines in the range, unknown parameters.
    """
    options = options or RefinementOptions()
    data = _cut(patterns, options)
    wanted = _phases(phases)
    models = _models(data, wanted, options)
    start = merged(starting_parameters(models, wanted, options), parameters)
    with one_thread():
        found, models, held = _staged(models, wanted, options, start)
    return refinement_result(models, wanted, found, held)


def _staged(
    models: list[PatternModel], phases: list[Phase], options: RefinementOptions, start: Parameters
) -> tuple[FitResult, list[PatternModel], tuple[str, ...]]:
    linear = _chosen(start, _LINEAR)
    placed = linear | _chosen(start, _ALIGNMENT) | _of_phases(models, range(len(phases)), _CELL)
    current = start
    if options.largest_move > 0 and len(placed) > len(linear):
        wide = _widened(current, options.largest_move)
        found = _fit(models, wide, linear, LINEAR_NFEV)
        strong = _strong(models, found)
        placed = linear | _chosen(start, _ALIGNMENT) | _of_phases(models, strong, _CELL)
        found = _fit(models, found.parameters, placed, STAGE_NFEV)
        instrument = {n: start[n].value for n in start if n.split("_")[0] == "w"}
        current = _taken(start, found).with_values(instrument)
        models = _listed_anew(models, phases, current, options)
    found = _fit(models, current, linear, LINEAR_NFEV)
    found = _fit(models, _taken(start, found), linear | _chosen(start, _SHAPE), STAGE_NFEV)
    shaped = placed | _chosen(start, _SHAPE)
    found = _fit(models, _taken(start, found), shaped, STAGE_NFEV)
    strong = _strong(models, found)
    faint = [i for i in range(len(phases)) if i not in strong]
    held = _all_of_phases(models, faint) - linear
    free = frozenset(n for n, p in start.items() if p.vary and not p.expr) - held
    current = _restored(_taken(start, found), start, held)
    extracted = any(phase.extracted for phase in phases)
    chisqr = math.inf
    for _ in range(MOST_EXTRACTIONS if extracted else MOST_LISTS):
        models = _listed_anew(models, phases, current, options)
        found = _fit(models, current, free, options.max_nfev)
        moved = _largest_cell_change(current, found.parameters, models)
        current = _taken(start, found)
        still = not extracted or abs(found.chisqr - chisqr) < EXTRACTED * found.chisqr
        chisqr = found.chisqr
        if (moved < SETTLED and still) or not found.success:
            break
    return found, models, tuple(phases[i].name or phases[i].crystal.name for i in faint)


def _fit(
    models: Sequence[PatternModel], parameters: Parameters, free: frozenset[str], max_nfev: int
) -> FitResult:
    share_intensities(models, parameters, cycles=CYCLES)
    held = Parameters(replace(p, vary=p.vary and p.name in free) for p in parameters.values())
    # A constrained parameter moves with those it depends on, so its column is needed too.
    moving = frozenset(free) | {n for n, p in parameters.items() if p.expr}
    objectives = [PatternObjective(model, held, moving) for model in models]
    return fit(objectives, held, max_nfev=max_nfev)


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
    listed = _models(data, _moved(models, phases, parameters), options)
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


def _models(
    data: Sequence[Pattern], phases: Sequence[Phase], options: RefinementOptions
) -> list[PatternModel]:
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


def _cut(patterns: Pattern | Sequence[Pattern], options: RefinementOptions) -> list[Pattern]:
    several = [patterns] if isinstance(patterns, Pattern) else list(patterns)
    if not several:
        raise BadInput("there is no pattern to refine against", expected="at least one")
    if options.two_theta is not None:
        several = [cut(pattern, two_theta=options.two_theta) for pattern in several]
    several = [without_padding(pattern) for pattern in several]
    for pattern in several:
        if pattern.two_theta[0] <= 0:
            raise BadInput(
                f"{pattern.name or 'the pattern'} starts at 2θ = {pattern.two_theta[0]:g}°",
                expected="a two_theta range above 0",
            )
    return several


def without_padding(pattern: Pattern) -> Pattern:
    """Return the pattern without zeros at its end that counting cannot have given.

    After a point of more than 20 counts a point of none has a chance below 1e-8.
    """
    filled = np.flatnonzero(pattern.intensity != 0)
    last = int(filled[-1]) + 1
    if last == len(pattern.intensity) or pattern.intensity[filled[-1]] < PADDING_AFTER:
        return pattern
    note = (
        f"The last {len(pattern.intensity) - last} points, from {pattern.two_theta[last]:.3f}°, "
        "have no counts and were left out."
    )
    return replace(
        pattern,
        two_theta=pattern.two_theta[:last],
        intensity=pattern.intensity[:last],
        sigma=pattern.sigma[:last],
        notes=(*pattern.notes, note),
    )


def _phases(phases: Crystal | Phase | Sequence[Crystal | Phase]) -> list[Phase]:
    several = [phases] if isinstance(phases, (Crystal, Phase)) else list(phases)
    if not several:
        raise BadInput("there is no crystal to refine", expected="at least one")
    return [Phase(crystal=p) if isinstance(p, Crystal) else p for p in several]
