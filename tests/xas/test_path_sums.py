"""χ(k) of paths follows the EXAFS equation and is larch's."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from xorder import references, xas
from xorder.errors import BadInput
from xorder.xas import feff

K = 0.05 * np.arange(1, 300)
Paths = tuple[xas.ScatteringPath, ...]


def test_amplitudes_follow_the_exafs_equation(ta_paths: Paths) -> None:
    """σ² damps as exp(−2k²σ²); a shift of R turns the phase by 2kΔR."""
    path = ta_paths[0]
    still = xas.path_chi(path, K, sigma2=0.0)
    damped = xas.path_chi(path, K, sigma2=0.005)
    late = K > 8
    ratio = np.max(np.abs(damped[late])) / np.max(np.abs(still[late]))
    assert np.exp(-2 * 0.005 * 15.0**2) < ratio < np.exp(-2 * 0.005 * 8.0**2) * 1.1
    assert xas.path_chi(path, K, s02=0.5) == pytest.approx(0.5 * xas.path_chi(path, K))


def test_paths_add(ta_paths: Paths) -> None:
    one, two = ta_paths[:2]
    both = xas.sum_paths([one, two], K, sigma2=[0.003, 0.005], delta_r=[0.0, 0.01])
    apart = xas.path_chi(one, K, sigma2=0.003) + xas.path_chi(two, K, sigma2=0.005, delta_r=0.01)
    np.testing.assert_allclose(both, apart)
    np.testing.assert_allclose(
        xas.sum_paths([one, two], K, scale=[2.0, 0.0]), 2.0 * xas.path_chi(one, K)
    )


@pytest.mark.reference
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"s02": 0.9, "sigma2": 0.004, "delta_e0": 2.5, "delta_r": 0.01},
        {"sigma2": 0.01, "delta_e0": -4.0, "third": 2e-4, "fourth": 1e-5},
    ],
)
def test_the_sum_of_paths_is_larchs(
    larch: SimpleNamespace, tmp_path: Path, settings: dict[str, float]
) -> None:
    (made,) = xas.feff_inputs(
        references.load("NaTaCl6"), absorber="Ta", edge="L3", radius=4.7, program="feff6l"
    )
    files = feff.run_feff(made.text, program="feff6l")
    names = {"delta_e0": "e0", "delta_r": "deltar"}
    theirs = {names.get(key, key): value for key, value in settings.items()}
    theirs.setdefault("sigma2", 0.003)
    group, paths = larch.Group(), []
    for name, content in files:
        (tmp_path / name).write_text(content)
        paths.append(larch.feffpath(str(tmp_path / name), **theirs))
    larch.ff2chi(paths, group=group, k=K)
    ours = sum(xas.path_chi(xas.read_path(content), K, **settings) for _, content in files)
    assert len(paths) > 5
    np.testing.assert_allclose(ours, group.chi, atol=1e-6 * np.max(np.abs(group.chi)))


def test_numbers_must_fit_the_paths(ta_paths: Paths) -> None:
    with pytest.raises(BadInput, match="sigma2 has 3 values for 2 paths"):
        xas.sum_paths(ta_paths[:2], K, sigma2=[0.1, 0.2, 0.3])
    with pytest.raises(BadInput, match="no paths to add"):
        xas.sum_paths([], K)


@pytest.mark.reference
def test_legs_angles_and_degeneracy_are_larchs(larch: SimpleNamespace, tmp_path: Path) -> None:
    (made,) = xas.feff_inputs(
        references.load("NaTaCl6"), absorber="Ta", edge="L3", radius=4.8, program="feff6l"
    )
    several = set()
    for name, content in feff.run_feff(made.text, program="feff6l"):
        (tmp_path / name).write_text(content)
        ours, theirs = xas.read_path(content), larch.feffpath(str(tmp_path / name))
        assert (ours.reff, ours.degeneracy) == (theirs.reff, theirs.degen)
        assert ours.n_legs == theirs.nleg
        legs, angles = np.array([(atom[2], atom[6]) for atom in theirs.geometry]).T
        np.testing.assert_allclose(ours.legs, legs, atol=1e-9)
        np.testing.assert_allclose(ours.angles, angles[:-1], atol=1e-4)
        several.add(ours.n_legs)
    assert several == {2, 3, 4}
