"""Write docs/manifest.md from the recipe classes: run `python docs/make_manifest.py`."""

from __future__ import annotations

import ast
import inspect
from dataclasses import MISSING, fields
from importlib import import_module
from pathlib import Path

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
```

`files` is a path or a list of paths, relative to the manifest; `*` works. For XAS, several files
are repeated scans of one sample. A misspelt key, a value of the wrong kind or a number out of its
range is one message that names the key; a file that is missing or cannot be used costs its sample
only.
"""


def keys(kind: type) -> list[tuple[str, str, str]]:
    """Return name, default and sentence of each field of a recipe class."""
    tree = ast.parse(inspect.getsource(kind)).body[0]
    assert isinstance(tree, ast.ClassDef)
    said = {}
    for node, after in zip(tree.body, tree.body[1:], strict=False):
        if isinstance(node, ast.AnnAssign) and isinstance(after, ast.Expr):
            assert isinstance(after.value, ast.Constant)
            assert isinstance(node.target, ast.Name)
            said[node.target.id] = " ".join(str(after.value.value).split())
    return [
        (f.name, "required" if f.default is MISSING else as_toml(f.default), said[f.name])
        for f in fields(kind)
    ]


def as_toml(value: object) -> str:
    """Return a default as it would stand in TOML."""
    if value is None or value == "":
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[" + ", ".join(as_toml(item) for item in value) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value)


def page() -> str:
    """Return the page as Markdown."""
    parts = [HEAD]
    for probe in ("xas", "diffraction", "pdf"):
        module, name = PROBES[probe]
        kind = getattr(import_module(module), name)
        rows = [f"| `{key}` | {default} | {text} |" for key, default, text in keys(kind)]
        rows = [row.replace("|χ(R)|", "χ(R) magnitude") for row in rows]
        head = [
            f"## `[{probe}]`: {TITLES[probe]}",
            "",
            "| key | default | what |",
            "| --- | --- | --- |",
        ]
        parts.append("\n".join([*head, *rows]) + "\n")
    return "\n".join(parts)


if __name__ == "__main__":
    Path(__file__).with_name("manifest.md").write_text(page(), encoding="utf-8")
