"""The main job: the packaged example whole, and what happens to samples that are wrong."""

from __future__ import annotations

import csv
import gzip
import json
import shutil
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path

import h5py
import numpy as np
import pytest

from xorder.cli import main
from xorder.errors import BadInput, CannotWrite
from xorder.example import MILLING_SERIES, write_example
from xorder.results import Number, Result
from xorder.run import run_series
from xorder.series import load_series


@pytest.fixture(scope="module")
def example(tmp_path_factory) -> Path:
    return write_example(tmp_path_factory.mktemp("jobs") / "example", series=MILLING_SERIES[1:3])


@pytest.fixture(scope="module")
def run(example, tmp_path_factory):
    return run_series(load_series(example), tmp_path_factory.mktemp("out"))


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_sample_comes_through_with_all_probes(run):
    assert not run.failures
    for outcome in run.outcomes:
        assert set(outcome.analyses) == {"xas", "diffraction", "pdf"}


def test_every_number_has_a_unit_or_is_pure_and_an_error_or_a_note(run):
    table = rows(run.summary)
    assert len(table) > 60
    for row in table:
        assert row["stderr"] or row["note"], row["name"]


def test_one_file_a_sample_with_its_facts(run):
    for outcome in run.outcomes:
        assert outcome.file is not None
        with h5py.File(outcome.file) as file:
            entry = file["entry"]
            assert entry["title"][()].decode() == outcome.sample.name
            assert bool(entry["simulated"][()])
            assert {"xas", "diffraction", "pdf"} <= set(entry)


def test_figures_come_with_their_data_and_say_simulated(run):
    folder = run.out / "figures"
    for probe in ("xas", "diffraction", "pdf"):
        assert (folder / f"{probe}.png").stat().st_size > 10_000
        assert (folder / f"{probe}.pdf").stat().st_size > 5_000
        assert list(folder.glob(f"{probe}_*.csv"))
    assert not list(folder.glob(".*"))


def test_the_run_tells_machines_what_it_did(run):
    record = json.loads((run.out / "run.json").read_text(encoding="utf-8"))
    assert record["simulated"] is True
    assert record["failed"] == 0
    assert [sample["name"] for sample in record["samples"]] == ["6 h", "16 h"]


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Together(Result):
    """What a probe's comparison returns, made small."""

    numbers: tuple[Number, ...]
    sample_numbers: dict[str, tuple[Number, ...]]
    messages: tuple[str, ...] = ("a word on the series",)


@pytest.fixture
def comparing(monkeypatch):
    """Give the diffraction probe a comparison, which takes a function of the analyses."""

    def install(compare: Callable[..., object]) -> None:
        name = "xorder.diffraction.comparison"
        module = types.ModuleType(name)
        module.__spec__ = ModuleSpec(name, None)
        module.compare = compare
        monkeypatch.setitem(sys.modules, name, module)
        monkeypatch.delattr("xorder.figures.diffraction.draw_comparison")

    return install


def test_samples_are_compared_once_all_are_analysed(example, comparing, tmp_path, capsys):
    def compare(analyses, recipe):
        assert recipe.wavelength == "CuKa"
        rank = {
            analysis.name: (Number(name="rank", value=float(place)),)
            for place, analysis in enumerate(analyses)
        }
        return Together(
            numbers=(Number(name="how_many", value=len(analyses)),), sample_numbers=rank
        )

    comparing(compare)
    assert main(["run", str(example), "--only", "diffraction", "--out", str(tmp_path)]) == 0
    found = {
        (row["sample"], row["order"], row["name"]): row["value"]
        for row in rows(tmp_path / "summary.csv")
        if row["name"] in ("rank", "how_many")
    }
    assert found == {
        ("6 h", "6", "rank"): "0",
        ("16 h", "16", "rank"): "1",
        ("", "", "how_many"): "2",
    }
    assert "a word on the series" in capsys.readouterr().out
    with h5py.File(tmp_path / "comparisons" / "diffraction.h5") as file:
        assert file["entry/Together/numbers"]["value"].tolist() == [2.0]


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (BadInput("the grids differ"), "no comparison: the grids differ"),
        (ValueError("x"), "report"),
    ],
)
def test_a_comparison_that_fails_costs_itself_only(example, comparing, tmp_path, error, word):
    def compare(analyses, recipe):
        raise error

    comparing(compare)
    done = run_series(load_series(example), tmp_path, only=("diffraction",))
    (failure,) = done.failures
    assert word in failure.message
    assert done.figures
    assert len(rows(done.summary)) > 10


def test_drawn_again_the_figures_are_the_same_bytes(run, tmp_path):
    from xorder.figures import diffraction

    analyses = [outcome.analyses["diffraction"] for outcome in run.outcomes]
    for path in diffraction.draw(analyses).save(tmp_path):
        assert path.read_bytes() == (run.out / "figures" / path.name).read_bytes()


def test_lines_widen_with_milling(run):
    widths = {
        row["sample"]: float(row["value"])
        for row in rows(run.summary)
        if row["name"] == "fwhm (0 1 2)"
    }
    assert widths["6 h"] < widths["16 h"]


def test_two_processes_give_the_same_numbers_as_one(example, run, tmp_path):
    again = run_series(load_series(example), tmp_path / "two", jobs=2, only=("diffraction",))
    assert not again.failures
    ours = [row for row in rows(run.summary) if row["probe"] == "diffraction"]
    assert rows(again.summary) == ours


def test_the_example_is_simulated_the_same_from_the_same_seed(example, tmp_path):
    again = write_example(tmp_path / "again", series=MILLING_SERIES[1:3])
    for path in sorted(example.parent.rglob("*.*")):
        if path.is_file() and path.suffix != ".toml":
            twin = again.parent / path.relative_to(example.parent)
            assert twin.read_text(encoding="utf-8") == path.read_text(encoding="utf-8"), path.name


def test_every_file_of_the_example_says_simulated(example):
    files = [path for path in example.parent.rglob("*") if path.is_file()]
    assert len(files) > 8
    for path in files:
        assert "simulated" in path.read_text(encoding="utf-8").lower(), path.name


def test_the_example_overwrites_nothing(example):
    with pytest.raises(BadInput, match="there is something already"):
        write_example(example.parent)


def test_a_probe_that_no_sample_has_is_refused(example, tmp_path):
    text = example.read_text(encoding="utf-8").replace("xas = {", "# xas = {")
    manifest = example.parent / "no_xas.toml"
    manifest.write_text(text, encoding="utf-8")
    with pytest.raises(BadInput, match="no sample has data of xas"):
        run_series(load_series(manifest), tmp_path, only=("xas",))


def test_a_folder_that_is_a_file_is_refused_before_anything_runs(example, tmp_path):
    blocked = tmp_path / "out"
    blocked.write_text("in the way")
    with pytest.raises(CannotWrite, match="cannot make the folder"):
        run_series(load_series(example), blocked)


# What can be wrong with a sample: a probe's table in the manifest, and what stands in its file. The
# functions change the good file of the example.
def cut(text: str, share: float = 0.4) -> str:
    return text[: int(len(text) * share)]


def numbers(text: str) -> tuple[list[str], list[str]]:
    lines = text.splitlines()
    data = [line for line in lines if line.strip() and line.lstrip()[0] in "-0123456789"]
    return [line for line in lines if line not in set(data)], data


def joined(head: list[str], data: list[str]) -> str:
    return "\n".join([*head, *data]) + "\n"


def descending(text: str) -> str:
    head, data = numbers(text)
    return joined(head, data[::-1])


def with_nan(text: str) -> str:
    head, data = numbers(text)
    first, *rest = data[len(data) // 2].split()
    data[len(data) // 2] = " ".join([first, "nan", *rest[1:]])
    return joined(head, data)


def with_words(text: str) -> str:
    head, data = numbers(text)
    data[len(data) // 2] = "the beam was lost"
    return joined(head, data)


def one_column(text: str) -> str:
    _, data = numbers(text)
    return joined([], [line.split()[1] for line in data])


def few_points(text: str) -> str:
    head, data = numbers(text)
    return joined(head, data[:4])


def scaled(factor: float) -> Callable[[str], str]:
    def change(text: str) -> str:
        head, data = numbers(text)
        changed = []
        for line in data:
            first, *rest = line.split()
            changed.append(" ".join([f"{float(first) * factor:.8g}", *rest]))
        return joined(head, changed)

    return change


def with_gap(text: str) -> str:
    head, data = numbers(text)
    return joined(head, data[: len(data) // 3] + data[len(data) // 2 :])


def all_zero(text: str) -> str:
    head, data = numbers(text)
    return joined(head, [f"{line.split()[0]} 0.0 0.0" for line in data])


def without(word: str) -> Callable[[str], str]:
    def change(text: str) -> str:
        return "\n".join(line for line in text.splitlines() if word not in line) + "\n"

    return change


def replaced(old: str, new: str) -> Callable[[str], str]:
    def change(text: str) -> str:
        assert old in text
        return text.replace(old, new)

    return change


SYMMETRY = "loop_\n_space_group_symop_operation_xyz\n'x,y,z'\n'-x,y+1/2,-z+1/2'\n'-x,-y,-z'\n" \
    "'x,-y+1/2,z+1/2'\n"  # fmt: skip


def lone_cif(text: str) -> str:
    """Return the reference CIF without any word on its symmetry."""
    assert SYMMETRY in text
    kept = text.replace(SYMMETRY, "").splitlines()
    return "\n".join(line for line in kept if "space_group" not in line) + "\n"


EMPTY, BINARY = "", bytes(range(256)) * 20
ATHENA = gzip.compress(b"# Athena project file -- Demeter version 0.9.26\n$old_group = 'abcd';\n")

FAULTS: list[tuple[str, str, str, object, str]] = [
    # probe, kind, settings, content (text, bytes or a change of the good file), word of the message
    ("xas", "empty", "", EMPTY, "empty"),
    ("xas", "binary", "", BINARY, ""),
    ("xas", "nan", "", with_nan, ""),
    ("xas", "descending", "", descending, ""),
    ("xas", "keV", "", scaled(1e-3), "keV"),
    ("xas", "words", "", with_words, ""),
    ("xas", "one column", "", one_column, "column"),
    ("xas", "few points", "", few_points, ""),
    ("xas", "no such file", "", None, "no such file"),
    ("xas", "truncated prj", "", ATHENA[:40], ""),
    ("xas", "prj without groups", "", ATHENA, ""),
    ("xas", "prj that is no archive", "", "$old_group", ""),
    ("xas", "other element", ', element = "Cu", edge = "K"', str, ""),
    ("xas", "unknown element", ', element = "Xx"', str, "Xx"),
    ("xas", "k range beyond the data", ", k_range = [3.0, 40.0]", str, "k"),
    ("xas", "e0 outside", ", e0 = 5000.0", str, "e0"),
    ("xas", "edge cut off", "", lambda text: cut(text, 0.1), ""),
    ("diffraction", "empty", "", EMPTY, "empty"),
    ("diffraction", "binary", "", BINARY, ""),
    ("diffraction", "nan", "", with_nan, ""),
    ("diffraction", "descending", "", descending, ""),
    ("diffraction", "beyond 180", "", scaled(5.0), "180"),
    ("diffraction", "words", "", with_words, ""),
    ("diffraction", "one column", "", one_column, "column"),
    ("diffraction", "few points", "", few_points, ""),
    ("diffraction", "zero counts", "", all_zero, ""),
    ("diffraction", "no such file", "", None, "no such file"),
    ("diffraction", "no such structure", ', structure = "NaTaCl7"', str, "NaTaCl7"),
    ("diffraction", "plane out of reach", ", planes = [[9, 9, 99]]", str, "9 9 99"),
    ("diffraction", "plane extinct", ", planes = [[0, 0, 1]]", str, "0 0 1"),
    ("diffraction", "range without data", ", two_theta = [100.0, 120.0]", str, ""),
    ("diffraction", "half a GSAS file", "", "BANK 1 500 50 CONST 1500 2 0 0 STD\n 1 2\n", ""),
    ("diffraction", "Q for an angle", "", replaced("two_theta (deg)", "Q (1/A)"), ""),
    ("pdf", "empty", "", EMPTY, "empty"),
    ("pdf", "binary", "", BINARY, ""),
    ("pdf", "nan", "", with_nan, ""),
    ("pdf", "descending", "", descending, ""),
    ("pdf", "gap", "", with_gap, ""),
    ("pdf", "words", "", with_words, ""),
    ("pdf", "one column", "", one_column, "column"),
    ("pdf", "few points", "", few_points, ""),
    ("pdf", "no such file", "", None, "no such file"),
    ("pdf", "no q_max", "", without("qmax"), "q_max"),
    ("pdf", "range outside", ", r_min = 50.0, r_max = 80.0", str, "r_m"),
    ("pdf", "no such structure", ', structures = ["Ni", "Xyz"]', str, "Xyz"),
    ("pdf", "phases twice", ', structures = ["Ni", "Ni"]', str, ""),
    ("cif", "empty", "", EMPTY, ""),
    ("cif", "binary", "", BINARY, ""),
    ("cif", "no CIF", "", "just words\n", ""),
    ("cif", "truncated", "", lambda text: cut(text, 0.75), ""),
    ("cif", "no symmetry", "", lone_cif, "symmetry"),
    ("cif", "unknown element", "", replaced("Ta1 Ta e", "Xx1 Xx e"), "Xx"),
    ("cif", "no cell", "", without("_cell_length_a"), "cell"),
    ("cif", "cell of zero", "", replaced("6.694640", "0.0"), "cell"),
    ("cif", "negative occupancy", "", replaced("0.98779 1", "0.98779 -1"), "occupancy"),
    ("cif", "coordinates not known", "", replaced("0.98779 1", "? 1"), "Cl4"),
    ("cif", "no atoms", "", lambda text: text.split("loop_\n_atom_site_label")[0], "atom"),
]  # fmt: skip


def suffix(probe: str, kind: str) -> str:
    if probe == "cif":
        return ".cif"
    if "prj" in kind:
        return ".prj"
    return {"xas": ".xdi", "diffraction": ".xye", "pdf": ".gr"}[probe]


@pytest.fixture(scope="module")
def broken(example, tmp_path_factory):
    """Run one manifest with a good sample and one sample for each fault."""
    folder = tmp_path_factory.mktemp("broken")
    data = shutil.copytree(example.parent, folder / "data")
    good = {
        "xas": data / "xas" / "milled_6h_1.xdi",
        "diffraction": data / "diffraction" / "milled_6h.xye",
        "pdf": data / "pdf" / "milled_6h.gr",
    }
    from importlib import resources

    cif = resources.files("xorder.reference_spectra") / "structures" / "NaTaCl6.cif"
    text = (data / "series.toml").read_text(encoding="utf-8").split("[[samples]]")[0]
    text = text.replace("r_max = 25.0", "r_max = 12.0\nboxcar.fit = false")
    text = text.replace('amorphous = ["NaTaCl6"]\n', "")
    text = text.replace('"diffraction/', f'"{data / "diffraction"}/')
    text += f'[[samples]]\nname = "good"\ndiffraction = {{ files = "{good["diffraction"]}" }}\n'
    for number, (probe, kind, settings, content, _) in enumerate(FAULTS):
        path = folder / f"fault_{number}{suffix(probe, kind)}"
        source = cif if probe == "cif" else good[probe]
        if callable(content):
            path.write_text(content(source.read_text(encoding="utf-8")), encoding="utf-8")
        elif isinstance(content, str):
            path.write_text(content, encoding="utf-8")
        elif isinstance(content, bytes):
            path.write_bytes(content)
        if probe == "cif":
            table = f'diffraction = {{ files = "{good["diffraction"]}", structure = "{path}" }}'
        else:
            table = f'{probe} = {{ files = "{path}"{settings} }}'
        text += f'[[samples]]\nname = "{probe} {kind}"\n{table}\n'
    manifest = folder / "series.toml"
    manifest.write_text(text, encoding="utf-8")
    return run_series(load_series(manifest), folder / "out")


@pytest.mark.parametrize(
    ("number", "word"), [pytest.param(n, f[4], id=f"{f[0]} {f[1]}") for n, f in enumerate(FAULTS)]
)
def test_what_is_wrong_with_a_sample_is_one_line_and_no_number(broken, number, word):
    outcome = broken.outcomes[number + 1]
    assert not outcome.analyses, [str(n) for a in outcome.analyses.values() for n in a.numbers][:5]
    (failure,) = outcome.failures
    assert not failure.traceback, failure.traceback
    assert "\n" not in failure.message
    assert "Traceback" not in failure.message
    assert word in failure.message


def test_the_good_sample_of_a_bad_series_finishes(broken):
    assert set(broken.outcomes[0].analyses) == {"diffraction"}
    assert not broken.outcomes[0].failures


def test_the_table_shows_failures_as_failures(broken):
    failed = [row for row in rows(broken.summary) if row["name"] == "failed"]
    assert len(failed) == len(FAULTS)
    assert all(row["value"] == "" and row["note"] for row in failed)


def test_failed_samples_are_exit_status_one(example, tmp_path, capsys):
    text = example.read_text(encoding="utf-8").replace("milled_6h.xye", "nothing.xye")
    manifest = example.parent / "one_missing.toml"
    manifest.write_text(text, encoding="utf-8")
    status = main(["run", str(manifest), "--only", "diffraction", "--out", str(tmp_path / "out")])
    captured = capsys.readouterr()
    assert status == 1
    assert "nothing.xye: no such file" in captured.err
    assert "Traceback" not in captured.err
    assert np.any([row["sample"] == "16 h" for row in rows(tmp_path / "out" / "summary.csv")])


def test_a_file_that_may_not_be_read_costs_its_sample_only(example, tmp_path, monkeypatch):
    refused = example.parent / "diffraction" / "milled_6h.xye"
    read_bytes = Path.read_bytes

    def reading(path: Path) -> bytes:
        if path.resolve() == refused.resolve():
            raise PermissionError(13, "Permission denied", str(path))
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", reading)
    done = run_series(load_series(example), tmp_path / "out", only=("diffraction",))
    (failure,) = done.failures
    assert failure.message.endswith("milled_6h.xye: Permission denied")
    assert not failure.traceback
    assert set(done.outcomes[1].analyses) == {"diffraction"}
