r"""The scattering of phases whose atoms are known, crystalline or not, in electron units.

The coherent scattering of a phase comes from all its pairs of atoms,

.. math:: \frac{I(Q)}{N} = \sum_a c_a |f_a|^2 + \sum_{ab} \mathrm{Re}(f_a f_b^*) \int
          \Big[\frac{n_{ab}(r)}{N} - 4\pi r^2 \rho_0 c_a c_b\Big] E(r)\,
          e^{-Q^2\sigma_{ab}^2(r)/2}\, \frac{\sin Qr}{Qr}\, dr,

with E(r) for the size of domains and the resolution. Where the lines of a crystal are calculated
from structure factors instead, what its thermal motion takes out of them is `thermal_diffuse`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from xorder import pdf
from xorder.pdf.phases import sphere_envelope
from xorder.results import Array
from xorder.scattering import atomic_mass, dispersion, form_factor
from xorder.structure import Crystal, composition

__all__ = ["Motion", "Part", "Phase", "amounts_of", "coherent_scattering", "thermal_diffuse"]

#: Bins of pair distances in Å; fine enough for Q up to 25 Å⁻¹.
STEP = 0.02


@dataclass(frozen=True, kw_only=True, slots=True)
class Motion:
    """How atoms move."""

    uiso: Mapping[str, float] = field(
        default_factory=lambda: {"Na": 0.022, "Cl": 0.016, "Ta": 0.010}
    )
    """Isotropic displacement of each element in Å²."""
    delta2: float = 3.0
    """Near atoms move together: σ² falls by delta2/r², in Å²."""


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Phase:
    """One phase of a mixture, with all its pairs of atoms."""

    name: str
    """Name."""
    amounts: Mapping[str, float]
    """Atoms of each element, in any unit."""
    partials: pdf.Partials
    """Its pairs."""
    crystal: Crystal | None = None
    """Its structure, with displacements; None for an amorphous phase."""
    reach: float | None = None
    """Distance in Å beyond which an amorphous phase is taken as uniform; None for a crystal."""
    motion: Motion = field(default_factory=Motion)
    """How its atoms move."""

    @classmethod
    def crystalline(cls, crystal: Crystal, *, r_max: float = 130.0, motion: Motion) -> Phase:
        """Return a crystal as a phase, its pairs up to `r_max`."""
        sites = tuple(replace(s, uiso=motion.uiso[s.element]) for s in crystal.sites)
        moving = replace(crystal, sites=sites)
        frame = pdf.frame_from_crystal(moving)
        return cls(
            name=crystal.name,
            amounts=composition(moving),
            partials=pdf.calculate_partials([frame], r_max=r_max, step=STEP),
            crystal=moving,
            motion=motion,
        )

    @classmethod
    def amorphous(cls, frames: Sequence[pdf.Frame], *, motion: Motion) -> Phase:
        """Return boxes of atoms as one phase, averaged, uniform beyond half the box."""
        half = min(0.5 * math.cbrt(frame.volume) for frame in frames)
        partials = pdf.calculate_partials(frames, r_max=half, step=STEP)
        return cls(
            name="amorphous",
            amounts=dict(zip(partials.elements, partials.counts.tolist(), strict=True)),
            partials=partials,
            reach=half,
            motion=motion,
        )

    @property
    def mean_mass(self) -> float:
        """Mean mass of an atom in g/mol."""
        masses = sum(n * atomic_mass(element) for element, n in self.amounts.items())
        return masses / sum(self.amounts.values())


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Part:
    """A phase in a sample."""

    phase: Phase
    """The phase."""
    mass_fraction: float
    """Its share of the mass."""
    diameter: float | None = None
    """Diameter of its spherical domains in Å; None for endless ones."""
    strain: float = 0.0
    """Microstrain Δd/d."""


def coherent_scattering(
    phase: Phase,
    q: Array,
    *,
    wavelength: float = math.nan,
    qdamp: float = 0.0,
    diameter: float | None = None,
    strain: float = 0.0,
) -> Array:
    """Return the coherent scattering of a phase per atom in electrons squared, shape (Q,).

    Parameters
    ----------
    phase
        The phase.
    q
        Q in Å⁻¹, above zero, shape (Q,).
    wavelength
        Wavelength in Å, for f' and f''; NaN leaves them out.
    qdamp
        Resolution in Å⁻¹.
    diameter
        Diameter of spherical domains in Å.
    strain
        Microstrain: distances differ by this share from place to place.
    """
    partials, motion = phase.partials, phase.motion
    histograms = partials.histograms.mean(axis=0)[:, 1:]
    r = partials.step * np.arange(1, histograms.shape[1] + 1)
    counts, n = partials.counts, float(partials.counts.sum())
    factors = _factors(partials.elements, q, wavelength)
    iq = (counts / n) @ np.abs(factors) ** 2
    envelope = _envelope(phase, r, qdamp, diameter)
    waves = np.sin(np.outer(q, r)) / np.outer(q, r)
    if strain > 0:
        waves *= np.exp(-0.5 * (strain * np.outer(q, r)) ** 2)
    # Beyond this the share that atoms move together is below 1 % of their motion.
    near = int(np.searchsorted(r, 10.0 * math.sqrt(motion.delta2)))
    together = motion.delta2 / np.maximum(r[:near], 2.0) ** 2
    first, second = np.triu_indices(len(counts))
    for a, b, pairs in zip(first, second, histograms, strict=True):
        u = motion.uiso[partials.elements[a]] + motion.uiso[partials.elements[b]]
        uniform = (1.0 if a == b else 2.0) * counts[a] * counts[b] / n**2 * partials.rho0
        excess = (2.0 * pairs / n - uniform * 4.0 * math.pi * r**2 * partials.step) * envelope
        closer = np.exp(0.5 * u * np.outer(q**2, together))
        total = (waves[:, :near] * closer) @ excess[:near] + waves[:, near:] @ excess[near:]
        iq += (factors[a] * factors[b].conj()).real * np.exp(-0.5 * q**2 * u) * total
    return np.asarray(iq)


def thermal_diffuse(phase: Phase, q: Array, wavelength: float) -> Array:
    """Return what thermal motion takes out of the lines, of atoms that move on their own."""
    elements = tuple(phase.amounts)
    shares = np.array([phase.amounts[e] for e in elements])
    u = np.array([phase.motion.uiso[e] for e in elements])
    lost = 1.0 - np.exp(-np.outer(u, q**2))
    strength = np.abs(_factors(elements, q, wavelength)) ** 2 * lost
    return np.asarray(shares / shares.sum() @ strength)


def amounts_of(parts: Sequence[Part]) -> dict[str, float]:
    """Return the atoms of each element in the sample, the rarest as one."""
    amounts: dict[str, float] = {}
    for part in parts:
        atoms = part.mass_fraction / part.phase.mean_mass / sum(part.phase.amounts.values())
        for element, number in part.phase.amounts.items():
            amounts[element] = amounts.get(element, 0.0) + atoms * number
    least = min(amount for amount in amounts.values() if amount > 0)
    return {element: amount / least for element, amount in amounts.items() if amount > 0}


def _factors(elements: Sequence[str], q: Array, wavelength: float) -> NDArray[np.complex128]:
    """Return f0 + f' + if'' of each element, shape (elements, Q)."""
    anomalous = [0.0 if math.isnan(wavelength) else dispersion(e, wavelength) for e in elements]
    bare = np.stack([form_factor(e, q / (4.0 * math.pi)) for e in elements])
    return np.asarray(bare + np.array(anomalous)[:, None])


def _envelope(phase: Phase, r: Array, qdamp: float, diameter: float | None) -> Array:
    envelope = np.exp(-0.5 * (r * qdamp) ** 2)
    if diameter is not None:
        envelope = envelope * sphere_envelope(r, diameter)
    if phase.reach is not None:
        # Noise of few atoms goes to zero smoothly before the box repeats itself.
        x = np.clip((r / phase.reach - 0.6) / 0.4, 0.0, 1.0)
        envelope = envelope * np.cos(0.5 * math.pi * x) ** 2
    return np.asarray(envelope)
