"""Shell fits find what was put in, with honest errors, and say what the data do not hold."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from xorder import references, xas
from xorder.fitting import Parameter, Parameters, fit, numeric_jacobian
from xorder.scattering import atomic_mass
from xorder.xas.shell_models import QUANTITIES, PathStack
from xorder.xas.shell_objectives import shell_parameters
from xorder.xas.shell_spaces import SPACES, independent_points, space_matrix
from xorder.xas.transforms import N_FFT, window_function

K = 0.05 * np.arange(281)
Make = Callable[..., xas.Exafs]

#: Element, distance, N, σ²: the oxychloride glass of Ta.
GLASS = (("O", 1.84, 2.0, 0.003), ("Cl", 2.35, 3.6, 0.005))


@pytest.fixture(scope="session")
def bonds() -> dict[str, xas.Shell]:
    """Return shells of Ta by element alone, FEFF run once for each."""
    return {
        element: xas.quick_shells([(element, r)], absorber="Ta", edge="L3")[0]
        for element, r in (("O", 1.84), ("C", 2.08), ("Cl", 2.35))
    }


@pytest.fixture(scope="session")
def make() -> Make:
    """Return a maker of χ(k) of shells (element, R, N, σ²) of Ta with white noise."""

    def spectrum(
        bonds: dict[str, xas.Shell],
        *shells: tuple[str, float, float, float],
        noise: float = 0.0,
        seed: int = 0,
        delta_e0: float = 2.0,
    ) -> xas.Exafs:
        chi = np.zeros(K.size)
        for element, r, n, sigma2 in shells:
            path = bonds[element].path
            chi += xas.path_chi(
                path,
                K,
                s02=0.9,
                sigma2=sigma2,
                delta_e0=delta_e0,
                delta_r=r - path.reff,
                degeneracy=n,
            )
        generator = np.random.default_rng(seed)
        return xas.Exafs(
            k=K,
            chi=chi + noise * generator.standard_normal(K.size),
            energy=9881.0 + 3.81 * K**2,
            mu=np.ones(K.size),
            background=np.ones(K.size),
            e0=9881.0,
            edge_step=1.0,
            epsilon_k=noise or 1e-4,
            rbkg=1.0,
            k_weight=2.0,
            k_range=(0.0, 14.0),
            element="Ta",
            edge="L3",
            name="simulated",
            simulated=True,
        )

    return spectrum


def ta_cl(bonds: dict[str, xas.Shell], **changes: object) -> list[xas.Shell]:
    return [replace(bonds["Cl"], **changes)]


def test_the_stack_of_paths_is_the_sum_of_single_paths(
    ta_paths: tuple[xas.ScatteringPath, ...],
) -> None:
    """Each path has its own N, S0², ΔE0, ΔR, σ² and cumulants."""
    paths = ta_paths[:9]
    generator = np.random.default_rng(1)
    scale = np.array([3.0, 0.3, 4.0, 0.02, 0.004, 2e-4, 2e-5])
    values = np.array([1.0, 0.8, 0.0, 0.0, 0.003, 0.0, 0.0]) + scale * generator.uniform(
        size=(len(paths), 7)
    )
    together = PathStack(paths, K).chi(values)
    for column, (path, row) in enumerate(zip(paths, values, strict=True)):
        alone = xas.path_chi(path, K, **dict(zip(QUANTITIES, row.tolist(), strict=True)))
        np.testing.assert_allclose(together[1:, column], alone[1:], atol=1e-9)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("shared_e0", [True, False])
def test_the_jacobian_is_the_slope_of_the_residual(
    ta_paths: tuple[xas.ScatteringPath, ...], make_exafs: Make, space: str, shared_e0: bool
) -> None:
    shells = [
        xas.Shell(
            path=path,
            degeneracy=f"n_{i}",
            delta_e0="delta_e0" if shared_e0 else f"e_{i}",
            delta_r="alpha * reff" if i == 0 else f"dr_{i}",
            sigma2="2 * sigma2" if i == 2 else "sigma2",
            third="c3",
            fourth="c4",
        )
        for i, path in enumerate(ta_paths[:3])
    ]
    given = Parameters(
        [Parameter(name="alpha", value=0.004), Parameter(name="sigma2", value=0.004)]
    )
    objective = xas.ShellObjective(
        make_exafs(chi=lambda k: np.exp(-0.01 * k**2) * np.sin(4.7 * k)),
        shells,
        shell_parameters(shells, given),
        space=xas.FitSpace(k_range=(3.0, 12.0), r_range=(1.0, 3.0), space=space),
    )
    names = list(objective.parameters)
    values = {
        p.name: 0.0123 if p.expr else p.value + {"c3": 1e-4, "c4": 1e-5}.get(p.name, 0.01)
        for p in objective.parameters.values()
    }
    analytic = objective.jacobian(values, names)
    numeric = numeric_jacobian(objective, values, names)
    # Names inside expressions reach the residual through their constraint's own column.
    scale = np.abs(numeric).max(axis=0) + 1e-12
    np.testing.assert_allclose(analytic / scale, numeric / scale, atol=2e-6)
    moving = {name for name, size in zip(names, scale, strict=True) if size > 1e-6}
    assert moving == set(names) - {"alpha"}


@pytest.mark.parametrize("k_weight", [(2.0,), (1.0, 2.0, 3.0)])
def test_the_short_matrix_keeps_the_mean_square_of_chi_r(k_weight: tuple[float, ...]) -> None:
    """Σ |χ(R)|² over the range, each k-weight over its noise, by the plain Fourier transform."""
    space = xas.FitSpace(k_range=(3.0, 12.0), r_range=(1.1, 3.2), k_weight=k_weight)
    matrix, columns = space_matrix(space, 0.05, K.size)
    chi = np.random.default_rng(0).standard_normal(K.size)
    shape = window_function(K, k_range=space.k_range, dk=1.0, window="hanning")
    r_step = math.pi / (0.05 * N_FFT)
    inside = slice(int(0.01 + 1.1 / r_step), int(0.01 + 3.2 / r_step))
    squares = []
    for weight in k_weight:
        spectrum = np.fft.fft(chi * shape * K**weight, n=N_FFT)[inside] * 0.05 / math.sqrt(math.pi)
        power = 2 * weight + 1
        error = math.sqrt(0.05 * (12.0**power - 3.0**power) / (2 * math.pi * power))
        squares += [np.mean(np.abs(spectrum / error) ** 2) / 2]
    assert np.mean((matrix @ chi[columns]) ** 2) == pytest.approx(np.mean(squares), rel=1e-9)


@pytest.mark.parametrize("space", SPACES)
def test_noise_of_epsilon_k_gives_reduced_chi_square_one(
    bonds: dict[str, xas.Shell], make: Make, space: str
) -> None:
    """χ² over independent points, within what the window takes away."""
    found = [
        xas.fit_shells(
            make(bonds, ("Cl", 2.35, 6.0, 0.005), noise=1e-3, seed=seed),
            ta_cl(bonds),
            k_range=(3, 13),
            r_range=(1.2, 3.2),
            k_weight=0.0 if space == "k" else (1, 2, 3),
            space=space,
        ).fit.redchi
        for seed in range(12)
    ]
    assert 0.6 < np.mean(found) < 1.5


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("k_weight", [2, (1, 2, 3)])
def test_a_spectrum_without_noise_gives_back_its_shell(
    bonds: dict[str, xas.Shell], make: Make, space: str, k_weight: object
) -> None:
    exafs = make(bonds, ("Cl", 2.37, 5.5, 0.0042), delta_e0=-3.0)
    found = xas.fit_shells(
        exafs, ta_cl(bonds), k_range=(3, 12), r_range=(1, 3), k_weight=k_weight, space=space
    )
    shell = found.shells[0]
    assert found.verdict == "good"
    assert shell.degeneracy.value == pytest.approx(5.5, abs=1e-4)
    assert shell.n_s02.value == pytest.approx(0.9 * 5.5, abs=1e-4)
    assert shell.r.value == pytest.approx(2.37, abs=1e-5)
    assert shell.sigma2.value == pytest.approx(0.0042, abs=1e-6)
    assert shell.delta_e0.value == pytest.approx(-3.0, abs=1e-3)
    assert found.r_factor < 1e-8


def test_cumulants_are_found(bonds: dict[str, xas.Shell], make: Make) -> None:
    path = bonds["Cl"].path
    chi = xas.path_chi(
        path, K, s02=0.9, sigma2=0.006, delta_r=0.01, third=3e-4, fourth=2e-5, degeneracy=6.0
    )
    exafs = replace(make(bonds), chi=chi)
    shell = xas.Shell(path=path, degeneracy=6.0, third="c3", fourth="c4")
    found = xas.fit_shells(exafs, [shell], k_range=(3, 13), r_range=(1, 3.5))
    assert found.shells[0].third.value == pytest.approx(3e-4, rel=1e-3)
    assert found.shells[0].fourth.value == pytest.approx(2e-5, rel=1e-2)


def test_true_values_lie_within_one_standard_error_as_often_as_they_must(
    bonds: dict[str, xas.Shell], make: Make
) -> None:
    """Two shells, seven variables: 68 % of all parameters of 60 noisy spectra."""
    shells = [bonds["O"], bonds["Cl"]]
    true = {"n_o": 2.0, "r_o": 1.84, "sigma2_o": 0.003, "n_cl": 3.6, "r_cl": 2.35, "delta_e0": 2.0}
    inside = []
    for seed in range(60):
        exafs = make(bonds, *GLASS, noise=1e-3, seed=seed)
        found = xas.fit_shells(exafs, shells, k_range=(3, 12), r_range=(1, 3), starts=1)
        inside += [
            abs(found.parameters[name].value - value) < found.parameters[name].stderr
            for name, value in true.items()
        ]
    assert 0.60 < np.mean(inside) < 0.76


def test_errors_from_known_noise_are_the_scatter_of_repeated_spectra(
    bonds: dict[str, xas.Shell], make: Make
) -> None:
    fits = [
        xas.fit_shells(
            make(bonds, ("Cl", 2.35, 6.0, 0.005), noise=1e-3, seed=seed),
            ta_cl(bonds),
            k_range=(3, 12),
            r_range=(1, 3),
            scale_covar=False,
        )
        for seed in range(60)
    ]
    for name in ("n_cl", "r_cl", "sigma2_cl", "delta_e0"):
        values = [f.parameters[name].value for f in fits]
        stderr = np.mean([f.parameters[name].stderr for f in fits])
        assert stderr == pytest.approx(np.std(values), rel=0.25)


@pytest.mark.parametrize("k_max", [10.0, 11.0])
def test_two_anions_are_told_apart_or_said_to_be_undecidable(
    bonds: dict[str, xas.Shell], make: Make, k_max: float
) -> None:
    """Ta–O 2 × 1.84 Å and Ta–Cl 3.6 × 2.35 Å, by element and distance alone."""
    for seed in range(2):
        exafs = make(bonds, *GLASS, noise=1e-3, seed=seed)
        found = xas.fit_shells(exafs, [("O", 1.9), ("Cl", 2.3)], k_range=(3, k_max), r_range=(1, 3))
        if not found:
            assert found.verdict == "undecidable"
            continue
        oxygen, chlorine = found.shells
        assert abs(oxygen.degeneracy.value - 2.0) < 3 * oxygen.degeneracy.stderr < 1.5
        assert abs(chlorine.degeneracy.value - 3.6) < 3 * chlorine.degeneracy.stderr < 1.5
        assert oxygen.r.value == pytest.approx(1.84, abs=0.02)
        assert chlorine.r.value == pytest.approx(2.35, abs=0.01)


def test_an_absurd_minimum_is_rejected_although_it_is_lower(
    bonds: dict[str, xas.Shell], make: Make
) -> None:
    """C and Cl around a metal: with S0² free and numbers given, two minima stand side by side."""
    light = replace(bonds["C"], degeneracy=2.0, s02="s02")
    heavy = replace(bonds["Cl"], degeneracy=3.0, s02="s02")
    rejected = []
    for seed in range(5):
        exafs = make(
            bonds, ("C", 2.08, 2.0, 0.004), ("Cl", 2.37, 3.0, 0.004), noise=4e-3, seed=seed
        )
        found = xas.fit_shells(exafs, [light, heavy], k_range=(3, 9), r_range=(1, 3), starts=25)
        best = next(m for m in found.minima if m.fit is found.fit)
        lower = [m for m in found.minima if m.fit.chisqr < found.fit.chisqr]
        if not best.plausible:
            assert found.verdict in ("undecidable", "bad fit", "doubtful")
        if lower:
            rejected.append(found.parameters["s02"].value)
            assert not any(m.plausible for m in lower)
            assert any("was rejected" in flag for flag in found.flags)
            assert lower[0].fit.parameters["s02"].value > 1.2
    assert rejected
    assert all(0.6 < s02 < 1.2 for s02 in rejected)


def test_an_odd_minimum_stands_where_the_plausible_one_fits_far_worse(
    bonds: dict[str, xas.Shell], make: Make
) -> None:
    """A true shift of e0 by 14 eV is told, not fitted away."""
    exafs = make(bonds, *GLASS, noise=5e-4, delta_e0=14.0)
    found = xas.fit_shells(exafs, [bonds["O"], bonds["Cl"]], k_range=(4, 13), r_range=(1, 3))
    assert found.verdict == "doubtful"
    assert found.parameters["delta_e0"].value == pytest.approx(14.0, abs=1.0)
    assert any("delta_e0 is +1" in flag for flag in found.flags)


def test_minima_that_fit_alike_are_undecidable(bonds: dict[str, xas.Shell], make: Make) -> None:
    """A second shell of nearly nothing may sit anywhere."""
    shells = xas.quick_shells([("Cl", 2.35), ("Cl", 2.75)], absorber="Ta", edge="L3")
    exafs = make(bonds, ("Cl", 2.35, 6.0, 0.005), noise=4e-3)
    found = xas.fit_shells(exafs, shells, k_range=(3, 11), r_range=(1, 3))
    assert found.verdict != "good"
    assert len(found.minima) > 1


def test_shells_of_one_element_that_change_places_are_no_rivals(
    bonds: dict[str, xas.Shell], make: Make
) -> None:
    """Three short and three long bonds are one model, whichever is called the first."""
    exafs = make(bonds, ("Cl", 2.30, 3.0, 0.004), ("Cl", 2.45, 3.0, 0.004), noise=5e-4)
    path = bonds["Cl"].path
    shells = [
        xas.Shell(path=replace(path, reff=r), degeneracy=3.0, delta_r=f"dr_{i}", sigma2="sigma2")
        for i, r in enumerate((2.31, 2.44))
    ]
    found = xas.fit_shells(exafs, shells, k_range=(3, 12), r_range=(1, 3), starts=20)
    assert found.verdict == "good"
    assert [s.r.value for s in found.shells] == pytest.approx([2.30, 2.45], abs=0.01)


def test_a_broad_shell_asks_for_its_shape(bonds: dict[str, xas.Shell], make: Make) -> None:
    exafs = make(bonds, ("Cl", 2.35, 6.0, 0.014), noise=5e-4)
    plain = xas.fit_shells(exafs, ta_cl(bonds), k_range=(3, 12), r_range=(1, 3))
    shaped = xas.fit_shells(exafs, ta_cl(bonds, third="c3"), k_range=(3, 12), r_range=(1, 3))
    assert plain
    assert any("third cumulant" in flag for flag in plain.flags)
    assert not any("third cumulant" in flag for flag in shaped.flags)


def test_spectra_share_what_has_one_name(bonds: dict[str, xas.Shell], make: Make) -> None:
    """Two temperatures: one N and one E0, each its own σ²."""
    cold = make(bonds, ("Cl", 2.35, 6.0, 0.003), noise=1e-3)
    warm = make(bonds, ("Cl", 2.36, 6.0, 0.009), noise=1e-3, seed=1)
    lists = [ta_cl(bonds, sigma2="cold", r="r_cold"), ta_cl(bonds, sigma2="warm", r="r_warm")]
    known = {"r_range": (1, 3), "starts": 1, "scale_covar": False}
    both = xas.fit_shells([cold, warm], lists, k_range=[(3, 13), (3, 11)], **known)
    alone = xas.fit_shells(warm, lists[1], k_range=(3, 11), **known)
    assert both.verdict == "good"
    assert set(both.fit.var_names) == {"n_cl", "delta_e0", "r_cold", "cold", "r_warm", "warm"}
    assert both.parameters["warm"].value == pytest.approx(0.009, abs=5e-4)
    assert both.parameters["cold"].value == pytest.approx(0.003, abs=5e-4)
    assert both.parameters["warm"].stderr < alone.parameters["warm"].stderr
    spaces = [s.space for s in both.spectra]
    assert both.fit.n_independent == pytest.approx(sum(map(independent_points, spaces)))


def test_expressions_and_bounds_hold(bonds: dict[str, xas.Shell], make: Make) -> None:
    exafs = make(bonds, *GLASS, noise=1e-3)
    given = Parameters(
        [
            Parameter(name="n_o", value=2.0, min=0.0, max=6.0),
            Parameter(name="n_cl", value=4.0, expr="5.6 - n_o"),
        ]
    )
    found = xas.fit_shells(
        exafs, [bonds["O"], bonds["Cl"]], parameters=given, k_range=(3, 12), r_range=(1, 3)
    )
    total = found.parameters["n_o"].value + found.parameters["n_cl"].value
    assert total == pytest.approx(5.6)
    assert found.parameters["n_cl"].stderr == pytest.approx(found.parameters["n_o"].stderr)
    assert found.parameters["n_o"].value == pytest.approx(2.0, abs=0.2)


def test_multiple_scattering_follows_the_bonds(
    ta_paths: tuple[xas.ScatteringPath, ...],
) -> None:
    """A path that runs one bond twice changes by 2ΔR and has 4σ²; over two bonds 2ΔR and 2σ²."""
    straight = [p for p in ta_paths if p.n_legs == 4 and p.bend < 1e-6]
    single = [p for p in ta_paths if p.n_legs == 2 and p.reff < 3]
    shells = xas.shells_from_paths([*single, *straight], same_within=0.2)
    twice = [s for s in shells if s.path.n_legs == 4 and len({*map(tuple, s.path.positions)}) == 2]
    assert twice
    for shell in twice:
        assert shell.delta_r == "2 * delta_r_cl1"
        assert shell.sigma2 == "4 * sigma2_cl1"
    given = shell_parameters(shells, Parameters())
    assert set(given) == {"s02", "delta_e0", "delta_r_cl1", "sigma2_cl1"}


def test_a_quick_path_has_the_distance_and_the_phase_of_the_crystals(
    ta_paths: tuple[xas.ScatteringPath, ...],
) -> None:
    """Near the crystal's path of one distance in phase; FEFF6 and FEFF8 differ more."""
    crystal = ta_paths[0]
    quick = xas.quick_path("Ta", "L3", "Cl", crystal.reff, program="feff6l")
    assert quick.reff == pytest.approx(crystal.reff, abs=1e-3)
    assert quick.degeneracy == 1
    late = (crystal.k > 4) & (crystal.k < 14)
    apart = np.interp(crystal.k, quick.k, quick.phase) - crystal.phase
    turned = apart[late] - 2 * np.pi * np.round(apart[late].mean() / (2 * np.pi))
    assert np.max(np.abs(turned)) < 0.25


def test_einsteins_sigma2_has_its_limits(bonds: dict[str, xas.Shell]) -> None:
    r"""Cold: ħ²/2μkθ; warm: ħ²T/μkθ²."""
    path = bonds["Cl"].path
    mass = 1 / (1 / atomic_mass("Ta") + 1 / atomic_mass("Cl"))
    rest = 24.2544 / mass / 300.0
    cold = xas.einstein_sigma2(path, theta=300.0, temperature=1.0)
    warm = xas.einstein_sigma2(path, theta=300.0, temperature=3000.0)
    assert cold == pytest.approx(rest, rel=1e-5)
    assert warm == pytest.approx(rest * 2 * 3000.0 / 300.0, rel=2e-3)


@pytest.mark.parametrize("model", ["einstein", "debye"])
def test_a_temperature_is_fitted_in_an_expression(
    bonds: dict[str, xas.Shell], make: Make, model: str
) -> None:
    path = bonds["Cl"].path
    if model == "einstein":
        sigma2 = xas.einstein_sigma2(path, theta=320.0, temperature=100.0)
        text = xas.einstein_sigma2(path, theta="theta", temperature=100.0)
    else:
        sigma2 = xas.debye_sigma2(path, theta=320.0, temperature=100.0, radius=1.7)
        text = xas.debye_sigma2(path, theta="theta", temperature=100.0, radius=1.7)
    exafs = make(bonds, ("Cl", 2.35, 6.0, sigma2))
    given = Parameters([Parameter(name="theta", value=250.0, min=50.0, max=900.0, unit="K")])
    found = xas.fit_shells(
        exafs, ta_cl(bonds, sigma2=text), parameters=given, k_range=(3, 12), r_range=(1, 3)
    )
    assert found.parameters["theta"].value == pytest.approx(320.0, abs=0.1)


def test_a_result_tells_all(bonds: dict[str, xas.Shell], make: Make) -> None:
    exafs = make(bonds, ("Cl", 2.35, 6.0, 0.005), noise=1e-3)
    found = xas.fit_shells(exafs, ta_cl(bonds), k_range=(3, 12), r_range=(1, 3))
    spectrum = found.spectra[0]
    assert found
    assert found.provenance is not None
    assert found.provenance.parameters["k_range"] == [3, 12]
    names = [number.name for number in found.numbers]
    assert {"r Ta–Cl", "degeneracy Ta–Cl", "sigma2 Ta–Cl", "r_factor"} <= set(names)
    assert all(math.isfinite(number.stderr) for number in found.numbers[:-2])
    assert "Ta–Cl: N·S0² 5." in found.report()
    assert found.correlations[0][2] == pytest.approx(0.9, abs=0.09)
    np.testing.assert_allclose(spectrum.paths.sum(axis=0), spectrum.model)
    table = found.to_dataframe()
    assert table.loc["Ta–Cl", "r"] == found.shells[0].r.value
    assert table.loc["Ta–Cl", "r_stderr"] == pytest.approx(found.parameters["r_cl"].stderr)
    data, model = spectrum.transforms()
    inside = (data.r > 1) & (data.r < 3)
    assert data.k_weight == 2.0
    apart = np.max(np.abs(data.chi_r_mag - model.chi_r_mag)[inside])
    assert apart < 0.05 * np.max(data.chi_r_mag)
    np.testing.assert_allclose(
        sum(t.chi_r_re for t in spectrum.path_transforms()), model.chi_r_re, atol=1e-12
    )


def test_the_figure_shows_data_and_model(bonds: dict[str, xas.Shell], make: Make) -> None:
    from matplotlib.figure import Figure

    from xorder.xas.plots import plot_shell_fit_k

    found = xas.fit_shells(
        make(bonds, ("Cl", 2.35, 6.0, 0.005)), ta_cl(bonds), k_range=(3, 12), r_range=(1, 3)
    )
    left, right = Figure().subplots(1, 2)
    found.plot(left, paths=True)
    plot_shell_fit_k(found, right)
    np.testing.assert_allclose(
        left.lines[1].get_ydata(), found.spectra[0].transforms()[1].chi_r_mag
    )
    assert left.get_xlabel() == "R, not phase-corrected (Å)"
    assert right.get_ylabel() == "k²χ(k) (Å⁻²)"
    assert right.lines[1].get_label() == "fit"


def test_an_objective_joins_other_objectives(bonds: dict[str, xas.Shell], make: Make) -> None:
    """A fit of several probes takes the spectrum as one of them."""
    exafs = make(bonds, ("Cl", 2.35, 6.0, 0.005), noise=1e-3)
    shells = ta_cl(bonds)
    objective = xas.ShellObjective(
        exafs,
        shells,
        shell_parameters(shells, Parameters()),
        space=xas.FitSpace(k_range=(3.0, 12.0), r_range=(1.0, 3.0)),
    )
    assert fit([objective]).parameters["r_cl"].value == pytest.approx(2.35, abs=0.002)


def test_sites_of_a_crystal_make_a_model(make_exafs: Make) -> None:
    """NaTaCl6: six bonds of 2.30 to 2.40 Å fitted as one shell of one σ²."""
    paths = xas.calculate_paths(
        references.load("NaTaCl6"), absorber="Ta", edge="L3", radius=3.0, program="feff6l"
    )
    chi = xas.sum_paths(paths, 0.05 * np.arange(301), s02=0.9, sigma2=0.004, delta_r=0.01)
    exafs = make_exafs(chi=lambda k: chi)
    found = xas.fit_shells(exafs, paths, k_range=(3, 12), r_range=(1, 3))
    assert found.parameters["s02"].value == pytest.approx(0.9, abs=1e-3)
    assert found.parameters["delta_r_cl1"].value == pytest.approx(0.01, abs=1e-4)
