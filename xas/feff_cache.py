"""Results of FEFF on disk, by the content of the input and of the program.

One compressed file a run, in ``feff`` of the user's cache folder (`xorder.folders.cache_folder`).
A file is written beside its place and renamed, so processes that meet see all of it or nothing;
two that calculate the same write the same. When the files together exceed `MOST_BYTES`, those
longest unused are removed.
"""

from __future__ import annotations

import contextlib
import functools
import gzip
import json
import warnings
import zlib
from collections.abc import Iterable
from pathlib import Path

from xorder.errors import CannotWrite, DataWarning
from xorder.folders import cache_folder
from xorder.results import digest
from xorder.store import atomic_path

__all__ = ["MOST_BYTES", "cache_key", "keep_files", "kept_files"]

#: All runs together take no more than this: a run has 0.1 to 0.3 MB.
MOST_BYTES = 256 * 2**20

Files = tuple[tuple[str, str], ...]


def cache_key(text: str, executables: Iterable[Path]) -> str:
    """Return the digest of an input and of the programs that it goes through."""
    programs = [_program_digest(path, path.stat().st_mtime_ns) for path in executables]
    return digest([text, *programs])


def kept_files(key: str) -> Files | None:
    """Return names and contents that an equal run made, or None where there is none whole."""
    path = _path(key)
    if path is None:
        return None
    try:
        entry = json.loads(gzip.decompress(path.read_bytes()))
        files = tuple((str(name), str(content)) for name, content in entry["files"])
        if entry["digest"] != digest(files):
            return None
    except (OSError, EOFError, ValueError, KeyError, TypeError, zlib.error):
        return None  # not there, or broken: it is calculated again
    with contextlib.suppress(OSError):
        path.touch()  # what was used last is removed last
    return files


def keep_files(key: str, files: Files) -> None:
    """Keep what a run made; a folder that cannot be written costs a DataWarning, not the result."""
    path = _path(key)
    if path is None:
        return
    entry = {"digest": digest(files), "files": files}
    try:
        with atomic_path(path) as temporary:
            temporary.write_bytes(gzip.compress(json.dumps(entry).encode(), compresslevel=1))
    except CannotWrite as error:
        warnings.warn(
            f"results of FEFF are not kept: {error}; XORDER_CACHE names another folder, or is off",
            DataWarning,
            stacklevel=2,
        )
        return
    _make_room(path.parent, path)


def _path(key: str) -> Path | None:
    folder = cache_folder()
    return None if folder is None else folder / "feff" / f"{key}.json.gz"


def _make_room(folder: Path, newest: Path) -> None:
    """Remove the files longest unused until all fit; another process may remove them too."""
    entries = []
    for path in folder.iterdir():  # what a killed process left half written, too
        with contextlib.suppress(OSError):
            found = path.stat()
            entries.append((found.st_mtime_ns, found.st_size, path))
    total = sum(size for _, size, _ in entries)
    for _, size, path in sorted(entries):
        if total <= MOST_BYTES:
            return
        if path != newest:
            with contextlib.suppress(OSError):
                path.unlink()
            total -= size


@functools.lru_cache(maxsize=32)
def _program_digest(path: Path, _modified: int) -> str:
    return digest(path)
