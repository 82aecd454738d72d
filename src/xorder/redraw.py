"""The figures of a finished run drawn again, for a journal or in other formats."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Sequence
from pathlib import Path

from xorder.errors import BadInput
from xorder.figures.drawing import Drawing
from xorder.figures.journals import FORMATS, fit_to_journal
from xorder.run import Run
from xorder.together import draw_amorphization, draw_kind, kinds_of

__all__ = ["drawings_of", "redraw"]


def redraw(
    run: Run,
    folder: Path,
    *,
    only: Sequence[str] = (),
    style: str | None = None,
    formats: Sequence[str] = ("pdf", "png"),
) -> list[Path]:
    """Draw the figures of a run from its stored results; nothing is computed again.

    Parameters
    ----------
    run
        What `open_run` returned.
    folder
        Where the figures and the data drawn in them go.
    only
        Names of figures, ``*`` wildcards allowed; all where empty.
    style
        One of `xorder.figures.journals.JOURNALS`; our own where None.
    formats
        Some of `xorder.figures.journals.FORMATS`.

    Returns
    -------
    :
        The files, in the order in which they were drawn.

    Raises
    ------
    BadInput
        Where a format or style is unknown, or `only` names no figure.
    """
    unknown = [name for name in formats if name not in FORMATS]
    if unknown or not formats:
        raise BadInput(f"formats are {list(formats)}", expected="some of " + ", ".join(FORMATS))
    written: list[Path] = []
    names: list[str] = []
    for drawing in drawings_of(run):
        names.append(drawing.name)
        if only and not any(fnmatch.fnmatch(drawing.name, pattern) for pattern in only):
            continue
        fitted = drawing if style is None else fit_to_journal(drawing, style)
        written += fitted.save(folder, tuple(formats))
    if not written:
        raise BadInput(
            f"no figure is named {', '.join(only)}", expected="one of " + ", ".join(names)
        )
    return written


def drawings_of(run: Run) -> Iterator[Drawing]:
    """Yield the figures of a run, from its stored results."""
    for kind in (kind for probe in run.probes for kind in kinds_of(probe, run.outcomes)):
        yield from draw_kind(kind, run.comparisons.get(kind.name), lambda _said: None)
    yield from draw_amorphization(run.comparisons)
