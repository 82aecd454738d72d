"""Restraints on bonds, angles and expressions; what holds a mixed position together."""

from dataclasses import replace

import numpy as np
import pytest

from xorder import diffraction, references
from xorder.diffraction.refinement_objective import pattern_model
from xorder.diffraction.refinement_start import starting_parameters
from xorder.diffraction.restraints import (
    AngleRestraint,
    BondRestraint,
    ExpressionRestraint,
    RestraintObjective,
    expression_parameters,
)
from xorder.diffraction.symmetry_constraints import occupancy_limits
from xorder.errors import BadInput
from xorder.fitting import Parameter, numeric_jacobian
from xorder.structure import Crystal, Site

OPTIONS = diffraction.RefinementOptions(background=3, zero_shift=True, displacement=False)


def counted(clean: diffraction.Pattern, seed: int = 1) -> diffraction.Pattern:
    counts = np.random.default_rng(seed).poisson(clean.intensity).astype(float)
    return replace(clean, intensity=counts, sigma=np.sqrt(np.maximum(counts, 1.0)))


@pytest.fixture(scope="module")
def apatite() -> Crystal:
    return references.load("Fluorapatite")


def objective_of(crystal: Crystal, *restraints) -> tuple[RestraintObjective, dict[str, float]]:
    phase = diffraction.Phase(crystal=crystal)
    pattern = diffraction.simulate(crystal, two_theta=(20.0, 40.0, 0.05))
    model = pattern_model(pattern, [phase], options=OPTIONS)
    start = starting_parameters([model], [phase], OPTIONS)
    start = start | expression_parameters(restraints)
    return RestraintObjective(model, restraints, start), start.valuesdict()


def test_bonds_and_angles_are_those_of_the_structure(apatite):
    # The phosphate is a tetrahedron: P-O 1.53 to 1.54 Å, four oxygens, O3 twice.
    bonds = [BondRestraint(first="P1", second=o, length=1.535, sigma=0.02) for o in
             ("O1", "O2", "O3")]  # fmt: skip
    objective, values = objective_of(apatite, *bonds)
    assert objective.n_independent == 4
    assert np.abs(objective.residual(values)).max() < 1.0
    angles = AngleRestraint(first="O1", centre="P1", third="O3", angle=109.5, sigma=5.0, reach=1.8)
    objective, values = objective_of(apatite, angles)
    assert objective.n_independent == 2
    assert np.abs(objective.residual(values)).max() < 1.5


def test_derivatives_of_restraints_follow_symmetry(apatite):
    objective, values = objective_of(
        apatite,
        BondRestraint(first="P1", second="O3", length=1.535),
        AngleRestraint(first="O3", centre="P1", third="O3", angle=109.5, reach=1.8),
    )
    names = ["a", "c", "x_P1", "y_P1", "x_O3", "z_O3"]
    exact = objective.jacobian(values, names)
    assert exact == pytest.approx(numeric_jacobian(objective, values, names))
    assert np.abs(exact).max(axis=0).min() > 0


def poor(crystal: Crystal):
    """Return a pattern too short and noisy to place the oxygens well."""
    clean = diffraction.simulate(
        crystal, two_theta=(20.0, 55.0, 0.04), scale=2e-5, size=300.0, background=(150.0,)
    )
    return counted(clean)


def test_restraints_hold_what_the_data_do_not(apatite):
    oxygens = ("O1", "O2", "O3")
    restraints = tuple(
        BondRestraint(first="P1", second=o, length=1.535, sigma=0.005) for o in oxygens
    )
    phase = diffraction.Phase(crystal=apatite, uiso="phase", strain=None, size=300.0)
    free = diffraction.refine(poor(apatite), phase, options=OPTIONS)
    pulled = diffraction.refine(
        poor(apatite), phase, options=replace(OPTIONS, restraints=restraints)
    )
    for name in ("x_O1", "x_O2", "x_O3"):
        assert pulled.fit.parameters[name].stderr < free.fit.parameters[name].stderr
    # The bonds are looked at in the refined structures.
    lengths = [
        1.535 - 0.005 * objective_of(found.crystals[0], *restraints)[0].residual(
            objective_of(found.crystals[0], *restraints)[1]
        )
        for found in (free, pulled)
    ]  # fmt: skip
    assert np.abs(lengths[1] - 1.535).max() < 0.012 < np.abs(lengths[0] - 1.535).max()
    # Agreement is that of the pattern alone, without the restraints.
    assert pulled.r_wp == pytest.approx(free.r_wp, rel=0.02)


def test_a_restraint_that_contradicts_the_data_is_said(nacl):
    clean = diffraction.simulate(
        nacl, two_theta=(20.0, 90.0, 0.04), scale=0.003, size=400.0, background=(50.0,)
    )
    restraint = ExpressionRestraint(expr="a", value=5.70, sigma=0.001)
    found = diffraction.refine(
        counted(clean), nacl, options=replace(OPTIONS, restraints=(restraint,))
    )
    assert any("1 of 1 restraints are over 3" in message for message in found.messages)


def test_an_expression_is_restrained_and_its_error_told(nacl):
    clean = diffraction.simulate(
        nacl, two_theta=(20.0, 90.0, 0.04), scale=0.003, size=400.0, background=(50.0,)
    )
    restraint = ExpressionRestraint(expr="uiso_Na1 - uiso_Cl1", value=0.0, sigma=1e-5)
    found = diffraction.refine(
        counted(clean), nacl, options=replace(OPTIONS, restraints=(restraint,))
    )
    values = found.fit.parameters
    assert abs(values["uiso_Na1"].value - values["uiso_Cl1"].value) < 1e-4
    assert values["restraint_1"].stderr == pytest.approx(1e-5, rel=0.3)


@pytest.mark.parametrize(
    ("restraint", "message"),
    [
        (BondRestraint(first="P1", second="O9", length=1.5), "no site 'O9'"),
        (BondRestraint(first="Ca1", second="F1", length=1.0), "no Ca1-F1 within 1.25"),
        (BondRestraint(first="P1", second="O1", length=1.5, phase="NaCl"), "the phase 'NaCl'"),
        (ExpressionRestraint(expr="nonsense - 1", value=0.0, sigma=1.0), "unknown nonsense"),
        (ExpressionRestraint(expr="import os", value=0.0, sigma=1.0), "cannot be read"),
    ],
)
def test_restraints_that_cannot_be_are_refused(apatite, restraint, message):
    with pytest.raises(BadInput, match=message):
        diffraction.refine(
            poor(apatite), apatite, options=replace(OPTIONS, restraints=(restraint,))
        )


@pytest.mark.parametrize(
    "make",
    [
        lambda: BondRestraint(first="P1", second="O1", length=-1.0),
        lambda: BondRestraint(first="P1", second="O1", length=1.5, sigma=0.0),
        lambda: AngleRestraint(first="O1", centre="P1", third="O2", angle=float("nan")),
        lambda: ExpressionRestraint(expr="a", value=5.0, sigma=-1.0),
    ],
)
def test_restraints_without_meaning_are_refused(make):
    with pytest.raises(BadInput, match="above 0"):
        make()


def test_a_mixed_position_keeps_its_sum_place_and_displacement(monoclinic):
    sites = tuple(
        replace(site, xyz=np.array([0.31, 0.12, 0.55])) if site.label in ("Na1", "K1") else site
        for site in monoclinic.sites
    )
    crystal = replace(monoclinic, sites=sites)
    clean = diffraction.simulate(
        crystal, two_theta=(12.0, 60.0, 0.03), scale=2e-3, size=500.0, background=(80.0,)
    )
    shifted = tuple(
        replace(site, occupancy={"Na1": 0.6, "K1": 0.4}.get(site.label, site.occupancy))
        for site in sites
    )
    phase = diffraction.Phase(
        crystal=replace(crystal, sites=shifted), occupancies=("Na1", "K1"), strain=None, size=500.0
    )
    found = diffraction.refine(counted(clean), phase, options=OPTIONS)
    values = found.fit.parameters
    assert values["x_K1"].expr == "x_Na1"
    assert values["uiso_K1"].expr == "uiso_Na1"
    assert values["occupancy_K1"].value == pytest.approx(1.0 - values["occupancy_Na1"].value)
    one = values["occupancy_Na1"]
    assert abs(one.value - 0.8) < 4.0 * one.stderr
    assert one.stderr < 0.05
    refined = {site.label: site for site in found.crystals[0].sites}
    assert refined["K1"].xyz == pytest.approx(refined["Na1"].xyz, abs=1e-12)


def test_an_occupancy_leaves_room_for_what_else_is_there(monoclinic):
    assert occupancy_limits(monoclinic, {"occupancy_Na1": 1}) == {"occupancy_Na1": 0.8}
    both = {"occupancy_Na1": 1, "occupancy_K1": 2, "occupancy_Ta1": 0}
    assert occupancy_limits(monoclinic, both) == dict.fromkeys(both, 1.0)


def test_phases_and_patterns_share_what_an_expression_says(nacl, zincblende):
    patterns = [
        replace(
            diffraction.simulate_mixture(
                [nacl, zincblende], weight_fractions=(w, 1.0 - w), two_theta=(20.0, 90.0, 0.04),
                sizes=(200.0, 400.0), seed=seed,
            ),
            name=str(seed),
        )
        for seed, w in enumerate((0.7, 0.4))
    ]  # fmt: skip
    tied = Parameter(
        name="inverse_size_ZnS", value=0.002, expr="0.5 * inverse_size_NaCl", unit="Å⁻¹"
    )
    slope = Parameter(name="growth", value=0.001, min=-0.1, max=0.1)
    second = Parameter(name="a_NaCl_2", value=5.64, expr="a_NaCl_1 * (1 + growth)")
    phases = [diffraction.Phase(crystal=c, positions=False, uiso="none", strain=None)
              for c in (nacl, zincblende)]  # fmt: skip
    found = diffraction.refine(
        patterns, phases, options=replace(OPTIONS, own=("a_NaCl",)),
        parameters={p.name: p for p in (tied, slope, second)},
    )  # fmt: skip
    values = found.fit.parameters
    assert values["inverse_size_ZnS"].value == 0.5 * values["inverse_size_NaCl"].value
    assert 1.0 / values["inverse_size_NaCl"].value == pytest.approx(200.0, rel=0.03)
    growth = values["growth"]
    assert abs(growth.value) < 4.0 * growth.stderr < 1e-3


def test_labels_that_are_no_identifiers_make_parameters(nacl):
    strange = Site(label="Na(1)+", element="Na", xyz=np.zeros(3), uiso=0.02)
    odd = replace(nacl, sites=(strange, nacl.sites[1]))
    clean = diffraction.simulate(odd, two_theta=(20.0, 60.0, 0.05), background=(50.0,))
    model = pattern_model(clean, [diffraction.Phase(crystal=odd)], options=OPTIONS)
    start = starting_parameters([model], [diffraction.Phase(crystal=odd)], OPTIONS)
    assert "uiso_Na_1__" in start
