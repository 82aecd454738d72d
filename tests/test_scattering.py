"""How atoms scatter: against other tables, sum rules and known values."""

import math
import subprocess
import sys

import numpy as np
import pytest

from xorder.errors import BadInput
from xorder.scattering import (
    HC,
    atomic_mass,
    atomic_number,
    covalent_radius,
    dispersion,
    energy_from_wavelength,
    form_factor,
    is_metal,
    neutron_length,
    wavelength_from_energy,
)

ELEMENTS = (
    "H",
    "B",
    "C",
    "N",
    "O",
    "Na",
    "Al",
    "P",
    "S",
    "Cl",
    "V",
    "Ni",
    "Zn",
    "As",
    "Y",
    "Zr",
    "Cd",
    "Sb",
    "I",
    "La",
    "Sm",
    "Hf",
    "Ta",
    "W",
    "Re",
    "Au",
    "Pb",
    "U",
)


@pytest.mark.parametrize("element", ELEMENTS)
def test_form_factor_at_zero_counts_the_electrons(element: str) -> None:
    assert form_factor(element, 0.0) == pytest.approx(atomic_number(element), abs=0.04)


@pytest.mark.parametrize(
    ("species", "electrons"), [("Na1+", 10), ("Cl1-", 18), ("O2-", 10), ("Al3+", 10), ("Ta5+", 68)]
)
def test_form_factor_of_an_ion_counts_its_electrons(species: str, electrons: int) -> None:
    assert form_factor(species, 0.0) == pytest.approx(electrons, abs=0.05)


@pytest.mark.reference
@pytest.mark.parametrize("element", ELEMENTS)
def test_form_factor_agrees_with_international_tables_to_2(element: str) -> None:
    """The four-Gaussian fit of International Tables C (1992) holds to s = 2 Å⁻¹."""
    import gemmi

    s = np.linspace(0, 2, 41)
    table = gemmi.Element(element).it92
    theirs = np.array([table.calculate_sf(value**2) for value in s])
    np.testing.assert_allclose(form_factor(element, s), theirs, atol=0.13)


def test_form_factor_falls_and_stays_positive_to_6() -> None:
    s = np.linspace(0, 6, 200)
    for element in ("C", "Cl", "Ta"):
        values = form_factor(element, s)
        assert np.all(np.diff(values) < 1e-3)
        assert np.all(values > 0)


def test_form_factor_keeps_the_shape_of_s() -> None:
    assert form_factor("Ta", np.zeros((2, 3))).shape == (2, 3)
    assert np.shape(form_factor("Ta", 0.3)) == ()


def test_an_unknown_ion_scatters_as_its_neutral_atom() -> None:
    s = np.linspace(0, 2, 5)
    np.testing.assert_array_equal(form_factor("Xe9+", s), form_factor("Xe", s))


def test_deuterium_has_the_electrons_of_hydrogen() -> None:
    s = np.linspace(0, 2, 5)
    np.testing.assert_array_equal(form_factor("D", s), form_factor("H", s))


@pytest.mark.reference
@pytest.mark.parametrize(
    "element", ["Na", "Al", "S", "Cl", "Ni", "As", "Zr", "La", "Hf", "Ta", "Re"]
)
def test_dispersion_agrees_with_chantler_away_from_edges(element: str) -> None:
    xraydb = pytest.importorskip("xraydb")
    edges = np.array([edge.energy for edge in xraydb.xray_edges(element).values()])
    energies = [5000.0, 8047.8, 17479.0, 35000.0, 65000.0, 78000.0]
    away = [energy for energy in energies if np.min(np.abs(edges / energy - 1)) > 0.1]
    assert len(away) >= 4
    for energy in away:
        value = dispersion(element, HC / energy)
        assert value.real == pytest.approx(float(xraydb.f1_chantler(element, energy)), abs=0.6)
        assert value.imag == pytest.approx(
            float(xraydb.f2_chantler(element, energy)), rel=0.06, abs=0.01
        )


@pytest.mark.reference
@pytest.mark.parametrize("energy", [9861.0, 9901.0])
def test_dispersion_near_the_tantalum_l3_edge_is_like_chantlers(energy: float) -> None:
    xraydb = pytest.importorskip("xraydb")
    value = dispersion("Ta", HC / energy)
    assert value.real == pytest.approx(float(xraydb.f1_chantler("Ta", energy)), abs=2.0)
    assert value.imag == pytest.approx(float(xraydb.f2_chantler("Ta", energy)), rel=0.1)


def test_dispersion_jumps_at_the_edge_and_its_real_part_dips() -> None:
    below, above = dispersion("Ta", HC / 9871.0), dispersion("Ta", HC / 9891.0)
    assert above.imag - below.imag > 5
    assert below.real < dispersion("Ta", HC / 9000.0).real < 0
    assert below.imag > 0


def test_dispersion_at_cu_k_alpha() -> None:
    """Values of International Tables C, table 4.2.6.8, at 1.5418 Å."""
    value = dispersion("Cl", 1.5418)
    assert value.real == pytest.approx(0.364, abs=0.03)
    assert value.imag == pytest.approx(0.702, abs=0.03)


def test_hydrogen_has_no_dispersion() -> None:
    assert dispersion("H", 1.54) == 0


@pytest.mark.parametrize("wavelength", [0.0, -1.54, math.nan, math.inf])
def test_a_wavelength_that_is_none_is_refused(wavelength: float) -> None:
    with pytest.raises(BadInput, match=r"the wavelength is .* expected a number above zero"):
        dispersion("Ta", wavelength)
    with pytest.raises(BadInput):
        energy_from_wavelength(wavelength)
    with pytest.raises(BadInput, match="the energy is"):
        wavelength_from_energy(wavelength)


@pytest.mark.parametrize("wavelength", [0.05, 15.0, 1.54e-10])
def test_a_wavelength_outside_the_tables_is_refused(wavelength: float) -> None:
    with pytest.raises(BadInput, match=r"expected 0\.0827 to 12\.40 Å"):
        dispersion("Ta", wavelength)


@pytest.mark.parametrize("element", ["Xx", "", "T", "Cl1-", "iron", "TA"])
def test_unknown_elements_are_refused(element: str) -> None:
    with pytest.raises(BadInput, match="there is no element"):
        atomic_number(element)
    with pytest.raises(BadInput):
        neutron_length(element)
    with pytest.raises(BadInput):
        dispersion(element, 1.54)


@pytest.mark.parametrize("species", ["Xx", "", "Q1+"])
def test_form_factors_of_unknown_elements_are_refused(species: str) -> None:
    with pytest.raises(BadInput, match="there is no element"):
        form_factor(species, np.zeros(2))


def test_elements_beyond_the_tables_are_refused() -> None:
    with pytest.raises(BadInput, match="no f' and f''"):
        dispersion("Pu", 1.54)
    with pytest.raises(BadInput, match="no form factor"):
        form_factor("Es", 0.0)
    with pytest.raises(BadInput, match="no neutron scattering length"):
        neutron_length("Po")


@pytest.mark.parametrize(
    ("element", "length"),
    [
        ("H", -3.739),
        ("D", 6.671),
        ("C", 6.646),
        ("O", 5.803),
        ("Na", 3.63),
        ("Si", 4.1491),
        ("Cl", 9.577),
        ("Ti", -3.438),
        ("Ni", 10.3),
        ("Ta", 6.91),
        ("V", -0.3824),
    ],
)
def test_neutron_lengths_of_sears(element: str, length: float) -> None:
    assert neutron_length(element) == pytest.approx(length, abs=0.003)


def test_masses() -> None:
    assert atomic_mass("Ta") == pytest.approx(180.948, abs=1e-3)
    assert atomic_mass("D") == pytest.approx(2.014, abs=1e-3)


def test_radii_and_metals() -> None:
    assert covalent_radius("Cl") == pytest.approx(1.02)
    assert [is_metal(element) for element in ("Na", "Ta", "Cl", "As", "H")] == [
        True,
        True,
        False,
        False,
        False,
    ]


def test_energy_and_wavelength_are_inverse() -> None:
    assert wavelength_from_energy(8047.8) == pytest.approx(1.54060, abs=2e-5)
    assert energy_from_wavelength(wavelength_from_energy(9881.0)) == pytest.approx(9881.0)


def test_form_factors_do_not_import_xraydb() -> None:
    code = (
        "import sys\nfrom xorder.scattering import form_factor\nform_factor('Ta', 0.1)\n"
        "print('xraydb' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
