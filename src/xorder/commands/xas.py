"""The commands `xorder xas …`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from xorder.commands.shared import OUT, PLAIN, Files, analyse_files
from xorder.console import say
from xorder.xas.options import XasRecipe

__all__ = ["xas_app"]

xas_app = App(
    name="xas",
    help="X-ray absorption: near edge, EXAFS, wavelets.",
    default_parameter=PLAIN,
)


@xas_app.command(name="info")
def xas_info(files: Files, /) -> int:
    """Say what is in absorption files: energies, signal, edge, what was decided.

    Parameters
    ----------
    files
        Scans or Athena projects.
    """
    from xorder.xas import read_all

    for path in files:
        for spectrum in read_all(path):
            say(spectrum.describe())
    return 0


@xas_app.command(name="exafs")
def xas_exafs(
    files: Files,
    /,
    *,
    recipe: Annotated[XasRecipe | None, Parameter(name="*")] = None,
    together: Annotated[bool, Parameter(negative="")] = False,
    out: Path = OUT,
    jobs: int = 1,
) -> int:
    """Analyse absorption files: normalized spectrum, χ(k), χ(R), wavelet map, numbers, figure.

    Parameters
    ----------
    files
        One file a sample.
    recipe
        Options of the analysis.
    together
        Take all files as repeated scans of one sample.
    out
        Folder for numbers, files and figures.
    jobs
        Processes.
    """
    return analyse_files("xas", files, recipe or XasRecipe(), out, jobs, together=together)
