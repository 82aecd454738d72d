"""The commands `xorder diffraction …`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from xorder.commands.shared import OUT, PLAIN, Files, analyse_files, keep
from xorder.console import say
from xorder.diffraction.options import DiffractionRecipe

__all__ = ["diffraction_app"]

diffraction_app = App(
    name="diffraction",
    help="Powder diffraction: patterns, planes, widths.",
    default_parameter=PLAIN,
)


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
    return analyse_files("diffraction", files, recipe, out, jobs)


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
    keep(found, out, file.stem)
    return 0 if found.success else 1


def _radiation(text: str | None) -> str | float | None:
    """Return a wavelength in Å as a number, the name of a radiation as it is."""
    try:
        return None if text is None else float(text)
    except ValueError:
        return text
