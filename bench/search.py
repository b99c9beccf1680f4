"""Trains searches at equal epochs, and a grid to hold them to: `python -m bench.search`.

What came of them is kept beside the page that tells of it, docs/experiments/search.md. A second run
goes on where the first was broken off, and two may share the work: `--only` names methods.
"""

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from math import floor
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd

import sweep
from bench.processes import ROOT
from bench.search_space import CHOICES, EPOCHS, NAME, reference, searching
from bench.stopwatch import say
from sweep.running.options import RunSummary
from sweep.scheduling.rungs import rung_epochs
from sweep.store.places.layout import ResultsDir
from sweep.store.searches import read_searches

KEPT = ROOT / "docs" / "experiments" / "source"
COURSES, REFERENCE = "search_courses.jsonl", "search_reference.json"
BUDGET = 8_000
"""Epochs of a search, over all its trials."""
POINTS = BUDGET // EPOCHS
REPETITIONS = 10
FIRST_RUNG, ETA = 5, 3.0
KEPT_LOSSES = 4_000
"""Least losses of the reference grid that are kept."""
DIGITS = 7
METHODS: Mapping[str, dict[str, Any]] = {
    "random": {"name": "random"},
    "sobol": {"name": "sobol"},
    "tpe": {"optuna": "tpe"},
    "cmaes": {"optuna": "cmaes"},
    "asha": {"name": "sobol"},
}


@dataclass(frozen=True)
class Course:
    """How the least held-out loss came down in a search.

    Attributes:
        points: how many were begun.
        combinations: of the choices, how many are among the later half of the points.
        epochs: trained so far, wherever the least loss fell, and at the end.
        losses: the least so far, of each of them.
        seconds: of the run, by the clock. proposer_seconds: of these, spent on proposing.
    """

    method: str
    repetition: int
    points: int
    combinations: int
    epochs: list[int]
    losses: list[float]
    seconds: float
    proposer_seconds: float


def sweep_of(method: str, repetition: int) -> dict[str, Any]:
    """Return the sweep of a method, whose seed is the number of the repetition."""
    asked = METHODS[method] | {"seed": repetition}
    if method != "asha":
        return searching(asked | {"budget": POINTS})
    scheduler = {"name": "asha", "first_rung": FIRST_RUNG, "eta": ETA}
    record = {"weights": False, "ladder": False, "state": "all"}
    return searching(asked | {"budget": asha_points()}, scheduler=scheduler, record=record)


def rungs() -> list[int]:
    """Return the epochs up to which trials under ASHA train at once."""
    return [*rung_epochs(FIRST_RUNG, ETA, EPOCHS).tolist(), EPOCHS]


def asha_points() -> int:
    """Return how many points ASHA can begin with in the budget."""
    return max(n for n in range(1, BUDGET) if _asha_epochs(n) <= BUDGET)


def _asha_epochs(points: int) -> int:
    steps = np.diff([0, *rungs()]).tolist()
    left = [max(1, floor(points / ETA**stage + 1e-9)) for stage in range(len(steps))]
    return sum(step * n for step, n in zip(steps, left, strict=True))


def train(method: str, repetition: int, folder: Path) -> Course:
    """Train a search into a folder of its own, or the rest of it; say how it came down."""
    results = folder / f"{method}-{repetition}"
    summary = sweep.run(sweep_of(method, repetition), output=results, use_ray=False)
    _require_whole(summary)
    trials = _in_order(results)
    steps = list(_rungs_of(trials, results) if method == "asha" else _ends_of(trials))
    course = course_of(method, repetition, trials, steps, summary)
    shutil.rmtree(results)
    return course


def course_of(
    method: str,
    repetition: int,
    trials: pd.DataFrame,
    steps: list[tuple[int, float]],
    summary: RunSummary,
) -> Course:
    """Follow the least loss through the epochs trained, a step a trial and rung.

    Args:
        method: of the search.
        repetition: which of the method's.
        trials: of the points, in order.
        steps: epochs trained and the held-out loss after them, nan for none, in order.
        summary: of the run.
    """
    epochs = np.cumsum([step for step, _ in steps])
    losses = np.fmin.accumulate([loss for _, loss in steps])
    fell = np.flatnonzero(np.diff(losses, prepend=np.inf) < 0).tolist()
    kept = [*fell, *([] if fell[-1:] == [len(steps) - 1] else [len(steps) - 1])]
    assert epochs[-1] <= BUDGET, epochs[-1]
    return Course(
        method=method,
        repetition=repetition,
        points=len(trials),
        combinations=len(trials[list(CHOICES)].iloc[len(trials) // 2 :].drop_duplicates()),
        epochs=epochs[kept].tolist(),
        losses=losses[kept].round(DIGITS).tolist(),
        seconds=round(summary.seconds, 2),
        proposer_seconds=round(summary.proposer_seconds, 2),
    )


def _ends_of(trials: pd.DataFrame) -> Iterator[tuple[int, float]]:
    """Yield the epochs and the loss of each point."""
    yield from zip(trials["epochs"], trials["validation_loss"].astype(float), strict=True)


def _rungs_of(trials: pd.DataFrame, results: Path) -> Iterator[tuple[int, float]]:
    """Yield the epochs of each point up to a rung and its loss there, rung by rung."""
    curves = sweep.read_curves(results).set_index(["trial_id", "epoch"])
    losses = curves["validation_loss"].astype(float)
    before = 0
    for rung in rungs():
        for trial_id, epochs in trials["epochs"].items():
            if epochs > before:
                until = min(int(epochs), rung)
                yield until - before, float(losses.get((trial_id, until), np.nan))
        before = rung


def _in_order(results: Path) -> pd.DataFrame:
    """Return the trial of each point, in the order in which they were asked for."""
    (search,) = read_searches(ResultsDir(results))
    asked = [trial_id for point in search.points for trial_id in point]
    trials: pd.DataFrame = sweep.read_trials(results, columns="all").set_index("trial_id")
    return trials.loc[list(dict.fromkeys(asked))]


def train_reference(folder: Path) -> dict[str, Any]:
    """Train the reference grid; return the least of its losses, ascending, and the best setting."""
    results = folder / "reference"
    summary = sweep.run(reference(), output=results, use_ray=False)
    _require_whole(summary)
    trials = sweep.read_trials(results, columns="all").sort_values("validation_loss")
    losses = trials["validation_loss"].astype(float).round(DIGITS).tolist()
    names = ["topology", "activation", "batch_size", "input_noise_scale", "hidden_dropout"]
    names += ["weight_decay", "learning_rate", "optimizer_beta1"]
    best = {name: trials[name].iloc[0] for name in names}
    plain = {name: v.item() if hasattr(v, "item") else v for name, v in best.items()}
    epochs = int(trials["epochs"].sum())
    shutil.rmtree(results)
    return {"trials": len(trials), "epochs": epochs, "best": plain, "least": losses[:KEPT_LOSSES]}


def _require_whole(summary: RunSummary) -> None:
    if summary.interrupted:
        raise KeyboardInterrupt
    assert not summary.failed, summary


def known(path: Path) -> list[dict[str, Any]]:
    """Return the courses that are kept."""
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]


@click.command()
@click.option("--only", multiple=True, type=click.Choice([*METHODS, "reference"]))
@click.option("--repetitions", default=REPETITIONS, show_default=True)
@click.option(
    "--scratch",
    type=click.Path(path_type=Path, file_okay=False),
    default=ROOT / "results" / NAME,
    help="Where a search is while it trains.",
)
def main(only: tuple[str, ...], repetitions: int, scratch: Path) -> None:
    """Train what is missing: ten repetitions of each method, and the reference grid."""
    path = KEPT / COURSES
    for repetition in range(repetitions):
        for method in METHODS:
            done = {(course["method"], course["repetition"]) for course in known(path)}
            if (method, repetition) in done or (only and method not in only):
                continue
            course = train(method, repetition, scratch)
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(course)) + "\n")
            say(f"{method} {repetition}: {course.losses[-1]} after {course.epochs[-1]:,} epochs")
    if not (KEPT / REFERENCE).exists() and (not only or "reference" in only):
        found = train_reference(scratch)
        (KEPT / REFERENCE).write_text(json.dumps(found) + "\n", "utf-8")
        say(f"reference: {found['least'][0]}, {found['best']}")


if __name__ == "__main__":
    main()
