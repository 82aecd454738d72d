r"""The functions of total scattering, each by its letter, and the way from one to the other.

Definitions (Keen, J. Appl. Cryst. 34, 172 (2001); Peterson, Olds, McDonnell & Page, J. Appl.
Cryst. 54, 317 (2021)). Here `rho0` is the number density ρ0 in atoms Å⁻³ and `weight` the mean
scattering ⟨b⟩², 1 unless it is given; only D, T and i carry it.

=====  =====================================  ============  =====================================
name   definition                             unit          other names
=====  =====================================  ============  =====================================
``G``  4πr[ρ(r) - ρ0]                         Å⁻²           PDFgetX, PDFgui; G^PDF
``g``  ρ(r) / ρ0                              –             pair correlation function
``R``  4πr² ρ(r)                              Å⁻¹           radial distribution function
``T``  ⟨b⟩² 4πr ρ(r)                          weight · Å⁻²  total correlation function
``D``  ⟨b⟩² 4πr[ρ(r) - ρ0]                    weight · Å⁻²  differential correlation function
``S``  1 + F(Q) / Q                           –             structure factor (Faber–Ziman)
``F``  Q[S(Q) - 1]                            Å⁻¹           reduced structure function
``i``  ⟨b⟩² [S(Q) - 1]                        weight        distinct scattering
=====  =====================================  ============  =====================================

F and G are sine transforms of each other:
G(r) = (2/π) ∫ F(Q) sin(Qr) dQ and F(Q) = ∫ G(r) sin(Qr) dr.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from xorder.errors import BadInput
from xorder.pdf.noise import NoiseSpectrum
from xorder.pdf.pattern import check_uniform
from xorder.pdf.transforms import below_first, cosine_sum, lorch, sine_sum, trapezoid_weights
from xorder.results import Array, Result, quantity

__all__ = [
    "GrCovariance",
    "LowQ",
    "OfDistance",
    "OfQ",
    "convert_of_q",
    "convert_of_r",
    "fq_from_gr",
    "gr_covariance_from_fq",
    "gr_from_fq",
    "noise_from_fq",
]

OfDistance = Literal["G", "g", "R", "T", "D"]
"""Functions of the distance."""
OfQ = Literal["S", "F", "i"]
"""Functions of the momentum transfer."""
LowQ = Literal["cut", "linear"]
"""Below the first Q: nothing, or F on the straight line from zero at Q = 0."""


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class GrCovariance(Result):
    r"""Covariance of G(r) from independent errors of F(Q).

    .. math:: cov(r, r') = C(r - r') - C(r + r'), \quad
              C(x) = \frac{2}{\pi^2} \sum_j (w_j m_j \sigma_j)^2 \cos(Q_j x)

    with the weights w of the integral and the window m: two rows hold the whole matrix.
    """

    r: Array = quantity("Å", dims=("r",))
    """Distance, shape (N,)."""
    near: Array = quantity("Å⁻⁴", symbol="C(r - r')", dims=("r",))
    """C at k times the step of r, k = 0 … N-1, shape (N,)."""
    far: Array = quantity("Å⁻⁴", symbol="C(r + r')", dims=("sum",))
    """C at 2 r[0] + k times the step of r, k = 0 … 2N-2, shape (2N-1,)."""

    @property
    def stderr(self) -> Array:
        """Standard error of G(r) in Å⁻², shape (N,)."""
        return np.asarray(np.sqrt(np.maximum(self.near[0] - self.far[::2], 0.0)))

    def matrix(self) -> Array:
        """Return the covariance in Å⁻⁴, shape (N, N)."""
        index = np.arange(len(self.r))
        near = self.near[np.abs(index[:, None] - index)]
        return np.asarray(near - self.far[index[:, None] + index])

    def correlation(self) -> Array:
        """Return the correlation of every pair of points, shape (N, N); 0 where an error is 0."""
        stderr = self.stderr
        norm = np.outer(stderr, stderr)
        return np.divide(self.matrix(), norm, out=np.zeros_like(norm), where=norm > 0)

    def stderr_of(self, weights: Array) -> float:
        """Return the standard error of Σ_k weights_k G(r_k), such as the area of a peak."""
        used = np.flatnonzero(weights)
        if not len(used):
            return 0.0
        w = weights[used]
        near = self.near[np.abs(used[:, None] - used)]
        variance = w @ (near - self.far[used[:, None] + used]) @ w
        return math.sqrt(max(float(variance), 0.0))


def gr_from_fq(
    q: Array,
    fq: Array,
    r: Array,
    *,
    window: Literal["none", "lorch"] = "none",
    low_q: LowQ = "cut",
) -> Array:
    r"""Return G(r) from F(Q).

    .. math:: G(r) = \frac{2}{\pi} \int_{Q_{min}}^{Q_{max}} m(Q) F(Q) \sin(Qr)\, dQ

    Parameters
    ----------
    q
        Q in Å⁻¹, ascending, any steps, shape (Q,); its ends are Qmin and Qmax.
    fq
        F(Q) in Å⁻¹, shape (Q,).
    r
        Distance in Å, uniform, shape (N,).
    window
        ``"lorch"`` damps the ripples of the cut at Qmax by m = sin(πQ/Qmax)/(πQ/Qmax) and broadens
        peaks to about 5.4/Qmax; ``"none"`` is m = 1.
    low_q
        What is below Qmin: nothing (``"cut"``), or F on the line from zero (``"linear"``).

    Returns
    -------
    :
        G(r) in Å⁻², shape (N,).

    Raises
    ------
    BadInput
        Where a grid does not ascend, shapes differ or a value is not finite.
    """
    _check_axis("q", q)
    _check_like("fq", fq, "q", q)
    _check_r(r)
    _check_letter("low_q", low_q, get_args(LowQ))
    if low_q == "linear" and q[0] > 0:
        line = below_first(q)
        fq = np.concatenate([line * (fq[0] / q[0]), fq])
        q = np.concatenate([line, q])
    return 2 / math.pi * sine_sum(q, _weights(q, window) * fq, r)


def gr_covariance_from_fq(
    q: Array,
    fq_stderr: Array,
    r: Array,
    *,
    window: Literal["none", "lorch"] = "none",
) -> GrCovariance:
    """Return the covariance of G(r) that independent standard errors of F(Q) give.

    Parameters are those of `gr_from_fq`, with the standard error of F(Q) in place of F(Q).

    Raises
    ------
    BadInput
        Where a grid does not ascend, shapes differ or an error is negative or not finite.
    """
    _check_axis("q", q)
    _check_like("fq_stderr", fq_stderr, "q", q)
    if np.any(fq_stderr < 0):
        raise BadInput(
            f"fq_stderr is {np.min(fq_stderr):g}", expected="standard errors of zero or more"
        )
    step = _check_r(r)
    power = 2 / math.pi**2 * (_weights(q, window) * fq_stderr) ** 2
    count = len(r)
    shift = round(2 * r[0] / step)
    if shift <= count and abs(2 * r[0] - shift * step) * q[-1] < 1e-6:
        # Sums and differences of distances lie on one grid: one transform gives both.
        grid = np.asarray(step * np.arange(shift + 2 * count - 1), dtype=np.float64)
        both = cosine_sum(q, power, grid)
        return GrCovariance(r=r, near=both[:count], far=both[shift:])
    near = cosine_sum(q, power, np.asarray(step * np.arange(count), dtype=np.float64))
    sums = np.asarray(2 * r[0] + step * np.arange(2 * count - 1), dtype=np.float64)
    far = cosine_sum(q, power, sums)
    return GrCovariance(r=r, near=near, far=far)


def noise_from_fq(
    q: Array, fq_stderr: Array, *, window: Literal["none", "lorch"] = "none"
) -> NoiseSpectrum:
    """Return the noise of G(r) that independent standard errors of F(Q) make.

    Parameters are those of `gr_covariance_from_fq`.
    """
    power = (2 / math.pi * _weights(q, window) * fq_stderr) ** 2
    return NoiseSpectrum(q=q, power=power, source="counting")


def fq_from_gr(r: Array, gr: Array, q: Array) -> Array:
    r"""Return F(Q) from G(r).

    .. math:: F(Q) = \int_0^{r_{max}} G(r) \sin(Qr)\, dr

    Parameters
    ----------
    r
        Distance in Å, uniform, shape (N,). G is taken as zero outside; below the first distance
        give -4πρ0 r.
    gr
        G(r) in Å⁻², shape (N,).
    q
        Q in Å⁻¹, ascending, shape (Q,).

    Returns
    -------
    :
        F(Q) in Å⁻¹, shape (Q,).

    Raises
    ------
    BadInput
        Where a grid does not ascend, shapes differ or a value is not finite.
    """
    _check_r(r)
    _check_like("gr", gr, "r", r)
    _check_axis("q", q, at_least=1)
    amplitudes = trapezoid_weights(r) * gr
    step = np.diff(q)
    if len(q) > 2 and np.ptp(step) * len(q) * r[-1] > 1e-5:
        # The sum runs over the uniform r; targets that are not uniform are taken one by one.
        return np.concatenate(
            [
                np.sin(np.outer(part, r)) @ amplitudes
                for part in np.array_split(q, len(q) // 256 + 1)
            ]
        )
    return sine_sum(r, amplitudes, q)


def convert_of_r(
    values: Array,
    r: Array,
    *,
    source: OfDistance,
    target: OfDistance,
    rho0: float | None = None,
    weight: float = 1.0,
) -> Array:
    """Return one function of the distance from another, by their letters.

    Parameters
    ----------
    values
        The function `source`, shape (N,).
    r
        Distance in Å, not negative, shape (N,).
    source, target
        ``"G"``, ``"g"``, ``"R"``, ``"T"`` or ``"D"``; definitions and units head this module.
    rho0
        Number density in atoms Å⁻³; not needed between G and D, nor between R and T.
    weight
        Mean scattering ⟨b⟩² of D and T, in the unit they have (barn, for instance).

    Returns
    -------
    :
        The function `target`, shape (N,). At r = 0 a quotient is its limit: G, D and T are 0 and g
        is 0, as no two atoms are in one place.

    Raises
    ------
    BadInput
        Where a letter is unknown, the density is missing or not positive, or shapes differ.
    """
    _check_letter("source", source, get_args(OfDistance))
    _check_letter("target", target, get_args(OfDistance))
    _check_like("values", values, "r", r)
    if np.any(r < 0):
        raise BadInput(f"r is {np.min(r):g} Å", expected="distances of zero or more")
    _check_weight(weight)
    if source == target:
        return np.array(values, dtype=float)
    absolute = {"G": 0, "D": 0, "R": 1, "T": 1, "g": 2}
    density = _density(rho0, needed=absolute[source] != absolute[target])
    gr = _gr_from(source, values, r, density, weight)
    return np.array(_from_gr(target, gr, r, density, weight), dtype=float)


def _gr_from(source: str, values: Array, r: Array, density: float, weight: float) -> Array:
    uniform = 4 * math.pi * r * density
    if source == "G":
        return values
    if source == "D":
        return values / weight
    if source == "T":
        return values / weight - uniform
    if source == "R":
        return np.divide(values, r, out=np.zeros_like(r), where=r > 0) - uniform
    return (values - 1) * uniform


def _from_gr(target: str, gr: Array, r: Array, density: float, weight: float) -> Array:
    uniform = 4 * math.pi * r * density
    if target == "G":
        return gr
    if target == "D":
        return gr * weight
    if target == "T":
        return (gr + uniform) * weight
    if target == "R":
        return (gr + uniform) * r
    return np.divide(gr + uniform, uniform, out=np.zeros_like(r), where=uniform > 0)


def convert_of_q(
    values: Array, q: Array, *, source: OfQ, target: OfQ, weight: float = 1.0
) -> Array:
    """Return one function of Q from another, by their letters.

    Parameters
    ----------
    values
        The function `source`, shape (Q,).
    q
        Q in Å⁻¹, positive, shape (Q,).
    source, target
        ``"S"``, ``"F"`` or ``"i"``; definitions and units head this module.
    weight
        Mean scattering ⟨b⟩² of i, in the unit it has.

    Returns
    -------
    :
        The function `target`, shape (Q,).

    Raises
    ------
    BadInput
        Where a letter is unknown, Q is not positive, or shapes differ.
    """
    _check_letter("source", source, get_args(OfQ))
    _check_letter("target", target, get_args(OfQ))
    _check_like("values", values, "q", q)
    _check_weight(weight)
    if np.any(q <= 0):
        raise BadInput(f"q is {np.min(q):g} Å⁻¹", expected="positive Q; leave out Q = 0")
    if source == target:
        return np.array(values, dtype=float)
    distinct = {"S": values - 1, "F": values / q, "i": values / weight}[source]
    return np.asarray({"S": distinct + 1, "F": distinct * q, "i": distinct * weight}[target])


def _weights(q: Array, window: str) -> Array:
    _check_letter("window", window, ("none", "lorch"))
    weights = trapezoid_weights(q)
    return weights * lorch(q, float(q[-1])) if window == "lorch" else weights


def _check_axis(name: str, axis: Array, *, at_least: int = 2) -> None:
    if axis.ndim != 1 or len(axis) < at_least:
        raise BadInput(f"{name} has shape {axis.shape}", expected=f"at least {at_least} points")
    if not np.isfinite(axis).all():
        raise BadInput(f"{name} is not finite at point {int(np.argmin(np.isfinite(axis)))}")
    if axis[0] < 0:
        raise BadInput(f"{name} starts at {axis[0]:g}", expected="values of zero or more")
    falls = np.flatnonzero(np.diff(axis) <= 0)
    if len(falls):
        at = int(falls[0])
        raise BadInput(
            f"{name} goes from {axis[at]:g} to {axis[at + 1]:g} at point {at + 1}",
            expected="ascending values",
        )


def _check_r(r: Array) -> float:
    return check_uniform(r)


def _check_like(name: str, values: Array, other: str, axis: Array) -> None:
    if values.shape != axis.shape:
        raise BadInput(
            f"{name} has shape {values.shape} and {other} {axis.shape}",
            expected="one value a point",
        )
    if not np.isfinite(values).all():
        at = int(np.argmin(np.isfinite(values)))
        raise BadInput(
            f"{name} is {values[at]} at {other} = {axis[at]:g}", expected="finite values"
        )


def _check_letter(name: str, letter: str, known: tuple[str, ...]) -> None:
    if letter not in known:
        raise BadInput(f"{name} is {letter!r}", expected="one of " + ", ".join(known))


def _check_weight(weight: float) -> None:
    if not 0 < weight < math.inf:
        raise BadInput(f"weight is {weight:g}", expected="a positive mean scattering ⟨b⟩²")


def _density(rho0: float | None, *, needed: bool) -> float:
    if rho0 is None:
        if needed:
            raise BadInput("rho0 is missing", expected="the number density in atoms Å⁻³")
        return 0.0
    if not 0 < rho0 < math.inf:
        raise BadInput(f"rho0 is {rho0:g}", expected="a positive number density in atoms Å⁻³")
    return rho0
