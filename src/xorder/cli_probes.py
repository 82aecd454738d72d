"""The command groups of the probes: files and a recipe's options to what the main job writes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from xorder.console import progress, say, tell
from xorder.diffraction.options import DiffractionRecipe
from xorder.pdf.options import PdfRecipe
from xorder.pdf.reduction_options import ReductionOptions
from xorder.xas.options import XasRecipe

__all__ = ["diffraction_app", "pdf_app", "xas_app"]

# A list of files or planes needs no flag that empties it.
PLAIN = Parameter(negative_iterable=())

xas_app = App(
    name="xas",
    help="X-ray absorption: near edge, EXAFS, wavelets.",
    default_parameter=PLAIN,
)
diffraction_app = App(
    name="diffraction",
    help="Powder diffraction: patterns, planes, widths.",
    default_parameter=PLAIN,
)
pdf_app = App(
    name="pdf",
    help="Pair distribution functions: refinement, box-car.",
    default_parameter=PLAIN,
)

Files = list[Path]
OUT = Path("xorder_out")


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
    return _analyse("xas", files, recipe or XasRecipe(), out, jobs, together=together)


@diffraction_app.command(name="info")
def diffraction_info(files: Files, /, *, wavelength: str | None = None) -> int:
    """Say what is in powder patterns: range, counts, radiation, what was decided.

    Parameters
    ----------
    files
        Patterns.
    wavelength
        Radiation, such as CuKa or Å; what the file says where not given.
    """
    from xorder.diffraction import read

    for path in files:
        say(read(path, wavelength=_radiation(wavelength)).describe())
    return 0


@diffraction_app.command(name="peaks")
def diffraction_peaks(
    files: Files,
    /,
    *,
    recipe: Annotated[DiffractionRecipe, Parameter(name="*")],
    out: Path = OUT,
    jobs: int = 1,
) -> int:
    """Follow planes through patterns: position, width, area with errors, the cell, figure.

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
    return _analyse("diffraction", files, recipe, out, jobs)


@diffraction_app.command(name="simulate")
def diffraction_simulate(
    structure: str,
    out: Path,
    /,
    *,
    wavelength: str = "CuKa",
    two_theta: tuple[float, float, float] = (5.0, 90.0, 0.02),
    size: float | None = None,
    strain: float = 0.0,
) -> int:
    """Write the calculated powder pattern of a structure as xye.

    Parameters
    ----------
    structure
        A CIF file or the name of a reference structure.
    out
        File to write.
    wavelength
        Radiation, such as CuKa, or a wavelength in Å.
    two_theta
        First angle, last angle and step in degrees.
    size
        Domain size in Å; endless where not given.
    strain
        Microstrain Δd/d.
    """
    from xorder import references
    from xorder.diffraction import simulate, write_xye

    pattern = simulate(
        references.load(structure, line_positions=True),
        wavelength=_radiation(wavelength) or "CuKa",
        two_theta=two_theta,
        size=size,
        strain=strain,
    )
    say(f"wrote {write_xye(out, pattern)} (simulated)")
    return 0


@diffraction_app.command(name="refine")
def diffraction_refine(
    file: Path,
    /,
    *,
    structures: list[str],
    wavelength: str | None = None,
    instrument: Path | None = None,
    two_theta: tuple[float, float] | None = None,
    background: int = 8,
    out: Path = OUT,
) -> int:
    """Refine structures against one powder pattern (Rietveld): parameters, CIFs, figure.

    Parameters
    ----------
    file
        The pattern.
    structures
        CIF files or names of reference structures.
    wavelength
        Radiation, such as CuKa or Å; what the file or the instrument says where not given.
    instrument
        GSAS instrument file: radiation and widths of the instrument.
    two_theta
        Range used, in degrees.
    background
        Number of Chebyshev terms.
    out
        Folder for numbers, CIFs, the HDF5 file and the figure.
    """
    from xorder import references
    from xorder.diffraction import Profile, RefinementOptions, read, read_instrument, refine
    from xorder.store import check_folder

    check_folder(out)
    radiation, profile = read_instrument(instrument) if instrument else (None, Profile())
    pattern = read(file, wavelength=_radiation(wavelength) or radiation)
    options = RefinementOptions(two_theta=two_theta, background=background, profile=profile)
    found = refine(pattern, [references.load(name) for name in structures], options=options)
    for phase, structure in enumerate(structures):
        found.write_cif(out / f"{file.stem}_{Path(structure).stem}.cif", phase=phase)
    _keep(found, out, file.stem)
    return 0 if found.success else 1


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
    _keep(found, out, file.stem)
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
    return _analyse("pdf", files, recipe or PdfRecipe(), out, jobs)


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


def _keep(found: Any, out: Path, stem: str) -> None:
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


def _analyse(
    probe: str, files: Sequence[Path], recipe: Any, out: Path, jobs: int, *, together: bool = False
) -> int:
    """Run files as a series of one probe; return the exit status."""
    from xorder.run import run_series
    from xorder.series import series_from_files

    series = series_from_files(probe, files, recipe, together=together)
    with progress(len(series.samples)) as move:
        done = run_series(series, out, only=(probe,), jobs=jobs, progress=move)
    tell(done)
    return 1 if done.failures else 0


def _radiation(text: str | None) -> str | float | None:
    """Return a wavelength in Å as a number, the name of a radiation as it is."""
    try:
        return None if text is None else float(text)
    except ValueError:
        return text
