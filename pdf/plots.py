"""G(r), refinements and box-cars on Matplotlib axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xorder.results import Array

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

    from xorder.pdf.boxcar import Boxcar
    from xorder.pdf.pattern import PairDistribution
    from xorder.pdf.peak_areas import GrPeaks
    from xorder.pdf.reduction_result import Reduction
    from xorder.pdf.refinement import PdfFit

__all__ = [
    "plot_boxcar",
    "plot_fit",
    "plot_gr",
    "plot_intensity",
    "plot_peaks",
    "plot_reduced_structure",
    "plot_reduction",
    "plot_scales",
]


def plot_gr(
    pattern: PairDistribution, ax: Axes | None = None, *, offset: float = 0.0, **artist_kwargs: Any
) -> list[Artist]:
    """Draw G(r), shifted up by `offset`, and return the line."""
    ax = _axes(ax)
    kwargs = {"label": pattern.name or "G(r)"} | artist_kwargs
    lines = ax.plot(pattern.r, pattern.gr + offset, **kwargs)
    _label(ax)
    return list(lines)


def plot_reduction(
    reduction: Reduction, ax: Axes | None = None, *, offset: float = 0.0, **artist_kwargs: Any
) -> list[Artist]:
    """Draw G(r) of a reduction with its band of standard errors; return the artists."""
    ax = _axes(ax)
    kwargs: dict[str, Any] = {"label": reduction.name or "G(r)"} | artist_kwargs
    lines = ax.plot(reduction.r, reduction.gr + offset, **kwargs)
    low, high = reduction.gr - reduction.gr_stderr, reduction.gr + reduction.gr_stderr
    band = ax.fill_between(
        reduction.r, low + offset, high + offset, color=lines[0].get_color(), alpha=0.25, lw=0
    )
    _label(ax)
    return [*lines, band]


def plot_intensity(
    reduction: Reduction, ax: Axes | None = None, **artist_kwargs: Any
) -> list[Artist]:
    """Draw I(Q) in electron units and what the atoms scatter on their own; return the artists."""
    ax = _axes(ax)
    lines = ax.plot(reduction.q, reduction.iq, **({"label": "I(Q)"} | artist_kwargs))
    lines += ax.plot(
        reduction.q, reduction.self_scattering, color="#000000", lw=0.8, ls="--",
        label=r"$\langle f^2\rangle$ + Compton",
    )  # fmt: skip
    if np.any(reduction.compton):
        lines += ax.plot(reduction.q, reduction.compton, color="#999999", lw=0.8, label="Compton")
    ax.set_xlabel("Q (Å⁻¹)")
    ax.set_ylabel("I(Q) (e.u. per atom)")
    return list(lines)


def plot_reduced_structure(
    reduction: Reduction, ax: Axes | None = None, *, offset: float = 0.0, **artist_kwargs: Any
) -> list[Artist]:
    """Draw F(Q) with its band of standard errors and the polynomial taken off it."""
    ax = _axes(ax)
    kwargs: dict[str, Any] = {"label": "F(Q)", "lw": 0.8} | artist_kwargs
    lines = ax.plot(reduction.q, reduction.fq + offset, **kwargs)
    low, high = reduction.fq - reduction.fq_stderr, reduction.fq + reduction.fq_stderr
    band = ax.fill_between(
        reduction.q, low + offset, high + offset, color=lines[0].get_color(), alpha=0.25, lw=0
    )
    artists: list[Artist] = [*lines, band]
    if np.any(reduction.polynomial):
        artists += ax.plot(
            reduction.q, reduction.polynomial + offset, "--", color="#555555", lw=0.8,
            label="polynomial taken off",
        )  # fmt: skip
    ax.set_xlabel("Q (Å⁻¹)")
    ax.set_ylabel("F(Q) (Å⁻¹)")
    return artists


def plot_peaks(
    peaks: GrPeaks, ax: Axes | None = None, *, offset: float = 0.0, **artist_kwargs: Any
) -> list[Artist]:
    """Draw the stretch of G(r) with its fitted peaks and their positions; return the artists."""
    ax = _axes(ax)
    every = max(1, len(peaks.r) // 200)
    points = ax.plot(
        peaks.r[::every], peaks.gr[::every] + offset, "o", ms=1.8, mfc="none", mew=0.5,
        color="#555555", label="simulated data" if peaks.simulated else "measured",
    )  # fmt: skip
    kwargs: dict[str, Any] = {"color": "#D55E00", "label": "fit"} | artist_kwargs
    line = ax.plot(peaks.r, peaks.model + offset, **kwargs)
    found = peaks.position[np.isfinite(peaks.position)]
    height = np.interp(found, peaks.r, peaks.model) + offset
    marks = ax.plot(found, height, "|", color=kwargs["color"], ms=8)
    _label(ax)
    return [*points, *line, *marks]


def plot_fit(
    fit: PdfFit, ax: Axes | None = None, *, offset: float = 0.0, **artist_kwargs: Any
) -> list[Artist]:
    """Draw measured points, calculated line and, below them, the difference; return the artists."""
    ax = _axes(ax)
    every = max(1, len(fit.r) // 400)
    points = ax.plot(
        fit.r[::every], fit.gr[::every] + offset, "o", ms=1.8, mfc="none", mew=0.5,
        color="#555555", label="simulated data" if fit.simulated else "measured",
    )  # fmt: skip
    line = ax.plot(
        fit.r, fit.model + offset, **({"color": "#D55E00", "label": "calculated"} | artist_kwargs)
    )
    below = difference_level(fit) + offset
    zero = ax.axhline(below, lw=0.4, color="#AAAAAA", zorder=0)
    difference = ax.plot(fit.r, fit.difference + below, color="#009E73", lw=0.7, label="difference")
    _label(ax)
    return [*points, *line, zero, *difference]


def difference_level(fit: PdfFit) -> float:
    """Return where the zero of the difference curve lies, below everything else, in Å⁻²."""
    lowest = float(np.nanmin([fit.gr.min(), np.nanmin(np.append(fit.model, fit.gr.min()))]))
    spread = np.ptp(fit.gr)
    highest = np.append(fit.difference, 0.0)
    return lowest - float(np.nanmax(highest)) - 0.08 * float(spread)


def plot_boxcar(
    boxcar: Boxcar, ax: Axes | None = None, *, phase: str | None = None, **artist_kwargs: Any
) -> list[Artist]:
    """Draw the mass fraction of each phase (or of one) against the windows' upper ends.

    With a single phase, its scale relative to the first decided window is drawn. Undecided windows
    are crosses without error bars; windows that all begin at the lowest r are hollow squares.
    Fractions are shown from -0.1 to 1.1; longer error bars are cut.
    """
    ax = _axes(ax)
    artists: list[Artist] = []
    for name in boxcar.phases if phase is None else (phase,):
        value, error = series_of(boxcar, boxcar.phases.index(name))
        artists += _windows(boxcar, ax, value, error, {"label": name} | artist_kwargs)
    ax.set_xlabel(r"$r_\mathrm{max}$ of the window (Å)")
    if len(boxcar.phases) > 1:
        ax.set_ylabel("mass fraction")
        ax.set_ylim(-0.1, 1.1)
    else:
        ax.set_ylabel("scale / scale at short r")
    return artists


def plot_scales(
    boxcar: Boxcar, ax: Axes | None = None, *, phase: str | None = None, **artist_kwargs: Any
) -> list[Artist]:
    """Draw the scale of each phase (or of one) over that of the first decided window.

    Where a crystalline phase loses range, this is its amorphization curve.
    """
    from xorder.pdf.boxcar import relative_scale

    ax = _axes(ax)
    artists: list[Artist] = []
    for name in boxcar.phases if phase is None else (phase,):
        value, error = relative_scale(boxcar, boxcar.phases.index(name))
        artists += _windows(boxcar, ax, value, error, {"label": name} | artist_kwargs)
    ax.axhline(1.0, lw=0.4, color="#AAAAAA", zorder=0)
    ax.set_xlabel(r"$r_\mathrm{max}$ of the window (Å)")
    ax.set_ylabel("scale / scale at short r")
    return artists


def series_of(boxcar: Boxcar, index: int) -> tuple[Array, Array]:
    """Return the mass fraction of a phase, or the relative scale of a single one, and the error."""
    from xorder.pdf.boxcar import relative_scale

    if len(boxcar.phases) > 1:
        return boxcar.mass_fraction[:, index], boxcar.mass_stderr[:, index]
    return relative_scale(boxcar, index)


def _windows(
    boxcar: Boxcar, ax: Axes, value: Array, error: Array, kwargs: dict[str, Any]
) -> list[Artist]:
    """Draw one series with error bars, undecided windows faint; growing windows as squares."""
    sure = ~boxcar.undecided
    defaults: dict[str, Any] = {"fmt": "o-", "ms": 3, "lw": 0.8, "capsize": 1.5}
    if boxcar.cumulative:
        defaults |= {"fmt": "s--", "mfc": "white", "mew": 0.7, "ms": 2.6, "elinewidth": 0.5}
    drawn = ax.errorbar(
        boxcar.r_max,
        np.where(sure, value, np.nan),
        np.where(sure, error, np.nan),
        **(defaults | kwargs),
    )
    artists: list[Artist] = list(drawn.get_children())
    if not sure.all():
        # Their error bars would fill the panel; that they are uncertain is what faint says.
        artists += ax.plot(
            boxcar.r_max[~sure], value[~sure], "x", ms=3.5, mew=0.7, alpha=0.6,
            color=drawn.lines[0].get_color(),
        )  # fmt: skip
    return artists


def _axes(ax: Axes | None) -> Axes:
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.gca()


def _label(ax: Axes) -> None:
    ax.set_xlabel("r (Å)")
    ax.set_ylabel("G(r) (Å⁻²)")
