"""Lines that a refined model leaves unexplained, and which known structure has them."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xorder import references
from xorder.diffraction.pattern import d_from_two_theta
from xorder.diffraction.radiation import Radiation
from xorder.diffraction.reflections import calculate_reflections
from xorder.diffraction.simulation import powder_intensity
from xorder.results import Array, Result, quantity
from xorder.structure import Crystal

if TYPE_CHECKING:
    from xorder.diffraction.refinement_objective import PatternModel
    from xorder.diffraction.refinement_results import PatternFit

__all__ = ["ResidualLines", "find_residual_lines", "no_residual_lines"]

#: A maximum of the smoothed residual above this many of its own standard deviations is a line,
SEEN = 7.0
#: where it is above this share of the model's Bragg intensity within so many widths, above this
#: share of the strongest Bragg line,
ABOVE_MODEL, NEAR_MODEL, ABOVE_ALL = 0.3, 2.0, 0.003
#: and above this share of the model's within more widths: feet of lines that are not of quite the
#: right shape are no lines.
ABOVE_FEET, FEET = 0.03, 10.0
#: Most lines that are listed, strongest first.
MOST = 20
#: Lines of a candidate below this share of its strongest do not count.
WEAK = 0.1
#: A candidate fits with this product of the share of its own lines that are seen and the share of
#: the unexplained intensity that it has, chance taken off; so many phases are named at most.
FITTING, MOST_PHASES = 0.45, 3
#: A single line fits too many structures to name one.
FEWEST = 2
#: Relative difference of cell lengths that a candidate is allowed.
CELL_TOLERANCE = 0.002
#: Cells larger than this are not looked through: anything fits them.
LARGEST_CELL = 3000.0


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class ResidualLines(Result):
    """Lines that no phase of a model has, strongest first."""

    two_theta: Array = quantity("°", symbol="2θ", dims=("line",))
    """Positions."""
    d: Array = quantity("Å", dims=("line",))
    """Lattice spacings at the first line of the radiation."""
    height: Array = quantity("counts", dims=("line",))
    """Heights above the model."""
    significance: Array = quantity(dims=("line",))
    """Heights over the standard deviation of the smoothed residual."""
    fitting: tuple[str, ...] = ()
    """Names of the reference structures whose lines they are, best first; empty where none fits."""
    possible: tuple[str, ...] = ()
    """Where a single line is seen, the structures whose strongest line it may be."""


def no_residual_lines() -> ResidualLines:
    """Return a list without lines."""
    none = np.empty(0)
    return ResidualLines(two_theta=none, d=none, height=none, significance=none)


def find_residual_lines(
    pattern: PatternFit,
    model: PatternModel,
    *,
    candidates: Sequence[Crystal] | None = None,
) -> ResidualLines:
    """Return the lines that a refined model leaves, and the structures that have them.

    Parameters
    ----------
    pattern
        The refined pattern.
    model
        Its model, whose line widths say what a line is.
    candidates
        Structures to look through; the reference structures where None.
    """
    axis, bragg = pattern.two_theta, pattern.bragg.sum(axis=0)
    width = _line_width(pattern, model)
    height, deviation = _smoothed(
        axis, pattern.intensity - pattern.calculated, pattern.sigma, width
    )
    step = float(np.median(np.diff(axis)))
    near = _highest_within(bragg, max(1, round(NEAR_MODEL * width / step)))
    feet = _highest_within(bragg, max(1, round(FEET * width / step)))
    peak = height == _highest_within(height, max(2, round(width / step)))
    strong = (height > SEEN * deviation) & (height > ABOVE_MODEL * near)
    strong &= height > ABOVE_FEET * feet
    found = np.flatnonzero(peak & strong & (height > ABOVE_ALL * bragg.max()))
    if not found.size:
        return no_residual_lines()
    found = found[np.argsort(-height[found])][:MOST]
    lines = ResidualLines(
        two_theta=axis[found],
        d=d_from_two_theta(axis[found], wavelength=model.pattern.wavelength.wavelength),
        height=height[found],
        significance=height[found] / deviation[found],
    )
    own = {phase.crystal.name for phase in model.phases}
    crystals = _reference_crystals() if candidates is None else tuple(candidates)
    span = (float(axis[0]), float(axis[-1]))
    known = [
        (c.name, *_strong_lines(c, model.pattern.wavelength, span))
        for c in crystals
        if c.name not in own
    ]
    names = _fitting(lines, known, span, width, (axis, near))
    single = len(found) == 1
    return ResidualLines(
        two_theta=lines.two_theta, d=lines.d, height=lines.height,
        significance=lines.significance, fitting=names,
        possible=_possible(lines, known, width) if single else (),
    )  # fmt: skip


def _line_width(pattern: PatternFit, model: PatternModel) -> float:
    """Return the width of a sharp line in degrees: that of the instrument, three points at least.

    The lines of the model may be broad where the phase is small, those of another phase sharp.
    """
    step = float(np.median(np.diff(pattern.two_theta)))
    middle = np.array([0.5 * (pattern.two_theta[0] + pattern.two_theta[-1])])
    gauss, lorentz = model.profile.widths(middle)
    return max(float(gauss[0] + lorentz[0]), 3.0 * step)


def _smoothed(axis: Array, left: Array, sigma: Array, width: float) -> tuple[Array, Array]:
    """Return the residual's height over its surroundings for lines of a width, and its deviation.

    Where the residual scatters more than its standard errors say, that counts.
    """
    step = float(np.median(np.diff(axis)))
    half = int(np.ceil(6.0 * width / step))
    x = np.arange(-half, half + 1) * step / width
    line = np.exp(-4.0 * np.log(2.0) * x**2)
    inner, outer = np.abs(x) < 1.5, np.abs(x) >= 1.5
    kernel = np.where(inner, line, 0.0)
    # What is as high around the line as in it is background.
    kernel = kernel - np.where(outer, kernel.sum() / np.count_nonzero(outer), 0.0)
    gain = float(np.sum(kernel * line))
    height = np.convolve(left, kernel, mode="same")[: len(left)] / gain
    deviation = np.sqrt(np.convolve(sigma**2, kernel**2, mode="same")[: len(left)]) / gain
    scatter = 1.4826 * float(np.median(np.abs(height / deviation)))
    # At the ends the kernel has nothing to compare with.
    height[: half // 3] = height[len(height) - half // 3 :] = 0.0
    return height, deviation * max(1.0, scatter)


def _highest_within(values: Array, reach: int) -> Array:
    from scipy.ndimage import maximum_filter1d

    return np.asarray(maximum_filter1d(values, 2 * reach + 1, mode="nearest"))


@functools.cache
def _reference_crystals() -> tuple[Crystal, ...]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return tuple(references.load(name, line_positions=True) for name in references.names())


def _possible(
    lines: ResidualLines, known: Sequence[tuple[str, Array, Array]], width: float
) -> tuple[str, ...]:
    """Return the names of the structures whose strongest line lies at the only one that is seen."""
    return tuple(
        name
        for name, place, power in known
        if len(place)
        and abs(place[np.argmax(power)] - lines.two_theta[0])
        < _allowed(place[[int(np.argmax(power))]], width)[0]
    )


def _fitting(
    lines: ResidualLines,
    known: Sequence[tuple[str, Array, Array]],
    span: tuple[float, float],
    width: float,
    modelled: tuple[Array, Array],
) -> tuple[str, ...]:
    """Return the names of the structures that have the lines, the best first."""
    left = np.ones(len(lines.two_theta), dtype=bool)
    names: list[str] = []
    while len(names) < MOST_PHASES and left.any():
        scored = [
            (*_score(lines, left, place, power, span, width, modelled), name)
            for name, place, power in known
            if name not in names and len(place)
        ]
        if not scored:
            break
        score, explained, name = max(scored, key=lambda one: one[0])
        if score < FITTING:
            break
        names.append(name)
        left = left & ~explained
    return tuple(names)


def _strong_lines(
    crystal: Crystal, radiation: Radiation, span: tuple[float, float]
) -> tuple[Array, Array]:
    """Return positions and relative intensities of a structure's strong lines in a range."""
    if float(np.prod(crystal.cell[:3])) > LARGEST_CELL:
        return np.empty(0), np.empty(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = calculate_reflections(crystal, wavelength=radiation, two_theta=span)
    power = powder_intensity(found)
    kept = power > WEAK * power.max() if len(power) else np.empty(0, dtype=bool)
    return found.two_theta[kept], power[kept] / power.max() if kept.any() else np.empty(0)


def _score(
    lines: ResidualLines,
    left: NDArray[np.bool_],
    place: Array,
    power: Array,
    span: tuple[float, float],
    width: float,
    modelled: tuple[Array, Array],
) -> tuple[float, NDArray[np.bool_]]:
    """Return how well a structure's lines fit those that are left, and which of them it has."""
    allowed = _allowed(place, width)
    near = np.abs(lines.two_theta[:, None] - place) < allowed
    explained = near.any(axis=1) & left
    seen = (near & left[:, None]).any(axis=0)
    strongest = int(np.argmax(np.where(left, lines.height, 0.0)))
    # A line under one of the model's cannot be seen: it speaks neither for nor against.
    highest = float(lines.height[left].max())
    hidden = ~seen & (np.interp(place, *modelled) * ABOVE_MODEL > 0.5 * highest * power)
    # Nor can one that is too weak beside the strongest line that is left.
    hidden |= ~seen & (power * highest < 2.0 * float(lines.height[left].min()))
    own = float(power[seen].sum()) / max(float(power[~hidden].sum()), 1e-300)
    share = float(lines.height[explained].sum() / lines.height[left].sum())
    chance = min(0.9, float(np.sum(2.0 * allowed)) / (span[1] - span[0]))
    if np.count_nonzero(explained) < FEWEST or not explained[strongest]:
        return 0.0, explained
    return own * max(0.0, share - chance) / (1.0 - chance), explained


def _allowed(place: Array, width: float) -> Array:
    """Return how far a line may lie from where a structure puts it, degrees."""
    tangent = np.tan(np.deg2rad(place) / 2.0)
    return np.asarray(max(width, 0.05) + np.rad2deg(2.0 * CELL_TOLERANCE * tangent))
