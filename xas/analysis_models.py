"""What the tables of a recipe ask of one analysed spectrum: shells, mixtures, peaks."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from xorder.errors import BadInput
from xorder.parameters import Parameter, Parameters
from xorder.xas.background import Exafs
from xorder.xas.bent_paths import calculate_bent_paths
from xorder.xas.bond_angles import BondAngles, measure_bond_angles
from xorder.xas.line_shapes import Peak, Step
from xorder.xas.linear_combination import LinearCombinations, fit_linear_combination
from xorder.xas.near_edge_peaks import NearEdgeSeries, fit_near_edge
from xorder.xas.normalization import Normalized
from xorder.xas.options import ExafsSteps
from xorder.xas.phase_correction import correct_phase
from xorder.xas.recipe_tables import (
    BondAngleOptions,
    MixtureOptions,
    NearEdgeOptions,
    ShellFitOptions,
    neighbour,
)
from xorder.xas.scans import read_reference
from xorder.xas.scattering_paths import ScatteringPath, calculate_paths
from xorder.xas.shell_fits import ShellFit, fit_shells
from xorder.xas.shell_objectives import shell_parameters
from xorder.xas.shell_paths import Shell, names_in, quick_path, quick_shells, shells_from_paths
from xorder.xas.transforms import Transform
from xorder.xas.wavelet_features import WaveletMaximum
from xorder.xas.wavelet_maps import FeatureAssignment, assign_feature, path_wavelets
from xorder.xas.wavelets import Wavelets
from xorder.xas.xanes import Measured

__all__ = [
    "assigned",
    "fitted_near_edge",
    "fitted_shells",
    "jointly_fitted_shells",
    "measured_angles",
    "mixed",
    "mixture_fit",
    "phase_corrected",
    "recipe_shells",
    "structure_paths",
]


def fitted_shells(exafs: Exafs, options: ShellFitOptions, recipe: ExafsSteps) -> ShellFit:
    """Return the shell fit that a recipe describes."""
    shells = recipe_shells(exafs, options)
    return _fitted(exafs, shells, _starts(shells, options), options, recipe)


def jointly_fitted_shells(
    spectra: Sequence[Exafs], options: ShellFitOptions, recipe: ExafsSteps
) -> ShellFit:
    """Return one fit of several spectra that share the parameters the recipe names.

    Of a parameter that is not shared each spectrum has its own, ``n_cl_s1``, ``n_cl_s2`` …
    """
    lists = [recipe_shells(exafs, options) for exafs in spectra]
    starts = _starts(lists[0], options)
    # What is used, in quantities or in expressions, is what may be shared.
    names = {*shell_parameters(lists[0], starts), *starts}
    for pattern in options.shared:
        if not fnmatch.filter(names, pattern):
            raise BadInput(
                f"shared names {pattern!r}, which no parameter is",
                expected=", ".join(sorted(names)),
            )
    own = [name for name in names if not any(fnmatch.fnmatch(name, p) for p in options.shared)]
    made: dict[str, Parameter] = {}
    for number, shells in enumerate(lists, start=1):
        lists[number - 1] = [_renamed_shell(shell, own, number) for shell in shells]
        for p in starts.values():
            name = _renamed(p.name, own, number)
            made[name] = replace(p, name=name, expr=_renamed(p.expr, own, number))
    return _fitted(list(spectra), lists, Parameters(made.values()), options, recipe)


def _renamed(text: str, own: Sequence[str], number: int) -> str:
    """Return a name or an expression in which names of one's own end in the spectrum's number."""
    return re.sub(r"[A-Za-z_]\w*", lambda m: f"{m[0]}_s{number}" if m[0] in own else m[0], text)


def _renamed_shell(shell: Shell, own: Sequence[str], number: int) -> Shell:
    quantities = ("degeneracy", "s02", "delta_e0", "delta_r", "r", "sigma2", "third", "fourth")
    changed: dict[str, Any] = {
        name: _renamed(value, own, number)
        for name in quantities
        if isinstance(value := getattr(shell, name), str)
    }
    if shell.r is not None:
        changed.pop("delta_r", None)
    return replace(shell, **changed)


def recipe_shells(exafs: Exafs, options: ShellFitOptions) -> list[Shell]:
    """Return the shells of a recipe around the spectrum's element."""
    shells: list[Shell] = []
    if options.structure:
        shells += shells_from_paths(structure_paths(exafs, options))
    if options.shells:
        if not (exafs.element and exafs.edge):
            raise BadInput(
                "shells cannot be calculated: the spectrum does not say its element and edge",
                expected="element and edge in the recipe",
            )
        named = {name for name, _, _ in options.constraints()} | set(options.shared)
        shells += quick_shells(
            options.neighbours(),
            absorber=exafs.element,
            edge=exafs.edge,
            # Named in the parameters, S0² is theirs to hold or fit.
            s02="s02" if "s02" in named else options.s02,
            program=options.program,
        )
    return shells


def _fitted(
    spectra: Exafs | list[Exafs],
    shells: Any,
    parameters: Parameters,
    options: ShellFitOptions,
    recipe: ExafsSteps,
) -> ShellFit:
    return fit_shells(
        spectra,
        shells,
        parameters=parameters,
        k_range=recipe.k_range,
        r_range=options.r_range,
        k_weight=options.k_weights,
        window=recipe.window,
        dk=recipe.dk,
        space=options.space,
        background=options.background,
        errors=options.errors,
        starts=options.starts,
    )


def structure_paths(exafs: Exafs, options: ShellFitOptions) -> tuple[ScatteringPath, ...]:
    """Return the paths of the recipe's structure around the spectrum's element."""
    from xorder import references

    if not (exafs.element and exafs.edge):
        raise BadInput(
            "paths cannot be calculated: the spectrum does not say its element and edge",
            expected="element and edge in the recipe",
        )
    return calculate_paths(
        references.load(options.structure),
        absorber=exafs.element,
        edge=exafs.edge,
        site=options.site or None,
        radius=options.radius,
        n_legs=options.n_legs,
        program=options.program,
    )


def _starts(shells: list[Shell], options: ShellFitOptions) -> Parameters:
    """Return the parameters that the recipe holds, ties or starts, the latter with usual bounds."""
    usual = shell_parameters(shells, Parameters())
    made: dict[str, Parameter] = {}
    used = set(usual)
    for name, kind, text in options.constraints():
        known = usual.get(name, Parameter(name=name, value=0.0))
        try:
            made[name] = replace(known, value=float(text), vary=kind == "~")
        except ValueError:
            made[name] = replace(known, expr=text, vary=False)
            used |= set(names_in(text))
    idle = [name for name in made if name not in used]
    if idle:
        raise BadInput(f"no shell uses {', '.join(idle)}", expected=f"one of {', '.join(usual)}")
    return Parameters(made.values())


def measured_angles(exafs: Exafs, options: BondAngleOptions, recipe: ExafsSteps) -> BondAngles:
    """Return what the spectrum says of the recipe's straight chains."""
    if not (exafs.element and exafs.edge):
        raise BadInput(
            "paths cannot be calculated: the spectrum does not say its element and edge",
            expected="element and edge in the recipe",
        )
    ligand, distance = neighbour(options.ligand)
    bent = calculate_bent_paths(
        exafs.element,
        exafs.edge,
        ligand,
        distance,
        shape=options.shape,
        program=options.program,
    )
    return measure_bond_angles(
        exafs,
        bent,
        k_range=recipe.k_range,
        r_range=options.r_range,
        k_weight=options.k_weights,
        s02=options.s02,
    )


def phase_corrected(transform: Transform, exafs: Exafs, text: str) -> Transform:
    """Return χ(R) with the phase of a neighbour, such as "Cl 2.35", taken off."""
    if not (exafs.element and exafs.edge):
        raise BadInput(
            "the phase cannot be calculated: the spectrum does not say its element and edge",
            expected="element and edge in the recipe",
        )
    element, distance = neighbour(text)
    return correct_phase(transform, quick_path(exafs.element, exafs.edge, element, distance))


def assigned(
    wavelets: Wavelets | None, feature: WaveletMaximum | None, fit: ShellFit | None
) -> FeatureAssignment | None:
    """Return which fitted paths make a feature; None without one, or with a single path."""
    if wavelets is None or feature is None or fit is None:
        return None
    if not (feature.success and fit.spectra and len(fit.shells) > 1) or fit.verdict == "failed":
        return None
    return assign_feature(wavelets, path_wavelets(wavelets, fit), k=feature.k, r=feature.r)


def mixture_fit(
    sample: Measured, options: MixtureOptions, recipe: ExafsSteps
) -> LinearCombinations:
    """Return the mixtures of references that a recipe describes."""
    references = [read_reference(name, recipe, space=options.space) for name in options.references]
    return mixed(sample, references, options, recipe)


def mixed(
    sample: Measured, references: list[Measured], options: MixtureOptions, recipe: ExafsSteps
) -> LinearCombinations:
    """Return the sample as mixtures of references already there."""
    return fit_linear_combination(
        sample,
        references,
        space=options.space,
        e_range=options.e_range,
        k_range=options.k_range,
        k_weight=recipe.k_weight,
        sum_to_one=options.sum_to_one,
        max_components=options.max_components,
        max_shift=options.max_shift,
    )


def fitted_near_edge(
    spectra: Normalized | list[Normalized], options: NearEdgeOptions
) -> NearEdgeSeries:
    """Return the fit of near-edge peaks that a recipe describes, jointly for several spectra."""
    step = None
    if options.step != "none":
        step = Step(center=options.step_center, shape=options.step, width=options.step_width)
    peaks = [
        Peak(
            center=peak.center,
            name=peak.name,
            shape=peak.shape,
            fwhm=peak.fwhm,
            height=peak.height,
            eta=peak.eta,
            center_within=peak.center_within,
            vary_fwhm=peak.vary_fwhm,
            negative=peak.negative,
        )
        for peak in options.peaks
    ]
    return fit_near_edge(
        spectra,
        peaks=peaks,
        step=step,
        baseline=options.baseline,
        e_range=options.e_range,
        shared=options.shared if isinstance(spectra, list) else (),
    )
