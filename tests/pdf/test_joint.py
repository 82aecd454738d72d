"""Several data sets, one structure: shared and own parameters, published values."""

from dataclasses import replace

import numpy as np
import pytest

from xorder import pdf
from xorder.errors import BadInput
from xorder.fitting import numeric_jacobian
from xorder.pdf.joint import SharedObjective, refine_jointly
from xorder.pdf.refinement import objective_for, phase_models

R = 0.01 * np.arange(1, 1501)


@pytest.fixture(scope="module")
def sets(made):
    salt = pdf.SimulatedPhase(crystal=made.rock_salt(), mass_fraction=1.0, uiso=0.015, delta2=1.5)
    return {
        radiation: pdf.simulate_gr(
            [salt], r=R, q_max=22.0, qdamp=qdamp, radiation=radiation, noise=noise, seed=2
        )
        for radiation, qdamp, noise in (("xray", 0.04, 0.02), ("neutron", 0.02, 0.05))
    }


def test_a_shared_structure_and_an_instrument_each(made, sets):
    fit = refine_jointly(sets, made.rock_salt(), r_range=(1.7, 14.0))
    assert fit
    names = set(fit.parameters)
    assert {"a", "uiso_Na", "delta2", "scale_xray", "scale_neutron", "qdamp_neutron"} <= names
    truth = {
        "a": 5.64, "uiso_Na": 0.015, "uiso_Cl": 0.015, "delta2": 1.5, "qdamp_xray": 0.04,
        "qdamp_neutron": 0.02, "scale_xray": 1.0, "scale_neutron": 1.0,
    }  # fmt: skip
    for name, value in truth.items():
        p = fit.parameters[name]
        assert abs(p.value - value) < 4 * p.stderr, name
    assert fit.sets["xray"].radiation == "xray"
    assert fit.sets["neutron"].radiation == "neutron"
    assert fit.crystals["NaCl"].cell[0] == fit.parameters["a"].value


def test_two_sets_know_more_than_one(made, sets):
    both = refine_jointly(sets, made.rock_salt(), r_range=(1.7, 14.0))
    alone = pdf.refine(sets["xray"], made.rock_salt(), r_range=(1.7, 14.0))
    # Neutrons see sodium better than X-rays do.
    assert both.parameters["uiso_Na"].stderr < alone.parameters["uiso_Na"].stderr


def test_derivatives_by_the_shared_names(made, sets):
    options = pdf.RefinementOptions()
    models = phase_models(sets["xray"], made.rock_salt(), options)
    inner = objective_for(sets["xray"], models, (1.7, 10.0), options)
    shared = SharedObjective(inner, "xray", 3.0)
    values = shared.parameters.valuesdict() | {"scale_neutron": 1.0}
    names = ["a", "scale_xray", "scale_neutron", "qdamp_xray", "uiso_Cl"]
    analytic = shared.jacobian(values, names)
    numeric = numeric_jacobian(shared, values, names)
    np.testing.assert_allclose(analytic, numeric, atol=1e-5 * np.abs(numeric).max())
    assert not analytic[:, 2].any()


def test_messages_of_all_sets_are_said_once(made, sets):
    bare = made.rock_salt(uiso=float("nan"))
    fit = refine_jointly(sets, bare, r_range=(1.7, 10.0))
    assert sum("gives no displacement" in message for message in fit.messages) == 1


def test_what_cannot_be_refined_jointly_is_said(made, sets):
    xray, salt = sets["xray"], made.rock_salt()
    with pytest.raises(BadInput, match="two or more"):
        refine_jointly({"xray": xray}, salt)
    with pytest.raises(BadInput, match="two data sets are named 'a'"):
        refine_jointly([replace(xray, name="a"), replace(xray, name="a")], salt)
    with pytest.raises(BadInput, match="within the data"):
        refine_jointly(sets, salt, r_range={"xray": (1.7, 90.0)})


def test_nickel_by_xrays_and_neutrons(shared, made):
    # GSAS-II's tutorial and pdffit2: Rw 0.06999, with the errors of the files as weights.
    data = {
        "X": pdf.read(shared("data", "pdf", "Ni-xray.gr")),
        "N": pdf.read(shared("data", "pdf", "Ni-neutron.gr")),
    }
    options = pdf.RefinementOptions(q_max=30.0, convention="pdffit2", grid="data", weights="stderr")
    fit = refine_jointly(data, made.nickel(), r_range=(2.0, 20.0), options=options)
    published = {
        "a": (3.53157, 2e-5), "uiso_Ni": (0.00544471, 5e-6), "delta2": (2.25235, 0.01),
        "scale_N": (1.05439, 0.001), "scale_X": (0.732419, 0.0005),
        "qdamp_N": (0.0304455, 1e-4), "qdamp_X": (0.0630938, 1e-4),
    }  # fmt: skip
    for name, (value, room) in published.items():
        assert fit.parameters[name].value == pytest.approx(value, abs=room), name
    assert fit.r_w == pytest.approx(0.06999, abs=2e-4)
