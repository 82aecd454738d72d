"""PairDistribution: a measured or simulated G(r) and what is known about it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from xorder.errors import BadInput
from xorder.pdf.noise import NoiseSpectrum
from xorder.results import Array, Result, quantity

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

__all__ = ["PairDistribution", "Radiation", "check_uniform"]

Radiation = Literal["xray", "neutron"]

#: Largest deviation of one step of r from the mean step, relative; printed r have 5-8 digits.
STEP_TOLERANCE = 0.02


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class PairDistribution(Result):
    """A pair distribution function G(r) = 4πr[ρ(r) - ρ0] on a uniform grid."""

    r: Array = quantity("Å", dims=("r",))
    """Distance, ascending and uniform, shape (N,)."""
    gr: Array = quantity("Å⁻²", symbol="G(r)", dims=("r",))
    """G(r), shape (N,)."""
    stderr: Array | None = quantity("Å⁻²", symbol="σ(G)", default=None)
    """Standard error of `gr` as the reduction gave it, shape (N,), or None."""
    q_max: float = quantity("Å⁻¹", symbol="Qmax", default=math.nan)
    """Upper end of the Fourier transform; NaN where unknown."""
    q_min: float = quantity("Å⁻¹", symbol="Qmin", default=math.nan)
    """Lower end of the Fourier transform; NaN where unknown."""
    qdamp: float = quantity("Å⁻¹", default=math.nan)
    """Resolution damping of the instrument; NaN where unknown."""
    qbroad: float = quantity("Å⁻¹", default=math.nan)
    """Resolution broadening of the instrument; NaN where unknown."""
    composition: str = ""
    """Chemical formula used in the reduction; empty where unknown."""
    radiation: Radiation = "xray"
    """What was scattered."""
    wavelength: float = quantity("Å", symbol="λ", default=math.nan)
    """Wavelength; NaN where unknown."""
    name: str = ""
    """Name of the sample."""
    source: str = ""
    """File it came from."""
    simulated: bool = False
    """True for what was computed, not measured."""
    noise: NoiseSpectrum | None = field(default=None, repr=False)
    """Counting noise over Q, where it is known: it tells how errors of neighbours correlate."""
    metadata: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Everything else the header says."""

    def __post_init__(self) -> None:
        where = self.source or None
        check_uniform(self.r, source=where)
        _check_values("G(r)", self.gr, self.r, where)
        if self.stderr is not None:
            _check_values("stderr", self.stderr, self.r, where)
            if np.any(self.stderr < 0):
                at = int(np.argmax(self.stderr < 0))
                raise BadInput(
                    f"stderr is {self.stderr[at]:g} at r = {self.r[at]:g} Å",
                    expected="standard errors of zero or more",
                    source=where,
                )
        for key in ("q_max", "wavelength"):
            value = getattr(self, key)
            if value <= 0 or math.isinf(value):
                raise BadInput(f"{key} is {value:g}", expected=f"a positive {key}", source=where)
        for key in ("q_min", "qdamp", "qbroad"):
            value = getattr(self, key)
            if value < 0 or math.isinf(value):
                raise BadInput(f"{key} is {value:g}", expected=f"{key} >= 0", source=where)
        if self.radiation not in ("xray", "neutron"):
            raise BadInput(
                f"unknown radiation {self.radiation!r}",
                expected="'xray' or 'neutron'",
                source=where,
            )

    @property
    def r_step(self) -> float:
        """Step of r in Å."""
        return float((self.r[-1] - self.r[0]) / (len(self.r) - 1))

    def plot(self, ax: Axes | None = None, **artist_kwargs: Any) -> list[Artist]:
        """Draw G(r) on Matplotlib axes and return the artists."""
        from xorder.pdf.plots import plot_gr

        return plot_gr(self, ax, **artist_kwargs)


def check_uniform(r: Array, *, source: str | None = None, at_least: int = 2) -> float:
    """Return the step of a distance grid.

    Raises
    ------
    BadInput
        Where r is too short, not finite, negative, not ascending or not uniform; the message names
        the point.
    """
    if r.ndim != 1 or len(r) < at_least:
        raise BadInput(
            f"r has shape {r.shape}", expected=f"at least {at_least} distances", source=source
        )
    if not np.isfinite(r).all():
        at = int(np.argmin(np.isfinite(r)))
        raise BadInput(f"r is {r[at]} at point {at}", expected="finite distances", source=source)
    if r[0] < 0:
        raise BadInput(
            f"r starts at {r[0]:g} Å", expected="distances of zero or more", source=source
        )
    steps = np.diff(r)
    if np.any(steps <= 0):
        at = int(np.argmax(steps <= 0))
        raise BadInput(
            f"r goes from {r[at]:g} to {r[at + 1]:g} Å at point {at + 1}",
            expected="ascending distances",
            source=source,
        )
    mean = float(np.median(steps))
    worst = int(np.argmax(np.abs(steps - mean)))
    if abs(steps[worst] - mean) > STEP_TOLERANCE * mean:
        raise BadInput(
            f"r steps by {steps[worst]:.6g} Å after {r[worst]:g} Å, elsewhere by {mean:.6g} Å",
            expected="a uniform grid without gaps; interpolate to one first",
            source=source,
        )
    return mean


def _check_values(name: str, values: Array, r: Array, source: str | None) -> None:
    if values.shape != r.shape:
        raise BadInput(
            f"{name} has {values.size} points and r has {r.size}",
            expected="one value a distance",
            source=source,
        )
    if not np.isfinite(values).all():
        at = int(np.argmin(np.isfinite(values)))
        raise BadInput(
            f"{name} is {values[at]} at r = {r[at]:g} Å",
            expected="finite values",
            source=source,
        )
