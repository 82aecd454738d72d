"""Time μ(E) to χ(R): Xorder and larch in one process, by turns; medians.

Run ``python benchmarks/xas_chain.py [SCAN]``: with the path of a measured scan, or with a simulated
one. Times are of the processor, one core, so that other work on the machine does not count. Larch
finds e0, normalizes, runs AUTOBK and transforms; Xorder does the same, with the spread over
normalization ranges and the error of the background on top. Xorder keeps what depends on the grid
alone for the next spectrum on it; the rows of new grids show the time without that. By turns, one
spectrum each, larch's work empties the processor's caches for ours; the rows "in a row" let each do
several before the other's turn, as in a loop over files. The first call of all compiles Xorder's
loops, once after an installation, and is not counted.
"""

from __future__ import annotations

import dataclasses
import itertools
import os
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

# One core for both: threads of small products cost more than they bring.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from xorder import xas

ROUNDS = 25
STACKED = 1000
IN_A_ROW = 10
COUNTER = itertools.count(1)


def simulated() -> xas.Spectrum:
    """Return an arctangent edge with one shell, as long as a usual scan."""
    k = np.arange(1.0, 16.0, 0.05)
    energy = 8979.0 + np.concatenate(
        [np.arange(-150.0, -20.0, 4.0), np.arange(-20.0, 3.7, 0.3), 3.81 * k**2]
    )
    x = energy - 8979.0
    wave = np.sqrt(np.clip(x, 0.0, None) / 3.81)
    chi = 3.0 * np.exp(-0.008 * wave**2) * np.sin(4.7 * wave) / (wave + 2.0)
    mu = 0.5 + np.arctan(x / 1.5) / np.pi + np.where(x > 0, chi, 0.0) - 2e-4 * x
    return xas.Spectrum(energy=energy, mu=mu, element="Cu", edge="K", simulated=True)


def stretched(spectrum: xas.Spectrum) -> xas.Spectrum:
    """Return the spectrum on energies that no earlier one had, so that nothing kept is of use."""
    # A shift alone would leave the energies from e0 as they were.
    stretch = 1.0 + 1e-6 * next(COUNTER)
    energy = spectrum.energy[0] + stretch * (spectrum.energy - spectrum.energy[0])
    return dataclasses.replace(spectrum, energy=energy)


def by_turns(
    first: Callable[[], Any], second: Callable[[], Any], *, count: int = 1
) -> tuple[float, float]:
    """Return the median times of both in ms, each called `count` times before the other's turn."""
    times: tuple[list[float], list[float]] = ([], [])
    first(), second()
    for _ in range(ROUNDS):
        for function, kept in zip((first, second), times, strict=True):
            start = time.process_time()
            for _ in range(count):
                function()
            kept.append(1e3 * (time.process_time() - start) / count)
    return statistics.median(times[0]), statistics.median(times[1])


def main() -> None:
    """Print the table."""
    warnings.simplefilter("ignore")
    from larch import Group
    from larch.xafs import autobk, pre_edge, xftf

    spectrum = xas.read(sys.argv[1]) if len(sys.argv) > 1 else simulated()
    normalized = xas.normalize(spectrum)
    exafs = xas.subtract_background(normalized)
    end = float(exafs.k[-1])

    def larch_normalize() -> Any:
        group = Group(energy=spectrum.energy.copy(), mu=spectrum.mu.copy())
        pre_edge(group)
        return group

    def larch_background(group: Any) -> Any:
        autobk(group, rbkg=1.0, kweight=2, kmax=end)
        return group

    def larch_transform(group: Any) -> Any:
        xftf(group, kmin=3, kmax=end - 1, kweight=2, dk=1, window="hanning")
        return group

    def transform(result: xas.Exafs) -> xas.Transform:
        return xas.transform_to_r(result, k_range=(3, end - 1))

    def ours(item: xas.Spectrum) -> xas.Transform:
        return transform(xas.subtract_background(xas.normalize(item)))

    def larchs() -> Any:
        return larch_transform(larch_background(larch_normalize()))

    group = larch_background(larch_normalize())
    rows = {
        "normalize": by_turns(lambda: xas.normalize(spectrum), larch_normalize),
        "background": by_turns(
            lambda: xas.subtract_background(normalized), lambda: larch_background(group)
        ),
        "transform": by_turns(lambda: transform(exafs), lambda: larch_transform(group)),
    }
    for count, what in ((1, ""), (IN_A_ROW, f", {IN_A_ROW} in a row")):
        others = iter([stretched(spectrum) for _ in range(count * ROUNDS + 1)])
        rows[f"all three{what}"] = by_turns(lambda: ours(spectrum), larchs, count=count)
        rows[f"new grids{what}"] = by_turns(
            lambda others=others: ours(next(others)), larchs, count=count
        )
    rows[f"{STACKED} on one grid, each"] = stacked(spectrum, end, rows["all three"][1])
    sys.stdout.write(f"{spectrum.energy.size} points, k to {end:.2f} Å⁻¹, medians in ms\n")
    sys.stdout.write(f"{'':26}{'xorder':>9}{'larch':>9}{'ratio':>9}\n")
    for name, (ours, theirs) in rows.items():
        sys.stdout.write(f"{name:26}{ours:9.3f}{theirs:9.3f}{theirs / ours:9.1f}\n")


def stacked(spectrum: xas.Spectrum, end: float, larch_each: float) -> tuple[float, float]:
    """Return the time for each of many spectra on one grid, and larch's for one."""
    noise = np.random.default_rng(0).standard_normal((STACKED, spectrum.energy.size))
    stack = xas.Stack(
        energy=spectrum.energy,
        mu=spectrum.mu + 1e-3 * noise,
        element=spectrum.element,
        edge=spectrum.edge,
    )
    times = []
    for _ in range(5):
        start = time.process_time()
        exafs = xas.subtract_background_from_stack(xas.normalize_stack(stack))
        xas.transform_stack_to_r(exafs, k_range=(3, end - 1))
        times.append(1e3 * (time.process_time() - start) / STACKED)
    return statistics.median(times), larch_each


if __name__ == "__main__":
    main()
