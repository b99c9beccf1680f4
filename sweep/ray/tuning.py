"""Runs packs as the trials of one Ray Tune experiment."""

import contextlib
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.tune.progress_reporter import TrialProgressCallback
from ray.tune.search import Searcher

from sweep.config.sweepfile import Resources
from sweep.ray.trainable import resources_of, train


def run_packs(broker: Any, *, sweep: str, resources: Resources, storage: Path) -> None:
    """Run every pack that the broker hands out; return when none is left.

    Args:
        broker: handle of the `Broker` actor.
        sweep: name of the sweep.
        resources: most packs at a time, None for as many as the cluster, which may grow, holds;
            how often a pack that failed is started again; and for how long a worker may be silent.
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
            search_alg=PackSearcher(broker),
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
    """Replaces the callback that prints a line for each trial whatever `verbose` says."""

    def log_result(self, *args: Any, **kwargs: Any) -> None: ...

    def on_trial_complete(self, *args: Any, **kwargs: Any) -> None: ...


class PackSearcher(Searcher):
    """Suggests the broker's next pack; waits while there is none, ends when none will come."""

    def __init__(self, broker: Any) -> None:
        super().__init__()
        self._broker = broker
        self._packs: dict[str, str] = {}

    def suggest(self, trial_id: str) -> Any:
        """Return the config of a Tune trial: None to be asked again, `FINISHED` at the end."""
        try:
            offer = ray.get(self._broker.next_offer.remote())
            if offer is None:
                return self.FINISHED if ray.get(self._broker.is_drained.remote()) else None
        except ray.exceptions.ActorDiedError:  # the driver begins a new search
            return self.FINISHED
        self._packs[trial_id] = offer.pack_id
        return {"pack_id": offer.pack_id, "cpus": offer.cpus, "gpus": offer.gpus}

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Tell the broker that a pack is over, after its last attempt."""
        pack_id = self._packs.pop(trial_id)
        with contextlib.suppress(ray.exceptions.ActorDiedError):
            ray.get(self._broker.retire.remote(pack_id, lost=error))

    def save(self, checkpoint_path: str) -> None:
        """Leave a token: the results table, not Tune, knows what is done."""
        Path(checkpoint_path).write_text("")

    def restore(self, checkpoint_path: str) -> None:
        """Do nothing, as nothing was saved."""
