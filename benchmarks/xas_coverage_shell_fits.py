"""How often the true value lies within one standard error: shell fits of simulated spectra.

    python benchmarks/xas_coverage_shell_fits.py [draws]

Spectra of known N, R and σ² are calculated from FEFF's paths; white noise is added to χ(k), drawn
anew for each fit. An honest standard error holds the true value in 68 % of the draws.
"""

from __future__ import annotations

import sys
import warnings

import numpy as np

from xorder import xas
from xorder.results import Array

K = 0.05 * np.arange(281)
EPSILON = 1e-3

#: Element, distance, N and σ² of each shell.
CASES: dict[str, tuple[tuple[str, float, float, float], ...]] = {
    "Ta–Cl": (("Cl", 2.35, 6.0, 0.005),),
    "Ta–O and Ta–Cl": (("O", 1.84, 2.0, 0.003), ("Cl", 2.35, 3.6, 0.005)),
}


def exafs(chi: Array) -> xas.Exafs:
    """Return χ(k) as a spectrum."""
    return xas.Exafs(
        k=K, chi=chi, energy=9881 + 3.81 * K**2, mu=np.ones(K.size), background=np.ones(K.size),
        e0=9881.0, edge_step=1.0, epsilon_k=EPSILON, rbkg=1.0, k_weight=2.0, k_range=(0.0, 14.0),
        element="Ta", edge="L3", name="simulated", simulated=True,
    )  # fmt: skip


def main() -> None:
    """Print the share of draws within one standard error."""
    warnings.simplefilter("ignore")
    draws = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    generator = np.random.default_rng(7)
    for case, truth in CASES.items():
        shells = xas.quick_shells([(e, r) for e, r, _, _ in truth], absorber="Ta", edge="L3")
        true = {"delta_e0": 2.0}
        for element, r, n, sigma2 in truth:
            tag = element.lower()
            true |= {f"n_{tag}": n, f"r_{tag}": r, f"sigma2_{tag}": sigma2}
        clean = sum(
            xas.path_chi(s.path, K, s02=0.9, sigma2=sigma2, delta_e0=2.0, degeneracy=n)
            for s, (_, _, n, sigma2) in zip(shells, truth, strict=True)
        )
        for k_max, scaled in ((11, True), (11, False), (12, True), (12, False), (13, True)):
            inside = dict.fromkeys(true, 0)
            ratio: dict[str, list[tuple[float, float]]] = {name: [] for name in true}
            for _ in range(draws):
                noisy = exafs(clean + EPSILON * generator.standard_normal(K.size))
                fit = xas.fit_shells(
                    noisy, shells, k_range=(3, k_max), r_range=(1, 3), starts=1, scale_covar=scaled
                )
                for name, value in true.items():
                    p = fit.parameters[name]
                    inside[name] += abs(p.value - value) <= p.stderr
                    ratio[name].append((p.value, p.stderr))
            print(f"{case}, k 3–{k_max}, errors scaled by χ²: {scaled}, {draws} draws")
            for name, count in inside.items():
                found = np.array(ratio[name])
                print(
                    f"  {name:10s} within one standard error {100 * count / draws:5.1f} %, mean "
                    f"{found[:, 0].mean():.4f} (true {true[name]:g}), "
                    f"stderr / scatter {np.median(found[:, 1]) / found[:, 0].std():.2f}"
                )


if __name__ == "__main__":
    main()
