"""Samples together: what those of one kind give in comparison, and the series on one scale.

A kind is what may be drawn in one figure: one edge, one structure, one set of phases.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, overload

from xorder.batch import Outcome
from xorder.figures.drawing import Drawing
from xorder.results import Number
from xorder.series import Series
from xorder.store import file_stem

if TYPE_CHECKING:
    from xorder.amorphization import Amorphization

__all__ = [
    "AMORPHIZATION",
    "Kind",
    "amorphize",
    "compare_kind",
    "draw_amorphization",
    "draw_kind",
    "kinds_of",
]

#: Name of the series' scale among its comparisons.
AMORPHIZATION = "amorphization"
#: More curves than this are a smear: that many are drawn, evenly chosen.
DRAWN = 24
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


def amorphize(
    series: Series, outcomes: Sequence[Outcome], comparisons: Mapping[str, Any]
) -> Amorphization | None:
    """Return a series on the scale of amorphization, or None where it has no end members.

    Raises
    ------
    BadInput
        Where no sample has a number that tells disorder.
    """
    from xorder.amorphization import amorphization_from_numbers

    if series.ends is None or len(outcomes) < 3:
        return None
    samples = [outcome.sample for outcome in outcomes]
    return amorphization_from_numbers(
        {outcome.sample.name: _numbers(outcome, comparisons) for outcome in outcomes},
        crystalline=series.ends[0],
        amorphous=series.ends[1],
        order={sample.name: sample.order for sample in samples},
        order_name=series.order,
        conductivity={
            sample.name: (sample.conductivity, sample.conductivity_stderr) for sample in samples
        },
        simulated=series.simulated,
    )


def _numbers(outcome: Outcome, comparisons: Mapping[str, Any]) -> dict[str, tuple[Number, ...]]:
    """Return the numbers of a sample by probe, those of comparisons with them."""
    numbers = dict(outcome.numbers)
    for name, found in comparisons.items():
        probe = name.split("_")[0]
        more = found.sample_numbers.get(outcome.sample.name, ())
        numbers[probe] = (*numbers.get(probe, ()), *more)
    return numbers


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


def draw_amorphization(comparisons: Mapping[str, Any]) -> Iterator[Drawing]:
    """Yield the figure of the series on one scale, where it has one."""
    if AMORPHIZATION in comparisons:
        from xorder.figures.amorphization import draw

        yield draw(comparisons[AMORPHIZATION])
