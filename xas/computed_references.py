"""The computed χ(k) that ship with Xorder: FEFF on the reference structures, inputs kept."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from xorder import references
from xorder._version import __version__
from xorder.errors import BadInput
from xorder.results import Array
from xorder.store import check_folder, write_text
from xorder.structure import Crystal
from xorder.xas.path_sums import sum_paths
from xorder.xas.path_tables import tabulate_paths
from xorder.xas.scattering_paths import FeffInput, ScatteringPath, calculate_paths, feff_inputs

__all__ = ["COMPUTED", "ComputedReference", "write_references"]

#: One σ² (Å²) for every path and one S0²: of the size of a first shell at room temperature. They
#: make curves comparable, and say nothing of a sample.
SIGMA2, S02 = 0.005, 0.9

#: Longest half path (Å), most legs, program.
RADIUS, N_LEGS, PROGRAM = 6.0, 4, "feff6l"


@dataclass(frozen=True, kw_only=True, slots=True)
class ComputedReference:
    """One spectrum to compute."""

    structure: str
    """Name of the reference structure."""
    element: str
    """Absorber."""
    edge: str
    """Edge."""

    @property
    def name(self) -> str:
        """Name of the spectrum, such as ``"TaCl5_model_Ta_L3"``."""
        return f"{self.structure}_{self.element}_{self.edge}"


COMPUTED = (
    ComputedReference(structure="NaTaCl6", element="Ta", edge="L3"),
    ComputedReference(structure="TaCl5_model", element="Ta", edge="L3"),
    ComputedReference(structure="HfCl4_model", element="Hf", edge="L3"),
    ComputedReference(structure="ZrCl4_model", element="Zr", edge="K"),
    ComputedReference(structure="Na2ZrCl6_model", element="Zr", edge="K"),
    ComputedReference(structure="SmCl3", element="Sm", edge="L3"),
)


def write_references(
    folder: str | Path, *, spectra: Sequence[ComputedReference] = COMPUTED, jobs: int = 1
) -> tuple[Path, ...]:
    """Compute reference spectra and write them with their inputs, path tables and an index.

    For each: ``NAME.chi`` (k and χ), ``NAME.paths.txt``, ``NAME.SITE.inp`` (FEFF's input) of each
    absorbing site, and its table in ``index.toml``.

    Raises
    ------
    BadInput
        Nothing to compute, or a structure that is not there.
    CannotWrite
        Where the folder refuses.
    """
    if not spectra:
        raise BadInput("there is no spectrum to compute", expected="at least one")
    folder = Path(folder)
    check_folder(folder)
    written, tables = [], []
    for one in spectra:
        crystal = references.load(one.structure)
        inputs = feff_inputs(
            crystal,
            absorber=one.element,
            edge=one.edge,
            radius=RADIUS,
            n_legs=N_LEGS,
            program=PROGRAM,
        )
        paths = calculate_paths(
            crystal,
            absorber=one.element,
            edge=one.edge,
            radius=RADIUS,
            n_legs=N_LEGS,
            program=PROGRAM,
            jobs=jobs,
        )
        facts = _facts(one, crystal, inputs, paths)
        written += _write_one(folder, one, facts, inputs, paths)
        tables.append(_table(one, facts))
    head = "# Computed reference spectra, made by `make references`; do not edit.\n\n"
    written.append(write_text(folder / "index.toml", head + "\n".join(tables)))
    return tuple(written)


def computed_chi(paths: Sequence[ScatteringPath]) -> tuple[Array, Array]:
    """Return k (0 to 20 Å⁻¹ in steps of 0.05) and χ of paths with the common σ² and S0²."""
    k = 0.05 * np.arange(401, dtype=float)
    return k, sum_paths(paths, k, s02=S02, sigma2=SIGMA2)


def _facts(
    one: ComputedReference,
    crystal: Crystal,
    inputs: Sequence[FeffInput],
    paths: Sequence[ScatteringPath],
) -> dict[str, str]:
    entry = next(e for e in references.entries() if e.name == one.structure)
    sites = ", ".join(f"{i.site} {i.share:.6g}" for i in inputs)
    return {
        "title": f"{entry.title}, {one.element} {one.edge}, simulated",
        "element": one.element,
        "edge": one.edge,
        "structure": one.structure,
        "status": crystal.status,
        "structure_source": f"cell {entry.cell}, coordinates {entry.coordinates}: {entry.source}",
        "confidence": entry.confidence,
        "made": f"computed by {PROGRAM.upper()} (simulated, not measured), Xorder {__version__}",
        "paths": f"{len(paths)}, half length to {RADIUS:g} Å, up to {N_LEGS} legs",
        "sites": f"{sites} (site and share of the average)",
        "sigma2": f"{SIGMA2:g} Å² for every path, an assumption",
        "s02": f"{S02:g}, an assumption",
        "delta_e0": "0 eV: k counts from FEFF's Fermi level",
    }


def _write_one(
    folder: Path,
    one: ComputedReference,
    facts: dict[str, str],
    inputs: Sequence[FeffInput],
    paths: Sequence[ScatteringPath],
) -> list[Path]:
    k, chi = computed_chi(paths)
    head = [
        f"# XDI/1.0 Xorder/{__version__}",
        "# Column.1: k angstrom^-1",
        "# Column.2: chi",
        f"# Element.symbol: {one.element}",
        f"# Element.edge: {one.edge}",
        f"# Sample.name: {one.name}",
        "# Scan.simulated: true",
        "# Xorder.kind: computed",
        *(f"# Xorder.{key}: {text}" for key, text in facts.items()),
        "#-----",
        "# k  chi",
    ]
    rows = [f"{x:.2f}  {y:.7e}" for x, y in zip(k, chi, strict=True)]
    said = [facts["title"], facts["made"], f"structure {facts['status']}: {facts['confidence']}"]
    table = "\n".join([*said, "", tabulate_paths(paths).describe()])
    comment = "".join(f"* {line}\n" for line in said)
    return [
        write_text(folder / f"{one.name}.chi", "\n".join([*head, *rows]) + "\n"),
        write_text(folder / f"{one.name}.paths.txt", table + "\n"),
        *(write_text(folder / f"{one.name}.{i.site}.inp", comment + i.text) for i in inputs),
    ]


def _table(one: ComputedReference, facts: dict[str, str]) -> str:
    # JSON's strings are TOML's.
    lines = [f"{key} = {json.dumps(text, ensure_ascii=False)}" for key, text in facts.items()]
    return "\n".join([f"[{one.name}]", *lines, ""])
