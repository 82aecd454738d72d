"""Partial g(r) of one simulated box (1:1:6, 0.0367 atoms Å⁻³): Xorder beside ovito and ASE.

Run with an interpreter that has xorder and, where they are to be compared, ovito and ASE.

    python benchmarks/pdf_models.py
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable

import numpy as np

from xorder.pdf.models import calculate_model_gr
from xorder.pdf.partials import calculate_partials
from xorder.pdf.polyhedra import calculate_angles, count_polyhedra
from xorder.pdf.trajectories import Frame

STEP = 0.02


def box(count: int, *, tilted: bool = False) -> Frame:
    """Return a simulated box of atoms shifted at random from a grid."""
    generator = np.random.default_rng(count)
    side = round(count ** (1.0 / 3.0))
    edge = (count / 0.0367) ** (1.0 / 3.0)
    grid = np.stack(np.meshgrid(*[np.arange(side)] * 3), axis=-1).reshape(-1, 3)[:count]
    fractional = grid / side + generator.uniform(-0.5, 0.5, (len(grid), 3)) / edge
    tilt = np.array([[0, 0, 0], [0.2, 0, 0], [-0.1, 0.15, 0]]) if tilted else np.zeros((3, 3))
    lattice = (np.eye(3) + tilt) * edge
    symbols = np.resize(np.array(["Na", "Ta", "Cl", "Cl", "Cl", "Cl", "Cl", "Cl"]), len(grid))
    return Frame(
        positions=fractional @ lattice, elements=generator.permutation(symbols), lattice=lattice
    )


def ovito_run(frame: Frame, r_max: float) -> Callable[[], np.ndarray] | None:
    """Return ovito's partial g(r) of a frame, or None where it is not installed."""
    try:
        from ovito.data import DataCollection, ParticleType
        from ovito.modifiers import CoordinationAnalysisModifier
        from ovito.pipeline import Pipeline, StaticSource
    except ImportError:
        return None
    data = DataCollection()
    matrix = np.hstack([frame.lattice.T, np.zeros((3, 1))])
    data.create_cell(matrix, pbc=(True, True, True))
    particles = data.create_particles(count=len(frame.positions))
    particles.create_property("Position", data=frame.positions)
    names, kinds = np.unique(frame.elements, return_inverse=True)
    types = particles.create_property("Particle Type", data=kinds + 1)
    for number, name in enumerate(names.tolist(), start=1):
        types.types.append(ParticleType(id=number, name=name))
    bins = round(r_max / STEP)
    modifier = CoordinationAnalysisModifier(cutoff=r_max, number_of_bins=bins, partial=True)

    def run() -> np.ndarray:
        found = modifier_pipeline(Pipeline, StaticSource, data, modifier)
        return np.asarray(found.tables["coordination-rdf"].xy())

    return run


def modifier_pipeline(pipeline: type, source: type, data: object, modifier: object) -> object:
    """Return what a modifier computes, without what an earlier run kept."""
    chain = pipeline(source=source(data=data))
    chain.modifiers.append(modifier)
    return chain.compute()


def clock(run: Callable[[], object]) -> float:
    """Return the time of one run in ms."""
    start = time.perf_counter()
    run()
    return 1000.0 * (time.perf_counter() - start)


def main() -> None:
    """Print the tables."""
    print(f"{'atoms':>6} {'box':>8} {'r_max':>6} {'Xorder ms':>10} {'ovito ms':>9} {'ratio':>6}")
    for count, r_max in ((1000, 15.0), (9261, 20.0)):
        for tilted in (False, True):
            frame = box(count, tilted=tilted)
            rival = ovito_run(frame, r_max)
            ours: list[float] = []
            theirs: list[float] = []
            for _ in range(15 if count == 1000 else 5):
                ours.append(
                    clock(lambda f=frame, r=r_max: calculate_partials([f], r_max=r, step=STEP))
                )
                if rival is not None:
                    theirs.append(clock(rival))
            a = statistics.median(ours)
            b = statistics.median(theirs) if theirs else math.nan
            shape = "tilted" if tilted else "cubic"
            print(f"{count:>6} {shape:>8} {r_max:>6.0f} {a:>10.2f} {b:>9.2f} {b / a:>6.1f}")
            if rival is not None:
                table = rival()[:, 1:]
                found = calculate_partials([frame], r_max=r_max, step=STEP)
                # ovito leaves the atom itself out of N where both elements are one.
                print(f"{'':>6} largest difference of the sums of g(r): "
                      f"{compare(table, found.small_g):.1e}")  # fmt: skip
    frame = box(1000)
    r = np.arange(1.0, 20.0, 0.02)
    for name, run in (
        ("G(r) to 20 Å, exact f(Q)", lambda: calculate_model_gr([frame], r=r, q_max=22.0)),
        (
            "angles Cl-Ta-Cl",
            lambda: calculate_angles([frame], center="Ta", ends=("Cl", "Cl"), cutoff=3.5),
        ),
        (
            "polyhedra",
            lambda: count_polyhedra([frame], center="Ta", ligands=("Cl",), cutoff=3.5),
        ),
    ):
        run()
        print(f"1000 atoms, {name}: {statistics.median(clock(run) for _ in range(7)):.1f} ms")


def compare(theirs: np.ndarray, ours: np.ndarray) -> float:
    """Return the largest relative difference of the sums over r, columns in any order."""
    a, b = np.sort(theirs.sum(axis=0)), np.sort(ours.sum(axis=1))
    return float(np.max(np.abs(a / b - 1.0)))


if __name__ == "__main__":
    main()
