"""Projects of PDFgui refined again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from xorder.commands.pdf_files import write_found
from xorder.console import say

__all__ = ["refine_projects"]


def refine_projects(projects: Sequence[Path], out: Path) -> int:
    """Refine every fit of projects of PDFgui; write numbers, results and figures."""
    from xorder.errors import XorderError
    from xorder.figures.pdf import draw
    from xorder.pdf.analysis import PdfAnalysis
    from xorder.pdf.analysis_numbers import fit_numbers, joint_numbers
    from xorder.pdf.joint import JointPdfFit
    from xorder.pdf.pdfgui_fits import refine_from_project
    from xorder.pdf.readers.pdfgui_project import read_project
    from xorder.store import check_folder, file_stem

    check_folder(out)
    failed = 0
    for path in projects:
        project = read_project(path)
        for one in project.fits:
            stem = file_stem(f"{path.stem}_{one.name}")
            try:
                found = refine_from_project(one)
            except XorderError as error:
                failed += 1
                say(f"{stem}: {error}", stderr=True)
                continue
            joint = found if isinstance(found, JointPdfFit) else None
            fit = next(iter(joint.sets.values())) if joint is not None else found
            assert not isinstance(fit, JointPdfFit)  # noqa: S101
            numbers = joint_numbers(joint) if joint is not None else fit_numbers(fit)
            analysis = PdfAnalysis(
                name=stem,
                simulated=fit.simulated,
                measured=one.datasets[0].measured,
                fit=fit,
                joint=joint,
                numbers=tuple(numbers),
                messages=found.messages,
            )
            write_found(found, out, stem, numbers, found.messages, fit.simulated)
            replace(draw([analysis]), name=stem).save(out)
            failed += 0 if found.success else 1
    say(f"files    {out}")
    return 1 if failed else 0
