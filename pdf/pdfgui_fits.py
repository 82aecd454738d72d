"""Fits of PDFgui projects made again: their phases, data, ranges and constraints in our words."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from xorder.errors import BadInput, DataWarning
from xorder.fitting import Parameter, Parameters
from xorder.pdf.joint import JointPdfFit, refine_jointly
from xorder.pdf.options import RefinementOptions
from xorder.pdf.pattern import PairDistribution
from xorder.pdf.readers.pdfgui_project import PdfguiDataSet, PdfguiFit, PdfguiPhase
from xorder.pdf.refinement import PdfFit, phase_name, refine
from xorder.pdf.weights import Convention
from xorder.structure import Crystal

__all__ = ["FitInputs", "inputs_from_project", "refine_from_project"]

_CELL = ("a", "b", "c", "alpha", "beta", "gamma")
_ATOM = re.compile(r"(x|y|z|u11|u22|u33|u12|u13|u23|occ)\((\d+)\)")
#: What stages of a refinement free first, by the kind of variable a parameter drives.
_KINDS = {"pscale": "scale", "dscale": "scale", "delta1": "delta", "delta2": "delta",
          "qdamp": "qdamp", "qbroad": "qbroad", "spdiameter": "sphere"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class FitInputs:
    """A fit of a project as `refine` or `refine_jointly` takes it."""

    measured: Mapping[str, PairDistribution]
    crystals: Mapping[str, Crystal]
    r_range: Mapping[str, tuple[float, float]]
    options: RefinementOptions
    parameters: Parameters
    messages: tuple[str, ...]


def refine_from_project(
    found: PdfguiFit, *, convention: Convention = "pdffit2"
) -> PdfFit | JointPdfFit:
    """Refine what a fit of a project describes, from its starts.

    Parameters
    ----------
    found
        A fit of a project.
    convention
        Whose definition of G(r) to follow; PDFgui's own is that of pdffit2.

    Raises
    ------
    BadInput
        Where it has no phase or no data, or a formula uses what is not there.

    Warns
    -----
    DataWarning
        Where the project constrains what is not refined here.
    """
    inputs = inputs_from_project(found, convention=convention)
    for message in inputs.messages:
        warnings.warn(f"{found.name}: {message}", DataWarning, stacklevel=2)
    if len(inputs.measured) > 1:
        return refine_jointly(
            inputs.measured,
            inputs.crystals,
            r_range=inputs.r_range,
            options=inputs.options,
            parameters=inputs.parameters,
        )
    ((name, measured),) = inputs.measured.items()
    return refine(
        measured,
        inputs.crystals,
        r_range=inputs.r_range[name],
        options=inputs.options,
        parameters=inputs.parameters,
    )


def inputs_from_project(found: PdfguiFit, *, convention: Convention = "pdffit2") -> FitInputs:
    """Return a fit of a project in our words.

    PDFgui's ``@n`` becomes a parameter ``a_p1``, ``uiso_p4`` …, by what it drives first; every
    constrained variable is tied to these as its formula says, all else is held at its value.

    Raises
    ------
    BadInput
        As `refine_from_project` does.
    """
    if not found.phases or not found.datasets:
        raise BadInput(
            f"the fit {found.name!r} has {len(found.phases)} phases and {len(found.datasets)} data "
            "sets",
            expected="one of each at least",
        )
    work = _Translation(found, convention)
    return FitInputs(
        measured={work.sets[k]: one.measured for k, one in enumerate(found.datasets)},
        crystals={work.names[k]: p.structure.crystal for k, p in enumerate(found.phases)},
        r_range={work.sets[k]: one.r_range for k, one in enumerate(found.datasets)},
        options=work.options(),
        parameters=work.parameters(),
        messages=tuple(work.messages),
    )


class _Translation:
    """Names and formulas of one fit."""

    def __init__(self, found: PdfguiFit, convention: Convention) -> None:
        self.found, self.convention = found, convention
        self.names = _distinct([phase.name for phase in found.phases])
        self.sets = _distinct([one.name for one in found.datasets])
        self.messages: list[str] = []
        self.driven: dict[int, str] = {}
        everything = [phase.constraints for phase in found.phases]
        everything += [one.constraints for one in found.datasets]
        pairs = [pair for constraints in everything for pair in constraints.items()]
        # What a parameter drives alone names it; else what it has a part in.
        for variable, formula in sorted(pairs, key=lambda pair: len(pair[1])):
            for index in map(int, re.findall(r"@(\d+)", formula)):
                self.driven.setdefault(index, f"{_kind(variable)}_p{index}")
        self.anisotropic = any(not _isotropic(phase) for phase in found.phases)

    def options(self) -> RefinementOptions:
        phases = self.found.phases
        positions = any(re.match(r"[xyz]\(", key) for p in phases for key in p.constraints)
        first = any(p.structure.delta1 or "delta1" in p.constraints for p in phases)
        second = any(p.structure.delta2 or "delta2" in p.constraints for p in phases)
        if first and second:
            self.messages.append("delta1 and delta2 are both used; delta2 alone is refined")
        if any(p.structure.sratio != 1.0 and p.structure.rcut > 0 for p in phases):
            self.messages.append("sratio is not refined here; it is taken as one")
        spheres = any(p.structure.sphere_diameter or "spdiameter" in p.constraints for p in phases)
        return RefinementOptions(
            convention=self.convention,
            form_factors="constant",
            displacements="anisotropic" if self.anisotropic else "isotropic",
            refine_positions=positions,
            correlation="delta1" if first and not second else "delta2",
            sphere_diameter=50.0 if spheres else None,
        )

    def parameters(self) -> Parameters:
        made = [self._own(index, name) for index, name in self.driven.items()]
        options = self.options()
        self.messages = list(dict.fromkeys(self.messages))
        for k, phase in enumerate(self.found.phases):
            made += self._of_phase(phase, self.names[k], options)
        for k, one in enumerate(self.found.datasets):
            made += self._of_set(one, self.sets[k])
        return Parameters(made)

    def _own(self, index: int, name: str) -> Parameter:
        known = self.found.parameters.get(index)
        value = math.nan if known is None else known.value
        if math.isnan(value):
            value = self._guess(index)
        held = known is not None and known.fixed
        positive = name.startswith(("scale", "uiso", "delta", "sphere", "qdamp", "qbroad"))
        return Parameter(name=name, value=value, min=0.0 if positive else -math.inf, vary=not held)

    def _guess(self, index: int) -> float:
        """Return the value of a variable that is just this parameter, as PDFgui does."""
        for phase in self.found.phases:
            for variable, formula in phase.constraints.items():
                if formula.strip() == f"@{index}":
                    return _value(phase, variable)
        for one in self.found.datasets:
            for variable, formula in one.constraints.items():
                if formula.strip() == f"@{index}":
                    return _value_of_set(one, variable)
        raise BadInput(
            f"@{index} has no start and drives no variable alone",
            expected="a value in the project",
            source=self.found.name,
        )

    def _of_phase(
        self, phase: PdfguiPhase, name: str, options: RefinementOptions
    ) -> list[Parameter]:
        several = len(self.found.phases) > 1
        made: list[Parameter] = []

        def add(local: str, variable: str, *, given: float | None = None) -> None:
            value = _value(phase, variable) if given is None else given
            formula = phase.constraints.get(variable, "")
            full = f"{local}_{name}" if several else local
            made.append(_tied(full, value, self._expression(formula)))

        for k, axis in enumerate(_CELL):
            add(axis, f"lat({k + 1})")
        add(options.correlation, options.correlation)
        if options.sphere_diameter is not None:
            # A phase without a diameter is endless.
            size = phase.structure.sphere_diameter or 1e4
            add("sphere_diameter", "spdiameter", given=size)
        for i, site in enumerate(phase.structure.crystal.sites, start=1):
            if options.refine_positions:
                for axis in "xyz":
                    add(f"{axis}_{site.label}", f"{axis}({i})")
            if self.anisotropic:
                for component in ("u11", "u22", "u33", "u12", "u13", "u23"):
                    add(f"{component}_{site.label}", f"{component}({i})")
            if f"occ({i})" in phase.constraints:
                self.messages.append(f"the occupancy of {site.label} is not refined here")
        if not self.anisotropic:
            for element in dict.fromkeys(s.element for s in phase.structure.crystal.sites):
                sites = phase.structure.crystal.sites
                first = next(i for i, s in enumerate(sites, start=1) if s.element == element)
                add(f"uiso_{element}", f"u11({first})", given=sites[first - 1].uiso)
        return made

    def _of_set(self, one: PdfguiDataSet, name: str) -> list[Parameter]:
        joint = f"_{name}" if len(self.sets) > 1 else ""
        several = len(self.found.phases) > 1
        made = []
        for variable in ("qdamp", "qbroad"):
            formula = one.constraints.get(variable, "")
            value = _value_of_set(one, variable)
            made.append(_tied(f"{variable}{joint}", value, self._expression(formula)))
        outer = self._expression(one.constraints.get("dscale", ""))
        for k, phase in enumerate(self.found.phases):
            inner = self._expression(phase.constraints.get("pscale", ""))
            value = one.scale * phase.structure.scale
            expression = ""
            if outer or inner:
                factors = (outer or repr(one.scale), inner or repr(phase.structure.scale))
                expression = f"({factors[0]}) * ({factors[1]})"
            local = f"scale_{self.names[k]}" if several else "scale"
            made.append(_tied(f"{local}{joint}", value, expression))
        return made

    def _expression(self, formula: str) -> str:
        return re.sub(r"@(\d+)", lambda match: self.driven[int(match[1])], formula)


def _tied(name: str, value: float, expression: str) -> Parameter:
    return Parameter(name=name, value=value, vary=False, expr=expression)


def _value(phase: PdfguiPhase, variable: str) -> float:
    """Return the start of a variable of a phase."""
    found = phase.structure
    plain = {"pscale": found.scale, "delta1": found.delta1, "delta2": found.delta2,
             "sratio": found.sratio, "spdiameter": found.sphere_diameter}  # fmt: skip
    if variable in plain:
        return plain[variable]
    cell = re.fullmatch(r"lat\(([1-6])\)", variable)
    if cell:
        return float(found.crystal.cell[int(cell[1]) - 1])
    atom = _ATOM.fullmatch(variable)
    if atom is None or not 0 < int(atom[2]) <= len(found.crystal.sites):
        raise BadInput(
            f"the phase {phase.name!r} constrains {variable!r}",
            expected="a variable of PDFgui, and an atom of the phase",
        )
    site = found.crystal.sites[int(atom[2]) - 1]
    kind = atom[1]
    if kind == "occ":
        return float(site.occupancy)
    if kind in "xyz":
        return float(site.xyz["xyz".index(kind)])
    tensor = np.zeros((3, 3)) if site.uij is None else site.uij
    return float(tensor[int(kind[1]) - 1, int(kind[2]) - 1])


def _value_of_set(one: PdfguiDataSet, variable: str) -> float:
    if variable == "dscale":
        return one.scale
    if variable not in ("qdamp", "qbroad"):
        raise BadInput(
            f"the data set {one.name!r} constrains {variable!r}", expected="dscale, qdamp, qbroad"
        )
    value = float(getattr(one.measured, variable))
    return 0.0 if math.isnan(value) else value


def _kind(variable: str) -> str:
    """Return the beginning of the name of a parameter, by what it drives."""
    if variable in _KINDS:
        return _KINDS[variable]
    if variable.startswith("lat("):
        return "a" if variable[4] in "123" else "alpha"
    if re.match(r"u\d\d\(", variable):
        return "uiso" if variable[1] == variable[2] else "cross"
    return variable[0]


def _isotropic(phase: PdfguiPhase) -> bool:
    """Return whether all atoms of an element have one isotropic displacement and one formula."""
    sites = phase.structure.crystal.sites
    by_element: dict[str, set[tuple[str, float]]] = {}
    for i, site in enumerate(sites, start=1):
        diagonal = [phase.constraints.get(f"u{c}{c}({i})", "") for c in (1, 2, 3)]
        cross = any(phase.constraints.get(f"u{c}({i})") for c in (12, 13, 23))
        values = np.array([_value(phase, f"u{c}{c}({i})") for c in (1, 2, 3)])
        if cross or len(set(diagonal)) > 1 or np.ptp(values) > 1e-7:
            return False
        kept = by_element.setdefault(site.element, set())
        kept.add((diagonal[0], round(float(values[0]), 7)))
    return all(len(kept) == 1 for kept in by_element.values())


def _distinct(names: Sequence[str]) -> list[str]:
    """Return names as parameters carry them, each once."""
    made: list[str] = []
    for label in names:
        name = phase_name(re.sub(r"\.(gr|stru|cif|dat)$", "", label)) or "set"
        made.append(f"{name}_{len(made) + 1}" if name in made else name)
    return made
