"""A measured G(r) as a phase: crystals refined together with a glass that was measured alone.

An amorphous part that is modelled as a crystal of short correlation has the crystal's shells. A
glass has its own; measured once, at the same instrument and reduced alike, its G(r) times a scale
stands for it in every mixture.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from xorder.errors import BadInput
from xorder.fitting import FitResult, Parameter, Parameters, fit
from xorder.pdf.correlated_errors import influence, linear_at, noise_of
from xorder.pdf.form_weights import elements_of_formula
from xorder.pdf.fractions import fractions_from_scales
from xorder.pdf.noise import NoiseSpectrum
from xorder.pdf.objective import PdfObjective
from xorder.pdf.options import RefinementOptions
from xorder.pdf.pattern import PairDistribution
from xorder.pdf.refinement import (
    STAGES,
    TOLERANCE,
    merged_parameters,
    objective_for,
    phase_models,
    phase_name,
)
from xorder.pdf.refinement_result import PdfFit, fit_result, mean_mass, with_correlated_errors
from xorder.results import Array, recorded
from xorder.scattering import atomic_mass, atomic_number, neutron_length
from xorder.structure import Crystal

__all__ = ["refine_with_end_member"]

#: Relative difference of two Qmax that does not matter.
SAME_Q_MAX = 0.01


@recorded
def refine_with_end_member(
    measured: PairDistribution,
    crystals: Crystal | Sequence[Crystal] | Mapping[str, Crystal],
    end_member: PairDistribution,
    *,
    name: str = "amorphous",
    r_range: tuple[float, float] | None = None,
    options: RefinementOptions | None = None,
    parameters: Parameters | None = None,
) -> PdfFit:
    r"""Refine crystals and the scale of a measured end member against a G(r).

    .. math:: G(r) = \sum_p s_p G_p(r) + s_e G_e(r), \qquad
              s \propto x \langle b\rangle^2

    with atom fractions x. Both G(r) must be on an absolute scale, or on one arbitrary scale made
    alike, as their reductions were. The counting noise of the end member, times its scale, counts
    as noise of the data.

    Parameters
    ----------
    measured
        G(r) of the mixture with a known Qmax.
    crystals
        The crystalline phases, as for `refine`.
    end_member
        G(r) of the amorphous end member, with its composition, over the range of the fit.
    name
        Name of the end member among the phases; its scale is ``scale_<name>``.
    r_range, options, parameters
        As for `refine`; everything in `parameters` is a parameter of the crystals.

    Returns
    -------
    :
        The fit; `fractions` counts the end member, and `options.amorphous` names it.

    Raises
    ------
    BadInput
        As `refine` does, and where the end member has another Qmax or radiation, no composition,
        or does not reach over the range of the fit.
    """
    options = options or RefinementOptions()
    models = phase_models(measured, crystals, options)
    inner = objective_for(measured, models, r_range, options)
    name = phase_name(name)
    if name in models:
        raise BadInput(f"a crystal is named {name!r} too", expected="another name for one of them")
    amounts = _checked(measured, end_member, inner)
    objective = _WithEndMember(inner, end_member, f"scale_{name}")
    start = merged_parameters(objective.parameters, parameters)
    found = fit(objective, start, stages=STAGES, tolerance=TOLERANCE)
    values = found.parameters.valuesdict()
    objective.add_noise(end_member, values[objective.scale])
    found, noises = with_correlated_errors([objective], found)
    of_crystals = fit_result(measured, inner, found, noises[0])
    return _with_end_member(of_crystals, objective, end_member, amounts, name)


class _WithEndMember:
    """An objective of crystals to which a measured curve is added."""

    def __init__(self, inner: PdfObjective, end_member: PairDistribution, scale: str) -> None:
        self.inner = inner
        self.scale = scale
        self.r, self.target, self.sigma = inner.r, inner.target, inner.sigma
        self.q_max, self.n_independent = inner.q_max, inner.n_independent
        self.noise: NoiseSpectrum | None = inner.noise
        self.curve = _on_points(end_member, self.r)
        self.parameters = self._start()

    def residual(self, values: Mapping[str, float]) -> Array:
        """Return (measured - calculated) / sigma."""
        return np.asarray(
            self.inner.residual(values) - values[self.scale] * self.curve / self.sigma
        )

    def jacobian(self, values: Mapping[str, float], names: Sequence[str]) -> Array:
        """Return d residual / d name."""
        columns = self.inner.jacobian(values, names)
        if self.scale in names:
            columns[:, list(names).index(self.scale)] = -self.curve / self.sigma
        return columns

    def add_noise(self, end_member: PairDistribution, scale: float) -> None:
        """Add the noise of the end member to that of the data, where both are known."""
        own, other = self.noise, end_member.noise
        if own is None or other is None:
            return
        self.noise = replace(
            own,
            q=np.concatenate([own.q, other.q]),
            power=np.concatenate([own.power, scale**2 * other.power]),
        )

    def _start(self) -> Parameters:
        """Return the parameters with the scales of crystals and end member that fit best."""
        from scipy.optimize import nnls

        inner = self.inner
        values = inner.parameters.valuesdict()
        columns = np.column_stack([inner.unit_curves(values), self.curve / self.sigma])
        scales, _ = nnls(columns, self.target / self.sigma)
        floor = max(1e-3, 0.02 * float(scales.max()))
        names = [inner.global_name(phase, "scale") for phase in inner.phases]
        best = {n: max(float(s), floor) for n, s in zip(names, scales[:-1], strict=True)}
        own = Parameter(name=self.scale, value=max(float(scales[-1]), floor), min=0.0)
        return Parameters([*inner.parameters.with_values(best).values(), own])


def _checked(
    measured: PairDistribution, end_member: PairDistribution, inner: PdfObjective
) -> dict[str, float]:
    """Return the amounts of the elements in an end member that can stand beside the data."""
    where = end_member.source or end_member.name or None
    if end_member.radiation != measured.radiation:
        raise BadInput(
            f"the end member was measured with {end_member.radiation}",
            expected=f"{measured.radiation}, as the data",
            source=where,
        )
    if not abs(end_member.q_max / inner.q_max - 1.0) < SAME_Q_MAX:
        raise BadInput(
            f"the end member has the Qmax {end_member.q_max:g} and the fit {inner.q_max:g} Å⁻¹",
            expected="both reduced with one Qmax",
            source=where,
        )
    first, last = float(end_member.r[0]), float(end_member.r[-1])
    if first > inner.r[0] + 1e-6 or last < inner.r[-1] - 1e-6:
        raise BadInput(
            f"the end member reaches from {first:g} to {last:g} Å and the fit from "
            f"{inner.r[0]:g} to {inner.r[-1]:g} Å",
            expected="an end member over the range of the fit",
            source=where,
        )
    amounts = elements_of_formula(end_member.composition)
    if amounts is None:
        raise BadInput(
            f"the composition of the end member is {end_member.composition!r}",
            expected="a formula such as 'NaTaCl6'",
            source=where,
        )
    return amounts


def _with_end_member(
    found: PdfFit,
    objective: _WithEndMember,
    end_member: PairDistribution,
    amounts: Mapping[str, float],
    name: str,
) -> PdfFit:
    """Return the fit with the curve and the fraction of the end member."""
    inner, fit_of = objective.inner, found.fit
    scale = found.parameters[objective.scale].value if found.success else math.nan
    part = scale * _on_points(end_member, found.r)
    model = found.model + part
    names = [inner.global_name(phase, "scale") for phase in inner.phases] + [objective.scale]
    fractions = None
    if fit_of is not None and found.success:
        covariance = _covariance(objective, fit_of, names)
        atoms = sum(amounts.values())
        fractions = fractions_from_scales(
            np.array([found.parameters[n].value for n in names]),
            covariance,
            mean_weights=[
                *(m.mean for m in inner.phases.values()),
                sum(n * _weight(e, found.radiation) for e, n in amounts.items()) / atoms,
            ],
            mean_masses=[
                *(mean_mass(m) for m in inner.phases.values()),
                sum(n * atomic_mass(e) for e, n in amounts.items()) / atoms,
            ],
            phases=(*found.phases, name),
        )
    return replace(
        found,
        phases=(*found.phases, name),
        model=model,
        difference=found.gr - model,
        contributions=np.vstack([found.contributions, part]),
        r_w=math.sqrt(float(np.sum((found.gr - model) ** 2) / np.sum(found.gr**2))),
        fractions=fractions,
        options=replace(found.options, amorphous={**found.options.amorphous, name: math.nan}),
        messages=tuple(text for text in found.messages if not text.startswith("Rw is")),
    )


def _covariance(objective: _WithEndMember, found: FitResult, names: Sequence[str]) -> Array:
    """Return the covariance of the scales; of the scales alone where one stopped at zero."""
    varying = [name for name in names if name in found.var_names]
    place = [found.var_names.index(name) for name in varying]
    part: Array = found.covar[np.ix_(place, place)]
    if not np.isfinite(part).all():
        alone = linear_at(objective, found.parameters, varying)
        waves = influence([alone], [noise_of(alone)])
        part = waves @ waves.T
    covariance = np.zeros((len(names), len(names)))
    at = [names.index(name) for name in varying]
    covariance[np.ix_(at, at)] = part
    return covariance


def _on_points(end_member: PairDistribution, r: Array) -> Array:
    from scipy.interpolate import CubicSpline

    return np.asarray(CubicSpline(end_member.r, end_member.gr)(r))


def _weight(element: str, radiation: str) -> float:
    return neutron_length(element) if radiation == "neutron" else float(atomic_number(element))
