"""Claims: `sweep prune` removes what no sweep file asks for, all at once, and nothing else."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

import sweep
from sweep.cli.main import main
from sweep.config import load_config
from sweep.errors import StoreError
from sweep.planning.grid import expand
from sweep.store.places.layout import ResultsDir, TableName
from sweep.store.runs import record_run
from sweep.store.tables.encoding import encode
from sweep.store.tables.parts import part_numbers, read_table_set
from sweep.store.tables.reader import read_trials
from sweep.store.tables.snapshot import read_rows
from sweep.store.tables.writer import Writer
from sweep.trial import StopReason
from tests.cluster_sweeps import small_sweep
from tests.store_fixtures import make_result

KILLED_AT = """
import os, shutil, signal, sys
from itertools import count
from pathlib import Path
from sweep.store.places.layout import ResultsDir
from sweep.store.tables.reader import read_trials
from sweep.store.tables.writer import Writer

whole, copies = map(Path, sys.argv[1:])
unwanted = [row.trial_id for row in read_trials(whole).itertuples() if row.status == "cancelled"]
for moment in count(1):
    shutil.copytree(whole, copies / str(moment))
    child = os.fork()
    if not child:
        seen = 0
        def audit(event, _):
            global seen
            seen += event in ("os.rename", "os.remove")
            if seen == moment:
                os.kill(os.getpid(), signal.SIGKILL)
        with Writer(ResultsDir(copies / str(moment))) as writer:
            sys.addaudithook(audit)
            writer.remove(unwanted)
            os._exit(0)
    if os.waitpid(child, 0)[1] == 0:
        break
"""


def call(*words: str, say: str = "") -> Result:
    return CliRunner().invoke(main, ["prune", *words], input=say)


def seeds_of(place: str | Path) -> list[int]:
    return sorted(read_trials(place)["seed"])


def tables_of(place: Path) -> dict[str, set[str]]:
    """Return the trials that each table holds rows of."""
    found = {name: set(read_rows(place, name)["trial_id"].to_pylist()) for name in TableName}
    return {name: ids for name, ids in found.items() if ids}


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The results of small.yaml, all but one of them there, among trials it does not ask for."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(small_sweep()))
    asked = list(expand(load_config(tmp_path / "small.yaml")))
    wanted = [replace(make_result(), trial=trial) for trial in asked[:3]]
    path = tmp_path / "results" / "small"
    directory = ResultsDir(path)
    for results in (
        [*wanted[:2], make_result(seed=21), make_result(StopReason.CANCELLED, seed=22)],
        [make_result(StopReason.FAILED, seed=23), make_result(StopReason.DIVERGED, seed=24)],
        [wanted[2], make_result(StopReason.CANCELLED, seed=25)],
    ):
        with Writer(directory) as writer:
            writer.append(encode(results, "small"))
    record_run(directory, (tmp_path / "small.yaml").read_text(), {"overrides": []})
    return path


def test_what_failed_or_was_cancelled_goes_and_what_finished_stays(study: Path) -> None:
    before = seeds_of(study)
    done = call("small", "--yes")
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines() == [
        "results/small: 8 trials, of which 5 are not asked for",
        "results/small: 1 finished, 1 diverged kept: --finished removes them, too",
        "results/small: 2 cancelled, 1 failed to remove",
        "results/small: 3 trials removed",
    ]
    assert seeds_of(study) == [seed for seed in before if seed not in (22, 23, 25)]
    held = set(read_trials(study)["trial_id"])
    assert all(ids <= held for ids in tables_of(study).values())
    rows = [read_table_set(ResultsDir(study), n) for n in part_numbers(ResultsDir(study))]
    assert sum(batch.trials.num_rows for batch in rows) == 5


def test_finished_trials_go_only_where_that_is_asked_for(study: Path) -> None:
    assert call("small", "--yes", "--finished").exit_code == 0
    assert 21 not in seeds_of(study)
    assert 24 not in seeds_of(study)
    assert len(seeds_of(study)) == 3


@pytest.mark.slow
def test_nothing_goes_unless_the_answer_is_yes(study: Path) -> None:
    before = tables_of(study)
    for answer in ("n\n", "\n", ""):
        done = call("small", say=answer)
        assert done.exit_code == 1
        assert "Remove 3 trials with all that is kept of them? [y/N]" in done.output
        assert tables_of(study) == before
    assert call("small", say="y\n").exit_code == 0
    assert tables_of(study) != before


def test_files_and_their_overrides_say_what_is_asked_for(study: Path) -> None:
    narrower = ("small.yaml", "grid.learning_rate=[0.1]")
    done = call("small", *narrower, "--finished", say="n\n")
    assert "8 trials, of which 6 are not asked for" in done.stdout
    done = call("small", *narrower, "small.yaml", "grid.learning_rate=[0.2]", say="n\n")
    assert "8 trials, of which 5 are not asked for" in done.stdout


def test_all_runs_of_the_file_as_it_was_last_run_count(study: Path) -> None:
    text = Path("small.yaml").read_text()
    overrides = ["grid.learning_rate=[0.1]"]
    record_run(ResultsDir(study), text, {"overrides": overrides})
    assert "of which 5 are not asked for" in call("small", say="n\n").stdout
    record_run(ResultsDir(study), text + "# edited\n", {"overrides": overrides})
    assert "of which 6 are not asked for" in call("small", say="n\n").stdout


def test_what_another_sweep_in_the_same_table_asks_for_is_kept(study: Path) -> None:
    fixed = small_sweep()["fixed"] | {"seed": 7}
    other = yaml.safe_dump(small_sweep(name="other", fixed=fixed))
    record_run(ResultsDir(study), other, {"overrides": []})
    assert "8 trials, of which 5 are not asked for" in call("small", say="n\n").stdout


def test_without_a_recorded_run_a_file_must_be_named(study: Path) -> None:
    shutil.rmtree(study / "runs")
    done = call("small", "--yes")
    assert done.exit_code == 2
    assert done.stderr.endswith("(got none); name the sweep file\n")


def test_a_state_from_which_a_missing_trial_goes_on_is_kept(study: Path) -> None:
    asked = list(expand(load_config(Path("small.yaml"), ["convergence.max_epochs=20"])))
    shorter = [replace(make_result(StopReason.CANCELLED), trial=trial) for trial in asked]
    with Writer(ResultsDir(study)) as writer:  # of four paths, the trial of one is missing
        writer.append(encode(shorter, "small"))
    done = call("small", "--yes")
    assert "1 cancelled kept: trials asked for can go on from them" in done.stdout
    assert "5 cancelled, 1 failed to remove" in done.stdout


def test_the_only_state_of_a_path_that_is_asked_for_is_kept(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    tree = small_sweep(record={"state": "resumable"})
    asked = tree | {"convergence": {"epochs": 40}}
    sweep.run(tree, use_ray=False)  # to max_epochs 40, which leaves a state
    assert sweep.run(asked, use_ray=False).derived == 4  # and so has none of its own
    Path("asked.yaml").write_text(yaml.safe_dump(asked))
    done = call("small", "asked.yaml", "--yes", "--finished")
    assert "4 finished kept: trials asked for can go on from them" in done.stdout


def test_nothing_is_removed_while_another_writes(study: Path) -> None:
    with Writer(ResultsDir(study)):
        done = call("small", "--yes")
    assert done.exit_code == 2
    assert "is being written by pid" in done.stderr
    assert len(seeds_of(study)) == 8


@pytest.mark.slow
def test_a_kill_at_any_moment_leaves_the_old_tables_or_the_new(study: Path, tmp_path: Path) -> None:
    whole, copies = tmp_path / "results/small", tmp_path / "copies"
    old = tables_of(whole)
    gone = {r.trial_id for r in read_trials(whole).itertuples() if r.status == "cancelled"}
    new = {name: ids - gone for name, ids in old.items() if ids - gone}
    paths = os.pathsep.join(entry for entry in [*sys.path, str(Path(__file__).parents[1])] if entry)
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", KILLED_AT, str(whole), str(copies)],
        env=os.environ | {"PYTHONPATH": paths},
        check=True,
        timeout=200,
    )
    moments = sorted(copies.iterdir(), key=lambda path: int(path.name))
    assert len(moments) > 10
    found = []
    for place in moments:
        found.append(tables_of(place))
        with Writer(ResultsDir(place)):
            pass
        assert tables_of(place) == found[-1]
        assert not (place / "removals.json").exists()
        held = {
            trial_id
            for number in part_numbers(ResultsDir(place))
            for trial_id in read_table_set(ResultsDir(place), number).trials["trial_id"].to_pylist()
        }
        assert held == found[-1]["trials"]
    turn = found.index(new)
    assert found == [old] * turn + [new] * (len(found) - turn)
    assert 0 < turn < len(found) - 1


def test_what_was_removed_can_be_trained_again(study: Path) -> None:
    again = make_result(StopReason.CANCELLED, seed=22)
    with Writer(ResultsDir(study)) as writer:
        writer.remove([again.trial.trial_id])
        assert 22 not in seeds_of(study)
        assert writer.append(encode([again], "small")) == [again.trial.trial_id]
    assert 22 in seeds_of(study)


def test_a_damaged_list_of_removals_is_named(study: Path) -> None:
    (study / "removals.json").write_text("[1")
    with pytest.raises(StoreError, match=r"removals.json: must be a list of the trials"):
        read_trials(study)
