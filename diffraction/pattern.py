"""A powder pattern and the conversions between its axes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from xorder.diffraction.radiation import Radiation, make_radiation
from xorder.errors import BadInput
from xorder.results import Array, Result, quantity, recorded

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

__all__ = [
    "Pattern",
    "cut",
    "d_from_q",
    "d_from_two_theta",
    "make_pattern",
    "q_from_d",
    "q_from_two_theta",
    "sigma_from_counts",
    "two_theta_from_d",
    "two_theta_from_q",
]

#: Fewer points than this are not a pattern.
FEWEST_POINTS = 10


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Pattern(Result):
    """A powder pattern: measured, or simulated and then marked so."""

    two_theta: Array = quantity("°", symbol="2θ", dims=("two_theta",))
    """Scattering angle, ascending."""
    intensity: Array = quantity("counts", symbol="I", dims=("two_theta",))
    """Intensity: counts, or what the file gives."""
    sigma: Array = quantity("counts", symbol="σ", dims=("two_theta",))
    """Standard uncertainty of each intensity, above zero."""
    wavelength: Radiation
    """The radiation: wavelengths, weights, polarization."""
    name: str = ""
    """Name of the sample or file."""
    simulated: bool = False
    """Whether the intensities were calculated rather than measured."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """What the file says about the measurement and how its columns were understood."""
    notes: tuple[str, ...] = ()
    """What a reader must know about the data, one sentence each."""

    def __post_init__(self) -> None:
        """Check that the arrays are a pattern."""
        for name in ("two_theta", "intensity", "sigma"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=float))
        _check_shapes(self)
        _check_two_theta(self)
        _check_intensity(self)

    @property
    def q(self) -> Array:
        """Momentum transfer of the first line in Å⁻¹."""
        return q_from_two_theta(self.two_theta, wavelength=self.wavelength.wavelength)

    @property
    def d(self) -> Array:
        """Lattice spacing that the first line meets at each point, in Å."""
        return d_from_two_theta(self.two_theta, wavelength=self.wavelength.wavelength)

    def plot(self, ax: Axes | None = None, **artist: Any) -> list[Artist]:
        """Draw intensity against two_theta; return the artists."""
        from xorder.diffraction.plots import plot_pattern

        return plot_pattern(self, ax, **artist)


@recorded
def make_pattern(
    two_theta: Array,
    intensity: Array,
    *,
    wavelength: Radiation | str | float,
    sigma: Array | None = None,
    name: str = "",
) -> Pattern:
    """Return a pattern from arrays.

    Parameters
    ----------
    two_theta
        Scattering angles in degrees, ascending.
    intensity
        Intensities, same length.
    wavelength
        Name such as ``"CuKa"``, wavelength in Å, or a `Radiation`.
    sigma
        Standard uncertainties; √counts where None.
    name
        Name of the sample.

    Raises
    ------
    BadInput
        Where the arrays are no pattern, or counts are negative and no sigma is given.
    """
    counts = np.asarray(intensity, dtype=float)
    return Pattern(
        two_theta=two_theta,
        intensity=counts,
        sigma=sigma_from_counts(counts) if sigma is None else sigma,
        wavelength=make_radiation(wavelength),
        name=name,
    )


@recorded
def cut(pattern: Pattern, *, two_theta: tuple[float, float]) -> Pattern:
    """Return the points of a pattern between two angles (degrees), ends included."""
    low, high = two_theta
    if not low < high:
        raise BadInput(f"two_theta range {low:g} to {high:g}°", expected="min < max")
    inside = (pattern.two_theta >= low) & (pattern.two_theta <= high)
    if np.count_nonzero(inside) < FEWEST_POINTS:
        raise BadInput(
            f"{np.count_nonzero(inside)} points of {pattern.name or 'the pattern'} lie between "
            f"{low:g} and {high:g}°; it runs from {pattern.two_theta[0]:g} to "
            f"{pattern.two_theta[-1]:g}°",
            expected=f"at least {FEWEST_POINTS} points",
        )
    return replace(
        pattern,
        two_theta=pattern.two_theta[inside],
        intensity=pattern.intensity[inside],
        sigma=pattern.sigma[inside],
    )


def sigma_from_counts(counts: Array) -> Array:
    """Return √counts, and 1 where there are fewer than one count.

    Raises
    ------
    BadInput
        For negative counts: those are no counts, and their uncertainty must be given.
    """
    counts = np.asarray(counts, dtype=float)
    if counts.size and np.nanmin(counts) < 0:
        point = int(np.nanargmin(counts))
        raise BadInput(
            f"intensity {counts[point]:g} at point {point + 1} is negative, so σ = √counts has no "
            "meaning",
            expected="counts, or intensities with a column of standard uncertainties",
        )
    return np.sqrt(np.maximum(counts, 1.0))


def q_from_two_theta(two_theta: Array, *, wavelength: float) -> Array:
    r"""Return :math:`Q = 4\pi\sin\theta/\lambda` in Å⁻¹ (two_theta in degrees, wavelength in Å)."""
    return np.asarray(4.0 * np.pi * np.sin(np.deg2rad(two_theta) / 2.0) / wavelength)


def two_theta_from_q(q: Array, *, wavelength: float) -> Array:
    r"""Return :math:`2\theta = 2\arcsin(Q\lambda/4\pi)` in degrees; NaN beyond 180°."""
    sine = np.asarray(q, dtype=float) * wavelength / (4.0 * np.pi)
    return np.rad2deg(2.0 * np.arcsin(np.where(np.abs(sine) <= 1.0, sine, np.nan)))


def d_from_q(q: Array) -> Array:
    r"""Return :math:`d = 2\pi/Q` in Å (q in Å⁻¹)."""
    return np.asarray(2.0 * np.pi / np.asarray(q, dtype=float))


def q_from_d(d: Array) -> Array:
    r"""Return :math:`Q = 2\pi/d` in Å⁻¹ (d in Å)."""
    return np.asarray(2.0 * np.pi / np.asarray(d, dtype=float))


def d_from_two_theta(two_theta: Array, *, wavelength: float) -> Array:
    r"""Return Bragg's :math:`d = \lambda/2\sin\theta` in Å; infinite at 0°."""
    with np.errstate(divide="ignore"):
        return np.asarray(wavelength / (2.0 * np.sin(np.deg2rad(two_theta) / 2.0)))


def two_theta_from_d(d: Array, *, wavelength: float) -> Array:
    r"""Return Bragg's :math:`2\theta = 2\arcsin(\lambda/2d)` in degrees; NaN where d < λ/2."""
    return two_theta_from_q(q_from_d(d), wavelength=wavelength)


def _check_shapes(pattern: Pattern) -> None:
    points = pattern.two_theta.shape
    if len(points) != 1 or pattern.intensity.shape != points or pattern.sigma.shape != points:
        raise BadInput(
            f"two_theta, intensity and sigma have shapes {points}, {pattern.intensity.shape} and "
            f"{pattern.sigma.shape}",
            expected="three columns of one length",
        )
    if points[0] < FEWEST_POINTS:
        raise BadInput(f"the pattern has {points[0]} points", expected=f"at least {FEWEST_POINTS}")


def _check_two_theta(pattern: Pattern) -> None:
    two_theta = pattern.two_theta
    bad = np.flatnonzero(~np.isfinite(two_theta))
    if bad.size:
        raise BadInput(f"two_theta is {two_theta[bad[0]]} at point {bad[0] + 1}", expected="angles")
    falls = np.flatnonzero(np.diff(two_theta) <= 0)
    if falls.size:
        i = int(falls[0])
        raise BadInput(
            f"two_theta does not increase: {two_theta[i]:g}° is followed by {two_theta[i + 1]:g}° "
            f"at point {i + 2}",
            expected="ascending angles, each once",
        )
    if two_theta[0] <= -180.0 or two_theta[-1] >= 180.0:
        raise BadInput(
            f"two_theta runs from {two_theta[0]:g} to {two_theta[-1]:g}",
            expected="degrees below 180",
        )


def _check_intensity(pattern: Pattern) -> None:
    bad = np.flatnonzero(~np.isfinite(pattern.intensity))
    if bad.size:
        raise BadInput(
            f"intensity is {pattern.intensity[bad[0]]} at point {bad[0] + 1} "
            f"(2θ = {pattern.two_theta[bad[0]]:g}°)",
            expected="a number at every point",
        )
    if not pattern.intensity.any():
        raise BadInput("every intensity is zero", expected="a measured pattern")
    bad = np.flatnonzero(~(np.isfinite(pattern.sigma) & (pattern.sigma > 0)))
    if bad.size:
        raise BadInput(
            f"sigma is {pattern.sigma[bad[0]]:g} at point {bad[0] + 1} "
            f"(2θ = {pattern.two_theta[bad[0]]:g}°)",
            expected="a standard uncertainty above zero at every point",
        )
