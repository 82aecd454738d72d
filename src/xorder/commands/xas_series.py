"""Absorption files as a series of samples, and what a command prints of their results."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from xorder.commands.shared import OUT, run_and_tell
from xorder.errors import XorderError
from xorder.xas.options import NormalizationSteps, XasRecipe

if TYPE_CHECKING:
    from rich.table import Table

    from xorder.results import Number
    from xorder.run import Run
    from xorder.series import Series

__all__ = [
    "OUTPUT",
    "STEPS",
    "TABLE",
    "Output",
    "analyses_of",
    "number_table",
    "plus_minus",
    "recipe_of",
    "run_recipe",
    "table_of",
    "xas_series",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Output:
    """What the commands that run a series share."""

    together: Annotated[bool, Parameter(negative="")] = False
    """Take all files as repeated scans of one sample."""
    out: Path = OUT
    """Folder for numbers, files and figures."""
    jobs: int = 1
    """Processes."""


#: Where a command writes, and how many processes work.
OUTPUT = Parameter(name="*")

#: Options of a recipe's table and of the steps before, each under a head of its own in the help.
TABLE = Parameter(name="*", group="Options")
STEPS = Parameter(name="*", group="Steps before")


def recipe_of(steps: NormalizationSteps | None, **tables: Any) -> XasRecipe:
    """Return the recipe that has a command's options and its tables."""
    own = {} if steps is None else {f.name: getattr(steps, f.name) for f in fields(steps)}
    return XasRecipe(**own, **tables)


def run_recipe(
    files: Sequence[Path],
    recipe: XasRecipe,
    output: Output | None,
    table: Callable[[Run], Table | None],
) -> int:
    """Run files through a recipe and print a table of what came out; return the exit status."""
    given = output or Output()
    series = xas_series(files, recipe, together=given.together)
    return run_and_tell(series, "xas", given.out, given.jobs, table=table)


def xas_series(files: Sequence[Path], recipe: XasRecipe, *, together: bool = False) -> Series:
    """Return the series of files; each group of a project is a sample of its own.

    FILE#GROUP is one group of a project. A file that cannot be read stays one sample: its error is
    told when it is analysed.
    """
    from xorder.series import ProbeInput, Sample, Series, series_from_files
    from xorder.store import file_stem

    if together or recipe.group:
        return series_from_files("xas", files, recipe, together=together)
    here = Path.cwd()
    samples: dict[str, Sample] = {}
    for path in files:
        for file, name, group in _groups(path, recipe):
            free, count = name, 1
            while free.lower() in (known.lower() for known in samples):
                count += 1
                free = f"{name} ({count})"
            own = replace(recipe, group=group)
            given = ProbeInput(patterns=(str(file),), folder=here, recipe=own)
            slug = file_stem(free) or f"sample_{len(samples) + 1}"
            taken = {sample.slug.lower() for sample in samples.values()}
            slug = f"{slug}_{len(samples) + 1}" if slug.lower() in taken else slug
            samples[free] = Sample(name=free, slug=slug, probes={"xas": given})
    title = f"xas of {len(samples)} spectra"
    return Series(name=title, samples=tuple(samples.values()), path=here)


def _groups(path: Path, recipe: XasRecipe) -> Iterator[tuple[Path, str, str]]:
    """Yield file, name and group of each spectrum in a file; no group where it has one alone."""
    file, mark, group = str(path).partition("#")
    if mark and Path(file).is_file():
        yield Path(file), group, group
        return
    from xorder.xas.readers.channels import parse_columns
    from xorder.xas.readers.files import read_all

    try:
        spectra = read_all(
            path,
            columns=parse_columns(recipe.columns) or None,
            mode=recipe.mode or None,
            sort=recipe.sort,
        )
    except (XorderError, OSError):
        spectra = ()
    if len(spectra) < 2:
        yield path, path.stem, ""
        return
    names = [spectrum.name for spectrum in spectra]
    for number, name in enumerate(names, start=1):
        # A number tells groups of one name apart.
        group = name if name and names.count(name) == 1 else str(number)
        yield path, name or f"{path.stem} {number}", group


def analyses_of(done: Run) -> list[Any]:
    """Return the analyses there are, in the order of the samples."""
    return [o.analyses["xas"] for o in done.outcomes if "xas" in o.analyses]


def plus_minus(number: Number) -> str:
    """Return a number with its standard error in brackets, both to the error's two digits."""
    value, error = number.value, number.stderr
    if not math.isfinite(value):
        return "–"
    if not (math.isfinite(error) and error > 0):
        return f"{value:.5g}"
    digits = max(0, 1 - math.floor(math.log10(error)))
    if digits == 0:
        return f"{value:.0f}({error:.0f})"
    return f"{value:.{digits}f}({round(error * 10**digits)})"


def table_of(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """Return a table for the terminal."""
    from rich.table import Table

    table = Table(*head, title=title)
    for row in rows:
        table.add_row(*row)
    return table


def number_table(names: Sequence[str], title: str) -> Callable[[Run], Table]:
    """Return a maker of the table of some numbers, a row a sample."""

    def made(done: Run) -> Table:
        rows = []
        units: dict[str, str] = {}
        for outcome in done.outcomes:
            numbers = {n.name: n for n in outcome.numbers.get("xas", ())}
            units |= {n.name: n.unit for n in numbers.values()}
            found = [plus_minus(numbers[n]) if n in numbers else "–" for n in names]
            rows.append([outcome.sample.name, *found])
        head = [f"{n} ({units[n]})" if units.get(n) else n for n in names]
        return table_of(title, ["sample", *head], rows)

    return made
