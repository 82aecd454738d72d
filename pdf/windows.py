"""One window of a box-car: what it frees, what it cannot tell, its fit."""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from xorder.errors import BadInput
from xorder.fitting import FitResult, Parameters, fit
from xorder.pdf.fractions import PhaseFractions
from xorder.pdf.objective import PdfObjective
from xorder.pdf.options import RefinementOptions
from xorder.pdf.pattern import PairDistribution
from xorder.pdf.phases import PhaseModel
from xorder.pdf.refinement import objective_for
from xorder.pdf.refinement_result import (
    PdfFit,
    fit_messages,
    fractions_with,
    scale_covariance,
)
from xorder.pdf.window_errors import WholeErrors, scale_waves
from xorder.results import Array
from xorder.threads import one_thread

__all__ = [
    "FittedWindow",
    "PreparedWindow",
    "fit_window",
    "fit_windows_tied",
    "prepare_window",
]

#: A displacement may move by this factor from its value over the whole range.
U_ROOM = 3.0
#: Correlated motion shows in windows that begin below this distance (Å) only.
NEAR = 4.0
#: In a window, a phase of less than this share of the largest keeps its displacements.
MINOR = 0.1
#: Relative change of χ² below which a window has arrived: a hundredth of a standard error.
WINDOW_TOLERANCE = 1e-5


@dataclass(frozen=True, slots=True)
class FittedWindow:
    """A window after its fit; NaN where it failed."""

    r_range: tuple[float, float]
    scale: Array
    scale_stderr: Array
    fractions: PhaseFractions | None
    r_w: float
    flags: tuple[str, ...]
    n_independent: float
    waves: Array | None = None
    """What each wave of the noise does to the scales, shape (phases, Q)."""
    seen: Array | None = None
    """How much each point counts in each scale, below the distances, shape (1 + phases, points)."""


@dataclass(frozen=True, slots=True)
class PreparedWindow:
    """A window before its fit."""

    r_range: tuple[float, float]
    objective: PdfObjective
    start: Parameters | None
    flags: tuple[str, ...]


def prepare_window(
    measured: PairDistribution,
    models: Mapping[str, PhaseModel],
    r_range: tuple[float, float],
    whole: PdfFit,
    free: tuple[str, ...],
    options: RefinementOptions,
) -> PreparedWindow:
    """Return a window with its start: the whole range's values, of which it frees some."""
    known = whole.parameters if whole.success else None
    objective = objective_for(measured, models, r_range, options, whole.sample, known)
    if not whole.success:
        message = "not fitted: the fit of the whole range failed"
        return PreparedWindow(r_range, objective, None, (message,))
    return PreparedWindow(r_range, objective, *_window_parameters(objective, whole, free))


def fit_window(
    one: PreparedWindow, options: RefinementOptions, errors: WholeErrors | None
) -> FittedWindow:
    """Fit one window alone; `errors` are those of the fit of the whole range."""
    if one.start is None:
        unknown = np.full(len(one.objective.phases), math.nan)
        n_independent = one.objective.n_independent
        return FittedWindow(one.r_range, unknown, unknown, None, math.nan, one.flags, n_independent)
    found = fit(
        one.objective, one.start, stages=[("scale*",)], starts=options.starts, seed=options.seed,
        tolerance=WINDOW_TOLERANCE,
    )  # fmt: skip
    if errors is None or not found.success:
        return _fitted(one, found, None)
    with one_thread():
        waves, seen = scale_waves(one.objective, found, errors)
    return replace(_fitted(one, found, waves), seen=seen)


def fit_windows_tied(
    prepared: Sequence[PreparedWindow],
    whole: PdfFit,
    smoothness: float,
    share: float,
    errors: WholeErrors | None,
) -> list[FittedWindow]:
    """Fit all windows together, neighbours tied by smoothness.

    Raises
    ------
    BadInput
        Where the smoothness is not positive.
    """
    from xorder.pdf.tied_windows import fit_tied

    if not 0 < smoothness < math.inf:
        raise BadInput(f"smoothness is {smoothness}", expected="a positive relative change")
    residual = math.sqrt(float(np.mean(whole.fit.residual[0] ** 2))) if whole.fit else 1.0
    every, waves = fit_tied(
        [one.objective for one in prepared],
        [one.start for one in prepared if one.start is not None],
        smoothness=smoothness,
        residual=residual,
        share=share,
        tolerance=WINDOW_TOLERANCE,
        whole=errors,
    )
    return [
        _fitted(one, found, None if waves is None else waves[i])
        for i, (one, found) in enumerate(zip(prepared, every, strict=True))
    ]


def _fitted(one: PreparedWindow, found: FitResult, waves: Array | None) -> FittedWindow:
    """Return a fitted window: scales, fractions, residual, and what must be said."""
    objective = one.objective
    count = len(objective.phases)
    scale, errors = np.full(count, math.nan), np.full(count, math.nan)
    fractions, r_w = None, math.nan
    if found.success:
        names = [objective.global_name(phase, "scale") for phase in objective.phases]
        scale = np.array([found.parameters[name].value for name in names])
        covariance = scale_covariance(objective, found, None) if waves is None else waves @ waves.T
        errors = np.sqrt(np.diag(covariance))
        fractions = fractions_with(objective, found, covariance) if count > 1 else None
        residual = objective.residual(found.parameters.valuesdict())
        observed = objective.target / objective.sigma
        r_w = math.sqrt(float(np.sum(residual**2) / np.sum(observed**2)))
    # What was found for the whole range is said there.
    said = ("anisotropic", "gives no displacement", "constant in Q")
    flags = one.flags
    flags += tuple(
        m for m in fit_messages(objective, found, r_w) if not any(words in m for words in said)
    )
    higher = int(np.count_nonzero(found.minima > 1.01 * found.minima[0]))
    if higher:
        flags += (f"{higher} of {len(found.minima)} starts ended in a higher minimum",)
    return FittedWindow(
        one.r_range, scale, errors, fractions, r_w, flags, objective.n_independent, waves
    )


def _window_parameters(
    objective: PdfObjective, whole: PdfFit, free: tuple[str, ...]
) -> tuple[Parameters, tuple[str, ...]]:
    """Return the whole range's values, of which a window frees some, and what must be said."""
    values = whole.parameters.valuesdict()
    values |= objective.best_scales(values)
    held, flags = _held_in_window(objective, values)
    found = []
    for name, p in whole.parameters.items():
        if p.expr:
            found.append(p)
            continue
        vary = any(fnmatch.fnmatchcase(name, pattern) for pattern in free)
        low, high = p.min, p.max
        if name.startswith("delta") and objective.r_range[0] > NEAR:
            vary = False
        if name.startswith("uiso"):
            low, high = max(low, p.value / U_ROOM), min(high, p.value * U_ROOM)
        found.append(
            replace(p, value=values[name], min=low, max=high, vary=vary and name not in held)
        )
    if not any(p.vary for p in found):
        raise BadInput(
            f"free = {free!r} frees none of {', '.join(whole.parameters)}",
            expected="patterns such as 'scale*'",
        )
    return Parameters(found), flags


def _held_in_window(
    objective: PdfObjective, values: Mapping[str, float]
) -> tuple[set[str], tuple[str, ...]]:
    """Return what a window cannot tell: all but the scales of phases with little in it."""
    curves = objective.unit_curves(values)
    scales = np.array([values[objective.global_name(p, "scale")] for p in objective.phases])
    strength = np.sqrt(np.mean(curves**2, axis=0)) * scales
    difference = objective.target / objective.sigma - curves @ scales
    variance = float(np.mean(difference**2)) * len(difference) / objective.n_independent
    norms = np.maximum(np.sum(curves**2, axis=0), 1e-300)
    hopeless = bool(np.all(scales < 2.0 * np.sqrt(variance / norms)))
    minor = [
        phase
        for phase, each in zip(objective.phases, strength, strict=True)
        if hopeless or each < MINOR * strength.max()
    ]
    held = {name for phase in minor for name in objective.own_names(phase)}
    if hopeless:
        return held, ("no phase is seen in this window: the scales alone were fitted",)
    return held, tuple(f"{p} is too little here to tell more than its scale" for p in minor)
