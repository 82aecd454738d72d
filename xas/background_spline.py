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
    """The same splines on the even grid, shape (K, P)."""
    low_r: Array
    """From χ(k) to real and imaginary part of χ(R) below rbkg, shape (K, F)."""
    low_r_basis: Array
    """Transforms of the splines below rbkg, shape (P, F)."""
    square: Array
    """RRᵀ of the matrix R from χ(k) to the coefficients without clamps, shape (P, P)."""
    ends: Array
    """Rᵀ at the clamped points, shape (C, P)."""
    clamped: Array
    """Indices of the clamped points, shape (C,); empty without clamps."""
    clamp: Array
    """Their weights, shape (C,)."""
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

    Returns
    -------
    :
        The problem, and μ, shape (S, K).

    Raises
    ------
    BadInput
        Too few points above e0 for the spline.
    """
    from xorder.xas.background_kernels import onto_grid

    high = options.k_range[1]
    first = max(int(np.searchsorted(energy, e0, side="right")) - 1, 0)
    raw = k_from_energy(energy[first:], e0=e0)
    raw = raw[: int(np.searchsorted(raw, high, side="right")) + 1]
    problem = _problem(first, raw.tobytes(), options)
    return problem, onto_grid(problem.raw, problem.k, np.ascontiguousarray(mu), first)


@functools.lru_cache(maxsize=8)
def _problem(first: int, points: bytes, options: BackgroundOptions) -> SplineProblem:
    """Return the problem on wavenumbers given as their bytes; kept, so its arrays are read-only."""
    from xorder.xas.background_kernels import spline_matrices

    low, high = options.k_range
    raw: Array = np.frombuffer(points)
    knots, rows = _knots(raw, options)
    k, low_r, gram = _low_r(int(1.01 + high / K_STEP), rows, options)
    # Larch brings the splines to the grid by interpolating splines. All their knots are points of
    # `raw`, so such an interpolation gives the same splines.
    basis, basis_k, low_r_basis, square, alone = spline_matrices(knots, raw, k, low_r, gram)
    if alone.size > low_r.shape[1] or not alone.min() > 1e-9 * alone.max():
        raise BadInput(
            f"k from {low:g} to {high:g} Å⁻¹ does not determine a background below "
            f"{options.rbkg:g} Å",
            expected="a wider k_range, a larger rbkg or a smaller k_weight",
        )
    clamped, clamp = _clamps(k.size, options.clamps)
    coupling = clamp[:, None] * basis_k[clamped]
    stiffness, axes = np.linalg.eigh(coupling @ coupling.T)
    problem = SplineProblem(
        first=first,
        raw=raw,
        k=k,
        basis=basis,
        basis_k=basis_k,
        low_r=low_r,
        low_r_basis=low_r_basis,
        square=square,
        ends=low_r[clamped] @ low_r_basis.T,
        clamped=clamped,
        clamp=clamp,
        coupling=coupling,
        stiffness=stiffness,
        axes=np.ascontiguousarray(axes),
    )
    for name in _ARRAYS:
        getattr(problem, name).setflags(write=False)
    return problem


_ARRAYS = tuple(f.name for f in fields(SplineProblem) if f.name != "first")


@dataclass(frozen=True, eq=False, slots=True)
class SplineFit:
    """Backgrounds of several spectra on one grid."""

    background: Array
    """Splines at the problem's energies, shape (S, M)."""
    chi: Array
    """μ minus the splines on the even grid, not yet divided by edge steps, shape (S, K)."""
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
        Absorption on the problem's even grid, shape (S, K).
    """
    from xorder.xas.background_kernels import fit_rows

    return SplineFit(
        *fit_rows(
            np.ascontiguousarray(mu_k),
            problem.low_r,
            problem.low_r_basis,
            problem.basis,
            problem.basis_k,
            problem.clamped,
            problem.clamp,
            problem.coupling,
            problem.stiffness,
            problem.axes,
        )
    )


def background_deviation(problem: SplineProblem, clamp_strength: float) -> Array:
    """Return the standard deviation of the spline on the even grid for unit white noise of χ(k).

    The coefficients are linear in the data at the clamps' strength; their covariance follows.
    """
    from xorder.xas.background_kernels import deviation

    found: Array = deviation(
        problem.basis_k,
        problem.square,
        problem.ends,
        problem.clamp,
        problem.coupling,
        problem.stiffness,
        problem.axes,
        clamp_strength,
    )
    return found


def _knots(raw: Array, options: BackgroundOptions) -> tuple[Array, int]:
    """Return the knots of a cubic spline and the number of R points below rbkg."""
    from xorder.xas.background_kernels import nearest_sites

    low, high = options.k_range
    r_step = math.pi / (K_STEP * N_FFT)
    count = 1 + int(2 * max(options.rbkg, 2 * r_step) * (high - low) / math.pi)
    rows = int(1 + (count - 1) * math.pi / (2 * r_step * (high - low)))
    count = min(max(count, FEWEST), MOST)
    sites = nearest_sites(raw, low, high, count) if raw.size > 1 else raw
    if sites.size < FEWEST:
        raise BadInput(
            f"{raw.size} points lie between e0 and k = {high:.2f} Å⁻¹, on {sites.size} of the "
            f"{count} places of the background",
            expected="a finer scan above the edge, or a smaller rbkg",
        )
    return np.concatenate([[sites[0]] * 4, sites[2:-2], [sites[-1]] * 4]), rows


@functools.lru_cache(maxsize=16)
def _low_r(size: int, rows: int, options: BackgroundOptions) -> tuple[Array, Array, Array]:
    """Return even steps of k, the matrix from χ(k) to the lowest R of its weighted transform,
    shape (K, F), and that matrix transposed times itself; kept read-only.
    """
    k = K_STEP * np.arange(size, dtype=float)
    weight = k**options.k_weight * window_function(
        k, k_range=options.k_range, dk=options.dk, window=options.window, inside=True
    )
    angle = 2.0 * np.pi / N_FFT * np.outer(np.arange(size), np.arange(rows))
    scale = (K_STEP / math.sqrt(math.pi)) * weight[:, None]
    matrix = scale * np.concatenate([np.cos(angle), -np.sin(angle)], axis=1)
    kept = k, matrix, matrix.T @ matrix
    for values in kept:
        values.flags.writeable = False
    return kept


def _clamps(size: int, clamps: tuple[float, float]) -> tuple[Array, Array]:
    ends = np.array([*range(N_CLAMP), *range(size - N_CLAMP, size)])
    weights = np.repeat(np.abs(np.asarray(clamps, dtype=float)), N_CLAMP)
    return ends[weights > 0], weights[weights > 0]
