"""Predicts how many epochs are left, from the trials that have finished.

Paths are counted, not trials: several trials of one path share its training.
"""

from collections import defaultdict
from dataclasses import dataclass, field

from sweep.pack import Pack

LEAST_FINISHED = 3
RANGE = (0.6, 2.0)
"""What the epochs left are, as a share of those predicted. With the margin of speed that `sweep
run` adds, the true end lies within at nine moments of ten of those in `tests/recorded_runs.json`,
runs of a busy machine, with trials of very unlike lengths.
"""
PathKind = tuple[tuple[int, ...], str]
"""Topology and activation: what most decides how long a network trains."""


@dataclass
class _Lengths:
    """Paths of one kind: those still running, those finished, and their epochs."""

    expected: int = 0
    finished: int = 0
    epochs: int = 0

    @property
    def mean(self) -> float:
        """Epochs of a finished path. The mean, as the sum is wanted: medians do not add up."""
        return self.epochs / self.finished


@dataclass
class _Path:
    """A path under way: its kind, its trials without a row, its epochs so far."""

    kind: PathKind
    trials: int
    epochs: int = 0


@dataclass
class Forecast:
    """Predicts the epochs of a run from its finished paths, of `paths` to train in all."""

    paths: int
    _lengths: defaultdict[PathKind, _Lengths] = field(default_factory=lambda: defaultdict(_Lengths))
    _under_way: dict[str, _Path] = field(default_factory=dict)
    _path_of: dict[str, str] = field(default_factory=dict)
    _opened: int = 0

    def open(self, pack: Pack) -> None:
        """Expect the paths of a pack."""
        for trial in pack.trials:
            path_id, kind = trial.path_id, (trial.topology, trial.activation)
            if path_id not in self._under_way:
                self._under_way[path_id] = _Path(kind, 0)
                self._lengths[kind].expected += 1
                self._opened += 1
            self._under_way[path_id].trials += 1
            self._path_of[trial.trial_id] = path_id

    def end(self, trial_id: str, epochs: int | None) -> None:
        """Take note that a trial of an open pack has ended.

        Args:
            trial_id: which; unknown ones and those that have ended before are passed over.
            epochs: trained for it in this run; None if they tell nothing of other trials.
        """
        path_id = self._path_of.pop(trial_id, None)
        if path_id is None:
            return
        path = self._under_way[path_id]
        path.trials -= 1
        path.epochs = max(path.epochs, epochs or 0)
        if not path.trials:
            self._end_path(path_id, path)

    def epochs_left(self, trained: int) -> float | None:
        """Return how many epochs of lanes are likely left; None until a few paths have finished.

        Args:
            trained: epochs trained in this run, all lanes together.
        """
        known = [lengths for lengths in self._lengths.values() if lengths.finished]
        overall = _Lengths(
            finished=sum(lengths.finished for lengths in known),
            epochs=sum(lengths.epochs for lengths in known),
        )
        if overall.finished < LEAST_FINISHED:
            return None
        unopened = max(0, self.paths - self._opened)  # those of a scheduler open at every rung
        expected = unopened * overall.mean + sum(
            lengths.expected * (lengths if lengths.finished >= LEAST_FINISHED else overall).mean
            for lengths in self._lengths.values()
        )
        return epochs_to_go(expected, max(0, trained - overall.epochs))

    def range_left(self, trained: int, most: int) -> tuple[float, float] | None:
        """Return a range that holds the epochs left nine times in ten; None if unknown.

        Args:
            trained: epochs trained in this run, all lanes together.
            most: epochs if every path of the run reaches its limit.
        """
        likely = self.epochs_left(trained)
        if likely is None:
            return None
        low, high = (likely * factor for factor in RANGE)
        possible = max(0.0, most - trained)
        return min(low, possible), min(high, possible)

    def _end_path(self, path_id: str, path: _Path) -> None:
        del self._under_way[path_id]
        lengths = self._lengths[path.kind]
        lengths.expected -= 1
        if path.epochs:
            lengths.finished += 1
            lengths.epochs += path.epochs


def epochs_to_go(expected: float, begun: float) -> float:
    """Return the epochs left of those expected, `begun` being trained on paths not yet ended.

    At least half of those expected: the paths that finish first are the quick ones, and those that
    have trained for longer than the mean will go on for a while.
    """
    return max(expected - begun, expected / 2)
