"""The sum of scattering paths and its derivatives, all paths at once."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from xorder.results import Array
from xorder.xas.photoelectron import HBAR2_OVER_2M
from xorder.xas.scattering_paths import ScatteringPath

__all__ = ["QUANTITIES", "PathStack"]

#: What describes a path in the EXAFS equation, in the order of the columns of values.
QUANTITIES = ("degeneracy", "s02", "delta_e0", "delta_r", "sigma2", "third", "fourth")

_N, _S02, _E0, _DR, _SIGMA2, _THIRD, _FOURTH = range(len(QUANTITIES))

Complex = NDArray[np.complex128]


class _State(NamedTuple):
    """What the equation and its derivatives share, each of shape (K, P)."""

    q: Array
    amplitude: Array
    slope: tuple[Array, Array, Complex]
    """dF/dq, dφ/dq and dp/dq."""
    p: Complex
    wave: Complex
    """χ(k) as a complex number without the factors N, S0² and F."""


class PathStack:
    """Paths on one grid of k, ready to be summed again and again.

    The equation is that of `xorder.xas.path_chi`; derivatives are analytic.

    Parameters
    ----------
    paths
        The paths, P of them.
    k
        Wavenumbers in Å⁻¹, shape (K,); a first one of zero is extrapolated from the next two.
    """

    def __init__(self, paths: Sequence[ScatteringPath], k: Array) -> None:
        from scipy.interpolate import make_interp_spline

        self.k = k
        self.reff = np.array([path.reff for path in paths])
        self._count = len(paths)
        grids: dict[bytes, list[int]] = {}
        for index, path in enumerate(paths):
            grids.setdefault(path.k.tobytes(), []).append(index)
        # One spline of all columns a grid: FEFF gives all paths of a run the same grid.
        self._splines: list[tuple[NDArray[np.int64], Any]] = []
        for members in grids.values():
            columns = np.stack(
                [
                    np.stack([p.phase, p.amplitude, p.p, p.mean_free_path], axis=1)
                    for p in (paths[i] for i in members)
                ],
                axis=2,
            )
            spline = make_interp_spline(paths[members[0]].k, columns, k=3)
            self._splines.append((np.array(members), spline))
        self._state: tuple[bytes, _State] | None = None

    def on(self, k: Array) -> PathStack:
        """Return the same paths on another grid."""
        other = copy.copy(self)
        other.k, other._state = k, None
        return other

    def chi(self, values: Array) -> Array:
        """Return χ(k) of every path, shape (K, P).

        Parameters
        ----------
        values
            Quantities of every path in the order of `QUANTITIES`, shape (P, 7).
        """
        return np.asarray(self._complex(values).imag)

    def derivatives(self, values: Array, quantities: Sequence[int]) -> dict[int, Array]:
        """Return dχ/d(quantity) of every path by the quantity's column, each of shape (K, P)."""
        state = self._prepare(values)
        number = values[:, _N] * values[:, _S02]
        chi = number * state.amplitude * state.wave
        p, p2 = state.p, state.p**2
        slopes: dict[int, Complex] = {}
        for quantity in quantities:
            if quantity == _N:
                slope = values[:, _S02] * state.amplitude * state.wave
            elif quantity == _S02:
                slope = values[:, _N] * state.amplitude * state.wave
            elif quantity == _E0:
                slope = self._energy_slope(values, state, chi, number)
            elif quantity == _DR:
                slope = chi * (2j * p - 2.0 / (self.reff + values[:, _DR]))
            elif quantity == _SIGMA2:
                slope = chi * (-2.0 * p2 - 4j * p / self.reff)
            elif quantity == _THIRD:
                slope = chi * (-4j / 3.0) * p * p2
            else:
                slope = chi * (2.0 / 3.0) * p2**2
            slopes[quantity] = slope
        return {key: np.asarray(self._continued(slope).imag) for key, slope in slopes.items()}

    def _complex(self, values: Array) -> Complex:
        state = self._prepare(values)
        chi = (values[:, _N] * values[:, _S02]) * state.amplitude * state.wave
        return self._continued(chi)

    def _continued(self, chi: Complex) -> Complex:
        """Replace the value at k = 0, where the equation divides by zero."""
        if self.k[0] == 0.0 and self.k.size > 2:
            chi[0] = 2 * chi[1] - chi[2]
        return chi

    def _energy_slope(self, values: Array, state: _State, chi: Complex, number: Array) -> Complex:
        amplitude_slope, phase_slope, p_slope = state.slope
        p = state.p
        turning = (
            -4.0 * p * values[:, _SIGMA2]
            + (8.0 / 3.0) * p**3 * values[:, _FOURTH]
            + 2j * values[:, _DR]
            - 4j * values[:, _SIGMA2] / self.reff
            - 4j * p**2 * values[:, _THIRD]
        )
        by_q = chi * (
            -1.0 / state.q
            - 2.0 * self.reff * p_slope.imag
            + 1j * (2.0 * self.reff + phase_slope)
            + p_slope * turning
        )
        by_q = by_q + number * amplitude_slope * state.wave
        slope: Complex = by_q * (-0.5 / (HBAR2_OVER_2M * np.abs(state.q)))
        return slope

    def _prepare(self, values: Array) -> _State:
        """Return the state at the values; the last one is kept, since a Jacobian follows a χ."""
        key = np.ascontiguousarray(values[:, _E0:]).tobytes()
        if self._state is None or self._state[0] != key:
            self._state = key, self._evaluated(values)
        return self._state[1]

    def _evaluated(self, values: Array) -> _State:
        q, columns, slopes = self._interpolated(values[:, _E0])
        phase, amplitude, real_p, mean_free_path = columns
        # The root of p² with a positive real part, as in larch.
        sign = np.where(real_p < 0, -1.0, 1.0)
        p = sign * (real_p + 1j / mean_free_path)
        p2 = p * p
        p_slope = sign * (slopes[2] - 1j * slopes[3] / mean_free_path**2)
        sigma2 = values[:, _SIGMA2]
        exponent = (
            -2.0 * self.reff * p.imag
            - 2.0 * p2 * (sigma2 - p2 * (values[:, _FOURTH] / 3.0))
            + 1j * (2.0 * q * self.reff + phase)
            + 2j * p * (values[:, _DR] - 2.0 * sigma2 / self.reff - p2 * values[:, _THIRD] / 1.5)
        )
        # A wild step may overflow; the fit takes that as a bad step.
        wave = np.exp(np.clip(exponent.real, -700.0, 100.0) + 1j * exponent.imag)
        wave = wave / (q * (self.reff + values[:, _DR]) ** 2)
        return _State(q, amplitude, (slopes[1], slopes[0], p_slope), p, wave)

    def _interpolated(self, delta_e0: Array) -> tuple[Array, Array, Array]:
        """Return q (K, P or 1), and FEFF's columns and their slopes at q, (4, K, P)."""
        shared = bool(np.all(delta_e0 == delta_e0[0]))
        if shared and len(self._splines) == 1:
            q = self._shifted(delta_e0[0])
            spline = self._splines[0][1]
            columns = np.moveaxis(spline(q), 1, 0)
            return q[:, None], columns, np.moveaxis(spline(q, 1), 1, 0)
        shape = (4, self.k.size, self._count)
        columns, slopes = np.empty(shape), np.empty(shape)
        q_all = np.empty(shape[1:])
        for members, spline in self._splines:
            for energy in np.unique(delta_e0[members]):
                here = delta_e0[members] == energy
                q = self._shifted(energy)
                q_all[:, members[here]] = q[:, None]
                columns[:, :, members[here]] = np.moveaxis(spline(q)[:, :, here], 1, 0)
                slopes[:, :, members[here]] = np.moveaxis(spline(q, 1)[:, :, here], 1, 0)
        return q_all, columns, slopes

    def _shifted(self, delta_e0: float) -> Array:
        """Return the wavenumber after a shift of E0, with the sign of the energy."""
        squared = self.k**2 - delta_e0 / HBAR2_OVER_2M
        squared = np.where(np.abs(squared) < 1e-6, 1e-6, squared)
        return np.asarray(np.sign(squared) * np.sqrt(np.abs(squared)))
