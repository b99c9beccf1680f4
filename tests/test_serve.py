"""Claims: pages show what is in results and nothing else, to those who may see it."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("uvicorn")
pytest.importorskip("starlette")

import httpx
import uvicorn

from sweep.errors import SweepError
from sweep.live.places import key_of
from sweep.serve.app import make_app
from sweep.serve.catalogue import Catalogue
from sweep.serve.guard import Rules
from sweep.serve.pages import Pages
from sweep.serve.reports import Reports
from sweep.serve.server import ServeOptions, serve
from sweep.serve.site import Site
from sweep.serve.submission import Runs, check, stop_here
from sweep.store.places.layout import ResultsDir
from sweep.store.runs import record_run
from sweep.store.tables.encoding import encode
from sweep.store.tables.writer import Writer
from sweep.trial import StopReason
from tests.store_fixtures import make_result
from tests.sweepfiles import small

OWN = {"X-Sweep": "1"}
TOKEN = "a token of some length"
HOSTILE = "<script>alert(1)</script>\"'&\x1b[2J\u202e"


@contextmanager
def visitor(
    places: Path, *, token: str | None = None, submits: bool = False, host: str = "127.0.0.1"
) -> Iterator[httpx.Client]:
    """Hold a client of a server that shows what is below a folder, and calls it `host`."""
    site = Site(
        Catalogue([str(places)]),
        Pages(may_submit=submits),
        Reports(places),
        Runs(places) if submits else None,
    )
    app = make_app(site, Rules(8080, frozenset({"known"}), token))
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", ws="none"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        try:
            with httpx.Client(base_url=url, headers={"Host": host}, timeout=60) as client:
                yield client
        finally:
            server.should_exit = True
            thread.join()


def write(directory: ResultsDir, *results: Any) -> str:
    with Writer(directory) as writer:
        writer.append(encode(results, "study"))
    return f"/sweeps/{key_of(directory)}"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "known", "KNOWN", "[::1]", "10.1.2.3"])
def test_a_server_answers_to_its_names(tmp_path: Path, host: str) -> None:
    with visitor(tmp_path, host=host) as client:
        assert client.get("/").status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "known.evil.example", "127.0.0.1.evil.example", "[::1", "[x]", ""]
)
def test_a_name_that_others_point_here_is_refused(tmp_path: Path, host: str) -> None:
    with visitor(tmp_path, host=host) as client:
        assert client.get("/").status_code == 421
        assert client.get("/assets/live.js").status_code == 421


def test_the_token_lets_in_once_and_then_a_cookie_does(tmp_path: Path) -> None:
    with visitor(tmp_path, token=TOKEN) as client:
        for path in ("/", "/live", "/assets/live.js", "/nothing"):
            assert client.get(path).status_code == 401
        for wrong in ("", "a token", TOKEN + "x", "\xff"):
            assert client.get("/", params={"token": wrong}).status_code == 401
        answer = client.get("/live", params={"token": TOKEN, "x": "1"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/live?x=1")
        cookie = answer.headers["set-cookie"]
        assert TOKEN not in cookie
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert client.get("/").status_code == 200
        client.cookies.clear()
        assert client.get("/").status_code == 401
        shown = {"Authorization": f"Bearer {TOKEN}"}
        assert client.get("/", headers=shown).status_code == 200
        away = client.get(f"{client.base_url}//evil.example/", params={"token": TOKEN})
        assert away.headers["location"].startswith("/evil.example")


def test_what_reads_only_takes_no_commands(tmp_path: Path) -> None:
    page = write(ResultsDir(tmp_path / "study"), make_result())
    with visitor(tmp_path) as client:
        assert client.get("/submit").status_code == 404
        for path in ("/check", "/submit", f"{page}/stop", "/"):
            assert client.post(path, headers=OWN).status_code in (404, 405)
        assert "data-post" not in client.get(page).text


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Sweep": "0"},
        OWN | {"Origin": "http://evil.example"},
        OWN | {"Origin": "null"},
        OWN | {"Origin": "http://[::1"},
        OWN | {"Sec-Fetch-Site": "cross-site"},
        OWN | {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_command_from_another_page_is_refused(tmp_path: Path, headers: dict[str, str]) -> None:
    with visitor(tmp_path, submits=True) as client:
        answer = client.post("/check", json={"text": "name: x"}, headers=headers)
        assert answer.status_code == 403


def test_pages_may_load_only_what_is_of_the_server(tmp_path: Path) -> None:
    page = write(ResultsDir(tmp_path / "study"), make_result())
    with visitor(tmp_path) as client:
        for path in ("/", page, f"{page}/live", "/assets/serve.css", "/nothing"):
            headers = client.get(path).headers
            assert "default-src 'none'" in headers["content-security-policy"]
            assert "unsafe" not in headers["content-security-policy"]
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "no-referrer"
        assert "style=" not in client.get(page).text


def test_nothing_beside_the_results_is_served(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    page = write(ResultsDir(tmp_path / "study"), make_result())
    with visitor(tmp_path) as client:
        for path in (
            "/assets/../app.py",
            "/assets/..%2fapp.py",
            "/sweeps/..%2fsecret.txt",
            "/sweeps/0000000000000000",
            f"{page}/trials/..%2f..%2fsecret.txt",
            f"{page}/trials/zzzzzzzzzzzzzzzz",
            f"{page}/../secret.txt",
        ):
            answer = client.get(path)
            assert answer.status_code == 404
            assert "secret" not in answer.text.replace("secret.txt", "")


def test_hostile_names_and_errors_are_text(tmp_path: Path) -> None:
    directory = ResultsDir(tmp_path / HOSTILE.replace("/", "_"))
    outcome = {"error": HOSTILE, "traceback": f"at\n  {HOSTILE}"}
    failed = make_result(StopReason.FAILED, seed=1, outcome=outcome, activation=HOSTILE)
    page = write(directory, failed, make_result(seed=2, dataset=HOSTILE))
    record = {
        "text": HOSTILE,
        "phase": HOSTILE,
        "workers": [{"number": 1, "host": HOSTILE, "pack_id": HOSTILE, "trials": 1}],
    }
    trial = f"{page}/trials/{failed.trial.trial_id}"
    with visitor(tmp_path) as client, Writer(directory):
        Path(str(directory.progress)).write_text(json.dumps(record))
        for path in ("/", page, trial):
            text = client.get(path).text
            assert "<script>alert" not in text
            assert "&lt;script&gt;alert" in text
            assert "\x1b" not in text
            assert "\u202e" not in text
        sections = client.get(f"{page}/live").json()["sections"]
        assert "<script" not in "".join(sections.values())
        assert "&lt;script" in sections["workers"]
        assert "&lt;script" in sections["failures"]


def test_a_page_that_knows_what_there_is_gets_nothing_again(tmp_path: Path) -> None:
    directory = ResultsDir(tmp_path / "study")
    page = write(directory, make_result(seed=1))
    with visitor(tmp_path) as client:
        first = client.get(f"{page}/live")
        tag = {"If-None-Match": first.headers["etag"]}
        again = client.get(f"{page}/live", headers=tag)
        assert (again.status_code, again.content) == (304, b"")
        write(directory, make_result(seed=2))
        time.sleep(0.6)  # what was looked at is kept for half a second
        changed = client.get(f"{page}/live", headers=tag)
        assert changed.status_code == 200
        assert "2 trials" in changed.json()["sections"]["head"]
        assert client.get(f"{page}/state.json").json()["held"] == 2


def test_a_damaged_sweep_does_not_hide_the_others(tmp_path: Path) -> None:
    write(ResultsDir(tmp_path / "good"), make_result())
    bad = write(ResultsDir(tmp_path / "bad"), make_result())
    (part,) = (tmp_path / "bad" / "trials").iterdir()
    part.write_bytes(b"<b>no parquet</b>")
    with visitor(tmp_path) as client:
        text = client.get("/").text
        assert "unreadable" in text
        assert ">good</a>" in text
        answer = client.get(bad)
        assert answer.status_code == 409
        assert "must be a whole Parquet file" in answer.text
        assert answer.headers["content-type"].startswith("text/plain")


@pytest.mark.slow
def test_the_report_is_made_apart_and_runs_apart(tmp_path: Path) -> None:
    pytest.importorskip("sweep.reports.page.document")
    directory = ResultsDir(tmp_path / "study")
    page = write(directory, *(make_result(seed=seed) for seed in range(4)))
    record_run(directory, "name: study", {"overrides": []})
    with visitor(tmp_path) as client:
        end = time.monotonic() + 60
        while "is being made" in (answer := client.get(f"{page}/report")).text:
            assert time.monotonic() < end
            time.sleep(0.2)
        assert answer.status_code == 200, answer.text
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("sandbox allow-scripts")
        assert "allow-same-origin" not in policy
        assert "study" in answer.text


@pytest.mark.slow
def test_a_sweep_file_is_checked_as_by_the_command(tmp_path: Path) -> None:
    with visitor(tmp_path, submits=True) as client:

        def checked(text: str) -> dict[str, Any]:
            answer = client.post("/check", json={"text": text}, headers=OWN)
            assert answer.status_code == 200, answer.text
            found: dict[str, Any] = answer.json()
            return found

        good = checked(yaml.safe_dump(small()))
        assert good["faults"] == []
        assert good["name"] == "small"
        assert "trials      1" in good["plan"]
        bad = small(fixed={"learning_rate": -1, "optimizer": "sdg"})
        faults = checked(yaml.safe_dump(bad))["faults"]
        lines = yaml.safe_dump(bad).splitlines()
        assert ["learning_rate" in lines[fault["line"] - 1] for fault in faults].count(True) == 1
        assert len(faults) == 2
        assert not any("/tmp" in fault["text"] for fault in faults)
        (code,) = checked(yaml.safe_dump(small(fixed={"activation": "os:system"})))["faults"]
        assert "activation" in code["text"]
        assert checked("a: [")["faults"]
        assert checked("")["faults"]


def test_what_is_no_sweep_file_is_refused(tmp_path: Path) -> None:
    with visitor(tmp_path, submits=True) as client:
        for body, code in (
            (b"no json", 400),
            (b'{"text": 3}', 400),
            (b'{"text": "\\ud800"}', 400),
            (b"[]", 400),
        ):
            headers = OWN | {"Content-Type": "application/json"}
            assert client.post("/check", content=body, headers=headers).status_code == code
        assert client.post("/check", content=b"{}", headers=OWN).status_code == 415
        large = json.dumps({"text": "x" * 8_000_001}).encode()
        headers = OWN | {"Content-Type": "application/json"}
        assert client.post("/check", content=large, headers=headers).status_code == 413


@pytest.mark.slow
def test_code_of_ones_own_is_not_run_to_check_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("open('ran', 'w').close()\ndef f(x):\n    return x\n")
    found = check(yaml.safe_dump(small(fixed={"activation": "mine:f"})), tmp_path)
    assert found.faults
    assert not (tmp_path / "ran").exists()


def test_only_the_process_that_holds_the_lock_is_stopped(tmp_path: Path) -> None:
    directory = ResultsDir(tmp_path)
    write(directory, make_result())
    with pytest.raises(SweepError, match="nobody writes here"):
        stop_here(directory)
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        with Writer(directory):
            lock = tmp_path / "writer.lock"
            said = json.loads(lock.read_text())
            lock.write_text(json.dumps(said | {"pid": bystander.pid}))
            with pytest.raises(SweepError, match="cannot be stopped from here"):
                stop_here(directory)
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"token": "short"}, "--token must have at least 16 characters"),
        ({"places": [__file__]}, "must be a folder of results (got a file)"),
        ({"places": ["s3://bucket/x"], "may_submit": True}, "must have a folder to put results in"),
        ({"host": "nowhere.invalid"}, "--host and --port must be free to listen at"),
    ],
)
def test_wrong_options_are_said(options: dict[str, Any], said: str) -> None:
    with pytest.raises(SweepError) as caught:
        serve(ServeOptions(**{"places": ["."], "port": 0} | options), print)
    assert said in str(caught.value)


def test_it_is_said_how_to_install_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(SweepError, match=r"pip install 'autoencoder-sweep\[serve\]'"):
        serve(ServeOptions(places=["."], port=0), print)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "has_token"),
    [((), False), (("--allow-submit",), True), (("--host", "0.0.0.0"), True)],
)
def test_a_token_is_printed_where_one_is_needed(
    tmp_path: Path, words: tuple[str, ...], has_token: bool
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "sweep", "serve", str(tmp_path), "--port", "0", *words],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    with process.stderr:
        line = process.stderr.readline()
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(20) in (0, 130)
        rest = process.stderr.read()
    assert line.startswith("serving at http://")
    assert ("?token=" in line) is has_token
    assert "Traceback" not in rest
