"""Feeds packs to Ray Tune. Knows a pack by its name and the resources that it occupies."""

import contextlib
from pathlib import Path
from typing import Any

import ray
from ray.tune.search import Searcher


class PackSearcher(Searcher):
    """Suggests the collector's next pack; waits while there is none, ends when none will come.

    Args:
        collector: handle of the `Collector` actor.
    """

    def __init__(self, collector: Any) -> None:
        super().__init__()
        self._collector = collector
        self._packs: dict[str, str] = {}

    def suggest(self, trial_id: str) -> Any:
        """Return the config of a Tune trial: None to be asked again, `FINISHED` at the end."""
        try:
            offer = ray.get(self._collector.next_offer.remote())
            if offer is None:
                return self.FINISHED if ray.get(self._collector.is_drained.remote()) else None
        except ray.exceptions.ActorDiedError:  # the driver begins a new search
            return self.FINISHED
        self._packs[trial_id] = offer.pack_id
        return {"pack_id": offer.pack_id, "cpus": offer.cpus, "gpus": offer.gpus}

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Tell the collector that a pack is over, after its last attempt."""
        pack_id = self._packs.pop(trial_id)
        with contextlib.suppress(ray.exceptions.ActorDiedError):
            ray.get(self._collector.retire.remote(pack_id, lost=error))

    def save(self, checkpoint_path: str) -> None:
        """Leave a token: the results table, not Tune, knows what is done."""
        Path(checkpoint_path).write_text("")

    def restore(self, checkpoint_path: str) -> None:
        """Do nothing, as nothing was saved."""
