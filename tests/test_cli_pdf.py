"""The commands `xorder pdf …`: files in, numbers, tables and figures out."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from xorder import pdf, references
from xorder.cli import main
from xorder.figures import drawing


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """Run a command line in an empty folder; return status, output and errors."""
    monkeypatch.chdir(tmp_path)
    # One small picture instead of two fit for print: half of the time goes into these.
    monkeypatch.setitem(drawing._STYLE, "savefig.dpi", 40)
    monkeypatch.setattr(drawing.Drawing.save, "__defaults__", (("png",),))

    def call(*words: str) -> tuple[int, str, str]:
        status = main(["pdf", *map(str, words)])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return call


@pytest.fixture
def nickel(run, tmp_path):
    """A calculated G(r) of nickel, a finite particle beside it."""
    run("calculate", "Ni", "ni.gr", "--q-max", "22", "--qdamp", "0.03", "--r-max", "16")
    run("calculate", "Ni", "nano.gr", "--q-max", "22", "--qdamp", "0.03", "--r-max", "16",
        "--sphere-diameter", "25")  # fmt: skip
    return tmp_path


def numbers(folder):
    with (folder / "summary.csv").open(encoding="utf-8") as file:
        return {(row["sample"], row["name"]): row for row in csv.DictReader(file)}


@pytest.mark.parametrize(
    "command", ["info", "convert", "reduce", "calculate", "refine", "boxcar", "peaks", "model"]
)
def test_every_command_explains_itself(run, command):
    status, out, _ = run(command, "--help")
    assert status == 0
    assert "Usage" in out


def test_a_calculated_gr_obeys_its_options(run, tmp_path):
    assert run("calculate", "Ni", "n.gr", "--radiation", "neutron", "--q-max", "25")[0] == 0
    found = pdf.read(tmp_path / "n.gr")
    assert (found.radiation, found.q_max, found.simulated) == ("neutron", 25.0, True)
    assert run("calculate", "Ni", "x.gr", "--r-step", "50")[0] == 2


def test_functions_are_converted_by_their_letters(run, nickel):
    status, out, _ = run("convert", "ni.gr", "--to", "F", "--out", "q")
    assert status == 0
    assert "F(Q)" in out
    status, _, _ = run("convert", "q/ni.fq", "--to", "S", "--q-unit", "1/nm", "--out", "q")
    assert status == 0
    assert "Q(1/nm) S(Q)" in (nickel / "q" / "ni.sq").read_text(encoding="utf-8")
    status, _, _ = run("convert", "q/ni.sq", "--to", "G", "--low-q", "linear", "--out", "back")
    assert status == 0
    first, back = pdf.read(nickel / "ni.gr"), pdf.read(nickel / "back" / "ni.gr")
    r = np.arange(2.0, 10.0, 0.01)
    one = np.interp(r, first.r, first.gr)
    two = np.interp(r, back.r, back.gr)
    assert np.sqrt(np.mean((one - two) ** 2)) < 0.05 * np.sqrt(np.mean(one**2))
    status, _, err = run("convert", "ni.gr", "--to", "g")
    assert status == 2
    assert "rho0" in err


def test_angles_become_q(run, tmp_path):
    rows = "\n".join(f"{0.5 + 0.05 * k:.3f} {100 + k}" for k in range(600))
    (tmp_path / "sample.xy").write_text(rows + "\n", encoding="utf-8")
    words = ("convert", "sample.xy", "--source", "I", "--to", "I", "--axis", "two_theta")
    assert run(*words, "--wavelength", "0.2", "--out", "q")[0] == 0
    found = pdf.read_iq(tmp_path / "q" / "sample.iq")
    assert found.q[-1] == pytest.approx(4 * np.pi / 0.2 * np.sin(np.deg2rad(30.45) / 2))
    status, _, err = run(*words)
    assert status == 2
    assert "wavelength" in err


def test_several_intensities_are_reduced_and_one_that_fails_is_said(run, tmp_path):
    q = 0.5 + 0.04 * np.arange(500)
    counts = 4e4 / (1 + (q / 4) ** 2) * (1 + 0.8 * np.exp(-q / 9) * np.sin(2.5 * q) / q)
    rows = "\n".join(f"{x:.3f} {y:.4f}" for x, y in zip(q, counts, strict=True))
    for name in ("one", "two"):
        (tmp_path / f"{name}.iq").write_text(rows + "\n", encoding="utf-8")
    (tmp_path / "bad.iq").write_text("1 2\n", encoding="utf-8")
    words = ("reduce", "one.iq", "two.iq", "bad.iq", "--composition", "Ni", "--q-max", "18")
    words += ("--r-max", "8")
    status, out, err = run(*words, "--out", "found")
    assert status == 1
    assert "bad" in err
    assert "arbitrary" in out
    names = {path.name for path in (tmp_path / "found").iterdir()}
    assert {"one.gr", "two.sq", "one.h5", "one.json", "one_numbers.csv", "reduction.png"} <= names
    record = json.loads((tmp_path / "found" / "one.json").read_text(encoding="utf-8"))
    by_name = {row["name"]: row for row in record["numbers"]}
    assert by_name["scale"]["value"] > 0
    assert record["messages"]


def test_data_sets_are_refined_together(run, nickel):
    run("calculate", "Ni", "neutron.gr", "--radiation", "neutron", "--q-max", "22", "--qdamp",
        "0.03", "--r-max", "16")  # fmt: skip
    words = ("refine", "ni.gr", "neutron.gr", "--joint", "--structures", "Ni", "--r-max", "12")
    status, _, err = run(*words, "--boxcar.no-fit", "--out", "found")
    assert status == 0, err
    found = numbers(nickel / "found")
    assert float(found["ni", "a"]["value"]) == pytest.approx(3.5238, abs=1e-3)
    assert ("ni", "scale_neutron") in found


def test_windows_slide_and_grow(run, nickel):
    words = ("boxcar", "nano.gr", "--structures", "Ni", "--r-max", "14", "--boxcar.step", "2")
    status, _, err = run(*words, "--boxcar.free", "scale*", "--out", "found")
    assert status == 0, err
    with (nickel / "found" / "figures" / "pdf_b.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["windows"] for row in rows} == {"sliding", "growing"}
    sliding = [float(row["relative scale Ni"]) for row in rows if row["windows"] == "sliding"]
    assert sliding[-1] < 0.7
    found = numbers(nickel / "found")
    size = found["nano", "order_length_diameter_Ni"]
    assert abs(float(size["value"]) - 25) < max(0.15 * 25, 3 * float(size["stderr"] or 0))
    status, _, err = run("boxcar", "nano.gr")
    assert status == 2
    assert "structures" in err


def test_peaks_and_windows_are_followed(run, nickel):
    words = ("peaks", "ni.gr", "nano.gr", "--centres", "2.5", "--pairs", "Ni-Ni")
    status, _, err = run(*words, "--composition", "Ni", "--window", "3.3", "3.7", "--out", "found")
    assert status == 0, err
    found = numbers(nickel / "found")
    assert float(found["ni", "coordination Ni-Ni"]["value"]) == pytest.approx(12, rel=0.05)
    assert float(found["nano", "coordination Ni-Ni"]["value"]) < 11.5
    assert float(found["nano", "window_growth"]["value"]) < 0
    assert (nickel / "found" / "figures" / "pdf_growth.png").is_file()
    status, _, err = run("peaks", "ni.gr")
    assert status == 2
    assert "centres" in err


def test_models_are_described_and_compared(run, tmp_path):
    frame = pdf.frame_from_crystal(references.load("NaTaCl6"))
    rng = np.random.default_rng(1)
    cell = " ".join(map(str, frame.lattice.ravel()))
    for name, spread in (("cold", 0.05), ("hot", 0.2)):
        lines = []
        for _ in range(2):
            moved = frame.positions + rng.normal(size=frame.positions.shape) * spread
            lines += [str(len(moved)), f'Lattice="{cell}" Properties=species:S:1:pos:R:3']
            lines += [
                f"{e} {x:.5f} {y:.5f} {z:.5f}"
                for e, (x, y, z) in zip(frame.elements, moved, strict=True)
            ]
        (tmp_path / f"{name}.extxyz").write_text("\n".join(lines) + "\n", encoding="utf-8")
    run("calculate", "NaTaCl6", "data.gr", "--q-max", "20", "--uiso", "0.003", "--r-max", "10")
    words = ("model", "cold.extxyz", "hot.extxyz", "--center", "Ta", "--ligands", "Cl")
    status, out, err = run(*words, "--cutoff", "3.2", "--r-max", "8", "--measured", "data.gr",
                           "--out", "found")  # fmt: skip
    assert status == 0, err
    assert "share TaCl6" in out
    folder = tmp_path / "found"
    names = {path.name for path in folder.iterdir()}
    assert {
        "cold.h5",
        "cold.json",
        "hot_numbers.csv",
        "cold.gr",
        "model.png",
        "model_e.csv",
    } <= names
    by_name = {}
    for name in ("cold", "hot"):
        record = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        assert record["simulated"]
        by_name[name] = {row["name"]: row["value"] for row in record["numbers"]}
    assert by_name["cold"]["S(Oh) Ta"] < by_name["hot"]["S(Oh) Ta"]
    assert by_name["cold"]["model r_w"] < by_name["hot"]["model r_w"]
    assert pdf.read(folder / "cold.gr").simulated
    assert run("info", "cold.extxyz")[1].startswith("2 frames")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("info", "nothing.gr"), "no such file"),
        (("convert", "nothing.sq"), "no such file"),
        (("reduce", "nothing.iq"), "no such file"),
        (("model", "nothing.xyz"), "no such file"),
        (("refine", "x.ddp3", "y.gr"), "projects alone"),
        (("refine", "x.ddp3"), "no such file"),
        (("peaks", "x.gr", "--centres", "2.4", "--pairs", "Ta"), "two elements"),
        (("refine", "x.gr", "--boxcar.width", "-2"), "width"),
        (("calculate", "Unknownium", "x.gr"), "Unknownium"),
        (("info", "empty.ddp3"), "ZIP"),
    ],
)
def test_what_is_wrong_is_one_line(run, tmp_path, words, message):
    (tmp_path / "empty.ddp3").write_bytes(b"")
    status, _, err = run(*words)
    assert status == 2
    assert message in err
    assert "Traceback" not in err
    assert len(err.strip().splitlines()) == 1


def test_all_of_it_goes_from_a_manifest(run, nickel, capsys):
    (nickel / "series.toml").write_text(
        """
[series]
name = "nickel"

[pdf]
structures = ["Ni"]
r_max = 14.0
window = [3.3, 3.7]
series = "sequential"
sphere_diameter = 40.0

[pdf.boxcar]
step = 3.0
cumulative = true
free = ["scale*"]

[pdf.peaks]
centres = [2.5]
pairs = ["Ni-Ni"]

[[samples]]
name = "bulk"
composition = "Ni"
pdf = { files = "ni.gr" }

[[samples]]
name = "nano"
composition = "Ni"
pdf = { files = "nano.gr", boxcar.step = 4.0 }
""",
        encoding="utf-8",
    )
    status = main(["run", "series.toml", "--out", "found"])
    assert status == 0, capsys.readouterr().err
    found = numbers(nickel / "found")
    for name in ("coordination Ni-Ni", "window_growth", "r_w (sequential)", "scale_ratio"):
        assert ("nano", name) in found
    size = float(found["nano", "sphere_diameter (sequential)"]["value"])
    assert size == pytest.approx(25, rel=0.05)
    figures = {path.name for path in (nickel / "found" / "figures").iterdir()}
    assert {"pdf.png", "pdf_growth.png", "pdf_sequential.png"} <= figures
