"""The powder patterns of one sample through a recipe: pattern, lines, tracked planes, numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from xorder.diffraction.cell_fit import CellFit, fit_cell
from xorder.diffraction.options import DiffractionRecipe
from xorder.diffraction.pattern import Pattern, cut
from xorder.diffraction.peak_tracking import PeakTable, track_peaks
from xorder.diffraction.peak_windows import TrackingOptions
from xorder.diffraction.readers.opening import read
from xorder.diffraction.recipe_fractions import FractionAnalysis, analyse_fractions
from xorder.diffraction.recipe_refinement import refine_pattern, refinement_radiation
from xorder.diffraction.recipe_sizes import WidthAnalysis, analyse_widths, named_structure
from xorder.diffraction.refinement_results import Refinement
from xorder.diffraction.reflections import Reflections, calculate_reflections
from xorder.errors import BadInput
from xorder.results import Number, Result, quantity, recorded
from xorder.structure import Crystal

__all__ = ["DiffractionAnalysis", "analyse", "refined_numbers", "sum_patterns"]

#: A mean shift above this (degrees) is said in words.
NOTABLE_SHIFT = 0.03
#: A window whose reduced χ² is above this is fitted poorly.
POOR_FIT = 5.0


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class DiffractionAnalysis(Result):
    """What the powder patterns of one sample say."""

    name: str
    """Name of the sample."""
    simulated: bool = False
    """Whether the data are simulated."""
    pattern: Pattern
    """The pattern, several scans summed."""
    reflections: Reflections
    """Lines of the structure in the range."""
    impurities: tuple[Reflections, ...] = ()
    """Lines of the impurities."""
    peaks: PeakTable
    """The tracked planes."""
    cell: CellFit | None = None
    """Cell and height of the sample from the planes; None where too few are separate."""
    sizes: WidthAnalysis | None = None
    """Sizes and strains from widths; None where the recipe has no table size_strain."""
    refinement: Refinement | None = None
    """The refined pattern; None where the recipe has no table refine, or refines the series."""
    fractions: FractionAnalysis | None = None
    """Weight fractions; None where the recipe has no table quantify."""
    exposure: float = 1.0
    """Monitor counts times mass in the beam, relative to the other samples."""
    order_value: float | None = None
    """Value of the variable that orders the series."""
    order_name: str = ""
    """What orders the series, with unit."""
    conductivity: float | None = quantity("S/cm", default=None)
    """Ionic conductivity."""
    numbers: tuple[Number, ...] = ()
    """Summary: planes, mean shift, cell, sizes and strains, refinement, weight fractions."""
    messages: tuple[str, ...] = ()
    """What a user must know, one sentence each."""

    @property
    def kind(self) -> str:
        """What must agree for samples to be drawn in one figure: the structure."""
        return self.reflections.name


@recorded
def analyse(
    files: Sequence[Path],
    recipe: DiffractionRecipe,
    *,
    name: str = "",
    simulated: bool = False,
) -> DiffractionAnalysis:
    """Return the analysis of one sample.

    Parameters
    ----------
    files
        Powder patterns of the sample; several are summed and must share their axis.
    recipe
        Structure, radiation, planes, windows.
    name
        Name of the sample; that of the first file where empty.
    simulated
        Whether the data are simulated.

    Raises
    ------
    BadInput
        Where files, structure or recipe cannot be used. A failed peak is a row, not an error.
    """
    if not files:
        raise BadInput("the sample has no diffraction file", expected="at least one")
    radiation = recipe.wavelength or refinement_radiation(recipe)
    scans = [read(path, wavelength=radiation, index=recipe.index) for path in files]
    simulated = simulated or any(scan.simulated for scan in scans)
    pattern = replace(sum_patterns(scans), name=name or scans[0].name, simulated=simulated)
    if recipe.two_theta is not None:
        pattern = cut(pattern, two_theta=recipe.two_theta)
    crystal = named_structure(recipe.structure, line_positions=True)
    impurities = [named_structure(one, line_positions=True) for one in recipe.impurities]
    options = TrackingOptions(
        window=recipe.window,
        tolerance=recipe.tolerance,
        instrument_fwhm=recipe.instrument_fwhm,
        max_fwhm=recipe.max_fwhm,
        n_planes=recipe.n_planes,
        uiso=recipe.uiso,
    )
    peaks = track_peaks(
        pattern, crystal, planes=recipe.planes, impurities=impurities, options=options
    )
    cell = _cell(peaks, crystal, pattern)
    sizes = analyse_widths(peaks, crystal, recipe) if recipe.size_strain else None
    refinement = fractions = None
    if recipe.refine is not None and recipe.refine.series == "each":
        refinement = refine_pattern(pattern, recipe)
        if recipe.quantify is not None:
            fractions = analyse_fractions(refinement, pattern, recipe)
    parts = [part for part in (sizes, fractions) if part is not None]
    lines = [_lines(one, pattern, recipe) for one in (crystal, *impurities)]
    return DiffractionAnalysis(
        name=pattern.name,
        simulated=simulated,
        pattern=pattern,
        reflections=lines[0],
        impurities=tuple(lines[1:]),
        peaks=peaks,
        cell=cell,
        sizes=sizes,
        refinement=refinement,
        fractions=fractions,
        exposure=recipe.exposure,
        order_value=recipe.order_value,
        order_name=recipe.order_name,
        conductivity=recipe.conductivity,
        numbers=(
            *_peak_numbers(peaks),
            _mean_shift(peaks),
            _count_lost(peaks),
            *_cell_numbers(cell),
            *(number for part in parts for number in part.numbers),
            *refined_numbers(refinement),
        ),
        messages=(
            *pattern.notes,
            *_peak_messages(peaks),
            *(text for part in parts for text in part.messages),
            *(refinement.messages if refinement is not None else ()),
        ),
    )


def refined_numbers(refinement: Refinement | None) -> list[Number]:
    """Return the rows of a refinement, named so that they are not those of single lines."""
    if refinement is None:
        return []
    return [
        replace(number, name=f"refined {number.name}", note=number.note or _without_error(number))
        for number in refinement.numbers
    ]


def _without_error(number: Number) -> str:
    """Return why a number of a refinement has no standard error."""
    if number.name == "gof":
        return "r_wp over what noise alone would give"
    return "" if math.isfinite(number.stderr) else "not refined, or not determined"


def sum_patterns(scans: Sequence[Pattern]) -> Pattern:
    """Return the sum of scans on one axis, their uncertainties added in squares.

    Raises
    ------
    BadInput
        Where the axes or the wavelengths differ.
    """
    first = scans[0]
    for scan in scans[1:]:
        same = scan.two_theta.shape == first.two_theta.shape
        if not same or np.abs(scan.two_theta - first.two_theta).max() > 1e-4:
            raise BadInput(
                f"{scan.name} has {len(scan.two_theta)} points from {scan.two_theta[0]:g} to "
                f"{scan.two_theta[-1]:g}°, {first.name} has {len(first.two_theta)} from "
                f"{first.two_theta[0]:g} to {first.two_theta[-1]:g}°",
                expected="scans of one sample on the same axis",
            )
        if scan.wavelength != first.wavelength:
            raise BadInput(
                f"{scan.name} was measured at {scan.wavelength}, {first.name} at "
                f"{first.wavelength}",
                expected="scans of one radiation",
            )
    if len(scans) == 1:
        return first
    return replace(
        first,
        intensity=np.sum([scan.intensity for scan in scans], axis=0),
        sigma=np.sqrt(np.sum([scan.sigma**2 for scan in scans], axis=0)),
        notes=(*first.notes, f"The pattern is the sum of {len(scans)} scans."),
    )


def _lines(crystal: Crystal, pattern: Pattern, recipe: DiffractionRecipe) -> Reflections:
    span = (max(0.1, float(pattern.two_theta[0])), float(pattern.two_theta[-1]))
    return calculate_reflections(
        crystal, wavelength=pattern.wavelength, two_theta=span, uiso=recipe.uiso
    )


def _peak_numbers(peaks: PeakTable) -> list[Number]:
    numbers = []
    for i, plane in enumerate(peaks.plane):
        note = str(peaks.message[i])
        if peaks.lost[i]:
            note += f"; area below {peaks.area_limit[i]:.4g} counts °"
        for key, unit in (("two_theta", "°"), ("fwhm", "°"), ("area", "counts °")):
            numbers.append(
                Number(
                    name=f"{key} ({plane})",
                    value=float(getattr(peaks, key)[i]),
                    stderr=float(getattr(peaks, f"{key}_stderr")[i]),
                    unit=unit,
                    note=note,
                )
            )
    return numbers


def _mean_shift(peaks: PeakTable) -> Number:
    found = np.flatnonzero(peaks.success)
    # Planes that coincide by symmetry are one measured position.
    _, first = np.unique(np.round(peaks.two_theta_calculated[found], 5), return_index=True)
    found = found[np.sort(first)]
    if not found.size:
        return Number(name="mean_shift", value=math.nan, unit="°", note="no plane was found")
    shift = (peaks.two_theta - peaks.two_theta_calculated)[found]
    propagated = math.sqrt(float(np.sum(peaks.two_theta_stderr[found] ** 2))) / found.size
    scatter = float(np.std(shift, ddof=1)) / math.sqrt(found.size) if found.size > 1 else 0.0
    return Number(
        name="mean_shift",
        value=float(np.mean(shift)),
        stderr=max(scatter, propagated),
        unit="°",
        note=f"measured minus calculated position, mean of {found.size} lines",
    )


def _count_lost(peaks: PeakTable) -> Number:
    return Number(
        name="planes_lost",
        value=float(np.count_nonzero(peaks.lost)),
        note=f"of {len(peaks.plane)}; a count has no standard error",
    )


def _cell(peaks: PeakTable, crystal: Crystal, pattern: Pattern) -> CellFit | None:
    """Return the cell fit where the tracked planes allow one."""
    try:
        found = fit_cell(peaks, crystal, wavelength=pattern.wavelength.wavelength)
    except BadInput:
        return None
    return found if found.fit else None


def _cell_numbers(cell: CellFit | None) -> list[Number]:
    if cell is None:
        return []
    numbers = [
        Number(name=p.name, value=p.value, stderr=p.stderr, unit=p.unit, note="from line positions")
        for p in cell.fit.parameters.values()
    ]
    worst = float(np.abs(cell.residual).max())
    return [
        *numbers,
        Number(
            name="line_residual",
            value=worst,
            unit="°",
            note=f"largest of {len(cell.residual)} lines after the cell fit; has no standard error",
        ),
    ]


def _peak_messages(peaks: PeakTable) -> list[str]:
    messages = [
        f"Plane ({plane}): {text}."
        for plane, text in zip(peaks.plane, peaks.message, strict=True)
        if text
    ]
    messages += [
        f"Plane ({plane}): the window fits poorly, reduced χ² = {redchi:.1f}."
        for plane, redchi, good in zip(peaks.plane, peaks.redchi, peaks.success, strict=True)
        if good and redchi > POOR_FIT
    ]
    shift = _mean_shift(peaks)
    if abs(shift.value) > NOTABLE_SHIFT:
        messages.append(
            f"Lines lie {shift.value:+.3f}° from where the structure puts them, on average: sample "
            "height, zero of the instrument, or a cell that is not the sample's."
        )
    return messages
