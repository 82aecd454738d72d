"""What is left of the atomic background in χ(k), as a spline that a shell fit refines."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from xorder.errors import BadInput
from xorder.fitting import FitResult
from xorder.parameters import Parameter
from xorder.results import Array
from xorder.xas.shell_spaces import FitSpace

__all__ = ["background_names", "background_shares", "background_splines", "spline_parameters"]

#: A cubic spline has at least these coefficients.
FEWEST = 4

#: Begins the names of the coefficients, after the spectrum's own prefix.
_NAME = "background_"


def background_splines(space: FitSpace, k: Array) -> Array:
    r"""Return the splines that follow oscillations below `background_r`, shape (K, splines).

    Cubic B-splines on even knots over the fitted range of k and the slopes of its window,
    :math:`1 + 2 R \Delta k / \pi` of them as in AUTOBK (Newville et al., Phys. Rev. B 47, 14126,
    1993): as many as the range below R adds independent points.

    Raises
    ------
    BadInput
        A range so low or so short that it takes no spline.
    """
    if space.background_r == 0.0:
        return np.zeros((k.size, 0))
    from scipy.interpolate import BSpline

    low, high = space.k_range
    count = 1 + int(2.0 * space.background_r * (high - low) / math.pi)
    if count < FEWEST:
        raise BadInput(
            f"below {space.background_r:g} Å there is room for {count} coefficients of a "
            "background",
            expected=f"at least {FEWEST}: a longer k_range or an r_range that begins higher",
        )
    slope = 0.0 if space.space == "k" else 0.5 * space.dk
    start, end = max(0.0, low - slope), min(float(k[-1]), high + slope)
    knots = np.linspace(start, end, count - 2)
    every = np.concatenate([[start] * 3, knots, [end] * 3])
    inside = np.clip(k, start, end)
    return np.asarray(BSpline.construct_fast(every, np.eye(count), 3)(inside))


def spline_parameters(count: int, prefix: str) -> list[Parameter]:
    """Return the coefficients of a spectrum's splines, from nothing."""
    return [Parameter(name=f"{prefix}{_NAME}{i + 1}", value=0.0) for i in range(count)]


def background_names(names: Sequence[str]) -> tuple[str, ...]:
    """Return those of the names that are coefficients of a background."""
    return tuple(name for name in names if _NAME in name)


def background_shares(fit: FitResult) -> tuple[tuple[str, float], ...]:
    r"""Return each other parameter's multiple correlation with the background, the largest first.

    :math:`\sqrt{c^T C^{-1} c / v}`, with C the covariance of the coefficients, c theirs with the
    parameter and v its variance: 0 where the background does not matter, 1 where the parameter
    could not be told from it.
    """
    splines = set(background_names(fit.var_names))
    known = np.isfinite(np.diag(fit.covar))
    own = [i for i, name in enumerate(fit.var_names) if name in splines and known[i]]
    if not own:
        return ()
    within = fit.covar[np.ix_(own, own)]
    shares = []
    for i, name in enumerate(fit.var_names):
        if name in splines or not known[i]:
            continue
        across = fit.covar[own, i]
        square = float(across @ np.linalg.lstsq(within, across, rcond=None)[0]) / fit.covar[i, i]
        shares.append((name, math.sqrt(min(max(square, 0.0), 1.0))))
    return tuple(sorted(shares, key=lambda share: -share[1]))
