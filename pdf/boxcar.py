"""Phase fractions against length scale: the model fitted to windows of r that slide along G(r)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xorder.errors import BadInput
from xorder.fitting import Parameters
from xorder.pdf.model_spread import model_spread
from xorder.pdf.options import RefinementOptions
from xorder.pdf.pattern import PairDistribution
from xorder.pdf.phases import PhaseModel
from xorder.pdf.refinement import PdfFit, objective_for, phase_models, refine
from xorder.pdf.window_errors import whole_errors
from xorder.pdf.windows import (
    FittedWindow,
    fit_window,
    fit_windows_tied,
    prepare_window,
)
from xorder.results import Array, Result, quantity, recorded
from xorder.structure import Crystal

if TYPE_CHECKING:
    import pandas
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

__all__ = ["Boxcar", "fit_boxcar"]

#: A mass fraction less certain than this is undecided.
UNDECIDED = 0.25
#: A window whose model leaves this much of the data (Rw) decides nothing.
POOR = 0.5


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Boxcar(Result):
    """A sum of phases fitted to one window of r after another."""

    name: str = ""
    """Name of the sample."""
    phases: tuple[str, ...] = ()
    """Names of the phases."""
    r_max: Array = quantity("Å", dims=("r_max",))
    """Upper ends of the windows, shape (windows,)."""
    r_min: Array = quantity("Å", dims=("r_max",))
    """Lower ends of the windows."""
    mass_fraction: Array = quantity(dims=("r_max", "phase"))
    """Mass fraction of each phase, shape (windows, phases); NaN where a window failed."""
    mass_stderr: Array = quantity(dims=("r_max", "phase"))
    """Standard error of the mass fractions."""
    atom_fraction: Array = quantity(dims=("r_max", "phase"))
    """Atom fraction of each phase."""
    atom_stderr: Array = quantity(dims=("r_max", "phase"))
    """Standard error of the atom fractions."""
    scale: Array = quantity(dims=("r_max", "phase"))
    """Scale of each phase."""
    scale_stderr: Array = quantity(dims=("r_max", "phase"))
    """Standard error of the scales."""
    scale_covariance: Array | None = quantity(default=None, repr=False)
    """Covariance of the scales of each phase between windows, which share data and what they hold,
    shape (phases, windows, windows); None where it is not known."""
    seen: tuple[Array, ...] = field(default=(), repr=False)
    """For each window its distances in Å, and below them how much each point counts in the scale of
    each phase, shape (1 + phases, points); empty where it is not known."""
    r_w: Array = quantity(symbol="Rw", dims=("r_max",))
    """Weighted residual of each window on the points of its fit."""
    n_independent: Array = quantity(dims=("r_max",))
    """Independent points of each window, Qmax Δr/π."""
    undecided: NDArray[np.bool_] = quantity(dims=("r_max",))
    """Windows that failed, left Rw above 0.5 or whose fraction is uncertain by more than 0.25."""
    flags: tuple[tuple[str, ...], ...] = ()
    """What a reader must know of each window."""
    whole: PdfFit | None = field(default=None, repr=False)
    """The fit of the whole range that the windows start from."""
    free: tuple[str, ...] = ()
    """Patterns of the parameters each window frees."""
    width: float = quantity("Å", default=math.nan)
    """Width of the windows."""
    step: float = quantity("Å", default=math.nan)
    """Step from window to window."""
    cumulative: bool = False
    """Whether all windows begin at the lowest r."""
    note: str = ""
    """How much of its data a window shares with its neighbour."""
    simulated: bool = False
    """True where the data are simulated."""
    messages: tuple[str, ...] = ()
    """What a reader must know."""

    def to_dataframe(self) -> pandas.DataFrame:
        """Return one row a window: ends, fractions and scales of each phase, Rw."""
        import pandas

        columns: dict[str, Any] = {"r_min": self.r_min, "r_max": self.r_max}
        for i, phase in enumerate(self.phases):
            for key in ("mass_fraction", "mass_stderr", "atom_fraction", "atom_stderr",
                        "scale", "scale_stderr"):  # fmt: skip
                columns[f"{key}_{phase}"] = getattr(self, key)[:, i]
        columns |= {
            "r_w": self.r_w,
            "n_independent": self.n_independent,
            "undecided": self.undecided,
            "flags": ["; ".join(flags) for flags in self.flags],
        }
        return pandas.DataFrame(columns).set_index("r_max")

    def plot(self, ax: Axes | None = None, **artist_kwargs: Any) -> list[Artist]:
        """Draw the mass fractions with error bars on Matplotlib axes; return the artists."""
        from xorder.pdf.plots import plot_boxcar

        return plot_boxcar(self, ax, **artist_kwargs)


@recorded
def fit_boxcar(
    measured: PairDistribution,
    phases: Mapping[str, Crystal] | Sequence[Crystal],
    *,
    width: float = 6.0,
    step: float = 1.0,
    r_range: tuple[float, float] | None = None,
    free: Sequence[str] = ("scale*", "uiso*"),
    options: RefinementOptions | None = None,
    parameters: Parameters | None = None,
    whole: PdfFit | None = None,
    cumulative: bool = False,
    smoothness: float | None = None,
    fading: bool = False,
    alternatives: Mapping[str, Sequence[Crystal]] | None = None,
) -> Boxcar:
    """Fit windows of r one by one and return the phase fractions against length scale.

    The whole range is refined first. Each window starts from it and frees `free`; everything else
    keeps the value of the whole range, so that a window of some 40 independent points determines
    what it frees. Standard errors count correlated noise, covariances, and the errors of what is
    held; neighbouring windows share data and are not independent of each other.

    Parameters
    ----------
    measured
        G(r) with a known Qmax.
    phases
        Crystals by name.
    width, step
        Width of a window and step between windows in Å.
    r_range
        Lowest and highest r in Å; the data from 1.7 Å on where None.
    free
        Names, with wildcards, of what each window frees: ``("scale*",)`` for the scales alone;
        ``delta*`` counts in windows that begin below 4 Å.
    options, parameters
        As in `refine`, for the fit of the whole range.
    whole
        A fit of the whole range, where it is at hand.
    cumulative
        True for windows that all begin at the lowest r and end `step` further each, the curve
        against r_max; it lags behind the sliding window, whose asymptote is the one to read.
    smoothness
        Expected change of what a window frees from one to the next, relative to its largest value,
        such as 0.1; the windows are then fitted together. None fits each alone.
    fading
        True leaves the size of domains, which a fit of the whole range with `sphere_diameter`
        found, out of the windows: then scales fade with the order, and `order_length` reads how far
        it reaches. Where the whole range was fitted without that size, the structure of a
        nanocrystal comes out wrong, and so do its windows.
    alternatives
        For phases that are one of many, such as a packing of a glass or a frame of a simulation:
        others that might have been taken as well, by the name of the phase. How they differ counts
        as the error of the model; without them it is not known.

    Raises
    ------
    BadInput
        Where alternatives are of another phase or other elements, where no window fits into the
        range, or a window has more variables than independent points.
    """
    for key, value in {"width": width, "step": step}.items():
        if not 0 < value < math.inf:
            raise BadInput(f"{key} is {value}", expected=f"a positive {key} in Å")
    options = options or (whole.options if whole is not None else RefinementOptions())
    if whole is None:
        whole = refine(measured, phases, r_range=r_range, options=options, parameters=parameters)
    if r_range is None:
        r_range = (float(whole.r[0]), float(whole.r[-1]))
    starts = window_starts(r_range, width, step)
    models = phase_models(measured, phases, options)
    ranges = [(starts[0] if cumulative else low, low + width) for low in starts]
    inner = replace(options, sphere_diameter=None) if fading else options
    prepared = [
        prepare_window(measured, models, r_range, whole, tuple(free), inner) for r_range in ranges
    ]
    errors = None
    if whole.success:
        span = (float(whole.r[0]), float(whole.r[-1]))
        at_large = objective_for(
            measured, models, span, whole.options, whole.sample, whole.parameters
        )
        spread = None
        if alternatives:
            reach = (min(low for low, _ in ranges), max(high for _, high in ranges))
            reach = (min(reach[0], span[0]), max(reach[1], span[1]))
            spread = model_spread(measured, at_large, whole, alternatives, reach)
        errors = whole_errors(at_large, whole, spread)
    if smoothness is None or not whole.success or len(prepared) < 2:
        windows = [fit_window(one, options, errors) for one in prepared]
    else:
        windows = fit_windows_tied(prepared, whole, smoothness, min(step / width, 1.0), errors)
    box = _collected(measured, models, windows, whole, tuple(free), width, step)
    if not cumulative:
        return box
    return replace(box, cumulative=True, note="every window holds those before it")


def relative_scale(boxcar: Boxcar, index: int) -> tuple[Array, Array]:
    """Return the scale of a phase over that of the first decided window, and its standard error.

    Where a crystalline phase loses range this is the amorphization curve.

    Parameters
    ----------
    boxcar
        Fitted windows.
    index
        Which phase.

    Returns
    -------
    ratio
        Shape (windows,); one by definition in the first decided window, NaN throughout where its
        scale is nothing.
    stderr
        Shape (windows,); that of the first window counts in all others.
    """
    decided = np.flatnonzero(~boxcar.undecided)
    scale, error = boxcar.scale[:, index], boxcar.scale_stderr[:, index]
    first = int(decided[0]) if decided.size else 0
    if not scale[first] > 2.0 * error[first]:
        return np.full_like(scale, math.nan), np.full_like(scale, math.nan)
    ratio = scale / scale[first]
    stderr = np.hypot(error, ratio * error[first]) / scale[first]
    stderr[first] = error[first] / scale[first]
    return ratio, stderr


def window_starts(r_range: tuple[float, float], width: float, step: float) -> list[float]:
    """Return the lower ends of the windows that fit into a range.

    Raises
    ------
    BadInput
        Where not even one does.
    """
    low, high = r_range
    if high - low < width - 1e-9:
        raise BadInput(
            f"a window of {width:g} Å does not fit into {low:g} to {high:g} Å",
            expected="a smaller width or a longer range",
        )
    count = math.floor((high - low - width) / step + 1e-9) + 1
    return [low + i * step for i in range(count)]


def _between_windows(windows: Sequence[FittedWindow]) -> Array | None:
    """Return the covariance of scales between windows, shape (phases, windows, windows)."""
    known = [window.waves for window in windows if window.waves is not None]
    if not known:
        return None
    unknown = np.full_like(known[0], math.nan)
    waves = np.stack([unknown if w.waves is None else w.waves for w in windows], axis=1)
    return np.asarray(waves @ waves.transpose(0, 2, 1))


def _sharing(width: float, step: float) -> str:
    if step >= width:
        return "neighbouring windows share no data"
    return f"neighbouring windows share {1 - step / width:.0%} of their data: not independent"


def _collected(
    measured: PairDistribution,
    models: Mapping[str, PhaseModel],
    windows: Sequence[FittedWindow],
    whole: PdfFit,
    free: tuple[str, ...],
    width: float,
    step: float,
) -> Boxcar:
    shape = (len(windows), len(models))
    columns: dict[str, Any] = {
        key: np.full(shape, math.nan)
        for key in ("mass_fraction", "mass_stderr", "atom_fraction", "atom_stderr", "scale")
    }
    for i, window in enumerate(windows):
        columns["scale"][i] = window.scale
        if window.fractions is not None:
            columns["mass_fraction"][i] = window.fractions.mass
            columns["mass_stderr"][i] = window.fractions.mass_stderr
            columns["atom_fraction"][i] = window.fractions.atom
            columns["atom_stderr"][i] = window.fractions.atom_stderr
    scale_stderr = np.array([window.scale_stderr for window in windows])
    if len(models) > 1:
        undecided = ~(columns["mass_stderr"].max(axis=1) < UNDECIDED)
    else:
        # A scale of nothing is decided where it is small beside the largest.
        largest = np.max(np.nan_to_num(columns["scale"][:, 0]), initial=0.0)
        undecided = ~(scale_stderr[:, 0] < UNDECIDED * largest)
    r_w = np.array([window.r_w for window in windows])
    undecided |= ~(r_w < POOR)
    messages = [] if whole.success else list(whole.messages)
    if undecided.any():
        messages.append(f"{undecided.sum()} of {len(windows)} windows are undecided")
    return Boxcar(
        name=measured.name,
        phases=tuple(models),
        r_min=np.array([w.r_range[0] for w in windows]),
        r_max=np.array([w.r_range[1] for w in windows]),
        **columns,
        scale_stderr=scale_stderr,
        scale_covariance=_between_windows(windows),
        seen=()
        if any(w.seen is None for w in windows)
        else tuple(w.seen for w in windows if w.seen is not None),
        r_w=r_w,
        n_independent=np.array([w.n_independent for w in windows]),
        undecided=undecided,
        flags=tuple(w.flags for w in windows),
        whole=whole,
        free=free,
        width=width,
        step=step,
        note=_sharing(width, step),
        simulated=measured.simulated,
        messages=tuple(messages),
    )
