"""What the samples of a series say together: a window that grows, refinements in a row."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from xorder.errors import BadInput
from xorder.fitting import Parameters
from xorder.pdf.analysis import PdfAnalysis
from xorder.pdf.analysis_fits import load_crystals, phases_of
from xorder.pdf.analysis_numbers import fit_numbers, fraction_numbers, joint_numbers
from xorder.pdf.joint import JointPdfFit, refine_jointly
from xorder.pdf.options import PdfRecipe
from xorder.pdf.pattern import PairDistribution
from xorder.pdf.peak_areas import WindowArea, window_area
from xorder.pdf.refinement import PdfFit, phase_name, refine
from xorder.results import Number, Result

__all__ = ["PdfComparison", "compare"]

#: Relative rise of Rw from which a chain of refinements ended in another minimum.
OTHER_MINIMUM = 0.005


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class PdfComparison(Result):
    """What several samples of one kind give together."""

    names: tuple[str, ...]
    """Samples, in the order of the series."""
    patterns: tuple[PairDistribution, ...] = field(repr=False)
    """G(r) of each."""
    growth: WindowArea | None = None
    """Area of one window through the series; None where the recipe names no window."""
    sequence: tuple[PdfFit, ...] = ()
    """Refinements, each from the one before; empty where the recipe wants none."""
    joint: JointPdfFit | None = None
    """All samples with one structure; None where the recipe wants none."""
    simulated: bool = False
    """True where any of the data are simulated."""
    numbers: tuple[Number, ...] = ()
    """Numbers of the whole series."""
    sample_numbers: Mapping[str, tuple[Number, ...]] = field(default_factory=dict)
    """Numbers by sample."""
    messages: tuple[str, ...] = ()
    """What a reader must know."""


def compare(analyses: Sequence[PdfAnalysis], recipe: PdfRecipe) -> PdfComparison | None:
    """Return what the samples give together, or None where the recipe asks for nothing.

    Parameters
    ----------
    analyses
        Samples with one set of phases, in the order of the series.
    recipe
        Its ``window`` is followed through the series; its ``series`` says whether the samples are
        refined once more, in a row or together.

    Raises
    ------
    BadInput
        Where the window lies outside a sample's data.
    """
    analyses = list(analyses)
    fits = [one.fit for one in analyses if one.fit is not None]
    wants_fits = recipe.series != "none" and len(fits) == len(analyses)
    if len(analyses) < 2 or not (recipe.window or wants_fits):
        return None
    names = tuple(one.name for one in analyses)
    by_sample: dict[str, list[Number]] = {name: [] for name in names}
    messages: list[str] = []
    patterns = tuple(one.measured for one in analyses)
    growth = sequence = joint = None
    if recipe.window is not None:
        growth = window_area(patterns, r_range=recipe.window)
        _growth_numbers(growth, names, by_sample)
    if wants_fits and recipe.series == "sequential":
        sequence = _in_a_row(patterns, fits, recipe, messages)
        for name, fit in zip(names, sequence, strict=True):
            by_sample[name] += [_marked(n, "sequential") for n in fit_numbers(fit)]
    shared: list[Number] = []
    if wants_fits and recipe.series == "joint":
        joint = _together(analyses, recipe)
        messages += joint.messages
        for name, fit in zip(names, joint.sets.values(), strict=True):
            by_sample[name] += [_marked(n, "joint") for n in fraction_numbers(fit)]
            note = "one structure for all; a residual, which has no error"
            by_sample[name].append(Number(name="r_w (joint)", value=fit.r_w, note=note))
        shared = [_marked(n, "joint") for n in _of_series(joint)]
    return PdfComparison(
        names=names,
        patterns=patterns,
        growth=growth,
        sequence=tuple(sequence or ()),
        joint=joint,
        simulated=any(one.simulated for one in analyses),
        numbers=tuple(shared),
        sample_numbers={name: tuple(rows) for name, rows in by_sample.items()},
        messages=tuple(dict.fromkeys(messages)),
    )


def _growth_numbers(
    growth: WindowArea, names: Sequence[str], by_sample: Mapping[str, list[Number]]
) -> None:
    low, high = growth.r_range
    for k, name in enumerate(names):
        known = math.isfinite(float(growth.growth_stderr[k]))
        by_sample[name].append(
            Number(
                name="window_growth",
                value=float(growth.growth[k]),
                stderr=float(growth.growth_stderr[k]),
                note=f"∫ r G(r) dr from {low:g} to {high:g} Å minus that of {names[0]}"
                + ("" if known else "; the files give no standard errors"),
            )
        )


def _in_a_row(
    patterns: Sequence[PairDistribution],
    alone_fits: Sequence[PdfFit],
    recipe: PdfRecipe,
    messages: list[str],
) -> list[PdfFit]:
    """Refine each sample from the values of the one before; say where the minima differ."""
    crystals, options, _ = phases_of(load_crystals(recipe.structures), recipe)
    fits: list[PdfFit] = []
    before: PdfFit | None = None
    for one, alone in zip(patterns, alone_fits, strict=True):
        if before is None or not alone.success:
            fits.append(alone)
            before = alone if alone.success else before
            continue
        known = before.parameters.valuesdict()
        start = Parameters(
            replace(p, value=min(max(known.get(p.name, p.value), p.min), p.max), stderr=math.nan)
            for p in alone.parameters.values()
        )
        span = (float(alone.r[0]), float(alone.r[-1]))
        chained = refine(one, crystals, r_range=span, options=options, parameters=start)
        if not chained.success:
            messages.append(f"{one.name}: from the sample before, the refinement failed")
            chained = alone
        elif chained.r_w > alone.r_w * (1 + OTHER_MINIMUM):
            messages.append(
                f"{one.name}: from the sample before, Rw is {chained.r_w:.4g}; alone it is "
                f"{alone.r_w:.4g}: two minima"
            )
        elif alone.r_w > chained.r_w * (1 + OTHER_MINIMUM):
            messages.append(
                f"{one.name}: from the sample before, Rw is {chained.r_w:.4g}, lower than the "
                f"{alone.r_w:.4g} found alone"
            )
        fits.append(chained)
        before = chained
    return fits


def _together(analyses: Sequence[PdfAnalysis], recipe: PdfRecipe) -> JointPdfFit:
    """Refine all samples with one structure, scales and resolution of their own."""
    crystals, options, tied = phases_of(load_crystals(recipe.structures), recipe)
    labels = [phase_name(one.name) for one in analyses]
    if len(set(labels)) < len(labels):
        raise BadInput(
            f"two samples are named alike: {labels}", expected="names that differ in letters"
        )
    spans = {
        label: (recipe.r_min, min(recipe.r_max, float(one.measured.r[-1])))
        for label, one in zip(labels, analyses, strict=True)
    }
    measured = {label: one.measured for label, one in zip(labels, analyses, strict=True)}
    parameters = Parameters(tied) if tied else None
    return refine_jointly(measured, crystals, r_range=spans, options=options, parameters=parameters)


def _of_series(joint: JointPdfFit) -> list[Number]:
    """Return what all samples share, and the residual."""
    own = tuple(f"_{name}" for name in joint.sets)
    kinds = ("scale", "qdamp", "qbroad", "r_w")
    rows = [n for n in joint_numbers(joint) if not n.name.startswith("mass_fraction")]
    return [n for n in rows if not (n.name.startswith(kinds) and n.name.endswith(own))]


def _marked(number: Number, how: str) -> Number:
    return replace(number, name=f"{number.name} ({how})")
