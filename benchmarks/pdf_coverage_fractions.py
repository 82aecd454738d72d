"""How often true values lie within one standard error: simulated two-phase mixtures, whole range.

Run ``python benchmarks/pdf_coverage_fractions.py [draws]``. NaTaCl6 and NaCl, mass fraction drawn
from 0.1 to 0.9, domains of NaTaCl6 of 8, 15, 30 and 100 Å, form factors as a measurement has them.
The noise is of three kinds: alike at all Q up to Qmax ("flat"), rising with Q ("rising"), and
independent at every point of r ("white"). The fit is not told which, and finds the noise from its
own residual; in the rows "rising, told" the data bring the spectrum of their counting errors.
Printed are the coverage of one standard error (0.68 if errors mean what they say) for the mass
fraction and for all parameters together, the root mean square of error over standard error, the
mean and the spread of the error of the fraction, and the median length of the domains.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np

from xorder import pdf, references

R = 0.02 * np.arange(1, 1501)
Q_MAX, SIGMA = 22.0, 0.03
KINDS = ("flat", "rising", "rising, told", "white")
#: Displacements of the simulated phases in Å².
MOTION = {"NaTaCl6": 0.015, "NaCl": 0.018}


def main(draws: int = 200) -> None:
    """Print one line a kind of noise and diameter."""
    crystals = {name: references.load(name) for name in MOTION}
    write = sys.stdout.write
    write(
        f"{'noise':>13}{'domain (Å)':>12}{'in 1σ':>8}{'all':>7}{'rms':>7}{'bias':>9}{'spread':>9}"
    )
    write(f"{'length (Å)':>12}\n")
    for kind, diameter in [(k, d) for k in KINDS for d in (8.0, 15.0, 30.0, 100.0)]:
        pulls, every, off, lengths = [], [], [], []
        for seed in range(draws // 4):
            truth = float(np.random.default_rng(10_000 + seed).uniform(0.1, 0.9))
            fit = refined(mixture(crystals, truth, diameter, seed, kind), crystals)
            found, error = fit.fractions.mass[0], fit.fractions.mass_stderr[0]
            pulls.append((found - truth) / error)
            every += parameter_pulls(fit, crystals, diameter)
            off.append(found - truth)
            lengths.append(fit.parameters["sphere_diameter_NaTaCl6"].value)
        write(
            f"{kind:>13}{diameter:12.0f}{np.mean(np.abs(pulls) < 1.0):8.2f}"
            f"{np.mean(np.abs(every) < 1.0):7.2f}{np.sqrt(np.mean(np.square(pulls))):7.2f}"
            f"{np.mean(off):9.4f}{np.std(off):9.4f}{np.median(lengths):12.1f}\n"
        )
        sys.stdout.flush()


def mixture(
    crystals, truth: float, diameter: float, seed: int, kind: str = "rising"
) -> pdf.PairDistribution:
    """Return a simulated mixture."""
    parts = [
        pdf.SimulatedPhase(
            crystal=crystals["NaTaCl6"], mass_fraction=truth, uiso=MOTION["NaTaCl6"], delta2=2.0,
            sphere_diameter=diameter,
        ),
        pdf.SimulatedPhase(
            crystal=crystals["NaCl"], mass_fraction=1 - truth, uiso=MOTION["NaCl"]
        ),
    ]  # fmt: skip
    noise = SIGMA if kind.startswith("rising") else 0.0
    data = pdf.simulate_gr(parts, r=R, q_max=Q_MAX, qdamp=0.03, noise=noise, seed=seed)
    generator = np.random.default_rng(seed)
    if kind == "flat":
        q = (np.arange(400) + 0.5) * Q_MAX / 400
        waves = np.sin(np.outer(R, q)) * np.sqrt(2.0 / 400)
        data = replace(data, gr=data.gr + SIGMA * waves @ generator.normal(size=400))
    elif kind == "white":
        data = replace(data, gr=data.gr + SIGMA * generator.normal(size=len(R)))
    return data if kind.endswith("told") else replace(data, noise=None)


def refined(data: pdf.PairDistribution, crystals) -> pdf.PdfFit:
    """Return the fit of the whole range, the domains of both phases free."""
    options = pdf.RefinementOptions(refine_qdamp=False, sphere_diameter=40.0, uiso=0.012)
    return pdf.refine(data, crystals, r_range=(1.9, 20.0), options=options)


def parameter_pulls(fit: pdf.PdfFit, crystals, diameter: float) -> list[float]:
    """Return error over standard error of cells, displacements and the diameter."""
    true = {"sphere_diameter_NaTaCl6": diameter, "delta2_NaTaCl6": 2.0}
    for name, crystal in crystals.items():
        true |= {f"{key}_{name}": value for key, value in zip("abc", crystal.cell[:3], strict=True)}
        true |= {f"uiso_{site.element}_{name}": MOTION[name] for site in crystal.sites}
    return [
        (fit.parameters[name].value - value) / fit.parameters[name].stderr
        for name, value in true.items()
        if name in fit.parameters and fit.parameters[name].stderr > 0
    ]


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
