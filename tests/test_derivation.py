"""Claims: what follows from rows held is not trained again, and is as if it had been."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from sweep.api import run_sweep
from sweep.cli.commands.plan import plan_command
from sweep.config import SweepConfig, load_config
from sweep.engines.state import Lane, Lanes, LaneState
from sweep.engines.stop_rules import Rules, judge
from sweep.ladder import RUNGS, Rung
from sweep.reports.progress import progress_of
from sweep.running.options import RunOptions, RunSummary
from sweep.store.places.layout import ResultsDir, TableName
from sweep.store.tables.reader import read_trials
from sweep.store.tables.snapshot import read_rows
from sweep.training.past import Past
from sweep.trial import STOP_PARAMETERS, StopReason, Trial
from tests.cluster_sweeps import small_config
from tests.trials import make_trial

WHEN = {"pack", "lanes", "started", "finished", "seconds", "seconds_share", "git_revision"}
"""Columns that tell of the training, not of the trial."""


def config_of(limit: int = 40, **convergence: Any) -> SweepConfig:
    return small_config(convergence={"max_epochs": limit, **convergence})


def run(config: SweepConfig, folder: Path) -> RunSummary:
    return run_sweep(config, RunOptions(output=folder, use_ray=False))


def rows_of(folder: Path, ids: set[str]) -> dict[str, pd.DataFrame]:
    """Return all that is kept of some trials, in a fixed order; states apart."""
    frames = {}
    for name in set(TableName) - {TableName.STATE}:
        frame = read_rows(folder, name, where=("trial_id", ids)).to_pandas()
        frame = frame.drop(columns=list(WHEN & set(frame)))
        frames[name.value] = frame.sort_values("trial_id", kind="stable").reset_index(drop=True)
    return frames


DELTA = {"tolerance": 1e-2, "patience": 1}
STRICT = {"tolerance": 1e-6, "patience": 10}
THIN = {"delta": DELTA, "pattern": {"margin": 1e-9}}
RERUNS: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"delta": STRICT}, {"delta": STRICT | {"patience": 1000}}, "max_epochs"),
    ({}, {"delta": {"tolerance": 1e-5, "patience": 100}}, "max_epochs"),
    ({"pattern": {"margin": 0.01}}, {"pattern": {"margin": 0.001}}, "max_epochs"),
    ({}, {"epochs": 40}, "epochs"),
    ({"epochs": 40}, {"target": {"loss": 1e-7}}, "max_epochs"),
    ({"delta": DELTA}, {"delta": DELTA, "limit": 70}, "converged"),
    (THIN, THIN | {"limit": 90}, "converged"),
    ({"max_seconds": 1000}, {"max_seconds": 2000}, "max_epochs"),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("before", "after", "reason"), RERUNS, ids=str)
def test_rows_that_follow_are_those_of_a_training(
    tmp_path: Path, before: dict[str, Any], after: dict[str, Any], reason: str
) -> None:
    run(config_of(**before), tmp_path / "a")
    again = config_of(**after)
    summary = run(again, tmp_path / "a")
    assert (summary.trained, summary.derived, summary.missing) == (0, 4, 0)
    assert run(again, tmp_path / "a").skipped == 4
    assert run(again, tmp_path / "b").trained == 4
    trained = read_trials(tmp_path / "b")
    assert trained["stop_reason"].tolist() == [reason] * 4
    ids = set(trained["trial_id"])
    derived, expected = rows_of(tmp_path / "a", ids), rows_of(tmp_path / "b", ids)
    for name, frame in expected.items():
        pd.testing.assert_frame_equal(derived[name], frame, obj=name)


def test_a_limit_raised_trains_on_only_what_had_not_converged(tmp_path: Path) -> None:
    rule = {"delta": {"tolerance": 1e-3, "patience": 1}}
    tree = {
        "grid": {"initialiser": {"name": "uniform", "constant": 1}, "learning_rate": [0.01, 3.0]}
    }
    first = small_config(convergence={**rule, "max_epochs": 20}, **tree)
    run(first, tmp_path)
    ended = read_trials(tmp_path).set_index("learning_rate")["stop_reason"].to_dict()
    assert ended == {0.01: "converged", 3.0: "max_epochs"}
    summary = run(small_config(convergence={**rule, "max_epochs": 500}, **tree), tmp_path)
    assert (summary.trained, summary.derived) == (1, 1)
    later = read_trials(tmp_path).query("max_epochs == 500").set_index("learning_rate")
    assert later["resumed_from"].to_dict() == {0.01: 0, 3.0: 20}


@pytest.mark.slow
def test_what_was_derived_can_be_trained_on(tmp_path: Path) -> None:
    run(config_of(delta={"tolerance": 1e-9, "patience": 10}), tmp_path)
    rule = {"delta": {"tolerance": 1e-9, "patience": 100}}
    assert run(config_of(**rule), tmp_path).derived == 4
    assert run(config_of(limit=90, **rule), tmp_path).trained == 4
    resumed = read_trials(tmp_path).query("max_epochs == 90")
    assert resumed["resumed_from"].tolist() == [40] * 4


@pytest.mark.slow
def test_rows_without_what_is_to_be_kept_are_trained(tmp_path: Path) -> None:
    run(small_config(record={"weights": False}), tmp_path)
    records = [{}, {"weights": False, "gradients": True}, {"weights": False}]
    for loss, record, trained in zip([1e-7, 1e-8, 1e-9], records, [4, 4, 0], strict=True):
        rule = {"max_epochs": 40, "target": {"loss": loss}}
        summary = run(small_config(convergence=rule, record=record), tmp_path)
        assert (summary.trained, summary.derived) == (trained, 4 - trained)


def test_rows_without_the_ladder_that_is_to_be_kept_are_trained(tmp_path: Path) -> None:
    rule = {"delta": STRICT, "max_epochs": 40}
    patient = {"delta": STRICT | {"patience": 1000}, "max_epochs": 40}
    run(small_config(convergence=rule, record={"ladder": False}), tmp_path)
    assert run(small_config(convergence=patient), tmp_path).trained == 4
    held = read_trials(tmp_path).query("delta_patience == 1000")["trial_id"]
    ladder = read_rows(tmp_path, TableName.LADDER, columns=["trial_id"])
    assert set(ladder["trial_id"].to_pylist()) == set(held)


def test_status_counts_what_was_derived_as_done(tmp_path: Path) -> None:
    run(config_of(delta=STRICT), tmp_path)
    assert run(config_of(delta=STRICT | {"patience": 1000}), tmp_path).derived == 4
    progress = progress_of(ResultsDir(tmp_path))
    assert (progress.done, progress.total) == (4, 4)


@pytest.mark.slow
def test_less_time_than_was_trained_starts_anew(tmp_path: Path) -> None:
    run(config_of(limit=10**9, max_seconds=0.02), tmp_path)
    assert run(config_of(limit=10**9, max_seconds=0.01), tmp_path).trained == 4
    rows = read_trials(tmp_path).query("max_seconds == 0.01")
    assert rows["resumed_from"].tolist() == [0] * 4


def test_plan_counts_what_follows_without_training(tmp_path: Path) -> None:
    file, results = tmp_path / "small.yaml", tmp_path / "out"
    file.write_text(
        "name: small\ndataset: {name: one-hot, size: 4}\n"
        "fixed: {activation: tanh, output_activation: sigmoid, loss: mean_squared_error,"
        " optimizer: sgd, dtype: float64, topology: 4-2-4, learning_rate: 0.1,"
        " initialiser: {name: uniform, constant: 1}}\n"
        "convergence: {max_epochs: 40}\n"
    )
    run(load_config(file), results)
    words = [str(file), "convergence.epochs=40", "--output", str(results)]
    shown = CliRunner().invoke(plan_command, words).output
    assert "derived     1 from finished trainings\n" in shown
    assert "to train    0\n" in shown


TOLERANCES = [0.0, 1e-3, 2e-3, 1e-2, 3e-2]
STOPS = st.fixed_dictionaries(
    {
        "delta_tolerance": st.sampled_from([None, *TOLERANCES]),
        "delta_patience": st.sampled_from([1, 2, 10, 12]),
        "early_stopping_min_delta": st.sampled_from(TOLERANCES),
        "early_stopping_patience": st.sampled_from([None, 1, 3, 10, 11]),
        "target_loss": st.sampled_from([None, 0.1, 0.316, 0.35, 0.4]),
        "max_epochs": st.sampled_from([5, 12, 20, 30]),
        "fixed_epochs": st.sampled_from([None, None, 12, 20]),
    }
)
LOSSES = st.lists(
    st.one_of(st.floats(0.05, 1.0), st.sampled_from([0.3, 0.301, 0.32, np.nan])),
    min_size=30,
    max_size=30,
)


def walk(trial: Trial, losses: list[float]) -> tuple[StopReason, LaneState]:
    """Judge a series of losses by a trial's rules; return why and in what state it ends."""
    lanes = Lanes((Lane((trial,)),))
    state = LaneState.begin(lanes, np.zeros((1, 1)), {}, {}, numerics=1)
    rules = Rules.of(lanes)
    for loss in losses:
        stops = judge(rules, state, losses=np.array([loss]), worst_errors=None)
        if stops:
            return stops[0][2], state
    raise AssertionError("no limit was met")


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(first=STOPS, second=STOPS, losses=LOSSES, has_ladder=st.booleans())
def test_what_a_past_tells_of_another_rule_is_so(
    first: dict[str, Any], second: dict[str, Any], losses: list[float], has_ladder: bool
) -> None:
    one, other = (replace(make_trial(), **stop) for stop in (first, second))
    reason, state = walk(one, losses)
    epoch = int(state.epoch[0])
    met = dict(zip(RUNGS, state.ladder_epoch[0].tolist(), strict=True))
    past = Past(
        epoch=epoch,
        seconds=1.0,
        reason=reason,
        stop={name: getattr(one, name) for name in STOP_PARAMETERS},
        loss_is_finite=bool(np.isfinite(losses[epoch - 1])),
        best_loss=float(state.best_loss[0]) if state.best_epoch[0] else None,
        best_epoch=int(state.best_epoch[0]) or None,
        ladder={rung: at for rung, at in met.items() if at} if has_ladder else None,
    )
    truth, ended = walk(other, losses)
    at = int(ended.epoch[0])
    told = past.ending_of(other)
    assert told is None or (told, epoch) == (truth, at)
    assert not past.goes_on(other) or at > epoch
    if first == second:
        assert told is reason


def test_the_ladder_bounds_a_rule_between_its_rungs() -> None:
    past = Past(
        epoch=100,
        seconds=1.0,
        reason=StopReason.MAX_EPOCHS,
        stop=dict.fromkeys(STOP_PARAMETERS) | {"max_epochs": 100},
        loss_is_finite=True,
        best_loss=0.2,
        best_epoch=100,
        ladder={
            Rung("delta", 1e-2, 1): 10,
            Rung("delta", 1e-3, 1): 30,
            Rung("delta", 1e-4, 1): 60,
            Rung("loss", 1.0, 0): 1,
            Rung("loss", 0.316, 0): 70,
        },
    )
    assert past.span(Rung("delta", 1e-3, 1)) == (30, 30)
    assert past.span(Rung("delta", 1e-3, 6)) == (35, float("inf"))
    assert past.span(Rung("delta", 5e-4, 1)) == (30, 60)
    assert past.span(Rung("delta", 1e-3, 10))[0] == 101
    assert past.span(Rung("loss", 0.25, 0)) == (70, 100)
    assert past.span(Rung("loss", 0.1, 0))[0] == 101
