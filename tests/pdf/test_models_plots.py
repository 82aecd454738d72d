"""Models draw themselves with labelled axes and return their artists."""

import numpy as np
import pytest

from xorder.pdf.debye import calculate_iq, cut_sphere
from xorder.pdf.partials import calculate_partials
from xorder.pdf.polyhedra import calculate_angles, count_polyhedra
from xorder.pdf.trajectories import Frame, frame_from_crystal


@pytest.fixture
def ax():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    return Figure().subplots()


@pytest.fixture(scope="module")
def frames(made):
    box = frame_from_crystal(made.rock_salt(), repeat=(2, 2, 2))
    generator = np.random.default_rng(2)
    return [
        Frame(
            positions=box.positions + generator.normal(0, 0.12, box.positions.shape),
            elements=box.elements,
            lattice=box.lattice,
            step=k,
        )
        for k in range(6)
    ]


def test_partials_are_drawn_with_bands_one_above_the_other(ax, frames):
    partials = calculate_partials(frames, r_max=8.0, step=0.05)
    artists = partials.plot(ax, offset=2.0)
    assert len(artists) == 6
    assert [line.get_label() for line in ax.lines] == ["Cl–Cl", "Cl–Na", "Na–Na"]
    np.testing.assert_allclose(ax.lines[2].get_ydata(), partials.small_g[2] + 4.0)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("r (Å)", "g(r)")
    assert len(calculate_partials(frames[:1], r_max=8.0).plot(ax)) == 3


def test_angles_are_drawn_over_half_a_turn(ax, frames):
    angles = calculate_angles(frames, center="Na", ends=("Cl", "Cl"), cutoff=3.4)
    artists = angles.plot(ax)
    assert len(artists) == 2
    assert ax.get_xlim() == (0.0, 180.0)
    assert ax.get_xlabel() == "Cl–Na–Cl angle (°)"


def test_polyhedra_are_bars_in_per_cent(ax, frames):
    found = count_polyhedra(frames, center="Na", ligands=("Cl",), cutoff=3.1)
    bars = found.plot(ax, most=2)
    assert bars[0].get_height() == pytest.approx(100 * found.fraction[0])
    assert ax.get_xticklabels()[0].get_text() == found.labels[0].translate(
        str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
    )


def test_structure_factors_are_lines_over_q(ax, made):
    found = calculate_iq(cut_sphere(made.nickel(), diameter=15.0), q=np.linspace(1, 20, 50))
    (line,) = found.plot(ax)
    np.testing.assert_allclose(line.get_ydata(), found.sq)
    assert line.get_label() == "Ni 15 Å"
    assert ax.get_xlabel() == "Q (Å⁻¹)"
