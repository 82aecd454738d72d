"""Peaks before and at the edge over a step and a stated baseline, alone or over a series."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from xorder.errors import BadInput
from xorder.fitting import FitResult, fit
from xorder.results import Result, recorded
from xorder.xas.line_shapes import Peak, Step
from xorder.xas.near_edge_model import BASELINES, NearEdgeFit, NearEdgeObjective
from xorder.xas.normalization import Normalized
from xorder.xas.xanes import label, listed

__all__ = ["NearEdgeSeries", "fit_near_edge"]


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class NearEdgeSeries(Result):
    """One fit of several spectra that share parameters. Falsy where the fit failed."""

    fits: tuple[NearEdgeFit, ...] = ()
    """One a spectrum, in the order given."""
    shared: tuple[str, ...] = ()
    """Names of the parameters that all spectra share."""
    fit: FitResult
    """The joint fit."""
    messages: tuple[str, ...] = ()
    """What a user must know, one sentence each."""

    def __bool__(self) -> bool:
        return self.fit.success


@recorded
def fit_near_edge(
    spectra: Normalized | Sequence[Normalized],
    *,
    peaks: Sequence[Peak],
    step: Step | None = None,
    baseline: Literal["none", "constant", "linear"] = "none",
    e_range: tuple[float, float] = (-15.0, 25.0),
    shared: Sequence[str] = (),
) -> NearEdgeSeries:
    """Fit peaks over an edge step and a baseline to one spectrum or jointly to several.

    The normalized spectrum (not flattened) is fitted at its measured points, weighted by its
    standard errors where it has them. Parameters are ``center_1 height_1 fwhm_1 eta_1`` of each
    peak, ``step_center step_width step_height``, and ``baseline_0 baseline_1`` (per eV from the
    middle of the range). Standard errors are scaled by the residual and count independent points:
    points over the autocorrelation time of the residual. Heights and areas are in units of the edge
    step; the error of the step itself is not in them.

    Parameters
    ----------
    spectra
        A normalized spectrum, or several of one edge.
    peaks
        Peaks with start values, the same for every spectrum.
    step
        The edge step; None fits none, for a pre-edge below the rise.
    baseline
        ``"none"``, ``"constant"`` or ``"linear"`` (in energy), added to the step.
    e_range
        Range in eV relative to each spectrum's e0.
    shared
        Names of parameters, with ``*`` wildcards, that all spectra share, such as ``("fwhm_*",)``.

    Returns
    -------
    :
        One `NearEdgeFit` a spectrum (`fits[0]` for one alone) and the joint fit. Falsy where no
        minimum was reached.

    Raises
    ------
    BadInput
        Spectra that are not normalized, no peaks, peaks outside the range, an unknown baseline, a
        shared name that no parameter has, or more variables than independent points.
    """
    items = listed([spectra] if isinstance(spectra, Normalized) else spectra, "spectra")
    normalized = tuple(item for item in items if isinstance(item, Normalized))
    _check_model(peaks, baseline)
    names = _shared_names(peaks, step, baseline, shared)
    objectives = [
        NearEdgeObjective(
            item, tuple(peaks), step, baseline, e_range, "" if len(items) == 1 else f"_s{i}", names
        )
        for i, item in enumerate(normalized, start=1)
    ]
    for objective in objectives:
        objective.check_size()
    first = fit(objectives)
    for objective, residual, item in zip(objectives, first.residual, normalized, strict=True):
        objective.count(residual, item)
    found = fit(objectives, first.parameters) if first.success else first
    fits = tuple(
        objective.result(found, item, label(item, i))
        for i, (objective, item) in enumerate(zip(objectives, normalized, strict=True))
    )
    messages = dict.fromkeys(message for one in fits for message in one.messages)
    return NearEdgeSeries(fits=fits, shared=names, fit=found, messages=tuple(messages))


def _check_model(peaks: Any, baseline: str) -> None:
    if isinstance(peaks, Peak) or not isinstance(peaks, Sequence):
        raise BadInput(f"peaks is a {type(peaks).__name__}", expected="a list of xas.Peak")
    if not peaks:
        raise BadInput("there is no peak", expected="at least one xas.Peak")
    for i, peak in enumerate(peaks, start=1):
        if not isinstance(peak, Peak):
            raise BadInput(f"peak {i} is a {type(peak).__name__}", expected="an xas.Peak")
    if baseline not in BASELINES:
        raise BadInput(f"baseline is {baseline!r}", expected=", ".join(BASELINES))


def _shared_names(
    peaks: Sequence[Peak], step: Step | None, baseline: str, shared: Sequence[str]
) -> tuple[str, ...]:
    names = [f"{kind}_{i}" for i in range(1, len(peaks) + 1) for kind in ("center", "height")]
    names += [f"fwhm_{i}" for i in range(1, len(peaks) + 1)]
    names += [f"eta_{i}" for i, p in enumerate(peaks, start=1) if p.shape == "pseudo_voigt"]
    names += ["step_center", "step_width", "step_height"] if step is not None else []
    names += [f"baseline_{i}" for i in range(BASELINES.index(baseline))]
    patterns = [shared] if isinstance(shared, str) else list(shared)
    for pattern in patterns:
        if not fnmatch.filter(names, pattern):
            raise BadInput(
                f"shared names {pattern!r}, which no parameter is", expected=", ".join(names)
            )
    return tuple(n for n in names if any(fnmatch.fnmatch(n, pattern) for pattern in patterns))
