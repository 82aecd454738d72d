"""The command line: thin functions over the library.

Exit status: 0 well, 1 samples failed, 2 bad input, 3 a fault of Xorder itself, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TextIO

from cyclopts import App, CycloptsError, Parameter

from xorder._version import __version__
from xorder.errors import XorderError, XorderWarning

if TYPE_CHECKING:
    from rich.console import Console

    from xorder.batch import Progress
    from xorder.run import Run

__all__ = ["app", "main"]

Probe = Literal["xas", "diffraction", "pdf"]

_debug: ContextVar[bool] = ContextVar("debug", default=False)

app = App(
    name="xorder",
    help="Order, and its loss, in materials by X-rays: XAS, powder diffraction and PDF.\n\n"
    "Any command takes --debug for a Python traceback where something fails.",
    version=__version__,
)
references_app = App(name="references", help="Reference structures with their provenance.")
app.command(references_app)


@app.command
def run(
    manifest: Path,
    /,
    *,
    out: Path = Path("xorder_out"),
    jobs: int = 1,
    only: Annotated[tuple[Probe, ...], Parameter(negative="")] = (),
) -> int:
    """Analyse a sample series: numbers with errors, one HDF5 file a sample, figures.

    Parameters
    ----------
    manifest
        The series.toml.
    out
        Folder for everything that is written.
    jobs
        Processes.
    only
        Run this probe alone; may be given more than once.
    """
    from xorder.run import run_series
    from xorder.series import load_series

    series = load_series(manifest)
    with _progress(len(series.samples)) as progress:
        done = run_series(series, out, only=only, jobs=jobs, progress=progress)
    _tell(done)
    return 1 if done.failures else 0


@app.command
def example(folder: Path, /) -> int:
    """Write a small complete example to start from: a simulated milling series of NaTaCl6.

    Parameters
    ----------
    folder
        A new or empty folder.
    """
    from xorder.example import write_example

    manifest = write_example(folder)
    _console().print(f"Wrote a simulated series. Run it:\n  xorder run {manifest}", soft_wrap=True)
    return 0


@app.command
def structure(file: str, /, *, expect: str | None = None) -> int:
    """Print cell, symmetry, composition, density, sites, bonds and coordination of a structure.

    Parameters
    ----------
    file
        A CIF file or the name of a reference structure.
    expect
        Deposit number the file must be, such as "CCDC 2329960"; differences are an error.
    """
    from xorder.references import load
    from xorder.structure import load_structure
    from xorder.structure_report import report

    crystal = load_structure(Path(file), expect=expect) if expect else load(file)
    _console().print(report(crystal), markup=False, highlight=False, soft_wrap=True)
    return 0


@references_app.command(name="list")
def list_references() -> int:
    """List the reference structures with status and confidence."""
    from rich.table import Table

    from xorder.references import entries

    table = Table("name", "status", "line positions", "title", box=None)
    for entry in entries():
        trusted = "trusted" if entry.line_positions_trusted else "not trusted"
        table.add_row(entry.name, entry.status, trusted, entry.title)
    _console().print(table)
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    # Matrices here are small: threads of the linear algebra cost more than they give, and fight the
    # other processes. It must be said before NumPy loads; what the user has set stands.
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    _debug.set(debug)
    words = [word for word in words if word != "--debug"]
    with warnings.catch_warnings():
        warnings.simplefilter("default", XorderWarning)
        warnings.showwarning = _warn
        return _status(words, debug)


def _status(words: list[str], debug: bool) -> int:
    try:
        return int(
            app(words, exit_on_error=False, print_error=False, result_action="return_value") or 0
        )
    except CycloptsError as error:
        return _fail(str(error).strip() + " See `xorder --help`.", debug)
    except XorderError as error:
        return _fail(str(error), debug)
    except KeyboardInterrupt:
        _fail("interrupted; what was written is whole", debug=False)
        return 130
    except BrokenPipeError:
        # The reader of our output has gone (`| head`): nothing is wrong, and nobody listens.
        sys.stdout = None
        return 0
    except Exception as error:
        fault = f"Xorder failed ({type(error).__name__}: {error}); please report it with --debug"
        _fail(fault, debug)
        return 3


def _warn(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Print a warning of ours as one line; what other packages warn of is not the user's."""
    if issubclass(category, XorderWarning):
        console = _console(stderr=True)
        console.print("[yellow]warning:[/]", end=" ")
        console.print(str(message), markup=False, highlight=False, soft_wrap=True)


def _fail(message: str, debug: bool) -> int:
    if debug:
        _console(stderr=True).print_exception()
    console = _console(stderr=True)
    console.print("[bold red]error:[/]", end=" ")
    console.print(message, markup=False, highlight=False, soft_wrap=True)
    return 2


def _console(*, stderr: bool = False) -> Console:
    from rich.console import Console

    return Console(stderr=stderr)


@contextmanager
def _progress(total: int) -> Iterator[Progress | None]:
    """Yield a callback that moves a bar on a terminal, or nothing where there is none."""
    console = _console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console) as bar:
        task = bar.add_task("analysing", total=total)
        yield lambda done, _total, name: bar.update(task, completed=done, description=name)


def _said(done: Run) -> dict[str, list[str]]:
    """Return each message once, with the samples it is about."""
    said: dict[str, list[str]] = {}
    for outcome in done.outcomes:
        for message in outcome.messages:
            said.setdefault(message, []).append(outcome.sample.name)
    return said


def _tell(done: Run) -> None:
    """Print what came out: warnings first, then the samples, then where the files are."""
    from rich.table import Table

    console = _console()
    for message, samples in _said(done).items():
        who = "all samples" if len(samples) == len(done.outcomes) > 1 else ", ".join(samples)
        console.print(f"[yellow]{who}[/]:", end=" ", highlight=False)
        console.print(message, markup=False, highlight=False, soft_wrap=True)
    simulated = " (simulated data)" if done.series.simulated else ""
    table = Table("sample", "done", "numbers", "seconds", title=done.series.name + simulated)
    for outcome in done.outcomes:
        numbers = sum(len(analysis.numbers) for analysis in outcome.analyses.values())
        probes = ", ".join(outcome.analyses) or "nothing"
        table.add_row(outcome.sample.name, probes, str(numbers), f"{outcome.seconds:.1f}")
    console.print(table)
    console.print(f"numbers  {done.summary}", soft_wrap=True, highlight=False)
    console.print(f"files    {done.out / 'samples'}", soft_wrap=True, highlight=False)
    for figure in done.figures:
        if figure.suffix == ".pdf":
            console.print(f"figure   {figure}", soft_wrap=True, highlight=False)
    problems = _console(stderr=True)
    for failure in done.failures:
        problems.print(f"[bold red]failed[/] {failure.sample} {failure.probe}:", end=" ")
        problems.print(failure.message, markup=False, highlight=False, soft_wrap=True)
        if failure.traceback and _debug.get():
            problems.print(failure.traceback, markup=False, highlight=False)


if __name__ == "__main__":
    sys.exit(main())
