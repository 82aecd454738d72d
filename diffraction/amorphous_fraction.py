"""How much of a sample is amorphous: by internal or external standard, or by a calibrated halo."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xorder.diffraction.absorption import mass_absorption
from xorder.diffraction.calibrations import (
    Calibration,
    Measured,
    number_and_error,
    share_and_error,
)
from xorder.diffraction.quantification import DETECTION, cell_content, checked_scales, propagated
from xorder.diffraction.radiation import Radiation
from xorder.errors import BadInput
from xorder.results import Array, Number, Result, quantity, recorded
from xorder.structure import Crystal

__all__ = [
    "AmorphousFraction",
    "Spread",
    "amorphous_from_external_standard",
    "amorphous_from_halo",
    "amorphous_from_internal_standard",
    "spread_over_choices",
]


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class AmorphousFraction(Result):
    """Weight fraction that is not among the crystalline phases, with those of the phases.

    What is not refined as a crystal counts as amorphous, crystals left out of the model included.
    """

    method: str
    """How it was found."""
    amorphous: float = quantity(symbol="W_am")
    """Weight fraction of the sample; below 0 where noise or a wrong input makes it so."""
    stderr: float = quantity()
    """Standard error of `amorphous`, from scales and all weighed or certified inputs."""
    detection_limit: float = quantity()
    """Smallest amorphous fraction told from none: 3.29 standard errors."""
    phase: NDArray[np.str_] = quantity(dims=("phase",))
    """Names of the crystalline phases of the sample, without an added standard."""
    weight_fraction: Array = quantity(symbol="W", dims=("phase",))
    """Share of each phase in the mass of the sample."""
    weight_fraction_stderr: Array = quantity(dims=("phase",))
    """Standard error of `weight_fraction`."""
    covar: Array = quantity()
    """Covariance of [`weight_fraction`, `amorphous`]."""
    mass_absorption: float = quantity("cm²/g", symbol="μ*", default=math.nan)
    """Mass attenuation of the sample where the method needs it."""
    messages: tuple[str, ...] = ()
    """What a user must know, one sentence each."""

    @property
    def numbers(self) -> tuple[Number, ...]:
        """Rows of a summary."""
        note = f"{self.method}; detection limit {self.detection_limit:.3g}"
        rows = [Number(name="amorphous", value=self.amorphous, stderr=self.stderr, note=note)]
        rows += [
            Number(name=f"weight_fraction {n}", value=float(w), stderr=float(s), note=self.method)
            for n, w, s in zip(
                self.phase, self.weight_fraction, self.weight_fraction_stderr, strict=True
            )
        ]
        return tuple(rows)


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Spread(Result):
    """One fraction found with several choices of standard, displacements, background …"""

    choice: NDArray[np.str_] = quantity(dims=("choice",))
    """What was chosen."""
    amorphous: Array = quantity(symbol="W_am", dims=("choice",))
    """Weight fraction with each choice."""
    stderr: Array = quantity(dims=("choice",))
    """Standard error of each from the counts."""
    mean: float = quantity()
    """Mean over the choices, each counted once."""
    half_range: float = quantity()
    """Half the distance from the lowest to the highest."""
    total_stderr: float = quantity()
    """Root of the mean variance and the variance of a uniform spread, half_range²/3."""


@recorded
def amorphous_from_internal_standard(
    scales: Sequence[float] | Array,
    crystals: Sequence[Crystal],
    *,
    covar: Array,
    standard: str,
    weighed: Measured,
    crystallinity: Measured = 1.0,
) -> AmorphousFraction:
    r"""Return the amorphous fraction from a weighed spike of a crystalline standard.

    .. math:: W_\alpha = \frac{S_\alpha (ZMV)_\alpha}{S_s (ZMV)_s} \frac{w_s c_s}{1 - w_s}, \qquad
              W_{am} = 1 - \sum_{\alpha \neq s} W_\alpha

    Madsen, Scarlett & Kern, Z. Kristallogr. 226, 944 (2011). The fractions are of the
    sample before the spike; the standard's own amorphous part is not counted to the sample.

    Parameters
    ----------
    scales, crystals, covar
        As in `weight_fractions`, the standard among them.
    standard
        Name of the standard's crystal.
    weighed
        Weight fraction :math:`w_s` of the standard in the mixture, or (value, standard error).
    crystallinity
        Crystalline share :math:`c_s` of the standard, such as (0.9902, 0.0113), by certificate.

    Raises
    ------
    BadInput
        For fractions outside 0 to 1, and where the standard is missing or has no intensity.
    """
    values, variance = checked_scales(scales, crystals, covar)
    names = [crystal.name for crystal in crystals]
    if names.count(standard) != 1:
        raise BadInput(
            f"there are {names.count(standard)} crystals named {standard!r}",
            expected=f"one of {', '.join(names)}",
        )
    place = names.index(standard)
    spike, spike_error = share_and_error(weighed, "weighed", below_one=True)
    pure, pure_error = share_and_error(crystallinity, "crystallinity")
    zmv = _zmv(crystals)
    if not values[place] > DETECTION * math.sqrt(variance[place, place]):
        raise BadInput(
            f"the scale of {standard} is {values[place]:.3g} ± "
            f"{math.sqrt(variance[place, place]):.2g}: its lines are not seen",
            expected="a standard whose scale is known",
        )
    others = [i for i in range(len(names)) if i != place]

    def fractions(v: Array) -> Array:
        masses = v[: len(names)] * zmv
        share, crystalline = v[-2], v[-1]
        phases = masses[others] / masses[place] * share * crystalline / (1.0 - share)
        return np.append(phases, 1.0 - phases.sum())

    inputs = np.concatenate([values, [spike, pure]])
    errors = _with_errors(variance, [spike_error, pure_error])
    messages = []
    if pure == 1.0 and pure_error == 0.0:
        messages.append(f"{standard} is taken as wholly crystalline; most standards are not.")
    return _result(
        f"internal standard {standard}", [names[i] for i in others],
        *propagated(fractions, inputs, errors), messages=messages,
    )  # fmt: skip


@recorded
def amorphous_from_external_standard(
    scales: Sequence[float] | Array,
    crystals: Sequence[Crystal],
    *,
    covar: Array,
    calibration: Calibration,
    wavelength: Radiation | str | float,
    amorphous_composition: Mapping[str, float] | None = None,
    sample_absorption: Measured | None = None,
) -> AmorphousFraction:
    r"""Return the amorphous fraction from a standard measured apart in the same setup.

    .. math:: W_\alpha = S_\alpha (ZMV)_\alpha\, \mu^*_m / G, \qquad
              \mu^*_m = \sum_\alpha W_\alpha \mu^*_\alpha + W_{am} \mu^*_{am}

    O'Connor & Raven, Powder Diffr. 3, 2 (1988). The mass absorption depends on the fractions; what
    iterating them together converges to is taken at once, since both equations are linear.

    Parameters
    ----------
    scales, crystals, covar
        As in `weight_fractions`.
    calibration
        From `calibrate_external_standard`.
    wavelength
        Radiation.
    amorphous_composition
        Atoms of the amorphous part; that of the crystalline phases together where None.
    sample_absorption
        Mass attenuation of the sample in cm²/g where known (by its elemental analysis), or (value,
        standard error).

    Raises
    ------
    BadInput
        For a calibration of another kind, and where no absorption satisfies both equations.
    """
    values, variance = checked_scales(scales, crystals, covar)
    if calibration.kind != "external standard":
        raise BadInput(
            f"a calibration of kind {calibration.kind!r}",
            expected="one from calibrate_external_standard",
        )
    zmv = _zmv(crystals)
    mu = np.array([mass_absorption(crystal, wavelength=wavelength) for crystal in crystals])
    halo = None
    if amorphous_composition is not None:
        halo = mass_absorption(amorphous_composition, wavelength=wavelength)
    known, known_error = (math.nan, 0.0)
    if sample_absorption is not None:
        known, known_error = number_and_error(sample_absorption, "sample_absorption")
        if not known > 0:
            raise BadInput(f"sample_absorption {known:g} cm²/g", expected="a number above 0")

    def absorption(v: Array) -> float:
        if sample_absorption is not None:
            return float(v[-1])
        perceived = v[: len(mu)] * zmv / v[len(mu)]
        if halo is None:
            return float(perceived @ mu / perceived.sum())
        return halo / (1.0 - float(perceived @ (mu - halo)))

    def fractions(v: Array) -> Array:
        phases = v[: len(mu)] * zmv / v[len(mu)] * absorption(v)
        return np.append(phases, 1.0 - phases.sum())

    inputs = np.concatenate([values, [calibration.value, known]])
    if not absorption(inputs) > 0:
        raise BadInput(
            "the scales are too large for the calibration: no absorption of the sample fits them",
            expected="sample and standard measured with one setup and exposure",
        )
    if sample_absorption is None:
        inputs[-1] = 0.0
    errors = _with_errors(variance, [calibration.stderr, known_error])
    messages = ["Sample and standard must be thick, flat and measured with one setup and exposure."]
    if halo is None and sample_absorption is None:
        messages.append("The amorphous part is taken to absorb as the crystalline phases together.")
    return _result(
        "external standard", [c.name for c in crystals],
        *propagated(fractions, inputs, errors), messages=messages, absorption=absorption(inputs),
    )  # fmt: skip


@recorded
def amorphous_from_halo(
    scales: Sequence[float] | Array,
    crystals: Sequence[Crystal],
    *,
    covar: Array,
    calibration: Calibration,
) -> AmorphousFraction:
    r"""Return the amorphous fraction from the scale of a halo of fixed, calibrated shape.

    .. math:: W_{am} = \frac{S_h (ZMV)_h}{S_h (ZMV)_h + \sum_\alpha S_\alpha (ZMV)_\alpha}

    Scarlett & Madsen, Powder Diffr. 21, 278 (2006).

    Parameters
    ----------
    scales
        Scale of each crystalline phase, then the scale of the halo.
    crystals
        Structures of the crystalline phases.
    covar
        Covariance of the scales, the halo's last, or standard errors.
    calibration
        From `calibrate_halo`, with the halo of the same shape.
    """
    if calibration.kind != "halo":
        raise BadInput(
            f"a calibration of kind {calibration.kind!r}", expected="one from calibrate_halo"
        )
    values, variance = checked_scales(scales, [*crystals, *crystals[:1]], covar)
    zmv = _zmv(crystals)

    def fractions(v: Array) -> Array:
        masses = np.append(v[: len(zmv)] * zmv, v[-2] * v[-1])
        return np.asarray(masses / masses.sum())

    inputs = np.append(values, calibration.value)
    found, found_covar = propagated(fractions, inputs, _with_errors(variance, [calibration.stderr]))
    return _result(
        "calibrated halo", [c.name for c in crystals], found, found_covar,
        messages=["The halo must have the shape, and so the composition, of the calibration."],
    )  # fmt: skip


@recorded
def spread_over_choices(results: Mapping[str, AmorphousFraction]) -> Spread:
    """Return how one fraction varies with the analyst's choices.

    Parameters
    ----------
    results
        The fraction of one sample under each choice: standard, displacements, background order,
        method. Their spread is usually larger than the error of each.

    Raises
    ------
    BadInput
        For fewer than two choices.
    """
    if len(results) < 2:
        raise BadInput(f"{len(results)} choices", expected="at least two to compare")
    values = np.array([result.amorphous for result in results.values()])
    errors = np.array([result.stderr for result in results.values()])
    half = 0.5 * float(np.ptp(values))
    return Spread(
        choice=np.array(list(results)),
        amorphous=values,
        stderr=errors,
        mean=float(values.mean()),
        half_range=half,
        total_stderr=math.sqrt(float(np.mean(errors**2)) + half**2 / 3.0),
    )


def _result(
    method: str,
    names: Sequence[str],
    found: Array,
    covar: Array,
    *,
    messages: Sequence[str],
    absorption: float = math.nan,
) -> AmorphousFraction:
    errors = np.sqrt(np.maximum(np.diag(covar), 0.0))
    notes = list(messages)
    if found[-1] < -2.0 * errors[-1]:
        notes.append(
            f"The amorphous fraction is {found[-1]:.3f} ± {errors[-1]:.3f}, below zero: an input, "
            "a structure or its displacements are wrong, or grains absorb unequally."
        )
    elif found[-1] < DETECTION * errors[-1]:
        notes.append(f"No amorphous part is told from none (limit {DETECTION * errors[-1]:.3f}).")
    return AmorphousFraction(
        method=method,
        amorphous=float(found[-1]),
        stderr=float(errors[-1]),
        detection_limit=float(DETECTION * errors[-1]),
        phase=np.array(list(names), dtype=str),
        weight_fraction=found[:-1],
        weight_fraction_stderr=errors[:-1],
        covar=covar,
        mass_absorption=absorption,
        messages=tuple(notes),
    )


def _zmv(crystals: Sequence[Crystal]) -> Array:
    return np.array([math.prod(cell_content(crystal)) for crystal in crystals])


def _with_errors(covar: Array, errors: Sequence[float]) -> Array:
    """Return a covariance with independent inputs added."""
    count = len(covar)
    whole = np.zeros((count + len(errors), count + len(errors)))
    whole[:count, :count] = covar
    whole[range(count, len(whole)), range(count, len(whole))] = np.square(errors)
    return whole
