"""Functions of total scattering: definitions, ways back, sine transforms and their errors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xorder import pdf
from xorder.errors import BadInput
from xorder.pdf.functions import convert_of_q, convert_of_r, fq_from_gr, gr_from_fq
from xorder.pdf.transforms import sine_sum, trapezoid_weights

OF_R = ("G", "g", "R", "T", "D")
R = np.arange(0.0, 10.0, 0.02)
RHO0 = 0.05


def shell(r=2.5, neighbours=12.0, width=0.1):
    """G(r) of one shell of neighbours in a uniform rest beyond it."""
    peak = neighbours / r * np.exp(-((R - r) ** 2) / (2 * width**2)) / (width * np.sqrt(2 * np.pi))
    return peak - 4 * np.pi * RHO0 * R


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(OF_R),
    st.sampled_from(OF_R),
    st.floats(1e-3, 0.2),
    st.floats(0.01, 100.0),
)
def test_every_function_of_r_comes_back_from_every_other(source, target, rho0, weight):
    kwargs = {"rho0": rho0, "weight": weight}
    start = convert_of_r(shell(), R, source="G", target=source, **kwargs)
    there = convert_of_r(start, R, source=source, target=target, **kwargs)
    back = convert_of_r(there, R, source=target, target=source, **kwargs)
    assert back == pytest.approx(start, abs=1e-9 * np.max(np.abs(start)))


@pytest.mark.parametrize("source", ["S", "F", "i"])
@pytest.mark.parametrize("target", ["S", "F", "i"])
def test_every_function_of_q_comes_back_from_every_other(source, target):
    q = np.linspace(0.1, 25, 300)
    values = 1 + np.sin(q) / q
    there = convert_of_q(values, q, source=source, target=target, weight=3.7)
    assert convert_of_q(there, q, source=target, target=source, weight=3.7) == pytest.approx(values)


def test_definitions_hold_where_the_density_is_uniform():
    r = np.linspace(0.5, 20, 50)
    none = np.zeros_like(r)
    kwargs = {"source": "G", "rho0": RHO0}
    assert convert_of_r(none, r, target="g", **kwargs) == pytest.approx(1)
    assert convert_of_r(none, r, target="R", **kwargs) == pytest.approx(4 * np.pi * r**2 * RHO0)
    assert convert_of_r(none, r, target="T", weight=2.0, **kwargs) == pytest.approx(
        8 * np.pi * r * RHO0
    )
    assert convert_of_r(none, r, target="D", **kwargs) == pytest.approx(0)
    q = np.linspace(1, 20, 50)
    assert convert_of_q(np.ones(50), q, source="S", target="F") == pytest.approx(0)


def test_the_area_of_a_peak_of_the_radial_distribution_counts_neighbours():
    values = convert_of_r(shell(), R, source="G", target="R", rho0=RHO0)
    assert np.trapezoid(values, R) == pytest.approx(12, rel=1e-3)


def test_a_shell_of_atoms_makes_a_peak_at_its_distance():
    # F(Q) of one shell is N sin(QR)/R: its transform is known in closed form.
    q = np.linspace(0.01, 25, 2500)
    r = np.arange(0.5, 10, 0.01)
    distance = 2.77
    gr = gr_from_fq(q, np.sin(q * distance) / distance, r)

    def sinc(x):
        return np.sin(25 * x) / x

    expected = (sinc(r - distance + 1e-12) - sinc(r + distance)) / (np.pi * distance)
    assert gr == pytest.approx(expected, abs=2e-3 * expected.max())


@pytest.mark.parametrize("uniform", [True, False])
def test_the_fast_sum_is_the_plain_sum(uniform):
    rng = np.random.default_rng(3)
    q = np.linspace(0.4, 24, 900) if uniform else np.sort(rng.uniform(0.4, 24, 900))
    amplitudes = rng.normal(size=900)
    r = np.arange(0.01, 60, 0.05)
    plain = np.sin(np.outer(r, q)) @ amplitudes
    assert sine_sum(q, amplitudes, r) == pytest.approx(plain, abs=1e-6 * np.abs(plain).max())


@settings(max_examples=15, deadline=None)
@given(st.floats(0.5, 3.0), st.floats(0.15, 0.4), st.floats(18.0, 30.0))
def test_structure_within_range_survives_both_transforms(r0, width, q_max):
    # A broad peak has nothing above q_max, so nothing is lost on the way.
    r = np.arange(0.0, 12.0, 0.01)
    gr = r * np.exp(-((r - 2 - r0) ** 2) / (2 * width**2))
    q = np.linspace(1e-6, q_max, 1200)
    back = gr_from_fq(q, fq_from_gr(r, gr, q), r)
    assert back == pytest.approx(gr, abs=0.05 * np.max(gr))
    assert np.sqrt(np.mean((back - gr) ** 2)) < 0.02 * np.max(gr)


def test_lorch_damps_ripples_and_broadens_peaks():
    q = np.linspace(0.01, 20, 2000)
    r = np.arange(1, 6, 0.01)
    fq = np.sin(3 * q)
    sharp, smooth = gr_from_fq(q, fq, r), gr_from_fq(q, fq, r, window="lorch")
    away = np.abs(r - 3) > 0.6
    assert np.abs(smooth[away]).max() < 0.3 * np.abs(sharp[away]).max()
    assert smooth.max() < sharp.max()
    width = np.ptp(r[smooth > smooth.max() / 2])
    assert width == pytest.approx(5.4 / 20, rel=0.15)


def test_below_the_first_q_a_line_from_zero_is_the_known_integral():
    r = np.arange(0.1, 6, 0.01)
    q = np.linspace(1, 20, 4000)
    cut = gr_from_fq(q, q / 10, r)
    line = gr_from_fq(q, q / 10, r, low_q="linear")
    exact = 2 / np.pi / 10 * (np.sin(r) / r**2 - np.cos(r) / r)
    assert line - cut == pytest.approx(exact, abs=1e-5)


def test_errors_and_their_correlation_are_those_of_many_draws():
    rng = np.random.default_rng(5)
    q = np.linspace(0.5, 20, 400)
    r = np.arange(0.5, 8, 0.05)
    sigma = 0.05 * (1 + q / 4)
    expected = pdf.gr_covariance_from_fq(q, sigma, r)
    weights = trapezoid_weights(q)
    kernel = 2 / np.pi * np.sin(np.outer(r, q)) * weights
    exact = kernel * sigma**2 @ kernel.T
    assert expected.matrix() == pytest.approx(exact, abs=1e-9 * exact.max())
    draws = kernel @ (sigma[:, None] * rng.normal(size=(400, 3000)))
    assert draws.std(axis=1) == pytest.approx(expected.stderr, rel=0.08)
    measured = np.corrcoef(draws)
    assert measured == pytest.approx(expected.correlation(), abs=0.09)
    area = np.where((r > 2) & (r < 3), r, 0.0)
    assert (area @ draws).std() == pytest.approx(expected.stderr_of(area), rel=0.06)


def test_a_grid_that_starts_between_steps_has_the_same_errors():
    q = np.linspace(0.5, 20, 400)
    sigma = np.full(400, 0.1)
    on = pdf.gr_covariance_from_fq(q, sigma, np.arange(1.0, 5.0, 0.05))
    off = pdf.gr_covariance_from_fq(q, sigma, np.arange(1.013, 5.0, 0.05))
    assert off.stderr.mean() == pytest.approx(on.stderr.mean(), rel=0.01)
    kernel = 2 / np.pi * np.sin(np.outer(off.r, q)) * trapezoid_weights(q) * sigma
    assert off.matrix() == pytest.approx(kernel @ kernel.T, abs=1e-9)


Q = np.linspace(1, 20, 50)
GRID = np.arange(0.1, 5, 0.1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: convert_of_r(shell(), R, source="G", target="g"), "rho0 is missing"),
        (lambda: convert_of_r(shell(), R, source="G", target="g", rho0=-1.0), "rho0 is -1"),
        (lambda: convert_of_r(shell(), R, source="G", target="Z", rho0=1.0), "target is 'Z'"),
        (lambda: convert_of_r(shell()[:-1], R, source="G", target="D"), "one value a point"),
        (lambda: convert_of_r(shell(), R - 1, source="G", target="D"), "r is -1"),
        (lambda: convert_of_r(shell(), R, source="G", target="D", weight=0.0), "weight is 0"),
        (lambda: convert_of_r(shell() * np.nan, R, source="G", target="D"), "finite"),
        (lambda: convert_of_q(np.ones(50), Q - 1, source="S", target="F"), "positive Q"),
        (lambda: gr_from_fq(Q[::-1], Q, GRID), "ascending"),
        (lambda: gr_from_fq(Q, Q[:-1], GRID), "one value a point"),
        (lambda: gr_from_fq(Q, Q * np.nan, GRID), "finite"),
        (lambda: gr_from_fq(Q, Q, GRID**2), "uniform grid"),
        (lambda: gr_from_fq(Q, Q, GRID, window="hann"), "one of none, lorch"),
        (lambda: gr_from_fq(Q[:1], Q[:1], GRID), "at least 2"),
        (lambda: pdf.gr_covariance_from_fq(Q, -Q, GRID), "standard errors of zero or more"),
    ],
)
def test_what_cannot_be_converted_is_said(call, message):
    with pytest.raises(BadInput, match=message):
        call()
