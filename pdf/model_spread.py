r"""What is unknown of a model that is one of many: packings of a glass, frames of a simulation.

One packing stands for a glass up to its own chance. Where K others are at hand, the error of its
curve has about their covariance,

.. math:: cov(r, r') = \frac{1}{K} \sum_{k=0}^{K} \Delta G_k(r)\, \Delta G_k(r'),

with Δ from the mean of all K + 1: each Δ G / √K is one more wave of a noise
(`xorder.pdf.noise`), whose amplitude has variance one. A spread known from few is uncertain itself:
the waves are as large as makes one standard error hold two thirds of Student's distribution.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from xorder.errors import BadInput
from xorder.pdf.objective import PdfObjective
from xorder.pdf.pattern import PairDistribution
from xorder.pdf.phases import PhaseModel
from xorder.pdf.refinement import phase_models
from xorder.pdf.refinement_result import PdfFit
from xorder.pdf.termination import Grid
from xorder.results import Array
from xorder.structure import Crystal

__all__ = ["ModelSpread", "model_spread"]

#: Points of a curve in π/Qmax.
DENSITY = 4
#: Share of a normal distribution below one standard deviation.
ONE_SIGMA = 0.841345


@dataclass(frozen=True, eq=False, slots=True)
class ModelSpread:
    """Waves of what is unknown of the models, on a grid dense enough to interpolate."""

    r: Array
    curves: Array
    """Shape (N, waves)."""

    def waves(self, r: Array) -> Array:
        """Return the waves at other distances, shape (M, waves)."""
        from scipy.interpolate import CubicSpline

        return np.asarray(CubicSpline(self.r, self.curves)(r))


def model_spread(
    measured: PairDistribution,
    objective: PdfObjective,
    whole: PdfFit,
    alternatives: Mapping[str, Sequence[Crystal]],
    span: tuple[float, float],
) -> ModelSpread:
    """Return the spread of phases between equally good models, at the values of a fit.

    Raises
    ------
    BadInput
        Where a phase is unknown, has no alternative, or one of other elements.
    """
    from scipy.special import stdtrit

    values = whole.parameters.valuesdict()
    step = math.pi / objective.q_max / DENSITY
    size = math.ceil((span[1] - span[0]) / step) + 2
    grid = Grid.of(
        span[0], step, size, q_max=objective.q_max, convention=objective.options.convention
    )
    columns: list[Array] = []
    for phase, crystals in alternatives.items():
        own = _known(objective, phase)
        if not crystals:
            raise BadInput(f"phase {phase!r} has no alternatives", expected="at least one crystal")
        named = {f"{phase} {k + 1}": crystal for k, crystal in enumerate(crystals)}
        local = objective.local_values(phase, values)
        curves = [objective.model_gr(phase, own, local, grid)]
        for label, model in phase_models(measured, named, objective.options).items():
            if model.elements != own.elements:
                raise BadInput(
                    f"{label} holds {', '.join(model.elements)} and {phase} "
                    f"{', '.join(own.elements)}",
                    expected="alternatives of the same elements",
                )
            curves.append(objective.model_gr(phase, model, _in_place(model, local), grid))
        about_mean = np.array(curves) - np.mean(curves, axis=0)
        size_of_wave = stdtrit(len(crystals), ONE_SIGMA) / math.sqrt(len(crystals))
        columns.append(np.asarray(about_mean.T * size_of_wave, dtype=np.float64))
    r: Array = span[0] + step * np.arange(size, dtype=np.float64)
    return ModelSpread(r, np.concatenate(columns, axis=1))


def _known(objective: PdfObjective, phase: str) -> PhaseModel:
    if phase not in objective.phases:
        raise BadInput(
            f"alternatives are given for {phase!r}",
            expected="one of " + ", ".join(objective.phases),
        )
    return objective.phases[phase]


def _in_place(model: PhaseModel, local: Mapping[str, float]) -> dict[str, float]:
    """Return the fitted values, cell and positions those of the alternative."""
    own = model.start(math.nan)
    places = (*model.cell.names, *model.positions.names)
    return {**local, **{name: own[name] for name in places}}
