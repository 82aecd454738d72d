"""Steps and peaks of near-edge fits with their derivatives."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from xorder.errors import BadInput
from xorder.results import Array

__all__ = ["Peak", "Step", "area_factor", "peak_curve", "step_curve"]

_LN2 = math.log(2.0)

PEAK_SHAPES = ("gaussian", "lorentzian", "pseudo_voigt")
STEP_SHAPES = ("arctan", "erf")


@dataclass(frozen=True, kw_only=True, slots=True)
class Peak:
    """One peak of a near-edge fit: where it starts and what may vary."""

    center: float
    """Energy of the maximum in eV."""
    name: str = ""
    """Name, such as ``"pre-edge"``; its number where empty."""
    shape: Literal["gaussian", "lorentzian", "pseudo_voigt"] = "gaussian"
    """Shape."""
    fwhm: float = 1.5
    """Full width at half maximum in eV."""
    height: float | None = None
    """Height in the normalized scale; None takes it from the data."""
    eta: float = 0.5
    """Lorentzian share of a pseudo-Voigt peak, 0 to 1."""
    center_within: float = 2.0
    """Most eV that the centre may move; 0 holds it."""
    vary_fwhm: bool = True
    """Whether the width varies."""
    negative: bool = False
    """Whether the height may be negative."""

    def __post_init__(self) -> None:
        if self.shape not in PEAK_SHAPES:
            raise BadInput(f"peak shape is {self.shape!r}", expected=", ".join(PEAK_SHAPES))
        _check_positive("peak fwhm", self.fwhm)
        _check_positive("peak center", self.center)
        if not (math.isfinite(self.center_within) and self.center_within >= 0):
            raise BadInput(f"center_within is {self.center_within:g} eV", expected="0 or more")
        if not 0.0 <= self.eta <= 1.0:
            raise BadInput(f"peak eta is {self.eta:g}", expected="0 (Gaussian) to 1 (Lorentzian)")
        if self.height is not None and not math.isfinite(self.height):
            raise BadInput(f"peak height is {self.height}", expected="a finite number or None")


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """The edge step of a near-edge fit: transitions to the continuum."""

    center: float | None = None
    """Energy of the middle in eV; None takes e0."""
    shape: Literal["arctan", "erf"] = "arctan"
    """Arctangent (lifetime) or error function (resolution)."""
    width: float | None = None
    """Full width at half maximum of the derivative in eV; None takes the core-hole width."""
    height: float = 1.0
    """Height in the normalized scale."""
    center_within: float = 3.0
    """Most eV that the middle may move; 0 holds it."""
    vary_width: bool = False
    """Whether the width varies; it correlates strongly with the peaks."""
    vary_height: bool = True
    """Whether the height varies."""

    def __post_init__(self) -> None:
        if self.shape not in STEP_SHAPES:
            raise BadInput(f"step shape is {self.shape!r}", expected=", ".join(STEP_SHAPES))
        for name, value in (("center", self.center), ("width", self.width)):
            if value is not None:
                _check_positive(f"step {name}", value)
        _check_positive("step height", self.height)
        if not (math.isfinite(self.center_within) and self.center_within >= 0):
            raise BadInput(f"center_within is {self.center_within:g} eV", expected="0 or more")


def peak_curve(
    x: Array, shape: str, center: float, fwhm: float, eta: float
) -> tuple[Array, Array, Array, Array]:
    """Return a peak of height one and its derivatives by centre, width and eta."""
    u = (x - center) / fwhm
    if shape == "lorentzian":
        value, slope = _lorentzian(u)
        by_eta = np.zeros_like(x)
    elif shape == "gaussian":
        value, slope = _gaussian(u)
        by_eta = np.zeros_like(x)
    else:
        (wide, wide_slope), (narrow, narrow_slope) = _lorentzian(u), _gaussian(u)
        value = eta * wide + (1.0 - eta) * narrow
        slope = eta * wide_slope + (1.0 - eta) * narrow_slope
        by_eta = wide - narrow
    return value, -slope / fwhm, -slope * u / fwhm, by_eta


def area_factor(shape: str, eta: float) -> tuple[float, float]:
    """Return area / (height × fwhm) of a peak and its derivative by eta."""
    gaussian, lorentzian = math.sqrt(math.pi / _LN2) / 2.0, math.pi / 2.0
    if shape == "gaussian":
        return gaussian, 0.0
    if shape == "lorentzian":
        return lorentzian, 0.0
    return eta * lorentzian + (1.0 - eta) * gaussian, lorentzian - gaussian


def step_curve(x: Array, shape: str, center: float, width: float) -> tuple[Array, Array, Array]:
    """Return a step of height one and its derivatives by centre and width."""
    return _STEPS[shape](x, center, width)


def _gaussian(u: Array) -> tuple[Array, Array]:
    value = np.exp(-4.0 * _LN2 * u**2)
    return value, -8.0 * _LN2 * u * value


def _lorentzian(u: Array) -> tuple[Array, Array]:
    value = 1.0 / (1.0 + 4.0 * u**2)
    return value, -8.0 * u * value**2


def _arctan(x: Array, center: float, width: float) -> tuple[Array, Array, Array]:
    u = 2.0 * (x - center) / width
    slope = 1.0 / (math.pi * (1.0 + u**2))
    return 0.5 + np.arctan(u) / math.pi, -2.0 * slope / width, -u * slope / width


def _erf(x: Array, center: float, width: float) -> tuple[Array, Array, Array]:
    from scipy.special import erf

    scale = 2.0 * math.sqrt(_LN2)
    u = scale * (x - center) / width
    slope = np.exp(-(u**2)) / math.sqrt(math.pi)
    return 0.5 * (1.0 + erf(u)), -scale * slope / width, -u * slope / width


_STEPS: dict[str, Callable[[Array, float, float], tuple[Array, Array, Array]]] = {
    "arctan": _arctan,
    "erf": _erf,
}


def _check_positive(name: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise BadInput(f"{name} is {value:g}", expected="above zero")
