"""Runs packs as the trials of one Ray Tune experiment. Knows nothing of results."""

from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.progress_reporter import TrialProgressCallback

from sweep.config.sweepfile import Resources
from sweep.ray.searcher import PackSearcher
from sweep.ray.trainable import resources_of, train


def run_packs(collector: Any, *, sweep: str, resources: Resources, storage: Path) -> None:
    """Run every pack that the collector hands out; return when none is left.

    Args:
        collector: handle of the `Collector` actor.
        sweep: name of the sweep.
        resources: most packs at a time, None for as many as the cluster, which may grow, holds;
            how often a pack that failed is started again; and for how long a worker may be silent.
        storage: folder for what Tune must write, of which nothing is read again.
    """
    trainable = tune.with_parameters(
        train,
        collector=collector,
        sweep=sweep,
        checkpoint_seconds=resources.checkpoint_seconds,
        stall_seconds=resources.stall_seconds,
    )
    tune.Tuner(
        tune.with_resources(trainable, resources_of),
        tune_config=tune.TuneConfig(
            search_alg=PackSearcher(collector),
            num_samples=-1,
            reuse_actors=True,
            max_concurrent_trials=resources.workers,
        ),
        run_config=tune.RunConfig(
            name=sweep,
            storage_path=str(storage),
            verbose=0,
            callbacks=[_Silence()],
            failure_config=tune.FailureConfig(max_failures=resources.retries),
        ),
    ).fit()


class _Silence(TrialProgressCallback):
    """Takes the place of the callback that prints a line a trial whatever `verbose` says."""

    def log_result(self, *args: Any, **kwargs: Any) -> None: ...

    def on_trial_complete(self, *args: Any, **kwargs: Any) -> None: ...
