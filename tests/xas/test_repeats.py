"""Repeats that change are told from repeats that scatter, and what changes is named."""

import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from xorder import xas
from xorder.errors import BadInput, DataWarning
from xorder.xas.recipe_tables import PreparationOptions

Make = Callable[..., xas.Spectrum]


def scans(
    make: Make, *, damage: float = 0.0, drift: float = 0.0, fading: float = 0.0, first: int = 0
) -> list[xas.Spectrum]:
    """Simulate eight scans with noise whose white line falls, energy drifts or step fades."""
    found = []
    for i in range(8):
        scan = make(white_line=1.5 - damage * i, step=1.0 - fading * i, noise=4e-3, seed=first + i)
        foil = make(noise=2e-3, seed=1000 + first + i)
        found.append(replace(scan, mu_ref=foil.mu, energy=scan.energy + drift * i))
    return found


def trends(spectra: list[xas.Spectrum]) -> xas.RepeatTrends:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        return xas.find_trends(spectra)


def test_damage_is_found_in_the_white_line_with_its_size(make_spectrum: Make) -> None:
    found = trends(scans(make_spectrum, damage=0.02))
    assert not found.stable
    assert any(
        message.startswith("the white line changes") and "damage of the beam" in message
        for message in found.messages
    )
    index = found.names.index("white line")
    # The white line is a Lorentzian of 3 eV about 4 eV: its mean from 4 to 15 eV over e0.
    x = np.arange(4.0, 15.0, 0.25)
    e0 = xas.find_e0(make_spectrum())[0] - 9881.0
    true = -0.02 * np.mean(1 / (1 + ((x + e0 - 4) / 3) ** 2))
    assert abs(found.slope[index] - true) < 4 * found.slope_stderr[index]
    change, error = found.total("white line")
    assert change == pytest.approx(7 * found.slope[index])
    assert error == pytest.approx(7 * found.slope_stderr[index])


def test_a_drifting_monochromator_is_not_called_damage(make_spectrum: Make) -> None:
    found = trends(scans(make_spectrum, drift=0.15))
    assert "energy scale drifts" in " ".join(found.messages)
    assert "damage" not in " ".join(found.messages)


def test_a_fading_sample_changes_its_step_alone(make_spectrum: Make) -> None:
    found = trends(scans(make_spectrum, fading=0.01))
    assert len(found.messages) == 1
    assert "edge step changes" in found.messages[0]
    index = found.names.index("edge step")
    assert abs(found.slope[index] + 0.01 / 0.965) < 4 * found.slope_stderr[index]


def test_steady_scans_are_called_stable(make_spectrum: Make) -> None:
    """Of 40 steady series no more are called changing than chance allows: 1 % of them."""
    changing = sum(
        not trends(scans(make_spectrum, first=100 * series)).stable for series in range(40)
    )
    assert changing <= 2


def test_a_change_is_said_as_a_warning(make_spectrum: Make) -> None:
    with pytest.warns(DataWarning, match="edge step changes"):
        xas.find_trends(scans(make_spectrum, fading=0.01))


def test_measured_repeats_of_a_foil_are_stable(shared: Callable[..., Path]) -> None:
    found = xas.find_trends(
        [xas.read(shared("data", "xas", f"WO3_rt_0{i}.xdi")) for i in (1, 2, 3)]
    )
    assert found.stable
    assert np.all(np.isfinite(found.slope_stderr))


@pytest.mark.parametrize(
    ("many", "doses", "message"),
    [
        (2, None, "there are 2 scans"),
        (3, [1.0, 2.0], "expected 3 numbers"),
        (3, [1.0, 1.0, 1.0], "not all equal"),
        (3, [1.0, float("nan"), 2.0], "expected 3 numbers"),
    ],
)
def test_bad_input_is_said(
    make_spectrum: Make, many: int, doses: list[float] | None, message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        xas.find_trends([make_spectrum()] * many, doses=doses)


def test_equal_scans_have_no_trend(make_spectrum: Make) -> None:
    assert xas.find_trends([make_spectrum()] * 4).stable


@pytest.mark.parametrize("watched", [True, False])
def test_a_recipe_says_what_changes_over_its_scans(
    make_spectrum: Make, tmp_path: Path, watched: bool
) -> None:
    files = [
        xas.write_xdi(scan, tmp_path / f"scan{i}.xdi")
        for i, scan in enumerate(scans(make_spectrum, damage=0.02))
    ]
    recipe = xas.XasRecipe(prepare=PreparationOptions(trends=watched), exafs=False)
    said = " ".join(xas.analyse(files, recipe).messages)
    assert ("the white line changes by" in said) == watched
