"""Write docs/modules.md from the first lines of the modules: run `python docs/make_modules.py`."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = {
    "Shared": ("xorder", ROOT / "src" / "xorder"),
    "XAS": ("xorder.xas", ROOT / "xas"),
    "Diffraction": ("xorder.diffraction", ROOT / "diffraction"),
    "PDF": ("xorder.pdf", ROOT / "pdf"),
}
HEAD = """\
# Modules

Every module by its own first line, with rooms and arrows in [architecture.md](architecture.md).
This page is made by `docs/make_modules.py`; a test keeps it true.
"""


def sentence(path: Path) -> str:
    """Return the first paragraph of a module's docstring on one line."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(text.split("\n\n")[0].split())


def page() -> str:
    """Return the page as Markdown."""
    parts = [HEAD]
    for title, (package, folder) in FOLDERS.items():
        links = {path for path in folder.iterdir() if path.is_symlink()}
        rows = []
        for path in sorted(folder.rglob("*.py")):
            if path.name == "__init__.py" or links & set(path.parents):
                continue
            name = ".".join([package, *path.relative_to(folder).with_suffix("").parts])
            rows.append(f"| `{name}` | {sentence(path)} |")
        parts.append("\n".join([f"## {title}", "", "| module | what |", "| --- | --- |", *rows]))
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name("modules.md").write_text(page(), encoding="utf-8")
