"""Energies of repeated scans brought to one scale by the reference foil measured with them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from xorder.errors import BadInput
from xorder.fitting import fit
from xorder.parameters import Parameter, Parameters
from xorder.results import Array, Result, quantity, recorded
from xorder.xas.edge_energy import find_e0
from xorder.xas.photoelectron import edge as tabulated_edge
from xorder.xas.spectrum import Spectrum, note

__all__ = ["Alignment", "align", "calibrate"]

#: Range around the reference's edge (eV) that is compared.
AROUND = (-30.0, 80.0)

CHANNELS = ("reference", "mu")


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Alignment(Result):
    """Scans on one energy scale, and how far each was moved."""

    spectra: tuple[Spectrum, ...]
    """The scans, moved."""
    shift: Array = quantity("eV", symbol="ΔE", dims=("scan",))
    """What was added to each scan's energies; 0 for the first, shape (S,)."""
    shift_stderr: Array = quantity("eV", symbol="σ(ΔE)", dims=("scan",))
    """Standard errors of the shifts; NaN where the fit failed and the scan was not moved."""
    drift: float = quantity("eV", default=math.nan)
    """Mean change of the shift from scan to scan; NaN for fewer than three scans."""
    drift_stderr: float = quantity("eV", default=math.nan)
    """Standard error of `drift`."""
    messages: tuple[str, ...] = ()
    """What a user must know, one sentence each."""


@recorded
def align(spectra: Sequence[Spectrum], *, channel: str = "reference") -> Alignment:
    """Return the scans moved in energy onto the first one's scale.

    The scan's reference is fitted by the first one's, moved, scaled and with a straight line, by
    least squares from 30 eV below to 80 eV above the reference's edge.

    Parameters
    ----------
    spectra
        Two or more scans.
    channel
        ``"reference"`` compares the foils measured with the samples, ``"mu"`` the samples
        themselves, which hides true changes of the edge energy.

    Raises
    ------
    BadInput
        Fewer than two scans, an unknown channel, or a scan without a reference.
    """
    if len(spectra) < 2:
        raise BadInput(f"there are {len(spectra)} scans to align", expected="two or more")
    if channel not in CHANNELS:
        raise BadInput(f"channel is {channel!r}", expected=", ".join(CHANNELS))
    references = [_channel(s, i, channel) for i, s in enumerate(spectra, start=1)]
    first = references[0]
    start = find_e0(first)[0]
    moved, messages = [spectra[0]], list[str]()
    shifts, errors = [0.0], [0.0]
    for index, (spectrum, reference) in enumerate(zip(spectra[1:], references[1:], strict=True), 2):
        objective = ShiftObjective.of(first, reference, edge=start)
        found = fit(objective)
        name = f"scan {index} ({spectrum.name or 'no name'})"
        if not found:
            note(messages, f"{name} could not be aligned and was left: {found.message}")
            moved.append(spectrum)
            shifts.append(0.0)
            errors.append(math.nan)
            continue
        shift = found.parameters["shift"]
        shifts.append(float(shift.value))
        errors.append(float(shift.stderr))
        moved.append(_moved(spectrum, shifts[-1], "aligned on the first scan"))
    drift, drift_stderr = _drift(np.array(shifts), np.array(errors))
    if abs(drift) > 3 * drift_stderr:
        note(
            messages,
            f"the energy scale drifts by {-drift:.3f} ± {drift_stderr:.3f} eV from scan to scan",
        )
    return Alignment(
        spectra=tuple(moved),
        shift=np.array(shifts),
        shift_stderr=np.array(errors),
        drift=drift,
        drift_stderr=drift_stderr,
        messages=tuple(messages),
    )


@recorded
def calibrate(
    spectrum: Spectrum,
    *,
    element: str = "",
    edge: str = "",
    energy: float | None = None,
    channel: str = "reference",
) -> Spectrum:
    """Return the spectrum with its reference's edge brought to a known energy.

    Parameters
    ----------
    spectrum
        A spectrum.
    element, edge
        The reference foil's; the spectrum's own where empty.
    energy
        Energy in eV that the reference's largest slope gets; None takes the tabulated edge.
    channel
        ``"reference"`` or ``"mu"``, where the sample is itself the standard.

    Raises
    ------
    BadInput
        No reference, no element to look up, or an edge that is not in the data.
    """
    if channel not in CHANNELS:
        raise BadInput(f"channel is {channel!r}", expected=", ".join(CHANNELS))
    element, edge = element or spectrum.element, edge or spectrum.edge
    reference = replace(_channel(spectrum, 1, channel), element=element, edge=edge)
    if energy is None:
        if not (element and edge):
            raise BadInput("the reference's edge is not known", expected="element and edge")
        energy = tabulated_edge(element, edge).energy
    if not (math.isfinite(energy) and energy > 0):
        raise BadInput(f"energy is {energy}", expected="the edge's energy in eV")
    found = find_e0(reference)[0]
    return _moved(spectrum, energy - found, f"calibrated: {found:.2f} eV is {energy:.2f} eV")


@dataclass(frozen=True, eq=False, slots=True)
class ShiftObjective:
    """One scan's reference against another's: shift, scale and a straight line."""

    energy: Array
    """Energies of the scan, shape (N,)."""
    mu: Array
    """Absorption of its reference, shape (N,)."""
    target: Spectrum
    """The other reference."""
    edge: float
    """Edge energy of the other reference."""
    start: float
    """Shift to start from, in eV."""

    @classmethod
    def of(cls, target: Spectrum, scan: Spectrum, *, edge: float) -> ShiftObjective:
        """Return the comparison around the edge."""
        start = edge - find_e0(scan)[0]
        x = scan.energy + start
        low = max(edge + AROUND[0], float(target.energy[2]))
        high = min(edge + AROUND[1], float(target.energy[-3]))
        inside = (x >= low) & (x <= high)
        return cls(scan.energy[inside], scan.mu[inside], target, edge, start)

    @property
    def parameters(self) -> Parameters:
        """Shift in eV, scale, offset and slope."""
        rise = float(np.ptp(self.mu)) or 1.0
        return Parameters(
            [
                Parameter(
                    name="shift", value=self.start, min=self.start - 10.0, max=self.start + 10.0
                ),
                Parameter(name="scale", value=rise / (float(np.ptp(self.target.mu)) or 1.0)),
                Parameter(name="offset", value=0.0),
                Parameter(name="slope", value=0.0),
            ]
        )

    @property
    def n_independent(self) -> float:
        """Number of points."""
        return float(self.energy.size)

    def residual(self, values: Mapping[str, float]) -> Array:
        """Return scan minus model, shape (N,)."""
        spline = self._spline()
        return np.asarray(
            self.mu
            - values["scale"] * spline(self.energy + values["shift"])
            - values["offset"]
            - values["slope"] * (self.energy - self.edge) / 100.0
        )

    def jacobian(self, values: Mapping[str, float], names: Sequence[str]) -> Array:
        """Return the derivatives of the residual, shape (N, names)."""
        spline = self._spline()
        x = self.energy + values["shift"]
        columns = {
            "shift": -values["scale"] * spline(x, 1),
            "scale": -spline(x),
            "offset": -np.ones_like(x),
            "slope": -(self.energy - self.edge) / 100.0,
        }
        return np.stack([columns.get(name, np.zeros_like(x)) for name in names], axis=1)

    def _spline(self) -> Any:
        from scipy.interpolate import make_interp_spline

        return make_interp_spline(self.target.energy, self.target.mu, k=3)


def _channel(spectrum: Spectrum, number: int, channel: str) -> Spectrum:
    """Return the channel to compare as a spectrum of its own."""
    if channel == "mu":
        return spectrum
    if spectrum.mu_ref is None:
        raise BadInput(
            f"scan {number} ({spectrum.name or 'no name'}) has no reference channel",
            expected='a foil measured with the sample, or channel="mu"',
            source=spectrum.source or None,
        )
    return replace(
        spectrum, mu=spectrum.mu_ref, stderr=None, mu_ref=None, element="", edge="", messages=()
    )


def _moved(spectrum: Spectrum, shift: float, why: str) -> Spectrum:
    message = f"{spectrum.name or 'the scan'} was moved by {shift:+.3f} eV ({why})"
    return replace(spectrum, energy=spectrum.energy + shift, messages=(*spectrum.messages, message))


def _drift(shifts: Array, errors: Array) -> tuple[float, float]:
    """Return the slope of the shifts over the scans' numbers and its standard error."""
    kept = np.isfinite(errors)
    if np.count_nonzero(kept) < 3:
        return math.nan, math.nan
    x, y = np.flatnonzero(kept).astype(float), shifts[kept]
    x = x - x.mean()
    slope = float(x @ y / (x @ x))
    rest = y - y.mean() - slope * x
    variance = float(rest @ rest) / (y.size - 2)
    typical = float(np.median(errors[kept & (errors > 0)])) if np.any(errors[kept] > 0) else 0.0
    return slope, math.sqrt(max(variance, typical**2) / float(x @ x))
