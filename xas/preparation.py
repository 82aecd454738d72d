"""A scan made ready: cut to a range, freed of glitches, rebinned; its noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from xorder.errors import BadInput
from xorder.results import Array, Number, recorded
from xorder.xas.edge_energy import find_e0
from xorder.xas.photoelectron import HBAR2_OVER_2M
from xorder.xas.spectrum import FEWEST_POINTS, Spectrum, note

__all__ = ["deglitch", "estimate_noise", "rebin", "truncate"]

#: Points to either side that predict a point.
NEIGHBOURS = 3

#: Points to either side among which a deviation must stand out.
COMPARED = 25

#: Around e0 (eV) the spectrum bends too sharply for a glitch to be told from the edge.
NEAR_EDGE = (-20.0, 50.0)

#: No deviation below this share of the spectrum's range counts as scatter.
FAINT = 3e-4

_CHANNELS = ("energy", "mu", "stderr", "i0", "mu_ref")


@recorded
def truncate(
    spectrum: Spectrum, *, low: float | None = None, high: float | None = None
) -> Spectrum:
    """Return the part of a spectrum between two energies in eV; None keeps that end.

    Raises
    ------
    BadInput
        Energies the wrong way round, or too few points between them.
    """
    start = float(spectrum.energy[0]) if low is None else float(low)
    end = float(spectrum.energy[-1]) if high is None else float(high)
    kept = (spectrum.energy >= start) & (spectrum.energy <= end)
    count = int(np.count_nonzero(kept))
    if not start < end or count < FEWEST_POINTS:
        raise BadInput(
            f"{count} points lie between {start:g} and {end:g} eV",
            expected=f"at least {FEWEST_POINTS} of the data's "
            f"{spectrum.energy[0]:.1f} to {spectrum.energy[-1]:.1f} eV",
            source=spectrum.source or None,
        )
    message = f"cut to {start:.1f} to {end:.1f} eV: {count} of {kept.size} points"
    return replace(_part(spectrum, kept), messages=(*spectrum.messages, message))


@recorded
def deglitch(
    spectrum: Spectrum,
    *,
    threshold: float = 8.0,
    e0: float | None = None,
    ranges: Sequence[tuple[float, float]] = (),
) -> Spectrum:
    """Return the spectrum without glitches; every removed point is listed in the messages.

    A point is a glitch where it lies further from the parabola through its neighbours (three to
    either side, itself left out) than `threshold` times the robust scatter of such distances
    around it. From 20 eV below to 50 eV above e0 no point is removed, for the edge bends as
    sharply. Points are removed, never replaced.

    Parameters
    ----------
    spectrum
        A spectrum.
    threshold
        Distance in standard deviations, 4 or more.
    e0
        Edge energy in eV; None looks for it.
    ranges
        Energies in eV between which every point is removed, beside what is found.

    Raises
    ------
    BadInput
        A threshold below 4, a range the wrong way round, or too few points left.
    """
    if not (math.isfinite(threshold) and threshold >= 4):
        raise BadInput(f"threshold is {threshold:g}", expected="4 or more standard deviations")
    energy = spectrum.energy
    for low, high in ranges:
        if not low < high:
            raise BadInput(f"ranges has ({low:g}, {high:g})", expected="two ascending energies")
    e0 = find_e0(spectrum)[0] if e0 is None else float(e0)
    away = (energy < e0 + NEAR_EDGE[0]) | (energy > e0 + NEAR_EDGE[1])
    bad = np.zeros(energy.size, dtype=bool)
    for low, high in ranges:
        bad |= (energy >= low) & (energy <= high)
    chosen = bad.copy()
    # A glitch spoils what its neighbours are compared with: the worst point goes first.
    for _ in range(energy.size // 10):
        kept = np.flatnonzero(~bad)
        distance = np.where(away[kept], _distances(energy[kept], spectrum.mu[kept]), 0.0)
        worst = int(np.argmax(np.abs(distance)))
        if not abs(distance[worst]) > threshold:
            break
        bad[kept[worst]] = True
    messages = list(spectrum.messages)
    found = [
        f"{energy[i]:.2f} eV (point {i + 1}{', in a given range' if chosen[i] else ''})"
        for i in np.flatnonzero(bad)
    ]
    if found:
        note(messages, f"{len(found)} points were removed as glitches: {', '.join(found)}")
    if np.count_nonzero(~bad) < FEWEST_POINTS:
        raise BadInput(f"{np.count_nonzero(~bad)} points would be left", expected="smaller ranges")
    return replace(_part(spectrum, ~bad), messages=tuple(messages))


@recorded
def rebin(
    spectrum: Spectrum,
    *,
    e0: float | None = None,
    pre_edge_step: float = 5.0,
    edge_step: float = 0.25,
    k_step: float = 0.05,
    edge_range: tuple[float, float] = (-20.0, 40.0),
) -> Spectrum:
    """Return the spectrum on steps that suit it, each the mean of the points around it.

    Steps are even in energy before and over the edge and even in k above. A step that no point
    falls into is left out: nothing is interpolated. The standard error of a mean follows the
    points' scatter about the spectrum's local line.

    Parameters
    ----------
    spectrum
        A finely measured spectrum.
    e0
        Edge energy in eV; None looks for it.
    pre_edge_step, edge_step
        Steps in eV below and within `edge_range`.
    k_step
        Step in Å⁻¹ above it.
    edge_range
        Range of the fine steps, in eV from e0.

    Raises
    ------
    BadInput
        Steps that are not positive, a range the wrong way round, or too few steps with points.
    """
    for name, value in (
        ("pre_edge_step", pre_edge_step),
        ("edge_step", edge_step),
        ("k_step", k_step),
    ):
        if not (math.isfinite(value) and value > 0):
            raise BadInput(f"{name} is {value:g}", expected="above 0")
    if not edge_range[0] < 0 < edge_range[1]:
        raise BadInput(f"edge_range is {edge_range}", expected="one end below and one above 0")
    e0 = find_e0(spectrum)[0] if e0 is None else float(e0)
    x = spectrum.energy - e0
    centres = _centres(x, pre_edge_step, edge_step, k_step, edge_range)
    borders = 0.5 * (centres[1:] + centres[:-1])
    index = np.searchsorted(borders, x)
    counts = np.bincount(index, minlength=centres.size)
    filled = counts > 0
    if np.count_nonzero(filled) < FEWEST_POINTS:
        raise BadInput(
            f"{np.count_nonzero(filled)} steps hold points",
            expected=f"at least {FEWEST_POINTS}; finer steps",
            source=spectrum.source or None,
        )

    def means(values: Array) -> Array:
        sums = np.bincount(index, weights=values, minlength=centres.size)
        return np.asarray(sums[filled] / counts[filled])

    scatter = _scatter(spectrum)
    columns: dict[str, Any] = {
        name: means(values)
        for name, values in _columns(spectrum).items()
        if name not in ("stderr",)
    }
    variance = np.full(x.size, scatter**2) if spectrum.stderr is None else spectrum.stderr**2
    columns["stderr"] = np.sqrt(means(variance) / counts[filled])
    message = f"rebinned from {x.size} to {np.count_nonzero(filled)} points"
    return replace(spectrum, **columns, messages=(*spectrum.messages, message))


def estimate_noise(
    spectrum: Spectrum, *, energy_range: tuple[float, float] | None = None
) -> Number:
    """Return the standard deviation of a point of μ, from its distance to its neighbours' parabola.

    Smooth structure does not count; noise that repeats over neighbouring points does not either.

    Parameters
    ----------
    spectrum
        A spectrum.
    energy_range
        Energies in eV between which to look; the whole spectrum where None.

    Raises
    ------
    BadInput
        Too few points in the range.
    """
    part = spectrum
    if energy_range is not None:
        part = truncate(spectrum, low=energy_range[0], high=energy_range[1])
    value = _scatter(part)
    return Number(
        name="noise",
        value=value,
        stderr=value * 0.83 / math.sqrt(part.energy.size / 2.0),
        note="robust scatter of single points about their neighbours; in the scale of mu",
    )


def _columns(spectrum: Spectrum) -> dict[str, Array]:
    found = {name: getattr(spectrum, name) for name in _CHANNELS}
    return {name: values for name, values in found.items() if values is not None}


def _part(spectrum: Spectrum, kept: Any) -> Spectrum:
    return replace(spectrum, **{name: v[kept] for name, v in _columns(spectrum).items()})


def _residuals(energy: Array, mu: Array) -> Array:
    """Return the distance of each point from its neighbours' parabola, for unit noise of a point.

    Ends take the nearest whole set of neighbours.
    """
    width = 2 * NEIGHBOURS + 1
    start = np.clip(np.arange(energy.size) - NEIGHBOURS, 0, energy.size - width)
    around = start[:, None] + np.arange(width)
    x = energy[around] - energy[:, None]
    x = x / np.max(np.abs(x), axis=1, keepdims=True)
    weight = (around != np.arange(energy.size)[:, None]).astype(float)
    powers = x[:, None, :] ** np.arange(3)[:, None]
    moments = (powers * weight[:, None, :]) @ np.swapaxes(powers, 1, 2)
    at_zero = np.linalg.solve(moments, np.broadcast_to([[1.0], [0.0], [0.0]], (x.shape[0], 3, 1)))
    share = weight * (np.swapaxes(powers, 1, 2) @ at_zero)[:, :, 0]
    predicted = np.sum(share * mu[around], axis=1)
    return np.asarray((mu - predicted) / np.sqrt(1.0 + np.sum(share**2, axis=1)))


def _distances(energy: Array, mu: Array) -> Array:
    """Return the residuals in units of the robust scatter around each point."""
    residual = _residuals(energy, mu)
    width = min(2 * COMPARED + 1, residual.size)
    windows = np.lib.stride_tricks.sliding_window_view(np.abs(residual), width)
    centre = np.clip(np.arange(residual.size) - width // 2, 0, windows.shape[0] - 1)
    scale = 1.4826 * np.median(windows, axis=1)[centre]
    floor = FAINT * float(np.ptp(mu))
    return np.asarray(residual / np.maximum(scale, floor))


def _scatter(spectrum: Spectrum) -> float:
    return float(1.4826 * np.median(np.abs(_residuals(spectrum.energy, spectrum.mu))))


def _centres(
    x: Array, pre_edge_step: float, edge_step: float, k_step: float, edge: tuple[float, float]
) -> Array:
    """Return the middles of the steps in eV from e0."""
    before = np.arange(edge[0], x[0] - pre_edge_step, -pre_edge_step)[:0:-1]
    over = np.arange(edge[0], edge[1], edge_step)
    first = math.sqrt(edge[1] / HBAR2_OVER_2M)
    last = math.sqrt(max(float(x[-1]), edge[1]) / HBAR2_OVER_2M)
    above = HBAR2_OVER_2M * np.arange(first, last + k_step, k_step) ** 2
    return np.concatenate([before, over, above])
