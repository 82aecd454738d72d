"""Moments of pair distances on an NVIDIA card, through CuPy: optional, imported when asked for.

Each pair becomes one whole number in a fine bin, from which the moments follow, as for many pairs
on the CPU: one atomic addition a pair, in integers, so that the result does not
depend on the order of the threads.
"""

from __future__ import annotations

import functools
import importlib
from typing import Any

import numpy as np

from xorder.errors import MissingExtra
from xorder.pdf.moments import FINE, ElementGroups, fine_powers
from xorder.results import Array

__all__ = ["deposit_on_gpu", "gpu_problem"]

#: Threads of a block, each with one atom of the first element …
WIDTH = 256
#: … and atoms of the second that a block goes through.
DEPTH = 1024

_SOURCE = r"""
extern "C" __global__ void count_pairs(
    const double* x, const double* y, const double* z,
    const int a0, const int a1, const int b0, const int b1,
    const double per_fine, unsigned long long* counts)
{
    __shared__ double sx[WIDTH], sy[WIDTH], sz[WIDTH];
    const int first = a0 + blockIdx.x * WIDTH;
    const int start = b0 + blockIdx.y * DEPTH;
    const int stop = min(start + DEPTH, b1);
    const bool same = a0 == b0;
    if (same && stop <= first + 1) return;
    const int i = first + threadIdx.x;
    const bool there = i < a1;
    const double xi = there ? x[i] : 0.0, yi = there ? y[i] : 0.0, zi = there ? z[i] : 0.0;
    for (int tile = start; tile < stop; tile += WIDTH) {
        const int load = tile + threadIdx.x;
        if (load < stop) {
            sx[threadIdx.x] = x[load]; sy[threadIdx.x] = y[load]; sz[threadIdx.x] = z[load];
        }
        __syncthreads();
        const int count = min(WIDTH, stop - tile);
        if (there) {
            #pragma unroll 4
            for (int k = 0; k < count; ++k) {
                if (same && tile + k <= i) continue;
                const double dx = sx[k] - xi, dy = sy[k] - yi, dz = sz[k] - zi;
                const double r = sqrt(dx * dx + dy * dy + dz * dz);
                const double place = r * per_fine;
                const unsigned int node = (unsigned int)place;
                const unsigned int within = (unsigned int)((place - node) * 4096.0);
                atomicAdd(counts + node, (1ull << 37) + within);
            }
        }
        __syncthreads();
    }
}
"""


def gpu_problem() -> str:
    """Return why the card cannot be used, or an empty text where it can."""
    try:
        cupy = _cupy()
    except ImportError:
        return "CuPy is not installed"
    try:
        if cupy.cuda.runtime.getDeviceCount() < 1:
            return "there is no CUDA card"
    except cupy.cuda.runtime.CUDARuntimeError as error:
        return f"CUDA does not work ({error})"
    return ""


def deposit_on_gpu(xyz: Array, groups: ElementGroups, step: float, size: int) -> Array:
    """Return the moments of every pair of elements, shape (pairs, bins, 8).

    Parameters
    ----------
    xyz
        Coordinates in Å of the atoms in the order of `groups`, shape (3, N).
    groups
        Which atoms are which element.
    step
        Width of a bin in Å.
    size
        Number of bins.

    Raises
    ------
    MissingExtra
        Where there is no CuPy or no card.
    """
    problem = gpu_problem()
    if problem:
        raise MissingExtra(problem, expected="`pip install 'xorder[gpu]'` and an NVIDIA card")
    cupy = _cupy()
    kernel = _kernel()
    x, y, z = cupy.asarray(xyz)
    powers, slopes = map(cupy.asarray, fine_powers())
    moments = []
    edges = groups.edges.astype(np.int32)
    for a, b in groups.pairs:
        counts = cupy.zeros(size * FINE, dtype=cupy.uint64)
        rows = int(edges[a + 1] - edges[a])
        columns = int(edges[b + 1] - edges[b])
        kernel(
            (-(-rows // WIDTH), -(-columns // DEPTH)),
            (WIDTH,),
            (x, y, z, edges[a], edges[a + 1], edges[b], edges[b + 1], FINE / step, counts),
        )
        packed = counts.reshape(size, FINE).astype(cupy.int64)
        number = (packed >> 37).astype(cupy.float64)
        within = (packed & ((1 << 37) - 1)).astype(cupy.float64) / 4096.0 - 0.5 * number
        moments.append(number @ powers + within @ slopes)
    return np.asarray(cupy.asnumpy(cupy.stack(moments)))


def _cupy() -> Any:
    return importlib.import_module("cupy")


@functools.cache
def _kernel() -> Any:
    source = _SOURCE.replace("WIDTH", str(WIDTH)).replace("DEPTH", str(DEPTH))
    return _cupy().RawKernel(source, "count_pairs")
