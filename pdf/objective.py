"""A measured G(r) and a sum of phases as an objective of a fit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from xorder.errors import BadInput
from xorder.fitting import Parameter, Parameters
from xorder.pdf.domain_sizes import with_best_sizes
from xorder.pdf.form_weights import FormWeights, elements_of_formula
from xorder.pdf.options import RefinementOptions
from xorder.pdf.pattern import PairDistribution
from xorder.pdf.phases import PhaseModel, sphere_envelope
from xorder.pdf.termination import Grid, Kernel
from xorder.results import Array

__all__ = ["PdfObjective", "fit_points", "measured_between"]

#: Sharpest and widest peaks a refinement may try (Å²): of a crystal, of an amorphous part.
U_BOUNDS = (5e-4, 0.2)
U_BOUNDS_AMORPHOUS = (5e-4, 0.3)
#: A phase that is less than this share of the whole (root mean square) does not tell its own
#: correlated motion.
SMALL = 0.03
TOO_LITTLE = "held: too little of the phase to tell"


class PdfObjective:
    """Residual and Jacobian of a sum of phases on the points of a fit.

    Names of a single phase are ``scale a uiso_Ni delta2``; with several phases each carries the
    phase's name (``scale_NaCl``, ``uiso_Cl_NaCl``). ``qdamp`` and ``qbroad`` are the instrument's.
    """

    def __init__(
        self,
        measured: PairDistribution,
        phases: Mapping[str, PhaseModel],
        *,
        r_range: tuple[float, float],
        q_max: float,
        options: RefinementOptions,
        sample: Mapping[str, float] | None = None,
        known: Parameters | None = None,
    ) -> None:
        self.phases = dict(phases)
        self.options = options
        self.q_max = q_max
        self.r_range = r_range
        self.noise = measured.noise
        self.wavelength = measured.wavelength
        r, target, sigma = fit_points(measured, r_range, q_max, options)
        self.r, self.target, self.sigma = r, target, sigma
        self.grid = Grid.of(
            float(r[0]), float((r[-1] - r[0]) / (len(r) - 1)), len(r),
            q_max=q_max, convention=options.convention,
        )  # fmt: skip
        self.n_independent = min(q_max * (r_range[1] - r_range[0]) / math.pi, float(len(r)))
        self._names = {
            name: {self.global_name(name, local): local for local in _locals(name, model, options)}
            for name, model in self.phases.items()
        }
        self._kernels: dict[Grid, dict[str, Kernel]] = {}
        self.constant_xray_weights = (
            options.radiation or measured.radiation
        ) == "xray" and not any(model.by_class for model in self.phases.values())
        by_class = any(model.by_class for model in self.phases.values())
        self.sample = dict(sample) if by_class and sample else None
        self.held: dict[str, str] = {}
        self.contradiction = ""
        if known is not None:
            self.parameters = known
            return
        self.parameters = self._start(measured)
        if by_class and self.sample is None:
            self.sample = self._sample(measured)
            values = self.parameters.valuesdict()
            self.parameters = self.parameters.with_values(self.best_scales(values))
        self.held = self._too_little()
        self.parameters = Parameters(
            replace(p, vary=p.vary and p.name not in self.held) for p in self.parameters.values()
        )

    def global_name(self, phase: str, local: str) -> str:
        """Return the name of a phase's parameter in the fit."""
        return f"{local}_{phase}" if len(self.phases) > 1 else local

    def own_names(self, phase: str) -> tuple[str, ...]:
        """Return the names of a phase's parameters apart from its scale."""
        return tuple(name for name, local in self._names[phase].items() if local != "scale")

    def model(self, values: Mapping[str, float], grid: Grid | None = None) -> Array:
        """Return the calculated G(r) on the points of the fit, or on another grid's."""
        grid = grid or self.grid
        return np.asarray(
            np.sum([self.phase_gr(name, values, grid) for name in self.phases], axis=0)
        )

    def phase_gr(self, phase: str, values: Mapping[str, float], grid: Grid) -> Array:
        """Return what one phase contributes, its scale included."""
        return self.model_gr(phase, self.phases[phase], self.local_values(phase, values), grid)

    def model_gr(
        self, phase: str, model: PhaseModel, local: Mapping[str, float], grid: Grid
    ) -> Array:
        """Return what a phase would contribute with a model, values by the model's own names."""
        near = _within(grid.r, local)
        if near == 0:
            return np.zeros(grid.size)
        curve = _extended(model.curve(local, grid.r[:near]), len(grid.r))
        envelope = _damping(grid.r, local)
        finished = grid.finish(curve[:, :, None], envelope[:, None], self._kernel(phase, grid))
        return np.asarray(local["scale"] * finished[:, 0])

    def residual(self, values: Mapping[str, float]) -> Array:
        """Return (measured - calculated) / sigma, shape (points,)."""
        return np.asarray((self.target - self.model(values)) / self.sigma)

    def jacobian(self, values: Mapping[str, float], names: Sequence[str]) -> Array:
        """Return d residual / d name, shape (points, len(names)); all of it analytic."""
        total = np.zeros((len(self.r), len(names)))
        column = {name: i for i, name in enumerate(names)}
        for phase, model in self.phases.items():
            local = self.local_values(phase, values)
            wanted = {
                local_name: column[name]
                for name, local_name in self._names[phase].items()
                if name in column
            }
            wanted |= {n: column[n] for n in ("qdamp", "qbroad") if n in column}
            shaped = [n for n in wanted if n not in ("scale", "qdamp", "sphere_diameter")]
            near = _within(self.grid.r, local)
            if near == 0:
                continue
            curves = model.curve_with_derivatives(local, shaped, self.grid.r[:near])
            curves = _extended(curves, len(self.grid.r))
            done = self._finished(phase, curves, local, "sphere_diameter" in wanted)
            if "scale" in wanted:
                total[:, wanted["scale"]] += done[:, 0]
            extra = {"qdamp": done[:, -1], "sphere_diameter": done[:, -2]}
            columns = dict(zip(shaped, done[:, 1:-2].T, strict=True)) | extra
            for name, values_of in columns.items():
                if name in wanted:
                    total[:, wanted[name]] += local["scale"] * values_of
        return np.asarray(-total / self.sigma[:, None])

    def _finished(
        self, phase: str, curves: Array, local: Mapping[str, float], sphere: bool
    ) -> Array:
        """Return the columns on the points of the fit, then those of diameter and qdamp."""
        r = self.grid.r
        envelope = np.repeat(_damping(r, local)[:, None], curves.shape[2] + 2, axis=1)
        envelope[:, -1] *= -local["qdamp"] * r**2
        envelope[:, -2] = 0.0
        if sphere:
            d = local["sphere_diameter"]
            x = np.minimum(r / d, 1.0)
            envelope[:, -2] = np.exp(-0.5 * (r * local["qdamp"]) ** 2) * 1.5 * (x - x**3) / d
        again = curves[:, :, :1]
        columns = np.concatenate([curves, again, again], axis=2)
        return self.grid.finish(columns, envelope, self._kernel(phase, self.grid))

    def _kernel(self, phase: str, grid: Grid) -> Kernel | None:
        """Return the Q-dependent weights of a phase's pairs on a grid; None for constant ones."""
        model = self.phases[phase]
        if not model.by_class or self.sample is None:
            return None
        if grid not in self._kernels:
            self._kernels[grid] = {}
        kernels = self._kernels[grid]
        if phase not in kernels:
            weights = FormWeights(
                elements=model.elements, sample=self.sample, wavelength=self.wavelength
            )
            kernels[phase] = grid.kernel(weights)
        return kernels[phase]

    def unit_curves(self, values: Mapping[str, float]) -> Array:
        """Return each phase at a scale of one, over sigma, shape (points, phases)."""
        unit = {**values, **{self.global_name(phase, "scale"): 1.0 for phase in self.phases}}
        columns = [self.phase_gr(phase, unit, self.grid) for phase in self.phases]
        return np.asarray(np.stack(columns, axis=1) / self.sigma[:, None])

    def shares(self, values: Mapping[str, float]) -> dict[str, float]:
        """Return the root mean square of each phase's curve relative to that of their sum."""
        curves = {name: self.phase_gr(name, values, self.grid) for name in self.phases}
        whole = np.sqrt(np.mean(np.sum(list(curves.values()), axis=0) ** 2))
        return {
            name: float(np.sqrt(np.mean(curve**2)) / whole) if whole > 0 else 1.0
            for name, curve in curves.items()
        }

    def _too_little(self) -> dict[str, str]:
        """Return the names of what is held because there is too little of its phase, and why."""
        kind = self.options.correlation
        if kind == "none" or len(self.phases) == 1:
            return {}
        return {
            self.global_name(phase, kind): TOO_LITTLE
            for phase, share in self.shares(self.parameters.valuesdict()).items()
            if share < SMALL and phase not in self.options.amorphous
        }

    def local_values(self, phase: str, values: Mapping[str, float]) -> dict[str, float]:
        """Return the values of one phase by its own names."""
        local = {"qdamp": values["qdamp"], "qbroad": values["qbroad"]}
        return local | {name: values[key] for key, name in self._names[phase].items()}

    def _start(self, measured: PairDistribution) -> Parameters:
        o = self.options
        qdamp = _first(o.qdamp, measured.qdamp, 0.04)
        qbroad = _first(o.qbroad, measured.qbroad, 0.0)
        found = [
            Parameter(name="qdamp", value=qdamp, min=0.0, max=0.5, vary=o.refine_qdamp, unit="Å⁻¹"),
            Parameter(
                name="qbroad", value=qbroad, min=0.0, max=0.5, vary=o.refine_qbroad, unit="Å⁻¹"
            ),
        ]
        for phase, model in self.phases.items():
            found += [
                _parameter(phase, key, local, model, o) for key, local in self._names[phase].items()
            ]
        start = Parameters(found)
        if o.sphere_diameter is not None:
            return with_best_sizes(self, start)
        return start.with_values(self.best_scales(start.valuesdict()))

    def _sample(self, measured: PairDistribution) -> dict[str, float]:
        """Return the composition of the sample: the file's, else that of the first scales."""
        elements = {e for model in self.phases.values() for e in model.elements}
        stated = elements_of_formula(measured.composition)
        if stated is not None and elements <= set(stated):
            return stated
        if stated is not None:
            self.contradiction = (
                f"the data are said to be of {measured.composition}, which does not hold "
                f"{', '.join(sorted(elements - set(stated)))} of the phases: weights of the pairs "
                "were taken from the phases instead"
            )
        amounts = dict.fromkeys(elements, 0.0)
        for phase, model in self.phases.items():
            scale = self.parameters[self.global_name(phase, "scale")].value
            share = scale / model.mean**2 / model.n_atoms
            for element, o in zip(
                model.atoms.elements.tolist(), model.atoms.occupancy.tolist(), strict=True
            ):
                amounts[element] += share * o
        return amounts

    def best_scales(self, values: Mapping[str, float]) -> dict[str, float]:
        """Return the scales that fit best with everything else at the given values."""
        from scipy.optimize import nnls

        scales, _ = nnls(self.unit_curves(values), self.target / self.sigma)
        floor = max(1e-3, 0.02 * float(scales.max()))
        return {
            self.global_name(phase, "scale"): max(float(scale), floor)
            for phase, scale in zip(self.phases, scales, strict=True)
        }


def measured_between(
    measured: PairDistribution, r_range: tuple[float, float]
) -> tuple[Array, Array, Array]:
    """Return r, G(r) and standard error (ones where there is none) within a range.

    Raises
    ------
    BadInput
        Where the range is empty, reversed or outside the data.
    """
    low, high = r_range
    first, last = float(measured.r[0]), float(measured.r[-1])
    if not (math.isfinite(low) and math.isfinite(high) and 0 <= low < high):
        raise BadInput(f"r_range is ({low}, {high})", expected="0 <= r_min < r_max in Å")
    slack = 0.51 * measured.r_step
    if low < first - slack or high > last + slack:
        raise BadInput(
            f"r_range is {low:g} to {high:g} Å and the data reach from {first:g} to {last:g} Å",
            expected="a range within the data",
            source=measured.source or None,
        )
    inside = (measured.r >= low - 1e-6) & (measured.r <= high + 1e-6)
    if np.count_nonzero(inside) < 3:
        raise BadInput(
            f"r_range {low:g} to {high:g} Å holds {np.count_nonzero(inside)} points",
            expected="a longer range",
        )
    ones = np.ones(np.count_nonzero(inside))
    stderr = ones if measured.stderr is None else measured.stderr[inside]
    return measured.r[inside], measured.gr[inside], stderr


def fit_points(
    measured: PairDistribution,
    r_range: tuple[float, float],
    q_max: float,
    options: RefinementOptions,
) -> tuple[Array, Array, Array]:
    """Return the points of the fit: r, G(r), sigma."""
    r, gr, stderr = measured_between(measured, r_range)
    if options.weights == "unit":
        sigma = np.ones_like(r)
    elif measured.stderr is None:
        raise BadInput(
            "weights='stderr', but the data have no standard errors",
            expected="weights='unit', or data with standard errors",
            source=measured.source or None,
        )
    elif np.any(stderr <= 0):
        raise BadInput(
            f"the standard error is {stderr.min():g} at r = {r[np.argmin(stderr)]:g} Å",
            expected="positive standard errors, or weights='unit'",
            source=measured.source or None,
        )
    else:
        sigma = stderr
    spacing = math.pi / q_max
    if options.grid == "data" or spacing <= measured.r_step:
        return r, gr, sigma
    from scipy.interpolate import CubicSpline

    # G(r) is band-limited: points π/Qmax apart hold all of it (Farrow et al. 2011).
    size = math.floor((r[-1] - r[0]) / spacing + 1e-9) + 1
    if size < 3:
        raise BadInput(
            f"r_range {r[0]:g} to {r[-1]:g} Å holds {size} independent points at "
            f"q_max = {q_max:g} Å⁻¹",
            expected="a longer range",
        )
    points = np.minimum(r[0] + spacing * np.arange(size), r[-1])
    smooth = CubicSpline(measured.r, measured.gr)(points)
    return points, np.asarray(smooth), np.interp(points, r, sigma)


def _locals(phase: str, model: PhaseModel, options: RefinementOptions) -> list[str]:
    names = ["scale", *model.cell.names]
    if options.refine_positions:
        names += model.positions.names
    names += model.width_names
    if options.correlation != "none":
        names.append(options.correlation)
    if options.sphere_diameter is not None or phase in options.amorphous:
        names.append("sphere_diameter")
    return names


def _parameter(
    phase: str, key: str, local: str, model: PhaseModel, o: RefinementOptions
) -> Parameter:
    start = model.start(o.uiso)
    amorphous = phase in o.amorphous
    if local == "scale":
        return Parameter(name=key, value=1.0, min=0.0)
    if local in model.cell.names:
        value = start[local]
        unit = "°" if local in ("alpha", "beta", "gamma") else "Å"
        room = 5.0 if unit == "°" else 0.05 * value
        return Parameter(
            name=key, value=value, min=value - room, max=value + room,
            vary=o.refine_cell, unit=unit,
        )  # fmt: skip
    if local in model.width_names and not local.startswith("uiso_"):
        # A diagonal component is a mean square; the others only turn the ellipsoid.
        diagonal = local[1] == local[2]
        low, high = U_BOUNDS if diagonal else (-0.5 * U_BOUNDS[1], 0.5 * U_BOUNDS[1])
        return Parameter(
            name=key, value=start[local], min=low, max=high, vary=o.refine_uiso, unit="Å²"
        )
    if local.startswith("uiso_"):
        low, high = U_BOUNDS_AMORPHOUS if amorphous else U_BOUNDS
        return Parameter(
            name=key,
            # Distances in an amorphous part are spread by disorder as well as by motion.
            value=start[local] * (2.0 if amorphous else 1.0),
            min=low,
            max=high,
            vary=o.refine_uiso,
            unit="Å²",
        )
    if local in ("delta1", "delta2"):
        # Beyond this the nearest peak has no width left.
        limit = 0.9 * model.shortest ** (1 if local == "delta1" else 2)
        return Parameter(
            name=key, value=min(o.delta, 0.5 * limit), min=0.0, max=limit,
            unit="Å" if local == "delta1" else "Å²",
        )  # fmt: skip
    if local == "sphere_diameter" and amorphous:
        return Parameter(name=key, value=o.amorphous[phase], min=4.0, max=25.0, unit="Å")
    if local == "sphere_diameter":
        low = 2.0 * model.shortest
        return Parameter(
            name=key, value=max(o.sphere_diameter or 50.0, low), min=low, max=1e4, unit="Å"
        )
    return Parameter(name=key, value=start[local], min=start[local] - 0.1, max=start[local] + 0.1)


def _damping(r: Array, local: Mapping[str, float]) -> Array:
    damping = np.exp(-0.5 * (r * local["qdamp"]) ** 2)
    if "sphere_diameter" in local:
        damping = damping * sphere_envelope(r, local["sphere_diameter"])
    return np.asarray(damping)


def _within(r: Array, local: Mapping[str, float]) -> int:
    """Return how many points of `r` a phase reaches: a sphere ends at its diameter."""
    if "sphere_diameter" not in local:
        return len(r)
    near = int(np.searchsorted(r, local["sphere_diameter"])) + 1
    return 0 if near == 1 else min(max(near, 2), len(r))


def _extended(curves: Array, size: int) -> Array:
    """Return curves with zeros up to `size` points."""
    if len(curves) == size:
        return curves
    return np.concatenate([curves, np.zeros((size - len(curves), *curves.shape[1:]))])


def _first(*values: float | None) -> float:
    return next(value for value in values if value is not None and math.isfinite(value))
