"""Shell fits of 1, 4 and 13 paths: this package and larch's feffit, alternating in one process.

    python benchmarks/xas_shell_fits.py [spectrum of copper.xdi]

Without a file the data are simulated from the same paths, with noise. Both start from the same
values and reach the same minimum: the table gives the largest difference of a parameter in units
of its standard error, the ratio of the standard errors by larch's rule, and the times of fits with
our own.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from xorder import xas
from xorder.fitting import Parameter, Parameters
from xorder.structure import Crystal, Site
from xorder.xas import feff

REPEATS = 9

#: Paths, range in R, parameters, and each path's delta_r and sigma2.
CASES: dict[int, tuple[tuple[float, float], list[str]]] = {
    1: ((1.6, 3.0), ["s02", "delta_e0", "delta_r", "sigma2"]),
    4: ((1.6, 4.0), ["s02", "delta_e0", "alpha", "sigma2_1", "sigma2_2", "sigma2_ms"]),
    13: ((1.6, 5.0), ["s02", "delta_e0", "alpha", "sigma2_1", "sigma2_2", "sigma2_ms"]),
}
START = {"s02": 0.9, "delta_e0": 3.0, "delta_r": 0.0, "alpha": 0.0}


def copper() -> Crystal:
    """Return copper at 10 K."""
    centring = [(0.0, 0.0, 0.0), (0.0, 0.5, 0.5), (0.5, 0.0, 0.5), (0.5, 0.5, 0.0)]
    return Crystal(
        name="Cu",
        cell=np.array([3.603, 3.603, 3.603, 90.0, 90.0, 90.0]),
        sites=(Site(label="Cu1", element="Cu", xyz=np.zeros(3)),),
        rotations=np.tile(np.eye(3, dtype=np.int64), (4, 1, 1)),
        translations=np.array(centring),
    )


def feff_files(radius: float = 5.5) -> tuple[tuple[str, str], ...]:
    """Return FEFF8L's path files of copper, shortest first."""
    (made,) = xas.feff_inputs(copper(), absorber="Cu", edge="K", radius=radius)
    files = feff.run_feff(made.text, program="feff8l", timeout=120.0)
    return tuple(sorted(files, key=lambda f: xas.read_path(f[1]).reff))


def simulated(paths: list[xas.ScatteringPath]) -> xas.Exafs:
    """Return noisy χ(k) of the paths."""
    k = 0.05 * np.arange(341)
    sigma2 = [0.0037 + 0.0006 * path.reff for path in paths]
    change = [0.002 * path.reff for path in paths]
    chi = xas.sum_paths(paths, k, s02=0.88, sigma2=sigma2, delta_e0=5.0, delta_r=change)
    chi = chi + 3e-4 * np.random.default_rng(0).standard_normal(k.size)
    return xas.Exafs(
        k=k, chi=chi, energy=8979 + 3.81 * k**2, mu=np.ones(k.size), background=np.ones(k.size),
        e0=8979.0, edge_step=1.0, epsilon_k=3e-4, rbkg=1.0, k_weight=2.0, k_range=(0.0, 17.0),
        element="Cu", edge="K", name="simulated Cu", simulated=True,
    )  # fmt: skip


def measured(path: str) -> xas.Exafs:
    """Return χ(k) of a file."""
    return xas.subtract_background(xas.normalize(xas.read(path)))


def roles(path: xas.ScatteringPath, count: int) -> tuple[str, str]:
    """Return the expressions of delta_r and sigma2 of a path."""
    if count == 1:
        return "delta_r", "sigma2"
    if path.n_legs > 2:
        return "alpha * reff", "sigma2_ms"
    return "alpha * reff", "sigma2_1" if path.reff < 3 else "sigma2_2"


def ours(
    exafs: xas.Exafs,
    paths: list[xas.ScatteringPath],
    count: int,
    errors: str = "propagated",
    space: str = "r",
) -> Any:
    """Return our fit and its time in seconds."""
    r_range, names = CASES[count]
    shells = []
    for path in paths[:count]:
        delta_r, sigma2 = roles(path, count)
        shells.append(xas.Shell(path=path, delta_r=delta_r, sigma2=sigma2))
    parameters = Parameters(Parameter(name=n, value=START.get(n, 0.005)) for n in names)
    begin = time.perf_counter()
    fit = xas.fit_shells(
        exafs,
        shells,
        parameters=parameters,
        k_range=(3, 14),
        r_range=r_range,
        errors=errors,
        space=space,
        k_weight=weights(space),
        starts=1,
    )
    return fit, time.perf_counter() - begin


def weights(space: str) -> list[int]:
    """Return the k-weights of a space: larch's wavelets take one."""
    return [2] if space == "wavelet" else [1, 2, 3]


def larchs(
    exafs: xas.Exafs, files: list[Path], paths: list[Any], count: int, space: str = "r"
) -> Any:
    """Return larch's fit and its time in seconds; its files are read beforehand."""
    from larch import Group
    from larch.fitting import param, param_group
    from larch.xafs import feffit, feffit_dataset, feffit_transform, feffpath

    r_range, names = CASES[count]
    group = param_group(**{n: param(START.get(n, 0.005), vary=True) for n in names})
    theirs = []
    for file, path in zip(files[:count], paths, strict=False):
        delta_r, sigma2 = roles(path, count)
        settings = {"s02": "s02", "e0": "delta_e0", "deltar": delta_r, "sigma2": sigma2}
        theirs.append(feffpath(str(file), **settings))
    transform = feffit_transform(
        kmin=3, kmax=14, kweight=weights(space), dk=1, window="hanning",
        rmin=r_range[0], rmax=r_range[1], fitspace=space[0],
    )  # fmt: skip
    data = Group(k=exafs.k.copy(), chi=exafs.chi.copy())
    dataset = feffit_dataset(
        data=data, paths=theirs, transform=transform, epsilon_k=exafs.epsilon_k
    )
    begin = time.perf_counter()
    result = feffit(group, dataset)
    return result, time.perf_counter() - begin


def main() -> None:
    """Print the table."""
    warnings.simplefilter("ignore")
    files = feff_files()
    paths = [xas.read_path(text, name=name) for name, text in files]
    given = measured(sys.argv[1]) if len(sys.argv) > 1 else None
    print(f"data: {given.name if given else 'simulated copper'}; medians of {REPEATS}, one start")
    print("paths variables  Δ/stderr  stderr ratio  R-factor ours/larch    ours    larch  ratio")
    with tempfile.TemporaryDirectory() as name:
        written = []
        for file, text in files:
            written.append(Path(name) / file)
            written[-1].write_text(text)
        for count, (_, names) in CASES.items():
            exafs = given or simulated(paths[:count])
            times: tuple[list[float], list[float]] = ([], [])
            for _ in range(REPEATS):
                mine, seconds = ours(exafs, paths, count)
                times[0].append(seconds)
                theirs, seconds = larchs(exafs, written, paths, count)
                times[1].append(seconds)
            mine = ours(exafs, paths, count, errors="independent points")[0]
            pairs = [(mine.parameters[n], theirs.params[n]) for n in names]
            apart = max(abs(a.value - b.value) / b.stderr for a, b in pairs)
            errors = [a.stderr / b.stderr for a, b in pairs]
            own, other = (1e3 * statistics.median(t) for t in times)
            print(
                f"{count:5d} {len(names):9d}  {apart:8.5f}  {min(errors):.4f}–{max(errors):.4f} "
                f"{mine.r_factor:11.6f} {theirs.rfactor:.6f} {own:7.1f} ms {other:6.0f} ms "
                f"{other / own:5.1f}"
            )
        spaces(given or simulated(paths[:4]), written, paths)


def spaces(exafs: xas.Exafs, files: list[Path], paths: list[xas.ScatteringPath]) -> None:
    """Print a fit of four paths in each space; larch's wavelet is Cauchy's, of its own order."""
    print("four paths in  Δ/stderr    ours    larch  ratio")
    for space in ("r", "k", "q", "wavelet"):
        times: tuple[list[float], list[float]] = ([], [])
        ours(exafs, paths, 4, space=space)  # the first fit of a space makes its matrix
        for _ in range(3):
            mine, seconds = ours(exafs, paths, 4, space=space)
            times[0].append(seconds)
            theirs, seconds = larchs(exafs, files, paths, 4, space)
            times[1].append(seconds)
        pairs = [(mine.parameters[n], theirs.params[n]) for n in CASES[4][1]]
        apart = max(abs(a.value - b.value) / a.stderr for a, b in pairs)
        own, other = (1e3 * statistics.median(t) for t in times)
        print(f"{space:13s}  {apart:8.3f} {own:7.1f} ms {other:6.0f} ms {other / own:5.1f}")


if __name__ == "__main__":
    main()
