"""Order, and its loss, in materials by X-rays.

Public names load on first use, so that ``import xorder`` and ``xorder --help`` stay light.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from xorder._version import __version__

if TYPE_CHECKING:
    from xorder import diffraction, pdf, references, xas
    from xorder.errors import XorderError
    from xorder.structure import Crystal, load_structure

_HOME = {
    "Crystal": "xorder.structure",
    "XorderError": "xorder.errors",
    "load_structure": "xorder.structure",
}
_ROOMS = ("diffraction", "pdf", "references", "xas")

__all__ = [
    "Crystal",
    "XorderError",
    "__version__",
    "diffraction",
    "load_structure",
    "pdf",
    "references",
    "xas",
]


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(f"xorder.{name}")
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'xorder' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
