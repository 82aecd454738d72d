"""Options of a reduction: defaults, units, and what may not be combined."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal, get_args

from xorder.errors import BadInput

__all__ = ["Normalization", "ReductionOptions"]

Normalization = Literal["ad_hoc", "low_r", "krogh_moe", "high_q"]
Absorption = Literal["none", "capillary", "reflection", "transmission", "perpendicular"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ReductionOptions:
    """How counts become G(r)."""

    normalization: Normalization = "ad_hoc"
    """How the scale is found: ``"ad_hoc"`` (a polynomial makes up for all that is not corrected;
    the scale is arbitrary), ``"low_r"`` (no pairs below r_cut), ``"krogh_moe"`` (needs rho0) or
    ``"high_q"`` (S = 1 at high Q)."""
    q_min: float | None = None
    """Lower end of the transform in Å⁻¹; None takes the advised one."""
    q_max: float | None = None
    """Upper end of the transform in Å⁻¹; None takes the advised one."""
    q_max_inst: float | None = None
    """Upper end of the data the polynomial is fitted to, in Å⁻¹; None takes q_max."""
    r_poly: float | None = None
    """Distance in Å below which the polynomial takes all structure out of F(Q), its degree being
    r_poly q_max_inst / π; None is 0.9 for ``"ad_hoc"`` and else no polynomial; 0 is none."""
    r_cut: float = 1.2
    """Distance in Å below which there are no pairs of atoms."""
    rho0: float | None = None
    """Number density in atoms Å⁻³; None finds it with ``"low_r"``."""
    background_scale: float | None = None
    """Scale of the background; None fits it."""
    container_scale: float | None = None
    """Scale of the container; None fits it."""
    fluorescence: float | None = 0.0
    """Constant level in counts; None fits it."""
    compton: bool | None = None
    """Whether Compton scattering is subtracted; None does so unless ``"ad_hoc"``."""
    recoil_power: int = 2
    """Power of the Breit–Dirac factor: 2 for a counting detector, 3 for one of energy."""
    polarization: float | None = None
    """Degree of linear polarization at right angles to the plane of scattering: 0 for a tube or
    averaged rings; None where the data are corrected already."""
    absorption: Absorption = "none"
    """Shape of the sample: a capillary, or a flat plate in one of three geometries."""
    mu_r: float = 0.0
    """Absorption coefficient times radius of the capillary, or times thickness of the plate."""
    detector_transmission: float | None = None
    """Transmission of a flat detector at normal incidence, for the correction of oblique incidence
    (1 for a thin image plate); None where the data are corrected already."""
    window: Literal["none", "lorch"] = "none"
    """Window of the transform."""
    low_q: Literal["cut", "linear"] = "cut"
    """What is taken below q_min: nothing, or F(Q) on a straight line from zero."""
    r_min: float = 0.01
    """First distance of G(r) in Å."""
    r_max: float = 30.0
    """Last distance of G(r) in Å."""
    r_step: float = 0.01
    """Step of G(r) in Å."""

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise BadInput(
                    f"{name} is {getattr(self, name)!r}", expected="one of " + ", ".join(choices)
                )
        for name, (lowest, highest) in _RANGES.items():
            value = getattr(self, name)
            if value is None:
                continue
            if not isinstance(value, Real) or not lowest <= float(value) <= highest:
                raise BadInput(
                    f"{name} is {value!r}", expected=f"a number of {lowest:g} to {highest:g}"
                )
        _check_ascending(self, "q_min", "q_max")
        _check_ascending(self, "r_min", "r_max")
        if self.absorption != "none" and self.mu_r == 0:
            raise BadInput(
                f"absorption is {self.absorption!r} and mu_r is 0", expected="a positive mu_r"
            )
        if self.absorption == "none" and self.mu_r > 0:
            raise BadInput(
                f"mu_r is {self.mu_r:g} and absorption is 'none'",
                expected="'capillary' or a plate geometry",
            )
        if self.normalization == "krogh_moe" and self.rho0 is None:
            raise BadInput("rho0 is missing", expected="the number density for 'krogh_moe'")

    @property
    def subtracts_compton(self) -> bool:
        """Whether Compton scattering is subtracted."""
        return self.normalization != "ad_hoc" if self.compton is None else self.compton

    @property
    def polynomial_distance(self) -> float:
        """The r_poly that is used, in Å."""
        if self.r_poly is not None:
            return self.r_poly
        return 0.9 if self.normalization == "ad_hoc" else 0.0

    @property
    def needs_angles(self) -> bool:
        """Whether a correction depends on the scattering angle."""
        return (
            self.polarization is not None
            or self.absorption != "none"
            or self.detector_transmission is not None
        )


_TINY = 1e-6
_CHOICES: Mapping[str, tuple[Any, ...]] = {
    "normalization": get_args(Normalization),
    "absorption": get_args(Absorption),
    "window": ("none", "lorch"),
    "low_q": ("cut", "linear"),
}
_RANGES = {
    "q_min": (0.0, 60.0),
    "q_max": (_TINY, 60.0),
    "q_max_inst": (_TINY, 60.0),
    "r_poly": (0.0, 5.0),
    "r_cut": (0.3, 10.0),
    "rho0": (_TINY, 1.0),
    "background_scale": (0.0, math.inf),
    "container_scale": (0.0, math.inf),
    "fluorescence": (0.0, math.inf),
    "recoil_power": (0, 3),
    "polarization": (-1.0, 1.0),
    "mu_r": (0.0, 10.0),
    "detector_transmission": (_TINY, 1.0),
    "r_min": (0.0, 1000.0),
    "r_max": (_TINY, 1000.0),
    "r_step": (1e-4, 1.0),
}


def _check_ascending(options: ReductionOptions, lower: str, upper: str) -> None:
    low, high = getattr(options, lower), getattr(options, upper)
    if low is not None and high is not None and not low < high:
        raise BadInput(f"{lower} is {low:g} and {upper} is {high:g}", expected=f"{lower} < {upper}")
