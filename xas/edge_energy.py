"""The edge energy of a spectrum."""

from __future__ import annotations

import math

import numpy as np

from xorder.errors import BadInput
from xorder.xas.photoelectron import edge as tabulated_edge
from xorder.xas.spectrum import Spectrum

__all__ = ["find_e0"]

#: A measured edge is looked for within this distance (eV) of the tabulated one: depositors'
#: calibrations were seen up to 36 eV off.
CALIBRATION = 60.0


#: A scan shorter than this (eV) shows no edge.
SHORTEST_SPAN = 30.0


def find_e0(spectrum: Spectrum, *, smoothing: float = 1.0) -> tuple[float, float]:
    """Return the energy of the largest slope and its spread over the smoothing, in eV.

    μ(E) is brought to an even grid and convolved with the derivative of a Gaussian. Only slopes
    across which the spectrum really steps up are looked at (a glitch does not step), and only near
    the tabulated edge where element and edge are known.

    Parameters
    ----------
    spectrum
        The spectrum.
    smoothing
        Standard deviation of the Gaussian in eV.

    Raises
    ------
    BadInput
        A smoothing that is not positive, or data that do not reach the tabulated edge.
    """
    if not 0 < smoothing <= 20:
        raise BadInput(f"smoothing is {smoothing:g} eV", expected="above 0 and at most 20 eV")
    window = _edge_window(spectrum)
    found = _largest_slopes(spectrum, (0.5 * smoothing, smoothing, 2.0 * smoothing), window)
    mean = sum(found) / len(found)
    return found[1], math.sqrt(sum((e0 - mean) ** 2 for e0 in found) / (len(found) - 1))


def _edge_window(spectrum: Spectrum) -> tuple[float, float]:
    energy = spectrum.energy
    low, high = float(energy[1]), float(energy[-2])
    if high - low < SHORTEST_SPAN:
        raise BadInput(
            f"the spectrum spans {energy[-1] - energy[0]:.1f} eV",
            expected=f"at least {SHORTEST_SPAN:g} eV around an edge, or give e0",
            source=spectrum.source or None,
        )
    if not (spectrum.element and spectrum.edge):
        # At the ends there is nothing to step from or to.
        return low + 10.0, high - 10.0
    known = tabulated_edge(spectrum.element, spectrum.edge)
    window = max(low, known.energy - CALIBRATION), min(high, known.energy + CALIBRATION)
    if window[1] - window[0] < 5.0:
        raise BadInput(
            f"the spectrum runs from {energy[0]:.0f} to {energy[-1]:.0f} eV but the "
            f"{known.element} {known.name} edge is at {known.energy:.0f} eV",
            expected="a scan over that edge, or another element or edge",
            source=spectrum.source or None,
        )
    return window


def _largest_slopes(
    spectrum: Spectrum, smoothings: tuple[float, ...], window: tuple[float, float]
) -> list[float]:
    from xorder.xas.edge_energy_kernels import steepest

    energy = spectrum.energy
    step = min(0.25, smoothings[0] / 4.0)
    # Steps up are seen over 80 eV to either side, slopes over the Gaussian; the rest plays no part.
    reach = max(81.0, 5.0 * smoothings[-1])
    start, end = float(energy[0]), min(float(energy[-1]), window[1] + reach)
    start += step * max(0, int((window[0] - reach - start) / step))
    found: list[float] = steepest(
        energy, spectrum.mu, start, end, *window, np.array(smoothings)
    ).tolist()
    if not found:
        raise BadInput(
            f"no absorption edge was found between {window[0]:.0f} and {window[1]:.0f} eV",
            expected="a spectrum that steps up; check the columns, or give e0",
            source=spectrum.source or None,
        )
    return found
