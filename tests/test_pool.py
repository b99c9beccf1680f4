"""Claims: a pack yields every trial once, as it would have ended alone, whatever else happens."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sweep.datasets.arrays import DatasetError
from sweep.datasets.data import DatasetSpec
from sweep.engines.torch.engine import TorchEngine
from sweep.result import TrialResult
from sweep.training.pool import lanes_of, train_pack
from sweep.training.work import Checkpoint, Finished, KeepState, Progress, RecordOptions, Work
from sweep.trial import Status, StopReason, Trial
from tests.trials import make_trial, make_work


def run(
    work: Work, *, stop_after: int | None = None, checkpoint_seconds: float = 30.0
) -> list[TrialResult]:
    """Train a pack; ask it to stop after a number of events since training began."""
    results, events = [], 0

    def should_stop() -> bool:
        return stop_after is not None and events >= stop_after

    for event in train_pack(work, should_stop=should_stop, checkpoint_seconds=checkpoint_seconds):
        events += not isinstance(event, Progress) or event.active > 0
        if isinstance(event, Finished):
            results += event.results
    return results


def by_id(results: list[TrialResult]) -> dict[str, TrialResult]:
    table = {result.trial.trial_id: result for result in results}
    assert len(table) == len(results)
    return table


def grid(count: int = 6) -> list[Trial]:
    return [
        make_trial(
            seed=seed,
            early_stopping_patience=20,
            early_stopping_min_delta=1e-3,
            max_epochs=900 + seed,
        )
        for seed in range(count)
    ]


@pytest.fixture(params=["torch", "fused"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each of the engines that train lanes together, in chunks short enough to stop between."""
    monkeypatch.setattr("sweep.engines.fused.engine.MOST_CHUNK_EPOCHS", 100)
    return str(request.param)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["torch", "fused", "reference"])
def test_every_trial_of_a_pack_comes_back_once(engine: str) -> None:
    trials = [*grid(3), make_trial(topology=(5, 2, 5), max_epochs=50)]
    results = by_id(run(make_work(*trials, engine=engine)))
    assert set(results) == {trial.trial_id for trial in trials}
    assert results[trials[-1].trial_id].outcome.epochs == 50
    assert results[trials[-1].trial_id].outcome.stop_reason is StopReason.MAX_EPOCHS


@pytest.mark.slow
def test_engines_end_a_trial_in_the_same_epoch_with_the_same_loss() -> None:
    trials = [replace(t, optimizer="sgd", learning_rate=0.5) for t in grid(3)]
    ends = []
    for engine in ("torch", "fused", "reference"):
        results = by_id(run(make_work(*trials, engine=engine)))
        ends.append([results[t.trial_id].outcome for t in trials])
    for torchs, fused, theirs in zip(*ends, strict=True):
        assert torchs.epochs == fused.epochs == theirs.epochs
        assert torchs.final_loss == pytest.approx(theirs.final_loss, rel=1e-9)
        assert fused.final_loss == pytest.approx(theirs.final_loss, rel=1e-9)


def test_final_loss_is_that_of_the_saved_weights(engine: str) -> None:
    (result,) = run(make_work(make_trial(max_epochs=30), engine=engine))
    (longer,) = run(make_work(make_trial(max_epochs=31), engine=engine))
    assert result.outcome.final_loss == pytest.approx(longer.curve.loss[-1], rel=1e-12)
    assert longer.curve.epoch[-1] == 31


def test_stop_rules_of_one_path_share_one_training(engine: str) -> None:
    trials = [make_trial(max_epochs=epochs) for epochs in (10, 25, 40)]
    assert len({trial.path_id for trial in trials}) == 1
    results = by_id(run(make_work(*trials, engine=engine)))
    assert [results[t.trial_id].outcome.epochs for t in trials] == [10, 25, 40]
    assert {result.provenance.lanes for result in results.values()} == {1}
    alone = by_id(run(make_work(trials[0], engine=engine)))[trials[0].trial_id]
    np.testing.assert_array_equal(alone.parameters, results[trials[0].trial_id].parameters)


def test_lanes_are_refilled_from_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TorchEngine, "capacity", 4)
    trials = [make_trial(seed=seed, max_epochs=20 + 30 * (seed % 3)) for seed in range(11)]
    results = by_id(run(make_work(*trials)))
    assert {r.outcome.epochs for r in results.values()} == {20, 50, 80}
    assert max(result.provenance.lanes for result in results.values()) <= 4
    assert len(results) == 11


def test_diverged_trial_is_a_row_beside_healthy_ones(engine: str) -> None:
    wild = make_trial(
        optimizer="sgd",
        optimizer_momentum=0.9,
        learning_rate=1e6,
        loss="mean_squared_error",
        loss_semantics=None,
        activation="identity",
        output_activation="identity",
    )
    calm = replace(wild, learning_rate=0.01)
    results = by_id(run(make_work(wild, calm, engine=engine)))
    assert results[wild.trial_id].outcome.status is Status.DIVERGED
    assert results[calm.trial_id].outcome.stop_reason is StopReason.MAX_EPOCHS
    alone = by_id(run(make_work(calm, engine=engine)))[calm.trial_id]
    assert results[calm.trial_id].outcome.final_loss == pytest.approx(
        alone.outcome.final_loss, rel=1e-12
    )


@pytest.mark.slow
def test_stopping_gives_cancelled_rows_from_which_training_goes_on(engine: str) -> None:
    trials = [make_trial(seed=seed, max_epochs=800) for seed in range(3)]
    whole = by_id(run(make_work(*trials, engine=engine)))
    cancelled = by_id(run(make_work(*trials, engine=engine), stop_after=2))
    assert {r.outcome.stop_reason for r in cancelled.values()} == {StopReason.CANCELLED}
    assert all(0 < r.outcome.epochs < 800 for r in cancelled.values())
    starts = {key: r.state for key, r in cancelled.items() if r.state is not None}
    resumed = by_id(run(make_work(*trials, starts=starts, engine=engine)))
    for key, result in resumed.items():
        assert result.provenance.resumed_from == cancelled[key].outcome.epochs
        np.testing.assert_array_equal(result.parameters, whole[key].parameters)
        np.testing.assert_array_equal(result.curve.loss, whole[key].curve.loss)


@pytest.mark.slow
def test_stop_rules_of_one_path_go_on_together_each_with_its_own_counters(engine: str) -> None:
    rules: list[dict[str, Any]] = [
        {"delta_tolerance": tolerance, "delta_patience": 100} for tolerance in (1e-3, 3e-4)
    ]
    short = [make_trial(**rule, max_epochs=350) for rule in rules]
    long = [make_trial(**rule, max_epochs=3000) for rule in rules]
    ended = by_id(run(make_work(*short, engine=engine)))
    counts = [ended[trial.trial_id].state["delta_count"].item() for trial in short]
    assert counts[0] > counts[1]
    starts = {new.trial_id: ended[old.trial_id].state for old, new in zip(short, long, strict=True)}
    work = make_work(*long, starts=starts, engine=engine)
    assert len(lanes_of(work)) == 1
    resumed, whole = by_id(run(work)), by_id(run(make_work(*long, engine=engine)))
    for key, result in resumed.items():
        assert result.provenance.resumed_from == 350
        assert result.outcome.epochs == whole[key].outcome.epochs < 3000
        np.testing.assert_array_equal(result.parameters, whole[key].parameters)


@pytest.mark.slow
def test_trials_of_a_path_that_go_on_from_different_epochs_train_in_lanes_of_their_own(
    engine: str,
) -> None:
    rules: list[dict[str, Any]] = [{}, {"target_loss": 1e-12}, {"target_loss": 1e-13}]
    steady = partial(make_trial, optimizer="sgd")  # rmsprop would magnify the last bits
    limits = (30, 70)
    starts = {}
    for rule, limit in zip(rules, limits, strict=False):
        (ended,) = run(make_work(steady(**rule, max_epochs=limit), engine=engine))
        starts[steady(**rule, max_epochs=500).trial_id] = ended.state
    trials = [steady(**rule, max_epochs=500) for rule in rules]
    work = make_work(*trials, starts=starts, engine=engine)
    assert len({lane.lane_id for lane in lanes_of(work)}) == 3
    whole = by_id(run(make_work(*trials, engine=engine)))
    events = train_pack(work, should_stop=lambda: False, checkpoint_seconds=0.0)
    saved = next(event for event in events if isinstance(event, Checkpoint))
    for again in (work, replace(work, checkpoint=saved.data, attempt=2)):
        results = by_id(run(again))
        assert [results[t.trial_id].provenance.resumed_from for t in trials] == [30, 70, 0]
        for key, result in results.items():
            np.testing.assert_allclose(result.parameters, whole[key].parameters, rtol=1e-9)
    cancelled = by_id(run(work, stop_after=1))
    assert all(result.state["live"].shape == (1, 1) for result in cancelled.values())
    assert len(cancelled) == 3


def test_a_row_keeps_the_arithmetic_that_its_first_epoch_had(engine: str) -> None:
    short, long = make_trial(max_epochs=37), make_trial(max_epochs=111)
    (first,) = run(make_work(short, engine=engine))
    assert first.state is not None
    assert first.provenance.numerics_version == 2
    old = {name: array for name, array in first.state.items() if name != "numerics"}
    (resumed,) = run(make_work(long, starts={long.trial_id: old}, engine=engine))
    assert (resumed.provenance.resumed_from, resumed.provenance.numerics_version) == (37, 1)


def test_raised_max_epochs_resumes_to_what_an_uninterrupted_run_gives(engine: str) -> None:
    short, long = make_trial(max_epochs=37), make_trial(max_epochs=111)
    (first,) = run(make_work(short, engine=engine))
    assert first.state is not None
    (resumed,) = run(make_work(long, starts={long.trial_id: first.state}, engine=engine))
    (whole,) = run(make_work(long, engine=engine))
    assert resumed.outcome.epochs == 111
    np.testing.assert_array_equal(resumed.parameters, whole.parameters)


@pytest.mark.slow
def test_checkpoint_goes_on_to_the_same_results(engine: str) -> None:
    trials = [
        *(make_trial(seed=s, max_epochs=500) for s in range(3)),
        make_trial(topology=(5, 2, 5)),
    ]
    whole = by_id(run(make_work(*trials, engine=engine)))
    events = train_pack(
        make_work(*trials, engine=engine), should_stop=lambda: False, checkpoint_seconds=0.0
    )
    saved = next(event for event in events if isinstance(event, Checkpoint))
    resumed = by_id(run(make_work(*trials, checkpoint=saved.data, attempt=2, engine=engine)))
    assert set(resumed) == set(whole)
    for key, result in resumed.items():
        np.testing.assert_array_equal(result.parameters, whole[key].parameters)
        assert result.provenance.attempt == 2


def test_time_limit_ends_a_trial_that_can_go_on(engine: str) -> None:
    (result,) = run(make_work(make_trial(max_epochs=10**9, max_seconds=0.01), engine=engine))
    assert result.outcome.stop_reason is StopReason.TIME
    assert result.outcome.status is Status.FINISHED
    assert result.state is not None


def test_nothing_beside_the_row_is_kept_when_not_asked_for() -> None:
    record = RecordOptions(curves=False, weights=False, state=KeepState.NONE)
    (result,) = run(make_work(make_trial(), record=record))
    assert result.parameters is None
    assert result.state is None
    assert len(result.curve.epoch) == 0


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Return a function that writes a module of the user's and gives its name."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(source: str) -> str:
        name = f"users_own_{abs(hash(source))}"
        (tmp_path / f"{name}.py").write_text(source)
        return name

    return write


def test_a_trial_that_raises_fails_alone(plugin: Callable[[str], str]) -> None:
    name = plugin(
        "import numpy as np\n"
        "def picky(fan_in, fan_out, *, constant, generator):\n"
        "    if constant < 0: raise ValueError('no negative constants here')\n"
        "    return constant * generator.uniform(-1, 1, (fan_out, fan_in))\n"
    )
    trials = [
        make_trial(initialiser=f"{name}:picky", initialiser_constant=c, max_epochs=20)
        for c in (1.0, -1.0, 0.5, 0.25)
    ]
    results = by_id(run(make_work(*trials)))
    failed = results[trials[1].trial_id].outcome
    assert failed.status is Status.FAILED
    assert failed.error == "ValueError: no negative constants here"
    assert failed.traceback is not None
    assert "in picky" in failed.traceback
    others = [results[t.trial_id].outcome for t in trials if t is not trials[1]]
    assert {outcome.stop_reason for outcome in others} == {StopReason.MAX_EPOCHS}


def test_an_activation_that_raises_in_training_fails_alone_in_its_pack(
    plugin: Callable[[str], str],
) -> None:
    name = plugin("def broken(x):\n    raise RuntimeError('broken activation')\n")
    trials = [make_trial(), make_trial(activation=f"{name}:broken"), make_trial(seed=1)]
    results = by_id(run(make_work(*trials)))
    assert results[trials[1].trial_id].outcome.error == "RuntimeError: broken activation"
    assert results[trials[0].trial_id].outcome.status is Status.FINISHED
    assert results[trials[2].trial_id].outcome.status is Status.FINISHED


@pytest.mark.parametrize("engine", ["torch", "reference"])
def test_a_trial_that_ended_before_its_path_raised_has_ended(
    plugin: Callable[[str], str], engine: str
) -> None:
    source = (
        "calls = 0\n"
        "def late(outputs, targets):\n"
        "    global calls\n"
        "    calls += 1\n"
        "    if float(((outputs - targets) ** 2).mean()) < 0.1848: raise RuntimeError('too good')\n"
        "    return ((outputs - targets) ** 2).mean(dim=(-2, -1))\n"
    )
    name = plugin(source)
    base = make_trial(loss=f"{name}:late", loss_semantics=None, seed=4)
    limits = (20, 100_000)
    trials = [replace(base, max_epochs=limit) for limit in limits]
    healthy = make_trial(
        loss=f"{name}:late", loss_semantics=None, learning_rate=1e-9, max_epochs=60
    )
    results = by_id(run(make_work(*trials, healthy, engine=engine)))
    ends = [results[t.trial_id].outcome for t in (*trials, healthy)]
    assert [end.stop_reason for end in ends] == [
        StopReason.MAX_EPOCHS,
        StopReason.FAILED,
        StopReason.MAX_EPOCHS,
    ]
    assert ends[1].epochs > 20
    assert ends[1].updates == ends[1].epochs
    assert len(results[trials[1].trial_id].curve.epoch) > 5


def test_an_edited_function_is_not_the_one_loaded_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    ends = []
    for body in ("x.tanh()", "x.sigmoid()"):
        source = f"def own(x):\n    return {body}\n"
        (tmp_path / "edited.py").write_text(source)
        digest = sha256(source.encode()).hexdigest()[:16]
        (result,) = run(make_work(make_trial(activation=f"edited:own@{digest}")))
        ends.append(result.outcome.final_loss)
    for activation, end in zip(("tanh", "sigmoid"), ends, strict=True):
        (plain,) = run(make_work(make_trial(activation=activation)))
        assert plain.outcome.final_loss == pytest.approx(end, rel=1e-12)


def test_data_other_than_those_of_the_plan_are_refused() -> None:
    trial = make_trial(data_fingerprint="0" * 16)
    (result,) = run(make_work(trial))
    assert result.outcome.status is Status.FAILED
    assert result.outcome.error is not None
    assert "data must be those of the plan" in result.outcome.error


def test_a_loss_that_cannot_be_imported_fails_its_own_trials_alone(
    plugin: Callable[[str], str],
) -> None:
    name = plugin("raise OSError('no licence on this machine')\n")
    trials = [make_trial(), make_trial(loss=f"{name}:loss", loss_semantics=None)]
    results = by_id(run(make_work(*trials)))
    error = results[trials[1].trial_id].outcome.error
    assert error == (
        f"PluginError: {name}: must run when imported "
        "(it raised OSError('no licence on this machine'))"
    )
    assert results[trials[0].trial_id].outcome.status is Status.FINISHED


def test_data_that_cannot_be_loaded_are_no_fault_of_the_trials() -> None:
    work = make_work(make_trial())
    spec = DatasetSpec("csv", (("path", "gone.csv"),))
    lacking = replace(work.pack, datasets=((work.pack.datasets[0][0], spec),))
    with pytest.raises(DatasetError):
        run(replace(work, pack=lacking))


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["torch", "fused", "reference"])
def test_trials_that_wait_at_a_rung_go_on_as_if_they_had_not(engine: str) -> None:
    short = make_trial(seed=0, max_epochs=30)
    asked_for = make_trial(seed=0, fixed_epochs=40, max_epochs=60)
    deep = {"topology": (4, 3, 3, 4), "pretraining": "greedy", "pretraining_max_epochs": 15}
    ended = [short, asked_for]
    waiting = [
        make_trial(seed=0, max_epochs=150),
        make_trial(seed=0, early_stopping_patience=5, early_stopping_min_delta=1e-3),
        make_trial(max_epochs=70, pretraining_layers=1, **deep),
    ]
    work = make_work(*ended, *waiting, engine=engine, until=40)
    first = by_id(run(work))
    reasons = {t: str(r.outcome.stop_reason) for t, r in first.items()}
    assert reasons == {
        short.trial_id: "max_epochs",
        asked_for.trial_id: "epochs",
        **{trial.trial_id: "pruned" for trial in waiting},
    }
    assert {first[t.trial_id].outcome.epochs for t in waiting} == {40}
    states = {t.trial_id: first[t.trial_id].state for t in waiting}
    starts = {name: state for name, state in states.items() if state is not None}
    assert starts.keys() == states.keys()
    resumed = by_id(run(make_work(*waiting, starts=starts, engine=engine)))
    whole = by_id(run(make_work(*waiting, engine=engine)))
    for trial_id, result in whole.items():
        assert resumed[trial_id].outcome == result.outcome
        assert resumed[trial_id].provenance.resumed_from == 40
        assert np.array_equal(resumed[trial_id].parameters, result.parameters)
