"""Simulated spectra hold what was put in, and say that they are simulated."""

import numpy as np
import pytest

from xorder import xas
from xorder.errors import BadInput

Paths = tuple[xas.ScatteringPath, ...]
TA = {"element": "Ta", "edge": "L3"}


def test_a_simulated_spectrum_says_so(ta_paths: Paths) -> None:
    spectrum = xas.simulate_spectrum(ta_paths, **TA)
    assert spectrum.simulated
    assert spectrum.metadata["simulated"] == "true"
    assert "simulated" in spectrum.name
    assert spectrum.provenance is not None


def test_the_oscillations_are_those_of_the_paths(ta_paths: Paths) -> None:
    environment = xas.Environment(paths=ta_paths, sigma2=0.004, sigma2_growth=0.0)
    spectrum = xas.simulate_spectrum([environment], **TA, s02=0.9)
    exafs = xas.subtract_background(xas.normalize(spectrum, e0=9881.0))
    inside = (exafs.k > 5) & (exafs.k < 12)
    sigma2 = [0.004 if p.n_legs == 2 else 0.008 for p in ta_paths]
    truth = xas.sum_paths(ta_paths, exafs.k, s02=0.9, sigma2=sigma2)
    weighted = (exafs.k**2 * (exafs.chi - truth))[inside]
    assert np.max(np.abs(weighted)) < 0.06 * np.max(np.abs((exafs.k**2 * truth)[inside]))


def test_noise_is_seeded_and_of_the_stated_size(ta_paths: Paths) -> None:
    clean, one, same, other = (
        xas.simulate_spectrum(ta_paths, **TA, noise=noise, seed=seed)
        for noise, seed in ((0.0, 0), (1e-3, 1), (1e-3, 1), (1e-3, 2))
    )
    np.testing.assert_array_equal(one.mu, same.mu)
    assert np.any(one.mu != other.mu)
    assert np.std(one.mu - clean.mu) == pytest.approx(1e-3, rel=0.15)


def test_mixtures_mix(ta_paths: Paths) -> None:
    crystal = xas.Environment(paths=ta_paths, weight=3.0)
    glass = xas.Environment(paths=ta_paths, weight=1.0, sigma2=0.01, multiple_scattering=0.0)
    a, b, c = (
        xas.simulate_spectrum(kinds, **TA).mu for kinds in ([crystal], [glass], [crystal, glass])
    )
    np.testing.assert_allclose(c, 0.75 * a + 0.25 * b)


def test_the_wavelet_feature_fades_as_the_glass_grows(ta_paths: Paths) -> None:
    means = []
    for share in (1.0, 0.6, 0.2):
        kinds = [
            xas.Environment(paths=ta_paths, weight=share),
            xas.Environment(
                paths=ta_paths,
                weight=1 - share,
                sigma2=0.005,
                sigma2_growth=0.02,
                multiple_scattering=0.4,
            ),
        ]
        exafs = xas.subtract_background(xas.normalize(xas.simulate_spectrum(kinds, **TA)))
        wavelets = xas.transform_to_wavelets(exafs, k_range=(3, 12))
        means.append(xas.wavelet_mean(wavelets, r_range=(3.2, 4.8)).value)
    assert means[0] > 1.3 * means[1] > 1.3 * 1.3 * means[2]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"noise": -1.0}, "noise is -1"),
        ({"noise": float("nan")}, "noise is nan"),
        ({"energy": np.linspace(5000.0, 6000.0, 50)}, "e0 is 9881"),
        ({"edge": "L9"}, "no edge"),
    ],
)
def test_settings_that_make_no_spectrum_are_refused(
    ta_paths: Paths, settings: dict[str, object], message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        xas.simulate_spectrum(ta_paths, **{**TA, **settings})


def test_bad_environments_are_refused(ta_paths: Paths) -> None:
    with pytest.raises(BadInput, match="no scattering paths"):
        xas.simulate_spectrum([], **TA)
    with pytest.raises(BadInput, match="weights"):
        xas.simulate_spectrum([xas.Environment(paths=ta_paths, weight=-1.0)], **TA)
    with pytest.raises(BadInput, match="sigma2"):
        xas.simulate_spectrum([xas.Environment(paths=ta_paths, sigma2=-1e-3)], **TA)
