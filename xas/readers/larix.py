"""Sessions of larix (.larix): gzipped text, a line of JSON for each of the session's objects."""

from __future__ import annotations

import base64
import binascii
import json
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from xorder.errors import BadInput, DataWarning, UnreadableFile
from xorder.xas.spectrum import FEWEST_POINTS, Spectrum, spectrum_from_arrays

__all__ = ["is_larix", "read_larix"]

_NAME = re.compile(r"^<:(.+):>$")

#: Names of polynomials in larix and the number of their terms, which is what Athena counts.
_TERMS = {"constant": 1, "linear": 2, "quadratic": 3, "cubic": 4}


def is_larix(text: str) -> bool:
    """Return whether the text is a larix session."""
    return text.startswith("##LARIX:")


def read_larix(text: str, path: Path, *, sort: bool = False) -> tuple[Spectrum, ...]:
    """Return every μ(E) group of a larix session, in the session's order.

    Energies are those that larix works with, its shift applied. What the session says on
    normalization stands in `Spectrum.metadata` in Athena's words, so that `xas.athena_settings`
    gives it as keywords of `normalize`.

    Raises
    ------
    UnreadableFile
        A session cut short, or without a μ(E) group.
    """
    symbols = _symbols(text, path)
    listed = symbols.get("_xasgroups")
    names = list(listed.values()) if isinstance(listed, dict) else []
    names += [name for name in symbols if name not in names and name != "_xasgroups"]
    spectra, left_out = [], []
    for name in names:
        group = symbols.get(name)
        if not isinstance(group, dict) or "energy" not in group:
            continue
        label = str(group.get("filename") or name)
        found = _spectrum(group, label, path, sort)
        if found is None:
            left_out.append(label)
        else:
            spectra.append(found)
    if left_out:
        message = f"{path}: groups without μ(E) were left out: {', '.join(left_out)}"
        warnings.warn(message, DataWarning, stacklevel=4)
    if not spectra:
        raise UnreadableFile("the session holds no μ(E) group", source=path)
    return tuple(spectra)


def _symbols(text: str, path: Path) -> dict[str, Any]:
    """Return the objects of a session by their names."""
    symbols: dict[str, Any] = {}
    name, inside, closed = "", False, False
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("##<"):
            inside = line.lower().startswith("##<symbols")
            closed = closed or line.lower().startswith("##</symbols")
        elif inside and (match := _NAME.match(line)):
            name = match[1]
        elif inside and name and line.strip():
            try:
                symbols[name] = _value(json.loads(line))
            except (json.JSONDecodeError, binascii.Error, ValueError, TypeError, KeyError) as error:
                raise UnreadableFile(
                    f"the object {name!r} ends or breaks ({error})",
                    expected="a whole session; the file may be truncated",
                    source=path,
                    line=number,
                ) from error
            name = ""
    if not closed:
        raise UnreadableFile(
            "the session has no end", expected="a whole session; copy it again", source=path
        )
    return symbols


def _value(item: Any) -> Any:
    """Return a decoded object: groups as dictionaries, arrays as arrays, the rest as it is."""
    if isinstance(item, list):
        return [_value(inner) for inner in item]
    if not isinstance(item, dict):
        return item
    kind = item.get("__class__", item.get("_type_"))
    if kind == "b64ndarray":
        inner = json.loads(item["__value__"]) if "__value__" in item else item
        return _array(inner)
    if kind == "Array":
        if str(item["__dtype__"])[:1] not in "fiub":
            return None
        return np.array(item["value"], dtype=str(item["__dtype__"])).reshape(item["__shape__"])
    if kind in ("List", "Tuple", "list", "tuple"):
        return [_value(inner) for inner in item.get("value", ())]
    if kind in (None, "Dict", "dict") or "Group" in str(kind):
        return {key: _value(inner) for key, inner in item.items() if key != "__class__"}
    return None


def _array(item: Mapping[str, Any]) -> Any:
    kind = np.dtype(item["dtype"]) if isinstance(item["dtype"], str) else None
    # Objects of Python are never built from a file.
    if kind is None or kind.kind not in "fiubc":
        return None
    return np.frombuffer(base64.b64decode(item["value"]), dtype=kind).reshape(item["shape"]).copy()


def _spectrum(group: Mapping[str, Any], label: str, path: Path, sort: bool) -> Spectrum | None:
    energy = _numbers(group.get("energy"))
    mu = next(
        (v for key in ("mu", "xmu", "norm") if (v := _numbers(group.get(key))) is not None), None
    )
    if energy is None or mu is None or energy.shape != mu.shape or energy.size < FEWEST_POINTS:
        return None
    channels = {
        field: values
        for key, field in (("i0", "i0"), ("mu_std", "stderr"), ("delta_mu", "stderr"))
        if (values := _numbers(group.get(key))) is not None and values.shape == energy.shape
    }
    reference = _numbers(group.get("mu_ref"))
    if reference is not None and reference.shape == energy.shape:
        channels["mu_ref"] = reference
    try:
        return spectrum_from_arrays(
            energy,
            mu,
            sort=sort,
            element=str(group.get("atsym") or ""),
            edge=str(group.get("edge") or "").upper(),
            name=label,
            metadata=_settings(group),
            source=str(path),
            **channels,
        )
    except BadInput as error:
        raise UnreadableFile(
            f"group {label!r}: {error.found}", expected=error.expected, source=path
        ) from error


def _numbers(value: Any) -> Any:
    if isinstance(value, list):
        try:
            value = np.array(value, dtype=float)
        except (TypeError, ValueError):
            return None
    good = isinstance(value, np.ndarray) and value.ndim == 1 and value.dtype.kind in "fiu"
    return value.astype(float) if good else None


def _settings(group: Mapping[str, Any]) -> dict[str, str]:
    """Return what the session says on normalization, in Athena's words."""
    config = group.get("config")
    norm = config.get("xasnorm") if isinstance(config, dict) else None
    details = group.get("pre_edge_details")
    said: dict[str, Any] = {}
    for source in (norm, group.get("callargs_pre_edge"), details):
        if isinstance(source, dict):
            said |= {key: value for key, value in source.items() if value is not None}
    if group.get("e0") is not None:
        said["e0"] = group["e0"]
    words = {"pre1": "pre1", "pre2": "pre2", "norm1": "nor1", "norm2": "nor2", "e0": "e0"}
    found = {f"bkg_{ours}": str(said[key]) for key, ours in words.items() if key in said}
    order = said.get("nnorm")
    if isinstance(order, str):
        found["bkg_nnorm"] = str(_TERMS.get(order, ""))
    elif isinstance(order, (int, float)):
        # larch counts the order, Athena the terms.
        found["bkg_nnorm"] = str(int(order) + 1)
    shift = group.get("energy_shift")
    return found | ({} if shift is None else {"larix_energy_shift": str(shift)})
