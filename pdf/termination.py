"""What the finite range of Q does to G(r): the grid a model needs, and the cut itself."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from xorder.errors import BadInput
from xorder.pdf.weights import Convention
from xorder.results import Array

__all__ = ["Grid"]

#: Extension of the grid beyond the wanted range, in termination ripples (2π/Qmax).
RIPPLES = 10
#: The same in the conventions of pdffit2 and srreal.
RIPPLES_OF_OTHERS = 6
#: Longest step that samples every peak worth a name without aliasing (Å).
FINEST = 0.03


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
    _near: Array
    """Transform of sin(Qmax x)/(π x) over differences of distances."""
    _far: Array
    """The same over sums of distances: the odd continuation of G(r)."""
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
            empty = np.zeros(0)
            return cls(start, step, size, None, convention, 1, 0, r, empty, empty, np.ones(size))
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
        near, far = _kernels(r[0], fine, count, q_max) if own else (np.zeros(0), np.zeros(0))
        return cls(start, step, size, q_max, convention, stride, before, r, near, far, taper)

    @property
    def fine_step(self) -> float:
        """Step of the fine grid in Å."""
        return self.step / self.stride

    def finish(self, columns: Array, envelope: Array) -> Array:
        """Return columns on the wanted grid: multiplied by `envelope`, cut at Qmax.

        srreal damps after the cut; Xorder and pdffit2 before it, as nature does.

        Parameters
        ----------
        columns
            Functions on the fine grid, shape (fine, M).
        envelope
            Damping on the fine grid, shape (fine, 1) or (fine, M).

        Returns
        -------
        :
            Shape (size, M).
        """
        if self.q_max is None:
            return columns * envelope
        if self.convention == "srreal":
            done = _cut_srreal(columns, self.r[0], self.fine_step, self.q_max) * envelope
        elif self.convention == "pdffit2":
            done = _cut_pdffit2(columns * envelope, self.fine_step, self.q_max)
        else:
            done = self._cut(columns * envelope)
        return done[self.before : self.before + (self.size - 1) * self.stride + 1 : self.stride]

    def _cut(self, columns: Array) -> Array:
        """Convolve with sin(Qmax x)/(π x), G(-r) = -G(r)."""
        count = len(columns)
        length = next_fast_len(2 * count - 1, real=True)
        tapered = columns * self._taper[:, None]
        forward = rfft(tapered, length, axis=0)
        backward = rfft(tapered[::-1], length, axis=0)
        near = irfft(forward * self._near[:, None], length, axis=0)[:count]
        far = irfft(backward * self._far[:, None], length, axis=0)[count - 1 : 2 * count - 1]
        return np.asarray(near - far)


def _kernels(first: float, step: float, count: int, q_max: float) -> tuple[Array, Array]:
    length = next_fast_len(2 * count - 1, real=True)
    near = np.zeros(length)
    scale = q_max / math.pi * step
    difference = np.arange(count) * step
    near[:count] = np.sinc(q_max * difference / math.pi) * scale
    near[length - count + 1 :] = near[1:count][::-1]
    total = 2 * first + step * np.arange(2 * count - 1)
    far = np.sinc(q_max * total / math.pi) * scale
    return np.asarray(rfft(near, length)), np.asarray(rfft(far, length))


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
