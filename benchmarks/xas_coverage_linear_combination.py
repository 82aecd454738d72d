"""How often the errors of linear combinations hold: 200 simulated mixtures a case.

Run as ``python benchmarks/xas_coverage_linear_combination.py``. Every draw goes through
normalization. A good error holds in 68 % of the draws; the last column is the mean error over the
scatter of the found weights.
"""

import math
import warnings

import numpy as np

from xorder import xas

ENERGY = np.concatenate(
    [np.arange(6950, 7095, 5.0), np.arange(7095, 7160, 0.5), np.arange(7160, 7700, 4.0)]
)
E0 = 7120.0
DRAWS = 200


def shape(index: int, energy: np.ndarray) -> np.ndarray:
    x = energy - 7116.0 - 2.2 * index
    line = (0.3 + 0.2 * index) * np.exp(-(((x - 4 - index) / 3) ** 2))
    return 0.5 + np.arctan(x / 1.4) / math.pi + line


def normalized(mu: np.ndarray, energy: np.ndarray, name: str = "") -> xas.Normalized:
    spectrum = xas.Spectrum(energy=energy, mu=mu, name=name, simulated=True)
    return xas.normalize(spectrum, e0=E0, pre_edge=(-160, -30), post_edge=(100, 550), order=1)


def case(
    name: str,
    *,
    species: int = 2,
    sum_to_one: bool = True,
    space: str = "flat",
    reference_noise: float = 0.0,
    oversampled: int = 1,
    max_shift: float = 0.0,
) -> None:
    generator = np.random.default_rng(3)
    near = np.arange(7095, 7160, 0.5 / oversampled)
    energy = np.concatenate([ENERGY[ENERGY < 7095], near, ENERGY[ENERGY >= 7160]])
    pulls, errors, found = [], [], []
    for _ in range(DRAWS):
        share = 0.15 + (1 - 0.15 * species) * generator.dirichlet(np.ones(species))
        noise = np.interp(energy, ENERGY, 4e-3 * generator.standard_normal(ENERGY.size))
        mu = share @ np.stack([shape(i, energy) for i in range(species)]) + noise
        references = [
            normalized(
                shape(i, ENERGY) + reference_noise * generator.standard_normal(ENERGY.size),
                ENERGY,
                str(i),
            )
            for i in range(species)
        ]
        best = xas.fit_linear_combination(
            normalized(mu, energy), references, sum_to_one=sum_to_one, space=space,  # type: ignore[arg-type]
            all_combinations=False, max_shift=max_shift,
        ).best  # fmt: skip
        pulls.append((best.weights - share) / best.weights_stderr)
        errors.append(best.weights_stderr)
        found.append(best.weights - share)
    inside = 100 * np.mean(np.abs(pulls) < 1)
    ratio = np.mean(errors) / np.std(found)
    print(f"{name:52s}{inside:6.0f} %{np.mean(pulls):8.2f}{ratio:8.2f}")


def main() -> None:
    warnings.simplefilter("ignore")
    print(f"{'':52s}{'inside':>8s}{'bias':>8s}{'ratio':>8s}")
    case("2 species, sum of one", species=2, sum_to_one=True)
    case("2 species, free sum", species=2, sum_to_one=False)
    case("3 species, sum of one", species=3, sum_to_one=True)
    case("3 species, free sum", species=3, sum_to_one=False)
    case("2 species, noisy references", species=2, sum_to_one=True, reference_noise=3e-3)
    case("2 species, points 4 times oversampled", species=2, sum_to_one=True, oversampled=4)
    case("2 species, energies free by 1 eV", species=2, sum_to_one=True, max_shift=1.0)
    case("2 species, derivatives", species=2, sum_to_one=True, space="derivative")


if __name__ == "__main__":
    main()
