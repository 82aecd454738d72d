"""Shell fits of measured spectra: known distances and numbers, and fits that must be refused."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from xorder import xas
from xorder.structure import Crystal, Site

Shared = Callable[..., Path]
FACE = ((0.0, 0.0, 0.0), (0.0, 0.5, 0.5), (0.5, 0.0, 0.5), (0.5, 0.5, 0.0))
BODY = ((0.0, 0.0, 0.0), (0.5, 0.5, 0.5))


def cubic(
    a: float, *sites: tuple[str, float], centring: tuple[tuple[float, ...], ...] = FACE
) -> Crystal:
    """Return a cubic crystal of atoms on the body diagonal."""
    return Crystal(
        name="".join(element for element, _ in sites),
        cell=np.array([a, a, a, 90.0, 90.0, 90.0]),
        sites=tuple(Site(label=e, element=e, xyz=np.full(3, x)) for e, x in sites),
        rotations=np.tile(np.eye(3, dtype=np.int64), (len(centring), 1, 1)),
        translations=np.array(centring),
    )


def paths_of(crystal: Crystal, absorber: str, edge: str, radius: float = 5.5) -> tuple:
    return xas.calculate_paths(crystal, absorber=absorber, edge=edge, radius=radius)


def exafs_of(path: Path, **settings: object) -> xas.Exafs:
    return xas.subtract_background(xas.normalize(xas.read(path), **settings))


def test_copper_at_10_k(shared: Shared) -> None:
    """R 2.549(4) Å, N·S0² 11.0(7), as larch finds it."""
    found = xas.fit_shells(
        exafs_of(shared("data", "xas", "cu_metal_10K.xdi")),
        paths_of(cubic(3.603, ("Cu", 0.0)), "Cu", "K")[:1],
        k_range=(3, 14),
        r_range=(1.6, 3.0),
    )
    shell = found.shells[0]
    assert found.verdict == "good"
    assert shell.r.value == pytest.approx(2.549, abs=0.004)
    assert shell.n_s02.value == pytest.approx(11.0, abs=0.7)
    assert shell.sigma2.value == pytest.approx(0.0037, abs=0.0003)
    assert 0.001 < shell.r.stderr < 0.005


@pytest.mark.parametrize(
    "options",
    [{"space": "wavelet"}, {"background": True}, {"space": "wavelet", "background": True}],
)
def test_copper_is_the_same_in_wavelet_space_and_with_its_background_refined(
    shared: Shared, options: dict[str, object]
) -> None:
    exafs = exafs_of(shared("data", "xas", "cu_metal_10K.xdi"))
    paths = paths_of(cubic(3.603, ("Cu", 0.0)), "Cu", "K")[:1]
    found = xas.fit_shells(exafs, paths, k_range=(3, 14), r_range=(1.6, 3.0), **options)
    shell = found.shells[0]
    assert found
    assert shell.r.value == pytest.approx(2.549, abs=0.004)
    assert shell.n_s02.value == pytest.approx(11.0, abs=0.7)
    assert shell.sigma2.value == pytest.approx(0.0037, abs=0.0003)


@pytest.mark.parametrize("quick", [False, True])
def test_zinc_selenide(shared: Shared, quick: bool) -> None:
    """R 2.452(4) Å, with the structure's path or by element and distance alone."""
    shells = paths_of(cubic(5.668, ("Zn", 0.0), ("Se", 0.25)), "Zn", "K")[:1]
    found = xas.fit_shells(
        exafs_of(shared("data", "xas", "zn_znse_rt.xdi")),
        [("Se", 2.5)] if quick else shells,
        k_range=(3, 13),
        r_range=(1.3, 2.7),
    )
    assert found.verdict == "good"
    assert found.shells[0].r.value == pytest.approx(2.452, abs=0.004)
    assert found.shells[0].n_s02.value == pytest.approx(3.76, abs=0.2)


def test_gold_foil(shared: Shared) -> None:
    """2.86 Å without a third cumulant: the bias of a harmonic fit at room temperature."""
    found = xas.fit_shells(
        exafs_of(shared("data", "xas", "Au_Foil_L3_rt_2016Foils.xdi")),
        paths_of(cubic(4.0786, ("Au", 0.0)), "Au", "L3")[:1],
        k_range=(3, 12.9),
        r_range=(1.6, 3.0),
    )
    assert found
    assert 2.855 < found.shells[0].r.value < 2.885


def test_multiple_scattering_of_square_planar_gold_chloride(shared: Shared) -> None:
    """Au–Cl 2.278(8) Å; the straight Cl–Au–Cl paths more than halve the reduced χ²."""
    spectrum = xas.read(shared("data", "xas", "cyanobacteria.prj"), group="Au3_Cl_aq")
    exafs = xas.subtract_background(xas.normalize(spectrum, **xas.athena_settings(spectrum)))
    corners = ((1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0))
    ion = Crystal(
        name="AuCl4",
        cell=np.array([12.0, 12.0, 12.0, 90.0, 90.0, 90.0]),
        sites=(
            Site(label="Au", element="Au", xyz=np.full(3, 0.5)),
            *(
                Site(label=f"Cl{i}", element="Cl", xyz=0.5 + np.array(corner) * 2.28 / 12.0)
                for i, corner in enumerate(corners)
            ),
        ),
        rotations=np.eye(3, dtype=np.int64)[None],
        translations=np.zeros((1, 3)),
    )
    paths = paths_of(ion, "Au", "L3", radius=5.0)
    ranges = {"k_range": (3, 12), "r_range": (1.2, 4.5)}
    single = xas.fit_shells(exafs, paths[:1], **ranges)
    several = xas.fit_shells(exafs, paths, **ranges)
    assert several.shells[0].r.value == pytest.approx(2.278, abs=0.008)
    assert several.shells[0].n_s02.value == pytest.approx(3.07, abs=0.3)
    assert several.fit.nvarys == single.fit.nvarys
    assert several.fit.redchi < 0.5 * single.fit.redchi
    assert single.verdict == "bad fit"


@pytest.mark.parametrize("r_range", [(1.6, 3.0), (1.0, 3.0)])
def test_one_shell_of_iron_is_called_bad_and_two_are_good(
    shared: Shared, r_range: tuple[float, float]
) -> None:
    exafs = exafs_of(shared("data", "xas", "Fe_metal_rt_01.xdi"))
    paths = paths_of(cubic(2.866, ("Fe", 0.0), centring=BODY), "Fe", "K")
    one = xas.fit_shells(exafs, paths[:1], k_range=(3, 13), r_range=r_range)
    two = xas.fit_shells(exafs, paths[:2], k_range=(3, 13), r_range=r_range)
    assert one.verdict == "bad fit"
    assert any("do not describe the data" in flag for flag in one.flags)
    assert two
    assert [s.r.value for s in two.shells] == pytest.approx([2.482, 2.866], abs=0.03)


@pytest.mark.parametrize("r_range", [(1.0, 2.0), (1.0, 2.2), (1.6, 3.0), (1.0, 3.0)])
def test_oxygen_alone_does_not_describe_iron_oxide(
    shared: Shared, r_range: tuple[float, float]
) -> None:
    """Even where the range is cut to oxygen: iron's stronger peak reaches into it."""
    exafs = exafs_of(shared("data", "xas", "FeO_rt_01.xdi"))
    paths = paths_of(cubic(4.332, ("Fe", 0.0), ("O", 0.5)), "Fe", "K")
    oxygen = xas.fit_shells(exafs, paths[:1], k_range=(3, 12), r_range=r_range)
    assert oxygen.verdict == "bad fit"
    assert oxygen.flags


def test_oxygen_and_iron_describe_iron_oxide(shared: Shared) -> None:
    """Fe–O 2.12 Å and Fe–Fe 3.07 Å, S0² 0.7."""
    exafs = exafs_of(shared("data", "xas", "FeO_rt_01.xdi"))
    paths = paths_of(cubic(4.332, ("Fe", 0.0), ("O", 0.5)), "Fe", "K")
    both = xas.fit_shells(exafs, paths[:2], k_range=(3, 12), r_range=(1.0, 3.2))
    assert both
    assert both.shells[0].r.value == pytest.approx(2.12, abs=0.03)
    assert both.shells[1].r.value == pytest.approx(3.07, abs=0.02)
    assert both.parameters["s02"].value == pytest.approx(0.7, abs=0.1)
