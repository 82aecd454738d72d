"""Whether a structure can be used, and what in it deserves a look."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np

from xorder.errors import BadInput, BadStructure
from xorder.neighbors import Pairs, pairs_within
from xorder.results import Array
from xorder.scattering import atomic_number
from xorder.structure import (
    SAME_POSITION,
    Atoms,
    Crystal,
    Site,
    cartesian_from_cif_u,
    composition_of,
    density,
    lattice_from_cell,
    special_positions,
    unit_cell_atoms,
)
from xorder.symmetry import CELL_IMPOSSIBLE, CELL_ROUNDING, cell_misfit, triplet

__all__ = ["check_cell", "check_usable", "find_doubts"]

#: No crystal has shorter or longer edges, Å: the unit is another.
SHORTEST_EDGE, LONGEST_EDGE = 1.0, 1e5
#: Nearer than this (Å) two atoms cannot both be there.
TOO_CLOSE = 0.5
#: A coordinate of three digits is this near (Å) to a special position in a cell of 30 Å.
POSITION_ROUNDING = 0.015
#: Occupancies are printed with two digits or more: a sum may exceed 1 by this.
OCCUPANCY_ROUNDING = 0.015
#: Densities of solids, g/cm³, with room to spare (aerogels are not crystals; osmium has 22.6).
DENSITIES = (0.3, 25.0)


def check_cell(cell: Array, source: str = "") -> None:
    """Raise BadStructure where a, b, c, α, β, γ are no cell."""
    listed = ", ".join(f"{value:g}" for value in cell)
    if not np.all(np.isfinite(cell)) or np.any(cell[:3] <= 0):
        raise BadStructure(
            f"the cell is {listed}", expected="edges above 0 Å", source=source or None
        )
    if np.any(cell[:3] < SHORTEST_EDGE) or np.any(cell[:3] > LONGEST_EDGE):
        raise BadStructure(
            f"the cell is {listed}: no crystal has such edges",
            expected="edges in Å (not nm or m)",
            source=source or None,
        )
    cosines = np.cos(np.deg2rad(cell[3:]))
    squared = 1.0 - np.sum(cosines**2) + 2.0 * np.prod(cosines)
    if np.any(cell[3:] <= 0) or np.any(cell[3:] >= 180) or squared <= 1e-6:
        raise BadStructure(
            f"the cell is {listed}: no three axes have these angles",
            expected="angles in degrees that span a volume",
            source=source or None,
        )


def check_usable(crystal: Crystal) -> None:
    """Raise BadStructure where nothing can be calculated from a structure."""
    source = crystal.source or None
    check_cell(crystal.cell, crystal.source)
    if not crystal.sites:
        raise BadStructure("there are no atoms", expected="at least one", source=source)
    for site in crystal.sites:
        if not np.all(np.isfinite(site.xyz)):
            raise BadStructure(
                f"atom {site.label} has no position", expected="three numbers", source=source
            )
        if not 0.0 <= site.occupancy <= 1.0 + 1e-6:
            raise BadStructure(
                f"atom {site.label}: the occupancy is {site.occupancy:g}",
                expected="0 to 1",
                source=source,
            )
        try:
            atomic_number(site.element)
        except BadInput as error:
            raise BadStructure(
                f"atom {site.label}: there is no element {site.element!r}",
                expected="a chemical symbol",
                source=source,
            ) from error
    length, angle, worst = cell_misfit(crystal.cell, crystal.rotations)
    if length > CELL_IMPOSSIBLE[0] or angle > CELL_IMPOSSIBLE[1]:
        raise BadStructure(_cell_sentence(crystal, length, angle, worst), source=source)


def find_doubts(crystal: Crystal) -> tuple[str, ...]:
    """Return what is inconsistent or missing in a structure, one sentence each, atoms named."""
    atoms = unit_cell_atoms(crystal)
    close = pairs_within(atoms, TOO_CLOSE)
    return (
        *_cell_doubts(crystal),
        *_label_doubts(crystal),
        *_occupancy_doubts(crystal, atoms, close),
        *_contact_doubts(crystal, atoms, close),
        *_position_doubts(crystal, atoms.lattice),
        *_formula_doubts(crystal, composition_of(atoms)),
        *_density_doubts(crystal),
        *_displacement_doubts(crystal),
    )


def _cell_doubts(crystal: Crystal) -> Iterable[str]:
    length, angle, worst = cell_misfit(crystal.cell, crystal.rotations)
    if length > CELL_ROUNDING[0] or angle > CELL_ROUNDING[1]:
        yield _cell_sentence(crystal, length, angle, worst)


def _cell_sentence(crystal: Crystal, length: float, angle: float, worst: int) -> str:
    operation = triplet(crystal.rotations[worst], crystal.translations[worst])
    cell = " ".join(f"{value:g}" for value in crystal.cell)
    return (
        f"the cell {cell} does not have the symmetry {crystal.space_group}: {operation} changes "
        f"edges by {100 * length:.2g} % and angles by {angle:.2g}°"
    )


def _label_doubts(crystal: Crystal) -> Iterable[str]:
    repeated = [label for label, n in Counter(s.label for s in crystal.sites).items() if n > 1]
    if repeated:
        yield f"labels that stand for several atoms: {_listed(repeated)}"


def _occupancy_doubts(crystal: Crystal, atoms: Atoms, close: Pairs) -> Iterable[str]:
    """Yield positions whose occupancies add up to more than one."""
    same = (close.distance < SAME_POSITION) & (atoms.site[close.first] != atoms.site[close.second])
    total = atoms.occupancy.copy()
    np.add.at(total, close.first[same], atoms.occupancy[close.second[same]])
    partners: dict[frozenset[int], float] = {}
    for atom in np.unique(close.first[same]):
        if total[atom] <= 1.0 + OCCUPANCY_ROUNDING:
            continue
        others = close.second[same & (close.first == atom)]
        partners[frozenset(atoms.site[[atom, *others]].tolist())] = float(total[atom])
    for members, occupancy in partners.items():
        names = " + ".join(crystal.sites[i].label for i in sorted(members))
        yield f"{names} on one position: the occupancies add up to {occupancy:.4g}"


def _contact_doubts(crystal: Crystal, atoms: Atoms, close: Pairs) -> Iterable[str]:
    """Yield atoms that are too close to be there together."""
    seen = set()
    same_position = close.distance < SAME_POSITION
    for first, second, distance in zip(
        close.first[~same_position],
        close.second[~same_position],
        close.distance[~same_position],
        strict=True,
    ):
        one, two = sorted((int(atoms.site[first]), int(atoms.site[second])))
        if (one, two) in seen or _alternate(crystal.sites[one], crystal.sites[two], one == two):
            continue
        seen.add((one, two))
        if one == two:
            label = crystal.sites[one].label
            yield f"images of {label} are {distance:.3f} Å apart: nearly a special position"
        else:
            names = f"{crystal.sites[one].label} and {crystal.sites[two].label}"
            yield f"{names} are {distance:.3f} Å apart and nothing says that they alternate"


def _position_doubts(crystal: Crystal, lattice: Array) -> Iterable[str]:
    """Yield atoms that are put on a special position from further away than rounding explains."""
    printed = np.array([site.xyz for site in crystal.sites], dtype=float)
    moved = np.linalg.norm((special_positions(crystal, lattice) - printed) @ lattice, axis=1)
    for index in np.flatnonzero(moved > POSITION_ROUNDING):
        label = crystal.sites[index].label
        yield f"{label} is moved {moved[index]:.3f} Å onto its special position"


def _alternate(one: Site, two: Site, same_site: bool) -> bool:
    """Say whether two atoms are never there together."""
    if one.occupancy + two.occupancy <= 1.0 + OCCUPANCY_ROUNDING:
        return True
    if same_site:
        return one.disorder_group.startswith("-")  # SHELX: disordered about a symmetry element
    return (
        bool(one.disorder_group and two.disorder_group)
        and one.disorder_group != two.disorder_group
        and one.disorder_assembly == two.disorder_assembly
    )


def _formula_doubts(crystal: Crystal, content: Mapping[str, float]) -> Iterable[str]:
    from xorder.cif_sites import parse_formula

    formula = parse_formula(crystal.formula)
    if not formula:
        return
    units, stated = _formula_units(crystal, formula, content)
    if not stated:
        yield (
            f"Z is {crystal.formula_units:g} in the source but the cell holds {units:g} of "
            f"{crystal.formula}"
        )
    for element in {**formula, **content}:
        wanted = units * formula.get(element, 0.0)
        held = content.get(element, 0.0)
        if abs(held - wanted) > 0.06 + 0.01 * wanted:
            kind = "missing" if held < wanted else "too many"
            yield (
                f"{abs(held - wanted):.4g} {element} {kind}: the cell holds {held:.4g}, "
                f"{crystal.formula} × Z = {units:g} has {wanted:.4g}"
            )


def _formula_units(
    crystal: Crystal, formula: Mapping[str, float], content: Mapping[str, float]
) -> tuple[float, bool]:
    """Return the formula units a cell, and whether the source's Z agrees or is silent.

    Where the source has no Z, or one that no element agrees with, the most common ratio over the
    elements is taken. A program that writes the whole cell as the formula and Z of the reduced one
    (pymatgen) is no contradiction.
    """
    ratios = [round(content.get(element, 0.0) / count, 2) for element, count in formula.items()]
    likely, votes = Counter(ratios).most_common(1)[0]
    stated = crystal.formula_units
    if not np.isfinite(stated) or stated <= 0:
        return max(likely, 0.01), True
    if likely > 0 and votes == len(ratios) and abs(likely - stated) > 0.01 * stated:
        return likely, likely == 1.0
    return stated, True


def _density_doubts(crystal: Crystal) -> Iterable[str]:
    value = density(crystal)
    if not DENSITIES[0] <= value <= DENSITIES[1]:
        yield f"the density is {value:.3g} g/cm³: cell or atoms are wrong"


def _displacement_doubts(crystal: Crystal) -> Iterable[str]:
    missing = [s.label for s in crystal.sites if np.isnan(s.uiso) and s.uij is None]
    if len(missing) == len(crystal.sites):
        yield "no atom has a displacement U"
    elif missing:
        yield f"no displacement U: {_listed(missing)}"
    lattice = lattice_from_cell(crystal.cell)
    negative = [site.label for site in crystal.sites if _not_positive(site, lattice)]
    if negative:
        yield f"displacements that are not positive: {_listed(negative)}"


def _not_positive(site: Site, lattice: Array) -> bool:
    if site.uij is None:
        return site.uiso < 0
    tensor = cartesian_from_cif_u(site.uij, lattice)
    return not np.isfinite(tensor).all() or bool(np.linalg.eigvalsh(tensor)[0] < -1e-6)


def _listed(labels: Iterable[str]) -> str:
    names = list(labels)
    return ", ".join(names) if len(names) <= 12 else f"{', '.join(names[:12])} … ({len(names)})"
