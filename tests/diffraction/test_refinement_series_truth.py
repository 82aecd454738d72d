"""The truth of a simulated milling series, from sharp lines to humps, is found without bias."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

from xorder import diffraction, references

SPAN = (18.0, 80.0, 0.05)
HUMPS = (
    diffraction.Hump(centre=30.5, fwhm=8.0, area=1.0),
    diffraction.Hump(centre=47.0, fwhm=12.0, area=0.6),
)
SHARP = {"size": 1500.0, "strain": 0.0005}


@pytest.fixture(scope="module")
def crystals():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        salt = references.load("NaCl")
    salt = replace(salt, sites=tuple(replace(site, uiso=0.015) for site in salt.sites))
    return references.load("Fluorapatite"), salt


@pytest.fixture(scope="module")
def blank(crystals):
    return diffraction.simulate(
        crystals[1], two_theta=SPAN, scale=0.0, background=(50.0, -20.0),
        humps=(diffraction.Hump(centre=21.0, fwhm=6.0, area=800.0),),
    )  # fmt: skip


def sample(crystals, blank, *, size, strain, scale, salt, halo, noise=None):
    """Return a pattern under Kapton with its halo; without noise where there is no generator."""
    made = [
        diffraction.simulate(crystals[0], two_theta=SPAN, scale=scale, size=size, strain=strain),
        diffraction.simulate(crystals[1], two_theta=SPAN, scale=salt, **SHARP),
    ]
    shape = diffraction.simulate(crystals[0], two_theta=SPAN, scale=0.0, humps=HUMPS).intensity
    total = sum(one.intensity for one in made) + 100.0 + halo * shape / shape.max()
    total = total + 200.0 * blank.intensity / blank.intensity.max()
    counts = total if noise is None else noise.poisson(total).astype(float)
    return replace(made[0], intensity=counts, sigma=np.sqrt(counts))


def refined(pattern, crystals, blank):
    options = diffraction.RefinementOptions(
        background=3, halos=(HUMPS,), blank=blank, zero_shift=True, displacement=False
    )
    loose = {"positions": False, "uiso": "none"}
    phases = [
        diffraction.Phase(crystal=crystals[0], name="sample", size=300.0, strain=0.002, **loose),
        diffraction.Phase(crystal=crystals[1], name="salt", refine_shape=False, **SHARP, **loose),
    ]
    return diffraction.refine(pattern, phases, options=options)


@pytest.mark.parametrize(
    ("size", "strain", "left"), [(1500.0, 0.0005, 0.95), (250.0, 0.005, 0.5), (60.0, 0.008, 0.2)]
)
def test_without_noise_the_truth_is_found_far_within_the_errors(
    crystals, blank, size, strain, left
):
    scale, halo = 2e-3 * left, 700.0 * (1.0 - left)
    truth = {"scale_sample": scale, "scale_salt": 2e-3, "inverse_size_sample": 1.0 / size,
             "strain_sample": strain, "a_sample": crystals[0].cell[0], "halo_0": halo,
             "c_sample": crystals[0].cell[2], "blank": 200.0, "zero_shift": 0.0}  # fmt: skip
    pattern = sample(crystals, blank, size=size, strain=strain, scale=scale, salt=2e-3, halo=halo)
    found = refined(pattern, crystals, blank)
    assert found.success
    for name, value in truth.items():
        one = found.fit.parameters[name]
        # Errors are scaled by the misfit, which is next to nothing here.
        assert abs(one.value - value) < 0.25 * one.stderr / found.gof, name


def test_counts_leave_the_truth_within_one_error_in_two_thirds(crystals, blank):
    noise, inside = np.random.default_rng(8), []
    for left in (0.9, 0.5, 0.15):
        truth = {"scale_sample": 2e-3 * left, "scale_salt": 1e-3, "strain_sample": 0.004,
                 "inverse_size_sample": 1 / 150.0, "a_sample": crystals[0].cell[0],
                 "halo_0": 700.0 * (1.0 - left), "zero_shift": 0.0}  # fmt: skip
        pattern = sample(
            crystals, blank, size=150.0, strain=0.004, scale=2e-3 * left, salt=1e-3,
            halo=700.0 * (1.0 - left), noise=noise,
        )  # fmt: skip
        values = refined(pattern, crystals, blank).fit.parameters
        inside += [abs(values[n].value - t) <= values[n].stderr for n, t in truth.items()]
    # 21 tries of probability 0.68 have a standard deviation of 0.1.
    assert 0.45 < np.mean(inside) < 0.92
