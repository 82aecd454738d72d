"""The command line: thin functions over the library.

Exit status: 0 well, 1 samples failed, 2 bad input, 3 a fault of Xorder itself, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
import warnings
from contextvars import ContextVar
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, CycloptsError, Parameter

from xorder._version import __version__
from xorder.commands.diffraction import diffraction_app
from xorder.commands.pdf import pdf_app
from xorder.commands.references import references_app
from xorder.commands.xas import xas_app
from xorder.console import console, progress, say, tell, tell_watch, warn
from xorder.errors import XorderError, XorderWarning

__all__ = ["app", "main"]

Probe = Literal["xas", "diffraction", "pdf"]

_debug: ContextVar[bool] = ContextVar("debug", default=False)

app = App(
    name="xorder",
    help="Order, and its loss, in materials by X-rays: XAS, powder diffraction and PDF.\n\n"
    "Any command takes --debug for a Python traceback where something fails.",
    version=__version__,
)
for group in (xas_app, diffraction_app, pdf_app, references_app):
    app.command(group)


@app.command
def run(
    manifest: Path,
    /,
    *,
    out: Path = Path("xorder_out"),
    jobs: int = 1,
    only: Annotated[tuple[Probe, ...], Parameter(negative="")] = (),
    scheduler: str | None = None,
    fresh: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Analyse a sample series: numbers with errors, one HDF5 file a sample, figures.

    What has not changed since an earlier run into the same folder is not computed again, and a run
    that was killed goes on where it was.

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
    scheduler
        Address of a Dask scheduler (tcp://host:port) or its file: its workers do the work.
    fresh
        Compute everything again, changed or not.
    """
    from contextlib import nullcontext

    from xorder.run import run_series
    from xorder.series import load_series
    from xorder.workers import cluster

    series = load_series(manifest)
    with (
        progress(len(series.samples)) as move,
        nullcontext(jobs) if scheduler is None else cluster(scheduler) as workers,
    ):
        done = run_series(series, out, only=only, jobs=workers, progress=move, fresh=fresh)
    tell(done, debug=_debug.get())
    return 1 if done.failures else 0


@app.command
def figures(
    run: Path,
    /,
    *,
    only: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    style: Literal["rsc", "acs", "nature", "wiley"] | None = None,
    format: str = "pdf,png",
    out: Path | None = None,
) -> int:
    """Draw the figures of a finished run again, from its stored results.

    Parameters
    ----------
    run
        Folder of the run.
    only
        Name of a figure, such as "xas" or "pdf_*"; may be given more than once.
    style
        Journal whose widths and letters to take.
    format
        Formats of the files, such as "pdf,svg,png".
    out
        Folder for the figures; that of the run where not given.
    """
    from xorder.redraw import redraw
    from xorder.run import open_run

    opened = open_run(run)
    folder = out or opened.out / "figures"
    for path in redraw(opened, folder, only=only, style=style, formats=format.split(",")):
        if path.suffix != ".csv":
            say(f"figure   {path}")
    return 0


@app.command
def report(
    run: Path,
    /,
    *,
    out: Path | None = None,
    interactive: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Write the report of a finished run: one HTML file that opens without a network.

    Parameters
    ----------
    run
        Folder of the run.
    out
        The file; report.html in the folder of the run where not given.
    interactive
        Add curves that can be zoomed; the file grows by 5 MB.
    """
    from xorder.report import write_report
    from xorder.run import open_run

    opened = open_run(run)
    path = write_report(opened, out or opened.out / "report.html", interactive=interactive)
    say(f"report   {path}")
    return 0


@app.command
def watch(
    manifest: Path,
    /,
    *,
    out: Path = Path("xorder_out"),
    port: int = 8765,
    host: str = "127.0.0.1",
    token: Annotated[str, Parameter(env_var="XORDER_WATCH_TOKEN")] = "",
    poll: float = 2.0,
    patience: float = 60.0,
    once: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Analyse files as they are written, and show it on a page: newest scan, merge, noise, advice.

    Ctrl-C ends it; `xorder run` into the same folder goes on from there.

    Parameters
    ----------
    manifest
        The series.toml; a change of it is taken up.
    out
        Folder for everything that is written.
    port
        Port of the page; 0 takes one that is free.
    host
        Address of the page; one that others can reach makes a token necessary.
    token
        What a browser must bring (12 characters or more); made and printed where it is needed.
    poll
        Seconds between two looks at the files.
    patience
        Seconds for which a file that cannot be used must be still before that is an error.
    once
        Look twice, analyse what is whole, and end: without a page.
    """
    from xorder.live_page import LivePage
    from xorder.live_server import serve
    from xorder.watch import watch as look

    if once:
        return tell_watch(look(manifest, out, every=poll, patience=patience, once=True))
    page = LivePage(out.absolute(), every=poll)
    with serve(page, host=host, port=port, token=token) as address:
        say(f"page     {address}\nCtrl-C ends the watch.")
        last = look(manifest, out, every=poll, patience=patience, publish=page.show)
    return tell_watch(last)


@app.command
def example(folder: Path, /, *, atomistic: Annotated[bool, Parameter(negative="")] = False) -> int:
    """Write a small complete example to start from: a simulated milling series of NaTaCl6.

    Parameters
    ----------
    folder
        A new or empty folder.
    atomistic
        Eight samples whose amorphous part is made of atoms, with raw counts, blanks and the
        amorphous end member; takes longer, as FEFF calculates seven surroundings of Ta.
    """
    if atomistic:
        from xorder.digital_series import ATOMISTIC_SERIES, simulate_series

        manifest = simulate_series(ATOMISTIC_SERIES, folder)
    else:
        from xorder.example import write_example

        manifest = write_example(folder)
    say(f"Wrote a simulated series. Run it:\n  xorder run {manifest}")
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
    say(report(crystal))
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
        warnings.showwarning = warn
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


def _fail(message: str, debug: bool) -> int:
    screen = console(stderr=True)
    if debug:
        screen.print_exception()
    screen.print("[bold red]error:[/]", end=" ")
    say(message, stderr=True)
    return 2


if __name__ == "__main__":
    sys.exit(main())
