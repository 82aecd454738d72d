"""Edges of the other elements of a sample limit what is normalized and transformed."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from xorder import xas
from xorder.errors import BadInput, DataWarning
from xorder.series import load_series
from xorder.xas.edge_overlaps import edges_above, edges_below, elements_in

Make = Callable[..., xas.Spectrum]


@pytest.fixture
def at(make_spectrum: Make) -> Callable[..., xas.Spectrum]:
    """Return a maker of spectra at any edge, the scan's distances kept."""

    def make(element: str, edge: str, **options: float) -> xas.Spectrum:
        spectrum = make_spectrum(**options)
        shift = xas.edge(element, edge).energy - 9881.0
        return replace(spectrum, energy=spectrum.energy + shift, element=element, edge=edge)

    return make


@pytest.mark.parametrize(
    ("formula", "elements"),
    [
        ("NaTaCl6", ("Na", "Ta", "Cl")),
        ("Na0.5Hf0.3(TaCl5)0.2", ("Na", "Hf", "Ta", "Cl")),
        ("", ()),
        ("CoCO", ("Co", "C", "O")),
    ],
)
def test_a_formula_names_its_elements(formula: str, elements: tuple[str, ...]) -> None:
    assert elements_in(formula) == elements


@pytest.mark.parametrize("formula", ["NaXx6", "salt", "Na; rm", "{}"])
def test_a_formula_of_no_elements_is_refused(formula: str, at: Make) -> None:
    with pytest.raises(BadInput, match="composition is"):
        xas.normalize(at("Ta", "L3"), composition=formula)


@pytest.mark.parametrize(
    ("element", "edge", "composition", "other", "distance"),
    [
        ("Hf", "L3", "Na2HfTaCl", "Ta L3", 320),
        ("Ta", "L3", "HfTaCl", "Hf L2", 858),
        ("Ta", "L3", "NaTaCl6", "Ta L2", 1255),
        ("Sm", "L3", "SmCl3", "Sm L2", 596),
        ("Na", "K", "NaSmCl4", "Sm M5", 13),
    ],
)
def test_the_next_edge_is_found(
    element: str, edge: str, composition: str, other: str, distance: float
) -> None:
    found = edges_above(element, edge, composition)[0]
    assert f"{found.element} {found.name}" == other
    assert found.energy - xas.edge(element, edge).energy == pytest.approx(distance, abs=3)


def test_the_edge_below_is_found() -> None:
    """Ta M1 and Hf M1 lie 114 and 221 eV below Cl K."""
    below = edges_below("Cl", "K", "HfTaCl6")[:2]
    assert [edge.element for edge in below] == ["Ta", "Hf"]
    distances = [xas.edge("Cl", "K").energy - edge.energy for edge in below]
    assert distances == pytest.approx([114, 221], abs=3)


@pytest.mark.parametrize(
    ("element", "edge", "composition", "k_max", "end"),
    [
        ("Hf", "L3", "NaHfTaCl6", 14.0, 9.0),
        ("Sm", "L3", "NaSmCl4", 14.0, 12.4),
        ("Ta", "L3", "NaHfTaCl6", 17.0, 14.9),
        ("Ta", "L3", "NaTaCl6", 17.0, 16.9),
    ],
)
@pytest.mark.filterwarnings("ignore::xorder.errors.DataWarning")
def test_the_next_edge_of_the_sample_ends_the_oscillations(
    at: Make, element: str, edge: str, composition: str, k_max: float, end: float
) -> None:
    normalized = xas.normalize(at(element, edge, k_max=k_max), composition=composition)
    exafs = xas.subtract_background(normalized)
    assert exafs.k[-1] == pytest.approx(end, abs=0.11)
    followed = exafs.k[-1] < k_max - 0.2
    assert any("edge follows; k ends at" in message for message in exafs.messages) == followed


def test_the_post_edge_range_ends_before_the_next_edge(at: Make) -> None:
    with pytest.warns(DataWarning, match="the data reach the Ta L3 edge"):
        found = xas.normalize(at("Hf", "L3"), composition="NaHfTaCl6")
    assert found.post_edge_range[1] == pytest.approx(300, abs=3)
    assert found.composition == "NaHfTaCl6"


def test_the_pre_edge_line_starts_above_the_edge_below(at: Make) -> None:
    with pytest.warns(DataWarning, match="Ta M1 edge lies 114 eV below"):
        found = xas.normalize(at("Cl", "K"), composition="NaTaCl6")
    assert found.pre_edge_range[0] == pytest.approx(-94, abs=3)


@pytest.mark.filterwarnings("ignore::xorder.errors.DataWarning")
def test_edges_on_top_of_each_other_are_told(at: Make) -> None:
    found = xas.normalize(at("Na", "K"), composition="NaSmCl4")
    assert sum("above the Na K edge: the step" in message for message in found.messages) == 2
    with pytest.raises(BadInput, match="the Sm M5 edge follows at k"):
        xas.subtract_background(found)


def test_a_range_over_the_next_edge_is_kept_and_told(at: Make) -> None:
    with pytest.warns(DataWarning):
        normalized = xas.normalize(at("Hf", "L3"), composition="NaHfTaCl6")
    with pytest.warns(DataWarning, match="k_range holds the Ta L3 edge"):
        assert xas.subtract_background(normalized, k_range=(0, 12)).k[-1] == pytest.approx(12.0)


def test_a_sample_of_a_series_brings_its_composition(tmp_path: Path, at: Make) -> None:
    """The recipe takes the sample's formula; its own words win."""
    spectrum = at("Hf", "L3")
    np.savetxt(tmp_path / "a.dat", np.stack([spectrum.energy, spectrum.mu], 1), header="energy mu")
    table = '[[samples]]\nname = "{}"\ncomposition = "{}"\nxas = {{ files = "a.dat"{} }}\n'
    manifest = tmp_path / "series.toml"
    manifest.write_text(
        '[series]\nname = "s"\n[xas]\nelement = "Hf"\nedge = "L3"\n'
        + table.format("one", "NaHfTaCl6", "")
        + table.format("two", "NaHfTaCl6", ', composition = "HfCl4"'),
        encoding="utf-8",
    )
    one, two = (sample.probes["xas"].recipe for sample in load_series(manifest).samples)
    assert (one.composition, two.composition) == ("NaHfTaCl6", "HfCl4")
    found = xas.analyse([tmp_path / "a.dat"], one)
    assert any("the Ta L3 edge follows" in message for message in found.messages)
    assert found.exafs is not None
    assert found.exafs.k[-1] < 9.1
