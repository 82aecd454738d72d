"""Athena projects (.prj): gzipped or plain, Perl text or JSON."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from xorder.errors import BadInput, DataWarning, UnreadableFile
from xorder.xas.spectrum import Spectrum, spectrum_from_arrays

__all__ = ["is_athena", "read_athena"]

_TOKEN = re.compile(r"'((?:[^'\\]|\\.)*)'|(\[)|(\])|([^\s,()\[\]';]+)")
_ESCAPED = re.compile(r"\\x\{([0-9a-fA-F]+)\}")
_ARRAYS = ("x", "y", "i0", "signal", "stddev")


def is_athena(text: str) -> bool:
    """Return whether the text is an Athena project of either form."""
    return "Athena project file" in text[:1000]


def read_athena(text: str, path: Path, *, sort: bool = False) -> tuple[Spectrum, ...]:
    """Return every μ(E) group of an Athena project, each with its alignment shift applied.

    Athena keeps energies as read and the shift apart: here ``energy = x + bkg_eshift``. Its
    settings stay in `Spectrum.metadata` under Athena's names; `xas.athena_settings` translates
    them (``bkg_nnorm`` counts terms, so 3 is a quadratic).

    Raises
    ------
    UnreadableFile
        A project cut short, or without a single μ(E) group.
    """
    groups = _json_groups(text, path) if text.lstrip().startswith("{") else _perl_groups(text, path)
    spectra, left_out = [], []
    for group in groups:
        args = group["args"]
        label = _readable(str(args.get("label") or group.get("name") or ""))
        if _true(args.get("is_chi")) or _true(args.get("not_data")) or "y" not in group:
            left_out.append(label)
            continue
        spectra.append(_spectrum(group, label, path, sort))
    if left_out:
        message = f"{path}: groups without μ(E) were left out: {', '.join(left_out)}"
        warnings.warn(message, DataWarning, stacklevel=4)
    if not spectra:
        raise UnreadableFile("the project holds no μ(E) group", source=path)
    return tuple(spectra)


def _spectrum(group: Mapping[str, Any], label: str, path: Path, sort: bool) -> Spectrum:
    args = group["args"]
    x, y = group.get("x"), group["y"]
    if x is None or len(x) != len(y):
        raise UnreadableFile(
            f"group {label!r} has {0 if x is None else len(x)} energies and {len(y)} values",
            expected="as many of each; the project may be truncated",
            source=path,
        )
    shift = _float(args.get("bkg_eshift"))
    channels = {
        field: group[key]
        for key, field in (("i0", "i0"), ("stddev", "stderr"))
        if len(group.get(key, ())) == len(x)
    }
    try:
        return spectrum_from_arrays(
            np.asarray(x) + (shift if np.isfinite(shift) else 0.0),
            np.asarray(y),
            sort=sort,
            element=str(args.get("bkg_z") or args.get("atsym") or ""),
            edge=str(args.get("fft_edge") or args.get("edge") or "").upper(),
            name=label.strip(),
            metadata={str(k): str(v) for k, v in args.items() if not isinstance(v, (list, dict))},
            source=str(path),
            **channels,
        )
    except BadInput as error:
        raise UnreadableFile(
            f"group {label!r}: {error.found}", expected=error.expected, source=path
        ) from error


def _perl_groups(text: str, path: Path) -> list[dict[str, Any]]:
    groups: list[dict[str, Any]] = []
    current: dict[str, Any] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        match = re.match(r"^[@$%](\w+)\s*=\s*(.*)$", line)
        if match:
            current[match[1]] = _perl_value(match[1], match[2], path, number)
        elif line.startswith("[record]"):
            if "args" not in current:
                raise UnreadableFile("a record without @args", source=path, line=number)
            groups.append({"name": current.pop("old_group", ""), **current})
            current = {}
    if "x" in current or "args" in current:
        raise UnreadableFile(
            "the last group is not closed by [record]",
            expected="a whole project; the file is truncated",
            source=path,
        )
    return groups


def _perl_value(key: str, text: str, path: Path, number: int) -> Any:
    if key not in (*_ARRAYS, "args", "old_group"):
        return None
    if not text.rstrip().endswith(";"):
        raise UnreadableFile(
            f"the line of {key} does not end",
            expected="a whole project; the file is truncated",
            source=path,
            line=number,
        )
    if key == "old_group":
        return text.strip(" ';")
    items = _items(text)
    if key == "args":
        return {str(name): value for name, value in zip(items[::2], items[1::2], strict=False)}
    try:
        return np.array([float(item) for item in items])
    except (TypeError, ValueError) as error:
        raise UnreadableFile(
            f"{key} holds something that is not a number ({error})", source=path, line=number
        ) from None


def _items(text: str) -> list[Any]:
    """Return the strings and bare words of a Perl list; inner lists are kept as lists."""
    stack: list[list[Any]] = [[]]
    for match in _TOKEN.finditer(text):
        if match[2]:
            stack.append([])
        elif match[3]:
            if len(stack) > 1:
                inner = stack.pop()
                stack[-1].append(inner)
        elif match[4] is not None:
            stack[-1].append(match[4])
        else:
            stack[-1].append(match[1])
    return stack[0]


def _json_groups(text: str, path: Path) -> list[dict[str, Any]]:
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise UnreadableFile(
            f"the JSON of the project ends or breaks ({error.msg})",
            expected="a whole project",
            source=path,
            line=error.lineno,
        ) from error
    order = next((v for k, v in content.items() if k.startswith("_____order")), None)
    names = order if order is not None else [k for k in content if not k.startswith("_____")]
    missing = [name for name in names if name not in content]
    if missing:
        raise UnreadableFile(f"group {missing[0]!r} is listed but not there", source=path)
    groups = []
    for name in names:
        group = dict(content[name])
        for key in _ARRAYS:
            if key in group:
                try:
                    group[key] = np.array(group[key], dtype=float)
                except (TypeError, ValueError) as error:
                    raise UnreadableFile(
                        f"{key} of group {name!r} is not numbers", source=path
                    ) from error
        args = group.get("args", {})
        group["args"] = (
            {str(k): v for k, v in zip(args[::2], args[1::2], strict=False)}
            if isinstance(args, list)
            else args
        )
        groups.append({"name": name, **group})
    return groups


def athena_settings(spectrum: Spectrum) -> dict[str, Any]:
    """Return what an Athena project says on normalization, as keywords of `xas.normalize`.

    Empty for a spectrum that is not from a project. Athena's ``bkg_nnorm`` counts the terms of the
    post-edge polynomial: 3 is a quadratic.
    """
    said = spectrum.metadata
    values = {key: _float(said.get(f"bkg_{key}")) for key in ("e0", "pre1", "pre2", "nor1", "nor2")}
    settings: dict[str, Any] = {}
    if np.isfinite(values["e0"]) and values["e0"] > 0:
        settings["e0"] = values["e0"]
    if values["pre1"] < values["pre2"]:
        settings["pre_edge"] = (values["pre1"], values["pre2"])
    if values["nor1"] < values["nor2"]:
        settings["post_edge"] = (values["nor1"], values["nor2"])
    terms = _float(said.get("bkg_nnorm"))
    if terms in (1.0, 2.0, 3.0):
        settings["order"] = int(terms) - 1
    return settings


def _readable(label: str) -> str:
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), label)


def _true(value: Any) -> bool:
    return str(value).strip() not in ("", "0", "None", "0.0")


def _float(value: Any) -> float:
    try:
        return float(str(value))
    except ValueError:
        return float("nan")
