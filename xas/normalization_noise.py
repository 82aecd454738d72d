"""What the noise of a spectrum does to its own normalization, and so to every point of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xorder.results import Array
from xorder.xas.background import Exafs
from xorder.xas.xanes import Measured, point_noise

__all__ = ["normalization_noise"]

#: Energies enter the polynomials in this unit (eV), which keeps their powers near one.
SCALE = 100.0


def normalization_noise(item: Measured, x: Array, *, space: str) -> Array:
    """Return how the noise of pre-edge line and post-edge curve moves a spectrum's curve at `x`.

    The two are least-squares fits to noisy points, so their coefficients have a covariance; to
    first order it moves all points of the normalized spectrum together, an error that no residual
    shows. The noise is that of `point_noise` in each range; the choice of ranges is not in it.

    Parameters
    ----------
    item
        A normalized spectrum; an `Exafs` has no such error here.
    x
        Energies in eV, shape (N,).
    space
        ``"flat"``, ``"norm"`` or ``"derivative"``.

    Returns
    -------
    :
        Matrix B, shape (N, coefficients), in the normalized scale: the covariance is B Bᵀ.
    """
    if isinstance(item, Exafs):
        return np.zeros((x.size, 1))
    energy = (item.energy - item.e0) / SCALE
    before = _inside(energy, item.pre_edge_range)
    after = _inside(energy, item.post_edge_range)
    line, curve = np.vander(energy, 2), np.vander(energy, item.order + 1)
    size = line.shape[1]
    root = np.zeros((size + curve.shape[1],) * 2)
    line_root = _root(line[before], point_noise(energy[before], item.mu[before]))
    root[:size, :size] = line_root
    # The post-edge curve is fitted to what is above the line, so it answers to the line's error.
    root[size:, :size] = -np.linalg.pinv(curve[after]) @ line[after] @ line_root
    root[size:, size:] = _root(curve[after], point_noise(energy[after], item.mu[after]))
    moved = _moved(item.norm, item.flat, line, curve, energy >= 0, space) @ root
    moved /= item.edge_step
    if space == "derivative":
        moved = np.gradient(moved, item.energy, axis=0)
    return np.stack([np.interp(x, item.energy, column) for column in moved.T], axis=1)


def _moved(
    norm: Array, flat: Array, line: Array, curve: Array, above: NDArray[np.bool_], space: str
) -> Array:
    """Return d(curve) / d(coefficients) times the edge step, shape (N, coefficients).

    Below e0 both kinds are (mu − line) / step; above, the flattened is 1 + (mu − line − curve) /
    step. The step is the curve at e0: its last coefficient.
    """
    step = np.zeros(curve.shape[1])
    step[-1] = 1.0
    if space == "norm":
        by_line, by_curve = -line, -np.outer(norm, step)
    else:
        by_line = -line
        over = -curve - np.outer(flat - 1.0, step)
        by_curve = np.where(above[:, None], over, -np.outer(norm, step))
    return np.hstack([by_line, by_curve])


def _inside(energy: Array, limits: tuple[float, float]) -> NDArray[np.bool_]:
    return np.asarray((energy >= limits[0] / SCALE) & (energy <= limits[1] / SCALE))


def _root(design: Array, noise: float) -> Array:
    """Return a root of the covariance of fitted coefficients; zero where noise is unknown."""
    if not np.isfinite(noise):
        return np.zeros((design.shape[1],) * 2)
    return np.asarray(noise * np.linalg.inv(np.linalg.qr(design)[1]))
