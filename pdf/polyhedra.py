"""Shapes in models: bond angles, populations of coordination polyhedra, distorted octahedra."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xorder.errors import BadInput
from xorder.pdf.boxes import Shells, block_edges, block_stderr, checked_frames, find_shells
from xorder.pdf.partials import BLOCKS
from xorder.pdf.trajectories import Frame
from xorder.results import Array, Number, Result, quantity, recorded

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

__all__ = [
    "AngleDistribution",
    "Octahedra",
    "Populations",
    "calculate_angles",
    "count_polyhedra",
    "measure_octahedra",
    "octahedral_symmetry",
]


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class AngleDistribution(Result):
    """Angles at a center, averaged over frames."""

    angle: Array = quantity("°", symbol="θ", dims=("angle",))
    """Middles of the bins, shape (N,)."""
    density: Array = quantity("1/°", symbol="p(θ)", dims=("angle",))
    """Share of the angles per degree, whose integral is one, shape (N,)."""
    stderr: Array = quantity("1/°", symbol="σ(p)", dims=("angle",))
    """Standard error from blocks of frames, shape (N,); NaN of one block."""
    per_solid_angle: Array = quantity(symbol="p(θ)/sin θ", dims=("angle",))
    """Density over that of independent directions, (π/360°) sin θ, shape (N,)."""
    center: str
    """Element at the vertex."""
    ends: tuple[str, str]
    """Elements at the ends."""
    n_angles: int
    """Angles counted in all frames."""

    def plot(self, ax: Axes | None = None, **artist_kwargs: Any) -> list[Artist]:
        """Draw the distribution on Matplotlib axes and return the artists."""
        from xorder.pdf.model_plots import plot_angles

        return plot_angles(self, ax, **artist_kwargs)


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Populations(Result):
    """How often each composition of a coordination shell occurs."""

    labels: tuple[str, ...]
    """Polyhedra such as ``"HfOCl5"``, the most frequent first, shape (K,)."""
    fraction: Array = quantity(dims=("label",))
    """Share of the centers, shape (K,)."""
    stderr: Array = quantity(dims=("label",))
    """Standard error from blocks of frames, shape (K,); NaN of one block."""
    coordination: NDArray[np.int64] = quantity(dims=("label",))
    """Number of ligands, shape (K,)."""
    mean_coordination: Number
    """Mean number of ligands of a center."""
    n_centers: int
    """Centers in a frame."""
    n_frames: int
    """Frames counted."""

    def plot(self, ax: Axes | None = None, **artist_kwargs: Any) -> list[Artist]:
        """Draw the most frequent polyhedra on Matplotlib axes and return the artists."""
        from xorder.pdf.model_plots import plot_populations

        return plot_populations(self, ax, **artist_kwargs)


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Octahedra(Result):
    """How far six-coordinated centers are from perfect octahedra."""

    measure: Array = quantity(symbol="S(Oh)", dims=("octahedron",))
    """Continuous symmetry measure of each, 0 (perfect) to 100, shape (M,)."""
    frame: NDArray[np.int64] = quantity(dims=("octahedron",))
    """Index of its frame, shape (M,)."""
    center: NDArray[np.int64] = quantity(dims=("octahedron",))
    """Index of its central atom, shape (M,)."""
    mean: Number
    """Mean measure; error from blocks of frames."""
    six_coordinated: Number
    """Share of the centers with six ligands; error from blocks of frames."""


@recorded
def calculate_angles(
    frames: Sequence[Frame],
    *,
    center: str,
    ends: tuple[str, str],
    cutoff: float | Mapping[str, float],
    bins: int = 180,
    blocks: int = BLOCKS,
) -> AngleDistribution:
    """Return the distribution of the angles end–center–end of neighbours within a cutoff.

    Parameters
    ----------
    frames
        Boxes of one composition.
    center
        Element at the vertex.
    ends
        Elements at the ends.
    cutoff
        Longest distance in Å from the center to an end, or one per element.
    bins
        Bins of 0 to 180°.
    blocks
        Blocks of consecutive frames whose scatter gives the standard errors.

    Raises
    ------
    BadInput
        Where a frame has no box, an element is not there, or no angle is found.
    """
    from xorder.pdf.debye_kernels import sort_angles

    frames = checked_frames(frames)
    if not 2 <= bins <= 18000 or blocks < 1:
        raise BadInput(f"bins = {bins}, blocks = {blocks}", expected="2 to 18000 bins, a block")
    cutoffs = _cutoffs(cutoff, ends)
    names, kind = np.unique(frames[0].elements, return_inverse=True)
    missing = [end for end in ends if end not in names]
    if missing:
        raise BadInput(f"there is no {missing[0]} in the model", expected=f"one of {list(names)}")
    one, two = (int(np.flatnonzero(names == end)[0]) for end in ends)
    counts = np.zeros((len(frames), bins), dtype=np.int64)
    for frame, row in zip(frames, counts, strict=True):
        shells = find_shells(frame, center, cutoffs)
        sort_angles(shells.first, shells.atoms, shells.vectors, kind, one, two, row)
    total = counts.sum()
    if total == 0:
        raise BadInput(
            f"there is no angle {ends[0]}-{center}-{ends[1]} within {cutoff} Å",
            expected="a longer cutoff",
        )
    width = 180.0 / bins
    angle = np.asarray((np.arange(bins) + 0.5) * width, dtype=np.float64)
    in_blocks = np.add.reduceat(counts, block_edges(len(frames), blocks)[:-1], axis=0)
    density = counts.sum(axis=0) / total / width
    edges = np.cos(np.deg2rad(np.arange(bins + 1) * width))
    return AngleDistribution(
        angle=angle,
        density=density,
        stderr=block_stderr(
            in_blocks / np.maximum(in_blocks.sum(axis=1, keepdims=True), 1) / width
        ),
        per_solid_angle=density * width / (-0.5 * np.diff(edges)),
        center=center,
        ends=ends,
        n_angles=int(total),
    )


@recorded
def count_polyhedra(
    frames: Sequence[Frame],
    *,
    center: str,
    ligands: Sequence[str],
    cutoff: float | Mapping[str, float],
    blocks: int = BLOCKS,
) -> Populations:
    """Return how often each composition of the first shell occurs, such as HfCl6 or HfOCl5.

    Parameters
    ----------
    frames
        Boxes of one composition.
    center
        Element of the centers.
    ligands
        Elements of the ligands, in the order of the labels: ``("O", "Cl")`` gives HfOCl5.
    cutoff
        Longest distance in Å from the center to a ligand, or one per element.
    blocks
        Blocks of consecutive frames whose scatter gives the standard errors.

    Raises
    ------
    BadInput
        Where a frame has no box or an element is not there.
    """
    frames = checked_frames(frames)
    ligands = (ligands,) if isinstance(ligands, str) else tuple(ligands)
    if not ligands or len(set(ligands)) != len(ligands) or blocks < 1:
        raise BadInput(f"ligands = {ligands}, blocks = {blocks}", expected="different elements")
    cutoffs = _cutoffs(cutoff, ligands)
    shells = [find_shells(frame, center, cutoffs) for frame in frames]
    counts = np.stack([_composition(f, s, ligands) for f, s in zip(frames, shells, strict=True)])
    kinds, which = np.unique(counts.reshape(-1, len(ligands)), axis=0, return_inverse=True)
    which = which.reshape(len(frames), -1)
    shares = np.stack([np.mean(which == k, axis=1) for k in range(len(kinds))], axis=1)
    order = np.argsort(-shares.mean(axis=0), kind="stable")
    per_frame = counts.sum(axis=2).mean(axis=1)
    return Populations(
        labels=tuple(_label(center, ligands, kinds[k]) for k in order),
        fraction=shares.mean(axis=0)[order],
        stderr=block_stderr(_block_means(shares, blocks))[order],
        coordination=kinds.sum(axis=1)[order],
        mean_coordination=_mean_number(f"coordination {center}", per_frame, blocks),
        n_centers=counts.shape[1],
        n_frames=len(frames),
    )


@recorded
def measure_octahedra(
    frames: Sequence[Frame],
    *,
    center: str,
    ligands: Sequence[str],
    cutoff: float | Mapping[str, float],
    with_center: bool = True,
    blocks: int = BLOCKS,
) -> Octahedra:
    """Return the continuous symmetry measure of all centers with six ligands.

    Parameters
    ----------
    frames
        Boxes of one composition.
    center
        Element of the centers.
    ligands
        Elements that count as ligands.
    cutoff
        Longest distance in Å from the center to a ligand, or one per element.
    with_center
        Whether the central atom is a seventh point of the octahedron.
    blocks
        Blocks of consecutive frames whose scatter gives the standard errors.

    Raises
    ------
    BadInput
        Where a frame has no box, an element is not there, or no center has six ligands.
    """
    frames = checked_frames(frames)
    ligands = (ligands,) if isinstance(ligands, str) else tuple(ligands)
    cutoffs = _cutoffs(cutoff, ligands)
    if blocks < 1:
        raise BadInput(f"blocks = {blocks}", expected="one block or more")
    measures, centers, shares = [], [], []
    for frame in frames:
        shells = find_shells(frame, center, cutoffs)
        begins = shells.first[shells.centers]
        six = shells.first[shells.centers + 1] - begins == 6
        points = shells.vectors[begins[six][:, None] + np.arange(6)]
        measures.append(octahedral_symmetry(points, with_center=with_center))
        centers.append(shells.centers[six])
        shares.append(np.mean(six))
    if not any(map(len, measures)):
        raise BadInput(
            f"no {center} has six of {', '.join(ligands)} within {cutoff} Å",
            expected="another cutoff",
        )
    means = np.array([m.mean() if len(m) else np.nan for m in measures])
    weights = np.array([len(m) for m in measures])
    mean = _mean_number(f"S(Oh) {center}", means[weights > 0], blocks)
    value = float(np.concatenate(measures).mean())
    return Octahedra(
        measure=np.concatenate(measures),
        frame=np.repeat(np.arange(len(frames)), weights),
        center=np.concatenate(centers),
        mean=Number(name=mean.name, value=value, stderr=mean.stderr, note=mean.note),
        six_coordinated=_mean_number(f"six-coordinated {center}", np.array(shares), blocks),
    )


def octahedral_symmetry(points: Array, *, with_center: bool = True) -> Array:
    r"""Return the continuous symmetry measure of octahedra.

    .. math:: S = 100 \min \frac{\sum_k |Q_k - P_k|^2}{\sum_k |Q_k - Q_0|^2}

    over the size, orientation and numbering of the perfect octahedron P (Pinsky & Avnir, Inorg.
    Chem. 37, 5575 (1998), eq. 1). Corners at ±axes make the sum depend on the three differences
    between opposite corners only: of the fifteen ways to pair six corners the one whose matrix of
    differences has the largest sum of singular values is the best.

    Parameters
    ----------
    points
        Ligands around a central atom at the origin, in Å, shape (..., 6, 3).
    with_center
        Whether the origin is a seventh point, as for a molecule with its metal.

    Returns
    -------
    :
        0 for a perfect octahedron, 16.74 for a trigonal prism of square faces, shape (...).

    Raises
    ------
    BadInput
        Where points are not six, not finite, or all in one place.
    """
    points = np.asarray(points, dtype=float)
    if points.ndim < 2 or points.shape[-2:] != (6, 3) or not np.isfinite(points).all():
        raise BadInput(
            f"points have shape {points.shape} or are not finite",
            expected="six finite points, shape (..., 6, 3)",
        )
    pairings = _pairings()
    differences = points[..., pairings[:, :, 0], :] - points[..., pairings[:, :, 1], :]
    overlap = np.linalg.svd(differences, compute_uv=False).sum(axis=-1).max(axis=-1)
    count = 7 if with_center else 6
    middle = points.sum(axis=-2, keepdims=True) / count
    size = np.sum((points - middle) ** 2, axis=(-2, -1))
    if with_center:
        size = size + np.sum(middle**2, axis=(-2, -1))
    if np.any(size <= 0):
        raise BadInput("six points lie in one place", expected="an octahedron")
    return np.asarray(100.0 * np.maximum(1.0 - overlap**2 / (6.0 * size), 0.0))


def _pairings() -> NDArray[np.int64]:
    """Return the fifteen ways to make three pairs of six, shape (15, 3, 2)."""
    found = []
    for partner in range(1, 6):
        rest = [k for k in range(1, 6) if k != partner]
        for other in rest[1:]:
            last = [k for k in rest[1:] if k != other]
            found.append([[0, partner], [rest[0], other], last])
    return np.array(found)


def _composition(frame: Frame, shells: Shells, ligands: tuple[str, ...]) -> NDArray[np.int64]:
    """Return how many of each ligand every center has, shape (centers, ligands)."""
    owner = np.repeat(np.arange(len(shells.first) - 1), np.diff(shells.first))
    neighbor = frame.elements[shells.atoms]
    size = len(shells.first) - 1
    each = [np.bincount(owner[neighbor == ligand], minlength=size) for ligand in ligands]
    return np.stack(each, axis=1)[shells.centers]


def _label(center: str, ligands: tuple[str, ...], counts: NDArray[np.int64]) -> str:
    parts = [
        ligand + (str(count) if count > 1 else "")
        for ligand, count in zip(ligands, counts.tolist(), strict=True)
        if count
    ]
    return center + "".join(parts)


def _cutoffs(cutoff: float | Mapping[str, float], elements: Sequence[str]) -> dict[str, float]:
    if not isinstance(cutoff, Mapping):
        return dict.fromkeys(elements, float(cutoff))
    missing = [element for element in elements if element not in cutoff]
    if missing:
        raise BadInput(f"there is no cutoff of {missing[0]}", expected="one of each ligand in Å")
    return {element: float(cutoff[element]) for element in elements}


def _block_means(values: Array, blocks: int) -> Array:
    edges = block_edges(len(values), blocks).tolist()
    return np.stack([values[a:b].mean(axis=0) for a, b in itertools.pairwise(edges)])


def _mean_number(name: str, per_frame: Array, blocks: int) -> Number:
    stderr = float(block_stderr(_block_means(per_frame, blocks)))
    note = "" if math.isfinite(stderr) else "one block of frames gives no standard error"
    return Number(name=name, value=float(per_frame.mean()), stderr=stderr, note=note)
