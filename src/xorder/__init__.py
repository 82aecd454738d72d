"""Order, and its loss, in materials by X-rays.

Public names load on first use, so that ``import xorder`` and ``xorder --help`` stay light.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from xorder._version import __version__

if TYPE_CHECKING:
    from xorder import diffraction, pdf, references, xas
    from xorder.errors import XorderError
    from xorder.run import open_run, run_series
    from xorder.series import load_series
    from xorder.structure import Crystal, load_structure

_HOME = {
    "Crystal": "xorder.structure",
    "XorderError": "xorder.errors",
    "load_series": "xorder.series",
    "load_structure": "xorder.structure",
    "open_run": "xorder.run",
    "run_series": "xorder.run",
}
_ROOMS = ("diffraction", "pdf", "references", "xas")

__all__ = [
    "Crystal",
    "XorderError",
    "__version__",
    "diffraction",
    "load_series",
    "load_structure",
    "open_run",
    "pdf",
    "references",
    "run_series",
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
