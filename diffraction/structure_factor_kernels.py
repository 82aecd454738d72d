"""Structure factors of many planes and atoms: the sum that arrays do in too much memory."""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from xorder.results import Array

__all__ = ["damping", "f_squared"]


# Sums in any order let the compiler add several atoms at once; the difference is rounding.
@njit(cache=True, fastmath={"reassoc", "contract", "nsz"})  # type: ignore[untyped-decorator]
def f_squared(
    planes: NDArray[np.int64],
    starts: NDArray[np.int64],
    tables: tuple[Array, Array, Array, Array, Array, Array],
    lowest: NDArray[np.int64],
    damping: Array,
    bare: Array,
    species: NDArray[np.int64],
    dispersion: NDArray[np.complex128],
    beta: Array,
    result: Array,
) -> None:
    """Write |A|² + |B|² of each plane.

    Parameters
    ----------
    planes
        Miller indices, planes of one h and k together, shape (N, 3).
    starts
        First atom of each kind, then the number of atoms; kinds stand together.
    tables
        cos and sin of 2π n x for each axis, from the lowest order on, each (orders, atoms); the
        first axis times the occupancy.
    lowest
        Lowest order of each axis.
    damping
        Isotropic displacement factor, shape (N, kinds).
    bare
        f0, shape (species, N).
    species
        Species of each kind.
    dispersion
        f' + i f'' of each kind.
    beta
        -2π² times the anisotropic displacement in reciprocal axes, shape (anisotropic atoms, 6), of
        the last atoms: 11, 22, 33, 12, 13, 23, the mixed ones doubled.
    result
        |F|², shape (N,).
    """
    atoms = tables[0].shape[1]
    # Unsigned indices need no check for counting from the end.
    isotropic = np.uint64(atoms - len(beta))
    along_real, along_imaginary = np.empty(atoms), np.empty(atoms)
    h_before, k_before = lowest[0] - 1, lowest[1] - 1
    for n in range(len(planes)):
        h, k, el = planes[n, 0], planes[n, 1], planes[n, 2]
        if h != h_before or k != k_before:
            first_c, first_s = tables[0][h - lowest[0]], tables[1][h - lowest[0]]
            second_c, second_s = tables[2][k - lowest[1]], tables[3][k - lowest[1]]
            for j in range(np.uint64(0), np.uint64(atoms)):
                along_real[j] = first_c[j] * second_c[j] - first_s[j] * second_s[j]
                along_imaginary[j] = first_c[j] * second_s[j] + first_s[j] * second_c[j]
            h_before, k_before = h, k
        cosine, sine = tables[4][el - lowest[2]], tables[5][el - lowest[2]]
        a_real = a_imaginary = b_real = b_imaginary = 0.0
        for kind in range(len(starts) - 1):
            first, end = np.uint64(starts[kind]), np.uint64(starts[kind + 1])
            sum_real = sum_imaginary = 0.0
            if first < isotropic:
                for j in range(first, end):
                    sum_real += along_real[j] * cosine[j] - along_imaginary[j] * sine[j]
                    sum_imaginary += along_real[j] * sine[j] + along_imaginary[j] * cosine[j]
            else:
                for j in range(first, end):
                    b = beta[j - isotropic]
                    factor = math.exp(
                        h * (b[0] * h + b[3] * k + b[4] * el)
                        + k * (b[1] * k + b[5] * el)
                        + b[2] * el * el
                    )
                    sum_real += factor * (along_real[j] * cosine[j] - along_imaginary[j] * sine[j])
                    sum_imaginary += factor * (
                        along_real[j] * sine[j] + along_imaginary[j] * cosine[j]
                    )
            sum_real *= damping[n, kind]
            sum_imaginary *= damping[n, kind]
            real = bare[species[kind], n] + dispersion[kind].real
            imaginary = dispersion[kind].imag
            a_real += real * sum_real
            a_imaginary += real * sum_imaginary
            b_real += imaginary * sum_real
            b_imaginary += imaginary * sum_imaginary
        result[n] = (
            a_real * a_real
            + a_imaginary * a_imaginary
            + b_real * b_real
            + b_imaginary * b_imaginary
        )


@njit(cache=True, fastmath={"reassoc", "contract", "nsz"})  # type: ignore[untyped-decorator]
def damping(x: Array, displacements: Array, middle: float, terms: int) -> Array:
    """Return exp(x u) of N numbers and K displacements near `middle`, by a series; (N, K)."""
    result = np.empty((len(x), len(displacements)))
    for n in range(len(x)):
        centre = math.exp(x[n] * middle)
        row = result[n]
        row[:] = 1.0
        # Horner's rule for 1 + y + y²/2! + …, all displacements at once.
        for order in range(terms - 1, 0, -1):
            step = x[n] / order
            for k in range(len(displacements)):
                row[k] = 1.0 + step * (displacements[k] - middle) * row[k]
        for k in range(len(displacements)):
            row[k] *= centre
    return result
