"""The commands `xorder xas …` that read, convert, normalize and transform."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from xorder.commands.shared import OUT, Files
from xorder.commands.xas_fits import register
from xorder.commands.xas_series import (
    OUTPUT,
    STEPS,
    Output,
    analyses_of,
    number_table,
    recipe_of,
    run_recipe,
    table_of,
)
from xorder.console import console, say
from xorder.xas.options import ExafsSteps, NormalizationSteps

if TYPE_CHECKING:
    from rich.table import Table

    from xorder.run import Run

__all__ = ["xas_app"]

# Several words may follow one option: --references a.xdi b.xdi.
_LISTS = Parameter(negative_iterable=(), consume_multiple=True)

xas_app = App(
    name="xas",
    help="X-ray absorption: near edge, EXAFS, wavelets, shell fits, mixtures.\n\n"
    "FILES are scans or projects; each group of a project is a sample. Options follow the files.",
    default_parameter=_LISTS,
)
register(xas_app)

#: Endings of the formats that `convert` writes.
ENDINGS = {"xdi": ".xdi", "nexus": ".nxs", "csv": ".csv"}


@xas_app.command(name="info")
def xas_info(files: Files, /, *, full: Annotated[bool, Parameter(negative="")] = False) -> int:
    """Say what is in absorption files: energies, signal, edge, what was decided.

    Parameters
    ----------
    files
        Scans or projects.
    full
        Print every field of each spectrum.
    """
    from xorder.xas import read_all

    rows, messages = [], dict[str, None]()
    for path in files:
        for spectrum in read_all(path):
            if full:
                say(spectrum.describe())
            channels = [n for n in ("mu", "i0", "mu_ref") if getattr(spectrum, n) is not None]
            rows.append(
                [
                    path.name,
                    spectrum.name,
                    f"{spectrum.element} {spectrum.edge}".strip() or "–",
                    f"{spectrum.energy[0]:.1f} to {spectrum.energy[-1]:.1f}",
                    str(spectrum.energy.size),
                    spectrum.mode or "–",
                    ", ".join(channels),
                ]
            )
            messages |= dict.fromkeys(spectrum.messages)
    head = ["file", "spectrum", "edge", "energy (eV)", "points", "signal", "channels"]
    for message in messages:
        say(message)
    console().print(table_of("", head, rows))
    return 0


@xas_app.command(name="convert")
def xas_convert(
    files: Files,
    /,
    *,
    to: Literal["xdi", "athena", "nexus", "csv"],
    out: Path = OUT,
    columns: str = "",
    mode: Literal["", "transmission", "fluorescence", "electron_yield", "reference"] = "",
    element: str = "",
    edge: str = "",
    energy_shift: float = 0.0,
    sort: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Write absorption files in another format: XDI, one Athena project, NXxas or CSV.

    Parameters
    ----------
    files
        Scans or projects.
    to
        Format: one file a spectrum, but one project of all for athena.
    out
        Folder for the files; that of a project may also be its .prj.
    columns
        Columns of text files, such as "energy=1, i0=2, itrans=3"; the file's labels where empty.
    mode
        Signal to take where a file has several; transmission first where empty.
    element
        Absorbing element; the files' own word where empty.
    edge
        Edge, such as "L3"; the files' own word where empty.
    energy_shift
        Added to all energies, in eV.
    sort
        Sort energies that do not ascend; otherwise they are refused.
    """
    from xorder.store import check_folder, file_stem
    from xorder.xas import read_all, write_athena
    from xorder.xas.readers.channels import parse_columns

    spectra = [
        replace(
            spectrum,
            energy=spectrum.energy + energy_shift,
            element=element or spectrum.element,
            edge=edge or spectrum.edge,
            name=spectrum.name or path.stem,
        )
        for path in files
        for spectrum in read_all(
            path, columns=parse_columns(columns) or None, mode=mode or None, sort=sort
        )
    ]
    if to == "athena":
        whole = out if out.suffix == ".prj" else out / "spectra.prj"
        check_folder(whole.parent)
        say(f"wrote {write_athena(spectra, whole)} of {len(spectra)} spectra")
        return 0
    check_folder(out)
    taken: set[str] = set()
    for number, spectrum in enumerate(spectra, start=1):
        stem = file_stem(spectrum.name) or f"spectrum_{number}"
        stem = f"{stem}_{number}" if stem.lower() in taken else stem
        taken.add(stem.lower())
        say(f"wrote {_written(to, spectrum, out / (stem + ENDINGS[to]))}")
    return 0


def _written(to: str, spectrum: object, path: Path) -> Path:
    from xorder.store import write_text
    from xorder.xas import Spectrum, write_nexus, write_xdi

    assert isinstance(spectrum, Spectrum)  # noqa: S101 - for the type checker
    if to == "xdi":
        return write_xdi(spectrum, path)
    if to == "nexus":
        return write_nexus(spectrum, path)
    frame = spectrum.to_dataframe().rename_axis("energy (eV)")
    # Two spectra of one file must not differ in their last digit: 10 digits hold them.
    return write_text(path, frame.to_csv(float_format="%.10g", lineterminator="\n"))


@xas_app.command(name="normalize")
def xas_normalize(
    files: Files,
    /,
    *,
    steps: Annotated[NormalizationSteps | None, STEPS] = None,
    output: Annotated[Output | None, OUTPUT] = None,
) -> int:
    """Normalize spectra: columns of the normalized and flattened μ, edge step, white line, figure.

    Parameters
    ----------
    files
        One sample a file, or a group of a project.
    steps
        Options of reading, preparing and normalizing.
    output
        Where to write, and processes.
    """
    recipe = recipe_of(steps, exafs=False)
    numbers = number_table(
        ("e0", "edge_step", "white_line_energy", "white_line_height", "white_line_area"),
        "normalized",
    )

    def table(done: Run) -> Table:
        _write_columns(done)
        return numbers(done)

    return run_recipe(files, recipe, output, table)


def _write_columns(done: Run) -> None:
    """Write energy, μ, its normalized and flattened form of each sample as CSV."""
    from xorder.store import file_stem, write_text

    for analysis in analyses_of(done):
        frame = analysis.normalized.to_dataframe().rename_axis("energy (eV)")
        path = done.out / "normalized" / f"{file_stem(analysis.name) or 'sample'}.csv"
        write_text(path, frame.to_csv(float_format="%.8g", lineterminator="\n"))


@xas_app.command(name="exafs")
def xas_exafs(
    files: Files,
    /,
    *,
    steps: Annotated[ExafsSteps | None, STEPS] = None,
    output: Annotated[Output | None, OUTPUT] = None,
) -> int:
    """Analyse absorption files: normalized spectrum, χ(k), χ(R), wavelet map, numbers, figure.

    Parameters
    ----------
    files
        One sample a file, or a group of a project.
    steps
        Options of the analysis.
    output
        Where to write, and processes.
    """
    recipe = recipe_of(steps)
    names = ("e0", "white_line_height", "epsilon_k", "first_shell_r", "first_shell_magnitude")
    return run_recipe(files, recipe, output, number_table(names, "EXAFS"))


@xas_app.command(name="wavelet")
def xas_wavelet(
    files: Files,
    /,
    *,
    steps: Annotated[ExafsSteps | None, STEPS] = None,
    output: Annotated[Output | None, OUTPUT] = None,
) -> int:
    """Draw wavelet maps on one colour scale and measure them in a box of k and R.

    The box is --feature-r and --feature-k; the resolution is --rho, whatever is plotted.

    Parameters
    ----------
    files
        One sample a file, or a group of a project.
    steps
        Options of the analysis.
    output
        Where to write, and processes.
    """
    numbers = number_table(
        ("wavelet_feature_k", "wavelet_feature_r", "wavelet_feature", "wavelet_feature_ratio",
         "wavelet_box_mean"),
        "wavelet maps",
    )  # fmt: skip

    def table(done: Run) -> Table:
        from xorder.figures.xas_wavelets import draw_wavelets

        mapped = [a for a in analyses_of(done) if a.wavelets is not None]
        if mapped:
            drawing = draw_wavelets(mapped)
            paths = replace(drawing, name=f"xas_{drawing.name}").save(done.out / "figures")
            say(f"figure   {paths[0]}")
        return numbers(done)

    recipe = recipe_of(steps)
    return run_recipe(files, recipe, output, table)
