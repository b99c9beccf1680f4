"""Times what proposing points takes, without training any: `python -m bench.proposer`.

Every point comes to a function of its numbers at once, so that all of the time is the sampler's and
the search's own. Processor seconds: the driver proposes in one thread.
"""

import time
from collections.abc import Iterator
from math import log
from typing import Any

import click

from sweep.config import parse_config
from sweep.planning import Plan, make_plan
from sweep.running.search import SearchRun
from sweep.search.proposer import BATCH
from sweep.trial import Trial

SWEEP: dict[str, Any] = {
    "name": "proposer",
    "dataset": {"name": "one-hot", "size": 16},
    "fixed": {
        "output_activation": "sigmoid",
        "loss": "mean_squared_error",
        "initialiser": {"name": "xavier_uniform"},
    },
    "grid": {
        "topology": ["16-4-16", "16-8-4-8-16"],
        "activation": ["sigmoid", "tanh"],
        "learning_rate": {"from": 1e-4, "to": 1e-1, "log": True},
        "weight_decay": {"from": 1e-8, "to": 1e-2, "log": True},
        "hidden_dropout": {"from": 0, "to": 0.5},
        "bias_constant": {"from": -1, "to": 1},
        "optimizer": [
            {"name": "adam", "beta1": {"from": 0.8, "to": 0.99}},
            {"name": "sgd", "momentum": {"from": 0, "to": 0.99}},
        ],
    },
    "convergence": {"epochs": 100},
}
"""A space of eight dimensions, two of them each of one optimizer alone."""


@click.command()
@click.argument("samplers", nargs=-1, type=click.Choice(sorted(BATCH)))
@click.option("--points", default=10_000, help="Points to propose.")
@click.option("--batch", type=int, help="Points proposed at a time. [as the sampler has it]")
def main(samplers: tuple[str, ...], points: int, batch: int | None) -> None:
    """Print the processor seconds of proposing, by the number of points so far."""
    for sampler in samplers or sorted(BATCH):
        for proposed, seconds in times_of(sampler, points, batch):
            each = 1e3 * seconds / proposed
            click.echo(f"{sampler:6} {proposed:7,} points {seconds:9.2f} s {each:8.2f} ms each")


def times_of(sampler: str, points: int, batch: int | None = None) -> Iterator[tuple[int, float]]:
    """Yield how many points were proposed, each time they have doubled, and in how many seconds."""
    asked = {"optuna": sampler, "budget": points, "objective": "final_loss"}
    config = parse_config(SWEEP | {"search": asked | ({"batch": batch} if batch else {})})
    plan = make_plan(config)
    told, began = 1, time.process_time()
    search = SearchRun(plan, {})
    pending: list[Plan] = []
    while (batch_plan := search.advance()) or pending:
        if batch_plan:
            pending.append(batch_plan)
        else:
            trials = map(pending[0].grid.trial, pending.pop(0).rows.tolist())
            search.hear({trial.trial_id: (_loss_of(trial),) for trial in trials})
        if len(search.points) >= 2 * told:
            told = len(search.points)
            yield told, time.process_time() - began
    if len(search.points) > told:
        yield len(search.points), time.process_time() - began


def _loss_of(trial: Trial) -> float:
    """Return a bowl with a valley for each choice."""
    choices = (trial.activation == "tanh") + 0.5 * (trial.optimizer == "sgd")
    bowl = (log(trial.learning_rate) + 5) ** 2 + trial.bias_constant**2 + trial.hidden_dropout
    return float(choices + bowl)


if __name__ == "__main__":
    main()
