"""The simulation of a cluster: nothing is lost in it, and nothing is faster than it can be."""

from dataclasses import replace

import numpy as np
import pytest

from bench.costs import plan_of
from bench.events import Costs, Habits, Load, act_out
from bench.simulation import loads_of

COSTS = Costs(
    start=9.0,
    worker=4.0,
    plan_trial=1e-5,
    offer_pack=1e-3,
    offer_trial=1e-4,
    keep_message=2e-3,
    keep_row=1e-5,
    checkpoint=1e-2,
    tune=0.03,
    tune_busy=0.01,
    call=5e-4,
    epoch=1e-6,
    alone=2e-6,
    trial=3e-4,
)
NOTHING = Costs(**dict.fromkeys(Costs.__annotations__, 0.0))
LENGTHS = np.array([1_000, 40_000, 2_000_000, 300])


@pytest.fixture(scope="module")
def plan():
    return plan_of(2_000)


@pytest.mark.parametrize("workers", [1, 16, 1600])
@pytest.mark.parametrize("habits", [Habits(), Habits(patience=10.0, crew=16)])
def test_every_trial_is_kept_and_no_time_is_gained(plan, workers, habits):
    loads = loads_of(plan, LENGTHS, workers=workers)
    assert sum(load.trials for load in loads) == 2_000
    outcome = act_out(loads, workers=workers, costs=COSTS, habits=habits)
    assert outcome.trials == 2_000
    assert outcome.makespan >= outcome.ideal
    assert 0 < outcome.utilisation <= 1
    assert max(outcome.driver, outcome.tune, outcome.broker) <= 1


def test_the_same_sweep_is_acted_out_alike(plan):
    outcomes = [
        act_out(loads_of(plan, LENGTHS, workers=160), workers=160, costs=COSTS) for _ in range(2)
    ]
    assert outcomes[0] == outcomes[1]


def test_one_worker_takes_the_sum_of_all_that_must_be_done():
    loads = [Load(2, 1_000_000, 500_000)] * 2  # a second each
    free = replace(NOTHING, epoch=1e-6)
    assert act_out(loads, workers=1, costs=free).makespan == pytest.approx(2.0)
    dear = replace(free, start=9.0, worker=4.0, tune=0.5, keep_message=0.25)
    # Tune is paid once; the rows of the first pack are kept while the second is trained.
    assert act_out(loads, workers=1, costs=dear).makespan == pytest.approx(9 + 4 + 0.5 + 2 + 0.25)


def test_two_workers_share_packs_of_one_length():
    loads = [Load(1, 3_000_000, 0)] * 4
    free = replace(NOTHING, epoch=1e-6)
    assert act_out(loads, workers=2, costs=free).makespan == pytest.approx(6.0)


def test_a_pack_promised_to_a_slow_worker_is_trained_by_another():
    loads = [Load(1, 9_000_000, 0), *[Load(1, 1_000_000, 0)] * 8]
    free = replace(NOTHING, epoch=1e-6)
    assert act_out(loads, workers=2, costs=free).makespan == pytest.approx(9.0)


def test_workers_of_one_trial_of_tune_start_together():
    loads = [Load(1, 60_000_000, 0)] * 160
    slow = replace(NOTHING, epoch=1e-6, tune=1.0)
    spans = [
        act_out(loads, workers=160, costs=slow, habits=Habits(crew=crew)).makespan
        for crew in (1, 16)
    ]
    assert spans[1] < 75 < 140 < spans[0]


def test_progress_told_less_often_leaves_the_broker_time_for_rows():
    loads = [Load(1, 60_000_000, 0)] * 100
    slow = replace(NOTHING, epoch=1e-6, call=0.02)
    hasty, patient = (
        act_out(loads, workers=100, costs=slow, habits=Habits(beats_each=each))
        for each in (0.0, 0.1)
    )
    assert patient.makespan < 1.5 * 60 < 5 * 60 < hasty.makespan
