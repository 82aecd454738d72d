"""Functions of total scattering from one file to another, each named by its letter."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from xorder._version import __version__
from xorder.errors import BadInput
from xorder.pdf.functions import (
    LowQ,
    OfQ,
    convert_of_q,
    convert_of_r,
    fq_from_gr,
    gr_covariance_from_fq,
    gr_from_fq,
)
from xorder.pdf.pattern import PairDistribution, Radiation
from xorder.results import Array, Result, quantity, recorded
from xorder.store import write_text

__all__ = ["Curve", "Letter", "convert", "read_curve", "write_curve"]

Letter = Literal["G", "g", "R", "T", "D", "S", "F", "i", "I"]
"""Functions of the distance, of Q, and the intensity; definitions are in `xorder.pdf.functions`."""

#: Letter of what a suffix stands for.
_SUFFIXES: dict[str, Letter] = {".gr": "G", ".sq": "S", ".fq": "F", ".iq": "I", ".chi": "I"}
_UNITS = {"G": "Å⁻²", "R": "Å⁻¹", "F": "Å⁻¹"}


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Curve(Result):
    """One function of total scattering on its axis."""

    letter: Letter
    """Which function it is."""
    x: Array = quantity("Å or Å⁻¹", dims=("x",))
    """Distance in Å or momentum transfer in Å⁻¹, shape (N,)."""
    values: Array = quantity(dims=("x",))
    """The function, shape (N,)."""
    stderr: Array | None = quantity(default=None)
    """Its standard error, shape (N,), or None."""
    q_min: float = quantity("Å⁻¹", default=math.nan)
    """Lower end of Q behind a function of the distance; NaN where unknown."""
    q_max: float = quantity("Å⁻¹", default=math.nan)
    """Upper end of Q behind a function of the distance; NaN where unknown."""
    wavelength: float = quantity("Å", default=math.nan)
    """Wavelength; NaN where unknown."""
    composition: str = ""
    """Chemical formula; empty where unknown."""
    radiation: Radiation = "xray"
    """What was scattered."""
    name: str = ""
    """Name of the sample."""
    source: str = ""
    """File it came from."""
    simulated: bool = False
    """True for what was computed, not measured."""

    @property
    def of_q(self) -> bool:
        """Whether it is a function of Q."""
        return self.letter in ("S", "F", "i", "I")


@recorded
def read_curve(
    path: str | Path,
    *,
    letter: Letter | None = None,
    axis: Literal["q", "q_nm", "two_theta"] | None = None,
    wavelength: float | None = None,
) -> Curve:
    """Return the function in a file.

    Parameters
    ----------
    path
        A .gr, .sq, .fq, .iq or .chi file, HDF5 of pyFAI or NeXus, or columns.
    letter
        Which function it holds; None takes it from the suffix.
    axis, wavelength
        As in `read_iq`.

    Raises
    ------
    BadInput
        Where nobody says which function it is, or the file cannot be read.
    """
    from xorder.pdf.readers.gr import read
    from xorder.pdf.readers.iq import HDF5_SUFFIXES, read_iq, read_sq

    path = Path(path)
    suffix = path.suffix.lower()
    found = letter or _SUFFIXES.get(suffix) or ("I" if suffix in HDF5_SUFFIXES else None)
    if found is None or found not in get_args(Letter):
        raise BadInput(
            f"letter is {found!r}" if found else "nothing says which function the file holds",
            expected="one of " + ", ".join(get_args(Letter)),
            source=path,
        )
    data: Any
    extra: dict[str, Any] = {}
    if found == "I":
        data = read_iq(path, axis=axis, wavelength=wavelength)
        x, values = data.q, data.intensity
    elif found == "S" or found == "F" or found == "i":
        data = read_sq(path, kind=found, axis=axis, wavelength=wavelength)
        x, values = data.q, data.values
    else:
        data = read(path)
        x, values = data.r, data.gr
        extra = {"q_min": data.q_min, "q_max": data.q_max}
    return Curve(
        letter=found,
        x=x,
        values=values,
        stderr=data.stderr,
        wavelength=data.wavelength,
        composition=data.composition,
        radiation=data.radiation,
        name=data.name,
        source=data.source,
        simulated=data.simulated,
        **extra,
    )


@recorded
def convert(
    curve: Curve,
    target: Letter,
    *,
    rho0: float | None = None,
    weight: float = 1.0,
    q_range: tuple[float, float] | None = None,
    r: Array | None = None,
    q: Array | None = None,
    window: Literal["none", "lorch"] = "none",
    low_q: LowQ = "cut",
) -> Curve:
    """Return another function of total scattering from one.

    Parameters
    ----------
    curve
        What is known.
    target
        Letter of what is wanted.
    rho0
        Number density in atoms Å⁻³; needed for g, R and T.
    weight
        Mean scattering ⟨b⟩² of D, T and i.
    q_range
        Ends in Å⁻¹ of the transform from Q to r; all data where None.
    r, q
        Grid of a transform; 0.01 to 30 Å in steps of 0.01, and Q up to Qmax in steps of
        π over the longest distance, where None.
    window, low_q
        As in `gr_from_fq`.

    Raises
    ------
    BadInput
        Where I(Q) is to become something else or something else I(Q), as that is a reduction; or
        a density, range or letter is missing or impossible.
    """
    if target not in get_args(Letter):
        raise BadInput(f"target is {target!r}", expected="one of " + ", ".join(get_args(Letter)))
    if (target == "I") != (curve.letter == "I"):
        raise BadInput(
            f"{curve.letter} cannot be converted to {target}",
            expected="`xorder pdf reduce`, which knows composition and corrections",
            source=curve.source or None,
        )
    if target == curve.letter:
        return curve
    wants_q = target in get_args(OfQ)
    if curve.of_q and wants_q:
        return _scaled(curve, target, lambda y: _of_q(y, curve.x, curve.letter, target, weight))
    if curve.of_q:
        gr = _to_distance(curve, weight, q_range, r, window, low_q)
        return convert(gr, target, rho0=rho0, weight=weight) if target != "G" else gr
    if wants_q:
        fq = _to_q(curve, rho0, weight, q)
        return convert(fq, target, weight=weight) if target != "F" else fq
    return _scaled(curve, target, lambda y: _of_r(y, curve.x, curve.letter, target, rho0, weight))


def _of_q(y: Array, q: Array, source: Any, target: Any, weight: float) -> Array:
    return convert_of_q(y, q, source=source, target=target, weight=weight)


def _of_r(y: Array, r: Array, source: Any, target: Any, rho0: float | None, weight: float) -> Array:
    return convert_of_r(y, r, source=source, target=target, rho0=rho0, weight=weight)


def _scaled(curve: Curve, target: Letter, change: Any) -> Curve:
    """Return the curve after a change that is a factor and a summand at each point."""
    values = change(curve.values)
    stderr = curve.stderr
    if stderr is not None:
        stderr = np.abs(change(curve.values + stderr) - values)
    return replace(curve, letter=target, values=values, stderr=stderr, provenance=None)


def _to_distance(
    curve: Curve,
    weight: float,
    q_range: tuple[float, float] | None,
    r: Array | None,
    window: Literal["none", "lorch"],
    low_q: LowQ,
) -> Curve:
    low, high = q_range or (0.0, math.inf)
    if high < math.inf and high > curve.x[-1] * (1 + 1e-3):
        raise BadInput(
            f"q_max is {high:g} Å⁻¹ and the data end at {curve.x[-1]:.6g} Å⁻¹",
            expected="q_max within the data",
            source=curve.source or None,
        )
    used = (curve.x >= low) & (curve.x <= high * (1 + 1e-9))
    if np.count_nonzero(used) < 2:
        raise BadInput(
            f"no data lie between Q = {low:g} and {high:g} Å⁻¹",
            expected=f"a range within {curve.x[0]:.4g} to {curve.x[-1]:.4g} Å⁻¹",
            source=curve.source or None,
        )
    q = curve.x[used]
    fq = _scaled(curve, "F", lambda y: _of_q(y, curve.x, curve.letter, "F", weight))
    grid = np.asarray(0.01 * np.arange(1, 3001), dtype=np.float64) if r is None else r
    stderr = None
    if fq.stderr is not None:
        stderr = gr_covariance_from_fq(q, fq.stderr[used], grid, window=window).stderr
    return replace(
        fq,
        letter="G",
        x=grid,
        values=gr_from_fq(q, fq.values[used], grid, window=window, low_q=low_q),
        stderr=stderr,
        q_min=float(q[0]),
        q_max=float(q[-1]),
        provenance=None,
    )


def _to_q(curve: Curve, rho0: float | None, weight: float, q: Array | None) -> Curve:
    gr = _of_r(curve.values, curve.x, curve.letter, "G", rho0, weight)
    r = curve.x
    step = float((r[-1] - r[0]) / (len(r) - 1))
    if r[0] > 1.5 * step:
        if rho0 is None:
            raise BadInput(
                f"the data begin at {r[0]:g} Å and the density is missing",
                expected="rho0 for the empty distances below, where G = -4πρ0 r",
                source=curve.source or None,
            )
        below = r[0] - step * np.arange(int(r[0] / step + 1e-9), 0, -1)
        r = np.concatenate([below, r])
        gr = np.concatenate([-4 * math.pi * rho0 * below, gr])
    if q is None:
        if not math.isfinite(curve.q_max):
            raise BadInput(
                "Qmax is not known: the header does not say it",
                expected="the points of Q",
                source=curve.source or None,
            )
        width = math.pi / float(r[-1])
        q = np.asarray(width * np.arange(1, int(curve.q_max / width + 1e-9) + 1), dtype=np.float64)
    return replace(
        curve,
        letter="F",
        x=q,
        values=fq_from_gr(r, gr, q),
        stderr=None,
        q_min=math.nan,
        q_max=math.nan,
        provenance=None,
    )


def write_curve(path: str | Path, curve: Curve, *, q_unit: Literal["1/A", "1/nm"] = "1/A") -> Path:
    """Write a function to a text file whose header names it, and return the path.

    Parameters
    ----------
    path
        File.
    curve
        What to write. Lost is the provenance; in Å⁻¹ every number reads back exactly.
    q_unit
        Unit of a column of Q.

    Raises
    ------
    BadInput
        Where the unit is unknown.
    CannotWrite
        Where the file cannot be written.
    """
    if q_unit not in ("1/A", "1/nm"):
        raise BadInput(f"q_unit is {q_unit!r}", expected="'1/A' or '1/nm'")
    if curve.letter == "G":
        from xorder.pdf.writers import write_gr

        return write_gr(path, pattern_of(curve))
    x = curve.x * (10.0 if curve.of_q and q_unit == "1/nm" else 1.0)
    axis = f"Q({q_unit}) {curve.letter}(Q)" if curve.of_q else f"r(A) {curve.letter}(r)"
    header = {
        "version": f"xorder-{__version__}",
        "simulated": "true" if curve.simulated else "false",
        "radiation": curve.radiation,
        "composition": curve.composition,
        "function": f"{curve.letter} {_UNITS.get(curve.letter, '')}".strip(),
    }
    known = {"wavelength": curve.wavelength, "qmin": curve.q_min, "qmax": curve.q_max}
    for key, value in known.items():
        if not math.isnan(value):
            header[key] = repr(float(value))
    lines = ["# SIMULATED data; not a measurement"] if curve.simulated else []
    lines += [f"# {key} = {value}" for key, value in header.items() if value]
    lines += ["#### start data", "#S 1"]
    columns = [x, curve.values]
    if curve.stderr is not None:
        axis += f" d{curve.letter}"
        columns.append(curve.stderr)
    lines.append(f"#L {axis}")
    lines += [" ".join(repr(float(value)) for value in row) for row in zip(*columns, strict=True)]
    return write_text(Path(path), "\n".join(lines) + "\n")


def pattern_of(curve: Curve) -> PairDistribution:
    """Return G(r) as refinements take it.

    Raises
    ------
    BadInput
        Where the curve is not G(r).
    """
    if curve.letter != "G":
        raise BadInput(f"the curve is {curve.letter}", expected="G")
    return PairDistribution(
        r=curve.x,
        gr=curve.values,
        stderr=curve.stderr,
        q_min=curve.q_min,
        q_max=curve.q_max,
        composition=curve.composition,
        radiation=curve.radiation,
        wavelength=curve.wavelength,
        name=curve.name,
        source=curve.source,
        simulated=curve.simulated,
    )
