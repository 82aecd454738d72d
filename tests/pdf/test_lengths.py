"""How far order reaches: known domains come back, and what the range does not hold is said."""

from dataclasses import replace

import numpy as np
import pytest

from xorder import pdf
from xorder.errors import BadInput
from xorder.pdf.phases import sphere_envelope

WIDTH = 6.0


def sliding(diameter, *, error=0.01, seed=0, high=40.0, **kwargs):
    """Windows over a sphere's envelope, with the noise of windows that share data."""
    low = np.arange(2.0, high - WIDTH)
    nodes = np.linspace(0.0, WIDTH, 61)
    scale = sphere_envelope(low[:, None] + nodes, diameter).mean(axis=1)
    together = np.maximum(1.0 - np.abs(low[:, None] - low) / WIDTH, 0.0)
    noise = np.random.default_rng(seed).multivariate_normal(np.zeros(len(low)), together)
    count = len(low)
    values = {
        "phases": ("nano",), "r_min": low, "r_max": low + WIDTH, "width": WIDTH, "step": 1.0,
        "scale": (scale + error * noise)[:, None], "scale_stderr": np.full((count, 1), error),
        "mass_fraction": np.full((count, 1), np.nan), "mass_stderr": np.full((count, 1), np.nan),
        "atom_fraction": np.full((count, 1), np.nan), "atom_stderr": np.full((count, 1), np.nan),
        "r_w": np.full(count, 0.1), "n_independent": np.full(count, 42.0),
        "undecided": np.zeros(count, dtype=bool),
    }  # fmt: skip
    return pdf.Boxcar(**(values | kwargs))


@pytest.mark.parametrize("diameter", [15.0, 30.0, 60.0])
def test_the_diameter_of_the_domains_comes_back_within_its_error(diameter):
    pulls = []
    for seed in range(40):
        found = pdf.order_length(sliding(diameter, seed=seed), draws=60)
        assert abs(found.diameter / diameter - 1.0) < 0.15
        pulls.append((found.diameter - diameter) / found.diameter_stderr)
    assert 0.5 < np.sqrt(np.mean(np.square(pulls))) < 1.6


def test_half_and_zero_are_where_the_curve_has_them():
    found = pdf.order_length(sliding(20.0, error=0.001))
    box = sliding(20.0, error=1e-9)
    centre = 0.5 * (box.r_min + box.r_max)
    curve = box.scale[:, 0] / box.scale[0, 0]
    assert found.half == pytest.approx(np.interp(-0.5, -curve, centre), abs=0.1)
    # The windows that begin beyond the diameter hold nothing of the phase.
    assert 20.0 < found.zero < 20.0 + WIDTH + 1.0
    assert found.zero_stderr >= 0.5
    assert 0 < found.half_stderr < 0.2
    assert found.messages == ()


def test_an_endless_crystal_has_no_length():
    found = pdf.order_length(sliding(1e5))
    assert np.isnan(found.half)
    assert np.isnan(found.zero)
    assert np.isnan(found.diameter_stderr)
    assert any("lower limit" in message for message in found.messages)
    assert any("half" in message for message in found.messages)


@pytest.mark.parametrize(
    ("changes", "kwargs", "message"),
    [
        ({}, {"phase": "other"}, "no phase 'other'"),
        ({"phases": ("a", "b")}, {}, "one of a, b"),
        ({"cumulative": True}, {}, "slide"),
        ({"undecided": np.ones(32, dtype=bool)}, {}, "at least four windows"),
        ({}, {"draws": 1}, "ten draws"),
    ],
)
def test_what_has_no_length_is_said(changes, kwargs, message):
    with pytest.raises(BadInput, match=message):
        pdf.order_length(replace(sliding(20.0), **changes), **kwargs)
