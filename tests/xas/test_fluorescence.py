"""Simulated detectors give back the absorption that was put in, whatever they lost or broke."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from xorder import xas
from xorder.errors import BadInput, DataWarning, UnreadableFile
from xorder.xas.dead_time import true_rate
from xorder.xas.recipe_tables import PreparationOptions

ENERGY = np.linspace(9700.0, 10400.0, 281)
X = ENERGY - 9881.0
MU = 0.2 - 1e-4 * X + 0.5 + np.arctan(X / 2) / np.pi + 0.4 / (1 + ((X - 4) / 4) ** 2)
GAINS = np.array([1.0, 0.8, 1.2, 0.5])
I0 = 1e5 * (1.0 + 0.1 * np.sin(ENERGY / 60.0))
TAU, TIME = 1e-6, np.full(ENERGY.size, 2.0)


def counted(rate: np.ndarray, model: str) -> np.ndarray:
    """Return what a detector counts of a true rate: the definition of both models."""
    return rate / (1 + rate * TAU) if model == "nonparalyzable" else rate * np.exp(-rate * TAU)


def detector(
    *, model: str = "nonparalyzable", total: float = 2e5, share: float = 0.4, seed: int = 1
) -> xas.DetectorElements:
    """Simulate four elements that see the line and three parts of scatter, and lose events."""
    generator = np.random.default_rng(seed)
    line = total * share * (MU * I0 / 1e5)[:, None] * GAINS
    came = line + total * (1 - share) * GAINS
    kept = counted(came, model) / came
    icr = generator.poisson(came * TIME[:, None])
    ocr = generator.binomial(icr, kept)
    counts = generator.binomial(ocr, line / came)
    return xas.DetectorElements(
        energy=ENERGY,
        counts=counts.astype(float),
        i0=I0,
        time=TIME,
        icr=icr.astype(float),
        ocr=ocr.astype(float),
    )


def true_sum(share: float = 0.4, total: float = 2e5, gains: np.ndarray = GAINS) -> np.ndarray:
    return total * share * MU / 1e5 * 2.0 * gains.sum()


def chi_square(found: xas.Spectrum, truth: np.ndarray) -> float:
    assert found.stderr is not None
    return float(np.mean(((found.mu - truth) / found.stderr) ** 2))


@pytest.mark.parametrize("model", ["nonparalyzable", "paralyzable"])
def test_input_and_output_counts_give_back_what_was_lost(model: str) -> None:
    found = xas.sum_elements(detector(model=model))
    assert 0.75 < chi_square(found.spectrum, true_sum()) < 1.35
    assert np.all(found.largest_correction > 1.05)
    assert found.left_out == ()


@pytest.mark.parametrize("model", ["nonparalyzable", "paralyzable"])
def test_a_stated_dead_time_gives_back_what_was_lost(model: str) -> None:
    """Elements that count nothing but the line lose as many as their own counts say."""
    full = detector(model=model, share=1.0, total=1e5)
    alone = xas.DetectorElements(energy=ENERGY, counts=full.counts, i0=I0, time=TIME)
    found = xas.sum_elements(alone, dead_time=TAU, model=model)
    assert 0.7 < chi_square(found.spectrum, true_sum(1.0, 1e5)) < 1.35
    uncorrected = xas.sum_elements(alone).spectrum
    assert chi_square(uncorrected, true_sum(1.0, 1e5)) > 100


@pytest.mark.parametrize("model", ["nonparalyzable", "paralyzable"])
@pytest.mark.parametrize("true", [10.0, 1e4, 5e5])
def test_the_models_are_undone(model: str, true: float) -> None:
    rate = counted(np.array([true]), model)
    assert true_rate(rate, dead_time=TAU, model=model) == pytest.approx(true, rel=1e-9)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("dead", "counted nothing"),
        ("blind", "shows no edge"),
        ("wrong", "times further from the common shape"),
        ("NaN", "no finite numbers"),
    ],
)
def test_a_broken_element_is_left_out_and_said(kind: str, reason: str) -> None:
    elements = detector()
    counts = elements.counts.copy()
    if kind == "dead":
        counts[:, 1] = 0.0
    elif kind == "blind":
        counts[:, 1] = np.random.default_rng(2).poisson(2e4, ENERGY.size)
    elif kind == "wrong":
        counts[:, 1] *= 1.0 + 0.8 * np.sin(ENERGY / 25.0)
    else:
        counts[5, 1] = np.nan
    changed = xas.DetectorElements(
        energy=ENERGY, counts=counts, i0=I0, time=TIME, icr=elements.icr, ocr=elements.ocr
    )
    with pytest.warns(DataWarning, match=f"element 2 .*{reason}"):
        found = xas.sum_elements(changed)
    assert found.left_out == ("element 2",)
    truth = true_sum(gains=GAINS[[0, 2, 3]])
    np.testing.assert_allclose(found.spectrum.mu, truth, rtol=0.03)


def test_weights_and_elements_left_out_are_the_users() -> None:
    elements = detector()
    weights = [1.0, 0.0, 2.0, 1.0]
    found = xas.sum_elements(elements, weights=weights, leave_out=[4])
    np.testing.assert_array_equal(found.weights, [1.0, 0.0, 2.0, 0.0])
    np.testing.assert_allclose(found.spectrum.mu, true_sum(gains=np.array([1.0, 2.4])), rtol=0.05)


def test_corrected_rates_have_an_error_from_the_elements_scatter() -> None:
    elements = detector()
    rates = elements.counts / 2.0 + 0.25
    corrected = xas.DetectorElements(energy=ENERGY, counts=rates, i0=I0, corrected=True)
    found = xas.sum_elements(corrected).spectrum
    whole = xas.sum_elements(
        xas.DetectorElements(energy=ENERGY, counts=elements.counts, i0=I0)
    ).spectrum
    assert found.stderr is not None
    assert whole.stderr is not None
    assert np.median(found.stderr / whole.stderr) == pytest.approx(0.5, rel=0.3)


BAD: dict[str, tuple[dict[str, object], str]] = {
    "unknown model": ({"model": "jammed"}, "model is 'jammed'"),
    "negative dead time": ({"dead_time": -1.0}, "dead_time is -1"),
    "too long a dead time": ({"dead_time": 1e-3}, "cannot be corrected for a dead time"),
    "two dead times": ({"dead_time": [1e-6, 1e-6]}, "dead_time has 2 values"),
    "three weights": ({"weights": [1.0, 1.0, 1.0]}, "expected 4 numbers"),
    "negative weights": ({"weights": [1.0, 1.0, 1.0, -1.0]}, "none negative"),
    "no weights": ({"weights": [0.0] * 4}, "all weights are zero"),
    "no element left": ({"leave_out": [1, 2, 3, 4]}, "no detector element is left"),
    "unknown element": ({"leave_out": [5]}, "leave_out has 5"),
    "threshold": ({"threshold": 0.5}, "threshold is 0.5"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_input_is_said(kind: str) -> None:
    arguments, message = BAD[kind]
    with pytest.raises(BadInput, match=message):
        xas.sum_elements(detector(), **arguments)


def test_a_dead_time_needs_the_counting_time() -> None:
    elements = xas.DetectorElements(energy=ENERGY, counts=detector().counts, i0=I0)
    with pytest.raises(BadInput, match="counting time is not known"):
        xas.sum_elements(elements, dead_time=TAU)


def write(path: Path, elements: xas.DetectorElements) -> Path:
    labels = ["energy", "count_time", "i0"]
    columns = [ENERGY, TIME, I0]
    assert elements.icr is not None
    assert elements.ocr is not None
    for i in range(4):
        labels += [f"roi{i + 1}", f"icr{i + 1}", f"ocr{i + 1}"]
        columns += [elements.counts[:, i], elements.icr[:, i], elements.ocr[:, i]]
    rows = ["  ".join(f"{value:.10g}" for value in row) for row in zip(*columns, strict=True)]
    path.write_text("\n".join(["# " + "  ".join(labels), *rows]) + "\n")
    return path


def test_a_file_of_elements_is_added_as_its_labels_say(tmp_path: Path) -> None:
    path = write(tmp_path / "elements.dat", detector())
    spectrum = xas.read(path)
    assert spectrum.mode == "fluorescence"
    assert 0.75 < chi_square(spectrum, true_sum()) < 1.35
    elements = xas.read_elements(path)
    assert elements.labels == ("roi1", "roi2", "roi3", "roi4")
    chosen = xas.read_elements(path, columns={"i0": "i0", "ifluor": [4, 7], "icr": [5, 8]})
    assert chosen.counts.shape == (281, 2)


def test_a_file_without_elements_says_how_to_name_them(tmp_path: Path) -> None:
    path = tmp_path / "plain.dat"
    rows = "\n".join(f"{e} 1.0 2.0" for e in ENERGY)
    path.write_text(f"# energy i0 it\n{rows}\n")
    with pytest.raises(UnreadableFile, match=r"no elements of a detector.*'ifluor'"):
        xas.read_elements(path)


def test_the_correction_is_that_of_a_beamline(shared: Callable[..., Path]) -> None:
    """The file holds raw, input and output counts and the beamline's own corrected rates."""
    path = shared("data", "xas", "beamlines", "NSLS6BM_2019.dat")
    theirs = xas.read_elements(path)
    ours = xas.read_elements(
        path,
        columns={
            "i0": "I0",
            "time": "measurement_time",
            "ifluor": [f"ROI{i}" for i in range(1, 5)],
            "icr": [f"ICR{i}" for i in range(1, 5)],
            "ocr": [f"OCR{i}" for i in range(1, 5)],
        },
    )
    counts, _ = xas.correct_dead_time(ours, dead_time=280e-9, model="paralyzable")
    assert theirs.corrected
    np.testing.assert_allclose(counts, theirs.counts, rtol=1e-7)


def test_a_recipe_reaches_dead_time_and_elements(tmp_path: Path) -> None:
    path = write(tmp_path / "elements.dat", detector())
    options = PreparationOptions(dead_time=1e-7, elements_left_out=(4,))
    recipe = xas.XasRecipe(prepare=options, element="Ta", edge="L3", exafs=False)
    summed = xas.sum_elements(xas.read_elements(path), dead_time=1e-7, leave_out=(4,))
    found = xas.analyse([path], recipe).normalized
    np.testing.assert_array_equal(found.mu, summed.spectrum.mu)
