"""Powder patterns of neutrons: lengths, Lorentz factor, refinement; and what is refused."""

import cmath
import math
from dataclasses import replace

import numpy as np
import pytest

from xorder import diffraction, pdf, references
from xorder.diffraction.atomic_factors import bare_factor
from xorder.diffraction.reflections import structure_factors
from xorder.errors import BadInput
from xorder.scattering import neutron_length
from xorder.structure import unit_cell_atoms

NEUTRONS = diffraction.make_radiation("neutron 1.594")


def direct_f_squared(crystal, plane):
    """Return |Σ o b T exp(2πi h·x)|² by a plain sum over every atom of the cell."""
    atoms = unit_cell_atoms(crystal)
    g = np.linalg.inv(atoms.lattice) @ np.array(plane)
    total = 0j
    for i in range(len(atoms.xyz)):
        damping = math.exp(-2 * math.pi**2 * float(g @ atoms.u[i] @ g))
        phase = 2 * math.pi * float(np.dot(plane, atoms.xyz[i]))
        length = neutron_length(str(atoms.elements[i]))
        total += atoms.occupancy[i] * length * damping * cmath.exp(1j * phase)
    return abs(total) ** 2


@pytest.mark.parametrize("name", ["nacl", "zincblende", "monoclinic"])
@pytest.mark.parametrize("compiled", [False, True])
def test_f_squared_is_the_sum_of_lengths_over_the_cell(request, name, compiled):
    crystal = request.getfixturevalue(name)
    found = diffraction.calculate_reflections(crystal, wavelength=NEUTRONS, two_theta=(5, 60))
    direct = [direct_f_squared(crystal, plane) for plane in found.hkl.tolist()]
    squared = structure_factors(
        unit_cell_atoms(crystal), found.hkl, wavelength=NEUTRONS, compiled=compiled
    )
    assert squared == pytest.approx(direct, rel=1e-9, abs=1e-9 * max(direct))
    assert found.f_squared == pytest.approx(squared, rel=1e-9)


def test_planes_that_only_neutrons_see_or_miss_are_told_apart():
    # Potassium and chlorine have as many electrons as ions, but other nuclei.
    nacl = references.load("NaCl")
    sites = tuple(
        replace(site, element={"Na": "K"}.get(site.element, site.element), uiso=0.01, charge=charge)
        for site, charge in zip(nacl.sites, (1, -1), strict=True)
    )
    kcl = replace(nacl, name="KCl", sites=sites)
    odd = {}
    for radiation in ("CuKa1", "neutron 1.540593"):
        found = diffraction.calculate_reflections(kcl, wavelength=radiation, two_theta=(20, 60))
        planes = [tuple(sorted(np.abs(hkl).tolist())) for hkl in found.hkl]
        at = dict(zip(planes, found.f_squared, strict=True))
        odd[radiation] = at[(1, 1, 1)] / at[(0, 0, 2)]
    expected = (9.577 - 3.67) ** 2 / (9.577 + 3.67) ** 2
    assert odd["neutron 1.540593"] == pytest.approx(expected, rel=0.02)
    assert odd["CuKa1"] < 0.1 * odd["neutron 1.540593"]


def test_intensities_have_the_lorentz_factor_alone(nacl):
    pattern = diffraction.simulate(
        nacl, wavelength=NEUTRONS, two_theta=(25, 50, 0.005),
        profile=diffraction.Profile(w=0.0016, y=0.0),
    )  # fmt: skip
    found = pattern.reflections[0]
    for index in np.flatnonzero((found.two_theta > 26) & (found.two_theta < 49)):
        centre = found.two_theta[index]
        theta = math.radians(centre) / 2
        expected = found.multiplicity[index] * direct_f_squared(nacl, found.hkl[index])
        expected /= math.sin(theta) ** 2 * math.cos(theta)
        inside = np.abs(pattern.two_theta - centre) < 0.5
        area = np.trapezoid(pattern.intensity[inside], pattern.two_theta[inside])
        assert area == pytest.approx(expected, rel=1e-6)


def test_lengths_are_those_of_pair_distribution_functions():
    cluster = pdf.Frame(elements=np.array(["Na", "Cl", "Ta"]), positions=3.0 * np.eye(3))
    q = np.array([1.0, 7.0])
    theirs = pdf.calculate_iq(cluster, q=q, radiation="neutron").self_iq
    ours = [bare_factor(name, q / (4 * math.pi), NEUTRONS) ** 2 for name in ("Na1+", "Cl1-", "Ta")]
    assert np.mean(ours, axis=0) == pytest.approx(theirs, rel=1e-12)


def test_a_structure_is_refined_with_neutrons():
    crystal = references.load("Al2O3_SRM676a")
    moving = replace(crystal, sites=tuple(replace(s, uiso=0.005) for s in crystal.sites))
    clean = diffraction.simulate(
        moving, wavelength=NEUTRONS, two_theta=(20.0, 120.0, 0.05), scale=0.01, size=2000.0,
        background=(50.0,), profile=diffraction.Profile(w=0.04, y=0.0),
    )  # fmt: skip
    counts = np.random.default_rng(2).poisson(clean.intensity).astype(float)
    pattern = replace(clean, intensity=counts, sigma=np.sqrt(np.maximum(counts, 1.0)))
    shifted = tuple(
        replace(s, xyz=s.xyz + (np.array([0, 0, 0.001]) if s.element == "Al" else 0.0))
        for s in moving.sites
    )
    options = diffraction.RefinementOptions(
        background=2, profile=diffraction.Profile(w=0.04, y=0.0), zero_shift=False
    )
    phase = diffraction.Phase(crystal=replace(moving, sites=shifted), strain=None)
    found = diffraction.refine(pattern, phase, options=options)
    refined = found.patterns[0].phases[0].crystal
    assert found.gof == pytest.approx(1.0, abs=0.1)
    for site, true in zip(refined.sites, moving.sites, strict=True):
        assert site.xyz == pytest.approx(true.xyz, abs=5e-4)
        assert site.uiso == pytest.approx(0.005, abs=5e-4)
    assert not any("wavelength" in message for message in found.messages)


@pytest.mark.parametrize("text", ["neutron 1.594", "Neutrons 1.594", " neutron1.594"])
def test_neutrons_are_named_with_their_wavelength(text):
    radiation = diffraction.make_radiation(text)
    assert (radiation.probe, radiation.polarization) == ("neutron", 1.0)
    assert radiation.wavelengths == (1.594,)


@pytest.mark.parametrize(
    "text", ["neutron", "neutron CuKa", "neutron -1", "neutron 1,5", "neutron 81"]
)
def test_neutrons_without_a_wavelength_are_refused(text):
    with pytest.raises(BadInput, match=r"neutron|wavelength"):
        diffraction.make_radiation(text)


def test_another_probe_is_refused():
    with pytest.raises(BadInput, match="probe 'electron'"):
        diffraction.Radiation(wavelengths=(0.025 * 4,), probe="electron")


@pytest.mark.parametrize("write", [diffraction.write_xye, diffraction.write_pdcif])
@pytest.mark.parametrize("radiation", ["neutron 1.594", "CuKa"])
def test_files_say_what_was_scattered(nacl, tmp_path, write, radiation):
    pattern = diffraction.simulate(nacl, wavelength=radiation, two_theta=(25, 50, 0.05))
    found = diffraction.read(write(tmp_path / "pattern.dat", pattern)).wavelength
    assert found.probe == pattern.wavelength.probe
    assert found.wavelengths == pytest.approx(pattern.wavelength.wavelengths)
    assert found.polarization == pattern.wavelength.polarization
