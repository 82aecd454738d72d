"""Where the pre-edge line and the post-edge curve of a spectrum are fitted."""

from __future__ import annotations

from xorder.errors import BadInput
from xorder.xas.edge_overlaps import edges_above, edges_below, far
from xorder.xas.edge_steps import Ranges, count_inside
from xorder.xas.spectrum import Spectrum, note

__all__ = ["choose_ranges"]

#: Where the post-edge range starts (eV above e0): past the white line and the strongest near-edge
#: oscillations, which last longer at L and M edges.
POST_EDGE_START = {"K": 80.0, "": 80.0}
POST_EDGE_START_L = 100.0

#: This close to an edge of the sample (eV) no pre-edge or post-edge range starts or ends.
MARGIN = 20.0

#: An edge closer than this (eV) leaves no range between: both edges make one step.
OVERLAP = 60.0


def choose_ranges(
    spectrum: Spectrum,
    e0: float,
    pre_edge: tuple[float, float] | None,
    post_edge: tuple[float, float] | None,
    order: int | None,
    composition: str,
    messages: list[str],
) -> Ranges:
    """Return the given ranges and order, checked, and sensible ones for what is not given.

    What limits them is added to `messages`.

    Raises
    ------
    BadInput
        Ranges outside the data or the wrong way round, or too few points in one.
    """
    below, above = float(spectrum.energy[1] - e0), float(spectrum.energy[-1] - e0)
    if pre_edge is None:
        start = _pre_edge_start(spectrum, max(below, -300.0), composition, messages)
        pre_edge = (start, -min(max(-start / 3.0, 10.0), 50.0))
    if post_edge is None:
        post_edge = _post_edge_range(spectrum, above, composition, messages)
    for name, (low, high), bounds in (
        ("pre_edge", pre_edge, (float(spectrum.energy[0] - e0) - 1e-6, 0.0)),
        ("post_edge", post_edge, (0.0, above + 1e-6)),
    ):
        outside = low >= bounds[1] or (name == "pre_edge" and high > bounds[1])
        if outside or not low < high:
            raise BadInput(
                f"{name} is ({low:g}, {high:g}) eV relative to e0 = {e0:.1f} eV",
                expected=f"two ascending energies between {bounds[0]:.0f} and {bounds[1]:.0f}",
                source=spectrum.source or None,
            )
    post_edge = (float(post_edge[0]), min(float(post_edge[1]), above))
    pre_edge = (max(float(pre_edge[0]), float(spectrum.energy[0] - e0)), float(pre_edge[1]))
    if order is None:
        span = post_edge[1] - post_edge[0]
        order = 2 if span > 300.0 else 1 if span > 30.0 else 0
    if order not in (0, 1, 2):
        raise BadInput(f"order is {order}", expected="0, 1 or 2")
    ranges = Ranges(pre_edge, post_edge, order)
    _check_points(spectrum, e0, ranges)
    return ranges


def _pre_edge_start(
    spectrum: Spectrum, start: float, composition: str, messages: list[str]
) -> float:
    """Return where the pre-edge line starts: above any edge of the sample below this one."""
    if not (spectrum.element and spectrum.edge):
        return start
    for other in edges_below(spectrum.element, spectrum.edge, composition):
        distance = -far(other, spectrum.element, spectrum.edge)
        if -distance + MARGIN <= start:
            break
        name = f"{other.element} {other.name}"
        if distance < OVERLAP:
            note(
                messages,
                f"the {name} edge lies {distance:.0f} eV below the {spectrum.element} "
                f"{spectrum.edge} edge: the pre-edge line and the step hold both",
                stacklevel=5,
            )
            continue
        start = MARGIN - distance
        note(
            messages,
            f"the {name} edge lies {distance:.0f} eV below; the pre-edge line starts "
            f"{start:.0f} eV from e0, on that edge's oscillations",
            stacklevel=5,
        )
        break
    return start


def _post_edge_range(
    spectrum: Spectrum, above: float, composition: str, messages: list[str]
) -> tuple[float, float]:
    family = spectrum.edge[:1] if spectrum.edge else ""
    start = POST_EDGE_START.get(family, POST_EDGE_START_L)
    end = above
    others = (
        edges_above(spectrum.element, spectrum.edge, composition)
        if spectrum.element and spectrum.edge
        else ()
    )
    for other in others:
        distance = far(other, spectrum.element, spectrum.edge)
        if distance - MARGIN >= end:
            break
        name = f"{other.element} {other.name}"
        if distance < OVERLAP:
            note(
                messages,
                f"the {name} edge lies {distance:.0f} eV above the {spectrum.element} "
                f"{spectrum.edge} edge: the step and the white line hold both",
                stacklevel=5,
            )
            continue
        end = distance - MARGIN
        note(
            messages,
            f"the data reach the {name} edge; the post-edge range ends {end:.0f} eV above e0",
            stacklevel=5,
        )
        break
    if end < start + 50.0:
        wanted, start = start, max(0.4 * end, 15.0)
        note(
            messages,
            f"the data end {end:.0f} eV above e0; the post-edge range starts at {start:.0f} eV, "
            f"nearer to the edge than {wanted:.0f} eV, so near-edge structure may enter the step",
            stacklevel=5,
        )
    return start, end


def _check_points(spectrum: Spectrum, e0: float, ranges: Ranges) -> None:
    spans = (ranges.pre_edge, ranges.post_edge)
    counts = count_inside(spectrum.energy - e0, spans)
    names, fewest = ("pre_edge", "post_edge"), (3, ranges.order + 2)
    for name, (low, high), needed, count in zip(names, spans, fewest, counts, strict=True):
        if count < needed:
            raise BadInput(
                f"{name} ({low:.0f} to {high:.0f} eV from e0 = {e0:.1f} eV) holds {count} points",
                expected=f"at least {needed}; give a wider range, or measure further",
                source=spectrum.source or None,
            )
