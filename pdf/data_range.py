"""The range of Q that deserves to be transformed, and the noise from the scatter."""

from __future__ import annotations

import numpy as np

from xorder.results import Array

__all__ = ["advise_q_max", "advise_q_min", "estimate_noise"]

#: Distance (Å) up to which G(r) should stay readable: structure in F(Q) is as wide as π over this.
READABLE_TO = 20.0
#: Width of the pieces (Å⁻¹) in which signal and noise are compared.
PIECE = 1.6
#: Pieces in a row that must drown in noise.
DROWNED = 2
#: A beam stop's shadow ends within this range of the first Q (Å⁻¹).
SHADOW = 0.25
#: Relative rise or fall that is more than noise, in a mean of this many points.
RISE, SMOOTHED = 0.05, 5
#: Points of a block of the noise estimate.
BLOCK = 32
#: A third difference of white noise has √20 times its standard deviation.
THIRD_DIFFERENCE = 20**0.5
#: Median of |x| of a unit normal distribution.
NORMAL_MEDIAN = 0.6744897501960817


def estimate_noise(values: Array) -> Array:
    """Return the local standard error of densely sampled values from their third differences.

    Medians over blocks of 32 points keep Bragg peaks out where they are sampled by many points.
    """
    if len(values) < 2 * BLOCK:
        third = np.abs(np.diff(values, n=3)) if len(values) > 3 else np.zeros(1)
        return np.full(len(values), np.median(third) / NORMAL_MEDIAN / THIRD_DIFFERENCE)
    third = np.abs(np.diff(values, n=3)) / THIRD_DIFFERENCE
    blocks = len(third) // BLOCK
    median = np.median(third[: blocks * BLOCK].reshape(blocks, BLOCK), axis=1) / NORMAL_MEDIAN
    centres = (np.arange(blocks) + 0.5) * BLOCK + 1.0
    return np.interp(np.arange(len(values)), centres, median)


def advise_q_max(q: Array, fq: Array, fq_stderr: Array) -> float:
    """Return the Q in Å⁻¹ above which F(Q) is noise.

    In pieces of 1.6 Å⁻¹, F(Q) is averaged over π / 20 Å (finer structure belongs to larger
    distances); where the variance of these averages about a straight line stays below that of
    their noise in two pieces on end, the range ends.

    Parameters
    ----------
    q, fq, fq_stderr
        Q in Å⁻¹, F(Q) and its standard error in Å⁻¹, shape (Q,).
    """
    width = np.pi / READABLE_TO
    edges = np.arange(q[0], q[-1] + width, width)
    if len(edges) < 8:
        return float(q[-1])
    bounds = np.searchsorted(q, edges)
    keep = np.diff(bounds) > 0
    starts = bounds[:-1][keep]
    counts = np.diff(np.append(starts, len(q)))
    means = np.add.reduceat(fq, starts) / counts
    noise = np.add.reduceat(fq_stderr**2, starts) / counts**2
    size = max(4, round(PIECE / width))
    pieces = len(means) // size
    if pieces < DROWNED + 1:
        return float(q[-1])
    blocks = means[-pieces * size :].reshape(pieces, size)
    basis = np.stack([np.ones(size), np.linspace(-1, 1, size)], axis=1)
    projector = basis @ np.linalg.pinv(basis)
    variance = np.sum((blocks - blocks @ projector) ** 2, axis=1) / (size - 2)
    level = np.mean(noise[-pieces * size :].reshape(pieces, size), axis=1)
    drowned = variance < 2 * level  # the variance holds the noise once by itself
    # Below its strongest structure a pattern may well be flat, so the search starts there.
    best = int(np.argmax(variance / np.maximum(level, 1e-300)))
    for piece in range(best + 1, pieces - DROWNED + 1):
        if drowned[piece : piece + DROWNED].all():
            first = len(means) - pieces * size + piece * size
            return float(q[starts[first]])
    return float(q[-1])


def advise_q_min(q: Array, intensity: Array) -> float:
    """Return the Q in Å⁻¹ where the shadow of the beam stop or small angles give way.

    That is the first lowest point behind a maximum within 0.25 Å⁻¹ of the first Q: the edge of the
    shadow, or small-angle scattering. Where there is no such maximum the first Q is right; a first
    diffraction peak must not be lost, or density and scale suffer. Rises and falls below 5 % are
    noise.
    """
    end = int(np.searchsorted(q, min(q[0] + 2.0, q[0] + 0.2 * (q[-1] - q[0]))))
    if end < SMOOTHED + 3:
        return float(q[0])
    smooth = np.convolve(intensity[:end], np.full(SMOOTHED, 1 / SMOOTHED), mode="valid")
    highest = np.maximum.accumulate(smooth)
    falls = np.flatnonzero(smooth < highest - RISE * np.abs(highest))
    if not len(falls):
        return float(q[0])
    top = int(np.argmax(smooth[: falls[0]]))
    if q[top] > q[0] + SHADOW:
        return float(q[0])
    rest = smooth[top:]
    lowest = np.minimum.accumulate(rest)
    rises = np.flatnonzero(rest > lowest + RISE * np.abs(lowest))
    stop = int(rises[0]) if len(rises) else len(rest)
    return float(q[top + int(np.argmin(rest[:stop])) + SMOOTHED // 2])
