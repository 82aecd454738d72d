"""Spectrum: one absorption spectrum as measured, checked; and the mean of several scans."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from xorder.errors import BadInput, DataWarning
from xorder.results import Array, Result, quantity, recorded

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["FEWEST_POINTS", "Spectrum", "check_spectrum", "merge", "spectrum_from_arrays"]

#: No edge, however short the scan, is measured with fewer points.
FEWEST_POINTS = 20

#: The lowest edge this package treats (Li K is 55 eV); smaller numbers are energies in keV.
LOWEST_ENERGY = 100.0

#: No edge lies above (U K is 115.6 keV); larger numbers are no energies in eV.
HIGHEST_ENERGY = 200_000.0

#: An encoder may step back this far (eV) and at this share of the points without being refused.
JITTER, JITTER_SHARE = 1.0, 0.1

#: Scans further from the median than this many times the usual distance are reported.
OUTLYING = 5.0


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Spectrum(Result):
    """One absorption spectrum: energies ascend, every number is finite."""

    energy: Array = quantity("eV", symbol="E", dims=("energy",))
    """Photon energy, ascending, shape (N,)."""
    mu: Array = quantity(symbol="μ", dims=("energy",))
    """Absorption coefficient in the measurement's own scale, shape (N,)."""
    stderr: Array | None = quantity(symbol="σ(μ)", dims=("energy",), default=None)
    """Standard error of `mu`, shape (N,), or None where unknown."""
    i0: Array | None = quantity("counts", symbol="I0", dims=("energy",), default=None)
    """Incident intensity, shape (N,), or None."""
    mu_ref: Array | None = quantity(symbol="μ_ref", dims=("energy",), default=None)
    """Absorption of the reference foil measured with the sample, shape (N,), or None."""
    element: str = ""
    """Absorbing element; empty where the file does not say."""
    edge: str = ""
    """Edge, such as ``"L3"``; empty where the file does not say."""
    name: str = ""
    """Name of the sample or scan."""
    mode: str = ""
    """``"transmission"``, ``"fluorescence"``, ``"reference"`` or empty where unknown."""
    simulated: bool = False
    """True for a calculated spectrum."""
    metadata: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What the file says beside the numbers."""
    source: str = ""
    """File the spectrum came from."""
    messages: tuple[str, ...] = ()
    """What a user must know about the data, one sentence each."""

    def __post_init__(self) -> None:
        for name in ("energy", "mu", "stderr", "i0", "mu_ref"):
            values = getattr(self, name)
            if values is not None:
                object.__setattr__(self, name, _as_floats(name, values, self.source or None))
        check_spectrum(self)

    def plot(self, ax: Axes | None = None, **artist_kwargs: Any) -> list[Any]:
        """Draw μ(E) on Matplotlib axes; return the artists."""
        from xorder.xas.plots import plot_mu

        return plot_mu(self, ax, **artist_kwargs)


def check_spectrum(spectrum: Spectrum) -> None:
    """Refuse a spectrum that no analysis can use.

    Raises
    ------
    BadInput
        Lengths that differ, too few points, numbers that are not finite, energies that do not
        ascend, or energies in keV.
    """
    energy, source = spectrum.energy, spectrum.source or None
    if energy.ndim != 1:
        raise BadInput(f"energy has {energy.ndim} dimensions", expected="one", source=source)
    for name in ("mu", "stderr", "i0", "mu_ref"):
        values = getattr(spectrum, name)
        if values is not None and values.shape != energy.shape:
            raise BadInput(
                f"{name} has shape {values.shape} but energy has {energy.shape}", source=source
            )
    if energy.size < FEWEST_POINTS:
        raise BadInput(
            f"the spectrum has {energy.size} points",
            expected=f"at least {FEWEST_POINTS}",
            source=source,
        )
    _check_finite(spectrum)
    steps = np.diff(energy)
    if np.any(steps <= 0):
        point = int(np.argmax(steps <= 0)) + 1
        raise BadInput(
            f"energy does not ascend: {energy[point - 1]:g} is followed by {energy[point]:g} eV "
            f"at point {point + 1}",
            expected="ascending energies; xas.spectrum_from_arrays with sort=True sorts them",
            source=source,
        )
    if energy[-1] < LOWEST_ENERGY:
        raise BadInput(
            f"energy runs from {energy[0]:g} to {energy[-1]:g}, which looks like keV",
            expected="eV; multiply the energies by 1000",
            source=source,
        )
    if energy[0] <= 0 or energy[-1] > HIGHEST_ENERGY:
        raise BadInput(
            f"energy runs from {energy[0]:g} to {energy[-1]:g}",
            expected=f"eV, above 0 and below {HIGHEST_ENERGY:g}; check the energy column",
            source=source,
        )


def spectrum_from_arrays(
    energy: Array, mu: Array, *, sort: bool = False, **fields: Any
) -> Spectrum:
    """Return a spectrum from arrays that may repeat an energy.

    Repeated energies are averaged and an encoder's small steps back (below 1 eV, at less than a
    tenth of the points) sorted, each with a DataWarning that says which; the same sentences stay in
    `Spectrum.messages`. Energies that descend otherwise are refused, unless `sort` is true.

    Parameters
    ----------
    energy
        Photon energy in eV, shape (N,).
    mu
        Absorption coefficient, shape (N,).
    sort
        True sorts energies in any order, as of a downward scan.
    **fields
        Other fields of `Spectrum`; arrays follow the order of `energy`.

    Raises
    ------
    BadInput
        As `check_spectrum`, for arrays that are not numbers, and energies that do not ascend.
    """
    source = fields.get("source")
    columns = {"energy": _as_floats("energy", energy, source), "mu": _as_floats("mu", mu, source)}
    for name in ("stderr", "i0", "mu_ref"):
        if fields.get(name) is not None:
            columns[name] = _as_floats(name, fields.pop(name), source)
    lengths = {name: column.shape for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise BadInput(
            "the columns differ in length: "
            + ", ".join(f"{name} {shape}" for name, shape in lengths.items()),
            source=source,
        )
    if columns["energy"].ndim != 1:
        raise BadInput(
            f"energy has {columns['energy'].ndim} dimensions", expected="one", source=source
        )
    messages = list(fields.pop("messages", ()))
    if np.all(np.isfinite(columns["energy"])):
        if not sort:
            _refuse_descending(columns["energy"], source)
        columns = _in_order(columns, messages, str(source or fields.get("name", "")))
    fields.update(columns)
    return Spectrum(messages=tuple(messages), **fields)


def note(messages: list[str], sentence: str, *, stacklevel: int = 3) -> None:
    """Keep a sentence and give it as a DataWarning."""
    messages.append(sentence)
    warnings.warn(sentence, DataWarning, stacklevel=stacklevel)


@recorded
def merge(spectra: Sequence[Spectrum], *, weights: Sequence[float] | None = None) -> Spectrum:
    """Return the mean of repeated scans on the first scan's energies within the common range.

    Scans are brought to the first scan's energies by linear interpolation. The standard error is
    that of the (weighted) mean, from the scatter between the scans; a scan further from the median
    than the others is reported, never dropped.

    Parameters
    ----------
    spectra
        At least one spectrum; one alone comes back as it is.
    weights
        Weight of each scan, such as Athena's importance; equal where None.

    Raises
    ------
    BadInput
        Nothing to merge, different elements or edges, no common range, or bad weights.
    """
    if not spectra:
        raise BadInput("there is no spectrum to merge", expected="at least one")
    _check_same("element", [s.element for s in spectra])
    _check_same("edge", [s.edge for s in spectra])
    _check_same("mode", [s.mode for s in spectra])
    share = _shares(weights, len(spectra))
    if len(spectra) == 1:
        return spectra[0]
    energy = common_energies(spectra)
    scans = np.stack([np.interp(energy, s.energy, s.mu) for s in spectra])
    messages = [message for s in spectra for message in s.messages]
    _report_outlying(scans, [s.name for s in spectra], messages)
    mean = share @ scans
    # Unbiased for equal weights; for unequal ones with the effective number 1/Σw² of scans.
    effective = 1.0 / float(np.sum(share**2))
    variance = (share @ (scans - mean) ** 2) / max(effective - 1.0, 1e-12)
    return Spectrum(
        energy=energy,
        mu=mean,
        stderr=np.sqrt(variance),
        i0=_mean_channel([s.i0 for s in spectra], spectra, energy, share),
        mu_ref=_mean_channel([s.mu_ref for s in spectra], spectra, energy, share),
        element=spectra[0].element,
        edge=spectra[0].edge,
        name=spectra[0].name,
        mode=spectra[0].mode,
        simulated=any(s.simulated for s in spectra),
        metadata={**spectra[0].metadata, "merged": ", ".join(s.source or s.name for s in spectra)},
        source=spectra[0].source,
        messages=tuple(dict.fromkeys(messages)),
    )


def _as_floats(name: str, values: Any, source: Any) -> Array:
    try:
        return np.array(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise BadInput(f"{name} is not an array of numbers: {error}", source=source) from error


def _check_finite(spectrum: Spectrum) -> None:
    for name in ("energy", "mu", "stderr", "i0", "mu_ref"):
        values = getattr(spectrum, name)
        if values is None or np.all(np.isfinite(values)):
            continue
        bad = np.flatnonzero(~np.isfinite(values))
        rows = ", ".join(str(i + 1) for i in bad[:5]) + (", …" if bad.size > 5 else "")
        raise BadInput(
            f"{name} is not a finite number at {bad.size} of {values.size} points (row {rows})",
            expected="finite numbers; remove these rows or choose another column",
            source=spectrum.source or None,
        )


def _refuse_descending(energy: Array, source: Any) -> None:
    steps = np.diff(energy)
    falls = np.flatnonzero(steps < 0)
    if falls.size == 0:
        return
    if falls.size < JITTER_SHARE * energy.size and np.min(steps) > -JITTER:
        return
    first = int(falls[0])
    if falls.size > 0.9 * steps.size:
        what = f"energies descend, from {energy[0]:.6g} to {energy[-1]:.6g} eV"
    else:
        what = (
            f"energies do not ascend: {falls.size} of {steps.size} steps go down, first from "
            f"{energy[first]:.6g} to {energy[first + 1]:.6g} eV at point {first + 2}"
        )
    raise BadInput(what, expected="ascending energies, or `sort=True`", source=source)


def _in_order(columns: dict[str, Array], messages: list[str], where: str) -> dict[str, Array]:
    prefix = f"{where}: " if where else ""
    energy = columns["energy"]
    falls = np.flatnonzero(np.diff(energy) < 0)
    if falls.size:
        if falls.size == energy.size - 1:
            what = "energies descend and were reversed"
        else:
            what = f"{falls.size} energies are out of order and were sorted, {_points(falls + 1)}"
        note(messages, f"{prefix}{what}", stacklevel=5)
        order = np.argsort(energy, kind="stable")
        columns = {name: values[order] for name, values in columns.items()}
        energy = columns["energy"]
    same = np.flatnonzero(np.diff(energy) == 0)
    if same.size:
        note(
            messages,
            f"{prefix}{same.size} repeated energies were averaged, {_points(same + 1)}, "
            f"first at {energy[same[0]]:g} eV",
            stacklevel=5,
        )
        _, groups, counts = np.unique(energy, return_inverse=True, return_counts=True)
        columns = {
            name: np.bincount(groups, weights=values) / counts for name, values in columns.items()
        }
    return columns


def _points(indices: Any) -> str:
    shown = ", ".join(str(int(i) + 1) for i in indices[:5])
    return f"point{'s' if len(indices) > 1 else ''} {shown}{', …' if len(indices) > 5 else ''}"


def _check_same(what: str, values: list[str]) -> None:
    found = sorted({value for value in values if value})
    if len(found) > 1:
        raise BadInput(
            f"scans of different {what} cannot be merged: {', '.join(found)}",
            expected=f"one {what}",
        )


def _shares(weights: Sequence[float] | None, count: int) -> Array:
    if weights is None:
        return np.full(count, 1.0 / count)
    values = np.asarray(weights, dtype=float)
    if values.shape != (count,) or not np.all(np.isfinite(values)) or np.any(values < 0):
        raise BadInput(f"weights are {list(weights)}", expected=f"{count} numbers, none negative")
    if math.isclose(float(values.sum()), 0.0):
        raise BadInput("all weights are zero", expected="at least one above zero")
    return np.asarray(values / values.sum())


def common_energies(spectra: Sequence[Spectrum]) -> Array:
    low = max(float(s.energy[0]) for s in spectra)
    high = min(float(s.energy[-1]) for s in spectra)
    energy = spectra[0].energy
    energy = energy[(energy >= low) & (energy <= high)]
    if energy.size < FEWEST_POINTS:
        raise BadInput(
            f"the scans share {energy.size} points of the first ({low:g} to {high:g} eV)",
            expected="scans over the same edge",
        )
    return energy


def _mean_channel(
    channels: list[Array | None], spectra: Sequence[Spectrum], energy: Array, share: Array
) -> Array | None:
    scans = [
        np.interp(energy, s.energy, channel)
        for s, channel in zip(spectra, channels, strict=True)
        if channel is not None
    ]
    return np.asarray(share @ np.stack(scans)) if len(scans) == len(spectra) else None


def _report_outlying(scans: Array, names: list[str], messages: list[str]) -> None:
    if len(scans) < 3:
        return
    # A gain or an offset does not make a scan an outlier: each is first brought to the median.
    median = np.median(scans, axis=0)
    design = np.stack([median, np.ones_like(median)], axis=1)
    coefficients, *_ = np.linalg.lstsq(design, scans.T, rcond=None)
    distance = np.sqrt(np.mean((scans - (design @ coefficients).T) ** 2, axis=1))
    usual = float(np.median(distance))
    for index in np.flatnonzero(distance > OUTLYING * usual):
        note(
            messages,
            f"scan {index + 1} ({names[index] or 'no name'}) is {distance[index] / usual:.0f} "
            "times further from the median than the others; it is kept in the mean",
            stacklevel=5,
        )
