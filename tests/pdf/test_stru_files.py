"""Structure files of PDFgui: what they hold, and what is wrong with broken ones."""

import numpy as np
import pytest

from xorder import pdf
from xorder.errors import XorderError

NICKEL = """\
title  structure Ni  FCC
format pdffit
scale   0.731
sharp   2.200000,  0.100000,  0.900000,  3.000000
spcgr   Fm-3m
shape   sphere, 45.5
cell   3.520000,  3.530000,  3.540000,  90.000000,  91.000000,  92.000000
dcell  0.000000,  0.000000,  0.000000,  0.000000,  0.000000,  0.000000
ncell  1,  1,  1,  2
atoms
NI        0.00000000        0.10000000        0.20000000       1.0000
            0.00000000        0.00000000        0.00000000       0.0000
            0.00500000        0.00600000        0.00700000
            0.00000000        0.00000000        0.00000000
            0.00010000        0.00020000        0.00030000
            0.00000000        0.00000000        0.00000000
CL1-      0.50000000        0.50000000        0.50000000       0.5000
            0.00000000        0.00000000        0.00000000       0.0000
            0.01000000        0.01000000        0.01000000
            0.00000000        0.00000000        0.00000000
            0.00000000        0.00000000        0.00000000
            0.00000000        0.00000000        0.00000000
"""


def written(tmp_path, text):
    path = tmp_path / "Ni.stru"
    path.write_text(text, encoding="utf-8")
    return path


def test_everything_in_the_file_is_kept(tmp_path):
    found = pdf.read_stru(written(tmp_path, NICKEL))
    crystal = found.crystal
    np.testing.assert_allclose(crystal.cell, [3.52, 3.53, 3.54, 90, 91, 92])
    assert [site.label for site in crystal.sites] == ["Ni1", "Cl1"]
    assert crystal.sites[1].occupancy == 0.5
    np.testing.assert_allclose(
        crystal.sites[0].uij,
        [[0.005, 0.0001, 0.0002], [0.0001, 0.006, 0.0003], [0.0002, 0.0003, 0.007]],
    )
    assert (found.scale, found.sphere_diameter) == (0.731, 45.5)
    assert (found.delta2, found.delta1, found.sratio, found.rcut) == (2.2, 0.1, 0.9, 3.0)


def test_files_from_before_delta1(tmp_path):
    text = NICKEL.replace("2.200000,  0.100000,  0.900000,", "2.200000,  0.900000,")
    found = pdf.read_stru(written(tmp_path, text))
    assert (found.delta2, found.delta1, found.sratio, found.rcut) == (2.2, 0.0, 0.9, 3.0)


def test_the_curve_can_be_calculated(tmp_path):
    crystal = pdf.read_stru(written(tmp_path, NICKEL)).crystal
    assert np.isfinite(pdf.calculate_gr(crystal, r=np.arange(1.0, 8.0, 0.05)).gr).all()


@pytest.mark.reference
def test_pdffit2_writes_what_is_read(tmp_path):
    program = pytest.importorskip("diffpy.pdffit2").PdfFit()
    path = written(tmp_path, NICKEL.replace("CL1-", "CL  "))
    program.read_struct(str(path))
    again = tmp_path / "again.stru"
    program.save_struct(1, str(again))
    first, second = pdf.read_stru(path), pdf.read_stru(again)
    np.testing.assert_allclose(second.crystal.cell, first.crystal.cell)
    for a, b in zip(first.crystal.sites, second.crystal.sites, strict=True):
        np.testing.assert_allclose(b.xyz, a.xyz)
        np.testing.assert_allclose(b.uij, a.uij, atol=1e-8)
    assert (second.delta2, second.scale) == (first.delta2, first.scale)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (NICKEL, "", "empty"),
        (NICKEL, "data_Ni\n_cell_length_a 3.5\n", "no line 'atoms'"),
        ("cell   3.52", "kell   3.52", "no line 'cell'"),
        ("cell   3.520000,", "cell   -3.520000,", "positive lengths"),
        ("3.530000,", "3,530000,", "6 numbers"),
        ("91.000000", "nan", "6 numbers"),
        ("NI   ", "XX   ", "'XX' is no element"),
        ("0.10000000", "0.1x", "not 4 numbers"),
        ("0.00600000", "inf", "not 3 numbers"),
        ("1.0000\n", "7.0000\n", "occupancy"),
        ("1,  1,  1,  2", "1,  1,  1,  4", "states 4"),
        ("            0.00010000        0.00020000        0.00030000\n", "", "six lines an atom"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, old, new, message):
    text = NICKEL.replace(old, new)
    assert text != NICKEL
    with pytest.raises(XorderError, match=message):
        pdf.read_stru(written(tmp_path, text))


def test_binary_and_missing_files_are_told(tmp_path):
    path = tmp_path / "x.stru"
    with pytest.raises(XorderError, match="no such file"):
        pdf.read_stru(path)
    path.write_bytes(b"PK\x03\x04\0\0atoms")
    with pytest.raises(XorderError, match="binary"):
        pdf.read_stru(path)
