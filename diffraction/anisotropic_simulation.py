"""Patterns with what the refinement knows of lines: widths by direction, axial divergence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from xorder.diffraction.humps import Hump
from xorder.diffraction.profiles import Profile
from xorder.diffraction.radiation import Radiation
from xorder.diffraction.refinement_objective import PatternObjective, pattern_model
from xorder.diffraction.refinement_options import Phase, RefinementOptions
from xorder.diffraction.refinement_start import starting_parameters
from xorder.diffraction.simulation import SimulatedPattern, simulate
from xorder.results import recorded
from xorder.structure import Crystal

__all__ = ["simulate_anisotropic"]


@recorded
def simulate_anisotropic(
    crystal: Crystal,
    *,
    widths: Mapping[str, float] | None = None,
    asymmetry: float = 0.0,
    wavelength: Radiation | str | float = "CuKa",
    two_theta: tuple[float, float, float] = (5.0, 90.0, 0.02),
    profile: Profile | None = None,
    size: float | None = None,
    strain: float = 0.0,
    scale: float = 1.0,
    background: Sequence[float] = (),
    humps: Sequence[Hump] = (),
    zero_shift: float = 0.0,
) -> SimulatedPattern:
    """Return the pattern of a crystal whose size or strain depends on direction.

    Parameters
    ----------
    crystal
        The structure.
    widths
        Terms of the size's ellipsoid and of the strain, such as ``{"strain_400": 4e-6,
        "inverse_size_002": 4e-5}`` (see `anisotropy.DirectionalWidth`): all that the Laue class
        has, of either kind or of both; they take the place of `size` or `strain`.
    asymmetry
        Axial divergence S/L = H/L (Finger, Cox & Jephcoat, J. Appl. Cryst. 27, 892 (1994)).
    wavelength, two_theta, profile, size, strain, scale, background, humps, zero_shift
        As in `simulate`.

    Raises
    ------
    BadInput
        As `simulate`, and for terms that the Laue class does not have.
    """
    terms = dict(widths or {})
    base = simulate(
        crystal, wavelength=wavelength, two_theta=two_theta, scale=scale, background=background,
        humps=humps,
    )  # fmt: skip
    sized = any(name.startswith("inverse_size") for name in terms)
    phase = Phase(
        crystal=crystal, size=1000.0 if sized else size, strain=strain, uiso="none",
        positions=False, anisotropic_size=sized,
        anisotropic_strain=any(name.startswith("strain") for name in terms),
    )  # fmt: skip
    options = RefinementOptions(
        background=1, asymmetry=asymmetry, profile=profile or Profile(), displacement=False
    )
    model = pattern_model(base, [phase], options=options)
    start = starting_parameters([model], [phase], options)
    start = start.with_values(terms | {"scale": scale, "zero_shift": zero_shift})
    bragg = PatternObjective(model, start, frozenset()).bragg(0, start.valuesdict())
    total = bragg + base.components[1:].sum(axis=0)
    return replace(
        base,
        intensity=total,
        sigma=np.sqrt(np.maximum(total, 1.0)),
        components=np.stack([bragg, *base.components[1:]]),
        provenance=None,
    )
