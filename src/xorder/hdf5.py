"""Groups, arrays, texts, tables and records by HDF5's own calls.

h5py's friendlier ones take three times as long for a number or a text.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

__all__ = [
    "as_text",
    "create_array",
    "create_group",
    "create_record",
    "create_table",
    "create_text",
    "link",
    "mark",
]


def as_text(value: Any) -> str:
    """Return `value` as HDF5 can hold it: its texts end at the first NUL."""
    return str(value).replace("\0", "\N{SYMBOL FOR NULL}")


def create_group(group: Any, name: str) -> Any:
    """Create a group that keeps its members in order."""
    import h5py

    made = h5py.h5g.create(group.id, name.encode(), lcpl=_named_in_utf8(), gcpl=_in_order())
    return h5py.Group(made)


def create_array(group: Any, name: str, array: Any) -> Any:
    """Create a dataset of numbers."""
    if not (array.size and array.dtype.kind in "biufc"):
        return group.create_dataset(name, data=array)
    return _create(group, name, np.require(array, requirements="C"), _kind(array.dtype))


def create_text(group: Any, name: str, value: Any) -> Any:
    """Create a dataset of one text."""
    array = np.array(_encoded(value))
    return _create(group, name, array, _kind(array.dtype))


def create_table(group: Any, name: str, columns: Sequence[str], rows: Sequence[Any]) -> Any:
    """Create a table of at least one row, whose columns are numbers or texts."""
    cells = [
        [_encoded(item) for item in column] if isinstance(column[0], str) else column
        for column in zip(*rows, strict=True)
    ]
    kinds = [(n, np.array(c).dtype) for n, c in zip(columns, cells, strict=True)]
    table = np.array(list(zip(*cells, strict=True)), dtype=kinds)
    return _create(group, name, table, _kind(table.dtype))


def create_record(group: Any, name: str, values: Mapping[str, Any]) -> Any:
    """Create one record; its members are numbers, texts, rows of either and records."""
    kind, row = _record(values)
    record = np.array(row, dtype=kind)
    return _create(group, name, record, _kind(record.dtype))


def link(group: Any, name: str, written: Any) -> None:
    """Give what is written another place in the file."""
    from h5py import h5o

    place = written.id if hasattr(written, "attrs") else written
    h5o.link(place, group.id, name.encode(), lcpl=_named_in_utf8())


def mark(written: Any, **attributes: Any) -> None:
    """Give a group or dataset its attributes."""
    import h5py

    place = written.id if hasattr(written, "attrs") else written
    for name, value in attributes.items():
        of_text = isinstance(value, str) or (isinstance(value, list) and value)
        array = np.array(value, dtype=object if of_text else None)
        if of_text or array.dtype.kind in "biufc":
            on_disk, in_memory = _attribute_kinds(array.dtype)
            made = h5py.h5a.create(place, name.encode(), on_disk, _shape(array.shape))
            made.write(array, mtype=in_memory)
        else:
            h5py.AttributeManager(h5py.Dataset(place))[name] = value


def _create(group: Any, name: str, array: Any, kind: Any) -> Any:
    import h5py

    if name.isascii():
        made = h5py.h5d.create(group.id, name.encode(), kind, _shape(array.shape))
    else:
        made = h5py.h5d.create(group.id, None, kind, _shape(array.shape))
        link(group, name, made)
    made.write(h5py.h5s.ALL, h5py.h5s.ALL, array, kind)
    return made


def _encoded(value: Any) -> bytes:
    return as_text(value).encode(errors="surrogateescape")


def _record(values: Mapping[str, Any]) -> tuple[list[Any], tuple[Any, ...]]:
    """Return the members' names and types, and their values."""
    kinds: list[Any] = []
    row: list[Any] = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            kind, item = _record(value)
            kinds.append((name, kind))
            row.append(item)
            continue
        if isinstance(value, str):
            value = _encoded(value)
        elif isinstance(value, (tuple, list)) and isinstance(value[0], str):
            value = [_encoded(text) for text in value]
        array = np.array(value)
        kinds.append((name, array.dtype, array.shape))
        row.append(array)
    return kinds, tuple(row)


@functools.cache
def _named_in_utf8() -> Any:
    from h5py import h5p, h5t

    made = h5p.create(h5p.LINK_CREATE)
    made.set_char_encoding(h5t.CSET_UTF8)
    return made


@functools.lru_cache(maxsize=256)
def _shape(shape: tuple[int, ...]) -> Any:
    from h5py import h5s

    return h5s.create_simple(shape)


@functools.cache
def _in_order() -> Any:
    from h5py import h5p

    made = h5p.create(h5p.GROUP_CREATE)
    made.set_link_creation_order(h5p.CRT_ORDER_TRACKED | h5p.CRT_ORDER_INDEXED)
    return made


@functools.lru_cache(maxsize=512)
def _kind(dtype: np.dtype[Any]) -> Any:
    """Return HDF5's type of numbers, of texts encoded as UTF-8, or of records of them."""
    from h5py import h5t

    return h5t.py_create(_as_utf8(dtype), logical=True)


def _as_utf8(dtype: np.dtype[Any]) -> np.dtype[Any]:
    from h5py import string_dtype

    if dtype.names is not None:
        members = [(name, _as_utf8(dtype[name])) for name in dtype.names]
        return np.dtype(members)
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        return np.dtype((_as_utf8(base), shape))
    if dtype.kind == "S":
        own: np.dtype[Any] = string_dtype("utf-8", max(1, dtype.itemsize))
        return own
    return dtype


@functools.lru_cache(maxsize=64)
def _attribute_kinds(dtype: np.dtype[Any]) -> tuple[Any, Any]:
    """Return the types on disk and in memory of numbers, or of texts as Python objects."""
    from h5py import h5t, string_dtype

    own = string_dtype() if dtype.kind == "O" else dtype
    return h5t.py_create(own, logical=True), h5t.py_create(own)
