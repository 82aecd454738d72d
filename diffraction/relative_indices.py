"""What can be said about amorphization without a standard: relative numbers, never weight per cent.

An area ratio depends on the range, the blank and the baseline by up to tens of per cent; a loss of
crystalline scattering needs equal mass in the beam. Both are labelled as what they are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xorder.diffraction.quantification import DETECTION, propagated
from xorder.errors import BadInput
from xorder.results import Array, Result, quantity, recorded

__all__ = [
    "CrystallineLoss",
    "RelativeIndex",
    "area_ratio_index",
    "crystalline_loss",
]

#: A sum of crystalline and amorphous share this many standard errors off 1 is not a mirror.
MIRROR = 3.0


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class RelativeIndex(Result):
    """Share of Bragg lines in the area of a pattern: a relative index, not a weight fraction."""

    index: float = quantity()
    """Bragg area over Bragg and halo area."""
    stderr: float = quantity()
    """Standard error from the areas; the choice of baseline adds up to tens of per cent."""
    two_theta: tuple[float, float] = quantity("°")
    """Range of the areas."""
    background: str = ""
    """How the background was taken off."""
    label: str = "relative index, not a weight fraction"
    """What the number is; to be printed with it."""


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class CrystallineLoss(Result):
    """Crystalline scattering of each sample of a series relative to its first."""

    sample: NDArray[np.str_] = quantity(dims=("sample",))
    """Names of the samples."""
    remaining: Array = quantity(dims=("sample",))
    """Crystalline scale over that of the reference, equal exposure."""
    remaining_stderr: Array = quantity(dims=("sample",))
    """Standard error of `remaining`; the reference's own included, 0 for the reference."""
    loss: Array = quantity(dims=("sample",))
    """1 - remaining."""
    detection_limit: Array = quantity(dims=("sample",))
    """Smallest loss told from none: 3.29 standard errors."""
    halo: Array = quantity(dims=("sample",))
    """Halo height over that of the last sample, where heights were given; else NaN."""
    reference: str = ""
    """The sample that counts as 1."""
    label: str = "relative loss of crystalline scattering, not a weight fraction"
    """What the numbers are; to be printed with them."""
    messages: tuple[str, ...] = ()
    """What a user must know, one sentence each."""


@recorded
def area_ratio_index(
    bragg_area: float,
    halo_area: float,
    *,
    covar: Array,
    two_theta: tuple[float, float],
    background: str,
) -> RelativeIndex:
    """Return the area of Bragg lines over that of lines and halo.

    Parameters
    ----------
    bragg_area, halo_area
        Areas in a range.
    covar
        Covariance of the two areas, or their standard errors.
    two_theta
        The range in degrees.
    background
        What was taken off as background; the index means nothing without it.

    Raises
    ------
    BadInput
        For negative areas, and where range or background are not told.
    """
    areas = np.array([bragg_area, halo_area], dtype=float)
    variance = np.asarray(covar, dtype=float)
    variance = np.diag(variance**2) if variance.ndim == 1 else variance
    if not np.isfinite(areas).all() or areas.min() < 0 or not areas.sum() > 0:
        raise BadInput(f"areas {bragg_area:g} and {halo_area:g}", expected="areas of 0 or above")
    if variance.shape != (2, 2) or not np.isfinite(variance).all():
        raise BadInput(
            f"a covariance of shape {variance.shape}", expected="two standard errors, or 2 × 2"
        )
    if not background.strip():
        raise BadInput("the background is not named", expected="a word on how it was taken off")
    if not two_theta[0] < two_theta[1]:
        raise BadInput(f"range {two_theta}", expected="first angle below last")
    found, found_covar = propagated(lambda v: np.array([v[0] / v.sum()]), areas, variance)
    return RelativeIndex(
        index=float(found[0]),
        stderr=float(np.sqrt(found_covar[0, 0])),
        two_theta=(float(two_theta[0]), float(two_theta[1])),
        background=background,
    )


@recorded
def crystalline_loss(
    scales: Sequence[float] | Array,
    stderr: Sequence[float] | Array,
    *,
    samples: Sequence[str],
    exposures: Sequence[float] | None = None,
    reference: int = 0,
    halos: Sequence[float] | None = None,
    halos_stderr: Sequence[float] | None = None,
) -> CrystallineLoss:
    """Return how much crystalline scattering a series loses, where there is no standard.

    Parameters
    ----------
    scales, stderr
        Crystalline scale of each sample and its standard error.
    samples
        Names.
    exposures
        Monitor counts times mass in the beam; equal where None.
    reference
        Index of the sample that counts as 1.
    halos, halos_stderr
        Height of the halo's shared shape: it must grow by what the crystal loses, and a message
        says where it does not.

    Raises
    ------
    BadInput
        For lists of other lengths, negative errors and a reference without intensity.
    """
    values, errors = np.asarray(scales, dtype=float), np.asarray(stderr, dtype=float)
    exposure = np.ones_like(values) if exposures is None else np.asarray(exposures, dtype=float)
    count = len(samples)
    if not count or not values.shape == errors.shape == exposure.shape == (count,):
        raise BadInput(
            f"{values.size} scales, {errors.size} errors and {exposure.size} exposures for "
            f"{count} samples",
            expected="one each",
        )
    if not (np.isfinite(values).all() and np.all(errors >= 0) and np.all(exposure > 0)):
        raise BadInput("a scale, error or exposure is no number", expected="exposures above 0")
    if not -count <= reference < count:
        raise BadInput(f"reference {reference} of {count} samples", expected="one of them")
    first = values[reference] / exposure[reference]
    first_error = errors[reference] / exposure[reference]
    if not first > DETECTION * first_error:
        raise BadInput(
            f"the scale of {samples[reference]} is {first:.3g} ± {first_error:.2g}",
            expected="a reference whose crystalline scattering is seen",
        )
    remaining = values / exposure / first
    variance = (errors / exposure / first) ** 2 + (remaining * first_error / first) ** 2
    variance[reference] = 0.0
    messages = ["A loss is of scattering: mass and absorption in the beam must not change."]
    if exposures is None:
        messages.append("Exposures are taken as equal.")
    halo = np.full(count, math.nan)
    if halos is not None:
        halo, text = _mirrored(halos, halos_stderr, exposure, remaining, np.sqrt(variance), samples)
        messages += text
    return CrystallineLoss(
        sample=np.array(samples, dtype=str),
        remaining=remaining,
        remaining_stderr=np.sqrt(variance),
        loss=1.0 - remaining,
        detection_limit=DETECTION * np.sqrt(variance),
        halo=halo,
        reference=str(samples[reference]),
        messages=tuple(messages),
    )


def _mirrored(
    halos: Sequence[float],
    stderr: Sequence[float] | None,
    exposure: Array,
    remaining: Array,
    error: Array,
    samples: Sequence[str],
) -> tuple[Array, list[str]]:
    """Return halo heights relative to the last sample's, and where they do not mirror the loss."""
    heights = np.asarray(halos, dtype=float)
    spread = np.zeros_like(heights) if stderr is None else np.asarray(stderr, dtype=float)
    if not heights.shape == spread.shape == exposure.shape or not np.isfinite(heights).all():
        raise BadInput(
            f"{heights.size} halo heights for {exposure.size} samples", expected="one each"
        )
    heights, spread = heights / exposure, spread / exposure
    last = heights[-1]
    if not last > 0:
        raise BadInput(f"the halo of {samples[-1]} has height {last:g}", expected="one above 0")
    # The last sample sets the scale of both: one unit of halo is the loss there.
    grown = (heights - heights[0]) / (last - heights[0]) if last > heights[0] else heights * 0.0
    lost = (remaining[0] - remaining) / (remaining[0] - remaining[-1] or 1.0)
    total = abs(remaining[0] - remaining[-1]) or 1.0
    allowed = MIRROR * np.hypot(error / total, spread / (last - heights[0] or last)) + 0.05
    off = np.flatnonzero(np.abs(grown - lost) > allowed)
    return heights / last, [
        f"{samples[i]}: the halo has grown by {grown[i]:.2f} and the crystal lost {lost[i]:.2f} of "
        "what they do over the series; they should mirror each other."
        for i in off.tolist()
    ]
