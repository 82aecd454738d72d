"""Standard errors of a shell fit: white noise of χ(k) carried through the whole fit.

Points of χ(R) at several k-weights depend on one another in a way that no count of independent
points describes: errors from (JᵀJ)⁻¹ alone miss the scatter of repeated measurements by factors of
0.7 to 1.6 (`benchmarks/xas_coverage_shell_fits.py`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from xorder.fitting import FitResult
from xorder.parameters import Parameters, Space
from xorder.results import Array
from xorder.xas.shell_objectives import ShellObjective

__all__ = ["STRONG_CORRELATION", "propagated"]

#: Pairs of parameters beyond this are named in the flags.
STRONG_CORRELATION = 0.95


def propagated(
    fit: FitResult, objectives: Sequence[ShellObjective], *, scale_covar: bool
) -> FitResult:
    r"""Return the fit with the covariance that white noise of χ(k) gives its parameters.

    To first order a fit moves by :math:`(J^T J)^{-1} J^T W n` for noise n of χ(k), where W leads
    from χ(k) to the fitted space, so that

    .. math:: C = s^2 (J^T J)^{-1} J^T W W^T J (J^T J)^{-1}

    where :math:`s^2` is one for noise of `epsilon_k`, or what the residual says it is: Σ residual²
    over its expectation for s = 1. A residual of few degrees of freedom ν says it badly; errors are
    then wider by Student's factor, so that one standard error holds 68 % (ν by Satterthwaite,
    Biometrics Bull. 2, 110, 1946).

    Parameters
    ----------
    fit
        The fit, with the covariance of independent points.
    objectives
        Its spectra.
    scale_covar
        True takes s² from the residual.
    """
    values = fit.parameters.valuesdict()
    free = np.flatnonzero(np.isfinite(np.diag(fit.covar)))
    if not fit.success or free.size == 0:
        return fit
    space = Space(fit.parameters)
    x = np.array([values[name] for name in space.names])
    chain = space.derivatives(x)
    rows = {name: i for i, name in enumerate(fit.parameters)}
    normal = np.zeros((free.size, free.size))
    spread = np.zeros_like(normal)
    doubled = np.zeros_like(normal)
    expected = square = fourth = 0.0
    for objective, residual in zip(objectives, fit.residual, strict=True):
        names = list(objective.parameters)
        factor = min(objective.n_independent, residual.size) / residual.size
        slopes = objective.jacobian(values, names) @ chain[[rows[name] for name in names]]
        slopes = slopes[:, free]
        normal += factor * slopes.T @ slopes
        white, squares, trace = objective.noise
        carried = factor * white @ slopes
        spread += factor * slopes.T @ carried
        doubled += factor * carried.T @ carried
        fourth += factor**2 * squares
        expected += factor * trace
        square += factor * float(np.sum(residual**2))
    scale = np.sqrt(np.diag(normal))
    inverse = np.linalg.pinv(normal / np.outer(scale, scale), rcond=1e-12) / np.outer(scale, scale)
    share = inverse @ spread
    expected -= float(np.trace(share))
    fourth += float(np.trace(share @ share) - 2.0 * np.trace(inverse @ doubled))
    noise = square / expected * _student(expected**2 / fourth) ** 2 if scale_covar else 1.0
    covar = np.full_like(fit.covar, math.nan)
    covar[np.ix_(free, free)] = noise * inverse @ spread @ inverse
    return _with_covariance(fit, covar, chain)


def _student(freedom: float) -> float:
    """Return the half width of the central 68.27 % of Student's distribution."""
    from scipy.special import stdtrit

    return float(stdtrit(max(freedom, 1.0), 0.8413447460685429))


def _with_covariance(fit: FitResult, covar: Array, chain: Array) -> FitResult:
    known = np.nan_to_num(covar)
    stderr = np.sqrt(np.clip(np.einsum("ij,jk,ik->i", chain, known, chain), 0.0, None))
    parameters = Parameters(
        replace(p, stderr=float(error) if math.isfinite(p.stderr) else math.nan)
        for p, error in zip(fit.parameters.values(), stderr, strict=True)
    )
    changed = replace(fit, covar=covar, parameters=parameters)
    with np.errstate(invalid="ignore", divide="ignore"):
        names, matrix = fit.var_names, np.nan_to_num(changed.correlation)
    strong = np.argwhere(np.triu(np.abs(matrix) > STRONG_CORRELATION, k=1))
    flags = [flag for flag in fit.flags if " correlate by " not in flag]
    flags += [f"{names[i]} and {names[j]} correlate by {matrix[i, j]:+.3f}" for i, j in strong]
    return replace(changed, flags=tuple(flags))
