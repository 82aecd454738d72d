"""One function of total scattering from another, in memory and from file to file."""

import itertools
import math

import numpy as np
import pytest

from xorder import pdf
from xorder.errors import BadInput

RHO0 = 0.0914
R = 0.01 * np.arange(1, 2001)
Q = 0.02 * np.arange(25, 1250)


@pytest.fixture(scope="module")
def gr(made):
    found = pdf.calculate_gr(made.nickel(), r=R, q_max=24.0, qdamp=0.05, uiso=0.01)
    return pdf.Curve(letter="G", x=found.r, values=found.gr, q_max=24.0, composition="Ni")


@pytest.fixture(scope="module")
def sq():
    values = 1 + np.exp(-0.5 * (Q / 6) ** 2) * np.sin(2.5 * Q) / Q
    return pdf.Curve(letter="S", x=Q, values=values, stderr=np.full_like(Q, 0.01))


@pytest.mark.parametrize(("one", "two"), list(itertools.permutations("GgRTD", 2)))
def test_functions_of_the_distance_go_there_and_back(gr, one, two):
    first = pdf.convert(gr, one, rho0=RHO0, weight=2.0)
    there = pdf.convert(first, two, rho0=RHO0, weight=2.0)
    back = pdf.convert(there, one, rho0=RHO0, weight=2.0)
    assert there.letter == two
    np.testing.assert_allclose(back.values, first.values, atol=1e-10)


@pytest.mark.parametrize(("one", "two"), list(itertools.permutations("SFi", 2)))
def test_functions_of_q_go_there_and_back(sq, one, two):
    first = pdf.convert(sq, one, weight=3.0)
    back = pdf.convert(pdf.convert(first, two, weight=3.0), one, weight=3.0)
    np.testing.assert_allclose(back.values, first.values, atol=1e-12)
    np.testing.assert_allclose(back.stderr, first.stderr, rtol=1e-9)


def test_definitions_hold(gr, sq):
    pair = pdf.convert(gr, "g", rho0=RHO0)
    np.testing.assert_allclose(4 * math.pi * R * RHO0 * (pair.values - 1), gr.values, atol=1e-10)
    np.testing.assert_allclose(pdf.convert(sq, "F").values, Q * (sq.values - 1), atol=1e-12)
    np.testing.assert_allclose(pdf.convert(sq, "F").stderr, Q * 0.01, rtol=1e-9)


def test_the_peaks_of_a_crystal_survive_the_way_over_q(gr):
    there = pdf.convert(gr, "F")
    back = pdf.convert(there, "G", r=R, low_q="linear")
    inside = (R > 2) & (R < 12)
    off = back.values[inside] - gr.values[inside]
    assert np.sqrt(np.mean(off**2)) < 0.05 * np.sqrt(np.mean(gr.values[inside] ** 2))
    assert back.q_max == pytest.approx(24.0, abs=0.2)


def test_errors_are_carried_to_the_distance(sq):
    found = pdf.convert(sq, "G", r=R)
    np.testing.assert_allclose(
        found.stderr, pdf.gr_covariance_from_fq(Q, Q * 0.01, R).stderr, rtol=1e-9
    )


@pytest.mark.parametrize("letter", "GgRTDSFi")
def test_what_is_written_reads_back_exactly(gr, sq, tmp_path, letter):
    curve = sq if letter in "SFi" else gr
    found = pdf.convert(curve, letter, rho0=RHO0)
    path = pdf.write_curve(tmp_path / "curve.dat", found)
    back = pdf.read_curve(path, letter=letter)
    assert back.letter == letter
    np.testing.assert_array_equal(back.values, found.values)
    np.testing.assert_array_equal(back.x, found.x)


def test_q_may_be_in_nanometres(sq, tmp_path):
    path = pdf.write_curve(tmp_path / "nm.sq", sq, q_unit="1/nm")
    assert "Q(1/nm)" in path.read_text(encoding="utf-8")
    np.testing.assert_allclose(pdf.read_curve(path).x, Q, rtol=1e-14)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda gr, sq: pdf.convert(gr, "g"), "rho0"),
        (lambda gr, sq: pdf.convert(gr, "I"), "reduce"),
        (lambda gr, sq: pdf.convert(gr, "X"), "target"),
        (lambda gr, sq: pdf.convert(sq, "G", q_range=(0.5, 40.0)), "q_max within"),
        (lambda gr, sq: pdf.convert(sq, "G", q_range=(30.0, 20.0)), "no data lie"),
        (lambda gr, sq: pdf.convert(sq, "F", weight=-1.0) and pdf.convert(sq, "i", weight=-1.0),
         "weight"),
        (lambda gr, sq: pdf.write_curve("x", sq, q_unit="1/m"), "q_unit"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said(gr, sq, make, message):
    with pytest.raises(BadInput, match=message):
        make(gr, sq)


def test_distances_that_begin_late_need_the_density(gr):
    late = pdf.Curve(letter="G", x=R[200:], values=gr.values[200:], q_max=24.0)
    with pytest.raises(BadInput, match="rho0"):
        pdf.convert(late, "F")
    whole, filled = pdf.convert(gr, "F"), pdf.convert(late, "F", rho0=RHO0)
    scale = np.abs(whole.values).max()
    assert np.abs(filled.values - whole.values).max() < 0.1 * scale


def test_a_file_of_nothing_known_is_asked_for(tmp_path):
    path = tmp_path / "columns.txt"
    path.write_text("1 2\n2 3\n", encoding="utf-8")
    with pytest.raises(BadInput, match="which function"):
        pdf.read_curve(path)
