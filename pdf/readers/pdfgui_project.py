"""Projects of PDFgui, ``.ddp3`` and ``.ddp``: phases, data sets, ranges, parameters, constraints.

A project is a ZIP of folders ``project/fit/structure/phase/`` and ``project/fit/dataset/name/``:
structures and data as text, parameters and constraints as pickles, which are read as inert data.
"""

from __future__ import annotations

import math
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

from xorder.errors import MissingFile, UnreadableFile, XorderError
from xorder.pdf.pattern import PairDistribution
from xorder.pdf.readers.gr import pattern_of_lines
from xorder.pdf.readers.pdfgui import PdffitStructure, structure_of_lines
from xorder.pdf.readers.pickles import Unreadable, attributes, plain_from_pickle
from xorder.results import Result, quantity, recorded
from xorder.store import write_text

__all__ = [
    "PdfguiDataSet",
    "PdfguiFit",
    "PdfguiParameter",
    "PdfguiPhase",
    "PdfguiProject",
    "read_project",
    "write_project_files",
]

_EXPECTED = "a project that PDFgui saved"
#: No part of a project is larger than this (bytes).
LARGEST = 100_000_000
#: What a damaged ZIP file raises, in all its parts.
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError, ValueError
)  # fmt: skip
#: Older names of variables.
_RENAMED = {"gamma": "delta1", "delta": "delta2", "srat": "sratio",
            "qsig": "qdamp", "qalp": "qbroad"}  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class PdfguiParameter:
    """A parameter that constraints name as ``@index``."""

    index: int
    """Its number."""
    value: float
    """Start; NaN where another fit of the project gives it and has none."""
    refined: float = math.nan
    """What PDFgui found; NaN where it was not run."""
    fixed: bool = False
    """Whether it is held."""
    link: str = ""
    """Where its start comes from, such as ``"=other fit:3"``; empty for a number."""


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class PdfguiPhase(Result):
    """A phase of a fit."""

    name: str
    """Its name."""
    structure: PdffitStructure
    """The structure at the start, all atoms of the cell in P 1."""
    refined: PdffitStructure | None = None
    """What PDFgui found; None where it was not run."""
    constraints: Mapping[str, str] = field(default_factory=dict)
    """Formula of each constrained variable, such as ``"lat(1)": "@1"``."""
    text: str = field(default="", repr=False)
    """The structure as PDFgui wrote it."""


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class PdfguiDataSet(Result):
    """A data set of a fit."""

    name: str
    """Its name."""
    measured: PairDistribution
    """G(r) with Qmax, qdamp and qbroad of the project."""
    r_range: tuple[float, float]
    """Range of the fit in Å."""
    r_step: float = quantity("Å", default=math.nan)
    """Step of the fit in Å; NaN where the project does not say it."""
    scale: float = 1.0
    """Scale of the data set."""
    constraints: Mapping[str, str] = field(default_factory=dict)
    """Formula of each constrained variable, such as ``"dscale": "@20"``."""


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class PdfguiFit(Result):
    """One fit of a project."""

    name: str
    """Its name."""
    phases: tuple[PdfguiPhase, ...]
    """Phases."""
    datasets: tuple[PdfguiDataSet, ...]
    """Data sets."""
    parameters: Mapping[int, PdfguiParameter] = field(default_factory=dict)
    """Parameters by number."""
    r_w: float = quantity(symbol="Rw", default=math.nan)
    """Residual that PDFgui found; NaN where it was not run."""


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class PdfguiProject(Result):
    """A project of PDFgui."""

    name: str
    """Name of the file without suffix."""
    fits: tuple[PdfguiFit, ...]
    """The fits, in their order."""
    source: str = ""
    """The file."""
    messages: tuple[str, ...] = ()
    """What a user must know."""

    def describe(self) -> str:
        """Return the project as plain text."""
        lines = [f"PDFgui project {self.name}"]
        for fit in self.fits:
            lines.append(f"  fit {fit.name}" + ("" if math.isnan(fit.r_w) else f"  Rw {fit.r_w:g}"))
            for phase in fit.phases:
                elements = Counter(site.element for site in phase.structure.crystal.sites)
                atoms = " ".join(f"{element}{count}" for element, count in elements.items())
                lines.append(f"    phase {phase.name}: {atoms} in the cell")
                lines += [f"      {key} = {text}" for key, text in phase.constraints.items()]
            for one in fit.datasets:
                data = one.measured
                lines.append(
                    f"    data {one.name}: {data.radiation}, Qmax {data.q_max:g} Å⁻¹, "
                    f"{one.r_range[0]:g} to {one.r_range[1]:g} Å"
                )
                lines += [f"      {key} = {text}" for key, text in one.constraints.items()]
            for p in fit.parameters.values():
                found = "" if math.isnan(p.refined) else f", refined {p.refined:g}"
                held = ", fixed" if p.fixed else ""
                lines.append(f"    @{p.index} = {p.value:g}{found}{held}")
        return "\n".join([*lines, *(f"  ! {message}" for message in self.messages)])


@recorded
def read_project(path: str | Path) -> PdfguiProject:
    """Return a project of PDFgui.

    Nothing in the file is run: of the pickles in it only numbers, texts and containers are taken.

    Parameters
    ----------
    path
        A ``.ddp3`` or ``.ddp`` file.

    Raises
    ------
    MissingFile
        Where there is no such file.
    UnreadableFile
        Where it is no project, a part is missing or damaged, or a pickle asks for anything else.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingFile("there is no such file", expected=_EXPECTED, source=path)
    try:
        with zipfile.ZipFile(path) as archive:
            return _project(_Parts(archive, path), path)
    except XorderError:
        raise
    except _DAMAGE as error:
        raise UnreadableFile(
            f"this is no ZIP file, or a damaged one ({error})", expected=_EXPECTED, source=path
        ) from error


def write_project_files(project: PdfguiProject, folder: Path) -> list[Path]:
    """Write every data set as .gr and every phase as .stru; return the paths.

    Raises
    ------
    CannotWrite
        Where a file cannot be written.
    """
    from xorder.pdf.writers import write_gr
    from xorder.store import file_stem

    written = []
    for fit in project.fits:
        for one in fit.datasets:
            name = file_stem(f"{fit.name}_{Path(one.name).stem}")
            written.append(write_gr(folder / f"{name}.gr", one.measured))
        for phase in fit.phases:
            name = file_stem(f"{fit.name}_{Path(phase.name).stem}")
            written.append(write_text(folder / f"{name}.stru", phase.text))
    return written


class _Parts:
    """The members of the archive by their path below the project's folder."""

    def __init__(self, archive: zipfile.ZipFile, path: Path) -> None:
        self.archive, self.path = archive, path
        self.members = {
            tuple(info.filename.split("/")[1:]): info
            for info in archive.infolist()
            if "/" in info.filename and not info.is_dir()
        }

    def folders(self, *above: str) -> list[str]:
        """Return the folders within one, in the order of the archive."""
        depth = len(above)
        found = [k[depth] for k in self.members if k[:depth] == above and len(k) > depth + 1]
        return list(dict.fromkeys(found))

    def read(self, *key: str) -> bytes | None:
        info = self.members.get(key)
        if info is None:
            return None
        if info.file_size > LARGEST:
            raise UnreadableFile(
                f"{'/'.join(key)} has {info.file_size} bytes",
                expected=f"{LARGEST} at most",
                source=self.path,
            )
        return self.archive.read(info)

    def text(self, *key: str) -> str:
        content = self.read(*key)
        if content is None:
            raise UnreadableFile(
                f"there is no part {'/'.join(key)}", expected=_EXPECTED, source=self.path
            )
        return content.decode("utf-8", errors="replace")

    def pickled(self, *key: str) -> Any:
        content = self.read(*key)
        if content is None:
            return None
        try:
            return plain_from_pickle(content)
        except Unreadable as error:
            raise UnreadableFile(
                f"{'/'.join(key)} cannot be read: {error}", expected=_EXPECTED, source=self.path
            ) from error


def _project(parts: _Parts, path: Path) -> PdfguiProject:
    folders = parts.folders()
    listed = parts.read("fits")
    # Names are quoted in paths; the list of fits, where there is one, has them plain, in order.
    order = [] if listed is None else listed.decode("utf-8", errors="replace").splitlines()
    ranked = sorted(folders, key=lambda name: _rank(order, unquote_plus(name)))
    fits = tuple(_fit(parts, name) for name in ranked)
    if not fits:
        raise UnreadableFile("there is no fit in it", expected=_EXPECTED, source=path)
    fits = _linked(fits)
    return PdfguiProject(name=path.stem, fits=fits, source=str(path), messages=_doubts(fits))


def _rank(order: list[str], name: str) -> int:
    return order.index(name) if name in order else len(order)


def _fit(parts: _Parts, folder: str) -> PdfguiFit:
    result = parts.pickled(folder, "result")
    r_w = result[0] if isinstance(result, tuple) and result else math.nan
    return PdfguiFit(
        name=unquote_plus(folder),
        phases=tuple(_phase(parts, folder, name) for name in parts.folders(folder, "structure")),
        datasets=tuple(_dataset(parts, folder, name) for name in parts.folders(folder, "dataset")),
        parameters=_parameters(parts.pickled(folder, "parameters")),
        r_w=_number(r_w),
    )


def _phase(parts: _Parts, fit: str, folder: str) -> PdfguiPhase:
    where = (fit, "structure", folder)
    source = Path(f"{parts.path}/{'/'.join(where)}")
    text = parts.text(*where, "initial")
    refined = parts.read(*where, "refined")
    return PdfguiPhase(
        name=unquote_plus(folder),
        structure=structure_of_lines(text.splitlines(), source),
        refined=None
        if refined is None
        else structure_of_lines(refined.decode("utf-8", errors="replace").splitlines(), source),
        constraints=_constraints(parts.pickled(*where, "constraints")),
        text=text,
    )


def _dataset(parts: _Parts, fit: str, folder: str) -> PdfguiDataSet:
    where = (fit, "dataset", folder)
    name = unquote_plus(folder)
    source = Path(f"{parts.path}/{'/'.join(where)}")
    measured = pattern_of_lines(parts.text(*where, "obs").splitlines(), source, name=name)
    kept = parts.pickled(*where, "calc")
    kept = kept if isinstance(kept, Mapping) else {}
    low, high = (_number(kept.get(key)) for key in ("fitrmin", "fitrmax"))
    start = kept.get("initial")
    start = start if isinstance(start, Mapping) else {}
    scale = _number(start.get("dscale", measured.metadata.get("dscale")))
    return PdfguiDataSet(
        name=name,
        measured=measured,
        r_range=(
            float(measured.r[0]) if math.isnan(low) else max(low, float(measured.r[0])),
            float(measured.r[-1]) if math.isnan(high) else min(high, float(measured.r[-1])),
        ),
        r_step=_number(kept.get("fitrstep")),
        scale=1.0 if math.isnan(scale) else scale,
        constraints=_constraints(parts.pickled(*where, "constraints")),
    )


def _constraints(found: Any) -> dict[str, str]:
    """Return the formula of each variable; what is not a formula is left out."""
    if not isinstance(found, Mapping):
        return {}
    formulas = {str(key): attributes(value).get("formula") for key, value in found.items()}
    return {
        _RENAMED.get(key, key): formula
        for key, formula in formulas.items()
        if isinstance(formula, str)
    }


def _parameters(found: Any) -> dict[int, PdfguiParameter]:
    if not isinstance(found, Mapping):
        return {}
    parameters: dict[int, PdfguiParameter] = {}
    for index, value in found.items():
        kept = attributes(value)
        if isinstance(index, int) and kept:
            start = kept.get("_Parameter__initial")
            parameters[index] = PdfguiParameter(
                index=index,
                value=_number(start),
                refined=_number(kept.get("refined")),
                fixed=bool(kept.get("fixed", False)),
                link=start if isinstance(start, str) else "",
            )
    return dict(sorted(parameters.items()))


def _linked(fits: tuple[PdfguiFit, ...]) -> tuple[PdfguiFit, ...]:
    """Give parameters that start from another fit's the value they have there."""
    known = {fit.name: fit.parameters for fit in fits}

    def start(p: PdfguiParameter) -> PdfguiParameter:
        seen: set[tuple[str, int]] = set()
        other = p
        while other.link:
            match = _LINK.fullmatch(other.link)
            key = (match["fit"], int(match["index"] or other.index)) if match else ("", -1)
            found = known.get(key[0], {}).get(key[1])
            if found is None or key in seen:
                return p
            seen.add(key)
            if math.isfinite(found.refined):
                return replace(p, value=found.refined)
            other = found
        return replace(p, value=other.value)

    return tuple(
        replace(fit, parameters={index: start(p) for index, p in fit.parameters.items()})
        for fit in fits
    )


_LINK = re.compile(r"=(?P<fit>.*?)(?::(?P<index>\d+))?")


def _doubts(fits: tuple[PdfguiFit, ...]) -> tuple[str, ...]:
    """Say what a refinement from the project needs and does not find."""
    said = []
    for fit in fits:
        said += [
            f"{fit.name}: @{p.index} starts from {p.link[1:]!r}, which is not in the project"
            for p in fit.parameters.values()
            if p.link and math.isnan(p.value)
        ]
        said += [
            f"{fit.name}: {one.name} has no Qmax"
            for one in fit.datasets
            if math.isnan(one.measured.q_max)
        ]
        if not fit.datasets or not fit.phases:
            said.append(f"{fit.name}: there is nothing to fit in it")
    return tuple(said)


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else math.nan
