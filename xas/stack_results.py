"""Results of many spectra on one grid of energies, as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xorder.errors import BadInput
from xorder.results import Array, Result, quantity
from xorder.xas.background import Exafs
from xorder.xas.spectrum import Spectrum

__all__ = ["ExafsStack", "NormalizedStack", "Stack", "TransformStack"]


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Stack(Result):
    """S spectra of one edge on one grid of energies."""

    energy: Array = quantity("eV", symbol="E", dims=("energy",))
    """Photon energy, ascending, shape (N,)."""
    mu: Array = quantity(symbol="μ", dims=("spectrum", "energy"))
    """Absorption, shape (S, N)."""
    element: str = ""
    """Absorbing element."""
    edge: str = ""
    """Edge."""
    names: tuple[str, ...] = ()
    """Names of the spectra; empty where they have none."""
    simulated: bool = False
    """True for calculated spectra."""
    messages: tuple[str, ...] = ()
    """What a user must know, one sentence each."""

    def __post_init__(self) -> None:
        mean = np.zeros_like(self.energy) if self.mu.size == 0 else np.mean(self.mu, axis=0)
        if self.mu.ndim != 2 or self.mu.shape[0] < 1 or self.mu.shape[1:] != self.energy.shape:
            raise BadInput(
                f"mu has shape {self.mu.shape} but energy has {self.energy.shape}",
                expected="shapes (spectra, energies) and (energies,)",
            )
        if self.names and len(self.names) != len(self.mu):
            raise BadInput(f"there are {len(self.names)} names for {len(self.mu)} spectra")
        bad = np.flatnonzero(~np.all(np.isfinite(self.mu), axis=1))
        if bad.size:
            raise BadInput(
                f"{bad.size} spectra hold numbers that are not finite, first spectrum {bad[0] + 1}",
                expected="finite numbers; leave these spectra out",
            )
        Spectrum(energy=self.energy, mu=mean)

    def mean(self) -> Spectrum:
        """Return the mean of the spectra."""
        return Spectrum(
            energy=self.energy,
            mu=np.mean(self.mu, axis=0),
            element=self.element,
            edge=self.edge,
            name="mean",
            simulated=self.simulated,
        )


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class NormalizedStack(Result):
    """S spectra with edge steps brought to one; NaN where a spectrum has no step."""

    energy: Array = quantity("eV", symbol="E", dims=("energy",))
    """Photon energy, shape (N,)."""
    mu: Array = quantity(symbol="μ", dims=("spectrum", "energy"))
    """Absorption as measured, shape (S, N)."""
    norm: Array = quantity(symbol="normalized μ", dims=("spectrum", "energy"))
    """(mu − pre-edge line) / edge_step, shape (S, N)."""
    flat: Array = quantity(symbol="flattened μ", dims=("spectrum", "energy"))
    """`norm` with the post-edge curve brought to one above e0, shape (S, N)."""
    e0: float = quantity("eV", symbol="E0")
    """Edge energy of all spectra: that of their mean, or as given."""
    edge_step: Array = quantity(dims=("spectrum",))
    """Edge steps, shape (S,)."""
    edge_step_stderr: Array = quantity(dims=("spectrum",))
    """Their spread over reasonable ranges (model error)."""
    white_line_energy: Array = quantity("eV", dims=("spectrum",))
    """Energies of the white lines' maxima, shape (S,)."""
    white_line_energy_stderr: Array = quantity("eV", dims=("spectrum",))
    """Their spread over reasonable ranges."""
    white_line_height: Array = quantity(dims=("spectrum",))
    """Heights of the white lines."""
    white_line_height_stderr: Array = quantity(dims=("spectrum",))
    """Their spread over reasonable ranges."""
    white_line_area: Array = quantity("eV", dims=("spectrum",))
    """Areas of the white lines above an arctangent step."""
    white_line_area_stderr: Array = quantity("eV", dims=("spectrum",))
    """Their spread over reasonable ranges."""
    pre_edge_range: tuple[float, float] = quantity("eV")
    """Range of the pre-edge lines, relative to e0."""
    post_edge_range: tuple[float, float] = quantity("eV")
    """Range of the post-edge curves, relative to e0."""
    order: int = quantity()
    """Order of the post-edge polynomials."""
    composition: str = ""
    """Formula of the samples, whose edges limit the ranges."""
    element: str = ""
    """Absorbing element."""
    edge: str = ""
    """Edge."""
    names: tuple[str, ...] = ()
    """Names of the spectra."""
    simulated: bool = False
    """True for calculated spectra."""
    messages: tuple[str, ...] = ()
    """What a user must know, one sentence each."""


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class ExafsStack(Result):
    """Oscillations of S spectra; NaN where a spectrum has no edge step."""

    k: Array = quantity("Å⁻¹", symbol="k", dims=("k",))
    """Photoelectron wavenumber, even steps from 0, shape (K,)."""
    chi: Array = quantity(symbol="χ", dims=("spectrum", "k"))
    """χ(k), shape (S, K)."""
    energy: Array = quantity("eV", symbol="E", dims=("energy",))
    """Photon energy, shape (N,)."""
    mu: Array = quantity(symbol="μ", dims=("spectrum", "energy"))
    """Absorption as measured, shape (S, N)."""
    background: Array = quantity(symbol="μ0", dims=("spectrum", "energy"))
    """The backgrounds in the scale of `mu`, equal to `mu` below e0, shape (S, N)."""
    e0: float = quantity("eV", symbol="E0")
    """Edge energy, where k = 0."""
    edge_step: Array = quantity(dims=("spectrum",))
    """Edge steps that χ is divided by, shape (S,)."""
    epsilon_k: Array = quantity(symbol="ε(k)", dims=("spectrum",))
    """Standard errors of a point of χ(k), shape (S,)."""
    deviation: Array = quantity(dims=("k",))
    """Standard error of the background for unit noise of χ(k), shape (K,); times ε(k): δχ."""
    rbkg: float = quantity("Å")
    """Distance below which χ(R) is background."""
    k_weight: float = quantity()
    """Power of k that weighted the background fit."""
    k_range: tuple[float, float] = quantity("Å⁻¹")
    """Range of k that the background was fitted in."""
    element: str = ""
    """Absorbing element."""
    edge: str = ""
    """Edge."""
    names: tuple[str, ...] = ()
    """Names of the spectra."""
    simulated: bool = False
    """True for calculated spectra."""
    messages: tuple[str, ...] = ()
    """What a user must know, one sentence each."""

    def row(self, index: int) -> Exafs:
        """Return one spectrum's oscillations, for what works on one at a time.

        Raises
        ------
        BadInput
            Where there is no such spectrum, or it has no edge step.
        """
        if not -len(self.chi) <= index < len(self.chi):
            raise BadInput(f"there is no spectrum {index}", expected=f"0 to {len(self.chi) - 1}")
        if not np.isfinite(self.edge_step[index]):
            raise BadInput(f"spectrum {index} has no edge step")
        return Exafs(
            k=self.k,
            chi=self.chi[index],
            energy=self.energy,
            mu=self.mu[index],
            background=self.background[index],
            e0=self.e0,
            edge_step=float(self.edge_step[index]),
            epsilon_k=float(self.epsilon_k[index]),
            delta_chi=self.epsilon_k[index] * self.deviation,
            rbkg=self.rbkg,
            k_weight=self.k_weight,
            k_range=self.k_range,
            element=self.element,
            edge=self.edge,
            name=self.names[index] if self.names else "",
            simulated=self.simulated,
            messages=self.messages,
        )


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class TransformStack(Result):
    """χ(R) of S spectra, without phase correction."""

    r: Array = quantity("Å", symbol="R", dims=("r",))
    """Distance, shape (R,)."""
    chi_r_mag: Array = quantity("Å^-(k_weight+1)", symbol="|χ(R)|", dims=("spectrum", "r"))
    """Magnitudes, shape (S, R)."""
    chi_r_re: Array = quantity("Å^-(k_weight+1)", symbol="Re χ(R)", dims=("spectrum", "r"))
    """Real parts."""
    chi_r_im: Array = quantity("Å^-(k_weight+1)", symbol="Im χ(R)", dims=("spectrum", "r"))
    """Imaginary parts."""
    epsilon_r: Array = quantity("Å^-(k_weight+1)", symbol="ε(R)", dims=("spectrum",))
    """Standard errors of real and imaginary part, shape (S,)."""
    k_range: tuple[float, float] = quantity("Å⁻¹")
    """Middle of the window's slopes."""
    k_weight: float = quantity()
    """Power of k."""
    window_name: str = "hanning"
    """Kind of window."""
    dk: float = quantity("Å⁻¹", default=1.0)
    """Width of the window's slopes."""
    names: tuple[str, ...] = ()
    """Names of the spectra."""
