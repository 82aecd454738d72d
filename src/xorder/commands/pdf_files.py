"""`xorder pdf info|convert|reduce|calculate`: files to files."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from xorder.commands.shared import OUT, Files
from xorder.console import say
from xorder.errors import BadInput, XorderError
from xorder.pdf.recipe_tables import IntensityOptions

__all__ = ["pdf_calculate", "pdf_convert", "pdf_info", "pdf_reduce", "write_found"]

# The letters of `xorder.pdf.conversion`, written out: that module loads NumPy.
Letter = Literal["G", "g", "R", "T", "D", "S", "F", "i", "I"]
_OWN_SUFFIXES = {"G": ".gr", "S": ".sq", "F": ".fq", "I": ".iq"}


def pdf_info(files: Files, /) -> int:
    """Say what is in files: G(r), S(Q), F(Q), I(Q), structures and projects of PDFgui, models.

    Parameters
    ----------
    files
        Files of any of these kinds.
    """
    from xorder.pdf.analysis_input import FUNCTIONS_OF_Q, INTENSITIES

    for path in files:
        suffix = path.suffix.lower()
        if suffix in (".ddp3", ".ddp"):
            from xorder.pdf.readers.pdfgui_project import read_project

            say(read_project(path).describe())
        elif suffix == ".stru":
            from xorder.pdf import read_stru

            say(read_stru(path).describe())
        elif suffix in FUNCTIONS_OF_Q:
            from xorder.pdf import read_sq

            say(read_sq(path).describe())
        elif suffix in INTENSITIES:
            from xorder.pdf import read_iq

            say(read_iq(path).describe())
        elif suffix in (".xyz", ".extxyz", ".dump", ".lammpstrj", ".lmp") or path.stem == "XDATCAR":
            from xorder.pdf import read_frames

            frames = read_frames(path)
            say(f"{len(frames)} frames; the first:\n{frames[0].describe()}")
        else:
            from xorder.pdf import read

            say(read(path).describe())
    return 0


def pdf_convert(
    files: Files,
    /,
    *,
    to: Letter = "G",
    source: Letter | None = None,
    axis: Literal["q", "q_nm", "two_theta"] | None = None,
    wavelength: float | None = None,
    rho0: float | None = None,
    weight: float = 1.0,
    q_min: float = 0.0,
    q_max: float | None = None,
    r_max: float = 30.0,
    r_step: float = 0.01,
    window: Literal["none", "lorch"] = "none",
    low_q: Literal["cut", "linear"] = "cut",
    q_unit: Literal["1/A", "1/nm"] = "1/A",
    out: Path = OUT,
) -> int:
    """Convert between G(r), g(r), R(r), T(r), D(r), S(Q), F(Q), i(Q); I from angles to Q.

    Parameters
    ----------
    files
        Files of one kind; a project of PDFgui gives its data sets as .gr, its phases as .stru.
    to
        Letter of the function to write; I for intensities over Q.
    source
        Letter of the function in the files; what the suffix says where not given.
    axis
        First column: Q in Å⁻¹, Q in nm⁻¹ or an angle; what the file says where not given.
    wavelength
        Wavelength in Å; the file's where not given.
    rho0
        Number density in atoms Å⁻³, for g, R and T.
    weight
        Mean scattering ⟨b⟩² of D, T and i.
    q_min
        Lower end of Q of a transform to G(r), in Å⁻¹.
    q_max
        Upper end of Q of a transform; all data, or the file's own Qmax, where not given.
    r_max
        End in Å of a function of the distance.
    r_step
        Its step in Å.
    window
        Window of a transform to G(r).
    low_q
        What is taken below q_min: nothing, or F(Q) on a straight line from zero.
    q_unit
        Unit of a column of Q that is written.
    out
        Folder to write into.
    """
    import numpy as np

    from xorder.pdf.conversion import convert, read_curve, write_curve
    from xorder.store import check_folder

    check_folder(out)
    r = np.asarray(r_step * np.arange(1, int(r_max / r_step + 1e-9) + 1), dtype=np.float64)
    for path in files:
        if path.suffix.lower() in (".ddp3", ".ddp"):
            _convert_project(path, out)
            continue
        curve = read_curve(path, letter=source, axis=axis, wavelength=wavelength)
        q = None
        if q_max is not None and not curve.of_q:
            width = math.pi / float(curve.x[-1])
            q = np.asarray(width * np.arange(1, int(q_max / width) + 1), dtype=np.float64)
        found = convert(
            curve,
            to,
            rho0=rho0,
            weight=weight,
            q_range=(q_min, math.inf if q_max is None else q_max),
            r=r,
            q=q,
            window=window,
            low_q=low_q,
        )
        ending = _OWN_SUFFIXES.get(to, f"_{_in_words(to)}.dat")
        written = write_curve(out / f"{path.stem}{ending}", found, q_unit=q_unit)
        say(f"wrote {written}: {to}({'Q' if found.of_q else 'r'})")
    return 0


def _in_words(letter: str) -> str:
    """Return a letter as part of a file name, where g and G may be one."""
    return {"g": "small_g", "i": "distinct"}.get(letter, f"{letter.lower()}_of_r")


def _convert_project(path: Path, out: Path) -> None:
    from xorder.pdf.readers.pdfgui_project import read_project, write_project_files

    for written in write_project_files(read_project(path), out):
        say(f"wrote {written}")


def pdf_reduce(
    files: Files,
    /,
    *,
    options: Annotated[IntensityOptions | None, Parameter(name="*")] = None,
    composition: str = "",
    out: Path = OUT,
) -> int:
    """Reduce intensities to S(Q), F(Q) and G(r), with errors; figure of every step.

    Parameters
    ----------
    files
        I(Q) or I(2θ), one file a sample.
    options
        Reading, corrections, normalization and transform.
    composition
        Formula; the file's where not given.
    out
        Folder for .iq, .sq, .fq, .gr, numbers, the HDF5 file and the figure.
    """
    from xorder.figures.pdf_reduction import draw_reductions
    from xorder.pdf.analysis_input import reduce_file
    from xorder.pdf.reduction_writers import write_reduction
    from xorder.store import check_folder

    check_folder(out)
    failed = 0
    reductions = []
    for path in files:
        try:
            found = reduce_file(path, options, composition=composition)
        except XorderError as error:
            if len(files) == 1:
                raise
            failed += 1
            say(f"{path.stem}: {error}", stderr=True)
            continue
        reductions.append(found)
        write_reduction(out / path.stem, found)
        write_found(found, out, path.stem, found.numbers, found.messages, found.simulated)
        draw_reductions([found], name=path.stem).save(out)
    if len(reductions) > 1:
        draw_reductions(reductions, name="reduction").save(out)
    say(f"files    {out}")
    return 1 if failed else 0


def write_found(
    found: Any,
    out: Path,
    stem: str,
    numbers: Sequence[Any],
    messages: Sequence[str],
    simulated: bool,
) -> None:
    """Print messages and numbers; write them as JSON and CSV, and the result as HDF5."""
    from xorder.store import write_text

    say(stem)
    for message in messages:
        say(f"  {message}")
    for number in numbers:
        say(f"  {number}   {number.note}".rstrip())
    rows = [
        {
            "name": n.name,
            "value": n.value if math.isfinite(n.value) else None,
            "stderr": n.stderr if math.isfinite(n.stderr) else None,
            "unit": n.unit,
            "note": n.note,
        }
        for n in numbers
    ]
    record = {"name": stem, "simulated": simulated, "numbers": rows, "messages": list(messages)}
    write_text(out / f"{stem}.json", json.dumps(record, indent=2, ensure_ascii=False) + "\n")
    buffer = io.StringIO()
    writer = csv.DictWriter(
        buffer, ("name", "value", "stderr", "unit", "note"), lineterminator="\n"
    )
    writer.writeheader()
    writer.writerows(rows)
    write_text(out / f"{stem}_numbers.csv", buffer.getvalue())
    found.save(out / f"{stem}.h5")


def pdf_calculate(
    structure: str,
    out: Path,
    /,
    *,
    q_max: float | None = None,
    r_max: float = 30.0,
    r_step: float = 0.01,
    qdamp: float = 0.0,
    qbroad: float = 0.0,
    uiso: float | None = None,
    delta1: float = 0.0,
    delta2: float = 0.0,
    sphere_diameter: float | None = None,
    radiation: Literal["xray", "neutron"] = "xray",
    convention: Literal["xorder", "pdffit2", "srreal"] = "xorder",
    form_factors: Literal["exact", "constant"] | None = None,
) -> int:
    """Write the calculated G(r) of a structure as .gr.

    Parameters
    ----------
    structure
        A CIF or .stru file, or the name of a reference structure.
    out
        File to write.
    q_max
        Upper end of Q in Å⁻¹; without one there are no ripples and weights are constant.
    r_max
        End of r in Å.
    r_step
        Step of r in Å.
    qdamp
        Resolution damping in Å⁻¹.
    qbroad
        Resolution broadening in Å⁻¹.
    uiso
        Displacement of all atoms in Å²; the structure's own, or 0.006, where not given.
    delta1
        Correlated motion that falls as 1/r, in Å.
    delta2
        Correlated motion that falls as 1/r², in Å².
    sphere_diameter
        Diameter of spherical particles in Å; endless crystals where not given.
    radiation
        What is scattered.
    convention
        Whose definition of G(r) to follow.
    form_factors
        X-ray weights of the pairs as functions of Q or constant; exact where that can be.
    """
    import numpy as np

    from xorder.pdf import calculate_gr, write_gr
    from xorder.pdf.analysis_fits import load_crystals

    if not (0 < r_step < r_max < math.inf):
        raise BadInput(f"r_step is {r_step:g} and r_max {r_max:g} Å", expected="r_step < r_max")
    (crystal,) = load_crystals((structure,)).values()
    exact = q_max is not None and radiation == "xray" and convention == "xorder"
    found = calculate_gr(
        crystal,
        r=np.asarray(r_step * np.arange(1, int(r_max / r_step + 1e-9) + 1), dtype=np.float64),
        q_max=q_max,
        qdamp=qdamp,
        qbroad=qbroad,
        uiso=_displacements(crystal, uiso),
        delta1=delta1,
        delta2=delta2,
        sphere_diameter=sphere_diameter,
        radiation=radiation,
        convention=convention,
        form_factors=form_factors or ("exact" if exact else "constant"),
    )
    say(f"wrote {write_gr(out, found)} (simulated)")
    return 0


def _displacements(crystal: Any, given: float | None) -> float | None:
    """Return the displacement of all atoms, or None where the structure has its own."""
    if given is not None:
        return given
    known = all(site.uij is not None or math.isfinite(site.uiso) for site in crystal.sites)
    return None if known else 0.006
