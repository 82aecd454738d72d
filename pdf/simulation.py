"""Simulated G(r) of mixtures, with noise as a finite range of Q makes it. Never a measurement."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from xorder.errors import BadInput
from xorder.pdf.calculation import FormFactors, calculate_gr
from xorder.pdf.noise import NoiseSpectrum
from xorder.pdf.pattern import PairDistribution, Radiation, check_uniform
from xorder.pdf.weights import mean_weight, scattering_weights
from xorder.results import Array, recorded
from xorder.scattering import atomic_mass
from xorder.structure import Crystal, unit_cell_atoms

__all__ = ["SimulatedPhase", "simulate_gr"]


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class SimulatedPhase:
    """One phase of a simulated mixture."""

    crystal: Crystal
    """Structure."""
    mass_fraction: float
    """Mass, relative to the other phases."""
    uiso: float | Mapping[str, float] = 0.01
    """Isotropic displacement in Å², for all atoms or per element."""
    delta2: float = 0.0
    """Correlated motion in Å²."""
    sphere_diameter: float | None = None
    """Diameter of the domains in Å. Some 8 Å keep the first shells only: an amorphous part."""


@recorded
def simulate_gr(
    phases: Sequence[SimulatedPhase],
    *,
    r: Array,
    q_max: float,
    qdamp: float = 0.04,
    qbroad: float = 0.0,
    radiation: Radiation = "xray",
    wavelength: float = math.nan,
    form_factors: FormFactors = "exact",
    noise: float = 0.0,
    seed: int = 0,
    name: str = "",
) -> PairDistribution:
    r"""Return the G(r) of a mixture, with noise.

    .. math:: G = \sum_p x_p \frac{\langle b\rangle_p^2}{\langle b\rangle^2} G_p

    with atom fractions :math:`x_p` and :math:`\langle b\rangle` of the whole sample. The noise is
    that of F(Q), rising with Q up to `q_max`, transformed: neighbouring points of G(r) move
    together as they do in a measurement.

    Parameters
    ----------
    phases
        Phases with their masses.
    r
        Distances in Å, uniform, shape (N,).
    q_max
        Upper end of Q in Å⁻¹.
    qdamp, qbroad
        Resolution in Å⁻¹.
    radiation
        ``"xray"`` or ``"neutron"``.
    wavelength
        Wavelength in Å, for f' and f''; NaN leaves them out.
    form_factors
        X-ray weights: ``"exact"`` as a measurement has them, or ``"constant"``.
    noise
        Standard deviation of G(r) in Å⁻².
    seed
        Seed of the noise.
    name
        Name of the sample.

    Raises
    ------
    BadInput
        Where there is no phase, or masses or noise are negative.
    """
    r = np.asarray(r, dtype=float)
    check_uniform(r)
    fractions, means = _atom_fractions(phases, radiation)
    if not 0 <= noise < math.inf:
        raise BadInput(f"noise is {noise}", expected="a standard deviation of zero or more")
    weights = fractions * means**2 / np.sum(fractions * means) ** 2
    amounts = _amounts(phases, fractions)
    gr = np.zeros_like(r)
    for phase, weight in zip(phases, weights, strict=True):
        gr += calculate_gr(
            phase.crystal,
            r=r,
            q_max=q_max,
            qdamp=qdamp,
            qbroad=qbroad,
            uiso=phase.uiso,
            delta2=phase.delta2,
            sphere_diameter=phase.sphere_diameter,
            scale=float(weight),
            radiation=radiation,
            form_factors=form_factors,
            sample=amounts,
            wavelength=wavelength,
        ).gr
    stderr, spectrum = None, None
    if noise > 0:
        spectrum = _noise(float(r[-1]), q_max, noise)
        waves = spectrum.waves(r)
        gr = gr + waves @ np.random.default_rng(seed).normal(size=len(spectrum.q))
        stderr = np.maximum(np.sqrt(np.sum(waves**2, axis=1)), 1e-3 * noise)
    return PairDistribution(
        r=r,
        gr=gr,
        stderr=stderr,
        q_max=q_max,
        qdamp=qdamp,
        qbroad=qbroad,
        composition=_formula(amounts),
        radiation=radiation,
        wavelength=wavelength,
        name=name,
        simulated=True,
        noise=spectrum,
    )


def _atom_fractions(phases: Sequence[SimulatedPhase], radiation: Radiation) -> tuple[Array, Array]:
    """Return the atom fraction and the mean scattering weight of each phase."""
    masses = np.array([phase.mass_fraction for phase in phases], dtype=float)
    if len(masses) == 0 or not np.all(masses >= 0) or not 0 < masses.sum() < math.inf:
        raise BadInput(
            f"the masses of the phases are {masses.tolist()}",
            expected="at least one phase, masses of zero or more and one above it",
        )
    means, atomic_masses = [], []
    for phase in phases:
        atoms = unit_cell_atoms(phase.crystal)
        means.append(mean_weight(atoms, scattering_weights(atoms, radiation, "xorder")))
        each = np.array([atomic_mass(element) for element in atoms.elements.tolist()])
        atomic_masses.append(float(np.sum(each * atoms.occupancy) / np.sum(atoms.occupancy)))
    fractions = masses / np.array(atomic_masses)
    return fractions / fractions.sum(), np.array(means)


def _noise(r_max: float, q_max: float, sigma: float) -> NoiseSpectrum:
    """Return noise whose standard deviation in F(Q) rises as Q, and in G(r) is `sigma`."""
    count = math.ceil(1.2 * q_max * r_max / math.pi) + 8
    q = (np.arange(count) + 0.5) * q_max / count
    return NoiseSpectrum(q=q, power=2.0 * (sigma * q) ** 2 / np.sum(q**2), source="counting")


def _amounts(phases: Sequence[SimulatedPhase], fractions: Array) -> dict[str, float]:
    """Return the amount of each element in the sample."""
    amounts: dict[str, float] = {}
    for phase, fraction in zip(phases, fractions, strict=True):
        atoms = unit_cell_atoms(phase.crystal)
        share = fraction / np.sum(atoms.occupancy)
        for element, occupancy in zip(atoms.elements.tolist(), atoms.occupancy, strict=True):
            amounts[element] = amounts.get(element, 0.0) + float(share * occupancy)
    return {element: amount for element, amount in amounts.items() if amount > 0}


def _formula(amounts: Mapping[str, float]) -> str:
    smallest = min(amounts.values())
    return "".join(f"{element}{amount / smallest:.4g}" for element, amount in amounts.items())
