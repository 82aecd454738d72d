"""One window of a pattern with a group of lines on a smooth background: the objective of a fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xorder.diffraction.profiles import pseudo_voigt_derivatives
from xorder.diffraction.radiation import Radiation
from xorder.parameters import Parameters
from xorder.results import Array

__all__ = ["LineGroup"]


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class LineGroup:
    r"""Lines in a window: an Objective for `xorder.fitting.fit`.

    Each line belongs to a crystal, whose lines share one width; to a group of lines that move
    together by one shift; and to a cluster of lines too close to tell apart, whose areas keep their
    calculated ratio. All lines of the radiation share width and shape; Kα2 lies where Bragg's law
    puts it. η is one for the window.

    .. math:: y = b_0 + b_1 (x - x_0) + b_2 (x - x_0)^2 + \sum_c A_c \sum_{j \in c} r_j
              \sum_\lambda w_\lambda\, pV(x - t_{j\lambda};\ \Gamma, \eta)
    """

    two_theta: Array
    """Points of the window in degrees."""
    intensity: Array
    """Intensities."""
    sigma: Array
    """Standard uncertainties."""
    radiation: Radiation
    """Spectral lines."""
    target: int
    """Index of the line that the window is about."""
    positions: Array
    """Calculated angle of each line at the first wavelength, degrees, shape (lines,)."""
    crystals: NDArray[np.int64]
    """Crystal of each line, shape (lines,)."""
    clusters: NDArray[np.int64]
    """Cluster of each line, shape (lines,)."""
    together: NDArray[np.int64]
    """Shift of each line, shape (lines,)."""
    shares: Array
    """Share of each line in the area of its cluster, shape (lines,)."""
    parameters: Parameters
    """``b0 b1 b2 eta``, ``fwhm_c`` of each crystal, ``shift_g`` of each group of lines that move
    together and ``area_k`` of each cluster."""

    @property
    def n_independent(self) -> float:
        """Counts of different channels are independent: the number of points."""
        return float(len(self.two_theta))

    @property
    def middle(self) -> float:
        """Angle at which the background is b0."""
        return float(0.5 * (self.two_theta[0] + self.two_theta[-1]))

    def model(self, values: Mapping[str, float]) -> Array:
        """Return the calculated intensities, shape (points,)."""
        profiles = self._profiles(values)[0]
        areas = np.array([values[f"area_{k}"] for k in range(self._n_clusters)])
        return np.asarray(self.background(values) + profiles @ areas[self.clusters])

    def background(self, values: Mapping[str, float]) -> Array:
        """Return the background, shape (points,)."""
        x = self.two_theta - self.middle
        return np.asarray(values["b0"] + values["b1"] * x + values["b2"] * x**2)

    def residual(self, values: Mapping[str, float]) -> Array:
        """Return (data - model) / sigma, shape (points,)."""
        return np.asarray((self.intensity - self.model(values)) / self.sigma)

    def jacobian(self, values: Mapping[str, float], names: Sequence[str]) -> Array:
        """Return d residual / d parameter for `names`, shape (points, len(names))."""
        value, by_shift, by_fwhm, by_eta = self._profiles(values)
        areas = np.array([values[f"area_{k}"] for k in range(self._n_clusters)])[self.clusters]
        columns = {"b0": np.ones_like(self.two_theta), "b1": self.two_theta - self.middle}
        columns["b2"] = (self.two_theta - self.middle) ** 2
        columns["eta"] = by_eta @ areas
        for group in np.unique(self.together):
            own = self.together == group
            columns[f"shift_{group}"] = by_shift[:, own] @ areas[own]
        for crystal in np.unique(self.crystals):
            own = self.crystals == crystal
            columns[f"fwhm_{crystal}"] = by_fwhm[:, own] @ areas[own]
        for cluster in range(self._n_clusters):
            columns[f"area_{cluster}"] = value[:, self.clusters == cluster].sum(axis=1)
        zero = np.zeros_like(self.two_theta)
        table = np.stack([columns.get(name, zero) for name in names], axis=1)
        return np.asarray(-table / self.sigma[:, None])

    @property
    def _n_clusters(self) -> int:
        return int(self.clusters.max()) + 1

    def _profiles(self, values: Mapping[str, float]) -> tuple[Array, Array, Array, Array]:
        """Return each line's profile and its derivatives by shift, fwhm and η, (points, lines)."""
        shift = np.array([values[f"shift_{g}"] for g in self.together])
        fwhm = np.array([values[f"fwhm_{c}"] for c in self.crystals])[None, :, None]
        half = np.deg2rad(self.positions + shift) / 2.0
        ratio = np.array(self.radiation.wavelengths) / self.radiation.wavelength
        sine = np.minimum(np.sin(half)[:, None] * ratio, 1.0 - 1e-9)
        centre = np.rad2deg(2.0 * np.arcsin(sine))
        # d(2θ of line λ) / d(2θ of the first line), from Bragg's law.
        slope = ratio * np.cos(half)[:, None] / np.sqrt(1.0 - sine**2)
        weight = self.shares[:, None] * np.array(self.radiation.weights)
        offset = self.two_theta[:, None, None] - centre[None]
        value, by_offset, by_fwhm, by_eta = pseudo_voigt_derivatives(
            offset, fwhm=fwhm, eta=values["eta"]
        )
        return (
            np.einsum("pjl,jl->pj", value, weight),
            np.einsum("pjl,jl->pj", -by_offset, weight * slope),
            np.einsum("pjl,jl->pj", by_fwhm, weight),
            np.einsum("pjl,jl->pj", by_eta, weight),
        )
