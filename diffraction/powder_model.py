"""One crystal as a phase of a whole-pattern model: its lines and their derivatives.

What varies slowly with the cell (form factors, displacements, Lorentz-polarization, widths) is
taken at the cell the list of lines was made for; the list is made anew when the cell has moved.
Positions follow the cell itself. So every derivative is exact and each parameter acts on one of
three things of a line: its centre, its shape, or its area.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from xorder.diffraction.anisotropy import DirectionalWidth, Kind
from xorder.diffraction.axial_divergence import AxialParts, axial_parts, noticeable
from xorder.diffraction.profiles import tch_from_widths
from xorder.diffraction.radiation import Radiation, lorentz_polarization
from xorder.diffraction.reflections import Reflections, calculate_reflections
from xorder.diffraction.structure_intensities import MarchDollase, Rows, StructureFactors
from xorder.diffraction.symmetry_constraints import (
    SiteFreedom,
    identifier,
    mixed_site_ties,
    site_freedom,
)
from xorder.errors import BadInput
from xorder.freedom import CellFreedom, cell_freedom
from xorder.results import Array
from xorder.structure import Crystal

__all__ = ["Lines", "PhaseModel", "Shapes", "refined_crystal"]

#: Scherrer's K for the FWHM of isotropic domains, as in `fwhm_from_size`.
SHAPE_FACTOR = 0.9
#: Names of the parameters that widen lines, in the order of their rows.
SHAPE_NAMES = ("u", "v", "w", "x", "y", "inverse_size", "strain")
#: Widths are kept above this (degrees), so that a step to no width is a bad step only.
NARROWEST = 1e-3
#: A refined axial divergence can grow by this factor before lines are laid out anew.
MOST_ASYMMETRY = 1.5
#: Displacement in Å² of sites without one.
DEFAULT_UISO = 0.01


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Lines:
    """Centres or areas of all lines, and their derivatives by name, one entry a line."""

    value: Array
    slopes: Rows


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Shapes:
    """FWHM and mixing of all lines, and their derivatives by name."""

    fwhm: Array
    eta: Array
    fwhm_slopes: Rows
    eta_slopes: Rows


class PhaseModel:
    """A crystal's lines in a range, ready to be computed many times.

    Parameters are given by their local names: free cell lengths and angles, ``x_O1``, ``uiso_O1``
    (or of an element), ``occupancy_Na1``, ``scale``, ``inverse_size``, ``strain``, ``march`` and
    those of the instrument.
    """

    def __init__(
        self,
        crystal: Crystal,
        *,
        radiation: Radiation,
        two_theta: tuple[float, float],
        uiso: str = "",
        occupancies: Sequence[str] = (),
        plane: tuple[int, int, int] | None = None,
        extracted: bool = False,
        asymmetry: float = 0.0,
        refine_asymmetry: bool = False,
        anisotropic: Sequence[Kind] = (),
    ) -> None:
        self.crystal = crystal
        self.radiation = radiation
        self.cell: CellFreedom = cell_freedom(crystal)
        self.positions: tuple[SiteFreedom, ...] = () if extracted else site_freedom(crystal)
        self.displacements = _displacement_groups(crystal, uiso)
        self.occupancies = {
            f"occupancy_{identifier(label)}": _site_index(crystal, label) for label in occupancies
        }
        filled = _with_uiso(crystal, isotropic=bool(uiso))
        self.found: Reflections = calculate_reflections(
            filled, wavelength=radiation, two_theta=two_theta
        )
        self.hkl = self.found.hkl.astype(float)
        self._set_lines(asymmetry, MOST_ASYMMETRY * asymmetry if refine_asymmetry else asymmetry)
        self.directional = {
            kind: DirectionalWidth(crystal, self.hkl, self.found.d, kind) for kind in anisotropic
        }
        self.factors = StructureFactors(
            filled, self.found, self.positions, self.displacements, self.occupancies
        )
        lp = lorentz_polarization(self.found.two_theta, polarization=radiation.polarization)
        self.weight = self.found.multiplicity * lp
        self.march = None if plane is None else MarchDollase(crystal, self.found, plane)
        # Intensities that are extracted from data start as those of the structure.
        self.strengths: Array | None = self.weight * self.found.f_squared if extracted else None
        march = () if plane is None else ("march",)
        directions = [name for width in self.directional.values() for name in width.names]
        self.local_names = (
            "scale", "inverse_size", "strain", *self.start(), *march, *directions,
        )  # fmt: skip

    def _set_lines(self, asymmetry: float, reach: float) -> None:
        """Lay out one line a reflection and wavelength; lines that cannot reach are left out.

        Lines that an axial divergence of `reach` makes asymmetric are laid out as several beside
        one another.
        """
        wavelengths = np.array(self.radiation.wavelengths)
        sine = wavelengths[None, :] / (2.0 * self.found.d[:, None])
        reached = sine < 1.0
        reflection, spectral = np.nonzero(reached)
        theta = np.arcsin(sine[reached])
        self._angles, self._asymmetry = np.rad2deg(2.0 * theta), asymmetry
        self._split = noticeable(self._angles, reach)
        self._parts = axial_parts(self._angles, asymmetry, split=self._split)
        part = self._parts.line
        self.reflection: NDArray[np.int64] = reflection[part]
        self.wavelength = wavelengths[spectral][part]
        self._spectral = np.array(self.radiation.weights)[spectral][part]
        self.tangent, self.cosine = np.tan(theta[part]), np.cos(theta[part])

    def _axial(self, values: Mapping[str, float]) -> AxialParts:
        ratio = values.get("asymmetry", self._asymmetry)
        if ratio == self._asymmetry:
            return self._parts
        return axial_parts(self._angles, ratio, split=self._split)

    def start(self) -> dict[str, float]:
        """Return the values of the structure for its free parameters."""
        cell = dict(zip(("a", "b", "c", "alpha", "beta", "gamma"), self.cell.start, strict=True))
        values = {name: float(cell[name]) for name in self.cell.names}
        values |= {freedom.name: freedom.start for freedom in self.positions}
        uiso = _equivalent_uiso(self.crystal)
        for name, members in self.displacements.items():
            values[name] = float(np.mean(uiso[members]))
        for name, index in self.occupancies.items():
            values[name] = float(self.crystal.sites[index].occupancy)
        return values

    def ties(self) -> dict[str, str]:
        """Return what holds a mixed position together, as expressions in local names.

        Atoms on one position share coordinates and displacement; where the occupancies of all are
        refined their sum stays what it was.
        """
        return mixed_site_ties(self.crystal, self.positions, self.displacements, self.occupancies)

    def centres(self, values: Mapping[str, float]) -> Lines:
        r"""Return the position of every line in degrees.

        .. math:: 2\theta = 2\arcsin(\lambda g/2) + z - \frac{2s}{R}\cos\theta,
                  \quad g^2 = h^T G^* h

        with zero shift :math:`z` and displacement :math:`s/R` of the sample from the axis.
        """
        metric, slopes = self.cell.reciprocal_metric(values)
        g = np.sqrt(np.einsum("ni,ij,nj->n", self.hkl, metric, self.hkl))[self.reflection]
        sine = np.minimum(0.5 * self.wavelength * g, 1.0 - 1e-9)
        theta = np.arcsin(sine)
        cosine = np.cos(theta)
        shift = 2.0 * values.get("displacement", 0.0) / values.get("radius", 1.0)
        parts = self._axial(values)
        rise = np.rad2deg(2.0 + shift * sine) * 0.5 * self.wavelength / cosine
        by_metric = {
            name: rise
            * (np.einsum("ni,ij,nj->n", self.hkl, slope, self.hkl)[self.reflection] / (2.0 * g))
            for name, slope in slopes.items()
        }
        return Lines(
            value=np.rad2deg(2.0 * theta - shift * cosine)
            + values.get("zero_shift", 0.0)
            + parts.offset,
            slopes=by_metric
            | {
                "zero_shift": np.ones_like(theta),
                "displacement": np.rad2deg(-2.0 * cosine / values.get("radius", 1.0)),
                "asymmetry": parts.offset_slope,
            },
        )

    def shapes(self, values: Mapping[str, float]) -> Shapes:
        """Return FWHM and mixing of every line: instrument, size and strain by TCH."""
        u, v, w, x, y, inverse_size, strain = (values[name] for name in SHAPE_NAMES)
        tangent, cosine = self.tangent, self.cosine
        scherrer = np.rad2deg(SHAPE_FACTOR * self.wavelength / cosine)
        squared = u * tangent**2 + v * tangent + w
        gauss = np.sqrt(np.maximum(squared, NARROWEST**2))
        strained = np.rad2deg(4.0 * tangent)
        lorentz = x * tangent + y / cosine + inverse_size * scherrer + strain * strained
        by_direction: Rows = {}
        for kind, rise in (("inverse_size", scherrer), ("strain", strained)):
            if kind in self.directional:
                width, slopes = self.directional[kind].width(values)
                lorentz = lorentz + width[self.reflection] * rise
                by_direction |= {n: s[self.reflection] * rise for n, s in slopes.items()}
        lorentz = np.maximum(lorentz, 0.0)
        fwhm, eta = tch_from_widths(gauss, lorentz)
        by_gauss, by_lorentz, eta_by_gauss, eta_by_lorentz = _tch_slopes(gauss, lorentz, fwhm)
        real = squared > NARROWEST**2
        gauss_rows = {
            "u": real * tangent**2 / (2.0 * gauss),
            "v": real * tangent / (2.0 * gauss),
            "w": real / (2.0 * gauss),
        }
        lorentz_rows = {
            "x": tangent,
            "y": 1.0 / cosine,
            "inverse_size": scherrer,
            "strain": strained,
        } | by_direction
        return Shapes(
            fwhm=fwhm,
            eta=eta,
            fwhm_slopes={n: by_gauss * r for n, r in gauss_rows.items()}
            | {n: by_lorentz * r for n, r in lorentz_rows.items()},
            eta_slopes={n: eta_by_gauss * r for n, r in gauss_rows.items()}
            | {n: eta_by_lorentz * r for n, r in lorentz_rows.items()},
        )

    def areas(self, values: Mapping[str, float], names: Sequence[str]) -> Lines:
        """Return the area of every line in counts times degrees; derivatives for `names` only."""
        parts = self._axial(values)
        if self.strengths is not None:
            return self._lines(self.strengths, {}, values["scale"], parts)
        f_squared, slopes = self.factors.squared(values, names)
        if self.march is not None:
            factor, by_march = self.march.factor(values["march"])
            slopes = {name: slope * factor for name, slope in slopes.items()}
            slopes["march"] = f_squared * by_march
            f_squared = f_squared * factor
        wanted = {n: self.weight * s for n, s in slopes.items() if n in names}
        return self._lines(self.weight * f_squared, wanted, values["scale"], parts)

    def _lines(self, strengths: Array, slopes: Rows, scale: float, parts: AxialParts) -> Lines:
        """Return areas of lines from the strength of each reflection."""
        share = self._spectral * parts.weight
        unscaled = np.asarray(strengths[self.reflection])
        rows = {name: scale * slope[self.reflection] * share for name, slope in slopes.items()}
        rows["scale"] = unscaled * share
        rows["asymmetry"] = scale * unscaled * self._spectral * parts.weight_slope
        return Lines(value=scale * unscaled * share, slopes=rows)


def refined_crystal(model: PhaseModel, values: Mapping[str, float]) -> Crystal:
    """Return the crystal with cell, positions, displacements and occupancies of `values`."""
    shifts = np.zeros((len(model.crystal.sites), 3))
    for freedom in model.positions:
        change = values.get(freedom.name, freedom.start) - freedom.start
        shifts[freedom.site] += freedom.direction * change
    sites = list(model.crystal.sites)
    for index, site in enumerate(sites):
        if shifts[index].any():
            sites[index] = replace(site, xyz=site.xyz + shifts[index])
    for name, members in model.displacements.items():
        for index in members:
            sites[index] = replace(sites[index], uiso=values[name], uij=None)
    for name, index in model.occupancies.items():
        sites[index] = replace(sites[index], occupancy=values[name])
    return replace(model.crystal, cell=model.cell.cell(values), sites=tuple(sites), provenance=None)


def _tch_slopes(gauss: Array, lorentz: Array, fwhm: Array) -> tuple[Array, Array, Array, Array]:
    """Return dΓ/dG, dΓ/dL, dη/dG and dη/dL of the Thompson–Cox–Hastings pseudo-Voigt."""
    g, el = gauss, lorentz
    by_g = 5 * g**4 + 4 * 2.69269 * g**3 * el + 3 * 2.42843 * g**2 * el**2
    by_g += 2 * 4.47163 * g * el**3 + 0.07842 * el**4
    by_l = 2.69269 * g**4 + 2 * 2.42843 * g**3 * el + 3 * 4.47163 * g**2 * el**2
    by_l += 4 * 0.07842 * g * el**3 + 5 * el**4
    fwhm_g, fwhm_l = by_g / (5.0 * fwhm**4), by_l / (5.0 * fwhm**4)
    ratio = el / fwhm
    by_ratio = 1.36603 - 2 * 0.47719 * ratio + 3 * 0.11116 * ratio**2
    return fwhm_g, fwhm_l, -by_ratio * ratio * fwhm_g / fwhm, by_ratio * (1 - ratio * fwhm_l) / fwhm


def _equivalent_uiso(crystal: Crystal) -> Array:
    """Return the isotropic displacement of each site; a usual one where there is none."""
    found = [site.uiso for site in crystal.sites]
    for index, site in enumerate(crystal.sites):
        if not math.isfinite(site.uiso) and site.uij is not None:
            found[index] = float(np.trace(site.uij)) / 3.0
    return np.array([u if math.isfinite(u) else DEFAULT_UISO for u in found])


def _with_uiso(crystal: Crystal, *, isotropic: bool) -> Crystal:
    uiso = _equivalent_uiso(crystal)
    sites = tuple(
        replace(site, uiso=float(u), uij=None if isotropic else site.uij)
        for site, u in zip(crystal.sites, uiso, strict=True)
    )
    return replace(crystal, sites=sites, provenance=None)


def _displacement_groups(crystal: Crystal, uiso: str) -> dict[str, list[int]]:
    groups: dict[str, list[int]] = {}
    for index, site in enumerate(crystal.sites):
        if uiso == "site":
            groups.setdefault(f"uiso_{identifier(site.label)}", []).append(index)
        elif uiso == "element":
            groups.setdefault(f"uiso_{site.element}", []).append(index)
        elif uiso == "phase":
            groups.setdefault("uiso", []).append(index)
    return groups


def _site_index(crystal: Crystal, label: str) -> int:
    labels = [site.label for site in crystal.sites]
    if label not in labels:
        raise BadInput(
            f"{crystal.name} has no site {label!r}", expected="one of " + ", ".join(labels)
        )
    return labels.index(label)
