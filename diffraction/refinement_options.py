"""What a whole-pattern refinement can be told."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from xorder.diffraction.backgrounds import Halo
from xorder.diffraction.pattern import Pattern
from xorder.diffraction.profiles import Profile
from xorder.diffraction.restraints import Restraint
from xorder.errors import BadInput
from xorder.structure import Crystal

__all__ = ["INSTRUMENT", "OWN", "PATTERN_WIDE", "Phase", "RefinementOptions"]

#: Parameters that every pattern of a joint refinement has for itself, with ``*`` wildcards.
OWN = ("scale*", "background_*", "halo_*", "blank", "zero_shift", "displacement")
INSTRUMENT = ("u", "v", "w", "x", "y")
#: What acts on the lines of all phases of a pattern.
PATTERN_WIDE = (*INSTRUMENT, "zero_shift", "displacement", "asymmetry")


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Phase:
    """A crystal in a refinement, and what of it is refined."""

    crystal: Crystal
    """The structure to start from."""
    intensities: Literal["structure", "extracted", "refined"] = "structure"
    """Whether intensities are calculated from the atoms (Rietveld), extracted from the data
    (Le Bail) or refined with standard errors (Pawley); the last two have no scale, atoms or weight
    fraction."""
    cell: bool = True
    """Whether the free cell parameters are refined."""
    positions: bool = True
    """Whether the coordinates that site symmetry leaves free are refined."""
    uiso: Literal["site", "element", "phase", "none"] = "site"
    """One isotropic displacement a site, an element or the phase; ``"none"`` keeps those of the
    structure, anisotropic ones included."""
    occupancies: tuple[str, ...] = ()
    """Labels of sites whose occupancy is refined."""
    size: float | None = 1000.0
    """Domain size in Å to start from; None for domains without limit, then it is not refined."""
    strain: float | None = 0.0005
    """Microstrain to start from; None for none, then it is not refined."""
    refine_shape: bool = True
    """Whether size and strain are refined; where False they stay at the values given."""
    anisotropic_size: bool = False
    """Whether the size is that of an ellipsoid, as symmetry allows, instead of a sphere."""
    anisotropic_strain: bool = False
    """Whether the microstrain depends on direction as Stephens (1999) has it."""
    orientation: tuple[int, int, int] | None = None
    """Plane of a March–Dollase preferred orientation to refine; none where None."""
    name: str = ""
    """Name in tables and parameters; the crystal's where empty."""

    @property
    def extracted(self) -> bool:
        """Whether the intensities come from the data."""
        return self.intensities != "structure"

    @property
    def anisotropic(self) -> tuple[Literal["inverse_size", "strain"], ...]:
        """Widths that depend on direction; none where there is nothing to start from."""
        sized = self.anisotropic_size and self.size is not None
        strained = self.anisotropic_strain and self.strain is not None
        return (*(("inverse_size",) if sized else ()), *(("strain",) if strained else ()))

    def __post_init__(self) -> None:
        """Check intensities, size and strain."""
        if self.intensities not in ("structure", "extracted", "refined"):
            raise BadInput(
                f"intensities {self.intensities!r}",
                expected="'structure', 'extracted' or 'refined'",
            )
        if self.size is not None and not (math.isfinite(self.size) and self.size >= 5.0):
            raise BadInput(f"domain size {self.size:g} Å", expected="a length of 5 Å or more")
        if self.strain is not None and not 0.0 <= self.strain < 0.1:
            raise BadInput(f"microstrain {self.strain:g}", expected="Δd/d between 0 and 0.1")


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class RefinementOptions:
    """Range, background, instrument and staging of a refinement."""

    two_theta: tuple[float, float] | None = None
    """Range used, in degrees; all of the pattern where None."""
    background: int = 8
    """Number of Chebyshev terms."""
    halos: tuple[Halo, ...] = ()
    """Shapes of amorphous components: a `Hump`, a tuple of humps that keep their ratio, or a
    measured pattern. Their heights are free, their shapes are not."""
    blank: Pattern | None = None
    """Measured pattern of holder, film and air, whose scale is refined."""
    profile: Profile = field(default_factory=Profile)
    """Widths of the instrument's lines."""
    asymmetry: float = 0.0
    """Axial divergence S/L = H/L: half the height of sample and detector slit over the radius of
    the goniometer; half of what GSAS calls SH/L."""
    refine_asymmetry: bool = False
    """Whether S/L is refined; a property of the instrument, so better found once on a standard."""
    restraints: tuple[Restraint, ...] = ()
    """Bonds, angles and expressions that are pulled to values, each with its standard error."""
    refine_profile: tuple[str, ...] = ()
    """Terms of the profile to refine, of ``u v w x y``."""
    zero_shift: bool = False
    """Whether a constant shift of 2θ is refined."""
    displacement: bool = True
    """Whether the displacement of the sample from the axis of a flat-plate goniometer is."""
    radius: float = 200.0
    """Radius of the goniometer in mm, which the displacement is relative to."""
    own: tuple[str, ...] = ()
    """Parameters, with ``*`` wildcards, that each pattern of a joint refinement has for itself
    besides scales, background, halos, blank and alignment: such as ``("inverse_size*",)``."""
    largest_move: float = 0.3
    """Error of line positions in degrees that the start can have; 0 goes straight to the data."""
    max_nfev: int = 100
    """Most evaluations in the last stage."""

    def __post_init__(self) -> None:
        """Check the numbers."""
        if not 1 <= self.background <= 40:
            raise BadInput(f"background of {self.background} terms", expected="1 to 40")
        if not 0.0 <= self.asymmetry <= 0.2:
            raise BadInput(
                f"asymmetry S/L = {self.asymmetry:g}", expected="a ratio between 0 and 0.2"
            )
        unknown = [name for name in self.refine_profile if name not in INSTRUMENT]
        if unknown:
            raise BadInput(
                f"refine_profile names {', '.join(unknown)}", expected="of u, v, w, x, y"
            )
        if self.two_theta is not None and not self.two_theta[0] < self.two_theta[1]:
            raise BadInput(
                f"two_theta range {self.two_theta[0]:g} to {self.two_theta[1]:g}°",
                expected="min < max",
            )
        if not (self.radius > 0 and 0 <= self.largest_move <= 5.0):
            raise BadInput(
                f"radius {self.radius:g} mm and largest_move {self.largest_move:g}°",
                expected="a radius above 0 and a move between 0 and 5°",
            )
