r"""The absolute scale of I(Q): how many counts are one electron unit per atom.

With the corrected counts J = (I - Σ s_b B - φ)/(P A E), every route states
α J = ⟨f²⟩ + C + ⟨f⟩²[S(Q) - 1] and finds α.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from xorder.errors import BadInput
from xorder.pdf.form_weights import anomalous
from xorder.pdf.transforms import below_first, trapezoid_weights
from xorder.results import Array
from xorder.scattering import form_factor

__all__ = [
    "LowDistances",
    "SelfScattering",
    "high_q_scale",
    "krogh_moe_scale",
    "low_r_misfit",
    "low_r_solution",
]

#: Rows of the low-r condition per point of information.
OVERSAMPLING = 3.0
#: Noise bandwidth of a Hann window, in that of none.
HANN_BANDWIDTH = 1.5
#: First distance of the low-r condition, in units of 1/Qmax.
FIRST_ROW = 0.5


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class SelfScattering:
    """What the atoms of a composition scatter on their own, per atom in electron units."""

    mean_f_squared: Array
    """⟨f⟩², shape (Q,)."""
    mean_of_f_squared: Array
    """⟨f²⟩, shape (Q,)."""
    compton: Array
    """Compton scattering; zero where it is not asked for, shape (Q,)."""

    @classmethod
    def of(
        cls,
        amounts: Mapping[str, float],
        q: Array,
        compton: Array | None,
        wavelength: float = math.nan,
    ) -> SelfScattering:
        """Return it for amounts of elements; `compton` None is none.

        Where the wavelength (Å) is known, f = f0 + f' + if''.
        """
        total = sum(amounts.values())
        mean, square = np.zeros(q.shape, dtype=complex), np.zeros_like(q)
        for element, amount in amounts.items():
            factor = form_factor(element, q / (4 * math.pi)) + anomalous(element, wavelength)
            mean += amount / total * factor
            square += amount / total * np.abs(factor) ** 2
        return cls(
            mean_f_squared=np.abs(mean) ** 2,
            mean_of_f_squared=square,
            compton=np.zeros_like(q) if compton is None else compton,
        )

    @property
    def total(self) -> Array:
        """⟨f²⟩ plus Compton, shape (Q,)."""
        return self.mean_of_f_squared + self.compton


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class LowDistances:
    """What the empty distances below the first bond say; counts per electron unit in `scale`."""

    scale: float
    """α."""
    scale_stderr: float
    """Standard error of α from how well the condition is met."""
    backgrounds: tuple[float, ...]
    """Scales of the backgrounds."""
    fluorescence: float
    """Constant level in counts."""
    rho0: float
    """Number density in atoms Å⁻³, as given or found."""
    misfit: float
    """Root mean square of G(r) + 4πρ0 r (windowed) over that of 4πρ0 r."""


def krogh_moe_scale(q: Array, counts: Array, atoms: SelfScattering, rho0: float) -> float:
    r"""Return α by Krogh-Moe and Norman.

    .. math:: \alpha = \frac{\int Q^2 (\langle f^2\rangle + C)/\langle f\rangle^2 dQ - 2\pi^2\rho_0}
              {\int Q^2 J / \langle f\rangle^2 dQ}

    Krogh-Moe, Acta Cryst. 9, 951 (1956); Norman, Acta Cryst. 10, 370 (1957). Integrals start at
    zero with the integrand of the first point falling as Q².
    """
    weights = trapezoid_weights(q) * q**2 / atoms.mean_f_squared
    weights[0] += q[0] ** 3 / 3 / atoms.mean_f_squared[0]
    numerator = float(weights @ atoms.total) - 2 * math.pi**2 * rho0
    return _ratio(numerator, float(weights @ counts))


def high_q_scale(q: Array, counts: Array, atoms: SelfScattering, *, start: float) -> float:
    """Return α from the sums of intensity above `start`, where S(Q) is about 1."""
    used = q >= start
    weights = trapezoid_weights(q[used])
    return _ratio(float(weights @ atoms.total[used]), float(weights @ counts[used]))


def low_r_solution(
    q: Array,
    counts: Array,
    backgrounds: tuple[Array, ...],
    constant: Array | None,
    atoms: SelfScattering,
    *,
    r_cut: float,
    rho0: float | None,
) -> LowDistances:
    r"""Return scale, background scales, fluorescence and density from G(r) = -4πρ0 r below a bond.

    The condition is linear in α, α s_b, α φ and ρ0, so one least-squares solution gives them all:
    Σ over r < r_cut of [G_w(r) + 4πρ0 r]², where G_w is the transform under a Hann window, whose
    side lobes keep the first peak out. All columns are in F(Q), after angular corrections.

    Parameters
    ----------
    q
        Q in Å⁻¹, shape (Q,).
    counts
        Counts after angular corrections, backgrounds still in, shape (Q,).
    backgrounds
        Counts of backgrounds to be scaled, after the same corrections, shapes (Q,).
    constant
        One count after the same corrections, or None for no fluorescence.
    atoms
        Self-scattering.
    r_cut
        Distance in Å below which there is no pair of atoms.
    rho0
        Number density in atoms Å⁻³; None finds it too.

    Raises
    ------
    BadInput
        Where the conditions do not determine the unknowns, or give no positive scale.
    """
    r = np.arange(FIRST_ROW / q[-1], r_cut, math.pi / q[-1] / OVERSAMPLING)
    unknowns = 1 + len(backgrounds) + (constant is not None) + (rho0 is None)
    if len(r) < unknowns + 2:
        raise BadInput(
            f"{len(r)} independent distances below r_cut = {r_cut:g} Å for {unknowns} unknowns",
            expected="a larger Qmax or r_cut, or given scales",
        )
    kernel = _hann_transform(q, r) * (q / atoms.mean_f_squared)
    columns = [counts, *(-b for b in backgrounds), *([-constant] if constant is not None else [])]
    matrix = (kernel @ np.stack(columns, axis=1)).astype(float)
    target = kernel @ atoms.total
    if rho0 is None:
        matrix = np.column_stack([matrix, 4 * math.pi * r])
    else:
        target = target - 4 * math.pi * rho0 * r
    norms = np.linalg.norm(matrix, axis=0)
    if np.any(norms == 0):
        raise BadInput("a background of zeros has no scale", expected="a measured background")
    solution, _, rank, _ = np.linalg.lstsq(matrix / norms, target, rcond=1e-10)
    if rank < unknowns:
        raise BadInput(
            "the backgrounds or the constant level are multiples of each other or of the data",
            expected="different curves, or given scales",
        )
    residual = target - matrix / norms @ solution
    values = solution / norms
    scale = float(values[0])
    if scale <= 0:
        raise BadInput(
            f"the distances below {r_cut:g} Å give a scale of {scale:.3g}",
            expected="a smaller r_cut, a given background scale, or normalization 'ad_hoc'",
        )
    inverse = np.linalg.inv((matrix / norms).T @ (matrix / norms))
    # Rows are correlated: oversampled, and by the window.
    variance = OVERSAMPLING * HANN_BANDWIDTH * (residual @ residual) / (len(r) - unknowns)
    density = float(values[-1]) if rho0 is None else rho0
    count = len(backgrounds)
    expected = 4 * math.pi * density * r
    return LowDistances(
        scale=scale,
        scale_stderr=math.sqrt(variance * inverse[0, 0]) / float(norms[0]),
        backgrounds=tuple(float(value) / scale for value in values[1 : 1 + count]),
        fluorescence=float(values[1 + count]) / scale if constant is not None else 0.0,
        rho0=density,
        misfit=float(np.linalg.norm(residual) / np.linalg.norm(expected)),
    )


def low_r_misfit(q: Array, fq: Array, *, r_cut: float, rho0: float) -> float:
    """Return how far G(r) is from -4πρ0 r below `r_cut`, relative to that; 0 is right.

    Parameters
    ----------
    q, fq
        Q and F(Q) in Å⁻¹, shape (Q,).
    r_cut
        Distance in Å below which there is no pair of atoms.
    rho0
        Number density in atoms Å⁻³.
    """
    r = np.arange(FIRST_ROW / q[-1], r_cut, math.pi / q[-1])
    expected = 4 * math.pi * rho0 * r
    rest = _hann_transform(q, r) @ fq + expected
    return float(np.linalg.norm(rest) / np.linalg.norm(expected))


def _hann_transform(q: Array, r: Array) -> Array:
    """Return the matrix from F(Q) to G(r) under a Hann window, F on a line from zero below q[0]."""
    line = below_first(q)
    grid = np.concatenate([line, q])
    weights = trapezoid_weights(grid) * (1 + np.cos(math.pi * grid / q[-1])) / math.pi
    matrix = np.sin(np.outer(r, grid)) * weights
    low = matrix[:, : len(line)] @ (line / q[0])
    matrix = matrix[:, len(line) :]
    matrix[:, 0] += low
    return np.asarray(matrix)


def _ratio(numerator: float, denominator: float) -> float:
    if not (numerator > 0 and denominator > 0):
        raise BadInput(
            f"the intensity gives a scale of {numerator:.3g} / {denominator:.3g}",
            expected="positive intensity; a smaller background scale or density",
        )
    return numerator / denominator
