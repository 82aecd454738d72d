"""The scans of one sample one by one, and merged as they came: numbers and noise of each."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from importlib import import_module
from typing import Any

import numpy as np

from xorder.counting import (
    Advice,
    Forecast,
    NoiseFall,
    Target,
    advise,
    forecast_noise,
    forecast_scans,
    noise_fall,
)
from xorder.errors import XorderError, XorderWarning
from xorder.results import Array, Number
from xorder.scan_readings import Reading, Scan, curve_of, name_of_noise, noise_names, noise_of

__all__ = ["Repeats", "ScanReader"]

#: Tables of each recipe that scans one by one do without, unless a target is among their numbers.
_LIGHT: Mapping[str, Mapping[str, Any]] = {
    "xas": {"fit": None, "bond_angles": None, "lcf": None, "near_edge": None,
            "phase_correction": ""},
    "diffraction": {"refine": None, "quantify": None, "size_strain": None},
    "pdf": {"structures": (), "amorphous": (), "peaks": None, "model": None, "joint": False},
}  # fmt: skip

#: Numbers that repeats must not change, in the order in which the first two found are watched.
_STEADY = {
    "xas": ("e0", "white_line_height", "first_shell_magnitude"),
    "diffraction": ("area", "fwhm", "two_theta"),
    "pdf": ("scale of G(r)",),
}

#: Merges of this many first scans are all looked at, of more those 1.25 times apart.
EVERY = 12
#: Default target of a plane's area and of G(r), relative.
RELATIVE = 0.01
#: More scans than this are not aligned on their reference foils for the page.
MOST_ALIGNED = 60


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Repeats:
    """The scans of one sample by one probe."""

    probe: str
    """The probe."""
    sample: str
    """Name of the sample."""
    simulated: bool
    """Whether the data were simulated."""
    scans: tuple[Scan, ...]
    """The files, in the order in which they were written."""
    singles: tuple[Reading, ...]
    """Each scan."""
    merges: tuple[Reading, ...]
    """Merges of the first scans; the last is that of all."""
    noise_name: str
    """What the noise is called."""
    target: Target | None
    """What counting is for."""
    values: Array
    """The target's number in each scan, or its noise, shape (N,)."""
    forecast: Forecast | None
    """Scans that the target needs."""
    fall: NoiseFall
    """How the noise falls."""
    advice: Advice
    """The answer."""
    minutes: float
    """Time of one scan; NaN where unknown."""
    messages: tuple[str, ...] = ()
    """What a user must know."""


class ScanReader:
    """Analyses scans one by one and merged; what has not changed is not analysed again."""

    def __init__(self) -> None:
        self._known: dict[Any, Reading] = {}

    def repeats(
        self,
        probe: str,
        scans: Sequence[Scan],
        recipe: Any,
        *,
        sample: str,
        simulated: bool,
        wanted: tuple[str, float | None, float | None] | None = None,
    ) -> Repeats:
        """Return what the scans of one sample say.

        Parameters
        ----------
        probe
            The probe.
        scans
            Whole files; one at least.
        recipe
            The probe's recipe.
        sample
            Name of the sample.
        simulated
            Whether the data were simulated.
        wanted
            Name of the target, its standard error and the same relative to the value, one of the
            two None; None takes the probe's default.

        Raises
        ------
        XorderError
            Where no scan can be analysed.
        """
        ordered = tuple(sorted(scans, key=lambda scan: (scan.stamp[2], str(scan.path))))
        light = replace(recipe, **_kept(recipe, _LIGHT[probe]))
        used = light
        if wanted is not None and wanted[0] not in noise_names(probe):
            first = self._read(probe, ordered[-1:], light, sample, simulated)
            used = light if wanted[0] in first.numbers else recipe
        firsts = [ordered[:n] for n in _counts(len(ordered))]
        singles = tuple(self._read(probe, [s], used, sample, simulated) for s in ordered)
        merges = tuple(self._read(probe, first, used, sample, simulated) for first in firsts)
        # What is not of these scans is not needed again: a watch may run for days.
        kept = {_key(probe, part, used, sample) for part in (*firsts, *([s] for s in ordered))}
        self._known = {key: item for key, item in self._known.items() if key in kept}
        return _summed_up(probe, sample, simulated, ordered, singles, merges, wanted)

    def _read(
        self, probe: str, scans: Sequence[Scan], recipe: Any, sample: str, simulated: bool
    ) -> Reading:
        key = _key(probe, scans, recipe, sample)
        if key not in self._known:
            analyse = import_module(f"xorder.{probe}.analysis").analyse
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", XorderWarning)
                found = analyse(
                    [scan.path for scan in scans], recipe, name=sample, simulated=simulated
                )
            self._known[key] = Reading(
                count=len(scans),
                noise=noise_of(probe, found),
                numbers={number.name: number for number in found.numbers},
                # The map of wavelets is large, and no page shows it.
                analysis=replace(found, wavelets=None) if probe == "xas" else found,
            )
        return self._known[key]


def _key(probe: str, scans: Sequence[Scan], recipe: Any, sample: str) -> Any:
    return probe, sample, repr(recipe), tuple((scan.path, scan.stamp) for scan in scans)


def _kept(recipe: Any, changes: Mapping[str, Any]) -> dict[str, Any]:
    names = {f.name for f in fields(recipe)}
    return {name: value for name, value in changes.items() if name in names}


def _counts(total: int) -> list[int]:
    """Return how many first scans are merged to see the noise fall: all, or evenly in log n."""
    counts, step = list(range(1, min(total, EVERY) + 1)), float(EVERY)
    while step * 1.25 < total:
        step *= 1.25
        counts.append(round(step))
    return sorted({*counts, total})


def _summed_up(
    probe: str,
    sample: str,
    simulated: bool,
    scans: tuple[Scan, ...],
    singles: tuple[Reading, ...],
    merges: tuple[Reading, ...],
    wanted: tuple[str, float | None, float | None] | None,
) -> Repeats:
    if probe == "pdf":
        singles, merges = _with_scatter(singles, merges)
    simulated = simulated or any(reading.analysis.simulated for reading in singles)
    noise_name = name_of_noise(probe, merges[-1].analysis)
    noises = np.array([reading.noise for reading in singles])
    fall = noise_fall(noises, merges[-1].noise)
    messages = list(_energy_drift(probe, singles))
    target = _stated(wanted, singles, merges, noise_name, messages) if wanted else None
    target = target or _default(probe, merges[-1], noise_name)
    minutes = _minutes(scans)
    values, forecast = noises, None
    if target is not None and target.name == noise_name:
        forecast = forecast_noise(fall, len(singles), merges[-1].noise, target.stderr)
    elif target is not None:
        values = _values(singles, target.name)
        forecast = forecast_scans(values, target.stderr)
    advice = advise(
        target, forecast, fall=fall, series=_watched(probe, singles, target), minutes=minutes
    )
    return Repeats(
        probe=probe,
        sample=sample,
        simulated=simulated,
        scans=scans,
        singles=singles,
        merges=merges,
        noise_name=noise_name,
        target=target,
        values=values,
        forecast=forecast,
        fall=fall,
        advice=advice,
        minutes=minutes,
        messages=tuple(messages),
    )


def _values(singles: Sequence[Reading], name: str) -> Array:
    return np.array([r.numbers[name].value if name in r.numbers else math.nan for r in singles])


def _with_scatter(
    singles: tuple[Reading, ...], merges: tuple[Reading, ...]
) -> tuple[tuple[Reading, ...], tuple[Reading, ...]]:
    """Return readings of G(r) with the noise that the scans' scatter tells, where there is one.

    G(r) holds nothing above Qmax, so one curve does not tell its own noise.
    """
    curves = [curve_of("pdf", reading.analysis)[1] for reading in singles]
    shape = curves[0].shape
    if len(curves) < 2 or any(curve.shape != shape for curve in curves):
        return singles, merges
    stack = np.stack(curves)
    mean = stack.mean(axis=0)
    rest = stack - mean
    single = np.sqrt(np.mean(rest**2, axis=1) * len(curves) / (len(curves) - 1))
    scale = stack @ mean / float(mean @ mean)
    singles = tuple(
        replace(
            reading,
            noise=float(noise),
            numbers={**reading.numbers, "scale of G(r)": Number(name="scale", value=float(one))},
        )
        for reading, noise, one in zip(singles, single, scale, strict=True)
    )
    merges = tuple(
        replace(m, noise=_mean_noise(stack[: m.count]) if m.count > 1 else singles[0].noise)
        for m in merges
    )
    return singles, merges


def _mean_noise(stack: Array) -> float:
    return math.sqrt(float(np.mean(stack.var(axis=0, ddof=1))) / stack.shape[0])


def _stated(
    wanted: tuple[str, float | None, float | None],
    singles: Sequence[Reading],
    merges: Sequence[Reading],
    noise_name: str,
    messages: list[str],
) -> Target | None:
    """Return the target of the manifest, or None with a message where there is no such number."""
    name, stderr, relative = wanted
    reason = "as the manifest states it"
    if name == noise_name:
        goal = stderr if stderr is not None else (relative or 0.0) * singles[0].noise
        return Target(name=name, stderr=goal, reason=reason)
    known = merges[-1].numbers
    if name not in known:
        names = ", ".join([*list(known)[:12], noise_name])
        messages.append(f"the target {name!r} is no number of this sample; there are {names}")
        return None
    if stderr is None:
        values = _values(singles, name)
        values = values[np.isfinite(values)]
        stderr = (relative or 0.0) * abs(float(values.mean())) if values.size else 0.0
        reason = f"{100 * (relative or 0.0):g} % of the value, {reason}"
    if not stderr > 0:
        messages.append(f"the target {name!r} has no value that an error could be relative to")
        return None
    return Target(name=name, stderr=stderr, unit=known[name].unit, reason=reason)


def _default(probe: str, merged: Reading, noise_name: str) -> Target | None:
    """Return what counting is for where nothing is stated."""
    if probe == "xas":
        spread = float(merged.analysis.normalized.white_line.height_stderr)
        if not (math.isfinite(spread) and spread > 0):
            return None
        return Target(
            name="white_line_height",
            stderr=spread,
            reason="the noise below the spread over reasonable normalization ranges, which no "
            "counting lowers; [watch] in the manifest states another",
        )
    if probe == "diffraction":
        areas = [n for n in merged.numbers.values() if n.name.startswith("area ")]
        largest = max(areas, key=lambda n: np.nan_to_num(n.value), default=None)
        if largest is None or not largest.value > 0:
            return None
        return Target(
            name=largest.name,
            stderr=RELATIVE * largest.value / merged.count,
            unit=largest.unit,
            reason=f"{100 * RELATIVE:g} % of the strongest tracked line of one scan; [watch] in "
            "the manifest states another",
        )
    size = math.sqrt(float(np.mean(curve_of(probe, merged.analysis)[1] ** 2)))
    return Target(
        name=noise_name,
        stderr=RELATIVE * size,
        unit="Å⁻²",
        reason=f"{100 * RELATIVE:g} % of the root mean square of G(r); [watch] in the manifest "
        "states another",
    )


def _watched(probe: str, singles: Sequence[Reading], target: Target | None) -> dict[str, Array]:
    """Return the numbers that repeats must not change."""
    names = list(singles[-1].numbers)
    chosen = [] if target is None or target.name not in names else [target.name]
    plane = chosen[0].partition(" ")[2] if chosen and probe == "diffraction" else ""
    for word in _STEADY[probe]:
        near = [n for n in names if n == word or (plane and n == f"{word} {plane}")]
        chosen += [n for n in near[:1] if n not in chosen]
    return {name: _values(singles, name) for name in chosen}


def _energy_drift(probe: str, singles: Sequence[Reading]) -> tuple[str, ...]:
    """Return what the reference foils of the scans say of the energy scale."""
    spectra = [reading.analysis.spectrum for reading in singles] if probe == "xas" else []
    if not 3 <= len(spectra) <= MOST_ALIGNED or any(s.mu_ref is None for s in spectra):
        return ()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", XorderWarning)
        try:
            found = import_module("xorder.xas.alignment").align(spectra, channel="reference")
        except XorderError as error:
            return (f"the reference foils could not be compared: {error}",)
    return tuple(found.messages)


def _minutes(scans: Sequence[Scan]) -> float:
    """Return the time of one scan in minutes, the median of the times between files."""
    steps = np.diff([scan.time for scan in scans])
    steps = steps[steps > 0]
    return float(np.median(steps)) / 60.0 if steps.size else math.nan
