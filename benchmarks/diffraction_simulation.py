"""Powder patterns: Xorder against pymatgen and gemmi, in one process, alternating, medians.

Times are processor seconds of one calculation, after imports and loading.

Ours has f' and f'', displacements, occupancies and a profile on 5,000 points; pymatgen's
XRDCalculator has lines only, without dispersion and displacements; gemmi has structure factors with
displacements and f', summed into a line list here.

Run: ``python benchmarks/diffraction_simulation.py [repeats]``
"""

from __future__ import annotations

import statistics
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import gemmi
import numpy as np

from xorder import references
from xorder.diffraction import calculate_reflections, simulate
from xorder.diffraction.simulation import powder_intensity
from xorder.structure import Crystal, Site

WAVELENGTH = 1.540593
RANGE = (5.0, 90.0)
#: 5,000 points between the two angles.
AXIS = (*RANGE, (RANGE[1] - RANGE[0]) / 4999.0)


def mixed_triclinic() -> Crystal:
    """Return a P-1 cell of 104 sites, 208 positions, of which 40 % are partly filled or mixed."""
    rng = np.random.default_rng(1)
    elements = np.array(["Na", "Ta", "Cl", "Cl", "Cl", "Zr", "S", "O"])
    sites = []
    for i in range(104):
        xyz, partial = rng.random(3), i % 5 < 2
        sites.append(
            Site(
                label=f"X{i}", element=str(elements[i % 8]), xyz=xyz,
                uiso=float(rng.uniform(0.005, 0.03)), occupancy=0.6 if partial else 1.0,
            )
        )  # fmt: skip
    rotations = np.array([np.eye(3, dtype=int), -np.eye(3, dtype=int)])
    return Crystal(
        name="P-1, 208 positions", cell=np.array([12.1, 15.3, 18.2, 85.0, 93.0, 97.0]),
        sites=tuple(sites), rotations=rotations, translations=np.zeros((2, 3)),
        space_group="P -1", space_group_number=2,
    )  # fmt: skip


def large_cell() -> Crystal:
    """Return a P1 cell of 1,024 atoms: 4 × 4 × 2 cells of NaTaCl6, each atom moved a little."""
    from xorder.structure import unit_cell_atoms

    base = references.load("NaTaCl6_model")
    atoms, rng = unit_cell_atoms(base), np.random.default_rng(2)
    shape = np.array([4, 4, 2])
    corners = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), -1).reshape(
        -1, 3
    )
    sites = tuple(
        Site(
            label=f"{element}{k}_{i}", element=str(element), uiso=0.02,
            xyz=(xyz + corner) / shape + 0.001 * rng.standard_normal(3),
        )
        for k, corner in enumerate(corners)
        for i, (element, xyz) in enumerate(zip(atoms.elements, atoms.xyz, strict=True))
    )  # fmt: skip
    cell = base.cell.copy()
    cell[:3] *= shape
    return Crystal(
        name="P1, 1,024 atoms", cell=cell, sites=sites, rotations=np.eye(3, dtype=int)[None],
        translations=np.zeros((1, 3)), space_group="P 1", space_group_number=1,
    )  # fmt: skip


def ours(crystal: Crystal) -> Callable[[], Any]:
    return lambda: simulate(crystal, wavelength=WAVELENGTH, two_theta=AXIS, uiso=0.02)


def ours_lines(crystal: Crystal) -> Callable[[], Any]:
    return lambda: powder_intensity(
        calculate_reflections(crystal, wavelength=WAVELENGTH, two_theta=RANGE, uiso=0.02)
    )


def by_pymatgen(crystal: Crystal) -> Callable[[], Any]:
    from pymatgen.analysis.diffraction.xrd import XRDCalculator

    structure, calculator = crystal.to_pymatgen(), XRDCalculator(wavelength=WAVELENGTH)
    return lambda: calculator.get_pattern(structure, two_theta_range=RANGE)


def by_gemmi(crystal: Crystal) -> Callable[[], Any]:
    """Return gemmi's line list: unique planes, multiplicity, |F|² with ADPs and f', LP."""
    small = gemmi.SmallStructure()
    small.cell = gemmi.UnitCell(*crystal.cell.tolist())
    group = gemmi.find_spacegroup_by_name(crystal.space_group)
    small.spacegroup = group
    small.setup_cell_images()
    for atom in crystal.sites:
        site = gemmi.SmallStructure.Site()
        site.label, site.element = atom.label, gemmi.Element(atom.element)
        site.fract = gemmi.Fractional(*np.asarray(atom.xyz).tolist())
        site.occ, site.u_iso = atom.occupancy, atom.uiso if atom.uiso else 0.02
        small.add_site(site)
    small.change_occupancies_to_crystallographic()
    d_min = WAVELENGTH / 2.0 / np.sin(np.deg2rad(RANGE[1]) / 2.0)
    d_max = WAVELENGTH / 2.0 / np.sin(np.deg2rad(RANGE[0]) / 2.0)
    energy = gemmi.hc / WAVELENGTH

    def run() -> Any:
        calculator = gemmi.StructureFactorCalculatorX(small.cell)
        for element in {gemmi.Element(atom.element) for atom in crystal.sites}:
            calculator.addends.set(element, gemmi.cromer_liberman(element.atomic_number, energy)[0])
        operations = group.operations()
        planes = gemmi.make_miller_array(small.cell, group, d_min, d_max)
        factors = np.array(
            [abs(calculator.calculate_sf_from_small_structure(small, h)) ** 2 for h in planes]
        )
        epsilon = np.array([operations.epsilon_factor_without_centering(h) for h in planes])
        order = len(operations.sym_ops) * (1 if operations.is_centrosymmetric() else 2)
        angle = 2.0 * np.arcsin(WAVELENGTH / 2.0 / small.cell.calculate_d_array(planes))
        lp = (1 + np.cos(angle) ** 2) / (np.sin(angle / 2) ** 2 * np.cos(angle / 2))
        return order / epsilon * factors * lp

    return run


def timed(function: Callable[[], Any]) -> float:
    """Return the processor time of a call: other programs on the machine do not count."""
    start = time.process_time()
    function()
    return time.process_time() - start


def main(repeats: int) -> None:
    warnings.simplefilter("ignore")
    say = sys.stdout.write
    heads = ("ours", "our lines", "pymatgen", "gemmi", "× pymatgen", "lines × gemmi")
    say("".join(["structure".ljust(20), *(head.rjust(14) for head in heads)]) + "\n")
    for crystal in (references.load("NaTaCl6_model"), mixed_triclinic(), large_cell()):
        made = [make(crystal) for make in (ours, ours_lines, by_pymatgen, by_gemmi)]
        times: list[list[float]] = [[] for _ in made]
        for function in made[:2]:
            function()
        for _ in range(repeats if len(crystal.sites) > 500 else 4 * repeats):
            for function, kept in zip(made, times, strict=True):
                kept.append(timed(function))
        whole, lines, theirs, gemmis = (1e3 * statistics.median(kept) for kept in times)
        numbers = (whole, lines, theirs, gemmis, theirs / whole, gemmis / lines)
        say("".join([crystal.name.ljust(20), *(f"{number:14.1f}" for number in numbers)]) + "\n")
    say("times in ms; ours with dispersion, displacements and a profile on 5,000 points\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
