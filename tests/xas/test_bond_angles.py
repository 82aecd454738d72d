"""Straight against bent chains: what the collinear multiple scattering proves, and what not."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from xorder import xas
from xorder.errors import BadInput
from xorder.fitting import numeric_jacobian
from xorder.structure import unit_cell_atoms

K = 0.05 * np.arange(281)
NOISE = 1e-3
RANGE = (3.0, 12.0)
Chi = Callable[..., xas.Exafs]


@pytest.fixture(scope="module")
def bent() -> xas.BentPaths:
    """Return TaCl6 from straight to 25° bent."""
    return xas.calculate_bent_paths("Ta", "L3", "Cl", 2.35, program="feff6l")


@pytest.fixture(scope="module")
def simulate() -> Chi:
    """Return a maker of χ(k) of TaCl6 whose chains are bent, from FEFF's run for that bend."""

    def spectrum(
        bend: float,
        *,
        sigma2: float = 0.004,
        chain: float | None = None,
        noise: float = NOISE,
        seed: int = 0,
    ) -> xas.Exafs:
        paths = xas.calculate_paths(
            xas.bent_cluster("Ta", "Cl", 2.36, bend), absorber="Ta", edge="L3", radius=5.0,
            program="feff6l",
        )  # fmt: skip
        own = {2: sigma2}
        disorder = []
        for path in paths:
            ligands = path.positions[1:][np.linalg.norm(path.positions[1:], axis=1) > 0.1]
            across = float(np.linalg.norm(ligands[0] - ligands[-1]))
            if path.n_legs == 2:
                disorder.append(own[2])
            elif across > 4.0:
                disorder.append(2 * sigma2 if chain is None else chain)
            else:
                disorder.append(4 * sigma2 if across < 0.1 else 2 * sigma2)
        chi = xas.sum_paths(paths, K, s02=0.9, sigma2=disorder, delta_e0=2.0)
        generator = np.random.default_rng(seed)
        return xas.Exafs(
            k=K, chi=chi + noise * generator.standard_normal(K.size), energy=9881 + 3.81 * K**2,
            mu=np.ones(K.size), background=np.ones(K.size), e0=9881.0, edge_step=1.0,
            epsilon_k=noise, rbkg=1.0, k_weight=2.0, k_range=(0.0, 14.0), element="Ta", edge="L3",
            name="simulated", simulated=True,
        )  # fmt: skip

    return spectrum


def measure(exafs: xas.Exafs, bent: xas.BentPaths) -> xas.BondAngles:
    return xas.measure_bond_angles(exafs, bent, k_range=RANGE)


@pytest.mark.parametrize("shape", ["octahedron", "square", "chain"])
@pytest.mark.parametrize("bend", [0.0, 12.0, 30.0])
def test_a_cluster_has_the_distance_and_the_angle_asked_for(shape: str, bend: float) -> None:
    cluster = xas.bent_cluster("Ta", "Cl", 2.35, bend, shape=shape)
    atoms = unit_cell_atoms(cluster)
    away = (atoms.xyz - atoms.xyz[0])[1:] @ atoms.lattice
    np.testing.assert_allclose(np.linalg.norm(away, axis=1), 2.35, rtol=1e-9)
    unit = away / 2.35
    for one, other in zip(unit[::2], unit[1::2], strict=True):
        angle = np.degrees(np.arccos(np.clip(one @ other, -1, 1)))
        assert angle == pytest.approx(180.0 - bend, abs=1e-5)


def test_the_model_between_feffs_bends_is_feffs(bent: xas.BentPaths, simulate: Chi) -> None:
    """At 12.5°, which is none of its nodes, the interpolated χ(k) is FEFF's run for that bend."""
    from xorder.xas.shell_objectives import shell_parameters

    shells = xas.bent_shells(bent)
    exafs = simulate(12.5, noise=1e-12)
    objective = xas.ShellObjective(
        replace(exafs, epsilon_k=1e-3),
        shells,
        shell_parameters(shells, xas.bent_parameters(bent)),
        space=xas.FitSpace(k_range=RANGE, r_range=(1.0, 4.9)),
    )
    from xorder.fitting import fit

    found = fit(objective)
    left = exafs.chi - objective.chi(found.parameters.valuesdict()).sum(axis=1)
    inside = (K > 3) & (K < 12)
    assert np.max(np.abs(left[inside] * K[inside] ** 2)) < 0.02
    assert found.parameters["bend_square"].value == pytest.approx(12.5**2, abs=25)
    values = found.parameters.valuesdict()
    names = ["r", "sigma2", "sigma2_chain", "n", "delta_e0"]
    direct = [n for n in names if n in {"sigma2", "sigma2_chain", "n", "delta_e0"}]
    np.testing.assert_allclose(
        objective.jacobian(values, direct),
        numeric_jacobian(objective, values, direct),
        atol=1e-3 * np.abs(objective.jacobian(values, direct)).max(),
    )


def test_the_feature_falls_with_the_bend_and_its_errors_tell_the_angles_apart(
    bent: xas.BentPaths, simulate: Chi
) -> None:
    """180, 170 and 160° at a noise of 0.001: amplitudes five standard errors apart."""
    found = [measure(simulate(bend), bent).amplitude for bend in (0.0, 10.0, 20.0)]
    for larger, smaller in itertools.pairwise(found):
        apart = np.hypot(larger.stderr, smaller.stderr)
        assert larger.value - smaller.value > 5 * apart


@pytest.mark.parametrize(("bend", "verdict"), [(0.0, "straight"), (10.0, "bent"), (20.0, "bent")])
def test_bends_are_recovered(bent: xas.BentPaths, simulate: Chi, bend: float, verdict: str) -> None:
    for seed in range(3):
        found = measure(simulate(bend, seed=seed), bent)
        assert found
        assert found.verdict == verdict
        assert found.bend_square.value == pytest.approx(
            bend**2, abs=4 * found.bend_square.stderr + 15
        )
        if bend:
            assert abs(found.bend_if_ordered.value - bend) < 1.5
            # Beyond what disorder can do, there is no such explanation.
            assert not found.sigma2_if_straight.value < found.sigma2_expected.value + 0.003


@pytest.mark.parametrize("sigma2", [0.002, 0.006, 0.009])
def test_disorder_of_the_bonds_is_no_bend(
    bent: xas.BentPaths, simulate: Chi, sigma2: float
) -> None:
    """A σ² of the first shell, which its chains follow."""
    for seed in range(3):
        found = measure(simulate(0.0, sigma2=sigma2, seed=seed), bent)
        assert "bent" not in found.verdict
        assert found.amplitude.value == pytest.approx(found.amplitude_straight.value, rel=0.06)


@pytest.mark.parametrize("chain", [0.012, 0.018])
def test_disorder_of_the_chain_is_no_bend(bent: xas.BentPaths, simulate: Chi, chain: float) -> None:
    """The amplitude alone would be taken for a bend of 8 to 15°; the fit says disorder."""
    for seed in range(3):
        found = measure(simulate(0.0, chain=chain, seed=seed), bent)
        assert found.verdict in ("disordered", "undecidable")
        assert found.verdict == "disordered" or chain < 0.015
        assert found.bend_if_ordered.value > 6.0
        assert found.sigma2_chain.value == pytest.approx(chain, abs=4 * found.sigma2_chain.stderr)


def test_at_high_noise_a_weak_feature_is_undecidable(bent: xas.BentPaths, simulate: Chi) -> None:
    """Both explanations are given, none is chosen."""
    verdicts = [measure(simulate(12.0, noise=4e-3, seed=s), bent).verdict for s in range(4)]
    assert "undecidable" in verdicts
    assert set(verdicts) <= {"undecidable", "bent", "straight"}


def test_what_is_no_octahedron_is_a_bad_fit(bent: xas.BentPaths, simulate: Chi) -> None:
    exafs = simulate(0.0)
    other = replace(exafs, chi=exafs.chi + 0.05 * np.sin(2 * K * 3.2) * np.exp(-0.01 * K**2))
    found = measure(other, bent)
    assert not found
    assert found.verdict == "bad fit"
    assert "nothing follows for its angles" in found.message


def test_the_report_gives_the_explanations_side_by_side(bent: xas.BentPaths, simulate: Chi) -> None:
    found = measure(simulate(10.0), bent)
    text = found.report()
    for word in ("bent and ordered", "straight and disordered", "fewer chains", "correlat"):
        assert word in text
    assert -1.0 < found.correlation < -0.5
    assert found.k_box[0] < 5.0 < found.k_box[1]
    assert found.r_box[0] < 4.0 < found.r_box[1]
    assert found.simulated
    assert {"bend", "sigma2_chain", "bend_if_ordered"} <= {n.name for n in found.numbers}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"element": "Hf"}, "element is Hf, that of the paths Ta"),
        ({"edge": "L2"}, "edge is L2"),
    ],
)
def test_another_spectrum_is_refused(
    bent: xas.BentPaths, simulate: Chi, change: dict[str, str], message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        measure(replace(simulate(0.0), **change), bent)


def test_bad_clusters_are_refused(bent: xas.BentPaths, simulate: Chi) -> None:
    with pytest.raises(BadInput, match="shape is 'cube'"):
        xas.bent_cluster("Ta", "Cl", 2.35, 0.0, shape="cube")
    with pytest.raises(BadInput, match=r"distance is 0\.5"):
        xas.bent_cluster("Ta", "Cl", 0.5, 0.0)
    with pytest.raises(BadInput, match="bend is nan"):
        xas.bent_cluster("Ta", "Cl", 2.35, float("nan"))
    with pytest.raises(BadInput, match="ascend from 0"):
        xas.calculate_bent_paths("Ta", "L3", "Cl", 2.35, bends=(5.0, 10.0, 15.0))
    with pytest.raises(BadInput, match="s02 is -1"):
        xas.measure_bond_angles(simulate(0.0), bent, k_range=RANGE, s02=-1.0)


def test_aqueous_aucl4_is_straight(shared: Callable[..., Path]) -> None:
    """Square-planar [AuCl4]⁻: the measured feature is that of straight chains."""
    spectrum = xas.read(shared("data", "xas", "cyanobacteria.prj"), group="Au3 Cl aq")
    exafs = xas.subtract_background(xas.normalize(spectrum))
    square = xas.calculate_bent_paths("Au", "L3", "Cl", 2.28, shape="square", program="feff6l")
    found = xas.measure_bond_angles(exafs, square, k_range=RANGE, r_range=(1.0, 4.6))
    assert found.verdict == "straight"
    assert found.bend_limit < 20.0
    r = found.first_shell[1]
    assert r.value == pytest.approx(2.278, abs=0.01)


def test_the_figure_shows_the_curve_of_one_amplitude_and_the_fit(
    bent: xas.BentPaths, simulate: Chi
) -> None:
    """Bend alone and disorder alone are the ends of the curve."""
    from matplotlib.figure import Figure

    found = measure(simulate(12.5), bent)
    assert found.alike_bend_square[0] == 0.0
    assert np.sqrt(found.alike_bend_square[-1]) == pytest.approx(found.bend_if_ordered.value)
    assert found.alike_sigma2_chain[0] == pytest.approx(found.sigma2_if_straight.value, rel=0.05)
    assert found.alike_sigma2_chain[-1] == pytest.approx(found.sigma2_expected.value, abs=5e-4)
    assert np.all(np.diff(found.alike_sigma2_chain) < 0)
    ax = Figure().subplots()
    found.plot(ax)
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), found.alike_sigma2_chain)
    assert ax.get_xticklabels()[1].get_text() == "175"
