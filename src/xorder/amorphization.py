r"""Amorphization: the probes' measures of disorder on one scale, with errors.

Every measure :math:`v` becomes a degree between two stated end members,

.. math:: x = \frac{v - v_c}{v_a - v_c},

0 at the crystalline end (c) and 1 at the amorphous one (a); where 1/v is what adds up over the
parts of a sample (domain size, order length), 1/v stands for v. The errors of the end members are
shared by all samples, so each measure has a covariance matrix. A degree speaks for the lengths its
measure sees; only measures of one and the same quantity are averaged.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xorder.agreement import (
    Agreement,
    Correlation,
    agreement_of_sample,
    correlate_ranks,
    weighted_mean,
)
from xorder.errors import BadInput
from xorder.measures import MEASURES, Measure, numbers_of_measure
from xorder.results import Array, Number, Result, quantity, recorded

__all__ = ["Amorphization", "Degree", "amorphization_from_numbers"]

#: End members must differ by this many standard errors, or a measure decides nothing.
DIFFER = 3.0


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Degree(Result):
    """One measure of a series as a degree of amorphization."""

    measure: Measure
    """What was measured."""
    number: str
    """Name of the number in the summary."""
    sample: NDArray[np.str_] = quantity(dims=("sample",))
    """Names of the samples."""
    value: Array = quantity(dims=("sample",))
    """The number itself, in its own unit; NaN where a sample has none."""
    value_stderr: Array = quantity(dims=("sample",))
    """Its standard error."""
    unit: str = ""
    """Unit of `value`."""
    degree: Array = quantity(symbol="x", dims=("sample",))
    """0 at the crystalline end member, 1 at the amorphous one; NaN where undecided."""
    stderr: Array = quantity(dims=("sample",))
    """Standard error of `degree`, errors of the end members included; 0 at these by definition."""
    covariance: Array = quantity()
    """Covariance of the degrees, shape (samples, samples)."""
    undecided: str = ""
    """Why the measure decides nothing; empty where it does."""

    def __bool__(self) -> bool:
        return not self.undecided


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Amorphization(Result):
    """A series on one scale: how amorphous each sample is, by each measure of each probe."""

    crystalline: str
    """Sample that stands for 0."""
    amorphous: str
    """Sample that stands for 1."""
    sample: NDArray[np.str_] = quantity(dims=("sample",))
    """Names of the samples."""
    order: Array = quantity(dims=("sample",))
    """What orders the series; NaN where not given."""
    order_name: str = ""
    """What that is, with its unit."""
    conductivity: Array = quantity("S/cm", dims=("sample",))
    """Ionic conductivity; NaN where not given."""
    conductivity_stderr: Array = quantity("S/cm", dims=("sample",))
    """Its standard error; NaN where not given."""
    degrees: tuple[Degree, ...]
    """Every measure that the series has, undecided ones too."""
    mass_fraction: Array = quantity(dims=("sample",))
    """Amorphous mass fraction, the mean of the measures of just that, weighted by their errors."""
    mass_fraction_stderr: Array = quantity(dims=("sample",))
    """Its standard error, widened where the measures disagree."""
    agreement: tuple[Agreement, ...] = ()
    """Whether the measures agree, sample by sample."""
    correlations: tuple[Correlation, ...] = ()
    """Rank correlation of each measure with milling time and conductivity."""
    numbers: tuple[Number, ...] = ()
    """Rows of the summary about the series."""
    sample_numbers: Mapping[str, tuple[Number, ...]]
    """Rows of the summary about each sample."""
    messages: tuple[str, ...] = ()
    """What a user must know."""
    simulated: bool = False
    """True where any of the data are calculated."""

    def __getitem__(self, name: str) -> Degree:
        for found in self.degrees:
            if found.measure.name == name:
                return found
        raise BadInput(
            f"there is no measure {name!r}",
            expected="one of " + ", ".join(found.measure.name for found in self.degrees),
        )


@recorded
def amorphization_from_numbers(
    samples: Mapping[str, Mapping[str, Sequence[Number]]],
    *,
    crystalline: str,
    amorphous: str,
    order: Mapping[str, float | None] | None = None,
    order_name: str = "",
    conductivity: Mapping[str, tuple[float | None, float | None]] | None = None,
    measures: Sequence[Measure] = MEASURES,
    simulated: bool = False,
    seed: int = 0,
) -> Amorphization:
    """Put the measures of a series on one scale, test whether they agree, and rank them.

    Parameters
    ----------
    samples
        Numbers of each sample by probe, in the order of the series.
    crystalline, amorphous
        Names of the end members.
    order
        Value of what orders the series, such as hours of milling.
    order_name
        What that is, with its unit.
    conductivity
        Ionic conductivity and its standard error, S/cm.
    measures
        Measures to look for.
    simulated
        Whether any of the data are calculated.
    seed
        Seed of the draws behind the errors of rank correlations.

    Raises
    ------
    BadInput
        Where an end member is no sample, both are one, or the series has fewer than three samples.
    """
    names = list(samples)
    for end in (crystalline, amorphous):
        if end not in samples:
            raise BadInput(
                f"the end member {end!r} is no sample", expected="one of " + ", ".join(names)
            )
    if crystalline == amorphous or len(names) < 3:
        raise BadInput(
            f"{len(names)} samples between {crystalline!r} and {amorphous!r}",
            expected="two different end members and a sample between them",
        )
    ends = (names.index(crystalline), names.index(amorphous))
    rows = [samples[name] for name in names]
    degrees = tuple(found for m in measures if (found := _degree(m, rows, names, ends)) is not None)
    if not degrees:
        raise BadInput(
            "no sample has a number that tells disorder",
            expected="amorphous fractions, sizes, order lengths or wavelet features",
        )
    mass, mass_stderr = _mass_fraction(degrees, len(names))
    orders = np.array([_known((order or {}).get(name)) for name in names])
    given = conductivity or {}
    sigma = np.array([_known(given.get(name, (None, None))[0]) for name in names])
    sigma_stderr = np.array([_known(given.get(name, (None, None))[1]) for name in names])
    decided = [found for found in degrees if found]
    agreement = tuple(
        agreement_of_sample(name, i, [(d.measure, d.degree, d.stderr) for d in decided])
        for i, name in enumerate(names)
        if i not in ends
    )
    correlations = tuple(
        correlate_ranks(d.measure, d.degree, d.covariance, what, values, errors, seed=seed)
        for d in decided
        for what, values, errors in (
            (order_name or "order", orders, np.zeros(len(names))),
            ("conductivity", sigma, np.nan_to_num(sigma_stderr)),
        )
        if np.count_nonzero(np.isfinite(values) & np.isfinite(d.degree)) >= 4
    )
    return Amorphization(
        crystalline=crystalline,
        amorphous=amorphous,
        sample=np.array(names),
        order=orders,
        order_name=order_name,
        conductivity=sigma,
        conductivity_stderr=sigma_stderr,
        degrees=degrees,
        mass_fraction=mass,
        mass_fraction_stderr=mass_stderr,
        agreement=agreement,
        correlations=correlations,
        numbers=tuple(found.number for found in correlations),
        sample_numbers=_rows(names, degrees, mass, mass_stderr, ends),
        messages=_messages(crystalline, amorphous, degrees, agreement),
        simulated=simulated,
    )


def _known(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _degree(
    measure: Measure,
    rows: Sequence[Mapping[str, Iterable[Number]]],
    names: Sequence[str],
    ends: tuple[int, int],
) -> Degree | None:
    """Return one measure between the end members; None where no sample has it."""
    found = numbers_of_measure(measure, rows)
    there = [number for number in found if number is not None]
    if not there:
        return None
    value = np.array([math.nan if n is None else n.value for n in found])
    stderr = np.array([math.nan if n is None else n.stderr for n in found])
    usable = np.isfinite(value) & np.isfinite(stderr)
    reading, error = value.copy(), stderr.copy()
    if measure.inverse:
        usable &= value > 0
        with np.errstate(divide="ignore", invalid="ignore"):
            reading, error = 1.0 / value, stderr / value**2
    reading[~usable] = error[~usable] = math.nan
    degree, covariance = _between(reading, error, ends)
    return Degree(
        measure=measure,
        number=there[0].name,
        sample=np.array(names),
        value=value,
        value_stderr=stderr,
        unit=there[0].unit,
        degree=degree,
        stderr=np.sqrt(np.diag(covariance)),
        covariance=covariance,
        undecided=_why_undecided(measure, reading, error, names, ends),
    )


def _between(reading: Array, error: Array, ends: tuple[int, int]) -> tuple[Array, Array]:
    """Return x = (v - c)/(a - c) and its covariance, c and a among the values themselves."""
    c, a = ends
    span = reading[a] - reading[c]
    with np.errstate(divide="ignore", invalid="ignore"):
        degree = (reading - reading[c]) / span
        # dx_i/dv_j: the value itself, and both end members, which every sample shares.
        jacobian = np.eye(len(reading)) / span
        jacobian[:, c] += (degree - 1.0) / span
        jacobian[:, a] -= degree / span
    degree[c], degree[a] = 0.0, 1.0
    jacobian[[c, a]] = 0.0
    if not np.isfinite(span):
        degree[:] = math.nan
        return degree, np.full((len(reading), len(reading)), math.nan)
    variance = np.where(np.isfinite(error), error, 0.0) ** 2
    covariance = (jacobian * variance) @ jacobian.T
    lost = ~np.isfinite(degree)
    covariance[lost] = covariance[:, lost] = math.nan
    return degree, covariance


def _why_undecided(
    measure: Measure, reading: Array, error: Array, names: Sequence[str], ends: tuple[int, int]
) -> str:
    missing = [names[end] for end in ends if not math.isfinite(reading[end])]
    if missing:
        return f"{measure.label}: {' and '.join(missing)} has no value of it with an error"
    c, a = ends
    span, sigma = reading[a] - reading[c], math.hypot(error[a], error[c])
    if abs(span) < DIFFER * sigma:
        return (
            f"{measure.label}: the end members differ by {abs(span) / sigma:.1f} standard errors, "
            f"less than {DIFFER:g}"
        )
    return ""


def _mass_fraction(degrees: Sequence[Degree], n: int) -> tuple[Array, Array]:
    """Return the mean of the measures of the amorphous mass itself, not of their degrees."""
    same = [d for d in degrees if d.measure.quantity == "amorphous mass fraction"]
    mean, stderr = np.full(n, math.nan), np.full(n, math.nan)
    for i in range(n):
        factors = [0.01 if d.unit in ("wt%", "%") else 1.0 for d in same]
        pairs = [
            (f * d.value[i], f * d.value_stderr[i]) for f, d in zip(factors, same, strict=True)
        ]
        mean[i], stderr[i] = weighted_mean(pairs)
    return mean, stderr


def _rows(
    names: Sequence[str],
    degrees: Sequence[Degree],
    mass: Array,
    mass_stderr: Array,
    ends: tuple[int, int],
) -> dict[str, tuple[Number, ...]]:
    rows: dict[str, tuple[Number, ...]] = {}
    for i, name in enumerate(names):
        numbers = [
            Number(
                name=f"degree ({d.measure.name})",
                value=float(d.degree[i]) if d else math.nan,
                stderr=float(d.stderr[i]) if d else math.nan,
                note=d.undecided
                or ("by definition" if i in ends else "")
                or f"speaks for {d.measure.length[0]:g} to {d.measure.length[1]:g} Å",
            )
            for d in degrees
        ]
        if math.isfinite(mass[i]):
            note = "mean of the probes that measure it"
            numbers.insert(
                0,
                Number(
                    name="amorphous_mass",
                    value=float(mass[i]),
                    stderr=float(mass_stderr[i]),
                    note=note,
                ),
            )
        rows[name] = tuple(numbers)
    return rows


def _messages(
    crystalline: str, amorphous: str, degrees: Sequence[Degree], agreement: Sequence[Agreement]
) -> tuple[str, ...]:
    said = [f"Degrees run from 0 at {crystalline} to 1 at {amorphous}."]
    said += [f"{d.undecided}: it decides nothing here." for d in degrees if not d]
    said += [found.explanation for found in agreement if not found]
    return tuple(said)
