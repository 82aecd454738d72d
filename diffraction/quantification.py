"""Weight fractions of crystalline phases from the scales of a refinement."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xorder.diffraction.absorption import CM_PER_MICROMETRE, brindley_factor, mass_absorption
from xorder.diffraction.radiation import Radiation
from xorder.errors import BadInput, DataWarning
from xorder.results import Array, Number, Result, quantity, recorded
from xorder.scattering import atomic_mass
from xorder.structure import Crystal, composition, density, lattice_from_cell

__all__ = [
    "PhaseFractions",
    "cell_content",
    "checked_scales",
    "propagated",
    "weight_fractions",
]

#: Brindley's theory is one of small grains: it holds to this μD.
BRINDLEY_LIMIT = 0.1
#: Standard errors of a detection limit at 5 % risk of either error (Currie 1968): 2 × 1.645.
DETECTION = 3.29


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class PhaseFractions(Result):
    """Weight fractions among the crystalline phases; they add up to 1."""

    phase: NDArray[np.str_] = quantity(dims=("phase",))
    """Names of the crystals."""
    weight_fraction: Array = quantity(symbol="W", dims=("phase",))
    """Share of each phase in the mass of all crystalline phases."""
    stderr: Array = quantity(dims=("phase",))
    """Standard error of `weight_fraction`, from the scales' covariance."""
    detection_limit: Array = quantity(dims=("phase",))
    """Smallest fraction told from none: 3.29 standard errors."""
    scale: Array = quantity(symbol="S", dims=("phase",))
    """Scale factors."""
    zmv: Array = quantity("g/mol Å³", symbol="ZMV", dims=("phase",))
    """Mass times volume of the cell's content."""
    density: Array = quantity("g/cm³", symbol="ρ", dims=("phase",))
    """Density of the crystal."""
    mass_absorption: Array = quantity("cm²/g", symbol="μ*", dims=("phase",))
    """Mass attenuation coefficient; NaN where no wavelength was given."""
    mu_d: Array = quantity(symbol="μD", dims=("phase",))
    """Linear attenuation times grain diameter; NaN where no diameters were given."""
    brindley: Array = quantity(symbol="τ", dims=("phase",))
    """Microabsorption factor by which the scale was divided; 1 without correction."""
    covar: Array = quantity()
    """Covariance of `weight_fraction`, shape (phases, phases)."""
    messages: tuple[str, ...] = ()
    """What a user must know, one sentence each."""

    @property
    def numbers(self) -> tuple[Number, ...]:
        """Rows of a summary."""
        return tuple(
            Number(name=f"weight_fraction {name}", value=float(w), stderr=float(s))
            for name, w, s in zip(self.phase, self.weight_fraction, self.stderr, strict=True)
        )


@recorded
def weight_fractions(
    scales: Sequence[float] | Array,
    crystals: Sequence[Crystal],
    *,
    covar: Array,
    wavelength: Radiation | str | float | None = None,
    grain_diameters: Sequence[float] | None = None,
    two_theta: float = 90.0,
) -> PhaseFractions:
    r"""Return weight fractions of crystalline phases.

    .. math:: W_\alpha = \frac{S_\alpha (ZMV)_\alpha / \tau_\alpha}
                              {\sum_i S_i (ZMV)_i / \tau_i}

    Hill & Howard, J. Appl. Cryst. 20, 467 (1987), for scales :math:`S` in
    :math:`I = S \sum m |F|^2 LP\,\Omega`; :math:`\tau` is Brindley's microabsorption factor, found
    together with the mean absorption of the solid, which depends on the fractions.

    Parameters
    ----------
    scales
        Scale factor of each phase.
    crystals
        Structures as refined, whose cells give mass and volume.
    covar
        Covariance of the scales, or their standard errors where uncorrelated.
    wavelength
        Radiation; needed for grain_diameters.
    grain_diameters
        Diameter of the grains (not domains) of each phase in µm, for microabsorption; no
        correction where None. A `DataWarning` says where μD is beyond 0.1, where the theory of
        small grains ends.
    two_theta
        Angle for which the microabsorption is averaged.

    Raises
    ------
    BadInput
        For scales that are not positive, lists of other lengths, or diameters without wavelength.
    """
    values, variance = checked_scales(scales, crystals, covar)
    contents = np.array([cell_content(crystal) for crystal in crystals])
    zmv, densities = contents[:, 0] * contents[:, 1], np.array([density(c) for c in crystals])
    attenuation = _attenuation(crystals, wavelength, grain_diameters)
    diameters = None if grain_diameters is None else np.asarray(grain_diameters, dtype=float)

    def fractions(trial: Array) -> Array:
        return _fractions(trial * zmv, attenuation, densities, diameters, two_theta)[0]

    found, found_covar = propagated(fractions, values, variance)
    factors = _fractions(values * zmv, attenuation, densities, diameters, two_theta)[1]
    mu_d = np.full(len(values), np.nan)
    if diameters is not None:
        mu_d = attenuation * densities * diameters * CM_PER_MICROMETRE
    names = np.array([crystal.name for crystal in crystals])
    stderr = np.sqrt(np.diag(found_covar))
    return PhaseFractions(
        phase=names,
        weight_fraction=found,
        stderr=stderr,
        detection_limit=DETECTION * stderr,
        scale=values,
        zmv=zmv,
        density=densities,
        mass_absorption=attenuation,
        mu_d=mu_d,
        brindley=factors,
        covar=found_covar,
        messages=_coarse(names, mu_d, factors),
    )


def cell_content(crystal: Crystal) -> tuple[float, float]:
    """Return the mass of a cell's content in g/mol, occupancies counted, and its volume in Å³."""
    mass = sum(n * atomic_mass(element) for element, n in composition(crystal).items())
    return mass, abs(float(np.linalg.det(lattice_from_cell(crystal.cell))))


def checked_scales(
    scales: Sequence[float] | Array, crystals: Sequence[Crystal], covar: Array
) -> tuple[Array, Array]:
    """Return scales and their covariance matrix, or refuse them."""
    values = np.asarray(scales, dtype=float)
    variance = np.asarray(covar, dtype=float)
    variance = np.diag(variance**2) if variance.ndim == 1 else variance
    count = len(crystals)
    if not count or values.shape != (count,) or variance.shape != (count, count):
        raise BadInput(
            f"{values.size} scales and a covariance of shape {variance.shape} for {count} crystals",
            expected="one scale and one row of covariance each",
        )
    if not np.isfinite(values).all() or values.min() < 0 or not values.max() > 0:
        raise BadInput(f"scales {values.tolist()}", expected="numbers of 0 or above, not all 0")
    if not np.isfinite(variance).all() or np.diag(variance).min() < 0:
        raise BadInput("the scales have no standard errors", expected="the covariance of a fit")
    return values, variance


def propagated(
    function: Callable[[Array], Array], values: Array, covar: Array
) -> tuple[Array, Array]:
    """Return a function's value and its covariance to first order, J C Jᵀ.

    J by central differences of a thousandth of a standard error (of the value where it has none).
    """
    result = np.asarray(function(values), dtype=float)
    error = np.sqrt(np.maximum(np.diag(covar), 0.0))
    step = np.where(error > 0, 1e-3 * error, 1e-6 * np.maximum(np.abs(values), 1e-6))
    columns = [
        (np.asarray(function(values + h)) - np.asarray(function(values - h))) / (2.0 * h.sum())
        for h in np.diag(step)
    ]
    jacobian = np.stack(columns, axis=-1)
    return result, np.asarray(jacobian @ covar @ jacobian.T)


def _fractions(
    masses: Array,
    attenuation: Array,
    densities: Array,
    diameters: Array | None,
    two_theta: float,
) -> tuple[Array, Array]:
    """Return weight fractions and Brindley factors, each found with the other."""
    factors = np.ones_like(masses)
    share = masses / masses.sum()
    if diameters is None:
        return share, factors
    mu = attenuation * densities
    for _ in range(100):
        mean = float(share @ attenuation / (share @ (1.0 / densities)))
        factors = np.array(
            [
                brindley_factor(own - mean, diameter=d, two_theta=two_theta)
                for own, d in zip(mu, diameters, strict=True)
            ]
        )
        before, share = share, masses / factors / (masses / factors).sum()
        if np.abs(share - before).max() < 1e-12:
            break
    return share, factors


def _attenuation(
    crystals: Sequence[Crystal],
    wavelength: Radiation | str | float | None,
    diameters: Sequence[float] | None,
) -> Array:
    if diameters is not None and len(diameters) != len(crystals):
        raise BadInput(
            f"{len(diameters)} grain diameters for {len(crystals)} crystals", expected="one each"
        )
    if wavelength is None:
        if diameters is not None:
            raise BadInput(
                "grain diameters without a wavelength", expected="wavelength='CuKa' or in Å"
            )
        return np.full(len(crystals), np.nan)
    return np.array([mass_absorption(crystal, wavelength=wavelength) for crystal in crystals])


def _coarse(names: NDArray[np.str_], mu_d: Array, factors: Array) -> tuple[str, ...]:
    messages = []
    for name, value, factor in zip(names, mu_d, factors, strict=True):
        if value > BRINDLEY_LIMIT:
            text = (
                f"{name}: μD = {value:.2g}, beyond {BRINDLEY_LIMIT:g}, where Brindley's correction "
                f"(here by {factor:.3f}) no longer holds; grind finer or use a shorter wavelength."
            )
            warnings.warn(text, DataWarning, stacklevel=4)
            messages.append(text)
    return tuple(messages)
