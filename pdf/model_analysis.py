"""A model of atoms described: pairs, G(r) beside the data, angles, polyhedra, octahedra."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xorder.errors import BadInput
from xorder.pdf.calculation import CalculatedPdf
from xorder.pdf.models import calculate_model_gr
from xorder.pdf.partials import Partials, calculate_partials
from xorder.pdf.pattern import PairDistribution
from xorder.pdf.polyhedra import (
    AngleDistribution,
    Octahedra,
    Populations,
    calculate_angles,
    count_polyhedra,
    measure_octahedra,
)
from xorder.pdf.recipe_tables import ModelOptions
from xorder.pdf.trajectories import Frame, read_frames
from xorder.results import Array, Number, Result, quantity, recorded

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

__all__ = ["ModelAnalysis", "analyse_model"]

#: Upper end of Q (Å⁻¹) of G(r) where neither recipe nor data give one.
USUAL_Q_MAX = 25.0
#: Bins of g(r) in Å: narrower ones hold few pairs of a small box.
STEP = 0.05


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class ModelAnalysis(Result):
    """What a model says of itself, and of a measured G(r). Everything here is simulated."""

    name: str = ""
    """Name of the model."""
    partials: Partials
    """g(r) of every pair of elements and running numbers of neighbours."""
    gr: CalculatedPdf
    """G(r) as an experiment of the same Qmax and resolution would see it."""
    angles: tuple[AngleDistribution, ...] = ()
    """Angles ligand–center–ligand of every pair of ligands that occurs."""
    populations: Populations | None = None
    """How often each polyhedron occurs."""
    octahedra: Octahedra | None = None
    """Continuous symmetry measure of the six-coordinated centers; None where there are none."""
    measured: PairDistribution | None = None
    """The data it was compared with."""
    r: Array = quantity("Å", dims=("r",))
    """Distances of the comparison; empty where there is none, shape (N,)."""
    difference: Array = quantity("Å⁻²", dims=("r",))
    """Measured minus scale times calculated, shape (N,)."""
    scale: float = math.nan
    """Factor on the model that brings it nearest to the data."""
    r_w: float = quantity(symbol="Rw", default=math.nan)
    """Residual of the comparison."""
    simulated: bool = True
    """Always true."""
    numbers: tuple[Number, ...] = ()
    """Coordination numbers, shares, symmetry, residual."""
    messages: tuple[str, ...] = ()
    """What a reader must know."""

    def plot(self, ax: Axes | None = None, **artist_kwargs: Any) -> list[Artist]:
        """Draw the partial g(r) on Matplotlib axes and return the artists."""
        return self.partials.plot(ax, **artist_kwargs)


@recorded
def analyse_model(
    options: ModelOptions,
    *,
    measured: PairDistribution | None = None,
    r_min: float = 1.0,
    name: str = "",
) -> ModelAnalysis:
    """Describe the frames of a model and compare their G(r) with a measured one.

    Parameters
    ----------
    options
        Files of the frames and what is computed of them.
    measured
        Data to compare with, by one factor on the model.
    r_min
        Lower end of the comparison in Å.
    name
        Name; the first file's stem where empty.

    Raises
    ------
    BadInput
        Where no file is named, frames have no box, or elements are not there.
    """
    frames = _frames(options)
    partials = calculate_partials(frames, r_max=options.r_max, step=STEP)
    r, q_max = _grid(options, measured)
    gr = calculate_model_gr(
        frames,
        r=r,
        q_max=q_max,
        qdamp=_first(options.qdamp, None if measured is None else measured.qdamp, 0.0),
        uiso=options.uiso,
        radiation=options.radiation or (measured.radiation if measured is not None else "xray"),
    )
    angles, populations, octahedra = _shapes(frames, options)
    used, difference, scale, r_w = _compared(gr, measured, r_min)
    numbers = _numbers(partials, populations, octahedra, options)
    if measured is not None:
        note = f"by the factor {scale:.4g} on the model; a residual, which has no error"
        numbers.append(Number(name="model r_w", value=r_w, note=note))
    messages = list(partials.messages)
    if options.center and octahedra is None:
        messages.append(f"no {options.center} has six ligands within {options.cutoff:g} Å")
    return ModelAnalysis(
        name=name or Path(options.frames[0]).stem,
        partials=partials,
        gr=gr,
        angles=angles,
        populations=populations,
        octahedra=octahedra,
        measured=measured,
        r=used,
        difference=difference,
        scale=scale,
        r_w=r_w,
        numbers=tuple(numbers),
        messages=tuple(messages),
    )


def _frames(options: ModelOptions) -> tuple[Frame, ...]:
    if not options.frames:
        raise BadInput("the model has no frames", expected="files such as XDATCAR")
    return tuple(
        frame
        for path in options.frames
        for frame in read_frames(
            path, elements=options.elements, first=options.first, every=options.every
        )
    )


def _grid(options: ModelOptions, measured: PairDistribution | None) -> tuple[Array, float]:
    """Return the distances of G(r) and Qmax: those of the data up to the options' end."""
    q_max = _first(options.q_max, None if measured is None else measured.q_max, USUAL_Q_MAX)
    if measured is None:
        return np.asarray(0.02 * np.arange(1, int(options.r_max / 0.02) + 1)), q_max
    r = measured.r[(measured.r > 0) & (measured.r <= options.r_max)]
    if len(r) < 2:
        raise BadInput(
            f"the data begin at {measured.r[0]:g} Å", expected="r_max of the model beyond that"
        )
    return r, q_max


def _shapes(
    frames: Sequence[Frame], options: ModelOptions
) -> tuple[tuple[AngleDistribution, ...], Populations | None, Octahedra | None]:
    if not options.center:
        return (), None, None
    center, ligands, cutoff = options.center, options.ligands, options.cutoff
    populations = count_polyhedra(frames, center=center, ligands=ligands, cutoff=cutoff)
    angles = []
    for i, one in enumerate(ligands):
        for two in ligands[i:]:
            try:
                found = calculate_angles(frames, center=center, ends=(one, two), cutoff=cutoff)
            except BadInput:
                # A pair of ligands that never meets at a center has no angle.
                continue
            angles.append(found)
    octahedra = None
    if np.any(populations.coordination == 6):
        octahedra = measure_octahedra(frames, center=center, ligands=ligands, cutoff=cutoff)
    return tuple(angles), populations, octahedra


def _compared(
    gr: CalculatedPdf, measured: PairDistribution | None, r_min: float
) -> tuple[Array, Array, float, float]:
    """Return distances, difference, factor and residual; empty and NaN without data."""
    if measured is None:
        return np.zeros(0), np.zeros(0), math.nan, math.nan
    used = gr.r >= r_min
    data = measured.gr[np.isin(measured.r, gr.r)][used]
    model = gr.gr[used]
    scale = max(float(data @ model / (model @ model)), 0.0)
    difference = data - scale * model
    r_w = math.sqrt(float(difference @ difference / (data @ data)))
    return gr.r[used], difference, scale, r_w


def _numbers(
    partials: Partials,
    populations: Populations | None,
    octahedra: Octahedra | None,
    options: ModelOptions,
) -> list[Number]:
    numbers = []
    if populations is not None:
        within = min(options.cutoff, partials.r_max)
        numbers += [
            partials.coordination(options.center, ligand, within=within)
            for ligand in options.ligands
        ]
        numbers.append(populations.mean_coordination)
        numbers += [
            Number(
                name=f"share {label}",
                value=float(populations.fraction[k]),
                stderr=float(populations.stderr[k]),
                note=f"within {options.cutoff:g} Å; error from blocks of {populations.n_frames} "
                "frames",
            )
            for k, label in enumerate(populations.labels)
        ]
    if octahedra is not None:
        numbers += [octahedra.mean, octahedra.six_coordinated]
    return numbers


def _first(*values: float | None) -> float:
    return next(v for v in values if v is not None and math.isfinite(v))
