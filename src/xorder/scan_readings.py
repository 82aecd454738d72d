"""One scan: its file, where its axis runs, its curve and its noise, whatever the probe."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from xorder.errors import XorderWarning
from xorder.results import Array, Number

__all__ = ["Reading", "Scan", "curve_of", "name_of_noise", "noise_names", "noise_of", "read_scan"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Scan:
    """A file that is whole."""

    path: Path
    """The file."""
    stamp: tuple[int, int, int]
    """What tells that it is the same: inode, size, time of change."""

    @property
    def time(self) -> float:
        """When it was written, s since 1970."""
        return self.stamp[2] / 1e9


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Reading:
    """What one scan, or the merge of the first scans, says."""

    count: int
    """Scans in it."""
    noise: float
    """Its noise: ε(k), σ/I or σ(G); NaN where unknown."""
    numbers: Mapping[str, Number]
    """Its numbers by name."""
    analysis: Any
    """The probe's data class."""


def read_scan(probe: str, path: Path, recipe: Any) -> tuple[float, float]:
    """Read one file alone; return where its axis begins and ends.

    Raises
    ------
    XorderError
        Where the probe's reader refuses it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", XorderWarning)
        if probe == "xas":
            x = import_module("xorder.xas.scans").spectrum_of_files([path], recipe).energy
        elif probe == "diffraction":
            read = import_module("xorder.diffraction.readers.opening").read
            options = import_module("xorder.diffraction.recipe_refinement")
            wavelength = recipe.wavelength or options.refinement_radiation(recipe)
            x = read(path, wavelength=wavelength, index=recipe.index).two_theta
        else:
            found = import_module("xorder.pdf.analysis_input").measured_sample([path], recipe, "")
            x = found.patterns[0].r
    return float(x[0]), float(x[-1])


def curve_of(probe: str, analysis: Any) -> tuple[Array, Array]:
    """Return the measured curve of an analysis: normalized μ, intensity or G(r)."""
    if probe == "xas":
        return analysis.normalized.energy, analysis.normalized.flat
    if probe == "diffraction":
        return analysis.pattern.two_theta, analysis.pattern.intensity
    return analysis.measured.r, analysis.measured.gr


def noise_names(probe: str) -> tuple[str, ...]:
    """Return what the noise of a probe may be called."""
    return {
        "xas": ("epsilon_k", "noise_norm"),
        "diffraction": ("noise_to_signal",),
        "pdf": ("noise_gr",),
    }[probe]


def name_of_noise(probe: str, analysis: Any) -> str:
    """Return what the noise of an analysis is called."""
    near_edge = probe == "xas" and analysis.exafs is None
    return noise_names(probe)[1 if near_edge else 0]


def noise_of(probe: str, found: Any) -> float:
    """Return the noise that a spectrum or pattern tells of itself."""
    if probe == "xas":
        if found.exafs is not None:
            return float(found.exafs.epsilon_k)
        x, y = curve_of(probe, found)
        before = x < found.normalized.e0 - 10.0
        noise = import_module("xorder.xas.xanes").point_noise
        return float(noise(x[before], y[before])) if np.count_nonzero(before) > 6 else math.nan
    if probe == "diffraction":
        signal = float(np.mean(found.pattern.intensity))
        rms = math.sqrt(float(np.mean(found.pattern.sigma**2)))
        return rms / signal if signal > 0 else math.nan
    stderr = found.measured.stderr
    return math.sqrt(float(np.mean(stderr**2))) if stderr is not None else math.nan
