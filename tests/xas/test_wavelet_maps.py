"""Maps are compared on one scale, and features assigned by calculated paths."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from xorder import xas
from xorder.errors import BadInput
from xorder.xas.wavelet_maps import wavelet_noise

MakeExafs = Callable[..., xas.Exafs]
SETTINGS = {"k_range": (3.0, 12.0), "r_range": (1.0, 5.5)}
K = 0.05 * np.arange(301)


@pytest.fixture(scope="module")
def measured(make_exafs: MakeExafs, ta_paths: tuple[xas.ScatteringPath, ...]) -> xas.Wavelets:
    """Return a map of Ta in NaTaCl6 with noise."""
    noise = 1e-3 * np.random.default_rng(0).standard_normal(K.size)
    chi = xas.sum_paths(ta_paths, K, s02=0.9, sigma2=0.004) + noise
    return xas.transform_to_wavelets(make_exafs(chi=lambda k: chi), **SETTINGS)


def test_the_maps_of_the_paths_add_up_to_the_map(
    make_exafs: MakeExafs, ta_paths: tuple[xas.ScatteringPath, ...]
) -> None:
    chi = xas.sum_paths(ta_paths, K, s02=0.9, sigma2=0.004, delta_e0=1.5)
    whole = xas.transform_to_wavelets(make_exafs(chi=lambda k: chi), **SETTINGS)
    single = xas.path_wavelets(whole, ta_paths, s02=0.9, sigma2=0.004, delta_e0=1.5)
    assert all(one.simulated for one in single)
    np.testing.assert_allclose(
        sum(one.real for one in single), whole.real, atol=1e-6 * whole.magnitude.max()
    )


def test_a_feature_is_assigned_to_the_path_that_makes_it(
    measured: xas.Wavelets, ta_paths: tuple[xas.ScatteringPath, ...]
) -> None:
    """The first shell is Ta–Cl; its shares add up to one."""
    paths = xas.path_wavelets(measured, ta_paths, sigma2=0.004)
    top = xas.wavelet_maximum(measured, r_range=(1.2, 3.0))
    found = xas.assign_feature(measured, paths, k=top.k, r=top.r)
    assert np.sum(found.share) == pytest.approx(1.0)
    assert found.labels[0].startswith("Ta–Cl–Ta 2.")
    assert found.computed == pytest.approx(found.measured, rel=0.05)
    assert found.share[0] == pytest.approx(1.0, abs=0.1)
    assert "Ta–Cl–Ta 2." in found.message
    assert found.to_dataframe().share.iloc[0] == found.share[0]


def test_the_collinear_paths_are_named_where_distance_alone_would_mislead(
    make_exafs: MakeExafs, ta_paths: tuple[xas.ScatteringPath, ...]
) -> None:
    """A path of half length 4.7 Å is highest below 4.2 Å in a map without phases."""
    straight = [p for p in ta_paths if p.n_legs == 4 and p.bend < 12 and p.reff > 4.5]
    chi = xas.sum_paths(straight, K, sigma2=0.004)
    whole = xas.transform_to_wavelets(make_exafs(chi=lambda k: chi), **SETTINGS)
    top = xas.wavelet_maximum(whole)
    assert top.r < min(p.reff for p in straight) - 0.4
    found = xas.assign_feature(whole, xas.path_wavelets(whole, straight, s02=1.0), k=top.k, r=top.r)
    assert found.labels[0].endswith("Å, straight")
    assert found.share[0] > 0.9


def test_paths_that_do_not_explain_a_feature_are_said_not_to(
    measured: xas.Wavelets, ta_paths: tuple[xas.ScatteringPath, ...]
) -> None:
    weak = xas.path_wavelets(measured, ta_paths[-3:], sigma2=0.02)
    top = xas.wavelet_maximum(measured, r_range=(1.2, 3.0))
    found = xas.assign_feature(measured, weak, k=top.k, r=top.r)
    assert "do not explain" in found.message


def test_the_maps_of_a_fit_are_those_of_its_paths(
    make_exafs: MakeExafs, ta_paths: tuple[xas.ScatteringPath, ...]
) -> None:
    first = [p for p in ta_paths if p.n_legs == 2 and p.reff < 3]
    chi = xas.sum_paths(first, K, s02=0.9, sigma2=0.004)
    exafs = make_exafs(chi=lambda k: chi)
    fit = xas.fit_shells(exafs, first, k_range=(3, 12), r_range=(1, 3))
    whole = xas.transform_to_wavelets(exafs, **SETTINGS)
    maps = xas.path_wavelets(whole, fit)
    assert len(maps) == 1
    assert maps[0].name.startswith("Ta–Cl–Ta 2.")
    np.testing.assert_allclose(
        sum(m.real for m in maps), whole.real, atol=1e-3 * whole.magnitude.max()
    )
    assert len(xas.path_wavelets(whole, fit, same_within=0.0)) == len(first)
    with pytest.raises(BadInput, match="spectrum is 3"):
        xas.path_wavelets(whole, fit, spectrum=3)


def test_the_difference_of_a_map_with_itself_is_nothing(measured: xas.Wavelets) -> None:
    same = xas.subtract_wavelets(measured, measured)
    assert np.all(same.difference == 0.0)
    assert np.all(same.stderr > 0.0)


def test_the_error_of_a_difference_is_the_scatter_of_noise(
    make_exafs: MakeExafs, ta_paths: tuple[xas.ScatteringPath, ...]
) -> None:
    chi = xas.sum_paths(ta_paths, K, s02=0.9, sigma2=0.004)
    generator = np.random.default_rng(1)
    draws = [
        xas.transform_to_wavelets(
            make_exafs(chi=lambda k: chi + 1e-3 * generator.standard_normal(k.size)),
            r_step=0.1, **SETTINGS,
        ).magnitude
        for _ in range(80)
    ]  # fmt: skip
    clean = xas.transform_to_wavelets(make_exafs(chi=lambda k: chi), r_step=0.1, **SETTINGS)
    stated = wavelet_noise(clean)
    strong = clean.magnitude > 10 * stated
    ratio = np.std(draws, axis=0)[strong] / stated[strong]
    assert np.mean(ratio) == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rho": 8.0}, "the maps have rho"),
        ({"wavelet": "cauchy"}, "the maps have wavelet"),
        ({"k_range": (3.0, 11.0)}, "the maps have k_range"),
        ({"k_weight": 3.0}, "the maps have k_weight"),
        ({"r_range": (1.0, 4.0)}, "different distances"),
    ],
)
def test_maps_of_other_settings_are_not_compared(
    make_exafs: MakeExafs, change: dict[str, object], message: str
) -> None:
    exafs = make_exafs(chi=lambda k: np.sin(4.0 * k))
    one = xas.transform_to_wavelets(exafs, **SETTINGS)
    other = xas.transform_to_wavelets(exafs, **{**SETTINGS, **change})
    with pytest.raises(BadInput, match=message):
        xas.subtract_wavelets(one, other)


def test_bad_assignments_are_refused(
    measured: xas.Wavelets, ta_paths: tuple[xas.ScatteringPath, ...]
) -> None:
    paths = xas.path_wavelets(measured, ta_paths[:2])
    with pytest.raises(BadInput, match="no maps of paths"):
        xas.assign_feature(measured, [], k=5.0, r=2.0)
    with pytest.raises(BadInput, match="was not found has none"):
        xas.assign_feature(measured, paths, k=float("nan"), r=2.0)
    with pytest.raises(BadInput, match="has other settings"):
        xas.assign_feature(replace(measured, rho=5.0), paths, k=5.0, r=2.0)
    with pytest.raises(BadInput, match="no paths"):
        xas.path_wavelets(measured, [])
    with pytest.raises(BadInput, match="sigma2 has 3 values for 2 paths"):
        xas.path_wavelets(measured, ta_paths[:2], sigma2=[0.1, 0.1, 0.1])


def test_differences_are_drawn_on_one_scale_and_paths_with_their_names(
    measured: xas.Wavelets, ta_paths: tuple[xas.ScatteringPath, ...], make_exafs: MakeExafs
) -> None:
    from matplotlib.figure import Figure

    from xorder.xas.wavelet_plots import plot_path_wavelets, plot_wavelet_differences

    weak = [0.02 if p.n_legs > 2 else 0.004 for p in ta_paths]
    chi = xas.sum_paths(ta_paths, K, s02=0.9, sigma2=weak)
    other = xas.transform_to_wavelets(make_exafs(chi=lambda k: chi), **SETTINGS)
    differences = [xas.subtract_wavelets(measured, m) for m in (other, replace(other, name="b"))]
    axes = Figure().subplots(1, 3)
    plot_wavelet_differences(differences, axes[:2])
    limits = {ax.images[0].get_clim() for ax in axes[:2]}
    assert len(limits) == 1
    low, high = limits.pop()
    assert low == -high < 0
    plot_path_wavelets(measured, xas.path_wavelets(measured, ta_paths), axes[2])
    assert any(text.get_text().startswith("Ta–Cl–Ta 2.") for text in axes[2].texts)
    with pytest.raises(BadInput, match="2 differences for 1 axes"):
        plot_wavelet_differences(differences, axes[:1])


def test_a_maximum_at_the_end_of_the_range_is_no_feature(make_exafs: MakeExafs) -> None:
    """A wave that falls from k = 0 is highest where the range begins, wherever that is."""
    exafs = make_exafs(chi=lambda k: np.exp(-1.6 * k) * np.sin(2 * k * 4.0))
    for start in (3.0, 4.0):
        wavelets = xas.transform_to_wavelets(exafs, k_range=(start, 12.0))
        found = xas.wavelet_maximum(wavelets, r_range=(3.2, 4.8))
        assert not found.success
        assert np.isnan(found.value)
        assert "at the end of the range of k" in found.message


def test_a_maximum_that_grows_to_the_end_of_the_data_is_no_feature(make_exafs: MakeExafs) -> None:
    exafs = make_exafs(chi=lambda k: 1e-3 * np.exp(0.8 * k) * np.sin(2 * k * 4.0))
    found = xas.wavelet_maximum(
        xas.transform_to_wavelets(exafs, k_range=(3.0, 12.0)), r_range=(3.2, 4.8)
    )
    assert not found.success
    assert "at the end of the range of k" in found.message


def test_a_maximum_near_the_end_of_the_range_says_so(make_exafs: MakeExafs) -> None:
    """Less than σ(k) from the end, a maximum depends on the range."""
    exafs = make_exafs(chi=lambda k: np.exp(-0.5 * (k - 3.4) ** 2) * np.sin(2 * k * 4.0))
    near = xas.wavelet_maximum(xas.transform_to_wavelets(exafs, k_range=(3.0, 12.0)))
    far = xas.wavelet_maximum(xas.transform_to_wavelets(exafs, k_range=(1.0, 12.0)))
    assert near.success
    assert "on which its place and height depend" in near.message
    assert far.success
    assert far.message == ""
