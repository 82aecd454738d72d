"""Periodic boxes as the kernels want them; neighbours; blocks of frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xorder.errors import BadInput, BadStructure
from xorder.pdf.trajectories import Frame
from xorder.results import Array

__all__ = [
    "PeriodicBox",
    "Shells",
    "block_edges",
    "block_stderr",
    "check_overlap",
    "checked_frames",
    "find_shells",
]

#: Atoms nearer than this (Å) are an error of the model.
CLOSEST = 0.3
#: Most whole cells around the box that are searched.
MOST_SHIFTS = 2_000_000


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class PeriodicBox:
    """A frame's box, turned so that its lattice is lower triangular."""

    fractional: Array
    """Fractional coordinates, shape (3, N)."""
    lattice: Array
    """Cell vectors as rows in Å, lower triangular, shape (3, 3)."""
    shifts: Array
    """Whole cells (Cartesian, Å) to be added to the nearest image, zero first, shape (S, 3)."""

    @classmethod
    def of(cls, frame: Frame, r_max: float) -> PeriodicBox:
        """Return the box with all images that can be within `r_max`.

        A vector of length r has fractional components up to r over the width of the box, so the
        nearest image in each component and this many cells around it hold every pair.
        """
        vectors = _lattice(frame)
        # Only distances matter: the factor of the metric is the lattice in other axes.
        lattice: Array = np.asarray(np.linalg.cholesky(vectors @ vectors.T), dtype=np.float64)
        inverse = np.linalg.inv(vectors)
        reach = np.floor(r_max * np.linalg.norm(inverse, axis=0) + 0.5).astype(int)
        if np.prod(2.0 * reach + 1.0) > MOST_SHIFTS:
            raise BadInput(
                f"a sphere of {r_max:g} Å holds {int(np.prod(2 * reach + 1))} boxes",
                expected="a larger box or a shorter distance",
            )
        axes = [np.arange(-n, n + 1) for n in reach]
        cells = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
        shifts = cells @ lattice
        length = np.linalg.norm(shifts, axis=1)
        near = length <= r_max + 0.5 * np.linalg.norm(lattice, axis=1).sum()
        order = np.argsort(length[near], kind="stable")
        return cls(
            fractional=np.ascontiguousarray((frame.positions @ inverse).T),
            lattice=lattice,
            shifts=np.ascontiguousarray(shifts[near][order], dtype=float),
        )

    @staticmethod
    def half_width(frame: Frame) -> float:
        """Return half the smallest distance between opposite faces, in Å."""
        inverse = np.linalg.inv(_lattice(frame))
        return float(0.5 / np.max(np.linalg.norm(inverse, axis=0)))


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Shells:
    """Neighbours of the centers of one frame."""

    centers: NDArray[np.int64]
    """Atoms that are centers, shape (M,)."""
    first: NDArray[np.int64]
    """Neighbours of atom i are first[i] … first[i + 1], shape (N + 1,)."""
    atoms: NDArray[np.int64]
    """Neighbours, shape (K,)."""
    vectors: Array
    """From center to neighbour in Å, shape (K, 3)."""


def checked_frames(frames: Sequence[Frame]) -> tuple[Frame, ...]:
    """Return the frames as a tuple.

    Raises
    ------
    BadInput
        Where there is none, one has no box, or their elements differ.
    """
    frames = (frames,) if isinstance(frames, Frame) else tuple(frames)
    if not frames:
        raise BadInput("there are no frames", expected="at least one frame")
    for frame in frames:
        _lattice(frame)
        same = frame.elements is frames[0].elements
        if not same and not np.array_equal(frame.elements, frames[0].elements):
            raise BadInput(
                f"frame {frame.step} has other atoms, or another order, than frame "
                f"{frames[0].step}",
                expected="frames of the same atoms",
                source=frame.source or None,
            )
    return frames


def block_edges(count: int, blocks: int) -> NDArray[np.int64]:
    """Return where blocks of consecutive frames begin and end, shape (B + 1,)."""
    return np.linspace(0, count, min(blocks, count) + 1).round().astype(np.int64)


def block_stderr(values: Array) -> Array:
    """Return the standard error of the mean of blocks, shape (B, ...); NaN of one block."""
    if len(values) < 2:
        return np.full(values.shape[1:], np.nan)
    return np.asarray(np.std(values, axis=0, ddof=1) / np.sqrt(len(values)))


def find_shells(frame: Frame, center: str | None, cutoffs: Mapping[str, float]) -> Shells:
    """Return the neighbours of each `center` (None: of all atoms) within cutoffs in Å per element.

    Raises
    ------
    BadInput
        Where the frame has no box or no center, or a cutoff is not positive.
    BadStructure
        Where a neighbour lies on its center.
    """
    shells = _neighbors(frame, center, cutoffs)
    nearest = np.min(np.sum(shells.vectors**2, axis=1), initial=np.inf)
    if nearest < CLOSEST**2:
        check_overlap(frame)
    return shells


def check_overlap(frame: Frame) -> None:
    """Raise where two atoms of a frame lie nearer than 0.3 Å.

    Raises
    ------
    BadStructure
        The message names the atoms.
    """
    everything = dict.fromkeys(np.unique(frame.elements).tolist(), CLOSEST)
    shells = _neighbors(frame, None, everything)
    if not len(shells.atoms):
        return
    i = int(np.argmax(np.diff(shells.first) > 0))
    j = int(shells.atoms[0])
    raise BadStructure(
        f"atoms {i + 1} ({frame.elements[i]}) and {j + 1} ({frame.elements[j]}) of frame "
        f"{frame.step} are {float(np.linalg.norm(shells.vectors[0])):.3f} Å apart",
        expected=f"at least {CLOSEST} Å",
        source=frame.source or None,
    )


def _neighbors(frame: Frame, center: str | None, cutoffs: Mapping[str, float]) -> Shells:
    from xorder.pdf.debye_kernels import find_neighbors

    names, kind = np.unique(frame.elements, return_inverse=True)
    for element, cutoff in cutoffs.items():
        if not 0 < cutoff < 100:
            raise BadInput(f"the cutoff of {element} is {cutoff} Å", expected="a positive distance")
    limits = np.array([cutoffs.get(str(name), 0.0) for name in names])
    is_center = np.ones(len(kind), bool) if center is None else frame.elements == center
    if not is_center.any() or not limits.any():
        raise BadInput(
            f"the model of {', '.join(names)} has no {center} or none of {', '.join(cutoffs)}",
            expected="elements of the model",
            source=frame.source or None,
        )
    box = PeriodicBox.of(frame, float(limits.max()))
    first = np.zeros(len(kind) + 1, dtype=np.int64)
    room = 16 * int(is_center.sum())
    while True:
        atoms, vectors = np.zeros(room, dtype=np.int64), np.zeros((room, 3))
        found = find_neighbors(
            box.fractional, box.lattice, box.shifts, is_center, kind, limits, first, atoms, vectors
        )
        if found <= room:
            break
        room = found
    return Shells(
        centers=np.flatnonzero(is_center), first=first, atoms=atoms[:found], vectors=vectors[:found]
    )


def _lattice(frame: Frame) -> Array:
    if frame.lattice is None:
        raise BadInput(
            f"frame {frame.step} has no box",
            expected="a periodic box (lattice); a cluster goes to calculate_iq",
            source=frame.source or None,
        )
    return frame.lattice
