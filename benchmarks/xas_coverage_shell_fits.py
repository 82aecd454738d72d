"""How often the true value lies within one standard error: shell fits of simulated spectra.

    python benchmarks/xas_coverage_shell_fits.py [draws]

Spectra of known N, R and σ² are calculated from FEFF's paths; white noise is added to χ(k), drawn
anew for each fit, which is made in R, in wavelet space and with the background refined. An honest
standard error holds the true value in 68 % of the draws. Then a background leaks into χ(k), and is
refined or not.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Any

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

#: Range of k and options of each fit.
FITS: tuple[tuple[str, float, dict[str, Any]], ...] = (
    ("in R", 11, {}),
    ("in R, known noise", 11, {"scale_covar": False}),
    ("in R", 12, {}),
    ("in R, known noise", 12, {"scale_covar": False}),
    ("in R", 13, {}),
    ("in wavelet space", 11, {"space": "wavelet"}),
    ("in wavelet space", 12, {"space": "wavelet"}),
    ("in wavelet space, k²", 12, {"space": "wavelet", "k_weight": 2}),
    ("in wavelet space, ρ 6, Cauchy", 12, {"space": xas.WaveletBox(rho=6.0, wavelet="cauchy")}),
    ("in R, background refined", 11, {"background": True}),
    ("in R, background refined", 12, {"background": True}),
    ("in wavelet space, background refined", 12, {"space": "wavelet", "background": True}),
)


def exafs(chi: Array) -> xas.Exafs:
    """Return χ(k) as a spectrum."""
    return xas.Exafs(
        k=K, chi=chi, energy=9881 + 3.81 * K**2, mu=np.ones(K.size), background=np.ones(K.size),
        e0=9881.0, edge_step=1.0, epsilon_k=EPSILON, rbkg=1.0, k_weight=2.0, k_range=(0.0, 14.0),
        element="Ta", edge="L3", name="simulated", simulated=True,
    )  # fmt: skip


def leak(generator: np.random.Generator) -> Array:
    """Return what a background may leave: three slow waves below 0.4 Å."""
    waves = np.zeros(K.size)
    for r in generator.uniform(0.05, 0.4, 3):
        waves += 0.003 * np.sin(2 * K * r + generator.uniform(0, 2 * np.pi)) * np.exp(-0.01 * K**2)
    return waves


def report(
    title: str,
    draws: int,
    make: Callable[[], xas.Exafs],
    shells: tuple[xas.Shell, ...],
    true: Mapping[str, float],
    **options: Any,
) -> None:
    """Print the shares of one kind of fit."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in true}
    shares: dict[str, list[float]] = {name: [] for name in true}
    for _ in range(draws):
        fit = xas.fit_shells(make(), shells, r_range=(1, 3), starts=1, **options)
        for name in true:
            p = fit.parameters[name]
            found[name].append((p.value, p.stderr))
        for name, share in fit.background_shares:
            if name in shares:
                shares[name].append(share)
    print(f"{title}, {draws} draws")
    every = []
    for name, rows in found.items():
        value, stderr = np.array(rows).T
        inside = np.abs(value - true[name]) <= stderr
        every.append(inside)
        tail = f", with background {np.mean(shares[name]):.2f}" if shares[name] else ""
        print(
            f"  {name:10s} within one standard error {100 * inside.mean():5.1f} %, mean "
            f"{value.mean():.4f} (true {true[name]:g}), stderr / scatter "
            f"{np.median(stderr) / value.std():.2f}, stderr {np.median(stderr):.2g}{tail}"
        )
    print(f"  all parameters {100 * np.mean(every):.1f} %", flush=True)


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

        def noisy(clean: Array = clean) -> xas.Exafs:
            return exafs(clean + EPSILON * generator.standard_normal(K.size))

        def leaking(clean: Array = clean) -> xas.Exafs:
            return exafs(clean + leak(generator) + EPSILON * generator.standard_normal(K.size))

        for title, k_max, options in FITS:
            name = f"{case}, k 3–{k_max}, {title}"
            report(name, draws, noisy, shells, true, k_range=(3, k_max), **options)
        for refined in (False, True):
            name = f"{case}, k 3–12, a leaking background {'refined' if refined else 'left'}"
            report(name, draws, leaking, shells, true, k_range=(3, 12), background=refined)


if __name__ == "__main__":
    main()
