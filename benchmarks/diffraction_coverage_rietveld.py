"""How often the true value lies within one standard error, on simulated milling patterns.

Every draw has its own size, strain, NaCl content, amorphous share, blank, shift and Poisson noise.
Run: python benchmarks/diffraction_coverage_rietveld.py [draws]
"""

import sys
import time
import warnings
from collections import defaultdict
from dataclasses import replace

import numpy as np

from xorder import diffraction, references

HUMPS = (
    diffraction.Hump(centre=30.5, fwhm=8.0, area=1.0),
    diffraction.Hump(centre=47.0, fwhm=12.0, area=0.6),
)
AXIS = (15.0, 80.0, 0.02)


def draw(generator, crystal, salt, blank):
    """Return a simulated pattern and the truth of its parameters."""
    size = float(np.exp(generator.uniform(np.log(80.0), np.log(2000.0))))
    strain = float(generator.uniform(0.0005, 0.005))
    scale = 2e-3 * float(generator.uniform(0.15, 1.0))
    salt_scale = 2e-2 * float(generator.uniform(0.1, 0.5))
    blank_height, halo = generator.uniform(50.0, 300.0), generator.uniform(100.0, 700.0)
    shift = generator.uniform(-0.03, 0.03)
    x = None
    total = np.zeros(1)
    for phase, s, d, e in ((crystal, scale, size, strain), (salt, salt_scale, 1500.0, 0.001)):
        made = diffraction.simulate(
            phase, two_theta=AXIS, size=d, strain=e, scale=s, zero_shift=shift
        )
        total = total + made.intensity
        x = made
    shape = diffraction.simulate(crystal, two_theta=AXIS, scale=0.0, humps=HUMPS).intensity
    total = total + 100.0 + halo * shape / shape.max()
    total = total + blank_height * blank.intensity / blank.intensity.max()
    counts = generator.poisson(total).astype(float)
    pattern = replace(x, intensity=counts, sigma=np.sqrt(np.maximum(counts, 1.0)), name="simulated")
    a, b = crystal.name, salt.name
    truth = {
        f"scale_{a}": scale, f"scale_{b}": salt_scale, f"inverse_size_{a}": 1.0 / size,
        f"strain_{a}": strain, f"a_{a}": crystal.cell[0], f"c_{a}": crystal.cell[2],
        f"a_{b}": salt.cell[0], "halo_0": halo, "blank": blank_height, "zero_shift": shift,
        "background_0": 100.0,
    }  # fmt: skip
    return pattern, truth


def main(draws: int = 200, seed: int = 5) -> dict[str, float]:
    """Print the coverage of each parameter and return it."""
    warnings.simplefilter("ignore")
    crystal, salt = references.load("Fluorapatite"), references.load("NaCl")
    crystal, salt = replace(crystal, name="FAP"), replace(salt, name="NaCl")
    blank = diffraction.simulate(
        salt, two_theta=AXIS, scale=0.0, background=(50.0, -20.0),
        humps=(diffraction.Hump(centre=21.0, fwhm=6.0, area=800.0),),
    )  # fmt: skip
    options = diffraction.RefinementOptions(
        background=4, halos=(HUMPS,), blank=blank, zero_shift=True, displacement=False
    )
    generator = np.random.default_rng(seed)
    inside, chi, failed = defaultdict(list), defaultdict(list), 0
    begin = time.perf_counter()
    for _ in range(draws):
        pattern, truth = draw(generator, crystal, salt, blank)
        phases = [
            diffraction.Phase(
                crystal=crystal, positions=False, uiso="none", size=300.0, strain=0.002
            ),
            diffraction.Phase(
                crystal=salt, positions=False, uiso="none", size=1500.0, strain=0.001,
                refine_shape=False,
            ),
        ]  # fmt: skip
        found = diffraction.refine(pattern, phases, options=options)
        failed += not found.success
        for name, value in truth.items():
            one = found.fit.parameters[name]
            if np.isfinite(one.stderr):
                inside[name].append(abs(one.value - value) <= one.stderr)
                chi[name].append((one.value - value) / one.stderr)
    seconds = (time.perf_counter() - begin) / draws
    print(f"{draws} simulated patterns, {failed} failed, {seconds:.2f} s each")
    print(f"{'parameter':20s} {'within 1 s':>10s} {'mean pull':>10s} {'sd pull':>8s} {'n':>5s}")
    for name, hits in inside.items():
        pulls = np.array(chi[name])
        print(
            f"{name:20s} {100 * np.mean(hits):9.0f}% {pulls.mean():10.2f} {pulls.std():8.2f} "
            f"{len(hits):5d}"
        )
    pooled = np.concatenate([np.array(v) for v in inside.values()])
    print(f"{'all':20s} {100 * pooled.mean():9.1f}%")
    return {name: float(np.mean(hits)) for name, hits in inside.items()}


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:2]))
