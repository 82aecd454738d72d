"""A measurement that goes on: files half written, renamed and bad; when to stop; the page."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest

from xorder.cli import main
from xorder.counting import (
    Target,
    advise,
    find_trend,
    forecast_noise,
    forecast_scans,
    noise_fall,
)
from xorder.errors import BadInput, BadManifest, CannotWrite
from xorder.figures.watch import draw
from xorder.live_page import LivePage
from xorder.live_server import is_loopback, serve
from xorder.lock import own_folder
from xorder.run import run_series
from xorder.series import load_series
from xorder.watch import Watch, on_files, watch

ENERGY = np.arange(8800.0, 9700.0, 1.5)
PATIENCE = 30.0
TOKEN = "-".join(["for", "the", "browser"])
HEAD = '[series]\nname = "simulated steps"\nsimulated = true\n[xas]\nelement = "Cu"\nedge = "K"\n'
SAMPLE = '[[samples]]\nname = "{0}"\nxas = {{ files = "{0}_*.dat" }}\n'


def scan_text(seed: int, *, noise: float = 1e-3, white_line: float = 0.8) -> str:
    """Return the text of one simulated scan."""
    rng = np.random.default_rng(seed)
    k = np.sqrt(np.maximum(ENERGY - 8979.0, 0.0) / 3.81)
    wiggle = 0.06 * np.exp(-0.01 * k**2) * np.sin(4.4 * k)
    mu = 0.2 + (1 + wiggle) / (1 + np.exp(-(ENERGY - 8979.0) / 2))
    mu += white_line * np.exp(-(((ENERGY - 8983.0) / 4.0) ** 2)) + noise * rng.normal(size=k.size)
    rows = "\n".join(f"{e:.3f} {m:.8f}" for e, m in zip(ENERGY, mu, strict=True))
    return f"# simulated\n# energy mu\n{rows}\n"


class Beamline:
    """A folder in which scans appear, and a watch that looks at it with a clock of its own."""

    def __init__(self, folder: Path, *, samples: tuple[str, ...] = ("a",), more: str = "") -> None:
        self.folder = folder
        self.out = folder / "out"
        self.manifest = folder / "series.toml"
        self.clock = 0.0
        self.written = 1.7e9
        self.write_manifest(samples, more)
        self.watch = self.fresh_watch()

    def fresh_watch(self) -> Watch:
        return Watch(self.manifest, self.out, patience=PATIENCE)

    def write_manifest(self, samples: tuple[str, ...], more: str = "") -> None:
        self.manifest.write_text(HEAD + more + "".join(map(SAMPLE.format, samples)))

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        self.written += 60.0
        os.utime(path, (self.written, self.written))
        return path

    def look(self, times: int = 1, *, after: float = 2.0):
        for _ in range(times):
            self.clock += after
            state = self.watch.poll(self.clock)
        return state

    def states(self) -> dict[str, str]:
        return {one.scan.path.name: one.state for one in self.watch.state.arrivals}


@pytest.fixture
def beamline(tmp_path):
    return Beamline(tmp_path)


def test_before_the_first_file_there_is_nothing(beamline):
    state = beamline.look(2)
    assert state.arrivals == ()
    assert state.newest is None
    assert not state.outcomes


def test_a_scan_is_analysed_when_it_is_whole_and_not_before(beamline):
    text = scan_text(1)
    for share in (0.3, 0.6, 1.0):
        beamline.write("a_1.dat", text[: int(share * len(text))])
        assert not beamline.look().outcomes
        assert beamline.states() == {"a_1.dat": "waiting"}
    state = beamline.look(after=5.0)
    assert beamline.states() == {"a_1.dat": "whole"}
    assert state.outcomes["a"].kinds == {"xas": "Cu K"}
    assert state.repeats is not None
    assert state.repeats.advice.verdict == "unknown"
    assert "so far 1 scan." in state.repeats.advice.headline


def test_nothing_new_changes_nothing(beamline):
    beamline.write("a_1.dat", scan_text(1))
    before = beamline.look(2)
    assert beamline.look() is before


def test_a_file_that_gets_its_name_when_it_is_whole(beamline):
    part = beamline.write(".a_1.dat.part", scan_text(1))
    assert beamline.look(2).arrivals == ()
    part.rename(beamline.folder / "a_1.dat")
    assert beamline.look(2).outcomes


def test_a_writer_that_pauses_is_waited_for_beside_whole_scans(beamline):
    beamline.write("a_1.dat", scan_text(1))
    text = scan_text(2)
    beamline.write("a_2.dat", text[: len(text) // 2])
    state = beamline.look(3)
    assert beamline.states() == {"a_1.dat": "whole", "a_2.dat": "waiting"}
    assert len(state.repeats.scans) == 1
    assert "runs from 8800" in state.arrivals[1].message
    beamline.write("a_2.dat", text)
    # It paused for six seconds, so nothing is read now that has not been still for twelve.
    beamline.look(3)
    assert beamline.states()["a_2.dat"] == "waiting"
    assert len(beamline.look(5).repeats.scans) == 2


def test_a_scan_that_was_broken_off_is_left_out_and_named(beamline):
    beamline.write("a_1.dat", scan_text(1))
    text = scan_text(2)
    beamline.write("a_2.dat", text[: len(text) // 2])
    beamline.look(2)
    state = beamline.look(after=PATIENCE)
    assert beamline.states() == {"a_1.dat": "whole", "a_2.dat": "bad"}
    assert "left out" in state.arrivals[1].message


@pytest.mark.parametrize("content", ["", "not a scan\n", "\x00\x01\x02", "8979 nan\n"])
def test_a_bad_file_is_one_message_after_patience_and_the_others_go_on(beamline, content):
    beamline.write("a_1.dat", scan_text(1))
    bad = beamline.write("a_2.dat", content)
    state = beamline.look(2)
    assert beamline.states() == {"a_1.dat": "whole", "a_2.dat": "waiting"}
    assert state.outcomes["a"].kinds
    state = beamline.look(after=PATIENCE)
    assert beamline.states()["a_2.dat"] == "bad"
    page = LivePage(beamline.out)
    page.show(state)
    (problem,) = json.loads(page.state())["problems"]
    assert str(bad) in problem
    beamline.write("a_3.dat", scan_text(3))
    assert len(beamline.look(2).repeats.scans) == 2


def test_what_has_not_changed_is_left_alone(tmp_path):
    beamline = Beamline(tmp_path, samples=("a", "b"))
    beamline.write("a_1.dat", scan_text(1))
    first = beamline.look(2).outcomes["a"]
    changed = first.file.stat().st_mtime_ns
    beamline.write("b_1.dat", scan_text(2))
    state = beamline.look(2)
    assert set(state.outcomes) == {"a", "b"}
    assert state.outcomes["a"] is first
    assert first.file.stat().st_mtime_ns == changed
    assert state.newest.sample == "b"


def test_a_new_watch_goes_on_where_the_last_one_was(beamline):
    beamline.write("a_1.dat", scan_text(1))
    beamline.look(2)
    beamline.watch = beamline.fresh_watch()
    assert beamline.look(2).outcomes["a"].unchanged


def test_the_main_job_goes_on_from_the_watch(beamline, monkeypatch):
    monkeypatch.setattr("xorder.run.draw_kind", lambda *_: iter(()))
    for number in (1, 2):
        beamline.write(f"a_{number}.dat", scan_text(number))
    beamline.look(2)
    assert "white_line_height" in (beamline.out / "summary.csv").read_text()
    run = run_series(load_series(beamline.manifest), beamline.out)
    assert [outcome.unchanged for outcome in run.outcomes] == [True]


def test_a_manifest_that_changes_is_read_again(beamline):
    beamline.write("a_1.dat", scan_text(1))
    beamline.write("b_1.dat", scan_text(2))
    assert set(beamline.look(2).outcomes) == {"a"}
    beamline.manifest.write_text("[series")
    (message,) = beamline.look().messages
    assert "not valid TOML" in message
    assert set(beamline.watch.state.outcomes) == {"a"}
    beamline.write_manifest(("a", "b"))
    state = beamline.look(2)
    assert set(state.outcomes) == {"a", "b"}
    assert state.messages == ()


def test_a_file_that_goes_away_is_no_longer_part(beamline):
    first = beamline.write("a_1.dat", scan_text(1))
    beamline.write("a_2.dat", scan_text(2))
    assert len(beamline.look(2).repeats.scans) == 2
    first.unlink()
    assert len(beamline.look().repeats.scans) == 1


def test_an_interrupt_ends_the_watch_and_frees_the_folder(beamline):
    def interrupt(state):
        if state.outcomes:
            raise KeyboardInterrupt

    beamline.write("a_1.dat", scan_text(1))
    last = watch(beamline.manifest, beamline.out, every=0.01, publish=interrupt)
    assert last.outcomes["a"].file.is_file()
    with own_folder(beamline.out), pytest.raises(CannotWrite, match="another run"):
        watch(beamline.manifest, beamline.out, once=True)


@pytest.mark.parametrize("times", [{"every": 0.0}, {"every": float("nan")}, {"patience": -1.0}])
def test_times_must_be_positive(beamline, times):
    with pytest.raises(BadInput, match="seconds, above 0"):
        watch(beamline.manifest, beamline.out, **times)


def test_the_command_looks_once(beamline, capsys):
    for number in (1, 2, 3):
        beamline.write(f"a_{number}.dat", scan_text(number))
    options = ["--out", str(beamline.out), "--poll", "0.01", "--once"]
    assert main(["watch", str(beamline.manifest), *options]) == 0
    assert re.search(r"counting a: (Yes|Not yet): after 3 scans", capsys.readouterr().out)
    assert main(["watch", str(beamline.folder / "none.toml"), *options]) == 2


# A facility's message.


def test_files_of_a_message_are_analysed_once(tmp_path):
    beamline = Beamline(tmp_path, samples=("a", "b"))
    scans = [beamline.write(f"a_{n}.dat", scan_text(n)) for n in (1, 2)]
    beamline.write("b_1.dat", scan_text(3))
    given = {"manifest": beamline.manifest, "out": beamline.out}
    (outcome,) = on_files(scans, **given)
    assert outcome.sample.name == "a"
    assert not outcome.unchanged
    assert {n.name for n in outcome.numbers["xas"]} > {"e0", "white_line_height"}
    assert on_files([scans[0]], **given)[0].unchanged
    assert on_files([tmp_path / "elsewhere.dat"], **given) == ()


def test_a_bad_file_of_a_message_is_a_failure_and_the_others_are_analysed(beamline):
    good = beamline.write("a_1.dat", scan_text(1))
    bad = beamline.write("a_2.dat", "nothing\n")
    (outcome,) = on_files([good, bad], manifest=beamline.manifest, out=beamline.out)
    assert outcome.kinds
    (failure,) = outcome.failures
    assert str(bad) in failure.message
    good.unlink()
    (outcome,) = on_files([bad], manifest=beamline.manifest, out=beamline.out)
    assert not outcome.kinds
    assert len(outcome.failures) == 1


# Is it time to stop counting?


def test_scans_needed_are_those_that_reach_the_target():
    rng = np.random.default_rng(0)
    draws = [forecast_scans(rng.normal(5.0, 0.3, size=8), 0.05) for _ in range(2000)]
    needed = np.array([one.needed for one in draws])
    error = np.array([one.needed_stderr for one in draws])
    assert np.mean(needed) == pytest.approx((0.3 / 0.05) ** 2, rel=0.03)
    # The stated error is that of the draws, to the few percent that χ² of seven is no normal.
    assert np.std(needed) == pytest.approx(np.mean(error), rel=0.1)
    assert np.mean([one.stderr**2 for one in draws]) == pytest.approx(0.3**2 / 8, rel=0.05)


def test_noise_alone_is_a_trend_as_often_as_is_said():
    rng = np.random.default_rng(1)
    found = [find_trend("x", rng.normal(size=6)) for _ in range(4000)]
    share = np.mean([trend.probability < 0.05 for trend in found])
    assert share == pytest.approx(0.05, abs=0.012)


def test_noise_of_independent_scans_has_no_floor_and_common_noise_is_one():
    falls = noise_fall(np.full(9, 2e-3), 2e-3 / 3)
    assert falls.ratio == pytest.approx(1.0)
    assert falls.floor == 0.0
    own, common = 2e-3, 1e-3
    stays = noise_fall(np.full(9, np.hypot(own, common)), np.hypot(own / 3, common))
    assert stays.floor == pytest.approx(common)
    assert stays.scatter == pytest.approx(own)
    assert forecast_noise(stays, 9, 1.2e-3, 0.9e-3).needed == np.inf
    assert forecast_noise(stays, 9, 1.2e-3, np.hypot(common, 1e-4)).needed == pytest.approx(400.0)


@pytest.mark.parametrize(
    ("values", "stderr", "verdict"),
    [
        ([1.0, 1.1, 0.9, 1.05], 0.2, "enough"),
        ([1.0, 1.1, 0.9, 1.05], 0.001, "go on"),
        ([1.0, 1.1], 0.2, "unknown"),
        ([1.0, 1.1, 1.2, 1.301, 1.4], 0.2, "drift"),
        ([1.0, np.nan, 1.1, np.nan], 0.2, "unknown"),
    ],
)
def test_the_answer(values, stderr, verdict):
    numbers = np.array(values)
    advice = advise(
        Target(name="height", stderr=stderr),
        forecast_scans(numbers, stderr),
        fall=noise_fall(np.full(len(values), 1.0), 1.0 / np.sqrt(len(values))),
        series={"height": numbers},
        minutes=10.0,
    )
    assert advice.verdict == verdict
    if verdict == "go on":
        assert re.search(r"needs \d+ ± \d+ scans in all, \d+ more, about", advice.headline)


def test_noise_that_does_not_fall_is_a_floor():
    fall = noise_fall(np.full(16, 1.0), 0.8)
    advice = advise(
        Target(name="epsilon_k", stderr=0.3),
        forecast_noise(fall, 16, 0.8, 0.3),
        fall=fall,
        series={},
    )
    assert advice.verdict == "floor"
    assert "times what 1/√n expects" in advice.reasons[0]


def test_beam_damage_is_found_in_simulated_scans(tmp_path):
    beamline = Beamline(tmp_path, samples=("damaged", "well"))
    for n in range(6):
        beamline.write(f"damaged_{n}.dat", scan_text(n, white_line=0.8 - 0.01 * n))
    advice = beamline.look(2).repeats.advice
    assert advice.verdict == "drift"
    assert advice.trends[0].name == "white_line_height"
    assert advice.trends[0].slope == pytest.approx(-0.01, rel=0.15)
    for n in range(4):
        beamline.write(f"well_{n}.dat", scan_text(n))
    assert beamline.look(2).repeats.advice.verdict == "enough"


def test_scans_asked_for_bring_the_noise_to_the_target(tmp_path):
    target = 1.4e-3
    more = f'[watch]\ntarget = "epsilon_k"\nstderr = {target}\n'
    beamline = Beamline(tmp_path, more=more)
    for n in range(3):
        beamline.write(f"a_{n:02d}.dat", scan_text(n, noise=4e-3))
    found = beamline.look(2).repeats
    assert found.advice.verdict == "go on"
    assert found.minutes == pytest.approx(1.0)
    needed = int(np.ceil(found.forecast.needed + 2 * found.forecast.needed_stderr))
    assert 6 < needed < 20
    for n in range(3, needed):
        beamline.write(f"a_{n:02d}.dat", scan_text(n, noise=4e-3))
    after = beamline.look(2).repeats
    assert after.merges[-1].noise < target
    assert after.advice.verdict == "enough"


def test_what_no_scan_takes_away_is_told_from_noise(tmp_path):
    more = '[watch]\ntarget = "epsilon_k"\nstderr = 3e-4\n'
    beamline = Beamline(tmp_path, samples=("a", "truth"), more=more)
    beamline.write("truth_1.dat", scan_text(0, noise=0.0))
    truth = beamline.look(2).repeats.merges[-1].noise
    for n in range(12):
        beamline.write(f"a_{n:02d}.dat", scan_text(n))
    found = beamline.look(2).repeats
    assert found.fall.floor == pytest.approx(truth, rel=0.2)
    assert found.advice.verdict == "floor"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("target = 3\nstderr = 1.0", "watch.target"),
        ('target = "e0"', "one of stderr and relative"),
        ('target = "e0"\nstderr = 1.0\nrelative = 0.1', "one of stderr and relative"),
        ('target = "e0"\nstderr = -1.0', "watch.stderr"),
        ('target = "e0"\nrelativ = 0.1', "did you mean 'relative'"),
    ],
)
def test_a_target_that_is_none(tmp_path, table, message):
    with pytest.raises(BadManifest, match=re.escape(message)):
        Beamline(tmp_path, more=f"[watch]\n{table}\n")


def test_a_target_that_is_no_number_of_the_sample_is_said(tmp_path):
    beamline = Beamline(tmp_path, more='[watch]\ntarget = "whiteline"\nstderr = 0.1\n')
    beamline.write("a_1.dat", scan_text(1))
    state = beamline.look(2)
    assert any("'whiteline' is no number" in text for text in state.messages)
    assert state.repeats.target.name == "white_line_height"


@pytest.mark.filterwarnings("ignore::xorder.errors.StructureWarning")
def test_patterns_and_pair_distributions_have_their_own_noise(tmp_path):
    from xorder import diffraction, pdf, references

    crystal = references.load("NaCl")
    for n in range(3):
        pattern = diffraction.simulate_mixture(
            [crystal], weight_fractions=[1.0], two_theta=(25.0, 60.0, 0.04),
            profile=diffraction.Profile(), counts=3e3, background=(50.0,), seed=n,
        )  # fmt: skip
        diffraction.write_xye(tmp_path / f"p_{n}.xye", pattern)
        phase = pdf.SimulatedPhase(crystal=crystal, mass_fraction=1.0, uiso=0.02)
        gr = pdf.simulate_gr(
            [phase], r=np.arange(0.02, 12.0, 0.02), q_max=20.0, noise=0.05, seed=n
        )  # fmt: skip
        pdf.write_gr(tmp_path / f"g_{n}.gr", gr)
    manifest = tmp_path / "series.toml"
    manifest.write_text(
        '[series]\nname = "simulated"\nsimulated = true\n'
        '[diffraction]\nstructure = "NaCl"\nwavelength = "CuKa"\nplanes = [[2, 0, 0]]\n'
        '[[samples]]\nname = "s"\ndiffraction = { files = "p_*.xye" }\n'
        '[[samples]]\nname = "g"\npdf = { files = "g_*.gr" }\n'
    )
    found = {}
    for name in ("p", "g"):
        for n, path in enumerate(sorted(tmp_path.glob(f"{name}_*"))):
            os.utime(path, (2e9 + 60 * n + (1e6 if name == "g" else 0),) * 2)
        looking = Watch(manifest, tmp_path / "out", patience=PATIENCE)
        looking.poll(0.0)
        found[name] = looking.poll(2.0).repeats
        for path in tmp_path.glob(f"{name}_*"):
            os.utime(path, (1e9, 1e9))
    assert found["p"].target.name == "area (2 0 0)"
    assert found["p"].fall.ratio == pytest.approx(1.0, abs=0.05)
    assert found["g"].noise_name == "noise_gr"
    assert found["g"].fall.ratio == pytest.approx(1.0, abs=0.1)
    for one in found.values():
        assert [drawing.name for drawing in draw(one)] == ["signal", "counting"]


# The page.


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """Return a page of three scans and a bad file whose name must not become part of the page."""
    beamline = Beamline(tmp_path_factory.mktemp("page"))
    for n in range(3):
        beamline.write(f"a_{n}.dat", scan_text(n))
    beamline.write("a_<b>.dat", "nothing\n")
    beamline.look(2)
    page = LivePage(beamline.out, every=0.4)
    page.show(beamline.look(after=PATIENCE))
    return page, beamline


def ask(address: str, path: str, *, method: str = "GET", **headers: str):
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
    try:
        connection.request(
            method, path, headers={k.replace("_", "-"): v for k, v in headers.items()}
        )
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def test_the_page_says_what_is_known(shown):
    page, _ = shown
    text = page.html("n0nce").decode()
    assert "simulated data" in text[: text.index("<main>")]
    assert "Is it time to stop counting?" in text
    assert "a_2.dat" in text
    assert "a_&lt;b&gt;.dat" in text
    assert "<b>.dat" not in text
    assert re.search(r'<noscript><meta http-equiv="refresh" content="\d+"></noscript>', text)
    for name in ("signal", "counting"):
        assert f'src="figure/{name}.svg' in text
        assert b"simulated data" in page.figure(name)
    assert not re.findall(r'(?:src|href|action)="[a-z]+:(?!,)', text.replace('href="data:,"', ""))


def test_the_json_has_the_numbers_and_no_number_that_is_none(shown):
    page, _ = shown
    state = json.loads(page.state(), parse_constant=lambda word: pytest.fail(word))
    assert state["answer"]["verdict"] in ("enough", "go on")
    numbers = state["answer"]["numbers"]
    assert numbers["scans"] == 3
    assert numbers["stderr"] > 0
    assert numbers["scans_needed"] > 0
    assert state["samples"][0]["whole"] == 3
    assert state["samples"][0]["bad"] == 1


def test_a_page_before_anything_is_known(tmp_path):
    page = LivePage(tmp_path)
    assert b"No scan is whole yet" in page.html("n")
    assert json.loads(page.state())["version"] == ""


def test_nothing_is_served_but_the_page_its_json_and_its_figures(shown):
    page, beamline = shown
    with serve(page, port=0) as address:
        assert ask(address, "/")[0] == 200
        assert json.loads(ask(address, "/state.json")[2])["name"] == "simulated steps"
        assert ask(address, "/figure/signal.svg?v=1")[1]["Content-Type"] == "image/svg+xml"
        for path in (
            "/series.toml", "/figure/none.svg", "/figure/../../series.toml", "/../series.toml",
            f"/{beamline.manifest}", "/figure/%2e%2e/series.toml", "//etc/passwd", "/figure/",
            "/figure/signal", "/signal.svg", "/a_0.dat", "/\x00",
        ):  # fmt: skip
            if path.isprintable():
                assert ask(address, path)[0] == 404, path
        headers = ask(address, "/")[1]
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["Cache-Control"] == "no-store"
    with pytest.raises(OSError, match="refused"):
        ask(address, "/")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"])
def test_only_get_is_answered(shown, method):
    with serve(shown[0], port=0) as address:
        status, headers, _ = ask(address, "/", method=method)
    assert status == 405
    assert headers["Allow"] == "GET"


def test_a_name_from_elsewhere_that_points_here_is_refused(shown):
    with serve(shown[0], port=0) as address:
        assert ask(address, "/state.json", Host="evil.example:80")[0] == 403
        assert ask(address, "/state.json", Host="localhost:80")[0] == 200


def test_other_machines_need_the_token(shown):
    with serve(shown[0], host="0.0.0.0", port=0) as address:  # noqa: S104
        token = address.partition("?token=")[2]
        assert len(token) >= 20
        here = address.replace("0.0.0.0", "127.0.0.1")  # noqa: S104
        assert ask(here, "/")[0] == 403
        for wrong in ("", "x", token[:-1], token + "x", "%C3%A9"):
            assert ask(here, f"/state.json?token={wrong}")[0] == 403
        status, headers, body = ask(here, f"/?token={token}")
        assert status == 200
        assert token.encode() not in body
        assert "HttpOnly; SameSite=Strict" in headers["Set-Cookie"]
        cookie = headers["Set-Cookie"].split(";")[0]
        for path in ("/", "/state.json", "/figure/counting.svg"):
            assert ask(here, path, Cookie=cookie)[0] == 200
            assert ask(here, path, Cookie=cookie + "x")[0] == 403
        assert ask(here, "/", Cookie="xorder_watch")[0] == 403


def test_a_token_that_is_given_is_asked_for_on_loopback_too(shown):
    with serve(shown[0], port=0, token=TOKEN) as address:
        assert address.endswith(f"/?token={TOKEN}")
        assert ask(address, "/")[0] == 403
        assert ask(address, f"/?token={TOKEN}")[0] == 200


def test_where_nothing_can_listen(shown):
    page, _ = shown
    with serve(page, port=0) as address:
        port = urlsplit(address).port
        for options in (
            {"port": port}, {"port": 70000}, {"token": "short"}, {"host": "203.0.113.7", "port": 0},
        ):  # fmt: skip
            with pytest.raises(BadInput), serve(page, **options):
                pass


@pytest.mark.parametrize(
    ("host", "here"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("localhost", True), ("::1", True),
     ("0.0.0.0", False), ("::", False), ("", False), ("beamline.example", False)],  # noqa: S104
)  # fmt: skip
def test_what_is_loopback(host, here):
    assert is_loopback(host) is here


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


class NextScan(LivePage):
    """A page to which a scan comes as soon as a browser has it."""

    def html(self, nonce: str) -> bytes:
        text = super().html(nonce)
        if self.coming is not None:
            self.show(self.coming)
            self.coming = None
        return text

    coming = None


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: the page is not looked at")
def test_a_browser_follows_the_watch(shown, tmp_path):
    _, beamline = shown
    page = NextScan(beamline.out)
    page.show(beamline.watch.state)
    beamline.write("a_3.dat", scan_text(3))
    page.coming = beamline.look(2)
    assert CHROMIUM is not None
    log = tmp_path / "net.json"
    with serve(page, port=0, token=TOKEN) as address:
        seen = subprocess.run(
            [
                CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr",
                "--no-first-run", "--disable-background-networking", "--disable-sync",
                "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
                f"--user-data-dir={tmp_path / 'profile'}", f"--log-net-log={log}",
                "--virtual-time-budget=6000", "--dump-dom", address,
            ],
            capture_output=True, text=True, timeout=120, check=True,
        )  # fmt: skip
    assert "CONSOLE" not in seen.stderr
    # The scan that came while the page was open is on it, without a reload.
    dom = seen.stdout.partition("<script")[0]
    assert "a_3.dat" in dom
    assert "4 scans so far" in dom
    assert "cannot be reached" not in dom
    # What the page asked for, it asked of its own port.
    own = f"http://{urlsplit(address).netloc}"
    urls = re.findall(r'"initiator":"http[^"]+".*?"url":"([^"]+)"', log.read_text())
    assert {urlsplit(url).path for url in urls} >= {"/state.json", "/figure/signal.svg"}
    assert all(url.startswith((f"{own}/", "data:")) for url in urls)
