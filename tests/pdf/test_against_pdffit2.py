"""G(r) against diffpy.pdffit2: an independent program, in its own convention."""

import os
import sys
from dataclasses import replace

import numpy as np
import pytest

from xorder import pdf, references, scattering
from xorder.structure import Crystal, Site, unit_cell_atoms

pytestmark = pytest.mark.reference

#: pdffit2 cuts its Gaussians at five standard deviations: 4e-6 of a peak.
AGREEMENT = 1e-5
U = {"Ni": 0.005, "La": 0.008, "Cl": 0.015, "Na": 0.02, "Ta": 0.008}
SETTINGS = [
    {},
    {"delta2": 2.0},
    {"delta1": 0.8},
    {"q_max": 22.0, "delta2": 2.0, "qdamp": 0.04, "qbroad": 0.01},
    {"q_max": 30.0, "delta1": 0.5, "qdamp": 0.03, "sphere_diameter": 25.0},
    {"sratio": 0.7, "rcut": 3.1},
]


@pytest.fixture(scope="module")
def pdffit():
    try:
        from diffpy.pdffit2 import PdfFit, redirect_stdout
    except ImportError as error:
        pytest.skip(f"diffpy.pdffit2 cannot be loaded: {error}")
    with open(os.devnull, "w") as nowhere:
        redirect_stdout(nowhere)
        yield PdfFit
    redirect_stdout(sys.stdout)


def as_text(crystal):
    """The crystal as a pdffit structure file, every atom written out."""
    atoms = unit_cell_atoms(crystal)
    lengths = np.linalg.norm(np.linalg.inv(atoms.lattice), axis=0)
    from_cartesian = np.linalg.inv(atoms.lattice.T * lengths)
    lines = [
        "title x\nformat pdffit\nscale 1.0\nsharp 0,0,1,0\nspcgr P1",
        "cell " + ",".join(f"{x:.12g}" for x in crystal.cell),
        f"dcell 0,0,0,0,0,0\nncell 1,1,1,{len(atoms.xyz)}\natoms",
    ]
    for element, xyz, occupancy, tensor in zip(
        atoms.elements, atoms.xyz, atoms.occupancy, atoms.u, strict=True
    ):
        u = from_cartesian @ tensor @ from_cartesian.T
        lines += [
            f"{element.upper()} {xyz[0]:.14f} {xyz[1]:.14f} {xyz[2]:.14f} {occupancy:.6f}",
            f" 0 0 0 0\n {u[0, 0]:.14f} {u[1, 1]:.14f} {u[2, 2]:.14f}\n 0 0 0",
            f" {u[0, 1]:.14f} {u[0, 2]:.14f} {u[1, 2]:.14f}\n 0 0 0",
        ]
    return "\n".join(lines) + "\n"


def reference(pdffit, crystal, r, radiation, **settings):
    program = pdffit()
    program.read_struct_string(as_text(crystal))
    program.alloc(
        "X" if radiation == "xray" else "N",
        settings.pop("q_max", 0.0), settings.pop("qdamp", 0.0), r[0], r[-1], len(r),
    )  # fmt: skip
    if "sphere_diameter" in settings:
        program.setvar("spdiameter", settings.pop("sphere_diameter"))
    for name, value in settings.items():
        program.setvar(name, value)
    program.calc()
    lengths = {e: program.get_scat("N", e.upper()) for e in {s.element for s in crystal.sites}}
    return np.array(program.getpdf_fit()), lengths


def with_displacements(crystal, seed=None):
    generator = np.random.default_rng(seed)
    sites = []
    for s in crystal.sites:
        root = generator.normal(size=(3, 3)) * 0.05
        uij = None if seed is None else root @ root.T + 0.006 * np.eye(3)
        sites.append(replace(s, uiso=U[s.element], uij=uij))
    return replace(crystal, sites=tuple(sites))


@pytest.fixture(scope="module")
def crystals():
    # The sources give no displacements; they are set here.
    loaded = {name: references.load(name) for name in ("Ni", "NaTaCl6", "LaCl3")}
    return {name: with_displacements(crystal) for name, crystal in loaded.items()} | {
        "P-1": with_displacements(triclinic())
    }


def triclinic():
    """A cell of P-1 with a mixed site and a half-empty one."""
    places = [
        ("Ta1", "Ta", [0.1, 0.2, 0.3], 1.0),
        ("Na1", "Na", [0.6, 0.7, 0.8], 0.3),
        ("La1", "La", [0.6, 0.7, 0.8], 0.7),
        ("Cl1", "Cl", [0.35, 0.85, 0.45], 0.5),
        ("Cl2", "Cl", [0.85, 0.45, 0.05], 1.0),
    ]
    return Crystal(
        name="P-1",
        cell=np.array([5.1, 6.3, 7.2, 84.0, 97.0, 103.0]),
        sites=tuple(
            Site(label=label, element=element, xyz=np.array(xyz), occupancy=occupancy)
            for label, element, xyz, occupancy in places
        ),
        rotations=np.stack([np.eye(3, dtype=int), -np.eye(3, dtype=int)]),
        translations=np.zeros((2, 3)),
    )


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda s: "-".join(s) or "plain")
@pytest.mark.parametrize("radiation", ["xray", "neutron"])
@pytest.mark.parametrize("name", ["Ni", "NaTaCl6", "LaCl3", "P-1"])
@pytest.mark.parametrize("start", [0.01, 1.5])
def test_agrees_with_pdffit2(pdffit, crystals, monkeypatch, name, radiation, settings, start):
    r = start + 0.01 * np.arange(round((12.0 - start) / 0.01) + 1)
    expected, lengths = reference(pdffit, crystals[name], r, radiation, **settings)
    # The tables of neutron lengths differ by up to 1e-3; the physics is compared here.
    monkeypatch.setattr("xorder.pdf.weights.neutron_length", lengths.__getitem__)
    found = pdf.calculate_gr(
        crystals[name], r=r, radiation=radiation, convention="pdffit2", **settings
    )
    assert np.abs(found.gr - expected).max() < AGREEMENT * np.abs(expected).max()


@pytest.mark.parametrize("settings", [SETTINGS[0], SETTINGS[3]], ids=["plain", "all"])
@pytest.mark.parametrize("name", ["NaTaCl6", "P-1"])
def test_anisotropic_displacements_agree_with_pdffit2(pdffit, crystals, name, settings):
    crystal = with_displacements(crystals[name], seed=1)
    r = 0.01 * np.arange(1, 1201)
    expected, _ = reference(pdffit, crystal, r, "xray", **settings)
    found = pdf.calculate_gr(crystal, r=r, convention="pdffit2", **settings)
    assert np.abs(found.gr - expected).max() < AGREEMENT * np.abs(expected).max()


@pytest.mark.parametrize("element", ["Na", "Cl", "La", "Ta", "Ni"])
def test_neutron_lengths_agree_to_a_part_in_a_thousand(pdffit, element):
    program = pdffit()
    assert scattering.neutron_length(element) == pytest.approx(
        program.get_scat("N", element.upper()), rel=1.5e-3
    )
