"""Spectra whose answers are known, FEFF's paths of one crystal, and larch as the other code."""

import math
import warnings
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest

from xorder import references, xas

E0 = 9881.0


@pytest.fixture(scope="session")
def make_spectrum() -> Callable[..., xas.Spectrum]:
    """Return a maker of spectra: an arctangent edge, a white line and one shell on a slope."""

    def make(
        *,
        step: float = 1.0,
        r: float = 2.35,
        sigma2: float = 0.004,
        slope: float = -2e-4,
        noise: float = 0.0,
        seed: int = 0,
        white_line: float = 1.5,
        k_max: float = 14.0,
        **fields: object,
    ) -> xas.Spectrum:
        k = np.arange(1.0, k_max, 0.05)
        energy = E0 + np.concatenate(
            [np.arange(-150.0, -20.0, 4.0), np.arange(-20.0, 3.7, 0.3), 3.81 * k**2]
        )
        wave = np.sqrt(np.clip(energy - E0, 0, None) / xas.photoelectron.HBAR2_OVER_2M)
        chi = 3.0 * np.exp(-2 * sigma2 * wave**2) * np.sin(2 * wave * r) / (wave + 2.0) / r**2
        x = energy - E0
        edge = 0.5 + np.arctan(x / 1.5) / math.pi + white_line / (1 + ((x - 4) / 3) ** 2)
        generator = np.random.default_rng(seed)
        mu = step * (edge + np.where(x > 0, chi, 0.0)) + 0.3 + slope * x
        mu = mu + noise * step * generator.standard_normal(x.size)
        return xas.Spectrum(energy=energy, mu=mu, **{"element": "Ta", "edge": "L3", **fields})

    return make


@pytest.fixture(scope="session")
def make_exafs() -> Callable[..., xas.Exafs]:
    """Return a maker of χ(k) from given waves, without any file or background."""

    def make(*, chi: Callable[[np.ndarray], np.ndarray], epsilon_k: float = 1e-3) -> xas.Exafs:
        k = 0.05 * np.arange(301)
        energy = E0 + 3.81 * k**2
        return xas.Exafs(
            k=k,
            chi=chi(k),
            energy=energy,
            mu=np.ones_like(energy),
            background=np.ones_like(energy),
            e0=E0,
            edge_step=1.0,
            epsilon_k=epsilon_k,
            rbkg=1.0,
            k_weight=2.0,
            k_range=(0.0, 15.0),
        )

    return make


@pytest.fixture(scope="session")
def ta_paths() -> tuple[xas.ScatteringPath, ...]:
    """Return FEFF's paths around Ta in NaTaCl6, to 5 Å."""
    return xas.calculate_paths(
        references.load("NaTaCl6"), absorber="Ta", edge="L3", radius=5.0, program="feff6l"
    )


@pytest.fixture(scope="session")
def larch() -> SimpleNamespace:
    """Return larch's functions, imported once and quietly."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from larch import Group
        from larch.xafs import (
            autobk,
            cauchy_wavelet,
            feffpath,
            ff2chi,
            ftwindow,
            pre_edge,
            xftf,
        )
    return SimpleNamespace(
        Group=Group,
        autobk=autobk,
        cauchy_wavelet=cauchy_wavelet,
        feffpath=feffpath,
        ff2chi=ff2chi,
        ftwindow=ftwindow,
        pre_edge=pre_edge,
        xftf=xftf,
    )
