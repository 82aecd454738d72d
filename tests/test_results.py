"""Results: provenance, tables, display, storage."""

from __future__ import annotations

import json
import math
import os
import pickle
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pytest

from xorder.errors import BadInput, CannotWrite, UnreadableFile
from xorder.parameters import Parameter, Parameters
from xorder.results import Array, Number, Result, digest, quantity, recorded
from xorder.store import atomic_path, write_results, write_text


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Curve(Result):
    r: Array = quantity("Å", symbol="r", dims=("r",))
    gr: Array = quantity("Å⁻²", symbol="G(r)", dims=("r",))
    scale: float = quantity("", default=1.0)
    name: str = "curve"


@recorded
def doubled(curve: Curve, *, factor: float = 2.0, label: str | None = None) -> Curve:
    return Curve(r=curve.r, gr=curve.gr * factor, name=label or curve.name)


@pytest.fixture
def curve() -> Curve:
    r = np.linspace(0.0, 10.0, 1001)
    return Curve(r=r, gr=np.sin(r))


def test_a_result_says_how_it_was_made(curve):
    made = doubled(curve, factor=3.0)
    assert made.provenance is not None
    assert made.provenance.function.endswith("doubled")
    assert made.provenance.parameters == {
        "curve": {"result": "Curve", "digest": digest(curve)},
        "factor": 3.0,
        "label": None,
    }


def test_the_digest_follows_the_content_not_the_history(curve):
    same = Curve(r=curve.r.copy(), gr=curve.gr.copy())
    assert digest(same) == digest(curve)
    assert digest(doubled(curve, factor=1.0)) == digest(curve)
    assert digest(Curve(r=curve.r, gr=curve.gr + 1e-15)) != digest(curve)


def test_a_table_carries_units(curve):
    frame = curve.to_dataframe()
    assert frame.index.name == "r"
    assert list(frame.columns) == ["gr"]
    assert frame.attrs["units"] == {"r": "Å", "gr": "Å⁻²"}


def test_xarray_labels_itself(curve):
    dataset = curve.to_xarray()
    assert dataset["gr"].dims == ("r",)
    assert dataset["gr"].attrs == {"units": "Å⁻²", "long_name": "G(r)"}


def test_rich_display_names_fields_and_units(curve):
    page = doubled(curve)._repr_html_()
    assert "Å⁻²" in page
    assert "1001 values" in page
    assert "doubled" in page


def test_display_rounds_pairs_and_shows_a_dash_where_there_is_nothing():
    @dataclass(frozen=True, eq=False, kw_only=True, slots=True)
    class Choice(Result):
        pre_edge: tuple[float, float] = quantity("eV")
        standard: Curve | None = None
        messages: tuple[str, ...] = ()

    page = Choice(pre_edge=(-147.05392175880297, -50.0))._repr_html_()
    assert "-147.05392, -50" in page
    assert "None" not in page
    assert "()" not in page
    assert page.count("–") == 2


def test_results_and_errors_cross_process_borders(curve):
    again = pickle.loads(pickle.dumps(doubled(curve)))  # noqa: S301
    np.testing.assert_array_equal(again.gr, 2 * curve.gr)
    error = UnreadableFile("two columns", expected="three", source="a.dat", line=7)
    assert str(pickle.loads(pickle.dumps(error))) == "a.dat, line 7: two columns; expected three"  # noqa: S301


def test_a_number_prints_value_error_and_unit():
    assert str(Number(name="a", value=3.5316, stderr=0.00016, unit="Å")) == "a = 3.5316 ± 0.00016 Å"
    assert str(Number(name="a", value=1.0)) == "a = 1"


def test_a_stored_result_draws_itself_and_knows_its_origin(curve, tmp_path):
    path = doubled(curve).save(tmp_path / "curve.h5")
    with h5py.File(path) as file:
        group = file["entry/Curve"]
        assert file["entry"].attrs["default"] == "Curve"
        assert group.attrs["NX_class"] == "NXdata"
        assert group.attrs["signal"] == "gr"
        assert list(group.attrs["axes"]) == ["r"]
        assert group["r"].attrs["units"] == "Å"
        np.testing.assert_array_equal(group["gr"][()], 2 * curve.gr)
        assert group["process"].attrs["NX_class"] == "NXprocess"
        assert group["process/function"][()].decode().endswith("doubled")
        assert json.loads(group["process/parameters"][()])["factor"] == 2.0


def test_fit_parameters_and_numbers_are_stored_as_tables(tmp_path):
    parameters = Parameters([Parameter(name="a", value=3.5, min=3.0, stderr=0.01, unit="Å")])
    numbers = (Number(name="fwhm (0 0 2)", value=0.1, stderr=math.nan, unit="°"),)
    path = write_results(tmp_path / "p.h5", {"fit": {"parameters": parameters, "numbers": numbers}})
    with h5py.File(path) as file:
        a = file["entry/fit/parameters"][0]
        assert (a["name"], a["units"]) == (b"a", "Å".encode())
        assert (a["value"], a["error"], a["min"]) == (3.5, 0.01, 3.0)
        assert bool(a["vary"])
        row = file["entry/fit/numbers"][0]
        assert (row["name"], row["units"]) == (b"fwhm (0 0 2)", "°".encode())


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = write_text(tmp_path / "note.txt", "old")

    def fail_half_way() -> None:
        with atomic_path(path) as temporary:
            temporary.write_text("new")
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        fail_half_way()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["note.txt"]


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    blocked = write_text(tmp_path / "file", "not a folder")
    with pytest.raises(CannotWrite, match="cannot write"):
        write_results(blocked / "x.h5", {})


def test_a_result_without_arrays_makes_no_table():
    @dataclass(frozen=True, eq=False, kw_only=True, slots=True)
    class Bare(Result):
        name: str = "bare"

    with pytest.raises(BadInput, match="no one-dimensional array"):
        Bare().to_dataframe()


def test_a_file_is_known_by_its_content(tmp_path: Path):
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(b"same")
    second.write_bytes(b"same")
    assert digest(first) == digest(second)


def test_a_full_disk_is_said_and_leaves_nothing(curve, tmp_path, monkeypatch):
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(CannotWrite, match="No space left on device"):
        curve.save(tmp_path / "curve.h5")
    assert os.listdir(tmp_path) == []
