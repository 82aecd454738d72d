"""Photoelectron scattering paths: what FEFF calculates of a structure, and its path files."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from xorder.errors import BadInput, UnreadableFile
from xorder.results import Array, Result, quantity
from xorder.xas.clusters import Structure, clusters_around
from xorder.xas.feff import HOLES, PROGRAMS, feff_input, run_feff
from xorder.xas.photoelectron import edge as tabulated_edge

__all__ = [
    "FeffInput",
    "ScatteringPath",
    "calculate_paths",
    "feff_inputs",
    "read_path",
    "read_paths",
]

#: Atoms this much (Å) beyond the longest half path still shape the potentials.
CLUSTER_MARGIN = 1.0

#: An atom within this angle (°) of a straight way through it focuses the wave forward.
FORWARD = 20.0

#: What a path of so many legs is called.
KINDS = {2: "single", 3: "double", 4: "triple", 5: "quadruple", 6: "quintuple"}


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class ScatteringPath(Result):
    """One path of the photoelectron, as FEFF calculates it."""

    k: Array = quantity("Å⁻¹", symbol="k", dims=("k",))
    """Photoelectron wavenumber from the Fermi level, shape (K,)."""
    amplitude: Array = quantity("Å", symbol="|F|", dims=("k",))
    """Effective amplitude with FEFF's reduction factor."""
    phase: Array = quantity("rad", symbol="φ", dims=("k",))
    """Phase of the path and twice the central atom's, without 2kR."""
    mean_free_path: Array = quantity("Å", symbol="λ", dims=("k",))
    """Mean free path."""
    p: Array = quantity("Å⁻¹", symbol="Re p", dims=("k",))
    """Real part of the complex momentum."""
    reff: float = quantity("Å", symbol="R_eff")
    """Half the length of the path."""
    degeneracy: float = quantity(symbol="N")
    """How many such paths there are."""
    n_legs: int = quantity()
    """Legs: 2 for single scattering."""
    elements: tuple[str, ...]
    """Elements on the way, the absorber first."""
    positions: Array = field(repr=False)
    """Positions of these atoms in Å, shape (n_legs, 3)."""
    name: str = ""
    """FEFF's file name, such as ``"feff0001.dat"``."""
    site: str = ""
    """Which absorber the path starts from, such as ``"Ta1"``; empty where unknown."""
    share: float = 1.0
    """Share of all absorbers that `site` has in an average; `degeneracy` counts it."""

    @property
    def label(self) -> str:
        """The way in words, such as ``"Ta–Cl–Cl–Ta 4.48 Å"``."""
        return f"{'–'.join((*self.elements, self.elements[0]))} {self.reff:.2f} Å"

    @property
    def bend(self) -> float:
        """Largest deviation in degrees of the scattering angles from 0 or 180°."""
        return float(np.max(np.minimum(self._turns, 180.0 - self._turns)))

    @property
    def legs(self) -> Array:
        """Lengths of the legs in Å, the first leaves the absorber, shape (n_legs,)."""
        return np.asarray(np.linalg.norm(self._ways, axis=1))

    @property
    def angles(self) -> Array:
        """Scattering angle in degrees at each atom on the way, shape (n_legs - 1,).

        0° is straight on, 180° straight back.
        """
        return self._turns[:-1]

    @property
    def kind(self) -> str:
        """How often the electron scatters: ``"single"``, ``"double"``, ``"triple"`` …"""
        return KINDS.get(self.n_legs, f"{self.n_legs - 1} times")

    @property
    def focusing(self) -> bool:
        """True where an atom on the way is passed within 20° of straight on.

        Such a wave is focused forward: the path is strong for its length and its amplitude falls
        as the atoms leave the line.
        """
        return bool(np.any(self.angles <= FORWARD))

    @property
    def importance(self) -> float:
        r"""Size of the path's χ without disorder, as FEFF measures it.

        .. math:: \int N |F| e^{-2R/\lambda} / (k R^2) \, d\,\mathrm{Re}\,p

        Zabinsky et al., Phys. Rev. B 52, 2995 (1995), section III.
        """
        size = self.amplitude * np.exp(-2.0 * self.reff / self.mean_free_path) / self.reff**2
        size = size[1:] / self.k[1:]
        # At k = 0 both |F| and k vanish; the first point repeats the next.
        size = np.concatenate([size[:1], size])
        return float(self.degeneracy * np.trapezoid(size, self.p))

    @property
    def _ways(self) -> Array:
        return np.diff(np.vstack([self.positions, self.positions[:1]]), axis=0)

    @property
    def _turns(self) -> Array:
        """Angle of each leg to the one before it, in degrees; the last turn is at the absorber."""
        unit = self._ways / self.legs[:, None]
        cosine = np.sum(unit * np.roll(unit, -1, axis=0), axis=1)
        return np.asarray(np.rad2deg(np.arccos(np.clip(cosine, -1.0, 1.0))))


@dataclass(frozen=True, kw_only=True, slots=True)
class FeffInput:
    """What FEFF is given for one absorber."""

    text: str
    """Content of ``feff.inp``."""
    site: str
    """Which absorber."""
    share: float
    """Its share of all absorbers."""


def calculate_paths(
    structure: Structure | Sequence[Structure],
    *,
    absorber: str,
    edge: str,
    site: str | None = None,
    radius: float = 6.0,
    n_legs: int = 4,
    program: str = "feff8l",
    timeout: float = 120.0,
    configurations: int = 8,
    n_absorbers: int | None = None,
    seed: int = 0,
    jobs: int = 1,
) -> tuple[ScatteringPath, ...]:
    """Return the scattering paths around the absorbers of a structure, shortest first.

    FEFF8L (Rehr & Albers, Rev. Mod. Phys. 72, 621, 2000) without self-consistency, or FEFF6L, runs
    in a folder of its own; equal inputs run once and are kept on disk (`xas.feff_cache`). Where the
    average is over several absorbers, each path has the `site` it belongs to, and its degeneracy
    counts the site's share: the sum of all paths is the average. Paths of four legs are needed
    where three atoms lie in line.

    Parameters
    ----------
    structure
        A crystal; a cluster or periodic box with ``positions``, ``elements`` and ``lattice``, such
        as a frame of molecular dynamics; or several of these, which are averaged.
    absorber
        Element of the absorber.
    edge
        Edge, such as ``"L3"``.
    site
        Label of one site of a crystal, or one atom of a box (``"Ta3"`` is its third Ta); all where
        None, each inequivalent site of a crystal by its multiplicity and occupancy.
    radius
        Half length of the longest path in Å.
    n_legs
        Most legs of a path, 2 to 6.
    program
        ``"feff8l"`` or ``"feff6l"``.
    timeout
        Seconds for each step of a run.
    configurations
        Draws where positions around the absorber are mixed or partly empty, with a
        StructureWarning that says so; a structure of full sites needs none.
    n_absorbers
        At most this many absorbers, drawn from all; None takes all.
    seed
        Seed of the draws.
    jobs
        FEFF processes at a time.

    Raises
    ------
    BadInput
        An element, site or edge that is not there, or a cluster that is too large.
    MissingExtra
        Where FEFF is not installed.
    ProgramFailed
        Where FEFF fails.
    """
    if jobs < 1:
        raise BadInput(f"jobs is {jobs}", expected="1 or more")
    inputs = feff_inputs(
        structure,
        absorber=absorber,
        edge=edge,
        site=site,
        radius=radius,
        n_legs=n_legs,
        program=program,
        configurations=configurations,
        n_absorbers=n_absorbers,
        seed=seed,
    )
    run = functools.partial(run_feff, program=program, timeout=timeout)
    if jobs == 1 or len(inputs) == 1:
        runs = [run(one.text) for one in inputs]
    else:
        # FEFF is a process of its own: a thread each waits for it.
        with ThreadPoolExecutor(min(jobs, len(inputs))) as pool:
            runs = list(pool.map(run, [one.text for one in inputs]))
    paths = []
    for one, files in zip(inputs, runs, strict=True):
        for name, content in files:
            path = read_path(content, name=name)
            number = path.degeneracy * one.share
            paths.append(replace(path, site=one.site, share=one.share, degeneracy=number))
    paths.sort(key=lambda path: path.reff)
    if len(inputs) > 1:
        # FEFF counts each site's paths from 1: the average has names of its own.
        paths = [replace(p, name=f"feff{n:04d}.dat") for n, p in enumerate(paths, start=1)]
    return tuple(paths)


def feff_inputs(
    structure: Structure | Sequence[Structure],
    *,
    absorber: str,
    edge: str,
    site: str | None = None,
    radius: float = 6.0,
    n_legs: int = 4,
    program: str = "feff8l",
    configurations: int = 8,
    n_absorbers: int | None = None,
    seed: int = 0,
) -> tuple[FeffInput, ...]:
    """Return the inputs that `calculate_paths` gives to FEFF; its arguments and errors."""
    if program not in PROGRAMS:
        raise BadInput(f"program is {program!r}", expected=" or ".join(PROGRAMS))
    if not (math.isfinite(radius) and 1.0 <= radius <= 12.0):
        raise BadInput(f"radius is {radius:g} Å", expected="1 to 12 Å")
    if not 2 <= n_legs <= 6:
        raise BadInput(f"n_legs is {n_legs}", expected="2 to 6")
    tabulated_edge(absorber, edge)
    if edge not in HOLES:
        raise BadInput(f"FEFF has no edge {edge!r}", expected=", ".join(HOLES))
    clusters = clusters_around(
        structure,
        absorber,
        radius=radius + CLUSTER_MARGIN,
        site=site,
        configurations=configurations,
        seed=seed,
        n_absorbers=n_absorbers,
    )
    write = functools.partial(feff_input, edge=edge, radius=radius, n_legs=n_legs, program=program)
    # Where a draw leaves the absorber alone its χ is zero: it counts, and needs no FEFF.
    seen = [c for c in clusters if np.any(np.linalg.norm(c.positions[1:], axis=1) <= radius)]
    if not seen:
        raise BadInput(
            f"{absorber} has no neighbour within {radius:g} Å", expected="a larger radius"
        )
    return tuple(
        FeffInput(text=write(c.positions, c.elements), site=c.site, share=c.share) for c in seen
    )


def read_path(text: str, *, name: str = "") -> ScatteringPath:
    """Return the path in the text of a ``feffNNNN.dat`` file of FEFF6 or FEFF8.

    Raises
    ------
    UnreadableFile
        Text without the path's geometry or its table.
    """
    lines = text.splitlines()
    rule = next((i for i, line in enumerate(lines) if "-----" in line), None)
    head = next((i for i, line in enumerate(lines) if "real[p]" in line), None)
    try:
        if rule is None or head is None:
            raise ValueError("the rule or the head of the table is missing")
        words = lines[rule + 1].split()
        n_legs, degeneracy, reff = int(words[0]), float(words[1]), float(words[2])
        atoms = [line.split() for line in lines[rule + 3 : rule + 3 + n_legs]]
        table = np.array([[float(w) for w in line.split()] for line in lines[head + 1 :] if line])
        if table.ndim != 2 or table.shape[1] != 7 or len(atoms) != n_legs:
            raise ValueError("the table has not seven columns")
        positions = np.array([[float(w) for w in atom[:3]] for atom in atoms])
        elements = tuple(re.sub(r"[^A-Za-z].*", "", atom[5]) for atom in atoms)
    except (ValueError, IndexError) as error:
        raise UnreadableFile(
            f"this is no path file of FEFF ({error})",
            expected="a feffNNNN.dat",
            source=name or None,
        ) from error
    return ScatteringPath(
        k=table[:, 0],
        amplitude=table[:, 2] * table[:, 4],
        phase=table[:, 1] + table[:, 3],
        mean_free_path=table[:, 5],
        p=table[:, 6],
        reff=reff,
        degeneracy=degeneracy,
        n_legs=n_legs,
        elements=elements,
        positions=positions,
        name=name,
    )


def read_paths(files: Sequence[str | Path]) -> tuple[ScatteringPath, ...]:
    """Return the paths in ``feffNNNN.dat`` files of a FEFF run made elsewhere."""
    from xorder.xas.readers.text import read_bytes, text_from_bytes

    return tuple(
        read_path(text_from_bytes(read_bytes(Path(f)), Path(f)), name=Path(f).name) for f in files
    )
