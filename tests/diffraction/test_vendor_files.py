"""XRDML, BRML, RAS and RASX: small files as the instruments write them, and broken ones."""

import io
import zipfile

import numpy as np
import pytest

from xorder.diffraction import read
from xorder.errors import UnreadableFile, XorderError

AXIS = 10 + 0.02 * np.arange(25)
COUNTS = np.round(500 + 300 * np.exp(-(((AXIS - 10.2) / 0.05) ** 2)))
FACTORS = np.where(COUNTS > 600, 10.0, 1.0)
DOUBLET = (1.5406, 1.5444)


def words(values):
    return " ".join(f"{value:g}" for value in values)


def xrdml(factors=None, axis="2Theta", counts=COUNTS, listed=False):
    place = f"<startPosition>{AXIS[0]}</startPosition><endPosition>{AXIS[-1]}</endPosition>"
    if listed:
        place = f"<listPositions>{' '.join(f'{a:.4f}' for a in AXIS)}</listPositions>"
    attenuation = (
        ""
        if factors is None
        else f"<beamAttenuationFactors>{words(factors)}</beamAttenuationFactors>"
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<xrdMeasurements xmlns="http://www.xrdml.com/XRDMeasurement/1.6"><xrdMeasurement>
<usedWavelength><kAlpha1>1.5406</kAlpha1><kAlpha2>1.5444</kAlpha2>
<ratioKAlpha2KAlpha1>0.5</ratioKAlpha2KAlpha1></usedWavelength>
<anodeMaterial>Cu</anodeMaterial>
<scan><dataPoints><positions axis="{axis}">{place}</positions>{attenuation}
<intensities unit="counts">{words(counts)}</intensities></dataPoints></scan>
</xrdMeasurement></xrdMeasurements>""".encode()


def zipped(**members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return stream.getvalue()


def brml(axes=("Theta", "TwoTheta"), columns=3, ranges=1):
    infos = "".join(f'<ScanAxisInfo AxisId="{axis}"/>' for axis in axes)
    table = np.column_stack([AXIS / 2, AXIS, COUNTS])[:, :columns]
    rows = "".join(f"<Datum>1,1,{','.join(f'{v:.4f}' for v in row)}</Datum>" for row in table)
    xml = f"""<RawData><DataRoutes><DataRoute>{infos}{rows}</DataRoute></DataRoutes><Tube>
<WaveLengthAlpha1 Value="1.5406"/><WaveLengthAlpha2 Value="1.5444"/><WaveLengthRatio Value="0.5"/>
<TubeMaterial>Cu</TubeMaterial></Tube></RawData>"""
    return zipped(**{f"Experiment0/RawData{i}.xml": xml for i in range(ranges)})


ROWS = "\r\n".join(
    f"{a:.4f} {c:.4f} {f:.4f}" for a, c, f in zip(AXIS, COUNTS, FACTORS, strict=True)
)


def ras(axis="TwoThetaTheta", rows=ROWS, end="*RAS_INT_END\r\n", kind="Ka"):
    return (
        f'*RAS_DATA_START\r\n*RAS_HEADER_START\r\n*HW_XG_TARGET_NAME "Cu"\r\n'
        f'*HW_XG_WAVE_LENGTH_ALPHA1 "1.5406"\r\n*HW_XG_WAVE_LENGTH_ALPHA2 "1.5444"\r\n'
        f'*MEAS_COND_XG_WAVE_TYPE "{kind}"\r\n*MEAS_SCAN_AXIS_X "{axis}"\r\n'
        f'*MEAS_SCAN_UNIT_Y "counts"\r\n*RAS_HEADER_END\r\n*RAS_INT_START\r\n{rows}\r\n{end}'
    ).encode()


CONDITIONS = """<Measurement><TargetName>Cu</TargetName><WaveType>Ka</WaveType>
<WavelengthKalpha1>1.5406</WavelengthKalpha1><WavelengthKalpha2>1.5444</WavelengthKalpha2>
</Measurement>"""


def rasx(rows=ROWS, conditions=CONDITIONS):
    members = {"Data0/Profile0.txt": "\ufeff" + rows}
    if conditions is not None:
        members["Data0/MesurementConditions0.xml"] = conditions
    return zipped(**members)


@pytest.fixture
def write(tmp_path):
    def made(content):
        path = tmp_path / "scan.bin"
        path.write_bytes(content)
        return path

    return made


@pytest.mark.parametrize(
    ("content", "attenuated"),
    [
        (xrdml(), False),
        (xrdml(listed=True), False),
        (xrdml(FACTORS), True),
        (brml(), False),
        (ras(), True),
        (rasx(), True),
    ],
    ids=["xrdml", "xrdml listed", "xrdml attenuated", "brml", "ras", "rasx"],
)
def test_angles_counts_absorber_and_doublet_come_from_the_file(write, content, attenuated):
    pattern = read(write(content))
    factors = FACTORS if attenuated else np.ones_like(COUNTS)
    assert pattern.two_theta == pytest.approx(AXIS)
    assert pattern.intensity == pytest.approx(COUNTS * factors)
    assert pattern.sigma == pytest.approx(np.sqrt(COUNTS) * factors)
    assert pattern.wavelength.wavelengths == DOUBLET
    assert any("both are taken" in note for note in pattern.notes)
    assert any("attenuation factors" in note for note in pattern.notes) == attenuated


def test_a_single_line_stays_single(write):
    assert read(write(ras(kind="Ka1"))).wavelength.wavelengths == (1.5406,)


def test_several_ranges_are_said(write):
    assert any("2 ranges" in note for note in read(write(brml(ranges=2))).notes)


def repeated_xrdml(factors):
    """A file of several scans, as a mesh or a repeated scan is."""
    one = xrdml().decode()
    start, end = one.index("<scan>"), one.index("</scan>") + len("</scan>")
    scans = [xrdml(counts=factor * COUNTS).decode()[start:] for factor in factors]
    scans = [text[: text.index("</scan>") + len("</scan>")] for text in scans]
    return (one[:start] + "".join(scans) + one[end:]).encode()


def repeated_ras(factors):
    text = ras().decode()
    start = text.index("*RAS_INT_START")
    blocks = []
    for factor in factors:
        rows = "\r\n".join(f"{a:.4f} {factor * c:.4f} 1" for a, c in zip(AXIS, COUNTS, strict=True))
        blocks.append(ras(rows=rows).decode()[start:])
    return (text[:start] + "".join(blocks)).encode()


@pytest.mark.parametrize("make", [repeated_xrdml, repeated_ras])
def test_any_scan_of_a_mesh_is_read_by_its_index(write, make):
    path = write(make((1, 2, 3)))
    for index in range(3):
        pattern = read(path, index=index)
        assert pattern.intensity == pytest.approx((index + 1) * COUNTS)
        said = "first" if index == 0 else f"one of index {index}"
        assert any(f"has 3 scans; the {said} was read" in note for note in pattern.notes)
    for index in (3, -1):
        with pytest.raises(UnreadableFile, match=f"no pattern {index} in it: it has 3 scans"):
            read(path, index=index)


def test_a_file_of_one_pattern_has_no_second(write):
    with pytest.raises(UnreadableFile, match="no pattern 1 in it"):
        read(write(rasx()), index=1)
    with pytest.raises(UnreadableFile, match="no pattern 1 in it: it has 1 ranges"):
        read(write(brml()), index=1)


def test_a_part_of_an_archive_too_large_for_memory_is_refused(write):
    """A ZIP file of a few kilobytes can say it holds gigabytes."""
    huge = zipped(**{"Data0/Profile0.txt": "0" * 120_000_000})
    assert len(huge) < 200_000
    with pytest.raises(UnreadableFile, match="would be 120,000,000 bytes"):
        read(write(huge))


BROKEN = {
    "xrdml cut": (xrdml()[:-40], "the XML is broken"),
    "xrdml of omega": (xrdml(axis="Omega"), "no scan in 2θ"),
    "xrdml words": (xrdml().replace(b"500 ", b"5oo ", 1), "intensities are not numbers"),
    "xrdml empty": (xrdml(counts=[]), "no intensities"),
    "xrdml factors": (xrdml(FACTORS[:3]), "3 attenuation factors for 25 points"),
    "xrdml negative": (xrdml(counts=-COUNTS), "negative"),
    "brml of phi": (brml(axes=("Phi",)), "scans Phi"),
    "brml without counts": (brml(columns=2), "columns"),
    "brml cut": (brml()[:-30], "binary"),
    "another zip": (zipped(**{"notes.txt": "hello"}), "binary"),
    "ras of omega": (ras(axis="Omega"), "it scans Omega"),
    "ras cut": (ras(end=""), "does not begin or end"),
    "ras words": (ras(rows=ROWS.replace("500.0", "5oo.0", 1)), "not of numbers"),
    "ras ragged": (ras(rows=ROWS + " 7"), "columns"),
    "rasx without conditions": (rasx(conditions=None), "there is no Data0/Mesurement"),
    "rasx empty": (rasx(rows=""), "has 0 lines"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_file_has_one_message(write, kind):
    content, match = BROKEN[kind]
    with pytest.raises(UnreadableFile, match=match) as caught:
        read(write(content), wavelength="CuKa")
    assert "scan.bin" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("seed", range(30))
def test_random_damage_never_escapes_as_another_error(write, seed):
    rng = np.random.default_rng(seed)
    damaged = bytearray([xrdml(FACTORS), brml(), ras(), rasx()][seed % 4])
    for _ in range(int(rng.integers(1, 12))):
        damaged[int(rng.integers(len(damaged)))] = int(rng.integers(256))
    said = ""
    try:
        finite = np.isfinite(read(write(bytes(damaged)), wavelength="CuKa").intensity).all()
    except XorderError as error:
        finite, said = True, str(error)
    assert finite
    assert "\n" not in said


@pytest.mark.parametrize(
    ("name", "points", "highest"),
    [
        ("panalytical_powder.xrdml", 5027, 100168.0),
        ("bruker_absorber.brml", 2001, 495559.8),
        ("rigaku_nims.ras", 3501, 4551.0),
        ("rigaku_powder.rasx", 2726, 1698.5085),
    ],
)
def test_measured_files_open_whole(shared, name, points, highest):
    pattern = read(shared("data", "diffraction", name))
    assert len(pattern.two_theta) == points
    assert pattern.intensity.max() == pytest.approx(highest)
    assert pattern.wavelength.wavelength == pytest.approx(1.5406, abs=1e-4)
