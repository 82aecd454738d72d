"""FEFF runs safely, its paths have the crystal's distances, and their sum is larch's."""

import os
import stat
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from xorder import references, xas
from xorder.errors import BadInput, MissingExtra, ProgramFailed, StructureWarning, UnreadableFile
from xorder.structure import Crystal
from xorder.xas import feff

K = 0.05 * np.arange(1, 300)
Paths = tuple[xas.ScatteringPath, ...]


@pytest.fixture(scope="module")
def salt() -> Crystal:
    return references.load("NaCl")


@pytest.fixture
def fake_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function that puts a shell script in FEFF's place."""

    def put(script: str) -> None:
        program = tmp_path / "feff6l"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(program.stat().st_mode | stat.S_IEXEC)
        monkeypatch.setattr(feff, "_executable", lambda name: program)

    return put


def run(text: str, timeout: float = 5.0) -> object:
    return feff.run_feff(text, program="feff6l", timeout=timeout)


def test_single_scattering_shells_are_the_crystals(salt: Crystal) -> None:
    """Rock salt: 6 Cl at a/2, 12 Na at a/√2."""
    paths = xas.calculate_paths(salt, absorber="Na", edge="K", radius=4.5, program="feff6l")
    single = [p for p in paths if p.n_legs == 2]
    a = float(salt.cell[0])
    assert single[0].reff == pytest.approx(a / 2, abs=1e-3)
    assert single[0].degeneracy == 6
    assert single[0].elements == ("Na", "Cl")
    assert single[1].reff == pytest.approx(a / np.sqrt(2), abs=1e-3)
    assert single[1].degeneracy == 12


def test_collinear_paths_through_the_absorber_are_kept(ta_paths: Paths) -> None:
    """The Ta–Cl–Ta–Cl path has four legs and twice the length of the bond."""
    straight = [p for p in ta_paths if p.n_legs == 4 and p.bend < 1e-6]
    bonds = [p.reff for p in ta_paths if p.n_legs == 2 and p.reff < 3]
    assert straight
    assert len(bonds) == 6
    assert straight[0].reff == pytest.approx(2 * bonds[0], abs=1e-3)


def test_feff6_and_feff8_agree_on_the_geometry(ta_paths: Paths) -> None:
    eight = xas.calculate_paths(
        references.load("NaTaCl6"), absorber="Ta", edge="L3", radius=3.0, program="feff8l"
    )
    six = [p.reff for p in ta_paths if p.reff < 3.0]
    assert [p.reff for p in eight] == pytest.approx(six, abs=1e-3)


def test_amplitudes_follow_the_exafs_equation(ta_paths: Paths) -> None:
    """σ² damps as exp(−2k²σ²); a shift of R turns the phase by 2kΔR."""
    path = ta_paths[0]
    still = xas.path_chi(path, K, sigma2=0.0)
    damped = xas.path_chi(path, K, sigma2=0.005)
    late = K > 8
    ratio = np.max(np.abs(damped[late])) / np.max(np.abs(still[late]))
    assert np.exp(-2 * 0.005 * 15.0**2) < ratio < np.exp(-2 * 0.005 * 8.0**2) * 1.1
    assert xas.path_chi(path, K, s02=0.5) == pytest.approx(0.5 * xas.path_chi(path, K))


def test_paths_add(ta_paths: Paths) -> None:
    one, two = ta_paths[:2]
    both = xas.sum_paths([one, two], K, sigma2=[0.003, 0.005], delta_r=[0.0, 0.01])
    apart = xas.path_chi(one, K, sigma2=0.003) + xas.path_chi(two, K, sigma2=0.005, delta_r=0.01)
    np.testing.assert_allclose(both, apart)
    np.testing.assert_allclose(
        xas.sum_paths([one, two], K, scale=[2.0, 0.0]), 2.0 * xas.path_chi(one, K)
    )


@pytest.mark.reference
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"s02": 0.9, "sigma2": 0.004, "delta_e0": 2.5, "delta_r": 0.01},
        {"sigma2": 0.01, "delta_e0": -4.0, "third": 2e-4, "fourth": 1e-5},
    ],
)
def test_the_sum_of_paths_is_larchs(
    larch: SimpleNamespace, tmp_path: Path, settings: dict[str, float]
) -> None:
    cluster = xas.scattering_paths._cluster(references.load("NaTaCl6"), "Ta", None, 5.5)
    text = xas.scattering_paths._input(*cluster, "Ta", "L3", 4.7, 4, "feff6l")
    files = feff.run_feff(text, program="feff6l", timeout=60.0)
    names = {"delta_e0": "e0", "delta_r": "deltar"}
    theirs = {names.get(key, key): value for key, value in settings.items()}
    theirs.setdefault("sigma2", 0.003)
    group, paths = larch.Group(), []
    for name, content in files:
        (tmp_path / name).write_text(content)
        paths.append(larch.feffpath(str(tmp_path / name), **theirs))
    larch.ff2chi(paths, group=group, k=K)
    ours = sum(xas.path_chi(xas.read_path(content), K, **settings) for _, content in files)
    assert len(paths) > 5
    np.testing.assert_allclose(ours, group.chi, atol=1e-6 * np.max(np.abs(group.chi)))


def test_equal_inputs_run_once(fake_program: Callable[[str], None], tmp_path: Path) -> None:
    fake_program(f"echo run >> {tmp_path}/runs; cp feff.inp feff0001.dat")
    assert run("TITLE once") == run("TITLE once")
    assert (tmp_path / "runs").read_text().count("run") == 1


def test_runs_in_threads_do_not_meet_and_change_no_directory(
    fake_program: Callable[[str], None],
) -> None:
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


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo bad geometry; exit 3", "ended with code 3; it said: bad geometry"),
        ("kill -SEGV $$", "ended with code -11"),
        ("echo all is well", "without a single path; it said: all is well"),
        ("echo FATAL ERROR in potentials", "stopped; it said: FATAL ERROR"),
        ("printf '\\377\\376 crash dump'; exit 1", "ended with code 1"),
        ("sleep 5", "did not end within 0.2 s"),
    ],
)
def test_a_failing_program_is_an_error_with_its_last_words(
    fake_program: Callable[[str], None], script: str, message: str
) -> None:
    fake_program(script)
    with pytest.raises(ProgramFailed, match=message):
        run(f"TITLE {script}", timeout=0.2 if "sleep" in script else 5.0)


def test_a_missing_program_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feff.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", os.devnull)
    with pytest.raises(MissingExtra, match="pip install xraylarch"):
        feff._executable("feff6l")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"absorber": "Ta"}, "has no Ta"),
        ({"absorber": "Na", "site": "Na9"}, "no Na site 'Na9'"),
        ({"absorber": "Na", "edge": "L9"}, "no edge 'L9'"),
        ({"absorber": "Na", "radius": -1.0}, "radius is -1"),
        ({"absorber": "Na", "radius": 1.2}, "no neighbour within"),
        ({"absorber": "Na", "n_legs": 1}, "n_legs is 1"),
        ({"absorber": "Na", "program": "feff10"}, "program is 'feff10'"),
    ],
)
def test_what_feff_cannot_do_is_refused_before_it_runs(
    salt: Crystal, settings: dict[str, object], message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        xas.calculate_paths(salt, **{"edge": "K", **settings})


def test_a_cluster_beyond_feffs_arrays_is_refused() -> None:
    with pytest.raises(BadInput, match=r"has \d{3} atoms within 13 Å"):
        xas.calculate_paths(references.load("Ni"), absorber="Ni", edge="K", radius=12.0)


def test_several_sites_ask_for_one(salt: Crystal) -> None:
    other = replace(salt.sites[0], label="Na2", xyz=np.array([0.5, 0.5, 0.5]))
    two = replace(salt, sites=(*salt.sites, other))
    with pytest.warns(StructureWarning, match="choose with site"):
        xas.scattering_paths._cluster(two, salt.sites[0].element, None, 3.0)


def test_half_empty_positions_are_said(salt: Crystal) -> None:
    sites = tuple(replace(s, occupancy=0.4 if s.element == "Cl" else 1.0) for s in salt.sites)
    with pytest.warns(StructureWarning, match="those below one half as empty"):
        _, elements = xas.scattering_paths._cluster(replace(salt, sites=sites), "Na", None, 4.2)
    assert set(elements) == {"Na"}


@pytest.mark.parametrize("text", ["", "k real[p]\n", "-----\n 2 1.0\n", "nonsense\n" * 40])
def test_a_file_that_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(UnreadableFile, match="no path file of FEFF"):
        xas.read_path(text, name="feff0001.dat")


def test_numbers_must_fit_the_paths(ta_paths: Paths) -> None:
    with pytest.raises(BadInput, match="sigma2 has 3 values for 2 paths"):
        xas.sum_paths(ta_paths[:2], K, sigma2=[0.1, 0.2, 0.3])
    with pytest.raises(BadInput, match="no paths to add"):
        xas.sum_paths([], K)
