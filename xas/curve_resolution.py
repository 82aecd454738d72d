"""Spectra of pure species and their shares out of a series, without any reference (MCR-ALS)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xorder.errors import BadInput
from xorder.results import Array, Result, quantity, recorded
from xorder.xas.mixtures import non_negative_weights
from xorder.xas.xanes import Measured, curves_on, grid, label, listed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["ResolvedSpectra", "resolve_spectra"]

#: A component whose mean share is uncertain by more than this is not determined.
AMBIGUOUS = 0.05

#: Steps to each end of a band, and the longest one.
MOST_STEPS = 60
LONGEST_STEP = 0.1


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class ResolvedSpectra(Result):
    """Pure spectra and concentrations whose product is a series. Falsy where not converged."""

    energy: Array = quantity("eV", symbol="E", dims=("energy",))
    """Energy at the first spectrum's points, shape (N,)."""
    data: Array = quantity(symbol="data", dims=("names", "energy"))
    """The series on `energy`, shape (S, N)."""
    spectra: Array = quantity(symbol="pure spectrum", dims=("species", "energy"))
    """Pure spectra, none negative, shape (species, N)."""
    concentrations: Array = quantity(symbol="c", dims=("names", "species"))
    """Share of each species in each spectrum, none negative, shape (S, species)."""
    concentrations_min: Array = quantity(symbol="lowest c", dims=("names", "species"))
    """Concentrations where the constraints let the species be weakest."""
    concentrations_max: Array = quantity(symbol="highest c", dims=("names", "species"))
    """Concentrations where the constraints let the species be strongest."""
    species: Array = quantity(symbol="species", dims=("species",))
    """1 to the number of species."""
    ambiguity: Array = quantity(symbol="spread of the mean share", dims=("species",))
    """Difference of the mean share between strongest and weakest: the rotational ambiguity."""
    lack_of_fit: float = quantity("%")
    """100 √(Σ residual² / Σ data²)."""
    explained: float = quantity("%")
    """100 (1 − Σ residual² / Σ data²)."""
    iterations: int = 0
    """Iterations done."""
    converged: bool = False
    """Whether the last iteration changed the lack of fit by less than the tolerance."""
    closure: bool = True
    """Whether the shares of each spectrum sum to one."""
    names: tuple[str, ...] = ()
    """Names of the spectra."""
    messages: tuple[str, ...] = ()
    """What a user must know, one sentence each."""

    def __bool__(self) -> bool:
        return self.converged

    def plot(self, ax: Axes | None = None, **artist_kwargs: Any) -> list[Any]:
        """Draw the concentrations with their bands on Matplotlib axes; return the artists."""
        from xorder.xas.xanes_plots import plot_resolved

        return plot_resolved(self, ax, **artist_kwargs)


@recorded
def resolve_spectra(
    spectra: Sequence[Measured],
    *,
    n_components: int,
    initial: Sequence[Measured] = (),
    e_range: tuple[float, float] = (-20.0, 80.0),
    closure: bool = True,
    tolerance: float = 1e-6,
    max_iterations: int = 500,
) -> ResolvedSpectra:
    """Return pure spectra and shares by alternating non-negative least squares.

    Starts from the most different measured spectra, or from `initial`. Each step solves one factor
    exactly under its constraints (Tauler, Chemom. Intell. Lab. Syst. 30, 133, 1995). Many pairs of
    factors explain a series equally well: as in MCR-BANDS (Tauler, J. Chemometrics 15, 627, 2001)
    each species is made as weak and as strong as the constraints allow at the same fit, and both
    ends are reported.

    Parameters
    ----------
    spectra
        Normalized spectra of one edge, more than components.
    n_components
        Number of species; `find_components` tells it.
    initial
        Spectra to start from, one a species; the most different ones of the series where empty.
    e_range
        Range in eV relative to the first spectrum's e0.
    closure
        Whether the shares of each spectrum sum to one, which holds for normalized spectra.
    tolerance
        Smallest relative change of the lack of fit that goes on.
    max_iterations
        Most iterations; not to converge in these is said, not raised.

    Raises
    ------
    BadInput
        Too few spectra or components, spectra that are not normalized or do not cover the range,
        or a number of initial spectra other than that of the species.
    """
    items = listed(spectra, "spectra", fewest=3)
    _check_options(len(items), n_components, len(initial), tolerance, max_iterations)
    energy = grid(items[0], e_range)
    data = curves_on(energy, items, space="flat", what="spectra")
    pure = _most_different(data, n_components)
    if len(initial):
        pure = curves_on(energy, listed(initial, "initial"), space="flat", what="initial")
    shares, pure, steps, converged = _alternate(
        data, np.clip(pure, 0.0, None), closure, tolerance, max_iterations
    )
    bands = _bands(data, shares, pure, closure)
    spread = np.array([np.mean(high) - np.mean(low) for low, high in bands])
    misfit = float(np.sum((data - shares @ pure) ** 2) / np.sum(data**2))
    return ResolvedSpectra(
        energy=energy,
        data=data,
        spectra=pure,
        concentrations=shares,
        concentrations_min=np.stack([low for low, _ in bands], axis=1),
        concentrations_max=np.stack([high for _, high in bands], axis=1),
        species=np.arange(1.0, n_components + 1.0),
        ambiguity=spread,
        lack_of_fit=100.0 * math.sqrt(misfit),
        explained=100.0 * (1.0 - misfit),
        iterations=steps,
        converged=converged,
        closure=closure,
        names=tuple(label(item, i) for i, item in enumerate(items)),
        messages=_messages(spread, steps, converged),
    )


def _check_options(
    count: int, n_components: int, initial: int, tolerance: float, max_iterations: int
) -> None:
    if not (isinstance(n_components, int) and 2 <= n_components < count):
        raise BadInput(
            f"n_components is {n_components!r} for {count} spectra",
            expected=f"2 to {count - 1}, fewer than the spectra",
        )
    if initial not in (0, n_components):
        raise BadInput(
            f"initial holds {initial} spectra for {n_components} components",
            expected="one a component, or none",
        )
    if not (0 < tolerance < 1) or max_iterations < 1:
        raise BadInput(
            f"tolerance is {tolerance:g} and max_iterations {max_iterations}",
            expected="a tolerance between 0 and 1 and at least one iteration",
        )


def _most_different(data: Array, count: int) -> Array:
    """Return the spectra that span most: each next one is the furthest from those before.

    Distances are from the affine hull, so the ends of a mixture series are found, not the largest.
    """
    chosen = [int(np.argmax(np.sum((data - data.mean(axis=0)) ** 2, axis=1)))]
    while len(chosen) < count:
        rest = data - data[chosen[0]]
        for index in chosen[1:]:
            direction = rest[index] / np.linalg.norm(rest[index])
            rest = rest - np.outer(rest @ direction, direction)
        chosen.append(int(np.argmax(np.sum(rest**2, axis=1))))
    return data[chosen]


def _alternate(
    data: Array, pure: Array, closure: bool, tolerance: float, most: int
) -> tuple[Array, Array, int, bool]:
    """Return shares, pure spectra, iterations and whether the lack of fit came to rest."""
    size = float(np.linalg.norm(data))
    before, step, converged = math.inf, 0, False
    while step < most and not converged:
        step += 1
        shares = np.stack([non_negative_weights(pure.T, row, closure) for row in data])
        pure = _pure_spectra(shares, data)
        if not closure:
            pure /= np.linalg.norm(pure, axis=1, keepdims=True).clip(1e-300)
        lack = float(np.linalg.norm(data - _shares(data, pure, shares, closure) @ pure)) / size
        converged = abs(before - lack) <= tolerance * max(lack, 1e-12)
        before = lack
    shares = np.stack([non_negative_weights(pure.T, row, closure) for row in data])
    return shares, pure, step, converged


def _pure_spectra(shares: Array, data: Array) -> Array:
    """Return the non-negative spectra; only points where plain least squares fails need more."""
    pure = np.linalg.lstsq(shares, data, rcond=None)[0]
    for point in np.flatnonzero(np.any(pure < 0, axis=0)):
        pure[:, point] = non_negative_weights(shares, data[:, point], False)
    return np.asarray(pure)


def _shares(data: Array, pure: Array, shares: Array, closure: bool) -> Array:
    return shares if closure else np.asarray(data @ np.linalg.pinv(pure))


def _bands(data: Array, shares: Array, pure: Array, closure: bool) -> list[tuple[Array, Array]]:
    """Return the shares of each species where it is weakest and where it is strongest."""
    turning = _Turning(shares, pure, closure, float(np.std(data - shares @ pure)))
    return [(turning.extreme(i, 1.0), turning.extreme(i, -1.0)) for i in range(pure.shape[0])]


class _Turning:
    """All pairs of factors, shares T and T⁻¹ pure, that explain the data as well.

    The rows of T sum to one with closure, so that the shares go on to do so; without, the diagonal
    is one, as scales are free. What is noise may be negative: spectra by three times the standard
    deviation of the residual, shares by what that is of the difference between species.
    """

    def __init__(self, shares: Array, pure: Array, closure: bool, noise: float) -> None:
        self.shares, self.pure, self.closure = shares, pure, closure
        self.count = pure.shape[0]
        self.off = ~np.eye(self.count, dtype=bool)
        self.pure_floor = max(3.0 * noise, 1e-9 * float(np.max(pure)))
        gram = np.linalg.pinv(pure @ pure.T)
        self.share_floor = 3.0 * noise * math.sqrt(float(np.max(np.diag(gram)))) + 1e-9

    def matrix(self, x: Array) -> Array:
        turn = np.zeros((self.count, self.count))
        turn[self.off] = x
        diagonal = 1.0 - turn.sum(axis=1) if self.closure else np.ones(self.count)
        return np.asarray(turn + np.diag(diagonal))

    def strength(self, x: Array, index: int) -> float:
        """Return the mean share of a species, without closure its contribution ‖c sᵀ‖."""
        turn = self.matrix(x)
        turned = self.shares @ turn[:, index]
        if self.closure:
            return float(np.mean(turned))
        spectrum = np.linalg.solve(turn, self.pure)[index]
        whole = np.linalg.norm(self.shares @ self.pure)
        return float(np.linalg.norm(turned) * np.linalg.norm(spectrum) / whole)

    def slack(self, x: Array) -> Array:
        turn = self.matrix(x)
        shares = (self.shares @ turn + self.share_floor).ravel()
        pure = (np.linalg.solve(turn, self.pure) + self.pure_floor).ravel()
        return np.concatenate([shares, pure / np.max(self.pure)])

    def extreme(self, index: int, sign: float) -> Array:
        """Return one species' shares at the weakest (+1) or strongest (-1) end.

        Short steps, each the best one of the linearised problem: the way stays within the
        constraints, so a species cannot jump into another's place.
        """
        from scipy.optimize import linprog

        x, reach = np.zeros(self.count * (self.count - 1)), LONGEST_STEP
        for _ in range(MOST_STEPS):
            here = self.strength(x, index)
            slope = sign * self._slopes(lambda at: np.array([self.strength(at, index)]), x)[0]
            found = linprog(
                slope,
                A_ub=-self._slopes(self.slack, x),
                b_ub=np.clip(self.slack(x), 0.0, None),
                bounds=(-reach, reach),
            )
            if not found.success:
                break
            step = found.x
            while reach > 1e-4 and not self.allowed(x + step):
                step, reach = 0.5 * step, 0.5 * reach
            gain = sign * (here - self.strength(x + step, index)) if self.allowed(x + step) else 0.0
            if gain < 1e-5:
                break
            x = x + step
        return np.asarray(np.clip(self.shares @ self.matrix(x)[:, index], 0.0, 1.0))

    def allowed(self, x: Array) -> bool:
        turn = self.matrix(x)
        # A singular T would make two species one.
        return float(np.linalg.det(turn)) > 1e-3 and float(np.min(self.slack(x))) > -1e-6

    def _slopes(self, function: Callable[[Array], Array], x: Array) -> Array:
        steps = 1e-6 * np.eye(x.size)
        return np.stack([(function(x + s) - function(x - s)) / 2e-6 for s in steps], axis=1)


def _messages(spread: Array, steps: int, converged: bool) -> tuple[str, ...]:
    messages = []
    if not converged:
        messages.append(f"not converged after {steps} iterations: do not use the numbers")
    messages += [
        f"species {index + 1} is ambiguous: its mean share may differ by {spread[index]:.2f} at "
        "the same fit; a reference or a pure spectrum in the series would settle it"
        for index in np.flatnonzero(spread > AMBIGUOUS)
    ]
    return tuple(messages)
