"""Powder patterns of amorphous structure models by the Debye equation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations_with_replacement

import numpy as np

from xorder.diffraction.atomic_factors import bare_factor, dispersions
from xorder.diffraction.radiation import Radiation, make_radiation
from xorder.diffraction.reflections import with_displacements
from xorder.diffraction.simulation import Range, SimulatedPattern, pattern_axis
from xorder.errors import BadInput
from xorder.neighbors import pairs_within
from xorder.results import Array, recorded
from xorder.structure import Atoms, Crystal

__all__ = ["simulate_amorphous"]

#: Bin of pair distances in Å: at Q = 12 Å⁻¹ a sine is wrong by 2e-4.
BIN = 0.005
#: Pairs fade out beyond this share of the largest distance: a sharp end would make ripples.
FADING = 0.7
#: The intensity is calculated at points of this step (degrees) and interpolated: it is smooth.
COARSE = 0.1
#: Atoms nearer than this (Å) share a place.
SHARED = 0.3
#: A box whose pairs end nearer than this (Å) tells nothing of an amorphous material.
LEAST_RADIUS = 5.0


@recorded
def simulate_amorphous(
    boxes: Crystal | Sequence[Crystal],
    *,
    wavelength: Radiation | str | float = "CuKa",
    two_theta: Range = (5.0, 90.0, 0.02),
    r_max: float | None = None,
    uiso: float = 0.02,
    scale: float = 1.0,
    name: str = "",
) -> SimulatedPattern:
    r"""Return the pattern of an amorphous material from periodic boxes of its atoms.

    .. math:: I(Q) = \sum_i |f_i|^2 + \sum_{ab} \mathrm{Re}(f_a f_b^*)\, e^{-Q^2(U_a+U_b)/2}
              \int [n_{ab}(r) - 4\pi r^2 N_a N_b / V]\, E(r) \frac{\sin Qr}{Qr}\, dr

    (Debye, Ann. Phys. 351, 809 (1915), the mean density taken off; :math:`n_{ab}` counts the pairs
    of a box, both ways), with :math:`f = f_0 + f' + i f''` and E fading out to `r_max`. It is put
    on the scale of `simulate`:

    .. math:: y(2\theta) = S\, \frac{16\pi V}{\lambda^3} \frac{\pi}{180}\,
              [P + (1 - P)\cos^2 2\theta]\, I(Q)

    so that a crystal given as a box has the area of its Bragg lines. Compton scattering is left
    out. The result can be given to `simulate` and `simulate_mixture` among the humps, and to
    `refine` as a halo.

    Parameters
    ----------
    boxes
        One periodic box or several, of which the mean is taken: a structure in P 1 as molecular
        dynamics or melting and quenching gives it.
    wavelength
        Radiation, or a name or wavelength of it.
    two_theta
        First angle, last angle and step in degrees.
    r_max
        Largest distance of pairs in Å; half of the box where None.
    uiso
        Displacement in Å² of sites without one: 0 for snapshots, which move themselves.
    scale
        :math:`S`, as of `simulate` for a cell as large as the box.
    name
        Name of the pattern; that of the first box where empty.

    Raises
    ------
    BadInput
        For no box, boxes too small, and ranges that cannot be.
    """
    given = (boxes,) if isinstance(boxes, Crystal) else tuple(boxes)
    if not given:
        raise BadInput("no box of atoms", expected="one or more structures")
    axis, lines = pattern_axis(two_theta), make_radiation(wavelength)
    grid = np.linspace(axis[0], axis[-1], max(2, math.ceil((axis[-1] - axis[0]) / COARSE) + 1))
    mean = np.mean([_pattern(box, lines, grid, r_max, uiso) for box in given], axis=0)
    total = scale * np.interp(axis, grid, mean)
    return SimulatedPattern(
        two_theta=axis,
        intensity=total,
        sigma=np.sqrt(np.maximum(total, 1.0)),
        wavelength=lines,
        name=name or given[0].name,
        components=total[None, :],
        component=("amorphous",),
        weight_fraction=(1.0,),
        notes=("The pattern is simulated.",),
    )


def _pattern(
    box: Crystal, lines: Radiation, grid: Array, r_max: float | None, uiso: float
) -> Array:
    atoms, _ = with_displacements(box, uiso)
    heights = 1.0 / np.linalg.norm(np.linalg.inv(atoms.lattice), axis=0)
    radius = 0.5 * float(heights.min()) if r_max is None else float(r_max)
    if not LEAST_RADIUS <= radius < np.inf:
        raise BadInput(
            f"pairs of {box.name} up to {radius:.3g} Å",
            expected=f"a box of at least {2 * LEAST_RADIUS:g} Å, or r_max of {LEAST_RADIUS:g} Å",
        )
    theta = np.deg2rad(grid) / 2.0
    polarized = lines.polarization + (1.0 - lines.polarization) * np.cos(2.0 * theta) ** 2
    total = np.zeros(len(grid))
    histograms = _histograms(atoms, radius)
    for each, weight in zip(lines.wavelengths, lines.weights, strict=True):
        q = 4.0 * np.pi * np.sin(theta) / each
        factor = 16.0 * np.pi * atoms.volume / each**3 * np.pi / 180.0
        total += weight * factor * _debye(atoms, q, histograms, radius, lines)
    return np.asarray(polarized * total)


def _histograms(atoms: Atoms, radius: float) -> dict[tuple[str, str], Array]:
    """Return the pairs of two species above those of a uniform density, in bins of distance."""
    pairs = pairs_within(atoms, radius)
    bins = math.ceil(radius / BIN)
    edges = BIN * np.arange(bins + 1)
    shells = 4.0 * np.pi / 3.0 * np.diff(edges**3)
    place = np.minimum((pairs.distance / BIN).astype(np.int64), bins - 1)
    # Atoms that share one place are never there together.
    apart = pairs.distance > SHARED
    weight = apart * atoms.occupancy[pairs.first] * atoms.occupancy[pairs.second]
    kinds, kind = np.unique(atoms.species, return_inverse=True)
    amounts = np.bincount(kind, atoms.occupancy)
    found = {}
    for a, b in combinations_with_replacement(range(len(kinds)), 2):
        own = (kind[pairs.first] == a) & (kind[pairs.second] == b)
        counted = np.bincount(place[own], weight[own], bins)
        excess = counted - shells * amounts[a] * amounts[b] / atoms.volume
        found[str(kinds[a]), str(kinds[b])] = excess if a == b else 2.0 * excess
    return found


def _debye(
    atoms: Atoms,
    q: Array,
    histograms: dict[tuple[str, str], Array],
    radius: float,
    lines: Radiation,
) -> Array:
    names = sorted({name for pair in histograms for name in pair})
    s = q / (4.0 * np.pi)
    anomalous = dict(zip(names, dispersions(names, lines), strict=True))
    factors = {name: bare_factor(name, s, lines) + anomalous[name] for name in names}
    own = {name: atoms.species == name for name in names}
    u = np.einsum("nii->n", atoms.u) / 3.0
    motion = {name: np.exp(-(q**2) * u[own[name]].mean() / 2.0) for name in names}
    total = np.zeros(len(q))
    for name in names:
        total += atoms.occupancy[own[name]].sum() * np.abs(factors[name]) ** 2
    r = BIN * (np.arange(len(next(iter(histograms.values())))) + 0.5)
    fade = np.clip((r / radius - FADING) / (1.0 - FADING), 0.0, 1.0)
    waves = np.sinc(q[:, None] * r / np.pi) * np.cos(0.5 * np.pi * fade) ** 2
    for (a, b), excess in histograms.items():
        product = np.real(factors[a] * np.conj(factors[b]))
        total += product * motion[a] * motion[b] * (waves @ excess)
    return total
