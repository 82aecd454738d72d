"""Write docs/manifest.md from the recipe classes: run `python docs/make_manifest.py`."""

from __future__ import annotations

import ast
import inspect
from dataclasses import MISSING, fields, is_dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from xorder.series import PROBES

TITLES = {"xas": "XAS", "diffraction": "Diffraction", "pdf": "PDF"}

HEAD = """\
# The manifest, `series.toml`

This page is made from the recipe classes by `docs/make_manifest.py`; a test keeps it true.

```toml
[series]
name = "milled NaTaCl6"
order = "milling time (h)"       # what orders the samples, with its unit
simulated = false                # true marks every file and figure
crystalline = "0 h"              # end members of the scale of amorphization; left out, the samples
amorphous = "40 h"               # with the lowest and highest order, where all are one substance

[watch]                          # what counting is for: `xorder watch` says when it is reached
target = "area (0 1 2)"          # a number of summary.csv, or the noise
relative = 0.01                  # its standard error relative to the value; or stderr = ...

[diffraction]                    # the recipe of all samples
structure = "NaTaCl6"            # a reference, or a CIF beside this file
wavelength = "CuKa"

[[samples]]
name = "6 h"
order = 6
composition = "NaTaCl6"
conductivity = 6e-5              # S/cm at 25 °C
conductivity_stderr = 1e-5
diffraction = { files = "xrd/6h.xye" }
pdf = { files = ["pdf/6h.gr"], r_max = 40.0 }   # a sample's own settings win

[[samples]]
name = "0 h"
order = 0
diffraction = { files = "xrd/0h.xye" }

[[samples]]
name = "40 h"
order = 40
diffraction = { files = "xrd/40h.xye" }
```

A table within a probe's table stands under its own head, and of a list of tables each one under a
head in double brackets:

```text
[xas.fit]
shells = ["O 1.84", "Cl 2.35"]

[[xas.near_edge.peaks]]
center = 9886.0
name = "white line"
```

`files` is a path or a list of paths, relative to the manifest; `*` works. For XAS, several files
are repeated scans of one sample. A misspelt key, a value of the wrong kind or a number out of its
range is one message that names the key; a file that is missing or cannot be used costs its sample
only.
"""


def sentences(kind: type) -> dict[str, str]:
    """Return the sentence of each key of a class of options, those of its bases included."""
    said: dict[str, str] = {}
    for one in reversed(kind.__mro__[:-1]):
        tree = ast.parse(inspect.getsource(one)).body[0]
        assert isinstance(tree, ast.ClassDef)
        for node, after in zip(tree.body, tree.body[1:], strict=False):
            if isinstance(node, ast.AnnAssign) and isinstance(after, ast.Expr):
                assert isinstance(after.value, ast.Constant)
                assert isinstance(node.target, ast.Name)
                said[node.target.id] = " ".join(str(after.value.value).split())
    return said


def table_kind(annotation: Any) -> type | None:
    """Return the class of the table that an annotation holds, alone or in a tuple, or None."""
    if isinstance(annotation, type) and is_dataclass(annotation):
        return annotation
    found = (table_kind(argument) for argument in get_args(annotation))
    return next((kind for kind in found if kind is not None), None)


def is_list(annotation: Any) -> bool:
    """Return whether an annotation holds a tuple, so that its tables are written in [[ ]]."""
    return get_origin(annotation) is tuple or any(map(is_list, get_args(annotation)))


def default_of(f: Any) -> str:
    """Return a key's default as it would stand in TOML."""
    if f.default_factory is not MISSING:
        return as_toml(f.default_factory())
    return "required" if f.default is MISSING else as_toml(f.default)


def as_toml(value: object) -> str:
    """Return a default as it would stand in TOML."""
    if value is None or value == "":
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if is_dataclass(value):
        return "its defaults"
    if isinstance(value, tuple):
        return "[" + ", ".join(as_toml(item) for item in value) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value)


def section(kind: type, name: str, title: str, *, many: bool = False, level: int = 2) -> list[str]:
    """Return a table of keys as Markdown, and after it those of the tables within."""
    head = f"[[{name}]]" if many else f"[{name}]"
    said, hints = sentences(kind), get_type_hints(kind)
    rows, inner = [], []
    for f in fields(kind):
        text = said[f.name].replace("|χ(R)|", "χ(R) magnitude").replace("|", "\\|")
        table = table_kind(hints[f.name])
        if table is None:
            rows.append(f"| `{f.name}` | {default_of(f)} | {text} |")
            continue
        own = f"{name}.{f.name}"
        listed = is_list(hints[f.name])
        there = "required" if f.default is f.default_factory is MISSING else "none"
        rows.append(f"| `{f.name}` | {there} | {text} A table of its own, below. |")
        inner += section(table, own, text, many=listed, level=3)
    mark = "#" * level
    top = f"{mark} `{head}`: {title}".rstrip(".") if level == 2 else f"{mark} `{head}`\n\n{title}"
    table_head = ["", "| key | default | what |", "| --- | --- | --- |"]
    return ["\n".join([top, *table_head, *rows]) + "\n", *inner]


def page() -> str:
    """Return the page as Markdown."""
    parts = [HEAD]
    for probe in ("xas", "diffraction", "pdf"):
        module, name = PROBES[probe]
        parts += section(getattr(import_module(module), name), probe, TITLES[probe])
    return "\n".join(parts)


if __name__ == "__main__":
    Path(__file__).with_name("manifest.md").write_text(page(), encoding="utf-8")
