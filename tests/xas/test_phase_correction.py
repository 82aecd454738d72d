"""With its phase taken off, a shell peaks at its distance."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from xorder import xas
from xorder.errors import BadInput

Make = Callable[..., xas.Exafs]
BONDS = [("Ta", "L3", "Cl", 2.40), ("Ta", "L3", "O", 1.90), ("Sm", "L3", "Cl", 2.85)]


@pytest.fixture(scope="module")
def bond() -> Callable[[str, str, str, float], xas.ScatteringPath]:
    def make(absorber: str, edge: str, scatterer: str, r: float) -> xas.ScatteringPath:
        return xas.quick_path(absorber, edge, scatterer, r, program="feff6l")

    return make


def shell(make_exafs: Make, path: xas.ScatteringPath, **settings: float) -> xas.Exafs:
    return make_exafs(chi=lambda k: xas.path_chi(path, k, degeneracy=6.0, **settings))


def peak(transform: xas.Transform, r: float) -> xas.TransformPeak:
    return xas.transform_peak(transform, r_range=(r - 1.0, r + 0.8))


@pytest.mark.parametrize(("absorber", "edge", "scatterer", "r"), BONDS)
@pytest.mark.parametrize("k_weight", [1.0, 2.0, 3.0])
def test_a_single_shell_peaks_at_its_distance(
    make_exafs: Make, bond: Callable[..., xas.ScatteringPath],
    absorber: str, edge: str, scatterer: str, r: float, k_weight: float,
) -> None:  # fmt: skip
    path = bond(absorber, edge, scatterer, r)
    exafs = shell(make_exafs, path, sigma2=0.004)
    plain = xas.transform_to_r(exafs, k_range=(3.0, 12.0), k_weight=k_weight)
    corrected = xas.correct_phase(plain, path)
    assert peak(plain, r).r < r - 0.2
    assert peak(corrected, r).r == pytest.approx(path.reff, abs=0.02)
    assert corrected.phase_of == path.label


def test_a_shell_of_another_length_peaks_at_that_length(
    make_exafs: Make, bond: Callable[..., xas.ScatteringPath]
) -> None:
    """The phase of a path computed at 2.40 Å is that of the same pair at 2.33 Å."""
    path = bond("Ta", "L3", "Cl", 2.40)
    exafs = shell(make_exafs, path, sigma2=0.004, delta_r=-0.07)
    plain = xas.transform_to_r(exafs, k_range=(3.0, 12.0))
    assert peak(xas.correct_phase(plain, path), 2.33).r == pytest.approx(2.33, abs=0.02)


@pytest.mark.parametrize("delta_e0", [-6.0, 4.0, 8.0])
def test_the_shift_of_e0_is_taken_along(
    make_exafs: Make, bond: Callable[..., xas.ScatteringPath], delta_e0: float
) -> None:
    path = bond("Ta", "L3", "Cl", 2.40)
    exafs = shell(make_exafs, path, sigma2=0.004, delta_e0=delta_e0)
    plain = xas.transform_to_r(exafs, k_range=(3.0, 12.0))
    with_it = peak(xas.correct_phase(plain, path, delta_e0=delta_e0), 2.4).r
    assert with_it == pytest.approx(path.reff, abs=0.02)
    assert abs(with_it - 2.4) < abs(peak(xas.correct_phase(plain, path), 2.4).r - 2.4)


def test_at_its_distance_a_shell_is_imaginary_and_negative(
    make_exafs: Make, bond: Callable[..., xas.ScatteringPath]
) -> None:
    path = bond("Ta", "L3", "Cl", 2.40)
    plain = xas.transform_to_r(shell(make_exafs, path, sigma2=0.004), k_range=(3.0, 12.0))
    found = xas.correct_phase(plain, path)
    at = int(np.argmin(np.abs(found.r - path.reff)))
    assert found.chi_r_im[at] < 0
    assert abs(found.chi_r_re[at]) < 0.2 * abs(found.chi_r_im[at])


def test_the_height_is_not_changed(
    make_exafs: Make, bond: Callable[..., xas.ScatteringPath]
) -> None:
    """Within the small change that the phase's curvature makes to the peak's width."""
    path = bond("Ta", "L3", "Cl", 2.40)
    plain = xas.transform_to_r(shell(make_exafs, path, sigma2=0.004), k_range=(3.0, 12.0))
    before, after = peak(plain, 2.4), peak(xas.correct_phase(plain, path), 2.4)
    assert after.magnitude == pytest.approx(before.magnitude, rel=0.05)


def test_what_cannot_be_corrected_is_refused(
    make_exafs: Make, bond: Callable[..., xas.ScatteringPath]
) -> None:
    path = bond("Ta", "L3", "Cl", 2.40)
    plain = xas.transform_to_r(shell(make_exafs, path), k_range=(3.0, 12.0))
    with pytest.raises(BadInput, match=r"with the phase of Ta–Cl–Ta 2\.40 Å already"):
        xas.correct_phase(xas.correct_phase(plain, path), path)
    with pytest.raises(BadInput, match="delta_e0 is nan"):
        xas.correct_phase(plain, path, delta_e0=math.nan)
    with pytest.raises(BadInput, match=r"ends at 20\.0 Å⁻¹ and the window at 12\.5"):
        xas.correct_phase(plain, path, delta_e0=-1500.0)
