"""What every result shares: provenance, rich display, tables, storage.

A result is a frozen dataclass of documented fields; `quantity` gives a field its unit, its symbol
and the axis it runs along. Everything that shows or stores a result walks these fields.
"""

from __future__ import annotations

import functools
import hashlib
import html
import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

from xorder._version import __version__
from xorder.errors import BadInput, MissingExtra

if TYPE_CHECKING:
    import pandas
    import xarray

__all__ = ["Array", "Number", "Provenance", "Result", "digest", "quantity", "recorded"]

Array = NDArray[np.float64]
P = ParamSpec("P")
R = TypeVar("R")


def quantity(unit: str = "", *, symbol: str = "", dims: tuple[str, ...] = (), **kwargs: Any) -> Any:
    """Return a dataclass field that carries its unit.

    Parameters
    ----------
    unit
        Unit as printed on an axis, such as ``"Å⁻¹"``; empty for a pure number.
    symbol
        Symbol as printed in papers; the field's name where empty.
    dims
        Names of the fields that are the axes of an array, in order; a field that is its own axis
        names itself.
    **kwargs
        Passed on to `dataclasses.field`.
    """
    return field(metadata={"unit": unit, "symbol": symbol, "dims": dims}, **kwargs)


@dataclass(frozen=True, kw_only=True, slots=True)
class Provenance:
    """How a result was made: enough to make it again."""

    function: str
    """Dotted name of the function."""
    parameters: Mapping[str, Any]
    """Every argument, defaults included; arrays and results stand as their digests."""
    version: str = __version__
    """Version of Xorder."""
    time: str = ""
    """UTC time of the call, ISO 8601."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Number:
    """One number of a summary: never without unit and standard error."""

    name: str
    """Name, the same in tables, files and figures."""
    value: float
    """Value in `unit`; NaN where it could not be determined."""
    stderr: float = math.nan
    """Standard error in `unit`; NaN where none can be given (`note` says why)."""
    unit: str = ""
    """Unit; empty for a pure number."""
    note: str = ""
    """What a reader must know to use the number."""

    def __str__(self) -> str:
        error = f" ± {self.stderr:.2g}" if math.isfinite(self.stderr) else ""
        return f"{self.name} = {self.value:.6g}{error} {self.unit}".rstrip()


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Result:
    """Base of every data and result class."""

    provenance: Provenance | None = field(default=None, repr=False)
    """How this was made; None for a value put together by hand."""

    def to_dataframe(self) -> pandas.DataFrame:
        """Return the one-dimensional fields that share the first axis as a table."""
        import pandas

        axis, columns = _columns(self)
        frame = pandas.DataFrame(columns)
        frame.attrs["units"] = {f.name: _unit(f) for f in fields(self) if f.name in columns}
        return frame.set_index(axis)

    def to_xarray(self) -> xarray.Dataset:
        """Return every array field with its axes and units as an xarray Dataset.

        Raises
        ------
        MissingExtra
            Where xarray is not installed.
        """
        try:
            import xarray
        except ImportError as error:
            raise MissingExtra(
                "xarray is not installed", expected="`pip install 'xorder[tables]'`"
            ) from error
        variables = {
            f.name: xarray.Variable(
                f.metadata["dims"],
                getattr(self, f.name),
                {"units": _unit(f), "long_name": f.metadata.get("symbol") or f.name},
            )
            for f in _array_fields(self)
        }
        return xarray.Dataset(variables, attrs={"made_by": _made_by(self)})

    def save(self, path: str | Path) -> Path:
        """Write the result with its provenance to an HDF5 (NeXus) file, whole or not at all."""
        from xorder.store import write_results

        return write_results(Path(path), {type(self).__name__: self})

    def describe(self) -> str:
        """Return the fields as plain text: name, value or range, unit."""
        rows = [(f.name, _short(getattr(self, f.name)), _unit(f)) for f in fields(self) if f.repr]
        width = max(len(name) for name, _, _ in rows)
        lines = [f"  {name:<{width}}  {value} {unit}".rstrip() for name, value, unit in rows]
        return "\n".join([type(self).__name__, *lines])

    def _repr_html_(self) -> str:
        rows = "".join(_html_row(f, getattr(self, f.name)) for f in fields(self) if f.repr)
        return (
            f"<table><caption><b>{type(self).__name__}</b> "
            f"<small>{html.escape(_made_by(self))}</small></caption>"
            f"<tr><th>field</th><th>value</th><th>unit</th></tr>{rows}</table>"
        )


def recorded(function: Callable[P, R]) -> Callable[P, R]:
    """Decorate a function so that the `Result` it returns carries its provenance."""
    parameters = inspect.signature(function).parameters
    unfixed = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
    if any(parameter.kind in unfixed for parameter in parameters.values()):
        raise TypeError(f"{function.__qualname__} takes arguments without a name of their own")
    defaults = {key: parameter.default for key, parameter in parameters.items()}
    names = tuple(defaults)
    name = f"{function.__module__}.{function.__qualname__}"

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        result = function(*args, **kwargs)
        if not isinstance(result, Result):
            return result
        # The call went well, so every argument has its place: no need to bind the signature.
        arguments = defaults | dict(zip(names, args, strict=False)) | kwargs
        provenance = Provenance(
            function=name,
            parameters={key: _as_record(value) for key, value in arguments.items()},
            time=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        return _with_provenance(result, provenance)

    return wrapper


def _with_provenance(result: R, provenance: Provenance) -> R:
    """Return a copy with another provenance; its fields were checked when it was made."""
    kind: Any = type(result)
    made: R = object.__new__(kind)
    for key in _field_names(kind):
        object.__setattr__(made, key, getattr(result, key))
    object.__setattr__(made, "provenance", provenance)
    return made


@functools.lru_cache(maxsize=1024)
def _field_names(kind: type) -> tuple[str, ...]:
    return tuple(f.name for f in fields(kind))


def digest(value: Any) -> str:
    """Return a short content digest (BLAKE2b, 128 bit) of an array, file path, text or result."""
    hasher = hashlib.blake2b(digest_size=16)
    _feed(hasher.update, value)
    return hasher.hexdigest()


@functools.lru_cache(maxsize=256)
def _array_header(dtype: np.dtype[Any], shape: tuple[int, ...]) -> bytes:
    return f"{dtype}{shape}".encode()


def _feed(update: Callable[[Any], None], value: Any) -> None:
    if isinstance(value, np.ndarray):
        update(_array_header(value.dtype, value.shape))
        # Plain numbers in order are read where they lie, all else from a copy.
        in_place = value.dtype.kind in "fiubc" and value.flags.c_contiguous
        update(value if in_place else np.ascontiguousarray(value).tobytes())
    elif value is None or isinstance(value, (str, bool, int, float)):
        update(repr(value).encode())
    elif isinstance(value, (list, tuple)):
        for item in value:
            _feed(update, item)
    elif isinstance(value, Path):
        update(value.read_bytes() if value.is_file() else str(value).encode())
    elif is_dataclass(value) and not isinstance(value, type):
        update(type(value).__name__.encode())
        for key in _field_names(type(value)):
            if key != "provenance":
                _feed(update, getattr(value, key))
    elif isinstance(value, Mapping):
        for key in value:
            update(str(key).encode())
            _feed(update, value[key])
    else:
        update(repr(value).encode())


def _as_record(value: Any) -> Any:
    """Return `value` as plain text, numbers, lists and dicts."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Path):
        return {"path": str(value), "digest": digest(value)}
    if isinstance(value, np.ndarray):
        return {"array": list(value.shape), "digest": digest(value)}
    if isinstance(value, Result):
        return {"result": type(value).__name__, "digest": digest(value)}
    if is_dataclass(value) and not isinstance(value, type):
        return {key: _as_record(getattr(value, key)) for key in _field_names(type(value))}
    if isinstance(value, Mapping):
        return {str(key): _as_record(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_as_record(item) for item in value]
    return repr(value)


def _array_fields(result: Result) -> list[Field[Any]]:
    return [f for f in fields(result) if f.metadata.get("dims")]


def _columns(result: Result) -> tuple[str, dict[str, Array]]:
    arrays = [f for f in _array_fields(result) if len(f.metadata["dims"]) == 1]
    if not arrays:
        raise BadInput(f"{type(result).__name__} has no one-dimensional array to tabulate")
    axis: str = arrays[0].metadata["dims"][0]
    return axis, {
        f.name: getattr(result, f.name)
        for f in arrays
        if f.metadata["dims"] == (axis,) and getattr(result, f.name) is not None
    }


def _unit(f: Field[Any]) -> str:
    return str(f.metadata.get("unit", ""))


def _made_by(result: Result) -> str:
    if result.provenance is None:
        return ""
    return f"{result.provenance.function} (xorder {result.provenance.version})"


def _html_row(f: Field[Any], value: Any) -> str:
    return (
        f"<tr><td>{html.escape(f.name)}</td><td>{html.escape(_short(value))}</td>"
        f"<td>{html.escape(_unit(f))}</td></tr>"
    )


def _short(value: Any) -> str:
    if isinstance(value, np.ndarray):
        shape = "×".join(map(str, value.shape))
        if value.size and value.dtype.kind in "fiu" and np.isfinite(value).any():
            return f"{shape} values, {np.nanmin(value):.5g} … {np.nanmax(value):.5g}"
        return f"{shape} values"
    if isinstance(value, float):
        return "–" if math.isnan(value) else f"{value:.8g}"
    if value is None or value == ():
        return "–"
    if isinstance(value, tuple) and all(isinstance(item, (str, int, float)) for item in value):
        text = ", ".join(map(_short, value))
    else:
        text = str(value)
    return text if len(text) <= 120 else text[:117] + "…"
