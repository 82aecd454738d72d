"""Where a refinement starts with the sizes of domains."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xorder.results import Array

if TYPE_CHECKING:
    from xorder.fitting import Parameters
    from xorder.pdf.objective import PdfObjective

__all__ = ["with_best_sizes"]

#: Diameters tried, relative to the given start.
TRIED = (1.0, 0.2, 0.33, 0.6, 2.0)
#: Rounds over the phases.
ROUNDS = 2


def with_best_sizes(objective: PdfObjective, start: Parameters) -> Parameters:
    """Return the start with the diameters around the given ones that fit best, and their scales.

    Small domains taken for large ones look like too little of their phase, and a fit that starts
    there ends in another minimum. Scales being linear, every trial is one small solution.
    """
    from scipy.optimize import nnls

    values = start.valuesdict()
    amorphous = objective.options.amorphous
    names = {
        i: objective.global_name(phase, "sphere_diameter")
        for i, phase in enumerate(objective.phases)
        if phase not in amorphous
    }
    trials = {}
    for i, name in names.items():
        if name in start:
            p = start[name]
            sizes = np.clip(p.value * np.array(TRIED), p.min, p.max)
            trials[name] = (i, sizes, [_curve(objective, i, values, name, d) for d in sizes])
    columns, target = objective.unit_curves(values), objective.target / objective.sigma
    for _ in range(ROUNDS):
        for name, (i, sizes, curves) in trials.items():
            misfits = []
            for curve in curves:
                columns[:, i] = curve
                misfits.append(nnls(columns, target)[1])
            best = int(np.argmin(misfits))
            columns[:, i] = curves[best]
            values[name] = float(sizes[best])
    return start.with_values({**values, **objective.best_scales(values)})


def _curve(
    objective: PdfObjective, index: int, values: dict[str, float], name: str, size: float
) -> Array:
    """Return the curve of one phase with a diameter, at a scale of one, over sigma."""
    phase = list(objective.phases)[index]
    unit = {**values, objective.global_name(phase, "scale"): 1.0, name: float(size)}
    return objective.phase_gr(phase, unit, objective.grid) / objective.sigma
