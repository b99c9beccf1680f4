"""Searches that learn from results: the same points whoever trains them, each trained once."""

import json
import subprocess
import sys
from collections.abc import Iterator
from math import inf
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from sweep import read_trials, run
from sweep.config import parse_config
from sweep.config.search import Objective, Quantile
from sweep.errors import ConfigError
from sweep.planning import TrialGrid, expand, make_plan
from sweep.planning.points import grid_of_points
from sweep.planning.product import TrialProduct
from sweep.reports.pareto import pareto_front
from sweep.reports.report import write_report
from sweep.reuse.pruning import find_unwanted, recorded_configs
from sweep.running.search import SearchRun
from sweep.running.search_records import begin_search
from sweep.search.draws import draw_points
from sweep.search.objectives import Judge, Values
from sweep.search.proposer import BATCH
from sweep.search.space import Space
from sweep.store.places.layout import ResultsDir
from sweep.store.searches import read_searches
from sweep.trial import Status, Trial
from tests.sweepfiles import small

SPACE: dict[str, Any] = {
    "learning_rate": {"from": 1e-2, "to": 10, "log": True},
    "bias_constant": {"from": -1, "to": 1},
    "optimizer": [{"name": "sgd", "momentum": {"from": 0, "to": 0.9}}, "adam"],
}


def searched(optuna: str = "tpe", *, grid: dict[str, Any] = SPACE, **search: Any) -> dict[str, Any]:
    asked = {"optuna": optuna, "budget": 24, "batch": 4} | search
    short = {"convergence": {"epochs": 8}}
    return small(grid=grid, search=asked, **short)


def loss_of(trial: Any) -> float:
    return abs(trial.learning_rate - 0.3) + trial.bias_constant**2 + (trial.optimizer == "adam")


def proposed(tree: dict[str, Any], known: dict[str, Values] | None = None) -> SearchRun:
    """Run a search whose trials come to what `loss_of` says; return it when it is over."""
    search = SearchRun(make_plan(parse_config(tree)), known or {})
    for trials in batches_of(search):
        search.hear({trial.trial_id: (loss_of(trial),) for trial in trials})
    return search


def batches_of(search: SearchRun) -> Iterator[list[Trial]]:
    """Yield the trials of each batch once the search waits for what came of it."""
    batches = []
    while (plan := search.advance()) or batches:
        if plan:
            batches.append(plan)
        else:
            done = batches.pop(0)
            yield [done.grid.trial(int(row)) for row in done.rows]


@pytest.mark.parametrize("sampler", sorted(BATCH))
def test_a_search_proposes_its_budget_and_the_same_again(sampler: str) -> None:
    tree = searched(sampler)
    points = proposed(tree).points
    assert len(points) == 24
    assert proposed(tree).points == points
    assert proposed(searched(sampler, seed=1)).points != points


@pytest.mark.parametrize("sampler", ["tpe", "cmaes", "nsga2"])
def test_a_search_comes_to_better_points_than_chance(sampler: str) -> None:
    tree = searched(sampler, budget=200, batch=5)
    search = proposed(tree)
    last = [dict(point.numbers)["learning_rate"] for point in search.points[100:]]
    assert sorted(abs(rate - 0.3) for rate in last)[50] < 0.3


def test_what_is_known_is_learnt_from_and_not_trained() -> None:
    tree = searched()
    first = proposed(tree)
    known = {name: (0.0,) for names in first.trial_ids[:8] for name in names}
    again = SearchRun(make_plan(parse_config(tree)), known)
    assert again.points == first.points[:12]
    assert again.has_work
    plan = again.advance()
    assert plan is not None
    assert plan.missing == 4
    assert again.outlook.done == 8


def test_a_batch_waits_for_the_one_before_the_last_alone() -> None:
    search = SearchRun(make_plan(parse_config(searched())), {})
    first, second = search.advance(), search.advance()
    assert first is not None
    assert second is not None
    assert search.advance() is None
    trials = [second.grid.trial(int(row)) for row in second.rows]
    search.hear({trial.trial_id: (1.0,) for trial in trials})
    assert search.advance() is None
    trials = [first.grid.trial(int(row)) for row in first.rows]
    search.hear({trial.trial_id: (1.0,) for trial in trials})
    assert search.advance() is not None


@pytest.mark.parametrize("sampler", sorted(BATCH))
def test_points_that_diverge_or_fail_stop_nothing(sampler: str) -> None:
    search = SearchRun(make_plan(parse_config(searched(sampler))), {})
    for trials in batches_of(search):
        losses = [inf if place % 2 else 1.0 for place in range(len(trials))]
        search.hear({t.trial_id: (loss,) for t, loss in zip(trials, losses, strict=True)})
    assert len(search.points) == 24


def test_excluded_points_are_never_proposed() -> None:
    grid = SPACE | {"exclude": [{"learning_rate": "> 0.1"}]}
    for point in proposed(searched(grid=grid)).points:
        assert dict(point.numbers)["learning_rate"] <= 0.1


def test_a_search_of_which_everything_is_excluded_is_refused() -> None:
    grid = SPACE | {"exclude": [{"learning_rate": "> 0"}]}
    with pytest.raises(ConfigError, match="must leave 24 points"):
        make_plan(parse_config(searched(grid=grid)))


def test_a_space_of_few_choices_is_searched_to_its_end() -> None:
    search = proposed(searched(grid={"learning_rate": [0.1, 0.2], "replicates": 2}))
    assert len(search.points) == 24
    assert search.settled().trials == 4


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
def test_a_search_trains_each_point_once_and_goes_on_where_it_was(
    sampler: str, tmp_path: Path
) -> None:
    tree = searched(sampler, grid=SPACE | {"replicates": 2})
    whole = run(tree, output=tmp_path / "whole", use_ray=False)
    (recorded,) = read_searches(ResultsDir.at(tmp_path / "whole"))
    distinct = [len({name for names in recorded.points[:n] for name in names}) for n in (10, 24)]
    assert len(recorded.points) == 24
    assert (whole.trained, whole.missing, whole.skipped) == (distinct[1], 0, 0)
    assert run(tree, output=tmp_path / "whole", use_ray=False).trained == 0
    part = run(tree, ["search.budget=10"], output=tmp_path / "parts", use_ray=False)
    assert part.trained == distinct[0]
    rest = run(tree, output=tmp_path / "parts", use_ray=False)
    assert (rest.trained, rest.skipped) == (distinct[1] - distinct[0], distinct[0])
    assert same_rows(tmp_path / "whole", tmp_path / "parts")


@pytest.mark.ray
@pytest.mark.long
@pytest.mark.parametrize("workers", [1, 2])
def test_a_search_trains_the_same_table_on_any_number_of_workers(
    tmp_path: Path, workers: int
) -> None:
    tree = searched(budget=12, grid=SPACE | {"replicates": 2})
    run(tree, output=tmp_path / "none", use_ray=False)
    summary = run(tree, output=tmp_path / "ray", workers=workers)
    assert (summary.trained, summary.failed) == (24, 0)
    assert same_rows(tmp_path / "none", tmp_path / "ray")


def same_rows(one: Path, other: Path) -> bool:
    columns = ["trial_id", "final_loss", "epochs", "stop_reason"]
    tables = [
        read_trials(path, columns="all")[columns].sort_values("trial_id") for path in (one, other)
    ]
    pd.testing.assert_frame_equal(*(table.reset_index(drop=True) for table in tables))
    points = [[search.points for search in read_searches(ResultsDir.at(p))] for p in (one, other)]
    return points[0] == points[1]


@pytest.mark.slow
def test_trials_that_diverge_are_the_worst_and_the_report_shows_the_best(tmp_path: Path) -> None:
    grid = SPACE | {
        "learning_rate": {"from": 0.1, "to": 1e30, "log": True},
        "output_activation": ["identity", "sigmoid"],
    }
    summary = run(searched(grid=grid), output=tmp_path, use_ray=False)
    trials = read_trials(tmp_path, columns="all")
    assert summary.trained == 24
    assert (trials["status"] == Status.DIVERGED).any()
    text = write_report(ResultsDir.at(tmp_path), None).read_text("utf-8")
    directory = ResultsDir.at(tmp_path)
    pruned = find_unwanted(directory, recorded_configs(directory), ended=True)
    assert (len(pruned.removed), pruned.trials) == (0, 24)
    assert "## Search\n\ntpe asked for 24 points, of which 24 are trained." in text
    best = trials.loc[trials["final_loss"].idxmin(), "trial_id"]
    assert best in text.partition("## Search")[2].partition("\n## ")[0]


@pytest.mark.slow
def test_several_objectives_give_a_pareto_front(tmp_path: Path) -> None:
    grid = SPACE | {"topology": ["4-2-4", "4-3-4"]}
    tree = searched("nsga2", grid=grid, objective=["final_loss", "n_parameters"])
    run(tree, output=tmp_path, use_ray=False)
    trials = read_trials(tmp_path, columns="all").set_index("trial_id")
    text = write_report(ResultsDir.at(tmp_path), None).read_text("utf-8")
    table = text.partition("The Pareto front")[2].partition("![")[0]
    front = [str(name) for name in trials.index if str(name) in table]
    pairs = trials[["final_loss", "n_parameters"]]
    expected = [
        str(name)
        for name, row in pairs.iterrows()
        if not ((pairs <= row).all(axis=1) & (pairs < row).any(axis=1)).any()
    ]
    assert sorted(front) == sorted(expected)


def test_the_front_holds_what_none_is_better_than() -> None:
    values = [(1.0, 4.0), (2.0, 2.0), (2.0, 3.0), (3.0, inf), (0.5, 9.0), (2.0, 2.0)]
    assert pareto_front(values) == [4, 0, 1]


@pytest.mark.parametrize(
    ("over", "value"),
    [("median", 2.5), ("mean", 4.0), (Quantile(quantile=0.5), 2.0), (Quantile(quantile=0.9), 10.0)],
)
def test_a_point_is_judged_over_its_seeds(over: Any, value: float) -> None:
    judge = Judge((Objective(column="final_loss"),), over)
    assert judge.judge([(1.0,), (3.0,), (2.0,), (10.0,)]) == (value,)


def test_a_trial_that_diverged_is_the_worst_of_its_seeds() -> None:
    up = Objective(column="argmax_correct", direction="maximise")
    judge = Judge((Objective(column="final_loss"), up), "median")
    row = {"status": "finished", "final_loss": 0.5, "argmax_correct": 3}
    assert judge.values_of(row) == (0.5, -3.0)
    assert judge.values_of(row | {"status": "diverged"}) == (inf, inf)
    assert judge.values_of(row | {"argmax_correct": None}) == (0.5, inf)


@pytest.mark.parametrize(
    ("search", "fault"),
    [
        ({"optuna": "bayes"}, "search.optuna must be one of tpe, gp, cmaes, nsga2 (got 'bayes'"),
        (
            {"optuna": "tpe", "objective": "final_los"},
            "search.objective must be one of epochs, updates, weights_epoch, final_loss, ",
        ),
        (
            {"name": "sobol", "batch": 3},
            "search.batch must stand with optuna alone: points of random and sobol are drawn "
            "beforehand (got 3)",
        ),
        ({"name": "sobol", "optuna": "tpe"}, "search must hold either name: random or sobol, or "),
        ({}, "search must hold either name: random or sobol, or optuna: a sampler (got "),
        (
            {"optuna": "tpe", "objective": "validation_loss"},
            "search.objective must be known of every trial: some data hold no samples out of "
            "training (got validation_loss; give dataset.validation, a share such as 0.2)",
        ),
        (
            {"optuna": "cmaes", "objective": ["final_loss", "epochs"]},
            "search.objective must be one column with cmaes (got final_loss, epochs; nsga2, tpe "
            "and gp take several)",
        ),
        (
            {"optuna": "gp", "objective": ["epochs", "epochs"]},
            "search.objective must name each column once (got epochs, epochs)",
        ),
    ],
)
def test_a_fault_says_what_must_hold(search: dict[str, Any], fault: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_plan(parse_config(small(grid=SPACE, search={"budget": 4} | search)))
    (found,) = caught.value.faults
    assert str(found).partition(": ")[2].startswith(fault)


def test_without_optuna_it_is_said_what_to_install() -> None:
    code = (
        "import json, sys\n"
        "sys.modules['optuna'] = None\n"
        "from sweep import run\n"
        "try:\n    run(json.loads(sys.argv[1]), use_ray=False)\n"
        "except Exception as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(searched())],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "pip install 'autoencoder-sweep[search]'" in done.stdout


def test_trials_of_a_space_are_recognised_in_it() -> None:
    grids = [
        SPACE | {"batch_size": [None, {"from": 1, "to": 3}]},
        {"learning_rate": [20.0, 30.0], "optimizer": "adam"},
    ]
    config = parse_config(small(grid=grids, search={"name": "random", "budget": 30}))
    space = Space(config.expansion)
    for point, names in grid_of_points(
        space, draw_points(space, config.search), config.expansion
    ).trial_ids.items():
        (product,) = space.products([point])
        trial = next(iter(TrialGrid((TrialProduct(product),), {})))
        assert trial.trial_id == names[0]
        chosen = space.recognise(vars(trial))
        assert chosen is not None
        assert space.choose(chosen.__getitem__) == point
    other = parse_config(small(grid={"learning_rate": [3.0], "activation": ["tanh"]}))
    assert all(space.recognise(vars(trial)) is None for trial in expand(other))


@pytest.mark.slow
def test_a_search_learns_from_other_results_that_fit(tmp_path: Path) -> None:
    grid = SPACE | {"replicates": 2}
    run(searched(grid=grid), output=tmp_path / "before", use_ray=False)
    tree = searched(grid=grid, seed=1, warm_start=[str(tmp_path / "before")])
    plan = make_plan(parse_config(tree))
    search = begin_search(plan, ResultsDir.at(tmp_path / "none"), ())
    assert search is not None
    assert search.learnt == 24
    assert run(tree, output=tmp_path / "after", use_ray=False).trained == 48
    wider = searched(grid=grid | {"activation": ["relu"]}, warm_start=[str(tmp_path / "before")])
    search = begin_search(make_plan(parse_config(wider)), ResultsDir.at(tmp_path / "none"), ())
    assert search is not None
    assert search.learnt == 0
