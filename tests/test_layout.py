"""The house as the architecture describes it: folders, arrows, what an import costs."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = {
    "xorder": ROOT / "src" / "xorder",
    "xorder.xas": ROOT / "xas",
    "xorder.diffraction": ROOT / "diffraction",
    "xorder.pdf": ROOT / "pdf",
    "xorder.reference_spectra": ROOT / "reference_spectra",
}
PROBES = ("xas", "diffraction", "pdf")

#: Rooms from the bottom up: a room imports from its own level and those below.
LEVELS = [
    {"_version", "errors", "folders", "threads"},
    {"nexus", "hdf5"},
    {"store"},
    {"results"},
    {"parameters", "stored", "fitting", "posterior", "element_tables", "scattering", "cif",
     "cif_sites", "deposits", "freedom", "symmetry", "structure", "structure_checks", "neighbors",
     "structure_bridges", "structure_report", "reference_spectra"},
    {"references", "spectrum_library"},
    set(PROBES),
    {"manifest", "series", "measures", "agreement", "amorphization", "figures",
     "counting", "scan_readings", "repeats", "arrivals"},
    {"ledger", "lock", "workers"},
    {"sample_analysis"},
    {"batch"},
    {"together"},
    {"run", "run_tables", "example"},
    {"watch", "live_page", "live_server"},
    {"amorphous_packing", "digital_scattering", "digital_signals", "digital_series"},
    {"redraw"},
    {"report"},
    {"console"},
    {"commands"},
    {"cli"},
]  # fmt: skip

#: Import names that only plots, readers, the store and the command line may load.
OUTWARD = {"matplotlib", "h5py", "cyclopts", "rich", "pydantic", "plotly"}


def modules() -> dict[str, Path]:
    found = {}
    for package, folder in FOLDERS.items():
        for path in folder.rglob("*.py"):
            parts = path.relative_to(folder).with_suffix("").parts
            if package == "xorder" and parts[0] in (*PROBES, "reference_spectra"):
                continue
            found[".".join([package, *(p for p in parts if p != "__init__")])] = path
    return found


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def level(name: str) -> int:
    for number, rooms in enumerate(LEVELS):
        if name in rooms:
            return number
    raise AssertionError(f"the room {name!r} has no level: add it to LEVELS and to architecture.md")


def test_packages_listed_are_the_packages_there():
    with (ROOT / "pyproject.toml").open("rb") as file:
        listed = tomllib.load(file)["tool"]["setuptools"]["packages"]
    there = {name for name, path in modules().items() if path.name == "__init__.py"}
    assert set(listed) == there


def test_no_folder_named_xorder_at_the_root():
    assert not (ROOT / "xorder").exists()


@pytest.mark.parametrize("probe", PROBES)
def test_a_probe_folder_cannot_be_imported_under_its_bare_name(probe):
    done = subprocess.run(
        [sys.executable, "-c", f"import {probe}"], cwd=ROOT, capture_output=True, text=True
    )
    assert f"write `import xorder.{probe}`" in done.stderr


@pytest.mark.parametrize("module", sorted(modules()))
def test_arrows_point_one_way(module):
    if module == "xorder":
        return
    for name in imported(modules()[module]):
        if not name.startswith("xorder.") or room(name) == room(module):
            continue
        if "." in name and name.split(".")[1] not in {r for rooms in LEVELS for r in rooms}:
            continue  # a public name of the package itself, such as xorder.load_structure
        assert level(room(name)) <= level(room(module)), f"{module} imports {name}"
        assert {room(name), room(module)} - set(PROBES), (
            f"a probe imports another: {module}, {name}"
        )


@pytest.mark.parametrize("module", sorted(m for m in modules() if room(m) in PROBES))
def test_numerics_know_no_plots_and_no_formats(module):
    if re.search(r"\.(plots|readers)\b", module):
        return
    loaded = {name.split(".")[0] for name in imported(modules()[module])}
    typing_only = re.search(r"if TYPE_CHECKING:", modules()[module].read_text(encoding="utf-8"))
    outward = loaded & OUTWARD
    assert not outward or typing_only, f"{module} imports {outward}"


def loaded_by(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint(' '.join({{m.split('.')[0] for m in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


HEAVY = {"scipy", "larch", "lmfit", "matplotlib", "pandas", "numba", "h5py", "pymatgen", "pydantic",
         "gemmi", "xraydb", "sqlalchemy"}  # fmt: skip


@pytest.mark.parametrize(
    "statement",
    ["import xorder", "from xorder.cli import main\nassert main(['--help']) == 0"],
)
def test_the_package_and_its_help_load_nothing_heavy(statement):
    assert not loaded_by(statement) & (HEAVY | {"numpy"})


@pytest.mark.parametrize("probe", PROBES)
def test_a_probe_loads_numpy_at_most(probe):
    assert not loaded_by(f"import xorder.{probe}") & HEAVY


def test_public_names_are_there():
    import xorder

    for name in xorder.__all__:
        assert getattr(xorder, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = xorder.nothing
