"""What the command line prints: messages, a progress bar, the outcome of a run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from xorder.errors import XorderWarning

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from xorder.batch import Progress
    from xorder.run import Run
    from xorder.watch import State

__all__ = ["console", "progress", "say", "tell", "tell_watch", "warn"]

#: Characters a line where there is no terminal to say how many.
WIDE = 160


def console(*, stderr: bool = False) -> Console:
    """Return a console; rich loads only when something is printed."""
    from rich.console import Console

    screen = Console(stderr=stderr)
    if not screen.is_terminal and "COLUMNS" not in os.environ:
        # Into a file or a pipe a table keeps its columns whole.
        screen.width = WIDE
    return screen


@contextmanager
def progress(total: int) -> Iterator[Progress | None]:
    """Yield a callback that moves a bar on a terminal, or nothing where there is none."""
    screen = console(stderr=True)
    if not screen.is_terminal:
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=screen) as bar:
        task = bar.add_task("analysing", total=total)
        yield lambda done, _total, name: bar.update(task, completed=done, description=name)


def _said(done: Run) -> dict[str, list[str]]:
    """Return each message once, with the samples it is about."""
    said: dict[str, list[str]] = {}
    for outcome in done.outcomes:
        for message in outcome.messages:
            said.setdefault(message, []).append(outcome.sample.name)
    return said


def tell(done: Run, *, debug: bool = False, table: Table | None = None) -> None:
    """Print what came out: warnings first, then a table, then where the files are.

    The table is one of the samples where none is given.
    """
    screen = console()
    for message, samples in _said(done).items():
        who = "all samples" if len(samples) == len(done.outcomes) > 1 else ", ".join(samples)
        screen.print(f"[yellow]{who}[/]:", end=" ", highlight=False)
        screen.print(message, markup=False, highlight=False, soft_wrap=True)
    for name, found in done.comparisons.items():
        for message in found.messages:
            screen.print(f"[yellow]{name}, compared[/]:", end=" ", highlight=False)
            screen.print(message, markup=False, highlight=False, soft_wrap=True)
    screen.print(table or _samples(done))
    screen.print(f"numbers  {done.summary}", soft_wrap=True, highlight=False)
    screen.print(f"files    {done.out / 'samples'}", soft_wrap=True, highlight=False)
    for figure in done.figures:
        if figure.suffix == ".pdf":
            screen.print(f"figure   {figure}", soft_wrap=True, highlight=False)
    problems = console(stderr=True)
    for failure in done.failures:
        problems.print(f"[bold red]failed[/] {failure.sample} {failure.probe}:", end=" ")
        problems.print(failure.message, markup=False, highlight=False, soft_wrap=True)
        if failure.traceback and debug:
            problems.print(failure.traceback, markup=False, highlight=False)


def tell_watch(last: State) -> int:
    """Print what a watch knew last; return 1 where something has no result."""
    for outcome in last.outcomes.values():
        state = ", ".join(outcome.kinds) or "nothing"
        say(f"sample   {outcome.sample.name}: {state}")
    if last.repeats is not None:
        say(f"counting {last.repeats.sample}: {last.repeats.advice.headline}")
    problems = [one.message for one in last.arrivals if one.state == "bad"]
    problems += [f.message for one in last.outcomes.values() for f in one.failures]
    for text in (*last.messages, *problems):
        say(f"problem  {text}", stderr=True)
    return 1 if problems else 0


def _samples(done: Run) -> Table:
    from rich.table import Table

    simulated = " (simulated data)" if done.series.simulated else ""
    table = Table("sample", "done", "numbers", "seconds", title=done.series.name + simulated)
    for outcome in done.outcomes:
        numbers = sum(len(found) for found in outcome.numbers.values())
        probes = ", ".join(outcome.kinds) or "nothing"
        table.add_row(outcome.sample.name, probes, str(numbers), f"{outcome.seconds:.1f}")
    return table


def say(text: str, *, stderr: bool = False) -> None:
    """Print plain text as it is."""
    console(stderr=stderr).print(text, markup=False, highlight=False, soft_wrap=True)


def warn(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Print a warning of ours as one line; what other packages warn of is not the user's."""
    if issubclass(category, XorderWarning):
        screen = console(stderr=True)
        screen.print("[yellow]warning:[/]", end=" ")
        screen.print(str(message), markup=False, highlight=False, soft_wrap=True)
