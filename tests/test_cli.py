"""The command line: exit statuses and one message for each thing that is wrong."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from xorder import __version__
from xorder.cli import main


def run(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    status = main(arguments)
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_help_names_the_commands(capsys):
    status, out, _ = run(["--help"], capsys)
    assert status == 0
    for command in ("run", "example", "structure", "references"):
        assert command in out


def test_version(capsys):
    assert run(["--version"], capsys)[1].strip() == __version__


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rnu"], 'Did you mean "run"'),
        (["run"], "MANIFEST"),
        (["run", "a.toml", "--otu", "x"], "Did you mean --out"),
        (["run", "a.toml", "--jobs", "two"], "two"),
        (["run", "a.toml", "--only", "xrd"], "xrd"),
        (["run", "nothing.toml"], "no such manifest"),
        (["structure", "nothing.cif"], "nothing.cif"),
        (["structure", "NaTaCl7"], "NaTaCl6"),
        (["example"], "FOLDER"),
    ],
)
def test_bad_input_is_one_line_and_exit_status_two(
    arguments, message, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    status, out, err = run(arguments, capsys)
    assert status == 2
    assert message in err
    assert "Traceback" not in err + out
    assert len(err.strip().splitlines()) == 1


def test_debug_shows_where(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, _, err = run(["run", "nothing.toml", "--debug"], capsys)
    assert status == 2
    assert "Traceback" in err


def test_structure_report_on_standard_output(capsys):
    status, out, _ = run(["structure", "NaTaCl6"], capsys)
    assert status == 0
    for part in ("P 1 21/c 1", "Ta1", "g/cm"):
        assert part in out


def test_references_are_listed_with_their_doubts(capsys):
    status, out, _ = run(["references", "list"], capsys)
    assert status == 0
    assert "NaTaCl6" in out
    assert "MODEL" in out


def test_the_installed_command_runs_as_a_program():
    done = subprocess.run(
        [sys.executable, "-m", "xorder.cli", "--version"],
        capture_output=True,
        text=True,
        env={**os.environ, "NO_COLOR": "1"},
    )
    assert done.returncode == 0
    assert done.stdout.strip() == __version__


def test_a_warning_is_one_line(capsys, tmp_path):
    from importlib import resources

    text = (resources.files("xorder.reference_spectra") / "structures" / "NaCl.cif").read_text(
        encoding="utf-8"
    )
    path = tmp_path / "salt.cif"
    path.write_text(text, encoding="utf-8")
    status, _, err = run(["structure", str(path)], capsys)
    assert status == 0
    assert err.startswith("warning: ")
    assert len(err.strip().splitlines()) == 1


def test_a_folder_without_write_permission_is_refused(capsys, tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir()
    locked.chmod(0o500)
    if os.access(locked, os.W_OK):
        pytest.skip("left out: this user may write anywhere")
    status, _, err = run(["example", str(locked / "example")], capsys)
    locked.chmod(0o700)
    assert status == 2
    assert "cannot make the folder" in err


@pytest.mark.parametrize("group", ["xas", "diffraction", "pdf"])
def test_each_probe_has_its_commands(group, capsys):
    status, out, _ = run([group, "--help"], capsys)
    assert status == 0
    assert "info" in out


def test_a_pattern_goes_from_structure_to_widths_without_a_manifest(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    simulate = [
        "diffraction",
        "simulate",
        "LaB6_SRM660c",
        "lab6.xye",
        "--two-theta",
        "20",
        "60",
        "0.02",
    ]
    assert run(simulate, capsys)[0] == 0
    assert "simulated" in (tmp_path / "lab6.xye").read_text(encoding="utf-8").lower()
    peaks = [
        "diffraction",
        "peaks",
        "lab6.xye",
        "--structure",
        "LaB6_SRM660c",
        "--planes",
        "1",
        "0",
        "0",
    ]
    status, _, err = run([*peaks, "--wavelength", "1.540593", "--out", "found"], capsys)
    assert status == 0, err
    assert "fwhm (1 0 0)" in (tmp_path / "found" / "summary.csv").read_text(encoding="utf-8")


def test_a_gr_is_calculated_and_refined_without_a_manifest(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(["pdf", "calculate", "Ni", "ni.gr", "--q-max", "25"], capsys)[0] == 0
    refine = ["pdf", "refine", "ni.gr", "--structures", "Ni", "--r-max", "12", "--out", "found"]
    status, _, err = run(refine, capsys)
    assert status == 0, err
    assert ",a,3.5238" in (tmp_path / "found" / "summary.csv").read_text(encoding="utf-8")


def test_what_is_in_a_file_is_told(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(["pdf", "calculate", "Ni", "ni.gr", "--q-max", "25"], capsys)
    status, out, _ = run(["pdf", "info", "ni.gr"], capsys)
    assert status == 0
    assert "25 Å⁻¹" in out


def test_a_recipe_option_out_of_range_is_one_line(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, _, err = run(["xas", "exafs", "scan.xdi", "--rbkg", "-1"], capsys)
    assert status == 2
    assert "rbkg" in err
    assert len(err.strip().splitlines()) == 1


def test_a_pattern_is_refined_to_a_cif_and_a_figure(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(["diffraction", "simulate", "NaCl", "salt.xye", "--two-theta", "20", "80", "0.02"], capsys)
    words = ["diffraction", "refine", "salt.xye", "--structures", "NaCl", "--wavelength", "CuKa"]
    status, out, err = run([*words, "--out", "found"], capsys)
    assert status == 0, err
    assert "r_wp" in out
    names = {path.name for path in (tmp_path / "found").iterdir()}
    assert {"salt.h5", "salt.pdf", "salt.png", "salt_NaCl.cif"} <= names


def test_intensities_are_reduced_with_the_warning_of_an_arbitrary_scale(
    capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    q = [0.5 + 0.01 * i for i in range(2000)]
    lines = [
        f"{x:.3f} {200.0 / (1.0 + x * x) + 20.0 + 5.0 / (0.2 + (x - 3.0) ** 2):.6f}" for x in q
    ]
    (tmp_path / "sample.iq").write_text("\n".join(lines) + "\n", encoding="utf-8")
    words = ["pdf", "reduce", "sample.iq", "--composition", "Ni", "--out", "found"]
    status, out, err = run(words, capsys)
    assert status == 0, err
    assert "scale of G(r) is arbitrary" in out
    assert {"sample.gr", "sample.sq"} <= {path.name for path in (tmp_path / "found").iterdir()}
