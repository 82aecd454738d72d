"""What symmetry leaves free in a refinement, checked with the operations themselves."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xorder import references
from xorder.diffraction.axial_divergence import axial_parts
from xorder.diffraction.powder_model import PhaseModel, refined_crystal
from xorder.diffraction.radiation import make_radiation
from xorder.diffraction.reflections import structure_factors
from xorder.diffraction.symmetry_constraints import site_freedom
from xorder.freedom import cell_freedom
from xorder.structure import lattice_from_cell, unit_cell_atoms


@pytest.mark.parametrize(
    ("name", "free"),
    [
        ("NaCl", ("a",)),
        ("LaB6_SRM660c", ("a",)),
        ("Fluorapatite", ("a", "c")),
        ("Al2O3_SRM676a", ("a", "c")),
        ("NaTaCl6", ("a", "b", "c", "beta")),
        ("HfO2", ("a", "b", "c", "beta")),
    ],
)
def test_the_free_cell_parameters_are_those_of_the_crystal_system(name, free):
    assert cell_freedom(references.load(name)).names == free


def test_a_triclinic_cell_is_all_free(big_triclinic):
    freedom = cell_freedom(big_triclinic(4))
    assert freedom.names == ("a", "b", "c", "alpha", "beta", "gamma")


def test_the_reciprocal_metric_and_its_slopes(big_triclinic):
    freedom = cell_freedom(big_triclinic(4))
    values = dict(zip(freedom.names, freedom.start.tolist(), strict=True))
    lattice = lattice_from_cell(freedom.start)
    metric, slopes = freedom.reciprocal_metric(values)
    assert metric == pytest.approx(np.linalg.inv(lattice @ lattice.T), rel=1e-12)
    for name, slope in slopes.items():
        up, _ = freedom.reciprocal_metric({**values, name: values[name] + 1e-5})
        down, _ = freedom.reciprocal_metric({**values, name: values[name] - 1e-5})
        assert slope == pytest.approx((up - down) / 2e-5, abs=1e-7 * np.abs(slope).max())


@pytest.mark.parametrize(
    ("name", "free"),
    [
        ("NaCl", []),
        ("LaB6_SRM660c", ["x_B1"]),
        ("Al2O3_SRM676a", ["z_Al1", "x_O1"]),
        (
            "Fluorapatite",
            ["z_Ca1", "x_Ca2", "y_Ca2", "x_P1", "y_P1", "x_O1", "y_O1", "x_O2", "y_O2",
             "x_O3", "y_O3", "z_O3"],
        ),
    ],
)  # fmt: skip
def test_the_free_coordinates_are_those_of_the_site_symmetry(name, free):
    assert [f.name for f in site_freedom(references.load(name))] == free


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(-0.01, 0.01), min_size=12, max_size=12))
def test_moved_atoms_keep_the_symmetry(moves):
    crystal = references.load("Fluorapatite")
    model = PhaseModel(crystal, radiation=make_radiation("CuKa"), two_theta=(20.0, 40.0))
    values = model.start()
    for freedom, move in zip(model.positions, moves, strict=True):
        values[freedom.name] += move
    moved = refined_crystal(model, values)
    # A site that left its special position would make more atoms.
    assert len(unit_cell_atoms(moved).xyz) == len(unit_cell_atoms(crystal).xyz)


def test_structure_factors_at_new_values_are_those_of_the_new_crystal(monoclinic):
    isotropic = replace(
        monoclinic, sites=tuple(replace(site, uij=None) for site in monoclinic.sites)
    )
    model = PhaseModel(
        isotropic, radiation=make_radiation(0.7), two_theta=(5.0, 30.0), uiso="site",
        occupancies=("Na1",),
    )  # fmt: skip
    values = model.start() | {"x_Cl1": 0.13, "uiso_Ta1": 0.03, "occupancy_Na1": 0.6}
    found, _ = model.factors.squared(values, ())
    atoms = unit_cell_atoms(refined_crystal(model, values))
    expected = structure_factors(atoms, model.found.hkl, wavelength=0.7)
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_anisotropic_displacements_are_kept_where_none_are_refined(monoclinic):
    model = PhaseModel(monoclinic, radiation=make_radiation("CuKa"), two_theta=(10.0, 60.0))
    found, _ = model.factors.squared(model.start(), ())
    assert found == pytest.approx(model.found.f_squared, rel=1e-9)


@pytest.mark.parametrize(("two_theta", "ratio"), [(8.0, 0.02), (25.0, 0.03), (150.0, 0.03)])
def test_axial_divergence_is_what_rays_from_a_tall_sample_to_a_tall_slit_give(two_theta, ratio):
    generator = np.random.default_rng(0)
    sample, slit = generator.uniform(-ratio, ratio, size=(2, 400_000))
    rise = slit - sample
    angle = np.deg2rad(two_theta)
    bent = np.arccos(np.cos(angle) * np.sqrt(1.0 + rise**2))
    # The share of a ray falls with the length and the tilt of its arc.
    weight = 1.0 / ((1.0 + rise**2) * np.sin(bent))
    shift = np.rad2deg(bent - angle)
    parts = axial_parts(np.array([two_theta]), ratio)
    offset, share = parts.offset, parts.weight
    mean = np.average(shift, weights=weight)
    assert share.sum() == pytest.approx(1.0)
    assert share @ offset == pytest.approx(mean, rel=0.01)
    spread = np.sqrt(np.average((shift - mean) ** 2, weights=weight))
    assert np.sqrt(share @ (offset - share @ offset) ** 2) == pytest.approx(spread, rel=0.01)
    assert (np.sign(mean) < 0) == (two_theta < 90.0)


def test_without_axial_divergence_lines_stay_whole():
    parts = axial_parts(np.array([10.0, 20.0]), 0.0)
    line, offset, share = parts.line, parts.offset, parts.weight
    assert line.tolist() == [0, 1]
    assert not offset.any()
    assert (share == 1.0).all()


def test_lines_laid_out_as_several_stay_so_without_axial_divergence():
    angles = np.array([10.0, 20.0])
    parts = axial_parts(angles, 0.0, split=np.array([True, False]))
    assert len(parts.line) == 13
    assert np.abs(parts.offset).max() < 1e-6
    assert np.bincount(parts.line, parts.weight) == pytest.approx([1.0, 1.0])


@pytest.mark.parametrize("two_theta", [10.0, 40.0, 120.0])
def test_derivatives_of_the_parts_of_a_line_by_the_ratio_are_exact(two_theta):
    angle, split, step = np.array([two_theta]), np.array([True]), 1e-6
    at, up, down = (axial_parts(angle, 0.03 + s, split=split) for s in (0.0, step, -step))
    assert at.offset_slope == pytest.approx((up.offset - down.offset) / (2 * step), rel=1e-4)
    numeric = (up.weight - down.weight) / (2 * step)
    assert at.weight_slope == pytest.approx(numeric, abs=1e-5 * np.abs(numeric).max())
