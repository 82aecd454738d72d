"""How often the true fraction lies within one standard error in every window of a box-car.

Run ``python benchmarks/pdf_coverage_boxcar.py [draws]``. Simulated through form factors as a
measurement has them, noise rising with Q, mass fractions drawn from 0.1 to 0.9. Domains of NaTaCl6
of 8, 15, 30 and 100 Å lie in NaCl of 300 Å; in the row "glass" the crystal is NaTaCl6 and the rest
a mean over random packings of TaCl6 octahedra and Na, fitted with one more such packing (another in
every draw) as its model and twelve that tell how they differ. The fit of the whole range finds
the size of the domains, which the windows of 6 Å keep. Printed are, for all windows that end below
the domain size (below 12 Å for glass), the coverage of one standard error (0.68 if errors mean what
they say), root mean square of error over standard error, mean and spread of the error; then the
lengths read off a second box-car whose windows leave the domains out, so that scales fade: the
median of the diameter over the true one, its scatter, and how often the true one lies within one
standard error.
"""

from __future__ import annotations

import functools
import sys
import warnings
from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from xorder import pdf, references
from xorder.errors import DataWarning
from xorder.fitting import Parameter, Parameters
from xorder.structure import Crystal, Site, unit_cell_atoms

R = 0.02 * np.arange(1, 2001)
Q_MAX, QDAMP, NOISE = 22.0, 0.01, 0.02
WIDTH, STEP, LOW = 6.0, 2.0, 1.9
SIZES = (8.0, 15.0, 30.0, 100.0, None)
#: Displacements of the simulated phases in Å².
MOTION = {"NaTaCl6": 0.015, "NaCl": 0.018}
#: Packings whose mean stands for glass.
PACKINGS = 12
#: Other packings, which tell how far one may be from that mean.
ALTERNATIVES = 12


def main(draws: int = 200) -> None:
    """Print one line a diameter, and one for glass."""
    write = sys.stdout.write
    write(f"{'domain (Å)':>12}{'draws':>7}{'windows':>9}{'in 1σ':>8}{'rms':>7}{'bias':>9}")
    write(f"{'spread':>9}{'length/true':>13}{'scatter':>9}{'in 1σ':>8}\n")
    for diameter in SIZES:
        off, errors, lengths = [], [], []
        for seed in range(max(draws // 5, 1)):
            truth = float(np.random.default_rng(10_000 + seed).uniform(0.1, 0.9))
            found, error, length = (
                glass(truth, seed) if diameter is None else domains(truth, diameter, seed)
            )
            off += (found - truth).tolist()
            errors += error.tolist()
            lengths.append(length)
        pulls = np.abs(np.array(off) / np.array(errors))
        write(
            f"{diameter or 'glass':>12}{draws // 5:7d}{len(off):9d}{np.mean(pulls < 1):8.2f}"
            f"{np.sqrt(np.mean(pulls**2)):7.2f}{np.mean(off):9.4f}{np.std(off):9.4f}"
        )
        ratio, stderr = np.array(lengths).T
        known = np.isfinite(ratio) & np.isfinite(stderr)
        if known.any():
            inside = np.mean(np.abs(ratio[known] - 1) < stderr[known])
            write(f"{np.median(ratio[known]):13.3f}{np.std(ratio[known]):9.3f}{inside:8.2f}")
        write("\n")
        sys.stdout.flush()


def domains(
    truth: float, diameter: float, seed: int
) -> tuple[np.ndarray, np.ndarray, tuple[float, float]]:
    """Return found fractions and errors of the windows below the diameter, and the order length."""
    crystals = {name: references.load(name) for name in ("NaTaCl6", "NaCl")}
    parts = [
        pdf.SimulatedPhase(
            crystal=crystals["NaTaCl6"], mass_fraction=truth, uiso=MOTION["NaTaCl6"], delta2=2.0,
            sphere_diameter=diameter,
        ),
        pdf.SimulatedPhase(
            crystal=crystals["NaCl"], mass_fraction=1 - truth, uiso=MOTION["NaCl"], delta2=2.0,
            sphere_diameter=300.0,
        ),
    ]  # fmt: skip
    data = pdf.simulate_gr(parts, r=R, q_max=Q_MAX, qdamp=QDAMP, noise=NOISE, seed=seed)
    high = LOW + WIDTH + STEP * np.ceil(max(1.2 * diameter - WIDTH - LOW, 5 * STEP) / STEP)
    high = float(min(high, 35.9))
    options = pdf.RefinementOptions(refine_qdamp=False, sphere_diameter=40.0, uiso=0.012)
    whole = pdf.refine(data, crystals, options=options, r_range=(LOW, high))
    box = pdf.fit_boxcar(data, crystals, whole=whole, width=WIDTH, step=STEP)
    below = (box.r_max <= diameter) & ~box.undecided
    ratio = (np.nan, np.nan)
    if diameter < high:
        faded = pdf.fit_boxcar(data, crystals, whole=whole, width=WIDTH, step=1.0, fading=True)
        length = pdf.order_length(faded, phase="NaTaCl6", draws=200)
        ratio = (length.diameter / diameter, length.diameter_stderr / diameter)
    return box.mass_fraction[below, 0], box.mass_stderr[below, 0], ratio


def glass(truth: float, seed: int) -> tuple[np.ndarray, np.ndarray, tuple[float, float]]:
    """Return the same of crystalline NaTaCl6 beside glass of the same composition."""
    crystal = references.load("NaTaCl6")
    r = R[R < 20]
    amorphous = np.mean([curve(i) for i in range(PACKINGS)], axis=0)
    noisy = pdf.simulate_gr(
        [pdf.SimulatedPhase(crystal=crystal, mass_fraction=1.0, uiso=MOTION["NaTaCl6"])],
        r=r, q_max=Q_MAX, qdamp=QDAMP, noise=NOISE, seed=seed,
    )  # fmt: skip
    # Both phases have one composition, so that their G(r) add by mass.
    mixed = noisy.gr + (1 - truth) * (amorphous - curve("NaTaCl6"))
    data = replace(noisy, gr=mixed)
    options = pdf.RefinementOptions(refine_qdamp=False, correlation="none", uiso=0.012)
    model = packing(1000 + seed)
    side = model.cell[0]
    held = Parameters(
        [Parameter(name=f"{axis}_glass", value=side, vary=False) for axis in "abc"]
        + [
            Parameter(name=f"{angle}_glass", value=90.0, vary=False)
            for angle in ("alpha", "beta", "gamma")
        ]
    )
    phases = {"NaTaCl6": crystal, "glass": model}
    span = {"r_range": (LOW, LOW + 16.0), "width": WIDTH, "step": STEP}
    others = {"glass": [packing(2000 + k) for k in range(ALTERNATIVES)]}
    box = pdf.fit_boxcar(
        data, phases, options=options, parameters=held, alternatives=others, **span
    )
    near = (box.r_max <= 12.0) & ~box.undecided
    return box.mass_fraction[near, 0], box.mass_stderr[near, 0], (np.nan, np.nan)


@functools.cache
def curve(name: int | str) -> np.ndarray:
    crystal = references.load(name) if isinstance(name, str) else packing(name)
    r = R[R < 20]
    found = pdf.calculate_gr(
        crystal, r=r, q_max=Q_MAX, qdamp=QDAMP, uiso=MOTION["NaTaCl6"], form_factors="exact"
    )
    return found.gr


@functools.cache
def packing(seed: int, units: int = 64) -> Crystal:
    """Return a random packing of TaCl6 octahedra and Na of the density of the crystal."""
    crystal = references.load("NaTaCl6")
    atoms = unit_cell_atoms(crystal)
    per_unit = atoms.volume / np.sum(atoms.elements == "Ta")
    side = float((units * per_unit) ** (1 / 3))
    generator = np.random.default_rng(seed)
    points = generator.uniform(0, side, (2 * units, 3))
    metal = np.arange(2 * units) < units
    closest = np.where(metal[:, None] & metal, 6.2, np.where(metal[:, None] | metal, 4.2, 4.5))
    for _ in range(600):
        apart = points[:, None] - points
        apart -= side * np.round(apart / side)
        distance = np.linalg.norm(apart, axis=2) + 1e9 * np.eye(len(points))
        push = np.maximum(closest - distance, 0.0) / distance
        points = (points + 0.2 * np.einsum("ij,ijk->ik", push, apart)) % side
    octahedron = 2.34 * np.concatenate([np.eye(3), -np.eye(3)])
    ligands = points[:units, None] + octahedron @ Rotation.random(units, rng=generator).as_matrix()
    for _ in range(30):
        for i in range(units):
            turned = Rotation.random(8, rng=generator).as_matrix()
            tries = points[i] + np.concatenate(
                [octahedron @ turned, (ligands[i] - points[i])[None]]
            )
            others = np.concatenate([np.delete(ligands, i, axis=0).reshape(-1, 3), points[units:]])
            apart = tries[:, :, None] - others
            apart -= side * np.round(apart / side)
            crowd = np.maximum(3.3 - np.linalg.norm(apart, axis=3), 0.0)
            ligands[i] = tries[np.argmin(np.sum(crowd**2, axis=(1, 2)))]
    named = [("Ta", points[:units]), ("Na", points[units:]), ("Cl", ligands.reshape(-1, 3))]
    sites = [
        Site(label=f"{element}{i}", element=element, xyz=xyz / side % 1.0, occupancy=1.0)
        for element, group in named
        for i, xyz in enumerate(group)
    ]
    return Crystal(
        name="glass",
        cell=np.array([side, side, side, 90.0, 90.0, 90.0]),
        sites=tuple(sites),
        rotations=np.eye(3, dtype=int)[None],
        translations=np.zeros((1, 3)),
    )


if __name__ == "__main__":
    warnings.simplefilter("ignore", DataWarning)
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
