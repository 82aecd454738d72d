"""I(Q) and S(Q) of a cluster by the Debye equation, from moments of its pair distances."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from xorder.errors import BadInput, BadStructure
from xorder.pdf.moments import (
    FINE,
    ElementGroups,
    fine_powers,
    in_threads,
    stencil_from_moments,
)
from xorder.pdf.pattern import Radiation
from xorder.pdf.trajectories import Frame
from xorder.results import Array, Result, quantity, recorded
from xorder.scattering import form_factor, neutron_length
from xorder.structure import Crystal, unit_cell_atoms

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

__all__ = ["DebyeScattering", "Device", "calculate_iq", "cut_sphere"]

Device = Literal["cpu", "gpu"]

#: Bin width times the largest Q: what is left out is 2e-5 of a pair's amplitude at most.
STEP_TIMES_Q = 0.6
#: Pairs a bin from which they go through fine bins (a change of I(Q) by some 1e-6 of its largest).
COUNTED_FROM = 400
#: Atoms nearer than this (Å) are an error of the cluster.
CLOSEST = 0.3
#: Most atoms: more pairs of one distance would not fit into the numbers of the fine bins.
MOST_ATOMS = 1_000_000
#: Most bins of a histogram; beyond it the atoms lie too far apart to be meant.
MOST_BINS = 4_000_000


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class DebyeScattering(Result):
    """Scattering of a cluster, its outer shape (small angles) included."""

    q: Array = quantity("Å⁻¹", symbol="Q", dims=("q",))
    """Momentum transfer, shape (Q,)."""
    iq: Array = quantity("e² or fm²", symbol="I(Q)/N", dims=("q",))
    """Coherent intensity per atom: electrons squared for X-rays, fm² for neutrons, shape (Q,)."""
    sq: Array = quantity(symbol="S(Q)", dims=("q",))
    """Structure factor (I/N - ⟨f²⟩)/⟨f⟩² + 1, shape (Q,)."""
    self_iq: Array = quantity("e² or fm²", symbol="⟨f²⟩", dims=("q",))
    """Intensity per atom of the atoms by themselves, shape (Q,)."""
    n_atoms: int
    """Atoms in the cluster."""
    radiation: Radiation = "xray"
    """What was scattered."""
    name: str = ""
    """Name of the cluster."""
    simulated: bool = True
    """Always: it was computed."""

    @property
    def fq(self) -> Array:
        """F(Q) = Q [S(Q) - 1] in Å⁻¹, shape (Q,)."""
        return np.asarray(self.q * (self.sq - 1.0))

    def plot(self, ax: Axes | None = None, **artist_kwargs: Any) -> list[Artist]:
        """Draw S(Q) on Matplotlib axes and return the artists."""
        from xorder.pdf.model_plots import plot_sq

        return plot_sq(self, ax, **artist_kwargs)


@recorded
def calculate_iq(
    cluster: Frame,
    *,
    q: Array,
    radiation: Radiation = "xray",
    uiso: float | Mapping[str, float] = 0.0,
    step: float | None = None,
    device: Device = "cpu",
    threads: int | None = None,
) -> DebyeScattering:
    r"""Return the scattering of a cluster by the Debye equation.

    .. math::

        I(Q) = \sum_i f_i^2 + 2 \sum_{i<j} f_i f_j\, e^{-Q^2 (U_i + U_j)/2}\,
        \frac{\sin Q r_{ij}}{Q r_{ij}}

    Debye, Ann. Phys. 351, 809 (1915). All pairs count; their distances go into bins through an
    eight-point stencil, so that the bins are no rounding.

    Parameters
    ----------
    cluster
        Atoms without a box.
    q
        Q in Å⁻¹, zero or more, any order, shape (Q,).
    radiation
        ``"xray"`` (Waasmaier–Kirfel f0 of the neutral atoms) or ``"neutron"``.
    uiso
        Isotropic displacement in Å² of all atoms or per element.
    step
        Bin width in Å; None for 0.6 over the largest Q. Halving it divides the error by 256.
    device
        ``"cpu"``, or ``"gpu"`` for an NVIDIA card through CuPy.
    threads
        Threads on the CPU; None for all processors this process may use.

    Raises
    ------
    BadInput
        Where the frame has a box, Q or displacements are not as said, or the step is too coarse.
    BadStructure
        Where atoms lie on one another.
    MissingExtra
        Where ``device="gpu"`` and there is no CuPy or no card.
    """
    q = _checked_q(q)
    step = _checked_step(step, float(q.max()))
    if device not in ("cpu", "gpu"):
        raise BadInput(f"unknown device {device!r}", expected="'cpu' or 'gpu'")
    if threads is not None and threads < 1:
        raise BadInput(f"threads = {threads}", expected="one thread or more, or None")
    if cluster.lattice is not None:
        raise BadInput(
            "the frame is a periodic box",
            expected="a cluster (lattice None); the Debye equation knows no periodic images",
            source=cluster.source or None,
        )
    if len(cluster.elements) > MOST_ATOMS:
        raise BadInput(
            f"the cluster has {len(cluster.elements)} atoms", expected=f"at most {MOST_ATOMS}"
        )
    groups = ElementGroups.of(cluster.elements)
    factors = np.stack([_factor(element, q, radiation) for element in groups.elements])
    u = _displacements(uiso, groups.elements)
    moments = _moments(cluster, groups, step, device, threads)
    _check_overlap(cluster, moments, step)
    pair_sums = _pair_sums(moments, step, q)
    n = len(cluster.positions)
    self_iq = groups.counts @ factors**2 / n
    iq = self_iq.copy()
    for (a, b), pair_sum in zip(groups.pairs, pair_sums, strict=True):
        damping = np.exp(-0.5 * q**2 * (u[a] + u[b]))
        iq += 2.0 / n * factors[a] * factors[b] * damping * pair_sum
    mean = groups.counts @ factors / n
    if np.min(np.abs(mean)) < 1e-6 * np.max(np.abs(factors)):
        raise BadInput(
            f"the mean scattering length is {float(np.min(np.abs(mean))):.2g}",
            expected="a composition whose scattering lengths do not cancel",
        )
    return DebyeScattering(
        q=q,
        iq=iq,
        sq=(iq - self_iq) / mean**2 + 1.0,
        self_iq=self_iq,
        n_atoms=n,
        radiation=radiation,
        name=cluster.name,
    )


def cut_sphere(crystal: Crystal, *, diameter: float) -> Frame:
    """Return the atoms of a crystal within a sphere around the origin of the cell, as a cluster.

    Raises
    ------
    BadInput
        Where the diameter is not positive, holds no atom, or a site is not full.
    """
    from xorder.pdf.trajectories import frame_from_crystal

    if not 0 < diameter < 2000:
        raise BadInput(f"diameter is {diameter} Å", expected="a positive diameter below 2000 Å")
    lattice = unit_cell_atoms(crystal).lattice
    reach = np.ceil(0.5 * diameter * np.linalg.norm(np.linalg.inv(lattice), axis=0)).astype(int)
    cells = tuple(int(count) for count in 2 * reach + 1)
    block = frame_from_crystal(crystal, repeat=(cells[0], cells[1], cells[2]))
    positions = block.positions - reach @ lattice
    inside = np.sum(positions**2, axis=1) <= (0.5 * diameter) ** 2
    if not inside.any():
        raise BadInput(
            f"there is no atom in a sphere of {diameter:g} Å", expected="a larger diameter"
        )
    return Frame(
        positions=positions[inside],
        elements=block.elements[inside],
        name=f"{crystal.name} {diameter:g} Å",
        source=crystal.source,
    )


def _checked_q(q: Array) -> Array:
    q = np.asarray(q, dtype=float)
    if q.ndim != 1 or not q.size:
        raise BadInput(f"q has shape {q.shape}", expected="at least one Q, shape (Q,)")
    bad = np.flatnonzero(~(np.isfinite(q) & (q >= 0)))
    if bad.size:
        raise BadInput(
            f"q is {q[bad[0]]} at point {bad[0]}", expected="finite Q of zero or more in Å⁻¹"
        )
    if q.max() <= 0 or q.max() > 75:
        raise BadInput(
            f"the largest Q is {q.max():g} Å⁻¹",
            expected="a Q above zero, up to 75 Å⁻¹, where the form factors end; is it nm⁻¹?",
        )
    return q


def _checked_step(step: float | None, q_max: float) -> float:
    finest = min(STEP_TIMES_Q / q_max, CLOSEST / 4.0)
    if step is None:
        return finest
    if not 0 < step <= 2.0 * finest:
        raise BadInput(
            f"step is {step} Å for Q up to {q_max:g} Å⁻¹",
            expected=f"a positive step of at most {2.0 * finest:.4f} Å",
        )
    return step


def _factor(element: str, q: Array, radiation: Radiation) -> Array:
    if radiation == "xray":
        return form_factor(element, q / (4.0 * math.pi))
    if radiation == "neutron":
        return np.full_like(q, neutron_length(element))
    raise BadInput(f"unknown radiation {radiation!r}", expected="'xray' or 'neutron'")


def _displacements(uiso: float | Mapping[str, float], elements: tuple[str, ...]) -> Array:
    given = dict(uiso) if isinstance(uiso, Mapping) else dict.fromkeys(elements, float(uiso))
    for element in elements:
        if not 0 <= given.get(element, math.nan) < math.inf:
            raise BadInput(
                f"uiso of {element} is {given.get(element, 'missing')}",
                expected="a displacement of zero or more in Å²",
            )
    return np.array([given[element] for element in elements])


def _moments(
    cluster: Frame, groups: ElementGroups, step: float, device: Device, threads: int | None
) -> Array:
    """Return the moments of every pair of elements, shape (pairs, bins, 8)."""
    xyz = np.ascontiguousarray(cluster.positions[groups.order].T)
    xyz -= xyz.mean(axis=1)[:, None]
    from_centre = 2.0 * math.sqrt(float(np.max(np.sum(xyz**2, axis=0))))
    longest = min(from_centre, float(np.linalg.norm(np.ptp(xyz, axis=1))))
    size = math.ceil(longest / step) + 2
    if size > MOST_BINS:
        raise BadInput(
            f"the cluster is {longest:.3g} Å long", expected="positions in Å", source=None
        )
    if device == "gpu":
        from xorder.pdf.debye_gpu import deposit_on_gpu

        return deposit_on_gpu(xyz, groups, step, size)
    return np.stack(
        [_pair_moments(xyz, groups, a, b, step, size, threads) for a, b in groups.pairs]
    )


def _pair_moments(
    xyz: Array, groups: ElementGroups, a: int, b: int, step: float, size: int, threads: int | None
) -> Array:
    """Return the moments of the pairs of two elements, shape (bins, 8)."""
    from xorder.pdf.debye_kernels import count_cluster, deposit_cluster, moments_of_counts

    n_pairs = float(groups.counts[a] * groups.counts[b] * (0.5 if a == b else 1.0))
    ends = [int(groups.edges[k]) for k in (a, a + 1, b, b + 1)]
    if n_pairs < COUNTED_FROM * size:

        def deposit(offset: int, stride: int, out: Array) -> None:
            deposit_cluster(*xyz, *ends, offset, stride, 1.0 / step, out)

        moments = in_threads(deposit, np.zeros(8 * size), n_pairs, threads)
        return np.asarray(moments.reshape(size, 8))

    def count(offset: int, stride: int, out: NDArray[np.int64]) -> None:
        count_cluster(*xyz, *ends, offset, stride, FINE / step, out)

    counts = in_threads(count, np.zeros(size * FINE, dtype=np.int64), n_pairs, threads)
    moments = np.zeros((size, 8))
    moments_of_counts(counts.reshape(size, FINE), *fine_powers(), moments)
    return moments


def _pair_sums(moments: Array, step: float, q: Array) -> Array:
    """Return the sum of sin(Q r)/(Q r) over the pairs of each class, shape (pairs, Q)."""
    from xorder.pdf.debye_kernels import sine_sums

    histogram = stencil_from_moments(moments)
    r = step * np.arange(histogram.shape[-1])
    columns = np.divide(histogram, r, out=np.zeros_like(histogram), where=r > 0)
    sums = np.zeros((len(columns), len(q)))
    sine_sums(0.0, step, q, np.ascontiguousarray(columns), sums)
    at_zero = moments[:, :, 0].sum(axis=1)[:, None]
    return np.where(q > 1e-8, sums / np.maximum(q, 1e-8), at_zero)


def _check_overlap(cluster: Frame, moments: Array, step: float) -> None:
    """Raise where a pair is nearer than `CLOSEST`."""
    low = math.ceil(CLOSEST / step)
    if not np.any(moments[:, :low, 0] > 0):
        return
    from scipy.spatial import cKDTree

    pairs = cKDTree(cluster.positions).query_pairs(CLOSEST, output_type="ndarray")
    if not len(pairs):
        return
    i, j = pairs[0]
    distance = float(np.linalg.norm(cluster.positions[i] - cluster.positions[j]))
    raise BadStructure(
        f"atoms {i + 1} ({cluster.elements[i]}) and {j + 1} ({cluster.elements[j]}) are "
        f"{distance:.3f} Å apart",
        expected=f"at least {CLOSEST} Å",
        source=cluster.source or None,
    )
