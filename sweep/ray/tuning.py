"""Keeps workers going as the trials of one Ray Tune experiment, alone or as crews."""

import contextlib
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.tune.progress_reporter import ProgressReporter, TrialProgressCallback
from ray.tune.search import Searcher

from sweep.config.sweepfile import Resources
from sweep.ray.trainable import resources_of, train
from sweep.running.messages import Demand


def run_workers(broker: Any, *, sweep: str, resources: Resources, storage: Path) -> None:
    """Run every worker that the broker asks for; return when none is left.

    A worker whose process dies is started again, however often: the broker counts the failures of
    packs, and gives up those that fail too often.

    Args:
        broker: handle of the `Broker` actor.
        sweep: name of the sweep.
        resources: how often checkpoints are due, and for how long a worker may be silent.
        storage: folder for what Tune must write, of which nothing is read again.
    """
    trainable = tune.with_parameters(
        train,
        broker=broker,
        sweep=sweep,
        checkpoint_seconds=resources.checkpoint_seconds,
        stall_seconds=resources.stall_seconds,
    )
    tune.Tuner(
        tune.with_resources(trainable, resources_of),
        tune_config=tune.TuneConfig(
            search_alg=WorkerSearcher(broker), num_samples=-1, reuse_actors=True
        ),
        run_config=tune.RunConfig(
            name=sweep,
            storage_path=str(storage),
            verbose=0,
            callbacks=[_Silence(), _Losses(broker)],
            progress_reporter=_NoReport(),
            failure_config=tune.FailureConfig(max_failures=-1),
        ),
    ).fit()


class _Silence(TrialProgressCallback):
    """Replaces the callback that prints a line for each trial whatever `verbose` says."""

    def log_result(self, *args: Any, **kwargs: Any) -> None: ...

    def on_trial_complete(self, *args: Any, **kwargs: Any) -> None: ...


class _NoReport(ProgressReporter):
    """Replaces what, in a notebook, clears all that its cell has shown, whatever `verbose` says."""

    def should_report(self, *args: Any, **kwargs: Any) -> bool:
        return False

    def report(self, *args: Any, **kwargs: Any) -> None: ...


class _Losses(tune.Callback):
    """Tells the broker of the workers whose process died and will be started again."""

    def __init__(self, broker: Any) -> None:
        self._broker = broker

    def on_trial_recover(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
        with contextlib.suppress(ray.exceptions.ActorDiedError):
            ray.get([self._broker.lose.remote(worker) for worker in trial.config["workers"]])


class WorkerSearcher(Searcher):
    """Suggests the workers that the broker asks for; ends when it will ask for none again."""

    def __init__(self, broker: Any) -> None:
        super().__init__()
        self._broker = broker
        self._workers: dict[str, tuple[int, ...]] = {}

    def suggest(self, trial_id: str) -> Any:
        """Return the config of a Tune trial: None to be asked again, `FINISHED` at the end."""
        try:
            demand: Demand = ray.get(self._broker.hire.remote())
        except ray.exceptions.ActorDiedError:  # the driver begins a new search
            return self.FINISHED
        if demand.kind is None:
            return self.FINISHED if demand.over else None
        self._workers[trial_id] = demand.workers
        return {"workers": demand.workers, "cpus": demand.kind.cpus, "gpus": demand.kind.gpus}

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Tell the broker that workers have ended for good."""
        workers = self._workers.pop(trial_id)
        with contextlib.suppress(ray.exceptions.ActorDiedError):
            ray.get([self._broker.dismiss.remote(worker) for worker in workers])

    def save(self, checkpoint_path: str) -> None:
        """Leave a token: the results table, not Tune, knows what is done."""
        Path(checkpoint_path).write_text("")

    def restore(self, checkpoint_path: str) -> None:
        """Do nothing, as nothing was saved."""
