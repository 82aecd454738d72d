"""MBACK: a spectrum brought to the tabulated f'' of its element, both sides of the edge at once."""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import math
from dataclasses import dataclass

import numpy as np

from xorder.element_tables import query
from xorder.errors import BadInput
from xorder.results import Array
from xorder.xas.edge_steps import Ranges
from xorder.xas.photoelectron import all_edges
from xorder.xas.photoelectron import edge as tabulated_edge
from xorder.xas.spectrum import Spectrum

__all__ = ["MbackFit", "TabulatedEdge", "match_f2", "match_spread", "tabulated_f2"]

#: Highest order of the background polynomial.
HIGHEST_ORDER = 5

#: How far on either side the table is followed to continue its branches, as a share of the edge's
#: energy, and how far below and above an edge its values are rounded off: no point is taken there.
REACH, ROUNDED_BELOW, ROUNDED_ABOVE = 0.15, 0.012, 0.006

#: The white line is looked for between these energies from e0 (eV), as with polynomials.
WHITE_LINE = (-5.0, 30.0)

#: Half the range of the white line's area (eV).
AREA = 30.0


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class TabulatedEdge:
    """f'' of a free atom around one edge, on given energies."""

    f2: Array
    """f'' with all edges, shape (N,)."""
    below: Array
    """The branch below the edge, continued above it, shape (N,)."""
    above: Array
    """The branch above the edge, continued below it and past later edges, shape (N,)."""
    jump: float
    """Above minus below at the edge, in electrons."""


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class MbackFit:
    """Pre-edge and post-edge curves in the scale of μ, and what follows from them."""

    pre_edge: Array
    """Background and f'' below the edge, shape (N,)."""
    post_edge: Array
    """Background and f'' above the edge, shape (N,)."""
    step: float
    """The table's jump in the scale of μ."""
    scale: float
    """What μ is multiplied by to be f''."""
    matched: Array
    """μ as f'': scaled, without the background, shape (N,)."""
    white_line: Array
    """Position (eV from e0), height and area of the white line."""

    def norm(self, mu: Array) -> Array:
        """Return μ with the pre-edge curve at zero and the step at one."""
        return np.asarray((mu - self.pre_edge) / self.step)

    def flat(self, x: Array, mu: Array) -> Array:
        """Return `norm` with the post-edge curve brought to one above e0 (x = 0)."""
        over = (self.post_edge - self.pre_edge) / self.step
        return np.asarray(self.norm(mu) + np.where(x >= 0, 1.0 - over, 0.0))


def tabulated_f2(element: str, edge: str, energy: Array, *, e0: float) -> TabulatedEdge:
    """Return Chantler's f'' with the table's edge moved to `e0`.

    Parameters
    ----------
    element, edge
        The absorbing element and its edge.
    energy
        Energies in eV, shape (N,).
    e0
        Measured edge energy in eV.

    Raises
    ------
    BadInput
        An unknown edge, or energies outside the table.
    """
    here = tabulated_edge(element, edge).energy
    table, values = _chantler(element)
    moved = np.asarray(energy) - (e0 - here)
    if not table[0] < moved[0] <= moved[-1] < table[-1]:
        raise BadInput(f"f'' of {element} is not tabulated at {moved[0]:.0f} eV")
    others = np.array([other.energy for other in all_edges(element)])
    start, end = (1 - ROUNDED_BELOW) * here, (1 + ROUNDED_ABOVE) * here
    low = max([(1 - REACH) * here, *(others[others < start] * (1 + ROUNDED_ABOVE))])
    high = min([(1 + REACH) * here, *(others[others > end] * (1 - ROUNDED_BELOW))])
    # Where the next edge is too near to follow a branch, its last point stands for it.
    below = _branch(table, values, min(low, 0.999 * start), start)
    above = _branch(table, values, end, max(high, 1.001 * end))

    def along(branch: tuple[float, float], at: Array | float) -> Array:
        return np.asarray(np.exp(branch[0] + branch[1] * np.log(at)))

    f2 = np.exp(np.interp(np.log(moved), np.log(table), np.log(values)))
    f2 = np.where((moved > start) & (moved < here), along(below, moved), f2)
    f2 = np.where((moved >= here) & (moved < end), along(above, moved), f2)
    return TabulatedEdge(
        f2=f2,
        below=along(below, moved),
        above=along(above, moved),
        jump=float(along(above, here) - along(below, here)),
    )


def match_f2(
    x: Array, mu: Array, table: TabulatedEdge, ranges: Ranges, *, order: int, width: float
) -> MbackFit:
    r"""Return the scale and background that bring μ closest to f'' before and after the edge.

    .. math:: \min_{s,\,c}\; \sum_{r} \frac{1}{n_r} \sum_{i \in r}
        \Big[f''(E_i) + \sum_j c_j (E_i - E_0)^j - s\,\mu(E_i)\Big]^2

    over the two ranges r (Weng, Waldo & Penner-Hahn, J. Synchrotron Rad. 12, 506, 2005, equation 6,
    without the error function of residual elastic scattering). Linear, so solved at once.

    Parameters
    ----------
    x
        Energies from e0 in eV, shape (N,).
    mu
        Absorption, shape (N,).
    table
        f'' on the same energies.
    ranges
        Where both are compared; their order does not count here.
    order
        Order of the background, 0 to 5.
    width
        Width of the arctangent step under the white line in eV.

    Raises
    ------
    BadInput
        Where the points do not fix the background, or μ falls where f'' rises.
    """
    weight = np.zeros_like(x)
    for low, high in (ranges.pre_edge, ranges.post_edge):
        inside = (x >= low) & (x <= high)
        weight[inside] = 1.0 / math.sqrt(max(int(np.count_nonzero(inside)), 1))
    span = float(np.max(np.abs(x[weight > 0]))) if np.any(weight > 0) else 1.0
    powers = (x[:, None] / span) ** np.arange(order + 1)
    size = float(np.ptp(mu)) or 1.0
    design = np.column_stack([mu / size, -powers]) * weight[:, None]
    solution, _, rank, _ = np.linalg.lstsq(design, table.f2 * weight, rcond=None)
    if rank < order + 2:
        raise BadInput(
            f"the points before and after the edge do not fix a background of order {order}",
            expected="wider ranges, or a lower order",
        )
    scale = float(solution[0]) / size
    if not scale > 0:
        raise BadInput(
            "the spectrum falls where f'' of its element rises",
            expected="a rising edge; check element, e0 and the columns",
        )
    background = powers @ solution[1:]
    fitted = MbackFit(
        pre_edge=(table.below + background) / scale,
        post_edge=(table.above + background) / scale,
        step=table.jump / scale,
        scale=scale,
        matched=scale * mu - background,
        white_line=np.full(3, np.nan),
    )
    fitted.white_line[:] = _white_line(x, fitted.flat(x, mu), width)
    return fitted


def match_spread(
    spectrum: Spectrum, ranges: Ranges, *, e0: float, order: int, width: float
) -> tuple[MbackFit, float, Array]:
    """Return the match and the spread of its step and white line over other reasonable choices.

    Choices are ranges that end or start further from the edge, and one order less and more.

    Raises
    ------
    BadInput
        As `tabulated_f2` and `match_f2`; an order outside 0 to 5.
    """
    if order not in range(HIGHEST_ORDER + 1):
        raise BadInput(f"order is {order}", expected=f"0 to {HIGHEST_ORDER}")
    x = spectrum.energy - e0
    table = tabulated_f2(spectrum.element, spectrum.edge, spectrum.energy, e0=e0)
    best = match_f2(x, spectrum.mu, table, ranges, order=order, width=width)
    found = [best]
    (start, end), (first, last) = ranges.pre_edge, ranges.post_edge
    for part, shift, other in itertools.product((1.0, 1.5), (0.0, 0.12), (-1, 0, 1)):
        if not 0 <= order + other <= HIGHEST_ORDER or end * part <= 0.8 * start:
            continue
        choice = Ranges((start, end * part), (first + shift * (last - first), last), ranges.order)
        with contextlib.suppress(BadInput):
            found.append(match_f2(x, spectrum.mu, table, choice, order=order + other, width=width))
    steps = np.array([fitted.step for fitted in found])
    white_lines = np.stack([fitted.white_line for fitted in found])
    if len(found) < 3:
        return best, math.nan, np.full(3, math.nan)
    return best, float(np.std(steps, ddof=1)), np.std(white_lines, axis=0, ddof=1)


def _branch(table: Array, values: Array, low: float, high: float) -> tuple[float, float]:
    """Return the straight line of ln f'' against ln E between two energies."""
    at = np.geomspace(low, high, 12)
    logarithms = np.interp(np.log(at), np.log(table), np.log(values))
    slope, start = np.polyfit(np.log(at), logarithms, 1)
    return float(start), float(slope)


def _white_line(x: Array, flat: Array, width: float) -> Array:
    """Return position, height (of a parabola through three points) and area above a step."""
    near = np.flatnonzero((x >= WHITE_LINE[0]) & (x <= WHITE_LINE[1]))
    top = int(near[np.argmax(flat[near])]) if near.size else 0
    if not 0 < top < x.size - 1:
        return np.full(3, np.nan)
    curve = np.polynomial.Polynomial.fit(x[top - 1 : top + 2], flat[top - 1 : top + 2], 2)
    bend = curve.deriv(2)(x[top])
    position = float(x[top])
    if bend < 0:
        position = float(np.clip(curve.deriv().roots()[0].real, x[top - 1], x[top + 1]))
    inside = np.abs(x) <= AREA
    step = 0.5 + np.arctan(2.0 * x[inside] / width) / np.pi
    area = float(np.trapezoid(flat[inside] - step, x[inside]))
    return np.array([position, float(curve(position)), area])


@functools.lru_cache(maxsize=128)
def _chantler(element: str) -> tuple[Array, Array]:
    """Return energies and f'' (Chantler, J. Phys. Chem. Ref. Data 29, 597, 2000)."""
    rows = query("select energy, f2 from Chantler where element = ?", element)
    if not rows:
        raise BadInput(f"f'' of {element} is not tabulated")
    energy, f2 = (np.array(json.loads(text), dtype=float) for text in rows[0])
    kept = (f2 > 0) & (np.append(1.0, np.diff(energy)) > 0)
    return energy[kept], f2[kept]
