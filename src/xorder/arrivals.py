"""Files as they are written: which are whole, which are waited for, which are no use.

Network disks tell of no events, so the patterns of the manifest are looked through again and again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from xorder.errors import MissingFile, XorderError
from xorder.scan_readings import Scan, read_scan
from xorder.series import ProbeInput, Sample, Series

__all__ = ["Arrival", "Arrivals", "narrowed"]

State = Literal["whole", "waiting", "bad"]

#: Sample, probe and file.
_Key = tuple[str, str, Path]

#: A scan that covers less than this share of the longest one was broken off.
SHORTEST_SHARE = 0.95


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrival:
    """One file of a sample and how it stands."""

    sample: str
    """Name of the sample."""
    probe: str
    """The probe."""
    scan: Scan
    """The file."""
    state: State
    """Whole, waited for, or of no use."""
    message: str = ""
    """Why it is not whole."""


@dataclass(slots=True)
class _Seen:
    """What is known of one file."""

    stamp: tuple[int, int, int]
    since: float
    polls: int = 1
    span: tuple[float, float] | None = None
    refused: str = ""
    recipe: Any = None


class Arrivals:
    """Looks at the files of a series each time it is asked.

    A file is whole when its size and time are those of the look before and the probe's reader
    takes it. One that was refused is waited for until it has been still for `patience` seconds.
    A writer that pauses is learned: files must be still for twice the longest pause seen.
    """

    def __init__(self, *, patience: float = 60.0) -> None:
        self.patience = patience
        self._seen: dict[_Key, _Seen] = {}
        self._pause = 0.0

    def poll(self, series: Series, now: float) -> tuple[Arrival, ...]:
        """Return every file there is and how it stands at `now` (s, of any steady clock)."""
        found: list[Arrival] = []
        there: set[_Key] = set()
        for sample in series.samples:
            for probe, given in sample.probes.items():
                scans = list(_scans(given))
                there |= {(sample.name, probe, scan.path) for scan in scans}
                one = [self._look(sample, probe, given.recipe, scan, now) for scan in scans]
                found += self._without_short(one, now)
        self._seen = {key: seen for key, seen in self._seen.items() if key in there}
        return tuple(found)

    def _look(self, sample: Sample, probe: str, recipe: Any, scan: Scan, now: float) -> Arrival:
        key = (sample.name, probe, scan.path)
        seen = self._seen.get(key)
        if seen is None or seen.stamp != scan.stamp:
            if seen is not None and now - seen.since < self.patience:
                self._pause = max(self._pause, now - seen.since)
            self._seen[key] = seen = _Seen(scan.stamp, now)
        else:
            seen.polls += 1
        still = now - seen.since
        state, message = self._judged(seen, probe, recipe, scan, still)
        return Arrival(
            sample=sample.name, probe=probe, scan=scan, state=state, message=message
        )  # fmt: skip

    def _judged(
        self, seen: _Seen, probe: str, recipe: Any, scan: Scan, still: float
    ) -> tuple[State, str]:
        unread = seen.span is None and not seen.refused
        if seen.polls < 2 or (unread and still < min(2 * self._pause, self.patience)):
            return "waiting", f"{scan.path}: changes still, or was seen just now"
        if seen.recipe != recipe:
            seen.span, seen.refused, seen.recipe = None, "", recipe
        if seen.span is None and not seen.refused:
            try:
                seen.span = read_scan(probe, scan.path, recipe)
            except XorderError as error:
                seen.refused = str(error)
            except OSError as error:
                seen.refused = f"{scan.path}: {error.strerror or error}"
            except Exception as error:
                # A reader that fails on half a file must not end the watch.
                seen.refused = f"{scan.path}: Xorder failed ({type(error).__name__}: {error})"
        if seen.span is not None:
            return "whole", ""
        return ("bad" if still >= self.patience else "waiting"), seen.refused

    def _without_short(self, arrivals: Sequence[Arrival], now: float) -> list[Arrival]:
        """Take scans for broken off that cover less than the others of their sample."""
        spans = {
            a.scan.path: span
            for a in arrivals
            if a.state == "whole" and (span := self._seen[_key(a)].span) is not None
        }
        longest = max((high - low for low, high in spans.values()), default=0.0)
        checked = []
        for one in arrivals:
            low, high = spans.get(one.scan.path, (0.0, longest))
            if high - low < SHORTEST_SHARE * longest:
                message = (
                    f"{one.scan.path}: runs from {low:g} to {high:g} only, where another scan of "
                    f"the sample covers {longest:g}; left out"
                )
                late = now - self._seen[_key(one)].since >= self.patience
                checked.append(replace(one, state="bad" if late else "waiting", message=message))
            else:
                checked.append(one)
        return checked


def _key(arrival: Arrival) -> _Key:
    return arrival.sample, arrival.probe, arrival.scan.path


def narrowed(series: Series, arrivals: Sequence[Arrival]) -> tuple[Series, tuple[str, ...]]:
    """Return the series with whole files alone, and the names of the samples that have some.

    A sample without any stays as the manifest has it.
    """
    whole: dict[tuple[str, str], list[Path]] = {}
    for arrival in arrivals:
        if arrival.state == "whole":
            whole.setdefault((arrival.sample, arrival.probe), []).append(arrival.scan.path)
    ready = {}
    for sample in series.samples:
        probes = {
            probe: replace(given, patterns=tuple(map(str, whole[sample.name, probe])))
            for probe, given in sample.probes.items()
            if (sample.name, probe) in whole
        }
        if probes:
            ready[sample.name] = replace(sample, probes=probes)
    samples = tuple(ready.get(sample.name, sample) for sample in series.samples)
    return replace(series, samples=samples), tuple(ready)


def _scans(given: ProbeInput) -> list[Scan]:
    """Return the files that the patterns name now, those left out that go away meanwhile."""
    found: dict[Path, Scan] = {}
    for pattern in given.patterns:
        try:
            paths = replace(given, patterns=(pattern,)).files()
        except (MissingFile, OSError):
            continue
        for path in paths:
            try:
                stat = path.stat()
            except OSError:
                continue
            found.setdefault(
                path, Scan(path=path, stamp=(stat.st_ino, stat.st_size, stat.st_mtime_ns))
            )
    return list(found.values())
