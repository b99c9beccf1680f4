"""What trials were worth at rungs, from the tables that are kept of them.

The value at a rung is the loss that the curve has of the last epoch up to it: of the rung itself,
or of the trial's end where that came before.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Bool, Float64, Int64

from sweep.trial import Status

TRIALS = ("trial_id", "status", "epochs", "final_loss", "validation_loss")
CURVES = ("trial_id", "phase", "epoch", "loss", "validation_loss")
"""The columns that values follow from."""
FINAL = {"loss": "final_loss", "validation_loss": "validation_loss"}
ENDED = (Status.FINISHED, Status.DIVERGED, Status.FAILED)
WORTHLESS = (Status.DIVERGED, Status.FAILED)


@dataclass(frozen=True)
class RungValues:
    """What some trials were worth.

    Attributes:
        trial_ids: which.
        ended: whether each has ended for good.
        losses: by metric, the loss of each at each rung: inf where it has diverged or failed, nan
            where it has not come so far.
    """

    trial_ids: list[str]
    ended: Bool[np.ndarray, " trials"]
    losses: dict[str, Float64[np.ndarray, "trials rungs"]]


def values_at(rungs: Int64[np.ndarray, " rungs"], trials: pa.Table, curves: pa.Table) -> RungValues:
    """Return what trials were worth at rungs.

    Args:
        rungs: epochs, ascending.
        trials: rows of the table `trials`, each of another trial.
        curves: rows of the table `curves`, of these trials and perhaps of others.
    """
    ids = trials["trial_id"].combine_chunks()
    status = np.array(trials["status"].to_pylist(), object)
    epochs = trials["epochs"].to_numpy()
    ended = np.isin(status, ENDED)
    lost = np.isin(status, WORTHLESS)[:, None] & (rungs >= epochs[:, None])
    known = ended[:, None] | (rungs <= epochs[:, None])
    points = _Points.of(ids, curves)
    losses = {}
    for metric, final in FINAL.items():
        values = points.at(rungs, metric, len(ids))
        last = trials[final].to_numpy(zero_copy_only=False).astype(np.float64)
        kept = np.where(np.isnan(values) & ended[:, None], last[:, None], values)
        kept[lost | (known & ended[:, None] & ~np.isfinite(kept))] = np.inf
        losses[metric] = np.where(known, kept, np.nan)
    return RungValues(ids.to_pylist(), ended, losses)


def lacking_at(
    rungs: Int64[np.ndarray, " rungs"], trials: pa.Table, curves: pa.Table, metric: str
) -> int:
    """Return how many trials lack the loss of a rung that they passed.

    Args:
        rungs: epochs that curves keep, ascending.
        trials: rows of the table `trials`.
        curves: rows of the table `curves`.
        metric: which loss.
    """
    points = _Points.of(trials["trial_id"].combine_chunks(), curves)
    passed = rungs < trials["epochs"].to_numpy()[:, None]
    return int((passed & ~points.have(rungs, metric, len(trials))).any(axis=1).sum())


@dataclass(frozen=True)
class _Points:
    """The recorded points of trials in their last phase, ascending by trial and epoch."""

    trials: Int64[np.ndarray, " points"]
    epochs: Int64[np.ndarray, " points"]
    losses: dict[str, Float64[np.ndarray, " points"]]

    @classmethod
    def of(cls, ids: pa.Array, curves: pa.Table) -> "_Points":
        places = pc.index_in(curves["trial_id"], value_set=ids)
        curves = curves.filter(pc.is_valid(places))
        trials = pc.drop_null(places).to_numpy().astype(np.int64)
        phases = curves["phase"].to_numpy().astype(np.int64)
        last = np.zeros(len(ids), np.int64)
        np.maximum.at(last, trials, phases)
        epochs = curves["epoch"].to_numpy()
        rows = np.flatnonzero(phases == last[trials])
        rows = rows[np.lexsort((epochs[rows], trials[rows]))]
        losses = {
            name: curves[name].to_numpy(zero_copy_only=False).astype(np.float64)[rows]
            for name in FINAL
        }
        return cls(trials[rows], epochs[rows], losses)

    def at(
        self, rungs: Int64[np.ndarray, " rungs"], metric: str, n_trials: int
    ) -> Float64[np.ndarray, "trials rungs"]:
        """Return the loss of the last point up to each rung, nan where there is none."""
        taken = ~np.isnan(self.losses[metric])
        trials, epochs = self.trials[taken], self.epochs[taken]
        losses = np.append(self.losses[metric][taken], np.nan)
        places = _last_places(trials, epochs, rungs, n_trials)
        own = np.append(trials, -1)[places] == np.arange(n_trials)[:, None]
        return np.asarray(np.where(own, losses[places], np.nan))

    def have(
        self, rungs: Int64[np.ndarray, " rungs"], metric: str, n_trials: int
    ) -> Bool[np.ndarray, "trials rungs"]:
        """Return whether there is a point at each rung itself."""
        taken = ~np.isnan(self.losses[metric])
        trials, epochs = self.trials[taken], self.epochs[taken]
        places = _last_places(trials, epochs, rungs, n_trials)
        own = np.append(trials, -1)[places] == np.arange(n_trials)[:, None]
        return np.asarray(own & (np.append(epochs, -1)[places] == rungs))


def _last_places(
    trials: Int64[np.ndarray, " points"],
    epochs: Int64[np.ndarray, " points"],
    rungs: Int64[np.ndarray, " rungs"],
    n_trials: int,
) -> Int64[np.ndarray, "trials rungs"]:
    """Return the last point up to each rung, perhaps of a trial before; -1 for none."""
    span = int(max(epochs.max(initial=0), rungs.max(initial=0))) + 1
    ends = np.arange(n_trials)[:, None] * span + rungs
    return np.asarray(np.searchsorted(trials * span + epochs, ends, side="right") - 1)
