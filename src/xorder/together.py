"""Samples of one kind together: what they give in comparison, and their figures.

A kind is what may be drawn in one figure: one edge, one structure, one set of phases.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec
from typing import Any, overload

from xorder.batch import Outcome
from xorder.figures.drawing import Drawing
from xorder.store import file_stem

__all__ = ["Kind", "compare_kind", "draw_kind", "kinds_of"]

#: More curves than this are a smear: that many are drawn, evenly chosen.
DRAWN = 48
#: More samples than this are not compared as one: the matrices would not fit.
COMPARED = 2000


class _Analyses(Sequence[Any]):
    """The analyses of one probe, each read from its file when it is asked for."""

    def __init__(self, outcomes: Sequence[Outcome], probe: str) -> None:
        self._outcomes = outcomes
        self._probe = probe

    def __len__(self) -> int:
        return len(self._outcomes)

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return _Analyses(self._outcomes[index], self._probe)
        return self._outcomes[index].analyses[self._probe]


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Kind:
    """Samples that belong together."""

    name: str
    """Name of its files: the probe, and the kind where there are several."""
    probe: str
    """The probe."""
    outcomes: tuple[Outcome, ...]
    """The samples, in the order of the series."""

    @property
    def analyses(self) -> Sequence[Any]:
        """The analyses, read one by one."""
        return _Analyses(self.outcomes, self.probe)


def kinds_of(probe: str, outcomes: Sequence[Outcome]) -> list[Kind]:
    """Return the kinds of samples there are, in the order of their first sample."""
    groups: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        if probe in outcome.kinds:
            groups.setdefault(outcome.kinds[probe], []).append(outcome)
    several = len(groups) > 1
    return [
        Kind(
            name=f"{probe}_{file_stem(kind)}" if several else probe,
            probe=probe,
            outcomes=tuple(group),
        )
        for kind, group in groups.items()
    ]


def compare_kind(kind: Kind, say: Callable[[str], None]) -> Any:
    """Return what samples of one kind give together, or None: a probe need not compare.

    `say` takes what a user must know.
    """
    module = f"xorder.{kind.probe}.comparison"
    if find_spec(module) is None:
        return None
    if len(kind.outcomes) > COMPARED:
        say(f"{kind.name}: {len(kind.outcomes)} samples are not compared; {COMPARED} at most are.")
        return None
    recipe = kind.outcomes[0].sample.probes[kind.probe].recipe
    return import_module(module).compare(kind.analyses, recipe)


def draw_kind(kind: Kind, comparison: Any, say: Callable[[str], None]) -> Iterator[Drawing]:
    """Yield the figures of samples of one kind, and those of their comparison.

    `say` takes what a user must know.
    """
    figures = import_module(f"xorder.figures.{kind.probe}")
    analyses: Sequence[Any] = kind.analyses
    if len(analyses) > DRAWN:
        say(f"{kind.name}: of {len(analyses)} samples {DRAWN} are drawn, evenly chosen.")
        last = len(analyses) - 1
        analyses = [analyses[round(i * last / (DRAWN - 1))] for i in range(DRAWN)]
    drawing = figures.draw(analyses)
    yield replace(drawing, name=drawing.name + kind.name.removeprefix(kind.probe))
    more: list[Drawing] = []
    if hasattr(figures, "draw_details"):
        more += figures.draw_details(analyses)
    if comparison is not None and hasattr(figures, "draw_comparison"):
        more += figures.draw_comparison(comparison)
    yield from (replace(drawing, name=f"{kind.name}_{drawing.name}") for drawing in more)
