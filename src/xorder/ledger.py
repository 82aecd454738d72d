"""What a run has done so far: one line a sample, so that a killed run goes on where it was.

Each line says which inputs a sample's results came from, by a digest of the files' contents, the
recipe and the version. What has the same digest need not be computed again.
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

from xorder._version import __version__
from xorder.errors import CannotWrite
from xorder.results import Number
from xorder.store import atomic_path

__all__ = ["Entry", "Ledger", "file_digest", "recipe_digest"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """What came of one sample, without its arrays."""

    sample: str
    """Name of the sample."""
    facts: str = ""
    """Digest of what the file says of the sample itself."""
    keys: Mapping[str, str]
    """Digest of files, recipe and version for each probe that has a result."""
    kinds: Mapping[str, str]
    """Kind of each probe's analysis: what may be drawn together."""
    numbers: Mapping[str, tuple[Number, ...]]
    """Numbers of each probe."""
    messages: tuple[str, ...] = ()
    """What a user must know, each with its probe."""
    failures: tuple[tuple[str, str, str], ...] = ()
    """Probe, message and traceback of each failure."""
    seconds: float = 0.0
    """Time it took."""
    file: str = ""
    """Name of the sample's file in the folder of the run; empty where none was written."""
    size: int = 0
    """Its size in bytes."""

    def to_line(self) -> str:
        """Return the entry as one line of JSON."""
        record = {f.name: getattr(self, f.name) for f in fields(self)}
        record["numbers"] = {
            probe: [[n.name, _finite(n.value), _finite(n.stderr), n.unit, n.note] for n in numbers]
            for probe, numbers in self.numbers.items()
        }
        return json.dumps(record, ensure_ascii=False) + "\n"

    @classmethod
    def from_line(cls, line: str) -> Entry:
        """Return the entry of a line; ValueError where it is not one."""
        try:
            record = json.loads(line)
            record["numbers"] = {
                probe: tuple(
                    Number(name=name, value=_number(v), stderr=_number(s), unit=unit, note=note)
                    for name, v, s, unit, note in rows
                )
                for probe, rows in record["numbers"].items()
            }
            record["messages"] = tuple(record["messages"])
            record["failures"] = tuple(tuple(failure) for failure in record["failures"])
            return cls(**record)
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"not an entry: {error}") from error


class Ledger:
    """The entries of a run's samples, in a file; the last of a sample's entries counts.

    Only where each entry stands is held in memory, so that fifty thousand samples cost little.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offsets: dict[str, int] = {}
        self._size = 0
        if path.is_file():
            self._index()

    def __contains__(self, sample: str) -> bool:
        return sample in self._offsets

    def __getitem__(self, sample: str) -> Entry:
        with self.path.open("rb") as file:
            file.seek(self._offsets[sample])
            return Entry.from_line(file.readline().decode())

    def append(self, entries: Iterable[Entry]) -> None:
        """Add entries to the file; they are with the system when this returns.

        Raises
        ------
        CannotWrite
            Where the disk refuses; half a line is then cut off when the file is read.
        """
        try:
            with self.path.open("ab") as file:
                for entry in entries:
                    line = entry.to_line().encode()
                    file.write(line)
                    self._offsets[entry.sample] = self._size
                    self._size += len(line)
        except OSError as error:
            raise CannotWrite(
                f"cannot write: {error.strerror or error}",
                expected="a disk with space; the run then goes on where it was",
                source=self.path,
            ) from error

    def entries(self, samples: Sequence[str]) -> Iterator[Entry]:
        """Yield the entries of samples in their order, those without one left out."""
        if not self._offsets:
            return
        with self.path.open("rb") as file:
            for sample in samples:
                if sample in self._offsets:
                    file.seek(self._offsets[sample])
                    yield Entry.from_line(file.readline().decode())

    def compact(self, samples: Sequence[str]) -> None:
        """Write the file anew: one line a sample, in their order, and no other."""
        offsets: dict[str, int] = {}
        size = 0
        with atomic_path(self.path) as temporary, temporary.open("wb") as file:
            for entry in self.entries(samples):
                offsets[entry.sample] = size
                size += file.write(entry.to_line().encode())
        self._offsets, self._size = offsets, size

    def _index(self) -> None:
        """Find where each entry stands; cut off what a killed run left of a line."""
        good = 0
        with self.path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                try:
                    self._offsets[json.loads(line)["sample"]] = good
                except (ValueError, KeyError, TypeError):
                    break
                good += len(line)
        if good < self.path.stat().st_size:
            os.truncate(self.path, good)
        self._size = good


def recipe_digest(recipe: Any) -> str:
    """Return the digest of a recipe, its structure and other files by their contents."""
    hasher = hashlib.blake2b(__version__.encode(), digest_size=16)
    for part in _recipe_parts(recipe):
        hasher.update(part.encode())
        hasher.update(b"\0")
    return hasher.hexdigest()


def _recipe_parts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        path = Path(value)
        # A short text may be the name of a file; a long one would be refused by the system.
        yield _stamped_digest(path) if len(value) < 4096 and path.is_file() else value
    elif is_dataclass(value) and not isinstance(value, type):
        for f in fields(value):
            yield f.name
            yield from _recipe_parts(getattr(value, f.name))
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from _recipe_parts(item)
        yield f"{len(value)}"
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield str(key)
            yield from _recipe_parts(item)
    else:
        yield repr(value)


def _stamped_digest(path: Path) -> str:
    """Return the digest of a file that thousands of samples may share, read once."""
    stat = path.stat()
    return _known_digest(path, stat.st_mtime_ns, stat.st_size)


@functools.lru_cache(maxsize=256)
def _known_digest(path: Path, _changed: int, _size: int) -> str:
    return file_digest(path)


def file_digest(path: Path) -> str:
    """Return the digest of a file's content (BLAKE2b, 128 bit), however large it is."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def _finite(value: float) -> float | None:
    return None if math.isnan(value) else value


def _number(value: float | None) -> float:
    return math.nan if value is None else value
