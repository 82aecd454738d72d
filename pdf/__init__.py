if __name__ != "xorder.pdf":
    raise ImportError("this folder is the package xorder.pdf: write `import xorder.pdf`")

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xorder.pdf.analysis import PdfAnalysis, analyse
    from xorder.pdf.analysis_input import reduce_file
    from xorder.pdf.boxcar import Boxcar, fit_boxcar
    from xorder.pdf.calculation import CalculatedPdf, calculate_gr
    from xorder.pdf.comparison import PdfComparison, compare
    from xorder.pdf.conversion import Curve, convert, read_curve, write_curve
    from xorder.pdf.debye import DebyeScattering, calculate_iq, cut_sphere
    from xorder.pdf.end_members import refine_with_end_member
    from xorder.pdf.fractions import PhaseFractions, fractions_from_scales
    from xorder.pdf.functions import (
        GrCovariance,
        convert_of_q,
        convert_of_r,
        fq_from_gr,
        gr_covariance_from_fq,
        gr_from_fq,
    )
    from xorder.pdf.intensity import Intensity, StructureFunction, intensity_from_two_theta
    from xorder.pdf.joint import JointPdfFit, refine_jointly
    from xorder.pdf.lengths import OrderLength, order_length
    from xorder.pdf.model_analysis import ModelAnalysis, analyse_model
    from xorder.pdf.models import calculate_model_gr, gr_from_partials
    from xorder.pdf.options import PdfRecipe, RefinementOptions
    from xorder.pdf.partials import Partials, calculate_partials
    from xorder.pdf.pattern import PairDistribution
    from xorder.pdf.pdfgui_fits import refine_from_project
    from xorder.pdf.peak_areas import GrPeaks, WindowArea, fit_gr_peaks, window_area
    from xorder.pdf.polyhedra import (
        AngleDistribution,
        Octahedra,
        Populations,
        calculate_angles,
        count_polyhedra,
        measure_octahedra,
        octahedral_symmetry,
    )
    from xorder.pdf.readers.gr import read
    from xorder.pdf.readers.iq import read_iq, read_sq
    from xorder.pdf.readers.pdfgui import PdffitStructure, read_stru
    from xorder.pdf.readers.pdfgui_project import PdfguiProject, read_project
    from xorder.pdf.recipe_tables import (
        BoxcarOptions,
        IntensityOptions,
        ModelOptions,
        PeakOptions,
    )
    from xorder.pdf.reduction import reduce
    from xorder.pdf.reduction_options import ReductionOptions
    from xorder.pdf.reduction_result import Reduction
    from xorder.pdf.reduction_writers import write_reduction
    from xorder.pdf.refinement import PdfFit, refine
    from xorder.pdf.simulation import SimulatedPhase, simulate_gr
    from xorder.pdf.trajectories import Frame, frame_from_crystal, read_frames
    from xorder.pdf.writers import write_gr

_HOME = {
    "AngleDistribution": "polyhedra",
    "Boxcar": "boxcar",
    "BoxcarOptions": "recipe_tables",
    "CalculatedPdf": "calculation",
    "Curve": "conversion",
    "DebyeScattering": "debye",
    "Frame": "trajectories",
    "GrCovariance": "functions",
    "GrPeaks": "peak_areas",
    "Intensity": "intensity",
    "IntensityOptions": "recipe_tables",
    "JointPdfFit": "joint",
    "ModelAnalysis": "model_analysis",
    "ModelOptions": "recipe_tables",
    "Octahedra": "polyhedra",
    "OrderLength": "lengths",
    "PairDistribution": "pattern",
    "Partials": "partials",
    "PdfAnalysis": "analysis",
    "PdfComparison": "comparison",
    "PdfFit": "refinement",
    "PdfRecipe": "options",
    "PdffitStructure": "readers.pdfgui",
    "PdfguiProject": "readers.pdfgui_project",
    "PeakOptions": "recipe_tables",
    "PhaseFractions": "fractions",
    "Populations": "polyhedra",
    "Reduction": "reduction_result",
    "ReductionOptions": "reduction_options",
    "RefinementOptions": "options",
    "SimulatedPhase": "simulation",
    "StructureFunction": "intensity",
    "WindowArea": "peak_areas",
    "analyse": "analysis",
    "analyse_model": "model_analysis",
    "calculate_angles": "polyhedra",
    "calculate_gr": "calculation",
    "calculate_iq": "debye",
    "calculate_model_gr": "models",
    "calculate_partials": "partials",
    "compare": "comparison",
    "convert": "conversion",
    "convert_of_q": "functions",
    "convert_of_r": "functions",
    "count_polyhedra": "polyhedra",
    "cut_sphere": "debye",
    "fit_boxcar": "boxcar",
    "fit_gr_peaks": "peak_areas",
    "fq_from_gr": "functions",
    "fractions_from_scales": "fractions",
    "frame_from_crystal": "trajectories",
    "gr_covariance_from_fq": "functions",
    "gr_from_fq": "functions",
    "gr_from_partials": "models",
    "intensity_from_two_theta": "intensity",
    "measure_octahedra": "polyhedra",
    "octahedral_symmetry": "polyhedra",
    "order_length": "lengths",
    "read": "readers.gr",
    "read_curve": "conversion",
    "read_frames": "trajectories",
    "read_iq": "readers.iq",
    "read_project": "readers.pdfgui_project",
    "read_sq": "readers.iq",
    "read_stru": "readers.pdfgui",
    "reduce": "reduction",
    "reduce_file": "analysis_input",
    "refine": "refinement",
    "refine_from_project": "pdfgui_fits",
    "refine_jointly": "joint",
    "refine_with_end_member": "end_members",
    "simulate_gr": "simulation",
    "window_area": "peak_areas",
    "write_curve": "conversion",
    "write_gr": "writers",
    "write_reduction": "reduction_writers",
}

__all__ = [
    "AngleDistribution",
    "Boxcar",
    "BoxcarOptions",
    "CalculatedPdf",
    "Curve",
    "DebyeScattering",
    "Frame",
    "GrCovariance",
    "GrPeaks",
    "Intensity",
    "IntensityOptions",
    "JointPdfFit",
    "ModelAnalysis",
    "ModelOptions",
    "Octahedra",
    "OrderLength",
    "PairDistribution",
    "Partials",
    "PdfAnalysis",
    "PdfComparison",
    "PdfFit",
    "PdfRecipe",
    "PdffitStructure",
    "PdfguiProject",
    "PeakOptions",
    "PhaseFractions",
    "Populations",
    "Reduction",
    "ReductionOptions",
    "RefinementOptions",
    "SimulatedPhase",
    "StructureFunction",
    "WindowArea",
    "analyse",
    "analyse_model",
    "calculate_angles",
    "calculate_gr",
    "calculate_iq",
    "calculate_model_gr",
    "calculate_partials",
    "compare",
    "convert",
    "convert_of_q",
    "convert_of_r",
    "count_polyhedra",
    "cut_sphere",
    "fit_boxcar",
    "fit_gr_peaks",
    "fq_from_gr",
    "fractions_from_scales",
    "frame_from_crystal",
    "gr_covariance_from_fq",
    "gr_from_fq",
    "gr_from_partials",
    "intensity_from_two_theta",
    "measure_octahedra",
    "octahedral_symmetry",
    "order_length",
    "read",
    "read_curve",
    "read_frames",
    "read_iq",
    "read_project",
    "read_sq",
    "read_stru",
    "reduce",
    "reduce_file",
    "refine",
    "refine_from_project",
    "refine_jointly",
    "refine_with_end_member",
    "simulate_gr",
    "window_area",
    "write_curve",
    "write_gr",
    "write_reduction",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"xorder.pdf.{_HOME[name]}"), name)
    raise AttributeError(f"module 'xorder.pdf' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
