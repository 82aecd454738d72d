"""A spectrum as a mixture of reference spectra: weights, their errors, and which mixtures hold."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from xorder.errors import BadInput
from xorder.results import Array, Result, recorded
from xorder.xas.mixtures import ZERO, LinearCombination, MixtureProblem
from xorder.xas.normalization_noise import normalization_noise
from xorder.xas.xanes import (
    Measured,
    Space,
    curve,
    curves_on,
    grid,
    label,
    listed,
    noise_root,
    point_noise,
    resolved_points,
    spline,
)

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes

__all__ = ["LinearCombinations", "fit_linear_combination"]

#: More combinations than these say nothing that a principal component analysis does not say better.
MOST_COMBINATIONS = 20_000

#: The same where each needs an iterative fit of its energy shifts.
MOST_SHIFTED = 1_000

#: Two references closer than this (relative to their size) are one and the same.
SAME = 1e-9

#: Combinations as unlikely as this to be only by chance worse than the best are worse.
UNLIKELY = 0.05


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class LinearCombinations(Result):
    """Every combination of references fitted to one spectrum, the best first."""

    ranked: tuple[LinearCombination, ...] = ()
    """Combinations by ascending reduced χ²."""
    name: str = ""
    """Name of the sample."""
    messages: tuple[str, ...] = ()
    """What a user must know, one sentence each."""

    @property
    def best(self) -> LinearCombination:
        """The combination of the lowest reduced χ²."""
        return self.ranked[0]

    @property
    def simplest(self) -> LinearCombination:
        """The fewest references that are not worse than the best beyond chance (5 %)."""
        likely = [item for item in self.ranked if item.p_value >= UNLIKELY]
        return min(likely, key=lambda item: item.nvarys)

    def __len__(self) -> int:
        return len(self.ranked)

    def to_dataframe(self) -> pandas.DataFrame:
        """Return one row a combination: weights and errors by reference, then the goodness."""
        import pandas

        rows = []
        for item in self.ranked:
            row: dict[str, Any] = {}
            for name, w, s in zip(item.names, item.weights, item.weights_stderr, strict=True):
                row[name], row[f"{name} stderr"] = float(w), float(s)
            row |= {"r_factor": item.r_factor, "redchi": item.redchi, "p_value": item.p_value}
            rows.append(row)
        frame = pandas.DataFrame(rows)
        last = ["r_factor", "redchi", "p_value"]
        frame = frame[[*(c for c in frame.columns if c not in last), *last]]
        frame.index = pandas.RangeIndex(1, len(frame) + 1, name="rank")
        return frame

    def plot(self, ax: Axes | None = None, **artist_kwargs: Any) -> list[Any]:
        """Draw the best combination on Matplotlib axes; return the artists."""
        return self.best.plot(ax, **artist_kwargs)


@recorded
def fit_linear_combination(
    sample: Measured,
    references: Sequence[Measured],
    *,
    space: Space = "flat",
    e_range: tuple[float, float] = (-20.0, 30.0),
    k_range: tuple[float, float] = (3.0, 12.0),
    k_weight: float = 2.0,
    sum_to_one: bool = True,
    max_components: int | None = None,
    all_combinations: bool = True,
    max_shift: float = 0.0,
) -> LinearCombinations:
    r"""Return the sample as mixtures of references, ranked.

    Weights are never negative. Without shifts the problem is linear and is solved exactly
    (Lawson & Hanson's non-negative least squares); with shifts the one fit of Xorder is used.
    References are brought to the sample's points by cubic splines. The covariance is
    :math:`(A^T A)^{-1} \sum r^2 / (n - p)` with the residual :math:`r`, the :math:`p` varying
    parameters and the number :math:`n` of independent points: the points in the range over the
    autocorrelation time of the residual (1 for white noise), but at least the range over the
    core-hole width. Errors therefore hold for white noise and grow where the points are
    oversampled or the references do not explain the sample. For derivatives, the noise that
    neighbours share is propagated. The noise of the pre-edge and post-edge fits of
    sample and references, which moves all points together, is added; the choice of their ranges
    is not.

    Parameters
    ----------
    sample
        A normalized spectrum; for ``space="chi"`` an `Exafs`.
    references
        Spectra of the same kind, edge and element that cover the range.
    space
        ``"flat"`` (flattened), ``"norm"``, ``"derivative"`` (of the flattened) or ``"chi"``.
    e_range
        Range in eV relative to the sample's e0; not used for ``"chi"``.
    k_range, k_weight
        Range in Å⁻¹ and power of k; used for ``"chi"`` alone.
    sum_to_one
        Whether the weights must sum to one.
    max_components
        Most references in one combination; None allows all.
    all_combinations
        Whether every subset of the references is fitted, or all of them at once only.
    max_shift
        Most eV that each reference may be moved; 0 keeps all in place.

    Returns
    -------
    :
        Combinations by reduced χ². One whose weight falls to zero is left out where the smaller
        combination is in the list. `p_value` compares each with the best by Hamilton's test (Acta
        Cryst. 18, 502, 1965; for EXAFS Downward et al., AIP Conf. Proc. 882, 129, 2007), which for
        a subset equals the F-test.

    Raises
    ------
    BadInput
        Spectra that are not normalized, no reference, one reference twice, references of another
        edge or that do not cover the range, more references than independent points, more
        combinations than are sensible.
    """
    items = listed([sample, *_references(references)], "sample and references", space=space)
    x = grid(items[0], k_range if space == "chi" else e_range)
    shift = _checked_shift(max_shift, space)
    curves = curves_on(
        x, items[1:], space=space, k_weight=k_weight, margin=shift, what="references"
    )
    names = tuple(label(item, i) for i, item in enumerate(items[1:]))
    _check_distinct(curves, names)
    sets = _subsets(len(names), max_components, all_combinations, shift > 0)
    problem = MixtureProblem(
        x=x,
        data=curves_on(x, items[:1], space=space, k_weight=k_weight)[0],
        curves=curves,
        names=names,
        splines=tuple(spline(i, space=space, k_weight=k_weight) for i in items[1:])
        if shift > 0
        else (),
        epsilon=_noise(items[0], x, space, k_weight),
        least=resolved_points(items[0], x),
        common=tuple(normalization_noise(item, x, space=space) for item in items),
        root=noise_root(items[0], x, space),
        space=space,
        sum_to_one=sum_to_one,
        max_shift=shift,
        sample=items[0].name,
        simulated=items[0].simulated,
    )
    problem.check_size(max(map(len, sets)))
    found = [problem.shifted(chosen) if shift > 0 else problem.linear(chosen) for chosen in sets]
    return _ranked(found, items[0].name, dropping=all_combinations)


def _references(references: Any) -> list[Any]:
    if not isinstance(references, Sequence) or isinstance(references, str):
        raise BadInput(f"references is a {type(references).__name__}", expected="a list of spectra")
    if not references:
        raise BadInput("there is no reference", expected="at least one reference spectrum")
    return list(references)


def _checked_shift(max_shift: float, space: str) -> float:
    if not (math.isfinite(max_shift) and 0.0 <= max_shift <= 20.0):
        raise BadInput(f"max_shift is {max_shift:g} eV", expected="0 to 20 eV")
    if max_shift > 0 and space == "chi":
        raise BadInput(
            "max_shift moves energies, but space is 'chi'",
            expected="max_shift 0; give the e0 of each spectrum to xas.normalize",
        )
    return float(max_shift)


def _check_distinct(curves: Array, names: Sequence[str]) -> None:
    size = float(np.max(np.abs(curves))) or 1.0
    for i, j in itertools.combinations(range(len(names)), 2):
        if float(np.max(np.abs(curves[i] - curves[j]))) <= SAME * size:
            raise BadInput(
                f"references {i + 1} ({names[i]}) and {j + 1} ({names[j]}) are the same spectrum",
                expected="each reference once",
            )


def _subsets(
    count: int, max_components: int | None, every: bool, shifted: bool
) -> list[tuple[int, ...]]:
    if max_components is not None and not (isinstance(max_components, int) and max_components >= 1):
        raise BadInput(f"max_components is {max_components!r}", expected="a whole number from 1")
    most = count if max_components is None else min(max_components, count)
    if not every:
        if most < count:
            raise BadInput(
                f"max_components is {most}, but all {count} references are to be fitted at once",
                expected="all_combinations=True, or no max_components",
            )
        return [tuple(range(count))]
    total = sum(math.comb(count, size) for size in range(1, most + 1))
    limit = MOST_SHIFTED if shifted else MOST_COMBINATIONS
    if total > limit:
        raise BadInput(
            f"{count} references make {total} combinations of up to {most}",
            expected=f"at most {limit}; lower max_components or leave references out",
        )
    return [c for size in range(1, most + 1) for c in itertools.combinations(range(count), size)]


def _noise(item: Measured, x: Array, space: str, k_weight: float) -> float:
    """Return the standard error of one point of the sample's curve in the range."""
    own, y = curve(item, space=space, k_weight=k_weight)
    if space in ("flat", "norm"):
        stderr = getattr(item, "stderr", None)
        if stderr is not None and np.any(stderr > 0):
            return float(np.sqrt(np.mean(np.interp(x, own, stderr) ** 2)))
    inside = (own >= x[0] - 1e-9) & (own <= x[-1] + 1e-9)
    return point_noise(own[inside], y[inside])


def _ranked(found: Sequence[LinearCombination], name: str, *, dropping: bool) -> LinearCombinations:
    """Return the combinations by reduced χ², all over the independent points of the closest."""
    messages: list[str] = []
    kept = [
        item
        for item in found
        if not dropping or len(item.names) == 1 or bool(np.all(item.weights > ZERO))
    ]
    if len(kept) < len(found):
        messages.append(
            f"left out, because a weight fell to zero: {len(found) - len(kept)} of {len(found)} "
            "combinations; the smaller ones without it are listed"
        )
    closest = min(kept, key=lambda item: (not item.success, item.r_factor))
    compared = [_over(item, closest.n_independent) for item in kept]
    freedom = closest.n_independent
    ordered = sorted(
        compared, key=lambda i: (not i.success, i.r_factor / max(freedom - i.nvarys, 1e-9))
    )
    best = ordered[0]
    messages += _warnings(best)
    ordered = [replace(item, p_value=_chance(item, best, freedom)) for item in ordered]
    return LinearCombinations(ranked=tuple(ordered), name=name, messages=tuple(messages))


def _over(item: LinearCombination, n_independent: float) -> LinearCombination:
    """Return the combination with its χ² over a common number of independent points."""
    chisqr = item.chisqr * n_independent / item.n_independent
    return replace(item, chisqr=chisqr, redchi=chisqr / max(n_independent - item.nvarys, 1e-9))


def _warnings(best: LinearCombination) -> list[str]:
    messages = []
    if best.redchi > 4.0:
        messages.append(
            f"the best combination misses the sample by {math.sqrt(best.redchi):.1f} times its "
            "noise: a species is missing, or normalization and energies differ"
        )
    total = float(best.weights.sum())
    if not best.sum_to_one and abs(total - 1.0) > 0.1:
        messages.append(
            f"the weights of the best combination sum to {total:.2f}: check the normalization"
        )
    if not best:
        messages.append("no combination could be fitted")
    return messages


def _chance(item: LinearCombination, best: LinearCombination, n_independent: float) -> float:
    """Return the probability that the two misfits differ by chance (Hamilton's R-factor test)."""
    from scipy.special import betainc

    better, worse = (item, best) if item.r_factor <= best.r_factor else (best, item)
    extra = max(1, len(set(better.names) - set(worse.names)))
    freedom = max(n_independent - better.nvarys, 1.0)
    if item is best or worse.r_factor <= 0.0:
        return 1.0
    return float(betainc(freedom / 2, extra / 2, better.r_factor / worse.r_factor))
