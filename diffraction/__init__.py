if __name__ != "xorder.diffraction":
    raise ImportError(
        "this folder is the package xorder.diffraction: write `import xorder.diffraction`"
    )

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xorder.diffraction.absorption import linear_absorption, mass_absorption
    from xorder.diffraction.amorphous_fraction import (
        AmorphousFraction,
        Spread,
        amorphous_from_external_standard,
        amorphous_from_halo,
        amorphous_from_internal_standard,
        spread_over_choices,
    )
    from xorder.diffraction.amorphous_simulation import simulate_amorphous
    from xorder.diffraction.analysis import DiffractionAnalysis, analyse
    from xorder.diffraction.anisotropic_simulation import simulate_anisotropic
    from xorder.diffraction.anisotropy import DirectionalWidths
    from xorder.diffraction.calibrations import (
        Calibration,
        calibrate_external_standard,
        calibrate_halo,
    )
    from xorder.diffraction.cell_fit import CellFit, fit_cell
    from xorder.diffraction.instrument_resolution import (
        InstrumentResolution,
        resolution_from_profile,
        resolution_from_standard,
    )
    from xorder.diffraction.line_broadening import DoubleVoigt, double_voigt
    from xorder.diffraction.options import DiffractionRecipe
    from xorder.diffraction.pattern import (
        Pattern,
        cut,
        d_from_two_theta,
        make_pattern,
        q_from_two_theta,
        two_theta_from_d,
        two_theta_from_q,
    )
    from xorder.diffraction.pawley import LineIntensities
    from xorder.diffraction.peak_tracking import PeakTable, TrackingOptions, track_peaks
    from xorder.diffraction.planes import AllowedLines, allowed_lines
    from xorder.diffraction.profiles import Profile
    from xorder.diffraction.quantification import PhaseFractions, weight_fractions
    from xorder.diffraction.radiation import (
        Radiation,
        make_radiation,
        polarization_from_monochromator,
    )
    from xorder.diffraction.readers.gsas import read_instrument
    from xorder.diffraction.readers.opening import read
    from xorder.diffraction.refinement import refine
    from xorder.diffraction.refinement_options import Phase, RefinementOptions
    from xorder.diffraction.refinement_results import PatternFit, PhaseFit, Refinement
    from xorder.diffraction.refinement_series import RefinementSeries, refine_series
    from xorder.diffraction.reflections import Reflections, calculate_reflections
    from xorder.diffraction.relative_indices import (
        CrystallineLoss,
        RelativeIndex,
        area_ratio_index,
        crystalline_loss,
    )
    from xorder.diffraction.residual_lines import ResidualLines
    from xorder.diffraction.restraints import AngleRestraint, BondRestraint, ExpressionRestraint
    from xorder.diffraction.sample_widths import SampleWidths, remove_instrument
    from xorder.diffraction.simulation import (
        Hump,
        SimulatedPattern,
        simulate,
        simulate_mixture,
    )
    from xorder.diffraction.size_strain import (
        ScherrerSizes,
        WilliamsonHall,
        scherrer_sizes,
        williamson_hall,
    )
    from xorder.diffraction.writers import write_csv, write_pdcif, write_xye

_HOME = {
    "AngleRestraint": "restraints",
    "BondRestraint": "restraints",
    "simulate_anisotropic": "anisotropic_simulation",
    "DirectionalWidths": "anisotropy",
    "ExpressionRestraint": "restraints",
    "LineIntensities": "pawley",
    "ResidualLines": "residual_lines",
    "write_pdcif": "writers",
    "write_csv": "writers",
    "crystalline_loss": "relative_indices",
    "area_ratio_index": "relative_indices",
    "RelativeIndex": "relative_indices",
    "CrystallineLoss": "relative_indices",
    "weight_fractions": "quantification",
    "PhaseFractions": "quantification",
    "mass_absorption": "absorption",
    "linear_absorption": "absorption",
    "calibrate_halo": "calibrations",
    "calibrate_external_standard": "calibrations",
    "Calibration": "calibrations",
    "spread_over_choices": "amorphous_fraction",
    "amorphous_from_internal_standard": "amorphous_fraction",
    "amorphous_from_halo": "amorphous_fraction",
    "amorphous_from_external_standard": "amorphous_fraction",
    "Spread": "amorphous_fraction",
    "AmorphousFraction": "amorphous_fraction",
    "williamson_hall": "size_strain",
    "scherrer_sizes": "size_strain",
    "WilliamsonHall": "size_strain",
    "ScherrerSizes": "size_strain",
    "remove_instrument": "sample_widths",
    "SampleWidths": "sample_widths",
    "resolution_from_standard": "instrument_resolution",
    "resolution_from_profile": "instrument_resolution",
    "InstrumentResolution": "instrument_resolution",
    "double_voigt": "line_broadening",
    "DoubleVoigt": "line_broadening",
    "simulate_amorphous": "amorphous_simulation",
    "AllowedLines": "planes",
    "allowed_lines": "planes",
    "CellFit": "cell_fit",
    "DiffractionAnalysis": "analysis",
    "DiffractionRecipe": "options",
    "Hump": "simulation",
    "Pattern": "pattern",
    "PatternFit": "refinement_results",
    "Phase": "refinement_options",
    "PhaseFit": "refinement_results",
    "PeakTable": "peak_tracking",
    "Profile": "profiles",
    "Radiation": "radiation",
    "Refinement": "refinement_results",
    "RefinementOptions": "refinement_options",
    "RefinementSeries": "refinement_series",
    "Reflections": "reflections",
    "refine": "refinement",
    "refine_series": "refinement_series",
    "SimulatedPattern": "simulation",
    "TrackingOptions": "peak_tracking",
    "analyse": "analysis",
    "cut": "pattern",
    "fit_cell": "cell_fit",
    "d_from_two_theta": "pattern",
    "make_pattern": "pattern",
    "polarization_from_monochromator": "radiation",
    "q_from_two_theta": "pattern",
    "make_radiation": "radiation",
    "read": "readers.opening",
    "read_instrument": "readers.gsas",
    "calculate_reflections": "reflections",
    "simulate": "simulation",
    "simulate_mixture": "simulation",
    "track_peaks": "peak_tracking",
    "two_theta_from_d": "pattern",
    "two_theta_from_q": "pattern",
    "write_xye": "writers",
}

__all__ = [
    "AllowedLines",
    "AmorphousFraction",
    "AngleRestraint",
    "BondRestraint",
    "Calibration",
    "CellFit",
    "CrystallineLoss",
    "DiffractionAnalysis",
    "DiffractionRecipe",
    "DirectionalWidths",
    "DoubleVoigt",
    "ExpressionRestraint",
    "Hump",
    "InstrumentResolution",
    "LineIntensities",
    "Pattern",
    "PatternFit",
    "PeakTable",
    "Phase",
    "PhaseFit",
    "PhaseFractions",
    "Profile",
    "Radiation",
    "Refinement",
    "RefinementOptions",
    "RefinementSeries",
    "Reflections",
    "RelativeIndex",
    "ResidualLines",
    "SampleWidths",
    "ScherrerSizes",
    "SimulatedPattern",
    "Spread",
    "TrackingOptions",
    "WilliamsonHall",
    "allowed_lines",
    "amorphous_from_external_standard",
    "amorphous_from_halo",
    "amorphous_from_internal_standard",
    "analyse",
    "area_ratio_index",
    "calculate_reflections",
    "calibrate_external_standard",
    "calibrate_halo",
    "crystalline_loss",
    "cut",
    "d_from_two_theta",
    "double_voigt",
    "fit_cell",
    "linear_absorption",
    "make_pattern",
    "make_radiation",
    "mass_absorption",
    "polarization_from_monochromator",
    "q_from_two_theta",
    "read",
    "read_instrument",
    "refine",
    "refine_series",
    "remove_instrument",
    "resolution_from_profile",
    "resolution_from_standard",
    "scherrer_sizes",
    "simulate",
    "simulate_amorphous",
    "simulate_anisotropic",
    "simulate_mixture",
    "spread_over_choices",
    "track_peaks",
    "two_theta_from_d",
    "two_theta_from_q",
    "weight_fractions",
    "williamson_hall",
    "write_csv",
    "write_pdcif",
    "write_xye",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"xorder.diffraction.{_HOME[name]}"), name)
    raise AttributeError(f"module 'xorder.diffraction' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
