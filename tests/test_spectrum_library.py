"""Reference spectra: those that ship are what FEFF makes, and a user's own come and go."""

import tomllib
from collections.abc import Callable
from dataclasses import replace
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from xorder import references, xas
from xorder.cli import main
from xorder.errors import BadInput, CannotWrite, DataWarning, UnknownName, UnreadableFile
from xorder.folders import cache_folder, library_folder
from xorder.xas.computed_references import COMPUTED, S02, SIGMA2, write_references

SHIPPED = [entry for entry in references.spectra() if entry.kind == "computed"]
NAMES = [entry.name for entry in SHIPPED]


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty library folder."""
    monkeypatch.setenv("XORDER_LIBRARY", str(tmp_path / "library"))
    return tmp_path / "library"


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    """Write a simulated scan of a Ta L3 edge that names element and edge."""
    energy = np.arange(9700.0, 10300.0, 1.0)
    mu = 0.5 + np.arctan((energy - 9881.0) / 2.0) / np.pi
    spectrum = xas.Spectrum(energy=energy, mu=mu, element="Ta", edge="L3", name="scan")
    return xas.write_xdi(spectrum, tmp_path / "scan.xdi")


def test_the_spectra_of_the_three_studies_ship() -> None:
    edges = {(e.name.split("_")[0], e.element, e.edge) for e in SHIPPED}
    assert edges == {
        ("NaTaCl6", "Ta", "L3"),
        ("TaCl5", "Ta", "L3"),
        ("HfCl4", "Hf", "L3"),
        ("ZrCl4", "Zr", "K"),
        ("Na2ZrCl6", "Zr", "K"),
        ("SmCl3", "Sm", "L3"),
    }
    assert set(NAMES) == {one.name for one in COMPUTED}


@pytest.mark.parametrize("name", NAMES)
def test_a_computed_spectrum_says_what_it_is(name: str) -> None:
    spectrum = references.load_spectrum(name)
    header = dict(spectrum.header)
    structure = references.load(header["xorder.structure"])
    assert spectrum.simulated
    assert spectrum.status == structure.status
    assert "computed by FEFF6L (simulated, not measured)" in spectrum.source
    assert header["xorder.sigma2"].startswith(f"{SIGMA2:g} Å²")
    assert header["xorder.s02"].startswith(f"{S02:g}")
    assert spectrum.k is not None
    assert spectrum.chi is not None
    assert spectrum.energy is None
    np.testing.assert_allclose(spectrum.k, 0.05 * np.arange(401), atol=1e-9)
    assert list(spectrum.to_dataframe()) == ["chi"]


@pytest.mark.parametrize("name", NAMES)
def test_the_index_says_what_the_file_says(name: str) -> None:
    folder = resources.files("xorder.reference_spectra") / "spectra"
    table = tomllib.loads((folder / "index.toml").read_text(encoding="utf-8"))[name]
    header = dict(references.load_spectrum(name).header)
    assert {key: header[f"xorder.{key}"] for key in table} == table


@pytest.mark.parametrize("one", COMPUTED, ids=[one.name for one in COMPUTED])
def test_kept_inputs_make_the_spectrum_that_ships(one: object) -> None:
    """FEFF on the kept inputs, the sites' shares from the header: the χ(k) of the file."""
    from xorder.xas import feff

    folder = resources.files("xorder.reference_spectra") / "spectra"
    spectrum = references.load_spectrum(one.name)
    sites = dict(spectrum.header)["xorder.sites"].split(" (")[0].split(", ")
    paths = []
    for site, share in (text.split() for text in sites):
        text = (folder / f"{one.name}.{site}.inp").read_text(encoding="utf-8")
        for name, content in feff.run_feff(text, program="feff6l"):
            path = xas.read_path(content, name=name)
            paths.append(replace(path, degeneracy=path.degeneracy * float(share)))
    chi = xas.sum_paths(paths, spectrum.k, s02=S02, sigma2=SIGMA2)
    np.testing.assert_allclose(chi, spectrum.chi, atol=1e-5 * np.abs(spectrum.chi).max())


def test_one_command_writes_spectra_inputs_and_tables(tmp_path: Path) -> None:
    written = write_references(tmp_path / "made", spectra=COMPUTED[:1])
    assert {path.name for path in written} == {
        "NaTaCl6_Ta_L3.chi",
        "NaTaCl6_Ta_L3.paths.txt",
        "NaTaCl6_Ta_L3.Ta1.inp",
        "index.toml",
    }
    shipped = resources.files("xorder.reference_spectra") / "spectra"
    for path in written[:3]:
        ours, theirs = (f.read_text(encoding="utf-8") for f in (path, shipped / path.name))
        assert ours.splitlines()[-40:] == theirs.splitlines()[-40:]


def test_every_file_of_the_spectra_is_package_data() -> None:
    root = Path(__file__).resolve().parents[1]
    with (root / "pyproject.toml").open("rb") as file:
        data = tomllib.load(file)["tool"]["setuptools"]["package-data"]
    folder = root / "reference_spectra"
    listed = {path for pattern in data["xorder.reference_spectra"] for path in folder.glob(pattern)}
    there = {
        path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")
    }
    assert there == listed


def test_a_scan_comes_into_the_library_and_goes(
    library: Path, scan: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["references", "add", str(scan), "--name", "TaOx", "--note", "a film"]) == 0
    entry = references.spectrum_entry("TaOx")
    assert (entry.kind, entry.element, entry.edge, entry.note) == ("measured", "Ta", "L3", "a film")
    assert str(scan) in entry.source
    assert main(["references", "list"]) == 0
    listed = capsys.readouterr().out
    assert "TaOx" in listed
    assert "NaTaCl6_Ta_L3" in listed
    assert main(["references", "remove", "TaOx"]) == 0
    assert list(library.iterdir()) == []


def test_what_is_kept_is_what_was_read(library: Path, scan: Path) -> None:
    xas.add_reference(scan, name="TaOx")
    before = xas.read(scan)
    scan.unlink()
    after = xas.read(references.spectrum_file("TaOx"))
    np.testing.assert_allclose(after.mu, before.mu, rtol=1e-8)
    np.testing.assert_allclose(after.energy, before.energy, rtol=1e-8)
    loaded = references.load_spectrum("TaOx")
    np.testing.assert_array_equal(loaded.mu, after.mu)
    assert not loaded.simulated


def test_the_digest_is_the_files(library: Path, scan: Path) -> None:
    from xorder.results import digest

    xas.add_reference(scan)
    assert dict(references.load_spectrum("scan").header)["xorder.source_digest"] == digest(scan)


def test_a_simulated_scan_stays_simulated(library: Path, scan: Path) -> None:
    spectrum = replace(xas.read(scan), simulated=True)
    xas.add_reference(xas.write_xdi(spectrum, scan.with_name("made.xdi")))
    assert references.spectrum_entry("made").kind == "simulated"
    assert references.load_spectrum("made").simulated


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"element": "Hf"}, "the file says element Ta and Hf was given"),
        ({"edge": "L2"}, "the file says edge L3 and L2 was given"),
        ({"name": "a/b"}, "the name 'a/b' cannot be that of a file"),
        ({"name": "SmCl3_Sm_L3"}, "there is a reference spectrum 'SmCl3_Sm_L3' already"),
        ({"name": "smcl3_sm_l3"}, "already"),
        ({"group": "2"}, "2"),
    ],
)
def test_what_cannot_be_added_is_refused(
    library: Path, scan: Path, settings: dict[str, str], message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        xas.add_reference(scan, **settings)
    assert not library.exists()


@pytest.mark.parametrize(
    ("element", "edge", "message"),
    [
        ("", "", "does not say its element"),
        ("Ta", "", "does not say its edge"),
        ("Xx", "K", "Xx"),
        ("Ta", "L9", "no edge 'L9'"),
        ("Cu", "K", r"the Cu K edge is at 8979 eV and the spectrum runs from 9700"),
    ],
)
def test_a_scan_without_its_edge_needs_the_right_one(
    library: Path, tmp_path: Path, element: str, edge: str, message: str
) -> None:
    energy = np.arange(9700.0, 10300.0, 1.0)
    rows = "\n".join(f"{e:.1f} {np.arctan((e - 9881) / 2):.6f}" for e in energy)
    path = tmp_path / "bare.dat"
    path.write_text(f"# energy mu\n{rows}\n")
    with pytest.raises(BadInput, match=message):
        xas.add_reference(path, element=element, edge=edge)


@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02" * 50, b"no numbers at all\n"])
def test_a_file_that_is_no_spectrum_is_one_message(
    library: Path, tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.dat"
    path.write_bytes(content)
    assert main(["references", "add", str(path), "--element", "Ta", "--edge", "L3"]) == 2
    error = capsys.readouterr().err
    assert error.count("error:") == 1
    assert "bad.dat" in error


def test_a_name_is_taken_once(library: Path, scan: Path) -> None:
    xas.add_reference(scan)
    with pytest.raises(BadInput, match="xorder references remove scan"):
        xas.add_reference(scan)


@pytest.mark.parametrize(
    ("action", "name", "message"),
    [
        (references.load_spectrum, "NaTaCl6_Ta", "expected one of NaTaCl6_Ta_L3"),
        (references.spectrum_file, "nothing", "no reference spectrum 'nothing'"),
        (references.remove_spectrum, "nothing", "no reference spectrum 'nothing'"),
        (references.remove_spectrum, "SmCl3_Sm_L3", "ships with Xorder and cannot be removed"),
        (references.spectrum_file, "SmCl3_Sm_L3", r"is a computed χ\(k\) and has no μ\(E\)"),
    ],
)
def test_names_that_are_not_there_or_not_for_this(
    library: Path, action: Callable[[str], object], name: str, message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        action(name)


def test_an_unknown_name_is_a_key_error(library: Path) -> None:
    with pytest.raises(UnknownName):
        references.spectrum_entry("nothing")


def test_a_broken_file_of_the_library_is_named_and_the_rest_listed(
    library: Path, scan: Path
) -> None:
    xas.add_reference(scan, name="good")
    (library / "bad.xdi").write_text("junk")
    (library / "binary.xdi").write_bytes(b"\xff\xfe\x00" * 9)
    with pytest.warns(DataWarning, match=r"(bad|binary)\.xdi.*left out"):
        names = [entry.name for entry in references.spectra()]
    assert "good" in names
    assert "bad" not in names
    with pytest.raises(UnreadableFile, match=r"bad\.xdi"):
        references.load_spectrum("bad")


@pytest.mark.parametrize("rows", ["", "1 2\n", "1\n2\n3\n", "1 nan\n2 3\n", "1 x\n2 3\n"])
def test_a_broken_table_of_the_library_is_refused(library: Path, rows: str) -> None:
    library.mkdir()
    head = "# Element.symbol: Ta\n# Element.edge: L3\n"
    (library / "short.xdi").write_text(head + rows)
    with pytest.raises(UnreadableFile, match=r"short\.xdi.*table"):
        references.load_spectrum("short")


def test_a_library_that_cannot_be_written_is_one_message(
    tmp_path: Path, scan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XORDER_LIBRARY", str(tmp_path / "file"))
    with pytest.raises(CannotWrite, match="file"):
        xas.add_reference(scan)


@pytest.mark.parametrize(
    ("system", "variables", "cache", "library"),
    [
        ("Linux", {}, ".cache/xorder", ".local/share/xorder/library"),
        ("Linux", {"XDG_CACHE_HOME": "/c", "XDG_DATA_HOME": "/d"}, "/c/xorder",
         "/d/xorder/library"),
        ("Darwin", {}, "Library/Caches/xorder", "Library/Application Support/xorder/library"),
        ("Windows", {"LOCALAPPDATA": "/l", "APPDATA": "/r"}, "/l/xorder/cache",
         "/r/xorder/library"),
        ("Linux", {"XORDER_CACHE": "/x", "XORDER_LIBRARY": "/y"}, "/x", "/y"),
    ],
)  # fmt: skip
def test_folders_are_the_platforms_or_the_users(
    monkeypatch: pytest.MonkeyPatch,
    system: str,
    variables: dict[str, str],
    cache: str,
    library: str,
) -> None:
    for name in ("XORDER_CACHE", "XORDER_LIBRARY", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("platform.system", lambda: system)
    assert cache_folder() == Path.home() / cache
    assert library_folder() == Path.home() / library


def test_the_cache_can_be_turned_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XORDER_CACHE", "OFF")
    assert cache_folder() is None
