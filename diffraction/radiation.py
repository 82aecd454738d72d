"""What illuminates the sample: X-rays, their lines, weights and polarization; or neutrons."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from xorder.diffraction.spectral_lines import NEUTRON, check_wavelength, named_lines
from xorder.errors import BadInput
from xorder.results import Array, quantity

__all__ = ["Radiation", "lorentz_polarization", "make_radiation", "polarization_from_monochromator"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Radiation:
    """Spectral lines that illuminate the sample."""

    wavelengths: tuple[float, ...] = quantity("Å", symbol="λ")
    """Wavelengths; the first is the one that positions and peaks refer to."""
    weights: tuple[float, ...] = (1.0,)
    """Shares of the intensity; they add up to 1."""
    name: str = ""
    """Name, such as ``"CuKa"``; empty for a bare wavelength."""
    polarization: float = 0.5
    """Share of the intensity whose electric field is perpendicular to the diffraction plane: 0.5
    for a tube, 1/(1 + cos² 2θ_M) behind a monochromator, about 0.95 to 1 for a synchrotron and a
    detector moving vertically. Rings integrated over the whole azimuth behave as 0.5. Neutrons have
    1: their intensity depends on the angle by the Lorentz factor alone."""
    probe: Literal["xray", "neutron"] = "xray"
    """What is scattered: X-rays by electrons, or neutrons by nuclei."""

    def __post_init__(self) -> None:
        """Check wavelengths, weights and polarization."""
        if not self.wavelengths or len(self.wavelengths) != len(self.weights):
            raise BadInput(
                f"{len(self.wavelengths)} wavelengths with {len(self.weights)} weights",
                expected="one weight a wavelength",
            )
        for wavelength in self.wavelengths:
            check_wavelength(wavelength)
        if self.probe not in ("xray", "neutron"):
            raise BadInput(f"probe {self.probe!r}", expected="'xray' or 'neutron'")
        if self.probe == "neutron":
            object.__setattr__(self, "polarization", 1.0)
        total = math.fsum(self.weights)
        if min(self.weights) < 0 or not math.isfinite(total) or total <= 0:
            raise BadInput(f"line weights {self.weights}", expected="positive shares")
        object.__setattr__(self, "weights", tuple(weight / total for weight in self.weights))
        if not 0.0 <= self.polarization <= 1.0:
            raise BadInput(
                f"polarization {self.polarization:g}", expected="a share between 0 and 1"
            )

    @property
    def wavelength(self) -> float:
        """Wavelength of the first line in Å."""
        return self.wavelengths[0]

    @property
    def mean(self) -> float:
        """Mean wavelength in Å, by weight."""
        return float(np.dot(self.wavelengths, self.weights))

    def __str__(self) -> str:
        lines = " + ".join(f"{wavelength:.6g}" for wavelength in self.wavelengths)
        return f"{self.name} ({lines} Å)" if self.name else f"{lines} Å"


def make_radiation(
    wavelength: Radiation | str | float, *, polarization: float | None = None
) -> Radiation:
    """Return the radiation that a name or a number means.

    Parameters
    ----------
    wavelength
        ``"CuKa"`` (the doublet, 2 : 1), ``"CuKa1"``, ``"CuKa2"``, the same for Ag, Mo, Co, Fe and
        Cr, ``"neutron 1.594"`` (a wavelength in Å), or a wavelength of X-rays in Å. Case, spaces,
        hyphens and α are read kindly.
    polarization
        See `Radiation.polarization`; unchanged (0.5) where None.

    Raises
    ------
    BadInput
        For an unknown anode or line and for a number that is no X-ray wavelength in Å.
    """
    if isinstance(wavelength, Radiation):
        found = wavelength
    elif isinstance(wavelength, str):
        name, wavelengths, weights = named_lines(wavelength)
        probe: Literal["xray", "neutron"] = "neutron" if name == NEUTRON else "xray"
        found = Radiation(wavelengths=wavelengths, weights=weights, name=name, probe=probe)
    else:
        found = Radiation(wavelengths=(float(wavelength),))
    return found if polarization is None else replace(found, polarization=polarization)


def polarization_from_monochromator(two_theta: float) -> float:
    """Return the polarization share behind a mosaic monochromator crystal.

    .. math:: P = 1 / (1 + \\cos^2 2\\theta_M)

    Parameters
    ----------
    two_theta
        Bragg angle :math:`2\\theta_M` of the monochromator in degrees (graphite (0 0 2) at Cu Kα:
        26.6°). 0 means no monochromator.
    """
    if not 0.0 <= two_theta < 180.0:
        raise BadInput(f"monochromator angle {two_theta:g}°", expected="0° ≤ 2θ < 180°")
    return 1.0 / (1.0 + math.cos(math.radians(two_theta)) ** 2)


def lorentz_polarization(two_theta: Array, *, polarization: float = 0.5) -> Array:
    r"""Return the Lorentz-polarization factor of powder diffraction.

    .. math:: LP = \frac{P + (1 - P)\cos^2 2\theta}{\sin^2\theta \cos\theta}

    With :math:`P = 1/2` this is half of the textbook
    :math:`(1 + \cos^2 2\theta)/(\sin^2\theta\cos\theta)`.

    Parameters
    ----------
    two_theta
        Scattering angle in degrees, between 0 and 180, any shape.
    polarization
        Share :math:`P`, see `Radiation.polarization`.
    """
    theta = np.deg2rad(two_theta) / 2.0
    polarized = polarization + (1.0 - polarization) * np.cos(2.0 * theta) ** 2
    return np.asarray(polarized / (np.sin(theta) ** 2 * np.cos(theta)))
