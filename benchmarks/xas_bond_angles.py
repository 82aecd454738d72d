"""Straight against bent Cl–Ta–Cl: what a spectrum proves, over repeated noise.

    python benchmarks/xas_bond_angles.py [draws [noise]]

TaCl6 is calculated by FEFF at 180, 170 and 160°, and straight with more disorder of the bonds or of
the chains; white noise is added to χ(k), drawn anew each time. The table tells how the wavelet
feature falls, whether its errors are its scatter, what the fit says, and how often a bend is said
where there is none. Other ways to bend than that of the model show what depends on it.
"""

from __future__ import annotations

import math
import sys
import warnings
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from xorder import xas
from xorder.results import Array
from xorder.structure import Crystal

K = 0.05 * np.arange(281)


@dataclass(frozen=True)
class Truth:
    """One sample: its bend, and σ² of bonds and chains (Å²); None is that of independent bonds."""

    name: str
    bend: float = 0.0
    sigma2: float = 0.004
    chain: float | None = None
    lean: str = "model"


CASES = (
    Truth("180°"),
    Truth("170°", bend=10.0),
    Truth("160°", bend=20.0),
    Truth("180°, bonds σ² 0.007", sigma2=0.007),
    Truth("180°, chains σ² 0.012", chain=0.012),
    Truth("180°, chains σ² 0.016", chain=0.016),
    Truth("170°, chains σ² 0.012", bend=10.0, chain=0.012),
    Truth("170°, one Cl moved", bend=10.0, lean="one"),
    Truth("167.5°", bend=12.5),
    Truth("175°", bend=5.0),
)


def cluster(truth: Truth) -> Crystal:
    """Return TaCl6 of a bend; "one" moves one Cl of each chain by all of it."""
    made = xas.bent_cluster("Ta", "Cl", 2.36, truth.bend)
    if truth.lean == "model":
        return made
    edge = float(made.cell[0])
    straight = xas.bent_cluster("Ta", "Cl", 2.36, 0.0)
    angle = math.radians(truth.bend)
    sites = list(straight.sites)
    for i in range(3):
        axis, side = np.eye(3)[i], np.roll(np.eye(3), 1, axis=1)[i]
        place = 2.36 * (-math.cos(angle) * axis + math.sin(angle) * side)
        sites[2 * i + 2] = replace(sites[2 * i + 2], xyz=0.5 + place / edge)
    return replace(straight, sites=tuple(sites))


def clean_chi(truth: Truth) -> Array:
    """Return χ(k) without noise."""
    paths = xas.calculate_paths(cluster(truth), absorber="Ta", edge="L3", radius=5.0)
    disorder = []
    for path in paths:
        away = path.positions[1:] - path.positions[0]
        ligands = away[np.linalg.norm(away, axis=1) > 0.1]
        across = float(np.linalg.norm(ligands[0] - ligands[-1]))
        independent = (4.0 if across < 0.1 else 2.0) * truth.sigma2
        chain = independent if truth.chain is None else truth.chain
        disorder.append(
            truth.sigma2 if path.n_legs == 2 else chain if across > 4.0 else independent
        )
    return xas.sum_paths(paths, K, s02=0.9, sigma2=disorder, delta_e0=2.0)


def exafs(chi: Array, noise: float) -> xas.Exafs:
    """Return χ(k) as a spectrum."""
    return xas.Exafs(
        k=K, chi=chi, energy=9881 + 3.81 * K**2, mu=np.ones(K.size), background=np.ones(K.size),
        e0=9881.0, edge_step=1.0, epsilon_k=noise, rbkg=1.0, k_weight=2.0, k_range=(0.0, 14.0),
        element="Ta", edge="L3", name="simulated", simulated=True,
    )  # fmt: skip


def main() -> None:
    """Print the table."""
    warnings.simplefilter("ignore")
    draws = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    bent = xas.calculate_bent_paths("Ta", "L3", "Cl", 2.35)
    generator = np.random.default_rng(11)
    noises = (float(sys.argv[2]),) if len(sys.argv) > 2 else (1e-3, 3e-3)
    for noise in noises:
        print(f"white noise {noise:g}, k 3–12 Å⁻¹, R 1–4.9 Å, {draws} draws; amplitude: mean |W|")
        print(
            f"{'simulated':24s} {'amplitude':>9s} {'scatter':>7s} {'stderr':>6s} | bend² mean "
            "(true)  within 1σ | σ² chain (true) within 1σ | corr. | amplitude alone: bend, σ² | "
            "verdicts"
        )
        for truth in CASES:
            found = []
            chi = clean_chi(truth)
            for _ in range(draws):
                noisy = exafs(chi + noise * generator.standard_normal(K.size), noise)
                found.append(xas.measure_bond_angles(noisy, bent, k_range=(3.0, 12.0)))
            report(truth, found)
        print()


def report(truth: Truth, found: list[xas.BondAngles]) -> None:
    """Print one row."""
    amplitude = np.array([(f.amplitude.value, f.amplitude.stderr) for f in found])
    square = np.array([(f.bend_square.value, f.bend_square.stderr) for f in found])
    chain = np.array([(f.sigma2_chain.value, f.sigma2_chain.stderr) for f in found])
    own = 2 * truth.sigma2 if truth.chain is None else truth.chain
    inside = [
        100 * np.mean(np.abs(values[:, 0] - true) <= values[:, 1])
        for values, true in ((square, truth.bend**2), (chain, own))
    ]
    alone = [
        np.nanmean([getattr(f, name).value for f in found] + [math.nan])
        for name in ("bend_if_ordered", "sigma2_if_straight")
    ]
    verdicts = Counter(f.verdict for f in found).most_common()
    print(
        f"{truth.name:24s} {amplitude[:, 0].mean():9.4f} {amplitude[:, 0].std():7.4f} "
        f"{np.median(amplitude[:, 1]):6.4f} | "
        f"{square[:, 0].mean():6.0f} ± {square[:, 0].std():3.0f}"
        f" ({truth.bend**2:3.0f}) {inside[0]:5.1f} % | {chain[:, 0].mean():.4f} ({own:.3f}) "
        f"{inside[1]:5.1f} % | {np.mean([f.correlation for f in found]):+.2f} | {alone[0]:4.1f}° "
        f"{alone[1]:.4f} | " + ", ".join(f"{name} {count}" for name, count in verdicts),
        flush=True,
    )


if __name__ == "__main__":
    main()
