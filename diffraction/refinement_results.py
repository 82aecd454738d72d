"""What a refinement found: agreement, refined crystals, weight fractions, warnings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xorder.diffraction.anisotropy import DirectionalWidths
from xorder.diffraction.pawley import LineIntensities
from xorder.diffraction.profiles import Profile
from xorder.diffraction.residual_lines import ResidualLines
from xorder.fitting import FitResult
from xorder.results import Array, Number, Result, quantity
from xorder.structure import Crystal

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

__all__ = ["PatternFit", "PhaseFit", "Refinement", "serial_factor"]

#: For white noise the squared sums over runs of one sign are this many times the sum of squares.
_WHITE = 1.0 + 4.0 / math.pi


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class PhaseFit(Result):
    """One phase in one pattern. Standard errors hold where the residual is noise."""

    name: str
    """Name of the phase."""
    crystal: Crystal = field(repr=False)
    """The refined crystal, with the standard errors of its cell."""
    scale: float
    """Scale S of m |F|² LP, in counts times degrees."""
    scale_stderr: float
    """Standard error of `scale`."""
    weight_fraction: float
    """Weight fraction among the crystalline phases, S ZMV over its sum."""
    weight_fraction_stderr: float
    """Standard error of `weight_fraction`, correlations counted."""
    size: float = quantity("Å")
    """Domain size (Scherrer, K = 0.9); infinite where lines have no size width. Of an ellipsoid the
    inverse of the mean inverse size over the reflections."""
    size_stderr: float = quantity("Å")
    """Standard error of `size`."""
    strain: float
    """Microstrain Δd/d; the mean over the reflections where it depends on direction."""
    strain_stderr: float
    """Standard error of `strain`."""
    r_bragg: float = quantity("%")
    """Σ|I_o - I_c| / Σ I_o over reflections, I_o shared out by the model."""
    r_f: float = quantity("%")
    """Σ|√I_o - √I_c| / Σ √I_o over reflections."""
    two_theta: Array = quantity("°", symbol="2θ", dims=("reflection",))
    """Positions at the first line of the radiation, as refined."""
    h: NDArray[np.int64] = quantity(dims=("reflection",))
    """Miller index h."""
    k: NDArray[np.int64] = quantity(dims=("reflection",))
    """Miller index k."""
    l: NDArray[np.int64] = quantity(dims=("reflection",))  # noqa: E741
    """Miller index l."""
    observed: Array = quantity("counts °", dims=("reflection",))
    """Integrated intensity over all lines of the radiation, shared out by the model."""
    calculated: Array = quantity("counts °", dims=("reflection",))
    """Integrated intensity of the model within the range."""
    directions: DirectionalWidths | None = None
    """Size and strain along each reflection where they depend on direction; else None."""
    intensities: LineIntensities | None = None
    """Intensities with covariance where they were refined (Pawley); else None."""


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class PatternFit(Result):
    """A measured pattern and what the model makes of it."""

    name: str
    """Name of the pattern."""
    simulated: bool
    """Whether the "measured" intensities were simulated."""
    two_theta: Array = quantity("°", symbol="2θ", dims=("two_theta",))
    """Axis."""
    intensity: Array = quantity("counts", symbol="I", dims=("two_theta",))
    """Measured intensity."""
    sigma: Array = quantity("counts", dims=("two_theta",))
    """Standard uncertainty of `intensity`."""
    calculated: Array = quantity("counts", dims=("two_theta",))
    """The model: Bragg lines, background, halos and blank."""
    background: Array = quantity("counts", dims=("two_theta",))
    """Polynomial background with the blank."""
    blank: Array = quantity("counts", dims=("two_theta",))
    """The measured blank as scaled; 0 without one."""
    halo: Array = quantity("counts", dims=("two_theta",))
    """Sum of the halos."""
    bragg: Array = quantity("counts", dims=("phase", "two_theta"))
    """Bragg intensity of each phase, shape (phases, points)."""
    r_p: float = quantity("%")
    """Profile R value Σ|I_o - I_c| / Σ I_o, background included."""
    r_wp: float = quantity("%")
    """Weighted profile R value, background included."""
    r_exp: float = quantity("%")
    """The weighted R value that noise alone would give."""
    gof: float
    """r_wp / r_exp."""
    halo_heights: tuple[float, ...]
    """Height of each halo at its maximum, counts."""
    halo_stderr: tuple[float, ...]
    """Standard errors of `halo_heights`."""
    phases: tuple[PhaseFit, ...]
    """What was found of each phase."""

    def plot(self, ax: Axes | None = None, **artist: Any) -> list[Artist]:
        """Draw data, model, difference and ticks; return the artists."""
        from xorder.diffraction.plots import plot_refinement

        return plot_refinement(self, ax, **artist)


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Refinement(Result):
    """A refinement of one pattern or of several together. Falsy where the fit failed."""

    fit: FitResult
    """Parameters with standard errors, covariance, flags."""
    patterns: tuple[PatternFit, ...]
    """What the model makes of each pattern."""
    serial_factor: float
    """Factor by which standard errors grow for serially correlated residuals (Bérar & Lelann,
    J. Appl. Cryst. 24, 1 (1991)); 1 where the residual is noise."""
    unexplained: tuple[ResidualLines, ...] = ()
    """Lines of each pattern that no phase of the model has."""
    suffixes: tuple[str, ...] = ()
    """What the parameters of each phase have at the end of their names."""
    numbers: tuple[Number, ...] = ()
    """Rows of a summary; standard errors include `serial_factor`."""
    messages: tuple[str, ...] = ()
    """What a reader must know."""

    def __bool__(self) -> bool:
        return self.fit.success

    @property
    def success(self) -> bool:
        """Whether the fit reached a minimum."""
        return self.fit.success

    @property
    def r_wp(self) -> float:
        """Weighted profile R value over all patterns, %."""
        weighted = sum(float(np.sum((p.intensity / p.sigma) ** 2)) for p in self.patterns)
        left = [(p.intensity - p.calculated) / p.sigma for p in self.patterns]
        return 100.0 * math.sqrt(sum(float(np.sum(one**2)) for one in left) / weighted)

    @property
    def gof(self) -> float:
        """Square root of the reduced χ²."""
        return math.sqrt(self.fit.redchi)

    @property
    def crystals(self) -> tuple[Crystal, ...]:
        """The refined crystals."""
        return tuple(phase.crystal for phase in self.patterns[0].phases)

    @property
    def profile(self) -> Profile:
        """Widths of the instrument's lines as refined, of the first pattern."""
        values = {
            p.name.split("_")[0]: p.value for p in reversed(list(self.fit.parameters.values()))
        }
        return Profile(**{name: values[name] for name in ("u", "v", "w", "x", "y")})

    def stderr(self, name: str) -> float:
        """Return a parameter's standard error with serial correlation counted."""
        return self.fit.parameters[name].stderr * self.serial_factor

    def cif(self, phase: int = 0) -> str:
        """Return the refined crystal of a phase as the text of a CIF."""
        from xorder.diffraction.crystal_writers import cif_text

        return cif_text(self, phase)

    def write_cif(self, path: str | Path, *, phase: int = 0) -> Path:
        """Write the refined crystal of a phase to a CIF."""
        from xorder.store import write_text

        return write_text(Path(path), self.cif(phase))

    def plot(self, ax: Axes | None = None, **artist: Any) -> list[Artist]:
        """Draw data, model, difference and ticks of the first pattern; return the artists."""
        return self.patterns[0].plot(ax, **artist)


def serial_factor(residuals: Sequence[Array]) -> float:
    r"""Return the factor for standard errors under serial correlation, at least 1.

    .. math:: f^2 = \frac{\sum_{\rm runs} (\sum_{i \in {\rm run}} r_i)^2}{\sum_i r_i^2}
              \Big/ \Big(1 + \frac{4}{\pi}\Big)

    over runs of residuals of one sign (the local sums of Bérar & Lelann, J. Appl. Cryst. 24, 1
    (1991)), divided by what independent normal residuals give.
    """
    summed = squares = 0.0
    for residual in residuals:
        if residual.size == 0:
            continue
        run = np.flatnonzero(np.diff(np.signbit(residual).astype(int), prepend=2))
        summed += float(np.sum(np.add.reduceat(residual, run) ** 2))
        squares += float(np.sum(residual**2))
    return max(1.0, math.sqrt(summed / squares / _WHITE)) if squares > 0 else 1.0
