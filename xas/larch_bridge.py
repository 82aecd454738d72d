"""The one door to xraylarch: imported late, quietly, and never let out but by `to_larch`."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from xorder.errors import MissingExtra

__all__ = ["group"]


def _import_larch() -> Any:
    with warnings.catch_warnings():
        # Deprecations inside larch and what it imports are not the user's.
        warnings.simplefilter("ignore")
        try:
            import larch
        except ImportError as error:
            raise MissingExtra(
                f"xraylarch cannot be imported ({error})", expected="`pip install xraylarch`"
            ) from error
    return larch


def group(**fields: Any) -> Any:
    """Return a larch Group with copies of the arrays given."""
    larch = _import_larch()
    copies = {k: v.copy() if isinstance(v, np.ndarray) else v for k, v in fields.items()}
    return larch.Group(**copies)
