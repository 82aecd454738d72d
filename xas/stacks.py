"""Many spectra on one grid of energies: normalized, subtracted, transformed at once."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from xorder.errors import BadInput
from xorder.results import recorded
from xorder.xas.background import background_k_range, check_background, noise_range
from xorder.xas.background_spline import (
    BackgroundOptions,
    background_deviation,
    fit_splines,
    spline_problem,
)
from xorder.xas.edge_steps import Ranges, fit_edges, normalized_rows
from xorder.xas.normalization import core_width, normalize
from xorder.xas.spectrum import Spectrum, common_energies, note
from xorder.xas.stack_results import ExafsStack, NormalizedStack, Stack, TransformStack
from xorder.xas.transforms import (
    checked_k_range,
    noise_of_rows,
    transform_rows,
    window_function,
)

__all__ = [
    "normalize_stack",
    "stack_spectra",
    "subtract_background_from_stack",
    "transform_stack_to_r",
]

#: Spectra that are worked on at a time: what fits into the processor's cache.
CHUNK = 64


@recorded
def stack_spectra(spectra: Sequence[Spectrum]) -> Stack:
    """Return spectra of one edge on the first one's energies within the common range.

    Others are brought there by linear interpolation.

    Raises
    ------
    BadInput
        No spectrum, different elements or edges, or no common range.
    """
    if not spectra:
        raise BadInput("there is no spectrum to stack", expected="at least one")
    for what in ("element", "edge"):
        found = sorted({getattr(s, what) for s in spectra if getattr(s, what)})
        if len(found) > 1:
            raise BadInput(
                f"spectra of different {what} cannot be stacked: {', '.join(found)}",
                expected=f"one {what}",
            )
    energy = common_energies(spectra)
    return Stack(
        energy=energy,
        mu=np.stack([np.interp(energy, s.energy, s.mu) for s in spectra]),
        element=next((s.element for s in spectra if s.element), ""),
        edge=next((s.edge for s in spectra if s.edge), ""),
        names=tuple(s.name for s in spectra),
        simulated=any(s.simulated for s in spectra),
        messages=tuple(dict.fromkeys(m for s in spectra for m in s.messages)),
    )


@recorded
def normalize_stack(
    stack: Stack,
    *,
    e0: float | None = None,
    pre_edge: tuple[float, float] | None = None,
    post_edge: tuple[float, float] | None = None,
    order: int | None = None,
    composition: str = "",
) -> NormalizedStack:
    """Return the spectra normalized with one e0 and one choice of ranges, those of their mean.

    Each spectrum gets what `normalize` gives with these settings. A spectrum without a positive
    edge step becomes NaN, with a message.

    Parameters
    ----------
    stack
        The spectra.
    e0, pre_edge, post_edge, order, composition
        As in `normalize`; None takes what suits the mean of the spectra.

    Raises
    ------
    BadInput
        As `normalize`, of the mean.
    """
    mean = stack.mean()
    chosen = normalize(
        mean, e0=e0, pre_edge=pre_edge, post_edge=post_edge, order=order, composition=composition
    )
    x = stack.energy - chosen.e0
    ranges = Ranges(chosen.pre_edge_range, chosen.post_edge_range, chosen.order)
    width, count = core_width(mean), len(stack.mu)
    norm, flat = np.empty_like(stack.mu), np.empty_like(stack.mu)
    steps, errors = np.empty(count), np.empty(count)
    lines = np.empty((2, count, 3))
    for start in range(0, count, CHUNK):
        part = slice(start, start + CHUNK)
        mu = stack.mu[part]
        fits = fit_edges(x, mu, ranges, width=width)
        rows = normalized_rows(x, mu, fits)
        norm[part], flat[part] = rows.norm, rows.flat
        steps[part], errors[part] = np.where(fits.step > 0, fits.step, math.nan), fits.step_stderr
        lines[0, part], lines[1, part] = fits.white_line, fits.white_line_stderr
    messages = [*stack.messages, *chosen.messages]
    dead = np.flatnonzero(np.isnan(steps))
    errors[dead], lines[:, dead] = math.nan, math.nan
    if dead.size:
        shown = ", ".join(str(i + 1) for i in dead[:10]) + (", …" if dead.size > 10 else "")
        note(messages, f"{dead.size} of {count} spectra have no edge step: {shown}")
    return NormalizedStack(
        energy=stack.energy,
        mu=stack.mu,
        norm=norm,
        flat=flat,
        e0=chosen.e0,
        edge_step=steps,
        edge_step_stderr=errors,
        white_line_energy=chosen.e0 + lines[0, :, 0],
        white_line_energy_stderr=lines[1, :, 0],
        white_line_height=lines[0, :, 1],
        white_line_height_stderr=lines[1, :, 1],
        white_line_area=lines[0, :, 2],
        white_line_area_stderr=lines[1, :, 2],
        pre_edge_range=ranges.pre_edge,
        post_edge_range=ranges.post_edge,
        order=ranges.order,
        composition=composition,
        element=stack.element,
        edge=stack.edge,
        names=stack.names,
        simulated=stack.simulated,
        messages=tuple(messages),
    )


@recorded
def subtract_background_from_stack(
    normalized: NormalizedStack,
    *,
    rbkg: float = 1.0,
    k_weight: float = 2.0,
    k_range: tuple[float, float] | None = None,
    window: str = "hanning",
    dk: float = 0.1,
    clamps: tuple[float, float] = (0.0, 1.0),
) -> ExafsStack:
    """Return χ(k) of every spectrum, as `subtract_background` does; arguments and errors as there.

    The matrices of the fit are made once.
    """
    check_background(rbkg, k_weight, window, dk, clamps)
    messages = list(normalized.messages)
    k_range = background_k_range(normalized, k_range, messages)
    options = BackgroundOptions(
        rbkg=float(rbkg),
        k_weight=float(k_weight),
        k_range=k_range,
        window=window,
        dk=float(dk),
        clamps=(float(clamps[0]), float(clamps[1])),
    )
    problem, mu_k = spline_problem(
        normalized.energy, normalized.mu, e0=normalized.e0, options=options
    )
    background = normalized.mu.copy()
    covered = slice(problem.first, problem.first + problem.raw.size)
    chi = np.empty((len(normalized.mu), problem.k.size))
    strengths = np.empty(len(chi))
    epsilon_k = np.empty(len(chi))
    for start in range(0, len(chi), CHUNK):
        part = slice(start, start + CHUNK)
        found = fit_splines(problem, mu_k[part])
        background[part, covered] = found.background
        chi[part] = found.chi / normalized.edge_step[part, None]
        strengths[part] = found.clamp_strength
        epsilon_k[part] = noise_of_rows(
            problem.k, chi[part], k_range=noise_range(k_range), k_weight=options.k_weight
        )
    return ExafsStack(
        k=problem.k.copy(),
        chi=chi,
        energy=normalized.energy,
        mu=normalized.mu,
        background=background,
        e0=normalized.e0,
        edge_step=normalized.edge_step,
        epsilon_k=epsilon_k,
        deviation=background_deviation(problem, float(np.median(strengths))),
        rbkg=options.rbkg,
        k_weight=options.k_weight,
        k_range=k_range,
        element=normalized.element,
        edge=normalized.edge,
        names=normalized.names,
        simulated=normalized.simulated,
        messages=tuple(messages),
    )


@recorded
def transform_stack_to_r(
    exafs: ExafsStack,
    *,
    k_range: tuple[float, float] | None = None,
    k_weight: float = 2.0,
    window: str = "hanning",
    dk: float = 1.0,
    r_max: float = 10.0,
) -> TransformStack:
    """Return χ(R) of every spectrum, as `transform_to_r` does; arguments and errors as there."""
    low, high = checked_k_range(exafs, k_range)
    if not (math.isfinite(k_weight) and k_weight >= 0):
        raise BadInput(f"k_weight is {k_weight:g}", expected="0 or above")
    if not (math.isfinite(r_max) and 1.0 <= r_max <= 30.0):
        raise BadInput(f"r_max is {r_max:g} Å", expected="1 to 30 Å")
    k = exafs.k
    weight = window_function(k, k_range=(low, high), dk=dk, window=window) * k**k_weight
    kept = np.count_nonzero(transform_rows(k, weight)[0] <= r_max)
    values = np.empty((len(exafs.chi), kept), dtype=complex)
    for start in range(0, len(exafs.chi), CHUNK):
        part = slice(start, start + CHUNK)
        r, spectra = transform_rows(k, exafs.chi[part] * weight)
        values[part] = spectra[:, :kept]
    scale = float(k[1] - k[0]) / math.sqrt(2 * math.pi) * float(np.sqrt(np.sum(weight**2)))
    return TransformStack(
        r=r[:kept].copy(),
        chi_r_mag=np.abs(values),
        chi_r_re=values.real,
        chi_r_im=values.imag,
        epsilon_r=exafs.epsilon_k * scale,
        k_range=(low, high),
        k_weight=float(k_weight),
        window_name=window,
        dk=float(dk),
        names=exafs.names,
    )
