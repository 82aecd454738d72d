"""G(r) from structures: against the plain sum over pairs, against itself under symmetry."""

from dataclasses import replace

import numpy as np
import pytest

from xorder import pdf
from xorder.errors import BadInput, BadStructure
from xorder.pdf.orbits import orbits_of
from xorder.scattering import atomic_number, neutron_length
from xorder.structure import unit_cell_atoms

#: What the eight-point stencil of the pair histogram leaves.
STENCIL = 5e-9


def direct_sum(crystal, r, *, delta1=0.0, delta2=0.0, qbroad=0.0, over_grid=False):
    """G(r) by the definition: every pair of atoms, one Gaussian each."""
    atoms = unit_cell_atoms(crystal)
    weight = atoms.occupancy * [atomic_number(e) for e in atoms.elements.tolist()]
    reach = r[-1] + 3.0
    counts = np.ceil(reach * np.linalg.norm(np.linalg.inv(atoms.lattice), axis=0)).astype(int) + 1
    grids = np.meshgrid(*[np.arange(-n, n + 1) for n in counts], indexing="ij")
    shifts = np.stack(grids, axis=-1).reshape(-1, 3) @ atoms.lattice
    peaks = np.zeros_like(r)
    for i, start in enumerate(atoms.cartesian):
        for j, end in enumerate(atoms.cartesian):
            vectors = end - start + shifts
            distance = np.linalg.norm(vectors, axis=1)
            near = (distance > 0.5) & (distance < reach)
            vectors, distance = vectors[near], distance[near]
            msd = np.einsum("na,ab,nb->n", vectors, atoms.u[i] + atoms.u[j], vectors) / distance**2
            shape = 1 - delta2 / distance**2 - delta1 / distance + (qbroad * distance) ** 2
            variance = msd * shape
            x = r[:, None] - distance
            gauss = np.exp(-0.5 * x**2 / variance) / np.sqrt(2 * np.pi * variance)
            divisor = r[:, None] if over_grid else distance
            peaks += weight[i] * weight[j] * np.sum(gauss / divisor, axis=1)
    n_atoms = atoms.occupancy.sum()
    mean = weight.sum() / n_atoms
    return peaks / (n_atoms * mean**2) - 4 * np.pi * r * n_atoms / atoms.volume


@pytest.mark.parametrize("anisotropic", [False, True])
@pytest.mark.parametrize(
    "widths",
    [{}, {"delta2": 1.5}, {"delta1": 0.4}, {"qbroad": 0.05, "delta2": 1.0}],
    ids=["plain", "delta2", "delta1", "qbroad"],
)
def test_equals_the_sum_over_every_pair(made, anisotropic, widths):
    crystal = made.skewed(anisotropic)
    r = np.arange(0.5, 8.0, 0.013)
    expected = direct_sum(crystal, r, **widths)
    found = pdf.calculate_gr(crystal, r=r, **widths)
    # Anisotropic pairs also pass a six-point stencil in the logarithm of their displacement.
    tolerance = 1e-7 if anisotropic else STENCIL
    assert np.abs(found.gr - expected).max() < tolerance * np.abs(expected).max()


@pytest.mark.parametrize("cell", [[5.64] * 3, [5.64, 5.65, 5.7]], ids=["cubic", "stretched"])
def test_symmetry_saves_work_and_changes_nothing(made, cell):
    # The operations of a cube do not hold in the stretched cell: each atom is summed on its own.
    mixed = made.site("K1", "K", [0.25, 0.25, 0.25], occupancy=0.3, uiso=0.02)
    salt = made.rock_salt()
    crystal = replace(salt, cell=np.array([*cell, 90, 90, 90]), sites=(*salt.sites, mixed))
    r = np.arange(0.5, 9.0, 0.013)
    expected = direct_sum(crystal, r, delta2=1.0)
    found = pdf.calculate_gr(crystal, r=r, delta2=1.0).gr
    assert np.abs(found - expected).max() < STENCIL * np.abs(expected).max()
    atoms = unit_cell_atoms(crystal)
    n_orbits = len(set(orbits_of(crystal, atoms).tolist()))
    assert n_orbits == (3 if cell[1] == cell[0] else len(atoms.xyz))


def test_operations_that_are_no_group_make_no_orbits(made):
    salt = made.rock_salt()
    some = replace(salt, rotations=salt.rotations[:5], translations=salt.translations[:5])
    atoms = unit_cell_atoms(some)
    assert len(set(orbits_of(some, atoms).tolist())) == len(atoms.xyz)


def test_pdffit2_convention_divides_by_the_grid_point(made):
    r = np.arange(0.5, 8.0, 0.01)
    expected = direct_sum(made.skewed(), r, over_grid=True)
    found = pdf.calculate_gr(made.skewed(), r=r, convention="pdffit2")
    assert np.abs(found.gr - expected).max() < STENCIL * np.abs(expected).max()


def test_a_coordination_shell_holds_the_atoms_of_fcc_nickel(made):
    # The area of r (G + 4π r ρ0) below a peak is its number of neighbours.
    r = np.arange(0.01, 4.0, 0.005)
    found = pdf.calculate_gr(made.nickel(), r=r)
    radial = r * (found.gr + 4 * np.pi * r * found.rho0)
    first = (r > 2.0) & (r < 3.0)
    second = (r > 3.0) & (r < 4.0)
    assert np.sum(radial[first]) * 0.005 == pytest.approx(12, abs=0.01)
    assert np.sum(radial[second]) * 0.005 == pytest.approx(6, abs=0.02)


def test_below_the_first_peak_only_the_mean_density_is_left(made):
    r = np.arange(0.0, 1.5, 0.01)
    found = pdf.calculate_gr(made.nickel(), r=r)
    np.testing.assert_allclose(found.gr, -4 * np.pi * r * 4 / 3.524**3, atol=1e-12)


def test_a_supercell_scatters_as_its_cell(made):
    small = made.skewed()
    doubled = replace(
        small,
        cell=small.cell * np.array([2, 1, 1, 1, 1, 1]),
        sites=tuple(
            replace(s, label=f"{s.label}{n}", xyz=(s.xyz + np.array([n, 0, 0])) / [2, 1, 1])
            for s in small.sites
            for n in (0, 1)
        ),
    )
    r = np.arange(1.0, 15.0, 0.02)
    one = pdf.calculate_gr(small, r=r, q_max=20.0)
    two = pdf.calculate_gr(doubled, r=r, q_max=20.0)
    np.testing.assert_allclose(two.gr, one.gr, atol=1e-9 * np.abs(one.gr).max())


def test_a_sphere_leaves_nothing_beyond_its_diameter(made):
    r = np.arange(0.5, 30.0, 0.01)
    endless = pdf.calculate_gr(made.nickel(), r=r)
    sphere = pdf.calculate_gr(made.nickel(), r=r, sphere_diameter=20.0)
    assert np.all(sphere.gr[r > 20.0] == 0.0)
    at = np.argmin(np.abs(r - 10.0))
    assert sphere.gr[at] == pytest.approx(endless.gr[at] * (1 - 0.75 + 0.0625))


def test_the_cut_at_q_max_leaves_slower_waves_and_removes_faster_ones():
    from xorder.pdf.termination import Grid

    grid = Grid.of(0.0, 0.02, 2001, q_max=20.0, convention="xorder")
    envelope = np.exp(-0.5 * ((grid.r - 20.0) / 3.0) ** 2)[:, None]
    for q, kept in ((15.0, 1.0), (25.0, 0.0)):
        wave = np.sin(q * grid.r)[:, None, None]
        done = grid.finish(wave, envelope)[:, 0]
        r = 0.02 * np.arange(2001)
        expected = kept * np.sin(q * r) * np.exp(-0.5 * ((r - 20.0) / 3.0) ** 2)
        np.testing.assert_allclose(done, expected, atol=1e-6)


def test_form_factors_weigh_each_pair_by_its_own_function_of_q(made):
    # The same through reciprocal space, step by step: partial G(r), F(Q), weights, G(r).
    from xorder.pdf.phases import PhaseModel
    from xorder.scattering import form_factor

    crystal, q_max = made.rock_salt(), 18.0
    r = 0.02 * np.arange(1, 2001)
    found = pdf.calculate_gr(crystal, r=r, q_max=q_max, qdamp=0.12, form_factors="exact")
    model = PhaseModel.of(crystal, by_class=True)
    # Classes Cl-Cl, Cl-Na, Na-Na, each with its weight Z_a Z_b / <Z>² at Q = 0.
    partial = model.curve(model.start(), r) * np.exp(-0.5 * (0.12 * r) ** 2)[:, None]
    q = (np.arange(1500) + 0.5) * q_max / 1500
    waves = np.sin(np.outer(q, r))
    chlorine, sodium = (form_factor(e, q / (4 * np.pi)) for e in ("Cl", "Na"))
    chlorine, sodium = chlorine * 17 / form_factor("Cl", 0.0), sodium * 11 / form_factor("Na", 0.0)
    mean = (chlorine + sodium) / 2
    ratio = np.stack([chlorine**2 / 17**2, chlorine * sodium / 187, sodium**2 / 11**2], axis=1)
    ratio *= (14 / mean[:, None]) ** 2
    reduced = np.sum((waves @ partial) * 0.02 * ratio, axis=1)
    expected = 2 / np.pi * (waves.T @ reduced) * q_max / 1500
    inside = r < 30.0
    assert np.abs(found.gr - expected)[inside].max() < 1e-5 * np.abs(expected).max()


def test_an_element_alone_has_no_weights_to_change(made):
    r = np.arange(1.0, 15.0, 0.01)
    constant = pdf.calculate_gr(made.nickel(), r=r, q_max=20.0)
    exact = pdf.calculate_gr(made.nickel(), r=r, q_max=20.0, form_factors="exact")
    np.testing.assert_allclose(exact.gr, constant.gr, atol=1e-9 * np.abs(constant.gr).max())


@pytest.mark.parametrize("start", [0.01, 2.0, 10.0])
def test_a_window_is_a_part_of_the_whole(made, start):
    r = np.arange(1, 2001) * 0.01
    whole = pdf.calculate_gr(made.rock_salt(), r=r, q_max=22.0, qdamp=0.05)
    part = r >= start - 1e-9
    window = pdf.calculate_gr(made.rock_salt(), r=r[part], q_max=22.0, qdamp=0.05)
    # The smooth end of the extension costs a few parts in a thousand of the ripples only.
    assert np.abs(window.gr - whole.gr[part]).max() < 1e-3 * np.abs(whole.gr).max()


def test_sratio_sharpens_only_pairs_below_rcut(made):
    r = np.arange(1.5, 6.0, 0.01)
    plain = pdf.calculate_gr(made.nickel(), r=r)
    sharp = pdf.calculate_gr(made.nickel(), r=r, sratio=0.7, rcut=3.0)
    np.testing.assert_allclose(sharp.gr[r > 3.3], plain.gr[r > 3.3], atol=1e-7)
    assert sharp.gr.max() == pytest.approx(plain.gr.max() / 0.7, rel=0.15)


def test_nearly_isotropic_crystals_meet_the_isotropic_path(made):
    crystal = made.nickel()
    tensor = np.eye(3) * 0.005 + np.diag([1e-8, 0, -1e-8])
    near = replace(crystal, sites=(replace(crystal.sites[0], uij=tensor),))
    r = np.arange(1.0, 10.0, 0.01)
    one, two = pdf.calculate_gr(crystal, r=r), pdf.calculate_gr(near, r=r)
    assert np.abs(one.gr - two.gr).max() < 1e-5 * np.abs(one.gr).max()


R = np.arange(1.0, 5.0, 0.01)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"r": R[::-1]}, "ascending"),
        ({"r": np.delete(R, 40)}, "uniform"),
        ({"r": np.array([1.0])}, "at least 2"),
        ({"r": np.append(R, np.nan)}, "finite distances"),
        ({"r": R - 2.0}, "zero or more"),
        ({"r": R, "q_max": -5.0}, "q_max"),
        ({"r": R, "q_max": 0.0}, "q_max"),
        ({"r": R, "qdamp": -0.1}, "qdamp"),
        ({"r": R, "qbroad": np.nan}, "qbroad"),
        ({"r": R, "uiso": -0.01}, "uiso"),
        ({"r": R, "uiso": {"Ni": 0.0}}, "uiso of Ni"),
        ({"r": R, "radiation": "electron"}, "unknown radiation"),
        ({"r": R, "convention": "mine"}, "unknown convention"),
        ({"r": R, "form_factors": "some"}, "unknown form_factors"),
        ({"r": R, "form_factors": "exact"}, "a q_max"),
        ({"r": R, "delta2": 9.0}, "no width"),
        ({"r": R, "sphere_diameter": 0.0}, "diameter"),
        ({"r": R, "scale": np.inf}, "scale"),
        ({"r": R, "sratio": 0.0, "rcut": 3.0}, "sratio"),
    ],
)
def test_what_cannot_be_calculated_is_said(made, kwargs, message):
    with pytest.raises(BadInput, match=message):
        pdf.calculate_gr(made.nickel(), **kwargs)


def test_missing_displacements_are_named(made):
    with pytest.raises(BadInput, match="no displacement for Ni1"):
        pdf.calculate_gr(made.nickel(uiso=float("nan")), r=R)


def test_overlapping_atoms_are_named(made):
    doubled = made.crystal(
        "bad",
        [4, 4, 4, 90, 90, 90],
        [
            made.site("A1", "Ni", [0, 0, 0], uiso=0.01),
            made.site("B1", "Cl", [0.02, 0, 0], uiso=0.01),
        ],
    )
    with pytest.raises(BadStructure, match=r"A1 and B1 are 0\.080 Å apart"):
        pdf.calculate_gr(doubled, r=R)


def test_an_element_without_neutron_length_is_named(made):
    polonium = made.crystal(
        "Po", [3.35, 3.35, 3.35, 90, 90, 90], [made.site("Po1", "Po", [0, 0, 0], uiso=0.01)]
    )
    with pytest.raises(BadInput, match="neutron scattering length"):
        pdf.calculate_gr(polonium, r=R, radiation="neutron")


def test_a_composition_that_scatters_nothing_on_average_is_refused(made):
    # Hydrogen scatters with -3.739 fm, nickel with 10.3 fm.
    balanced = made.crystal(
        "null",
        [4, 4, 4, 90, 90, 90],
        [
            made.site("H1", "H", [0, 0, 0], uiso=0.01),
            made.site("Ni1", "Ni", [0.5, 0.5, 0.5], uiso=0.01),
        ],
    )
    share = -neutron_length("H") / neutron_length("Ni")
    sites = (balanced.sites[0], replace(balanced.sites[1], occupancy=share))
    with pytest.raises(BadInput, match="do not cancel"):
        pdf.calculate_gr(replace(balanced, sites=sites), r=R, radiation="neutron")
