r"""From counts to G(r).

The counts I(Q), or I(2θ), are a sum: α I = P A E (⟨f²⟩ + C + ⟨f⟩²[S(Q) - 1]) + s_b B + φ, with
polarization P, absorption A, efficiency E of an oblique detector, Compton scattering C,
backgrounds B and a constant level φ. Each term is corrected where the options say so. What stays
is slow in Q and, on request, goes into a polynomial through the origin of F(Q) whose degree keeps
it below r_poly (Juhás, Davis, Farrow & Billinge, J. Appl. Cryst. 46, 560 (2013)).
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, replace

import numpy as np

from xorder.errors import BadInput, DataWarning
from xorder.pdf.data_range import advise_q_max, advise_q_min
from xorder.pdf.functions import gr_covariance_from_fq, gr_from_fq, noise_from_fq
from xorder.pdf.intensity import Intensity
from xorder.pdf.normalization import (
    LowDistances,
    SelfScattering,
    high_q_scale,
    krogh_moe_scale,
    low_r_misfit,
    low_r_solution,
)
from xorder.pdf.reduction_input import (
    NEGATIVE_SHARE,
    ReductionTable,
    amounts_of,
    reduction_table,
    wavelength_of,
)
from xorder.pdf.reduction_options import ReductionOptions
from xorder.pdf.reduction_result import Reduction
from xorder.results import Array, Number, recorded

__all__ = ["polynomial_part", "reduce"]

#: Rest of G(r) + 4πρ0 r below r_cut, relative, from which the scale deserves doubt.
LARGEST_MISFIT = 0.3
#: Distance of the mean of S(Q) from 1, at high Q, that is worth a word.
LARGEST_OFFSET = 0.1
#: A step of Q is a gap from this many usual ones.
GAP = 5.0
ARBITRARY = (
    "the absolute scale of G(r) is arbitrary, as a polynomial stands for the corrections: "
    "coordination numbers and amounts need normalization 'low_r', 'krogh_moe' or 'high_q'; ratios "
    "within this G(r) hold"
)


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class _Scales:
    """What multiplies and what is subtracted."""

    scale: float
    scale_stderr: float
    backgrounds: tuple[float, ...]
    fluorescence: float
    low: LowDistances | None


@recorded
def reduce(
    data: Intensity,
    *,
    composition: str | None = None,
    wavelength: float | None = None,
    background: Intensity | None = None,
    container: Intensity | None = None,
    options: ReductionOptions | None = None,
) -> Reduction:
    """Return S(Q), F(Q) and G(r) from counts of X-rays.

    Parameters
    ----------
    data
        Counts of sample and everything around it, over Q; `intensity_from_two_theta` makes them
        from angles. Its ``stderr`` is carried to G(r); without one the scatter of neighbouring
        points stands for it.
    composition
        Chemical formula such as ``"NaTaCl6"``; None takes that of `data`.
    wavelength
        Wavelength in Å; None takes that of `data`. Needed for corrections that depend on the angle.
    background, container
        Counts without the sample, and of the empty container, which may be fewer or more points
        but must cover the range of Q.
    options
        Everything else; None is the default, which is quick and leaves the scale arbitrary.

    Returns
    -------
    :
        G(r) with its errors, the steps between, `numbers` (scales, advised range, quality) and
        `messages`.

    Raises
    ------
    BadInput
        Where composition or wavelength is missing or impossible, intensities are negative, the
        range is empty or beyond the data, a background covers another range, or no positive scale
        comes out.

    Warns
    -----
    DataWarning
        Where the absolute scale is arbitrary, and for what the data make doubtful.
    """
    options = options or ReductionOptions()
    formula = data.composition if composition is None else composition
    amounts = amounts_of(formula, data)
    wavelength = wavelength_of(data, wavelength, options)
    messages: list[str] = []
    table = reduction_table(data, background, container, amounts, wavelength, options, messages)
    scales = _scales(table, options)
    fq, polynomial, stderr = _structure(table, scales, options, messages)
    result = _transform(table, scales, fq, polynomial, stderr, options)
    numbers = _numbers(table, scales, result, options)
    _doubts(table, result, numbers, scales, data, options, wavelength, messages)
    for message in messages:
        warnings.warn(f"{data.name or 'data'}: {message}", DataWarning, stacklevel=3)
    return replace(
        result,
        composition=formula,
        wavelength=wavelength,
        name=data.name,
        source=data.source,
        simulated=data.simulated,
        numbers=numbers,
        messages=tuple(messages),
    )


def polynomial_part(q: Array, fq: Array, *, degree: float) -> Array:
    """Return the polynomial through the origin that fits F(Q) best.

    Parameters
    ----------
    q, fq
        Q in Å⁻¹ and F(Q) in Å⁻¹, shape (Q,).
    degree
        Degree, r_poly Qmax / π; between whole numbers the two fits are mixed in proportion
        (Juhás et al. 2013). Below 1 nothing is fitted.

    Returns
    -------
    :
        Polynomial in Å⁻¹, shape (Q,).
    """
    lower = int(degree)
    if degree <= 0:
        return np.zeros_like(fq)
    if lower + 1 >= len(q):
        raise BadInput(f"a polynomial of degree {degree:g} through {len(q)} points")
    x = 2 * q / q[-1] - 1
    columns = np.polynomial.chebyshev.chebvander(x, lower) * q[:, None]
    # Orthogonal columns in the order of degree: leaving out the last is the fit of lower degree.
    # Gram–Schmidt by hand, as a library's QR of so few columns loses 50 ms to idle threads.
    rest, part = fq, np.zeros_like(fq)
    for column in range(lower + 1):
        direction = columns[:, column] / math.sqrt(columns[:, column] @ columns[:, column])
        along = direction * (direction @ rest)
        rest = rest - along
        part += along * (degree - lower if column == lower else 1.0)
        columns[:, column + 1 :] -= np.outer(direction, direction @ columns[:, column + 1 :])
    return part


def _scales(table: ReductionTable, options: ReductionOptions) -> _Scales:
    """Return the scales as given, found from low r, and normalised by the route asked for."""
    given = _given(table, options)
    unknown = [i for i, value in enumerate(given) if value is None]
    ad_hoc = options.normalization == "ad_hoc"
    fits_level = options.fluorescence is None and not ad_hoc
    low = None
    end = table.in_range
    q, angular = table.q[:end], table.angular[:end]
    if options.normalization == "low_r" or unknown or fits_level:
        known = [(b, s) for b, s in zip(table.backgrounds, given, strict=True) if s is not None]
        counts = table.counts - sum((s * b for b, s in known), start=options.fluorescence or 0.0)
        low = low_r_solution(
            q,
            counts[:end] / angular,
            tuple(table.backgrounds[i][:end] / angular for i in unknown),
            1 / angular if fits_level or ad_hoc else None,
            _part(table.atoms, end),
            r_cut=options.r_cut,
            rho0=options.rho0,
        )
        for index, value in zip(unknown, low.backgrounds, strict=True):
            given[index] = value
    backgrounds = tuple(float(value or 0.0) for value in given)
    level = low.fluorescence if low is not None and fits_level else options.fluorescence or 0.0
    found = _Scales(
        scale=low.scale if low is not None else math.nan,
        scale_stderr=low.scale_stderr if low is not None else math.nan,
        backgrounds=backgrounds,
        fluorescence=level,
        low=low,
    )
    if options.normalization == "low_r":
        return found
    scale = _other_scale(table, found, options)
    # The backgrounds found at low r carry their doubt into every scale.
    stderr = math.nan if ad_hoc else abs(found.scale_stderr / found.scale * scale)
    return replace(found, scale=scale, scale_stderr=stderr)


def _given(table: ReductionTable, options: ReductionOptions) -> list[float | None]:
    scales = {"background": options.background_scale, "container": options.container_scale}
    return [scales[name] for name in table.names]


def _other_scale(table: ReductionTable, found: _Scales, options: ReductionOptions) -> float:
    end = table.in_range
    q = table.q[:end]
    corrected = _corrected(table, found)[:end]
    atoms = _part(table.atoms, end)
    if options.normalization == "krogh_moe":
        return krogh_moe_scale(q, corrected, atoms, options.rho0 or 0.0)
    start = float(q[0]) if options.normalization == "ad_hoc" else (float(q[0]) + float(q[-1])) / 2
    return high_q_scale(q, corrected, atoms, start=start)


def _corrected(table: ReductionTable, scales: _Scales) -> Array:
    """Return the counts of the sample alone, corrected for angle."""
    rest = table.counts - scales.fluorescence
    for scale, background in zip(scales.backgrounds, table.backgrounds, strict=True):
        rest = rest - scale * background
    return np.asarray(rest / table.angular)


def _part(atoms: SelfScattering, end: int) -> SelfScattering:
    return SelfScattering(
        mean_f_squared=atoms.mean_f_squared[:end],
        mean_of_f_squared=atoms.mean_of_f_squared[:end],
        compton=atoms.compton[:end],
    )


def _structure(
    table: ReductionTable, scales: _Scales, options: ReductionOptions, messages: list[str]
) -> tuple[Array, Array, Array]:
    """Return F(Q) before the polynomial, the polynomial, and the standard error of F(Q)."""
    corrected = _corrected(table, scales)
    negative = int(np.count_nonzero(corrected < 0))
    if negative > NEGATIVE_SHARE * len(table.q):
        messages.append(
            f"{negative} of {len(table.q)} intensities are negative after the backgrounds are "
            "subtracted: their scales are too large"
        )
    sharpening = table.q / table.atoms.mean_f_squared
    fq = sharpening * (scales.scale * corrected - table.atoms.total)
    variance = table.variance
    for scale, own in zip(scales.backgrounds, table.background_variances, strict=True):
        variance = variance + scale**2 * own
    stderr = scales.scale * sharpening * np.sqrt(variance) / table.angular
    degree = options.polynomial_distance * table.q[-1] / math.pi
    return fq, polynomial_part(table.q, fq, degree=degree), stderr


def _transform(
    table: ReductionTable,
    scales: _Scales,
    fq: Array,
    polynomial: Array,
    stderr: Array,
    options: ReductionOptions,
) -> Reduction:
    end = table.in_range
    count = math.floor((options.r_max - options.r_min) / options.r_step + 1e-6) + 1
    r = np.asarray(options.r_min + options.r_step * np.arange(count), dtype=np.float64)
    q, error = table.q[:end], stderr[:end]
    corrected = (fq - polynomial)[:end]
    gr = gr_from_fq(q, corrected, r, window=options.window, low_q=options.low_q)
    covariance = gr_covariance_from_fq(q, error, r, window=options.window)
    low = scales.low
    return Reduction(
        q=q,
        iq=scales.scale * _corrected(table, scales)[:end],
        self_scattering=table.atoms.total[:end],
        compton=table.atoms.compton[:end],
        polynomial=polynomial[:end],
        sq=1 + corrected / q,
        fq=corrected,
        fq_stderr=error,
        r=r,
        gr=gr,
        gr_stderr=covariance.stderr,
        covariance=covariance,
        noise=noise_from_fq(q, error, window=options.window),
        scale=scales.scale,
        scale_is_absolute=options.normalization != "ad_hoc",
        q_min=float(q[0]),
        q_max=float(q[-1]),
        rho0=_density(options, low),
    )


def _density(options: ReductionOptions, low: LowDistances | None) -> float:
    if options.rho0 is not None:
        return options.rho0
    return low.rho0 if low is not None and options.normalization != "ad_hoc" else math.nan


def _numbers(
    table: ReductionTable,
    scales: _Scales,
    result: Reduction,
    options: ReductionOptions,
) -> tuple[Number, ...]:
    stated = "" if result.scale_is_absolute else "arbitrary"
    numbers = [Number(name="scale", value=scales.scale, stderr=scales.scale_stderr, note=stated)]
    for name, value in zip(table.names, scales.backgrounds, strict=True):
        numbers.append(Number(name=f"{name}_scale", value=value))
    numbers.append(Number(name="fluorescence", value=scales.fluorescence, unit="counts"))
    if not math.isnan(result.rho0):
        numbers.append(Number(name="rho0", value=result.rho0, unit="Å⁻³"))
    if result.scale_is_absolute and result.rho0 > 0:
        misfit = low_r_misfit(result.q, result.fq, r_cut=options.r_cut, rho0=result.rho0)
        note = "distance of G(r) from -4πρ0 r below r_cut; 0 where the corrections are right"
        numbers.append(Number(name="low_r_misfit", value=misfit, note=note))
    upper = result.q > (result.q[0] + result.q[-1]) / 2
    spread = float(np.std(result.sq[upper]))
    points = np.count_nonzero(upper) ** 0.5
    numbers += [
        Number(
            name="high_q_mean",
            value=float(np.mean(result.sq[upper])),
            stderr=spread / points,
            note="mean of S(Q) over the upper half of Q; 1 where the corrections are right",
        ),
        Number(
            name="noise",
            value=float(np.median(result.gr_stderr)),
            unit="Å⁻²",
            note="median standard error of G(r)",
        ),
        Number(
            name="signal_to_noise",
            value=float(np.std(result.gr) / max(np.median(result.gr_stderr), 1e-300)),
        ),
        Number(
            name="advised_q_max",
            value=advise_q_max(table.q, *_noisy(table, scales)),
            unit="Å⁻¹",
        ),
        Number(name="advised_q_min", value=advise_q_min(table.q, table.counts), unit="Å⁻¹"),
    ]
    return tuple(numbers)


def _noisy(table: ReductionTable, scales: _Scales) -> tuple[Array, Array]:
    sharpening = table.q / table.atoms.mean_f_squared
    return sharpening * _corrected(table, scales), sharpening * np.sqrt(table.variance) / (
        table.angular
    )


def _doubts(
    table: ReductionTable,
    result: Reduction,
    numbers: tuple[Number, ...],
    scales: _Scales,
    data: Intensity,
    options: ReductionOptions,
    wavelength: float,
    messages: list[str],
) -> None:
    values = {number.name: number.value for number in numbers}
    if not result.scale_is_absolute:
        messages.insert(0, ARBITRARY)
    elif not options.subtracts_compton:
        messages.append("Compton scattering is left in, so the absolute scale is too small")
    if options.q_max is not None and values["advised_q_max"] < 0.98 * result.q_max:
        messages.append(
            f"F(Q) is noise above Q = {values['advised_q_max']:.3g} Å⁻¹, and q_max is "
            f"{result.q_max:.3g} Å⁻¹"
        )
    if values.get("low_r_misfit", 0.0) > LARGEST_MISFIT:
        messages.append(
            f"below {options.r_cut:g} Å G(r) misses -4πρ0 r by "
            f"{100 * values['low_r_misfit']:.0f} %: a correction is missing or r_cut is too large"
        )
    if min(scales.backgrounds, default=0.0) < 0 or scales.fluorescence < 0:
        messages.append("a fitted background scale or fluorescence level is negative")
    if result.rho0 <= 0:
        messages.append(
            f"the density found is {result.rho0:.3g} atoms Å⁻³: a correction is missing"
        )
    mean = values["high_q_mean"]
    if result.scale_is_absolute and abs(mean - 1) > LARGEST_OFFSET:
        messages.append(
            f"S(Q) is {mean:.3g} on average over the upper half of Q and should be 1: a correction "
            "or the density is wrong"
        )
    steps = np.diff(table.q)
    spacing, at = float(np.max(steps)), int(np.argmax(steps))
    if spacing > GAP * float(np.median(steps)):
        messages.append(f"there is a gap of {spacing:.3g} Å⁻¹ after Q = {table.q[at]:.4g} Å⁻¹")
    if options.r_max > math.pi / spacing:
        messages.append(
            f"steps of Q of {spacing:.3g} Å⁻¹ hold distances to {math.pi / spacing:.3g} Å only"
        )
