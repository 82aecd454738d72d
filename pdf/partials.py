"""Partial pair distributions g_ab(r) and running coordination numbers of periodic boxes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xorder.errors import BadInput
from xorder.pdf.boxes import (
    CLOSEST,
    PeriodicBox,
    block_edges,
    block_stderr,
    check_overlap,
    checked_frames,
)
from xorder.pdf.moments import ElementGroups, in_threads, stencil_from_moments
from xorder.pdf.trajectories import Frame
from xorder.results import Array, Number, Result, quantity, recorded

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

__all__ = ["BLOCKS", "Partials", "calculate_partials"]

#: Most blocks of frames for the standard errors.
BLOCKS = 5


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Partials(Result):
    """Partial pair distributions of periodic boxes, averaged over frames."""

    r: Array = quantity("Å", dims=("r",))
    """Middles of the bins, shape (N,)."""
    pairs: tuple[str, ...]
    """Pairs of elements, such as ``"Cl-Ta"``, shape (P,)."""
    small_g: Array = quantity(symbol="g(r)", dims=("pair", "r"))
    """g_ab(r): density of b around a over the mean density of b, shape (P, N)."""
    stderr: Array = quantity(symbol="σ(g)", dims=("pair", "r"))
    """Standard error of `small_g` from blocks of frames, shape (P, N); NaN of one frame."""
    running: Array = quantity(symbol="N(r)", dims=("element", "element", "r"))
    """Atoms of the second element nearer to one of the first than r + step/2, shape (E, E, N)."""
    running_stderr: Array = quantity(symbol="σ(N)", dims=("element", "element", "r"))
    """Standard error of `running`, shape (E, E, N); NaN of one frame."""
    elements: tuple[str, ...]
    """Elements in alphabetical order, shape (E,)."""
    counts: Array = quantity(dims=("element",))
    """Atoms of each element in the box, shape (E,)."""
    rho0: float = quantity("Å⁻³", symbol="ρ0")
    """Mean number density, averaged over frames."""
    step: float = quantity("Å")
    """Width of a bin."""
    r_max: float = quantity("Å")
    """Longest distance of the pairs."""
    n_frames: int
    """Frames averaged."""
    histograms: Array = quantity(dims=("block", "pair", "node"), repr=False)
    """Pairs a frame on the nodes k · step, through the stencil, each once, shape (B, P, nodes)."""
    densities: Array = quantity("Å⁻³", dims=("block",), repr=False)
    """Mean number density of each block of frames, shape (B,)."""
    name: str = ""
    """Name of the model."""
    messages: tuple[str, ...] = ()
    """What a user must know, one sentence each."""

    def coordination(self, center: str, neighbor: str, *, within: float) -> Number:
        """Return how many `neighbor` atoms lie within a distance (Å) of a `center`.

        Raises
        ------
        BadInput
            Where an element is not there, or the distance lies outside the pairs computed.
        """
        for element in (center, neighbor):
            if element not in self.elements:
                raise BadInput(f"there is no {element} in the model", expected=str(self.elements))
        edges = self.r + 0.5 * self.step
        if not edges[0] <= within <= edges[-1] + 1e-9:
            raise BadInput(
                f"within = {within} Å", expected=f"a distance up to {edges[-1]:g} Å of the partials"
            )
        a, b = self.elements.index(center), self.elements.index(neighbor)
        return Number(
            name=f"coordination {center}-{neighbor}",
            value=float(np.interp(within, edges, self.running[a, b])),
            stderr=float(np.interp(within, edges, self.running_stderr[a, b])),
            note=f"within {within:g} Å; error from blocks of {self.n_frames} frames",
        )

    def plot(self, ax: Axes | None = None, **artist_kwargs: Any) -> list[Artist]:
        """Draw the partial g(r) on Matplotlib axes and return the artists."""
        from xorder.pdf.model_plots import plot_partials

        return plot_partials(self, ax, **artist_kwargs)


@recorded
def calculate_partials(
    frames: Sequence[Frame],
    *,
    r_max: float,
    step: float = 0.02,
    blocks: int = BLOCKS,
    threads: int | None = None,
) -> Partials:
    r"""Return g_ab(r) and running coordination numbers of all pairs of elements.

    .. math:: g_{ab}(r) = \frac{\langle n_{ab}(r) \rangle}{N_a N_b\, \Delta V(r)
        \langle 1/V \rangle}

    with the ordered pairs :math:`n_{ab}` in a shell of volume :math:`\Delta V`. Boxes of any shape,
    changing from frame to frame; beyond half the box all periodic images are counted.

    Parameters
    ----------
    frames
        Boxes of one composition.
    r_max
        Longest distance in Å.
    step
        Width of a bin in Å.
    blocks
        Blocks of consecutive frames whose scatter gives the standard errors.
    threads
        Threads; None for all processors this process may use.

    Raises
    ------
    BadInput
        Where a frame has no box, compositions differ, or r_max and step are not positive.
    BadStructure
        Where atoms lie on one another.
    """
    frames = checked_frames(frames)
    if not (0 < step <= 0.5 and 10 * step <= r_max < 1000):
        raise BadInput(
            f"r_max = {r_max} Å and step = {step} Å",
            expected="a step of 0.5 Å or less and an r_max of at least ten steps",
        )
    if blocks < 1:
        raise BadInput(f"blocks = {blocks}", expected="one block or more")
    groups = ElementGroups.of(frames[0].elements)
    edges = block_edges(len(frames), blocks)
    size = math.ceil(r_max / step) + 1
    moments, volumes = [], []
    for first, last in itertools.pairwise(edges.tolist()):
        block = np.zeros((len(groups.pairs), size, 8))
        for frame in frames[first:last]:
            block += _frame_moments(frame, groups, r_max, step, size, threads)
        moments.append(block / (last - first))
        volumes.append(np.mean([1.0 / frame.volume for frame in frames[first:last]]))
    return _partials(frames, groups, np.array(moments), np.array(volumes), edges, step, r_max)


def _frame_moments(
    frame: Frame, groups: ElementGroups, r_max: float, step: float, size: int, threads: int | None
) -> Array:
    """Return the moments of the pairs of one frame, shape (P, bins, 8)."""
    from xorder.pdf.debye_kernels import deposit_box

    box = PeriodicBox.of(frame, r_max)
    fractional = np.ascontiguousarray(box.fractional[:, groups.order])

    def of_pair(a: int, b: int) -> Array:
        ends = [int(groups.edges[k]) for k in (a, a + 1, b, b + 1)]

        def deposit(offset: int, stride: int, out: NDArray[np.float64]) -> None:
            deposit_box(
                *fractional, box.lattice, box.shifts, r_max, *ends, offset, stride, 1.0 / step, out
            )

        n_pairs = float(groups.counts[a] * groups.counts[b]) * len(box.shifts)
        out = in_threads(deposit, np.zeros(8 * size), n_pairs, threads)
        return np.asarray(out.reshape(size, 8))

    moments = np.stack([of_pair(a, b) for a, b in groups.pairs])
    if np.any(moments[:, : int(CLOSEST / step), 0] > 0):
        check_overlap(frame)
    return moments


def _partials(
    frames: Sequence[Frame], groups: ElementGroups, moments: Array, inverse_volumes: Array,
    edges: NDArray[np.int64], step: float, r_max: float,
) -> Partials:  # fmt: skip
    """Normalise the moments, shape (B, P, bins, 8), of blocks of frames."""
    counts = groups.counts
    shares = np.diff(edges) / len(frames)
    size = int(r_max / step + 1e-9)
    pairs = moments[:, :, :size, 0]
    first, second = np.array(groups.pairs).T
    ordered = np.where(first == second, 2.0, 1.0)[:, None] * pairs
    shells = 4.0 / 3.0 * math.pi * step**3 * np.diff(np.arange(size + 1.0) ** 3)
    ideal = (counts[first] * counts[second])[:, None] * shells * inverse_volumes[:, None, None]
    mean_ideal = np.tensordot(shares, ideal, axes=1)
    running = np.zeros((len(moments), len(counts), len(counts), size))
    cumulative = np.cumsum(ordered, axis=-1)
    running[:, first, second] = cumulative / counts[first][:, None]
    running[:, second, first] = cumulative / counts[second][:, None]
    longest = max(frame.volume for frame in frames)
    inside = min(PeriodicBox.half_width(frame) for frame in frames)
    messages = []
    if r_max > inside + 1e-9:
        messages.append(
            f"Pairs beyond {inside:.2f} Å, half the smallest width of the box, repeat the atoms "
            "of the box."
        )
    if longest > 1.2 * min(frame.volume for frame in frames):
        messages.append("The volume of the box changes by more than a fifth between frames.")
    if len(edges) == 2:
        messages.append("One block of frames gives no standard errors.")
    n = float(counts.sum())
    return Partials(
        r=np.asarray((np.arange(size) + 0.5) * step, dtype=np.float64),
        pairs=tuple(f"{groups.elements[a]}-{groups.elements[b]}" for a, b in groups.pairs),
        small_g=np.tensordot(shares, ordered, axes=1) / mean_ideal,
        stderr=block_stderr(ordered / ideal),
        running=np.tensordot(shares, running, axes=1),
        running_stderr=block_stderr(running),
        elements=groups.elements,
        counts=counts,
        rho0=n * float(shares @ inverse_volumes),
        step=step,
        r_max=r_max,
        n_frames=len(frames),
        histograms=stencil_from_moments(moments),
        densities=n * inverse_volumes,
        name=frames[0].name,
        messages=tuple(messages),
    )
