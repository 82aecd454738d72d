"""Parameters that a refinement starts from, with bounds that keep steps sane."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from xorder.diffraction.anisotropy import Kind
from xorder.diffraction.refinement_objective import (
    PatternModel,
    PatternObjective,
    start_asymmetry,
)
from xorder.diffraction.refinement_options import INSTRUMENT, Phase, RefinementOptions
from xorder.diffraction.symmetry_constraints import occupancy_limits
from xorder.errors import BadInput
from xorder.fitting import Parameters
from xorder.parameters import Parameter

__all__ = ["merged", "starting_parameters"]

#: Cell lengths move by at most this part, angles by this many degrees.
CELL_REACH = (0.03, 3.0)
#: Smallest domain in Å.
SMALLEST = 8.0


def starting_parameters(
    models: Sequence[PatternModel], phases: Sequence[Phase], options: RefinementOptions
) -> Parameters:
    """Return all parameters of the patterns, those of one name once."""
    found: list[Parameter] = []
    for model in models:
        found += _of_pattern(model, options)
        for index, phase in enumerate(phases):
            found += _of_phase(model, index, phase)
    start = Parameters(found)
    for model in models:
        start = start.with_values(_scales(model, start))
    return start


def merged(start: Parameters, given: Mapping[str, Parameter] | None) -> Parameters:
    """Return the parameters with those the user gave in place of ours; new ones are added.

    Raises
    ------
    BadInput
        For a given parameter that nothing uses.
    """
    if not given:
        return start
    used = " ".join(p.expr for p in given.values())
    unknown = [n for n in given if n not in start and n not in used]
    if unknown:
        raise BadInput(
            f"there is no parameter {', '.join(unknown)} in this refinement",
            expected="names of " + ", ".join(start),
        )
    kept = [given.get(p.name, p) for p in start.values()]
    return Parameters([*kept, *(p for p in given.values() if p.name not in start)])


def _of_pattern(model: PatternModel, options: RefinementOptions) -> Iterable[Parameter]:
    for name in INSTRUMENT:
        yield Parameter(
            name=model.name(name), value=getattr(options.profile, name),
            vary=name in options.refine_profile, min=0.0 if name in "wxy" else -math.inf,
            unit="°" if name in "xy" else "°²",
        )  # fmt: skip
    yield Parameter(
        name=model.name("zero_shift"), value=0.0, vary=options.zero_shift, min=-1.0, max=1.0,
        unit="°",
    )  # fmt: skip
    reach = math.radians(1.0) * options.radius
    yield Parameter(
        name=model.name("displacement"), value=0.0, vary=options.displacement, min=-reach,
        max=reach, unit="mm",
    )  # fmt: skip
    yield Parameter(
        name=model.name("asymmetry"), value=start_asymmetry(options), min=0.0, max=0.2,
        vary=options.refine_asymmetry,
    )  # fmt: skip
    intensity = model.pattern.intensity
    low, high = np.percentile(intensity, [10, 90])
    for name in model.linear.names:
        if name.startswith("background"):
            value = float(low) if name == "background_0" else 0.0
            yield Parameter(name=model.name(name), value=value, unit="counts")
        else:
            value = 0.2 * max(float(high - low), 1.0)
            yield Parameter(name=model.name(name), value=value, min=0.0, unit="counts")


def _of_phase(model: PatternModel, index: int, phase: Phase) -> Iterable[Parameter]:
    suffix, own = model.suffixes[index], model.phases[index]

    def make(local: str, value: float, **settings: float | bool | str) -> Parameter:
        return Parameter(name=model.name(local, suffix), value=value, **settings)  # type: ignore[arg-type]

    yield make("scale", 1.0, vary=not phase.extracted, min=0.0)
    widths: tuple[tuple[Kind, float | None, float, str], ...] = (
        ("inverse_size", None if phase.size is None else 1.0 / phase.size, 1.0 / SMALLEST, "Å⁻¹"),
        ("strain", phase.strain, 0.1, ""),
    )
    for kind, width, largest, unit in widths:
        refined = width is not None and phase.refine_shape
        directional = own.directional.get(kind)
        yield make(
            kind, 0.0 if directional or width is None else width, min=0.0, max=largest, unit=unit,
            vary=refined and directional is None,
        )  # fmt: skip
        if directional is not None:
            for name, value in directional.start(width or 0.0).items():
                lowest = 0.0 if name in directional.positive else -math.inf
                yield make(name, value, vary=refined, min=lowest)
    positions = {freedom.name for freedom in own.positions}
    limits = occupancy_limits(own.crystal, own.occupancies)
    ties = {
        name: "".join(
            model.name(part, suffix) if part in own.local_names else part
            for part in re.split(r"(\w+)", expr)
        )
        for name, expr in own.ties().items()
    }
    for name, value in own.start().items():
        if name in ties:
            yield make(name, value, expr=ties[name])
        elif name in own.cell.names:
            length = name in ("a", "b", "c")
            reach = CELL_REACH[0] * value if length else CELL_REACH[1]
            yield make(
                name, value, vary=phase.cell, min=value - reach, max=value + reach,
                unit="Å" if length else "°",
            )  # fmt: skip
        elif name in positions:
            yield make(name, value, vary=phase.positions, min=value - 0.2, max=value + 0.2)
        elif name in own.displacements:
            yield make(name, value, min=0.0, max=0.5, unit="Å²")
        else:
            yield make(name, value, min=0.0, max=limits[name])
    if own.march is not None:
        yield make("march", 1.0, min=0.1, max=5.0)


def _scales(model: PatternModel, start: Parameters) -> dict[str, float]:
    """Return scales with which the phases share the intensity above its lowest equally."""
    objective = PatternObjective(model, start, frozenset())
    values = start.valuesdict()
    intensity = model.pattern.intensity
    above = float(np.sum(intensity - np.percentile(intensity, 10)))
    scales = {}
    for index, suffix in enumerate(model.suffixes):
        bragg = float(np.sum(objective.bragg(index, values)))
        if not bragg > 0:
            name = model.phases[index].crystal.name
            raise BadInput(
                f"{name} has no line between {model.pattern.two_theta[0]:g} and "
                f"{model.pattern.two_theta[-1]:g}°",
                expected="phases that diffract in the range",
            )
        scale = max(above, 1.0) / bragg / len(model.suffixes)
        phase = model.phases[index]
        if phase.strengths is not None:
            phase.strengths, scale = phase.strengths * scale, 1.0
        scales[model.name("scale", suffix)] = scale
    return scales
