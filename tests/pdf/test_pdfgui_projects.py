"""Projects of PDFgui: read as inert data, and refined again."""

import io
import json
import math
import os
import pickle
import sys
import types
import zipfile

import numpy as np
import pytest

from xorder import pdf
from xorder.cli import main
from xorder.errors import XorderError
from xorder.figures import drawing
from xorder.pdf.pdfgui_fits import inputs_from_project, refine_from_project
from xorder.pdf.readers.pdfgui_project import read_project, write_project_files
from xorder.pdf.readers.pickles import Unreadable, attributes, plain_from_pickle

FACES = [(0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)]
R = 0.02 * np.arange(1, 601)


@pytest.fixture
def written_by(monkeypatch):
    """The two classes PDFgui pickles, under the names it pickles them by."""
    made = {}
    for module, name in (("parameter", "Parameter"), ("constraint", "Constraint")):
        path = f"diffpy.pdfgui.control.{module}"
        kind = type(name, (), {"__module__": path})
        place = types.ModuleType(path)
        setattr(place, name, kind)
        monkeypatch.setitem(sys.modules, path, place)
        made[name] = kind
    for parent in ("diffpy.pdfgui", "diffpy.pdfgui.control"):
        monkeypatch.setitem(sys.modules, parent, types.ModuleType(parent))
    return types.SimpleNamespace(**made)


def constraints(written_by, formulas):
    found = {}
    for variable, formula in formulas.items():
        one = written_by.Constraint()
        one.__dict__.update(_Constraint__lhs=None, parguess={}, formula=formula)
        found[variable] = one
    return found


def parameters(written_by, values):
    found = {}
    for index, (value, refined, fixed) in values.items():
        one = written_by.Parameter()
        one.__dict__.update(
            idx=index, name="", refined=refined, fixed=fixed, _Parameter__initial=value,
            _Parameter__fitrepr=None,
        )  # fmt: skip
        found[index] = one
    return found


def nickel(a=3.53, u=0.006):
    lines = ["title  Ni", "format pdffit", "scale   1.0", "sharp   1.5, 0.0, 1.0, 0.0",
             "spcgr   Fm-3m", f"cell   {a}, {a}, {a}, 90.0, 90.0, 90.0",
             "dcell  0, 0, 0, 0, 0, 0", "ncell  1, 1, 1, 4", "atoms"]  # fmt: skip
    for x, y, z in FACES:
        lines += [f"NI  {x} {y} {z} 1.0", "0 0 0 0", f"{u} {u} {u}", "0 0 0", "0 0 0", "0 0 0"]
    return "\n".join(lines) + "\n"


def observed(made, radiation="xray", scale=0.8):
    data = pdf.calculate_gr(
        made.nickel(), r=R, q_max=22.0, qdamp=0.03, uiso=0.005, delta2=2.0, scale=scale,
        radiation=radiation,
    )  # fmt: skip
    letter = "X  x-ray" if radiation == "xray" else "N  neutron"
    head = ["History written: Mon Jan  1 00:00:00 2024", "produced by somebody", "##### PDFgui",
            f"stype={letter} scattering", "qmax=22.00", "qdamp=0.03", "qbroad=0", "dscale=1",
            "##### start data", "#L r(A) G(r) d_r d_Gr"]  # fmt: skip
    rows = [f"{x:.6g} {y:.9g} 0 0" for x, y in zip(data.r, data.gr, strict=True)]
    return "\n".join(head + rows) + "\n"


STRUCTURE = {
    "lat(1)": "@1", "lat(2)": "@1", "lat(3)": "@1", "delta2": "@4",
    **{f"u{c}({i})": "@2" for i in range(1, 5) for c in ("11", "22", "33")},
}  # fmt: skip


@pytest.fixture
def project(made, tmp_path, written_by):
    """A project as PDFgui saves it, of one data set or of X-rays and neutrons."""

    def save(*, sets=("xray",), protocol=4, replace=None):
        path = tmp_path / "my work.ddp3"
        dump = {"protocol": protocol}
        values = {1: (3.55, 3.524, False), 2: (0.008, None, False), 4: (1.0, None, False)}
        members = {
            "journal": "notes",
            "fits": "fit one",
            "fit+one/structure/Ni.stru/initial": nickel(),
            "fit+one/structure/Ni.stru/refined": nickel(a=3.524, u=0.005),
            "fit+one/structure/Ni.stru/selected_pairs": "all-all",
            "fit+one/structure/Ni.stru/sgoffset": "0 0 0",
            "fit+one/structure/Ni.stru/constraints": pickle.dumps(
                constraints(written_by, STRUCTURE), **dump
            ),
            "fit+one/result": pickle.dumps((0.05, "text of the result"), **dump),
        }
        for k, radiation in enumerate(sets):
            folder = f"fit+one/dataset/{radiation}.gr"
            members[f"{folder}/obs"] = observed(made, radiation, scale=0.8 - 0.2 * k)
            content = {
                "rcalc": [], "Gcalc": [], "dGcalc": [], "fitrmin": np.float64(1.8),
                "fitrmax": 11.0, "fitrstep": 0.02,
                "initial": {"dscale": 0.5, "qdamp": 0.03, "qbroad": 0.0}, "refined": {},
            }  # fmt: skip
            members[f"{folder}/calc"] = pickle.dumps(content, **dump)
            members[f"{folder}/constraints"] = pickle.dumps(
                constraints(written_by, {"dscale": f"@{20 + k}"}), **dump
            )
            values[20 + k] = (0.5, None, False)
        members["fit+one/parameters"] = pickle.dumps(parameters(written_by, values), **dump)
        members |= replace or {}
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members.items():
                if content is not None:
                    archive.writestr(f"my work/{name}", content)
        return path

    return save


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_everything_of_a_project_is_there(project, protocol):
    found = read_project(project(protocol=protocol))
    (fit,) = found.fits
    assert fit.name == "fit one"
    assert fit.r_w == 0.05
    (phase,) = fit.phases
    assert phase.structure.crystal.cell[0] == 3.53
    assert phase.refined.crystal.cell[0] == 3.524
    assert phase.constraints["lat(2)"] == "@1"
    (one,) = fit.datasets
    assert one.r_range == (1.8, 11.0)
    assert one.scale == 0.5
    assert (one.measured.q_max, one.measured.qdamp, one.measured.radiation) == (22, 0.03, "xray")
    assert fit.parameters[1].value == 3.55
    assert fit.parameters[1].refined == 3.524
    assert math.isnan(fit.parameters[2].refined)
    for text in ("fit one", "@1 = 3.55, refined 3.524", "lat(1) = @1", "1.8 to 11 Å"):
        assert text in found.describe()


def test_a_refinement_from_a_project_finds_the_truth(project):
    fit = refine_from_project(read_project(project()).fits[0], convention="xorder")
    assert fit.success
    assert fit.r_w < 5e-3
    assert fit.parameters["a"].value == pytest.approx(3.524, abs=1e-4)
    assert fit.parameters["b"].value == fit.parameters["a_p1"].value
    assert fit.parameters["uiso_Ni"].value == pytest.approx(0.005, rel=1e-2)
    assert fit.parameters["delta2"].value == pytest.approx(2.0, rel=0.05)
    assert fit.parameters["scale"].value == pytest.approx(0.8, rel=1e-2)
    assert fit.parameters["alpha"].value == 90.0
    assert fit.fit.nvarys == 4


def test_the_convention_of_pdfgui_is_the_default(project):
    # It cuts at Qmax on its own grid, so that data of the exact convention leave a rest.
    fit = refine_from_project(read_project(project()).fits[0])
    assert fit.options.convention == "pdffit2"
    assert fit.parameters["a"].value == pytest.approx(3.524, abs=1e-3)


def test_xrays_and_neutrons_of_a_project_share_the_structure(project):
    found = read_project(project(sets=("xray", "neutron"))).fits[0]
    fit = refine_from_project(found, convention="xorder")
    assert fit.success
    assert set(fit.sets) == {"xray", "neutron"}
    assert fit.parameters["a"].value == pytest.approx(3.524, abs=1e-4)
    assert fit.parameters["scale_xray"].value == pytest.approx(0.8, rel=1e-2)
    assert fit.parameters["scale_neutron"].value == pytest.approx(0.6, rel=1e-2)


def test_a_fixed_parameter_stays(project, written_by):
    values = {1: (3.53, None, True), 2: (0.008, None, False), 4: (1.0, None, False),
              20: (0.5, None, False)}  # fmt: skip
    content = pickle.dumps(parameters(written_by, values))
    path = project(replace={"fit+one/parameters": content})
    inputs = inputs_from_project(read_project(path).fits[0])
    assert not inputs.parameters["a_p1"].vary
    assert inputs.parameters["a"].expr == "a_p1"


def test_a_formula_of_several_parameters_is_kept(project, written_by):
    formulas = STRUCTURE | {"lat(3)": "2 * @1 - @2"}
    content = pickle.dumps(constraints(written_by, formulas))
    path = project(replace={"fit+one/structure/Ni.stru/constraints": content})
    inputs = inputs_from_project(read_project(path).fits[0])
    assert inputs.parameters["c"].expr == "2 * a_p1 - uiso_p2"


def test_displacements_that_differ_along_axes_are_refined_as_tensors(project, written_by):
    formulas = STRUCTURE | {"u33(1)": "@5"}
    values = {1: (3.53, None, False), 2: (0.006, None, False), 4: (1.0, None, False),
              5: (0.005, None, True), 20: (0.5, None, False)}  # fmt: skip
    path = project(
        replace={
            "fit+one/structure/Ni.stru/constraints": pickle.dumps(
                constraints(written_by, formulas)
            ),
            "fit+one/parameters": pickle.dumps(parameters(written_by, values)),
        }
    )
    inputs = inputs_from_project(read_project(path).fits[0])
    assert inputs.options.displacements == "anisotropic"
    assert inputs.parameters["u33_Ni1"].expr == "uiso_p5"
    assert inputs.parameters["u11_Ni1"].expr == "uiso_p2"
    fit = refine_from_project(read_project(path).fits[0], convention="xorder")
    assert fit.r_w < 5e-3


def test_a_start_from_another_fit_is_followed(project, written_by):
    values = {1: ("=fit one:2", None, False), 2: (3.5, 3.52, False), 3: ("=gone:1", None, False)}
    path = project(replace={"fit+one/parameters": pickle.dumps(parameters(written_by, values))})
    found = read_project(path)
    assert found.fits[0].parameters[1].value == 3.52
    assert any("@3 starts from 'gone:1'" in message for message in found.messages)


def test_parts_of_a_project_are_written_as_files(project, tmp_path):
    written = write_project_files(read_project(project()), tmp_path / "out")
    assert {path.suffix for path in written} == {".gr", ".stru"}
    by_suffix = {path.suffix: path for path in written}
    assert pdf.read(by_suffix[".gr"]).q_max == 22
    assert pdf.read_stru(by_suffix[".stru"]).crystal.cell[0] == 3.53


def test_a_project_is_refined_from_the_command_line(project, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(drawing._STYLE, "savefig.dpi", 40)
    path = str(project())
    assert main(["pdf", "info", path]) == 0
    assert "Ni4 in the cell" in capsys.readouterr().out
    assert main(["pdf", "convert", path, "--out", str(tmp_path / "files")]) == 0
    assert {p.suffix for p in (tmp_path / "files").iterdir()} == {".gr", ".stru"}
    assert main(["pdf", "refine", path, "--out", str(tmp_path / "found")]) == 0
    (record,) = (tmp_path / "found").glob("*.json")
    rows = {row["name"]: row for row in json.loads(record.read_text(encoding="utf-8"))["numbers"]}
    assert rows["a"]["value"] == pytest.approx(3.524, abs=1e-3)
    assert rows["uiso_p2"]["stderr"] > 0
    assert list((tmp_path / "found").glob("*.png"))


@pytest.mark.reference
def test_a_project_that_pdfgui_wrote_and_refined(shared, tmp_path):
    control = pytest.importorskip("diffpy.pdfgui.control.pdfguicontrol")
    constraint = pytest.importorskip("diffpy.pdfgui.control.constraint").Constraint
    start = tmp_path / "ni.stru"
    start.write_text(nickel(), encoding="utf-8")
    center = control.pdfguicontrol()
    fitting = center.newFitting("Ni fit")
    phase = center.loadStructure(fitting, str(start))
    data = center.loadDataset(fitting, str(shared("data", "pdf", "Ni-xray.gr")))
    data.fitrmin, data.fitrmax, data.qdamp = 1.7, 20.0, 0.05
    phase.constraints.update({key: constraint(text) for key, text in STRUCTURE.items()})
    data.constraints.update({"dscale": constraint("@20"), "qdamp": constraint("@21")})
    fitting.updateParameters()
    fitting.run()
    center.save(str(tmp_path / "real.ddp3"))
    found = read_project(tmp_path / "real.ddp3").fits[0]
    assert found.parameters[1].refined == pytest.approx(fitting.parameters[1].refined)
    ours = refine_from_project(found)
    assert ours.r_w < fitting.rw + 1e-4
    assert ours.parameters["a"].value == pytest.approx(found.parameters[1].refined, abs=2e-5)


class Evil:
    """Runs a command where it is unpickled carelessly."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize("part", ["fit+one/parameters", "fit+one/result",
                                  "fit+one/dataset/xray.gr/calc",
                                  "fit+one/structure/Ni.stru/constraints"])  # fmt: skip
def test_nothing_in_a_project_is_run(project, tmp_path, protocol, part):
    mark = tmp_path / "was_run"
    content = pickle.dumps({1: Evil(mark)}, protocol=protocol)
    with pytest.raises(XorderError, match="wants to call"):
        read_project(project(replace={part: content}))
    assert not mark.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"cbuiltins\neval\n(S'1+1'\ntR.",
        b"cos\nsystem\n(S'true'\ntR.",
        b"(S'true'\nios\nsystem\n.",
        b"cxorder.errors\nBadInput\n.",
        b"cdiffpy.pdfgui.control.parameter\nevil\n.",
        b"c__main__\nParameter\n.",
        b"\x80\x04\x8c\x08builtins\x8c\x07getattr\x93.",
        b"Pother\n.",
        b"\x80\x04",
        b"",
        b"plain text",
        b"cnumpy.testing\nrundocs\n.",
        b"cnumpy\nscalar\n}S'__init__'\nI1\nsb.",
    ],
)
def test_a_pickle_that_wants_more_is_refused(content):
    with pytest.raises(Unreadable):
        plain_from_pickle(content)


def test_what_a_pickle_does_to_a_class_ends_with_it():
    name = b"cdiffpy.pdfgui.control.parameter\nParameter\n"
    with pytest.raises(Unreadable):
        plain_from_pickle(name + b"}S'kept'\nI1\nsb.")
    found = plain_from_pickle(name + b")\x81}S'idx'\nI7\nsb.")
    assert attributes(found) == {"idx": 7}


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"fit+one/dataset/xray.gr/obs": None}, "no part"),
        ({"fit+one/structure/Ni.stru/initial": "nothing"}, "atoms"),
        ({"fit+one/dataset/xray.gr/obs": "nothing"}, "no row of numbers"),
        ({"fit+one/parameters": b"\x00\x01"}, "damaged"),
    ],
)
def test_a_project_with_a_part_missing_is_said(project, parts, message):
    with pytest.raises(XorderError, match=message):
        read_project(project(replace=parts))


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04broken"])
def test_what_is_no_project_is_said(tmp_path, content):
    path = tmp_path / "bad.ddp3"
    path.write_bytes(content)
    with pytest.raises(XorderError, match="ZIP"):
        read_project(path)
    with pytest.raises(XorderError, match="no such file"):
        read_project(tmp_path / "none.ddp3")


def test_an_empty_archive_is_no_project(tmp_path):
    path = tmp_path / "empty.ddp3"
    content = io.BytesIO()
    zipfile.ZipFile(content, "w").close()
    path.write_bytes(content.getvalue())
    with pytest.raises(XorderError, match="no fit"):
        read_project(path)


def test_damaged_bytes_are_one_clear_message_or_nothing(project, tmp_path):
    whole = project().read_bytes()
    path = tmp_path / "damaged.ddp3"
    rng = np.random.default_rng(0)
    said = []
    for _ in range(60):
        content = bytearray(whole)
        for at in rng.integers(0, len(content), 4):
            content[at] = rng.integers(256)
        path.write_bytes(content)
        try:
            read_project(path)
        except XorderError as error:
            said.append(str(error))
    assert len(said) > 20
    assert all("damaged.ddp3" in message for message in said)
