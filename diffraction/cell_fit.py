"""The cell from the positions of tracked lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xorder.diffraction.pattern import two_theta_from_d
from xorder.errors import BadInput
from xorder.fitting import FitResult, Parameter, Parameters, fit, numeric_jacobian
from xorder.freedom import CellFreedom, cell_freedom
from xorder.results import Array, Result, quantity, recorded
from xorder.structure import Crystal, lattice_from_cell

if TYPE_CHECKING:
    from xorder.diffraction.peak_tracking import PeakTable

__all__ = ["CellFit", "fit_cell", "lines_needed"]

#: No line's position is trusted better than this (degrees): axial asymmetry and the shape of the
#: Kα doublet move a centroid that much.
TRUST = 0.002


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class CellFit(Result):
    """A cell and the sample's height from line positions."""

    fit: FitResult
    """The fit: free cell parameters (Å, °) and ``height_shift`` (°)."""
    plane: NDArray[np.str_] = quantity(dims=("plane",))
    """Planes used."""
    two_theta: Array = quantity("°", symbol="2θ", dims=("plane",))
    """Measured positions."""
    residual: Array = quantity("°", dims=("plane",))
    """Measured minus fitted position."""
    cell: Array = field(repr=False)
    """All six cell parameters, Å and °, shape (6,)."""


@dataclass(frozen=True, slots=True)
class _Lines:
    """Objective: positions of lines as functions of cell and height."""

    hkl: Array
    two_theta: Array
    sigma: Array
    wavelength: float
    freedom: CellFreedom
    crystal: Crystal

    @property
    def parameters(self) -> Parameters:
        """Free cell parameters and the height."""
        cell = [
            Parameter(
                name=name,
                value=self.freedom.value(name),
                min=0.9 * self.freedom.value(name),
                max=1.1 * self.freedom.value(name),
                unit="Å" if name in "abc" else "°",
            )
            for name in self.freedom.names
        ]
        return Parameters([*cell, Parameter(name="height_shift", value=0.0, unit="°")])

    @property
    def n_independent(self) -> float:
        """One for each line."""
        return float(len(self.two_theta))

    def calculated(self, values: Mapping[str, float]) -> Array:
        """Return the positions in degrees."""
        lattice = lattice_from_cell(self.freedom.cell(values))
        d = 1.0 / np.linalg.norm(self.hkl @ np.linalg.inv(lattice).T, axis=1)
        angle = two_theta_from_d(d, wavelength=self.wavelength)
        # A sample off the axis of the goniometer by s shifts lines by -2 s cos θ / R.
        return np.asarray(angle + values["height_shift"] * np.cos(np.deg2rad(angle) / 2.0))

    def residual(self, values: Mapping[str, float]) -> Array:
        """Return (measured - calculated) / sigma."""
        return (self.two_theta - self.calculated(values)) / self.sigma

    def jacobian(self, values: Mapping[str, float], names: Sequence[str]) -> Array:
        """Return the derivatives by differences: a dozen lines cost nothing."""
        return numeric_jacobian(self, values, names)


def lines_needed(crystal: Crystal) -> int:
    """Return how many lines a cell fit needs: its variables and two to judge them by."""
    return len(cell_freedom(crystal).names) + 3


@recorded
def fit_cell(peaks: PeakTable, crystal: Crystal, *, wavelength: float) -> CellFit:
    r"""Fit the free cell parameters and the height of the sample to tracked positions.

    .. math:: 2\theta_{obs} = 2\theta(a, b, c, \alpha, \beta, \gamma) + \delta \cos\theta

    where the height term is that of Bragg–Brentano geometry (Wilson, Mathematical Theory of X-ray
    Powder Diffractometry (1963), ch. 2). Planes that are lost or not separable are left out; those
    that coincide by symmetry count once.

    Parameters
    ----------
    peaks
        Tracked planes of one sample.
    crystal
        The structure: its operations say which cell parameters are free.
    wavelength
        First line of the radiation, Å.

    Raises
    ------
    BadInput
        Where fewer lines are left than `lines_needed`.
    """
    used = np.flatnonzero(peaks.success & ~peaks.overlapped & np.isfinite(peaks.two_theta_stderr))
    # Planes that coincide by symmetry, such as (2 1 1) and (1 2 1), are one measured position.
    _, first = np.unique(np.round(peaks.two_theta_calculated[used], 5), return_index=True)
    used = used[np.sort(first)]
    needed = lines_needed(crystal)
    if len(used) < needed:
        raise BadInput(
            f"{len(used)} separate lines for the cell of {crystal.name}",
            expected=f"{needed} or more",
        )
    lines = _Lines(
        hkl=np.array([[int(i) for i in plane.split()] for plane in peaks.plane[used].tolist()]),
        two_theta=peaks.two_theta[used],
        sigma=np.hypot(peaks.two_theta_stderr[used], TRUST),
        wavelength=wavelength,
        freedom=cell_freedom(crystal),
        crystal=crystal,
    )
    found = fit(lines)
    values = found.parameters.valuesdict()
    return CellFit(
        fit=found,
        plane=peaks.plane[used],
        two_theta=lines.two_theta,
        residual=lines.two_theta - lines.calculated(values),
        cell=lines.freedom.cell(values),
    )
