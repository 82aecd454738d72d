"""Mixtures, components, peaks and differences on Matplotlib axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from xorder.results import Array
    from xorder.xas.components import PrincipalComponents, TargetTransform
    from xorder.xas.curve_resolution import ResolvedSpectra
    from xorder.xas.differences import SpectrumDifference
    from xorder.xas.mixtures import LinearCombination
    from xorder.xas.near_edge_model import NearEdgeFit

__all__ = [
    "plot_components",
    "plot_difference",
    "plot_linear_combination",
    "plot_near_edge",
    "plot_resolved",
    "plot_target",
]

#: Colours told apart by everyone (Okabe & Ito), black for data and vermilion for fits aside.
COLORS = ("#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#999999")

DATA: dict[str, Any] = {"color": "black", "marker": ".", "markersize": 4, "linestyle": "none"}
FIT: dict[str, Any] = {"color": "#D55E00", "linewidth": 1.2}
RESIDUAL: dict[str, Any] = {"color": "0.45", "linewidth": 0.8}

_LABELS = {
    "flat": ("Energy (eV)", "Flattened absorption"),
    "norm": ("Energy (eV)", "Normalized absorption"),
    "derivative": ("Energy (eV)", "dμ/dE (eV⁻¹)"),
    "chi": ("k (Å⁻¹)", "Weighted χ(k)"),
}


def plot_linear_combination(
    result: LinearCombination, ax: Axes | None = None, **artist_kwargs: Any
) -> list[Any]:
    """Draw data, fit, weighted references and, below them, the residual; return the artists.

    Parameters
    ----------
    result
        One mixture.
    ax
        Matplotlib axes; new ones where None.
    **artist_kwargs
        For the line of the fit.
    """
    ax = _axes(ax, _LABELS[result.space])
    artists = ax.plot(result.x, result.data, label=_simulated(result.name or "data", result))
    artists[0].set(**DATA)
    for row, name, weight, error, color in zip(
        result.components,
        result.names,
        result.weights,
        result.weights_stderr,
        _colors(len(result.names)),
        strict=True,
    ):
        text = f"{name} {100 * weight:.0f}({100 * error:.0f}) %"
        artists += ax.plot(result.x, row, color=color, linewidth=1.0, label=text)
    artists += ax.plot(result.x, result.model, **{**FIT, "label": "fit", **artist_kwargs})
    artists += _residual(ax, result.x, result.residual, result.data)
    return _with_legend(ax, artists)


def plot_components(
    result: PrincipalComponents, ax: Axes | None = None, **artist_kwargs: Any
) -> list[Any]:
    """Draw the scree and the indicator, both on one logarithmic axis; return the artists."""
    ax = _axes(ax, ("Number of components", "Relative to the first"))
    ax.set_yscale("log")
    style = {"color": "black", "marker": "o", "markersize": 4, **artist_kwargs}
    scree = np.maximum(result.eigenvalues / result.eigenvalues[0], 1e-16)
    artists = ax.plot(result.number, scree, label="eigenvalue λ", **style)
    artists += ax.plot(
        result.number,
        result.indicator / result.indicator[0],
        color=COLORS[0],
        marker="s",
        markersize=4,
        label="indicator",
    )
    line = ax.axvline(
        result.n_components, color="#D55E00", linestyle="--", label=f"{result.n_components} species"
    )
    ax.set_xticks(result.number)
    return _with_legend(ax, [*artists, line])


def plot_target(result: TargetTransform, ax: Axes | None = None, **artist_kwargs: Any) -> list[Any]:
    """Draw a target and what the components make of it; return the artists."""
    ax = _axes(ax, ("Energy (eV) or k (Å⁻¹)", "Target"))
    artists = ax.plot(result.x, result.target, label=result.name)
    artists[0].set(**DATA)
    text = f"{result.n_components} components, SPOIL {result.spoil:.1f} ({result.grade})"
    artists += ax.plot(result.x, result.transformed, **{**FIT, "label": text, **artist_kwargs})
    artists += _residual(ax, result.x, result.target - result.transformed, result.target)
    return _with_legend(ax, artists)


def plot_resolved(
    result: ResolvedSpectra, ax: Axes | None = None, **artist_kwargs: Any
) -> list[Any]:
    """Draw each species' share in each spectrum with the band it may lie in; return the artists."""
    ax = _axes(ax, ("", "Share"))
    where = np.arange(len(result.names))
    artists: list[Any] = []
    for index, color in enumerate(_colors(result.species.size)):
        artists.append(
            ax.fill_between(
                where,
                result.concentrations_min[:, index],
                result.concentrations_max[:, index],
                color=color,
                alpha=0.2,
                linewidth=0,
            )
        )
        style = {"color": color, "marker": "o", "markersize": 4, **artist_kwargs}
        text = f"species {index + 1}"
        artists += ax.plot(where, result.concentrations[:, index], label=text, **style)
    ax.set_xticks(where, result.names, rotation=45, ha="right")
    return _with_legend(ax, artists)


def plot_near_edge(result: NearEdgeFit, ax: Axes | None = None, **artist_kwargs: Any) -> list[Any]:
    """Draw data, fit, step with baseline, peaks and the residual; return the artists."""
    ax = _axes(ax, _LABELS["norm"])
    artists: list[Any] = list(
        ax.plot(result.energy, result.data, label=_simulated(result.name or "data", result))
    )
    artists[0].set(**DATA)
    for peak, curve, color in zip(
        result.peaks, result.curves, _colors(len(result.peaks)), strict=True
    ):
        top = result.baseline + curve
        artists.append(
            ax.fill_between(
                result.energy, result.baseline, top, color=color, alpha=0.35, linewidth=0,
                label=f"{peak.name}, {peak.center:.2f} eV",
            )
        )  # fmt: skip
    under: dict[str, Any] = {"color": "0.3", "linestyle": "--", "linewidth": 1.0}
    artists += ax.plot(result.energy, result.baseline, label="step and baseline", **under)
    artists += ax.plot(result.energy, result.model, **{**FIT, "label": "fit", **artist_kwargs})
    artists += _residual(ax, result.energy, result.residual, result.data)
    return _with_legend(ax, artists)


def plot_difference(
    result: SpectrumDifference, ax: Axes | None = None, **artist_kwargs: Any
) -> list[Any]:
    """Draw a difference with a band of one standard error; return the artists."""
    ax = _axes(ax, ("Energy (eV)", "Difference"))
    zero = ax.axhline(0.0, color="0.6", linewidth=0.8)
    style = {"color": COLORS[0], "linewidth": 1.0, "label": result.name, **artist_kwargs}
    artists = ax.plot(result.energy, result.difference, **style)
    band = ax.fill_between(
        result.energy,
        result.difference - result.stderr,
        result.difference + result.stderr,
        color=style["color"],
        alpha=0.3,
        linewidth=0,
    )
    return _with_legend(ax, [zero, *artists, band])


def _axes(ax: Axes | None, labels: tuple[str, str]) -> Axes:
    if ax is None:
        import matplotlib.pyplot as plt

        ax = plt.subplots()[1]
    ax.set(xlabel=labels[0], ylabel=labels[1])
    return ax


def _colors(count: int) -> list[str]:
    return [COLORS[i % len(COLORS)] for i in range(count)]


def _residual(ax: Axes, x: Array, residual: Array, data: Array) -> list[Any]:
    """Draw the residual clear below everything else, on its own zero line."""
    if not np.all(np.isfinite(residual)):
        return []
    span = float(np.ptp(data))
    level = float(np.min(data)) - 0.08 * span - float(np.max(residual))
    zero = ax.axhline(level, color="0.8", linewidth=0.6)
    return [zero, *ax.plot(x, residual + level, label="residual", **RESIDUAL)]


def _simulated(text: str, result: Any) -> str:
    return f"{text} (simulated)" if result.simulated else text


def _with_legend(ax: Axes, artists: list[Any]) -> list[Any]:
    ax.legend(frameon=False, fontsize="small")
    return artists
