"""What the samples of a series say together, against what was put into them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from xorder import xas
from xorder.errors import BadInput
from xorder.figures.xas import draw_comparison, draw_details
from xorder.xas.comparison import XasComparison, compare
from xorder.xas.recipe_tables import (
    ComponentOptions,
    CurveResolutionOptions,
    DifferenceOptions,
    MixtureOptions,
    NearEdgeOptions,
    PeakOptions,
    ShellFitOptions,
)

Make = Callable[..., xas.Spectrum]
NEAR = xas.XasRecipe(exafs=False, post_edge=(100.0, 700.0), order=1)


@pytest.fixture(scope="module")
def series(make_spectrum: Make) -> list[xas.XasAnalysis]:
    """Return mixtures of 0, 25, 50, 75 and 100 % of one end member."""
    ends = [make_spectrum(white_line=w, r=r) for w, r in ((1.0, 2.2), (2.0, 2.4))]
    noise = np.random.default_rng(5)
    return [
        xas.analyse_spectrum(
            replace(
                ends[0],
                mu=share * ends[0].mu
                + (1 - share) * ends[1].mu
                + 2e-4 * noise.standard_normal(ends[0].mu.size),
                simulated=True,
            ),
            NEAR,
            name=f"{share:g}",
        )
        for share in (0.0, 0.25, 0.5, 0.75, 1.0)
    ]


def compared(series: list[xas.XasAnalysis], **tables: object) -> XasComparison:
    found = compare(series, replace(NEAR, **tables))
    assert found is not None
    return found


def number(found: XasComparison, sample: str, name: str) -> float:
    rows = found.numbers if not sample else found.sample_numbers[sample]
    return {row.name: row for row in rows}[name].value


def test_nothing_asked_is_nothing_compared(series: list[xas.XasAnalysis]) -> None:
    assert compare(series, NEAR) is None
    # Nor is any sample read from its file for it.
    assert compare([None] * 3, NEAR) is None


def test_every_number_has_an_error_or_a_reason(series: list[xas.XasAnalysis]) -> None:
    found = compared(
        series,
        difference=DifferenceOptions(),
        pca=ComponentOptions(),
        mcr=CurveResolutionOptions(n_components=2),
        lcf=MixtureOptions(end_members=("0", "1")),
    )
    rows = [*found.numbers, *(row for rows in found.sample_numbers.values() for row in rows)]
    assert len(rows) > 20
    for row in rows:
        assert np.isfinite(row.stderr) or row.note, row.name
    assert found.simulated


@pytest.mark.parametrize(("reference", "sign"), [("", -1.0), ("1", 1.0)])
def test_differences_grow_with_the_share_and_change_sign_with_the_reference(
    series: list[xas.XasAnalysis], reference: str, sign: float
) -> None:
    found = compared(series, difference=DifferenceOptions(reference=reference, e_range=(-15, 25)))
    areas = [number(found, name, "difference_area") for name in ("0.25", "0.5", "0.75")]
    assert np.all(np.diff(areas) < 0)
    assert np.all(np.sign(areas) == sign)
    # The middle is the mean of what lies around it: the spectra are mixtures.
    assert areas[1] == pytest.approx((areas[0] + areas[2]) / 2, rel=0.05)


def test_an_edge_that_was_moved_is_found_moved(series: list[xas.XasAnalysis]) -> None:
    spectrum = replace(series[0].spectrum, energy=series[0].spectrum.energy + 0.7)
    moved = xas.analyse_spectrum(spectrum, NEAR, name="moved")
    found = compared([series[0], moved], difference=DifferenceOptions())
    assert number(found, "moved", "edge_shift") == pytest.approx(0.7, abs=0.02)


def test_end_members_give_the_shares_that_were_mixed(series: list[xas.XasAnalysis]) -> None:
    found = compared(series, lcf=MixtureOptions(end_members=("0", "1")))
    for share in (0.25, 0.5, 0.75):
        weight = number(found, f"{share:g}", "lcf weight (1)")
        assert weight == pytest.approx(share, abs=0.01)
    assert set(found.sample_numbers) == {"0.25", "0.5", "0.75"}


def test_components_count_the_species_and_know_a_stranger(
    series: list[xas.XasAnalysis], make_spectrum: Make, tmp_path: Path
) -> None:
    member = xas.write_xdi(series[0].spectrum, tmp_path / "member.xdi")
    stranger = make_spectrum(white_line=0.1, r=2.9)
    other = xas.write_xdi(stranger, tmp_path / "stranger.xdi")
    found = compared(series, pca=ComponentOptions(targets=(str(member), str(other))))
    assert number(found, "", "n_components") == 2
    assert found.targets[0].spoil < 3 < found.targets[1].spoil


def test_species_follow_the_shares(series: list[xas.XasAnalysis]) -> None:
    found = compared(series, mcr=CurveResolutionOptions())
    assert found.resolved is not None
    assert found.resolved.species.size == 2
    shares = np.array([number(found, a.name, "share of species 1") for a in series])
    shares = shares if shares[0] < shares[-1] else 1 - shares
    np.testing.assert_allclose(shares, [0.0, 0.25, 0.5, 0.75, 1.0], atol=0.02)


def test_shared_widths_are_one_joint_fit(series: list[xas.XasAnalysis]) -> None:
    peaks = (PeakOptions(center=9885.0, fwhm=6.0, shape="lorentzian", name="white line"),)
    options = NearEdgeOptions(peaks=peaks, shared=("fwhm_*", "center_*"))
    found = compared(series, near_edge=options)
    widths = {number(found, a.name, "peak fwhm (white line)") for a in series}
    assert len(widths) == 1
    heights = [number(found, a.name, "peak height (white line)") for a in series]
    assert np.all(np.diff(heights) < 0)
    assert heights[0] / heights[-1] == pytest.approx(2.0, rel=0.1)


@pytest.fixture(scope="module")
def salts() -> list[xas.XasAnalysis]:
    """Return simulated spectra of 6 and 4 Cl around Ta, with distances 0.03 Å apart."""
    bond = xas.quick_path("Ta", "L3", "Cl", 2.35)
    made = []
    for number, (n, shift) in enumerate(((6.0, 0.0), (4.0, 0.03))):
        k = 0.05 * np.arange(281)
        chi = xas.path_chi(
            bond, k, s02=0.9, sigma2=0.004, delta_e0=3.0, delta_r=shift, degeneracy=n
        )
        chi += 5e-4 * np.random.default_rng(number).standard_normal(k.size)
        energy = 9881.0 + 3.81 * k**2
        exafs = xas.Exafs(
            k=k, chi=chi, energy=energy, mu=np.ones_like(k), background=np.ones_like(k), e0=9881.0,
            edge_step=1.0, epsilon_k=5e-4, rbkg=1.0, k_weight=2.0, k_range=(0.0, 14.0),
            element="Ta", edge="L3", name=f"salt {n:g}",
        )  # fmt: skip
        base = xas.simulate_spectrum([bond], element="Ta", edge="L3")
        analysis = xas.analyse_spectrum(base, NEAR, name=exafs.name)
        made.append(replace(analysis, exafs=exafs))
    return made


def test_samples_fitted_together_share_what_is_named(salts: list[xas.XasAnalysis]) -> None:
    options = ShellFitOptions(
        shells=("Cl 2.35",), r_range=(1.2, 2.8), shared=("delta_e0", "sigma2_*")
    )
    found = compare(salts, replace(NEAR, k_range=(3.0, 12.0), fit=options))
    assert found is not None
    assert found.shell_fit
    parameters = found.shell_fit.parameters
    assert {"delta_e0", "sigma2_cl", "n_cl_s1", "n_cl_s2", "r_cl_s1", "r_cl_s2"} == set(
        found.shell_fit.fit.var_names
    )
    assert parameters["delta_e0"].value == pytest.approx(3.0, abs=0.2)
    for name, n, r in (("salt 6", 6.0, 2.35), ("salt 4", 4.0, 2.38)):
        assert number(found, name, "fit degeneracy Ta–Cl") == pytest.approx(n, abs=0.15)
        assert number(found, name, "fit r Ta–Cl") == pytest.approx(r, abs=0.004)
    (drawing,) = draw_comparison(found)
    assert list(drawing.tables["numbers"]["sample"]) == ["salt 6", "salt 4"]


def test_ties_of_a_joint_fit_hold_in_each_sample(salts: list[xas.XasAnalysis]) -> None:
    options = ShellFitOptions(
        shells=("Cl 2.35",),
        r_range=(1.2, 2.8),
        shared=("delta_e0",),
        parameters=("sigma2_cl = 0.001 + 0.0005 * n_cl",),
    )
    found = compare(salts, replace(NEAR, k_range=(3.0, 12.0), fit=options))
    assert found is not None
    assert found.shell_fit is not None
    values = found.shell_fit.parameters.valuesdict()
    for i in (1, 2):
        assert values[f"sigma2_cl_s{i}"] == pytest.approx(0.001 + 0.0005 * values[f"n_cl_s{i}"])


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        (
            {"fit": ShellFitOptions(shells=("Cl 2.35",), shared=("delta_e0",))},
            "no χ",
        ),
        ({"difference": DifferenceOptions(reference="glass")}, "difference.reference"),
        ({"lcf": MixtureOptions(end_members=("0", "2"))}, "lcf.end_members names the sample '2'"),
        (
            {"lcf": MixtureOptions(end_members=("0", "0.25", "0.5", "0.75", "1"))},
            "every sample is an end member",
        ),
        ({"lcf": MixtureOptions(end_members=("0", "1"), space="chi")}, "no χ"),
        ({"mcr": CurveResolutionOptions(n_components=9)}, "n_components"),
        ({"pca": ComponentOptions(targets=("nothing.xdi",))}, "nothing.xdi"),
    ],
)
def test_what_cannot_be_compared_is_one_message(
    series: list[xas.XasAnalysis], tables: dict[str, object], message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        compared(series, **tables)


@pytest.mark.parametrize(
    "tables", [{"difference": DifferenceOptions()}, {"pca": ComponentOptions()}]
)
def test_too_few_samples_are_refused(
    series: list[xas.XasAnalysis], tables: dict[str, object]
) -> None:
    with pytest.raises(BadInput, match=r"sample|spectra"):
        compared(series[:1], **tables)


def test_figures_carry_their_numbers_and_say_simulated(
    series: list[xas.XasAnalysis], tmp_path: Path
) -> None:
    found = compared(
        series,
        difference=DifferenceOptions(),
        pca=ComponentOptions(),
        mcr=CurveResolutionOptions(n_components=2),
        lcf=MixtureOptions(end_members=("0", "1")),
    )
    drawings = {drawing.name: drawing for drawing in draw_comparison(found)}
    assert set(drawings) == {"differences", "components", "species", "mixtures"}
    for drawing in drawings.values():
        assert "simulated" in drawing.figure.get_suptitle()
        assert drawing.tables
    shares = drawings["species"].tables["b_shares"]
    assert list(shares["sample"]) == [analysis.name for analysis in series]
    paths = drawings["differences"].save(tmp_path, formats=("png",))
    assert paths[0].stat().st_size > 10_000


def test_maps_are_subtracted_where_there_are_maps(make_spectrum: Make) -> None:
    recipe = xas.XasRecipe(k_range=(3.0, 12.0), difference=DifferenceOptions())
    analyses = [
        xas.analyse_spectrum(make_spectrum(r=r, noise=1e-4), recipe, name=f"{r:g}")
        for r in (2.2, 2.6)
    ]
    found = compare(analyses, recipe)
    assert found is not None
    (difference,) = found.wavelet_differences
    inside = (difference.k > 4) & (difference.k < 11)
    rows = difference.difference[:, inside]
    # The shell moved from one distance to the other, less its phase.
    high = difference.r[np.argmax(np.max(rows, axis=1))]
    low = difference.r[np.argmin(np.min(rows, axis=1))]
    assert high > low + 0.2
    assert {d.name for d in draw_comparison(found)} >= {"wavelet_differences"}


def test_details_are_drawn_for_the_fits_there_are(series: list[xas.XasAnalysis]) -> None:
    assert draw_details(series) == []
    peaks = (PeakOptions(center=9885.0, fwhm=6.0, name="white line"),)
    recipe = replace(NEAR, near_edge=NearEdgeOptions(peaks=peaks))
    fitted = [xas.analyse_spectrum(a.spectrum, recipe, name=a.name) for a in series[:2]]
    (drawing,) = draw_details(fitted)
    assert drawing.name == "near_edge"
    assert len(drawing.tables) == 2
