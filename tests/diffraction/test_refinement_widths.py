"""Widths that depend on direction, axial divergence, intensities as parameters (Pawley)."""

from dataclasses import replace

import numpy as np
import pytest

from xorder import diffraction, references
from xorder.diffraction.anisotropy import DirectionalWidth, invariant_forms
from xorder.diffraction.pawley import PawleyObjective
from xorder.diffraction.refinement_objective import PatternObjective, pattern_model
from xorder.diffraction.refinement_start import starting_parameters
from xorder.errors import BadInput
from xorder.structure import Crystal

OPTIONS = diffraction.RefinementOptions(background=3, zero_shift=True, displacement=False)


def counted(clean: diffraction.Pattern, seed: int = 1) -> diffraction.Pattern:
    counts = np.random.default_rng(seed).poisson(clean.intensity).astype(float)
    return replace(clean, intensity=counts, sigma=np.sqrt(np.maximum(counts, 1.0)))


def group(*generators: list[list[int]]) -> np.ndarray:
    """Return the matrices that generators make."""
    found = [np.eye(3, dtype=int)]
    for matrix in found:
        for generator in generators:
            product = matrix @ np.array(generator)
            if not any((product == one).all() for one in found):
                found.append(product)
    return np.array(found)


STRETCH = np.array([1.0005, 0.9995, 1.0005, 1.0, 1.0005, 1.0])
INVERSION = [[-1, 0, 0], [0, -1, 0], [0, 0, -1]]
FOUR = [[0, -1, 0], [1, 0, 0], [0, 0, 1]]
THREE = [[0, -1, 0], [1, -1, 0], [0, 0, 1]]
SIX = [[1, -1, 0], [1, 0, 0], [0, 0, 1]]
DIAGONAL = [[0, 0, 1], [1, 0, 0], [0, 1, 0]]
ABOUT_B = [[-1, 0, 0], [0, 1, 0], [0, 0, -1]]
ABOUT_A = [[1, 0, 0], [0, -1, 0], [0, 0, -1]]
SWAP = [[0, 1, 0], [1, 0, 0], [0, 0, -1]]


@pytest.mark.parametrize(
    ("generators", "strains", "sizes"),
    [
        ((INVERSION,), 15, 6),
        ((INVERSION, ABOUT_B), 9, 4),
        ((INVERSION, ABOUT_B, ABOUT_A), 6, 3),
        ((INVERSION, FOUR), 5, 2),
        ((INVERSION, FOUR, ABOUT_A), 4, 2),
        ((INVERSION, THREE), 5, 2),
        ((INVERSION, THREE, SWAP), 4, 2),
        ((INVERSION, SIX), 3, 2),
        ((INVERSION, FOUR, DIAGONAL), 2, 1),
    ],
)
def test_each_laue_class_has_the_number_of_terms_that_stephens_lists(generators, strains, sizes):
    rotations = group(*generators)
    assert len(invariant_forms(rotations, 4).names) == strains
    assert len(invariant_forms(rotations, 2).names) == sizes
    planes = np.random.default_rng(0).normal(size=(20, 3))
    for degree in (2, 4):
        forms = invariant_forms(rotations, degree)
        for rotation in rotations:
            assert forms.values(planes @ rotation) == pytest.approx(forms.values(planes), abs=1e-9)


def test_cubic_and_orthorhombic_forms_are_those_of_stephens(nacl):
    forms = invariant_forms(nacl.rotations, 4)
    assert forms.names == ("400", "220")
    values = forms.values(np.array([[1, 2, 3]]))
    assert values[0] == pytest.approx([1 + 16 + 81, 4 + 9 + 36])


@pytest.mark.parametrize("kind", ["inverse_size", "strain"])
def test_a_direction_independent_width_is_the_same_for_all_planes(monoclinic, kind):
    found = diffraction.calculate_reflections(monoclinic, two_theta=(10, 60))
    width = DirectionalWidth(monoclinic, found.hkl.astype(float), found.d, kind)
    assert width.width(width.start(0.003))[0] == pytest.approx(0.003, rel=1e-9)


def model_of(crystal: Crystal, **settings):
    """Return an objective with widths by direction and axial divergence, away from its start."""
    phase = diffraction.Phase(
        crystal=crystal, anisotropic_size=True, anisotropic_strain=True, strain=0.002, size=300.0,
        **settings,
    )  # fmt: skip
    options = replace(OPTIONS, asymmetry=0.02, refine_asymmetry=True)
    pattern = diffraction.simulate(crystal, two_theta=(12.0, 40.0, 0.05), scale=1e-3)
    pattern = replace(pattern, intensity=pattern.intensity + 50.0)
    model = pattern_model(pattern, [phase], options=options)
    parameters = starting_parameters([model], [phase], options)
    generator = np.random.default_rng(3)
    values = {n: p.value * (1 + 0.05 * generator.normal()) for n, p in parameters.items()
              if n.startswith(("strain_", "inverse_size_", "asym"))}  # fmt: skip
    return PatternObjective(model, parameters, frozenset(parameters)), (
        parameters.valuesdict() | values
    )


@pytest.mark.parametrize("intensities", ["structure", "refined"])
def test_derivatives_by_direction_and_axial_divergence_are_exact(monoclinic, intensities):
    objective, values = model_of(monoclinic, intensities=intensities)
    names = [n for n in objective.parameters if n.startswith(("strain_", "inverse_size_", "asym"))]
    assert len(names) == 9 + 4 + 1
    exact = objective.jacobian(values, names)
    for name, column in zip(names, exact.T, strict=True):
        step = 1e-6 * abs(values[name])
        up = objective.residual({**values, name: values[name] + step})
        down = objective.residual({**values, name: values[name] - step})
        numeric = (up - down) / (2.0 * step)
        assert np.abs(numeric).max() > 0, name
        wrong = np.abs(column - numeric) > 1e-4 * np.abs(numeric).max()
        assert np.count_nonzero(wrong) <= 3, name


def test_anisotropic_strain_and_size_are_recovered(nacl):
    crystal = references.load("Fluorapatite")
    truth = {"strain_400": 4e-6, "strain_004": 2.5e-5, "strain_202": 1e-5,
             "inverse_size_200": 4e-6, "inverse_size_002": 4e-5}  # fmt: skip
    phase = diffraction.Phase(
        crystal=crystal, anisotropic_strain=True, anisotropic_size=True, positions=False,
        uiso="none",
    )  # fmt: skip
    clean = diffraction.simulate(crystal, two_theta=(15.0, 100.0, 0.02), background=(80.0,))
    model = pattern_model(clean, [phase], options=OPTIONS)
    start = starting_parameters([model], [phase], OPTIONS).with_values(truth | {"scale": 4e-3})
    objective = PatternObjective(model, start, frozenset())
    bragg = objective.bragg(0, start.valuesdict())
    found = diffraction.refine(
        counted(replace(clean, intensity=bragg + 80.0)), phase, options=OPTIONS
    )
    assert found.gof == pytest.approx(1.0, abs=0.05)
    for name, value in truth.items():
        one = found.fit.parameters[name]
        assert abs(one.value - value) < 3.5 * one.stderr, name
        assert one.stderr < 0.3 * value, name
    along = found.patterns[0].phases[0].directions
    assert along is not None
    of = {
        tuple(int(i) for i in hkl): i
        for i, hkl in enumerate(np.stack([along.h, along.k, along.l], axis=1))
    }
    # Plates: thinner along c, and more strained.
    assert along.size[of[0, 0, 2]] < 0.6 * along.size[of[3, 0, 0]]
    assert along.strain[of[0, 0, 2]] > 1.5 * along.strain[of[3, 0, 0]]
    assert np.all(along.size_stderr > 0)


def test_isotropic_truth_is_found_isotropic(monoclinic):
    clean = diffraction.simulate(
        monoclinic, two_theta=(12.0, 70.0, 0.03), scale=2e-3, size=300.0, strain=0.002,
        background=(60.0,),
    )  # fmt: skip
    phase = diffraction.Phase(
        crystal=monoclinic, anisotropic_strain=True, positions=False, uiso="none", size=300.0
    )
    found = diffraction.refine(counted(clean), phase, options=OPTIONS)
    fitted = found.patterns[0].phases[0]
    assert fitted.strain == pytest.approx(0.002, abs=4.0 * fitted.strain_stderr)
    assert fitted.size == pytest.approx(300.0, abs=4.0 * fitted.size_stderr)


def test_axial_divergence_is_recovered():
    crystal = references.load("LaB6_SRM660c")
    crystal = replace(crystal, sites=tuple(replace(s, uiso=0.005) for s in crystal.sites))
    phase = diffraction.Phase(crystal=crystal, size=None, strain=None, positions=False, uiso="none")
    made = pattern_model(
        diffraction.simulate(crystal, two_theta=(15.0, 80.0, 0.01)), [phase],
        options=replace(OPTIONS, asymmetry=0.03),
    )  # fmt: skip
    options = replace(OPTIONS, asymmetry=0.03)
    start = starting_parameters([made], [phase], options).with_values({"scale": 2e-3})
    bragg = PatternObjective(made, start, frozenset()).bragg(0, start.valuesdict())
    pattern = counted(replace(made.pattern, intensity=bragg + 50.0))
    found = diffraction.refine(
        pattern, phase, options=replace(OPTIONS, asymmetry=0.02, refine_asymmetry=True)
    )
    ratio = found.fit.parameters["asymmetry"]
    assert ratio.value == pytest.approx(0.03, abs=4.0 * ratio.stderr)
    assert ratio.stderr < 0.002
    assert found.gof == pytest.approx(1.0, abs=0.06)


def pawley(crystal: Crystal, seed: int = 3):
    clean = diffraction.simulate(
        crystal, two_theta=(12.0, 40.0, 0.02), scale=2e-3, size=800.0, strain=0.0005,
        background=(100.0, -20.0),
    )  # fmt: skip
    # The atoms are wrong: only the cell counts.
    sites = (replace(crystal.sites[0], xyz=crystal.sites[0].xyz * 0.9), *crystal.sites[1:])
    moved = replace(crystal, cell=crystal.cell * STRETCH, sites=sites)
    phase = diffraction.Phase(crystal=moved, intensities="refined", size=800.0)
    found = diffraction.refine(counted(clean, seed), phase, options=OPTIONS)
    return clean, found


def test_pawley_finds_intensities_with_their_covariance(monoclinic):
    clean, found = pawley(monoclinic)
    assert found.success
    assert found.gof == pytest.approx(1.0, abs=0.06)
    assert found.crystals[0].cell == pytest.approx(monoclinic.cell, rel=3e-4)
    listed = found.patterns[0].phases[0].intensities
    assert listed is not None
    reflections = clean.reflections[0]
    strength = 2e-3 * diffraction.simulation.powder_intensity(reflections)
    true = dict(zip(map(tuple, reflections.hkl.tolist()), strength, strict=True))
    planes = np.stack([listed.h, listed.k, listed.l], axis=1)
    wanted = np.zeros(len(listed.intensity))
    for plane, number in zip(planes.tolist(), listed.group.tolist(), strict=True):
        if number >= 0:
            wanted[number] += true.get(tuple(plane), 0.0)
    pulls = (listed.intensity - wanted) / listed.stderr
    inside = np.mean(np.abs(pulls) < 1.0)
    assert 0.55 < inside < 0.85
    assert listed.covar.shape == (len(wanted), len(wanted))
    # Neighbours that overlap are anticorrelated, and none is forced above zero.
    correlation = listed.covar / np.outer(listed.stderr, listed.stderr)
    assert correlation.min() < -0.2
    assert listed.negative == 0
    assert any("intensities of" in m and "without a bound" in m for m in found.messages)


def test_what_the_fit_sees_under_pawley_is_the_least_squares_residual(monoclinic):
    objective, values = model_of(monoclinic, intensities="refined")
    pawley_objective = PawleyObjective(objective, [0], values)
    residual = pawley_objective.residual(values)
    # No intensity can lower the sum of squares any more.
    gradient = pawley_objective._design.T @ residual
    scale = np.linalg.norm(pawley_objective._design, axis=0) * np.linalg.norm(residual)
    assert np.abs(gradient / scale).max() < 1e-6
    names = ["a", "beta", "background_0", "strain_400"]
    columns = pawley_objective.jacobian(values, names)
    # The slope of χ² is exact, though Kaufman's columns are not.
    for name, column in zip(names, columns.T, strict=True):
        step = 1e-6 * abs(values[name]) or 1e-4
        up, down = ({**values, name: values[name] + s} for s in (step, -step))
        numeric = (np.sum(pawley_objective.residual(up) ** 2)
                   - np.sum(pawley_objective.residual(down) ** 2)) / (4.0 * step)  # fmt: skip
        at = np.linalg.norm(column) * np.linalg.norm(residual)
        assert abs(column @ residual - numeric) < 2e-3 * at, name


def test_unknown_kinds_of_intensities_are_refused(nacl):
    with pytest.raises(BadInput, match="intensities 'guessed'"):
        diffraction.Phase(crystal=nacl, intensities="guessed")
