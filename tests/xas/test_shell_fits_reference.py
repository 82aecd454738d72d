"""Shell fits land where larch's feffit lands, and σ² models are FEFF's."""

import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from xorder import references, xas
from xorder.fitting import Parameter, Parameters
from xorder.scattering import atomic_mass
from xorder.xas import feff

pytestmark = pytest.mark.reference

START = {"s02": 0.9, "delta_e0": 3.0, "alpha": 0.0}
K = 0.05 * np.arange(321)
BOHR = 0.529177210903


@pytest.fixture(scope="module")
def feffit() -> SimpleNamespace:
    """Return what larch fits with, imported quietly."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from larch import Group
        from larch.fitting import param, param_group
        from larch.xafs import feffit, feffit_dataset, feffit_transform, feffpath
    return SimpleNamespace(
        Group=Group,
        param=param,
        param_group=param_group,
        feffit=feffit,
        dataset=feffit_dataset,
        transform=feffit_transform,
        path=feffpath,
    )


@pytest.fixture(scope="module")
def nickel(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[xas.ScatteringPath], list[Path]]:
    """Return FEFF's paths of nickel and their files."""
    (made,) = xas.feff_inputs(
        references.load("Ni"), absorber="Ni", edge="K", radius=5.0, program="feff6l"
    )
    folder, files = tmp_path_factory.mktemp("feff"), []
    for name, content in feff.run_feff(made.text, program="feff6l", timeout=60.0):
        files.append(folder / name)
        files[-1].write_text(content)
    files.sort(key=lambda f: xas.read_path(f.read_text()).reff)
    return list(xas.read_paths(files)), files


def exafs(paths: list[xas.ScatteringPath]) -> xas.Exafs:
    """Return noisy χ(k) in which neighbours vibrate more with distance."""
    chi = xas.sum_paths(
        paths,
        K,
        s02=0.85,
        sigma2=[0.004 + 0.0008 * p.reff for p in paths],
        delta_e0=4.0,
        delta_r=[0.003 * p.reff for p in paths],
    )
    return xas.Exafs(
        k=K,
        chi=chi + 5e-4 * np.random.default_rng(2).standard_normal(K.size),
        energy=8333 + 3.81 * K**2,
        mu=np.ones(K.size),
        background=np.ones(K.size),
        e0=8333.0,
        edge_step=1.0,
        epsilon_k=5e-4,
        rbkg=1.0,
        k_weight=2.0,
        k_range=(0.0, 16.0),
        simulated=True,
    )


def roles(path: xas.ScatteringPath) -> tuple[str, str]:
    if path.n_legs > 2:
        return "alpha * reff", "sigma2_ms"
    return "alpha * reff", "sigma2_1" if path.reff < 3 else "sigma2_2"


@pytest.mark.parametrize(
    ("count", "space", "k_weight", "r_range"),
    [
        (1, "r", [1, 2, 3], (1.4, 3.0)),
        (1, "r", [2], (1.4, 3.0)),
        (1, "q", [2], (1.4, 3.0)),
        (1, "k", [2], (1.4, 3.0)),
        (4, "r", [1, 2, 3], (1.4, 4.0)),
        (13, "r", [1, 2, 3], (1.4, 4.8)),
    ],
)
def test_the_minimum_is_larchs(
    feffit: SimpleNamespace,
    nickel: tuple[list[xas.ScatteringPath], list[Path]],
    count: int,
    space: str,
    k_weight: list[int],
    r_range: tuple[float, float],
) -> None:
    paths, files = nickel
    data = exafs(paths[:count])
    used = dict.fromkeys(["s02", "delta_e0", "alpha", *(roles(p)[1] for p in paths[:count])])
    start = {name: START.get(name, 0.006) for name in used}
    theirs = [
        feffit.path(str(f), s02="s02", e0="delta_e0", deltar=roles(p)[0], sigma2=roles(p)[1])
        for f, p in zip(files[:count], paths, strict=False)
    ]
    transform = feffit.transform(
        kmin=3,
        kmax=13,
        kweight=k_weight,
        dk=1,
        window="hanning",
        rmin=r_range[0],
        rmax=r_range[1],
        fitspace=space,
    )
    dataset = feffit.dataset(
        data=feffit.Group(k=K.copy(), chi=data.chi.copy()),
        paths=theirs,
        transform=transform,
        epsilon_k=data.epsilon_k,
    )
    varying = {name: feffit.param(value, vary=True) for name, value in start.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = feffit.feffit(feffit.param_group(**varying), dataset)
    ours = xas.fit_shells(
        data,
        [xas.Shell(path=p, delta_r=roles(p)[0], sigma2=roles(p)[1]) for p in paths[:count]],
        parameters=Parameters(Parameter(name=n, value=v) for n, v in start.items()),
        k_range=(3, 13),
        r_range=r_range,
        k_weight=k_weight,
        space=space,
        errors="independent points",
        starts=1,
    )
    honest = xas.fit_shells(
        data,
        [xas.Shell(path=p, delta_r=roles(p)[0], sigma2=roles(p)[1]) for p in paths[:count]],
        parameters=Parameters(Parameter(name=n, value=v) for n, v in start.items()),
        k_range=(3, 13),
        r_range=r_range,
        k_weight=k_weight,
        space=space,
        starts=1,
    )
    for name in start:
        mine, other = ours.parameters[name], result.params[name]
        assert abs(mine.value - other.value) < 0.05 * other.stderr
        # Filtered χ(q) has fewer rows of its own here than larch counts.
        if space != "q":
            assert mine.stderr == pytest.approx(other.stderr, rel=0.01)
        # Without a filter in R every point of χ(k) counts by itself.
        if space != "k":
            assert 0.3 < honest.parameters[name].stderr / other.stderr < 3.0
    if space != "q":
        assert ours.r_factor == pytest.approx(result.rfactor, rel=1e-4)


def test_debyes_sigma2_is_feffs(ta_paths: tuple[xas.ScatteringPath, ...]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from larch.xafs.sigma2_models import sigma2_correldebye_py
    for path in ta_paths[:12:3]:
        x, y, z = path.positions.T
        masses = [atomic_mass(element) for element in path.elements]
        for theta, temperature in ((150.0, 20.0), (320.0, 300.0)):
            other = sigma2_correldebye_py(
                path.n_legs, temperature, theta, 1.9 / BOHR, x, y, z, masses
            )
            ours = xas.debye_sigma2(path, theta=theta, temperature=temperature, radius=1.9)
            assert ours == pytest.approx(other, rel=1e-4, abs=1e-7)
