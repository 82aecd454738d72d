"""Every bad input has one clear message, never a traceback of NumPy or a silent number."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xorder import xas
from xorder.errors import BadInput, DataWarning, MissingFile, UnreadableFile, XorderError

ENERGY = np.linspace(8900.0, 9300.0, 60)
MU = 1.0 + (ENERGY > 8980) * 1.0


def columns_text(
    energy: np.ndarray = ENERGY, mu: np.ndarray = MU, head: str = "# energy mu"
) -> str:
    return "\n".join([head, *(f"{e:.4f} {m:.6f}" for e, m in zip(energy, mu, strict=True))]) + "\n"


def counts_text(i0: np.ndarray, itrans: np.ndarray) -> str:
    rows = (f"{e} {a} {b}" for e, a, b in zip(ENERGY, i0, itrans, strict=True))
    return "\n".join(["# energy i0 itrans", *rows]) + "\n"


def with_line(index: int, line: str) -> str:
    lines = columns_text().splitlines()
    lines[index] = line
    return "\n".join(lines) + "\n"


COUNTS = np.full(60, 1e5)
HOLE = np.where(np.arange(60) == 30, 0.0, COUNTS)
NEGATIVE = np.where(np.arange(60) == 30, -5.0, COUNTS)
GAP = np.where(np.arange(60) == 7, np.nan, MU)

FILES = {
    "empty": (b"", "the file is empty"),
    "blank": (b" \n\n \n", "the file is empty"),
    "header alone": (b"# energy mu\n# nothing\n", "no table of numbers"),
    "binary": (bytes(range(256)) * 20, "binary"),
    "text without numbers": (b"once upon a time\nthere was an edge\n", "no table of numbers"),
    "one column": ("\n".join(map(str, ENERGY)).encode(), "one column"),
    "no labels": (columns_text(head="", mu=MU**0).encode(), "signal can be told from 2 columns"),
    "unknown labels": (columns_text(head="# clock counter").encode(), "1 'clock', 2 'counter'"),
    "no signal": (columns_text(head="# energy clock").encode(), "no absorption signal"),
    "a word among numbers": (with_line(12, "8975.0 saturated").encode(), "line 13: column 2"),
    "a short row": (with_line(12, "8975.0").encode(), "line 13: the row has 1 numbers"),
    "a long row": (with_line(12, "8975.0 1 2").encode(), "line 13: the row has 3 numbers"),
    "decimal commas": (columns_text().replace(".", ",").encode(), "decimal commas"),
    "decimal commas, semicolons": (
        columns_text().replace(" ", ";").replace(".", ",").encode(),
        "decimal commas",
    ),
    "NaN rows": (columns_text(mu=GAP).encode(), r"mu is not a finite number at 1 .*row 8"),
    "energies in keV": (
        columns_text(energy=ENERGY / 1000, head="# energy[eV] mu").encode(),
        "looks like keV",
    ),
    "negative energies": (columns_text(energy=ENERGY - 9000).encode(), "energy runs from -100"),
    "energies in meV": (columns_text(energy=ENERGY * 1000).encode(), "energy runs from 8.9e"),
    "too few points": (columns_text(ENERGY[:8], MU[:8]).encode(), "has 8 points"),
    "i0 zero": (counts_text(HOLE, COUNTS).encode(), "i0/itrans is not positive at 1"),
    "itrans zero": (counts_text(COUNTS, HOLE).encode(), "first in row 31"),
    "itrans negative": (counts_text(COUNTS, NEGATIVE).encode(), "i0/itrans is not positive"),
    "angles without a spacing": (
        columns_text(head="# angle mu").encode(),
        "angles but no plane spacing",
    ),
    "truncated gzip": (
        gzip.compress(b"# Athena project file -- Demeter version 0.9\n" * 900)[:60],
        "truncated or damaged",
    ),
    "a project cut short": (
        b"# Athena project file -- Demeter version 0.9.24\n$old_group = 'a';\n@args = ('label','x",
        "line 3: the line of args does not end",
    ),
    "a project without [record]": (
        b"# Athena project file -- Demeter version 0.9.24\n$old_group = 'a';\n"
        b"@args = ('label','x');\n",
        r"not closed by \[record\]",
    ),
    "a project without groups": (
        b"# Athena project file -- Demeter version 0.9.24\n1;\n",
        "no μ",
    ),
    "a project with unequal arrays": (
        b"# Athena project file -- Demeter version 0.9.24\n$old_group = 'a';\n"
        b"@args = ('label','foil');\n@x = ('1','2');\n@y = ('1');\n[record]\n",
        "group 'foil' has 2 energies and 1 values",
    ),
    "a project with words for numbers": (
        b"# Athena project file -- Demeter version 0.9.24\n$old_group = 'a';\n"
        b"@args = ('label','foil');\n@x = ('one');\n@y = ('1');\n[record]\n",
        "line 4: x holds something that is not a number",
    ),
    "a broken JSON project": (b'{"_____header1": "# Athena project file", "a": {', "JSON"),
    "an SSRL scan without data": (b"SSRL   EXAFS Data Collector 1.3\nnothing\n", "`Data:`"),
    "a 9809 scan without a header": (
        b"  9809     KEK-PF   BL9A\n" + columns_text(head="").encode(),
        "9809 header",
    ),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_file_that_cannot_be_used_says_why(kind: str, tmp_path: Path) -> None:
    content, message = FILES[kind]
    path = tmp_path / "scan.dat"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=message) as caught:
        xas.read(path)
    assert "scan.dat" in str(caught.value)


def test_a_project_that_is_not_compressed_is_read_as_one(tmp_path: Path) -> None:
    rows = ",".join(f"'{e}'" for e in ENERGY)
    values = ",".join(f"'{m}'" for m in MU)
    path = tmp_path / "plain.prj"
    path.write_text(
        "# Athena project file -- Demeter version 0.9.24\n$old_group = 'a';\n"
        f"@args = ('label','Cu','bkg_eshift','1.5');\n@x = ({rows});\n@y = ({values});\n[record]\n"
    )
    assert xas.read(path).energy[0] == pytest.approx(8901.5)


def test_a_missing_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(MissingFile, match="no such file"):
        xas.read(tmp_path / "nothing.xdi")
    with pytest.raises(UnreadableFile, match="folder"):
        xas.read(tmp_path)


COLUMNS = {
    "beyond the file": ({"energy": 1, "mu": 9}, "column 9 as mu"),
    "zero": ({"energy": 0, "mu": 2}, "column 0 as energy"),
    "an unknown label": ({"energy": 1, "mu": "signal"}, "'signal' as mu"),
    "an unknown role": ({"energy": 1, "absorbance": 2}, "role 'absorbance'"),
    "no signal": ({"energy": 1, "i0": 2}, "no absorption signal"),
}


@pytest.mark.parametrize("kind", COLUMNS)
def test_columns_that_are_not_there_are_named(kind: str, tmp_path: Path) -> None:
    columns, message = COLUMNS[kind]
    path = tmp_path / "scan.dat"
    path.write_text(columns_text())
    with pytest.raises(BadInput, match=message):
        xas.read(path, columns=columns)


def test_the_wrong_column_as_energy_is_refused_not_used(tmp_path: Path) -> None:
    path = tmp_path / "scan.dat"
    path.write_text(columns_text())
    with pytest.warns(DataWarning), pytest.raises(BadInput):
        xas.read(path, columns={"energy": 2, "mu": 1})


def test_an_unknown_mode_or_group_lists_the_choices(tmp_path: Path) -> None:
    path = tmp_path / "scan.dat"
    path.write_text(columns_text())
    with pytest.raises(BadInput, match="mode is 'electron'"):
        xas.read(path, mode="electron")
    with pytest.raises(BadInput, match="no group 'foil'"):
        xas.read(path, group="foil")


def test_a_json_project_that_lists_a_lost_group_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "lost.prj"
    content = {"_____header1": "# Athena project file -- Demeter", "_____order": ["gone"]}
    path.write_text(json.dumps(content))
    with pytest.raises(UnreadableFile, match="'gone' is listed but not there"):
        xas.read(path)


ARRAYS = {
    "lengths": (ENERGY, MU[:-1], "differ in length"),
    "words": (["a", "b"], [1, 2], "not an array of numbers"),
    "two dimensions": (np.ones((30, 2)), np.ones((30, 2)), "2 dimensions"),
    "infinite": (ENERGY, np.where(ENERGY > 9000, np.inf, MU), "not a finite number"),
    "NaN energies": (np.where(ENERGY > 9200, np.nan, ENERGY), MU, "energy is not a finite"),
    "one energy": (np.full(60, 9000.0), MU, "has 1 points"),
}


@pytest.mark.filterwarnings("ignore::xorder.errors.DataWarning")
@pytest.mark.parametrize("kind", ARRAYS)
def test_arrays_that_are_no_spectrum_are_refused(kind: str) -> None:
    energy, mu, message = ARRAYS[kind]
    with pytest.raises(BadInput, match=message):
        xas.spectrum_from_arrays(energy, mu)


NORMALIZATION = {
    "e0 below": ({"e0": 5000.0}, "e0 is 5000"),
    "e0 above": ({"e0": 50000.0}, "e0 is 50000"),
    "e0 NaN": ({"e0": float("nan")}, "e0 is nan"),
    "pre-edge above the edge": ({"pre_edge": (-50.0, 30.0)}, "pre_edge is"),
    "pre-edge reversed": ({"pre_edge": (-30.0, -100.0)}, "pre_edge is"),
    "post-edge beyond": ({"post_edge": (5000.0, 6000.0)}, "post_edge is"),
    "post-edge reversed": ({"post_edge": (400.0, 100.0)}, "post_edge is"),
    "too few points": ({"pre_edge": (-100.0, -97.0)}, "holds [01] points"),
    "order": ({"order": 7}, "order is 7"),
    "smoothing": ({"smoothing": -1.0}, "smoothing is -1"),
}


@pytest.mark.parametrize("kind", NORMALIZATION)
def test_normalization_refuses_settings_outside_the_data(
    kind: str, make_spectrum: Callable[..., xas.Spectrum]
) -> None:
    settings, message = NORMALIZATION[kind]
    with pytest.raises(BadInput, match=message):
        xas.normalize(make_spectrum(), **settings)


def test_a_spectrum_of_another_edge_is_refused(
    make_spectrum: Callable[..., xas.Spectrum],
) -> None:
    with pytest.raises(BadInput, match="Cu K edge is at 8979 eV"):
        xas.normalize(make_spectrum(element="Cu", edge="K"))
    with pytest.raises(BadInput, match="no edge 'L9'"):
        xas.normalize(make_spectrum(edge="L9"))


def test_a_spectrum_that_steps_down_is_refused(
    make_spectrum: Callable[..., xas.Spectrum],
) -> None:
    with pytest.raises(BadInput, match="edge"):
        xas.normalize(make_spectrum(step=-1.0, element="", edge=""), e0=9881.0)


EXAFS = {
    "rbkg": (xas.subtract_background, {"rbkg": -1.0}, "rbkg is -1"),
    "background weight": (xas.subtract_background, {"k_weight": -2}, "k_weight is -2"),
    "background range": (xas.subtract_background, {"k_range": (0, 40)}, "data end at"),
    "window": (xas.transform_to_r, {"window": "square"}, "window is 'square'"),
    "range beyond": (xas.transform_to_r, {"k_range": (3, 40)}, "ends at"),
    "range reversed": (xas.transform_to_r, {"k_range": (12, 3)}, "k_range is"),
    "weight": (xas.transform_to_r, {"k_weight": -1}, "k_weight is -1"),
    "dk": (xas.transform_to_r, {"dk": -1}, "dk is -1"),
    "r_max": (xas.transform_to_r, {"r_max": 100}, "r_max is 100"),
    "wavelet": (xas.transform_to_wavelets, {"wavelet": "haar"}, "wavelet is 'haar'"),
    "resolution": (xas.transform_to_wavelets, {"rho": 0}, "rho is 0"),
    "distances": (xas.transform_to_wavelets, {"r_range": (4, 2)}, "r_range is"),
    "step": (xas.transform_to_wavelets, {"r_step": 0}, "r_step is 0"),
}


@pytest.mark.parametrize("kind", EXAFS)
def test_exafs_steps_refuse_settings_that_make_no_sense(
    kind: str,
    make_spectrum: Callable[..., xas.Spectrum],
    make_exafs: Callable[..., xas.Exafs],
) -> None:
    function, settings, message = EXAFS[kind]
    if function is xas.subtract_background:
        given = xas.normalize(make_spectrum())
    else:
        given = make_exafs(chi=np.sin)
    with pytest.raises(BadInput, match=message):
        function(given, **settings)


RECIPES = {
    "rbkg": {"rbkg": -1.0},
    "k_range": {"k_range": (12.0, 3.0)},
    "rho": {"rho": float("nan")},
    "order": {"order": 5},
    "e0": {"e0": -3.0},
    "r_max": {"r_max": 2.5},
    "first_shell": {"first_shell": (3.0, 1.0)},
    "energy_shift": {"energy_shift": float("inf")},
}


@pytest.mark.parametrize("key", RECIPES)
def test_a_recipe_names_the_key_that_is_wrong(key: str) -> None:
    with pytest.raises(BadInput, match=key):
        xas.XasRecipe(**RECIPES[key])


@pytest.mark.filterwarnings("ignore::xorder.errors.DataWarning")
@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    kind=st.sampled_from(["columns", "xdi", "athena", "ssrl", "9809", "hxma"]),
    place=st.floats(0.0, 1.0),
    damage=st.binary(min_size=0, max_size=30),
    lost=st.integers(0, 400),
)
def test_a_damaged_file_is_read_or_refused_but_never_breaks(
    tmp_path: Path, kind: str, place: float, damage: bytes, lost: int
) -> None:
    heads = {
        "columns": "# energy mu",
        "xdi": "# XDI/1.0\n# Column.1: energy eV\n# Column.2: mutrans\n#----",
        "athena": "# Athena project file -- Demeter version 0.9\n$old_group = 'a';\n"
        "@args = ('label','x','titles',['a','b']);\n@x = ('1','2');\n@y = ('1','2');\n[record]",
        "ssrl": "SSRL EXAFS Data Collector 1.3\nData:\nAchieved Energy\nI0\n",
        "9809": "  9809 KEK-PF\n Mono : Si(111) D= 3.1 A\n Mode 0 0 1\n Offset 0 0 5",
        "hxma": '# CLS Data Acquisition\n#(1) "$(EnergyAchieved)" "$(Detector1)"',
    }
    content = columns_text(head=heads[kind]).encode()
    start = int(place * len(content))
    path = tmp_path / "damaged.dat"
    path.write_bytes(content[:start] + damage + content[start + lost :])
    try:
        spectra = xas.read_all(path)
    except XorderError:
        return
    assert all(np.all(np.diff(s.energy) > 0) for s in spectra)
