"""One call from files to numbers, as the series runner calls it, and the figure of a series."""

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from xorder import references, xas
from xorder.errors import BadInput
from xorder.figures.xas import draw, draw_details
from xorder.xas import reference_library
from xorder.xas.recipe_tables import (
    BondAngleOptions,
    MixtureOptions,
    NearEdgeOptions,
    PreparationOptions,
    ShellFitOptions,
)
from xorder.xas.scans import read_reference

Make = Callable[..., xas.Spectrum]
RECIPE = xas.XasRecipe(k_range=(3.0, 12.0))
NEAR = xas.XasRecipe(exafs=False)
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


def with_glitch(spectrum: xas.Spectrum, point: int) -> xas.Spectrum:
    mu = spectrum.mu.copy()
    mu[point] += 0.5
    return replace(spectrum, mu=mu)


def test_removed_points_are_listed(tmp_path: Path, make_spectrum: Make) -> None:
    spectrum = with_glitch(make_spectrum(noise=1e-4), 250)
    path = xas.write_xdi(spectrum, tmp_path / "glitch.xdi")
    recipe = replace(RECIPE, prepare=PreparationOptions(deglitch=8.0))
    analysis = xas.analyse([path], recipe)
    assert analysis.spectrum.energy.size == spectrum.energy.size - 1
    assert any(f"{spectrum.energy[250]:.2f} eV" in message for message in analysis.messages)


def test_points_of_given_ranges_are_removed_and_no_others(
    tmp_path: Path, make_spectrum: Make
) -> None:
    spectrum = with_glitch(make_spectrum(noise=1e-4), 250)
    path = xas.write_xdi(spectrum, tmp_path / "glitch.xdi")
    low, high = spectrum.energy[300] - 0.1, spectrum.energy[301] + 0.1
    options = PreparationOptions(deglitch_ranges=((float(low), float(high)),))
    analysis = xas.analyse([path], replace(RECIPE, prepare=options))
    assert analysis.spectrum.energy.size == spectrum.energy.size - 2


@pytest.mark.parametrize("align", ["", "mu"])
def test_scans_that_drifted_are_aligned_where_asked(
    tmp_path: Path, make_spectrum: Make, align: str
) -> None:
    files = []
    for scan, shift in enumerate((0.0, 1.5, 3.0)):
        spectrum = make_spectrum(noise=1e-4, seed=scan, name=f"scan {scan}")
        moved = replace(spectrum, energy=spectrum.energy + shift)
        files.append(xas.write_xdi(moved, tmp_path / f"{scan}.xdi"))
    recipe = replace(RECIPE, prepare=PreparationOptions(align=align))
    analysis = xas.analyse(files, recipe)
    alone = xas.analyse(files[:1], RECIPE)
    heights = [a.normalized.white_line.height for a in (analysis, alone)]
    kept = abs(heights[0] / heights[1] - 1) < 0.01
    assert kept is (align == "mu")


def test_a_standard_is_calibrated_to_its_energy(tmp_path: Path, make_spectrum: Make) -> None:
    spectrum = make_spectrum()
    path = xas.write_xdi(replace(spectrum, energy=spectrum.energy + 4.0), tmp_path / "a.xdi")
    options = PreparationOptions(calibrate="mu", calibrate_energy=9881.0)
    analysis = xas.analyse([path], replace(RECIPE, prepare=options))
    assert analysis.normalized.e0 == pytest.approx(9881.0, abs=0.5)
    assert any("calibrated" in message for message in analysis.messages)


def test_a_foil_that_is_not_there_is_said(tmp_path: Path, make_spectrum: Make) -> None:
    path = xas.write_xdi(make_spectrum(), tmp_path / "a.xdi")
    recipe = replace(RECIPE, prepare=PreparationOptions(calibrate="reference"))
    with pytest.raises(BadInput, match="no reference channel"):
        xas.analyse([path], recipe)


def test_thick_samples_grow_when_self_absorption_is_taken_off(make_spectrum: Make) -> None:
    thick = make_spectrum(white_line=0.5)
    recipe = replace(NEAR, composition="TaCl5")
    options = PreparationOptions(self_absorption=True)
    plain = xas.analyse_spectrum(thick, recipe)
    corrected = xas.analyse_spectrum(thick, replace(recipe, prepare=options))
    assert corrected.normalized.white_line.height > 1.05 * plain.normalized.white_line.height
    assert any("self-absorption" in message for message in corrected.messages)


def test_fine_scans_are_rebinned_and_cut(tmp_path: Path, make_spectrum: Make) -> None:
    energy = np.arange(9731.0, 10630.0, 0.2)
    coarse = make_spectrum()
    fine = replace(coarse, energy=energy, mu=np.interp(energy, coarse.energy, coarse.mu))
    path = xas.write_xdi(fine, tmp_path / "fine.xdi")
    options = PreparationOptions(rebin=True, energy_range=(9741.0, 10500.0))
    analysis = xas.analyse([path], replace(RECIPE, prepare=options, k_range=(3.0, 11.0)))
    assert analysis.spectrum.energy.size < 1000
    assert analysis.spectrum.energy[-1] <= 10500.0
    assert analysis.normalized.e0 == pytest.approx(xas.find_e0(coarse)[0], abs=0.5)


@pytest.fixture(scope="module")
def salt() -> xas.Spectrum:
    """Return a simulated spectrum of six Cl around Ta."""
    path = replace(xas.quick_path("Ta", "L3", "Cl", 2.35), degeneracy=6.0)
    return xas.simulate_spectrum(
        [path], element="Ta", edge="L3", s02=0.9, sigma2=0.004, noise=2e-4, name="salt"
    )


def shell_rows(spectrum: xas.Spectrum, **options: object) -> dict[str, float]:
    fit = ShellFitOptions(shells=("Cl 2.3",), r_range=(1.2, 2.8), **options)
    analysis = xas.analyse_spectrum(spectrum, replace(RECIPE, fit=fit))
    assert analysis.shell_fit
    return {n.name: n.value for n in analysis.numbers}


def test_a_shell_of_the_recipe_is_fitted(salt: xas.Spectrum) -> None:
    found = shell_rows(salt)
    assert found["fit r Ta–Cl"] == pytest.approx(2.35, abs=0.01)
    assert found["fit degeneracy Ta–Cl"] == pytest.approx(6.0, abs=0.8)
    # S0² and N are told apart by what is given alone.
    other = shell_rows(salt, s02=0.45)
    assert other["fit degeneracy Ta–Cl"] == pytest.approx(2 * found["fit degeneracy Ta–Cl"], 0.01)


def test_parameters_are_held_tied_and_started(salt: xas.Spectrum) -> None:
    fit = ShellFitOptions(
        shells=("Cl 2.3",),
        r_range=(1.2, 2.8),
        parameters=("n_cl = 6", "sigma2_cl = 0.001 * n_cl", "r_cl ~ 2.36", "s02 ~ 0.8"),
    )
    analysis = xas.analyse_spectrum(salt, replace(RECIPE, fit=fit))
    assert analysis.shell_fit is not None
    parameters = analysis.shell_fit.parameters
    assert parameters["n_cl"].value == 6.0
    assert not parameters["n_cl"].vary
    assert parameters["sigma2_cl"].value == pytest.approx(0.006)
    assert parameters["r_cl"].init_value == pytest.approx(2.36)
    assert parameters["s02"].vary
    assert parameters["r_cl"].value == pytest.approx(2.35, abs=0.02)


def test_computed_references_are_oscillations_without_an_edge() -> None:
    known = references.load_spectrum("NaTaCl6_Ta_L3")
    found = read_reference("NaTaCl6_Ta_L3", RECIPE, space="chi")
    assert isinstance(found, xas.Exafs)
    np.testing.assert_array_equal(found.chi, known.chi)
    assert (found.element, found.edge) == ("Ta", "L3")
    with pytest.raises(BadInput, match="without a near edge"):
        read_reference("NaTaCl6_Ta_L3", RECIPE)


def test_the_user_s_own_references_are_found_by_name(tmp_path: Path, make_spectrum: Make) -> None:
    made = make_spectrum(name="foil")
    reference_library.add_reference(xas.write_xdi(made, tmp_path / "foil.xdi"), name="my_foil")
    found = read_reference("my_foil", RECIPE)
    assert isinstance(found, xas.Normalized)
    np.testing.assert_allclose(found.mu, made.mu, atol=1e-6)
    # Its energies are its own: what moves the samples leaves it.
    moved = read_reference("my_foil", replace(RECIPE, energy_shift=5.0, e0=9885.0))
    np.testing.assert_array_equal(moved.energy, found.energy)
    assert moved.e0 == found.e0


def test_the_phase_of_a_neighbour_brings_its_peak_to_its_distance(salt: xas.Spectrum) -> None:
    analysis = xas.analyse_spectrum(salt, replace(RECIPE, phase_correction="Cl 2.35"))
    numbers = {n.name: n for n in analysis.numbers}
    assert numbers["first_shell_r"].value < 2.1
    assert numbers["corrected_shell_r"].value == pytest.approx(2.35, abs=0.05)


def test_the_feature_of_a_map_is_assigned_to_paths(
    ta_paths: tuple[xas.ScatteringPath, ...],
) -> None:
    spectrum = xas.simulate_spectrum(
        ta_paths, element="Ta", edge="L3", s02=0.9, sigma2=0.003, noise=1e-4, name="crystal"
    )
    fit = ShellFitOptions(
        structure="NaTaCl6", radius=5.0, program="feff6l", r_range=(1.2, 4.8), k_weights=(2.0,),
        starts=1,
    )  # fmt: skip
    analysis = xas.analyse_spectrum(spectrum, replace(RECIPE, fit=fit))
    assert analysis.assignment is not None
    assert analysis.assignment.labels[0].startswith("Ta–Cl–Ta–Cl–Ta")
    assert any("wavelet feature: at k" in message for message in analysis.messages)
    # Thirty paths share parameters: these are the rows, each once.
    names = [n.name for n in analysis.numbers]
    assert len(names) == len(set(names)) < 45


def test_bend_and_disorder_of_straight_chains_are_numbers(salt: xas.Spectrum) -> None:
    options = BondAngleOptions(ligand="Cl 2.35", shape="chain", program="feff6l")
    analysis = xas.analyse_spectrum(salt, replace(RECIPE, bond_angles=options))
    assert analysis.bond_angles is not None
    names = {n.name for n in analysis.numbers}
    assert {"angle bend", "angle sigma2_chain", "angle r_factor"} <= names
    drawings = {drawing.name: drawing for drawing in draw_details([analysis])}
    assert list(drawings) == ["angles"]
    assert list(drawings["angles"].tables["numbers"]["verdict"]) == [analysis.bond_angles.verdict]
    # Single scattering alone: there is no chain to be straight.
    assert analysis.bond_angles.verdict != "straight"
    assert any("bond angles: " in message for message in analysis.messages)


@pytest.mark.parametrize(
    ("make", "key"),
    [
        (lambda: BondAngleOptions(ligand="2.35"), "element and distance"),
        (lambda: ShellFitOptions(), "no shell"),
        (lambda: ShellFitOptions(shells=("Cl",)), "element and distance"),
        (lambda: ShellFitOptions(shells=("Cl 2.35",), parameters=("n_cl",)), "n_cl"),
        (lambda: ShellFitOptions(shells=("Cl 2.35",), parameters=("n_cl ~ many",)), "number"),
        (lambda: ShellFitOptions(shells=("Cl 2.35",), k_weights=()), "k_weights"),
        (lambda: ShellFitOptions(shells=("Cl 2.35",), r_range=(3.0, 1.0)), "r_range"),
        (lambda: MixtureOptions(), "no reference"),
        (lambda: MixtureOptions(references=("a",), max_shift=-1.0), "max_shift"),
        (lambda: NearEdgeOptions(peaks=()), "no peak"),
        (lambda: PreparationOptions(deglitch=1.0), "deglitch"),
        (lambda: PreparationOptions(deglitch_ranges=((2.0, 1.0),)), "deglitch_ranges"),
        (lambda: PreparationOptions(energy_range=(2.0, float("nan"))), "energy_range"),
        (lambda: xas.XasRecipe(prepare=PreparationOptions(self_absorption=True)), "composition"),
        (lambda: xas.XasRecipe(phase_correction="2.35"), "element and distance"),
        (lambda: xas.XasRecipe(order=6), "order"),
        (lambda: xas.XasRecipe(k_range=(12.0, 3.0)), "k_range"),
    ],
)
def test_a_wrong_option_is_named(make: Callable[[], object], key: str) -> None:
    with pytest.raises(BadInput, match=key):
        make()


def test_tables_within_the_recipe_are_toml_tables() -> None:
    recipe = TypeAdapter(xas.XasRecipe).validate_python(
        {
            "prepare": {"align": "reference", "deglitch": 8},
            "fit": {"shells": ["O 1.84", "Cl 2.35"], "r_range": [1, 2.8]},
            "lcf": {"references": ["a.xdi"], "end_members": ["6 h"]},
            "near_edge": {"peaks": [{"center": 2822.0, "name": "pre-edge"}]},
            "difference": {},
            "pca": {"targets": ["b.prj#foil"]},
            "mcr": {"n_components": 3},
        }
    )
    assert recipe.fit is not None
    assert recipe.fit.neighbours() == (("O", 1.84), ("Cl", 2.35))
    for wrong in ({"fit": {"shels": ["O 1.84"]}}, {"pca": {"n": 2}}, {"near_edge": {}}):
        with pytest.raises(ValidationError):
            TypeAdapter(xas.XasRecipe).validate_python(wrong)


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
