"""Intensities of lines as parameters of the least squares, with standard errors.

Pawley, J. Appl. Cryst. 14, 357 (1981). The intensities are linear in the model, so each evaluation
solves for them and the fit sees what they cannot explain (Golub & Pereyra, SIAM J. Numer. Anal. 10,
413 (1973), with the Jacobian of Kaufman, BIT 15, 49 (1975)): the covariance of cell and widths then
counts that the intensities are free.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from xorder.diffraction.powder_model import PhaseModel
from xorder.diffraction.refinement_objective import PatternObjective, line_windows
from xorder.fitting import FitResult
from xorder.parameters import Parameters, Space
from xorder.results import Array, Result, quantity

__all__ = ["LineIntensities", "PawleyObjective", "with_intensities_counted"]

#: Lines within this share of the FWHM are one intensity: their sum is all that data tell.
SPAN = 0.1
#: Lines this many FWHM beyond the ends reach in, and would be taken for their neighbours inside.
REACH = 5.0
#: Added to the scaled normal matrix, so that sums which data hardly tell stay solvable.
RIDGE = 1e-10
#: An intensity this many standard errors below zero is no noise.
NEGATIVE = 3.0


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class LineIntensities(Result):
    """Refined intensities of one phase; a group of lines too near each other has one.

    Intensities are not forced above zero: noise around nothing is as often below as above it, and
    forcing would make weak lines too strong.
    """

    group: NDArray[np.int64] = quantity(dims=("reflection",))
    """Group of each reflection; -1 outside the range, where nothing is refined."""
    h: NDArray[np.int64] = quantity(dims=("reflection",))
    """Miller index h."""
    k: NDArray[np.int64] = quantity(dims=("reflection",))
    """Miller index k."""
    l: NDArray[np.int64] = quantity(dims=("reflection",))  # noqa: E741
    """Miller index l."""
    intensity: Array = quantity("counts °", symbol="I", dims=("group",))
    """Integrated intensity of each group over all lines of the radiation."""
    stderr: Array = quantity("counts °", dims=("group",))
    """Standard error of `intensity`."""
    covar: Array = quantity()
    """Covariance of `intensity`, shape (groups, groups); cell and widths counted."""

    @property
    def negative(self) -> int:
        """Number of groups more than three standard errors below zero."""
        return int(np.count_nonzero(self.intensity < -NEGATIVE * self.stderr))


@dataclass(frozen=True, eq=False, slots=True)
class _Groups:
    """The intensities of one phase: group of each reflection, and its share in the group."""

    phase: int
    group: NDArray[np.int64]
    share: Array
    count: int


class PawleyObjective:
    """(data - model) / sigma of a pattern at the best intensities for given parameters."""

    def __init__(
        self, objective: PatternObjective, phases: Sequence[int], values: Mapping[str, float]
    ) -> None:
        self.objective = objective
        axis = objective.model.pattern.two_theta
        self.groups = [
            _grouped(objective.model.phases[i], i, objective.model.values(i, values), axis)
            for i in phases
        ]
        self._at: tuple[float, ...] = ()
        self._design: Array = np.empty((0, 0))
        self._root: Array = np.empty((0, 0))
        self._size: Array = np.empty(0)
        self._solution: Array = np.empty(0)
        self._residual: Array = np.empty(0)

    @property
    def parameters(self) -> Parameters:
        """Parameters of the pattern."""
        return self.objective.parameters

    @property
    def n_independent(self) -> float:
        """Number of points; `with_intensities_counted` takes the intensities off."""
        return self.objective.n_independent

    @property
    def n_intensities(self) -> int:
        """Number of intensities that are solved for."""
        return sum(g.count for g in self.groups)

    def residual(self, values: Mapping[str, float]) -> Array:
        """Return the residual at the best intensities, shape (points,)."""
        self._solve(values)
        return self._residual

    def jacobian(self, values: Mapping[str, float], names: Sequence[str]) -> Array:
        """Return the derivative of the residual less what intensities take up."""
        self._solve(values)
        columns = self.objective.jacobian(values, names)
        return np.asarray(columns - self._design @ self._project(columns))

    def intensities(self, found: FitResult) -> list[LineIntensities]:
        """Return the intensities of each phase with their covariance, at the parameters found."""
        values = found.parameters.valuesdict()
        self._solve(values)
        slopes = self._project(self._free_columns(found, values))
        known = np.nan_to_num(found.covar)
        covar = self._inverse() * found.redchi + slopes @ known @ slopes.T
        results, first = [], 0
        for groups in self.groups:
            phase = self.objective.model.phases[groups.phase]
            own = slice(first, first + groups.count)
            results.append(
                LineIntensities(
                    group=groups.group,
                    h=phase.found.h,
                    k=phase.found.k,
                    l=phase.found.l,
                    intensity=self._solution[own],
                    stderr=np.sqrt(np.maximum(np.diag(covar)[own], 0.0)),
                    covar=covar[own, own],
                )
            )
            first += groups.count
        return results

    def _free_columns(self, found: FitResult, values: Mapping[str, float]) -> Array:
        """Return the derivatives of the residual by the free parameters, intensities held."""
        space = Space(found.parameters)
        chain = space.derivatives(np.array([values[name] for name in space.names]))
        rows = {name: i for i, name in enumerate(space.parameters)}
        names = [name for name in self.objective.parameters if name in self.objective.free]
        columns = self.objective.jacobian(values, names) @ chain[[rows[n] for n in names]]
        return np.asarray(columns)

    def _solve(self, values: Mapping[str, float]) -> None:
        """Find the best intensities and give them to the phases."""
        at = tuple(values[name] for name in self.objective.parameters)
        if at == self._at:
            return
        model, sigma = self.objective.model, self.objective.model.pattern.sigma
        self._design = self._profiles(values) / sigma[:, None]
        self._size = np.sqrt(np.maximum(np.einsum("ij,ij->j", self._design, self._design), 1e-300))
        scaled = self._design / self._size
        normal = scaled.T @ scaled + RIDGE * np.eye(len(self._size))
        self._root = np.asarray(np.linalg.cholesky(normal), dtype=float)
        for groups in self.groups:
            phase = model.phases[groups.phase]
            assert phase.strengths is not None  # noqa: S101
            phase.strengths = np.where(groups.group < 0, phase.strengths, 0.0)
        left = self.objective.residual(values)
        self._solution = self._project(left)
        self._residual = left - self._design @ self._solution
        self._hand_out()
        self._at = at

    def _hand_out(self) -> None:
        first = 0
        for groups in self.groups:
            phase = self.objective.model.phases[groups.phase]
            own = self._solution[first : first + groups.count]
            inside = groups.group >= 0
            assert phase.strengths is not None  # noqa: S101
            phase.strengths[inside] = own[groups.group[inside]] * groups.share[inside]
            first += groups.count

    def _project(self, columns: Array) -> Array:
        """Return the intensities that best explain columns."""
        from scipy.linalg import cho_solve

        right = (self._design.T @ columns).T / self._size
        return np.asarray((cho_solve((self._root, True), right.T).T / self._size).T)

    def _inverse(self) -> Array:
        from scipy.linalg import cho_solve

        inverse = cho_solve((self._root, True), np.eye(len(self._size)))
        return np.asarray(inverse / np.outer(self._size, self._size))

    def _profiles(self, values: Mapping[str, float]) -> Array:
        """Return the profile of each group for an intensity of 1, shape (points, groups)."""
        from xorder.diffraction.refinement_kernels import add_profiles

        model = self.objective.model
        axis = model.pattern.two_theta
        design = np.zeros((len(axis), self.n_intensities))
        start = 0
        for groups in self.groups:
            phase = model.phases[groups.phase]
            kept = phase.strengths
            phase.strengths = groups.share
            lines, first, last = line_windows(phase, model.values(groups.phase, values), axis)
            phase.strengths = kept
            group = groups.group[phase.reflection]
            column = np.where(group < 0, -1, group + start)
            add_profiles(axis, lines, first, last, column, design)
            start += groups.count
        return design


def with_intensities_counted(found: FitResult, count: int) -> FitResult:
    """Return a fit whose degrees of freedom count the intensities that were solved for."""
    nfree = found.nfree - count
    if not nfree > 0:
        return replace(found, success=False, message="there are more intensities than points")
    factor = found.nfree / nfree
    parameters = Parameters(
        replace(p, stderr=p.stderr * math.sqrt(factor)) for p in found.parameters.values()
    )
    return replace(
        found,
        parameters=parameters,
        covar=found.covar * factor,
        redchi=found.redchi * factor,
        nfree=nfree,
        nvarys=found.nvarys + count,
    )


def _grouped(phase: PhaseModel, index: int, local: Mapping[str, float], axis: Array) -> _Groups:
    """Put reflections that lie within a share of their width into groups, from low angles on."""
    assert phase.strengths is not None  # noqa: S101
    _, line = np.unique(phase.reflection, return_index=True)
    centre = phase.centres(local).value[line]
    fwhm = phase.shapes(local).fwhm[line]
    group = np.full(len(centre), -1, dtype=np.int64)
    count, begin = 0, -math.inf
    for i in np.argsort(centre).tolist():
        if not axis[0] - REACH * fwhm[i] <= centre[i] <= axis[-1] + REACH * fwhm[i]:
            continue
        if centre[i] - begin > SPAN * fwhm[i]:
            count, begin = count + 1, float(centre[i])
        group[i] = count - 1
    strength = np.maximum(phase.strengths, 1e-12 * float(phase.strengths.max()))
    inside = group >= 0
    total = np.bincount(group[inside], strength[inside], count)
    share = np.zeros(len(centre))
    share[inside] = strength[inside] / total[group[inside]]
    return _Groups(index, group, share, count)
