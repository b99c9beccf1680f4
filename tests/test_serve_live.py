"""Claims: whoever watches a sweep that trains, in a browser or a terminal, sees it as it is."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

pytest.importorskip("uvicorn")
pytest.importorskip("starlette")

from sweep.store.places.layout import ResultsDir
from sweep.store.runs import record_run
from sweep.store.tables.encoding import encode
from sweep.store.tables.reader import read_trials
from sweep.store.tables.writer import Writer
from tests.browser import Visit, needs_browser, visiting
from tests.store_fixtures import make_result
from tests.sweepfiles import small

ROOT = Path(__file__).parents[1]
AXE = ROOT / "tests" / "axe" / "axe.min.js"
SECONDS = 60_000
"""How long a page may take to show what it should, ms: far longer than it does."""

ENDLESS = small(
    name="endless",
    grid={"learning_rate": [0.1, 0.2], "seed": list(range(400))},
    convergence={"max_epochs": 200_000},
    resources={"engine": "fused", "lanes_per_pack": 4},
)
"""Packs of a second each, of which the first ends soon and the last in minutes."""


POSTED = small(name="posted", grid={"seed": [1, 2, 3]}, resources={"engine": "fused", "workers": 1})


@dataclass(frozen=True)
class Place:
    """A folder with a server that shows its results, at that address, token included."""

    folder: Path
    url: str

    def results(self, name: str) -> ResultsDir:
        return ResultsDir(self.folder / "results" / name)


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "sweep", *words]


@contextmanager
def serving(folder: Path, *words: str) -> Iterator[Place]:
    """Hold a server that is a process of its own, as a user has it."""
    process = subprocess.Popen(
        command("serve", "results", "--port", "0", *words),
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        url = process.stderr.readline().removeprefix("serving at ").strip()
        assert url.startswith("http://127.0.0.1:"), url
        yield Place(folder, url)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)
        process.stderr.close()


@contextmanager
def training(folder: Path, sweep: dict[str, object]) -> Iterator["subprocess.Popen[bytes]"]:
    """Hold a run of a sweep in a process of its own; it is stopped at the end of the block."""
    file = folder / f"{sweep['name']}.yaml"
    file.write_text(yaml.safe_dump(sweep))
    process = subprocess.Popen(
        command("run", str(file), "--no-ray", "--quiet"),
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def until_trained(results: ResultsDir) -> None:
    """Wait until a first trial has ended."""
    end = time.monotonic() + 60
    while not (results.journal.exists() and results.journal.stat().st_size):  # type: ignore[union-attr]
        assert time.monotonic() < end
        time.sleep(0.1)


def shown(visit: Visit) -> int:
    """Return how many trials the page says have ended."""
    text = visit.page.inner_text("#head .facts dd >> nth=0")
    return int(re.split(r"\s", text.replace(",", ""))[0])


@pytest.fixture(scope="module")
def run(place: Place) -> "Iterator[subprocess.Popen[bytes]]":
    """A run under way in that folder; the last test that takes it stops it."""
    with training(place.folder, ENDLESS) as run:
        until_trained(place.results("endless"))
        yield run


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("served")
    with serving(folder, "--allow-submit") as place:
        yield place


def assert_accessible(visit: Visit) -> None:
    """Have axe-core look at the page, if it is among the tests."""
    if not AXE.exists():
        return
    visit.page.evaluate(AXE.read_text("utf-8"))
    found = visit.page.evaluate("axe.run().then((found) => found.violations)")
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []


TMUX = shutil.which("tmux")


@contextmanager
def terminal(
    folder: Path, words: str, *, width: int = 80, height: int = 30
) -> "Iterator[Terminal]":
    """Hold a terminal in which a shell has run a command."""
    held = Terminal(f"sweep-test-{os.getpid()}", folder)
    held.tmux("new-session", "-d", "-x", str(width), "-y", str(height), "-c", str(folder), "sh")
    try:
        held.type(f"{sys.executable} -m sweep {words}; echo left $?")
        yield held
    finally:
        held.tmux("kill-server")


@dataclass(frozen=True)
class Terminal:
    """A real terminal, tmux's."""

    name: str
    folder: Path

    def tmux(self, *words: str) -> str:
        socket = str(self.folder / "tmux")
        done = subprocess.run(
            ["tmux", "-S", socket, *words], capture_output=True, text=True, check=True
        )
        return done.stdout

    def type(self, text: str, key: str = "Enter") -> None:
        self.tmux("send-keys", text, key)

    def screen(self, *words: str) -> str:
        return self.tmux("capture-pane", "-p", *words)

    def wait_for(self, text: str, seconds: float = 60) -> str:
        """Return the screen once it holds that text."""
        end = time.monotonic() + seconds
        while text not in (screen := self.screen()):
            assert time.monotonic() < end, screen
            time.sleep(0.1)
        return screen


@pytest.mark.slow
@pytest.mark.skipif(TMUX is None, reason="tmux is not installed")
def test_a_sweep_is_watched_in_a_terminal_that_is_left_as_it_was(
    place: Place, run: "subprocess.Popen[bytes]"
) -> None:
    assert run.poll() is None
    with terminal(place.folder, "watch endless") as held:
        first = held.wait_for("q leaves")
        assert "endless  running" in first
        assert "workers (1)" in first
        assert "latest trials" in first
        assert max(map(len, first.splitlines())) <= 80
        done = re.search(r"(\d+)/800 trials", first)
        assert done
        end = time.monotonic() + 60
        while f"{done[1]}/800 trials" in held.screen():
            assert time.monotonic() < end
            time.sleep(0.1)
        held.tmux("send-keys", "q")
        left = held.wait_for("left 0")
        assert "q leaves" not in left
        held.type("echo on; stty -a | grep -o ' -\\?icanon'; true")
        assert "-icanon" not in held.wait_for(" icanon")
        held.type(f"{sys.executable} -m sweep watch endless; echo then $?")
        held.wait_for("q leaves")
        held.tmux("send-keys", "C-c")
        held.wait_for("then 0")


@pytest.mark.slow
def test_a_sweep_is_watched_line_by_line_where_there_is_no_terminal(tmp_path: Path) -> None:
    directory = ResultsDir(tmp_path / "results" / "brief")
    with Writer(directory) as results:
        results.append(encode([make_result(seed=1), make_result(seed=2)], "brief"))
    record_run(directory, "name: brief", {"overrides": [], "trials": 2, "done": 2})
    words = command("watch", "brief")
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("brief complete · 2/2 trials · least loss ")
    assert len(done.stdout.splitlines()) == 1


class TestBrowser:
    """In Chromium."""

    pytestmark = needs_browser

    def test_a_sweep_is_seen_to_train_and_is_stopped(
        self, place: Place, run: "subprocess.Popen[bytes]"
    ) -> None:
        results = place.results("endless")
        with visiting() as visit:
            page = visit.page
            page.goto(place.url)
            page.click("text=endless")
            page.wait_for_selector("#workers progress", timeout=SECONDS)
            before = shown(visit)
            page.wait_for_function(
                "n => parseInt(document.querySelector('#head .facts dd').textContent) > n",
                arg=before,
                timeout=SECONDS,
            )
            assert page.inner_text("#head .state") == "running"
            assert page.locator("#curves path").count() >= 4
            assert page.locator("#latest tbody tr").count() >= 4
            assert_accessible(visit)
            page.on("dialog", lambda dialog: dialog.accept())
            page.click("#head button.danger")
            page.wait_for_selector("#head .state-stopped", timeout=SECONDS)
            assert run.wait(60) == 130
            assert visit.errors == []
            assert shown(visit) == (read_trials(results.path)["status"] == "finished").sum()
            page.click("#latest tbody a >> nth=0")
            assert "learning_rate" in page.inner_text("pre.page")
            host = place.url.partition("?")[0]
            assert all(address.startswith(host) for address in visit.requests)

    @pytest.mark.ray
    def test_a_sweep_is_submitted_from_the_page(self, tmp_path: Path) -> None:
        with serving(tmp_path, "--allow-submit") as place, visiting(375, 800, "dark") as visit:
            page = visit.page
            page.goto(place.url)
            page.click("text=Submit a sweep")
            wrong = small(name="posted", fixed={"learning_rate": -1})
            page.fill("#text", yaml.safe_dump(wrong))
            page.click("#check")
            page.wait_for_selector(".faults li", timeout=SECONDS)
            assert "must be > 0 (got -1)" in page.inner_text(".faults")
            assert page.is_disabled("#send")
            page.click(".faults button")
            chosen = "document.activeElement.value.slice(...['selectionStart', 'selectionEnd']"
            chosen += ".map((name) => document.activeElement[name]))"
            assert "learning_rate: -1" in page.evaluate(chosen)
            page.fill("#text", yaml.safe_dump(POSTED))
            assert page.is_disabled("#send")
            page.click("#check")
            page.wait_for_selector("text=A valid sweep", timeout=SECONDS)
            assert re.search(r"trials +3\b", page.inner_text("#answer pre"))
            assert_accessible(visit)
            page.click("#send")
            page.wait_for_selector("#head .state-complete", timeout=SECONDS)
            assert shown(visit) == 3
            assert page.evaluate("document.documentElement.scrollWidth") == 375
            assert_accessible(visit)
            assert visit.errors == []
        assert len(read_trials(place.results("posted").path)) == 3

    def test_a_server_that_ends_is_said_to_be_gone(self, tmp_path: Path) -> None:
        with visiting() as visit:
            with serving(tmp_path) as place:
                visit.page.goto(place.url)
                assert "No sweep here yet" in visit.page.inner_text("main")
            visit.page.wait_for_selector("#trouble:visible", timeout=SECONDS)
            assert "the server does not answer" in visit.page.inner_text("#trouble")
