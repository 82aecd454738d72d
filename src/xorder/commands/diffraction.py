"""The commands `xorder diffraction …` that read, convert, simulate and follow planes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from xorder.commands.diffraction_fits import register
from xorder.commands.shared import OUT, Files, run_and_tell
from xorder.console import say
from xorder.diffraction.options import DiffractionRecipe, SizeStrainRecipe, TrackRecipe
from xorder.errors import BadInput

__all__ = ["diffraction_app"]

diffraction_app = App(
    name="diffraction",
    help="Powder diffraction: patterns, planes, widths, refinement, weight fractions.\n\n"
    "Options follow the files.",
    # Several words may follow one option; a list needs no flag that empties it.
    default_parameter=Parameter(negative_iterable=(), consume_multiple=True),
)
register(diffraction_app)

#: Endings of the formats that `convert` writes.
ENDINGS = {"xye": "xye", "pdcif": "cif", "csv": "csv"}


@diffraction_app.command(name="info")
def diffraction_info(files: Files, /, *, wavelength: str | None = None, index: int = 0) -> int:
    """Say what is in powder patterns: range, counts, radiation, what was decided.

    Parameters
    ----------
    files
        Patterns.
    wavelength
        Radiation, such as CuKa or Å; what the file says where not given.
    index
        Which pattern of files that hold several, from 0 on.
    """
    from xorder.diffraction import read

    for path in files:
        found = read(path, wavelength=_radiation(wavelength), index=index)
        say(found.describe())
        for note in found.notes:
            say(f"  {note}")
    return 0


@diffraction_app.command(name="convert")
def diffraction_convert(
    files: Files,
    /,
    *,
    to: Literal["xye", "pdcif", "csv"] = "xye",
    axis: Literal["two_theta", "q", "d"] = "two_theta",
    wavelength: str | None = None,
    two_theta: tuple[float, float] | None = None,
    index: int = 0,
    out: Path = OUT,
) -> int:
    """Write powder patterns of any format that is read as xye, powder CIF or CSV.

    Parameters
    ----------
    files
        Patterns.
    to
        Format.
    axis
        Axis of xye and CSV: 2θ in degrees, Q in Å⁻¹ or d in Å, at the first line of the radiation.
    wavelength
        Radiation, such as CuKa or Å; what the file says where not given.
    two_theta
        Range written, in degrees.
    index
        Which pattern of files that hold several, from 0 on.
    out
        Folder for the files.
    """
    from xorder.diffraction import cut, read, write_csv, write_pdcif, write_xye
    from xorder.store import check_folder

    if to == "pdcif" and axis != "two_theta":
        raise BadInput(f"--axis {axis} with --to pdcif", expected="two_theta; or xye, csv")
    check_folder(out)
    named: dict[str, Path] = {}
    for path in files:
        target = out / f"{path.stem}.{ENDINGS[to]}"
        if target.name in named:
            raise BadInput(
                f"{path} and {named[target.name]} would both become {target.name}",
                expected="files of different names, or one call each",
            )
        if target.exists() and target.samefile(path):
            raise BadInput(f"{path} would be written over itself", expected="another --out")
        named[target.name] = path
        pattern = read(path, wavelength=_radiation(wavelength), index=index)
        if two_theta is not None:
            pattern = cut(pattern, two_theta=two_theta)
        for note in pattern.notes:
            say(f"{path.name}: {note}")
        if to == "pdcif":
            written = write_pdcif(target, pattern)
        else:
            write = write_xye if to == "xye" else write_csv
            written = write(target, pattern, axis=axis)
        say(f"wrote {written}: {len(pattern.two_theta)} points")
    return 0


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


@diffraction_app.command(name="peaks")
def diffraction_peaks(
    files: Files,
    /,
    *,
    recipe: Annotated[TrackRecipe, Parameter(name="*")],
    out: Path = OUT,
    jobs: int = 1,
) -> int:
    """Fit planes of each pattern: position, width, area with errors, the cell, figure.

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
    return _run(files, _recipe(recipe), out, jobs)


@diffraction_app.command(name="track")
def diffraction_track(
    files: Files,
    /,
    *,
    recipe: Annotated[TrackRecipe, Parameter(name="*")],
    sizes: Annotated[SizeStrainRecipe | None, Parameter(name="*")] = None,
    order: list[float] | None = None,
    order_name: str = "",
    conductivity: list[float] | None = None,
    out: Path = OUT,
    jobs: int = 1,
) -> int:
    """Follow planes through a series: FWHM, integral breadth, size and strain, loss, figures.

    Planes that overlap are flagged, lost lines have an upper limit. Sizes and strains (Scherrer,
    Williamson–Hall, double Voigt) need the pattern of a standard, or an instrument file.

    Parameters
    ----------
    files
        One file a sample, in the order of the series.
    recipe
        Options of the analysis.
    sizes
        Instrument and how widths become sizes.
    order
        Value of the variable that orders the series, such as hours, one a file.
    order_name
        What that variable is, with unit.
    conductivity
        Ionic conductivity in S/cm, one a file.
    out
        Folder for numbers, files and figures.
    jobs
        Processes.
    """
    own = [
        {"order_value": value, "conductivity": sigma}
        for value, sigma in zip(
            _each(files, order, "--order"),
            _each(files, conductivity, "--conductivity"),
            strict=True,
        )
    ]
    common = replace(_recipe(recipe), size_strain=sizes, order_name=order_name)
    return _run(files, common, out, jobs, own=own)


def _recipe(recipe: TrackRecipe) -> DiffractionRecipe:
    """Return the recipe of an analysis that follows planes only."""
    return DiffractionRecipe(**{f.name: getattr(recipe, f.name) for f in fields(recipe)})


def _each(files: Sequence[Path], values: list[float] | None, option: str) -> Sequence[float | None]:
    if values is None:
        return [None] * len(files)
    if len(values) != len(files):
        raise BadInput(
            f"{option} has {len(values)} values for {len(files)} files", expected="one each"
        )
    return values


def _run(
    files: Sequence[Path],
    recipe: DiffractionRecipe,
    out: Path,
    jobs: int,
    *,
    own: Sequence[dict[str, Any]] | None = None,
) -> int:
    """Run files as a series, each with what is its own in the recipe."""
    from xorder.series import series_from_files

    series = series_from_files("diffraction", files, recipe)
    if own is not None:
        samples = tuple(
            replace(
                sample,
                order=values["order_value"],
                conductivity=values["conductivity"],
                probes={
                    "diffraction": replace(
                        sample.probes["diffraction"], recipe=replace(recipe, **values)
                    )
                },
            )
            for sample, values in zip(series.samples, own, strict=True)
        )
        series = replace(series, samples=samples, order=recipe.order_name)
    return run_and_tell(series, "diffraction", out, jobs)


def _radiation(text: str | None) -> str | float | None:
    """Return a wavelength in Å as a number, the name of a radiation as it is."""
    try:
        return None if text is None else float(text)
    except ValueError:
        return text
