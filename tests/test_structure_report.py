"""The report of a structure says what is in it, in 100 columns."""

from pathlib import Path

import pytest

from xorder import load_structure, references
from xorder.errors import StructureWarning
from xorder.structure_report import report, with_error

CIFS = Path(__file__).parent / "cifs"


@pytest.mark.parametrize("name", references.names())
def test_every_line_has_at_most_100_columns(name: str) -> None:
    text = report(references.load(name))
    assert max(map(len, text.splitlines())) <= 100
    assert text.endswith("\n")


def test_a_report_tells_cell_symmetry_content_bonds_and_coordination() -> None:
    text = report(references.load("NaTaCl6"))
    assert "P 1 21/c 1 (No. 14), 4 operations" in text
    assert "density      2.938 g/cm³" in text
    assert "Na 4  Ta 4  Cl 24   (32 in all)" in text
    assert "2.290 – 2.488      2.380   Cl4 2.290, Cl2 2.315" in text
    assert "Na1        6   6 Cl" in text
    assert "shorter than 1.25 × the sum of the covalent radii" in text
    assert "status   FOUND" in text
    assert "calculated, not measured" in " ".join(text.split())


def test_equal_bonds_stand_together() -> None:
    assert "6 × Cl1 2.820" in report(references.load("NaCl"))


def test_a_report_of_a_disordered_cluster() -> None:
    with pytest.warns(StructureWarning, match="H missing"):
        text = report(load_structure(CIFS / "constructed_cluster.cif"))
    assert max(map(len, text.splitlines())) <= 100
    assert "9.4363(3)     10.2986(2)     17.6142(4)" in text
    assert "deposit  CCDC 0000000" in text
    assert "3 C + 1.5 As + 1.5 S + 3 Re" in text
    assert "A/1" in text
    assert "14 H missing" in text


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (9.4363, 0.0003, "9.4363(3)"),
        (2.786, 0.008, "2.786(8)"),
        (2.109, 0.013, "2.109(13)"),
        (1594.2, 1.2, "1594.2(12)"),
        (150.0, 2.0, "150(2)"),
        (1.5, 0.001, "1.500(1)"),
        (5.0, 12.0, "5(12)"),
        (90.0, float("nan"), "90"),
        (5.6401, 0.0, "5.6401"),
    ],
)
def test_numbers_with_their_errors(value: float, error: float, text: str) -> None:
    assert with_error(value, error) == text
