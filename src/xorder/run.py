"""The main job: a manifest to numbers, files and figures; and a finished run opened again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xorder._version import __version__
from xorder.batch import (
    LEDGER,
    Failure,
    Outcome,
    Progress,
    fault,
    outcome_of_entry,
    run_samples,
)
from xorder.errors import BadInput, UnknownName, UnreadableFile, XorderError
from xorder.ledger import Ledger
from xorder.lock import own_folder
from xorder.results import digest
from xorder.run_tables import read_record, read_summary, write_record, write_summary
from xorder.series import PROBES, Sample, Series
from xorder.stored import read_results
from xorder.together import (
    AMORPHIZATION,
    amorphize,
    compare_kind,
    draw_amorphization,
    draw_kind,
    kinds_of,
)

if TYPE_CHECKING:
    import pandas

__all__ = ["Run", "open_run", "run_series"]

RECORD = "run.json"


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Run:
    """What a run of the main job left behind."""

    series: Series
    """The series that was analysed; opened again, its samples have no recipes."""
    out: Path
    """Folder of all output."""
    probes: tuple[str, ...] = tuple(PROBES)
    """Probes that were asked for."""
    outcomes: tuple[Outcome, ...]
    """One outcome a sample."""
    comparisons: dict[str, Any]
    """What the samples of one kind gave together, by the name of its file."""
    figures: tuple[Path, ...]
    """Figure files."""
    summary: Path
    """The table of all numbers."""
    messages: tuple[str, ...] = ()
    """What a user must know of the run as a whole."""
    failures: tuple[Failure, ...]
    """What has no result, figures included."""

    def __getitem__(self, sample: str) -> Outcome:
        for outcome in self.outcomes:
            if outcome.sample.name == sample:
                return outcome
        names = ", ".join(outcome.sample.name for outcome in self.outcomes[:12])
        raise UnknownName(f"there is no sample {sample!r}", expected=f"one of {names}")

    def to_dataframe(self) -> pandas.DataFrame:
        """Return every number: one row each, with sample, probe, name, value, stderr and unit."""
        return read_summary(self.summary)


def run_series(
    series: Series,
    out: Path,
    *,
    only: Sequence[str] = (),
    jobs: int | Executor = 1,
    progress: Progress | None = None,
    fresh: bool = False,
) -> Run:
    """Analyse a series and write files, summary and figures.

    A sample whose files, recipe and version are those of an earlier run into the same folder keeps
    its results; a run that was killed goes on where it was.

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
    fresh
        Compute everything again, changed or not.

    Raises
    ------
    BadInput
        Where a probe is unknown or no sample has it.
    CannotWrite
        Where the folder cannot be written or another run writes there; found out before anything
        is computed.
    """
    probes = tuple(only) or tuple(PROBES)
    _check_probes(series, probes)
    out = Path(out).absolute()
    with own_folder(out):
        outcomes = run_samples(
            series, out, probes=probes, jobs=jobs, progress=progress, fresh=fresh
        )
        state = _state(series, probes, outcomes, out)
        if all(outcome.unchanged for outcome in outcomes):
            before = _finished(series, out, state, outcomes)
            if before is not None:
                return before
        return _concluded(series, out, probes, outcomes, state)


def open_run(folder: str | Path) -> Run:
    """Open a finished run again: the same objects, read from its files when they are asked for.

    Parameters
    ----------
    folder
        What was given to ``xorder run --out``.

    Raises
    ------
    MissingFile
        Where no run ended there.
    UnreadableFile
        Where one of its files is damaged.
    """
    out = Path(folder).absolute()
    record = read_record(out / RECORD)
    ledger = Ledger(out / LEDGER)
    samples = [
        Sample(
            name=item["name"],
            slug=item["slug"],
            order=item["order"],
            composition=item["composition"],
            conductivity=item["conductivity"],
            conductivity_stderr=item["conductivity_stderr"],
            probes={},
        )
        for item in record["samples"]
    ]
    series = Series(
        name=record["series"],
        order=record["order"],
        simulated=record["simulated"],
        samples=tuple(samples),
        path=Path(record["manifest"]),
    )
    outcomes = [
        outcome_of_entry(sample, ledger[sample.name], ledger, out, unchanged=True)
        for sample in samples
    ]
    return _opened(series, out, record, outcomes)


def _opened(series: Series, out: Path, record: dict[str, Any], outcomes: Sequence[Outcome]) -> Run:
    failures = [failure for outcome in outcomes for failure in outcome.failures]
    failures += [Failure(sample="", **failure) for failure in record["failures"]]
    return Run(
        series=series,
        out=out,
        probes=tuple(record["probes"]),
        outcomes=tuple(outcomes),
        comparisons={
            name: _only_result(out / item["file"]) for name, item in record["comparisons"].items()
        },
        figures=tuple(out / name for name in record["figures"]),
        summary=out / "summary.csv",
        messages=tuple(record["messages"]),
        failures=tuple(failures),
    )


def _only_result(path: Path) -> Any:
    found = list(read_results(path).values())
    if len(found) != 1:
        raise UnreadableFile(
            f"{len(found)} results", expected="one, written by this version of Xorder", source=path
        )
    return found[0]


def _state(series: Series, probes: Sequence[str], outcomes: Sequence[Outcome], out: Path) -> str:
    """Return the digest of all that figures and tables come from."""
    entries = ((o.sample.name, o.ledger[o.sample.name]) for o in outcomes)
    inputs = [[name, entry.facts, dict(entry.keys)] for name, entry in entries]
    about = [series.name, series.order, series.simulated, series.ends]
    return digest([__version__, about, list(probes), inputs])


def _finished(series: Series, out: Path, state: str, outcomes: Sequence[Outcome]) -> Run | None:
    """Return the run as it was, if it ended in this state and its files are there."""
    try:
        record = read_record(out / RECORD)
        if record.get("state") != state or record["failures"]:
            return None
        run = _opened(series, out, record, outcomes)
    except (XorderError, KeyError, OSError):
        return None
    whole = run.summary.is_file() and all(path.is_file() for path in run.figures)
    return run if whole else None


def _concluded(
    series: Series, out: Path, probes: tuple[str, ...], outcomes: Sequence[Outcome], state: str
) -> Run:
    """Compare, draw and write the tables of samples that are all analysed."""
    failures = [failure for outcome in outcomes for failure in outcome.failures]
    messages: list[str] = []
    comparisons: dict[str, Any] = {}
    figures: list[Path] = []
    for kind in (kind for probe in probes for kind in kinds_of(probe, outcomes)):
        found = None
        with _noted(kind.probe, "no comparison", failures):
            found = compare_kind(kind, messages.append)
            if found is not None:
                found.save(out / "comparisons" / f"{kind.name}.h5")
                comparisons[kind.name] = found
        with _noted(kind.probe, "no figure", failures):
            for drawing in draw_kind(kind, found, messages.append):
                figures += drawing.save(out / "figures")
    with _noted("", "no scale of amorphization", failures):
        scale = amorphize(series, outcomes, comparisons)
        if scale is not None:
            scale.save(out / "comparisons" / f"{AMORPHIZATION}.h5")
            comparisons[AMORPHIZATION] = scale
    with _noted("", "no figure", failures):
        for drawing in draw_amorphization(comparisons):
            figures += drawing.save(out / "figures")
    run = Run(
        series=series,
        out=out,
        probes=probes,
        outcomes=tuple(outcomes),
        comparisons=comparisons,
        figures=tuple(figures),
        summary=write_summary(out / "summary.csv", outcomes, comparisons),
        messages=tuple(messages),
        failures=tuple(failures),
    )
    write_record(out / RECORD, run, state)
    return run


@contextmanager
def _noted(probe: str, what: str, failures: list[Failure]) -> Iterator[None]:
    """Note an error as a failure that has no sample; what follows goes on."""
    try:
        yield
    except XorderError as error:
        failures.append(Failure(sample="", probe=probe, message=f"{what}: {error}"))
    except Exception as error:
        failures.append(fault("", probe, error))


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
