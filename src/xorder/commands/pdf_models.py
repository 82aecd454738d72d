"""`xorder pdf model`: frames of molecular dynamics to pairs, G(r) and shapes."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from xorder.commands.pdf_files import write_found
from xorder.commands.shared import OUT, Files
from xorder.console import say
from xorder.pdf.recipe_tables import ModelOptions, ModelSteps

__all__ = ["pdf_model"]


def pdf_model(
    files: Files,
    /,
    *,
    steps: Annotated[ModelSteps | None, Parameter(name="*")] = None,
    measured: Path | None = None,
    r_min: float = 1.7,
    together: Annotated[bool, Parameter(negative="")] = False,
    out: Path = OUT,
) -> int:
    """Describe models: partial g(r), G(r), neighbours, angles, symmetry of octahedra, polyhedra.

    Parameters
    ----------
    files
        XDATCAR, extxyz, LAMMPS or CIF files, one a model.
    steps
        What is computed.
    measured
        G(r) to compare the models with.
    r_min
        Lower end of that comparison in Å.
    together
        Take all files as frames of one model.
    out
        Folder for CSV, JSON, HDF5, .gr and the figure.
    """
    from xorder.figures.pdf_models import draw_models
    from xorder.pdf import read, write_gr
    from xorder.pdf.model_analysis import analyse_model
    from xorder.store import check_folder

    check_folder(out)
    steps = steps or ModelSteps()
    data = None if measured is None else read(measured)
    groups = [files] if together else [[path] for path in files]
    models = []
    names: list[str] = []
    for group in groups:
        stem = group[0].stem
        name = f"{stem}_{names.count(stem) + 1}" if stem in names else stem
        names.append(stem)
        chosen = {f.name: getattr(steps, f.name) for f in fields(ModelSteps)}
        options = ModelOptions(frames=tuple(map(str, group)), **chosen)
        found = analyse_model(options, measured=data, r_min=r_min, name=name)
        models.append(found)
        write_found(found, out, name, found.numbers, found.messages, True)
        write_gr(out / f"{name}.gr", found.gr)
    draw_models(models).save(out)
    say(f"files    {out}")
    return 0
