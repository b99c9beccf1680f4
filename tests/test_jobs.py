"""Claims: a laptop submits, follows, stops and fetches a sweep over nothing but a job server."""

import contextlib
import json
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from sweep.store.tables.reader import read_trials
from tests.cluster_sweeps import small_sweep, write_module
from tests.ray_head import Head, ray_head

pytest.importorskip("aiohttp", reason="the job server comes with ray[default]")
FAULTY = "def activation(x):\n    raise ValueError('no such thing')\n"
ENDLESS = (
    "convergence.max_epochs=1000000000",
    "resources.checkpoint_seconds=0.05",
)


@pytest.fixture(scope="module")
def head() -> Iterator[Head]:
    with ray_head(cpus=2) as head:
        yield head


def write(folder: Path, name: str, **blocks: Any) -> str:
    torch = {"engine": "torch"}  # the kernel of the other would be compiled in a new home
    tree = small_sweep(name=name, resources=torch, **blocks)
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(tree))
    return f"{name}.yaml"


def test_a_sweep_is_submitted_followed_and_fetched(head, tmp_path):
    file = write(tmp_path, "whole")
    done = head.sweep("submit", file, "--no-install", "--follow", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "trained 4 trials" in done.stdout
    assert (head.home / "sweep-results/whole/trials").is_dir()
    (job,) = json.loads(head.sweep("jobs", "--json", folder=tmp_path).stdout)
    assert (job["sweep"], job["state"], job["exit_code"]) == ("whole", "succeeded", 0)
    assert job["job_id"] in head.sweep("jobs", folder=tmp_path).stdout
    told = head.sweep("status", "whole", "--address", head.address, folder=tmp_path).stdout
    assert "succeeded (exit code 0)" in told
    assert "trained 4 trials" in told
    words = ("status", "whole", "--address", head.address, "--json")
    progress = json.loads(head.sweep(*words, folder=tmp_path).stdout)["progress"]
    assert (progress["trained"], progress["failed"], progress["interrupted"]) == (4, 0, False)
    first = head.sweep("fetch", "whole", folder=tmp_path)
    assert first.returncode == 0, first.stderr
    assert read_trials(tmp_path / "results/whole")["epochs"].tolist() == [40] * 4
    again = head.sweep("fetch", "whole", folder=tmp_path)
    assert int(again.stdout.split()[0]) < int(first.stdout.split()[0])
    assert head.sweep("logs", "whole", folder=tmp_path).stdout == done.stdout


@contextlib.contextmanager
def without_websockets(address: str) -> Iterator[str]:
    """Hold a proxy that passes everything on but the upgrade to a websocket, which it refuses."""

    class Proxy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if "Upgrade" in self.headers:
                self.send_error(502)
                return
            asked = urllib.request.Request(address + self.path, headers=dict(self.headers))
            with urllib.request.urlopen(asked, timeout=30) as answer:
                body = answer.read()
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.headers["Content-Type"])
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.long
def test_a_job_is_followed_where_no_websocket_can_be_had(head, tmp_path):
    file = write(tmp_path, "polled")
    sent = head.sweep("submit", file, "--no-install", folder=tmp_path)
    assert sent.returncode == 0, sent.stderr
    with without_websockets(head.address) as address:
        done = head.sweep("logs", "polled", "-f", folder=tmp_path, RAY_ADDRESS=address)
    assert done.returncode == 0, done.stderr
    assert "trained 4 trials" in done.stdout
    assert done.stdout == head.sweep("logs", "polled", folder=tmp_path).stdout


def test_a_running_sweep_is_refused_again_and_stops_with_all_it_has(head, tmp_path):
    file = write(tmp_path, "endless")
    words = ("submit", file, *ENDLESS, "--no-install", "--name", "mine")
    assert head.sweep(*words, folder=tmp_path).stdout == "mine\n"
    twice = head.sweep("submit", file, "--no-install", folder=tmp_path)
    assert twice.returncode == 2
    assert "must run in one job at a time (job mine is " in twice.stderr
    assert "`sweep stop mine --address http://" in twice.stderr
    until = time.monotonic() + 60
    while not list((head.home / "sweep-results/endless/checkpoints").glob("*.checkpoint")):
        assert time.monotonic() < until, head.sweep("logs", "mine", folder=tmp_path).stdout
        time.sleep(0.1)
    stopped = head.sweep("stop", "mine", folder=tmp_path)
    assert stopped.returncode == 0, stopped.stderr
    assert "interrupted with 4 to go" in stopped.stdout
    assert "job mine stopped" in stopped.stdout
    assert head.sweep("logs", "mine", "-f", folder=tmp_path).returncode == 130
    assert head.sweep("stop", "mine", folder=tmp_path).returncode == 0
    assert head.sweep("fetch", "mine", "--output", "here", folder=tmp_path).returncode == 0
    trials = read_trials(tmp_path / "here")
    assert set(trials["stop_reason"]) == {"cancelled"}
    assert trials["epochs"].min() > 0


def test_a_job_is_watched_and_stopped_from_a_page(head, tmp_path):
    file = write(tmp_path, "seen")
    words = ("submit", file, *ENDLESS, "--no-install", "--name", "shown")
    assert head.sweep(*words, folder=tmp_path).returncode == 0
    serve = ["serve", "results", "--port", "0", "--address", head.address, "--allow-submit"]
    server = subprocess.Popen(
        [sys.executable, "-m", "sweep", *serve],
        cwd=tmp_path,
        env=head.environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert server.stderr is not None
    try:
        url = server.stderr.readline().removeprefix("serving at ").strip()
        with httpx.Client(base_url=url.partition("?")[0], timeout=180) as client:
            assert client.get(url, follow_redirects=True).status_code == 200
            assert "/jobs/shown" in client.get("/live").json()["sections"]["jobs"]
            until = time.monotonic() + 60
            while not any(
                worker["pack"] for worker in client.get("/jobs/shown/state.json").json()["workers"]
            ):
                assert time.monotonic() < until, client.get("/jobs/shown").text
                time.sleep(0.3)
            assert "trials of it ended" in client.get("/jobs/shown").text
            own = {"X-Sweep": "1"}
            assert client.post("/jobs/shown/stop", headers=own).status_code == 204
            over = client.get("/jobs/shown/state.json").json()
            assert (over["state"], over["counts"]) == ("stopped", {"cancelled": 4})
            assert "interrupted with 4 to go" in client.get("/jobs/shown/log").text
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(30)
        server.stderr.close()
    watching = ("watch", "shown", "--address", head.address)
    watched = head.sweep(*watching, folder=tmp_path)
    assert watched.returncode == 0, watched.stderr
    assert watched.stdout.startswith("seen stopped · ")


@pytest.mark.long
def test_failed_trials_of_ones_own_code_make_the_job_fail(head, tmp_path):
    write_module(tmp_path, "faulty", FAULTY)
    tree = small_sweep()
    del tree["fixed"]["activation"]
    grid = tree["grid"] | {"activation": ["faulty:activation"], "replicates": 1}
    file = write(tmp_path, "failing", fixed=tree["fixed"], grid=grid)
    words = ("submit", file, "--no-install", "--follow", "--output", f"{tmp_path}/out")
    done = head.sweep(*words, folder=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "trained 2 trials" in done.stdout
    errors = read_trials(tmp_path / "out")["error"]
    assert set(errors) == {"ValueError: no such thing"}


def test_without_the_token_it_is_said_where_that_is(head, tmp_path):
    file = write(tmp_path, "shut")
    wrong = tmp_path / "wrong"
    wrong.write_text("0" * 64)
    for changes in (
        {"RAY_AUTH_TOKEN_PATH": str(wrong)},
        {"RAY_AUTH_TOKEN_PATH": str(tmp_path / "absent")},
        {"RAY_AUTH_MODE": "disabled"},
    ):
        done = head.sweep("submit", file, "--no-install", folder=tmp_path, **changes)
        assert done.returncode == 2
        assert "must be opened with the cluster's token" in done.stderr
        assert "put the head's ~/.ray/auth_token at the same place here, mode 600" in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_wrong_input_is_said_before_anything_is_sent(head, tmp_path):
    file = write(tmp_path, "wrong")
    for words, said in {
        ("submit", file, "grid.learning_rate=-1"): "must be > 0 (got -1)",
        ("submit", file, "--output", "results/x"): "--output must be a path from / or ~/",
        ("stop", "nobody"): "must have a job or a sweep 'nobody'",
        ("run", file): "(got a job server, http://127.0.0.1:",
    }.items():
        done = head.sweep(*words, folder=tmp_path)
        assert done.returncode == 2
        assert said in done.stderr
    nowhere = head.sweep("jobs", folder=tmp_path, RAY_ADDRESS="http://127.0.0.1:9")
    assert nowhere.returncode == 2
    assert "--address must be that of a running Ray cluster" in nowhere.stderr
    unsaid = head.sweep("jobs", folder=tmp_path, RAY_ADDRESS="")
    assert "--address must be that of a cluster's job server" in unsaid.stderr
