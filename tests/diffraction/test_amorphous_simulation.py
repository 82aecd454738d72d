"""Patterns of amorphous structure models by the Debye equation, on the scale of Bragg lines."""

import math
from dataclasses import replace

import numpy as np
import pytest

from xorder import diffraction
from xorder.diffraction.atomic_factors import bare_factor, dispersions
from xorder.errors import BadInput
from xorder.structure import Crystal, Site, unit_cell_atoms


def box(elements, xyz, length, uiso=0.0):
    sites = tuple(
        Site(label=f"{e}{i}", element=e, xyz=place, uiso=uiso)
        for i, (e, place) in enumerate(zip(elements, xyz, strict=True))
    )
    return Crystal(
        name="box", cell=np.array([length] * 3 + [90.0] * 3), sites=sites,
        rotations=np.eye(3, dtype=int)[None], translations=np.zeros((1, 3)),
    )  # fmt: skip


def many_cells(crystal, times):
    atoms = unit_cell_atoms(crystal)
    shifts = np.stack(np.meshgrid(*[np.arange(times)] * 3, indexing="ij"), -1).reshape(-1, 3)
    xyz = (atoms.xyz[None] + shifts[:, None]).reshape(-1, 3) / times
    return box(np.tile(atoms.elements, len(shifts)), xyz, times * crystal.cell[0])


def random_box(count=400, length=24.0, seed=1, uiso=0.0):
    rng = np.random.default_rng(seed)
    return box(np.array(["Ta", "Cl"] * (count // 2)), rng.random((count, 3)), length, uiso)


@pytest.mark.parametrize("wavelength", ["CuKa", "neutron 1.2", 0.7])
def test_a_crystal_given_as_a_box_has_the_area_of_its_bragg_lines(nacl, wavelength):
    still = replace(nacl, sites=tuple(replace(s, uiso=0.0) for s in nacl.sites))
    span = (12.0, 120.0, 0.05)
    debye = diffraction.simulate_amorphous(
        many_cells(still, 5), wavelength=wavelength, two_theta=span
    )
    bragg = diffraction.simulate(
        still, wavelength=wavelength, two_theta=span, scale=125.0**2,
        profile=diffraction.Profile(w=4.0, y=0.0),
    )  # fmt: skip
    # A cell 125 times as large has |F|² 125² times as large, on a 125th of its planes: each line
    # that is left has the whole, those between are extinct.
    for low, high in ((12.0, 60.0), (60.0, 120.0)):
        inside = (debye.two_theta > low) & (debye.two_theta < high)
        ratio = debye.intensity[inside].sum() / bragg.intensity[inside].sum()
        assert ratio == pytest.approx(1.0, abs=0.03)
    top = debye.two_theta[np.argmax(debye.intensity)]
    assert top == pytest.approx(bragg.two_theta[np.argmax(bragg.intensity)], abs=1.0)


def test_atoms_without_order_scatter_each_for_itself():
    boxes = [random_box(seed=seed) for seed in range(6)]
    found = diffraction.simulate_amorphous(
        boxes, wavelength="CuKa1", two_theta=(30.0, 120.0, 0.5), scale=1.0
    )
    lines, theta = found.wavelength, np.deg2rad(found.two_theta) / 2
    s = np.sin(theta) / lines.wavelength
    alone = sum(
        200 * np.abs(bare_factor(e, s, lines) + dispersions([e], lines)[0]) ** 2
        for e in ("Ta", "Cl")
    )
    factor = 16 * math.pi * 24.0**3 / lines.wavelength**3 * math.pi / 180
    expected = factor * alone * (1 + np.cos(2 * theta) ** 2) / 2
    assert np.mean(found.intensity / expected) == pytest.approx(1.0, abs=0.05)


def test_it_is_the_plain_sum_over_pairs():
    model = random_box(count=24, length=14.0, uiso=0.01)
    grid = np.array([20.0, 45.0, 80.0])
    found = diffraction.simulate_amorphous(model, wavelength="CuKa1", two_theta=(20, 80, 2.5))
    lines, atoms = found.wavelength, unit_cell_atoms(model)
    q = 4 * math.pi * np.sin(np.deg2rad(grid) / 2) / lines.wavelength
    f = [
        bare_factor(str(e), q / (4 * math.pi), lines) + dispersions([str(e)], lines)[0]
        for e in atoms.elements
    ]
    total = sum(np.abs(one) ** 2 for one in f)
    motion = np.exp(-(q**2) * 0.01)
    r = np.linspace(0, 7.0, 20001)[1:]

    def fade(r):
        return np.cos(np.pi / 2 * np.clip((r / 7.0 - 0.7) / 0.3, 0, 1)) ** 2

    uniform = np.trapezoid(4 * np.pi * r**2 * fade(r) * np.sinc(q[:, None] * r / np.pi), r)
    for i in range(24):
        for j in range(24):
            product = motion * np.real(f[i] * np.conj(f[j]))
            total = total - product * uniform / 14.0**3
            apart = atoms.xyz[i] - atoms.xyz[j]
            distance = 14.0 * np.linalg.norm(apart - np.round(apart))
            if i != j and distance < 7.0:
                total = total + product * fade(distance) * np.sinc(q * distance / np.pi)
    polarized = (1 + np.cos(np.deg2rad(grid)) ** 2) / 2
    factor = 16 * math.pi * 14.0**3 / lines.wavelength**3 * math.pi / 180
    at = np.interp(grid, found.two_theta, found.intensity)
    assert at == pytest.approx(factor * polarized * total, rel=5e-3)


def test_it_is_a_halo_of_mixtures_and_of_refinements(nacl):
    span = (15.0, 90.0, 0.05)
    halo = diffraction.simulate_amorphous([random_box(count=60, length=16.0)], two_theta=span)
    mixture = diffraction.simulate_mixture(
        [nacl], weight_fractions=[1.0], amorphous_fraction=0.5, humps=[halo], two_theta=span,
        counts=1e6,
    )  # fmt: skip
    part = mixture.components[1]
    assert part / part.max() == pytest.approx(halo.intensity / halo.intensity.max(), rel=1e-9)
    options = diffraction.RefinementOptions(background=2, halos=(halo,), zero_shift=False)
    phase = diffraction.Phase(crystal=nacl, positions=False, uiso="none", strain=None)
    found = diffraction.refine(mixture, phase, options=options)
    assert found.fit.parameters["halo_0"].value == pytest.approx(part.max(), rel=0.05)
    alone = diffraction.simulate(nacl, two_theta=span)
    both = diffraction.simulate(nacl, two_theta=span, humps=[halo])
    assert both.intensity - alone.intensity == pytest.approx(halo.intensity, rel=1e-6)
    with pytest.raises(BadInput, match="runs from 15 to"):
        diffraction.simulate(nacl, two_theta=(5.0, 90.0, 0.05), humps=[halo])


@pytest.mark.parametrize(
    ("boxes", "settings", "said"),
    [
        ([], {}, "no box"),
        (random_box(count=10, length=6.0), {}, "pairs of box up to 3 Å"),
        (random_box(count=10), {"r_max": float("nan")}, "up to nan"),
        (random_box(count=10), {"r_max": -3.0}, "up to -3"),
        (random_box(count=10), {"two_theta": (50.0, 20.0, 0.1)}, "two_theta from 50"),
        (random_box(count=10), {"uiso": -1.0}, "uiso -1"),
    ],
)
def test_what_cannot_be_is_said(boxes, settings, said):
    with pytest.raises(BadInput, match=said):
        diffraction.simulate_amorphous(boxes, **settings)
