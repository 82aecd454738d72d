"""The reference structures: each has its provenance, its doubts and a sound file."""

import warnings
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from xorder import references
from xorder.errors import BadInput, BadStructure, ProvenanceWarning, StructureWarning
from xorder.neighbors import find_bonds
from xorder.structure import composition

NAMES = references.names()


def test_index_and_files_agree() -> None:
    folder = resources.files("xorder.reference_spectra") / "structures"
    files = {
        Path(file.name).stem if file.name.count(".") == 1 else file.name[:-4]
        for file in folder.iterdir()
        if file.name.endswith(".cif")
    }
    assert files == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_each_reference_loads_without_a_warning_and_carries_its_status(name: str) -> None:
    crystal = references.load(name)
    entry = next(entry for entry in references.entries() if entry.name == name)
    assert crystal.status == entry.status
    assert crystal.name == name
    assert entry.source in crystal.notes[0]
    assert composition(crystal)


@pytest.mark.parametrize("entry", references.entries(), ids=NAMES)
def test_each_entry_tells_source_licence_and_confidence(entry: references.Entry) -> None:
    assert entry.title
    assert len(entry.source) > 10
    assert entry.licence
    assert entry.confidence
    assert {entry.cell, entry.coordinates} <= {"FOUND", "RECALLED", "MODEL"}


@pytest.mark.parametrize("entry", references.entries(), ids=NAMES)
def test_no_modelled_cell_and_no_low_confidence_is_trusted_for_lines(
    entry: references.Entry,
) -> None:
    if entry.cell == "MODEL" or "low" in entry.confidence or "model" in entry.name:
        assert not entry.line_positions_trusted


@pytest.mark.parametrize("entry", references.entries(), ids=NAMES)
def test_a_file_calls_itself_what_the_index_calls_it(entry: references.Entry) -> None:
    text = (resources.files("xorder.reference_spectra") / entry.file).read_text(encoding="utf-8")
    head = "".join(line for line in text.splitlines() if line.startswith("#"))
    words = {
        "FOUND": ("FOUND",),
        "RECALLED": ("RECALLED", "recalled", "from memory"),
        "MODEL": ("MODEL", "ESTIMATE", "INTERPOLATED", "computed"),
    }
    assert any(word in head for word in words[entry.status])
    assert "/work" not in text
    assert "/home" not in text


def test_the_status_is_the_weaker_of_cell_and_coordinates() -> None:
    entries = {entry.name: entry for entry in references.entries()}
    assert (entries["Na2O2"].cell, entries["Na2O2"].coordinates) == ("RECALLED", "FOUND")
    assert entries["Na2O2"].status == "RECALLED"
    assert entries["HfO2"].status == "FOUND"
    assert entries["TaCl5_model"].status == "MODEL"


def test_a_model_used_for_line_positions_gives_a_provenance_warning() -> None:
    with pytest.warns(ProvenanceWarning, match="NaTaCl6_model.*MODEL"):
        references.load("NaTaCl6_model", line_positions=True)


def test_a_calculated_cell_used_for_line_positions_gives_a_provenance_warning() -> None:
    with pytest.warns(ProvenanceWarning, match="calculated, not measured"):
        references.load("NaTaCl6", line_positions=True)


@pytest.mark.parametrize("name", ["LaB6_SRM660c", "Si_SRM640f", "NaCl", "Al2O3_SRM676a"])
def test_standards_may_be_used_for_line_positions(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert references.load(name, line_positions=True).name


@pytest.mark.parametrize(
    ("name", "near"),
    [("NaTaCl", "NaTaCl6"), ("nacl", "NaCl"), ("SRM640", "Si_SRM640f"), ("", "Ni")],
)
def test_an_unknown_name_lists_near_ones(name: str, near: str) -> None:
    with pytest.raises(BadInput, match=rf"no reference structure.*{near}"):
        references.load(name)


@pytest.mark.parametrize("path", ["structures/NaCl.cif", "missing.cif"])
def test_a_missing_file_is_told_as_a_file(path: str) -> None:
    with pytest.raises(BadInput, match=f"there is no file '{path}'"):
        references.load(path)


def test_a_path_loads_the_file_with_its_warnings(tmp_path: Path) -> None:
    path = tmp_path / "mine.cif"
    source = resources.files("xorder.reference_spectra") / "structures/NaCl.cif"
    path.write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.warns(StructureWarning, match="no atom has a displacement U"):
        crystal = references.load(path)
    assert crystal.status == ""
    assert crystal.source == str(path)


def test_a_file_comes_before_a_reference_of_the_same_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "NaCl").write_text("not a CIF", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadStructure, match="no whole CIF"):
        references.load("NaCl")


def test_apatite_has_the_distances_of_its_second_calcium() -> None:
    bonds = find_bonds(references.load("Fluorapatite"))
    oxygen = (bonds.label == "Ca2") & np.char.startswith(bonds.neighbor, "O")
    found = sorted(bonds.length[oxygen])
    # Hughes, Cameron & Crowley (1989): 2.348 (twice), 2.374, 2.501 (twice), 2.701 Å.
    assert found == pytest.approx([2.348, 2.348, 2.374, 2.501, 2.501, 2.701], abs=0.01)


def test_files_match_the_collection_they_were_taken_from(shared: Callable[..., Path]) -> None:
    corrected = {"Fluorapatite"}
    for name in set(NAMES) - corrected:
        theirs = shared("structures", f"{name}.cif").read_text(encoding="utf-8")
        ours = (resources.files("xorder.reference_spectra") / f"structures/{name}.cif").read_text(
            encoding="utf-8"
        )
        assert ours == theirs
