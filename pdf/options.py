"""Options of PDF refinements and the recipe of an analysis: defaults and units."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from xorder.errors import BadInput
from xorder.pdf.recipe_tables import BoxcarOptions, IntensityOptions, ModelOptions, PeakOptions

__all__ = ["PdfRecipe", "RefinementOptions"]


@dataclass(frozen=True, kw_only=True, slots=True)
class RefinementOptions:
    """What a PDF refinement frees, and where it starts."""

    q_max: float | None = None
    """Upper end of Q in Å⁻¹; None takes the file's."""
    radiation: Literal["xray", "neutron"] | None = None
    """Radiation; None takes the file's."""
    convention: Literal["xorder", "pdffit2", "srreal"] = "xorder"
    """Whose definition of G(r) to follow."""
    form_factors: Literal["exact", "constant"] | None = None
    """X-ray weights of the pairs: form factors as functions of Q, or constant; None is exact."""
    refine_cell: bool = True
    """Whether the cell, as symmetry allows, is free."""
    refine_uiso: bool = True
    """Whether the displacements are free."""
    displacements: Literal["isotropic", "anisotropic"] = "isotropic"
    """Displacements: one isotropic per element, or the tensor of each site as symmetry allows."""
    refine_positions: bool = False
    """Whether the coordinates that symmetry leaves free are free."""
    correlation: Literal["delta2", "delta1", "none"] = "delta2"
    """Correlated motion: which coefficient is free."""
    refine_qdamp: bool = True
    """Whether the resolution damping is free; fix it where a standard has given it."""
    refine_qbroad: bool = False
    """Whether the resolution broadening is free."""
    qdamp: float | None = None
    """Start of the resolution damping in Å⁻¹; None takes the file's, else 0.04."""
    qbroad: float | None = None
    """Start of the resolution broadening in Å⁻¹; None takes the file's, else 0."""
    uiso: float = 0.006
    """Start of the displacements in Å² where the structure gives none."""
    delta: float = 1.0
    """Start of delta1 (Å) or delta2 (Å²)."""
    sphere_diameter: float | None = None
    """Start of the particle diameter in Å, then free; None for endless crystals."""
    amorphous: Mapping[str, float] = field(default_factory=dict)
    """Phases that are correlated over a short length only, and the start of that length in Å."""
    grid: Literal["nyquist", "data"] = "nyquist"
    """Points of the fit: π/Qmax apart, nearly uncorrelated, or every point of the data."""
    weights: Literal["unit", "stderr"] = "unit"
    """Weight of the points: all alike, or 1/stderr of the data."""
    starts: int = 1
    """Number of starts; several find out whether the minimum is the lowest."""
    seed: int = 0
    """Seed of the drawn starts."""

    def __post_init__(self) -> None:
        _check_positive(self, "q_max", "uiso", "sphere_diameter")
        _check_not_negative(self, "qdamp", "qbroad", "delta")
        if not isinstance(self.amorphous, Mapping):
            raise BadInput(
                f"amorphous is {self.amorphous!r}",
                expected='phases and their lengths in Å, such as {"NaTaCl6": 9.0}',
            )
        _check_choice(self, "radiation", (None, "xray", "neutron"))
        _check_choice(self, "convention", ("xorder", "pdffit2", "srreal"))
        _check_choice(self, "form_factors", (None, "constant", "exact"))
        _check_form_factors(self)
        _check_choice(self, "correlation", ("delta2", "delta1", "none"))
        _check_choice(self, "displacements", ("isotropic", "anisotropic"))
        _check_choice(self, "grid", ("nyquist", "data"))
        _check_choice(self, "weights", ("unit", "stderr"))
        _check_count(self, "starts")


@dataclass(frozen=True, kw_only=True, slots=True)
class PdfRecipe:
    """How a sample is analysed: from intensities or G(r) to phases, windows, peaks, models."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    composition: str = ""
    """Formula of the sample, such as "NaTaCl6"; the file's where empty."""
    structures: tuple[str, ...] = field(default=(), metadata={"path": True})
    """Crystal structures of the phases: CIF files or names of reference structures."""
    amorphous: tuple[str, ...] = ()
    """Those of the structures of which an amorphous part is fitted too."""
    amorphous_file: str = field(default="", metadata={"path": True})
    """G(r) or intensities of the amorphous end member measured alone: a phase beside the
    structures that keeps its shape."""
    amorphous_length: float = 9.0
    """Start of the length in Å over which an amorphous part is correlated."""
    r_min: float = 1.7
    """Lower end of the refinement in Å; above the ripples, below the first peak."""
    r_max: float = 20.0
    """Upper end of the refinement in Å."""
    q_max: float | None = None
    """Upper end of Q in Å⁻¹; the file's where it is not given."""
    radiation: Literal["xray", "neutron"] | None = None
    """Radiation; the file's where it is not given."""
    convention: Literal["xorder", "pdffit2", "srreal"] = "xorder"
    """Whose definition of G(r) to follow."""
    form_factors: Literal["exact", "constant"] | None = None
    """X-ray weights of the pairs: form factors as functions of Q, or constant; None is exact."""
    qdamp: float | None = None
    """Resolution damping in Å⁻¹ (its start where refined); the file's or 0.04 where not given."""
    qbroad: float | None = None
    """Resolution broadening in Å⁻¹; the file's or 0 where not given."""
    refine_cell: bool = True
    """Whether the cell, as symmetry allows, is refined."""
    refine_uiso: bool = True
    """Whether the displacements are refined."""
    displacements: Literal["isotropic", "anisotropic"] = "isotropic"
    """Displacements: one isotropic per element, or the tensor of each site as symmetry allows."""
    refine_positions: bool = False
    """Whether coordinates that symmetry leaves free are refined."""
    refine_qdamp: bool = False
    """Whether the resolution damping is refined; a standard should give it instead."""
    refine_qbroad: bool = False
    """Whether the resolution broadening is refined; microstrain broadens peaks alike."""
    correlation: Literal["delta2", "delta1", "none"] = "delta2"
    """Correlated motion: which coefficient is refined."""
    uiso: float = 0.006
    """Start of the displacements in Å² where a structure gives none."""
    sphere_diameter: float | None = None
    """Start of the particle diameter in Å; endless crystals where it is not given."""
    weights: Literal["unit", "stderr"] = "unit"
    """Weight of the points: all alike, or 1/stderr of the file."""
    starts: int = 1
    """Number of starts of the refinement."""
    window: tuple[float, float] | None = None
    """Ends in Å of a window whose area of R(r) is reported, such as [3.5, 4.0]; none by default."""
    parameters: tuple[str, ...] = ()
    """Constraints such as "a = 3.52" (held), "uiso_Na = uiso_Cl" (tied), "delta2 ~ 2" (start)."""
    joint: bool = False
    """Refine several files of a sample together, as data sets of X-rays and neutrons or of several
    Qmax; otherwise they are averaged."""
    series: Literal["none", "sequential", "joint"] = "none"
    """Refine the samples again, each from the one before ("sequential") or all with one structure
    and fractions of their own ("joint")."""
    reduce: IntensityOptions | None = None
    """How files become G(r) that hold intensities, S(Q) or F(Q)."""
    boxcar: BoxcarOptions = BoxcarOptions()  # noqa: RUF009
    """Windows of r."""
    peaks: PeakOptions | None = None
    """Peaks of G(r) to fit."""
    model: ModelOptions | None = None
    """A model whose G(r) is compared."""

    def __post_init__(self) -> None:
        if isinstance(self.structures, str):
            raise BadInput(
                f"structures is the text {self.structures!r}",
                expected='a list such as ["Ni", "my.cif"]',
            )
        _check_positive(self, "r_max", "q_max", "uiso", "sphere_diameter")
        _check_positive(self, "amorphous_length")
        unknown = [name for name in self.amorphous if name not in self.structures]
        if unknown or isinstance(self.amorphous, str):
            raise BadInput(
                f"amorphous names {self.amorphous!r}",
                expected=f"a list of some of the structures {list(self.structures)}",
            )
        if self.amorphous_file and (self.joint or self.series != "none"):
            raise BadInput(
                "amorphous_file stands beside joint or series",
                expected="samples refined one by one where the end member is a file",
            )
        _check_not_negative(self, "r_min", "qdamp", "qbroad")
        if not self.r_min < self.r_max:
            raise BadInput(
                f"r_min is {self.r_min:g} and r_max is {self.r_max:g} Å", expected="r_min < r_max"
            )
        if self.window is not None and not 0 <= self.window[0] < self.window[1] < math.inf:
            raise BadInput(f"window is {list(self.window)}", expected="two ends in Å, ascending")
        if isinstance(self.parameters, str):
            raise BadInput(
                f"parameters is the text {self.parameters!r}",
                expected='a list such as ["a = 3.52"]',
            )
        _check_choice(self, "series", ("none", "sequential", "joint"))
        _check_choice(self, "radiation", (None, "xray", "neutron"))
        _check_choice(self, "convention", ("xorder", "pdffit2", "srreal"))
        _check_choice(self, "form_factors", (None, "constant", "exact"))
        _check_form_factors(self)
        _check_choice(self, "correlation", ("delta2", "delta1", "none"))
        _check_choice(self, "displacements", ("isotropic", "anisotropic"))
        _check_choice(self, "weights", ("unit", "stderr"))
        _check_count(self, "starts")

    @property
    def refinement(self) -> RefinementOptions:
        """The options of the refinement."""
        return RefinementOptions(
            q_max=self.q_max,
            radiation=self.radiation,
            convention=self.convention,
            form_factors=self.form_factors,
            refine_cell=self.refine_cell,
            refine_uiso=self.refine_uiso,
            displacements=self.displacements,
            refine_positions=self.refine_positions,
            correlation=self.correlation,
            refine_qdamp=self.refine_qdamp,
            refine_qbroad=self.refine_qbroad,
            qdamp=self.qdamp,
            qbroad=self.qbroad,
            uiso=self.uiso,
            sphere_diameter=self.sphere_diameter,
            weights=self.weights,
            starts=self.starts,
        )


def _check_positive(options: Any, *names: str) -> None:
    for name in names:
        value = getattr(options, name)
        if value is not None and not 0 < value < math.inf:
            raise BadInput(f"{name} is {value}", expected=f"a positive {name}")


def _check_not_negative(options: Any, *names: str) -> None:
    for name in names:
        value = getattr(options, name)
        if value is not None and not 0 <= value < math.inf:
            raise BadInput(f"{name} is {value}", expected=f"{name} of zero or more")


def _check_choice(options: Any, name: str, choices: tuple[str | None, ...]) -> None:
    value = getattr(options, name)
    if value not in choices:
        raise BadInput(
            f"{name} is {value!r}", expected="one of " + ", ".join(str(c) for c in choices if c)
        )


def _check_form_factors(options: Any) -> None:
    if options.form_factors == "exact" and options.convention != "xorder":
        raise BadInput(
            f"form_factors is 'exact' and convention is {options.convention!r}",
            expected="convention 'xorder'; the other programs have constant weights",
        )


def _check_count(options: Any, name: str) -> None:
    value = getattr(options, name)
    if value < 1:
        raise BadInput(f"{name} is {value}", expected=f"{name} of one or more")
