"""Weight fractions from a refinement as a recipe says, with the spread over the choices made."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from xorder.cif_sites import parse_formula
from xorder.diffraction.amorphous_fraction import (
    AmorphousFraction,
    Spread,
    amorphous_from_external_standard,
    amorphous_from_halo,
    amorphous_from_internal_standard,
    spread_over_choices,
)
from xorder.diffraction.calibrations import (
    Calibration,
    calibrate_external_standard,
    calibrate_halo,
)
from xorder.diffraction.options import DiffractionRecipe, QuantifyRecipe, RefineRecipe
from xorder.diffraction.pattern import Pattern
from xorder.diffraction.quantification import PhaseFractions, cell_content, weight_fractions
from xorder.diffraction.recipe_refinement import refine_pattern, refined_file
from xorder.diffraction.refinement_objective import global_name
from xorder.diffraction.refinement_options import OWN
from xorder.diffraction.refinement_results import Refinement
from xorder.diffraction.relative_indices import RelativeIndex, area_ratio_index
from xorder.errors import BadInput
from xorder.results import Array, Number, Result

__all__ = ["FractionAnalysis", "analyse_fractions"]

T = TypeVar("T")


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class FractionAnalysis(Result):
    """Weight fractions of one sample, crystalline and amorphous, and how sure they are."""

    crystalline: PhaseFractions | None = None
    """Weight fractions among the crystalline phases."""
    amorphous: tuple[AmorphousFraction, ...] = ()
    """Weight fractions of the sample, one a method."""
    spreads: tuple[Spread, ...] = ()
    """What each method gives under other choices, one a method; empty where none were tried."""
    other_choices: tuple[str, ...] = ()
    """The other choices of background and displacements that were tried."""
    other_crystalline: tuple[PhaseFractions, ...] = ()
    """Weight fractions among the crystalline phases under each other choice."""
    relative_index: RelativeIndex | None = None
    """Bragg over Bragg and halo area: a relative index, not a weight fraction."""
    messages: tuple[str, ...] = ()
    """What a user must know, one sentence each."""

    @property
    def numbers(self) -> tuple[Number, ...]:
        """Rows of a summary, fractions in wt%."""
        rows = _crystalline_numbers(self.crystalline)
        rows += _spread_numbers(self.crystalline, self.other_crystalline, self.other_choices)
        for found in self.amorphous:
            rows += _amorphous_numbers(found)
        for found, spread in zip(self.amorphous, self.spreads, strict=False):
            rows.append(
                Number(
                    name=f"amorphous over choices ({found.method})", value=100 * spread.mean,
                    stderr=100 * spread.total_stderr, unit="wt%",
                    note=f"{', '.join(spread.choice)}; half range {100 * spread.half_range:.2g}",
                )
            )  # fmt: skip
        if self.relative_index is not None:
            index = self.relative_index
            rows.append(
                Number(
                    name="bragg_area_share", value=index.index, stderr=index.stderr,
                    note=f"{index.label}; {index.two_theta[0]:g} to {index.two_theta[1]:g}°, "
                    f"{index.background}",
                )
            )  # fmt: skip
        return tuple(rows)


def analyse_fractions(
    refinement: Refinement, pattern: Pattern, recipe: DiffractionRecipe, *, index: int = 0
) -> FractionAnalysis:
    """Return the weight fractions of one pattern by the recipe's table ``quantify``.

    A method whose inputs do not fit this sample leaves a message, not an error.

    Parameters
    ----------
    refinement
        The refinement of the pattern, or of several together.
    pattern
        The pattern, refined again for other choices.
    recipe
        With tables ``refine`` and ``quantify``.
    index
        Which pattern of a joint refinement.
    """
    table = _table(recipe)
    messages: list[str] = []
    crystalline = _tried(
        lambda: _crystalline(refinement, pattern, table, index), "weight fractions", messages
    )
    found = _methods(refinement, pattern, recipe, index, messages)
    others = _others(pattern, recipe) if crystalline is not None else []
    choices = _choices(pattern, recipe, found, others)
    for method, result in found.items():
        messages += [f"{method}: {text}" for text in result.messages]
    if crystalline is not None:
        messages += crystalline.messages
    return FractionAnalysis(
        crystalline=crystalline,
        amorphous=tuple(found.values()),
        spreads=tuple(spread_over_choices(choices[method]) for method in found) if choices else (),
        other_choices=tuple(_choice(changed.refine) for changed, _ in others if changed.refine),
        other_crystalline=tuple(_crystalline(again, pattern, table, 0) for _, again in others),
        relative_index=_tried(lambda: _index(refinement, index), "relative index", messages),
        messages=tuple(messages),
    )


def _crystalline(
    refinement: Refinement, pattern: Pattern, table: QuantifyRecipe, index: int
) -> PhaseFractions:
    values, covar = _scales(refinement, index)
    return weight_fractions(
        values,
        refinement.crystals,
        covar=covar,
        wavelength=pattern.wavelength if table.grain_diameters else None,
        grain_diameters=table.grain_diameters or None,
    )


def _methods(
    refinement: Refinement,
    pattern: Pattern,
    recipe: DiffractionRecipe,
    index: int,
    messages: list[str],
) -> dict[str, AmorphousFraction]:
    """Return the amorphous fraction by each method that the recipe has the inputs of."""
    table = _table(recipe)
    wanted: list[tuple[str, Callable[[], AmorphousFraction]]] = []
    if table.internal_standard:
        wanted.append(("internal standard", lambda: _internal(refinement, recipe, index)))
    if table.external_standard:
        wanted.append(("external standard", lambda: _external(refinement, pattern, recipe, index)))
    if table.halo_mixture:
        wanted.append(("calibrated halo", lambda: _halo(refinement, recipe, index)))
    found = {name: _tried(call, name, messages) for name, call in wanted}
    return {name: result for name, result in found.items() if result is not None}


def _others(
    pattern: Pattern, recipe: DiffractionRecipe
) -> list[tuple[DiffractionRecipe, Refinement]]:
    """Return the pattern refined with other backgrounds and displacements, where it can be."""
    table, refine = _table(recipe), recipe.refine
    assert refine is not None  # noqa: S101
    others = [replace(refine, background=n) for n in table.backgrounds if n != refine.background]
    others += [replace(refine, uiso=u) for u in table.displacements if u != refine.uiso]
    recipes = [replace(recipe, refine=other) for other in others]
    found = [(changed, refine_pattern(pattern, changed)) for changed in recipes]
    return [(changed, again) for changed, again in found if again.success]


def _choices(
    pattern: Pattern,
    recipe: DiffractionRecipe,
    first: Mapping[str, AmorphousFraction],
    others: Sequence[tuple[DiffractionRecipe, Refinement]],
) -> dict[str, dict[str, AmorphousFraction]]:
    """Return what each method gives with each choice, by method; nothing without choices."""
    assert recipe.refine is not None  # noqa: S101
    found = {method: {_choice(recipe.refine): result} for method, result in first.items()}
    for changed, again in others:
        assert changed.refine is not None  # noqa: S101
        for method, result in _methods(again, pattern, changed, 0, []).items():
            found.setdefault(method, {})[_choice(changed.refine)] = result
    return found if others and all(len(results) > 1 for results in found.values()) else {}


def _choice(table: RefineRecipe) -> str:
    return f"background {table.background}, uiso {table.uiso}"


def _internal(refinement: Refinement, recipe: DiffractionRecipe, index: int) -> AmorphousFraction:
    table = _table(recipe)
    names = (recipe.structure, *recipe.impurities)
    if table.internal_standard not in names or table.weighed is None:
        raise BadInput(
            f"quantify.internal_standard is {table.internal_standard!r}",
            expected="one of structure and impurities: " + ", ".join(names),
        )
    values, covar = _scales(refinement, index)
    return amorphous_from_internal_standard(
        values,
        refinement.crystals,
        covar=covar,
        standard=refinement.crystals[names.index(table.internal_standard)].name,
        weighed=table.weighed,
        crystallinity=table.crystallinity,
    )


def _external(
    refinement: Refinement, pattern: Pattern, recipe: DiffractionRecipe, index: int
) -> AmorphousFraction:
    table, refine = _table(recipe), recipe.refine
    assert refine is not None  # noqa: S101
    alone = replace(
        recipe, structure=table.external_structure, impurities=(), quantify=None,
        refine=replace(refine, humps=(), halo_files=(), occupancies=(), orientation=None,
                       fixed_shape=(), constraints=()),
    )  # fmt: skip
    standard, radiation = refined_file(table.external_standard, alone)
    scale, error = _scales(standard, 0)
    calibration = calibrate_external_standard(
        (float(scale[0]), math.sqrt(error[0, 0])),
        standard.crystals[0],
        wavelength=radiation,
        crystallinity=table.crystallinity,
    )
    values, covar = _scales(refinement, index)
    return amorphous_from_external_standard(
        values,
        refinement.crystals,
        covar=covar,
        calibration=calibration,
        wavelength=pattern.wavelength,
        amorphous_composition=_atoms(table.amorphous_composition),
    )


def _halo(refinement: Refinement, recipe: DiffractionRecipe, index: int) -> AmorphousFraction:
    table = _table(recipe)
    assert table.halo_share is not None  # noqa: S101
    mixture, _ = refined_file(table.halo_mixture, replace(recipe, quantify=None))
    calibration = _calibrated(mixture, table.halo_share)
    values, covar = _scales(refinement, index, halo=True)
    return amorphous_from_halo(values, refinement.crystals, covar=covar, calibration=calibration)


def _calibrated(mixture: Refinement, share: tuple[float, float]) -> Calibration:
    """Return the calibrated mass of the halo; all crystals of the mixture count as its first."""
    values, covar = _scales(mixture, 0, halo=True)
    zmv = np.array([math.prod(cell_content(crystal)) for crystal in mixture.crystals])
    weights = np.append(zmv / zmv[0], 0.0)
    mass = float(weights @ values)
    variance = float(weights @ covar @ weights)
    shared = float(weights @ covar[:, -1]) / math.sqrt(max(variance * covar[-1, -1], 1e-300))
    return calibrate_halo(
        (float(values[-1]), math.sqrt(covar[-1, -1])),
        (mass, math.sqrt(variance)),
        mixture.crystals[0],
        amorphous_share=share,
        correlation=float(np.clip(shared, -1.0, 1.0)),
    )


def _index(refinement: Refinement, index: int) -> RelativeIndex | None:
    """Return Bragg over Bragg and halo area, errors from heights; None without a halo."""
    pattern = refinement.patterns[index]
    if len(pattern.halo_heights) != 1:
        return None
    values, covar = _scales(refinement, index, halo=True)
    axis = pattern.two_theta
    areas = np.append(np.trapezoid(pattern.bragg, axis, axis=1), np.trapezoid(pattern.halo, axis))
    unit = np.divide(areas, values, out=np.zeros_like(areas), where=values > 0)
    parts = np.zeros((2, len(values)))
    parts[0, :-1], parts[1, -1] = unit[:-1], unit[-1]
    return area_ratio_index(
        float(areas[:-1].sum()),
        float(areas[-1]),
        covar=parts @ covar @ parts.T,
        two_theta=(float(axis[0]), float(axis[-1])),
        background="polynomial background and blank of the refinement taken off",
    )


def _scales(refinement: Refinement, index: int, *, halo: bool = False) -> tuple[Array, Array]:
    """Return scales (and the height of the halo) with covariance, serial correlation counted."""
    if halo and len(refinement.patterns[index].halo_heights) != 1:
        raise BadInput(
            f"the refinement has {len(refinement.patterns[index].halo_heights)} halos",
            expected="one halo of fixed shape: humps without separate_humps, or one of halo_files",
        )
    place = "" if len(refinement.patterns) == 1 else f"_{index + 1}"
    names = [global_name("scale", suffix, place, OWN) for suffix in refinement.suffixes]
    names += [global_name("halo_0", "", place, OWN)] if halo else []
    fit = refinement.fit
    covar = np.zeros((len(names), len(names)))
    at = [(i, fit.var_names.index(name)) for i, name in enumerate(names) if name in fit.var_names]
    for i, first in at:
        for j, second in at:
            covar[i, j] = fit.covar[first, second]
    if not at:
        raise BadInput(
            "the intensities were extracted, so there are no scales",
            expected="refine.method = 'rietveld'",
        )
    values = np.array([fit.parameters[name].value for name in names])
    return values, covar * refinement.serial_factor**2


def _tried(call: Callable[[], T], what: str, messages: list[str]) -> T | None:
    try:
        return call()
    except BadInput as error:
        messages.append(f"No {what}: {error}.")
        return None


def _table(recipe: DiffractionRecipe) -> QuantifyRecipe:
    if recipe.quantify is None:
        raise BadInput("the recipe has no table quantify", expected="[diffraction.quantify]")
    return recipe.quantify


def _atoms(formula: str) -> dict[str, float] | None:
    """Return the atoms of a formula such as ``NaTaCl6``; None for an empty one."""
    atoms = parse_formula(formula)
    if formula and not atoms:
        raise BadInput(
            f"quantify.amorphous_composition is {formula!r}",
            expected="a formula such as 'NaTaCl6', without parentheses",
        )
    return atoms or None


def _crystalline_numbers(found: PhaseFractions | None) -> list[Number]:
    if found is None:
        return []
    corrected = np.any(found.brindley != 1.0)
    note = "among the crystalline phases, " + ("ZMV and Brindley" if corrected else "ZMV")
    return [
        Number(
            name=f"crystalline_fraction ({name})", value=100 * float(found.weight_fraction[i]),
            stderr=100 * float(found.stderr[i]), unit="wt%",
            note=f"{note}; detection limit {100 * found.detection_limit[i]:.2g} wt%",
        )
        for i, name in enumerate(found.phase)
    ]  # fmt: skip


def _spread_numbers(
    first: PhaseFractions | None, others: Sequence[PhaseFractions], choices: Sequence[str]
) -> list[Number]:
    """Return the mean over choices of each phase's share, half the range counted in its error."""
    if first is None or not others:
        return []
    values = np.stack([one.weight_fraction for one in (first, *others)])
    errors = np.stack([one.stderr for one in (first, *others)])
    half = 0.5 * np.ptp(values, axis=0)
    total = np.sqrt(np.mean(errors**2, axis=0) + half**2 / 3.0)
    return [
        Number(
            name=f"crystalline_fraction over choices ({name})", value=100 * float(mean),
            stderr=100 * float(error), unit="wt%",
            note=f"as refined, {', '.join(choices)}; half range {100 * float(spread):.2g}",
        )
        for name, mean, error, spread in zip(
            first.phase, values.mean(axis=0), total, half, strict=True
        )
    ]  # fmt: skip


def _amorphous_numbers(found: AmorphousFraction) -> list[Number]:
    rows = [
        Number(
            name=f"amorphous ({found.method})", value=100 * found.amorphous,
            stderr=100 * found.stderr, unit="wt%",
            note=f"of the sample; detection limit {100 * found.detection_limit:.2g} wt%",
        )
    ]  # fmt: skip
    return rows + [
        Number(
            name=f"{name} in the sample ({found.method})",
            value=100 * float(found.weight_fraction[i]),
            stderr=100 * float(found.weight_fraction_stderr[i]), unit="wt%",
        )
        for i, name in enumerate(found.phase)
    ]  # fmt: skip
