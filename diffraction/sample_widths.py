"""Widths of lines with the instrument taken out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from xorder.diffraction.instrument_resolution import InstrumentResolution, measured_parts
from xorder.diffraction.peak_tracking import PeakTable
from xorder.diffraction.voigt_widths import (
    BETA_GAUSS,
    BETA_LORENTZ,
    voigt_breadth,
    voigt_fwhm,
)
from xorder.errors import BadInput
from xorder.results import Array, Result, quantity, recorded

__all__ = [
    "SampleWidths",
    "Shape",
    "Width",
    "lines_of_sample",
    "notes_of_sample",
    "reciprocal_factor",
    "reciprocal_spacing",
    "reciprocal_widths",
    "remove_instrument",
]

Shape = Literal["voigt", "lorentzian", "gaussian"]
Width = Literal["fwhm", "beta"]

#: A line this many degrees outside those of the standard is beyond the curve.
BEYOND = 5.0
#: Broadening below this many standard errors is none.
RESOLVED = 2.0
#: Broadening below this share of the instrument's width is as good as none.
LEAST = 0.05
#: A straight line goes through two points whatever they are.
FEWEST_LINES = 3


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class SampleWidths(Result):
    """Widths of lines with the instrument taken out: what size and strain are made of."""

    plane: NDArray[np.str_] = quantity(dims=("plane",))
    """Plane as ``"h k l"``."""
    sample: NDArray[np.str_] = quantity(dims=("plane",))
    """Name of the sample."""
    two_theta: Array = quantity("°", symbol="2θ", dims=("plane",))
    """Position."""
    wavelength: Array = quantity("Å", symbol="λ", dims=("plane",))
    """Wavelength of the first line of the radiation."""
    fwhm: Array = quantity("°", symbol="FWHM", dims=("plane",))
    """FWHM that the sample alone would give; 0 where the line is no wider than the instrument's."""
    fwhm_stderr: Array = quantity("°", dims=("plane",))
    """Standard error of `fwhm`."""
    beta: Array = quantity("°", symbol="β", dims=("plane",))
    """Integral breadth that the sample alone would give."""
    beta_stderr: Array = quantity("°", dims=("plane",))
    """Standard error of `beta`."""
    lorentz: Array = quantity("°", symbol="Γ_L", dims=("plane",))
    """Lorentzian FWHM, measured less instrument; noise may take it below 0."""
    gauss_squared: Array = quantity("°²", symbol="Γ_G²", dims=("plane",))
    """Squared Gaussian FWHM, measured less instrument; noise may take it below 0."""
    measured_fwhm: Array = quantity("°", dims=("plane",))
    """FWHM as measured."""
    instrument_fwhm: Array = quantity("°", dims=("plane",))
    """FWHM of the instrument there."""
    resolved: NDArray[np.bool_] = quantity(dims=("plane",))
    """Whether the line is wider than the instrument's by more than 2 standard errors."""
    overlapped: NDArray[np.bool_] = quantity(dims=("plane",))
    """Whether the width is that of a group of lines."""
    shape: Shape
    """What the sample's broadening was taken to be."""
    covar: Array = quantity()
    """Covariance of [`lorentz`, `gauss_squared`], shape (2 N, 2 N), the instrument's included."""
    fwhm_covar: Array = quantity("°²")
    """Covariance of `fwhm`, shape (N, N)."""
    beta_covar: Array = quantity("°²")
    """Covariance of `beta`, shape (N, N)."""
    messages: tuple[str, ...] = ()
    """What a user must know, one sentence each."""


@recorded
def remove_instrument(
    table: PeakTable, *, instrument: InstrumentResolution | None, shape: Shape = "voigt"
) -> SampleWidths:
    r"""Return the widths that the samples alone would give.

    Lorentzian widths subtract, Gaussian widths subtract in square. Subtracting FWHM linearly or in
    square is wrong by up to 50 % for a line that is not much wider than the instrument's.

    Parameters
    ----------
    table
        Peaks of the samples; lost and failed ones are left out.
    instrument
        The resolution. There is no size or strain without one.
    shape
        What the sample's broadening is: ``"voigt"`` uses width and η of each line (where noise
        takes one part below zero, the other alone explains the width); ``"lorentzian"`` and
        ``"gaussian"`` use the width only and suit weak lines, whose η is not known.

    Raises
    ------
    BadInput
        Where no instrument is given, no line has a width, or a line lies outside an interpolated
        resolution.
    """
    if instrument is None:
        raise BadInput(
            "there is no resolution of the instrument, and a width without it is no size",
            expected="instrument=resolution_from_standard(peaks of LaB6 or Si)",
        )
    if shape not in ("voigt", "lorentzian", "gaussian"):
        raise BadInput(f"shape {shape!r}", expected="'voigt', 'lorentzian' or 'gaussian'")
    used = np.flatnonzero(table.success & np.isfinite(table.fwhm))
    if used.size == 0:
        raise BadInput("no line of the table has a width", expected="fitted peaks")
    angles, fwhm = table.two_theta[used], table.fwhm[used]
    lorentz, square, measured_covar = measured_parts(table, used)
    design = instrument.design(angles)
    own = np.stack(instrument.parts(angles))
    own_covar = design @ instrument.covar @ design.T
    difference = np.stack([lorentz, square]) - own
    kept, from_measured, from_own = _allowed(fwhm, (lorentz, square), own, difference, shape)
    covar = measured_covar + own_covar
    kept_covar = (
        from_measured @ measured_covar @ from_measured.T + from_own @ own_covar @ from_own.T
    )
    instrument_fwhm, slope = voigt_fwhm(*own)
    width = voigt_fwhm(*kept)[0]
    beta = voigt_breadth(BETA_LORENTZ * kept[0], BETA_GAUSS**2 * kept[1])[0]
    # Slopes have no bound where a width vanishes: they are taken at a width that does not.
    least = LEAST * instrument_fwhm
    at = np.where(width < least, np.stack([least, least**2]), kept)
    to_width = _wide(voigt_fwhm(*at)[1])
    to_beta = voigt_breadth(BETA_LORENTZ * at[0], BETA_GAUSS**2 * at[1])[1]
    to_beta = _wide(to_beta * [BETA_LORENTZ, BETA_GAUSS**2])
    fwhm_covar = to_width @ kept_covar @ to_width.T
    beta_covar = to_beta @ kept_covar @ to_beta.T
    excess_variance = table.fwhm_stderr[used] ** 2 + np.diag(
        _wide(slope) @ own_covar @ _wide(slope).T
    )
    return SampleWidths(
        plane=table.plane[used],
        sample=table.sample[used],
        two_theta=angles,
        wavelength=2.0 * table.d[used] * np.sin(np.deg2rad(angles) / 2.0),
        fwhm=width,
        fwhm_stderr=np.sqrt(np.diag(fwhm_covar)),
        beta=beta,
        beta_stderr=np.sqrt(np.diag(beta_covar)),
        lorentz=difference[0] if shape == "voigt" else kept[0],
        gauss_squared=difference[1] if shape == "voigt" else kept[1],
        measured_fwhm=fwhm,
        instrument_fwhm=instrument_fwhm,
        resolved=fwhm - instrument_fwhm > RESOLVED * np.sqrt(excess_variance),
        overlapped=table.overlapped[used],
        shape=shape,
        covar=covar if shape == "voigt" else kept_covar,
        fwhm_covar=fwhm_covar,
        beta_covar=beta_covar,
        messages=_messages(table, used, instrument, fwhm - instrument_fwhm),
    )


def reciprocal_spacing(widths: SampleWidths) -> Array:
    """Return s = 2 sin θ / λ of each line in Å⁻¹."""
    return np.asarray(2.0 * np.sin(np.deg2rad(widths.two_theta) / 2.0) / widths.wavelength)


def reciprocal_factor(widths: SampleWidths) -> Array:
    """Return cos θ / λ in radians: what makes a width in degrees one in Å⁻¹."""
    theta = np.deg2rad(widths.two_theta) / 2.0
    return np.asarray(np.deg2rad(np.cos(theta)) / widths.wavelength)


def reciprocal_widths(widths: SampleWidths, width: Width) -> tuple[Array, Array]:
    """Return the width of each line in Å⁻¹ and the covariance of them all."""
    scale = reciprocal_factor(widths)
    value = widths.fwhm if width == "fwhm" else widths.beta
    covar = widths.fwhm_covar if width == "fwhm" else widths.beta_covar
    return scale * value, covar * np.outer(scale, scale)


def lines_of_sample(widths: SampleWidths, sample: str | None) -> NDArray[np.int64]:
    """Return the usable lines of one sample."""
    names = np.unique(widths.sample)
    if sample is None and len(names) > 1:
        raise BadInput(
            f"the widths are of {len(names)} samples", expected=f"sample= one of {', '.join(names)}"
        )
    if sample is not None and sample not in names:
        raise BadInput(f"no sample {sample!r}", expected=f"one of {', '.join(names)}")
    own = widths.sample == (names[0] if sample is None else sample)
    chosen = np.flatnonzero(own & ~widths.overlapped)
    s = np.sort(reciprocal_spacing(widths)[chosen])
    different = 1 + np.count_nonzero(np.diff(s) > 0.01 * s[:-1]) if s.size else 0
    if different < FEWEST_LINES:
        raise BadInput(
            f"{different} separable lines of {names[0] if sample is None else sample or 'it'} "
            "have a width",
            expected=f"at least {FEWEST_LINES} of different d; two points always lie on a line",
        )
    return chosen


def notes_of_sample(widths: SampleWidths, sample: str | None) -> tuple[str, ...]:
    """Return what the widths say, and which lines of a sample are left out."""
    own = np.ones(len(widths.plane), bool) if sample is None else widths.sample == sample
    crowd = [f"({p})" for p in widths.plane[own & widths.overlapped]]
    text = f"{', '.join(crowd)} left out: the width is that of a group of lines."
    return (*widths.messages, *((text,) if crowd else ()))


def _allowed(
    fwhm: Array, measured: tuple[Array, Array], own: Array, difference: Array, shape: Shape
) -> tuple[Array, Array, Array]:
    """Return parts of the sample's lines that are not below zero, shape (2, N).

    With them their derivatives by the parts of the measured and of the instrument's lines, each
    shape (2 N, 2 N).
    """
    count = len(fwhm)
    only = np.full(count, {"voigt": -1, "lorentzian": 0, "gaussian": 1}[shape])
    if shape == "voigt":
        only = np.where(difference[0] < 0, 1, np.where(difference[1] < 0, 0, only))
    kept = difference.copy()
    blocks = np.zeros((2, count, 2, 2))
    blocks[0], blocks[1] = np.eye(2), -np.eye(2)
    slope = voigt_fwhm(*measured)[1]
    for part in (0, 1):
        held = np.flatnonzero(only == part)
        extra, at = _extra(fwhm[held], own[:, held], part)
        kept[:, held] = 0.0
        kept[part, held] = extra
        blocks[:, held] = 0.0
        divisor = np.maximum(at[:, part], 1e-12)
        blocks[0, held, part] = slope[held] / divisor[:, None]
        blocks[1, held, part] = -at / divisor[:, None]
    return kept, _block_diagonal(blocks[0]), _block_diagonal(blocks[1])


def _extra(fwhm: Array, own: Array, part: int) -> tuple[Array, Array]:
    """Return how much of one part widens the instrument's lines to `fwhm`, and the slopes there."""
    low = np.zeros_like(fwhm)
    high = fwhm ** (1 + part)
    for _ in range(60):
        middle = 0.5 * (low + high)
        trial = own.copy()
        trial[part] += middle
        wide = voigt_fwhm(*trial)[0] > fwhm
        low, high = np.where(wide, low, middle), np.where(wide, middle, high)
    trial = own.copy()
    trial[part] += low
    return low, voigt_fwhm(*trial)[1]


def _block_diagonal(blocks: Array) -> Array:
    """Return (N, 2, 2) blocks as a matrix over [first parts, second parts]."""
    return np.asarray(np.block([[np.diag(blocks[:, i, j]) for j in (0, 1)] for i in (0, 1)]))


def _wide(slopes: Array) -> Array:
    """Return derivatives of N values by their own two parts, shape (N, 2), as (N, 2 N)."""
    return np.concatenate([np.diag(slopes[:, 0]), np.diag(slopes[:, 1])], axis=1)


def _messages(
    table: PeakTable, used: NDArray[np.int64], instrument: InstrumentResolution, excess: Array
) -> tuple[str, ...]:
    messages = list(instrument.messages)
    low, high = instrument.two_theta[0] - BEYOND, instrument.two_theta[-1] + BEYOND
    for row, wider in zip(used, excess, strict=True):
        name = f"({table.plane[row]}) of {table.sample[row] or 'the sample'}"
        if not low <= table.two_theta[row] <= high:
            messages.append(
                f"{name} at {table.two_theta[row]:.1f}° lies beyond the lines of the standard: the "
                "instrument's width is extrapolated."
            )
        if wider < -3.0 * table.fwhm_stderr[row]:
            messages.append(
                f"{name} is narrower than the instrument's line: the standard was measured "
                "otherwise, or is itself broadened."
            )
    return tuple(messages)
