"""How often the true mass fraction lies within one standard error: simulated two-phase mixtures.

Run ``python benchmarks/pdf_coverage_fractions.py [draws]``. NaTaCl6 and NaCl, mass fraction drawn
from 0.1 to 0.9, domains of NaTaCl6 of 8, 15, 30 and 100 Å, form factors as a measurement has them,
and noise of two kinds: alike at all Q, which is what the standard errors assume, and rising with Q,
which moves scales less, so that the errors are then too large. Printed are the coverage of one
standard error (0.68 if errors mean what they say), the root mean square of error over standard
error, the mean and the spread of the error of the fraction, and the median length of the domains.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np

from xorder import pdf, references

R = 0.02 * np.arange(1, 1501)


def main(draws: int = 200) -> None:
    """Print one line a diameter: whole range, and the box-car windows below the diameter."""
    crystals = {name: references.load(name) for name in ("NaTaCl6", "NaCl")}
    write = sys.stdout.write
    write(f"{'noise':>8}{'domain (Å)':>12}{'in 1σ':>8}{'rms':>7}{'bias':>9}{'spread':>9}")
    write(f"{'length (Å)':>12}\n")
    for white, diameter in [(w, d) for w in (True, False) for d in (8.0, 15.0, 30.0, 100.0)]:
        pulls, off, lengths = [], [], []
        for seed in range(draws // 4):
            truth = float(np.random.default_rng(seed).uniform(0.1, 0.9))
            data = mixture(crystals, truth, diameter, seed, white=white)
            fit = refined(data, crystals)
            found, error = fit.fractions.mass[0], fit.fractions.mass_stderr[0]
            pulls.append((found - truth) / error)
            off.append(found - truth)
            lengths.append(fit.parameters["sphere_diameter_NaTaCl6"].value)
        inside = float(np.mean(np.abs(pulls) < 1.0))
        write(
            f"{'white' if white else 'rising':>8}{diameter:12.0f}{inside:8.2f}"
            f"{np.sqrt(np.mean(np.square(pulls))):7.2f}{np.mean(off):9.4f}{np.std(off):9.4f}"
            f"{np.median(lengths):12.1f}\n"
        )


def mixture(
    crystals, truth: float, diameter: float, seed: int, *, white: bool = True
) -> pdf.PairDistribution:
    """Return a simulated mixture."""
    parts = [
        pdf.SimulatedPhase(
            crystal=crystals["NaTaCl6"], mass_fraction=truth, uiso=0.015, delta2=2.0,
            sphere_diameter=diameter,
        ),
        pdf.SimulatedPhase(crystal=crystals["NaCl"], mass_fraction=1 - truth, uiso=0.018),
    ]  # fmt: skip
    noise = 0.0 if white else 0.03
    data = pdf.simulate_gr(parts, r=R, q_max=22.0, qdamp=0.03, noise=noise, seed=seed)
    if not white:
        return data
    q = (np.arange(400) + 0.5) * data.q_max / 400
    waves = np.sin(np.outer(R, q)) * np.sqrt(2.0 / 400)
    return replace(data, gr=data.gr + 0.03 * waves @ np.random.default_rng(seed).normal(size=400))


def refined(data: pdf.PairDistribution, crystals) -> pdf.PdfFit:
    """Return the fit of the whole range, the domains of both phases free."""
    options = pdf.RefinementOptions(refine_qdamp=False, sphere_diameter=40.0, uiso=0.012)
    return pdf.refine(data, crystals, r_range=(1.9, 20.0), options=options)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
