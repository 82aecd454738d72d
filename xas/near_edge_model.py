"""One spectrum's step, baseline and peaks as an objective, and the numbers of a fit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from xorder.errors import BadInput
from xorder.fitting import FitResult, Parameter, Parameters
from xorder.results import Array, Number, Result, quantity
from xorder.xas.line_shapes import Peak, Step, area_factor, peak_curve, step_curve
from xorder.xas.normalization import Normalized
from xorder.xas.xanes import core_hole_width, curves_on, grid, independent_points, resolved_points

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["BASELINES", "FittedPeak", "NearEdgeFit", "NearEdgeObjective"]

BASELINES = ("none", "constant", "linear")

#: Correlations between the step and a peak's area above this are told.
STRONG = 0.8


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class FittedPeak(Result):
    """One peak as fitted; NaN where the fit failed."""

    name: str = ""
    """Name, or ``"peak 1"`` and so on."""
    shape: str = "gaussian"
    """Shape."""
    center: float = quantity("eV", symbol="E")
    """Energy of the maximum."""
    center_stderr: float = quantity("eV")
    """Standard error; NaN where held."""
    height: float = quantity()
    """Height in the normalized scale."""
    height_stderr: float = quantity()
    """Standard error."""
    fwhm: float = quantity("eV")
    """Full width at half maximum."""
    fwhm_stderr: float = quantity("eV")
    """Standard error; NaN where held."""
    area: float = quantity("eV")
    """Area in the normalized scale times eV."""
    area_stderr: float = quantity("eV")
    """Standard error, with the correlation of height and width."""
    step_correlation: float = quantity()
    """Strongest correlation of the area with a parameter of the step; NaN without a step."""
    step_parameter: str = ""
    """That parameter."""


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class NearEdgeFit(Result):
    """Step, baseline and peaks fitted to one spectrum. Falsy where the fit failed."""

    energy: Array = quantity("eV", symbol="E", dims=("energy",))
    """Energy at the measured points, shape (N,)."""
    data: Array = quantity(symbol="normalized μ", dims=("energy",))
    """Normalized absorption."""
    model: Array = quantity(symbol="fit", dims=("energy",))
    """Step, baseline and peaks."""
    residual: Array = quantity(symbol="data − fit", dims=("energy",))
    """`data` minus `model`."""
    baseline: Array = quantity(symbol="step and baseline", dims=("energy",))
    """Step and baseline without peaks."""
    curves: Array = quantity(symbol="peaks", dims=("number", "energy"))
    """Each peak, shape (peaks, N)."""
    peaks: tuple[FittedPeak, ...] = ()
    """The peaks."""
    centroid: float = quantity("eV")
    """Mean of the peaks' energies weighted by their areas."""
    centroid_stderr: float = quantity("eV")
    """Standard error of `centroid`."""
    area: float = quantity("eV")
    """Sum of the peaks' areas."""
    area_stderr: float = quantity("eV")
    """Standard error of `area`."""
    r_factor: float = quantity()
    """Σ residual² / Σ data²."""
    n_independent: float = quantity()
    """Independent points that the errors count: points over the residual's autocorrelation time."""
    fit: FitResult
    """The fit: parameters (those of a series end in ``_s1``, …), covariance, flags."""
    name: str = ""
    """Name of the sample."""
    simulated: bool = False
    """True for a calculated spectrum."""
    messages: tuple[str, ...] = ()
    """What a user must know, one sentence each."""

    def __bool__(self) -> bool:
        return self.fit.success

    @property
    def numbers(self) -> tuple[Number, ...]:
        """Positions, heights, widths and areas as rows of a summary."""
        rows = []
        for p in self.peaks:
            for kind, unit in (("center", "eV"), ("height", ""), ("fwhm", "eV"), ("area", "eV")):
                rows.append(
                    Number(
                        name=f"{kind} ({p.name})",
                        value=getattr(p, kind),
                        stderr=getattr(p, f"{kind}_stderr"),
                        unit=unit,
                    )
                )
        rows.append(
            Number(name="centroid", value=self.centroid, stderr=self.centroid_stderr, unit="eV")
        )
        return tuple(rows)

    def plot(self, ax: Axes | None = None, **artist_kwargs: Any) -> list[Any]:
        """Draw data, fit, baseline and peaks on Matplotlib axes; return the artists."""
        from xorder.xas.xanes_plots import plot_near_edge

        return plot_near_edge(self, ax, **artist_kwargs)


class NearEdgeObjective:
    """Residual and Jacobian of one spectrum's step, baseline and peaks."""

    def __init__(
        self,
        item: Normalized,
        peaks: tuple[Peak, ...],
        step: Step | None,
        baseline: str,
        e_range: tuple[float, float],
        suffix: str,
        shared: tuple[str, ...],
    ) -> None:
        self.peaks, self.step, self.baseline = peaks, step, baseline
        self.energy = grid(item, e_range)
        inside = np.searchsorted(item.energy, self.energy)
        self.data = curves_on(self.energy, [item], space="norm", what="spectra")[0]
        self.sigma = np.ones_like(self.data)
        if item.stderr is not None and np.all(item.stderr[inside] > 0):
            self.sigma = item.stderr[inside]
        self.middle = 0.5 * float(self.energy[0] + self.energy[-1])
        self.n_independent = float(self.energy.size)
        local = self._start(item)
        #: Name in the fit of each name in the model.
        self.full = {p.name: p.name + ("" if p.name in shared else suffix) for p in local}
        self.parameters = Parameters(replace(p, name=self.full[p.name]) for p in local)

    def check_size(self) -> None:
        varying = sum(p.vary for p in self.parameters.values())
        if varying >= self.energy.size:
            raise BadInput(
                f"{varying} variables for {self.energy.size} points between "
                f"{self.energy[0]:.1f} and {self.energy[-1]:.1f} eV",
                expected="fewer peaks, held widths or a wider range",
            )

    def count(self, residual: Array, item: Normalized) -> None:
        """Set the number of independent points from the residual of a first fit."""
        varying = sum(p.vary for p in self.parameters.values())
        least = max(resolved_points(item, self.energy), varying + 1.0)
        self.n_independent = independent_points(residual, least)

    def _start(self, item: Normalized) -> list[Parameter]:
        made: list[Parameter] = []
        under = np.zeros_like(self.energy)
        if self.step is not None:
            center = self.step.center or item.e0
            width = self.step.width or core_hole_width(item)
            made += [
                _within("step_center", center, self.step.center_within),
                Parameter(
                    name="step_width",
                    value=width,
                    min=0.1 * width,
                    max=10.0 * width,
                    vary=self.step.vary_width,
                    unit="eV",
                ),
                Parameter(
                    name="step_height", value=self.step.height, min=0.0, vary=self.step.vary_height
                ),
            ]
            under = self.step.height * step_curve(self.energy, self.step.shape, center, width)[0]
        terms = BASELINES.index(self.baseline)
        made += [Parameter(name=f"baseline_{i}", value=0.0) for i in range(terms)]
        for i, peak in enumerate(self.peaks, start=1):
            made += self._peak_start(i, peak, under)
        return made

    def _peak_start(self, i: int, peak: Peak, under: Array) -> list[Parameter]:
        if not self.energy[0] < peak.center < self.energy[-1]:
            raise BadInput(
                f"peak {i} {peak.name} starts at {peak.center:g} eV".replace("  ", " "),
                expected=f"an energy in the range, {self.energy[0]:.1f} to {self.energy[-1]:.1f}",
            )
        above = float(np.interp(peak.center, self.energy, self.data - under))
        height = peak.height if peak.height is not None else above
        if not peak.negative:
            height = max(height, 0.02)
        lowest = -math.inf if peak.negative else 0.0
        spacing = float(np.min(np.diff(self.energy)))
        made = [
            _within(f"center_{i}", peak.center, peak.center_within),
            Parameter(name=f"height_{i}", value=height, min=lowest),
            Parameter(
                name=f"fwhm_{i}",
                value=peak.fwhm,
                min=min(spacing, 0.5 * peak.fwhm),
                max=max(float(self.energy[-1] - self.energy[0]), 2.0 * peak.fwhm),
                vary=peak.vary_fwhm,
                unit="eV",
            ),
        ]
        if peak.shape == "pseudo_voigt":
            made.append(Parameter(name=f"eta_{i}", value=peak.eta, min=0.0, max=1.0))
        return made

    def parts(self, values: Mapping[str, float]) -> tuple[Array, Array]:
        """Return step and baseline, and every peak, shape (N,) and (peaks, N)."""
        v = {name: values[full] for name, full in self.full.items()}
        under = np.zeros_like(self.energy)
        if self.step is not None:
            edge = step_curve(self.energy, self.step.shape, v["step_center"], v["step_width"])[0]
            under = under + v["step_height"] * edge
        for i in range(BASELINES.index(self.baseline)):
            under = under + v[f"baseline_{i}"] * (self.energy - self.middle) ** i
        curves = [
            v[f"height_{i}"] * self._peak(i, peak, v)[0] for i, peak in enumerate(self.peaks, 1)
        ]
        return under, np.stack(curves)

    def _peak(
        self, i: int, peak: Peak, v: Mapping[str, float]
    ) -> tuple[Array, Array, Array, Array]:
        eta = v.get(f"eta_{i}", peak.eta)
        return peak_curve(self.energy, peak.shape, v[f"center_{i}"], v[f"fwhm_{i}"], eta)

    def residual(self, values: Mapping[str, float]) -> Array:
        under, curves = self.parts(values)
        return np.asarray((self.data - under - curves.sum(axis=0)) / self.sigma)

    def jacobian(self, values: Mapping[str, float], names: Sequence[str]) -> Array:
        v = {name: values[full] for name, full in self.full.items()}
        slopes: dict[str, Array] = {}
        if self.step is not None:
            edge, by_center, by_width = step_curve(
                self.energy, self.step.shape, v["step_center"], v["step_width"]
            )
            slopes["step_height"] = edge
            slopes["step_center"] = v["step_height"] * by_center
            slopes["step_width"] = v["step_height"] * by_width
        for i in range(BASELINES.index(self.baseline)):
            slopes[f"baseline_{i}"] = (self.energy - self.middle) ** i
        for i, peak in enumerate(self.peaks, start=1):
            value, by_center, by_width, by_eta = self._peak(i, peak, v)
            height = v[f"height_{i}"]
            slopes[f"height_{i}"] = value
            slopes[f"center_{i}"] = height * by_center
            slopes[f"fwhm_{i}"] = height * by_width
            slopes[f"eta_{i}"] = height * by_eta
        by_full = {self.full[name]: slope for name, slope in slopes.items() if name in self.full}
        zero = np.zeros_like(self.energy)
        columns = [-by_full.get(name, zero) / self.sigma for name in names]
        return np.stack(columns, axis=1) if columns else np.zeros((self.energy.size, 0))

    def result(self, found: FitResult, item: Normalized, name: str) -> NearEdgeFit:
        values = found.parameters.valuesdict()
        under, curves = self.parts(values)
        model = under + curves.sum(axis=0)
        residual = self.data - model
        if not found.success:
            model, residual = np.full_like(model, math.nan), np.full_like(model, math.nan)
        numbers = _Numbers(self, found)
        peaks = tuple(numbers.peak(i, peak) for i, peak in enumerate(self.peaks, start=1))
        area, area_stderr, centroid, centroid_stderr = numbers.total()
        return NearEdgeFit(
            energy=self.energy,
            data=self.data,
            model=model,
            residual=residual,
            baseline=under,
            curves=curves,
            peaks=peaks,
            centroid=centroid,
            centroid_stderr=centroid_stderr,
            area=area,
            area_stderr=area_stderr,
            r_factor=float(residual @ residual) / float(self.data @ self.data),
            n_independent=self.n_independent,
            fit=found,
            name=name,
            simulated=item.simulated,
            messages=(*_messages(found, peaks, name), *item.messages),
        )


class _Numbers:
    """Areas, centroids and correlations with the covariance of the fit."""

    def __init__(self, objective: NearEdgeObjective, found: FitResult) -> None:
        self.objective, self.found = objective, found
        self.values = found.parameters.valuesdict()
        self.index = {name: i for i, name in enumerate(found.var_names)}
        self.covar = found.covar

    def _value(self, name: str) -> float:
        return self.values[self.objective.full[name]] if self.found.success else math.nan

    def _stderr(self, name: str) -> float:
        if not self.found.success:
            return math.nan
        return self.found.parameters[self.objective.full[name]].stderr

    def _error(self, gradient: Array) -> float:
        """Return the standard error of a function of the parameters; NaN where one has none."""
        if not self.found.success:
            return math.nan
        used = np.flatnonzero(gradient)
        return math.sqrt(
            max(float(gradient[used] @ self.covar[np.ix_(used, used)] @ gradient[used]), 0.0)
        )

    def _area(self, i: int, peak: Peak) -> tuple[float, Array]:
        """Return a peak's area and its gradient by the varying parameters."""
        height, fwhm = self._value(f"height_{i}"), self._value(f"fwhm_{i}")
        eta = self._value(f"eta_{i}") if peak.shape == "pseudo_voigt" else peak.eta
        factor, by_eta = area_factor(peak.shape, eta)
        gradient = np.zeros(len(self.index))
        for name, slope in (
            (f"height_{i}", factor * fwhm),
            (f"fwhm_{i}", factor * height),
            (f"eta_{i}", by_eta * height * fwhm),
        ):
            full = self.objective.full.get(name)
            if full in self.index:
                gradient[self.index[full]] = slope
        return factor * height * fwhm, gradient

    def peak(self, i: int, peak: Peak) -> FittedPeak:
        area, gradient = self._area(i, peak)
        correlation, parameter = self._step_correlation(gradient)
        return FittedPeak(
            name=peak.name or f"peak {i}",
            shape=peak.shape,
            center=self._value(f"center_{i}"),
            center_stderr=self._stderr(f"center_{i}"),
            height=self._value(f"height_{i}"),
            height_stderr=self._stderr(f"height_{i}"),
            fwhm=self._value(f"fwhm_{i}"),
            fwhm_stderr=self._stderr(f"fwhm_{i}"),
            area=area,
            area_stderr=self._error(gradient),
            step_correlation=correlation,
            step_parameter=parameter,
        )

    def _step_correlation(self, gradient: Array) -> tuple[float, str]:
        if self.objective.step is None or not self.found.success:
            return math.nan, ""
        error = self._error(gradient)
        strongest, parameter = 0.0, ""
        for name in ("step_center", "step_width", "step_height"):
            column = self.index.get(self.objective.full[name])
            if column is None:
                continue
            used = np.flatnonzero(gradient)
            shared = float(gradient[used] @ self.covar[used, column])
            value = shared / (error * math.sqrt(self.covar[column, column]))
            if abs(value) > abs(strongest):
                strongest, parameter = value, name
        return strongest, parameter

    def total(self) -> tuple[float, float, float, float]:
        """Return the summed area, the centroid weighted by area, and their standard errors."""
        areas, gradients = zip(
            *(self._area(i, peak) for i, peak in enumerate(self.objective.peaks, start=1)),
            strict=True,
        )
        total = float(sum(areas))
        of_total = np.sum(gradients, axis=0)
        centers = [self._value(f"center_{i}") for i in range(1, len(areas) + 1)]
        if not total > 0:
            return total, self._error(of_total), math.nan, math.nan
        centroid = sum(a * c for a, c in zip(areas, centers, strict=True)) / total
        gradient = np.zeros(len(self.index))
        for i, (area, slope, center) in enumerate(zip(areas, gradients, centers, strict=True), 1):
            gradient += slope * (center - centroid) / total
            column = self.index.get(self.objective.full[f"center_{i}"])
            if column is not None:
                gradient[column] += area / total
        return total, self._error(of_total), centroid, self._error(gradient)


def _within(name: str, value: float, reach: float) -> Parameter:
    if reach == 0:
        return Parameter(name=name, value=value, vary=False, unit="eV")
    return Parameter(name=name, value=value, min=value - reach, max=value + reach, unit="eV")


def _messages(found: FitResult, peaks: Sequence[FittedPeak], name: str) -> tuple[str, ...]:
    if not found.success:
        return (f"the fit of {name} failed: {found.message}",)
    strong = [
        f"{name}: the area of {p.name} correlates by {p.step_correlation:+.2f} with "
        f"{p.step_parameter}: it depends on how the step is drawn"
        for p in peaks
        if abs(p.step_correlation) > STRONG
    ]
    return (*strong, *found.flags)
