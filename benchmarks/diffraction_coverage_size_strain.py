"""How often true size, strain and amorphous fraction lie inside one standard error.

Simulated patterns with Poisson noise, from tracking and instrument removal to Williamson–Hall, and
a spiked half-amorphous mixture. All data are simulated.

Run: ``python benchmarks/diffraction_coverage_size_strain.py [draws]``
"""

from __future__ import annotations

import sys
import warnings

import numpy as np

from xorder import references
from xorder.diffraction import (
    Hump,
    Pattern,
    Profile,
    amorphous_from_internal_standard,
    make_pattern,
    remove_instrument,
    resolution_from_standard,
    scherrer_sizes,
    simulate,
    simulate_mixture,
    track_peaks,
    williamson_hall,
)
from xorder.structure import Crystal

INSTRUMENT = Profile(u=0.002, v=-0.002, w=0.0036, x=0.01, y=0.03)
STANDARD = [(1, 0, 0), (1, 1, 0), (1, 1, 1), (2, 0, 0), (2, 1, 0), (2, 1, 1), (2, 2, 0), (3, 0, 0)]
PLANES = [(2, 0, 0), (2, 2, 0), (2, 2, 2), (4, 0, 0), (4, 2, 0), (4, 2, 2)]


def measured(crystal: Crystal, rng: np.random.Generator, **broadening: float) -> Pattern:
    """Return a pattern of 20,000 counts in the strongest line on a background of 150."""
    clean = simulate(crystal, profile=INSTRUMENT, two_theta=(20, 120, 0.02), **broadening)
    bragg = clean.components[0]
    counts = rng.poisson(bragg * (20000.0 / bragg.max()) + 150.0).astype(float)
    return make_pattern(clean.two_theta, counts, wavelength="CuKa", name="simulated")


def sizes_and_strains(draws: int) -> None:
    rng, say = np.random.default_rng(0), sys.stdout.write
    lab6, nacl = references.load("LaB6_SRM660c"), references.load("NaCl")
    rows = []
    for _ in range(draws):
        curve = resolution_from_standard(track_peaks(measured(lab6, rng), lab6, planes=STANDARD))
        table = track_peaks(measured(nacl, rng, size=300.0, strain=0.002), nacl, planes=PLANES)
        found = williamson_hall(remove_instrument(table, instrument=curve), width="fwhm")
        rows.append((found.size, found.size_stderr, found.strain, found.strain_stderr))
    value = np.array(rows)
    for name, column, truth in (("size, Å", 0, 300.0), ("strain", 2, 0.002)):
        inside = np.mean(np.abs(value[:, column] - truth) < value[:, column + 1])
        say(f"{name:<20} true {truth:g}  mean {value[:, column].mean():.5g}  "
            f"scatter {value[:, column].std():.2g}  mean error {value[:, column + 1].mean():.2g}  "
            f"inside one error {100 * inside:.0f} %\n")  # fmt: skip
    curve = resolution_from_standard(track_peaks(measured(lab6, rng), lab6, planes=STANDARD))
    for size in (2000.0, 500.0, 200.0, 100.0):
        found_sizes = [
            scherrer_sizes(
                remove_instrument(
                    track_peaks(measured(nacl, rng, size=size), nacl, planes=[(2, 0, 0)]),
                    instrument=curve,
                    shape="lorentzian",
                )
            ).size[0]
            for _ in range(max(4, draws // 10))
        ]
        say(f"Scherrer (2 0 0)     true {size:g} Å  mean {np.nanmean(found_sizes):.5g} Å\n")


def amorphous(draws: int) -> None:
    nacl, spike = references.load("NaCl"), references.load("Al2O3_SRM676a")
    span, hump, truth = (20.0, 90.0, 0.02), Hump(centre=28, fwhm=8), 0.5
    inside, values = [], []
    shapes = [simulate(c, two_theta=span, uiso=0.01).components[0] for c in (nacl, spike)]
    axis = simulate(nacl, two_theta=span).two_theta
    shapes += [np.ones_like(axis), np.exp(-4 * np.log(2) * ((axis - 28) / 8) ** 2)]
    for seed in range(draws):
        mixture = simulate_mixture(
            [nacl, spike], weight_fractions=[0.8 * (1 - truth), 0.2],
            amorphous_fraction=0.8 * truth, humps=[hump], two_theta=span, seed=seed,
        )  # fmt: skip
        design = np.stack(shapes, axis=1) / mixture.sigma[:, None]
        covar = np.linalg.inv(design.T @ design)
        scales = covar @ design.T @ (mixture.intensity / mixture.sigma)
        found = amorphous_from_internal_standard(
            scales[:2], [nacl, spike], covar=covar[:2, :2], standard=spike.name, weighed=0.2
        )
        inside.append(abs(found.amorphous - truth) < found.stderr)
        values.append(found.amorphous)
    sys.stdout.write(
        f"amorphous fraction   true {truth:g}  mean {np.mean(values):.5g}  "
        f"scatter {np.std(values):.2g}  inside one error {100 * np.mean(inside):.0f} %\n"
    )


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    sizes_and_strains(number)
    amorphous(number)
