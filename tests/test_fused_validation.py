"""Claims: compiled rules count and judge a held-out loss as the plain code does."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sweep.engines.fused.rules import (
    LEAST_LOSS,
    LEAST_VALIDATION_LOSS,
    REASONS,
    LaneRecords,
    RuleTable,
    count_epoch,
    judge_epoch,
)
from sweep.engines.start import begin
from sweep.engines.state import COUNTERS, LOSS_RECORD, Lane, Lanes
from sweep.engines.stop_rules import Rules, judge
from sweep.kernel.records import pack, record_reader
from tests.compiled import entry
from tests.trials import make_trial

EPOCHS, LANES = 400, 3
ASKED: dict[str, dict[str, Any]] = {
    "early_stopping": {"early_stopping_min_delta": 1e-3, "early_stopping_patience": 6},
    "delta": {"delta_tolerance": 1e-3, "delta_patience": 2},
    "relative_change": {"relative_change_tolerance": 1e-2},
    "target": {"target_loss": 0.02},
}


read_record, read_rules = record_reader(LaneRecords, "float64"), record_reader(RuleTable, "float64")


def follow(record: int, rules: int, losses: Any, validation: Any, least: Any, epochs: int) -> None:
    r, table = read_record(record), read_rules(rules)
    for i in range(epochs):
        for row in range(losses.shape[1]):
            least[i, row] = count_epoch(r, row, losses[i, row], validation[i, row], i + 1)
            judge_epoch(r, table, row, 1.0)


def lanes_that_monitor() -> Lanes:
    held_out = [r | {f"{name}_monitor": "validation_loss"} for name, r in ASKED.items()]
    both = held_out[0] | ASKED["delta"]
    trial = make_trial(max_epochs=EPOCHS)
    trials = [replace(trial, **rule) for rule in [*ASKED.values(), *held_out, both, {}]]
    return Lanes(tuple(Lane(tuple(replace(t, seed=s) for t in trials)) for s in range(LANES)))


def falling(seed: int, floor: float) -> np.ndarray:
    """Return losses that fall to about `floor`, and then rise, with noise."""
    draw, epochs = np.random.default_rng(seed), np.arange(EPOCHS)[:, None]
    course = floor + np.exp(-epochs / 40) + np.maximum(0, epochs - 200) * 1e-4
    return course + 1e-3 * draw.standard_normal((EPOCHS, LANES))


@pytest.mark.slow
@pytest.mark.parametrize("kept", ["every", "every third", "none"])
def test_compiled_rules_judge_a_held_out_loss_as_plain_code_does(kept: str) -> None:
    lanes = lanes_that_monitor()
    rules, losses, validation = Rules.of(lanes), falling(1, 0.0), falling(2, 0.015)
    room = kept != "none"
    validation[5, 1] = np.inf
    if kept != "every":
        validation[[(i + 1) % 3 > 0 or not room for i in range(EPOCHS)]] = np.nan
    plain, state = (begin(lanes, 1).fitted(validates=room, restores=()) for _ in range(2))
    expected = np.zeros(plain.live.shape, np.int8)
    best = np.zeros((EPOCHS, LANES), np.int64)
    for i in range(EPOCHS):
        met = judge(
            rules,
            plain,
            losses=losses[i],
            worst_errors=np.ones(LANES),
            validation=validation[i],
        )
        for row, watch, reason in met:
            expected[row, watch] = REASONS.index(reason)
        best[i] += LEAST_LOSS * (plain.best_epoch == i + 1)
        if plain.validation:
            best[i] += LEAST_VALIDATION_LOSS * (plain.validation["best_epoch"] == i + 1)
    reasons, least = np.zeros(plain.live.shape, np.int8), np.zeros((EPOCHS, LANES), np.int64)
    record = LaneRecords.of(state, reasons)
    table = RuleTable(*(getattr(rules, name) for name in RuleTable._fields))
    packed = [pack(given, "float64") for given in (record, table)]
    where = [given.address for given in packed]
    entry(follow)(*where, losses, validation, least, EPOCHS)
    np.testing.assert_array_equal(reasons, expected)
    np.testing.assert_array_equal(least, best)
    np.testing.assert_array_equal(
        record.counters, np.stack([plain.counters[n] for n in COUNTERS], -1)
    )
    for name in LOSS_RECORD:
        np.testing.assert_array_equal(getattr(state, name), getattr(plain, name), name)
        if plain.validation:
            np.testing.assert_array_equal(state.validation[name], plain.validation[name], name)
    assert not plain.live.any()
