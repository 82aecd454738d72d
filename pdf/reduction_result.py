"""Reduction: G(r) from counts, with every step between and how far to trust it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from xorder.errors import BadInput
from xorder.pdf.functions import GrCovariance
from xorder.pdf.noise import NoiseSpectrum
from xorder.pdf.pattern import PairDistribution
from xorder.results import Array, Number, Result, quantity

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

__all__ = ["Reduction"]


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Reduction(Result):
    """G(r) from counts, and every step between."""

    q: Array = quantity("Å⁻¹", symbol="Q", dims=("q",))
    """Momentum transfer within the range of the transform, shape (Q,)."""
    iq: Array = quantity("e.u.", symbol="I(Q)", dims=("q",))
    """Intensity per atom in electron units, Compton scattering still in, shape (Q,)."""
    self_scattering: Array = quantity("e.u.", symbol="⟨f²⟩ + C", dims=("q",))
    """What the atoms scatter on their own, shape (Q,)."""
    compton: Array = quantity("e.u.", symbol="C(Q)", dims=("q",))
    """Compton scattering that was subtracted, shape (Q,)."""
    polynomial: Array = quantity("Å⁻¹", dims=("q",))
    """Polynomial that was taken off F(Q), shape (Q,)."""
    sq: Array = quantity("", symbol="S(Q)", dims=("q",))
    """Structure factor, shape (Q,)."""
    fq: Array = quantity("Å⁻¹", symbol="F(Q)", dims=("q",))
    """Q[S(Q) - 1], shape (Q,)."""
    fq_stderr: Array = quantity("Å⁻¹", symbol="σ(F)", dims=("q",))
    """Standard error of F(Q) from counting, shape (Q,)."""
    r: Array = quantity("Å", dims=("r",))
    """Distance, shape (R,)."""
    gr: Array = quantity("Å⁻²", symbol="G(r)", dims=("r",))
    """Pair distribution function, shape (R,)."""
    gr_stderr: Array = quantity("Å⁻²", symbol="σ(G)", dims=("r",))
    """Standard error of G(r) from counting, shape (R,); errors of neighbours are correlated."""
    covariance: GrCovariance = field(repr=False)
    """Errors of G(r) with their correlation."""
    noise: NoiseSpectrum | None = field(default=None, repr=False)
    """The same over Q, as fits to G(r) take it."""
    scale: float
    """Counts to electron units per atom."""
    scale_is_absolute: bool
    """False where the scale comes from a polynomial and is arbitrary."""
    q_min: float = quantity("Å⁻¹", symbol="Qmin")
    """First Q of the transform."""
    q_max: float = quantity("Å⁻¹", symbol="Qmax")
    """Last Q of the transform."""
    rho0: float = quantity("Å⁻³", symbol="ρ0", default=math.nan)
    """Number density, as given or found; NaN where neither."""
    composition: str = ""
    """Chemical formula."""
    wavelength: float = quantity("Å", symbol="λ", default=math.nan)
    """Wavelength; NaN where unknown."""
    name: str = ""
    """Name of the sample."""
    source: str = ""
    """File it came from."""
    simulated: bool = False
    """True for what was computed, not measured."""
    numbers: tuple[Number, ...] = ()
    """Scales, advised range and measures of quality."""
    messages: tuple[str, ...] = ()
    """What a user must know, one sentence each."""

    @property
    def pair_distribution(self) -> PairDistribution:
        """G(r) as refinements take it."""
        return PairDistribution(
            r=self.r,
            gr=self.gr,
            stderr=self.gr_stderr,
            q_max=self.q_max,
            q_min=self.q_min,
            composition=self.composition,
            wavelength=self.wavelength,
            name=self.name,
            source=self.source,
            simulated=self.simulated,
            noise=self.noise,
            provenance=self.provenance,
        )

    def plot(self, ax: Axes | None = None, **artist_kwargs: Any) -> list[Artist]:
        """Draw G(r) with its standard errors on Matplotlib axes; return the artists."""
        from xorder.pdf.plots import plot_reduction

        return plot_reduction(self, ax, **artist_kwargs)

    def number(self, name: str) -> Number:
        """Return one of `numbers` by its name.

        Raises
        ------
        BadInput
            Where there is no number of that name.
        """
        for number in self.numbers:
            if number.name == name:
                return number
        raise BadInput(
            f"there is no number {name!r}",
            expected="one of " + ", ".join(number.name for number in self.numbers),
        )

    def peak_area(self, r_min: float, r_max: float, *, rho0: float | None = None) -> Number:
        r"""Return the area of R(r) = rG + 4πr²ρ0 between two distances.

        For one element this is the number of neighbours; for several it is weighted by form
        factors. The standard error is that of counting and, where the empty distances at low r
        gave the scale, of the scale.

        Parameters
        ----------
        r_min, r_max
            Limits in Å, within the range of r.
        rho0
            Number density in atoms Å⁻³; None takes that of the reduction.

        Raises
        ------
        BadInput
            Where the limits hold no points or there is no density.
        """
        density = self.rho0 if rho0 is None else rho0
        if math.isnan(density):
            raise BadInput("rho0 is unknown", expected="the number density in atoms Å⁻³")
        weights = np.where((self.r >= r_min) & (self.r <= r_max), self.r, 0.0)
        used = np.flatnonzero(weights)
        if len(used) < 2 or r_min < self.r[0] or r_max > self.r[-1]:
            raise BadInput(
                f"limits {r_min:g} to {r_max:g} Å",
                expected=f"limits within {self.r[0]:g} to {self.r[-1]:g} Å",
            )
        step = float(self.r[1] - self.r[0])
        weights[used[0]] /= 2
        weights[used[-1]] /= 2
        uniform = 4 * math.pi * density * (self.r[used[-1]] ** 3 - self.r[used[0]] ** 3) / 3
        area = step * float(weights @ self.gr) + uniform
        scale = next(number for number in self.numbers if number.name == "scale")
        relative = 0.0 if math.isnan(scale.stderr) else scale.stderr / scale.value
        return Number(
            name="peak_area",
            value=area,
            stderr=math.hypot(step * self.covariance.stderr_of(weights), relative * area),
            note="" if self.scale_is_absolute else "the scale is arbitrary",
        )
