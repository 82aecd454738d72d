"""Shell fits in wavelet space, with the background refined, and what lies beyond the covariance."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from xorder import xas
from xorder.errors import BadInput
from xorder.fitting import numeric_jacobian
from xorder.parameters import Parameter, Parameters
from xorder.stored import read_results
from xorder.xas.shell_background import background_splines
from xorder.xas.shell_objectives import shell_parameters
from xorder.xas.shell_spaces import SPACES, independent_points, space_matrix

Make = Callable[..., xas.Exafs]
K = 0.05 * np.arange(281)
RANGES = {"k_range": (3.0, 12.0), "r_range": (1.0, 3.0)}
TRUE = {"n_cl": 6.0, "r_cl": 2.35, "sigma2_cl": 0.005, "delta_e0": 2.0}


@pytest.fixture(scope="module")
def shell() -> xas.Shell:
    return xas.quick_shells([("Cl", 2.35)], absorber="Ta", edge="L3")[0]


@pytest.fixture(scope="module")
def clean(shell: xas.Shell) -> xas.Exafs:
    """Return six Cl at 2.35 Å around Ta, without noise."""
    chi = xas.path_chi(shell.path, K, s02=0.9, sigma2=0.005, delta_e0=2.0, degeneracy=6.0)
    return xas.Exafs(
        k=K, chi=chi, energy=9881.0 + 3.81 * K**2, mu=np.ones(K.size), background=np.ones(K.size),
        e0=9881.0, edge_step=1.0, epsilon_k=1e-3, rbkg=1.0, k_weight=2.0, k_range=(0.0, 14.0),
        element="Ta", edge="L3", name="simulated", simulated=True,
    )  # fmt: skip


def noisy(exafs: xas.Exafs, seed: int, leak: float = 0.0) -> xas.Exafs:
    """Return χ(k) with white noise and a leak of background: slow waves below 0.4 Å."""
    generator = np.random.default_rng(seed)
    waves = np.zeros(K.size)
    for r in generator.uniform(0.05, 0.4, 3):
        waves += leak * np.sin(2 * K * r + generator.uniform(0, 6.28)) * np.exp(-0.01 * K**2)
    return replace(exafs, chi=exafs.chi + waves + 1e-3 * generator.standard_normal(K.size))


@pytest.mark.parametrize("k_weight", [(2.0,), (1.0, 3.0)])
@pytest.mark.parametrize("wavelet", ["morlet", "cauchy"])
def test_the_wavelet_matrix_keeps_the_mean_square_of_the_map(
    clean: xas.Exafs, wavelet: str, k_weight: tuple[float, ...]
) -> None:
    """Σ |W|² over the box, by the map itself; each k-weight over what noise gives it."""
    box = xas.WaveletBox(k_range=(4.0, 10.0), wavelet=wavelet, rho=8.0)
    space = xas.FitSpace(
        k_range=(3.0, 12.0), r_range=(1.0, 3.0), k_weight=k_weight, space="wavelet", box=box
    )
    matrix, columns = space_matrix(space, 0.05, K.size)
    generator = np.random.default_rng(0)
    one, *draws = [clean.chi, *generator.standard_normal((40, K.size))]
    own = []
    for weight in k_weight:
        powers = []
        for chi in (one, *draws):
            whole = xas.transform_to_wavelets(
                replace(clean, chi=chi), k_range=(3.0, 12.0), k_weight=weight, wavelet=wavelet,
                rho=8.0, r_range=(1.0, 3.0), r_step=0.05,
            )  # fmt: skip
            inside = (whole.k > 3.99) & (whole.k < 10.01)
            powers.append(np.mean(whole.magnitude[:, inside] ** 2) / 2)
        own.append(powers[0] / np.mean(powers[1:]))
    assert np.mean((matrix @ one[columns]) ** 2) == pytest.approx(np.mean(own), rel=0.15)
    noise = [np.mean((matrix @ chi[columns]) ** 2) for chi in draws]
    assert np.mean(noise) == pytest.approx(1.0, rel=0.15)


@pytest.mark.parametrize("space", SPACES)
def test_the_slopes_of_a_refined_background_are_those_of_the_residual(
    shell: xas.Shell, clean: xas.Exafs, space: str
) -> None:
    objective = xas.ShellObjective(
        clean,
        [shell],
        shell_parameters([shell], Parameters()),
        space=xas.FitSpace(k_range=(3.0, 12.0), r_range=(0.0, 3.0), space=space, background_r=1.0),
        prefix="spectrum1_",
    )
    names = list(objective.parameters)
    assert sum("spectrum1_background_" in name for name in names) == 6
    values = {name: p.value + 0.01 for name, p in objective.parameters.items()}
    values["spectrum1_path1_delta_r"] = 0.01
    analytic = objective.jacobian(values, names)
    numeric = numeric_jacobian(objective, values, names)
    scale = np.abs(numeric).max(axis=0) + 1e-12
    np.testing.assert_allclose(analytic / scale, numeric / scale, atol=1e-6)


@pytest.mark.parametrize("space", SPACES)
def test_a_background_is_told_from_the_shell(
    shell: xas.Shell, clean: xas.Exafs, space: str
) -> None:
    """Without noise, a background made of the splines comes back with the shell."""
    fit_space = xas.FitSpace(k_range=(3.0, 12.0), r_range=(0.0, 3.0), background_r=1.0, space=space)
    splines = background_splines(fit_space, K)
    leak = splines @ (0.01 * np.random.default_rng(1).standard_normal(splines.shape[1]))
    exafs = replace(clean, chi=clean.chi + leak)
    found = xas.fit_shells(exafs, [shell], background=True, space=space, **RANGES)
    for name, value in TRUE.items():
        assert found.parameters[name].value == pytest.approx(value, rel=1e-4)
    one = found.spectra[0]
    inside = (K >= 3) & (K <= 12)
    np.testing.assert_allclose(one.background[inside], leak[inside], atol=1e-5)
    np.testing.assert_allclose(one.model, one.paths.sum(axis=0) + one.background)
    assert found.verdict == "good"


def test_the_background_takes_the_points_that_its_range_adds(
    shell: xas.Shell, clean: xas.Exafs
) -> None:
    with_it = xas.fit_shells(noisy(clean, 0), [shell], background=True, **RANGES).fit
    without = xas.fit_shells(noisy(clean, 0), [shell], **RANGES).fit
    splines = with_it.nvarys - without.nvarys
    assert with_it.n_independent == pytest.approx(1 + 2 * 9.0 * 3.0 / math.pi)
    assert splines == 1 + int(2 * 1.0 * 9.0 / math.pi)
    assert abs(with_it.nfree - without.nfree) < 1.0


def test_more_variables_than_points_are_refused(shell: xas.Shell, clean: xas.Exafs) -> None:
    with pytest.raises(BadInput, match="independent points"):
        xas.fit_shells(clean, [shell], background=True, k_range=(3, 7), r_range=(1.9, 2.2))


def test_a_leaking_background_no_longer_moves_the_shell(shell: xas.Shell, clean: xas.Exafs) -> None:
    """True values within one standard error as often as they must, with the background refined."""
    inside = []
    for seed in range(40):
        exafs = noisy(clean, seed, leak=0.003)
        found = xas.fit_shells(exafs, [shell], background=True, **RANGES)
        inside += [
            abs(found.parameters[n].value - v) < found.parameters[n].stderr for n, v in TRUE.items()
        ]
    assert 0.60 < np.mean(inside) < 0.78


def test_true_values_lie_within_one_standard_error_in_wavelet_space(
    shell: xas.Shell, clean: xas.Exafs
) -> None:
    inside = []
    for seed in range(60):
        found = xas.fit_shells(noisy(clean, seed), [shell], space="wavelet", **RANGES)
        inside += [
            abs(found.parameters[n].value - v) < found.parameters[n].stderr for n, v in TRUE.items()
        ]
    assert 0.60 < np.mean(inside) < 0.76


def test_the_result_says_what_the_background_costs(shell: xas.Shell, clean: xas.Exafs) -> None:
    found = xas.fit_shells(noisy(clean, 1), [shell], background=True, **RANGES)
    shares = dict(found.background_shares)
    assert set(shares) == set(TRUE)
    assert all(0.0 <= share < 1.0 for share in shares.values())
    assert "multiple correlation of n_cl with the background" in found.report()
    assert not any("background_" in flag for flag in found.flags)
    assert xas.fit_shells(noisy(clean, 1), [shell], **RANGES).background_shares == ()


@pytest.mark.parametrize("options", [{}, {"space": "wavelet"}, {"background": True}])
def test_the_profile_of_a_shell_agrees_with_its_error(
    shell: xas.Shell, clean: xas.Exafs, options: dict[str, object]
) -> None:
    """Distances are nearly linear; the fit is taken up again from its result."""
    found = xas.fit_shells(noisy(clean, 2), [shell], **RANGES, **options)
    profile = found.profile("r_cl", points=7)
    assert profile.success
    assert profile.upper - profile.best == pytest.approx(profile.stderr, rel=0.05)
    assert profile.best - profile.lower == pytest.approx(profile.stderr, rel=0.05)


def test_a_fit_of_several_spectra_is_taken_up_again(shell: xas.Shell, clean: xas.Exafs) -> None:
    """With names of a user's own, held values, expressions and a background for each spectrum."""
    lists = [
        [replace(shell, sigma2="cold", r="2.35 * stretch")],
        [replace(shell, sigma2="2 * cold", r="path1_r")],
    ]
    given = Parameters(
        [
            Parameter(name="stretch", value=1.0, min=0.9, max=1.1),
            Parameter(name="path1_r", value=2.35, min=2.0, max=2.7),
            Parameter(name="n_cl", value=6.0, vary=False),
        ]
    )
    found = xas.fit_shells(
        [noisy(clean, 4), noisy(clean, 5)], lists, parameters=given, background=True, starts=1,
        **RANGES,
    )  # fmt: skip
    again = found.objectives
    values = found.parameters.valuesdict()
    for objective, residual in zip(again, found.fit.residual, strict=True):
        np.testing.assert_allclose(objective.residual(values), residual, atol=1e-9)
    profile = found.profile("stretch", points=5)
    assert profile.increase.min() == pytest.approx(0.0, abs=0.01)
    assert profile.upper - profile.best == pytest.approx(profile.stderr, rel=0.1)


def test_a_stored_fit_is_taken_up_again(shell: xas.Shell, clean: xas.Exafs, tmp_path: Path) -> None:
    """What was written can be profiled later, without the data it came from."""
    found = xas.fit_shells(noisy(clean, 6), [shell], space="wavelet", background=True, **RANGES)
    (opened,) = read_results(found.save(tmp_path / "fit.h5")).values()
    np.testing.assert_allclose(
        opened.profile("r_cl", points=5).increase, found.profile("r_cl", points=5).increase,
        atol=1e-6,
    )  # fmt: skip


def test_chains_of_a_shell_fit_agree_with_its_errors(shell: xas.Shell, clean: xas.Exafs) -> None:
    found = xas.fit_shells(noisy(clean, 3), [shell], **RANGES)
    drawn = found.sample_posterior(steps=250, seed=2)
    for name, mean, stderr in zip(drawn.names, drawn.mean, drawn.stderr, strict=True):
        p = found.parameters[name]
        assert stderr == pytest.approx(p.stderr, rel=0.25)
        assert mean == pytest.approx(p.value, abs=0.4 * p.stderr)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: {"space": "w"}, "space is 'w'"),
        (lambda: {"space": xas.WaveletBox(k_range=(2.0, 8.0))}, "beyond the range of k"),
        (lambda: {"space": xas.WaveletBox(wavelet="haar")}, "wavelet is 'haar'"),
        (lambda: {"space": xas.WaveletBox(rho=0.1)}, "rho is 0.1"),
        (lambda: {"space": xas.WaveletBox(k_range=(8.0, 4.0))}, r"\(8, 4\)"),
        (lambda: {"background": True, "r_range": (0.2, 3.0)}, "room for 2 coefficients"),
    ],
)
def test_bad_spaces_are_refused(
    shell: xas.Shell, clean: xas.Exafs, make: Callable[[], dict[str, object]], message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        xas.fit_shells(clean, [shell], **{**RANGES, **make()})


def test_the_box_counts_the_points(clean: xas.Exafs) -> None:
    box = xas.WaveletBox(k_range=(4.0, 8.0))
    space = xas.FitSpace(k_range=(3.0, 12.0), r_range=(3.0, 5.0), space="wavelet", box=box)
    assert independent_points(space) == pytest.approx(1 + 2 * 4.0 * 2.0 / math.pi)
