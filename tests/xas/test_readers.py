"""Files become spectra with the right energies, signals and names."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from xorder import xas
from xorder.errors import BadInput, DataWarning, UnreadableFile
from xorder.xas.readers.channels import parse_columns
from xorder.xas.readers.labels import role_of_label

Shared = Callable[..., Path]


@pytest.mark.parametrize(
    ("file", "element", "edge", "points", "first"),
    [
        ("cu_metal_10K.xdi", "Cu", "K", 612, 8786.204),
        ("cu_metal_rt.xdi", "Cu", "K", 408, 8779.0),
        ("Au_Foil_L3_rt_2016Foils.xdi", "Au", "L3", 470, 11819.0),
        ("WO3_rt_01.xdi", "W", "L3", 530, 10057.0),
        ("FeO_rt_01.xdi", "Fe", "K", 412, 6911.7671),
    ],
)
def test_xdi_files_read(
    shared: Shared, file: str, element: str, edge: str, points: int, first: float
) -> None:
    spectrum = xas.read(shared("data", "xas", file))
    assert (spectrum.element, spectrum.edge, spectrum.energy.size) == (element, edge, points)
    assert spectrum.energy[0] == pytest.approx(first)


def test_transmission_is_the_logarithm_of_the_two_chambers(shared: Shared) -> None:
    spectrum = xas.read(shared("data", "xas", "Au_Foil_L3_rt_2016Foils.xdi"))
    assert spectrum.mu[0] == pytest.approx(np.log(94782.30 / 169674.30))
    assert spectrum.i0 is not None
    assert spectrum.mode == "transmission"


@pytest.mark.parametrize(
    ("file", "groups"), [("Au.prj", 14), ("cyanobacteria.prj", 17), ("Cl_CAMD.prj", 7)]
)
def test_athena_projects_read_whole(shared: Shared, file: str, groups: int) -> None:
    spectra = xas.read_all(shared("data", "xas", file))
    assert len(spectra) == groups
    assert all(s.element and s.edge for s in spectra)


def test_athenas_alignment_shift_is_applied(shared: Shared) -> None:
    """The project keeps 11719.82567516 eV and a shift of -0.924 eV apart."""
    foil = xas.read(shared("data", "xas", "Au.prj"), group="Au foil")
    assert foil.energy[0] == pytest.approx(11719.82567516 - 0.9240)


def test_athenas_settings_bring_back_athenas_edge_steps(shared: Shared) -> None:
    """Athena stored the step that it fitted; order and ranges must be read as it meant them."""
    deviations = []
    for spectrum in xas.read_all(shared("data", "xas", "Au.prj")):
        ours = xas.normalize(spectrum, **xas.athena_settings(spectrum)).edge_step
        deviations.append(ours / float(spectrum.metadata["bkg_fitted_step"]) - 1.0)
    assert np.max(np.abs(deviations)) < 0.004


def test_a_json_project_reads_like_a_perl_one(tmp_path: Path) -> None:
    energy, mu = np.linspace(8900.0, 9300.0, 40), np.linspace(0.0, 1.0, 40)
    group = {
        "args": {"label": "foil", "bkg_eshift": "-1.5", "bkg_z": "Cu", "fft_edge": "k"},
        "x": energy.tolist(),
        "y": mu.tolist(),
    }
    content = {"_____header1": "# Athena project file -- x", "_____order": ["g"], "g": group}
    path = tmp_path / "new.prj"
    path.write_bytes(gzip.compress(json.dumps(content).encode()))
    spectrum = xas.read(path)
    assert (spectrum.name, spectrum.element, spectrum.edge) == ("foil", "Cu", "K")
    np.testing.assert_allclose(spectrum.energy, energy - 1.5)


def test_chi_groups_of_a_project_are_left_out_and_named(tmp_path: Path) -> None:
    numbers = ",".join(f"'{e}'" for e in np.linspace(8900, 9300, 40))
    text = "# Athena project file -- Demeter version 0.9.24\n"
    for name, is_chi in (("scan", 0), ("standard", 1)):
        text += f"$old_group = '{name}';\n@args = ('label','{name}','is_chi',{is_chi});\n"
        text += f"@x = ({numbers});\n@y = ({numbers});\n[record]\n"
    path = tmp_path / "mixed.prj"
    path.write_text(text)
    with pytest.warns(DataWarning, match="left out: standard"):
        assert [s.name for s in xas.read_all(path)] == ["scan"]


def test_a_project_of_several_groups_asks_which(shared: Shared) -> None:
    path = shared("data", "xas", "Cl_CAMD.prj")
    with pytest.raises(BadInput, match="7 groups: 'KCl', 'NaCl'"):
        xas.read(path)
    assert xas.read(path, group=2).name == xas.read(path, group="NaCl").name == "NaCl"


@pytest.mark.parametrize(
    ("group", "maximum"), [("NaCl", 2826.27), ("KCl", 2824.95), ("CoCl2", 2828.7)]
)
def test_chlorides_have_their_maxima_where_they_are_known(
    shared: Shared, group: str, maximum: float
) -> None:
    spectrum = xas.read(shared("data", "xas", "Cl_CAMD.prj"), group=group)
    with pytest.warns(DataWarning, match="near-edge structure may enter the step"):
        normalized = xas.normalize(spectrum)
    assert normalized.white_line.energy == pytest.approx(maximum, abs=0.15)


@pytest.mark.filterwarnings("ignore::xorder.errors.DataWarning")
@pytest.mark.parametrize(
    ("file", "mode", "e0"),
    [
        ("APS20BM_2001.dat", "transmission", 7122.0),
        ("SSRL1_2006.dat", "transmission", 25519.0),
        ("PF9A_2022.dat", "fluorescence", 7122.0),
        ("ESRF_BM08_LISA_2021.dat", "reference", 11103.0),
        ("APS10BM_2019.dat", "transmission", 6550.0),
    ],
)
def test_beamline_files_have_their_edge_where_the_element_has_it(
    shared: Shared, file: str, mode: str, e0: float
) -> None:
    """Clocks, event numbers and angles are never taken for energies."""
    spectrum = xas.read(shared("data", "xas", "beamlines", file), mode=mode)
    found, _ = xas.find_e0(spectrum)
    assert found == pytest.approx(e0, abs=10.0)


@pytest.mark.parametrize(
    ("file", "signal", "message"),
    [
        ("CLSHXMA.dat", (180725.0, 297589.0), "column 6 is i0 .85%.*column 7 is itrans .80%"),
        ("generic_columns_no_header.dat", (1522483, 1461948), "column 1 is energy .90%"),
    ],
)
def test_numbers_tell_columns_that_labels_do_not_and_say_how_surely(
    shared: Shared, file: str, signal: tuple[float, float], message: str
) -> None:
    with pytest.warns(DataWarning, match=message):
        spectrum = xas.read(shared("data", "xas", "beamlines", file), mode="transmission")
    assert spectrum.mu[0] == pytest.approx(np.log(signal[0] / signal[1]), rel=1e-4)
    assert spectrum.mu_ref is not None


def test_hxma_reads_with_the_users_detectors_and_its_own_energy(shared: Shared) -> None:
    path = shared("data", "xas", "beamlines", "CLSHXMA.dat")
    spectrum = xas.read(path, columns={"i0": "Detector2", "itrans": 7})
    assert spectrum.energy[0] == pytest.approx(11667.001)
    assert spectrum.mu[0] == pytest.approx(np.log(180725.0 / 297589.0))


def test_angles_become_energies_by_braggs_law(tmp_path: Path) -> None:
    d, energy = 3.1356, np.linspace(8900.0, 9300.0, 40)
    angle = np.rad2deg(np.arcsin(12398.419843320026 / (2 * d * energy)))
    rows = "\n".join(f"{a:.9f} {m:.4f}" for a, m in zip(angle, np.linspace(0, 1, 40), strict=True))
    path = tmp_path / "angles.xdi"
    path.write_text(
        "# XDI/1.0\n# Column.1: angle degrees\n# Column.2: mutrans\n"
        f"# Mono.d_spacing: {d}\n# ---\n# angle mutrans\n{rows}\n"
    )
    np.testing.assert_allclose(xas.read(path).energy, energy, rtol=1e-9)


def test_an_energy_column_in_kev_that_says_so_becomes_ev(tmp_path: Path) -> None:
    rows = "\n".join(f"{e:.5f} 1.0" for e in np.linspace(8.9, 9.3, 40))
    path = tmp_path / "kev.xdi"
    path.write_text(f"# XDI/1.0\n# Column.1: energy keV\n# Column.2: mutrans\n# ---\n{rows}\n")
    assert xas.read(path).energy[0] == pytest.approx(8900.0)


def test_a_written_spectrum_reads_back(
    tmp_path: Path, make_spectrum: Callable[..., xas.Spectrum]
) -> None:
    spectrum = make_spectrum(name="glass", mode="transmission", simulated=True)
    again = xas.read(xas.write_xdi(spectrum, tmp_path / "glass.xdi"))
    np.testing.assert_allclose(again.energy, spectrum.energy, rtol=1e-8)
    np.testing.assert_allclose(again.mu, spectrum.mu, rtol=1e-8)
    for field in ("name", "element", "edge", "mode", "simulated"):
        assert getattr(again, field) == getattr(spectrum, field)


def test_an_unfinished_last_row_is_left_out_and_said(tmp_path: Path) -> None:
    rows = [f"{e} 1.0 2.0" for e in np.linspace(8900.0, 9300.0, 40)]
    path = tmp_path / "running.dat"
    path.write_text("\n".join(["# energy i0 it", *rows, "9301.0 1.0"]) + "\n")
    with pytest.warns(DataWarning, match="line 42: the last row has 2 of 3"):
        assert xas.read(path).energy.size == 40


def test_fluorescence_channels_add(tmp_path: Path) -> None:
    rows = [f"{e} 4.0 1.0 2.0 3.0" for e in np.linspace(8900.0, 9300.0, 40)]
    path = tmp_path / "channels.dat"
    path.write_text("\n".join(["# energy i0 a b c", *rows]) + "\n")
    chosen = parse_columns("energy=1, i0=i0, ifluor=3+4+5")
    assert xas.read(path, columns=chosen).mu[0] == pytest.approx(6.0 / 4.0)


@pytest.mark.parametrize("text", ["energy", "energy=", "=1", "energy=1, mu"])
def test_columns_as_text_must_be_pairs(text: str) -> None:
    with pytest.raises(BadInput, match="columns has"):
        parse_columns(text)


@pytest.mark.parametrize(
    ("label", "role"),
    [
        ("energy", "energy"),
        ("eBraggEnergy", "energy"),
        ("Achieved Energy", "energy"),
        ("Requested Energy", ""),
        ("Energy (eV)", "energy"),
        ("I0_KEITHLEY1_c4", "i0"),
        ("KEITHLEY1_GAIN_c5", ""),
        ("KEITHLEY4_TEY_c10", "iey"),
        ("I0_gain", ""),
        ("qexafs_energy", "energy"),
        ("SXRMB:I0", "i0"),
        ("TEY", "iey"),
        ("Event-ID", ""),
        ("Real time clock", ""),
        ("Angle(o)", "angle"),
        ("Io", "i0"),
        ("I1", "itrans"),
        ("I2", "iref"),
        ("Iref", "iref"),
        ("xmu", "mu"),
        ("TSCALER", ""),
    ],
)
def test_labels_name_roles_or_nothing(label: str, role: str) -> None:
    assert role_of_label(label) == role


ENERGY = np.concatenate([np.arange(8780.0, 8960.0, 5.0), np.arange(8960.0, 9400.0, 0.8)])


def beam(seed: int = 0) -> dict[str, np.ndarray]:
    """Simulate chambers before, after and behind a sample, and its fluorescence."""
    generator = np.random.default_rng(seed)
    x = ENERGY - 8979.0
    mu = 0.5 + np.arctan(x / 1.5) / np.pi + 0.1 * np.exp(-((x - 15) ** 2) / 50)
    i0 = 2e5 * (1 + 0.05 * np.sin(ENERGY / 80)) * (1 + 2e-3 * generator.standard_normal(x.size))
    itrans = i0 * np.exp(-0.3 - 0.9 * mu)
    return {
        "energy": ENERGY,
        "i0": np.round(i0),
        "itrans": np.round(itrans),
        "iref": np.round(itrans * np.exp(-1.2) * (1 + 1e-3 * generator.standard_normal(x.size))),
        "ifluor": np.round(0.01 * i0 * (mu + 0.05)),
    }


def rows_of(*columns: np.ndarray, separator: str = " ", form: str = "{:.8g}") -> str:
    lines = (
        separator.join(form.format(value) for value in row) for row in zip(*columns, strict=True)
    )
    return "\n".join(lines) + "\n"


def seen(spectrum: xas.Spectrum, form: float = 2e-5) -> None:
    """Hold that energies and signal are those of the simulated beam."""
    data = beam()
    np.testing.assert_allclose(spectrum.energy, ENERGY, rtol=1e-7)
    np.testing.assert_allclose(spectrum.mu, np.log(data["i0"] / data["itrans"]), atol=form)


def column_file(kind: str) -> str:
    data = beam()
    energy, i0, itrans = data["energy"], data["i0"], data["itrans"]
    clock = np.arange(energy.size) * 1.0
    plain = rows_of(energy, i0, itrans)
    heads = {
        "units below the labels": f"Energy I0 It\n(eV) (counts) (counts)\n{plain}",
        "percent comments": f"% a scan\n% energy  I0  I1\n{plain}",
        "semicolon comments": f"; energy I0 I1\n{plain}",
        "numbered header": f"# Column 1: Energy\n# Column 2: I0\n# Column 3: It\n# -----\n{plain}",
        "blank lines": "# energy i0 it\n\n\n" + plain.replace("\n", "\n\n"),
        "footer": f"# energy i0 it\n{plain}Scan ended at 12:31\nThank you\n",
        "windows line ends": f"# energy i0 it\n{plain}".replace("\n", "\r\n"),
        "a byte order mark": f"\ufeff# energy i0 it\n{plain}",
    }
    if kind in heads:
        return heads[kind]
    if kind == "keV by its unit":
        return "Energy (keV)\tI0\tI1\n" + rows_of(energy / 1e3, i0, itrans, separator="\t")
    if kind == "commas and quotes":
        return '"Energy","I0","I1"\n' + rows_of(energy, i0, itrans, separator=",")
    if kind == "Fortran exponents":
        return "energy i0 it\n" + rows_of(energy, i0, itrans, form="{:.8E}").replace("E+", "D+")
    if kind == "tabs and a trailing tab":
        text = rows_of(energy, i0, itrans, separator="\t")
        return "# energy\ti0\tit\n" + text.replace("\n", "\t\n")
    if kind == "numbered labels":
        return "#  Energy_c1  time_c2  I0_c3  I1_c4\n" + rows_of(energy, clock, i0, itrans)
    if kind == "no header":
        return rows_of(energy, i0, itrans)
    if kind == "no header, fluorescence and reference":
        return rows_of(energy, i0, itrans, data["iref"], data["ifluor"])
    return "# point det1 det2 det3\n" + rows_of(clock, energy, i0, itrans)


@pytest.mark.filterwarnings("ignore::xorder.errors.DataWarning")
@pytest.mark.parametrize(
    "kind",
    [
        "units below the labels",
        "percent comments",
        "semicolon comments",
        "numbered header",
        "blank lines",
        "footer",
        "windows line ends",
        "a byte order mark",
        "keV by its unit",
        "commas and quotes",
        "Fortran exponents",
        "tabs and a trailing tab",
        "numbered labels",
        "no header",
        "no header, fluorescence and reference",
        "a counter first",
    ],
)
def test_column_files_of_many_habits_read_alike(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "scan.dat"
    path.write_text(column_file(kind), newline="")
    seen(xas.read(path, mode="transmission"), 1e-4 if "exponents" in kind else 2e-5)


def test_a_footer_is_left_out_and_said(tmp_path: Path) -> None:
    path = tmp_path / "scan.dat"
    path.write_text(column_file("footer"))
    with pytest.warns(DataWarning, match="text after the table was left out"):
        xas.read(path)


@pytest.mark.parametrize("between", ["", "# scan 2\n", "Scan 2 of 3, started\n", "energy i0 it\n"])
def test_scans_that_follow_each_other_are_told_apart(tmp_path: Path, between: str) -> None:
    data = beam()
    one = rows_of(data["energy"], data["i0"], data["itrans"])
    path = tmp_path / "three.dat"
    path.write_text("# energy i0 it\n" + one + between + one + between + one)
    spectra = xas.read_all(path)
    assert [s.name for s in spectra] == ["three scan 1", "three scan 2", "three scan 3"]
    for spectrum in spectra:
        seen(spectrum)
    assert xas.read(path, group="three scan 2").energy.size == ENERGY.size


def test_a_downward_scan_without_labels_is_sorted_where_asked(tmp_path: Path) -> None:
    data = beam()
    path = tmp_path / "down.dat"
    path.write_text(rows_of(*(data[name][::-1] for name in ("energy", "i0", "itrans"))))
    with pytest.warns(DataWarning), pytest.raises(BadInput, match="energies descend"):
        xas.read(path)
    with pytest.warns(DataWarning) as said:
        seen(xas.read(path, sort=True))
    assert "were reversed" in str(said[-1].message)


def test_angles_take_the_spacing_of_the_crystal_that_the_header_names(tmp_path: Path) -> None:
    data = beam()
    spacing = 5.43102 / np.sqrt(3.0)
    angle = np.rad2deg(np.arcsin(12398.419843320026 / (2 * spacing * data["energy"])))
    path = tmp_path / "angle.dat"
    path.write_text(
        "# Mono: Si(111)\n# theta i0 it\n"
        + rows_of(angle, data["i0"], data["itrans"], form="{:.10g}")
    )
    np.testing.assert_allclose(xas.read(path, sort=True).energy, ENERGY, rtol=1e-7)


def test_electron_yield_is_the_current_over_the_beam(tmp_path: Path) -> None:
    data = beam()
    path = tmp_path / "tey.dat"
    path.write_text("# energy i0 tey\n" + rows_of(data["energy"], data["i0"], data["ifluor"]))
    spectrum = xas.read(path)
    assert spectrum.mode == "electron_yield"
    np.testing.assert_allclose(spectrum.mu, data["ifluor"] / data["i0"], rtol=1e-6)


@pytest.mark.parametrize("flat", [True, False])
def test_columns_that_numbers_do_not_tell_are_not_guessed(tmp_path: Path, flat: bool) -> None:
    """Without an edge, or with two candidates, the message proposes and refuses."""
    data = beam()
    columns = [data["energy"], data["i0"], data["i0"] * 1.3 + 7.0]
    if not flat:
        columns += [data["itrans"], data["itrans"] * 0.4, data["itrans"] * 0.9]
    path = tmp_path / "unclear.dat"
    path.write_text(rows_of(*columns))
    with pytest.raises(
        UnreadableFile, match=r"by its numbers: column 1 energy.*your column numbers"
    ):
        xas.read(path)


def test_energies_in_kev_without_a_unit_are_told_and_said(tmp_path: Path) -> None:
    data = beam()
    path = tmp_path / "kev.dat"
    path.write_text("# energy i0 it\n" + rows_of(data["energy"] / 1e3, data["i0"], data["itrans"]))
    with pytest.warns(DataWarning, match="without a unit were taken for keV"):
        seen(xas.read(path))


def test_a_chamber_in_the_dark_is_no_transmission(tmp_path: Path) -> None:
    data = beam()
    dark = np.random.default_rng(3).normal(0.0, 1.0, ENERGY.size)
    path = tmp_path / "thick.dat"
    path.write_text("# energy i0 it tey\n" + rows_of(ENERGY, data["i0"], dark, data["ifluor"]))
    with pytest.warns(DataWarning, match="transmitted beam was not measured"):
        assert xas.read(path).mode == "electron_yield"


def test_text_in_two_bytes_a_letter_reads(tmp_path: Path) -> None:
    data = beam()
    path = tmp_path / "windows.dat"
    rows = rows_of(data["energy"], data["i0"], data["itrans"])
    path.write_bytes(f"# energy i0 it\n{rows}".encode("utf-16"))
    seen(xas.read(path))


def test_decimal_commas_are_told_even_where_the_first_rows_have_none(tmp_path: Path) -> None:
    data = beam()
    path = tmp_path / "commas.dat"
    rows = rows_of(data["energy"], data["i0"], data["itrans"], separator="\t")
    path.write_text(rows.replace(".", ","))
    with pytest.raises(UnreadableFile, match="line 38: the numbers have decimal commas"):
        xas.read(path)
