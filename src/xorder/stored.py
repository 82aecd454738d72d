"""Results read back: what `xorder.store` wrote, as the objects it was given.

Only classes of Xorder are made anew, from their fields and without running any code of the file.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from xorder.errors import MissingFile, UnreadableFile
from xorder.parameters import Parameter, Parameters
from xorder.results import Number, Provenance
from xorder.store import RECORD

__all__ = ["read_results"]


def read_results(path: str | Path) -> dict[str, Any]:
    """Read the results of a file that `write_results` or `Result.save` wrote.

    Parameters
    ----------
    path
        An HDF5 file of Xorder.

    Returns
    -------
    :
        The results by the name of their group, equal bit for bit to those that were written.

    Raises
    ------
    MissingFile
        Where there is no such file.
    UnreadableFile
        Where it is not an HDF5 file, or not one of Xorder, or was written by a version whose
        results had other fields.
    """
    path = Path(path)
    with _opened(path) as file:
        entry = file["entry"]
        try:
            return {name: _read(entry[name]) for name in entry.attrs.get("results", ())}
        except (KeyError, ValueError, TypeError, AttributeError, ImportError) as error:
            raise UnreadableFile(
                f"the results cannot be built: {error}",
                expected="a file written by this version of Xorder; its arrays can still be read "
                "with h5py",
                source=path,
            ) from error


def _opened(path: Path) -> Any:
    import h5py

    if not path.is_file():
        raise MissingFile("no such file", expected="an HDF5 file of Xorder", source=path)
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise UnreadableFile(
            "not an HDF5 file, or a damaged one", expected="an HDF5 file of Xorder", source=path
        ) from error
    if "entry" not in file or "xorder" not in str(file.attrs.get("creator", "")):
        file.close()
        raise UnreadableFile(
            "an HDF5 file that Xorder did not write", expected="a file of Xorder", source=path
        )
    return file


def _read(node: Any) -> Any:
    python = node.attrs.get("python", "")
    if hasattr(node, "keys"):
        return _GROUPS.get(python, _read_dataclass)(node)
    if node.shape is None:
        return None
    if node.dtype.names is not None:
        return _TABLES[python](node)
    if node.dtype.kind in "OS":
        return _read_strings(node, python)
    value = node[()]
    if python in ("tuple", "list"):
        return _SEQUENCES[python](value.tolist())
    return value if node.shape or python == "numpy" else value.item()


def _read_strings(node: Any, python: str) -> Any:
    if not node.shape:
        text = node.asstr(errors="surrogateescape")[()]
        return Path(text) if python == "Path" else text
    texts = node.asstr()[()].tolist()
    return _SEQUENCES[python](texts) if python else np.array(texts, dtype=np.str_)


_SEQUENCES: dict[str, Any] = {"tuple": tuple, "list": list}


def _read_mapping(node: Any) -> dict[str, Any]:
    return {str(node[name].attrs.get("key", name)): _read(node[name]) for name in node}


def _read_numbers(node: Any) -> tuple[Number, ...]:
    return tuple(
        Number(name=_text(name), value=value, stderr=error, unit=_text(units), note=_text(note))
        for name, value, error, units, note in node[()].tolist()
    )


def _read_parameters(node: Any) -> Parameters:
    # A fit that failed has parameters without a value, which no fit may start from: the check of
    # starts is not for them.
    parameters = Parameters()
    for name, value, error, vary, low, high, expression, initial, units in node[()].tolist():
        parameters._by_name[_text(name)] = Parameter(
            name=_text(name),
            value=value,
            vary=vary,
            min=low,
            max=high,
            expr=_text(expression),
            stderr=error,
            init_value=initial,
            unit=_text(units),
        )
    return parameters


def _text(encoded: bytes) -> str:
    return encoded.decode(errors="surrogateescape")


def _read_dataclass(node: Any) -> Any:
    kinds = json.loads(node.attrs.get("kinds", "{}"))
    record = node[RECORD][()] if RECORD in node else None
    plain = _read_record(record, kinds)

    def read(name: str) -> Any:
        return plain[name] if name in plain else _read(node[name])

    present = {*plain, *node}
    return _made(_class(str(node.attrs["python"])), read, present, _read_provenance(node))


def _made(kind: Any, read: Callable[[str], Any], present: set[str], provenance: Any) -> Any:
    """Return a dataclass of these fields, without its own code being run."""
    made = object.__new__(kind)
    for f in fields(kind):
        if f.name == "provenance":
            value = provenance
        elif f.name in present:
            value = read(f.name)
        elif f.default is not MISSING:
            value = f.default
        else:
            raise KeyError(f"{kind.__name__} has no {f.name}")
        object.__setattr__(made, f.name, value)
    return made


def _read_record(record: Any, kinds: dict[str, Any]) -> dict[str, Any]:
    """Return the members of a record as what they were."""
    found: dict[str, Any] = {}
    names = () if record is None else record.dtype.names
    for name in (*names, *(name for name in kinds if name and name not in names)):
        kind = kinds.get(name, "")
        item = record[name] if name in names else None
        if isinstance(kind, dict):
            within = _read_record(item, kind)
            found[name] = _made(_class(kind[""]), within.__getitem__, set(within), None)
        elif kind in _NOTHING:
            found[name] = _NOTHING[kind]()
        elif kind == "numpy":
            found[name] = item
        else:
            found[name] = _plain(item, kind)
    return found


def _plain(item: Any, kind: str) -> Any:
    value = item.tolist()
    if kind in _SEQUENCES:
        return _SEQUENCES[kind](_text(v) if isinstance(v, bytes) else v for v in value)
    text = _text(value) if isinstance(value, bytes) else value
    return Path(text) if kind == "Path" else text


#: What stands as nothing but its name.
_NOTHING: dict[str, Callable[[], Any]] = {"None": lambda: None, "()": tuple, "[]": list}


def _read_provenance(node: Any) -> Provenance | None:
    if "process" not in node:
        return None
    process = node["process"]
    return Provenance(
        function=_read(process["function"]),
        parameters=json.loads(_read(process["parameters"])),
        version=_read(process["version"]),
        time=_read(process["date"]),
    )


@functools.lru_cache(maxsize=512)
def _class(name: str) -> Any:
    """Return a dataclass of Xorder by its dotted name."""
    module, _, own = name.rpartition(".")
    if not module.startswith("xorder."):
        raise ValueError(f"{name!r} is not a class of Xorder")
    kind = getattr(import_module(module), own)
    if not (isinstance(kind, type) and is_dataclass(kind)):
        raise ValueError(f"{name!r} is not a class of results")
    return kind


_TABLES: dict[str, Callable[[Any], Any]] = {
    "Numbers": _read_numbers,
    "Parameters": _read_parameters,
}
_GROUPS: dict[str, Any] = {
    "dict": _read_mapping,
    "Parameters": lambda _node: Parameters(),
    "tuple": lambda node: tuple(_read(item) for item in node.values()),
    "list": lambda node: [_read(item) for item in node.values()],
}
