"""The page of a watch: what is known of a measurement that goes on, as HTML, JSON and SVG."""

from __future__ import annotations

import io
import json
import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xorder._version import __version__
from xorder.figures.drawing import Drawing, style
from xorder.repeats import Repeats

if TYPE_CHECKING:
    from jinja2 import Template

    from xorder.arrivals import Arrival
    from xorder.watch import State

__all__ = ["LivePage"]

#: Points of a curve above which it becomes a picture inside the SVG.
HEAVY = 4000
#: Messages of one kind shown; of more, how many there are.
MOST = 12
#: Numbers of a sample in its row.
SHOWN = 3
_CAPTIONS = {
    "signal": "Newest scan and merge so far.",
    "counting": "Noise, target and its standard error as scans come in. A dashed green line is "
    "the target, the green band the scans that it needs.",
}
_FIRST = {
    "xas": ("white_line_height", "first_shell_r", "wavelet_feature"),
    "diffraction": ("mean_shift", "a"),
    "pdf": ("r_w", "scale"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Shown:
    """One version of the page, whole."""

    facts: Mapping[str, Any]
    figures: Mapping[str, bytes]
    version: str


class LivePage:
    """Holds the page in memory; one thread shows a new state, others read.

    Parameters
    ----------
    folder
        Folder of the output, named on the page.
    every
        Seconds between two looks of the watch, and of the page at the watch.
    """

    def __init__(self, folder: Path, *, every: float = 2.0) -> None:
        self._folder = folder
        self._every = every
        self._lock = threading.Lock()
        self._shown = _Shown(facts={"name": "", "simulated": False}, figures={}, version="")
        self._repeats: Repeats | None = None
        self._polled = _clock()
        self._template: Template | None = None

    def show(self, state: State) -> None:
        """Take a new state; figures are drawn again only where the scans have changed."""
        figures = self._shown.figures
        if state.repeats is not self._repeats:
            figures = _figures(state.repeats)
        version = f"{state.version}"
        shown = self._shown
        if version != shown.version:
            shown = _Shown(
                facts=_facts(state, self._folder, figures), figures=figures, version=version
            )
        with self._lock:
            self._shown, self._repeats, self._polled = shown, state.repeats, _clock()

    def state(self) -> bytes:
        """Return the JSON that the page's script polls, and that a program may read."""
        with self._lock:
            shown, polled = self._shown, self._polled
        facts = {"version": shown.version, "polled": polled, **shown.facts}
        return json.dumps(facts, ensure_ascii=False, allow_nan=False).encode()

    def html(self, nonce: str) -> bytes:
        """Return the page; `nonce` allows its own script to run, and no other."""
        with self._lock:
            shown, polled = self._shown, self._polled
        text = self._loaded().render(
            **shown.facts,
            version=shown.version,
            polled=polled,
            every=max(round(self._every), 2),
            nonce=nonce,
            program=__version__,
            captions=_CAPTIONS,
        )
        return text.encode()

    def figure(self, name: str) -> bytes | None:
        """Return a figure as SVG, or None where there is none of that name."""
        with self._lock:
            return self._shown.figures.get(name)

    def _loaded(self) -> Template:
        if self._template is None:
            from jinja2 import Environment, PackageLoader

            environment = Environment(
                loader=PackageLoader("xorder"),
                autoescape=True,
                trim_blocks=True,
                lstrip_blocks=True,
            )
            self._template = environment.get_template("watch.html")
        return self._template


def _facts(state: State, folder: Path, figures: Mapping[str, bytes]) -> dict[str, Any]:
    repeats, newest = state.repeats, state.newest
    simulated = state.series.simulated or (repeats is not None and repeats.simulated)
    waiting = [one.message for one in state.arrivals if one.state == "waiting"]
    bad = [one.message for one in state.arrivals if one.state == "bad"]
    bad += [
        f"{failure.sample} {failure.probe}: {failure.message}"
        for outcome in state.outcomes.values()
        for failure in outcome.failures
    ]
    said: tuple[str, ...] = ()
    if newest is not None and newest.sample in state.outcomes:
        said = state.outcomes[newest.sample].messages
    return {
        "name": state.series.name,
        "simulated": simulated,
        "newest": None if newest is None else _newest(newest, repeats),
        "answer": None if repeats is None else _answer(repeats),
        "figures": list(figures),
        "samples": _samples(state),
        "problems": _short([*state.messages, *bad]),
        "waiting": _short(waiting),
        "said": _short(list(said)),
        "working": list(state.working),
        "folder": str(folder),
        "manifest": str(state.series.path),
    }


def _newest(newest: Arrival, repeats: Repeats | None) -> dict[str, Any]:
    written = datetime.fromtimestamp(newest.scan.time).astimezone()
    count = 0 if repeats is None else len(repeats.scans)
    return {
        "file": newest.scan.path.name,
        "sample": newest.sample,
        "probe": newest.probe,
        "time": f"{written:%H:%M:%S}",
        "scans": count,
    }


def _answer(repeats: Repeats) -> dict[str, Any]:
    """Return the advice with its numbers, none of them infinite or NaN."""
    advice, found, target = repeats.advice, repeats.forecast, repeats.target
    merged = repeats.merges[-1]
    numbers: dict[str, Any] = {
        "scans": len(repeats.scans),
        "minutes_a_scan": repeats.minutes,
        "noise": merged.noise,
        "noise_over_expected": repeats.fall.ratio,
        "noise_over_expected_stderr": repeats.fall.ratio_stderr,
    }
    if target is not None and found is not None:
        numbers |= {
            "value": found.value,
            "stderr": found.stderr,
            "stderr_error": found.stderr_error,
            "target_stderr": target.stderr,
            "scans_needed": found.needed,
            "scans_needed_stderr": found.needed_stderr,
        }
    if repeats.probe == "diffraction":
        numbers["counts"] = float(merged.analysis.pattern.intensity.sum())
        numbers["signal_to_noise"] = 1.0 / merged.noise if merged.noise > 0 else math.nan
    return {
        "verdict": advice.verdict,
        "headline": advice.headline,
        "reasons": list(advice.reasons),
        "target": None if target is None else target.name,
        "noise_name": repeats.noise_name,
        "numbers": {key: _finite(value) for key, value in numbers.items()},
    }


def _samples(state: State) -> list[dict[str, Any]]:
    counts: dict[tuple[str, str], dict[str, int]] = {}
    for one in state.arrivals:
        row = counts.setdefault((one.sample, one.probe), {"whole": 0, "waiting": 0, "bad": 0})
        row[one.state] += 1
    rows = []
    for sample in state.series.samples:
        for probe in sample.probes:
            files = counts.get((sample.name, probe), {"whole": 0, "waiting": 0, "bad": 0})
            rows.append(
                {
                    "sample": sample.name,
                    "probe": probe,
                    **files,
                    "numbers": _numbers(state, sample.name, probe),
                }
            )
    return rows


def _numbers(state: State, sample: str, probe: str) -> list[str]:
    outcome = state.outcomes.get(sample)
    if outcome is None or probe not in outcome.kinds:
        return []
    numbers = {number.name: number for number in outcome.numbers.get(probe, ())}
    chosen = [numbers[name] for name in _FIRST[probe] if name in numbers]
    chosen = chosen or list(numbers.values())
    return [str(number) for number in chosen[:SHOWN]]


def _short(messages: list[str]) -> list[str]:
    once = list(dict.fromkeys(messages))
    left = len(once) - MOST
    return [*once[:MOST], f"and {left} more"] if left > 0 else once


def _figures(repeats: Repeats | None) -> dict[str, bytes]:
    if repeats is None:
        return {}
    from xorder.figures.watch import draw

    return {drawing.name: _svg(drawing) for drawing in draw(repeats)}


def _svg(drawing: Drawing) -> bytes:
    import numpy as np

    for ax in drawing.figure.axes:
        for curve in ax.get_lines():
            if np.size(np.asarray(curve.get_xdata())) > HEAVY:
                curve.set_rasterized(True)
    buffer = io.BytesIO()
    with style():
        drawing.figure.savefig(buffer, format="svg", dpi=170, metadata={"Date": None})
    return buffer.getvalue()


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _clock() -> str:
    return f"{datetime.now().astimezone():%H:%M:%S}"
