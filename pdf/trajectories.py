"""Frames: atoms of a cluster or a periodic box, and the files that hold them.

Read are VASP's XDATCAR, xyz and extended xyz, LAMMPS dumps and data files, and CIF boxes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xorder.errors import BadInput, MissingFile, UnreadableFile
from xorder.results import Array, Result, quantity
from xorder.scattering import is_element
from xorder.structure import Crystal, unit_cell_atoms

__all__ = ["Frame", "frame_from_crystal", "read_frames"]


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Frame(Result):
    """One arrangement of atoms: a cluster, or a periodic box with its lattice."""

    positions: Array = quantity("Å", dims=("atom", "axis"))
    """Cartesian coordinates, shape (N, 3)."""
    elements: NDArray[np.str_] = quantity(dims=("atom",))
    """Chemical symbols, shape (N,)."""
    lattice: Array | None = quantity("Å", default=None)
    """Vectors of the periodic box as rows, shape (3, 3); None for a cluster."""
    name: str = ""
    """Name, such as the file's stem."""
    source: str = ""
    """File it came from."""
    step: int = 0
    """Number of the frame in its file, or the time step the file gives."""

    def __post_init__(self) -> None:
        where = self.source or None
        if self.positions.ndim != 2 or self.positions.shape[1:] != (3,) or not len(self.positions):
            raise BadInput(
                f"positions have shape {self.positions.shape}",
                expected="x, y, z of at least one atom, shape (N, 3)",
                source=where,
            )
        if self.elements.shape != (len(self.positions),):
            raise BadInput(
                f"{self.elements.size} elements for {len(self.positions)} positions",
                expected="one chemical symbol an atom",
                source=where,
            )
        bad = np.flatnonzero(~np.isfinite(self.positions).all(axis=1))
        if bad.size:
            raise BadInput(
                f"atom {bad[0] + 1} of frame {self.step} ({self.elements[bad[0]]}) has the "
                f"coordinates {self.positions[bad[0]].tolist()}",
                expected="finite coordinates",
                source=where,
            )
        for element in np.unique(self.elements).tolist():
            if not is_element(element):
                raise BadInput(
                    f"there is no element {element!r}",
                    expected="chemical symbols such as 'Ta'",
                    source=where,
                )
        if self.lattice is not None:
            _check_lattice(self.lattice, where)

    @property
    def volume(self) -> float:
        """Volume of the box in Å³; NaN for a cluster."""
        return float("nan") if self.lattice is None else float(abs(np.linalg.det(self.lattice)))


def read_frames(
    path: str | Path,
    *,
    elements: tuple[str, ...] = (),
    first: int = 0,
    every: int = 1,
) -> tuple[Frame, ...]:
    """Return the frames of a file.

    Parameters
    ----------
    path
        XDATCAR, ``.xyz`` or ``.extxyz``, LAMMPS dump (``.dump``, ``.lammpstrj``) or data file
        (``.data``, ``.lmp``), or ``.cif``. Lengths are in Å. A name that says nothing is read by
        its first lines.
    elements
        Element of LAMMPS type 1, 2 …, where the file names none.
    first, every
        First frame (from 0) and step between frames.

    Raises
    ------
    MissingFile
        Where there is no such file.
    UnreadableFile
        Where a line is not what the format wants, or the file ends early; the message names the
        line.
    BadInput
        Where coordinates are not finite, an element is unknown, or no frame is left.
    """
    from xorder.pdf.readers import frames as readers

    path = Path(path)
    if first < 0 or every < 1:
        raise BadInput(f"first = {first}, every = {every}", expected="first >= 0 and every >= 1")
    if not path.is_file():
        raise MissingFile("there is no such file", source=path)
    if path.suffix.lower() == ".cif":
        from xorder.structure import load_structure

        return (frame_from_crystal(load_structure(path)),)
    lines = _lines(path)
    frames = readers.READERS[readers.format_of(path, lines)](lines, path, elements, first, every)
    if not frames:
        raise BadInput(
            f"no frame is left with first = {first} and every = {every}",
            expected="fewer frames to be skipped",
            source=path,
        )
    return tuple(frames)


def frame_from_crystal(crystal: Crystal, *, repeat: tuple[int, int, int] = (1, 1, 1)) -> Frame:
    """Return a crystal's cell, or some cells, as a periodic box.

    Raises
    ------
    BadInput
        Where a site is not full, as an arrangement of atoms has none of these, or `repeat` is not
        positive.
    """
    if len(repeat) != 3 or min(repeat) < 1:
        raise BadInput(f"repeat is {repeat}", expected="three positive whole numbers")
    atoms = unit_cell_atoms(crystal)
    partly = np.flatnonzero(np.abs(atoms.occupancy - 1.0) > 1e-6)
    if partly.size:
        site = crystal.sites[atoms.site[partly[0]]]
        raise BadInput(
            f"site {site.label} has the occupancy {site.occupancy:g}",
            expected="full sites; an arrangement of atoms has no part of one",
            source=crystal.source or crystal.name,
        )
    cells = np.stack(np.meshgrid(*map(np.arange, repeat), indexing="ij"), axis=-1).reshape(-1, 3)
    xyz = (atoms.xyz[None, :, :] + cells[:, None, :]).reshape(-1, 3)
    return Frame(
        positions=xyz @ atoms.lattice,
        elements=np.tile(atoms.elements, len(cells)),
        lattice=atoms.lattice * np.array(repeat, dtype=float)[:, None],
        name=crystal.name,
        source=crystal.source,
    )


def _check_lattice(lattice: Array, source: str | None) -> None:
    if lattice.shape != (3, 3) or not np.isfinite(lattice).all():
        raise BadInput(
            f"the box is {np.array2string(lattice)}",
            expected="three finite vectors as rows",
            source=source,
        )
    lengths = np.linalg.norm(lattice, axis=1)
    if lengths.min() <= 0 or abs(np.linalg.det(lattice)) < 1e-3 * np.prod(lengths):
        raise BadInput(
            f"the box vectors {lattice.tolist()} span no volume",
            expected="three vectors that are not in a plane",
            source=source,
        )


def _lines(path: Path) -> list[str]:
    raw = path.read_bytes()
    if b"\0" in raw[:4096]:
        raise UnreadableFile("this is no text file", expected="a text format", source=path)
    try:
        lines = raw.decode("utf-8").splitlines()
    except UnicodeDecodeError:
        lines = raw.decode("latin-1").splitlines()
    while lines and not lines[-1].strip():
        lines.pop()
    if not lines:
        raise UnreadableFile("the file is empty", expected="a trajectory", source=path)
    return lines
