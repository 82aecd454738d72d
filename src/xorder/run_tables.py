"""The tables of a run: every number as CSV and Parquet, the run itself as JSON."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xorder._version import __version__
from xorder.errors import MissingFile, UnreadableFile
from xorder.results import Number
from xorder.store import atomic_path

if TYPE_CHECKING:
    import pandas

    from xorder.batch import Outcome
    from xorder.run import Run
    from xorder.series import Sample

__all__ = ["read_record", "read_summary", "write_record", "write_summary"]

COLUMNS = ("sample", "order", "composition", "conductivity (S/cm)", "probe", "name", "value",
           "stderr", "unit", "note")  # fmt: skip


def write_summary(path: Path, outcomes: Sequence[Outcome], comparisons: Mapping[str, Any]) -> Path:
    """Write every number as CSV, and as Parquet beside it where pandas has an engine for that.

    What failed stands there as failed. A number of the whole series has no sample and comes last.
    """
    with (
        atomic_path(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for outcome in outcomes:
            writer.writerows(_rows(outcome, comparisons))
        for name, found in comparisons.items():
            head = [""] * 4
            writer.writerows([*head, name.split("_")[0], *_row(n)] for n in found.numbers)
    try:
        with atomic_path(path.with_suffix(".parquet")) as temporary:
            read_summary(path).to_parquet(temporary)
    except ImportError:
        # No engine for Parquet is installed: the CSV says the same.
        path.with_suffix(".parquet").unlink(missing_ok=True)
    return path


def read_summary(path: Path) -> pandas.DataFrame:
    """Return the table of all numbers; texts that are missing are empty, numbers NaN."""
    import pandas

    if not path.is_file():
        raise MissingFile("no such table", expected="summary.csv of a run", source=path)
    texts = ("sample", "composition", "probe", "name", "unit", "note")
    return pandas.read_csv(
        path,
        dtype=dict.fromkeys(texts, "str"),
        keep_default_na=False,
        na_values={name: [""] for name in COLUMNS if name not in texts},
    )


def write_record(path: Path, run: Run, state: str) -> Path:
    """Write the run as JSON: what was analysed, where the files are, what failed, every number.

    The samples are written one by one, so that fifty thousand of them need no memory.
    """
    record = _record(run, state)
    head = json.dumps(record, indent=2, ensure_ascii=False)
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write(head.removesuffix("\n}") + ',\n  "samples": [\n')
        for index, outcome in enumerate(run.outcomes):
            text = json.dumps(_sample_record(outcome, run), ensure_ascii=False)
            file.write(("    " if index == 0 else ",\n    ") + text)
        file.write("\n  ]\n}\n")
    return path


def read_record(path: Path) -> dict[str, Any]:
    """Return what `write_record` wrote.

    Raises
    ------
    MissingFile
        Where there is none.
    UnreadableFile
        Where it is not whole or not a run of Xorder.
    """
    if not path.is_file():
        raise MissingFile("no run here", expected="the folder of `xorder run`", source=path)
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if not {"xorder", "samples", "figures"} <= record.keys():
            raise ValueError("not a run of Xorder")
    except (ValueError, AttributeError) as error:
        raise UnreadableFile(
            f"not the record of a run: {error}", expected="run.json of `xorder run`", source=path
        ) from error
    return record


def _rows(outcome: Outcome, comparisons: Mapping[str, Any]) -> Iterator[list[str]]:
    head = _head(outcome.sample)
    for probe, number in _numbers_of(outcome, comparisons):
        yield [*head, probe, *_row(number)]
    for failure in outcome.failures:
        yield [*head, failure.probe, "failed", "", "", "", failure.message]


def _numbers_of(outcome: Outcome, comparisons: Mapping[str, Any]) -> Iterator[tuple[str, Number]]:
    """Yield the numbers of a sample with their probes, those of comparisons last."""
    for probe, numbers in outcome.numbers.items():
        yield from ((probe, number) for number in numbers)
    for name, found in comparisons.items():
        numbers = found.sample_numbers.get(outcome.sample.name, ())
        yield from ((name.split("_")[0], number) for number in numbers)


def _head(sample: Sample) -> list[str]:
    return [sample.name, _text(sample.order), sample.composition, _text(sample.conductivity)]


def _row(number: Number) -> list[str]:
    value, stderr = _text(number.value), _text(number.stderr)
    return [number.name, value, stderr, number.unit, number.note]


def _text(value: float | None) -> str:
    return "" if value is None or math.isnan(value) else f"{value:.10g}"


def _record(run: Run, state: str) -> dict[str, object]:
    series = run.series
    return {
        "xorder": __version__,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "state": state,
        "series": series.name,
        "order": series.order,
        "manifest": str(series.path),
        "simulated": series.simulated,
        "probes": list(run.probes),
        "numbers": [
            {"sample": "", "probe": name.split("_")[0], **_plain(number)}
            for name, found in run.comparisons.items()
            for number in found.numbers
        ],
        "comparisons": {
            name: {"file": f"comparisons/{name}.h5", "messages": list(found.messages)}
            for name, found in run.comparisons.items()
        },
        "messages": list(run.messages),
        "figures": [str(path.relative_to(run.out)) for path in run.figures],
        "failures": [
            {"probe": failure.probe, "message": failure.message}
            for failure in run.failures
            if not failure.sample
        ],
        "failed": len(run.failures),
    }


def _sample_record(outcome: Outcome, run: Run) -> dict[str, object]:
    sample = outcome.sample
    return {
        "name": sample.name,
        "slug": sample.slug,
        "order": sample.order,
        "composition": sample.composition,
        "conductivity": sample.conductivity,
        "conductivity_stderr": sample.conductivity_stderr,
        "file": None if outcome.file is None else str(outcome.file.relative_to(run.out)),
        "probes": list(outcome.kinds),
        "seconds": round(outcome.seconds, 3),
        "messages": list(outcome.messages),
        "numbers": [
            {"probe": probe, **_plain(number)}
            for probe, number in _numbers_of(outcome, run.comparisons)
        ],
        "failures": [
            {"probe": failure.probe, "message": failure.message} for failure in outcome.failures
        ],
    }


def _plain(number: Number) -> dict[str, object]:
    """Return a number as plain data; JSON knows no NaN."""
    return {
        "name": number.name,
        "value": number.value if math.isfinite(number.value) else None,
        "stderr": number.stderr if math.isfinite(number.stderr) else None,
        "unit": number.unit,
        "note": number.note,
    }
