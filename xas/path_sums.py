"""χ(k) of scattering paths by the EXAFS equation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from xorder.errors import BadInput
from xorder.results import Array
from xorder.xas.photoelectron import HBAR2_OVER_2M
from xorder.xas.scattering_paths import ScatteringPath

__all__ = ["path_chi", "sum_paths"]


def path_chi(
    path: ScatteringPath,
    k: Array,
    *,
    s02: float = 1.0,
    sigma2: float = 0.003,
    delta_e0: float = 0.0,
    delta_r: float = 0.0,
    third: float = 0.0,
    fourth: float = 0.0,
    degeneracy: float | None = None,
) -> Array:
    r"""Return χ(k) of one path by the EXAFS equation with FEFF's complex momentum p.

    .. math:: \chi = \mathrm{Im}\, \frac{N S_0^2 F}{q (R_{eff} + \Delta R)^2}
        e^{-2 R_{eff} \mathrm{Im}\,p - 2p^2\sigma^2 + \frac{2}{3}p^4 C_4}
        e^{i(2qR_{eff} + \phi) + 2ip(\Delta R - 2\sigma^2/R_{eff} - \frac{2}{3} p^2 C_3)}

    the form of larch and IFEFFIT, with :math:`q` the wavenumber after the shift of E0.

    Parameters
    ----------
    path
        The path.
    k
        Wavenumbers in Å⁻¹ from the data's e0, shape (K,).
    s02
        Amplitude reduction.
    sigma2
        Mean-square disorder of the half length in Å².
    delta_e0
        Shift of e0 in eV.
    delta_r
        Change of the half length in Å.
    third, fourth
        Third and fourth cumulant in Å³ and Å⁴.
    degeneracy
        Instead of the path's own.
    """
    from scipy.interpolate import make_interp_spline

    shifted = k**2 - delta_e0 / HBAR2_OVER_2M
    shifted = np.where(np.abs(shifted) < 1e-6, 1e-6, shifted)
    q = np.sign(shifted) * np.sqrt(np.abs(shifted))
    columns = np.stack([path.phase, path.amplitude, path.p, path.mean_free_path], axis=1)
    phase, amplitude, real_p, mean_free_path = make_interp_spline(path.k, columns, k=3)(q).T
    p2 = (real_p + 1j / mean_free_path) ** 2
    p = np.sqrt(p2)
    damping = -2 * path.reff * p.imag - 2 * p2 * (sigma2 - p2 * fourth / 3)
    turning = 2 * q * path.reff + phase
    turning = turning + 2 * p * (delta_r - 2 * sigma2 / path.reff - 2 * p2 * third / 3)
    number = path.degeneracy if degeneracy is None else degeneracy
    chi = number * s02 * amplitude * np.exp(damping + 1j * turning)
    chi = chi / (q * (path.reff + delta_r) ** 2)
    if chi.size > 2:
        # At k = 0 the equation divides by zero; its neighbours continue it.
        chi[0] = 2 * chi[1] - chi[2]
    return np.asarray(chi.imag)


def sum_paths(
    paths: Sequence[ScatteringPath],
    k: Array,
    *,
    s02: float = 1.0,
    sigma2: float | Sequence[float] = 0.003,
    delta_e0: float = 0.0,
    delta_r: float | Sequence[float] = 0.0,
    scale: float | Sequence[float] = 1.0,
) -> Array:
    """Return χ(k) of the sum of paths.

    Parameters
    ----------
    paths
        The paths.
    k
        Wavenumbers in Å⁻¹, shape (K,).
    s02, delta_e0
        As in `path_chi`, for all paths.
    sigma2, delta_r, scale
        One number for all paths, or one a path; `scale` multiplies the path's degeneracy.

    Raises
    ------
    BadInput
        No paths, or not one number a path.
    """
    if not paths:
        raise BadInput("there are no paths to add", expected="at least one")
    count = len(paths)
    columns = []
    for name, values in (("sigma2", sigma2), ("delta_r", delta_r), ("scale", scale)):
        column = np.asarray(values, dtype=float)
        if column.ndim and column.shape != (count,):
            raise BadInput(f"{name} has {column.size} values for {count} paths")
        columns.append(np.broadcast_to(column, (count,)))
    total = np.zeros(np.shape(k))
    for path, s2, dr, factor in zip(paths, *columns, strict=True):
        total += path_chi(
            path,
            k,
            s02=s02,
            sigma2=float(s2),
            delta_e0=delta_e0,
            delta_r=float(dr),
            degeneracy=path.degeneracy * float(factor),
        )
    return total
