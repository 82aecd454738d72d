"""Two-phase box-car, 15 windows with 12 to 14 free parameters: Xorder beside diffpy.pdffit2.

Run ``python benchmarks/pdf_boxcar.py``. The data are simulated: 70 % NaTaCl6 and 30 % NaCl by mass,
form factors as a measurement has them, noise. Each program fits the same windows from the same
start: two scales, five displacements, five cell parameters, and two delta2 where a window begins
below 4 Å. pdffit2 is run with everything free at once and in stages (scales; then displacements and
delta2; then cells). Both programs are repeated in turn and medians of the processor's time are
printed.
"""

from __future__ import annotations

import os
import statistics
import sys
import time

import numpy as np
from diffpy.pdffit2 import PdfFit, redirect_stdout

from xorder import pdf, references
from xorder.structure import Crystal, unit_cell_atoms

WIDTH, STEP, COUNT, LOW = 6.0, 1.0, 15, 2.0
Q_MAX, QDAMP, TRUTH = 22.0, 0.04, 0.70
FREE = ("scale*", "uiso*", "a_*", "b_*", "c_*", "beta_*", "delta2*")
START_U = {"NaTaCl6": {"Na": 0.015, "Ta": 0.015, "Cl": 0.015}, "NaCl": {"Na": 0.015, "Cl": 0.015}}


def main() -> None:
    """Print times, failures and fractions."""
    crystals = {name: references.load(name) for name in ("NaTaCl6", "NaCl")}
    data = simulated(crystals)
    boxcar(data, crystals)  # compile
    ours, naive, staged = [], [], []
    with open(os.devnull, "w") as nowhere:
        redirect_stdout(nowhere)
        for repeat in range(3):
            ours.append(timed(boxcar, data, crystals))
            naive.append(timed(pdffit_windows, data, crystals, False))
            if repeat == 0:
                staged.append(timed(pdffit_windows, data, crystals, True))
        redirect_stdout(sys.stdout)
    seconds = {
        name: statistics.median(t for t, _ in runs)
        for name, runs in (("Xorder", ours), ("pdffit2", naive), ("pdffit2 staged", staged))
    }
    box = ours[0][1]
    results = {
        "Xorder": (box.mass_fraction[:, 0], box.r_w),
        "pdffit2": naive[0][1],
        "pdffit2 staged": staged[0][1],
    }
    write = sys.stdout.write
    write(f"{'':16}{'time (s)':>10}{'ratio':>8}{'stuck':>8}{'mass of NaTaCl6 (truth 0.70)':>40}\n")
    for name, (mass, r_w) in results.items():
        stuck = int(np.count_nonzero(~(np.asarray(r_w) < 0.5)))
        spread = f"{np.nanmin(mass):.3f} to {np.nanmax(mass):.3f}, mean {np.nanmean(mass):.3f}"
        ratio = seconds[name] / seconds["Xorder"]
        write(f"{name:16}{seconds[name]:10.2f}{ratio:8.1f}{stuck:8d}{spread:>40}\n")
    pull = (box.mass_fraction[:, 0] - TRUTH) / box.mass_stderr[:, 0]
    write(
        f"Xorder: undecided {int(box.undecided.sum())}, rms pull {np.sqrt(np.mean(pull**2)):.2f}, "
        f"stderr {box.mass_stderr[:, 0].min():.4f} to {box.mass_stderr[:, 0].max():.4f}; "
        f"variables {len(box.whole.fit.var_names)} in the whole range\n"
    )


def simulated(crystals: dict[str, Crystal]) -> pdf.PairDistribution:
    """Return the simulated mixture."""
    motion = {
        "NaTaCl6": {"Na": 0.02, "Ta": 0.008, "Cl": 0.012},
        "NaCl": {"Na": 0.02, "Cl": 0.016},
    }
    parts = [
        pdf.SimulatedPhase(crystal=crystal, mass_fraction=mass, uiso=motion[name], delta2=2.0)
        for (name, crystal), mass in zip(crystals.items(), (TRUTH, 1 - TRUTH), strict=True)
    ]
    r = 0.01 * np.arange(1, 3001)
    return pdf.simulate_gr(parts, r=r, q_max=Q_MAX, qdamp=QDAMP, noise=0.01, seed=1)


def boxcar(data: pdf.PairDistribution, crystals: dict[str, Crystal]) -> pdf.Boxcar:
    """Return our box-car, the fit of the whole range included."""
    options = pdf.RefinementOptions(refine_qdamp=False, qdamp=QDAMP, uiso=0.015)
    high = LOW + WIDTH + STEP * (COUNT - 1)
    return pdf.fit_boxcar(
        data, crystals, width=WIDTH, step=STEP, r_range=(LOW, high), free=FREE, options=options
    )


def pdffit_windows(
    data: pdf.PairDistribution, crystals: dict[str, Crystal], staged: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return the mass fraction of the first phase and Rw of every window, by pdffit2."""
    masses, residuals = [], []
    for window in range(COUNT):
        low = LOW + window * STEP
        mass, r_w = pdffit_window(data, crystals, (low, low + WIDTH), staged)
        masses.append(mass)
        residuals.append(r_w)
    return np.array(masses), np.array(residuals)


def pdffit_window(
    data: pdf.PairDistribution,
    crystals: dict[str, Crystal],
    r_range: tuple[float, float],
    staged: bool,
) -> tuple[float, float]:
    """Fit one window with pdffit2: 12 parameters, 14 where delta2 shows."""
    program = PdfFit()
    for name, crystal in crystals.items():
        program.read_struct_string(as_text(crystal, START_U[name]))
    program.read_data_lists("X", Q_MAX, QDAMP, data.r.tolist(), data.gr.tolist())
    program.pdfrange(1, *r_range)
    numbers: dict[str, list[int]] = {"scale": [], "width": [], "cell": []}
    count = 0

    def free(kind: str, variables: list, value: float) -> None:
        nonlocal count
        count += 1
        for variable in variables:
            program.constrain(variable, f"@{count}")
        program.setpar(count, value)
        numbers[kind].append(count)

    for phase, (name, crystal) in enumerate(crystals.items(), start=1):
        program.setphase(phase)
        atoms = unit_cell_atoms(crystal)
        free("scale", ["pscale"], 0.5)
        for element, u in START_U[name].items():
            own = (np.flatnonzero(atoms.elements == element) + 1).tolist()
            axes = [program.u11, program.u22, program.u33]
            free("width", [axis(int(i)) for i in own for axis in axes], u)
        if r_range[0] < 4.0:
            free("width", ["delta2"], 1.0)
        if name == "NaCl":
            free("cell", [program.lat(i) for i in (1, 2, 3)], crystal.cell[0])
        else:
            for i in (1, 2, 3, 5):
                free("cell", [program.lat(i)], crystal.cell[i - 1])
    every = [n for kind in numbers.values() for n in kind]
    stages = [["scale"], ["scale", "width"], ["scale", "width", "cell"]] if staged else [[*numbers]]
    for stage in stages:
        moving = {n for kind in stage for n in numbers[kind]}
        for number in every:
            (program.freepar if number in moving else program.fixpar)(number)
        program.refine()
    fractions = program.phase_fractions()
    return float(fractions["mass"][0]), float(program.getrw())


def as_text(crystal: Crystal, u: dict[str, float]) -> str:
    """Return the crystal as a pdffit structure file, every atom written out."""
    atoms = unit_cell_atoms(crystal)
    lines = [
        "title x\nformat pdffit\nscale 1.0\nsharp 0,0,1,0\nspcgr P1",
        "cell " + ",".join(f"{x:.12g}" for x in crystal.cell),
        f"dcell 0,0,0,0,0,0\nncell 1,1,1,{len(atoms.xyz)}\natoms",
    ]
    for element, xyz in zip(atoms.elements.tolist(), atoms.xyz.tolist(), strict=True):
        each = f"{u[element]:.8f}"
        lines += [
            f"{element.upper()} {xyz[0]:.12f} {xyz[1]:.12f} {xyz[2]:.12f} 1.0",
            f" 0 0 0 0\n {each} {each} {each}\n 0 0 0\n 0 0 0\n 0 0 0",
        ]
    return "\n".join(lines) + "\n"


def timed(function, *arguments):
    """Return seconds of the processor and the result."""
    start = time.process_time()
    result = function(*arguments)
    return time.process_time() - start, result


if __name__ == "__main__":
    main()
