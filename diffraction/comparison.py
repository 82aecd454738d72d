"""What the samples of a series say together: joint refinements, loss of crystalline scattering."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from xorder.diffraction.analysis import DiffractionAnalysis, refined_numbers
from xorder.diffraction.options import DiffractionRecipe
from xorder.diffraction.peak_rows import DETECTED
from xorder.diffraction.recipe_fractions import FractionAnalysis, analyse_fractions
from xorder.diffraction.recipe_refinement import refine_patterns
from xorder.diffraction.refinement_results import PatternFit, Refinement
from xorder.diffraction.refinement_series import RefinementSeries
from xorder.diffraction.relative_indices import CrystallineLoss, crystalline_loss
from xorder.errors import BadInput
from xorder.results import Number, Result, recorded

__all__ = ["DiffractionComparison", "compare", "loss_numbers", "refined_loss"]


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class DiffractionComparison(Result):
    """What the patterns of one structure gave together."""

    names: tuple[str, ...]
    """Names of the samples."""
    simulated: bool = False
    """Whether any of the data are simulated."""
    order: tuple[float | None, ...] = ()
    """Value of the variable that orders the series for each sample."""
    order_name: str = ""
    """What orders the series, with unit."""
    refinements: tuple[Refinement, ...] = ()
    """Refinements of the samples one after the other, or one of all together; none where each
    sample was refined by itself."""
    fractions: tuple[FractionAnalysis, ...] = ()
    """Weight fractions of each sample, where the series was refined as one."""
    loss: CrystallineLoss | None = None
    """Crystalline scattering relative to the first sample."""
    measure: str = ""
    """What the loss is of: scales of refinements, or areas of planes."""
    numbers: tuple[Number, ...] = ()
    """Rows of the summary about the series as a whole."""
    sample_numbers: dict[str, tuple[Number, ...]]
    """Rows of the summary about each sample."""
    messages: tuple[str, ...] = ()
    """What a user must know, one sentence each."""


@recorded
def compare(
    analyses: Sequence[DiffractionAnalysis], recipe: DiffractionRecipe
) -> DiffractionComparison | None:
    """Return what the samples of one structure give together; None for a single sample.

    Parameters
    ----------
    analyses
        The samples, in the order of the series.
    recipe
        Its table ``refine`` says whether the series is refined as one.

    Raises
    ------
    BadInput
        For a series whose patterns cannot be refined together.
    """
    if len(analyses) < 2:
        return None
    names = tuple(analysis.name for analysis in analyses)
    rows: dict[str, list[Number]] = {name: [] for name in names}
    messages: list[str] = []
    numbers: list[Number] = []
    fractions: tuple[FractionAnalysis, ...] = ()
    series: tuple[Refinement, ...] = ()
    if recipe.refine is not None and recipe.refine.series != "each":
        series, said = _refined(analyses, recipe)
        messages += said
        if recipe.quantify is not None:
            fractions = _fractions(analyses, series, recipe)
        _add_numbers(rows, numbers, names, series, fractions)
    own = tuple(a.refinement for a in analyses if a.refinement is not None)
    loss, measure = _loss(analyses, series or own, messages)
    for name, number in loss_numbers(loss, measure):
        rows[name].append(number)
    return DiffractionComparison(
        names=names,
        simulated=any(analysis.simulated for analysis in analyses),
        order=tuple(analysis.order_value for analysis in analyses),
        order_name=analyses[0].order_name,
        refinements=series,
        fractions=fractions,
        loss=loss,
        measure=measure,
        numbers=tuple(numbers),
        sample_numbers={name: tuple(of_one) for name, of_one in rows.items()},
        messages=tuple(messages),
    )


def _refined(
    analyses: Sequence[DiffractionAnalysis], recipe: DiffractionRecipe
) -> tuple[tuple[Refinement, ...], list[str]]:
    """Return the refinements of the series, one of all or one each, and what they say."""
    patterns = [replace(analysis.pattern, name=analysis.name) for analysis in analyses]
    found = refine_patterns(patterns, recipe)
    if isinstance(found, RefinementSeries):
        return found.refinements, list(found.messages)
    return (found,), list(found.messages)


def _fractions(
    analyses: Sequence[DiffractionAnalysis],
    refined: Sequence[Refinement],
    recipe: DiffractionRecipe,
) -> tuple[FractionAnalysis, ...]:
    together = len(refined) == 1
    return tuple(
        analyse_fractions(
            refined[0 if together else i], analysis.pattern, recipe, index=i if together else 0
        )
        for i, analysis in enumerate(analyses)
    )


def _add_numbers(
    rows: dict[str, list[Number]],
    numbers: list[Number],
    names: Sequence[str],
    refined: Sequence[Refinement],
    fractions: Sequence[FractionAnalysis],
) -> None:
    """Add the rows of refinements: those of one sample to it, those of all to the series."""
    if len(refined) == 1:
        for number in refined_numbers(refined[0]):
            owner = next((name for name in names if number.name.endswith(f" [{name}]")), None)
            (numbers if owner is None else rows[owner]).append(
                number
                if owner is None
                else replace(number, name=number.name.removesuffix(f" [{owner}]"))
            )
    else:
        for name, one in zip(names, refined, strict=True):
            rows[name] += refined_numbers(one)
    for name, found in zip(names, fractions, strict=False):
        rows[name] += found.numbers


def _loss(
    analyses: Sequence[DiffractionAnalysis],
    refined: Sequence[Refinement],
    messages: list[str],
) -> tuple[CrystallineLoss | None, str]:
    """Return the loss of crystalline scattering, by refined scales where there are any."""
    exposures = [analysis.exposure for analysis in analyses]
    patterns = [pattern for one in refined for pattern in one.patterns]
    measure = "sum of the areas of the tracked planes"
    try:
        if len(patterns) == len(analyses) and _scaled(patterns):
            found, measure = refined_loss(refined, exposures)
        else:
            found = crystalline_loss(
                *_areas(analyses),
                samples=[analysis.name for analysis in analyses],
                exposures=_given(exposures),
            )
    except BadInput as error:
        messages.append(f"No loss of crystalline scattering: {error}.")
        return None, measure
    names = {p.name: a.name for p, a in zip(patterns, analyses, strict=False)}
    found = replace(found, sample=np.array([names.get(str(n), str(n)) for n in found.sample]))
    messages += [f"Loss by the {measure}: {text}" for text in found.messages]
    return found, measure


def refined_loss(
    refined: Sequence[Refinement], exposures: Sequence[float]
) -> tuple[CrystallineLoss, str]:
    """Return the loss by the scale of the first phase, and in words what it is a loss of.

    Raises
    ------
    BadInput
        Where scales were not refined, or the first sample's is not seen.
    """
    patterns = [pattern for one in refined for pattern in one.patterns]
    if not _scaled(patterns):
        raise BadInput("the scales have no standard errors", expected="refined scales")
    factors = [one.serial_factor for one in refined for _ in one.patterns]
    halos: list[float] | None = None
    halo_errors: list[float] | None = None
    if all(p.halo_heights and np.isfinite(p.halo_stderr).all() for p in patterns):
        halos = [math.fsum(p.halo_heights) for p in patterns]
        halo_errors = [math.hypot(*p.halo_stderr) for p in patterns]
    found = crystalline_loss(
        [p.phases[0].scale for p in patterns],
        [p.phases[0].scale_stderr * f for p, f in zip(patterns, factors, strict=True)],
        samples=[p.name for p in patterns],
        exposures=_given(exposures),
        halos=halos,
        halos_stderr=halo_errors,
    )
    return found, f"refined scale of {patterns[0].phases[0].name}"


def _scaled(patterns: Sequence[PatternFit]) -> bool:
    """Return whether the first phase has a refined scale in every pattern."""
    errors = [pattern.phases[0].scale_stderr for pattern in patterns]
    return bool(np.isfinite(errors).all() and np.min(errors, initial=1.0) > 0)


def _given(exposures: Sequence[float]) -> Sequence[float] | None:
    return None if set(exposures) == {1.0} else exposures


def _areas(analyses: Sequence[DiffractionAnalysis]) -> tuple[list[float], list[float]]:
    """Return the summed areas of the planes of each sample, with standard errors.

    A lost plane counts as none, with a third of its upper limit as standard error; a plane that
    failed in any sample is left out of all.
    """
    known = [analysis.peaks.success | analysis.peaks.lost for analysis in analyses]
    if len({len(one) for one in known}) > 1:
        return [0.0] * len(analyses), [0.0] * len(analyses)
    used = np.logical_and.reduce(known)
    sums, errors = [], []
    for analysis in analyses:
        peaks = analysis.peaks
        area = np.where(peaks.lost, 0.0, peaks.area)[used]
        limit = np.nan_to_num(peaks.area_limit) / DETECTED
        stderr = np.where(peaks.lost, limit, peaks.area_stderr)[used]
        sums.append(float(np.sum(area)))
        errors.append(float(np.sqrt(np.sum(stderr**2))))
    return sums, errors


def loss_numbers(loss: CrystallineLoss | None, measure: str) -> list[tuple[str, Number]]:
    """Return the rows of a loss with the name of the sample of each."""
    if loss is None:
        return []
    return [
        (
            str(name),
            Number(
                name="crystalline_loss", value=float(loss.loss[i]),
                stderr=float(loss.remaining_stderr[i]),
                note=f"{loss.label}; {measure}, {loss.reference} is 0; "
                f"detection limit {loss.detection_limit[i]:.2g}",
            ),
        )
        for i, name in enumerate(loss.sample)
    ]  # fmt: skip
