"""What an analysis of absorption spectra can be told."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

from xorder.errors import BadInput
from xorder.xas.recipe_tables import (
    BondAngleOptions,
    ComponentOptions,
    CurveResolutionOptions,
    DifferenceOptions,
    MixtureOptions,
    NearEdgeOptions,
    PreparationOptions,
    ShellFitOptions,
    check_numbers,
    check_pairs,
    neighbour,
)

__all__ = ["ExafsSteps", "NormalizationSteps", "XasRecipe"]


@dataclass(frozen=True, kw_only=True, slots=True)
class NormalizationSteps:
    """How scans of one edge become a normalized spectrum."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    element: str = ""
    """Absorbing element; the files' own word where empty."""
    edge: str = ""
    """Edge, such as "L3"; the files' own word where empty."""
    columns: str = ""
    """Columns of text files, such as "energy=1, i0=2, itrans=3"; the file's labels where empty."""
    mode: Literal["", "transmission", "fluorescence", "electron_yield", "reference"] = ""
    """Signal to take where a file has several; transmission first where empty."""
    group: str = ""
    """Group of an Athena project, by label or number from 1; needed where it has several."""
    athena_settings: bool = False
    """Take e0, ranges and order of the normalization from the Athena project."""
    sort: bool = False
    """Sort energies that do not ascend, as of a downward scan; otherwise they are refused."""
    composition: str = ""
    """Formula of the sample, such as "NaTaCl6", whose edges limit k and the normalization."""
    merge: bool = True
    """Average the files of a sample as repeated scans; otherwise one file a sample."""
    energy_shift: float = 0.0
    """Added to all energies, in eV, to calibrate them."""
    e0: float | None = None
    """Edge energy in eV; the maximum of the smoothed derivative where not given."""
    smoothing: float = 1.0
    """Smoothing of that derivative in eV (standard deviation of a Gaussian)."""
    pre_edge: tuple[float, float] | None = None
    """Range of the pre-edge line in eV from e0, such as (-150, -50)."""
    post_edge: tuple[float, float] | None = None
    """Range of the post-edge curve in eV from e0, such as (100, 800)."""
    order: int | None = None
    """Order of the post-edge curve: 0, 1 or 2; of MBACK's background 0 to 5."""
    normalization: Literal["polynomials", "mback"] = "polynomials"
    """Normalize by a line and a curve, or by MBACK: matched to the tabulated f'' of the element."""
    prepare: PreparationOptions | None = None
    """How the scans are made ready."""

    def __post_init__(self) -> None:
        check_pairs(self, ("pre_edge", "post_edge"))
        check_numbers(self, ("smoothing", 0.05, 20.0))
        for name in ("energy_shift", "e0"):
            value = getattr(self, name)
            if value is not None and not math.isfinite(value):
                raise BadInput(f"{name} is {value}", expected="a number of eV")
        if self.e0 is not None and self.e0 <= 0:
            raise BadInput(f"e0 is {self.e0:g}", expected="an energy in eV")
        highest = 5 if self.normalization == "mback" else 2
        if self.order is not None and self.order not in range(highest + 1):
            raise BadInput(f"order is {self.order}", expected=f"0 to {highest}")
        if self.prepare is not None and self.prepare.self_absorption and not self.composition:
            raise BadInput(
                "the self-absorption of an unknown sample cannot be corrected",
                expected="its composition",
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class ExafsSteps(NormalizationSteps):
    """How scans of one edge become χ(k), χ(R) and wavelet maps."""

    rbkg: float = 1.0
    """Distance in Å below which the signal is background."""
    background_k_weight: float = 2.0
    """Power of k in the fit of the background."""
    k_range: tuple[float, float] | None = None
    """Range of k in Å⁻¹ to transform; give the same for all samples of a series."""
    k_weight: float = 2.0
    """Power of k in the transforms."""
    window: Literal["hanning", "parzen", "welch", "kaiser", "sine", "gaussian"] = "hanning"
    """Window of the transforms."""
    dk: float = 1.0
    """Width of the window's slopes in Å⁻¹."""
    r_max: float = 6.0
    """End of χ(R) and of the wavelet maps in Å."""
    first_shell: tuple[float, float] = (1.0, 3.0)
    """Range in Å, without phase correction, of the first shell's peak."""
    phase_correction: str = ""
    """Neighbour such as "Cl 2.35" whose calculated phase is taken off a second χ(R)."""
    wavelet: Literal["morlet", "cauchy"] = "morlet"
    """Kind of wavelet."""
    rho: float = 10.0
    """Resolution of the wavelet: σ(R) = R/rho and σ(k) = rho/2R."""
    feature_r: tuple[float, float] = (3.2, 4.8)
    """Range in Å, without phase correction, of the wavelet feature to measure."""
    feature_k: tuple[float, float] | None = None
    """Range in Å⁻¹ of that feature; that of k_range where not given."""

    def __post_init__(self) -> None:
        NormalizationSteps.__post_init__(self)
        check_pairs(self, ("k_range", "first_shell", "feature_r", "feature_k"))
        check_numbers(
            self,
            ("rbkg", 0.3, 3.0),
            ("background_k_weight", 0.0, 4.0),
            ("k_weight", 0.0, 4.0),
            ("dk", 0.0, 10.0),
            ("r_max", 2.0, 20.0),
            ("rho", 1.0, 50.0),
        )
        if self.phase_correction:
            neighbour(self.phase_correction)
        if self.first_shell[1] > self.r_max or self.feature_r[1] > self.r_max:
            raise BadInput(
                f"r_max is {self.r_max:g} Å",
                expected="at least the ends of first_shell and feature_r",
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class XasRecipe(ExafsSteps):
    """How scans of one edge become numbers: from the files to fits and comparisons."""

    exafs: bool = True
    """Subtract the background and transform where the scan is long enough."""
    fit: ShellFitOptions | None = None
    """Shells to fit."""
    bond_angles: BondAngleOptions | None = None
    """Straight chains whose bend and disorder are measured."""
    lcf: MixtureOptions | None = None
    """References that the spectrum is made of."""
    near_edge: NearEdgeOptions | None = None
    """Peaks to fit before and at the edge."""
    difference: DifferenceOptions | None = None
    """Sample that is subtracted from the others."""
    pca: ComponentOptions | None = None
    """Principal components of the series."""
    mcr: CurveResolutionOptions | None = None
    """Spectra of pure species in the series."""
