"""Trajectory files: what is written is read, compared with ASE, and damage is named by its line."""

import math

import numpy as np
import pytest

from xorder.errors import BadInput, MissingFile, UnreadableFile
from xorder.pdf.trajectories import Frame, frame_from_crystal, read_frames

LATTICE = np.array([[9.0, 0.0, 0.0], [2.0, 8.0, 0.0], [-1.5, 2.5, 10.0]])
ELEMENTS = np.array(["Na", "Ta", "Cl", "Cl", "Cl"])
XYZ = np.random.default_rng(1).uniform(size=(3, 5, 3))


def xdatcar(frames=XYZ, lattices=(LATTICE,), symbols="Na Ta Cl", scale=1.0):
    rows = []
    for k, xyz in enumerate(frames):
        if k < len(lattices):
            rows += ["simulated", f"{scale}", *(" ".join(map(str, v)) for v in lattices[k])]
            rows += [symbols, "1 1 3"]
        rows.append(f"Direct configuration= {k + 1:5d}")
        rows += [" ".join(f"{x:.12f}" for x in point) for point in xyz]
    return "\n".join(rows) + "\n"


def extxyz(frames=XYZ, comment=None):
    cell = " ".join(map(str, LATTICE.ravel()))
    comment = comment or (
        f'Lattice="{cell}" Properties=species:S:1:forces:R:3:pos:R:3 energy=-1.0 pbc="T T T"'
    )
    rows = []
    for xyz in frames:
        rows += [str(len(xyz)), comment]
        for element, point in zip(ELEMENTS, xyz @ LATTICE, strict=True):
            rows.append(f"{element} 0 0 0 " + " ".join(f"{x:.12f}" for x in point))
    return "\n".join(rows) + "\n"


def dump(columns="id type xs ys zs", bounds="xy xz yz pp pp pp", frames=XYZ, shift=0.0):
    xy, xz, yz = LATTICE[1, 0], LATTICE[2, 0], LATTICE[2, 1]
    rows = []
    for k, xyz in enumerate(frames):
        low = shift + np.array([min(0, xy, xz, xy + xz), min(0, yz), 0.0])
        high = shift + np.diag(LATTICE) + [max(0, xy, xz, xy + xz), max(0, yz), 0.0]
        rows += ["ITEM: TIMESTEP", str(100 * k), "ITEM: NUMBER OF ATOMS", str(len(xyz))]
        rows += [f"ITEM: BOX BOUNDS {bounds}"]
        rows += [f"{a} {b} {t}" for a, b, t in zip(low, high, (xy, xz, yz), strict=True)]
        rows.append(f"ITEM: ATOMS {columns}")
        cartesian = xyz @ LATTICE + shift
        for i in (3, 0, 4, 2, 1):
            point = xyz[i] if "xs" in columns else cartesian[i]
            kind = ELEMENTS[i] if "element" in columns else {"Na": 1, "Ta": 2, "Cl": 3}[ELEMENTS[i]]
            rows.append(f"{i + 1} {kind} " + " ".join(f"{x:.12f}" for x in point))
    return "\n".join(rows) + "\n"


def data(style="atomic", masses="1 22.9898\n2 180.948\n3 35.45 # Cl"):
    before = {"atomic": "", "charge": "0.5 ", "molecular": "", "full": "0.5 "}[style]
    rows = [
        "simulated", "", "5 atoms", "3 atom types", "", "0.0 9.0 xlo xhi", "0.0 8.0 ylo yhi",
        "0.0 10.0 zlo zhi", "2.0 -1.5 2.5 xy xz yz", "", "Masses", "", masses, "",
        f"Atoms # {style}", "",
    ]  # fmt: skip
    for i in (1, 0, 2, 4, 3):
        kind = {"Na": 1, "Ta": 2, "Cl": 3}[ELEMENTS[i]]
        molecule = "7 " if style in ("molecular", "full") else ""
        point = " ".join(f"{x:.12f}" for x in XYZ[0, i] @ LATTICE)
        rows.append(f"{i + 1} {molecule}{kind} {before}{point}")
    return "\n".join([*rows, "", "Velocities", "", "1 0 0 0"]) + "\n"


FILES = {
    "XDATCAR": xdatcar(),
    "run.extxyz": extxyz(),
    "run.dump": dump("id element xs ys zs"),
    "shifted.lammpstrj": dump("id element x y z", shift=3.0),
    "unwrapped.dump": dump("id element xu yu zu"),
}


@pytest.mark.parametrize("name", FILES)
def test_every_format_gives_the_same_frames(tmp_path, name):
    path = tmp_path / name
    path.write_text(FILES[name])
    frames = read_frames(path)
    assert len(frames) == 3
    for frame, xyz in zip(frames, XYZ, strict=True):
        expected = xyz @ LATTICE + (3.0 if name.startswith("shifted") else 0.0)
        np.testing.assert_allclose(frame.positions, expected, atol=1e-9)
        np.testing.assert_allclose(frame.lattice, LATTICE)
        assert frame.elements.tolist() == ELEMENTS.tolist()


@pytest.mark.reference
@pytest.mark.parametrize(
    ("name", "text", "form"),
    [
        ("XDATCAR", xdatcar(), "vasp-xdatcar"),
        ("a.extxyz", extxyz(), "extxyz"),
        ("a.dump", dump("id element xs ys zs"), "lammps-dump-text"),
    ],
)
def test_frames_are_those_of_ase(tmp_path, name, text, form):
    ase_io = pytest.importorskip("ase.io")
    path = tmp_path / name
    path.write_text(text)
    for ours, theirs in zip(
        read_frames(path), ase_io.read(path, index=":", format=form), strict=True
    ):
        assert ours.elements.tolist() == theirs.get_chemical_symbols()
        np.testing.assert_allclose(
            np.linalg.inv(ours.lattice.T) @ ours.positions.T % 1.0,
            np.linalg.inv(theirs.cell.array.T) @ theirs.get_positions().T % 1.0,
            atol=1e-7,
        )
        np.testing.assert_allclose(ours.lattice, theirs.cell.array, atol=1e-9)


def test_a_changing_cell_is_read_frame_by_frame(tmp_path):
    path = tmp_path / "XDATCAR_npt"
    path.write_text(xdatcar(lattices=(LATTICE, 1.1 * LATTICE, LATTICE)))
    volumes = [frame.volume for frame in read_frames(path)]
    assert volumes[1] / volumes[0] == pytest.approx(1.1**3)


def test_a_negative_scale_is_the_volume(tmp_path):
    path = tmp_path / "XDATCAR"
    path.write_text(xdatcar(scale=-500.0))
    assert read_frames(path)[0].volume == pytest.approx(500.0)


def test_symbols_of_potentials_lose_their_suffix(tmp_path):
    path = tmp_path / "XDATCAR"
    path.write_text(xdatcar(symbols="Na_pv Ta_sv Cl/1234"))
    assert read_frames(path)[0].elements.tolist() == ELEMENTS.tolist()


@pytest.mark.parametrize("style", ["atomic", "charge", "molecular", "full"])
def test_data_files_of_every_style(tmp_path, style):
    path = tmp_path / "box.data"
    path.write_text(data(style))
    (frame,) = read_frames(path)
    np.testing.assert_allclose(frame.positions, XYZ[0] @ LATTICE, atol=1e-9)
    np.testing.assert_allclose(frame.lattice, LATTICE)
    assert frame.elements.tolist() == ELEMENTS.tolist()


def test_types_take_the_elements_that_are_given(tmp_path):
    path = tmp_path / "run.dump"
    path.write_text(dump())
    assert read_frames(path, elements=("K", "Nb", "Br"))[0].elements[1] == "Nb"
    with pytest.raises(UnreadableFile, match="types go from 1 to 3, elements are given for 0"):
        read_frames(path)


def test_frames_can_be_left_out(tmp_path):
    path = tmp_path / "XDATCAR"
    path.write_text(xdatcar())
    assert [frame.step for frame in read_frames(path, first=1)] == [1, 2]
    assert [frame.step for frame in read_frames(path, every=2)] == [0, 2]
    with pytest.raises(BadInput, match="no frame is left"):
        read_frames(path, first=9)
    with pytest.raises(BadInput, match="every = 0"):
        read_frames(path, every=0)


def test_plain_xyz_is_a_cluster(tmp_path):
    path = tmp_path / "cluster.xyz"
    path.write_text("2\nno box\nTa 0 0 0\nCl 0 0 2.4\n")
    (frame,) = read_frames(path)
    assert frame.lattice is None
    assert math.isnan(frame.volume)


def test_a_cif_is_a_box(tmp_path, made):
    box = frame_from_crystal(made.nickel(), repeat=(2, 3, 1))
    assert len(box.positions) == 24
    assert box.volume == pytest.approx(6 * 3.524**3)
    with pytest.raises(BadInput, match=r"site Zr1 has the occupancy 0\.3"):
        frame_from_crystal(made.skewed())
    with pytest.raises(BadInput, match="repeat"):
        frame_from_crystal(made.nickel(), repeat=(0, 1, 1))


LINES = xdatcar().splitlines()
DUMP = dump("id element xs ys zs")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("XDATCAR", "", "the file is empty"),
        ("XDATCAR", "\n".join(LINES[:-2]), "line 23: the file ends 2 lines before"),
        ("XDATCAR", "\n".join(LINES[:5]), "the file ends"),
        ("XDATCAR", xdatcar().replace("Direct", "Cartesian", 1), "line 8: 'Cartesian"),
        ("XDATCAR", xdatcar(symbols="Na Ta"), "for the elements"),
        ("XDATCAR", xdatcar(symbols="Na Ta Xx"), "no element 'Xx'"),
        ("XDATCAR", xdatcar().replace("0.", "0,", 30), "expected"),
        ("XDATCAR", "\n".join([*LINES[:9], "0.1 0.2", *LINES[10:]]), "line 10: '0.1 0.2'"),
        ("XDATCAR", "\n".join([*LINES[:9], "nan 0.2 0.1", *LINES[10:]]), "atom 2 of frame 0"),
        ("XDATCAR", xdatcar(lattices=(LATTICE * [1, 1, 0],)), "span no volume"),
        ("a.xyz", "many\n", "line 1: 'many'"),
        ("a.xyz", "0\n\n", "line 1: '0'"),
        ("a.xyz", "3\n\nTa 0 0 0\n", "the file ends 2 lines before"),
        ("a.xyz", "1\n\nTa 0 0\n", "line 3: 'Ta 0 0'"),
        ("a.xyz", "1\n\nTa 0 0 inf\n", "atom 1 of frame 0"),
        ("a.xyz", "1\n\nQq 0 0 0\n", "no element 'Qq'"),
        ("a.xyz", '1\nLattice="1 2 3"\nTa 0 0 0\n', "nine numbers"),
        ("a.xyz", '1\nLattice="9 0 0 0 9 0 0 0 9" pbc="T T F"\nTa 0 0 0\n', "all three directions"),
        ("a.xyz", "1\nProperties=species:S:1\nTa 0 0 0\n", "species and pos"),
        ("a.xyz", "1\nProperties=species:S\nTa 0 0 0\n", "triples"),
        ("a.dump", DUMP.replace("xs ys", "xs q"), "columns id element xs q zs"),
        ("a.dump", DUMP.replace("element ", "shape "), "element or type"),
        ("a.dump", DUMP.replace("pp pp pp", "pp pp ff"), "periodic in all directions"),
        ("a.dump", DUMP[: len(DUMP) // 2], "expected"),
        ("a.dump", "hello\n", "line 1: 'hello'"),
        ("a.data", data().replace("5 atoms", "many"), "no number of atoms"),
        ("a.data", data().replace("xlo xhi", "xlo"), "xlo xhi"),
        ("a.data", data(masses="1 22.99\n2 180.9\n3 1000.0"), "a mass of 1000"),
        ("a.data", data().replace("Masses", "Sizes"), "no masses"),
        ("a.data", data().split("Atoms")[0], "no section Atoms"),
        ("a.txt", "some words\nof no format\n", "no known format"),
    ],
)
def test_damaged_files_are_named(tmp_path, name, text, message):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(BadInput, match=message) as caught:
        read_frames(path)
    assert str(path) in str(caught.value)


def test_binary_junk_and_missing_files_are_said(tmp_path):
    path = tmp_path / "a.dump"
    path.write_bytes(bytes(range(256)) * 9)
    with pytest.raises(UnreadableFile, match="no text file"):
        read_frames(path)
    with pytest.raises(MissingFile):
        read_frames(tmp_path / "nowhere.xyz")


@pytest.mark.parametrize("text", [xdatcar(), extxyz(), dump("id element x y z"), data("full")])
def test_the_first_lines_tell_the_format(tmp_path, text):
    path = tmp_path / "model"
    path.write_text(text)
    assert len(read_frames(path)) in (1, 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"positions": np.zeros((0, 3))}, "at least one atom"),
        ({"positions": np.zeros(3)}, "at least one atom"),
        ({"elements": np.array(["Na"])}, "1 elements for 2 positions"),
        ({"positions": np.array([[0, 0, 0], [1, math.nan, 0]])}, "atom 2"),
        ({"elements": np.array(["Na", "Xy"])}, "no element 'Xy'"),
        ({"lattice": np.eye(2)}, "three finite vectors"),
        ({"lattice": np.eye(3) * math.nan}, "three finite vectors"),
        ({"lattice": np.ones((3, 3))}, "span no volume"),
    ],
)
def test_impossible_frames_are_refused(change, message):
    good = {"positions": np.eye(3)[:2], "elements": np.array(["Na", "Cl"]), "lattice": np.eye(3)}
    with pytest.raises(BadInput, match=message):
        Frame(**(good | change))
