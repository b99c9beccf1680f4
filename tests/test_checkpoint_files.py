"""Checkpoints that outlive their run: who goes on from them, and when they go."""

import io
import json
import os
import signal
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sweep.api import run_sweep
from sweep.config import SweepConfig, parse_config
from sweep.planning import make_plan
from sweep.reuse.checkpoint_files import (
    HEADER,
    MAGIC,
    VERSION,
    drop_settled,
    inspect_checkpoints,
    read_checkpoints,
)
from sweep.running.coordinator import Coordinator, SweepProgress
from sweep.running.environment import read_environment
from sweep.running.forecast import Forecast
from sweep.running.messages import Ended, Saved
from sweep.running.options import RunOptions
from sweep.running.work_queue import PlanQueue
from sweep.store.places.layout import ResultsDir
from sweep.store.tables.reader import read_trials
from sweep.store.tables.writer import Writer
from sweep.training.pool import train_pack
from sweep.training.work import Checkpoint, Work
from sweep.trial import STOP_PARAMETERS
from tests.cluster_sweeps import small_config, small_sweep

RULES = ("convergence.delta.tolerance=[1e-5, 1e-7]", "convergence.delta.patience=1000000")


OWNERS = {"a": {"path_id": "p", "stops": {"t": dict.fromkeys(STOP_PARAMETERS)}}}


def sealed(about: object, data: bytes = b"") -> bytes:
    """Return a checkpoint file with a right check, whatever is in it."""
    text = about if isinstance(about, bytes) else json.dumps(about).encode()
    return HEADER.pack(MAGIC, VERSION, zlib.crc32(text + data), len(text)) + text + data


def archive(**arrays: object) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


HOSTILE = [
    sealed(b"{"),
    sealed(b"[" * 100_000),
    sealed([1]),
    sealed({"a": 1}),
    sealed({"a": {"path_id": "p", "stops": ["t"]}}),
    sealed({"a": {"path_id": "p", "stops": {"t": {}}}}),
    sealed(OWNERS, b"no archive"),
    sealed(OWNERS, archive(other=[1])),
    sealed(OWNERS, archive(active=["a"], waiting=[], **{"state.nonsense": [1]})),
    sealed(OWNERS, archive(active=[{}], waiting=[])),
]
"""Files that are whole and of this version, but hold no lanes."""
NEWER = "version 99, of a newer sweep; this one reads 1"


@pytest.fixture
def inline(tmp_path: Path) -> RunOptions:
    return RunOptions(output=tmp_path / "results", use_ray=False)


def checkpoints(options: RunOptions) -> list[Path]:
    assert options.output is not None
    return sorted((options.output / "checkpoints").iterdir())


def works_of(config: SweepConfig, directory: ResultsDir) -> Iterator[Work]:
    environment = read_environment(None)
    queue = PlanQueue(make_plan(config, workers=1), directory, environment, 1)
    return iter(queue.take, None)


def abandon(config: SweepConfig, options: RunOptions, *, lost: bool = False) -> int:
    """Leave what a killed driver does, or one whose workers die; return the epoch they reached."""
    assert options.output is not None
    with Writer(ResultsDir(options.output)) as writer:
        (work,) = works_of(config, writer.directory)
        coordinator = Coordinator(writer, config.name, len(work.pack.trials), Forecast(4))
        coordinator.open(work)
        events = train_pack(work, should_stop=lambda: False, checkpoint_seconds=0.0)
        saved = next(event for event in events if isinstance(event, Checkpoint))
        coordinator.keep(work.pack.pack_id, Saved(saved.data))
        if lost:
            coordinator.keep(work.pack.pack_id, Ended(lost=True, attempts=4, host="elsewhere"))
    epochs = {state.epoch for state in read_checkpoints(ResultsDir(options.output))}
    assert len(epochs) == 1
    return epochs.pop()


def losses(options: RunOptions) -> dict[str, float]:
    assert options.output is not None
    trials = read_trials(options.output).query("status == 'finished'").set_index("trial_id")
    return dict(trials["final_loss"])


def whole(config: SweepConfig, folder: Path) -> dict[str, float]:
    """Return the losses of the sweep trained without interruption."""
    options = RunOptions(output=folder / "whole", use_ray=False)
    run_sweep(config, options)
    return losses(options)


@pytest.mark.slow
def test_raised_limit_goes_on_under_several_stop_rules(inline, tmp_path):
    config = small_config(*RULES, "convergence.max_epochs=90")
    run_sweep(small_config(*RULES), inline)
    run_sweep(config, inline)
    resumed = read_trials(inline.output).query("max_epochs == 90")
    assert resumed["resumed_from"].tolist() == [40] * 8
    expected = whole(config, tmp_path)
    assert {key: loss for key, loss in losses(inline).items() if key in expected} == expected


@pytest.mark.slow
def test_killed_driver_goes_on_under_several_stop_rules(inline, tmp_path):
    reached = abandon(small_config(*RULES, "convergence.max_epochs=10000000"), inline)
    config = small_config(*RULES, f"convergence.max_epochs={reached + 10}")
    run_sweep(config, inline)
    assert read_trials(inline.output)["resumed_from"].tolist() == [reached] * 8
    assert losses(inline) == whole(config, tmp_path)


@pytest.mark.slow
def test_checkpoint_stays_until_all_its_trials_are_held(inline):
    config = small_config("convergence.max_epochs=100000")
    reached = abandon(config, inline)
    (left,) = checkpoints(inline)
    part = small_config("convergence.max_epochs=100000", "grid.learning_rate=[0.1]")
    run_sweep(part, inline)
    assert checkpoints(inline) == [left]
    run_sweep(config, inline)
    assert checkpoints(inline) == []
    assert read_trials(inline.output)["resumed_from"].tolist() == [reached] * 4


@pytest.mark.slow
def test_pack_given_up_can_be_tried_again_from_where_it_was(inline):
    config = small_config("convergence.max_epochs=100000")
    reached = abandon(config, inline, lost=True)
    failed = read_trials(inline.output)
    assert failed["status"].tolist() == ["failed"] * 4
    assert failed["attempt"].tolist() == [4] * 4
    assert failed["host"].tolist() == ["elsewhere"] * 4
    assert run_sweep(config, inline).trained == 0
    assert len(checkpoints(inline)) == 1
    again = RunOptions(output=inline.output, use_ray=False, retry_failed=True)
    assert run_sweep(config, again).trained == 4
    assert read_trials(inline.output)["resumed_from"].tolist() == [reached] * 4
    assert checkpoints(inline) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda data: b"", "not a checkpoint of sweep"),
        (lambda data: data[:-1], "damaged"),
        (lambda data: data[:40] + bytes([data[40] ^ 1]) + data[41:], "damaged"),
        (lambda data: data[:4] + b"\x63\0" + data[6:], NEWER),
        *((lambda data, made=made: made, "whole, but not of lanes") for made in HOSTILE),
    ],
)
def test_checkpoint_that_cannot_be_read_is_said_in_a_line_and_passed_over(
    inline, capfd, damage, said
):
    abandon(small_config("convergence.max_epochs=100000"), inline)
    (path,) = checkpoints(inline)
    path.write_bytes(damage(path.read_bytes()))
    assert run_sweep(small_config(), inline).trained == 4
    (line,) = capfd.readouterr().err.splitlines()
    assert line == (
        f"warning: {path}: cannot be read ({said}); "
        "its trials begin again; remove it to silence this warning"
    )
    assert checkpoints(inline) == [path]


@pytest.mark.parametrize("made", HOSTILE, ids=range(len(HOSTILE)))
def test_checkpoint_of_anything_else_is_a_problem_with_its_name(tmp_path, made):
    directory = ResultsDir(tmp_path)
    directory.checkpoints.mkdir()
    path = directory.checkpoints / "a.checkpoint"
    path.write_bytes(made)
    (problem,) = inspect_checkpoints(directory, {"t"})
    assert (problem.path, problem.what) == (path, "cannot be read (whole, but not of lanes)")
    drop_settled(directory, {"t"})


def rewritten(path: Path, *, lacking: str) -> None:
    """Write a checkpoint anew as a sweep would have that knew one array or stop parameter less."""
    file = path.read_bytes()
    length = HEADER.unpack_from(file)[3]
    owners, data = json.loads(file[HEADER.size :][:length]), file[HEADER.size + length :]
    for owner in owners.values():
        for stop in owner["stops"].values():
            stop.pop(lacking, None)
    with np.load(io.BytesIO(data)) as arrays:
        kept = {name: array for name, array in arrays.items() if name != f"state.{lacking}"}
    path.write_bytes(sealed(owners, archive(**kept)))
    assert path.read_bytes() != file


@pytest.mark.slow
@pytest.mark.parametrize("lacking", ["target_loss", "last_delta", "stall_count", "numerics"])
def test_checkpoint_of_a_sweep_that_kept_less_is_gone_on_from(inline, tmp_path, lacking):
    config = small_config("convergence.max_epochs=100000")
    reached = abandon(config, inline)
    (path,) = checkpoints(inline)
    rewritten(path, lacking=lacking)
    config = small_config(f"convergence.max_epochs={reached + 50}")
    assert run_sweep(config, inline).trained == 4
    assert read_trials(inline.output)["resumed_from"].tolist() == [reached] * 4
    assert losses(inline) == whole(config, tmp_path)


def rewritten_states(path: Path, *, lacking: str) -> None:
    """Write a part of saved states anew without one array of each, or without one column."""
    table = pq.read_table(path, partitioning=None)
    if lacking in table.column_names:
        pq.write_table(table.drop_columns([lacking]), path)
        return
    rows = table.to_pylist()
    for row in rows:
        place = row["names"].index(lacking)
        sizes = [int(np.prod(shape)) for shape in row["shapes"]]
        start = sum(sizes[:place])
        del row["values"][start : start + sizes[place]]
        for name in ("names", "dtypes", "shapes"):
            del row[name][place]
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)


@pytest.mark.parametrize(
    ("lacking", "resumed"),
    [("target_loss", 40), ("last_delta", 40), ("stall_count", 40), ("curve", 0)],
)
def test_a_kept_state_of_a_sweep_that_kept_less_is_gone_on_from(inline, tmp_path, lacking, resumed):
    run_sweep(small_config(), inline)
    (part,) = (inline.output / "state").iterdir()
    rewritten_states(part, lacking=lacking)
    config = small_config("convergence.max_epochs=90")
    assert run_sweep(config, inline).trained == 4
    found = read_trials(inline.output).query("max_epochs == 90")
    assert found["resumed_from"].tolist() == [resumed] * 4
    assert found["final_loss"].tolist() == list(whole(config, tmp_path).values())


def test_checkpoint_without_a_history_that_nothing_can_make_good_is_passed_over(inline, tmp_path):
    abandon(small_config("convergence.max_epochs=100000"), inline)
    (path,) = checkpoints(inline)
    rewritten(path, lacking="ladder_since")
    run_sweep(small_config(), inline)
    assert losses(inline) == whole(small_config(), tmp_path)


@pytest.mark.parametrize("widths", [[2], list(range(2, 12))], ids=["one key", "many keys"])
def test_ctrl_c_keeps_the_lane_under_way_and_waits_for_no_other(inline, widths):
    tree = small_sweep(convergence={"max_epochs": 10**6})
    del tree["fixed"]["topology"]
    tree["grid"]["topology"] = [f"4-{width}-4" for width in widths]
    tree["resources"] = {"engine": "reference", "checkpoint_seconds": 0.01}
    asked: list[SweepProgress] = []

    def interrupt(progress: SweepProgress) -> None:
        if checkpoints(inline) and not asked:
            asked.append(progress)
            os.kill(os.getpid(), signal.SIGINT)

    summary = run_sweep(parse_config(tree), inline, on_progress=interrupt)
    assert (summary.interrupted, summary.cancelled) == (True, 1)
    assert summary.missing == 4 * len(widths)
    assert len(checkpoints(inline)) == 1
