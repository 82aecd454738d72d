"""Shell fits: scattering paths refined against χ(k) of one spectrum or of several."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from xorder.errors import BadInput
from xorder.fitting import FitResult
from xorder.parameters import Parameters
from xorder.results import Array, Number, Result, quantity, recorded
from xorder.xas.background import Exafs
from xorder.xas.shell_inputs import AnyShell, as_shells, each_range, each_spectrum
from xorder.xas.shell_minima import ShellMinimum, best_minimum, find_minima
from xorder.xas.shell_objectives import ShellObjective, check_grid, shell_parameters
from xorder.xas.shell_paths import Shell
from xorder.xas.shell_plausibility import (
    FittedShell,
    doubts_about_fit,
    doubts_about_range,
    fitted_shells,
    notes_about_shells,
)
from xorder.xas.shell_spaces import FitSpace
from xorder.xas.transforms import Transform, checked_k_range, transform_to_r

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes

__all__ = ["ShellFit", "ShellSpectrum", "fit_shells"]

#: Columns of the table of a fit.
_COLUMNS = ("n_s02", "degeneracy", "s02", "delta_e0", "r", "delta_r", "sigma2", "third", "fourth")

#: How standard errors may be found.
ERRORS = ("propagated", "independent points")


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class ShellSpectrum(Result):
    """One spectrum of a fit: data, model and the paths."""

    k: Array = quantity("Å⁻¹", symbol="k", dims=("k",))
    """Wavenumber, shape (K,)."""
    chi: Array = quantity(symbol="χ", dims=("k",))
    """The data."""
    model: Array = quantity(symbol="χ model", dims=("k",))
    """The sum of the paths."""
    paths: Array = quantity(symbol="χ paths", dims=("path", "k"))
    """Each path, shape (P, K)."""
    labels: tuple[str, ...] = ()
    """Names of the paths."""
    exafs: Exafs = field(repr=False)
    """The data as given."""
    space: FitSpace
    """Ranges and weights of the fit."""
    epsilon_k: float = quantity(symbol="ε(k)")
    """Standard error of a point of χ(k) that the fit used."""
    r_factor: float = quantity(symbol="R")
    """Σ residual² / Σ data² in the fit's space."""
    n_independent: float = quantity()
    """Independent points, 2ΔkΔR/π + 1."""
    name: str = ""
    """Name of the sample."""
    simulated: bool = False
    """True for a calculated spectrum."""

    def transforms(self, *, k_weight: float | None = None) -> tuple[Transform, Transform]:
        """Return χ(R) of the data and of the model, by default at the middle k-weight."""
        weights = self.space.k_weight
        weight = weights[len(weights) // 2] if k_weight is None else k_weight
        return self._transform(self.chi, weight), self._transform(self.model, weight)

    def path_transforms(self, *, k_weight: float | None = None) -> tuple[Transform, ...]:
        """Return χ(R) of each path."""
        weights = self.space.k_weight
        weight = weights[len(weights) // 2] if k_weight is None else k_weight
        return tuple(self._transform(chi, weight) for chi in self.paths)

    def _transform(self, chi: Array, k_weight: float) -> Transform:
        space = self.space
        return transform_to_r(
            replace(self.exafs, chi=chi),
            k_range=space.k_range,
            k_weight=k_weight,
            window=space.window,
            dk=space.dk,
        )


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class ShellFit(Result):
    """What a shell fit found. Falsy where it must not be used."""

    verdict: str
    """``"good"``; ``"doubtful"``: read the flags; ``"undecidable"``: several different minima fit
    alike, or a σ² falls to nothing; ``"bad fit"``: the shells do not describe the data;
    ``"failed"``: no minimum."""
    flags: tuple[str, ...] = ()
    """What a reader must know, one sentence each."""
    shells: tuple[FittedShell, ...] = ()
    """What was found for each path of each spectrum."""
    spectra: tuple[ShellSpectrum, ...] = ()
    """Data and model of each spectrum."""
    fit: FitResult
    """The fit itself, with all parameters, covariance and χ²."""
    minima: tuple[ShellMinimum, ...] = ()
    """Every different minimum that the starts found, lowest χ² first, implausible ones too."""
    r_factor: float = quantity(symbol="R")
    """Σ residual² / Σ data² over all spectra."""

    def __bool__(self) -> bool:
        return self.verdict in ("good", "doubtful")

    @property
    def parameters(self) -> Parameters:
        """The parameters with values and standard errors."""
        return self.fit.parameters

    @property
    def success(self) -> bool:
        """Whether the fit may be used."""
        return bool(self)

    @property
    def message(self) -> str:
        """The verdict and the flags in one line."""
        return "; ".join((self.verdict, *self.flags))

    @property
    def correlations(self) -> tuple[tuple[str, str, float], ...]:
        """Pairs of varying parameters and their correlation, the strongest first."""
        with np.errstate(invalid="ignore", divide="ignore"):
            matrix, names = self.fit.correlation, self.fit.var_names
        rows, columns = np.triu_indices(len(names), k=1)
        order = np.argsort(-np.abs(np.nan_to_num(matrix[rows, columns])), kind="stable")
        return tuple(
            (names[rows[i]], names[columns[i]], float(matrix[rows[i], columns[i]])) for i in order
        )

    @property
    def numbers(self) -> tuple[Number, ...]:
        """Rows of a summary: the fitted numbers of every shell, then the goodness of fit."""
        rows = [number for shell in self.shells for number in shell.numbers]
        return (
            *rows,
            Number(name="r_factor", value=self.r_factor, note=self.verdict),
            Number(name="reduced_chi_square", value=self.fit.redchi),
        )

    def to_dataframe(self) -> pandas.DataFrame:
        """Return one row a path and spectrum, each number with its standard error."""
        import pandas

        rows = []
        for shell in self.shells:
            row: dict[str, Any] = {"shell": shell.name, "spectrum": shell.spectrum}
            for name in _COLUMNS:
                number: Number = getattr(shell, name)
                row |= {name: number.value, f"{name}_stderr": number.stderr}
            rows.append(row)
        return pandas.DataFrame(rows).set_index("shell")

    def report(self) -> str:
        """Return the fit as text: verdict, goodness, shells, parameters, flags."""
        lines = [
            f"{self.verdict}: R-factor {self.r_factor:.4f}, reduced χ² {self.fit.redchi:.4g}, "
            f"{self.fit.nvarys} variables, {self.fit.n_independent:.1f} independent points"
        ]
        lines += [
            f"{shell.name}: N·S0² {_text(shell.n_s02)}, R {_text(shell.r)}, "
            f"σ² {_text(shell.sigma2)}, ΔE0 {_text(shell.delta_e0)}"
            for shell in self.shells
        ]
        strong = [pair for pair in self.correlations if abs(pair[2]) > 0.8]
        lines += [f"correlation of {a} and {b}: {value:+.2f}" for a, b, value in strong]
        return "\n".join([*lines, repr(self.parameters), *(f"! {flag}" for flag in self.flags)])

    def plot(self, ax: Axes | None = None, **artist_kwargs: Any) -> list[Any]:
        """Draw |χ(R)| of the data and the model; return the artists."""
        from xorder.xas.plots import plot_shell_fit

        return plot_shell_fit(self, ax, **artist_kwargs)


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
    space: str = "r",
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
        ``"r"``, ``"k"`` (without window) or ``"q"``.
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
    r_ranges = each_range(r_range, spectra, "r_range")
    spaces = [
        FitSpace(
            k_range=checked_k_range(e, k_limits),
            r_range=r_limits or (1.0, 3.0),
            k_weight=tuple(np.atleast_1d(np.asarray(k_weight, dtype=float)).tolist()),
            window=window,
            dk=float(dk),
            space=space,
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
    flags += [flag for flag in fit.flags if not flag.startswith("path")]
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
    return ShellSpectrum(
        k=exafs.k,
        chi=exafs.chi,
        model=paths.sum(axis=0),
        paths=paths,
        labels=tuple(shell.name for shell in objective.shells),
        exafs=exafs,
        space=objective.space,
        epsilon_k=objective.epsilon_k,
        r_factor=float(np.sum(residual**2)) / strength if strength > 0 else math.nan,
        n_independent=objective.n_independent,
        name=exafs.name,
        simulated=exafs.simulated,
    )


def _text(number: Number) -> str:
    error = f" ± {number.stderr:.2g}" if math.isfinite(number.stderr) else ""
    return f"{number.value:.4g}{error} {number.unit}".rstrip()
