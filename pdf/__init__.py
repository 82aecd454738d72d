if __name__ != "xorder.pdf":
    raise ImportError("this folder is the package xorder.pdf: write `import xorder.pdf`")

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xorder.pdf.analysis import PdfAnalysis, analyse
    from xorder.pdf.boxcar import Boxcar, fit_boxcar
    from xorder.pdf.calculation import CalculatedPdf, calculate_gr
    from xorder.pdf.debye import DebyeScattering, calculate_iq, cut_sphere
    from xorder.pdf.fractions import PhaseFractions, fractions_from_scales
    from xorder.pdf.joint import JointPdfFit, refine_jointly
    from xorder.pdf.options import PdfRecipe, RefinementOptions
    from xorder.pdf.pattern import PairDistribution
    from xorder.pdf.readers.gr import read
    from xorder.pdf.refinement import PdfFit, refine
    from xorder.pdf.simulation import SimulatedPhase, simulate_gr
    from xorder.pdf.trajectories import Frame, frame_from_crystal, read_frames
    from xorder.pdf.writers import write_gr

_HOME = {
    "Boxcar": "boxcar",
    "CalculatedPdf": "calculation",
    "JointPdfFit": "joint",
    "DebyeScattering": "debye",
    "Frame": "trajectories",
    "PairDistribution": "pattern",
    "PdfAnalysis": "analysis",
    "PdfFit": "refinement",
    "PdfRecipe": "options",
    "PhaseFractions": "fractions",
    "RefinementOptions": "options",
    "SimulatedPhase": "simulation",
    "analyse": "analysis",
    "calculate_gr": "calculation",
    "calculate_iq": "debye",
    "cut_sphere": "debye",
    "fit_boxcar": "boxcar",
    "fractions_from_scales": "fractions",
    "frame_from_crystal": "trajectories",
    "read": "readers.gr",
    "read_frames": "trajectories",
    "refine": "refinement",
    "refine_jointly": "joint",
    "simulate_gr": "simulation",
    "write_gr": "writers",
}

__all__ = [
    "Boxcar",
    "CalculatedPdf",
    "DebyeScattering",
    "Frame",
    "JointPdfFit",
    "PairDistribution",
    "PdfAnalysis",
    "PdfFit",
    "PdfRecipe",
    "PhaseFractions",
    "RefinementOptions",
    "SimulatedPhase",
    "analyse",
    "calculate_gr",
    "calculate_iq",
    "cut_sphere",
    "fit_boxcar",
    "fractions_from_scales",
    "frame_from_crystal",
    "read",
    "read_frames",
    "refine",
    "refine_jointly",
    "simulate_gr",
    "write_gr",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"xorder.pdf.{_HOME[name]}"), name)
    raise AttributeError(f"module 'xorder.pdf' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
