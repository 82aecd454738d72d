"""The formats of trajectories: XDATCAR, xyz and extended xyz, LAMMPS dump and data."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from xorder.errors import UnreadableFile
from xorder.pdf.trajectories import Frame
from xorder.results import Array
from xorder.scattering import atomic_mass, is_element

__all__ = ["READERS", "format_of"]

Reader = Callable[[list[str], Path, tuple[str, ...], int, int], list[Frame]]

_SUFFIXES = {
    ".xyz": "xyz",
    ".extxyz": "xyz",
    ".dump": "dump",
    ".lammpstrj": "dump",
    ".data": "data",
    ".lmp": "data",
}
#: Columns before x in the styles of LAMMPS data files.
_STYLES = {"atomic": 2, "charge": 3, "bond": 3, "angle": 3, "molecular": 3, "full": 4}
_COMMON = "H C N O F Na Mg Al Si P S Cl K Ca Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Y Zr Nb Mo "
_COMMON += "Ru Rh Pd Ag Cd In Sn Sb Te I Cs Ba La Ce Pr Nd Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W "
_COMMON += "Re Os Ir Pt Au Hg Tl Pb Bi Th U He Li Be B Ne Ar Sc Kr Rb Sr Xe"


def format_of(path: Path, lines: Sequence[str]) -> str:
    """Return ``"xdatcar"``, ``"xyz"``, ``"dump"`` or ``"data"``.

    Raises
    ------
    UnreadableFile
        Where neither name nor first lines tell.
    """
    if path.suffix.lower() in _SUFFIXES:
        return _SUFFIXES[path.suffix.lower()]
    if "xdatcar" in path.name.lower():
        return "xdatcar"
    if lines[0].startswith("ITEM:"):
        return "dump"
    if any(line.rstrip().endswith("atoms") for line in lines[:20]):
        return "data"
    if any("configuration=" in line for line in lines[:20]):
        return "xdatcar"
    if lines[0].strip().isdigit():
        return "xyz"
    raise UnreadableFile(
        f"the first line {lines[0][:60]!r} belongs to no known format",
        expected="XDATCAR, xyz, extended xyz, a LAMMPS dump or data file, or a CIF",
        source=path,
    )


def read_xdatcar(
    lines: list[str], path: Path, elements: tuple[str, ...], first: int, every: int
) -> list[Frame]:
    """Return the frames of an XDATCAR, of constant or changing cell."""
    frames: list[Frame] = []
    at, number = 0, 0
    lattice, symbols = np.zeros((0, 0)), np.array([], dtype=str)
    while at < len(lines):
        if "configuration" not in lines[at].lower():
            lattice, symbols = _xdatcar_head(lines, at, path)
            at += 7
        _need(lines, at, 1 + len(symbols), path)
        if "direct" not in lines[at].lower():
            _fail(f"{lines[at][:60]!r}", "a line 'Direct configuration='", path, at)
        if number >= first and (number - first) % every == 0:
            table = _numbers(lines, at + 1, len(symbols), (0, 1, 2), path)
            frames.append(
                Frame(positions=table @ lattice, elements=symbols, lattice=lattice,
                      name=path.stem, source=str(path), step=number)
            )  # fmt: skip
        number += 1
        at += 1 + len(symbols)
    return frames


def read_xyz(
    lines: list[str], path: Path, elements: tuple[str, ...], first: int, every: int
) -> list[Frame]:
    """Return the frames of an xyz or extended xyz file."""
    frames: list[Frame] = []
    at, number = 0, 0
    while at < len(lines):
        if not lines[at].strip().isdigit() or int(lines[at]) < 1:
            _fail(f"{lines[at][:60]!r}", "a number of atoms", path, at)
        count = int(lines[at])
        _need(lines, at, 2 + count, path)
        if number >= first and (number - first) % every == 0:
            keys = _comment_keys(lines[at + 1])
            symbol_column, columns = _xyz_columns(keys, path, at + 1)
            frames.append(
                Frame(
                    positions=_numbers(lines, at + 2, count, columns, path),
                    elements=_words(lines, at + 2, count, symbol_column, path),
                    lattice=_xyz_lattice(keys, path, at + 1),
                    name=path.stem, source=str(path), step=number,
                )
            )  # fmt: skip
        number += 1
        at += 2 + count
    return frames


def read_dump(
    lines: list[str], path: Path, elements: tuple[str, ...], first: int, every: int
) -> list[Frame]:
    """Return the frames of a LAMMPS dump, atoms in the order of their numbers."""
    frames: list[Frame] = []
    at, number = 0, 0
    while at < len(lines):
        step, count, lattice, origin, columns, at = _dump_head(lines, at, path)
        _need(lines, at, count, path)
        if number >= first and (number - first) % every == 0:
            frames.append(
                _dump_frame(lines, at, count, columns, lattice, origin, elements, path, step)
            )
        number += 1
        at += count
    return frames


def read_data(
    lines: list[str], path: Path, elements: tuple[str, ...], first: int, every: int
) -> list[Frame]:
    """Return the one frame of a LAMMPS data file."""
    if first > 0:
        return []
    plain = [line.split("#")[0].strip() for line in lines]
    count = _data_count(plain, path)
    lattice = _data_lattice(plain, path)
    at = next((i for i, line in enumerate(plain) if line == "Atoms"), None)
    if at is None:
        _fail("there is no section Atoms", "a section Atoms", path, len(lines) - 1)
    _need(lines, at + 2, count, path)
    style = lines[at].partition("#")[2].strip().split(" ")[0]
    width = len(plain[at + 2].split())
    before = _STYLES.get(style)
    if before is None:
        # Without a word on the style the columns tell, image flags (three) apart.
        before = {5: 2, 8: 2, 6: 3, 9: 3, 7: 4, 10: 4}.get(width)
    if before is None:
        _fail(f"{width} columns of unknown style", "Atoms # atomic, charge or full", path, at + 2)
    type_column = 1 if style in ("atomic", "charge") or (not style and before < 4) else 2
    table = _numbers(plain, at + 2, count, (0, type_column, before, before + 1, before + 2), path)
    table = table[np.argsort(table[:, 0], kind="stable")]
    types = table[:, 1].astype(int)
    names = elements or _data_elements(lines, plain, path)
    return [
        Frame(positions=table[:, 2:], elements=_of_types(types, names, path), lattice=lattice,
              name=path.stem, source=str(path))
    ]  # fmt: skip


READERS: dict[str, Reader] = {
    "xdatcar": read_xdatcar,
    "xyz": read_xyz,
    "dump": read_dump,
    "data": read_data,
}


def _xdatcar_head(lines: list[str], at: int, path: Path) -> tuple[Array, NDArray[np.str_]]:
    _need(lines, at, 7, path)
    scale = _numbers(lines, at + 1, 1, (0,), path)[0, 0]
    lattice = _numbers(lines, at + 2, 3, (0, 1, 2), path)
    if scale < 0:  # a negative factor is the volume
        scale = (-scale / abs(np.linalg.det(lattice))) ** (1 / 3)
    names = [re.split(r"[_/]", word)[0] for word in lines[at + 5].split()]
    counts = lines[at + 6].split()
    if len(names) != len(counts) or not all(word.isdigit() for word in counts):
        _fail(f"{lines[at + 6][:60]!r} for the elements {names}", "one number each", path, at + 6)
    symbols = np.repeat(np.array(names), [int(word) for word in counts])
    if not len(symbols):
        _fail("there are no atoms", "numbers of atoms", path, at + 6)
    return scale * lattice, symbols


def _comment_keys(comment: str) -> dict[str, str]:
    found = re.findall(r"([A-Za-z_]\w*)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|(\S+))", comment)
    return {key.lower(): one or two or three for key, one, two, three in found}


def _xyz_columns(keys: dict[str, str], path: Path, at: int) -> tuple[int, tuple[int, ...]]:
    if "properties" not in keys:
        return 0, (1, 2, 3)
    parts = keys["properties"].split(":")
    if len(parts) % 3 or not all(word.isdigit() for word in parts[2::3]):
        _fail(f"Properties={keys['properties']}", "triples name:type:columns", path, at)
    start, places = 0, {}
    for name, width in zip(parts[::3], parts[2::3], strict=True):
        places[name] = start
        start += int(width)
    symbol = places.get("species", places.get("element"))
    if symbol is None or "pos" not in places:
        _fail(f"Properties={keys['properties']}", "species and pos among them", path, at)
    return symbol, tuple(places["pos"] + k for k in range(3))


def _xyz_lattice(keys: dict[str, str], path: Path, at: int) -> Array | None:
    if "lattice" not in keys:
        return None
    periodic = [word[:1].upper() in ("T", "1") for word in keys.get("pbc", "T T T").split()]
    if not any(periodic):
        return None
    if not all(periodic):
        _fail(f"pbc={keys['pbc']!r}", "a box periodic in all three directions or none", path, at)
    try:
        values = np.array(keys["lattice"].split(), dtype=float)
    except ValueError:
        values = np.zeros(0)
    if values.size != 9:
        _fail(f"Lattice={keys['lattice']!r}", "nine numbers", path, at)
    return values.reshape(3, 3)


def _dump_head(
    lines: list[str], at: int, path: Path
) -> tuple[int, int, Array, Array, list[str], int]:
    """Return step, atoms, lattice, origin, columns, and the line of the first atom."""
    step, count, lattice, origin = 0, 0, np.zeros((0, 0)), np.zeros(3)
    while at < len(lines):
        words = lines[at].split()
        item = " ".join(words[1:]) if words[:1] == ["ITEM:"] else ""
        if item == "TIMESTEP":
            _need(lines, at, 2, path)
            step = int(_numbers(lines, at + 1, 1, (0,), path)[0, 0])
        elif item == "NUMBER OF ATOMS":
            _need(lines, at, 2, path)
            count = int(_numbers(lines, at + 1, 1, (0,), path)[0, 0])
        elif item.startswith("BOX BOUNDS"):
            _need(lines, at, 4, path)
            lattice, origin = _dump_box(lines, at, words[3:], path)
        elif words[:2] == ["ITEM:", "ATOMS"]:
            if count < 1 or not lattice.size:
                _fail("atoms without their number or box", "NUMBER OF ATOMS, BOX BOUNDS", path, at)
            return step, count, lattice, origin, words[2:], at + 1
        elif item.startswith(("UNITS", "TIME")):
            pass
        else:
            _fail(f"{lines[at][:60]!r}", "a line 'ITEM: …' of a LAMMPS dump", path, at)
        at += 4 if item.startswith("BOX BOUNDS") else 2
    _fail("the file ends before the atoms", "ITEM: ATOMS", path, len(lines) - 1)


def _dump_box(lines: list[str], at: int, words: list[str], path: Path) -> tuple[Array, Array]:
    flags = [word for word in words if re.fullmatch(r"[pfsm]{2}", word)]
    if flags and any(flag != "pp" for flag in flags):
        _fail(f"boundaries {' '.join(flags)}", "a box periodic in all directions (pp)", path, at)
    if words[:2] == ["abc", "origin"]:
        table = _numbers(lines, at + 1, 3, (0, 1, 2, 3), path)
        return table[:, :3].copy(), table[:, 3].copy()
    if "xy" not in words:
        low, high = _numbers(lines, at + 1, 3, (0, 1), path).T
        return np.diag(high - low), low
    low, high, tilt = _numbers(lines, at + 1, 3, (0, 1, 2), path).T
    xy, xz, yz = tilt
    low = low - [min(0.0, xy, xz, xy + xz), min(0.0, yz), 0.0]
    high = high - [max(0.0, xy, xz, xy + xz), max(0.0, yz), 0.0]
    a, b, c = high - low
    return np.array([[a, 0.0, 0.0], [xy, b, 0.0], [xz, yz, c]]), low


def _dump_frame(
    lines: list[str], at: int, count: int, columns: list[str], lattice: Array, origin: Array,
    elements: tuple[str, ...], path: Path, step: int,
) -> Frame:  # fmt: skip
    suffix = next(
        (end for end in ("u", "", "s", "su") if all(axis + end in columns for axis in "xyz")), None
    )
    if suffix is None:
        _fail(f"columns {' '.join(columns)}", "x y z, xu yu zu or xs ys zs", path, at - 1)
    place = [columns.index(axis + suffix) for axis in "xyz"]
    table = _numbers(lines, at, count, place, path)
    positions = origin + table @ lattice if suffix in ("s", "su") else table
    if "element" in columns:
        symbols = _words(lines, at, count, columns.index("element"), path)
    elif "type" in columns:
        types = _numbers(lines, at, count, (columns.index("type"),), path)[:, 0].astype(int)
        symbols = _of_types(types, elements, path)
    else:
        _fail(f"columns {' '.join(columns)}", "a column element or type", path, at - 1)
    if "id" in columns:
        order = np.argsort(_numbers(lines, at, count, (columns.index("id"),), path)[:, 0])
        positions, symbols = positions[order], symbols[order]
    return Frame(positions=positions, elements=symbols, lattice=lattice, name=path.stem,
                 source=str(path), step=step)  # fmt: skip


def _data_count(plain: list[str], path: Path) -> int:
    for at, line in enumerate(plain[:100]):
        words = line.split()
        if len(words) == 2 and words[1] == "atoms" and words[0].isdigit() and int(words[0]) > 0:
            return int(words[0])
        if words == ["Atoms"]:
            _fail("no number of atoms in the head", "a line such as '800 atoms'", path, at)
    _fail("no number of atoms in the head", "a line such as '800 atoms'", path, 0)


def _data_lattice(plain: list[str], path: Path) -> Array:
    found: dict[str, list[str]] = {}
    for line in plain[:100]:
        words = line.split()
        for name, count in (("xlo xhi", 2), ("ylo yhi", 2), ("zlo zhi", 2), ("xy xz yz", 3)):
            if " ".join(words[count:]) == name:
                found[name] = words[:count]
    try:
        edges = [
            float(found[name][1]) - float(found[name][0])
            for name in ("xlo xhi", "ylo yhi", "zlo zhi")
        ]
        xy, xz, yz = (float(word) for word in found.get("xy xz yz", ["0", "0", "0"]))
    except (KeyError, ValueError):
        _fail(f"the box is {found or 'missing'}", "lines xlo xhi, ylo yhi and zlo zhi", path, 0)
    return np.array([[edges[0], 0.0, 0.0], [xy, edges[1], 0.0], [xz, yz, edges[2]]])


def _data_elements(lines: list[str], plain: list[str], path: Path) -> tuple[str, ...]:
    """Return the elements of the types: a comment that names one, or else the mass."""
    at = next((i for i, line in enumerate(plain) if line == "Masses"), None)
    if at is None:
        _fail("the types have no masses", "a section Masses, or elements=('Na', …)", path, 0)
    names: dict[int, str] = {}
    for k in range(at + 2, len(plain)):
        words = plain[k].split()
        if len(words) != 2 or not words[0].isdigit():
            break
        comment = lines[k].partition("#")[2].split()
        mass = _numbers(plain, k, 1, (1,), path)[0, 0]
        names[int(words[0])] = (
            comment[0] if comment and is_element(comment[0]) else _by_mass(mass, path, k)
        )
    return tuple(names.get(k + 1, "") for k in range(max(names, default=0)))


def _by_mass(mass: float, path: Path, at: int) -> str:
    near = [name for name in _COMMON.split() if abs(atomic_mass(name) - mass) < 0.1]
    if len(near) != 1:
        _fail(
            f"a mass of {mass:g} is that of {near or 'no element'}", "elements=('Na', …)", path, at
        )
    return near[0]


def _of_types(types: NDArray[np.int64], names: tuple[str, ...], path: Path) -> NDArray[np.str_]:
    if types.min() < 1 or types.max() > len(names):
        raise UnreadableFile(
            f"types go from {types.min()} to {types.max()}, elements are given for {len(names)}",
            expected="elements=('Na', …), one for each type",
            source=path,
        )
    return np.asarray(np.array(names)[types - 1])


def _numbers(lines: list[str], at: int, count: int, columns: Sequence[int], path: Path) -> Array:
    """Return some columns of `count` lines from line `at`, shape (count, columns)."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            table = np.loadtxt(lines[at : at + count], usecols=columns, ndmin=2, comments=None)
    except (ValueError, UserWarning):
        _blame(lines, at, count, columns, path)
    if len(table) != count:
        _blame(lines, at, count, columns, path)
    return np.asarray(table, dtype=float)


def _blame(lines: list[str], at: int, count: int, columns: Sequence[int], path: Path) -> NoReturn:
    """Raise for the first line that cannot be read."""
    for k in range(at, at + count):
        words = lines[k].split()
        try:
            [float(words[column]) for column in columns]
        except (ValueError, IndexError):
            _fail(
                f"{lines[k][:60]!r}", f"numbers in the columns {[c + 1 for c in columns]}", path, k
            )
    _fail(f"{count} lines cannot be read", "numbers", path, at)


def _words(lines: list[str], at: int, count: int, column: int, path: Path) -> NDArray[np.str_]:
    try:
        return np.array([line.split(None, column + 1)[column] for line in lines[at : at + count]])
    except IndexError:
        _fail("a line without a symbol", f"a symbol in column {column + 1}", path, at)


def _need(lines: list[str], at: int, count: int, path: Path) -> None:
    if at + count > len(lines):
        _fail(
            f"the file ends {at + count - len(lines)} lines before the end of the frame",
            "a file that was written to its end",
            path,
            len(lines) - 1,
        )


def _fail(found: str, expected: str, path: Path, at: int) -> NoReturn:
    raise UnreadableFile(found, expected=expected, source=path, line=at + 1)
