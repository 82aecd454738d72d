"""`xorder pdf refine|boxcar|peaks`: G(r), or what becomes one, to numbers and a figure."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from xorder.commands.shared import OUT, Files, analyse_files
from xorder.errors import BadInput
from xorder.pdf.options import PdfRecipe
from xorder.pdf.recipe_tables import PeakOptions

__all__ = ["pdf_boxcar", "pdf_peaks", "pdf_refine"]


def pdf_refine(
    files: Files,
    /,
    *,
    recipe: Annotated[PdfRecipe | None, Parameter(name="*")] = None,
    out: Path = OUT,
    jobs: int = 1,
) -> int:
    """Refine structures against G(r): one file, several, a series, data sets together; windows.

    With --joint all files are data sets of one sample, such as X-rays and neutrons. With --series
    sequential or joint, each file is a sample and the samples are refined once more in a row or
    with one structure. A project of PDFgui brings structures, data, ranges and constraints along.

    Parameters
    ----------
    files
        One file a sample, or with --joint one a data set.
    recipe
        Options of the analysis.
    out
        Folder for numbers, files and figures.
    jobs
        Processes.
    """
    recipe = recipe or PdfRecipe()
    projects = [path for path in files if path.suffix.lower() in (".ddp3", ".ddp")]
    if projects:
        if len(projects) < len(files):
            raise BadInput(
                f"{len(projects)} of {len(files)} files are projects of PDFgui",
                expected="projects alone, or data alone",
            )
        from xorder.commands.pdf_projects import refine_projects

        return refine_projects(projects, out)
    return analyse_files("pdf", files, recipe, out, jobs, together=recipe.joint)


def pdf_boxcar(
    files: Files,
    /,
    *,
    recipe: Annotated[PdfRecipe | None, Parameter(name="*")] = None,
    out: Path = OUT,
    jobs: int = 1,
) -> int:
    """Fit windows of r, sliding and growing: fractions and scales against length, order length.

    --boxcar.free says what each window frees; everything else stays as the whole range gave it.

    Parameters
    ----------
    files
        One file a sample.
    recipe
        Options of the analysis; structures are needed.
    out
        Folder for numbers, files and figures.
    jobs
        Processes.
    """
    recipe = recipe or PdfRecipe()
    if not recipe.structures:
        raise BadInput("there is no structure", expected="--structures: CIF files or references")
    recipe = replace(recipe, boxcar=replace(recipe.boxcar, fit=True, cumulative=True))
    return analyse_files("pdf", files, recipe, out, jobs, together=recipe.joint)


def pdf_peaks(
    files: Files,
    /,
    *,
    peaks: Annotated[PeakOptions | None, Parameter(name="*")] = None,
    window: tuple[float, float] | None = None,
    composition: str = "",
    q_max: float | None = None,
    radiation: Literal["xray", "neutron"] | None = None,
    out: Path = OUT,
    jobs: int = 1,
) -> int:
    """Fit peaks of G(r): position, width, area, neighbours; growth of a window through a series.

    Parameters
    ----------
    files
        One file a sample, in the order of the series.
    peaks
        Which peaks.
    window
        Ends in Å of a window whose area is followed through the files, such as 3.5 4.0.
    composition
        Formula; the files' where not given.
    q_max
        Upper end of Q in Å⁻¹; the files' where not given.
    radiation
        What was scattered; the files' where not given.
    out
        Folder for numbers, files and figures.
    jobs
        Processes.
    """
    if peaks is None and window is None:
        raise BadInput("there is nothing to look for", expected="--centres of peaks or a --window")
    recipe = PdfRecipe(
        peaks=peaks, window=window, composition=composition, q_max=q_max, radiation=radiation
    )
    return analyse_files("pdf", files, recipe, out, jobs)
