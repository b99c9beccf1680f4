"""Claims: rows, weights and models stand for the epoch that they name, however training went on."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import sweep
from sweep.datasets.data import DatasetSpec
from sweep.datasets.registry import load_data
from sweep.engines.evaluation import validate
from sweep.result import TrialResult
from sweep.reuse.resume import match_starts
from sweep.running.options import RunSummary
from sweep.store.tables.reader import SavedState
from sweep.training.pool import train_pack
from sweep.training.work import Checkpoint, Finished, KeepState, RecordOptions, Work
from sweep.trial import STOP_PARAMETERS, StopReason, Trial
from tests.sweepfiles import faults_of, small, trials_of
from tests.trials import make_work

DATA = {"name": "digits", "samples": 40, "validation": 0.5}
SPEC = DatasetSpec("digits", (("samples", 40),), validation=0.5)
NEVER = {"early_stopping": {"patience": 10**6, "monitor": "validation_loss"}}
UNASKED = {
    "early_stopping_min_delta": None,
    "early_stopping_patience": None,
    "early_stopping_monitor": "loss",
}
COURSE = ["epochs", "weights_epoch", "final_loss", "validation_loss", "best_validation_loss"]


def digits(**changes: Any) -> dict[str, Any]:
    """Return a sweep of a network that soon learns its few samples too well."""
    fixed = {
        "topology": "64-24-64",
        "optimizer": "adam",
        "learning_rate": 0.03,
        "batch_size": 8,
    }
    return small(dataset=DATA, fixed=fixed | changes.pop("fixed", {}), **changes)


def converging(rule: dict[str, Any], limit: int, **more: Any) -> dict[str, Any]:
    return digits(convergence={**rule, "max_epochs": limit, **more})


def rows_of(path: Path) -> pd.DataFrame:
    return sweep.read_trials(path, columns="all").set_index("trial_id").sort_index()


def run(path: Path, study: dict[str, Any]) -> RunSummary:
    return sweep.run(study, output=path, use_ray=False)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["torch", "reference"])
def test_a_restored_trial_that_goes_on_comes_to_what_it_comes_to_at_once(
    tmp_path: Path, engine: str
) -> None:
    resources = {"resources": {"engine": engine}}
    run(tmp_path / "steps", converging(NEVER, 60, restore="best") | resources)
    run(tmp_path / "steps", converging(NEVER, 160, restore="best") | resources)
    run(tmp_path / "once", converging(NEVER, 160, restore="best") | resources)
    steps, once = (rows_of(tmp_path / name) for name in ("steps", "once"))
    (trial_id,) = once.index
    assert steps.loc[trial_id, "resumed_from"] == 60
    assert steps.loc[trial_id, COURSE].to_dict() == once.loc[trial_id, COURSE].to_dict()
    assert 0 < once.loc[trial_id, "weights_epoch"] < 160
    networks = [sweep.load_model(tmp_path / name, trial_id) for name in ("steps", "once")]
    for one, other in zip(*(network.parameters() for network in networks), strict=True):
        assert (one == other).all()


@pytest.mark.slow
def test_last_and_best_weights_of_a_path_are_told_apart(tmp_path: Path) -> None:
    run(tmp_path, converging(NEVER, 120))
    done = run(tmp_path, converging(NEVER, 120, restore=["last", "best"]))
    assert (done.trained, done.derived) == (1, 0)
    rows = rows_of(tmp_path)
    last, best = (rows[rows["restore"] == name].iloc[0] for name in ("last", "best"))
    assert last["weights_epoch"] == last["epochs"] == best["epochs"] == 120
    assert best["weights_epoch"] == best["best_validation_epoch"] == last["best_validation_epoch"]
    assert best["validation_loss"] == pytest.approx(last["best_validation_loss"], rel=1e-6)
    assert last["validation_loss"] > best["validation_loss"]
    assert best["final_loss"] > last["final_loss"]
    data = load_data(SPEC)
    for row in (last, best):
        (trial,) = (
            t
            for t in trials_of(**converging(NEVER, 120, restore=["last", "best"]))
            if t.trial_id == row.name
        )
        flat = np.concatenate(
            [p.detach().numpy().ravel() for p in sweep.load_model(tmp_path, row.name).parameters()]
        )
        assert validate(trial, flat, data) == pytest.approx(row["validation_loss"], rel=1e-5)
    curve = sweep.read_curves(tmp_path, [str(best.name)]).set_index("epoch")["validation_loss"]
    assert curve.notna().all()
    assert curve.min() == pytest.approx(best["best_validation_loss"], rel=1e-2)


@pytest.mark.slow
def test_another_rule_takes_over_from_what_the_held_out_ladder_tells(tmp_path: Path) -> None:
    later = {"early_stopping": {"min_delta": 1e-3, "patience": 50, "monitor": "validation_loss"}}
    run(tmp_path / "a", digits(convergence={"epochs": 40}))
    done = run(tmp_path / "a", converging(later, 40))
    assert (done.trained, done.derived) == (0, 1)
    run(tmp_path / "a", converging(later, 400))
    run(tmp_path / "b", converging(later, 400))
    (trial_id,) = (b := rows_of(tmp_path / "b")).index
    row = rows_of(tmp_path / "a").loc[trial_id]
    assert row["resumed_from"] == 40
    assert row["stop_reason"] == "converged"
    assert row[COURSE].to_dict() == b.loc[trial_id, COURSE].to_dict()
    ladder = sweep.read_ladder(tmp_path / "b")
    own = (ladder["rule"] == "early_stopping") & (ladder["monitor"] == "validation_loss")
    assert set(ladder["monitor"]) == {"loss", "validation_loss"}
    assert ladder[own & (ladder["tolerance"] == 1e-3)]["epoch"].max() <= row["epochs"]


def asked(**changes: Any) -> Trial:
    (trial,) = trials_of(**converging(NEVER, 60, restore="best"))
    return replace(trial, **changes)


def work_of(*trials: Trial, **changes: Any) -> Work:
    work = make_work(*trials, record=RecordOptions(state=KeepState.ALL))
    pack = replace(work.pack, datasets=((trials[0].data_fingerprint, SPEC),))
    return replace(work, pack=pack, **changes)


def finished(events: Any) -> dict[str, TrialResult]:
    return {r.trial.trial_id: r for e in events if isinstance(e, Finished) for r in e.results}


@pytest.mark.slow
def test_a_checkpoint_keeps_the_best_weights() -> None:
    trials = [asked(seed=s, restore=r) for s in range(3) for r in ("best", "last")]
    trials += [asked(seed=7, restore="best", early_stopping_monitor="loss")]
    trials = [replace(trial, max_epochs=300) for trial in trials]  # several chunks
    whole = finished(train_pack(work_of(*trials), should_stop=lambda: False))
    taken: list[bytes] = []

    def enough() -> bool:
        return len(taken) > 0

    events = train_pack(work_of(*trials), should_stop=enough, checkpoint_seconds=0.0)
    for event in events:
        if isinstance(event, Checkpoint):
            taken.append(event.data)
            break
    rest = work_of(*trials, checkpoint=taken[0])
    resumed = finished(train_pack(rest, should_stop=lambda: False))
    assert resumed.keys() == whole.keys()
    for trial_id, result in resumed.items():
        other = whole[trial_id]
        assert result.outcome == other.outcome
        np.testing.assert_array_equal(result.parameters, other.parameters)
        np.testing.assert_array_equal(result.curve.validation_loss, other.curve.validation_loss)
        assert (result.outcome.weights_epoch == 300) == (result.trial.restore == "last")
        assert result.state is not None
        held = {name for name in result.state if name.startswith("best.")}
        assert held == {f"best.{result.trial.early_stopping_monitor}"}


def test_a_state_without_the_best_weights_is_none_to_restore_from() -> None:
    trial = asked(restore="best", max_epochs=30)
    (result,) = finished(train_pack(work_of(trial), should_stop=lambda: False)).values()
    assert result.state is not None
    plain = replace(trial, fixed_epochs=30, restore="last", **UNASKED)
    kinds: dict[str, tuple[Trial, tuple[str, ...]]] = {
        "whole": (trial, ()),
        "without best": (trial, ("best.",)),
        "older": (plain, ("best.", "validation.")),
    }
    longer = {name: replace(trial, restore=name, max_epochs=50) for name in ("last", "best")}
    found = {}
    for kind, (of, lost) in kinds.items():
        saved = SavedState(
            trial_id=trial.trial_id,
            path_id=trial.path_id,
            stop_reason=StopReason.MAX_EPOCHS,
            epoch=30,
            stop={name: getattr(of, name) for name in STOP_PARAMETERS},
            arrays={n: a for n, a in result.state.items() if not n.startswith(lost or ("-",))},
        )
        starts = match_starts(longer.values(), [saved])
        found[kind] = {name for name, t in longer.items() if t.trial_id in starts}
    assert found == {"whole": {"last", "best"}, "without best": {"last"}, "older": set()}


@pytest.mark.slow
def test_pretraining_is_not_judged_by_held_out_samples(tmp_path: Path) -> None:
    deep = {"topology": "64-24-12-24-64", "pretraining": {"name": "greedy", "max_epochs": 20}}
    study = digits(fixed=deep, convergence={**NEVER, "max_epochs": 80, "restore": "best"})
    run(tmp_path, study)
    row = rows_of(tmp_path).iloc[0]
    assert row["pretraining_epochs"] > 0
    assert row["weights_epoch"] == row["best_validation_epoch"] < 80
    curve = sweep.read_curves(tmp_path)
    held_out = curve["validation_loss"].notna().groupby(curve["phase"]).any()
    assert held_out.tolist() == [False] * (len(held_out) - 1) + [True]


def test_monitoring_what_is_not_held_out_is_a_fault() -> None:
    rule = {"early_stopping": {"patience": 5, "monitor": ["loss", "validation_loss"]}}
    (fault,) = faults_of(small(convergence={**rule, "max_epochs": 50, "restore": "best"}))
    assert str(fault) == (
        "sweep: convergence.early_stopping.monitor must be loss where the data hold no "
        "samples out of training (got validation_loss of one-hot-4; give dataset.validation, a "
        "share such as 0.2)"
    )


def test_what_is_monitored_and_restored_is_part_of_the_identity() -> None:
    plain = asked(restore="last", early_stopping_monitor="loss")
    changed = [asked(restore="last"), asked(early_stopping_monitor="loss"), asked()]
    assert len({trial.trial_id for trial in (plain, *changed)}) == 4
    assert {trial.path_id for trial in changed} == {plain.path_id}


@pytest.mark.parametrize("engine", ["torch", "fused"])
def test_a_record_may_hold_the_last_held_out_loss_alone(engine: str) -> None:
    trial = asked(restore="last", batch_size=None, sample_order="full_batch", **UNASKED)
    work = work_of(trial, record=RecordOptions(validation_every=None))
    work = replace(work, pack=replace(work.pack, engine=engine))
    (result,) = finished(train_pack(work, should_stop=lambda: False)).values()
    known = ~np.isnan(result.curve.validation_loss)
    assert result.curve.epoch[known].tolist() == [60]
    assert result.curve.validation_loss[-1] == result.outcome.validation_loss
    assert result.outcome.best_validation_loss is None
    assert set(result.details["ladder"]["monitor"]) == {"loss"}


@pytest.mark.slow
def test_a_trial_that_diverges_keeps_its_best_weights(tmp_path: Path) -> None:
    study = digits(
        fixed={"activation": "relu", "output_activation": "identity", "optimizer": "sgd"},
        grid={"learning_rate": [200.0, 1e30]},
        convergence={**NEVER, "max_epochs": 300, "restore": "best"},
        record={"codes": "bottleneck", "gradients": True},
    )
    study["fixed"].pop("learning_rate", None)
    run(tmp_path, study)
    rows = rows_of(tmp_path).sort_values("learning_rate")
    assert rows["status"].tolist() == ["diverged", "diverged"]
    one, other = (row for _, row in rows.iterrows())
    assert 0 < one["weights_epoch"] < one["epochs"]
    assert one["validation_loss"] == pytest.approx(one["best_validation_loss"], rel=1e-6)
    assert other["weights_epoch"] == other["epochs"]  # no loss was finite
