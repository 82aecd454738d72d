"""How well the probes find the amorphous fraction of samples whose every atom is known.

Run ``python benchmarks/digital_series.py [seeds] [table.csv] [--models]``, and then, for the report
and the figure of a table, ``python benchmarks/digital_series.py table.csv figure.png``.

Eight samples, 0 to 95 wt% amorphous (`xorder.digital_series.ATOMISTIC_SERIES`); each seed draws the
noise of all measurements: samples, glass, weighed mixture and blanks. Fractions are found

- by XRD: Rietveld refinement with the measured halo of the glass, calibrated by a mixture of known
  weights; displacements are those refined on the first sample;
- by PDF: counts reduced, crystals refined together with the G(r) of the glass;
- with ``--models``, by PDF with the amorphous part modelled as the crystal, blurred;
- by XAS: the wavelet feature of straight Cl-Ta-Cl, which must fall from sample to sample.

Printed are, for each sample, mean error and scatter in wt%, the mean standard error, and the share
of cases within one standard error (0.68 if errors mean what they say); then the same over all
samples but the first, whose truth lies on the bound, and the rank correlation of the feature. A
table with every case is written where a path is given.
"""

from __future__ import annotations

import csv
import math
import sys
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from xorder import diffraction, pdf, xas
from xorder.diffraction.recipe_fractions import _calibrated, _scales
from xorder.digital_series import (
    ATOMISTIC_SERIES,
    GLASS,
    LONGER,
    WEIGHED,
    make_materials,
    parts_of,
)
from xorder.digital_signals import (
    Beamline,
    Diffractometer,
    longer,
    simulate_counts,
    simulate_empty_container,
    simulate_holder,
    simulate_pattern,
    simulate_scans,
)
from xorder.errors import BadInput, XorderError

BENCH, BEAMLINE = Diffractometer(), Beamline()
#: Standard error of the weighed share of the mixture; the stated share is drawn with it.
WEIGHING = 0.005
RANGE = (2.0, 25.0)
REDUCTION = pdf.ReductionOptions(
    normalization="low_r", q_min=0.5, q_max=22.0, polarization=0.0, r_cut=1.6, r_max=40.0,
    r_step=0.02, low_q="linear",
)  # fmt: skip
SCANS = xas.XasRecipe(
    element="Ta", edge="L3", k_range=(3.0, 12.0), k_weight=2.0, feature_r=(3.2, 4.6)
)


@dataclass(frozen=True)
class Case:
    """One number found of one sample."""

    seed: int
    method: str
    truth: float
    value: float
    stderr: float


def main(seeds: int = 50, table: str = "", *, models: bool = False) -> None:
    """Print the tables."""
    warnings.simplefilter("ignore")
    materials = make_materials(boxes=2)
    crystals = {p.name: p.crystal for p in (materials.crystal, materials.salt)}
    cases: list[Case] = []
    for seed in range(seeds):
        for found in (
            by_diffraction(materials, seed),
            by_pdf(materials, crystals, seed, models=models),
            by_absorption(materials, seed),
        ):
            cases += found
        if table:
            write(table, cases)
    report(cases)


def by_diffraction(materials, seed: int) -> Iterator[Case]:
    """Yield the amorphous fraction of each sample from its powder pattern."""
    own = 1000 * seed

    def pattern(milled, number: int, times: float = 1.0):
        bench = longer(BENCH, times)
        return simulate_pattern(parts_of(milled, materials), bench, seed=own + number)

    options = diffraction.RefinementOptions(
        background=4,
        halos=(pattern(GLASS, 90, LONGER),),
        blank=simulate_holder(longer(BENCH, LONGER), seed=own + 91),
    )

    def refined(data, crystals, uiso):
        salt = {"size": 813.0, "strain": None, "refine_shape": False}
        return diffraction.refine(
            data,
            [
                diffraction.Phase(crystal=crystals[0], positions=False, uiso=uiso),
                diffraction.Phase(crystal=crystals[1], positions=False, uiso=uiso, **salt),
            ],
            options=options,
        )

    start = (materials.crystal.crystal, materials.salt.crystal)
    first = refined(pattern(ATOMISTIC_SERIES[0], 0), start, "element")
    known = first.crystals
    share = 0.5 + WEIGHING * np.random.default_rng(own).normal()
    mixture = refined(pattern(WEIGHED, 92), known, "none")
    calibration = _calibrated(mixture, (share, WEIGHING))
    for number, milled in enumerate(ATOMISTIC_SERIES):
        data = pattern(milled, number)
        found = first if number == 0 else refined(data, known, "none")
        value, stderr = math.nan, math.nan
        scales, covar = _scales(found, 0, halo=True)
        try:
            fraction = diffraction.amorphous_from_halo(
                scales, found.crystals, covar=covar, calibration=calibration
            )
            value, stderr = fraction.amorphous, fraction.stderr
        except BadInput:
            value = 0.0 if scales[-1] < 1e-6 else math.nan  # at the bound, without an error
        yield Case(seed, "XRD", milled.amorphous, value, stderr)


def by_pdf(materials, crystals, seed: int, *, models: bool) -> Iterator[Case]:
    """Yield the amorphous fraction of each sample from its G(r)."""
    own = 1000 * seed + 500
    empty = simulate_empty_container(BEAMLINE, seed=own + 91)
    bare = {n: replace(c, sites=tuple(replace(s, uiso=math.nan) for s in c.sites))
            for n, c in crystals.items()}  # fmt: skip

    def measured(milled, number: int, times: float = 1.0):
        setup = longer(BEAMLINE, times)
        counts = simulate_counts(parts_of(milled, materials), setup, seed=own + number)
        found = pdf.reduce(counts, container=empty, options=replace(REDUCTION, fluorescence=None))
        return replace(found.pair_distribution, qdamp=BEAMLINE.qdamp)

    glass = measured(GLASS, 90, LONGER)
    options = pdf.RefinementOptions(
        refine_qdamp=False, refine_qbroad=True, qbroad=0.001, uiso=0.015, sphere_diameter=60.0
    )
    recipe = pdf.PdfRecipe(
        structures=("NaTaCl6", "NaCl"), amorphous=("NaTaCl6",), sphere_diameter=60.0,
        r_min=RANGE[0], r_max=RANGE[1], qdamp=BEAMLINE.qdamp,
    )  # fmt: skip
    for number, milled in enumerate(ATOMISTIC_SERIES):
        data = measured(milled, number)
        try:
            found = pdf.refine_with_end_member(data, bare, glass, r_range=RANGE, options=options)
            yield of_phases(found, seed, "PDF", milled)
        except XorderError:
            yield Case(seed, "PDF", milled.amorphous, math.nan, math.nan)
        if models:
            from xorder.pdf.analysis_fits import fit_phases

            blurred = fit_phases(data, bare, recipe, RANGE)
            yield of_phases(blurred, seed, "PDF, blurred crystal", milled)


def of_phases(found: pdf.PdfFit, seed: int, method: str, milled) -> Case:
    """Return the fraction of the amorphous phase of a fit."""
    if found.fractions is None:
        return Case(seed, method, milled.amorphous, math.nan, math.nan)
    at = next(i for i, phase in enumerate(found.fractions.phases) if "amorphous" in phase)
    value, stderr = found.fractions.mass[at], found.fractions.mass_stderr[at]
    return Case(seed, method, milled.amorphous, float(value), float(stderr))


def by_absorption(materials, seed: int) -> Iterator[Case]:
    """Yield the wavelet feature of each sample."""
    with tempfile.TemporaryDirectory() as folder:
        for number, milled in enumerate(ATOMISTIC_SERIES):
            crystalline = (1.0 - milled.amorphous) * (1.0 - milled.salt)
            scans = simulate_scans(
                materials.crystal_paths,
                materials.glass_paths,
                amorphous_share=milled.amorphous / (milled.amorphous + crystalline),
                seed=1000 * seed + 700 + 10 * number,
            )
            files = [Path(folder) / f"{number}_{k}.xdi" for k in range(len(scans))]
            for path, scan in zip(files, scans, strict=True):
                xas.write_xdi(scan, path)
            numbers = {n.name: n for n in xas.analyse(files, SCANS).numbers}
            for name in ("wavelet_box_mean", "first_shell_magnitude"):
                found = numbers[name]
                yield Case(seed, f"XAS {name}", milled.amorphous, found.value, found.stderr)


def report(cases: Iterable[Case]) -> None:
    """Print bias, scatter and coverage."""
    out = sys.stdout.write
    cases = list(cases)
    for method in dict.fromkeys(case.method for case in cases):
        own = [case for case in cases if case.method == method]
        if method.startswith("XAS"):
            out(f"\n{method}: {ranking(own)}\n")
            continue
        out(
            f"\n{method}\n{'true wt%':>9}{'bias':>8}{'scatter':>9}{'stderr':>8}"
            f"{'in 1σ':>7}{'n':>5}\n"
        )
        for truth in sorted({case.truth for case in own}):
            line(f"{100 * truth:9.0f}", [case for case in own if case.truth == truth])
        line("over 0", [case for case in own if case.truth > 0])


def line(label: str, cases: list[Case]) -> None:
    """Print one line of a table."""
    good = [case for case in cases if math.isfinite(case.value)]
    off = 100.0 * np.array([case.value - case.truth for case in good])
    errors = 100.0 * np.array([case.stderr for case in good])
    known = errors[np.isfinite(errors)]
    mean = known.mean() if known.size else math.nan
    # A value that stopped at the true bound has no error, and is right.
    within = np.where(np.isfinite(errors), np.abs(off) <= errors, off == 0.0)
    sys.stdout.write(
        f"{label:>9}{off.mean():8.2f}{off.std():9.2f}{mean:8.2f}"
        f"{within.mean():7.2f}{len(good):5d}\n"
    )


def ranking(cases: list[Case]) -> str:
    """Return how well a number ranks the samples, in words."""
    from scipy.stats import spearmanr

    right, rho = 0, []
    for seed in sorted({case.seed for case in cases}):
        own = sorted((case.truth, case.value) for case in cases if case.seed == seed)
        values = np.array([value for _, value in own])
        steps = np.diff(values)
        right += bool(np.all(steps < 0) or np.all(steps > 0))
        rho.append(abs(spearmanr([truth for truth, _ in own], values).statistic))
    return (
        f"all samples in order in {right} of {len(rho)}; mean |rank correlation| {np.mean(rho):.3f}"
    )


def draw(path: str, cases: Iterable[Case]) -> None:
    """Draw recovered against true fractions, their errors, and the feature on the same scale."""
    from xorder.figures.drawing import PAGE, mark_simulated, new_figure, panel_label, style

    cases = list(cases)
    with style():
        figure, axes = new_figure(1, 3, width=PAGE, height=2.5)
        for method in ("XRD", "PDF", "PDF, blurred crystal"):
            own = [case for case in cases if case.method == method]
            truth, mean, spread, _ = means(own)
            if method == "XRD":
                axes[0].axline((0, 0), slope=1, color="#999999", lw=0.7)
                axes[1].axhline(0, color="#999999", lw=0.7)
            if len(truth) == 0:
                continue
            look = LOOKS[method]
            axes[0].errorbar(truth, mean, spread, label=LABELS[method], **look)
            if method != "PDF, blurred crystal":
                axes[1].errorbar(truth + look_shift(method), mean - truth, spread, **look)
        shown = (("XAS wavelet_box_mean", "#CC79A7"), ("PDF", LOOKS["PDF"]["color"]))
        for method, colour in shown:
            truth, mean, spread, _ = means([case for case in cases if case.method == method])
            span = mean[-1] - mean[0]
            axes[2].errorbar(
                truth, (mean - mean[0]) / span, spread / abs(span), fmt="o", ms=3, color=colour,
                capsize=2, label="wavelet feature" if method.startswith("XAS") else "PDF: mass",
            )  # fmt: skip
        axes[2].plot([0, 95], [0, 1], color="#999999", lw=0.7)
        axes[0].set(ylabel="amorphous, found (wt%)")
        axes[1].set(ylabel="found minus true (wt%)")
        axes[2].set(ylabel="degree of amorphization")
        for ax, label in zip(axes, "abc", strict=True):
            ax.set(xlabel="amorphous, true (wt%)", xlim=(-5, 100))
            panel_label(ax, label)
        axes[0].legend(loc="lower right", fontsize=6)
        axes[2].legend(loc="upper left")
        mark_simulated(figure)
        figure.savefig(path, dpi=200)


LABELS = {
    "XRD": "XRD, measured halo",
    "PDF": "PDF, glass as a phase",
    "PDF, blurred crystal": "PDF, blurred crystal",
}
LOOKS: dict[str, dict[str, object]] = {
    "XRD": {"fmt": "s", "ms": 5, "mfc": "none", "capsize": 2, "color": "#0072B2"},
    "PDF": {"fmt": "o", "ms": 3, "capsize": 2, "color": "#D55E00"},
    "PDF, blurred crystal": {"fmt": "x", "ms": 4, "capsize": 2, "color": "#009E73"},
}


def look_shift(method: str) -> float:
    """Return how far points of a method are moved aside, so that bars do not cover one another."""
    return -0.7 if method == "XRD" else 0.7


def means(cases: list[Case]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return truth, mean, scatter and mean standard error; in wt% where it is a fraction."""
    factor = 1.0 if cases and cases[0].method.startswith("XAS") else 100.0
    truths = sorted({case.truth for case in cases})
    found = [np.array([c.value for c in cases if c.truth == truth]) for truth in truths]
    errors = [np.array([c.stderr for c in cases if c.truth == truth]) for truth in truths]
    return (
        100.0 * np.array(truths),
        factor * np.array([np.nanmean(values) for values in found]),
        factor * np.array([np.nanstd(values) for values in found]),
        factor * np.array([np.mean(values[np.isfinite(values)]) if np.isfinite(values).any()
                           else math.nan for values in errors]),
    )  # fmt: skip


def read(path: str) -> list[Case]:
    """Return the cases of a table."""
    with Path(path).open(newline="", encoding="utf-8") as file:
        return [
            Case(int(row["seed"]), row["method"], *(float(row[k]) for k in KEYS))
            for row in csv.DictReader(file)
        ]


KEYS = ("truth", "value", "stderr")


def write(path: str, cases: Iterable[Case]) -> None:
    """Write every case as a row."""
    with Path(path).open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["seed", "method", "truth", "value", "stderr"])
        rows.writerows([c.seed, c.method, c.truth, c.value, c.stderr] for c in cases)


if __name__ == "__main__":
    plain = [text for text in sys.argv[1:] if not text.startswith("--")]
    if plain and plain[0].endswith(".csv"):
        found = read(plain[0])
        report(found)
        draw(plain[1], found)
    else:
        main(
            int(plain[0]) if plain else 50,
            plain[1] if len(plain) > 1 else "",
            models="--models" in sys.argv,
        )
