"""What a shell fit may be given, brought to one form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from xorder.errors import BadInput
from xorder.xas.background import Exafs
from xorder.xas.scattering_paths import ScatteringPath
from xorder.xas.shell_paths import Shell, quick_shells, shells_from_paths

__all__ = ["AnyShell", "as_shells", "each_range", "each_spectrum"]

#: What a shell may be given as.
AnyShell = Shell | ScatteringPath | tuple[str, float]


def as_shells(given: Sequence[AnyShell], exafs: Exafs, s02: float) -> tuple[Shell, ...]:
    """Return shells for whatever was given, in its order of kinds."""
    shells = [item for item in given if isinstance(item, Shell)]
    paths = [item for item in given if isinstance(item, ScatteringPath)]
    pairs = [item for item in given if isinstance(item, tuple)]
    if len(shells) + len(paths) + len(pairs) != len(given):
        odd = next(i for i in given if not isinstance(i, (Shell, ScatteringPath, tuple)))
        raise BadInput(
            f"a shell is {type(odd).__name__}", expected="Shell, ScatteringPath or (element, Å)"
        )
    if paths:
        shells += shells_from_paths(paths)
    for pair in pairs:
        if len(pair) != 2 or not isinstance(pair[0], str):
            raise BadInput(f"a shell is {pair!r}", expected="(element, distance in Å)")
    if pairs:
        if not (exafs.element and exafs.edge):
            raise BadInput(
                "the spectrum does not say its element and edge",
                expected="a spectrum with both, or Shell objects",
            )
        shells += quick_shells(pairs, absorber=exafs.element, edge=exafs.edge, s02=s02)
    return tuple(shells)


def each_spectrum(shells: Any, spectra: Sequence[Exafs]) -> list[Sequence[AnyShell]]:
    """Return one list of shells a spectrum."""
    items = list(shells)
    if not items:
        raise BadInput("there is no shell to fit", expected="at least one")
    nested = isinstance(items[0], (list, tuple)) and not (
        isinstance(items[0], tuple) and items[0] and isinstance(items[0][0], str)
    )
    if not nested:
        return [items] * len(spectra)
    if len(items) != len(spectra):
        raise BadInput(f"there are {len(items)} lists of shells for {len(spectra)} spectra")
    return items


def each_range(given: Any, spectra: Sequence[Exafs], name: str) -> list[tuple[float, float] | None]:
    """Return one range a spectrum."""
    if given is None:
        return [None] * len(spectra)
    items = list(given)
    if len(items) == 2 and all(isinstance(item, (int, float)) for item in items):
        return [(float(items[0]), float(items[1]))] * len(spectra)
    if len(items) != len(spectra) or any(len(tuple(item)) != 2 for item in items):
        raise BadInput(f"{name} is {given!r}", expected="two numbers, or two for each spectrum")
    return [(float(low), float(high)) for low, high in items]
