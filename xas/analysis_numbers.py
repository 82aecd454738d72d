"""The numbers of an analysed spectrum, as rows of a summary."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from xorder.results import Number
from xorder.xas.background import Exafs
from xorder.xas.normalization import Normalized
from xorder.xas.shell_fits import ShellFit
from xorder.xas.shell_plausibility import FittedShell
from xorder.xas.transforms import Transform, TransformPeak
from xorder.xas.wavelet_features import WaveletMaximum, WaveletMean

__all__ = [
    "corrected_numbers",
    "exafs_numbers",
    "fit_messages",
    "fit_numbers",
    "goodness_numbers",
    "near_edge_numbers",
    "prefixed",
    "shell_numbers",
]

_SPREAD = "standard error: spread over reasonable normalization ranges"
_NOISE = "standard error: white noise of χ(k); not phase-corrected"


#: Shells up to this many are rows of their own; of more paths the parameters they share are.
MOST_SHELLS = 6

#: Most flags of a shell fit among the messages of a sample.
MOST_FLAGS = 5

#: What the numbers of each kind of fit begin with in a summary.
PREFIXES = {"bond_angles": "angle", "near_edge": "peak", "mixtures": "lcf", "shell_fit": "fit"}


def prefixed(kind: str, numbers: Sequence[Number]) -> list[Number]:
    """Return the numbers of a fit under names that say which fit they are of."""
    return [
        replace(
            number,
            name=f"{PREFIXES[kind]} {number.name}",
            note=number.note or ("" if math.isfinite(number.stderr) else "has no standard error"),
        )
        for number in numbers
    ]


def corrected_numbers(peak: TransformPeak, corrected: Transform) -> list[Number]:
    """Return the first shell's distance out of the phase-corrected transform."""
    note = f"standard error: white noise of χ(k); phase of {corrected.phase_of} taken off"
    if not peak.success:
        note = peak.message
    return [
        Number(name="corrected_shell_r", value=peak.r, stderr=peak.r_stderr, unit="Å", note=note)
    ]


def fit_numbers(fit: ShellFit) -> list[Number]:
    """Return the rows of a shell fit: each shell's numbers, or the parameters many paths share."""
    if len(fit.shells) <= MOST_SHELLS and all(shell.path.n_legs == 2 for shell in fit.shells):
        return [*shell_numbers(fit.shells), *goodness_numbers(fit)]
    parameters = [
        Number(
            name=p.name,
            value=p.value,
            stderr=p.stderr,
            unit=p.unit,
            note="" if math.isfinite(p.stderr) else "held" if not p.vary else "not determined",
        )
        for p in fit.parameters.values()
        if not p.expr
    ]
    return [*parameters, *goodness_numbers(fit)]


def shell_numbers(shells: Sequence[FittedShell]) -> list[Number]:
    """Return what was fitted of the bonds of one spectrum, and once what is common to them."""
    single = [shell for shell in shells if shell.path.n_legs == 2]
    rows = {n.name: n for shell in single for n in shell.numbers if not _common(n)}
    first = single[0]
    common = [first.delta_e0, *([first.s02] if math.isfinite(first.s02.stderr) else [])]
    return [*rows.values(), *common]


def goodness_numbers(fit: ShellFit) -> list[Number]:
    """Return how well a shell fit describes the data."""
    return [
        Number(name="r_factor", value=fit.r_factor, note=fit.verdict),
        Number(name="reduced_chi_square", value=fit.fit.redchi, note=fit.verdict),
    ]


def _common(number: Number) -> bool:
    """Return whether a row is about all shells alike."""
    return number.name.startswith(("delta_e0 ", "s02 "))


def fit_messages(fit: ShellFit) -> list[str]:
    """Return the verdict and the first flags of a shell fit; all of them are in its result."""
    said = [f"shell fit: {fit.verdict}", *(f"shell fit: {flag}" for flag in fit.flags[:MOST_FLAGS])]
    left = len(fit.flags) - MOST_FLAGS
    return [*said, f"shell fit: {left} more flags are in the file"] if left > 0 else said


def near_edge_numbers(normalized: Normalized) -> list[Number]:
    line = normalized.white_line
    given = "given, not found" if math.isnan(normalized.e0_stderr) else ""
    return [
        Number(
            name="e0",
            value=normalized.e0,
            stderr=normalized.e0_stderr,
            unit="eV",
            note=given or "standard error: spread over half and twice the smoothing",
        ),
        Number(
            name="edge_step",
            value=normalized.edge_step,
            stderr=normalized.edge_step_stderr,
            note=_SPREAD,
        ),
        Number(
            name="white_line_energy",
            value=line.energy,
            stderr=line.energy_stderr,
            unit="eV",
            note=_SPREAD,
        ),
        Number(
            name="white_line_height",
            value=line.height,
            stderr=math.hypot(line.height_stderr, _noise_at(normalized, line.energy)),
            note=_SPREAD,
        ),
        Number(
            name="white_line_area",
            value=line.area,
            stderr=line.area_stderr,
            unit="eV",
            note=f"above an arctangent step at e0, within 30 eV; {_SPREAD}",
        ),
    ]


def exafs_numbers(
    exafs: Exafs,
    first_shell: TransformPeak,
    shell: WaveletMaximum,
    feature: WaveletMaximum,
    box: WaveletMean,
) -> list[Number]:
    ratio = feature.value / shell.value
    ratio_stderr = abs(ratio) * math.hypot(
        feature.value_stderr / feature.value, shell.value_stderr / shell.value
    )
    return [
        Number(
            name="epsilon_k",
            value=exafs.epsilon_k,
            note="from χ(R) between 15 and 30 Å; depends on the k-weight where noise grows with k",
        ),
        _number("first_shell_r", first_shell.r, first_shell.r_stderr, "Å"),
        _number("first_shell_magnitude", first_shell.magnitude, first_shell.magnitude_stderr),
        _number("wavelet_first_shell", shell.value, shell.value_stderr),
        _number("wavelet_feature_k", feature.k, feature.k_stderr, "Å⁻¹"),
        _number("wavelet_feature_r", feature.r, feature.r_stderr, "Å"),
        _number("wavelet_feature", feature.value, feature.value_stderr),
        _number("wavelet_feature_ratio", ratio, ratio_stderr),
        Number(
            name="wavelet_box_mean",
            value=box.value,
            stderr=box.stderr,
            note="mean of the map over the feature's ranges, with or without a maximum; "
            "standard error: white noise of χ(k)",
        ),
    ]


def _number(name: str, value: float, stderr: float, unit: str = "") -> Number:
    note = _NOISE if math.isfinite(value) else "there is no maximum in the range"
    return Number(name=name, value=value, stderr=stderr, unit=unit, note=note)


def _noise_at(normalized: Normalized, energy: float) -> float:
    if normalized.stderr is None or not math.isfinite(energy):
        return 0.0
    return float(np.interp(energy, normalized.energy, normalized.stderr))
