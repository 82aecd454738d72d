"""What a diffraction analysis can be told: one class for the API, the manifest and the CLI."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar

from xorder.diffraction.spectral_lines import named_lines
from xorder.errors import BadInput

__all__ = ["DiffractionRecipe"]


@dataclass(frozen=True, kw_only=True, slots=True)
class DiffractionRecipe:
    """How the powder patterns of a sample are analysed."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    structure: str = field(metadata={"path": True})
    """Crystal structure whose planes are followed: a CIF file or the name of a reference."""
    impurities: tuple[str, ...] = field(default=(), metadata={"path": True})
    """Structures of impurities whose lines may lie in the windows, such as NaCl."""
    wavelength: float | str | None = None
    """Radiation: "CuKa", "CuKa1", a wavelength in Å; what the file says where left out."""
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
        for key in ("window", "tolerance", "instrument_fwhm", "max_fwhm", "n_planes"):
            value = getattr(self, key)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise BadInput(f"{key} = {value:g}", expected="a number above 0")
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
