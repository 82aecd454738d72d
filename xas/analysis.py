"""Files of one sample to its numbers: read, merge, normalize, subtract, transform."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from xorder.errors import BadInput, DataWarning
from xorder.results import Number, Result, recorded
from xorder.xas.background import Exafs, subtract_background
from xorder.xas.normalization import Normalized, normalize
from xorder.xas.options import XasRecipe
from xorder.xas.photoelectron import edge as tabulated_edge
from xorder.xas.readers.athena import athena_settings
from xorder.xas.readers.channels import parse_columns
from xorder.xas.readers.files import read
from xorder.xas.spectrum import Spectrum, merge
from xorder.xas.transforms import Transform, TransformPeak, transform_peak, transform_to_r
from xorder.xas.wavelets import (
    WaveletMaximum,
    WaveletMean,
    Wavelets,
    transform_to_wavelets,
    wavelet_maximum,
    wavelet_mean,
)

__all__ = ["XasAnalysis", "analyse", "analyse_spectrum"]

#: Shorter data (Å⁻¹) are near-edge scans, unless the recipe asks for a range of k.
SHORTEST_EXAFS = 6.0

_SPREAD = "standard error: spread over reasonable normalization ranges"
_NOISE = "standard error: white noise of χ(k); not phase-corrected"


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class XasAnalysis(Result):
    """Everything one sample's absorption spectrum gave."""

    name: str
    """Name of the sample."""
    simulated: bool
    """True where the data are calculated."""
    spectrum: Spectrum
    """The (merged) spectrum."""
    normalized: Normalized
    """The normalized spectrum."""
    exafs: Exafs | None = None
    """The oscillations; None for a near-edge scan."""
    transform: Transform | None = None
    """χ(R); None for a near-edge scan."""
    first_shell: TransformPeak | None = None
    """The first shell's peak of |χ(R)|."""
    wavelets: Wavelets | None = None
    """The wavelet map; None for a near-edge scan."""
    feature: WaveletMaximum | None = None
    """The maximum of the map in the ranges of the recipe's feature."""
    numbers: tuple[Number, ...] = ()
    """Rows of the summary."""
    messages: tuple[str, ...] = ()
    """What a user must know, one sentence each."""

    @property
    def kind(self) -> str:
        """What must agree for samples to be drawn in one figure: the edge."""
        return f"{self.normalized.element} {self.normalized.edge}".strip()

    def plot(self, ax: Any = None, **artist_kwargs: Any) -> list[Any]:
        """Draw the normalized spectrum; return the artists."""
        return self.normalized.plot(ax, **artist_kwargs)


@recorded
def analyse(
    files: Sequence[Path], recipe: XasRecipe, *, name: str = "", simulated: bool = False
) -> XasAnalysis:
    """Return the analysis of one sample.

    Parameters
    ----------
    files
        Scans of the sample, averaged as repeated scans.
    recipe
        What to do.
    name
        Name of the sample; that of the first file where empty.
    simulated
        True where the files hold calculated data.

    Raises
    ------
    BadInput
        Files or settings that cannot be used; nothing is raised for a near-edge scan, whose
        EXAFS results are None, with a message.
    """
    if not files:
        raise BadInput("there is no file to analyse", expected="at least one")
    if len(files) > 1 and not recipe.merge:
        raise BadInput(
            f"{len(files)} files for one sample, but merge is false",
            expected="one file a sample, or merge = true",
        )
    with warnings.catch_warnings():
        # Their sentences come back in the messages.
        warnings.simplefilter("ignore", DataWarning)
        spectrum = merge([_read(Path(file), recipe) for file in files])
    spectrum = replace(spectrum, simulated=spectrum.simulated or simulated)
    return analyse_spectrum(spectrum, recipe, name=name or spectrum.name)


@recorded
def analyse_spectrum(spectrum: Spectrum, recipe: XasRecipe, *, name: str = "") -> XasAnalysis:
    """Return the analysis of a spectrum in memory; arguments and errors as in `analyse`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        normalized = normalize(
            replace(spectrum, name=name or spectrum.name), **_normalization(spectrum, recipe)
        )
        exafs, reason = _exafs(normalized, recipe)
    messages = list(normalized.messages if exafs is None else exafs.messages)
    if exafs is None:
        messages.append(f"no EXAFS: {reason}")
        return XasAnalysis(
            name=normalized.name,
            simulated=spectrum.simulated,
            spectrum=spectrum,
            normalized=normalized,
            numbers=tuple(_near_edge_numbers(normalized)),
            messages=tuple(messages),
        )
    options: dict[str, Any] = {
        "k_range": recipe.k_range,
        "k_weight": recipe.k_weight,
        "window": recipe.window,
        "dk": recipe.dk,
    }
    transform = transform_to_r(exafs, r_max=recipe.r_max, **options)
    wavelets = transform_to_wavelets(
        exafs, wavelet=recipe.wavelet, rho=recipe.rho, r_range=(0.5, recipe.r_max), **options
    )
    first_shell = transform_peak(transform, r_range=recipe.first_shell)
    shell = wavelet_maximum(wavelets, r_range=recipe.first_shell)
    feature = wavelet_maximum(wavelets, r_range=recipe.feature_r, k_range=recipe.feature_k)
    box = wavelet_mean(wavelets, r_range=recipe.feature_r, k_range=recipe.feature_k)
    messages += [
        f"{what}: {found.message}"
        for what, found in (("first shell", first_shell), ("wavelet feature", feature))
        if not found.success
    ]
    if recipe.k_range is None:
        messages.append(
            f"k was transformed from {transform.k_range[0]:.2f} to {transform.k_range[1]:.2f} Å⁻¹; "
            "give one k_range for samples that are compared"
        )
    return XasAnalysis(
        name=normalized.name,
        simulated=spectrum.simulated,
        spectrum=spectrum,
        normalized=normalized,
        exafs=exafs,
        transform=transform,
        first_shell=first_shell,
        wavelets=wavelets,
        feature=feature,
        numbers=(
            *_near_edge_numbers(normalized),
            *_exafs_numbers(exafs, first_shell, shell, feature, box),
        ),
        messages=tuple(messages),
    )


def _read(path: Path, recipe: XasRecipe) -> Spectrum:
    spectrum = read(
        path,
        columns=parse_columns(recipe.columns) or None,
        mode=recipe.mode or None,
        group=_group(recipe.group),
        sort=recipe.sort,
    )
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


def _group(text: str) -> str | int | None:
    """Return a label, or the number of a group where the text is a small number."""
    return int(text) if text.isdigit() and len(text) < 3 else text or None


def _normalization(spectrum: Spectrum, recipe: XasRecipe) -> dict[str, Any]:
    settings = athena_settings(spectrum) if recipe.athena_settings else {}
    for name in ("e0", "pre_edge", "post_edge", "order"):
        value = getattr(recipe, name)
        if value is not None:
            settings[name] = value
    return {"smoothing": recipe.smoothing, "composition": recipe.composition, **settings}


def _exafs(normalized: Normalized, recipe: XasRecipe) -> tuple[Exafs | None, str]:
    """Return χ(k), or None with the reason for a near-edge scan."""
    reach = math.sqrt(max(float(normalized.energy[-1]) - normalized.e0, 0.0) / 3.81)
    if reach < SHORTEST_EXAFS and recipe.k_range is None:
        return None, f"the data end at k = {reach:.1f} Å⁻¹, a near-edge scan"
    try:
        exafs = subtract_background(
            normalized, rbkg=recipe.rbkg, k_weight=recipe.background_k_weight
        )
    except BadInput as error:
        return None, str(error)
    return exafs, ""


def _near_edge_numbers(normalized: Normalized) -> list[Number]:
    line = normalized.white_line
    given = "given, not found" if math.isnan(normalized.e0_stderr) else ""
    return [
        Number(
            name="e0",
            value=normalized.e0,
            stderr=normalized.e0_stderr,
            unit="eV",
            note=given or "standard error: spread over half and twice the smoothing",
        ),
        Number(
            name="edge_step",
            value=normalized.edge_step,
            stderr=normalized.edge_step_stderr,
            note=_SPREAD,
        ),
        Number(
            name="white_line_energy",
            value=line.energy,
            stderr=line.energy_stderr,
            unit="eV",
            note=_SPREAD,
        ),
        Number(
            name="white_line_height",
            value=line.height,
            stderr=math.hypot(line.height_stderr, _noise_at(normalized, line.energy)),
            note=_SPREAD,
        ),
        Number(
            name="white_line_area",
            value=line.area,
            stderr=line.area_stderr,
            unit="eV",
            note=f"above an arctangent step at e0, within 30 eV; {_SPREAD}",
        ),
    ]


def _exafs_numbers(
    exafs: Exafs,
    first_shell: TransformPeak,
    shell: WaveletMaximum,
    feature: WaveletMaximum,
    box: WaveletMean,
) -> list[Number]:
    ratio = feature.value / shell.value
    ratio_stderr = abs(ratio) * math.hypot(
        feature.value_stderr / feature.value, shell.value_stderr / shell.value
    )
    return [
        Number(
            name="epsilon_k",
            value=exafs.epsilon_k,
            note="from χ(R) between 15 and 30 Å; depends on the k-weight where noise grows with k",
        ),
        _number("first_shell_r", first_shell.r, first_shell.r_stderr, "Å"),
        _number("first_shell_magnitude", first_shell.magnitude, first_shell.magnitude_stderr),
        _number("wavelet_first_shell", shell.value, shell.value_stderr),
        _number("wavelet_feature_k", feature.k, feature.k_stderr, "Å⁻¹"),
        _number("wavelet_feature_r", feature.r, feature.r_stderr, "Å"),
        _number("wavelet_feature", feature.value, feature.value_stderr),
        _number("wavelet_feature_ratio", ratio, ratio_stderr),
        Number(
            name="wavelet_box_mean",
            value=box.value,
            stderr=box.stderr,
            note="mean of the map over the feature's ranges, with or without a maximum; "
            "standard error: white noise of χ(k)",
        ),
    ]


def _number(name: str, value: float, stderr: float, unit: str = "") -> Number:
    note = _NOISE if math.isfinite(value) else "there is no maximum in the range"
    return Number(name=name, value=value, stderr=stderr, unit=unit, note=note)


def _noise_at(normalized: Normalized, energy: float) -> float:
    if normalized.stderr is None or not math.isfinite(energy):
        return 0.0
    return float(np.interp(energy, normalized.energy, normalized.stderr))
