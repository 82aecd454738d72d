"""How sphinx builds the documentation: `make docs`."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
# Notebooks show their figures; a backend set for this process would be that of their kernels.
os.environ.pop("MPLBACKEND", None)

import make_generated

from xorder import __version__

project = "Xorder"
author = copyright = "The Xorder developers"
version = release = __version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "**/.*"]
source_suffix = {".md": "myst-nb", ".ipynb": "myst-nb", ".rst": "restructuredtext"}
default_role = "code"

myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3
nb_execution_mode = "cache"
nb_execution_timeout = 300
nb_execution_raise_on_error = True
# Progress and warnings of the machine that built this do not belong in the pages.
nb_output_stderr = "remove"

autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_class_signature = "separated"
autodoc_default_options = {"members": True, "exclude-members": "__init__, __new__"}
napoleon_google_docstring = False
napoleon_use_rtype = False

html_theme = "furo"
html_title = f"Xorder {__version__}"
html_static_path = ["_static"]
html_css_files = ["tables.css"]
html_show_sphinx = False
html_math_renderer = "mathml"


def visit_math(translator: Any, node: Any, display: str = "inline") -> None:
    """Write mathematics as MathML, which browsers draw themselves: no script, no network."""
    from docutils.nodes import SkipNode
    from latex2mathml.converter import convert

    text = re.sub(r"\\label\{[^}]*\}", "", node.astext())
    mathml = convert(text, display=display)
    translator.body.append(f'<div class="formula">{mathml}</div>' if display == "block" else mathml)
    raise SkipNode


def visit_displaymath(translator: Any, node: Any) -> None:
    """Write a formula of its own line."""
    visit_math(translator, node, "block")


def keep_sentence(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Keep the sentence of a field: napoleon takes the words before a colon for its type."""
    if what in ("attribute", "property"):
        fields[name] = list(lines)


def put_sentence_back(
    app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]
) -> None:
    """Put it back, with bars such as those of |χ(R)| as they are."""
    if what in ("attribute", "property"):
        lines[:] = [*fields.pop(name, lines), *unit_of(name)]
    lines[:] = [re.sub(r"(?<!`)\|(?=[^|`]*\|)([^|`]*)\|", r"\\|\1\\|", line) for line in lines]


def unit_of(name: str) -> list[str]:
    """Return unit and axes of a field that `quantity` made, as lines to follow its sentence."""
    place, owner, own = name.rsplit(".", 2)
    found = getattr(sys.modules.get(place), owner, None)
    field = getattr(found, "__dataclass_fields__", {}).get(own)
    if field is None:
        return []
    unit, dims = field.metadata.get("unit"), field.metadata.get("dims")
    said = [f"Unit: {unit}."] if unit else []
    said += [f"Along: {', '.join(dims)}."] if dims else []
    return [f"*{' '.join(said)}*", ""] if said else []


#: Sentences of fields between the two.
fields: dict[str, list[str]] = {}


def setup(app: Any) -> None:
    """Add what sphinx does not have."""
    make_generated.write()
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_displaymath, None))
    app.connect("autodoc-process-docstring", keep_sentence, priority=400)
    app.connect("autodoc-process-docstring", put_sentence_back, priority=600)
