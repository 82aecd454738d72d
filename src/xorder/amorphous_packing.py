"""An amorphous NaTaCl6 made here: distorted TaCl6 octahedra and Na, packed at random.

Rigid octahedra and sodium ions are thrown into a periodic box and pushed apart by a soft repulsion
until no two atoms are nearer than their exclusion distance. It is a model of what X-rays see of
such a glass, not a prediction of its structure: no energy but this repulsion made it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from xorder import pdf, references
from xorder.errors import BadInput, BadStructure
from xorder.results import Array
from xorder.structure import Crystal, Site, unit_cell_atoms

__all__ = ["EXCLUSION", "Packing", "crystal_from_frame", "pack_octahedra"]

#: Nearest that atoms of different bodies may come (Å), by elements in alphabetical order.
EXCLUSION: Mapping[tuple[str, str], float] = {
    ("Cl", "Cl"): 3.30,
    ("Cl", "Na"): 2.65,
    ("Cl", "Ta"): 3.80,
    ("Na", "Na"): 3.50,
    ("Na", "Ta"): 3.60,
    ("Ta", "Ta"): 5.20,
}
#: The repulsion reaches this much further, so that it is over before a contact is too near.
REACH = 1.015
#: Pairs up to this much beyond the longest exclusion distance are listed, in Å.
SKIN = 1.5
#: Steps of the minimiser between two lists of pairs, and the most such rounds.
STEPS, ROUNDS = 40, 200
#: A bond further from the mean than this many standard deviations is drawn again.
CUT = 2.5
#: Directions of the ligands of a perfect octahedron.
LIGANDS = np.vstack([np.eye(3), -np.eye(3)])
ELEMENTS = ("Ta", "Cl", "Cl", "Cl", "Cl", "Cl", "Cl")


@dataclass(frozen=True, kw_only=True, slots=True)
class Packing:
    """What an amorphous box is made to."""

    formula_units: int = 80
    """NaTaCl6 in the box; eight atoms each."""
    density: float = 0.93
    """Mass density over that of the crystal."""
    bond: float = 2.35
    """Mean Ta–Cl bond in Å."""
    bond_spread: float = 0.06
    """Standard deviation of the bonds in Å."""
    angle_spread: float = 6.0
    """Standard deviation of the Cl–Ta–Cl angles near 90° in degrees."""
    exclusion: Mapping[tuple[str, str], float] = field(default_factory=lambda: dict(EXCLUSION))
    """Nearest distances of atoms of different bodies in Å, elements in alphabetical order."""

    def __post_init__(self) -> None:
        if not 8 <= self.formula_units <= 1000:
            raise BadInput(f"formula_units is {self.formula_units}", expected="8 to 1000")
        if not 0.3 <= self.density <= 1.05:
            raise BadInput(f"density is {self.density:g}", expected="0.3 to 1.05 of the crystal's")
        for name, limit in (("bond_spread", 0.3), ("angle_spread", 20.0)):
            value = getattr(self, name)
            if not 0 <= value <= limit:
                raise BadInput(f"{name} is {value:g}", expected=f"0 to {limit:g}")
        if not 1.5 <= self.bond <= 3.5:
            raise BadInput(f"bond is {self.bond:g} Å", expected="1.5 to 3.5 Å")
        if set(self.exclusion) != set(EXCLUSION):
            raise BadInput(
                f"exclusion names {sorted(self.exclusion)}",
                expected="the pairs " + ", ".join("-".join(pair) for pair in EXCLUSION),
            )

    @property
    def edge(self) -> float:
        """Edge of the cubic box in Å."""
        atoms = unit_cell_atoms(references.load("NaTaCl6"))
        volume = atoms.volume / np.count_nonzero(atoms.elements == "Ta")
        return float(math.cbrt(self.formula_units * volume / self.density))


def pack_octahedra(packing: Packing | None = None, *, seed: int = 0) -> pdf.Frame:
    """Return a periodic box of amorphous NaTaCl6.

    Parameters
    ----------
    packing
        Size, density, distortion and exclusion distances; the default `Packing` where None.
    seed
        Seed of positions, orientations and distortions.

    Returns
    -------
    :
        A cubic box; the atoms of a formula unit stand together as Ta, six Cl, and all Na last.

    Raises
    ------
    BadInput
        For a packing that cannot be meant.
    BadStructure
        Where the repulsion comes to rest with atoms too near: the density is too high.
    """
    packing = packing or Packing()
    generator = np.random.default_rng(seed)
    bodies = _distorted_octahedra(packing, generator)
    count, edge = packing.formula_units, packing.edge
    system = _System.of(packing, bodies)
    state = np.zeros((3, count, 3))
    state[0] = generator.uniform(0.0, edge, (count, 3))
    state[2] = generator.uniform(0.0, edge, (count, 3))
    system.bodies = np.einsum("mij,mnj->mni", _random_rotations(count, generator), bodies)
    positions = system.relax(state)
    elements = np.array([*ELEMENTS * count, *["Na"] * count])
    return pdf.Frame(
        positions=positions % edge,
        elements=elements,
        lattice=edge * np.eye(3),
        name=f"amorphous NaTaCl6, simulated (seed {seed})",
        source="simulated",
    )


def crystal_from_frame(frame: pdf.Frame, *, uiso: Mapping[str, float] | None = None) -> Crystal:
    """Return a periodic box as a crystal in P 1, as files and calculations of crystals take it.

    Parameters
    ----------
    frame
        The box.
    uiso
        Isotropic displacement of each element in Å²; not known where None.
    """
    if frame.lattice is None:
        raise BadInput("the frame has no box", expected="a periodic box")
    lengths = np.linalg.norm(frame.lattice, axis=1)
    unit = frame.lattice / lengths[:, None]
    cosines = [unit[1] @ unit[2], unit[0] @ unit[2], unit[0] @ unit[1]]
    cell = np.concatenate([lengths, np.rad2deg(np.arccos(cosines))])
    fractional = frame.positions @ np.linalg.inv(frame.lattice)
    known = uiso or {}
    sites = tuple(
        Site(label=f"{e}{n}", element=e, xyz=xyz % 1.0, uiso=known.get(e, math.nan))
        for n, (e, xyz) in enumerate(zip(frame.elements.tolist(), fractional, strict=True), start=1)
    )
    return Crystal(
        name=frame.name,
        cell=cell,
        sites=sites,
        rotations=np.eye(3, dtype=np.int64)[None],
        translations=np.zeros((1, 3)),
        source=frame.source,
        status="MODEL",
        notes=("The structure is simulated.",),
    )


@dataclass(eq=False, kw_only=True, slots=True)
class _System:
    """Rigid octahedra and single ions under a soft repulsion.

    A state holds centres, rotation vectors (from `bodies`) and the positions of the ions,
    shape (3, M, 3).
    """

    bodies: Array
    """Ta and its ligands about the Ta, as now turned, shape (M, 7, 3)."""
    edge: float
    limits: Array
    """Nearest distance of every two species (Ta, Cl, Na) in Å, shape (3, 3)."""
    kind: NDArray[np.int64]
    body: NDArray[np.int64]
    first: NDArray[np.int64]
    second: NDArray[np.int64]

    @classmethod
    def of(cls, packing: Packing, bodies: Array) -> _System:
        count = len(bodies)
        species = ("Ta", "Cl", "Na")
        pairs = [[tuple(sorted((a, b))) for b in species] for a in species]
        limits = np.array([[packing.exclusion[p[0], p[1]] for p in row] for row in pairs])
        return cls(
            bodies=bodies,
            edge=packing.edge,
            limits=limits,
            kind=np.concatenate([np.tile([0, 1, 1, 1, 1, 1, 1], count), np.full(count, 2)]),
            body=np.concatenate([np.repeat(np.arange(count), 7), count + np.arange(count)]),
            first=np.empty(0, dtype=np.int64),
            second=np.empty(0, dtype=np.int64),
        )

    def relax(self, state: Array) -> Array:
        """Return positions of all atoms with none too near, shape (8M, 3)."""
        from scipy.optimize import minimize

        for _ in range(ROUNDS):
            positions = self.positions(state)
            self.list_pairs(positions)
            if self.shortest(positions) >= 1.0:
                return positions
            found = minimize(
                self.energy, state.ravel(), jac=True, method="L-BFGS-B",
                options={"maxiter": STEPS, "maxcor": 20, "gtol": 1e-9, "ftol": 1e-14},
            )  # fmt: skip
            state = found.x.reshape(state.shape)
            # The rotations start from zero again, where their derivatives are simple.
            self.bodies = np.einsum("mij,mnj->mni", _rotations(state[1]), self.bodies)
            state[1] = 0.0
        raise BadStructure(
            f"the packing came to rest with atoms at {self.shortest(positions):.3f} of their "
            "exclusion distance",
            expected="a lower density or shorter exclusion distances",
        )

    def positions(self, state: Array) -> Array:
        turned = np.einsum("mij,mnj->mni", _rotations(state[1]), self.bodies)
        return np.concatenate([(state[0][:, None] + turned).reshape(-1, 3), state[2]])

    def list_pairs(self, positions: Array) -> None:
        """List the pairs of different bodies that may come too near in the steps that follow."""
        from scipy.spatial import cKDTree

        wrapped = positions % self.edge
        wrapped[wrapped >= self.edge] = 0.0
        reach = REACH * float(self.limits.max()) + SKIN
        tree = cKDTree(wrapped, boxsize=self.edge)
        pairs = tree.query_pairs(min(reach, 0.499 * self.edge), output_type="ndarray")
        limit = REACH * self.limits[self.kind[pairs[:, 0]], self.kind[pairs[:, 1]]]
        vector = positions[pairs[:, 1]] - positions[pairs[:, 0]]
        vector -= self.edge * np.round(vector / self.edge)
        near = np.linalg.norm(vector, axis=1) < limit + SKIN
        apart = self.body[pairs[:, 0]] != self.body[pairs[:, 1]]
        self.first, self.second = pairs[near & apart].T

    def shortest(self, positions: Array) -> float:
        """Return the least distance over its exclusion distance."""
        _, distance, limit = self._pairs(positions)
        return float(np.min(distance / limit, initial=np.inf))

    def energy(self, flat: Array) -> tuple[float, Array]:
        r"""Return :math:`\sum (1 - r/d)^2` over pairs nearer than d, and its gradient."""
        state = flat.reshape(3, -1, 3)
        rotations = _rotations(state[1])
        turned = np.einsum("mij,mnj->mni", rotations, self.bodies)
        positions = np.concatenate([(state[0][:, None] + turned).reshape(-1, 3), state[2]])
        vector, distance, limit = self._pairs(positions)
        limit = REACH * limit
        overlap = np.maximum(1.0 - distance / limit, 0.0)
        slope = (2.0 * overlap / limit / np.maximum(distance, 1e-6))[:, None] * vector
        force = np.empty_like(positions)
        for axis in range(3):
            force[:, axis] = np.bincount(self.first, slope[:, axis], len(positions))
            force[:, axis] -= np.bincount(self.second, slope[:, axis], len(positions))
        count = len(self.bodies)
        on_bodies = force[: 7 * count].reshape(count, 7, 3)
        torque = np.cross(turned, on_bodies).sum(axis=1)
        gradient = np.stack(
            [
                on_bodies.sum(axis=1),
                np.einsum("mji,mj->mi", _left_jacobians(state[1]), torque),
                force[7 * count :],
            ]
        )
        return float(np.sum(overlap**2)), gradient.ravel()

    def _pairs(self, positions: Array) -> tuple[Array, Array, Array]:
        vector = positions[self.second] - positions[self.first]
        vector -= self.edge * np.round(vector / self.edge)
        limit = self.limits[self.kind[self.first], self.kind[self.second]]
        return vector, np.linalg.norm(vector, axis=1), limit


def _distorted_octahedra(packing: Packing, generator: np.random.Generator) -> Array:
    """Return Ta at the origin and six Cl, bonds and directions disturbed, shape (M, 7, 3)."""
    count = packing.formula_units
    stretch = _cut_normal(generator, (count, 6)) * packing.bond_spread
    # The angle of two ligands has the tilts of both.
    tilt = np.deg2rad(packing.angle_spread) / math.sqrt(2.0)
    directions = LIGANDS + tilt * _cut_normal(generator, (count, 6, 3))
    directions /= np.linalg.norm(directions, axis=2, keepdims=True)
    bodies = np.zeros((count, 7, 3))
    bodies[:, 1:] = (packing.bond + stretch)[:, :, None] * directions
    return bodies


def _cut_normal(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Return normal numbers of unit variance without the far ends, which no bond has."""
    draws = generator.normal(size=shape)
    while np.any(far := np.abs(draws) > CUT):
        draws[far] = generator.normal(size=int(np.count_nonzero(far)))
    tail = 2.0 * CUT * math.exp(-0.5 * CUT**2) / math.sqrt(2.0 * math.pi)
    return np.asarray(draws / math.sqrt(1.0 - tail / math.erf(CUT / math.sqrt(2.0))))


def _random_rotations(count: int, generator: np.random.Generator) -> Array:
    """Return rotations, each as likely as any other, shape (M, 3, 3)."""
    q = generator.normal(size=(count, 4))
    w, x, y, z = (q / np.linalg.norm(q, axis=1, keepdims=True)).T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.moveaxis(np.array(rows), 2, 0)


def _crosses(vectors: Array) -> Array:
    """Return the matrices that multiply as cross products, shape (M, 3, 3)."""
    x, y, z = vectors.T
    zero = np.zeros_like(x)
    return np.moveaxis(np.array([[zero, -z, y], [z, zero, -x], [-y, x, zero]]), 2, 0)


def _rotations(vectors: Array) -> Array:
    """Return the rotations of rotation vectors (Rodrigues), shape (M, 3, 3)."""
    angle = np.linalg.norm(vectors, axis=1)[:, None, None]
    cross = _crosses(vectors)
    first, second = np.sinc(angle / math.pi), 0.5 * np.sinc(angle / (2.0 * math.pi)) ** 2
    return np.asarray(np.eye(3) + first * cross + second * cross @ cross)


def _left_jacobians(vectors: Array) -> Array:
    """Return how a turn follows a change of its rotation vector, shape (M, 3, 3)."""
    angle = np.linalg.norm(vectors, axis=1)[:, None, None]
    cross = _crosses(vectors)
    first = 0.5 * np.sinc(angle / (2.0 * math.pi)) ** 2
    small = angle < 1e-3
    safe = np.where(small, 1.0, angle)
    second = np.where(small, 1.0 / 6.0, (1.0 - np.sinc(safe / math.pi)) / safe**2)
    return np.asarray(np.eye(3) + first * cross + second * cross @ cross)
