"""Debye scattering of clusters of three elements: Xorder beside DebyeCalculator, CPU and GPU.

Run with an interpreter that has xorder, and, where they are to be compared, DebyeCalculator (torch)
and CuPy. Clusters are simulated: atoms of Na, Ta and Cl shifted at random from a cubic grid.

    python benchmarks/pdf_debye.py [largest number of atoms, 100000]
"""

from __future__ import annotations

import math
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from xorder.pdf.debye import DebyeScattering, calculate_iq
from xorder.pdf.debye_gpu import gpu_problem
from xorder.pdf.trajectories import Frame
from xorder.scattering import form_factor

Q = np.linspace(0.5, 22.0, 430)


def cluster(count: int) -> Frame:
    """Return a spherical simulated cluster of 0.0367 atoms Å⁻³."""
    generator = np.random.default_rng(count)
    step = (1.0 / 0.0367) ** (1.0 / 3.0)
    half = math.ceil((3.0 * count / (4.0 * math.pi)) ** (1.0 / 3.0)) + 1
    axis = np.arange(-half, half + 1)
    grid = np.stack(np.meshgrid(axis, axis, axis), axis=-1).reshape(-1, 3).astype(float)
    grid = grid[np.argsort(np.sum(grid**2, axis=1), kind="stable")[:count]] * step
    symbols = np.resize(np.array(["Na", "Ta", "Cl", "Cl", "Cl", "Cl", "Cl", "Cl"]), count)
    return Frame(
        positions=grid + generator.uniform(-0.6, 0.6, (count, 3)),
        elements=generator.permutation(symbols),
    )


def exact(atoms: Frame) -> np.ndarray:
    """Return I(Q)/N by the double sum over all pairs."""
    factors = np.stack([form_factor(e, Q / (4 * math.pi)) for e in atoms.elements])
    distance = np.linalg.norm(atoms.positions[:, None] - atoms.positions, axis=-1)
    total = [f @ np.sinc(q * distance / math.pi) @ f for q, f in zip(Q, factors.T, strict=True)]
    return np.array(total) / len(atoms.positions)


def median(run: Callable[[], object], repeats: int) -> float:
    """Return the median time of some runs in seconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def other(atoms: Frame, device: str) -> Callable[[], object] | None:
    """Return DebyeCalculator on the same cluster, or None where it is not installed."""
    try:
        from debyecalculator import DebyeCalculator
    except ImportError:
        return None
    path = Path(tempfile.mkdtemp()) / "cluster.xyz"
    rows = zip(atoms.elements, atoms.positions, strict=True)
    text = "\n".join(f"{e} {x:.8f} {y:.8f} {z:.8f}" for e, (x, y, z) in rows)
    path.write_text(f"{len(atoms.elements)}\n\n{text}\n")
    calculator = DebyeCalculator(
        qmin=Q[0], qmax=Q[-1] + 0.01, qstep=Q[1] - Q[0], biso=0.0, device=device
    )
    return lambda: calculator.iq(str(path))


def ours_on(atoms: Frame, device: str) -> Callable[[], object]:
    """Return Xorder on a cluster."""
    return lambda: calculate_iq(atoms, q=Q, device=device)


def main() -> None:
    """Print the table."""
    largest = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    truth_atoms = cluster(1500)
    truth = exact(truth_atoms)
    gpu = gpu_problem()
    devices = ["cpu"] if gpu else ["cpu", "gpu"]
    for device in devices:
        found = calculate_iq(truth_atoms, q=Q, device=device).iq
        print(
            f"{device}: error against the O(N²) sum, 1500 atoms: "
            f"{np.max(np.abs(found - truth)) / truth.max():.1e} of max I(Q), "
            f"{np.max(np.abs(found / truth - 1)):.1e} of I(Q)"
        )
    if gpu:
        print(f"no GPU: {gpu}")
    print(f"{'atoms':>8} {'device':>6} {'Xorder s':>10} {'DebyeCalculator s':>18} {'ratio':>7}")
    for count in (1000, 10_000, 30_000, 100_000):
        if count > largest:
            break
        atoms = cluster(count)
        kept: dict[str, DebyeScattering] = {}
        for device in devices:
            repeats = 7 if device == "gpu" or count <= 10_000 else 1
            rival = None if count > 30_000 else other(atoms, "cuda" if device == "gpu" else "cpu")
            ours, theirs = [], []
            kept[device] = calculate_iq(atoms, q=Q, device=device)
            if rival is not None:
                rival()
            for _ in range(repeats):
                ours.append(median(ours_on(atoms, device), 1))
                if rival is not None:
                    theirs.append(median(rival, 1))
            a = statistics.median(ours)
            b = statistics.median(theirs) if theirs else math.nan
            print(f"{count:>8} {device:>6} {a:>10.4f} {b:>18.4f} {b / a:>7.1f}")
        if "gpu" in kept:
            difference = np.abs(kept["gpu"].iq - kept["cpu"].iq)
            print(
                f"{'':>8} gpu - cpu: {difference.max() / kept['cpu'].iq.max():.1e} of max I(Q), "
                f"{np.max(difference / kept['cpu'].iq):.1e} of I(Q)"
            )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(f"largest memory of the process: {peak:.2f} GB")


if __name__ == "__main__":
    main()
