"""A structure as plain text: cell, symmetry, content, sites, bonds, coordination, notes."""

from __future__ import annotations

import math
import textwrap
from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from xorder.neighbors import Bonds, coordination_numbers, find_bonds
from xorder.scattering import is_metal
from xorder.structure import Crystal, composition_of, density, unit_cell_atoms

__all__ = ["report"]

WIDTH = 100


def report(crystal: Crystal) -> str:
    """Return a description of a structure in lines of at most 100 columns.

    Bonds and coordination follow the rule of `xorder.neighbors`, which the text states; numbers of
    neighbours count occupancies.
    """
    bonds = find_bonds(crystal)
    sections = [
        ("", _title(crystal)),
        ("Cell", _cell(crystal)),
        ("Content of the cell", _content(crystal)),
        ("Sites", _sites(crystal)),
        ("Bonds of each site, Å", _bonds(crystal, bonds)),
        (
            "Bonds of each pair of elements, Å (standard deviation in parentheses)",
            _bonds_by_element(crystal, bonds),
        ),
        ("Coordination", _coordination(crystal, bonds)),
        ("Notes", _notes(crystal)),
    ]
    text = []
    for heading, lines in sections:
        body = list(lines)
        if not body:
            continue
        if heading:
            text += ["", heading, "─" * len(heading)]
        text += body
    return "\n".join(line.rstrip() for line in text) + "\n"


def with_error(value: float, error: float) -> str:
    """Return a number with its standard error in parentheses, as in ``9.4363(3)``.

    A leading 1 of the error keeps a second digit; without an error there are up to five decimals.
    """
    if not (math.isfinite(error) and error > 0):
        return f"{value:.5f}".rstrip("0").rstrip(".")
    decimals = -math.floor(math.log10(error))
    if round(error * 10**decimals, 1) < 1.95 and round(error * 10 ** (decimals + 1)) % 10:
        decimals += 1
    decimals = max(0, decimals)
    return f"{value:.{decimals}f}({round(error * 10**decimals)})"


def _title(crystal: Crystal) -> Iterator[str]:
    title = f"{crystal.name}   {crystal.space_group}"
    yield title
    yield "═" * min(len(title), WIDTH)
    for label, value in (
        ("formula", crystal.formula),
        ("deposit", crystal.deposit),
        ("status", crystal.status),
        ("source", crystal.source),
    ):
        if value:
            yield from _wrapped(f"{label:<9}{value}", " " * 9)


def _cell(crystal: Crystal) -> Iterator[str]:
    errors = np.full(6, np.nan) if crystal.cell_stderr is None else crystal.cell_stderr
    numbers = [with_error(v, e) for v, e in zip(crystal.cell, errors, strict=True)]
    edges, angles = numbers[:3], numbers[3:]
    yield "a, b, c      " + "  ".join(f"{text:>13}" for text in edges) + "   Å"
    yield "α, β, γ      " + "  ".join(f"{text:>13}" for text in angles) + "   °"
    volume = unit_cell_atoms(crystal).volume
    yield f"volume       {volume:>13.3f}   Å³"
    number = f"No. {crystal.space_group_number}" if crystal.space_group_number else "no number"
    yield f"symmetry     {crystal.space_group} ({number}), {len(crystal.rotations)} operations"
    if math.isfinite(crystal.temperature):
        yield f"temperature  {crystal.temperature:>13g}   K"


def _content(crystal: Crystal) -> Iterator[str]:
    atoms = unit_cell_atoms(crystal)
    counts = composition_of(atoms)
    total = sum(counts.values())
    listed = "  ".join(f"{element} {count:.4g}" for element, count in counts.items())
    yield from _wrapped(f"atoms        {listed}   ({total:.4g} in all)", " " * 13)
    if math.isfinite(crystal.formula_units):
        yield f"Z            {crystal.formula_units:g}"
    yield f"density      {density(crystal):.3f} g/cm³, {total / atoms.volume:.5f} atoms/Å³"


def _sites(crystal: Crystal) -> Iterator[str]:
    atoms = unit_cell_atoms(crystal)
    multiplicity = np.bincount(atoms.site, minlength=len(crystal.sites))
    width = max(6, *(len(site.label) for site in crystal.sites))
    disordered = any(site.disorder_group for site in crystal.sites)
    yield (
        f"{'site':<{width}}  {'atom':<5} {'n':>3}  {'x':>9} {'y':>9} {'z':>9}  {'occ.':>6}  "
        f"{'U, Å²':>8}  {'':<5}{'disorder' if disordered else ''}"
    )
    for site, count in zip(crystal.sites, multiplicity, strict=True):
        charge = f"{abs(site.charge)}{'+' if site.charge > 0 else '-'}" if site.charge else ""
        u = f"{site.uiso:8.5f}" if math.isfinite(site.uiso) else "       –"
        kind = "" if site.uij is None else "aniso"
        group = f"{site.disorder_assembly}/{site.disorder_group}".strip("/")
        x, y, z = site.xyz
        yield (
            f"{site.label:<{width}}  {site.element + charge:<5} {count:>3}  {x:>9.5f} {y:>9.5f} "
            f"{z:>9.5f}  {site.occupancy:>6.4g}  {u}  {kind:<5} {group}"
        )


def _bonds(crystal: Crystal, bonds: Bonds) -> Iterator[str]:
    """Yield one line a pair of site and neighbouring element: number, range, mean, each bond."""
    elements = np.array([site.element for site in crystal.sites])
    shown = _seen_from_one_end(crystal, bonds)
    if not shown.any():
        yield "none"
        return
    width = max(5, *(len(site.label) for site in crystal.sites)) + 4
    yield f"{'':<{width}}{'n':>5}  {'shortest':>8} – {'longest':<8} {'mean':>7}   each"
    for site in np.unique(bonds.site[shown]):
        mine = shown & (bonds.site == site)
        for element in dict.fromkeys(elements[bonds.neighbor_site[mine]]):
            chosen = mine & (elements[bonds.neighbor_site] == element)
            length, occupancy = bonds.length[chosen], bonds.occupancy[chosen]
            mean = np.average(length, weights=np.maximum(occupancy, 1e-12))
            pair = f"{crystal.sites[site].label}–{element}"
            head = (
                f"{pair:<{width}}{occupancy.sum():>5.3g}  {length.min():>8.3f} – "
                f"{length.max():<8.3f} {mean:>7.3f}   "
            )
            each = ", ".join(_each(bonds.neighbor[chosen], length))
            yield from _wrapped(head + each, " " * len(head))


def _bonds_by_element(crystal: Crystal, bonds: Bonds) -> Iterator[str]:
    """Yield one line a pair of elements, over all sites: range, mean and its spread."""
    elements = np.array([site.element for site in crystal.sites])
    shown = _seen_from_one_end(crystal, bonds)
    pairs = np.array([elements[bonds.site], elements[bonds.neighbor_site]]).T
    for one, two in dict.fromkeys(map(tuple, pairs[shown].tolist())):
        length = bonds.length[shown & (pairs == (one, two)).all(axis=1)]
        spread = float(np.std(length, ddof=1)) if len(length) > 1 else math.nan
        spread = spread if spread > 5e-4 else math.nan
        mean = with_error(float(length.mean()), spread)
        mean = mean if "(" in mean else f"{length.mean():.3f}"
        yield f"{one + '–' + two:<9}{length.min():>7.3f} – {length.max():<7.3f}  mean {mean}"


def _seen_from_one_end(crystal: Crystal, bonds: Bonds) -> NDArray[np.bool_]:
    """Say which bonds start at the metal, or at the element that the file lists first."""
    order = {
        element: i for i, element in enumerate(dict.fromkeys(s.element for s in crystal.sites))
    }
    rank = np.array([(not is_metal(s.element)) * 1000 + order[s.element] for s in crystal.sites])
    return np.asarray(rank[bonds.site] <= rank[bonds.neighbor_site])


def _each(labels: Sequence[str], lengths: Sequence[float]) -> Iterator[str]:
    """Yield each bond, equal ones together: ``4 × Cl1 2.310``."""
    count: dict[tuple[str, str], int] = defaultdict(int)
    for label, length in zip(labels, lengths, strict=True):
        count[str(label), f"{length:.3f}"] += 1
    for (label, text), number in count.items():
        times = f"{number} × " if number > 1 else ""
        yield f"{times}{label} {text}"


def _coordination(crystal: Crystal, bonds: Bonds) -> Iterator[str]:
    numbers = coordination_numbers(crystal, bonds)
    elements = np.array([site.element for site in crystal.sites])[bonds.neighbor_site]
    width = max(5, *(len(site.label) for site in crystal.sites))
    for index, site in enumerate(crystal.sites):
        chosen = bonds.site == index
        shell = [
            f"{bonds.occupancy[chosen & (elements == element)].sum():.3g} {element}"
            for element in dict.fromkeys(elements[chosen])
        ]
        yield f"{site.label:<{width}}  {numbers[index]:>5.3g}   {' + '.join(shell)}"
    yield ""
    yield from _wrapped(f"Bonded: {bonds.rule}.", "")


def _notes(crystal: Crystal) -> Iterator[str]:
    for note in crystal.notes:
        yield from _wrapped(f"• {note}", "  ")


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
        replace_whitespace=False,
    )
