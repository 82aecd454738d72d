"""Samples whose every atom is known: the packing, its scattering, and what analyses find of it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from xorder import amorphous_packing, diffraction, pdf, references
from xorder.amorphous_packing import EXCLUSION, Packing, crystal_from_frame, pack_octahedra
from xorder.diffraction.recipe_fractions import _calibrated, _scales
from xorder.digital_scattering import Motion, Part, Phase, coherent_scattering
from xorder.digital_series import (
    ATOMISTIC_SERIES,
    GLASS,
    WEIGHED,
    make_materials,
    parts_of,
    simulate_series,
)
from xorder.digital_signals import (
    Beamline,
    Diffractometer,
    longer,
    simulate_counts,
    simulate_empty_container,
    simulate_holder,
    simulate_pattern,
    simulate_scans,
)
from xorder.errors import BadInput, BadStructure
from xorder.example import Milled
from xorder.series import load_series
from xorder.structure import composition, density

BENCH = Diffractometer(two_theta=(8.0, 45.0, 0.04))
BEAMLINE = Beamline(q=(0.5, 24.0, 0.04))
COARSE = Beamline(q=(0.5, 24.0, 0.2))
REDUCTION = pdf.ReductionOptions(
    normalization="low_r", q_min=0.5, q_max=22.0, polarization=0.0, r_cut=1.6, r_max=30.0,
    r_step=0.02, low_q="linear", fluorescence=None,
)  # fmt: skip


@pytest.fixture(scope="module")
def box() -> pdf.Frame:
    return pack_octahedra(Packing(formula_units=64), seed=1)


@pytest.fixture(scope="module")
def materials():
    return make_materials(packing=Packing(formula_units=27), absorbers=1)


def between(frame: pdf.Frame, first: str, second: str) -> np.ndarray:
    """Nearest-image distances of two elements, shape (first, second)."""
    a = frame.positions[frame.elements == first]
    b = frame.positions[frame.elements == second]
    edge = frame.lattice[0, 0]
    vector = b[None] - a[:, None]
    return np.linalg.norm(vector - edge * np.round(vector / edge), axis=2)


# The packing


def test_a_box_has_the_composition_and_the_density_it_was_asked_for(box):
    crystal = crystal_from_frame(box)
    assert composition(crystal) == {"Ta": 64, "Cl": 384, "Na": 64}
    assert density(crystal) == pytest.approx(0.93 * density(references.load("NaTaCl6")), rel=1e-9)


@pytest.mark.parametrize("pair", [pair for pair in EXCLUSION if pair != ("Cl", "Cl")])
def test_no_two_atoms_are_nearer_than_their_exclusion_distance(box, pair):
    distance = between(box, *pair)
    distance = distance[distance > 1e-6]
    if pair == ("Cl", "Ta"):
        distance = distance[distance > 2.8]  # the bonds
    assert distance.min() >= EXCLUSION[pair]


def test_chlorines_of_different_octahedra_keep_apart(box):
    distance = between(box, "Cl", "Cl")
    octahedron = np.arange(len(distance)) // 6
    apart = octahedron[:, None] != octahedron[None]
    assert distance[apart].min() >= EXCLUSION["Cl", "Cl"]


def test_every_tantalum_has_six_chlorines_at_the_bond_length_and_spread_stated(box):
    distance = between(box, "Ta", "Cl")
    bonds = distance[distance < 2.8]
    assert np.all(np.count_nonzero(distance < 2.8, axis=1) == 6)
    assert bonds.mean() == pytest.approx(2.35, abs=3 * 0.06 / math.sqrt(len(bonds)))
    assert bonds.std() == pytest.approx(0.06, rel=0.12)


def test_angles_spread_as_stated_and_straight_ones_bend(box):
    angles = []
    for k in range(64):
        vectors = box.positions[7 * k + 1 : 7 * k + 7] - box.positions[7 * k]
        vectors -= box.lattice[0, 0] * np.round(vectors / box.lattice[0, 0])
        unit = vectors / np.linalg.norm(vectors, axis=1)[:, None]
        angles.append(np.rad2deg(np.arccos((unit @ unit.T)[np.triu_indices(6, 1)])))
    angles = np.concatenate(angles)
    right = angles[angles < 135]
    assert len(right) == 64 * 12
    assert right.mean() == pytest.approx(90.0, abs=1.0)
    assert right.std() == pytest.approx(6.0, rel=0.1)
    # The tilts of both ligands in both directions: Rayleigh with the same width, mean 1.25 σ.
    assert 180 - angles[angles > 135].mean() == pytest.approx(6.0 * math.sqrt(math.pi / 2), rel=0.2)


def test_the_symmetry_measure_is_zero_of_perfect_octahedra_and_not_of_these(box):
    perfect = pack_octahedra(Packing(formula_units=8, bond_spread=0.0, angle_spread=0.0))
    shapes = {"center": "Ta", "ligands": ["Cl"], "cutoff": 2.9}
    assert np.all(pdf.measure_octahedra([perfect], **shapes).measure < 1e-8)
    assert 0.3 < pdf.measure_octahedra([box], **shapes).mean.value < 1.5


def test_there_is_no_order_at_a_distance(box):
    partials = pdf.calculate_partials([box], r_max=12.6, step=0.05)
    far = (partials.r > 9.0) & (partials.r < 12.0)
    smooth = np.array([np.convolve(g, np.ones(20) / 20, mode="same") for g in partials.small_g])
    for pair, small_g in zip(partials.pairs, smooth, strict=True):
        assert np.abs(small_g[far] - 1.0).max() < (0.15 if "Cl" in pair else 0.45), pair
        assert small_g[far].mean() == pytest.approx(1.0, abs=0.08), pair


def test_a_seed_makes_one_box_and_another_seed_another():
    small = Packing(formula_units=8)
    first, again, other = (pack_octahedra(small, seed=seed) for seed in (3, 3, 4))
    assert np.array_equal(first.positions, again.positions)
    assert not np.allclose(first.positions, other.positions)


def test_the_gradient_of_the_repulsion_is_that_of_its_energy():
    packing, generator = Packing(formula_units=8), np.random.default_rng(0)
    bodies = amorphous_packing._distorted_octahedra(packing, generator)
    system = amorphous_packing._System.of(packing, bodies)
    state = generator.uniform(0, packing.edge, (3, 8, 3))
    state[1] = generator.normal(size=(8, 3))
    system.list_pairs(system.positions(state))
    _, gradient = system.energy(state.ravel())
    for index in range(0, state.size, 5):
        shift = np.zeros(state.size)
        shift[index] = 1e-6
        slope = system.energy(state.ravel() + shift)[0] - system.energy(state.ravel() - shift)[0]
        assert gradient[index] == pytest.approx(slope / 2e-6, rel=1e-5, abs=1e-7)


def test_a_packing_that_cannot_be_says_so(monkeypatch):
    monkeypatch.setattr(amorphous_packing, "ROUNDS", 2)
    wide = Packing(formula_units=8, exclusion={**EXCLUSION, ("Cl", "Cl"): 4.5})
    with pytest.raises(BadStructure, match="of their exclusion distance"):
        pack_octahedra(wide)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"formula_units": 0}, "formula_units is 0"),
        ({"density": 2.9}, "of the crystal's"),
        ({"density": math.nan}, "density is nan"),
        ({"bond": 0.235}, "bond is 0.235"),
        ({"bond_spread": -0.1}, "bond_spread is -0.1"),
        ({"angle_spread": 90.0}, "angle_spread is 90"),
        ({"exclusion": {("Cl", "Cl"): 3.3}}, "exclusion names"),
    ],
)
def test_bad_packings_are_refused(wrong, said):
    with pytest.raises(BadInput, match=said):
        Packing(**wrong)


# The signals


def test_the_scattering_of_a_domain_is_that_of_all_its_atoms_by_the_debye_equation():
    motion = Motion(delta2=1e-9)
    salt = Phase.crystalline(references.load("NaCl"), r_max=41.0, motion=motion)
    q = np.linspace(1.0, 12.0, 300)
    sphere = pdf.cut_sphere(salt.crystal, diameter=40.0)
    exact = pdf.calculate_iq(sphere, q=q, uiso=dict(motion.uiso)).iq
    ours = coherent_scattering(salt, q, diameter=40.0)
    # A real sphere has a surface of whole atoms; the envelope is the mean over all such spheres.
    assert np.sqrt(np.mean((ours - exact) ** 2) / np.mean(exact**2)) < 0.05
    assert ours.mean() == pytest.approx(exact.mean(), rel=0.02)


def test_lines_and_pairs_have_one_absolute_scale(materials):
    setup = replace(BENCH, blank=0.0, two_theta=(8.0, 60.0, 0.04))
    # The diffuse scattering beside lines is that of atoms which move on their own.
    phase = replace(materials.crystal, motion=Motion(delta2=1e-9))
    # Wide domains, so that no tails of lines are lost; then both are integrals over lines.
    part = Part(phase=phase, mass_fraction=1.0, diameter=1000.0)
    from_lines = simulate_pattern([part], setup, seed=None)
    crystal = replace(phase, crystal=None)
    from_pairs = simulate_pattern(
        [Part(phase=_of_domains(crystal, 120.0), mass_fraction=1.0)], setup, seed=None
    )
    whole = (from_lines.two_theta > 11.0) & (from_lines.two_theta < 59.0)
    ratio = from_lines.intensity[whole].sum() / from_pairs.intensity[whole].sum()
    assert ratio == pytest.approx(1.0, abs=0.008)


def _of_domains(phase: Phase, diameter: float) -> Phase:
    """The phase with the envelope of its domains put into its pairs."""
    partials = phase.partials
    nodes = partials.step * np.arange(partials.histograms.shape[-1])
    inside = nodes < diameter
    envelope = 1.0 - 1.5 * nodes / diameter + 0.5 * (nodes / diameter) ** 3
    n = float(partials.counts.sum())
    uniform = np.array(
        [
            (0.5 if a == b else 1.0) * partials.counts[a] * partials.counts[b] / n
            for a in range(len(partials.counts))
            for b in range(a, len(partials.counts))
        ]
    )
    mean = uniform[:, None] * partials.rho0 * 4 * math.pi * nodes**2 * partials.step
    histograms = mean + (partials.histograms - mean) * np.where(inside, envelope, 0.0)
    return replace(phase, partials=replace(partials, histograms=histograms))


def test_intensities_of_phases_add_by_mass(materials):
    crystal, glass = (
        Part(phase=phase, mass_fraction=1.0) for phase in (materials.crystal, materials.glass)
    )
    mixed = [replace(crystal, mass_fraction=0.3), replace(glass, mass_fraction=0.7)]
    of_both, first, second = (
        simulate_pattern(parts, BENCH, seed=None).intensity for parts in (mixed, [crystal], [glass])
    )
    assert of_both == pytest.approx(0.3 * first + 0.7 * second, rel=1e-9)


def test_noise_is_that_of_counting(materials):
    parts = parts_of(GLASS, materials)
    clean, noisy = (simulate_pattern(parts, BENCH, seed=seed) for seed in (None, 5))
    pulls = (noisy.intensity - clean.intensity) / np.sqrt(clean.intensity)
    assert pulls.std() == pytest.approx(1.0, abs=0.1)
    assert abs(pulls.mean()) < 0.1
    counts = [simulate_counts(parts, BEAMLINE, seed=seed) for seed in (None, 5)]
    pulls = (counts[1].intensity - counts[0].intensity) / np.sqrt(counts[0].intensity)
    assert pulls.std() == pytest.approx(1.0, abs=0.1)


def test_a_reduction_finds_the_absolute_scale_that_went_in(materials):
    counts = simulate_counts(parts_of(WEIGHED, materials), BEAMLINE, seed=2)
    empty = simulate_empty_container(BEAMLINE, seed=3)
    found = pdf.reduce(counts, container=empty, options=REDUCTION)
    assert found.scale * BEAMLINE.exposure == pytest.approx(1.0, abs=0.003)


# What analyses find


@pytest.fixture(scope="module")
def glass_gr(materials) -> pdf.PairDistribution:
    return reduced(GLASS, materials, seed=20, times=9.0)


def reduced(milled: Milled, materials, *, seed: int, times: float = 1.0) -> pdf.PairDistribution:
    counts = simulate_counts(parts_of(milled, materials), longer(BEAMLINE, times), seed=seed)
    empty = simulate_empty_container(BEAMLINE, seed=21)
    found = pdf.reduce(counts, container=empty, options=REDUCTION)
    return replace(found.pair_distribution, qdamp=BEAMLINE.qdamp)


def test_crystals_with_the_end_member_as_a_phase_give_the_amorphous_mass(materials, glass_gr):
    milled = ATOMISTIC_SERIES[5]
    crystals = [references.load("NaTaCl6"), references.load("NaCl")]
    options = pdf.RefinementOptions(
        refine_qdamp=False, refine_qbroad=True, qbroad=0.001, uiso=0.015, sphere_diameter=60.0
    )
    found = pdf.refine_with_end_member(
        reduced(milled, materials, seed=22), crystals, glass_gr, r_range=(2.0, 25.0),
        options=options,
    )  # fmt: skip
    assert found
    assert found.phases == ("NaTaCl6", "NaCl", "amorphous")
    assert found.fractions.mass.sum() == pytest.approx(1.0)
    assert found.fractions.mass[2] == pytest.approx(milled.amorphous, abs=0.02)
    assert 0.001 < found.fractions.mass_stderr[2] < 0.02
    assert found.model == pytest.approx(found.contributions.sum(axis=0))


@pytest.mark.filterwarnings("ignore:.*is noise above Q")
def test_a_crystal_without_glass_has_none_of_it_with_an_error(materials, glass_gr):
    pure = replace(ATOMISTIC_SERIES[0], salt=0.0)
    options = pdf.RefinementOptions(refine_qdamp=False, uiso=0.015)
    found = pdf.refine_with_end_member(
        reduced(pure, materials, seed=40),
        references.load("NaTaCl6"),
        glass_gr,
        r_range=(2.0, 25.0),
        options=options,
    )
    assert found.fractions.mass[1] < 0.03
    assert 0 < found.fractions.mass_stderr[1] < 0.05


def test_a_recipe_takes_the_end_member_from_a_file_of_counts(materials, tmp_path):
    manifest = simulate_series(
        ATOMISTIC_SERIES[4:5], tmp_path / "s", materials=materials, setup=(BENCH, BEAMLINE)
    )
    (sample,) = load_series(manifest).samples
    given = sample.probes["pdf"]
    recipe = replace(given.recipe, boxcar=pdf.BoxcarOptions(fit=False))
    found = pdf.analyse(given.files(), recipe, name=sample.name)
    assert found.simulated
    numbers = {number.name: number for number in found.numbers}
    amorphous = numbers["mass_fraction_amorphous"]
    assert amorphous.value == pytest.approx(ATOMISTIC_SERIES[4].amorphous, abs=0.02)
    assert 0.001 < amorphous.stderr < 0.02


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"q_max": 18.0}, "has the Qmax 18 and the fit 2"),
        ({"radiation": "neutron"}, "measured with neutron"),
        ({"composition": ""}, "composition of the end member is ''"),
        ({"composition": "glass no. 3"}, "composition of the end member"),
    ],
)
def test_an_end_member_that_does_not_fit_is_refused(glass_gr, wrong, said):
    with pytest.raises(BadInput, match=said):
        pdf.refine_with_end_member(
            glass_gr, [references.load("NaTaCl6")], replace(glass_gr, **wrong), r_range=(2.0, 20.0)
        )


def test_an_end_member_that_ends_too_early_or_has_a_crystals_name_is_refused(glass_gr):
    near = glass_gr.r < 15.0
    short = replace(glass_gr, r=glass_gr.r[near], gr=glass_gr.gr[near], stderr=None)
    crystals = {"amorphous": references.load("NaTaCl6")}
    with pytest.raises(BadInput, match=r"reaches from 0\.01 to 14\.99"):
        pdf.refine_with_end_member(glass_gr, list(crystals.values()), short, r_range=(2.0, 20.0))
    with pytest.raises(BadInput, match="a crystal is named 'amorphous' too"):
        pdf.refine_with_end_member(glass_gr, crystals, glass_gr, r_range=(2.0, 20.0))


def test_an_end_member_and_a_joint_refinement_exclude_one_another():
    with pytest.raises(BadInput, match="amorphous_file stands beside joint"):
        pdf.PdfRecipe(structures=("NaTaCl6",), amorphous_file="glass.gr", joint=True)


def test_a_measured_halo_gives_the_amorphous_mass(materials):
    crystals = [phase.crystal for phase in (materials.crystal, materials.salt)]
    options = diffraction.RefinementOptions(
        background=4,
        halos=(simulate_pattern(parts_of(GLASS, materials), longer(BENCH, 9.0), seed=30),),
        blank=simulate_holder(longer(BENCH, 9.0), seed=31),
    )

    def refined(milled: Milled, seed: int) -> diffraction.Refinement:
        own = {"positions": False, "uiso": "none"}
        salt = {"size": 813.0, "strain": None, "refine_shape": False}
        return diffraction.refine(
            simulate_pattern(parts_of(milled, materials), BENCH, seed=seed),
            [
                diffraction.Phase(crystal=crystals[0], **own),
                diffraction.Phase(crystal=crystals[1], **own, **salt),
            ],
            options=options,
        )

    calibration = _calibrated(refined(WEIGHED, 32), (0.5, 1e-4))
    truth = ATOMISTIC_SERIES[5]
    found = refined(truth, 33)
    scales, covar = _scales(found, 0, halo=True)
    fraction = diffraction.amorphous_from_halo(
        scales, found.crystals, covar=covar, calibration=calibration
    )
    assert fraction.amorphous == pytest.approx(truth.amorphous, abs=0.015)
    assert fraction.stderr < 0.01


def test_spectra_of_environments_add(materials):
    crystalline, half, amorphous = (
        simulate_scans(
            materials.crystal_paths,
            materials.glass_paths,
            amorphous_share=share,
            scans=1,
            noise=0.0,
        )[0].mu
        for share in (0.0, 0.5, 1.0)
    )
    assert half == pytest.approx(0.5 * (crystalline + amorphous), abs=1e-12)
    assert np.abs(crystalline - amorphous).max() > 0.01


# The files


def test_every_file_of_a_series_says_that_it_is_simulated(materials, tmp_path):
    truth = ATOMISTIC_SERIES[1:7:5]
    manifest = simulate_series(
        truth, tmp_path / "series", materials=materials, setup=(BENCH, COARSE)
    )
    files = [path for path in manifest.parent.rglob("*") if path.is_file()]
    assert len(files) == 2 * (3 + 1 + 1) + 3 + 2 + 3
    for path in files:
        assert "simulated" in path.read_text(encoding="utf-8")[:2000].lower(), path.name
    series = load_series(manifest)
    assert [sample.name for sample in series.samples] == ["1 h", "26 h"]
    (frame,) = pdf.read_frames(manifest.parent / "amorphous.xyz")
    assert len(frame.elements) == 216


def test_the_same_seed_writes_the_same_files(materials, tmp_path):
    truth = ATOMISTIC_SERIES[4:5]
    first, again = (
        simulate_series(
            truth, tmp_path / name / "s", materials=materials, seed=7, setup=(BENCH, COARSE)
        )
        for name in ("a", "b")
    )
    for path in first.parent.rglob("*"):
        if path.is_file():
            other = again.parent / path.relative_to(first.parent)
            assert path.read_bytes() == other.read_bytes(), path.name


def test_a_series_without_samples_or_with_one_time_twice_is_refused(materials, tmp_path):
    with pytest.raises(BadInput, match="no sample"):
        simulate_series([], tmp_path / "new", materials=materials)
    with pytest.raises(BadInput, match="milled for one time"):
        simulate_series([WEIGHED, WEIGHED], tmp_path / "new", materials=materials)
    bare = replace(materials, glass_paths=())
    with pytest.raises(BadInput, match="no scattering paths"):
        simulate_series([WEIGHED], tmp_path / "new", materials=bare)
