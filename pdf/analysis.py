"""One sample from files to numbers: reduction, refinement, windows, peaks, model."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xorder.errors import BadInput, XorderWarning
from xorder.pdf.analysis_fits import (
    contradicted_composition,
    fading_windows,
    fit_phases,
    fit_sets,
    fit_windows,
    load_crystals,
)
from xorder.pdf.analysis_input import averaged, measured_sample
from xorder.pdf.analysis_numbers import (
    boxcar_numbers,
    fit_numbers,
    joint_numbers,
    length_numbers,
    peak_numbers,
    reduction_numbers,
    window_numbers,
)
from xorder.pdf.boxcar import Boxcar
from xorder.pdf.joint import JointPdfFit
from xorder.pdf.lengths import OrderLength
from xorder.pdf.model_analysis import ModelAnalysis, analyse_model
from xorder.pdf.options import PdfRecipe
from xorder.pdf.pattern import PairDistribution
from xorder.pdf.peak_areas import GrPeaks, fit_gr_peaks
from xorder.pdf.recipe_tables import PeakOptions
from xorder.pdf.reduction_result import Reduction
from xorder.pdf.refinement import PdfFit, phase_name
from xorder.results import Number, Result, recorded

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

    from xorder.structure import Crystal

__all__ = ["PdfAnalysis", "analyse"]


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class PdfAnalysis(Result):
    """What the PDF of one sample says."""

    name: str = ""
    """Name of the sample."""
    simulated: bool = False
    """True where the data are simulated."""
    measured: PairDistribution
    """G(r): the mean of several files, or the first of data sets refined together."""
    reductions: tuple[Reduction, ...] = ()
    """How files of intensities became G(r)."""
    fit: PdfFit | None = None
    """Refinement over the whole range; None where the recipe names no structure."""
    joint: JointPdfFit | None = None
    """Data sets refined together; `fit` is then that of the first."""
    boxcar: Boxcar | None = None
    """Windows that slide along r; None where the recipe wants none."""
    cumulative: Boxcar | None = None
    """Windows that all begin at r_min; None where the recipe wants none."""
    order: OrderLength | None = None
    """How far order reaches; None where the windows do not say."""
    peaks: GrPeaks | None = None
    """Fitted peaks; None where the recipe names none."""
    model: ModelAnalysis | None = None
    """The recipe's model beside the data."""
    numbers: tuple[Number, ...] = ()
    """Rows of the summary."""
    messages: tuple[str, ...] = ()
    """What a reader must know."""

    @property
    def kind(self) -> str:
        """What must agree for samples to be drawn in one figure: the phases."""
        return "" if self.fit is None else " ".join(self.fit.phases)

    def plot(self, ax: Axes | None = None, **artist_kwargs: Any) -> list[Artist]:
        """Draw the refinement, or G(r) where there is none; return the artists."""
        shown = self.measured if self.fit is None else self.fit
        return shown.plot(ax, **artist_kwargs)


@recorded
def analyse(
    files: Sequence[Path],
    recipe: PdfRecipe,
    *,
    name: str = "",
    simulated: bool = False,
) -> PdfAnalysis:
    """Analyse one sample as the recipe says.

    Parameters
    ----------
    files
        G(r) files of the sample, or intensities, S(Q) or F(Q), which become G(r) first. Several
        are averaged, or refined together where the recipe says ``joint``.
    recipe
        Reduction, phases, range, what is refined, windows, peaks, model.
    name
        Name of the sample; the first file's stem where empty.
    simulated
        True where the files hold simulated data; what a file says of itself counts too.

    Raises
    ------
    BadInput
        Where a file, a structure or the recipe cannot be used. A fit that fails is a result.
    """
    sample = measured_sample(files, recipe, name)
    patterns = sample.patterns if recipe.joint else (averaged(sample.patterns),)
    simulated = simulated or patterns[0].simulated
    patterns = tuple(
        replace(one, simulated=simulated, radiation=recipe.radiation or one.radiation)
        for one in patterns
    )
    measured = patterns[0]
    found = _Found(messages=list(sample.messages))
    if recipe.structures:
        _refine(found, patterns, files, recipe)
    elif recipe.peaks is None and recipe.model is None and not sample.reductions:
        found.messages.append("no structure is named, so nothing was refined")
    if recipe.peaks is not None:
        _peaks(found, measured, recipe, recipe.peaks)
    if recipe.model is not None:
        found.model = analyse_model(recipe.model, measured=measured, r_min=recipe.r_min)
        found.numbers += found.model.numbers
        found.messages += found.model.messages
    return PdfAnalysis(
        name=measured.name,
        simulated=simulated,
        measured=measured,
        reductions=sample.reductions,
        fit=found.fit,
        joint=found.joint,
        boxcar=found.boxcars[0] if found.boxcars else None,
        cumulative=found.boxcars[1] if len(found.boxcars) > 1 else None,
        order=found.order,
        peaks=found.peaks,
        model=found.model,
        numbers=(
            *reduction_numbers(sample.reductions),
            *found.numbers,
            *window_numbers(measured, recipe),
        ),
        messages=tuple(dict.fromkeys(found.messages)),
    )


class _Found:
    """What one analysis has found so far."""

    def __init__(self, *, messages: list[str]) -> None:
        self.messages = messages
        self.numbers: list[Number] = []
        self.fit: PdfFit | None = None
        self.joint: JointPdfFit | None = None
        self.boxcars: list[Boxcar] = []
        self.order: OrderLength | None = None
        self.peaks: GrPeaks | None = None
        self.model: ModelAnalysis | None = None


def _refine(
    found: _Found, patterns: Sequence[PairDistribution], files: Sequence[Path], recipe: PdfRecipe
) -> None:
    """Refine the whole range, of one or several data sets, then windows."""
    measured = patterns[0]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", XorderWarning)
        crystals = load_crystals(recipe.structures)
    found.messages += [str(warning.message) for warning in caught]
    r_range = _range(measured, recipe, found.messages)
    if recipe.qdamp is None and not math.isfinite(measured.qdamp) and not recipe.refine_qdamp:
        found.messages.append(
            "the file gives no qdamp, so 0.04 Å⁻¹ was taken: give it from a standard or set "
            "refine_qdamp = true"
        )
    if recipe.joint:
        found.fit, found.joint = _fit_joint(patterns, files, crystals, recipe, found.messages)
        found.messages += found.joint.messages
        found.numbers += joint_numbers(found.joint)
    else:
        found.fit = fit_phases(measured, crystals, recipe, r_range)
        found.messages += found.fit.messages
        found.messages += contradicted_composition(measured.composition, found.fit)
        found.numbers += fit_numbers(found.fit)
    if recipe.boxcar.fit:
        found.boxcars, more = fit_windows(measured, crystals, recipe, r_range, found.fit)
        found.messages += more
    if found.boxcars:
        found.numbers += boxcar_numbers(found.boxcars[0])
        fading = fading_windows(measured, crystals, recipe, found.boxcars[0])
        found.order, lengths = length_numbers(fading, phase_name(recipe.boxcar.phase))
        found.numbers += lengths


def _fit_joint(
    patterns: Sequence[PairDistribution],
    files: Sequence[Path],
    crystals: Mapping[str, Crystal],
    recipe: PdfRecipe,
    messages: list[str],
) -> tuple[PdfFit, JointPdfFit]:
    names = [phase_name(path.stem) for path in files]
    if len(set(names)) < len(names):
        names = [f"{name}_{k + 1}" for k, name in enumerate(names)]
    if len(names) < 2:
        raise BadInput(
            f"joint = true and {len(names)} file was given", expected="two or more data sets"
        )
    spans = {name: _range(one, recipe, messages) for name, one in zip(names, patterns, strict=True)}
    joint = fit_sets(patterns, crystals, recipe, spans)
    return joint.sets[names[0]], joint


def _range(
    measured: PairDistribution, recipe: PdfRecipe, messages: list[str]
) -> tuple[float, float]:
    """Return the range of the fit, which ends with the data."""
    high = min(recipe.r_max, float(measured.r[-1]))
    if high < recipe.r_max:
        messages.append(f"the data end at {high:g} Å, before r_max = {recipe.r_max:g} Å")
    return recipe.r_min, high


def _peaks(
    found: _Found, measured: PairDistribution, recipe: PdfRecipe, options: PeakOptions
) -> None:
    found.peaks = fit_gr_peaks(
        measured,
        centres=options.centres,
        r_range=options.fitted,
        pairs=options.pairs,
        composition=recipe.composition,
        q_max=recipe.q_max,
        density=options.density,
        reach=options.reach,
    )
    found.numbers += peak_numbers(found.peaks)
    found.messages += found.peaks.messages
