"""Batches: throughput of one process, two, and a local Dask cluster; memory; a second run.

    python benchmarks/batch.py            2,000 spectra through all, then 200 and 20,000 for memory
    python benchmarks/batch.py 500 2000   other numbers: for throughput, and the larger for memory

The spectra are simulated and small (600 points). Figures and comparisons, which do not run in the
workers, are timed apart. Memory is that of the parent process: its peak over a run.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np


def write_series(folder: Path, samples: int) -> Path:
    """Write a manifest over simulated spectra; a hundred files, then the same under other names."""
    energy = np.arange(8800.0, 9700.0, 1.5)
    k = np.sqrt(np.maximum(energy - 8979.0, 0.0) / 3.81)
    lines = ['[series]\nname = "steps"\nsimulated = true\n']
    for index in range(samples):
        rng = np.random.default_rng(index)
        wiggle = 0.06 * np.exp(-0.01 * k**2) * np.sin(2 * (2.2 + 1e-5 * index) * k)
        mu = 0.2 + (1 + wiggle) / (1 + np.exp(-(energy - 8979.0) / 2))
        mu += 1e-4 * rng.normal(size=len(energy))
        np.savetxt(
            folder / f"s{index}.dat",
            np.column_stack([energy, mu]),
            fmt="%.3f %.8f",
            header="simulated\nenergy mu",
        )
        lines.append(
            f'[[samples]]\nname = "s{index}"\n'
            f'xas = {{ files = "s{index}.dat", element = "Cu", edge = "K" }}\n'
        )
    manifest = folder / "series.toml"
    manifest.write_text("\n".join(lines))
    return manifest


RUN = """
import resource, sys, time
from pathlib import Path
from xorder.batch import run_samples
from xorder.run import run_series
from xorder.series import load_series
from xorder.workers import cluster

def main():
    how, manifest, out = sys.argv[1:]
    began = time.perf_counter()
    series = load_series(manifest)
    loaded = time.perf_counter() - began
    samples_seconds = 0.0
    if how == "dask":
        from distributed import LocalCluster
        with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as local:
            with cluster(local.scheduler_address) as executor:
                list(executor.map(abs, range(4)))
                began = time.perf_counter()
                run_samples(series, Path(out), jobs=executor)
                samples_seconds = time.perf_counter() - began
    elif how == "all":
        began = time.perf_counter()
        run = run_series(series, Path(out), jobs=2)
        assert not run.failures, run.failures[:3]
        samples_seconds = time.perf_counter() - began
    else:
        began = time.perf_counter()
        outcomes = run_samples(series, Path(out), jobs=int(how))
        samples_seconds = time.perf_counter() - began
        assert not any(outcome.failures for outcome in outcomes)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{loaded:.3f} {samples_seconds:.3f} {peak:.1f}")

if __name__ == "__main__":
    main()
"""


def measured(script: Path, how: str, manifest: Path, out: Path) -> tuple[float, float, float]:
    """Return seconds to load, seconds of the work, and the parent's peak memory in MB."""
    done = subprocess.run(  # noqa: S603
        [sys.executable, str(script), how, str(manifest), str(out)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        sys.exit(done.stderr)
    loaded, seconds, peak = map(float, done.stdout.split()[-3:])
    return loaded, seconds, peak


def main() -> None:
    """Measure and print."""
    count, many = (int(word) for word in (sys.argv[1:] or ("2000", "20000")))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        script = folder / "run.py"
        script.write_text(RUN)
        (folder / "warm").mkdir()
        measured(script, "1", write_series(folder / "warm", 4), folder / "warm" / "out")
        (folder / "in").mkdir()
        manifest = write_series(folder / "in", count)
        rates = {}
        for how in ("1", "2", "dask"):
            _, seconds, peak = measured(script, how, manifest, folder / f"out-{how}")
            rates[how] = count / seconds
            print(
                f"{how:>5}: {seconds:8.1f} s  {count / seconds:7.1f} spectra/s  "
                f"x{rates[how] / rates['1']:.2f}  {1e3 * seconds / count:.1f} ms each  "
                f"parent {peak:.0f} MB",
                flush=True,
            )
        out = folder / "out-2"
        loaded, first, _ = measured(script, "all", manifest, out)
        print(f"figures and tables of {count}: {first:.2f} s")
        loaded, second, _ = measured(script, "all", manifest, out)
        print(f"second run, nothing changed: {loaded + second:.2f} s")
        for number in (200, many):
            (folder / f"many{number}").mkdir()
            manifest = write_series(folder / f"many{number}", number)
            _, seconds, peak = measured(script, "2", manifest, folder / f"many{number}" / "out")
            print(f"{number:6d} spectra: parent's peak {peak:.0f} MB, {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
