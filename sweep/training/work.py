"""What a worker is given and what it returns, however either travels."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from sweep.engines.state import Lane, LaneState
from sweep.pack import Pack
from sweep.result import TrialResult
from sweep.trial import Trial


class KeepState(StrEnum):
    """Of which trials the last state is kept, to resume from."""

    NONE = "none"
    RESUMABLE = "resumable"  # those of which more was to do, not those asked for `epochs`
    ALL = "all"


class KeepCodes(StrEnum):
    """Of which hidden layers the activations are kept."""

    NONE = "none"
    BOTTLENECK = "bottleneck"
    ALL = "all"


@dataclass(frozen=True)
class RecordOptions:
    """What is kept of a trial beside its row.

    Attributes:
        validation_every: epochs from one loss on held-out samples to the next; None for none but
            those that a trial monitors.
    """

    curves: bool = True
    validation_every: int | None = 1
    weights: bool = True
    state: KeepState = KeepState.RESUMABLE
    ladder: bool = True
    gradients: bool = False
    codes: KeepCodes = KeepCodes.NONE


@dataclass(frozen=True)
class Work:
    """A pack to train.

    Attributes:
        pack: the trials.
        starts: saved states to go on from: trial_id to the arrays of a `LaneState`, one lane wide
            and with one watch column, that of the trial.
        record: what to keep.
        checkpoint: the latest `Checkpoint.data` of an earlier attempt; None to begin.
        attempt: how often the pack has been started, from 1.
        until: the epoch of the last phase after which trials that have not ended stop as pruned,
            to go on later or never; None to train to the end.
    """

    pack: Pack
    starts: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)
    record: RecordOptions = RecordOptions()
    checkpoint: bytes | None = None
    attempt: int = 1
    ray_version: str | None = None
    git_revision: str | None = None
    until: int | None = None

    def lanes(self) -> list[tuple[Trial, ...]]:
        """Return the trials of each lane: those of one path that begin at the same point."""
        lanes: dict[tuple[str, tuple[int, int] | None], list[Trial]] = {}
        for trial in self.pack.trials:
            start = self.starts.get(trial.trial_id)
            lanes.setdefault((trial.path_id, _moment_of(start)), []).append(trial)
        return [tuple(trials) for trials in lanes.values()]


def _moment_of(start: dict[str, np.ndarray] | None) -> tuple[int, int] | None:
    """Return the phase and epoch of a saved state."""
    if start is None:
        return None
    phase = start["phases.phase"][0] if "phases.phase" in start else 0
    return int(phase), int(start["epoch"][0])


@dataclass(frozen=True)
class Finished:
    """Trials that ended."""

    results: tuple[TrialResult, ...]


@dataclass(frozen=True)
class Checkpoint:
    """All that is needed to resume the pack, once every earlier row is stored."""

    data: bytes


@dataclass(frozen=True)
class Progress:
    """How far the pack is.

    Attributes:
        epochs: trained since the last report, summed over lanes.
        trials_done: trials ended since the start of this attempt.
        active: lanes in training, 0 while what trains them is made ready.
        waiting: lanes not yet begun.
        compiling: whether a part of what trains them is being compiled.
    """

    epochs: int
    trials_done: int
    active: int
    waiting: int
    compiling: bool = False


Event = Finished | Checkpoint | Progress


def freeze(state: LaneState | None, active: Sequence[Lane], waiting: Sequence[Lane]) -> bytes:
    """Return lanes in training with their state, and the queue behind them, as bytes."""
    ids = {
        "active": np.array([lane.lane_id for lane in active], "U16"),
        "waiting": np.array([lane.lane_id for lane in waiting], "U16"),
    }
    arrays = state.arrays() if state is not None and active else {}
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **ids, **{f"state.{n}": a for n, a in arrays.items()})
    return buffer.getvalue()


def thaw(data: bytes) -> tuple[LaneState | None, list[str], list[str]]:
    """Return what `freeze` was given: the state, and the ids of lanes in training and waiting."""
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        arrays = dict(archive)
    active, waiting = arrays.pop("active").tolist(), arrays.pop("waiting").tolist()
    if not active:
        return None, [], waiting
    state = {name.removeprefix("state."): array for name, array in arrays.items()}
    return LaneState.of_arrays(state), active, waiting
