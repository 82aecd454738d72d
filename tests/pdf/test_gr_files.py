"""G(r) files: what headers say, what columns mean, and what cannot be read."""

import warnings

import numpy as np
import pytest

from xorder import pdf
from xorder.errors import BadInput, CannotWrite, DataWarning, MissingFile, UnreadableFile

ROWS = "\n".join(f"{0.1 * i:.2f} {np.sin(i):.6f}" for i in range(1, 30))


def written(tmp_path, text, name="x.gr"):
    path = tmp_path / name
    if isinstance(text, bytes):
        path.write_bytes(text)
    else:
        path.write_text(text, encoding="utf-8")
    return path


def test_plain_columns(tmp_path):
    pattern = pdf.read(written(tmp_path, ROWS))
    assert len(pattern.r) == 29
    assert pattern.r_step == pytest.approx(0.1)
    assert np.isnan(pattern.q_max)
    assert pattern.stderr is None


def test_the_third_column_of_pdfgetx2_is_no_error(tmp_path):
    # It is labelled d_r and holds -4πρ0 r; the fourth is the standard error.
    rows = "\n".join(f"{0.1 * i:.2f} 1.0 {-0.3 * i} 0.05" for i in range(1, 20))
    header = (
        "####### Get_XPDF #######\nlambda=0.1265 energy=98.0\n"
        "#L symbol valence fractions z user_f1\n  Ni 0.00 1.0 28 0.0\n  0 1 0 1 3 0.7\n"
        "## S(q)  qmin=1.0    qmax=40.0\noptqmin=20.0 optqmax=30.0\n"
        "##### start data\n#S 1 G(r)\n#L r G(r) d_r d_Gr\n"
    )
    pattern = pdf.read(written(tmp_path, header + rows))
    assert pattern.q_max == 40.0
    assert pattern.q_min == 1.0
    assert pattern.wavelength == 0.1265
    assert pattern.composition == "Ni"
    np.testing.assert_array_equal(pattern.stderr, np.full(19, 0.05))


def test_the_header_of_pdfgetx3(tmp_path):
    header = (
        "[DEFAULT]\n\nversion = pdfgetx3\n# input\ndataformat = QA\nmode = neutron\n"
        "wavelength = 0.1836\ncomposition = NaTaCl6\nrpoly = 0.9\nqmaxinst = 25.0\nqmin = 0.5\n"
        "qmax = 24.0\nrmin = 0.0\n#### start data\n#S 1\n#L r($\\AA$)  G($\\AA^{-2}$)\n"
    )
    pattern = pdf.read(written(tmp_path, header + ROWS))
    assert (pattern.q_max, pattern.q_min, pattern.wavelength) == (24.0, 0.5, 0.1836)
    assert pattern.composition == "NaTaCl6"
    assert pattern.radiation == "neutron"


def test_what_is_written_reads_back_exactly(tmp_path):
    generator = np.random.default_rng(3)
    r = 0.01 * np.arange(1, 300)
    pattern = pdf.PairDistribution(
        r=r,
        gr=generator.normal(size=299),
        stderr=generator.uniform(0.1, 0.2, size=299),
        q_max=22.1,
        q_min=0.7,
        qdamp=0.041,
        qbroad=0.013,
        wavelength=0.2095,
        composition="NaTaCl6",
        radiation="neutron",
        simulated=True,
    )
    path = pdf.write_gr(tmp_path / "back.gr", pattern)
    back = pdf.read(path)
    for key in ("r", "gr", "stderr"):
        np.testing.assert_array_equal(getattr(back, key), getattr(pattern, key))
    for key in ("q_max", "q_min", "qdamp", "qbroad", "wavelength", "composition", "radiation"):
        assert getattr(back, key) == getattr(pattern, key)
    assert back.simulated
    assert "SIMULATED" in path.read_text(encoding="utf-8").splitlines()[0]


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    pattern = pdf.PairDistribution(r=np.array([1.0, 2.0]), gr=np.zeros(2))
    (tmp_path / "no").write_text("in the way")
    with pytest.raises(CannotWrite, match="cannot write"):
        pdf.write_gr(tmp_path / "no" / "x.gr", pattern)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "empty"),
        ("   \n \n", "empty"),
        (b"\x00\x01\x02\x89PNG\x00", "binary"),
        ("the quick brown fox\njumps\n", "no row of numbers"),
        ("#S 1\n#L r G(r)\n", "no row of numbers"),
        ("1.0\n2.0\n3.0\n", "line 1: one column"),
        ("1.0 2.0\n", "at least two rows"),
        (ROWS.replace(".", ","), "decimal comma"),
        (ROWS + "\n3.00 abc", "line 30: '3.00 abc' is not a row"),
        (ROWS + "\n3.00 nan", "line 30: '3.00 nan' is not finite"),
        (ROWS + "\n3.00 inf", "is not finite"),
        (ROWS + "\n3.00", "line 30: one column"),
        ("\n".join(reversed(ROWS.splitlines())), "ascending"),
        (ROWS + "\n2.90 1.0", "ascending"),
        (ROWS + "\n3.50 1.0", "without gaps"),
        ("-1.0 1\n0.0 1\n1.0 1\n", "zero or more"),
        ("# qmax = -12\n" + ROWS, "q_max is -12"),
        ("# wavelength = -0.2\n" + ROWS, "wavelength is -0.2"),
        ("r;G(r)\n0.1;1.0\n0.2;1.1\n", "no row of numbers"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_message(tmp_path, content, message):
    path = written(tmp_path, content)
    with pytest.raises(BadInput, match=message) as caught:
        pdf.read(path)
    assert str(path) in str(caught.value)


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(MissingFile, match=r"none\.gr: there is no such file"):
        pdf.read(tmp_path / "none.gr")


def test_unlabelled_third_column_warns(tmp_path):
    with pytest.warns(DataWarning, match="has no label"):
        pdf.read(written(tmp_path, "0.1 1 5\n0.2 1 5\n0.3 1 5\n"))


def test_columns_of_zeros_in_some_rows_are_no_trouble_but_numbers_are(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(pdf.read(written(tmp_path, "0.1 1\n0.2 2 0 0\n0.3 1\n")).r) == 3
    with pytest.warns(DataWarning, match="2 to 4 columns"):
        pdf.read(written(tmp_path, "0.1 1\n0.2 2 0 7\n0.3 1\n"))


def test_radiation_must_be_known():
    with pytest.raises(BadInput, match="unknown radiation"):
        pdf.PairDistribution(r=np.array([1.0, 2.0]), gr=np.zeros(2), radiation="light")


@pytest.mark.parametrize(
    ("name", "radiation", "q_max", "points"),
    [
        ("Ni-xray", "xray", 40.0, 2000),
        ("Ni-neutron", "neutron", 27.0, 2000),
        ("CdSe-bulk", "xray", 14.0, 4500),
    ],
)
def test_measured_files(shared, name, radiation, q_max, points):
    pattern = pdf.read(shared("data", "pdf", f"{name}.gr"))
    assert (pattern.radiation, pattern.q_max, len(pattern.r)) == (radiation, q_max, points)
    assert pattern.stderr.min() > 0


@pytest.mark.parametrize("name", ["si", "ni", "sini"])
def test_measured_files_without_a_header(shared, name):
    pattern = pdf.read(shared("data", "pdf", f"{name}.gr"))
    assert pattern.r[-1] == pytest.approx(59.99)
    assert np.isnan(pattern.q_max)


def test_errors_are_of_one_family():
    assert issubclass(UnreadableFile, BadInput)


def test_rmcprofile_files_say_that_their_functions_are_others(tmp_path):
    rows = "\n".join(f"{0.02 * k:.2f} {np.sin(k):.6f}" for k in range(1, 50))
    path = tmp_path / "rmc.gr"
    path.write_text(f" 49\n D(r) of something\n{rows}\n", encoding="utf-8")
    with pytest.warns(DataWarning, match="RMCProfile"):
        found = pdf.read(path)
    assert len(found.r) == 49
    assert found.gr[0] == pytest.approx(np.sin(1), abs=1e-6)
