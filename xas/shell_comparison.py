"""Which of several shell fits of the same data its numbers ask for: F-test and AIC."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xorder.errors import BadInput
from xorder.fitting import FitResult
from xorder.results import Array, Result, quantity, recorded
from xorder.xas.shell_results import ShellFit

__all__ = ["FitComparison", "compare_fits"]

#: More variables are asked for where chance explains what they gain less often than this.
SIGNIFICANT = 0.05
#: A model this much worse in AIC has essentially no support (Burnham & Anderson 2002, sect. 2.6).
NO_SUPPORT = 10.0


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class FitComparison(Result):
    """Fits of the same data, from the fewest variables to the most."""

    name: NDArray[np.str_] = quantity(dims=("name",))
    """Names of the fits."""
    nvarys: NDArray[np.int64] = quantity(dims=("name",))
    """Number of variables."""
    chisqr: Array = quantity(symbol="χ²", dims=("name",))
    """χ² over the independent points."""
    redchi: Array = quantity(symbol="χ²ᵥ", dims=("name",))
    """χ² over the degrees of freedom."""
    delta_aic: Array = quantity(symbol="ΔAIC", dims=("name",))
    """AIC above the lowest of the fits."""
    f_value: Array = quantity(symbol="F", dims=("name",))
    """F of the variables a fit has more than the one before it; NaN for the first."""
    chance: Array = quantity(dims=("name",))
    """Probability that variables without meaning gain as much; NaN for the first."""
    n_independent: float
    """Independent points of the data."""
    preferred: str
    """The fit with the most variables of which every addition was asked for."""
    messages: tuple[str, ...] = ()
    """What a user must know."""


@recorded
def compare_fits(fits: Sequence[ShellFit], *, names: Sequence[str] = ()) -> FitComparison:
    r"""Compare shell fits of the same data whose models are nested, each in the next.

    .. math:: F = \frac{(\chi^2_1 - \chi^2_2)/(p_2 - p_1)}{\chi^2_2/(N_{idp} - p_2)}

    as Hamilton (Acta Cryst. 18, 502 (1965)) tests a model with more variables; for EXAFS with the
    independent points (Downward et al., AIP Conf. Proc. 882, 129 (2007)). AIC orders models that
    are not nested too.

    Parameters
    ----------
    fits
        Two or more fits of the same data in the same range.
    names
        Names of the fits; "fit 1" and so on where empty.

    Raises
    ------
    BadInput
        Where there are fewer than two fits, one failed, or their data differ.
    """
    names = list(names) or [f"fit {i + 1}" for i in range(len(fits))]
    _check(fits, names)
    order = sorted(range(len(fits)), key=lambda i: (fits[i].fit.nvarys, -fits[i].fit.chisqr))
    found = [fits[i].fit for i in order]
    sorted_names = [names[i] for i in order]
    n = float(found[0].n_independent)
    f_value, chance = np.full(len(found), math.nan), np.full(len(found), math.nan)
    preferred = 0
    for i in range(1, len(found)):
        f_value[i], chance[i] = _f_test(found[preferred], found[i], n)
        if chance[i] < SIGNIFICANT:
            preferred = i
    aic = np.array([one.aic for one in found])
    delta = aic - aic.min()
    best = int(np.argmin(aic))
    said = []
    if best != preferred:
        said.append(
            f"AIC prefers {sorted_names[best]}, the F-test {sorted_names[preferred]}"
            + (", which has no support by AIC" if delta[preferred] > NO_SUPPORT else "")
        )
    return FitComparison(
        name=np.array(sorted_names),
        nvarys=np.array([one.nvarys for one in found]),
        chisqr=np.array([one.chisqr for one in found]),
        redchi=np.array([one.redchi for one in found]),
        delta_aic=delta,
        f_value=f_value,
        chance=chance,
        n_independent=n,
        preferred=sorted_names[preferred],
        messages=tuple(said),
    )


def _f_test(few: FitResult, many: FitResult, n: float) -> tuple[float, float]:
    """Return F of the variables that `many` has more than `few`, and its chance."""
    from scipy.stats import f

    more = many.nvarys - few.nvarys
    free = n - many.nvarys
    if more <= 0 or free <= 0:
        return math.nan, math.nan
    gain = max(few.chisqr - many.chisqr, 0.0)
    value = (gain / more) / (many.chisqr / free)
    return float(value), float(f.sf(value, more, free))


def _check(fits: Sequence[ShellFit], names: Sequence[str]) -> None:
    if len(fits) < 2 or len(names) != len(fits):
        raise BadInput(
            f"{len(fits)} fits and {len(names)} names", expected="two or more fits, a name each"
        )
    failed = [name for name, one in zip(names, fits, strict=True) if not one.fit.success]
    if failed:
        raise BadInput(f"{', '.join(failed)} failed", expected="fits that converged")
    points = {(one.fit.ndata, round(one.fit.n_independent, 6)) for one in fits}
    if len(points) > 1:
        raise BadInput(
            f"the fits have {sorted(points)} points and independent points",
            expected="fits of the same data in the same range and space",
        )
