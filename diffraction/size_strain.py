"""Domain size and microstrain from line widths: Scherrer and Williamson–Hall."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from xorder.diffraction.linear_fits import fit_linear
from xorder.diffraction.sample_widths import (
    SampleWidths,
    Width,
    lines_of_sample,
    notes_of_sample,
    reciprocal_spacing,
    reciprocal_widths,
)
from xorder.errors import BadInput
from xorder.results import Array, Result, quantity, recorded
from xorder.structure import Crystal

__all__ = [
    "ScherrerSizes",
    "WilliamsonHall",
    "scherrer_sizes",
    "williamson_hall",
]

#: A plane this many standard errors off the common line is not of it.
OUTLIER = 3.0
#: Scherrer's K: 0.9 for the FWHM, 1 for the integral breadth (volume-weighted column length).
SHAPE_FACTORS: dict[str, float] = {"fwhm": 0.9, "beta": 1.0}


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class ScherrerSizes(Result):
    """Apparent domain size of each line, as if nothing else broadened it."""

    plane: NDArray[np.str_] = quantity(dims=("plane",))
    """Plane as ``"h k l"``."""
    sample: NDArray[np.str_] = quantity(dims=("plane",))
    """Name of the sample."""
    size: Array = quantity("Å", symbol="D", dims=("plane",))
    """Apparent size; NaN where the line is no wider than the instrument's."""
    size_stderr: Array = quantity("Å", dims=("plane",))
    """Standard error of `size`."""
    size_limit: Array = quantity("Å", dims=("plane",))
    """Lower limit of the size (broadening + 2 standard errors) where there is no `size`."""
    overlapped: NDArray[np.bool_] = quantity(dims=("plane",))
    """Whether the width is that of a group of lines."""
    width: Width
    """Which width: FWHM or integral breadth."""
    shape_factor: float = quantity(symbol="K")
    """Scherrer's K."""
    messages: tuple[str, ...] = ()
    """What a user must know, one sentence each."""


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class WilliamsonHall(Result):
    r"""Size and strain of one sample from widths against :math:`s = 2\sin\theta/\lambda`.

    .. math:: \beta^* = K/D + 2\epsilon s \quad\text{(linear)}, \qquad
              \beta^{*2} = (K/D)^2 + (2\epsilon s)^2 \quad\text{(quadratic)}

    with :math:`\beta^* = \beta\cos\theta/\lambda`.
    """

    s: Array = quantity("Å⁻¹", symbol="s", dims=("s",))
    """1/d of each line used."""
    reciprocal_width: Array = quantity("Å⁻¹", symbol="β*", dims=("s",))
    """Width of each line."""
    reciprocal_width_stderr: Array = quantity("Å⁻¹", dims=("s",))
    """Its standard error."""
    fitted: Array = quantity("Å⁻¹", dims=("s",))
    """The line through them."""
    plane: NDArray[np.str_] = quantity(dims=("s",))
    """Plane as ``"h k l"``."""
    family: NDArray[np.str_] = quantity(dims=("s",))
    """Direction of the plane's normal: planes of one family are orders of one reflection."""
    outlier: NDArray[np.bool_] = quantity(dims=("s",))
    """Whether the family lies more than 3 standard errors off the common line."""
    sample: str = ""
    """Name of the sample."""
    size: float = quantity("Å", symbol="D")
    """Domain size; NaN where the intercept is not above zero by 2 standard errors."""
    size_stderr: float = quantity("Å")
    """Standard error of `size`."""
    size_limit: float = quantity("Å")
    """Lower limit where there is no size."""
    strain: float = quantity(symbol="ε")
    """Microstrain β/(4 tan θ) of the chosen width; below zero where noise makes it so."""
    strain_stderr: float = quantity()
    """Standard error of `strain`."""
    correlation: float = quantity()
    """Correlation of 1/size with strain."""
    redchi: float = quantity(symbol="χ²_red")
    """χ² over degrees of freedom; standard errors are scaled by it where above 1."""
    width: Width
    """Which width: FWHM or integral breadth."""
    shape_factor: float = quantity(symbol="K")
    """Scherrer's K."""
    addition: Literal["linear", "quadratic"]
    """How size and strain broadening add: as Lorentzians or as Gaussians."""
    messages: tuple[str, ...] = ()
    """What a user must know, one sentence each."""


@recorded
def scherrer_sizes(
    widths: SampleWidths, *, width: Width = "fwhm", shape_factor: float | None = None
) -> ScherrerSizes:
    r"""Return :math:`D = K\lambda/(\beta\cos\theta)` of each line.

    Parameters
    ----------
    widths
        Widths with the instrument taken out.
    width
        ``"fwhm"`` or ``"beta"`` (integral breadth).
    shape_factor
        :math:`K`; 0.9 for FWHM and 1 for the integral breadth where None.
    """
    factor = _factor(width, shape_factor)
    value, covar = reciprocal_widths(widths, width)
    error = np.sqrt(np.diag(covar))
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.where(widths.resolved, factor / value, math.nan)
        stderr = size * error / value
        limit = np.where(widths.resolved, math.nan, factor / (value + 2.0 * error))
    crowd = [f"({p})" for p in np.unique(widths.plane[widths.overlapped])]
    messages = [f"{', '.join(crowd)}: the width is that of a group of lines."] if crowd else []
    return ScherrerSizes(
        plane=widths.plane,
        sample=widths.sample,
        size=size,
        size_stderr=stderr,
        size_limit=limit,
        overlapped=widths.overlapped,
        width=width,
        shape_factor=factor,
        messages=(*widths.messages, *messages, "Strain, if any, is counted as size."),
    )


@recorded
def williamson_hall(
    widths: SampleWidths,
    *,
    sample: str | None = None,
    width: Width = "beta",
    shape_factor: float | None = None,
    addition: Literal["linear", "quadratic"] = "linear",
    crystal: Crystal | None = None,
) -> WilliamsonHall:
    """Return size and strain from a straight line through widths, weighted by their covariance.

    Williamson & Hall, Acta Metall. 1, 22 (1953). Planes whose width is that of a group are left
    out. Families of planes that do not lie on the common line are flagged: the crystal is then
    elastically anisotropic or faulted, and one size and one strain do not describe it.

    Parameters
    ----------
    widths
        Widths with the instrument taken out.
    sample
        Which sample; the only one where None.
    width, shape_factor
        As in `scherrer_sizes`.
    addition
        How broadenings add: ``"linear"`` for Lorentzians, ``"quadratic"`` for Gaussians.
    crystal
        Structure, whose symmetry says which directions are one; by Miller indices only where None.

    Raises
    ------
    BadInput
        For fewer than three lines of different d: two points always lie on a line.
    """
    factor = _factor(width, shape_factor)
    if addition not in ("linear", "quadratic"):
        raise BadInput(f"addition {addition!r}", expected="'linear' or 'quadratic'")
    chosen = lines_of_sample(widths, sample)
    s = reciprocal_spacing(widths)[chosen]
    value, covar = (part[chosen] for part in reciprocal_widths(widths, width))
    covar = covar[:, chosen]
    power = 1 if addition == "linear" else 2
    slope = np.diag(power * np.maximum(value, np.sqrt(np.diag(covar))) ** (power - 1))
    design = np.stack([np.ones_like(s), (2.0 * s) ** power], axis=1)
    found, found_covar, run = fit_linear(
        design, value**power, slope @ covar @ slope, ("intercept", "slope")
    )
    stderr = np.sqrt(np.diag(covar))
    names = [_family(str(p), crystal) for p in widths.plane[chosen]]
    fitted = np.maximum(design @ found, 0.0) ** (1.0 / power)
    outlier = _outliers(names, (value - fitted) / stderr)
    size, size_stderr, limit = _size(found[0], math.sqrt(found_covar[0, 0]), factor, power)
    strain, strain_stderr = _strain(found[1], math.sqrt(found_covar[1, 1]), power)
    return WilliamsonHall(
        s=s,
        reciprocal_width=value,
        reciprocal_width_stderr=stderr,
        fitted=fitted,
        plane=widths.plane[chosen],
        family=np.array(names),
        outlier=outlier,
        sample=str(widths.sample[chosen][0]),
        size=size,
        size_stderr=size_stderr,
        size_limit=limit,
        strain=strain,
        strain_stderr=strain_stderr,
        correlation=float(found_covar[0, 1] / np.sqrt(found_covar[0, 0] * found_covar[1, 1])),
        redchi=run.redchi,
        width=width,
        shape_factor=factor,
        addition=addition,
        messages=(*notes_of_sample(widths, sample), *_judged(names, outlier, run.redchi)),
    )


def _factor(width: str, shape_factor: float | None) -> float:
    if width not in SHAPE_FACTORS:
        raise BadInput(f"width {width!r}", expected="'fwhm' or 'beta'")
    factor = SHAPE_FACTORS[width] if shape_factor is None else shape_factor
    if not (math.isfinite(factor) and factor > 0):
        raise BadInput(f"shape_factor {factor:g}", expected="Scherrer's K, such as 0.9")
    return factor


def _size(intercept: float, stderr: float, factor: float, power: int) -> tuple[float, float, float]:
    """Return size, its error and, where there is none, its lower limit."""
    if intercept > 2.0 * stderr:
        width = intercept ** (1.0 / power)
        error = stderr / (power * width ** (power - 1))
        return factor / width, factor * error / width**2, math.nan
    most = (max(intercept, 0.0) + 2.0 * stderr) ** (1.0 / power)
    return math.nan, math.nan, factor / most


def _strain(slope: float, stderr: float, power: int) -> tuple[float, float]:
    if power == 1:
        return float(slope), stderr
    root = math.copysign(math.sqrt(abs(slope)), slope)
    return root, stderr / (2.0 * max(abs(root), math.sqrt(stderr)))


def _family(plane: str, crystal: Crystal | None) -> str:
    """Return the direction of a plane's normal in its smallest whole numbers."""
    try:
        hkl = [int(index) for index in plane.split()]
    except ValueError:
        return plane
    divisor = math.gcd(*hkl) or 1
    hkl = [index // divisor for index in hkl]
    if crystal is not None and len(hkl) == 3:
        from xorder.diffraction.reflections import equivalent_planes

        hkl = equivalent_planes(crystal, (hkl[0], hkl[1], hkl[2])).tolist()[-1]
    elif next((index for index in hkl if index), 1) < 0:
        hkl = [-index for index in hkl]
    return " ".join(str(index) for index in hkl)


def _outliers(names: Sequence[str], off: Array) -> NDArray[np.bool_]:
    """Return whether the mean deviation of each line's family is beyond 3 standard errors."""
    families = np.array(names)
    mean = np.array([off[families == n].sum() / math.sqrt((families == n).sum()) for n in names])
    return np.asarray(np.abs(mean) > OUTLIER)


def _judged(names: Sequence[str], outlier: NDArray[np.bool_], redchi: float) -> tuple[str, ...]:
    messages = []
    bad = sorted({name for name, off in zip(names, outlier, strict=True) if off})
    if bad:
        messages.append(
            f"Planes along {', '.join(f'[{n}]' for n in bad)} do not lie on the common line: size "
            "or strain depends on direction, and the numbers are means over these directions."
        )
    if redchi > OUTLIER**2 / 3.0:
        messages.append(
            f"The widths scatter {math.sqrt(redchi):.1f} times as much as their errors; the errors "
            "of size and strain are scaled by that."
        )
    if len(set(names)) == len(names):
        messages.append("No plane is measured in two orders: size and strain are told apart only "
                        "if neither depends on direction.")  # fmt: skip
    return tuple(messages)
