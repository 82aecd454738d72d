"""The tables within the recipe of absorption spectra: preparing, fits, mixtures, comparisons."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from xorder.errors import BadInput

__all__ = [
    "BondAngleOptions",
    "ComponentOptions",
    "CurveResolutionOptions",
    "DifferenceOptions",
    "MixtureOptions",
    "NearEdgeOptions",
    "PeakOptions",
    "PreparationOptions",
    "ShellFitOptions",
    "neighbour",
]

Range = tuple[float, float]
Curve = Literal["flat", "norm", "derivative"]

_STRICT: dict[str, str] = {"extra": "forbid"}


@dataclass(frozen=True, kw_only=True, slots=True)
class PreparationOptions:
    """How scans are made ready before they are normalized."""

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT

    align: Literal["", "reference", "mu"] = ""
    """Move repeated scans onto the first by their foil ("reference") or by themselves ("mu")."""
    calibrate: Literal["", "reference", "mu"] = ""
    """Bring the edge of the foil ("reference") or of the sample ("mu") to its known energy."""
    calibrate_element: str = ""
    """Element of the foil; that of the sample where empty."""
    calibrate_edge: str = ""
    """Edge of the foil; that of the sample where empty."""
    calibrate_energy: float | None = None
    """Energy in eV of that edge; the tabulated one where not given."""
    energy_range: Range | None = None
    """Energies in eV between which the scans are kept."""
    deglitch: float | None = None
    """Remove points that stand out by so many standard deviations, such as 8; each is listed."""
    deglitch_ranges: tuple[Range, ...] = ()
    """Energies in eV between which every point is removed."""
    rebin: bool = False
    """Average the points of a fine scan on steps that suit a spectrum."""
    rebin_edge_step: float = 0.25
    """Step in eV at the edge of a rebinned scan."""
    rebin_k_step: float = 0.05
    """Step in Å⁻¹ above the edge of a rebinned scan."""
    trends: bool = True
    """Test three or more repeated scans for what changes, such as damage, and say it."""
    dead_time: float = 0.0
    """Dead time in s of each element of a fluorescence detector (of its fast channel with ICR)."""
    dead_time_model: Literal["nonparalyzable", "paralyzable"] = "nonparalyzable"
    """How a busy element loses events: paralyzable where each also prolongs its dead time."""
    elements_left_out: tuple[int, ...] = ()
    """Numbers (from 1) of detector elements to leave out, beside those found dead or outlying."""
    self_absorption: bool = False
    """Correct fluorescence of a thick sample of the recipe's composition."""
    angle_in: float = 45.0
    """Angle in degrees between beam and surface."""
    angle_out: float = 45.0
    """Angle in degrees between detector and surface."""

    def __post_init__(self) -> None:
        check_pairs(self, ("energy_range",))
        for low, high in self.deglitch_ranges:
            if not low < high:
                raise BadInput(
                    f"deglitch_ranges has ({low:g}, {high:g})", expected="two ascending energies"
                )
        check_numbers(
            self,
            ("deglitch", 4.0, 1000.0),
            ("rebin_edge_step", 0.01, 20.0),
            ("rebin_k_step", 0.005, 1.0),
            ("angle_in", 0.1, 90.0),
            ("angle_out", 0.1, 90.0),
            ("dead_time", 0.0, 1e-3),
            ("calibrate_energy", 100.0, 200_000.0),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class ShellFitOptions:
    """How shells are fitted to χ(k)."""

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT

    shells: tuple[str, ...] = ()
    """Neighbours by element and distance in Å, such as "O 1.84" and "Cl 2.35"."""
    structure: str = field(default="", metadata={"path": True})
    """A CIF file or the name of a reference structure whose FEFF paths are fitted."""
    site: str = ""
    """Label of the absorber's site in the structure; the average over all where empty."""
    radius: float = 4.0
    """Half length in Å of the longest path of the structure."""
    n_legs: int = 4
    """Most legs of a path of the structure; 4 for three atoms in line."""
    program: Literal["feff8l", "feff6l"] = "feff8l"
    """Program that calculates the paths."""
    s02: float = 0.9
    """Amplitude reduction of shells by element and distance, best from a standard."""
    parameters: tuple[str, ...] = ()
    """Constraints such as "s02 = 0.85", "n_cl = 6 - n_o" or starts such as "r_o ~ 1.9"."""
    r_range: Range = (1.0, 3.0)
    """Range in Å, without phase correction, that is fitted."""
    k_weights: tuple[float, ...] = (1.0, 2.0, 3.0)
    """Powers of k, fitted at once."""
    space: Literal["r", "k", "q", "wavelet"] = "r"
    """Where the fit is made: χ(R), χ(k), the back-transform χ(q), or the wavelet map."""
    background: bool = False
    """Refine what is left of the background with the shells."""
    errors: Literal["propagated", "independent points"] = "propagated"
    """Standard errors from the noise of χ(k), or by independent points as larch and Artemis do."""
    starts: int | None = None
    """Number of starts; 20 for two distances or more, else 1, where not given."""
    shared: tuple[str, ...] = ()
    """Parameters that all samples of the series share, such as "delta_e0"; then one joint fit."""

    def __post_init__(self) -> None:
        check_pairs(self, ("r_range",))
        if not (self.shells or self.structure):
            raise BadInput(
                "there is no shell to fit", expected='shells such as "Cl 2.35", or a structure'
            )
        self.neighbours()
        self.constraints()
        check_numbers(self, ("radius", 1.0, 12.0), ("n_legs", 2, 6), ("s02", 0.1, 2.0))
        if not self.k_weights or not all(0 <= weight <= 6 for weight in self.k_weights):
            raise BadInput(f"k_weights is {self.k_weights}", expected="powers of k from 0 to 6")
        if self.starts is not None and not 1 <= self.starts <= 1000:
            raise BadInput(f"starts is {self.starts}", expected="1 to 1000")

    def neighbours(self) -> tuple[tuple[str, float], ...]:
        """Return element and distance of each shell."""
        return tuple(neighbour(text) for text in self.shells)

    def constraints(self) -> tuple[tuple[str, str, str], ...]:
        """Return name, "=" or "~", and what stands behind it, of each constraint."""
        found = []
        for text in self.parameters:
            match = re.fullmatch(r"\s*([A-Za-z_]\w*)\s*([=~])\s*(.+?)\s*", text)
            if match is None:
                raise BadInput(
                    f"a parameter is {text!r}",
                    expected='"n_cl = 6 - n_o" (held or tied) or "r_o ~ 1.9" (start)',
                )
            name, kind, rest = match[1], match[2], match[3]
            if kind == "~":
                _number(rest, text)
            found.append((name, kind, rest))
        return tuple(found)


@dataclass(frozen=True, kw_only=True, slots=True)
class BondAngleOptions:
    """How the straight ligand–metal–ligand chains around the absorber are looked at."""

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT

    ligand: str
    """Ligand and its distance in Å, such as "Cl 2.35"."""
    shape: Literal["octahedron", "square", "chain"] = "octahedron"
    """Shape whose chains are straight: three, two or one through the absorber."""
    r_range: Range = (1.0, 4.9)
    """Range in Å, without phase correction: from the first shell to beyond the feature."""
    k_weights: tuple[float, ...] = (1.0, 2.0, 3.0)
    """Powers of k, fitted at once."""
    s02: float = 0.9
    """Amplitude reduction, best from a standard."""
    program: Literal["feff8l", "feff6l"] = "feff8l"
    """Program that calculates the paths."""

    def __post_init__(self) -> None:
        neighbour(self.ligand)
        check_pairs(self, ("r_range",))
        check_numbers(self, ("s02", 0.1, 2.0))


@dataclass(frozen=True, kw_only=True, slots=True)
class MixtureOptions:
    """How a spectrum is made of reference spectra."""

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT

    references: tuple[str, ...] = field(default=(), metadata={"path": True})
    """Files, FILE#GROUP of a project, or names of the library of reference spectra."""
    end_members: tuple[str, ...] = ()
    """Samples of the series that the others are made of, beside the references."""
    space: Literal["flat", "norm", "derivative", "chi"] = "flat"
    """Kind of curve: flattened, normalized, its derivative, or weighted χ(k)."""
    e_range: Range = (-20.0, 30.0)
    """Range in eV from e0."""
    k_range: Range = (3.0, 12.0)
    """Range in Å⁻¹, for "chi"."""
    sum_to_one: bool = True
    """Hold the sum of the weights to one."""
    max_components: int | None = None
    """Most references in one mixture; all where not given."""
    max_shift: float = 0.0
    """Most eV that each reference may be moved."""

    def __post_init__(self) -> None:
        check_pairs(self, ("e_range", "k_range"))
        check_numbers(self, ("max_shift", 0.0, 20.0), ("max_components", 1, 100))
        if not (self.references or self.end_members):
            raise BadInput("there is no reference", expected="references or end_members")


@dataclass(frozen=True, kw_only=True, slots=True)
class PeakOptions:
    """One peak of a near-edge fit: where it starts and what may vary."""

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT

    center: float
    """Energy of the maximum in eV."""
    name: str = ""
    """Name, such as "pre-edge"; its number where empty."""
    shape: Literal["gaussian", "lorentzian", "pseudo_voigt"] = "gaussian"
    """Shape."""
    fwhm: float = 1.5
    """Full width at half maximum in eV."""
    height: float | None = None
    """Height in the normalized scale; from the data where not given."""
    eta: float = 0.5
    """Lorentzian share of a pseudo-Voigt peak, 0 to 1."""
    center_within: float = 2.0
    """Most eV that the centre may move; 0 holds it."""
    vary_fwhm: bool = True
    """Fit the width."""
    negative: bool = False
    """Let the height be negative."""

    def __post_init__(self) -> None:
        check_numbers(
            self,
            ("center", 100.0, 200_000.0),
            ("fwhm", 0.01, 200.0),
            ("eta", 0.0, 1.0),
            ("center_within", 0.0, 100.0),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class NearEdgeOptions:
    """How peaks before and at the edge are fitted."""

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT

    peaks: tuple[PeakOptions, ...]
    """The peaks, one table each."""
    step: Literal["arctan", "erf", "none"] = "arctan"
    """Shape of the edge step; "none" for a pre-edge below the rise."""
    step_center: float | None = None
    """Energy in eV of the middle of the step; e0 where not given."""
    step_width: float | None = None
    """Width in eV of the step, held; that of the core hole where not given."""
    baseline: Literal["none", "constant", "linear"] = "none"
    """Baseline added to the step."""
    e_range: Range = (-15.0, 25.0)
    """Range in eV from e0."""
    shared: tuple[str, ...] = ()
    """Parameters that all samples of the series share, such as "fwhm_*"; then one joint fit."""

    def __post_init__(self) -> None:
        check_pairs(self, ("e_range",))
        if not self.peaks:
            raise BadInput("there is no peak", expected="a table with its center")


@dataclass(frozen=True, kw_only=True, slots=True)
class DifferenceOptions:
    """Which sample is subtracted from the others."""

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT

    reference: str = ""
    """Sample to subtract; the first of the series where empty."""
    space: Curve = "flat"
    """Kind of curve."""
    e_range: Range = (-20.0, 80.0)
    """Range in eV from e0."""
    max_shift: float = 5.0
    """Largest shift of the edge in eV that is looked for."""

    def __post_init__(self) -> None:
        check_pairs(self, ("e_range",))
        check_numbers(self, ("max_shift", 0.01, 50.0))


@dataclass(frozen=True, kw_only=True, slots=True)
class ComponentOptions:
    """How the principal components of a series are found."""

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT

    targets: tuple[str, ...] = field(default=(), metadata={"path": True})
    """References to test as species: files, FILE#GROUP of a project, or names of the library."""
    n_components: int | None = None
    """Number of components that the targets are tested with; found where not given."""
    space: Curve = "flat"
    """Kind of curve."""
    e_range: Range = (-20.0, 80.0)
    """Range in eV from the first sample's e0."""

    def __post_init__(self) -> None:
        check_pairs(self, ("e_range",))
        check_numbers(self, ("n_components", 1, 100))


@dataclass(frozen=True, kw_only=True, slots=True)
class CurveResolutionOptions:
    """How the spectra of pure species are found in a series without references."""

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT

    n_components: int | None = None
    """Number of species; that of the principal components where not given."""
    e_range: Range = (-20.0, 80.0)
    """Range in eV from the first sample's e0."""
    closure: bool = True
    """Hold the sum of the shares in each spectrum to one."""
    max_iterations: int = 500
    """Most iterations."""

    def __post_init__(self) -> None:
        check_pairs(self, ("e_range",))
        check_numbers(self, ("n_components", 2, 100), ("max_iterations", 1, 100_000))


def neighbour(text: str) -> tuple[str, float]:
    """Return element and distance in Å out of such as "Cl 2.35"."""
    match = re.fullmatch(r"\s*([A-Z][a-z]?)[\s:=@]+([0-9.]+)\s*(?:Å|A)?\s*", text)
    if match is None:
        raise BadInput(
            f"a shell is {text!r}", expected='element and distance in Å such as "Cl 2.35"'
        )
    return match[1], _number(match[2], text)


def check_pairs(options: object, names: Sequence[str]) -> None:
    """Refuse ranges that are not two ascending, finite numbers."""
    for name in names:
        pair = getattr(options, name)
        if pair is not None and not (-math.inf < pair[0] < pair[1] < math.inf):
            raise BadInput(f"{name} is {tuple(pair)}", expected="two ascending numbers")


def check_numbers(options: object, *limits: tuple[str, float, float]) -> None:
    """Refuse numbers outside their limits; None is not looked at."""
    for name, low, high in limits:
        value = getattr(options, name)
        if value is not None and not (math.isfinite(value) and low <= value <= high):
            raise BadInput(f"{name} is {value:g}", expected=f"{low:g} to {high:g}")


def _number(text: str, whole: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise BadInput(f"there is no number in {whole!r}", expected="a number")
    return value
