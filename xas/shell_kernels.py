"""The EXAFS equation and its derivatives as a compiled loop over paths and wavenumbers."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from xorder.results import Array
from xorder.xas.photoelectron import HBAR2_OVER_2M

__all__ = ["path_waves"]


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def path_waves(k: Array, reff: Array, values: Array, knots: Array, table: Array) -> Array:
    """Return χ(k) of paths for N S0² = 1, and its derivatives, shape (6, K, P).

    The rows are χ and dχ/d ΔE0, ΔR, σ², C3 and C4, as in `xorder.xas.path_chi`.

    Parameters
    ----------
    k
        Wavenumbers in Å⁻¹ that ascend, shape (K,); a first one of zero is extrapolated.
    reff
        Half lengths in Å, shape (P,).
    values
        ΔE0, ΔR, σ², C3 and C4 of every path, shape (P, 5).
    knots
        Wavenumbers between which FEFF's columns are cubic, shape (M + 1,).
    table
        Their coefficients from the constant on, shape (M, 4, 4, P), over the order and the columns
        phase, amplitude, Re p and mean free path.
    """
    found = np.empty((6, k.size, reff.size))
    last = knots.size - 2
    for path in range(reff.size):
        delta_e0, delta_r, sigma2, third, fourth = values[path]
        length = reff[path]
        piece = 0
        for i in range(k.size):
            square = k[i] ** 2 - delta_e0 / HBAR2_OVER_2M
            if abs(square) < 1e-6:
                square = 1e-6
            q = math.copysign(math.sqrt(abs(square)), square)
            while piece < last and q >= knots[piece + 1]:
                piece += 1
            x = q - knots[piece]
            c = table[piece, :, :, path]
            phase = c[0, 0] + x * (c[1, 0] + x * (c[2, 0] + x * c[3, 0]))
            amplitude = c[0, 1] + x * (c[1, 1] + x * (c[2, 1] + x * c[3, 1]))
            real_p = c[0, 2] + x * (c[1, 2] + x * (c[2, 2] + x * c[3, 2]))
            free = c[0, 3] + x * (c[1, 3] + x * (c[2, 3] + x * c[3, 3]))
            phase_slope = c[1, 0] + x * (2.0 * c[2, 0] + x * 3.0 * c[3, 0])
            amplitude_slope = c[1, 1] + x * (2.0 * c[2, 1] + x * 3.0 * c[3, 1])
            p_slope = c[1, 2] + x * (2.0 * c[2, 2] + x * 3.0 * c[3, 2])
            free_slope = c[1, 3] + x * (2.0 * c[2, 3] + x * 3.0 * c[3, 3])
            # The root of p² with a positive real part, as in larch.
            sign = -1.0 if real_p < 0.0 else 1.0
            p = sign * complex(real_p, 1.0 / free)
            by_q = sign * complex(p_slope, -free_slope / free**2)
            p2 = p * p
            exponent = (
                -2.0 * length * p.imag
                - 2.0 * p2 * (sigma2 - p2 * (fourth / 3.0))
                + 1j * (2.0 * q * length + phase)
                + 2j * p * (delta_r - 2.0 * sigma2 / length - p2 * (third / 1.5))
            )
            # A wild step may overflow; the fit takes that as a bad step.
            size = math.exp(min(max(exponent.real, -700.0), 100.0)) / (q * (length + delta_r) ** 2)
            wave = size * complex(math.cos(exponent.imag), math.sin(exponent.imag))
            chi = amplitude * wave
            turning = (
                -4.0 * p * sigma2
                + (8.0 / 3.0) * p2 * p * fourth
                + 2j * delta_r
                - 4j * sigma2 / length
                - 4j * p2 * third
            )
            slope = chi * (
                -1.0 / q
                - 2.0 * length * by_q.imag
                + 1j * (2.0 * length + phase_slope)
                + by_q * turning
            )
            slope += amplitude_slope * wave
            found[0, i, path] = chi.imag
            found[1, i, path] = slope.imag * (-0.5 / (HBAR2_OVER_2M * abs(q)))
            found[2, i, path] = (chi * (2j * p - 2.0 / (length + delta_r))).imag
            found[3, i, path] = (chi * (-2.0 * p2 - 4j * p / length)).imag
            found[4, i, path] = (chi * (-4j / 3.0) * p * p2).imag
            found[5, i, path] = (chi * (2.0 / 3.0) * p2 * p2).imag
    if k[0] == 0.0 and k.size > 2:
        # There the equation divides by zero; its neighbours continue it.
        found[:, 0] = 2.0 * found[:, 1] - found[:, 2]
    return found
