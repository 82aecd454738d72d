"""From counts to G(r): time, truth of simulated counts, coverage of errors, measured I(Q).

Run ``python benchmarks/pdf_reduction.py [FOLDER]``. The counts of nickel, LaCl3 and NaTaCl6 are
simulated, through f(Q), with polarization, absorption, Compton scattering, fluorescence, a
background and Poisson noise. FOLDER, if given, holds ni.iq, ni.gr, si.iq … : measured I(Q) and the
G(r) that another program made of it.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

# One core: threads of small products cost more than they bring.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from xorder import pdf
from xorder.pdf.absorption import cylinder_transmission, polarization_factor
from xorder.pdf.compton import compton_scattering
from xorder.pdf.normalization import SelfScattering
from xorder.references import load
from xorder.results import Array
from xorder.structure import composition, unit_cell_atoms

WAVELENGTH, MU_R, LEVEL, SCALE_OF_BACKGROUND = 0.1839, 0.5, 2000.0, 0.8
#: First peak: limits in Å.
PEAKS = {"Ni": (2.2, 2.9), "LaCl3": (2.6, 3.25), "NaTaCl6": (2.05, 2.65)}
DRAWS = 200


@dataclass(frozen=True, eq=False, kw_only=True)
class Truth:
    """Counts without noise, and what they were made of."""

    formula: str
    rho0: float
    fq: Array
    counts: Array
    background: Array
    q: Array


def truth(name: str) -> Truth:
    """Return the counts of a reference structure."""
    crystal = load(name)
    amounts = composition(crystal)
    atoms = unit_cell_atoms(crystal)
    rho0 = float(np.sum(atoms.occupancy)) / atoms.volume
    q = np.linspace(0.6, 26.0, 2600)
    r = np.arange(0.0, 70.0, 0.02)
    # Damping by 0.06 Å⁻¹ leaves nothing at 70 Å; a Qmax far above the data cuts nothing.
    model = pdf.calculate_gr(
        crystal, r=r, q_max=45.0, qdamp=0.06, uiso=0.008, form_factors="exact",
        wavelength=WAVELENGTH,
    )  # fmt: skip
    fq = pdf.fq_from_gr(r, model.gr, q)
    two_theta = 2 * np.rad2deg(np.arcsin(q * WAVELENGTH / (4 * np.pi)))
    angular = polarization_factor(two_theta) * cylinder_transmission(two_theta, mu_r=MU_R)
    compton = compton_scattering(amounts, q, wavelength=WAVELENGTH)
    own = SelfScattering.of(amounts, q, compton, WAVELENGTH)
    electrons = own.total + own.mean_f_squared * fq / q
    background = 2e4 * (np.exp(-((q - 1.5) ** 2)) + 0.3 * np.exp(-q / 8) + 0.05)
    units = 2e5 / float(np.max(own.total))
    counts = units * angular * np.maximum(electrons, 0) + SCALE_OF_BACKGROUND * background + LEVEL
    formula = "".join(f"{element}{amount:g}" for element, amount in amounts.items())
    return Truth(formula=formula, rho0=rho0, fq=fq, counts=counts, background=background, q=q)


def measured(of: Truth, seed: int) -> tuple[pdf.Intensity, pdf.Intensity]:
    """Return counts and background with noise."""
    rng = np.random.default_rng(seed)
    sample = pdf.Intensity(
        q=of.q,
        intensity=rng.poisson(of.counts).astype(float),
        stderr=np.sqrt(of.counts),
        wavelength=WAVELENGTH,
        composition=of.formula,
        name="simulated",
        simulated=True,
    )
    empty = rng.poisson(4 * of.background) / 4.0
    return sample, replace(sample, intensity=empty, stderr=np.sqrt(of.background / 4))


def routes(rho0: float) -> dict[str, pdf.ReductionOptions]:
    """Return the ways to the scale."""
    explicit = {
        "polarization": 0.0,
        "absorption": "capillary",
        "mu_r": MU_R,
        "fluorescence": None,
        "low_q": "linear",
        "q_max": 24.0,
    }
    return {
        "low_r": pdf.ReductionOptions(normalization="low_r", rho0=rho0, **explicit),
        "low_r, rho0 free": pdf.ReductionOptions(normalization="low_r", **explicit),
        "krogh_moe": pdf.ReductionOptions(normalization="krogh_moe", rho0=rho0, **explicit),
        "high_q": pdf.ReductionOptions(normalization="high_q", rho0=rho0, **explicit),
        "ad_hoc": pdf.ReductionOptions(q_max=24.0),
    }


def areas() -> None:
    """Print processor time and area of the first peak over the true one, for every route."""
    print(f"{'sample':9s}{'route':18s}{'ms':>6s}{'area / true':>14s}{'spread':>8s}  scale")
    for name, limits in PEAKS.items():
        of = truth(name)
        for route, options in routes(of.rho0).items():
            ratios, times = [], []
            for seed in range(12):
                sample, background = measured(of, seed)
                start = time.process_time()
                found = pdf.reduce(sample, background=background, options=options)
                times.append(time.process_time() - start)
                used = (of.q >= found.q_min - 1e-9) & (of.q <= found.q_max + 1e-9)
                true = pdf.gr_from_fq(of.q[used], of.fq[used], found.r, low_q=options.low_q)
                expected = replace(found, gr=true).peak_area(*limits, rho0=of.rho0).value
                ratios.append(found.peak_area(*limits, rho0=of.rho0).value / expected)
            print(
                f"{name:9s}{route:18s}{1e3 * statistics.median(times):6.1f}"
                f"{np.mean(ratios):14.4f}{np.std(ratios):8.4f}  "
                + ("absolute" if found.scale_is_absolute else "ARBITRARY, as its message says")
            )


def coverage() -> None:
    """Print how often the true G(r) and area lie within one standard error."""
    of = truth("Ni")
    print(
        f"\n{'errors of Ni':18s}{'|pull| < 1, r > 1.5':>20s}{'area':>8s}{'sd of pull of area':>20s}"
    )
    for route in ("low_r", "krogh_moe"):
        options = replace(routes(of.rho0)[route], q_min=0.6)
        exact_sample, exact_background = measured(of, 0)
        exact = pdf.reduce(
            replace(exact_sample, intensity=of.counts),
            background=replace(exact_background, intensity=of.background),
            options=options,
        )
        area = exact.peak_area(*PEAKS["Ni"], rho0=of.rho0).value
        pulls, area_pulls = [], []
        for seed in range(DRAWS):
            sample, background = measured(of, seed)
            found = pdf.reduce(sample, background=background, options=options)
            pulls.append(((found.gr - exact.gr) / found.gr_stderr)[found.r > 1.5])
            number = found.peak_area(*PEAKS["Ni"], rho0=of.rho0)
            area_pulls.append((number.value - area) / number.stderr)
        print(
            f"{route:18s}{np.mean(np.abs(pulls) < np.array(1.0)):20.3f}"
            f"{np.mean(np.abs(area_pulls) < np.array(1.0)):8.3f}{np.std(area_pulls):20.2f}"
        )


def published(folder: Path) -> None:
    """Print the residual against G(r) that another program made, over 1.5 to 30 Å, scaled."""
    print(
        f"\n{'measured':10s}{'default':>10s}{'with oblique incidence at 0.1265 Å':>38s}{'ms':>8s}"
    )
    for name, formula in (("ni", "Ni"), ("si", "Si"), ("sini", "Si16Ni")):
        data = pdf.read_iq(folder / f"{name}.iq", composition=formula)
        expected = pdf.read(folder / f"{name}.gr")
        used = (expected.r >= 1.5) & (expected.r <= 30)
        residuals, times = [], []
        for options in (pdf.ReductionOptions(), pdf.ReductionOptions(detector_transmission=1.0)):
            for _ in range(15):
                start = time.process_time()
                found = pdf.reduce(data, wavelength=0.1265, options=options)
                times.append(time.process_time() - start)
            gr = np.interp(expected.r[used], found.r, found.gr)
            target = expected.gr[used]
            scale = gr @ target / (gr @ gr)
            residuals.append(np.linalg.norm(scale * gr - target) / np.linalg.norm(target))
        median = 1e3 * statistics.median(times)
        print(f"{name:10s}{residuals[0]:10.4f}{residuals[1]:38.4f}{median:8.1f}")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    areas()
    coverage()
    if len(sys.argv) > 1:
        published(Path(sys.argv[1]))
