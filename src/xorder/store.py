"""Results on disk: HDF5 in NeXus terms, written whole or not at all.

A result becomes an NXdata group: arrays with units and their axes, so that viewers draw it unasked;
nested results become groups in it; how it was made stands in an NXprocess group inside. What Python
object a group or list was stands in its attribute ``python``, from which `xorder.stored` gives it
back.
"""

from __future__ import annotations

import functools
import io
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xorder._version import __version__
from xorder.errors import CannotWrite

__all__ = ["atomic_path", "check_folder", "file_stem", "write_results", "write_text"]

#: Arrays longer than this are compressed where they hold whole numbers: counts become a fraction of
#: their size, the noise of other numbers does not.
SMALL = 512


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
        file.attrs.update(NX_class="NXroot", default="entry", creator=f"xorder {__version__}")
        entry = file.create_group("entry", track_order=True)
        entry.attrs["NX_class"] = "NXentry"
        if results:
            entry.attrs["default"] = next(iter(results))
        for name, value in (attributes or {}).items():
            _write(entry, name, value, {})
        for name, result in results.items():
            _write(entry, name, result, {})
            entry[name].attrs["result"] = True
    with atomic_path(path) as temporary:
        temporary.write_bytes(buffer.getvalue())
    return path


def _write(group: Any, name: str, value: Any, metadata: Mapping[str, Any]) -> None:
    for matches, write in _WRITERS:
        if matches(value):
            written = write(group, name, value)
            if metadata.get("unit"):
                _mark(written, units=metadata["unit"])
            if metadata.get("symbol"):
                _mark(written, long_name=metadata["symbol"])
            return
    _mark(_write_text(group, name, json.dumps(value, default=str)), python="repr")


def _write_dataclass(group: Any, name: str, value: Any) -> Any:
    own = _create_group(group, name, f"{type(value).__module__}.{type(value).__qualname__}")
    for f in fields(value):
        item = getattr(value, f.name)
        if f.name == "provenance":
            _write_provenance(own, item)
        else:
            _write(own, f.name, item, f.metadata)
    _set_default_plot(own, value)
    return own


def _create_group(group: Any, name: str, python: str, nx_class: str = "NXcollection") -> Any:
    own = group.create_group(name, track_order=True)
    _mark(own, NX_class=nx_class, python=python)
    return own


def _set_default_plot(group: Any, value: Any) -> None:
    """Make the first array that runs along another field the group's NeXus signal."""
    for f in fields(value):
        axes = f.metadata.get("dims", ())
        if axes and f.name not in axes and all(name in group for name in (*axes, f.name)):
            group.attrs.update(NX_class="NXdata", signal=f.name)
            group.attrs["axes"] = list(axes)
            return
    for f in fields(value):
        nested = is_dataclass(getattr(value, f.name)) and f.name in group
        if nested and "signal" in group[f.name].attrs:
            group.attrs["default"] = f.name
            return


def _write_provenance(group: Any, provenance: Any) -> None:
    if provenance is None:
        return
    process = group.create_group("process", track_order=True)
    _mark(process, NX_class="NXprocess")
    _write_text(process, "program", "xorder")
    _write_text(process, "version", provenance.version)
    _write_text(process, "date", provenance.time)
    _write_text(process, "function", provenance.function)
    # Half of a file's objects would be these, as groups: plain texts and numbers all, they stand as
    # JSON, exactly.
    _write_text(process, "parameters", json.dumps(dict(provenance.parameters), ensure_ascii=False))


def _write_parameters(group: Any, name: str, parameters: Any) -> Any:
    """Write fit parameters as NXparameters, whose attributes are lmfit's words."""
    own = _create_group(group, name, "Parameters", "NXparameters")
    for p in parameters.values():
        written = _write_scalar(own, p.name, p.value)
        _mark(
            written, vary=p.vary, min=p.min, max=p.max, expression=p.expr,
            initial=p.init_value, error=p.stderr, units=p.unit,
        )  # fmt: skip
    return own


def _write_mapping(group: Any, name: str, mapping: Mapping[str, Any]) -> Any:
    own = _create_group(group, name, "dict")
    for key, item in mapping.items():
        path = _link_name(own, str(key))
        _write(own, path, item, {})
        if path != key:
            own[path].attrs["key"] = str(key)
    return own


def _write_sequence(group: Any, name: str, items: Any) -> Any:
    own = _create_group(group, name, type(items).__name__)
    for index, item in enumerate(items):
        _write(own, f"{index:03d}", item, {})
    return own


def _write_numbers(group: Any, name: str, numbers: Any) -> Any:
    """Write numbers as one table: a dataset for each would take most of a file's time."""
    import h5py

    text = h5py.string_dtype()
    kind = np.dtype(
        [("name", text), ("value", "f8"), ("error", "f8"), ("units", text), ("note", text)]
    )
    rows = [(_text(n.name), n.value, n.stderr, _text(n.unit), _text(n.note)) for n in numbers]
    written = group.create_dataset(name, data=np.array(rows, dtype=kind))
    written.attrs["python"] = "Numbers"
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
    return _create(group, name, array)


def _is_whole(array: Any) -> bool:
    """Return whether an array holds whole numbers only, whatever their type."""
    if array.dtype.kind != "f":
        return True
    return bool(np.array_equal(array[..., :SMALL], np.rint(array[..., :SMALL]))) and bool(
        np.array_equal(array, np.rint(array))
    )


def _write_strings(group: Any, name: str, items: Any) -> Any:
    import h5py

    return group.create_dataset(
        name, data=[_text(item) for item in items], dtype=h5py.string_dtype(), shape=len(items)
    )


def _write_plain_items(group: Any, name: str, items: Any) -> Any:
    """Write a tuple or list whose items are all texts, or all numbers of one type."""
    texts = isinstance(items[0], str)
    write = _write_strings if texts else _write_array
    written = write(group, name, items if texts else np.array(items))
    _mark(written, python=type(items).__name__)
    return written


def _write_scalar(group: Any, name: str, value: Any) -> Any:
    return _create(group, name, np.asarray(value))


def _write_numpy_scalar(group: Any, name: str, value: Any) -> Any:
    written = _write_scalar(group, name, value)
    _mark(written, python="numpy")
    return written


def _write_text(group: Any, name: str, value: Any) -> Any:
    return _create(group, name, np.array(_text(value), dtype=object))


def _create(group: Any, name: str, array: Any) -> Any:
    """Create a dataset by HDF5's own calls: h5py's take three times as long for a number or text.

    What these do not do, names beyond ASCII and arrays of other kinds, is left to h5py.
    """
    is_text = array.dtype.kind == "O" and array.ndim == 0
    if not (name.isascii() and array.size and (is_text or array.dtype.kind in "biufc")):
        return group.create_dataset(name, data=array)
    from h5py import h5d, h5s

    on_disk, in_memory = _kinds(array.dtype)
    written = h5d.create(group.id, name.encode(), on_disk, h5s.create_simple(array.shape))
    written.write(h5s.ALL, h5s.ALL, np.require(array, requirements="C"), in_memory)
    return written


def _mark(written: Any, **attributes: Any) -> None:
    """Give a group or dataset its attributes, as `_create` creates."""
    from h5py import AttributeManager, Dataset, h5a, h5s

    place = written.id if hasattr(written, "attrs") else written
    for name, value in attributes.items():
        text = isinstance(value, str)
        array = np.array(value, dtype=object if text else None)
        if text or array.dtype.kind in "biufc":
            on_disk, in_memory = _kinds(array.dtype)
            made = h5a.create(place, name.encode(), on_disk, h5s.create_simple(array.shape))
            made.write(array, mtype=in_memory)
        else:
            AttributeManager(Dataset(place))[name] = value


@functools.lru_cache(maxsize=64)
def _kinds(dtype: np.dtype[Any]) -> tuple[Any, Any]:
    """Return the types on disk and in memory of numbers, or of texts as Python objects."""
    from h5py import h5t, string_dtype

    own = string_dtype() if dtype.kind == "O" else dtype
    return h5t.py_create(own, logical=True), h5t.py_create(own)


def _text(value: Any) -> str:
    """Return `value` as HDF5 can hold it: its texts end at the first NUL."""
    return str(value).replace("\0", "\N{SYMBOL FOR NULL}")


def _write_path(group: Any, name: str, value: Path) -> Any:
    written = _write_text(group, name, value)
    _mark(written, python="Path")
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


#: What is written how: the first that matches.
_WRITERS: tuple[tuple[Callable[[Any], bool], Callable[[Any, str, Any], Any]], ...] = (
    (lambda value: value is None, _write_nothing),
    (lambda value: isinstance(value, np.ndarray), _write_array),
    (lambda value: isinstance(value, str), _write_text),
    (lambda value: isinstance(value, np.generic), _write_numpy_scalar),
    (lambda value: isinstance(value, (bool, int, float, complex)), _write_scalar),
    (lambda value: isinstance(value, Path), _write_path),
    (lambda value: hasattr(value, "valuesdict"), _write_parameters),
    (lambda value: isinstance(value, Mapping), _write_mapping),
    (_is_numbers, _write_numbers),
    (_is_instance, _write_dataclass),
    (_is_plain_sequence, _write_plain_items),
    (lambda value: isinstance(value, (tuple, list)), _write_sequence),
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
