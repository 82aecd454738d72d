"""Whole patterns refined as a recipe says: which phases, halos, blank, instrument, and in turn."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import get_args, get_type_hints

from xorder.diffraction.backgrounds import Halo
from xorder.diffraction.humps import Hump
from xorder.diffraction.options import RESTRAINT, DiffractionRecipe, RefineRecipe
from xorder.diffraction.pattern import Pattern
from xorder.diffraction.profiles import Profile
from xorder.diffraction.radiation import Radiation
from xorder.diffraction.readers.gsas import read_instrument
from xorder.diffraction.readers.opening import read
from xorder.diffraction.recipe_sizes import instrument_resolution, named_structure
from xorder.diffraction.refinement import refine
from xorder.diffraction.refinement_options import Phase, RefinementOptions
from xorder.diffraction.refinement_results import Refinement
from xorder.diffraction.refinement_series import RefinementSeries, refine_series
from xorder.diffraction.restraints import (
    AngleRestraint,
    BondRestraint,
    ExpressionRestraint,
    Restraint,
)
from xorder.errors import BadInput
from xorder.parameters import Parameter

__all__ = [
    "refine_pattern",
    "refine_patterns",
    "refined_file",
    "refined_phases",
    "refinement_options",
    "refinement_radiation",
]

#: What a method is called where a phase is told it.
METHODS = {"rietveld": "structure", "lebail": "extracted", "pawley": "refined"}
#: Widths that each sample of a joint refinement has for itself.
OWN_WIDTHS = ("inverse_size*", "strain*")


def refine_pattern(pattern: Pattern, recipe: DiffractionRecipe) -> Refinement:
    """Return the refinement of one pattern by the recipe's table ``refine``.

    Raises
    ------
    BadInput
        For options that cannot be, and phases without lines in the range.
    """
    return refine(
        pattern,
        refined_phases(recipe),
        options=refinement_options(recipe),
        parameters=_parameters(_table(recipe)),
    )


def refine_patterns(
    patterns: Sequence[Pattern], recipe: DiffractionRecipe
) -> RefinementSeries | Refinement:
    """Return patterns refined one after the other, or all of them in one fit.

    In one fit they share cell and atoms; scales, halos, backgrounds, sizes and strains are each
    pattern's own.
    """
    table = _table(recipe)
    phases, options = refined_phases(recipe), refinement_options(recipe)
    if table.series == "together":
        options = replace(options, own=OWN_WIDTHS)
        return refine(list(patterns), phases, options=options, parameters=_parameters(table))
    return refine_series(patterns, phases, options=options, parameters=_parameters(table))


def refined_file(path: str, recipe: DiffractionRecipe) -> tuple[Refinement, Radiation]:
    """Return the refinement of a file and its radiation; the same file and recipe cost once."""
    return _refined_file(path, os.stat(path).st_mtime_ns, recipe)


@lru_cache(maxsize=16)
def _refined_file(
    path: str, _changed: int, recipe: DiffractionRecipe
) -> tuple[Refinement, Radiation]:
    pattern = read(path, wavelength=recipe.wavelength or refinement_radiation(recipe))
    return refine_pattern(pattern, recipe), pattern.wavelength


def refined_phases(recipe: DiffractionRecipe) -> list[Phase]:
    """Return the structure and the impurities as phases of a refinement.

    Occupancies and preferred orientation are those of the first.
    """
    table = _table(recipe)
    names = (recipe.structure, *recipe.impurities)
    unknown = [name for name in table.fixed_shape if name not in names]
    if unknown:
        raise BadInput(
            f"refine.fixed_shape names {unknown[0]!r}", expected="of " + ", ".join(names)
        )
    return [
        Phase(
            crystal=named_structure(name),
            intensities=_intensities(table.method),  # type: ignore[arg-type]
            positions=table.positions,
            uiso=table.uiso,
            occupancies=table.occupancies if index == 0 else (),
            size=table.size,
            strain=table.strain,
            refine_shape=name not in table.fixed_shape,
            orientation=table.orientation if index == 0 else None,
            anisotropic_size=table.anisotropic_size and index == 0,
            anisotropic_strain=table.anisotropic_strain and index == 0,
        )
        for index, name in enumerate(names)
    ]


def refinement_options(recipe: DiffractionRecipe) -> RefinementOptions:
    """Return range, halos, blank and instrument of a refinement."""
    table = _table(recipe)
    radiation = recipe.wavelength or refinement_radiation(recipe)

    def pattern(path: str) -> Pattern:
        # Of a halo or a blank only the shape counts, so its radiation need not be named.
        return read(path, wavelength=radiation or "CuKa")

    return RefinementOptions(
        two_theta=recipe.two_theta,
        background=table.background,
        halos=(*_humps(table), *(pattern(path) for path in table.halo_files)),
        blank=pattern(table.blank) if table.blank else None,
        profile=_profile(recipe, table),
        asymmetry=table.asymmetry,
        refine_asymmetry=table.refine_asymmetry,
        refine_profile=table.profile_terms,
        restraints=tuple(_restraint(text) for text in table.restraints),
        zero_shift=table.zero_shift,
        displacement=table.displacement,
        radius=table.radius,
        largest_move=table.largest_move,
    )


def refinement_radiation(recipe: DiffractionRecipe) -> Radiation | None:
    """Return the radiation of the recipe's instrument file, or None without one."""
    table = recipe.refine
    return read_instrument(table.instrument)[0] if table and table.instrument else None


def _table(recipe: DiffractionRecipe) -> RefineRecipe:
    if recipe.refine is None:
        raise BadInput("the recipe has no table refine", expected="[diffraction.refine]")
    return recipe.refine


def _intensities(method: str) -> str:
    """Return what phases call a method; none is taken for another."""
    name = METHODS.get(method, method)
    known = get_args(get_type_hints(Phase)["intensities"])
    if name not in known:
        words = {called: word for word, called in METHODS.items()}
        raise BadInput(
            f"refine.method = {method!r}",
            expected="one of " + ", ".join(words.get(one, one) for one in known),
        )
    return name


def _humps(table: RefineRecipe) -> list[Halo]:
    humps = tuple(Hump(centre=c, fwhm=w, area=a) for c, w, a in table.humps)
    if table.separate_humps:
        return list(humps)
    return [humps] if humps else []


def _profile(recipe: DiffractionRecipe, table: RefineRecipe) -> Profile:
    if table.instrument:
        return read_instrument(Path(table.instrument))[1]
    if recipe.size_strain is not None and recipe.size_strain.resolution == "caglioti":
        return instrument_resolution(recipe).profile
    return Profile()


def _restraint(text: str) -> Restraint:
    """Return the restraint that a text such as ``"Ta1-Cl1 = 2.35 +- 0.02"`` names."""
    found = RESTRAINT.fullmatch(text.strip())
    if found is None:
        raise BadInput(f"restraints holds {text!r}", expected="'what = value +- error'")
    what, value, sigma = found.group(1).strip(), float(found.group(2)), float(found.group(3))
    labels = what.split("-")
    if len(labels) == 2 and " " not in what:
        return BondRestraint(first=labels[0], second=labels[1], length=value, sigma=sigma)
    if len(labels) == 3 and " " not in what:
        return AngleRestraint(
            first=labels[0], centre=labels[1], third=labels[2], angle=value, sigma=sigma
        )
    return ExpressionRestraint(expr=what, value=value, sigma=sigma)


def _parameters(table: RefineRecipe) -> dict[str, Parameter] | None:
    """Return the parameters that the recipe sets or ties."""
    given = {}
    for text in table.constraints:
        name, _, value = (part.strip() for part in text.partition("="))
        try:
            given[name] = Parameter(name=name, value=float(value), vary=False)
        except ValueError:
            given[name] = Parameter(name=name, value=0.0, expr=value)
    return given or None
