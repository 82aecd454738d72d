"""A series through its recipes, sample by sample, in one process or several.

What has not changed since an earlier run into the same folder is not computed again.
"""

from __future__ import annotations

import functools
import sys
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xorder.errors import XorderError
from xorder.ledger import Entry, Ledger
from xorder.results import Number
from xorder.sample_analysis import Task, analyse_sample, facts_digest, fault_message, probe_key
from xorder.series import PROBES, Sample, Series
from xorder.stored import read_results
from xorder.workers import Lost, run_tasks

__all__ = ["LEDGER", "Failure", "Outcome", "Progress", "fault", "outcome_of_entry", "run_samples"]

#: Called with the samples done, their total and the name of the one just done.
Progress = Callable[[int, int, str], None]

#: Name of the ledger in the folder of a run.
LEDGER = "samples.jsonl"


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """Why one probe of one sample has no result."""

    sample: str
    """Name of the sample."""
    probe: str
    """The probe; empty where the whole sample was lost."""
    message: str
    """What was found, where, and what was expected."""
    traceback: str = ""
    """Python traceback of an error that is Xorder's own fault; empty for bad input."""


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Outcome:
    """What came of one sample; its arrays and numbers stay on disk until they are asked for."""

    sample: Sample
    """The sample."""
    ledger: Ledger
    """Where the numbers stand."""
    kinds: Mapping[str, str]
    """Kind of each probe's analysis."""
    failures: tuple[Failure, ...] = ()
    """Probes without a result."""
    messages: tuple[str, ...] = ()
    """Warnings given while it ran, each with its probe."""
    seconds: float = 0.0
    """Time it took."""
    file: Path | None = None
    """The HDF5 file that holds the analyses."""
    unchanged: bool = False
    """Whether an earlier run's results were taken as they are."""

    @property
    def analyses(self) -> dict[str, Any]:
        """Analysis by probe, read from `file`."""
        if self.file is None:
            return {}
        return dict(_analyses(self.file, self.file.stat().st_mtime_ns))

    @property
    def numbers(self) -> Mapping[str, tuple[Number, ...]]:
        """Numbers by probe."""
        return self.ledger[self.sample.name].numbers


@functools.lru_cache(maxsize=24)
def _analyses(file: Path, _changed: int) -> dict[str, Any]:
    return read_results(file)


def run_samples(
    series: Series,
    out: Path,
    *,
    probes: Sequence[str] = tuple(PROBES),
    jobs: int | Executor = 1,
    progress: Progress | None = None,
    fresh: bool = False,
    among: Collection[str] | None = None,
) -> list[Outcome]:
    """Analyse every sample and write one HDF5 file for each.

    Parameters
    ----------
    series
        The samples with their recipes.
    out
        Folder of the files, ``samples/NAME.h5`` in it.
    probes
        Which probes to run.
    jobs
        1: in this process; more: that many new processes; an executor: there.
    progress
        Called after each sample.
    fresh
        Compute everything again, changed or not.
    among
        Names of the samples to look at; what is known of the others stays. All where None.

    Returns
    -------
    :
        One outcome a sample that was looked at, in the order of the series.
    """
    out = out.absolute()
    ledger = Ledger(out / LEDGER)
    outcomes: dict[str, Outcome] = {}
    tasks: list[Task] = []
    chosen = [sample for sample in series.samples if among is None or sample.name in among]
    by_name = {sample.name: sample for sample in chosen}
    for sample in chosen:
        before = ledger[sample.name] if sample.name in ledger and not fresh else None
        task = Task(
            sample=sample,
            out=out,
            probes=tuple(probes),
            simulated=series.simulated,
            before=before,
        )
        if before is not None and _is_done(task, before):
            outcomes[sample.name] = outcome_of_entry(sample, before, ledger, out, unchanged=True)
        else:
            tasks.append(task)
    done = len(outcomes)
    if done and progress is not None:
        progress(done, len(by_name), "unchanged")
    for entry in _entries(tasks, jobs):
        ledger.append([entry])
        outcomes[entry.sample] = outcome_of_entry(by_name[entry.sample], entry, ledger, out)
        if progress is not None:
            progress(len(outcomes), len(by_name), entry.sample)
    if tasks:
        ledger.compact([sample.name for sample in series.samples])
    return [outcomes[name] for name in by_name]


def fault(sample: str, probe: str, error: Exception) -> Failure:
    """Return the failure that stands for an error of Xorder itself, inside its except block."""
    text = traceback.format_exc()
    return Failure(sample=sample, probe=probe, message=fault_message(error), traceback=text)


def _is_done(task: Task, before: Entry) -> bool:
    """Return whether nothing has changed since `before`."""
    sample = task.sample
    file = task.out / before.file
    if before.failures or not before.file or not file.is_file():
        return False
    if file.stat().st_size != before.size:
        return False
    if before.facts != facts_digest(sample, task.simulated):
        return False
    due = [probe for probe in sample.probes if probe in task.probes or probe in before.keys]
    if set(due) != set(before.keys):
        return False
    try:
        keys = {
            probe: probe_key(
                probe, sample.probes[probe], name=sample.name, simulated=task.simulated
            )
            for probe in due
        }
    except (XorderError, OSError):
        # A file that went away is an error of the analysis, which says so.
        return False
    return keys == dict(before.keys)


def _entries(tasks: Sequence[Task], jobs: int | Executor) -> Iterator[Entry]:
    for found in run_tasks(analyse_sample, tasks, jobs):
        if isinstance(found, Lost):
            name = found.task.sample.name
            message = f"the sample was given up: {found.reason}"
            yield Entry(sample=name, keys={}, kinds={}, numbers={}, failures=(("", message, ""),))
        else:
            yield found


def outcome_of_entry(
    sample: Sample, entry: Entry, ledger: Ledger, out: Path, *, unchanged: bool = False
) -> Outcome:
    """Return an entry of the ledger as the outcome of its sample."""
    return Outcome(
        sample=sample,
        ledger=ledger,
        kinds=_shared(tuple(entry.kinds.items())),
        failures=tuple(
            Failure(sample=sample.name, probe=probe, message=message, traceback=text)
            for probe, message, text in entry.failures
        ),
        # Thousands of samples say the same: one text is enough.
        messages=tuple(sys.intern(message) for message in entry.messages),
        seconds=entry.seconds,
        file=out / entry.file if entry.file else None,
        unchanged=unchanged,
    )


@functools.lru_cache(maxsize=1024)
def _shared(kinds: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    return dict(kinds)
