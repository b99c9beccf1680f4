"""The comparison of searches: budgets are equal, courses are followed right, rivals train alike."""

import importlib.util
import json
from itertools import product
from math import log10
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import sweep
from bench.search import (
    BUDGET,
    COURSES,
    KEPT,
    METHODS,
    POINTS,
    REFERENCE,
    REPETITIONS,
    asha_points,
    course_of,
    rungs,
    sweep_of,
)
from bench.search_rivals import contest_of
from bench.search_space import EPOCHS, reference, searching
from docs.experiments.source.page import PAGES, figure
from sweep.config import parse_config
from sweep.planning import Plan, make_plan
from sweep.running.options import RunSummary
from sweep.running.search import SearchRun
from sweep.trial import Trial

without_optuna = pytest.mark.skipif(
    importlib.util.find_spec("optuna") is None,
    reason="optuna is not installed: pip install 'autoencoder-sweep[search]'",
)
POINT = {
    "topology": "64-32-16-32-64",
    "activation": "relu",
    "batch_size": 32,
    "noise": 0.05,
    "hidden_dropout": 0.02,
    "weight_decay": 1e-6,
    "learning_rate": 0.01,
    "beta1": 0.9,
}


def _summary(trained: int) -> RunSummary:
    return RunSummary(
        output=Path("results"),
        trained=trained,
        skipped=0,
        derived=0,
        failed=0,
        diverged=0,
        cancelled=0,
        missing=0,
        interrupted=False,
        gave_up=False,
        seconds=4.0,
        proposer_seconds=1.0,
    )


@pytest.mark.parametrize("method", METHODS)
def test_every_method_plans_trials_for_its_budget(method: str) -> None:
    plan = make_plan(parse_config(sweep_of(method, 3)), workers=1)
    assert plan.trials == (707 if method == "asha" else POINTS)


def test_asha_begins_with_as_many_points_as_its_epochs_allow() -> None:
    assert rungs() == [5, 16, 40]
    assert asha_points() == 707
    assert 5 * 707 + 11 * (707 // 3) + 24 * (707 // 9) == 7_992
    assert BUDGET < 5 * 708 + 11 * (708 // 3) + 24 * (708 // 9)


def test_the_space_has_eight_dimensions_and_the_reference_levels_of_each() -> None:
    plan = make_plan(parse_config(reference()), workers=1)
    assert plan.trials == 3 * 2 * 5 * 3 * 3 * 3 * 6 * 3 == 14_580
    names = ["topology", "activation", "batch_size", "input_noise_scale", "hidden_dropout"]
    names += ["weight_decay", "learning_rate", "optimizer_beta1"]
    drawn = make_plan(parse_config(searching({"name": "sobol", "budget": 64})), workers=1).grid
    assert all(len({getattr(t, name) for t in drawn}) > 1 for name in names)


def test_a_course_keeps_where_the_best_fell_and_its_end() -> None:
    steps = [(5, 0.3), (5, np.nan), (5, 0.2), (1, 0.4)]
    choices = [("64-16-64", "relu", 16)] * 2 + [("64-32-64", "tanh", 32)] * 2
    trials = pd.DataFrame(choices, columns=["topology", "activation", "batch_size"])
    course = course_of("random", 2, trials, steps, _summary(4))
    assert (course.epochs, course.losses) == ([5, 15, 16], [0.3, 0.2, 0.2])
    assert (course.points, course.combinations) == (4, 1)
    assert (course.seconds, course.proposer_seconds) == (4.0, 1.0)


def test_a_contest_counts_what_ended_in_time() -> None:
    ends = [(5.0, 0.3), (11.0, 0.1), (29.0, 0.2), (61.0, 0.05)]
    contest = contest_of("ours", "theirs", ends, 60.0)
    assert (contest.trials, contest.a_minute) == (3, 3.0)
    assert contest.best == [0.3, 0.1, 0.1, 0.1]


def test_a_contest_has_no_best_before_the_first_trial() -> None:
    assert contest_of("ours", "theirs", [(9.0, 0.3)], 60.0).best == [None, 0.3, 0.3, 0.3]


def test_the_kept_courses_are_those_of_every_search_within_its_budget() -> None:
    kept = [json.loads(line) for line in (KEPT / COURSES).read_text("utf-8").splitlines()]
    found = sorted((course["method"], course["repetition"]) for course in kept)
    assert found == sorted(product(METHODS, range(REPETITIONS)))
    for course in kept:
        asha = course["method"] == "asha"
        assert course["points"] == (asha_points() if asha else POINTS), course
        assert course["epochs"][-1] == (7_992 if asha else BUDGET), course
        assert (np.diff(course["epochs"]) > 0).all(), course
        assert (np.diff(course["losses"]) <= 0).all(), course


def test_the_kept_reference_is_the_whole_grid() -> None:
    kept = json.loads((KEPT / REFERENCE).read_text("utf-8"))
    assert (kept["trials"], kept["epochs"]) == (14_580, 14_580 * EPOCHS)
    assert kept["least"] == sorted(kept["least"])


@pytest.mark.reproduce
def test_the_figure_of_the_page_is_what_the_courses_give() -> None:
    assert (PAGES / "figures" / "search.png").read_bytes() == figure("search")


@pytest.mark.slow
@without_optuna
def test_tpe_goes_on_trying_choices_that_hardly_matter() -> None:
    asked = searching({"optuna": "tpe", "budget": 100})
    search = SearchRun(make_plan(parse_config(asked), workers=1), {})
    pending: list[Plan] = []
    trials: list[Trial] = []
    while (plan := search.advance()) or pending:
        if plan:
            pending.append(plan)
        else:
            done = pending.pop(0)
            ended = [done.grid.trial(row) for row in done.rows.tolist()]
            search.hear({trial.trial_id: (_bowl(trial),) for trial in ended})
            trials += ended
    assert len({(t.topology, t.activation, t.batch_size) for t in trials[50:]}) > 5


def _bowl(trial: Trial) -> float:
    """Return a loss for which topology and batch size are all the same."""
    far = (log10(trial.learning_rate) + 2) ** 2 + trial.hidden_dropout + trial.input_noise_scale
    return float(far + 0.01 * (trial.activation == "relu"))


@pytest.mark.slow
@without_optuna
def test_the_plain_loop_ends_where_the_sweep_does(tmp_path: Path) -> None:
    from bench.contenders.optuna_loop import samples, train

    torch.set_num_threads(1)
    theirs = train(POINT, *samples())
    fixed = {name: POINT[name] for name in ("topology", "activation", "batch_size")}
    fixed |= {name: POINT[name] for name in ("hidden_dropout", "weight_decay", "learning_rate")}
    fixed |= {"input_noise": {"name": "gaussian", "scale": POINT["noise"]}}
    fixed |= {"optimizer": {"name": "adam", "beta1": POINT["beta1"]}}
    file = reference()
    one = {**file, "fixed": {**file["fixed"], **fixed}, "grid": {"replicates": 5}}
    sweep.run(one, output=tmp_path, use_ray=False)
    losses = sweep.read_trials(tmp_path, columns="all")["validation_loss"].astype(float)
    assert 0.8 * losses.min() < theirs < 1.25 * losses.max(), (theirs, losses.tolist())
