"""Every beamline's file with the right energies and signals; SPEC, HDF5, and what is written."""

import base64
import gzip
import json
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import numpy as np
import pytest

from xorder import xas
from xorder.errors import BadInput, CannotWrite, DataWarning, UnreadableFile

Shared = Callable[..., Path]
Make = Callable[..., xas.Spectrum]
ENERGY = np.linspace(8900.0, 9300.0, 41)


@pytest.mark.parametrize(
    ("file", "columns", "mode", "points", "ends", "edge", "signal"),
    [
        # edge: where the spectrum steps up; signal: columns (from 1) that make it
        ("APS10BM_2019.dat", None, "transmission", 3462, (6389.9975, 7601.3587), 6551, (2, 3)),
        (
            "APS13ID_2019.dat",
            {"i0": "I0", "ifluor": (6, 7, 8, 9)},
            "fluorescence",
            221,
            (6389.0019, 6537.007),
            6537,
            None,
        ),
        ("APS20BM_2001.dat", None, "transmission", 412, (6911.7671, 8084.0938), 7122, (3, 4)),
        (
            "CLSHXMA.dat",
            {"i0": "Detector2", "itrans": "Detector3"},
            "transmission",
            None,
            (11667.001, None),
            11867,
            (6, 7),
        ),
        ("ESRF_BM08_LISA_2021.dat", None, "transmission", 198, (10906.925, 11505.616), None, None),
        ("NSLS6BM_2019.dat", None, "", 352, (5264.987, 6120.533), 5483, None),
        ("NSLS8ID_2019.dat", None, "transmission", 647, (11686.059, 12847.258), 11867, (2, 4)),
        ("PF9A_2022.dat", None, "fluorescence", 1420, (6606.2, 8211.2), 7121, None),
        ("SSRL1_2006.dat", None, "transmission", 455, (25284.998, 26534.926), 25514, (4, 5)),
        (
            "generic_columns_no_header.dat",
            {"energy": 1, "i0": 2, "itrans": 3},
            "transmission",
            198,
            (10906.925, 11505.616),
            None,
            (2, 3),
        ),
    ],
)
def test_beamlines_files_read(
    shared: Shared,
    file: str,
    columns: Any,
    mode: str,
    points: int | None,
    ends: tuple[float, float | None],
    edge: float | None,
    signal: tuple[int, int] | None,
) -> None:
    path = shared("data", "xas", "beamlines", file)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        spectrum = xas.read(path, columns=columns)
    assert spectrum.mode == mode
    assert points is None or spectrum.energy.size == points
    assert spectrum.energy[0] == pytest.approx(ends[0], abs=0.05)
    if ends[1] is not None:
        assert spectrum.energy[-1] == pytest.approx(ends[1], abs=0.12)
    if edge is not None:
        assert_step(spectrum, edge)
    if signal is not None:
        rows = [line for line in path.read_text().splitlines() if _is_row(line)]
        separator = "," if "," in rows[0] else None
        first = [float(value) for value in rows[-1].split(separator)]
        assert spectrum.mu[-1] == pytest.approx(np.log(first[signal[0] - 1] / first[signal[1] - 1]))


def assert_step(spectrum: xas.Spectrum, edge: float) -> None:
    """Hold that it steps up at the edge from the line that the points before continue."""
    energy, mu = spectrum.energy, spectrum.mu
    before = (energy > edge - 90) & (energy < edge - 15)
    line = np.polynomial.Polynomial.fit(energy[before], mu[before], 1)
    after = (energy > min(edge, energy[-1] - 6)) & (energy < edge + 30)
    assert np.mean((mu - line(energy))[after]) > 2 * np.std((mu - line(energy))[before])


@pytest.mark.parametrize(
    ("file", "columns"),
    [
        ("ESRF_BM08_LISA_2021.dat", None),
        ("generic_columns_no_header.dat", {"energy": 1, "itrans": 5, "iref": 6}),
    ],
)
def test_the_reference_of_a_dilute_sample_has_the_edge(
    shared: Shared, file: str, columns: Any
) -> None:
    """The sample's transmission shows no edge; the Ge foil behind it does, at 11103 eV."""
    path = shared("data", "xas", "beamlines", file)
    assert xas.find_e0(xas.read(path, columns=columns, mode="reference"))[0] == pytest.approx(
        11103, abs=1
    )


def _is_row(line: str) -> bool:
    words = line.replace(",", " ").split()
    try:
        return len(words) > 3 and all(np.isfinite(float(word)) for word in words)
    except ValueError:
        return False


def spec(*scans: str) -> str:
    return "\n".join(["#F foil", "#E 1", "#D today", "", *scans]) + "\n"


def scan(number: int, labels: str, rows: np.ndarray, extra: str = "") -> str:
    body = "\n".join(" ".join(f"{value:.9g}" for value in row) for row in rows)
    return (
        f"\n#S {number}  ascan energy 8.9 9.3 40 1\n#N {rows.shape[1]}\n#L {labels}\n{extra}{body}"
    )


def counts() -> np.ndarray:
    return np.stack([ENERGY, np.full(41, 4e4), np.linspace(3e4, 2e4, 41)], axis=1)


def test_a_spec_file_gives_its_scans(tmp_path: Path) -> None:
    path = tmp_path / "foil.spec"
    kev = counts()
    kev[:, 0] /= 1000.0
    path.write_text(
        spec(
            scan(1, "Energy  I0  I1", counts(), "@A 1 2 3\\\n4 5 6\n"),
            scan(2, "Two Theta  I0  I1", counts()),
            scan(3, "Energy  I0  I1", kev),
        )
    )
    with pytest.warns(DataWarning, match="1 scans are no spectra.*scan 2: no energy can be told"):
        spectra = xas.read_all(path)
    assert [spectrum.name for spectrum in spectra] == ["scan 1", "scan 3"]
    for spectrum in spectra:
        np.testing.assert_allclose(spectrum.energy, ENERGY, rtol=1e-8)
        np.testing.assert_allclose(spectrum.mu, np.log(4e4 / np.linspace(3e4, 2e4, 41)), rtol=1e-8)
    with pytest.warns(DataWarning):
        assert xas.read(path, group="scan 3").name == "scan 3"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (spec(), "the file holds no scan"),
        (spec(scan(7, "samz  I0  I1", counts())), "scan 7: no energy can be told"),
        (spec(scan(7, "Energy  I0", counts())), "names 2 columns and has 3"),
        (spec("#S 1 ascan\n#L Energy  I0\n"), "no table of numbers"),
        (spec(scan(1, "Energy  I0  I1", counts()[::-1])), "energies descend"),
    ],
)
def test_spec_files_that_hold_no_spectrum_say_why(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.spec"
    path.write_text(text)
    with pytest.raises(UnreadableFile, match=message):
        xas.read(path)


def bliss(path: Path, **arrays: np.ndarray) -> Path:
    with h5py.File(path, "w") as file:
        for name in ("1.1", "2.1"):
            entry = file.create_group(name)
            entry.attrs["NX_class"] = "NXentry"
            entry["title"] = f"exafs {name}"
            measurement = entry.create_group("measurement")
            measurement.attrs["NX_class"] = "NXcollection"
            for label, values in arrays.items():
                measurement[label] = values
            if "energy_enc" in arrays:
                measurement["energy_enc"].attrs["units"] = "keV"
        file["2.1/measurement/broken"] = h5py.SoftLink("/nowhere")
    return path


def test_a_bliss_file_gives_its_scans(tmp_path: Path) -> None:
    table = counts()
    path = bliss(
        tmp_path / "bm23.h5",
        energy_enc=table[:, 0] / 1000.0,
        I0=table[:, 1],
        I1=table[:, 2],
        epoch=np.arange(7.0),
        frames=np.zeros((41, 4)),
    )
    spectra = xas.read_all(path)
    assert [spectrum.name for spectrum in spectra] == ["exafs 1.1", "exafs 2.1"]
    np.testing.assert_allclose(spectra[1].energy, ENERGY)
    np.testing.assert_allclose(spectra[1].mu, np.log(table[:, 1] / table[:, 2]))
    assert spectra[0].mode == "transmission"
    chosen = xas.read(path, columns={"i0": "I1", "itrans": "I0"}, group="exafs 1.1")
    np.testing.assert_allclose(chosen.mu, -spectra[0].mu)


def test_an_nxxas_instrument_is_read(tmp_path: Path) -> None:
    table = counts()
    path = tmp_path / "nxxas.nxs"
    with h5py.File(path, "w") as file:
        entry = file.create_group("entry")
        entry.attrs["NX_class"] = "NXentry"
        entry["definition"] = "NXxas"
        entry["title"] = "Cu foil"
        for place, name, values in (
            ("monochromator", "energy", table[:, 0]),
            ("incoming_beam", "data", table[:, 1]),
            ("absorbed_beam", "data", table[:, 2]),
        ):
            entry[f"instrument/{place}/{name}"] = values
    spectrum = xas.read(path)
    assert spectrum.name == "Cu foil"
    np.testing.assert_allclose(spectrum.mu, np.log(table[:, 1] / table[:, 2]))


NXXAS = {
    "definition": str,
    "title": str,
    "instrument/source/type": str,
    "instrument/source/name": str,
    "instrument/source/probe": str,
    "instrument/monochromator/energy": float,
    "instrument/incoming_beam/data": float,
    "instrument/absorbed_beam/data": float,
    "sample/name": str,
    "monitor/mode": str,
    "monitor/preset": float,
    "monitor/data": float,
    "data/energy": float,
    "data/absorbed_beam": float,
    "data/mode": str,
}
NXXASPROC = {
    "definition": str,
    "title": str,
    "sample/name": str,
    "XAS_data_reduction/program": str,
    "XAS_data_reduction/version": str,
    "XAS_data_reduction/date": str,
    "XAS_data_reduction/parameters/raw_file": str,
    "data/energy": float,
    "data/data": float,
}


@pytest.mark.parametrize("mode", ["transmission", "fluorescence", "electron_yield"])
@pytest.mark.parametrize("counted", [True, False])
def test_a_written_file_has_what_its_definition_asks_for(
    tmp_path: Path, make_spectrum: Make, mode: str, counted: bool
) -> None:
    """The fields of NXxas and NXxasproc, but for the time, which the spectrum does not know."""
    spectrum = make_spectrum(mode=mode, name="glass")
    if counted:
        spectrum = replace(spectrum, i0=np.linspace(4e4, 5e4, spectrum.mu.size))
    path = xas.write_nexus(spectrum, tmp_path / "glass.nxs")
    with h5py.File(path) as file:
        entry = file["entry"]
        assert entry["definition"].asstr()[()] == ("NXxas" if counted else "NXxasproc")
        for name, kind in (NXXAS if counted else NXXASPROC).items():
            value = entry[name][()]
            assert isinstance(value, bytes) if kind is str else value.dtype.kind == "f", name
        if counted:
            assert entry["data/mode"].asstr()[()] in (
                *("Total Electron Yield", "Partial Electron Yield", "Auger Electron Yield"),
                *("Fluorescence Yield", "Transmission"),
            )
            assert entry["data"].attrs["signal"] == "mu"
    again = xas.read(path)
    np.testing.assert_array_equal(again.energy, spectrum.energy)
    np.testing.assert_array_equal(again.mu, spectrum.mu)
    assert again.mode == mode


@pytest.mark.parametrize("mode", ["Transmission", "Fluorescence Yield", "Total Electron Yield"])
def test_the_counts_of_an_nxxas_file_make_its_spectrum(tmp_path: Path, mode: str) -> None:
    """Other programs write no μ: it follows from both beams as the mode says."""
    table = counts()
    path = tmp_path / "other.nxs"
    with h5py.File(path, "w") as file:
        entry = file.create_group("entry")
        entry.attrs["NX_class"] = "NXentry"
        entry["definition"] = "NXxas"
        entry["instrument/monochromator/energy"] = table[:, 0]
        entry["instrument/incoming_beam/data"] = table[:, 1]
        entry["instrument/absorbed_beam/data"] = table[:, 2]
        data = entry.create_group("data")
        data.attrs["NX_class"] = "NXdata"
        data["energy"], data["absorbed_beam"], data["mode"] = table[:, 0], table[:, 2], mode
    spectrum = xas.read(path)
    ratio = table[:, 2] / table[:, 1]
    expected = -np.log(ratio) if mode == "Transmission" else ratio
    np.testing.assert_allclose(spectrum.mu, expected)
    assert (
        spectrum.mode
        == {
            "Transmission": "transmission",
            "Fluorescence Yield": "fluorescence",
            "Total Electron Yield": "electron_yield",
        }[mode]
    )


def larix_line(name: str, **fields: Any) -> str:
    """Return a session's group as larix writes it: arrays as base64 within JSON within JSON."""
    group: dict[str, Any] = {"__class__": "Group"}
    for key, value in fields.items():
        if isinstance(value, np.ndarray):
            inner = {
                "_type_": "b64ndarray",
                "shape": list(value.shape),
                "dtype": "<f8",
                "value": base64.b64encode(value.tobytes()).decode(),
            }
            value = {"__class__": "b64ndarray", "__value__": json.dumps(inner)}
        group[key] = value
    return f"<:{name}:>\n{json.dumps(group)}"


def larix(*lines: str) -> str:
    names = {"__class__": "Dict", "Cu foil": "foil"}
    return "\n".join(
        [
            *("##LARIX: 1.0      Larch Session File", "##<CONFIG>", "##Machine: x", "##</CONFIG>"),
            *("##<Session Commands>", "foil = 1", "##</Session Commands>", "##<Symbols: count=2>"),
            *("<:_xasgroups:>", json.dumps(names), *lines, "##</Symbols>", ""),
        ]
    )


def test_a_larix_session_is_read_with_its_shift_and_settings(tmp_path: Path) -> None:
    table = counts()
    path = tmp_path / "work.larix"
    norm = {"__class__": "Dict", "pre1": -70.0, "pre2": -20.0, "norm1": 80.0, "norm2": 290.0}
    foil = larix_line(
        "foil",
        filename="Cu foil",
        groupname="foil",
        energy=table[:, 0] + 1.5,
        energy_orig=table[:, 0],
        energy_shift=1.5,
        mu=np.log(table[:, 1] / table[:, 2]),
        i0=table[:, 1],
        atsym="Cu",
        edge="K",
        e0=8981.5,
        config={"__class__": "Group", "xasnorm": {**norm, "nnorm": "linear"}},
    )
    path.write_bytes(gzip.compress(larix(foil, '<:note:>\n"a remark"').encode()))
    spectrum = xas.read(path)
    assert (spectrum.name, spectrum.element, spectrum.edge) == ("Cu foil", "Cu", "K")
    np.testing.assert_array_equal(spectrum.energy, table[:, 0] + 1.5)
    np.testing.assert_array_equal(spectrum.mu, np.log(table[:, 1] / table[:, 2]))
    assert xas.athena_settings(spectrum) == {
        "e0": 8981.5,
        "pre_edge": (-70.0, -20.0),
        "post_edge": (80.0, 290.0),
        "order": 1,
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (larix()[:-14], "no end"),
        (larix(), r"holds no μ\(E\) group"),
        (larix('<:foil:>\n{"energy": [1, 2'), "the object 'foil' ends or breaks"),
        (larix(larix_line("foil", energy=ENERGY)), r"holds no μ\(E\) group"),
        (larix(larix_line("foil", energy=ENERGY, mu=ENERGY * np.nan)), "'foil': mu is not a fin"),
    ],
)
@pytest.mark.filterwarnings("ignore::xorder.errors.DataWarning")
def test_larix_sessions_that_hold_no_spectrum_say_why(
    tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "bad.larix"
    path.write_text(text)
    with pytest.raises(UnreadableFile, match=message):
        xas.read(path)


@pytest.mark.reference
def test_a_session_that_larch_wrote_reads_as_larch_has_it(
    tmp_path: Path, shared: Shared, larch: SimpleNamespace
) -> None:
    from larch import Interpreter
    from larch.io import save_session

    spectrum = xas.read(shared("data", "xas", "cu_metal_rt.xdi"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        session = Interpreter()
        group = larch.Group(energy=spectrum.energy, mu=spectrum.mu, filename="foil", atsym="Cu")
        group.groupname, group.edge = "foil_group", "K"
        larch.pre_edge(group, nnorm=2, pre1=-150, pre2=-50, norm1=100, norm2=600)
        session.symtable.foil_group = group
        path = tmp_path / "work.larix"
        save_session(str(path), _larch=session)
    again = xas.read(path)
    np.testing.assert_array_equal(again.energy, spectrum.energy)
    np.testing.assert_array_equal(again.mu, spectrum.mu)
    assert xas.athena_settings(again) == {
        "e0": pytest.approx(group.e0),
        "pre_edge": (-150.0, -50.0),
        "post_edge": (100.0, 600.0),
        "order": 2,
    }


@pytest.mark.parametrize("kind", ["empty", "text", "descending", "cut", "short", "no energy"])
def test_hdf5_files_that_hold_no_spectrum_say_why(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "bad.h5"
    table = counts()
    if kind == "empty":
        h5py.File(path, "w").close()
    elif kind == "text":
        with h5py.File(path, "w") as file:
            file["entry/title"] = "nothing"
    elif kind == "descending":
        bliss(path, energy=ENERGY[::-1], I0=table[:, 1], I1=table[:, 2])
    elif kind == "short":
        bliss(path, energy=ENERGY[:5], I0=table[:5, 1], I1=table[:5, 2])
    elif kind == "no energy":
        bliss(path, samz=ENERGY, I0=table[:, 1], I1=table[:, 2])
    else:
        bliss(path, energy=ENERGY, I0=table[:, 1], I1=table[:, 2])
        path.write_bytes(path.read_bytes()[:600])
    message = {
        "empty": "no entry",
        "text": "no one-dimensional arrays",
        "descending": "energies descend",
        "cut": "damaged",
        "short": "it has 5 points",
        "no energy": "no energy can be told",
    }[kind]
    with pytest.raises(UnreadableFile, match=message):
        xas.read(path)


def test_a_written_nexus_file_reads_back(tmp_path: Path, make_spectrum: Make) -> None:
    spectrum = make_spectrum(noise=1e-3, name="glass é", mode="fluorescence", simulated=True)
    spectrum = replace(
        spectrum, i0=np.full_like(spectrum.mu, 5e4), stderr=np.full_like(spectrum.mu, 1e-3)
    )
    again = xas.read(xas.write_nexus(spectrum, tmp_path / "glass.nxs"))
    for field in ("energy", "mu", "stderr", "i0"):
        np.testing.assert_array_equal(getattr(again, field), getattr(spectrum, field))
    for field in ("name", "element", "edge", "mode", "simulated"):
        assert getattr(again, field) == getattr(spectrum, field)


@pytest.mark.parametrize("write", [xas.write_nexus, lambda s, p: xas.write_athena([s], p)])
def test_a_folder_that_cannot_be_is_told(
    tmp_path: Path, make_spectrum: Make, write: Callable[..., Path]
) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CannotWrite, match="cannot write"):
        write(make_spectrum(), tmp_path / "file" / "a.file")


def test_a_written_project_reads_back(tmp_path: Path, make_spectrum: Make) -> None:
    spectra = [make_spectrum(name="it's glass é", noise=1e-3, seed=s) for s in range(2)]
    normalized = xas.normalize(spectra[1], order=2)
    path = xas.write_athena([spectra[0], normalized], tmp_path / "glass.prj")
    first, second = xas.read_all(path)
    np.testing.assert_array_equal(first.mu, spectra[0].mu)
    np.testing.assert_array_equal(first.energy, spectra[0].energy)
    assert (first.name, first.element, first.edge) == ("it`s glass é", "Ta", "L3")
    again = xas.normalize(second, **xas.athena_settings(second))
    assert again.edge_step == pytest.approx(normalized.edge_step, rel=1e-6)
    assert again.post_edge_range == pytest.approx(normalized.post_edge_range, abs=1e-5)
    with pytest.raises(BadInput, match="no spectrum to write"):
        xas.write_athena([], tmp_path / "none.prj")


@pytest.mark.reference
def test_larch_reads_a_written_project(
    tmp_path: Path, make_spectrum: Make, larch: SimpleNamespace, capsys: Any
) -> None:
    from larch.io.athena_project import parse_perlathena

    normalized = xas.normalize(make_spectrum(name="glass", noise=1e-3))
    path = xas.write_athena([normalized], tmp_path / "glass.prj")
    import gzip

    project = parse_perlathena(gzip.decompress(path.read_bytes()).decode(), str(path))
    (group,) = [
        item for item in vars(project).values() if hasattr(item, "x") or hasattr(item, "energy")
    ]
    energy = getattr(group, "energy", getattr(group, "x", None))
    mu = getattr(group, "mu", getattr(group, "y", None))
    np.testing.assert_array_equal(energy, normalized.energy)
    np.testing.assert_array_equal(mu, normalized.mu)
