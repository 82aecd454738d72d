"""What the spectra of a series say together: differences, components, species, end members."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from xorder.errors import BadInput
from xorder.results import Number, Result, recorded
from xorder.xas.analysis import XasAnalysis
from xorder.xas.analysis_models import fitted_near_edge, jointly_fitted_shells, mixed
from xorder.xas.analysis_numbers import (
    fit_messages,
    goodness_numbers,
    prefixed,
    shell_numbers,
)
from xorder.xas.components import (
    PrincipalComponents,
    TargetTransform,
    find_components,
    transform_target,
)
from xorder.xas.curve_resolution import ResolvedSpectra, resolve_spectra
from xorder.xas.differences import (
    EdgeShift,
    SpectrumDifference,
    find_edge_shift,
    subtract_spectrum,
)
from xorder.xas.linear_combination import LinearCombinations
from xorder.xas.near_edge_peaks import NearEdgeSeries
from xorder.xas.options import XasRecipe
from xorder.xas.recipe_tables import (
    CurveResolutionOptions,
    DifferenceOptions,
    MixtureOptions,
    NearEdgeOptions,
    ShellFitOptions,
)
from xorder.xas.scans import read_reference
from xorder.xas.shell_fits import ShellFit
from xorder.xas.wavelet_maps import WaveletDifference, subtract_wavelets
from xorder.xas.xanes import Measured

__all__ = ["XasComparison", "compare"]


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class XasComparison(Result):
    """What the spectra of one edge gave together."""

    names: tuple[str, ...]
    """Names of the samples."""
    simulated: bool = False
    """True where any of the data are calculated."""
    differences: tuple[SpectrumDifference, ...] = ()
    """Each sample minus the reference sample."""
    shifts: tuple[EdgeShift, ...] = ()
    """How far each sample's edge lies above the reference sample's."""
    wavelet_differences: tuple[WaveletDifference, ...] = ()
    """Each sample's wavelet map minus the reference sample's."""
    components: PrincipalComponents | None = None
    """Principal components of the series."""
    targets: tuple[TargetTransform, ...] = ()
    """References tested as species of the series."""
    resolved: ResolvedSpectra | None = None
    """Spectra and shares of pure species."""
    mixtures: tuple[LinearCombinations, ...] = ()
    """Samples as mixtures of the series' end members."""
    near_edge: NearEdgeSeries | None = None
    """Joint fit of near-edge peaks."""
    shell_fit: ShellFit | None = None
    """Joint fit of shells."""
    numbers: tuple[Number, ...] = ()
    """Rows of the summary about the series as a whole."""
    sample_numbers: dict[str, tuple[Number, ...]]
    """Rows of the summary about each sample."""
    messages: tuple[str, ...] = ()
    """What a user must know, one sentence each."""


@dataclass(slots=True)
class _Found:
    """What the steps of a comparison leave."""

    results: dict[str, object]
    numbers: list[Number]
    of_samples: dict[str, list[Number]]
    messages: list[str]


@recorded
def compare(analyses: Sequence[XasAnalysis], recipe: XasRecipe) -> XasComparison | None:
    """Return what the samples of one edge give together, or None where the recipe asks nothing.

    Parameters
    ----------
    analyses
        The samples, in the order of the series.
    recipe
        What to do: its tables ``difference``, ``pca``, ``mcr``, ``lcf`` with end members and
        ``near_edge`` and ``fit`` with shared parameters.

    Raises
    ------
    BadInput
        Samples that are named and not there, or too few of them.
    """
    if not _asks(recipe):
        return None
    # Read once; fits are large, and nothing here asks for them.
    analyses = [replace(analysis, shell_fit=None, mixtures=None) for analysis in analyses]
    found = _Found({}, [], {a.name: [] for a in analyses}, [])
    if recipe.difference is not None:
        _differences(analyses, recipe.difference, found)
    if recipe.pca is not None or recipe.mcr is not None:
        _components(analyses, recipe, found)
    if recipe.mcr is not None:
        _species(analyses, recipe.mcr, found)
    if recipe.lcf is not None and recipe.lcf.end_members:
        _end_members(analyses, recipe.lcf, recipe, found)
    if recipe.near_edge is not None and recipe.near_edge.shared:
        _joint_peaks(analyses, recipe.near_edge, found)
    if recipe.fit is not None and recipe.fit.shared:
        _joint_shells(analyses, recipe.fit, recipe, found)
    fields: dict[str, object] = found.results
    return XasComparison(
        names=tuple(analysis.name for analysis in analyses),
        simulated=any(analysis.simulated for analysis in analyses),
        numbers=tuple(found.numbers),
        sample_numbers={name: tuple(rows) for name, rows in found.of_samples.items() if rows},
        messages=tuple(dict.fromkeys(found.messages)),
        **fields,  # type: ignore[arg-type]
    )


def _asks(recipe: XasRecipe) -> bool:
    """Return whether a recipe asks anything of the samples together."""
    tables = (recipe.difference, recipe.pca, recipe.mcr)
    return (
        any(table is not None for table in tables)
        or (recipe.lcf is not None and bool(recipe.lcf.end_members))
        or (recipe.near_edge is not None and bool(recipe.near_edge.shared))
        or (recipe.fit is not None and bool(recipe.fit.shared))
    )


def _named(analyses: Sequence[XasAnalysis], name: str, key: str) -> XasAnalysis:
    for analysis in analyses:
        if analysis.name == name:
            return analysis
    raise BadInput(
        f"{key} names the sample {name!r}, which has no result here",
        expected="one of " + ", ".join(analysis.name for analysis in analyses),
    )


def _differences(
    analyses: Sequence[XasAnalysis], options: DifferenceOptions, found: _Found
) -> None:
    first = analyses[0]
    if options.reference:
        first = _named(analyses, options.reference, "difference.reference")
    others = [analysis for analysis in analyses if analysis is not first]
    if not others:
        raise BadInput(
            "there is one sample and nothing to subtract it from", expected="two samples"
        )
    differences, shifts = [], []
    for analysis in others:
        difference = subtract_spectrum(
            analysis.normalized, first.normalized, space=options.space, e_range=options.e_range
        )
        shift = find_edge_shift(analysis.normalized, first.normalized, max_shift=options.max_shift)
        differences.append(difference)
        shifts.append(shift)
        found.of_samples[analysis.name] += _difference_numbers(difference, shift, first.name)
        found.messages += [f"{difference.name}: {text}" for text in difference.messages]
        found.messages += [f"edge shift of {analysis.name}: {text}" for text in shift.messages]
    found.results |= {"differences": tuple(differences), "shifts": tuple(shifts)}
    found.results["wavelet_differences"] = _map_differences(first, others, found)


def _map_differences(
    first: XasAnalysis, others: Sequence[XasAnalysis], found: _Found
) -> tuple[WaveletDifference, ...]:
    """Return the differences of the maps, with a message where their settings do not allow it."""
    differences = []
    for analysis in others:
        if analysis.wavelets is None or first.wavelets is None:
            continue
        try:
            differences.append(subtract_wavelets(analysis.wavelets, first.wavelets))
        except BadInput as error:
            found.messages.append(f"no difference of wavelet maps: {error}")
    return tuple(differences)


def _difference_numbers(
    difference: SpectrumDifference, shift: EdgeShift, reference: str
) -> list[Number]:
    against = f"against {reference}"
    noise = difference.absolute_area_noise
    return [
        Number(
            name="edge_shift",
            value=shift.shift,
            stderr=shift.shift_stderr,
            unit="eV",
            note=f"{against}, by least squares of the derivative",
        ),
        Number(
            name="difference_area",
            value=difference.area,
            stderr=difference.area_stderr,
            unit="eV",
            note=against,
        ),
        Number(
            name="difference_absolute_area",
            value=difference.absolute_area,
            unit="eV",
            note=f"{against}; noise alone would give {noise:.3g} eV",
        ),
    ]


def _components(analyses: Sequence[XasAnalysis], recipe: XasRecipe, found: _Found) -> None:
    options = recipe.pca
    spectra = [analysis.normalized for analysis in analyses]
    if options is None:
        # Curve resolution alone asks how many species there are, over its own range.
        assert recipe.mcr is not None  # noqa: S101 - one of the two is there
        if recipe.mcr.n_components is None:
            components = find_components(spectra, e_range=recipe.mcr.e_range)
            found.results["components"] = components
            found.numbers += components.numbers
            found.messages += components.messages
        return
    components = find_components(spectra, space=options.space, e_range=options.e_range)
    targets = [
        transform_target(
            components,
            read_reference(name, recipe, space=options.space),
            n_components=options.n_components,
        )
        for name in options.targets
    ]
    found.results |= {"components": components, "targets": tuple(targets)}
    found.numbers += [
        replace(number, note=number.note or "noise of one point that the components leave")
        for number in components.numbers
    ]
    found.numbers += [
        Number(
            name=f"spoil ({target.name})", value=target.spoil, note=f"{target.grade} as a species"
        )
        for target in targets
    ]
    found.messages += [*components.messages, *(text for t in targets for text in t.messages)]


def _species(
    analyses: Sequence[XasAnalysis], options: CurveResolutionOptions, found: _Found
) -> None:
    count = options.n_components
    components = found.results.get("components")
    if count is None and isinstance(components, PrincipalComponents):
        count = max(2, min(components.n_components, len(analyses) - 1))
        found.messages.append(
            f"the series was resolved into {count} species, as many as components"
        )
    resolved = resolve_spectra(
        [analysis.normalized for analysis in analyses],
        n_components=count or 2,
        e_range=options.e_range,
        closure=options.closure,
        max_iterations=options.max_iterations,
    )
    found.results["resolved"] = resolved
    found.messages += resolved.messages
    found.numbers.append(
        Number(
            name="lack_of_fit",
            value=resolved.lack_of_fit,
            unit="%",
            note="100 √(Σ residual² / Σ data²) of the resolved species",
        )
    )
    for row, analysis in enumerate(analyses):
        for column in range(resolved.species.size):
            low = float(resolved.concentrations_min[row, column])
            high = float(resolved.concentrations_max[row, column])
            found.of_samples[analysis.name].append(
                Number(
                    name=f"share of species {column + 1}",
                    value=float(resolved.concentrations[row, column]),
                    note=f"{low:.3f} to {high:.3f} explain the series as well",
                )
            )


def _end_members(
    analyses: Sequence[XasAnalysis], options: MixtureOptions, recipe: XasRecipe, found: _Found
) -> None:
    members = [_named(analyses, name, "lcf.end_members") for name in options.end_members]
    references = [_curve(member, options.space) for member in members]
    references += [read_reference(name, recipe, space=options.space) for name in options.references]
    fits = []
    for analysis in analyses:
        if analysis in members:
            continue
        mixtures = mixed(_curve(analysis, options.space), references, options, recipe)
        fits.append(mixtures)
        found.of_samples[analysis.name] += prefixed("mixtures", mixtures.best.numbers)
        found.messages += [f"{analysis.name}: {text}" for text in mixtures.messages]
    if not fits:
        raise BadInput("every sample is an end member", expected="samples between them")
    found.results["mixtures"] = tuple(fits)


def _curve(analysis: XasAnalysis, space: str) -> Measured:
    if space != "chi":
        return analysis.normalized
    if analysis.exafs is None:
        raise BadInput(f"{analysis.name} has no χ(k)", expected="a longer scan")
    return analysis.exafs


def _joint_peaks(analyses: Sequence[XasAnalysis], options: NearEdgeOptions, found: _Found) -> None:
    series = fitted_near_edge([analysis.normalized for analysis in analyses], options)
    found.results["near_edge"] = series
    found.messages += series.messages
    for analysis, one in zip(analyses, series.fits, strict=True):
        found.of_samples[analysis.name] += prefixed("near_edge", one.numbers)


def _joint_shells(
    analyses: Sequence[XasAnalysis], options: ShellFitOptions, recipe: XasRecipe, found: _Found
) -> None:
    spectra = []
    for analysis in analyses:
        if analysis.exafs is None:
            raise BadInput(
                f"{analysis.name} has no χ(k) to fit shells to", expected="a longer scan"
            )
        spectra.append(analysis.exafs)
    if len(spectra) < 2:
        raise BadInput("there is one sample to share parameters", expected="two samples")
    fit = jointly_fitted_shells(spectra, options, recipe)
    found.results["shell_fit"] = fit
    found.messages += fit_messages(fit)
    found.numbers += prefixed("shell_fit", goodness_numbers(fit))
    for number, analysis in enumerate(analyses):
        shells = [shell for shell in fit.shells if shell.spectrum == number]
        found.of_samples[analysis.name] += prefixed("shell_fit", shell_numbers(shells))
