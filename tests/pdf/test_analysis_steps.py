"""The tables of the recipe: reduction, data sets together, windows, peaks, models, series."""

from dataclasses import replace

import numpy as np
import pytest
from pydantic import TypeAdapter

from xorder import pdf
from xorder.errors import BadInput
from xorder.figures.pdf import draw, draw_comparison, draw_details
from xorder.fitting import Parameter, Parameters
from xorder.pdf.constraints import parameters_from_text

R = 0.02 * np.arange(1, 801)
OFF = pdf.BoxcarOptions(fit=False)


def texts(drawing):
    found = drawing.figure.findobj(lambda artist: hasattr(artist, "get_text"))
    return " ".join(text.get_text() for text in found)


@pytest.fixture(scope="module")
def series(made, tmp_path_factory):
    """Nickel with more and more salt, whose cell is one."""
    folder = tmp_path_factory.mktemp("series")
    found = []
    for k, salt in enumerate((0.2, 0.4, 0.6)):
        parts = [
            pdf.SimulatedPhase(crystal=made.nickel(), mass_fraction=1 - salt, uiso=0.006),
            pdf.SimulatedPhase(crystal=made.rock_salt(), mass_fraction=salt, uiso=0.015),
        ]
        data = pdf.simulate_gr(parts, r=R, q_max=22.0, noise=0.02, seed=k)
        found.append(pdf.write_gr(folder / f"salt_{k}.gr", data))
    return found


@pytest.fixture(scope="module")
def recipe():
    return pdf.PdfRecipe(
        structures=("Ni", "NaCl"), r_max=14.0, correlation="none", boxcar=OFF, window=(2.6, 3.1)
    )


@pytest.fixture(scope="module")
def analyses(series, recipe):
    return [pdf.analyse([path], recipe, name=path.stem) for path in series]


@pytest.fixture(scope="module")
def counts(tmp_path_factory):
    """I(Q) of a fluid of one kind of atom with an empty container around it."""
    folder = tmp_path_factory.mktemp("counts")
    q = 0.5 + 0.02 * np.arange(1100)
    background = 40 + 30 * np.exp(-q)
    rng = np.random.default_rng(0)
    sample = 4e4 / (1 + (q / 4) ** 2) * (1 + 0.8 * np.exp(-q / 9) * np.sin(2.5 * q) / q)
    for name, values in (("sample", sample + background), ("empty", background)):
        noisy = rng.normal(values, np.sqrt(values))
        rows = "\n".join(f"{x:.4f} {y:.6f}" for x, y in zip(q, noisy, strict=True))
        (folder / f"{name}.iq").write_text(rows + "\n", encoding="utf-8")
    return folder


@pytest.mark.filterwarnings("ignore::xorder.errors.DataWarning")
def test_intensities_become_gr_with_their_container(counts):
    options = pdf.IntensityOptions(container=str(counts / "empty.iq"), q_max=20.0, r_max=12.0)
    recipe = pdf.PdfRecipe(composition="Ni", reduce=options)
    found = pdf.analyse([counts / "sample.iq"], recipe)
    assert found.measured.q_max == pytest.approx(20.0, abs=0.05)
    assert found.measured.r[-1] == pytest.approx(12.0)
    numbers = {number.name for number in found.numbers}
    assert {"reduction scale", "reduction container_scale"} <= numbers
    assert any("arbitrary" in message for message in found.messages)
    by_hand = pdf.reduce(
        pdf.read_iq(counts / "sample.iq", composition="Ni"),
        container=pdf.read_iq(counts / "empty.iq"),
        options=options,
    )
    np.testing.assert_array_equal(found.measured.gr, by_hand.gr)


@pytest.mark.filterwarnings("ignore::xorder.errors.DataWarning")
def test_the_steps_of_a_reduction_are_drawn(counts):
    recipe = pdf.PdfRecipe(composition="Ni", reduce=pdf.IntensityOptions(q_max=20.0))
    one = pdf.analyse([counts / "sample.iq"], recipe)
    (drawing,) = draw_details([one, one])
    assert set(drawing.tables) == {"a", "d"}
    assert "scale arbitrary" in texts(drawing)
    artists = one.reductions[0].plot(drawing.figure.axes[0])
    assert len(artists) == 2


def test_intensities_without_a_composition_are_refused(counts):
    with pytest.raises(BadInput, match="composition"):
        pdf.analyse([counts / "sample.iq"], pdf.PdfRecipe())


def test_a_structure_factor_is_transformed(tmp_path):
    q = 0.5 + 0.02 * np.arange(1000)
    curve = pdf.Curve(letter="S", x=q, values=1 + np.sin(2.5 * q) / q * np.exp(-q / 10))
    path = pdf.write_curve(tmp_path / "sample.sq", curve)
    found = pdf.analyse([path], pdf.PdfRecipe(reduce=pdf.IntensityOptions(q_max=15.0)))
    assert found.measured.q_max == pytest.approx(15.0, abs=0.05)
    near = (found.measured.r > 1) & (found.measured.r < 4)
    peak = found.measured.r[near][np.argmax(found.measured.gr[near])]
    assert peak == pytest.approx(2.5, abs=0.02)


def test_xrays_and_neutrons_are_refined_together(made, tmp_path):
    files = []
    for radiation, scale in (("xray", 1.0), ("neutron", 0.7)):
        data = pdf.calculate_gr(
            made.nickel(), r=R, q_max=22.0, qdamp=0.03, uiso=0.006, delta2=2.0, scale=scale,
            radiation=radiation,
        )  # fmt: skip
        files.append(pdf.write_gr(tmp_path / f"{radiation}.gr", data))
    recipe = pdf.PdfRecipe(structures=("Ni",), r_max=12.0, boxcar=OFF, qdamp=0.03, joint=True)
    found = pdf.analyse(files, recipe)
    numbers = {number.name: number for number in found.numbers}
    assert numbers["scale_neutron"].value == pytest.approx(0.7, rel=0.01)
    assert numbers["scale_xray"].value == pytest.approx(1.0, rel=0.01)
    assert numbers["uiso_Ni"].value == pytest.approx(0.006, rel=0.01)
    assert set(draw([found]).tables["a"]["sample"]) == {"xray", "neutron"}
    with pytest.raises(BadInput, match="joint = true"):
        pdf.analyse(files, replace(recipe, joint=False))
    with pytest.raises(BadInput, match="two or more"):
        pdf.analyse(files[:1], recipe)


def test_windows_slide_and_grow_in_one_figure(series, recipe):
    options = pdf.BoxcarOptions(step=2.0, cumulative=True, free=("scale*",), phase="NaCl")
    found = pdf.analyse([series[1]], replace(recipe, boxcar=options))
    assert found.boxcar.free == ("scale*",)
    assert np.ptp(found.cumulative.r_min) == 0
    assert np.ptp(found.boxcar.r_min) > 0
    np.testing.assert_allclose(found.cumulative.mass_fraction[:, 1], 0.4, atol=0.06)
    assert found.order.phase == "NaCl"
    drawing = draw([found])
    assert set(drawing.tables["b"]["windows"]) == {"sliding", "growing"}
    shown = texts(drawing)
    assert "sliding window" in shown
    assert "from" in shown


def test_a_window_that_cannot_be_decided_is_drawn_as_such(series, recipe):
    found = pdf.analyse([series[1]], replace(recipe, boxcar=pdf.BoxcarOptions(step=2.0)))
    undecided = found.boxcar.undecided.copy()
    undecided[1] = True
    found = replace(found, boxcar=replace(found.boxcar, undecided=undecided))
    drawing = draw([found])
    assert "undecided" in texts(drawing)
    crosses = [
        line for ax in drawing.figure.axes for line in ax.get_lines()
        if line.get_marker() == "x" and len(line.get_xdata())
    ]  # fmt: skip
    assert crosses
    assert all(line.get_xdata()[0] == found.boxcar.r_max[1] for line in crosses)


def test_neighbours_are_counted(made, tmp_path):
    data = pdf.calculate_gr(
        made.nickel(), r=R, q_max=22.0, qdamp=0.0, uiso=0.006, form_factors="exact"
    )
    path = pdf.write_gr(tmp_path / "ni.gr", data)
    table = {"composition": "Ni", "peaks": {"centres": [2.5, 3.5], "pairs": ["Ni-Ni", "Ni-Ni"]}}
    recipe = TypeAdapter(pdf.PdfRecipe).validate_python(table)
    found = pdf.analyse([path], recipe)
    numbers = {number.name: number for number in found.numbers}
    assert numbers["coordination Ni-Ni (1)"].value == pytest.approx(12, rel=0.03)
    assert numbers["coordination Ni-Ni (2)"].value == pytest.approx(6, rel=0.05)
    assert numbers["position Ni-Ni (1)"].value == pytest.approx(3.524 / 2**0.5, abs=0.003)
    assert numbers["width Ni-Ni (1)"].value == pytest.approx(0.012**0.5, rel=0.05)
    drawing = draw([found])
    assert "Ni–Ni" in texts(drawing)
    assert set(drawing.tables) == {"a", "b"}


def test_a_model_stands_beside_the_data(made, tmp_path):
    salt = made.rock_salt()
    frame = pdf.frame_from_crystal(salt, repeat=(2, 2, 2))
    rng = np.random.default_rng(0)
    lines = []
    for _ in range(3):
        moved = frame.positions + rng.normal(size=frame.positions.shape) * 0.1
        cell = " ".join(map(str, frame.lattice.ravel()))
        lines += [str(len(moved)), f'Lattice="{cell}" Properties=species:S:1:pos:R:3']
        rows = zip(frame.elements, moved, strict=True)
        lines += [f"{e} {x:.6f} {y:.6f} {z:.6f}" for e, (x, y, z) in rows]
    model = tmp_path / "salt.extxyz"
    model.write_text("\n".join(lines) + "\n", encoding="utf-8")
    data = pdf.calculate_gr(salt, r=R, q_max=20.0, uiso=0.01, scale=0.5, form_factors="exact")
    path = pdf.write_gr(tmp_path / "salt.gr", data)
    options = pdf.ModelOptions(
        frames=(str(model),), r_max=8.0, center="Na", ligands=("Cl",), cutoff=3.6
    )
    found = pdf.analyse([path], pdf.PdfRecipe(model=options, r_min=2.0))
    numbers = {number.name: number for number in found.numbers}
    assert numbers["coordination Na-Cl"].value == pytest.approx(6, abs=0.05)
    assert numbers["model r_w"].value < 0.15
    assert found.model.scale == pytest.approx(0.5, rel=0.06)
    assert 0 < numbers["S(Oh) Na"].value < 2
    (drawing,) = draw_details([found])
    assert set(drawing.tables) == set("abcde")
    assert "simulated" in texts(drawing)
    assert "model (simulated)" in texts(draw([found]))


def test_a_window_grows_through_a_series(analyses, recipe):
    found = pdf.compare(analyses, recipe)
    growth = [found.sample_numbers[name][0] for name in found.names]
    assert [number.name for number in growth] == ["window_growth"] * 3
    assert growth[0].value == 0
    # Salt has its first neighbours here and nickel none: its share of the scattering grows.
    assert 0 < growth[1].value < growth[2].value
    (drawing,) = draw_comparison(found)
    assert drawing.name == "growth"
    assert list(drawing.tables["b"]["sample"]) == list(found.names)


def test_samples_in_a_row_agree_with_samples_alone(analyses, recipe):
    found = pdf.compare(analyses, replace(recipe, series="sequential", window=None))
    assert len(found.sequence) == 3
    for alone, chained in zip(analyses, found.sequence, strict=True):
        assert chained.r_w == pytest.approx(alone.fit.r_w, rel=0.01)
    (drawing,) = draw_comparison(found)
    assert set(drawing.tables) == {"b", "c"}


def test_one_structure_for_all_leaves_each_its_fractions(analyses, recipe):
    found = pdf.compare(analyses, replace(recipe, series="joint", window=None))
    for name, truth in zip(found.names, (0.2, 0.4, 0.6), strict=True):
        rows = {number.name: number for number in found.sample_numbers[name]}
        fraction = rows["mass_fraction_NaCl (joint)"]
        assert abs(fraction.value - truth) < max(4 * fraction.stderr, 0.03)
    shared = {number.name: number for number in found.numbers}
    assert shared["a_Ni (joint)"].value == pytest.approx(3.524, abs=0.005)
    assert "r_w (joint)" in shared
    assert not any(name.startswith("scale") for name in shared)
    assert draw_comparison(found)


def test_nothing_is_compared_where_nobody_asks(analyses, recipe):
    assert pdf.compare(analyses, replace(recipe, window=None)) is None
    assert pdf.compare(analyses[:1], recipe) is None


def test_a_comparison_is_stored(analyses, recipe, tmp_path):
    found = pdf.compare(analyses, replace(recipe, series="sequential"))
    assert found.save(tmp_path / "series.h5").stat().st_size > 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = 3.5", {"value": 3.5, "vary": False, "expr": ""}),
        ("b = 2 * a", {"vary": False, "expr": "2 * a"}),
        ("a ~ 3.6", {"value": 3.6, "vary": True}),
    ],
)
def test_a_constraint_is_held_tied_or_started(text, expected):
    start = Parameters([Parameter(name="a", value=1.0), Parameter(name="b", value=2.0)])
    (found,) = parameters_from_text([text], start).values()
    for key, value in expected.items():
        assert getattr(found, key) == value


def test_parameters_may_share_a_new_one():
    start = Parameters([Parameter(name="a", value=1.0), Parameter(name="b", value=2.0)])
    found = parameters_from_text(["shared ~ 1.5", "a = shared", "b = shared"], start)
    assert found["shared"].vary
    assert found["a"].expr == "shared"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a", "a parameter is"),
        ("a = ", "a parameter is"),
        ("a ~ b", "starts at"),
        ("a = other", "there is no parameter 'other'"),
        ("other = 2", "there is no parameter 'other'"),
        ("1a = 2", "a parameter is"),
    ],
)
def test_a_constraint_that_cannot_be_is_said(text, message):
    start = Parameters([Parameter(name="a", value=1.0), Parameter(name="b", value=2.0)])
    with pytest.raises(BadInput, match=message):
        parameters_from_text([text], start)


def test_a_constraint_of_the_recipe_is_kept(series, recipe):
    held = replace(recipe, parameters=("a_Ni = 3.6", "uiso_Na_NaCl = uiso_Cl_NaCl"))
    found = pdf.analyse([series[0]], held)
    assert found.fit.parameters["a_Ni"].value == 3.6
    numbers = {number.name: number for number in found.numbers}
    assert numbers["a_Ni"].note == "fixed"
    assert numbers["uiso_Na_NaCl"].note == "the same as uiso_Cl_NaCl"


@pytest.mark.parametrize(
    ("kind", "kwargs", "message"),
    [
        (pdf.BoxcarOptions, {"width": 0.0}, "width"),
        (pdf.BoxcarOptions, {"step": -1.0}, "step"),
        (pdf.BoxcarOptions, {"free": ()}, "free"),
        (pdf.BoxcarOptions, {"smoothness": 0.0}, "smoothness"),
        (pdf.PeakOptions, {"centres": ()}, "centres"),
        (pdf.PeakOptions, {"centres": (2.4,), "pairs": ("Ta-Cl", "Ta-Ta")}, "one pair a centre"),
        (pdf.PeakOptions, {"centres": (2.4,), "pairs": ("tacl",)}, "two elements"),
        (pdf.PeakOptions, {"centres": (2.4,), "r_range": (3.0, 4.0)}, "r_range"),
        (pdf.ModelOptions, {"cutoff": 0.0}, "cutoff"),
        (pdf.ModelOptions, {"center": "Ta"}, "both"),
        (pdf.ModelOptions, {"every": 0}, "every"),
        (pdf.IntensityOptions, {"wavelength": -0.2}, "wavelength"),
        (pdf.IntensityOptions, {"q_min": 5.0, "q_max": 2.0}, "q_min < q_max"),
    ],
)
def test_tables_say_what_they_expect(kind, kwargs, message):
    with pytest.raises(BadInput, match=message):
        kind(**kwargs)


def test_a_model_without_frames_is_said(series):
    with pytest.raises(BadInput, match="no frames"):
        pdf.analyse([series[0]], pdf.PdfRecipe(model=pdf.ModelOptions()))
