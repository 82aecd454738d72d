"""Powder patterns calculated from crystal structures; always marked simulated."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from xorder.diffraction.humps import Hump, halo
from xorder.diffraction.pattern import Pattern
from xorder.diffraction.profiles import (
    Profile,
    fwhm_from_size,
    fwhm_from_strain,
    sum_lines,
    tch_from_widths,
)
from xorder.diffraction.radiation import Radiation, lorentz_polarization, make_radiation
from xorder.diffraction.reflections import Reflections, find_reflections
from xorder.errors import BadInput
from xorder.results import Array, quantity, recorded
from xorder.structure import Crystal, lattice_from_cell

__all__ = [
    "Hump",
    "Range",
    "SimulatedPattern",
    "line_positions",
    "pattern_axis",
    "powder_intensity",
    "preferred_orientation",
    "simulate",
    "simulate_mixture",
]

#: Lines this far (degrees) outside the axis still reach into it with their tails.
MARGIN = 3.0
#: A grid of more points than this is a step by mistake.
MOST_POINTS = 1_000_000

Range = tuple[float, float, float]
T = TypeVar("T")


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class SimulatedPattern(Pattern):
    """A calculated pattern with what it was made of."""

    simulated: bool = True
    """Always True."""
    reflections: tuple[Reflections, ...] = ()
    """Reflections of each crystal."""
    components: Array = quantity(
        "counts", dims=("component", "two_theta"), default_factory=lambda: np.empty((0, 0))
    )
    """Intensity of each component, shape (components, points)."""
    component: tuple[str, ...] = ()
    """Names of the components: crystals, then ``"amorphous"``, then ``"background"``."""
    weight_fraction: tuple[float, ...] = field(default=())
    """Weight fraction of each crystal and of the amorphous part."""


@recorded
def simulate(
    crystal: Crystal,
    *,
    wavelength: Radiation | str | float = "CuKa",
    two_theta: Range = (5.0, 90.0, 0.02),
    profile: Profile | None = None,
    size: float | None = None,
    strain: float = 0.0,
    scale: float = 1.0,
    background: Sequence[float] = (),
    humps: Sequence[Hump | Pattern] = (),
    orientation: tuple[tuple[int, int, int], float] | None = None,
    zero_shift: float = 0.0,
    uiso: float = 0.01,
) -> SimulatedPattern:
    r"""Return the powder pattern of a crystal.

    .. math:: I(2\theta) = S \sum_{\mathbf h} \sum_\lambda w_\lambda\, m\, |F|^2\, LP(2\theta)\,
              \Omega(2\theta - 2\theta_{\mathbf h\lambda})

    with a pseudo-Voigt :math:`\Omega` of unit area a degree. The monochromator and the synchrotron
    are part of `Radiation.polarization`.

    Parameters
    ----------
    crystal
        The structure.
    wavelength
        Radiation: ``"CuKa"``, a wavelength in Å, or a `Radiation`.
    two_theta
        First angle, last angle and step in degrees.
    profile
        Widths of the instrument; the default `Profile` where None.
    size
        Domain size in Å (Scherrer with K = 0.9, Lorentzian); infinite where None.
    strain
        Microstrain Δd/d (Lorentzian).
    scale
        :math:`S`.
    background
        Chebyshev coefficients over the range, counts.
    humps
        Amorphous maxima, or patterns of amorphous parts (`simulate_amorphous`) that are added.
    orientation
        Plane and March–Dollase parameter r (below 1 for plates on a flat holder); none where None.
    zero_shift
        Degrees added to every position.
    uiso
        Displacement in Å² for sites without one; a `StructureWarning` names them.

    Raises
    ------
    BadInput
        For a range, width or parameter that cannot be.
    """
    axis = pattern_axis(two_theta)
    lines = make_radiation(wavelength)
    found = _reflections(crystal, lines, axis, uiso)
    strength = powder_intensity(found)
    if orientation is not None:
        strength = strength * preferred_orientation(crystal, found, *orientation)
    bragg = scale * _bragg(
        axis, found, strength, profile or Profile(), size=size, strain=strain, shift=zero_shift
    )
    amorphous = halo(axis, humps)
    base = np.polynomial.chebyshev.chebval(np.linspace(-1, 1, len(axis)), list(background) or [0.0])
    total = bragg + amorphous + base
    return SimulatedPattern(
        two_theta=axis,
        intensity=total,
        sigma=np.sqrt(np.maximum(total, 1.0)),
        wavelength=lines,
        name=crystal.name,
        reflections=(found,),
        components=np.stack([bragg, amorphous, base]),
        component=(crystal.name, "amorphous", "background"),
        weight_fraction=(1.0,),
        notes=("The pattern is simulated.",),
    )


@recorded
def simulate_mixture(
    crystals: Sequence[Crystal],
    *,
    weight_fractions: Sequence[float],
    amorphous_fraction: float = 0.0,
    humps: Sequence[Hump | Pattern] = (),
    wavelength: Radiation | str | float = "CuKa",
    two_theta: Range = (5.0, 90.0, 0.02),
    profile: Profile | None = None,
    sizes: Sequence[float | None] | None = None,
    strains: Sequence[float] | None = None,
    counts: float = 1e4,
    background: Sequence[float] = (100.0,),
    seed: int | None = 0,
    name: str = "",
    uiso: float = 0.01,
) -> SimulatedPattern:
    r"""Return the pattern of a mixture of crystals and an amorphous part, with counting noise.

    The Bragg intensity of phase :math:`\alpha` follows from its weight fraction :math:`W_\alpha` by
    :math:`S_\alpha \propto W_\alpha / (ZMV)_\alpha` (Hill & Howard, J. Appl. Cryst. 20, 467
    (1987)). Mass that turns amorphous keeps, by assumption, its integrated intensity in the range
    and gives it to the humps.

    Parameters
    ----------
    crystals
        Crystalline phases.
    weight_fractions
        Weight fractions among the crystalline phases; they are normalised.
    amorphous_fraction
        Weight fraction of the whole that is amorphous, 0 to 1.
    humps
        Shape of the amorphous scattering, also from `simulate_amorphous`; the areas are shares.
    wavelength, two_theta, profile
        As in `simulate`.
    sizes, strains
        Domain size (Å or None) and microstrain of each phase.
    counts
        Highest Bragg count if nothing were amorphous and no domain small: the exposure.
    background
        Chebyshev coefficients over the range, counts.
    seed
        Seed of the Poisson noise; no noise where None.
    name
        Name of the sample.
    uiso
        Displacement in Å² for sites without one.

    Raises
    ------
    BadInput
        For fractions outside 0 to 1, or lists whose lengths differ from that of `crystals`.
    """
    shares = _checked_shares(crystals, weight_fractions, amorphous_fraction, humps)
    axis, lines, shape = pattern_axis(two_theta), make_radiation(wavelength), profile or Profile()
    domain_sizes = _each(sizes, None, crystals, "sizes")
    microstrains = _each(strains, 0.0, crystals, "strains")
    found = tuple(_reflections(crystal, lines, axis, uiso) for crystal in crystals)
    scales = [w / (r.mass * r.volume) for w, r in zip(shares, found, strict=True)]
    strengths = [s * powder_intensity(r) for s, r in zip(scales, found, strict=True)]
    pairs = list(zip(found, strengths, strict=True))
    sharp = sum(_bragg(axis, r, i, shape) for r, i in pairs)
    if not np.max(sharp) > 0:
        raise BadInput(
            f"none of the crystals diffracts between {axis[0]:g} and {axis[-1]:g}°",
            expected="a range with Bragg lines, which set the exposure",
        )
    exposure = counts / np.max(sharp)
    phases = [
        exposure * (1.0 - amorphous_fraction) * _bragg(axis, r, i, shape, size=size, strain=strain)
        for (r, i), size, strain in zip(pairs, domain_sizes, microstrains, strict=True)
    ]
    amorphous = halo(axis, humps)
    if amorphous_fraction > 0:
        area = np.trapezoid(sharp, axis) * exposure * amorphous_fraction
        amorphous = amorphous * area / np.trapezoid(amorphous, axis)
    else:
        amorphous = np.zeros_like(axis)
    base = np.polynomial.chebyshev.chebval(np.linspace(-1, 1, len(axis)), list(background) or [0.0])
    clean = sum(phases) + amorphous + base
    _check_positive(clean)
    noisy = clean if seed is None else np.random.default_rng(seed).poisson(clean).astype(float)
    noise = "without noise" if seed is None else f"with Poisson noise of seed {seed}"
    return SimulatedPattern(
        two_theta=axis,
        intensity=noisy,
        sigma=np.sqrt(np.maximum(noisy, 1.0)),
        wavelength=lines,
        name=name,
        reflections=found,
        components=np.stack([*phases, amorphous, base]),
        component=(*(r.name for r in found), "amorphous", "background"),
        weight_fraction=(*(w * (1.0 - amorphous_fraction) for w in shares), amorphous_fraction),
        notes=(f"The pattern is simulated, {noise}.",),
    )


def powder_intensity(found: Reflections) -> Array:
    """Return m |F|² LP of each reflection, for the whole radiation, shape (N,)."""
    factor = lorentz_polarization(found.two_theta, polarization=found.wavelength.polarization)
    return np.asarray(found.multiplicity * found.f_squared * factor)


def line_positions(two_theta: Array, radiation: Radiation) -> Array:
    """Return where every line of a radiation puts peaks given at its first line.

    Parameters
    ----------
    two_theta
        Angles at the first line in degrees, shape (N,).
    radiation
        The radiation, of L lines.

    Returns
    -------
    :
        Angles in degrees, shape (N, L); NaN where a line cannot reach the plane.
    """
    sine = np.sin(np.deg2rad(np.asarray(two_theta)) / 2.0)
    ratio = np.array(radiation.wavelengths) / radiation.wavelength
    product = sine[..., None] * ratio
    return np.rad2deg(2.0 * np.arcsin(np.where(product < 1.0, product, np.nan)))


def preferred_orientation(
    crystal: Crystal, found: Reflections, plane: tuple[int, int, int], march: float
) -> Array:
    r"""Return the March–Dollase factor of each reflection, the mean over its family.

    .. math:: P = \langle (r^2\cos^2\alpha + \sin^2\alpha / r)^{-3/2} \rangle

    Dollase, J. Appl. Cryst. 19, 267 (1986), eq. 1, with :math:`\alpha` between the plane's normal
    and that of each family member.
    """
    if not march > 0 or not any(plane):
        raise BadInput(
            f"March–Dollase r = {march:g} about {plane}", expected="r above 0 and a plane"
        )
    reciprocal = np.linalg.inv(lattice_from_cell(crystal.cell))
    axis = reciprocal @ np.asarray(plane)
    rotations = np.unique(crystal.rotations, axis=0)
    images = np.einsum("ni,mij->nmj", found.hkl, rotations) @ reciprocal.T
    cosine = images @ axis / (np.linalg.norm(images, axis=2) * np.linalg.norm(axis))
    squared = np.minimum(cosine**2, 1.0)
    return np.asarray(np.mean((march**2 * squared + (1 - squared) / march) ** -1.5, axis=1))


def _bragg(
    axis: Array,
    found: Reflections,
    strength: Array,
    profile: Profile,
    *,
    size: float | None = None,
    strain: float = 0.0,
    shift: float = 0.0,
) -> Array:
    lines = found.wavelength
    centre = line_positions(found.two_theta, lines)
    area = strength[:, None] * np.array(lines.weights)
    reached = np.isfinite(centre)
    centre, area = centre[reached], area[reached]
    gauss, lorentz = profile.widths(centre)
    if size is not None:
        lorentz = lorentz + fwhm_from_size(centre, size=size, wavelength=lines.wavelength)
    lorentz = lorentz + fwhm_from_strain(centre, strain=strain)
    fwhm, eta = tch_from_widths(gauss, lorentz)
    if fwhm.size and not fwhm.min() > 0:
        raise BadInput("a line of the pattern has no width", expected="a profile above zero")
    return sum_lines(axis, centre=centre + shift, area=area, fwhm=fwhm, eta=eta)


def _reflections(crystal: Crystal, lines: Radiation, axis: Array, uiso: float) -> Reflections:
    low, high = max(0.1, axis[0] - MARGIN), min(179.0, axis[-1] + MARGIN)
    return find_reflections(crystal, lines, (low, high), uiso, compiled=True)


def pattern_axis(two_theta: Range) -> Array:
    """Return the angles of a range, or raise BadInput where they cannot be."""
    low, high, step = (float(value) for value in two_theta)
    if not (0 < low < high < 180 and step > 0) or not math.isfinite(step):
        raise BadInput(
            f"two_theta from {low:g} to {high:g} in steps of {step:g}°",
            expected="0 < first < last < 180 and a step above 0",
        )
    points = math.floor((high - low) / step + 1e-9) + 1
    if not 10 <= points <= MOST_POINTS:
        raise BadInput(f"two_theta has {points} points", expected=f"10 to {MOST_POINTS:,}")
    return np.asarray(low + step * np.arange(points), dtype=float)


def _checked_shares(
    crystals: Sequence[Crystal],
    weight_fractions: Sequence[float],
    amorphous_fraction: float,
    humps: Sequence[Hump | Pattern],
) -> list[float]:
    total = math.fsum(weight_fractions)
    if len(weight_fractions) != len(crystals) or not crystals:
        raise BadInput(
            f"{len(weight_fractions)} weight fractions for {len(crystals)} crystals",
            expected="one each",
        )
    if min(weight_fractions) < 0 or not total > 0 or not math.isfinite(total):
        raise BadInput(f"weight fractions {tuple(weight_fractions)}", expected="none below 0")
    if not 0.0 <= amorphous_fraction <= 1.0:
        raise BadInput(f"amorphous fraction {amorphous_fraction:g}", expected="between 0 and 1")
    if amorphous_fraction > 0 and not any(isinstance(h, Pattern) or h.area > 0 for h in humps):
        raise BadInput("an amorphous part without humps", expected="the humps it scatters into")
    return [fraction / total for fraction in weight_fractions]


def _each(
    values: Sequence[T] | None, default: T, crystals: Sequence[Crystal], name: str
) -> list[T]:
    if values is None:
        return [default] * len(crystals)
    if len(values) != len(crystals):
        raise BadInput(
            f"{len(values)} {name} for {len(crystals)} crystals", expected="one each, or None"
        )
    return list(values)


def _check_positive(intensity: Array) -> None:
    if intensity.min() < 0:
        raise BadInput(
            f"the intensity without noise falls to {intensity.min():g} counts",
            expected="a background that stays above zero",
        )
