"""The tables within the recipe of a PDF: reduction, windows, peaks, models."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from xorder.errors import BadInput

# The command line looks for the types of inherited fields here.
from xorder.pdf.reduction_options import Absorption, Normalization, ReductionOptions  # noqa: F401

__all__ = ["BoxcarOptions", "IntensityOptions", "ModelOptions", "ModelSteps", "PeakOptions"]

_STRICT: dict[str, str] = {"extra": "forbid"}


@dataclass(frozen=True, kw_only=True, slots=True)
class IntensityOptions(ReductionOptions):
    """How files of intensities are read and become G(r)."""

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT

    axis: Literal["q", "q_nm", "two_theta"] | None = None
    """First column: Q in Å⁻¹ ("q"), in nm⁻¹ ("q_nm") or an angle in degrees ("two_theta"); what
    the file says where not given."""
    wavelength: float | None = None
    """Wavelength in Å; the file's where not given."""
    frame: int | None = None
    """Which pattern of an HDF5 file of many, from 0."""
    background: str = field(default="", metadata={"path": True})
    """File of the intensity without sample."""
    container: str = field(default="", metadata={"path": True})
    """File of the intensity of the empty container."""

    def __post_init__(self) -> None:
        ReductionOptions.__post_init__(self)
        if self.wavelength is not None and not 0 < self.wavelength < math.inf:
            raise BadInput(f"wavelength is {self.wavelength}", expected="a positive wavelength")


@dataclass(frozen=True, kw_only=True, slots=True)
class BoxcarOptions:
    """Windows of r that are fitted one by one."""

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT

    fit: bool = True
    """Fit windows of r as well as the whole range."""
    width: float = 6.0
    """Width of a window in Å."""
    step: float = 1.0
    """Step from window to window in Å."""
    free: tuple[str, ...] = ("scale*", "uiso*")
    """Parameters that each window frees; the others keep their values of the whole range."""
    smoothness: float | None = None
    """Relative change expected from one window to the next, such as 0.1, that ties them; each
    window stands alone where not given."""
    cumulative: bool = False
    """Fit also windows that all begin at r_min: the curve against r_max."""
    phase: str = ""
    """Phase whose order length is reported; the first where empty."""

    def __post_init__(self) -> None:
        for name in ("width", "step", "smoothness"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise BadInput(f"{name} is {value}", expected=f"a positive {name}")
        if not self.free or isinstance(self.free, str):
            raise BadInput(f"free is {self.free!r}", expected='a list such as ["scale*", "uiso*"]')


@dataclass(frozen=True, kw_only=True, slots=True)
class PeakOptions:
    """Peaks of G(r) to fit: position, width, area, neighbours."""

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT

    centres: tuple[float, ...]
    """Distances in Å at which peaks are looked for."""
    pairs: tuple[str, ...] = ()
    """The pair of each peak, such as "Ta-Cl": neighbours Cl around Ta are counted."""
    r_range: tuple[float, float] | None = None
    """Range in Å that is fitted; half an ångström beyond the centres where not given."""
    density: float | None = None
    """Number density in atoms Å⁻³ of the line below the peaks; fitted where not given."""
    reach: float = 0.3
    """How far in Å a position may move."""

    def __post_init__(self) -> None:
        if not self.centres or not all(0 < centre < math.inf for centre in self.centres):
            raise BadInput(f"centres is {self.centres}", expected="positive distances in Å")
        if self.pairs and len(self.pairs) != len(self.centres):
            raise BadInput(
                f"{len(self.pairs)} pairs and {len(self.centres)} centres",
                expected="one pair a centre, or none",
            )
        for pair in self.pairs:
            if not re.fullmatch(r"[A-Z][a-z]?-[A-Z][a-z]?", pair):
                raise BadInput(f"a pair is {pair!r}", expected='two elements such as "Ta-Cl"')
        low, high = self.fitted
        if not 0 <= low < min(self.centres) <= max(self.centres) < high < math.inf:
            raise BadInput(f"r_range is ({low:g}, {high:g})", expected="a range with all centres")
        if not 0 < self.reach < math.inf:
            raise BadInput(f"reach is {self.reach}", expected="a positive distance in Å")
        if self.density is not None and not 0 <= self.density < math.inf:
            raise BadInput(f"density is {self.density}", expected="atoms Å⁻³")

    @property
    def fitted(self) -> tuple[float, float]:
        """The range of the fit in Å."""
        if self.r_range is not None:
            return self.r_range
        return max(min(self.centres) - 0.5, 0.0), max(self.centres) + 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelSteps:
    """What is computed of a model: pairs, G(r), and shapes around one element."""

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT

    elements: tuple[str, ...] = ()
    """Elements of the types 1, 2 … of LAMMPS files that name none."""
    first: int = 0
    """First frame, from 0."""
    every: int = 1
    """Step from frame to frame."""
    r_max: float = 10.0
    """End in Å of the pair distributions."""
    q_max: float | None = None
    """Upper end of Q in Å⁻¹ of G(r); that of the measured G(r) where not given, else 25."""
    qdamp: float | None = None
    """Resolution damping in Å⁻¹; that of the measured G(r) where not given, else 0."""
    uiso: float = 0.0
    """Displacement in Å² added to the motion within the frames."""
    radiation: Literal["xray", "neutron"] | None = None
    """Radiation; that of the measured G(r) where not given, else X-rays."""
    center: str = ""
    """Element whose surroundings are described, such as "Ta"; none where empty."""
    ligands: tuple[str, ...] = ()
    """Elements of its neighbours, in the order of the labels: O, Cl gives HfOCl5."""
    cutoff: float = 3.0
    """Longest distance in Å from the center to a ligand."""

    def __post_init__(self) -> None:
        for name in ("r_max", "q_max", "cutoff"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise BadInput(f"{name} is {value}", expected=f"a positive {name}")
        for name in ("qdamp", "uiso", "first"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < math.inf:
                raise BadInput(f"{name} is {value}", expected=f"{name} of zero or more")
        if self.every < 1:
            raise BadInput(f"every is {self.every}", expected="one or more")
        if bool(self.center) != bool(self.ligands):
            raise BadInput(
                f"center is {self.center!r} and ligands {self.ligands}",
                expected="both, or neither",
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelOptions(ModelSteps):
    """A model and what is computed of it."""

    frames: tuple[str, ...] = field(default=(), metadata={"path": True})
    """Files of the model: XDATCAR, extxyz, LAMMPS or CIF, with a periodic box."""
