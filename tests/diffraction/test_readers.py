"""Files of every format, written by the tests, and files that are broken in many ways."""

import struct

import numpy as np
import pytest

from xorder.diffraction import read, read_instrument
from xorder.errors import BadInput, MissingFile, UnreadableFile, XorderError

AXIS = 10 + 0.02 * np.arange(25)
COUNTS = np.round(500 + 300 * np.exp(-(((AXIS - 10.2) / 0.05) ** 2)))
COUNTS[3] = 0


def lines(separator=" ", decimal=".", columns=2):
    table = np.column_stack([AXIS, COUNTS, np.sqrt(np.maximum(COUNTS, 1))])[:, :columns]
    text = "\n".join(separator.join(f"{value:.4f}" for value in row) for row in table)
    return text.replace(".", decimal) + "\n"


def std(counts=COUNTS, promised=None, kind="STD"):
    promised = len(counts) if promised is None else promised
    cells = [f"{int(value):8d}" for value in counts]
    rows = ["".join(cells[i : i + 10]).ljust(80) for i in range(0, len(cells), 10)]
    head = f"BANK 1 {promised} {len(rows)} CONST 1000.0 2.0 0 0 {kind}".ljust(80)
    return "\r\n".join(["a title".ljust(80), head, *rows]) + "\r\n"


@pytest.fixture
def write(tmp_path):
    def made(content, name="scan.xy"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return made


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (lines(), "scan.xy"),
        (lines("\t"), "scan.dat"),
        (lines(","), "scan.csv"),
        (lines(", "), "scan.csv"),
        (lines(";"), "scan.csv"),
        (lines(";", decimal=","), "scan.csv"),
        (lines("\t", decimal=","), "scan.txt"),
        (lines("  ", decimal=","), "scan.txt"),
        ("two_theta,intensity\n" + lines(","), "scan.csv"),
        ("# a comment\n! another\n\n" + lines(), "scan.prn"),
        ('"2Theta","I"\n' + lines('","').replace("\n", '"\n').replace("10.", '"10.'), "scan.csv"),
        ("sample 7\n40 kV 45 mA\n" + lines(), "scan.dat"),
        (lines().replace("\n", "\r\n"), "scan.prn"),
        ("\ufeff" + lines(), "scan.xy"),
        (std(), "scan.gsas"),
    ],
)
def test_columns_in_any_dress_are_the_same_pattern(write, content, name):
    pattern = read(write(content, name), wavelength="CuKa")
    assert pattern.two_theta == pytest.approx(AXIS)
    assert pattern.intensity == pytest.approx(COUNTS)
    assert pattern.sigma == pytest.approx(np.sqrt(np.maximum(COUNTS, 1)))
    assert pattern.name == "scan"
    assert pattern.metadata["format"]


@pytest.mark.parametrize(
    ("third", "name", "header", "is_sigma", "said"),
    [
        (0.5 * np.sqrt(COUNTS + 1e-9), "a.dat", "", True, "running as √I"),
        (np.full(25, 7.0), "a.xye", "", True, "ending .xye"),
        (np.full(25, 7.0), "a.dat", "2theta intensity esd\n", True, "its header"),
        (np.arange(25) + 1.0, "a.dat", "", False, "left out"),
        (COUNTS + 12.0, "a.dat", "", False, "left out"),
    ],
)
def test_the_third_column_is_decided_and_said(write, third, name, header, is_sigma, said):
    rows = "\n".join(
        f"{a:.3f} {b:.1f} {c:.5f}" for a, b, c in zip(AXIS, COUNTS, third, strict=True)
    )
    pattern = read(write(header + rows, name), wavelength="CuKa")
    expected = third if is_sigma else np.sqrt(np.maximum(COUNTS, 1))
    used = COUNTS > 0
    assert pattern.sigma[used] == pytest.approx(expected[used], abs=1e-4)
    assert any(said in note for note in pattern.notes)


def test_a_sigma_of_zero_without_counts_takes_the_smallest(write):
    text = lines(columns=3).replace("0.0000 1.0000", "0.0000 0.0000")
    pattern = read(write(text, "a.xye"), wavelength="CuKa")
    assert pattern.sigma[3] == pattern.sigma[COUNTS > 0].min()
    assert any("took" in note or "take the smallest" in note for note in pattern.notes)


def test_the_wavelength_of_the_header_is_used_and_an_argument_wins(write):
    path = write("# wavelength = 0.3497 A\n" + lines())
    assert read(path).wavelength.wavelength == 0.3497
    assert read(path, wavelength="MoKa").wavelength.name == "MoKa"


def test_fractional_counts_are_noted(write):
    path = write("\n".join(f"{a:.2f} {c / 7:.4f}" for a, c in zip(AXIS, COUNTS, strict=True)))
    assert any("not whole counts" in note for note in read(path, wavelength=1.0).notes)


def test_gsas_esd_and_fxye(write):
    sigma = np.sqrt(np.maximum(COUNTS, 1))
    pairs = [f"{c:8.1f}{s:8.3f}" for c, s in zip(COUNTS, sigma, strict=True)]
    rows = ["".join(pairs[i : i + 5]) for i in range(0, 25, 5)]
    esd = "\n".join(["title", "BANK 1 25 5 CONST 1000.0 2.0 0 0 ESD", *rows])
    fxye = "\n".join(
        ["title", "BANK 1 25 25 CONST 1000.0 2.0 0 0 FXYE"]
        + [f"{100 * a:.2f} {c:.1f} {s:.4f}" for a, c, s in zip(AXIS, COUNTS, sigma, strict=True)]
    )
    for text in (esd, fxye):
        pattern = read(write(text, "a.gsa"), wavelength="CuKa")
        assert pattern.two_theta == pytest.approx(AXIS)
        assert pattern.intensity == pytest.approx(COUNTS)
        assert pattern.sigma == pytest.approx(sigma, abs=1e-3)


def test_gsas_detectors_lower_sigma(write):
    text = std().replace("     500", " 4   500")
    pattern = read(write(text, "a.raw"), wavelength="CuKa")
    assert pattern.sigma[-1] == pytest.approx(np.sqrt(500 / 4))


def test_padding_at_the_end_is_kept_and_said(write):
    pattern = read(write(std(np.append(COUNTS, [0, 0])), "a.xra"), wavelength="CuKa")
    assert len(pattern.two_theta) == 27
    assert any("last 2 points, from 10.500°" in note for note in pattern.notes)


def bruker(points=25, version=b"RAW1.01\0"):
    content = bytearray(712 + 304 + 4 * points)
    content[:8] = version
    struct.pack_into("<I", content, 12, 1)
    content[608:610] = b"Cu"
    struct.pack_into("<5d", content, 616, 1.5418, 1.5406, 1.5444, 1.3922, 0.5)
    struct.pack_into("<2I", content, 712, 304, points)
    struct.pack_into("<2d", content, 720, 5.0, 10.0)
    struct.pack_into("<d", content, 712 + 176, 0.02)
    struct.pack_into("<f", content, 712 + 192, 1.0)
    content[712 + 304 :] = COUNTS[:points].astype("<f4").tobytes()
    return bytes(content)


def test_bruker_raw_brings_its_doublet(write):
    pattern = read(write(bruker(), "a.raw"))
    assert pattern.two_theta == pytest.approx(AXIS)
    assert pattern.intensity == pytest.approx(COUNTS)
    assert pattern.wavelength.wavelengths == (1.5406, 1.5444)
    assert pattern.wavelength.weights == pytest.approx((2 / 3, 1 / 3))


PRM = """INS   BANK      1
INS   HTYPE   PXCR
INS  1 ICONS  1.540500  1.544300       0.0         0       0.7    0       0.5
INS  1PRCF11   2.000000E+00  -2.000000E+00   5.000000E+00   0.100000E+00
"""


def test_an_instrument_file_gives_lines_polarization_and_widths(write):
    lines_, profile = read_instrument(write(PRM, "a.prm"))
    assert lines_.wavelengths == (1.5405, 1.5443)
    assert lines_.weights == pytest.approx((2 / 3, 1 / 3))
    assert lines_.polarization == 0.7
    assert profile.w == pytest.approx(5e-4 * 8 * np.log(2))


BROKEN = {
    "empty": (b"", "the file is empty"),
    "blank": (b" \n\n \n", "the file is empty"),
    "binary junk": (bytes(range(256)) * 20, "binary"),
    "one column": ("\n".join(f"{c:g}" for c in COUNTS), "1 column of numbers"),
    "prose": ("This is no pattern.\nNot at all.\n", "no columns of numbers"),
    "only comments": ("# nothing\n# here\n", "no columns of numbers"),
    "text in the middle": (lines() + "oops 12\n", "line 26: found 'oops 12'"),
    "a column lost": (lines(columns=3) + "10.6 5\n", "line 26.*3 numbers"),
    "nan row": (lines() + "10.50 nan\n", "intensity is nan at point 26"),
    "nan angle": (lines() + "nan 5\n", "two_theta is nan at point 26"),
    "descending": ("\n".join(reversed(lines().splitlines())), "does not increase"),
    "duplicate": (lines() + "10.4800 5\n", "does not increase.*point 26"),
    "beyond 180": (lines() + "181.0 5\n", "degrees below 180"),
    "all zero": ("\n".join(f"{a:.2f} 0" for a in AXIS), "every intensity is zero"),
    "negative counts": (lines() + "10.50 -3\n", "negative"),
    "q axis": ("q intensity\n" + lines(), "headed 'q intensity'"),
    "few points": ("1 2\n2 3\n3 4\n", "has 3 points"),
    "gsas truncated header": ("title\nBANK 1 25\n", "BANK line .* is cut short"),
    "gsas no number": ("title\nBANK 1 x 3 CONST 1000 2 0 0 STD\n", "no numbers where they belong"),
    "gsas points missing": (std(promised=100), "25 of the 100 points"),
    "gsas other kind": (std(kind="ALT"), "kind ALT"),
    "gsas time of flight": (std().replace("CONST", "LOG6 "), "binning LOG6"),
    "gsas letters": (std().replace("     500", "   5x0  "), "STD record cannot be read"),
    "bruker cut": (bruker()[:-20], "ends after"),
    "bruker head only": (bruker()[:500], "ends after 500 bytes"),
    "bruker version": (bruker(version=b"RAW4.01\0"), "version b'4.01'"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_file_has_one_message_with_its_name(write, kind):
    content, match = BROKEN[kind]
    path = write(content, "broken.dat")
    with pytest.raises(UnreadableFile, match=match) as caught:
        read(path, wavelength="CuKa")
    assert "broken.dat" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_missing_wavelength(write, tmp_path):
    with pytest.raises(MissingFile, match="no such file"):
        read(tmp_path / "nothing.xy", wavelength="CuKa")
    with pytest.raises(BadInput, match="names no wavelength"):
        read(write(lines()))


def test_a_bad_wavelength_is_said_before_the_file_is_read(tmp_path, write):
    with pytest.raises(BadInput, match="no radiation 'Unobtainium'"):
        read(write(lines()), wavelength="Unobtainium")


@pytest.mark.parametrize(
    "content", ["", "INS  1 ICONS\n", "nonsense", PRM.replace("1.540500", "15405.0")]
)
def test_a_broken_instrument_file_is_refused(write, content):
    with pytest.raises(UnreadableFile):
        read_instrument(write(content, "a.prm"))
    with pytest.raises(MissingFile):
        read_instrument("nowhere.prm")


@pytest.mark.parametrize("seed", range(30))
def test_random_damage_never_escapes_as_another_error(write, seed):
    rng = np.random.default_rng(seed)
    whole = [lines().encode(), std().encode(), bruker(), lines(";", ",", 3).encode()][seed % 4]
    damaged = bytearray(whole)
    for _ in range(int(rng.integers(1, 30))):
        damaged[int(rng.integers(len(damaged)))] = int(rng.integers(256))
    path = write(bytes(damaged[: int(rng.integers(len(damaged)))]), "damaged.dat")
    said = ""
    try:
        finite = np.isfinite(read(path, wavelength="CuKa").intensity).all()
    except XorderError as error:
        finite, said = True, str(error)
    assert finite
    assert "\n" not in said
