"""Whole-pattern refinement (Rietveld) of one pattern, of several together, or of a series.

Rietveld, J. Appl. Cryst. 2, 65 (1969); one least-squares fit of all parameters, reached in stages.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from xorder.diffraction.pattern import Pattern, cut
from xorder.diffraction.pattern_faults import without_faults
from xorder.diffraction.refinement_agreement import refinement_result
from xorder.diffraction.refinement_objective import PatternModel
from xorder.diffraction.refinement_options import Phase, RefinementOptions
from xorder.diffraction.refinement_results import Refinement
from xorder.diffraction.refinement_stages import pattern_models, staged_fit
from xorder.diffraction.refinement_start import merged, starting_parameters
from xorder.diffraction.restraints import expression_parameters
from xorder.diffraction.wavelength_check import wavelength_doubt
from xorder.errors import BadInput
from xorder.parameters import Parameter, Parameters
from xorder.results import recorded
from xorder.structure import Crystal
from xorder.threads import one_thread

__all__ = ["Phase", "Refinement", "RefinementOptions", "refine"]

#: Names of widths that depend on direction, and the largest size to start them from, in Å.
DIRECTIONAL, MOST_SIZE = re.compile(r"(inverse_size|strain)_\d{3}"), 5000.0


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
    models = pattern_models(data, wanted, options)
    names = [phase.name or phase.crystal.name for phase in wanted]
    doubts = [wavelength_doubt(model.pattern, model.phases, names) for model in models]
    given = dict(parameters or {})
    with one_thread():
        if any(phase.anisotropic for phase in wanted):
            wanted, found, options = _isotropic(data, wanted, options, given)
            models = pattern_models(data, wanted, options)
            start = _start(models, wanted, options, given)
            start = start.with_values({n: v for n, v in found.items() if n in start})
        else:
            start = _start(models, wanted, options, given)
        staged = staged_fit(models, wanted, options, start)
    return refinement_result(staged, wanted, doubts)


def _start(
    models: list[PatternModel],
    phases: list[Phase],
    options: RefinementOptions,
    given: Mapping[str, Parameter],
) -> Parameters:
    start = merged(starting_parameters(models, phases, options), given)
    return start | expression_parameters(options.restraints)


def _isotropic(
    data: list[Pattern],
    phases: list[Phase],
    options: RefinementOptions,
    given: Mapping[str, Parameter],
) -> tuple[list[Phase], dict[str, float], RefinementOptions]:
    """Refine with sizes and strains of no direction: from afar directions lead astray.

    Returns the phases with the sizes and strains found, the values of all other parameters, and
    options that place lines no more.
    """
    plain = [replace(p, anisotropic_size=False, anisotropic_strain=False) for p in phases]
    models = pattern_models(data, plain, options)
    known = starting_parameters(models, plain, options)
    own = {n: p for n, p in given.items() if n in known or not DIRECTIONAL.match(n)}
    staged = staged_fit(models, plain, options, _start(models, plain, options, own))
    found = staged.fit.parameters.valuesdict()
    moved = []
    for index, phase in enumerate(phases):
        local = models[0].values(index, found)
        size, strain = 1.0 / max(local["inverse_size"], 1.0 / MOST_SIZE), local["strain"]
        moved.append(
            replace(
                phase,
                size=phase.size if phase.size is None else size,
                strain=phase.strain if phase.strain is None else min(max(strain, 1e-4), 0.09),
            )
        )
    kept = {
        name: value
        for name, value in found.items()
        if not name.startswith(("inverse_size", "strain"))
    }
    return moved, kept, replace(options, largest_move=0.0)


def _cut(patterns: Pattern | Sequence[Pattern], options: RefinementOptions) -> list[Pattern]:
    several = [patterns] if isinstance(patterns, Pattern) else list(patterns)
    if not several:
        raise BadInput("there is no pattern to refine against", expected="at least one")
    if options.two_theta is not None:
        several = [cut(pattern, two_theta=options.two_theta) for pattern in several]
    several = [without_faults(pattern) for pattern in several]
    for pattern in several:
        if pattern.two_theta[0] <= 0:
            raise BadInput(
                f"{pattern.name or 'the pattern'} starts at 2θ = {pattern.two_theta[0]:g}°",
                expected="a two_theta range above 0",
            )
    return several


def _phases(phases: Crystal | Phase | Sequence[Crystal | Phase]) -> list[Phase]:
    several = [phases] if isinstance(phases, (Crystal, Phase)) else list(phases)
    if not several:
        raise BadInput("there is no crystal to refine", expected="at least one")
    return [Phase(crystal=p) if isinstance(p, Crystal) else p for p in several]
