"""The cell from line positions: known cells come back, with errors that mean what they say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from xorder import diffraction, references
from xorder.diffraction.cell_fit import lines_needed
from xorder.errors import BadInput, ProvenanceWarning

PLANES = [(0, 0, 2), (2, 1, 1), (3, 0, 0), (2, 2, 2), (2, 1, 3), (5, 0, 2), (0, 0, 4), (3, 2, 2)]


def table(crystal, *, shift=0.0, noise=0.0, seed=0):
    """Return a table of exact positions of a crystal, displaced and disturbed."""
    found = diffraction.calculate_reflections(crystal, wavelength="CuKa1", two_theta=(5, 90))
    generator = np.random.default_rng(seed)
    rows = [int(np.flatnonzero((found.hkl == plane).all(axis=1))[0]) for plane in PLANES]
    angle = found.two_theta[rows]
    angle = angle + shift * np.cos(np.deg2rad(angle) / 2) + generator.normal(0, noise, len(angle))
    count, nothing = len(rows), np.full(len(rows), np.nan)
    zeros, stderr = np.zeros(count), np.full(count, np.sqrt(max(noise**2 - 0.002**2, 0.0)))
    return diffraction.PeakTable(
        plane=np.array([" ".join(map(str, plane)) for plane in PLANES]),
        sample=np.array(["s"] * count),
        two_theta=angle,
        two_theta_stderr=stderr,
        two_theta_calculated=angle,
        d=nothing, fwhm=nothing, fwhm_stderr=nothing, area=nothing, area_stderr=nothing,
        area_limit=nothing, eta=nothing, eta_stderr=nothing, background=nothing, redchi=zeros,
        overlapped=zeros.astype(bool), lost=zeros.astype(bool), success=np.ones(count, bool),
        message=np.array([""] * count),
    )  # fmt: skip


@pytest.fixture(scope="module")
def apatite():
    crystal = references.load("Fluorapatite")
    return crystal, replace(crystal, cell=crystal.cell * [0.997, 0.997, 1.001, 1, 1, 1])


WAVELENGTH = 1.540593


def test_a_strained_cell_and_a_raised_sample_come_back(apatite):
    start, true = apatite
    found = diffraction.fit_cell(table(true, shift=-0.05), start, wavelength=WAVELENGTH)
    assert found.cell == pytest.approx(true.cell, rel=1e-6)
    assert found.fit.parameters["height_shift"].value == pytest.approx(-0.05, abs=1e-4)
    assert np.abs(found.residual).max() < 1e-5


def test_a_hexagonal_cell_has_two_lengths(apatite):
    start, true = apatite
    found = diffraction.fit_cell(table(true), start, wavelength=WAVELENGTH)
    assert found.fit.var_names == ("a", "c", "height_shift")
    assert lines_needed(start) == 5


def test_the_error_of_the_cell_is_its_scatter(apatite):
    start, true = apatite
    off = []
    for seed in range(200):
        measured = table(true, shift=-0.03, noise=0.01, seed=seed)
        a = diffraction.fit_cell(measured, start, wavelength=WAVELENGTH).fit.parameters["a"]
        off.append(abs(a.value - true.cell[0]) / a.stderr)
    # Five degrees of freedom: Student's t puts 63.7 % inside one standard error.
    assert 0.55 < np.mean(np.array(off) < 1.0) < 0.73


def test_too_few_lines_make_no_cell(apatite):
    start, true = apatite
    full = table(true)
    hidden = np.arange(len(PLANES)) > 3
    with pytest.raises(BadInput, match=r"4 separate lines .* expected 5 or more"):
        diffraction.fit_cell(replace(full, overlapped=hidden), start, wavelength=WAVELENGTH)


def test_measured_apatite_lies_where_its_structure_puts_it(shared):
    recipe = diffraction.DiffractionRecipe(structure="Fluorapatite", wavelength="CuKa", n_planes=12)
    path = shared("data", "diffraction", "FAP.XRA")
    with pytest.warns(ProvenanceWarning, match="RECALLED"):
        found = diffraction.analyse([path], recipe).cell
    assert found is not None
    a, c = (found.fit.parameters[name] for name in "ac")
    # The Rietveld cell of the same data by GSAS-II: 9.371859, 6.885896 Å.
    assert abs(a.value - 9.371859) < 3 * a.stderr
    assert abs(c.value - 6.885896) < 3 * c.stderr
    assert a.stderr < 0.001
    assert np.abs(found.residual).max() < 0.01


def test_planes_that_coincide_by_symmetry_count_once(apatite):
    start, true = apatite
    once = table(true, shift=-0.03, noise=0.01, seed=3)
    rows = [*range(len(PLANES)), 1, 4]  # (2 1 1) and (2 1 3) again, as (1 2 1) and (1 2 3) would be
    arrays = {name: getattr(once, name)[rows] for name in once.__slots__ if name != "fits"}
    twice = replace(once, **arrays)
    ours, theirs = (
        diffraction.fit_cell(peaks, start, wavelength=WAVELENGTH).fit for peaks in (twice, once)
    )
    assert ours.n_independent == theirs.n_independent == len(PLANES)
    assert ours.parameters["a"].stderr == pytest.approx(theirs.parameters["a"].stderr)
