"""The atoms of a CIF: element and charge, position, occupancy, displacement, disorder."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from xorder.errors import BadStructure
from xorder.results import Array
from xorder.scattering import atomic_number, is_element
from xorder.structure import Site, cartesian_from_cif_u, lattice_from_cell

__all__ = ["parse_formula", "parse_number", "read_sites", "split_species"]

Items = Mapping[str, Sequence[str]]
NUMBER = re.compile(r"([+-]?)(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?(?:\((\d+)\))?")
TYPE = re.compile(
    r"(?P<element>[A-Za-z]+)"
    r"(?:(?P<sign2>[+-])(?P<size2>\d+\.?\d*)|(?P<size>\d*\.?\d*)(?P<sign>[+-]))?"
)
INDICES = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
#: No crystal holds heavier elements: NH in a label is not nihonium.
CALIFORNIUM = 98
#: B = 8π²U.
B_OVER_U = 8.0 * math.pi**2


@dataclass(kw_only=True)
class _Reading:
    """What is found on the way through the list of atoms."""

    items: Items
    cell: Array
    formula_elements: set[str]
    source: str
    doubts: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def column(self, *names: str) -> Sequence[str]:
        """Return the first of some columns of the list of atoms, or nothing."""
        count = len(self.items["_atom_site_fract_x"])
        for name in names:
            values = self.items.get(f"_atom_site_{name}")
            if values and len(values) != count and not name.startswith("aniso"):
                raise self.bad(
                    f"_atom_site_{name} has {len(values)} values for {count} atoms",
                    "one list of atoms",
                )
            if values:
                return values
        return ()

    def bad(self, found: str, expected: str) -> BadStructure:
        return BadStructure(found, expected=expected, source=self.source)


def parse_number(text: str) -> tuple[float, float]:
    """Return a CIF number and the standard error in its parentheses; NaN where there is none.

    ``"1.234(5)"`` is (1.234, 0.005). Text that is no number gives (NaN, NaN).
    """
    match = NUMBER.fullmatch(text.strip())
    if match is None:
        return math.nan, math.nan
    sign, mantissa, exponent, error = match.groups()
    value = float(sign + mantissa + (exponent or ""))
    if math.isinf(value):
        return math.nan, math.nan
    if error is None:
        return value, math.nan
    decimals = len(mantissa.partition(".")[2]) - int((exponent or "e0")[1:])
    return value, float(f"{error}e{-decimals}")


def parse_formula(formula: str) -> dict[str, float]:
    """Return the count of each element in a formula such as ``"Na Ta Cl6"``, or nothing.

    Parentheses without a number behind them, as in ``"Fe Sn (O6 H6)"``, mean nothing.
    """
    if re.search(r"\)\s*\d", formula):
        return {}
    counts: dict[str, float] = {}
    for part in re.sub(r"[,'\"()]", " ", formula).split():
        tokens = re.findall(r"([A-Z][a-z]?)(\d*\.?\d*)", part)
        if "".join(symbol + count for symbol, count in tokens) != part:
            return {}
        for symbol, count in tokens:
            if not is_element(symbol):
                return {}
            counts[symbol] = counts.get(symbol, 0.0) + (float(count) if count else 1.0)
    return counts


def read_sites(
    items: Items, cell: Array, formula_elements: set[str], source: str
) -> tuple[tuple[Site, ...], tuple[str, ...], tuple[str, ...]]:
    """Return the sites of a CIF block, doubts about them, and notes.

    Parameters
    ----------
    items
        Values of each tag of the block.
    cell
        a, b, c in Å and α, β, γ in degrees.
    formula_elements
        Elements of the formula: they settle a label such as CA1 where there is no type symbol.
    source
        File, for messages.

    Raises
    ------
    BadStructure
        Where an atom has no usable element, position or occupancy.
    """
    reading = _Reading(items=items, cell=cell, formula_elements=formula_elements, source=source)
    labels, types = _labels_and_types(reading)
    kept = _without_dummies(reading, labels)
    xyz = _read_coordinates(reading, labels, kept)
    occupancy = _read_occupancies(reading, labels, kept)
    uij = _read_anisotropic(reading, labels)
    uiso = _read_isotropic(reading, labels)
    groups = reading.column("disorder_group")
    assemblies = reading.column("disorder_assembly")
    sites = []
    for row, position in zip(kept, xyz, strict=True):
        element, charge = _element(reading, types[row], labels[row])
        sites.append(
            Site(
                label=labels[row],
                element=element,
                charge=charge,
                xyz=position,
                occupancy=occupancy[row],
                uiso=_isotropic_or_equivalent(uiso[row], uij.get(row), cell),
                uij=uij.get(row),
                disorder_group=_word(groups, row),
                disorder_assembly=_word(assemblies, row),
            )
        )
    return tuple(sites), tuple(reading.doubts), tuple(reading.notes)


def _labels_and_types(reading: _Reading) -> tuple[list[str], list[str]]:
    count = len(reading.column("fract_x"))
    types = list(reading.column("type_symbol")) or [""] * count
    labels = list(reading.column("label"))
    if not labels:
        if not any(types):
            raise reading.bad("the atoms have no labels and no types", "_atom_site_label")
        labels = [f"{kind}{row}" for row, kind in enumerate(types, start=1)]
        reading.notes.append("the atoms have no labels; they are numbered in the order of the file")
    return labels, ["" if kind in ("?", ".") else kind for kind in types]


def _without_dummies(reading: _Reading, labels: Sequence[str]) -> list[int]:
    flags = reading.column("calc_flag")
    dummies = [row for row, flag in enumerate(flags) if flag.lower() == "dum"]
    if dummies:
        names = ", ".join(labels[row] for row in dummies)
        reading.notes.append(f"dummy atoms left out: {names}")
    kept = [row for row in range(len(labels)) if row not in set(dummies)]
    if not kept:
        raise reading.bad("there are only dummy atoms", "at least one atom")
    return kept


def _read_coordinates(reading: _Reading, labels: Sequence[str], kept: Sequence[int]) -> Array:
    columns = []
    for axis in "xyz":
        texts = reading.column(f"fract_{axis}")
        if not texts:
            raise reading.bad(f"there is no _atom_site_fract_{axis}", "three coordinates an atom")
        values = [parse_number(texts[row])[0] for row in kept]
        for row, value in zip(kept, values, strict=True):
            if math.isnan(value):
                raise reading.bad(
                    f"atom {labels[row]}: _atom_site_fract_{axis} is {texts[row]!r}", "a number"
                )
        columns.append(values)
    xyz = np.array(columns).T
    far = [labels[row] for row, position in zip(kept, xyz, strict=True) if abs(position).max() > 5]
    if far:
        reading.doubts.append(
            f"coordinates beyond 5 cells ({', '.join(far)}): are they Cartesian, in Å?"
        )
    return xyz


def _read_occupancies(
    reading: _Reading, labels: Sequence[str], kept: Sequence[int]
) -> dict[int, float]:
    texts = reading.column("occupancy")
    if not texts:
        return dict.fromkeys(kept, 1.0)
    occupancies: dict[int, float] = {}
    unknown = []
    for row in kept:
        text = texts[row]
        if text in ("?", "."):
            occupancies[row] = 1.0  # the default of the CIF dictionary
            if text == "?":
                unknown.append(labels[row])
            continue
        value = parse_number(text)[0]
        if not 0.0 <= value <= 1.0 + 1e-6:
            raise reading.bad(f"atom {labels[row]}: the occupancy is {text!r}", "0 to 1")
        occupancies[row] = value
    if unknown:
        reading.doubts.append(f"occupancy '?' taken as 1: {', '.join(unknown)}")
    return occupancies


def _read_isotropic(reading: _Reading, labels: Sequence[str]) -> list[float]:
    texts: Sequence[str] = ()
    for name, factor in (
        ("u_iso_or_equiv", 1.0),
        ("b_iso_or_equiv", B_OVER_U),
        ("b_iso", B_OVER_U),
    ):
        texts = reading.column(name)
        if texts:
            values = [parse_number(text)[0] / factor for text in texts]
            break
    else:
        return [math.nan] * len(labels)
    unread = [
        labels[row]
        for row, text in enumerate(texts)
        if math.isnan(values[row]) and text not in ("?", ".")
    ]
    if unread:
        reading.doubts.append(f"displacements that are no numbers: {', '.join(unread)}")
    zeros = [labels[row] for row, value in enumerate(values) if value == 0.0]
    if zeros:
        reading.notes.append(f"a displacement of zero counts as not given: {', '.join(zeros)}")
    return [math.nan if value == 0.0 else value for value in values]


def _read_anisotropic(reading: _Reading, labels: Sequence[str]) -> dict[int, Array]:
    """Return the tensors in the CIF convention for U, Å², by row of the list of atoms."""
    for kind in ("u", "b", "beta"):
        columns = [reading.column(f"aniso_{kind}_{i + 1}{j + 1}") for i, j in INDICES]
        if all(columns):
            break
    else:
        return {}
    rows = reading.column("aniso_label") or labels
    if len(rows) != len(columns[0]):
        reading.doubts.append("anisotropic displacements without labels are left out")
        return {}
    owners = _owners(reading, rows, labels)
    tensors: dict[int, Array] = {}
    incomplete = []
    for values, owner in zip(zip(*columns, strict=True), owners, strict=True):
        numbers = [parse_number(text)[0] for text in values]
        if owner is None:
            continue
        if any(math.isnan(number) for number in numbers):
            if any(text not in ("?", ".") for text in values):
                incomplete.append(labels[owner])
            continue
        tensors[owner] = _as_u(_symmetric(numbers), kind, reading.cell)
    if incomplete:
        reading.doubts.append(f"incomplete anisotropic displacements: {', '.join(incomplete)}")
    return tensors


def _owners(reading: _Reading, rows: Sequence[str], labels: Sequence[str]) -> Iterator[int | None]:
    """Yield the row of the list of atoms that each anisotropic row belongs to."""
    same_order = list(rows) == list(labels)
    counts = Counter(labels)
    unknown = sorted(set(rows) - set(counts))
    if unknown:
        reading.doubts.append(f"anisotropic displacements of no atom: {', '.join(unknown)}")
    ambiguous = [] if same_order else [label for label in dict.fromkeys(rows) if counts[label] > 1]
    if ambiguous:
        reading.doubts.append(
            f"anisotropic displacements left out, their labels are not unique: "
            f"{', '.join(ambiguous)}"
        )
    index = {label: row for row, label in enumerate(labels) if label not in ambiguous}
    return iter(range(len(rows)) if same_order else [index.get(label) for label in rows])


def _symmetric(numbers: Sequence[float]) -> Array:
    tensor = np.empty((3, 3))
    for (i, j), number in zip(INDICES, numbers, strict=True):
        tensor[i, j] = tensor[j, i] = number
    return tensor


def _as_u(tensor: Array, kind: str, cell: Array) -> Array:
    """Return U of a tensor given as U, B or β (International Tables D, 1.9.2)."""
    if kind == "u":
        return tensor
    if kind == "b":
        return tensor / B_OVER_U
    reciprocal = np.linalg.norm(np.linalg.inv(lattice_from_cell(cell)), axis=0)
    return np.asarray(tensor / (2.0 * math.pi**2 * np.outer(reciprocal, reciprocal)))


def _isotropic_or_equivalent(uiso: float, uij: Array | None, cell: Array) -> float:
    if uij is None or not math.isnan(uiso):
        return uiso
    return float(np.trace(cartesian_from_cif_u(uij, lattice_from_cell(cell)))) / 3.0


def split_species(text: str) -> tuple[str, float]:
    """Return element and charge of a type such as ``"Na1+"``, ``"O-2"`` or ``"Ta"``.

    The element is empty where the text starts with no chemical symbol.
    """
    match = TYPE.match(text)
    element = match["element"].capitalize() if match else ""
    if match is None or not is_element(element):
        return "", 0.0
    sign = match["sign"] or match["sign2"]
    size = float(match["size"] or match["size2"] or 1) if sign else 0.0
    return element, -size if sign == "-" else size


def _element(reading: _Reading, type_symbol: str, label: str) -> tuple[str, int]:
    """Return element and charge of an atom, from its type or else its label."""
    element, charge = split_species(type_symbol)
    if not type_symbol:
        return _element_of_label(reading, label), 0
    if not element:
        raise reading.bad(f"atom {label}: type {type_symbol!r}", "a chemical symbol; delete peaks")
    if charge != int(charge):
        note = f"the charge of {type_symbol} is not whole; neutral form factors are used"
        if note not in reading.notes:
            reading.notes.append(note)
        return element, 0
    return element, int(charge)


def _element_of_label(reading: _Reading, label: str) -> str:
    """Return the chemical symbol at the start of a label, in any case.

    The formula decides between CA as calcium and as carbon. Wat is a water molecule, as the
    American Mineralogist database labels its oxygen.
    """
    if label[:3].casefold() == "wat":
        reading.notes.append(f"{label} is taken as the oxygen of water")
        return "O"
    match = re.match(r"[A-Za-z]*", label)
    letters = match[0] if match else ""
    candidates = [
        part.capitalize()
        for part in (letters[:2], letters[:1])
        if is_element(part.capitalize()) and atomic_number(part.capitalize()) <= CALIFORNIUM
    ]
    known = reading.formula_elements | {"D"}
    possible = [symbol for symbol in candidates if symbol in known or not reading.formula_elements]
    if not possible and is_element(letters.capitalize()):
        possible = [letters.capitalize()]  # no doubt about the label: the formula is compared later
    if possible:
        return possible[0]
    why = f"{candidates[0]} is not in the formula" if candidates else "its label is no element"
    raise reading.bad(f"atom {label} has no type and {why}", "_atom_site_type_symbol")


def _word(values: Sequence[str], row: int) -> str:
    return values[row] if values and values[row] not in ("?", ".") else ""
