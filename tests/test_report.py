"""The report: one file, warnings first, no network, readable in a browser and on paper."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest

from xorder.example import MILLING_SERIES, write_example
from xorder.report import _rounded, write_report
from xorder.run import open_run, run_series
from xorder.series import load_series

#: Elements that need no end tag.
VOID = {"meta", "link", "br", "img", "hr", "use", "path", "rect", "image", "stop"}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    manifest = write_example(folder / "in", series=MILLING_SERIES[:3])
    text = manifest.read_text().replace("xas/milled_6h_*.xdi", "xas/<nothing>_*.xdi")
    manifest.write_text(text)
    run_series(load_series(manifest), folder / "out", only=("xas", "pdf"))
    return open_run(folder / "out")


@pytest.fixture(scope="module")
def page(run, tmp_path_factory):
    return write_report(run, tmp_path_factory.mktemp("page") / "report.html")


class Page(HTMLParser):
    """Collect the open elements and the ids of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.ids += [value for key, value in attrs if key == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag


def test_the_page_is_well_formed_and_no_name_is_used_twice(page):
    parser = Page()
    parser.feed(page.read_text())
    assert not parser.open
    assert len(parser.ids) == len(set(parser.ids))


def test_nothing_is_loaded_from_anywhere(page):
    text = page.read_text()
    linked = re.findall(r'(?:src|href|url\()\s*=?\s*["\']?([a-z]+:[^"\')\s]+)', text)
    assert not [link for link in linked if not link.startswith("data:")]


def test_what_failed_is_said_first(page):
    text = page.read_text()
    assert text.index("no such file") < text.index("<h2>Samples") < text.index("<h2>Figures")
    # What a file is called must not become part of the page.
    assert "xas/&lt;nothing&gt;_*.xdi" in text
    assert "<nothing>" not in text


def test_simulated_data_are_called_so(page):
    text = page.read_text()
    assert "simulated data" in text[: text.index("<h2>")]


def test_every_number_and_its_origin_is_there(page, run):
    text = page.read_text()
    for outcome in run.outcomes:
        for analysis in outcome.analyses.values():
            assert analysis.provenance.function in text
    assert "white_line_height" in text
    assert re.search(r"<td class=.note.><code>[0-9a-f]{32}", text)


def test_twenty_samples_stay_below_ten_megabytes(page, run):
    # Two whole samples here: ten times that is the size of twenty.
    assert page.stat().st_size * 10 < 10e6


def test_interactive_curves_are_asked_for(run, page, tmp_path):
    pytest.importorskip("plotly")
    zoomed = write_report(run, tmp_path / "i.html", interactive=True)
    text = zoomed.read_text()
    assert text.count('class="plot"') >= 3
    assert 'class="plot"' not in page.read_text()
    assert "cdn.plot.ly" not in text[: text.index("<script>")]


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: the page is not looked at")
@pytest.mark.parametrize("interactive", [False, True])
def test_a_browser_opens_it_without_complaint(run, tmp_path, interactive):
    if interactive:
        pytest.importorskip("plotly")
    path = write_report(run, tmp_path / "report.html", interactive=interactive)
    assert CHROMIUM is not None
    seen = subprocess.run(
        [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr",
            "--host-resolver-rules=MAP * ~NOTFOUND", f"--print-to-pdf={tmp_path / 'page.pdf'}",
            "--virtual-time-budget=4000", path.as_uri(),
        ],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert "CONSOLE" not in seen.stderr
    assert (tmp_path / "page.pdf").stat().st_size > 50_000


@pytest.mark.parametrize(
    ("value", "stderr", "printed"),
    [
        (0.748664, 0.00197, ("0.7487", "0.0020")),
        (9883.05428, 0.6089, ("9883.05", "0.61")),
        (2.6e-6, 1.2e-9, ("2.6e-06", "1.2e-09")),
        (123456.0, 2345.0, ("1.235e+05", "2.3e+03")),
        (1.5, float("nan"), ("1.5", "–")),
        (float("nan"), 1.0, ("–", "–")),
        (0.0, 0.02, ("0.000", "0.020")),
    ],
)
def test_a_value_is_printed_to_the_second_digit_of_its_error(value, stderr, printed):
    assert _rounded(value, stderr) == printed
