"""The commands `xorder xas …` that fit: paths, shells, mixtures, components, species."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App

from xorder.commands.shared import OUT, Files
from xorder.commands.xas_series import (
    OUTPUT,
    STEPS,
    TABLE,
    Output,
    plus_minus,
    recipe_of,
    run_recipe,
    table_of,
)
from xorder.console import say
from xorder.errors import BadInput
from xorder.xas.options import ExafsSteps, NormalizationSteps
from xorder.xas.recipe_tables import (
    BondAngleOptions,
    ComponentOptions,
    CurveResolutionOptions,
    MixtureOptions,
    ShellFitOptions,
)

if TYPE_CHECKING:
    from rich.table import Table

    from xorder.run import Run

__all__ = ["register"]

#: Mixtures of one sample in the table on the screen; the CSV has them all.
MOST_RANKED = 5


def register(app: App) -> None:
    """Add the commands of this module to the group."""
    for name, command in (
        ("paths", xas_paths),
        ("fit", xas_fit),
        ("angles", xas_angles),
        ("lcf", xas_lcf),
        ("pca", xas_pca),
        ("mcr", xas_mcr),
    ):
        app.command(command, name=name)


def xas_paths(
    structures: list[str],
    /,
    *,
    absorber: str,
    edge: str,
    site: str | None = None,
    radius: float = 6.0,
    n_legs: int = 4,
    program: Literal["feff8l", "feff6l"] = "feff8l",
    out: Path = OUT,
    jobs: int = 1,
) -> int:
    """List the scattering paths of structures, calculated by FEFF: legs, angles, importance.

    Parameters
    ----------
    structures
        CIF files or names of reference structures.
    absorber
        Absorbing element.
    edge
        Edge, such as "L3".
    site
        Label of the absorber's site; the average over all of them where not given.
    radius
        Half length of the longest path in Å.
    n_legs
        Most legs of a path, 2 to 6; 4 for three atoms in line.
    program
        The FEFF that calculates.
    out
        Folder for a CSV table and an HDF5 file of each structure.
    jobs
        FEFF processes at a time.
    """
    from xorder import references
    from xorder.store import check_folder, file_stem, write_results, write_text
    from xorder.xas import calculate_paths
    from xorder.xas.path_tables import tabulate_paths

    check_folder(out)
    for name in structures:
        paths = calculate_paths(
            references.load(name),
            absorber=absorber,
            edge=edge,
            site=site,
            radius=radius,
            n_legs=n_legs,
            program=program,
            jobs=jobs,
        )
        table = tabulate_paths(paths)
        say(f"{name}, {absorber} {edge}: {len(paths)} paths to {radius:g} Å\n{table.describe()}")
        stem = out / f"{file_stem(Path(name).stem)}_{absorber}_{edge}_paths"
        frame = table.to_dataframe()
        write_text(stem.with_suffix(".csv"), frame.to_csv(float_format="%.8g", lineterminator="\n"))
        write_results(stem.with_suffix(".h5"), {"table": table, "paths": paths})
        say(f"files    {stem}.csv, .h5")
    return 0


def xas_fit(
    files: Files,
    /,
    *,
    options: Annotated[ShellFitOptions | None, TABLE] = None,
    steps: Annotated[ExafsSteps | None, STEPS] = None,
    output: Annotated[Output | None, OUTPUT] = None,
) -> int:
    """Fit shells by element and distance, or the FEFF paths of a structure, to χ(k).

    For example: xorder xas fit glass.xdi --shells "O 1.84" "Cl 2.35" --k-range 3 12

    Parameters
    ----------
    files
        One sample a file, or a group of a project.
    options
        Options of the fit.
    steps
        Options of the steps before.
    output
        Where to write, and processes.
    """
    if options is None:
        raise BadInput(
            "there is no shell to fit", expected='--shells "Cl 2.35", or --structure with a CIF'
        )
    recipe = recipe_of(steps, fit=options)
    return run_recipe(files, recipe, output, _fit_table)


def _fit_table(done: Run) -> Table:
    fits = []
    joint = [found for found in done.comparisons.values() if found.shell_fit is not None]
    for found in joint:
        fits += [(name, found.shell_fit, i) for i, name in enumerate(found.names)]
    for outcome in done.outcomes if not joint else ():
        fits.append(
            (outcome.sample.name, getattr(outcome.analyses.get("xas"), "shell_fit", None), 0)
        )
    rows = []
    for name, fit, number in fits:
        if fit is None:
            rows.append([name, "failed", *[""] * 7])
            continue
        shells = [s for s in fit.shells if s.spectrum == number and s.path.n_legs == 2]
        for index, shell in enumerate(shells):
            quantities = (shell.degeneracy, shell.s02, shell.r, shell.sigma2, shell.delta_e0)
            goodness = [fit.verdict, f"{fit.spectra[number].r_factor:.4f}"]
            first = [name, shell.name] if index == 0 else ["", shell.name]
            last = goodness if index == 0 else ["", ""]
            rows.append([*first, *(plus_minus(q) for q in quantities), *last])
    head = ["sample", "shell", "N", "S0²", "R (Å)", "σ² (Å²)", "ΔE0 (eV)", "verdict", "R-factor"]
    return table_of("shell fits", head, rows)


def xas_angles(
    files: Files,
    /,
    *,
    options: Annotated[BondAngleOptions | None, TABLE] = None,
    steps: Annotated[ExafsSteps | None, STEPS] = None,
    output: Annotated[Output | None, OUTPUT] = None,
) -> int:
    """Measure how far straight ligand–metal–ligand chains bend, apart from their disorder.

    For example: xorder xas angles glass.xdi --ligand "Cl 2.35" --k-range 3 12

    Parameters
    ----------
    files
        One sample a file, or a group of a project.
    options
        Ligand and shape.
    steps
        Options of the steps before.
    output
        Where to write, and processes.
    """
    if options is None:
        raise BadInput("there is no ligand", expected='--ligand "Cl 2.35"')
    recipe = recipe_of(steps, bond_angles=options)
    return run_recipe(files, recipe, output, _angle_table)


def _angle_table(done: Run) -> Table:
    rows = []
    for outcome in done.outcomes:
        found = getattr(outcome.analyses.get("xas"), "bond_angles", None)
        if found is None:
            rows.append([outcome.sample.name, "failed", *[""] * 6])
            continue
        numbers = (
            found.bend,
            found.sigma2_chain,
            found.sigma2_expected,
            found.amplitude,
            found.amplitude_straight,
        )
        values = [plus_minus(number) for number in numbers]
        rows.append([outcome.sample.name, found.verdict, *values, f"{found.correlation:+.2f}"])
    head = ["sample", "verdict", "bend (°)", "σ² chain (Å²)", "σ² of two bonds (Å²)",
            "|W| measured", "|W| if straight", "correlation"]  # fmt: skip
    return table_of("bond angles", head, rows)


def xas_lcf(
    files: Files,
    /,
    *,
    options: Annotated[MixtureOptions | None, TABLE] = None,
    steps: Annotated[NormalizationSteps | None, STEPS] = None,
    output: Annotated[Output | None, OUTPUT] = None,
) -> int:
    """Fit spectra as mixtures of references: every combination, ranked.

    For example: xorder xas lcf project.prj#sample --references foil.xdi project.prj#oxide

    Parameters
    ----------
    files
        One sample a file, or a group of a project.
    options
        References and range.
    steps
        Options of the steps before.
    output
        Where to write, and processes.
    """
    if options is None:
        raise BadInput("there is no reference", expected="--references with files")
    exafs = options.space == "chi"
    recipe = recipe_of(steps, lcf=options, exafs=exafs)
    return run_recipe(files, recipe, output, _lcf_table)


def _lcf_table(done: Run) -> Table:
    found = [
        mixtures
        for outcome in done.outcomes
        if (mixtures := getattr(outcome.analyses.get("xas"), "mixtures", None)) is not None
    ]
    for comparison in done.comparisons.values():
        found += comparison.mixtures
    rows = []
    for mixtures in found:
        for rank, one in enumerate(mixtures.ranked[:MOST_RANKED], start=1):
            weights = [number for number in one.numbers if number.name.startswith("weight (")]
            words = ", ".join(f"{n.name[8:-1]} {plus_minus(n)}" for n in weights)
            name = mixtures.name if rank == 1 else ""
            goodness = [f"{one.r_factor:.3g}", f"{one.redchi:.3g}", f"{one.p_value:.2g}"]
            rows.append([name, str(rank), words, *goodness])
    head = ["sample", "rank", "weights", "R-factor", "reduced χ²", "as good by chance"]
    return table_of("linear combinations", head, rows)


def xas_pca(
    files: Files,
    /,
    *,
    options: Annotated[ComponentOptions | None, TABLE] = None,
    steps: Annotated[NormalizationSteps | None, STEPS] = None,
    output: Annotated[Output | None, OUTPUT] = None,
) -> int:
    """Find how many species a series of spectra holds, and test references as species.

    Parameters
    ----------
    files
        Three samples or more.
    options
        Range and targets.
    steps
        Options of the steps before.
    output
        Where to write, and processes.
    """
    recipe = recipe_of(steps, pca=options or ComponentOptions(), exafs=False)
    return run_recipe(files, recipe, output, _pca_table)


def _pca_table(done: Run) -> Table | None:
    rows = []
    for comparison in done.comparisons.values():
        found = comparison.components
        for index, number in enumerate(found.number):
            rows.append(
                [
                    f"{number:.0f}",
                    f"{found.eigenvalues[index]:.4g}",
                    f"{100 * found.variance[index]:.4f} %",
                    f"{found.indicator[index]:.3g}",
                    f"{found.p_value[index]:.2g}",
                    "species" if number <= found.n_components else "noise",
                ]
            )
        for target in comparison.targets:
            words = f"SPOIL {target.spoil:.2f}, {target.grade}"
            rows.append(["target", target.name, "", "", "", words])
    head = ["component", "eigenvalue", "explained", "indicator", "p (noise)", "taken as"]
    return table_of("principal components", head, rows) if rows else None


def xas_mcr(
    files: Files,
    /,
    *,
    options: Annotated[CurveResolutionOptions | None, TABLE] = None,
    steps: Annotated[NormalizationSteps | None, STEPS] = None,
    output: Annotated[Output | None, OUTPUT] = None,
) -> int:
    """Resolve a series of spectra into pure species and their shares, without references.

    Parameters
    ----------
    files
        Three samples or more.
    options
        Number of species and range.
    steps
        Options of the steps before.
    output
        Where to write, and processes.
    """
    recipe = recipe_of(steps, mcr=options or CurveResolutionOptions(), exafs=False)
    return run_recipe(files, recipe, output, _mcr_table)


def _mcr_table(done: Run) -> Table | None:
    rows: list[list[str]] = []
    species = 0
    for comparison in done.comparisons.values():
        found: Any = comparison.resolved
        species = found.species.size
        for row, name in enumerate(found.names):
            low, high = found.concentrations_min[row], found.concentrations_max[row]
            shares = [
                f"{share:.3f} ({low[i]:.3f} to {high[i]:.3f})"
                for i, share in enumerate(found.concentrations[row])
            ]
            rows.append([name, *shares])
    head = ["sample", *(f"species {i + 1}" for i in range(species))]
    return table_of("shares of species (range at the same fit)", head, rows) if rows else None
