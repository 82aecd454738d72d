"""The one door to xraylarch: imported late, quietly, and never let out but by `to_larch`."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from xorder.errors import MissingExtra, ProgramFailed
from xorder.results import Array

__all__ = ["autobk", "group"]


def _import_larch() -> tuple[Any, Any]:
    with warnings.catch_warnings():
        # Deprecations inside larch and what it imports are not the user's.
        warnings.simplefilter("ignore")
        try:
            import larch
            import larch.xafs
        except ImportError as error:
            raise MissingExtra(
                f"xraylarch cannot be imported ({error})", expected="`pip install xraylarch`"
            ) from error
    return larch, larch.xafs


def group(**fields: Any) -> Any:
    """Return a larch Group with copies of the arrays given."""
    larch, _ = _import_larch()
    copies = {k: v.copy() if isinstance(v, np.ndarray) else v for k, v in fields.items()}
    return larch.Group(**copies)


def autobk(energy: Array, mu: Array, **keywords: Any) -> tuple[Array, Array, Array]:
    """Return k, chi and the background of larch's AUTOBK.

    Raises
    ------
    ProgramFailed
        Where larch returns without a result or with numbers that are not finite: it prints its
        complaints instead of raising.
    """
    larch, xafs = _import_larch()
    result = larch.Group()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            xafs.autobk(energy.copy(), mu.copy(), group=result, **keywords)
    except (ValueError, TypeError, IndexError, ArithmeticError, np.linalg.LinAlgError) as error:
        raise ProgramFailed(f"larch's autobk failed: {error}") from error
    found = [getattr(result, name, None) for name in ("k", "chi", "bkg")]
    if any(array is None or not np.all(np.isfinite(array)) for array in found):
        raise ProgramFailed(
            "larch's autobk gave no finite result",
            expected="a spectrum with more points above the edge, or a smaller rbkg",
        )
    k, chi, background = (np.array(array, dtype=float) for array in found)
    return k, chi, background
