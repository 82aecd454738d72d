"""Pickled dictionaries of numbers and texts, read without running anything that is in them.

A pickle names classes and functions that the reader is to call. Here it may name a few only, and
gets instead of them classes made for this one reading, which keep what they are given and do
nothing. Any other name is an error before anything of it is looked up.
"""

from __future__ import annotations

import io
import pickle
import struct
from collections.abc import Mapping
from typing import Any

__all__ = ["Unreadable", "attributes", "plain_from_pickle"]

#: Classes that programs put into their projects: kept as bags of attributes.
_BAGS = {"Parameter", "Constraint"}
#: What NumPy's numbers and arrays name.
_NUMPY = {"scalar", "dtype", "ndarray", "_reconstruct", "_frombuffer"}
#: How older Pythons rebuild plain objects.
_REBUILD = {("copy_reg", "_reconstructor"), ("copyreg", "_reconstructor")}
_OBJECT = {("__builtin__", "object"), ("builtins", "object")}


class Unreadable(ValueError):
    """The pickle is damaged, or names what it must not."""


def plain_from_pickle(data: bytes) -> Any:
    """Return what a pickle holds; objects in it are read by `attributes`.

    Raises
    ------
    Unreadable
        Where it is damaged or wants anything but numbers, texts, lists, dictionaries and the few
        classes known here.
    """
    try:
        return _Reader(data).load()
    except Unreadable:
        raise
    except Exception as error:
        # A damaged pickle can fail in any way; none of them is ours.
        raise Unreadable(f"damaged ({type(error).__name__})") from error


def attributes(value: Any) -> Mapping[str, Any]:
    """Return the attributes of an object that was in a pickle; empty for anything else."""
    found = getattr(value, "kept", {})
    return found if isinstance(found, Mapping) else {}


class _Reader(pickle.Unpickler):
    """An unpickler that knows no names but its own."""

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data), encoding="latin-1")
        # New for each reading: what a pickle does to a class ends with it.
        self._bag = type("Bag", (_Bag,), {})
        self._number = type("Number", (_Number,), {})

    def find_class(self, module: str, name: str) -> Any:
        if name in _BAGS and module.split(".")[-1] == name.lower():
            return self._bag
        if module.split(".")[0] == "numpy" and name in _NUMPY:
            return self._number
        if (module, name) == ("_codecs", "encode"):
            return type("Bytes", (_Bytes,), {})
        if (module, name) in _REBUILD:
            return type("Rebuilt", (_Rebuilt,), {})
        if (module, name) in _OBJECT:
            return self._bag
        raise Unreadable(f"it wants to call {module}.{name}")

    def persistent_load(self, pid: Any) -> Any:
        raise Unreadable("it points to another file")


class _Bag:
    """Keeps the state of an object."""

    __slots__ = ("kept",)

    def __new__(cls, *_: Any) -> _Bag:
        self = object.__new__(cls)
        self.kept = {}
        return self

    def __init__(self, *_: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        whole = state[0] if isinstance(state, tuple) and state else state
        self.kept = dict(whole) if isinstance(whole, Mapping) else {}


class _Rebuilt:
    """Stands for the function that older Pythons call with a class to make its instance."""

    __slots__ = ()

    def __new__(cls, *arguments: Any) -> Any:
        kind = arguments[0] if arguments else None
        if isinstance(kind, type) and issubclass(kind, _Bag):
            return kind()
        raise Unreadable("it rebuilds an object of an unknown kind")


class _Bytes:
    """Stands for the function that older protocols call to turn text into bytes."""

    __slots__ = ()

    def __new__(cls, *arguments: Any) -> Any:
        if arguments and isinstance(arguments[0], str):
            return arguments[0].encode("latin-1")
        raise Unreadable("it makes bytes of something else than text")


class _Number:
    """Stands for NumPy's types; a number of eight bytes becomes a float, arrays stay empty."""

    __slots__ = ()

    def __new__(cls, *arguments: Any) -> Any:
        if len(arguments) == 2 and isinstance(arguments[0], _Number):
            raw = arguments[1]
            raw = raw.encode("latin-1") if isinstance(raw, str) else raw
            if isinstance(raw, bytes) and len(raw) == 8:
                return struct.unpack("<d", raw)[0]
        return object.__new__(cls)

    def __init__(self, *_: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass
