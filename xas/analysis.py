"""Files of one sample to its numbers: read, merge, normalize, subtract, transform."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from xorder.errors import BadInput, DataWarning
from xorder.results import Number, Result, recorded
from xorder.xas.analysis_models import (
    assigned,
    fitted_near_edge,
    fitted_shells,
    measured_angles,
    mixture_fit,
    phase_corrected,
)
from xorder.xas.analysis_numbers import (
    corrected_numbers,
    exafs_numbers,
    fit_messages,
    fit_numbers,
    near_edge_numbers,
    prefixed,
)
from xorder.xas.background import Exafs, subtract_background
from xorder.xas.bond_angles import BondAngles
from xorder.xas.linear_combination import LinearCombinations
from xorder.xas.near_edge_model import NearEdgeFit
from xorder.xas.normalization import Normalized
from xorder.xas.options import XasRecipe
from xorder.xas.scans import normalized_spectrum, spectrum_of_files
from xorder.xas.shell_fits import ShellFit
from xorder.xas.spectrum import Spectrum
from xorder.xas.transforms import Transform, TransformPeak, transform_peak, transform_to_r
from xorder.xas.wavelet_features import (
    WaveletMaximum,
    WaveletMean,
    wavelet_maximum,
    wavelet_mean,
)
from xorder.xas.wavelet_maps import FeatureAssignment
from xorder.xas.wavelets import Wavelets, transform_to_wavelets

__all__ = ["XasAnalysis", "analyse", "analyse_spectrum"]

#: Shorter data (Å⁻¹) are near-edge scans, unless the recipe asks for a range of k.
SHORTEST_EXAFS = 6.0


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
    corrected: Transform | None = None
    """χ(R) with a neighbour's phase taken off, where the recipe asks for it."""
    wavelets: Wavelets | None = None
    """The wavelet map; None for a near-edge scan."""
    feature: WaveletMaximum | None = None
    """The maximum of the map in the ranges of the recipe's feature."""
    box: WaveletMean | None = None
    """The mean of the map over those ranges."""
    near_edge: NearEdgeFit | None = None
    """Peaks before and at the edge, where the recipe asks for them."""
    mixtures: LinearCombinations | None = None
    """Mixtures of references, where the recipe asks for them."""
    shell_fit: ShellFit | None = None
    """Shells, where the recipe asks for them."""
    bond_angles: BondAngles | None = None
    """Bend and disorder of straight chains, where the recipe asks for them."""
    assignment: FeatureAssignment | None = None
    """Which paths of the shell fit make the feature of the map."""
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
    spectrum = spectrum_of_files(files, recipe)
    spectrum = replace(spectrum, simulated=spectrum.simulated or simulated)
    return analyse_spectrum(spectrum, recipe, name=name or spectrum.name)


@recorded
def analyse_spectrum(spectrum: Spectrum, recipe: XasRecipe, *, name: str = "") -> XasAnalysis:
    """Return the analysis of a spectrum in memory; arguments and errors as in `analyse`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        normalized = normalized_spectrum(replace(spectrum, name=name or spectrum.name), recipe)
        exafs, reason = _exafs(normalized, recipe)
    begun = XasAnalysis(
        name=normalized.name,
        simulated=spectrum.simulated,
        spectrum=spectrum,
        normalized=normalized,
        numbers=tuple(near_edge_numbers(normalized)),
        messages=normalized.messages if exafs is None else exafs.messages,
    )
    if exafs is not None:
        begun = _with_exafs(begun, exafs, recipe)
    elif reason:
        begun = replace(begun, messages=(*begun.messages, f"no EXAFS: {reason}"))
    return _with_fits(begun, recipe)


def _with_exafs(begun: XasAnalysis, exafs: Exafs, recipe: XasRecipe) -> XasAnalysis:
    """Return the analysis with χ(k), χ(R) and the wavelet map."""
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
    messages = [
        f"{what}: {found.message}"
        for what, found in (("first shell", first_shell), ("wavelet feature", feature))
        if not found.success
    ]
    if recipe.k_range is None:
        messages.append(
            f"k was transformed from {transform.k_range[0]:.2f} to {transform.k_range[1]:.2f} Å⁻¹; "
            "give one k_range for samples that are compared"
        )
    numbers = [*begun.numbers, *exafs_numbers(exafs, first_shell, shell, feature, box)]
    corrected = None
    if recipe.phase_correction:
        corrected = phase_corrected(transform, exafs, recipe.phase_correction)
        peak = transform_peak(corrected, r_range=recipe.first_shell)
        numbers += corrected_numbers(peak, corrected)
    return replace(
        begun,
        exafs=exafs,
        transform=transform,
        corrected=corrected,
        first_shell=first_shell,
        wavelets=wavelets,
        feature=feature,
        box=box,
        numbers=tuple(numbers),
        messages=(*begun.messages, *messages),
    )


def _with_fits(begun: XasAnalysis, recipe: XasRecipe) -> XasAnalysis:
    """Return the analysis with the fits that the recipe asks for."""
    found: dict[str, Any] = {}
    numbers, messages = list(begun.numbers), list(begun.messages)
    if recipe.near_edge is not None and not recipe.near_edge.shared:
        (found["near_edge"],) = fitted_near_edge(begun.normalized, recipe.near_edge).fits
    if recipe.lcf is not None and recipe.lcf.references and not recipe.lcf.end_members:
        sample = begun.normalized if recipe.lcf.space != "chi" else begun.exafs
        if sample is None:
            raise BadInput("there is no χ(k) to make of references", expected="a longer scan")
        found["mixtures"] = mixture_fit(sample, recipe.lcf, recipe)
        messages += found["mixtures"].best.messages
    if recipe.fit is not None and not recipe.fit.shared:
        if begun.exafs is None:
            raise BadInput("there is no χ(k) to fit shells to", expected="a longer scan")
        found["shell_fit"] = fitted_shells(begun.exafs, recipe.fit, recipe)
    if recipe.bond_angles is not None:
        if begun.exafs is None:
            raise BadInput("there is no χ(k) to measure bond angles in", expected="a longer scan")
        angles = measured_angles(begun.exafs, recipe.bond_angles, recipe)
        found["bond_angles"] = angles
        messages.append(f"bond angles: {angles.verdict}: {angles.message}")
    for name, result in found.items():
        if isinstance(result, BondAngles):
            numbers += prefixed(name, result.numbers)
        elif isinstance(result, ShellFit):
            numbers += prefixed(name, fit_numbers(result))
            messages += fit_messages(result)
        else:
            best = result.best if isinstance(result, LinearCombinations) else result
            numbers += prefixed(name, best.numbers)
            messages += result.messages
    found["assignment"] = assigned(begun.wavelets, begun.feature, found.get("shell_fit"))
    if found["assignment"] is not None:
        messages.append(f"wavelet feature: {found['assignment'].message}")
    return replace(begun, **found, numbers=tuple(numbers), messages=tuple(dict.fromkeys(messages)))


def _exafs(normalized: Normalized, recipe: XasRecipe) -> tuple[Exafs | None, str]:
    """Return χ(k), or None with the reason for a near-edge scan; none where it is not wanted."""
    if not recipe.exafs:
        return None, ""
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
