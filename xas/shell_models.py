"""The sum of scattering paths and its derivatives, all paths at once."""

from __future__ import annotations

import copy
import functools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from xorder.results import Array
from xorder.xas.scattering_paths import ScatteringPath

__all__ = ["QUANTITIES", "PathStack"]

#: What describes a path in the EXAFS equation, in the order of the columns of values.
QUANTITIES = ("degeneracy", "s02", "delta_e0", "delta_r", "sigma2", "third", "fourth")

#: Columns of a path's quantities; from ΔE0 on they turn or damp the wave.
_N, _S02, _E0 = range(3)


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
        self.k = k
        self.reff = np.array([path.reff for path in paths])
        grids: dict[bytes, list[int]] = {}
        for index, path in enumerate(paths):
            grids.setdefault(path.k.tobytes(), []).append(index)
        # One table of all columns a grid: FEFF gives all paths of a run the same grid.
        self._tables: list[tuple[NDArray[np.int64], Array, Array]] = []
        for grid, members in grids.items():
            columns = np.array(
                [(p.phase, p.amplitude, p.p, p.mean_free_path) for p in (paths[i] for i in members)]
            )
            table = _cubic_table(grid, columns.tobytes(), len(members))
            self._tables.append((np.array(members), *table))
        self._waves: tuple[bytes, Array] | None = None

    def on(self, k: Array) -> PathStack:
        """Return the same paths on another grid."""
        other = copy.copy(self)
        other.k, other._waves = k, None
        return other

    def chi(self, values: Array) -> Array:
        """Return χ(k) of every path, shape (K, P).

        Parameters
        ----------
        values
            Quantities of every path in the order of `QUANTITIES`, shape (P, 7).
        """
        return np.asarray((values[:, _N] * values[:, _S02]) * self._evaluated(values)[0])

    def derivatives(self, values: Array, quantities: Sequence[int]) -> dict[int, Array]:
        """Return dχ/d(quantity) of every path by the quantity's column, each of shape (K, P)."""
        waves = self._evaluated(values)
        factors = {_N: values[:, _S02], _S02: values[:, _N]}
        number = values[:, _N] * values[:, _S02]
        return {
            quantity: factors[quantity] * waves[0]
            if quantity in factors
            else number * waves[quantity - _S02]
            for quantity in quantities
        }

    def _evaluated(self, values: Array) -> Array:
        """Return what `path_waves` does; the last is kept, since a Jacobian follows a χ."""
        from xorder.xas.shell_kernels import path_waves

        own = np.ascontiguousarray(values[:, _E0:])
        key = own.tobytes()
        if self._waves is None or self._waves[0] != key:
            waves = np.empty((6, self.k.size, self.reff.size))
            for members, knots, table in self._tables:
                waves[:, :, members] = path_waves(
                    self.k, self.reff[members], own[members], knots, table
                )
            self._waves = key, waves
        return self._waves[1]


@functools.lru_cache(maxsize=32)
def _cubic_table(k: bytes, columns: bytes, paths: int) -> tuple[Array, Array]:
    """Return the knots and coefficients of the spline through FEFF's columns, (paths, 4, k).

    Kept, since many spectra are fitted with the same paths.
    """
    from scipy.interpolate import make_interp_spline

    table = np.frombuffer(columns).reshape(paths, 4, -1)
    spline = make_interp_spline(np.frombuffer(k), table.transpose(2, 1, 0), k=3)
    knots = np.unique(spline.t)
    orders = [spline(knots[:-1], order) / math.factorial(order) for order in range(4)]
    return knots, np.ascontiguousarray(np.stack(orders, axis=1))
