"""Every error and warning of Xorder, in one file.

::

    XorderError
    ├── BadInput (ValueError)          what was given cannot be used
    │   ├── UnreadableFile             a measured file that is not what its name says
    │   ├── UnknownName (KeyError)     a name that is not among those there are
    │   ├── BadStructure               a crystal structure that cannot be used
    │   └── BadManifest                a series.toml that cannot be used
    ├── MissingFile (FileNotFoundError)
    ├── CannotWrite (OSError)          a folder or file that cannot be written
    ├── ProgramFailed (RuntimeError)   an external program (FEFF) that did not do its work
    └── MissingExtra (ImportError)     an optional package that is not installed

    XorderWarning (UserWarning)
    ├── StructureWarning               something in a structure deserves a look; names the atoms
    ├── ProvenanceWarning              a model structure used where a measured one is needed
    └── DataWarning                    something in measured data deserves a look

A message says first what was found and where, with the number, then what was expected or what
to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from os import PathLike

__all__ = [
    "BadInput",
    "BadManifest",
    "BadStructure",
    "CannotWrite",
    "DataWarning",
    "MissingExtra",
    "MissingFile",
    "ProgramFailed",
    "ProvenanceWarning",
    "StructureWarning",
    "UnknownName",
    "UnreadableFile",
    "XorderError",
    "XorderWarning",
]


class XorderError(Exception):
    """Base of every error that Xorder raises on purpose."""

    def __init__(
        self,
        found: str,
        *,
        expected: str = "",
        source: str | PathLike[str] | None = None,
        line: int | None = None,
    ) -> None:
        where = "" if source is None else str(source)
        if line is not None:
            where += f", line {line}"
        parts = [f"{where}: {found}" if where else found]
        if expected:
            parts.append(f"expected {expected}")
        super().__init__("; ".join(parts))
        self.found = found
        self.expected = expected
        self.source = source
        self.line = line

    def __str__(self) -> str:
        return str(self.args[0])

    def __reduce__(self) -> tuple[object, ...]:
        # An error crosses process borders in a batch, so it must pickle with its keywords.
        return (
            _rebuild,
            (type(self), self.found, self.expected, self.source, self.line),
        )


def _rebuild(
    kind: type[XorderError],
    found: str,
    expected: str,
    source: str | PathLike[str] | None,
    line: int | None,
) -> XorderError:
    return kind(found, expected=expected, source=source, line=line)


class BadInput(XorderError, ValueError):
    """What was given cannot be used."""


class UnreadableFile(BadInput):
    """A measured file that is not what its name says."""


class UnknownName(BadInput, KeyError):
    """A name that is not among those there are."""


class BadStructure(BadInput):
    """A crystal structure that cannot be used."""


class BadManifest(BadInput):
    """A series.toml that cannot be used."""


class MissingFile(XorderError, FileNotFoundError):
    """A file that is not there."""


class CannotWrite(XorderError, OSError):
    """A folder or file that cannot be written."""


class ProgramFailed(XorderError, RuntimeError):
    """An external program that did not do its work."""


class MissingExtra(XorderError, ImportError):
    """An optional package that is not installed."""


class XorderWarning(UserWarning):
    """Base of every warning that Xorder gives."""


class StructureWarning(XorderWarning):
    """Something in a structure deserves a look; the message names the atoms."""


class ProvenanceWarning(XorderWarning):
    """A model structure used where line positions or distances of a measured one are needed."""


class DataWarning(XorderWarning):
    """Something in measured data deserves a look."""
