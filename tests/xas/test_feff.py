"""FEFF runs in a folder of its own, every failure is an error, and equal inputs run once."""

import gzip
import os
import stat
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from xorder import references, xas
from xorder.errors import BadInput, DataWarning, MissingExtra, ProgramFailed
from xorder.xas import feff, feff_cache

Put = Callable[[str], None]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty cache folder, and forget the runs in memory."""
    monkeypatch.setenv("XORDER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(feff, "_recent", {})
    return tmp_path / "cache" / "feff"


@pytest.fixture
def fake_program(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Put:
    """Return a function that puts a shell script in FEFF's place."""

    def put(script: str) -> None:
        program = tmp_path / "feff6l"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(program.stat().st_mode | stat.S_IEXEC)
        monkeypatch.setattr(feff, "_executable", lambda name: program)

    return put


def run(text: str, timeout: float = 5.0) -> tuple[tuple[str, str], ...]:
    return feff.run_feff(text, program="feff6l", timeout=timeout)


COUNTED = "echo run >> {0}/runs; cp feff.inp feff0001.dat"


def runs(folder: Path) -> int:
    return (folder / "runs").read_text().count("run")


def test_equal_inputs_run_once(fake_program: Put, tmp_path: Path) -> None:
    fake_program(COUNTED.format(tmp_path))
    assert run("TITLE once") == run("TITLE once") == (("feff0001.dat", "TITLE once"),)
    assert runs(tmp_path) == 1


def test_a_new_process_finds_what_another_calculated(
    fake_program: Put, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_program(COUNTED.format(tmp_path))
    first = run("TITLE kept")
    monkeypatch.setattr(feff, "_recent", {})  # as in a new process
    assert run("TITLE kept") == first
    assert runs(tmp_path) == 1


def test_another_program_or_input_is_another_result(
    fake_program: Put, tmp_path: Path, cache: Path
) -> None:
    fake_program(COUNTED.format(tmp_path))
    run("TITLE one")
    run("TITLE two")
    fake_program(COUNTED.format(tmp_path) + " # a new version")
    os.utime(tmp_path / "feff6l", ns=(1, 1))
    run("TITLE one")
    assert runs(tmp_path) == 3
    assert len(list(cache.iterdir())) == 3


@pytest.mark.parametrize(
    "damage",
    [
        lambda raw: b"",
        lambda raw: raw[: len(raw) // 2],
        lambda raw: b"\xff junk",
        lambda raw: gzip.compress(b'{"digest": "0", "files": []}'),
        lambda raw: gzip.compress(b"[1, 2]"),
    ],
    ids=["empty", "half", "junk", "other digest", "other content"],
)
def test_a_broken_entry_is_calculated_again(
    fake_program: Put,
    tmp_path: Path,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    damage: Callable[[bytes], bytes],
) -> None:
    fake_program(COUNTED.format(tmp_path))
    first = run("TITLE broken")
    (entry,) = cache.iterdir()
    entry.write_bytes(damage(entry.read_bytes()))
    monkeypatch.setattr(feff, "_recent", {})
    assert run("TITLE broken") == first
    assert runs(tmp_path) == 2
    assert feff_cache.kept_files(entry.name.removesuffix(".json.gz")) == first


def test_a_failed_run_is_not_kept(fake_program: Put, cache: Path) -> None:
    fake_program("exit 3")
    with pytest.raises(ProgramFailed):
        run("TITLE fails")
    assert not cache.exists()


def test_the_cache_removes_what_was_longest_unused(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = (("feff0001.dat", "x" * 1000),)
    for age, key in enumerate(["new", "middle", "old"]):
        feff_cache.keep_files(key, files)
        os.utime(cache / f"{key}.json.gz", (1e9 - age, 1e9 - age))
    assert feff_cache.kept_files("old") == files  # used, so it is the youngest now
    size = (cache / "old.json.gz").stat().st_size
    monkeypatch.setattr(feff_cache, "MOST_BYTES", 3 * size)
    feff_cache.keep_files("newest", files)
    assert {p.name.split(".")[0] for p in cache.iterdir()} == {"newest", "new", "old"}


def test_the_cache_may_be_off(
    fake_program: Put, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XORDER_CACHE", "off")
    fake_program(COUNTED.format(tmp_path))
    run("TITLE off")
    monkeypatch.setattr(feff, "_recent", {})
    run("TITLE off")
    assert runs(tmp_path) == 2


def test_a_cache_that_cannot_be_written_costs_a_warning_only(
    fake_program: Put, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XORDER_CACHE", str(tmp_path / "file"))
    fake_program("cp feff.inp feff0001.dat")
    with pytest.warns(DataWarning, match="XORDER_CACHE names another folder, or is off"):
        assert run("TITLE no place")[0][1] == "TITLE no place"


def test_runs_in_threads_do_not_meet_and_change_no_directory(fake_program: Put) -> None:
    fake_program("sleep 0.1; cp feff.inp feff0001.dat")
    before, found = Path.cwd(), {}

    def work(number: int) -> None:
        found[number] = run(f"TITLE thread {number}")

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(found[n][0][1] == f"TITLE thread {n}" for n in range(4))
    assert Path.cwd() == before


def test_two_processes_with_one_cache_find_the_same_paths(cache: Path) -> None:
    code = (
        "from xorder import references, xas\n"
        "paths = xas.calculate_paths(references.load('NaCl'), absorber='Na', edge='K',"
        " radius=4.2, program='feff6l')\n"
        "print([(p.name, p.reff, p.degeneracy, float(p.amplitude.sum())) for p in paths])\n"
    )
    command = [sys.executable, "-c", code]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    first, second = (process.communicate(timeout=60)[0] for process in both)
    assert all(process.returncode == 0 for process in both)
    assert first == second != ""
    assert [p.suffix for p in cache.iterdir()] == [".gz"]


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo bad geometry; exit 3", "ended with code 3; it said: bad geometry"),
        ("kill -SEGV $$", "ended with code -11"),
        ("echo all is well", "without a single path; it said: all is well"),
        ("echo FATAL ERROR in potentials", "stopped; it said: FATAL ERROR"),
        ("cp feff.inp feff0001.dat; echo Backtrace for this error:", "stopped; it said: Backtrace"),
        ("printf '\\377\\376 crash dump'; exit 1", "ended with code 1"),
        ("cp feff.inp feff0001.dat; echo feff0001.dat feff0002.dat > files.dat", "lists 2 paths"),
        ("sleep 5", "did not end within 0.2 s"),
    ],
)
def test_a_failing_program_is_an_error_with_its_last_words(
    fake_program: Put, script: str, message: str
) -> None:
    fake_program(script)
    with pytest.raises(ProgramFailed, match=message):
        run(f"TITLE {script}", timeout=0.2 if "sleep" in script else 5.0)


@pytest.mark.parametrize("program", ["feff6l", "feff8l"])
@pytest.mark.parametrize(
    "text",
    ["", "TITLE nothing\nEND\n", "NONSENSE 1\n", "ATOMS\n 0 0 0 0\nEND\n", "\xe9" * 100],
    ids=["empty", "no atoms", "nonsense", "lone atom", "not ASCII"],
)
def test_input_that_feff_cannot_use_is_an_error(cache: Path, program: str, text: str) -> None:
    with pytest.raises(ProgramFailed):
        feff.run_feff(text, program=program, timeout=20.0)


def test_a_missing_program_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feff.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", os.devnull)
    with pytest.raises(MissingExtra, match="pip install xraylarch"):
        feff._executable("feff6l")


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"program": "feff10"}, "program is 'feff10'"), ({"timeout": 0.0}, "timeout is 0 s")],
)
def test_settings_of_a_run_are_checked(settings: dict[str, object], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        feff.run_feff("TITLE", **{"program": "feff6l", "timeout": 1.0, **settings})


@pytest.mark.parametrize("program", ["feff6l", "feff8l"])
def test_both_programs_calculate_k_and_l_edges(program: str) -> None:
    """Six Cl from each; the d wave of L2 and L3 has another phase than the p wave of K and L1."""
    crystal, bond = references.load("Na2ZrCl6_model"), {}
    for edge in ("K", "L1", "L2", "L3"):
        (bond[edge],) = xas.calculate_paths(
            crystal, absorber="Zr", site="Zr1", edge=edge, radius=2.6, program=program
        )
        assert bond[edge].elements == ("Zr", "Cl")
        assert bond[edge].degeneracy == 6
    middle = {edge: np.interp(7.0, p.k, p.phase) for edge, p in bond.items()}
    apart = np.abs((middle["L3"] - middle["K"] + np.pi) % (2 * np.pi) - np.pi)
    assert apart > 1.0
    for same in (("L1", "K"), ("L2", "L3")):
        assert np.cos(middle[same[0]] - middle[same[1]]) > 0.95


def test_several_absorbers_run_at_a_time_as_one_after_the_other(cache: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        crystal = references.load("TaCl5_model")
    kind = {"absorber": "Ta", "edge": "L3", "radius": 3.0, "program": "feff6l"}
    at_a_time = xas.calculate_paths(crystal, **kind, jobs=2)
    for entry in cache.iterdir():
        entry.unlink()
    feff._recent.clear()
    in_turn = xas.calculate_paths(crystal, **kind)
    assert [p.label for p in at_a_time] == [p.label for p in in_turn]
    assert [p.site for p in at_a_time] == [p.site for p in in_turn]
