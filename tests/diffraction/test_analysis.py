"""The recipe, the analysis of one sample, plots, the figure, and measured standards."""

import importlib
import math
import subprocess
import sys
import warnings
from dataclasses import replace

import numpy as np
import pytest

from xorder import references
from xorder.diffraction import (
    DiffractionRecipe,
    Hump,
    TrackingOptions,
    analyse,
    read,
    read_instrument,
    simulate_mixture,
    track_peaks,
)
from xorder.errors import BadInput, ProvenanceWarning

#: The cell of FAP.XRA by Rietveld refinement in GSAS-II, a and c in Å.
FAP_CELL = (9.37186, 6.88590)
#: FWHM of LaB6_Jan2018.raw by a pseudo-Voigt doublet, degrees.
LAB6_WIDTHS = {
    (1, 0, 0): 0.0892, (1, 1, 0): 0.0865, (1, 1, 1): 0.0835, (2, 0, 0): 0.0809,
    (2, 1, 0): 0.0817, (2, 1, 1): 0.0811, (2, 2, 0): 0.0805, (3, 0, 0): 0.0815,
}  # fmt: skip


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    """Files of a simulated milling series of NaCl with silicon as an impurity."""
    folder = tmp_path_factory.mktemp("series")
    crystals = [references.load("NaCl"), references.load("Si_SRM640f")]
    paths = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, share, size in (("0 h", 0.0, 2000.0), ("6 h", 0.5, 300.0), ("40 h", 1.0, 100.0)):
            made = simulate_mixture(
                crystals, weight_fractions=[0.9, 0.1], amorphous_fraction=share,
                humps=[Hump(centre=28, fwhm=8)], sizes=[size, size], two_theta=(20, 60, 0.02),
            )  # fmt: skip
            paths[name] = folder / f"{name}.xye"
            np.savetxt(paths[name], np.column_stack([made.two_theta, made.intensity, made.sigma]))
    return paths


def recipe(**changes):
    return DiffractionRecipe(
        **{"structure": "NaCl", "impurities": ("Si_SRM640f",), "wavelength": "CuKa", **changes}
    )


@pytest.fixture(scope="module")
def analyses(series):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [
            analyse([path], recipe(n_planes=3), name=name, simulated=True)
            for name, path in series.items()
        ]


def test_every_number_has_unit_and_error(analyses):
    numbers = {number.name: number for number in analyses[0].numbers}
    assert numbers["fwhm (2 0 0)"].unit == "°"
    assert numbers["fwhm (2 0 0)"].stderr > 0
    assert abs(numbers["mean_shift"].value) < 4 * numbers["mean_shift"].stderr + 1e-3
    assert numbers["planes_lost"].value == 0


def test_widths_rise_and_lines_go(analyses):
    width = [
        next(n.value for n in analysis.numbers if n.name == "fwhm (2 0 0)") for analysis in analyses
    ]
    assert width[1] > 2 * width[0]
    assert math.isnan(width[2])
    assert any("lost" in message for message in analyses[2].messages)
    note = next(n.note for n in analyses[2].numbers if n.name == "area (2 0 0)")
    assert "area below" in note


def test_analyses_can_be_stored_and_sent(analyses, tmp_path):
    import pickle

    assert analyses[1].save(tmp_path / "a.h5").stat().st_size > 1000
    assert pickle.loads(pickle.dumps(analyses[1])).name == "6 h"  # noqa: S301
    assert "6 h" in analyses[1]._repr_html_()


def test_scans_of_one_sample_are_summed(series):
    path = series["0 h"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        one = analyse([path], recipe(planes=((2, 0, 0),)))
        two = analyse([path, path], recipe(planes=((2, 0, 0),)))
    assert two.pattern.intensity == pytest.approx(2 * one.pattern.intensity)
    assert two.pattern.sigma == pytest.approx(math.sqrt(2) * one.pattern.sigma)


def test_scans_on_other_axes_are_refused(series, tmp_path):
    other = tmp_path / "b.xy"
    table = np.loadtxt(series["0 h"])
    np.savetxt(other, table[:500, :2])
    with pytest.raises(BadInput, match="same axis"):
        analyse([series["0 h"], other], recipe())
    with pytest.raises(BadInput, match="no diffraction file"):
        analyse([], recipe())


def test_the_recipe_comes_from_plain_tables():
    pydantic = pytest.importorskip("pydantic")
    adapter = pydantic.TypeAdapter(DiffractionRecipe)
    made = adapter.validate_python(
        {"structure": "NaCl", "planes": [[2, 0, 0], [2, 2, 0]], "wavelength": 0.3497}
    )
    assert made.planes == ((2, 0, 0), (2, 2, 0))
    with pytest.raises(pydantic.ValidationError, match="plane"):
        adapter.validate_python({"structure": "NaCl", "plane": [[2, 0, 0]]})


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"wavelength": -1.0}, "wavelength = -1"),
        ({"wavelength": 8048.0}, "wavelength = 8048"),
        ({"wavelength": "CoolKa"}, "wavelength = 'CoolKa'; expected a wavelength in Å"),
        ({"two_theta": (50.0, 20.0)}, r"two_theta = \(50, 20\)"),
        ({"two_theta": (5.0, 200.0)}, "two_theta"),
        ({"window": 0.0}, "window = 0"),
        ({"tolerance": math.inf}, "tolerance = inf"),
        ({"instrument_fwhm": -0.1}, "instrument_fwhm = -0.1"),
        ({"max_fwhm": 0.0}, "max_fwhm = 0"),
        ({"n_planes": 0}, "n_planes = 0"),
        ({"uiso": -0.1}, "uiso = -0.1"),
        ({"planes": ()}, "planes is empty"),
        ({"planes": ((0, 0, 0),)}, r"planes holds \(0, 0, 0\)"),
    ],
)
def test_an_impossible_recipe_names_its_key(change, match):
    with pytest.raises(BadInput, match=match):
        recipe(**change)


def test_the_figure_shows_every_sample_and_says_simulated(analyses, tmp_path):
    drawing = importlib.import_module("xorder.figures.diffraction").draw(analyses)
    words = {text.get_text() for ax in drawing.figure.axes for text in ax.texts}
    assert {"0 h", "6 h", "40 h"} <= words
    assert drawing.figure.get_suptitle() == "simulated data"
    assert set(drawing.tables["peaks"]["sample"]) == {"0 h", "6 h", "40 h"}
    assert "fwhm (°)" in drawing.tables["peaks"]
    assert len(drawing.save(tmp_path, formats=("png",))) == 3


def test_plots_return_artists(analyses):
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib.figure import Figure

    from xorder.diffraction.plots import plot_peak_fit, plot_ticks

    ax = Figure().subplots()
    assert analyses[0].pattern.plot(ax)
    assert analyses[0].peaks.plot(ax)
    assert plot_ticks(analyses[0].reflections, ax)
    assert len(plot_peak_fit(analyses[0].peaks.fits[0], ax)) == 3


def test_importing_the_probe_loads_nothing_heavy():
    code = (
        "import sys, xorder.diffraction, xorder.diffraction.options;"
        "heavy = {'scipy', 'numba', 'pydantic', 'matplotlib', 'pandas', 'gemmi', 'h5py', 'larch'};"
        "print(sorted(heavy & {name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_options_load_not_even_numpy():
    code = "import sys, xorder.diffraction.options; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_lab6_widths_agree_with_the_established_programs(shared):
    pattern = read(shared("data", "diffraction", "LaB6_Jan2018.raw"))
    crystal = references.load("LaB6_SRM660c")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = track_peaks(pattern, crystal, planes=list(LAB6_WIDTHS))
    assert table.success.all()
    assert table.fwhm == pytest.approx(list(LAB6_WIDTHS.values()), rel=0.03)
    assert table.two_theta == pytest.approx(table.two_theta_calculated, abs=0.015)


def test_fluorapatite_lines_lie_where_its_cell_and_the_sample_height_put_them(shared):
    """A sample above the focus moves lines by a multiple of cos θ: that is fitted, no more."""
    radiation, _ = read_instrument(shared("data", "diffraction", "INST_XRY.PRM"))
    pattern = read(shared("data", "diffraction", "FAP.XRA"), wavelength=radiation)
    assert len(pattern.two_theta) == 5753
    crystal = references.load("Fluorapatite")
    a, c = FAP_CELL
    crystal = replace(crystal, cell=np.array([a, a, c, 90.0, 90.0, 120.0]))
    planes = [
        (2, 1, 1),
        (1, 1, 2),
        (3, 0, 0),
        (2, 0, 2),
        (0, 0, 2),
        (2, 2, 2),
        (2, 1, 3),
        (0, 0, 4),
    ]
    table = track_peaks(
        pattern, crystal, planes=planes, options=TrackingOptions(instrument_fwhm=0.08)
    )
    assert table.success.all()
    shift = table.two_theta - table.two_theta_calculated
    cosine = np.cos(np.deg2rad(table.two_theta) / 2)
    height = np.sum(shift * cosine) / np.sum(cosine**2)
    assert height == pytest.approx(-0.048, abs=0.005)
    assert shift == pytest.approx(height * cosine, abs=0.01)


def test_a_model_structure_is_not_taken_for_a_measured_one(series):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        analyse([series["0 h"]], recipe(structure="ZrCl4_model", impurities=(), n_planes=1))
    assert any(issubclass(warning.category, ProvenanceWarning) for warning in said)


def test_planes_that_coincide_by_symmetry_count_once_in_the_mean_shift(series):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        once, twice = (
            analyse([series["0 h"]], recipe(planes=planes), name="0 h", simulated=True)
            for planes in (((2, 0, 0), (2, 2, 0)), ((2, 0, 0), (0, 2, 0), (2, 2, 0)))
        )
    shifts = [{n.name: n for n in one.numbers}["mean_shift"] for one in (once, twice)]
    assert shifts[0].value == pytest.approx(shifts[1].value, abs=1e-9)
    assert "mean of 2 lines" in shifts[1].note
