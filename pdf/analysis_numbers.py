"""The numbers of an analysis: rows of the summary, each with its error or why it has none."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from xorder.errors import BadInput
from xorder.fitting import Parameter
from xorder.pdf.boxcar import Boxcar, relative_scale
from xorder.pdf.joint import JointPdfFit
from xorder.pdf.lengths import OrderLength, order_length
from xorder.pdf.options import PdfRecipe
from xorder.pdf.pattern import PairDistribution
from xorder.pdf.peak_areas import GrPeaks, window_area
from xorder.pdf.reduction_result import Reduction
from xorder.pdf.refinement import PdfFit
from xorder.results import Number

__all__ = [
    "boxcar_numbers",
    "fit_numbers",
    "fraction_numbers",
    "joint_numbers",
    "length_numbers",
    "peak_numbers",
    "reduction_numbers",
    "window_numbers",
]


def window_numbers(measured: PairDistribution, recipe: PdfRecipe) -> list[Number]:
    """Return the area of the recipe's window."""
    if recipe.window is None:
        return []
    found = window_area([measured], r_range=recipe.window)
    known = math.isfinite(float(found.stderr[0]))
    return [
        Number(
            name="window_area",
            value=float(found.area[0]),
            stderr=float(found.stderr[0]),
            note=f"∫ r G(r) dr from {recipe.window[0]:g} to {recipe.window[1]:g} Å"
            + ("" if known else "; the file gives no standard errors"),
        )
    ]


def fit_numbers(fit: PdfFit) -> list[Number]:
    """Return fractions, parameters and residual of a refinement."""
    numbers = fraction_numbers(fit)
    numbers += [
        Number(
            name=p.name,
            value=p.value if fit.success else math.nan,
            stderr=p.stderr if fit.success else math.nan,
            unit=p.unit,
            note=_note(p, fit),
        )
        for p in fit.parameters.values()
    ]
    note = "on every point of the data; a residual, which has no error"
    numbers.append(Number(name="r_w", value=fit.r_w, note=note))
    return numbers


def _note(p: Parameter, fit: PdfFit) -> str:
    """Return what a reader must know of a parameter, above all why it has no error."""
    if p.name in fit.held and fit.success:
        return fit.held[p.name]
    flags = () if fit.fit is None else fit.fit.flags
    return parameter_note(p, flags, success=fit.success)


def parameter_note(p: Parameter, flags: tuple[str, ...], *, success: bool) -> str:
    """Return why a parameter has no error, or nothing."""
    if not success:
        return "the refinement failed"
    if p.expr:
        return f"the same as {p.expr}" if p.expr.isidentifier() else f"= {p.expr}"
    if not p.vary:
        return "fixed"
    if not math.isfinite(p.stderr):
        stopped = f"{p.name} stopped at its bound" in flags
        return "stopped at its bound" if stopped else "not determined by the data"
    return ""


def fraction_numbers(fit: PdfFit) -> list[Number]:
    """Return the mass fractions, that of everything amorphous first."""
    fractions = fit.fractions
    if fractions is None:
        return []
    rows = {f"mass_fraction_{phase}": [i] for i, phase in enumerate(fit.phases)}
    amorphous = [i for i, phase in enumerate(fit.phases) if phase in fit.options.amorphous]
    if amorphous:
        rows = {"mass_fraction_amorphous": amorphous} | rows
    numbers = []
    for name, index in rows.items():
        variance = float(fractions.mass_covariance[np.ix_(index, index)].sum())
        numbers.append(
            Number(
                name=name,
                value=float(fractions.mass[index].sum()),
                stderr=math.sqrt(max(variance, 0.0)),
                note="whole range",
            )
        )
    return numbers


def boxcar_numbers(boxcar: Boxcar) -> list[Number]:
    """Return the fractions of the first and last decided window, and how the scales fell."""
    decided = np.flatnonzero(~boxcar.undecided)
    if len(decided) < 2:
        return []
    first, last = int(decided[0]), int(decided[-1])
    numbers = []
    for label, at in (("first window", first), ("last window", last)):
        for i, phase in enumerate(boxcar.phases):
            if len(boxcar.phases) > 1:
                numbers.append(
                    Number(
                        name=f"mass_fraction_{phase} ({label})",
                        value=float(boxcar.mass_fraction[at, i]),
                        stderr=float(boxcar.mass_stderr[at, i]),
                        note=f"{boxcar.r_min[at]:.1f} to {boxcar.r_max[at]:.1f} Å",
                    )
                )
    note = f"windows ending at {boxcar.r_max[last]:.1f} and {boxcar.r_max[first]:.1f} Å"
    for i, phase in enumerate(boxcar.phases):
        ratio, error = relative_scale(boxcar, i)
        name = "scale_ratio" if len(boxcar.phases) == 1 else f"scale_ratio_{phase}"
        known = math.isfinite(ratio[last]) and math.isfinite(error[last])
        numbers.append(
            Number(
                name=name,
                value=float(ratio[last]),
                stderr=float(error[last]),
                note=note if known else f"{note}; nothing of the phase in the first",
            )
        )
    return numbers


def length_numbers(boxcar: Boxcar, phase: str) -> tuple[OrderLength | None, list[Number]]:
    """Return how far the order of a phase reaches; None where the windows cannot say.

    The windows must leave the size of domains out (`fit_boxcar` with `fading`), or have been fitted
    without one: otherwise their scales do not fade.
    """
    try:
        found = order_length(boxcar, phase=phase or boxcar.phases[0])
    except BadInput:
        return None, []
    readings = {
        "half": ("centre of the window where the scale has halved", "half"),
        "zero": ("centre of the first window with nothing left", "vanish"),
        "diameter": ("of the sphere whose envelope the scales follow", "diameter"),
    }
    numbers = []
    for key, (note, word) in readings.items():
        value, stderr = getattr(found, key), getattr(found, f"{key}_stderr")
        why = "; ".join(text for text in found.messages if word in text)
        missing = f"; {why}" if why and not (math.isfinite(value) and math.isfinite(stderr)) else ""
        numbers.append(
            Number(
                name=f"order_length_{key}_{found.phase}",
                value=value,
                stderr=stderr,
                unit="Å",
                note=f"{note}{missing}",
            )
        )
    return found, numbers


def peak_numbers(peaks: GrPeaks) -> list[Number]:
    """Return position, width, area and neighbours of each peak."""
    numbers: list[Number] = []
    failed = "" if peaks else "the fit failed"
    for k in range(len(peaks.position)):
        label = peaks.pairs[k] if peaks.pairs else f"peak {k + 1}"
        if peaks.pairs.count(label) > 1:
            label += f" ({peaks.pairs[: k + 1].count(label)})"
        rows = {"position": "Å", "width": "Å", "area": ""} | (
            {"coordination": ""} if peaks.pairs else {}
        )
        for key, unit in rows.items():
            value = float(getattr(peaks, key)[k])
            stderr = float(getattr(peaks, f"{key}_stderr")[k])
            note = failed or ("" if math.isfinite(stderr) else "not determined by the data")
            if key == "coordination" and not failed:
                note = "where the scale of G(r) is absolute" + (f"; {note}" if note else "")
            numbers.append(
                Number(name=f"{key} {label}", value=value, stderr=stderr, unit=unit, note=note)
            )
    return numbers


def joint_numbers(joint: JointPdfFit) -> list[Number]:
    """Return the parameters of data sets refined together, and each set's residual."""
    numbers = [
        replace(number, name=f"{number.name} ({name})")
        for name, one in joint.sets.items()
        for number in fraction_numbers(one)
    ]
    held = {name: why for one in joint.sets.values() for name, why in one.held.items()}
    for p in joint.parameters.values():
        good = joint.success
        numbers.append(
            Number(
                name=p.name,
                value=p.value if good else math.nan,
                stderr=p.stderr if good else math.nan,
                unit=p.unit,
                note=held.get(p.name) or parameter_note(p, joint.fit.flags, success=good),
            )
        )
    note = "on every point of the data; a residual, which has no error"
    numbers += [
        Number(name=f"r_w_{name}", value=one.r_w, note=note) for name, one in joint.sets.items()
    ]
    return [*numbers, Number(name="r_w", value=joint.r_w, note=f"of all data sets; {note}")]


def reduction_numbers(reductions: tuple[Reduction, ...]) -> list[Number]:
    """Return what the reductions found, numbered where there are several."""
    numbers = []
    for k, found in enumerate(reductions):
        mark = f" (file {k + 1})" if len(reductions) > 1 else ""
        for number in found.numbers:
            note = number.note
            if not math.isfinite(number.stderr) and not note:
                note = "a measure of quality or a setting, which has no error"
            numbers.append(
                Number(
                    name=f"reduction {number.name}{mark}",
                    value=number.value,
                    stderr=number.stderr,
                    unit=number.unit,
                    note=note,
                )
            )
    return numbers
