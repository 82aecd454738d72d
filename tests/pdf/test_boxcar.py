"""Box-car: fractions against length scale, their errors, and what cannot be windowed."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xorder import pdf
from xorder.errors import BadInput
from xorder.pdf.boxcar import relative_scale, window_starts

R = 0.02 * np.arange(1, 1251)


@pytest.fixture(scope="module")
def phases(made):
    return {"Ni": made.nickel(), "NaCl": made.rock_salt()}


@pytest.fixture(scope="module")
def nanocrystals(phases):
    """Small nickel spheres among large salt crystals: nickel fades with r, salt stays."""
    parts = [
        pdf.SimulatedPhase(
            crystal=phases["Ni"], mass_fraction=0.4, uiso=0.006, sphere_diameter=18.0
        ),
        pdf.SimulatedPhase(crystal=phases["NaCl"], mass_fraction=0.6, uiso=0.015),
    ]
    return pdf.simulate_gr(parts, r=R, q_max=22.0, noise=0.01, seed=8, name="nano")


@pytest.fixture(scope="module")
def boxcar(nanocrystals, phases):
    options = pdf.RefinementOptions(refine_qdamp=False, correlation="none")
    return pdf.fit_boxcar(
        nanocrystals, phases, width=6.0, step=2.0, r_range=(1.7, 24.0), options=options
    )


def test_a_phase_of_small_particles_fades_with_the_length_scale(boxcar):
    nickel = boxcar.mass_fraction[:, 0]
    # The sphere leaves 1 - 1.5 r/d + 0.5 (r/d)³ of the pairs: here 0.6 of nickel near 5 Å.
    assert 0.2 < nickel[0] < 0.4
    assert np.all(np.diff(nickel[:5]) < 0)
    assert nickel[-1] < 3 * boxcar.mass_stderr[-1, 0] + 0.01
    np.testing.assert_allclose(boxcar.mass_fraction.sum(axis=1), 1.0)


def test_an_absent_phase_still_has_an_error(boxcar):
    assert np.all(boxcar.mass_stderr > 0)
    assert np.all(boxcar.scale_stderr > 0)


def test_windows_count_their_independent_points(boxcar):
    np.testing.assert_allclose(boxcar.n_independent, 22.0 * 6.0 / np.pi, rtol=0.03)
    np.testing.assert_allclose(boxcar.r_max - boxcar.r_min, 6.0)
    assert "share 67%" in boxcar.note
    assert boxcar.messages == ()


def test_the_table_has_one_row_a_window(boxcar):
    table = boxcar.to_dataframe()
    assert len(table) == len(boxcar.r_max)
    assert {"mass_fraction_Ni", "mass_stderr_NaCl", "r_w", "flags"} <= set(table.columns)


def test_a_uniform_mixture_is_the_same_in_every_window(phases):
    parts = [
        pdf.SimulatedPhase(crystal=phases["Ni"], mass_fraction=0.5, uiso=0.006),
        pdf.SimulatedPhase(crystal=phases["NaCl"], mass_fraction=0.5, uiso=0.015),
    ]
    data = pdf.simulate_gr(parts, r=R, q_max=22.0, noise=0.02, seed=2)
    options = pdf.RefinementOptions(refine_qdamp=False, correlation="none")
    box = pdf.fit_boxcar(data, phases, width=6.0, step=6.0, r_range=(1.7, 24.0), options=options)
    pull = (box.mass_fraction[:, 0] - 0.5) / box.mass_stderr[:, 0]
    assert np.abs(pull).max() < 4
    assert box.mass_stderr.max() < 0.05


def test_the_scale_of_a_fading_phase_falls_from_one(boxcar):
    nickel, error = relative_scale(boxcar, 0)
    assert nickel[0] == 1.0
    assert np.all(error > 0)
    # The sphere of 18 Å leaves nothing of the last windows.
    assert nickel[-1] < 3 * error[-1] + 0.01
    salt, error = relative_scale(boxcar, 1)
    assert np.abs((salt - 1.0) / error).max() < 4


def test_cumulative_windows_begin_where_the_first_does(nanocrystals, phases, boxcar):
    box = pdf.fit_boxcar(nanocrystals, phases, whole=boxcar.whole, step=8.0, cumulative=True)
    assert box.cumulative
    np.testing.assert_allclose(box.r_min, box.r_min[0])
    np.testing.assert_allclose(np.diff(box.r_max), 8.0)
    # All that is near still counts, so that the curve lags behind the sliding window.
    at = np.searchsorted(boxcar.r_max, box.r_max[-1] - 1e-6)
    assert box.mass_fraction[-1, 0] > boxcar.mass_fraction[at, 0]


def test_one_phase_gives_its_scale(made, nanocrystals):
    box = pdf.fit_boxcar(nanocrystals, [made.rock_salt()], width=8.0, step=8.0, free=("scale",))
    assert box.scale.shape == (len(box.r_max), 1)
    np.testing.assert_allclose(box.mass_fraction, np.nan)


def test_without_a_fit_of_the_whole_range_no_window_is_drawn_as_good(nanocrystals, phases, boxcar):
    failed = replace(boxcar.whole, fit=None)
    box = pdf.fit_boxcar(nanocrystals, phases, whole=failed)
    assert box.undecided.all()
    assert np.isnan(box.mass_fraction).all()
    assert all("failed" in flags[0] for flags in box.flags)


def test_windows_say_where_starts_disagree(nanocrystals, phases, boxcar):
    options = replace(boxcar.whole.options, starts=2)
    box = pdf.fit_boxcar(
        nanocrystals, phases, whole=boxcar.whole, options=options, width=6.0, step=9.0
    )
    for flags, r_w in zip(box.flags, box.r_w, strict=True):
        assert np.isfinite(r_w)
        known = ("starts ended", "bound", "correl", "too little here")
        assert all(any(words in flag for words in known) for flag in flags)


@settings(max_examples=50, deadline=None)
@given(
    low=st.floats(0, 5), length=st.floats(1, 100), share=st.floats(0.05, 1), step=st.floats(0.1, 9)
)
def test_windows_fill_the_range_and_stay_inside(low, length, share, step):
    width = share * length
    starts = np.array(window_starts((low, low + length), width, step))
    assert starts[0] == low
    assert starts[-1] + width <= low + length + 1e-6
    assert starts[-1] + width > low + length - step - 1e-6


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"width": 0.0}, "width"),
        ({"width": -6.0}, "width"),
        ({"step": 0.0}, "step"),
        ({"step": np.nan}, "step"),
        ({"width": 60.0}, "does not fit"),
        ({"width": 0.5}, "more|fewer variables|independent points"),
        ({"free": ("nothing*",)}, "frees none"),
    ],
)
def test_what_cannot_be_windowed_is_said(nanocrystals, phases, boxcar, kwargs, message):
    with pytest.raises(BadInput, match=message):
        pdf.fit_boxcar(nanocrystals, phases, whole=boxcar.whole, **kwargs)


def test_a_measured_mixture(shared, made):
    silicon = made.crystal(
        "Si",
        [5.43, 5.43, 5.43, 90, 90, 90],
        [
            made.site(f"Si{i}{j}", "Si", np.array(face) + shift)
            for i, face in enumerate([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
            for j, shift in enumerate([0.0, 0.25])
        ],
    )
    # No operations are stated, so the cell is held cubic by hand.
    from xorder.fitting import Parameter, Parameters

    tied = [Parameter(name=f"{axis}_Si", value=5.43, expr="a_Si") for axis in "bc"]
    angles = [
        Parameter(name=f"{angle}_Si", value=90.0, vary=False)
        for angle in ("alpha", "beta", "gamma")
    ]
    data = pdf.read(shared("data", "pdf", "sini.gr"))
    options = pdf.RefinementOptions(q_max=25.0, correlation="delta1", refine_qbroad=True)
    phases = {"Si": silicon, "Ni": made.nickel()}
    whole = pdf.refine(
        data, phases, r_range=(1.5, 30.0), options=options, parameters=Parameters(tied + angles)
    )
    # Constant weights, as the reference programs have them, give 0.093 and 0.885.
    assert whole.r_w < 0.08
    assert whole.fractions.mass[0] == pytest.approx(0.885, abs=0.02)
    assert whole.parameters["a_Si"].value == pytest.approx(5.4289, abs=5e-4)
    box = pdf.fit_boxcar(data, phases, r_range=(1.5, 30.0), step=3.0, whole=whole)
    assert np.all((box.mass_fraction[:, 0] > 0.87) & (box.mass_fraction[:, 0] < 0.91))
    assert not box.undecided.any()


@pytest.mark.parametrize("seed", range(3))
def test_a_trace_of_nanocrystals_keeps_its_size(phases, seed):
    parts = [
        pdf.SimulatedPhase(
            crystal=phases["Ni"], mass_fraction=0.05, uiso=0.006, sphere_diameter=9.0
        ),
        pdf.SimulatedPhase(crystal=phases["NaCl"], mass_fraction=0.95, uiso=0.015),
    ]
    data = pdf.simulate_gr(parts, r=R, q_max=22.0, noise=0.03, seed=seed)
    options = pdf.RefinementOptions(refine_qdamp=False, sphere_diameter=40.0)
    fit = pdf.refine(data, phases, r_range=(1.7, 20.0), options=options)
    assert abs(fit.fractions.mass[0] - 0.05) < 4 * fit.fractions.mass_stderr[0]


@pytest.fixture(scope="module")
def noisy(phases):
    parts = [
        pdf.SimulatedPhase(crystal=phases["Ni"], mass_fraction=0.5, uiso=0.006),
        pdf.SimulatedPhase(crystal=phases["NaCl"], mass_fraction=0.5, uiso=0.015),
    ]
    data = pdf.simulate_gr(parts, r=R, q_max=22.0, noise=0.3, seed=6)
    options = pdf.RefinementOptions(refine_qdamp=False, correlation="none")
    return data, pdf.refine(data, phases, r_range=(1.7, 20.0), options=options)


def test_windows_tied_by_smoothness_scatter_less(noisy, phases):
    data, whole = noisy
    settings = {"whole": whole, "width": 4.0, "step": 2.0}
    alone = pdf.fit_boxcar(data, phases, **settings)
    tied = pdf.fit_boxcar(data, phases, smoothness=0.02, **settings)
    assert np.std(tied.mass_fraction[:, 0]) < 0.8 * np.std(alone.mass_fraction[:, 0])
    assert np.all(tied.mass_stderr < alone.mass_stderr)
    pull = (tied.mass_fraction[:, 0] - 0.5) / tied.mass_stderr[:, 0]
    assert np.abs(pull).max() < 4


def test_a_loose_tie_is_no_tie(noisy, phases):
    data, whole = noisy
    settings = {"whole": whole, "width": 6.0, "step": 6.0, "free": ("scale*",)}
    alone = pdf.fit_boxcar(data, phases, **settings)
    tied = pdf.fit_boxcar(data, phases, smoothness=1e3, **settings)
    np.testing.assert_allclose(tied.mass_fraction, alone.mass_fraction, atol=2e-3)
    with pytest.raises(BadInput, match="smoothness"):
        pdf.fit_boxcar(data, phases, smoothness=-1.0, **settings)
