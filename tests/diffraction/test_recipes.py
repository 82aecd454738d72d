"""Refinement, sizes and fractions as a manifest asks for them; a series compared."""

import csv
import warnings
from dataclasses import replace

import numpy as np
import pytest

from xorder import references
from xorder.diffraction import (
    DiffractionRecipe,
    Hump,
    Profile,
    analyse,
    make_pattern,
    simulate_mixture,
    write_xye,
)
from xorder.diffraction.comparison import compare
from xorder.diffraction.options import QuantifyRecipe, RefineRecipe, SizeStrainRecipe
from xorder.diffraction.recipe_refinement import refined_phases, refinement_options
from xorder.errors import BadInput
from xorder.run import run_series
from xorder.series import load_series

#: Truth: amorphous share and domain size (Å) of each sample.
TRUTH = {"a": (0.0, 700.0), "b": (0.3, 350.0), "c": (0.7, 150.0)}
AXIS = (20.0, 70.0, 0.03)
STEPS = {"background": 3, "positions": False, "uiso": "none"}


def simulated(share, size, *, seed, phases=("NaCl",), weights=(1.0,)):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return simulate_mixture(
            [references.load(name) for name in phases], weight_fractions=weights,
            amorphous_fraction=share, humps=[Hump(centre=30.0, fwhm=8.0)], two_theta=AXIS,
            profile=Profile(), sizes=[size] * len(phases), counts=1e4, background=(120.0, -20.0),
            seed=seed,
        )  # fmt: skip


def kapton(two_theta):
    """What a film scatters: two bands of its own."""
    return 400.0 * np.exp(-(((two_theta - 23.0) / 2.0) ** 2)) + 150.0 * np.exp(
        -(((two_theta - 33.0) / 3.0) ** 2)
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A series under a film whose blank was measured longer, and its manifest."""
    made = tmp_path_factory.mktemp("series")
    rng = np.random.default_rng(3)
    for seed, (name, (share, size)) in enumerate(TRUTH.items()):
        pattern = simulated(share, size, seed=seed)
        film = rng.poisson(kapton(pattern.two_theta))
        counts = pattern.intensity + film
        write_xye(
            made / f"{name}.xye",
            replace(pattern, intensity=counts, sigma=np.sqrt(np.maximum(counts, 1.0))),
        )
    longer = rng.poisson(20.0 * kapton(pattern.two_theta)).astype(float)
    blank = make_pattern(pattern.two_theta, longer, wavelength="CuKa", name="film")
    write_xye(made / "blank.xye", blank)
    samples = "".join(
        f'[[samples]]\nname = "{name}"\norder = {i}\nconductivity = 1e-{6 - i}\n'
        f'diffraction = {{ files = "{name}.xye" }}\n'
        for i, name in enumerate(TRUTH)
    )
    (made / "series.toml").write_text(
        f"""
[series]
name = "NaCl under a film"
order = "time (h)"
simulated = true
[diffraction]
structure = "NaCl"
wavelength = "CuKa"
n_planes = 3
[diffraction.refine]
series = "sequential"
background = 3
positions = false
uiso = "none"
humps = [[30.0, 8.0, 1.0]]
blank = "blank.xye"
{samples}""",
        encoding="utf-8",
    )
    return made


def recipe(**tables):
    return DiffractionRecipe(structure="NaCl", wavelength="CuKa", n_planes=3, **tables)


def analysed(path, **tables):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return analyse([path], recipe(**tables))


@pytest.fixture(scope="module")
def run(folder, tmp_path_factory):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return run_series(load_series(folder / "series.toml"), tmp_path_factory.mktemp("out"))


def rows(run):
    with run.summary.open(encoding="utf-8") as file:
        return {(row["sample"], row["name"]): row for row in csv.DictReader(file)}


def test_a_series_is_refined_in_turn_from_its_manifest(run):
    assert not run.failures
    found = rows(run)
    for name, (_, size) in TRUTH.items():
        row = found[name, "refined size (NaCl)"]
        assert abs(float(row["value"]) - size) < 4 * float(row["stderr"])


def test_the_loss_is_told_as_relative_and_is_the_true_one(run):
    found = rows(run)
    for name, (share, _) in TRUTH.items():
        row = found[name, "crystalline_loss"]
        assert float(row["value"]) == pytest.approx(share, abs=4 * float(row["stderr"]) + 1e-9)
        assert "not a weight fraction" in row["note"]


def test_the_figures_of_a_series_are_those_of_its_tables(run):
    stems = {path.stem for path in run.figures if path.suffix == ".png"}
    expected = {"diffraction", "diffraction_widths", "diffraction_loss", "diffraction_refinement"}
    assert expected <= stems


def test_a_blank_is_told_from_the_halo_and_drawn(folder):
    table = RefineRecipe(**STEPS, humps=((30.0, 8.0, 1.0),), blank=str(folder / "blank.xye"))
    found = analysed(folder / "b.xye", refine=table).refinement
    pattern = found.patterns[0]
    assert pattern.blank.max() == pytest.approx(400.0, rel=0.1)
    assert pattern.gof < 1.1
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib.figure import Figure

    ax = Figure().subplots()
    found.plot(ax)
    assert {"blank", "amorphous halo", "NaCl", "difference"} <= {*ax.get_legend_handles_labels()[1]}


def test_unexplained_lines_are_marked_in_the_figure(tmp_path):
    from xorder.figures.diffraction_refinement import draw_refinements, refined_patterns

    pattern = simulated(0.0, 800.0, seed=5, phases=("NaCl", "Si_SRM640f"), weights=(0.8, 0.2))
    path = write_xye(tmp_path / "two.xye", pattern)
    found = analysed(path, refine=RefineRecipe(**STEPS)).refinement
    (drawing,) = draw_refinements(refined_patterns([found]))
    labels = drawing.figure.axes[0].get_legend_handles_labels()[1]
    assert any(label.startswith("unexplained") for label in labels)
    assert drawing.figure.get_suptitle() == "simulated data"


@pytest.mark.parametrize(
    ("method", "called"),
    [("rietveld", "structure"), ("lebail", "extracted"), ("pawley", "refined")],
)
def test_a_method_reaches_every_phase(method, called):
    phases = refined_phases(
        replace(recipe(refine=RefineRecipe(method=method)), impurities=("Si_SRM640f",))
    )
    assert [phase.intensities for phase in phases] == [called, called]


def test_a_structure_from_a_file_has_the_name_of_the_file(tmp_path, folder):
    from importlib import resources

    source = resources.files("xorder.reference_spectra") / "structures" / "NaCl.cif"
    path = tmp_path / "salt.cif"
    path.write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    table = replace(recipe(refine=RefineRecipe(**STEPS)), structure=str(path))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = analyse([folder / "a.xye"], table)
    assert found.reflections.name == "salt"
    assert any(number.name == "refined size (salt)" for number in found.numbers)


def test_restraints_are_written_as_text():
    table = RefineRecipe(
        restraints=(
            "Na1-Cl1 = 2.82 +- 0.02",
            "Cl1-Na1-Cl1 = 90 ± 2",
            "uiso_Na1 - uiso_Cl1 = 0 +- 1e-3",
        )
    )
    bond, angle, expression = refinement_options(recipe(refine=table)).restraints
    assert (bond.first, bond.second, bond.length, bond.sigma) == ("Na1", "Cl1", 2.82, 0.02)
    assert (angle.centre, angle.angle, angle.sigma) == ("Na1", 90.0, 2.0)
    assert (expression.expr, expression.value) == ("uiso_Na1 - uiso_Cl1", 0.0)


def test_constraints_hold_and_tie_parameters(folder):
    table = RefineRecipe(
        **{**STEPS, "uiso": "site"}, constraints=("uiso_Na1 = uiso_Cl1", "strain=0")
    )
    found = analysed(folder / "a.xye", refine=table).refinement.fit.parameters
    assert found["uiso_Na1"].value == found["uiso_Cl1"].value
    assert found["strain"].value == 0.0
    assert not found["strain"].vary


def test_a_series_of_one_sample_has_nothing_to_compare(folder):
    one = analysed(folder / "a.xye")
    assert compare([one], recipe()) is None


def test_without_a_refinement_the_loss_is_of_tracked_areas(folder):
    analyses = [analysed(folder / f"{name}.xye") for name in ("a", "b")]
    found = compare(analyses, recipe())
    assert found.measure == "sum of the areas of the tracked planes"
    assert found.loss.loss[1] == pytest.approx(TRUTH["b"][0], abs=0.1)


def test_exposures_count_in_the_loss(folder):
    analyses = [analysed(folder / f"{name}.xye") for name in ("a", "b")]
    twice = [analyses[0], replace(analyses[1], exposure=2.0)]
    equal, half = (compare(each, recipe()).loss.remaining[1] for each in (analyses, twice))
    assert half == pytest.approx(equal / 2.0)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: DiffractionRecipe(structure="NaCl", quantify=QuantifyRecipe()), "without refine"),
        (lambda: recipe(exposure=0.0), "exposure = 0"),
        (lambda: recipe(conductivity=-1.0), "conductivity = -1"),
        (lambda: SizeStrainRecipe(), "neither is given"),
        (lambda: SizeStrainRecipe(standard="a", instrument="b"), "both are given"),
        (lambda: SizeStrainRecipe(standard="a", shape_factor=0.0), "shape_factor = 0"),
        (lambda: RefineRecipe(background=0), "background = 0"),
        (lambda: RefineRecipe(humps=((20.0, 0.0, 1.0),)), "humps holds"),
        (lambda: RefineRecipe(constraints=("a b = 1",)), "constraints holds"),
        (lambda: RefineRecipe(restraints=("Na1-Cl1 = 2.8",)), "restraints holds"),
        (lambda: RefineRecipe(radius=-1.0), "radius = -1"),
        (lambda: QuantifyRecipe(weighed=(0.1, 0.0)), "without internal_standard"),
        (lambda: QuantifyRecipe(external_standard="a.xy"), "without external_structure"),
        (lambda: QuantifyRecipe(backgrounds=(0,)), "backgrounds"),
        (lambda: QuantifyRecipe(grain_diameters=(-1.0,)), "grain_diameters"),
    ],
)
def test_an_impossible_table_names_its_key(make, match):
    with pytest.raises(BadInput, match=match):
        make()


def test_a_standard_that_is_none_is_told_by_its_file(folder, tmp_path):
    path = tmp_path / "standard.xye"
    path.write_text("nothing", encoding="utf-8")
    with pytest.raises(BadInput, match=r"standard\.xye"):
        analysed(folder / "a.xye", size_strain=SizeStrainRecipe(standard=str(path)))


def test_an_external_standard_needs_the_absorption_of_the_sample(tmp_path):
    """Simulated without absorption, so scales are divided by each sample's own μ* here."""
    from xorder.diffraction import mass_absorption

    nacl, silicon = (references.load(name) for name in ("NaCl", "Si_SRM640f"))
    share = 0.4
    pattern = simulated(share, 800.0, seed=11)
    standard = simulated(0.0, 800.0, seed=12, phases=("Si_SRM640f",))
    exposure = scale_of("NaCl") / mass_absorption(nacl, wavelength="CuKa")
    of_standard = scale_of("Si_SRM640f") / mass_absorption(silicon, wavelength="CuKa")
    paths = [
        write_xye(tmp_path / name, made)
        for name, made in (
            ("s.xye", _scaled(pattern, exposure)),
            ("si.xye", _scaled(standard, of_standard)),
        )
    ]
    found = analysed(
        paths[0],
        refine=RefineRecipe(**STEPS, humps=((30.0, 8.0, 1.0),)),
        quantify=QuantifyRecipe(
            external_standard=str(paths[1]), external_structure="Si_SRM640f",
            amorphous_composition="NaCl",
        ),
    ).fractions  # fmt: skip
    (result,) = found.amorphous
    assert result.method == "external standard"
    assert result.amorphous == pytest.approx(share, abs=max(4 * result.stderr, 0.02))


def _scaled(pattern, factor):
    """Return a pattern of another exposure, its counts no longer whole."""
    return replace(pattern, intensity=factor * pattern.intensity, sigma=factor * pattern.sigma)


def scale_of(name):
    """Return what makes the scales of simulated pure phases those of one exposure.

    `simulate_mixture` sets the highest line of each to the same height; a diffractometer gives
    S = 1/(mass volume) for each.
    """
    from xorder.diffraction.quantification import cell_content
    from xorder.diffraction.recipe_refinement import refine_pattern

    table = recipe(refine=RefineRecipe(**STEPS))
    found = refine_pattern(
        simulated(0.0, 800.0, seed=13, phases=(name,)), replace(table, structure=name)
    )
    mass, volume = cell_content(references.load(name))
    return 1e3 / (found.patterns[0].phases[0].scale * mass * volume)
