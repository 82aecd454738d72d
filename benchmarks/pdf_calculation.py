"""G(r) of crystals: Xorder beside diffpy.pdffit2, agreement and time.

Run ``python benchmarks/pdf_calculation.py``. Results are compared in pdffit2's convention. Times
are processor times, medians of calls in turn, in Xorder's own convention; before each the cell
changes by a part in a million, so that nothing is kept. "calculate" is `pdf.calculate_gr` on points
0.01 Å apart, good to 1e-9 of the maximum; "refine" one evaluation of the model within a refinement;
the last column is the time of all derivatives of twelve parameters over that. Pairs of large cells
are shared by threads, so that waiting is shorter than these times.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from dataclasses import replace

import numpy as np
from diffpy.pdffit2 import PdfFit, redirect_stdout

from xorder import pdf, references
from xorder.pdf.refinement import objective_for, phase_models
from xorder.structure import Crystal, Site, unit_cell_atoms

SETTINGS = {"q_max": 22.0, "qdamp": 0.04, "qbroad": 0.01, "delta2": 2.0}
U = 0.01


def main() -> None:
    """Print one line a cell and range."""
    cells = {
        "Ni": references.load("Ni"),
        "NaTaCl6": references.load("NaTaCl6"),
        "200 atoms": oxide(),
    }
    write = sys.stdout.write
    write(f"{'':12}{'r (Å)':>7}{'pdffit2 (ms)':>14}{'calculate (ms)':>16}{'ratio':>8}")
    write(f"{'refine (ms)':>13}{'ratio':>8}{'difference':>13}{'12 derivatives':>16}\n")
    with open(os.devnull, "w") as nowhere:
        redirect_stdout(nowhere)
        for name, crystal in cells.items():
            for r_max in (20.0, 60.0):
                r = 0.01 * np.arange(1, round(100 * r_max) + 1)
                theirs, ours = [], []
                for repeat in range(3 if name == "200 atoms" and r_max > 20 else 7):
                    other = stretched(crystal, 1e-6 * (repeat + 1))
                    theirs.append(timed(by_pdffit, other, r)[0])
                    ours.append(timed(by_xorder, other, r)[0])
                expected = by_pdffit(crystal, r)
                found = pdf.calculate_gr(crystal, r=r, uiso=U, convention="pdffit2", **SETTINGS).gr
                off = np.abs(found - expected).max() / np.abs(expected).max()
                times = statistics.median(theirs), statistics.median(ours)
                step, slopes = in_refinement(crystal, r)
                write(
                    f"{name:12}{r_max:7.0f}{1e3 * times[0]:14.1f}{1e3 * times[1]:16.2f}"
                    f"{times[0] / times[1]:8.1f}{1e3 * step:13.2f}{times[0] / step:8.1f}"
                    f"{off:13.1e}{slopes / step:16.2f}\n"
                )
                sys.stdout.flush()


def by_pdffit(crystal: Crystal, r: np.ndarray) -> np.ndarray:
    """Return G(r) by pdffit2, the structure read anew as its cell changes."""
    program = PdfFit()
    program.read_struct_string(as_text(crystal))
    program.alloc("X", SETTINGS["q_max"], SETTINGS["qdamp"], r[0], r[-1], len(r))
    program.setvar("qbroad", SETTINGS["qbroad"])
    program.setvar("delta2", SETTINGS["delta2"])
    program.calc()
    return np.array(program.getpdf_fit())


def by_xorder(crystal: Crystal, r: np.ndarray) -> np.ndarray:
    """Return G(r) in Xorder's own convention."""
    return pdf.calculate_gr(crystal, r=r, uiso=U, **SETTINGS).gr


def in_refinement(crystal: Crystal, r: np.ndarray) -> tuple[float, float]:
    """Return the time of one model and of its twelve derivatives, the cell moved each time."""
    gr = by_xorder(crystal, r)
    data = pdf.PairDistribution(r=r, gr=gr, q_max=22.0, qdamp=0.04, qbroad=0.01, simulated=True)
    options = pdf.RefinementOptions(
        refine_positions=True, refine_qbroad=True, uiso=U, form_factors="constant"
    )
    objective = objective_for(
        data, phase_models(data, crystal, options), (1.5, float(r[-1])), options
    )
    names = [p.name for p in objective.parameters.values() if p.vary][:12]
    values = objective.parameters.valuesdict()
    cell = next(name for name in names if name == "a")
    calculation, jacobian = [], []
    for repeat in range(7):
        # The pairs alone, before the objective knows that derivatives will be wanted.
        values[cell] *= 1 + 1e-6 * (repeat + 1)
        calculation.append(timed(objective.residual, dict(values))[0])
    for repeat in range(5):
        values[cell] *= 1 + 1e-6 * (repeat + 1)
        jacobian.append(timed(objective.jacobian, dict(values), names)[0])
    return statistics.median(calculation[1:]), statistics.median(jacobian[1:])


def oxide() -> Crystal:
    """Return a simulated cell of 200 atoms without symmetry."""
    generator = np.random.default_rng(0)
    side = (200 / 0.08) ** (1 / 3)
    grid = np.stack(np.meshgrid(*[np.arange(6)] * 3), axis=-1).reshape(-1, 3)[:200] / 6
    xyz = grid + generator.uniform(-0.03, 0.03, grid.shape)
    elements = ["Zr"] * 60 + ["O"] * 140
    generator.shuffle(elements)
    return Crystal(
        name="oxide",
        cell=np.array([side, side, side, 90.0, 90.0, 90.0]),
        sites=tuple(
            Site(label=f"{e}{i}", element=e, xyz=x, occupancy=1.0)
            for i, (e, x) in enumerate(zip(elements, xyz, strict=True))
        ),
        rotations=np.eye(3, dtype=int)[None],
        translations=np.zeros((1, 3)),
    )


def stretched(crystal: Crystal, strain: float) -> Crystal:
    """Return the crystal with its edges longer."""
    return replace(crystal, cell=crystal.cell * np.repeat([1 + strain, 1.0], 3))


def as_text(crystal: Crystal) -> str:
    """Return the crystal as a pdffit structure file, every atom written out."""
    atoms = unit_cell_atoms(crystal)
    lengths = np.linalg.norm(np.linalg.inv(atoms.lattice), axis=0)
    from_cartesian = np.linalg.inv(atoms.lattice.T * lengths)
    u = U * from_cartesian @ from_cartesian.T
    lines = [
        "title x\nformat pdffit\nscale 1.0\nsharp 0,0,1,0\nspcgr P1",
        "cell " + ",".join(f"{x:.12g}" for x in crystal.cell),
        f"dcell 0,0,0,0,0,0\nncell 1,1,1,{len(atoms.xyz)}\natoms",
    ]
    for element, xyz in zip(atoms.elements.tolist(), atoms.xyz.tolist(), strict=True):
        lines += [
            f"{element.upper()} {xyz[0]:.14f} {xyz[1]:.14f} {xyz[2]:.14f} 1.0",
            f" 0 0 0 0\n {u[0, 0]:.14f} {u[1, 1]:.14f} {u[2, 2]:.14f}\n 0 0 0",
            f" {u[0, 1]:.14f} {u[0, 2]:.14f} {u[1, 2]:.14f}\n 0 0 0",
        ]
    return "\n".join(lines) + "\n"


def timed(function, *arguments):
    """Return seconds and the result."""
    start = time.process_time()
    result = function(*arguments)
    return time.process_time() - start, result


if __name__ == "__main__":
    main()
