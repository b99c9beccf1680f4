"""Results in object storage: the same as in a directory, whatever the network does."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from click.testing import CliRunner

from sweep.api import run_sweep
from sweep.cli.main import main
from sweep.errors import StoreError, UnreachableError
from sweep.reuse.checkpoint_files import read_checkpoints
from sweep.running.options import RunOptions
from sweep.store.places import lease, remote
from sweep.store.places.journal import open_journal
from sweep.store.places.layout import ResultsDir
from sweep.store.places.remote import path_of
from sweep.store.tables import parts
from sweep.store.tables.encoding import encode
from sweep.store.tables.reader import read_curves, read_trials, read_weights
from sweep.store.tables.writer import Writer
from sweep.trial import StopReason
from tests.cluster_sweeps import small_config, small_sweep
from tests.object_store import Proxy, endpoint, objects, read_object, uri
from tests.store_fixtures import make_result

CHANGING = ("seconds", "seconds_share", "started", "finished", "resumed_from")


@pytest.fixture
def store(served: Proxy, monkeypatch: pytest.MonkeyPatch) -> Proxy:
    monkeypatch.setattr(remote, "PATIENCE_SECONDS", 20.0)
    served.faults.clear()
    served.requests.clear()
    return served


def frame(*seeds: int, reason: StopReason = StopReason.CONVERGED) -> bytes:
    return encode([make_result(reason, seed=seed) for seed in seeds], "study")


def table_of(place: str | Path) -> pd.DataFrame:
    return read_trials(place).set_index("trial_id").sort_index().drop(columns=list(CHANGING))


def same_tables(one: str | Path, other: str | Path) -> None:
    """Assert that two places hold the same trials, to the last bit of curves and weights."""
    left, right = table_of(one), table_of(other)
    pd.testing.assert_frame_equal(left, right, check_exact=True)
    order = ["trial_id", "epoch"]
    curves = [read_curves(p).sort_values(order, ignore_index=True) for p in (one, other)]
    pd.testing.assert_frame_equal(curves[0], curves[1], check_exact=True)
    for trial_id in left.index:
        weights = [read_weights(place, trial_id).arrays for place in (one, other)]
        assert weights[0].keys() == weights[1].keys()
        assert all(np.array_equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_a_sweep_into_object_storage_gives_the_table_of_a_local_one(store, tmp_path):
    there = uri(store, "same")
    for output in (tmp_path / "here", there):
        summary = run_sweep(small_config(), RunOptions(output=output, use_ray=False))
        assert (summary.trained, summary.failed) == (4, 0)
    same_tables(tmp_path / "here", there)
    again = run_sweep(small_config(), RunOptions(output=there, use_ray=False))
    assert (again.trained, again.skipped) == (0, 4)
    longer = small_config("convergence.max_epochs=90")
    assert run_sweep(longer, RunOptions(output=there, use_ray=False)).trained == 4
    assert read_trials(there).query("max_epochs == 90")["resumed_from"].tolist() == [40] * 4


@pytest.mark.parametrize(
    "fault",
    ["busy", "cut", *(pytest.param(f, marks=pytest.mark.long) for f in ("deaf", "mute", "slow"))],
)
def test_a_network_that_fails_now_and_then_changes_nothing(store, tmp_path, fault):
    place = uri(store, f"faulty-{fault}")
    met = store.met[fault]
    for output in (place, tmp_path):
        with Writer(ResultsDir.at(output)) as writer:
            store.faults.extend(["none", "none", fault] * 3)
            writer.append(frame(1, 2, reason=StopReason.CANCELLED))
            writer.flush()
            store.faults.extend(["none", fault] * 2)
            writer.append(frame(1))
            writer.save_checkpoint("pack", b"state")
    store.faults.extend(["none", "none", fault] * 2)
    pd.testing.assert_frame_equal(table_of(tmp_path), table_of(place))
    assert len(read_curves(place)) == 6
    assert store.met[fault] - met >= 5


def test_a_store_that_stays_away_is_named_and_what_was_stored_is_kept(store, monkeypatch):
    monkeypatch.setattr(remote, "PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(remote, "ATTEMPTS", 1)
    monkeypatch.setattr(lease, "FREE_AFTER_SECONDS", 1.0)
    place = uri(store, "away")
    with _given_up() as refused, Writer(ResultsDir.at(place)) as writer:
        writer.append(frame(1))
        store.faults.extend(["deaf"] * 100)
        writer.append(frame(2))
    assert re.search(r"s3://bucket/away/.* cannot be written", str(refused[0]))
    store.faults.clear()
    assert read_trials(place)["seed"].tolist() == [1]
    with Writer(ResultsDir.at(place)) as writer:
        assert writer.append(frame(1)) == []


DEAD = "s3://bucket/dead?endpoint_override=http://127.0.0.1:9&access_key=us&secret_key=hush"
NETWORK = "; check the endpoint and the network, then run the same command again"
RIGHTS = "; check the bucket, its region and the credentials"


@pytest.mark.parametrize("fault", ["denied", "nobody there"])
def test_reading_commands_say_in_a_line_that_a_store_cannot_be_reached(
    store, tmp_path, monkeypatch, fault
):
    monkeypatch.setattr(remote, "ATTEMPTS", 1)
    monkeypatch.chdir(tmp_path)
    Path("small.yaml").write_text(yaml.safe_dump(small_sweep()))
    store.faults.extend(["denied"] * 100)
    place = uri(store, "shut") if fault == "denied" else DEAD
    commands = (["results"], ["status"], ["doctor"], ["plan", "small.yaml", "--output"])
    began = time.monotonic()
    for words in commands:
        done = CliRunner().invoke(main, [*words, place])
        (line,) = done.output.splitlines()
        assert (done.exit_code, type(done.exception)) == (2, SystemExit)
        assert line.startswith(f"{place.partition('?')[0]}")
        assert ": cannot be reached (AWS Error " in line
        assert line.endswith(RIGHTS if fault == "denied" else NETWORK)
    assert time.monotonic() - began < remote.PATIENCE_SECONDS


@pytest.mark.parametrize("ask", [parts.count_rows, parts.count_bytes, parts.is_outdated])
def test_what_is_asked_of_a_part_is_asked_again_where_the_network_is_cut(store, monkeypatch, ask):
    monkeypatch.setattr(remote, "ATTEMPTS", 1)
    place = ResultsDir.at(uri(store, f"asked-{ask.__name__}"))
    with Writer(place) as writer:
        writer.append(frame(1))
    (number,) = parts.part_numbers(place)
    answer = ask(place, number)
    store.faults.extend(["deaf", "busy", "none", "deaf"])
    assert ask(place, number) == answer
    monkeypatch.setattr(remote, "PATIENCE_SECONDS", 0.0)
    store.faults.extend(["deaf"] * 100)
    with pytest.raises(UnreachableError, match=rf"part-{number}.parquet: cannot be .*{NETWORK}"):
        ask(place, number)


@pytest.mark.parametrize("fault", ["denied", "deaf"])
def test_doctor_takes_no_fault_of_the_network_for_damage(store, monkeypatch, fault):
    place = uri(store, f"patient-{fault}")
    with Writer(ResultsDir.at(place)) as writer:
        writer.append(frame(1))
        writer.save_checkpoint("pack", b"no checkpoint")
    (ResultsDir.at(place).journal / "1.frame").write_bytes(b"no frame, though there is one")
    monkeypatch.setattr(remote, "ATTEMPTS", 1)
    monkeypatch.setattr(remote, "PATIENCE_SECONDS", 0.0)
    store.requests.clear()
    assert _doctor(place)[0] == 1
    for n_answered in range(0, len(store.requests), len(store.requests) // 3):
        store.faults.clear()
        store.faults.extend(["none"] * n_answered + [fault] * 100)
        code, said = _doctor(place)
        assert code == 2, said
        assert " cannot be " in said
        assert "must be a whole Parquet file" not in said


@contextlib.contextmanager
def _given_up() -> Iterator[list[StoreError]]:
    """Catch what the block raises at last."""
    errors: list[StoreError] = []
    try:
        yield errors
    except StoreError as error:
        errors.append(error)


def test_a_second_writer_is_refused_and_a_killed_one_is_not_waited_for(store, monkeypatch):
    monkeypatch.setattr(lease, "RENEWAL_SECONDS", 0.2)
    place = ResultsDir.at(uri(store, "two"))
    refusal = pytest.raises(StoreError, match=f"by pid {os.getpid()} on host")
    with Writer(place), refusal, Writer(place):
        pass
    code = "import os, sys; from sweep.store.places.lock import lock_at;"
    code += "from sweep.store.places.remote import path_of;"
    code += "lock_at(path_of(sys.argv[1]) / 'writer.lock').acquire(); os._exit(9)"
    subprocess.run([sys.executable, "-c", code, uri(store, "two")], check=False)
    assert objects(store, "two/writer.lock") == []  # an object has nothing below it
    assert read_object(store, "two/writer.lock")
    began = time.monotonic()
    with Writer(place):
        assert time.monotonic() - began < lease.FREE_AFTER_SECONDS


def test_a_writer_whose_lease_was_taken_writes_no_more(store, monkeypatch):
    monkeypatch.setattr(lease, "RENEWAL_SECONDS", 0.1)
    place = ResultsDir.at(uri(store, "taken"))
    other = {"pid": 1, "host": "elsewhere", "machine": "another", "token": "theirs", "renewals": 3}
    with _given_up() as refused, Writer(place) as writer:
        writer.append(frame(1))
        for seed in range(2, 200):
            place.lock.write_bytes(json.dumps(other).encode())
            time.sleep(0.05)
            writer.append(frame(seed))
    assert "is being written by pid 1 on host elsewhere" in str(refused[0])
    assert 1 <= len(read_trials(uri(store, "taken"))) < 199
    assert json.loads(place.lock.read_bytes()) == other


@pytest.mark.parametrize("options", [(), ("--repair",)])
def test_doctor_takes_nothing_from_a_live_writer(store, monkeypatch, options):
    monkeypatch.setattr(lease, "RENEWAL_SECONDS", 0.2)
    place = ResultsDir.at(uri(store, "live"))
    with Writer(place) as writer:
        writer.append(frame(1))
        (place.curves / "part-000009.parquet").write_bytes(b"published, its trials not yet")
        before = objects(store, "live")
        code, said = _doctor(uri(store, "live"), *options)
        assert code == 2
        assert f"s3://bucket/live is being written by pid {os.getpid()} on host" in said
        assert objects(store, "live") == before


def test_trials_are_removed_there_too(store):
    directory = ResultsDir.at(uri(store, "pruned"))
    for seeds in ([1, 2], [3, 4]):
        with Writer(directory) as writer:
            writer.append(frame(*seeds))
    with Writer(directory) as writer:
        writer.remove([make_result(seed=seed).trial.trial_id for seed in (2, 3, 9)])
    assert sorted(read_trials(directory.path)["seed"]) == [1, 4]
    assert not any("removals" in name for name in objects(store, "pruned"))


def test_a_damaged_object_is_named(store):
    place = uri(store, "damaged")
    with Writer(ResultsDir.at(place)) as writer:
        writer.append(frame(1))
    part = objects(store, "damaged/trials")[0]
    whole = read_object(store, part)
    path_of(uri(store, part)).write_bytes(whole[:-10])
    with pytest.raises(StoreError, match=rf"s3://bucket/{part}: must be a whole Parquet file"):
        read_trials(place)
    path_of(uri(store, part)).write_bytes(whole)
    path_of(uri(store, "damaged/journal/1.frame")).write_bytes(b"SWPJ and no more")
    with pytest.raises(StoreError, match=r"1\.frame: must hold whole frames"):
        read_trials(place)


def test_doctor_sets_a_broken_frame_aside_and_keeps_the_whole_ones(store):
    place = ResultsDir.at(uri(store, "frames"))
    with Writer(place) as writer:
        writer.append(frame(1))
    journal = open_journal(place.journal)
    for seed in (2, 3):
        journal.append(frame(seed))
    (place.journal / "1.frame").write_bytes(b"SWPJ and no more, of a frame")
    code, said = _doctor(uri(store, "frames"))
    assert code == 1
    assert "s3://bucket/frames/journal/1.frame: must hold whole frames (damaged at byte 0)" in said
    code, said = _doctor(uri(store, "frames"), "--repair")
    assert code == 0, said
    assert read_object(store, "frames/damaged/journal-1.frame") == b"SWPJ and no more, of a frame"
    assert said.endswith("s3://bucket/frames: nothing wrong\n")
    assert sorted(read_trials(uri(store, "frames"))["seed"]) == [1, 2, 3]


def _doctor(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["doctor", *words])
    assert isinstance(done.exception, SystemExit | None), done.exc_info
    return done.exit_code, done.output


def test_a_killed_run_goes_on_from_what_object_storage_holds(store, tmp_path):
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(small_sweep()))
    rules = ["convergence.max_epochs=1000000", "resources.checkpoint_seconds=0.01"]
    command = [sys.executable, "-m", "sweep", "run", "small.yaml", *rules, "--no-ray"]
    place = uri(store, "killed")
    process = subprocess.Popen(
        [*command, "--output", place], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    while not any("checkpoint" in key for key in objects(store, "killed/checkpoints")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    reached = [state.epoch for state in read_checkpoints(ResultsDir.at(place))]
    config = small_config(f"convergence.max_epochs={max(reached) + 10}")
    for output in (place, tmp_path / "whole"):
        run_sweep(config, RunOptions(output=output, use_ray=False))
    assert sorted(read_trials(place)["resumed_from"]) == sorted(reached)
    same_tables(place, tmp_path / "whole")


def test_of_two_runs_into_one_place_that_start_at_once_exactly_one_goes_on(store, tmp_path):
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(small_sweep()))
    rules = ["convergence.max_epochs=100000000", "--no-ray", "--output", uri(store, "at-once")]
    command = [sys.executable, "-m", "sweep", "run", "small.yaml", *rules]
    both = [
        subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    while all(process.poll() is None for process in both):
        time.sleep(0.1)
    (refused,) = (process for process in both if process.poll() is not None)
    (other,) = (process for process in both if process is not refused)
    assert f"is being written by pid {other.pid} on host" in refused.communicate()[1]
    assert refused.returncode == 2
    other.send_signal(signal.SIGINT)
    assert "interrupted with 4 to go" in other.communicate()[1]
    assert len(read_trials(uri(store, "at-once"))) == 4


def test_every_command_reads_object_storage_and_tells_no_secret(store, tmp_path, monkeypatch):
    place = uri(store, "commands")
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(small_sweep()))
    monkeypatch.chdir(tmp_path)
    run = ["run", "small.yaml", "--no-ray", "--output", place]
    said = ""
    for words in (run, ["plan", "small.yaml", "--output", place], ["results", place]):
        said += _run(*words)
    trial_id = read_trials(place)["trial_id"][0]
    said += _run("status", place) + _run("report", place) + _run("verify", place, "--sample", "1")
    assert trial_id in _run("show", trial_id, "--results", place)
    assert "4 trials" in said
    assert "s3://bucket/commands/report/report.md" in said
    kept = objects(store, "commands")
    assert "commands/report/report.md" in kept
    assert "hush" not in said
    assert not any(b"hush" in read_object(store, key) for key in kept)


def _run(*words: str) -> str:
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    return result.output


def test_the_endpoint_and_the_credentials_can_come_from_the_environment(store, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint(store))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "us")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    with Writer(ResultsDir.at("s3://bucket/environment")) as writer:
        writer.append(frame(1))
    assert read_trials("s3://bucket/environment")["seed"].tolist() == [1]


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("s3://", "s3://: must be a path, s3://BUCKET/KEY or gs://BUCKET/KEY"),
        ("ftp://host/x?secret_key=hush", "ftp://host/x: must be a path"),
        ("s3://me:hush@bucket/x", "s3://bucket/x: must be a path"),
        ("s3://bucket//x?secret_key=hush", "s3://bucket//x: must be a path"),
        ("s3://bucket/x?token=hush", "options after . must be among .*got token"),
    ],
)
def test_a_place_that_is_none_is_refused_without_its_secrets(place, said):
    with pytest.raises(StoreError, match=said) as refused:
        path_of(place)
    assert "hush" not in str(refused.value)
