"""The main job: a manifest to numbers, files and figures."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from xorder._version import __version__
from xorder.batch import Failure, Outcome, Progress, run_samples
from xorder.errors import BadInput, XorderError
from xorder.series import PROBES, Series
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
        Folder for ``samples/*.h5``, ``summary.csv``, ``figures/`` and ``run.json``.
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
    summary = write_text(out / "summary.csv", _summary(outcomes))
    figures: list[Path] = []
    for probe in probes:
        try:
            figures += _draw(probe, outcomes, out / "figures")
        except XorderError as error:
            failures.append(Failure(sample="", probe=probe, message=f"no figure: {error}"))
    run = Run(
        series=series,
        out=out,
        outcomes=tuple(outcomes),
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


def _draw(probe: str, outcomes: Sequence[Outcome], folder: Path) -> list[Path]:
    """Draw one figure for each kind of sample: those of one edge, structure or set of phases."""
    kinds: dict[str, list[Any]] = {}
    for outcome in outcomes:
        if probe in outcome.analyses:
            analysis = outcome.analyses[probe]
            kinds.setdefault(analysis.kind, []).append(analysis)
    paths: list[Path] = []
    for kind, analyses in kinds.items():
        drawing = import_module(f"xorder.figures.{probe}").draw(analyses)
        if len(kinds) > 1:
            drawing = replace(drawing, name=f"{drawing.name}_{file_stem(kind)}")
        paths += drawing.save(folder)
    return paths


def _summary(outcomes: Sequence[Outcome]) -> str:
    """Return every number of every sample as CSV; what failed stands there as failed."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for outcome in outcomes:
        sample = outcome.sample
        head = [sample.name, _text(sample.order), sample.composition, _text(sample.conductivity)]
        for probe, analysis in outcome.analyses.items():
            for n in analysis.numbers:
                row = [n.name, _text(n.value), _text(n.stderr), n.unit, n.note]
                writer.writerow([*head, probe, *row])
        for failure in outcome.failures:
            writer.writerow([*head, failure.probe, "failed", "", "", "", failure.message])
    return buffer.getvalue()


def _text(value: float | None) -> str:
    return "" if value is None or math.isnan(value) else f"{value:.10g}"


def _record(run: Run) -> dict[str, object]:
    """Return the run as plain data for machines."""
    return {
        "xorder": __version__,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "series": run.series.name,
        "manifest": str(run.series.path),
        "simulated": run.series.simulated,
        "samples": [
            {
                "name": outcome.sample.name,
                "file": None if outcome.file is None else str(outcome.file.relative_to(run.out)),
                "probes": list(outcome.analyses),
                "seconds": round(outcome.seconds, 3),
                "messages": list(outcome.messages),
                "failures": [
                    {"probe": failure.probe, "message": failure.message}
                    for failure in outcome.failures
                ],
            }
            for outcome in run.outcomes
        ],
        "figures": [str(path.relative_to(run.out)) for path in run.figures],
        "failed": len(run.failures),
    }
