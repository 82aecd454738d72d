"""One thread of linear algebra where matrices are small."""

from __future__ import annotations

import functools
from contextlib import AbstractContextManager
from typing import Any

__all__ = ["one_thread"]


def one_thread() -> AbstractContextManager[Any]:
    """Keep linear algebra in one thread inside a ``with`` block.

    Matrices of fits are tall and narrow: threads that wait for one another make them ten to a
    hundred times slower on a busy machine.
    """
    limits: AbstractContextManager[Any] = _controller().limit(limits=1, user_api="blas")
    return limits


@functools.cache
def _controller() -> Any:
    # Finding the libraries takes milliseconds, so it is done once; SciPy's must be loaded by then.
    import scipy.linalg  # noqa: F401
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
