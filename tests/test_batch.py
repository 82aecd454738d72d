"""A batch survives what happens to batches: dead workers, kills, full disks, changing files."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from xorder.errors import BadInput, CannotWrite, MissingFile
from xorder.ledger import Entry, Ledger
from xorder.lock import own_folder
from xorder.results import Number, digest
from xorder.run import open_run, run_series
from xorder.series import load_series
from xorder.workers import Lost, cluster, run_tasks

SAMPLES = 4


def write_series(folder: Path, samples: int = SAMPLES) -> Path:
    """Write a manifest of small simulated absorption spectra."""
    energy = np.arange(8800.0, 9700.0, 1.5)
    lines = ['[series]\nname = "steps"\nsimulated = true\n']
    for index in range(samples):
        rng = np.random.default_rng(index)
        k = np.sqrt(np.maximum(energy - 8979.0, 0.0) / 3.81)
        wiggle = 0.06 * np.exp(-0.01 * k**2) * np.sin(2 * (2.2 + 0.01 * index) * k)
        mu = 0.2 + (1 + wiggle) / (1 + np.exp(-(energy - 8979.0) / 2))
        mu += 1e-4 * rng.normal(size=len(energy))
        text = "\n".join(f"{e:.3f} {m:.8f}" for e, m in zip(energy, mu, strict=True))
        (folder / f"s{index}.dat").write_text(f"# simulated\n# energy mu\n{text}\n")
        lines.append(
            f'[[samples]]\nname = "s{index}"\n'
            f'xas = {{ files = "s{index}.dat", element = "Cu", edge = "K" }}\n'
        )
    manifest = folder / "series.toml"
    manifest.write_text("\n".join(lines))
    return manifest


def contents(out: Path) -> dict[str, str]:
    """Return the digest of every analysis of a run, times left out, and its summary."""
    run = open_run(out)
    found = {o.sample.name: digest(o.analyses["xas"]) for o in run.outcomes}
    return {**found, "summary": (out / "summary.csv").read_text()}


def files(out: Path) -> set[str]:
    return {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def manifest(tmp_path_factory) -> Path:
    return write_series(tmp_path_factory.mktemp("series"))


@pytest.fixture(scope="module")
def undisturbed(manifest, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("undisturbed")
    run = run_series(load_series(manifest), out)
    assert not run.failures
    return out


@pytest.fixture
def no_figures(monkeypatch):
    """Leave out the figures, which take most of a small run's time, where they do not matter."""
    monkeypatch.setattr("xorder.run.draw_kind", lambda *_: iter(()))


def test_several_processes_find_what_one_finds(manifest, undisturbed, tmp_path):
    run = run_series(load_series(manifest), tmp_path, jobs=2)
    assert not run.failures
    assert contents(tmp_path) == contents(undisturbed)
    assert files(tmp_path) == files(undisturbed)


@pytest.mark.usefixtures("no_figures")
def test_threads_of_the_caller_will_do(manifest, tmp_path):
    with ThreadPoolExecutor(1) as executor:
        run = run_series(load_series(manifest), tmp_path, jobs=executor)
    assert not run.failures
    assert len(run.outcomes) == SAMPLES


def test_nothing_unchanged_is_computed_again(manifest, undisturbed, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(undisturbed, out)
    before = {name: (out / name).stat().st_mtime_ns for name in files(out)}
    run = run_series(load_series(manifest), out)
    assert all(outcome.unchanged for outcome in run.outcomes)
    # The lock is the one file a run touches that has nothing to do.
    after = {name: (out / name).stat().st_mtime_ns for name in files(out)}
    assert {name for name in before if before[name] != after[name]} <= {".lock"}


@pytest.mark.usefixtures("no_figures")
def test_only_the_sample_that_changed_is_computed_again(undisturbed, manifest, tmp_path):
    shutil.copytree(manifest.parent, tmp_path / "in")
    shutil.copytree(undisturbed, tmp_path / "out")
    path = tmp_path / "in" / "s3.dat"
    path.write_text(path.read_text().replace("# simulated", "# simulated again"))
    run = run_series(load_series(tmp_path / "in" / "series.toml"), tmp_path / "out")
    assert [o.sample.name for o in run.outcomes if not o.unchanged] == ["s3"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('element = "Cu"', 'rbkg = 1.2, element = "Cu"'),
        ('name = "s2"', 'composition = "Cu"\nname = "s2"'),
    ],
)
@pytest.mark.usefixtures("no_figures")
def test_a_changed_recipe_or_fact_is_seen(manifest, undisturbed, tmp_path, before, after):
    shutil.copytree(manifest.parent, tmp_path / "in")
    shutil.copytree(undisturbed, tmp_path / "out")
    path = tmp_path / "in" / "series.toml"
    path.write_text(path.read_text().replace(before, after, 1))
    run = run_series(load_series(path), tmp_path / "out")
    changed = [outcome for outcome in run.outcomes if not outcome.unchanged]
    assert len(changed) == 1
    assert not run.failures


@pytest.mark.usefixtures("no_figures")
def test_fresh_computes_everything_again(manifest, undisturbed, tmp_path):
    shutil.copytree(undisturbed, tmp_path / "out")
    run = run_series(load_series(manifest), tmp_path / "out", fresh=True)
    assert not any(outcome.unchanged for outcome in run.outcomes)


@pytest.mark.usefixtures("no_figures")
def test_a_lost_file_is_made_again(manifest, undisturbed, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(undisturbed, out)
    (out / "samples" / "s1.h5").unlink()
    run = run_series(load_series(manifest), out)
    assert [o.sample.name for o in run.outcomes if not o.unchanged] == ["s1"]
    assert contents(out) == contents(undisturbed)


def test_an_opened_run_is_the_run(manifest, undisturbed):
    run = open_run(undisturbed)
    assert [o.sample.name for o in run.outcomes] == [f"s{i}" for i in range(SAMPLES)]
    assert run.series.name == "steps"
    assert run.series.simulated
    assert str(run["s2"].numbers["xas"]) == str(run["s2"].analyses["xas"].numbers)
    table = run.to_dataframe()
    assert set(table["sample"]) == {f"s{i}" for i in range(SAMPLES)}
    e0 = table[(table["sample"] == "s0") & (table["name"] == "e0")]["value"].item()
    assert e0 == pytest.approx(8979.0, abs=1.0)
    with pytest.raises(KeyError, match="there is no sample 'x'"):
        run["x"]


def test_opening_what_is_no_run_says_so(tmp_path):
    with pytest.raises(MissingFile, match="no run here"):
        open_run(tmp_path)
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(BadInput, match="not the record of a run"):
        open_run(tmp_path)


# -- workers ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Work:
    number: int
    folder: Path
    dies: int = 0


def square(task: Work) -> int:
    """Square a number; kill the process the first `dies` times."""
    tries = len(list(task.folder.glob(f"{task.number}-*")))
    if tries < task.dies:
        (task.folder / f"{task.number}-{tries}").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return task.number**2


@pytest.mark.skipif(sys.platform == "win32", reason="kills by a signal")
def test_a_dead_worker_costs_its_task_one_retry(tmp_path):
    # 3 kills its process once, 5 whenever it runs.
    deaths = {3: 1, 5: 99}
    tasks = [Work(number=i, folder=tmp_path, dies=deaths.get(i, 0)) for i in range(9)]
    found = list(run_tasks(square, tasks, 2))
    lost = [result for result in found if isinstance(result, Lost)]
    assert [(result.task.number, "died twice" in result.reason) for result in lost] == [(5, True)]
    rest = sorted(result for result in found if not isinstance(result, Lost))
    assert rest == [i**2 for i in range(9) if i != 5]


def test_jobs_below_one_are_refused():
    with pytest.raises(BadInput, match="jobs is 0"):
        list(run_tasks(square, [], 0))


def test_a_scheduler_that_is_not_there_is_said(tmp_path):
    pytest.importorskip("distributed")
    with (
        pytest.raises(MissingFile, match="no such scheduler file"),
        cluster(str(tmp_path / "nothing.json")),
    ):
        pass


# -- kills ------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="kills by a signal")
@pytest.mark.parametrize("seconds", [1.2, 2.4])
def test_a_killed_run_goes_on_where_it_was(manifest, undisturbed, tmp_path, seconds):
    out = tmp_path / "out"
    command = [sys.executable, "-m", "xorder.cli", "run", str(manifest), "--out", str(out)]
    killed = subprocess.Popen(
        [*command, "--jobs", "2"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    time.sleep(seconds)
    killed.kill()
    killed.wait()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert contents(out) == contents(undisturbed)
    assert files(out) == files(undisturbed)


def test_half_a_line_of_a_killed_run_is_cut_off(tmp_path):
    ledger = Ledger(tmp_path / "samples.jsonl")
    entry = Entry(
        sample="a",
        keys={"xas": "1"},
        kinds={},
        numbers={"xas": (Number(name="e0", value=1.0), Number(name="x", value=float("nan")))},
    )
    ledger.append([entry])
    whole = ledger.path.read_bytes()
    with ledger.path.open("ab") as file:
        file.write(entry.to_line().encode()[:40])
    again = Ledger(ledger.path)
    assert ledger.path.read_bytes() == whole
    assert str(again["a"]) == str(entry)
    assert "b" not in again


def test_one_run_at_a_time(manifest, tmp_path):
    with own_folder(tmp_path), pytest.raises(CannotWrite, match="another run writes here"):
        run_series(load_series(manifest), tmp_path)


def test_what_a_killed_run_left_half_written_is_cleared_away(manifest, tmp_path):
    stray = tmp_path / "samples" / ".s1-abc.part"
    stray.parent.mkdir()
    stray.write_bytes(b"half")
    mine = tmp_path / "notes.part"
    mine.write_text("the user's own")
    with own_folder(tmp_path):
        assert not stray.exists()
        assert mine.exists()


@pytest.mark.usefixtures("no_figures")
def test_a_file_that_changes_while_it_is_read_is_said(manifest, tmp_path, monkeypatch):
    from xorder.xas import analysis

    real = analysis.analyse

    def slow(paths, recipe, **kwargs):
        found = real(paths, recipe, **kwargs)
        if paths[0].name == "s2.dat":
            with paths[0].open("a") as file:
                file.write("9700.0 1.2\n")
        return found

    monkeypatch.setattr(analysis, "analyse", slow)
    shutil.copytree(manifest.parent, tmp_path / "in")
    run = run_series(load_series(tmp_path / "in" / "series.toml"), tmp_path / "out")
    (failure,) = run.failures
    assert failure.sample == "s2"
    assert "changed while it was read" in failure.message
    assert not any(o.file for o in run.outcomes if o.sample.name == "s2")


def test_the_record_of_a_run_is_json(undisturbed):
    record = json.loads((undisturbed / "run.json").read_text())
    assert [sample["name"] for sample in record["samples"]] == [f"s{i}" for i in range(SAMPLES)]
    assert record["failed"] == 0
