"""One call from files to numbers, as the series runner calls it, and the figure of a series."""

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from xorder import xas
from xorder.errors import BadInput
from xorder.figures.xas import draw

Make = Callable[..., xas.Spectrum]
RECIPE = xas.XasRecipe(k_range=(3.0, 12.0))
NAMES = {
    "e0",
    "edge_step",
    "white_line_energy",
    "white_line_height",
    "white_line_area",
    "epsilon_k",
    "first_shell_r",
    "first_shell_magnitude",
    "wavelet_first_shell",
    "wavelet_feature_k",
    "wavelet_feature_r",
    "wavelet_feature",
    "wavelet_feature_ratio",
    "wavelet_box_mean",
}


@pytest.fixture
def scans(tmp_path: Path, make_spectrum: Make) -> list[Path]:
    return [
        xas.write_xdi(make_spectrum(noise=1e-3, seed=s, name="glass"), tmp_path / f"{s}.xdi")
        for s in range(3)
    ]


def test_scans_become_numbers_with_errors_or_a_reason(scans: list[Path]) -> None:
    analysis = xas.analyse(scans, RECIPE, name="glass")
    assert {n.name for n in analysis.numbers} == NAMES
    for number in analysis.numbers:
        assert np.isfinite(number.stderr) or number.note
    values = {n.name: n for n in analysis.numbers}
    assert values["edge_step"].value == pytest.approx(1.0, abs=0.03)
    assert values["first_shell_r"].value == pytest.approx(2.35, abs=0.05)


def test_the_analysis_knows_how_it_was_made(scans: list[Path]) -> None:
    made = xas.analyse(scans, RECIPE).provenance
    assert made is not None
    assert made.function == "xorder.xas.analysis.analyse"
    assert [f["digest"] for f in made.parameters["files"]]
    assert made.parameters["recipe"]["k_range"] == [3.0, 12.0]


@pytest.mark.parametrize("simulated", [True, False])
def test_simulated_stays_simulated(tmp_path: Path, make_spectrum: Make, simulated: bool) -> None:
    path = xas.write_xdi(make_spectrum(), tmp_path / "a.xdi")
    assert xas.analyse([path], RECIPE, simulated=simulated).simulated is simulated
    marked = xas.write_xdi(make_spectrum(simulated=True), tmp_path / "b.xdi")
    assert xas.analyse([marked], RECIPE).simulated


def test_a_near_edge_scan_gives_near_edge_numbers(tmp_path: Path, make_spectrum: Make) -> None:
    path = xas.write_xdi(make_spectrum(k_max=5.0), tmp_path / "xanes.xdi")
    analysis = xas.analyse([path], xas.XasRecipe())
    assert analysis.exafs is None
    assert analysis.wavelets is None
    assert {n.name for n in analysis.numbers} < NAMES
    assert any("no EXAFS" in message for message in analysis.messages)


def test_an_absent_feature_is_a_value_with_a_message(tmp_path: Path, make_spectrum: Make) -> None:
    path = xas.write_xdi(make_spectrum(), tmp_path / "glass.xdi")
    recipe = xas.XasRecipe(k_range=(3.0, 12.0), feature_r=(2.9, 3.1))
    analysis = xas.analyse([path], recipe)
    numbers = {n.name: n for n in analysis.numbers}
    assert np.isnan(numbers["wavelet_feature"].value)
    assert np.isfinite(numbers["wavelet_box_mean"].value)
    assert any("wavelet feature" in message for message in analysis.messages)


def test_an_energy_shift_shifts(scans: list[Path]) -> None:
    shifted = xas.analyse(scans, xas.XasRecipe(k_range=(3.0, 12.0), energy_shift=3.0))
    assert shifted.normalized.e0 - xas.analyse(scans, RECIPE).normalized.e0 == pytest.approx(3.0)


def test_a_recipe_of_another_element_is_said(tmp_path: Path, make_spectrum: Make) -> None:
    path = xas.write_xdi(make_spectrum(element="W"), tmp_path / "a.xdi")
    analysis = xas.analyse([path], xas.XasRecipe(element="Ta", edge="L3", k_range=(3.0, 12.0)))
    assert any("the file says element W, the recipe Ta" in m for m in analysis.messages)
    assert analysis.normalized.element == "Ta"


def test_text_columns_by_recipe(tmp_path: Path, make_spectrum: Make) -> None:
    spectrum = make_spectrum()
    path = tmp_path / "raw.txt"
    rows = np.stack([np.ones_like(spectrum.energy), spectrum.energy, spectrum.mu], axis=1)
    np.savetxt(path, rows)
    recipe = xas.XasRecipe(columns="energy=2, mu=3", element="Ta", edge="L3", k_range=(3.0, 12.0))
    assert xas.analyse([path], recipe).normalized.e0 == pytest.approx(9882.0, abs=2.0)


def test_no_files_and_unmerged_files_are_refused(scans: list[Path]) -> None:
    with pytest.raises(BadInput, match="no file to analyse"):
        xas.analyse([], RECIPE)
    with pytest.raises(BadInput, match="3 files for one sample, but merge is false"):
        xas.analyse(scans, xas.XasRecipe(merge=False))


def test_a_project_group_by_recipe(shared: Callable[..., Path]) -> None:
    path = shared("data", "xas", "Au.prj")
    recipe = xas.XasRecipe(group="Au foil", athena_settings=True, k_range=(3.0, 12.0))
    analysis = xas.analyse([path], recipe)
    assert analysis.normalized.e0 == 11919.0
    assert analysis.normalized.order == 2


def test_three_scans_of_wo3(shared: Callable[..., Path]) -> None:
    """W L3 of WO3: published normalizations put the white line between 3.00 and 3.18."""
    files = [shared("data", "xas", f"WO3_rt_0{i}.xdi") for i in (1, 2, 3)]
    analysis = xas.analyse(files, RECIPE)
    height = {n.name: n for n in analysis.numbers}["white_line_height"]
    assert 3.00 - height.stderr < height.value < 3.18 + height.stderr
    assert 0.01 < height.stderr < 0.15


def test_the_recipe_is_a_toml_table() -> None:
    adapter = TypeAdapter(xas.XasRecipe)
    recipe = adapter.validate_python(
        {"element": "Ta", "edge": "L3", "k_range": [3, 12], "wavelet": "cauchy", "rho": 8}
    )
    assert recipe.k_range == (3.0, 12.0)
    with pytest.raises(ValidationError, match="kweight"):
        adapter.validate_python({"kweight": 2})
    assert all(field.name == field.name.lower() for field in fields(xas.XasRecipe))


def test_the_figure_of_a_series_has_its_panels_and_its_data(
    scans: list[Path], tmp_path: Path
) -> None:
    analyses = [
        xas.analyse(scans[:1], RECIPE, name="6 h"),
        xas.analyse(scans[1:], RECIPE, name="40 h", simulated=True),
    ]
    drawing = draw(analyses)
    titles = [
        ax.get_title(loc="left")
        for part in (drawing.figure, *drawing.figure.subfigs)
        for ax in part.axes
    ]
    assert {"(a)", "(b)", "(c)", "(d)", "(e)"} <= set(titles)
    assert "simulated" in drawing.figure.get_suptitle()
    assert set(drawing.tables) == {"a_xanes", "b_chi", "c_transform", "d_wavelets"}
    assert "6 h: Energy (eV)" in drawing.tables["a_xanes"].columns
    for path in drawing.save(tmp_path, formats=("png",)):
        assert path.stat().st_size > 0


def test_the_figure_of_near_edge_scans_has_one_panel(tmp_path: Path, make_spectrum: Make) -> None:
    path = xas.write_xdi(make_spectrum(k_max=5.0), tmp_path / "xanes.xdi")
    drawing = draw([xas.analyse([path], xas.XasRecipe())])
    assert set(drawing.tables) == {"a_xanes"}


def test_nothing_draws_nothing() -> None:
    with pytest.raises(BadInput, match="no analysis to draw"):
        draw([])


def test_every_result_draws_itself(scans: list[Path]) -> None:
    from matplotlib.figure import Figure

    analysis = xas.analyse(scans, RECIPE)
    parts = ("spectrum", "normalized", "exafs", "transform", "wavelets")
    for part in (analysis, *(getattr(analysis, name) for name in parts)):
        ax = Figure().subplots()
        assert part.plot(ax)
        assert "Å" in ax.get_xlabel() or "eV" in ax.get_xlabel()


def test_results_become_tables(scans: list[Path]) -> None:
    analysis = xas.analyse(scans, RECIPE)
    assert analysis.exafs is not None
    assert analysis.normalized.to_dataframe().index.name == "energy"
    assert list(analysis.exafs.to_dataframe().columns) == ["chi", "delta_chi"]
