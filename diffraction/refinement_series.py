"""A series refined one pattern after the other, each from what the one before found."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from xorder.diffraction.pattern import Pattern
from xorder.diffraction.refinement import refine
from xorder.diffraction.refinement_options import Phase, RefinementOptions
from xorder.diffraction.refinement_results import Refinement
from xorder.errors import BadInput
from xorder.parameters import Parameter
from xorder.results import Array, Result, quantity, recorded
from xorder.structure import Crystal

__all__ = ["RefinementSeries", "refine_series"]

#: Crystalline loss and halo gain that differ by more than this many standard errors, and by more
#: than this share of the whole, do not mirror each other.
MIRROR = (5.0, 0.1)


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class RefinementSeries(Result):
    """Refinements of a series, in the order of the patterns."""

    refinements: tuple[Refinement, ...]
    """One refinement a pattern."""
    names: tuple[str, ...]
    """Names of the patterns."""
    crystalline: Array = quantity(symbol="S/S₀", dims=("pattern",))
    """Scale of the first phase over that of the first pattern."""
    crystalline_stderr: Array = quantity(dims=("pattern",))
    """Standard error of `crystalline`, serial correlation counted."""
    halo: Array = quantity(dims=("pattern",))
    """Sum of the halos' heights over the highest of the series; NaN without halos."""
    halo_stderr: Array = quantity(dims=("pattern",))
    """Standard error of `halo`."""
    messages: tuple[str, ...] = ()
    """What a reader must know about the series, and about each pattern."""


@recorded
def refine_series(
    patterns: Sequence[Pattern],
    phases: Crystal | Phase | Sequence[Crystal | Phase],
    *,
    options: RefinementOptions | None = None,
    parameters: Mapping[str, Parameter] | None = None,
) -> RefinementSeries:
    """Refine the patterns of a series in turn, with one shape of halo and blank for all.

    Each starts from the crystals, sizes and strains that the last good refinement found; a phase
    that has become faint keeps those.

    Parameters
    ----------
    patterns
        Patterns in the order of the series.
    phases, options, parameters
        As in `refine`.

    Raises
    ------
    BadInput
        As in `refine`, and for a series without patterns.
    """
    if not patterns:
        raise BadInput("the series has no patterns", expected="at least one")
    several = [phases] if isinstance(phases, (Crystal, Phase)) else list(phases)
    current = [Phase(crystal=p) if isinstance(p, Crystal) else p for p in several]
    settings = options or RefinementOptions()
    found: list[Refinement] = []
    for pattern in patterns:
        refinement = refine(pattern, current, options=settings, parameters=parameters)
        found.append(refinement)
        if refinement.success:
            current = _carried(current, refinement)
    names = tuple(pattern.name or str(i + 1) for i, pattern in enumerate(patterns))
    return _series(names, found)


def _carried(phases: Sequence[Phase], refinement: Refinement) -> list[Phase]:
    carried = []
    for phase, found in zip(phases, refinement.patterns[0].phases, strict=True):
        size = phase.size if phase.size is None else float(np.clip(found.size, 10.0, 1e5))
        strain = phase.strain if phase.strain is None else min(max(found.strain, 1e-6), 0.05)
        carried.append(replace(phase, crystal=found.crystal, size=size, strain=strain))
    return carried


def _series(names: tuple[str, ...], found: Sequence[Refinement]) -> RefinementSeries:
    firsts = [r.patterns[0] for r in found]
    factors = np.array([r.serial_factor for r in found])
    scale = np.array([p.phases[0].scale for p in firsts])
    scale_error = np.array([p.phases[0].scale_stderr for p in firsts]) * factors
    halo = np.array([math.fsum(p.halo_heights) if p.halo_heights else math.nan for p in firsts])
    halo_error = np.array([math.hypot(*p.halo_stderr) for p in firsts]) * factors
    with np.errstate(invalid="ignore", divide="ignore"):
        crystalline, rise = scale / scale[0], halo / np.nanmax([*halo, 1e-300])
        crystalline_error = np.hypot(scale_error, crystalline * scale_error[0]) / scale[0]
        rise_error = halo_error / np.nanmax([*halo, 1e-300])
    if np.isnan(halo).all():
        rise = rise_error = np.full(len(found), math.nan)
    messages = [f"{n}: {m}" for n, r in zip(names, found, strict=True) for m in r.messages]
    messages += _mirrored(names, crystalline, crystalline_error, rise, rise_error)
    return RefinementSeries(
        refinements=tuple(found),
        names=names,
        crystalline=crystalline,
        crystalline_stderr=crystalline_error,
        halo=rise,
        halo_stderr=rise_error,
        messages=tuple(messages),
    )


def _mirrored(
    names: Sequence[str], crystalline: Array, crystalline_error: Array, halo: Array, error: Array
) -> list[str]:
    """Return the patterns whose halo does not grow as the crystalline scale falls.

    The line between the first pattern and the one with the highest halo says how much halo a loss
    of crystalline scale makes.
    """
    if len(names) < 3 or not np.isfinite(halo).all():
        return []
    top = int(np.argmax(halo))
    loss = 1.0 - crystalline
    if top == 0 or loss[top] < MIRROR[1]:
        return ["The halo does not grow as the crystalline scale falls; check shape and exposure."]
    slope = (halo[top] - halo[0]) / loss[top]
    misfit = halo - (halo[0] + slope * loss)
    spread = np.hypot(error, slope * crystalline_error)
    bad = (np.abs(misfit) > MIRROR[0] * spread) & (np.abs(misfit) > MIRROR[1])
    return [
        f"{names[i]}: crystalline scale ({crystalline[i]:.2f} of the first) and halo "
        f"({halo[i]:.2f} of the highest) do not mirror each other."
        for i in np.flatnonzero(bad).tolist()
    ]
