"""The compiled loops against the same sums written plainly with NumPy and SciPy."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from xorder import xas
from xorder.xas.background_spline import BackgroundOptions, background_deviation, spline_problem
from xorder.xas.edge_steps import Ranges, fit_edges

Make = Callable[..., xas.Spectrum]

E0 = 9881.0


def options(**changes: object) -> BackgroundOptions:
    usual = {"rbkg": 1.0, "k_weight": 2.0, "k_range": (0.0, 13.0), "window": "hanning", "dk": 0.1}
    return BackgroundOptions(**{**usual, "clamps": (0.0, 1.0), **changes})


@pytest.mark.parametrize("seed", range(4))
def test_values_come_to_the_even_grid_by_the_cubic_spline_of_scipy(
    make_spectrum: Make, seed: int
) -> None:
    """On uneven energies, with noise that a spline follows."""
    spectrum = make_spectrum(noise=0.02, seed=seed)
    jitter = np.random.default_rng(seed).uniform(-0.1, 0.1, spectrum.energy.size)
    energy, rows = spectrum.energy + jitter, np.stack([spectrum.mu, spectrum.mu[::-1]])
    problem, found = spline_problem(energy, rows, e0=E0, options=options())
    covered = slice(problem.first, problem.first + problem.raw.size)
    wanted = CubicSpline(problem.raw, rows[:, covered], axis=1)(problem.k)
    np.testing.assert_allclose(found, wanted, atol=1e-11)


def test_the_basis_spans_cubic_splines_and_is_orthonormal_below_rbkg(make_spectrum: Make) -> None:
    spectrum = make_spectrum()
    problem, _ = spline_problem(
        spectrum.energy, spectrum.mu[None], e0=E0, options=options(rbkg=1.4)
    )
    transforms = problem.basis_k.T @ problem.low_r
    np.testing.assert_allclose(transforms, problem.low_r_basis, atol=1e-10)
    np.testing.assert_allclose(transforms @ transforms.T, np.eye(len(transforms)), atol=1e-10)
    # Any cubic is such a spline, so the basis holds it, on both grids with the same coefficients.
    for power in range(4):
        values, at_raw = problem.k**power, problem.raw**power
        coefficients = np.linalg.lstsq(problem.basis_k, values, rcond=None)[0]
        scale = np.max(np.abs(values))
        np.testing.assert_allclose(problem.basis_k @ coefficients, values, atol=1e-9 * scale)
        np.testing.assert_allclose(problem.basis @ coefficients, at_raw, atol=1e-9 * scale)


@pytest.mark.parametrize("clamps", [(0.0, 0.0), (0.0, 1.0), (3.0, 20.0)])
@pytest.mark.parametrize("strength", [1e-3, 1.0, 1e4])
def test_the_error_of_the_background_is_that_of_the_linear_fit(
    make_spectrum: Make, clamps: tuple[float, float], strength: float
) -> None:
    """The covariance of (AᵀA + λCᵀC)⁻¹(Aᵀb + λCᵀd) for unit noise, with full matrices."""
    spectrum = make_spectrum()
    problem, _ = spline_problem(
        spectrum.energy, spectrum.mu[None], e0=E0, options=options(clamps=clamps)
    )
    transform, basis = problem.low_r.T, problem.basis_k
    picked = np.zeros((problem.clamped.size, problem.k.size))
    picked[np.arange(problem.clamped.size), problem.clamped] = problem.clamp
    design, held = transform @ basis, picked @ basis
    if not problem.clamped.size:
        strength = 0.0
    left = design.T @ design + strength * held.T @ held
    answer = np.linalg.solve(left, design.T @ transform + strength * held.T @ picked)
    wanted = np.sqrt(np.sum((basis @ answer) ** 2, axis=1))
    np.testing.assert_allclose(background_deviation(problem, strength), wanted, rtol=1e-6)


def plain_edge(x: np.ndarray, mu: np.ndarray, ranges: Ranges) -> tuple[float, float, float]:
    """Return step, height at the highest point and area of the flattened spectrum."""
    inside = [(x >= low) & (x <= high) for low, high in (ranges.pre_edge, ranges.post_edge)]
    line = np.polyfit(x[inside[0]], mu[inside[0]], 1)
    above = mu - np.polyval(line, x)
    curve = np.polyfit(x[inside[1]], above[inside[1]], ranges.order)
    step = float(np.polyval(curve, 0.0))
    flat = np.where(x < 0, above, above - np.polyval(curve, x) + step) / step
    near, top = (x >= -30) & (x <= 30), (x >= -5) & (x <= 30)
    excess = flat - 0.5 - np.arctan(2.0 * x / 3.0) / np.pi
    return step, float(flat[top].max()), float(np.trapezoid(excess[near], x[near]))


@pytest.mark.parametrize("order", [0, 1, 2])
def test_steps_and_white_lines_are_those_of_plain_polynomials(
    make_spectrum: Make, order: int
) -> None:
    """Spreads are over each end moved inward, with the chosen ranges counted twice."""
    spectrum = make_spectrum(noise=1e-3)
    x = spectrum.energy - E0
    chosen = Ranges((-140.0, -40.0), (100.0, 700.0), order)
    fits = fit_edges(x, spectrum.mu[None], chosen, width=3.0)
    shares = itertools.product((1.0, 1.4, 1.8), (0.0, 0.08, 0.16), (0.0, 0.1, 0.2))
    choices = [
        Ranges((-140.0, -40.0 * a), (100.0 + 600.0 * b, 700.0 - 600.0 * c), order)
        for a, b, c in shares
    ]
    found = np.array([plain_edge(x, spectrum.mu, ranges) for ranges in (chosen, *choices)])
    step, height, area = found[0]
    assert fits.step[0] == pytest.approx(step, rel=1e-10)
    assert fits.white_line[0, 1] == pytest.approx(height, abs=5e-3)
    assert fits.white_line[0, 1] >= height
    assert fits.white_line[0, 2] == pytest.approx(area, rel=1e-9)
    scatter = np.std(found, axis=0, ddof=1)
    assert fits.step_stderr[0] == pytest.approx(scatter[0], rel=1e-8)
    assert fits.white_line_stderr[0, 1] == pytest.approx(scatter[1], rel=0.02)
    assert fits.white_line_stderr[0, 2] == pytest.approx(scatter[2], rel=1e-8)


@pytest.mark.parametrize("smoothing", [0.5, 1.0, 3.0])
def test_the_edge_energy_is_the_steepest_point_of_the_smoothed_spectrum(
    make_spectrum: Make, smoothing: float
) -> None:
    """Against the derivative of a Gaussian-smoothed spectrum on a finer grid."""
    spectrum = make_spectrum()
    grid = np.arange(E0 - 40.0, E0 + 40.0, 0.02)
    offsets = np.arange(-5.0 * smoothing, 5.0 * smoothing, 0.02)
    kernel = -offsets * np.exp(-0.5 * (offsets / smoothing) ** 2)
    slope = np.convolve(np.interp(grid, spectrum.energy, spectrum.mu), kernel, mode="same")
    inside = np.abs(grid - E0) < 20.0
    wanted = grid[inside][np.argmax(slope[inside])]
    found = xas.normalize(spectrum, smoothing=smoothing).e0
    assert found == pytest.approx(wanted, abs=0.05)
