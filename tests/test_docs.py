"""The documentation runs, and says what the code does."""

from __future__ import annotations

import importlib.util
import re
import tomllib
import warnings
from pathlib import Path

import pytest

from xorder.errors import XorderWarning

ROOT = Path(__file__).resolve().parents[1]
MADE = {"generated", "_build"}
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted(p for p in (ROOT / "docs").rglob("*.md") if not MADE & set(p.parts)),
]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.S)


CODE = [
    pytest.param(code, id=f"{page.name}-{number}")
    for page in PAGES
    for number, code in enumerate(blocks(page, "python"), start=1)
]


@pytest.mark.parametrize("code", CODE)
def test_code_blocks_run(code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", XorderWarning)
        exec(compile(code, "<documentation>", "exec"), {"__name__": "documentation"})  # noqa: S102
    assert True


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_images_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        # Pages that the build makes are checked by the build, whose warnings are errors.
        if not re.match(r"[a-z]+:|(\.\./)*generated/", target):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


COMMANDS = sorted(
    {
        line.split("#")[0].strip()
        for page in PAGES
        for line in "\n".join(blocks(page, "sh")).splitlines()
        if line.startswith("xorder ")
    }
)


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_named_are_commands_and_have_those_options(line, capsys):
    from xorder.cli import app, main

    words = [word for word in line.split()[1:] if word != "--help"]
    path = words[:1] if app[words[0]].default_command is not None else words[:2]
    assert main([*path, "--help"]) == 0
    said = capsys.readouterr().out
    for option in (word for word in words if word.startswith("--")):
        assert re.search(rf"{option}\b", said), f"{' '.join(path)} has no {option}"


def test_every_figure_has_its_row_on_the_page_of_figures():
    page = (ROOT / "docs" / "figures.md").read_text(encoding="utf-8")
    rows = set(re.findall(r"^\| `(\w+)` \|", page, flags=re.M))
    folder = ROOT / "src" / "xorder" / "figures"
    drawn = {
        (path.stem.split("_")[0], name)
        for path in folder.glob("*.py")
        for name in re.findall(r"Drawing\(\s*name=\"(\w+)\"", path.read_text(encoding="utf-8"))
    }
    assert len(drawn) > 15
    for probe, name in drawn:
        assert name in rows or f"{probe}_{name}" in rows, f"docs/figures.md has no {name}"


@pytest.mark.parametrize("name", ["manifest", "modules"])
def test_pages_made_from_the_code_are_what_the_code_is(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"make_{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    written = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    assert written == module.page(), f"run `python docs/make_{name}.py`"


def test_the_manifest_of_the_page_is_a_manifest(tmp_path):
    from xorder.series import load_series

    (code,) = blocks(ROOT / "docs" / "manifest.md", "toml")
    path = tmp_path / "series.toml"
    path.write_text(code, encoding="utf-8")
    assert tomllib.loads(code)["series"]["simulated"] is False
    assert load_series(path).samples[0].order == 6.0


def test_the_version_stands_in_one_place():
    from xorder import __version__

    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"version: {__version__}" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
