"""Points of a pattern that are no measurement of the sample: saturated, dead, spikes, padding."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from xorder.diffraction.pattern import FEWEST_POINTS, Pattern
from xorder.errors import BadInput
from xorder.results import Array

__all__ = ["LEFT_OUT", "Faults", "find_faults", "is_counted", "without_faults"]

#: Notes about points that were left out end so.
LEFT_OUT = "were left out."
#: The highest value of a pattern, so many times in a row and so many standard errors high, is the
#: detector's limit: counting repeats its highest value by chance far less often.
FLAT, FLAT_HEIGHT = 3, 14.0
#: A point of no counts where its neighbours have more than this is no count: below 1e-8 by chance.
ALIVE = 20.0
#: A spike stands out of its neighbours by so many standard errors, and they have less than this
#: share of it: a line of 1.1 steps has more.
SPIKE, SPIKE_SHARE = 8.0, 0.1
#: Points to each side that say what surrounds a point.
AROUND = 5


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Faults:
    """Indices of the points of a pattern that cannot be used."""

    saturated: NDArray[np.int64]
    """Points at the limit of the detector."""
    dead: NDArray[np.int64]
    """Points without counts among points with many, inside the pattern."""
    spikes: NDArray[np.int64]
    """Single points far above their neighbours."""
    padding: int
    """Number of zeros at the end that counting cannot have given."""

    @property
    def any(self) -> bool:
        """Whether there is any."""
        return bool(self.saturated.size or self.dead.size or self.spikes.size or self.padding)


def find_faults(pattern: Pattern) -> Faults:
    """Return the points of a pattern that are no measurement of the sample."""
    intensity = pattern.intensity
    filled = np.flatnonzero(intensity != 0)
    last = int(filled[-1]) + 1
    padding = len(intensity) - last if intensity[last - 1] >= ALIVE else 0
    middle = _around(intensity)
    end = len(intensity) - padding
    dead = np.flatnonzero((intensity[:end] == 0) & (middle[:end] > ALIVE))
    return Faults(
        saturated=_saturated(intensity, pattern.sigma),
        dead=dead,
        spikes=_spikes(pattern, middle),
        padding=padding,
    )


def without_faults(pattern: Pattern) -> Pattern:
    """Return a pattern without such points; a note says of each kind what was left out.

    Raises
    ------
    BadInput
        Where too few points are left.
    """
    faults = find_faults(pattern)
    if not faults.any:
        return pattern
    axis, count = pattern.two_theta, len(pattern.two_theta)
    notes = []
    if faults.saturated.size:
        limit = pattern.intensity[faults.saturated[0]]
        notes.append(
            f"{faults.saturated.size} points at {_places(axis, faults.saturated)} are flat at "
            f"{limit:g} counts, the limit of the detector, and {LEFT_OUT}"
        )
    if faults.dead.size:
        notes.append(
            f"{faults.dead.size} points at {_places(axis, faults.dead)} have no counts among "
            f"neighbours with many and {LEFT_OUT}"
        )
    if faults.spikes.size:
        notes.append(
            f"Spikes of one point at {_places(axis, faults.spikes)} are narrower than any line "
            f"and {LEFT_OUT}"
        )
    if faults.padding:
        notes.append(
            f"The last {faults.padding} points, from {axis[count - faults.padding]:.3f}°, have no "
            f"counts and {LEFT_OUT}"
        )
    kept = np.ones(count, dtype=bool)
    kept[np.concatenate([faults.saturated, faults.dead, faults.spikes])] = False
    kept[count - faults.padding :] = False
    if np.count_nonzero(kept) < FEWEST_POINTS:
        raise BadInput(
            f"{np.count_nonzero(kept)} points of {pattern.name or 'the pattern'} can be used: "
            + " ".join(notes),
            expected=f"at least {FEWEST_POINTS}",
        )
    return replace(
        pattern,
        two_theta=axis[kept],
        intensity=pattern.intensity[kept],
        sigma=pattern.sigma[kept],
        notes=(*pattern.notes, *notes),
    )


def _saturated(intensity: Array, sigma: Array) -> NDArray[np.int64]:
    """Return the points of flat tops at the pattern's highest value."""
    highest = float(intensity.max())
    at = np.flatnonzero(intensity >= highest * (1.0 - 1e-9))
    if at.size < FLAT or highest < FLAT_HEIGHT * float(sigma[at].max()):
        return np.empty(0, dtype=np.int64)
    runs = np.split(at, np.flatnonzero(np.diff(at) > 1) + 1)
    return at if max(len(run) for run in runs) >= FLAT else np.empty(0, dtype=np.int64)


def _spikes(pattern: Pattern, middle: Array) -> NDArray[np.int64]:
    y, sigma = pattern.intensity, pattern.sigma
    above = y - middle
    next_to = np.zeros_like(y)
    next_to[1:-1] = np.maximum(above[:-2], above[2:])
    noise = np.sqrt(np.maximum(middle, 1.0)) if is_counted(pattern) else sigma
    alone = (above > SPIKE * noise) & (next_to < SPIKE_SHARE * above)
    alone[[0, -1]] = False
    return np.flatnonzero(alone)


def is_counted(pattern: Pattern) -> bool:
    """Return whether the uncertainties are roots of counts."""
    return bool(np.allclose(pattern.sigma**2, np.maximum(pattern.intensity, 1.0), rtol=1e-6))


def _around(values: Array) -> Array:
    """Return the median of the points around each point."""
    from scipy.ndimage import median_filter

    return np.asarray(median_filter(values, size=2 * AROUND + 1, mode="nearest"))


def _places(axis: Array, points: NDArray[np.int64]) -> str:
    """Return the angles of points, runs as ranges."""
    runs = np.split(points, np.flatnonzero(np.diff(points) > 1) + 1)
    texts = [
        f"{axis[run[0]]:.2f}°" if len(run) == 1 else f"{axis[run[0]]:.2f}-{axis[run[-1]]:.2f}°"
        for run in runs[:4]
    ]
    return ", ".join(texts) + (f" and {len(runs) - 4} more" if len(runs) > 4 else "")
