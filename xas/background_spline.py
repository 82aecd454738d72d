"""AUTOBK as linear least squares: a spline whose χ(R) below rbkg is smallest."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, fields

import numpy as np

from xorder.errors import BadInput
from xorder.results import Array
from xorder.xas.photoelectron import k_from_energy
from xorder.xas.transforms import N_FFT, window_function

__all__ = [
    "K_STEP",
    "BackgroundOptions",
    "SplineFit",
    "SplineProblem",
    "background_deviation",
    "fit_splines",
    "spline_problem",
]

#: Step of the even k grid in Å⁻¹, that of Athena and larch.
K_STEP = 0.05

#: Points at either end of χ(k) that a clamp holds near zero.
N_CLAMP = 3

#: Fewest and most coefficients of the spline.
FEWEST, MOST = 5, 128

#: The logarithm of the clamps' strength is looked for on this many places at a time, until this
#: close; chords do the rest.
PLACES, CLOSE = 128, 5e-3


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


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class SplineProblem:
    """All of the fit that does not depend on μ: made once for spectra on one grid."""

    first: int
    """Index of the last energy at or below e0, where the spline starts."""
    raw: Array
    """Wavenumbers of the energies under the spline, shape (M,)."""
    k: Array
    """Even grid, shape (K,)."""
    basis: Array
    """Splines at `raw`, shape (M, P), whose transforms below rbkg are orthonormal."""
    basis_k: Array
    """The same splines brought to the even grid, shape (K, P)."""
    low_r: Array
    """From χ(k) to real and imaginary part of χ(R) below rbkg, shape (F, K)."""
    low_r_basis: Array
    """Transforms of the splines below rbkg, shape (F, P)."""
    response: Array
    """From χ(k) to the coefficients without clamps, shape (P, K)."""
    clamped: Array
    """Indices of the clamped points, shape (C,); empty without clamps."""
    clamp: Array
    """Their weights, shape (C, 1)."""
    coupling: Array
    """Splines at the clamped points times the weights, shape (C, P)."""
    stiffness: Array
    """Eigenvalues of the coupling times its transpose, shape (C,)."""
    axes: Array
    """Their eigenvectors, shape (C, C)."""


def spline_problem(
    energy: Array, mu: Array, *, e0: float, options: BackgroundOptions
) -> tuple[SplineProblem, Array]:
    """Return the problem on a grid of energies, and μ on the problem's even grid.

    Parameters
    ----------
    energy
        Photon energies in eV, shape (N,).
    mu
        Absorption of S spectra, shape (S, N).
    e0
        Edge energy in eV of all spectra.
    options
        What the fit is told.

    Raises
    ------
    BadInput
        Too few points above e0 for the spline.
    """
    high = options.k_range[1]
    first = max(int(np.searchsorted(energy, e0, side="right")) - 1, 0)
    raw = k_from_energy(energy[first:], e0=e0)
    raw = raw[: int(np.searchsorted(raw, high, side="right")) + 1]
    problem = _problem(first, raw.tobytes(), options)
    return problem, _onto_grid(raw, problem.k, mu[:, first : first + raw.size].T)


@functools.lru_cache(maxsize=8)
def _problem(first: int, points: bytes, options: BackgroundOptions) -> SplineProblem:
    """Return the problem on wavenumbers given as their bytes; kept, so its arrays are read-only."""
    low, high = options.k_range
    raw: Array = np.frombuffer(points)
    k = K_STEP * np.arange(int(1.01 + high / K_STEP), dtype=float)
    knots, rows = _knots(raw, options)
    # Larch brings the splines to the grid by interpolating splines. All their knots are points of
    # `raw`, so such an interpolation gives the same splines.
    both = _b_splines(knots, np.concatenate([raw, k]))
    low_r = _low_r(k.size, rows, options)
    low_r_basis, triangle = np.linalg.qr(low_r @ both[raw.size :])
    diagonal = np.abs(triangle.diagonal())
    if diagonal.size < both.shape[1] or not diagonal.min() > 1e-9 * diagonal.max():
        raise BadInput(
            f"k from {low:g} to {high:g} Å⁻¹ does not determine a background below "
            f"{options.rbkg:g} Å",
            expected="a wider k_range, a larger rbkg or a smaller k_weight",
        )
    both = both @ np.linalg.inv(triangle)
    basis, basis_k = both[: raw.size], both[raw.size :]
    clamped, clamp = _clamps(k.size, options.clamps)
    coupling = clamp * basis_k[clamped]
    stiffness, axes = np.linalg.eigh(coupling @ coupling.T)
    problem = SplineProblem(
        first=first,
        raw=raw,
        k=k,
        basis=basis,
        basis_k=basis_k,
        low_r=low_r,
        low_r_basis=low_r_basis,
        response=low_r_basis.T @ low_r,
        clamped=clamped,
        clamp=clamp,
        coupling=coupling,
        stiffness=stiffness,
        axes=axes,
    )
    for f in fields(problem)[1:]:
        getattr(problem, f.name).setflags(write=False)
    return problem


@dataclass(frozen=True, eq=False, slots=True)
class SplineFit:
    """Backgrounds of several spectra on one grid."""

    background: Array
    """Splines at the problem's energies, shape (M, S)."""
    chi: Array
    """μ minus the splines on the even grid, not yet divided by edge steps, shape (K, S)."""
    clamp_strength: Array
    """Strength λ that the clamps had, shape (S,); zero without clamps."""


def fit_splines(problem: SplineProblem, mu_k: Array) -> SplineFit:
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
    mu_k
        Absorption on the problem's even grid, shape (K, S).
    """
    b = problem.low_r @ mu_k
    y = problem.low_r_basis.T @ b
    strength = np.zeros(y.shape[1])
    if problem.clamped.size:
        left = problem.clamp * mu_k[problem.clamped] - problem.coupling @ y
        stiffness, axes = problem.stiffness, problem.axes
        along = axes.T @ left
        outside = (b * b).sum(axis=0) - (y * y).sum(axis=0)
        strength = _clamp_strength(stiffness, along.T, np.maximum(outside, 0.0), b.shape[0])
        held = along / (1.0 + strength * stiffness[:, None])
        y = y + strength * (problem.coupling.T @ (axes @ held))
    return SplineFit(problem.basis @ y, mu_k - problem.basis_k @ y, strength)


def background_deviation(problem: SplineProblem, clamp_strength: float) -> Array:
    """Return the standard deviation of the spline on the even grid for unit white noise of χ(k).

    The coefficients are linear in the data at the clamps' strength; their covariance follows.
    """
    response = problem.response
    if problem.clamped.size:
        # Inverse of 1 + λGᵀG by Woodbury's formula: strong clamps make it singular.
        stiffness, axes = problem.stiffness, problem.axes
        turned = axes.T @ problem.coupling
        held = clamp_strength / (1.0 + clamp_strength * np.maximum(stiffness, 0.0))
        response = response - turned.T @ (held[:, None] * (turned @ response))
        response[:, problem.clamped] += (turned.T * held) @ axes.T * problem.clamp.T
    shape = problem.basis_k @ (response @ response.T)
    return np.asarray(np.sqrt(np.maximum((shape * problem.basis_k).sum(axis=1), 0.0)))


def _clamp_strength(stiffness: Array, along: Array, outside: Array, count: int) -> Array:
    r"""Return the strength λ of the clamps, shape (S,).

    The sum is made smallest where :math:`\lambda(1 + 2ss'C) = s^2`, with C the squares of the
    clamped points and s' = 10 / count; both s and C follow from λ. With s rising and C falling
    the root lies between the bounds that their ends give.
    """
    stiffness = np.maximum(stiffness, 1e-12 * max(float(stiffness.max()), 1e-300))
    squares, gain = along**2, 10.0 / count
    sums = np.ones((stiffness.size, 2))
    sums[:, 1] = stiffness

    def at(strength: Array) -> tuple[Array, Array]:
        share = strength[:, :, None] * stiffness
        share += 1.0
        share *= share
        both = np.divide(squares[:, None, :], share, out=share) @ sums
        held, low_r = both[:, :, 0], strength * strength * both[:, :, 1] + outside[:, None]
        scale = 0.1 + gain * low_r
        square = scale * scale
        return low_r + square * held, strength * (1.0 + 2.0 * gain * scale * held) - square

    start = 0.1 + gain * outside
    end = start + gain * (squares / stiffness).sum(axis=1)
    low = np.log(start**2 / (1.0 + 2.0 * gain * end * squares.sum(axis=1)))
    high = 2.0 * np.log(end)
    steps = np.arange(PLACES) / (PLACES - 1.0)
    every = np.arange(len(low))
    first = True
    while True:
        places = low[:, None] + (high - low)[:, None] * steps
        cost, balance = at(np.exp(places))
        # There may be several minima: the first look decides for the lowest.
        above = balance > 0
        above[:, -1] = True
        index = cost.argmin(axis=1) + 1 if first else above.argmax(axis=1)
        index = np.minimum(np.maximum(index, 1), PLACES - 1)
        before = np.maximum(index - (2 if first else 1), 0)
        low, high = places[every, before], places[every, index]
        if not first and (high - low).max() <= CLOSE:
            break
        first = False
    ends = (low, balance[every, before], high, balance[every, index])
    middle = _chord(*ends)
    value = at(np.exp(middle)[:, None])[1][:, 0]
    is_above = value > 0
    low, at_low = np.where(is_above, ends[0], middle), np.where(is_above, ends[1], value)
    high, at_high = np.where(is_above, middle, ends[2]), np.where(is_above, value, ends[3])
    return np.asarray(np.exp(_chord(low, at_low, high, at_high)))


def _chord(low: Array, at_low: Array, high: Array, at_high: Array) -> Array:
    """Return where the straight line between two points crosses zero, kept between them."""
    rise = np.where(at_high > at_low, at_high - at_low, np.inf)
    return np.asarray(np.minimum(np.maximum(low - (high - low) * at_low / rise, low), high))


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

    return np.asarray(BSpline.construct_fast(knots, np.eye(knots.size - 4), 3)(x))


@functools.lru_cache(maxsize=16)
def _low_r(size: int, rows: int, options: BackgroundOptions) -> Array:
    """Return the matrix from χ(k) to the lowest R of its weighted transform; kept read-only."""
    k = K_STEP * np.arange(size, dtype=float)
    weight = k**options.k_weight * window_function(
        k, k_range=options.k_range, dk=options.dk, window=options.window, inside=True
    )
    matrix = _fourier_rows(size, rows) * weight
    matrix.flags.writeable = False
    return np.asarray(matrix)


def _fourier_rows(size: int, rows: int) -> Array:
    """Return the matrix from even steps of k to real and imaginary part of the lowest R."""
    angle = 2.0 * np.pi / N_FFT * np.outer(np.arange(rows), np.arange(size))
    return (K_STEP / math.sqrt(math.pi)) * np.concatenate([np.cos(angle), -np.sin(angle)])


def _clamps(size: int, clamps: tuple[float, float]) -> tuple[Array, Array]:
    ends = np.array([*range(N_CLAMP), *range(size - N_CLAMP, size)])
    weights = np.repeat(np.abs(np.asarray(clamps, dtype=float)), N_CLAMP)
    return ends[weights > 0], weights[weights > 0][:, None]


def _onto_grid(raw: Array, k: Array, values: Array) -> Array:
    """Return values at `raw`, shape (M, n), on the even grid by a cubic spline through them.

    The third derivative is continuous at the points next to the ends (de Boor, A Practical Guide to
    Splines, 1978, chapter IV): that of larch and scipy, solved for the slopes.
    """
    from scipy.linalg.lapack import dgttrs

    h, index, u, factors = _interpolation(raw.tobytes(), k.tobytes())
    h = h[:, None]
    first, last = h[0] + h[1], h[-1] + h[-2]
    chord = (values[1:] - values[:-1]) / h
    right = np.empty_like(values)
    right[1:-1] = 3.0 * (h[1:] * chord[:-1] + h[:-1] * chord[1:])
    right[0] = ((h[0] + 2.0 * first) * h[1] * chord[0] + h[0] ** 2 * chord[1]) / first
    right[-1] = (h[-1] ** 2 * chord[-2] + (2.0 * last + h[-1]) * h[-2] * chord[-1]) / last
    slope = dgttrs(*factors, right)[0]
    bend = (slope[1:] + slope[:-1] - 2.0 * chord) / h
    square = (chord - slope[:-1]) / h - bend
    cubic = (bend / h)[index]
    return np.asarray(values[index] + u * (slope[index] + u * (square[index] + u * cubic)))


@functools.lru_cache(maxsize=8)
def _interpolation(points: bytes, grid: bytes) -> tuple[Array, Array, Array, tuple[Array, ...]]:
    """Return the steps, each grid point's interval and place in it, and the factored equations."""
    from scipy.linalg.lapack import dgttrf

    raw, k = np.frombuffer(points), np.frombuffer(grid)
    h = raw[1:] - raw[:-1]
    middle = np.concatenate([h[1:2], 2.0 * (h[:-1] + h[1:]), h[-2:-1]])
    lower = np.concatenate([h[1:], h[-1:] + h[-2:-1]])
    upper = np.concatenate([h[:1] + h[1:2], h[:-1]])
    index = np.minimum(np.maximum(raw.searchsorted(k, side="right") - 1, 0), raw.size - 2)
    return h, index, (k - raw[index])[:, None], dgttrf(lower, middle, upper)[:5]
