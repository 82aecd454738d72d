"""Input that would give wrong numbers in silence: each kind is said."""

from dataclasses import replace

import numpy as np
import pytest

from xorder import pdf, references
from xorder.errors import BadInput, BadStructure

R = 0.02 * np.arange(1, 601)
Q = np.linspace(0.6, 24.0, 1500)


def intensity(**kwargs):
    counts = 1e4 * np.exp(-Q / 8) * (1 + 0.3 * np.sin(2.5 * Q))
    values = {"q": Q, "intensity": counts, "composition": "Ni"} | kwargs
    return pdf.Intensity(**values)


@pytest.fixture(scope="module")
def nickel(made):
    part = pdf.SimulatedPhase(crystal=made.nickel(), mass_fraction=1.0, uiso=0.006)
    return pdf.simulate_gr([part], r=R, q_max=22.0, noise=0.02)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"q": 10 * Q}, "nm⁻¹"),
        ({"q": 10 * Q, "wavelength": 0.1839}, "nm⁻¹"),
        # A wavelength tells even a Q that a diffractometer could reach.
        ({"q": 2 * Q, "wavelength": 0.7093}, "nm⁻¹"),
    ],
)
def test_q_in_inverse_nanometres_is_told(kwargs, message):
    with pytest.raises(BadInput, match=message):
        intensity(**kwargs)


def test_inverse_nanometres_in_a_file_without_units_are_told(tmp_path):
    path = tmp_path / "nickel.iq"
    np.savetxt(path, np.column_stack([10 * Q, np.exp(-Q)]))
    with pytest.raises(BadInput, match="nm⁻¹"):
        pdf.read_iq(path, composition="Ni")


@pytest.mark.filterwarnings("ignore::xorder.errors.DataWarning")
@pytest.mark.parametrize("name", ["q_max", "q_max_inst"])
def test_a_q_max_beyond_the_counts_is_refused(name):
    with pytest.raises(BadInput, match="data end at 24"):
        pdf.reduce(intensity(), options=pdf.ReductionOptions(**{name: 30.0}))


def test_a_q_max_beyond_that_of_the_pair_distribution_is_told(nickel, made):
    options = pdf.RefinementOptions(q_max=30.0, refine_qdamp=False)
    fit = pdf.refine(nickel, made.nickel(), r_range=(1.7, 10.0), options=options)
    assert any("cut at 22" in message for message in fit.messages)
    right = pdf.refine(
        nickel, made.nickel(), r_range=(1.7, 10.0), options=replace(options, q_max=None)
    )
    assert not any("cut at" in message for message in right.messages)


@pytest.mark.parametrize("composition", ["", "  ", "nickel?", "Xx2O"])
def test_a_composition_missing_or_wrong_is_refused(composition):
    with pytest.raises(BadInput, match=r"composition|formula|element|Xx"):
        pdf.reduce(intensity(composition=composition))


def test_a_composition_without_the_elements_of_the_phases_is_told(made):
    part = pdf.SimulatedPhase(crystal=made.rock_salt(), mass_fraction=1.0)
    data = replace(pdf.simulate_gr([part], r=R, q_max=22.0, noise=0.02), composition="KBr")
    options = pdf.RefinementOptions(refine_qdamp=False)
    fit = pdf.refine(data, made.rock_salt(), r_range=(1.7, 10.0), options=options)
    assert any("KBr" in m and "Cl, Na" in m for m in fit.messages)


def test_overlapping_atoms_are_refused_by_fits_too(nickel, made):
    crystal = made.nickel()
    twice = replace(
        crystal, sites=(*crystal.sites, made.site("Ni2", "Ni", [0.02, 0.0, 0.0], uiso=0.005))
    )
    with pytest.raises(BadStructure, match=r"Ni1.*Ni2|Ni2.*Ni1"):
        pdf.refine(nickel, twice, r_range=(1.7, 10.0))


@pytest.mark.parametrize("lost", [slice(200, 201), slice(200, 260)])
def test_a_grid_with_a_gap_is_refused(tmp_path, nickel, lost):
    keep = np.ones(len(R), dtype=bool)
    keep[lost] = False
    with pytest.raises(BadInput, match="gaps"):
        replace(nickel, r=R[keep], gr=nickel.gr[keep], stderr=None)
    path = tmp_path / "nickel.gr"
    np.savetxt(path, np.column_stack([R, nickel.gr])[keep])
    with pytest.raises(BadInput, match="gaps"):
        pdf.read(path)


def test_phases_under_each_others_names_are_refused(nickel, made):
    swapped = {"Ni": made.rock_salt(), "NaCl": made.nickel()}
    with pytest.raises(BadInput, match=r"'Ni' is given a structure of Cl, Na and 'NaCl' one of Ni"):
        pdf.refine(nickel, swapped, r_range=(1.7, 10.0))
    with pytest.raises(BadInput, match="its own name"):
        pdf.fit_boxcar(nickel, swapped, r_range=(1.7, 10.0))


def test_a_wrong_phase_is_not_a_good_fit(nickel):
    fit = pdf.refine(nickel, references.load("NaCl"), r_range=(1.7, 10.0))
    assert any("does not describe the data" in message for message in fit.messages)


def test_amorphous_phases_need_their_lengths():
    with pytest.raises(BadInput, match=r"amorphous is .*Ni.*expected phases and their lengths"):
        pdf.RefinementOptions(amorphous=("Ni",))
