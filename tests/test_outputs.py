"""Claims: what commands print as JSON is what `sweep schema --output` says of it."""

import json
import shlex
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import jsonschema
import pytest
from click.testing import CliRunner

import sweep
from sweep.cli.main import COMMANDS, main
from sweep.cli.outputs import OUTPUTS, output_schema
from sweep.jobs.control import JobState, SweepJob
from tests.sweepfiles import small

SCHEDULED = {"scheduler": {"name": "asha", "first_rung": 10, "eta": 3}}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory with a sweep file, its results, and those of another sweep."""
    folder = tmp_path_factory.mktemp("outputs")
    grid = {"topology": ["4-2-4", "4-3-4"], "replicates": 3}
    (folder / "small.json").write_text(json.dumps(small(grid=grid)))
    (folder / "asha.json").write_text(json.dumps(small(grid=grid) | SCHEDULED))
    sweep.run(small(grid=grid), output=folder / "results/small", use_ray=False)
    faster = small(grid=grid, name="other", fixed={"learning_rate": 0.5})
    sweep.run(faster, output=folder / "results/other", use_ray=False)
    return folder


def printed(*words: str) -> Any:
    result = CliRunner().invoke(main, words)
    assert result.exit_code in (0, 1), result.output
    return json.loads(result.stdout)


def check(command: str, value: Any) -> None:
    schema = output_schema(command)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(value)


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        "plan small.json --output none --json",
        "plan small.json --json --estimate --output none",
        "plan asha.json --output none --json",
        "run small.json --no-ray --json",
        "status small --json",
        "results small --format json",
        "results small --format json --columns all",
        "query small 'SELECT topology, count(*) FROM trials GROUP BY ALL' --json",
        "show {trial} --json",
        "codes {trial} --json",
        "codes {trial} --against {trial} --json",
        "compare small other --json",
        "replay small --scheduler asha,first_rung=10 --json --resamples 3",
        "verify small --sample 2 --json",
        "doctor small --json",
    ],
)
def test_what_is_printed_is_as_the_schema_says(
    words: str, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(here)
    trial = sweep.read_trials("results/small")["trial_id"][0]
    command, *rest = shlex.split(words.format(trial=trial))
    check(command, printed(command, *rest))


def test_jobs_are_as_the_schema_says() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    job = SweepJob(
        job_id="a-1",
        sweep="a",
        results="/r",
        state=JobState.SUCCEEDED,
        message="done",
        started=now,
        ended=now,
        exit_code=0,
        node_id="n",
    )
    record = json.loads(json.dumps(asdict(job) | {"outcome": job.outcome}, default=str))
    check("jobs", [record])
    check("status", record | {"latest": "trained 1", "progress": None})


def test_a_key_that_is_not_there_is_told(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(here)
    plan = printed("plan", "small.json", "--json")
    for wrong in ({**plan, "more": 1}, {k: v for k, v in plan.items() if k != "packs"}):
        with pytest.raises(jsonschema.ValidationError):
            check("plan", wrong)


def test_every_command_that_prints_json_has_a_schema() -> None:
    group = click.Context(main)
    commands = {name: main.get_command(group, name) for name in COMMANDS}
    having = {
        name
        for name, command in commands.items()
        if command and any("--json" in parameter.opts for parameter in command.params)
    }
    assert having | {"results"} == set(OUTPUTS)


@pytest.mark.parametrize("command", OUTPUTS)
def test_schemas_are_printed(command: str) -> None:
    assert printed("schema", "--output", command)["title"] == f"What sweep {command} prints as JSON"


def test_a_command_without_json_is_said() -> None:
    result = CliRunner().invoke(main, ["schema", "--output", "pln"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("--output: must be one of plan, run, ")
    assert "did you mean 'plan'?" in result.stderr
