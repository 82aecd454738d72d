"""A series through its recipes, sample by sample, in one process or several.

One sample's error stops that sample's probe only: it comes back as a `Failure`, never raised.
"""

from __future__ import annotations

import os
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from xorder.errors import BadInput, XorderError, XorderWarning
from xorder.series import PROBES, Sample, Series

__all__ = ["Failure", "Outcome", "Progress", "fault", "run_samples"]

#: Called with the samples done, their total and the name of the one just done.
Progress = Callable[[int, int, str], None]


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
    """What came of one sample."""

    sample: Sample
    """The sample."""
    analyses: dict[str, Any]
    """Analysis by probe."""
    failures: tuple[Failure, ...] = ()
    """Probes without a result."""
    messages: tuple[str, ...] = ()
    """Warnings given while it ran, each with its probe."""
    seconds: float = 0.0
    """Time it took."""
    file: Path | None = None
    """The HDF5 file that holds the analyses."""


def run_samples(
    series: Series,
    out: Path,
    *,
    probes: Sequence[str] = tuple(PROBES),
    jobs: int | Executor = 1,
    progress: Progress | None = None,
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

    Returns
    -------
    :
        One outcome a sample, in the order of the series.
    """
    tasks = {
        sample.name: (sample, out, tuple(probes), series.simulated) for sample in series.samples
    }
    found: dict[str, Outcome] = {}
    for name, outcome in _outcomes(tasks, jobs):
        found[name] = outcome
        if progress is not None:
            progress(len(found), len(tasks), name)
    return [found[sample.name] for sample in series.samples]


def _outcomes(
    tasks: dict[str, tuple[Sample, Path, tuple[str, ...], bool]], jobs: int | Executor
) -> Iterator[tuple[str, Outcome]]:
    if isinstance(jobs, int) and jobs < 1:
        raise BadInput(f"jobs is {jobs}", expected="1 or more")
    if isinstance(jobs, int) and min(jobs, len(tasks)) == 1:
        for name, task in tasks.items():
            yield name, _run_sample(*task)
    elif isinstance(jobs, int):
        with _pool(min(jobs, len(tasks))) as pool:
            yield from _submitted(pool, tasks)
    else:
        yield from _submitted(jobs, tasks)


@contextmanager
def _pool(workers: int) -> Iterator[Executor]:
    """Yield a pool of fresh processes whose linear algebra keeps to one thread each."""
    import multiprocessing

    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    before = {name: os.environ.get(name) for name in threads}
    os.environ.update(dict.fromkeys(threads, "1"))
    pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _submitted(
    pool: Executor, tasks: dict[str, tuple[Sample, Path, tuple[str, ...], bool]]
) -> Iterator[tuple[str, Outcome]]:
    names: dict[Future[Outcome], str] = {
        pool.submit(_run_sample, *task): name for name, task in tasks.items()
    }
    for future in as_completed(names):
        name = names[future]
        try:
            yield name, future.result()
        except Exception as error:
            # A worker that died or a result that did not travel costs this sample, not the run.
            lost = Failure(sample=name, probe="", message=f"the worker process was lost: {error!r}")
            yield name, Outcome(sample=tasks[name][0], analyses={}, failures=(lost,))


def _run_sample(sample: Sample, out: Path, probes: tuple[str, ...], simulated: bool) -> Outcome:
    began = time.perf_counter()
    analyses: dict[str, Any] = {}
    failures: list[Failure] = []
    messages: list[str] = []
    for probe in (name for name in sample.probes if name in probes):
        try:
            analysis, said = _analysed(sample, probe, simulated)
            analyses[probe] = analysis
            messages += [f"{probe}: {text}" for text in said]
        except XorderError as error:
            failures.append(Failure(sample=sample.name, probe=probe, message=str(error)))
        except OSError as error:
            # A file that may not be read, or that went away: the system's word is the message.
            said_by_system = f"{error.filename or 'a file'}: {error.strerror or error}"
            failures.append(Failure(sample=sample.name, probe=probe, message=said_by_system))
        except Exception as error:
            failures.append(fault(sample.name, probe, error))
    file = None
    if analyses:
        try:
            file = _stored(sample, analyses, out, simulated)
        except XorderError as error:
            failures.append(Failure(sample=sample.name, probe="", message=str(error)))
    return Outcome(
        sample=sample,
        analyses=analyses,
        failures=tuple(failures),
        messages=tuple(messages),
        seconds=time.perf_counter() - began,
        file=file,
    )


def fault(sample: str, probe: str, error: Exception) -> Failure:
    """Return the failure that stands for an error of Xorder itself, inside its except block."""
    return Failure(
        sample=sample,
        probe=probe,
        message=f"Xorder failed on this input ({type(error).__name__}: {error}); "
        "please report it with the output of --debug",
        traceback=traceback.format_exc(),
    )


def _analysed(sample: Sample, probe: str, simulated: bool) -> tuple[Any, list[str]]:
    """Return one probe's analysis and the warnings given on the way, each once."""
    given = sample.probes[probe]
    analyse = import_module(f"xorder.{probe}.analysis").analyse
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        analysis = analyse(given.files(), given.recipe, name=sample.name, simulated=simulated)
    said = [str(w.message) for w in caught if issubclass(w.category, XorderWarning)]
    return analysis, list(dict.fromkeys([*analysis.messages, *said]))


def _stored(sample: Sample, analyses: dict[str, Any], out: Path, simulated: bool) -> Path:
    from xorder.store import write_results

    facts = {
        "title": sample.name,
        "composition": sample.composition,
        "simulated": simulated,
        "order": sample.order,
        "conductivity": sample.conductivity,
    }
    path = out / "samples" / f"{sample.slug}.h5"
    return write_results(path, analyses, attributes=facts)
