"""Intensity: what was counted, over Q; StructureFunction: S(Q), F(Q) or i(Q) as a file holds it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from xorder.errors import BadInput
from xorder.pdf.functions import OfQ, convert_of_q
from xorder.pdf.pattern import Radiation
from xorder.results import Array, Result, quantity

__all__ = ["Intensity", "StructureFunction", "intensity_from_two_theta"]

#: No measured total scattering goes beyond this Q in Å⁻¹.
HIGHEST_Q = {"xray": 60.0, "neutron": 125.0}


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Intensity(Result):
    """Scattered intensity over Q."""

    q: Array = quantity("Å⁻¹", symbol="Q", dims=("q",))
    """Momentum transfer 4π sin θ / λ, positive and ascending, shape (N,)."""
    intensity: Array = quantity("counts", symbol="I(Q)", dims=("q",))
    """Intensity in counts or any unit proportional to them, shape (N,)."""
    stderr: Array | None = quantity("counts", symbol="σ(I)", default=None)
    """Standard error of `intensity`, shape (N,), or None where it is unknown."""
    wavelength: float = quantity("Å", symbol="λ", default=math.nan)
    """Wavelength; NaN where unknown."""
    composition: str = ""
    """Chemical formula; empty where unknown."""
    radiation: Radiation = "xray"
    """What was scattered."""
    name: str = ""
    """Name of the sample."""
    source: str = ""
    """File it came from."""
    simulated: bool = False
    """True for what was computed, not measured."""
    metadata: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Everything else the header says."""

    def __post_init__(self) -> None:
        _check_radiation(self.radiation, self.source or None)
        check_q(self.q, self.wavelength, self.source or None, radiation=self.radiation)
        check_values("intensity", self.intensity, self.q, self.source or None)
        if self.stderr is not None:
            check_values("stderr", self.stderr, self.q, self.source or None)
            if np.any(self.stderr < 0):
                at = int(np.argmax(self.stderr < 0))
                raise BadInput(
                    f"stderr is {self.stderr[at]:g} at Q = {self.q[at]:g} Å⁻¹",
                    expected="standard errors of zero or more",
                    source=self.source or None,
                )


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class StructureFunction(Result):
    """S(Q), F(Q) or i(Q) as it was read, and the others from it."""

    q: Array = quantity("Å⁻¹", symbol="Q", dims=("q",))
    """Momentum transfer, positive and ascending, shape (N,)."""
    values: Array = quantity("", dims=("q",))
    """The function that `kind` names, shape (N,)."""
    kind: OfQ = "S"
    """``"S"``, ``"F"`` (Å⁻¹) or ``"i"``; definitions are in `xorder.pdf.functions`."""
    stderr: Array | None = quantity("", default=None)
    """Standard error of `values`, shape (N,), or None."""
    wavelength: float = quantity("Å", symbol="λ", default=math.nan)
    """Wavelength; NaN where unknown."""
    composition: str = ""
    """Chemical formula; empty where unknown."""
    radiation: Radiation = "xray"
    """What was scattered."""
    name: str = ""
    """Name of the sample."""
    source: str = ""
    """File it came from."""
    simulated: bool = False
    """True for what was computed, not measured."""
    metadata: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Everything else the header says."""

    def __post_init__(self) -> None:
        _check_radiation(self.radiation, self.source or None)
        check_q(self.q, self.wavelength, self.source or None, radiation=self.radiation)
        check_values(self.kind, self.values, self.q, self.source or None)

    @property
    def sq(self) -> Array:
        """S(Q); i(Q) is taken as S(Q) - 1."""
        return convert_of_q(self.values, self.q, source=self.kind, target="S")

    @property
    def fq(self) -> Array:
        """F(Q) = Q[S(Q) - 1] in Å⁻¹; i(Q) is taken as S(Q) - 1."""
        return convert_of_q(self.values, self.q, source=self.kind, target="F")


def intensity_from_two_theta(
    two_theta: Array,
    intensity: Array,
    *,
    wavelength: float,
    stderr: Array | None = None,
    composition: str = "",
    name: str = "",
    simulated: bool = False,
) -> Intensity:
    """Return the intensity over Q = 4π sin θ / λ of one over the scattering angle.

    Parameters
    ----------
    two_theta
        Scattering angle in degrees, ascending within 0 to 180, shape (N,).
    intensity, stderr
        Counts and their standard errors, shape (N,).
    wavelength
        Wavelength in Å.
    composition, name, simulated
        As in `Intensity`.

    Raises
    ------
    BadInput
        Where an angle is outside 0 to 180 degrees or the wavelength is not positive.
    """
    check_wavelength(wavelength)
    if np.any((two_theta <= 0) | (two_theta >= 180)):
        at = int(np.argmax((two_theta <= 0) | (two_theta >= 180)))
        raise BadInput(
            f"two_theta is {two_theta[at]:g} at point {at}", expected="degrees above 0, below 180"
        )
    return Intensity(
        q=4 * math.pi / wavelength * np.sin(np.deg2rad(two_theta) / 2),
        intensity=intensity,
        stderr=stderr,
        wavelength=wavelength,
        composition=composition,
        name=name,
        simulated=simulated,
    )


def check_wavelength(wavelength: float, source: str | None = None) -> None:
    """Raise BadInput unless the wavelength is positive and finite."""
    if not 0 < wavelength < math.inf:
        raise BadInput(
            f"wavelength is {wavelength:g} Å", expected="a positive wavelength", source=source
        )


def check_q(
    q: Array, wavelength: float, source: str | None, *, radiation: Radiation = "xray"
) -> None:
    """Raise BadInput where Q cannot be one in Å⁻¹; a Q in nm⁻¹ is called that."""
    if q.ndim != 1 or len(q) < 2:
        raise BadInput(f"q has shape {q.shape}", expected="at least two points", source=source)
    if not np.isfinite(q).all():
        at = int(np.argmin(np.isfinite(q)))
        raise BadInput(f"q is {q[at]} at point {at}", expected="finite Q", source=source)
    if q[0] <= 0:
        raise BadInput(f"q starts at {q[0]:g} Å⁻¹", expected="positive Q", source=source)
    falls = np.flatnonzero(np.diff(q) <= 0)
    if len(falls):
        at = int(falls[0])
        raise BadInput(
            f"q goes from {q[at]:g} to {q[at + 1]:g} Å⁻¹ at point {at + 1}",
            expected="ascending Q without repeats",
            source=source,
        )
    if not math.isnan(wavelength):
        check_wavelength(wavelength, source)
        limit = 4 * math.pi / wavelength
        if q[-1] > limit * (1 + 1e-6):
            raise BadInput(
                f"q reaches {q[-1]:g} Å⁻¹ but a wavelength of {wavelength:g} Å reaches "
                f"{limit:.4g} Å⁻¹{_perhaps_nm(q, limit)}",
                expected="Q in Å⁻¹ and the wavelength in Å",
                source=source,
            )
    highest = HIGHEST_Q[radiation]
    if q[-1] > highest:
        raise BadInput(
            f"q reaches {q[-1]:g} Å⁻¹, beyond every diffractometer{_perhaps_nm(q, highest)}",
            expected="Q in Å⁻¹ (divide nm⁻¹ by 10)",
            source=source,
        )


def check_values(name: str, values: Array, q: Array, source: str | None) -> None:
    """Raise BadInput where values do not belong to Q or are not finite."""
    if values.shape != q.shape:
        raise BadInput(
            f"{name} has {values.size} points and q has {q.size}",
            expected="one value a point of Q",
            source=source,
        )
    if not np.isfinite(values).all():
        at = int(np.argmin(np.isfinite(values)))
        raise BadInput(
            f"{name} is {values[at]} at Q = {q[at]:g} Å⁻¹", expected="finite values", source=source
        )


def _check_radiation(radiation: str, source: str | None) -> None:
    if radiation not in HIGHEST_Q:
        raise BadInput(f"radiation is {radiation!r}", expected="'xray' or 'neutron'", source=source)


def _perhaps_nm(q: Array, limit: float) -> str:
    return "; this looks like nm⁻¹" if q[-1] / 10 <= limit else ""
