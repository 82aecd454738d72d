"""AUTOBK as linear least squares: a spline whose χ(R) below rbkg is smallest."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np

from xorder.errors import BadInput
from xorder.results import Array
from xorder.xas.photoelectron import k_from_energy
from xorder.xas.transforms import N_FFT, window_function

__all__ = ["K_STEP", "BackgroundOptions", "SplineFit", "SplineProblem", "fit_splines"]

#: Step of the even k grid in Å⁻¹, that of Athena and larch.
K_STEP = 0.05

#: Points at either end of χ(k) that a clamp holds near zero.
N_CLAMP = 3

#: Fewest and most coefficients of the spline.
FEWEST, MOST = 5, 128

#: The clamps' strength is looked for on this many places at a time, until this close.
PLACES, CLOSE = 16, 1e-9


@dataclass(frozen=True, kw_only=True, slots=True)
class BackgroundOptions:
    """What the fit of the background is told."""

    rbkg: float
    """Distance in Å below which χ(R) is background."""
    k_weight: float
    """Power of k in the fit."""
    k_range: tuple[float, float]
    """Range of k in Å⁻¹."""
    window: str
    """Kind of window in k."""
    dk: float
    """Width of the window's slopes in Å⁻¹."""
    clamps: tuple[float, float]
    """Weights that hold the first and the last points of χ(k) near zero."""


@dataclass(frozen=True, eq=False, slots=True)
class SplineProblem:
    """All of the fit that does not depend on μ: made once for spectra on one grid."""

    first: int
    """Index of the last energy at or below e0, where the spline starts."""
    raw: Array
    """Wavenumbers of the energies under the spline, shape (M,)."""
    k: Array
    """Even grid, shape (K,)."""
    basis: Array
    """B-splines at `raw`, shape (M, P)."""
    basis_k: Array
    """B-splines brought to the even grid, shape (K, P)."""
    low_r: Array
    """From χ(k) to real and imaginary part of χ(R) below rbkg, shape (F, K)."""
    low_r_basis: Array
    """Orthonormal basis of what splines can do there, Q of shape (F, P)."""
    triangle: Array
    """R of that QR decomposition, shape (P, P)."""
    clamp_weights: Array
    """Weights of the clamped points, shape (C,); empty without clamps."""
    clamped: Array
    """Indices of the clamped points, shape (C,)."""

    def onto_grid(self, values: Array) -> Array:
        """Return values at `raw`, shape (M, ...), on the even grid by a cubic spline."""
        from scipy.interpolate import make_interp_spline

        return np.asarray(make_interp_spline(self.raw, values, k=3, check_finite=False)(self.k))

    @classmethod
    def on(cls, energy: Array, *, e0: float, options: BackgroundOptions) -> SplineProblem:
        """Return the problem on a grid of energies, shape (N,).

        Raises
        ------
        BadInput
            Too few points above e0 for the spline.
        """
        low, high = options.k_range
        first = max(int(np.searchsorted(energy, e0, side="right")) - 1, 0)
        raw = k_from_energy(energy[first:], e0=e0)
        raw = raw[: int(np.searchsorted(raw, high, side="right")) + 1]
        k = K_STEP * np.arange(int(1.01 + high / K_STEP), dtype=float)
        knots, rows = _knots(raw, options)
        basis = _b_splines(knots, raw)
        weight = k**options.k_weight * window_function(
            k, k_range=(low, high), dk=options.dk, window=options.window, inside=True
        )
        low_r = _fourier_rows(k.size, rows) * weight
        clamped, clamp_weights = _clamps(k.size, options.clamps)
        problem = cls(first, raw, k, basis, basis, low_r, low_r, basis, clamp_weights, clamped)
        basis_k = problem.onto_grid(basis)
        q, triangle = np.linalg.qr(low_r @ basis_k)
        return cls(first, raw, k, basis, basis_k, low_r, q, triangle, clamp_weights, clamped)


@dataclass(frozen=True, eq=False, slots=True)
class SplineFit:
    """Backgrounds of several spectra on one grid."""

    background: Array
    """Splines at the problem's energies, shape (M, S)."""
    chi: Array
    """μ minus the splines on the even grid, not yet divided by edge steps, shape (K, S)."""
    clamp_strength: Array
    """Strength λ that the clamps had, shape (S,); zero without clamps."""


def fit_splines(problem: SplineProblem, mu: Array) -> SplineFit:
    r"""Return the splines that leave the smallest χ(R) below rbkg.

    With b the transform of μ below rbkg, A that of the splines, C and d the clamped points of
    splines and μ, the coefficients c minimise

    .. math:: |b - Ac|^2 + s^2 |d - Cc|^2, \quad s = 0.1 + 10\,\overline{(b - Ac)^2}

    Newville et al., Phys. Rev. B 47, 14126 (1993), with the clamps of larch. Where the gradient
    vanishes c also minimises :math:`|b - Ac|^2 + \lambda |d - Cc|^2`, which is linear; one
    equation for the strength λ remains.

    Parameters
    ----------
    problem
        The grid and its matrices.
    mu
        Absorption at `problem.raw`, shape (M, S).
    """
    on_grid = problem.onto_grid(mu)
    b = problem.low_r @ on_grid
    y = problem.low_r_basis.T @ b
    strength = np.zeros(y.shape[1])
    if problem.clamped.size:
        clamp, coupling = _clamp_coupling(problem)
        left = clamp * on_grid[problem.clamped] - coupling @ y
        stiffness, axes = np.linalg.eigh(coupling @ coupling.T)
        along = axes.T @ left
        outside = np.sum(b * b, axis=0) - np.sum(y * y, axis=0)
        strength = _clamp_strength(stiffness, along.T, np.maximum(outside, 0.0), b.shape[0])
        held = along / (1.0 + strength * stiffness[:, None])
        y = y + strength * (coupling.T @ (axes @ held))
    coefficients = np.linalg.solve(problem.triangle, y)
    return SplineFit(
        problem.basis @ coefficients, on_grid - problem.basis_k @ coefficients, strength
    )


def background_deviation(problem: SplineProblem, clamp_strength: float) -> Array:
    """Return the standard deviation of the spline on the even grid for unit white noise of χ(k).

    The coefficients are linear in the data at the clamps' strength; their covariance follows.
    """
    clamp, coupling = _clamp_coupling(problem)
    response = problem.low_r_basis.T @ problem.low_r
    response[:, problem.clamped] += clamp_strength * coupling.T * clamp.T
    curvature = np.eye(coupling.shape[1]) + clamp_strength * coupling.T @ coupling
    shape = _solve_right(problem.basis_k, curvature @ problem.triangle)
    return np.asarray(np.sqrt(np.sum((shape @ (response @ response.T)) * shape, axis=1)))


def _clamp_coupling(problem: SplineProblem) -> tuple[Array, Array]:
    """Return the clamps' weights, shape (C, 1), and what y does to the clamped points, (C, P)."""
    clamp = problem.clamp_weights[:, None]
    return clamp, _solve_right(clamp * problem.basis_k[problem.clamped], problem.triangle)


def _clamp_strength(stiffness: Array, along: Array, outside: Array, count: int) -> Array:
    r"""Return the strength λ of the clamps, shape (S,).

    The sum is made smallest where :math:`\lambda(1 + 2ss'C) = s^2`, with C the squares of the
    clamped points and s' = 10 / count; both s and C follow from λ. With s rising and C falling
    the root lies between the bounds that their ends give.
    """
    stiffness = np.maximum(stiffness, 1e-12 * max(float(np.max(stiffness)), 1e-300))
    squares, gain = along**2, 10.0 / count

    def at(strength: Array) -> tuple[Array, Array]:
        share = squares[:, None, :] / (1.0 + strength[:, :, None] * stiffness) ** 2
        low_r = strength**2 * np.sum(stiffness * share, axis=2) + outside[:, None]
        held, scale = np.sum(share, axis=2), 0.1 + gain * low_r
        cost = low_r + scale**2 * held
        return cost, strength * (1.0 + 2.0 * gain * scale * held) - scale**2

    start = 0.1 + gain * outside
    end = start + gain * np.sum(squares / stiffness, axis=1)
    low = np.log(start**2 / (1.0 + 2.0 * gain * end * np.sum(squares, axis=1)))
    high = 2.0 * np.log(end)
    steps = np.linspace(0.0, 1.0, PLACES)
    every = np.arange(len(low))
    first = True
    while np.max(high - low) > CLOSE:
        places = low[:, None] + (high - low)[:, None] * steps
        cost, balance = at(np.exp(places))
        # There may be several minima: the first look decides for the lowest.
        above = balance > 0
        above[:, -1] = True
        index = np.argmin(cost, axis=1) + 1 if first else np.argmax(above, axis=1)
        index = np.clip(index, 1, PLACES - 1)
        low, high = places[every, np.maximum(index - (2 if first else 1), 0)], places[every, index]
        first = False
    return np.asarray(np.exp(0.5 * (low + high)))


def _knots(raw: Array, options: BackgroundOptions) -> tuple[Array, int]:
    """Return the knots of a cubic spline and the number of R points below rbkg."""
    low, high = options.k_range
    r_step = math.pi / (K_STEP * N_FFT)
    count = 1 + int(2 * max(options.rbkg, 2 * r_step) * (high - low) / math.pi)
    rows = int(1 + (count - 1) * math.pi / (2 * r_step * (high - low)))
    wanted = np.linspace(low, high, min(max(count, FEWEST), MOST))
    above = np.clip(np.searchsorted(raw, wanted), 1, raw.size - 1) if raw.size > 1 else [0]
    nearest = np.where(wanted - raw[np.subtract(above, 1)] <= raw[above] - wanted, -1, 0)
    sites = raw[np.unique(np.add(above, nearest))]
    if sites.size < FEWEST:
        raise BadInput(
            f"{raw.size} points lie between e0 and k = {high:.2f} Å⁻¹, on {sites.size} of the "
            f"{wanted.size} places of the background",
            expected="a finer scan above the edge, or a smaller rbkg",
        )
    return np.concatenate([[sites[0]] * 4, sites[2:-2], [sites[-1]] * 4]), rows


def _b_splines(knots: Array, x: Array) -> Array:
    from scipy.interpolate import BSpline

    return np.asarray(BSpline(knots, np.eye(knots.size - 4), 3)(x))


@functools.lru_cache(maxsize=16)
def _fourier_rows(size: int, rows: int) -> Array:
    """Return the matrix from even steps of k to real and imaginary part of the lowest R."""
    angle = 2.0 * np.pi / N_FFT * np.outer(np.arange(rows), np.arange(size))
    return (K_STEP / math.sqrt(math.pi)) * np.concatenate([np.cos(angle), -np.sin(angle)])


def _clamps(size: int, clamps: tuple[float, float]) -> tuple[Array, Array]:
    ends = np.array([*range(N_CLAMP), *range(size - N_CLAMP, size)])
    weights = np.repeat(np.abs(clamps), N_CLAMP)
    return ends[weights > 0], weights[weights > 0].astype(float)


def _solve_right(matrix: Array, triangle: Array) -> Array:
    """Return ``matrix @ inverse(triangle)``."""
    return np.asarray(np.linalg.solve(triangle.T, matrix.T).T)
