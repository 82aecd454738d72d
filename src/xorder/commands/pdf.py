"""The commands `xorder pdf …`: their group; what each does is in the modules beside."""

from __future__ import annotations

from collections.abc import Callable

from cyclopts import App

from xorder.commands.pdf_files import pdf_calculate, pdf_convert, pdf_info, pdf_reduce
from xorder.commands.pdf_fits import pdf_boxcar, pdf_peaks, pdf_refine
from xorder.commands.pdf_models import pdf_model
from xorder.commands.shared import PLAIN

__all__ = ["pdf_app"]

pdf_app = App(
    name="pdf",
    help="Pair distribution functions: reduction, refinement, box-car, peaks, models.",
    default_parameter=PLAIN,
)
_COMMANDS: dict[str, Callable[..., int]] = {
    "info": pdf_info,
    "convert": pdf_convert,
    "reduce": pdf_reduce,
    "calculate": pdf_calculate,
    "refine": pdf_refine,
    "boxcar": pdf_boxcar,
    "peaks": pdf_peaks,
    "model": pdf_model,
}
for name, command in _COMMANDS.items():
    pdf_app.command(command, name=name)
