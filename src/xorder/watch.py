"""Analyses files as they are written: what the command ``xorder watch`` and facilities call."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from xorder.arrivals import Arrival, Arrivals, narrowed
from xorder.batch import Failure, Outcome, run_samples
from xorder.errors import BadInput, XorderError
from xorder.lock import own_folder
from xorder.repeats import Repeats, ScanReader
from xorder.run_tables import write_summary
from xorder.sample_analysis import fault_message
from xorder.scan_readings import Scan, read_scan
from xorder.series import PROBES, Sample, Series, load_series

__all__ = ["State", "Watch", "on_files", "watch"]


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class State:
    """What a watch knows after a look."""

    series: Series
    """The series as its manifest is now."""
    arrivals: tuple[Arrival, ...] = ()
    """Every file there is and how it stands."""
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    """What came of each sample so far, by name."""
    newest: Arrival | None = None
    """The newest file that is whole."""
    repeats: Repeats | None = None
    """The scans of the newest file's sample."""
    messages: tuple[str, ...] = ()
    """What is wrong with the manifest, the folder or the newest sample's scans."""
    working: tuple[str, ...] = ()
    """Samples that are being analysed."""
    version: int = 0
    """Changes when anything of this changes."""


class Watch:
    """Looks at the files of a manifest and analyses what is new, look after look.

    Parameters
    ----------
    manifest
        The series.toml; read again when it changes.
    out
        Folder of the output, as of ``xorder run``.
    patience
        Seconds for which a file that cannot be used must be still before that is an error.
    publish
        Called with each new state, before an analysis begins too.
    """

    def __init__(
        self,
        manifest: Path,
        out: Path,
        *,
        patience: float = 60.0,
        publish: Callable[[State], None] = lambda _state: None,
    ) -> None:
        self.manifest = manifest
        self.out = out.absolute()
        self._publish = publish
        self._arrivals = Arrivals(patience=patience)
        self._reader = ScanReader()
        self._analysed: dict[str, Any] = {}
        self._read = _stamp(manifest)
        self._broken = ""
        self._compared: tuple[Any, tuple[Repeats | None, tuple[str, ...]]] = (None, (None, ()))
        self.state = State(series=load_series(manifest))

    def poll(self, now: float | None = None) -> State:
        """Look once, analyse what is new, and return what is known then.

        Parameters
        ----------
        now
            Time in s of any steady clock; the system's where None.
        """
        before = self.state
        series, messages = self._manifest()
        arrivals = self._arrivals.poll(series, time.monotonic() if now is None else now)
        ready, names = narrowed(series, arrivals)
        samples = {sample.name: sample for sample in ready.samples}
        marks = {name: _mark(samples[name], arrivals, series.simulated) for name in names}
        due = [name for name in names if self._analysed.get(name) != marks[name]]
        outcomes = {name: one for name, one in before.outcomes.items() if name in names}
        if due:
            before = self._told(
                replace(before, series=series, arrivals=arrivals, working=tuple(due))
            )
            for one in run_samples(ready, self.out, among=due):
                outcomes[one.sample.name] = one
            ordered = [outcomes[name] for name in names if name in outcomes]
            write_summary(self.out / "summary.csv", ordered, {})
        self._analysed = marks
        newest = _newest(arrivals)
        repeats, said = self._repeats(series, arrivals, newest)
        if (
            not due
            and _facts(arrivals) == _facts(before.arrivals)
            and (*messages, *said) == before.messages
            and series is before.series
        ):
            self._publish(before)
            return before
        state = State(
            series=series,
            arrivals=arrivals,
            outcomes={name: outcomes[name] for name in names},
            newest=newest,
            repeats=repeats,
            messages=(*messages, *said),
            version=before.version,
        )
        return self._told(state)

    def _told(self, state: State) -> State:
        self.state = replace(state, version=state.version + 1)
        self._publish(self.state)
        return self.state

    def _manifest(self) -> tuple[Series, tuple[str, ...]]:
        """Return the series, read again where the manifest has changed."""
        stamp = _stamp(self.manifest)
        if stamp == self._read and not self._broken:
            return self.state.series, ()
        try:
            series = load_series(self.manifest)
        except XorderError as error:
            self._broken = f"the manifest as it was is used: {error}"
            return self.state.series, (self._broken,)
        self._read, self._broken = stamp, ""
        return series, ()

    def _repeats(
        self, series: Series, arrivals: Sequence[Arrival], newest: Arrival | None
    ) -> tuple[Repeats | None, tuple[str, ...]]:
        if newest is None:
            return None, ()
        sample = next(one for one in series.samples if one.name == newest.sample)
        scans = [
            one.scan
            for one in arrivals
            if (one.sample, one.probe, one.state) == (newest.sample, newest.probe, "whole")
        ]
        key = (sample.name, newest.probe, scans, sample.probes[newest.probe].recipe, series.watch)
        if self._compared[0] != key:
            self._compared = (key, self._compare(series, sample, newest.probe, scans))
        return self._compared[1]

    def _compare(
        self, series: Series, sample: Sample, probe: str, scans: Sequence[Scan]
    ) -> tuple[Repeats | None, tuple[str, ...]]:
        try:
            found = self._reader.repeats(
                probe,
                scans,
                sample.probes[probe].recipe,
                sample=sample.name,
                simulated=series.simulated,
                wanted=series.watch,
            )
        except XorderError as error:
            said = str(error)
        except OSError as error:
            said = f"{error.filename or 'a file'}: {error.strerror or error}"
        except Exception as error:
            # Whatever fails in the comparison of scans, the watch goes on.
            said = fault_message(error)
        else:
            return found, found.messages
        return None, (f"{sample.name}: the scans cannot be compared: {said}",)


def watch(
    manifest: Path,
    out: Path,
    *,
    every: float = 2.0,
    patience: float = 60.0,
    once: bool = False,
    publish: Callable[[State], None] = lambda _state: None,
) -> State:
    """Look at the files of a manifest until interrupted, and return what was known last.

    Parameters
    ----------
    manifest, out, patience
        As of `Watch`.
    every
        Seconds between two looks.
    once
        End after the second look, which is the first that can tell whole files.
    publish
        Called with each new state, and after each look.

    Raises
    ------
    BadInput
        Where a time is not positive, or the manifest cannot be used at the start.
    CannotWrite
        Where the folder cannot be written, or a run writes there.
    """
    for name, value in (("poll", every), ("patience", patience)):
        if not (math.isfinite(value) and value > 0):
            raise BadInput(f"{name} is {value:g}", expected="seconds, above 0")
    with ExitStack() as stack:
        stack.enter_context(own_folder(out.absolute()))
        watching = Watch(manifest, out, patience=patience, publish=publish)
        try:
            watching.poll()
            while True:
                time.sleep(every)
                watching.poll()
                if once:
                    break
        except KeyboardInterrupt:
            # The way in which a watch ends; everything written is whole.
            pass
    return watching.state


def on_files(
    paths: Sequence[str | Path], *, manifest: str | Path, out: str | Path
) -> tuple[Outcome, ...]:
    """Analyse the samples that new files belong to; what a facility's message calls.

    The message says that the files are whole, so nothing is waited for. Only the probes that the
    files are of are run. A file that cannot be read
    is a failure of its outcome, and the sample's other files are analysed. Called again with the
    same files it computes nothing.

    Parameters
    ----------
    paths
        Files just written; those that no pattern of the manifest names are passed over.
    manifest
        The series.toml.
    out
        Folder of the output, as of ``xorder run``; one call at a time may write there.

    Returns
    -------
    :
        One outcome for each sample that a file belongs to, in the order of the manifest.

    Raises
    ------
    MissingFile, BadManifest
        Where the manifest cannot be used.
    CannotWrite
        Where the folder cannot be written, or another call or run writes there.
    """
    given = {Path(path).resolve() for path in paths}
    series = load_series(manifest)
    arrivals = Arrivals().poll(series, 0.0)
    touched = {(one.sample, one.probe) for one in arrivals if one.scan.path.resolve() in given}
    checked = [_checked(series, one) for one in arrivals if (one.sample, one.probe) in touched]
    # A sample without any good file stays as it is, and its analysis says what is wrong.
    ready, names = narrowed(series, checked)
    # The sample's other probes keep what they have: a message of theirs comes in its own time.
    with own_folder(Path(out).absolute()):
        outcomes = run_samples(
            _with_others(series, ready),
            Path(out),
            probes=[probe for probe in PROBES if probe in {probe for _, probe in touched}],
            among={sample for sample, _ in touched},
        )
    return tuple(
        _with_faults(one, checked) if one.sample.name in names else one for one in outcomes
    )


def _with_others(series: Series, ready: Series) -> Series:
    """Return the narrowed series; probes that were not narrowed are as the manifest has them."""
    samples = [
        replace(narrow, probes={**whole.probes, **narrow.probes})
        for whole, narrow in zip(series.samples, ready.samples, strict=True)
    ]
    return replace(series, samples=tuple(samples))


def _checked(series: Series, arrival: Arrival) -> Arrival:
    """Return an arrival as bad where its reader refuses it."""
    sample = next(one for one in series.samples if one.name == arrival.sample)
    try:
        read_scan(arrival.probe, arrival.scan.path, sample.probes[arrival.probe].recipe)
    except (XorderError, OSError) as error:
        return replace(arrival, state="bad", message=str(error))
    return replace(arrival, state="whole", message="")


def _with_faults(outcome: Outcome, arrivals: Sequence[Arrival]) -> Outcome:
    faults = [
        Failure(sample=one.sample, probe=one.probe, message=one.message)
        for one in arrivals
        if one.sample == outcome.sample.name and one.state == "bad"
    ]
    return replace(outcome, failures=(*outcome.failures, *faults))


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_size, stat.st_mtime_ns


def _mark(sample: Sample, arrivals: Sequence[Arrival], simulated: bool) -> Any:
    """Return what must be the same for a sample to be left as it is."""
    scans: list[tuple[str, Scan]] = [
        (one.probe, one.scan)
        for one in arrivals
        if one.sample == sample.name and one.state == "whole"
    ]
    return sample, tuple(scans), simulated


def _newest(arrivals: Sequence[Arrival]) -> Arrival | None:
    whole = [one for one in arrivals if one.state == "whole"]
    order = list(PROBES)
    return max(
        whole, key=lambda one: (one.scan.stamp[2], -order.index(one.probe)), default=None
    )  # fmt: skip


def _facts(arrivals: Sequence[Arrival]) -> list[Any]:
    return [(one.scan, one.sample, one.probe, one.state, one.message) for one in arrivals]
