"""Hundreds of measured files in one go: each gives its numbers or its one message."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from xorder import xas
from xorder.batch import run_samples
from xorder.errors import XorderError
from xorder.series import series_from_files
from xorder.xas.options import XasRecipe

pytestmark = pytest.mark.filterwarnings("ignore::xorder.errors.DataWarning")

#: What is done to a scan's columns, and what its message must say.
DAMAGES: dict[str, tuple[Callable[[np.ndarray], np.ndarray], str]] = {
    "no edge": (lambda rows: rows * [1, 0] + [0, 1], "no absorption edge"),
    "falling": (lambda rows: rows * [1, -1], "no absorption edge|edge step"),
    "shuffled": (lambda rows: np.roll(rows, 40, axis=0), "do not ascend"),
    "descending": (lambda rows: rows[::-1], "descend"),
    "gaps": (lambda rows: np.where(np.arange(len(rows))[:, None] % 9 == 3, np.nan, rows), "finite"),
    "in keV": (lambda rows: rows / [1000, 1], "keV"),
    "a few points": (lambda rows: rows[:12], "points"),
    "before the edge": (lambda rows: rows[:25], "spans|points|edge"),
}
CONTENTS = {"empty": b"", "junk": bytes(range(256)) * 40, "words": b"no numbers are here\n" * 50}


def measured(folder: Path) -> Iterator[xas.Spectrum]:
    """Give every spectrum in the measured files that can be normalized as it is."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        try:
            spectra = xas.read_all(path)
        except XorderError:
            continue
        for spectrum in spectra:
            try:
                xas.normalize(spectrum)
            except XorderError:
                continue
            yield spectrum


def write_scan(path: Path, rows: np.ndarray, spectrum: xas.Spectrum) -> Path:
    names = {"symbol": spectrum.element, "edge": spectrum.edge}
    head = "".join(f"# Element.{key}: {value}\n" for key, value in names.items() if value)
    header = f"# XDI/1.0\n{head}# Column.1: energy eV\n# Column.2: mutrans\n#---\n# energy mutrans"
    np.savetxt(path, rows, header=header, comments="", fmt="%.8g")
    return path


def write_batch(folder: Path, spectra: list[xas.Spectrum], count: int) -> list[Path]:
    """Write measured spectra again and again, each with another noise, gain and energy shift."""
    generator = np.random.default_rng(7)
    paths = []
    for number, spectrum in enumerate(itertools.islice(itertools.cycle(spectra), count)):
        noise = 1e-3 * np.ptp(spectrum.mu) * generator.standard_normal(spectrum.mu.size)
        mu = generator.uniform(0.2, 5.0) * (spectrum.mu + noise)
        energy = spectrum.energy + generator.uniform(-0.5, 0.5)
        rows = np.stack([energy, mu], axis=1)
        paths.append(write_scan(folder / f"scan_{number:03d}.xdi", rows, spectrum))
    return paths


def write_damaged(folder: Path, spectrum: xas.Spectrum) -> dict[Path, str]:
    """Write one scan damaged in each way; return what the message must say."""
    rows = np.stack([spectrum.energy, spectrum.mu], axis=1)
    wanted = {}
    for name, (damage, message) in DAMAGES.items():
        wanted[write_scan(folder / f"{name}.xdi", damage(rows), spectrum)] = message
    for name, content in CONTENTS.items():
        path = folder / f"{name}.dat"
        path.write_bytes(content)
        wanted[path] = ""
    return wanted


@pytest.fixture(scope="module")
def spectra(shared: Callable[..., Path]) -> list[xas.Spectrum]:
    return list(measured(shared("data", "xas")))


def test_every_measured_spectrum_goes_through_the_plain_functions(
    spectra: list[xas.Spectrum], tmp_path: Path
) -> None:
    """A scan too short for oscillations is told so; nothing else is in the way of any."""
    told = []
    for path in write_batch(tmp_path, spectra, len(spectra)):
        normalized = xas.normalize(xas.read(path))
        numbers = (normalized.e0, normalized.edge_step, normalized.white_line.height)
        assert all(math.isfinite(number) for number in numbers)
        assert np.all(np.isfinite(normalized.flat))
        try:
            exafs = xas.subtract_background(normalized)
        except XorderError as error:
            told.append(str(error))
            continue
        transform = xas.transform_to_r(exafs)
        assert np.all(np.isfinite(transform.chi_r_mag))
    assert all("near-edge" in message or "edge follows" in message for message in told)


def test_a_damaged_file_is_its_own_one_failure(spectra: list[xas.Spectrum], tmp_path: Path) -> None:
    """The run ends well, with numbers of all that is whole and one message for each that is not."""
    whole = write_batch(tmp_path, spectra, 12)
    copper = next(spectrum for spectrum in spectra if spectrum.element == "Cu")
    damaged = write_damaged(tmp_path, copper)
    files = [*whole[:6], *damaged, *whole[6:]]
    outcomes = run_samples(series_from_files("xas", files, XasRecipe()), tmp_path / "out")
    failures = {outcome.sample.name: outcome.failures for outcome in outcomes}
    for path, message in damaged.items():
        (failure,) = failures.pop(path.stem)
        assert not failure.traceback
        assert any(part in failure.message for part in message.split("|"))
    assert set(failures) == {path.stem for path in whole}
    assert not any(failures.values())
    with_numbers = {outcome.sample.name for outcome in outcomes if outcome.numbers.get("xas")}
    assert with_numbers == set(failures)
