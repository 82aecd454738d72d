"""Nested shell fits: a second shell is asked for where it is there, and rarely by chance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from xorder import xas
from xorder.errors import BadInput

K = 0.05 * np.arange(281)
RANGES = {"k_range": (3.0, 13.0), "r_range": (1.0, 3.2)}


def shells():
    return xas.quick_shells([("O", 1.90), ("Cl", 2.35)], absorber="Ta", edge="L3")


def exafs(n_oxygen: float, seed: int) -> xas.Exafs:
    oxygen, chlorine = shells()
    chi = xas.path_chi(chlorine.path, K, s02=0.9, sigma2=0.005, delta_e0=0.0, degeneracy=4.0)
    if n_oxygen:
        chi = chi + xas.path_chi(
            oxygen.path, K, s02=0.9, sigma2=0.004, delta_e0=0.0, degeneracy=n_oxygen
        )
    noise = 1e-3 * np.random.default_rng(seed).standard_normal(K.size)
    return xas.Exafs(
        k=K, chi=chi + noise, energy=9881.0 + 3.81 * K**2, mu=np.ones(K.size),
        background=np.ones(K.size), e0=9881.0, edge_step=1.0, epsilon_k=1e-3, rbkg=1.0,
        k_weight=2.0, k_range=(0.0, 14.0), element="Ta", edge="L3", name="simulated",
        simulated=True,
    )  # fmt: skip


def both_fits(n_oxygen: float, seed: int) -> list[xas.ShellFit]:
    data, (oxygen, chlorine) = exafs(n_oxygen, seed), shells()
    one = xas.fit_shells(data, shells=[chlorine], **RANGES)
    return [one, xas.fit_shells(data, shells=[chlorine, oxygen], **RANGES)]


def test_a_second_shell_that_is_there_is_asked_for():
    found = xas.compare_fits(both_fits(2.0, seed=1), names=["Cl", "Cl and O"])
    assert found.preferred == "Cl and O"
    assert found.chance[1] < 1e-4
    assert found.delta_aic[0] > 10


def test_f_follows_from_chi_square():
    first, second = (one.fit for one in both_fits(2.0, seed=1))
    found = xas.compare_fits(both_fits(2.0, seed=1))
    more, free = second.nvarys - first.nvarys, second.n_independent - second.nvarys
    expected = (first.chisqr - second.chisqr) / more / (second.chisqr / free)
    assert found.f_value[1] == pytest.approx(expected)


def test_a_shell_that_is_not_there_is_rarely_asked_for():
    asked = sum(xas.compare_fits(both_fits(0.0, seed)).preferred == "fit 2" for seed in range(12))
    assert asked <= 3


def test_fits_of_different_data_are_refused():
    fits = both_fits(2.0, seed=1)
    other = xas.fit_shells(exafs(2.0, 1), shells=[shells()[1]], k_range=(3.0, 12.0), r_range=(1, 3))
    with pytest.raises(BadInput, match="the fits have"):
        xas.compare_fits([fits[0], other])
    with pytest.raises(BadInput, match="1 fits and 1 names"):
        xas.compare_fits(fits[:1])
    broken = replace(fits[0], fit=replace(fits[0].fit, success=False))
    with pytest.raises(BadInput, match="fit 1 failed"):
        xas.compare_fits([broken, fits[1]])
