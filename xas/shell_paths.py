"""Shells: scattering paths with what a fit may change about them."""

from __future__ import annotations

import ast
import functools
import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from xorder.errors import BadInput
from xorder.results import Array
from xorder.scattering import is_element
from xorder.structure import Crystal, Site
from xorder.xas.photoelectron import edge as tabulated_edge
from xorder.xas.scattering_paths import ScatteringPath, calculate_paths

__all__ = ["Shell", "quick_path", "quick_shells", "shells_from_paths"]

#: Distances (Å) of one pair of atoms that a shell by element and distance may have.
SHORTEST_PAIR, LONGEST_PAIR = 1.2, 6.0


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Shell:
    """A scattering path and its parameters.

    Each parameter is a number (then it is fixed), a name (then it is fitted) or an expression in
    names, in which ``reff`` is the path's half length: ``delta_r="alpha * reff"``. Names that are
    used alone need no start value: they take one that suits what they stand for.
    """

    path: ScatteringPath
    """The path."""
    label: str = ""
    """Name of the shell, such as ``"Ta–Cl"``; the path's own where empty."""
    degeneracy: float | str | None = None
    """Coordination number N; the path's own where None."""
    s02: float | str = "s02"
    """Amplitude reduction S0²."""
    delta_e0: float | str = "delta_e0"
    """Shift of e0 in eV."""
    delta_r: float | str = "delta_r"
    """Change of the half length in Å."""
    r: float | str | None = None
    """Half length in Å instead of `delta_r`."""
    sigma2: float | str = "sigma2"
    """Mean-square disorder of the half length in Å²."""
    third: float | str = 0.0
    """Third cumulant in Å³."""
    fourth: float | str = 0.0
    """Fourth cumulant in Å⁴."""

    def __post_init__(self) -> None:
        for name in ("degeneracy", "s02", "delta_e0", "delta_r", "r", "sigma2", "third", "fourth"):
            value = getattr(self, name)
            if isinstance(value, str):
                if not value.strip():
                    raise BadInput(f"{name} of {self.name} is empty", expected="a number or a name")
            elif value is not None and not math.isfinite(value):
                raise BadInput(f"{name} of {self.name} is {value}", expected="a finite number")
        if self.r is not None and self.delta_r != "delta_r":
            raise BadInput(f"{self.name} has both r and delta_r", expected="one of them")

    @property
    def name(self) -> str:
        """The label, or the bond or path with its length."""
        if self.label or self.path.n_legs > 2:
            return self.label or self.path.label
        return f"{'–'.join(self.path.elements)} {self.path.reff:.2f} Å"

    def expression(self, quantity: str) -> float | str:
        """Return the number or expression of a quantity, with ``reff`` written out."""
        value: float | str | None = getattr(self, quantity)
        if quantity == "degeneracy" and value is None:
            return self.path.degeneracy
        if quantity == "delta_r" and self.r is not None:
            if not isinstance(self.r, str):
                return self.r - self.path.reff
            value = f"({self.r}) - reff"
        assert value is not None  # noqa: S101 - only degeneracy may be None
        if isinstance(value, str):
            return re.sub(r"\breff\b", f"{self.path.reff:.6f}", value.strip())
        return float(value)


def quick_path(
    absorber: str,
    edge: str,
    scatterer: str,
    distance: float,
    *,
    program: str = "feff8l",
    timeout: float = 120.0,
) -> ScatteringPath:
    """Return the single-scattering path of two elements at a distance, of degeneracy 1.

    FEFF runs on a piece of rock salt of this distance, six scatterers around the absorber and
    absorbers beyond: phases of a first shell depend on little else. Farther shells and multiple
    scattering need the structure (`calculate_paths`).

    Parameters
    ----------
    absorber, edge
        Element and edge, such as ``"Ta"`` and ``"L3"``.
    scatterer
        Element of the neighbour.
    distance
        Distance in Å.
    program
        ``"feff8l"`` or ``"feff6l"``.
    timeout
        Seconds for the run.

    Raises
    ------
    BadInput
        An element or edge that is not there, or a distance that is none.
    """
    tabulated_edge(absorber, edge)
    if not is_element(scatterer):
        raise BadInput(f"scatterer is {scatterer!r}", expected="a chemical symbol such as Cl")
    if not (math.isfinite(distance) and SHORTEST_PAIR <= distance <= LONGEST_PAIR):
        raise BadInput(
            f"the distance {absorber}–{scatterer} is {distance:g} Å",
            expected=f"{SHORTEST_PAIR:g} to {LONGEST_PAIR:g} Å",
        )
    salt = _rock_salt(absorber, scatterer, distance)
    paths = calculate_paths(
        salt,
        absorber=absorber,
        edge=edge,
        site="absorber",
        radius=1.05 * distance,
        n_legs=2,
        program=program,
        timeout=timeout,
    )
    return replace(paths[0], degeneracy=1.0)


def quick_shells(
    neighbours: Sequence[tuple[str, float]],
    *,
    absorber: str,
    edge: str,
    s02: float | str = 0.9,
    program: str = "feff8l",
) -> tuple[Shell, ...]:
    """Return shells from elements and distances alone, such as ``[("O", 1.84), ("Cl", 2.35)]``.

    Numbers, distances and disorder are fitted as ``n_o``, ``r_o``, ``sigma2_o`` …, the shift of e0
    is common, S0² is fixed: it cannot be told from the coordination number.

    Parameters
    ----------
    neighbours
        Element and distance in Å of each shell.
    absorber, edge
        Element and edge.
    s02
        Amplitude reduction, best from a standard measured alike.
    program
        ``"feff8l"`` or ``"feff6l"``.
    """
    if not neighbours:
        raise BadInput("there is no shell", expected="elements and distances")
    elements = [element for element, _ in neighbours]
    shells = []
    for index, (element, distance) in enumerate(neighbours):
        again = elements.count(element) > 1
        tag = element.lower() + (str(elements[: index + 1].count(element)) if again else "")
        shells.append(
            Shell(
                path=quick_path(absorber, edge, element, distance, program=program),
                label=f"{absorber}–{element}" + (f" {tag[len(element) :]}" if again else ""),
                degeneracy=f"n_{tag}",
                s02=s02,
                r=f"r_{tag}",
                sigma2=f"sigma2_{tag}",
            )
        )
    return tuple(shells)


def shells_from_paths(
    paths: Sequence[ScatteringPath], *, same_within: float = 0.1
) -> tuple[Shell, ...]:
    r"""Return shells with the fewest sensible parameters: multiple scattering adds none.

    S0² and the shift of e0 are common. Single-scattering paths to one element at distances that
    follow within `same_within` share one change of distance and one σ². A path of several atoms
    takes those of its atoms: its half length changes by :math:`\sum c_i \Delta R_i`, where
    :math:`c_i` is what a radial step of atom i adds, and :math:`\sigma^2 = \sum c_i^2 \sigma_i^2`
    for bonds that vibrate on their own (4σ² for a path that runs one bond twice).

    Parameters
    ----------
    paths
        Scattering paths.
    same_within
        Distances in Å that make one shell.

    Raises
    ------
    BadInput
        No path, or none of single scattering.
    """
    single = sorted((p for p in paths if p.n_legs == 2), key=lambda p: (p.elements[1], p.reff))
    if not single:
        raise BadInput("there is no path of single scattering", expected="paths of two legs")
    groups: list[list[ScatteringPath]] = [[single[0]]]
    for before, path in itertools.pairwise(single):
        near = path.elements[1] == before.elements[1] and path.reff - before.reff <= same_within
        if near:
            groups[-1].append(path)
        else:
            groups.append([path])
    groups.sort(key=lambda group: group[0].reff)
    count: dict[str, int] = {}
    tags: list[tuple[ScatteringPath, str]] = []
    for group in groups:
        element = group[0].elements[1]
        count[element] = count.get(element, 0) + 1
        tags += [(path, f"{element.lower()}{count[element]}") for path in group]
    names = {id(path): tag for path, tag in tags}
    return tuple(
        Shell(path=path, delta_r=f"delta_r_{names[id(path)]}", sigma2=f"sigma2_{names[id(path)]}")
        if path.n_legs == 2
        else _tied(path, tags)
        for path in paths
    )


@functools.lru_cache(maxsize=4096)
def names_in(expression: str) -> tuple[str, ...]:
    """Return the names in an expression, functions left out, in their order."""
    try:
        tree = ast.parse(expression, mode="eval")
    except SyntaxError as error:
        raise BadInput(f"the expression {expression!r} cannot be read: {error.msg}") from error
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    names = [n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and id(n) not in called]
    return tuple(dict.fromkeys(name for name in names if name != "pi"))


def _rock_salt(absorber: str, scatterer: str, distance: float) -> Crystal:
    """Return rock salt of a nearest distance, in its primitive cell."""
    edge = math.sqrt(2.0) * distance
    return Crystal(
        name=f"rock salt of {absorber} and {scatterer}",
        cell=np.array([edge, edge, edge, 60.0, 60.0, 60.0]),
        sites=(
            Site(label="absorber", element=absorber, xyz=np.zeros(3)),
            Site(label="scatterer", element=scatterer, xyz=np.full(3, 0.5)),
        ),
        rotations=np.eye(3, dtype=np.int64)[None],
        translations=np.zeros((1, 3)),
    )


def _tied(path: ScatteringPath, tags: Sequence[tuple[ScatteringPath, str]]) -> Shell:
    """Return a shell of several atoms whose parameters follow those of the single bonds."""
    change: dict[str, float] = {}
    for atom, share in _radial_shares(path):
        element, distance = path.elements[atom], float(np.linalg.norm(path.positions[atom]))
        same = [(abs(p.reff - distance), tag) for p, tag in tags if p.elements[1] == element]
        if not same or min(same)[0] > 0.02:
            index = path.name.removeprefix("feff").removesuffix(".dat").lstrip("0") or "1"
            return Shell(path=path, delta_r=0.0, sigma2=f"sigma2_path{index}")
        tag = min(same)[1]
        if abs(share) < 1e-6:
            continue  # on a straight way a step along it changes nothing
        # Atoms of one shell move alike in the mean, but each on its own in σ².
        change[f"delta_r_{tag}"] = change.get(f"delta_r_{tag}", 0.0) + share
        change[f"sigma2_{tag}"] = change.get(f"sigma2_{tag}", 0.0) + share**2
    if not change:
        return Shell(path=path, delta_r=0.0, sigma2=0.0)
    parts = {
        kind: " + ".join(f"{c:.6g} * {name}" for name, c in change.items() if name.startswith(kind))
        for kind in ("delta_r_", "sigma2_")
    }
    return Shell(path=path, delta_r=parts["delta_r_"], sigma2=parts["sigma2_"])


def _radial_shares(path: ScatteringPath) -> list[tuple[int, float]]:
    """Return what a step of each scatterer away from the absorber adds to the half length."""
    positions = path.positions - path.positions[0]
    ahead = np.roll(positions, -1, axis=0) - positions
    unit: Array = ahead / np.linalg.norm(ahead, axis=1)[:, None]
    shares: dict[tuple[float, ...], tuple[int, float]] = {}
    for atom in range(1, path.n_legs):
        distance = float(np.linalg.norm(positions[atom]))
        if distance < 0.05:
            continue  # the absorber on the way
        share = 0.5 * float((unit[atom - 1] - unit[atom]) @ positions[atom]) / distance
        key = tuple(np.round(positions[atom], 2).tolist())
        first, before = shares.get(key, (atom, 0.0))
        shares[key] = first, before + share
    return list(shares.values())
