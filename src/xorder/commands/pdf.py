"""The commands `xorder pdf …`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from xorder.commands.shared import OUT, PLAIN, Files, analyse_files, keep
from xorder.console import say
from xorder.pdf.options import PdfRecipe
from xorder.pdf.reduction_options import ReductionOptions

__all__ = ["pdf_app"]

pdf_app = App(
    name="pdf",
    help="Pair distribution functions: refinement, box-car.",
    default_parameter=PLAIN,
)


@pdf_app.command(name="reduce")
def pdf_reduce(
    file: Path,
    /,
    *,
    options: Annotated[ReductionOptions | None, Parameter(name="*")] = None,
    composition: str | None = None,
    wavelength: float | None = None,
    background: Path | None = None,
    container: Path | None = None,
    out: Path = OUT,
) -> int:
    """Reduce intensities to S(Q), F(Q) and G(r), with errors.

    Parameters
    ----------
    file
        I(Q) or I(2θ) of the sample.
    options
        Corrections, normalization and transform.
    composition
        Formula; the file's where not given.
    wavelength
        Wavelength in Å; the file's where not given.
    background
        I of the empty instrument.
    container
        I of the empty container.
    out
        Folder for .iq, .sq, .fq, .gr and the HDF5 file.
    """
    from xorder.pdf import read_iq, reduce, write_reduction
    from xorder.store import check_folder

    check_folder(out)

    def intensity(path: Path | None) -> Any:
        return None if path is None else read_iq(path, wavelength=wavelength)

    found = reduce(
        read_iq(file, wavelength=wavelength, composition=composition),
        composition=composition,
        wavelength=wavelength,
        background=intensity(background),
        container=intensity(container),
        options=options,
    )
    write_reduction(out / file.stem, found)
    keep(found, out, file.stem)
    return 0


@pdf_app.command(name="info")
def pdf_info(files: Files, /) -> int:
    """Say what is in G(r) files: range, Qmax, resolution, composition.

    Parameters
    ----------
    files
        G(r) files.
    """
    from xorder.pdf import read

    for path in files:
        say(read(path).describe())
    return 0


@pdf_app.command(name="refine")
def pdf_refine(
    files: Files,
    /,
    *,
    recipe: Annotated[PdfRecipe | None, Parameter(name="*")] = None,
    out: Path = OUT,
    jobs: int = 1,
) -> int:
    """Refine structures against G(r) files, over the whole range and in windows, figure.

    Parameters
    ----------
    files
        One file a sample.
    recipe
        Options of the analysis.
    out
        Folder for numbers, files and figures.
    jobs
        Processes.
    """
    return analyse_files("pdf", files, recipe or PdfRecipe(), out, jobs)


@pdf_app.command(name="calculate")
def pdf_calculate(
    structure: str,
    out: Path,
    /,
    *,
    q_max: float,
    r_max: float = 30.0,
    qdamp: float = 0.0,
    uiso: float = 0.006,
    delta2: float = 0.0,
) -> int:
    """Write the calculated G(r) of a structure as .gr.

    Parameters
    ----------
    structure
        A CIF file or the name of a reference structure.
    out
        File to write.
    q_max
        Upper end of Q in Å⁻¹.
    r_max
        End of r in Å.
    qdamp
        Resolution damping in Å⁻¹.
    uiso
        Displacement of all atoms in Å².
    delta2
        Correlated motion in Å².
    """
    import numpy as np

    from xorder import references
    from xorder.pdf import SimulatedPhase, simulate_gr, write_gr

    phase = SimulatedPhase(
        crystal=references.load(structure), mass_fraction=1.0, uiso=uiso, delta2=delta2
    )
    r = np.arange(0.01, r_max + 0.005, 0.01)
    say(f"wrote {write_gr(out, simulate_gr([phase], r=r, q_max=q_max, qdamp=qdamp))} (simulated)")
    return 0
