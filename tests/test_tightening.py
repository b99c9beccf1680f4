"""Claims: a tighter rule goes on from where a looser one ended, as if never stopped."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sweep.result import TrialResult
from sweep.training.handover import counters_of, past_of_state
from sweep.training.pool import train_pack
from sweep.training.work import Finished, KeepState, RecordOptions
from sweep.trial import STOP_PARAMETERS, StopReason, Trial
from tests.trials import make_trial, make_work

LOOSE = make_trial(learning_rate=0.02, delta_tolerance=1e-3, delta_patience=1, max_epochs=10**6)
TIGHTER: list[dict[str, Any]] = [
    {"delta_tolerance": 1e-5, "delta_patience": 10},
    {"delta_tolerance": 1e-4, "delta_patience": 100},
    {"delta_tolerance": None, "delta_patience": None, "target_loss": 1e-4},
    {
        "delta_tolerance": None,
        "delta_patience": None,
        "early_stopping_min_delta": 1e-4,
        "early_stopping_patience": 20,
    },
    {
        "delta_tolerance": None,
        "delta_patience": None,
        "early_stopping_min_delta": 0.0,
        "early_stopping_patience": 150,
    },
]


def train(trial: Trial, engine: str, start: dict[str, np.ndarray] | None = None) -> TrialResult:
    work = replace(
        make_work(trial, engine=engine),
        starts={} if start is None else {trial.trial_id: start},
        record=RecordOptions(state=KeepState.ALL),
    )
    events = train_pack(work, should_stop=lambda: False)
    (result,) = [r for e in events if isinstance(e, Finished) for r in e.results]
    return result


def carried_over(trial: Trial, ended: TrialResult) -> dict[str, np.ndarray] | None:
    """Return the counters with which `trial` goes on from the end of another on its path."""
    assert ended.state is not None
    stop = {name: getattr(ended.trial, name) for name in STOP_PARAMETERS}
    return counters_of(
        trial, ended.state, past_of_state(ended.state, stop, ended.outcome.stop_reason)
    )


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["fused", "torch"])
@pytest.mark.parametrize("rule", TIGHTER, ids=str)
def test_tightening_goes_on_to_the_bits_of_an_uninterrupted_run(
    rule: dict[str, Any], engine: str
) -> None:
    loose, tight = train(LOOSE, engine), replace(LOOSE, **rule)
    assert loose.outcome.stop_reason is StopReason.CONVERGED
    assert loose.state is not None
    counters = carried_over(tight, loose)
    assert counters is not None
    went_on, whole = train(tight, engine, loose.state | counters), train(tight, engine)
    assert went_on.provenance.resumed_from == loose.outcome.epochs > 0
    assert went_on.outcome == whole.outcome
    assert went_on.parameters is not None
    np.testing.assert_array_equal(went_on.parameters, whole.parameters)
    for name, column in whole.details["ladder"].items():
        np.testing.assert_array_equal(went_on.details["ladder"][name], column)


@pytest.mark.parametrize(
    "rule",
    [
        {"delta_tolerance": 1e-2, "delta_patience": 1},  # met before
        {"delta_tolerance": 3e-4, "delta_patience": 1},  # maybe met before: 1e-3 was
        {"delta_tolerance": None, "delta_patience": None, "target_loss": 0.6},
        {"pattern_margin": 0.4},
        {"early_stopping_min_delta": 0.02, "early_stopping_patience": 50},  # not on the ladder
    ],
    ids=str,
)
def test_a_rule_that_may_have_been_met_before_starts_anew(rule: dict[str, Any]) -> None:
    assert carried_over(replace(LOOSE, **rule), train(LOOSE, "fused")) is None


OWN: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"delta_tolerance": 3e-4, "delta_patience": 2}, {"delta_patience": 40}),
    (
        {"early_stopping_min_delta": 3e-3, "early_stopping_patience": 4},
        {"early_stopping_patience": 30},
    ),
]
"""Rules that are not on the ladder, and the same with more patience."""


@pytest.mark.parametrize(("rule", "patience"), OWN, ids=str)
def test_more_patience_at_a_tolerance_off_the_ladder_goes_on_to_the_same_bits(
    rule: dict[str, Any], patience: dict[str, Any]
) -> None:
    blank = {"delta_tolerance": None, "delta_patience": None}
    loose = train(replace(LOOSE, **blank | rule), "fused")
    tight = replace(LOOSE, **blank | rule | patience)
    counters = carried_over(tight, loose)
    assert counters is not None
    assert loose.state is not None
    went_on, whole = train(tight, "fused", loose.state | counters), train(tight, "fused")
    assert went_on.provenance.resumed_from == loose.outcome.epochs > 0
    assert went_on.outcome == whole.outcome
