"""One sample through its recipes: what a worker does.

An error stops one probe only: it is noted in the `Entry`, never raised.
"""

from __future__ import annotations

import time
import traceback
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from xorder.errors import BadInput, XorderError, XorderWarning
from xorder.ledger import Entry, file_digest, recipe_digest
from xorder.results import Number, digest
from xorder.series import ProbeInput, Sample
from xorder.store import write_results
from xorder.stored import read_results
from xorder.threads import one_thread

__all__ = ["Task", "analyse_sample", "facts_digest", "fault_message", "probe_key"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """What a worker needs to analyse one sample."""

    sample: Sample
    """The sample."""
    out: Path
    """Folder of the run."""
    probes: tuple[str, ...]
    """Probes to run."""
    simulated: bool = False
    """Whether the data were simulated."""
    before: Entry | None = None
    """What an earlier run found: probes whose inputs have not changed are taken from its file."""


@dataclass(slots=True)
class _Found:
    """What comes together while a sample is analysed."""

    analyses: dict[str, Any] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)
    failures: list[tuple[str, str, str]] = field(default_factory=list)


def analyse_sample(task: Task) -> Entry:
    """Analyse one sample, write its file, and return what came of it."""
    # A matrix product in several threads differs in its last bit from one in a single thread: the
    # results must not depend on where a sample is analysed.
    with one_thread():
        return _analysed(task)


def _analysed(task: Task) -> Entry:
    began = time.perf_counter()
    sample = task.sample
    found = _Found()
    for probe, given in sample.probes.items():
        try:
            if not _taken_over(task, probe, given, found) and probe in task.probes:
                _analyse(task, probe, given, found)
        except XorderError as error:
            found.failures.append((probe, str(error), ""))
        except OSError as error:
            # A file that may not be read, or that went away: the system's word is the message.
            said = f"{error.filename or 'a file'}: {error.strerror or error}"
            found.failures.append((probe, said, ""))
        except Exception as error:
            found.failures.append((probe, fault_message(error), traceback.format_exc()))
    file = _written(task, found)
    return Entry(
        sample=sample.name,
        facts=facts_digest(sample, task.simulated),
        keys=found.keys if file else {},
        kinds={probe: analysis.kind for probe, analysis in found.analyses.items()} if file else {},
        numbers=_numbers(found.analyses),
        messages=tuple(found.messages),
        failures=tuple(found.failures),
        seconds=time.perf_counter() - began,
        file=str(file.relative_to(task.out)) if file else "",
        size=file.stat().st_size if file else 0,
    )


def probe_key(probe: str, given: ProbeInput, *, name: str, simulated: bool) -> str:
    """Return the digest of all that a probe's analysis of one sample comes from."""
    files = [(path.name, file_digest(path)) for path in given.files()]
    return digest([probe, name, simulated, recipe_digest(given.recipe), files])


def facts_of(sample: Sample, simulated: bool) -> dict[str, Any]:
    """Return what a sample's file says of the sample itself."""
    return {
        "title": sample.name,
        "composition": sample.composition,
        "simulated": simulated,
        "order": sample.order,
        "conductivity": sample.conductivity,
        "conductivity_stderr": sample.conductivity_stderr,
    }


def facts_digest(sample: Sample, simulated: bool) -> str:
    """Return the digest of `facts_of`."""
    return digest(list(facts_of(sample, simulated).values()))


def fault_message(error: Exception) -> str:
    """Return what a user is told of an error of Xorder itself."""
    return (
        f"Xorder failed on this input ({type(error).__name__}: {error}); "
        "please report it with the output of --debug"
    )


def _taken_over(task: Task, probe: str, given: ProbeInput, found: _Found) -> bool:
    """Take an earlier result of unchanged inputs from the sample's file, if there is one."""
    before = task.before
    if before is None or probe not in before.keys:
        return False
    key = probe_key(probe, given, name=task.sample.name, simulated=task.simulated)
    if before.keys[probe] != key:
        return False
    try:
        analysis = read_results(task.out / before.file)[probe]
    except (XorderError, KeyError):
        return False
    found.analyses[probe] = analysis
    found.keys[probe] = key
    found.messages += [text for text in before.messages if text.startswith(f"{probe}: ")]
    return True


def _analyse(task: Task, probe: str, given: ProbeInput, found: _Found) -> None:
    paths = given.files()
    stamps = _stamps(paths)
    key = probe_key(probe, given, name=task.sample.name, simulated=task.simulated)
    analyse = import_module(f"xorder.{probe}.analysis").analyse
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        analysis = analyse(paths, given.recipe, name=task.sample.name, simulated=task.simulated)
    for path, before, after in zip(paths, stamps, _stamps(paths), strict=True):
        if before != after:
            raise BadInput(
                "the file changed while it was read", expected="a file that is whole", source=path
            )
    said = [str(w.message) for w in caught if issubclass(w.category, XorderWarning)]
    found.analyses[probe] = analysis
    found.keys[probe] = key
    found.messages += [f"{probe}: {text}" for text in dict.fromkeys([*analysis.messages, *said])]


def _stamps(paths: Sequence[Path]) -> list[tuple[int, int, int]]:
    return [(s.st_ino, s.st_size, s.st_mtime_ns) for s in (path.stat() for path in paths)]


def _written(task: Task, found: _Found) -> Path | None:
    """Write the sample's file, or note why it could not be."""
    if not found.analyses:
        return None
    path = task.out / "samples" / f"{task.sample.slug}.h5"
    try:
        facts = facts_of(task.sample, task.simulated)
        return write_results(path, found.analyses, attributes=facts)
    except XorderError as error:
        found.failures.append(("", str(error), ""))
        return None


def _numbers(analyses: Mapping[str, Any]) -> dict[str, tuple[Number, ...]]:
    return {probe: analysis.numbers for probe, analysis in analyses.items()}
