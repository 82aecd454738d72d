"""From files and a recipe to numbers and a figure."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from xorder import pdf
from xorder.errors import BadInput, XorderError
from xorder.figures.pdf import draw

R = 0.02 * np.arange(1, 801)
WIDE = pdf.BoxcarOptions(step=3.0)
OFF = pdf.BoxcarOptions(fit=False)


@pytest.fixture(scope="module")
def files(made, tmp_path_factory):
    folder = tmp_path_factory.mktemp("gr")
    found = {}
    for name, salt in (("pure", 0.0), ("mixed", 0.3)):
        parts = [
            pdf.SimulatedPhase(crystal=made.nickel(), mass_fraction=1 - salt, uiso=0.006),
            pdf.SimulatedPhase(crystal=made.rock_salt(), mass_fraction=salt, uiso=0.015),
        ]
        data = pdf.simulate_gr(parts, r=R, q_max=22.0, noise=0.02, seed=1)
        found[name] = pdf.write_gr(folder / f"{name}.gr", data)
    return found


@pytest.fixture(scope="module")
def recipe():
    return pdf.PdfRecipe(structures=("Ni", "NaCl"), r_max=16.0, boxcar=WIDE, correlation="none")


@pytest.fixture(scope="module")
def mixed(files, recipe):
    return pdf.analyse([files["mixed"]], recipe, name="a mixture")


def test_numbers_have_units_and_errors(mixed):
    numbers = {number.name: number for number in mixed.numbers}
    assert numbers["a_Ni"].unit == "Å"
    assert numbers["a_Ni"].value == pytest.approx(3.524, abs=0.01)
    assert numbers["mass_fraction_NaCl"].value == pytest.approx(0.3, abs=0.03)
    assert 0 < numbers["mass_fraction_NaCl"].stderr < 0.03
    assert numbers["r_w"].value < 0.1
    assert numbers["qdamp"].note == "fixed"
    assert "mass_fraction_NaCl (first window)" in numbers


def test_a_number_without_an_error_says_why(mixed):
    for number in mixed.numbers:
        assert np.isfinite(number.stderr) or number.note, number.name


def test_a_crystal_of_which_there_is_nothing_keeps_its_shape(files, recipe):
    analysis = pdf.analyse([files["pure"]], recipe)
    numbers = {number.name: number for number in analysis.numbers}
    assert numbers["mass_fraction_NaCl"].value < 3 * numbers["mass_fraction_NaCl"].stderr + 1e-3
    assert numbers["mass_fraction_NaCl"].stderr < 0.01
    assert numbers["uiso_Cl_NaCl"].note == "held: too little of the phase to tell"
    assert numbers["a_NaCl"].value == pytest.approx(5.6401, abs=1e-3)
    assert any("too little of the phase to tell" in message for message in analysis.messages)


def test_windows_keep_the_size_of_domains_and_lengths_are_read_without_it(made, tmp_path):
    parts = [
        pdf.SimulatedPhase(
            crystal=made.nickel(), mass_fraction=0.4, uiso=0.006, sphere_diameter=15.0
        ),
        pdf.SimulatedPhase(crystal=made.rock_salt(), mass_fraction=0.6, uiso=0.015),
    ]
    data = pdf.simulate_gr(parts, r=0.02 * np.arange(1, 1101), q_max=22.0, noise=0.02, seed=3)
    recipe = pdf.PdfRecipe(
        structures=("Ni", "NaCl"), r_max=21.0, sphere_diameter=40.0, correlation="none",
        boxcar=pdf.BoxcarOptions(phase="Ni", free=("scale*",)),
    )  # fmt: skip
    analysis = pdf.analyse([pdf.write_gr(tmp_path / "nano.gr", data)], recipe)
    numbers = {number.name: number for number in analysis.numbers}
    length = numbers["order_length_diameter_Ni"]
    assert length.value == pytest.approx(15.0, rel=0.15)
    assert 0 < length.stderr < 3.0
    assert np.isfinite(numbers["order_length_half_Ni"].value)
    inside = analysis.boxcar.r_max < 13.0
    assert np.abs(analysis.boxcar.mass_fraction[inside, 0] - 0.4).max() < 0.1


def test_the_area_of_a_window_is_a_number(files):
    analysis = pdf.analyse([files["pure"]], pdf.PdfRecipe(window=(3.2, 3.8)))
    (number,) = analysis.numbers
    assert number.name == "window_area"
    assert "3.2 to 3.8 Å" in number.note
    assert 0 < number.stderr < abs(number.value)


def test_a_resolution_nobody_gave_is_said(files, tmp_path):
    recipe = pdf.PdfRecipe(structures=("Ni",), r_max=10.0, boxcar=OFF)
    text = files["pure"].read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if "qdamp" not in line]
    assert len(lines) < len(text.splitlines())
    path = tmp_path / "bare.gr"
    path.write_text("\n".join(lines), encoding="utf-8")
    assert any("no qdamp, so 0.04" in m for m in pdf.analyse([path], recipe).messages)
    assert not any("no qdamp" in m for m in pdf.analyse([files["pure"]], recipe).messages)
    refined = replace(recipe, refine_qdamp=True)
    assert not any("no qdamp" in m for m in pdf.analyse([path], refined).messages)


def test_what_is_simulated_stays_labelled(mixed):
    assert mixed.simulated
    assert mixed.fit.simulated
    assert mixed.boxcar.simulated
    texts = [
        text.get_text() for text in draw([mixed]).figure.findobj(lambda a: hasattr(a, "get_text"))
    ]
    assert any("simulated" in text for text in texts)


def test_a_series_makes_one_figure_with_its_data(mixed, files, recipe, tmp_path):
    other = pdf.analyse([files["pure"]], recipe, name="pure")
    drawing = draw([other, mixed])
    assert set(drawing.tables) == {"a", "b", "c"}
    assert set(drawing.tables["a"]["sample"]) == {"pure", "a mixture"}
    written = drawing.save(tmp_path, formats=("png",))
    assert all(path.stat().st_size > 0 for path in written)


def test_the_amorphous_part_of_a_sample_comes_back(made, tmp_path):
    # The same structure twice: nanocrystals of 50 Å, and a part that is correlated over 9 Å.
    parts = [
        pdf.SimulatedPhase(
            crystal=made.rock_salt(), mass_fraction=0.4, uiso=0.015, delta2=1.5, sphere_diameter=50
        ),
        pdf.SimulatedPhase(
            crystal=made.rock_salt(), mass_fraction=0.6, uiso=0.03, delta2=2.0, sphere_diameter=9
        ),
    ]
    data = pdf.simulate_gr(parts, r=R, q_max=22.0, noise=0.01, seed=3)
    path = pdf.write_gr(tmp_path / "milled.gr", data)
    recipe = pdf.PdfRecipe(
        structures=("NaCl",), amorphous=("NaCl",), r_max=16.0, sphere_diameter=80.0, boxcar=WIDE
    )
    analysis = pdf.analyse([path], recipe)
    numbers = {number.name: number for number in analysis.numbers}
    for name, truth in {
        "mass_fraction_NaCl_amorphous": 0.6,
        "sphere_diameter_NaCl_amorphous": 9.0,
        "sphere_diameter_NaCl": 50.0,
    }.items():
        assert abs(numbers[name].value - truth) < 4 * numbers[name].stderr, name
    assert numbers["mass_fraction_NaCl_amorphous"].stderr < 0.1
    assert numbers["mass_fraction_amorphous"].value == pytest.approx(
        numbers["mass_fraction_NaCl_amorphous"].value
    )
    assert numbers["a_NaCl_amorphous"].note == "the same as a_NaCl"
    assert numbers["a_NaCl_amorphous"].unit == "Å"
    # The crystal alone loses scale as windows leave the amorphous part behind.
    assert analysis.boxcar.phases == ("NaCl",)
    assert numbers["scale_ratio"].value < 0.8


def test_an_amorphous_part_needs_its_structure():
    with pytest.raises(BadInput, match="amorphous names"):
        pdf.PdfRecipe(structures=("NaCl",), amorphous=("Ni",))


def test_a_failed_refinement_is_drawn_as_failed(mixed):
    fit = mixed.fit
    gone = np.full_like(fit.r, np.nan)
    failed = replace(
        mixed, fit=replace(fit, fit=None, model=gone, difference=gone), boxcar=None, numbers=()
    )
    drawing = draw([failed])
    texts = [text.get_text() for text in drawing.figure.axes[0].texts]
    assert texts == ["refinement failed"]


def test_kernels_compile_where_no_cache_can_be_written(monkeypatch):
    import numba

    from xorder.pdf import kernels

    real = numba.njit

    def without_a_writable_folder(*args, cache=False, **kwargs):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return real(*args, **kwargs)

    monkeypatch.setattr(numba, "njit", without_a_writable_folder)
    double = kernels._compiled(lambda x: 2.0 * x)
    assert double(2.0) == 4.0


def test_without_structures_the_curve_is_shown(files):
    analysis = pdf.analyse([files["pure"]], pdf.PdfRecipe())
    assert analysis.fit is None
    assert analysis.numbers == ()
    assert any("no structure" in message for message in analysis.messages)
    assert set(draw([analysis]).tables) == {"a"}


def test_files_of_one_sample_are_averaged(files, recipe):
    twice = pdf.analyse([files["pure"], files["pure"]], pdf.PdfRecipe())
    once = pdf.analyse([files["pure"]], pdf.PdfRecipe())
    np.testing.assert_allclose(twice.measured.gr, once.measured.gr)
    np.testing.assert_allclose(twice.measured.stderr, once.measured.stderr / np.sqrt(2))


def test_files_on_different_grids_are_refused(files, tmp_path):
    short = pdf.PairDistribution(r=R[:100], gr=np.zeros(100))
    path = pdf.write_gr(tmp_path / "short.gr", short)
    with pytest.raises(BadInput, match="differs from"):
        pdf.analyse([files["pure"], path], pdf.PdfRecipe())


def test_a_range_beyond_the_data_ends_with_them(files):
    recipe = pdf.PdfRecipe(structures=("Ni",), r_max=50.0, boxcar=OFF)
    analysis = pdf.analyse([files["pure"]], recipe)
    assert any("the data end at 16 Å" in message for message in analysis.messages)


def test_windows_too_narrow_are_a_message(files):
    recipe = pdf.PdfRecipe(structures=("Ni",), r_max=16.0, boxcar=pdf.BoxcarOptions(width=40.0))
    analysis = pdf.analyse([files["pure"]], recipe)
    assert analysis.boxcar is None
    assert any("does not fit" in message for message in analysis.messages)


@pytest.mark.parametrize(
    ("structures", "files_given"),
    [(("no-such-structure",), True), (("Ni", "Ni"), True), (("Ni",), False)],
)
def test_what_cannot_be_analysed_is_said(files, structures, files_given):
    with pytest.raises(XorderError):
        pdf.analyse([files["pure"]] if files_given else [], pdf.PdfRecipe(structures=structures))


def test_an_empty_series_has_no_figure():
    with pytest.raises(BadInput, match="no analysis"):
        draw([])


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"r_min": 20.0, "r_max": 5.0}, "r_min < r_max"),
        ({"r_max": -1.0}, "r_max"),
        ({"q_max": 0.0}, "q_max"),
        ({"parameters": "a = 1"}, "list"),
        ({"series": "all"}, "series"),
        ({"qdamp": -0.1}, "qdamp"),
        ({"window": (4.0, 3.5)}, "window"),
        ({"structures": "Ni"}, "list"),
        ({"weights": "all"}, "weights"),
    ],
)
def test_a_recipe_says_what_it_expects(kwargs, message):
    with pytest.raises(BadInput, match=message):
        pdf.PdfRecipe(**kwargs)


def test_a_recipe_comes_out_of_a_table():
    adapter = TypeAdapter(pdf.PdfRecipe)
    table = {"structures": ["Ni"], "r_max": 30, "q_max": 24.5, "boxcar": {"fit": False}}
    assert adapter.validate_python(table) == pdf.PdfRecipe(
        structures=("Ni",), r_max=30.0, q_max=24.5, boxcar=OFF
    )
    with pytest.raises(ValidationError, match="rmax"):
        adapter.validate_python({"rmax": 30})


def test_importing_the_package_loads_numpy_at_most():
    code = (
        "import sys, xorder.pdf, xorder.pdf.options; "
        "heavy = {'numba', 'scipy', 'matplotlib', 'pandas', 'larch', 'h5py', 'gemmi'}; "
        "sys.exit(' '.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
