"""One structure refined against several G(r) together: X-rays and neutrons, or several Qmax."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from xorder.errors import BadInput
from xorder.fitting import FitResult, Parameters, fit
from xorder.pdf.objective import PdfObjective
from xorder.pdf.options import RefinementOptions
from xorder.pdf.pattern import PairDistribution
from xorder.pdf.refinement import (
    STAGES,
    TOLERANCE,
    merged_parameters,
    objective_for,
    phase_models,
    phase_name,
)
from xorder.pdf.refinement_result import PdfFit, fit_result, with_correlated_errors
from xorder.results import Array, Result, quantity, recorded
from xorder.structure import Crystal

__all__ = ["JointPdfFit", "refine_jointly"]

#: What belongs to a data set and not to the sample.
OWN = ("scale", "qdamp", "qbroad")


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class JointPdfFit(Result):
    """Several data sets and one structure. Falsy where the refinement failed."""

    sets: Mapping[str, PdfFit]
    """Each data set with its curves and its own Rw, by name."""
    fit: FitResult
    """The fit in full: shared parameters once, ``scale_<set>``, ``qdamp_<set>`` for each set."""
    r_w: float = quantity(symbol="Rw", default=math.nan)
    """Weighted residual of all points of all data."""
    messages: tuple[str, ...] = ()
    """What a reader must know."""

    def __bool__(self) -> bool:
        return self.success

    @property
    def success(self) -> bool:
        """Whether a minimum was reached."""
        return self.fit.success

    @property
    def parameters(self) -> Parameters:
        """Parameters with values and standard errors."""
        return self.fit.parameters

    @property
    def crystals(self) -> Mapping[str, Crystal]:
        """The refined structures by name."""
        return next(iter(self.sets.values())).crystals


class SharedObjective:
    """One data set, whose scales and resolution carry its name and whose structure is shared."""

    def __init__(self, objective: PdfObjective, name: str, factor: float = 1.0) -> None:
        self.inner = objective
        self.factor = factor
        self.outer_names = {
            inner: f"{inner}_{name}" if _is_own(inner, objective) else inner
            for inner in objective.parameters
        }
        self.parameters = Parameters(
            replace(p, name=self.outer_names[p.name]) for p in objective.parameters.values()
        )
        self.r, self.target = objective.r, objective.target
        self.sigma = objective.sigma / factor
        self.q_max, self.noise = objective.q_max, objective.noise

    @property
    def n_independent(self) -> float:
        """Number of independent points."""
        return self.inner.n_independent

    def residual(self, values: Mapping[str, float]) -> Array:
        """Return (measured - calculated) / sigma, shape (points,)."""
        return self.factor * self.inner.residual(self.inner_values(values))

    def jacobian(self, values: Mapping[str, float], names: Sequence[str]) -> Array:
        """Return d residual / d name, shape (points, len(names))."""
        inner = {outer: own for own, outer in self.outer_names.items()}
        # A name of another set is unknown to this one: a column of zeros.
        wanted = [inner.get(name, "") for name in names]
        return self.factor * self.inner.jacobian(self.inner_values(values), wanted)

    def inner_values(self, values: Mapping[str, float]) -> dict[str, float]:
        """Return the values by the data set's own names."""
        return {own: values[outer] for own, outer in self.outer_names.items()}

    def inner_result(self, found: FitResult) -> FitResult:
        """Return the fit in the data set's own names."""
        own = {outer: inner for inner, outer in self.outer_names.items()}
        return replace(
            found,
            parameters=Parameters(
                replace(found.parameters[outer], name=inner)
                for inner, outer in self.outer_names.items()
            ),
            var_names=tuple(own.get(name, name) for name in found.var_names),
        )


@recorded
def refine_jointly(
    measured: Mapping[str, PairDistribution] | Sequence[PairDistribution],
    crystals: Crystal | Sequence[Crystal] | Mapping[str, Crystal],
    *,
    r_range: tuple[float, float] | Mapping[str, tuple[float, float]] | None = None,
    options: RefinementOptions | None = None,
    parameters: Parameters | None = None,
) -> JointPdfFit:
    """Refine one structure, or several phases, against several data sets at once.

    Cell, positions, displacements and correlated motion are shared; every data set has its own
    scales, qdamp and qbroad, named ``scale_<set>`` and so on. With ``weights="unit"`` each set is
    fitted alone first and then weighs by the inverse of the residual it keeps, so that a noisy set
    does not outweigh a good one; ``weights="stderr"`` takes the errors of the files as they are.

    Parameters
    ----------
    measured
        Data sets by name (or in a row, under their own names).
    crystals
        The phases, as in `refine`.
    r_range
        Lowest and highest r in Å, for all or by name.
    options
        What is free; ``q_max`` and ``radiation``, where given, hold for all sets.
    parameters
        Start values, bounds and constraints that replace those of the same names.

    Raises
    ------
    BadInput
        Where there are fewer than two sets, two have one name, or a set cannot be refined.
    """
    options = options or RefinementOptions()
    named = _named(measured)
    shared: dict[str, SharedObjective] = {}
    for name, data in named.items():
        span = r_range.get(name) if isinstance(r_range, Mapping) else r_range
        models = phase_models(data, crystals, options)
        objective = objective_for(data, models, span, options)
        factor = _weight_alone(objective) if options.weights == "unit" else 1.0
        shared[name] = SharedObjective(objective, name, factor)
    objectives = list(shared.values())
    start = Parameters(p for o in objectives for p in o.parameters.values())
    found = fit(
        objectives, merged_parameters(start, parameters), stages=STAGES, starts=options.starts,
        seed=options.seed, tolerance=TOLERANCE,
    )  # fmt: skip
    found, noises = with_correlated_errors(objectives, found)
    sets = {
        name: fit_result(named[name], o.inner, o.inner_result(found), noise)
        for (name, o), noise in zip(shared.items(), noises, strict=True)
    }
    return JointPdfFit(
        sets=sets, fit=found, r_w=_joint_r_w(sets, named, shared), messages=_once(sets, found)
    )


def _named(
    measured: Mapping[str, PairDistribution] | Sequence[PairDistribution],
) -> dict[str, PairDistribution]:
    pairs = (
        list(measured.items())
        if isinstance(measured, Mapping)
        else [(data.name or data.radiation, data) for data in measured]
    )
    if len(pairs) < 2:
        raise BadInput(f"{len(pairs)} data set was given", expected="two or more; else `refine`")
    named: dict[str, PairDistribution] = {}
    for label, data in pairs:
        name = phase_name(label)
        if name in named:
            raise BadInput(
                f"two data sets are named {label!r}", expected="a mapping with a name for each"
            )
        named[name] = data
    return named


def _is_own(name: str, objective: PdfObjective) -> bool:
    own = {objective.global_name(phase, "scale") for phase in objective.phases}
    return name in own or name in OWN


def _weight_alone(objective: PdfObjective) -> float:
    """Return one over the residual that a data set keeps when it is fitted alone."""
    alone = fit(objective, stages=STAGES, tolerance=1e-4)
    spread = math.sqrt(float(np.mean(alone.residual[0] ** 2))) if alone.success else 0.0
    size = float(np.sqrt(np.mean((objective.target / objective.sigma) ** 2)))
    return 1.0 / max(spread, 1e-3 * size)


def _joint_r_w(
    sets: Mapping[str, PdfFit],
    named: Mapping[str, PairDistribution],
    shared: Mapping[str, SharedObjective],
) -> float:
    off = total = 0.0
    for name, one in sets.items():
        data = named[name]
        weight = np.full(len(one.r), shared[name].factor ** 2)
        if one.options.weights == "stderr" and data.stderr is not None:
            weight = np.interp(one.r, data.r, data.stderr) ** -2.0
        off += float(np.sum(weight * one.difference**2))
        total += float(np.sum(weight * one.gr**2))
    return math.sqrt(off / total)


def _once(sets: Mapping[str, PdfFit], found: FitResult) -> tuple[str, ...]:
    """Return what holds for all sets once, then what each says of itself."""
    failed = () if found.success else (f"the refinement failed: {found.message}",)
    everywhere = set.intersection(*({*one.messages} for one in sets.values()))
    known = {*failed, *found.flags}
    common = [m for m in next(iter(sets.values())).messages if m in everywhere and m not in known]
    own = [
        f"{name}: {m}"
        for name, one in sets.items()
        for m in one.messages
        if m not in everywhere and m not in known
    ]
    return (*failed, *found.flags, *common, *own)
