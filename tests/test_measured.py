"""The main job on measured data, against what the established programs find in them."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from xorder import xas
from xorder.run import run_series
from xorder.series import load_series

MANIFEST = Path(__file__).resolve().parents[1] / "examples" / "measured" / "series.toml"


@pytest.fixture(scope="module")
def run(shared, tmp_path_factory):
    shared("data", "pdf", "Ni-xray.gr")
    return run_series(load_series(MANIFEST), tmp_path_factory.mktemp("measured"))


@pytest.fixture(scope="module")
def numbers(run) -> dict[tuple[str, str], tuple[float, float]]:
    with run.summary.open(newline="", encoding="utf-8") as file:
        return {
            (row["sample"], row["name"]): tuple(float(row[k] or "nan") for k in ("value", "stderr"))
            for row in csv.DictReader(file)
        }


def test_every_sample_finishes(run):
    assert not run.failures
    assert {path.stem.split("_")[0] for path in run.figures} >= {"xas", "diffraction", "pdf"}


def test_nickel_has_its_cell_and_its_residual(numbers):
    a, stderr = numbers["Ni", "a"]
    # Reference by pdffit2: a 3.5316 Å, Rw 0.0711.
    assert a == pytest.approx(3.5316, abs=0.001)
    assert 5e-5 < stderr < 5e-4
    assert numbers["Ni", "r_w"][0] == pytest.approx(0.071, abs=0.005)


def test_a_composition_that_the_phases_contradict_is_said(run, shared):
    from xorder.pdf.analysis import analyse

    (mixture,) = (s for s in load_series(MANIFEST).samples if s.name == "Si + Ni")
    given = mixture.probes["pdf"]
    recipe = replace(
        given.recipe, composition="SiNi", boxcar=replace(given.recipe.boxcar, fit=False)
    )
    wrong = analyse(given.files(), recipe, name="Si + Ni")
    assert any("are said to be of SiNi, but the phases" in message for message in wrong.messages)
    right = next(o for o in run.outcomes if o.sample.name == "Si + Ni").analyses["pdf"]
    assert not any("said to be of" in message for message in right.messages)


def test_silicon_and_nickel_are_told_apart(numbers):
    mass, stderr = numbers["Si + Ni", "mass_fraction_Si_SRM640f"]
    assert mass == pytest.approx(0.885, abs=0.02)
    assert 0 < stderr < 0.01
    assert numbers["Si + Ni", "r_w"][0] < 0.095


def test_apatite_lines_lie_where_the_cif_puts_them_but_for_the_height_of_the_sample(run):
    (apatite,) = (
        o.analyses["diffraction"] for o in run.outcomes if o.sample.name == "fluorapatite"
    )
    peaks = apatite.peaks
    # Measured minus the CIF's, untouched; a sample off the axis shifts every line by δ cos θ, and
    # GSAS-II finds this one 84 µm off, -0.05°.
    off = peaks.two_theta - peaks.two_theta_calculated
    height = np.cos(np.deg2rad(peaks.two_theta_calculated) / 2)
    delta = off @ height / (height @ height)
    assert len(off) == 12
    assert delta == pytest.approx(-0.052, abs=0.004)
    assert np.abs(off - delta * height).max() < 0.005


def test_the_cell_of_apatite_from_its_lines_is_that_of_a_whole_pattern_refinement(numbers):
    # Reference by GSAS-II: a 9.371859, c 6.885896 Å.
    for name, reference in (("a", 9.371859), ("c", 6.885896)):
        value, stderr = numbers["fluorapatite", name]
        assert abs(value - reference) < 3 * stderr
    assert numbers["fluorapatite", "line_residual"][0] < 0.03


@pytest.mark.reference
@pytest.mark.parametrize(
    ("sample", "file"),
    [
        ("Cu foil 10 K", "cu_metal_10K.xdi"),
        ("Au foil", "Au_Foil_L3_rt_2016Foils.xdi"),
    ],
)
def test_the_first_shell_stands_where_larch_puts_it(sample, file, numbers, run, shared):
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from larch import Group
        from larch.xafs import autobk, pre_edge, xftf

        (ours,) = (o.analyses["xas"] for o in run.outcomes if o.sample.name == sample)
        spectrum = xas.read(shared("data", "xas", file))
        group = Group(energy=spectrum.energy.copy(), mu=spectrum.mu.copy())
        pre_edge(group.energy, group=group, mu=group.mu)
        autobk(group.energy, group=group, mu=group.mu, rbkg=1.0, kweight=2)
        low, high = ours.transform.k_range
        xftf(
            group.k, group.chi, group=group, kmin=low, kmax=high, kweight=2, dk=1, window="hanning"
        )
    # The highest point within the first shell, by a parabola through three points.
    shell = np.flatnonzero((group.r > 1.0) & (group.r < 3.0))
    top = shell[np.argmax(group.chir_mag[shell])]
    below, at, above = group.chir_mag[top - 1 : top + 2]
    step = group.r[1] - group.r[0]
    theirs = group.r[top] + 0.5 * step * (below - above) / (below - 2 * at + above)
    assert numbers[sample, "first_shell_r"][0] == pytest.approx(theirs, abs=0.01)
