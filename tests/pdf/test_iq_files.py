"""Files of I(Q), S(Q) and F(Q): what headers say is taken, what nobody says is asked for."""

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xorder import pdf
from xorder.errors import BadInput, DataWarning, MissingFile, UnreadableFile

Q = np.array([1.0, 2.0, 3.0, 10.0, 20.0])
INTENSITY = np.array([5.0, 7.0, 6.0, 3.0, 2.0])
COLUMNS = "\n".join(f"{q} {i}" for q, i in zip(Q, INTENSITY, strict=True))
WITH_ERRORS = "\n".join(f"{q} {i} 0.5" for q, i in zip(Q, INTENSITY, strict=True))
IN_NM = "\n".join(f"{10 * q} {i}" for q, i in zip(Q, INTENSITY, strict=True))


def write(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


PDFGETX3 = """[DEFAULT]

version = pdfgetx3-2.1.0

# input and output specifications
dataformat = Qnm
inputfile = sample.chi
outputtype = iq

# PDF calculation setup
mode = xray
wavelength = 0.1839
composition = Na Ta Cl6
qmaxinst = 24.5
qmin = 0.8

#### start data

#S 1
#L Q(1/A)  intensity
"""

FIT2D = "sample.tif\nQ (Inverse Nanometres)\nIntensity\n 5\n"
FIT2D_ANGLE = "sample.tif\n2-Theta Angle (Degrees)\nIntensity\n 5\n"
PYFAI = """# == pyFAI calibration ==
# Distance Sample to Detector: 0.2 m
# Wavelength: 1.839e-11 m
# --> sample.xy
#        {axis}             I         sigma
"""


@pytest.mark.parametrize(
    ("name", "text", "wavelength"),
    [
        ("a.iq", "#S 1 nickel\n#L Q I(Q)\n" + COLUMNS, np.nan),
        ("b.iq", PDFGETX3 + COLUMNS, 0.1839),
        ("c.chi", FIT2D + IN_NM, np.nan),
        ("d.dat", PYFAI.format(axis="q_A^-1") + WITH_ERRORS, 0.1839),
        ("e.xy", "# q_nm^-1 I\n" + IN_NM, np.nan),
        ("f.csv", "Q(1/A),I\n" + COLUMNS.replace(" ", ","), np.nan),
        ("g.dat", "Q [Å^-1]; I\n" + COLUMNS.replace(" ", ";"), np.nan),
        ("h.iq", "0.0 9.0\n" + COLUMNS, np.nan),
        ("i.iq", "5\ntitle of the run\n" + COLUMNS, np.nan),
    ],
)
def test_every_program_gives_the_same_curve(tmp_path, name, text, wavelength):
    data = pdf.read_iq(write(tmp_path, name, text))
    assert data.q == pytest.approx(Q)
    assert data.intensity == pytest.approx(INTENSITY)
    assert data.wavelength == pytest.approx(wavelength, nan_ok=True)
    assert data.name == name[0]


def test_headers_are_picked_up(tmp_path):
    data = pdf.read_iq(write(tmp_path, "b.iq", PDFGETX3 + COLUMNS))
    assert data.composition == "Na Ta Cl6"
    assert data.radiation == "xray"
    assert data.metadata["qmaxinst"] == "24.5"
    assert pdf.read_iq(write(tmp_path, "d.iq", COLUMNS), composition="Ni").composition == "Ni"


@pytest.mark.parametrize("text", [FIT2D_ANGLE + COLUMNS, PYFAI.format(axis="2th_deg") + COLUMNS])
def test_angles_become_q_with_a_wavelength(tmp_path, text):
    data = pdf.read_iq(write(tmp_path, "a.chi", text), wavelength=0.2)
    assert data.q == pytest.approx(4 * np.pi / 0.2 * np.sin(np.deg2rad(Q) / 2))
    assert data.wavelength == 0.2


def test_errors_are_read_where_they_are_errors(tmp_path):
    assert pdf.read_iq(write(tmp_path, "a.iq", WITH_ERRORS)).stderr == pytest.approx(0.5)
    labelled = "#L Q I sigma\n" + WITH_ERRORS
    assert pdf.read_iq(write(tmp_path, "b.iq", labelled)).stderr == pytest.approx(0.5)
    other = "#L Q I background\n" + WITH_ERRORS
    assert pdf.read_iq(write(tmp_path, "c.iq", other)).stderr is None
    with pytest.warns(DataWarning, match="not all finite and positive"):
        bad = pdf.read_iq(write(tmp_path, "d.iq", WITH_ERRORS.replace("0.5", "-0.5")))
    assert bad.stderr is None


def test_what_the_user_says_goes_before_the_header(tmp_path):
    path = write(tmp_path, "e.xy", "# q_nm^-1 I\n" + COLUMNS)
    with pytest.warns(DataWarning, match="the header says 'q_nm'"):
        assert pdf.read_iq(path, axis="q").q == pytest.approx(Q)


def test_nanometres_called_angstroms_are_noticed(tmp_path):
    path = write(tmp_path, "a.iq", IN_NM)
    with pytest.raises(BadInput, match=r"Q reaches 200, .* looks like nm⁻¹"):
        pdf.read_iq(path)
    assert pdf.read_iq(path, axis="q_nm").q == pytest.approx(Q)
    shorter = write(tmp_path, "b.iq", "10 1\n20 2\n50 3\n")
    with pytest.raises(BadInput, match=r"wavelength of 1\.54 Å"):
        pdf.read_iq(shorter, wavelength=1.54)


def test_angstroms_called_nanometres_are_noticed(tmp_path):
    with pytest.warns(DataWarning, match="was it Å⁻¹"):
        pdf.read_iq(write(tmp_path, "a.dat", COLUMNS), axis="q_nm")


@pytest.mark.parametrize("kind", ["S", "F"])
def test_functions_of_q_are_read_by_their_suffix(tmp_path, kind):
    values = Q * 0 + 1.0 if kind == "S" else Q * 0
    text = "\n".join(f"{q} {v}" for q, v in zip(Q, values, strict=True))
    data = pdf.read_sq(write(tmp_path, f"a.{kind.lower()}q", text))
    assert data.kind == kind
    assert data.sq == pytest.approx(1)
    assert data.fq == pytest.approx(0)


def test_rmcprofile_files_have_a_count_and_a_title(tmp_path):
    text = "5\nSF6 at 190 K\n" + "\n".join(f"{q} {0.01 * q}" for q in Q)
    data = pdf.read_sq(write(tmp_path, "sf6.dat", text), kind="i", axis="q")
    assert data.sq == pytest.approx(1 + 0.01 * Q)


def test_neutrons_reach_further_in_q(tmp_path):
    text = "\n".join(f"{q} 1.0" for q in np.linspace(0.5, 90, 200))
    path = write(tmp_path, "a.sq", text)
    assert pdf.read_sq(path, radiation="neutron").q[-1] == pytest.approx(90)
    with pytest.raises(BadInput, match="looks like nm"):
        pdf.read_sq(path)


def test_a_function_under_another_ones_name_is_noticed(tmp_path):
    text = "\n".join(f"{q} 1.0" for q in Q)
    with pytest.warns(DataWarning, match=r"upper half lies about 1; F\(Q\) lies about 0"):
        pdf.read_sq(write(tmp_path, "a.fq", text))


def nexus(path, *, units="1/nm", shape=(5,), errors=True, wavelength=1.839e-11, axis=None):
    with h5py.File(path, "w") as file:
        group = file.create_group("entry_0000/pyFAI/result")
        group.attrs.update(NX_class="NXdata", signal="intensity", axes=["radial"])
        if len(shape) == 2:
            group.attrs["axes"] = [".", "radial"]
        group["intensity"] = np.broadcast_to(INTENSITY, shape)
        if errors:
            group["intensity_errors"] = np.broadcast_to(0.1 * INTENSITY, shape)
        group["radial"] = 10 * Q if axis is None else axis
        group["radial"].attrs["units"] = units
        if wavelength:
            file["entry_0000/pyFAI/wavelength"] = wavelength
            file["entry_0000/pyFAI/wavelength"].attrs["units"] = "m"
    return path


def test_hdf5_of_pyfai_is_read(tmp_path):
    data = pdf.read_iq(nexus(tmp_path / "a.h5"))
    assert data.q == pytest.approx(Q)
    assert data.intensity == pytest.approx(INTENSITY)
    assert data.stderr == pytest.approx(0.1 * INTENSITY)
    assert data.wavelength == pytest.approx(0.1839)


def test_one_of_many_patterns_is_chosen(tmp_path):
    path = nexus(tmp_path / "a.nxs", shape=(3, 5), errors=False)
    assert pdf.read_iq(path, frame=2).intensity == pytest.approx(INTENSITY)
    with pytest.raises(BadInput, match="frame= to choose"):
        pdf.read_iq(path)
    with pytest.raises(BadInput, match="frame is 3"):
        pdf.read_iq(path, frame=3)


def test_hdf5_in_degrees_uses_its_wavelength(tmp_path):
    data = pdf.read_iq(nexus(tmp_path / "a.h5", units="deg", axis=Q))
    assert data.q == pytest.approx(4 * np.pi / 0.1839 * np.sin(np.deg2rad(Q) / 2))


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.floats(0.01, 1.0), min_size=3, max_size=30),
    st.sampled_from([" ", "\t", " ; ", ", "]),
    st.booleans(),
)
def test_any_table_comes_back(tmp_path_factory, steps, separator, crlf):
    q = np.cumsum(steps)
    values = np.linspace(3.5, 1.5, len(q))
    lines = [f"{a!r}{separator}{b!r}" for a, b in zip(q.tolist(), values.tolist(), strict=True)]
    path = tmp_path_factory.mktemp("tables") / "a.iq"
    path.write_bytes(("\r\n" if crlf else "\n").join(["# Q(1/A) I", *lines]).encode())
    data = pdf.read_iq(path)
    assert np.array_equal(data.q, q)
    assert np.array_equal(data.intensity, values)


@pytest.mark.parametrize(
    ("name", "text", "error", "message"),
    [
        ("a.iq", "", UnreadableFile, "the file is empty"),
        ("a.iq", "# only a header\n", UnreadableFile, "no row of numbers"),
        ("a.iq", "once upon a time\nthere was\n", UnreadableFile, "no row of numbers"),
        ("a.iq", "1.0 2.0\n", UnreadableFile, "1 row of data"),
        ("a.iq", "1.0\n2.0\n3.0\n", UnreadableFile, "one column"),
        ("a.iq", "1.0 2.0\n2.0 nan\n3.0 1.0\n", UnreadableFile, "line 2: .* is not finite"),
        ("a.iq", "1.0 2.0\n2.0 abc\n3.0 1.0\n", UnreadableFile, "line 2: .* not a row of numbers"),
        ("a.iq", "1.0 2.0\n2.0\n3.0 1.0\n", UnreadableFile, "line 2: one column"),
        ("a.iq", "1,5 2,5\n2,5 3,5\n", UnreadableFile, "decimal comma"),
        ("a.iq", "3.0 2.0\n2.0 2.0\n1.0 1.0\n", UnreadableFile, "goes from 3 to 2"),
        ("a.iq", "1.0 2.0\n1.0 2.0\n2.0 1.0\n", UnreadableFile, "goes from 1 to 1"),
        ("a.iq", "-1.0 2.0\n1.0 2.0\n2.0 1.0\n", BadInput, "positive Q"),
        ("a.xy", COLUMNS, BadInput, "nothing says whether"),
        ("a.chi", FIT2D_ANGLE + COLUMNS, BadInput, "wavelength is missing"),
        ("a.dat", "# 2th_deg I\n10 1\n190 2\n", BadInput, "wavelength is missing"),
        ("a.dat", "# 2th_rad I\n0.1 1\n0.2 2\n", BadInput, "is in radians"),
        ("a.h5", "not an HDF5 file", UnreadableFile, "not an HDF5 file"),
    ],
)
def test_unreadable_files_are_told_apart(tmp_path, name, text, error, message):
    with pytest.raises(error, match=message):
        pdf.read_iq(write(tmp_path, name, text))


def test_other_things_that_are_no_patterns(tmp_path):
    with pytest.raises(MissingFile, match="no such file"):
        pdf.read_iq(tmp_path / "none.iq")
    with pytest.raises(MissingFile, match="no such file"):
        pdf.read_iq(tmp_path / "none.h5")
    binary = tmp_path / "a.iq"
    binary.write_bytes(b"\x00\x01\x02" * 50)
    with pytest.raises(UnreadableFile, match="binary"):
        pdf.read_iq(binary)
    empty = tmp_path / "a.h5"
    h5py.File(empty, "w").close()
    with pytest.raises(UnreadableFile, match="no NXdata group"):
        pdf.read_iq(empty)
    path = write(tmp_path, "b.iq", COLUMNS)
    with pytest.raises(BadInput, match="axis is 'Q'"):
        pdf.read_iq(path, axis="Q")
    with pytest.raises(BadInput, match="wavelength is -1"):
        pdf.read_iq(path, wavelength=-1.0)
    with pytest.raises(BadInput, match="two_theta reaches 190"):
        pdf.read_iq(write(tmp_path, "c.dat", "10 1\n190 2\n"), axis="two_theta", wavelength=0.2)
    with pytest.raises(BadInput, match="which function of Q"):
        pdf.read_sq(write(tmp_path, "d.dat", COLUMNS), axis="q")
    with pytest.raises(BadInput, match="which function of Q"):
        pdf.read_sq(write(tmp_path, "f.iq", "#L Q I(Q)\n" + COLUMNS))
    with pytest.raises(BadInput, match="kind is 'Z'"):
        pdf.read_sq(path, kind="Z")
    short = nexus(tmp_path / "e.h5", axis=np.arange(1.0, 4.0))
    with pytest.raises(UnreadableFile, match="one finite value a point"):
        pdf.read_iq(short)


def test_a_measured_file_with_ragged_rows_is_read(shared):
    data = pdf.read_iq(shared("data", "pdf", "sini.iq"))
    assert len(data.q) == 2587 - int(data.q[0] == 0)
    assert data.q[0] == pytest.approx(0.46545929)
    assert data.stderr is None


def test_the_wavelength_in_a_header_of_json_is_found(tmp_path):
    header = '# {\n#     "dist": 0.2,\n#     "wavelength": 1.839e-11,\n#     "rot1": 0\n# }\n'
    path = write(tmp_path, "sample.dat", header + "# q_nm^-1  I\n" + IN_NM)
    found = pdf.read_iq(path)
    assert found.wavelength == pytest.approx(0.1839)
    np.testing.assert_allclose(found.q, Q)


@pytest.mark.reference
@pytest.mark.parametrize("unit", ["q_nm^-1", "q_A^-1", "2th_deg"])
def test_what_pyfai_writes_today_is_read(tmp_path, unit):
    azimuthal = pytest.importorskip("pyFAI.integrator.azimuthal")
    nexus = pytest.importorskip("pyFAI.io.nexus")
    detectors = pytest.importorskip("pyFAI.detectors")
    detector = detectors.Detector(2e-4, 2e-4, max_shape=(60, 60))
    integrator = azimuthal.AzimuthalIntegrator(
        dist=0.01, poni1=0.006, poni2=0.006, detector=detector, wavelength=0.2e-10
    )
    image = np.random.default_rng(0).poisson(1000, (60, 60)).astype(float)
    found = integrator.integrate1d(image, 50, unit=unit, error_model="poisson")
    path = tmp_path / "sample.nxs"
    nexus.save_NXmonpd(str(path), found)
    read = pdf.read_iq(path)
    assert read.wavelength == pytest.approx(0.2)
    in_angstroms = {"q_nm^-1": found.radial / 10, "q_A^-1": found.radial}
    q = in_angstroms.get(unit, 4 * np.pi / 0.2 * np.sin(np.deg2rad(found.radial) / 2))
    np.testing.assert_allclose(read.q, q, rtol=1e-6)
    np.testing.assert_allclose(read.intensity, found.intensity, rtol=1e-6)
    assert read.stderr is not None
