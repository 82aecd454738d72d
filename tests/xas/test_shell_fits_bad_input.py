"""What makes no shell fit is refused with one clear sentence."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from xorder import xas
from xorder.errors import BadInput
from xorder.fitting import Parameter, Parameters

Make = Callable[..., xas.Exafs]
Paths = tuple[xas.ScatteringPath, ...]


@pytest.fixture(scope="module")
def exafs(make_exafs: Make) -> xas.Exafs:
    return make_exafs(chi=lambda k: np.sin(4.7 * k) * np.exp(-0.01 * k**2) / (k + 1))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"k_range": (3, 40)}, r"k_range is \(3, 40\).*ends at 15"),
        ({"k_range": (12, 3)}, r"k_range is \(12, 3\)"),
        ({"k_range": [(3, 12), (3, 12)]}, "k_range is .*two for each spectrum"),
        ({"k_range": "3-12"}, "k_range is '3-12'"),
        ({"r_range": (3, 1)}, r"r_range is \(3, 1\)"),
        ({"r_range": (1, math.nan)}, "r_range is"),
        ({"r_range": (1, 99)}, "0 to 15 Å"),
        ({"r_range": (1.0, 1.001)}, "hold no point"),
        ({"k_weight": -1}, "k_weight is -1"),
        ({"k_weight": ()}, "k_weight is empty"),
        ({"k_weight": (1, math.nan)}, "k_weight is nan"),
        ({"window": "hamming"}, "window is 'hamming'"),
        ({"dk": -1.0}, "dk is -1"),
        ({"space": "w"}, "space is 'w'.*k, r, q"),
        ({"errors": "none"}, "errors is 'none'"),
        ({"epsilon_k": 0.0}, "epsilon_k is 0"),
        ({"epsilon_k": math.nan}, "epsilon_k is nan"),
        ({"k_range": (3, 6), "r_range": (1.5, 2.2)}, "4 variables for .* independent points"),
        ({"parameters": Parameters([Parameter(name="sgma2", value=0.1)])}, "no shell uses sgma2"),
    ],
)
def test_settings_without_sense_are_refused(
    exafs: xas.Exafs, ta_paths: Paths, settings: dict[str, object], message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        xas.fit_shells(exafs, ta_paths[:1], **{"k_range": (3, 12), "r_range": (1, 3), **settings})


@pytest.mark.parametrize(
    ("shells", "message"),
    [
        ([], "no shell to fit"),
        ([[]], "no shell to fit"),
        (["Cl"], "a shell is str"),
        ([3.0], "a shell is float"),
        ([("Cl", 2.35, 6.0)], r"\('Cl', 2.35, 6.0\)"),
        ([("Cl", 2.35)], "does not say its element and edge"),
        ([[("Cl", 2.35)], [("Cl", 2.35)]], "2 lists of shells for 1 spectra"),
    ],
)
def test_what_is_no_shell_is_refused(exafs: xas.Exafs, shells: list, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        xas.fit_shells(exafs, shells, k_range=(3, 12))


def test_no_spectrum_is_refused(ta_paths: Paths) -> None:
    with pytest.raises(BadInput, match="no spectrum"):
        xas.fit_shells([], ta_paths[:1])


@pytest.mark.parametrize(
    ("neighbour", "message"),
    [
        (("Xx", 2.3), "scatterer is 'Xx'"),
        (("Cl", 0.1), "Ta–Cl is 0.1 Å"),
        (("Cl", math.nan), "Ta–Cl is nan Å"),
        (("Cl", 23.5), "1.2 to 6 Å"),
    ],
)
def test_a_neighbour_that_cannot_be_is_refused(neighbour: tuple[str, float], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        xas.quick_shells([neighbour], absorber="Ta", edge="L3")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sigma2": math.nan}, "sigma2 of .* is nan"),
        ({"sigma2": " "}, "sigma2 of .* is empty"),
        ({"sigma2": "2 *"}, "'2 \\*' cannot be read"),
        ({"sigma2": "a.b"}, "a in sigma2"),
        ({"sigma2": "__import__('os')"}, "uses|unknown"),
        ({"delta_r": "alpha * reff"}, "alpha in delta_r .* has no start value"),
        ({"r": 2.3, "delta_r": 0.1}, "both r and delta_r"),
    ],
)
def test_a_shell_that_cannot_be_read_is_refused(
    exafs: xas.Exafs, ta_paths: Paths, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        xas.fit_shells(exafs, [xas.Shell(path=ta_paths[0], **changes)], k_range=(3, 12))


def test_paths_of_several_legs_alone_make_no_shells(ta_paths: Paths) -> None:
    with pytest.raises(BadInput, match="no path of single scattering"):
        xas.shells_from_paths([p for p in ta_paths if p.n_legs > 2])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"theta": 0.0, "temperature": 300.0}, "theta is 0.0 K"),
        ({"theta": 300.0, "temperature": math.nan}, "temperature is nan K"),
    ],
)
def test_temperatures_are_above_zero(
    ta_paths: Paths, settings: dict[str, float], message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        xas.einstein_sigma2(ta_paths[0], **settings)
    with pytest.raises(BadInput, match="radius is"):
        xas.debye_sigma2(ta_paths[0], theta=300.0, temperature=300.0, radius=-1.0)


def test_a_spectrum_of_nothing_is_a_failure_and_no_error(exafs: xas.Exafs, ta_paths: Paths) -> None:
    for chi in (np.zeros(exafs.k.size), np.full(exafs.k.size, 1e-9)):
        found = xas.fit_shells(replace(exafs, chi=chi), ta_paths[:1], k_range=(3, 12))
        assert not found
        assert found.flags


def test_points_that_are_no_numbers_are_refused(exafs: xas.Exafs, ta_paths: Paths) -> None:
    chi = exafs.chi.copy()
    chi[100] = np.nan
    with pytest.raises(BadInput, match="chi is not a number at k = 5"):
        xas.fit_shells(replace(exafs, chi=chi), ta_paths[:1], k_range=(3, 12))


def test_uneven_steps_are_refused(exafs: xas.Exafs, ta_paths: Paths) -> None:
    for k in (exafs.k**1.1, exafs.k[::-1].copy(), exafs.k + 1.0):
        with pytest.raises(BadInput, match="even steps from 0"):
            xas.fit_shells(replace(exafs, k=k), ta_paths[:1], k_range=(3, 12))
