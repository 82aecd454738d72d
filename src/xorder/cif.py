"""Crystal structures from CIF files, as the databases and refinement programs write them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xorder.cif_sites import parse_formula, parse_number, read_sites
from xorder.errors import BadStructure, MissingFile
from xorder.results import Array
from xorder.structure import Crystal, density
from xorder.structure_checks import check_cell
from xorder.symmetry import symmetry_from

if TYPE_CHECKING:
    import gemmi

__all__ = ["read_cif"]

CELL = tuple(
    f"_cell_{part}"
    for part in ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
)
OPERATIONS = (
    "_space_group_symop_operation_xyz",
    "_symmetry_equiv_pos_as_xyz",
    "_symmetry_equiv_pos_xyz",
)
HALL = ("_space_group_name_hall", "_symmetry_space_group_name_hall")
SYMBOL = (
    "_space_group_name_h-m_alt",
    "_symmetry_space_group_name_h-m",
    "_space_group_name_h-m_full",
    "_space_group_name_h-m",
)
NUMBER = ("_space_group_it_number", "_symmetry_int_tables_number")
TEMPERATURE = (
    "_diffrn_ambient_temperature",
    "_cell_measurement_temperature",
    "_diffrn_ambient_temp",
    "_cell_measurement_temp",
)
DEPOSITS = (
    ("_database_code_depnum_ccdc_archive", "CCDC"),
    ("_database_code_icsd", "ICSD"),
    ("_cod_database_code", "COD"),
    ("_database_code_amcsd", "AMCSD"),
)
#: Only these loops are read; the others (reflections, bonds, angles) can be very long.
LOOPS = ("_atom_site", "_atom_type", "_space_group_symop", "_symmetry_equiv")

Items = Mapping[str, Sequence[str]]


def read_cif(path: Path, *, block: str | None = None) -> tuple[Crystal, tuple[str, ...]]:
    """Return the structure in a CIF file and the doubts that the file itself raises.

    Parameters
    ----------
    path
        The file.
    block
        Name of the data block, without ``data_``; by default the only one with atoms.

    Raises
    ------
    MissingFile
        Where there is no such file.
    BadStructure
        Where the file is not a CIF, or holds no structure that can be used.
    """
    text = _read_text(path)
    items, name = _choose_block(_parse(text, path), block, path)
    source = str(path)
    cell, cell_stderr, doubts = _read_cell(items, source)
    formula = _first(items, ("_chemical_formula_sum",))
    sites, site_doubts, notes = read_sites(items, cell, set(parse_formula(formula)), source)
    symmetry = symmetry_from(
        operations=next((items[tag] for tag in OPERATIONS if items.get(tag)), ()),
        hall=_first(items, HALL),
        symbol=_first(items, SYMBOL),
        number=_read_space_group_number(items, source),
        cell=cell,
        source=source,
    )
    if not text.endswith("\n") and _ends_with_atoms(text):
        notes = (*notes, "the file ends inside the list of atoms, without a line end: is it whole?")
    crystal = Crystal(
        name=name,
        cell=cell,
        cell_stderr=cell_stderr,
        sites=sites,
        rotations=symmetry.rotations,
        translations=symmetry.translations,
        space_group=symmetry.symbol,
        space_group_number=symmetry.number,
        formula=formula,
        formula_units=_number(items, ("_cell_formula_units_z",)),
        temperature=_number(items, TEMPERATURE),
        deposit=_deposit(items, name),
        source=source,
        notes=(*symmetry.notes, *notes),
    )
    doubts = (*doubts, *symmetry.doubts, *site_doubts, *_modulation_doubt(items))
    return crystal, (*doubts, *_density_doubt(items, crystal))


def _read_text(path: Path) -> str:
    if not path.is_file():
        raise MissingFile("there is no such file", expected="a CIF file", source=path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadStructure(
            f"the file cannot be read ({error.strerror})", expected="a CIF", source=path
        ) from error
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = data.decode("utf-16", errors="replace")
    elif b"\0" in data or data.startswith(b"\x1f\x8b"):
        raise BadStructure("this is a binary file", expected="a CIF, which is text", source=path)
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("latin-1")
    if not text.strip():
        raise BadStructure("the file is empty", expected="a CIF", source=path)
    return text


def _parse(text: str, path: Path) -> gemmi.cif.Document:
    from gemmi import cif

    try:
        document = cif.read_string(text)
    except (RuntimeError, ValueError) as error:
        message = str(error).removeprefix("string:")
        line = re.match(r"(\d+)", message)
        raise BadStructure(
            f"this is no whole CIF ({message})",
            expected="a CIF: data_ block, cell, symmetry, atoms; is it cut short?",
            source=path,
            line=int(line[1]) if line else None,
        ) from error
    if not len(document):
        raise BadStructure("there is no data_ block", expected="a CIF", source=path)
    return document


def _choose_block(
    document: gemmi.cif.Document, block: str | None, path: Path
) -> tuple[dict[str, list[str]], str]:
    items = {candidate.name: _items(candidate) for candidate in document}
    if block is not None:
        if block not in items:
            raise BadStructure(
                f"there is no block data_{block}", expected=_listed(items), source=path
            )
        return items[block], block
    with_atoms = [name for name, content in items.items() if _has_atoms(content)]
    if len(with_atoms) > 1:
        raise BadStructure(
            f"there are {len(with_atoms)} structures: {', '.join(with_atoms)}",
            expected=f"one, chosen with block={with_atoms[0]!r}",
            source=path,
        )
    if not with_atoms:
        hint = "_atom_site_fract_x, _y, _z"
        if any("_atom_site_cartn_x" in content for content in items.values()):
            hint += " (there are only Cartesian coordinates)"
        raise BadStructure(
            f"there are no atoms with fractional coordinates ({_listed(items)})",
            expected=hint,
            source=path,
        )
    return items[with_atoms[0]], with_atoms[0]


def _items(block: gemmi.cif.Block) -> dict[str, list[str]]:
    """Return the values of each tag, in lower case and with underscores for the dots of CIF 2."""
    items: dict[str, list[str]] = {}
    for item in block:
        pair: Any = item.pair
        if pair is not None:
            items[_tag(pair[0])] = [_text_of(pair[1])]
        elif item.loop is not None and any(_tag(tag).startswith(LOOPS) for tag in item.loop.tags):
            width = item.loop.width()
            values = [_text_of(value) for value in item.loop.values]
            for column, tag in enumerate(item.loop.tags):
                items[_tag(tag)] = values[column::width]
    return items


def _text_of(value: str) -> str:
    """Return a value without its quotes; ? and . stay."""
    from gemmi import cif

    return value if value in ("?", ".") else cif.as_string(value)


def _tag(tag: str) -> str:
    return tag.lower().replace(".", "_")


def _has_atoms(items: Items) -> bool:
    return bool(items.get("_atom_site_fract_x"))


def _listed(items: Mapping[str, Items]) -> str:
    return f"blocks: {', '.join(items)}"


def _first(items: Items, tags: Sequence[str]) -> str:
    """Return the first of some tags that has a value."""
    for tag in tags:
        values = items.get(tag)
        value = " ".join(values[0].split()) if values else ""
        if value not in ("", "?", "."):
            return value
    return ""


def _number(items: Items, tags: Sequence[str]) -> float:
    return parse_number(_first(items, tags))[0]


def _read_space_group_number(items: Items, source: str) -> int:
    text = _first(items, NUMBER)
    if not text:
        return 0
    value = parse_number(text)[0]
    if not 1 <= value <= 230:
        raise BadStructure(
            f"the space-group number is {text!r}", expected="1 to 230", source=source
        )
    return int(value)


def _read_cell(items: Items, source: str) -> tuple[Array, Array, tuple[str, ...]]:
    missing = [tag for tag in CELL if tag not in items]
    if any("length" in tag for tag in missing):
        raise BadStructure(
            f"there is no cell: {', '.join(missing)} missing", expected="six numbers", source=source
        )
    texts = [items[tag][0] if tag in items else "90" for tag in CELL]
    numbers = [parse_number(text) for text in texts]
    for tag, text, (value, _) in zip(CELL, texts, numbers, strict=True):
        if np.isnan(value):
            raise BadStructure(f"{tag} is {text!r}", expected="a number", source=source)
    cell = np.array([value for value, _ in numbers])
    check_cell(cell, source)
    doubts = (f"{', '.join(missing)} not given; 90° is taken",) if missing else ()
    stderr = np.array([error for _, error in numbers])
    return cell, stderr, (*doubts, *_volume_doubt(items, cell))


def _volume_doubt(items: Items, cell: Array) -> tuple[str, ...]:
    from xorder.structure import lattice_from_cell

    stated = _number(items, ("_cell_volume",))
    volume = float(np.linalg.det(lattice_from_cell(cell)))
    if np.isnan(stated) or abs(stated / volume - 1.0) < 0.005:
        return ()
    return (f"the cell has {volume:.2f} Å³ but the file says {stated:.2f} Å³",)


def _modulation_doubt(items: Items) -> tuple[str, ...]:
    if _number(items, ("_cell_modulation_dimension",)) > 0:
        return ("the structure is modulated: only its average is read",)
    return ()


def _density_doubt(items: Items, crystal: Crystal) -> tuple[str, ...]:
    stated = _number(items, ("_exptl_crystal_density_diffrn",))
    if np.isnan(stated):
        return ()
    found = density(crystal)
    if abs(found - stated) < 0.06 * stated:
        return ()
    return (f"the atoms give {found:.3f} g/cm³ but the file says {stated:.3f} g/cm³",)


def _deposit(items: Items, name: str) -> str:
    for tag, database in DEPOSITS:
        if value := _first(items, (tag,)):
            return value if value.upper().startswith(database) else f"{database} {value}"
    if match := re.fullmatch(r"(\d+)-ICSD", name):
        return f"ICSD {match[1]}"
    return ""


def _ends_with_atoms(text: str) -> bool:
    """Say whether the last loop of a file is a list of atoms."""
    last_loop = text.lower().rpartition("loop_")[2]
    return "_atom_site" in last_loop and not last_loop.rstrip().endswith(("#end", ";"))
