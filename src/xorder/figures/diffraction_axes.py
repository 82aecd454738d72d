"""What the figures of a diffraction series share: the axis of the samples, their colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xorder.results import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["SeriesAxis", "nudged", "series_axis", "shade"]


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class SeriesAxis:
    """Where each sample stands along a series: at its order value, or one after the other."""

    place: Array
    """Position of each sample."""
    label: str
    """What the axis shows, with unit; empty where samples stand one after the other."""
    names: tuple[str, ...]
    """Names of the samples."""

    def apply(self, ax: Axes) -> None:
        """Give an axis its label, or the names of the samples as ticks."""
        if self.label:
            ax.set_xlabel(self.label)
        else:
            ax.set_xticks(self.place, self.names, rotation=30, ha="right", rotation_mode="anchor")
        margin = 0.06 * float(np.ptp(self.place)) or 0.5
        ax.set_xlim(self.place.min() - margin, self.place.max() + margin)


def series_axis(names: Sequence[str], order: Sequence[float | None], label: str) -> SeriesAxis:
    """Return the axis of a series: its order variable where every sample has a value of its own."""
    known = [value for value in order if value is not None]
    if len(known) == len(names) and len(set(known)) == len(names) > 1:
        return SeriesAxis(
            place=np.array(known), label=label or "order of the series", names=tuple(names)
        )
    return SeriesAxis(place=np.arange(float(len(names))), label="", names=tuple(names))


def nudged(place: Array, number: int, count: int) -> Array:
    """Return places moved aside a little, so that bars of several kinds do not cover each other."""
    step = 0.006 * (float(np.ptp(place)) or 1.0)
    return np.asarray(place + step * (number - 0.5 * (count - 1)))


def shade(number: int, count: int) -> tuple[float, ...]:
    """Return a colour that runs from dark to light through a series."""
    import matplotlib

    return tuple(matplotlib.colormaps["viridis"](0.8 * number / max(1, count - 1)))
