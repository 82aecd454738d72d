"""The card gives the numbers of the processor; skipped where there is no card."""

import numpy as np
import pytest

from xorder.errors import MissingExtra
from xorder.pdf.debye import calculate_iq, cut_sphere
from xorder.pdf.debye_gpu import gpu_problem
from xorder.pdf.trajectories import Frame

Q = np.linspace(0.0, 22.0, 111)


def simulated_cluster(count):
    generator = np.random.default_rng(7)
    side = int(np.ceil(count ** (1 / 3)))
    grid = np.stack(np.meshgrid(*[np.arange(side)] * 3), axis=-1).reshape(-1, 3)[:count]
    symbols = np.resize(np.array(["Na", "Ta", "Cl", "Cl", "Cl", "Cl", "Cl", "Cl"]), count)
    return Frame(
        positions=3.0 * grid + generator.uniform(-0.6, 0.6, (count, 3)),
        elements=generator.permutation(symbols),
    )


@pytest.mark.parametrize(("count", "tolerance"), [(1, 1e-12), (700, 1e-6), (6000, 1e-6)])
@pytest.mark.parametrize("radiation", ["xray", "neutron"])
def test_the_card_gives_the_numbers_of_the_processor(count, tolerance, radiation):
    problem = gpu_problem()
    if problem:
        pytest.skip(problem)
    cluster = simulated_cluster(count)
    on_cpu, on_gpu = (
        calculate_iq(cluster, q=Q, radiation=radiation, uiso=0.01, device=device)
        for device in ("cpu", "gpu")
    )
    np.testing.assert_allclose(on_gpu.iq, on_cpu.iq, rtol=tolerance)
    np.testing.assert_allclose(on_gpu.sq, on_cpu.sq, atol=tolerance * np.abs(on_cpu.sq).max())


def test_a_crystal_on_the_card_is_not_rounded(made):
    problem = gpu_problem()
    if problem:
        pytest.skip(problem)
    atoms = cut_sphere(made.nickel(), diameter=40.0)
    on_cpu, on_gpu = (calculate_iq(atoms, q=Q, device=device).iq for device in ("cpu", "gpu"))
    np.testing.assert_allclose(on_gpu, on_cpu, rtol=1e-4)


def test_without_a_card_the_message_says_what_is_missing():
    problem = gpu_problem()
    if not problem:
        pytest.skip("there is a card")
    with pytest.raises(MissingExtra, match=r"CuPy|CUDA"):
        calculate_iq(simulated_cluster(10), q=Q, device="gpu")
