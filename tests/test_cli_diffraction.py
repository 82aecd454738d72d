"""The commands `xorder diffraction …`, on simulated patterns whose truth is known."""

from __future__ import annotations

import csv
import json
import warnings

import h5py
import numpy as np
import pytest

from xorder import references
from xorder.cli import main
from xorder.diffraction import Hump, Profile, read, simulate_mixture, write_xye

#: True amorphous weight fractions of the series, and of the mixture that calibrates the halo.
AMORPHOUS = {"fresh": 0.1, "milled": 0.6}
MIXTURE = 0.4
#: True weight fraction of silicon among the crystals, domain size in Å of NaCl.
SILICON = 0.25
SIZES = {"fresh": 600.0, "milled": 200.0}
HUMPS = (Hump(centre=24.0, fwhm=6.0, area=1.0), Hump(centre=40.0, fwhm=9.0, area=0.5))
SHAPE = ["--humps", "24", "6", "1", "40", "9", "0.5"]
STEPS = ["--background", "3", "--uiso", "none", "--no-positions"]


def simulated(name, amorphous, size, *, seed, phases=("NaCl", "Si_SRM640f")):
    share = (1.0 - SILICON, SILICON)[: len(phases)]
    return simulate_mixture(
        [references.load(one) for one in phases],
        weight_fractions=share,
        amorphous_fraction=amorphous,
        humps=HUMPS,
        two_theta=(20.0, 75.0, 0.03),
        profile=Profile(),
        sizes=(size, 1500.0)[: len(phases)],
        counts=2e4,
        background=(150.0, -30.0),
        seed=seed,
        name=name,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of simulated patterns: a series of two, a known mixture, a standard of widths."""
    made = tmp_path_factory.mktemp("patterns")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        write_patterns(made)
    return made


def write_patterns(made):
    for seed, (name, share) in enumerate(AMORPHOUS.items()):
        write_xye(made / f"{name}.xye", simulated(name, share, SIZES[name], seed=seed))
    write_xye(made / "mixture.xye", simulated("mixture", MIXTURE, 400.0, seed=8))
    lab6 = simulate_mixture(
        [references.load("LaB6_SRM660c")], weight_fractions=[1.0], two_theta=(20.0, 120.0, 0.02),
        profile=Profile(), counts=3e4, background=(100.0,), seed=9, name="LaB6",
    )  # fmt: skip
    write_xye(made / "lab6.xye", lab6)


def run(arguments, capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        status = main([str(word) for word in arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def numbers(path):
    with path.open(encoding="utf-8") as file:
        return {(row["sample"], row["name"]): row for row in csv.DictReader(file)}


def within(row, truth, sigmas=4.0):
    return abs(float(row["value"]) - truth) <= sigmas * float(row["stderr"])


@pytest.fixture(scope="module")
def quantified(folder, tmp_path_factory):
    """What `quantify` leaves of the series, by a calibrated halo and by silicon as the spike."""
    out = tmp_path_factory.mktemp("quantified")
    spike = SILICON * (1.0 - AMORPHOUS["milled"])
    common = ["--structures", "NaCl", "Si_SRM640f", *SHAPE, *STEPS, "--wavelength", "CuKa"]
    halo = ["--halo-mixture", folder / "mixture.xye", "--halo-share", MIXTURE, 0.001]
    silicon = ["--internal-standard", "Si_SRM640f", "--weighed", spike, 0.0001]
    series = [folder / f"{name}.xye" for name in AMORPHOUS]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, files, more in (
            ("halo", series, [*halo, "--backgrounds", 4]),
            ("spike", series[1:], silicon),
        ):
            words = ["diffraction", "quantify", *files, *common, *more, "--out", out / name]
            assert main([str(word) for word in words]) == 0
    return out


@pytest.mark.parametrize("name", AMORPHOUS)
def test_the_calibrated_halo_gives_the_true_amorphous_fraction(quantified, name):
    found = numbers(quantified / "halo" / "numbers.csv")
    truth = AMORPHOUS[name]
    assert within(found[name, "amorphous (calibrated halo)"], 100 * truth)
    assert within(
        found[name, "Si_SRM640f in the sample (calibrated halo)"], 100 * SILICON * (1 - truth)
    )
    assert within(found[name, "crystalline_fraction (Si_SRM640f)"], 100 * SILICON)
    assert "detection limit" in found[name, "amorphous (calibrated halo)"]["note"]
    assert "not a weight fraction" in found[name, "bragg_area_share"]["note"]
    spread = found[name, "amorphous over choices (calibrated halo)"]
    assert within(spread, 100 * truth)
    assert "background 4" in spread["note"]
    crystalline = found[name, "crystalline_fraction over choices (Si_SRM640f)"]
    assert within(crystalline, 100 * SILICON)
    assert float(crystalline["stderr"]) >= 0.99 * float(
        found[name, "crystalline_fraction (Si_SRM640f)"]["stderr"]
    )


def test_a_weighed_spike_gives_the_amorphous_fraction_of_the_sample_without_it(quantified):
    found = numbers(quantified / "spike" / "numbers.csv")
    spike = SILICON * (1.0 - AMORPHOUS["milled"])
    truth = 100 * AMORPHOUS["milled"] / (1.0 - spike)
    row = found["milled", "amorphous (internal standard Si_SRM640f)"]
    assert within(row, truth)
    assert float(row["stderr"]) < 5.0


def test_the_loss_of_crystalline_scattering_is_a_relative_number(quantified):
    found = numbers(quantified / "halo" / "numbers.csv")
    row = found["milled", "crystalline_loss"]
    assert within(row, 1.0 - (1.0 - AMORPHOUS["milled"]) / (1.0 - AMORPHOUS["fresh"]))
    assert "relative loss" in row["note"]


def test_the_powder_cif_holds_points_phases_and_mass_per_cent(quantified, folder):
    from gemmi import cif

    path = quantified / "halo" / "milled_refined.cif"
    document = cif.read(str(path))
    assert [block.name for block in document] == ["NaCl", "Si_SRM640f", "pattern"]
    block = document["pattern"]
    phases = list(block.find_loop("_pd_phase_mass.phase_id"))
    percent = [cif.as_number(v) for v in block.find_loop("_pd_phase_mass.percent")]
    assert phases == ["NaCl", "Si_SRM640f", "amorphous"]
    assert sum(percent) == pytest.approx(100.0, abs=0.5)
    assert percent[2] == pytest.approx(100 * AMORPHOUS["milled"], abs=5.0)
    back, measured = read(path), read(folder / "milled.xye", wavelength="CuKa")
    assert np.array_equal(back.intensity, measured.intensity)
    assert back.simulated


def test_numbers_are_the_same_as_csv_and_as_json(quantified):
    table = numbers(quantified / "halo" / "numbers.csv")
    record = json.loads((quantified / "halo" / "numbers.json").read_text(encoding="utf-8"))
    rows = {(s, n["name"]): n["value"] for s, own in record["samples"].items() for n in own}
    assert rows.keys() == table.keys()
    assert all(
        float(row["value"]) == pytest.approx(rows[key])
        for key, row in table.items()
        if row["value"]
    )
    with h5py.File(quantified / "halo" / "milled.h5") as file:
        assert {"Refinement", "FractionAnalysis"} <= set(file["entry"])


def test_a_series_refined_as_one_shares_its_cell_and_keeps_its_sizes(folder, tmp_path, capsys):
    files = [folder / f"{name}.xye" for name in AMORPHOUS]
    words = ["--structures", "NaCl", "Si_SRM640f", *SHAPE, *STEPS, "--wavelength", "CuKa"]
    status, _, err = run(
        ["diffraction", "refine", *files, *words, "--series", "together", "--out", tmp_path], capsys
    )
    assert status == 0, err
    found = numbers(tmp_path / "numbers.csv")
    assert ("all", "refined a_NaCl") in found
    assert len([key for key in found if key[1] == "refined a_NaCl"]) == 1
    for name, size in SIZES.items():
        assert within(found["all", f"refined size (NaCl) [{name}]"], size)
    assert {"fresh.png", "milled.png", "fresh_refined.cif", "milled_refined.cif"} <= {
        path.name for path in tmp_path.iterdir()
    }


def test_the_standard_gives_a_refinement_the_widths_of_the_instrument(folder, tmp_path, capsys):
    words = ["--structures", "NaCl", "Si_SRM640f", *SHAPE, *STEPS, "--wavelength", "CuKa"]
    given = ["--standard", folder / "lab6.xye", "--series", "sequential", "--out", tmp_path]
    files = [folder / f"{name}.xye" for name in AMORPHOUS]
    status, _, err = run(["diffraction", "refine", *files, *words, *given], capsys)
    assert status == 0, err
    found = numbers(tmp_path / "numbers.csv")
    for name, size in SIZES.items():
        # What noise makes of the standard is not in the error of the size.
        assert float(found[name, "refined size (NaCl)"]["value"]) == pytest.approx(size, rel=0.06)


def test_extracted_intensities_have_no_weight_fraction(folder, tmp_path, capsys):
    words = ["--structures", "NaCl", "Si_SRM640f", *SHAPE, *STEPS, "--wavelength", "CuKa"]
    call = [folder / "fresh.xye", *words, "--method", "lebail", "--out", tmp_path]
    status, out, _ = run(["diffraction", "quantify", *call], capsys)
    assert status == 1
    assert "No weight fractions" in out


@pytest.fixture(scope="module")
def tracked(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("tracked")
    words = [
        "diffraction", "track", *(folder / f"{name}.xye" for name in AMORPHOUS),
        "--structure", "NaCl", "--impurities", "Si_SRM640f", "--wavelength", "CuKa",
        "--standard", folder / "lab6.xye", "--order", "0", "10", "--order-name", "hours (h)",
        "--conductivity", "1e-6", "1e-3", "--out", out,
    ]  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert main([str(word) for word in words]) == 0
    return out


@pytest.mark.parametrize("name", AMORPHOUS)
def test_tracked_planes_give_the_true_size(tracked, name):
    """The column length of a Lorentzian line of FWHM 0.9 λ/(D cos θ) is D/(0.9 π/2)."""
    found = numbers(tracked / "summary.csv")
    truth = SIZES[name] / (0.45 * np.pi)
    for way in ("wh_size", "volume_size"):
        assert within(found[name, way], truth), way
    planes = [row for (s, key), row in found.items() if s == name and key.startswith("scherrer")]
    assert len(planes) == 5
    assert all("K = 1" in row["note"] for row in planes)
    assert np.median([float(row["value"]) for row in planes]) == pytest.approx(truth, rel=0.15)


def test_tracking_draws_widths_against_order_and_conductivity(tracked):
    names = {path.name for path in (tracked / "figures").iterdir()}
    assert {
        "diffraction_widths.png",
        "diffraction_size_strain.png",
        "diffraction_loss.png",
    } <= names
    with (tracked / "figures" / "diffraction_widths_a.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["hours (h)"] for row in rows} == {"0", "10"}
    assert {float(row["conductivity (S/cm)"]) for row in rows} == {1e-6, 1e-3}
    assert "integral_breadth (°)" in rows[0]


@pytest.mark.parametrize("axis", ["two_theta", "q"])
@pytest.mark.parametrize(("to", "ending"), [("xye", "xye"), ("csv", "csv"), ("pdcif", "cif")])
def test_what_is_converted_is_the_same_pattern(folder, tmp_path, capsys, to, ending, axis):
    call = ["diffraction", "convert", folder / "fresh.xye", "--to", to, "--axis", axis]
    status, out, err = run([*call, "--wavelength", "CuKa", "--out", tmp_path], capsys)
    if to == "pdcif" and axis == "q":
        assert status == 2
        assert "--axis q with --to pdcif" in err
        return
    assert status == 0, err
    assert "The third column is σ" in out
    first = read(folder / "fresh.xye", wavelength="CuKa")
    back = read(tmp_path / f"fresh.{ending}", wavelength="CuKa")
    assert back.two_theta == pytest.approx(first.two_theta, abs=2e-6)
    assert np.array_equal(back.intensity, first.intensity)
    assert back.sigma == pytest.approx(first.sigma)
    assert back.simulated
    # A file that names Kα1 only would make every line of the doublet look too wide.
    alone = read(tmp_path / f"fresh.{ending}")
    assert alone.wavelength.wavelengths == first.wavelength.wavelengths
    assert alone.wavelength.weights == pytest.approx(first.wavelength.weights)


def test_a_pattern_in_d_is_for_drawing_only(folder, tmp_path, capsys):
    call = ["diffraction", "convert", folder / "fresh.xye", "--axis", "d", "--out", tmp_path]
    assert run([*call, "--wavelength", "CuKa"], capsys)[0] == 0
    status, _, err = run(["diffraction", "info", tmp_path / "fresh.xye"], capsys)
    assert status == 2
    assert "d_A" in err


FRESH, NACL, CUKA = "fresh.xye", ["--structures", "NaCl"], ["--wavelength", "CuKa"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["convert", FRESH, *CUKA, "--out", "."], "written over itself"),
        (["convert", FRESH, FRESH, *CUKA, "--out", "x"], "would both become fresh.xye"),
        (["convert", "plain.xy", "--out", "x"], "names no wavelength"),
        (
            ["track", FRESH, "--structure", "NaCl", *CUKA, "--order", "1", "2"],
            "2 values for 1 files",
        ),
        (["track", FRESH, "--structure", "NaCl", *CUKA, "--width", "fwhm"], "standard"),
        (["refine", FRESH, *NACL, *CUKA, "--method", "magic"], "refine.method = 'magic'"),
        (["refine", FRESH, *NACL, *CUKA, "--constraints", "a"], "constraints holds 'a'"),
        (["refine", FRESH, *NACL, *CUKA, "--constraints", "q=1"], "no parameter q"),
        (["refine", FRESH, *NACL, *CUKA, "--humps", "20", "-1", "1"], "humps holds"),
        (["refine", FRESH, *NACL, *CUKA, "--fixed-shape", "Si"], "fixed_shape names 'Si'"),
        (["refine", FRESH, *NACL, *CUKA, "--blank", "nothing.xye"], "nothing.xye"),
        (["refine", FRESH, "--structures", "NaCl2", *CUKA], "NaCl2"),
        (["quantify", FRESH, *NACL, *CUKA, "--halo-mixture", "fresh.xye"], "without halo_share"),
        (["quantify", FRESH, *NACL, *CUKA, "--weighed", "0.1", "0"], "without internal_standard"),
    ],
)
def test_bad_input_is_one_line(folder, tmp_path, monkeypatch, capsys, words, said):
    (tmp_path / FRESH).write_bytes((folder / FRESH).read_bytes())
    table = np.column_stack([np.linspace(20, 30, 50), np.full(50, 100.0)])
    np.savetxt(tmp_path / "plain.xy", table)
    monkeypatch.chdir(tmp_path)
    status, out, err = run(["diffraction", *words], capsys)
    assert status == 2
    assert said in err
    assert "Traceback" not in err + out
    assert len(err.strip().splitlines()) == 1
