"""Refinement: exact derivatives, truth recovered, agreement with another program."""

from dataclasses import replace

import numpy as np
import pytest

from xorder import diffraction, references
from xorder.diffraction.backgrounds import linear_parts
from xorder.diffraction.refinement_objective import PatternObjective, pattern_model
from xorder.diffraction.refinement_results import serial_factor
from xorder.diffraction.refinement_start import starting_parameters
from xorder.errors import BadInput
from xorder.fitting import Parameter
from xorder.structure import Crystal, load_structure

HUMPS = (
    diffraction.Hump(centre=30.5, fwhm=7.0, area=1.0),
    diffraction.Hump(centre=47.0, fwhm=11.0, area=0.6),
)
PROFILE = diffraction.Profile()
#: Coordinates that classic GSAS refined from FAP.XRA (its FAP.EXP).
CLASSIC_GSAS = {
    "z_Ca1": 0.001913, "x_Ca2": 0.241976, "y_Ca2": -0.007397, "x_P1": 0.397416, "y_P1": 0.367704,
    "x_O1": 0.325053, "y_O1": 0.484763, "x_O2": 0.591494, "y_O2": 0.469954, "x_O3": 0.339510,
    "y_O3": 0.258126, "z_O3": 0.070641,
}  # fmt: skip


def counted(clean: diffraction.Pattern, seed: int) -> diffraction.Pattern:
    counts = np.random.default_rng(seed).poisson(clean.intensity).astype(float)
    return replace(clean, intensity=counts, sigma=np.sqrt(np.maximum(counts, 1.0)))


def scaled_humps(height: float) -> tuple[diffraction.Hump, ...]:
    return tuple(replace(h, area=h.area * height * 7.0 * 1.064) for h in HUMPS)


def milled(crystal: Crystal, *, size: float, scale: float, halo: float, seed: int = 1):
    """Return a simulated pattern with counting noise, of small domains in a halo."""
    clean = diffraction.simulate(
        crystal, two_theta=(15.0, 90.0, 0.03), size=size, scale=scale,
        background=(120.0, -40.0, 10.0), humps=scaled_humps(halo), profile=PROFILE,
    )  # fmt: skip
    return counted(clean, seed)


def everything(crystal: Crystal) -> tuple[PatternObjective, dict[str, float]]:
    """Return an objective in which every kind of parameter is free, away from its start."""
    blank = diffraction.simulate(crystal, two_theta=(10.0, 60.0, 0.5), scale=1e-3)
    phase = diffraction.Phase(crystal=crystal, occupancies=("Na1",), orientation=(0, 1, 1))
    options = diffraction.RefinementOptions(
        background=3, asymmetry=0.02, halos=(HUMPS, HUMPS[0]), blank=blank, zero_shift=True,
        refine_profile=("u", "v", "w", "x", "y"),
        profile=diffraction.Profile(u=0.01, v=-0.004, w=0.01, x=0.02, y=0.03),
    )  # fmt: skip
    pattern = diffraction.simulate(crystal, two_theta=(12.0, 50.0, 0.05), scale=1e-3)
    model = pattern_model(pattern, [phase], options=options)
    parameters = starting_parameters([model], [phase], options)
    generator = np.random.default_rng(3)
    values = {
        name: p.value * (1 + 1e-4 * generator.normal()) + (0.05 if name == "march" else 0.0)
        for name, p in parameters.items()
    }
    values |= {"zero_shift": 0.02, "displacement": 0.1, "strain": 0.001, "march": 0.8}
    return PatternObjective(model, parameters, frozenset(parameters)), values


def test_the_jacobian_is_the_derivative_of_the_residual(monoclinic):
    objective, values = everything(monoclinic)
    names = list(objective.parameters)
    assert {"beta", "march", "occupancy_Na1", "halo_1", "blank", "uiso_Cl1", "x"} <= set(names)
    exact = objective.jacobian(values, names)
    for name, column in zip(names, exact.T, strict=True):
        step = 1e-7 * abs(values[name]) or 1e-3
        up = objective.residual({**values, name: values[name] + step})
        down = objective.residual({**values, name: values[name] - step})
        numeric = (up - down) / (2.0 * step)
        assert np.abs(numeric).max() > 0, name
        # Where a line's cut end passes a point within the step the difference jumps.
        wrong = np.abs(column - numeric) > 1e-5 * np.abs(numeric).max()
        assert np.count_nonzero(wrong) <= 2, name


def test_the_model_is_the_simulated_pattern(monoclinic):
    settings = {"scale": 2e-3, "size": 300.0, "strain": 0.001, "zero_shift": 0.03}
    wanted = diffraction.simulate(
        monoclinic, two_theta=(12.0, 60.0, 0.02), orientation=((0, 1, 1), 0.8), **settings
    )
    phase = diffraction.Phase(
        crystal=monoclinic, size=300.0, strain=0.001, uiso="none", orientation=(0, 1, 1)
    )
    options = diffraction.RefinementOptions()
    model = pattern_model(wanted, [phase], options=options)
    values = starting_parameters([model], [phase], options).valuesdict()
    values |= {"scale": 2e-3, "zero_shift": 0.03, "march": 0.8}
    found = PatternObjective(model, starting_parameters([model], [phase], options), frozenset())
    # The simulation widens lines by their own wavelength's Scherrer width only at Kα1.
    assert found.bragg(0, values) == pytest.approx(wanted.intensity, rel=2e-3, abs=1e-3)


def test_a_structure_is_recovered_from_its_simulated_pattern():
    crystal = references.load("Fluorapatite")
    clean = diffraction.simulate(
        crystal, two_theta=(15.0, 100.0, 0.02), scale=3e-3, size=900.0, strain=0.0005,
        background=(150.0, -50.0, 20.0), profile=PROFILE,
    )  # fmt: skip
    moved = replace(
        crystal,
        cell=crystal.cell * np.array([1.002, 1.002, 0.998, 1, 1, 1]),
        sites=tuple(
            replace(s, xyz=s.xyz + np.array([0.004, 0.002, 0])) if s.label == "P1" else s
            for s in crystal.sites
        ),
    )
    found = diffraction.refine(
        counted(clean, 4), moved, options=diffraction.RefinementOptions(background=4)
    )
    assert found.success
    assert found.gof == pytest.approx(1.0, abs=0.05)
    values = found.fit.parameters
    truth = {"a": 9.397, "c": 6.878, "x_P1": 0.39809, "z_O3": 0.0704, "uiso_Ca1": 0.011,
             "strain": 0.0005, "inverse_size": 1 / 900.0, "displacement": 0.0}  # fmt: skip
    for name, value in truth.items():
        assert abs(values[name].value - value) < 4.0 * values[name].stderr, name
    assert values["a"].stderr < 1e-3
    ca1 = found.crystals[0].sites[0]
    assert ca1.xyz[:2] == pytest.approx([1 / 3, 2 / 3], abs=1e-4)


@pytest.mark.parametrize(
    ("background", "halos", "low", "high"), [(6, (HUMPS,), 0.95, 1.05), (8, (), 3.0, 20.0)]
)
def test_only_a_halo_component_keeps_a_broad_phase_from_eating_the_halo(
    background, halos, low, high
):
    crystal = references.load("Fluorapatite")
    pattern = milled(crystal, size=91.8, scale=0.15 * 2e-3, halo=680.0)
    found = diffraction.refine(
        pattern,
        diffraction.Phase(crystal=crystal, positions=False, uiso="none", strain=None),
        options=diffraction.RefinementOptions(background=background, halos=halos),
    )
    assert low < found.patterns[0].phases[0].scale / (0.15 * 2e-3) < high


def test_lines_over_a_third_of_the_halo_are_told(nacl):
    pattern = milled(nacl, size=20.0, scale=0.02, halo=300.0)
    narrow = (replace(HUMPS[0], fwhm=6.0),)
    found = diffraction.refine(
        pattern,
        diffraction.Phase(crystal=nacl, size=20.0, strain=None, refine_shape=False),
        options=diffraction.RefinementOptions(halos=narrow, background=3),
    )
    assert any("over a third of the halo" in message for message in found.messages)


def test_a_phase_that_is_not_there_keeps_its_cell_and_widths(nacl, zincblende):
    pattern = milled(nacl, size=500.0, scale=0.02, halo=0.0)
    found = diffraction.refine(
        pattern, [nacl, zincblende], options=diffraction.RefinementOptions(background=4)
    )
    assert found.fit.parameters["a_ZnS"].value == zincblende.cell[0]
    assert any("ZnS stays below five standard errors" in m for m in found.messages)
    fractions = [phase.weight_fraction for phase in found.patterns[0].phases]
    assert fractions == pytest.approx([1.0, 0.0], abs=0.01)


def test_weight_fractions_of_a_simulated_mixture(nacl, zincblende):
    pattern = diffraction.simulate_mixture(
        [nacl, zincblende], weight_fractions=(0.7, 0.3), two_theta=(15.0, 100.0, 0.02), seed=7
    )
    found = diffraction.refine(
        pattern, [nacl, zincblende], options=diffraction.RefinementOptions(background=3)
    )
    for phase, truth in zip(found.patterns[0].phases, (0.7, 0.3), strict=True):
        assert phase.weight_fraction_stderr < 0.01
        assert abs(phase.weight_fraction - truth) < 4.0 * phase.weight_fraction_stderr


def test_ions_beside_neutral_atoms_are_told(nacl, zincblende):
    pattern = diffraction.simulate_mixture(
        [nacl, zincblende], weight_fractions=(0.5, 0.5), two_theta=(15.0, 90.0, 0.03)
    )
    charges = {"Na": 1, "Cl": -1}
    ionic = replace(nacl, sites=tuple(replace(s, charge=charges[s.element]) for s in nacl.sites))
    found = diffraction.refine(
        pattern, [ionic, zincblende], options=diffraction.RefinementOptions(background=3)
    )
    assert any("name ions and others neutral atoms" in message for message in found.messages)


def test_patterns_refined_together_share_the_cell_and_not_the_scale(nacl):
    patterns = [milled(nacl, size=400.0, scale=s, halo=0.0, seed=i) for i, s in enumerate((1, 2))]
    patterns = [replace(p, intensity=p.intensity + 1, name=str(i)) for i, p in enumerate(patterns)]
    found = diffraction.refine(patterns, nacl, options=diffraction.RefinementOptions(background=4))
    names = set(found.fit.parameters)
    assert {"a", "uiso_Na1", "scale_1", "scale_2", "background_0_2", "displacement_1"} <= names
    assert "a_1" not in names
    scales = [p.phases[0].scale for p in found.patterns]
    assert scales[1] / scales[0] == pytest.approx(2.0, rel=0.01)


def test_a_series_carries_crystals_on_and_crystal_and_halo_mirror_each_other(nacl):
    steps = ((400.0, 1.0, 20.0), (200.0, 0.6, 300.0), (100.0, 0.3, 520.0))
    patterns = [
        replace(milled(nacl, size=d, scale=0.02 * s, halo=h), name=f"{s}") for d, s, h in steps
    ]
    phase = diffraction.Phase(crystal=nacl, uiso="none", strain=None)
    options = diffraction.RefinementOptions(background=4, halos=(HUMPS,))
    series = diffraction.refine_series(patterns, phase, options=options)
    assert series.crystalline == pytest.approx([1.0, 0.6, 0.3], abs=0.02)
    assert (np.diff(series.halo) > 0).all()
    assert not any("mirror" in message for message in series.messages)


def test_extracted_intensities_need_no_atoms(monoclinic):
    clean = diffraction.simulate(
        monoclinic, two_theta=(12.0, 40.0, 0.03), scale=2e-3, size=800.0, strain=0.0005,
        background=(100.0, -20.0),
    )  # fmt: skip
    # The atoms are wrong, the cell nearly right.
    sites = tuple(replace(s, uij=None) for s in monoclinic.sites)
    sites = (replace(sites[0], xyz=sites[0].xyz * 0.9), *sites[1:])
    stretched = monoclinic.cell * np.array([1.001, 0.999, 1.001, 1.0, 1.001, 1.0])
    start = replace(monoclinic, cell=stretched, sites=sites)
    phase = diffraction.Phase(crystal=start, intensities="extracted")
    found = diffraction.refine(
        counted(clean, 3), phase, options=diffraction.RefinementOptions(background=3)
    )
    assert found.success
    # Extraction by sharing out settles slowly where lines overlap.
    assert found.gof < 1.15
    assert found.crystals[0].cell == pytest.approx(monoclinic.cell, rel=2e-4)
    fitted = found.patterns[0].phases[0]
    assert np.isnan(fitted.weight_fraction)
    assert fitted.observed.sum() == pytest.approx(
        np.trapezoid(clean.components[0], clean.two_theta), rel=0.02
    )
    assert any("extracted" in message for message in found.messages)


def test_one_and_the_same_parameter_by_a_constraint(nacl):
    pattern = milled(nacl, size=500.0, scale=0.02, halo=0.0)
    tied = Parameter(name="uiso_Cl1", value=0.02, expr="uiso_Na1")
    found = diffraction.refine(
        pattern, nacl, options=diffraction.RefinementOptions(background=4),
        parameters={"uiso_Cl1": tied},
    )  # fmt: skip
    values = found.fit.parameters
    assert values["uiso_Cl1"].value == values["uiso_Na1"].value
    assert 0.015 < values["uiso_Na1"].value < 0.023


def test_the_refined_crystal_is_read_back_from_its_cif(tmp_path, nacl):
    found = diffraction.refine(
        milled(nacl, size=500.0, scale=0.02, halo=0.0), replace(nacl, space_group_number=225),
        options=diffraction.RefinementOptions(background=4),
    )  # fmt: skip
    crystal = load_structure(found.write_cif(tmp_path / "nacl.cif"))
    assert crystal.cell == pytest.approx(found.crystals[0].cell, abs=2e-5)
    assert crystal.space_group == "F m -3 m"
    assert crystal.sites[0].uiso == pytest.approx(found.crystals[0].sites[0].uiso, abs=1e-4)
    assert "simulated" in found.cif()


def test_the_truth_is_within_one_standard_error_in_two_thirds_of_the_draws(nacl):
    truth = {"scale": 0.02, "inverse_size": 1 / 200.0, "a": nacl.cell[0], "uiso_Cl1": 0.017,
             "displacement": 0.0}  # fmt: skip
    phase = diffraction.Phase(crystal=nacl, size=300.0, strain=None)
    options = diffraction.RefinementOptions(background=3, halos=(HUMPS,), largest_move=0.0)
    inside = []
    for seed in range(20):
        pattern = milled(nacl, size=200.0, scale=0.02, halo=200.0, seed=seed)
        values = diffraction.refine(pattern, phase, options=options).fit.parameters
        inside += [abs(values[n].value - t) <= values[n].stderr for n, t in truth.items()]
    # 100 tries of probability 0.68 have a standard deviation of 0.047.
    assert 0.56 < np.mean(inside) < 0.80


def test_standard_errors_grow_only_with_serial_correlation():
    noise = np.random.default_rng(0).normal(size=20000)
    assert serial_factor([noise]) == pytest.approx(1.0, abs=0.03)
    smooth = np.convolve(noise, np.ones(10), mode="valid")
    assert serial_factor([smooth]) > 1.8


def test_zeros_at_the_end_are_padding_and_said(nacl):
    pattern = milled(nacl, size=500.0, scale=0.02, halo=0.0)
    counts = pattern.intensity.copy()
    counts[-3:] = 0.0
    found = diffraction.refine(
        replace(pattern, intensity=counts), nacl,
        options=diffraction.RefinementOptions(background=4),
    )  # fmt: skip
    assert len(found.patterns[0].two_theta) == len(counts) - 3
    assert any("have no counts and were left out" in message for message in found.messages)


def test_rietveld_plot_shows_data_model_difference_and_ticks(nacl):
    found = diffraction.refine(
        milled(nacl, size=300.0, scale=0.02, halo=200.0), nacl,
        options=diffraction.RefinementOptions(background=4, halos=(HUMPS,)),
    )  # fmt: skip
    labels = {artist.get_label() for artist in found.plot()}
    assert {"simulated", "calculated", "difference", "NaCl", "amorphous halo"} <= labels


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"background": 0}, "background of 0 terms"),
        ({"two_theta": (50.0, 20.0)}, "two_theta range 50 to 20"),
        ({"two_theta": (95.0, 99.0)}, "0 points"),
        ({"refine_profile": ("z",)}, "refine_profile names z"),
        ({"radius": -1.0}, "radius -1"),
        ({"asymmetry": -0.1}, "asymmetry S/L = -0.1"),
        ({"largest_move": 9.0}, "largest_move 9"),
    ],
)
def test_options_that_cannot_be_are_refused(nacl, change, message):
    pattern = milled(nacl, size=300.0, scale=0.02, halo=0.0)
    with pytest.raises(BadInput, match=message):
        diffraction.refine(pattern, nacl, options=diffraction.RefinementOptions(**change))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": -5.0}, "domain size -5"),
        ({"size": float("nan")}, "domain size nan"),
        ({"strain": 3.0}, "microstrain 3"),
        ({"occupancies": ("Xx9",)}, "no site 'Xx9'"),
        ({"orientation": (0, 0, 0)}, "preferred orientation"),
    ],
)
def test_phases_that_cannot_be_are_refused(nacl, change, message):
    pattern = milled(nacl, size=300.0, scale=0.02, halo=0.0)
    with pytest.raises(BadInput, match=message):
        diffraction.refine(pattern, diffraction.Phase(crystal=nacl, **change))


def test_nothing_to_refine_is_refused(nacl):
    pattern = milled(nacl, size=300.0, scale=0.02, halo=0.0)
    with pytest.raises(BadInput, match="no crystal"):
        diffraction.refine(pattern, [])
    with pytest.raises(BadInput, match="no pattern"):
        diffraction.refine([], nacl)
    with pytest.raises(BadInput, match="no parameter nonsense"):
        diffraction.refine(
            pattern, nacl, parameters={"nonsense": Parameter(name="nonsense", value=1.0)}
        )


def test_a_blank_must_cover_the_data(nacl):
    blank = diffraction.simulate(nacl, two_theta=(20.0, 50.0, 0.1))
    with pytest.raises(BadInput, match="the blank NaCl runs from 20 to 50"):
        linear_parts(np.linspace(15.0, 90.0, 100), order=2, halos=(), blank=blank)


@pytest.mark.reference
def test_fluorapatite_from_its_cif_has_the_cell_of_gsas(shared):
    radiation, profile = diffraction.read_instrument(shared("data", "diffraction", "INST_XRY.PRM"))
    pattern = diffraction.read(shared("data", "diffraction", "FAP.XRA"), wavelength=radiation)
    found = diffraction.refine(
        pattern,
        references.load("Fluorapatite"),
        options=diffraction.RefinementOptions(
            two_theta=(15.0, 130.02), background=9, profile=profile
        ),
    )
    assert found.success
    assert found.fit.nvarys == 34
    assert found.r_wp < 9.5
    assert found.fit.parameters["a"].value == pytest.approx(9.371859, rel=40e-6)
    assert found.fit.parameters["c"].value == pytest.approx(6.885896, rel=40e-6)
    for name, value in CLASSIC_GSAS.items():
        assert found.fit.parameters[name].value == pytest.approx(value, abs=1e-3), name
