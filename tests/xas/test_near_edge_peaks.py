"""Peaks over an edge come out as put in, with errors that hold and the step's share told."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xorder import xas
from xorder.errors import BadInput
from xorder.fitting import fit, numeric_jacobian
from xorder.xas.line_shapes import area_factor, peak_curve, step_curve
from xorder.xas.near_edge_model import NearEdgeObjective

E0 = 2825.0
ENERGY = np.concatenate(
    [np.arange(2740, 2805, 2.0), np.arange(2805, 2850, 0.2), np.arange(2850, 3000, 2.0)]
)


def normalized(mu: np.ndarray, **fields: Any) -> xas.Normalized:
    """Return a spectrum taken as normalized: what is fitted is exactly what was made."""
    line = np.zeros_like(ENERGY)
    spectrum = xas.Spectrum(
        energy=ENERGY, mu=np.where(ENERGY < 2810, 0, 1.0) + line, element="Cl", edge="K"
    )
    made = xas.normalize(spectrum, e0=E0, pre_edge=(-80.0, -30.0), post_edge=(50.0, 170.0), order=0)
    return replace(made, norm=mu, flat=mu, **fields)


def model(
    *,
    peaks: tuple[tuple[float, float, float, float], ...] = ((2821.0, 0.6, 1.5, 0.0),),
    step: tuple[float, float, float] | None = (2826.0, 0.7, 1.0),
    slope: float = 0.0,
) -> np.ndarray:
    """Return a simulated curve: centre, height, width and Lorentzian share of each peak."""
    total = slope * (ENERGY - E0)
    if step is not None:
        total = total + step[2] * (0.5 + np.arctan(2 * (ENERGY - step[0]) / step[1]) / math.pi)
    for center, height, fwhm, eta in peaks:
        u = (ENERGY - center) / fwhm
        total = total + height * (
            eta / (1 + 4 * u**2) + (1 - eta) * np.exp(-4 * math.log(2) * u**2)
        )
    return total


def noisy(mu: np.ndarray, noise: float, seed: int) -> np.ndarray:
    return mu + noise * np.random.default_rng(seed).standard_normal(mu.size)


@pytest.mark.parametrize("shape", ["gaussian", "lorentzian", "pseudo_voigt"])
def test_shapes_have_their_width_area_and_slopes(shape: str) -> None:
    x = np.linspace(-4000, 4000, 2_000_001)
    value, *_ = peak_curve(x, shape, 0.3, 2.0, 0.4)
    half = x[value >= 0.5]
    assert half[-1] - half[0] == pytest.approx(2.0, abs=0.01)
    factor, _ = area_factor(shape, 0.4)
    assert np.trapezoid(value, x) == pytest.approx(2.0 * factor, rel=1e-3)
    near = np.linspace(-3, 3, 41)
    for index, (high, low) in enumerate(
        [((0.3 + 1e-6, 2.0, 0.4), (0.3 - 1e-6, 2.0, 0.4)),
         ((0.3, 2.0 + 1e-6, 0.4), (0.3, 2.0 - 1e-6, 0.4)),
         ((0.3, 2.0, 0.4 + 1e-6), (0.3, 2.0, 0.4 - 1e-6))], start=1,
    ):  # fmt: skip
        slope = (peak_curve(near, shape, *high)[0] - peak_curve(near, shape, *low)[0]) / 2e-6
        np.testing.assert_allclose(peak_curve(near, shape, 0.3, 2.0, 0.4)[index], slope, atol=1e-8)


@pytest.mark.parametrize("shape", ["arctan", "erf"])
def test_a_step_rises_by_one_over_its_width(shape: str) -> None:
    x = np.linspace(-4000, 4000, 800_001)
    value, *_ = step_curve(x, shape, 0.0, 2.0)
    assert value[0] == pytest.approx(0.0, abs=1e-3)
    assert value[-1] == pytest.approx(1.0, abs=1e-3)
    slope = np.gradient(value, x)
    steep = x[slope >= 0.5 * slope.max()]
    assert steep[-1] - steep[0] == pytest.approx(2.0, abs=0.03)


def test_the_jacobian_is_the_derivative_of_the_residual() -> None:
    item = normalized(model(), stderr=np.full(ENERGY.size, 0.01))
    peaks = (xas.Peak(center=2821.0), xas.Peak(center=2828.0, shape="pseudo_voigt"))
    for kind in ("arctan", "erf"):
        step = xas.Step(center=2826.0, width=1.1, shape=kind, vary_width=True)  # type: ignore[arg-type]
        objective = NearEdgeObjective(item, peaks, step, "linear", (-12.0, 20.0), "_s1", ())
        values = objective.parameters.valuesdict() | {"height_2_s1": 0.4}
        names = list(objective.parameters)
        ours = objective.jacobian(values, names)
        np.testing.assert_allclose(
            ours, numeric_jacobian(objective, values, names), atol=1e-3 * np.abs(ours).max()
        )


@pytest.mark.parametrize("shape", ["gaussian", "lorentzian", "pseudo_voigt"])
def test_a_peak_comes_out_as_put_in(shape: Any) -> None:
    eta = {"gaussian": 0.0, "lorentzian": 1.0, "pseudo_voigt": 0.5}[shape]
    mu = model(peaks=((2821.3, 0.62, 1.4, eta),))
    found = xas.fit_near_edge(
        normalized(mu),
        peaks=[xas.Peak(center=2821.0, shape=shape)],
        step=xas.Step(center=2825.5, width=0.7),
    )
    assert found
    peak = found.fits[0].peaks[0]
    assert peak.center == pytest.approx(2821.3, abs=1e-3)
    assert peak.height == pytest.approx(0.62, rel=1e-3)
    assert peak.fwhm == pytest.approx(1.4, rel=1e-3)
    assert peak.area == pytest.approx(0.62 * 1.4 * area_factor(shape, eta)[0], rel=2e-3)
    assert found.fit.parameters["step_center"].value == pytest.approx(2826.0, abs=1e-2)


def test_errors_of_position_height_and_area_cover_the_truth() -> None:
    mu = model(slope=1e-3)
    area = 0.6 * 1.5 * area_factor("gaussian", 0)[0]
    pulls = []
    for seed in range(100):
        found = xas.fit_near_edge(
            normalized(noisy(mu, 0.01, seed)),
            peaks=[xas.Peak(center=2821.3)],
            step=xas.Step(center=2826.3, width=0.7),
            baseline="linear",
            e_range=(-15.0, 15.0),
        ).fits[0]
        peak = found.peaks[0]
        pulls.append(
            [
                (peak.center - 2821.0) / peak.center_stderr,
                (peak.height - 0.6) / peak.height_stderr,
                (peak.area - area) / peak.area_stderr,
            ]
        )
    inside = np.mean(np.abs(pulls) < 1, axis=0)
    assert np.all((inside > 0.55) & (inside < 0.82))
    assert np.all(np.abs(np.mean(pulls, axis=0)) < 0.35)


def test_the_centroid_of_two_peaks_is_their_mean_by_area() -> None:
    mu = model(peaks=((2819.0, 0.3, 1.2, 0.0), (2821.5, 0.6, 1.2, 0.0)), step=None)
    found = xas.fit_near_edge(
        normalized(noisy(mu, 0.003, 1)),
        peaks=[xas.Peak(center=2819.2, name="t2"), xas.Peak(center=2821.2, name="e")],
        e_range=(-12.0, 3.0),
    ).fits[0]
    assert found.centroid == pytest.approx((2819.0 + 2 * 2821.5) / 3, abs=4 * found.centroid_stderr)
    assert found.area == pytest.approx(sum(p.area for p in found.peaks))
    assert found.centroid_stderr < 0.05
    assert {"center (t2)", "area (e)", "centroid"} <= {n.name for n in found.numbers}


def test_a_step_under_the_peak_is_told_to_correlate_with_its_area() -> None:
    mu = noisy(model(peaks=((2828.0, 0.4, 5.0, 0.0),)), 0.003, 2)
    near = xas.fit_near_edge(
        normalized(mu),
        peaks=[xas.Peak(center=2828.0, fwhm=5.0, name="white line")],
        step=xas.Step(center=2826.0, width=0.7),
        e_range=(-8.0, 6.0),
    ).fits[0]
    far = xas.fit_near_edge(
        normalized(noisy(model(), 0.01, 2)),
        peaks=[xas.Peak(center=2821.0, name="pre-edge")],
        step=xas.Step(center=2826.0, width=0.7, vary_width=True),
    ).fits[0]
    assert abs(near.peaks[0].step_correlation) > 0.8
    assert abs(far.peaks[0].step_correlation) < 0.5
    assert any("the area of white line correlates by" in message for message in near.messages)
    assert not any("correlates" in message for message in far.messages)


def test_the_correlation_is_that_of_a_hundred_draws() -> None:
    mu = model(peaks=((2826.5, 0.4, 2.0, 0.0),))
    drawn, said = [], []
    for seed in range(100):
        found = xas.fit_near_edge(
            normalized(noisy(mu, 0.005, seed)),
            peaks=[xas.Peak(center=2826.5, fwhm=2.0)],
            step=xas.Step(center=2826.0, width=0.7),
            e_range=(-8.0, 8.0),
        )
        peak = found.fits[0].peaks[0]
        drawn.append((peak.area, found.fit.parameters[peak.step_parameter].value))
        said.append(peak.step_correlation)
    assert np.mean(said) == pytest.approx(np.corrcoef(np.transpose(drawn))[0, 1], abs=0.15)


def test_a_series_shares_a_width_and_knows_it_better() -> None:
    heights = (0.2, 0.35, 0.5, 0.65)
    items = [
        normalized(noisy(model(peaks=((2821.0, h, 1.5, 0.0),)), 0.01, i), name=f"sample {i}")
        for i, h in enumerate(heights)
    ]
    options: dict[str, Any] = {
        "peaks": [xas.Peak(center=2821.1, fwhm=1.2)],
        "step": xas.Step(center=2826.0, width=0.7),
    }
    together = xas.fit_near_edge(items, shared=("fwhm_*", "center_1"), **options)
    alone = xas.fit_near_edge(items[0], **options)
    assert together.shared == ("center_1", "fwhm_1")
    widths = {f.peaks[0].fwhm for f in together.fits}
    assert len(widths) == 1
    assert widths.pop() == pytest.approx(1.5, abs=0.05)
    first = together.fits[0].peaks[0]
    assert first.fwhm_stderr < 0.5 * alone.fits[0].peaks[0].fwhm_stderr
    assert first.area_stderr < alone.fits[0].peaks[0].area_stderr
    assert [f.peaks[0].height for f in together.fits] == pytest.approx(heights, abs=0.03)
    assert [f.name for f in together.fits] == [f"sample {i}" for i in range(4)]


def test_measured_errors_are_the_weights() -> None:
    """A glitch with a large standard error does not move the peak."""
    mu = noisy(model(), 0.005, 0)
    errors = np.full(ENERGY.size, 0.005)
    bad = np.abs(ENERGY - 2822.0) < 0.25
    mu = mu + np.where(bad, 0.5, 0.0)
    plain = xas.fit_near_edge(
        normalized(mu), peaks=[xas.Peak(center=2821.0)], step=xas.Step(center=2826.0)
    )
    weighted = xas.fit_near_edge(
        normalized(mu, stderr=np.where(bad, 0.5, errors)),
        peaks=[xas.Peak(center=2821.0)],
        step=xas.Step(center=2826.0),
    )
    shifts = [abs(f.fits[0].peaks[0].center - 2821.0) for f in (plain, weighted)]
    assert shifts[1] < 0.2 * shifts[0]


def test_a_failed_fit_is_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xorder.xas.near_edge_peaks.fit", lambda *args: fit(*args, max_nfev=1))
    found = xas.fit_near_edge(
        normalized(model()),
        peaks=[xas.Peak(center=2820.0, fwhm=4.0)],
        step=xas.Step(center=2826.0),
    )
    assert not found
    peak = found.fits[0].peaks[0]
    assert np.isnan([peak.center, peak.height, peak.area, peak.area_stderr]).all()
    assert np.isnan(found.fits[0].model).all()
    assert "failed" in found.messages[0]


@pytest.fixture(scope="module")
def chlorides(shared: Callable[..., Path]) -> dict[str, xas.Normalized]:
    groups = xas.read_all(shared("data", "xas", "Cl_CAMD.prj"))
    return {s.name: xas.normalize(s, **xas.athena_settings(s)) for s in groups}


@pytest.mark.reference
@pytest.mark.parametrize(
    ("name", "position"),
    [("NaCl", 2826.27), ("KCl", 2824.95), ("PdCl2", 2820.4), ("CoCl2", 2828.7)],
)
def test_chlorides_have_their_maxima_where_measured(
    chlorides: dict[str, xas.Normalized], name: str, position: float
) -> None:
    """The points are 0.1 eV apart, so the highest one is known to half of that."""
    item = chlorides[name]
    start = position - item.e0
    found = xas.fit_near_edge(
        item,
        peaks=[xas.Peak(center=position + 0.3, fwhm=1.5)],
        baseline="constant",
        e_range=(start - 0.8, start + 0.8),
    )
    assert found
    assert found.fits[0].peaks[0].center == pytest.approx(position, abs=0.1)


@pytest.mark.reference
def test_the_pre_edge_peak_of_palladium_chloride_stands_before_its_edge(
    chlorides: dict[str, xas.Normalized],
) -> None:
    found = xas.fit_near_edge(
        chlorides["PdCl2"],
        peaks=[
            xas.Peak(center=2820.4, name="pre-edge", shape="pseudo_voigt"),
            xas.Peak(center=2825.5, fwhm=3.0),
            xas.Peak(center=2829.5, fwhm=4.0),
        ],
        step=xas.Step(center=2823.0),
        e_range=(-10.0, 12.0),
    ).fits[0]
    assert found.r_factor < 1e-3
    pre_edge = found.peaks[0]
    assert pre_edge.center == pytest.approx(2820.4, abs=0.1)
    assert pre_edge.area / pre_edge.area_stderr > 20
    assert abs(pre_edge.step_correlation) < 1


# What cannot be used


STEP = xas.Step(center=2826.0)
PEAK = xas.Peak(center=2821.0)

BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no peaks": ({"peaks": []}, "there is no peak"),
    "a peak without a list": ({"peaks": PEAK}, "peaks is a Peak"),
    "a number for a peak": ({"peaks": [2821.0]}, "peak 1 is a float"),
    "a peak outside": ({"peaks": [xas.Peak(center=2900.0)]}, "peak 1 starts at 2900 eV"),
    "baseline unknown": ({"baseline": "cubic"}, "baseline is 'cubic'"),
    "e_range the wrong way": ({"e_range": (10, -10)}, "two ascending numbers"),
    "e_range too narrow": ({"e_range": (0, 0.5)}, "holds 3 points"),
    "e_range beyond": ({"e_range": (-300, 20)}, "reaches beyond"),
    "shared unknown": ({"shared": ("width_*",)}, r"shared names 'width_\*'"),
    "too many variables": (
        {"peaks": [PEAK] * 5, "e_range": (-6.0, -3.0)},
        "17 variables for 16 points",
    ),
}


@pytest.mark.parametrize(("change", "message"), BAD.values(), ids=BAD.keys())
def test_bad_models_are_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        xas.fit_near_edge(normalized(model()), **{"peaks": [PEAK], "step": STEP, **change})


@pytest.mark.parametrize(
    ("spectra", "message"),
    [
        ([], "holds 0 spectra"),
        ([None], "number 1 is a NoneType"),
        ("NaCl", "spectra is a str"),
        (xas.Spectrum(energy=ENERGY, mu=model()), "spectra is a Spectrum"),
        ([xas.Spectrum(energy=ENERGY, mu=model())], "number 1 is a Spectrum; expected a Norm"),
    ],
)
def test_what_is_not_normalized_is_refused(spectra: Any, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        xas.fit_near_edge(spectra, peaks=[PEAK])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: xas.Peak(center=-1.0), "peak center is -1"),
        (lambda: xas.Peak(center=math.nan), "peak center is nan"),
        (lambda: xas.Peak(center=2821.0, fwhm=0.0), "peak fwhm is 0"),
        (lambda: xas.Peak(center=2821.0, shape="voigt"), "peak shape is 'voigt'"),
        (lambda: xas.Peak(center=2821.0, eta=1.5), "peak eta is 1.5"),
        (lambda: xas.Peak(center=2821.0, center_within=-1.0), "center_within is -1"),
        (lambda: xas.Peak(center=2821.0, height=math.inf), "peak height is inf"),
        (lambda: xas.Step(shape="tanh"), "step shape is 'tanh'"),
        (lambda: xas.Step(width=-0.5), "step width is -0.5"),
        (lambda: xas.Step(height=0.0), "step height is 0"),
        (lambda: xas.Step(center_within=math.nan), "center_within is nan"),
    ],
)
def test_bad_peaks_and_steps_are_named(make: Callable[[], object], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        make()


def test_a_fit_is_drawn_with_every_peak() -> None:
    from matplotlib.figure import Figure

    ax = Figure().subplots()
    found = xas.fit_near_edge(normalized(model()), peaks=[PEAK], step=STEP)
    assert found.fits[0].plot(ax)
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert any(text.startswith("peak 1, 2821.0") for text in texts)
