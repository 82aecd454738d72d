"""G(r) from a crystal structure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from xorder.errors import BadInput, BadStructure
from xorder.pdf.form_weights import FormWeights
from xorder.pdf.orbits import orbits_of
from xorder.pdf.pairs import (
    CUT,
    Geometry,
    PairHistogram,
    Widths,
    broadened,
    check_distances,
    class_members,
    pair_histogram,
    pair_histogram_anisotropic,
)
from xorder.pdf.pattern import PairDistribution, Radiation, check_uniform
from xorder.pdf.phases import class_shares, sphere_envelope
from xorder.pdf.termination import Grid
from xorder.pdf.weights import Convention, mean_weight, scattering_weights
from xorder.results import Array, quantity, recorded
from xorder.structure import Atoms, Crystal, unit_cell_atoms

__all__ = ["CalculatedPdf", "calculate_gr"]

FormFactors = Literal["constant", "exact"]

#: More groups of atoms than this go by the logarithm of their displacement.
MOST_GROUPS = 6


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class CalculatedPdf(PairDistribution):
    """G(r) calculated from a structure."""

    rho0: float = quantity("Å⁻³", symbol="ρ0", default=math.nan)
    """Mean number density of atoms."""
    convention: str = "xorder"
    """Whose definition of G(r) was followed."""


@recorded
def calculate_gr(
    crystal: Crystal,
    *,
    r: Array,
    q_max: float | None = None,
    qdamp: float = 0.0,
    qbroad: float = 0.0,
    uiso: float | Mapping[str, float] | None = None,
    delta1: float = 0.0,
    delta2: float = 0.0,
    scale: float = 1.0,
    sratio: float = 1.0,
    rcut: float = 0.0,
    sphere_diameter: float | None = None,
    radiation: Radiation = "xray",
    convention: Convention = "xorder",
    form_factors: FormFactors = "constant",
    sample: Mapping[str, float] | None = None,
    wavelength: float = math.nan,
) -> CalculatedPdf:
    r"""Return the pair distribution function of a crystal.

    .. math::

        G(r) = \frac{1}{N\langle b\rangle^2} \sum_{i \ne j} \frac{o_i o_j b_i b_j}{r_{ij}}
        \mathcal{N}(r - r_{ij}; \sigma_{ij}) - 4\pi r \rho_0, \qquad
        \sigma_{ij}^2 = \mathrm{msd}_{ij}\left(1 - \frac{\delta_2}{r_{ij}^2}
        - \frac{\delta_1}{r_{ij}} + Q_{broad}^2 r_{ij}^2\right)

    Farrow et al., J. Phys.: Condens. Matter 19, 335219 (2007). `msd` is the sum of both atoms'
    displacements along the bond. Distances up to `r` count, whatever the first point of `r` is.

    Parameters
    ----------
    crystal
        Structure. Alternative occupants of one place (closer than 0.5 Å, occupancies up to one
        together) are not a pair.
    r
        Distances in Å, uniform and ascending, shape (N,).
    q_max
        Upper end of Q in Å⁻¹ for the termination ripples; None for none.
    qdamp, qbroad
        Resolution in Å⁻¹.
    uiso
        Isotropic displacement in Å² for all atoms, or one per element; None for the structure's own
        (anisotropic ones included).
    delta1, delta2
        Correlated motion, Å and Å².
    scale
        Factor on the whole.
    sratio, rcut
        Factor on the widths of peaks at distances below `rcut` (Å).
    sphere_diameter
        Diameter in Å of spherical particles; None for an endless crystal.
    radiation
        ``"xray"`` (weights Z) or ``"neutron"`` (coherent scattering lengths).
    convention
        ``"xorder"``: each peak over its own distance r_ij, resolution before termination.
        ``"pdffit2"``: each point over its own r. ``"srreal"``: 1/r_ij, termination before
        resolution.
    form_factors
        ``"exact"`` weighs X-ray pairs by f_a(Q) f_b(Q)/⟨f(Q)⟩² up to `q_max`, as a measurement
        does; ``"constant"`` by Z_a Z_b/⟨Z⟩², as pdffit2 and srreal do.
    sample
        Amounts of the elements of the whole sample, which make ⟨f⟩; the crystal's own where None.
    wavelength
        Wavelength in Å for f' and f'' of exact form factors; NaN leaves them out.

    Returns
    -------
    :
        r and G(r), with what they were calculated for.

    Raises
    ------
    BadInput
        Where r is not uniform, a displacement is missing, or a peak would have no width.
    BadStructure
        Where atoms lie on one another.
    """
    r = np.asarray(r, dtype=float)
    check_uniform(r)
    _check_choices(convention, qdamp, qbroad, scale, sratio, rcut)
    if form_factors not in ("constant", "exact"):
        raise BadInput(f"unknown form_factors {form_factors!r}", expected="'constant' or 'exact'")
    atoms = _with_displacements(unit_cell_atoms(crystal), crystal, uiso)
    weights = scattering_weights(atoms, radiation, convention)
    mean = mean_weight(atoms, weights)
    geometry = Geometry(
        lattice=atoms.lattice,
        xyz=atoms.xyz,
        occupancy=atoms.occupancy,
        weight=atoms.occupancy * weights,
        orbit=orbits_of(crystal, atoms),
    )
    shortest = check_distances(geometry, [crystal.sites[i].label for i in atoms.site])
    shape = 1.0 - delta2 / shortest**2 - delta1 / shortest
    if shape <= 0:
        raise BadInput(
            f"delta1 = {delta1:g} Å and delta2 = {delta2:g} Å² leave no width to the peak at "
            f"{shortest:.3f} Å",
            expected="delta2/r² + delta1/r < 1 at the shortest distance",
        )
    finest = 0.6 * _narrowest(atoms, shape) * min(sratio if rcut > 0 else 1.0, 1.0)
    grid = Grid.of(
        float(r[0]), float((r[-1] - r[0]) / (len(r) - 1)), len(r),
        q_max=q_max, convention=convention, finest=min(0.03, finest),
    )  # fmt: skip
    widths = Widths(
        msd=np.zeros(0), members=np.zeros((0, 0)), delta1=delta1, delta2=delta2, qbroad=qbroad
    )
    exact = form_factors == "exact" and radiation == "xray"
    peaks = _peaks(geometry, atoms, widths, grid, finest / 6.0, sratio, rcut, by_class=exact)
    n_atoms = float(np.sum(atoms.occupancy))
    if convention == "pdffit2":
        peaks = peaks / np.where(grid.r > 0, grid.r, np.inf)[:, None]
    rho0 = n_atoms / atoms.volume
    shares = np.ones(1)
    kernel = None
    if exact:
        elements, group = np.unique(atoms.elements, return_inverse=True)
        shares = class_shares(geometry.weight / (n_atoms * mean), group)
        own = {e: float(np.sum(atoms.occupancy[atoms.elements == e])) for e in elements.tolist()}
        kernel = grid.kernel(
            FormWeights(
                elements=tuple(elements.tolist()), sample=sample or own, wavelength=wavelength
            )
        )
    curve = peaks / (n_atoms * mean**2) - 4.0 * math.pi * rho0 * np.outer(grid.r, shares)
    envelope = np.exp(-0.5 * (grid.r * qdamp) ** 2)
    if sphere_diameter is not None:
        envelope = envelope * sphere_envelope(grid.r, sphere_diameter)
    gr = scale * grid.finish(curve[:, :, None], envelope[:, None], kernel)[:, 0]
    return CalculatedPdf(
        r=r,
        gr=gr,
        q_max=math.nan if q_max is None else q_max,
        qdamp=qdamp,
        qbroad=qbroad,
        composition=crystal.formula,
        radiation=radiation,
        wavelength=wavelength,
        name=crystal.name,
        source=crystal.source,
        simulated=True,
        rho0=rho0,
        convention=convention,
    )


def _check_choices(
    convention: str, qdamp: float, qbroad: float, scale: float, sratio: float, rcut: float
) -> None:
    if convention not in ("xorder", "pdffit2", "srreal"):
        raise BadInput(
            f"unknown convention {convention!r}", expected="'xorder', 'pdffit2' or 'srreal'"
        )
    for name, value in {"qdamp": qdamp, "qbroad": qbroad, "rcut": rcut}.items():
        if not 0 <= value < math.inf:
            raise BadInput(f"{name} is {value}", expected=f"{name} >= 0")
    if not math.isfinite(scale):
        raise BadInput(f"scale is {scale}", expected="a finite scale")
    if not 0 < sratio < math.inf:
        raise BadInput(f"sratio is {sratio}", expected="sratio > 0")


def _with_displacements(
    atoms: Atoms, crystal: Crystal, uiso: float | Mapping[str, float] | None
) -> Atoms:
    if len(crystal.sites) == 0:
        raise BadStructure("the structure has no atoms", source=crystal.source or crystal.name)
    u = atoms.u
    if uiso is not None:
        elements = sorted(set(atoms.elements.tolist()))
        given = dict(uiso) if isinstance(uiso, Mapping) else dict.fromkeys(elements, float(uiso))
        for element, value in given.items():
            if not 0 < value < math.inf:
                raise BadInput(f"uiso of {element} is {value}", expected="a positive Uiso in Å²")
        known = np.array([given.get(element, math.nan) for element in atoms.elements.tolist()])
        spheres = known[:, None, None] * np.eye(3)
        u = np.where(np.isnan(known)[:, None, None], u, spheres)
    missing = ~np.isfinite(u).all(axis=(1, 2))
    missing |= np.where(missing, 0.0, np.trace(u, axis1=1, axis2=2)) <= 0.0
    if missing.any():
        labels = sorted({crystal.sites[i].label for i in atoms.site[missing]})
        raise BadInput(
            f"the structure gives no displacement for {', '.join(labels[:8])}",
            expected="uiso=... in Å²",
            source=crystal.source or None,
        )
    if np.linalg.eigvalsh(u).min() <= 0:
        bad = atoms.site[int(np.argmin(np.linalg.eigvalsh(u).min(axis=1)))]
        raise BadInput(
            f"the displacements of {crystal.sites[bad].label} are not positive definite",
            expected="an ellipsoid; give uiso=... instead",
            source=crystal.source or None,
        )
    return replace(atoms, u=u)


def _narrowest(atoms: Atoms, shape: float) -> float:
    """Return the standard deviation of the sharpest peak there can be, Å."""
    return math.sqrt(2.0 * float(np.linalg.eigvalsh(atoms.u).min()) * max(min(shape, 1.0), 0.05))


def _peaks(
    geometry: Geometry,
    atoms: Atoms,
    widths: Widths,
    grid: Grid,
    step: float,
    sratio: float,
    rcut: float,
    *,
    by_class: bool,
) -> Array:
    """Return the sum of the peaks, shape (fine, 1), or one column a pair of elements."""
    elements, group = np.unique(atoms.elements, return_inverse=True)
    over_distance = grid.convention != "pdffit2"

    def of(*chosen: int) -> Array:
        part = replace(geometry, weight=geometry.weight * np.isin(group, chosen))
        histogram, shaped = _histogram(part, atoms, widths, grid, step, sratio, rcut)
        return broadened(histogram, shaped, grid.r, over_distance=over_distance)

    every = range(len(elements))
    if not by_class:
        return of(*every)[:, None]
    single = [of(a) for a in every]
    columns = [
        single[a] if a == b else of(a, b) - single[a] - single[b] for a in every for b in every[a:]
    ]
    return np.stack(columns, axis=1)


def _histogram(
    geometry: Geometry,
    atoms: Atoms,
    widths: Widths,
    grid: Grid,
    step: float,
    sratio: float,
    rcut: float,
) -> tuple[PairHistogram, Widths]:
    """Return the pairs and the widths of their classes."""
    step = min(max(step, 0.002), 0.02)
    largest = 2.0 * float(np.linalg.eigvalsh(atoms.u).max())
    sigma = math.sqrt(largest * (1.0 + (widths.qbroad * grid.r[-1]) ** 2)) * max(sratio, 1.0)
    r_max = float(grid.r[-1]) + CUT * sigma
    iso = np.trace(atoms.u, axis1=1, axis2=2) / 3.0
    isotropic = np.abs(atoms.u - iso[:, None, None] * np.eye(3)).max() < 1e-9
    levels, group = np.unique(np.round(iso, 12), return_inverse=True)
    if isotropic and (len(levels) <= MOST_GROUPS or rcut > 0):
        _, members = class_members(len(levels))
        msd = members @ levels
        if rcut > 0:
            msd = np.concatenate([msd, msd * sratio**2])
        histogram = pair_histogram(
            geometry, np.asarray(group, dtype=np.int64), r_max=r_max, step=step, r_split=rcut
        )
        return histogram, replace(widths, msd=msd)
    if rcut > 0:
        raise BadInput(
            "rcut with anisotropic displacements is not there yet",
            expected="rcut = 0, or isotropic displacements through uiso=...",
        )
    histogram, msd = pair_histogram_anisotropic(geometry, atoms.u, r_max=r_max, step=step)
    return histogram, replace(widths, msd=msd)
