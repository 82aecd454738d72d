"""One sample's G(r) from files to numbers."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xorder.errors import BadInput, XorderWarning
from xorder.fitting import Parameter, Parameters
from xorder.freedom import cell_freedom
from xorder.pdf.boxcar import Boxcar, fit_boxcar, relative_scale
from xorder.pdf.options import PdfRecipe
from xorder.pdf.pattern import PairDistribution
from xorder.pdf.peak_areas import window_area
from xorder.pdf.readers.gr import read
from xorder.pdf.refinement import PdfFit, phase_name, refine
from xorder.results import Number, Result, recorded
from xorder.structure import Crystal

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

__all__ = ["PdfAnalysis", "analyse"]

#: What marks the phase that is the amorphous part of another.
AMORPHOUS = "_amorphous"


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class PdfAnalysis(Result):
    """What the PDF of one sample says."""

    name: str = ""
    """Name of the sample."""
    simulated: bool = False
    """True where the data are simulated."""
    measured: PairDistribution
    """G(r) as read; the mean of several files."""
    fit: PdfFit | None = None
    """Refinement over the whole range; None where the recipe names no structure."""
    boxcar: Boxcar | None = None
    """Windows along r; None where the recipe wants none."""
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
    """Analyse the G(r) of one sample as the recipe says.

    Parameters
    ----------
    files
        G(r) files of the sample; several, on one grid, are averaged.
    recipe
        Phases, range, what is refined.
    name
        Name of the sample; the first file's stem where empty.
    simulated
        True where the files hold simulated data; what a file says of itself counts too.

    Raises
    ------
    BadInput
        Where a file, a structure or the recipe cannot be used. A fit that fails is a result.
    """
    measured = _measured(files, name)
    simulated = simulated or measured.simulated
    measured = replace(measured, simulated=simulated)
    messages: list[str] = []
    fit = boxcar = None
    if recipe.structures:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", XorderWarning)
            crystals = _crystals(recipe.structures)
        messages += [str(warning.message) for warning in caught]
        high = min(recipe.r_max, float(measured.r[-1]))
        if high < recipe.r_max:
            messages.append(f"the data end at {high:g} Å, before r_max = {recipe.r_max:g} Å")
        r_range = (recipe.r_min, high)
        if recipe.qdamp is None and not math.isfinite(measured.qdamp) and not recipe.refine_qdamp:
            messages.append(
                "the file gives no qdamp, so 0.04 Å⁻¹ was taken: give it from a standard or set "
                "refine_qdamp = true"
            )
        fit = _fit(measured, crystals, recipe, r_range)
        messages += fit.messages
        if recipe.boxcar:
            boxcar, more = _boxcar(measured, crystals, recipe, r_range, fit)
            messages += more
    else:
        messages.append("no structure is named, so nothing was refined")
    return PdfAnalysis(
        name=measured.name,
        simulated=simulated,
        measured=measured,
        fit=fit,
        boxcar=boxcar,
        numbers=(*_numbers(fit, boxcar), *_window_numbers(measured, recipe)),
        messages=tuple(dict.fromkeys(messages)),
    )


def _measured(files: Sequence[Path], name: str) -> PairDistribution:
    if not files:
        raise BadInput("no file was given", expected="at least one G(r) file")
    patterns = [read(path, name=name) for path in files]
    first = patterns[0]
    if len(patterns) == 1:
        return first
    for other in patterns[1:]:
        if other.r.shape != first.r.shape or np.abs(other.r - first.r).max() > 1e-4:
            raise BadInput(
                f"its r ({other.r[0]:g} to {other.r[-1]:g} Å, {other.r.size} points) differs from "
                f"that of {first.source}",
                expected="files of one sample on one grid",
                source=other.source,
            )
    errors = [p.stderr for p in patterns if p.stderr is not None]
    stderr = None
    if len(errors) == len(patterns):
        stderr = np.sqrt(np.sum(np.square(errors), axis=0)) / len(errors)
    return replace(
        first, gr=np.mean([p.gr for p in patterns], axis=0), stderr=stderr, provenance=None
    )


def _crystals(structures: Sequence[str]) -> dict[str, Crystal]:
    from xorder.references import load

    crystals: dict[str, Crystal] = {}
    for source in structures:
        stem = _stem(source)
        if stem in crystals:
            raise BadInput(f"the structure {source!r} is named twice", expected="each phase once")
        crystals[stem] = load(source)
    return crystals


def _stem(source: str) -> str:
    return Path(source).stem if source.lower().endswith(".cif") else source


def _fit(
    measured: PairDistribution,
    crystals: Mapping[str, Crystal],
    recipe: PdfRecipe,
    r_range: tuple[float, float],
) -> PdfFit:
    """Refine the phases, and with them the amorphous parts the recipe names."""
    if not recipe.amorphous:
        return refine(measured, crystals, r_range=r_range, options=recipe.refinement)
    phases = dict(crystals)
    tied: list[Parameter] = []
    lengths: dict[str, float] = {}
    for source in recipe.amorphous:
        base = phase_name(_stem(source))
        name = f"{base}{AMORPHOUS}"
        phases[name] = crystals[_stem(source)]
        lengths[name] = recipe.amorphous_length
        # An amorphous part has no cell of its own to find: its shells are the crystal's, blurred.
        cell = cell_freedom(phases[name])
        tied += [
            Parameter(
                name=f"{axis}_{name}",
                value=cell.value(axis),
                expr=f"{axis}_{base}",
                unit="Å" if axis in ("a", "b", "c") else "°",
            )
            for axis in cell.names
        ]
    options = replace(recipe.refinement, amorphous=lengths)
    return refine(measured, phases, r_range=r_range, options=options, parameters=Parameters(tied))


def _boxcar(
    measured: PairDistribution,
    crystals: Mapping[str, Crystal],
    recipe: PdfRecipe,
    r_range: tuple[float, float],
    fit: PdfFit,
) -> tuple[Boxcar | None, tuple[str, ...]]:
    """Fit windows with the crystals alone: how their scales fall with r is what a box-car shows."""
    if not fit.success:
        return None, ("the box-car was not fitted because the refinement failed",)
    try:
        whole = _crystals_alone(measured, crystals, recipe, r_range, fit)
        boxcar = fit_boxcar(
            measured, crystals, width=recipe.width, step=recipe.step, r_range=r_range, whole=whole
        )
    except BadInput as error:
        return None, (f"no box-car: {error}",)
    return boxcar, boxcar.messages


def _crystals_alone(
    measured: PairDistribution,
    crystals: Mapping[str, Crystal],
    recipe: PdfRecipe,
    r_range: tuple[float, float],
    fit: PdfFit,
) -> PdfFit:
    """Return the fit without amorphous parts: the scales, everything else as it was found."""
    if not recipe.amorphous:
        return fit
    alone = phase_name(next(iter(crystals))) if len(crystals) == 1 else ""
    held = [
        replace(p, name=p.name.removesuffix(f"_{alone}") if alone else p.name, vary=False)
        for p in fit.parameters.values()
        if not p.name.endswith(AMORPHOUS) and not p.name.startswith("scale")
    ]
    return refine(
        measured,
        crystals,
        r_range=r_range,
        options=recipe.refinement,
        parameters=Parameters(held),
    )


def _window_numbers(measured: PairDistribution, recipe: PdfRecipe) -> list[Number]:
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


def _numbers(fit: PdfFit | None, boxcar: Boxcar | None) -> tuple[Number, ...]:
    if fit is None:
        return ()
    numbers = _fractions(fit)
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
    if boxcar is not None:
        numbers += _boxcar_numbers(boxcar)
    return tuple(numbers)


def _note(p: Parameter, fit: PdfFit) -> str:
    """Return what a reader must know of a parameter, above all why it has no error."""
    if not fit.success or fit.fit is None:
        return "the refinement failed"
    if p.name in fit.held:
        return fit.held[p.name]
    if p.expr:
        return f"the same as {p.expr}" if p.expr.isidentifier() else f"= {p.expr}"
    if not p.vary:
        return "fixed"
    if not math.isfinite(p.stderr):
        stopped = f"{p.name} stopped at its bound" in fit.fit.flags
        return "stopped at its bound" if stopped else "not determined by the data"
    return ""


def _fractions(fit: PdfFit) -> list[Number]:
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


def _boxcar_numbers(boxcar: Boxcar) -> list[Number]:
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
