"""What arrays cannot do at once for AUTOBK: banded equations, splines on few knots, one root each.

Arrays are in C order. Loops over points stand here because a single spectrum has a few hundred, too
few to pay for an array operation each.
"""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from xorder.results import Array

__all__ = ["deviation", "fit_rows", "nearest_sites", "onto_grid", "spline_matrices"]

#: The logarithm of the clamps' strength is looked for on this many places, then by halves until
#: this close.
PLACES, CLOSE = 128, 1e-12


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def onto_grid(raw: Array, k: Array, values: Array, first: int) -> Array:
    """Return rows of values at `raw`, from column `first`, on ascending `k` by cubic splines.

    The third derivative is continuous at the points next to the ends (de Boor, A Practical Guide to
    Splines, 1978, chapter IV): that of larch and scipy, solved for the slopes.
    """
    n = raw.size
    h = raw[1:] - raw[:-1]
    start, end = h[0] + h[1], h[n - 2] + h[n - 3]
    pivot, factor = np.empty(n), np.empty(n)
    pivot[0], above = h[1], start
    for i in range(1, n):
        lower = h[i] if i < n - 1 else end
        middle = 2.0 * (h[i - 1] + h[i]) if i < n - 1 else h[n - 3]
        factor[i] = lower / pivot[i - 1]
        pivot[i] = middle - factor[i] * above
        above = h[i - 1]
    found = np.empty((values.shape[0], k.size))
    slope, chord = np.empty(n), np.empty(n - 1)
    for row in range(values.shape[0]):
        y = values[row, first : first + n]
        for i in range(n - 1):
            chord[i] = (y[i + 1] - y[i]) / h[i]
        slope[0] = ((h[0] + 2.0 * start) * h[1] * chord[0] + h[0] ** 2 * chord[1]) / start
        for i in range(1, n - 1):
            right = 3.0 * (h[i] * chord[i - 1] + h[i - 1] * chord[i])
            slope[i] = right - factor[i] * slope[i - 1]
        right = h[n - 2] ** 2 * chord[n - 3] + (2.0 * end + h[n - 2]) * h[n - 3] * chord[n - 2]
        slope[n - 1] = (right / end - factor[n - 1] * slope[n - 2]) / pivot[n - 1]
        for i in range(n - 2, -1, -1):
            upper = h[i - 1] if i > 0 else start
            slope[i] = (slope[i] - upper * slope[i + 1]) / pivot[i]
        i = 0
        for j in range(k.size):
            while i < n - 2 and raw[i + 1] <= k[j]:
                i += 1
            u = k[j] - raw[i]
            bend = (slope[i + 1] + slope[i] - 2.0 * chord[i]) / h[i]
            square = (chord[i] - slope[i]) / h[i] - bend
            found[row, j] = y[i] + u * (slope[i] + u * (square + u * bend / h[i]))
    return found


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def nearest_sites(raw: Array, low: float, high: float, count: int) -> Array:
    """Return the points of `raw` nearest to even places from low to high, each once."""
    sites = np.empty(count)
    step = (high - low) / (count - 1)
    size = 0
    for i in range(count):
        wanted = low + i * step if i < count - 1 else high
        above = min(max(int(np.searchsorted(raw, wanted)), 1), raw.size - 1)
        is_below = wanted - raw[above - 1] <= raw[above] - wanted
        nearest = raw[above - 1] if is_below else raw[above]
        if size == 0 or nearest != sites[size - 1]:
            sites[size] = nearest
            size += 1
    return sites[:size].copy()


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def spline_matrices(
    knots: Array, raw: Array, k: Array, low_r: Array, gram: Array
) -> tuple[Array, Array, Array, Array, Array]:
    """Return splines at `raw` and at `k` whose transforms are orthonormal, and those transforms.

    Parameters
    ----------
    knots
        Knots of P cubic splines, shape (P + 4,).
    raw, k
        Ascending points, shapes (M,) and (K,); beyond the knots the last polynomials go on.
    low_r
        From values at `k` to the transform, shape (K, F).
    gram
        `low_r` transposed times itself, shape (F, F).

    Returns
    -------
    :
        Splines at `raw`, shape (M, P), and at `k`, (K, P); their transforms, (P, F); those times
        `gram` times themselves, (P, P); how much of each spline's transform the ones before it do
        not hold, (P,), the diagonal of a QR factorization.
    """
    at_raw, from_raw = _b_splines(knots, raw)
    at_k, from_k = _b_splines(knots, k)
    size = knots.size - 4
    transforms = np.zeros((size, low_r.shape[1]))
    for j in range(k.size):
        for i in range(4):
            _add(transforms[from_k[j] + i], at_k[j, i], low_r[j])
    turn, alone = _orthonormalize(transforms)
    turned = np.empty_like(transforms)
    square = np.empty((size, size))
    for p in range(size):
        for f in range(gram.shape[0]):
            turned[p, f] = _dot(gram[f], transforms[p])
        for q in range(size):
            square[p, q] = _dot(turned[p], transforms[q]) if q <= p else 0.0
    for p in range(size):
        for q in range(p + 1, size):
            square[p, q] = square[q, p]
    return _combine(at_raw, from_raw, turn), _combine(at_k, from_k, turn), transforms, square, alone


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def fit_rows(
    mu_k: Array,
    low_r: Array,
    low_r_basis: Array,
    basis: Array,
    basis_k: Array,
    clamped: NDArray[np.int64],
    clamp: Array,
    coupling: Array,
    stiffness: Array,
    axes: Array,
) -> tuple[Array, Array, Array]:
    """Return backgrounds at the energies, what is left on the even grid, and clamp strengths.

    `mu_k` are S rows on the even grid, shape (S, K); the rest is as in `SplineProblem`.
    """
    count, size, held = mu_k.shape[0], low_r_basis.shape[0], clamped.size
    background = np.empty((count, basis.shape[0]))
    chi = np.empty_like(mu_k)
    strength = np.zeros(count)
    b, y = np.empty(low_r.shape[1]), np.empty(size)
    left, along = np.empty(held), np.empty(held)
    for row in range(count):
        b[:] = 0.0
        for j in range(mu_k.shape[1]):
            _add(b, mu_k[row, j], low_r[j])
        outside = _dot(b, b)
        for p in range(size):
            y[p] = _dot(low_r_basis[p], b)
        outside = max(outside - _dot(y, y), 0.0)
        if held > 0:
            for c in range(held):
                left[c] = clamp[c] * mu_k[row, clamped[c]] - _dot(coupling[c], y)
            for c in range(held):
                along[c] = 0.0
                for d in range(held):
                    along[c] += axes[d, c] * left[d]
            strength[row] = _clamp_strength(stiffness, along, outside, b.size)
            for c in range(held):
                along[c] /= 1.0 + strength[row] * stiffness[c]
            for c in range(held):
                pull = 0.0
                for d in range(held):
                    pull += axes[c, d] * along[d]
                _add(y, strength[row] * pull, coupling[c])
        for i in range(basis.shape[0]):
            background[row, i] = _dot(basis[i], y)
        for j in range(mu_k.shape[1]):
            chi[row, j] = mu_k[row, j] - _dot(basis_k[j], y)
    return background, chi, strength


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def deviation(
    basis_k: Array,
    square: Array,
    ends: Array,
    clamp: Array,
    coupling: Array,
    stiffness: Array,
    axes: Array,
    strength: float,
) -> Array:
    """Return the standard deviation of the spline on the even grid for unit noise there.

    The coefficients answer to χ(k) by a matrix R without clamps, of which `square` is RRᵀ and
    `ends` the transposed columns at the clamped points. Clamps make of it MR + Δ at those points,
    with M the inverse of 1 + λGᵀG by Woodbury's formula: strong clamps make that singular.
    """
    held, size = stiffness.size, square.shape[0]
    turned = np.zeros((held, size))
    for c in range(held):
        for d in range(held):
            _add(turned[c], axes[d, c], coupling[d])
    found = np.empty(basis_k.shape[0])
    v, pull = np.empty(size), np.empty(held)
    for j in range(basis_k.shape[0]):
        v[:] = basis_k[j]
        for c in range(held):
            pull[c] = _dot(turned[c], basis_k[j])
            pull[c] *= strength / (1.0 + strength * max(stiffness[c], 0.0))
            _add(v, -pull[c], turned[c])
        variance = 0.0
        for p in range(size):
            variance += v[p] * _dot(square[p], v)
        for c in range(held):
            at_end = 0.0
            for d in range(held):
                at_end += axes[c, d] * pull[d]
            at_end *= clamp[c]
            variance += at_end * (at_end + 2.0 * _dot(ends[c], v))
        found[j] = math.sqrt(max(variance, 0.0))
    return found


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _clamp_strength(stiffness: Array, along: Array, outside: float, count: int) -> float:
    r"""Return the strength λ of the clamps.

    The sum is made smallest where :math:`\lambda(1 + 2ss'C) = s^2`, with C the squares of the
    clamped points and s' = 10 / count; both s and C follow from λ. With s rising and C falling
    the root lies between the bounds that their ends give.
    """
    gain = 10.0 / count
    stiffness = np.maximum(stiffness, 1e-12 * max(stiffness.max(), 1e-300))
    squares = along * along
    start = 0.1 + gain * outside
    end = start + gain * (squares / stiffness).sum()
    low = math.log(start * start / (1.0 + 2.0 * gain * end * squares.sum()))
    high = 2.0 * math.log(end)
    step = (high - low) / (PLACES - 1)
    # There may be several minima: the first look decides for the lowest.
    best, lowest = 0, math.inf
    for i in range(PLACES):
        cost = _balance(math.exp(low + i * step), stiffness, squares, outside, gain)[0]
        if cost < lowest:
            best, lowest = i, cost
    low, high = low + max(best - 1, 0) * step, low + min(best + 1, PLACES - 1) * step
    while high - low > CLOSE:
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        if _balance(math.exp(middle), stiffness, squares, outside, gain)[1] > 0:
            high = middle
        else:
            low = middle
    return math.exp(0.5 * (low + high))


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _balance(
    strength: float, stiffness: Array, squares: Array, outside: float, gain: float
) -> tuple[float, float]:
    """Return the sum to be made smallest, and what is zero where it is."""
    held, low_r = 0.0, 0.0
    for c in range(stiffness.size):
        share = 1.0 + strength * stiffness[c]
        share = squares[c] / (share * share)
        held += share
        low_r += share * stiffness[c]
    low_r = strength * strength * low_r + outside
    scale = 0.1 + gain * low_r
    square = scale * scale
    return low_r + square * held, strength * (1.0 + 2.0 * gain * scale * held) - square


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _b_splines(knots: Array, x: Array) -> tuple[Array, NDArray[np.int64]]:
    """Return the four cubic splines at each ascending point and the number of the first of them.

    Cox and de Boor's recursion (de Boor, A Practical Guide to Splines, 1978, chapter X).
    """
    values = np.empty((x.size, 4))
    first = np.empty(x.size, dtype=np.int64)
    last = knots.size - 5
    at = 3
    for j in range(x.size):
        while at < last and knots[at + 1] <= x[j]:
            at += 1
        first[j] = at - 3
        values[j, 0] = 1.0
        for degree in range(1, 4):
            kept = 0.0
            for i in range(degree):
                right, left = knots[at + 1 + i], knots[at + 1 + i - degree]
                share = values[j, i] / (right - left)
                values[j, i] = kept + (right - x[j]) * share
                kept = (x[j] - left) * share
            values[j, degree] = kept
    return values, first


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _orthonormalize(rows: Array) -> tuple[Array, Array]:
    """Make rows orthonormal in place; return the matrix that did, and their lengths before.

    Gram and Schmidt's way, each row twice, which is enough.
    """
    size = rows.shape[0]
    turn, alone = np.eye(size), np.zeros(size)
    for p in range(size):
        for _ in range(2):
            for q in range(p):
                share = _dot(rows[q], rows[p])
                _add(rows[p], -share, rows[q])
                _add(turn[p], -share, turn[q])
        alone[p] = math.sqrt(_dot(rows[p], rows[p]))
        if alone[p] > 0.0:
            rows[p] /= alone[p]
            turn[p] /= alone[p]
    return turn, alone


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _combine(values: Array, first: NDArray[np.int64], turn: Array) -> Array:
    """Return the turned splines at each point from the four that are not zero there."""
    found = np.empty((values.shape[0], turn.shape[0]))
    for j in range(values.shape[0]):
        for p in range(turn.shape[0]):
            total = 0.0
            for i in range(4):
                total += values[j, i] * turn[p, first[j] + i]
            found[j, p] = total
    return found


# Sums in any order, so that several of their terms are added at a time.
@njit(cache=True, fastmath={"reassoc", "contract"})  # type: ignore[untyped-decorator]
def _dot(a: Array, b: Array) -> float:
    total = 0.0
    for i in range(a.size):
        total += a[i] * b[i]
    return total


@njit(cache=True, fastmath={"contract"})  # type: ignore[untyped-decorator]
def _add(total: Array, factor: float, row: Array) -> None:
    for i in range(total.size):
        total[i] += factor * row[i]
