"""Bruker RAW 1 to 4, FullProf, .chi, powder CIF, NeXus/HDF5; and what is wrong in them is told."""

import json
import struct
from dataclasses import replace

import h5py
import numpy as np
import pytest

from xorder.diffraction import (
    make_pattern,
    make_radiation,
    q_from_two_theta,
    read,
    write_csv,
    write_pdcif,
    write_xye,
)
from xorder.diffraction.readers import opening
from xorder.errors import UnreadableFile, XorderError

AXIS = 10 + 0.02 * np.arange(25)
COUNTS = np.round(500 + 300 * np.exp(-(((AXIS - 10.2) / 0.05) ** 2)))
DATA = COUNTS.astype("<f4").tobytes()


def raw_1(points=25, step=0.02, following=0, mark=b"RAW ", data=DATA):
    head = mark + struct.pack("<IffI4xf", points, 2.0, step, 0, AXIS[0])
    head += struct.pack("<3f", -1e6, -1e6, -1e6) + b"sample".ljust(32)
    head += struct.pack("<ff", 1.54056, 1.54439) + bytes(72) + struct.pack("<I", following)
    assert len(head) == 152 + len(mark)
    return head + data


def raw_2(points=25, length=60, ranges=1, data=DATA):
    head = b"RAW2" + struct.pack("<H", ranges) + bytes(162) + b"01-JAN-99 10:00".ljust(20, b"\0")
    head += b"Cu" + struct.pack("<fff", 1.54056, 1.54439, 0.5) + bytes(54)
    assert len(head) == 256
    body = struct.pack("<HH4xfff", length, points, 2.0, 0.02, AXIS[0])
    return head + body.ljust(length, b"\0") + data


def raw_3(ranges=1, supplement=12, data=DATA, length=304):
    head = b"RAW1.01\0".ljust(12, b"\0") + struct.pack("<I", ranges) + b"01/02/20\0\0"
    head = head.ljust(608, b"\0") + b"Cu\0\0"
    head = head.ljust(624, b"\0") + struct.pack("<4d", 1.54056, 1.54439, 1.39222, 0.5)
    head = head.ljust(712, b"\0")
    body = struct.pack("<2I2d", length, 25, 5.0, AXIS[0]).ljust(176, b"\0")
    body += struct.pack("<d8xf", 0.02, 2.0)
    body = body.ljust(256, b"\0") + struct.pack("<I", supplement)
    return head + body.ljust(304, b"\0") + bytes(supplement) + data


def raw_4(
    points=25, axis=b"Locked Coupled", size=4, tube=True, extra=72, first_length=40, data=DATA
):
    content = b"RAW4.00\0".ljust(12, b"\0") + b"2020-01-01".ljust(12, b"\0")
    content = content.ljust(61, b"\0")
    content += struct.pack("<II", 10, first_length).ljust(40, b"\0")
    if tube:
        segment = struct.pack("<II", 30, 120).ljust(72, b"\0")
        segment += struct.pack("<5d", 1.5418, 1.5406, 1.5444, 1.3922, 0.5) + bytes(4) + b"Cu\0\0"
        content += segment
    return content + raw_4_range(points, axis, size, extra) + data


def raw_4_range(points=25, axis=b"Locked Coupled", size=4, extra=72):
    head = struct.pack("<I", 0).ljust(32, b"\0") + axis.ljust(24, b"\0") + bytes(16)
    head += struct.pack("<ddIf", AXIS[0], 0.02, points, 2.0) + bytes(16)
    head += bytes(24) + struct.pack("<II", size, extra) + bytes(16)
    assert len(head) == 160
    return head + bytes(extra)


SECOND = (COUNTS + 1000.0).astype("<f4").tobytes()
#: Each version with two ranges: the first as alone, the second of counts that are 1000 higher.
TWO_RANGES = {
    "1": raw_1(following=1) + raw_1(data=SECOND),
    "1, mark not repeated": raw_1(following=1) + raw_1(data=SECOND, mark=b""),
    "2": raw_2(ranges=2) + raw_2(data=SECOND)[256:],
    "3": raw_3(ranges=2) + raw_3(data=SECOND, supplement=0)[712:],
    "4": raw_4() + raw_4_range(extra=8) + SECOND,
}


def fullprof(end=AXIS[-1], counts=COUNTS, head="{:.3f} {:.3f} {:.3f} title"):
    lines = ["".join(f"{int(c):8d}" for c in counts[i : i + 10]) for i in range(0, len(counts), 10)]
    return "\n".join([head.format(AXIS[0], 0.02, end), *lines]) + "\n"


def xydata(factor=1.0):
    head = ["XYDATA", "a", f"INTER {factor} 1.0 0 0.0", "b", "c", "d"]
    rows = [f"{a:.4f} {c:.1f} {2 * np.sqrt(c):.6f}" for a, c in zip(AXIS, COUNTS, strict=True)]
    return "\n".join([*head, *rows]) + "\n"


def chi(label="2-Theta Angle (Degrees)", axis=AXIS):
    rows = [f" {a:.7E}  {c:.7E}" for a, c in zip(axis, COUNTS, strict=True)]
    return "\n".join(["image.tif", label, "Intensity", "       25", *rows]) + "\n"


def pdcif(names="_pd_meas_2theta_scan\n_pd_meas_counts_total", rows=None, waves="1.5406"):
    rows = rows or [f"{a:.4f} {int(c)}" for a, c in zip(AXIS, COUNTS, strict=True)]
    return (
        f"data_block\n_diffrn_radiation_wavelength {waves}\nloop_\n{names}\n"
        + "\n".join(rows)
        + "\n"
    )


@pytest.fixture
def write(tmp_path):
    def made(content, name="scan.raw"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return made


@pytest.mark.parametrize(
    ("content", "name", "format_"),
    [
        (raw_1(), "a.raw", "Bruker RAW Diffrac-AT 1"),
        (raw_2(), "a.raw", "Bruker RAW Diffrac-AT 2"),
        (raw_3(), "a.raw", "Bruker RAW 1.01"),
        (raw_4(), "a.raw", "Bruker RAW 4.00"),
        (raw_4(axis=b"Unlocked Coupled"), "a.raw", "Bruker RAW 4.00"),
        (fullprof(), "a.dat", "FullProf free format"),
        ("! a comment\nsample\n" + fullprof(), "a.dat", "FullProf free format"),
        (xydata(), "a.dat", "FullProf XYDATA"),
        (chi(), "a.chi", "columns of text, separated by spaces, decimal point"),
        (pdcif(), "a.cif", "powder CIF"),
        (
            pdcif("_pd_proc_2theta_corrected\n_pd_proc_intensity_total"),
            "a.cif",
            "powder CIF",
        ),
    ],
)
def test_each_format_is_the_same_pattern(write, content, name, format_):
    pattern = read(write(content, name), wavelength="CuKa")
    assert pattern.two_theta == pytest.approx(AXIS, abs=1e-6)
    assert pattern.intensity == pytest.approx(COUNTS)
    assert pattern.metadata["format"] == format_


@pytest.mark.parametrize("content", [raw_1(), raw_2(), raw_3(), raw_4()])
def test_the_tube_of_bruker_files_is_read(write, content):
    lines = read(write(content)).wavelength
    assert lines.wavelengths == pytest.approx((1.5406, 1.5444), abs=5e-5)
    assert lines.weights == pytest.approx((2 / 3, 1 / 3))


@pytest.mark.parametrize("version", TWO_RANGES)
def test_each_range_of_a_bruker_file_is_read_by_its_index(write, version):
    path = write(TWO_RANGES[version])
    for index, counts, which in ((0, COUNTS, "first"), (1, COUNTS + 1000.0, "one of index 1")):
        pattern = read(path, index=index)
        assert pattern.two_theta == pytest.approx(AXIS, abs=1e-6)
        assert pattern.intensity == pytest.approx(counts)
        assert pattern.wavelength.wavelengths == pytest.approx((1.5406, 1.5444), abs=5e-5)
        assert f"The file has 2 ranges; the {which} was read." in pattern.notes
    for index in (2, -1):
        with pytest.raises(UnreadableFile, match=rf"no pattern {index} in it: it has 2 ranges"):
            read(path, index=index)


@pytest.mark.parametrize("version", TWO_RANGES)
def test_a_bruker_file_cut_in_its_second_range_still_gives_the_first(write, version):
    path = write(TWO_RANGES[version][:-8])
    assert read(path).intensity == pytest.approx(COUNTS)
    with pytest.raises(UnreadableFile, match="ends after"):
        read(path, index=1)
    cut_in_the_header = write(TWO_RANGES[version][: -len(SECOND) - 50])
    pattern = read(cut_in_the_header)
    assert pattern.intensity == pytest.approx(COUNTS)
    assert any("Behind it the file is damaged" in note for note in pattern.notes)


def test_a_rocking_curve_before_the_pattern_is_passed_over_by_its_index(write):
    path = write(raw_4(axis=b"Rocking Curve") + raw_4_range() + SECOND)
    with pytest.raises(UnreadableFile, match="range 0: it is a scan 'Rocking Curve'"):
        read(path)
    assert read(path, index=1).intensity == pytest.approx(COUNTS + 1000.0)


@pytest.mark.parametrize(
    ("label", "scale"),
    [("Q (1/A)", 1.0), ("Q (A^-1)", 1.0), ("q_nm^-1", 10.0), ("Q (nm^-1)", 10.0)],
)
def test_a_chi_file_in_q_becomes_one_in_angles(write, label, scale):
    content = chi(label, scale * q_from_two_theta(AXIS, wavelength=0.5))
    pattern = read(write(content, "a.chi"), wavelength=0.5)
    assert pattern.two_theta == pytest.approx(AXIS, abs=1e-4)
    assert any("axis was Q" in note for note in pattern.notes)


@pytest.mark.parametrize(("label", "scale"), [("# q_nm^-1 I sigma", 10.0), ("# q_A^-1 I", 1.0)])
def test_columns_headed_q_with_a_unit_are_converted(write, label, scale):
    q = scale * q_from_two_theta(AXIS, wavelength=0.5)
    rows = "\n".join(f"{a:.8f} {c}" for a, c in zip(q, COUNTS, strict=True))
    pattern = read(write(f"{label}\n{rows}\n", "a.xy"), wavelength=0.5)
    assert pattern.two_theta == pytest.approx(AXIS, abs=1e-5)


def test_angles_in_radians_are_not_taken_for_degrees(write):
    rows = "\n".join(f"{np.deg2rad(a):.8f} {c}" for a, c in zip(AXIS, COUNTS, strict=True))
    with pytest.raises(UnreadableFile, match="2th_rad"):
        read(write(f"# 2th_rad I\n{rows}\n", "a.xy"), wavelength=0.5)


def test_an_axis_that_its_writer_left_unnamed_is_not_taken_for_degrees(write):
    rows = "\n".join(f"{a:.8f} {c} {np.sqrt(c)}" for a, c in zip(AXIS, COUNTS, strict=True))
    head = "#{str(dim1_unit):14s}  {'I':14s}  {'sigma':14s}"
    with pytest.raises(UnreadableFile, match="dim1_unit"):
        read(write(f"{head}\n{rows}\n", "a.dat"), wavelength=0.5)


@pytest.mark.parametrize(
    "text", ["# Wavelength: 4e-11 m", '# "wavelength": 4.0e-11,', "# lambda 0.4"]
)
def test_a_wavelength_in_metres_is_one_in_angstrom(write, text):
    pattern = read(write(f"{text}\n{two_columns()}", "a.xy"))
    assert pattern.wavelength.wavelength == pytest.approx(0.4)


def two_columns():
    return "\n".join(f"{a:.4f} {c}" for a, c in zip(AXIS, COUNTS, strict=True)) + "\n"


def test_q_beyond_the_wavelength_is_told(write):
    with pytest.raises(UnreadableFile, match="cannot be reached"):
        read(write(chi("Q (1/A)", np.linspace(1, 60, 25)), "a.chi"), wavelength=1.0)


def test_sigma_of_xydata_and_of_cif_are_the_files_own(write):
    assert read(write(xydata(), "a.dat"), wavelength="CuKa").sigma == pytest.approx(
        2 * np.sqrt(COUNTS), rel=1e-5
    )
    rows = [f"{a:.4f} {c:.1f}({20})" for a, c in zip(AXIS, COUNTS, strict=True)]
    names = "_pd_meas_2theta_scan\n_pd_meas_intensity_total"
    assert read(write(pdcif(names, rows), "a.cif")).sigma == pytest.approx(np.full(25, 2.0))
    rows = [f"{a:.4f} {c:.1f} 0.04" for a, c in zip(AXIS, COUNTS, strict=True)]
    names = "_pd_meas_2theta_scan\n_pd_proc_intensity_total\n_pd_proc_ls_weight"
    assert read(write(pdcif(names, rows), "a.cif")).sigma == pytest.approx(np.full(25, 5.0))


def test_points_without_weight_are_left_out(write):
    rows = [
        f"{a:.4f} {c:.1f} {0 if i == 3 else 1}"
        for i, (a, c) in enumerate(zip(AXIS, COUNTS, strict=True))
    ]
    names = "_pd_meas_2theta_scan\n_pd_proc_intensity_total\n_pd_proc_ls_weight"
    assert len(read(write(pdcif(names, rows), "a.cif")).two_theta) == 24


def test_angles_of_a_cif_may_be_a_range(write):
    head = (
        f"data_x\n_pd_meas_2theta_range_min {AXIS[0]}\n_pd_meas_2theta_range_max {AXIS[-1]:.4f}\n"
    )
    rows = "\n".join(str(int(c)) for c in COUNTS)
    pattern = read(
        write(f"{head}loop_\n_pd_meas_counts_total\n{rows}\n", "a.cif"), wavelength="CuKa"
    )
    assert pattern.two_theta == pytest.approx(AXIS)


def test_the_wavelengths_of_a_cif_are_read(write):
    text = pdcif().replace(
        "_diffrn_radiation_wavelength 1.5406\n",
        "loop_\n_diffrn_radiation_wavelength\n_diffrn_radiation_wavelength_wt\n"
        "1.5444 0.5\n1.54059(1) 1.0\n",
    )
    lines = read(write(text, "a.cif")).wavelength
    assert lines.wavelengths == (1.54059, 1.5444)
    assert lines.weights == pytest.approx((2 / 3, 1 / 3))


@pytest.mark.parametrize("writer", [write_xye, write_csv, write_pdcif])
def test_what_is_written_reads_back(tmp_path, writer):
    pattern = make_pattern(
        AXIS, COUNTS + 0.25, sigma=1.5 * np.sqrt(COUNTS), wavelength="CuKa", name="a b"
    )
    suffix = {"write_xye": "xye", "write_csv": "csv", "write_pdcif": "cif"}[writer.__name__]
    back = read(writer(tmp_path / f"out.{suffix}", pattern))
    assert back.two_theta == pytest.approx(AXIS, abs=1e-6)
    assert np.array_equal(back.intensity, pattern.intensity)
    assert back.sigma == pytest.approx(pattern.sigma, rel=1e-14)
    assert back.wavelength.wavelength == pattern.wavelength.wavelength
    if writer is write_pdcif:
        assert back.wavelength.weights == pytest.approx(make_radiation("CuKa").weights)


def test_simulated_data_are_written_as_such(tmp_path):
    pattern = replace(make_pattern(AXIS, COUNTS, wavelength=1.0), simulated=True)
    for writer in (write_xye, write_csv, write_pdcif):
        assert "SIMULATED" in writer(tmp_path / "out", pattern).read_text()


def nexus(
    path, *, axis=AXIS, name="2th", units="deg", signal=COUNTS, errors="I_errors", sigma=None,
    wavelength=None, config=None, default=True, old=False, classes=True, long_name=None,
):  # fmt: skip
    """Write a file as pyFAI does: entry, a process with its configuration, NXdata."""
    with h5py.File(path, "w") as file:
        entry = file.create_group("entry_0000")
        process = entry.create_group("pyFAI")
        results = process.create_group("results")
        if classes:
            entry.attrs["NX_class"] = "NXentry"
            process.attrs["NX_class"] = "NXprocess"
            results.attrs["NX_class"] = "NXdata"
        if default:
            file.attrs["default"] = "entry_0000"
            entry.attrs["default"] = "pyFAI/results"
        data = results.create_dataset("I", data=signal)
        places = results.create_dataset(name, data=axis)
        if units is not None:
            places.attrs["units"] = units
        if long_name is not None:
            places.attrs["long_name"] = long_name
        if old:
            data.attrs["signal"] = 1
            data.attrs["axes"] = name
        else:
            results.attrs["signal"] = "I"
            results.attrs["axes"] = [name] if data.ndim == 1 else [".", name]
        if errors:
            results.create_dataset(errors, data=2 * np.sqrt(signal) if sigma is None else sigma)
        if wavelength is not None:
            value, unit = wavelength
            mono = entry.create_group("monochromator")
            mono.create_dataset("wavelength", data=value).attrs["units"] = unit
        if config is not None:
            process.create_dataset("configuration/data", data=json.dumps(config))
    return path


@pytest.mark.parametrize(
    ("axis", "name", "units", "long_name"),
    [
        (AXIS, "2th", "deg", None),
        (AXIS, "two_theta", "degrees", None),
        (np.deg2rad(AXIS), "2th", "rad", None),
        (AXIS, "2th", None, "Scattering angle 2θ (°)"),
        (q_from_two_theta(AXIS, wavelength=0.4), "q", "1/angstrom", None),
        (q_from_two_theta(AXIS, wavelength=0.4), "q", "A^-1", None),
        (q_from_two_theta(AXIS, wavelength=0.4), "q", "Å⁻¹", None),
        (10 * q_from_two_theta(AXIS, wavelength=0.4), "q", "1/nm", None),
        (10 * q_from_two_theta(AXIS, wavelength=0.4), "q", "nm^-1", None),
        (10 * q_from_two_theta(AXIS, wavelength=0.4), "q_nm^-1", None, None),
        (10 * q_from_two_theta(AXIS, wavelength=0.4), "polar_angle", "q_nm^-1", "Scattering $q$"),
        (q_from_two_theta(AXIS, wavelength=0.4), "polar_angle", "q_A^-1", None),
        (AXIS, "polar_angle", "2th_deg", None),
        (np.deg2rad(AXIS), "polar_angle", "2th_rad", None),
        (
            10 * q_from_two_theta(AXIS, wavelength=0.4), "q", None,
            "Scattering vector $q$ ($nm^{-1}$)",
        ),
        (q_from_two_theta(AXIS, wavelength=0.4), "q", None, "Scattering vector $q$ ($A^{-1}$)"),
    ],
)  # fmt: skip
def test_integrated_patterns_of_any_axis_are_one(tmp_path, axis, name, units, long_name):
    path = nexus(tmp_path / "a.h5", axis=axis, name=name, units=units, long_name=long_name)
    pattern = read(path, wavelength=0.4)
    assert pattern.two_theta == pytest.approx(AXIS, rel=1e-9)
    assert pattern.intensity == pytest.approx(COUNTS)
    assert pattern.sigma == pytest.approx(2 * np.sqrt(COUNTS))


@pytest.mark.parametrize(
    "given",
    [
        {"wavelength": (4e-11, "m")},
        {"wavelength": (0.4, "angstrom")},
        {"wavelength": (0.04, "nm")},
        {"config": {"wavelength": 4e-11}},
        {"config": {"ai": {"poni": {"wavelength": 4e-11}}}},
    ],
)
def test_the_wavelength_of_an_integration_is_found(tmp_path, given):
    assert read(nexus(tmp_path / "a.h5", **given)).wavelength.wavelength == pytest.approx(0.4)


@pytest.mark.parametrize("given", [{"default": False}, {"old": True}, {"errors": "sigma"}])
def test_other_dialects_of_nexus_are_read(tmp_path, given):
    pattern = read(nexus(tmp_path / "a.h5", **given), wavelength=0.4)
    assert pattern.intensity == pytest.approx(COUNTS)


def test_a_stack_gives_its_first_pattern_and_says_so(tmp_path):
    path = nexus(tmp_path / "a.h5", signal=np.stack([COUNTS, 2 * COUNTS]))
    pattern = read(path, wavelength=0.4)
    assert pattern.intensity == pytest.approx(COUNTS)
    assert any("2 patterns" in note for note in pattern.notes)
    assert read(path, wavelength=0.4, index=1).intensity == pytest.approx(2 * COUNTS)
    with pytest.raises(UnreadableFile, match="no pattern 2 in it: it has 2 patterns"):
        read(path, wavelength=0.4, index=2)


def test_a_map_is_counted_row_by_row(tmp_path):
    maps = np.arange(1, 7).reshape(2, 3, 1) * COUNTS
    path = nexus(tmp_path / "a.h5", signal=maps)
    assert read(path, wavelength=0.4, index=4).intensity == pytest.approx(5 * COUNTS)


def test_any_block_of_a_powder_cif_is_read_by_its_index(write):
    rows = [f"{a:.4f} {int(2 * c)}" for a, c in zip(AXIS, COUNTS, strict=True)]
    text = pdcif() + pdcif(rows=rows).replace("data_block", "data_other")
    path = write(text, "a.cif")
    assert read(path, index=0).intensity == pytest.approx(COUNTS)
    assert read(path, index=1).intensity == pytest.approx(2 * COUNTS)


def test_bins_without_pixels_are_left_out(tmp_path):
    signal = COUNTS.copy()
    signal[:2], signal[5] = 0.0, np.nan
    sigma = np.sqrt(COUNTS)
    sigma[:2] = 0.0
    pattern = read(nexus(tmp_path / "a.h5", signal=signal, sigma=sigma), wavelength=0.4)
    assert len(pattern.two_theta) == 22
    assert any("3 bins" in note for note in pattern.notes)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"units": "furlong"}, "unit of its axis 2th is 'furlong'"),
        ({"units": None}, "unit of its axis"),
        ({"name": "q", "units": ""}, "unit of its axis q"),
        ({"name": "radius", "units": "mm"}, "neither 2θ nor Q"),
        ({"name": "chi", "units": "deg"}, "neither 2θ nor Q"),
        ({"name": "polar_angle", "units": "log(q)_nm"}, "unit of its axis"),
        ({"name": "polar_angle", "units": "d*2_nm^-2"}, "unit of its axis"),
        ({"axis": AXIS[:-1]}, "24 points and its signal 25"),
        ({"classes": False, "default": False}, "no NXdata"),
        ({"signal": np.array([b"a"] * 25), "errors": None}, "of type"),
        ({"signal": np.empty((0, 25))}, "no frames"),
        ({"signal": np.full(25, np.nan), "errors": None}, "0 points"),
    ],
)
def test_what_is_wrong_in_hdf5_is_told(tmp_path, given, said):
    path = nexus(tmp_path / "a.h5", **given)
    with pytest.raises(UnreadableFile, match=said):
        read(path, wavelength=0.4)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "HDF5 file is broken"),
        (raw_1()[:-8], "ends after"),
        (raw_1(step=-1.0), "steps of -1"),
        (raw_1()[:40], "ends after 40 bytes"),
        (raw_2(points=26), "ends after"),
        (raw_2(length=40), "header has 40 bytes"),
        (raw_4(axis=b"Rocking Curve"), "scan 'Rocking Curve'"),
        (raw_4(size=8), "each point has 8 bytes"),
        (raw_4(points=2000), "ends after"),
        (raw_3(length=0), "header has 0 bytes; expected 304"),
        (raw_4(first_length=0), "segment has 0 bytes"),
        (raw_4()[:70], "ends after 70 bytes"),
        (b"RAW3.00\0" + bytes(900), "version b'3.00'"),
        (xydata(factor=2.0), "scaled"),
        (xydata() + "10.6 x 3\n", "found '10.6 x 3'"),
        (xydata() + "10.6 3\n", "found '10.6 3'"),
        ("XYDATA\n\n\n\n\n\n", "no points"),
        (fullprof(end=AXIS[-1] + 0.02), "expected"),
        (pdcif(rows=["10.0 x"] * 25), "'x'"),
        (pdcif("_pd_meas_point_id\n_pd_meas_counts_total"), "no angles"),
        (pdcif().replace("loop_", "loop_\nloop_"), "CIF"),
        ("data_x\n_pd_meas_counts_total 5\n", "no block"),
    ],
)
def test_what_is_wrong_in_a_file_is_told_in_one_message(write, content, said):
    path = write(content, "bad.dat")
    with pytest.raises(UnreadableFile, match=said) as caught:
        read(path, wavelength="CuKa")
    assert "bad.dat" in str(caught.value)
    assert isinstance(caught.value, XorderError)


def test_a_file_too_large_for_memory_is_refused(write, monkeypatch):
    monkeypatch.setattr(opening, "LARGEST", 100)
    with pytest.raises(UnreadableFile, match="bytes; expected a powder pattern of at most 100"):
        read(write(fullprof(), "large.dat"), wavelength="CuKa")


def test_a_hole_of_a_file_is_not_loaded(tmp_path):
    path = tmp_path / "hole.raw"
    with path.open("wb") as file:
        file.truncate(2_000_000_000)
    with pytest.raises(UnreadableFile, match="2,000,000,000 bytes"):
        read(path, wavelength="CuKa")
