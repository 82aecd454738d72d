"""Shell fits: scattering paths refined against χ(k) of one spectrum or of several."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from xorder.errors import BadInput
from xorder.fitting import FitResult
from xorder.parameters import Parameters
from xorder.results import recorded
from xorder.xas.background import Exafs
from xorder.xas.shell_inputs import AnyShell, as_shells, each_range, each_spectrum
from xorder.xas.shell_minima import ShellMinimum, best_minimum, find_minima
from xorder.xas.shell_objectives import ShellObjective, check_grid, shell_parameters
from xorder.xas.shell_paths import Shell
from xorder.xas.shell_plausibility import (
    doubts_about_fit,
    doubts_about_range,
    fitted_shells,
    notes_about_shells,
)
from xorder.xas.shell_results import ShellFit, ShellSpectrum
from xorder.xas.shell_spaces import FitSpace, WaveletBox
from xorder.xas.transforms import checked_k_range

__all__ = ["ShellFit", "fit_shells"]

#: How standard errors may be found.
ERRORS = ("propagated", "independent points")


@recorded
def fit_shells(
    exafs: Exafs | Sequence[Exafs],
    shells: Sequence[AnyShell] | Sequence[Sequence[AnyShell]],
    *,
    parameters: Parameters | None = None,
    k_range: tuple[float, float] | Sequence[tuple[float, float]] | None = None,
    r_range: tuple[float, float] | Sequence[tuple[float, float]] = (1.0, 3.0),
    k_weight: float | Sequence[float] = (1.0, 2.0, 3.0),
    window: str = "hanning",
    dk: float = 1.0,
    space: str | WaveletBox = "r",
    background: bool = False,
    s02: float = 0.9,
    epsilon_k: float | None = None,
    errors: str = "propagated",
    scale_covar: bool = True,
    starts: int | None = None,
    seed: int = 0,
) -> ShellFit:
    r"""Refine shells against χ(k).

    The sum of FEFF's paths by the EXAFS equation (as in `path_chi`) is compared with the data in
    χ(R), over several k-weights at once, each over the standard error that white noise gives it.
    χ² counts independent points, :math:`2\Delta k\Delta R/\pi + 1` a spectrum (Newville, Boyanov &
    Sayers, J. Synchrotron Rad. 6, 264, 1999), as in larch.

    Parameters
    ----------
    exafs
        One spectrum, or several that are fitted together: what has one name is one parameter.
    shells
        `Shell` objects; scattering paths, which get the parameters of `shells_from_paths`; or
        pairs of element and distance in Å, which get those of `quick_shells`. One list for all
        spectra, or one list a spectrum.
    parameters
        Start values, bounds and constraints; names without one take what suits them.
    k_range
        Range in Å⁻¹, or one a spectrum; None takes 3 Å⁻¹ to 0.5 Å⁻¹ before the end.
    r_range
        Range in Å, without phase correction, or one a spectrum.
    k_weight
        Power of k, or several that are fitted at once.
    window, dk
        Window in k and the width of its slopes in Å⁻¹.
    space
        ``"r"``, ``"k"`` (without window), ``"q"``, or ``"wavelet"``: the complex Morlet map within
        both ranges; a `WaveletBox` says which map and which part of it.
    background
        True refines with the shells what is left of the background: the fit then begins at 0 Å, and
        a spline with AUTOBK's knots takes up what lies below the lower end of `r_range`. It has as
        many coefficients as that adds independent points.
    s02
        Amplitude reduction of shells by element and distance, which is not fitted.
    epsilon_k
        Standard error of a point of χ(k); each spectrum's own where None.
    errors
        ``"propagated"`` carries white noise of χ(k) through the fit; ``"independent points"``
        divides by their number, as larch and Artemis do. Both follow the misfit.
    scale_covar
        False where `epsilon_k` is the true noise and the model is complete.
    starts
        Number of starts; None takes 20 where two distances or more are fitted, else 1.
    seed
        Seed of the starts.

    Returns
    -------
    :
        Shells, parameters, data and model, all minima, and a verdict. The lowest plausible minimum
        is kept; lower ones that are absurd are named in the flags. A bad fit is a falsy result.

    Raises
    ------
    BadInput
        Ranges beyond the data, names without a start, parameters that no shell uses, more
        variables than independent points.
    """
    if errors not in ERRORS:
        raise BadInput(f"errors is {errors!r}", expected=" or ".join(ERRORS))
    spectra = [exafs] if isinstance(exafs, Exafs) else list(exafs)
    if not spectra:
        raise BadInput("there is no spectrum to fit", expected="at least one")
    for one in spectra:
        check_grid(one)
    lists = [
        as_shells(kinds, e, s02)
        for kinds, e in zip(each_spectrum(shells, spectra), spectra, strict=True)
    ]
    k_ranges = each_range(k_range, spectra, "k_range")
    r_ranges = [limits or (1.0, 3.0) for limits in each_range(r_range, spectra, "r_range")]
    box = space if isinstance(space, WaveletBox) else WaveletBox()
    spaces = [
        FitSpace(
            k_range=checked_k_range(e, k_limits),
            r_range=(0.0, r_limits[1]) if background else r_limits,
            background_r=r_limits[0] if background else 0.0,
            k_weight=tuple(np.atleast_1d(np.asarray(k_weight, dtype=float)).tolist()),
            window=window,
            dk=float(dk),
            space=space if isinstance(space, str) else "wavelet",
            box=box,
        )
        for e, k_limits, r_limits in zip(spectra, k_ranges, r_ranges, strict=True)
    ]
    objectives = _objectives(spectra, lists, spaces, parameters or Parameters(), epsilon_k)
    found = find_minima(
        objectives,
        starts=starts,
        seed=seed,
        scale_covar=scale_covar,
        errors=errors,
    )
    return _result(objectives, found)


def _objectives(
    spectra: Sequence[Exafs],
    lists: Sequence[Sequence[Shell]],
    spaces: Sequence[FitSpace],
    given: Parameters,
    epsilon_k: float | None,
) -> list[ShellObjective]:
    """Return one objective a spectrum, over one set of parameters."""
    known = shell_parameters([shell for shells in lists for shell in shells], given)
    several = len(spectra) > 1
    objectives = [
        ShellObjective(
            exafs,
            shells,
            known,
            space=space,
            epsilon_k=epsilon_k,
            prefix=f"spectrum{i + 1}_" if several else "",
        )
        for i, (exafs, shells, space) in enumerate(zip(spectra, lists, spaces, strict=True))
    ]
    used = {name for objective in objectives for name in objective.parameters}
    idle = [p.name for p in given.values() if p.vary and p.name not in used]
    if idle:
        raise BadInput(
            f"no shell uses {', '.join(idle)}", expected=f"names among {', '.join(sorted(used))}"
        )
    return objectives


def _result(objectives: Sequence[ShellObjective], found: Sequence[ShellMinimum]) -> ShellFit:
    """Return the best minimum with its verdict."""
    lowest = found[0]
    best = best_minimum(found)
    fit = best.fit
    shells = tuple(
        shell
        for i, objective in enumerate(objectives)
        for shell in fitted_shells(objective, fit, spectrum=i)
    )
    spectra = tuple(_spectrum(objective, fit) for objective in objectives)
    pairs = zip(objectives, spectra, strict=True)
    doubts = [
        *doubts_about_fit(fit, shells, best.r_factor),
        *(doubt for o, one in pairs for doubt in doubts_about_range(o, one.model)),
        *best.doubts,
    ]
    flags = [doubt.text for doubt in doubts]
    if best is not lowest:
        why = "; ".join(doubt.text for doubt in lowest.doubts)
        flags.append(f"a lower minimum (R-factor {lowest.r_factor:.4f}) was rejected: {why}")
    rivals = [m for m in found if m is not best and m.plausible and m.rivals(best)]
    flags += [f"another minimum fits alike: {rival.summary}" for rival in rivals]
    flags += notes_about_shells(shells)
    # Constraints and coefficients of a background say nothing by themselves.
    flags += [f for f in fit.flags if not f.startswith("path") and "background_" not in f]
    verdict = "good"
    if not fit.success or not math.isfinite(best.r_factor):
        verdict = "failed"
    elif any(doubt.grave for doubt in doubts):
        verdict = "bad fit"
    elif rivals or any(doubt.about == "undetermined" for doubt in doubts):
        verdict = "undecidable"
    elif doubts or best is not lowest:
        verdict = "doubtful"
    return ShellFit(
        verdict=verdict,
        flags=tuple(flags),
        shells=shells,
        spectra=spectra,
        fit=fit,
        minima=tuple(found),
        r_factor=best.r_factor,
    )


def _spectrum(objective: ShellObjective, fit: FitResult) -> ShellSpectrum:
    values = fit.parameters.valuesdict()
    exafs, paths = objective.exafs, objective.chi(values).T
    residual, strength = objective.residual(values), float(np.sum(objective.data**2))
    background = objective.background(values)
    return ShellSpectrum(
        k=exafs.k,
        chi=exafs.chi,
        model=paths.sum(axis=0) + background,
        paths=paths,
        background=background,
        shells=objective.shells,
        labels=tuple(shell.name for shell in objective.shells),
        exafs=exafs,
        space=objective.space,
        epsilon_k=objective.epsilon_k,
        r_factor=float(np.sum(residual**2)) / strength if strength > 0 else math.nan,
        n_independent=objective.n_independent,
        name=exafs.name,
        simulated=exafs.simulated,
    )
