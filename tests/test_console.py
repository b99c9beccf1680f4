"""Claims: nothing that comes from a file, a table, a log or a server steers the terminal."""

import io
import json
import os
import pty
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from rich.text import Text

from sweep.cli.console import Guard, styled_console
from sweep.cli.main import COMMANDS, main
from sweep.printable import printable_line, printable_text
from sweep.store.places.layout import ResultsDir
from sweep.store.tables.encoding import encode
from sweep.store.tables.writer import Writer
from sweep.trial import StopReason
from tests.cluster_sweeps import small_sweep
from tests.store_fixtures import make_result

STEERING = "\x1b]0;owned\x07\x1b[2J\x9b31m\x7f\r\u202e\u2066\u2069\u200b\u200d\ufeff\u2028\x85"
HOSTILE = f"x{STEERING}\nforged\ttab"
NAME = f"odd{STEERING}\nforged"  # a file may be called so
UNWANTED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
RAY_NEEDED = {"submit", "jobs", "logs", "stop", "fetch"}


def call(*words: str) -> Result:
    return CliRunner().invoke(main, words)


def is_tame(result: Result, *, logs: bool = False) -> bool:
    """Whether output holds nothing that steers, and unless it is a log no line that is forged."""
    lines = result.output.split("\n")
    forged = not logs and any(line.startswith("forged") for line in lines)
    return not UNWANTED.search(result.output) and not forged


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Results whose every text is hostile, as is their own name."""
    monkeypatch.chdir(tmp_path)
    sound = make_result(seed=1, dataset=HOSTILE)
    broken = make_result(
        StopReason.FAILED,
        seed=2,
        dataset=HOSTILE,
        activation=HOSTILE,
        outcome={"error": HOSTILE, "traceback": HOSTILE},
    )
    rows = [replace(r, provenance=replace(r.provenance, host=HOSTILE)) for r in (sound, broken)]
    directory = ResultsDir(tmp_path / "results" / NAME)
    with Writer(directory) as writer:
        writer.append(encode(rows, HOSTILE))
    return f"results/{NAME}"


@contextmanager
def job_server() -> Iterator[str]:
    """Hold a job server that answers everything with hostile words."""
    job = {
        "type": "SUBMISSION",
        "submission_id": HOSTILE,
        "status": "FAILED",
        "entrypoint": HOSTILE,
        "message": HOSTILE,
        "metadata": {"sweep": HOSTILE, "results": HOSTILE},
        "start_time": 1,
        "end_time": 2,
    }

    class Server(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            posted = {"submission_id": HOSTILE, "job_id": HOSTILE}
            answers: dict[str, object] = {
                "/api/version": {"ray_version": "2.60.0", "version": "4"},
                "/api/jobs/": [job] if self.command == "GET" else posted,
            }
            answer: object = {"logs": f"a log\n{HOSTILE}\n"} if self.path.endswith("logs") else job
            answer = {"deleted": True} if self.command == "DELETE" else answer
            body = json.dumps(answers.get(self.path, answer)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 the names are http.server's

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def sweep_file(**blocks: object) -> str:
    Path(NAME).mkdir()
    path = Path(NAME) / "sweep.yaml"
    path.write_text(yaml.safe_dump(small_sweep(**blocks), allow_unicode=True))
    return str(path)


def plan(_: str) -> list[Result]:
    Path("table.csv").write_text("1,2\n3,4\n5,6\n")
    table = Path("table.csv").rename(f"{NAME}.csv")
    good = sweep_file(dataset={"name": "table", "path": str(table)}, grid={"topology": "2-1-2"})
    return [
        call("plan", good, "--output", NAME),
        call("plan", good, f"fixed.{HOSTILE}={HOSTILE}"),
        call("plan", good, f"fixed.activation={HOSTILE}"),
    ]


def run(_: str) -> list[Result]:
    Path("odd.py").write_text(f"def f(x):\n    raise ValueError({HOSTILE!r})\n")
    file = sweep_file(fixed=small_sweep()["fixed"] | {"activation": "odd:f"})
    words = ("run", file, "--no-ray", "--engine", "reference", "--output", NAME)
    return [call(*words) for _ in range(2)]


def reading(*words: str) -> Callable[[str], list[Result]]:
    """Return a scenario that calls a command on the results, which come where {} stands."""

    def scenario(results: str) -> list[Result]:
        return [call(*(word.format(results) for word in words))]

    return scenario


def show(results: str) -> list[Result]:
    ids = [make_result(seed=1, dataset=HOSTILE).trial.trial_id]
    ids.append(make_result(seed=2, dataset=HOSTILE, activation=HOSTILE).trial.trial_id)
    pages = [call("show", trial_id, "--results", results) for trial_id in ids]
    return [*pages, call("show", "", "--results", results)]


def result_forms(results: str) -> list[Result]:
    forms = ("table", "json", "markdown")
    tables = [call("results", results, "--columns", "all", "--format", form) for form in forms]
    return [*tables, call("results", results, "--where", f"'{STEERING}' == epoch")]


def doctor(results: str) -> list[Result]:
    Path(results, "trials", "part-000009.parquet").write_text(HOSTILE)
    return [call("doctor", results), call("doctor", results, "--repair")]


def prune(results: str) -> list[Result]:
    file = sweep_file()
    return [call("prune", results, file), call("prune", results, file, "--finished", "--yes")]


def asking(*words: str) -> Callable[[str], list[Result]]:
    """Return a scenario that calls a command on a job server."""

    def scenario(_: str) -> list[Result]:
        with job_server() as address:
            return [call(*words, "--address", address)]

    return scenario


def submit(_: str) -> list[Result]:
    with job_server() as address:
        file = sweep_file()
        words = ("submit", file, "--no-install", "--address", address)
        return [call(*words, "--output", HOSTILE), call(*words, "--name", HOSTILE)]


def status(results: str) -> list[Result]:
    with Writer(ResultsDir(Path(results))):
        Path(results, "writer.lock").write_text(json.dumps({"pid": 1, "host": HOSTILE}))
        return [call("status", results), *asking("status", HOSTILE)(results)]


def init(_: str) -> list[Result]:
    """Call it on a table whose name and header are hostile, and on a file that is none."""
    table = Path(f"{NAME}.csv")
    table.write_text(f'"{STEERING}",b,c\n0.1,2,3\n0.4,5,6\n0.7,8,10\n')
    return [call("init", str(table)), call("init", f"{NAME}.tar")]


def query(results: str) -> list[Result]:
    errors = "SELECT status, error, host FROM trials"
    forms = [call("query", results, errors, *form) for form in ([], ["--json"])]
    return [*forms, call("query", results, f"SELECT '{STEERING}' FROM {HOSTILE}")]


SCENARIOS: dict[str, Callable[[str], list[Result]]] = {
    "init": init,
    "plan": plan,
    "run": run,
    "status": status,
    "results": result_forms,
    "show": show,
    "query": query,
    "compare": reading("compare", "{}", "{}"),
    "export": reading("export", "{}", "--to", "csv", "--where", f"dataset = '{STEERING}' or true"),
    "codes": reading("codes", "", "--results", "{}"),
    "report": reading("report", "{}"),
    "watch": reading("watch", "{}"),
    "serve": reading("serve", "{}", "--host", HOSTILE),
    "replay": reading("replay", "{}", "--scheduler", "asha"),
    "submit": submit,
    "jobs": asking("jobs"),
    "logs": asking("logs", HOSTILE),
    "stop": asking("stop", HOSTILE),
    "fetch": asking("fetch", HOSTILE),
    "verify": reading("verify", "{}"),
    "prune": prune,
    "doctor": doctor,
    "schema": reading("schema"),
    "completion": reading("completion", "bash"),
}
"""For each command, calls of it that have it print what others wrote."""


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_what_others_wrote_does_not_steer_the_terminal(name: str, results: str) -> None:
    if name in RAY_NEEDED:
        pytest.importorskip("aiohttp", reason="the job server comes with ray[default]")
    printed = SCENARIOS[name](results)
    assert all(result.output for result in printed)
    for result in printed:
        assert result.exception is None or isinstance(result.exception, SystemExit)
        assert is_tame(result, logs=name == "logs"), result.output


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize(
    "words", [[HOSTILE], ["x", HOSTILE], [f"--{HOSTILE}"], ["x", "--address", HOSTILE]]
)
def test_a_hostile_argument_does_not_steer_the_terminal(
    name: str, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ending = ["--host", HOSTILE] if name == "serve" else []  # which else waits for results there
    result = call(name, *words, *ending)
    assert result.output
    assert not UNWANTED.search(result.output)


def test_what_is_escaped_can_still_be_read() -> None:
    assert printable_text("a\tb\n\x1b[31mé\u202e") == "a\tb\n\\x1b[31mé\\u202e"
    assert printable_line("a\tb\n") == "a\\tb\\n"
    assert printable_line(printable_line("\x1b\udcff")) == "\\x1b\\udcff"


def test_a_traceback_does_not_steer_the_terminal() -> None:
    code = "from sweep.cli.console import guard_streams\nguard_streams()\n"
    code += "raise RuntimeError(chr(27) + ']0;owned' + chr(7))"
    root = Path(__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, check=False)
    assert done.stderr.splitlines()[-1] == b"RuntimeError: \\x1b]0;owned\\x07"


def test_a_stream_without_a_code_for_a_letter_gets_an_escape() -> None:
    raw = io.BytesIO()
    stream = Guard(io.TextIOWrapper(raw, "ascii", write_through=True))
    stream.write("naïve · \x1b")
    assert raw.getvalue() == b"na\\xefve \\xb7 \\x1b"


def test_our_own_colours_survive(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", Guard(stream))
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    styled_console().print(Text("\x1b[2Jred", style="red"))
    assert stream.getvalue() == "\x1b[31m\\x1b[2Jred\x1b[0m\n"


def test_csv_into_a_pipe_is_as_it_is(results: str) -> None:
    words = ("results", results, "--format", "csv", "--columns", "dataset", "--top", "1")
    assert call(*words).stdout == f'dataset\n"{HOSTILE}"\n'


def test_streams_that_are_closed_lead_nowhere_and_never_into_a_file(tmp_path: Path) -> None:
    code = """
import os, sys
from sweep.cli.console import guard_streams
guard_streams()
with open(sys.argv[1], "w") as file:
    print("a word", flush=True)
    print("a word", file=sys.stderr, flush=True)
    os.write(1, b"a library's word")
    os.write(2, b"a library's word")
    assert sys.stdin.read() == "" and not sys.stdout.isatty()
    file.write("rows")
"""
    command = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", sys.executable, "-c", code]
    root, file = Path(__file__).parents[1], tmp_path / "table"
    done = subprocess.run([*command, str(file)], cwd=root, check=False)
    assert (done.returncode, file.read_text()) == (0, "rows")


ENDING = """
import sys
import colorama
from sweep.cli.console import guard_streams
from sweep.cli.main import run_process
guard_streams()
colorama.init()  # as Numba does
sys.argv = ["sweep", "--help"]
run_process()
"""


def test_no_library_resets_the_terminal_at_the_end() -> None:
    pytest.importorskip("colorama", reason="needs colorama, which Numba uses where it is")
    leader, follower = pty.openpty()
    subprocess.run([sys.executable, "-c", ENDING], stdout=follower, check=True)
    os.close(follower)
    printed = os.read(leader, 65_536).decode()
    os.close(leader)
    assert "Usage: sweep" in printed
    assert "[0m" not in printed
