"""What the commands of every probe share: files as a series, one result stored and drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cyclopts import Parameter

from xorder.console import progress, say, tell

if TYPE_CHECKING:
    from rich.table import Table

    from xorder.run import Run
    from xorder.series import Series

__all__ = ["OUT", "PLAIN", "Files", "analyse_files", "keep", "run_and_tell"]

# A list of files or planes needs no flag that empties it.
PLAIN = Parameter(negative_iterable=())

Files = list[Path]
OUT = Path("xorder_out")


def keep(found: Any, out: Path, stem: str) -> None:
    """Print a result's messages and numbers; store it and, where it has one, its figure."""
    from xorder.figures.drawing import Drawing, new_figure, style

    for message in found.messages:
        say(message)
    for number in found.numbers:
        say(f"{number}   {number.note}".rstrip())
    found.save(out / f"{stem}.h5")
    if hasattr(found, "plot"):
        with style():
            figure, (ax,) = new_figure(height=4.0)
            found.plot(ax)
            if ax.get_legend_handles_labels()[0]:
                ax.legend(ncols=2)
        Drawing(name=stem, figure=figure).save(out)
    say(f"files    {out}")


def analyse_files(
    probe: str, files: Sequence[Path], recipe: Any, out: Path, jobs: int, *, together: bool = False
) -> int:
    """Run files as a series of one probe; return the exit status."""
    from xorder.series import series_from_files

    series = series_from_files(probe, files, recipe, together=together)
    return run_and_tell(series, probe, out, jobs)


def run_and_tell(
    series: Series,
    probe: str,
    out: Path,
    jobs: int,
    *,
    table: Callable[[Run], Table | None] | None = None,
) -> int:
    """Run a series of one probe and print what came out; return the exit status.

    Parameters
    ----------
    series
        The series.
    probe
        Its probe.
    out
        Folder of all output.
    jobs
        Processes.
    table
        Makes the table that is printed, and may write more files; None prints that of the samples.
    """
    from xorder.run import run_series

    with progress(len(series.samples)) as move:
        done = run_series(series, out, only=(probe,), jobs=jobs, progress=move)
    tell(done, table=None if table is None else table(done))
    return 1 if done.failures else 0
