"""Random and Sobol points: functions of a seed and their number, each a setting of the space."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sweep import run
from sweep.cli.plan_page import describe_plan
from sweep.config import parse_config
from sweep.config.parameters.interval import Interval
from sweep.errors import ConfigError
from sweep.planning import expand, make_plan
from sweep.search.draws import SHARES
from sweep.trial import Trial
from tests.sweepfiles import faults_of, small, trials_of

RATES = {"from": 1e-4, "to": 1e-1, "log": True}
DRAWN = {"name": "random", "budget": 2}
BRANCHES = [
    {"name": "adam", "beta1": {"from": 0.8, "to": 0.99}},
    {"name": "sgd", "momentum": [0, 0.9]},
]


def searched(budget: int, name: str = "sobol", key: int = 0, **grid: Any) -> dict[str, Any]:
    return small(grid=grid, search={"name": name, "budget": budget, "seed": key})


def points_of(*arguments: Any, **grid: Any) -> list[Trial]:
    return list(expand(parse_config(searched(*arguments, **grid))))


@pytest.mark.parametrize("name", SHARES)
def test_a_larger_budget_keeps_the_points_of_a_smaller_one(name: str) -> None:
    grid = {"learning_rate": RATES, "optimizer": BRANCHES, "replicates": 2}
    few, many = (points_of(budget, name, **grid) for budget in (5, 23))
    assert many[:10] == few
    assert len({trial.trial_id for trial in many}) == 46


@pytest.mark.parametrize("name", SHARES)
def test_points_depend_on_the_seed(name: str) -> None:
    one, other = (points_of(8, name, seed, learning_rate=RATES) for seed in (0, 1))
    assert not {trial.trial_id for trial in one} & {trial.trial_id for trial in other}


def test_points_are_the_same_with_every_version() -> None:
    rates = {n: [t.learning_rate for t in points_of(3, n, learning_rate=RATES)] for n in SHARES}
    assert rates == {
        "random": [0.0754093, 0.0139095, 0.000101227],
        "sobol": [0.000165499, 0.00351518, 0.0324169],
    }


def test_sobol_points_fill_every_dimension_evenly() -> None:
    shares = SHARES["sobol"](64, 5, 3)
    for column in (shares * 64).astype(int).T:
        assert sorted(column) == list(range(64))
    quarters = Counter(map(tuple, (shares[:, :2] * 8).astype(int).tolist()))
    assert set(quarters.values()) == {1}


def test_every_point_is_trained_with_every_seed() -> None:
    trials = points_of(4, learning_rate=RATES, replicates=3)
    assert [trial.seed for trial in trials] == [0, 1, 2] * 4
    assert len({trial.learning_rate for trial in trials}) == 4


def test_what_is_zipped_with_the_seed_is_no_choice() -> None:
    vectors = {"name": "uniform", "samples": 8, "features": 4, "seed": [1, 2]}
    grid = {"dataset": vectors, "seed": [5, 6], "zip": ["dataset", "seed"]}
    trials = points_of(2, topology=["4-2-4", "4-3-4"], learning_rate=RATES, **grid)
    assert [trial.seed for trial in trials] == [5, 6, 5, 6]
    assert len({trial.data_fingerprint for trial in trials}) == 2
    assert trials[0].topology == trials[1].topology


def test_options_of_what_is_not_chosen_do_not_count() -> None:
    for trial in points_of(32, optimizer=BRANCHES):
        if trial.optimizer == "adam":
            assert 0.8 <= trial.optimizer_beta1 <= 0.99
            assert trial.optimizer_momentum is None
        else:
            assert trial.optimizer_momentum in (0, 0.9)
            assert trial.optimizer_beta1 is None


def test_branches_are_equally_likely_however_many_options_they_have() -> None:
    counts = Counter(t.optimizer for t in points_of(64, learning_rate=RATES, optimizer=BRANCHES))
    assert counts == {"adam": 32, "sgd": 32}


def test_a_union_of_grids_is_a_choice_at_the_top() -> None:
    grids = [
        {"optimizer": "adam", "learning_rate": RATES},
        {"optimizer": "sgd", "learning_rate": {"from": 1, "to": 2}},
    ]
    sweep = small(grid=grids, search={"name": "sobol", "budget": 16})
    trials = list(expand(parse_config(sweep)))
    assert Counter(trial.optimizer for trial in trials) == {"adam": 8, "sgd": 8}
    assert all((trial.learning_rate >= 1) == (trial.optimizer == "sgd") for trial in trials)


def test_excluded_points_are_passed_over() -> None:
    trials = points_of(20, learning_rate=RATES, exclude=[{"learning_rate": "> 0.001"}])
    assert len(trials) == 20
    assert all(trial.learning_rate <= 0.001 for trial in trials)


def test_a_point_stays_while_any_of_its_seeds_is_left() -> None:
    exclude = [{"learning_rate": "> 0.001", "seed": 1}]
    trials = points_of(20, learning_rate=RATES, replicates=2, exclude=exclude)
    seeds = Counter(trial.learning_rate for trial in trials)
    assert len(seeds) == 20
    assert all(count == (1 if rate > 0.001 else 2) for rate, count in seeds.items())


def test_excluding_everything_is_a_fault() -> None:
    grid = {"learning_rate": RATES, "exclude": [{"learning_rate": "> 0"}]}
    with pytest.raises(ConfigError, match=r"exclude must leave 4 points of the search \(got 0\)"):
        expand(parse_config(searched(4, **grid)))


def test_points_of_choices_that_come_again_are_trained_once() -> None:
    plan = make_plan(parse_config(searched(32, learning_rate=[0.1, 0.2], replicates=2)))
    assert plan.trials == 4
    assert "sobol: 32 points, 2 of them distinct, 1 dimensions" in describe_plan(plan, "x")


def test_points_of_choices_are_trials_of_the_grid() -> None:
    grid = {"learning_rate": [0.1, 0.2, 0.3], "activation": ["relu", "tanh"], "replicates": 2}
    whole = {trial.trial_id for trial in trials_of(grid=grid)}
    found = {trial.trial_id for trial in points_of(4, "random", **grid)}
    assert found < whole


def test_batches_are_drawn_as_whole_numbers() -> None:
    sizes = Counter(t.batch_size for t in points_of(30, batch_size={"from": 1, "to": 3}))
    assert sizes == {1: 1, 2: 1, 3: 1}
    trials = points_of(8, batch_size=[None, {"from": 2, "to": 3}], learning_rate=RATES)
    assert {(t.batch_size, t.sample_order) for t in trials} == {
        (None, "full_batch"),
        (2, "shuffled"),
        (3, "shuffled"),
    }


@pytest.mark.parametrize(
    ("interval", "share", "number"),
    [
        (Interval(0.0, 1.0, log=False, whole=False), 0.123456789, 0.123457),
        (Interval(1e-4, 1e-1, log=True, whole=False), 2 / 3, 0.01),
        (Interval(0.0, 0.9999999, log=False, whole=False), 0.99999999, 0.9999999),
        (Interval(1, 3, log=False, whole=True), 0.34, 2),
        (Interval(1, 3, log=False, whole=True), 0.9999, 3),
        (Interval(1, 8, log=True, whole=True), 0.0, 1),
        (Interval(1, 7, log=True, whole=True), 1 / 3, 2),
        (Interval(1, 7, log=True, whole=True), 0.9999, 7),
    ],
)
def test_a_share_of_an_interval(interval: Interval, share: float, number: float) -> None:
    found = interval.at(share)
    assert found == number
    assert isinstance(found, int) == interval.whole


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        (
            {"grid": {"learning_rate": RATES}},
            "grid.learning_rate must be numbers, a list or a range where there is no search (got "
            "0.0001 to 0.1 (log); add search)",
        ),
        (
            {"fixed": {"learning_rate": RATES}, "search": DRAWN},
            "fixed.learning_rate must hold one value (got 0.0001 to 0.1 (log); put what should "
            "vary in grid)",
        ),
        (
            {"grid": {"seed": {"from": 0, "to": 9}}, "search": DRAWN},
            "grid.seed must be no interval (got 0 to 9; replicates: every point is trained with "
            "all seeds)",
        ),
        (
            {
                "grid": {"dataset": {"name": "digits", "noise": {"from": 0, "to": 1}}},
                "search": DRAWN,
            },
            "grid.dataset.noise must be numbers or a list: every choice of data is a data set (got "
            "0 to 1; give a list of values, of which the search chooses)",
        ),
        (
            {
                "grid": {"batch_size": {"from": 2, "to": 4}},
                "search": DRAWN,
            },
            "grid.batch_size must end below the 4 samples of one-hot-4 (got 2 to 4; null in a list "
            "with it is all of them)",
        ),
        (
            {"grid": {"learning_rate": {"from": 0.1, "to": 0.01}}},
            "grid.learning_rate must have numbers as from and to of an interval, from the smaller "
            "one (got {'from': 0.1, 'to': 0.01})",
        ),
        (
            {"grid": {"learning_rate": {"from": -1, "to": 1}}},
            "grid.learning_rate must be > 0 (got -1)",
        ),
        (
            {"grid": {"bias_constant": {"from": 0, "to": 1, "log": True}}},
            "grid.bias_constant must have from and to > 0 in an interval with log: true (got "
            "{'from': 0, 'to': 1, 'log': True})",
        ),
        (
            {"search": {"name": "sobel", "budget": 2}},
            "search.name must be one of random, sobol (got 'sobel'; did you mean 'sobol'?)",
        ),
        (
            {"search": "sobol"},
            "search must hold name: random or sobol, or optuna: a sampler, and a budget of points "
            "(got 'sobol')",
        ),
        ({"search": {"name": "sobol"}}, "search.budget must be given"),
    ],
)
def test_a_fault_says_what_must_hold(changes: dict[str, Any], fault: str) -> None:
    assert [str(found) for found in faults_of(small(**changes))] == [f"sweep: {fault}"]


@pytest.mark.slow
def test_what_a_grid_has_trained_a_search_trains_no_more(tmp_path: Path) -> None:
    grid = {"learning_rate": [0.1, 0.2], "activation": ["sigmoid", "tanh"], "replicates": 2}
    place = {"output": tmp_path / "out", "use_ray": False}
    assert run(small(grid=grid), **place).trained == 8
    again = run(searched(3, "random", **grid), **place, merge=True)
    assert (again.trained, again.missing) == (0, 0)
    wider = grid | {"learning_rate": [0.1, RATES]}
    assert run(searched(8, **wider), **place).trained == 8
    assert run(searched(8, **wider), **place).trained == 0
    assert run(searched(16, **wider), **place).trained == 8
