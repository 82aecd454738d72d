"""Absorption spectra calculated from scattering paths, marked as simulated."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xorder.errors import BadInput
from xorder.results import Array, recorded
from xorder.xas.path_sums import sum_paths
from xorder.xas.photoelectron import edge as tabulated_edge
from xorder.xas.photoelectron import energy_from_k, k_from_energy
from xorder.xas.scattering_paths import ScatteringPath
from xorder.xas.spectrum import Spectrum

__all__ = ["Environment", "simulate_spectrum"]


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Environment:
    """One kind of surrounding of the absorber, such as crystalline or amorphous."""

    paths: Sequence[ScatteringPath]
    """Its scattering paths."""
    weight: float = 1.0
    """Its share of the absorbing atoms; shares are brought to a sum of one."""
    sigma2: float = 0.003
    """Mean-square disorder of the first shell in Å²."""
    sigma2_growth: float = 0.002
    """How much σ² grows an Å of half length beyond the first shell, in Å²/Å: the order that
    fades with distance."""
    multiple_scattering: float = 1.0
    """Amplitude of paths of three legs and more: 1 for straight bonds as calculated, less where
    bonds bend (0.81 for 10° and 0.42 for 20° of a straight Cl–Ta–Cl)."""
    delta_r: float = 0.0
    """Relative change of all distances."""


@recorded
def simulate_spectrum(
    environments: Sequence[Environment] | Sequence[ScatteringPath],
    *,
    element: str,
    edge: str,
    e0: float | None = None,
    energy: Array | None = None,
    s02: float = 0.9,
    sigma2: float = 0.003,
    delta_e0: float = 0.0,
    white_line: float = 1.5,
    edge_step: float = 1.0,
    noise: float = 0.0,
    seed: int = 0,
    name: str = "",
) -> Spectrum:
    """Return a simulated spectrum: a broadened edge, a white line, EXAFS and noise.

    μ(E) is a straight pre-edge line plus the step times (arctangent of the core hole's width +
    Lorentzian white line + step · χ(k)). The near edge is a model, the EXAFS FEFF's.

    Parameters
    ----------
    environments
        `Environment` objects, or the paths of one environment.
    element, edge
        Absorber and edge.
    e0
        Edge energy in eV; the tabulated one where None.
    energy
        Photon energies in eV; None takes 150 eV before the edge to k = 14 Å⁻¹ as a beamline steps.
    s02
        Amplitude reduction.
    sigma2
        Mean-square disorder in Å² where paths are given instead of environments.
    delta_e0
        Shift in eV of the paths' k = 0 from e0.
    white_line
        Height of the white line above the step, in steps.
    edge_step
        Step of μ(E).
    noise
        Standard deviation of white noise on μ(E), in steps.
    seed
        Seed of the noise.
    name
        Name of the sample.

    Raises
    ------
    BadInput
        No environment, weights that are not positive, negative noise or energies that miss the
        edge.
    """
    known = tabulated_edge(element, edge)
    e0 = known.energy if e0 is None else float(e0)
    kinds = _environments(environments, sigma2)
    if not (math.isfinite(noise) and noise >= 0):
        raise BadInput(f"noise is {noise:g}", expected="0 or above")
    energy = default_energies(e0) if energy is None else np.asarray(energy, dtype=float)
    if not energy[0] < e0 < energy[-1]:
        raise BadInput(
            f"the energies run from {energy[0]:g} to {energy[-1]:g} eV, e0 is {e0:g} eV",
            expected="energies on both sides of e0",
        )
    k = np.arange(0.0, float(k_from_energy(energy[-1:], e0=e0)[0]) + 0.1, 0.05)
    chi = _chi(kinds, k, s02, delta_e0)
    mu = _near_edge(energy - e0, known.width, white_line)
    above = energy > e0
    # The first Å⁻¹ is near edge, where the EXAFS equation does not hold.
    onset = _onset(k_from_energy(energy, e0=e0), 1.5, 3.0)
    mu = mu + np.where(above, onset * np.interp(k_from_energy(energy, e0=e0), k, chi), 0.0)
    mu = edge_step * mu + 0.2 * edge_step * (1.0 - 2e-4 * (energy - e0))
    spread = noise * edge_step
    generator = np.random.default_rng(seed)
    return Spectrum(
        energy=energy,
        mu=mu + spread * generator.standard_normal(energy.size),
        stderr=np.full(energy.size, spread) if noise > 0 else None,
        element=element,
        edge=edge,
        name=name or f"simulated {element} {edge}",
        mode="transmission",
        simulated=True,
        metadata={"simulated": "true", "program": "FEFF paths, model near edge"},
        source="simulated",
    )


def default_energies(e0: float, *, k_max: float = 14.0) -> Array:
    """Return energies in eV as a beamline steps through an edge."""
    before = np.arange(-150.0, -30.0, 5.0)
    around = np.arange(-30.0, 35.0, 0.4)
    k = np.arange(math.sqrt(35.5 / 3.81), k_max + 0.025, 0.05)
    return e0 + np.concatenate([before, around, energy_from_k(k, e0=0.0)])


def _environments(
    given: Sequence[Environment] | Sequence[ScatteringPath], sigma2: float
) -> list[Environment]:
    kinds = [kind for kind in given if isinstance(kind, Environment)]
    if not kinds:
        paths = [path for path in given if isinstance(path, ScatteringPath)]
        kinds = [Environment(paths=paths, sigma2=sigma2)] if paths else []
    if not kinds or any(not kind.paths for kind in kinds):
        raise BadInput("there are no scattering paths", expected="xas.calculate_paths(…)")
    if any(kind.weight < 0 for kind in kinds) or sum(kind.weight for kind in kinds) <= 0:
        raise BadInput("the environments' weights are negative or all zero", expected="shares")
    if any(not (math.isfinite(kind.sigma2) and kind.sigma2 >= 0) for kind in kinds):
        raise BadInput("an environment's sigma2 is negative or not a number", expected="0 or above")
    return kinds


def _chi(kinds: Sequence[Environment], k: Array, s02: float, delta_e0: float) -> Array:
    total = np.zeros(k.size)
    weight = sum(kind.weight for kind in kinds)
    for kind in kinds:
        if kind.weight == 0:
            continue
        reff = np.array([path.reff for path in kind.paths])
        single = np.array([path.n_legs == 2 for path in kind.paths])
        # Two bonds that vibrate on their own add their disorder.
        sigma2 = np.where(single, 1.0, 2.0) * kind.sigma2
        sigma2 = sigma2 + kind.sigma2_growth * (reff - reff.min())
        total += (kind.weight / weight) * sum_paths(
            kind.paths,
            k,
            s02=s02,
            sigma2=sigma2.tolist(),
            delta_e0=delta_e0,
            delta_r=(kind.delta_r * reff).tolist(),
            scale=np.where(single, 1.0, kind.multiple_scattering).tolist(),
        )
    return total


def _near_edge(x: Array, width: float, white_line: float) -> Array:
    half = 0.5 * width
    step = 0.5 + np.arctan(x / half) / math.pi
    # The white line sits one width above the step and is wider than the hole by the final state.
    breadth = 1.2 * half + 0.5
    return step + white_line / (1.0 + ((x - width) / breadth) ** 2)


def _onset(k: Array, start: float, end: float) -> Array:
    return np.sin(0.5 * np.pi * np.clip((k - start) / (end - start), 0.0, 1.0)) ** 2
