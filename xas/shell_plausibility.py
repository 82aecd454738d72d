"""Fitted shells as numbers, and what about them cannot be believed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xorder.fitting import FitResult
from xorder.results import Array, Number, Result
from xorder.scattering import covalent_radius, is_metal
from xorder.xas.scattering_paths import ScatteringPath
from xorder.xas.shell_background import background_names
from xorder.xas.shell_objectives import ShellObjective
from xorder.xas.transforms import N_FFT, window_function

__all__ = [
    "Doubt",
    "FittedShell",
    "doubts_about_fit",
    "doubts_about_range",
    "doubts_about_shells",
    "fitted_shells",
    "notes_about_shells",
]

#: Beyond these a fit does not describe the data (Σ residual² / Σ data²).
DOUBTFUL_R_FACTOR, BAD_R_FACTOR = 0.03, 0.05
#: Plausible amplitude reductions.
S02_RANGE = (0.6, 1.2)
#: Largest plausible shift of e0 in eV and change of a distance in Å.
LARGEST_SHIFT, LARGEST_CHANGE = 10.0, 0.15
#: What the model lacks within `NEXT_SHELL` (Å) beyond the range of R spoils the range, where it is
#: more than this share of the highest peak in it.
NEXT_SHELL, LEAK = 0.6, 0.4
#: Note of a number that was given.
NOT_FITTED = "not fitted"
#: Single-scattering shells nearer to one another (Å) are one shell twice.
ONE_DISTANCE = 0.05
#: Larger σ² (Å²) of a bond leaves no oscillation to measure.
LARGEST_SIGMA2 = 0.03
#: Beyond this (Å²) the shape of the distribution of distances matters.
BROAD_SIGMA2 = 0.01
#: A distance with a larger standard error (Å) is not measured.
LARGEST_R_ERROR = 0.03
#: Share of the sphere around an atom that its neighbours below `FIRST_NEIGHBOURS` (Å) may fill:
#: 0.8 to 0.9 in metals, 0.6 for an octahedron of Cl around Ta.
MOST_CROWDED, FIRST_NEIGHBOURS = 1.3, 3.3


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class FittedShell(Result):
    """What a fit found for one path of one spectrum; a fixed quantity has no standard error."""

    name: str
    """The shell's label, or its path's."""
    spectrum: int = 0
    """Number of the spectrum, from 0."""
    path: ScatteringPath
    """The path."""
    degeneracy: Number
    """Coordination number N."""
    s02: Number
    """Amplitude reduction S0²."""
    n_s02: Number
    """Their product, which is what the spectrum knows."""
    delta_e0: Number
    """Shift of e0 in eV."""
    r: Number
    """Half length in Å."""
    delta_r: Number
    """Its change from the path's in Å."""
    sigma2: Number
    """Mean-square disorder in Å²."""
    third: Number
    """Third cumulant in Å³."""
    fourth: Number
    """Fourth cumulant in Å⁴."""
    free_distance: bool = False
    """Whether its distance was fitted."""

    @property
    def numbers(self) -> tuple[Number, ...]:
        """The numbers that were fitted, named with the shell."""
        every = (self.n_s02, self.degeneracy, self.s02, self.r, self.sigma2, self.delta_e0)
        return tuple(
            Number(
                name=f"{number.name} {self.name}",
                value=number.value,
                stderr=number.stderr,
                unit=number.unit,
                note=number.note,
            )
            for number in (*every, self.third, self.fourth)
            if math.isfinite(number.stderr)
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Doubt:
    """Something about a fit that a reader must know."""

    text: str
    """One sentence."""
    grave: bool = False
    """True where the fit must not be used."""
    about: str = "parameters"
    """``"parameters"`` make a minimum implausible, ``"undetermined"`` ones do because the data do
    not hold them, ``"data"`` are about the fit as a whole."""


def fitted_shells(
    objective: ShellObjective, fit: FitResult, *, spectrum: int = 0
) -> tuple[FittedShell, ...]:
    """Return the shells of one spectrum as a fit found them."""
    parameters = fit.parameters
    values = objective.quantities(parameters.valuesdict())
    shells = []
    for index, shell in enumerate(objective.shells):
        names = objective.names(index)
        errors = {quantity: parameters[name].stderr for quantity, name in names.items()}
        n, s02, delta_e0, delta_r, sigma2, third, fourth = values[index].tolist()

        def number(
            name: str, value: float, unit: str = "", error: dict[str, float] = errors
        ) -> Number:
            stderr = error.get(name, math.nan)
            note = "" if name in error else NOT_FITTED
            return Number(name=name, value=value, stderr=stderr, unit=unit, note=note)

        r_error = errors.get("delta_r", math.nan)
        shells.append(
            FittedShell(
                name=shell.name,
                spectrum=spectrum,
                path=shell.path,
                degeneracy=number("degeneracy", n),
                s02=number("s02", s02),
                n_s02=Number(
                    name="n_s02", value=n * s02, stderr=_product_error(fit, names, n, s02)
                ),
                delta_e0=number("delta_e0", delta_e0, "eV"),
                r=Number(name="r", value=shell.path.reff + delta_r, stderr=r_error, unit="Å"),
                delta_r=number("delta_r", delta_r, "Å"),
                sigma2=number("sigma2", sigma2, "Å²"),
                third=number("third", third, "Å³"),
                fourth=number("fourth", fourth, "Å⁴"),
                free_distance="delta_r" in names,
            )
        )
    return tuple(shells)


def doubts_about_shells(objective: ShellObjective, shells: Sequence[FittedShell]) -> list[Doubt]:
    """Return what makes the numbers of one spectrum's shells implausible."""
    doubts: list[Doubt] = []
    for index, shell in enumerate(shells):
        e0_name = objective.names(index).get("delta_e0", f"delta_e0 of {shell.name}")
        doubts += _doubts_about(shell, objective.shells[index].s02, e0_name)
    single = [i for i, shell in enumerate(shells) if shell.path.n_legs == 2]
    for position, i in enumerate(single):
        for j in single[position + 1 :]:
            one, other = shells[i], shells[j]
            if not (one.free_distance or other.free_distance):
                continue
            if objective.names(i).get("delta_r") == objective.names(j).get("delta_r"):
                continue
            # Distances of a structure that moves as one keep apart.
            near = abs(one.path.reff - other.path.reff) < ONE_DISTANCE
            if near and one.path.elements[1] == other.path.elements[1]:
                continue
            apart = one.path.reff - other.path.reff
            alike = one.path.elements[1] == other.path.elements[1]
            if alike and apart * (one.r.value - other.r.value) < 0.0:
                # The same model under other names, which would look like a rival.
                text = f"{one.name} and {other.name} have changed places"
                doubts.append(Doubt(text=text))
            if abs(one.r.value - other.r.value) < ONE_DISTANCE:
                doubts.append(
                    Doubt(
                        text=f"{one.name} and {other.name} sit at one distance "
                        f"({one.r.value:.3f} and {other.r.value:.3f} Å)",
                        grave=True,
                    )
                )
    crowd = sum(_crowding(shells[i]) for i in single)
    if crowd > MOST_CROWDED:
        text = f"the neighbours need {crowd:.1f} times the room there is around the absorber"
        doubts.append(Doubt(text=text, grave=True))
    # Shells that share a parameter would say the same again.
    return list({doubt.text: doubt for doubt in doubts}.values())


def doubts_about_fit(fit: FitResult, shells: Sequence[FittedShell], r_factor: float) -> list[Doubt]:
    """Return what the goodness of the fit and its errors say against it."""
    doubts = []
    if not r_factor <= DOUBTFUL_R_FACTOR:
        bad = not r_factor <= BAD_R_FACTOR
        text = "the shells do not describe the data" if bad else "the shells describe the data ill"
        doubts.append(Doubt(text=f"{text}, R-factor {r_factor:.3f}", grave=bad, about="data"))
    for shell in shells:
        if shell.path.n_legs == 2 and shell.r.stderr > LARGEST_R_ERROR:
            doubts.append(
                Doubt(
                    text=f"{shell.name} has no measured distance, "
                    f"{shell.r.value:.3f} ± {shell.r.stderr:.3f} Å",
                    grave=True,
                    about="data",
                )
            )
        if shell.n_s02.stderr > 0.5 * abs(shell.n_s02.value):
            doubts.append(
                Doubt(
                    text=f"{shell.name}: N·S0² {shell.n_s02.value:.2f} ± {shell.n_s02.stderr:.2f} "
                    "is hardly measured",
                    about="data",
                )
            )
    # A background takes up the points that the range below it adds.
    splines = len(background_names(fit.var_names))
    variables, points = fit.nvarys - splines, fit.n_independent - splines
    if variables > 2.0 / 3.0 * points:
        doubts.append(
            Doubt(
                text=f"{variables} variables for {points:.1f} independent points "
                "leave little to judge the fit by",
                about="data",
            )
        )
    return list({doubt.text: doubt for doubt in doubts}.values())


def doubts_about_range(objective: ShellObjective, model: Array) -> list[Doubt]:
    """Return whether a shell that the model lacks reaches into the range of R.

    What the model leaves over just beyond the range is compared with the data in the range.
    """
    space, k = objective.space, objective.exafs.k
    if space.space == "k":
        return []
    weight = sorted(space.k_weight)[len(space.k_weight) // 2]
    shape = window_function(k, k_range=space.k_range, dk=space.dk, window=space.window)
    spectra = np.fft.rfft(np.stack([objective.exafs.chi, model]) * shape * k**weight, n=N_FFT)
    r = math.pi / (float(k[1] - k[0]) * N_FFT) * np.arange(spectra.shape[1])
    low, high = space.r_range
    beyond = (r > high) & (r <= high + NEXT_SHELL)
    inside = float(np.max(np.abs(spectra[0])[(r >= low) & (r <= high)], initial=0.0))
    left = np.abs(spectra[0] - spectra[1]) * beyond
    share = float(np.max(left)) / inside if inside else 0.0
    if share < LEAK:
        return []
    kind = "a stronger shell" if share > 1.0 else "a shell"
    return [
        Doubt(
            text=f"{kind} that the model lacks, at {r[np.argmax(left)]:.2f} Å without "
            f"phase correction, reaches into the range to {high:g} Å",
            grave=share > 1.0,
            about="data",
        )
    ]


def _doubts_about(shell: FittedShell, s02: float | str, e0_name: str) -> list[Doubt]:
    name, doubts = shell.name, []

    def doubt(text: str, *, grave: bool = False) -> None:
        doubts.append(Doubt(text=text, grave=grave))

    named = not isinstance(s02, str) or s02.isidentifier()
    if named and not S02_RANGE[0] <= shell.s02.value <= S02_RANGE[1]:
        grave = not 0.4 <= shell.s02.value <= 1.5
        who = s02 if isinstance(s02, str) else f"S0² of {name}"
        doubt(f"{who} is {shell.s02.value:.2f}, outside 0.6 to 1.2", grave=grave)
    fitted = shell.sigma2.note != NOT_FITTED
    if shell.sigma2.value < 1e-6 and (fitted or shell.sigma2.value < 0.0):
        text = f"{name}: σ² is {shell.sigma2.value:.4f} Å², not positive"
        doubts.append(Doubt(text=text, about="undetermined"))
    single = shell.path.n_legs == 2
    if single and shell.sigma2.value > LARGEST_SIGMA2:
        doubt(f"{name}: σ² is {shell.sigma2.value:.3f} Å², a shell smeared out")
    if abs(shell.delta_e0.value) > LARGEST_SHIFT:
        doubt(f"{e0_name} is {shell.delta_e0.value:+.1f} eV, more than 10 eV")
    if abs(shell.delta_r.value) > LARGEST_CHANGE:
        doubt(f"{name} is moved by {shell.delta_r.value:+.3f} Å, more than 0.15 Å")
    if shell.n_s02.value < 0.0:
        doubt(f"{name}: N·S0² is {shell.n_s02.value:.2f}, negative", grave=True)
    return doubts


def notes_about_shells(shells: Sequence[FittedShell]) -> list[str]:
    """Return what does not speak against a fit, but limits what its numbers mean."""
    broad = {
        f"{shell.name}: σ² is {shell.sigma2.value:.4f} Å²; if the distances are spread unevenly, N "
        "and R are biased: compare with a third cumulant"
        for shell in shells
        if shell.path.n_legs == 2
        and BROAD_SIGMA2 < shell.sigma2.value <= LARGEST_SIGMA2
        and shell.sigma2.note != NOT_FITTED
        and shell.third.note == NOT_FITTED
    }
    return sorted(broad)


def _crowding(shell: FittedShell) -> float:
    """Return the share of the sphere of the shell's radius that its atoms fill."""
    element, r = shell.path.elements[1], shell.r.value
    if not 0.5 < r < FIRST_NEIGHBOURS:
        return 0.0
    radius = covalent_radius(element)
    # Atoms that are not bonded keep apart: metals by their radius, others by more (Bartell,
    # J. Chem. Phys. 32, 827, 1960).
    apart = 1.9 * radius if is_metal(element) else 2.0 * (radius + 0.42)
    return shell.n_s02.value * 0.866 * apart**2 / (4.0 * math.pi * r**2)


def _product_error(fit: FitResult, names: dict[str, str], n: float, s02: float) -> float:
    """Return the standard error of N·S0²; the two may be correlated."""
    parts = [(n, names.get("s02")), (s02, names.get("degeneracy"))]
    known = [(factor, name) for factor, name in parts if name is not None]
    if not known:
        return math.nan
    errors = np.array([factor * fit.parameters[name].stderr for factor, name in known])
    variance = float(np.sum(errors**2))
    if len(known) == 2 and all(name in fit.var_names for _, name in known):
        i, j = (fit.var_names.index(name) for _, name in known)
        variance += 2.0 * n * s02 * float(fit.covar[i, j])
    return math.sqrt(max(variance, 0.0)) if math.isfinite(variance) else math.nan
