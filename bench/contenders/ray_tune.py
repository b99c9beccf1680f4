"""Plain Ray Tune: one trial, one actor, one network; actors reused.

python -m bench.contenders.ray_tune --trials 40 --epochs 2000
"""

import logging
import os
import tempfile

os.environ |= {  # before Ray is imported: the quiet that our own runs have
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
}

import click
import ray
from ray import tune

from bench.contenders.eager import train_seed
from bench.problem import SHALLOW


def trainable(config: dict[str, int]) -> None:
    """Train one network and report once, at the end."""
    tune.report({"loss": train_seed(config["seed"], config["epochs"], SHALLOW)})


@click.command()
@click.option("--trials", type=int, required=True)
@click.option("--epochs", type=int, required=True)
def main(trials: int, epochs: int) -> None:
    """Train as many networks as asked for."""
    os.environ["PYTHONPATH"] = os.getcwd()  # noqa: PTH109 - for the workers to import us
    ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    logging.getLogger("ray.tune").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as directory:
        tuner = tune.Tuner(
            trainable,
            param_space={"seed": tune.grid_search(list(range(trials))), "epochs": epochs},
            tune_config=tune.TuneConfig(reuse_actors=True),
            run_config=tune.RunConfig(storage_path=directory, verbose=0),
        )
        results = tuner.fit()
    assert len(results) == trials, len(results)
    assert not results.errors, results.errors
    click.echo(max((results[i].metrics or {})["loss"] for i in range(trials)))


if __name__ == "__main__":
    main()
