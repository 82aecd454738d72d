"""What a diffraction analysis can be told: one class for the API, the manifest and the CLI."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from xorder.diffraction.spectral_lines import named_lines
from xorder.errors import BadInput

__all__ = [
    "DiffractionRecipe",
    "QuantifyRecipe",
    "RefineRecipe",
    "SizeStrainRecipe",
    "TrackRecipe",
]

#: What is restrained, its value and its standard error.
RESTRAINT = re.compile(r"(.+?)\s*=\s*(-?[\d.]+(?:e-?\d+)?)\s*(?:\+-|±)\s*([\d.]+(?:e-?\d+)?)")

_FORBID: dict[str, str] = {"extra": "forbid"}


@dataclass(frozen=True, kw_only=True, slots=True)
class SizeStrainRecipe:
    """How widths become sizes and strains: ``[diffraction.size_strain]``."""

    __pydantic_config__: ClassVar[dict[str, str]] = _FORBID

    standard: str = field(default="", metadata={"path": True})
    """Pattern of a line-width standard such as LaB6 or Si, measured as the samples were."""
    standard_structure: str = field(default="LaB6_SRM660c", metadata={"path": True})
    """Structure of the standard: a CIF file or the name of a reference."""
    standard_size: float | None = None
    """Domain size of the standard in Å, whose broadening is taken out; none where left out."""
    standard_planes: int = 12
    """Number of lines of the standard to use."""
    instrument: str = field(default="", metadata={"path": True})
    """GSAS instrument file whose widths stand in for those of a standard."""
    resolution: Literal["caglioti", "interpolation"] = "caglioti"
    """How the instrument's widths between the lines of the standard follow."""
    width: Literal["fwhm", "beta"] = "beta"
    """Which width: full width at half maximum or integral breadth."""
    shape: Literal["voigt", "lorentzian", "gaussian"] = "voigt"
    """What the broadening by the sample is; "lorentzian" suits weak lines."""
    shape_factor: float | None = None
    """Scherrer's K; 0.9 for FWHM and 1 for integral breadths where left out."""
    addition: Literal["linear", "quadratic"] = "linear"
    """How size and strain broadening add in the Williamson–Hall line."""

    def __post_init__(self) -> None:
        """Check the values; each error names its key."""
        _above_zero(self, "standard_size", "standard_planes", "shape_factor")
        if bool(self.standard) == bool(self.instrument):
            found = "both are given" if self.standard else "neither is given"
            raise BadInput(
                f"standard and instrument: {found}",
                expected="the pattern of a standard or an instrument file; a width without it is "
                "no size",
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class RefineRecipe:
    """How whole patterns are refined: ``[diffraction.refine]``."""

    __pydantic_config__: ClassVar[dict[str, str]] = _FORBID

    method: str = "rietveld"
    """Where intensities come from: "rietveld" (the atoms), "lebail" or "pawley" (the data)."""
    series: Literal["each", "sequential", "together"] = "each"
    """Each sample from the structures, from what the one before found, or all in one fit."""
    background: int = 8
    """Number of Chebyshev terms."""
    humps: tuple[tuple[float, float, float], ...] = ()
    """Amorphous humps: position and FWHM in degrees, and relative area. They keep their shape in
    all samples and grow together."""
    separate_humps: bool = False
    """Whether each hump has a height of its own."""
    halo_files: tuple[str, ...] = field(default=(), metadata={"path": True})
    """Measured patterns that are shapes of amorphous scattering, such as a glass."""
    blank: str = field(default="", metadata={"path": True})
    """Pattern of holder, film and air without sample; its height is refined."""
    instrument: str = field(default="", metadata={"path": True})
    """GSAS instrument file: radiation and widths of the instrument; left out, the standard of
    size_strain, else usual widths."""
    asymmetry: float = 0.0
    """Axial divergence S/L = H/L of the instrument."""
    refine_asymmetry: bool = False
    """Whether the axial divergence is refined."""
    profile_terms: tuple[Literal["u", "v", "w", "x", "y"], ...] = ()
    """Terms of the instrument's widths to refine."""
    zero_shift: bool = False
    """Whether a constant shift of 2θ is refined."""
    displacement: bool = True
    """Whether the displacement of a flat sample is refined."""
    radius: float = 200.0
    """Radius of the goniometer in mm, which the displacement is relative to."""
    positions: bool = True
    """Whether coordinates that symmetry leaves free are refined."""
    uiso: Literal["site", "element", "phase", "none"] = "site"
    """One displacement a site, an element or a phase; "none" keeps those of the structure."""
    occupancies: tuple[str, ...] = ()
    """Labels of sites of the first structure whose occupancy is refined."""
    size: float | None = 1000.0
    """Domain size in Å to start from."""
    strain: float | None = 0.0005
    """Microstrain Δd/d to start from."""
    fixed_shape: tuple[str, ...] = field(default=(), metadata={"path": True})
    """Structures whose size and strain stay as they start."""
    anisotropic_size: bool = False
    """Whether the size of the first structure depends on direction."""
    anisotropic_strain: bool = False
    """Whether the microstrain of the first structure depends on direction."""
    orientation: tuple[int, int, int] | None = None
    """Plane of the preferred orientation of the first structure; none where left out."""
    constraints: tuple[str, ...] = ()
    """Parameters set or tied, such as "uiso_Cl2 = uiso_Cl1" or "strain = 0"."""
    restraints: tuple[str, ...] = ()
    """Bonds (Å), angles (°) or expressions pulled to a value: "Ta1-Cl1 = 2.35 +- 0.02",
    "Cl1-Ta1-Cl2 = 90 +- 2", "uiso_Cl1 - uiso_Cl2 = 0 +- 0.002"."""
    largest_move: float = 0.3
    """Error of line positions in degrees that the start can have."""

    def __post_init__(self) -> None:
        """Check the values; each error names its key."""
        _above_zero(self, "radius", "size")
        if not 1 <= self.background <= 40:
            raise BadInput(f"background = {self.background}", expected="1 to 40 terms")
        for hump in self.humps:
            if not (all(map(math.isfinite, hump)) and hump[1] > 0 and hump[2] > 0):
                raise BadInput(
                    f"humps holds {hump}", expected="position, FWHM above 0 and area above 0"
                )
        for text in self.constraints:
            name, equal, value = text.partition("=")
            if not (equal and name.strip().isidentifier() and value.strip()):
                raise BadInput(f"constraints holds {text!r}", expected="'name = expression'")
        for text in self.restraints:
            if not RESTRAINT.fullmatch(text.strip()):
                raise BadInput(f"restraints holds {text!r}", expected="'what = value +- error'")


@dataclass(frozen=True, kw_only=True, slots=True)
class QuantifyRecipe:
    """How refined scales become weight fractions: ``[diffraction.quantify]``."""

    __pydantic_config__: ClassVar[dict[str, str]] = _FORBID

    internal_standard: str = field(default="", metadata={"path": True})
    """Structure of a weighed crystalline standard in the sample; one of structure, impurities."""
    weighed: tuple[float, float] | None = None
    """Weight fraction of the internal standard in the mixture, and its standard error."""
    crystallinity: tuple[float, float] = (1.0, 0.0)
    """Crystalline share of the standard, internal or external, and its standard error."""
    external_standard: str = field(default="", metadata={"path": True})
    """Pattern of a standard measured alone, in the same setup and exposure."""
    external_structure: str = field(default="", metadata={"path": True})
    """Structure of the external standard."""
    amorphous_composition: str = ""
    """Formula of the amorphous part, for its absorption; that of the crystals where left out."""
    halo_mixture: str = field(default="", metadata={"path": True})
    """Pattern of a mixture of known amorphous share, which calibrates the halo (PONCKS)."""
    halo_share: tuple[float, float] | None = None
    """Amorphous weight fraction of that mixture, and its standard error."""
    grain_diameters: tuple[float, ...] = ()
    """Diameter of the grains of each phase in µm, for microabsorption by Brindley."""
    backgrounds: tuple[int, ...] = ()
    """Other numbers of background terms to try: the spread of the result is told."""
    displacements: tuple[Literal["site", "element", "phase", "none"], ...] = ()
    """Other choices of uiso to try: the spread of the result is told."""

    def __post_init__(self) -> None:
        """Check the values; each error names its key."""
        pairs = (
            ("internal_standard", "weighed"),
            ("external_standard", "external_structure"),
            ("halo_mixture", "halo_share"),
        )
        for first, second in pairs:
            if bool(getattr(self, first)) != bool(getattr(self, second)):
                given, missing = (first, second) if getattr(self, first) else (second, first)
                raise BadInput(f"{given} without {missing}", expected=f"{missing} as well")
        if any(not 1 <= terms <= 40 for terms in self.backgrounds):
            raise BadInput(f"backgrounds = {self.backgrounds}", expected="1 to 40 terms each")
        if any(not (math.isfinite(d) and d > 0) for d in self.grain_diameters):
            raise BadInput(f"grain_diameters = {self.grain_diameters}", expected="µm above 0")


@dataclass(frozen=True, kw_only=True, slots=True)
class TrackRecipe:
    """Structures, range, and how planes are followed."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    structure: str = field(metadata={"path": True})
    """Crystal structure whose planes are followed: a CIF file or the name of a reference."""
    impurities: tuple[str, ...] = field(default=(), metadata={"path": True})
    """Structures of impurities whose lines may lie in the windows, such as NaCl."""
    wavelength: float | str | None = None
    """Radiation: "CuKa", "CuKa1", a wavelength in Å; what the file says where left out."""
    index: int = 0
    """Which pattern of files that hold several, from 0 on, such as a frame of a stack."""
    two_theta: tuple[float, float] | None = None
    """Range used, in degrees; all of the pattern where left out."""
    planes: tuple[tuple[int, int, int], ...] | None = None
    """Planes to follow, as Miller indices; the strongest separable ones where left out."""
    n_planes: int = 5
    """Number of planes to choose where none are named."""
    window: float | None = None
    """Width of the fitted window in degrees; it follows the peak's width where left out."""
    tolerance: float | None = None
    """How far in degrees a line may lie from where the structure puts it; left out, 0.3° at Cu Kα
    and in proportion to the wavelength."""
    instrument_fwhm: float | None = None
    """Width in degrees that the instrument gives a line, of which a width is at least half; left
    out, 0.05° at Cu Kα and in proportion to the wavelength."""
    max_fwhm: float | None = None
    """Widest line in degrees that is still told from amorphous scattering; left out, 1.5° at Cu Kα
    and in proportion to the wavelength."""
    uiso: float = 0.01
    """Displacement in Å² for sites of a structure without one."""

    def __post_init__(self) -> None:
        """Check the values; each error names its key."""
        _above_zero(self, "window", "tolerance", "instrument_fwhm", "max_fwhm", "n_planes")
        if self.index < 0:
            raise BadInput(f"index = {self.index}", expected="0 or above")
        if not (math.isfinite(self.uiso) and self.uiso >= 0):
            raise BadInput(f"uiso = {self.uiso:g}", expected="0 or a displacement in Å²")
        if self.wavelength is not None:
            try:
                named_lines(str(self.wavelength))
            except BadInput as error:
                raise BadInput(
                    f"wavelength = {self.wavelength!r}", expected=error.expected
                ) from None
        if self.two_theta is not None:
            low, high = self.two_theta
            if not 0.0 <= low < high < 180.0:
                raise BadInput(
                    f"two_theta = ({low:g}, {high:g})", expected="0 ≤ min < max < 180 degrees"
                )
        if self.planes is not None and not self.planes:
            raise BadInput("planes is empty", expected="planes, or no such key to choose them")
        for plane in self.planes or ():
            if not any(plane):
                raise BadInput(f"planes holds {plane}", expected="indices that are not all 0")


@dataclass(frozen=True, kw_only=True, slots=True)
class DiffractionRecipe(TrackRecipe):
    """How the powder patterns of a sample are analysed."""

    size_strain: SizeStrainRecipe | None = None
    """Sizes and strains from widths; none where left out."""
    refine: RefineRecipe | None = None
    """Refinement of the whole pattern; none where left out."""
    quantify: QuantifyRecipe | None = None
    """Weight fractions, the amorphous one included; none where left out."""
    exposure: float = 1.0
    """Monitor counts times mass in the beam, relative to the other samples."""
    order_value: float | None = None
    """Value of the variable that orders the series; the sample's own in a manifest."""
    order_name: str = ""
    """What orders the series, with unit; that of the series in a manifest."""
    conductivity: float | None = None
    """Ionic conductivity in S/cm; the sample's own in a manifest."""

    def __post_init__(self) -> None:
        """Check the values; each error names its key."""
        TrackRecipe.__post_init__(self)
        _above_zero(self, "exposure", "conductivity")
        if self.quantify is not None and self.refine is None:
            raise BadInput("quantify without refine", expected="a table refine, even an empty one")


def _above_zero(recipe: Any, *keys: str) -> None:
    for key in keys:
        value = getattr(recipe, key)
        if value is not None and not (math.isfinite(value) and value > 0):
            raise BadInput(f"{key} = {value:g}", expected="a number above 0")
