"""Scattering paths of a metal and its ligands whose straight ligand–metal–ligand chains bend."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from xorder.errors import BadInput
from xorder.parameters import Parameter, Parameters
from xorder.results import Array, Result, quantity, recorded
from xorder.structure import Crystal, Site
from xorder.xas.scattering_paths import ScatteringPath, calculate_paths
from xorder.xas.shell_paths import Shell

__all__ = [
    "SHAPES",
    "BentPaths",
    "bent_cluster",
    "bent_parameters",
    "bent_shells",
    "calculate_bent_paths",
]

#: Straight chains through the metal in each shape.
SHAPES = {"octahedron": 3, "square": 2, "chain": 1}

#: Edge in Å of the empty box around a cluster.
_BOX = 40.0

#: A way that passes its atoms within this many degrees of straight, or straight back, is collinear.
COLLINEAR = 45.0


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class BentPaths(Result):
    """FEFF's paths of one cluster at several bends."""

    bend: Array = quantity("°", symbol="180° − L–M–L", dims=("bend",))
    """How much every straight chain is bent, ascending from 0, shape (B,)."""
    paths: tuple[tuple[ScatteringPath, ...], ...] = field(repr=False)
    """The paths at each bend."""
    absorber: str
    """The metal."""
    edge: str
    """Its edge."""
    ligand: str
    """The ligand."""
    distance: float = quantity("Å")
    """Distance of metal and ligand."""
    shape: str = "octahedron"
    """One of `SHAPES`."""

    @property
    def n_ligands(self) -> int:
        """Ligands of the metal."""
        return 2 * SHAPES[self.shape]


def bent_cluster(
    absorber: str, ligand: str, distance: float, bend: float, *, shape: str = "octahedron"
) -> Crystal:
    """Return a metal and its ligands in an empty box, every straight chain bent alike.

    Both ligands of a chain lean by half the bend to one side: in an octahedron the chain along x
    towards y, y towards z, z towards x; in a square and a single chain out of the plane.

    Raises
    ------
    BadInput
        An unknown shape, or a distance or bend that no molecule has.
    """
    if shape not in SHAPES:
        raise BadInput(f"shape is {shape!r}", expected=", ".join(SHAPES))
    if not (math.isfinite(distance) and 1.2 <= distance <= 4.0):
        raise BadInput(f"distance is {distance:g} Å", expected="1.2 to 4 Å")
    if not (math.isfinite(bend) and 0.0 <= bend <= 60.0):
        raise BadInput(f"bend is {bend:g}°", expected="0 to 60°, what is missing from 180°")
    half = math.radians(0.5 * bend)
    axes = np.eye(3)
    sides = np.roll(axes, 1, axis=1) if shape == "octahedron" else np.tile(axes[2], (3, 1))
    ligands = [
        distance * (sign * math.cos(half) * axes[i] + math.sin(half) * sides[i])
        for i in range(SHAPES[shape])
        for sign in (1.0, -1.0)
    ]
    sites = [Site(label="metal", element=absorber, xyz=np.full(3, 0.5))]
    sites += [
        Site(label=f"ligand{i + 1}", element=ligand, xyz=0.5 + place / _BOX)
        for i, place in enumerate(ligands)
    ]
    return Crystal(
        name=f"{absorber}{ligand}{len(ligands)}, bent by {bend:g}°",
        cell=np.array([_BOX] * 3 + [90.0] * 3),
        sites=tuple(sites),
        rotations=np.eye(3, dtype=np.int64)[None],
        translations=np.zeros((1, 3)),
    )


@recorded
def calculate_bent_paths(
    absorber: str,
    edge: str,
    ligand: str,
    distance: float,
    *,
    shape: str = "octahedron",
    bends: Sequence[float] = (0.0, 10.0, 15.0, 20.0, 25.0),
    program: str = "feff8l",
) -> BentPaths:
    """Return the paths of a cluster at several bends, FEFF run once for each.

    Parameters
    ----------
    absorber, edge
        Metal and edge, such as ``"Ta"`` and ``"L3"``.
    ligand
        Its ligand, such as ``"Cl"``.
    distance
        Their distance in Å.
    shape
        ``"octahedron"``, ``"square"`` or ``"chain"``.
    bends
        What the angles lack of 180°, in degrees, ascending from 0.
    program
        ``"feff8l"`` or ``"feff6l"``.

    Raises
    ------
    BadInput
        An unknown shape, or bends that do not ascend from 0.
    """
    given = np.asarray(bends, dtype=float)
    if given.size < 3 or given[0] != 0.0 or not np.all(np.diff(given) > 0):
        raise BadInput(
            f"bends is {tuple(bends)}", expected="three angles or more that ascend from 0°"
        )
    paths = tuple(
        calculate_paths(
            bent_cluster(absorber, ligand, distance, float(bend), shape=shape),
            absorber=absorber,
            edge=edge,
            radius=2.13 * distance,
            program=program,
        )
        for bend in given
    )
    return BentPaths(
        bend=given,
        paths=paths,
        absorber=absorber,
        edge=edge,
        ligand=ligand,
        distance=float(distance),
        shape=shape,
    )


def bent_shells(bent: BentPaths, *, s02: float = 0.9) -> tuple[Shell, ...]:
    """Return shells whose multiple scattering bends with a fitted angle.

    The first shell has ``n``, ``r``, ``sigma2`` and ``delta_e0``. Each of FEFF's bends contributes
    its paths with the weight of Lagrange's polynomial at ``bend_square``, the square of the bend in
    degrees: a chain has no side to which it bends, so that χ is smooth in the square, through zero.
    Chains over both ligands have ``sigma2_chain``, those over one ligand twice 4σ², all other
    multiple scattering ``sigma2_cis``. All distances scale with r.

    Parameters
    ----------
    bent
        The paths.
    s02
        Amplitude reduction, which is not fitted.
    """
    squares = bent.bend**2
    share = f"n / {bent.n_ligands}"
    shells = []
    for index, paths in enumerate(bent.paths):
        weight = _lagrange(squares, index)
        for path in paths:
            single = path.n_legs == 2
            if single and (index > 0 or path.reff > 1.2 * bent.distance):
                continue
            shells.append(
                Shell(
                    path=path,
                    label=f"{bent.absorber}–{bent.ligand}" if single else "",
                    degeneracy="n" if single else f"{path.degeneracy:g} * {share}",
                    s02=s02 if single else f"{s02:g} * {weight}",
                    delta_r="r - reff"
                    if single
                    else f"(r / {bent.distance:.6f} - 1) * {path.reff:.6f}",
                    sigma2=_sigma2(path),
                )
            )
    return tuple(shells)


def bent_parameters(bent: BentPaths) -> Parameters:
    """Return start values and bounds for `bent_shells`.

    The square of the bend and the disorder of the chain may fall a little below zero, so that noise
    about a straight chain is not pushed to one side.
    """
    largest = float(bent.bend[-1])
    return Parameters(
        [
            Parameter(name="n", value=float(bent.n_ligands), min=0.0, max=20.0),
            Parameter(
                name="r",
                value=bent.distance,
                min=bent.distance - 0.4,
                max=bent.distance + 0.4,
                unit="Å",
            ),
            Parameter(name="sigma2", value=0.004, min=0.0, max=0.03, unit="Å²"),
            Parameter(name="delta_e0", value=0.0, min=-30.0, max=30.0, unit="eV"),
            Parameter(name="sigma2_cis", value=0.008, min=-0.005, max=0.1, unit="Å²"),
            Parameter(name="sigma2_chain", value=0.008, min=-0.02, max=0.06, unit="Å²"),
            Parameter(
                name="bend_square",
                value=0.1 * largest**2,
                min=-0.25 * largest**2,
                max=1.3 * largest**2,
                unit="°²",
            ),
        ]
    )


def _lagrange(nodes: Array, index: int) -> str:
    """Return Lagrange's polynomial of one node in ``bend_square`` as text."""
    factors = [
        f"(bend_square - {node:.6g}) / {nodes[index] - node:.6g}"
        for i, node in enumerate(nodes)
        if i != index
    ]
    return " * ".join(factors)


def _sigma2(path: ScatteringPath) -> str:
    if path.n_legs == 2:
        return "sigma2"
    away = path.positions[1:] - path.positions[0]
    ligands = away[np.linalg.norm(away, axis=1) > 0.1]
    apart = ligands[0] - ligands[-1]
    if float(np.linalg.norm(apart)) < 0.1:
        # One bond run twice: its half length varies by twice the bond's.
        return "4 * sigma2"
    cosine = float(ligands[0] @ ligands[-1]) / math.prod(np.linalg.norm(ligands[[0, -1]], axis=1))
    straight = math.degrees(math.acos(max(-1.0, cosine))) > 180.0 - COLLINEAR
    return "sigma2_chain" if straight else "sigma2_cis"
