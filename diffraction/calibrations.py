"""Constants that turn scales into masses, each measured once for all samples of a setup."""

from __future__ import annotations

import math
from dataclasses import dataclass

from xorder.diffraction.absorption import mass_absorption
from xorder.diffraction.quantification import cell_content
from xorder.diffraction.radiation import Radiation
from xorder.errors import BadInput
from xorder.structure import Crystal

__all__ = [
    "Calibration",
    "Measured",
    "calibrate_external_standard",
    "calibrate_halo",
    "number_and_error",
    "share_and_error",
]

#: A number, or a number and its standard error.
Measured = float | tuple[float, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Calibration:
    """A constant measured once, for all samples of the same setup."""

    kind: str
    """``"external standard"`` (G, cm²/g g/mol Å³ in units of scale) or ``"halo"`` (ZMV)."""
    value: float
    """The constant."""
    stderr: float
    """Its standard error."""


def calibrate_external_standard(
    scale: Measured,
    crystal: Crystal,
    *,
    wavelength: Radiation | str | float,
    crystallinity: Measured = 1.0,
) -> Calibration:
    r"""Return the constant G of a diffractometer from a pattern of a standard alone.

    .. math:: G = S_s \frac{(ZMV)_s}{c_s} \mu^*_s

    O'Connor & Raven, Powder Diffr. 3, 2 (1988). It holds for thick flat samples and the same
    setup, slits, tube and exposure.

    Parameters
    ----------
    scale
        Scale of the standard, or (value, standard error).
    crystal
        Its structure, as refined.
    wavelength
        Radiation.
    crystallinity
        Crystalline share of the standard, or (value, standard error).
    """
    value, error = number_and_error(scale, "scale")
    pure, pure_error = share_and_error(crystallinity, "crystallinity")
    if not value > 0:
        raise BadInput(f"scale {value:g}", expected="a number above 0")
    mass, volume = cell_content(crystal)
    constant = value * mass * volume * mass_absorption(crystal, wavelength=wavelength) / pure
    return Calibration(
        kind="external standard",
        value=constant,
        stderr=constant * math.hypot(error / value, pure_error / pure),
    )


def calibrate_halo(
    halo_scale: Measured,
    crystal_scale: Measured,
    crystal: Crystal,
    *,
    amorphous_share: Measured,
    correlation: float = 0.0,
) -> Calibration:
    r"""Return the calibrated mass of a halo's scale from one mixture of known composition.

    .. math:: (ZMV)_h = \frac{W_h}{W_c} \frac{S_c}{S_h} (ZMV)_c

    Scarlett & Madsen, Powder Diffr. 21, 278 (2006): PONCKS.

    Parameters
    ----------
    halo_scale
        Scale of the halo's fixed shape in the mixture, or (value, standard error).
    crystal_scale, crystal
        Scale and structure of a crystalline phase in it.
    amorphous_share
        Mass of the amorphous part over the mass of both, or (value, standard error).
    correlation
        Correlation of the two scales in the fit.
    """
    halo, halo_error = number_and_error(halo_scale, "halo_scale")
    scale, scale_error = number_and_error(crystal_scale, "crystal_scale")
    share, share_error = share_and_error(amorphous_share, "amorphous_share", below_one=True)
    if not (halo > 0 and scale > 0):
        raise BadInput(f"scales {halo:g} and {scale:g}", expected="numbers above 0")
    if not -1.0 <= correlation <= 1.0:
        raise BadInput(f"correlation {correlation:g}", expected="a number from -1 to 1")
    mass, volume = cell_content(crystal)
    value = share / (1.0 - share) * scale / halo * mass * volume
    a, b, c = scale_error / scale, halo_error / halo, share_error / (share * (1.0 - share))
    relative = math.sqrt(a * a + b * b - 2.0 * correlation * a * b + c * c)
    return Calibration(kind="halo", value=value, stderr=value * relative)


def number_and_error(value: Measured, name: str) -> tuple[float, float]:
    """Return a number and its standard error, 0 where none is given."""
    number, error = value if isinstance(value, tuple) else (value, 0.0)
    if not (math.isfinite(number) and math.isfinite(error) and error >= 0):
        raise BadInput(f"{name} is {value}", expected="a number, or (number, standard error)")
    return float(number), float(error)


def share_and_error(value: Measured, name: str, *, below_one: bool = False) -> tuple[float, float]:
    """Return a fraction between 0 and 1 and its standard error."""
    number, error = number_and_error(value, name)
    if not 0.0 < number <= 1.0 or (below_one and number == 1.0):
        raise BadInput(
            f"{name} is {number:g}",
            expected=f"a fraction above 0 and {'below' if below_one else 'up to'} 1, not per cent",
        )
    return number, error
