"""Photoelectron scattering paths: from a crystal through FEFF, and the χ(k) they make."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xorder.errors import BadInput, StructureWarning, UnreadableFile
from xorder.results import Array, Result, quantity
from xorder.scattering import atomic_number
from xorder.structure import Crystal, unit_cell_atoms
from xorder.xas.feff import PROGRAMS, run_feff
from xorder.xas.photoelectron import HBAR2_OVER_2M
from xorder.xas.photoelectron import edge as tabulated_edge

__all__ = ["ScatteringPath", "calculate_paths", "path_chi", "read_path", "sum_paths"]

#: Atoms this much (Å) beyond the longest half path still shape the potentials.
CLUSTER_MARGIN = 1.0

#: FEFF's arrays end at this many atoms.
MOST_ATOMS = 500

_HOLES = {"K": 1, "L1": 2, "L2": 3, "L3": 4, "M1": 5, "M2": 6, "M3": 7, "M4": 8, "M5": 9}


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

    @property
    def label(self) -> str:
        """The way in words, such as ``"Ta–Cl–Cl–Ta 4.48 Å"``."""
        return f"{'–'.join((*self.elements, self.elements[0]))} {self.reff:.2f} Å"

    @property
    def bend(self) -> float:
        """Largest deviation in degrees of the scattering angles from 0 or 180°."""
        legs = np.diff(np.vstack([self.positions, self.positions[:2]]), axis=0)
        unit = legs / np.linalg.norm(legs, axis=1)[:, None]
        cosine = np.clip(np.abs(np.sum(unit[1:] * unit[:-1], axis=1)), 0.0, 1.0)
        return float(np.rad2deg(np.max(np.arccos(cosine))))


def calculate_paths(
    crystal: Crystal,
    *,
    absorber: str,
    edge: str,
    site: str | None = None,
    radius: float = 6.0,
    n_legs: int = 4,
    program: str = "feff8l",
    timeout: float = 120.0,
) -> tuple[ScatteringPath, ...]:
    """Return the scattering paths around an absorber in a crystal, shortest first.

    FEFF8L (Rehr & Albers, Rev. Mod. Phys. 72, 621, 2000) without self-consistency, or FEFF6L, runs
    in a folder of its own; equal inputs run once in a process. Paths of four legs are needed where
    three atoms lie in line.

    Parameters
    ----------
    crystal
        The structure. Of atoms on one position the most occupied is taken; positions less than
        half full are left empty, with a StructureWarning.
    absorber
        Element of the absorber.
    edge
        Edge, such as ``"L3"``.
    site
        Label of the absorber's site; the element's first site where None, with a StructureWarning
        where there are others.
    radius
        Half length of the longest path in Å.
    n_legs
        Most legs of a path, 2 to 6.
    program
        ``"feff8l"`` or ``"feff6l"``.
    timeout
        Seconds for each step of the run.

    Raises
    ------
    BadInput
        An element, site or edge that is not there, or a cluster that is too large.
    MissingExtra
        Where FEFF is not installed.
    ProgramFailed
        Where FEFF fails.
    """
    if program not in PROGRAMS:
        raise BadInput(f"program is {program!r}", expected=" or ".join(PROGRAMS))
    if not (math.isfinite(radius) and 1.0 <= radius <= 12.0):
        raise BadInput(f"radius is {radius:g} Å", expected="1 to 12 Å")
    if not 2 <= n_legs <= 6:
        raise BadInput(f"n_legs is {n_legs}", expected="2 to 6")
    tabulated_edge(absorber, edge)
    if edge not in _HOLES:
        raise BadInput(f"FEFF has no edge {edge!r}", expected=", ".join(_HOLES))
    positions, elements = _cluster(crystal, absorber, site, radius + CLUSTER_MARGIN)
    text = _input(positions, elements, absorber, edge, radius, n_legs, program)
    files = run_feff(text, program=program, timeout=timeout)
    paths = [read_path(content, name=name) for name, content in files]
    return tuple(sorted(paths, key=lambda path: path.reff))


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


def path_chi(
    path: ScatteringPath,
    k: Array,
    *,
    s02: float = 1.0,
    sigma2: float = 0.003,
    delta_e0: float = 0.0,
    delta_r: float = 0.0,
    third: float = 0.0,
    fourth: float = 0.0,
    degeneracy: float | None = None,
) -> Array:
    r"""Return χ(k) of one path by the EXAFS equation with FEFF's complex momentum p.

    .. math:: \chi = \mathrm{Im}\, \frac{N S_0^2 F}{q (R_{eff} + \Delta R)^2}
        e^{-2 R_{eff} \mathrm{Im}\,p - 2p^2\sigma^2 + \frac{2}{3}p^4 C_4}
        e^{i(2qR_{eff} + \phi) + 2ip(\Delta R - 2\sigma^2/R_{eff} - \frac{2}{3} p^2 C_3)}

    the form of larch and IFEFFIT, with :math:`q` the wavenumber after the shift of E0.

    Parameters
    ----------
    path
        The path.
    k
        Wavenumbers in Å⁻¹ from the data's e0, shape (K,).
    s02
        Amplitude reduction.
    sigma2
        Mean-square disorder of the half length in Å².
    delta_e0
        Shift of e0 in eV.
    delta_r
        Change of the half length in Å.
    third, fourth
        Third and fourth cumulant in Å³ and Å⁴.
    degeneracy
        Instead of the path's own.
    """
    from scipy.interpolate import make_interp_spline

    shifted = k**2 - delta_e0 / HBAR2_OVER_2M
    shifted = np.where(np.abs(shifted) < 1e-6, 1e-6, shifted)
    q = np.sign(shifted) * np.sqrt(np.abs(shifted))
    columns = np.stack([path.phase, path.amplitude, path.p, path.mean_free_path], axis=1)
    phase, amplitude, real_p, mean_free_path = make_interp_spline(path.k, columns, k=3)(q).T
    p2 = (real_p + 1j / mean_free_path) ** 2
    p = np.sqrt(p2)
    damping = -2 * path.reff * p.imag - 2 * p2 * (sigma2 - p2 * fourth / 3)
    turning = 2 * q * path.reff + phase
    turning = turning + 2 * p * (delta_r - 2 * sigma2 / path.reff - 2 * p2 * third / 3)
    number = path.degeneracy if degeneracy is None else degeneracy
    chi = number * s02 * amplitude * np.exp(damping + 1j * turning)
    chi = chi / (q * (path.reff + delta_r) ** 2)
    if chi.size > 2:
        # At k = 0 the equation divides by zero; its neighbours continue it.
        chi[0] = 2 * chi[1] - chi[2]
    return np.asarray(chi.imag)


def sum_paths(
    paths: Sequence[ScatteringPath],
    k: Array,
    *,
    s02: float = 1.0,
    sigma2: float | Sequence[float] = 0.003,
    delta_e0: float = 0.0,
    delta_r: float | Sequence[float] = 0.0,
    scale: float | Sequence[float] = 1.0,
) -> Array:
    """Return χ(k) of the sum of paths.

    Parameters
    ----------
    paths
        The paths.
    k
        Wavenumbers in Å⁻¹, shape (K,).
    s02, delta_e0
        As in `path_chi`, for all paths.
    sigma2, delta_r, scale
        One number for all paths, or one a path; `scale` multiplies the path's degeneracy.

    Raises
    ------
    BadInput
        No paths, or not one number a path.
    """
    if not paths:
        raise BadInput("there are no paths to add", expected="at least one")
    count = len(paths)
    columns = []
    for name, values in (("sigma2", sigma2), ("delta_r", delta_r), ("scale", scale)):
        column = np.asarray(values, dtype=float)
        if column.ndim and column.shape != (count,):
            raise BadInput(f"{name} has {column.size} values for {count} paths")
        columns.append(np.broadcast_to(column, (count,)))
    total = np.zeros(np.shape(k))
    for path, s2, dr, factor in zip(paths, *columns, strict=True):
        total += path_chi(
            path,
            k,
            s02=s02,
            sigma2=float(s2),
            delta_e0=delta_e0,
            delta_r=float(dr),
            degeneracy=path.degeneracy * float(factor),
        )
    return total


def read_paths(files: Sequence[str | Path]) -> tuple[ScatteringPath, ...]:
    """Return the paths in ``feffNNNN.dat`` files of a FEFF run made elsewhere."""
    from xorder.xas.readers.text import read_bytes, text_from_bytes

    return tuple(
        read_path(text_from_bytes(read_bytes(Path(f)), Path(f)), name=Path(f).name) for f in files
    )


def _cluster(
    crystal: Crystal, absorber: str, site: str | None, radius: float
) -> tuple[Array, NDArray[np.str_]]:
    """Return positions from the absorber and elements of all atoms within the radius."""
    atoms = unit_cell_atoms(crystal)
    centre = _centre(crystal, absorber, site, atoms.site)
    heights = 1.0 / np.linalg.norm(np.linalg.inv(atoms.lattice), axis=0)
    reach = np.ceil(radius / heights).astype(int) + 1
    grid = np.stack(
        np.meshgrid(*(np.arange(-n, n + 1) for n in reach), indexing="ij"), axis=-1
    ).reshape(-1, 3)
    offsets = atoms.xyz[None, :, :] - atoms.xyz[centre] + grid[:, None, :]
    positions = offsets.reshape(-1, 3) @ atoms.lattice
    distance = np.linalg.norm(positions, axis=1)
    elements = np.tile(atoms.elements, len(grid))
    occupancy = np.tile(atoms.occupancy, len(grid))
    is_centre = distance < 0.05
    kept = np.flatnonzero((distance <= radius) & (occupancy >= 0.5) & ~is_centre)
    if np.any(occupancy[distance <= radius] < 0.999):
        warnings.warn(
            f"{crystal.name}: positions less than full were taken as full, those below one half "
            "as empty",
            StructureWarning,
            stacklevel=4,
        )
    order = kept[np.argsort(distance[kept], kind="stable")]
    order = _one_a_position(order, positions, occupancy)
    if order.size == 0:
        raise BadInput(f"{absorber} has no neighbour within {radius:g} Å in {crystal.name}")
    if order.size + 1 > MOST_ATOMS:
        raise BadInput(
            f"the cluster has {order.size + 1} atoms within {radius:g} Å",
            expected=f"at most {MOST_ATOMS}; give a smaller radius",
        )
    return (
        np.vstack([np.zeros(3), positions[order]]),
        np.concatenate([[absorber], elements[order]]),
    )


def _one_a_position(
    order: NDArray[np.int64], positions: Array, occupancy: Array
) -> NDArray[np.int64]:
    """Keep of atoms within 0.5 Å of one another the most occupied."""
    kept: list[int] = []
    for index in order[np.argsort(-occupancy[order], kind="stable")]:
        if kept and np.min(np.linalg.norm(positions[kept] - positions[index], axis=1)) < 0.5:
            continue
        kept.append(int(index))
    distance = np.linalg.norm(positions[kept], axis=1)
    return np.array(kept, dtype=np.int64)[np.argsort(distance, kind="stable")]


def _centre(
    crystal: Crystal, absorber: str, site: str | None, site_of_atom: NDArray[np.int64]
) -> int:
    labels = [s.label for s in crystal.sites if s.element == absorber]
    if not labels:
        present = sorted({s.element for s in crystal.sites})
        raise BadInput(f"{crystal.name} has no {absorber}", expected=f"one of {', '.join(present)}")
    if site is None:
        if len(labels) > 1:
            warnings.warn(
                f"{crystal.name}: of the {absorber} sites {', '.join(labels)} the first is the "
                "absorber; choose with site",
                StructureWarning,
                stacklevel=5,
            )
        site = labels[0]
    if site not in labels:
        raise BadInput(
            f"{crystal.name} has no {absorber} site {site!r}", expected=f"one of {labels}"
        )
    index = next(i for i, s in enumerate(crystal.sites) if s.label == site)
    return int(np.flatnonzero(site_of_atom == index)[0])


def _input(
    positions: Array,
    elements: NDArray[np.str_],
    absorber: str,
    edge: str,
    radius: float,
    n_legs: int,
    program: str,
) -> str:
    """Return the text of ``feff.inp``: one potential an element, the absorber's own first."""
    kinds = list(dict.fromkeys(str(e) for e in elements[1:]))
    potentials = [(0, absorber), *enumerate(kinds, start=1)]
    if program == "feff6l":
        cards = [f"HOLE {_HOLES[edge]} 1.0", "CONTROL 1 1 1 1", "PRINT 0 0 0 3"]
        cards += [f"RMAX {radius:.4f}"]
    else:
        cards = [f"EDGE {edge}", "S02 1.0", "CONTROL 1 1 1 1 1 1", "PRINT 0 0 0 0 0 3"]
        cards += ["EXAFS 20", f"RPATH {radius:.4f}"]
    # Paths below 1 % of the first in plane waves or 2.5 % in curved waves are left out.
    cards += [f"NLEG {n_legs}", "CRITERIA 2.5 1.0", "POTENTIALS"]
    cards += [f" {i} {atomic_number(element)} {element}" for i, element in potentials]
    number = {element: i for i, element in enumerate(kinds, start=1)}
    rows = [f" {x:.5f} {y:.5f} {z:.5f} " for x, y, z in positions]
    cards += ["ATOMS", rows[0] + "0"]
    cards += [f"{row}{number[str(e)]}" for row, e in zip(rows[1:], elements[1:], strict=True)]
    return "\n".join(["TITLE xorder", *cards, "END", ""])
