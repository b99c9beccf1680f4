"""The reading commands print what they promise, and import no more than they need."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sweep.cli.main import COMMANDS, main
from sweep.store.places.layout import ResultsDir
from sweep.store.runs import record_run
from sweep.store.tables.encoding import encode
from sweep.store.tables.writer import Writer
from sweep.trial import StopReason
from tests.store_fixtures import make_result

RESULTS = [
    make_result(seed=1, learning_rate=0.1, epochs=30),
    make_result(seed=2, learning_rate=0.2, epochs=20),
    make_result(StopReason.FAILED, seed=3, learning_rate=0.3, epochs=10),
]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the results of the sweep `study` under `results/`."""
    monkeypatch.chdir(tmp_path)
    with Writer(ResultsDir(tmp_path / "results" / "study")) as writer:
        writer.append(encode(RESULTS, "study"))
    return tmp_path


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@pytest.mark.parametrize("name", ["results", "show", "status", "report", "codes"])
def test_a_command_has_help(name: str) -> None:
    result = call(name, "--help")
    assert result.exit_code == 0
    assert f"Usage: main {name} [OPTIONS]" in result.stdout


def test_help_names_every_command() -> None:
    result = call("--help")
    assert all(f"  {name}  " in result.stdout for name in COMMANDS)


def test_the_version_names_what_results_depend_on() -> None:
    names = [line.split()[0] for line in call("--version").stdout.splitlines()]
    assert names == ["sweep", "torch", "ray", "pyarrow"]


def test_a_wrong_command_gets_the_nearest_word() -> None:
    result = call("reslts")
    assert result.exit_code == 2
    assert "did you mean 'results'?" in result.stderr


def test_results_are_a_table_on_stdout(here: Path) -> None:
    result = call("results", "study", "--where", "epochs < 25", "--columns", "seed,epochs,status")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == ("seed  epochs  status\n   2      20  finished\n   3      10  failed\n")


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("csv", "seed,epochs\n3,10\n2,20\n"),
        ("markdown", "| seed | epochs |\n| ---: | ---: |\n| 3 | 10 |\n| 2 | 20 |\n"),
    ],
)
def test_results_come_in_several_forms(here: Path, form: str, text: str) -> None:
    options = ["--sort", "epochs", "--top", "2", "--columns", "seed,epochs", "--format", form]
    assert call("results", "study", *options).stdout == text


def test_results_as_json_are_for_programs(here: Path) -> None:
    rows = json.loads(call("results", "study", "--format", "json").stdout)
    assert [row["learning_rate"] for row in rows] == [0.1, 0.2, 0.3]
    assert rows[2]["final_loss"] is None


def test_a_column_asked_for_twice_is_shown_once(here: Path) -> None:
    for form in ("json", "csv", "table", "markdown"):
        once, twice = (
            call("results", "study", "--columns", columns, "--format", form)
            for columns in ("trial_id,seed", "trial_id,seed,trial_id")
        )
        assert (twice.exit_code, twice.stdout) == (0, once.stdout)


def test_a_condition_nested_too_deeply_is_said_plainly(here: Path) -> None:
    result = call("results", "study", "--where", "not " * 5000 + "epochs > 1")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("--where: must be nested less deeply (got 'not not ")
    assert len(result.stderr) < 300


def test_results_are_found_by_directory_name_or_file(here: Path) -> None:
    (here / "any.yaml").write_text("name: study\n")
    texts = {call("results", given).stdout for given in ("results/study", "study", "any.yaml")}
    assert len(texts) == 1
    assert texts != {""}


def test_results_that_are_not_there_get_the_nearest_name(here: Path) -> None:
    result = call("results", "stdy")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "stdy: must hold results of a sweep (got none; did you mean 'study'?)\n"


def test_a_wrong_condition_is_said_plainly(here: Path) -> None:
    result = call("results", "study", "--where", "epoch < 3")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == ("--where: must name a column (got 'epoch'; did you mean 'epochs'?)\n")


def test_show_finds_a_trial_in_any_results(here: Path) -> None:
    trial_id = RESULTS[0].trial.trial_id
    assert trial_id in call("show", trial_id[:8]).stdout
    record = json.loads(call("show", trial_id, "--results", "study", "--json").stdout)
    assert (record["trial_id"], record["epochs"], len(record["curve"])) == (trial_id, 30, 3)


@pytest.mark.parametrize("text", ["", "[]", '{"config": "a: 1", "overr', "[" * 100_000, "\xff"])
def test_a_damaged_record_of_a_run_is_named(here: Path, text: str) -> None:
    record = here / "results/study/runs/20990101T000000Z.json"
    record.parent.mkdir(exist_ok=True)
    record.write_text(text, "latin-1")
    for words in (("status", "study"), ("verify", "study")):
        result = CliRunner().invoke(main, words)
        assert (result.exit_code, type(result.exception)) == (2, SystemExit)
        said = result.output.splitlines()[-1]
        assert "runs/20990101T000000Z.json: must be the record of a run" in said


def test_status_counts_and_names_the_writer(here: Path) -> None:
    status = json.loads(call("status", "study", "--json").stdout)
    assert status["trials"] == 3
    assert status["by_status"] == {"finished": 2, "failed": 1}
    assert status["by_stop_reason"] == {"converged": 2, "failed": 1}
    assert status["writer"] is None
    assert "nobody is writing" in call("status", "study").stdout
    with Writer(ResultsDir(here / "results" / "study")):
        assert f"being written by pid {os.getpid()}" in call("status", "study").stdout


def test_status_counts_what_is_done_of_what_the_latest_run_asked_for(here: Path) -> None:
    directory = ResultsDir(here / "results" / "study")
    assert json.loads(call("status", "study", "--json").stdout)["total"] is None
    record_run(directory, "name: study\n", {"overrides": [], "trials": 9, "done": 2})
    assert "2 of 9 that the latest run asked for" in call("status", "study").stdout
    later = [make_result(seed=4, minutes=1e8), make_result(seed=5, minutes=1e8)]
    later.append(make_result(StopReason.CANCELLED, seed=6, minutes=1e8))
    with Writer(directory) as writer:
        writer.append(encode(later, "study"))
    status = json.loads(call("status", "study", "--json").stdout)
    assert (status["trials"], status["done"], status["total"]) == (6, 4, 9)


@pytest.mark.slow
def test_report_prints_where_it_and_its_page_lie(here: Path) -> None:
    result = call("report", "study", "--output", "out/mine.md")
    assert (result.exit_code, result.stdout) == (0, "out/mine.md\nout/mine.html\n")
    assert (here / "out" / "mine.md").read_text().startswith("# Report on study\n")
    assert "<title>study</title>" in (here / "out" / "mine.html").read_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [
        (["--help"], ["torch", "ray", "pandas", "numpy", "pyarrow"]),
        (["results", "study"], ["torch", "ray", "matplotlib", "scipy"]),
        (["show", "", "--results", "study"], ["torch", "ray", "matplotlib"]),
        (["status", "study"], ["torch", "ray", "matplotlib"]),
        (["report", "study"], ["torch", "ray"]),
    ],
)
def test_reading_imports_no_more_than_it_needs(
    here: Path, arguments: Sequence[str], unwanted: Sequence[str]
) -> None:
    code = (
        "import sys\nfrom sweep.cli.main import main\n"
        f"main({list(arguments)!r}, standalone_mode=False)\n"
    )
    code = code.replace("main([", "try: main([").rstrip("\n") + "\nexcept SystemExit: pass\n"
    code += f"print([m for m in {list(unwanted)!r} if m in sys.modules], file=sys.stderr)"
    root = str(Path(__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": root}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stderr.splitlines()[-1] == "[]"
