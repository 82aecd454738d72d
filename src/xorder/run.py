"""The main job: a manifest to numbers, files and figures."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from xorder._version import __version__
from xorder.batch import Failure, Outcome, Progress, fault, run_samples
from xorder.errors import BadInput, XorderError
from xorder.results import Number
from xorder.series import PROBES, Sample, Series
from xorder.store import check_folder, file_stem, write_text

__all__ = ["Run", "run_series"]

COLUMNS = ("sample", "order", "composition", "conductivity (S/cm)", "probe", "name", "value",
           "stderr", "unit", "note")  # fmt: skip


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Run:
    """What a run of the main job left behind."""

    series: Series
    """The series that was analysed."""
    out: Path
    """Folder of all output."""
    outcomes: tuple[Outcome, ...]
    """One outcome a sample."""
    comparisons: dict[str, Any]
    """What the samples of one kind gave together, by the name of its file."""
    figures: tuple[Path, ...]
    """Figure files."""
    summary: Path
    """The table of all numbers."""
    failures: tuple[Failure, ...]
    """What has no result, figures included."""


def run_series(
    series: Series,
    out: Path,
    *,
    only: Sequence[str] = (),
    jobs: int | Executor = 1,
    progress: Progress | None = None,
) -> Run:
    """Analyse a series and write files, summary and figures.

    Parameters
    ----------
    series
        What `load_series` returned.
    out
        Folder for ``samples/*.h5``, ``comparisons/*.h5``, ``summary.csv``, ``figures/`` and
        ``run.json``.
    only
        Probes to run; all where empty.
    jobs
        Processes, or an executor.
    progress
        Called after each sample.

    Raises
    ------
    BadInput
        Where a probe is unknown or no sample has it.
    CannotWrite
        Where the folder cannot be written; found out before anything is computed.
    """
    probes = tuple(only) or tuple(PROBES)
    _check_probes(series, probes)
    check_folder(out)
    outcomes = run_samples(series, out, probes=probes, jobs=jobs, progress=progress)
    failures = [failure for outcome in outcomes for failure in outcome.failures]
    comparisons: dict[str, Any] = {}
    figures: list[Path] = []
    for probe in probes:
        for name, kind in _kinds(probe, outcomes).items():
            found = _compared(probe, kind, failures)
            if found is not None:
                comparisons[name] = found
                found.save(out / "comparisons" / f"{name}.h5")
            figures += _drawn(probe, name, kind, found, out / "figures", failures)
    summary = write_text(out / "summary.csv", _summary(outcomes, comparisons))
    run = Run(
        series=series,
        out=out,
        outcomes=tuple(outcomes),
        comparisons=comparisons,
        figures=tuple(figures),
        summary=summary,
        failures=tuple(failures),
    )
    write_text(out / "run.json", json.dumps(_record(run), indent=2, ensure_ascii=False) + "\n")
    return run


def _check_probes(series: Series, probes: Sequence[str]) -> None:
    unknown = [probe for probe in probes if probe not in PROBES]
    if unknown:
        raise BadInput(f"there is no probe {unknown[0]!r}", expected=", ".join(PROBES))
    if not any(probe in sample.probes for sample in series.samples for probe in probes):
        raise BadInput(
            f"no sample has data of {', '.join(probes)}",
            expected="a table of that probe in a sample",
            source=series.path,
        )


def _kinds(probe: str, outcomes: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    """Return the samples that belong together: those of one edge, structure or set of phases."""
    kinds: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        if probe in outcome.analyses:
            kinds.setdefault(outcome.analyses[probe].kind, []).append(outcome)
    several = len(kinds) > 1
    return {f"{probe}_{file_stem(name)}" if several else probe: kinds[name] for name in kinds}


def _compared(probe: str, kind: Sequence[Outcome], failures: list[Failure]) -> Any:
    """Return what the samples of one kind give together, or None: a probe need not compare."""
    module = f"xorder.{probe}.comparison"
    if find_spec(module) is None:
        return None
    recipe = kind[0].sample.probes[probe].recipe
    analyses = [outcome.analyses[probe] for outcome in kind]
    try:
        return import_module(module).compare(analyses, recipe)
    except XorderError as error:
        failures.append(Failure(sample="", probe=probe, message=f"no comparison: {error}"))
    except Exception as error:
        failures.append(fault("", probe, error))
    return None


def _drawn(
    probe: str,
    name: str,
    kind: Sequence[Outcome],
    comparison: Any,
    folder: Path,
    failures: list[Failure],
) -> list[Path]:
    """Draw one figure for samples of one kind, and those of their comparison."""
    figures = import_module(f"xorder.figures.{probe}")
    try:
        analyses = [outcome.analyses[probe] for outcome in kind]
        drawing = figures.draw(analyses)
        drawings = [replace(drawing, name=drawing.name + name.removeprefix(probe))]
        more = []
        if hasattr(figures, "draw_details"):
            more += figures.draw_details(analyses)
        if comparison is not None and hasattr(figures, "draw_comparison"):
            more += figures.draw_comparison(comparison)
        drawings += [replace(drawing, name=f"{name}_{drawing.name}") for drawing in more]
        return [path for drawing in drawings for path in drawing.save(folder)]
    except XorderError as error:
        failures.append(Failure(sample="", probe=probe, message=f"no figure: {error}"))
    return []


def _summary(outcomes: Sequence[Outcome], comparisons: Mapping[str, Any]) -> str:
    """Return every number as CSV; what failed stands there as failed.

    A number of the whole series has no sample and comes last.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for outcome in outcomes:
        sample = outcome.sample
        head = _head(sample)
        writer.writerows(
            [*head, probe, *_row(number)] for probe, number in _numbers_of(outcome, comparisons)
        )
        for failure in outcome.failures:
            writer.writerow([*head, failure.probe, "failed", "", "", "", failure.message])
    for name, found in comparisons.items():
        head = [""] * 4
        writer.writerows([*head, name.split("_")[0], *_row(n)] for n in found.numbers)
    return buffer.getvalue()


def _head(sample: Sample) -> list[str]:
    return [sample.name, _text(sample.order), sample.composition, _text(sample.conductivity)]


def _row(number: Number) -> list[str]:
    value, stderr = _text(number.value), _text(number.stderr)
    return [number.name, value, stderr, number.unit, number.note]


def _text(value: float | None) -> str:
    return "" if value is None or math.isnan(value) else f"{value:.10g}"


def _numbers_of(outcome: Outcome, comparisons: Mapping[str, Any]) -> list[tuple[str, Number]]:
    """Return the numbers of a sample with their probes, those of comparisons last."""
    own = [(probe, n) for probe, analysis in outcome.analyses.items() for n in analysis.numbers]
    compared = [
        (name.split("_")[0], number)
        for name, found in comparisons.items()
        for number in found.sample_numbers.get(outcome.sample.name, ())
    ]
    return own + compared


def _plain(number: Number) -> dict[str, object]:
    """Return a number as plain data; JSON knows no NaN."""
    return {
        "name": number.name,
        "value": number.value if math.isfinite(number.value) else None,
        "stderr": number.stderr if math.isfinite(number.stderr) else None,
        "unit": number.unit,
        "note": number.note,
    }


def _record(run: Run) -> dict[str, object]:
    """Return the run as plain data for machines."""
    return {
        "xorder": __version__,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "series": run.series.name,
        "manifest": str(run.series.path),
        "simulated": run.series.simulated,
        "numbers": [
            {"sample": "", "probe": name.split("_")[0], **_plain(number)}
            for name, found in run.comparisons.items()
            for number in found.numbers
        ],
        "samples": [
            {
                "name": outcome.sample.name,
                "file": None if outcome.file is None else str(outcome.file.relative_to(run.out)),
                "probes": list(outcome.analyses),
                "seconds": round(outcome.seconds, 3),
                "messages": list(outcome.messages),
                "numbers": [
                    {"probe": probe, **_plain(number)}
                    for probe, number in _numbers_of(outcome, run.comparisons)
                ],
                "failures": [
                    {"probe": failure.probe, "message": failure.message}
                    for failure in outcome.failures
                ],
            }
            for outcome in run.outcomes
        ],
        "comparisons": {
            name: {"file": f"comparisons/{name}.h5", "messages": list(found.messages)}
            for name, found in run.comparisons.items()
        },
        "figures": [str(path.relative_to(run.out)) for path in run.figures],
        "failed": len(run.failures),
    }
