"""Sizes and strains from tracked planes as a recipe says, the instrument taken out."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from xorder import references
from xorder.diffraction.instrument_resolution import (
    InstrumentResolution,
    resolution_from_profile,
    resolution_from_standard,
)
from xorder.diffraction.line_broadening import DoubleVoigt, double_voigt
from xorder.diffraction.options import DiffractionRecipe, SizeStrainRecipe
from xorder.diffraction.peak_tracking import PeakTable, track_peaks
from xorder.diffraction.peak_windows import TrackingOptions
from xorder.diffraction.readers.gsas import read_instrument
from xorder.diffraction.readers.opening import read
from xorder.diffraction.sample_widths import SampleWidths, remove_instrument
from xorder.diffraction.size_strain import (
    ScherrerSizes,
    WilliamsonHall,
    scherrer_sizes,
    williamson_hall,
)
from xorder.errors import BadInput
from xorder.results import Number, Result
from xorder.structure import Crystal

__all__ = ["WidthAnalysis", "analyse_widths", "instrument_resolution", "named_structure"]


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class WidthAnalysis(Result):
    """What the widths of one sample's planes say; None where they do not allow it."""

    resolution: InstrumentResolution
    """Widths of the instrument."""
    widths: SampleWidths | None = None
    """Widths with the instrument taken out."""
    scherrer: ScherrerSizes | None = None
    """Apparent size of each plane."""
    williamson_hall: WilliamsonHall | None = None
    """Size and strain from all separable planes."""
    double_voigt: DoubleVoigt | None = None
    """Size and strain where both broaden by Voigt functions."""
    messages: tuple[str, ...] = ()
    """What a user must know, one sentence each."""

    @property
    def numbers(self) -> tuple[Number, ...]:
        """Rows of a summary."""
        return (
            *_width_numbers(self.widths),
            *_scherrer_numbers(self.scherrer),
            *_hall_numbers(self.williamson_hall),
            *_voigt_numbers(self.double_voigt),
        )


def analyse_widths(peaks: PeakTable, crystal: Crystal, recipe: DiffractionRecipe) -> WidthAnalysis:
    """Return sizes and strains of one sample by the recipe's table ``size_strain``.

    Where a sample has too few separable lines, what they would have given is None and a message
    says why.

    Raises
    ------
    BadInput
        Where the standard cannot be used.
    """
    table = _table(recipe)
    resolution = instrument_resolution(recipe)
    try:
        widths = remove_instrument(peaks, instrument=resolution, shape=table.shape)
    except BadInput as error:
        return WidthAnalysis(resolution=resolution, messages=(f"No size or strain: {error}.",))
    messages = list(widths.messages)
    scherrer = scherrer_sizes(widths, width=table.width, shape_factor=table.shape_factor)
    hall: WilliamsonHall | None = None
    voigt: DoubleVoigt | None = None
    try:
        hall = williamson_hall(
            widths, width=table.width, shape_factor=table.shape_factor, addition=table.addition,
            crystal=crystal,
        )  # fmt: skip
        messages += hall.messages
        if table.shape == "voigt":
            voigt = double_voigt(widths)
            messages += voigt.messages
    except BadInput as error:
        messages.append(f"No Williamson–Hall line: {error}.")
    return WidthAnalysis(
        resolution=resolution,
        widths=widths,
        scherrer=scherrer,
        williamson_hall=hall,
        double_voigt=voigt,
        messages=tuple(dict.fromkeys(messages)),
    )


def named_structure(name: str, *, line_positions: bool = False) -> Crystal:
    """Return a structure under the name that the recipe gives it: of a file, its stem.

    Names within CIFs are often numbers of a database.
    """
    crystal = references.load(name, line_positions=line_positions)
    path = Path(name)
    return replace(crystal, name=path.stem) if path.is_file() else crystal


def instrument_resolution(recipe: DiffractionRecipe) -> InstrumentResolution:
    """Return the widths of the instrument from the recipe's standard or instrument file."""
    table = _table(recipe)
    path = table.standard or table.instrument
    try:
        changed = os.stat(path).st_mtime_ns
    except OSError:
        changed = 0
    return _resolution(table, recipe.wavelength, recipe.instrument_fwhm, changed)


@lru_cache(maxsize=16)
def _resolution(
    table: SizeStrainRecipe,
    wavelength: float | str | None,
    instrument_fwhm: float | None,
    _changed: int,
) -> InstrumentResolution:
    if table.instrument:
        return resolution_from_profile(read_instrument(table.instrument)[1])
    options = TrackingOptions(n_planes=table.standard_planes, instrument_fwhm=instrument_fwhm)
    lines = track_peaks(
        read(table.standard, wavelength=wavelength),
        named_structure(table.standard_structure, line_positions=True),
        options=options,
    )
    return resolution_from_standard(
        lines, method=table.resolution, standard_size=table.standard_size
    )


def _table(recipe: DiffractionRecipe) -> SizeStrainRecipe:
    if recipe.size_strain is None:
        raise BadInput("the recipe has no table size_strain", expected="[diffraction.size_strain]")
    return recipe.size_strain


def _width_numbers(widths: SampleWidths | None) -> list[Number]:
    if widths is None:
        return []
    note = f"instrument taken out, {widths.shape}"
    return [
        Number(
            name=f"{name} ({plane})", value=float(value[i]), stderr=float(stderr[i]), unit="°",
            note=note if widths.resolved[i] else f"{note}; no wider than the instrument's line",
        )
        for i, plane in enumerate(widths.plane)
        for name, value, stderr in (
            ("sample_fwhm", widths.fwhm, widths.fwhm_stderr),
            ("integral_breadth", widths.beta, widths.beta_stderr),
        )
    ]  # fmt: skip


def _scherrer_numbers(sizes: ScherrerSizes | None) -> list[Number]:
    if sizes is None:
        return []
    numbers = []
    for i, plane in enumerate(sizes.plane):
        note = f"Scherrer, K = {sizes.shape_factor:g}; strain is counted as size"
        if np.isfinite(sizes.size_limit[i]):
            note += f"; above {sizes.size_limit[i]:.3g} Å"
        if sizes.overlapped[i]:
            note += "; width of a group of lines"
        numbers.append(
            Number(
                name=f"scherrer_size ({plane})", value=float(sizes.size[i]),
                stderr=float(sizes.size_stderr[i]), unit="Å", note=note,
            )
        )  # fmt: skip
    return numbers


def _hall_numbers(hall: WilliamsonHall | None) -> list[Number]:
    if hall is None:
        return []
    note = f"Williamson–Hall, {hall.addition}, {hall.width}, {len(hall.s)} planes"
    limit = f"; above {hall.size_limit:.3g} Å" if np.isfinite(hall.size_limit) else ""
    return [
        Number(
            name="wh_size", value=hall.size, stderr=hall.size_stderr, unit="Å", note=note + limit
        ),
        Number(name="wh_strain", value=hall.strain, stderr=hall.strain_stderr, note=note),
    ]


def _voigt_numbers(voigt: DoubleVoigt | None) -> list[Number]:
    if voigt is None:
        return []
    return [
        Number(
            name="volume_size", value=voigt.volume_size, stderr=voigt.volume_size_stderr,
            unit="Å", note="double Voigt, volume-weighted column length",
        ),
        Number(
            name="area_size", value=voigt.area_size, stderr=voigt.area_size_stderr, unit="Å",
            note="double Voigt, surface-weighted column length",
        ),
        Number(
            name="strain", value=voigt.strain, stderr=voigt.strain_stderr, note="double Voigt",
        ),
    ]  # fmt: skip
