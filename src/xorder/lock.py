"""The output folder of a run: one run at a time, and nothing half written left in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from xorder.errors import CannotWrite
from xorder.store import check_folder

__all__ = ["own_folder"]


@contextmanager
def own_folder(folder: Path) -> Iterator[None]:
    """Hold an output folder for one run; clear away what a killed run left half written.

    The lock is the system's, so it ends with the process, however that ends.

    Raises
    ------
    CannotWrite
        Where the folder cannot be made or written, or another run holds it.
    """
    from filelock import FileLock, Timeout

    check_folder(folder)
    lock = FileLock(folder / ".lock", timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise CannotWrite(
            "another run writes here", expected="its end, or another folder", source=folder
        ) from error
    except (OSError, NotImplementedError) as error:
        raise CannotWrite(
            f"the folder cannot be locked: {error}",
            expected="a file system with locks",
            source=folder,
        ) from error
    try:
        _clear(folder)
        yield
    finally:
        lock.release()


def _clear(folder: Path) -> None:
    """Remove the temporary files of a run that was killed: only those, and only ours."""
    for parent, _, names in os.walk(folder):
        for name in names:
            if name.startswith(".") and name.endswith(".part"):
                (Path(parent) / name).unlink(missing_ok=True)
