"""Size and strain by the double-Voigt method: both broaden lines by Voigt functions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from xorder.diffraction.linear_fits import fit_linear
from xorder.diffraction.sample_widths import (
    SampleWidths,
    lines_of_sample,
    notes_of_sample,
    reciprocal_factor,
    reciprocal_spacing,
)
from xorder.diffraction.voigt_widths import BETA_GAUSS, BETA_LORENTZ, voigt_breadth
from xorder.errors import BadInput
from xorder.results import Array, Result, quantity, recorded

__all__ = ["DoubleVoigt", "double_voigt"]

_PARTS = ("Lorentzian size", "Lorentzian strain", "Gaussian size", "Gaussian strain")


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class DoubleVoigt(Result):
    """Size and strain of one sample when both broaden by Voigt functions."""

    sample: str = ""
    """Name of the sample."""
    volume_size: float = quantity("Å", symbol="D_V")
    """Volume-weighted column length, 1/β_S; NaN where there is no size broadening."""
    volume_size_stderr: float = quantity("Å")
    """Standard error of `volume_size`."""
    area_size: float = quantity("Å", symbol="D_A")
    """Surface-weighted column length, 1/(2 β_SL); NaN without Lorentzian size broadening."""
    area_size_stderr: float = quantity("Å")
    """Standard error of `area_size`."""
    strain: float = quantity(symbol="e")
    """Upper limit of strain β_D/(4 tan θ), for integral breadths."""
    strain_stderr: float = quantity()
    """Standard error of `strain`."""
    parts: Array = quantity()
    """β_SL (Å⁻¹), Lorentzian strain term, β_SG² (Å⁻²), Gaussian strain term squared; as fitted, so
    that noise may take them below 0."""
    parts_covar: Array = quantity()
    """Covariance of `parts`, shape (4, 4)."""
    lorentz_strain: Literal["linear", "quadratic"]
    """How Lorentzian strain broadening grows with s."""
    redchi: float = quantity(symbol="χ²_red")
    """χ² over degrees of freedom."""
    messages: tuple[str, ...] = ()
    """What a user must know, one sentence each."""


@recorded
def double_voigt(
    widths: SampleWidths,
    *,
    sample: str | None = None,
    lorentz_strain: Literal["linear", "quadratic"] = "linear",
) -> DoubleVoigt:
    r"""Return size and strain from the Lorentzian and the Gaussian parts of all widths.

    .. math:: \beta_L = \beta_{SL} + \beta_{DL}, \qquad
              \beta_G^2 = \beta_{SG}^2 + \beta_{DG}^2

    Balzar, in Defect and Microstructure Analysis by Diffraction (Oxford, 1999), p. 94. Size does
    not depend on s; :math:`\beta_{DG}` grows with s; :math:`\beta_{DL}` with s (``"linear"``, as in
    profiles of refinements, strain whose distribution has Voigt shape) or with s² (``"quadratic"``,
    mean-square strain that falls as one over distance). Both parts are fitted together with their
    covariance and without clipping, so that noise does not bias them.

    Parameters
    ----------
    widths
        Widths with the instrument taken out as Voigt functions.
    sample
        Which sample; the only one where None.
    lorentz_strain
        See above; for ``"quadratic"`` the strain is that at the mean s of the lines.

    Raises
    ------
    BadInput
        For fewer than three lines of different d, and for widths of another shape than Voigt.
    """
    if widths.shape != "voigt":
        raise BadInput(
            f"the instrument was taken out of {widths.shape} lines",
            expected="remove_instrument(..., shape='voigt'), which keeps both parts",
        )
    if lorentz_strain not in ("linear", "quadratic"):
        raise BadInput(f"lorentz_strain {lorentz_strain!r}", expected="'linear' or 'quadratic'")
    chosen = lines_of_sample(widths, sample)
    s = reciprocal_spacing(widths)[chosen]
    middle = float(np.mean(s))
    unit = BETA_LORENTZ * reciprocal_factor(widths)[chosen]
    unit_squared = (BETA_GAUSS * reciprocal_factor(widths)[chosen]) ** 2
    observed = np.concatenate(
        [unit * widths.lorentz[chosen], unit_squared * widths.gauss_squared[chosen]]
    )
    scale = np.concatenate([unit, unit_squared])
    both = np.concatenate([chosen, chosen + len(widths.plane)])
    covar = widths.covar[np.ix_(both, both)] * np.outer(scale, scale)
    one, none = np.ones_like(s), np.zeros_like(s)
    growth = s if lorentz_strain == "linear" else s**2 / middle
    design = np.block(
        [[np.stack([one, growth, none, none], 1)], [np.stack([none, none, one, s**2], 1)]]
    )
    parts, parts_covar, run = fit_linear(
        design, observed, covar, ("size_l", "strain_l", "size_g", "strain_g")
    )
    # Strain terms are per s: β_D = 2 e s.
    size, size_stderr = _breadth(parts[[0, 2]], parts_covar[np.ix_([0, 2], [0, 2])])
    strain, strain_stderr = _breadth(parts[[1, 3]], parts_covar[np.ix_([1, 3], [1, 3])])
    area_stderr = math.sqrt(parts_covar[0, 0])
    has_size, has_area = size > 2.0 * size_stderr, parts[0] > 2.0 * area_stderr
    low = [n for n, p in zip(_PARTS, parts, strict=True) if p < 0]
    messages = [f"The {n} part came out below 0 and counts as 0 in the sum." for n in low]
    if not has_size:
        messages.append("There is no size broadening beyond 2 standard errors.")
    return DoubleVoigt(
        sample=str(widths.sample[chosen][0]),
        volume_size=1.0 / size if has_size else math.nan,
        volume_size_stderr=size_stderr / size**2 if has_size else math.nan,
        area_size=0.5 / parts[0] if has_area else math.nan,
        area_size_stderr=0.5 * area_stderr / parts[0] ** 2 if has_area else math.nan,
        strain=strain / 2.0,
        strain_stderr=strain_stderr / 2.0,
        parts=parts,
        parts_covar=parts_covar,
        lorentz_strain=lorentz_strain,
        redchi=run.redchi,
        messages=(*notes_of_sample(widths, sample), *messages),
    )


def _breadth(parts: Array, covar: Array) -> tuple[float, float]:
    """Return the integral breadth of a Lorentzian and a squared Gaussian part, with its error."""
    breadth, slope = voigt_breadth(parts[:1], parts[1:])
    # Without any breadth the slope by the Gaussian part has no bound: one standard error is taken.
    if parts.max() <= 0:
        return 0.0, float(voigt_breadth(*np.sqrt(np.diag(covar))[:, None] * 1.0)[0][0])
    return float(breadth[0]), float(np.sqrt(slope[0] @ covar @ slope[0]))
