"""The fits of an analysis: structures, amorphous parts, data sets together, windows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from xorder.errors import BadInput
from xorder.fitting import Parameter, Parameters
from xorder.freedom import cell_freedom
from xorder.pdf.analysis_input import averaged, measured_sample
from xorder.pdf.boxcar import Boxcar, fit_boxcar
from xorder.pdf.constraints import parameters_from_text
from xorder.pdf.end_members import refine_with_end_member
from xorder.pdf.form_weights import elements_of_formula
from xorder.pdf.joint import JointPdfFit, refine_jointly
from xorder.pdf.options import PdfRecipe, RefinementOptions
from xorder.pdf.pattern import PairDistribution
from xorder.pdf.refinement import PdfFit, objective_for, phase_models, phase_name, refine
from xorder.structure import Crystal, composition

__all__ = [
    "contradicted_composition",
    "end_member",
    "fit_phases",
    "fit_sets",
    "fit_windows",
    "load_crystals",
    "phases_of",
]

#: What marks the phase that is the amorphous part of another.
AMORPHOUS = "_amorphous"
#: An element's share of the atoms that is off by this much is another composition.
CONTRADICTED = 0.1


def load_crystals(structures: Sequence[str]) -> dict[str, Crystal]:
    """Return the structures of a recipe by their phase's name.

    Raises
    ------
    BadInput
        Where one is not known or named twice.
    """
    from xorder.references import load

    crystals: dict[str, Crystal] = {}
    for source in structures:
        stem = _stem(source)
        if stem in crystals:
            raise BadInput(f"the structure {source!r} is named twice", expected="each phase once")
        if source.lower().endswith(".stru"):
            from xorder.pdf.readers.pdfgui import read_stru

            crystals[stem] = read_stru(source).crystal
        else:
            crystals[stem] = load(source)
    return crystals


def phases_of(
    crystals: Mapping[str, Crystal], recipe: PdfRecipe
) -> tuple[dict[str, Crystal], RefinementOptions, list[Parameter]]:
    """Return phases with their amorphous parts, options, and what ties the parts to the phases."""
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
    return phases, replace(recipe.refinement, amorphous=lengths), tied


def fit_phases(
    measured: PairDistribution,
    crystals: Mapping[str, Crystal],
    recipe: PdfRecipe,
    r_range: tuple[float, float],
) -> PdfFit:
    """Refine the phases, and with them the amorphous parts the recipe names."""
    phases, options, tied = phases_of(crystals, recipe)
    if recipe.parameters:
        models = phase_models(measured, phases, options)
        known = objective_for(measured, models, r_range, options).parameters
        given = parameters_from_text(recipe.parameters, known)
        tied = [*given.values(), *(p for p in tied if p.name not in given)]
    parameters = Parameters(tied) if tied else None
    if recipe.amorphous_file:
        return refine_with_end_member(
            measured,
            phases,
            end_member(recipe),
            r_range=r_range,
            options=options,
            parameters=parameters,
        )
    return refine(measured, phases, r_range=r_range, options=options, parameters=parameters)


def end_member(recipe: PdfRecipe) -> PairDistribution:
    """Return the G(r) of the recipe's amorphous end member, reduced as the samples are."""
    path = Path(recipe.amorphous_file)
    return averaged(measured_sample([path], recipe, path.stem).patterns)


def fit_sets(
    patterns: Sequence[PairDistribution],
    crystals: Mapping[str, Crystal],
    recipe: PdfRecipe,
    spans: Mapping[str, tuple[float, float]],
) -> JointPdfFit:
    """Refine the phases against several data sets of one sample together."""
    phases, options, tied = phases_of(crystals, recipe)
    named = dict(zip(spans, patterns, strict=True))
    if recipe.parameters:
        known = _names_of_sets(named, phases, options, spans)
        given = parameters_from_text(recipe.parameters, known)
        tied = [*given.values(), *(p for p in tied if p.name not in given)]
    parameters = Parameters(tied) if tied else None
    return refine_jointly(named, phases, r_range=spans, options=options, parameters=parameters)


def _names_of_sets(
    named: Mapping[str, PairDistribution],
    phases: Mapping[str, Crystal],
    options: RefinementOptions,
    spans: Mapping[str, tuple[float, float]],
) -> Parameters:
    """Return the parameters of a joint refinement before it is made."""
    from xorder.pdf.joint import SharedObjective

    return Parameters(
        p
        for name, one in named.items()
        for p in SharedObjective(
            objective_for(one, phase_models(one, phases, options), spans[name], options), name
        ).parameters.values()
    )


def fit_windows(
    measured: PairDistribution,
    crystals: Mapping[str, Crystal],
    recipe: PdfRecipe,
    r_range: tuple[float, float],
    fit: PdfFit,
) -> tuple[list[Boxcar], tuple[str, ...]]:
    """Fit windows with the crystals alone: how their scales fall with r is what a box-car shows.

    Returns the windows that slide and, where the recipe wants them, those that grow.
    """
    if not fit.success:
        return [], ("the box-car was not fitted because the refinement failed",)
    options = recipe.boxcar
    common = partial(
        fit_boxcar,
        measured,
        crystals,
        width=options.width,
        step=options.step,
        r_range=r_range,
        free=options.free,
    )
    try:
        whole = _crystals_alone(measured, crystals, recipe, r_range, fit)
        boxcars = [common(whole=whole, smoothness=options.smoothness)]
        if options.cumulative:
            boxcars.append(common(whole=whole, cumulative=True))
    except BadInput as error:
        return [], (f"no box-car: {error}",)
    said = boxcars[0].messages
    said += tuple(f"growing windows: {text}" for box in boxcars[1:] for text in box.messages)
    return boxcars, said


def fading_windows(
    measured: PairDistribution, crystals: Mapping[str, Crystal], recipe: PdfRecipe, boxcar: Boxcar
) -> Boxcar:
    """Return windows whose scales fade as the order does, which lengths are read from.

    Those of a box-car do not where the fit of the whole range found the size of the domains, which
    its windows hold; then windows without that size are fitted.
    """
    whole = boxcar.whole
    if whole is None or not whole.success or whole.options.sphere_diameter is None:
        return boxcar
    try:
        return fit_boxcar(
            measured,
            crystals,
            width=boxcar.width,
            step=boxcar.step,
            r_range=(float(boxcar.r_min[0]), float(boxcar.r_max[-1])),
            free=recipe.boxcar.free,
            whole=whole,
            smoothness=recipe.boxcar.smoothness,
            fading=True,
        )
    except BadInput:
        return boxcar


def _crystals_alone(
    measured: PairDistribution,
    crystals: Mapping[str, Crystal],
    recipe: PdfRecipe,
    r_range: tuple[float, float],
    fit: PdfFit,
) -> PdfFit:
    """Return the fit without amorphous parts: the scales, everything else as it was found."""
    if not (recipe.amorphous or recipe.amorphous_file):
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


def _stem(source: str) -> str:
    return Path(source).stem if source.lower().endswith((".cif", ".stru")) else source


def contradicted_composition(stated: str, fit: PdfFit) -> list[str]:
    """Say where a stated composition is not what the refined phases make up together.

    X-ray pairs are weighed by the composition, so a wrong one bends G(r).
    """
    wanted, fractions = elements_of_formula(stated), fit.fractions
    known = all(phase in fit.crystals for phase in fit.phases)
    if not (fit.success and known and wanted and fractions is not None and len(fit.phases) > 1):
        return []
    made: dict[str, float] = {}
    for phase, share in zip(fit.phases, fractions.atom.tolist(), strict=True):
        own = composition(fit.crystals[phase])
        total = sum(own.values())
        for element, count in own.items():
            made[element] = made.get(element, 0.0) + share * count / total
    whole = sum(wanted.values())
    off = max(abs(made.get(e, 0.0) - n / whole) for e, n in wanted.items())
    if off < CONTRADICTED:
        return []
    shares = ", ".join(f"{100 * share:.0f} % {e}" for e, share in made.items())
    return [
        f"the data are said to be of {stated}, but the phases that were found hold {shares} of the "
        "atoms: the pairs are weighed by what was said; state the composition of the whole sample"
    ]
