"""Repeated scans of one sample watched for what changes: damage, energy scale, thickness."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from xorder.errors import BadInput
from xorder.results import Array, Result, quantity, recorded
from xorder.xas.edge_energy import find_e0
from xorder.xas.normalization import normalize
from xorder.xas.spectrum import Spectrum, note

__all__ = ["REGIONS", "RepeatTrends", "find_trends"]

#: Regions that are watched, in eV from e0; those outside the data are left out.
REGIONS: tuple[tuple[str, float, float], ...] = (
    ("pre-edge peak", -20.0, -4.0),
    ("rising edge", -4.0, 4.0),
    ("white line", 4.0, 15.0),
    ("near edge", 15.0, 60.0),
    ("extended", 60.0, 300.0),
)

#: Fewer scans show no trend that is not chance.
FEWEST_SCANS = 3

#: A trend is said where chance would make one as large in less than this share of series, over all
#: quantities that are watched together.
CHANCE = 0.01


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class RepeatTrends(Result):
    """How each watched quantity changes from scan to scan."""

    names: tuple[str, ...]
    """The quantities: regions of the normalized spectrum, ``"e0"``, ``"edge step"``, and the
    reference's ``"reference e0"`` where every scan has one."""
    units: tuple[str, ...]
    """Their units; the edge step's is its own mean."""
    values: Array = quantity("", dims=("quantity", "scan"))
    """Each quantity in each scan, shape (Q, S)."""
    slope: Array = quantity("", dims=("quantity",))
    """Mean change from scan to scan, shape (Q,)."""
    slope_stderr: Array = quantity("", dims=("quantity",))
    """Standard error of `slope` from the scatter about the line, shape (Q,)."""
    chance: Array = quantity("", dims=("quantity",))
    """Share of series without a trend whose slope would be as large (Student's t), shape (Q,)."""
    stable: bool
    """True where nothing changes beyond chance."""
    messages: tuple[str, ...] = ()
    """What changes, one sentence each."""

    def total(self, name: str) -> tuple[float, float]:
        """Return the change of a quantity over the whole series and its standard error."""
        index = self.names.index(name)
        steps = self.values.shape[1] - 1
        return float(self.slope[index] * steps), float(self.slope_stderr[index] * steps)


@recorded
def find_trends(
    spectra: Sequence[Spectrum], *, doses: Sequence[float] | None = None
) -> RepeatTrends:
    """Return what changes over repeated scans of one sample, tested against their scatter.

    All scans are normalized alike (the first one's e0 and ranges). The mean of each region, the
    edge energy, the edge step and the reference's edge energy are fitted by a straight line over
    the scans' numbers; a slope is a trend where Student's t says that chance makes one as large in
    less than 1 % of series, shared among the quantities (Bonferroni). A region that changes while
    the reference's energy holds is the sample's change, such as damage by the beam.

    Parameters
    ----------
    spectra
        Three or more scans in the order they were measured; align them first if the energy drifts.
    doses
        Time or dose of each scan; equal steps where None.

    Raises
    ------
    BadInput
        Fewer than three scans, doses that are not one for each or all equal, or a scan that cannot
        be normalized.
    """
    if len(spectra) < FEWEST_SCANS:
        raise BadInput(
            f"there are {len(spectra)} scans", expected=f"{FEWEST_SCANS} or more, in their order"
        )
    at = np.arange(len(spectra), dtype=float) if doses is None else np.asarray(doses, dtype=float)
    if at.shape != (len(spectra),) or not np.all(np.isfinite(at)) or np.ptp(at) == 0:
        raise BadInput(f"doses are {doses}", expected=f"{len(spectra)} numbers, not all equal")
    rows = _watched(spectra)
    values = np.array([row for _, _, row in rows])
    slope, slope_stderr, chance = _lines(at, values)
    names = tuple(name for name, _, _ in rows)
    units = tuple(unit for _, unit, _ in rows)
    limit = CHANCE / len(names)
    messages: list[str] = []
    for index in np.flatnonzero(chance < limit).tolist():
        percent = units[index] != "eV"
        factor, unit = (100.0, "%") if percent else (1.0, "eV")
        note(
            messages,
            f"the {names[index]} changes by {factor * slope[index]:+.3g} ± "
            f"{factor * slope_stderr[index]:.2g} {unit} {'a scan' if doses is None else 'per dose'}"
            f" over {len(spectra)} scans{_meaning(names[index], names, chance < limit)}",
        )
    return RepeatTrends(
        names=names,
        units=units,
        values=values,
        slope=slope,
        slope_stderr=slope_stderr,
        chance=chance,
        stable=not messages,
        messages=tuple(messages),
    )


def _meaning(name: str, names: tuple[str, ...], changes: Any) -> str:
    if name == "edge step":
        return ": the sample's thickness, place or detector changes"
    if name == "reference e0":
        return ": the energy scale drifts; align the scans"
    if "reference e0" not in names:
        return ": the sample changes, or the energy scale (there is no reference to tell)"
    if changes[names.index("reference e0")]:
        return ", as does the energy scale: align the scans and look again"
    return " while the reference holds: the sample changes, as by damage of the beam"


def _watched(spectra: Sequence[Spectrum]) -> list[tuple[str, str, list[float]]]:
    """Return each quantity's name, unit and value in each scan."""
    first = normalize(spectra[0])
    fixed: dict[str, Any] = {
        "e0": first.e0,
        "pre_edge": first.pre_edge_range,
        "post_edge": first.post_edge_range,
        "order": first.order,
    }
    scans = [first, *(normalize(spectrum, **fixed) for spectrum in spectra[1:])]
    rows: list[tuple[str, str, list[float]]] = []
    for name, low, high in REGIONS:
        grid = np.arange(first.e0 + low, first.e0 + high, 0.25)
        inside = all(s.energy[0] <= grid[0] and grid[-1] <= s.energy[-1] for s in scans)
        if inside:
            means = [float(np.mean(np.interp(grid, s.energy, s.norm))) for s in scans]
            rows.append((name, "", means))
    steps = np.array([scan.edge_step for scan in scans])
    rows.append(("edge step", "", (steps / steps.mean()).tolist()))
    rows.append(("e0", "eV", [find_e0(spectrum)[0] for spectrum in spectra]))
    references = [_reference(spectrum) for spectrum in spectra]
    if all(reference is not None for reference in references):
        rows.append(("reference e0", "eV", [find_e0(r)[0] for r in references if r is not None]))
    return rows


def _reference(spectrum: Spectrum) -> Spectrum | None:
    if spectrum.mu_ref is None:
        return None
    return replace(spectrum, mu=spectrum.mu_ref, stderr=None, mu_ref=None, element="", edge="")


def _lines(at: Array, values: Array) -> tuple[Array, Array, Array]:
    """Return slopes, their standard errors and chances of straight lines through each row."""
    from scipy.stats import t

    x = at - at.mean()
    slope = values @ x / (x @ x)
    rest = values - values.mean(axis=1, keepdims=True) - slope[:, None] * x
    free = at.size - 2
    # Rows that agree to the last digit have the rounding of their numbers as error.
    smallest = 1e-12 * np.maximum(np.max(np.abs(values), axis=1), 1e-12)
    variance = np.maximum(np.sum(rest**2, axis=1) / free, smallest**2)
    stderr = np.sqrt(variance / (x @ x))
    chance = 2.0 * t.sf(np.abs(slope) / stderr, free)
    return slope, stderr, np.where(np.abs(slope) * math.sqrt(x @ x) <= 10 * smallest, 1.0, chance)
