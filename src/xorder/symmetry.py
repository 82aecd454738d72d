"""Symmetry operations of a structure and the symbol of their setting.

The operations decide. A symbol that says something else is a doubt, never a reason to change them.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xorder.errors import BadStructure
from xorder.results import Array

if TYPE_CHECKING:
    import gemmi

__all__ = ["Symmetry", "symmetry_from"]

#: Translations are counted in 24ths of the cell, as gemmi does.
DENOMINATOR = 24
#: Endings that ICSD and older programs write for the origin choice or the axes.
ENDINGS = {"S": ":1", "Z": ":2", "O1": ":1", "O2": ":2", "H": ":H", "R": ":R"}
#: Two lengths that an operation makes equal may differ by this part of them, angles by degrees.
CELL_ROUNDING = (2e-4, 0.02)
#: Beyond this the cell cannot have the symmetry at all.
CELL_IMPOSSIBLE = (0.02, 1.0)


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Symmetry:
    """All operations of a space group, centring included, the identity first."""

    rotations: NDArray[np.int64]
    """Rotation parts, shape (M, 3, 3)."""
    translations: Array
    """Translation parts in fractions of the cell, shape (M, 3)."""
    symbol: str
    """Hermann–Mauguin symbol of the setting that the operations have."""
    number: int
    """Number in International Tables; 0 where the operations are in no table."""
    doubts: tuple[str, ...] = ()
    """Where operations, symbols and number disagree, one sentence each."""
    notes: tuple[str, ...] = ()
    """What was chosen where the source left a choice."""


def symmetry_from(
    *,
    operations: Sequence[str] = (),
    hall: str = "",
    symbol: str = "",
    number: int = 0,
    cell: Array | None = None,
    source: str = "",
) -> Symmetry:
    """Return the symmetry that a source states.

    The first of these that is given decides: operations, Hall symbol, Hermann–Mauguin symbol,
    number. The others are compared with it.

    Parameters
    ----------
    operations
        Triplets such as ``"-x, y+1/2, -z+1/2"``.
    hall, symbol, number
        Hall symbol, Hermann–Mauguin symbol and number in International Tables; empty or 0 where the
        source has none.
    cell
        a, b, c in Å and α, β, γ in degrees: tells the two settings of a rhombohedral group apart.
    source
        File or object, for messages.

    Raises
    ------
    BadStructure
        Where nothing usable is given, an operation cannot be read, or the operations are not a
        group.
    """
    stated = _tabulated(symbol, cell)
    if operations:
        parts = _read_operations(operations, source)
        return _named(*parts, stated, symbol, number, hall)
    if hall:
        return _named(*_arrays(_hall_operations(hall, source)), stated, symbol, number, "")
    chosen, notes, doubts = _chosen_setting(stated, symbol, number, cell, source)
    rotations, translations = _arrays(chosen.operations())
    return Symmetry(
        rotations=rotations,
        translations=translations / DENOMINATOR,
        symbol=chosen.xhm(),
        number=chosen.number,
        notes=notes,
        doubts=doubts,
    )


def _named(
    rotations: NDArray[np.int64],
    translations: NDArray[np.int64],
    stated: gemmi.SpaceGroup | None,
    symbol: str,
    number: int,
    hall: str,
) -> Symmetry:
    """Return operations with the symbol of their setting, compared with what the source states."""
    import gemmi

    found = gemmi.find_spacegroup_by_ops(_group(rotations, translations))
    if stated is not None and _same_operations(stated, rotations, translations):
        found = stated  # a few settings have two symbols
    label, table_number, notes = _name(found, stated, symbol, rotations, translations)
    if symbol and stated is None:
        notes = (*notes, f"the symbol {symbol} is in no table; it was not compared")
    return Symmetry(
        rotations=rotations,
        translations=translations / DENOMINATOR,
        symbol=label,
        number=table_number,
        doubts=_disagreements(found, stated, symbol, number, hall, len(rotations)),
        notes=notes,
    )


def cell_misfit(cell: Array, rotations: NDArray[np.int64]) -> tuple[float, float, int]:
    """Return how far the worst operation changes the cell.

    Returns
    -------
    length, angle, operation
        Largest relative change of an edge, largest change of an angle in degrees, and the index of
        the operation with the largest change.
    """
    from xorder.structure import lattice_from_cell

    lattice = lattice_from_cell(cell)
    turned = np.einsum("mji,jk->mik", rotations, lattice)
    lengths = np.linalg.norm(turned, axis=2)
    cosines = np.einsum("mik,mjk->mij", turned, turned) / lengths[:, :, None] / lengths[:, None, :]
    angles = np.degrees(np.arccos(np.clip(cosines[:, [1, 0, 0], [2, 2, 1]], -1.0, 1.0)))
    length_change = np.max(np.abs(lengths / cell[:3] - 1.0), axis=1)
    angle_change = np.max(np.abs(angles - cell[3:]), axis=1)
    worst = int(np.argmax(length_change / CELL_ROUNDING[0] + angle_change / CELL_ROUNDING[1]))
    return float(length_change[worst]), float(angle_change[worst]), worst


def triplet(rotation: NDArray[np.int64], translation: Array) -> str:
    """Return an operation as text, such as ``-x,y+1/2,-z+1/2``."""
    import gemmi

    operation = gemmi.Op()
    operation.rot = (np.asarray(rotation) * DENOMINATOR).tolist()
    operation.tran = np.rint(np.asarray(translation) * DENOMINATOR).astype(int).tolist()
    return operation.triplet()


def _read_operations(
    operations: Sequence[str], source: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    import gemmi

    parsed = []
    for position, text in enumerate(operations, start=1):
        try:
            parsed.append(gemmi.Op(text))
        except RuntimeError as error:
            raise BadStructure(
                f"symmetry operation {position} is {text!r} ({error})",
                expected="a triplet such as '-x, y+1/2, -z+1/2'",
                source=source or None,
            ) from error
    rotations = np.array([op.rot for op in parsed]) // DENOMINATOR
    translations = np.array([op.tran for op in parsed]) % DENOMINATOR
    bad = np.flatnonzero(np.abs(np.rint(np.linalg.det(rotations))) != 1)
    if bad.size:
        raise BadStructure(
            f"symmetry operation {bad[0] + 1}, {operations[bad[0]]!r}, is no isometry",
            expected="x, y and z each once",
            source=source or None,
        )
    _, first = np.unique(_keys(rotations, translations), return_index=True)
    kept = np.sort(first)
    rotations, translations = _identity_first(rotations[kept], translations[kept])
    _check_group(rotations, translations, source)
    return rotations, translations


def _identity_first(
    rotations: NDArray[np.int64], translations: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    identity = np.all(rotations == np.eye(3, dtype=int), axis=(1, 2)) & ~translations.any(axis=1)
    order = np.argsort(~identity, kind="stable")
    return rotations[order], translations[order]


def _keys(rotations: NDArray[np.int64], translations: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return one integer an operation: 4 bits an entry of the rotation, 5 a translation."""
    entries = rotations.reshape(*rotations.shape[:-2], 9) + 8
    rotation_key = entries @ (16 ** np.arange(9))
    return np.asarray(rotation_key * 2**15 + translations @ (32 ** np.arange(3)))


def _check_group(
    rotations: NDArray[np.int64], translations: NDArray[np.int64], source: str
) -> None:
    products = np.einsum("aij,bjk->abik", rotations, rotations)
    shifts = np.einsum("aij,bj->abi", rotations, translations) + translations[:, None, :]
    inside = np.isin(_keys(products, shifts % DENOMINATOR), _keys(rotations, translations))
    if inside.all():
        return
    first, second = np.argwhere(~inside)[0]
    texts = [triplet(rotations[i], translations[i] / DENOMINATOR) for i in (first, second)]
    product = triplet(products[first, second], shifts[first, second] % DENOMINATOR / DENOMINATOR)
    raise BadStructure(
        f"the {len(rotations)} symmetry operations are not a group: {texts[0]} after {texts[1]} is "
        f"{product}, which is not among them",
        expected="all operations of the space group, centring included",
        source=source or None,
    )


def _hall_operations(hall: str, source: str) -> gemmi.GroupOps:
    import gemmi

    try:
        return gemmi.symops_from_hall(hall)
    except (RuntimeError, ValueError) as error:
        raise BadStructure(
            f"the Hall symbol {hall!r} cannot be read ({error})",
            expected="a symbol such as '-P 2yn', or a list of operations",
            source=source or None,
        ) from error


def _group(rotations: NDArray[np.int64], translations: NDArray[np.int64]) -> gemmi.GroupOps:
    import gemmi

    operations = []
    for rotation, translation in zip(rotations.tolist(), translations.tolist(), strict=True):
        operation = gemmi.Op()
        operation.rot = [[entry * DENOMINATOR for entry in row] for row in rotation]
        operation.tran = translation
        operations.append(operation)
    return gemmi.GroupOps(operations)


def _arrays(group: gemmi.GroupOps) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    operations = list(group)
    rotations = np.array([op.rot for op in operations]) // DENOMINATOR
    translations = np.array([op.tran for op in operations]) % DENOMINATOR
    return _identity_first(rotations, translations)


def _tabulated(symbol: str, cell: Array | None) -> gemmi.SpaceGroup | None:
    """Return the setting that a symbol names, in the spellings that programs use."""
    import gemmi

    alpha, gamma = (0.0, 0.0) if cell is None else (float(cell[3]), float(cell[5]))
    text = re.sub(r"\((\d)\)", r"\1", symbol.strip().replace("_", ""))  # P2_1/n, P2(1)/n
    if not text:
        return None
    found = gemmi.find_spacegroup_by_name(text, alpha, gamma)
    if found is None and (match := re.fullmatch(r"(.+?)\s*:?\s*(S|Z|O1|O2|H|R)", text, re.I)):
        ending = ENDINGS[match[2].upper()]
        found = gemmi.find_spacegroup_by_name(match[1] + ending, alpha, gamma)
    return found


def _chosen_setting(
    stated: gemmi.SpaceGroup | None, symbol: str, number: int, cell: Array | None, source: str
) -> tuple[gemmi.SpaceGroup, tuple[str, ...], tuple[str, ...]]:
    """Return the setting of a source without operations, from its symbol or else its number."""
    import gemmi

    if stated is None and symbol and not number:
        raise BadStructure(
            f"{symbol!r} is no space-group symbol, and there are no symmetry operations",
            expected="_space_group_symop_operation_xyz, or a symbol such as 'P 1 21/n 1'",
            source=source or None,
        )
    if stated is None and not number:
        raise BadStructure(
            "there is no symmetry: no operations, no symbol, no number",
            expected="_space_group_symop_operation_xyz (only 'x,y,z' where all atoms of the cell "
            "are listed) or _space_group_name_H-M_alt",
            source=source or None,
        )
    if stated is not None:
        doubts: tuple[str, ...] = ()
        if number and stated.number != number:
            doubts = (
                f"the symbol {symbol} has number {stated.number} but the source says {number}; "
                f"the symbol is used",
            )
        explicit = stated.ext == "\0" or ":" in symbol or _tabulated_exactly(symbol)
        doubts = (*doubts, *_origin_doubt(stated, explicit))
        return stated, _origin_note(stated, explicit), doubts
    found = gemmi.find_spacegroup_by_number(number)
    if found is None:
        raise BadStructure(
            f"there is no space group {number}", expected="1 to 230", source=source or None
        )
    setting = _tabulated(found.hm, cell) or found
    doubt = (
        f"the source gives only the number {number} ({symbol!r} is no symbol)"
        if symbol
        else f"the source gives only the space-group number {number}"
    )
    return setting, (), (f"{doubt}; the setting {setting.xhm()} is taken",)


def _tabulated_exactly(symbol: str) -> bool:
    """Say whether a symbol ends with a letter for the origin choice or the axes."""
    return bool(re.search(r"(S|Z|O1|O2|H|R)\s*$", symbol.strip(), re.I))


def _origin_note(setting: gemmi.SpaceGroup, explicit: bool) -> tuple[str, ...]:
    if explicit or setting.ext not in "HR":
        return ()
    return (f"the symbol does not say which axes: {setting.xhm()} is taken, which fits the cell",)


def _origin_doubt(setting: gemmi.SpaceGroup, explicit: bool) -> tuple[str, ...]:
    if explicit or setting.ext not in "12":
        return ()
    return (
        f"the symbol {setting.hm} does not say which origin and there are no operations: "
        f"{setting.xhm()} is taken; write '{setting.hm}:1' or '{setting.hm}:2'",
    )


def _name(
    found: gemmi.SpaceGroup | None,
    stated: gemmi.SpaceGroup | None,
    symbol: str,
    rotations: NDArray[np.int64],
    translations: NDArray[np.int64],
) -> tuple[str, int, tuple[str, ...]]:
    """Return symbol, number and notes for operations that a table may not hold."""
    if found is not None:
        return found.xhm(), found.number, ()
    note = "the operations are of no tabulated setting; they are used as given"
    if stated is not None and len(list(stated.operations())) == len(rotations):
        return (
            symbol.strip(),
            stated.number,
            (f"{note}, with the source's symbol {symbol.strip()}",),
        )
    import spglib

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of how spglib will report errors
        kind = spglib.get_spacegroup_type_from_symmetry(rotations, translations / DENOMINATOR)
    if kind is None:
        return symbol.strip() or "?", 0, (note,)
    return f"{kind.international_short} (other axes or origin)", int(kind.number), (note,)


def _disagreements(
    found: gemmi.SpaceGroup | None,
    stated: gemmi.SpaceGroup | None,
    symbol: str,
    number: int,
    hall: str,
    order: int,
) -> tuple[str, ...]:
    doubts = []
    theirs = f"those of {found.xhm()}" if found is not None else "of no tabulated setting"
    if stated is not None and not _agree(found, stated, symbol, order):
        doubts.append(
            f"the symbol is {symbol.strip()} but the operations are {theirs}; "
            f"the operations are used"
        )
    if number and found is not None and number != found.number:
        doubts.append(
            f"the space-group number is {number} but the operations are {theirs}, number "
            f"{found.number}; the operations are used"
        )
    if hall and found is not None and not _same_hall(hall, found):
        doubts.append(
            f"the Hall symbol is {hall} but the operations are {theirs}; the operations are used"
        )
    return tuple(doubts)


def _agree(
    found: gemmi.SpaceGroup | None, stated: gemmi.SpaceGroup, symbol: str, order: int
) -> bool:
    """Say whether a symbol can be meant for the operations, in any spelling of it."""
    if found is None:
        return len(list(stated.operations())) == order
    if found.xhm() == stated.xhm():
        return True
    if found.number != stated.number:
        return False
    if ":" in symbol or (stated.ext != "\0" and _tabulated_exactly(symbol)):
        return False
    return _short(found.hm) == _short(stated.hm)


def _same_operations(
    setting: gemmi.SpaceGroup, rotations: NDArray[np.int64], translations: NDArray[np.int64]
) -> bool:
    theirs = np.sort(_keys(*_arrays(setting.operations())))
    return np.array_equal(theirs, np.sort(_keys(rotations, translations)))


def _short(symbol: str) -> str:
    """Return a symbol without the ones that only mark the unique axis."""
    return "".join(part for part in symbol.split() if part != "1")


def _same_hall(hall: str, found: gemmi.SpaceGroup) -> bool:
    import gemmi

    try:
        stated = gemmi.find_spacegroup_by_ops(gemmi.symops_from_hall(hall))
    except (RuntimeError, ValueError):
        return False
    theirs = {operation.triplet() for operation in found.operations()}
    return stated is not None and {op.triplet() for op in stated.operations()} == theirs
