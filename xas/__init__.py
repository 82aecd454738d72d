if __name__ != "xorder.xas":
    raise ImportError("this folder is the package xorder.xas: write `import xorder.xas`")

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xorder.xas.alignment import (
        Alignment,
        align,
        calibrate,
    )
    from xorder.xas.analysis import XasAnalysis, analyse, analyse_spectrum
    from xorder.xas.background import Exafs, subtract_background
    from xorder.xas.bent_paths import (
        BentPaths,
        bent_cluster,
        bent_parameters,
        bent_shells,
        calculate_bent_paths,
    )
    from xorder.xas.bond_angles import BondAngles, measure_bond_angles
    from xorder.xas.components import (
        PrincipalComponents,
        TargetTransform,
        find_components,
        transform_target,
    )
    from xorder.xas.curve_resolution import ResolvedSpectra, resolve_spectra
    from xorder.xas.differences import (
        EdgeShift,
        SpectrumDifference,
        find_edge_shift,
        subtract_spectrum,
    )
    from xorder.xas.edge_energy import find_e0
    from xorder.xas.fluorescence import (
        DetectorElements,
        ElementSum,
        correct_dead_time,
        sum_elements,
    )
    from xorder.xas.line_shapes import Peak, Step
    from xorder.xas.linear_combination import LinearCombinations, fit_linear_combination
    from xorder.xas.mixtures import LinearCombination
    from xorder.xas.near_edge_model import FittedPeak, NearEdgeFit
    from xorder.xas.near_edge_peaks import NearEdgeSeries, fit_near_edge
    from xorder.xas.normalization import Normalized, WhiteLine, normalize
    from xorder.xas.options import XasRecipe
    from xorder.xas.path_sums import path_chi, sum_paths
    from xorder.xas.path_tables import PathTable, tabulate_paths
    from xorder.xas.phase_correction import correct_phase
    from xorder.xas.photoelectron import Edge, edge, energy_from_k, k_from_energy, later_edges
    from xorder.xas.preparation import (
        deglitch,
        estimate_noise,
        rebin,
        truncate,
    )
    from xorder.xas.readers.athena import athena_settings
    from xorder.xas.readers.athena_writer import (
        write_athena,
    )
    from xorder.xas.readers.files import read, read_all, read_elements
    from xorder.xas.readers.nexus import (
        write_nexus,
    )
    from xorder.xas.readers.xdi import write_xdi
    from xorder.xas.reference_library import add_reference
    from xorder.xas.repeats import RepeatTrends, find_trends
    from xorder.xas.scattering_paths import (
        FeffInput,
        ScatteringPath,
        calculate_paths,
        feff_inputs,
        read_path,
        read_paths,
    )
    from xorder.xas.self_absorption import (
        correct_self_absorption,
    )
    from xorder.xas.shell_comparison import FitComparison, compare_fits
    from xorder.xas.shell_disorder import debye_sigma2, einstein_sigma2
    from xorder.xas.shell_fits import fit_shells
    from xorder.xas.shell_minima import ShellMinimum
    from xorder.xas.shell_objectives import ShellObjective
    from xorder.xas.shell_paths import Shell, quick_path, quick_shells, shells_from_paths
    from xorder.xas.shell_plausibility import FittedShell
    from xorder.xas.shell_results import ShellFit, ShellSpectrum
    from xorder.xas.shell_spaces import FitSpace, WaveletBox
    from xorder.xas.simulation import Environment, simulate_spectrum
    from xorder.xas.spectrum import Spectrum, merge, spectrum_from_arrays
    from xorder.xas.stack_results import ExafsStack, NormalizedStack, Stack, TransformStack
    from xorder.xas.stacks import (
        normalize_stack,
        stack_spectra,
        subtract_background_from_stack,
        transform_stack_to_r,
    )
    from xorder.xas.transforms import (
        Transform,
        TransformPeak,
        transform_peak,
        transform_to_r,
        window_function,
    )
    from xorder.xas.wavelet_features import (
        WaveletMaximum,
        WaveletMean,
        wavelet_maximum,
        wavelet_mean,
    )
    from xorder.xas.wavelet_maps import (
        FeatureAssignment,
        WaveletDifference,
        assign_feature,
        path_wavelets,
        subtract_wavelets,
    )
    from xorder.xas.wavelets import Wavelets, transform_to_wavelets

_HOME = {
    "Alignment": "alignment",
    "BentPaths": "bent_paths",
    "BondAngles": "bond_angles",
    "DetectorElements": "fluorescence",
    "Edge": "photoelectron",
    "EdgeShift": "differences",
    "ElementSum": "fluorescence",
    "Environment": "simulation",
    "Exafs": "background",
    "ExafsStack": "stack_results",
    "FeatureAssignment": "wavelet_maps",
    "FeffInput": "scattering_paths",
    "FitSpace": "shell_spaces",
    "FittedPeak": "near_edge_model",
    "FittedShell": "shell_plausibility",
    "LinearCombination": "mixtures",
    "LinearCombinations": "linear_combination",
    "NearEdgeFit": "near_edge_model",
    "NearEdgeSeries": "near_edge_peaks",
    "Normalized": "normalization",
    "NormalizedStack": "stack_results",
    "PathTable": "path_tables",
    "Peak": "line_shapes",
    "PrincipalComponents": "components",
    "RepeatTrends": "repeats",
    "ResolvedSpectra": "curve_resolution",
    "ScatteringPath": "scattering_paths",
    "Shell": "shell_paths",
    "ShellFit": "shell_results",
    "ShellMinimum": "shell_minima",
    "ShellObjective": "shell_objectives",
    "ShellSpectrum": "shell_results",
    "Spectrum": "spectrum",
    "SpectrumDifference": "differences",
    "Stack": "stack_results",
    "Step": "line_shapes",
    "TargetTransform": "components",
    "Transform": "transforms",
    "TransformPeak": "transforms",
    "TransformStack": "stack_results",
    "WaveletBox": "shell_spaces",
    "WaveletDifference": "wavelet_maps",
    "WaveletMaximum": "wavelet_features",
    "WaveletMean": "wavelet_features",
    "Wavelets": "wavelets",
    "WhiteLine": "normalization",
    "XasAnalysis": "analysis",
    "XasRecipe": "options",
    "add_reference": "reference_library",
    "align": "alignment",
    "analyse": "analysis",
    "analyse_spectrum": "analysis",
    "assign_feature": "wavelet_maps",
    "athena_settings": "readers.athena",
    "bent_cluster": "bent_paths",
    "bent_parameters": "bent_paths",
    "bent_shells": "bent_paths",
    "calculate_bent_paths": "bent_paths",
    "calculate_paths": "scattering_paths",
    "calibrate": "alignment",
    "correct_dead_time": "fluorescence",
    "correct_phase": "phase_correction",
    "correct_self_absorption": "self_absorption",
    "debye_sigma2": "shell_disorder",
    "deglitch": "preparation",
    "edge": "photoelectron",
    "einstein_sigma2": "shell_disorder",
    "energy_from_k": "photoelectron",
    "estimate_noise": "preparation",
    "feff_inputs": "scattering_paths",
    "find_components": "components",
    "find_e0": "edge_energy",
    "find_edge_shift": "differences",
    "find_trends": "repeats",
    "fit_linear_combination": "linear_combination",
    "fit_near_edge": "near_edge_peaks",
    "FitComparison": "shell_comparison",
    "compare_fits": "shell_comparison",
    "fit_shells": "shell_fits",
    "k_from_energy": "photoelectron",
    "later_edges": "photoelectron",
    "measure_bond_angles": "bond_angles",
    "merge": "spectrum",
    "normalize": "normalization",
    "normalize_stack": "stacks",
    "path_chi": "path_sums",
    "path_wavelets": "wavelet_maps",
    "quick_path": "shell_paths",
    "quick_shells": "shell_paths",
    "read": "readers.files",
    "read_all": "readers.files",
    "read_elements": "readers.files",
    "read_path": "scattering_paths",
    "read_paths": "scattering_paths",
    "rebin": "preparation",
    "resolve_spectra": "curve_resolution",
    "shells_from_paths": "shell_paths",
    "simulate_spectrum": "simulation",
    "spectrum_from_arrays": "spectrum",
    "stack_spectra": "stacks",
    "subtract_background": "background",
    "subtract_background_from_stack": "stacks",
    "subtract_spectrum": "differences",
    "subtract_wavelets": "wavelet_maps",
    "sum_elements": "fluorescence",
    "sum_paths": "path_sums",
    "tabulate_paths": "path_tables",
    "transform_peak": "transforms",
    "transform_stack_to_r": "stacks",
    "transform_target": "components",
    "transform_to_r": "transforms",
    "transform_to_wavelets": "wavelets",
    "truncate": "preparation",
    "wavelet_maximum": "wavelet_features",
    "wavelet_mean": "wavelet_features",
    "window_function": "transforms",
    "write_athena": "readers.athena_writer",
    "write_nexus": "readers.nexus",
    "write_xdi": "readers.xdi",
}

__all__ = [
    "Alignment",
    "BentPaths",
    "BondAngles",
    "DetectorElements",
    "Edge",
    "EdgeShift",
    "ElementSum",
    "Environment",
    "Exafs",
    "ExafsStack",
    "FeatureAssignment",
    "FeffInput",
    "FitComparison",
    "FitSpace",
    "FittedPeak",
    "FittedShell",
    "LinearCombination",
    "LinearCombinations",
    "NearEdgeFit",
    "NearEdgeSeries",
    "Normalized",
    "NormalizedStack",
    "PathTable",
    "Peak",
    "PrincipalComponents",
    "RepeatTrends",
    "ResolvedSpectra",
    "ScatteringPath",
    "Shell",
    "ShellFit",
    "ShellMinimum",
    "ShellObjective",
    "ShellSpectrum",
    "Spectrum",
    "SpectrumDifference",
    "Stack",
    "Step",
    "TargetTransform",
    "Transform",
    "TransformPeak",
    "TransformStack",
    "WaveletBox",
    "WaveletDifference",
    "WaveletMaximum",
    "WaveletMean",
    "Wavelets",
    "WhiteLine",
    "XasAnalysis",
    "XasRecipe",
    "add_reference",
    "align",
    "analyse",
    "analyse_spectrum",
    "assign_feature",
    "athena_settings",
    "bent_cluster",
    "bent_parameters",
    "bent_shells",
    "calculate_bent_paths",
    "calculate_paths",
    "calibrate",
    "compare_fits",
    "correct_dead_time",
    "correct_phase",
    "correct_self_absorption",
    "debye_sigma2",
    "deglitch",
    "edge",
    "einstein_sigma2",
    "energy_from_k",
    "estimate_noise",
    "feff_inputs",
    "find_components",
    "find_e0",
    "find_edge_shift",
    "find_trends",
    "fit_linear_combination",
    "fit_near_edge",
    "fit_shells",
    "k_from_energy",
    "later_edges",
    "measure_bond_angles",
    "merge",
    "normalize",
    "normalize_stack",
    "path_chi",
    "path_wavelets",
    "quick_path",
    "quick_shells",
    "read",
    "read_all",
    "read_elements",
    "read_path",
    "read_paths",
    "rebin",
    "resolve_spectra",
    "shells_from_paths",
    "simulate_spectrum",
    "spectrum_from_arrays",
    "stack_spectra",
    "subtract_background",
    "subtract_background_from_stack",
    "subtract_spectrum",
    "subtract_wavelets",
    "sum_elements",
    "sum_paths",
    "tabulate_paths",
    "transform_peak",
    "transform_stack_to_r",
    "transform_target",
    "transform_to_r",
    "transform_to_wavelets",
    "truncate",
    "wavelet_maximum",
    "wavelet_mean",
    "window_function",
    "write_athena",
    "write_nexus",
    "write_xdi",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"xorder.xas.{_HOME[name]}"), name)
    raise AttributeError(f"module 'xorder.xas' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
