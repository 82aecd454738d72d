r"""What X-rays would measure of mixtures whose atoms are known: patterns, counts, spectra.

Everything is in electron units per mass, so weight fractions are absolute. A Bragg line has

.. math:: \int I\, d(2\theta) = \frac{m |F|^2 \lambda^3}{16 \pi V \sin^2\theta \cos\theta}

a cell, which is the integral of the pairs' scattering over the line (Warren, X-ray Diffraction,
Dover 1990, chapter 4, in electron units and without the constants of the beam).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np

from xorder import diffraction, pdf, xas
from xorder.diffraction.absorption import mass_absorption
from xorder.diffraction.radiation import make_radiation
from xorder.digital_scattering import Part, Phase, amounts_of, coherent_scattering, thermal_diffuse
from xorder.pdf.compton import compton_scattering
from xorder.results import Array
from xorder.structure import Crystal

__all__ = [
    "Beamline",
    "Diffractometer",
    "longer",
    "simulate_counts",
    "simulate_empty_container",
    "simulate_holder",
    "simulate_pattern",
    "simulate_scans",
]

Setup = TypeVar("Setup", "Diffractometer", "Beamline")

#: FWHM by Scherrer with K = 0.9 of a sphere of unit diameter: 0.9 over 1.107 (Langford & Wilson,
#: J. Appl. Cryst. 11, 102 (1978)).
SCHERRER_OF_SPHERE = 0.813


@dataclass(frozen=True, kw_only=True, slots=True)
class Diffractometer:
    """A laboratory diffractometer with a flat sample under a film."""

    wavelength: str = "CuKa"
    """Radiation."""
    two_theta: tuple[float, float, float] = (8.0, 70.0, 0.02)
    """First and last angle and step in degrees."""
    profile: diffraction.Profile = field(default_factory=diffraction.Profile)
    """Widths of the instrument."""
    exposure: float = 5.0
    """Counts per square electron and atom, of a mean atom of 40 g/mol and a mass attenuation of
    100 cm²/g."""
    blank: float = 150.0
    """Counts of film and air at low angle."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Beamline:
    """A beamline for total scattering with an area detector."""

    wavelength: float = 0.2095
    """Wavelength in Å."""
    q: tuple[float, float, float] = (0.5, 24.0, 0.02)
    """First and last Q and step in Å⁻¹."""
    qdamp: float = 0.03
    """Resolution in Å⁻¹."""
    exposure: float = 6000.0
    """Counts per square electron and atom."""
    container: float = 6e5
    """Counts of the capillary at its maximum."""
    fluorescence: float = 5e4
    """Constant level in counts."""


def longer(setup: Setup, times: float) -> Setup:
    """Return an instrument that counts `times` as long, all that it counts included."""
    if isinstance(setup, Diffractometer):
        return replace(setup, exposure=times * setup.exposure, blank=times * setup.blank)
    return replace(
        setup,
        exposure=times * setup.exposure,
        container=times * setup.container,
        fluorescence=times * setup.fluorescence,
    )


def simulate_pattern(
    parts: Sequence[Part], setup: Diffractometer, *, seed: int | None = 0, name: str = ""
) -> diffraction.Pattern:
    """Return the powder pattern of a mixture: lines, halo, diffuse scattering, film and air.

    Parameters
    ----------
    parts
        The phases of the sample.
    setup
        The instrument.
    seed
        Seed of the counting noise; none where None.
    name
        Name of the sample.
    """
    radiation = make_radiation(setup.wavelength)
    axis = _axis(setup.two_theta)
    q = 4.0 * math.pi / radiation.mean * np.sin(np.deg2rad(axis) / 2.0)
    polarized = (
        radiation.polarization + (1 - radiation.polarization) * np.cos(np.deg2rad(axis)) ** 2
    )
    attenuation = sum(p.mass_fraction * _attenuation(p.phase, setup) for p in parts)
    exposure = setup.exposure * 40.0 * 100.0 / attenuation
    total = _holder(axis, setup)
    for part in parts:
        phase, share = part.phase, exposure * part.mass_fraction
        diffuse = compton_scattering(phase.amounts, q, wavelength=radiation.wavelength)
        if phase.crystal is None:
            diffuse = diffuse + coherent_scattering(phase, q, wavelength=radiation.wavelength)
        else:
            diffuse = diffuse + thermal_diffuse(phase, q, radiation.wavelength)
            total = total + _lines(part, phase.crystal, setup, share)
        total = total + share / phase.mean_mass * polarized * diffuse
    return _counted(axis, total, radiation, seed, name)


def simulate_holder(
    setup: Diffractometer, *, seed: int | None = 0, name: str = "blank, simulated"
) -> diffraction.Pattern:
    """Return the pattern of film and air without a sample."""
    axis = _axis(setup.two_theta)
    return _counted(axis, _holder(axis, setup), make_radiation(setup.wavelength), seed, name)


def simulate_counts(
    parts: Sequence[Part], setup: Beamline, *, seed: int | None = 0, name: str = ""
) -> pdf.Intensity:
    """Return the counts of total scattering: sample, Compton, capillary, fluorescence, noise.

    Polarization is that of rings averaged over an area detector of an unpolarized beam.

    Parameters
    ----------
    parts
        The phases of the sample.
    setup
        The beamline.
    seed
        Seed of the counting noise; none where None.
    name
        Name of the sample.
    """
    q = _axis(setup.q)
    amounts = amounts_of(parts)
    masses = np.array([part.mass_fraction / part.phase.mean_mass for part in parts])
    iq = compton_scattering(amounts, q, wavelength=setup.wavelength)
    for share, part in zip(masses / masses.sum(), parts, strict=True):
        iq = iq + share * coherent_scattering(
            part.phase,
            q,
            wavelength=setup.wavelength,
            qdamp=setup.qdamp,
            diameter=part.diameter,
            strain=part.strain,
        )
    cosine = 1.0 - 2.0 * (q * setup.wavelength / (4.0 * math.pi)) ** 2
    clean = setup.exposure * 0.5 * (1.0 + cosine**2) * iq
    clean = clean + _container(q, setup) + setup.fluorescence
    formula = "".join(f"{element}{amount:.4g}" for element, amount in amounts.items())
    return _intensity(q, clean, setup, seed, name, formula)


def simulate_empty_container(
    setup: Beamline, *, seed: int | None = 0, name: str = "empty capillary, simulated"
) -> pdf.Intensity:
    """Return the counts of the empty capillary."""
    q = _axis(setup.q)
    return _intensity(q, _container(q, setup), setup, seed, name, "")


def simulate_scans(
    crystalline: Sequence[xas.ScatteringPath],
    amorphous: Sequence[xas.ScatteringPath],
    *,
    amorphous_share: float,
    scans: int = 3,
    sigma2: float = 0.004,
    sigma2_growth: float = 0.002,
    noise: float = 3e-4,
    seed: int = 0,
    name: str = "",
) -> tuple[xas.Spectrum, ...]:
    """Return scans of the Ta L3 edge of a mixture.

    Static disorder is in the paths, as these were calculated of arrangements of atoms; σ² is that
    of thermal motion.

    Parameters
    ----------
    crystalline, amorphous
        Paths of both ends.
    amorphous_share
        Share of the Ta atoms in the amorphous part.
    scans
        Scans to take.
    sigma2, sigma2_growth
        Thermal σ² of the first shell in Å² and its growth in Å²/Å.
    noise
        Standard deviation of white noise on each scan, in edge steps.
    seed
        Seed of the noise.
    name
        Name of the sample.
    """
    kinds = [
        xas.Environment(paths=paths, weight=weight, sigma2=sigma2, sigma2_growth=sigma2_growth)
        for paths, weight in ((crystalline, 1.0 - amorphous_share), (amorphous, amorphous_share))
    ]
    return tuple(
        xas.simulate_spectrum(
            kinds, element="Ta", edge="L3", white_line=1.6, noise=noise, seed=seed + scan, name=name
        )
        for scan in range(scans)
    )


def _lines(part: Part, crystal: Crystal, setup: Diffractometer, share: float) -> Array:
    """Return the Bragg lines of a crystal in counts, shape (points,)."""
    radiation = make_radiation(setup.wavelength)
    found = diffraction.simulate(
        crystal,
        wavelength=radiation,
        two_theta=setup.two_theta,
        profile=setup.profile,
        size=None if part.diameter is None else SCHERRER_OF_SPHERE * part.diameter,
        strain=part.strain,
    )
    cell = found.reflections[0]
    absolute = math.degrees(radiation.wavelength**3 / (16.0 * math.pi * cell.volume))
    return np.asarray(share / cell.mass * absolute * found.components[0])


def _attenuation(phase: Phase, setup: Diffractometer) -> float:
    return mass_absorption(phase.amounts, wavelength=setup.wavelength)


def _holder(axis: Array, setup: Diffractometer) -> Array:
    """Return the shape of air and of a polyimide film, in counts."""
    air = np.exp(-(axis - axis[0]) / 9.0)
    film = 0.35 * np.exp(-0.5 * ((axis - 19.5) / 4.5) ** 2) + 0.2
    return np.asarray(setup.blank * (air + film))


def _container(q: Array, setup: Beamline) -> Array:
    """Return the shape of a capillary of glass, in counts."""
    shape = 0.15 + 0.35 * np.exp(-q / 4.0) + np.exp(-0.5 * ((q - 1.6) / 0.45) ** 2)
    shape = shape + 0.10 * np.exp(-0.5 * ((q - 5.2) / 0.8) ** 2)
    return np.asarray(setup.container * shape / shape.max())


def _axis(span: tuple[float, float, float]) -> Array:
    first, last, step = span
    return np.asarray(first + step * np.arange(math.floor((last - first) / step + 1e-9) + 1))


def _drawn(clean: Array, seed: int | None) -> Array:
    return clean if seed is None else np.random.default_rng(seed).poisson(clean).astype(float)


def _counted(
    axis: Array, clean: Array, radiation: diffraction.Radiation, seed: int | None, name: str
) -> diffraction.Pattern:
    counts = _drawn(clean, seed)
    return diffraction.Pattern(
        two_theta=axis,
        intensity=counts,
        sigma=np.sqrt(np.maximum(counts, 1.0)),
        wavelength=radiation,
        name=name,
        simulated=True,
        notes=("The pattern is simulated.",),
    )


def _intensity(
    q: Array, clean: Array, setup: Beamline, seed: int | None, name: str, formula: str
) -> pdf.Intensity:
    counts = _drawn(clean, seed)
    return pdf.Intensity(
        q=q,
        intensity=counts,
        stderr=np.sqrt(np.maximum(counts, 1.0)),
        wavelength=setup.wavelength,
        composition=formula,
        name=name,
        simulated=True,
    )
