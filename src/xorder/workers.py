"""Tasks through a `concurrent.futures.Executor`: this process, new processes, or a cluster's.

Tasks travel in chunks of about half a second, and only a few chunks are under way at once, so that
memory does not grow with the number of tasks. A worker process that dies takes its pool with it:
the tasks that were under way are then run one by one in fresh processes, and one that kills its
process again is handed back as lost.
"""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from contextlib import contextmanager
from typing import Generic, TypeVar

from xorder.errors import BadInput, MissingExtra, MissingFile

__all__ = ["Lost", "cluster", "run_tasks"]

T = TypeVar("T")
R = TypeVar("R")

#: Seconds of work in a chunk: long against the cost of sending it, short against patience.
CHUNK_SECONDS = 0.5
LARGEST_CHUNK = 64
#: Chunks under way for each worker: one at work, one waiting.
AHEAD = 2


class Lost(Generic[T]):
    """A task whose worker process died twice, or whose result could not travel."""

    __slots__ = ("reason", "task")

    def __init__(self, task: T, reason: str) -> None:
        self.task = task
        self.reason = reason


def run_tasks(
    work: Callable[[T], R], tasks: Sequence[T], jobs: int | Executor
) -> Iterator[R | Lost[T]]:
    """Yield what `work` makes of each task, in the order in which they end.

    Parameters
    ----------
    work
        A function of one task that can be pickled and never raises.
    tasks
        The tasks.
    jobs
        1: in this process; more: that many new processes; an executor: there.

    Raises
    ------
    BadInput
        Where `jobs` is below 1.
    """
    if isinstance(jobs, int):
        if jobs < 1:
            raise BadInput(f"jobs is {jobs}", expected="1 or more")
        jobs = min(jobs, len(tasks))
        if jobs <= 1:
            yield from map(work, tasks)
            return
        with _one_thread_each():
            yield from _Chunks(work, tasks, _OwnPool(jobs)).results()
    else:
        yield from _Chunks(work, tasks, _GivenPool(jobs)).results()


@contextmanager
def cluster(address: str) -> Iterator[Executor]:
    """Yield the executor of a running Dask scheduler.

    Parameters
    ----------
    address
        Such as ``tcp://node:8786``; a path is a scheduler file.

    Raises
    ------
    MissingExtra
        Where distributed is not installed.
    BadInput
        Where no scheduler answers there.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise MissingExtra(
            "distributed is not installed", expected="`pip install 'xorder[cluster]'`"
        ) from error
    by_address = "://" in address
    if not by_address and not os.path.isfile(address):
        raise MissingFile(
            "no such scheduler file", expected="a file, or tcp://host:port", source=address
        )
    try:
        client = Client(address, timeout=10) if by_address else Client(scheduler_file=address)
    except (OSError, ValueError) as error:
        raise BadInput(
            f"no scheduler answers at {address}: {error}", expected="tcp://host:port of a scheduler"
        ) from error
    with client:
        yield client.get_executor()


class _OwnPool:
    """Fresh processes, replaced by new ones when one of them dies."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self.executor: Executor = self._new()

    def _new(self) -> Executor:
        import multiprocessing

        return ProcessPoolExecutor(
            self.workers,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_start_worker,
        )

    def renew(self) -> None:
        """Leave the broken processes and start others."""
        self.executor.shutdown(wait=True, cancel_futures=True)
        self.executor = self._new()

    def close(self) -> None:
        """Let what is at work end; start nothing more."""
        self.executor.shutdown(wait=True, cancel_futures=True)


class _GivenPool:
    """The executor of the caller, who closes it himself."""

    def __init__(self, executor: Executor) -> None:
        self.executor = executor
        self.workers = max(2, getattr(executor, "_max_workers", None) or _threads_of(executor))

    def renew(self) -> None:
        """Nothing to do: what the caller started is the caller's."""

    def close(self) -> None:
        """Nothing to do."""


def _threads_of(executor: Executor) -> int:
    client = getattr(executor, "_client", None)
    return sum(client.nthreads().values()) if client is not None else (os.cpu_count() or 2)


class _Chunks(Generic[T, R]):
    """Tasks on their way through a pool."""

    def __init__(
        self, work: Callable[[T], R], tasks: Sequence[T], pool: _OwnPool | _GivenPool
    ) -> None:
        self.work = work
        self.pool = pool
        self.waiting = deque(tasks)
        self.under_way: dict[Future[tuple[list[R], float]], list[T]] = {}
        self.size = 1

    def results(self) -> Iterator[R | Lost[T]]:
        """Yield the results as they come."""
        try:
            while self.waiting or self.under_way:
                self._submit()
                yield from self._collect()
        finally:
            for future in self.under_way:
                future.cancel()
            self.pool.close()

    def _submit(self) -> None:
        while self.waiting and len(self.under_way) < AHEAD * self.pool.workers:
            # Towards the end chunks get smaller, so that the workers end together.
            share = len(self.waiting) // (AHEAD * self.pool.workers) or 1
            chunk = [
                self.waiting.popleft() for _ in range(min(self.size, share, len(self.waiting)))
            ]
            try:
                future = self.pool.executor.submit(_run_chunk, self.work, chunk)
            except BrokenExecutor:
                self.waiting.extendleft(reversed(chunk))
                return
            self.under_way[future] = chunk

    def _collect(self) -> Iterator[R | Lost[T]]:
        if not self.under_way:
            # The pool broke before it took anything.
            self.pool.renew()
            return
        done, _ = wait(self.under_way, return_when=FIRST_COMPLETED)
        if any(isinstance(future.exception(), BrokenExecutor) for future in done):
            # Every chunk under way went down with the one that broke the pool.
            done, _ = wait(self.under_way)
        suspects: list[T] = []
        for future in done:
            chunk = self.under_way.pop(future)
            if future.exception() is not None:
                suspects += chunk
                continue
            results, seconds = future.result()
            fitting = int(CHUNK_SECONDS * len(chunk) / max(seconds, 1e-6))
            self.size = max(1, min(LARGEST_CHUNK, fitting, 4 * self.size))
            yield from results
        if suspects:
            self.pool.renew()
        for task in suspects:
            yield self._alone(task)

    def _alone(self, task: T) -> R | Lost[T]:
        """Run a task once more, with no other beside it."""
        try:
            results, _ = self.pool.executor.submit(_run_chunk, self.work, [task]).result()
        except BrokenExecutor as error:
            self.pool.renew()
            return Lost(task, f"its worker process died twice ({error})")
        except Exception as error:
            # A cluster's word for a lost worker, or a result that cannot be pickled.
            return Lost(task, f"{type(error).__name__}: {error}")
        return results[0]


def _run_chunk(work: Callable[[T], R], chunk: Sequence[T]) -> tuple[list[R], float]:
    import time

    began = time.perf_counter()
    results = [work(task) for task in chunk]
    return results, time.perf_counter() - began


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Let new processes start with one thread of linear algebra each."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _start_worker() -> None:
    """Leave interrupts to the parent, and end with it even where it is killed."""
    import threading

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    import multiprocessing

    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
