"""Le Bail's extraction: intensities shared out by the model instead of calculated from atoms.

Le Bail, Duroy & Fourquet, Mater. Res. Bull. 23, 447 (1988).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from xorder.diffraction.powder_model import PhaseModel
from xorder.diffraction.refinement_objective import PatternModel, PatternObjective, line_windows
from xorder.fitting import Parameters
from xorder.results import Array

__all__ = ["carry_strengths", "share_intensities", "shared_intensities"]

#: Most by which one cycle multiplies an intensity.
LARGEST_GAIN = 10.0
#: An extracted intensity stays above this part of the strongest, so that it can rise again.
WEAKEST = 1e-6


def share_intensities(
    models: Sequence[PatternModel], parameters: Parameters, *, cycles: int
) -> None:
    """Share the measured intensity out among the lines of the phases without atoms.

    Patterns without such phases are left alone.
    """
    values = parameters.valuesdict()
    for model in models:
        if all(phase.strengths is None for phase in model.phases):
            continue
        objective = PatternObjective(model, parameters, frozenset())
        above = model.pattern.intensity - objective.smooth(values)
        for _ in range(cycles):
            bragg = [objective.bragg(i, values) for i in range(len(model.phases))]
            total = np.sum(bragg, axis=0)
            # Where the model has next to nothing its share is not known.
            ratio = np.divide(above, total, out=np.ones_like(total), where=total > 1e-9)
            ratio = np.clip(ratio, 0.0, LARGEST_GAIN)
            for index, phase in enumerate(model.phases):
                if phase.strengths is not None:
                    local = model.values(index, values)
                    observed, calculated = shared_intensities(
                        phase, local, model.pattern.two_theta, ratio
                    )
                    gain = np.divide(
                        observed, calculated, out=np.ones_like(observed), where=calculated > 0
                    )
                    raised = phase.strengths * gain
                    phase.strengths = np.maximum(raised, WEAKEST * float(raised.max()))


def shared_intensities(
    phase: PhaseModel, local: dict[str, float], axis: Array, ratio: Array
) -> tuple[Array, Array]:
    """Return each reflection's share of the measured, and its calculated, intensity, (N,) each.

    `ratio` is measured over calculated Bragg intensity at every point.
    """
    from xorder.diffraction.refinement_kernels import share_out

    lines, first, last = line_windows(phase, local, axis)
    observed, calculated = np.zeros(len(lines)), np.zeros(len(lines))
    share_out(axis, lines, first, last, ratio, observed, calculated)
    count = len(phase.hkl)
    return (
        np.bincount(phase.reflection, observed, count).astype(float),
        np.bincount(phase.reflection, calculated, count).astype(float),
    )


def carry_strengths(old: Sequence[PatternModel], new: Sequence[PatternModel]) -> None:
    """Give the lists of lines made anew the intensities that were extracted for the old ones."""
    for before, after in zip(old, new, strict=True):
        for source, target in zip(before.phases, after.phases, strict=True):
            if source.strengths is None or target.strengths is None:
                continue
            radix = np.array([4_000_000, 2_000, 1])
            known, wanted = source.found.hkl @ radix, target.found.hkl @ radix
            order = np.argsort(known)
            place = np.minimum(np.searchsorted(known[order], wanted), len(known) - 1)
            same = known[order][place] == wanted
            # Lines that were not listed before start at the median of the others.
            target.strengths = np.where(
                same, source.strengths[order][place], np.median(source.strengths)
            )
