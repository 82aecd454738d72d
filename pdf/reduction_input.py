"""What a reduction starts from: everything on one grid, checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from xorder.cif_sites import parse_formula
from xorder.errors import BadInput
from xorder.pdf import absorption
from xorder.pdf.compton import compton_scattering
from xorder.pdf.data_range import advise_q_max, advise_q_min, estimate_noise
from xorder.pdf.form_weights import elements_near_edge
from xorder.pdf.intensity import Intensity, check_wavelength
from xorder.pdf.normalization import SelfScattering
from xorder.pdf.reduction_options import ReductionOptions
from xorder.results import Array

__all__ = [
    "NEGATIVE_SHARE",
    "ReductionTable",
    "amounts_of",
    "angular_factor",
    "reduction_table",
    "wavelength_of",
]

#: Fewest points of Q that make a G(r).
FEWEST_POINTS = 50
#: Largest share of negative intensities that can be noise about zero.
NEGATIVE_SHARE = 0.01


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class ReductionTable:
    """Everything on the grid of the sample, from q_min to the end of the polynomial."""

    q: Array
    """Q in Å⁻¹, shape (Q,)."""
    counts: Array
    """Counts of everything."""
    variance: Array
    """Variance of the counts."""
    names: tuple[str, ...]
    """Which backgrounds there are: ``"background"``, ``"container"``."""
    backgrounds: tuple[Array, ...]
    """Their counts."""
    background_variances: tuple[Array, ...]
    """Variances of their counts."""
    angular: Array
    """Polarization times absorption times detector efficiency."""
    atoms: SelfScattering
    """What the atoms scatter on their own."""
    in_range: int
    """Points up to q_max."""


def amounts_of(formula: str, data: Intensity) -> dict[str, float]:
    """Return the amounts of the elements; BadInput where there is no formula or no X-rays."""
    if data.radiation != "xray":
        raise BadInput("the data are of neutrons", expected="X-ray counts")
    if not formula.strip():
        raise BadInput(
            "the composition is missing",
            expected="a formula such as 'NaTaCl6'",
            source=data.source or None,
        )
    amounts = parse_formula(formula)
    if not amounts or sum(amounts.values()) <= 0:
        raise BadInput(f"composition is {formula!r}", expected="a formula such as 'NaTaCl6'")
    return amounts


def wavelength_of(data: Intensity, given: float | None, options: ReductionOptions) -> float:
    """Return the wavelength in Å, NaN where unknown and not needed."""
    wavelength = data.wavelength if given is None else given
    if given is not None:
        check_wavelength(given)
        # A wavelength that the data contradict, as with Q in nm⁻¹, is said by the data class.
        replace(data, wavelength=given)
    if math.isnan(wavelength) and options.needs_angles:
        raise BadInput(
            "the wavelength is missing, and a correction depends on the angle",
            expected="the wavelength in Å",
        )
    return wavelength


def reduction_table(
    data: Intensity,
    background: Intensity | None,
    container: Intensity | None,
    amounts: Mapping[str, float],
    wavelength: float,
    options: ReductionOptions,
    messages: list[str],
) -> ReductionTable:
    """Return everything on the grid of the data within range; doubts go to `messages`."""
    noise = data.stderr
    if noise is None:
        noise = estimate_noise(data.intensity)
        messages.append("errors are estimated from the scatter of neighbouring points")
    q_min, q_max = _range(data, noise, amounts, options)
    last = max(q_max, options.q_max_inst or q_max)
    used = (data.q >= q_min * (1 - 1e-9)) & (data.q <= last * (1 + 1e-9))
    q = data.q[used]
    if len(q) < FEWEST_POINTS:
        raise BadInput(
            f"{len(q)} points lie between Q = {q_min:g} and {q_max:g} Å⁻¹",
            expected=f"at least {FEWEST_POINTS}",
        )
    _check_negative(data.intensity[used], q, messages)
    named = {"background": background, "container": container}
    present = {name: other for name, other in named.items() if other is not None}
    others = [_on_grid(name, other, q) for name, other in present.items()]
    recoil = None if math.isnan(wavelength) else wavelength
    incoherent = None
    if options.subtracts_compton:
        incoherent = compton_scattering(amounts, q, wavelength=recoil, power=options.recoil_power)
        if recoil is None:
            messages.append("without a wavelength Compton scattering is taken without recoil")
    messages.extend(
        f"the wavelength of {wavelength:g} Å lies at an absorption edge of {element}, where f' and "
        "f'' of the free atom may be several electrons wrong"
        for element in elements_near_edge(amounts, wavelength)
    )
    return ReductionTable(
        q=q,
        counts=data.intensity[used],
        variance=noise[used] ** 2,
        names=tuple(present),
        backgrounds=tuple(values for values, _ in others),
        background_variances=tuple(variance for _, variance in others),
        angular=angular_factor(q, wavelength, options),
        atoms=SelfScattering.of(amounts, q, incoherent, wavelength),
        in_range=int(np.searchsorted(q, q_max * (1 + 1e-9))),
    )


def _range(
    data: Intensity, noise: Array, amounts: Mapping[str, float], options: ReductionOptions
) -> tuple[float, float]:
    """Return q_min and q_max, advised where they are not given; both within the data."""
    for name in ("q_max", "q_max_inst"):
        value = getattr(options, name)
        if value is not None and value > data.q[-1] * (1 + 1e-3):
            raise BadInput(
                f"{name} is {value:g} Å⁻¹ and the data end at {data.q[-1]:.6g} Å⁻¹",
                expected=f"{name} within the data",
                source=data.source or None,
            )
    q_min = options.q_min
    if q_min is None:
        q_min = advise_q_min(data.q, data.intensity)
    q_max = options.q_max
    if q_max is None:
        q_max = _advised_end(data, noise, amounts)
    if not q_min < q_max or q_min >= data.q[-1] or q_max <= data.q[0]:
        raise BadInput(
            f"no data lie between Q = {q_min:g} and {q_max:g} Å⁻¹; they cover "
            f"{data.q[0]:.4g} to {data.q[-1]:.4g} Å⁻¹",
            expected="a range within the data",
            source=data.source or None,
        )
    return q_min, min(q_max, float(data.q[-1]))


def _advised_end(data: Intensity, noise: Array, amounts: Mapping[str, float]) -> float:
    """Return the advised Qmax in Å⁻¹ of counts; see `xorder.pdf.data_range.advise_q_max`."""
    atoms = SelfScattering.of(amounts, data.q, None)
    sharpening = data.q / atoms.mean_f_squared
    return advise_q_max(data.q, data.intensity * sharpening, noise * sharpening)


def _check_negative(counts: Array, q: Array, messages: list[str]) -> None:
    negative = np.flatnonzero(counts < 0)
    if not len(negative):
        return
    found = f"{len(negative)} of {len(q)} intensities are negative, first at Q = {q[negative[0]]:g}"
    if len(negative) > NEGATIVE_SHARE * len(q):
        raise BadInput(f"{found} Å⁻¹", expected="counts before a background is subtracted")
    messages.append(f"{found} Å⁻¹")


def _on_grid(name: str, other: Intensity, q: Array) -> tuple[Array, Array]:
    """Return the counts of a background at `q`, and their variance."""
    slack = float(np.median(np.diff(q)))
    if other.q[0] > q[0] + slack or other.q[-1] < q[-1] - slack:
        raise BadInput(
            f"the {name} covers Q = {other.q[0]:.4g} to {other.q[-1]:.4g} Å⁻¹ and the data "
            f"{q[0]:.4g} to {q[-1]:.4g} Å⁻¹",
            expected=f"a {name} over the same range, or a smaller q_max",
            source=other.source or None,
        )
    if len(other.q) == len(q) and np.array_equal(other.q, q):
        values, noise = other.intensity, other.stderr
    else:
        values = np.interp(q, other.q, other.intensity)
        noise = None if other.stderr is None else np.interp(q, other.q, other.stderr)
    return values, (estimate_noise(values) if noise is None else noise) ** 2


def angular_factor(q: Array, wavelength: float, options: ReductionOptions) -> Array:
    """Return polarization times absorption times detector efficiency, shape (Q,)."""
    if not options.needs_angles:
        return np.ones_like(q)
    two_theta = 2 * np.rad2deg(np.arcsin(np.minimum(q * wavelength / (4 * math.pi), 1.0)))
    factor = np.ones_like(q)
    if options.polarization is not None:
        factor *= absorption.polarization_factor(two_theta, polarization=options.polarization)
    if options.absorption == "capillary":
        factor *= absorption.cylinder_transmission(two_theta, mu_r=options.mu_r)
    elif options.absorption != "none":
        factor *= absorption.plate_transmission(
            two_theta, mu_t=options.mu_r, geometry=options.absorption
        )
    if options.detector_transmission is not None:
        factor *= absorption.detector_efficiency(
            two_theta, transmission=options.detector_transmission
        )
    return factor
