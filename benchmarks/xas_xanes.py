"""Near-edge analysis beside larch, in one process: linear combinations and peak fits.

Run as ``python benchmarks/xas_xanes.py``. Both codes get the same simulated spectra; times are
medians of alternating runs.
"""

import math
import statistics
import time
import warnings
from collections.abc import Callable

import numpy as np

from xorder import xas

ENERGY = np.concatenate(
    [np.arange(6950, 7095, 5.0), np.arange(7095, 7170, 0.4), np.arange(7170, 7700, 4.0)]
)
E0 = 7120.0


def shape(index: int) -> np.ndarray:
    x = ENERGY - 7114.0 - 1.7 * index
    line = (0.2 + 0.13 * index) * np.exp(-(((x - 4 - index) / 3) ** 2))
    return 0.5 + np.arctan(x / 1.4) / math.pi + line


def normalized(mu: np.ndarray, name: str) -> xas.Normalized:
    spectrum = xas.Spectrum(energy=ENERGY, mu=mu, name=name, simulated=True)
    return xas.normalize(spectrum, e0=E0, pre_edge=(-160, -30), post_edge=(100, 550), order=1)


def medians(
    ours: Callable[[], object], theirs: Callable[[], object], runs: int
) -> tuple[float, float]:
    ours(), theirs()
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(runs):
        for kept, function in zip(times, (ours, theirs), strict=True):
            start = time.perf_counter()
            function()
            kept.append(time.perf_counter() - start)
    return statistics.median(times[0]), statistics.median(times[1])


def main() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import lmfit
        from larch.math import lincombo_fit, lincombo_fitall, pca_train

    generator = np.random.default_rng(0)
    references = [normalized(shape(i), f"reference{i}") for i in range(8)]
    shares = generator.dirichlet(np.ones(3), size=20)
    series = [
        normalized(
            share @ np.stack([shape(i) for i in (0, 3, 6)])
            + 2e-3 * generator.standard_normal(ENERGY.size),
            f"scan{i}",
        )
        for i, share in enumerate(shares)
    ]
    sample = series[0]
    groups = [item.to_larch() for item in references]
    group, scans = sample.to_larch(), [item.to_larch() for item in series]
    window = {"xmin": E0 - 20, "xmax": E0 + 30, "arrayname": "flat"}

    def gaussian(x, step_height, step_center, height, center, fwhm, slope, level):  # type: ignore[no-untyped-def]
        step = step_height * (0.5 + np.arctan(2 * (x - step_center) / 1.25) / math.pi)
        peak = height * np.exp(-4 * math.log(2) * ((x - center) / fwhm) ** 2)
        return step + peak + level + slope * (x - E0)

    model = lmfit.Model(gaussian)
    near = (ENERGY >= E0 - 15) & (ENERGY <= E0 + 25)
    start = {"step_height": 1, "step_center": 7116, "height": 0.3, "center": 7119, "fwhm": 5,
             "slope": 0, "level": 0}  # fmt: skip

    cases = [
        ("one combination of 3", 30,
         lambda: xas.fit_linear_combination(sample, references[:3], all_combinations=False),
         lambda: lincombo_fit(group, groups[:3], **window)),
        ("all combinations of 8 up to 3 (92)", 5,
         lambda: xas.fit_linear_combination(sample, references, max_components=3),
         lambda: lincombo_fitall(group, groups, max_ncomps=3, **window)),
        ("principal components of 20", 30,
         lambda: xas.find_components(series, e_range=(-20, 30)),
         lambda: pca_train(scans, arrayname="flat", xmin=E0 - 20, xmax=E0 + 30)),
        ("step, line and 1 peak (other: lmfit)", 30,
         lambda: xas.fit_near_edge(
             sample, peaks=[xas.Peak(center=7119.0, fwhm=5.0, center_within=5.0)],
             step=xas.Step(center=7116.0, width=1.25, center_within=6.0), baseline="linear"),
         lambda: model.fit(sample.norm[near], x=ENERGY[near], **start)),
    ]  # fmt: skip
    print(f"{'':38s}{'Xorder':>10s}{'other':>12s}{'ratio':>8s}")
    for name, runs, ours, theirs in cases:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            a, b = medians(ours, theirs, runs)
        print(f"{name:38s}{1e3 * a:8.2f} ms{1e3 * b:9.2f} ms{b / a:8.1f}")


if __name__ == "__main__":
    main()
