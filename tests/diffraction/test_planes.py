"""Line positions of a cell and its operations, for structures whose atoms are in doubt."""

from dataclasses import replace

import numpy as np
import pytest

from xorder import diffraction, references
from xorder.errors import BadInput
from xorder.structure import Site


def planes(found):
    return {tuple(row) for row in np.stack([found.h, found.k, found.l], axis=1).tolist()}


def with_any_atoms(crystal):
    """Return the crystal with atoms anywhere, on general positions."""
    places = np.random.default_rng(1).random((3, 3))
    sites = tuple(
        Site(label=f"X{i}", element="Ca", xyz=xyz, uiso=0.01) for i, xyz in enumerate(places)
    )
    return replace(crystal, sites=sites)


NAMES = ["NaCl", "NaTaCl6_model", "Al2O3_SRM676a", "Si_SRM640f", "Fluorapatite"]


@pytest.mark.parametrize("name", NAMES)
def test_all_planes_of_atoms_anywhere_and_no_others_are_listed(name):
    crystal = references.load(name)
    found = diffraction.allowed_lines(crystal, two_theta=(8.0, 60.0))
    general = diffraction.calculate_reflections(with_any_atoms(crystal), two_theta=(8.0, 60.0))
    assert planes(found) == planes(general)
    assert found.two_theta == pytest.approx(general.two_theta, abs=1e-9)
    assert found.multiplicity.sum() == general.multiplicity.sum()


@pytest.mark.parametrize("name", NAMES)
def test_absences_are_those_of_the_space_group(name):
    gemmi = pytest.importorskip("gemmi")
    crystal = references.load(name)
    group = gemmi.find_spacegroup_by_name(crystal.space_group)
    operations = group.operations()
    found = planes(diffraction.allowed_lines(crystal, two_theta=(8.0, 60.0)))
    assert found
    assert not any(operations.is_systematically_absent(list(hkl)) for hkl in found)


def test_doubtful_atoms_change_nothing():
    crystal = references.load("NaTaCl6_model")
    moved = replace(crystal, sites=crystal.sites[:1])
    lines, fewer = (
        diffraction.allowed_lines(one, wavelength=0.3497, two_theta=(1, 12))
        for one in (crystal, moved)
    )
    assert lines.two_theta.tolist() == fewer.two_theta.tolist()
    assert lines.provenance.parameters["wavelength"] == 0.3497


@pytest.mark.parametrize("span", [(20.0, 10.0), (-1.0, 50.0), (5.0, 180.0), (float("nan"), 50.0)])
def test_a_range_that_is_none_is_refused(nacl, span):
    with pytest.raises(BadInput, match="two_theta range"):
        diffraction.allowed_lines(nacl, two_theta=span)
