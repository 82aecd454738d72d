"""The manifest: what it gives, and one clear message for each way it goes wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from xorder.errors import BadManifest, MissingFile
from xorder.series import _known_keys, _merged, _with_paths, load_series

GOOD = """
[series]
name = "milling"
order = "milling time (h)"

[diffraction]
structure = "NaTaCl6"
wavelength = "CuKa"

[[samples]]
name = "6 h"
order = 6
composition = "NaTaCl6"
conductivity = 6e-5
diffraction = { files = "six.xye" }

[[samples]]
name = "40 h"
order = 40
diffraction = { files = ["forty_*.xye"], wavelength = 1.5406 }
"""


def manifest(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "series.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_samples_come_in_their_order_with_their_recipes(tmp_path):
    series = load_series(manifest(tmp_path, GOOD))
    assert [sample.name for sample in series.samples] == ["6 h", "40 h"]
    assert [sample.order for sample in series.samples] == [6.0, 40.0]
    first, second = (sample.probes["diffraction"].recipe for sample in series.samples)
    assert first.structure == second.structure == "NaTaCl6"
    assert (first.wavelength, second.wavelength) == ("CuKa", 1.5406)
    assert (first.order_value, first.conductivity) == (6.0, 6e-5)
    assert (second.order_value, second.conductivity) == (40.0, None)
    assert first.order_name == "milling time (h)"


def test_a_folder_stands_for_the_manifest_in_it(tmp_path):
    path = manifest(tmp_path, GOOD)
    (tmp_path / "six.xye").touch()
    series = load_series(tmp_path)
    assert series.name == "milling"
    assert series.path == path
    assert series.samples[0].probes["diffraction"].files() == (tmp_path / "six.xye",)


def test_patterns_name_files_beside_the_manifest(tmp_path):
    series = load_series(manifest(tmp_path, GOOD))
    for name in ("forty_b.xye", "forty_a.xye", "six.xye"):
        (tmp_path / name).touch()
    files = series.samples[1].probes["diffraction"].files()
    assert [path.name for path in files] == ["forty_a.xye", "forty_b.xye"]


def test_a_file_that_is_not_there_is_said_when_the_sample_runs(tmp_path):
    series = load_series(manifest(tmp_path, GOOD))
    with pytest.raises(MissingFile, match=r"six\.xye: no such file"):
        series.samples[0].probes["diffraction"].files()


def test_a_structure_beside_the_manifest_is_found_from_any_folder(tmp_path, monkeypatch):
    (tmp_path / "mine.cif").touch()
    path = manifest(tmp_path, GOOD.replace('"NaTaCl6"\nwave', '"mine.cif"\nwave'))
    monkeypatch.chdir("/")
    recipe = load_series(path).samples[0].probes["diffraction"].recipe
    assert recipe.structure == str(tmp_path / "mine.cif")


def change(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new, 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "series: missing"),
        ("just words", "not valid TOML"),
        (change("[series]", "[serie]"), "did you mean 'series'"),
        (change('name = "milling"', 'nmae = "milling"'), "did you mean 'name'"),
        (change('name = "milling"', 'name = "  "'), "series.name"),
        (change('name = "milling"', "name = 7"), "series.name: found 7"),
        (change('order = "milling time (h)"', "order = 3"), "series.order: found 3"),
        (change("order = 6", 'order = "six"'), "samples.0.order: found 'six'"),
        (change("order = 6", "order = nan"), "samples.0.order"),
        (change("conductivity = 6e-5", "conductivity = -1"), "greater than 0"),
        (change("conductivity = 6e-5", "conductivty = 6e-5"), "did you mean 'conductivity'"),
        (change('"NaTaCl6"\nconduct', '"NaXyCl6"\nconduct'), "there is no element 'Xy'"),
        (change('"NaTaCl6"\nconduct', '"NaTaCl6;"\nconduct'), "expected a formula"),
        (change('files = "six.xye"', 'file = "six.xye"'), "files: found None"),
        (change('files = "six.xye"', "files = []"), "expected file names"),
        (change('files = "six.xye"', "files = 3"), "expected file names"),
        (change('name = "40 h"', 'name = "6 h"'), "the name is used before"),
        (change('diffraction = { files = "six.xye" }', ""), "no data"),
        (change('diffraction = { files = "six.xye" }', "xrd = {}"), "unknown key"),
        (change('wavelength = "CuKa"', "wavelength = -1.54"), "wavelength"),
        (change('wavelength = "CuKa"', "wavelength = 0"), "wavelength"),
        (change('wavelength = "CuKa"', 'wavelength = "CoolKa"'), "CoolKa"),
        (change('wavelength = "CuKa"', 'wavelenght = "CuKa"'), "did you mean 'wavelength'"),
        (GOOD.split("[[samples]]")[0], "samples: missing"),
        ("samples = []\n" + GOOD.split("[[samples]]")[0], "at least 1"),
        (GOOD + "\n[xas]\nk_wieght = 2\n", None),
    ],
)
def test_a_wrong_manifest_is_one_clear_message(tmp_path, text, message):
    path = manifest(tmp_path, text)
    if message is None:  # a probe's table that no sample uses is no fault
        assert load_series(path)
        return
    with pytest.raises(BadManifest) as caught:
        load_series(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def test_every_fault_is_named_and_the_line_of_a_single_one(tmp_path):
    single = change("conductivity = 6e-5", "conductivty = 6e-5")
    with pytest.raises(BadManifest, match="line 14: "):
        load_series(manifest(tmp_path, single))
    double = single.replace('wavelength = "CuKa"', "wavelength = -1")
    double = double.replace("conductivty = 6e-5", 'composition_ = ""')
    with pytest.raises(BadManifest) as caught:
        load_series(manifest(tmp_path, double.replace('name = "milling"', "name = 7")))
    assert "2 faults" in str(caught.value)


def test_no_manifest_says_how_to_get_one(tmp_path):
    with pytest.raises(MissingFile, match="xorder example"):
        load_series(tmp_path / "nothing.toml")


def test_a_binary_manifest_is_refused(tmp_path):
    path = tmp_path / "series.toml"
    path.write_bytes(bytes(range(256)))
    with pytest.raises(BadManifest, match="not a text file"):
        load_series(path)


@dataclass(frozen=True, kw_only=True, slots=True)
class Inner:
    blank: str = field(default="", metadata={"path": True})
    terms: int = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Outer:
    refine: Inner | None = None
    many: tuple[Inner, ...] = ()


def test_tables_within_a_recipe_know_their_keys_and_the_folder_of_the_manifest(tmp_path):
    (tmp_path / "empty.xy").write_text("1 2\n")
    own = {"refine": {"blank": "empty.xy"}, "many": [{"blank": "empty.xy"}]}
    found = _with_paths(Outer, own, tmp_path)
    there = str(tmp_path / "empty.xy")
    assert found == {"refine": {"blank": there}, "many": [{"blank": there}]}
    assert _known_keys(Outer, ["many", "0", "blnk"]) == ["blank", "terms"]
    # What a sample says of a table leaves the rest of the series' table standing.
    assert _merged({"refine": {"terms": 12}, "a": 1}, own)["refine"] == {
        "terms": 12,
        "blank": "empty.xy",
    }
