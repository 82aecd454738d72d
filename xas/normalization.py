"""Edge energy, pre-edge line, post-edge curve, edge step and white line of a spectrum."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from xorder.errors import BadInput
from xorder.results import Array, Result, quantity, recorded
from xorder.xas.edge_energy import find_e0
from xorder.xas.edge_ranges import choose_ranges
from xorder.xas.edge_steps import Ranges, fit_edges, normalized_rows
from xorder.xas.photoelectron import edge as tabulated_edge
from xorder.xas.spectrum import Spectrum

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Normalized", "WhiteLine", "normalize"]

METHODS = ("polynomials", "mback")


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class WhiteLine(Result):
    """Height and area of the first maximum above the edge."""

    energy: float = quantity("eV")
    """Energy of the maximum of the normalized spectrum."""
    energy_stderr: float = quantity("eV")
    """Spread of `energy` over reasonable normalization ranges."""
    height: float = quantity()
    """Normalized absorption at the maximum, of a parabola through its points."""
    height_stderr: float = quantity()
    """Spread of `height` over reasonable normalization ranges (model error)."""
    area: float = quantity("eV")
    """Area between the normalized spectrum and an arctangent step at e0, 30 eV around e0."""
    area_stderr: float = quantity("eV")
    """Spread of `area` over reasonable normalization ranges (model error)."""


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Normalized(Result):
    """A spectrum with its edge step brought to one, and how that was done."""

    energy: Array = quantity("eV", symbol="E", dims=("energy",))
    """Photon energy, shape (N,)."""
    mu: Array = quantity(symbol="μ", dims=("energy",))
    """Absorption as measured."""
    norm: Array = quantity(symbol="normalized μ", dims=("energy",))
    """(mu − pre_edge) / edge_step."""
    flat: Array = quantity(symbol="flattened μ", dims=("energy",))
    """`norm` with the post-edge curve brought to one above e0."""
    pre_edge: Array = quantity(symbol="pre-edge line", dims=("energy",))
    """The pre-edge line in the scale of `mu`."""
    post_edge: Array = quantity(symbol="post-edge curve", dims=("energy",))
    """The post-edge polynomial in the scale of `mu`."""
    stderr: Array | None = quantity(symbol="σ(norm)", dims=("energy",), default=None)
    """Standard error of `norm` from the scans' scatter, or None."""
    e0: float = quantity("eV", symbol="E0")
    """Edge energy: the maximum of the smoothed derivative, or as given."""
    e0_stderr: float = quantity("eV", symbol="σ(E0)")
    """Spread of `e0` over half and twice the smoothing; NaN where e0 was given."""
    edge_step: float = quantity()
    """Post-edge curve minus pre-edge line at e0, in the scale of `mu`."""
    edge_step_stderr: float = quantity()
    """Spread of `edge_step` over reasonable ranges (model error)."""
    pre_edge_range: tuple[float, float] = quantity("eV")
    """Range of the pre-edge line, relative to e0."""
    post_edge_range: tuple[float, float] = quantity("eV")
    """Range of the post-edge curve, relative to e0."""
    order: int = quantity()
    """Order of the post-edge polynomial: 0 constant, 1 line, 2 quadratic; of MBACK's background."""
    smoothing: float = quantity("eV")
    """Standard deviation of the Gaussian that smoothed the derivative for e0."""
    method: str = "polynomials"
    """``"polynomials"`` or ``"mback"``."""
    white_line: WhiteLine
    """The white line's height and area."""
    composition: str = ""
    """Formula of the sample, whose edges limit the ranges; empty where not given."""
    element: str = ""
    """Absorbing element."""
    edge: str = ""
    """Edge."""
    name: str = ""
    """Name of the sample."""
    simulated: bool = False
    """True for a calculated spectrum."""
    messages: tuple[str, ...] = ()
    """What a user must know, one sentence each."""

    def plot(self, ax: Axes | None = None, **artist_kwargs: Any) -> list[Any]:
        """Draw the flattened spectrum on Matplotlib axes; return the artists."""
        from xorder.xas.plots import plot_norm

        return plot_norm(self, ax, **artist_kwargs)

    def to_larch(self) -> Any:
        """Return a larch Group with energy, mu, norm, flat, e0 and edge_step."""
        from xorder.xas.larch_bridge import group

        return group(
            energy=self.energy,
            mu=self.mu,
            norm=self.norm,
            flat=self.flat,
            pre_edge=self.pre_edge,
            post_edge=self.post_edge,
            e0=self.e0,
            edge_step=self.edge_step,
            filename=self.name,
        )


@recorded
def normalize(
    spectrum: Spectrum,
    *,
    e0: float | None = None,
    pre_edge: tuple[float, float] | None = None,
    post_edge: tuple[float, float] | None = None,
    order: int | None = None,
    smoothing: float = 1.0,
    composition: str = "",
    method: Literal["polynomials", "mback"] = "polynomials",
) -> Normalized:
    """Return the spectrum normalized to an edge step of one.

    A line is fitted before the edge and a polynomial after it, both by unweighted least squares,
    as Athena and larch do; equal ranges give larch's numbers. Where no ranges are given, the
    pre-edge line runs from the second point (at most 300 eV below) to a third of that (10 to
    50 eV below e0), the post-edge curve from 80 eV (100 eV at L and M edges: never on the white
    line) to the end of the data or to 20 eV before the next edge of an element of the sample.

    Parameters
    ----------
    spectrum
        The measured or simulated spectrum.
    e0
        Edge energy in eV; None takes the maximum of the smoothed derivative (see `find_e0`).
    pre_edge, post_edge
        Ranges in eV relative to e0, such as ``(-150, -30)`` and ``(100, 800)``.
    order
        Order of the post-edge polynomial, 0 to 2; None takes 2 above a span of 300 eV, 1 above
        30 eV, else 0. Of MBACK's background, 0 to 5; None takes one more than that.
    smoothing
        Standard deviation in eV of the Gaussian that smooths the derivative.
    composition
        Formula of the sample, such as ``"NaTaCl6"``. Edges of its elements limit the ranges that
        are not given, here and in `subtract_background`, and messages say so; the absorbing
        element's own edges always do.
    method
        ``"polynomials"``, or ``"mback"``: both sides of the edge at once are matched to the
        tabulated f'' of the element (see `match_f2`), with one background below both; the step is
        the table's. Element and edge must be known.

    Raises
    ------
    BadInput
        An unknown method, or MBACK without element and edge; e0 outside the data, ranges outside
        or the wrong way round, too few points in a range, or an edge step that is not positive.
    """
    messages = list(spectrum.messages)
    if e0 is None:
        e0, e0_stderr = find_e0(spectrum, smoothing=smoothing)
    else:
        _check_e0(spectrum, e0)
        e0_stderr = math.nan
    if method not in METHODS:
        raise BadInput(f"method is {method!r}", expected=", ".join(METHODS))
    polynomial = order if method == "polynomials" else None
    ranges = choose_ranges(spectrum, e0, pre_edge, post_edge, polynomial, composition, messages)
    known: dict[str, Any] = {
        "e0": float(e0),
        "e0_stderr": e0_stderr,
        "smoothing": smoothing,
        "composition": composition,
    }
    if method == "mback":
        return _by_mback(spectrum, ranges, order, messages, known)
    x = spectrum.energy - e0
    mu = spectrum.mu[None]
    fits = fit_edges(x, mu, ranges, width=core_width(spectrum))
    step = float(fits.step[0])
    if not step > 0:
        raise BadInput(
            f"the edge step at {e0:.1f} eV is {step:.3g}",
            expected="a positive step; check e0, the ranges and the columns",
            source=spectrum.source or None,
        )
    rows = normalized_rows(x, mu, fits)
    return Normalized(
        energy=spectrum.energy,
        mu=spectrum.mu,
        norm=rows.norm[0],
        flat=rows.flat[0],
        pre_edge=rows.pre_edge[0],
        post_edge=rows.post_edge[0],
        stderr=None if spectrum.stderr is None else spectrum.stderr / step,
        edge_step=step,
        edge_step_stderr=float(fits.step_stderr[0]),
        pre_edge_range=ranges.pre_edge,
        post_edge_range=ranges.post_edge,
        order=ranges.order,
        white_line=_white_line(e0, fits.white_line[0], fits.white_line_stderr[0]),
        element=spectrum.element,
        edge=spectrum.edge,
        name=spectrum.name,
        simulated=spectrum.simulated,
        messages=tuple(messages),
        **known,
    )


def _by_mback(
    spectrum: Spectrum,
    ranges: Ranges,
    order: int | None,
    messages: list[str],
    known: dict[str, Any],
) -> Normalized:
    """Return the spectrum normalized by MBACK; spreads are over other ranges and orders."""
    from xorder.xas.mback import match_spread

    if not (spectrum.element and spectrum.edge):
        raise BadInput(
            "MBACK compares with the tabulated f'' of an element, which is not known",
            expected='element and edge, or method="polynomials"',
            source=spectrum.source or None,
        )
    order = ranges.order + 1 if order is None else order
    best, step_stderr, white_line_stderr = match_spread(
        spectrum, ranges, e0=known["e0"], order=order, width=core_width(spectrum)
    )
    x = spectrum.energy - known["e0"]
    return Normalized(
        energy=spectrum.energy,
        mu=spectrum.mu,
        norm=best.norm(spectrum.mu),
        flat=best.flat(x, spectrum.mu),
        pre_edge=best.pre_edge,
        post_edge=best.post_edge,
        stderr=None if spectrum.stderr is None else spectrum.stderr / best.step,
        edge_step=best.step,
        edge_step_stderr=step_stderr,
        pre_edge_range=ranges.pre_edge,
        post_edge_range=ranges.post_edge,
        order=order,
        method="mback",
        white_line=_white_line(known["e0"], best.white_line, white_line_stderr),
        element=spectrum.element,
        edge=spectrum.edge,
        name=spectrum.name,
        simulated=spectrum.simulated,
        messages=tuple(messages),
        **known,
    )


def _check_e0(spectrum: Spectrum, e0: float) -> None:
    low, high = spectrum.energy[1], spectrum.energy[-2]
    if not (math.isfinite(e0) and low < e0 < high):
        raise BadInput(
            f"e0 is {e0:g} eV",
            expected=f"an energy inside the data, {low:.1f} to {high:.1f} eV",
            source=spectrum.source or None,
        )


def _white_line(e0: float, values: Array, errors: Array) -> WhiteLine:
    """Return position (eV from e0), height and area with their errors as a result."""
    position, height, area = values.tolist()
    energy_stderr, height_stderr, area_stderr = errors.tolist()
    return WhiteLine(
        energy=e0 + position,
        energy_stderr=energy_stderr,
        height=height,
        height_stderr=height_stderr,
        area=area,
        area_stderr=area_stderr,
    )


def core_width(spectrum: Spectrum) -> float:
    """Return the width of the arctangent step in eV: the core hole's, or 2 eV where unknown."""
    if spectrum.element and spectrum.edge:
        width = tabulated_edge(spectrum.element, spectrum.edge).width
        if width > 0:
            return width
    return 2.0
