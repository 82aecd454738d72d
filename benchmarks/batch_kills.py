"""A run, or one of its workers, killed at a random moment: is everything there after the next run?

    python benchmarks/batch_kills.py [KILLS]       50 by default, runs and workers in turn

Every run that was disturbed is run again and compared with one that was not: the same samples, each
once, equal to the last bit, the same tables and figures, and no other file.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from batch import write_series

from xorder.results import digest
from xorder.run import open_run

SAMPLES = 40


def contents(out: Path) -> dict[str, object]:
    """Return digests of all that a run left, times and paths left out."""
    run = open_run(out)
    found: dict[str, object] = {o.sample.name: digest(o.analyses["xas"]) for o in run.outcomes}
    found["ledger"] = sorted(o.sample.name for o in run.outcomes)
    found["files"] = sorted(str(p.relative_to(out)) for p in out.rglob("*") if p.is_file())
    for path in sorted([out / "summary.csv", *out.glob("figures/*")]):
        found[path.name] = digest(path)
    return found


def start(manifest: Path, out: Path) -> subprocess.Popen[bytes]:
    """Start a run in two processes, in a group of its own."""
    command = [sys.executable, "-m", "xorder.cli", "run", str(manifest), "--out", str(out)]
    return subprocess.Popen(  # noqa: S603
        [*command, "--jobs", "2"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def workers(parent: int) -> list[int]:
    """Return the processes that a run has started."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = status.read_text().rpartition(")")[2].split()
            if int(fields[1]) == parent:
                command = (status.parent / "cmdline").read_bytes()
                if b"spawn_main" in command:
                    found.append(int(status.parent.name))
    return found


def main() -> None:
    """Kill, run again, compare, and print."""
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    rng = random.Random(0)  # noqa: S311
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "in").mkdir()
        manifest = write_series(folder / "in", SAMPLES)
        began = time.perf_counter()
        assert start(manifest, folder / "whole").wait() == 0
        whole = time.perf_counter() - began
        truth = contents(folder / "whole")
        good = hit = 0
        for number in range(kills):
            out = folder / f"out-{number}"
            run = start(manifest, out)
            killed = "run"
            if number % 2:
                killed = "worker"
                while not workers(run.pid) and run.poll() is None:
                    time.sleep(0.02)
                # Most of a small run is its figures, when there is no worker any more.
                time.sleep(rng.uniform(0.0, 0.3) * whole)
                for pid in workers(run.pid)[:1]:
                    hit += 1
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                first = run.wait()
            else:
                time.sleep(rng.uniform(0.1, 1.0) * whole)
                run.kill()
                first = run.wait()
            again = start(manifest, out).wait()
            same = again == 0 and contents(out) == truth
            good += same
            print(f"{number:3d} {killed:6s} ended {first:4d}, again {again}: "
                  f"{'equal' if same else 'DIFFERS'}", flush=True)  # fmt: skip
    print(f"{good} of {kills} equal; {hit} workers were at work when killed; "
          f"an undisturbed run takes {whole:.1f} s")  # fmt: skip


if __name__ == "__main__":
    main()
