"""Results on disk: HDF5 in NeXus terms, written whole or not at all.

A result becomes an NXdata group: arrays with units and their axes, so that viewers draw it unasked;
nested results become groups in it; numbers and texts without a unit are one record, ``scalars``;
how it was made stands in an NXprocess group inside. What Python object a group or list was stands
in its attribute ``python``, from which `xorder.stored` gives it back. One object in memory is one
in the file, linked wherever it stands.
"""

from __future__ import annotations

import io
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from xorder._version import __version__
from xorder.errors import CannotWrite
from xorder.hdf5 import (
    as_text,
    create_array,
    create_group,
    create_record,
    create_table,
    create_text,
    link,
    mark,
)
from xorder.nexus import link_definitions

__all__ = ["atomic_path", "check_folder", "file_stem", "write_results", "write_text"]

#: Arrays longer than this are compressed where they hold whole numbers: counts become a fraction of
#: their size, the noise of other numbers does not.
SMALL = 512

#: The member of a result's group that holds its plain numbers and texts.
RECORD = "scalars"

#: Whole numbers from here on are none of HDF5's.
LARGEST_WHOLE = 2**63

#: Columns of the tables of fit parameters and of numbers.
PARAMETER_COLUMNS = (
    "name", "value", "error", "vary", "min", "max", "expression", "initial", "units",
)  # fmt: skip
NUMBER_COLUMNS = ("name", "value", "error", "units", "note")


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` that takes its place when the block ends well.

    Raises
    ------
    CannotWrite
        Where the folder or the disk refuses; nothing is left behind then.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=".part")
        os.close(handle)
    except OSError as error:
        raise _cannot_write(path, error) from error
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        # mkstemp makes files only their owner can read; results are for the group, as umask says.
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def file_stem(text: str) -> str:
    """Return `text` as part of a file name: letters, digits and ``_ . + -``."""
    return re.sub(r"[^\w.+-]+", "_", text).strip("_.")


def check_folder(folder: Path) -> None:
    """Make an output folder, or say now that nothing can be written there.

    Raises
    ------
    CannotWrite
        Where it cannot be made or may not be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotWrite(
            f"cannot make the folder: {error.strerror}",
            expected="a path that is free or a folder",
            source=folder,
        ) from error
    if not os.access(folder, os.W_OK):
        raise CannotWrite(
            "no permission to write here", expected="another folder, by --out", source=folder
        )


def write_text(path: Path, text: str) -> Path:
    """Write a text file whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path


def write_results(
    path: Path, results: Mapping[str, Any], *, attributes: Mapping[str, Any] | None = None
) -> Path:
    """Write named results to one HDF5 file.

    Parameters
    ----------
    path
        File to write; an existing one is replaced when all is written.
    results
        Results by the name of their group.
    attributes
        Facts about the entry: title, sample, composition, "simulated".

    Raises
    ------
    CannotWrite
        Where the folder or the disk refuses.
    """
    import h5py

    # In memory first: a full disk is then one clear error, not HDF5's while it closes the file.
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", track_order=True) as file:
        mark(file, NX_class="NXroot", default="entry", creator=f"xorder {__version__}")
        entry = create_group(file, "entry")
        mark(entry, NX_class="NXentry")
        if results:
            mark(entry, default=next(iter(results)))
        tree = _Tree()
        for name, value in (attributes or {}).items():
            tree.write(entry, name, value)
        for name, result in results.items():
            tree.write(entry, name, result)
        if results:
            mark(entry, results=list(results))
        link_definitions(entry, results, str((attributes or {}).get("title", path.stem)))
    with atomic_path(path) as temporary:
        temporary.write_bytes(buffer.getbuffer())
    return path


class _Tree:
    """What is written to one file: one object in memory is one in the file."""

    def __init__(self) -> None:
        self._places: dict[tuple[int, str, str], Any] = {}

    def write(
        self, group: Any, name: str, value: Any, metadata: Mapping[str, Any] = MappingProxyType({})
    ) -> None:
        """Write a value with its unit and symbol as a member of a group."""
        unit, symbol = metadata.get("unit", ""), metadata.get("symbol", "")
        place = (id(value), unit, symbol)
        if place in self._places:
            link(group, name, self._places[place])
            return
        written = self._write(group, name, value)
        if unit:
            mark(written, units=unit)
        if isinstance(value, np.ndarray):
            # What viewers write on an axis.
            if symbol:
                mark(written, long_name=symbol)
            self._places[place] = written
        elif _is_instance(value):
            self._places[place] = written

    def _write(self, group: Any, name: str, value: Any) -> Any:
        for matches, write in _LEAVES:
            if matches(value):
                return write(group, name, value)
        if isinstance(value, Mapping):
            return self._write_mapping(group, name, value)
        if _is_instance(value):
            return self._write_dataclass(group, name, value)
        if isinstance(value, (tuple, list)):
            return self._write_sequence(group, name, value)
        written = create_text(group, name, json.dumps(value, default=str))
        mark(written, python="repr")
        return written

    def _write_dataclass(self, group: Any, name: str, value: Any) -> Any:
        own = create_group(group, name)
        plain: dict[str, Any] = {}
        kinds: dict[str, Any] = {}
        members: set[str] = set()
        for f in fields(value):
            item = getattr(value, f.name)
            if f.name == "provenance":
                _write_provenance(own, item)
            elif f.metadata.get("unit") or not _add_plain(plain, kinds, f.name, item):
                self.write(own, f.name, item, f.metadata)
                members.add(f.name)
        if plain:
            create_record(own, RECORD, plain)
        if kinds:
            mark(own, kinds=json.dumps(kinds))
        plot = _default_plot(own, value, members)
        nx_class = "NXdata" if "signal" in plot else "NXcollection"
        mark(own, NX_class=nx_class, python=_class_name(value), **plot)
        return own

    def _write_mapping(self, group: Any, name: str, mapping: Mapping[str, Any]) -> Any:
        own = _create_collection(group, name, "dict")
        for key, item in mapping.items():
            path = _link_name(own, str(key))
            self.write(own, path, item)
            if path != key:
                own[path].attrs["key"] = str(key)
        return own

    def _write_sequence(self, group: Any, name: str, items: Any) -> Any:
        own = _create_collection(group, name, type(items).__name__)
        for index, item in enumerate(items):
            self.write(own, f"{index:03d}", item)
        return own


def _create_collection(group: Any, name: str, python: str) -> Any:
    own = create_group(group, name)
    mark(own, NX_class="NXcollection", python=python)
    return own


def _class_name(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


def _default_plot(group: Any, value: Any, members: set[str]) -> dict[str, Any]:
    """Return the attributes that name the first array along another field as what to draw."""
    for f in fields(value):
        axes = f.metadata.get("dims", ())
        if axes and f.name not in axes and members.issuperset((*axes, f.name)):
            return {"signal": f.name, "axes": list(axes)}
    for f in fields(value):
        nested = is_dataclass(getattr(value, f.name)) and f.name in members
        if nested and "signal" in group[f.name].attrs:
            return {"default": f.name}
    return {}


def _add_plain(values: dict[str, Any], kinds: dict[str, Any], name: str, item: Any) -> bool:
    """Add a plain item to the members of a record and to what they were in Python.

    Returns whether it is plain: a number, a text, a row of either, nothing, or a dataclass of such
    without units. What has a unit stays a dataset, where any reader of NeXus finds it.
    """
    if item is None or (type(item) in (tuple, list) and not item):
        kinds[name] = repr(item)
    elif isinstance(item, Path):
        values[name], kinds[name] = str(item), "Path"
    elif isinstance(item, np.generic) and item.dtype.kind in "biuf":
        values[name], kinds[name] = item, "numpy"
    elif type(item) in (str, bool, int, float):
        if isinstance(item, int) and abs(item) >= LARGEST_WHOLE:
            return False
        values[name] = item
    elif _is_plain_sequence(item) and len(item) <= SMALL:
        if isinstance(item[0], int) and max(map(abs, item)) >= LARGEST_WHOLE:
            return False
        values[name], kinds[name] = item, type(item).__name__
    elif _is_instance(item) and getattr(item, "provenance", None) is None:
        within: dict[str, Any] = {}
        own: dict[str, Any] = {"": _class_name(item)}
        for f in fields(item):
            if f.metadata.get("unit") or not _add_plain(within, own, f.name, getattr(item, f.name)):
                return False
        kinds[name] = own
        if within:
            values[name] = within
    else:
        return False
    return True


def _write_provenance(group: Any, provenance: Any) -> None:
    if provenance is None:
        return
    process = create_group(group, "process")
    mark(process, NX_class="NXprocess")
    create_text(process, "program", "xorder")
    create_text(process, "version", provenance.version)
    create_text(process, "date", provenance.time)
    create_text(process, "function", provenance.function)
    # Plain texts and numbers all, they stand as JSON, exactly.
    create_text(process, "parameters", json.dumps(dict(provenance.parameters), ensure_ascii=False))


def _write_parameters(group: Any, name: str, parameters: Any) -> Any:
    """Write fit parameters as a table, in lmfit's words."""
    rows = [
        (
            p.name, p.value, p.stderr, p.vary, p.min, p.max, p.expr, p.init_value, p.unit
        )
        for p in parameters.values()
    ]  # fmt: skip
    if not rows:
        return _create_collection(group, name, "Parameters")
    written = create_table(group, name, PARAMETER_COLUMNS, rows)
    mark(written, python="Parameters")
    return written


def _write_numbers(group: Any, name: str, numbers: Any) -> Any:
    rows = [(n.name, n.value, n.stderr, n.unit, n.note) for n in numbers]
    written = create_table(group, name, NUMBER_COLUMNS, rows)
    mark(written, python="Numbers")
    return written


def _link_name(group: Any, name: str) -> str:
    """Return `name` as the name of a member: without the separator of paths, and not there yet."""
    free = name.replace("/", "_").strip(".") or "_"
    while free in group:
        free += "_"
    return free


def _write_array(group: Any, name: str, array: Any) -> Any:
    if array.dtype.kind in "US":
        return _write_strings(group, name, array.tolist())
    if array.ndim == 0:
        return _write_numpy_scalar(group, name, array[()])
    if array.size > SMALL and _is_whole(array):
        return group.create_dataset(name, data=array, compression="gzip", shuffle=True)
    return create_array(group, name, array)


def _is_whole(array: Any) -> bool:
    """Return whether an array holds whole numbers only, whatever their type."""
    if array.dtype.kind != "f":
        return True
    first = array.reshape(-1)[:SMALL] if array.flags.c_contiguous else array
    return bool(np.array_equal(first, np.rint(first))) and bool(
        np.array_equal(array, np.rint(array))
    )


def _write_strings(group: Any, name: str, items: Any) -> Any:
    import h5py

    return group.create_dataset(
        name, data=[as_text(item) for item in items], dtype=h5py.string_dtype(), shape=len(items)
    )


def _write_plain_items(group: Any, name: str, items: Any) -> Any:
    """Write a tuple or list whose items are all texts, or all numbers of one type."""
    texts = isinstance(items[0], str)
    write = _write_strings if texts else _write_array
    written = write(group, name, items if texts else np.array(items))
    mark(written, python=type(items).__name__)
    return written


def _write_scalar(group: Any, name: str, value: Any) -> Any:
    return create_array(group, name, np.asarray(value))


def _write_numpy_scalar(group: Any, name: str, value: Any) -> Any:
    written = _write_scalar(group, name, value)
    mark(written, python="numpy")
    return written


def _write_path(group: Any, name: str, value: Path) -> Any:
    written = create_text(group, name, value)
    mark(written, python="Path")
    return written


def _write_nothing(group: Any, name: str, _value: Any) -> Any:
    import h5py

    return group.create_dataset(name, data=h5py.Empty("f8"))


def _is_plain_sequence(value: Any) -> bool:
    return (
        type(value) in (tuple, list)
        and bool(value)
        and type(value[0]) in (str, bool, int, float)
        and all(type(item) is type(value[0]) for item in value)
    )


def _is_numbers(value: Any) -> bool:
    return (
        isinstance(value, tuple)
        and bool(value)
        and all(hasattr(v, "stderr") and hasattr(v, "note") for v in value)
    )


def _is_instance(value: Any) -> bool:
    return is_dataclass(value) and not isinstance(value, type)


#: What holds nothing but itself is written how: the first that matches.
_LEAVES: tuple[tuple[Callable[[Any], bool], Callable[[Any, str, Any], Any]], ...] = (
    (lambda value: value is None, _write_nothing),
    (lambda value: isinstance(value, np.ndarray), _write_array),
    (lambda value: isinstance(value, str), create_text),
    (lambda value: isinstance(value, np.generic), _write_numpy_scalar),
    (lambda value: isinstance(value, (bool, int, float, complex)), _write_scalar),
    (lambda value: isinstance(value, Path), _write_path),
    (lambda value: hasattr(value, "valuesdict"), _write_parameters),
    (_is_numbers, _write_numbers),
    (_is_plain_sequence, _write_plain_items),
)


def _cannot_write(path: Path, error: OSError) -> CannotWrite:
    return CannotWrite(
        f"cannot write: {error.strerror or error}",
        expected="a folder with write permission and space",
        source=path,
    )


def _umask() -> int:
    # The only way to read the mask is to set it.
    mask = os.umask(0)
    os.umask(mask)
    return mask
