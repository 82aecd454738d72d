"""The atomic background under the oscillations, and the oscillations χ(k)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xorder.errors import BadInput
from xorder.results import Array, Result, quantity, recorded
from xorder.xas.background_spline import (
    K_STEP,
    BackgroundOptions,
    background_deviation,
    fit_splines,
    spline_problem,
)
from xorder.xas.edge_overlaps import edges_above, far
from xorder.xas.normalization import Normalized
from xorder.xas.photoelectron import k_from_energy
from xorder.xas.spectrum import note
from xorder.xas.transforms import WINDOWS, noise

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from xorder.xas.stack_results import NormalizedStack

__all__ = ["K_STEP", "Exafs", "subtract_background"]

#: Fewer oscillation points than these (to k = 3 Å⁻¹) are no EXAFS.
SHORTEST_K = 3.0


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Exafs(Result):
    """The oscillations χ(k) with the background they were taken from."""

    k: Array = quantity("Å⁻¹", symbol="k", dims=("k",))
    """Photoelectron wavenumber, even steps from 0, shape (K,)."""
    chi: Array = quantity(symbol="χ", dims=("k",))
    """χ(k), shape (K,)."""
    energy: Array = quantity("eV", symbol="E", dims=("energy",))
    """Photon energy, shape (N,)."""
    mu: Array = quantity(symbol="μ", dims=("energy",))
    """Absorption as measured, shape (N,)."""
    background: Array = quantity(symbol="μ0", dims=("energy",))
    """The smooth background in the scale of `mu`; equal to `mu` below e0."""
    e0: float = quantity("eV", symbol="E0")
    """Edge energy, where k = 0."""
    edge_step: float = quantity()
    """Edge step that χ is divided by."""
    epsilon_k: float = quantity(symbol="ε(k)")
    """Standard error of one point of χ(k), from χ(R) between 15 and 30 Å."""
    delta_chi: Array | None = quantity(symbol="δχ", dims=("k",), default=None)
    """Standard error of χ(k) from the background alone: the noise through the spline's fit."""
    rbkg: float = quantity("Å")
    """Distance below which χ(R) is background."""
    k_weight: float = quantity()
    """Power of k that weighted the background fit."""
    k_range: tuple[float, float] = quantity("Å⁻¹")
    """Range of k that the background was fitted in."""
    element: str = ""
    """Absorbing element."""
    edge: str = ""
    """Edge."""
    name: str = ""
    """Name of the sample."""
    simulated: bool = False
    """True for a calculated spectrum."""
    messages: tuple[str, ...] = ()
    """What a user must know, one sentence each."""

    def plot(self, ax: Axes | None = None, **artist_kwargs: Any) -> list[Any]:
        """Draw k²χ(k) on Matplotlib axes; return the artists."""
        from xorder.xas.plots import plot_chi

        return plot_chi(self, ax, **artist_kwargs)

    def to_larch(self) -> Any:
        """Return a larch Group with k, chi, energy, mu, bkg, e0 and edge_step."""
        from xorder.xas.larch_bridge import group

        return group(
            k=self.k,
            chi=self.chi,
            energy=self.energy,
            mu=self.mu,
            bkg=self.background,
            e0=self.e0,
            edge_step=self.edge_step,
            filename=self.name,
        )


@recorded
def subtract_background(
    normalized: Normalized,
    *,
    rbkg: float = 1.0,
    k_weight: float = 2.0,
    k_range: tuple[float, float] | None = None,
    window: str = "hanning",
    dk: float = 0.1,
    clamps: tuple[float, float] = (0.0, 1.0),
) -> Exafs:
    """Return χ(k) above a spline background by AUTOBK (Newville et al., Phys. Rev. B 47, 14126).

    The spline is the one that makes χ(R) below `rbkg` smallest, a linear least-squares problem.
    Equal settings give the numbers of larch and Athena; `delta_chi` is the error that the noise
    brings into the spline, not that of the choice of `rbkg`.

    Parameters
    ----------
    normalized
        A spectrum with its edge step.
    rbkg
        Distance in Å below which χ(R) is background, usually half the first distance.
    k_weight
        Power of k in that fit.
    k_range
        Lowest and highest k in Å⁻¹; None takes 0 to the end of the data or to the next edge of an
        element of the sample (see `normalize`), with a message.
    window, dk
        Kind of window in k and the width of its slopes in Å⁻¹, see `transform_to_r`.
    clamps
        Weights that hold the first and the last three points of χ(k) near zero, as in larch.

    Raises
    ------
    BadInput
        rbkg outside 0.3 to 3 Å, a range beyond the data, data too short for oscillations, with too
        few points above the edge, or with another edge so close that there are none.
    """
    check_background(rbkg, k_weight, window, dk, clamps)
    messages = list(normalized.messages)
    k_range = background_k_range(normalized, k_range, messages)
    options = BackgroundOptions(
        rbkg=float(rbkg),
        k_weight=float(k_weight),
        k_range=k_range,
        window=window,
        dk=float(dk),
        clamps=(float(clamps[0]), float(clamps[1])),
    )
    problem, mu_k = spline_problem(
        normalized.energy, normalized.mu[None], e0=normalized.e0, options=options
    )
    covered = slice(problem.first, problem.first + problem.raw.size)
    found = fit_splines(problem, mu_k)
    background = normalized.mu.copy()
    background[covered] = found.background[0]
    chi = found.chi[0] / normalized.edge_step
    epsilon_k = noise(problem.k, chi, k_range=noise_range(k_range), k_weight=options.k_weight)
    return Exafs(
        k=problem.k.copy(),
        chi=chi,
        energy=normalized.energy,
        mu=normalized.mu,
        background=background,
        e0=normalized.e0,
        edge_step=normalized.edge_step,
        epsilon_k=epsilon_k,
        delta_chi=epsilon_k * background_deviation(problem, float(found.clamp_strength[0])),
        rbkg=options.rbkg,
        k_weight=options.k_weight,
        k_range=k_range,
        element=normalized.element,
        edge=normalized.edge,
        name=normalized.name,
        simulated=normalized.simulated,
        messages=tuple(messages),
    )


def noise_range(k_range: tuple[float, float]) -> tuple[float, float]:
    """Return where the noise of χ(k) is looked for: above 2 Å⁻¹ where the data go on."""
    low, high = k_range
    return (max(low, 2.0) if high > SHORTEST_K else low), high


def check_background(
    rbkg: float, k_weight: float, window: str, dk: float, clamps: tuple[float, float]
) -> None:
    """Refuse settings of the background that mean nothing."""
    if not (math.isfinite(rbkg) and 0.3 <= rbkg <= 3.0):
        raise BadInput(f"rbkg is {rbkg:g} Å", expected="0.3 to 3 Å")
    if not (math.isfinite(k_weight) and 0 <= k_weight <= 4):
        raise BadInput(f"k_weight is {k_weight:g}", expected="0 to 4")
    if window not in WINDOWS:
        raise BadInput(f"window is {window!r}", expected=", ".join(WINDOWS))
    if not (math.isfinite(dk) and 0 <= dk <= 10):
        raise BadInput(f"dk is {dk:g} Å⁻¹", expected="0 to 10 Å⁻¹")
    if len(clamps) != 2 or not all(math.isfinite(c) and 0 <= c <= 1e4 for c in clamps):
        raise BadInput(f"clamps is {clamps}", expected="two weights, 0 or above")


def background_k_range(
    normalized: Normalized | NormalizedStack,
    k_range: tuple[float, float] | None,
    messages: list[str],
) -> tuple[float, float]:
    """Return the range of k: as asked, or as far as the data and the next edge allow."""
    end = float(k_from_energy(normalized.energy[-1:], e0=normalized.e0)[0])
    end = math.floor(end / K_STEP + 1e-9) * K_STEP
    if end < SHORTEST_K:
        raise BadInput(
            f"the data end at k = {end:.2f} Å⁻¹",
            expected=f"at least {SHORTEST_K:g} Å⁻¹; this is a near-edge scan, without EXAFS",
        )
    next_edge, limit = _next_edge(normalized)
    if k_range is not None:
        low, high = (float(value) for value in k_range)
        if not 0 <= low < high <= end + K_STEP / 2:
            raise BadInput(
                f"k_range is ({low:g}, {high:g}) Å⁻¹; the data end at {end:.2f} Å⁻¹",
                expected=f"two ascending numbers from 0 to {end:.2f}",
            )
        if limit < high:
            note(messages, f"k_range holds the {next_edge} edge", stacklevel=5)
        return low, min(high, end)
    if limit < SHORTEST_K:
        raise BadInput(
            f"the {next_edge} edge follows at k = {limit:.1f} Å⁻¹",
            expected=f"at least {SHORTEST_K:g} Å⁻¹ of oscillations of one edge alone",
        )
    if limit < end:
        end = math.floor(limit / K_STEP) * K_STEP
        note(messages, f"the {next_edge} edge follows; k ends at {end:.2f} Å⁻¹", stacklevel=5)
    return 0.0, end


def _next_edge(normalized: Normalized | NormalizedStack) -> tuple[str, float]:
    """Return the next edge of an element of the sample and k 10 eV before it."""
    element, name = normalized.element, normalized.edge
    if element and name:
        for other in edges_above(element, name, normalized.composition)[:1]:
            before = max(far(other, element, name) - 10.0, 0.0)
            return f"{other.element} {other.name}", float(
                k_from_energy(np.array([before]), e0=0.0)[0]
            )
    return "", math.inf
