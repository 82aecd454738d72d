"""Is it time to stop counting? Repeated scans, their noise, and how many more a target needs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from xorder.results import Array

__all__ = ["Advice", "Forecast", "NoiseFall", "Target", "Trend", "advise", "find_trend",
           "forecast_noise", "forecast_scans", "noise_fall"]  # fmt: skip

#: Fewer scans than these tell nothing of their scatter, or of a change with time.
FEWEST_SCANS, FEWEST_FOR_TREND = 3, 4
#: Probability that noise alone looks like a trend in one of the quantities looked at: 3σ.
FALSE_ALARM = 0.0027
#: Relative error of a noise that one spectrum tells of itself: about 100 independent points.
NOISE_ERROR = 0.1

Verdict = Literal["unknown", "go on", "enough", "drift", "floor"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """What counting is for: a number and the standard error it is to reach."""

    name: str
    """Name of the number, as in summary.csv, or of the noise."""
    stderr: float
    """Standard error to reach, in the number's unit."""
    unit: str = ""
    """Unit of the number."""
    reason: str = ""
    """Where the target comes from."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trend:
    """A straight line through a number of scan after scan."""

    name: str
    """The number."""
    slope: float
    """Change from scan to scan."""
    slope_stderr: float
    """Standard error of `slope`, from the scatter about the line."""
    probability: float
    """Probability of so large a slope without a trend (Student's t)."""
    count: int
    """Number of scans."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Forecast:
    """How many scans a standard error needs."""

    count: int
    """Scans so far."""
    value: float
    """Mean of the number over the scans; NaN for a noise."""
    stderr: float
    """Its standard error now, or the noise of the merge."""
    stderr_error: float
    """Standard error of `stderr`."""
    needed: float
    """Scans needed in all; infinite where the target cannot be reached, NaN where unknown."""
    needed_stderr: float
    """Standard error of `needed`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NoiseFall:
    """Whether the noise of the merge falls as 1/√n."""

    ratio: float
    """Noise of the merge over what 1/√n expects of it; NaN where there are too few scans."""
    ratio_stderr: float
    """Standard error of `ratio`."""
    scatter: float
    """The part of one scan's noise that averages away."""
    floor: float
    """The part that does not; 0 where `ratio` is 1 within three standard errors."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Advice:
    """The answer."""

    verdict: Verdict
    """What to do, as one word."""
    headline: str
    """The answer as one sentence, with numbers."""
    reasons: tuple[str, ...] = ()
    """What else is to be known, one sentence each."""
    forecast: Forecast | None = None
    """The numbers behind it."""
    trends: tuple[Trend, ...] = ()
    """Changes with time that noise does not explain."""


def find_trend(name: str, values: Array) -> Trend | None:
    """Return the straight line through a number of scan after scan; None below four scans.

    The slope's error comes from the scatter about the line, its probability from Student's t with
    n - 2 degrees of freedom.

    Parameters
    ----------
    name
        What the number is called.
    values
        One value a scan in the order of measurement, NaN where a scan has none, shape (N,).
    """
    kept = np.isfinite(values)
    count = int(np.count_nonzero(kept))
    if count < FEWEST_FOR_TREND:
        return None
    from scipy.stats import t

    x, y = np.flatnonzero(kept).astype(float), values[kept]
    x = x - x.mean()
    slope = float(x @ y / (x @ x))
    rest = y - y.mean() - slope * x
    error = math.sqrt(float(rest @ rest) / (count - 2) / float(x @ x))
    if error == 0:
        probability = 0.0 if slope else 1.0
    else:
        probability = float(2 * t.sf(abs(slope) / error, count - 2))
    return Trend(
        name=name, slope=slope, slope_stderr=error, probability=probability, count=count
    )  # fmt: skip


def forecast_scans(values: Array, target: float) -> Forecast:
    """Return how many scans bring the standard error of a number's mean down to a target.

    n = (s / target)², where s is the scatter of the scans; s is itself known to 1/√(2(n - 1)),
    and so the number of scans to twice that.

    Parameters
    ----------
    values
        One value a scan, NaN where a scan has none, shape (N,).
    target
        Standard error to reach.
    """
    kept = values[np.isfinite(values)]
    count = kept.size
    value = float(kept.mean()) if count else math.nan
    if count < FEWEST_SCANS:
        unknown = math.nan
        return Forecast(count=count, value=value, stderr=unknown, stderr_error=unknown,
                        needed=unknown, needed_stderr=unknown)  # fmt: skip
    scatter = float(kept.std(ddof=1))
    relative = 1.0 / math.sqrt(2.0 * (count - 1))
    needed = (scatter / target) ** 2
    return Forecast(
        count=count,
        value=value,
        stderr=scatter / math.sqrt(count),
        stderr_error=relative * scatter / math.sqrt(count),
        needed=needed,
        needed_stderr=2.0 * relative * needed,
    )


def noise_fall(singles: Array, merged: float) -> NoiseFall:
    """Compare the noise of a merge with that of its scans.

    With ε² = a²/n + b² for the merge of n scans, b is what repeating does not take away: a glitch
    in every scan, structure that is taken for noise, scans that are not repeats.

    Parameters
    ----------
    singles
        Noise of each scan, shape (N,).
    merged
        Noise of the merge of all of them.
    """
    kept = singles[np.isfinite(singles)]
    count = kept.size
    one = math.sqrt(float(np.mean(kept**2))) if count else math.nan
    if count < 2 or not (math.isfinite(merged) and one > 0):
        return NoiseFall(ratio=math.nan, ratio_stderr=math.nan, scatter=one, floor=0.0)
    ratio = merged * math.sqrt(count) / one
    error = ratio * NOISE_ERROR * math.sqrt(1.0 + 1.0 / count)
    if ratio < 1.0 + 3.0 * error:
        return NoiseFall(ratio=ratio, ratio_stderr=error, scatter=one, floor=0.0)
    scatter2 = max(one**2 - merged**2, 0.0) / (1.0 - 1.0 / count)
    floor = math.sqrt(max(merged**2 - scatter2 / count, 0.0))
    return NoiseFall(
        ratio=ratio, ratio_stderr=error, scatter=math.sqrt(scatter2), floor=floor
    )  # fmt: skip


def forecast_noise(fall: NoiseFall, count: int, merged: float, target: float) -> Forecast:
    """Return how many scans bring the noise of the merge down to a target."""
    relative = NOISE_ERROR
    room = target**2 - fall.floor**2
    needed = fall.scatter**2 / room if room > 0 else math.inf
    return Forecast(
        count=count,
        value=math.nan,
        stderr=merged,
        stderr_error=relative * merged,
        needed=needed,
        needed_stderr=2.0 * relative * needed / math.sqrt(count),
    )


def advise(
    target: Target | None,
    forecast: Forecast | None,
    *,
    fall: NoiseFall,
    series: Mapping[str, Array],
    minutes: float = math.nan,
) -> Advice:
    """Return the answer to: is it time to stop counting?

    Parameters
    ----------
    target
        What counting is for; None where nothing is stated and there is no default.
    forecast
        Of the target.
    fall
        Of the noise.
    series
        Numbers of scan after scan that repeats must not change, each of shape (N,).
    minutes
        Time of one scan, NaN where unknown.
    """
    found = [find_trend(name, values) for name, values in series.items()]
    limit = FALSE_ALARM / max(len(found), 1)
    trends = tuple(trend for trend in found if trend is not None and trend.probability < limit)
    reasons = [_noise_sentence(fall)] if fall.floor > 0 else []
    if trends:
        said = [_trend_sentence(trend) for trend in trends]
        return Advice(
            verdict="drift",
            headline="More counting does not help here: the repeats change. " + said[0],
            reasons=(
                *said[1:],
                "Beam damage, a sample or a beam that moves: merge the first scans only, and go "
                "on at a fresh spot.",
                *reasons,
            ),
            forecast=forecast,
            trends=trends,
        )
    if target is None or forecast is None:
        return Advice(verdict="unknown", headline="There is no target to count for.",
                      reasons=tuple(reasons))  # fmt: skip
    verdict, headline = _answer(target, forecast, minutes)
    if target.reason:
        reasons.insert(0, f"The target: {target.reason}.")
    return Advice(verdict=verdict, headline=headline, reasons=tuple(reasons), forecast=forecast)


def _answer(target: Target, found: Forecast, minutes: float) -> tuple[Verdict, str]:
    # The parts of a unit stay on one line.
    unit = f" {target.unit}".replace(" ", "\N{NO-BREAK SPACE}") if target.unit else ""
    goal = f"{target.stderr:.2g}{unit}"
    scans = f"{found.count} scan" + ("s" if found.count != 1 else "")
    if math.isnan(found.stderr) or math.isnan(found.needed):
        return "unknown", (
            f"Not known yet: {FEWEST_SCANS} scans tell how {target.name} scatters; so far {scans}."
        )
    error = f"{found.stderr:.2g} ± {found.stderr_error:.1g}{unit}"
    now = f"the standard error of {target.name} is {error}"
    if math.isnan(found.value):
        now = f"{target.name} is {error}"
    if found.stderr <= target.stderr:
        return "enough", f"Yes: after {scans} {now}; the target is {goal}."
    if math.isinf(found.needed):
        return "floor", (
            f"More counting does not help: after {scans} {now}, of which a part above the target "
            f"of {goal} does not average away."
        )
    needed, error_of = math.ceil(found.needed), math.ceil(found.needed_stderr)
    left = max(needed - found.count, 1)
    time = f", {_duration(left * minutes)}" if math.isfinite(minutes) and minutes > 0 else ""
    return "go on", (
        f"Not yet: after {scans} {now}; the target of {goal} needs {needed} ± {error_of} "
        f"scans in all, {left} more{time}."
    )


def _duration(minutes: float) -> str:
    if minutes < 1.5:
        return f"about {max(round(60 * minutes), 1)} s"
    return f"about {minutes:.0f} min" if minutes < 100 else f"about {minutes / 60:.1f} h"


def _trend_sentence(trend: Trend) -> str:
    return (
        f"{trend.name} changes by {trend.slope:+.2g} ± {trend.slope_stderr:.1g} a scan over "
        f"{trend.count} scans (noise alone: {trend.probability:.0e})."
    )


def _noise_sentence(fall: NoiseFall) -> str:
    return (
        f"The noise of the merge is {fall.ratio:.2f} ± {fall.ratio_stderr:.2f} times what 1/√n "
        f"expects; {fall.floor:.2g} of it does not average away."
    )
