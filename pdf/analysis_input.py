"""Files of one sample to G(r): as they are, or reduced from intensities, S(Q) or F(Q)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from xorder.errors import BadInput, XorderWarning
from xorder.pdf.intensity import Intensity
from xorder.pdf.options import PdfRecipe
from xorder.pdf.pattern import PairDistribution
from xorder.pdf.recipe_tables import IntensityOptions
from xorder.pdf.reduction_result import Reduction
from xorder.results import Array

__all__ = ["MeasuredSample", "averaged", "measured_sample", "reduce_file", "transform_file"]

#: Files that hold intensities whatever the recipe says.
INTENSITIES = {".iq", ".chi", ".xy", ".xye", ".h5", ".hdf5", ".hdf", ".nxs", ".nx", ".nexus"}
#: Files that hold S(Q) or F(Q).
FUNCTIONS_OF_Q = {".sq", ".fq"}


@dataclass(frozen=True, slots=True)
class MeasuredSample:
    """What the files of one sample hold."""

    patterns: tuple[PairDistribution, ...]
    reductions: tuple[Reduction, ...]
    messages: tuple[str, ...]


def measured_sample(files: Sequence[Path], recipe: PdfRecipe, name: str) -> MeasuredSample:
    """Return the G(r) of every file; warnings become messages.

    Raises
    ------
    BadInput
        Where there is no file, or one cannot be used.
    """
    if not files:
        raise BadInput("no file was given", expected="at least one G(r) file")
    patterns: list[PairDistribution] = []
    reductions: list[Reduction] = []
    messages: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", XorderWarning)
        for path in files:
            suffix = path.suffix.lower()
            if suffix in FUNCTIONS_OF_Q:
                patterns.append(transform_file(path, recipe.reduce, name=name))
            elif suffix in INTENSITIES or (recipe.reduce is not None and suffix != ".gr"):
                found = reduce_file(path, recipe.reduce, composition=recipe.composition, name=name)
                reductions.append(found)
                messages += found.messages
                patterns.append(found.pair_distribution)
            else:
                from xorder.pdf.readers.gr import read

                patterns.append(read(path, name=name))
    said = [str(w.message) for w in caught if issubclass(w.category, XorderWarning)]
    # What a reduction warns of stands in its messages, without the name before it.
    messages += [text for text in said if not any(text.endswith(known) for known in messages)]
    composed = [
        pattern if pattern.composition else replace(pattern, composition=recipe.composition)
        for pattern in patterns
    ]
    return MeasuredSample(tuple(composed), tuple(reductions), tuple(messages))


def reduce_file(
    path: Path, options: IntensityOptions | None, *, composition: str = "", name: str = ""
) -> Reduction:
    """Return the reduction of a file of intensities, with the files of background and container.

    Raises
    ------
    BadInput
        Where a file cannot be read or reduced.
    """
    from xorder.pdf.reduction import reduce

    options = options or IntensityOptions()
    data = _intensity(path, options, composition=composition, name=name)
    background, container = (
        _intensity(Path(other), options) if other else None
        for other in (options.background, options.container)
    )
    return reduce(data, background=background, container=container, options=options)


def _intensity(
    path: Path, options: IntensityOptions, *, composition: str = "", name: str = ""
) -> Intensity:
    from xorder.pdf.readers.iq import read_iq

    return read_iq(
        path,
        axis=options.axis,
        wavelength=options.wavelength,
        composition=composition or None,
        frame=options.frame,
        name=name,
    )


def transform_file(
    path: Path, options: IntensityOptions | None, *, name: str = ""
) -> PairDistribution:
    """Return the G(r) of a file of S(Q) or F(Q).

    Raises
    ------
    BadInput
        Where the file cannot be read, or the range of Q lies outside.
    """
    from xorder.pdf.conversion import convert, pattern_of, read_curve

    options = options or IntensityOptions()
    curve = read_curve(path, axis=options.axis, wavelength=options.wavelength)
    count = int((options.r_max - options.r_min) / options.r_step + 1e-9) + 1
    r: Array = np.asarray(options.r_min + options.r_step * np.arange(count), dtype=np.float64)
    found = convert(
        curve,
        "G",
        q_range=(options.q_min or 0.0, options.q_max or float(curve.x[-1])),
        r=r,
        window=options.window,
        low_q=options.low_q,
    )
    return pattern_of(replace(found, name=name or found.name))


def averaged(patterns: Sequence[PairDistribution]) -> PairDistribution:
    """Return the mean of several G(r) on one grid.

    Raises
    ------
    BadInput
        Where their grids differ.
    """
    first = patterns[0]
    if len(patterns) == 1:
        return first
    for other in patterns[1:]:
        if other.r.shape != first.r.shape or np.abs(other.r - first.r).max() > 1e-4:
            raise BadInput(
                f"its r ({other.r[0]:g} to {other.r[-1]:g} Å, {other.r.size} points) differs from "
                f"that of {first.source}",
                expected="files of one sample on one grid",
                source=other.source,
            )
        if other.radiation != first.radiation:
            raise BadInput(
                f"it is of {other.radiation} and {first.source} of {first.radiation}",
                expected="joint = true, which refines them together instead of averaging",
                source=other.source,
            )
    errors = [p.stderr for p in patterns if p.stderr is not None]
    stderr = None
    if len(errors) == len(patterns):
        stderr = np.sqrt(np.sum(np.square(errors), axis=0)) / len(errors)
    return replace(
        first, gr=np.mean([p.gr for p in patterns], axis=0), stderr=stderr, provenance=None
    )
