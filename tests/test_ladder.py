"""Claims: a training's ladder says when any of its rules would have stopped it, in every engine."""

from dataclasses import replace

import numpy as np

from sweep.cli import options
from sweep.components.stopping import MONITORED
from sweep.engines.fused.engine import FusedEngine
from sweep.engines.state import Lane, Lanes
from sweep.engines.stop_rules import Rules, judge, recorded_ladder
from sweep.engines.torch.engine import TorchEngine
from sweep.ladder import BY_RUNG, LADDER, LEVELS, RUNGS, Rung
from sweep.trial import StopReason, Trial
from tests.trials import lanes_of_trials, make_trial, one_hot

EPOCHS = 1500


def trial_of(rung: Rung, trial: Trial) -> Trial:
    """Return the trial that a rung speaks of."""
    columns = BY_RUNG[rung.rule].columns
    asked = {columns[BY_RUNG[rung.rule].threshold]: rung.tolerance}
    if rung.patience:
        asked[columns["patience"]] = rung.patience
    return replace(trial, **asked)


def test_the_command_line_offers_the_rules_of_the_ladder() -> None:
    assert tuple(options.RULES) == LADDER
    assert tuple(options.MONITORED) == MONITORED


def test_a_rung_is_met_when_a_trial_with_its_rule_stops() -> None:
    trial = make_trial(learning_rate=0.02, max_epochs=EPOCHS)
    lanes = Lanes(
        tuple(Lane(tuple(trial_of(r, replace(trial, seed=s)) for r in RUNGS)) for s in range(3))
    )
    engine = FusedEngine(trial, one_hot(4))
    state = engine.begin(lanes)
    stops = []
    while state.live.any():
        stops += engine.advance(lanes, state, EPOCHS)
    free = engine.begin(lanes_of_trials(*(replace(trial, seed=s) for s in range(3))))
    engine.advance(lanes_of_trials(*(replace(trial, seed=s) for s in range(3))), free, EPOCHS)
    met = 0
    for stop in stops:
        asked = stop.reason is not StopReason.MAX_EPOCHS
        assert free.ladder_epoch[stop.row, stop.watch] == (stop.state.epoch[0] if asked else 0)
        if asked:
            assert free.ladder_loss[stop.row, stop.watch] == stop.state.previous_loss[0]
        met += asked
    assert len(stops) == 3 * len(RUNGS)
    assert 0.3 < met / len(stops) < 0.9  # some of both


def test_the_kernel_climbs_as_the_plain_code_does_whatever_the_chunks() -> None:
    trials = [make_trial(seed=s, learning_rate=0.05, max_epochs=10**6) for s in range(5)]
    lanes, data = lanes_of_trials(*trials), one_hot(4)
    engine = FusedEngine(lanes.shape, data)
    single, chunked = engine.begin(lanes), engine.begin(lanes)
    plain, rules = engine.begin(lanes), Rules.of(lanes)
    for _ in range(370):
        engine.advance(lanes, single, 1)
        judge(rules, plain, losses=single.previous_loss.copy(), worst_errors=None)
    for _ in range(10):
        engine.advance(lanes, chunked, 37)
    for state in (single, chunked):
        for name in ("ladder_since", "ladder_best", "ladder_epoch", "ladder_loss"):
            np.testing.assert_array_equal(getattr(state, name), getattr(plain, name))
    assert (plain.ladder_epoch > 0).sum() > 50


def test_a_loss_that_falls_through_levels_meets_them_all_at_once() -> None:
    trial = make_trial(target_loss=0.0, max_epochs=3)
    lanes = lanes_of_trials(trial)
    engine = TorchEngine(trial, one_hot(4))
    state = engine.begin(lanes)
    engine.advance(lanes, state, 1)
    table = recorded_ladder(state, 0)
    levels = table["tolerance"][table["rule"] == "loss"]
    loss = state.previous_loss[0]
    assert list(levels) == [level for level in LEVELS if loss <= level]
    assert set(table["epoch"]) == {1}


def test_an_epoch_that_diverges_meets_no_rung_in_any_engine() -> None:
    trial = make_trial(
        activation="relu",
        output_activation="identity",
        loss="mean_squared_error",
        loss_semantics=None,
        optimizer="sgd",
        learning_rate=1e200,  # from a good first epoch straight to infinity
        max_epochs=50,
    )
    lanes, ladders = lanes_of_trials(trial), []
    for engine in (FusedEngine(trial, one_hot(4)), TorchEngine(trial, one_hot(4))):
        state = engine.begin(lanes)
        (stop,) = engine.advance(lanes, state, 50)
        assert stop.reason is StopReason.DIVERGED
        table = recorded_ladder(stop.state, 0)
        assert np.isfinite(table["loss"]).all()
        assert (table["epoch"] < stop.state.epoch[0]).all()
        ladders.append(table["epoch"].tolist())
    assert ladders[0] == ladders[1]
