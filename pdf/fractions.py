"""From the scales of the phases of a PDF model to their fractions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xorder.errors import BadInput
from xorder.results import Array, Result, quantity, recorded

__all__ = ["PhaseFractions", "fractions_from_scales"]


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class PhaseFractions(Result):
    """Fractions of the phases, with errors that count the covariances of the scales."""

    phases: tuple[str, ...]
    """Names of the phases."""
    mass: Array = quantity()
    """Mass fractions, shape (phases,)."""
    mass_stderr: Array = quantity()
    """Their standard errors."""
    mass_covariance: Array = quantity(repr=False)
    """Covariance of the mass fractions, shape (phases, phases)."""
    atom: Array = quantity()
    """Atom fractions, shape (phases,)."""
    atom_stderr: Array = quantity()
    """Their standard errors."""


@recorded
def fractions_from_scales(
    scales: Array,
    covariance: Array,
    *,
    mean_weights: Sequence[float],
    mean_masses: Sequence[float],
    phases: Sequence[str] = (),
) -> PhaseFractions:
    r"""Return mass and atom fractions from the scales of a sum of phases.

    Intensities of phases add, so a scale is :math:`s_p \propto x_p \langle b\rangle_p^2` with the
    atom fraction :math:`x_p`:

    .. math::

        x_p = \frac{s_p/\langle b\rangle_p^2}{\sum_q s_q/\langle b\rangle_q^2}, \qquad
        w_p = \frac{s_p M_p/\langle b\rangle_p^2}{\sum_q s_q M_q/\langle b\rangle_q^2}

    Parameters
    ----------
    scales
        Scale of each phase, shape (phases,).
    covariance
        Covariance of the scales, shape (phases, phases).
    mean_weights
        Mean scattering weight ⟨b⟩ of each phase.
    mean_masses
        Mean atomic mass M of each phase in g/mol.
    phases
        Names of the phases.

    Raises
    ------
    BadInput
        Where the scales sum to nothing.
    """
    scales = np.asarray(scales, dtype=float)
    weights = np.asarray(mean_weights, dtype=float) ** -2.0
    if not np.sum(scales * weights) > 0:
        raise BadInput(f"the scales are {scales.tolist()}", expected="scales with a positive sum")
    atom, atom_covariance = _normalised(scales, covariance, weights)
    mass, mass_covariance = _normalised(scales, covariance, weights * np.asarray(mean_masses))
    return PhaseFractions(
        phases=tuple(phases),
        mass=mass,
        mass_stderr=_stderr(mass_covariance),
        mass_covariance=mass_covariance,
        atom=atom,
        atom_stderr=_stderr(atom_covariance),
    )


def _normalised(scales: Array, covariance: Array, factors: Array) -> tuple[Array, Array]:
    parts = scales * factors
    total = float(parts.sum())
    fractions = parts / total
    # d fraction_p / d scale_q
    slopes = (np.diag(factors) - np.outer(fractions, factors)) / total
    return fractions, np.asarray(slopes @ covariance @ slopes.T)


def _stderr(covariance: Array) -> Array:
    return np.asarray(np.sqrt(np.maximum(np.diag(covariance), 0.0)))
