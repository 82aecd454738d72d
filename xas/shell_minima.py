"""All minima of a shell fit: light and heavy shells together often have more than one."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xorder.fitting import FitResult, fit
from xorder.parameters import Parameter, Parameters
from xorder.results import Result
from xorder.xas.shell_background import background_names
from xorder.xas.shell_errors import propagated
from xorder.xas.shell_objectives import ShellObjective
from xorder.xas.shell_plausibility import Doubt, doubts_about_shells, fitted_shells

__all__ = ["ShellMinimum", "best_minimum", "find_minima"]

#: Minima whose χ² differ by less than this, in units of the reduced χ², fit alike (two σ).
RIVAL_STEP = 4.0

#: Times the χ² of an odd minimum that a plausible one may have.
FAR_WORSE = 4.0

#: Starts where several shells could take one another's place.
MANY_STARTS = 20

#: Half widths of the range that starts are drawn from, about the start value.
_REACH = {
    "s02": 0.25,
    "delta_e0": 8.0,
    "delta_r": 0.15,
    "third": 5e-4,
    "fourth": 5e-5,
}

#: Distance (Å), share of N·S0² and σ² (Å²) within which two minima are one.
_SAME = (0.01, 0.1, 0.001)


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class ShellMinimum(Result):
    """One minimum of χ²."""

    fit: FitResult
    """The fit that ended there."""
    r_factor: float
    """Σ residual² / Σ data² there."""
    doubts: tuple[Doubt, ...] = ()
    """What makes its parameters implausible."""
    summary: str = ""
    """Its shells in one line."""
    shape: tuple[tuple[str, float, float, float], ...] = ()
    """Element, distance, N·S0² and σ² of every shell, sorted."""

    @property
    def plausible(self) -> bool:
        """Whether nothing speaks against its parameters."""
        return self.fit.success and not self.doubts

    def rivals(self, best: ShellMinimum) -> bool:
        """Whether the data cannot tell it from the best one."""
        return self.fit.chisqr - best.fit.chisqr <= RIVAL_STEP * best.fit.redchi


def find_minima(
    objectives: Sequence[ShellObjective],
    *,
    starts: int | None,
    seed: int,
    scale_covar: bool,
    errors: str = "propagated",
) -> list[ShellMinimum]:
    """Return the different minima from a number of starts, lowest χ² first.

    Parameters
    ----------
    objectives
        The spectra.
    starts
        Number of starts; the first is the parameters' own. None as in `fit_shells`.
    seed
        Seed of the others, a Latin hypercube over plausible values.
    scale_covar, errors
        As in `fit_shells`.
    """
    parameters = Parameters(p for o in objectives for p in o.parameters.values())
    starts = _default_starts(objectives) if starts is None else starts
    scale = sum(float(np.sum(o.data**2)) for o in objectives)
    fits = [
        fit(objectives, begin, scale_covar=scale_covar)
        for begin in _starts(parameters, objectives, max(1, starts), seed)
    ]
    if errors == "propagated":
        fits = [propagated(result, objectives, scale_covar=scale_covar) for result in fits]
    fits.sort(key=lambda result: (not result.success, result.chisqr))
    minima: list[ShellMinimum] = []
    for result in fits:
        minimum = _minimum(objectives, result, scale)
        if not any(_same(minimum, other) for other in minima):
            minima.append(minimum)
    return minima


def best_minimum(found: Sequence[ShellMinimum]) -> ShellMinimum:
    """Return the lowest plausible minimum, or the lowest where there is none.

    A lowest minimum that is merely odd (a large shift of e0, say) stands where the plausible one
    fits far worse; one that is absurd does not.
    """
    lowest = found[0]
    best = next((minimum for minimum in found if minimum.plausible), lowest)
    absurd = any(doubt.grave or doubt.about == "undetermined" for doubt in lowest.doubts)
    if not absurd and best.fit.chisqr > FAR_WORSE * lowest.fit.chisqr:
        return lowest
    return best


def _default_starts(objectives: Sequence[ShellObjective]) -> int:
    """Return many starts where several distances are free to change places."""
    distances = {
        objective.names(i).get("delta_r")
        for objective in objectives
        for i, shell in enumerate(objective.shells)
        if shell.path.n_legs == 2
    }
    return MANY_STARTS if len(distances - {None}) > 1 else 1


def _minimum(objectives: Sequence[ShellObjective], result: FitResult, scale: float) -> ShellMinimum:
    shells = [fitted_shells(o, result, spectrum=i) for i, o in enumerate(objectives)]
    pairs = zip(objectives, shells, strict=True)
    doubts = [doubt for o, some in pairs for doubt in doubts_about_shells(o, some)]
    every = [shell for some in shells for shell in some if shell.path.n_legs == 2]
    left = sum(float(np.sum(r**2)) for r in result.residual)
    r_factor = left / scale if scale > 0 else math.nan
    return ShellMinimum(
        fit=result,
        r_factor=r_factor,
        doubts=tuple({doubt.text: doubt for doubt in doubts}.values()),
        summary=f"R-factor {r_factor:.4f}, "
        + ", ".join(f"{s.name} {s.n_s02.value:.2f} at {s.r.value:.3f} Å" for s in every),
        shape=tuple(
            sorted(
                (f"{s.spectrum}{s.path.elements[1]}", s.r.value, s.n_s02.value, s.sigma2.value)
                for s in every
            )
        ),
    )


def _same(one: ShellMinimum, other: ShellMinimum) -> bool:
    """Return whether two minima are one, shells of an element having changed places or not."""
    for (a, r, n, s), (b, r2, n2, s2) in zip(one.shape, other.shape, strict=True):
        if a != b or abs(r - r2) > _SAME[0] or abs(s - s2) > _SAME[2]:
            return False
        if abs(n - n2) > _SAME[1] * max(abs(n), abs(n2)):
            return False
    return True


def _starts(
    parameters: Parameters, objectives: Sequence[ShellObjective], starts: int, seed: int
) -> list[Parameters]:
    """Return the parameters, and drawn ones of plausible values."""
    if starts == 1:
        return [parameters]
    # A background is linear: it follows from any start.
    linear = background_names(tuple(parameters))
    varying = [p for p in parameters.values() if p.vary and not p.expr and p.name not in linear]
    ranges = _ranges(parameters, objectives)
    generator = np.random.default_rng(seed)
    count = starts - 1
    strata = np.tile(np.arange(count), (len(varying), 1))
    uniform = generator.permuted(strata, axis=1) + generator.uniform(size=strata.shape)
    result = [parameters]
    for column in range(count):
        drawn = {}
        for row, p in enumerate(varying):
            low, high = ranges[p.name]
            value = low + (high - low) * float(uniform[row, column]) / count
            drawn[p.name] = min(max(value, p.min), p.max)
        result.append(parameters.with_values(drawn))
    return result


def _ranges(
    parameters: Parameters, objectives: Sequence[ShellObjective]
) -> dict[str, tuple[float, float]]:
    """Return from where to draw each parameter, by what it stands for."""
    roles: dict[str, str] = {}
    for objective in objectives:
        for path in range(len(objective.shells)):
            for quantity, name in objective.names(path).items():
                roles.setdefault(name, quantity)
                inner = re.fullmatch(r"\((\w+)\) - [\d.]+", parameters[name].expr)
                if inner and quantity == "delta_r":  # a distance instead of its change
                    roles.setdefault(inner.group(1), quantity)
    return {name: _range(p, roles.get(name, "")) for name, p in parameters.items()}


def _range(p: Parameter, role: str) -> tuple[float, float]:
    if role == "sigma2":
        return 0.001, 0.02
    if role == "degeneracy":
        return 0.3 * p.value, 1.7 * p.value
    if role not in _REACH and math.isfinite(p.max - p.min):
        return p.min, p.max
    reach = _REACH.get(role, 0.4 * abs(p.value) or 0.1)
    return p.value - reach, p.value + reach
