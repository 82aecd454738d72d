"""What the finite range of Q does to G(r): the grid a model needs, and the cut itself."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft

from xorder.errors import BadInput
from xorder.pdf.weights import Convention
from xorder.results import Array

__all__ = ["Grid", "Kernel"]

#: Extension of the grid beyond the wanted range, in termination ripples (2π/Qmax).
RIPPLES = 10
#: The same in the conventions of pdffit2 and srreal.
RIPPLES_OF_OTHERS = 6
#: Longest step that samples every peak worth a name without aliasing (Å).
FINEST = 0.03


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Kernel:
    """What a convolution multiplies with, one column a class."""

    near: NDArray[np.complex128]
    """Transform over differences of distances."""
    far: NDArray[np.complex128]
    """Transform over sums of distances: the odd continuation of G(r)."""


_NO_CUT = Kernel(near=np.zeros((0, 1), complex), far=np.zeros((0, 1), complex))


@dataclass(frozen=True, eq=False, slots=True)
class Grid:
    """The fine, extended grid on which a model is computed, and the way back to the wanted r.

    Parameters
    ----------
    start, step, size
        The wanted grid: first distance and step in Å, number of points.
    q_max
        Upper end of Q in Å⁻¹, or None for no cut.
    convention
        Which program's order of operations and transform to follow.
    """

    start: float
    step: float
    size: int
    q_max: float | None
    convention: Convention
    stride: int
    """Fine steps in one wanted step."""
    before: int
    """Fine points before the first wanted one."""
    r: Array
    """The fine grid in Å."""
    _sharp: Kernel
    """Cut at Qmax that leaves all weights below it as they are."""
    _taper: Array
    """Weights that end the extension smoothly."""

    @classmethod
    def of(
        cls,
        start: float,
        step: float,
        size: int,
        *,
        q_max: float | None,
        convention: Convention,
        finest: float = FINEST,
    ) -> Grid:
        """Return the grid for `size` wanted points from `start` by `step`."""
        if q_max is not None and not (q_max > 0 and math.isfinite(q_max)):
            raise BadInput(f"q_max is {q_max}", expected="a positive Qmax in Å⁻¹, or None")
        if q_max is None:
            r = np.asarray(start + step * np.arange(size), dtype=np.float64)
            return cls(start, step, size, None, convention, 1, 0, r, _NO_CUT, np.ones(size))
        own = convention == "xorder"
        stride = max(1, math.ceil(step / min(finest, math.pi / q_max / 2) - 1e-9)) if own else 1
        fine = step / stride
        reach = (RIPPLES if own else RIPPLES_OF_OTHERS) * 2 * math.pi / q_max
        steps = round(reach / fine)
        lowest = math.floor(start / fine + 1e-9)
        before = 0 if convention == "pdffit2" else min(steps, lowest)
        count = before + (size - 1) * stride + 1 + steps
        r = np.asarray(start + fine * (np.arange(count) - before), dtype=np.float64)
        taper = _taper(count, steps, before if before < lowest else 0) if own else np.ones(count)
        sharp = _sharp_cut(float(r[0]), fine, count, q_max) if own else _NO_CUT
        return cls(start, step, size, q_max, convention, stride, before, r, sharp, taper)

    @property
    def fine_step(self) -> float:
        """Step of the fine grid in Å."""
        return self.step / self.stride

    def kernel(self, weights: Callable[[Array], Array]) -> Kernel:
        r"""Return the cut that also weighs each class by its own function of Q.

        .. math:: k_c(x) = \frac{1}{\pi} \int_0^{Q_{max}} w_c(Q) \cos(Qx)\, dQ

        Parameters
        ----------
        weights
            From Q in Å⁻¹, shape (Q,), to weights, shape (Q, classes).

        Raises
        ------
        BadInput
            Where there is no Qmax, or the convention knows constant weights only.
        """
        if self.q_max is None or self.convention != "xorder":
            raise BadInput(
                f"form factors in Q with q_max = {self.q_max} in the convention {self.convention}",
                expected="a q_max, and convention='xorder'",
            )
        count = len(self.r)
        step, first = self.fine_step, float(self.r[0])
        near = _weighted_cut(0.0, step, count, self.q_max, weights)
        far = _weighted_cut(2.0 * first, step, 2 * count - 1, self.q_max, weights)
        return _transformed(near * step, far * step)

    def finish(self, columns: Array, envelope: Array, kernel: Kernel | None = None) -> Array:
        """Return the sum over classes on the wanted grid: damped and cut at Qmax.

        srreal damps after the cut; Xorder and pdffit2 before it, as nature does.

        Parameters
        ----------
        columns
            Functions on the fine grid, shape (fine, classes, M).
        envelope
            Damping on the fine grid, shape (fine, 1) or (fine, M).
        kernel
            Cut with a weight for each class; without it all classes weigh alike.

        Returns
        -------
        :
            Shape (size, M).
        """
        if kernel is not None:
            done = self._cut(columns * envelope[:, None, :], kernel)
        else:
            summed = columns[:, 0] if columns.shape[1] == 1 else columns.sum(axis=1)
            if self.q_max is None:
                return np.asarray(summed * envelope)
            if self.convention == "srreal":
                done = _cut_srreal(summed, self.r[0], self.fine_step, self.q_max) * envelope
            elif self.convention == "pdffit2":
                done = _cut_pdffit2(summed * envelope, self.fine_step, self.q_max)
            else:
                done = self._cut((summed * envelope)[:, None, :], self._sharp)
        last = self.before + (self.size - 1) * self.stride
        return np.asarray(done[self.before : last + 1 : self.stride])

    def _cut(self, columns: Array, kernel: Kernel) -> Array:
        """Convolve each class with its kernel, G(-r) = -G(r), and sum."""
        count = len(columns)
        length = next_fast_len(2 * count - 1, real=True)
        tapered = columns * self._taper[:, None, None]
        forward = rfft(tapered, length, axis=0)
        backward = rfft(tapered[::-1], length, axis=0)
        near = irfft(np.einsum("qcm,qc->qm", forward, kernel.near), length, axis=0)
        far = irfft(np.einsum("qcm,qc->qm", backward, kernel.far), length, axis=0)
        return np.asarray(near[:count] - far[count - 1 : 2 * count - 1])


@functools.lru_cache(maxsize=16)
def _sharp_cut(first: float, step: float, count: int, q_max: float) -> Kernel:
    scale = q_max / math.pi * step
    difference = step * np.arange(count)
    total = 2.0 * first + step * np.arange(2 * count - 1)
    near = np.sinc(q_max * difference / math.pi)[:, None] * scale
    far = np.sinc(q_max * total / math.pi)[:, None] * scale
    return _transformed(near, far)


def _weighted_cut(
    start: float, step: float, count: int, q_max: float, weights: Callable[[Array], Array]
) -> Array:
    """Return (1/π) ∫ w(Q) cos(Qx) dQ at x = start + step · k, shape (count, classes)."""
    from xorder.pdf.kernels import cosine_sums

    nodes, factors = np.polynomial.legendre.leggauss(16)
    # Sixteen nodes a panel of four wavelengths at the largest x are good to 1e-9.
    panels = math.ceil(q_max * (start + step * count) / (8.0 * math.pi)) + 4
    edges = np.linspace(0.0, q_max, panels + 1)
    half = 0.5 * np.diff(edges)[:, None]
    q = (edges[:-1, None] + half * (1.0 + nodes)).ravel()
    weighted = weights(q) * (half * factors).ravel()[:, None] / math.pi
    out = np.zeros((count, weighted.shape[1]))
    cosine_sums(float(start), float(step), q, weighted, out)
    return out


def _transformed(near: Array, far: Array) -> Kernel:
    """Return the transforms of kernels over differences, shape (N, C), and sums, (2N - 1, C)."""
    count = len(near)
    length = next_fast_len(2 * count - 1, real=True)
    wrapped = np.zeros((length, near.shape[1]))
    wrapped[:count] = near
    wrapped[length - count + 1 :] = near[1:][::-1]
    return Kernel(
        near=np.asarray(rfft(wrapped, length, axis=0)), far=np.asarray(rfft(far, length, axis=0))
    )


def _taper(count: int, after: int, before: int) -> Array:
    """Return ones that fall to zero over the outer half of the extension."""
    taper = np.ones(count)
    for width, side in ((after // 2, slice(None, None, -1)), (before // 2, slice(None))):
        if width > 0:
            fall = np.sin(0.5 * math.pi * (np.arange(width) + 0.5) / width) ** 2
            taper[side][:width] *= fall
    return taper


def _cut_pdffit2(columns: Array, step: float, q_max: float) -> Array:
    """Cut as pdffit2: complex transform of the one-sided function, padded to a power of two."""
    count = len(columns)
    padded = 2 ** math.ceil(math.log2(2 * count))
    first = math.ceil(q_max / (2 * math.pi / ((padded - 1) * step)))
    if first >= padded - first:
        return columns
    transform = np.fft.fft(columns, padded, axis=0)
    transform[first : padded - first + 1] = 0.0
    return np.asarray(np.fft.ifft(transform, axis=0).real[:count])


def _cut_srreal(columns: Array, start: float, step: float, q_max: float) -> Array:
    """Cut as srreal: sine transform from r = 0, padded to a power of two."""
    offset = round(start / step)
    count = len(columns) + offset
    padded = 2 ** math.ceil(math.log2(count))
    odd = np.zeros((2 * padded, columns.shape[1]))
    odd[offset:count] = columns
    odd[padded + 1 :] = -odd[padded - 1 : 0 : -1]
    transform = rfft(odd, axis=0)
    transform[math.ceil(q_max / (math.pi / (padded * step))) :] = 0.0
    return np.asarray(irfft(transform, 2 * padded, axis=0)[offset:count])
