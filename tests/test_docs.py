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
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


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
        if not re.match(r"[a-z]+:", target):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_named_are_commands(page, capsys):
    from xorder.cli import main

    for line in "\n".join(blocks(page, "sh")).splitlines():
        words = line.split("#")[0].split()
        if words[:1] == ["xorder"]:
            assert main([words[1], "--help"]) == 0
    capsys.readouterr()


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
