"""Weights of pairs: form factors in Q, with f' and f'' near an absorption edge."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

from xorder import pdf, references
from xorder.errors import DataWarning
from xorder.pdf.form_weights import FormWeights, elements_near_edge
from xorder.pdf.normalization import SelfScattering
from xorder.scattering import dispersion, form_factor

Q = np.linspace(0.0, 20.0, 41)
#: Wavelengths in Å: 10 eV, 300 eV below and 5 keV above the L3 edge of tantalum (9881 eV).
EDGE, BELOW, ABOVE = 1.2561, 1.294, 0.833


@pytest.mark.parametrize("wavelength", [EDGE, BELOW, ABOVE, 0.1839])
def test_weights_are_products_of_complex_form_factors(wavelength):
    amounts = {"Na": 1.0, "Ta": 1.0, "Cl": 6.0}
    found = FormWeights(elements=("Cl", "Ta"), sample=amounts, wavelength=wavelength)(Q)
    full = {e: form_factor(e, Q / (4 * np.pi)) + dispersion(e, wavelength) for e in amounts}
    mean = sum(a * full[e] for e, a in amounts.items()) / 8
    charges = {"Na": 11, "Ta": 73, "Cl": 17}
    flat = sum(a * charges[e] for e, a in amounts.items()) / 8
    for column, (one, two) in enumerate([("Cl", "Cl"), ("Cl", "Ta"), ("Ta", "Ta")]):
        pair = (full[one] * full[two].conj()).real / np.abs(mean) ** 2
        expected = pair / (charges[one] * charges[two] / flat**2)
        # Tables give 10.99 to 73.01 electrons at Q = 0, not whole numbers.
        np.testing.assert_allclose(found[:, column], expected, rtol=5e-3)


def test_tantalum_counts_less_at_its_edge():
    sample = {"Ta": 1.0, "Cl": 5.0}
    far, edge = (
        FormWeights(elements=("Cl", "Ta"), sample=sample, wavelength=w)(Q) for w in (ABOVE, EDGE)
    )
    # f' of some -20 electrons takes a third of what tantalum scatters forward.
    assert edge[0, 2] / far[0, 2] < 0.85
    assert elements_near_edge(sample, EDGE) == ["Ta"]
    assert elements_near_edge(sample, BELOW) == []
    assert elements_near_edge(sample, float("nan")) == []


def test_self_scattering_is_that_of_complex_form_factors():
    atoms = SelfScattering.of({"Ta": 1.0, "Cl": 5.0}, Q, None, EDGE)
    full = {e: form_factor(e, Q / (4 * np.pi)) + dispersion(e, EDGE) for e in ("Ta", "Cl")}
    np.testing.assert_allclose(
        atoms.mean_of_f_squared, (np.abs(full["Ta"]) ** 2 + 5 * np.abs(full["Cl"]) ** 2) / 6
    )
    np.testing.assert_allclose(atoms.mean_f_squared, np.abs((full["Ta"] + 5 * full["Cl"]) / 6) ** 2)


def test_a_wavelength_at_an_edge_is_told():
    q = np.linspace(0.5, 9.0, 900)
    atoms = SelfScattering.of({"Ta": 1.0, "Cl": 5.0}, q, None, EDGE)
    counts = atoms.mean_of_f_squared * (1 + 0.2 * np.sin(2.4 * q))
    data = pdf.Intensity(q=q, intensity=counts, composition="TaCl5", wavelength=EDGE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        messages = pdf.reduce(data).messages
    assert any("absorption edge of Ta" in message for message in messages)


@pytest.fixture(scope="module")
def mixture():
    """Simulated silicon with six per cent of nickel atoms, weights as a measurement has them."""
    crystals = {"Si": references.load("Si_SRM640f"), "Ni": references.load("Ni")}
    parts = [
        pdf.SimulatedPhase(crystal=crystals["Si"], mass_fraction=0.885, uiso=0.0092),
        pdf.SimulatedPhase(crystal=crystals["Ni"], mass_fraction=0.115, uiso=0.0058),
    ]
    r = 0.02 * np.arange(1, 751)
    return pdf.simulate_gr(parts, r=r, q_max=25.0, qdamp=0.04, noise=0.01), crystals


@pytest.mark.parametrize(("form_factors", "u"), [("exact", 0.0058), ("constant", 0.0038)])
def test_constant_weights_sharpen_the_heavier_element(mixture, form_factors, u):
    # Nickel gains weight with Q beside silicon. A fit that does not know takes it for less motion:
    # the displacement of nickel comes out a third too small, and its mass too large.
    data, crystals = mixture
    options = pdf.RefinementOptions(
        form_factors=form_factors, correlation="none", refine_qdamp=False
    )
    fit = pdf.refine(data, crystals, r_range=(1.5, 14.0), options=options)
    assert fit.parameters["uiso_Ni_Ni"].value == pytest.approx(u, abs=1e-4 if u > 0.005 else 5e-4)
    if form_factors == "exact":
        assert abs(fit.fractions.mass[0] - 0.885) < 4 * fit.fractions.mass_stderr[0]
    else:
        assert fit.fractions.mass[0] < 0.88


def test_the_wavelength_of_the_data_reaches_the_weights(mixture):
    data, crystals = mixture
    options = pdf.RefinementOptions(correlation="none", refine_qdamp=False)
    # 8333 eV: the K edge of nickel.
    near = replace(data, wavelength=1.4879, q_max=8.0, noise=None)
    found = [
        pdf.refine(one, crystals, r_range=(1.5, 14.0), options=options).fractions.mass[1]
        for one in (replace(near, wavelength=float("nan")), near)
    ]
    # With f' of -8 electrons more nickel is needed for the same peaks.
    assert found[1] > 1.2 * found[0]
