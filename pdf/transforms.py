"""Sine and cosine sums between Q and r: fast for any uniform target grid, exact to 1e-6.

A uniform source grid goes through a chirp-z transform (Bluestein), so its step and the target's
need not fit each other. Points of a grid that is not uniform (equal steps of two_theta) are first
laid on a fine uniform one with six-point Lagrange weights, which keeps every point's own weight
and error.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.fft import fft, ifft, next_fast_len

from xorder.results import Array

__all__ = ["below_first", "cosine_sum", "lorch", "sine_sum", "trapezoid_weights"]

#: Phase error (rad) up to which a grid counts as uniform.
UNIFORM_PHASE = 1e-5
#: Phase between two points of the fine grid (rad): six-point interpolation is good to 3e-7.
FINE_PHASE = 0.2
#: Points of the Lagrange stencil.
STENCIL = np.arange(-2, 4)


def trapezoid_weights(x: Array) -> Array:
    """Return the weights of a trapezoidal integral over an ascending grid, shape of `x`."""
    weights = np.zeros_like(x)
    half = np.diff(x) / 2
    weights[:-1] += half
    weights[1:] += half
    return weights


def below_first(x: Array) -> Array:
    """Return points from 0 up to the first of `x`, as dense as the first points of `x` are."""
    count = max(1, math.ceil(x[0] / (x[1] - x[0]) - 1e-9))
    return np.asarray(x[0] * np.arange(count) / count)


def sine_sum(x: Array, amplitudes: Array, y: Array) -> Array:
    """Return Σ_j a_j sin(x_j y_k), shape of `y`; `x` ascends, `y` is uniform."""
    return np.asarray(_phase_sum(x, amplitudes, y).imag)


def cosine_sum(x: Array, amplitudes: Array, y: Array) -> Array:
    """Return Σ_j a_j cos(x_j y_k), shape of `y`; `x` ascends, `y` is uniform."""
    return np.asarray(_phase_sum(x, amplitudes, y).real)


def _phase_sum(x: Array, amplitudes: Array, y: Array) -> NDArray[np.complex128]:
    reach = float(np.max(np.abs(y)))
    if len(y) * len(x) < 4096:
        return np.asarray(np.exp(1j * np.outer(y, x)) @ amplitudes)
    step = (x[-1] - x[0]) / (len(x) - 1)
    worst = float(np.max(np.abs(x - (x[0] + step * np.arange(len(x))))))
    if worst * reach > UNIFORM_PHASE:
        start, step, amplitudes = _on_fine_grid(x, amplitudes, FINE_PHASE / reach)
    else:
        start = float(x[0])
    y_step = (y[-1] - y[0]) / (len(y) - 1)
    return _chirp_z(start, step, amplitudes, float(y[0]), y_step, len(y))


def _on_fine_grid(x: Array, amplitudes: Array, largest: float) -> tuple[float, float, Array]:
    """Return start, step and amplitudes on a uniform grid that stands for the points `x`."""
    step = min(largest, float(x[-1] - x[0]) / 16)
    start = float(x[0]) - 3 * step
    position = (x - start) / step
    lower = np.floor(position).astype(np.intp)
    t = position - lower
    size = int(lower[-1]) + 5
    fine = np.zeros(size)
    for offset in STENCIL:
        others = STENCIL[offset != STENCIL]
        weight = np.prod((t[:, None] - others) / (offset - others), axis=1)
        fine += np.bincount(lower + offset, weight * amplitudes, minlength=size)
    return start, step, fine


def _chirp_z(
    x0: float, dx: float, amplitudes: Array, y0: float, dy: float, count: int
) -> NDArray[np.complex128]:
    """Return Σ_j a_j exp(i (x0 + j dx)(y0 + k dy)) for k = 0 … count - 1."""
    size = len(amplitudes)
    longest = max(size, count)
    n = np.arange(longest, dtype=float)
    chirp = np.exp(0.5j * dx * dy * n**2)
    length = next_fast_len(size + count - 1)
    source = amplitudes * np.exp(1j * dx * y0 * n[:size]) * chirp[:size]
    kernel = np.zeros(length, complex)
    kernel[:count] = chirp[:count].conj()
    kernel[length - size + 1 :] = chirp[size - 1 : 0 : -1].conj()
    total = ifft(fft(source, length) * fft(kernel))[:count]
    phase = np.exp(1j * x0 * (y0 + dy * n[:count]))
    return np.asarray(total * chirp[:count] * phase)


def lorch(q: Array, q_max: float) -> Array:
    """Return Lorch's window sin(πQ/Qmax) / (πQ/Qmax), E. Lorch, J. Phys. C 2, 229 (1969)."""
    return np.asarray(np.sinc(q / q_max)) if math.isfinite(q_max) else np.ones_like(q)
