"""`xorder xas …`: what each command writes, prints and refuses."""

import csv
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from xorder import xas
from xorder.cli import main
from xorder.xas.simulation import simulate_spectrum

Make = Callable[..., xas.Spectrum]
Run = Callable[..., tuple[int, str, str]]
COMMANDS = (
    "info", "convert", "normalize", "exafs", "wavelet", "paths", "fit", "angles", "lcf", "pca",
    "mcr",
)  # fmt: skip


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def command(*words: str) -> tuple[int, str, str]:
        status = main(["xas", *words])
        said = capsys.readouterr()
        return status, said.out, said.err

    return command


@pytest.fixture
def ends(make_spectrum: Make, tmp_path: Path) -> tuple[xas.Spectrum, xas.Spectrum]:
    """Write two end members, which differ in their white line and their distance."""
    one = make_spectrum(white_line=1.0, r=2.2, name="one")
    other = make_spectrum(white_line=2.0, r=2.4, name="other")
    xas.write_xdi(one, tmp_path / "one.xdi")
    xas.write_xdi(other, tmp_path / "other.xdi")
    return one, other


def mixed(ends: tuple[xas.Spectrum, xas.Spectrum], share: float, seed: int = 0) -> xas.Spectrum:
    noise = 1e-4 * np.random.default_rng(seed).standard_normal(ends[0].mu.size)
    mu = share * ends[0].mu + (1 - share) * ends[1].mu + noise
    return replace(ends[0], mu=mu, name=f"{share:g}")


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def values(folder: Path, sample: str) -> dict[str, float]:
    return {
        row["name"]: float(row["value"])
        for row in rows(folder / "summary.csv")
        if row["sample"] == sample and row["value"]
    }


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_in_a_sentence(run: Run, command: str) -> None:
    status, out, _ = run(command, "--help")
    assert status == 0
    sentence = out.splitlines()[2]
    assert sentence.strip().endswith(".")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["info", "nothing.xdi"], "nothing.xdi"),
        (["normalize"], "FILES"),
        (["normalize", "one.xdi", "--order", "7"], "order is 7"),
        (["normalize", "one.xdi", "--prepare.deglitch", "1"], "deglitch is 1"),
        (["normalize", "one.xdi", "--prepare.self-absorption"], "composition"),
        (["exafs", "one.xdi", "--k-range", "9", "3"], "k_range"),
        (["exafs", "one.xdi", "--phase-correction", "Cl"], "element and distance"),
        (["wavelet", "one.xdi", "--rho", "0"], "rho is 0"),
        (["convert", "one.xdi"], "--to"),
        (["convert", "one.xdi", "--to", "word"], "word"),
        (["convert", "nothing.xdi", "--to", "csv"], "nothing.xdi"),
        (["fit", "one.xdi"], "--shells"),
        (["fit", "one.xdi", "--shells", "chlorine"], "chlorine"),
        (["fit", "one.xdi", "--shells", "Cl 2,35"], "Cl 2,35"),
        (["fit", "one.xdi", "--shells", "Cl 2.35", "--parameters", "n_cl"], "n_cl"),
        (["fit", "one.xdi", "--shells", "Cl 2.35", "--r-range", "3", "1"], "r_range"),
        (["angles", "one.xdi"], "--ligand"),
        (["angles", "one.xdi", "--ligand", "Cl"], "element and distance"),
        (["lcf", "one.xdi"], "--references"),
        (["lcf", "one.xdi", "--references", "one.xdi", "--max-shift", "99"], "max_shift"),
        (["paths", "NaTaCl6", "--edge", "L3"], "absorber"),
        (["paths", "NaTaCl6", "--absorber", "Sm", "--edge", "L3"], "Sm"),
        (["paths", "NaTaCl7", "--absorber", "Ta", "--edge", "L3"], "NaTaCl6"),
        (["mcr", "one.xdi", "--n-components", "1"], "n_components"),
        (["exafs", "one.xdi", "--jobs", "0"], "jobs is 0"),
    ],
)
def test_what_cannot_be_used_is_one_line_and_status_two(
    run: Run, ends: object, words: list[str], message: str
) -> None:
    status, out, err = run(*words)
    assert status == 2
    assert message in err
    assert len(err.strip().splitlines()) == 1
    assert "Traceback" not in out + err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["normalize", "nothing.xdi"], "no such file"),
        (["lcf", "one.xdi", "--references", "nothing.xdi"], "nothing.xdi"),
        (["lcf", "one.xdi", "--references", "Nothing"], "Nothing"),
        (["fit", "one.xdi", "--shells", "Xx 2.35", "--k-range", "3", "12"], "Xx"),
        (
            ["fit", "one.xdi", "--shells", "Cl 2.35", "--parameters", "n_clo = 6", "--k-range", "3",
             "12"],
            "no shell uses n_clo",
        ),
        (["pca", "one.xdi", "other.xdi"], "2 spectra"),
    ],
)  # fmt: skip
def test_a_sample_that_fails_is_status_one_and_one_line(
    run: Run, ends: object, words: list[str], message: str
) -> None:
    status, out, err = run(*words, "--out", "found")
    assert status == 1
    assert message in err
    assert "Traceback" not in out + err
    assert len([line for line in err.splitlines() if "failed" in line]) == 1


def test_info_is_a_row_a_spectrum(run: Run, ends: tuple[xas.Spectrum, xas.Spectrum]) -> None:
    xas.write_athena(ends, "both.prj")
    status, out, _ = run("info", "both.prj", "one.xdi")
    assert status == 0
    assert out.count("Ta L3") == 3
    assert "both.prj" in out


@pytest.mark.parametrize(
    ("form", "file"),
    [("xdi", "one.xdi"), ("nexus", "one.nxs"), ("athena", "spectra.prj"), ("csv", "one.csv")],
)
def test_a_converted_spectrum_reads_back_with_the_same_numbers(
    run: Run, ends: tuple[xas.Spectrum, xas.Spectrum], form: str, file: str
) -> None:
    status, out, err = run("convert", "one.xdi", "other.xdi", "--to", form, "--out", "new")
    assert status == 0, err
    assert "wrote" in out
    columns = {"energy": 1, "mu": 2} if form == "csv" else None
    again = xas.read_all(Path("new") / file, columns=columns)
    assert len(again) == (2 if form == "athena" else 1)
    np.testing.assert_allclose(again[0].energy, ends[0].energy, rtol=1e-8)
    np.testing.assert_allclose(again[0].mu, ends[0].mu, rtol=1e-6, atol=1e-8)


def test_energies_are_moved_and_edges_named_on_the_way(run: Run, ends: object) -> None:
    run("convert", "one.xdi", "--to", "xdi", "--energy-shift", "2.5", "--out", "new")
    moved, before = xas.read("new/one.xdi"), xas.read("one.xdi")
    # The format keeps a few hundred-thousandths of an eV.
    np.testing.assert_allclose(moved.energy - before.energy, 2.5, atol=5e-5)


def test_normalize_writes_columns_numbers_and_a_figure(run: Run, ends: object) -> None:
    status, out, err = run("normalize", "one.xdi", "other.xdi", "--out", "found")
    assert status == 0, err
    assert "white_line_height" in out
    ours = xas.normalize(xas.read("one.xdi"))
    table = rows(Path("found/normalized/one.csv"))
    np.testing.assert_allclose([float(r["norm"]) for r in table], ours.norm, atol=1e-7)
    np.testing.assert_allclose([float(r["flat"]) for r in table], ours.flat, atol=1e-7)
    found = values(Path("found"), "one")
    assert found["e0"] == pytest.approx(ours.e0, abs=1e-6)
    assert found["edge_step"] == pytest.approx(ours.edge_step, rel=1e-8)
    assert Path("found/figures/xas.pdf").stat().st_size > 5_000
    assert Path("found/samples/one.h5").stat().st_size > 5_000


def test_every_group_of_a_project_is_a_sample(
    run: Run, ends: tuple[xas.Spectrum, xas.Spectrum]
) -> None:
    one, other = ends
    xas.write_athena([one, other, replace(other, name="one")], "all.prj")
    status, _, err = run("normalize", "all.prj", "--out", "found")
    assert status == 0, err
    names = {row["sample"] for row in rows(Path("found/summary.csv"))}
    assert names == {"one", "other", "one (2)"}
    # The second of one name is the project's third, not its first again.
    found = [values(Path("found"), name)["white_line_height"] for name in ("one (2)", "other")]
    assert found[0] == pytest.approx(found[1], rel=1e-9)
    run("normalize", "all.prj#other", "--out", "single")
    assert {row["sample"] for row in rows(Path("single/summary.csv"))} == {"other"}


def test_repeated_scans_are_one_sample(run: Run, make_spectrum: Make) -> None:
    for seed in range(3):
        xas.write_xdi(make_spectrum(noise=1e-3, seed=seed), f"{seed}.xdi")
    status, _, err = run("normalize", "0.xdi", "1.xdi", "2.xdi", "--together", "--out", "found")
    assert status == 0, err
    assert {row["sample"] for row in rows(Path("found/summary.csv"))} == {"0"}


def test_wavelet_measures_in_the_box_and_draws_one_scale(run: Run, ends: object) -> None:
    status, out, err = run(
        "wavelet", "one.xdi", "other.xdi", "--k-range", "3", "12", "--feature-r", "1.5", "2.5",
        "--feature-k", "4", "10", "--r-max", "4.9", "--out", "found",
    )  # fmt: skip
    assert status == 0, err
    assert "wavelet_box_mean" in out
    assert Path("found/figures/xas_wavelets.png").stat().st_size > 10_000
    distances = [values(Path("found"), name)["wavelet_feature_r"] for name in ("one", "other")]
    assert distances[1] - distances[0] == pytest.approx(0.2, abs=0.04)


def test_a_mixture_is_found_and_the_right_references_rank_first(
    run: Run, ends: tuple[xas.Spectrum, xas.Spectrum], make_spectrum: Make
) -> None:
    xas.write_xdi(mixed(ends, 0.3), "sample.xdi")
    xas.write_xdi(make_spectrum(white_line=0.2, r=2.9, name="stranger"), "stranger.xdi")
    status, out, err = run("lcf", "sample.xdi", "--references", "one.xdi", "other.xdi",
                           "stranger.xdi", "--max-components", "2", "--out", "found")  # fmt: skip
    assert status == 0, err
    assert re.search(r"one 0\.(29|30)\d*\(\d+\), other 0\.(69|70)", out)
    found = values(Path("found"), "sample")
    assert found["lcf weight (one)"] == pytest.approx(0.3, abs=0.01)
    assert found["lcf weight (other)"] == pytest.approx(0.7, abs=0.01)
    ranked = rows(Path("found/figures/xas_mixtures_ranked.csv"))
    assert [row["rank"] for row in ranked] == [str(i + 1) for i in range(len(ranked))]
    assert len(ranked) >= 5


def test_two_species_are_counted_tested_and_resolved(
    run: Run, ends: tuple[xas.Spectrum, xas.Spectrum]
) -> None:
    files = []
    for seed, share in enumerate((0.0, 0.2, 0.4, 0.6, 0.8, 1.0)):
        files.append(f"mix{seed}.xdi")
        xas.write_xdi(mixed(ends, share, seed), files[-1])
    status, out, err = run("pca", *files, "--targets", "one.xdi", "--out", "pca")
    assert status == 0, err
    assert values(Path("pca"), "")["n_components"] == 2
    assert "SPOIL" in out
    status, out, err = run("mcr", *files, "--n-components", "2", "--out", "mcr")
    assert status == 0, err
    first = [values(Path("mcr"), f"mix{i}")["share of species 1"] for i in range(6)]
    shares = np.array(first if first[0] < first[-1] else [1 - share for share in first])
    np.testing.assert_allclose(shares, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0], atol=0.02)
    assert Path("mcr/figures/xas_species.png").stat().st_size > 10_000


def test_a_shell_is_fitted_by_element_and_distance(run: Run) -> None:
    path = xas.quick_path("Ta", "L3", "Cl", 2.35)
    truth = replace(path, degeneracy=6.0)
    spectrum = simulate_spectrum([truth], element="Ta", edge="L3", s02=0.9, sigma2=0.004,
                                 noise=2e-4, name="salt")  # fmt: skip
    xas.write_xdi(spectrum, "salt.xdi")
    words = ["fit", "salt.xdi", "--shells", "Cl 2.30", "--k-range", "3", "12", "--s02", "0.9"]
    status, out, err = run(*words, "--out", "found")
    assert status == 0, err
    assert "Ta–Cl" in out
    found = values(Path("found"), "salt")
    assert found["fit r Ta–Cl"] == pytest.approx(2.35, abs=0.01)
    assert found["fit degeneracy Ta–Cl"] == pytest.approx(6.0, abs=0.8)
    assert Path("found/figures/xas_shells.pdf").stat().st_size > 5_000
    record = json.loads(Path("found/run.json").read_text(encoding="utf-8"))
    assert record["failed"] == 0


def test_paths_are_a_table_on_screen_and_on_disk(run: Run) -> None:
    status, out, err = run(
        "paths", "NaTaCl6", "--absorber", "Ta", "--edge", "L3", "--radius", "4.8",
        "--program", "feff6l", "--out", "found",
    )  # fmt: skip
    assert status == 0, err
    assert "Ta–Cl–Ta–Cl–Ta" in out
    table = rows(Path("found/NaTaCl6_Ta_L3_paths.csv"))
    assert float(table[0]["reff"]) == pytest.approx(2.29, abs=0.02)
    focused = [row for row in table if row["focusing"] == "True"]
    assert focused
    assert all(int(row["n_legs"]) > 2 for row in focused)
    assert Path("found/NaTaCl6_Ta_L3_paths.h5").stat().st_size > 5_000


def test_the_gold_of_the_cyanobacteria_is_half_metallic(
    run: Run, shared: Callable[..., Path]
) -> None:
    """Athena's own documentation finds 51(1) % of the foil after seven hours."""
    project = shared("data", "xas", "cyanobacteria.prj")
    status, _, err = run(
        "lcf", f"{project}#7.03", "--references", f"{project}#Au foil", f"{project}#Au3 Cl aq",
        "--athena-settings", "--out", "found",
    )  # fmt: skip
    assert status == 0, err
    weight = values(Path("found"), "7.03")["lcf weight (Au foil)"]
    assert 0.51 <= weight <= 0.53
