"""The commands `xorder diffraction refine` and `quantify`."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from xorder.commands.shared import OUT, Files
from xorder.console import say
from xorder.diffraction.options import (
    DiffractionRecipe,
    QuantifyRecipe,
    RefineRecipe,
    SizeStrainRecipe,
)
from xorder.errors import BadInput

if TYPE_CHECKING:
    from xorder.diffraction.pattern import Pattern
    from xorder.diffraction.recipe_fractions import FractionAnalysis
    from xorder.diffraction.refinement_results import Refinement
    from xorder.results import Number

__all__ = ["register"]

Steps = Annotated[RefineRecipe | None, Parameter(name="*")]


def register(app: App) -> None:
    """Add the commands of this module to the group."""
    app.command(diffraction_refine, name="refine")
    app.command(diffraction_quantify, name="quantify")


def diffraction_refine(
    files: Files,
    /,
    *,
    structures: list[str],
    steps: Steps = None,
    wavelength: str | None = None,
    two_theta: tuple[float, float] | None = None,
    standard: Path | None = None,
    standard_structure: str = "LaB6_SRM660c",
    out: Path = OUT,
) -> int:
    """Refine structures against powder patterns: parameters, CIFs, powder CIF, figures.

    Writes an HDF5 file and a figure for each pattern, a CIF for each phase, a powder CIF with the
    pattern and its phases, and all numbers as CSV and JSON.

    Parameters
    ----------
    files
        One pattern or several, in the order of the series.
    structures
        CIF files or names of reference structures; the first is the one of interest.
    steps
        How: method, series, background, halos, blank, instrument, what of the atoms.
    wavelength
        Radiation, such as CuKa or Å; what the file or the instrument says where not given.
    two_theta
        Range used, in degrees.
    standard
        Pattern of a line-width standard, whose widths are those of the instrument.
    standard_structure
        Structure of that standard.
    out
        Folder for all files.
    """
    recipe = _recipe(structures, steps, wavelength, two_theta, standard, standard_structure)
    _, refined = _refined(files, recipe, out)
    return 0 if all(found.success for found in refined) else 1


def diffraction_quantify(
    files: Files,
    /,
    *,
    structures: list[str],
    steps: Steps = None,
    inputs: Annotated[QuantifyRecipe | None, Parameter(name="*")] = None,
    wavelength: str | None = None,
    two_theta: tuple[float, float] | None = None,
    standard: Path | None = None,
    standard_structure: str = "LaB6_SRM660c",
    out: Path = OUT,
) -> int:
    """Refine patterns and give weight fractions, the amorphous one included, with their spread.

    Crystalline fractions by ZMV, with grain diameters by Brindley. The amorphous fraction by a
    weighed internal standard, an external standard, or a halo that a known mixture calibrates; an
    area ratio is given as the relative index it is. Loss of crystalline scattering for a series.

    Parameters
    ----------
    files
        One pattern or several, in the order of the series.
    structures
        CIF files or names of reference structures; the first is the one of interest.
    steps
        How patterns are refined.
    inputs
        Standards, known mixture, grain sizes, other choices to try.
    wavelength
        Radiation, such as CuKa or Å; what the file or the instrument says where not given.
    two_theta
        Range used, in degrees.
    standard
        Pattern of a line-width standard, whose widths are those of the instrument.
    standard_structure
        Structure of that standard.
    out
        Folder for all files.
    """
    recipe = _recipe(structures, steps, wavelength, two_theta, standard, standard_structure)
    recipe = replace(recipe, quantify=inputs or QuantifyRecipe())
    fractions, refined = _refined(files, recipe, out)
    found = any(one.crystalline is not None for one in fractions)
    return 0 if found and all(one.success for one in refined) else 1


def _recipe(
    structures: Sequence[str],
    steps: RefineRecipe | None,
    wavelength: str | None,
    two_theta: tuple[float, float] | None,
    standard: Path | None,
    standard_structure: str,
) -> DiffractionRecipe:
    if not structures:
        raise BadInput("no structure is named", expected="--structures NaTaCl6 NaCl")
    widths = None
    if standard is not None:
        widths = SizeStrainRecipe(standard=str(standard), standard_structure=standard_structure)
    return DiffractionRecipe(
        structure=structures[0],
        impurities=tuple(structures[1:]),
        wavelength=wavelength,
        two_theta=two_theta,
        size_strain=widths,
        refine=steps or RefineRecipe(),
    )


def _refined(
    files: Sequence[Path], recipe: DiffractionRecipe, out: Path
) -> tuple[list[FractionAnalysis], list[Refinement]]:
    """Refine files, write and print what came out; return fractions and refinements."""
    from xorder.diffraction import read
    from xorder.diffraction.analysis import refined_numbers
    from xorder.diffraction.recipe_fractions import analyse_fractions
    from xorder.diffraction.recipe_refinement import (
        refine_pattern,
        refine_patterns,
        refinement_radiation,
    )
    from xorder.diffraction.refinement_results import Refinement
    from xorder.store import check_folder

    assert recipe.refine is not None  # noqa: S101 - for the type checker
    check_folder(out)
    radiation = recipe.wavelength or refinement_radiation(recipe)
    patterns = [read(path, wavelength=radiation, name=_name(files, path)) for path in files]
    messages: list[str] = []
    if recipe.refine.series == "each" or len(patterns) == 1:
        refined = [refine_pattern(pattern, recipe) for pattern in patterns]
        messages += [f"{p.name}: {m}" for p, r in zip(patterns, refined, strict=True)
                     for m in r.messages]  # fmt: skip
    else:
        series = refine_patterns(patterns, recipe)
        refined = [series] if isinstance(series, Refinement) else list(series.refinements)
        messages += series.messages
    together = len(refined) < len(patterns)
    rows: dict[str, list[Number]] = {p.name: [] for p in patterns}
    if together:
        rows["all"] = refined_numbers(refined[0])
    else:
        rows = {p.name: refined_numbers(r) for p, r in zip(patterns, refined, strict=True)}
    fractions: list[FractionAnalysis] = []
    for index, pattern in enumerate(patterns):
        if recipe.quantify is None:
            break
        of, place = (refined[0], index) if together else (refined[index], 0)
        fractions.append(analyse_fractions(of, pattern, recipe, index=place))
        rows[pattern.name] += fractions[-1].numbers
        messages += [f"{pattern.name}: {text}" for text in fractions[-1].messages]
    messages += _losses(patterns, refined, rows)
    _write(out, patterns, refined, fractions)
    _tell(rows, messages, out)
    return fractions, refined


def _losses(
    patterns: Sequence[Pattern], refined: Sequence[Refinement], rows: dict[str, list[Number]]
) -> list[str]:
    """Add the loss of crystalline scattering of a series to its rows; return what it says."""
    from xorder.diffraction.comparison import loss_numbers, refined_loss

    if len(patterns) < 2:
        return []
    try:
        loss, measure = refined_loss(refined, [1.0] * len(patterns))
    except BadInput as error:
        return [f"No loss of crystalline scattering: {error}."]
    for name, number in loss_numbers(loss, measure):
        rows[name].append(number)
    return list(loss.messages)


def _name(files: Sequence[Path], path: Path) -> str:
    """Return the name of a file's sample: its stem, with its place where several have that."""
    same = [one for one in files if one.stem == path.stem]
    return path.stem if len(same) == 1 else f"{path.stem} ({same.index(path) + 1})"


def _write(
    out: Path,
    patterns: Sequence[Pattern],
    refined: Sequence[Refinement],
    fractions: Sequence[FractionAnalysis],
) -> None:
    """Write HDF5, CIFs, powder CIF and figures."""
    from xorder.diffraction.crystal_writers import write_refined_pdcif
    from xorder.figures.diffraction_refinement import (
        draw_fractions,
        draw_refinements,
        refined_patterns,
    )
    from xorder.store import file_stem, write_results

    simulated = any(pattern.simulated for pattern in patterns)
    together = len(refined) < len(patterns)
    for index, pattern in enumerate(patterns):
        found, place = (refined[0], index) if together else (refined[index], 0)
        stem = file_stem(pattern.name) or f"pattern_{index + 1}"
        results: dict[str, Any] = {"Refinement": found}
        if fractions:
            results["FractionAnalysis"] = fractions[index]
        if not together or index == 0:
            write_results(out / f"{stem}.h5", results, attributes={"title": pattern.name})
            for phase, fit in enumerate(found.patterns[place].phases):
                found.write_cif(out / f"{stem}_{file_stem(fit.name)}.cif", phase=phase)
        write_refined_pdcif(
            out / f"{stem}_refined.cif", found, pattern, index=place,
            fractions=fractions[index] if fractions else None,
        )  # fmt: skip
        (drawing,) = draw_refinements([refined_patterns([found])[place]])
        replace(drawing, name=stem).save(out)
    if fractions and len(patterns) > 1:
        names = [pattern.name for pattern in patterns]
        drawn = draw_fractions(names, [None] * len(names), "", fractions, simulated=simulated)
        if drawn is not None:
            drawn.save(out)


def _tell(rows: Mapping[str, Sequence[Number]], messages: Sequence[str], out: Path) -> None:
    """Print messages and numbers; write the numbers as CSV and JSON."""
    from xorder.store import write_text

    for message in dict.fromkeys(messages):
        say(message)
    for name, numbers in rows.items():
        say(name)
        for number in numbers:
            say(f"  {number}   {number.note}".rstrip())
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["sample", "name", "value", "stderr", "unit", "note"])
    for name, numbers in rows.items():
        for n in numbers:
            writer.writerow([name, n.name, _text(n.value), _text(n.stderr), n.unit, n.note])
    write_text(out / "numbers.csv", buffer.getvalue())
    record = {
        "samples": {
            name: [
                {"name": n.name, "value": _plain(n.value), "stderr": _plain(n.stderr),
                 "unit": n.unit, "note": n.note}
                for n in numbers
            ]
            for name, numbers in rows.items()
        },
        "messages": list(dict.fromkeys(messages)),
    }  # fmt: skip
    text = json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False)
    write_text(out / "numbers.json", text + "\n")
    say(f"files    {out}")


def _text(value: float) -> str:
    return f"{value:.10g}" if math.isfinite(value) else ""


def _plain(value: float) -> float | None:
    """Return a number as JSON has it; null where there is none."""
    return float(value) if math.isfinite(value) else None
