"""Windows of a box-car fitted together, neighbours tied by smoothness."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from xorder.fitting import FitResult, Objective, Parameters, fit
from xorder.pdf.objective import PdfObjective
from xorder.pdf.window_errors import WholeErrors, tied_scale_waves
from xorder.results import Array
from xorder.threads import one_thread

__all__ = ["fit_tied"]


def fit_tied(
    objectives: Sequence[PdfObjective],
    starts: Sequence[Parameters],
    *,
    smoothness: float,
    residual: float,
    share: float,
    tolerance: float,
    whole: WholeErrors | None,
) -> tuple[list[FitResult], list[Array] | None]:
    """Fit all windows at once; return the result of each under its own names.

    Second comes what each wave of the noise does to the scales of each window.

    Parameters
    ----------
    objectives, starts
        Windows and their parameters.
    smoothness
        Expected change of a parameter from window to window, relative to its largest start.
    residual
        Standard deviation of the data's points, in the units of the objectives.
    share
        Share of its data that a window does not have in common with its neighbour; only these are
        counted as independent.
    tolerance
        As in `xorder.fitting.fit`.
    whole
        Errors of the whole range; None where there are none.
    """
    windows = [
        _Window(objective, start, index, 1.0 / residual, share)
        for index, (objective, start) in enumerate(zip(objectives, starts, strict=True))
    ]
    ties = _ties(starts, smoothness)
    several: list[Objective] = [*windows, *ties]
    parameters = Parameters(p for window in windows for p in window.parameters.values())
    found = fit(several, parameters, stages=[("scale*",)], tolerance=tolerance)
    results = [window.own_result(found, i) for i, window in enumerate(windows)]
    if whole is None or not found.success:
        return results, None

    def derivatives(names: Sequence[str]) -> Array:
        return np.concatenate([tie.jacobian({}, names) for tie in ties])

    with one_thread():
        return results, tied_scale_waves(
            objectives, results, whole, share, residual, derivatives if ties else _no_ties
        )


def _no_ties(names: Sequence[str]) -> Array:
    return np.zeros((0, len(names)))


class _Window:
    """One window, its parameters numbered."""

    def __init__(
        self, inner: PdfObjective, start: Parameters, index: int, factor: float, share: float
    ) -> None:
        self.inner, self.factor, self.share = inner, factor, share
        self.own = {f"{name}_window{index}": name for name in start}
        self.parameters = Parameters(
            replace(p, name=outer, expr=_numbered(p.expr, self.own))
            for outer, p in zip(self.own, start.values(), strict=True)
        )

    @property
    def n_independent(self) -> float:
        """Independent points that the neighbour does not have."""
        return self.inner.n_independent * self.share

    def residual(self, values: Mapping[str, float]) -> Array:
        """Return (measured - calculated) / sigma, shape (points,)."""
        return self.factor * self.inner.residual(self._inner(values))

    def jacobian(self, values: Mapping[str, float], names: Sequence[str]) -> Array:
        """Return d residual / d name, shape (points, len(names))."""
        wanted = [self.own.get(name, "") for name in names]
        return self.factor * self.inner.jacobian(self._inner(values), wanted)

    def _inner(self, values: Mapping[str, float]) -> dict[str, float]:
        return {name: values[outer] for outer, name in self.own.items()}

    def own_result(self, found: FitResult, index: int) -> FitResult:
        """Return the part of the fit that is this window's, under its own names."""
        places = [i for i, name in enumerate(found.var_names) if name in self.own]
        suffix = f"_window{index}"
        flags = tuple(
            flag.replace(suffix, "")
            for flag in found.flags
            if all(word in self.own for word in flag.split() if "_window" in word)
        )
        return replace(
            found,
            parameters=Parameters(
                replace(found.parameters[outer], name=name, expr="")
                for outer, name in self.own.items()
            ),
            var_names=tuple(self.own[found.var_names[i]] for i in places),
            covar=found.covar[np.ix_(places, places)],
            nvarys=len(places),
            flags=flags,
            residual=(found.residual[index],),
        )


class _Tie:
    """The change of one parameter from window to window, over what is expected."""

    def __init__(self, names: Sequence[str], starts: Parameters, expected: float) -> None:
        self.names, self.expected = list(names), expected
        self.parameters = starts

    @property
    def n_independent(self) -> float:
        """Each change is one piece of information."""
        return float(len(self.names) - 1)

    def residual(self, values: Mapping[str, float]) -> Array:
        """Return the changes over the expected one, shape (windows - 1,)."""
        return np.diff([values[name] for name in self.names]) / self.expected

    def jacobian(self, values: Mapping[str, float], names: Sequence[str]) -> Array:
        """Return d residual / d name, shape (windows - 1, len(names))."""
        slopes = np.diff(np.eye(len(self.names)), axis=0) / self.expected
        columns = [
            slopes[:, self.names.index(name)] if name in self.names else np.zeros(len(slopes))
            for name in names
        ]
        return np.stack(columns, axis=1)


def _ties(starts: Sequence[Parameters], smoothness: float) -> list[_Tie]:
    """Return one tie for each parameter that varies in neighbouring windows."""
    ties: list[_Tie] = []
    for name in starts[0]:
        free = [i for i, start in enumerate(starts) if start[name].vary and not start[name].expr]
        if len(free) < 2:
            continue
        outer = [f"{name}_window{i}" for i in free]
        largest = max(abs(starts[i][name].value) for i in free)
        known = Parameters(
            replace(starts[i][name], name=o) for i, o in zip(free, outer, strict=True)
        )
        ties.append(_Tie(outer, known, smoothness * max(largest, math.ulp(1.0))))
    return ties


def _numbered(expr: str, own: Mapping[str, str]) -> str:
    """Return a constraint in the numbered names."""
    import re

    numbered = {name: outer for outer, name in own.items()}
    return re.sub(r"[A-Za-z_]\w*", lambda m: numbered.get(m.group(), m.group()), expr)
