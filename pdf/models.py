"""G(r) of models as an experiment would see it: frames of molecular dynamics, large boxes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from xorder.errors import BadInput
from xorder.pdf.boxes import block_stderr
from xorder.pdf.calculation import CalculatedPdf, FormFactors
from xorder.pdf.form_weights import FormWeights
from xorder.pdf.moments import redeposited
from xorder.pdf.pairs import PairHistogram, Widths, broadened
from xorder.pdf.partials import BLOCKS, Partials, calculate_partials
from xorder.pdf.pattern import Radiation, check_uniform
from xorder.pdf.phases import class_shares
from xorder.pdf.termination import RIPPLES, Grid
from xorder.pdf.trajectories import Frame
from xorder.results import Array, recorded
from xorder.scattering import atomic_number, neutron_length

__all__ = ["calculate_model_gr", "gr_from_partials"]


@recorded
def gr_from_partials(
    partials: Partials,
    *,
    r: Array,
    q_max: float,
    qdamp: float = 0.0,
    uiso: float | Mapping[str, float] = 0.0,
    radiation: Radiation = "xray",
    form_factors: FormFactors = "exact",
    scale: float = 1.0,
) -> CalculatedPdf:
    r"""Return the G(r) that an experiment of limited Q would give of a model.

    .. math::

        G(r) = \sum_{ab} w_{ab} \otimes \left[\frac{1}{N \langle b \rangle^2}
        \sum_{i \in a, j \in b} \frac{b_a b_b}{r_{ij}} \delta(r - r_{ij})
        - 4\pi r \rho_0 c_a c_b \frac{b_a b_b}{\langle b \rangle^2}\right]

    with the resolution before the cut at `q_max`. The motion of atoms is in the frames; `uiso` adds
    to it, as a model of resting atoms needs.

    Parameters
    ----------
    partials
        Pairs of the model.
    r
        Distances in Å, uniform and ascending, shape (N,).
    q_max
        Upper end of Q in Å⁻¹.
    qdamp
        Resolution in Å⁻¹.
    uiso
        Further isotropic displacement in Å² of all atoms or per element; zero for none.
    radiation
        ``"xray"`` or ``"neutron"``.
    form_factors
        ``"exact"`` weighs X-ray pairs by f_a(Q) f_b(Q)/⟨f(Q)⟩² up to `q_max`; ``"constant"`` by
        the atomic numbers.
    scale
        Factor on the whole.

    Returns
    -------
    :
        G(r), its standard error from the blocks of frames (None of one block).

    Raises
    ------
    BadInput
        Where r goes too far for the pairs of the model, or their bins are too wide for `q_max`.
    """
    r = np.asarray(r, dtype=float)
    check_uniform(r)
    if form_factors not in ("constant", "exact"):
        raise BadInput(f"unknown form_factors {form_factors!r}", expected="'constant' or 'exact'")
    if not 0 < q_max < math.inf:
        raise BadInput(f"q_max is {q_max}", expected="a positive Qmax in Å⁻¹")
    if not (0 <= qdamp < math.inf and math.isfinite(scale)):
        raise BadInput(f"qdamp = {qdamp}, scale = {scale}", expected="qdamp >= 0, a finite scale")
    u = _displacements(uiso, partials.elements)
    narrowest = 0.6 * math.sqrt(2.0 * u[u > 0].min()) if np.any(u > 0) else math.inf
    grid = Grid.of(
        float(r[0]), float((r[-1] - r[0]) / (len(r) - 1)), len(r),
        q_max=q_max, convention="xorder", finest=min(0.03, narrowest, 0.6 / q_max),
    )  # fmt: skip
    _check_reach(partials, float(grid.r[-1]), q_max)
    weights = np.array([_weight(element, radiation) for element in partials.elements])
    n = float(partials.counts.sum())
    mean = float(partials.counts @ weights) / n
    if abs(mean) < 1e-6 * np.max(np.abs(weights)):
        raise BadInput(f"the mean scattering weight is {mean:.2g}", expected="one that is not zero")
    first, second = np.triu_indices(len(weights))
    strength = weights[first] * weights[second] / mean**2
    peaks = _peaks(partials, u, first, second, grid) * (2.0 * strength / n)[:, None]
    shares = class_shares(partials.counts * weights / (n * mean), np.arange(len(weights)))
    baseline = 4.0 * math.pi * grid.r[:, None, None] * shares[:, None] * partials.densities
    kernel = None
    if form_factors == "exact" and radiation == "xray":
        amounts = dict(zip(partials.elements, partials.counts.tolist(), strict=True))
        kernel = grid.kernel(FormWeights(elements=partials.elements, sample=amounts))
    envelope = np.exp(-0.5 * (grid.r * qdamp) ** 2)[:, None]
    curves = scale * grid.finish(peaks - baseline, envelope, kernel)
    return CalculatedPdf(
        r=r,
        gr=curves.mean(axis=1),
        stderr=block_stderr(curves.T) if curves.shape[1] > 1 else None,
        q_max=q_max,
        qdamp=qdamp,
        qbroad=0.0,
        composition="".join(
            f"{e}{c:g}" for e, c in zip(partials.elements, partials.counts, strict=True)
        ),
        radiation=radiation,
        name=partials.name,
        simulated=True,
        rho0=partials.rho0,
    )


@recorded
def calculate_model_gr(
    frames: Sequence[Frame],
    *,
    r: Array,
    q_max: float,
    qdamp: float = 0.0,
    uiso: float | Mapping[str, float] = 0.0,
    radiation: Radiation = "xray",
    form_factors: FormFactors = "exact",
    scale: float = 1.0,
    blocks: int = BLOCKS,
    threads: int | None = None,
) -> CalculatedPdf:
    """Return the G(r) of frames: `calculate_partials` as far as needed, then `gr_from_partials`.

    Parameters
    ----------
    frames
        Boxes of one composition.
    r, q_max, qdamp, uiso, radiation, form_factors, scale
        As for `gr_from_partials`.
    blocks, threads
        As for `calculate_partials`.

    Raises
    ------
    BadInput
        As these do.
    BadStructure
        Where atoms lie on one another.
    """
    r = np.asarray(r, dtype=float)
    check_uniform(r)
    if not 0 < q_max < math.inf:
        raise BadInput(f"q_max is {q_max}", expected="a positive Qmax in Å⁻¹")
    reach = float(r[-1]) + RIPPLES * 2.0 * math.pi / q_max + 0.5
    partials = calculate_partials(
        frames, r_max=reach, step=min(0.02, 0.6 / q_max), blocks=blocks, threads=threads
    )
    return gr_from_partials(
        partials, r=r, q_max=q_max, qdamp=qdamp, uiso=uiso, radiation=radiation,
        form_factors=form_factors, scale=scale,
    )  # fmt: skip


def _peaks(
    partials: Partials, u: Array, first: NDArray[np.int64], second: NDArray[np.int64], grid: Grid
) -> Array:
    """Return Σ δ(r - r_ij)/r_ij, broadened where atoms have a displacement, (fine, P, B)."""
    msd = u[first] + u[second]
    out = np.zeros((len(grid.r), len(msd), len(partials.histograms)))
    r = partials.step * np.arange(partials.histograms.shape[-1])
    for block, histograms in enumerate(partials.histograms):
        for c, counts in enumerate(histograms):
            if msd[c] > 0:
                widths = Widths(msd=msd[c : c + 1], members=np.zeros((1, 0)))
                pairs = PairHistogram(
                    counts=counts[None], moved=np.zeros((1, len(r), 0)), step=partials.step
                )
                out[:, c, block] = broadened(pairs, widths, grid.r, over_distance=True)
            else:
                over = np.divide(counts, r, out=np.zeros_like(counts), where=r > 0)
                out[:, c, block] = redeposited(over, partials.step, grid.r) / grid.fine_step
    return out


def _displacements(uiso: float | Mapping[str, float], elements: tuple[str, ...]) -> Array:
    given = dict(uiso) if isinstance(uiso, Mapping) else dict.fromkeys(elements, float(uiso))
    for element in elements:
        if not 0 <= given.get(element, math.nan) < math.inf:
            raise BadInput(
                f"uiso of {element} is {given.get(element, 'missing')}",
                expected="a displacement of zero or more in Å²",
            )
    return np.array([given[element] for element in elements])


def _weight(element: str, radiation: Radiation) -> float:
    if radiation == "xray":
        return float(atomic_number(element))
    if radiation == "neutron":
        return neutron_length(element)
    raise BadInput(f"unknown radiation {radiation!r}", expected="'xray' or 'neutron'")


def _check_reach(partials: Partials, needed: float, q_max: float) -> None:
    if partials.r_max < needed:
        raise BadInput(
            f"the pairs of the model reach {partials.r_max:g} Å",
            expected=f"an r_max of at least {needed + 0.1:.1f} Å, ripples of the cut included",
        )
    if partials.step > 0.8 / q_max:
        raise BadInput(
            f"the bins are {partials.step:g} Å wide",
            expected=f"a step of at most {0.8 / q_max:.4f} Å for q_max = {q_max:g} Å⁻¹",
        )
