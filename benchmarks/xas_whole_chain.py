"""Time files to stored results: Xorder and larch in one process, by turns; medians.

    python benchmarks/xas_whole_chain.py [SCAN]       the table of times
    python benchmarks/xas_whole_chain.py --memory     peak memory after 200 and 2,000 files

The chain of one file: read it, normalize, subtract the background, transform, wavelet map, fit of
four FEFF paths computed beforehand, store all to an HDF5 file. The files are noisy copies of a
measured copper scan (SCAN) or of a simulated one, each on a grid of its own, so that nothing kept
from the one before is of use. Times of the stages are of the processor, one core; those of several
processes are of the clock. Both store the same curves, maps and parameters; ours with units and
provenance, larch's as bare arrays by h5py. What `Result.save` writes of a fit beyond that, its
paths above all, has a row of its own.
"""

from __future__ import annotations

import os
import resource
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

# One core for both: threads of small products cost more than they bring.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import xas_shell_fits as shell_fits

from xorder import xas
from xorder.fitting import Parameter, Parameters
from xorder.store import write_results
from xorder.xas import feff, scattering_paths

ROUNDS = 15
PATHS = 4
K_RANGE = (3.0, 14.0)
R_RANGE, NAMES = shell_fits.CASES[PATHS]

HEADER = """# XDI/1.0
# Element.symbol: Cu
# Element.edge: K
# Column.1: energy eV
# Column.2: mutrans
# ///
#---
# energy mutrans"""

#: Arrays of larch's that answer to those of our results.
STORED = (
    "energy", "mu", "norm", "flat", "pre_edge", "post_edge", "bkg", "k", "chi",
    "r", "chir_mag", "chir_re", "chir_im", "wcauchy_mag", "wcauchy_re", "wcauchy_im",
)  # fmt: skip


def path_files() -> list[tuple[str, str]]:
    """Return FEFF's files of the shortest paths of copper: name and content."""
    (given,) = scattering_paths.feff_inputs(
        shell_fits.copper(), absorber="Cu", edge="K", radius=4.6
    )
    files = feff.run_feff(given.text, program="feff8l", timeout=120.0)
    return sorted(files, key=lambda file: xas.read_path(file[1]).reff)[:PATHS]


def simulated(paths: list[xas.ScatteringPath]) -> xas.Spectrum:
    """Return an arctangent edge with the oscillations of the paths, as long as a usual scan."""
    k = np.arange(1.0, 16.0, 0.05)
    energy = 8979.0 + np.concatenate(
        [np.arange(-150.0, -20.0, 4.0), np.arange(-20.0, 3.7, 0.3), 3.81 * k**2]
    )
    x = energy - 8979.0
    wave = np.sqrt(np.clip(x, 0.0, None) / 3.81)
    even = 0.05 * np.arange(341)
    sigma2 = [0.0037 + 0.0006 * path.reff for path in paths]
    chi = np.interp(wave, even, xas.sum_paths(paths, even, s02=0.88, sigma2=sigma2))
    step = 0.5 + np.arctan(x / 1.5) / np.pi
    mu = 0.3 + step * (1.0 + np.where(wave > 0.8, chi, 0.0)) - 2e-4 * x
    return xas.Spectrum(energy=energy, mu=mu, element="Cu", edge="K", simulated=True)


def scan_files(spectrum: xas.Spectrum, folder: Path) -> Iterator[Path]:
    """Write noisy copies, each on energies that no other has, and give their paths."""
    generator = np.random.default_rng(0)
    number = 0
    while True:
        number += 1
        stretch = 1.0 + 1e-6 * (number % 1000)
        energy = spectrum.energy[0] + stretch * (spectrum.energy - spectrum.energy[0])
        mu = spectrum.mu + 2e-4 * generator.standard_normal(energy.size)
        path = folder / "scan.xdi"
        np.savetxt(path, np.stack([energy, mu], axis=1), fmt="%.8f", header=HEADER, comments="")
        yield path


class Timed:
    """Times of each stage, in ms."""

    def __init__(self) -> None:
        """Start with none."""
        self.stages: dict[str, list[float]] = {}

    def __call__(self, stage: str, work: Callable[[], Any]) -> Any:
        """Do the work and keep its time."""
        start = time.process_time()
        done = work()
        self.stages.setdefault(stage, []).append(1e3 * (time.process_time() - start))
        return done

    def medians(self) -> dict[str, float]:
        """Return the median of each stage, and that of the sums."""
        found = {stage: statistics.median(times) for stage, times in self.stages.items()}
        found["whole chain"] = statistics.median(map(sum, zip(*self.stages.values(), strict=True)))
        return found


def our_chain(path: Path, out: Path, paths: list[xas.ScatteringPath], timed: Timed) -> Any:
    """Read, analyse and store one file with Xorder; return the fit."""
    spectrum = timed("read", lambda: xas.read(path))
    normalized = timed("normalize", lambda: xas.normalize(spectrum))
    exafs = timed("background", lambda: xas.subtract_background(normalized))
    transform = timed("transform", lambda: xas.transform_to_r(exafs, k_range=K_RANGE))
    wavelets = timed(
        "wavelet map",
        lambda: xas.transform_to_wavelets(exafs, k_range=K_RANGE, wavelet="cauchy", r_range=(0, 6)),
    )
    fit = timed(f"fit of {PATHS} paths", lambda: our_fit(exafs, paths))
    results = {
        "normalized": normalized, "exafs": exafs, "transform": transform,
        "wavelets": wavelets, "fit": fit.fit,
        "curves": {name: getattr(fit.spectra[0], name) for name in ("k", "chi", "model")},
    }  # fmt: skip
    timed("store", lambda: write_results(out, results))
    return fit


def our_chains(scans: list[Path], paths: list[xas.ScatteringPath]) -> None:
    """Analyse files one after the other, each stored beside itself."""
    warnings.simplefilter("ignore")
    for scan in scans:
        our_chain(scan, scan.with_suffix(".h5"), paths, Timed())


def our_fit(exafs: xas.Exafs, paths: list[xas.ScatteringPath]) -> Any:
    """Return the fit of the paths, from the same start as larch's."""
    shells = []
    for path in paths:
        delta_r, sigma2 = shell_fits.roles(path, PATHS)
        shells.append(xas.Shell(path=path, delta_r=delta_r, sigma2=sigma2))
    start = shell_fits.START
    parameters = Parameters(Parameter(name=n, value=start.get(n, 0.005)) for n in NAMES)
    return xas.fit_shells(
        exafs, shells, parameters=parameters, k_range=K_RANGE, r_range=R_RANGE, starts=1
    )


def larch_chain(path: Path, out: Path, paths: list[Any], timed: Timed) -> Any:
    """Read, analyse and store one file with larch; return the fit."""
    from larch.io import read_xdi
    from larch.xafs import autobk, cauchy_wavelet, pre_edge, xftf

    group = timed("read", lambda: read_xdi(str(path)))
    group.mu = group.mutrans
    timed("normalize", lambda: pre_edge(group))
    timed("background", lambda: autobk(group, rbkg=1.0, kweight=2))
    low, high = K_RANGE
    timed(
        "transform",
        lambda: xftf(group, kmin=low, kmax=high, kweight=2, dk=1, window="hanning"),
    )
    timed("wavelet map", lambda: cauchy_wavelet(group, kweight=2, rmax_out=6))
    fit = timed(f"fit of {PATHS} paths", lambda: larch_fit(group, paths))
    timed("store", lambda: larch_store(out, group, fit))
    return fit


def larch_paths(folder: Path, contents: list[tuple[str, str]]) -> list[Any]:
    """Return larch's paths, read from files in the folder."""
    from larch.xafs import feffpath

    theirs = []
    for name, text in contents:
        (folder / name).write_text(text)
        delta_r, sigma2 = shell_fits.roles(xas.read_path(text), PATHS)
        settings = {"s02": "s02", "e0": "delta_e0", "deltar": delta_r, "sigma2": sigma2}
        theirs.append(feffpath(str(folder / name), **settings))
    return theirs


def larch_fit(group: Any, paths: list[Any]) -> Any:
    """Return larch's fit of the paths."""
    from larch.fitting import param, param_group
    from larch.xafs import feffit, feffit_dataset, feffit_transform

    start = shell_fits.START
    parameters = param_group(**{n: param(start.get(n, 0.005), vary=True) for n in NAMES})
    transform = feffit_transform(
        kmin=K_RANGE[0], kmax=K_RANGE[1], kweight=[1, 2, 3], dk=1, window="hanning",
        rmin=R_RANGE[0], rmax=R_RANGE[1], fitspace="r",
    )  # fmt: skip
    return feffit(parameters, feffit_dataset(data=group, paths=paths, transform=transform))


def larch_store(out: Path, group: Any, fit: Any) -> None:
    """Write the arrays and the parameters."""
    import h5py

    with h5py.File(out, "w") as file:
        for name in STORED:
            file[name] = getattr(group, name)
        data, model = fit.datasets[0].data, fit.datasets[0].model
        file["fit/k"], file["fit/chi"], file["fit/model"] = data.k, data.chi, model.chi
        for name, parameter in fit.params.items():
            file.create_group(f"parameters/{name}").attrs.update(
                value=parameter.value, stderr=parameter.stderr or np.nan
            )


def print_times(
    spectrum: xas.Spectrum, paths: list[xas.ScatteringPath], theirs: list[Any], folder: Path
) -> None:
    """Run both by turns and print the table."""
    times, others, whole_fit = Timed(), Timed(), Timed()
    scans = scan_files(spectrum, folder)
    apart = 0.0
    for turn in range(ROUNDS + 2):
        if turn == 2:
            # The first rounds load libraries and compiled loops.
            times, others, whole_fit = Timed(), Timed(), Timed()
        scan = next(scans)
        mine = our_chain(scan, folder / "ours.h5", paths, times)
        other = larch_chain(scan, folder / "larch.h5", theirs, others)
        whole_fit("all", lambda fit=mine: fit.save(folder / "fit.h5"))
        distance = mine.parameters["alpha"].value - other.params["alpha"].value
        apart = max(apart, abs(distance) / mine.parameters["alpha"].stderr)
    sys.stdout.write(f"{spectrum.energy.size} points; medians of {ROUNDS} in ms\n")
    sys.stdout.write(f"{'':18}{'xorder':>9}{'larch':>9}{'ratio':>9}\n")
    for stage, ours in times.medians().items():
        print_row(stage, ours, others.medians()[stage])
    sys.stdout.write(f"{'all of the fit':18}{whole_fit.medians()['all']:9.2f}\n")
    sys.stdout.write(f"expansion of the paths: at most {apart:.2f} standard errors apart\n")


def print_row(name: str, ours: float, theirs: float) -> None:
    """Print two times in ms and their ratio."""
    sys.stdout.write(f"{name:18}{ours:9.2f}{theirs:9.2f}{theirs / ours:9.1f}\n")


def print_processes(
    spectrum: xas.Spectrum, paths: list[xas.ScatteringPath], theirs: list[Any], folder: Path
) -> None:
    """Print the time of a file in several processes, against larch's serial loop; by turns."""
    jobs = os.cpu_count() or 1
    scans = []
    for number, scan in zip(range(jobs * 20), scan_files(spectrum, folder), strict=False):
        scans.append(scan.replace(folder / f"scan_{number}.xdi"))
    shares = [scans[n::jobs] for n in range(jobs)]
    ours, larchs = [], []
    # New processes, as a run of a series starts them: larch's threads do not survive a fork.
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for _ in range(4):
            start = time.perf_counter()
            list(pool.map(our_chains, shares, [paths] * jobs))
            ours.append(1e3 * (time.perf_counter() - start) / len(scans))
            start = time.perf_counter()
            for scan in scans[:10]:
                larch_chain(scan, folder / "larch.h5", theirs, Timed())
            larchs.append(1e3 * (time.perf_counter() - start) / 10)
    print_row(f"{jobs} processes", statistics.median(ours[1:]), statistics.median(larchs[1:]))


def print_memory(spectrum: xas.Spectrum, paths: Any, folder: Path) -> None:
    """Print the peak memory of this process after 200 and after 2,000 files."""
    scans = scan_files(spectrum, folder)
    for number in range(1, 2001):
        our_chain(next(scans), folder / "ours.h5", paths, Timed())
        if number in (20, 200, 2000):
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            sys.stdout.write(f"{number:5d} files: peak memory {peak:6.1f} MiB\n")


def main() -> None:
    """Print the table."""
    warnings.simplefilter("ignore")
    contents = path_files()
    paths = [xas.read_path(text, name=name) for name, text in contents]
    arguments = [argument for argument in sys.argv[1:] if argument != "--memory"]
    spectrum = xas.read(arguments[0]) if arguments else simulated(paths)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if "--memory" in sys.argv:
            print_memory(spectrum, paths, folder)
        else:
            theirs = larch_paths(folder, contents)
            print_times(spectrum, paths, theirs, folder)
            print_processes(spectrum, paths, theirs, folder)


if __name__ == "__main__":
    main()
