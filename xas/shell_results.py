"""What a shell fit found: shells, spectra, and the fit behind them."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from xorder.fitting import FitResult
from xorder.parameters import Parameters
from xorder.posterior import Posterior, Profile, profile_parameter, sample_posterior
from xorder.results import Array, Number, Result, quantity
from xorder.xas.background import Exafs
from xorder.xas.shell_background import background_names, background_shares
from xorder.xas.shell_minima import ShellMinimum
from xorder.xas.shell_models import QUANTITIES
from xorder.xas.shell_objectives import ShellObjective
from xorder.xas.shell_paths import Shell
from xorder.xas.shell_plausibility import FittedShell
from xorder.xas.shell_spaces import FitSpace
from xorder.xas.transforms import Transform, transform_to_r

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes

__all__ = ["ShellFit", "ShellSpectrum"]

#: Columns of the table of a fit.
_COLUMNS = ("n_s02", "degeneracy", "s02", "delta_e0", "r", "delta_r", "sigma2", "third", "fourth")


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class ShellSpectrum(Result):
    """One spectrum of a fit: data, model and the paths."""

    k: Array = quantity("Å⁻¹", symbol="k", dims=("k",))
    """Wavenumber, shape (K,)."""
    chi: Array = quantity(symbol="χ", dims=("k",))
    """The data."""
    model: Array = quantity(symbol="χ model", dims=("k",))
    """The sum of the paths and of the background that was refined with them."""
    paths: Array = quantity(symbol="χ paths", dims=("path", "k"))
    """Each path, shape (P, K)."""
    background: Array = quantity(symbol="χ background", dims=("k",))
    """What the spline took of the data; zero where none was fitted."""
    labels: tuple[str, ...] = ()
    """Names of the paths."""
    shells: tuple[Shell, ...] = field(default=(), repr=False)
    """The shells as they were given."""
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
    def background_shares(self) -> tuple[tuple[str, float], ...]:
        """Each parameter's multiple correlation with a refined background, largest first."""
        return background_shares(self.fit)

    @property
    def objectives(self) -> list[ShellObjective]:
        """The spectra as objectives of the one fit, at the parameters found."""
        made = re.compile(rf"(spectrum\d+_)?path\d+_({'|'.join(QUANTITIES)})")
        known = Parameters(
            p for p in self.parameters.values() if not (p.expr and made.fullmatch(p.name))
        )
        return [
            ShellObjective(
                one.exafs,
                one.shells,
                known,
                space=one.space,
                epsilon_k=one.epsilon_k,
                prefix=f"spectrum{i + 1}_" if len(self.spectra) > 1 else "",
            )
            for i, one in enumerate(self.spectra)
        ]

    def profile(self, name: str, **options: Any) -> Profile:
        """Return χ² along one parameter with the others refitted; see `profile_parameter`."""
        return profile_parameter(self.objectives, self.fit, name, **options)

    def sample_posterior(self, **options: Any) -> Posterior:
        """Return draws of the parameters; see `xorder.posterior.sample_posterior`."""
        return sample_posterior(self.objectives, self.fit, **options)

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
        lines += [
            f"correlation of {a} and {b}: {value:+.2f}"
            for a, b, value in strong
            if not background_names((a, b))
        ]
        lines += [
            f"multiple correlation of {name} with the background: {share:.2f}"
            for name, share in self.background_shares
        ]
        return "\n".join([*lines, repr(self.parameters), *(f"! {flag}" for flag in self.flags)])

    def plot(self, ax: Axes | None = None, **artist_kwargs: Any) -> list[Any]:
        """Draw |χ(R)| of the data and the model; return the artists."""
        from xorder.xas.plots import plot_shell_fit

        return plot_shell_fit(self, ax, **artist_kwargs)


def _text(number: Number) -> str:
    error = f" ± {number.stderr:.2g}" if math.isfinite(number.stderr) else ""
    return f"{number.value:.4g}{error} {number.unit}".rstrip()
