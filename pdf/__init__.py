if __name__ != "xorder.pdf":
    raise ImportError("this folder is the package xorder.pdf: write `import xorder.pdf`")

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xorder.pdf.analysis import PdfAnalysis, analyse
    from xorder.pdf.boxcar import Boxcar, fit_boxcar
    from xorder.pdf.calculation import CalculatedPdf, calculate_gr
    from xorder.pdf.fractions import PhaseFractions, fractions_from_scales
    from xorder.pdf.options import PdfRecipe, RefinementOptions
    from xorder.pdf.pattern import PairDistribution
    from xorder.pdf.readers.gr import read
    from xorder.pdf.refinement import PdfFit, refine
    from xorder.pdf.simulation import SimulatedPhase, simulate_gr
    from xorder.pdf.writers import write_gr

_HOME = {
    "Boxcar": "boxcar",
    "CalculatedPdf": "calculation",
    "PairDistribution": "pattern",
    "PdfAnalysis": "analysis",
    "PdfFit": "refinement",
    "PdfRecipe": "options",
    "PhaseFractions": "fractions",
    "RefinementOptions": "options",
    "SimulatedPhase": "simulation",
    "analyse": "analysis",
    "calculate_gr": "calculation",
    "fit_boxcar": "boxcar",
    "fractions_from_scales": "fractions",
    "read": "readers.gr",
    "refine": "refinement",
    "simulate_gr": "simulation",
    "write_gr": "writers",
}

__all__ = [
    "Boxcar",
    "CalculatedPdf",
    "PairDistribution",
    "PdfAnalysis",
    "PdfFit",
    "PdfRecipe",
    "PhaseFractions",
    "RefinementOptions",
    "SimulatedPhase",
    "analyse",
    "calculate_gr",
    "fit_boxcar",
    "fractions_from_scales",
    "read",
    "refine",
    "simulate_gr",
    "write_gr",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"xorder.pdf.{_HOME[name]}"), name)
    raise AttributeError(f"module 'xorder.pdf' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
