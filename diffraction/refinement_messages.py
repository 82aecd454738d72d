"""What a reader of a refinement must know, one sentence each."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from xorder.diffraction.pattern_faults import LEFT_OUT
from xorder.diffraction.refinement_objective import PatternModel, PatternObjective
from xorder.diffraction.refinement_options import Phase
from xorder.diffraction.refinement_results import PatternFit, PhaseFit, Refinement
from xorder.diffraction.residual_lines import ResidualLines
from xorder.results import Array

__all__ = ["refinement_messages"]

#: Patterns of two phases that are alike by more than this cannot be told apart safely.
ALIKE = 0.9
#: Restraints further than this many standard errors from their values are said.
CONTRADICTED = 3.0
#: A cell length that moves by more than this part is said.
FAR = 0.01
#: Most lines that a sentence names.
NAMED = 5


def refinement_messages(
    refinement: Refinement,
    models: Sequence[PatternModel],
    phases: Sequence[Phase],
    held: Sequence[str],
    doubts: Sequence[str] = (),
) -> tuple[str, ...]:
    """Return the messages of a refinement.

    Parameters
    ----------
    refinement
        The result.
    models, phases
        Models of the patterns, and what was asked of their phases.
    held
        Names of phases too faint for more than a scale.
    doubts
        Sentences found before the fit.
    """
    messages = [] if refinement.success else [f"The fit failed: {refinement.fit.message}"]
    messages += [f"{text}." for text in doubts if text]
    messages += _about_data(models)
    messages += _about_phases(phases, held)
    messages += _about_intensities(refinement)
    messages += _about_cells(refinement, phases)
    messages += _about_restraints(refinement, len(models))
    for model, pattern in zip(models, refinement.patterns, strict=True):
        messages += _about_widths(refinement, model, pattern)
        messages += _coinciding(refinement, model, pattern)
    for pattern, lines in zip(refinement.patterns, refinement.unexplained, strict=True):
        messages += _unexplained(pattern, lines)
    messages += [f"{flag}." for flag in refinement.fit.flags]
    return tuple(messages)


def _about_data(models: Sequence[PatternModel]) -> list[str]:
    return [
        f"{model.pattern.name}: {note}"
        for model in models
        for note in model.pattern.notes
        if note.endswith(LEFT_OUT)
    ]


def _about_phases(phases: Sequence[Phase], held: Sequence[str]) -> list[str]:
    messages = [
        f"{phase.name or phase.crystal.name}: its intensities were extracted from the data; "
        "standard errors leave them out, and it has no weight fraction."
        for phase in phases
        if phase.intensities == "extracted"
    ]
    ions = [any(site.charge for site in phase.crystal.sites) for phase in phases]
    if any(ions) and not all(ions):
        messages.append(
            "Some structures name ions and others neutral atoms; their form factors differ at low "
            "angles, which shifts weight fractions by up to about 1 wt%."
        )
    return messages + [
        f"{name} stays below five standard errors; its cell, widths and atoms were kept as "
        "they were."
        for name in held
    ]


def _about_intensities(refinement: Refinement) -> list[str]:
    messages = []
    for pattern, phase in _each_phase(refinement):
        if phase.intensities is None:
            continue
        listed = phase.intensities
        count, lines = len(listed.intensity), int(np.count_nonzero(listed.group >= 0))
        text = f"{phase.name}: {count} intensities of {lines} lines were refined, without a bound"
        if listed.negative:
            text += f"; {listed.negative} are more than three standard errors below zero"
        messages.append(f"{_place(refinement, pattern)}{text}; it has no weight fraction.")
    return messages


def _about_cells(refinement: Refinement, phases: Sequence[Phase]) -> list[str]:
    messages = []
    for phase, found in zip(phases, refinement.patterns[0].phases, strict=True):
        change = found.crystal.cell[:3] / phase.crystal.cell[:3] - 1.0
        worst = int(np.argmax(np.abs(change)))
        if abs(change[worst]) > FAR:
            messages.append(
                f"{found.name}: {'abc'[worst]} moved by {100 * change[worst]:+.1f} % from the "
                "structure; wavelength, zero shift or structure may be wrong."
            )
    return messages


def _about_restraints(refinement: Refinement, patterns: int) -> list[str]:
    """Return whether data and restraints contradict each other."""
    left = [np.abs(one) for one in refinement.fit.residual[patterns:] if one.size]
    if not left or np.concatenate(left).max() < CONTRADICTED:
        return []
    values = np.concatenate(left)
    return [
        f"{np.count_nonzero(values >= CONTRADICTED)} of {values.size} restraints are over "
        f"{CONTRADICTED:g} standard errors from their values; data and restraints contradict "
        "each other."
    ]


def _about_widths(refinement: Refinement, model: PatternModel, pattern: PatternFit) -> list[str]:
    messages = []
    limit = model.linear.halo_fwhm / 3.0
    for index, phase in enumerate(pattern.phases):
        values = model.values(index, refinement.fit.parameters.valuesdict())
        width = float(np.median(model.phases[index].shapes(values).fwhm))
        if width > limit:
            messages.append(
                f"{pattern.name}: lines of {phase.name} are {width:.2f}° wide, over a third of "
                f"the halo's {model.linear.halo_fwhm:.1f}°; they cannot be told apart safely."
            )
        for kind, directional in model.phases[index].directional.items():
            without = directional.without_width(values)
            if without:
                messages.append(
                    f"{pattern.name}: the direction-dependent {kind.replace('_', ' ')} of "
                    f"{phase.name} is below zero for {without} reflections; it is not determined."
                )
    return messages


def _coinciding(refinement: Refinement, model: PatternModel, pattern: PatternFit) -> list[str]:
    """Return which pairs of phases have lines so alike that their shares are not determined."""
    values = refinement.fit.parameters.valuesdict()
    objective = PatternObjective(model, refinement.fit.parameters, frozenset())
    scales = {model.name("scale", suffix): 1.0 for suffix in model.suffixes}
    shapes = [
        objective.bragg(index, values | scales) / pattern.sigma
        for index in range(len(pattern.phases))
    ]
    messages = []
    for i, j in itertools.combinations(range(len(shapes)), 2):
        alike = _likeness(shapes[i], shapes[j])
        if alike > ALIKE:
            messages.append(
                f"{pattern.name}: the lines of {pattern.phases[i].name} and "
                f"{pattern.phases[j].name} coincide ({100 * alike:.0f} % alike); their scales and "
                "weight fractions cannot be told apart, only their sum."
            )
    return messages


def _likeness(first: Array, second: Array) -> float:
    norm = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float(first @ second) / norm if norm > 0 else 0.0


def _unexplained(pattern: PatternFit, lines: ResidualLines) -> list[str]:
    count = len(lines.two_theta)
    if not count:
        return []
    named = ", ".join(
        f"{t:.2f}° (d = {d:.4g} Å)"
        for t, d in zip(lines.two_theta[:NAMED], lines.d[:NAMED], strict=True)
    )
    more = f" and {count - NAMED} more" if count > NAMED else ""
    if lines.fitting:
        fitting = f"they fit {', '.join(lines.fitting)}"
    elif lines.possible:
        fitting = f"alone, it may be the strongest of {' or '.join(lines.possible)}"
    else:
        fitting = "no reference structure has them"
    return [
        f"{pattern.name}: {count} line{'s' if count > 1 else ''} that no phase of the model has, "
        f"at {named}{more}; {fitting}."
    ]


def _each_phase(refinement: Refinement) -> list[tuple[PatternFit, PhaseFit]]:
    return [(pattern, phase) for pattern in refinement.patterns for phase in pattern.phases]


def _place(refinement: Refinement, pattern: PatternFit) -> str:
    return f"{pattern.name}: " if len(refinement.patterns) > 1 else ""
