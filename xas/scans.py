"""Files of one sample to one prepared spectrum; files of references to theirs."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from xorder.errors import BadInput, DataWarning
from xorder.xas.alignment import align, calibrate
from xorder.xas.background import Exafs, subtract_background
from xorder.xas.fluorescence import sum_elements
from xorder.xas.normalization import Normalized, normalize
from xorder.xas.options import ExafsSteps, NormalizationSteps
from xorder.xas.photoelectron import edge as tabulated_edge
from xorder.xas.photoelectron import energy_from_k
from xorder.xas.preparation import deglitch, rebin, truncate
from xorder.xas.readers.athena import athena_settings
from xorder.xas.readers.channels import parse_columns
from xorder.xas.readers.files import read, read_elements
from xorder.xas.recipe_tables import PreparationOptions
from xorder.xas.repeats import FEWEST_SCANS, find_trends
from xorder.xas.self_absorption import correct_self_absorption
from xorder.xas.spectrum import Spectrum, merge
from xorder.xas.xanes import Measured

__all__ = ["normalized_spectrum", "read_reference", "spectrum_of_files"]

#: Between the file of a project and the group in it.
GROUP_MARK = "#"


def spectrum_of_files(files: Sequence[Path], recipe: NormalizationSteps) -> Spectrum:
    """Return the spectrum of one sample: its scans read, made ready and averaged.

    What was done to the scans stands in the messages, each removed point included.
    """
    options = recipe.prepare or PreparationOptions()
    with warnings.catch_warnings():
        # Their sentences come back in the messages.
        warnings.simplefilter("ignore", DataWarning)
        scans = [_cleaned(_read(Path(file), recipe), options) for file in files]
        messages: tuple[str, ...] = ()
        if options.align and len(scans) > 1:
            aligned = align(scans, channel=options.align)
            scans, messages = list(aligned.spectra), aligned.messages
        messages += _trends(scans, options)
        spectrum = merge(scans)
        if options.calibrate:
            spectrum = calibrate(
                spectrum,
                element=options.calibrate_element,
                edge=options.calibrate_edge,
                energy=options.calibrate_energy,
                channel=options.calibrate,
            )
        if options.rebin:
            spectrum = rebin(
                spectrum, edge_step=options.rebin_edge_step, k_step=options.rebin_k_step
            )
    return replace(spectrum, messages=(*spectrum.messages, *messages))


def normalized_spectrum(spectrum: Spectrum, recipe: NormalizationSteps) -> Normalized:
    """Return the spectrum normalized as the recipe says, free of self-absorption where it asks."""
    settings = athena_settings(spectrum) if recipe.athena_settings else {}
    for name in ("e0", "pre_edge", "post_edge", "order"):
        value = getattr(recipe, name)
        if value is not None:
            settings[name] = value
    settings |= {
        "smoothing": recipe.smoothing,
        "composition": recipe.composition,
        "method": recipe.normalization,
    }
    normalized = normalize(spectrum, **settings)
    options = recipe.prepare
    if options is None or not options.self_absorption:
        return normalized
    corrected = correct_self_absorption(
        normalized,
        composition=recipe.composition,
        angle_in=options.angle_in,
        angle_out=options.angle_out,
    )
    return normalize(corrected, **settings)


def read_reference(text: str, recipe: ExafsSteps, *, space: str = "flat") -> Measured:
    """Return a reference by file, FILE#GROUP or name, treated as the samples are.

    Ranges and order of the normalization are those of the samples; e0 and energies are its own.
    """
    file, _, group = text.partition(GROUP_MARK)
    if not Path(file).is_file() and "/" not in file and not Path(file).suffix:
        computed = _computed(file, space)
        if computed is not None:
            return computed
    own: dict[str, Any] = {"energy_shift": 0.0, "e0": None, "composition": "", "prepare": None}
    settings = replace(recipe, **own, group=group, mode="" if group else recipe.mode)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        spectrum = _read(_reference_file(file), settings)
        normalized = normalized_spectrum(spectrum, settings)
        normalized = replace(normalized, name=spectrum.name or group or Path(file).stem)
        if space != "chi":
            return normalized
        return subtract_background(
            normalized, rbkg=recipe.rbkg, k_weight=recipe.background_k_weight
        )


def _computed(name: str, space: str) -> Exafs | None:
    """Return a computed χ(k) of the library; None where the name is that of a measured spectrum."""
    from xorder import references

    found = references.load_spectrum(name)
    if found.k is None or found.chi is None:
        return None
    if space != "chi":
        raise BadInput(
            f"the reference {name} is a computed χ(k) without a near edge",
            expected='space "chi", or a measured reference',
        )
    e0 = tabulated_edge(found.element, found.edge).energy
    return Exafs(
        k=found.k,
        chi=found.chi,
        energy=energy_from_k(found.k, e0=e0),
        mu=1.0 + found.chi,
        background=np.ones_like(found.k),
        e0=e0,
        edge_step=1.0,
        epsilon_k=0.0,
        rbkg=0.0,
        k_weight=0.0,
        k_range=(float(found.k[0]), float(found.k[-1])),
        element=found.element,
        edge=found.edge,
        name=found.name,
        simulated=True,
    )


def _reference_file(name: str) -> Path:
    from xorder import references

    if Path(name).is_file():
        return Path(name)
    if "/" in name or Path(name).suffix:
        raise BadInput(
            f"there is no file {name!r}",
            expected="a file, FILE#GROUP of a project, or a name of the library of references",
        )
    return references.spectrum_file(name)


def _cleaned(spectrum: Spectrum, options: PreparationOptions) -> Spectrum:
    """Return a scan cut to its range and freed of glitches."""
    if options.energy_range is not None:
        spectrum = truncate(spectrum, low=options.energy_range[0], high=options.energy_range[1])
    if options.deglitch is not None:
        return deglitch(spectrum, threshold=options.deglitch, ranges=options.deglitch_ranges)
    if options.deglitch_ranges:
        # No scatter is this large: the given ranges alone are removed.
        return deglitch(spectrum, threshold=1e9, ranges=options.deglitch_ranges)
    return spectrum


def _read_group(path: Path, group: str, options: dict[str, Any]) -> Spectrum:
    try:
        return read(path, group=group or None, **options)
    except BadInput:
        # What is no label may be a number.
        if not group.isdigit():
            raise
        return read(path, group=int(group), **options)


def _trends(scans: Sequence[Spectrum], options: PreparationOptions) -> tuple[str, ...]:
    """Return what changes over repeated scans; nothing of scans that cannot be compared alone."""
    if not options.trends or len(scans) < FEWEST_SCANS:
        return ()
    with contextlib.suppress(BadInput):
        return find_trends(scans).messages
    return ()


def _read(path: Path, recipe: NormalizationSteps) -> Spectrum:
    options: dict[str, Any] = {
        "columns": parse_columns(recipe.columns) or None,
        "mode": recipe.mode or None,
        "sort": recipe.sort,
    }
    prepare = recipe.prepare
    if prepare is not None and (prepare.dead_time > 0 or prepare.elements_left_out):
        del options["mode"]
        spectrum = sum_elements(
            read_elements(path, **options),
            dead_time=prepare.dead_time,
            model=prepare.dead_time_model,
            leave_out=prepare.elements_left_out,
        ).spectrum
    else:
        spectrum = _read_group(path, recipe.group, options)
    element, edge = recipe.element or spectrum.element, recipe.edge or spectrum.edge
    messages = list(spectrum.messages)
    for what, said, told in (
        ("element", spectrum.element, element),
        ("edge", spectrum.edge, edge),
    ):
        if said and said != told:
            messages.append(f"{path}: the file says {what} {said}, the recipe {told}")
    if element and edge:
        tabulated_edge(element, edge)
    return replace(
        spectrum,
        energy=spectrum.energy + recipe.energy_shift,
        element=element,
        edge=edge,
        messages=tuple(messages),
    )
