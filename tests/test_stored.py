"""Results on disk and back: bit for bit, as Xorder's own classes, and nothing else."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, is_dataclass
from importlib import import_module
from pathlib import Path

import h5py
import numpy as np
import pytest

from xorder import xas
from xorder.errors import MissingFile, UnreadableFile
from xorder.example import MILLING_SERIES, write_example
from xorder.results import Number, Provenance, Result
from xorder.run import run_series
from xorder.series import load_series
from xorder.store import write_results
from xorder.stored import read_results


def assert_same(first, second, where="result"):
    """Assert that two objects are equal to the last bit, types included."""
    if isinstance(first, float) and isinstance(second, float):
        # NumPy's own doubles are doubles.
        assert np.float64(first).tobytes() == np.float64(second).tobytes(), where
        return
    assert type(first) is type(second), where
    if isinstance(first, np.ndarray):
        assert (first.dtype, first.shape) == (second.dtype, second.shape), where
        assert first.tobytes() == second.tobytes(), where
    elif hasattr(first, "valuesdict") or isinstance(first, dict):
        assert list(first) == list(second), where
        for key in first:
            assert_same(first[key], second[key], f"{where}[{key}]")
    elif is_dataclass(first):
        for f in fields(first):
            assert_same(getattr(first, f.name), getattr(second, f.name), f"{where}.{f.name}")
    elif isinstance(first, (tuple, list)):
        assert len(first) == len(second), where
        for index, (one, other) in enumerate(zip(first, second, strict=True)):
            assert_same(one, other, f"{where}[{index}]")
    else:
        assert first == second, where


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("example")
    series = load_series(write_example(folder / "in", series=MILLING_SERIES[1:3]))
    return run_series(series, folder / "out")


@pytest.mark.filterwarnings("ignore::xorder.errors.XorderWarning")
def test_a_stored_run_equals_the_objects_before_storing(run, tmp_path):
    for outcome in run.outcomes:
        analyses = {
            probe: import_module(f"xorder.{probe}.analysis").analyse(
                given.files(), given.recipe, name=outcome.sample.name, simulated=True
            )
            for probe, given in outcome.sample.probes.items()
        }
        path = write_results(tmp_path / "x.h5", analyses)
        assert_same(analyses, read_results(path))


ODD = {
    "a/b": 1,
    "a_b": -0.0,
    "nan": math.nan,
    "mixed": (1, 2.0, "x", None, True),
    "empty": (),
    "list": [1.5, 2.5],
    "texts": ("å", ""),
    "path": Path("x/y"),
    "nothing": {},
    "complex": 1 + 2j,
    "numpy": np.float32(0.1),
    "flags": (True, False),
    ".": "dot",
}
MADE = Provenance(
    function="f",
    parameters={
        "x": [1, 2.5, math.nan, math.inf, None, True, "å"],
        "y": {"array": [3], "digest": "0"},
        "third": 1 / 3,
    },
    version="0",
    time="now",
)


def test_what_is_odd_comes_back_as_it_was(tmp_path):
    from xorder.fitting import FitResult, Parameter, Parameters

    failed = FitResult(
        provenance=MADE,
        parameters=Parameters([Parameter(name="a", value=1.0, max=3.0, expr="", stderr=math.nan)]),
        success=False,
        message="no\0thing",
        covar=np.full((1, 1), np.nan),
        minima=np.array([], dtype=float),
        residual=(np.arange(3.0), np.zeros((2, 0))),
    )
    path = write_results(tmp_path / "x.h5", {"fit": failed, "odd": ODD})
    found = read_results(path)["fit"]
    assert_same(read_results(path)["odd"], ODD)
    # HDF5 texts cannot hold a NUL: it is shown instead.
    assert found.message == "no␀thing"
    assert_same(found.provenance, MADE)
    assert_same(found.parameters, failed.parameters)
    assert_same(found.residual, failed.residual)
    assert_same(found.covar, failed.covar)


def test_one_array_in_memory_is_one_in_the_file(tmp_path):
    energy = 9000.0 + np.arange(30.0)
    spectrum = xas.Spectrum(energy=energy, mu=np.arange(30.0), element="Cu", edge="K")
    results = {"one": spectrum, "two": spectrum, "three": {"mu": energy, "b": (energy, energy + 0)}}
    path = write_results(tmp_path / "x.h5", results)
    with h5py.File(path) as file:
        entry = file["entry"]
        assert entry["one"] == entry["two"]
        assert entry["three/mu"] == entry["three/b/000"]
        assert entry["three/mu"] != entry["three/b/001"]
    assert_same(read_results(path), results)


def test_numbers_and_texts_without_a_unit_are_one_record_of_their_own_types(tmp_path):
    energy = 9000.0 + np.arange(30.0)
    spectrum = xas.Spectrum(energy=energy, mu=np.arange(30.0), name="å", simulated=True)
    path = write_results(tmp_path / "x.h5", {"spectrum": spectrum})
    with h5py.File(path) as file:
        record = file["entry/spectrum/scalars"][()]
        assert record["name"].decode() == "å"
        assert bool(record["simulated"])
    assert_same(read_results(path)["spectrum"], spectrum)


@dataclass(frozen=True, kw_only=True, slots=True)
class Odd:
    """Fields of every plain kind, and whole numbers that HDF5 does not hold."""

    flags: tuple[bool, ...] = (True, False)
    texts: tuple[str, ...] = ("å", "")
    whole: int = -(2**63) + 1
    zero: float = -0.0
    nothing: None = None
    empty: tuple[()] = ()
    blank: str = ""
    single: np.float32
    where: Path = Path("x/y")
    within: Number


def test_a_record_gives_back_every_plain_kind(tmp_path, monkeypatch):
    # The reader makes classes of Xorder only.
    monkeypatch.setattr("xorder.stored._class", lambda name: Odd if "Odd" in name else Number)
    within = Number(name="a/b", value=math.nan, stderr=math.inf, note="n")
    odd = Odd(single=np.float32(0.1), within=within)
    path = write_results(tmp_path / "x.h5", {"odd": odd})
    with h5py.File(path) as file:
        assert list(file["entry/odd"]) == ["scalars"]
    assert_same(read_results(path)["odd"], odd)


def test_numbers_of_one_name_are_all_kept(tmp_path):
    @dataclass(frozen=True, eq=False, kw_only=True, slots=True)
    class Table(Result):
        numbers: tuple[Number, ...] = ()

    table = Table(numbers=(Number(name="a/b", value=1.0), Number(name="a/b", value=2.0, note="n")))
    path = write_results(tmp_path / "x.h5", {"table": table})
    with h5py.File(path) as file:
        assert file["entry/table/numbers"]["value"].tolist() == [1.0, 2.0]
    # A class that is not Xorder's own is not made from a file.
    with pytest.raises(UnreadableFile, match="is not a class of Xorder"):
        read_results(path)


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (None, MissingFile, "no such file"),
        (b"", UnreadableFile, "not an HDF5 file"),
        (b"plain text\n", UnreadableFile, "not an HDF5 file"),
        (b"\x89HDF\r\n\x1a\n" + bytes(40), UnreadableFile, "not an HDF5 file"),
    ],
)
def test_what_is_no_file_of_ours_is_refused(tmp_path, content, error, message):
    path = tmp_path / "x.h5"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(error, match=message):
        read_results(path)


def test_hdf5_of_another_program_is_refused(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["data"] = [1, 2]
    with pytest.raises(UnreadableFile, match="Xorder did not write"):
        read_results(tmp_path / "x.h5")


def test_a_class_of_another_package_is_never_made(run, tmp_path):
    path = tmp_path / "x.h5"
    path.write_bytes(run.outcomes[0].file.read_bytes())
    with h5py.File(path, "r+") as file:
        file["entry/xas"].attrs["python"] = "subprocess.Popen"
    with pytest.raises(UnreadableFile, match=r"'subprocess.Popen' is not a class of Xorder"):
        read_results(path)


def test_viewers_find_the_default_plot(run):
    nxdata = pytest.importorskip("silx.io.nxdata")
    for outcome in run.outcomes:
        with h5py.File(outcome.file) as file:
            plot = nxdata.get_default(file)
            assert plot is not None
            assert plot.is_valid
            assert plot.signal.size > 10


def test_spectra_and_patterns_stand_under_their_application_definitions(run):
    outcome = run.outcomes[0]
    with h5py.File(outcome.file) as file:
        spectrum = file["entry/xas_NXxasproc"]
        assert spectrum["definition"].asstr()[()] == "NXxasproc"
        assert spectrum["sample/name"].asstr()[()] == outcome.sample.name
        np.testing.assert_array_equal(
            spectrum["data/data"][()], outcome.analyses["xas"].normalized.norm
        )
        assert spectrum["XAS_data_reduction/program"].asstr()[()] == "xorder"
        assert "milled" in spectrum["XAS_data_reduction/parameters/raw_file"].asstr()[()]
        pattern = file["entry/diffraction_NXmonopd"]
        two_theta = pattern["instrument/detector/polar_angle"]
        # A link, not a copy.
        assert two_theta == file["entry/diffraction/pattern/two_theta"]
        assert pattern["instrument/crystal/wavelength"][0] == pytest.approx(1.5406, abs=1e-4)
        assert list(pattern["data"].attrs["axes"]) == ["polar_angle"]
