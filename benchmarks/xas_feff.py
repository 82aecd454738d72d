"""One feff.inp through our runner and through larch's, alternating in one process.

    python benchmarks/xas_feff.py [structure absorber edge radius]

Both run the same programs of larch's wheel on the same input and give the same paths. "cold" runs
FEFF with an empty cache; "disk" is a new process that finds the run in the cache on disk; "memory"
asks again in one process. "programs" is the time of the programs alone, one after the other, their
words thrown away: no runner can be faster.
"""

from __future__ import annotations

import contextlib
import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from xorder import references, xas
from xorder.xas import feff

REPEATS = 7


def larch_runner(program: str) -> Callable[[Path], None]:
    """Return larch's runner as a function of a folder with feff.inp."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from larch.xafs import feff6l, feff8l

    runner: Any = {"feff6l": feff6l, "feff8l": feff8l}[program]

    def run(folder: Path) -> None:
        # It asks its output for an encoding, which io.StringIO has not.
        quiet = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
        with contextlib.redirect_stdout(quiet):
            runner(feffinp="feff.inp", folder=str(folder), verbose=False)

    return run


def programs_alone(text: str, program: str) -> float:
    """Return the seconds of the programs alone."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "feff.inp").write_text(text)
        began = time.perf_counter()
        for name in feff.PROGRAMS[program]:
            path = feff._executable(name)
            environment = {**os.environ, "LD_LIBRARY_PATH": str(path.parent)}
            subprocess.run(  # noqa: S603 - the same programs
                [str(path)], cwd=folder, env=environment, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, check=True,
            )  # fmt: skip
        return time.perf_counter() - began


def ours(text: str, program: str, *, cache: str, forget: bool = True) -> tuple[float, list[Any]]:
    """Return seconds and paths of our runner, reading of the paths included."""
    os.environ["XORDER_CACHE"] = cache
    if forget:
        feff._recent.clear()
    began = time.perf_counter()
    paths = [xas.read_path(content, name=name) for name, content in feff.run_feff(
        text, program=program, timeout=300.0
    )]  # fmt: skip
    return time.perf_counter() - began, paths


def theirs(text: str, run: Callable[[Path], None]) -> tuple[float, list[Any]]:
    """Return seconds and paths of larch's runner, the same reading of the paths included."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "feff.inp").write_text(text)
        began = time.perf_counter()
        run(folder)
        paths = list(xas.read_paths(sorted(folder.glob("feff[0-9][0-9][0-9][0-9].dat"))))
        return time.perf_counter() - began, paths


def main(structure: str, absorber: str, edge: str, radius: float) -> None:
    """Print the table."""
    print(f"{structure}, {absorber} {edge}, {radius:g} Å; medians of {REPEATS}, in s")
    print(f"{'program':8} {'paths':>5} {'larch':>7} {'cold':>7} {'programs':>8} {'disk':>7} "
          f"{'memory':>7} {'larch/cold':>10} {'larch/disk':>10}")  # fmt: skip
    for program in feff.PROGRAMS:
        (made, *_) = xas.feff_inputs(
            references.load(structure),
            absorber=absorber,
            edge=edge,
            radius=radius,
            program=program,
        )
        run = larch_runner(program)
        names = ("larch", "cold", "programs", "disk", "mem")
        times: dict[str, list[float]] = {name: [] for name in names}
        for _ in range(REPEATS):
            with tempfile.TemporaryDirectory() as cache:
                seconds, other = theirs(made.text, run)
                times["larch"].append(seconds)
                seconds, paths = ours(made.text, program, cache=cache)
                times["cold"].append(seconds)
                times["programs"].append(programs_alone(made.text, program))
                times["disk"].append(ours(made.text, program, cache=cache)[0])
                times["mem"].append(ours(made.text, program, cache=cache, forget=False)[0])
            assert len(paths) == len(other)
            assert all(
                np.array_equal(a.amplitude, b.amplitude) for a, b in zip(paths, other, strict=True)
            )
        median = {name: statistics.median(values) for name, values in times.items()}
        cold, disk = (median["larch"] / median[name] for name in ("cold", "disk"))
        print(f"{program:8} {len(paths):5d} {median['larch']:7.3f} {median['cold']:7.3f} "
              f"{median['programs']:8.3f} {median['disk']:7.3f} {median['mem']:7.3f} "
              f"{cold:10.1f} {disk:10.1f}")  # fmt: skip


if __name__ == "__main__":
    given = sys.argv[1:] or ["NaTaCl6", "Ta", "L3", "6.0"]
    main(given[0], given[1], given[2], float(given[3]))
